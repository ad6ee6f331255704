"""Sums, means, variances, softmax and norms of arrays, of all entries or along an axis."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from .. import operations as ops
from ..rows import along
from ..rows import cumsum as cumsum_of_columns
from ..shapes import ONE
from .array_table import array, arrays, integer, row
from .arrays import Array, Plan
from .entrywise import maximum, minimum
from .indexing import indexed

MAX_DIFFERENCES = 8


def smallest(p: Plan, a: Array, axis: int | None, keepdims: bool) -> Array:
    """The smallest entry, −max −a."""
    return p.negative(p.largest(p.negative(a), axis, keepdims))


def _with_place(f: Callable[..., Array], of_two: Callable[[Plan, Array, Array], Array]) -> Callable[..., Any]:
    """`max` and `min` of PyTorch, which take two arrays as well, and along an axis give the place too."""

    def value(p: Plan, a: Array, axis: Any, keepdims: bool) -> Any:
        if isinstance(axis, Array) and axis.number is None:
            return of_two(p, a, axis)
        made = f(p, a, integer(p, axis), keepdims)
        return [made, None] if p.is_torch and axis is not None else made

    return value


def _of_python(f: Callable[..., Array], of_two: Callable[[Plan, Array, Array], Array]) -> Callable[..., Any]:
    """`max` and `min` without a module: of two numbers or arrays, or of the entries of one."""
    return lambda p, a, b, axis: f(p, a, axis, False) if b is None else of_two(p, a, b)


def product(p: Plan, a: Array, axis: int | None) -> Array:
    """The product of all entries."""
    if p.axis_of(a, axis) is not None and a.rank > 1:
        raise p.refuse(
            "products along an axis are not read", "np.exp(np.log(A).sum(axis=1)) is one of positive entries"
        )
    p.note(f"the gradient of {p.source[slice(*p.span)].strip()} is written with inverse entries: none may be 0")
    return p.node((), lambda A: ops.det(ops.diagonal_matrix(A if A.shape[1] is ONE else ops.vec(A))), a)


def average(p: Plan, a: Array, axis: int | None, weights: Array | None, keepdims: bool) -> Array:
    if weights is None:
        return p.mean(a, axis, keepdims)
    if weights.rank != a.rank:
        raise p.refuse("weights of another shape than the array are not read", "write their product and its sum")
    return p.over(p.sum(p.times(a, weights), axis, keepdims), p.sum(weights, axis, keepdims))


def _variance(p: Plan, a: Array, axis: int | None, ddof: Any, keepdims: bool) -> Array:
    if ddof is None or isinstance(ddof, bool):
        ddof = p.constant(int(p.is_torch if ddof is None else ddof))
    return p.variance(a, axis, keepdims, array(p, ddof))


def logsumexp(p: Plan, a: Array, axis: int | None, keepdims: bool) -> Array:
    if a.rank == 1 and not keepdims:
        p.axis_of(a, axis)
        return p.node((), ops.logsumexp, a)
    at = p.axis_of(a, axis)
    if a.rank == 2 and at is not None:
        made = p.node((a.axes[1 - at],), lambda A: along("logsumexp", A, at), a)
        axes = p.reduced(a.axes, at, True)
        return p.node(axes, (lambda A: A) if at == 1 else ops.transpose, made) if keepdims else made
    return p.function(ops.log, p.sum(p.function(ops.exp, a), axis, keepdims))


def softmax(p: Plan, a: Array, axis: int | None) -> Array:
    """exp(a) / Σ exp(a) along an axis."""
    if not a.rank:
        raise p.misfit(f"softmax needs an array, and {p.written(a)} is a number", a)
    if a.rank == 1:
        p.axis_of(a, axis)
        return p.node(a.axes, ops.softmax, a)
    at = p.axis_of(a, axis)
    assert at is not None
    return p.node(a.axes, lambda A: along("softmax", A, at), a)


def log_softmax(p: Plan, a: Array, axis: int | None) -> Array:
    return p.add(a, logsumexp(p, a, axis, True), -1)


def _along_rows(f: Callable[[Plan, Array, int | None], Array], is_of_library: bool) -> Callable[..., Array]:
    """Each row where no axis is said, but for PyTorch, which takes the first axis."""

    def value(p: Plan, a: Array, axis: Any) -> Array:
        if axis != "default":
            return f(p, a, axis)
        is_first = is_of_library and p.is_torch
        if a.rank == 2 and is_first:
            raise p.refuse("which axis is not said", "dim=1 takes each row")
        if a.rank == 2:
            p.note(f"softmax of the matrix {p.written(a)} is taken of each row")
        return f(p, a, 0 if is_first else -1)

    return value


def cumsum(p: Plan, a: Array, axis: int | None) -> Array:
    at = p.axis_of(a, axis)
    if a.rank == 2 and at is None:
        raise p.refuse("the running sum of all entries of a matrix is not read", "axis=0 or axis=1 is")
    if not a.rank:
        return a
    return p.node(a.axes, lambda A: along("cumsum", A, 1) if at == 1 else cumsum_of_columns(A), a)


def difference(p: Plan, a: Array, n: int, axis: int | None) -> Array:
    at = p.axis_of(a, axis)
    if not a.rank or at is None:
        raise p.misfit("diff needs an array", a)
    first = [slice(None)] * at
    if not 0 <= n <= MAX_DIFFERENCES:
        raise p.refuse(f"np.diff is read up to {MAX_DIFFERENCES} times")
    for _ in range(n):
        a = p.add(indexed(p, a, [*first, slice(1, None)]), indexed(p, a, [*first, slice(None, -1)]), -1)
    return a


def _sum_of(p: Plan, a: Any, axis: Any, keepdims: bool) -> Array:
    """`sum` without a module: of a list it is Python's, which adds up what is in it."""
    if not isinstance(a, list) or not a:
        return p.sum(array(p, a), integer(p, axis), keepdims)
    start = [] if axis is None or array(p, axis).number == 0 else [array(p, axis)]
    if start and start[0].number is not None:
        raise p.refuse("sum of a list from a number on is not read", "sum(parts) + 1 is")
    total, *others = arrays(p, a)
    for other in [*others, *start]:
        total = p.add(total, other)
    return total


_ALONG = "a, axis=None, keepdims=False"
row("np torch method bare", "sum nansum", _ALONG, lambda p, *given: p.sum(*given))
row("bare", "sum", "a?, axis?=None, keepdims=False", _sum_of)
row("np torch method bare", "mean", _ALONG, Plan.mean)
for _name, _least, _of_two in (("max", Plan.largest, maximum), ("min", smallest, minimum)):
    row("np torch method", f"a{_name} nan{_name}", _ALONG, _least)
    row("np", _name, _ALONG, _least)
    row("torch method", _name, "a, axis?=None, keepdims=False", _with_place(_least, _of_two))
    row("bare", _name, "a, b=None, axis=None", _of_python(_least, _of_two))
row("np method", "ptp", _ALONG, lambda p, *given: p.add(p.largest(*given), smallest(p, *given), -1))
row("np torch method bare", "prod", "a, axis=None", product)
row("np bare", "average", "a, axis=None, weights=None, keepdims=False", average)
for _name, _v in (("var", _variance), ("std", lambda p, *given: p.function(ops.sqrt, _variance(p, *given)))):
    row("np bare", _name, "a, axis=None, ddof=0, keepdims=False", _v)
    row("torch", _name, "a, axis=None, ddof=1, keepdims=False", _v)
    row("method", _name, "a, axis=None, ddof=None, keepdims=False", _v)  # PyTorch divides by n − 1
row("special np torch method nn bare", "logsumexp", _ALONG, logsumexp)
row("special", "softmax", "a, axis=None", lambda p, a, axis: _softmax_of_all(p, a, axis))
for _name, _f in (("softmax", softmax), ("log_softmax", log_softmax)):
    row("bare", _name, "a, axis=default", _along_rows(_f, False))
    row("nn method torch", _name, "a, axis=default", _along_rows(_f, True))
row("special", "log_softmax", "a, axis=None", log_softmax)
row("np torch method bare", "cumsum", "a, axis=None", cumsum)
row("np torch bare", "diff", "a, n=1, axis=-1", difference)
row("np bare", "ediff1d", "a", lambda p, a: difference(p, a, 1, -1))
del _name, _least, _of_two, _v, _f


def _softmax_of_all(p: Plan, a: Array, axis: int | None) -> Array:
    if axis is not None or a.rank == 1:
        return softmax(p, a, axis)
    e = p.function(ops.exp, a)
    return p.over(e, p.sum(e))


# Norms


def norm(p: Plan, a: Array, order: Any, axis: int | None, keep: bool, matrix: bool = True) -> Array:
    """The norm of a vector or of a matrix, or of each row or column.

    As numpy.linalg.norm has them; `matrix=False` takes the entries of a matrix as those of a vector.
    """
    at = p.axis_of(a, axis)
    if isinstance(order, Array) and order.number is not None:
        order = order.number
    if not a.rank:
        p.expect_axes(a)
        return p.function(ops.absolute, a)
    is_matrix = a.rank == 2 and at is None
    if order in ("fro", None) or (order == 2 and not (is_matrix and matrix)):
        if at is None or a.rank == 1:
            return p.node(p.reduced(a.axes, None, keep), ops.norm, a)
        return p.function(ops.sqrt, p.sum(p.power(a, p.constant(2)), at, keep))
    size = p.function(ops.absolute, a)
    if is_matrix and matrix:
        if order in _OF_MATRICES:
            return p.spread(_OF_MATRICES[order](p, a, size), p.reduced(a.axes, None, keep))
        raise p.refuse(
            "the smallest singular value is not among the operations"
            if order == -2
            else "this norm of a matrix is not read",
            "the orders 'fro', 'nuc', 2, 1, -1 and np.inf are",
        )
    if order == "inf":
        return p.largest(size, at, keep)
    if not isinstance(order, Fraction) or order <= 0:
        raise p.refuse(
            "this norm is not among the operations", "the orders 1, 2, np.inf and other positive numbers are"
        )
    if order == 1:
        return p.node((), ops.norm1, a) if at is None and not keep else p.sum(size, at, keep)
    return p.power(p.sum(p.power(size, p.constant(order)), at, keep), p.constant(1 / order))


# The norms of a matrix by their order, of the matrix and of the sizes of its entries.
_OF_MATRICES: dict[Any, Callable[[Plan, Array, Array], Array]] = {
    "nuc": lambda p, A, size: p.node((), ops.nuclear_norm, A),
    2: lambda p, A, size: p.node((), ops.spectral_norm, A),
    1: lambda p, A, size: p.largest(p.sum(size, 0), None, False),
    -1: lambda p, A, size: smallest(p, p.sum(size, 0), None, False),
    "inf": lambda p, A, size: p.largest(p.sum(size, 1), None, False),
}


def _norm_of_entries(p: Plan, a: Array, order: Any, axis: int | None, keep: bool) -> Array:
    return norm(p, a, order, axis, keep, False)


row("linalg bare", "norm matrix_norm", "a, ord=None, axis=None, keepdims=False", norm)
row("linalg", "vector_norm", "a, ord=2, axis=None, keepdims=False", _norm_of_entries)
row("torch method", "norm", "a, ord=2, axis=None, keepdims=False", _norm_of_entries)
row("bare", "norm2", "a", lambda p, a: norm(p, a, None, None, False))
row("bare", "norm1", "a", lambda p, a: _norm_of_entries(p, a, Fraction(1), None, False))
