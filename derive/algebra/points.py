"""Two formulas at random points: whether they agree there, and how far rounding goes."""

from __future__ import annotations

from ..expr import Expr
from ..fields import Field, FieldPoint, Matrix, Undefined, Unsupported, floats, many_digits
from ..sampling import random_field_point

CLOSE = 1e-8  # relative, of values in floating point


class Sample:
    """Two formulas at one point at which both have values."""

    __slots__ = ("point", "left", "right", "is_apart")

    def __init__(self, point: FieldPoint, left: Matrix, right: Matrix) -> None:
        self.point, self.left, self.right = point, left, right
        if point.field.is_exact:
            self.is_apart = left != right
        else:
            gap, size = 0, 0
            for rows in zip(left, right):
                for one, other in zip(*rows):
                    gap, size = max(gap, abs(one - other)), max(size, abs(one), abs(other))
            if point.is_rounded or point.field is floats():
                self.is_apart = bool(gap > CLOSE * max(size, CLOSE * point.largest))
            else:
                self.is_apart = bool(gap > point.field.smallest**2 * 10**60 * point.largest)


def sample(
    a: Expr, b: Expr, field: Field, seed: int, style: str = "plain", smallest: int = 2, different: int = 3
) -> Sample | None:
    """The two at a random point; None where one of them is undefined."""
    point = random_field_point([a, b], seed, field, style, smallest, different)
    try:
        return Sample(point, point.evaluate(a), point.evaluate(b))
    except Undefined:
        return None


LOOKS = ("negative", "plain", "plain", "positive", "fraction", "plain", "fraction", "positive")


def agree(a: Expr, b: Expr, points: int = 3) -> bool | None:
    """Whether two formulas agree at random points, by their values in floating point; None if undefined there.

    Where those differ, values to many digits say whether it was by rounding.
    """
    seen = 0
    for seed, style in enumerate(LOOKS):
        try:
            found = sample(a, b, floats(), seed, style)
            if found is not None and found.is_apart and not found.point.is_rounded:
                found = sample(a, b, many_digits(), seed, style)
        except Unsupported:
            return None
        if found is not None:
            if found.is_apart:
                return False
            seen += 1
            if seen == points:
                break
    return True if seen else None
