"""The witness: values, random points and numeric derivatives, independent of the rules.

Inside, every value is a 2-D array (a scalar is 1 × 1, a vector n × 1); `evaluate_public`
takes and returns what users have.  A derivative is taken by the complex step where every
operation on the way is analytic [ST], else by extrapolated central differences [R].

[R]   Ridders, Accurate computation of F′(x) and F′(x) F″(x), Advances in Engineering
      Software 4, 1982.
[ST]  Squire & Trapp, Using complex variables to estimate derivatives of real functions,
      SIAM Review 40, 1998.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .errors import DeriveError, ShapeError, UnknownSymbolError
from .evaluation import NOT_ANALYTIC, Array, evaluate, evaluate_all, values_below
from .expr import Expr, depends_on, dimension_names, nodes, symbols_of
from .fields import floats, is_long_enough
from .own_functions import OwnFunction, functions_of
from .sampling import is_inside, projected, structured
from .shapes import Dim, shape_text

# Values given by users


def evaluate_public(expr: Expr, values: Mapping[str, Any]) -> Any:
    """The value at arrays and numbers given by name: a float, a 1-D or a 2-D array.

    Raises
    ------
    UnknownSymbolError
        A symbol has no value, or a value no symbol.
    ShapeError
        An array does not fit; the message names it.
    """
    from .names import canonical, identifier

    symbols = {s.name: s for s in symbols_of(expr)}
    spellings = {identifier(name): name for name in symbols}
    dims = set(dimension_names(expr))
    functions = {f.parameter: f for f in functions_of(expr)}
    chosen = {functions[given]: value for given, value in values.items() if given in functions}
    arrays: dict[Expr, Array] = {}
    sizes: dict[str, int] = {}
    for given, value in values.items():
        if given in functions:
            continue
        name = given if given in symbols else spellings.get(given) or canonical(given)
        if name in symbols:
            arrays[symbols[name]] = _as_array(given, value, symbols[name])
        elif given in dims:
            sizes[given] = int(value)
        else:
            known = ", ".join([*symbols, *functions, *sorted(dims)])
            raise UnknownSymbolError(f"{given} does not occur in {expr.text()}", hint=f"it has {known}")
    for name, node in symbols.items():
        if node not in arrays:
            raise UnknownSymbolError(f"no value is given for {name}", hint=f"{name} is {shape_text(node.shape)}")
    bind_sizes(arrays, sizes)
    for name in sorted(dims - set(sizes)):
        raise UnknownSymbolError(f"no array reveals the size of {name}", hint=f"give it: {name}=3")
    for name, function in functions.items():
        if function not in chosen:
            raise UnknownSymbolError(f"no function {name} is given", hint=f"as in {name}=np.tanh")
    known_values = dict(arrays)
    for node in nodes(expr) if functions else ():
        if isinstance(node.op, OwnFunction):
            inside = evaluate(node.args[0], known_values, sizes)
            known_values[node] = np.broadcast_to(np.asarray(chosen[node.op](inside), dtype=float), inside.shape)
    value = evaluate(expr, known_values, sizes)
    if expr.is_scalar:
        return float(value[0, 0])
    return value[:, 0] if expr.is_vector else value


def _as_array(name: str, value: Any, node: Expr) -> Array:
    try:
        array = np.asarray(value)
        array = array.astype(float) if not np.iscomplexobj(array) else array
    except (TypeError, ValueError):
        raise DeriveError(f"the value of {name} is not an array of real numbers") from None
    if np.iscomplexobj(array):
        raise DeriveError(f"the value of {name} is complex", hint="complex numbers are not supported")
    if node.is_scalar and array.size == 1:
        return array.reshape(1, 1)
    if array.ndim == 1 and node.is_vector:
        return array[:, None]
    if array.ndim == 1 and node.shape[0].value == 1:
        return array[None, :]
    if array.ndim != 2 or (node.is_scalar and array.size != 1):
        raise ShapeError(f"{name} is {shape_text(node.shape)}, and its value has shape {array.shape}")
    return array


def bind_sizes(arrays: Mapping[Expr, Array], sizes: dict[str, int]) -> None:
    """Find the sizes of the dimensions from the shapes of the arrays; ShapeError if they clash."""
    pending = [(s, axis) for s in arrays for axis in (0, 1)]
    pending.sort(key=lambda item: len(item[0].shape[item[1]].terms))
    while pending:
        left = []
        for node, axis in pending:
            dim, size = node.shape[axis], arrays[node].shape[axis]
            unknown = dim.names - set(sizes)
            if not unknown:
                if dim.evaluate(sizes) != size:
                    raise ShapeError(
                        f"{node.name} is {shape_text(node.shape)}, and its value has shape {arrays[node].shape}: "
                        f"{dim} is {dim.evaluate(sizes)}"
                    )
            elif len(unknown) == 1:
                name = next(iter(unknown))
                found = next((k for k in range(1, size + 2) if dim.evaluate({**sizes, name: k}) == size), None)
                if found is None:
                    raise ShapeError(
                        f"{node.name} is {shape_text(node.shape)}, and its value has shape {arrays[node].shape}"
                    )
                sizes[name] = found
            else:
                left.append((node, axis))
        if len(left) == len(pending):
            return
        pending = left


# Random points


class Point:
    """Values of symbols and sizes of dimensions."""

    __slots__ = ("values", "sizes")

    def __init__(self, values: dict[Expr, Array], sizes: dict[str, int]) -> None:
        self.values = values
        self.sizes = sizes

    def evaluate(self, expr: Expr) -> Array:
        """The value of an expression here, as a 2-D array."""
        return evaluate(expr, self.values, self.sizes)


SIZES = (2, 3, 5, 4, 7, 6, 8, 9, 10, 11, 12)
TOO_LARGE = 8  # draws with entries past the limit, after which matrices are scaled
STYLES = ("normal", "positive", "small", "fraction", "large", "negative")  # how the entries of a symbol are drawn
Hint = tuple[Dim, str, Dim]  # a size hint: (m, "<", n)
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "<": lambda a, b: a < b,
    "≤": lambda a, b: a <= b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    "≥": lambda a, b: a >= b,
    ">=": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
}


def random_point(
    exprs: Expr | Iterable[Expr],
    seed: int = 0,
    sizes: Mapping[str, int] | None = None,
    hints: Sequence[Hint] = (),
    smallest: int = 2,
    attempts: int = 300,
) -> Point:
    """A point at which the expressions are defined, smooth and well conditioned.

    Dimensions differ wherever they may; declared properties hold.  Points are redrawn,
    with other sizes and ranges, until logarithms, roots and inverses are finite and no
    entry is close to a point where a function is not smooth.

    Raises
    ------
    DeriveError
        No such point was found: the expression may be defined nowhere.
    """
    roots = [exprs] if isinstance(exprs, Expr) else list(exprs)
    names = dimension_names(*roots)
    leaves = symbols_of(*roots)
    dims = {d for node in nodes(*roots) for d in node.shape}
    cuts = [node for node in nodes(*roots) if node.op.name in ("submatrix", "basis")]
    floors = _floors(cuts)
    generator = random.Random(seed)
    entries = random.Random(seed)
    fallback: Point | None = None
    too_large = 0
    for attempt in range(attempts):
        drawn = _draw_sizes(names, dims, leaves, sizes or {}, hints, smallest, generator)
        if drawn is not None:
            drawn |= {n: max(drawn[n], floor) for n, floor in floors.items() if n in drawn and n not in (sizes or {})}
        if drawn is None or not all(is_inside(node, drawn) for node in cuts):
            continue
        # Products of many matrices grow with their sizes, unless those are scaled.
        style = "scaled" if too_large >= TOO_LARGE else "normal" if attempt < 4 else None
        values = {}
        for leaf in leaves:
            rows, columns = (d.evaluate(drawn) for d in leaf.shape)
            values[leaf] = _draw(leaf.properties, rows, columns, style or generator.choice(STYLES), entries)
        memo = values_below(roots, values, drawn)
        if not all(np.isfinite(memo[node]).all() for node in memo):
            continue
        margin = _margin(memo)
        if all(np.abs(memo[node]).max(initial=0) < 1e6 for node in memo):
            if margin >= 1:
                return Point(values, drawn)
        else:
            too_large += 1
        if fallback is None and margin > 1e-3:
            fallback = Point(values, drawn)
    if fallback is None:
        raise DeriveError(
            "no point was found at which the formula is defined",
            hint="declare what is positive, or size hints such as m < n",
        )
    return fallback


def _floors(cuts: Iterable[Expr]) -> dict[str, int]:
    """How large the dimensions must be for the unit vectors e_k."""
    found: dict[str, int] = {}
    for cut in cuts:
        if cut.op.name == "basis" and cut.data[0].value is not None:
            for name in cut.data[1].names:
                if cut.data[1] == name:
                    found[name] = max(found.get(name, 0), cut.data[0].value)
    return found


def lies_inside(expr: Expr, sizes: Mapping[str, int]) -> bool:
    """Whether the formula takes no entry that its arrays do not have: x[4] of an x with three."""
    return all(is_inside(node, sizes) for node in nodes(expr) if node.op.name in ("basis", "submatrix"))


def _draw_sizes(
    names: Sequence[str],
    dims: Iterable[Dim],
    leaves: Iterable[Expr],
    given: Mapping[str, int],
    hints: Sequence[Hint],
    smallest: int,
    generator: random.Random,
) -> dict[str, int] | None:
    pool = [s for s in SIZES if s >= smallest and s not in given.values()]
    free = [name for name in names if name not in given]
    pool = pool[: len(free) + (len(free) < 4)]
    generator.shuffle(pool)
    # Past a dozen dimensions sizes are drawn again: nothing is learned from large ones.
    pool += [generator.choice(SIZES[:5]) for _ in free[len(pool) :]]
    drawn = {**dict(zip(free, pool, strict=False)), **given}
    if any(d.evaluate(drawn) < 1 for d in dims if d.names <= drawn.keys()):
        return None
    for left, relation, right in hints:
        if (left.names | right.names) <= drawn.keys():
            if not _COMPARE[relation](left.evaluate(drawn), right.evaluate(drawn)):
                return None
    return drawn if all(is_long_enough(leaf, drawn) for leaf in leaves) else None


_RANGES = {"positive": (0.2, 1.8), "fraction": (0.1, 0.6), "large": (1.2, 2.5), "negative": (-1.6, -0.2)}


def _draw(properties: frozenset[str], rows: int, columns: int, style: str, generator: random.Random) -> Array:
    """A random matrix with the properties."""
    spread = {"small": 0.3, "scaled": max(rows, columns) ** -0.5}.get(style, 1.0)

    def entry() -> float:
        value = generator.uniform(*_RANGES[style]) if style in _RANGES else spread * generator.gauss(0, 1)
        return abs(value) + 0.1 if "positive" in properties else abs(value) if "nonnegative" in properties else value

    return np.array(structured(properties, rows, columns, entry, generator, floats()), float)


def _gap(s: Array) -> float:
    """How far the largest singular value stands above the next, relative to itself."""
    if s[0] <= 0:
        return 0.0
    return float(s[0] - s[1]) / float(s[0]) if len(s) > 1 else 1.0


def _lead(A: Array) -> float:
    """How far the largest entry of each row stands above the next, at least."""
    s = np.sort(A, axis=1)
    return float((s[:, -1] - s[:, -2]).min()) if A.shape[1] > 1 else 1.0


def _condition(A: Array) -> float:
    s = np.linalg.svd(A, compute_uv=False)
    return float(s[-1] / s[0]) if s[0] > 0 else 0.0


def _power_margin(a: Array, node: Expr) -> float:
    t = node.args[1]
    if t.op.name == "number" and t.data[0].denominator == 1 and t.data[0] > 0:
        return 1.0
    if t.op.name == "number" and t.data[0].denominator == 1:
        return float(np.abs(a).min()) / 0.05
    return float(a.min()) / 0.05


# How far a point is from where the operation is undefined, not smooth or ill conditioned, in units
# of the distance asked for: 1 is far enough.
_MARGINS: dict[str, Callable[[list[Array], Expr], float]] = {
    "inv": lambda a, node: _condition(a[0]) / 3e-3,
    "det": lambda a, node: _condition(a[0]) / 1e-3,
    "logdet": lambda a, node: _condition(a[0]) / 3e-3,
    "matpow": lambda a, node: _condition(a[0]) / 1e-2 if node.data[0] < 0 else 1.0,
    "power": lambda a, node: _power_margin(a[0], node),
    "log": lambda a, node: float(a[0].min()) / 0.05,
    "arcsin": lambda a, node: float(1 - np.abs(a[0]).max()) / 0.05,
    "arccos": lambda a, node: float(1 - np.abs(a[0]).max()) / 0.05,
    "tan": lambda a, node: float(np.abs(np.cos(a[0])).min()) / 0.1,
    "norm": lambda a, node: float(np.abs(a[0]).max()) / 0.05,
    "nuclear_norm": lambda a, node: _condition(a[0]) / 0.05,
    "polar": lambda a, node: _condition(a[0]) / 0.05,
    "spectral_norm": lambda a, node: _gap(np.linalg.svd(a[0], compute_uv=False)) / 0.05,
    "dominant": lambda a, node: _gap(np.linalg.svd(a[0], compute_uv=False)) / 0.05,
    "max_row": lambda a, node: _lead(a[0]) / 0.01,
    "argmax_row": lambda a, node: _lead(a[0]) / 0.01,
} | {
    name: lambda a, node: float(np.abs(a[0]).min()) / 0.01 for name in ("norm1", "abs", "sign", "relu", "step", "where")
}


def _margin(memo: Mapping[Expr, Array]) -> float:
    margin = math.inf
    for node in memo:
        measure = _MARGINS.get(node.op.name)
        if measure is not None:
            margin = min(margin, measure([memo[arg] for arg in node.args], node))
    return margin


# Numeric derivatives


def project_array(properties: frozenset[str], A: Array) -> Array:
    """The orthogonal projection onto the matrices with the declared structure."""
    return np.asarray(projected(properties, A.tolist())) if properties else A


def numeric_jacobian(expr: Expr, symbol: Expr, point: Point, structured: bool = True) -> Array:
    """∂ vec expr / ∂ (vec symbol)ᵀ at a point, columns stacked.

    A variable with a declared structure is perturbed in its own space, so that the rows
    are projected gradients; `structured=False` perturbs each entry alone.
    """
    base = point.values[symbol]
    properties = symbol.properties if structured else frozenset()
    columns = []
    for j in range(base.shape[1]):
        for i in range(base.shape[0]):
            E = np.zeros(base.shape)
            E[i, j] = 1
            columns.append(project_array(properties, E))
    slopes = _slopes(expr, symbol, point, columns)
    return np.stack([slope.reshape(-1, order="F") for slope in slopes], axis=1)


def numeric_gradient(expr: Expr, symbol: Expr, point: Point, structured: bool = True) -> Array:
    """The gradient of a scalar, in the shape of the symbol."""
    return numeric_jacobian(expr, symbol, point, structured).reshape(point.values[symbol].shape, order="F")


def directional(expr: Expr, symbol: Expr, direction: Array, point: Point) -> Array:
    """The derivative of an expression along a direction, in the shape of the expression."""
    return _slopes(expr, symbol, point, [direction])[0]


def _slopes(expr: Expr, symbol: Expr, point: Point, directions: Sequence[Array]) -> list[Array]:
    base = point.values[symbol]
    order = nodes(expr)
    active = depends_on(expr, [symbol])
    if expr not in active:
        shape = [d.evaluate(point.sizes) for d in expr.shape]
        return [np.zeros(shape) for _ in directions]
    fixed = [node for node in order if node not in active]
    memo = dict(zip(fixed, evaluate_all(fixed, point.values, point.sizes), strict=True))
    is_analytic = all(node.op.name not in NOT_ANALYTIC for node in order if node in active)

    def at(value: Array) -> Array:
        return evaluate_all([expr], {symbol: value}, point.sizes, memo)[0]

    slopes = []
    for E in directions:
        if is_analytic:
            slopes.append(np.asarray(at(base + 1e-40j * E).imag / 1e-40))
        else:
            slopes.append(_ridders(lambda h, E=E: at(base + h * E)))  # type: ignore[misc]
    return slopes


STEPS = (0.02, 8e-5, 3e-7)  # first steps; a smaller one where the function varies too fast for the last
ROUNDING = 2.0**-53
SETTLED = 1e-8  # relative change of an extrapolated derivative that needs no smaller steps


def _ridders(value: Callable[[float], Array]) -> Array:
    """The derivative at 0 by central differences, extrapolated to step 0 [R]."""
    best, error = np.zeros(()), math.inf
    for step in STEPS:
        found, change = _tableau(value, step)
        if change < error or not np.isfinite(best).all():
            best, error = found, change
        if error <= SETTLED * float(np.abs(best).max(initial=0)):
            break
    return best


def _tableau(value: Callable[[float], Array], step: float, levels: int = 12) -> tuple[Array, float]:
    """The derivative extrapolated from steps of at most `step`, and by how much it may be wrong.

    The step shrinks until rounding takes over; the entry of the tableau that differs least
    from its neighbors is taken, so that a kink or a pole nearby does no harm.  Neighbors that
    happen to be equal still have the rounding error of the values they are differences of.
    """
    best, error = np.zeros(()), math.inf
    previous: list[Array] = []
    for level in range(levels):
        h = step / 2.0**level
        above, below = value(h), value(-h)
        row = [np.asarray((above - below) / (2 * h))]
        rounding = ROUNDING * max(float(np.abs(above).max(initial=0)), float(np.abs(below).max(initial=0))) / h
        if not level:
            best = row[0]
        for k, older in enumerate(previous):
            row.append((4.0 ** (k + 1) * row[k] - older) / (4.0 ** (k + 1) - 1))
            change = max(float(np.abs(row[k + 1] - row[k]).max()), float(np.abs(row[k + 1] - older).max()), rounding)
            if change < error:
                best, error = row[k + 1], change
        if level > 5 and float(np.abs(row[-1] - previous[-1]).max()) > 10 * error:
            break
        previous = row
    return np.asarray(best), error
