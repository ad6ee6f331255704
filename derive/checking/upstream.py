"""A loss that is only named: the gradient that comes from upstream is a free symbol.

Where a document differentiates L and never says what L is, or says L = L(a) and no more, L can be any function of
what the document defines last: dL = ⟨Ḡ, dy⟩ with Ḡ = ∂L/∂y of y's shape.  As far as first derivatives go, L is
⟨Ḡ, y⟩ with Ḡ held constant, and so the chain rule through y is checked for all losses at once.

A line that says what one of these gradients is, ∂L/∂z = p − y, is taken at its word: it says of L what is needed, and
the lines behind it are judged by it, L being a function of what its gradient is said by and of nothing before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..expr import Expr, substitute, symbol, symbols_of
from ..operations import add, inner, mul
from .backward import LOSSES
from .claims import DERIVATIVES, Claim, Claims, Side, parts_of
from .conditional import chain_of, per_sample
from .derivatives import TreeBuilder, whole_of
from .judgments import Alternative, Judgment, wide
from .roles import given as formula_of
from .roles import names_of, variables_of
from .trees import Tree, is_chain
from .trees import name as name_tree
from .values import Indexed, Scope

if TYPE_CHECKING:
    from .verdicts import Judge


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


def sides_of_gradients(
    chains: Sequence[Sequence[Claim]], losses: Sequence[str], definitions: Sequence[tuple[str, Tree]]
) -> list[Tree]:
    """What has the shape of what it is the gradient by: z + (p − y) for ∂L/∂z = p − y of an L that is only named.

    That settles the letters that no definition has.
    """
    found = []
    known = {n for head, body in definitions for n in (head, *names_of(body))}
    for chain in chains:
        trees = [side.tree for claim in chain for side in claim.sides if side.tree is not None]
        for tree in trees:
            links = tree.args if tree.kind == "prod" and is_chain(tree) else [tree]
            names = [str(t.args[0].data[0]) for t in links if t.kind == "derivative" and t.args[0].kind == "name"]
            if len(names) != len(links) or not set(names) & set(losses):
                continue
            variable = links[-1 if names[0] in losses else 0].args[1]
            if variable.kind == "name" and str(variable.data[0]) in known:
                plain = [t for t in trees if not any(x.kind in DERIVATIVES for x in t.walk())]
                found += [Tree("sum", [variable, t]) for t in plain if names_of(t) - known]
    return found


def give_upstream(reading: Claims, definitions: Sequence[tuple[str, Tree]]) -> None:
    """Define each loss that is only named by its upstream gradients."""
    scope = reading.scope
    names = named_losses(reading, definitions)
    if not names:
        return
    if scope.loss is not None and scope.symbols[scope.loss].is_scalar:
        made = scope.symbols[scope.loss]
        used = {n for c in reading.claims for side in c.sides for n in variables_of(side.tree)} & set(scope.symbols)
        if scope.loss in LOSSES or not used or any(_rests_on(made, scope.symbols[n], scope) for n in used):
            return  # the one loss of the scope, by another name
        scope.loss = None
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
            terms.append(_paired(gradient, top))
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


def _paired(gradient: Expr, top: Expr) -> Expr:
    return mul(gradient, top) if top.is_scalar else inner(gradient, top)


def _rests_on(value: Expr, at: Expr, scope: Scope) -> bool:
    """Whether a value is a function of what a name stands for."""
    waiting, seen = [value], set()
    while waiting:
        for s in symbols_of(waiting.pop()):
            if s is at:
                return True
            if s in scope.definitions and s not in seen:
                seen.add(s)
                waiting.append(scope.definitions[s])
    return False


class StatedGradient:
    """What a line says a gradient of a loss is that is only named: ∂L/∂z = p − y."""

    __slots__ = ("number", "at", "slope", "scope", "stand_in", "tree", "is_carried")

    def __init__(
        self, number: int, loss: Expr, at: Expr, slope: Expr, scope: Scope, tree: Tree | None, is_carried: bool = False
    ) -> None:
        self.number = number
        self.tree = tree
        self.is_carried = is_carried  # from a section before, whose loss may be another one: no line fails by it
        self.at = at
        self.slope = slope
        self.stand_in = symbol(f"{loss.name}_given_{at.name}", *at.shape, properties=["constant"])
        beside = [
            (gradient, top)
            for gradient, (held, top) in scope.upstream.items()
            if held is loss and not _rests_on(top, at, scope)
        ]
        terms = [_paired(gradient, top) for gradient, top in [(self.stand_in, at), *beside]]
        self.scope = scope.local({loss: add(*terms)})

    def value(self, head: Tree, truth: Alternative) -> Expr | None:
        """The head of a line, as it is if the gradient is what is said."""
        found = whole_of(self.scope, head, None, truth.reading)
        return substitute(self.scope.inline(found), {self.stand_in: self.slope}) if found is not None else None


def handed_down(
    judge: Judge, claim: Claim, side: Side, head: Tree | None, truths: Sequence[Alternative], value: Expr | Indexed
) -> Judgment | None:
    """The verdict on what is said of a loss that is only named: the first line is taken at its word, others judged."""
    if not isinstance(value, Expr) or not only_named(judge.scope, truths[0].value, value):
        return None
    said = as_said(judge, side, head, truths)
    if said is not None:
        return _by_given(judge, said[0], side, said[1], value)
    loss, head = _only_loss(judge, truths[0]), _spelled_out(judge, head)
    at = _by_what(judge, loss, head, truths[0], value) if loss is not None and head is not None else None
    if loss is None or at is None or loss in judge.given and not judge.given[loss].is_carried:
        return None
    judge.given[loss] = StatedGradient(claim.number, loss, at, judge.whole(value), judge.scope, side.tree)
    judge.introduced |= dict.fromkeys(symbols_of(judge.whole(value)), -1)
    judgment = Judgment("assumption", f"{loss.text()} is not defined: this says what its derivative is", side)
    judgment.value = value
    return judgment


def carry(judge: Judge, before: Judge | None) -> None:
    """Take over what sections before say of losses that are only named, as far as their formulas are at hand."""
    losses = {loss.name: loss for loss, _ in judge.scope.upstream.values()}
    for held, given in before.given.items() if before is not None else ():
        loss, at = losses.get(held.name), judge.scope.symbols.get(given.at.name)
        if loss is None or at is None or given.at.name not in judge.document.inherited:
            continue
        slope = whole_of(judge.scope, given.tree, at.shape)
        if slope is not None and at in judge.scope.definitions:
            whole = judge.whole(slope)
            judge.given[loss] = StatedGradient(given.number, loss, at, whole, judge.scope, given.tree, True)


def as_said(
    judge: Judge, side: Side, head: Tree | None, truths: Sequence[Alternative]
) -> tuple[StatedGradient, Alternative] | None:
    """The truth by what a line before says of the loss, where a side does not name the loss."""
    loss, head = _only_loss(judge, truths[0]) if truths else None, _spelled_out(judge, head)
    given = judge.given.get(loss) if loss is not None else None
    if given is None or head is None or loss is None or loss.name in names_of(side.tree):
        return None
    named = [judge.scope.symbols[n] for n in names_of(side.tree) if n in judge.scope.symbols]
    if any(s in judge.scope.upstream for s in symbols_of(*map(judge.scope.inline, named))):
        return None
    found = given.value(head, truths[0])
    return (given, Alternative(found, truths[0].reading, set(truths[0].used))) if found is not None else None


def _only_loss(judge: Judge, truth: Alternative) -> Expr | None:
    """The one loss that is only named of which a derivative stands in a value."""
    met = symbols_of(judge.whole(wide(truth.value)))
    losses = {judge.scope.upstream[s][0] for s in met if s in judge.scope.upstream}
    return losses.pop() if len(losses) == 1 else None


def _spelled_out(judge: Judge, head: Tree | None) -> Tree | None:
    """∂L/∂z for δ, which a line defines so."""
    if head is None or head.kind != "name":
        return head
    claims = [c for c in judge.document.claims if c.is_definition and c.name == head.data[0]]
    return formula_of(claims[0]).tree if claims else None


def _by_given(judge: Judge, given: StatedGradient, side: Side, truth: Alternative, value: Expr) -> Judgment | None:
    """A side against what a line before says of the loss."""
    source = f"by ∂L/∂{given.at.text()} of line {given.number}"
    if not judge.same(truth.value, value) and (chain := chain_of(judge, side)) is not None:
        value = chain.value if isinstance(chain.value, Expr) else value  # (p − y) ∂z/∂W
    if judge.same(truth.value, value):
        judgment = Judgment(judge.proof(truth.value, value), source, side)
        judgment.value = value
        return judgment
    mean = per_sample(judge, [truth], value, side)
    if mean is not None:
        return mean
    if given.is_carried or not set(symbols_of(judge.whole(value))) <= set(symbols_of(wide(truth.value))):
        return None
    judgment = Judgment("fails", f"it differs from what it is {source}", side)
    judgment.truth, judgment.value, judgment.truths, judgment.tree = truth.value, value, [truth.value], side.tree
    return judgment


def _by_what(judge: Judge, loss: Expr, head: Tree, truth: Alternative, value: Expr) -> Expr | None:
    """By what the loss is differentiated where a line says its gradient."""
    for t in reversed([t for t in head.walk() if t.kind == "derivative" and t.data[0] == 1]):
        at = TreeBuilder(judge.scope).lookup(str(t.args[1].data[0])) if t.args[1].kind == "name" else None
        if at is None or at not in judge.scope.definitions or at.shape != value.shape:
            continue
        slope = Tree("derivative", [name_tree(loss.name), t.args[1]], (1,), t.span)
        found = whole_of(judge.scope, slope, None, truth.reading)
        if found is not None and judge.same(found, truth.value):
            return at
    return None
