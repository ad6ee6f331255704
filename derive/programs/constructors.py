"""Leaves, scalars, sums and products of the graph of values, in normal form.

Constructors keep what is cheap to know: products are flat chains, a chain that narrows to
a scalar is split there (x xᵀ A y is the scalar xᵀ A y times x), u vᵀ is `outer`, factors of
ones become sums, identity and commutation matrices vanish where they can, and sums collect
like terms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any

from ..association import segments
from ..expr import Expr
from ..operations import exact_root
from ..shapes import ONE, SCALAR, Dim, Shape
from . import stable
from .terms import (
    UNIT,
    ZERO,
    Powers,
    Term,
    Value,
    are_inverse,
    collected,
    common_powers,
    is_nonnegative,
    is_zero,
    merged,
)

MAX_CHAIN = 24  # factors of a product that is spliced into another


def sums_rows(term: Term, matrix: Term) -> bool:
    """Whether a column is A 1."""
    body = term.body
    is_sum = body.kind == "chain" and len(body.args) == 2 and body.args[1].body.kind == "ones"
    return is_sum and body.args[0].key() == matrix.key()


class Products:
    """The table of values, and the constructors that keep them in normal form."""

    # What `ValueGraph` adds
    entries: Callable[..., Term]
    diag_matrix: Callable[[Term], Term]
    diagonal: Callable[[Term], Term]
    square: Callable[[Term], Term]
    sum_entries: Callable[[Term], Term]

    def __init__(self) -> None:
        self.table: dict[Any, Value] = {}
        self.normalized: set[Expr] = set()  # exponentials whose sum is divided by
        self.of_sum_one: set[Value] = set()  # what they are, divided by their sum
        self.count = 0

    # Values

    def value(
        self, kind: str, args: tuple[Term, ...] = (), data: tuple[Any, ...] = (), shape: Shape = SCALAR, key: Any = None
    ) -> Value:
        """The value of this kind on these terms; the same object for the same key."""
        if key is None:
            key = (kind, tuple(arg.key() for arg in args), data, shape)
        known = self.table.get(key)
        if known is None:
            known = self.table[key] = Value(kind, args, data, shape, self.count)
            self.count += 1
        return known

    def turnable(
        self, kind: str, args: Sequence[Term], data: tuple[Any, ...], shape: Shape, straight: Any, turned: Any
    ) -> Term:
        """A value by a key, or the transpose of one that is there by the key of the transpose."""
        if straight != turned and (kind, turned) in self.table:
            return Term(UNIT, (), self.table[kind, turned], True)
        made = self.value(kind, tuple(args), data, shape, (kind, straight))
        made.is_symmetric = straight == turned
        return Term(UNIT, (), made)

    def whole(self, kind: str, *args: Term, data: tuple[Any, ...] = (), shape: Shape = SCALAR) -> Term:
        """An operation on whole arrays, as a term; a row comes back as a transposed column."""
        plain = tuple(self.plain(arg) for arg in args)
        if shape[0] is ONE and shape[1] is not ONE:
            return Term(UNIT, (), self.value(kind, plain, data, (shape[1], ONE)), True)
        value = self.value(kind, plain, data, shape)
        return self.scalar(value) if value.is_scalar else Term(UNIT, (), value)

    def mapped(self, kind: str, *args: Term) -> Term:
        """A function of each entry: it commutes with transposition."""
        first = self.plain(args[0])
        if first.value is None:
            return self.whole(kind, *args)
        rest = tuple(self.plain(arg.T if first.flipped else arg) for arg in args[1:])
        inner = Term(UNIT, (), first.value)
        made = self.value(kind, (inner, *rest), (), first.value.shape)
        made.is_symmetric = first.value.is_symmetric and all(
            arg.value is None or arg.value.is_symmetric for arg in rest
        )
        return Term(UNIT, (), made, first.flipped)

    def scalar(self, value: Value, exponent: Fraction = UNIT) -> Term:
        return Term(UNIT, ((value, exponent),))

    def plain(self, term: Term) -> Term:
        """The term as a value of its own, times nothing."""
        if term.value is None:
            if term.coefficient == 1 and len(term.powers) == 1 and term.powers[0][1] == 1:
                return term
            return self.scalar(self.value("sum", (term,)))
        if term.is_plain:
            return term
        inner = Term(term.coefficient, term.powers, term.value)
        made = self.value("sum", (inner,), (), term.value.shape)
        made.is_symmetric = term.value.is_symmetric
        return Term(UNIT, (), made, term.flipped)

    def scalar_value(self, term: Term) -> Value:
        """The value that holds a scalar term."""
        return self.plain(term).powers[0][0]

    # Leaves

    def number(self, coefficient: Fraction) -> Term:
        return Term(coefficient)

    def input(self, symbol: Expr) -> Term:
        rows, columns = symbol.shape
        if symbol.is_scalar:
            return self.scalar(self.value("input", (), (symbol,)))
        if rows is ONE:
            return Term(UNIT, (), self.value("input", (), (symbol,), (columns, ONE)), True)
        value = self.value("input", (), (symbol,), symbol.shape)
        value.is_symmetric = "symmetric" in symbol.properties
        return Term(UNIT, (), value)

    def ones(self, rows: Dim, columns: Dim) -> Term:
        if rows is ONE and columns is ONE:
            return Term(UNIT)
        if columns is ONE or rows is ONE:
            n = rows if columns is ONE else columns
            return Term(UNIT, (), self.value("ones", (), (n,), (n, ONE)), rows is ONE)
        return self.outer(self.ones(rows, ONE), self.ones(columns, ONE))

    def eye(self, n: Dim) -> Term:
        if n is ONE:
            return Term(UNIT)
        value = self.value("eye", (), (n,), (n, n))
        value.is_symmetric = True
        return Term(UNIT, (), value)

    def zeros(self, shape: Shape) -> Term:
        if shape == SCALAR:
            return Term(ZERO)
        if shape[0] is ONE:
            return Term(UNIT, (), self.value("zeros", (), (), (shape[1], ONE)), True)
        return Term(UNIT, (), self.value("zeros", (), (), shape))

    # Scalars

    def multiply(self, terms: Iterable[Term]) -> Term:
        """The product of scalars and of at most one array."""
        coefficient = UNIT
        powers: Powers = ()
        value: Value | None = None
        flipped = False
        for term in terms:
            coefficient *= term.coefficient
            powers = merged(powers, term.powers)
            if term.value is not None:
                assert value is None
                value, flipped = term.value, term.flipped
        scalars = stable.scalars(self, powers) if powers else Term(UNIT)
        return Term(coefficient * scalars.coefficient, scalars.powers, value, flipped)

    def raised(self, term: Term, exponent: Fraction) -> Term:
        """A scalar to a power."""
        if exponent == 0:
            return Term(UNIT)
        if term.coefficient == 0:
            return Term(ZERO) if exponent > 0 else self.scalar(self.value("sum", (term,)), exponent)
        if exponent.denominator == 1:
            return Term(term.coefficient ** int(exponent), tuple((v, e * exponent) for v, e in term.powers))
        # (a b)^t = a^t b^t holds where both are positive.
        inside: list[tuple[Value, Fraction]] = []
        outside: list[tuple[Value, Fraction]] = []
        for value, power in term.powers:
            found = stable.halved(self, value) if (power * exponent).denominator == 2 else None
            if found is not None:
                outside.append((found, 2 * power * exponent))
            elif is_nonnegative(value):
                outside.append((value, power * exponent))
            else:
                inside.append((value, power))
        if term.coefficient > 0 and not inside:
            root = exact_root(term.coefficient, exponent.denominator)
            if root is not None:
                return Term(root**exponent.numerator, tuple(outside))
        held = self.scalar_value(Term(term.coefficient, tuple(inside)))
        if exponent.denominator == 2:
            leg = stable.halved(self, held)
            if leg is not None:
                return Term(UNIT, merged(((leg, 2 * exponent),), tuple(outside)))
        return Term(UNIT, merged(((held, exponent),), tuple(outside)))

    # Sums

    def total(self, terms: Sequence[Term], shape: Shape) -> Term:
        """The sum, like terms collected; common numbers stand in front."""
        kept = collected(part for term in terms for part in self.summands(term))
        if any(term.value is not None and term.value.kind == "sum" for term in kept):
            # A sum inside a sum stays a value of its own, unless its terms cancel or collect.
            opened = collected(part for term in kept for part in self.opened(term))
            if len(opened) <= len(kept):
                kept = opened
        kept = self.rescaled(kept)
        if not kept:
            return self.zeros(shape)
        if len(kept) == 1:
            return kept[0]
        if all(term.value is not None and term.value.kind in ("eye", "Diag") for term in kept):
            return self.diag_matrix(self.total([self.diagonal(term) for term in kept], (shape[0], ONE)))
        scale = abs(kept[0].coefficient)
        if any(abs(term.coefficient) != scale for term in kept):
            scale = UNIT
        if all(term.coefficient < 0 for term in kept):
            scale = -scale
        common = common_powers(kept) if shape != SCALAR else ()
        back = tuple((v, -e) for v, e in common)
        kept = [term.times(1 / scale, back) for term in kept]
        other = stable.difference(self, kept)
        if other is not None:
            return other.times(scale, common)
        if shape == SCALAR:
            key = ("sum", frozenset(term.key() for term in kept))
            return Term(scale, ((self.value("sum", tuple(kept), (), SCALAR, key), UNIT),))
        flipped = shape[0] is ONE
        if flipped:
            kept, shape = [term.T for term in kept], (shape[1], shape[0])
        straight, turned = frozenset(t.key() for t in kept), frozenset(t.key(True) for t in kept)
        made = self.turnable("sum", kept, (), shape, straight, turned)
        return (made.T if flipped else made).times(scale, common)

    def rescaled(self, terms: list[Term]) -> list[Term]:
        """D(u) A + D(v) A as D(u + v) A."""
        groups: dict[Any, list[Term]] = {}
        for term in terms:
            factors = self.factors(term) if term.value is not None and term.value.kind == "chain" else []
            scales = bool(factors) and factors[0].body.kind == "Diag"
            key = tuple(factor.key() for factor in factors[1:]) if scales else term.key()
            groups.setdefault((scales, key), []).append(term)
        if len(groups) == len(terms):
            return terms
        made: list[Term] = []
        for (scales, _), group in groups.items():
            if not scales or len(group) == 1:
                made += group
                continue
            split = [(term, self.factors(term)) for term in group]
            vectors = [f[0].body.args[0].times(term.coefficient, term.powers) for term, f in split]
            made.append(self.chain([self.diag_matrix(self.total(vectors, vectors[0].shape)), *split[0][1][1:]]))
        return [term for term in made if not is_zero(term)]

    def summands(self, term: Term) -> Iterable[Term]:
        """A sum inside a sum dissolves only if it is a mere multiple; else it is shared as a whole."""
        value = term.value
        if value is not None and value.kind == "sum" and len(value.args) == 1:
            inner = value.args[0]
            yield Term(inner.coefficient, inner.powers, inner.value, inner.flipped != term.flipped).times(
                term.coefficient, term.powers
            )
        else:
            yield term

    def opened(self, term: Term) -> Iterable[Term]:
        """The terms of a sum of arrays."""
        value = term.value
        if value is None or value.kind != "sum":
            yield term
            return
        for part in value.args:
            turned = part.T if term.flipped else part
            yield turned.times(term.coefficient, term.powers)

    # Products

    def outer(self, left: Term, right: Term) -> Term:
        """u vᵀ for columns u and v."""
        ends, shape = (left.bare, right.bare), (left.shape[0], right.shape[0])
        keys = tuple(end.key() for end in ends)
        made = self.turnable("outer", ends, (), shape, keys, keys[::-1])
        return made.times(left.coefficient * right.coefficient, merged(left.powers, right.powers))

    def factors(self, term: Term) -> list[Term]:
        """The factors of a bare term as a product, from left to right."""
        value = term.body
        if value.kind not in ("chain", "outer") or len(value.args) > MAX_CHAIN:
            return [term.bare]
        parts = list(value.args)
        if value.kind == "outer":
            parts[1] = parts[1].T
        if term.flipped:
            parts = [part.T for part in reversed(parts)]
        return [factor for part in parts for factor in ([part] if value.kind == "chain" else self.factors(part))]

    def chain(self, terms: Sequence[Term]) -> Term:
        """The matrix product."""
        coefficient = UNIT
        powers: Powers = ()
        factors: list[Term] = []
        nested: list[Term] = []
        shape = (terms[0].shape[0], terms[-1].shape[1])
        for term in terms:
            coefficient *= term.coefficient
            powers = merged(powers, term.powers)
            if is_zero(term):
                return self.zeros(shape)
            if term.value is None:
                continue
            nested.append(term.bare)
            factors += self.factors(term)
        if len(factors) > MAX_CHAIN:
            factors = nested
        factors = self.reduced(factors)
        if not factors:
            return Term(coefficient, powers) if shape == SCALAR else self.eye(shape[0]).times(coefficient, powers)
        # Split where the product narrows to one column: the middle parts are scalars.
        ends: list[Term] = []
        for segment in segments(factors):
            part = self.segment(segment)
            coefficient *= part.coefficient
            powers = merged(powers, part.powers)
            if part.value is not None:
                ends.append(part.bare)
        if not ends:
            return self.multiply([Term(coefficient, powers)])
        if len(ends) == 1:
            return self.multiply([Term(coefficient, powers), ends[0]])
        return self.outer(ends[0], ends[1].T).times(coefficient, powers)

    def reduced(self, factors: list[Term]) -> list[Term]:
        """Adjacent factors that merge: I A, D(u) D(v), A A⁻¹, softmax by rows."""
        kept: list[Term] = []
        for factor in map(self.by_diagonal, factors) if len(factors) > 1 else factors:
            kind = factor.body.kind
            if kind == "eye":
                continue
            if kept:
                last = kept[-1]
                if kind == "Diag" and last.body.kind == "Diag":
                    diagonal = self.entries([last.body.args[0], factor.body.args[0]], factor.body.args[0].shape)
                    kept.pop()
                    kept += [] if diagonal.value is None else [self.diag_matrix(self.plain(diagonal))]
                    continue
                if are_inverse(last, factor):
                    kept.pop()
                    continue
                soft = self.row_softmax(last, factor)
                if soft is not None:
                    kept[-1:] = soft
                    continue
            kept.append(factor)
        return kept

    def by_diagonal(self, term: Term) -> Term:
        """A matrix that is declared diagonal as Diag(d), whose products scale rows and columns."""
        value = term.value
        if value is None or value.kind != "input" or "diagonal" not in value.data[0].properties:
            return term
        return self.diag_matrix(self.diagonal(term.bare)).times(term.coefficient, term.powers)

    def row_softmax(self, left: Term, right: Term) -> list[Term] | None:
        """D(v ⊘ (E 1)) E with E = exp(X) is D(v) times the softmax of each row of X."""
        if left.body.kind == "Diag" and right.body.kind == "exp":
            sums, exponentials, flipped = left.body.args[0], right, False
        elif right.body.kind == "Diag" and left.body.kind == "exp":
            sums, exponentials, flipped = right.body.args[0], left.T, True
        else:
            return None
        if sums.body.kind != "entries":
            return None
        factors = zip(sums.body.args, sums.body.data, strict=True)
        kept = [(t, power) for t, (_, power) in factors if power != -1 or not sums_rows(t, exponentials)]
        if len(kept) == len(sums.body.args):
            return None
        inner = exponentials.body.args[0]
        argument = inner.T if exponentials.flipped else inner
        made = Term(UNIT, (), self.value("row_softmax", (self.plain(argument),), (), argument.shape), flipped)
        if not kept:
            return [made]
        rest = self.entries([t for t, _ in kept], sums.shape, [power for _, power in kept])
        scales = self.diag_matrix(self.plain(rest))
        return [made, scales] if flipped else [scales, made]

    def segment(self, factors: list[Term]) -> Term:
        """A product that nowhere narrows to one column."""
        if len(factors) == 1:
            return factors[0]
        shape = (factors[0].shape[0], factors[-1].shape[1])
        straight, turned = tuple(f.key() for f in factors), tuple(f.key(True) for f in reversed(factors))
        if shape == SCALAR:
            if len(factors) == 2:
                left, right = factors[0].T, factors[1]
                if left.key() == right.key():
                    return self.square(left)
                for one, other in ((left, right), (right, left)):
                    if one.body.kind == "ones":
                        return self.sum_entries(other)
                cancelled = self.cancelled(left, right)
                if cancelled is not None:
                    return self.sum_entries(cancelled)
            if len(factors) == 3 and factors[0].body.kind == factors[2].body.kind == "ones":
                return self.sum_entries(factors[1])
            return self.scalar(self.value("chain", tuple(factors), (), SCALAR, ("chain", min(straight, turned))))
        if shape[0] is ONE:
            return self.segment([factor.T for factor in reversed(factors)]).T
        if factors[0].body.kind == "Diag" and factors[-1].shape[1] is ONE:
            rest = self.segment(factors[1:])
            return self.entries([factors[0].body.args[0], rest], shape)
        return self.turnable("chain", factors, (), shape, straight, turned)

    def cancelled(self, left: Term, right: Term) -> Term | None:
        """The product of the entries of two factors where one divides by the other, as in sᵀ (y ⊘ s): y."""
        for one, other in ((left, right), (right, left)):
            if stable.divides(self, one, other):
                made = self.entries([left, right], left.shape)
                items = zip(made.body.args, made.body.data) if made.body.kind == "entries" else ()
                kept = {self.entries([t], left.shape, [e]).key() for t, (_, e) in items}
                return made if kept != {left.key(), right.key()} else None  # √s² stays beside 1 ⊘ √s²
        return None
