"""Factoring sums of matrix products.

A sum is divided by what all its terms share: numbers, scalars, a factor at the left or
right end, an entrywise factor.  Where nothing is shared by all, a group of terms that
share a factor is put into brackets and stands as one term; which group is found by a
bounded search for the form of least cost.  A bracket is an atom of its own, so that
(D + Dᵀ)(X b + c) is found from four products.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from functools import partial
from itertools import chain as chained

from ..expr import Expr, as_expr, ones, ones_op
from ..operations import diagonal_matrix, hadamard, kron, matmul, mul, scale, sum_entries, trace, transpose
from ..shapes import ONE, SCALAR, Shape
from .atoms import Bases, entries_expr, entry_bases, in_order, sum_bases
from .display import Cost, Costs, Presentation, cost, joined, together, turned_sum
from .normal import Normalizer
from .polynomial import Chain, Mono, Poly, Scalars, collect, content, key
from .products import flip, trace_poly, transpose_poly

Sharing = tuple[str, bool, Chain]  # the kind, whether of the transposed sum, and what
F1 = Fraction(1)
BUDGET = 2500  # terms of all sums solved in one factoring
MANY = 14  # terms above which only the largest groups are tried


class Factoring:
    """Factors sums over one normalizer; `identity` allows S X + X = (S + I) X."""

    def __init__(self, ctx: Normalizer, introduce_identity: bool = False, budget: int = BUDGET) -> None:
        self.ctx = ctx
        self.display = Presentation(ctx)
        self.introduce_identity = introduce_identity
        self.work = 0
        self.budget = budget
        self.exhausted = False
        self._costs: Costs = {}
        self._solved: dict[object, tuple[Cost, Expr]] = {}

    def solve(self, poly: Poly, depth: int = 0) -> Expr:
        """The best form found."""
        return self._solve(poly, depth)[1]

    def _solve(self, poly: Poly, depth: int, is_lowered: bool = False) -> tuple[Cost, Expr]:
        """The best form and its cost; of what `is_lowered` no powers are split again, which might never end."""
        poly = self._collected(poly)
        if len(poly.terms) < 2:
            shown = self.display.sum(poly)
            return self._cost(shown, depth), shown
        at = (poly.shape, frozenset(poly.terms.items()), depth > 0, is_lowered)
        known = self._solved.get(at)
        if known is not None:
            return known
        self.work += len(poly.terms)
        plain = self.display.sum(poly)
        best = self._solved[at] = (self._cost(plain, depth), plain)  # for a bracket around the whole sum
        common = self._common(poly, depth)
        if common is not None:
            best = (self._cost(common, depth), common)
        else:
            if self.work < self.budget:
                lowered = poly
                if len(poly.terms) <= MANY and not is_lowered:
                    lowered = self.ctx.over_common_powers(poly)
                first = [lowered] if lowered != poly else []
                for candidate in chained(first, self._grouped(poly, depth)):
                    found = self._solve(candidate, depth, is_lowered or candidate is lowered)
                    if found[0] < best[0]:
                        best = found
                    if self.work >= self.budget:
                        self.exhausted = True
                        break
        self._solved[at] = best
        return best

    def _collected(self, poly: Poly) -> Poly:
        """(A − B) − B is A − 2 B: a whole sum among the terms is opened where that merges terms."""
        terms: list[tuple[Mono, Fraction]] = []
        for mono, c in poly.terms.items():
            scalars, chain = mono
            whole = self.ctx.sum_of(chain[0]) if not scalars and len(chain) == 1 and len(poly.terms) > 1 else None
            terms += [(mono, c)] if whole is None else [(m, k * c) for m, k in whole.terms.items()]
        merged = collect(poly.shape, terms)
        return merged if len(merged.terms) < len(terms) else poly

    def _cost(self, shown: Expr, depth: int) -> Cost:
        return cost(shown, depth > 0, self.ctx.authored or (), self._costs)

    # What all terms share

    def _common(self, poly: Poly, depth: int) -> Expr | None:
        terms = poly.terms
        c = self._number(list(terms.values()))
        shared = self._shared_scalars(list(terms))
        shape = poly.shape
        inner = self._without(poly, c, shared)
        if not poly.is_scalar and len({chain for _, chain in terms}) == 1:  # s A + t A
            scalar = Poly(SCALAR, {(scalars, ()): k for (scalars, _), k in inner.terms.items()})
            one = Poly(shape, {((), chain): F1 for _, chain in terms})
            return self._assembled(c, shared, [], scale(self._solve(scalar, depth + 1)[1], self.display.sum(one)), [])
        left, inner = self._stripped(inner)
        behind, turned = self._stripped(transpose_poly(self.ctx, inner))
        right = [flip(self.ctx, unit) for unit in reversed(behind)]
        if right:
            inner = transpose_poly(self.ctx, turned)
        entry = self._common_entry(inner)
        if entry is not None and entry[0]:
            bases, inside = entry
            above = [self.display.entries([b]) for b in bases if b[1] > 0]
            below = [self.display.entries([b]) for b in bases if b[1] < 0]
            column = _by_row(inside)
            if column is not None and above:  # u 𝟏ᵀ ⊙ X is Diag(u) X
                rows = diagonal_matrix(self._solve(column, depth + 1)[1])
                middle = matmul(rows, together(*above, *below))
            else:
                middle = together(*above, self._solve(inside, depth + 1)[1], *below)
        elif c == 1 and not shared and not left and not right:
            return None
        else:
            middle = self._solve(inner, depth + 1)[1]
        return self._assembled(c, shared, left, middle, right)

    def _stripped(self, poly: Poly) -> tuple[list[Expr], Poly]:
        """What all terms begin with, and the sum without it."""
        units: list[Expr] = []
        while (unit := self._common_left(poly)) is not None:
            quotient = self._divided(poly, unit)
            if quotient is None:
                break
            units.append(unit)
            poly = quotient
        return units, poly

    def _assembled(self, c: Fraction, shared: Scalars, left: list[Expr], middle: Expr, right: list[Expr]) -> Expr:
        if c < 0:
            turned = turned_sum(middle)
            if turned is not None:
                c, middle = -c, turned
        scalars = self.display.scalars(shared)
        body = joined(*map(self.display.factor, left), middle, *map(self.display.factor, right))
        return scale(mul(as_expr(c), *scalars), body)

    def _number(self, coefficients: list[Fraction]) -> Fraction:
        """The number to take out, if that leaves no more numbers than before."""
        c = content(coefficients)
        if all(x < 0 for x in coefficients):
            c = -c
        if c == 1:
            return c
        before = sum(abs(x) != 1 for x in coefficients)
        after = sum(abs(x / c) != 1 for x in coefficients) + (abs(c) != 1)
        if any(abs(x) == 1 for x in coefficients) and after >= before:
            return F1 if c > 0 else -F1  # A − ½ B is not ½ (2 A − B)
        return c if after <= before or c == -1 else F1 if c > 0 else -F1

    def _shared_scalars(self, monos: list[Mono]) -> Scalars:
        return tuple(_shared([dict(scalars) for scalars, _ in monos]).items())

    def _without(self, poly: Poly, c: Fraction, shared: Scalars) -> Poly:
        terms = {(_less(scalars, dict(shared)), chain): k / c for (scalars, chain), k in poly.terms.items()}
        return Poly(poly.shape, terms)

    def _common_left(self, poly: Poly) -> Expr | None:
        """A factor that every term has at its left end; none of a sum that cancels, as may be seen transposed."""
        units: dict[Expr, Mono] | None = None
        for mono in poly.terms:
            own = self._quotients(mono, poly.shape)
            units = own if units is None else {unit: rest for unit, rest in units.items() if unit in own}
            if not units:
                break
        return min(units or (), key=lambda unit: (unit.op is diagonal_matrix, -key(unit)[1], key(unit)), default=None)

    def _divided(self, poly: Poly, unit: Expr) -> Poly | None:
        """The sum of the quotients, if each may be taken."""
        terms: list[tuple[Mono, Fraction]] = []
        trivial = 0
        for mono, c in poly.terms.items():
            quotient = self._quotients(mono, poly.shape)[unit]
            _, chain = quotient
            if not chain and unit.shape[1] is not ONE:
                if not self.introduce_identity or not unit.is_square and poly.shape[1] is not unit.shape[1]:
                    return None
            if unit.op is diagonal_matrix and len(chain) == 1 and chain[0].op is ones_op:
                trivial += 1
            terms.append((quotient, c))
        if unit.op is diagonal_matrix and trivial == len(poly.terms):
            return None
        quotients = collect((unit.shape[1], poly.shape[1]), terms)
        return quotients if quotients.terms else None

    def _quotients(self, mono: Mono, shape: Shape) -> dict[Expr, Mono]:
        """The terms left, by factor; a factor of the chain goes before one of a scalar."""
        found: dict[Expr, Mono] = {}
        for unit, rest in self.left_units(mono, shape):
            found.setdefault(unit, rest)
        return found

    def left_units(self, mono: Mono, shape: Shape) -> Iterator[tuple[Expr, Mono]]:
        """Each factor at the left end of a term, with the term that is left of it."""
        scalars, chain = mono
        if chain:
            first, rest = chain[0], chain[1:]
            yield first, (scalars, rest)
            if first.op is diagonal_matrix:
                bases = entry_bases(first.args[0])
                if len(bases) > 1 or bases[0][1] != 1:
                    for base, e in bases:
                        unit, left = self._split_bases(bases, base, e)
                        head = (diagonal_matrix.make((entries_expr(left),)),) if left else ()
                        yield unit, (scalars, (*head, *rest))
            elif not rest and first.shape[1] is ONE and first.op is not transpose:
                bases = entry_bases(first)
                for base, e in bases:
                    unit, left = self._split_bases(bases, base, e)
                    yield unit, (scalars, (entries_expr(left) if left else ones(first.shape[0]),))
        if shape[0] is ONE:
            for base, e in scalars:
                if base.op is matmul and e >= 1:
                    less = _less(scalars, {base: F1})
                    yield base.args[0], (less, (*base.args[1:], *chain))
                    back = self._turned(base)
                    if back[0] is not base.args[0]:
                        yield back[0], (less, (*back[1:], *chain))
                elif base.op is sum_entries and base.args[0].op is hadamard and base.args[0].is_vector and e >= 1:
                    # sum(a ⊙ b ⊙ c) is aᵀ (b ⊙ c)
                    less = _less(scalars, {base: F1})
                    bases = entry_bases(base.args[0])
                    for one in bases:
                        others = entries_expr([other for other in bases if other is not one])
                        yield flip(self.ctx, entries_expr([one])), (less, (others, *chain))

    def _trace_units(self, scalars: Scalars) -> Iterator[tuple[Expr, Mono]]:
        """Each factor of a trace, with the term that is left when it is taken out by rotation."""
        for base, e in scalars:
            if base.op is trace and base.args[0].op is matmul and e >= 1:
                less = _less(scalars, {base: F1})
                for chain in (base.args[0].args, self._turned(base.args[0])):
                    for i, factor in enumerate(chain):
                        yield factor, (less, chain[i + 1 :] + chain[:i])

    def _turned(self, dot: Expr) -> Chain:
        return tuple(flip(self.ctx, f) for f in reversed(dot.args))

    @staticmethod
    def _split_bases(
        bases: list[tuple[Expr, Fraction]], base: Expr, e: Fraction
    ) -> tuple[Expr, list[tuple[Expr, Fraction]]]:
        step = F1 if e >= 1 else -F1 if e <= -1 else e
        return diagonal_matrix.make((entries_expr([(base, step)]),)), list(_less(bases, {base: step}))

    def _common_entry(self, poly: Poly) -> tuple[list[tuple[Expr, Fraction]], Poly] | None:
        """Entrywise factors common to all terms of a matrix sum."""
        if poly.shape[0] is ONE or poly.shape[1] is ONE or len(poly.terms) < 2:
            return None
        split = []
        for scalars, chain in poly.terms:
            left, core, right = self.ctx.decomposed(chain, poly.shape)
            if not chain:
                return None
            split.append((scalars, left, core, right))
        shared = _shared([core for _, _, core, _ in split])
        if not shared:
            return None
        terms: list[tuple[Mono, Fraction]] = []
        for (scalars, left, core, right), c in zip(split, poly.terms.values()):
            built = self.ctx.composed((left, dict(_less(core.items(), shared)), right), poly.shape)
            terms += ((_with(scalars, m), k * c) for m, k in built.terms.items())
        return in_order(shared), collect(poly.shape, terms)

    # What some terms share

    def _grouped(self, poly: Poly, depth: int) -> Iterator[Poly]:
        """The sum with one group of terms put into brackets, the most promising first."""
        if self.introduce_identity:
            yield from self._absorbed(poly)
        turned = transpose_poly(self.ctx, poly)
        sides = ((False, poly), (True, turned)) if not poly.is_scalar else ((False, poly),)
        counts: Counter[Sharing] = Counter()
        for flipped, side in sides:
            for mono in side.terms:
                for unit in {unit: None for unit, _ in self.left_units(mono, side.shape)}:
                    counts["factor", flipped, (unit,)] += 1
        for scalars, chain in poly.terms:
            counts["chain", False, chain] += 1
            for base, _ in scalars:
                counts["scalar", False, (base,)] += 1
            if chain and poly.shape[0] is not ONE and poly.shape[1] is not ONE:
                for base in self.ctx.decomposed(chain, poly.shape)[1]:
                    counts["entry", False, (base,)] += 1
            for unit in dict(self._trace_units(scalars)) if poly.is_scalar else ():
                counts["trace", False, (unit,)] += 1
            if len(chain) == 1 and chain[0].op is diagonal_matrix:
                counts["diagonal", False, ()] += 1
            if _is_kronecker((scalars, chain)):
                counts["left of ⊗", False, chain[0].args[:1]] += 1
                counts["right of ⊗", False, chain[0].args[1:]] += 1
        options = [
            option
            for option, count in counts.items()
            if 1 < count and (count < len(poly.terms) or option[0] not in ("scalar", "entry"))
        ]
        options.sort(key=lambda option: (-counts[option], _rank(option)))
        limit = (8 if depth < 2 else 4 if depth < 4 else 2) if len(poly.terms) <= MANY else 2
        for kind, flipped, shared in options[:limit]:
            made = BRACKETS[kind](self, turned if flipped else poly, shared, depth)
            if made is not None:
                yield transpose_poly(self.ctx, made) if flipped else made

    def _absorbed(self, poly: Poly) -> Iterator[Poly]:
        """A S + I − B as A S + S, for a sum S = I − B that stands in the other terms."""
        ends = {factor for _, chain in poly.terms if len(chain) > 1 for factor in (chain[0], chain[-1])}
        for factor in sorted(ends, key=key):
            whole = self.ctx.sum_of(factor) if factor.shape == poly.shape else None
            if whole is None:
                continue
            ratios = {poly.terms.get(mono, Fraction(0)) / c for mono, c in whole.terms.items()}
            if len(ratios) == 1 and 0 not in ratios:
                yield _in_place(poly, list(whole.terms), (((), (factor,)), ratios.pop()))

    # A bracket around the terms that share something, as one term

    def _members(
        self, poly: Poly, shape: Shape, quotient: Callable[[Mono], Iterable[tuple[Mono, Fraction]]]
    ) -> tuple[list[Mono], Poly]:
        """The terms of which something can be taken out, and the sum of what is left of them."""
        found = {mono: list(quotient(mono)) for mono in poly.terms}
        inside = [(m, k * poly.terms[mono]) for mono, rest in found.items() for m, k in rest]
        return [mono for mono, rest in found.items() if rest], collect(shape, inside)

    def _by_chain(self, poly: Poly, common: Chain, depth: int) -> Poly | None:
        """s A + t A as (s + t) A."""
        members, scalar = self._members(poly, SCALAR, lambda mono: [((mono[0], ()), F1)] if mono[1] == common else [])
        if len(scalar.terms) < 2:
            return None
        c, atom, _ = self._atom(scalar, depth)
        return _in_place(poly, members, ((((atom, F1),), common), c))

    def _by_diagonal(self, poly: Poly, common: Chain, depth: int) -> Poly | None:
        """Diag(a) + Diag(b) as Diag(a + b)."""

        def entries(mono: Mono) -> Iterator[tuple[Mono, Fraction]]:
            if len(mono[1]) == 1 and mono[1][0].op is diagonal_matrix:
                yield from ((_with(mono[0], m), k) for m, k in self.ctx.full(mono[1][0].args[0]).terms.items())

        members, vectors = self._members(poly, (poly.shape[0], ONE), entries)
        if len(vectors.terms) < 2:
            return None
        c, atom, _ = self._atom(vectors, depth)
        return _in_place(poly, members, (((), (diagonal_matrix.make((atom,)),)), c))

    def _by_kronecker(self, poly: Poly, common: Chain, depth: int, side: int) -> Poly | None:
        """A ⊗ P + A ⊗ Q as A ⊗ (P + Q) for the side 0, P ⊗ A + Q ⊗ A as (P + Q) ⊗ A for 1."""
        (shared,) = common

        def others(mono: Mono) -> Iterator[tuple[Mono, Fraction]]:
            if _is_kronecker(mono) and mono[1][0].args[side] is shared:
                other = self.ctx.full(mono[1][0].args[1 - side])
                yield from ((_with(mono[0], m), k) for m, k in other.terms.items())

        shape = next(c[0].args[1 - side].shape for s, c in poly.terms if [*others((s, c))])
        members, inside = self._members(poly, shape, others)
        if len(inside.terms) < 2:
            return None
        c, atom, flipped = self._atom(inside, depth)
        factor = transpose.make((atom,)) if flipped else atom
        return _in_place(poly, members, (((), (kron.make((factor, shared) if side else (shared, factor)),)), c))

    def _by_factor(self, poly: Poly, common: Chain, depth: int) -> Poly | None:
        """F P + F Q as F (P + Q)."""
        (shared,) = common

        def quotient(mono: Mono) -> Iterator[tuple[Mono, Fraction]]:
            rest = self._quotients(mono, poly.shape).get(shared)
            if rest is not None and (rest[1] or shared.shape[1] is ONE or self.introduce_identity):
                yield rest, F1

        members, inside = self._members(poly, (shared.shape[1], poly.shape[1]), quotient)
        quotients = [rest for mono in members for rest, _ in quotient(mono)]
        is_trivial = shared.op is diagonal_matrix and all(len(c) == 1 and c[0].op is ones_op for _, c in quotients)
        if len(members) < 2 or is_trivial:
            return None
        return self._replaced(poly, members, inside, common, (), depth)

    def _by_scalar(self, poly: Poly, common: Chain, depth: int) -> Poly | None:
        """s A + s² B as s (A + s B)."""
        (shared,) = common
        powers = {mono: dict(mono[0]).get(shared, Fraction(0)) for mono in poly.terms}
        e = min((p for p in powers.values() if p), key=abs)
        members, inside = self._members(
            poly,
            poly.shape,
            lambda mono: [((_less(mono[0], {shared: e}), mono[1]), F1)] if powers[mono] * e > 0 else [],
        )
        return None if len(members) < 2 else self._replaced(poly, members, inside, (), ((shared, e),), depth)

    def _by_trace(self, poly: Poly, common: Chain, depth: int) -> Poly | None:
        """tr(F P) + tr(F Q) as tr(F (P + Q))."""
        (shared,) = common
        members, matrices = self._members(
            poly,
            shared.shape[::-1],
            lambda mono: [(rest, F1) for unit, rest in dict(self._trace_units(mono[0])).items() if unit is shared],
        )
        if len(members) < 2 or len(matrices.terms) < 2:
            return None
        c, atom, flipped = self._atom(matrices, depth)
        factor = transpose.make((atom,)) if flipped else atom
        square = Poly((shared.shape[0], shared.shape[0]), {((), (shared, factor)): c})
        made = trace_poly(self.ctx, square).single()
        return None if made is None else _in_place(poly, members, (made[1], made[0]))

    def _by_entry(self, poly: Poly, common: Chain, depth: int) -> Poly | None:
        """A ⊙ B + A ⊙ C as A ⊙ (B + C)."""
        (shared,) = common

        def quotient(mono: Mono) -> Iterator[tuple[Mono, Fraction]]:
            left, core, right = self.ctx.decomposed(mono[1], poly.shape) if mono[1] else ({}, {}, {})
            if core.get(shared, 0) > 0:
                built = self.ctx.composed((left, dict(_less(core.items(), {shared: F1})), right), poly.shape)
                yield from ((_with(mono[0], m), k) for m, k in built.terms.items())

        members, total = self._members(poly, poly.shape, quotient)
        if len(members) < 2 or len(total.terms) < 2:
            return None
        by_row = _by_row(total)
        if by_row is not None and all(chain[0].op is ones_op for _, chain in by_row.terms):
            return None  # s X + t X, and Diag(s 𝟏 + t 𝟏) would be an identity in disguise
        c, atom, flipped = self._atom(total if by_row is None else by_row, depth)
        if flipped:
            return None
        one, own = {atom: F1}, {shared: F1}
        # u 𝟏ᵀ ⊙ X is Diag(u) X
        parts: tuple[Bases, Bases, Bases] = ({}, sum_bases(own, one), {}) if by_row is None else (one, own, {})
        product = self.ctx.composed(parts, poly.shape).single()
        return None if product is None else _in_place(poly, members, (product[1], c * product[0]))

    def _atom(self, total: Poly, depth: int) -> tuple[Fraction, Expr, bool]:
        shown = self._solve(total, depth + 1)[1]
        return self.ctx.atom_of_sum(total, shown)

    def _replaced(
        self, poly: Poly, members: list[Mono], inside: Poly, left: Chain, scalars: Scalars, depth: int
    ) -> Poly | None:
        if len(inside.terms) < 2:
            return None
        own = self._shared_scalars(list(inside.terms))
        inner = self._without(inside, F1, own)
        c, atom, flipped = self._atom(inner, depth)
        factor = transpose.make((atom,)) if flipped else atom
        merged = sum_bases(scalars, own, {atom: F1} if inner.is_scalar else {})
        chain = left if inner.is_scalar else (*left, factor)
        if poly.is_scalar and chain:
            product = self.ctx.times(
                Poly((ONE, left[0].shape[1]), {((), left): F1}), Poly(inner.shape, {((), chain[1:]): F1})
            )
            made = product.single()
            return None if made is None else _in_place(poly, members, (_with(merged, made[1]), c * made[0]))
        return _in_place(poly, members, (_with(merged, ((), chain)), c))


# By what the terms share; of two that are shared as often, the one that stands first here is tried first.
BRACKETS: dict[str, Callable[[Factoring, Poly, Chain, int], Poly | None]] = {
    "diagonal": Factoring._by_diagonal,
    "chain": Factoring._by_chain,
    "factor": Factoring._by_factor,
    "scalar": Factoring._by_scalar,
    "entry": Factoring._by_entry,
    "trace": Factoring._by_trace,
    "left of ⊗": partial(Factoring._by_kronecker, side=0),
    "right of ⊗": partial(Factoring._by_kronecker, side=1),
}


def _is_kronecker(mono: Mono) -> bool:
    return len(mono[1]) == 1 and mono[1][0].op is kron


def _rank(option: Sharing) -> tuple[object, ...]:
    """Which of two options comes first, whatever order the terms were met in: of one kind, the larger part."""
    kind, flipped, shared = option
    keys = [key(factor) for factor in shared]
    return (list(BRACKETS).index(kind), -sum(size for _, size, _ in keys), flipped, keys)


def _by_row(poly: Poly) -> Poly | None:
    """The column u where the sum is u 𝟏ᵀ."""
    row = transpose.make((ones(poly.shape[1]),))
    if poly.shape[0] is ONE or any(len(chain) < 2 or chain[-1] is not row for _, chain in poly.terms):
        return None
    return collect((poly.shape[0], ONE), [((scalars, chain[:-1]), c) for (scalars, chain), c in poly.terms.items()])


def _with(scalars: Scalars | Bases, mono: Mono) -> Mono:
    """A term with more powers of scalars, those that cancel dropped."""
    return tuple(in_order(sum_bases(scalars, mono[0]))), mono[1]


def _shared(products: list[Bases]) -> Bases:
    """The powers that divide each of some products of powers."""
    shared = dict(products[0])
    for own in products[1:]:
        shared = {b: min(e, own[b], key=abs) for b, e in shared.items() if e * own.get(b, 0) > 0}
    return shared


def _less(powers: Iterable[tuple[Expr, Fraction]], taken: Bases) -> Scalars:
    """A product of powers without some of them."""
    return tuple((b, e - taken.get(b, 0)) for b, e in powers if e != taken.get(b, 0))


def _in_place(poly: Poly, members: list[Mono], term: tuple[Mono, Fraction]) -> Poly:
    """The sum with the bracket where the first of its terms stood."""
    gone = set(members)
    kept = [(mono, c) for mono, c in poly.terms.items() if mono not in gone]
    at = next(i for i, mono in enumerate(poly.terms) if mono in gone)
    return collect(poly.shape, [*kept[:at], term, *kept[at:]])
