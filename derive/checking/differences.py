"""What kind of mistake makes one gradient another, told from their values at several points.

layout              the transpose of the gradient
factor, sign        right up to a constant, or to a number of entries such as 1/m
path                a contribution of an occurrence of the variable is missing
projection          the gradient in the space of all matrices, or the reverse
axis                not summed over an axis, or over the other one
power               a square lost, or superfluous
scalar for matrix   one number, for an array
inner derivative    right where a factor of the chain rule is 1, as a mask or a derivative of an activation
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations
from typing import Any

from ..derivation import Sweep
from ..errors import DeriveError
from ..expr import Expr, is_number, nodes, ones, ones_op, substitute
from ..numeric import Point, project_array
from ..operations import matmul, power, transpose
from .witness import close

TOLERANCE = 1e-5  # of what finite precision and central differences leave
MAX_PATHS = 6
MAX_EDITS = 60


class Differences:
    """Values of a claimed gradient beside the right ones.

    Parameters
    ----------
    variable : Expr
    sweep : Sweep
        Of the loss, with the contribution of each occurrence.
    points : sequence of Point
    claimed, right : sequence of arrays
        The values at the points.
    """

    def __init__(
        self, variable: Expr, sweep: Sweep, points: Sequence[Point], claimed: Sequence[Any], right: Sequence[Any]
    ) -> None:  # fmt: skip
        self.variable = variable
        self.sweep = sweep
        self.points = points
        self.claimed = claimed
        self.right = right

    def kind(self) -> tuple[str, str]:
        """The kind, and what is wrong in words."""
        import numpy as np

        pairs = list(zip(self.claimed, self.right))
        if any(a.shape != b.shape for a, b in pairs) and self.layout() is None:
            if all(a.size == 1 for a, _ in pairs):
                return "scalar for matrix", "it is one number, and the gradient is an array"
            for axis in (0, 1):
                if all(a.ndim > axis and near(np.reshape(a.sum(axis=axis), -1), np.reshape(b, -1)) for a, b in pairs):
                    return "axis", f"it is not summed over axis {axis}"
            return "unknown", "its shape is not that of the variable"
        for told in (self.layout, self.factor, self.path, self.projection, self.mask):
            found = told()
            if found is not None:
                return found
        return "unknown", ""

    def layout(self) -> tuple[str, str] | None:
        pairs = zip(self.claimed, self.right)
        is_turned = all(b.ndim == 2 and (a.shape != b.shape or min(b.shape) > 1) and near(a.T, b) for a, b in pairs)
        return ("layout", "it is the transpose of the gradient") if is_turned else None

    def factor(self) -> tuple[str, str] | None:
        ratios = [ratio(a, b) for a, b in zip(self.claimed, self.right)]
        if any(r is None or r == 0 for r in ratios):
            return None
        values = [float(r) for r in ratios if r is not None]
        if same(values):
            if abs(values[0] + 1) < TOLERANCE:
                return "sign", "it has the opposite sign"
            return "factor", f"it is {_number(values[0])} times the gradient"
        for name in sorted({n for p in self.points for n in p.sizes}):
            sizes = [p.sizes[name] for p in self.points]
            for degree, shown in ((1, f"{name} times"), (-1, f"1/{name} of")):
                rest = [v / s**degree for v, s in zip(values, sizes)]
                if same(rest) and len(set(sizes)) > 1:
                    times = "" if abs(rest[0] - 1) < TOLERANCE else f"{_number(rest[0])} · "
                    return "factor", f"it is {times}{shown} the gradient"
        return None

    def path(self) -> tuple[str, str] | None:
        """A contribution that is missing, or has another factor."""
        parts = [c.expression for c in self.sweep.contributions]
        if not 2 <= len(parts) <= MAX_PATHS:
            return None
        values = [[p.evaluate(e).reshape(b.shape) for p, b in zip(self.points, self.right)] for e in parts]
        for count in range(1, len(parts)):
            for missing in combinations(range(len(parts)), count):
                lost = [sum(values[i][k] for i in missing) for k in range(len(self.points))]
                off = [ratio(a - b, c) for a, b, c in zip(self.claimed, self.right, lost)]
                if any(r is None for r in off) or not same([float(r or 0) for r in off]):
                    continue
                term = " + ".join(parts[i].text() for i in missing)
                shift = float(off[0] or 0)
                if abs(shift + 1) < TOLERANCE:
                    return "path", f"the contribution {term} is missing"
                if count == 1 and abs(shift + 2) < TOLERANCE:
                    return "sign", f"the contribution {term} has the opposite sign"
                if count == 1:
                    return "factor", f"the contribution {term} has the factor {_number(1 + shift)}"
        return None

    def projection(self) -> tuple[str, str] | None:
        properties = self.variable.properties
        if not properties:
            return None
        if all(near(project_array(properties, a), b) for a, b in zip(self.claimed, self.right)):
            return "projection", f"{self.variable.text()} is {sorted(properties)[0]}, and it is not projected"
        return None

    def mask(self) -> tuple[str, str] | None:
        """Right except where the gradient vanishes: a 0/1 factor is lost."""
        import numpy as np

        lost = 0
        for a, b in zip(self.claimed, self.right):
            zero = np.abs(b) < 1e-12
            if not near(np.where(zero, 0, a), b):
                return None
            lost += int(np.any(zero & (np.abs(a) > 1e-9)))
        return ("inner derivative", "a factor of zeros and ones is lost") if lost else None


def near(a: Any, b: Any) -> bool:
    import numpy as np

    return bool(np.all(np.isfinite(a))) and close(a, b, TOLERANCE)


def same(values: Sequence[float]) -> bool:
    return all(abs(v - values[0]) <= 1e-4 * max(1.0, abs(values[0])) for v in values)


def ratio(a: Any, b: Any) -> float | None:
    """c where a = c b."""
    import numpy as np

    if a.shape != b.shape or not np.all(np.isfinite(a)) or not float(np.abs(b).max(initial=0)):
        return None
    i = np.unravel_index(np.argmax(np.abs(b)), b.shape)
    c = float(a[i] / b[i])
    return c if near(a, c * b) else None


def _number(value: float) -> str:
    exact = Fraction(value).limit_denominator(24)
    return str(exact) if abs(float(exact) - value) < TOLERANCE * max(1, abs(value)) else f"{value:.4g}"


def between(loss: Expr, variable: Expr, claimed: Expr, right: Expr) -> tuple[str, str]:
    """The kind of the difference of two expressions."""
    from ..numeric import random_point

    sweep = Sweep(loss, variable)
    try:
        points = [random_point([loss, claimed, right, variable], seed=seed) for seed in range(3)]
    except DeriveError:
        return "unknown", ""
    values = [[p.evaluate(e) for p in points] for e in (claimed, right)]
    kind, said = Differences(variable, sweep, points, values[0], values[1]).kind()
    if kind != "unknown":
        return kind, said
    for kind, mended, said in _edits(claimed):
        if mended.shape == right.shape and all(near(p.evaluate(mended), b) for p, b in zip(points, values[1])):
            return kind, said
    return "unknown", ""


def _edits(expr: Expr) -> Iterator[tuple[str, Expr, str]]:
    """The expression with a square more or less at one place, or with a sum along the other axis."""
    for node in nodes(expr)[:MAX_EDITS]:
        others: list[tuple[str, Expr, str]] = []
        for i, part in enumerate(node.args):
            if node.op is power or is_number(part):
                continue
            squared = (*node.args[:i], power(part, 2), *node.args[i + 1 :])
            others.append(("power", node.op.build(squared, node.data), f"{part.text()} is not squared"))
        if node.op is power and is_number(node.args[1], 2):
            others.append(("power", node.args[0], f"{node.args[0].text()} is squared"))
        if node.op is matmul and node.args[-1].op is ones_op:
            summed = matmul(*node.args[:-1])
            other_axis = matmul(transpose(summed), ones(summed.shape[0]))
            others.append(("axis", other_axis, "the sum is along the other axis"))
        for kind, other, said in others:
            try:
                yield kind, substitute(expr, {node: other}), said
            except DeriveError:
                continue


__all__ = ["Differences", "between", "near"]
