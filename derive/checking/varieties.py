"""Where equations hold: points that satisfy them, found by Newton's method, and whether another one holds there.

A derivative that is set to zero, the constraint of a Lagrangian, uᵀu = 1: none is solved for.  Letters are moved from
random values until all equations hold.  What follows from them holds there too; what does not, and cannot hold beside
them by any choice of the variables, contradicts them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any

import numpy as np

from ..errors import DeriveError
from ..evaluation import evaluate_all, values_in_order
from ..expr import Expr, nodes, symbols_of

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
        from ..numeric import random_point

        letters = symbols_of(*equations)
        self.equations = list(equations)
        system = Equations(equations)
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
                if (point := system.moved(moved, start)) is not None:
                    if not _tells(_values(residual, point), residual):
                        break
                    is_general = is_special or moved is variables or system.is_general(variables, letters, point)
                    found[is_general].append(point)
                    break
            if len(found[True]) == WANTED:
                break
        self.are_general = bool(found[True])  # there are such points for all data
        self.points = found[self.are_general][:WANTED]

    def holds(self, left: Expr, right: Expr) -> bool | None:
        """Whether both sides are the same at the points; None where that cannot be told."""
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
        system = Equations([*self.equations, residual])
        for point in self.points:
            draws = random.Random(1)
            for attempt in range(4):
                start = _copy(point)
                for s in self.variables if attempt else ():
                    if not s.properties:
                        shape = start.values[s].shape
                        start.values[s] = np.array([draws.gauss(0, 1) for _ in range(math.prod(shape))]).reshape(shape)
                if system.moved(self.variables, start) is not None:
                    return True
        return False


# Both layouts of a document ask for the same points.
variety_of = lru_cache(maxsize=64)(Variety)


def _tells(values: list[Any] | None, sides: Sequence[Expr]) -> bool:
    """Whether sides have a value that is more than 0 = 0, unless that is what they say."""
    if values is None or any(e.op.name == "zeros" for e in sides):
        return values is not None
    return not values or max(float(np.abs(value).max(initial=0.0)) for value in values) > 1e-6


def _copy(point: Any) -> Any:
    return type(point)(dict(point.values), point.sizes)


def _values(exprs: Sequence[Expr], point: Any) -> list[Any] | None:
    try:
        found = evaluate_all(exprs, point.values, point.sizes)
    except (DeriveError, ArithmeticError, KeyError, np.linalg.LinAlgError):
        return None
    return found if all(np.all(np.isfinite(value)) for value in found) else None


def _places(letters: Sequence[Expr], point: Any) -> list[Place]:
    """The entries that may be moved, one of each pair in a symmetric matrix."""
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


class Equations:
    """Equations that hold where a column of numbers vanishes, the residual."""

    def __init__(self, equations: Sequence[Expr]) -> None:
        self.equations = list(equations)
        self.order = nodes(*equations)
        self.below: dict[Expr, set[Expr]] = {}
        for node in self.order:
            self.below[node] = {node}.union(*(self.below[arg] for arg in node.args))

    def values(self, point: Any, memo: Mapping[Expr, Any] | None = None) -> dict[Expr, Any] | None:
        """The value of every node at a point; None where the residual is not defined."""
        try:
            found = values_in_order(self.order, point.values, point.sizes, memo)
        except (DeriveError, ArithmeticError, KeyError, np.linalg.LinAlgError):
            return None
        return found if all(np.all(np.isfinite(found[equation])) for equation in self.equations) else None

    def residual(self, values: Mapping[Expr, Any]) -> Any:
        return np.concatenate([values[equation].ravel() for equation in self.equations])

    def slopes(self, places: Sequence[Place], point: Any) -> Any:
        """The Jacobian of the equations by the entries, by differences; None where that is not defined."""
        here = self.values(point)
        if here is None or not places:
            return None
        columns = []
        for letter, there in groupby(places, lambda place: place[0]):
            fixed = {node: value for node, value in here.items() if letter not in self.below[node]}
            for place in there:
                values = self.values(_shifted(point, [place], [1e-7]), fixed)
                if values is None:
                    return None
                columns.append((self.residual(values) - self.residual(here)) / 1e-7)
        return np.stack(columns, axis=1)

    def moved(self, letters: Sequence[Expr], start: Any) -> Any:
        """The point that a start is moved to by the shortest steps; None where only zeros, or nothing, satisfy all."""
        places, point = _places(letters, start), start
        if not places or len(places) > LARGEST or (values := self.values(point)) is None:
            return None
        here = self.residual(values)
        for _ in range(STEPS):
            if np.linalg.norm(here) < 1e-11 * len(here):
                break
            slopes = self.slopes(places, point)
            if slopes is None:
                return None
            step = np.linalg.lstsq(slopes, -here, rcond=1e-9)[0]
            for share in (1.0, 0.5, 0.25, 0.1, 0.02):
                there = _shifted(point, places, share * step)
                values = self.values(there)
                if values is None:
                    continue
                found = self.residual(values)
                if np.linalg.norm(found) < (1 - 0.1 * share) * np.linalg.norm(here):
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

    def is_general(self, variables: Sequence[Expr], letters: Sequence[Expr], point: Any) -> bool:
        """Whether variables and numbers make up for any small change of the data, so that no point is one by chance."""
        free = [s for s in letters if s in variables or s.is_scalar]
        found = [self.slopes(_places(some, point), point) for some in (free, letters)]
        ranks = [np.linalg.matrix_rank(slopes, 1e-5) for slopes in found if slopes is not None]
        return len(ranks) == 2 and bool(ranks[0] == ranks[1])
