"""Where equations hold: points that satisfy them, found by Newton's method, and whether another one holds there.

A derivative that is set to zero, the constraint of a Lagrangian, uᵀu = 1: none is solved for.  Letters are moved from
random values until all equations hold.  What follows from them holds there too; what does not, and cannot hold beside
them by any choice of the variables, contradicts them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import DeriveError
from ..evaluation import evaluate_all
from ..expr import Expr, symbols_of

SEEDS = (3, 5, 8, 13, 21, 34)
WANTED = 2  # points at which an equation is held
STEPS = 40
MOVED = frozenset({"symmetric", "spd", "psd", "positive", "nonnegative"})  # properties that small steps keep
MIRRORED = frozenset({"symmetric", "spd", "psd"})
LARGEST = 160  # entries that are moved at once

Place = tuple[Expr, int, int]


class Variety:
    """Points where equations hold, drawn for a residual that is to be held there.

    Some of the equations may be said to be special to the data, XᵀX = I.
    """

    def __init__(
        self, equations: Sequence[Expr], variables: Iterable[Expr], residual: Sequence[Expr], is_special: bool = False
    ) -> None:
        import numpy as np

        from ..numeric import random_point

        letters = symbols_of(*equations)
        self.equations = list(equations)
        self.variables = variables = [s for s in variables if s in letters]
        found: tuple[list[Any], list[Any]] = [], []
        turned: dict[str, int] | None = None
        for k, seed in enumerate(SEEDS):
            try:
                start = random_point([*equations, *residual], seed, turned if k % 2 else None)
            except DeriveError:
                if not k % 2:
                    break
                continue
            if turned is None:  # a wide matrix where one was tall: where m < n a residual may be 0
                sizes = sorted(start.sizes.items(), key=lambda item: item[1])
                turned = {name: size for (name, _), (_, size) in zip(sizes, reversed(sizes), strict=True)}
            for s in variables:
                if s.is_square and not s.is_scalar and not s.properties:  # a covariance is near to those, if it is one
                    A = start.values[s]
                    start.values[s] = A @ A.T / len(A) + 0.5 * np.eye(len(A)) + 0.1 * A
            for moved in (variables, letters):
                if (point := _moved(equations, moved, start)) is not None:
                    if not _tells(_values(residual, point), residual):
                        break
                    is_general = is_special or moved is variables or _is_general(equations, variables, letters, point)
                    found[is_general].append(point)
                    break
            if len(found[True]) == WANTED:
                break
        self.are_general = bool(found[True])  # there are such points for all data
        self.points = found[self.are_general][:WANTED]

    def holds(self, left: Expr, right: Expr) -> bool | None:
        """Whether both sides are the same at the points; None where that cannot be told."""
        import numpy as np

        for point in self.points:
            values = _values([left, right], point)
            if values is None:
                return None
            one, two = values
            size = max(np.abs(one).max(initial=0.0), np.abs(two).max(initial=0.0))
            if np.abs(one - two).max(initial=0.0) > 1e-6 * (1e-3 + size):
                return False
        return True if self.points and self.are_general else None

    def admits(self, residual: Expr) -> bool:
        """Whether variables may be chosen, at the data of a point, so that a residual vanishes too."""
        from ..numeric import Draws

        equations = [*self.equations, residual]
        for point in self.points:
            draws = Draws(1)
            for attempt in range(4):
                start = _copy(point)
                for s in self.variables if attempt else ():
                    if not s.properties:
                        start.values[s] = draws.standard_normal(start.values[s].shape)
                if _moved(equations, self.variables, start) is not None:
                    return True
        return False


def _tells(values: list[Any] | None, sides: Sequence[Expr]) -> bool:
    """Whether sides have a value that is more than 0 = 0, unless that is what they say."""
    import numpy as np

    if values is None or any(e.op.name == "zeros" for e in sides):
        return values is not None
    return not values or max(float(np.abs(value).max(initial=0.0)) for value in values) > 1e-6


def _copy(point: Any) -> Any:
    return type(point)(dict(point.values), point.sizes)


def _values(exprs: Sequence[Expr], point: Any) -> list[Any] | None:
    import numpy as np

    try:
        found = evaluate_all(exprs, point.values, point.sizes)
    except (DeriveError, ArithmeticError, KeyError, np.linalg.LinAlgError):
        return None
    return found if all(np.all(np.isfinite(value)) for value in found) else None


def _residual(equations: Sequence[Expr], point: Any) -> Any:
    import numpy as np

    found = _values(equations, point)
    return None if found is None else np.concatenate([value.ravel() for value in found])


def _places(letters: Sequence[Expr], point: Any) -> list[Place]:
    """The entries that may be moved, one of each pair in a symmetric matrix."""
    import numpy as np

    return [
        (s, i, j)
        for s in letters
        if s.properties <= MOVED
        for i, j in np.ndindex(*point.values[s].shape)
        if i <= j or not s.properties & MIRRORED
    ]


def _shifted(point: Any, places: Sequence[Place], steps: Sequence[float]) -> Any:
    made = _copy(point)
    for s in {place[0] for place in places}:
        made.values[s] = point.values[s].copy()
    for (s, i, j), step in zip(places, steps, strict=True):
        made.values[s][i, j] += step
        if i != j and s.properties & MIRRORED:
            made.values[s][j, i] += step
    return made


def _slopes(equations: Sequence[Expr], places: Sequence[Place], point: Any) -> Any:
    """The Jacobian of the equations by the entries, by differences; None where that is not defined."""
    import numpy as np

    here = _residual(equations, point)
    columns = [_residual(equations, _shifted(point, [place], [1e-7])) for place in places]
    if here is None or not columns or any(column is None for column in columns):
        return None
    return np.stack([(column - here) / 1e-7 for column in columns], axis=1)


def _moved(equations: Sequence[Expr], letters: Sequence[Expr], start: Any) -> Any:
    """The point that a start is moved to by the shortest steps; None where only zeros, or nothing, satisfy all."""
    import numpy as np

    places, point = _places(letters, start), start
    here = _residual(equations, point)
    if here is None or not places or len(places) > LARGEST:
        return None
    for _ in range(STEPS):
        if np.linalg.norm(here) < 1e-11 * len(here):
            break
        slopes = _slopes(equations, places, point)
        if slopes is None:
            return None
        step = np.linalg.lstsq(slopes, -here, rcond=1e-9)[0]
        for share in (1.0, 0.5, 0.25, 0.1, 0.02):
            there = _shifted(point, places, share * step)
            found = _residual(equations, there)
            if found is not None and np.linalg.norm(found) < (1 - 0.1 * share) * np.linalg.norm(here):
                point, here = there, found
                break
        else:
            break
    if np.linalg.norm(here) > 1e-9 * len(here):
        return None
    for s in {place[0] for place in places}:
        value = point.values[s]
        if not 1e-2 < np.linalg.norm(value) / np.linalg.norm(start.values[s]) < 1e2:
            return None
        if "spd" in s.properties and np.linalg.eigvalsh(value).min() <= 0:
            return None
        if "positive" in s.properties and value.min() <= 0:
            return None
    return point


def _is_general(equations: Sequence[Expr], variables: Sequence[Expr], letters: Sequence[Expr], point: Any) -> bool:
    """Whether variables and numbers make up for any small change of the data, so that the point is none by chance."""
    import numpy as np

    free = [s for s in letters if s in variables or s.is_scalar]
    found = [_slopes(equations, _places(some, point), point) for some in (free, letters)]
    ranks = [np.linalg.matrix_rank(slopes, 1e-5) for slopes in found if slopes is not None]
    return len(ranks) == 2 and bool(ranks[0] == ranks[1])
