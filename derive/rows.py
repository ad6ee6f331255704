"""Rows and columns: softmax, sums, means and norms of each row, running sums, and what is chosen entry by entry.

An operation of the rows takes an m × n matrix, and one number a row makes an m-vector.  `axis` is
NumPy's: 1 takes each row, 0 each column; a column is a row of the transpose.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from .expr import Data, Expr, as_expr, dimension, fold, is_number, is_zero, nodes, ones, operation
from .operations import (
    absolute,
    add,
    divide,
    erf,
    exp,
    hadamard,
    logsumexp,
    matmul,
    power,
    relu,
    scale,
    sigmoid,
    softmax,
    softplus,
    sqrt,
    sum_entries,
    transpose,
    vec,
)
from .shapes import ONE


def _softmax_light(args: tuple[Expr, ...], data: Data) -> Expr | None:
    (A,) = args
    if A.shape[1] is ONE:
        return ones(*A.shape)
    return transpose(softmax(transpose(A))) if A.shape[0] is ONE else None


def _logsumexp_light(args: tuple[Expr, ...], data: Data) -> Expr | None:
    (A,) = args
    return A if A.shape[1] is ONE else logsumexp(transpose(A)) if A.shape[0] is ONE else None


softmax_row = operation("softmax_row", "m n -> m n", light=_softmax_light, traits="positive")
logsumexp_row = operation("logsumexp_row", "m n -> m", light=_logsumexp_light)
max_row = operation(
    "max_row",
    "m n -> m",
    light=lambda args, data: args[0] if args[0].shape[1] is ONE else None,
    code={"": "{lib}.max({0}, axis=-1)", "torch": "torch.amax({0}, dim=-1)"},
)
argmax_row = operation(  # 1 at the first largest entry of each row, else 0
    "argmax_row", "m n -> m n", light=lambda args, data: ones(*args[0].shape) if args[0].shape[1] is ONE else None
)


def _running_light(args: tuple[Expr, ...], data: Data) -> Expr | None:
    return args[0] if args[0].shape[0] is ONE else None


# Entry i is the sum of entries 1 to i, down each column; and its adjoint, the sum of entries i to m.
_RUNNING = {
    "": "{lib}.cumsum({0}, axis=0)",
    "array-api": "xp.cumulative_sum({0}, axis=0)",
    "torch": "torch.cumsum({0}, dim=0)",
}
_FLIPPED = {
    library: "torch.flip({0}, (0,))" if library == "torch" else "{lib}.flip({0}, axis=0)" for library in _RUNNING
}
_BACK = {library: flip.replace("{0}", _RUNNING[library].replace("{0}", flip)) for library, flip in _FLIPPED.items()}
cumsum, cumsum_back = (
    operation(name, "m n -> m n", light=_running_light, traits="linear columns", adjoint=adjoint, code=code)
    for name, adjoint, code in (("cumsum", "cumsum_back", _RUNNING), ("cumsum_back", "cumsum", _BACK))
)


def _where_light(args: tuple[Expr, ...], data: Data) -> Expr | None:
    test, chosen, other = args
    if is_number(test):
        return chosen if test.data[0] > 0 else other
    if chosen is other:
        return chosen
    return relu(test) if chosen is test and is_zero(other) else None


where = operation(  # B where A > 0, else C, entry by entry
    "where", "m n, m n, m n -> m n", light=_where_light, verb="choose entries of"
)

# Entry by entry


def _alike(*values: Any) -> list[Expr]:
    """The operands in one shape: a number beside a vector or matrix stands for each entry."""
    made = [as_expr(value) for value in values]
    shape = next((e.shape for e in made if not e.is_scalar), None)
    return made if shape is None else [scale(e, ones(*shape)) if e.is_scalar else e for e in made]


def choose(left: Any, right: Any, chosen: Any, other: Any) -> Expr:
    """`chosen` where left > right, else `other`, entry by entry."""
    a, b, c, d = _alike(left, right, chosen, other)
    return where(a - b, c, d)


def maximum(a: Any, b: Any) -> Expr:
    """The larger of two, entry by entry; at a tie its derivative is that of the second."""
    if is_zero(as_expr(a)):
        return relu(b)
    if is_zero(as_expr(b)):
        return relu(a)
    return choose(a, b, a, b)


def minimum(a: Any, b: Any) -> Expr:
    """The smaller of two, entry by entry; at a tie its derivative is that of the first."""
    return choose(a, b, b, a)


def clip(x: Any, low: Any, high: Any) -> Expr:
    """x, but at least `low` and at most `high`."""
    return minimum(maximum(x, low), high)


def leaky_relu(x: Any, slope: Any = Fraction(1, 100)) -> Expr:
    """x where x > 0, else slope x."""
    x = as_expr(x)
    return where(x, x, as_expr(slope) * x)


def elu(x: Any, slope: Any = 1) -> Expr:
    """x where x > 0, else slope (exp(x) − 1)."""
    x = as_expr(x)
    return relu(x) + as_expr(slope) * (exp(x - relu(x)) - ones(*x.shape))  # no power of e grows


def raised(A: Expr) -> Expr | None:
    """The t of 1 + eᵗ."""
    parts = A.args if A.op.name == "add" and len(A.args) == 2 else ()
    found = [part.args[0] for part in parts if part.op.name == "exp"]
    is_one = any(part.op.name == "ones" or is_number(part, 1) for part in parts)
    return found[0] if len(found) == 1 and is_one else None


def softened(expr: Expr) -> Expr:
    """A formula with softplus(z) − relu(z) for log(1 + e^−|z|) beside relu(z): together they have a slope at z = 0."""
    ramps = {node.args[0] for node in nodes(expr) if node.op.name == "relu"}

    def visit(node: Expr, args: list[Expr]) -> Expr:
        made = node.op.build(tuple(args), node.data) if args else node
        t = raised(args[0]) if made.op.name == "log" else args[0] if made.op.name == "softplus" else None
        for z in ramps if t is not None else ():
            if t in (-absolute(z), -absolute(-z)):
                return softplus(z) - relu(z)
        terms = list(made.args) if made.op.name == "add" else []
        for part in [part for part in terms if part.op.name == "relu"]:
            if -part in terms:  # one of each: max(z, 0) may be there twice
                terms.remove(part)
                terms.remove(-part)
                made = add(*terms)
        return made

    return fold(expr, visit) if ramps and any(node.op.name == "abs" for node in nodes(expr)) else expr


def gelu(x: Any) -> Expr:
    """x Φ(x), with the normal distribution function Φ."""
    x = as_expr(x)
    return hadamard(scale(Fraction(1, 2), x), ones(*x.shape) + erf(divide(x, sqrt(2))))


def silu(x: Any) -> Expr:
    """x σ(x)."""
    x = as_expr(x)
    return hadamard(x, sigmoid(x))


def huber(x: Any, delta: Any = 1) -> Expr:
    """½ x² where |x| ≤ δ, else δ (|x| − ½ δ), entry by entry."""
    x, delta = as_expr(x), as_expr(delta)
    one = ones(*x.shape)
    outside = delta * (absolute(x) - delta * Fraction(1, 2) * one)
    return where(absolute(x) - delta * one, outside, Fraction(1, 2) * power(x, 2))


def pseudo_huber(x: Any, delta: Any = 1) -> Expr:
    """δ² (√(1 + (x/δ)²) − 1), entry by entry."""
    x, delta = as_expr(x), as_expr(delta)
    one = ones(*x.shape)
    return power(delta, 2) * (sqrt(one + power(divide(x, delta), 2)) - one)


def quantile(x: Any, level: Any) -> Expr:
    """level x where x > 0, else (level − 1) x: the pinball loss."""
    x, level = as_expr(x), as_expr(level)
    return where(x, level * x, (level - 1) * x)


# Rows and columns


def _count(A: Expr) -> Expr:
    return dimension(A.shape[1])


def _row_sum(A: Expr) -> Expr:
    return matmul(A, ones(A.shape[1]))


def _row_mean(A: Expr) -> Expr:
    return divide(_row_sum(A), _count(A))


def _row_var(A: Expr) -> Expr:
    centered = A - matmul(_row_mean(A), transpose(ones(A.shape[1])))
    return _row_mean(power(centered, 2))


def _row_log_softmax(A: Expr) -> Expr:
    return A - matmul(logsumexp_row(A), transpose(ones(A.shape[1])))


PER_ROW: dict[str, Callable[[Expr], Expr]] = {  # one number a row
    "sum": _row_sum,
    "mean": _row_mean,
    "var": _row_var,
    "std": lambda A: sqrt(_row_var(A)),
    "norm": lambda A: sqrt(_row_sum(power(A, 2))),
    "norm1": lambda A: _row_sum(absolute(A)),
    "max": max_row,
    "min": lambda A: -max_row(-A),
    "logsumexp": logsumexp_row,
}
OF_ROWS: dict[str, Callable[[Expr], Expr]] = {  # a row a row
    "softmax": softmax_row,
    "log_softmax": _row_log_softmax,
    "cumsum": lambda A: transpose(cumsum(transpose(A))),
}


def along(name: str, operand: Any, axis: int) -> Expr:
    """A function of each row (`axis=1`) or of each column (`axis=0`) of a matrix.

    Examples
    --------
    >>> from derive import symbols
    >>> A = symbols("A: m×n")
    >>> print(along("softmax", A, 1), along("sum", A, 0))
    softmax_row(A) Aᵀ 𝟏
    """
    A = as_expr(operand)
    if name in PER_ROW:
        return PER_ROW[name](A if axis else transpose(A))
    return OF_ROWS[name](A) if axis else transpose(OF_ROWS[name](transpose(A)))


# All entries at once


def variance(x: Any) -> Expr:
    """The mean squared distance of the entries from their mean."""
    x = as_expr(x)
    count = dimension(x.shape[0] * x.shape[1])
    return divide(sum_entries(power(x - divide(sum_entries(x), count) * ones(*x.shape), 2)), count)


def softmax_of(x: Any) -> Expr:
    """The softmax of a vector, or of each row of a matrix."""
    x = as_expr(x)
    return softmax(x) if x.shape[1] is ONE else softmax_row(x)


def log_softmax(x: Any) -> Expr:
    """x − logsumexp(x): of a vector, or of each row of a matrix."""
    x = as_expr(x)
    return x - logsumexp(x) * ones(*x.shape) if x.is_vector else _row_log_softmax(x)


def largest(x: Any) -> Expr:
    """The largest of all entries."""
    return max_row(transpose(vec(x)))
