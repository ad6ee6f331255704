"""The graph of values: operations entry by entry, diagonals, traces and sums of entries.

u 1ᵀ and 1 vᵀ broadcast, D(u) A D(v) scales rows and columns, the trace of a product is a
`cycle`, the same for every rotation and for the transpose.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from typing import Any

from ..shapes import ONE, SCALAR, Dim, Shape
from . import stable
from .constructors import Products
from .terms import UNIT, ZERO, Powers, Term, Value, gathered, is_zero, merged, multiset

SUMMABLE = frozenset("chain outer entries ones eye Diag".split())
SWAPPED = {"row": "column", "column": "row", "full": "full"}  # in the transpose


class ValueGraph(Products):
    """The table of values, and the constructors that keep them in normal form."""

    # Entry by entry

    def entries(self, terms: Sequence[Term], shape: Shape, exponents: Sequence[Fraction] | None = None) -> Term:
        """The product entry by entry, each factor to its power; u 1ᵀ and 1 vᵀ broadcast."""
        coefficient = UNIT
        powers: Powers = ()
        factors: dict[tuple[Any, ...], list[Fraction]] = {}
        bases: dict[tuple[Any, ...], tuple[Term, str]] = {}
        exponents = exponents or [UNIT] * len(terms)
        pending = list(zip(terms, ["full"] * len(terms), exponents, strict=True))
        pending.reverse()
        while pending:
            term, tag, exponent = pending.pop()
            if is_zero(term) and exponent > 0:
                return self.zeros(shape)
            if term.value is None or not term.is_plain:
                outside = self.raised(Term(term.coefficient, term.powers), exponent)
                coefficient *= outside.coefficient
                powers = merged(powers, outside.powers)
                if term.value is None:
                    continue
                term = term.bare
            value = term.body
            if value.kind == "ones":
                continue
            if value.kind in ("Diag", "eye") and tag == "full" and len(terms) > 1:
                diagonals = [self.diagonal(term) for term in terms]
                return self.diag_matrix(self.entries(diagonals, (shape[0], ONE), exponents))
            if value.kind == "outer" and tag == "full" and exponent.denominator == 1:
                u, v = value.args[::-1] if term.flipped else value.args
                pending += [(v, "row", exponent), (u, "column", exponent)]
                continue
            if value.kind == "entries" and (exponent.denominator == 1 or len(value.args) == 1):
                inner = list(zip(value.args, value.data, strict=True))
                is_open = tag == "full" or all(t == "full" for _, (t, _) in inner)
                is_odd = all(power.denominator == 1 and power.numerator % 2 for _, (_, power) in inner)
                if is_open and (exponent.denominator == 1 or is_odd):
                    for part, (part_tag, power) in reversed(inner):
                        if term.flipped and tag == "full":
                            part, part_tag = (part.T if part_tag == "full" else part), SWAPPED[part_tag]
                        pending.append((part, part_tag if tag == "full" else tag, power * exponent))
                    continue
            key = (term.key(), tag)
            bases.setdefault(key, (term, tag))
            factors.setdefault(key, []).append(exponent)
        kept = [
            (*bases[key], exponent)
            for key, given in factors.items()
            for exponent in gathered(given, bases[key][0].body)
        ]
        kept = self.stabilized(kept)
        if all(tag == "full" for _, tag, _ in kept):
            opened = stable.distributed(self, [(t, e) for t, _, e in kept], partial(self._product, shape))
            if opened is not None:
                return opened.times(coefficient, powers)
        if not kept:
            return self.ones(*shape).times(coefficient, powers)
        full = [item for item in kept if item[1] == "full"]
        if len(kept) == 1 and full and full[0][2] == 1:
            return full[0][0].times(coefficient, powers)
        if not full or (len(full) == 1 and full[0][2] == 1 and len(kept) > 1):
            return self.scaled_sides(kept, full, shape).times(coefficient, powers)
        flipped = shape[0] is ONE
        if flipped:
            kept = [(t.T, tag, e) for t, tag, e in kept]
            shape = (shape[1], ONE)
        straight = multiset((t.key(), tag, e) for t, tag, e in kept)
        turned = multiset((t.key(tag == "full"), SWAPPED[tag], e) for t, tag, e in kept)
        data = tuple((tag, e) for _, tag, e in kept)
        made = self.turnable("entries", [t for t, _, _ in kept], data, shape, straight, turned)
        return (made.T if flipped else made).times(coefficient, powers)

    def _product(self, shape: Shape, factors: Sequence[tuple[Term, Fraction]]) -> Term:
        return self.entries([term for term, _ in factors], shape, [exponent for _, exponent in factors])

    def stabilized(self, kept: list[tuple[Term, str, Fraction]]) -> list[tuple[Term, str, Fraction]]:
        """The factors without those that overflow; roots of sums of squares as such."""
        if not any(stable.is_unstable(term) for term, _, _ in kept):
            return kept
        made: list[tuple[Term, str, Fraction]] = []
        for tag in dict.fromkeys(tag for _, tag, _ in kept):
            factors = []
            for term, side, exponent in kept:
                if side == tag:
                    leg = stable.hypotenuse(self, term.body) if exponent.denominator == 2 else None
                    factors.append((term, exponent) if leg is None else (leg.T if term.flipped else leg, 2 * exponent))
            made += [(term, tag, exponent) for term, exponent in stable.products(self, stable.counted(factors))]
        return made

    def scaled_sides(
        self, kept: list[tuple[Term, str, Fraction]], full: list[tuple[Term, str, Fraction]], shape: Shape
    ) -> Term:
        """Factors that only scale rows and columns: D(u) A D(v), or u vᵀ where there is no A."""
        sides: dict[str, Term] = {}
        for tag, dim in (("column", shape[0]), ("row", shape[1])):
            chosen = [(t, e) for t, side, e in kept if side == tag]
            if chosen:
                sides[tag] = self.entries([t for t, _ in chosen], (dim, ONE), [e for _, e in chosen])
        if full:
            left = [self.diag_matrix(sides["column"])] if "column" in sides else []
            right = [self.diag_matrix(sides["row"])] if "row" in sides else []
            return self.chain([*left, full[0][0], *right])
        column = sides.get("column", self.ones(shape[0], ONE))
        return self.chain([column, sides.get("row", self.ones(shape[1], ONE)).T])

    def merged_ends(self, pairs: list[tuple[Term, Term]]) -> list[tuple[Term, Term]]:
        """u vᵀ + u wᵀ is u (v + w)ᵀ, and u wᵀ + v wᵀ is (u + v) wᵀ."""
        for side in (0, 1):
            groups: dict[object, list[tuple[Term, Term]]] = {}
            for pair in pairs:
                groups.setdefault(pair[side].key(), []).append(pair)
            joined: list[tuple[Term, Term]] = []
            for group in groups.values():
                if len(group) == 1:
                    joined += group
                    continue
                shared = group[0][side]
                other = self.plain(self.total([pair[1 - side] for pair in group], group[0][1 - side].shape))
                joined.append((shared, other) if side == 0 else (other, shared))
            pairs = joined
        return [pair for pair in pairs if not (is_zero(pair[0]) or is_zero(pair[1]))]

    # Diagonals, traces, sums of entries

    def diag_matrix(self, vector: Term) -> Term:
        bare = vector.bare
        if vector.value is None:
            return vector
        if bare.body.kind == "ones":
            return self.eye(bare.shape[0]).times(vector.coefficient, vector.powers)
        n = bare.shape[0]
        made = self.value("Diag", (bare,), (), (n, n))
        made.is_symmetric = True
        return Term(vector.coefficient, vector.powers, made)

    def diagonal(self, term: Term) -> Term:
        """The diagonal of a matrix, as a vector."""
        n = term.shape[0]
        if term.value is None:
            return term
        value, front = term.body, Term(term.coefficient, term.powers)
        if value.kind == "eye":
            return self.ones(n, ONE).times(front.coefficient, front.powers)
        if value.kind == "zeros":
            return self.zeros((n, ONE))
        if value.kind == "Diag":
            return value.args[0].times(front.coefficient, front.powers)
        if value.kind == "outer":
            return self.entries(list(value.args), (n, ONE)).times(front.coefficient, front.powers)
        if value.kind == "sum":
            return self.total([self.diagonal(t) for t in value.args], (n, ONE)).times(front.coefficient, front.powers)
        if value.kind == "chain" and len(value.args) == 2:
            cancelled = self.cancelled(value.args[0], value.args[1].T)
            if cancelled is not None:
                sums = self.chain([cancelled, self.ones(cancelled.shape[1], ONE)])
                return sums.times(front.coefficient, front.powers)
        made = self.value("diagonal", (Term(UNIT, (), value),), (), (n, ONE))
        return Term(front.coefficient, front.powers, made)

    def trace(self, term: Term) -> Term:
        if term.value is None:
            return term
        value, front = term.body, Term(term.coefficient, term.powers)
        if value.kind == "chain":
            return self.multiply([front, self.cycle(list(value.args))])
        if value.kind == "outer":
            return self.multiply([front, self.chain([value.args[0].T, value.args[1]])])
        if value.kind == "sum":
            return self.multiply([front, self.total([self.trace(t) for t in value.args], SCALAR)])
        if value.kind == "eye":
            return self.multiply([front, self.dimension(value.data[0])])
        if value.kind == "zeros":
            return Term(ZERO)
        if value.kind == "Diag":
            return self.multiply([front, self.sum_entries(value.args[0])])
        if value.kind == "kron" and all(t.shape[0] is t.shape[1] for t in value.args):
            return self.multiply([front, *(self.trace(t) for t in value.args)])
        return self.multiply([front, self.scalar(self.value("trace", (Term(UNIT, (), value),)))])

    def dimension(self, dim: Dim) -> Term:
        if dim.value is not None:
            return Term(Fraction(dim.value))
        return self.scalar(self.value("dimension", (), (dim,)))

    def cycle(self, factors: list[Term]) -> Term:
        """The trace of a product: the same for every rotation and for the transpose."""
        rows = factors[0].shape[0]
        factors = self.reduced(factors)
        while len(factors) > 1 and len(turned := self.reduced([factors[-1], *factors[:-1]])) < len(factors):
            factors = turned  # the last meets the first
        if not factors:
            return self.dimension(rows)
        narrow = next((i for i, factor in enumerate(factors) if factor.shape[0] is ONE), None)
        if narrow is not None:
            return self.chain(factors[narrow:] + factors[:narrow])
        if len(factors) == 1:
            return self.trace(factors[0])
        if len(factors) == 2 and factors[0].T.key() == factors[1].key():
            return self.square(factors[1])
        both = ([f.key() for f in factors], [f.key(True) for f in reversed(factors)])
        keys = (tuple(keys[i:] + keys[:i]) for keys in both for i in range(len(keys)))
        return self.scalar(self.value("cycle", tuple(factors), (), SCALAR, ("cycle", min(keys))))

    def inner(self, left: Term, right: Term) -> Term:
        """The sum of the products of the entries."""
        front = Term(left.coefficient * right.coefficient, merged(left.powers, right.powers))
        if is_zero(left) or is_zero(right):
            return Term(ZERO)
        if left.value is None or right.value is None:
            return self.multiply([left, right])
        left, right = left.bare, right.bare
        if left.key() == right.key():
            return self.multiply([front, self.square(left)])
        kinds = (left.body.kind, right.body.kind)
        if left.shape[1] is not ONE and ("entries" in kinds or "Diag" in kinds):
            return self.multiply([front, self.sum_entries(self.entries([left, right], left.shape))])
        return self.multiply([front, self.cycle([*self.factors(left.T), *self.factors(right)])])

    def square(self, term: Term) -> Term:
        """The squared norm."""
        front = Term(term.coefficient**2, tuple((v, 2 * e) for v, e in term.powers))
        if term.value is None:
            return front
        value = term.body
        if value.kind == "outer":
            return self.multiply([front, *(self.square(arg) for arg in value.args)])
        if value.kind in ("eye", "ones"):
            return self.multiply([front, self.dimension(value.shape[0])])
        if value.kind == "Diag":
            return self.multiply([front, self.square(value.args[0])])
        if value.kind == "zeros":
            return Term(ZERO)
        return self.multiply([front, self.scalar(self.value("sq_norm", (Term(UNIT, (), value),)))])

    def sum_entries(self, term: Term) -> Term:
        if term.value is None:
            return term
        value, front = term.body, Term(term.coefficient, term.powers)
        if value in self.of_sum_one:
            return front
        if value.kind in ("chain", "outer"):
            rows, columns = term.shape
            if columns is not ONE or value.kind == "outer" or len(value.args) > 1:
                product = [self.ones(rows, ONE).T, *self.factors(term), self.ones(columns, ONE)]
                return self.multiply([front, self.chain([p for p in product if p.value is not None])])
        if value.kind in ("ones", "eye"):
            return self.multiply([front, self.dimension(value.shape[0])])
        if value.kind == "Diag":
            return self.multiply([front, self.sum_entries(value.args[0])])
        if value.kind == "zeros":
            return Term(ZERO)
        if value.kind == "sum" and any(t.value is not None and t.value.kind in SUMMABLE for t in value.args):
            return self.multiply([front, self.total([self.sum_entries(t) for t in value.args], SCALAR)])
        if value.kind == "entries":
            found = self.contracted(value)
            if found is not None:
                return self.multiply([front, found])
        return self.multiply([front, self.scalar(self.value("total", (Term(UNIT, (), value),)))])

    def contracted(self, value: Value) -> Term | None:
        """Σ u A v for entries scaled by rows and columns; Σ A² as a squared norm; Σ A ⊙ B as <A, B>."""
        items = list(zip(value.args, value.data, strict=True))
        if len(items) == 1 and items[0][1] == ("full", Fraction(2)):
            return self.square(items[0][0])
        if all(tag == "full" for _, (tag, _) in items) and len(items) == 2:
            if value.is_vector:
                # A dot product; powers are values of their own.
                left, right = (self.entries([t], value.shape, [e]) for t, (_, e) in items)
                return self.chain([left.T, right])
            if all(e == 1 for _, (_, e) in items):
                return self.cycle([*self.factors(items[0][0].T), *self.factors(items[1][0])])
        if any(tag != "full" for _, (tag, _) in items):
            rows, columns = value.shape
            column, full, row = (
                self._product(shape, [(term, exponent) for term, (side, exponent) in items if side == tag])
                for tag, shape in (("column", (rows, ONE)), ("full", value.shape), ("row", (columns, ONE)))
            )
            return self.chain([column.T, full, row])
        return None

    def kron(self, left: Term, right: Term) -> Term:
        coefficient, powers = left.coefficient * right.coefficient, merged(left.powers, right.powers)
        if left.value is None or right.value is None:
            return self.multiply([left, right])
        if left.body.kind == right.body.kind == "eye":
            return self.eye(left.shape[0] * right.shape[0]).times(coefficient, powers)
        (p, q), (r, s) = left.shape, right.shape
        if p is r is ONE:
            return self.kron(left.T, right.T).T
        left, right = left.bare, right.bare
        if q is ONE and r is ONE:
            return self.outer(left, right.T).times(coefficient, powers)
        if p is ONE and s is ONE:
            return self.outer(right, left.T).times(coefficient, powers)
        made = self.whole("kron", left, right, shape=(p * r, q * s))
        return made.times(coefficient, powers)
