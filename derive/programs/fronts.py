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
from .terms import UNIT, Term, Value, values_below

BILINEAR = frozenset(("product", "outer", "row_dots"))
LINEAR = frozenset("row_sums diagonal Diag vec unvec submatrix cumsum cumsum_back".split())
LINEAR_IN_THE_SECOND = frozenset(("solve", "spd_solve"))
TRIED = 6  # arrays that could be multiplied instead


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
    """What is in all sets."""
    found = -1
    for each in sets:
        found &= each
    return found


def moved(graph: Products, roots: Sequence[Term], cost: Callable[[Cost], float]) -> list[Term]:
    """The outputs, a factor that several share multiplied into a smaller array that all are linear in."""
    found = list(roots)
    for terms, factor in shared([part for root in roots for part in summands(root)]):
        found = with_factor_moved(graph, found, terms, factor, cost) or found
    return found


def shared(terms: Sequence[Term]) -> Iterable[tuple[list[Term], Term]]:
    """What several arrays are multiplied by, and those arrays with their factors."""
    holders: dict[Fraction | tuple[Value, Fraction], list[int]] = {}
    for i, term in enumerate(terms):
        if term.value is not None and not term.value.is_scalar:
            numbers = [term.coefficient] if abs(term.coefficient) != 1 else []
            keys: list[Fraction | tuple[Value, Fraction]] = [*numbers, *term.powers]
            for key in keys:
                holders.setdefault(key, []).append(i)
    factors: dict[tuple[int, ...], Term] = {}
    for key, held in holders.items():
        if len({terms[i].value for i in held}) > 1:
            known = factors.get(tuple(held), Term(UNIT))
            factors[tuple(held)] = known.times(key) if isinstance(key, Fraction) else known.times(UNIT, (key,))
    return [([terms[i] for i in held], factor) for held, factor in factors.items()]


def with_factor_moved(
    graph: Products, roots: Sequence[Term], terms: Sequence[Term], factor: Term, cost: Callable[[Cost], float]
) -> list[Term] | None:
    """The outputs, if that makes no array more than the one that is multiplied; otherwise None."""
    if not {term.key() for root in roots for term in summands(root)}.issuperset(term.key() for term in terms):
        return None  # made otherwise for another factor
    tops = list(dict.fromkeys(term.body for term in terms))
    order = values_below(tops)
    linearity = Linearity(order)
    inside = common(linearity.linear[top] for top in tops)
    sizes = {v: cost(Cost.of(1, *v.shape)) for v in order if linearity.bits[v] & inside and v.kind != "input"}
    whole = sum(cost(Cost.of(1, *top.shape)) for top in tops)
    count = live(roots)
    for start in sorted(sizes, key=sizes.__getitem__)[:TRIED]:
        if 2 * sizes[start] >= whole:
            break
        done = scaled(graph, order, linearity, start, Term(factor.coefficient, factor.powers, start))
        parts = {
            t.key(): Term(
                t.coefficient / factor.coefficient,
                tuple(pair for pair in t.powers if pair not in factor.powers),
                done[t.body],
                t.flipped,
            )
            for t in terms
        }
        found = [with_parts(graph, root, parts) for root in roots]
        if live(found) <= count + 1:
            return found
    return None


def live(roots: Iterable[Term]) -> int:
    """How many values the outputs need."""
    return len(values_below(part for root in roots for part in root.parts()))


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


def with_parts(graph: Products, root: Term, parts: Mapping[tuple[Any, ...], Term]) -> Term:
    """An output with some of its terms made otherwise."""
    if not any(term.key() in parts for term in summands(root)):
        return root
    if root.key() in parts:
        return parts[root.key()]
    made = graph.value("sum", tuple(parts.get(t.key(), t) for t in summands(root)), (), root.body.shape)
    made.is_symmetric = root.body.is_symmetric
    return Term(UNIT, (), made, root.flipped)
