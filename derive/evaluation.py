"""The value of each operation, and of an expression at arrays.

Every value is a 2-D array: a scalar is 1 × 1, a vector n × 1.  The functions continue
to the complex plane where they are analytic, as the complex step in `numeric` needs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import reduce
from operator import add, mul
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import MissingRuleError, ShapeError, UnknownSymbolError
from .expr import Expr, Operation, nodes
from .operations import FUNCTIONS
from .own_functions import OwnFunction
from .shapes import Dim

Array = npt.NDArray[Any]
Sizes = Mapping[str, int]

# Values of the operations: `(operands, node, sizes) -> array`


def _entrywise(function: Callable[[Array], Array]) -> Callable[[list[Array], Expr, Sizes], Array]:
    return lambda a, node, sizes: function(a[0])


def _scalar(value: Any) -> Array:
    return np.reshape(np.asarray(value), (1, 1))


def _power(a: list[Array], node: Expr, sizes: Sizes) -> Array:
    base, exponent = a[0], a[1][0, 0]
    if node.args[1].op.name == "number":
        value = node.args[1].data[0]
        if value.denominator == 1:
            return np.asarray(base ** float(value)) if value < 0 else np.asarray(base ** int(value))
        exponent = float(value)
    return np.asarray(base**exponent)


def _inverse(A: Array) -> Array:
    try:
        return np.asarray(np.linalg.inv(A))
    except np.linalg.LinAlgError:
        return np.full_like(A, np.nan)


def _matpow(a: list[Array], node: Expr, sizes: Sizes) -> Array:
    k = int(node.data[0])
    return np.linalg.matrix_power(a[0] if k >= 0 else _inverse(a[0]), abs(k))


def _logdet(A: Array) -> Array:
    if np.iscomplexobj(A):
        return _scalar(np.log(np.linalg.det(A) ** 2) / 2)  # log |det| continued to the complex plane
    return _scalar(np.linalg.slogdet(A)[1])


def _logsumexp(x: Array, axis: int = 0) -> Array:
    top = x.real.max(axis, keepdims=True)
    return np.asarray(np.log(np.exp(x - top).sum(axis, keepdims=True)) + top)


def _softmax(x: Array, axis: int = 0) -> Array:
    value = np.exp(x - x.real.max(axis, keepdims=True))
    return np.asarray(value / value.sum(axis, keepdims=True))


def _logistic(x: Array) -> Array:
    positive = x.real >= 0
    small = np.exp(np.where(positive, -x, x))  # at most 1 in modulus
    return np.asarray(np.where(positive, 1, small) / (1 + small))


def _softplus(x: Array) -> Array:
    positive = x.real >= 0
    return np.asarray(np.where(positive, x, 0) + np.log1p(np.exp(np.where(positive, -x, x))))


def _erf(x: Array) -> Array:
    real = np.vectorize(math.erf, otypes=[float])(x.real)
    if np.iscomplexobj(x):  # to first order, which is what a complex step needs
        return np.asarray(real + 1j * x.imag * (2 / math.sqrt(math.pi)) * np.exp(-(x.real**2)))
    return np.asarray(real)


def _expm(A: Array) -> Array:
    """Scaling and squaring of the Taylor series."""
    size = np.abs(A).sum(axis=0).max()
    if not size < 1e15:
        return np.full_like(A, np.nan)
    halvings = max(0, math.ceil(math.log2(size)) + 2) if size > 0 else 0
    B, term = A / 2.0**halvings, np.eye(len(A), dtype=A.dtype)
    value = term
    for k in range(1, 19):
        term = term @ B / k
        value = value + term
    for _ in range(halvings):
        value = value @ value
    return np.asarray(value)


def _singular(A: Array) -> tuple[Array, Array, Array]:
    if not np.isfinite(A).all():
        return np.full(A.shape[:1] * 2, np.nan), np.full(min(A.shape), np.nan), np.full(A.shape[1:] * 2, np.nan)
    U, s, V = np.linalg.svd(A, full_matrices=False)
    return U, s, V


def _polar(A: Array) -> Array:
    U, _, V = _singular(A)
    return np.asarray(U[:, : min(A.shape)] @ V[: min(A.shape)])


def _dominant(A: Array) -> Array:
    U, _, V = _singular(A)
    return np.outer(U[:, 0], V[0])


def _commutation(m: int, n: int) -> Array:
    K = np.zeros((m * n, m * n))
    for i in range(m):
        for j in range(n):
            K[i * n + j, j * m + i] = 1
    return K


def _blocks(G: Array, rows: int, columns: int) -> Array:
    """G as rows × columns blocks: index (i, p, j, q)."""
    return G.reshape(rows, G.shape[0] // rows, columns, G.shape[1] // columns)


def _block_inner(G: Array, B: Array) -> Array:
    blocks = _blocks(G, G.shape[0] // B.shape[0], G.shape[1] // B.shape[1])
    return np.asarray(np.einsum("ipjq,pq->ij", blocks, B))


def _block_sum(G: Array, A: Array) -> Array:
    return np.asarray(np.einsum("ipjq,ij->pq", _blocks(G, *A.shape), A))


def _block(a: list[Array], node: Expr, sizes: Sizes) -> Array:
    columns = node.data[1]
    return np.block([a[i : i + columns] for i in range(0, len(a), columns)])


def _submatrix(a: list[Array], node: Expr, sizes: Sizes) -> Array:
    top, height, left, width = (Dim.of(d).evaluate(sizes) for d in node.data)
    return a[0][top : top + height, left : left + width]


def _basis(index: int, n: int) -> Array:
    if not 1 <= index <= n:
        raise ShapeError(f"there is no entry {index} among {n}")
    made = np.zeros((n, 1))
    made[index - 1] = 1
    return made


def _leaf(fill: Callable[[tuple[int, ...]], Array]) -> Callable[[list[Array], Expr, Sizes], Array]:
    return lambda a, node, sizes: fill((node.shape[0].evaluate(sizes), node.shape[1].evaluate(sizes)))


def _double(value: Fraction) -> float:
    """The nearest double; infinite past the largest."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


Evaluation = Callable[[list[Array], Expr, Sizes], Array]

VALUES: dict[str, Evaluation] = {
    **{name: _entrywise(getattr(np, name)) for name in FUNCTIONS if hasattr(np, name)},  # below, where these fall short
    "number": lambda a, node, sizes: _scalar(_double(node.data[0])),
    "constant": lambda a, node, sizes: _scalar({"π": math.pi, "e": math.e}[node.name]),
    "dimension": lambda a, node, sizes: _scalar(float(node.data[0].evaluate(sizes))),
    "zeros": _leaf(np.zeros),
    "ones": _leaf(np.ones),
    "identity": _leaf(lambda shape: np.eye(shape[0])),
    "basis": lambda a, node, sizes: _basis(*(d.evaluate(sizes) for d in node.data)),
    "commutation": lambda a, node, sizes: _commutation(*(d.evaluate(sizes) for d in node.data)),
    "add": lambda a, node, sizes: reduce(add, a),
    **dict.fromkeys(("mul", "scale", "hadamard"), lambda a, node, sizes: reduce(mul, a)),
    "matmul": lambda a, node, sizes: reduce(lambda value, factor: factor @ value, reversed(a)),
    "transpose": _entrywise(np.transpose),
    "kron": lambda a, node, sizes: np.kron(a[0], a[1]),
    "block_inner": lambda a, node, sizes: _block_inner(a[0], a[1]),
    "block_sum": lambda a, node, sizes: _block_sum(a[0], a[1]),
    "power": _power,
    "inv": _entrywise(_inverse),
    "matpow": _matpow,
    "trace": _entrywise(lambda A: _scalar(np.trace(A))),
    "det": _entrywise(lambda A: _scalar(np.linalg.det(A))),
    "logdet": _entrywise(_logdet),
    "inner": lambda a, node, sizes: _scalar((a[0] * a[1]).sum()),
    "sq_norm": _entrywise(lambda A: _scalar((A * A).sum())),
    "norm": _entrywise(lambda A: _scalar(np.sqrt((A * A).sum()))),
    "norm1": _entrywise(lambda A: _scalar(_absolute(A).sum())),
    "nuclear_norm": _entrywise(lambda A: _scalar(_singular(A)[1].sum())),
    "spectral_norm": _entrywise(lambda A: _scalar(_singular(A)[1][0])),
    "sum": _entrywise(lambda A: _scalar(A.sum())),
    "logsumexp": _entrywise(_logsumexp),
    "softmax": _entrywise(_softmax),
    "softmax_row": _entrywise(lambda A: _softmax(A, 1)),
    "logsumexp_row": _entrywise(lambda A: _logsumexp(A, 1)),
    "max_row": _entrywise(lambda A: np.take_along_axis(A, A.real.argmax(axis=1)[:, None], 1)),
    "argmax_row": _entrywise(lambda A: 1.0 * (np.arange(A.shape[1]) == A.real.argmax(axis=1)[:, None])),
    "cumsum": _entrywise(lambda A: A.cumsum(axis=0)),
    "cumsum_back": _entrywise(lambda A: A[::-1].cumsum(axis=0)[::-1]),
    "where": lambda a, node, sizes: np.where(a[0].real > 0, a[1], a[2]),
    "diag": _entrywise(lambda A: np.diag(A)[:, None]),
    "Diag": _entrywise(lambda v: np.diag(v[:, 0])),
    "vec": _entrywise(lambda A: A.reshape((-1, 1), order="F")),
    "unvec": lambda a, node, sizes: a[0].reshape([d.evaluate(sizes) for d in node.shape], order="F"),
    "tril": _entrywise(np.tril),
    "triu": _entrywise(np.triu),
    "block": _block,
    "submatrix": _submatrix,
    "expm": _entrywise(_expm),
    "polar": _entrywise(_polar),
    "dominant": _entrywise(_dominant),
    "abs": _entrywise(lambda A: _absolute(A)),
    "sign": _entrywise(lambda A: np.sign(A.real)),
    "erf": _entrywise(_erf),
    "relu": _entrywise(lambda A: np.where(A.real > 0, A, 0)),
    "step": _entrywise(lambda A: np.where(A.real > 0, 1.0, 0.0)),
    "sigmoid": _entrywise(_logistic),
    "softplus": _entrywise(_softplus),
}

# Where a singular value decomposition is on the way, the complex step does not apply.
NOT_ANALYTIC = {"nuclear_norm", "spectral_norm", "polar", "dominant"}


def _absolute(A: Array) -> Array:
    return np.asarray(np.where(A.real < 0, -A, A))


def define(name: str, function: Callable[[Array], Array], is_analytic: bool = False) -> None:
    """Give a user's own entrywise function its values."""
    VALUES[name] = _entrywise(function)
    if not is_analytic:
        NOT_ANALYTIC.add(name)


def value_of(op: Operation) -> Evaluation:
    """The value of an operation; MissingRuleError if it has none."""
    if isinstance(op, OwnFunction):
        return _entrywise(op.values)
    if op.name not in VALUES:
        raise MissingRuleError(f"{op.name} has no numeric value")
    return VALUES[op.name]


def evaluate_all(
    exprs: Sequence[Expr],
    values: Mapping[Expr, Array],
    sizes: Sizes,
    memo: Mapping[Expr, Array] | None = None,
) -> list[Array]:
    """The values of several expressions as 2-D arrays; shared parts are evaluated once."""
    computed = values_below(exprs, values, sizes, memo)
    return [computed[expr] for expr in exprs]


def evaluate(expr: Expr, values: Mapping[Expr, Array], sizes: Sizes) -> Array:
    """The value of an expression as a 2-D array.

    Parameters
    ----------
    expr : Expr
    values : mapping of symbols to 2-D arrays
    sizes : mapping of dimension names to numbers
    """
    return values_below([expr], values, sizes)[expr]


def values_below(
    exprs: Sequence[Expr],
    values: Mapping[Expr, Array],
    sizes: Sizes,
    memo: Mapping[Expr, Array] | None = None,
) -> dict[Expr, Array]:
    """The value of every node below the expressions."""
    return values_in_order(nodes(*exprs), values, sizes, memo)


def values_in_order(
    order: Iterable[Expr],
    values: Mapping[Expr, Array],
    sizes: Sizes,
    memo: Mapping[Expr, Array] | None = None,
) -> dict[Expr, Array]:
    """The values of nodes, each of which stands behind its operands, or has them in `memo`."""
    computed: dict[Expr, Array] = dict(memo or {})
    with np.errstate(all="ignore"):
        for node in order:
            if node in computed:
                continue
            if node in values:
                computed[node] = values[node]
                continue
            if node.op.name == "symbol":
                raise UnknownSymbolError(f"no value is given for {node.name}")
            value = value_of(node.op)
            try:
                computed[node] = value([computed[arg] for arg in node.args], node, sizes)
            except KeyError as missing:
                raise UnknownSymbolError(f"the size of {missing.args[0]} is not known") from None
    return computed
