"""The adjoints that rules are made of, in the form that people write.

<A, B> of two vectors is written uᵀ v, of a matrix with the identity its trace, and the
partial contractions of a Kronecker product are resolved where its factors are seen.

[H]  Higham, Functions of Matrices, 2008 (theorem, section).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .expr import (
    Expr,
    Operation,
    fold,
    identity,
    identity_op,
    is_zero,
    number,
    ones,
    ones_op,
    zero_like,
    zeros,
)
from .facts import commute
from .operations import (
    block,
    block_inner,
    block_op,
    block_sum,
    diagonal,
    diagonal_matrix,
    dominant,
    expm,
    hadamard,
    inner,
    inv,
    kron,
    matmul,
    mul,
    polar,
    power,
    scale,
    spectral_norm,
    sq_norm,
    submatrix,
    sum_entries,
    trace,
    transpose,
    tril,
    triu,
    unvec,
    vec,
)
from .shapes import Dim


def contract(A: Expr, B: Expr) -> Expr:
    """<A, B>: uᵀ v for vectors, the sum of B for ones, tr B for the identity."""
    factor, A, B = _unscaled(A, B)
    if is_zero(A) or is_zero(B):
        return number(0)
    for L, E in ((A, B), (B, A)):
        moved = _moved_exponential(L)
        if moved is not None and commute(transpose(moved[0]), E):  # <L(M, G), E> = <G, L(Mᵀ, E)>
            return mul(factor, contract(moved[1], derivative_of_expm(transpose(moved[0]), E)))
    if A.op is ones_op or B.op is ones_op:
        value = sum_entries(B if A.op is ones_op else A)
    elif A.op is identity_op or B.op is identity_op:
        value = trace(B if A.op is identity_op else A)
    elif A is B:
        value = sq_norm(A)
    elif A.is_vector:
        value = transpose(A) @ B
    else:
        value = inner(A, B)
    return mul(factor, value)


def _unscaled(A: Expr, B: Expr) -> tuple[Expr, Expr, Expr]:
    factors = [M.args[0] for M in (A, B) if M.op is scale]
    A, B = (M.args[1] if M.op is scale else M for M in (A, B))
    return mul(*factors), A, B


def kronecker_factors(G: Expr, A: Expr, B: Expr) -> tuple[Expr, Expr] | None:
    """P, Q of the shapes of A, B with P ⊗ Q = G, where G shows them."""
    if G.op is kron:
        P, Q = G.args
    elif G.op is transpose and G.args[0].op is kron:
        P, Q = (transpose(F) for F in G.args[0].args)
    elif G.op is identity_op and A.is_square and B.is_square:
        P, Q = identity(A.shape[0]), identity(B.shape[0])
    elif G.op is ones_op:
        P, Q = ones(*A.shape), ones(*B.shape)
    else:
        return None
    return (P, Q) if P.shape == A.shape and Q.shape == B.shape else None


def partial_inner(G: Expr, A: Expr, B: Expr) -> Expr:
    """The pullback of A ⊗ B to A: entry (i, j) is <block (i, j) of G, B>."""
    return _partial(block_inner, G, (A, B), 0)


def partial_sum(G: Expr, A: Expr, B: Expr) -> Expr:
    """The pullback of A ⊗ B to B: the sum over i, j of A_ij times block (i, j) of G."""
    return _partial(block_sum, G, (A, B), 1)


def _partial(operation: Operation, G: Expr, factors: tuple[Expr, Expr], i: int) -> Expr:
    """The pullback of a Kronecker product to its factor i, seen where G is one itself."""
    if G.op is scale:
        return G.args[0] * _partial(operation, G.args[1], factors, i)
    if is_zero(G):
        return zero_like(factors[i])
    parts = kronecker_factors(G, *factors)
    return contract(parts[1 - i], factors[1 - i]) * parts[i] if parts else operation(G, factors[1 - i])


def bilinear(operation: Operation, A: Expr, B: Expr) -> Expr:
    """The operation, zero where an operand is."""
    made = operation(A, B)
    return zero_like(made) if is_zero(A) or is_zero(B) else made


def diagonal_of(G: Expr) -> Expr:
    """The diagonal of G; a u vᵀ is seen to give u ⊙ v."""
    if G.op is scale:
        return G.args[0] * diagonal_of(G.args[1])
    if G.op is identity_op or G.op is ones_op:
        return ones(G.shape[0])
    if G.op is diagonal_matrix:
        return G.args[0]
    if G.op is matmul:
        for i in range(1, len(G.args)):
            left, right = matmul(*G.args[:i]), matmul(*G.args[i:])
            if left.is_vector:
                return hadamard(left, transpose(right))
    return diagonal(G)


def block_places(A: Sequence[Any], rows: int, columns: int) -> list[tuple[Dim, Dim, Dim, Dim]]:
    """First row, rows, first column, columns of each block."""
    places, top = [], Dim.of(0)
    for i in range(rows):
        height, left = A[i * columns].shape[0], Dim.of(0)
        for j in range(columns):
            width = A[j].shape[1]
            places.append((top, height, left, width))
            left = left + width
        top = top + height
    return places


def padded(G: Expr, A: Expr, top: Any, height: Any, left: Any, width: Any) -> Expr:
    """G in a matrix of zeros of the shape of A, from row `top` and column `left` on."""
    heights = [Dim.of(top), Dim.of(height), A.shape[0] - top - height]
    widths = [Dim.of(left), Dim.of(width), A.shape[1] - left - width]
    return block(
        [
            [G if (i, j) == (1, 1) else zeros(h, w) for j, w in enumerate(widths) if w != 0]
            for i, h in enumerate(heights)
            if h != 0
        ]
    )


def is_short(A: Expr, limit: int = 40) -> bool:
    """Whether the formula has at most so many nodes when written out."""
    stack = [A]
    while stack and limit >= 0:
        stack += stack.pop().args
        limit -= 1
    return not stack


_KEEPS_FACTORS = frozenset([transpose, tril, triu, diagonal, diagonal_matrix, vec, unvec, submatrix])


def _without_factors(E: Expr) -> tuple[Expr | None, Expr]:
    """The scalar factors that stand anywhere in a product, and the product without them."""

    def visit(node: Expr, parts: list[tuple[Expr | None, Expr]]) -> tuple[Expr | None, Expr]:
        factors = [factor for factor, _ in parts if factor is not None]
        if node.op is scale:
            factor, rest = parts[1]
            return (node.args[0] if factor is None else node.args[0] * factor), rest
        if not factors or not (node.op in _KEEPS_FACTORS or node.op in (hadamard, matmul)):
            return None, node
        product = factors[0] if len(factors) == 1 else mul(*factors)
        return product, node.op(*(rest for _, rest in parts), *node.data)

    return fold(E, visit)


def derivative_of_expm(A: Expr, E: Expr) -> Expr:
    """L(A, E), the derivative of the matrix exponential at A in the direction E.

    It is E e^A where the two commute, and the upper right block of exp([A E; 0 A]) always.
    """
    if is_zero(E):
        return E
    factor, E = _without_factors(E)
    if factor is not None:  # inside the exponential it would cost accuracy
        return scale(factor, derivative_of_expm(A, E))
    if commute(A, E):
        return E @ expm(A)
    n = A.shape[0]
    return submatrix(expm(block([[A, E], [zero_like(A), A]])), Dim.of(0), n, n, n)


def _moved_exponential(L: Expr) -> tuple[Expr, Expr] | None:
    """M and E where L is the derivative of the exponential at M in the direction E, written as a block."""
    if L.op is not submatrix or L.args[0].op is not expm or L.args[0].args[0].op is not block_op:
        return None
    blocks, n = L.args[0].args[0].args, L.shape[0]
    is_derivative = (
        len(blocks) == 4 and blocks[0] is blocks[3] and is_zero(blocks[2]) and L.data == (Dim.of(0), n, n, n)
    )
    return (blocks[0], blocks[1]) if is_derivative else None


# The gradients of the nuclear and the spectral norm, differentiated


def _polar_inverse(A: Expr, G: Expr) -> Expr:
    """The Z with Z H + H′ Z = G, where H = Aᵀ Q and H′ = Q Aᵀ are the polar factors of A."""
    Q = polar(A)
    (m, n), H, H_left = A.shape, transpose(A) @ Q, Q @ transpose(A)
    if A.is_scalar:
        return zero_like(A)
    return unvec(inv(kron(H, identity(m)) + kron(identity(n), H_left)) @ vec(G), m, n)


def derivative_of_polar(A: Expr, E: Expr) -> Expr:
    """dQ in the direction E: dQ H + H′ dQ = E − Q Eᵀ Q, for A of full rank, wide or tall.

    With A = U diag(s) Vᵀ, entry (i, j) of Uᵀ dQ V is (E_ij − E_ji) / (s_i + s_j), s = 0 past the rank.
    """
    Q = polar(A)
    return zero_like(A) if is_zero(E) else _polar_inverse(A, E - Q @ transpose(E) @ Q)


def adjoint_of_polar(A: Expr, G: Expr) -> Expr:
    """The adjoint of `derivative_of_polar`."""
    if is_zero(G):
        return zero_like(A)
    Q, Z = polar(A), _polar_inverse(A, G)
    return Z - Q @ transpose(Z) @ Q


def _resolvents(A: Expr) -> tuple[Expr, Expr]:
    """(s² I − A Aᵀ)⁻¹ on the complement of u, and (s² I − Aᵀ A)⁻¹ on that of v."""
    P, s = dominant(A), spectral_norm(A)
    (m, n), square = A.shape, power(s, number(2))
    left, right = P @ transpose(P), transpose(P) @ P
    on_left = inv(square * identity(m) - A @ transpose(A) + square * left) @ (identity(m) - left)
    on_right = (identity(n) - right) @ inv(square * identity(n) - transpose(A) @ A + square * right)
    return on_left, on_right


def derivative_of_dominant(A: Expr, E: Expr) -> Expr:
    """d(u vᵀ) in the direction E, from du = (s² I − A Aᵀ)⁻¹ (s E v + A Eᵀ u) and dv likewise."""
    if is_zero(E) or A.is_scalar:
        return zero_like(A)
    P, s = dominant(A), spectral_norm(A)
    N, M = _resolvents(A)
    du = N @ (s * (E @ transpose(P) @ P) + A @ transpose(E) @ P)
    dv = (s * (P @ transpose(P) @ E) + P @ transpose(E) @ A) @ M
    return du + dv


def adjoint_of_dominant(A: Expr, G: Expr) -> Expr:
    """The adjoint of `derivative_of_dominant`."""
    if is_zero(G) or A.is_scalar:
        return zero_like(A)
    P, s = dominant(A), spectral_norm(A)
    N, M = _resolvents(A)
    left, right = N @ G, G @ M
    from_u = s * (left @ transpose(P) @ P) + P @ transpose(left) @ A
    from_v = s * (P @ transpose(P) @ right) + A @ transpose(right) @ P
    return from_u + from_v
