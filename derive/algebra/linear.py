"""Linear rearrangements in normal form: diagonals, Kronecker products, vec, the sum of entries.

The functions here are methods of `Normalizer`, kept apart along the mathematics.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

from ..expr import (
    ones,
)
from ..operations import (
    diagonal,
    diagonal_matrix,
    kron,
    matmul,
    sum_entries,
    transpose,
    unvec,
    vec,
)
from ..shapes import ONE, SCALAR, Shape
from .atoms import (
    merged,
    mono_expr,
    sum_bases,
)
from .polynomial import Chain, Mono, Poly, collect, key
from .products import (
    chain_product,
    entries_expr,
    entry_bases,
    entry_sum,
    flip,
    simplify_bases,
    trace_poly,
    transpose_poly,
)

if TYPE_CHECKING:
    from .normal import Normalizer

F1 = Fraction(1)


def linear(ctx: Normalizer, poly: Poly, shape: Shape, one: Callable[[Chain], Poly]) -> Poly:
    """A linear map, given on chains."""
    total: list[tuple[Mono, Fraction]] = []
    for (scalars, chain), c in poly.terms.items():
        total += ctx.scaled_by(one(chain), c, scalars).terms.items()
    return collect(shape, total)


def diagonal_matrix_of(ctx: Normalizer, poly: Poly) -> Poly:
    n = poly.shape[0]

    def one(chain: Chain) -> Poly:
        if chain == (ones(n),):
            return Poly((n, n), {((), ()): F1})
        vector = chain[0] if len(chain) == 1 else matmul.make(chain)
        if len(chain) > 1 and chain[0].op is diagonal_matrix:
            left, _, _ = ctx.decomposed(chain, (n, ONE))
            items = sorted(left.items(), key=lambda item: key(item[0]))
            vector = entries_expr(items)
        return Poly((n, n), {((), (diagonal_matrix.make((vector,)),)): F1})

    return ctx.linear(poly, (n, n), one)


def diagonal_of(ctx: Normalizer, poly: Poly) -> Poly:
    n = poly.shape[0]
    column = (n, ONE)

    def one(chain: Chain) -> Poly:
        if not chain:
            return Poly(column, {((), (ones(n),)): F1})
        if len(chain) == 1 and chain[0].op is diagonal_matrix:
            return ctx.vector(dict(entry_bases(chain[0].args[0])), column)
        left, core, right = ctx.decomposed(chain, (n, n))
        bases = sum_bases(left, right)
        for base, e in core.items():
            turned = ctx.canonical(transpose_poly(ctx.as_base(base), ctx))
            inside = min(base, turned, key=key)
            atom = diagonal.make((inside,))
            bases[atom] = bases.get(atom, Fraction(0)) + e
        _, bases = simplify_bases(bases, column, ctx)
        return ctx.vector(bases, column)

    return ctx.linear(poly, column, one)


def kronecker(ctx: Normalizer, left: Poly, right: Poly) -> Poly:
    shape = (left.shape[0] * right.shape[0], left.shape[1] * right.shape[1])
    if left.is_scalar or right.is_scalar:
        return ctx.times(left, right)
    total: list[tuple[Mono, Fraction]] = []
    for (s1, c1), a in left.terms.items():
        for (s2, c2), b in right.terms.items():
            scalars = merged(s1, s2, ctx)
            if not c1 and not c2:
                total.append(((scalars, ()), a * b))
                continue
            one = mono_expr(F1, ((), c1), left.shape)
            two = mono_expr(F1, ((), c2), right.shape)
            if left.shape[1] is ONE and right.shape[0] is ONE:
                # u ⊗ vᵀ = u vᵀ
                total += chain_product(a * b, scalars, (*c1, *c2), shape, ctx).terms.items()
            elif left.shape[0] is ONE and right.shape[1] is ONE:
                total += chain_product(a * b, scalars, (*c2, *c1), shape, ctx).terms.items()
            else:
                total.append(((scalars, (kron.make((one, two)),)), a * b))
    return collect(shape, total)


def stacked(ctx: Normalizer, poly: Poly) -> Poly:
    rows, columns = poly.shape
    shape = (rows * columns, ONE)
    if columns is ONE:
        return poly
    if rows is ONE:
        return transpose_poly(poly, ctx)

    def one(chain: Chain) -> Poly:
        for i in range(1, len(chain)):
            if chain[i].shape[0] is ONE:
                # vec(u vᵀ) = v ⊗ u
                u = Poly((rows, ONE), {((), chain[:i]): F1})
                v = transpose_poly(Poly((ONE, columns), {((), chain[i:]): F1}), ctx)
                return ctx.kron(v, u)
        if len(chain) == 1 and chain[0].op is unvec:
            return ctx.full(chain[0].args[0])
        return Poly(shape, {((), (vec.make((mono_expr(F1, ((), chain), poly.shape),)),)): F1})

    return ctx.linear(poly, shape, one)


def total(ctx: Normalizer, poly: Poly) -> Poly:
    """The sum of all entries."""
    if poly.is_scalar:
        return poly
    rows, columns = poly.shape

    def one(chain: Chain) -> Poly:
        if columns is not ONE:
            left, core, right = ctx.decomposed(chain, poly.shape) if chain else ({}, {}, {})
            if len(core) > 1 or any(e != 1 for e in core.values()):
                if not left and not right:
                    items = sorted(core.items(), key=lambda item: key(item[0]))
                    if len(items) == 2 and all(e == 1 for _, e in items):
                        # Σ A ⊙ B = tr(Aᵀ B)
                        a, b = (ctx.as_base(base) for base, _ in items)
                        return trace_poly(ctx.times(transpose_poly(a, ctx), b), ctx)
                    if len(items) == 1 and items[0][1] == 2:
                        a = ctx.as_base(items[0][0])
                        return trace_poly(ctx.times(transpose_poly(a, ctx), a), ctx)
                    atom = entries_expr(items)
                    turned = ctx.oriented_entries(items)
                    atom = turned.args[0] if turned.op is transpose else atom
                    return Poly(SCALAR, {(((sum_entries.make((atom,)), F1),), ()): F1})
        elif len(chain) == 1:
            return entry_sum(dict(entry_bases(chain[0])), poly.shape, ctx)
        row = (flip(ones(rows), ctx),) if rows is not ONE else ()
        column = (ones(columns),) if columns is not ONE else ()
        return chain_product(F1, (), (*row, *chain, *column), SCALAR, ctx)

    return ctx.linear(poly, SCALAR, one)
