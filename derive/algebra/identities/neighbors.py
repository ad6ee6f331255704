"""What two neighbors in a chain become, and what stands at the end of one.

Families are `inv ·`, tried where an inverse is the left one of the two, and `· inv`, where
it is the right one.  A row is given both factors; one of `end` the factors met so far, and
returns those that are left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...expr import Expr, commutation, commutation_op, ones, ones_op, symbol_op
from ...operations import add, diagonal_matrix, hadamard, inv, kron, matmul, transpose, vec
from ...shapes import ONE, SCALAR, Dim
from ..atoms import entry_bases, of_chain, of_factor
from ..polynomial import Chain, Poly
from .row import identity

if TYPE_CHECKING:
    from ..normal import Normalizer


def _one(factor: Expr) -> Poly:
    """The identity to the left of a factor."""
    return of_chain((), (factor.shape[0], factor.shape[0]))


def _ones(size: Dim) -> Poly:
    return of_chain((), SCALAR) if size is ONE else of_factor(ones(size))


def _is_ones(factor: Expr) -> bool:
    return factor.op is ones_op and factor.shape[1] is ONE


def _orthogonal(factor: Expr) -> bool:
    return factor.op is symbol_op and "orthogonal" in factor.data[1]


def is_composite(diagonal: Expr) -> bool:
    """Whether a product stands among the entries of a diagonal matrix."""
    return any(base.op is matmul for base, _ in entry_bases(diagonal.args[0]))


@identity("inv ·", "A⁻¹ A = I", "A: n×n", words="cancel inverses")
def inverse_before(ctx: Normalizer, left: Expr, right: Expr) -> Poly | None:
    return _one(left) if left.args[0] is right else None


@identity("· inv", "A A⁻¹ = I", "A: n×n", words="cancel inverses")
def inverse_behind(ctx: Normalizer, left: Expr, right: Expr) -> Poly | None:
    return _one(left) if right.args[0] is left else None


@identity("transpose ·", "A⁻ᵀ Aᵀ = I", "A: n×n", words="cancel inverses")
def transposed_inverse_before(ctx: Normalizer, left: Expr, right: Expr) -> Poly | None:
    a = left.args[0]
    return _one(left) if right.op is transpose and a.op is inv and a.args[0] is right.args[0] else None


@identity("transpose ·", "Aᵀ A⁻ᵀ = I", "A: n×n", words="cancel inverses")
def transposed_inverse_behind(ctx: Normalizer, left: Expr, right: Expr) -> Poly | None:
    b = right.args[0] if right.op is transpose else right
    return _one(left) if b is not right and b.op is inv and b.args[0] is left.args[0] else None


def inverted(ctx: Normalizer, factor: Expr) -> Chain:
    """The factors of the product of which a factor is the inverse; none where it is no such inverse."""
    flipped = factor.op is transpose
    inverse = factor.args[0] if flipped else factor
    if inverse.op is not inv or inverse.args[0].op is not matmul:
        return ()
    sign, chain = ctx.transposed_chain(inverse.args[0].args) if flipped else (1, inverse.args[0].args)
    return chain if sign > 0 else ()


@identity("end", "(A B)⁻¹ A B = eye(n)", "A: n×m, B: m×n, n < m", words="cancel inverses")
def inverse_of_product_before(ctx: Normalizer, chain: list[Expr]) -> list[Expr] | None:
    for k in range(2, len(chain)):
        product = inverted(ctx, chain[-1 - k])
        if len(product) == k and product == tuple(chain[-k:]):
            return chain[: -1 - k]
    return None


@identity("end", "A B (A B)⁻¹ = eye(n)", "A: n×m, B: m×n, n < m", words="cancel inverses")
def inverse_of_product_behind(ctx: Normalizer, chain: list[Expr]) -> list[Expr] | None:
    product = inverted(ctx, chain[-1])
    k = len(product)
    return chain[: -1 - k] if product and product == tuple(chain[-1 - k : -1]) else None


@identity("transpose ·", "Qᵀ Q = eye(n)", "Q: m×n orthogonal", words="use the orthonormal columns")
def orthogonal_transposed_before(ctx: Normalizer, left: Expr, right: Expr) -> Poly | None:
    return _one(left) if left.args[0] is right and _orthogonal(right) else None


@identity("symbol ·", "Q Qᵀ = I", "Q: n×n orthogonal", words="use orthogonality")
def orthogonal_transposed_behind(ctx: Normalizer, left: Expr, right: Expr) -> Poly | None:
    return (
        _one(left) if _orthogonal(left) and left.is_square and right.op is transpose and right.args[0] is left else None
    )


@identity("symbol ·", "Q Qᵀ = eye(m)", "Q: m×n, Q Qᵀ = I", words="use the orthonormal rows")
def orthonormal_rows(ctx: Normalizer, left: Expr, right: Expr) -> Poly | None:
    return _one(left) if "orthonormal rows" in left.properties and right is transpose.make((left,)) else None


@identity("symbol ·", "Y 𝟏 = ones(m)", "Y: m×n, Y 𝟏 = 𝟏", words="use what the rows sum to")
def rows_sum_to_one(ctx: Normalizer, left: Expr, right: Expr) -> Poly | None:
    return _ones(left.shape[0]) if "row sums 1" in left.properties and _is_ones(right) else None


@identity("transpose ·", "Yᵀ 𝟏 = ones(n)", "Y: m×n, 𝟏ᵀY = 𝟏ᵀ", words="use what the columns sum to")
def columns_sum_to_one(ctx: Normalizer, left: Expr, right: Expr) -> Poly | None:
    return _ones(left.shape[0]) if "column sums 1" in left.args[0].properties and _is_ones(right) else None


@identity("transpose ·", "𝟏ᵀ Y = ones(n)ᵀ", "Y: m×n, 𝟏ᵀY = 𝟏ᵀ", words="use what the columns sum to")
def columns_sum_to_one_transposed(ctx: Normalizer, left: Expr, right: Expr) -> Poly | None:
    is_met = "column sums 1" in right.properties and _is_ones(left.args[0])
    return ctx.transposed(_ones(right.shape[1])) if is_met else None


@identity("transpose ·", "𝟏ᵀ Yᵀ = ones(m)ᵀ", "Y: m×n, Y 𝟏 = 𝟏", words="use what the rows sum to")
def rows_sum_to_one_transposed(ctx: Normalizer, left: Expr, right: Expr) -> Poly | None:
    is_met = right.op is transpose and "row sums 1" in right.args[0].properties and _is_ones(left.args[0])
    return ctx.transposed(_ones(right.shape[1])) if is_met else None


@identity("symbol ·", "Q Q = I", "Q: n×n symmetric orthogonal", words="use orthogonality")
def symmetric_orthogonal_squared(ctx: Normalizer, left: Expr, right: Expr) -> Poly | None:
    return _one(left) if left is right and _orthogonal(left) and "symmetric" in left.data[1] else None


@identity("symbol ·", "P P = P", "P: n×n idempotent", words="use that it is idempotent")
def idempotent_squared(ctx: Normalizer, left: Expr, right: Expr) -> Poly | None:
    return of_factor(left) if left is right and "idempotent" in left.properties else None


@identity("transpose ·", "Pᵀ Pᵀ = Pᵀ", "P: n×n idempotent", words="use that it is idempotent")
def idempotent_transposed_squared(ctx: Normalizer, left: Expr, right: Expr) -> Poly | None:
    return of_factor(left) if left is right and "idempotent" in left.args[0].properties else None


@identity("Diag ·", "Diag(a) Diag(b) = Diag(a ⊙ b)", "a: n, b: n", "[MN, 3.6]")
def diagonal_times_diagonal(ctx: Normalizer, left: Expr, right: Expr) -> Poly | None:
    if right.op is not diagonal_matrix:
        return None
    return ctx.diagonal_matrix(ctx.entrywise([ctx.full(left.args[0]), ctx.full(right.args[0])]))


@identity("Diag ·", "Diag(a) v = a ⊙ v", "a: n, v: n", "[MN, 3.6]")
def diagonal_times_vector(ctx: Normalizer, left: Expr, right: Expr) -> Poly | None:
    if right.shape[1] is not ONE or right.op is transpose:
        return None
    merged = ctx.entrywise([ctx.full(left.args[0]), of_factor(right)])
    single = merged.single()
    # A composite stays Diag(a) M y: only what becomes one factor is merged.
    return merged if single is None or len(single[1][1]) <= 1 or is_composite(left) else None


@identity("· Diag", "vᵀ Diag(a) = (v ⊙ a)ᵀ", "a: n, v: n", "[MN, 3.6]")
def row_times_diagonal(ctx: Normalizer, left: Expr, right: Expr) -> Poly | None:
    if left.shape[0] is not ONE or left.op is not transpose:
        return None
    merged = ctx.entrywise([of_factor(left.args[0]), ctx.full(right.args[0])])
    single = merged.single()
    return ctx.transposed(merged) if single is None or len(single[1][1]) <= 1 else None


_FACTOR_BY_FACTOR = "multiply Kronecker products factor by factor"


@identity("kron ·", "(A ⊗ B) (C ⊗ D) = A C ⊗ B D", "A: m×n, B: p×q, C: n×r, D: q×s", "[MC 511]", _FACTOR_BY_FACTOR)
def kronecker_times_kronecker(ctx: Normalizer, left: Expr, right: Expr) -> Poly | None:
    if right.op is kron:
        c, d = right.args
    elif right.op is transpose and right.args[0].op is kron:
        c, d = (transpose(x) for x in right.args[0].args)
    else:
        return None
    a, b = left.args
    if a.shape[1] is not c.shape[0] or b.shape[1] is not d.shape[0]:
        return None
    return ctx.kron(ctx.times(ctx.full(a), ctx.full(c)), ctx.times(ctx.full(b), ctx.full(d)))


@identity("kron ·", "(A ⊗ B) vec(X) = vec(B X Aᵀ)", "A: m×n, B: p×q, X: q×n", "[MC 520]", _FACTOR_BY_FACTOR)
def kronecker_times_vec(ctx: Normalizer, left: Expr, right: Expr) -> Poly | None:
    if right.op is not vec:
        return None
    (a, b), x = left.args, right.args[0]
    if b.shape[1] is not x.shape[0] or a.shape[1] is not x.shape[1]:
        return None
    return ctx.vec(ctx.times(ctx.times(ctx.full(b), ctx.full(x)), ctx.full(transpose(a))))


@identity("· kron", "vec(X)ᵀ (A ⊗ B) = vec(Bᵀ X A)ᵀ", "A: m×n, B: p×q, X: p×m", "[MC 520]", _FACTOR_BY_FACTOR)
def vec_times_kronecker(ctx: Normalizer, left: Expr, right: Expr) -> Poly | None:
    if left.op is not transpose or left.args[0].op is not vec:
        return None
    found = kronecker_times_vec(ctx, kron(*map(transpose, right.args)), left.args[0])
    return None if found is None else ctx.transposed(found)


_COMMUTATION = "move the commutation matrix"


@identity("commutation ·", "K(m, n) vec(A) = vec(Aᵀ)", "A: m×n", "[MN, 3.7]", _COMMUTATION)
def commutation_times_vec(ctx: Normalizer, left: Expr, right: Expr) -> Poly | None:
    if right.op is not vec or right.args[0].shape != left.data:
        return None
    return ctx.vec(ctx.transposed(ctx.full(right.args[0])))


@identity("commutation ·", "K(m, n) K(n, m) = eye(m n)", "", "[MN, 3.7]", _COMMUTATION)
def commutation_times_commutation(ctx: Normalizer, left: Expr, right: Expr) -> Poly | None:
    m, n = left.data
    return _one(left) if right.op is commutation_op and right.data == (n, m) else None


@identity(
    "commutation ·",
    "K(m, n) (A ⊗ B) = (B ⊗ A) K(q, p)",
    "A: n×p, B: m×q",
    "[MN, 3.7]",
    _COMMUTATION,
)
def commutation_times_kronecker(ctx: Normalizer, left: Expr, right: Expr) -> Poly | None:
    if right.op is not kron:
        return None
    a, b = right.args
    if (b.shape[0], a.shape[0]) != left.data:
        return None
    turned = commutation(b.shape[1], a.shape[1])
    return ctx.times(ctx.kron(ctx.full(b), ctx.full(a)), ctx.full(turned))


# A column as a whole, and a row times a column


def _composite_at(chain: Chain) -> int | None:
    return next((i for i, f in enumerate(chain) if f.op is diagonal_matrix and is_composite(f)), None)


@identity("column", "Diag(A y) A y = (A y) .^ 2", "A: n×n, y: n")
def diagonal_of_column_times_it(ctx: Normalizer, chain: Chain) -> Chain | None:
    i = _composite_at(chain)
    if i is None or len(chain) - i < 3 or chain[-1].shape[1] is not ONE:
        return None
    shape = (chain[i].shape[0], chain[-1].shape[1])
    merged = ctx.vector(ctx.decomposed(chain[i:], shape)[0], shape).single()
    if merged is None or merged[0] != 1 or merged[1][0] or merged[1][1] == chain[i:]:
        return None
    return (*chain[:i], *merged[1][1])


@identity("dot", "xᵀ Aᵀ (B y ⊙ C z) = sum(A x ⊙ B y ⊙ C z)", "A: n×n, B: n×n, C: n×n, x: n, y: n, z: n")
def vector_times_entrywise_product(ctx: Normalizer, chain: Chain) -> Poly | None:
    last = chain[-1]
    if last.op is hadamard and any(base.op is matmul and e == 1 for base, e in entry_bases(last)):
        row = of_chain(chain[:-1], (ONE, last.shape[0]))
        return ctx.total(ctx.entrywise([ctx.transposed(row), of_factor(last)]))
    return None


@identity("dot", "sqrt(x + y)ᵀ sqrt(x + y) = sum(x) + sum(y)", "x: n positive, y: n positive")
def roots_of_sums_meet(ctx: Normalizer, chain: Chain) -> Poly | None:
    """Roots of sums that meet are multiplied out; a bracket is not."""
    last = chain[-1]
    if len(chain) != 2 or ctx.is_keeping:
        return None
    if not any(base.op is add and e.denominator > 1 for base, e in entry_bases(last)):
        return None
    return ctx.total(ctx.entrywise([ctx.transposed(of_factor(chain[0])), of_factor(last)]))
