"""What the checker and the proofs ask of NumPy, on lists of Python's own numbers.

A browser that runs Python has no NumPy.  There, inside `standing_in`, `import numpy` gives this:
arrays of any dimension, broadcasting, and the linear algebra of `linear_algebra`.  What is not here
is an AttributeError, never another value.
"""

from __future__ import annotations

import builtins
import cmath
import math
import operator
import random as _random
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib.machinery import ModuleSpec
from itertools import product as _product
from types import ModuleType
from typing import Any

pi, e, inf, nan, newaxis = math.pi, math.e, math.inf, math.nan, None
float64, bool_ = float, bool
Shape = tuple[int, ...]


# Numbers


def _guarded(real: Callable[..., Any], of_complex: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """A function of a number that is nan or infinite where Python raises."""

    def call(x: Any, *rest: Any) -> Any:
        try:
            if of_complex is not None and isinstance(x, complex):
                return of_complex(x, *rest)
            return real(x, *rest)
        except OverflowError:
            return inf
        except (ValueError, ZeroDivisionError):
            return nan

    return call


def _divided(a: Any, b: Any) -> Any:
    if b:
        return a / b
    if isinstance(a, complex) or isinstance(b, complex) or a == 0 or a != a:
        return nan
    return math.copysign(inf, a) * math.copysign(1.0, b)


def _raised(a: Any, b: Any) -> Any:
    is_odd = not isinstance(b, complex) and math.isfinite(b) and b % 2 == 1
    try:
        if a == 0 and not isinstance(b, complex) and b < 0:
            return math.copysign(inf, a) if is_odd and not isinstance(a, complex) else inf
        value = a**b
    except OverflowError:
        return -inf if is_odd and not isinstance(a, complex) and a < 0 else inf
    real = not isinstance(a, complex) and not isinstance(b, complex)
    return nan if real and isinstance(value, complex) else value


def _log(x: float) -> float:
    return -inf if x == 0 else math.log(x)


def _log1p(x: float) -> float:
    return -inf if x == -1 else math.log1p(x)


def _sinh(x: float) -> float:
    try:
        return math.sinh(x)
    except OverflowError:
        return math.copysign(inf, x)


def _sign(x: float) -> float:
    return x if x != x else float((x > 0) - (x < 0))


# Arrays


class PlainArray:
    """Numbers in the order of the last index, and a shape."""

    __array_priority__ = 1
    __slots__ = ("flat", "shape")

    def __init__(self, flat: list[Any], shape: Shape) -> None:
        self.flat, self.shape = flat, shape

    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: len(self.flat))
    dtype = property(lambda self: complex if iscomplexobj(self) else float)
    real = property(lambda self: self._each(lambda x: x.real))
    imag = property(lambda self: self._each(lambda x: x.imag if isinstance(x, complex) else 0.0))
    T = property(lambda self: transpose(self))

    def _each(self, function: Callable[[Any], Any]) -> PlainArray:
        return PlainArray([function(x) for x in self.flat], self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(self.shape[0]))

    def __bool__(self) -> bool:
        return bool(self._one())

    def __float__(self) -> float:
        return float(self._one())

    def __int__(self) -> int:
        return int(self._one())

    __index__ = __int__

    def _one(self) -> Any:
        if len(self.flat) != 1:
            raise ValueError("an array of one number is wanted")
        return self.flat[0]

    def __hash__(self) -> int:
        return id(self)

    def _places(self, index: Any) -> tuple[list[int], Shape]:
        """Which numbers an index names, and the shape they make."""
        keys = list(index) if isinstance(index, tuple) else [index]
        keys += [slice(None)] * (self.ndim - builtins.sum(key is not None for key in keys))
        steps, axis, shape = _strides(self.shape), 0, []
        lists: list[list[int]] = []
        for key in keys:
            if key is None:
                shape.append(1)
                continue
            length, step = self.shape[axis], steps[axis]
            axis += 1
            if isinstance(key, slice):
                chosen = list(range(*key.indices(length)))
                shape.append(len(chosen))
            else:
                at = operator.index(key)
                if not -length <= at < length:
                    raise IndexError(f"there is no entry {at} among {length}")
                chosen = [at % length]
            lists.append([i * step for i in chosen])
        return [builtins.sum(parts) for parts in _product(*lists)], tuple(shape)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, PlainArray) and index.shape == self.shape:  # a mask
            kept = [x for x, is_kept in zip(self.flat, index.flat, strict=True) if is_kept]
            return PlainArray(kept, (len(kept),))
        places, shape = self._places(index)
        return PlainArray([self.flat[i] for i in places], shape) if shape else self.flat[places[0]]

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, PlainArray) and index.shape == self.shape:
            places: list[int] = [i for i, is_kept in enumerate(index.flat) if is_kept]
            shape: Shape = (len(places),)
        else:
            places, shape = self._places(index)
        for place, new in zip(places, broadcast_to(value, shape).flat, strict=True):
            self.flat[place] = new

    def __matmul__(self, other: Any) -> Any:
        return matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return matmul(other, self)

    def __neg__(self) -> PlainArray:
        return self._each(operator.neg)

    def __abs__(self) -> PlainArray:
        return self._each(builtins.abs)

    def __invert__(self) -> PlainArray:
        return self._each(operator.not_)

    def reshape(self, *shape: Any, order: str = "C") -> PlainArray:
        sizes = list(shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape)
        if -1 in sizes:
            sizes[sizes.index(-1)] = self.size // builtins.max(1, math.prod(n for n in sizes if n != -1))
        if math.prod(sizes) != self.size:
            raise ValueError(f"{self.shape} cannot be {tuple(sizes)}")
        if order == "F":
            return transpose(PlainArray(transpose(self).flat, tuple(sizes[::-1])))
        return PlainArray(list(self.flat), tuple(sizes))

    def ravel(self, order: str = "C") -> PlainArray:
        return self.reshape(-1, order=order)

    flatten = ravel

    def astype(self, kind: Any) -> PlainArray:
        return self._each(kind)

    def copy(self) -> PlainArray:
        return PlainArray(list(self.flat), self.shape)

    def tolist(self) -> Any:
        return [part.tolist() if isinstance(part, PlainArray) else part for part in self]

    def tobytes(self) -> bytes:
        return repr([x + 0.0 for x in self.flat]).encode()

    def conj(self) -> PlainArray:
        return self._each(lambda x: x.conjugate())

    def _reduced(self, fold: Callable[[list[Any]], Any], axis: int | None, keepdims: bool) -> Any:
        if axis is None:
            value = fold(self.flat)
            return PlainArray([value], (1,) * self.ndim) if keepdims else value
        axis %= self.ndim
        step, length = _strides(self.shape)[axis], self.shape[axis]
        rest = PlainArray(list(range(self.size)), self.shape)[(slice(None),) * axis + (slice(0, 1),)]
        values = [fold([self.flat[i + k * step] for k in range(length)]) for i in rest.flat]
        kept = self.shape[:axis] + ((1,) if keepdims else ()) + self.shape[axis + 1 :]
        return PlainArray(values, kept) if kept else values[0]

    def sum(self, axis: int | None = None, keepdims: bool = False) -> Any:
        return self._reduced(builtins.sum, axis, keepdims)

    def prod(self, axis: int | None = None, keepdims: bool = False) -> Any:
        return self._reduced(math.prod, axis, keepdims)

    def mean(self, axis: int | None = None, keepdims: bool = False) -> Any:
        return self._reduced(lambda x: builtins.sum(x) / len(x), axis, keepdims)

    def max(self, axis: int | None = None, keepdims: bool = False, initial: Any = None) -> Any:
        return self._reduced(lambda x: _extreme(builtins.max, x, initial), axis, keepdims)

    def min(self, axis: int | None = None, keepdims: bool = False, initial: Any = None) -> Any:
        return self._reduced(lambda x: _extreme(builtins.min, x, initial), axis, keepdims)

    def all(self, axis: int | None = None) -> Any:
        return self._reduced(builtins.all, axis, False)

    def any(self, axis: int | None = None) -> Any:
        return self._reduced(builtins.any, axis, False)

    def argmax(self, axis: int | None = None) -> Any:
        return self._reduced(_largest, axis, False)

    def cumsum(self, axis: int) -> PlainArray:
        made = self.copy()
        before: PlainArray | None = None
        for k in range(self.shape[axis]):
            at = (slice(None),) * axis + (slice(k, k + 1),)
            before = made[at] if before is None else before + made[at]
            made[at] = before
        return made


def _largest(values: list[Any]) -> int:
    """The place of the first largest number; of the first nan, if there is one."""
    return builtins.next((i for i, x in enumerate(values) if x != x), values.index(builtins.max(values)))


def _extreme(which: Callable[..., Any], values: list[Any], initial: Any) -> Any:
    held = values if initial is None else [*values, initial]
    return nan if builtins.any(x != x for x in held) else which(held)


def _strides(shape: Shape) -> list[int]:
    return [math.prod(shape[k + 1 :]) for k in range(len(shape))]


def _shape_of(*shapes: Shape) -> Shape:
    made = []
    for sizes in zip(*((1,) * (builtins.max(map(len, shapes)) - len(s)) + s for s in shapes), strict=True):
        wide = {n for n in sizes if n != 1}
        if len(wide) > 1:
            raise ValueError(f"the shapes {shapes} do not fit")
        made.append(wide.pop() if wide else 1)
    return tuple(made)


def _combined(function: Callable[..., Any], *operands: Any) -> Any:
    """Entry by entry, after broadcasting; of numbers alone, a number."""
    if not builtins.any(isinstance(x, (PlainArray, list, tuple)) for x in operands):
        return function(*operands)
    arrays = [asarray(x) for x in operands]
    shape = _shape_of(*(a.shape for a in arrays))
    return PlainArray(list(map(function, *(broadcast_to(a, shape).flat for a in arrays))), shape)


def _operator(name: str, function: Callable[[Any, Any], Any]) -> None:
    setattr(PlainArray, f"__{name}__", lambda self, other: _combined(function, self, other))
    setattr(PlainArray, f"__r{name}__", lambda self, other: _combined(function, other, self))


for _name in ("add", "sub", "mul", "and", "or", "lt", "le", "gt", "ge", "eq", "ne"):
    _operator(_name, getattr(operator, f"__{_name}__"))
_operator("truediv", _divided)
_operator("pow", _raised)


# Making


def asarray(value: Any, dtype: Any = None) -> PlainArray:
    if isinstance(value, PlainArray):
        return value.astype(dtype) if dtype in (float, complex) and dtype is not value.dtype else value
    if isinstance(value, (list, tuple)):
        parts = [asarray(part, dtype) for part in value]
        shape = parts[0].shape if parts else ()
        if builtins.any(part.shape != shape for part in parts):
            raise ValueError("the rows have different lengths")
        return PlainArray([x for part in parts for x in part.flat], (len(parts), *shape))
    if not isinstance(value, (int, float, complex, bool)):
        raise TypeError(f"{value!r} is not an array of numbers")
    return PlainArray([dtype(value) if dtype in (float, complex) else value], ())


def array(value: Any, dtype: Any = None) -> PlainArray:
    return asarray(value, dtype).copy()


def full(shape: Any, value: Any) -> PlainArray:
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    return PlainArray([value] * math.prod(sizes), sizes)


def zeros(shape: Any, dtype: Any = float) -> PlainArray:
    return full(shape, 0.0)


def ones(shape: Any) -> PlainArray:
    return full(shape, 1.0)


def full_like(a: PlainArray, value: Any) -> PlainArray:
    return full(a.shape, value)


def zeros_like(a: PlainArray) -> PlainArray:
    return full(a.shape, 0.0)


def eye(n: int, dtype: Any = float) -> PlainArray:
    return PlainArray([float(i == j) for i in range(n) for j in range(n)], (n, n))


def arange(n: int) -> PlainArray:
    return PlainArray(list(range(n)), (n,))


def broadcast_to(value: Any, shape: Shape) -> PlainArray:
    a = asarray(value)
    if a.shape == shape:
        return a
    steps = [0] * (len(shape) - a.ndim) + _strides(a.shape)
    sizes = (1,) * (len(shape) - a.ndim) + a.shape
    if len(sizes) != len(shape) or builtins.any(n not in (1, m) for n, m in zip(sizes, shape, strict=True)):
        raise ValueError(f"{a.shape} cannot be {shape}")
    lists = [[0] * m if n == 1 else [i * s for i in range(m)] for n, m, s in zip(sizes, shape, steps, strict=True)]
    return PlainArray([a.flat[sum_] for sum_ in map(builtins.sum, _product(*lists))], tuple(shape))


# Functions


def transpose(a: PlainArray, axes: Sequence[int] | None = None) -> PlainArray:
    order = list(axes) if axes is not None else list(range(a.ndim))[::-1]
    steps = _strides(a.shape)
    lists = [[i * steps[k] for i in range(a.shape[k])] for k in order]
    return PlainArray([a.flat[at] for at in map(builtins.sum, _product(*lists))], tuple(a.shape[k] for k in order))


def matmul(a: Any, b: Any) -> Any:
    left, right = asarray(a), asarray(b)
    A = left[None, :] if left.ndim == 1 else left
    B = right[:, None] if right.ndim == 1 else right
    if A.shape[1] != B.shape[0]:
        raise ValueError(f"cannot multiply {left.shape} by {right.shape}")
    columns = transpose(B).tolist()
    flat = [builtins.sum(map(operator.mul, row, column)) for row in A.tolist() for column in columns]
    shape = left.shape[:-1] + right.shape[1:]
    return PlainArray(flat, shape) if shape else flat[0]


dot = matmul


def where(condition: Any, a: Any, b: Any) -> Any:
    return _combined(lambda c, x, y: x if c else y, condition, a, b)


def reshape(a: Any, shape: Any, order: str = "C") -> PlainArray:
    return asarray(a).reshape(shape if not isinstance(shape, int) else (shape,), order=order)


def _named(name: str) -> Callable[..., Any]:
    return lambda a, *rest, **options: getattr(asarray(a), name)(*rest, **options)


sum, prod, mean, max, min, all, any, argmax, ravel = map(
    _named, ("sum", "prod", "mean", "max", "min", "all", "any", "argmax", "ravel")
)


def _function(real: Callable[..., Any], of_complex: Callable[..., Any] | None = None) -> Callable[..., Any]:
    function = _guarded(real, of_complex)
    return lambda a: _combined(function, a)


exp, sqrt = _function(math.exp, cmath.exp), _function(math.sqrt, cmath.sqrt)
log, log1p = _function(_log, cmath.log), _function(_log1p, lambda z: cmath.log(1 + z))
sin, cos, tan = _function(math.sin, cmath.sin), _function(math.cos, cmath.cos), _function(math.tan, cmath.tan)
sinh, cosh, tanh = _function(_sinh, cmath.sinh), _function(math.cosh, cmath.cosh), _function(math.tanh, cmath.tanh)
arcsin, arccos, arctan = (
    _function(math.asin, cmath.asin), _function(math.acos, cmath.acos), _function(math.atan, cmath.atan)
)  # fmt: skip
abs, sign = _function(builtins.abs), _function(_sign)
isfinite = _function(lambda x: math.isfinite(x), cmath.isfinite)
real, imag = (lambda a: asarray(a).real), (lambda a: asarray(a).imag)


def iscomplexobj(a: Any) -> bool:
    return builtins.any(isinstance(x, complex) for x in asarray(a).flat)


def vectorize(function: Callable[[Any], Any], otypes: Any = None) -> Callable[[PlainArray], PlainArray]:
    return lambda a: asarray(a)._each(function)


def diag(a: Any) -> PlainArray:
    held = asarray(a)
    if held.ndim == 2:
        return PlainArray([held[i, i] for i in range(builtins.min(held.shape))], (builtins.min(held.shape),))
    n = held.size
    return PlainArray([held.flat[i] if i == j else 0.0 for i in range(n) for j in range(n)], (n, n))


def tril(a: PlainArray, k: int = 0) -> PlainArray:
    m, n = a.shape
    return PlainArray([a.flat[i * n + j] if j <= i + k else 0.0 for i in range(m) for j in range(n)], (m, n))


def triu(a: PlainArray, k: int = 0) -> PlainArray:
    return transpose(tril(transpose(a), -k))


def trace(a: PlainArray) -> Any:
    return diag(a).sum()


def outer(a: Any, b: Any) -> Any:
    return _combined(operator.mul, asarray(a).reshape(-1, 1), asarray(b).reshape(1, -1))


def kron(a: PlainArray, b: PlainArray) -> PlainArray:
    (m, n), (p, q) = a.shape, b.shape
    flat = [a[i, j] * b[k, l] for i in range(m) for k in range(p) for j in range(n) for l in range(q)]
    return PlainArray(flat, (m * p, n * q))


def einsum(how: str, a: PlainArray, b: PlainArray) -> PlainArray:
    """Of two operands."""
    inputs, output = how.split("->")
    letters = [*inputs.split(",")]
    sizes = {x: n for word, held in zip(letters, (a, b), strict=True) for x, n in zip(word, held.shape, strict=True)}
    summed = [x for x in sizes if x not in output]
    flat = []
    for at in _product(*(range(sizes[x]) for x in output)):
        total: Any = 0.0
        for more in _product(*(range(sizes[x]) for x in summed)):
            where_ = dict(zip([*output, *summed], [*at, *more], strict=True))
            total += a[tuple(where_[x] for x in letters[0])] * b[tuple(where_[x] for x in letters[1])]
        flat.append(total)
    return PlainArray(flat, tuple(sizes[x] for x in output))


def concatenate(arrays: Iterable[PlainArray], axis: int = 0) -> PlainArray:
    parts = [asarray(part) for part in arrays]
    moved = [axis, *(k for k in range(parts[0].ndim) if k != axis)]
    back = [moved.index(k) for k in range(len(moved))]
    turned = [transpose(part, moved) for part in parts]
    shape = (builtins.sum(part.shape[0] for part in turned), *turned[0].shape[1:])
    return transpose(PlainArray([x for part in turned for x in part.flat], shape), back)


def stack(arrays: Iterable[PlainArray], axis: int = 0) -> PlainArray:
    parts = [asarray(part) for part in arrays]
    at = axis % (parts[0].ndim + 1)
    return concatenate([part[(slice(None),) * at + (None,)] for part in parts], at)


def block(rows: list[list[PlainArray]]) -> PlainArray:
    return concatenate([concatenate(row, 1) for row in rows], 0)


def sort(a: PlainArray, axis: int = -1) -> PlainArray:
    if a.ndim == 2 and axis in (-1, 1):
        return asarray([sorted(row) for row in a.tolist()])
    if a.ndim != 1:
        raise AttributeError("sort along another axis than the last")
    return PlainArray(sorted(a.flat), a.shape)


def take_along_axis(a: PlainArray, places: PlainArray, axis: int) -> PlainArray:
    """From each row the entries at its places."""
    if axis != 1:
        raise AttributeError("take_along_axis of columns")
    return asarray([[row[int(k)] for k in chosen] for row, chosen in zip(a.tolist(), places.tolist(), strict=True)])


def unravel_index(place: Any, shape: Shape) -> tuple[int, ...]:
    return tuple(int(place) // step % size for step, size in zip(_strides(shape), shape, strict=True))


def errstate(**_: str) -> Any:
    """Nothing warns here."""
    return nullcontext()


# All of it


class _Generator:
    def __init__(self, seed: Any) -> None:
        self.held = _random.Random(repr(seed))

    def standard_normal(self, shape: Shape) -> PlainArray:
        return PlainArray([self.held.gauss(0, 1) for _ in range(math.prod(shape))], tuple(shape))

    def uniform(self, low: float, high: float, shape: Shape) -> PlainArray:
        return PlainArray([self.held.uniform(low, high) for _ in range(math.prod(shape))], tuple(shape))


class _Random:
    default_rng = _Generator


random, ndarray = _Random, PlainArray


def numpy_of_lists() -> ModuleType:
    """A module with NumPy's names for what is here."""
    from . import linear_algebra

    made, typing = ModuleType("numpy"), ModuleType("numpy.typing")
    vars(made).update({name: value for name, value in globals().items() if not name.startswith("_")})
    vars(typing)["NDArray"] = list  # for annotations
    vars(made).update(linalg=linear_algebra, typing=typing)
    made.__spec__ = ModuleSpec("numpy", None)
    return made


@contextmanager
def standing_in() -> Iterator[None]:
    """Where NumPy is not installed, `import numpy` gives `numpy_of_lists` inside."""
    made = numpy_of_lists()
    sys.modules.update({"numpy": made, "numpy.typing": made.typing})
    try:
        yield
    finally:
        for name in ("numpy", "numpy.typing"):
            sys.modules.pop(name, None)
