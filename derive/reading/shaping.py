"""The shape of every part, bottom up, unifying sizes on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import names
from .. import operations as ops
from ..errors import ShapeError
from ..expr import Expr, Operation
from ..properties import SQUARE, SUMS
from ..shapes import ONE, Dim
from .kinds import Kinds, is_exponential
from .signatures import C, M, R, S, operation_of
from .sizes import SCALAR_SIZE, Size, Sizes, SizeShape
from .stacks import Node, quoted, whole
from .vocabulary import ALIKE, PER_ROW

if TYPE_CHECKING:
    from ..indexed import Axis


_WEIGHTS = frozenset("WVUΘΩB")
_DATA = frozenset("XHZΦ")


class Symbol:
    """A name in the formula: how it is used, and what is known of its shape."""

    __slots__ = ("name", "style", "uses", "shape", "properties", "is_declared", "is_unit", "expr", "span")

    def __init__(self, name: str, style: str, span: tuple[int, int]) -> None:
        self.name = name
        self.style = style
        self.span = span
        self.uses: set[str] = set()
        self.shape: SizeShape | None = None
        self.properties: frozenset[str] = frozenset()
        self.is_declared = False
        self.is_unit = False
        self.expr: Expr | None = None


class Shaper:
    """Shapes of the nodes, in order, operands first."""

    def __init__(
        self, source: str, order: list[Node], symbols: dict[str, Symbol], kinds: Kinds, sizes: Sizes,
        readings: list[str], is_numpy: bool,
    ) -> None:  # fmt: skip
        self.source = source
        self.order = order
        self.symbols = symbols
        self.kinds = kinds
        self.sizes = sizes
        self.readings = readings
        self.is_numpy = is_numpy  # beside signs that Python has not, such as ‖x‖
        self.values: dict[int, Expr] = {}
        self.shapes: dict[int, SizeShape] = {}
        self.axes: dict[Axis, Size] = {}
        self.columns: set[int] = set()  # vectors that stand for each column in a sum

    def shape_symbols(self, by_habit: dict[str, list[float]] | None = None) -> None:
        """A shape for every symbol: as declared, or of its kind with sizes of its own.

        `by_habit` gives the costs of the kinds where no assignment fits: then each symbol is
        of its usual kind, and the operation that cannot take them says so.
        """
        for name, entry in self.symbols.items():
            if entry.shape is not None:
                continue
            cell = self.kinds.symbol_cells[name].find()
            mask = cell.mask
            if by_habit is not None and not entry.properties and name in by_habit:
                costs = by_habit[name]
                mask = min((S, C, M), key=lambda kind: costs[kind.bit_length() - 1])
            elif mask not in (S, C, R, M):
                mask = cell.options[0][1] if mask & (S | C | M) else R if mask else M
            entry.shape = self.of_kind(mask)
            if mask == M and (entry.properties & SQUARE or entry.properties >= SUMS):
                self.sizes.unify(*entry.shape)

    def of_kind(self, mask: int) -> SizeShape:
        rows = ONE if mask in (S, R) else self.sizes.fresh()
        return rows, ONE if mask in (S, C) else self.sizes.fresh()

    def infer(self) -> None:
        shapes = self.shapes
        for node in self.order:
            rule = SHAPES.get(node.op)
            args = [shapes[id(arg)] for arg in node.args]
            shapes[id(node)] = rule(self, node, args) if rule is not None else SCALAR_SIZE

    def is_one(self, size: Size) -> bool:
        return self.sizes.find(size) is ONE

    def is_scalar(self, shape: SizeShape) -> bool:
        return self.is_one(shape[0]) and self.is_one(shape[1])

    def is_column(self, shape: SizeShape) -> bool:
        return self.is_one(shape[1]) and not self.is_one(shape[0])

    def same(self, args: list[SizeShape]) -> SizeShape:
        for other in args[1:]:
            self.sizes.unify(args[0][0], other[0])
            self.sizes.unify(args[0][1], other[1])
        return args[0]

    def unify_side(self, node: Node, part: Node, sign: int, whole: SizeShape, shape: SizeShape) -> None:
        """Make a vector in a sum as long as a row of the matrix, or as a column where that is meant.

        Raises
        ------
        ShapeError
            It is subtracted from a product, as y in X W − y: no bias is.
        """
        find, entry = self.sizes.find, self.symbols.get(part.data) if part.op == "sym" else None
        is_declared = entry is not None and entry.is_declared
        products = [s for term, s in zip(node.args, node.data, strict=True) if product_of(term) is not None]
        if entry is not None and not is_declared and -sign in products:
            raise ShapeError(
                f"{self.cut(part)} would be taken from each row in {self.cut(node)}", self.source, part.span,
                f"write {self.cut(part).upper()} for a matrix, or declare {names.text(part.data)}: n for one row",
            )  # fmt: skip
        fits = [find(shape[0]) == find(size) for size in whole]
        is_row = is_declared and fits == [False, True]
        is_column = bool(products) and not is_row and is_added_to_columns(node)
        if is_column:
            self.columns.add(id(part))
        self.sizes.unify(whole[0 if is_column else 1], shape[0])

    def dims(self, shape: SizeShape) -> tuple[Dim, Dim]:
        return (self.sizes.dim(shape[0]), self.sizes.dim(shape[1]))

    def cut(self, node: Node) -> str:
        return quoted(whole(self.source, node.start, node.end))

    def axis(self, axis: Axis) -> Size:
        """How many entries an index runs over."""
        size = self.axes.get(axis.tie)
        if size is None:
            size = self.axes[axis.tie] = self.sizes.fresh()
        if axis.size is not None and not self.sizes.unify(size, axis.size):
            raise ShapeError(f"{axis.name} runs over {axis.size} entries and over {self.sizes.dim(size)}")
        return size

    def note(self, text: str) -> None:
        if text not in self.readings:
            self.readings.append(text)


def product_of(node: Node) -> tuple[Node, Node] | None:
    """The first and the last factor of a product."""
    while node.op in ("neg", "ref"):
        node = node.args[0]
    return (node.args[0], node.args[-1]) if node.op == "prod" and "/" not in node.data else None


def is_added_to_columns(node: Node) -> bool:
    """Whether a vector in a sum is meant for each column: W X + b has a sample in each, X W + b in each row."""
    for term in node.args:
        found = product_of(term)
        if found is not None:
            first, last = (str(part.data)[0] if part.op in ("sym", "ref") else "" for part in found)
            return last not in _WEIGHTS and (first in _WEIGHTS or first not in _DATA and last in _DATA)
    return False


def _shape_spread(b: Shaper, node: Node, args: list[SizeShape]) -> SizeShape:
    shaped = [arg for arg in args if not b.is_scalar(arg)]
    matrices = [arg for arg in shaped if not b.is_column(arg) and not b.is_one(arg[0])]
    if not matrices:
        return b.same(shaped) if shaped else SCALAR_SIZE
    whole = b.same(matrices)
    for part, sign, arg in zip(node.args, node.data, args, strict=True):
        if b.is_column(arg) and not b.is_scalar(arg):
            b.unify_side(node, part, sign, whole, arg)
    return whole


def _shape_square(b: Shaper, node: Node, args: list[SizeShape]) -> SizeShape:
    b.sizes.unify(args[0][0], args[0][1])
    return args[0]


def _shape_pow(b: Shaper, node: Node, args: list[SizeShape]) -> SizeShape:
    if is_exponential(node):
        return args[1]
    if not b.is_scalar(args[0]) and not b.is_column(args[0]):
        b.sizes.unify(args[0][0], args[0][1])
    return args[0]


def grouped(b: Shaper, node: Node, shapes: list[SizeShape]) -> tuple[SizeShape, list[Any]]:
    """The shape of a product, and how its factors group: indices, nested where only that fits."""
    kinds = ["", *node.data]
    current: SizeShape = SCALAR_SIZE
    group: list[Any] = []
    waiting: list[tuple[SizeShape, list[Any]]] = []
    is_closed = False
    for i, shape in enumerate(shapes):
        if kinds[i] == "/" or b.is_scalar(shape):
            group.append(i)
            continue
        if b.is_scalar(current):
            if is_closed and not b.is_one(shape[0]):  # what stands to the left is a scalar made of a row and a column
                group = [("", group)]
            current, is_closed = shape, False
            group.append(i)
            continue
        if not b.is_one(current[1]) and b.is_one(shape[0]) and not waiting and _closes(b, shapes, kinds, i):
            waiting.append((current, group))
            current, group = shape, [i]
            continue
        if kinds[i] == "·" and b.is_column(current) and b.is_column(shape):
            b.sizes.unify(current[0], shape[0])
            group = [("·", group, i)]
            current, is_closed = SCALAR_SIZE, True
            continue
        b.sizes.unify(current[1], shape[0])
        if b.is_one(current[1]) and b.is_one(shape[1]) and not b.is_one(shape[0]):
            b.sizes.unify(current[0], shape[0])  # two columns: the message offers what would fit
        current = (current[0], shape[1])
        group.append(i)
        if waiting and b.is_scalar(current):
            (current, outer) = waiting.pop()
            outer.append(("(", group))
            group = outer
        is_closed = b.is_scalar(current)
    if waiting:
        (current, outer) = waiting.pop()
        group = outer + group
    return current, group


def _closes(b: Shaper, shapes: list[SizeShape], kinds: list[str], i: int) -> bool:
    """Whether the row at i meets its column before anything else ends the product."""
    for j in range(i + 1, len(shapes)):
        if kinds[j] == "/" or b.is_scalar(shapes[j]):
            continue
        if b.is_one(shapes[j][0]):
            return False
        if b.is_one(shapes[j][1]):
            return True
    return False


def _shape_div(b: Shaper, node: Node, args: list[SizeShape]) -> SizeShape:
    if node.data == "frac" and b.is_column(args[0]) and b.is_column(args[1]):
        return b.same(args)
    return args[0]


def _shape_inner(b: Shaper, node: Node, args: list[SizeShape]) -> SizeShape:
    b.same(args)
    return SCALAR_SIZE


def _shape_bars(b: Shaper, node: Node, args: list[SizeShape]) -> SizeShape:
    if not b.is_scalar(args[0]) and not b.is_column(args[0]):
        b.sizes.unify(args[0][0], args[0][1])
    return SCALAR_SIZE


def _shape_axes(b: Shaper, node: Node, args: list[SizeShape]) -> SizeShape:
    for size, axis in zip(args[0], node.data[1]):
        if axis is not None and not b.sizes.unify(size, b.axis(axis)):
            have, wanted = b.dims((size, b.axis(axis)))
            raise ShapeError(
                f"{axis.name} runs over {wanted} entries, and {b.cut(node)} has {have}", b.source, node.span
            )
    return args[0]


def _shape_window(b: Shaper, node: Node, args: list[SizeShape]) -> SizeShape:
    shape = list(args[0])
    for side, window in enumerate(node.data):
        if window is not None:
            _, axis, extra = window
            if not b.sizes.unify(shape[side], b.sizes.plus(b.axis(axis), extra)):
                raise ShapeError(
                    f"{axis.name} runs over more entries than {b.cut(node)} has", b.source, node.span,
                    "change the limits of the sum, or declare more entries",
                )  # fmt: skip
            shape[side] = b.axis(axis)
    return (shape[0], shape[1])


def _shape_block(b: Shaper, node: Node, args: list[SizeShape]) -> SizeShape:
    rows, columns = node.data
    for i in range(rows):
        for j in range(columns):
            b.sizes.unify(args[i * columns][0], args[i * columns + j][0])
            b.sizes.unify(args[j][1], args[i * columns + j][1])
    height, width = args[0][0], args[0][1]
    for i in range(1, rows):
        height = b.sizes.plus(height, args[i * columns][0])
    for j in range(1, columns):
        width = b.sizes.plus(width, args[j][1])
    return (height, width)


def _shape_call(b: Shaper, node: Node, args: list[SizeShape]) -> SizeShape:
    name = node.data
    sizes = b.sizes
    if name == "diag" or name == "Diag":
        rows, columns = args[0]
        if b.is_scalar(args[0]):
            return SCALAR_SIZE
        if b.is_one(columns):
            return (rows, rows)
        if b.is_one(rows):
            return (columns, columns)
        sizes.unify(rows, columns)
        return (rows, ONE) if name == "diag" else args[0]
    if name == "vec":
        return (sizes.times(args[0][1], args[0][0]), ONE)  # columns, stacked: in the order of a Kronecker product
    if name in ("max", "min") and len(args) == 1 or name in ("norm", "norm_inf", "norm_max"):
        return SCALAR_SIZE
    if name == "weighted_norm":
        sizes.unify(*args[1])
        sizes.unify(args[0][0], args[1][0])
        return SCALAR_SIZE
    if name in ("softmax", "log_softmax"):
        return args[0]
    function, _, axis = name.rpartition("_")
    if name == "rowsum" or (axis == "row" and function in PER_ROW):
        return (args[0][0], ONE)
    if name == "colsum" or (axis == "col" and function in PER_ROW):
        return (args[0][1], ONE)
    if name in ALIKE:
        shaped = [arg for arg in args if not b.is_scalar(arg)]
        return b.same(shaped) if shaped else SCALAR_SIZE
    if name in ("dot", "matmul"):
        pair = Node("prod", node.args, ("·" if name == "dot" else "@",), node.start, node.end)
        return grouped(b, pair, args)[0]
    if name == "outer":
        return (args[0][0], args[1][0])
    if name == "hadamard":
        return b.same(args)
    if name in ("block_inner", "block_sum"):
        big, small = b.dims(args[0]), b.dims(args[1])
        return (ops.quotient(big[0], small[0]), ops.quotient(big[1], small[1]))
    op = operation_of(name)
    if op is not None and len(op.patterns) == len(args):
        return _by_signature(b, op, args)
    return args[0] if args else SCALAR_SIZE


def _by_signature(b: Shaper, op: Operation, args: list[SizeShape]) -> SizeShape:
    """The result's shape; sizes that the signature calls by one letter are made one."""
    letters: dict[str, Size] = {}
    for shape, pattern in zip(args, op.patterns, strict=True):
        for size, factors in zip(shape, pattern, strict=True):
            if len(factors) == 1 and factors[0] in letters:
                b.sizes.unify(letters[factors[0]], size)
            elif factors:
                letters[factors[0]] = size
    sides: list[Size] = []
    for factors in op.result:
        side: Size = ONE
        for factor in factors:
            side = letters[factor] if side is ONE else b.sizes.times(side, letters[factor])
        sides.append(side)
    return (sides[0], sides[1])


def _shape_eye(b: Shaper, node: Node, args: list[SizeShape]) -> SizeShape:
    n: Size = node.data if node.data is not None else b.sizes.fresh()
    return (n, n)


def _shape_ones(b: Shaper, node: Node, args: list[SizeShape]) -> SizeShape:
    if isinstance(node.data, tuple):
        rows, columns = (size if size is not None else b.sizes.fresh() for size in node.data)
        return rows, columns
    if node.data is None and node.cell is not None and node.cell.find().mask == M:
        b.note(f"{b.cut(node)} is read as a matrix of ones")
        return b.of_kind(M)
    return (node.data if node.data is not None else b.sizes.fresh(), ONE)


def _shape_zero(b: Shaper, node: Node, args: list[SizeShape]) -> SizeShape:
    if isinstance(node.data, tuple):
        return _shape_ones(b, node, args)
    mask = node.cell.find().mask if node.cell is not None else S
    return b.of_kind(next((kind for kind in (S, C, M, R) if mask & kind), S))


def _shape_unit(b: Shaper, node: Node, args: list[SizeShape]) -> SizeShape:
    if node.cell.find().mask & S:
        return SCALAR_SIZE
    kind = C if node.cell.find().mask & C else M
    word = "vector" if kind == C else "matrix"
    b.note(f"1 {'as a factor' if node.data in ('factor', 'outer') else f'beside a {word}'} is read as a {word} of ones")
    return b.of_kind(kind)


SHAPES: dict[str, Callable[[Shaper, Node, list[SizeShape]], SizeShape]] = {
    "sym": lambda b, n, a: b.symbols[n.data].shape or SCALAR_SIZE,
    "expr": lambda b, n, a: n.data.shape,
    "eye": _shape_eye, "ones": _shape_ones, "onesm": _shape_ones, "zero": _shape_zero, "unit": _shape_unit,
    "commutation": lambda b, n, a: (n.data[0] * n.data[1], n.data[0] * n.data[1]),
    "ref": lambda b, n, a: a[0], "neg": lambda b, n, a: a[0], "root": lambda b, n, a: a[0],
    "elpow": lambda b, n, a: a[0],
    "spread": _shape_spread,
    "sum": lambda b, n, a: b.same(a), "had": lambda b, n, a: b.same(a), "trans": lambda b, n, a: a[0][::-1],
    "inv": _shape_square, "pow": _shape_pow,
    "transpow": lambda b, n, a: a[0] if b.is_scalar(a[0]) else (a[0][1], a[0][0]),
    "prod": lambda b, n, a: grouped(b, n, a)[0], "div": _shape_div,
    "kron": lambda b, n, a: (b.sizes.times(a[0][0], a[1][0]), b.sizes.times(a[0][1], a[1][1])),
    "inner": _shape_inner, "block": _shape_block,
    "bars": _shape_bars,
    "axes": _shape_axes, "window": _shape_window, "basis": lambda b, n, a: (b.sizes.fresh(), ONE),
    "submatrix": lambda b, n, a: (n.data[1], n.data[3]), "call": _shape_call,
    "unvec": lambda b, n, a: n.data,
}  # fmt: skip  # fmt: skip
