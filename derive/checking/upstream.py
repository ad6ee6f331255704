"""A loss that is only named: the gradient that comes from upstream is a free symbol.

Where a document differentiates L and never says what L is, or says L = L(a) and no more, L can be any function of
what the document defines last: dL = ⟨Ḡ, dy⟩ with Ḡ = ∂L/∂y of y's shape.  As far as first derivatives go, L is
⟨Ḡ, y⟩ with Ḡ held constant, and so the chain rule through y is checked for all losses at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..expr import Expr, symbol, symbols_of
from ..operations import add, inner, mul
from .claims import DERIVATIVES, Claims, parts_of
from .trees import Tree
from .values import Indexed, Scope


def named_losses(reading: Claims, definitions: Sequence[tuple[str, Tree]]) -> list[str]:
    """The names that are differentiated by something and never defined."""
    scope = reading.scope
    defined = {name for name, _ in definitions} | set(scope.broken)
    found: dict[str, None] = {}
    for t in parts_of(reading.claims):
        if t.kind == "derivative" and t.data[0] == 1 and t.args[0].kind == "name":
            name = str(t.args[0].data[0])
            if name not in defined and str(t.args[0].data[1]) not in defined and name not in scope.aliases:
                found[name] = None
    return list(found)


def give_upstream(reading: Claims, definitions: Sequence[tuple[str, Tree]]) -> None:
    """Define each loss that is only named by its upstream gradients."""
    scope = reading.scope
    names = named_losses(reading, definitions)
    if not names:
        return
    if scope.loss is not None and scope.symbols[scope.loss].is_scalar:
        return  # the one loss of the scope, by another name
    plain = {n: t for n, t in definitions if not any(x.kind in DERIVATIVES for x in t.walk())}
    values = {n: scope.symbols[n] for n in plain if scope.symbols.get(n) in scope.definitions}
    inner_names = {s.name for made in values.values() for s in symbols_of(scope.definitions[made])}
    tops = [made for n, made in values.items() if n not in inner_names]
    if not tops:
        return
    for name in names:
        if name in values:
            continue
        loss = symbol(name, 1, 1)
        terms: list[Expr] = []
        for top in tops:
            if any(s.name == name for s in symbols_of(scope.inline(top))):
                continue  # y = A x beside ∂x/∂z: x is no loss of y
            gradient = symbol(f"{name}_bar_{top.name}", *top.shape, properties=["constant"])
            scope.upstream[gradient] = (loss, top)
            terms.append(mul(gradient, top) if top.is_scalar else inner(gradient, top))
        if not terms:
            continue
        scope.symbols[name] = loss
        scope.definitions[loss] = add(*terms)
    scope.loss = scope.loss or next((n for n in names if n in scope.symbols), None)


def only_named(scope: Scope, truth: Expr | Indexed, value: Expr | Indexed) -> list[str]:
    """The losses that are nowhere defined, where a side says what their derivative is without naming one."""
    made, met = (
        {s for s in symbols_of(scope.inline(v.expr if isinstance(v, Indexed) else v)) if s in scope.upstream}
        for v in (truth, value)
    )
    return [] if met else list(dict.fromkeys(scope.upstream[s][0].text() for s in made))
