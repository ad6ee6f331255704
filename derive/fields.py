"""Exact values over a prime field: polynomials, inverses, determinants, traces.

Two expressions of polynomials and inverses that agree at a random point of the field of
p = 2^61 − 1 elements differ as formulas with probability at most d / p at those sizes,
d the total degree of their difference with denominators cleared [SZ].  An identity that
fails only for large matrices fails at sizes above its degree already (polynomial
identities of matrices of size n have degree at least 2 n [AL]), so sizes are chosen so.

[SZ]  Schwartz, Fast probabilistic algorithms for verification of polynomial identities,
      J. ACM 27, 1980; Zippel 1979.
[AL]  Amitsur & Levitzki, Minimal identities for algebras, Proc. AMS 1, 1950.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from .errors import DeriveError
from .evaluation import VALUES, Array, Sizes
from .expr import Expr, dimension_names, nodes, symbols_of
from .shapes import Dim

PRIME = 2**61 - 1


class Unsupported(DeriveError):
    """An operation without values in a prime field."""


class Singular(DeriveError):
    """A division by zero at this point of the field."""


class FieldPoint:
    """Values of symbols in a prime field, as arrays of Python integers, and sizes."""

    __slots__ = ("values", "sizes", "prime")

    def __init__(self, values: dict[Expr, Array], sizes: dict[str, int], prime: int) -> None:
        self.values = values
        self.sizes = sizes
        self.prime = prime

    def evaluate(self, expr: Expr) -> Array:
        """The exact value of an expression here."""
        return evaluate_mod(expr, self)


def evaluate_mod(expr: Expr, point: FieldPoint) -> Array:
    """The exact value at a point of a prime field, as a 2-D array of integers.

    Raises
    ------
    Unsupported
        An operation is neither polynomial nor an inverse, such as `exp` or a norm.
    Singular
        A matrix or a scalar in a denominator is singular here; take another point.
    """
    p, values = point.prime, dict(point.values)
    for node in nodes(expr):
        if node not in values:
            operation = _FIELD.get(node.op.name)
            if operation is None:
                raise Unsupported(f"{node.op.name} has no values in a prime field")
            args = [values[arg] for arg in node.args]
            values[node] = operation(args, node, point.sizes, p) % p
    return values[expr]


def _exact(array: Array) -> Array:
    """An array of zeros and ones, as integers."""
    made = np.empty(array.shape, dtype=object)
    made[...] = array.astype(int).astype(object)
    return made


def _scalar(value: int) -> Array:
    made = np.empty((1, 1), dtype=object)
    made[0, 0] = int(value)
    return made


def _product(a: list[Array], p: int) -> Array:
    value = a[0]
    for factor in a[1:]:
        value = value * factor % p
    return value


def _chain(a: list[Array], p: int) -> Array:
    value = a[-1]
    for factor in reversed(a[:-1]):
        value = factor.dot(value) % p
    return value


def _eliminate(A: Array, p: int) -> tuple[int, Array | None]:
    """Determinant and inverse by Gauss and Jordan."""
    n = len(A)
    left, right, determinant = A.copy() % p, _exact(np.eye(n)), 1
    for j in range(n):
        pivot = next((i for i in range(j, n) if left[i, j]), None)
        if pivot is None:
            return 0, None
        if pivot != j:
            left[[j, pivot]], right[[j, pivot]] = left[[pivot, j]], right[[pivot, j]]
            determinant = -determinant
        determinant = determinant * left[j, j] % p
        scale = pow(int(left[j, j]), -1, p)
        left[j], right[j] = left[j] * scale % p, right[j] * scale % p
        for i in range(n):
            if i != j and left[i, j]:
                factor = left[i, j]
                left[i], right[i] = (left[i] - factor * left[j]) % p, (right[i] - factor * right[j]) % p
    return determinant % p, right


def _inverse(A: Array, p: int) -> Array:
    inverse = _eliminate(A, p)[1]
    if inverse is None:
        raise Singular("a matrix is singular at this point")
    return inverse


def _power_of(value: int, exponent: int, p: int) -> int:
    if exponent < 0 and value % p == 0:
        raise Singular("division by zero at this point")
    return pow(value, exponent, p)


def _power(a: list[Array], node: Expr, sizes: Sizes, p: int) -> Array:
    exponent = node.args[1]
    if exponent.op.name != "number" or exponent.data[0].denominator != 1:
        raise Unsupported("a power with a fractional or unknown exponent has no values in a prime field")
    k, made = int(exponent.data[0]), np.empty(a[0].shape, dtype=object)
    for place in np.ndindex(a[0].shape):
        made[place] = _power_of(int(a[0][place]), k, p)
    return made


def _matpow(A: Array, k: int, p: int) -> Array:
    if k < 0:
        A, k = _inverse(A, p), -k
    value = _exact(np.eye(len(A)))
    for bit in bin(k)[2:]:
        value = value.dot(value) % p
        if bit == "1":
            value = value.dot(A) % p
    return value


def _block_inner(G: Array, B: Array) -> Array:
    blocks = G.reshape(G.shape[0] // B.shape[0], B.shape[0], G.shape[1] // B.shape[1], B.shape[1])
    return np.asarray((blocks * B[None, :, None, :]).sum(axis=3).sum(axis=1))


def _block_sum(G: Array, A: Array) -> Array:
    blocks = G.reshape(A.shape[0], G.shape[0] // A.shape[0], A.shape[1], G.shape[1] // A.shape[1])
    return np.asarray((blocks * A[:, None, :, None]).sum(axis=2).sum(axis=0))


FieldValue = Callable[[list[Array], Expr, Sizes, int], Array]


def _same(name: str) -> FieldValue:
    """The rearrangements and sums of `evaluation` hold for integers as they are."""
    function = VALUES[name]
    return lambda a, node, sizes, p: function(a, node, sizes)


_FIELD: dict[str, FieldValue] = {
    name: _same(name)
    for name in ("add", "scale", "transpose", "kron", "trace", "inner", "sq_norm", "sum", "vec", "unvec", "submatrix")
} | {
    "number": lambda a, node, sizes, p: _scalar(node.data[0].numerator * pow(node.data[0].denominator, -1, p)),
    "dimension": lambda a, node, sizes, p: _scalar(node.data[0].evaluate(sizes)),
    "zeros": lambda a, node, sizes, p: _exact(VALUES["zeros"](a, node, sizes)),
    "ones": lambda a, node, sizes, p: _exact(VALUES["ones"](a, node, sizes)),
    "identity": lambda a, node, sizes, p: _exact(VALUES["identity"](a, node, sizes)),
    "basis": lambda a, node, sizes, p: _exact(VALUES["basis"](a, node, sizes)),
    "commutation": lambda a, node, sizes, p: _exact(VALUES["commutation"](a, node, sizes)),
    "mul": lambda a, node, sizes, p: _product(a, p),
    "hadamard": lambda a, node, sizes, p: _product(a, p),
    "matmul": lambda a, node, sizes, p: _chain(a, p),
    "power": _power,
    "inv": lambda a, node, sizes, p: _inverse(a[0], p),
    "matpow": lambda a, node, sizes, p: _matpow(a[0], int(node.data[0]), p),
    "det": lambda a, node, sizes, p: _scalar(_eliminate(a[0], p)[0]),
    "diag": lambda a, node, sizes, p: np.array([[a[0][i, i]] for i in range(len(a[0]))], dtype=object),
    "Diag": lambda a, node, sizes, p: a[0] * _exact(np.eye(len(a[0]))),
    "tril": lambda a, node, sizes, p: a[0] * _exact(np.tri(len(a[0]))),
    "triu": lambda a, node, sizes, p: a[0] * _exact(np.tri(len(a[0])).T),
    "block": lambda a, node, sizes, p: np.concatenate(
        [np.concatenate(a[i : i + node.data[1]], axis=1) for i in range(0, len(a), node.data[1])], axis=0
    ),
    "block_inner": lambda a, node, sizes, p: _block_inner(a[0], a[1]),
    "block_sum": lambda a, node, sizes, p: _block_sum(a[0], a[1]),
}


def is_exact(*exprs: Expr) -> bool:
    """Whether the expressions have values in a prime field."""
    return all(node.op.name in _FIELD or node.op.name == "symbol" for node in nodes(*exprs))


def degree(expr: Expr) -> int:
    """A bound on the total degree of numerator and denominator, at sizes of `expr` itself.

    An inverse or determinant of an n × n matrix counts n times the degree of its operand,
    reciprocals of the entries n² times, with n = 16, above the sizes drawn.
    """
    degrees: dict[Expr, int] = {}
    for node in nodes(expr):
        below = [degrees[arg] for arg in node.args]
        if node.op.name == "symbol":
            degrees[node] = 1
        elif node.op.name in ("inv", "det"):
            degrees[node] = 16 * below[0]
        elif node.op.name in ("matpow", "power"):
            k = int(node.data[0] if node.op.name == "matpow" else node.args[1].data[0])
            degrees[node] = abs(k) * below[0] * ((16 if node.op.name == "matpow" else 256) if k < 0 else 1)
        elif node.op.name == "sq_norm":
            degrees[node] = 2 * below[0]
        else:
            degrees[node] = sum(below)  # of a product; denominators of sums multiply too
    return degrees[expr]


def random_field_point(
    exprs: Expr | Iterable[Expr],
    seed: int = 0,
    sizes: Mapping[str, int] | None = None,
    prime: int = PRIME,
    smallest: int = 4,
) -> FieldPoint:
    """A random point of the prime field, with unequal sizes; declared properties hold."""
    roots = [exprs] if isinstance(exprs, Expr) else list(exprs)
    generator = random.Random(seed)
    given = dict(sizes or {})
    free = [name for name in dimension_names(*roots) if name not in given]
    pool = list(range(smallest, smallest + len(free)))
    dims = {d for node in nodes(*roots) for d in node.shape}
    for _ in range(100):
        generator.shuffle(pool)
        drawn = {**dict(zip(free, pool, strict=True)), **given}
        leaves = symbols_of(*roots)
        tall = all(
            leaf.shape[0].evaluate(drawn) >= leaf.shape[1].evaluate(drawn)
            for leaf in leaves
            if "orthogonal" in leaf.properties
        )
        if tall and all(d.evaluate(drawn) >= 1 for d in dims):
            values = {leaf: _draw(leaf, drawn, generator, prime) for leaf in leaves}
            return FieldPoint(values, drawn, prime)
    raise DeriveError("no sizes fit the formula")


def _draw(leaf: Expr, sizes: Sizes, generator: random.Random, p: int) -> Array:
    rows, columns = (Dim.of(d).evaluate(sizes) for d in leaf.shape)
    A = np.empty((rows, columns), dtype=object)
    for place in np.ndindex(A.shape):
        A[place] = generator.randrange(1, p)
    properties: Any = leaf.properties
    if "orthogonal" in properties:
        if "diagonal" in properties:
            signs = np.where(A % 2 == 1, 1, p - 1)
            return np.asarray(signs * _exact(np.eye(rows)), dtype=object)
        skew = _square(rows, generator, p)
        skew = np.tril(skew, -1) - np.tril(skew, -1).T
        eye = _exact(np.eye(rows))
        if "symmetric" in properties:
            v = A[:, :1]
            return np.asarray((eye - 2 * v.dot(v.T) * pow(int(v.T.dot(v)[0, 0]), -1, p)) % p)
        # Cayley: (I − S)(I + S)⁻¹ is orthogonal for skew S.
        return np.asarray((eye - skew).dot(_inverse((eye + skew) % p, p)) % p)[:, :columns]
    if "diagonal" in properties:
        return A * _exact(np.eye(rows))
    if "skew" in properties:
        return (np.tril(A, -1) - np.tril(A, -1).T) % p
    if "symmetric" in properties:
        return np.tril(A) + np.tril(A, -1).T
    if "upper" in properties:
        return A * _exact(np.tri(rows).T)
    if "lower" in properties:
        return A * _exact(np.tri(rows))
    return A


def _square(n: int, generator: random.Random, p: int) -> Array:
    A = np.empty((n, n), dtype=object)
    for place in np.ndindex(A.shape):
        A[place] = generator.randrange(1, p)
    return A
