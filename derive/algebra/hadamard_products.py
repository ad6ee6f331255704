"""Entrywise products in normal form.

A chain is  Diag(L) · core · Diag(R): factors that act by row, by entry and by column.  The
functions here are methods of `Normalizer`, kept apart along the mathematics.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from ..expr import Expr, identity, ones
from ..operations import add, diagonal_matrix, matmul, transpose
from ..shapes import ONE, Shape
from .atoms import (
    Bases,
    divides,
    entries_expr,
    factor_bases,
    has_reciprocal_sum,
    in_order,
    of_chain,
    of_factor,
    only_chain,
    powers_in,
    sum_bases,
)
from .budget import MAX_TERMS, TooLargeError
from .identities import first
from .polynomial import Chain, Mono, Poly, collect, key
from .products import chain_product, simplify_bases, transpose_poly

if TYPE_CHECKING:
    from .normal import Normalizer


def entrywise(ctx: Normalizer, polys: Sequence[Poly]) -> Poly:
    """The Hadamard product of sums."""
    product = polys[0]
    if product.is_scalar:
        for other in polys[1:]:
            product = ctx.times(product, other)
        return product
    shape = product.shape
    if shape[0] is ONE:
        return transpose_poly(ctx, ctx.entrywise([transpose_poly(ctx, p) for p in polys]))
    for other in polys[1:]:
        product = ctx.entrywise_pair(product, other, shape)
    return product


def entrywise_pair(ctx: Normalizer, left: Poly, right: Poly, shape: Shape) -> Poly:
    if len(left.terms) * len(right.terms) > MAX_TERMS:
        raise TooLargeError(f"more than {MAX_TERMS} terms when multiplied out")
    total: list[tuple[Mono, Fraction]] = []
    for one, other in ((left, right), (right, left)):
        # A sum over itself cancels before it is multiplied out.
        if len(one.terms) > 1 and any(has_reciprocal_sum(chain) for _, chain in other.terms):
            c, atom, flipped = ctx.atom_of_sum(one, None)
            base = of_factor(transpose.make((atom,)) if flipped else atom)
            remaining: dict[Mono, Fraction] = {}
            for (scalars, chain), k in other.terms.items():
                if divides(atom, chain):
                    term = Poly(shape, {(scalars, chain): k * c})
                    total += ctx.entry_products(term, base, shape).terms.items()
                else:
                    remaining[(scalars, chain)] = k
            if total:
                rest = Poly(shape, remaining)
                pair = (left, rest) if one is left else (rest, right)
                total += ctx.entry_products(*pair, shape).terms.items()
                return ctx.reopened_entries(collect(shape, total))
    return ctx.reopened_entries(ctx.entry_products(left, right, shape))


def entry_products(ctx: Normalizer, left: Poly, right: Poly, shape: Shape) -> Poly:
    total: list[tuple[Mono, Fraction]] = []
    for (s1, c1), a in left.terms.items():
        for (s2, c2), b in right.terms.items():
            (l1, m1, r1), (l2, m2, r2) = ctx.decomposed(c1, shape), ctx.decomposed(c2, shape)
            built = ctx.composed((sum_bases(l1, l2), sum_bases(m1, m2), sum_bases(r1, r2)), shape)
            total += ctx.scaled_by(built, a * b, (*s1, *s2)).terms.items()
    return collect(shape, total)


def reopened_entries(ctx: Normalizer, poly: Poly) -> Poly:
    """Multiply out entrywise sums that came to stand with a positive power."""
    if ctx.is_keeping:
        return poly
    powers = (power for _, chain in poly.terms for factor in chain for power in factor_bases(factor))
    if not any(b.op is add and e > 0 and e.denominator == 1 for b, e in powers):
        return poly
    total: list[tuple[Mono, Fraction]] = []
    shape = poly.shape
    for (scalars, chain), c in poly.terms.items():
        sums: list[tuple[int, Expr, int]] = []
        parts: list[Bases] = []
        for axis, bases in enumerate(ctx.decomposed(chain, shape)):
            opened = {b: int(e) for b, e in bases.items() if b.op is add and e > 0 and e.denominator == 1}
            sums += ((axis, b, times) for b, times in opened.items())
            parts.append({b: e for b, e in bases.items() if b not in opened})
        if not sums:
            total.append(((scalars, chain), c))
            continue
        product = ctx.scaled_by(ctx.composed((parts[0], parts[1], parts[2]), shape), c, scalars)
        for axis, base, times in sums:
            other = ctx.full(base)
            if shape[1] is not ONE and axis == 0:
                other = ctx.times(other, ctx.full(ones(1, shape[1])))
            elif axis == 2:
                other = ctx.times(ctx.full(ones(shape[0])), transpose_poly(ctx, other))
            for _ in range(times):
                product = ctx.entry_products(product, other, shape)
        total += product.terms.items()
    return collect(shape, total)


def decomposed(ctx: Normalizer, chain: Chain, shape: Shape) -> tuple[Bases, Bases, Bases]:
    """A chain as  Diag(L) · core · Diag(R): entrywise factors by row, by entry, by column.

    A rank-one chain has no core; a vector has its factors in L.
    """
    parts: tuple[Bases, Bases, Bases] = ({}, {}, {})
    if not chain:
        parts[1][identity(shape[0])] = Fraction(1)
    while chain:
        met = first("apart", ctx, chain, shape)
        if met is None:
            whole = chain[0] if len(chain) == 1 else matmul.make(chain)
            bases = powers_in(whole) if len(chain) == 1 or shape[1] is ONE else {whole: Fraction(1)}
            met = (), ((bases, {}, {}) if shape[1] is ONE else ({}, bases, {}))
        chain, taken = met
        parts = (sum_bases(parts[0], taken[0]), sum_bases(parts[1], taken[1]), sum_bases(parts[2], taken[2]))
    return parts


def as_base(ctx: Normalizer, base: Expr) -> Poly:
    if base.op is add or base.op is transpose:
        return of_factor(base)
    return ctx.full(base)


def composed(ctx: Normalizer, parts: tuple[Bases, Bases, Bases], shape: Shape) -> Poly:
    """The inverse of `decomposed`."""
    column, row = (shape[0], ONE), (shape[1], ONE)
    is_column = shape[1] is ONE
    left = simplify_bases(ctx, parts[0], column)
    core, right = ({}, {}) if is_column else (simplify_bases(ctx, parts[1], shape), simplify_bases(ctx, parts[2], row))
    met: Poly | None = first("entries", ctx, (left, core, right), shape)
    if met is not None:
        return met
    for i, bases in enumerate((left, core, right)):
        split = ctx.split(bases)
        if split is not None:
            total: list[tuple[Mono, Fraction]] = []
            for sign, part in split:
                made = [part if i == j else other for j, other in enumerate((left, core, right))]
                total += ctx.composed((made[0], made[1], made[2]), shape).scaled(sign).terms.items()
            return collect(shape, total)
    if is_column:
        return ctx.vector(left, shape)
    if not core:
        return chain_product(
            ctx,
            (*only_chain(ctx.vector(left, column)), *only_chain(transpose_poly(ctx, ctx.vector(right, row)))),
            shape,
        )
    factors: list[Expr] = []
    if left:
        factors += ctx.diagonal_chain(ctx.vector(left, column))
    items = in_order((b, e) for b, e in core.items() if e)
    if not items:
        return ctx.composed((left, {}, right), shape)
    if len(items) == 1 and items[0][1] == 1:
        factors += ctx.chain_of(items[0][0])
    else:
        factors.append(ctx.oriented_entries(items))
    if right:
        factors += ctx.diagonal_chain(ctx.vector(right, row))
    return chain_product(ctx, factors, shape)


def diagonal_chain(ctx: Normalizer, vector: Poly) -> Chain:
    if not vector.terms or next(iter(vector.terms))[1] == (ones(vector.shape[0]),):
        return ()
    return only_chain(ctx.diagonal_matrix(vector))


def oriented_entries(ctx: Normalizer, items: list[tuple[Expr, Fraction]]) -> Expr:
    atom = entries_expr(items)
    turned = entries_expr(in_order((ctx.canonical(transpose_poly(ctx, ctx.as_base(b))), e) for b, e in items))
    return transpose.make((turned,)) if key(turned) < key(atom) else atom


def vector(ctx: Normalizer, bases: Bases, shape: Shape) -> Poly:
    items = in_order((b, e) for b, e in bases.items() if e)
    composite = [b for b, e in items if e == 1 and b.op is matmul]
    if not items:
        chain: Chain = (ones(shape[0]),)
    elif len(items) == 1 and items[0][1] == 1:
        chain = ctx.chain_of(items[0][0])
    elif len(composite) == 1:
        # Diag(a) M y: the composite keeps its factors in reach.
        others = [(b, e) for b, e in items if b is not composite[0]]
        chain = (diagonal_matrix.make((entries_expr(others),)), *composite[0].args)
    else:
        chain = (entries_expr(items),)
    return of_chain(chain, shape)
