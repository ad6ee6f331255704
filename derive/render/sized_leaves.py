"""Leaves whose size the formula around them does not tell: the I in tr(I), the 𝟏 in x 𝟏ᵀ.

They are written with it, so that reading the formula back finds their size.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..expr import Expr, nodes, symbol_op
from ..shapes import ONE

LEAVES = ("ones", "zeros", "identity")


def loose_leaves(root: Expr) -> frozenset[Expr]:
    """The ones, zeros and identities that need their size: no symbol fixes their size where they stand."""
    order = nodes(root)
    leaves = [node for node in order if node.op.name in LEAVES]
    if not leaves:
        return frozenset()
    known: dict[Expr, tuple[bool, bool]] = {}  # of rows and columns, by what stands below
    for node in order:
        if node.op is symbol_op or node.op.name in ("commutation", "number", "constant", "dimension"):
            known[node] = (True, True)
        elif not node.args:
            known[node] = (node.shape[0] is ONE, node.shape[1] is ONE)
        else:
            result, operands = _letters(node)
            settled = _settled(operands, [known[arg] for arg in node.args])
            known[node] = (
                node.shape[0] is ONE or _all_in(result[0], settled),
                node.shape[1] is ONE or _all_in(result[1], settled),
            )
    needed = dict.fromkeys(order, (True, True))  # settled by everything around it, in all places
    needed[root] = known[root]
    loose: set[Expr] = set()
    for node in reversed(order):
        if node.op.name in LEAVES:
            if node is root and node.op.name == "zeros":
                continue
            rows, columns = needed[node]
            if not (rows or columns if node.op.name == "identity" else rows and columns):
                loose.add(node)
            continue
        if not node.args:
            continue
        result, operands = _letters(node)
        settled = _settled([*operands, result], [*(known[arg] for arg in node.args), needed[node]])
        for arg, letters in zip(node.args, operands):
            rows, columns = needed[arg]
            if node.op.name == "matmul" and arg.op.name == "ones" and ONE not in arg.shape:
                rows = False  # in a product 𝟏 is taken for a vector
            needed[arg] = (
                rows and (arg.shape[0] is ONE or _all_in(letters[0], settled)),
                columns and (arg.shape[1] is ONE or _all_in(letters[1], settled)),
            )
    return frozenset(loose)


Letters = tuple[tuple[str, ...], tuple[str, ...]]


def _letters(node: Expr) -> tuple[Letters, list[Letters]]:
    """The shape letters of the result and of the operands."""
    name, count = node.op.name, len(node.args)
    if node.op.patterns and node.op.shape_rule is None:
        return node.op.result, list(node.op.patterns)
    if name in ("add", "hadamard"):
        return (("m",), ("n",)), [(("m",), ("n",))] * count
    if name == "matmul":
        return (("0",), (str(count),)), [((str(i),), (str(i + 1),)) for i in range(count)]
    if name == "block":
        columns = node.data[1]
        grid: list[Letters] = [((f"r{i // columns}",), (f"c{i % columns}",)) for i in range(count)]
        return (("rows",), ("columns",)), grid
    return (("rows",), ("columns",)), [((f"r{i}",), (f"c{i}",)) for i in range(count)]


def _settled(patterns: Sequence[Letters], known: Sequence[tuple[bool, bool]]) -> set[str]:
    return {
        axis[0]
        for pattern, axes in zip(patterns, known)
        for axis, is_known in zip(pattern, axes)
        if is_known and len(axis) == 1
    }


def _all_in(letters: tuple[str, ...], settled: set[str]) -> bool:
    return all(letter in settled for letter in letters)
