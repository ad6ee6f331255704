"""The algebra of indexed values over the syntax tree: what Σ_i is made of in matrix form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any

from .. import indexed
from ..errors import ParseError
from ..indexed import Axis, IndexAlgebra, IndexedTerm
from .signatures import C, M, R, S
from .stacks import Node

IndexedSum = indexed.IndexedSum[Node]


class SignChain(tuple[str, ...]):
    """The signs of a product without scalars, which is transposed factor by factor."""


class Algebra(IndexAlgebra[Node]):
    """Indexed values as parts of a formula.

    Parameters
    ----------
    refuse : callable
        The error for what has no matrix form, from its reason.
    start, end : int
        The place that new nodes have.
    """

    def __init__(self, refuse: Callable[[str], ParseError], start: int, end: int) -> None:
        self.refuse = refuse
        self.start = start
        self.end = end

    # Nodes

    def new(self, op: str, args: Iterable[Node] = (), data: Any = None) -> Node:
        return Node(op, list(args), data, self.start, self.end)

    def number(self, value: int | Fraction) -> Node:
        return self.new("num", data=Fraction(value))

    def times(self, nodes: Sequence[Node]) -> Node:
        return nodes[0] if len(nodes) == 1 else self.new("prod", nodes, (" ",) * (len(nodes) - 1))

    def turned(self, node: Node) -> Node:
        if node.op == "trans":
            return node.args[0]
        if node.op == "call" and node.data == "diag":
            return node
        if isinstance(node.data, SignChain):
            return self.chain([self.turned(n) for n in reversed(node.args)])
        return self.new("trans", [node])

    def chain(self, nodes: Sequence[Node]) -> Node:
        return self.new("prod", nodes, SignChain((" ",) * (len(nodes) - 1)))

    def diagonal(self, node: Node) -> Node:
        return self.new("call", [node], "diag")

    def square(self, node: Node) -> Node:
        return self.new("elpow", [node, self.number(2)])

    def ones(self, *axes: Axis) -> Node:
        made = self.new("ones" if len(axes) == 1 else "onesm", data=None if len(axes) == 1 else (None, None))
        return self.held(made, axes)

    def count(self, axis: Axis) -> Node:
        return self.new("count", data=axis)

    def outer(self, left: Node, right: Node) -> Node:
        return self.times([left, self.new("trans", [right])])

    def held(self, node: Node, axes: Sequence[Axis | None]) -> Node:
        """The vector or matrix whose sides have the sizes of these axes."""
        return self.new("axes", [node], (C if len(axes) == 1 else M, tuple(axes)))

    def entrywise(self, nodes: Sequence[Node]) -> Node:
        """The product entry by entry; a factor that stands there twice is squared."""
        counts: dict[int, int] = {}
        kept: dict[int, Node] = {}
        for node in nodes:
            kept[id(node)] = node
            counts[id(node)] = counts.get(id(node), 0) + 1
        made = [
            n if counts[i] == 1 else self.new("elpow", [n, self.number(counts[i])]) for i, n in kept.items()
        ]  # fmt: skip
        return made[0] if len(made) == 1 else self.new("had", made, ("⊙",) * (len(made) - 1))

    def constant(self, node: Node, kind: int) -> IndexedSum:
        """A part that depends on no index."""
        if kind == S:
            return IndexedSum([IndexedTerm()]) if _is_one(node) else self.scalar(node)
        row = Axis("rows") if kind in (C, M) else None
        column = Axis("columns") if kind in (R, M) else None
        if kind == R:
            node = self.turned(node)
        return self.single_factor(node, [a for a in (row, column) if a is not None], row, column)

    def called(self, value: IndexedSum, name: str, *parameters: Node) -> IndexedSum:
        return self.applied(value, lambda node: self.new("call", [node, *parameters], name))

    def reciprocal(self, value: IndexedSum) -> IndexedSum:
        if len(value.axes) == 0:
            return self.scalar(self.new("div", [self.number(1), self.form(value, [])]))
        return self.applied(value, lambda n: self.new("elpow", [n, self.number(-1)]))

    def total(self, nodes: list[Node]) -> Node:
        if len(nodes) == 1 and nodes[0].op == "trans":
            nodes = nodes[0].args
        first = nodes[0]
        same = [n for n in nodes if n is first]
        rest = [n for n in nodes if n is not first]
        if not rest and len(same) == 2:
            return self.norm_squared(first)
        if not rest and len(same) == 1:
            if first.op == "elpow" and first.args[1].op == "num" and first.args[1].data == 2:
                return self.norm_squared(first.args[0])
            if first.op == "had":
                return self.new("inner", [first.args[0], self.entrywise(first.args[1:])])
            return self.new("call", [first], "sum")
        if not rest:
            return self.new("call", [self.entrywise(nodes)], "sum")
        return self.new("inner", [self.entrywise(same), self.entrywise(rest)])

    def norm_squared(self, node: Node) -> Node:
        return self.new("pow", [self.new("norm", [node], "F"), self.number(2)], "^")

    def added(self, terms: Sequence[tuple[int, Node]]) -> Node:
        signs, nodes = [sign for sign, _ in terms], [node for _, node in terms]
        if signs[0] < 0 and 1 in signs:  # y − X w rather than −X w + y
            at = signs.index(1)
            nodes.insert(0, nodes.pop(at))
            signs.insert(0, signs.pop(at))
        if signs[0] < 0:
            nodes[0] = self.new("neg", [nodes[0]])
        return nodes[0] if len(nodes) == 1 else self.new("sum", nodes, (1, *signs[1:]))

    def is_indicator(self, node: Node) -> bool:
        return node.op == "ref" and node.data == "indicator"


def _is_one(node: Node) -> bool:
    return node.op == "num" and bool(node.data == 1)
