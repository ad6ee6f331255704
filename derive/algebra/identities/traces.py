"""Transposes, traces and scalar products: what a chain becomes as a whole.

`transpose` gives the sign and the transpose of a factor; `trace` takes a
chain; `same trace` and `same dot` list chains of the same value, of
which the normal form keeps the least.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...expr import Expr, dimension, symbol_op, symbols_of
from ...operations import diagonal, diagonal_matrix, hadamard, kron, power, trace, transpose, tril, triu
from ...shapes import ONE, SCALAR, Shape
from ..atoms import as_atom, entry_bases, of_chain, of_factor
from ..polynomial import Chain, Poly
from .neighbors import inverted
from .row import identity

if TYPE_CHECKING:
    from ..normal import Normalizer

Signed = tuple[int, Chain]


def is_skew(factor: Expr) -> bool:
    return factor.op is symbol_op and "skew" in factor.data[1]


# The transpose of a factor


@identity("transpose", "(Aᵀ B)ᵀ = Bᵀ A", "A: m×n, B: m×p")
def transpose_of_product(ctx: Normalizer, factor: Expr) -> tuple[int, Expr] | None:
    return (1, factor.args[0]) if factor.op is transpose else None


@identity("transpose", "Kᵀ = −K", "K: n×n skew")
def transpose_of_skew(ctx: Normalizer, factor: Expr) -> tuple[int, Expr] | None:
    return (-1, factor) if is_skew(factor) else None


@identity("transpose", "Sᵀ = S", "S: n×n symmetric")
def transpose_of_symmetric(ctx: Normalizer, factor: Expr) -> tuple[int, Expr] | None:
    return (1, factor) if ctx.is_symmetric(factor) else None


@identity("transpose", "(A ⊗ B)ᵀ = Aᵀ ⊗ Bᵀ", "A: m×n, B: p×q", "[MC 510]")
def transpose_of_kronecker(ctx: Normalizer, factor: Expr) -> tuple[int, Expr] | None:
    if factor.op is not kron or any(is_skew(s) for s in symbols_of(factor)):
        return None
    return 1, kron.make(tuple(ctx.canonical(ctx.transposed(ctx.full(a))) for a in factor.args))


@identity("transpose", "tril(A)ᵀ = triu(Aᵀ)", "A: n×n")
def transpose_of_triangle(ctx: Normalizer, factor: Expr) -> tuple[int, Expr] | None:
    if factor.op not in (tril, triu):
        return None
    turned = ctx.triangle(triu if factor.op is tril else tril, ctx.transposed(ctx.full(factor.args[0]))).single()
    inside = as_atom(turned[1]) if turned is not None and abs(turned[0]) == 1 else None
    return None if turned is None or inside is None else (int(turned[0]), inside)


# Traces


@identity("trace", "tr(eye(n)) = sum(ones(n, 1))", "")
def trace_of_identity(ctx: Normalizer, chain: Chain, shape: Shape) -> Poly | None:
    return None if chain else ctx.full(dimension(shape[0]))


@identity("trace", "tr(x yᵀ) = yᵀ x", "x: n, y: n", "[MC 16]")
def trace_of_outer_product(ctx: Normalizer, chain: Chain, shape: Shape) -> Poly | None:
    for i in range(1, len(chain)):
        if chain[i].shape[0] is ONE:
            return ctx.chain((*chain[i:], *chain[:i]), SCALAR)
    return None


@identity("trace", "tr(A B A⁻¹) = tr(B)", "A: n×n, B: n×n", "[MC 16]")
def trace_of_similar(ctx: Normalizer, chain: Chain, shape: Shape) -> Poly | None:
    if len(chain) < 2:
        return None
    met = ctx.join(chain[-1], chain[0])
    if met is None:
        return None
    inner = chain[1:-1]
    if not inner:
        return ctx.trace(met)
    return ctx.trace(ctx.times(met, ctx.chain(inner, (chain[0].shape[1], chain[-1].shape[0]))))


@identity("trace", "tr(B (A B)⁻¹ A) = tr(eye(n))", "A: n×m, B: m×n, n < m", "[MC 16]")
def trace_of_product_with_inverse(ctx: Normalizer, chain: Chain, shape: Shape) -> Poly | None:
    for i, factor in enumerate(chain):
        if not inverted(ctx, factor):
            continue
        for turned in (chain[i:] + chain[:i], chain[i + 1 :] + chain[: i + 1]):
            shorter = ctx.chain(turned, (turned[0].shape[0], turned[-1].shape[1]))
            if any(len(left) < len(chain) for _, left in shorter.terms):
                return ctx.trace(shorter)
    return None


@identity("trace", "tr(P (A ⊙ B)) = sum(Pᵀ ⊙ A ⊙ B)", "P: n×m, A: m×n, B: m×n", "[MN, 3.6]")
def trace_of_entries_of_three(ctx: Normalizer, chain: Chain, shape: Shape) -> Poly | None:
    for i, factor in enumerate(chain if len(chain) > 1 else ()):
        if (factor.args[0] if factor.op is transpose else factor).op is hadamard:
            others = (*chain[i + 1 :], *chain[:i])
            rest = ctx.transposed(of_chain(others, (others[0].shape[0], others[-1].shape[1])))
            return ctx.total(ctx.entrywise([rest, of_factor(factor)]))
    return None


def _alone(chain: Chain) -> Expr | None:
    """The one factor of a chain, or what it is the transpose of."""
    if len(chain) != 1:
        return None
    return chain[0].args[0] if chain[0].op is transpose else chain[0]


@identity("trace", "tr(A ⊗ B) = tr(A) tr(B)", "A: m×m, B: n×n", "[MC 516]")
def trace_of_kronecker(ctx: Normalizer, chain: Chain, shape: Shape) -> Poly | None:
    atom = _alone(chain)
    if atom is None or atom.op is not kron or not all(a.is_square for a in atom.args):
        return None
    return ctx.times(*(ctx.full(trace(a)) for a in atom.args))


@identity("trace", "tr(K) = 0", "K: n×n skew")
def trace_of_skew(ctx: Normalizer, chain: Chain, shape: Shape) -> Poly | None:
    atom = _alone(chain)
    return Poly(SCALAR, {}) if atom is not None and is_skew(atom) else None


@identity("trace", "tr(Diag(a)) = sum(a)", "a: n", "[MN, 3.6]")
def trace_of_diagonal_matrix(ctx: Normalizer, chain: Chain, shape: Shape) -> Poly | None:
    atom = _alone(chain)
    return ctx.total(ctx.full(atom.args[0])) if atom is not None and atom.op is diagonal_matrix else None


@identity("trace", "tr(A ⊙ B) = diag(A)ᵀ diag(B)", "A: n×n, B: n×n", "[MN, 3.6]")
def trace_of_entries(ctx: Normalizer, chain: Chain, shape: Shape) -> Poly | None:
    atom = _alone(chain)
    if atom is None or not (atom.op in (hadamard, power) or atom.op.is_elementwise):
        return None
    return ctx.total(ctx.diagonal(of_factor(atom)))


@identity("trace", "tr(A Diag(diag(B))) = diag(A)ᵀ diag(B)", "A: n×n, B: n×n", "[MN, 3.6]")
def trace_with_diagonal_of_diagonal(ctx: Normalizer, chain: Chain, shape: Shape) -> Poly | None:
    for i, factor in enumerate(chain if len(chain) > 1 else ()):
        if factor.op is diagonal_matrix and any(b.op is diagonal for b, _ in entry_bases(factor.args[0])):
            others = (*chain[i + 1 :], *chain[:i])
            side = (factor.shape[0], factor.shape[0])
            return ctx.total(ctx.entrywise([ctx.diagonal(of_chain(others, side)), ctx.full(factor.args[0])]))
    return None


@identity("trace", "tr(Diag(v) A Diag(u) Bᵀ) = vᵀ (A ⊙ B) u", "v: m, u: n, A: m×n, B: m×n", "[MN, 3.6]")
def trace_with_two_diagonals(ctx: Normalizer, chain: Chain, shape: Shape) -> Poly | None:
    at = [i for i, factor in enumerate(chain) if factor.op is diagonal_matrix]
    if len(at) != 2 or at[1] - at[0] < 2 or len(chain) - at[1] + at[0] < 2:
        return None
    one, two = chain[at[0] + 1 : at[1]], (*chain[at[1] + 1 :], *chain[: at[0]])
    v, u = (ctx.full(chain[i].args[0]) for i in at)
    A = of_chain(one, (v.shape[0], u.shape[0]))
    B = ctx.transposed(of_chain(two, (u.shape[0], v.shape[0])))
    return ctx.times(ctx.transposed(v), ctx.times(ctx.entrywise([A, B]), u))


# Chains of the same value


@identity("same trace", "tr(A B) = tr(Bᵀ Aᵀ)", "A: m×n, B: n×m", "[MC 13]")
def trace_of_transpose(ctx: Normalizer, chains: list[Signed]) -> list[Signed]:
    return [ctx.transposed_chain(chain) for _, chain in chains]


@identity("same trace", "tr(A B) = tr(B A)", "A: m×n, B: n×m", "[MC 14]")
def trace_of_rotation(ctx: Normalizer, chains: list[Signed]) -> list[Signed]:
    return [(sign, chain[i:] + chain[:i]) for sign, chain in chains for i in range(1, len(chain))]


@identity("same dot", "xᵀ A y = yᵀ Aᵀ x", "x: m, A: m×n, y: n")
def dot_of_transpose(ctx: Normalizer, chains: list[Signed]) -> list[Signed]:
    return [ctx.transposed_chain(chain) for _, chain in chains]
