"""Differences of all rows of two arrays, as X[:, None] - Y[None], of which the squares are summed up at once."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any, NamedTuple

from .. import operations as ops
from ..errors import ParseError
from .arrays import Array, Plan
from .indexing import indexed

_WAY_OUT = "of three axes np.sum((X[:, None] - Y[None])**2, axis=-1) is read, and np.linalg.norm(…, axis=-1)"


class Pairs(NamedTuple):
    """Rows of one array along the first axis, of another along the second, and their difference, its square or length.

    The length is of an array less itself: it has no derivative on the diagonal, and its square has.
    """

    left: Array | None
    right: Array | None
    kind: str = "difference"


def spread(a: Any, keys: Sequence[Any]) -> Pairs | None:
    """X[:, None] and Y[None] of matrices; None for any other index."""
    if not isinstance(a, Array) or a.rank != 2 or [k for k in keys if k != slice(None)] != [None] or len(keys) > 3:
        return None
    at = list(keys).index(None)
    return Pairs(a, None) if at == 1 else Pairs(None, a) if at == 0 else None


def combined(p: Plan, node: ast.operator, one: Any, other: Any) -> Pairs | Array:
    """The difference of rows spread along two axes, up to its sign, or its square."""
    spreads = [Pairs(None, x) if isinstance(x, Array) and x.rank == 2 else x for x in (one, other)]  # X[:, None] - Y
    if isinstance(node, ast.Sub) and all(isinstance(x, Pairs) and x.kind == "difference" for x in spreads):
        sides = [(x.left, x.right) for x in spreads]
        for (left, above), (below, right) in (sides, sides[::-1]):  # the sign goes with the square
            if left is not None and right is not None and above is below is None:
                return Pairs(left, right)
    if isinstance(node, ast.Pow) and isinstance(one, Pairs) and isinstance(other, Array) and other.number == 2:
        if one.kind == "length":
            return squares(p, one.left, one.right)
        if one.left is not None and one.right is not None and one.kind == "difference":
            return Pairs(one.left, one.right, "square")
    raise refusal(p, one, other)


def reduced(p: Plan, name: str, args: list[Any], keywords: dict[str, Any]) -> Any:
    """The sum of the squares, their root, or the squares."""
    (pairs, *rest), named = args, dict(keywords)
    axis = named.pop("axis", named.pop("dim", rest[0] if name == "sum" and len(rest) == 1 else None))
    at = axis.number if isinstance(axis, Array) else axis
    if isinstance(pairs, Pairs) and not named:
        if name in ("square", "pow", "power") and axis is None and rest[1:] == []:
            return combined(p, ast.Pow(), pairs, rest[0] if rest else p.constant(2))
        if name == "sum" and pairs.kind == "square" and at in (None, -1, 2):
            made = squares(p, pairs.left, pairs.right)
            return p.sum(made) if at is None else made
        is_norm = name == "norm" and not rest and pairs.kind == "difference"
        if is_norm and pairs.left and pairs.right and at in (-1, 2):
            return distances(p, pairs.left, pairs.right)
    raise refusal(p, pairs)


def squares(p: Plan, left: Any, right: Any) -> Array:
    """The squared distances of all rows of two matrices."""
    if left.rank != 2 or right.rank != 2 or not p.unify(left.axes[1], right.axes[1]):
        raise p.misfit(f"the rows of {p.described(left)} and {p.described(right)} do not fit", left, right)
    two = p.constant(2)
    rows = p.sum(p.power(left, two), 1, True)
    columns = indexed(p, p.sum(p.power(right, two), 1), [None, slice(None)])
    return p.add(p.add(rows, columns), p.times(two, p.matmul(left, p.transposed(right))), -1)


def refusal(p: Plan, *held: Any) -> ParseError:
    """Of what no rule reads: distances of an array to itself, or arrays of three axes."""
    of_itself = next((x.left for x in held if isinstance(x, Pairs) and x.kind == "length"), None)
    if of_itself is None:
        return p.refuse("arrays of three axes are not read", _WAY_OUT)
    return p.refuse(
        f"the distances of {p.written(of_itself)} to itself are 0 on the diagonal, where a root has no derivative",
        "take their squares",
    )


def distances(p: Plan, left: Array, right: Array) -> Array | Pairs:
    if left is right:
        return Pairs(left, right, "length")
    return p.function(ops.sqrt, squares(p, left, right))
