"""Expressions as trees, so that what was built can be mended like what was written."""

from __future__ import annotations

from collections.abc import Callable

from .. import operations as ops
from ..expr import Expr, Operation, fold, nodes, number_op, symbol_count, symbol_op
from .trees import Tree, letter

MAX_TREE = 400  # symbols of a tree; larger expressions are taken whole
_CALLS = {name: name for name in ops.FUNCTIONS} | {
    "trace": "tr", "det": "det", "logdet": "logdet", "sum": "sum", "diag": "diag", "Diag": "diag",
    "softmax": "softmax", "logsumexp": "logsumexp",
}  # fmt: skip
_ROWS: dict[Operation, Callable[[Expr, list[Tree]], Tree]] = {
    symbol_op: lambda node, args: letter(node.name),
    number_op: lambda node, args: Tree("number", (), (node.data[0],)),
    ops.add: lambda node, args: Tree("sum", args),
    ops.mul: lambda node, args: _product(args),
    ops.scale: lambda node, args: Tree("neg", args[1:]) if _is_minus(node) else _product(args),
    ops.matmul: lambda node, args: _product(args),
    ops.hadamard: lambda node, args: Tree("hadamard", args),
    ops.transpose: lambda node, args: Tree("transpose", args),
    ops.inv: lambda node, args: Tree("inverse", args),
    ops.power: lambda node, args: Tree("power" if node.args[0].is_scalar else "entrypower", args),
    ops.norm: lambda node, args: Tree("norm", args, ("2",)),
    ops.inner: lambda node, args: Tree("inner", args),
}


def tree_of(expr: Expr) -> Tree:
    """The tree of an expression; what trees have no kind for is held as it is."""
    if symbol_count(expr) > MAX_TREE or len(nodes(expr)) > MAX_TREE:
        return Tree("held", (), (expr,))
    return fold(expr, _tree)


def _tree(node: Expr, args: list[Tree]) -> Tree:
    row = _ROWS.get(node.op)
    if row is not None:
        return row(node, args)
    if node.op.name in _CALLS:
        return Tree("call", args, (_CALLS[node.op.name],))
    return Tree("held", (), (node,))


def _product(args: list[Tree]) -> Tree:
    return Tree("prod", args, ("",) * (len(args) - 1))


def _is_minus(node: Expr) -> bool:
    factor = node.args[0]
    return factor.op is number_op and factor.data[0] == -1


__all__ = ["tree_of"]
