"""Inverses and determinants of products and of factors.

`inverse`, `det` and `logdet` take one square factor, `inverse of …`, `det of` and
`logdet of` a product or a sum.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from ...expr import Expr, symbol_op
from ...operations import add, det, diagonal_matrix, inv, kron, logdet, transpose
from ...shapes import SCALAR, Shape
from ..atoms import of_chain, of_scalar
from ..polynomial import Chain, Mono, Poly
from .row import first, identity

if TYPE_CHECKING:
    from ..normal import Normalizer


@identity("inverse", "(Aᵀ)⁻¹ = (A⁻¹)ᵀ", "A: n×n", "[MC 3]")
def inverse_of_transpose(ctx: Normalizer, factor: Expr) -> Poly | None:
    return ctx.transposed(ctx.inverse_factor(factor.args[0])) if factor.op is transpose else None


@identity("inverse", "(A⁻¹ B)⁻¹ = B⁻¹ A", "A: n×n, B: n×n")
def inverse_of_product_with_inverse(ctx: Normalizer, factor: Expr) -> Poly | None:
    if factor.op is not inv:
        return None
    inside = factor.args[0]
    return of_chain((inside,) if inside.op is add else ctx.chain_of(inside), factor.shape)


@identity("inverse", "Diag(a)⁻¹ = Diag(a .^ (−1))", "a: n positive")
def inverse_of_diagonal(ctx: Normalizer, factor: Expr) -> Poly | None:
    if factor.op is not diagonal_matrix:
        return None
    return ctx.diagonal_matrix(ctx.entry_power(ctx.full(factor.args[0]), Fraction(-1), None))


@identity("inverse", "Q⁻¹ = Qᵀ", "Q: n×n orthogonal")
def inverse_of_orthogonal(ctx: Normalizer, factor: Expr) -> Poly | None:
    if factor.op is not symbol_op or "orthogonal" not in factor.data[1]:
        return None
    return of_chain((ctx.flipped(factor),), factor.shape)


@identity("inverse", "(A ⊗ B)⁻¹ = A⁻¹ ⊗ B⁻¹", "A: m×m, B: n×n", "[MC 512]")
def inverse_of_kronecker(ctx: Normalizer, factor: Expr) -> Poly | None:
    if factor.op is not kron or not all(a.is_square for a in factor.args):
        return None
    return ctx.kron(*(ctx.inverse(ctx.full(a), a) for a in factor.args))


@identity("inverse of product", "(A B)⁻¹ = B⁻¹ A⁻¹", "A: n×n, B: n×n", "[MC 1]")
def inverse_of_product(ctx: Normalizer, chain: Chain, shape: Shape) -> Poly | None:
    if not all(f.is_square for f in chain):
        return None
    whole = of_chain((), shape)
    for factor in reversed(chain):
        whole = ctx.times(whole, ctx.inverse_factor(factor))
    return whole


# Sums with something common to all terms


def _scalar_part(poly: Poly) -> tuple[Poly, Poly] | None:
    """A sum as a scalar sum times a sum without scalars, where it is one."""
    by_chain: dict[Chain, dict[Mono, Fraction]] = {}
    for (scalars, chain), c in poly.terms.items():
        by_chain.setdefault(chain, {})[(scalars, ())] = c
    parts = list(by_chain.values())
    lead = next(iter(parts[0]))
    ratios = [part.get(lead, Fraction(0)) / parts[0][lead] for part in parts]
    if lead == ((), ()) and len(parts[0]) == 1:
        return None
    if any(part != {m: c * r for m, c in parts[0].items()} for part, r in zip(parts, ratios)):
        return None
    return Poly(SCALAR, parts[0]), Poly(poly.shape, {((), chain): r for chain, r in zip(by_chain, ratios)})


def _first_factor(poly: Poly) -> tuple[Expr, Poly] | None:
    """The square factor that all terms begin with, and the sum of the rests."""
    heads = {chain[0] if chain else None for _, chain in poly.terms}
    head = heads.pop() if len(poly.terms) > 1 else None
    if heads or head is None or not head.is_square:
        return None
    return head, Poly(poly.shape, {(scalars, chain[1:]): c for (scalars, chain), c in poly.terms.items()})


def _inverse(ctx: Normalizer, poly: Poly) -> Poly:
    return ctx.inverse(poly, None)


@identity("inverse of sum", "((s − t) (A + B))⁻¹ = (A + B)⁻¹ / (s − t)", "A: n×n, B: n×n, s: scalar, t: scalar")
def inverse_of_scaled_sum(ctx: Normalizer, poly: Poly) -> Poly | None:
    found = _scalar_part(poly)
    if found is None:
        return None
    return ctx.times(ctx.scalar_power(found[0], Fraction(-1), None), _inverse(ctx, found[1]))


@identity("inverse of sum", "(A B + A C)⁻¹ = (B + C)⁻¹ A⁻¹", "A: n×n, B: n×n, C: n×n", "[MC 1]")
def inverse_of_sum_with_left_factor(ctx: Normalizer, poly: Poly) -> Poly | None:
    found = _first_factor(poly)
    return None if found is None else ctx.times(_inverse(ctx, found[1]), ctx.inverse_factor(found[0]))


@identity("inverse of sum", "(A C + B C)⁻¹ = C⁻¹ (A + B)⁻¹", "A: n×n, B: n×n, C: n×n", "[MC 1]")
def inverse_of_sum_with_right_factor(ctx: Normalizer, poly: Poly) -> Poly | None:
    found = _first_factor(ctx.transposed(poly))
    if found is None:
        return None
    return ctx.times(ctx.transposed(ctx.inverse_factor(found[0])), _inverse(ctx, ctx.transposed(found[1])))


def _split(ctx: Normalizer, poly: Poly) -> tuple[Expr, Expr] | None:
    """A sum as a product of two square matrices."""
    found = _first_factor(poly)
    if found is not None:
        return found[0], ctx.canonical(found[1])
    found = _first_factor(ctx.transposed(poly))
    return None if found is None else (found[0], ctx.canonical(found[1]))


def _square_factors(poly: Poly) -> Chain | None:
    """The factors of a product of square ones alone."""
    single = poly.single()
    if single is None or single[0] != 1 or single[1][0] or not all(f.is_square for f in single[1][1]):
        return None
    return single[1][1]


@identity("det of", "det(A B) = det(A) det(B)", "A: n×n, B: n×n", "[MC 21]")
def determinant_of_product(ctx: Normalizer, poly: Poly) -> Poly | None:
    factors = _square_factors(poly)
    if factors is None:
        return None
    value = of_chain((), SCALAR)
    for factor in factors:
        value = ctx.times(value, first("det", ctx, factor) or of_scalar(det.make((factor,))))
    return value


@identity("logdet of", "logdet(A B) = logdet(A) + logdet(B)", "A: n×n, B: n×n", "[MC 21]")
def log_determinant_of_product(ctx: Normalizer, poly: Poly) -> Poly | None:
    factors = _square_factors(poly)
    if factors is None:
        return None
    return ctx.plus(SCALAR, [first("logdet", ctx, f) or of_scalar(logdet.make((f,))) for f in factors])


@identity("det of", "det(A B + A C) = det(A) det(B + C)", "A: n×n, B: n×n, C: n×n", "[MC 21]")
def determinant_of_factored_sum(ctx: Normalizer, poly: Poly) -> Poly | None:
    found = _split(ctx, poly)
    return None if found is None else ctx.times(*(ctx.full(det(part)) for part in found))


@identity("logdet of", "logdet(A B + A C) = logdet(A) + logdet(B + C)", "A: n×n, B: n×n, C: n×n", "[MC 21]")
def log_determinant_of_factored_sum(ctx: Normalizer, poly: Poly) -> Poly | None:
    found = _split(ctx, poly)
    return None if found is None else ctx.plus(SCALAR, [ctx.full(logdet(part)) for part in found])


# Determinants of one factor


@identity("det", "det(Aᵀ) = det(A)", "A: n×n", "[MC 20]")
def determinant_of_transpose(ctx: Normalizer, factor: Expr) -> Poly | None:
    return ctx.full(det(factor.args[0])) if factor.op is transpose else None


@identity("det", "det(A⁻¹) = 1 / det(A)", "A: n×n", "[MC 22]")
def determinant_of_inverse(ctx: Normalizer, factor: Expr) -> Poly | None:
    return ctx.scalar_power(ctx.full(det(factor.args[0])), Fraction(-1), None) if factor.op is inv else None


@identity("logdet", "logdet(Aᵀ) = logdet(A)", "A: n×n", "[MC 20]")
def log_determinant_of_transpose(ctx: Normalizer, factor: Expr) -> Poly | None:
    return ctx.full(logdet(factor.args[0])) if factor.op is transpose else None


@identity("logdet", "logdet(A⁻¹) = −logdet(A)", "A: n×n", "[MC 22]")
def log_determinant_of_inverse(ctx: Normalizer, factor: Expr) -> Poly | None:
    return ctx.full(logdet(factor.args[0])).scaled(Fraction(-1)) if factor.op is inv else None
