"""Powers, inverses and scalar functions in normal form.

The functions here are methods of `Normalizer`, kept apart along the mathematics.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from .. import facts
from ..errors import DeriveError
from ..expr import Expr, Operation, number, ones
from ..operations import absolute, add, inv, transpose
from ..shapes import ONE, SCALAR, Shape
from .atoms import Bases, as_atom, factor_bases, mono_expr, of_atom, of_chain, of_factor, sum_bases
from .identities import first
from .polynomial import Chain, Mono, Poly, Scalars, collect, key
from .products import flip, transpose_poly, with_scalars

if TYPE_CHECKING:
    from .normal import Normalizer

F1 = Fraction(1)
Parts = tuple[Bases, Bases, Bases]


def scalar_power(ctx: Normalizer, poly: Poly, k: Fraction, written: Expr | None) -> Poly:
    single = poly.single()
    if single is None:
        return _power_of_sum(ctx, poly, k, written)
    c, (scalars, _) = single
    if k.denominator == 1:
        k1, merged = with_scalars(ctx, [(b, e * k) for b, e in scalars])
        return ctx.reopened_scalars(Poly(SCALAR, {(merged, ()): k1 * c ** int(k)}))
    sign, roots, rest = _rooted(ctx, c, scalars)
    powers = [(number(abs(c)), k), *((b, e * k) for b, e in roots)]
    if rest:
        # The root of a product of unknown signs stays whole: r^(5/2) is r² r^(1/2).
        n = int(k)
        powers += ((b, e * n) for b, e in rest)
        powers.append((mono_expr(Fraction(sign), (rest, ()), SCALAR), k - n))
        sign = sign if n % 2 else 1
    k1, merged = with_scalars(ctx, powers)
    return ctx.reopened_scalars(Poly(SCALAR, {(merged, ()): k1 * sign}))


def _power_of_sum(ctx: Normalizer, poly: Poly, k: Fraction, written: Expr | None) -> Poly:
    """A power of a sum that is no single term: of a number, or of the entries of a column or matrix."""
    whole = k.denominator == 1

    def repeated(base: Poly, times: int) -> Poly:
        return ctx.entrywise([base] * times)

    if not poly.terms:
        if k > 0:
            return poly
        raise DeriveError("division by zero")
    if whole and 0 < k <= 8 and not ctx.is_keeping:
        return repeated(poly, int(k))
    if ctx.is_keeping and written is not None:
        poly = ctx.full(written)
        if len(poly.terms) < 2:
            return ctx.scalar_power(poly, k, written) if poly.is_scalar else ctx.entry_power(poly, k, written)
    logistic = first("reciprocal", ctx, poly) if k < 0 and whole else None
    if logistic is not None:
        return repeated(logistic, int(-k))
    c, atom, flipped = ctx.atom_of_sum(poly, written, signed=whole)
    if poly.is_scalar:
        k1, merged = with_scalars(ctx, [(number(c), k)], [(atom, k)])
        return Poly(SCALAR, {(merged, ()): k1})
    k1, merged = with_scalars(ctx, [(number(c), k)])
    result = ctx.entry_atom(atom, k, poly.shape[::-1] if flipped else poly.shape)
    return ctx.scaled_by(transpose_poly(ctx, result) if flipped else result, k1, merged)


def _rooted(ctx: Normalizer, c: Fraction, scalars: Scalars) -> tuple[int, Scalars, Scalars]:
    """The sign of a product under a root, the powers whose roots can be taken one by one, the rest."""
    roots: list[tuple[Expr, Fraction]] = []
    rest: list[tuple[Expr, Fraction]] = []
    for base, e in scalars:
        root = first("root", ctx, base, e)
        (rest if root is None else roots).append((base if root is None else root, e))
    if c > 0 and len(rest) == 1:
        return 1, (*roots, *rest), ()
    return (1 if c > 0 else -1), tuple(roots), tuple(rest)


def size(ctx: Normalizer, base: Expr) -> Expr:
    """|base|."""
    atom = ctx.function(absolute, of_atom(base)).single()
    inside = as_atom(atom[1]) if atom is not None and atom[0] == 1 else None
    return absolute.make((base,)) if inside is None else inside


def is_nonnegative(ctx: Normalizer, base: Expr) -> bool:
    """Whether a scalar or an entry in normal form is seen to be at least 0."""
    return base in ctx.nonnegative or facts.is_nonnegative(base)


def half(ctx: Normalizer, chain: Chain) -> Chain | None:
    """M of a chain Mᵀ M."""
    half = len(chain) // 2
    if len(chain) % 2 or any(flip(ctx, chain[half - 1 - i]) is not chain[half + i] for i in range(half)):
        return None
    return chain[half:]


def entry_power(ctx: Normalizer, poly: Poly, k: Fraction, written: Expr | None) -> Poly:
    shape = poly.shape
    if shape[0] is ONE and shape[1] is not ONE:
        turned = transpose(written) if written is not None else None
        return transpose_poly(ctx, ctx.entry_power(transpose_poly(ctx, poly), k, turned))
    single = poly.single()
    if single is None:
        return _power_of_sum(ctx, poly, k, written)
    whole = k.denominator == 1
    c, (scalars, chain) = single
    if whole or (c > 0 and all(ctx.is_nonnegative(b) for b, _ in scalars)):
        parts = ctx.decomposed(chain, shape)
        if not whole:
            parts = _entry_roots(ctx, parts) or ({}, {}, {})
        if any(parts):
            left, core, right = ({b: e * k for b, e in bases.items()} for bases in parts)
            k1, merged = with_scalars(ctx, [(number(c), k)], [(b, e * k) for b, e in scalars])
            built = ctx.composed((left, core, right), shape)
            return ctx.reopened_entries(ctx.scaled_by(built, k1, merged))
    return ctx.entry_atom(ctx.canonical(poly), k, shape)


def _entry_roots(ctx: Normalizer, parts: Parts) -> Parts | None:
    """The parts of an entrywise product as their roots want them; None where signs are unknown."""
    alone = sum(len(bases) for bases in parts) == 1
    found: list[Bases] = []
    for bases in parts:
        rooted: Bases = {}
        for base, e in bases.items():
            root = first("root", ctx, base, e) or (base if alone else None)
            if root is None:
                return None
            rooted[root] = rooted.get(root, Fraction(0)) + e
        found.append(rooted)
    return found[0], found[1], found[2]


def entry_atom(ctx: Normalizer, atom: Expr, k: Fraction, shape: Shape) -> Poly:
    if shape[1] is ONE:
        return ctx.composed(({atom: k}, {}, {}), shape)
    return ctx.composed(({}, {atom: k}, {}), shape)


def inverse(ctx: Normalizer, poly: Poly, written: Expr | None) -> Poly:
    if poly.is_scalar:
        return ctx.scalar_power(poly, Fraction(-1), written)
    if not poly.terms:
        raise DeriveError("the inverse of zero")
    if ctx.is_keeping and written is not None and len(poly.terms) > 1:
        poly = ctx.full(written)
    single = poly.single()
    if single is not None:
        c, (scalars, chain) = single
        inverted = tuple((b, -e) for b, e in scalars)
        whole = first("inverse of product", ctx, chain, poly.shape) or ctx.oriented(inv, of_chain(chain, poly.shape))
        return ctx.scaled_by(whole, 1 / c, inverted)
    met: Poly | None = first("inverse of sum", ctx, poly)
    if met is not None:
        return met
    c, atom, flipped = ctx.atom_of_sum(poly, written)
    inverse = inv.make((atom,))
    factor = transpose.make((inverse,)) if flipped and not ctx.is_symmetric(inverse) else inverse
    return of_factor(factor).scaled(1 / c)


def inverse_factor(ctx: Normalizer, factor: Expr) -> Poly:
    """The inverse of one square factor."""
    met: Poly | None = first("inverse", ctx, factor)
    return of_factor(inv.make((factor,))) if met is None or met.single() is None else met


def oriented(ctx: Normalizer, op: Operation, poly: Poly) -> Poly:
    """An operation that commutes with transposition, at the one of M and Mᵀ that was met first."""
    inside = ctx.canonical(poly)
    rows, columns = poly.shape
    flipped = False
    if rows is ONE and columns is not ONE:
        inside, flipped = ctx.canonical(transpose_poly(ctx, poly)), True
    elif columns is not ONE:
        other = ctx.canonical(transpose_poly(ctx, poly))
        if other is not inside and ctx.is_turned(inside, other):
            inside, flipped = other, True
    atom = op.make((inside,))
    return of_atom(transpose.make((atom,)) if flipped and not ctx.is_symmetric(atom) else atom)


def function(ctx: Normalizer, op: Operation, poly: Poly) -> Poly:
    """A scalar function of each entry."""
    return first(op.name, ctx, op, poly) or ctx.oriented(op, poly)


def opaque(ctx: Normalizer, node: Expr) -> Poly:
    """An operation without identities, over canonical operands."""
    args = tuple(ctx.canonical(ctx.full(a)) for a in node.args)
    try:
        atom = node.op.build(args, node.data)
    except DeriveError:
        atom = node
    return of_atom(atom) if atom.op is node.op else ctx.full(atom)


def over_common_powers(ctx: Normalizer, poly: Poly, everywhere: bool = False) -> Poly:
    """v^(−1/2) − v^(−3/2) r as v^(−3/2) (v − r): reciprocal powers of a sum brought to the lowest.

    Where they differ by integers; `everywhere` says that terms without the sum count too.
    """
    powers = {mono: _reciprocal_sums(ctx, mono, poly.shape) for mono in poly.terms}
    for base in sorted({b for found in powers.values() for b in found}, key=key):
        have = {mono: _reciprocal_sums(ctx, mono, poly.shape).get(base) for mono in poly.terms}
        lowest = min(e for e in have.values() if e is not None)
        total: list[tuple[Mono, Fraction]] = []
        for mono, c in poly.terms.items():
            e = have[mono] if have[mono] is not None or not everywhere else Fraction(0)
            missing = Fraction(0) if e is None else e - lowest
            if missing > 0 and missing.denominator == 1:
                total += _lowered(ctx, poly.shape, mono, c, base, int(missing)).terms.items()
            else:
                total.append((mono, c))
        poly = collect(poly.shape, total)
        if not poly.terms:
            break
    return poly


def _reciprocal_sums(ctx: Normalizer, mono: Mono, shape: Shape) -> Bases:
    """The reciprocal powers of sums in a term: of scalars, and of entries."""
    scalars, chain = mono
    found = {b: e for b, e in scalars if b.op is add and e < 0}
    if any(b.op is add and e < 0 for f in chain for b, e in factor_bases(f)):
        for bases in ctx.decomposed(chain, shape)[:2]:
            found.update((b, e) for b, e in bases.items() if b.op is add and e < 0)
    return found


def _lowered(ctx: Normalizer, shape: Shape, mono: Mono, c: Fraction, base: Expr, k: int) -> Poly:
    """A term with `base` to a power lower by k, times `base` multiplied out k times."""
    scalars, chain = mono
    opened = ctx.full(base)
    if base.is_scalar:
        k1, lower = with_scalars(ctx, scalars, ((base, Fraction(-k)),))
        product = Poly(shape, {(lower, chain): c * k1})
        for _ in range(k):
            total = []
            for (own, same), a in product.terms.items():
                for (more, _), b in opened.terms.items():
                    k1, merged = with_scalars(ctx, own, more)
                    total.append(((merged, same), a * b * k1))
            product = collect(shape, total)
        return product
    left, core, right = ctx.decomposed(chain, shape)
    by_row = base.shape[1] is ONE
    powers = {base: Fraction(-k)}
    parts = (sum_bases(left, powers), core, right) if by_row else (left, sum_bases(core, powers), right)
    product = ctx.scaled_by(ctx.composed(parts, shape), c, scalars)
    if by_row and shape[1] is not ONE:
        opened = ctx.times(opened, ctx.full(ones(1, shape[1])))
    for _ in range(k):
        product = ctx.entry_products(product, opened, shape)
    return product
