"""The scalar functions: derivative in the same notation, condition, source.

A function f applies to each entry, so Y = f(A) has dY = f′(A) ⊙ dA.  `𝟏` stands for a
matrix of ones in the shape of A.

[BV]    Boyd & Vandenberghe, Convex Optimization, 2004 (section).
[DLMF]  NIST Digital Library of Mathematical Functions (section).
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from .expr import Expr, Operation, as_expr, constant, ones, zero_like
from .operations import (
    absolute,
    arccos,
    arcsin,
    arctan,
    cos,
    cosh,
    divide,
    erf,
    exp,
    hadamard,
    log,
    power,
    relu,
    sigmoid,
    sign,
    sin,
    sinh,
    softplus,
    step,
    tan,
    tanh,
)

_HALF = Fraction(1, 2)
NOT_ZERO = "no entry of A is 0"
POSITIVE = "A > 0"


def _one(A: Expr) -> Expr:
    return ones(*A.shape)


Row = tuple[Operation, Callable[[Expr], Expr], str | None, str]  # function, derivative, where, source

DERIVATIVES: tuple[Row, ...] = (
    (exp, exp, None, "[DLMF] 4.7"),
    (log, lambda A: power(A, -1), POSITIVE, "[DLMF] 4.7"),
    (sin, cos, None, "[DLMF] 4.20"),
    (cos, lambda A: -sin(A), None, "[DLMF] 4.20"),
    (tan, lambda A: _one(A) + power(tan(A), 2), "no entry of cos A is 0", "[DLMF] 4.20"),
    (arcsin, lambda A: power(_one(A) - power(A, 2), -_HALF), "|A| < 1", "[DLMF] 4.24"),
    (arccos, lambda A: -power(_one(A) - power(A, 2), -_HALF), "|A| < 1", "[DLMF] 4.24"),
    (arctan, lambda A: power(_one(A) + power(A, 2), -1), None, "[DLMF] 4.24"),
    (sinh, cosh, None, "[DLMF] 4.34"),
    (cosh, sinh, None, "[DLMF] 4.34"),
    (tanh, lambda A: _one(A) - power(tanh(A), 2), None, "[DLMF] 4.34"),
    (absolute, sign, NOT_ZERO, "[BV] A.4"),
    (sign, zero_like, NOT_ZERO, "[BV] A.4"),
    (erf, lambda A: divide(as_expr(2), power(constant("π"), _HALF)) * exp(-power(A, 2)), None, "[DLMF] 7.2, 7.10"),
    (relu, step, NOT_ZERO, "[BV] A.4"),
    (step, zero_like, NOT_ZERO, "[BV] A.4"),
    (sigmoid, lambda A: hadamard(sigmoid(A), _one(A) - sigmoid(A)), None, "[BV] 3.1.5"),
    (softplus, sigmoid, None, "[BV] 3.1.5"),
)
