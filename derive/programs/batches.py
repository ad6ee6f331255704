"""A function over a leading axis of samples: all samples at once where NumPy can, else one after the other.

At once, every array has three axes, samples first: a vector is B × n × 1, a number B × 1 × 1,
and what is the same for all samples has a first axis of length 1, which NumPy broadcasts.
The sum over samples of products is one product: no sample's own is formed.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from ..dialects import Dialect
from ..dialects.helpers import NUMPY_HELPERS
from ..expr import Expr
from ..program import Program
from ..shapes import ONE, Dim
from .signature import Signature
from .values import Term, Value

Array = Any  # of NumPy
AT_ONCE = 2**18  # entries of the largest intermediate, over the samples that are taken together
FEWEST = 4  # samples for which that is worth it
PRODUCTS = frozenset("product outer stack".split())
VIEWS = frozenset("input vec unvec submatrix diagonal".split())


class Batch:
    """A program over all samples at once.

    Parameters
    ----------
    program : Program
    outputs : sequence of str
        Of the program, in the order they are returned.
    signature : Signature
        Of the function of one sample.
    check : callable
        Raises ValueError where the arguments of one sample do not fit; else returns them as arrays of one type.

    Attributes
    ----------
    is_possible : bool
        Whether NumPy does every operation for many samples.
    summed : set of Value
        Sums and products that nothing but the sum over samples needs.
    """

    def __init__(
        self, program: Program, outputs: Sequence[str], signature: Signature, check: Callable[..., Any]
    ) -> None:
        self.terms = [program.outputs[name] for name in outputs]
        self.order = program.needed(*outputs)
        self.signature = signature
        self.check = check
        self.is_possible = all(value.kind in ROWS for value in self.order)
        users: dict[Value, list[tuple[Value | None, bool]]] = {}  # and whether as a scalar factor
        for user, terms in [*((value, value.args) for value in self.order), (None, self.terms)]:
            for term in terms:
                for value, _ in term.powers:
                    users.setdefault(value, []).append((user, True))
                if term.value is not None:
                    users.setdefault(term.value, []).append((user, False))
        self.summed: set[Value] = set()
        for value in reversed(self.order):
            is_open = all(
                not is_factor and (user is None or (user.kind == "sum" and user in self.summed))
                for user, is_factor in users[value]
            )
            if is_open and value.kind in PRODUCTS | {"sum"}:
                self.summed.add(value)

    def results(self, arguments: Mapping[str, Any], samples: Sequence[str], per_sample: bool) -> list[Array] | None:
        """The outputs, of each sample or summed; None where the samples have to be taken one by one."""
        count = len(arguments[samples[0]])
        first = self.check(**{n: a[0] if n in samples else a for n, a in arguments.items()})
        dtype = (first[0] if isinstance(first, tuple) else first).dtype
        inputs: dict[Expr, Array] = {}
        for symbol, name in self.signature.name_of.items():
            try:
                array = np.asarray(arguments[name], dtype=dtype)
            except ValueError:
                return None  # samples of different shapes
            array = array if name in samples else array[None]
            inputs[symbol] = array.reshape(*array.shape, *[1] * (3 - array.ndim))
        sizes = {dim: int(arguments[self.signature.dims[dim]]) for dim in self.signature.open_dims}
        read_sizes(inputs, sizes)
        step = AT_ONCE // self.largest(sizes)
        if min(step, count) < FEWEST:
            return None
        parts = []
        for start in range(0, count, step):
            some = {s: a[start : start + step] if len(a) == count else a for s, a in inputs.items()}
            taken = min(step, count - start)
            try:
                parts.append(Run(self, some, sizes, dtype, taken).outputs(per_sample))
            except np.linalg.LinAlgError:
                return None  # of one sample; taken by itself, it has its name
        if len(parts) == 1:
            return parts[0]
        join = np.concatenate if per_sample else sum
        return [join(column) for column in zip(*parts, strict=True)]

    def largest(self, sizes: Mapping[str, int]) -> int:
        """Entries of the largest intermediate of one sample; results are as large as they are."""
        tops = {term.value for term in self.terms}
        held = [value.shape for value in self.order if value.kind != "input" and value not in tops]
        return max((rows.evaluate(sizes) * columns.evaluate(sizes) for rows, columns in held), default=1) or 1


class Run:
    """The arrays of some samples."""

    def __init__(self, batch: Batch, inputs: Mapping[Expr, Array], sizes: dict[str, int], dtype: Any, count: int):
        self.batch = batch
        self.inputs = inputs
        self.sizes = sizes
        self.dtype = dtype
        self.count = count
        self.arrays: dict[Value, Array] = {}

    def outputs(self, per_sample: bool) -> list[Array]:
        for value in self.batch.order:
            if per_sample or value not in self.batch.summed:
                self.arrays[value] = ROWS[value.kind](self, value, [self.term(arg) for arg in value.args])
        if per_sample:
            return [public(self.each(term), term) for term in self.batch.terms]
        return [public(self.total(term)[None], term)[0] for term in self.batch.terms]

    def number(self, value: float) -> Array:
        return np.full((1, 1, 1), value, dtype=self.dtype)

    def size(self, dim: Dim) -> int:
        return int(Dim.of(dim).evaluate(self.sizes))

    def scalars(self, term: Term) -> Array:
        """The number and the scalars of a term."""
        made = self.number(term.coefficient.numerator / term.coefficient.denominator)
        for value, exponent in term.powers:
            made = made * powered(self.arrays[value], exponent)
        return made

    def term(self, term: Term) -> Array:
        """A term as an array."""
        if term.value is None:
            return self.scalars(term)
        body = self.arrays[term.value]
        body = body.swapaxes(1, 2) if term.flipped else body
        return body if term.is_plain else self.scalars(term) * body

    def each(self, term: Term) -> Array:
        """A term for each sample, an array of its own."""
        made = self.term(term)
        if len(made) != self.count:
            made = np.broadcast_to(made, (self.count, *made.shape[1:]))
        elif term.value is not None and not term.flipped and term.value.kind not in VIEWS:
            return made
        return made.copy()

    def total(self, term: Term) -> Array:
        """The sum of a term over the samples."""
        pending = [(term, self.number(1), False)]
        found: list[Array] = []
        while pending:
            part, front, flipped = pending.pop()
            front, flipped = front * self.scalars(part), flipped != part.flipped
            value = part.value
            if value is None or value not in self.batch.summed:
                made = self.over_samples(front if value is None else front * self.arrays[value])
            elif value.kind == "sum":
                pending += [(arg, front, flipped) for arg in value.args]
                continue
            else:
                args = [self.term(arg) for arg in value.args]
                if value.kind != "product":
                    args = [
                        turn(arg)
                        for pair in zip(args[::2], args[1::2], strict=True)
                        for turn, arg in zip((column, row), pair)
                    ]
                pairs = zip(args[::2], args[1::2], strict=True)
                made = functools.reduce(np.add, [self.summed_product(front, *pair) for pair in pairs])
            found.append(made.T if flipped else made)
        return functools.reduce(np.add, found)

    def over_samples(self, array: Array) -> Array:
        return array.sum(0) if len(array) == self.count else array[0] * self.count

    def summed_product(self, front: Array, left: Array, right: Array) -> Array:
        """Σ c A B over the samples."""
        if left.size < right.size:
            left = front * left
        else:
            right = front * right
        if len(left) == len(right) == self.count:
            return np.tensordot(left, right, ((0, 2), (0, 1)))
        if len(left) == self.count:
            return left.sum(0) @ right[0]
        return left[0] @ self.over_samples(right)


def read_sizes(inputs: Mapping[Expr, Array], sizes: dict[str, int]) -> None:
    """The dimensions, from the shapes of arrays that fit."""
    pending = [(dim, size) for symbol, a in inputs.items() for dim, size in zip(symbol.shape, a.shape[1:], strict=True)]
    while pending:
        left = []
        for dim, size in pending:
            unknown = sorted(dim.names - set(sizes))
            if len(unknown) > 1:
                left.append((dim, size))
            elif unknown:
                at = [dim.evaluate({**sizes, unknown[0]: k}) for k in (0, 1)]
                sizes[unknown[0]] = (size - at[0]) // (at[1] - at[0])
        if len(left) == len(pending):
            return
        pending = left


def public(array: Array, term: Term) -> Array:
    """Numbers and vectors of samples without the axes of a matrix."""
    if term.shape[1] is not ONE:
        return array
    return array[:, 0, 0] if term.shape[0] is ONE else array[:, :, 0]


# Operations on arrays of three axes


def column(array: Array) -> Array:
    return array.swapaxes(1, 2) if array.shape[1] == 1 else array


def row(array: Array) -> Array:
    return array.swapaxes(1, 2) if array.shape[2] == 1 else array


def powered(array: Array, exponent: Fraction) -> Array:
    if exponent == 1:
        return array
    if exponent.denominator == 1:
        return 1 / array**-exponent.numerator if exponent < 0 else array**exponent.numerator
    if exponent.denominator == 2:
        root = np.sqrt(array)
        return root if exponent == Fraction(1, 2) else powered(root, Fraction(exponent.numerator))
    return array ** (exponent.numerator / exponent.denominator)


def product(left: Array, right: Array) -> Array:
    """Many products of matrices; one where a factor is the same for all samples."""
    if len(left) == 1 and len(right) > 1 and right.shape[2] == 1:
        return (right[:, :, 0] @ left[0].T)[:, :, None]
    if len(right) == 1 and len(left) > 1:
        return (left.reshape(-1, left.shape[2]) @ right[0]).reshape(*left.shape[:2], -1)
    return np.matmul(left, right)


def inner(left: Array, right: Array) -> Array:
    return np.einsum("...ij,...ij->...", left, right)[:, None, None]


def _norm(a: Array) -> Array:
    scale = np.abs(a).max((1, 2), keepdims=True, initial=0)
    scale[(scale == 0) | ~np.isfinite(scale)] = 1
    return scale * np.sqrt(inner(a / scale, a / scale))


def number_of(array: Array) -> Array:
    """One number for each sample."""
    return array[:, None, None]


def _entries(run: Run, value: Value, args: list[Array]) -> Array:
    made = None
    for arg, (tag, exponent) in zip(args, value.data, strict=True):
        if tag == "column" or value.is_vector:
            arg = column(arg)
        elif tag == "row":
            arg = row(arg)
        arg = powered(arg, exponent)
        made = arg if made is None else made * arg
    return made


def _sum(run: Run, value: Value, args: list[Array]) -> Array:
    return functools.reduce(np.add, [column(arg) for arg in args] if value.is_vector else args)


def _stack(run: Run, value: Value, args: list[Array]) -> Array:
    count = max(map(len, args))

    def joined(parts: Sequence[Array], axis: int) -> Array:
        return np.concatenate([np.broadcast_to(part, (count, *part.shape[1:])) for part in parts], axis=axis)

    return np.matmul(joined([column(u) for u in args[::2]], 2), joined([row(v) for v in args[1::2]], 1))


def _block(run: Run, value: Value, args: list[Array]) -> Array:
    rows, columns = value.data
    count = max(map(len, args))
    parts = [np.broadcast_to(part, (count, *part.shape[1:])) for part in args]
    bands = [np.concatenate(parts[i * columns : (i + 1) * columns], axis=2) for i in range(rows)]
    return np.concatenate(bands, axis=1)


def _submatrix(run: Run, value: Value, args: list[Array]) -> Array:
    first_row, rows, first_column, columns = (run.size(dim) for dim in value.data)
    cut = args[0][:, first_row : first_row + rows, first_column : first_column + columns]
    return column(cut) if value.is_vector else cut


def _input(run: Run, value: Value, args: list[Array]) -> Array:
    symbol = value.data[0]
    array = run.inputs[symbol]
    return array if symbol.shape == value.shape else array.swapaxes(1, 2)


def _unvec(run: Run, value: Value, args: list[Array]) -> Array:
    rows, columns = (run.size(dim) for dim in value.data)
    return args[0].reshape(len(args[0]), columns, rows).swapaxes(1, 2)


def _kron(run: Run, value: Value, args: list[Array]) -> Array:
    (_, m, n), (_, p, q) = args[0].shape, args[1].shape
    made = args[0][:, :, None, :, None] * args[1][:, None, :, None, :]
    return made.reshape(len(made), m * p, n * q)


def _softmax(axes: Any) -> Callable[[Array], Array]:
    def softmax(x: Array) -> Array:
        e = np.exp(x - x.max(axes, keepdims=True))
        return e / e.sum(axes, keepdims=True)

    return softmax


def _logsumexp(axes: Any) -> Callable[[Array], Array]:
    def logsumexp(x: Array) -> Array:
        largest = x.max(axes, keepdims=True)
        return largest + np.log(np.exp(x - largest).sum(axes, keepdims=True))

    return logsumexp


def _argmax_row(run: Run, value: Value, args: list[Array]) -> Array:
    of_rows = helper("_argmax_row")
    return of_rows(args[0].swapaxes(1, 2)).swapaxes(1, 2) if value.is_vector else of_rows(args[0])


def _logdet_positive(A: Array) -> Array:
    sign, logarithm = np.linalg.slogdet(A)
    return number_of(np.where(sign >= 0, logarithm, np.nan))


def _diagonal(A: Array) -> Array:
    return np.diagonal(A, axis1=1, axis2=2)[:, :, None]


def _polar(A: Array) -> Array:
    U, _, Vt = np.linalg.svd(A, full_matrices=False)
    return U @ Vt


def _dominant(A: Array) -> Array:
    U, _, Vt = np.linalg.svd(A, full_matrices=False)
    return U[:, :, :1] * Vt[:, :1, :]


def _singular_values(A: Array) -> Array:
    return np.linalg.svd(A, compute_uv=False)


def helper(name: str) -> Callable[..., Any]:
    """A function that generated modules carry along."""
    namespace: dict[str, Any] = {"np": np, "math": math}
    exec(NUMPY_HELPERS[name], namespace)
    return namespace[name]  # type: ignore[no-any-return]


def simply(function: Callable[..., Array]) -> Row:
    """A function of the operands alone."""
    return lambda run, value, args: function(*args)


def _basis(run: Run, index: int, size: int) -> Array:
    made = np.zeros((1, size, 1), run.dtype)
    made[0, index - 1] = 1
    return made


Row = Callable[[Run, Value, list[Array]], Array]
UFUNCS = "exp log sin cos tan arcsin arccos arctan sinh cosh tanh abs sign".split()
ROWS: dict[str, Row] = {
    "input": _input,
    "constant": lambda run, value, args: run.number(math.pi if value.data[0] == "π" else math.e),
    "dimension": lambda run, value, args: run.number(run.size(value.data[0])),
    "ones": lambda run, value, args: np.ones((1, run.size(value.shape[0]), 1), run.dtype),
    "zeros": lambda run, value, args: np.zeros((1, *(run.size(dim) for dim in value.shape)), run.dtype),
    "eye": lambda run, value, args: np.eye(run.size(value.shape[0]), dtype=run.dtype)[None],
    "basis": lambda run, value, args: _basis(run, *map(run.size, value.data)),
    "commutation": lambda run, value, args: helper("_commutation")(*map(run.size, value.data), run.number(1))[None],
    "sum": _sum,
    "entries": _entries,
    "product": simply(product),
    "dot": simply(lambda a, b: inner(column(a), column(b))),
    "outer": simply(lambda u, v: column(u) * row(v)),
    "stack": _stack,
    "sq_norm": simply(lambda a: inner(a, a)),
    "norm": simply(_norm),
    "hypot": simply(np.hypot),
    "contraction": simply(inner),
    "row_sums": simply(lambda a: a.sum(2, keepdims=True)),
    "total": simply(lambda a: a.sum((1, 2), keepdims=True)),
    "norm1": simply(lambda a: np.abs(a).sum((1, 2), keepdims=True)),
    "trace": simply(lambda a: number_of(np.trace(a, axis1=1, axis2=2))),
    "diagonal": simply(_diagonal),
    "Diag": simply(lambda a: column(a) * np.eye(a.shape[1], dtype=a.dtype)),
    "vec": simply(lambda a: a.swapaxes(1, 2).reshape(len(a), -1, 1)),
    "unvec": _unvec,
    "submatrix": _submatrix,
    "block": _block,
    "kron": _kron,
    "tril": simply(np.tril),
    "triu": simply(np.triu),
    "inverse": simply(np.linalg.inv),
    "solve": simply(np.linalg.solve),
    "det": simply(lambda a: number_of(np.linalg.det(a))),
    "logdet": simply(lambda a: number_of(np.linalg.slogdet(a)[1])),
    "logdet_positive": simply(_logdet_positive),
    "cholesky": simply(np.linalg.cholesky),
    "triangle_inverse": simply(lambda L: np.tril(np.linalg.inv(L))),
    "spd_inverse": simply(lambda L, A: np.linalg.inv(A)),
    "spd_solve": simply(lambda inverse, b: inverse.swapaxes(1, 2) @ (inverse @ b)),
    "spd_logdet": simply(lambda L: 2 * np.log(_diagonal(L)).sum((1, 2), keepdims=True)),
    "polar": simply(_polar),
    "dominant": simply(_dominant),
    "nuclear_norm": simply(lambda a: number_of(_singular_values(a).sum(1))),
    "spectral_norm": simply(lambda a: number_of(_singular_values(a).max(1))),
    "softmax": simply(_softmax((1, 2))),
    "logsumexp": simply(_logsumexp((1, 2))),
    "row_softmax": simply(_softmax(2)),
    "row_logsumexp": simply(_logsumexp(2)),
    "max_row": simply(lambda a: a.max(2, keepdims=True)),
    "argmax_row": _argmax_row,
    "cumsum": simply(lambda a: a.cumsum(1)),
    "cumsum_back": simply(lambda a: a[:, ::-1].cumsum(1)[:, ::-1]),
    "where": simply(lambda test, a, b: np.where(test > 0, a, b)),
    "sigmoid": simply(helper("_sigmoid")),
    "softplus": simply(helper("_softplus")),
    "erf": simply(helper("_erf")),
    "relu": simply(lambda a: np.maximum(a, 0)),
    "step": simply(lambda a: np.heaviside(a, 0.0)),
    "power": simply(np.power),
    "logaddexp": simply(np.logaddexp),
    **{name: simply(getattr(np, name)) for name in UFUNCS},
}


# The function of a batch


def batched(
    made: Callable[..., Any], samples: Sequence[str], per_sample: bool, spoken: Dialect, at_once: Batch | None
) -> Callable[..., Any]:
    """The function over a leading axis of some arguments: the sum, or each result."""
    signature = inspect.signature(made)

    def mapped(arguments: dict[str, Any]) -> list[Any]:
        """One array of results, samples first, for each output."""
        if spoken.name == "jax":
            import jax

            fixed = {n: a for n, a in arguments.items() if n not in samples}
            each: Any = jax.vmap(lambda parts: made(**fixed, **parts))
            result = each({n: arguments[n] for n in samples})
            return list(result) if isinstance(result, tuple) else [result]
        if spoken.name == "torch":
            import torch

            fixed = {n: a for n, a in arguments.items() if n not in samples}
            taken = {n: torch.as_tensor(arguments[n]) for n in samples}
            try:
                result = torch.func.vmap(lambda parts: made(**fixed, **parts))(taken)
                return list(result) if isinstance(result, tuple) else [result]
            except RuntimeError:
                pass  # what looks at the numbers of a sample, as a Cholesky factor does, takes one at a time
        columns: list[list[Any]] = []
        for index in range(len(arguments[samples[0]])):
            result = made(**{n: a[index] if n in samples else a for n, a in arguments.items()})
            parts = result if isinstance(result, tuple) else (result,)
            columns = columns or [[] for _ in parts]
            for column, part in zip(columns, parts, strict=True):
                column.append(part.copy() if hasattr(part, "copy") else part)
        return [stacked(column) for column in columns]

    def stacked(parts: list[Any]) -> Any:
        if spoken.name == "torch":
            import torch

            return torch.stack(parts)
        if spoken.name == "array-api":
            from array_api_compat import array_namespace

            return array_namespace(parts[0]).stack(parts)
        return np.stack(parts)

    @functools.wraps(made)
    def over_samples(*args: Any, **kwargs: Any) -> Any:
        arguments = dict(signature.bind(*args, **kwargs).arguments)
        count = len(arguments[samples[0]])
        for name in samples:
            if len(arguments[name]) != count:
                raise ValueError(f"{name} has {len(arguments[name])} samples, and {samples[0]} has {count}")
        if not count:
            raise ValueError(f"{samples[0]} has no samples")
        results = at_once.results(arguments, samples, per_sample) if at_once is not None else None
        if results is None:
            results = mapped(arguments)
            if not per_sample:
                results = [result.sum(0) for result in results]
        return results[0] if len(results) == 1 else tuple(results)

    return over_samples
