"""Random points of a field: sizes, and values with the declared properties, drawn in several styles.

What holds at plain points may fail at small or large ones (a function that saturates), where
signs turn (a root), or where entries vanish; `STYLES` has them all.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from fractions import Fraction
from operator import mul
from typing import Any

from .errors import DeriveError
from .expr import Expr, dimension_names, nodes, symbols_of
from .fields import (
    PRIME,
    Field,
    FieldPoint,
    Matrix,
    Sizes,
    constant,
    is_long_enough,
    prime_field,
    scaled,
    times,
    turned,
    zipped,
)
from .properties import SUMS
from .properties import turned as said_of_transpose
from .shapes import Dim

MAX_ENTRIES = 2_500  # of a matrix of the formula
STYLES = ("plain", "positive", "zeros", "fraction", "small", "negative", "large", "integers", "origin")
_RANGES = {
    "plain": (-2, 2), "positive": (0.2, 1.8), "fraction": (0.1, 0.6), "negative": (-1.6, -0.2),
    "small": (-1e-3, 1e-3), "large": (-300, 300), "zeros": (-2, 2),
}  # fmt: skip


def random_field_point(
    exprs: Expr | Iterable[Expr],
    seed: int = 0,
    field: Field | None = None,
    style: str = "plain",
    smallest: int = 4,
    different: int = 5,
) -> FieldPoint:
    """A random point of a field (the prime field where none is given); declared properties hold.

    The first `different` dimensions have unequal sizes from `smallest` up, the others one of
    these; where that would make a matrix of more than `MAX_ENTRIES`, sizes are smaller.
    `style` says how entries are drawn: see `STYLES`.
    """
    roots = [exprs] if isinstance(exprs, Expr) else list(exprs)
    generator = random.Random(seed)
    free = list(dimension_names(*roots))
    pool = list(range(smallest, smallest + min(len(free), different)))
    below = nodes(*roots)
    shapes = {node.shape for node in below}
    dims = {d for shape in shapes for d in shape}
    cuts = [node for node in below if node.op.name == "submatrix"]
    leaves = symbols_of(*roots)
    for attempt in range(100):
        generator.shuffle(pool)
        drawn = dict(zip(free, pool + [generator.choice(pool) for _ in free[len(pool) :]], strict=True))
        if any(d.evaluate(drawn) * e.evaluate(drawn) > MAX_ENTRIES for d, e in shapes):
            drawn = {name: generator.randint(1, 3) for name in free}
        if attempt > 60:  # m − n may have to be positive, QᵀQ = I to be tall
            drawn = {name: generator.randint(1, 8) for name in free}
        if (
            all(d.evaluate(drawn) >= 1 for d in dims)
            and all(is_long_enough(leaf, drawn) for leaf in leaves)
            and all(is_inside(cut, drawn) for cut in cuts)
        ):
            held = prime_field() if field is None else field
            return FieldPoint(held, {leaf: _draw(leaf, drawn, generator, held, style) for leaf in leaves}, drawn)
    raise DeriveError("no sizes fit the formula", hint="are there any for which all shapes make sense?")


def is_inside(cut: Expr, sizes: Sizes) -> bool:
    """Whether a submatrix lies in its matrix, and a unit vector has its entry."""
    if cut.op.name == "basis":
        return bool(cut.data[0].evaluate(sizes) <= cut.data[1].evaluate(sizes))
    (matrix,), (top, rows, left, columns) = cut.args, cut.data
    ends = ((top + rows, matrix.shape[0]), (left + columns, matrix.shape[1]))
    return all(Dim.of(end).evaluate(sizes) <= size.evaluate(sizes) for end, size in ends)


def projected(properties: frozenset[str], A: Matrix) -> Matrix:
    """The orthogonal projection onto the matrices with the declared structure."""
    by_entry: dict[str, Callable[[int, int], Any]] = {
        "diagonal": lambda i, j: A[i][j] if i == j else 0.0,
        "symmetric": lambda i, j: (A[i][j] + A[j][i]) / 2,
        "skew": lambda i, j: (A[i][j] - A[j][i]) / 2,
        "upper": lambda i, j: A[i][j] if i <= j else 0.0,
        "lower": lambda i, j: A[i][j] if i >= j else 0.0,
    }
    entry = next((by_entry[word] for word in by_entry if word in properties), None)
    return A if entry is None else [[entry(i, j) for j in range(len(A[0]))] for i in range(len(A))]


def _draw(leaf: Expr, sizes: Sizes, generator: random.Random, field: Field, style: str) -> Matrix:
    rows, columns = (d.evaluate(sizes) for d in leaf.shape)
    held = leaf.properties

    def entry() -> Any:
        if field.is_exact:
            return generator.randrange(1, PRIME)
        if style == "integers":
            value = Fraction(generator.choice((-3, -2, -1, 1, 2, 3)))
        elif style == "origin":
            value = Fraction(0)
        elif style == "zeros" and generator.random() < 0.3 and "positive" not in held:
            value = Fraction(0)
        else:
            value = Fraction(generator.uniform(*_RANGES[style]))
        if "positive" in held:
            value = abs(value) or Fraction(1, 2)
        return field.number(abs(value) if "nonnegative" in held else value)

    return structured(held, rows, columns, entry, generator, field, has_full_rank=style != "zeros")


def structured(
    held: frozenset[str], rows: int, columns: int, entry: Callable[[], Any], generator: random.Random, field: Field,
    has_full_rank: bool = True,
) -> Matrix:  # fmt: skip
    """A random matrix with properties, made of random entries; a semidefinite one is singular or not."""
    if "orthonormal rows" in held:
        across = said_of_transpose(held)
        return turned(structured(across, columns, rows, entry, generator, field, has_full_rank))

    def filled(m: int, n: int) -> Matrix:
        return [[entry() for _ in range(n)] for _ in range(m)]

    eye = constant(field, rows, rows, lambda i, j: int(i == j))
    number, half = field.number, Fraction(1, 2)

    def plus(*operands: Matrix) -> Matrix:
        return zipped(lambda *entries: field.reduce(sum(entries[1:], entries[0])), *operands)

    def rotation() -> Matrix:
        """An orthogonal matrix; one that leaves 𝟏 as it is where lines are to sum to 1."""
        Q = eye
        for _ in range(max(1, rows - generator.randint(0, 1))):  # so many reflections make all of their sign
            v = filled(rows, 1)
            if held & SUMS:
                mean = field.reduce(sum(x for (x,) in v) * field.reciprocal(number(Fraction(rows))))
                v = [[field.reduce(x - mean)] for (x,) in v]
            square = times(field, turned(v), v)[0][0]
            if not square and not held & SUMS:
                v, square = [[number(Fraction(1))]] * rows, number(Fraction(rows))
            if square:
                factor = field.reduce(-2 * field.reciprocal(square))
                Q = times(field, Q, plus(eye, scaled(field, [[factor]], times(field, v, turned(v)))))
        return Q

    def idempotent() -> Matrix:
        """A projection of any rank; one that leaves 𝟏 as it is where lines are to sum to 1."""
        P, rank = scaled(field, [[number(Fraction(0))]], eye), generator.randint(1, max(1, rows - 1))
        if held & SUMS:
            share = [[field.reciprocal(number(Fraction(rows)))]]
            P, rank = scaled(field, share, constant(field, rows, rows, lambda i, j: 1)), rank - 1
        for _ in range(rank):
            v = filled(rows, 1)
            for _ in range(2):  # once more, for the rounding of floats
                v = zipped(lambda x, y: field.reduce(x - y), v, times(field, P, v))
            square = times(field, turned(v), v)[0][0]
            if square:
                P = plus(P, scaled(field, [[field.reciprocal(square)]], times(field, v, turned(v))))
        if "symmetric" in held or "orthogonal" in held:
            return P
        rest = plus(eye, scaled(field, [[number(Fraction(-1))]], P))
        return plus(P, times(field, times(field, P, filled(rows, rows)), rest))

    if "idempotent" in held:
        return idempotent()
    if "orthogonal" in held:
        if "diagonal" in held:
            return [[generator.choice((1, -1)) * x for x in row] for row in eye]
        if "symmetric" in held:
            two, less = (scaled(field, [[number(Fraction(k))]], A) for k, A in ((2, idempotent()), (-1, eye)))
            return plus(two, less)
        if "nonnegative" in held and held & SUMS:
            one = generator.randrange(rows)
            return [[row[one]] for row in eye]
        if held & {"positive", "nonnegative"} and not field.is_exact:
            v = filled(rows, 1)
            length = field.call("sqrt", times(field, turned(v), v)[0][0])
            return scaled(field, [[field.reciprocal(length)]], v) if length else [row[:1] for row in eye]
        return [row[:columns] for row in rotation()]
    is_signed = field.is_exact or not held & {"positive", "nonnegative"}
    if SUMS <= held:
        A = filled(rows, columns)
        A = plus(A, turned(A)) if "symmetric" in held else A
        share = field.reciprocal(number(Fraction(rows)))
        mean = scaled(field, [[share]], constant(field, rows, rows, lambda i, j: 1))
        C = plus(eye, scaled(field, [[number(Fraction(-1))]], mean))
        A = times(field, C, times(field, A, C))
        largest = 0 if is_signed else max(abs(x) for row in A for x in row)
        return plus(mean, scaled(field, [[share * half / largest]], A) if largest else A)
    for said, turn in (("column sums 1", turned), ("row sums 1", lambda rows: rows)):
        if said in held:  # positive entries are divided by their sum, others end in what is left to 1
            lines = turn(filled(rows, columns))
            if held & {"positive", "nonnegative"}:
                sums = [field.reduce(sum(line)) for line in lines]
                return turn([
                    [field.reduce(x * field.reciprocal(total)) for x in line]
                    if total else [field.reciprocal(field.number(Fraction(len(line))))] * len(line)
                    for line, total in zip(lines, sums, strict=True)
                ])  # fmt: skip
            one = field.number(Fraction(1))
            return turn([[*line[:-1], field.reduce(one - sum(line[:-1], 0 * one))] for line in lines])
    A = filled(rows, columns)
    if "spd" in held or "psd" in held:
        if "diagonal" in held:
            least = int("spd" in held)
            return zipped(lambda x, e: (abs(x) or least) * e, A, eye)
        B = A if has_full_rank or "spd" in held else filled(rows, max(rows - 1, 1))
        B = times(field, B, turned(B))
        return B if "spd" not in held else zipped(lambda x, e: field.reduce(x + e), B, eye)
    if "diagonal" in held:
        return zipped(mul, A, eye)
    if "skew" in held:
        return [[field.reduce(A[i][j]) if j < i else field.reduce(-A[j][i]) if j > i else 0 * A[i][i]
                 for j in range(rows)] for i in range(rows)]  # fmt: skip
    if "symmetric" in held:
        return [[A[max(i, j)][min(i, j)] for j in range(rows)] for i in range(rows)]
    if "upper" in held:
        return [[x if j >= i else 0 * x for j, x in enumerate(row)] for i, row in enumerate(A)]
    if "lower" in held:
        return [[x if j <= i else 0 * x for j, x in enumerate(row)] for i, row in enumerate(A)]
    return A
