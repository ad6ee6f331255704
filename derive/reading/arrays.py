"""Arrays as NumPy has them: axes, broadcasting, products, sums along axes, indexing.

A formula's value is a matrix, and a vector is n × 1; NumPy's arrays have no, one or two axes,
and `x`, `x[:, None]` and `x[None, :]` are three things.  An `Array` is a value with its axes
and the way to build it as an `Expr`: a number for no axis, n × 1 for one axis, m × n for two.
A `Plan` unifies the sizes while the arrays are made, as `sizes` does for formulas, and builds
the expressions once all sizes are known.

The largest entry is read as a shift: exp(z − max z) / Σ exp(z − max z) is the same for every
number in the place of max z, exactly, so the shift is carried along as a term or as a factor
exp(shift), and where it does not cancel the largest entry itself is put in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from .. import operations as ops
from .. import rows
from ..errors import DeriveError, LimitError, ParseError, ShapeError
from ..expr import Expr, dimension, identity, is_zero, number, ones, zeros
from ..shapes import ONE, Dim
from .limits import MAX_OPERATIONS
from .sizes import FRESH, Size, Sizes

Axes = tuple[Size, ...]
Shift = dict[tuple[int, "int | None"], Fraction]  # (which largest entry, the axis it varies along) -> coefficient


class Misfit(ShapeError):
    """An operation that NumPy refuses for arrays of these ranks; `names` are those the operands depend on."""

    names: int = 0
    sizes: tuple[Size, ...] = ()  # the two that differ


class Array:
    """A value: its axes, and how its expression is made of those of `args`."""

    __slots__ = (
        "args", "axes", "base", "expr", "factors", "is_lone", "is_mask", "is_symbol", "is_turned", "make", "names",
        "number", "size", "span", "terms",
    )  # fmt: skip

    def __init__(self, axes: Axes, make: Callable[..., Expr], args: tuple[Array, ...], span: tuple[int, int]) -> None:
        self.axes = axes
        self.make = make
        self.args = args
        self.span = span
        self.expr: Expr | None = None
        self.size: Size | None = None  # a length used as a number
        self.number: Fraction | None = None
        self.is_mask = False  # of booleans
        self.terms: Shift = {}  # largest entries added to the value
        self.factors: Shift = {}  # exp of largest entries that multiply it
        self.names = 0  # the undeclared symbols below it, a bit each
        for arg in args:
            self.names |= arg.names
        self.is_turned = False  # .T of a one-dimensional array, which is itself
        self.is_symbol = False
        self.is_lone = False  # a symbol, or a function of one
        self.base: Array | None = None  # the array whose entries these are

    @property
    def rank(self) -> int:
        return len(self.axes)


class Plan:
    """Arrays in the order they are made.

    Parameters
    ----------
    source : str
        The text, for the places of errors.
    taken : names that sizes must not have
    """

    def __init__(self, source: str, taken: set[str]) -> None:
        self.source = source
        self.span = (0, len(source))
        self.sizes = Sizes()
        self.taken = taken
        self.pinned: dict[str, Dim] = {}  # declared sizes that a number in the text settles
        self.order: list[Array] = []
        self.shifts: list[tuple[Array, int | None]] = []
        self.penalties: list[tuple[float, int]] = []  # what nobody writes on purpose, and the names it hangs on
        self.readings: list[str] = []
        self.has_columns = False  # some vector is declared n × 1
        self.is_torch = False  # PyTorch's defaults, where they differ
        self.is_named = True  # a library is named, so nobody takes * for a product of matrices

    # Errors

    def misfit(self, message: str, *arrays: Array, hint: str | None = None) -> Misfit:
        error = Misfit(message, self.source, self.span, hint)
        for array in arrays:
            error.names |= array.names
        return error

    def refuse(self, message: str, hint: str | None = None) -> ParseError:
        return ParseError(message, self.source, self.span, hint)

    def written(self, array: Array) -> str:
        start, end = array.span
        text = " ".join(self.source[start:end].split())
        return text if len(text) <= 40 else text[:39] + "…"

    def described(self, array: Array) -> str:
        return f"{self.written(array)} ({self.shape_text(array.axes)})"

    def shape_text(self, axes: Axes) -> str:
        shown = [str(size) if isinstance(size := self.find(a), Dim) else "·" for a in axes]
        return "a number" if not shown else f"{shown[0]} entries" if len(shown) == 1 else " × ".join(shown)

    # Sizes

    def find(self, size: Size) -> Size:
        found = self.sizes.find(size)
        return found.substitute(self.pinned) if self.pinned and isinstance(found, Dim) else found

    def is_one(self, size: Size) -> bool:
        return self.find(size) is ONE

    def unify(self, a: Size, b: Size) -> bool:
        """Make two sizes equal; a declared size gives way to a number."""
        a, b = self.find(a), self.find(b)
        if self.sizes.unify(a, b):
            return True
        for name, value in ((a, b), (b, a)):
            if isinstance(name, Dim) and isinstance(value, Dim) and value is not ONE and value.value is not None:
                if len(name.names) == 1 and name is Dim.of(next(iter(name.names))):
                    self.pinned[str(name)] = value
                    self.readings.append(f"{name} is {value}, as the text says")
                    return True
        return False

    def frozen(self, size: Size) -> Dim:
        """The size as a `Dim`, named at once if it has no name: sizes less one hang on it."""
        found = self.find(size)
        if isinstance(found, int):
            name = next((n for n in FRESH if n not in self.taken), f"n{found}")
            self.taken.add(name)
            self.sizes.bound[found] = Dim.of(name)
        dim = self.sizes.dim(size)
        return dim.substitute(self.pinned) if self.pinned else dim

    def dim(self, size: Size) -> Dim:
        dim = self.sizes.dim(size)
        return dim.substitute(self.pinned) if self.pinned else dim

    # Nodes

    def node(self, axes: Sequence[Size], make: Callable[..., Expr], *args: Array) -> Array:
        """A new array."""
        return self.carrying(axes, make, *map(self.plain, args))

    def carrying(self, axes: Sequence[Size], make: Callable[..., Expr], *args: Array) -> Array:
        """A new array, made by an operation that carries the shifts of its operands on."""
        made = Array(tuple(axes), make, args, self.span)
        if len(made.axes) > 2:
            raise self.refuse("arrays of three axes are not read", "formulas have vectors and matrices")
        if len(self.order) >= 4 * MAX_OPERATIONS:
            raise LimitError(
                "the text amounts to too many operations", self.source, self.span, f"at most {4 * MAX_OPERATIONS}"
            )
        self.order.append(made)
        return made

    def constant(self, value: Fraction | int) -> Array:
        made = self.node((), lambda: number(value))
        made.number = Fraction(value)
        return made

    def count(self, size: Size) -> Array:
        """A length, as a number."""
        made = self.node((), lambda: dimension(self.dim(size)))
        made.size = size
        held = self.find(size)
        if isinstance(held, Dim) and held.value is not None:
            made.number = Fraction(held.value)
        return made

    def product_of(self, sizes: Sequence[Size]) -> Size:
        total: Size = ONE
        for size in sizes:
            total = self.sizes.times(total, size)
        return total

    def build(self) -> None:
        """Make the expressions; all sizes have their names."""
        for array in self.order:
            try:
                array.expr = array.make(*[arg.expr for arg in array.args])
            except DeriveError as error:
                raise error.at(self.source, array.span) from None

    def is_unit(self, array: Array) -> bool:
        """Whether it is one number, whatever its axes."""
        return all(self.is_one(a) for a in array.axes)

    def filled(self, axes: Axes, value: int) -> Array:
        """Zeros or ones."""
        make = zeros if value == 0 else ones
        return self.node(axes, lambda: make(*self.matrix_shape(axes)))

    def matrix_shape(self, axes: Axes) -> tuple[Dim, Dim]:
        dims = [self.dim(a) for a in axes] + [ONE, ONE]
        return dims[0], dims[1]

    def eye(self, size: Size) -> Array:
        return self.node((size, size), lambda: identity(self.dim(size)))

    # Shifts

    def plain(self, a: Array) -> Array:
        """The array with the largest entries in it that have not cancelled."""
        if not a.terms and not a.factors:
            return a
        made = self.carrying(a.axes, lambda A: A, a)
        for (tag, at), coefficient in a.factors.items():
            made = self.times(
                made, self.function(ops.exp, self.times(self.constant(coefficient), self.extreme(tag, at)))
            )
        for (tag, at), coefficient in a.terms.items():
            made = self.add(made, self.times(self.constant(coefficient), self.extreme(tag, at)))
        return made

    def extreme(self, tag: int, at: int | None) -> Array:
        """A largest entry: a number, or one for each place along the axis `at`."""
        array, along = self.shifts[tag]
        if along is None:
            return self.node((), rows.largest, array)
        each = self.node((array.axes[1 - along],), lambda A: rows.along("max", A, along), array)
        return each if at == -1 else self.node((each.axes[0], ONE), lambda A: A, each)

    def largest(self, a: Array, axis: int | None, keepdims: bool) -> Array:
        """The largest entry, of all or along an axis, as a shift."""
        a = self.plain(a)
        self.expect_axes(a)
        axis = self.axis_of(a, axis)
        at = None if axis is None or a.rank < 2 else axis
        made = self.filled(self.reduced(a.axes, axis, keepdims), 0)
        made.args, made.names = (), a.names
        known = [i for i, (array, along) in enumerate(self.shifts) if array is a and along == at]
        tag = known[0] if known else len(self.shifts)
        if not known:
            self.shifts.append((a, at))
        varies = None if at is None else (-2 if at == 1 else -1) if keepdims else -1
        made.terms = {(tag, varies): Fraction(1)}
        return made

    def merged(self, a: Shift, b: Shift, sign: int = 1) -> Shift:
        total = dict(a)
        for key, coefficient in b.items():
            total[key] = total.get(key, Fraction(0)) + sign * coefficient
            if not total[key]:
                del total[key]
        return total

    def expect_axes(self, *arrays: Array) -> None:
        """Hold it against a reading that what is summed or multiplied as an array is a number."""
        self.penalties += [(1.5, a.names) for a in arrays if not a.rank and a.names]

    # Entry by entry

    def broadcast(self, *arrays: Array) -> Axes:
        """The axes of the result; sizes that are not 1 are equal."""
        rank = max(a.rank for a in arrays)
        axes: list[Size] = []
        for place in range(-rank, 0):
            size: Size = ONE
            for array in arrays:
                if -place > array.rank or self.is_one(array.axes[place]):
                    continue
                if not self.is_one(size) and not self.unify(size, array.axes[place]):
                    shown = " and ".join(self.described(a) for a in arrays)
                    error = self.misfit(f"the shapes of {shown} do not broadcast", *arrays)
                    error.sizes = (self.find(size), self.find(array.axes[place]))
                    raise error
                size = array.axes[place]
            axes.append(size)
        return tuple(axes)

    def spread(self, a: Array, axes: Axes) -> Array:
        """The array repeated to these axes, which it broadcasts to."""
        here = tuple(self.is_one(x) for x in a.axes)
        there = tuple(self.is_one(x) for x in axes)
        if here == there:
            return a
        if all(here):
            if all(there):
                made = self.carrying(axes, lambda A: A, a)
            else:
                made = self.carrying(axes, lambda A: ops.scale(A, ones(*self.matrix_shape(axes))), a)
        elif a.rank == 1 and there[0]:
            made = self.carrying(axes, ops.transpose, a)
        elif a.rank == 1:
            made = self.carrying(axes, lambda A: ops.matmul(ones(self.dim(axes[0])), ops.transpose(A)), a)
        elif here[0]:
            made = self.carrying(axes, lambda A: ops.matmul(ones(self.dim(axes[0])), A), a)
        else:
            made = self.carrying(axes, lambda A: ops.matmul(A, ones(1, self.dim(axes[1]))), a)
        made.terms, made.factors, made.number = dict(a.terms), dict(a.factors), a.number
        return made

    def straight(self, a: Array) -> None:
        """Refuse .T of a one-dimensional array where a row would give another value, if nobody declared it so."""
        if a.is_turned:
            raise self.misfit(
                f"{self.written(a)} of a one-dimensional array is that array, and no row", a,
                hint="write np.outer(x, y) or x[None, :] for a row, or declare x: n to have it so",
            )  # fmt: skip

    def add(self, a: Array, b: Array, sign: int = 1) -> Array:
        axes = self.broadcast(a, b)
        for one, other in ((a, b), (b, a)):
            if (one.is_symbol or one.is_lone) and not one.rank and other.rank and one.names:
                self.penalties.append((1.2, one.names))
        if a.factors or b.factors:
            if a.factors != b.factors or a.terms or b.terms:
                a, b = self.plain(a), self.plain(b)
        if a.rank and b.rank:
            if a.is_turned != b.is_turned:
                self.straight(a)
                self.straight(b)
            if {a.rank, b.rank} == {1, 2} and len(axes) == 2 and not self.is_one(axes[0]):
                row = a if a.rank == 1 else b
                self.note(f"{self.written(row)} is one row, added to each")
        left, right = self.spread(a, axes), self.spread(b, axes)
        made = self.carrying(axes, lambda A, B: ops.add(A, B if sign > 0 else -B), left, right)
        made.factors, made.terms = dict(a.factors), self.merged(a.terms, b.terms, sign)
        return made

    def note(self, reading: str) -> None:
        if reading not in self.readings:
            self.readings.append(reading)

    def negative(self, a: Array) -> Array:
        made = self.carrying(a.axes, lambda A: -A, a)
        made.number = None if a.number is None else -a.number
        made.factors, made.terms = dict(a.factors), {k: -c for k, c in a.terms.items()}
        return made

    def times(self, a: Array, b: Array) -> Array:
        """The product entry by entry."""
        axes = self.broadcast(a, b)
        a, b = (self.plain(x) if x.terms else x for x in (a, b))
        if a.rank and b.rank and a.is_turned != b.is_turned:
            self.straight(a)
            self.straight(b)
        made = self.multiplied(a, b, axes)
        made.factors = self.merged(a.factors, b.factors)
        made.is_mask = a.is_mask and b.is_mask
        return made

    def multiplied(self, a: Array, b: Array, axes: Axes) -> Array:
        if self.is_unit(a) or self.is_unit(b):
            scalar, other = (a, b) if self.is_unit(a) else (b, a)
            return self.carrying(axes, ops.scale, scalar, self.spread(other, axes))
        if len(axes) < 2 or any(self.is_one(x) for x in axes):
            return self.carrying(axes, ops.hadamard, self.spread(a, axes), self.spread(b, axes))
        # Rows and columns multiply the columns and rows of a matrix: A diag(x), diag(x) A, x yᵀ.
        forms = [
            "row" if x.rank == 1 or self.is_one(x.axes[0]) else "column" if self.is_one(x.axes[1]) else "full"
            for x in (a, b)
        ]
        left, right = (self.column(x) if form == "row" else x for x, form in zip((a, b), forms))
        if forms[0] == forms[1]:
            return self.carrying(axes, ops.hadamard, a, b)
        if "full" not in forms:
            column, row = (left, right) if forms[0] == "column" else (right, left)
            return self.carrying(axes, lambda x, y: ops.matmul(x, ops.transpose(y)), column, row)
        full, vector = (left, right) if forms[0] == "full" else (right, left)
        if (vector is a or vector is b) and vector.rank == 1 and vector.span != self.span:
            self.note(f"{self.written(vector)} is one row, times each")
        if "row" in forms:
            return self.carrying(axes, lambda A, x: ops.matmul(A, ops.diagonal_matrix(x)), full, vector)
        return self.carrying(axes, lambda A, x: ops.matmul(ops.diagonal_matrix(x), A), full, vector)

    def column(self, row: Array) -> Array:
        """A row, or an array of one axis, as a column."""
        return row if row.rank == 1 else self.carrying((row.axes[1],), ops.transpose, row)

    def power(self, a: Array, e: Array) -> Array:
        e = self.plain(e)
        if a.terms or a.factors and e.number is None:
            a = self.plain(a)
        if e.rank == 0:
            made = self.carrying(a.axes, ops.power, a, e)
            made.is_lone = a.is_symbol and e.number is not None
            made.factors = {k: c * (e.number or 1) for k, c in a.factors.items()} if e.number else {}
            return made
        # a^e for arrays e: exp(e log a), for a > 0.
        if a.number is not None and a.number <= 0:
            raise self.refuse("powers of a number that is not positive are not read")
        return self.function(ops.exp, self.times(e, self.function(ops.log, a)))

    def over(self, a: Array, b: Array) -> Array:
        b = self.plain(b) if b.terms else b
        if b.number == 0:
            raise self.refuse("division by zero")
        if self.is_unit(b) and not b.rank and not a.terms:
            made = self.carrying(a.axes, ops.divide, a, b)
            made.factors = self.merged(a.factors, b.factors, -1)
            if a.number is not None and b.number is not None:
                made.number = a.number / b.number
            return made
        if a.rank == 2 and b.rank == 1 and not any(map(self.is_one, a.axes)):
            self.note(f"{self.written(b)} is one row, which divides each")
        return self.times(a, self.power(b, self.constant(-1)))

    def function(self, f: Callable[[Any], Expr], a: Array) -> Array:
        """A function of each entry; exp and log turn shifts into factors and back."""
        if f is ops.exp and not a.factors:
            made = self.carrying(a.axes, exponential, a)
            made.is_lone = a.is_symbol
            made.factors = dict(a.terms)
            return made
        if f is ops.log and not a.terms:
            made = self.carrying(a.axes, f, a)
            made.terms = dict(a.factors)
            return made
        return self.node(a.axes, f, a)

    # Products

    def matmul(self, a: Array, b: Array) -> Array:
        """`a @ b`."""
        if not a.rank or not b.rank:
            raise self.misfit(
                "@ needs arrays, and " + " and ".join(self.written(x) for x in (a, b) if not x.rank) + " is a number",
                *(x for x in (a, b) if not x.rank),
            )
        a, b = (self.plain(x) if x.terms else x for x in (a, b))
        self.straight(b)
        if not self.unify(a.axes[-1], b.axes[0]):
            p, q = self.find(a.axes[-1]), self.find(b.axes[0])
            hint = None
            if b.rank == 2 and self.find(b.axes[1]) == p:
                hint = f"{self.written(b)}.T would fit"
            error = self.misfit(
                f"cannot multiply {self.described(a)} by {self.described(b)}: {p} and {q} differ", a, b, hint=hint
            )
            error.sizes = (p, q)
            raise error
        axes = (*a.axes[:-1], *b.axes[1:])
        if a.rank == 1:
            if b.rank == 1:
                made = self.carrying(axes, lambda x, y: ops.matmul(_row(x), y), a, b)
            else:
                made = self.carrying(axes, lambda x, A: ops.matmul(ops.transpose(A), x), a, b)
        else:
            made = self.carrying(axes, ops.matmul, a, b)
        for (tag, at), coefficient in (*a.factors.items(), *b.factors.items()):
            array = a if (tag, at) in a.factors else b
            kept = at is None or (array is a and a.rank == 2 and at == -2) or (array is b and b.rank == 2 and at == -1)
            if not kept:
                return self.matmul(self.plain(a), self.plain(b))
            place = None if at is None else -len(axes) if array is a else -1
            made.factors = self.merged(made.factors, {(tag, place): coefficient})
        return made

    def transposed(self, a: Array) -> Array:
        if a.rank < 2:
            if not a.rank:
                return a
            made = self.carrying(a.axes, lambda A: A, a)
            made.base = a.base or a
            made.is_turned = bool(a.names) or self.has_columns
            made.is_symbol, made.factors, made.terms = a.is_symbol, a.factors, a.terms
            return made
        made = self.carrying(a.axes[::-1], ops.transpose, a)
        made.base = a.base or a
        for held, out in ((a.terms, made.terms), (a.factors, made.factors)):
            out.update({(tag, None if at is None else -3 - at): c for (tag, at), c in held.items()})
        return made

    def inner(self, a: Array, b: Array) -> Array:
        """The sum of the products of all entries of two arrays of one shape."""
        if a.rank != b.rank or not all(self.unify(p, q) for p, q in zip(a.axes, b.axes)):
            raise self.misfit(f"the shapes of {self.described(a)} and {self.described(b)} differ", a, b)
        return self.node((), ops.inner if a.rank == 2 else lambda x, y: ops.matmul(ops.transpose(x), y), a, b)

    def square(self, a: Array, what: str) -> Size:
        """The size of a square matrix."""
        if a.rank != 2 or not self.unify(*a.axes):
            raise self.misfit(f"{what} needs a square matrix, and {self.described(a)} is none", a)
        return a.axes[0]

    # Sums

    def axis_of(self, a: Array, axis: int | None) -> int | None:
        """The axis counted from 0; None for all entries."""
        if axis is None:
            return None
        if not -a.rank <= axis < a.rank:
            raise self.misfit(f"{self.described(a)} has no axis {axis}", a)
        return axis % a.rank

    def reduced(self, axes: Axes, axis: int | None, keepdims: bool) -> Axes:
        if keepdims:
            return tuple(ONE if axis is None or i == axis else size for i, size in enumerate(axes))
        return () if axis is None else tuple(size for i, size in enumerate(axes) if i != axis)

    def sum(self, a: Array, axis: int | None = None, keepdims: bool = False) -> Array:
        axis = self.axis_of(a, axis)
        self.expect_axes(a)
        a = self.plain(a) if a.terms else a
        axes = self.reduced(a.axes, axis, keepdims)
        if a.rank < 2 or axis is None:
            made = self.carrying(axes, ops.sum_entries, a)
        else:
            matrix = a if axis == 1 else self.carrying(a.axes[::-1], ops.transpose, a)
            made = self.carrying(
                (a.axes[1 - axis],), lambda A: ops.matmul(A, ones(self.dim(matrix.axes[1]))), matrix
            )  # fmt: skip
            if keepdims:
                made = self.carrying(axes, (lambda A: A) if axis == 1 else ops.transpose, made)
        for (tag, at), coefficient in a.factors.items():
            summed = None if axis is None else axis - a.rank
            if at is not None and (summed is None or at == summed):
                return self.sum(self.plain(a), axis, keepdims)
            place = at if at is None or keepdims else -1
            made.factors = self.merged(made.factors, {(tag, place): coefficient})
        return made

    def counted(self, a: Array, axis: int | None) -> Array:
        """How many entries a sum along an axis has."""
        axis = self.axis_of(a, axis)
        return self.count(self.product_of(a.axes) if axis is None else a.axes[axis])

    def mean(self, a: Array, axis: int | None = None, keepdims: bool = False) -> Array:
        total = self.sum(a, axis, keepdims)
        return self.over(total, self.counted(a, axis)) if a.rank else total

    def variance(self, a: Array, axis: int | None, keepdims: bool, ddof: Array) -> Array:
        deviation = self.add(a, self.mean(a, axis, True), -1)
        total = self.sum(self.power(deviation, self.constant(2)), axis, keepdims)
        count = self.counted(a, axis)
        return self.over(total, count if ddof.number == 0 else self.add(count, ddof, -1))


def exponential(x: Expr) -> Expr:
    """exp(x), where nothing is left of a shift but the shift exp(0) = 1."""
    return ones(*x.shape) if is_zero(x) else ops.exp(x)


def _row(x: Expr) -> Expr:
    """xᵀ; (Aᵀ x)ᵀ as xᵀ A."""
    if x.op is ops.scale:
        return ops.scale(x.args[0], _row(x.args[1]))
    if x.op is ops.matmul and x.args[0].op is ops.transpose:
        return ops.matmul(*(ops.transpose(factor) for factor in reversed(x.args)))
    return ops.transpose(x)
