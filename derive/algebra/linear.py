"""Linear rearrangements in normal form: diagonals, Kronecker products, vec, the sum of entries.

The functions here are methods of `Normalizer`, kept apart along the mathematics.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

from ..expr import Operation, ones
from ..operations import diagonal, diagonal_matrix, kron, matmul, sum_entries, transpose, vec
from ..shapes import ONE, SCALAR, Shape
from .atoms import entries_expr, entry_bases, in_order, mono_expr, of_factor, of_scalar
from .identities import first
from .polynomial import Chain, Mono, Poly, collect
from .products import chain_product, entry_sum, flip, transpose_poly

if TYPE_CHECKING:
    from .normal import Normalizer

F1 = Fraction(1)


def linear(ctx: Normalizer, poly: Poly, shape: Shape, one: Callable[[Chain], Poly]) -> Poly:
    """A linear map, given on chains."""
    total: list[tuple[Mono, Fraction]] = []
    for (scalars, chain), c in poly.terms.items():
        total += ctx.scaled_by(one(chain), c, scalars).terms.items()
    return collect(shape, total)


def rearranged(ctx: Normalizer, family: str, poly: Poly, shape: Shape, one: Callable[[Chain], Poly]) -> Poly:
    """A linear map by the rows of a family; `one` for the chains to which none applies."""

    def chain_of(chain: Chain) -> Poly:
        return first(family, ctx, chain, shape) or one(chain)

    return ctx.linear(poly, shape, chain_of)


def diagonal_matrix_of(ctx: Normalizer, poly: Poly) -> Poly:
    n = poly.shape[0]

    def one(chain: Chain) -> Poly:
        vector = chain[0] if len(chain) == 1 else matmul.make(chain)
        if len(chain) > 1 and chain[0].op is diagonal_matrix:
            left, _, _ = ctx.decomposed(chain, (n, ONE))
            vector = entries_expr(in_order(left))
        return of_factor(diagonal_matrix.make((vector,)))

    return rearranged(ctx, "Diag", poly, (n, n), one)


def diagonal_of(ctx: Normalizer, poly: Poly) -> Poly:
    def one(chain: Chain) -> Poly:
        return of_factor(diagonal.make((mono_expr(F1, ((), chain), poly.shape),)))

    return rearranged(ctx, "diag", poly, (poly.shape[0], ONE), one)


def triangle(ctx: Normalizer, op: Operation, poly: Poly) -> Poly:
    """tril or triu of a sum."""

    def one(chain: Chain) -> Poly:
        return of_factor(op.make((mono_expr(F1, ((), chain), poly.shape),)))

    return rearranged(ctx, op.name, poly, poly.shape, one)


def kronecker(ctx: Normalizer, left: Poly, right: Poly) -> Poly:
    shape = (left.shape[0] * right.shape[0], left.shape[1] * right.shape[1])
    if left.is_scalar or right.is_scalar:
        return ctx.times(left, right)
    total: list[tuple[Mono, Fraction]] = []
    for (s1, c1), a in left.terms.items():
        for (s2, c2), b in right.terms.items():
            one, two = mono_expr(F1, ((), c1), left.shape), mono_expr(F1, ((), c2), right.shape)
            met = first("kron", ctx, c1, c2, (left.shape, right.shape)) or of_factor(kron.make((one, two)))
            total += ctx.scaled_by(met, a * b, (*s1, *s2)).terms.items()
    return collect(shape, total)


def stacked(ctx: Normalizer, poly: Poly) -> Poly:
    rows, columns = poly.shape
    if columns is ONE:
        return poly
    if rows is ONE:
        return transpose_poly(ctx, poly)

    def one(chain: Chain) -> Poly:
        return first("vec", ctx, chain, poly.shape) or of_factor(vec.make((mono_expr(F1, ((), chain), poly.shape),)))

    return ctx.linear(poly, (rows * columns, ONE), one)


def total(ctx: Normalizer, poly: Poly) -> Poly:
    """The sum of all entries."""
    if poly.is_scalar:
        return poly
    rows, columns = poly.shape

    def one(chain: Chain) -> Poly:
        if columns is not ONE:
            left, core, right = ctx.decomposed(chain, poly.shape) if chain else ({}, {}, {})
            if not left and not right and (len(core) > 1 or any(e != 1 for e in core.values())):
                items = in_order(core)
                met: Poly | None = first("sum of matrix", ctx, items)
                if met is not None:
                    return met
                atom = ctx.oriented_entries(items)
                return of_scalar(sum_entries.make((atom.args[0] if atom.op is transpose else atom,)))
        elif len(chain) == 1:
            return entry_sum(ctx, dict(entry_bases(chain[0])), poly.shape)
        # sum(M) = 1ᵀ M 1
        row = (flip(ctx, ones(rows)),) if rows is not ONE else ()
        column = (ones(columns),) if columns is not ONE else ()
        return chain_product(ctx, (*row, *chain, *column), SCALAR)

    return ctx.linear(poly, SCALAR, one)
