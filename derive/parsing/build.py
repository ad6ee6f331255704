"""The solved syntax tree to an `Expr`: shapes for every part, then the constructors.

Shapes run through the tree bottom up, unifying as they go; then unnamed sizes get names
and every node calls the constructor of its operation.  Its `ShapeError`, if any, is given
the place it came from.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from .. import operations as ops
from ..errors import DeriveError, ParseError, ShapeError
from ..expr import (
    Expr, commutation, constant, described, dimension, identity, is_number, is_zero, number, number_op, ones, symbol, zeros,
)  # fmt: skip
from ..shapes import ONE, Dim
from .grammar import Node
from .kinds import C, Kinds, M, R, S, is_exponential
from .sizes import SCALAR_SIZE, Size, Sizes, SizeShape

ENTRYWISE: dict[str, Any] = dict(ops.FUNCTIONS)


class Symbol:
    """A name in the formula: how it is used, and what is known of its shape."""

    __slots__ = ("name", "style", "uses", "shape", "properties", "is_declared", "expr", "span")

    def __init__(self, name: str, style: str, span: tuple[int, int]) -> None:
        self.name = name
        self.style = style
        self.span = span
        self.uses: set[str] = set()
        self.shape: SizeShape | None = None
        self.properties: frozenset[str] = frozenset()
        self.is_declared = False
        self.expr: Expr | None = None


class Builder:
    """Shapes and expressions of the nodes, in order, operands first."""

    def __init__(
        self,
        source: str,
        order: list[Node],
        symbols: dict[str, Symbol],
        kinds: Kinds,
        sizes: Sizes,
        readings: list[str],
    ) -> None:
        self.source = source
        self.order = order
        self.symbols = symbols
        self.kinds = kinds
        self.sizes = sizes
        self.readings = readings
        self.shapes: dict[int, SizeShape] = {}
        self.values: dict[int, Expr] = {}

    # Shapes

    def shape_symbols(self) -> None:
        """A shape for every symbol: as declared, or of its kind with sizes of its own."""
        for name, entry in self.symbols.items():
            if entry.shape is not None:
                continue
            cell = self.kinds.symbol_cells.get(name)
            mask = cell.find().mask if cell is not None else S
            mask = mask if mask in (S, C, M) else Kinds.cheapest(cell.find()) if cell is not None and mask else S
            entry.shape = self.of_kind(mask)

    def of_kind(self, mask: int) -> SizeShape:
        fresh = self.sizes.fresh
        return (
            SCALAR_SIZE
            if mask == S
            else (fresh(), ONE)
            if mask == C
            else (ONE, fresh())
            if mask == R
            else (fresh(), fresh())
        )

    def infer(self) -> None:
        shapes = self.shapes
        for node in self.order:
            rule = _SHAPES.get(node.op)
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

    def fits(self, left: SizeShape, right: SizeShape) -> bool:
        """Whether one column count and one row count can be equal."""
        return self.is_one(left[1]) == self.is_one(right[0])

    # Expressions

    def build(self) -> None:
        values = self.values
        for node in self.order:
            args = [values[id(arg)] for arg in node.args]
            try:
                values[id(node)] = _BUILD[node.op](self, node, args)
            except DeriveError as error:
                raise error.at(self.source, node.span) from None

    def dims(self, shape: SizeShape) -> tuple[Dim, Dim]:
        return (self.sizes.dim(shape[0]), self.sizes.dim(shape[1]))

    def cut(self, node: Node) -> str:
        return " ".join(self.source[node.start : node.end].split())

    def note(self, text: str) -> None:
        if text not in self.readings:
            self.readings.append(text)


# Shapes of the nodes


def _shape_sum(b: Builder, node: Node, args: list[SizeShape]) -> SizeShape:
    return b.same(args)


def _shape_trans(b: Builder, node: Node, args: list[SizeShape]) -> SizeShape:
    return (args[0][1], args[0][0])


def _shape_square(b: Builder, node: Node, args: list[SizeShape]) -> SizeShape:
    b.sizes.unify(args[0][0], args[0][1])
    return args[0]


def _shape_pow(b: Builder, node: Node, args: list[SizeShape]) -> SizeShape:
    if is_exponential(node):
        return args[1]
    if not b.is_scalar(args[0]) and not b.is_column(args[0]) and not (b.kinds.is_numpy and node.data == "**"):
        b.sizes.unify(args[0][0], args[0][1])
    return args[0]


def _grouped(b: Builder, node: Node, shapes: list[SizeShape]) -> tuple[SizeShape, list[Any]]:
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
        if kinds[i] in ("·", "*") and b.is_column(current) and b.is_column(shape):
            b.sizes.unify(current[0], shape[0])
            group = [(kinds[i], group, i)]
            if kinds[i] == "·":
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


def _closes(b: Builder, shapes: list[SizeShape], kinds: list[str], i: int) -> bool:
    """Whether the row at i meets its column before anything else ends the product."""
    for j in range(i + 1, len(shapes)):
        if kinds[j] == "/" or b.is_scalar(shapes[j]):
            continue
        if b.is_one(shapes[j][0]):
            return False
        if b.is_one(shapes[j][1]):
            return True
    return False


def _shape_prod(b: Builder, node: Node, args: list[SizeShape]) -> SizeShape:
    return _grouped(b, node, args)[0]


def _shape_div(b: Builder, node: Node, args: list[SizeShape]) -> SizeShape:
    if node.data == "frac" and b.is_column(args[0]) and b.is_column(args[1]):
        return b.same(args)
    return args[0]


def _shape_kron(b: Builder, node: Node, args: list[SizeShape]) -> SizeShape:
    (a, c), (p, q) = args
    return (b.sizes.times(a, p), b.sizes.times(c, q))


def _shape_inner(b: Builder, node: Node, args: list[SizeShape]) -> SizeShape:
    b.same(args)
    return SCALAR_SIZE


def _shape_bars(b: Builder, node: Node, args: list[SizeShape]) -> SizeShape:
    if not b.is_scalar(args[0]) and not b.is_column(args[0]):
        b.sizes.unify(args[0][0], args[0][1])
    return SCALAR_SIZE


def _shape_counted(b: Builder, node: Node, args: list[SizeShape]) -> SizeShape:
    for size, counted in zip(args[0], node.data):
        b.sizes.unify(size, counted)
    return args[0]


def _shape_block(b: Builder, node: Node, args: list[SizeShape]) -> SizeShape:
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


def _shape_call(b: Builder, node: Node, args: list[SizeShape]) -> SizeShape:
    name = node.data
    sizes = b.sizes
    if name in ("tr", "det", "logdet"):
        sizes.unify(args[0][0], args[0][1])
        return SCALAR_SIZE
    if name in ("inv", "adj", "expm", "tril", "triu"):
        return _shape_square(b, node, args)
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
        return (sizes.times(*args[0]), ONE)
    if name in ("sum", "mean", "norm", "norm1", "nuclear_norm", "spectral_norm", "logsumexp"):
        return SCALAR_SIZE
    if name == "rowsum":
        return (args[0][0], ONE)
    if name == "colsum":
        return (args[0][1], ONE)
    if name == "transpose":
        return (args[0][1], args[0][0])
    if name == "inner":
        return _shape_inner(b, node, args)
    if name in ("dot", "matmul"):
        pair = Node("prod", node.args, ("·" if name == "dot" else "@",), node.start, node.end)
        return _grouped(b, pair, args)[0]
    if name == "outer":
        return (args[0][0], args[1][0])
    if name == "kron":
        return _shape_kron(b, node, args)
    if name in ("hadamard", "max"):
        return b.same(args)
    if name in ("block_inner", "block_sum"):
        big, small = b.dims(args[0]), b.dims(args[1])
        return (ops.quotient(big[0], small[0]), ops.quotient(big[1], small[1]))
    return args[0] if args else SCALAR_SIZE


def _shape_eye(b: Builder, node: Node, args: list[SizeShape]) -> SizeShape:
    n: Size = node.data if node.data is not None else b.sizes.fresh()
    return (n, n)


def _shape_ones(b: Builder, node: Node, args: list[SizeShape]) -> SizeShape:
    if isinstance(node.data, tuple):
        return (
            node.data[0] if node.data[0] is not None else b.sizes.fresh(),
            node.data[1] if node.data[1] is not None else b.sizes.fresh(),
        )
    if node.data is None and node.cell is not None and node.cell.find().mask == M:
        b.note(f"{b.cut(node)} is read as a matrix of ones")
        return b.of_kind(M)
    return (node.data if node.data is not None else b.sizes.fresh(), ONE)


def _shape_zero(b: Builder, node: Node, args: list[SizeShape]) -> SizeShape:
    if isinstance(node.data, tuple):
        return _shape_ones(b, node, args)
    mask = node.cell.find().mask if node.cell is not None else S
    for kind in (S, C, M, R):
        if mask & kind:
            return b.of_kind(kind)
    return SCALAR_SIZE


_SHAPES: dict[str, Callable[[Builder, Node, list[SizeShape]], SizeShape]] = {
    "sym": lambda b, n, a: b.symbols[n.data].shape or SCALAR_SIZE,
    "expr": lambda b, n, a: n.data.shape,
    "eye": _shape_eye, "ones": _shape_ones, "onesm": _shape_ones, "zero": _shape_zero,
    "commutation": lambda b, n, a: (n.data[0] * n.data[1], n.data[0] * n.data[1]),
    "ref": lambda b, n, a: a[0], "neg": lambda b, n, a: a[0], "root": lambda b, n, a: a[0], "elpow": lambda b, n, a: a[0],
    "sum": _shape_sum, "had": _shape_sum, "trans": _shape_trans, "inv": _shape_square, "pow": _shape_pow,
    "transpow": lambda b, n, a: a[0] if b.is_scalar(a[0]) else (a[0][1], a[0][0]),
    "prod": _shape_prod, "div": _shape_div, "kron": _shape_kron, "inner": _shape_inner, "block": _shape_block,
    "bars": _shape_bars,
    "counted": _shape_counted,
    "submatrix": lambda b, n, a: (n.data[1], n.data[3]), "call": _shape_call,
    "unvec": lambda b, n, a: n.data,
}  # fmt: skip


# Expressions of the nodes


def _make_sum(b: Builder, node: Node, args: list[Expr]) -> Expr:
    terms = [arg if sign > 0 else -arg for arg, sign in zip(args, node.data, strict=True)]
    for term, part in zip(terms[1:], node.args[1:], strict=True):
        if term.shape != terms[0].shape:
            span = (node.args[0].start, part.end)
            try:
                ops.add(terms[0], term)
            except ShapeError as error:
                raise error.at(b.source, span) from None
    return ops.add(*terms)


def _make_had(b: Builder, node: Node, args: list[Expr]) -> Expr:
    factors = [args[0]]
    for sign, arg, part in zip(node.data, args[1:], node.args[1:], strict=True):
        if arg.shape != args[0].shape:
            try:
                ops.hadamard(args[0], arg)
            except ShapeError as error:
                raise error.at(b.source, (node.args[0].start, part.end)) from None
        factors.append(arg if sign == "⊙" else ops.power(arg, -1))
    return ops.hadamard(*factors)


def _make_prod(b: Builder, node: Node, args: list[Expr]) -> Expr:
    shapes: list[SizeShape] = [arg.shape for arg in args]
    _, groups = _grouped(b, node, shapes)
    return _product(b, node, args, groups)


def _product(b: Builder, node: Node, args: list[Expr], groups: list[Any]) -> Expr:
    factors: list[Expr] = []
    spans: list[tuple[int, int]] = []
    signs = ["", *node.data]
    for item in groups:
        if isinstance(item, int):
            part = node.args[item]
            factor, span = args[item], part.span
            if signs[item] == "/":
                try:
                    factor = ops.divide(number(1) if factor.is_scalar else _dividend(factors), factor)
                except DeriveError as error:
                    raise error.at(b.source, (node.args[0].start, part.end)) from None
        elif item[0] in ("(", ""):
            factor = _product(b, node, args, item[1])
            inside = [j for j in item[1] if isinstance(j, int)] or [0]
            span = (node.args[inside[0]].start, node.args[inside[-1]].end)
            if item[0]:
                b.note(f"{b.cut(node)} is read with ({b.source[span[0] : span[1]].strip()}) as a scalar")
        else:
            sign, left, j = item
            first = _product(b, node, args, left)
            span = (node.args[0].start, node.args[j].end)
            shown = f"{first.text()} {sign} {args[j].text()}"
            if sign == "·":
                b.note(f"{shown} is read as the inner product")
            else:
                b.note(f"{shown} is read entry by entry, as in NumPy")
            factor = ops.inner(first, args[j]) if sign == "·" else ops.hadamard(first, args[j])
        factors.append(factor)
        spans.append(span)
    kept = [(f, s) for f, s in zip(factors, spans, strict=True) if not f.is_scalar]
    for (left, a), (right, c) in zip(kept, kept[1:]):
        if left.shape[1] is not right.shape[0]:
            try:
                ops.matmul(left, right)
            except ShapeError as error:
                raise error.at(b.source, (a[0], c[1])) from None
    return ops.matmul(*factors) if len(factors) > 1 else factors[0]


def _dividend(factors: list[Expr]) -> Expr:
    return ops.matmul(*factors) if len(factors) > 1 else factors[0]


def _make_div(b: Builder, node: Node, args: list[Expr]) -> Expr:
    above, below = args
    if node.data == "frac" and above.is_vector and below.shape == above.shape:
        b.note(f"{b.cut(node)} is read entry by entry, as {above.text()} ⊘ {below.text()}")
        return ops.hadamard(above, ops.power(below, -1))
    return ops.divide(above, below)


def _make_pow(b: Builder, node: Node, args: list[Expr]) -> Expr:
    base, exponent = args
    if is_exponential(node):
        if not exponent.is_scalar and not exponent.is_vector:
            e = exponent.text()
            raise ShapeError(
                f"e to the power of a matrix {described(exponent)} can mean two functions",
                hint=f"expm({e}) is the matrix exponential, exp({e}) that of every entry",
            )
        return ops.exp(exponent)
    if not exponent.is_scalar:
        raise ShapeError(f"the exponent {described(exponent)} is not a scalar")
    if b.kinds.is_numpy and node.data == "**" and not base.is_scalar and not base.is_square:
        b.note(f"{b.cut(node)} is read entry by entry, as in NumPy")
        return ops.power(base, exponent)
    if base.is_square and not base.is_scalar and exponent.op is number_op and exponent.data[0].denominator != 1:
        raise ShapeError(
            f"{described(base)} has no power {exponent.text()}: a matrix is raised to integers",
            hint=f"{base.text()}.^({exponent.text()}) is the power of every entry",
        )
    if base.is_square and not base.is_scalar and exponent.op is number_op and exponent.data[0].denominator == 1:
        return ops.matpow(base, int(exponent.data[0]))
    if not base.is_scalar and not base.is_vector and not base.is_square:
        raise ShapeError(
            f"{described(base)} is not square and has no powers",
            hint=f"{base.text()}.^{exponent.text()} is the power of every entry",
        )
    return ops.raise_to(base, exponent)


def _make_transpow(b: Builder, node: Node, args: list[Expr]) -> Expr:
    base, exponent = args
    if base.is_scalar:
        return ops.power(base, exponent)
    b.note(f"{b.cut(node)} is read as a transpose")
    return base.T


def _make_norm(b: Builder, node: Node, args: list[Expr]) -> Expr:
    (arg,) = args
    kind = node.data
    if kind == "1":
        if ONE not in arg.shape:
            b.note(f"{b.cut(node)} is read as the sum of the absolute entries")
        return ops.norm1(arg)
    if kind == "*":
        return ops.nuclear_norm(arg)
    if kind == "op":
        return ops.spectral_norm(arg)
    end = b.source[node.end - 1 : node.end]
    if kind == "2" and ONE not in arg.shape and end in ("2", "₂", "}"):
        b.note(f"{b.cut(node)} is read as the Frobenius norm; the spectral norm is ‖{arg.text()}‖_op")
    return ops.norm(arg)


def _make_bars(b: Builder, node: Node, args: list[Expr]) -> Expr:
    (arg,) = args
    if arg.is_scalar:
        return ops.absolute(arg)
    if not arg.is_square:
        a = arg.text()
        hint = f"‖{a}‖ is its norm, abs({a}) holds the absolute entries"
        raise ShapeError(f"|{a}| is a determinant or an absolute value, and {described(arg)} has neither", hint=hint)
    return ops.det(arg)


def _make_root(b: Builder, node: Node, args: list[Expr]) -> Expr:
    return ops.power(args[0], Fraction(1) / node.data)


def _diag(arg: Expr) -> Expr:
    if arg.is_scalar:
        return arg
    if arg.shape[1] is ONE:
        return ops.diagonal_matrix(arg)
    if arg.shape[0] is ONE:
        return ops.diagonal_matrix(arg.T)
    return ops.diagonal(arg)


def _make_call(b: Builder, node: Node, args: list[Expr]) -> Expr:
    name = node.data
    if name in ("sum", "mean", "norm", "max", "min", "matmul", "trace"):
        return _call_many(b, node, args)
    if name in _BINARY:
        return _BINARY[name](args[0], args[1])
    (arg,) = args
    if name == "log" and arg.op is ops.det:
        return ops.logdet(arg.args[0])
    if name == "log" and arg.op is ops.absolute and arg.args[0].op is ops.det:
        return ops.logdet(arg.args[0].args[0])
    if name == "exp" and not arg.is_scalar and not arg.is_vector and arg.is_square:
        b.note(f"{b.cut(node)} is the exponential of every entry; expm is the matrix exponential")
    return _UNARY[name](arg)


def _call_many(b: Builder, node: Node, args: list[Expr]) -> Expr:
    name = node.data
    if name in ("max", "min"):
        kept = [arg for arg in args if not is_zero(arg)]
        if name == "max" and len(args) == 2 and len(kept) == 1:
            return ops.relu(kept[0])
        raise ParseError(
            f"{name} is read only as max(0, x)", hint="the largest of several has no derivative everywhere"
        )
    if name == "matmul":
        return ops.matmul(*args)
    if name == "norm" and len(args) == 2:
        if is_number(args[1], 1):
            return ops.norm1(args[0])
        if is_number(args[1], 2):
            return ops.norm(args[0])
        raise ParseError("this norm is not read", hint="known: norm(x), norm1(x), ‖X‖_*, ‖X‖_op")
    if name == "mean":
        return ops.mean(args[0])
    return ops.sum_entries(args[0]) if name == "sum" else ops.norm(args[0])


def _adjugate(arg: Expr) -> Expr:
    return ops.scale(ops.det(arg), ops.inv(arg))


_BINARY: dict[str, Callable[[Expr, Expr], Expr]] = {
    "kron": lambda x, y: ops.kron(x, y),
    "hadamard": lambda x, y: ops.hadamard(x, y),
    "inner": lambda x, y: ops.inner(x, y),
    "dot": lambda x, y: ops.inner(x, y) if x.shape == y.shape and x.is_vector else ops.matmul(x, y),
    "outer": lambda x, y: ops.matmul(x, y.T),
    "block_inner": lambda x, y: ops.block_inner(x, y),
    "block_sum": lambda x, y: ops.block_sum(x, y),
}
_UNARY: dict[str, Callable[[Expr], Expr]] = {
    **ENTRYWISE,
    "tr": ops.trace, "det": ops.det, "logdet": ops.logdet, "inv": ops.inv, "adj": _adjugate, "expm": ops.expm,
    "tril": ops.tril, "triu": ops.triu, "diag": _diag, "Diag": _diag, "vec": ops.vec, "norm1": ops.norm1,
    "logsumexp": ops.logsumexp, "softmax": ops.softmax, "rowsum": ops.row_sums, "colsum": ops.column_sums,
    "transpose": lambda x: x.T, "polar": ops.polar, "dominant": ops.dominant, "sqrt": ops.sqrt,
    "square": lambda x: ops.power(x, 2), "nuclear_norm": ops.nuclear_norm, "spectral_norm": ops.spectral_norm,
}  # fmt: skip


def _make_inv(b: Builder, node: Node, args: list[Expr]) -> Expr:
    if args[0].is_vector:
        raise ShapeError(
            f"{described(args[0])} is a vector and has no inverse", hint=f"{args[0].text()}.^-1 inverts every entry"
        )
    return ops.inv(args[0])


def _make_inner(b: Builder, node: Node, args: list[Expr]) -> Expr:
    return ops.inner(*args)


_BUILD: dict[str, Callable[[Builder, Node, list[Expr]], Expr]] = {
    "num": lambda b, n, a: number(n.data),
    "const": lambda b, n, a: constant(n.data),
    "dim": lambda b, n, a: dimension(n.data),
    "sym": lambda b, n, a: _symbol(b, n.data),
    "expr": lambda b, n, a: n.data,
    "eye": lambda b, n, a: identity(b.dims(b.shapes[id(n)])[0]),
    "ones": lambda b, n, a: ones(*b.dims(b.shapes[id(n)])),
    "onesm": lambda b, n, a: ones(*b.dims(b.shapes[id(n)])),
    "zero": lambda b, n, a: zeros(*b.dims(b.shapes[id(n)])),
    "commutation": lambda b, n, a: commutation(*n.data),
    "ref": lambda b, n, a: a[0],
    "counted": lambda b, n, a: a[0],
    "neg": lambda b, n, a: -a[0],
    "sum": _make_sum, "had": _make_had, "prod": _make_prod, "div": _make_div, "pow": _make_pow,
    "elpow": lambda b, n, a: ops.power(a[0], a[1]),
    "trans": lambda b, n, a: a[0].T,
    "transpow": _make_transpow, "inv": _make_inv, "root": _make_root,
    "kron": lambda b, n, a: ops.kron(a[0], a[1]),
    "inner": _make_inner, "norm": _make_norm, "bars": _make_bars, "call": _make_call,
    "block": lambda b, n, a: ops.block_op.build(tuple(a), n.data),
    "submatrix": lambda b, n, a: ops.submatrix.build((a[0],), n.data),
    "unvec": lambda b, n, a: ops.unvec.build((a[0],), n.data),
}  # fmt: skip


def _symbol(b: Builder, name: str) -> Expr:
    entry = b.symbols[name]
    if entry.expr is None:
        entry.expr = symbol(name, *b.dims(entry.shape or SCALAR_SIZE), properties=entry.properties)
    return entry.expr
