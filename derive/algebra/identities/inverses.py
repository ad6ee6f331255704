"""Inverses and determinants of products and of factors.

`inverse` takes a factor to its inverse; `det` and `logdet` take one square factor.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from ...expr import Expr, symbol_op
from ...operations import add, det, diagonal_matrix, inv, kron, logdet, transpose
from ..atoms import of_chain
from ..polynomial import Poly
from .row import identity

if TYPE_CHECKING:
    from ..normal import Normalizer


@identity("inverse", "(Aᵀ)⁻¹ = (A⁻¹)ᵀ", "A: n×n", "[MC 3]")
def _(ctx: Normalizer, factor: Expr) -> Poly | None:
    return ctx.transposed(ctx.inverse_factor(factor.args[0])) if factor.op is transpose else None


@identity("inverse", "(A⁻¹ B)⁻¹ = B⁻¹ A", "A: n×n, B: n×n")
def _(ctx: Normalizer, factor: Expr) -> Poly | None:
    if factor.op is not inv:
        return None
    inside = factor.args[0]
    return of_chain((inside,) if inside.op is add else ctx.chain_of(inside), factor.shape)


@identity("inverse", "Diag(a)⁻¹ = Diag(a .^ (−1))", "a: n positive")
def _(ctx: Normalizer, factor: Expr) -> Poly | None:
    if factor.op is not diagonal_matrix:
        return None
    return ctx.diagonal_matrix(ctx.entry_power(ctx.full(factor.args[0]), Fraction(-1), None))


@identity("inverse", "Q⁻¹ = Qᵀ", "Q: n×n orthogonal")
def _(ctx: Normalizer, factor: Expr) -> Poly | None:
    if factor.op is not symbol_op or "orthogonal" not in factor.data[1]:
        return None
    return of_chain((ctx.flipped(factor),), factor.shape)


@identity("inverse", "(A ⊗ B)⁻¹ = A⁻¹ ⊗ B⁻¹", "A: m×m, B: n×n", "[MC 512]")
def _(ctx: Normalizer, factor: Expr) -> Poly | None:
    if factor.op is not kron or not all(a.is_square for a in factor.args):
        return None
    return ctx.kron(*(ctx.inverse(ctx.full(a), a) for a in factor.args))


# Determinants: of a product of square factors each is taken by itself


@identity("det", "det(Aᵀ) = det(A)", "A: n×n", "[MC 20]")
def _(ctx: Normalizer, factor: Expr) -> Poly | None:
    return ctx.full(det(factor.args[0])) if factor.op is transpose else None


@identity("det", "det(A⁻¹) = 1 / det(A)", "A: n×n", "[MC 22]")
def _(ctx: Normalizer, factor: Expr) -> Poly | None:
    return ctx.scalar_power(ctx.full(det(factor.args[0])), Fraction(-1), None) if factor.op is inv else None


@identity("logdet", "logdet(Aᵀ) = logdet(A)", "A: n×n", "[MC 20]")
def _(ctx: Normalizer, factor: Expr) -> Poly | None:
    return ctx.full(logdet(factor.args[0])) if factor.op is transpose else None


@identity("logdet", "logdet(A⁻¹) = −logdet(A)", "A: n×n", "[MC 22]")
def _(ctx: Normalizer, factor: Expr) -> Poly | None:
    return ctx.full(logdet(factor.args[0])).scaled(Fraction(-1)) if factor.op is inv else None
