"""Functions of matrices, arrays in another shape, constant arrays, and the losses of torch.nn.functional."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

from .. import operations as ops
from .. import rows
from ..expr import Expr
from ..shapes import ONE
from .array_table import CountedClasses, array, flag, index, length, lengths, row
from .arrays import Array, Plan
from .contraction import einsum
from .indexing import arranged, indexed, joined
from .pairs import Pairs, distances, spread, squares
from .reductions import log_softmax
from .sizes import Size

CONSTANTS = {"pi": "π", "e": "e"}

# Matrices


def _of_square(f: Callable[[Any], Expr], what: str, is_matrix: bool) -> Callable[..., Array]:
    def value(p: Plan, a: Array) -> Array:
        size = p.square(a, what)
        return p.node((size, size) if is_matrix else (), f, a)

    return value


def _slogdet(p: Plan, a: Array) -> list[Array]:
    p.square(a, "the determinant")
    return [p.function(ops.sign, p.node((), ops.det, a)), p.node((), ops.logdet, a)]


def _solve(p: Plan, a: Array, b: Array) -> Array:
    size = p.square(a, "solve")
    return p.matmul(p.node((size, size), ops.inv, a), b)


def _power(p: Plan, a: Array, n: int) -> Array:
    size = p.square(a, "a power of a matrix")
    return p.node((size, size), lambda A: ops.matpow(A, n), a)


def diag(p: Plan, a: Array) -> Array:
    return _diagonal_matrix(p, a) if a.rank == 1 else _diagonal(p, a)


def _diagonal(p: Plan, a: Array) -> Array:
    return p.node((p.square(a, "the diagonal"),), ops.diagonal, a)


def _diagonal_matrix(p: Plan, a: Array) -> Array:
    if a.rank != 1:
        raise p.misfit(f"{p.described(a)} is no one-dimensional array, of which this is the diagonal matrix", a)
    return p.node((a.axes[0], a.axes[0]), ops.diagonal_matrix, a)


def _triangle(upper: bool) -> Callable[..., Array]:
    """The entries on and above a diagonal, or on and below it."""

    def value(p: Plan, a: Array, k: int) -> Array:
        size = p.square(a, "the triangle")
        own, other = (ops.triu, ops.tril) if upper else (ops.tril, ops.triu)
        if k not in (0, 1 if upper else -1):
            raise p.refuse("of the diagonals beside the main one, only that next to it is read here")
        return p.node((size, size), own if not k else lambda A: A - other(A), a)

    return value


for _names, _m, _what, _is in (
    ("trace", ops.trace, "the trace", False), ("det", ops.det, "the determinant", False),
    ("inv inverse", ops.inv, "the inverse", True), ("expm matrix_exp", ops.expm, "the matrix exponential", True),
    ("logdet", lambda A: ops.log(ops.det(A)), "the determinant", False),
):  # fmt: skip
    row("np torch linalg method bare", _names, "a", _of_square(_m, _what, _is))
row("bare", "tr", "a", _of_square(ops.trace, "the trace", False))
row("bare", "logdet", "a", _of_square(ops.logdet, "the determinant", False))
row("linalg torch", "slogdet", "a", _slogdet)
row("linalg torch bare", "solve", "a, b", _solve)
row("linalg torch", "matrix_power", "a, n", _power)
row("linalg", "multi_dot", "arrays", lambda p, parts: reduce(p.matmul, parts))
row("np torch method bare", "diag", "a", diag)
row("np torch method", "diagonal", "a", _diagonal)
row("np torch method", "diagflat diag_embed", "a", _diagonal_matrix)
row("np torch method bare", "triu", "a, k=0", _triangle(True))
row("np torch method bare", "tril", "a, k=0", _triangle(False))
row("np torch bare", "einsum", "*operands", einsum)
del _names, _m, _what, _is


# Shapes


def reshape(p: Plan, a: Array, shape: Sequence[Any], order: Any = "C") -> Array:
    """The entries in another shape, taken row by row; column by column with the order F."""
    given = list(shape[0]) if len(shape) == 1 and isinstance(shape[0], list) else list(shape)
    if order == "F":
        made = reshape(p, p.transposed(a), given[::-1])
        return made if made.rank < 2 else p.transposed(made)
    if order != "C":
        raise p.refuse("only the orders C and F are read")
    open_at = [i for i, g in enumerate(given) if isinstance(g, Array) and g.number == -1]
    axes: list[Size] = [ONE if i in open_at else length(p, g) for i, g in enumerate(given)]
    if len(open_at) > 1 or len(axes) > 2 or not axes:
        raise p.refuse("this shape is not read")
    if open_at:
        others = [x for i, x in enumerate(axes) if i not in open_at]
        rest = [x for x in a.axes if not p.is_one(x)]
        if all(p.is_one(x) for x in others):
            axes[open_at[0]] = p.product_of(a.axes)
        elif len(rest) == 2 and p.find(rest[open_at[0] - 1]) == p.find(others[0]):
            axes[open_at[0]] = rest[open_at[0]]
        else:
            axes[open_at[0]] = ops.quotient(
                p.frozen(p.product_of(a.axes)), p.frozen(others[0]), f"reshape of {p.written(a)}"
            )  # fmt: skip
    return arranged(p, a, tuple(axes))


def squeeze(p: Plan, a: Array) -> Array:
    return arranged(p, a, tuple(x for x in a.axes if not p.is_one(x)))


def expand(p: Plan, a: Array, axis: Any) -> Array | Pairs:
    at = index(p, axis)
    if not -a.rank - 1 <= at <= a.rank:
        raise p.misfit(f"{p.described(a)} has no axis {at}", a)
    keys: list[Any] = [slice(None)] * a.rank
    keys.insert(at if at >= 0 else a.rank + 1 + at, None)
    return spread(a, keys) or indexed(p, a, keys)


def _swapped(p: Plan, a: Array, axis: Any, other: Any) -> Array:
    """The array with two axes in each other's place."""
    one, two = (p.axis_of(a, index(p, at)) for at in (axis, other))
    return a if one == two else p.transposed(a)


def ordered(p: Plan, a: Array, axes: Sequence[Any]) -> Array:
    """The array with its axes in this order; reversed where none is given."""
    given = axes[0] if len(axes) == 1 and isinstance(axes[0], list) else axes
    order = [p.axis_of(a, index(p, at)) for at in given if at is not None]
    if order and sorted(at or 0 for at in order) != list(range(a.rank)):
        raise p.refuse("this order of the axes is not read")
    return a if order == [0, 1] else p.transposed(a)


def _turned(p: Plan, shape: Sequence[Any]) -> Array:
    """The method: two axes are swapped by PyTorch, and the order of all for NumPy."""
    a, *axes = shape
    is_same = len(axes) == 2 and 0 <= index(p, axes[1]) - index(p, axes[0])
    if is_same and p.is_named and not p.is_torch:
        what = p.written(a)
        raise p.refuse(f"this is {what} itself in NumPy and its transpose in PyTorch", f"write {what}.T or {what}")
    return _swapped(p, a, *axes) if is_same else ordered(p, a, axes)


row("np", "transpose permute_dims", "a, axes=None", lambda p, a, axes: ordered(p, a, [axes]))
row("torch", "permute", "a, dims", lambda p, a, dims: ordered(p, a, [dims]))
row("method", "permute", "*axes", lambda p, axes: ordered(p, axes[0], axes[1:]))
row("method", "transpose", "*axes", _turned)
row("np torch method", "swapaxes", "a, axis, other", _swapped)
row("torch", "transpose", "a, axis, other", _swapped)
row("np torch method", "adjoint", "a", Plan.transposed)
row("bare torch method", "t", "a", Plan.transposed)
row("bare", "transpose", "a", Plan.transposed)
row("np torch method", "ravel flatten", "a, order=C", lambda p, a, order: reshape(p, a, [p.constant(-1)], order))
row("np torch", "reshape", "a, shape, order=C", lambda p, a, shape, order: reshape(p, a, [shape], order))
row("method", "reshape view", "*shape, order=C", lambda p, shape, order: reshape(p, shape[0], shape[1:], order))
row("np torch method", "squeeze", "a", squeeze)
row("np torch method", "expand_dims unsqueeze", "a, axis", expand)
row("bare", "vec", "a", lambda p, a: reshape(p, p.transposed(a), [p.constant(-1)]))
row("np bare", "size", "a", lambda p, a: p.counted(a, None))
row("method", "numel", "a", lambda p, a: p.counted(a, None))
row("np", "shape", "a", lambda p, a: _size(p, a, None))
row("method", "size", "a, axis=None", lambda p, a, axis: _size(p, a, axis))
row("bare", "len", "a", lambda p, a: _len(p, a))


def _size(p: Plan, a: Array, axis: int | None) -> Any:
    return [p.count(x) for x in a.axes] if axis is None else p.counted(a, axis)


def _typed(p: Plan, a: Any, dtype: Any) -> Array:
    held = array(p, a)
    if any(word in str(dtype) for word in ("int", "bool", "long", "short")) and not held.is_mask and not _is_whole(a):
        raise p.refuse("numbers cut to whole ones are not read", "a comparison as 0 and 1 is")
    return held


def _is_whole(a: Any) -> bool:
    if isinstance(a, list):
        return all(_is_whole(part) for part in a)
    return isinstance(a, Array) and a.number is not None and a.number.denominator == 1


def _copy(p: Plan, a: Any, dtype: Any) -> Array:
    held = _typed(p, a, dtype)
    return p.node(held.axes, lambda A: A, held)


_SAME = "detach asarray as_tensor float double asfarray contiguous item to cpu"
row("np torch method", _SAME, "a?, dtype=None", _typed)
row("np torch method", "copy clone astype array tensor ascontiguousarray", "a?, dtype=None", _copy)
row("bare", "deepcopy", "a?, dtype=None", _copy)
row("np", "float64 float32", "a?, dtype=None", _copy)
row("np", "int64 int32 int8", "a?, dtype=int", _copy)
row("bare", "float", "a?", lambda p, a: a if a == "inf" else array(p, a))


def _len(p: Plan, a: Array) -> Array:
    if not a.rank:
        raise p.misfit(f"{p.written(a)} is a number and has no length", a)
    return p.count(a.axes[0])


def _joined(p: Plan, parts: list[Array], axis: Any) -> Array:
    return joined(p, parts, index(p, axis) % max(parts[0].rank, 1))


def _stacked(p: Plan, parts: list[Array], axis: Any) -> Array:
    at = index(p, axis)
    if at not in (0, 1, -1, -2):
        raise p.refuse("arrays of three axes are not read", "formulas have vectors and matrices")
    key = [None, slice(None)] if at % 2 == 0 else [slice(None), None]
    return joined(p, [indexed(p, a, key) for a in parts], at % 2)


def _beside(p: Plan, parts: list[Array]) -> Array:
    return joined(p, parts, 1 if parts[0].rank == 2 else 0)


def _below(p: Plan, parts: list[Array]) -> Array:
    return joined(p, [a if a.rank == 2 else indexed(p, a, [None, slice(None)]) for a in parts], 0)


row("np torch", "concatenate cat concat", "arrays, axis=0", _joined)
row("np torch", "stack", "arrays, axis=0", _stacked)
row("np torch", "hstack", "arrays", _beside)
row("np torch", "vstack row_stack", "arrays", _below)


# Constants


def _constant(value: int) -> Callable[..., Array]:
    return lambda p, shape: p.filled(lengths(p, shape[0] if len(shape) == 1 else list(shape)), value)


def _eye(p: Plan, n: Any, m: Any) -> Array:
    size = length(p, n)
    if m is not None and not p.unify(size, length(p, m)):
        raise p.refuse("an identity that is not square is not read")
    return p.eye(size)


row("np torch bare", "eye identity", "n?, M=None", _eye)
row("np torch bare", "ones", "*shape", _constant(1))
row("np torch bare", "zeros", "*shape", _constant(0))
row("np torch", "ones_like", "a", lambda p, a: p.filled(a.axes, 1))
row("np torch", "zeros_like", "a", lambda p, a: p.filled(a.axes, 0))
row("np torch", "full", "shape, b", lambda p, shape, b: p.times(p.filled(lengths(p, shape), 1), b))
row("np torch", "full_like", "a, b", lambda p, a, b: p.times(p.filled(a.axes, 1), b))


# Losses of torch.nn.functional


def _loss(f: Callable[..., Array]) -> Callable[..., Array]:
    def value(p: Plan, a: Array, b: Array, reduction: Any, *parameters: Array) -> Array:
        if a.rank != b.rank:
            raise p.misfit(f"the shapes of {p.described(a)} and {p.described(b)} differ", a, b)
        return _of_each(p, f(p, a, b, *parameters), reduction)

    return value


def _of_each(p: Plan, each: Array, reduction: Any) -> Array:
    if reduction not in ("mean", "sum", "none"):
        raise p.refuse("this reduction is not read")
    return each if reduction == "none" or not each.rank else p.sum(each) if reduction == "sum" else p.mean(each)


def _cross_entropy(p: Plan, a: Array, target: Any, reduction: Any) -> Array:
    if isinstance(target, CountedClasses):  # row i is of class i
        if not p.unify(p.square(a, "the loss of a range of classes"), target.size):
            raise p.misfit(f"{p.described(a)} has another number of rows", a)
        return _of_each(p, p.negative(_diagonal(p, log_softmax(p, a, -1))), reduction)
    b = array(p, target)
    if a.rank != b.rank or not a.rank:
        raise p.refuse("targets that are indices of classes are not read", "give their indicators")
    p.note(f"{p.written(b)} is read as probabilities of the classes, not as their indices")
    return _of_each(p, p.negative(p.sum(p.times(b, log_softmax(p, a, -1)), -1)), reduction)


def _counted(p: Plan, n: Any, stop: Any, step: Any) -> CountedClasses:
    if step is not None or stop is not None and array(p, n).number != 0:
        raise p.refuse("ranges of numbers are not read")
    return CountedClasses(length(p, n if stop is None else stop))


def _binary(p: Plan, a: Array, b: Array) -> Array:
    one = p.constant(1)
    right = p.times(p.add(one, b, -1), p.function(ops.log, p.add(one, a, -1)))
    return p.negative(p.add(p.times(b, p.function(ops.log, a)), right))


def _divergence(p: Plan, a: Array, b: Array, reduction: Any) -> Array:
    """The divergence; batchmean divides its sum by the length of the first axis."""
    made = _loss(lambda p, a, b: p.times(b, p.add(p.function(ops.log, b), a, -1)))
    if reduction != "batchmean":
        return made(p, a, b, reduction)
    if not a.rank:
        raise p.misfit("batchmean divides by the length of the first axis", a)
    return p.over(made(p, a, b, "sum"), p.count(a.axes[0]))


def _huber(p: Plan, a: Array, b: Array, delta: Array) -> Array:
    if delta.number is not None and delta.number <= 0:
        raise p.refuse("delta is positive")
    return p.node(p.over(p.add(a, b, -1), delta).axes, rows.huber, p.add(a, b, -1), delta)


def _ranked(p: Plan, a: Array, b: Array, sign: Array, margin: Array, reduction: Any) -> Array:
    return _of_each(p, _hinge(p, p.times(sign, p.add(b, a, -1)), margin), reduction)


def _triplet(
    p: Plan, a: Array, near: Array, far: Array, margin: Array, order: Any, eps: Any, swap: Any, reduction: Any
) -> Array:  # fmt: skip
    if array(p, order).number != 2 or flag(p, swap):
        raise p.refuse("only Euclidean distances to the anchor are read here")
    to_near, to_far = (_length(p, p.add(p.add(a, b, -1), array(p, eps)), -1, False) for b in (near, far))
    return _of_each(p, _hinge(p, p.add(to_near, to_far, -1), margin), reduction)


def _hinge(p: Plan, a: Array, margin: Array) -> Array:
    return p.function(ops.relu, a if margin.number == 0 else p.add(a, margin))


def _poisson(
    p: Plan, a: Array, b: Array, is_log: Any, is_full: Any, unused: Any, eps: Any, old: Any, reduction: Any
) -> Array:  # fmt: skip
    if flag(p, is_full):
        raise p.refuse("the term of Stirling's formula is not read", "leave full= out: no variable is in it")
    rate, log_rate = (
        (p.function(ops.exp, a), a) if flag(p, is_log) else (a, p.function(ops.log, p.add(a, array(p, eps))))
    )
    return _of_each(p, p.add(rate, p.times(b, log_rate), -1), reduction)


def _gaussian(p: Plan, a: Array, b: Array, variance: Array, is_full: Any, eps: Any, reduction: Any) -> Array:
    if flag(p, is_full):
        raise p.refuse("the constant of the density is not read", "leave full= out: no variable is in it")
    p.note(f"{p.written(variance)} is taken to be above {array(p, eps).number or p.written(eps)}")
    if a.rank == 2 and variance.rank == 1:  # one variance for each row, not for each column
        variance = indexed(p, variance, [slice(None), None])
    error = p.over(p.power(p.add(a, b, -1), p.constant(2)), variance)
    return _of_each(p, p.over(p.add(p.function(ops.log, variance), error), p.constant(2)), reduction)


def _length(p: Plan, a: Array, axis: int | None, keepdims: bool = True) -> Array:
    keepdims &= axis is not None and a.rank > 1
    return p.function(ops.sqrt, p.sum(p.power(a, p.constant(2)), axis, keepdims))


def _normalized(p: Plan, a: Array, order: Any, axis: int | None, eps: Any) -> Array:
    if array(p, order).number != 2:
        raise p.refuse("only the Euclidean norm is read here", "divide by the norm that is meant")
    p.axis_of(a, axis)
    return p.over(a, _length(p, a, axis))


def _distance(p: Plan, a: Array, b: Array, order: Any) -> Array:
    if array(p, order).number != 2:
        raise p.refuse("only the Euclidean distance is read here", "np.sum(np.abs(x - y)) is the sum of what differs")
    return _length(p, p.add(a, b, -1), None)


def _cosine(p: Plan, a: Array, b: Array, axis: int | None, eps: Any) -> Array:
    return p.over(p.sum(p.times(a, b), axis), p.times(*(_length(p, v, axis, False) for v in (a, b))))


def _distances(p: Plan, a: Array, b: Array, metric: Any) -> Array | Pairs:
    """The distances of all rows of two matrices."""
    if metric == "sqeuclidean":
        return squares(p, a, b)
    if metric != "euclidean" and getattr(metric, "number", None) != 2:
        raise p.refuse("only Euclidean distances and their squares are read")
    return distances(p, a, b)


def _covariance(p: Plan, a: Array, rowvar: Any, bias: Any, ddof: Any) -> Array:
    """The covariance of the rows, or of the columns."""
    less = p.constant(int(not flag(p, bias))) if ddof is None else array(p, ddof)
    if a.rank < 2:
        return p.variance(a, None, False, less)
    a = p.transposed(a) if flag(p, rowvar) else a
    centered, count = p.add(a, p.mean(a, 0, True), -1), p.counted(a, 0)
    return p.over(p.matmul(p.transposed(centered), centered), p.add(count, less, -1) if less.number else count)


def _layer_norm(p: Plan, a: Array, shape: Any, weight: Array | None, bias: Any, eps: Any) -> Array:
    sizes = lengths(p, shape)
    if len(sizes) != 1:
        raise p.refuse("layer_norm is read over the last axis alone")
    if not a.rank or not p.unify(sizes[0], a.axes[-1]):
        raise p.misfit(f"the last axis of {p.described(a)} has another length", a)
    p.expect_axes(*[array(p, each) for each in (weight, bias) if each is not None])
    variance = p.variance(a, -1, True, p.constant(0))
    made = p.over(p.add(a, p.mean(a, -1, True), -1), p.function(ops.sqrt, p.add(variance, array(p, eps))))
    return _with_bias(p, made if weight is None else p.times(made, weight), bias)


def _with_bias(p: Plan, a: Array, bias: Any) -> Array:
    return a if bias is None else p.add(a, array(p, bias))


def _linear(p: Plan, a: Array, b: Array, bias: Any) -> Array:
    return _with_bias(p, p.matmul(a, p.transposed(b)), bias)


row("bare", "cdist", "a, b, metric=euclidean", _distances)
row("torch", "cdist", "a, b, ord=2", _distances)
row("np", "cov", "a, rowvar=True, bias=False, ddof=None", _covariance)
row("torch", "cov", "a, ddof=1", lambda p, a, ddof: _covariance(p, a, True, False, ddof))
row("nn", "layer_norm", "a, shape, b=None, bias=None, eps=1/100000", _layer_norm)
row("nn", "cosine_similarity", "a, b, axis=1, eps=None", _cosine)
_TWO = "a, b, reduction=mean"
row("nn", "mse_loss", _TWO, _loss(lambda p, a, b: p.power(p.add(a, b, -1), p.constant(2))))
row("nn", "smooth_l1_loss", _TWO, _loss(lambda p, a, b: p.function(rows.huber, p.add(a, b, -1))))
row("nn", "huber_loss", f"{_TWO}, delta=1", _loss(_huber))
row("nn", "normalize", "a, ord=2, axis=1, eps=None", _normalized)
row("torch", "dist", "a, b, ord=2", _distance)
row("nn", "kl_div", _TWO, _divergence)
row("nn", "l1_loss", _TWO, _loss(lambda p, a, b: p.function(ops.absolute, p.add(a, b, -1))))
row("nn", "binary_cross_entropy", _TWO, _loss(_binary))
_of_logits = _loss(lambda p, a, b: p.add(p.function(ops.softplus, a), p.times(a, b), -1))
row("nn", "binary_cross_entropy_with_logits", _TWO, _of_logits)
row("nn", "soft_margin_loss", _TWO, _loss(lambda p, a, b: p.function(ops.softplus, p.negative(p.times(a, b)))))
row("nn", "margin_ranking_loss", "a, b, c, margin=0, reduction=mean", _ranked)
row("nn", "triplet_margin_loss", "a, b, c, margin=1, ord=2, eps=1/1000000, swap=False, reduction=mean", _triplet)
_LOG = "log_input=True, full=False, size_average=None, eps=1/100000000, reduce=None, reduction=mean"
row("nn", "poisson_nll_loss", f"a, b, {_LOG}", _poisson)
row("nn", "gaussian_nll_loss", "a, b, var, full=False, eps=1/1000000, reduction=mean", _gaussian)
row("nn", "cross_entropy", "a, b?, reduction=mean", _cross_entropy)
row("np torch", "arange", "n?, stop?=None, step?=None", _counted)
row("nn", "linear", "a, b, bias=None", _linear)
