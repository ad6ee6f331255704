"""Points that refute: where a formula curves up or down, by its values alone.

At random points of random sizes, in the declared domains, the least and the largest
eigenvalue of the numeric Hessian name a direction; what counts is the chord along it,

    f(x + t d) + f(x − t d) − 2 f(x),

negative where f is not convex, positive where it is not concave, by more than rounding
can explain.  Chords between far points find kinks that no Hessian shows.  The same search
is the independent check of every certificate: it must not find what the proof excludes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ..derivation import Sweep
from ..errors import DeriveError
from ..evaluation import Array, evaluate_all
from ..expr import Expr, depends_on, nodes, symbol, symbols_of
from ..jacobians import differential
from ..numeric import Hint, Point, project_array, random_point

STEPS = (1.0, 0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4)
SCALES = (1.0, 1.0, 0.2, 3.0, 1.0, 0.05, 12.0)
MARGIN = 1e-8  # of the values on a chord: what rounding explains stays far below
LARGEST = 48  # entries of the variables together, for a Hessian
CHORDS = 6  # between far points, at each point


class Chord(NamedTuple):
    """Three points on a line, and how far the middle value is from the mean of the others.

    Attributes
    ----------
    values : dict
        The value of every symbol in the middle, by name.
    direction : dict
        The half chord, by the name of the variable.
    ends : (float, float)
        f at middle − direction and at middle + direction.
    middle : float
    excess : float
        ends[0] + ends[1] − 2 · middle: negative refutes convexity, positive concavity.
    """

    values: dict[str, Array]
    direction: dict[str, Array]
    ends: tuple[float, float]
    middle: float

    @property
    def excess(self) -> float:
        return self.ends[0] + self.ends[1] - 2 * self.middle

    @property
    def sign(self) -> int:
        return 1 if self.excess > 0 else -1

    def __repr__(self) -> str:
        kind = "not convex" if self.excess < 0 else "not concave"
        return f"<{kind}: ({self.ends[0]:.6g} + {self.ends[1]:.6g})/2 against {self.middle:.6g} in the middle>"


class Search:
    """The chords of a formula in some of its symbols."""

    def __init__(self, expr: Expr, variables: Sequence[Expr], hints: Sequence[Hint] = ()) -> None:
        self.expr, self.hints = expr, hints
        self.variables = [v for v in variables if v in set(symbols_of(expr))]
        self.active = depends_on(expr, self.variables)
        self.seen = 0  # points at which the formula had a value

    def chords(self, seeds: Sequence[int], wanted: Sequence[int] = (1, -1)) -> dict[int, Chord]:
        """A chord of each wanted sign, as far as the seeds show one."""
        found: dict[int, Chord] = {}
        failures = 0
        for seed in seeds:
            if all(sign in found for sign in wanted):
                break
            if failures > 2:
                break
            try:
                point = random_point([self.expr, *self.variables], seed=seed, hints=self.hints, attempts=60)
            except DeriveError:
                failures += 1
                continue
            scale = SCALES[seed % len(SCALES)]
            values = {**point.values, **{v: scale * point.values[v] for v in self.variables}}
            at = Chords(self, Point(values, point.sizes))
            if not at.is_inside:
                at = Chords(self, point)
            self.seen += at.is_inside
            for sign in wanted:
                if sign not in found:
                    chord = at.along_eigenvectors(sign) or at.far(sign, seed)
                    if chord is not None:
                        found[sign] = chord
        return found

    @cached_property
    def hessian(self) -> tuple[list[Expr], list[Expr]] | None:
        """The Hessian applied to directions, by variable, and the symbols of the directions."""
        moved = {v: symbol("d" + v.name, *v.shape) for v in self.variables}
        try:
            applied = [differential(Sweep(self.expr, v).total, moved)[0] for v in self.variables]
        except DeriveError:
            return None
        return applied, list(moved.values())


class Chords:
    """Chords through one point."""

    def __init__(self, search: Search, point: Point) -> None:
        self.search, self.point = search, point
        order = nodes(search.expr)
        fixed = [node for node in order if node not in search.active]
        self.memo = dict(zip(fixed, evaluate_all(fixed, point.values, point.sizes), strict=True))
        self.middle = self.value({v: point.values[v] for v in search.variables})
        self.is_inside = self.middle is not None

    def value(self, variables: Mapping[Expr, Array]) -> float | None:
        """f there; None outside its domain."""
        if not all(is_inside(v.properties, a) for v, a in variables.items()):
            return None
        with np.errstate(all="ignore"):
            found = float(np.real(evaluate_all([self.search.expr], variables, self.point.sizes, self.memo)[0][0, 0]))
        return found if np.isfinite(found) and abs(found) < 1e12 else None

    def chord(self, direction: Mapping[Expr, Array], step: float, sign: int) -> Chord | None:
        """The chord of half length `step`, if it has the sign by more than rounding."""
        base = self.point.values
        ends = [self.value({v: base[v] + s * step * d for v, d in direction.items()}) for s in (-1, 1)]
        if self.middle is None or ends[0] is None or ends[1] is None:
            return None
        excess = ends[0] + ends[1] - 2 * self.middle
        size = abs(ends[0]) + abs(ends[1]) + 2 * abs(self.middle) + self._largest()
        if excess * sign <= MARGIN * size:
            return None
        return Chord(
            {s.name: a for s, a in self.point.values.items()},
            {v.name: step * d for v, d in direction.items()},
            (ends[0], ends[1]),
            self.middle,
        )

    def _largest(self) -> float:
        """The largest intermediate number, whose rounding is the noise of the value."""
        return max((float(np.abs(a).max(initial=0)) for a in self.memo.values()), default=0.0) * 1e-3

    @cached_property
    def spectrum(self) -> tuple[Array, list[dict[Expr, Array]]]:
        """Eigenvalues of the Hessian in the space of the variables, ascending, and the directions."""
        nothing: tuple[Array, list[dict[Expr, Array]]] = np.zeros(0), []
        variables, base = self.search.variables, self.point.values
        if sum(base[v].size for v in variables) > LARGEST:
            return nothing
        hessian = self.search.hessian
        if hessian is None:
            return nothing
        applied, moved = hessian
        units = [(i, E) for i, v in enumerate(variables) for E in basis(v.properties, base[v].shape)]
        moving = {node for root in applied for node in depends_on(root, moved)}
        fixed = [node for node in nodes(*applied) if node not in moving]
        with np.errstate(all="ignore"):
            memo = dict(zip(fixed, evaluate_all(fixed, base, self.point.sizes), strict=True))
            H = np.zeros((len(units), len(units)))
            for b, (j, E) in enumerate(units):
                given = {
                    d: E if i == j else np.zeros(base[v].shape)
                    for i, (v, d) in enumerate(zip(variables, moved, strict=True))
                }
                image = evaluate_all(applied, given, self.point.sizes, memo)
                H[:, b] = [float(np.real((F * image[i]).sum())) for i, F in units]
        if not np.isfinite(H).all():
            return nothing
        eigenvalues, vectors = np.linalg.eigh((H + H.T) / 2)
        directions = []
        for column in vectors.T:
            along = {v: np.zeros(base[v].shape) for v in variables}
            for weight, (i, E) in zip(column, units, strict=True):
                along[variables[i]] = along[variables[i]] + weight * E
            directions.append(along)
        return eigenvalues, directions

    def along_eigenvectors(self, sign: int) -> Chord | None:
        """A chord along the direction that curves most to one side."""
        eigenvalues, directions = self.spectrum
        if not len(eigenvalues):
            return None
        at = -1 if sign > 0 else 0
        if eigenvalues[at] * sign <= 1e-9 * float(np.abs(eigenvalues).max()):
            return None
        for step in STEPS:
            chord = self.chord(directions[at], step, sign)
            if chord is not None:
                return chord
        return None

    def far(self, sign: int, seed: int) -> Chord | None:
        """A chord to another random point and its reflection."""
        generator = np.random.default_rng(seed)
        for k in range(CHORDS):
            direction = {
                v: project_array(v.properties, generator.standard_normal(self.point.values[v].shape))
                for v in self.search.variables
            }
            chord = self.chord(direction, (2.0, 0.5, 0.1)[k % 3], sign)
            if chord is not None:
                return chord
        return None


def basis(properties: frozenset[str], shape: tuple[int, ...]) -> list[Array]:
    """An orthonormal basis of the matrices with a declared structure."""
    found: list[Array] = []
    seen: set[bytes] = set()
    for i in range(shape[0]):
        for j in range(shape[1]):
            E = np.zeros(shape)
            E[i, j] = 1
            E = project_array(properties, E)
            length = float(np.linalg.norm(E))
            if not length:
                continue
            E = E / length
            key = (np.abs(E) if "skew" in properties else E).tobytes()
            if key not in seen:
                seen.add(key)
                found.append(E)
    return found


def is_inside(properties: frozenset[str], A: Array) -> bool:
    """Whether a value has the declared signs and definiteness."""
    if "positive" in properties and not (np.diag(A) if "diagonal" in properties else A).min(initial=1) > 0:
        return False
    if "nonnegative" in properties and not A.min(initial=0) >= 0:
        return False
    if properties & {"spd", "psd"}:
        least = float(np.linalg.eigvalsh((A + A.T) / 2)[0])
        return least > 0 if "spd" in properties else least >= 0
    return True
