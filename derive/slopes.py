"""Numeric derivatives in plain Python numbers, at points of a field of floats.

Central differences, extrapolated to step 0 [R]; no array library is loaded.  Where the
extrapolation does not settle, near a kink or a pole, there is no answer.

[R]  Ridders, Accurate computation of F'(x) and F'(x) F''(x), Adv. Eng. Softw. 4, 1982.
"""

from __future__ import annotations

from collections.abc import Callable

from .expr import Expr, depends_on, nodes
from .fields import FieldPoint, Matrix

STEP, LEVELS = 0.04, 5
SETTLED = 1e-7  # of the last two extrapolations, relative


def slopes(expr: Expr, symbol: Expr, point: FieldPoint) -> list[list[Matrix]] | None:
    """∂ expr / ∂ symbol_ij for each entry of the symbol, in the shape of `expr`; None where one is not settled."""
    active = depends_on(expr, [symbol])
    known = dict(point.values)
    for node in nodes(expr):
        if node not in active and node not in known:
            known[node] = FieldPoint(point.field, known, point.sizes).evaluate(node)
    base = point.values[symbol]

    def at(i: int, j: int, step: float) -> Matrix:
        moved = [list(row) for row in base]
        moved[i][j] += step
        return FieldPoint(point.field, {**known, symbol: moved}, point.sizes).evaluate(expr)

    found: list[list[Matrix]] = []
    for i, row in enumerate(base):
        found.append([])
        for j in range(len(row)):
            slope = _extrapolated(lambda step, i=i, j=j: at(i, j, step))  # type: ignore[misc]
            if slope is None:
                return None
            found[-1].append(slope)
    return found


def _extrapolated(value: Callable[[float], Matrix]) -> Matrix | None:
    """The derivative at 0, from central differences of halved steps; None if they do not settle."""
    previous: list[Matrix] = []
    for level in range(LEVELS):
        h = STEP / 2**level
        above, below = value(h), value(-h)
        row = [[[(a - b) / (2 * h) for a, b in zip(*rows)] for rows in zip(above, below)]]
        for k, older in enumerate(previous):
            weight = 4.0 ** (k + 1)
            row.append([[(weight * a - b) / (weight - 1) for a, b in zip(*rows)] for rows in zip(row[k], older)])
        if level > 1 and _gap(row[-1], previous[-1]) <= SETTLED:
            return row[-1]
        previous = row
    return None


def _gap(A: Matrix, B: Matrix) -> float:
    size = max((abs(a) for row in A for a in row), default=0.0)
    return float(max((abs(a - b) for rows in zip(A, B) for a, b in zip(*rows)), default=0.0) / max(size, 1e-3))
