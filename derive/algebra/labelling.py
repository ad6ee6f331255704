"""Labels for the symbols and dimensions of a problem that tell neither names nor the order of its sums.

Symbols are told apart by where they stand, by color refinement (Weisfeiler and Leman,
1968): a symbol's color is its shape and properties, then these and the colors of all that
stands around it.  Numbered in the order of a reading in which terms stand by color, equal
problems get equal labels.  Symbols that refinement cannot tell apart (A and B in A + B)
are numbered as they are written.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from ..expr import Data, Expr, fold, nodes, symbol_op
from ..operations import add
from ..shapes import Dim

ROUNDS = 2
_MASK = (1 << 61) - 1


class Labelling:
    """Numbered symbols and dimensions in place of named ones, chosen by the formulas in turn.

    Examples
    --------
    >>> from derive import symbols
    >>> W, x, y = symbols("W: m×n, x: n, y: m")
    >>> one, other = Labelling([W @ x - y]), Labelling([-y + W @ x])
    >>> one.ordered(W @ x - y) is other.ordered(-y + W @ x)
    True
    >>> print(one.named(one.labelled(W @ x - y)))
    W x − y
    """

    def __init__(self, formulas: Iterable[Expr]) -> None:
        self._numbers: dict[str, Dim] = {}  # by the name of a dimension
        self._names: dict[str, Dim] = {}  # by its number
        self._labelled: dict[Expr, Expr] = {}
        self._named: dict[Expr, Expr] = {}
        self._ordered: dict[Expr, Expr] = {}
        self._colors: dict[Expr, int] = {}
        for formula in formulas:
            self._label(formula)

    def labelled(self, formula: Expr) -> Expr:
        """The formula over numbered symbols."""
        return fold(formula, self._numbered, self._labelled)

    def ordered(self, formula: Expr) -> Expr:
        """The formula over numbered symbols, the terms of each sum in an order of their own."""
        fold(formula, _color, self._colors)
        return fold(formula, self._in_order, self._ordered)

    def named(self, formula: Expr) -> Expr:
        """The formula over the symbols that the numbers stand for."""
        return fold(formula, lambda node, operands: _made(node, operands, self._names), self._named)

    def _numbered(self, node: Expr, operands: list[Expr]) -> Expr:
        for item in node.data:
            for name in sorted(item.names - self._numbers.keys()) if isinstance(item, Dim) else ():
                self._numbers[name] = Dim.of(f"d{len(self._numbers)}")
                self._names[f"d{len(self._names)}"] = Dim.of(name)
        return _made(node, operands, self._numbers)

    def _in_order(self, node: Expr, operands: list[Expr]) -> Expr:
        if node.op is add:
            by_color = sorted(zip(node.args, operands), key=lambda pair: self._colors[pair[0]])
            operands = [operand for _, operand in by_color]
        return self._numbered(node, operands)

    def _label(self, formula: Expr) -> None:
        below = nodes(formula)
        if all(node in self._labelled for node in below if node.op is symbol_op):
            return
        colors = self._refined(below)
        seen: set[Expr] = set()
        stack = [formula]
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            seen.add(node)
            if node.op is symbol_op and node not in self._labelled:
                dimensions = self._numbered(node, []).data[2:]
                label = symbol_op.make((), (len(self._colors), node.properties, *dimensions))
                self._colors[node] = len(self._colors)
                self._labelled[node] = self._ordered[node] = label
                self._named[label] = node
            stack += reversed(sorted(node.args, key=colors.__getitem__) if node.op is add else node.args)

    def _refined(self, below: list[Expr]) -> dict[Expr, int]:
        """A color for each node, by what stands below and around its symbols."""
        symbols = {node: self._colors.get(node, _declared(node)) for node in below if node.op is symbol_op}
        for _ in range(ROUNDS):
            colors = dict(symbols)
            fold(below[-1], _color, colors)
            around = dict.fromkeys(below, 0)
            for node in reversed(below):
                above = _mixed(around[node], colors[node])
                for i, arg in enumerate(node.args):
                    around[arg] += _mixed(above, 0 if node.op is add else i)
            symbols = {node: _mixed(color, around[node]) for node, color in symbols.items()}
        fold(below[-1], _color, symbols)
        return symbols


def _made(node: Expr, operands: list[Expr], dimensions: dict[str, Dim]) -> Expr:
    """The node over other operands and dimensions."""
    data = node.data
    if any(isinstance(item, Dim) and item.terms for item in data):
        data = tuple(item.substitute(dimensions) if isinstance(item, Dim) else item for item in data)
    return node.op.make(tuple(operands), data)


def _declared(node: Expr) -> int:
    """What a symbol's declaration says of it, besides its name and those of its dimensions."""
    rows, columns = node.shape
    said = [rows.value, columns.value, rows is columns, *sorted(node.properties)]
    return zlib.crc32(repr(said).encode())


def _color(node: Expr, below: list[int]) -> int:
    return _mixed(_checksum(node.op.name, node.data), *(sorted(below) if node.op is add else below))


def _mixed(*values: int) -> int:
    total = len(values)
    for value in values:
        total = ((total ^ value) * 0x9E3779B97F4A7C15 + (total >> 29)) & _MASK
    return total


_checksums: dict[tuple[str, Data], int] = {}


def _checksum(name: str, data: Data) -> int:
    """A number for an operation and its data, the same in every run and over other names of dimensions."""
    found = _checksums.get((name, data))
    if found is None:
        if len(_checksums) > 10_000:
            _checksums.clear()
        said = [item.value if isinstance(item, Dim) else str(item) for item in data]
        found = _checksums[(name, data)] = zlib.crc32(f"{name} {said}".encode())
    return found
