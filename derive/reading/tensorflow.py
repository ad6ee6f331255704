"""The functions of TensorFlow, under the names and with the defaults that they have there.

`tf` stands for the module itself, `tf.math`, `tf.linalg` and `tf.nn` for its parts.  What computes the same as in
NumPy and PyTorch is taken from their rows; no other name is read.
"""

from __future__ import annotations

from typing import Any

from .. import operations as ops
from .. import rows
from .array_functions import diag, ordered, reshape, squeeze
from .array_table import TABLE, flag, integer, length, lengths, row
from .arrays import Array, Plan
from .reductions import cumsum, log_softmax, norm, softmax

_EVERY_ENTRY = "abs acos asin atan cos cosh exp negative sigmoid sign sin sinh sqrt square tan tanh"
_OF_TWO = "add divide greater greater_equal less less_equal maximum minimum multiply pow subtract"
# Home -> where the rows are, and the names in it.
_SHARED = {
    "tf": (("np", f"{_EVERY_ENTRY} {_OF_TWO} einsum expand_dims ones_like zeros_like stack log trace where"),),
    "tf.math": (
        ("np", f"{_EVERY_ENTRY} {_OF_TWO} log log1p expm1 reciprocal"), ("torch", "rsqrt"),
        ("nn", "softplus log_sigmoid"), ("special", "xlogy xlog1py"),
    ),
    "tf.linalg": (("np", "einsum trace"), ("linalg", "det logdet slogdet inv expm")),
    "tf.nn": (("nn", "relu relu6 sigmoid tanh softplus softsign elu silu swish"),),
}  # fmt: skip


def _product(p: Plan, a: Array, b: Array, turns_left: Any, turns_right: Any) -> Array:
    left = p.transposed(a) if flag(p, turns_left) else a
    return p.matmul(left, p.transposed(b) if flag(p, turns_right) else b)


def _norm(p: Plan, a: Array, order: Any, axis: Any, keepdims: bool) -> Array:
    """The norm of all entries; two axes make it that of a matrix."""
    is_of_matrix = isinstance(axis, list)
    if order == "fro" and not is_of_matrix or is_of_matrix and order not in ("euclidean", "fro"):
        raise p.refuse(
            "this norm over two axes is not read" if is_of_matrix else "'fro' takes the two axes of a matrix",
            "the order 'euclidean' is read",
        )  # fmt: skip
    return norm(p, a, None if order in ("euclidean", "fro") else order, integer(p, axis), keepdims, False)


def _diagonal(p: Plan, a: Array) -> Array:
    if a.rank != 1:
        raise p.refuse("tf.linalg.diag of a matrix stacks matrices", "tf.linalg.diag_part is the diagonal")
    return diag(p, a)


def _diagonal_part(p: Plan, a: Array) -> Array:
    if a.rank != 2:
        raise p.refuse("the diagonal part is that of a matrix")
    return diag(p, a)


def _cast(p: Plan, a: Array, dtype: Any) -> Array:
    if not isinstance(dtype, str) or not any(word in dtype for word in ("float", "double")):
        raise p.refuse("only a cast to floating point is read")
    return a


def _gelu(p: Plan, a: Array, approximate: Any) -> Array:
    if flag(p, approximate):
        raise p.refuse("the approximation of gelu is not read here", "jax.nn.gelu is it")
    return p.function(rows.gelu, a)


def _with_logits(p: Plan, labels: Array, logits: Array, axis: int | None) -> Array:
    if labels.rank != logits.rank or not logits.rank:
        raise p.misfit(f"the shapes of {p.described(labels)} and {p.described(logits)} differ", labels, logits)
    return p.negative(p.sum(p.times(labels, log_softmax(p, logits, axis)), axis))


def _spread(p: Plan, a: Array, axis: int | None, keepdims: bool) -> Array:
    return p.variance(a, axis, keepdims, p.constant(0))


for _home, _groups in _SHARED.items():
    for _rows, _names in _groups:
        TABLE.setdefault(_home, {}).update({name: TABLE[_rows][name] for name in _names.split()})
for _home in ("tf", "tf.math"):
    for _name in "sum mean max min logsumexp".split():
        TABLE[_home][f"reduce_{_name}"] = TABLE["np"][_name]
    row(_home, "cumsum", "a, axis=0", cumsum)
row("tf tf.linalg", "matmul", "a, b, transpose_a=False, transpose_b=False", _product)
row("tf.linalg", "matvec", "a, b, transpose_a=False", lambda p, a, b, turns: _product(p, a, b, turns, False))
row("tf.linalg", "matrix_transpose", "a", Plan.transposed)
row("tf", "transpose", "a, perm=None", lambda p, a, perm: ordered(p, a, [perm]))
row("tf tf.linalg", "norm", "a, ord=euclidean, axis?=None, keepdims=False", _norm)
row("tf.linalg", "diag", "a", _diagonal)
row("tf.linalg", "diag_part tensor_diag_part", "a", _diagonal_part)
row("tf.linalg", "solve", "a, b", TABLE["linalg"]["solve"][1])
row("tf tf.linalg", "eye", "n?", lambda p, n: p.eye(length(p, n)))
row("tf", "concat", "arrays, axis", TABLE["np"]["concat"][1])
row("tf", "reshape", "a, shape", lambda p, a, shape: reshape(p, a, [shape]))
row("tf", "squeeze", "a", squeeze)
row("tf", "ones", "shape", lambda p, shape: p.filled(lengths(p, shape), 1))
row("tf", "zeros", "shape", lambda p, shape: p.filled(lengths(p, shape), 0))
row("tf", "cast", "a, dtype", _cast)
row("tf", "identity convert_to_tensor", "a", lambda p, a: a)
row("tf", "clip_by_value", "a, a_min, a_max", TABLE["np"]["clip"][1])
row("tf.nn", "softmax", "a, axis=-1", softmax)
row("tf.nn", "log_softmax", "a, axis=-1", log_softmax)
row("tf.nn", "leaky_relu", "a, alpha=0.2", TABLE["nn"]["leaky_relu"][1])
row("tf.nn", "gelu", "a, approximate=False", _gelu)
row("tf.nn", "l2_loss", "a", lambda p, a: p.over(p.sum(p.power(a, p.constant(2))), p.constant(2)))
row("tf.nn", "softmax_cross_entropy_with_logits", "labels, logits, axis=-1", _with_logits)
row(
    "tf.nn", "sigmoid_cross_entropy_with_logits", "labels, logits",
    lambda p, labels, logits: TABLE["nn"]["binary_cross_entropy_with_logits"][1](p, logits, labels, "none"),
)  # fmt: skip
row("tf.math", "reduce_variance", "a, axis=None, keepdims=False", _spread)
row("tf.math", "reduce_std", "a, axis=None, keepdims=False", lambda p, *given: p.function(ops.sqrt, _spread(p, *given)))
del _home, _groups, _rows, _names, _name

MODULES = {"math": "tf.math", "linalg": "tf.linalg", "nn": "tf.nn"}
