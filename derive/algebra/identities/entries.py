"""Entrywise products and sums of entries.

`apart` takes from a chain what acts by row, by entry or by column; `entries` makes the
product of such factors a chain again; `sum` is the sum of the entries of a product.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from ...expr import Expr, dimension, identity_op, ones
from ...operations import diagonal, diagonal_matrix, hadamard, power, softmax, transpose, tril, triu
from ...shapes import ONE, SCALAR, Shape
from ..atoms import Bases, entries_expr, entry_bases, of_chain, powers_in, sum_bases
from ..polynomial import Chain, Poly
from .row import identity

if TYPE_CHECKING:
    from ..normal import Normalizer

Parts = tuple[Bases, Bases, Bases]  # by row, by entry, by column
Items = list[tuple[Expr, Fraction]]


# What a chain is made of, entry by entry


@identity("apart", "(Diag(a) A) ⊙ B = Diag(a) (A ⊙ B)", "a: m, A: m×n, B: m×n", "[MN, 3.6]")
def diagonal_before_entries(ctx: Normalizer, chain: Chain, shape: Shape) -> tuple[Chain, Parts] | None:
    if len(chain) < 2 or chain[0].op is not diagonal_matrix:
        return None
    return chain[1:], (powers_in(chain[0].args[0]), {}, {})


@identity("apart", "(A Diag(b)) ⊙ B = (A ⊙ B) Diag(b)", "b: n, A: m×n, B: m×n", "[MN, 3.6]")
def diagonal_behind_entries(ctx: Normalizer, chain: Chain, shape: Shape) -> tuple[Chain, Parts] | None:
    if len(chain) < 2 or chain[-1].op is not diagonal_matrix:
        return None
    return chain[:-1], ({}, {}, powers_in(chain[-1].args[0]))


@identity("apart", "(u vᵀ) ⊙ A = Diag(u) A Diag(v)", "u: m, v: n, A: m×n", "[MN, 3.6]")
def outer_product_of_entries(ctx: Normalizer, chain: Chain, shape: Shape) -> tuple[Chain, Parts] | None:
    if shape[1] is ONE:
        return None
    for i in range(1, len(chain)):
        if chain[i].shape[0] is ONE:
            sign, column = ctx.transposed_chain(chain[i:])
            if sign != 1:
                return None  # xᵀ K with K skew has no column form without a sign
            u = ctx.decomposed(chain[:i], (shape[0], ONE))[0]
            v = ctx.decomposed(column, (shape[1], ONE))[0]
            return (), (u, {}, v)
    return None


@identity("apart", "(A ⊙ B)ᵀ ⊙ Aᵀ = Aᵀ .^ 2 ⊙ Bᵀ", "A: m×n, B: m×n")
def transposes_of_entries(ctx: Normalizer, chain: Chain, shape: Shape) -> tuple[Chain, Parts] | None:
    if shape[1] is ONE or len(chain) != 1 or chain[0].op is not transpose:
        return None
    if chain[0].args[0].op not in (hadamard, power):
        return None
    bases = entry_bases(chain[0].args[0])
    core = sum_bases((ctx.canonical(ctx.transposed(ctx.as_base(base))), e) for base, e in bases)
    return (), ({}, core, {})


# What such factors become


@identity("entries", "tr(sign(A) A) (sign(Aᵀ) ⊙ Aᵀ) = tr(sign(A) A) abs(A)ᵀ", "A: n×n")
def entries_of_transposes(ctx: Normalizer, parts: Parts, shape: Shape) -> Poly | None:
    """Aᵀ ⊙ Bᵀ = (A ⊙ B)ᵀ, so that functions merge whichever way they stand."""
    left, core, right = parts
    if len(core) < 2 or any(b.op is not transpose for b in core):
        return None
    turned = {b.args[0]: e for b, e in core.items()}
    return ctx.transposed(ctx.composed((right, turned, left), (shape[1], shape[0])))


@identity("entries", "Diag(x) ⊙ A = Diag(x ⊙ diag(A))", "x: n, A: n×n", "[MN, 3.6]")
def entries_of_diagonal(ctx: Normalizer, parts: Parts, shape: Shape) -> Poly | None:
    left, core, right = parts
    found = [b for b, e in core.items() if e > 0 and (b.op is diagonal_matrix or b.op is identity_op)]
    if not found or (len(core) == 1 and core[found[0]] == 1 and found[0].op is diagonal_matrix):
        return None
    inside = ((b, e * core[base]) for base in found if base.args for b, e in entry_bases(base.args[0]))
    values = ctx.composed((sum_bases(left, right, inside), {}, {}), (shape[0], ONE))
    rest = {b: e for b, e in core.items() if b not in found}
    if rest:
        values = ctx.entrywise([values, ctx.diagonal(ctx.composed(({}, rest, {}), shape))])
    return ctx.diagonal_matrix(values)


@identity("entries", "tril(A) ⊙ B = tril(A ⊙ B)", "A: n×n, B: n×n")
def triangle_of_entries(ctx: Normalizer, parts: Parts, shape: Shape) -> Poly | None:
    core = parts[1]
    found = [b for b, e in core.items() if e == 1 and b.op in (tril, triu)]
    if not found or len(core) == 1:
        return None
    inside = {b: e for b, e in core.items() if b is not found[0]}
    product = ctx.entrywise([ctx.full(found[0].args[0]), ctx.composed((parts[0], inside, parts[2]), shape)])
    return ctx.triangle(found[0].op, product)


# Sums of the entries of a vector


@identity("sum", "sum(ones(n, 1)) = tr(eye(n))", "", words="count the ones")
def sum_of_ones(ctx: Normalizer, items: Items, shape: Shape) -> Poly | None:
    return None if items else ctx.full(dimension(shape[0] * shape[1]))


@identity("sum", "sum(softmax(x)) = 1", "x: n")
def sum_of_softmax(ctx: Normalizer, items: Items, shape: Shape) -> Poly | None:
    if len(items) == 1 and items[0][1] == 1 and items[0][0].op is softmax:
        return of_chain((), SCALAR)
    return None


@identity("sum", "sum(y) = 1", "y: n, 𝟏ᵀy = 1", words="use what y sums to")
def sum_of_distribution(ctx: Normalizer, items: Items, shape: Shape) -> Poly | None:
    is_met = len(items) == 1 and items[0][1] == 1 and "column sums 1" in items[0][0].properties
    return of_chain((), SCALAR) if is_met else None


@identity("sum", "sum(a ⊙ diag(M)) = tr(Diag(a) M)", "a: n, M: n×n", "[MN, 3.6]")
def sum_of_diagonal(ctx: Normalizer, items: Items, shape: Shape) -> Poly | None:
    found = [base for base, e in items if base.op is diagonal]
    weights = [(base, e) for base, e in items if base.op is not diagonal]
    if len(found) != 1 or len(weights) + 1 != len(items) or (found[0], Fraction(1)) not in items:
        return None
    chain = ctx.chain_of(found[0].args[0])
    alone = chain[0].args[0] if len(chain) == 1 and chain[0].op is transpose else chain[0] if chain else found[0]
    if len(chain) == 1 and not weights and (alone.op in (hadamard, power) or alone.op.is_elementwise):
        return None  # of which the trace is the sum of the diagonal
    if weights:
        chain = (diagonal_matrix.make((entries_expr(weights),)), *chain)
    return ctx.trace(of_chain(chain, (shape[0], shape[0])))


@identity("sum", "sum(x ⊙ exp(v)) / sum(exp(v)) = xᵀ softmax(v)", "v: n, x: n")
def sum_of_weighted_exponentials(ctx: Normalizer, items: Items, shape: Shape) -> Poly | None:
    if shape[1] is not ONE:
        return None
    if len(items) == 2 and items[0][1] == items[1][1] == 1:
        return ctx.scalar_product(items[0][0], items[1][0])
    if len(items) == 1 and items[0][1] in (1, 2):
        return ctx.scalar_product(items[0][0] if items[0][1] == 2 else ones(shape[0]), items[0][0])
    return None


# and of a matrix


@identity("sum of matrix", "sum(A ⊙ B) = tr(Aᵀ B)", "A: m×n, B: m×n", "[MN, 3.6]")
def sum_of_entries_of_product(ctx: Normalizer, items: Items) -> Poly | None:
    if len(items) != 2 or any(e != 1 for _, e in items):
        return None
    a, b = (ctx.as_base(base) for base, _ in items)
    return ctx.trace(ctx.times(ctx.transposed(a), b))


@identity("sum of matrix", "sum(A .^ 2) = tr(Aᵀ A)", "A: m×n", "[MC 115]")
def sum_of_squares(ctx: Normalizer, items: Items) -> Poly | None:
    if len(items) != 1 or items[0][1] != 2:
        return None
    a = ctx.as_base(items[0][0])
    return ctx.trace(ctx.times(ctx.transposed(a), a))
