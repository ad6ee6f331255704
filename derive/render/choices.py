"""How what is chosen entry by entry is written: max(a, b), min(a, b), where(a > b, c, d), max(x)."""

from __future__ import annotations

from ..expr import Expr, symbol_count
from . import ATOM, Notation, Piece, Row, call


def _where(notation: Notation, node: Expr, args: list[Piece]) -> Piece:
    """max(a, b), min(a, b), or where(a > b, c, d)."""
    test, *branches = node.args
    left, right = test, None
    if test.op.name == "add" and len(test.args) == 2:
        left, other = test.args
        negated = -other
        if symbol_count(negated) <= symbol_count(other) and not _is_negative(negated):
            right = negated
    if right is not None and branches in ([left, right], [right, left]):
        shown = [notation.signed(notation.written(part)) for part in (left, right)]
        name = "max" if branches[0] is left else "min"
        return Piece(notation.call(name, shown, any(p.is_tall for p in args)), ATOM)
    sides = [args[0]] if right is None else [notation.written(left), notation.written(right)]
    below = notation.signed(sides[1]) if right is not None else "0"
    condition = notation.infix(notation.signed(sides[0]), ">", below)
    return Piece(notation.call("where", [condition, *map(notation.signed, args[1:])], any(p.is_tall for p in args)))


def _is_negative(expr: Expr) -> bool:
    front = expr.args[0] if expr.op.name in ("scale", "mul") else expr
    front = front.args[0] if front.op.name == "mul" else front
    return front.op.name == "number" and front.data[0] < 0


def _largest(notation: Notation, node: Expr, args: list[Piece]) -> Piece:
    if node.is_scalar and node.args[0].op.name == "transpose":
        (inside,) = args[0].parts or (notation.written(node.args[0].args[0]),)
        return Piece(notation.call("max", [notation.signed(inside)], inside.is_tall), ATOM)
    return call("max_row")(notation, node, args)


ROWS: dict[str, Row] = {"where": _where, "max_row": _largest}
