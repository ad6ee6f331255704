"""Shapes of the claims of a document, by the reader's rules, given the kinds of their letters.

A tree becomes nodes as the reader of formulas has them, and `reading.shaping` gives those their shapes.  What documents
have besides is told here: derivatives, of whose shape nothing is known before the layout is, letters that a line
defines, ones of any shape, and lines that do not fit, of which no equation is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from types import MappingProxyType
from typing import Any

from ..errors import ShapeError
from ..names import parts
from ..properties import SQUARE
from ..reading.habits import habit
from ..reading.kinds import Kinds
from ..reading.shaping import SHAPES, Shaper, Symbol
from ..reading.signatures import C, M, R, S
from ..reading.sizes import SCALAR_SIZE, Size, Sizes, SizeShape
from ..reading.stacks import Node, nodes_below
from ..shapes import ONE, Dim
from .trees import Tree, of_numbers


class Declaration:
    """What the document or the caller says of a name: shape and properties."""

    __slots__ = ("kind", "shape", "properties")

    def __init__(
        self, kind: str | None = None, shape: tuple[Dim, Dim] | None = None, properties: Iterable[str] = ()
    ) -> None:
        self.kind = kind
        self.shape = shape
        self.properties = frozenset(properties)


def costs_of(name: str, hint: str | None = None, uses: Set[str] = frozenset()) -> list[float]:
    """What each kind of a name would cost: as in formulas, but that words are numbers, and Δx and dx are as x is."""
    base, styles, _ = parts(name)
    letter = "W" if hint == "matrix" else base.removeprefix("Δ").removeprefix("d") or base
    if len(letter) > 1 and letter[0].islower():
        return [0.0, 1.0, 99.0, 5.0]
    style = "bold" if hint == "vector" or {"bold", "vec"} & {*styles} else ""
    costs = habit(letter, style, uses)
    if letter[0].isupper():
        costs[2] = 1.5  # of one row, where W x is a number
    elif "powered" in uses:
        costs[1] += 3.0
    return costs


def usual_kind(name: str) -> int:
    """The kind that a letter has by habit."""
    costs = costs_of(name)
    return 1 << costs.index(min(costs))


NONE_BOUND: Mapping[str, Node] = MappingProxyType({})


class Sprouter:
    """Makes nodes of trees, for kinds and shapes alone.

    `names` are those that have a shape, `functions` and `defined` what lines define.  Besides the nodes of formulas
    there are `open`, of which nothing is known, `biased`, a sum in which a letter may stand for each row or column,
    `length`, |w| of a vector as of a matrix, `diagonal`, and `apply`.
    """

    def __init__(self, names: Iterable[str], functions: Mapping[str, Tree], defined: Set[str]) -> None:
        self.names = frozenset(names)
        self.functions = functions
        self.defined = defined

    def node(self, tree: Tree, bound: Mapping[str, Node] = NONE_BOUND) -> Node:
        kind = tree.kind
        if kind == "name":
            full, plain, low = tree.data
            if full in bound:
                return bound[full]
            return _made("num" if full not in self.names and plain in self.names and low else "sym", [], full)
        if kind == "at":
            values = {name: self.node(value, bound) for name, value in tree.data}
            return self.node(tree.args[0], {**bound, **values})
        if kind == "sum":
            return self.sum(tree, bound)
        args = [self.node(arg, bound) for arg in tree.args]
        data = tree.data[0] if tree.data else None
        if kind in ("ones", "identity") and str(data).isalnum() and data:
            return _made("ones" if kind == "ones" else "eye", [], str(data))
        if kind == "prod":
            return _made("prod", args, tuple(mark or " " for mark in tree.data))
        if kind == "apply":
            body = self.functions.get(str(data))
            return _made("apply", args, (data, None if body is None else of_numbers(body), body is not None))
        if kind == "power" and args[0].op == "sym" and args[0].data in self.defined:
            return _made("elpow", args, "power")  # of a vector that a line defines each entry is raised
        if kind == "call" and data == "diag":
            return _made("diagonal", args, data)
        said = {"trace": "tr"}.get(str(data), data) if kind == "call" else "frac" if kind == "quotient" else data
        return _made(_OPS.get(kind, "open"), args, said)

    def sum(self, tree: Tree, bound: Mapping[str, Node]) -> Node:
        signs, args = [], []
        for term in tree.args:
            signs.append(-1 if term.kind == "neg" else 1)
            inner = term.args[0] if term.kind == "neg" else term
            args.append(_made("open") if inner.kind == "number" else self.node(inner, bound))  # 1 − s of a vector s
        if all(arg.op == "open" and not arg.args for arg in args):
            return _made("num")
        return _made("biased" if any(arg.op == "prod" for arg in args) else "sum", args, tuple(signs))


def _made(op: str, args: Sequence[Node] = (), data: object = None) -> Node:
    return Node(op, list(args), data, 0, 0)


_OPS = {
    "number": "num", "held": "expr", "identity": "eye", "neg": "neg", "total": "ref", "formula": "ref",
    "differential": "ref", "hadamard": "had", "over": "had", "quotient": "div", "power": "pow", "entrypower": "elpow",
    "transpose": "trans", "inverse": "inv", "call": "call", "norm": "norm", "bars": "length", "inner": "inner",
    "colon": "inner", "kron": "kron", "entry": "at",
}  # fmt: skip


class ShapeMismatch(Exception):
    """Two shapes that differ."""


class OpenSizes(Sizes):
    """Sizes that are refused where they differ; `open` ones may be 1, and `frozen` ones are made equal to no other."""

    def __init__(self) -> None:
        super().__init__()
        self.open: set[int] = set()
        self.frozen = 0

    def any(self) -> int:
        made = self.fresh()
        self.open.add(made)
        return made

    def unify(self, a: Size, b: Size) -> bool:
        a, b = self.find(a), self.find(b)
        if a is b or (a == b and isinstance(a, int) == isinstance(b, int)):
            return True
        variables = [size for size in (a, b) if isinstance(size, int)]
        if len(variables) == 2:
            first, last = sorted(variables)
            if last < self.frozen or first < self.frozen and first in self.open and last not in self.open:
                raise ShapeMismatch
            if last not in self.open:
                self.open.discard(first)
        elif variables and variables[0] < self.frozen:
            raise ShapeMismatch
        elif variables and variables[0] in self.open and (a is ONE or b is ONE):
            self.bound[variables[0]] = ONE
            return True
        if not super().unify(a, b):
            raise ShapeMismatch
        return True

    def freeze(self) -> None:
        self.frozen = len(self.parent)


class Unifier(Shaper):
    """The shapes of nodes; what an attempt that fails has made equal is taken back."""

    sizes: OpenSizes

    def __init__(self, kinds: Mapping[str, int], declared: Mapping[str, Declaration]) -> None:
        super().__init__("", [], {}, Kinds(), OpenSizes(), [], False)
        self.usual = kinds
        self.declared = declared
        self.named: dict[str, Size] = {}  # dimensions named as subscripts of 𝟏 and I

    def size(self, name: str) -> Size:
        """The dimension that a subscript names."""
        if name.isdigit():
            return Dim.of(int(name))
        if name not in self.named:
            known = {n for d in self.declared.values() if d.shape for dim in d.shape for n in dim.names}
            self.named[name] = Dim.of(name) if name in known else self.sizes.fresh()
        return self.named[name]

    def of_name(self, name: str) -> SizeShape:
        entry = self.symbols.get(name)
        if entry is None:
            entry = self.symbols[name] = Symbol(name, "", (0, 0))
            said = self.declared.get(name)
            kind = self.usual.get(name, 0)
            if said is not None and said.shape is not None:
                entry.shape = said.shape
            elif kind not in (S, C, R, M):
                entry.shape = (self.sizes.any(), self.sizes.any())
            else:
                entry.shape = self.of_kind(kind)
                if kind == M and said is not None and said.properties & SQUARE:
                    entry.shape = (entry.shape[0], entry.shape[0])
        assert entry.shape is not None
        return entry.shape

    def know(self, roots: Iterable[Node]) -> None:
        """Give all letters and named sizes below a shape, which stays where an attempt fails."""
        for node in nodes_below(roots):
            if node.op == "sym":
                self.of_name(node.data)
            elif node.op == "apply" and (node.data[2] or node.data[0] in self.usual):
                self.of_name(node.data[0])
            elif node.op in ("eye", "ones") and node.data is not None:
                self.size(node.data)

    def shape(self, root: Node) -> SizeShape:
        for node in nodes_below([root]):
            rule = _RULES.get(node.op)
            args = [self.shapes[id(arg)] for arg in node.args]
            self.shapes[id(node)] = rule(self, node, args) if rule is not None else SCALAR_SIZE
        return self.shapes[id(root)]

    def attempt(self, root: Node, equal: SizeShape | None = None) -> bool:
        """Take in the equations of a tree; False, and nothing changed, if they contradict."""
        sizes = self.sizes
        held = list(sizes.parent), list(sizes.bound), set(sizes.open), list(sizes.equations)
        try:
            shape = self.shape(root)
            if equal is not None:
                self.same([shape, equal])
            return True
        except (ShapeMismatch, ShapeError):
            sizes.parent, sizes.bound, sizes.open, sizes.equations = held
            return False

    def is_matrix(self, shape: SizeShape) -> bool:
        found = [self.sizes.find(size) for size in shape]
        return all(d is not ONE and not (isinstance(d, int) and d in self.sizes.open) for d in found)


def _shape_open(b: Unifier, node: Node, args: list[SizeShape]) -> SizeShape:
    return b.sizes.any(), b.sizes.any()


def _shape_sized(b: Unifier, node: Node, args: list[SizeShape]) -> SizeShape:
    size = b.size(node.data) if node.data is not None else b.sizes.any()
    return size, ONE if node.op == "ones" else size


def _shape_sum(b: Unifier, node: Node, args: list[SizeShape]) -> SizeShape:
    """Of Z = X W + b and of Z = W X + b: a vector that is added to each row or column of a product of matrices."""
    spread = [
        sign > 0 and part.op == "sym" and part.data[0].islower() and b.is_column(shape)
        for part, sign, shape in zip(node.args, node.data, args, strict=True)
    ]
    products = [
        part.op == "prod" and len(part.args) > 1 and all(b.is_matrix(b.shapes[id(a)]) for a in part.args)
        for part in node.args
    ]
    if not any(spread) or not any(products) or any(map(b.is_scalar, args)):
        return b.same(args)
    return SHAPES["spread"](b, node, args)


def _shape_quotient(b: Unifier, node: Node, args: list[SizeShape]) -> SizeShape:
    wide = [shape for shape in args if not b.is_scalar(shape)]
    return b.same(wide) if wide else SCALAR_SIZE


def _shape_power(b: Unifier, node: Node, args: list[SizeShape]) -> SizeShape:
    base, exponent = args
    b.same([exponent, SCALAR_SIZE])
    if (node.op == "pow" or node.data == "power" and not b.is_column(base)) and not b.is_scalar(base):
        b.sizes.unify(*base)
    return base


def _shape_diagonal(b: Unifier, node: Node, args: list[SizeShape]) -> SizeShape:
    if b.is_scalar(args[0]):  # of entries
        side = b.sizes.fresh()
        return side, side
    return SHAPES["call"](b, node, args)


def _shape_applied(b: Unifier, node: Node, args: list[SizeShape]) -> SizeShape:
    name, letter, is_function = node.data
    if is_function:
        return args[0] if letter is not None and b.usual.get(letter) == S else b.of_name(name)  # of each entry
    if name not in b.usual:
        return _shape_open(b, node, args)
    own = b.of_name(name)  # s and s(Xw): a function applied entry by entry
    return own if b.is_scalar(own) else b.same([own, args[0]])


_RULES: dict[str, Callable[[Any, Node, list[SizeShape]], SizeShape]] = SHAPES | {
    "open": _shape_open, "eye": _shape_sized, "ones": _shape_sized, "biased": _shape_sum,
    "div": _shape_quotient, "pow": _shape_power, "elpow": _shape_power, "apply": _shape_applied,
    "length": SHAPES["bars"],
    "diagonal": _shape_diagonal,
}  # fmt: skip
