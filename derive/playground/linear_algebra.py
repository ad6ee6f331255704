"""`numpy.linalg` on the arrays of `plain_arrays`: for the small dense matrices of random points.

[GVL] Golub & Van Loan, Matrix Computations, 4th ed., 2013.
"""

from __future__ import annotations

import math
import operator
from functools import reduce
from typing import Any

from ..fields import Field, eliminated
from .plain_arrays import PlainArray, asarray, eye, inf, iscomplexobj, matmul, transpose


class LinAlgError(ValueError):
    """A singular matrix."""


def _eliminated(a: PlainArray) -> tuple[Any, PlainArray | None]:
    """Determinant and inverse."""
    if a.ndim != 2 or a.shape[0] != a.shape[1]:
        raise LinAlgError("a square matrix is wanted")
    determinant, inverse = eliminated(Field(float, lambda value: value, math, 0), a.tolist())
    return determinant, asarray(inverse) if inverse else a if inverse == [] else None


def inv(a: PlainArray) -> PlainArray:
    inverse = _eliminated(a)[1]
    if inverse is None:
        raise LinAlgError("singular matrix")
    return inverse


def slogdet(a: PlainArray) -> tuple[Any, Any]:
    determinant = _eliminated(a)[0]
    size = abs(determinant)
    return (determinant / size, math.log(size)) if size else (0.0, -inf)


def matrix_power(a: PlainArray, k: int) -> PlainArray:
    return reduce(matmul, [a if k >= 0 else inv(a)] * abs(k), eye(a.shape[0]))


def eigh(a: PlainArray) -> tuple[PlainArray, PlainArray]:
    """Eigenvalues, ascending, and vectors of a symmetric matrix, by Jacobi's rotations [GVL, 8.5]."""
    n, A = a.shape[0], [[float(x) for x in row] for row in a.tolist()]
    V = eye(n).tolist()
    for _ in range(60):
        off = sum(A[i][j] ** 2 for i in range(n) for j in range(n) if i != j)
        if not off > 1e-32 * sum(x * x for row in A for x in row):
            break
        for p in range(n):
            for q in range(p + 1, n):
                if not A[p][q]:
                    continue
                tau = (A[q][q] - A[p][p]) / (2 * A[p][q])
                t = math.copysign(1.0, tau) / (abs(tau) + math.hypot(1.0, tau))
                c = 1 / math.hypot(1.0, t)
                s = t * c
                for row in (*A, *V):
                    row[p], row[q] = c * row[p] - s * row[q], s * row[p] + c * row[q]
                A[p], A[q] = (
                    [c * x - s * y for x, y in zip(A[p], A[q], strict=True)],
                    [s * x + c * y for x, y in zip(A[p], A[q], strict=True)],
                )
    order = sorted(range(n), key=lambda k: A[k][k])
    return asarray([A[k][k] for k in order]), asarray([[row[k] for k in order] for row in V])


def svd(a: PlainArray, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Singular values, descending, by rotations of the columns [GVL, 8.6.4]; of real matrices."""
    if iscomplexobj(a):
        raise AttributeError("svd of complex numbers")
    if full_matrices and compute_uv and a.shape[0] != a.shape[1]:
        raise AttributeError("svd with full matrices")
    if a.shape[0] < a.shape[1]:
        found = svd(transpose(a), False, compute_uv)
        return (transpose(found[2]), found[1], transpose(found[0])) if compute_uv else found
    columns, n = transpose(a).tolist(), a.shape[1]
    V = eye(n).tolist()
    for _ in range(60):
        turned = False
        for p in range(n):
            for q in range(p + 1, n):
                alpha, beta, gamma = (
                    sum(map(operator.mul, columns[i], columns[j])) for i, j in ((p, p), (q, q), (p, q))
                )
                if abs(gamma) <= 1e-15 * math.sqrt(alpha * beta):
                    continue
                turned = True
                zeta = (beta - alpha) / (2 * gamma)
                t = math.copysign(1.0, zeta) / (abs(zeta) + math.hypot(1.0, zeta))
                c = 1 / math.hypot(1.0, t)
                s = t * c
                for held in (columns, V):
                    x, y = held[p], held[q]
                    held[p] = [c * u - s * v for u, v in zip(x, y, strict=True)]
                    held[q] = [s * u + c * v for u, v in zip(x, y, strict=True)]
        if not turned:
            break
    sizes = [math.hypot(*column) for column in columns]
    order = sorted(range(n), key=lambda k: -sizes[k])
    values = asarray([sizes[k] for k in order])
    if not compute_uv:
        return values
    left = [[x / sizes[k] for x in columns[k]] if sizes[k] else [0.0] * a.shape[0] for k in order]
    return transpose(asarray(left)), values, asarray([V[k] for k in order])


def qr(a: PlainArray) -> tuple[PlainArray, PlainArray]:
    """Orthonormal columns, by Gram and Schmidt twice [GVL, 5.2.8], and the triangle."""
    kept: list[list[Any]] = []
    for column in transpose(a).tolist()[: a.shape[0]]:
        for unit in kept * 2:
            share = sum(map(operator.mul, unit, column))
            column = [x - share * u for x, u in zip(column, unit, strict=True)]
        size = math.hypot(*column)
        kept.append([x / size for x in column])
    Q = transpose(asarray(kept))
    return Q, transpose(Q) @ a


def lstsq(a: PlainArray, b: PlainArray, rcond: Any = None) -> tuple[Any, ...]:
    """The shortest of the best solutions, by singular values."""
    U, s, V = svd(a, full_matrices=False)
    largest = s.max(initial=0.0)
    weights = [1 / x if x > 1e-13 * largest else 0.0 for x in s.flat]
    return (transpose(V) @ (asarray(weights) * (transpose(U) @ b)),)


def cond(a: PlainArray) -> float:
    sizes = svd(a, compute_uv=False).tolist()
    return float(sizes[0] / sizes[-1]) if sizes[-1] else math.inf


def norm(a: Any) -> float:
    return math.sqrt(sum(abs(x) ** 2 for x in asarray(a).flat))


def det(a: PlainArray) -> Any:
    return _eliminated(a)[0]


def eigvalsh(a: PlainArray) -> PlainArray:
    return eigh(a)[0]
