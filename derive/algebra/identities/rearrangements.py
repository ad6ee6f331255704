"""Linear rearrangements: diagonals, Kronecker products, vec, triangles, blocks.

A family is the name of the operation; a row takes a chain, with the node or the shape.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from ...adjoints import block_places
from ...expr import Expr, Operation, ones, ones_op
from ...expr import identity as eye
from ...operations import add, block_op, diagonal, diagonal_matrix, kron, transpose, tril, triu, unvec, vec
from ...shapes import ONE, Shape
from ..atoms import as_atom, entry_bases, of_chain, sum_bases
from ..polynomial import Chain, Poly, key
from .row import Apply, first, identity

if TYPE_CHECKING:
    from ..normal import Normalizer


# Diagonals


@identity("Diag", "Diag(exp(0 x)) = I", "x: n")
def diagonal_of_ones(ctx: Normalizer, chain: Chain, shape: Shape) -> Poly | None:
    return of_chain((), (shape[0], shape[0])) if chain == (ones(shape[0]),) else None


@identity("diag", "diag(eye(n)) = ones(n, 1)", "")
def diagonal_of_identity(ctx: Normalizer, chain: Chain, shape: Shape) -> Poly | None:
    return None if chain else ctx.full(ones(shape[0]))


@identity("diag", "diag(tril(A)) = diag(A)", "A: n×n")
def diagonal_of_triangle(ctx: Normalizer, chain: Chain, shape: Shape) -> Poly | None:
    if len(chain) != 1 or chain[0].op not in (tril, triu):
        return None
    return ctx.diagonal(ctx.full(chain[0].args[0]))


@identity(
    "diag",
    "diag(Diag(a) (A ⊙ B) Diag(b)) = a ⊙ diag(A) ⊙ diag(Bᵀ) ⊙ b",
    "a: n, A: n×n, B: n×n, b: n",
    "[MN, 3.6]",
)
def diagonal_of_scaled_entries(ctx: Normalizer, chain: Chain, shape: Shape) -> Poly | None:
    left, core, right = ctx.decomposed(chain, (shape[0], shape[0]))
    bases = sum_bases(left, right)
    coefficient = Fraction(1)
    for base, e in core.items():
        base = base.args[0] if base.op is transpose else base
        met = first("diag of entry", ctx, base)
        if met is None or (met[0] != 1 and e.denominator > 1) or (not met[0] and e < 0):
            turned = ctx.canonical(ctx.transposed(ctx.as_base(base)))
            met = (Fraction(1), diagonal.make((min(base, turned, key=key),)))
        coefficient *= met[0] ** int(e)
        bases = sum_bases(bases, {b: x * e for b, x in entry_bases(met[1])})
    return ctx.composed((bases, {}, {}), shape).scaled(coefficient)


def _single_atom(poly: Poly) -> tuple[Fraction, Expr] | None:
    single = poly.single()
    inside = as_atom(single[1]) if single is not None else None
    return None if single is None or inside is None else (single[0], inside)


@identity("diag of entry", "diag(exp(A)) = exp(diag(A))", "A: n×n")
def diagonal_of_function(ctx: Normalizer, base: Expr) -> tuple[Fraction, Expr] | None:
    """f of the diagonal, for the functions of entries."""
    if not base.op.is_elementwise:
        return None
    poly = ctx.function(base.op, ctx.diagonal(ctx.full(base.args[0])))
    return _single_atom(poly) if poly.terms else (Fraction(0), ones(base.shape[0]))


@identity("diag of entry", "diag((A + B) .^ (−1)) = (diag(A) + diag(B)) .^ (−1)", "A: n×n, B: n×n")
def diagonal_of_power(ctx: Normalizer, base: Expr) -> tuple[Fraction, Expr] | None:
    if base.op is not add:
        return None
    poly = ctx.diagonal(ctx.full(base))
    if len(poly.terms) > 1:
        c, atom, _ = ctx.atom_of_sum(poly, None)
        return c, atom
    return _single_atom(poly)


@identity("diag of entry", "diag(Diag(a)) = a", "a: n", "[MN, 3.6]")
def diagonal_of_diagonal_matrix(ctx: Normalizer, base: Expr) -> tuple[Fraction, Expr] | None:
    return (Fraction(1), base.args[0]) if base.op is diagonal_matrix else None


# Kronecker products, of one chain by another


@identity("kron", "eye(m) ⊗ eye(n) = eye(m n)", "", "[MN, 2.2]")
def kronecker_of_identities(ctx: Normalizer, left: Chain, right: Chain, shapes: tuple[Shape, Shape]) -> Poly | None:
    if left or right:
        return None
    rows = shapes[0][0] * shapes[1][0]
    return of_chain((), (rows, rows))


@identity("kron", "u ⊗ vᵀ = u vᵀ", "u: m, v: n", "[MN, 2.2]")
def kronecker_of_column_and_row(ctx: Normalizer, left: Chain, right: Chain, shapes: tuple[Shape, Shape]) -> Poly | None:
    one, two = shapes
    return ctx.chain((*left, *right), (one[0], two[1])) if one[1] is ONE and two[0] is ONE else None


@identity("kron", "uᵀ ⊗ v = v uᵀ", "u: m, v: n", "[MN, 2.2]")
def kronecker_of_row_and_column(ctx: Normalizer, left: Chain, right: Chain, shapes: tuple[Shape, Shape]) -> Poly | None:
    one, two = shapes
    return ctx.chain((*right, *left), (two[0], one[1])) if one[0] is ONE and two[1] is ONE else None


@identity("kron", "ones(m, 1) ⊗ ones(n, 1) = ones(m n, 1)", "")
def kronecker_of_ones(ctx: Normalizer, left: Chain, right: Chain, shapes: tuple[Shape, Shape]) -> Poly | None:
    if len(left) != 1 or len(right) != 1 or left[0].op is not ones_op or right[0].op is not ones_op:
        return None
    return ctx.full(ones(shapes[0][0] * shapes[1][0]))


# vec


@identity("vec", "vec(u vᵀ) = v ⊗ u", "u: m, v: n", "[MN, 2.4]")
def vec_of_outer_product(ctx: Normalizer, chain: Chain, shape: Shape) -> Poly | None:
    for i in range(1, len(chain)):
        if chain[i].shape[0] is ONE:
            u = of_chain(chain[:i], (shape[0], ONE))
            v = ctx.transposed(of_chain(chain[i:], (ONE, shape[1])))
            return ctx.kron(v, u)
    return None


@identity("vec", "vec(unvec(x, m, n)) = x", "x: m*n")
def vec_of_unvec(ctx: Normalizer, chain: Chain, shape: Shape) -> Poly | None:
    return ctx.full(chain[0].args[0]) if len(chain) == 1 and chain[0].op is unvec else None


@identity("unvec", "unvec(vec(A) + x, m, n) = A + unvec(x, m, n)", "A: m×n, x: m*n")
def unvec_of_sum(ctx: Normalizer, chain: Chain, shape: Shape) -> Poly | None:
    if len(chain) != 1 or chain[0].op is not vec or chain[0].args[0].shape != shape:
        return None
    return ctx.full(chain[0].args[0])


@identity("expm", "expm(0 A) = I", "A: n×n", "[H, 10.1]")
def exponential_of_zero(ctx: Normalizer, poly: Poly) -> Poly | None:
    return None if poly.terms else ctx.full(eye(poly.shape[0]))


# Triangles and blocks


def _diagonal_alone(ctx: Normalizer, chain: Chain, shape: Shape) -> Poly | None:
    return of_chain(chain, shape) if all(f.op is diagonal_matrix for f in chain) else None


identity("tril", "tril(Diag(a)) = Diag(a)", "a: n")(_diagonal_alone)
identity("triu", "triu(Diag(a)) = Diag(a)", "a: n")(_diagonal_alone)


def _side(factor: Expr) -> Operation | None:
    """tril or triu where a factor has only that triangle."""
    turned = factor.op is transpose
    atom = factor.args[0] if turned else factor
    is_lower, is_upper = atom.op is tril or "lower" in atom.properties, atom.op is triu or "upper" in atom.properties
    if is_lower == is_upper:
        return None
    return tril if is_lower != turned else triu


def _triangle_of(op: Operation) -> Apply:
    def apply(ctx: Normalizer, chain: Chain, shape: Shape) -> Poly | None:
        side = _side(chain[0]) if len(chain) == 1 else None
        if side is None:
            return None
        whole = of_chain(chain, shape)
        return whole if side is op else ctx.diagonal_matrix(ctx.diagonal(whole))

    return apply


identity("tril", "tril(tril(A)) = tril(A)", "A: n×n")(_triangle_of(tril))
identity("triu", "triu(tril(A)) = Diag(diag(A))", "A: n×n")(_triangle_of(triu))


@identity("submatrix", "[A B; C D][0:m, 0:n] = A", "A: m×n, B: m×q, C: p×n, D: p×q")
def window_of_block(ctx: Normalizer, inside: Expr, place: tuple[object, ...]) -> Poly | None:
    if inside.op is not block_op:
        return None
    places = zip(inside.args, block_places(inside.args, *inside.data), strict=True)
    return next((ctx.full(part) for part, at in places if at == place), None)


# The pullbacks of A ⊗ B: G ↦ Σ ⟨block, B⟩ and G ↦ Σ aᵢⱼ blockᵢⱼ


def _kron_pair(chain: Chain) -> tuple[Expr, Expr] | None:
    if len(chain) != 1:
        return None
    factor, turned = chain[0], transpose(chain[0])
    if factor.op is kron:
        return factor.args[0], factor.args[1]
    return (transpose(turned.args[0]), transpose(turned.args[1])) if turned.op is kron else None


def _of_identity(ctx: Normalizer, chain: Chain, other: Poly, shape: Shape) -> Poly | None:
    if chain or shape[0] is not shape[1]:
        return None
    return ctx.times(ctx.trace(other), ctx.full(eye(shape[0])))


def _of_kron(at: int) -> Apply:
    def apply(ctx: Normalizer, chain: Chain, other: Poly, shape: Shape) -> Poly | None:
        pair = _kron_pair(chain)
        if pair is None or pair[at].shape != other.shape:
            return None
        product = ctx.times(ctx.transposed(ctx.full(pair[at])), other)
        return ctx.times(product if product.is_scalar else ctx.trace(product), ctx.full(pair[1 - at]))

    return apply


identity("block_inner", "block_inner(eye(m n), B) = tr(B) eye(m)", "B: n×n")(_of_identity)
identity("block_inner", "block_inner(P ⊗ Q, B) = tr(Qᵀ B) P", "P: m×n, Q: p×q, B: p×q")(_of_kron(1))
identity("block_sum", "block_sum(eye(m n), A) = tr(A) eye(n)", "A: m×m")(_of_identity)
identity("block_sum", "block_sum(P ⊗ Q, A) = tr(Pᵀ A) Q", "P: m×n, Q: p×q, A: m×n")(_of_kron(0))
