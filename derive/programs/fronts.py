"""Where a scalar factor that several outputs share is multiplied: once, into the smallest array they are linear in.

With L = 1/N Σ …, each of ∂L/∂W₁, ∂L/∂b₁, … is 1/N times something that is linear in the cotangent of the last
layer, and that one is N × k.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from .constructors import Products
from .costs import Cost
from .terms import UNIT, Powers, Term, Value, values_below

BILINEAR = frozenset(("product", "outer", "row_dots"))
LINEAR = frozenset("row_sums diagonal Diag vec unvec submatrix cumsum cumsum_back".split())
LINEAR_IN_THE_SECOND = frozenset(("solve", "spd_solve"))


class Linearity:
    """In which values below it each value is linear, as sets of bits."""

    def __init__(self, order: Sequence[Value]) -> None:
        self.bits = {value: 1 << i for i, value in enumerate(order)}
        self.below: dict[Value, int] = {}
        self.linear: dict[Value, int] = {}
        for value in order:
            own = self.bits[value]
            below = own
            for term in value.args:
                below |= self.needed(term)
            self.below[value] = below
            self.linear[value] = own | self.inner(value)

    def needed(self, term: Term) -> int:
        found = 0
        for part in term.parts():
            found |= self.below[part]
        return found

    def of(self, term: Term, *others: Term) -> int:
        """What the term is linear in, and neither its scalars nor the others depend on."""
        if term.value is None:
            return 0
        found = self.linear[term.value]
        for scalar, _ in term.powers:
            found &= ~self.below[scalar]
        for other in others:
            found &= ~self.needed(other)
        return found

    def inner(self, value: Value) -> int:
        args = value.args
        if value.kind == "sum":
            return common(self.of(term) for term in args)
        if value.kind == "stack":
            pairs = zip(args[::2], args[1::2], strict=True)
            return common(self.of(u, v) | self.of(v, u) for u, v in pairs)
        if value.kind == "entries":
            found = 0
            for i, (term, (_, exponent)) in enumerate(zip(args, value.data, strict=True)):
                if exponent == 1:
                    found |= self.of(term, *args[:i], *args[i + 1 :])
            return found
        if value.kind in BILINEAR:
            return self.of(args[0], args[1]) | self.of(args[1], args[0])
        if value.kind in LINEAR_IN_THE_SECOND:
            return self.of(args[1], args[0])
        return self.of(args[0]) if value.kind in LINEAR else 0


def common(sets: Iterable[int]) -> int:
    found = -1
    for each in sets:
        found &= each
    return found


def moved(graph: Products, roots: Sequence[Term], cost: Callable[[Cost], float]) -> list[Term]:
    """The outputs, a factor that several share multiplied into a smaller array that all are linear in."""
    shared: dict[tuple[Fraction, Powers], list[Term]] = {}
    for term in (part for root in roots for part in summands(root)):
        if term.value is not None and not term.value.is_scalar and not term.is_plain:
            shared.setdefault((term.coefficient, term.powers), []).append(term)
    found = list(roots)
    for (coefficient, powers), terms in shared.items():
        tops = [term.body for term in terms]
        if len(dict.fromkeys(tops)) < 2:
            continue
        order = values_below(tops)
        linearity = Linearity(order)
        inside = common(linearity.linear[top] for top in tops)
        sizes = {v: cost(Cost.of(1, *v.shape)) for v in order if linearity.bits[v] & inside and v.kind != "input"}
        best = min(sizes, key=sizes.__getitem__, default=None)
        if best is None or 2 * sizes[best] >= sum(cost(Cost.of(1, *top.shape)) for top in tops):
            continue
        done = scaled(graph, order, linearity, best, Term(coefficient, powers, best))
        bare = {term.key(): done[term.body] for term in terms}
        found = [with_parts(graph, root, bare) for root in found]
    return found


def summands(root: Term) -> Sequence[Term]:
    """The terms of an output that is a sum, or the output."""
    is_sum = root.value is not None and root.value.kind == "sum" and root.is_plain
    return root.body.args if is_sum else (root,)


def scaled(graph: Products, order: Sequence[Value], linearity: Linearity, start: Value, by: Term) -> dict[Value, Value]:
    """The values that depend on the start, made of it times a factor."""
    done = {start: graph.plain(by).body}
    for value in order:
        if value is start or not linearity.below[value] & linearity.bits[start]:
            continue
        args = (
            Term(t.coefficient, t.powers, done.get(t.value, t.value), t.flipped) if t.value else t for t in value.args
        )
        made = graph.value(value.kind, tuple(args), value.data, value.shape)
        made.is_symmetric = value.is_symmetric
        done[value] = made
    return done


def with_parts(graph: Products, root: Term, parts: Mapping[tuple[Any, ...], Value]) -> Term:
    """An output with some of its terms made otherwise."""
    new = [Term(UNIT, (), parts[t.key()], t.flipped) if t.key() in parts else t for t in summands(root)]
    if all(a is b for a, b in zip(new, summands(root), strict=True)):
        return root
    if len(new) == 1 and root.body.kind != "sum":
        return new[0]
    made = graph.value("sum", tuple(new), (), root.body.shape)
    made.is_symmetric = root.body.is_symmetric
    return Term(UNIT, (), made, root.flipped)
