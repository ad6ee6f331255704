"""What is evident of a formula: that it is positive, definite, invertible, or commutes with another.

A fact that is not seen here may hold all the same; nothing is refuted.  Facts of an operation whatever
its operands, such as eᵃ > 0, are its `traits`; declared ones are the properties of symbols.
"""

from __future__ import annotations

from .expr import Expr, identity_op, is_zero, number_op
from .operations import (
    absolute,
    add,
    det,
    diagonal_matrix,
    expm,
    hadamard,
    inv,
    kron,
    matmul,
    matpow,
    mul,
    power,
    scale,
    sum_entries,
    trace,
    transpose,
    vec,
)

_LOOK = 6  # how deep to look for what is evident


def is_positive(A: Expr, depth: int = _LOOK) -> bool:
    """Whether every entry is seen to be positive."""
    if "positive" in A.op.traits or "positive" in A.properties:
        return True
    if A.op is number_op:
        return bool(A.data[0] > 0)
    if not depth:
        return False
    if A.op is absolute:
        return is_positive(A.args[0], depth - 1)
    if A.op is add:
        return any(is_positive(B, depth - 1) for B in A.args) and all(is_nonnegative(B, depth - 1) for B in A.args)
    if A.op in (mul, hadamard, scale, matmul, kron, transpose, sum_entries, vec):
        return all(is_positive(B, depth - 1) for B in A.args)
    return A.op is power and is_positive(A.args[0], depth - 1)


def is_nonnegative(A: Expr, depth: int = _LOOK) -> bool:
    """Whether no entry can be negative: norms, absolute values, even powers, vᵀ S v for definite S."""
    if A.op.is_nonnegative or "nonnegative" in A.properties or is_zero(A) or is_positive(A, depth):
        return True
    if not depth:
        return False
    if A.op in (add, mul, hadamard, scale, kron, transpose, sum_entries, vec):
        return all(is_nonnegative(B, depth - 1) for B in A.args)
    if A.op is power:
        base, exponent = A.args
        is_even = exponent.op is number_op and exponent.data[0].denominator == 1 and exponent.data[0] % 2 == 0
        return is_even or is_nonnegative(base, depth - 1)
    if A.op is matmul:
        return A.is_scalar and is_semidefinite(A, depth - 1) or all(is_nonnegative(B, depth - 1) for B in A.args)
    return A.op in (trace, det) and is_semidefinite(A.args[0], depth - 1)


def vanishing(A: Expr) -> Expr | None:
    """The B such that the scalar A ≥ 0 is 0 just where B = 0; None where none is seen.

    Norms, Bᵀ S B and its trace for definite S, sums of even powers, and positive multiples.
    """
    if "norm" in A.op.traits:
        return A.args[0]
    if A.op is mul:
        rest = [B for B in A.args if not is_positive(B)]
        return vanishing(rest[0]) if len(rest) == 1 else None
    if A.op is sum_entries and A.args[0].op is power:
        base, exponent = A.args[0].args
        is_even = exponent.op is number_op and exponent.data[0] % 2 == 0 and exponent.data[0] > 0
        return base if is_even else None
    product = A.args[0] if A.op is trace else A
    if product.op is not matmul or not A.is_scalar:
        return None
    factors: list[Expr] = []
    for factor in product.args:
        is_turned = factor.op is transpose and factor.args[0].op is matmul
        factors += map(transpose, reversed(factor.args[0].args)) if is_turned else [factor]
    half = len(factors) // 2
    right = factors[len(factors) - half :]
    is_mirrored = factors[:half] == [transpose(B) for B in reversed(right)]
    is_square = is_mirrored and (len(factors) == 2 * half or is_definite(factors[half]))
    return matmul(*right) if is_square else None


def is_invertible(A: Expr) -> bool:
    """Whether the matrix is seen to be invertible."""
    return bool(A.properties & {"spd", "orthogonal"}) or is_definite(A)


def is_definite(A: Expr, depth: int = _LOOK) -> bool:
    """Whether the matrix is seen to be positive definite."""
    if A.op is identity_op or "spd" in A.properties or A.properties >= {"diagonal", "positive"}:
        return True
    if not depth:
        return False
    if A.op is scale:
        return is_positive(A.args[0]) and is_definite(A.args[1], depth - 1)
    if A.op in (inv, transpose, matpow):
        return is_definite(A.args[0], depth - 1)
    if A.op is diagonal_matrix:
        return is_positive(A.args[0])
    return (
        A.op is add
        and all(is_semidefinite(B, depth - 1) for B in A.args)
        and any(is_definite(B, depth - 1) for B in A.args)
    )


def is_semidefinite(A: Expr, depth: int = _LOOK) -> bool:
    """Whether the matrix is seen to be positive semidefinite, such as Bᵀ S B."""
    if "psd" in A.properties:
        return True
    if A.op is scale:
        return is_nonnegative(A.args[0]) and is_semidefinite(A.args[1], depth - 1)
    if A.op is matmul:
        half = len(A.args) // 2
        mirrored = all(A.args[i] is transpose(A.args[-1 - i]) for i in range(half))
        return mirrored and (len(A.args) % 2 == 0 or (depth > 0 and is_semidefinite(A.args[half], depth - 1)))
    return is_definite(A, depth)


def _base(A: Expr) -> Expr:
    """The matrix that A is evidently a function of."""
    while True:
        if A.op is scale:
            A = A.args[1]
        elif A.op in (matpow, inv, expm):
            A = A.args[0]
        elif A.op is transpose and A.args[0].op in (matpow, inv, expm):
            A = transpose(A.args[0].args[0])
        elif A.op is transpose and "symmetric" in A.args[0].properties:
            A = A.args[0]
        else:
            return A


def commute(A: Expr, B: Expr) -> bool:
    """Whether A B = B A is evident: both are functions of one matrix."""
    A, B = _base(A), _base(B)
    return A is B or A.op is identity_op or B.op is identity_op or is_zero(A) or is_zero(B)
