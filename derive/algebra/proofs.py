"""Proofs of equality: by normal form, by the relations of inverses, of determinants and of blocks.

Woodbury, push-through and Searle's set follow from the relations of the inverses in them
(`relations`).  Determinants are brought together by det(M + L R) = det(M) det(I + R M⁻¹ L)
[MC 24], those and inverses of 2 × 2 blocks by the Schur complement [MC 9.1].  An inverse that
only a proof uses exists at nearly all points, and rational functions equal there are equal
wherever both are defined.

[MC]  Petersen & Pedersen, The Matrix Cookbook, 2012 (equation or section).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import product as choices

from ..errors import DeriveError
from ..expr import Expr, dimension, fold, identity, identity_op, is_zero, nodes, over, substitute, zeros
from ..facts import is_invertible, is_positive
from ..operations import (
    absolute,
    add,
    block_op,
    det,
    inv,
    kron,
    log,
    logdet,
    matmul,
    matpow,
    mul,
    power,
    scale,
    trace,
    transpose,
    vec,
)
from ..shapes import Shape
from .atoms import mono_expr
from .budget import TooLargeError, Work
from .normal import Normalizer
from .polynomial import Mono, Poly, collect
from .relations import Relations

MAX_NODES = 150  # of formulas whose determinants are rewritten
MAX_WAYS = 16  # to write the determinants of one formula
MAX_SEARCHES = 30  # of pairs of those, for a proof by relations


class Proof:
    """Why two formulas are equal: rules, each from the relations of an inverse or from rules before it.

    Attributes
    ----------
    steps : list of (Expr, Expr, str)
        Left side, right side, and why they are equal.
    """

    def __init__(self, steps: Iterable[tuple[Expr, Expr, str]] = ()) -> None:
        self.steps = list(steps)

    @property
    def lines(self) -> list[str]:
        """The proof as text, one equation a line."""
        return [f"({i})  {a.text()} = {b.text()}   {why}" for i, (a, b, why) in enumerate(self.steps, 1)]


def prove(a: Expr, b: Expr) -> Proof | None:
    """A proof that two formulas are equal wherever both are defined; None if none is found."""
    if a.shape != b.shape:
        return None
    try:
        a, b = _to_the_right(a), _to_the_right(b)
        work = Work()
        return _proved(a, b, work) or _by_blocks(a, b, work) or _by_determinants(a, b, work)
    except (TooLargeError, DeriveError):
        return None


def proved(a: Expr, b: Expr, work: Work | None = None) -> bool:
    """Whether the normal form of the difference is zero, as far as the work goes."""
    if a is b:
        return True
    if a.shape != b.shape:
        return False
    try:
        ctx = Normalizer(work=work)
        difference = ctx.full(add(a, scale(-1, b)))
        return not (difference.terms and ctx.over_common_powers(difference, everywhere=True).terms)
    except TooLargeError:
        return False


def _proved(a: Expr, b: Expr, work: Work) -> Proof | None:
    """By the normal form, or by the relations of the inverses in it."""
    ctx = Normalizer(work=work)
    difference = _unstacked(ctx, ctx.full(add(a, scale(-1, b))))
    if not difference.terms or not ctx.over_common_powers(difference, everywhere=True).terms:
        return Proof()
    relations = Relations(ctx)
    used = relations.rewrite(difference)
    return None if used is None else Proof(relations.explained(used, a, b))


def _unstacked(ctx: Normalizer, poly: Poly) -> Poly:
    """vec(X)ᵀ vec(Y) as tr(Xᵀ Y), where u ⊗ v is vec(v uᵀ)."""
    total: list[tuple[Mono, Fraction]] = []
    for (scalars, chain), c in poly.terms.items():
        made = Poly(poly.shape, {((), chain): c})
        for base, e in scalars:
            traced = _inner_of_stacks(base) if e.denominator == 1 and 0 < e < 5 else None
            if traced is None:
                made = ctx.scaled_by(made, Fraction(1), ((base, e),))
            else:
                for _ in range(int(e)):
                    made = ctx.times(ctx.full(traced), made)
        total += made.terms.items()
    return collect(poly.shape, total)


def _inner_of_stacks(base: Expr) -> Expr | None:
    if base.op is not matmul or len(base.args) != 2 or base.args[0].op is not transpose:
        return None
    one, two = _unstack(base.args[0].args[0]), _unstack(base.args[1])
    return None if one is None or two is None or one.shape != two.shape else trace(transpose(one) @ two)


def _unstack(column: Expr) -> Expr | None:
    if column.op is vec:
        return column.args[0]
    if column.op is kron and all(part.is_vector for part in column.args):
        return column.args[1] @ transpose(column.args[0])
    return None


def _to_the_right(expr: Expr) -> Expr:
    """(A ⊗ B) ⊗ C as A ⊗ (B ⊗ C)."""

    def visit(node: Expr, args: list[Expr]) -> Expr:
        if node.op is kron and args[0].op is kron:
            return kron(args[0].args[0], visit(node, [args[0].args[1], args[1]]))
        return over(node, args)

    return fold(expr, visit)


# Determinants


def _by_determinants(a: Expr, b: Expr, work: Work) -> Proof | None:
    """Write the determinants of either formula in other ways until the two meet."""
    below = nodes(a, b)
    if len(below) > MAX_NODES or not any(node.op in (det, logdet) for node in below):
        return None
    inverses = {node.args[0] for node in below if node.op is inv}
    lefts, rights = _rewritten(a, inverses, work), _rewritten(b, inverses, work)
    pairs = [(*one, *two) for one in lefts for two in rights]
    pairs.sort(key=lambda pair: len(pair[1]) + len(pair[3]))
    for x, one, y, two in pairs:
        if proved(x, y, work):
            return Proof([*one, *two, (a, b, "by these")])
    for x, one, y, two in pairs[:MAX_SEARCHES]:
        found = _proved(x, y, work)
        if found is not None:
            return Proof([*one, *two, *found.steps, (a, b, "by these")])
    return None


Steps = tuple[tuple[Expr, Expr, str], ...]


def _rewritten(expr: Expr, inverses: set[Expr], work: Work) -> list[tuple[Expr, Steps]]:
    """A formula, and what one or two rewritten determinants make of it."""
    reached: list[tuple[Expr, Steps]] = [(expr, ())]
    for made, steps in reached:
        for node in nodes(made) if len(steps) < 2 else ():
            if node.op not in (det, logdet):
                continue
            for other, why in _determinants(node, inverses, work):
                if len(reached) >= MAX_WAYS:
                    return reached
                reached.append((substitute(made, {node: other}), (*steps, (node, other, why))))
    return reached


def _determinants(node: Expr, inverses: set[Expr], work: Work) -> Iterator[tuple[Expr, str]]:
    """Other ways to write a determinant: of a multiple, of A ⊗ B, and of M + L R for each M that has an inverse."""
    ctx = Normalizer(work=work)
    poly = ctx.full(node.args[0])
    single = poly.single()
    if single is not None:
        whole = mono_expr(single[0], single[1], poly.shape)
        other = _of_one(node, whole)
        if other is not node:
            yield other, "det(c A ⊗ B) = cᵐⁿ det(A)ⁿ det(B)ᵐ"
        return
    for (scalars, chain), c in poly.terms.items():
        M = mono_expr(c, (scalars, chain), poly.shape)
        factors = [f.args[0] if f.op is transpose else f for f in chain]
        if any(f.shape[0] is not f.shape[1] for f in factors):
            continue
        if not all(f.op is inv or f in inverses or is_invertible(f) for f in factors) and M not in inverses:
            continue
        rest = [(m, k) for m, k in poly.terms.items() if m != (scalars, chain)]
        for left, right in _splits(rest, poly.shape):
            inner = identity(left.shape[1]) + right @ inv(M) @ left
            yield _joined(node, _of_one(node.op(M), M), inner), "det(M + L R) = det(M) det(I + R M⁻¹ L)"


def _of_one(node: Expr, M: Expr) -> Expr:
    """The determinant of a multiple or a Kronecker product, taken apart."""
    is_log = node.op is logdet
    if M.op is scale:
        size = dimension(M.shape[0])
        c, rest = M.args[0], _of_one(node.op(M.args[1]), M.args[1])
        return add(size * log(absolute(c)), rest) if is_log else mul(power(c, size), rest)
    if M.op is kron and all(A.is_square for A in M.args):
        (A, B), (m, n) = M.args, (dimension(A.shape[0]) for A in M.args)
        return add(n * logdet(A), m * logdet(B)) if is_log else mul(power(det(A), n), power(det(B), m))
    return node


def _joined(node: Expr, outer: Expr, inner: Expr) -> Expr:
    """det M · det S, or the sum of their logarithms; S may be a number."""
    if node.op is det:
        return mul(outer, inner if inner.is_scalar else det(inner))
    if not inner.is_scalar:
        return add(outer, logdet(inner))
    return add(outer, log(inner if is_positive(inner) else absolute(inner)))


def _splits(terms: list[tuple[Mono, Fraction]], shape: Shape) -> Iterator[tuple[Expr, Expr]]:
    """A sum as a product of two, at each place of what its terms have in common."""
    words = [chain for (_, chain), _ in terms]
    if not words or not all(words):
        return
    yield add(*(mono_expr(c, m, shape) for m, c in terms)), identity(shape[1])
    n = min(map(len, words))
    for i in range(1, n if len(words) == 1 else n + 1):
        if len({word[:i] for word in words}) == 1:
            rest = [mono_expr(c, (s, word[i:]), (words[0][i - 1].shape[1], shape[1])) for (s, word), c in terms]
            yield matmul(*words[0][:i]), add(*rest)
        if len(words) > 1 and len({word[-i:] for word in words}) == 1:
            rest = [mono_expr(c, (s, word[:-i]), (shape[0], words[0][-i].shape[0])) for (s, word), c in terms]
            yield add(*rest), matmul(*words[0][-i:])


# Blocks

Grid = list[list[Expr]]


def _by_blocks(a: Expr, b: Expr, work: Work) -> Proof | None:
    """Compare block by block; an inverse or determinant of 2 × 2 blocks by either Schur complement."""
    if not any(node.op is block_op for node in nodes(a, b)):
        return None
    for one, other in choices((True, False), repeat=2):
        left, right = _gridded(a, one), _gridded(b, other)
        if left is None or right is None:
            continue
        if len(left) * len(left[0]) == 1:
            left = _like(left[0][0], right)
        if left is not None and len(right) * len(right[0]) == 1:
            right = _like(right[0][0], left)
        if left is None or right is None or _shapes(left) != _shapes(right):
            continue
        steps: list[tuple[Expr, Expr, str]] = []
        for rows in zip(left, right):
            for x, y in zip(*rows):
                proof = _proved(x, y, work) or _by_determinants(x, y, work)
                if proof is None:
                    break
                steps += proof.steps or [(x, y, "the same normal form")]
            else:
                continue
            break
        else:
            return Proof([*steps, (a, b, "block by block, inverses by the Schur complement")])
    return None


def _shapes(grid: Grid) -> list[list[Shape]]:
    return [[e.shape for e in row] for row in grid]


def _like(expr: Expr, grid: Grid) -> Grid | None:
    """The identity or zero in blocks of the sizes of another."""
    if len(grid) * len(grid[0]) == 1:
        return [[expr]]
    if is_zero(expr):
        return [[zeros(*e.shape) for e in row] for row in grid]
    if expr.op is identity_op and all(grid[i][i].is_square for i in range(min(len(grid), len(grid[0])))):
        return [
            [identity(e.shape[0]) if i == j else zeros(*e.shape) for j, e in enumerate(r)] for i, r in enumerate(grid)
        ]
    return None


def _gridded(expr: Expr, is_upper: bool) -> Grid | None:
    """A formula as blocks of formulas without blocks; None where its partition does not go through."""
    found: dict[Expr, Grid | None] = {}
    for node in nodes(expr):
        args = [found[arg] for arg in node.args]
        if any(arg is None for arg in args):
            found[node] = None
        elif node.op is block_op or any(len(arg) * len(arg[0]) > 1 for arg in args if arg):
            found[node] = _block(node, [arg for arg in args if arg], is_upper)
        else:
            found[node] = [[over(node, [arg[0][0] for arg in args if arg])]]
    return found[expr]


def _block(node: Expr, args: list[Grid], is_upper: bool) -> Grid | None:
    op = node.op
    if op is block_op:
        if any(len(arg) * len(arg[0]) > 1 for arg in args):
            return None
        width = node.data[1]
        flat = [arg[0][0] for arg in args]
        return [flat[i : i + width] for i in range(0, len(flat), width)]
    if op is transpose:
        return [[transpose(e) for e in column] for column in zip(*args[0])]
    if op is add:
        model = next(arg for arg in args if len(arg) * len(arg[0]) > 1)
        terms = [_like(arg[0][0], model) if len(arg) * len(arg[0]) == 1 else arg for arg in args]
        if any(t is None or _shapes(t) != _shapes(model) for t in terms):
            return None
        return [[add(*(t[i][j] for t in terms if t)) for j in range(len(model[0]))] for i in range(len(model))]
    if op is scale:
        return [[scale(args[0][0][0], e) for e in row] for row in args[1]]
    if op is matmul or op is matpow:
        factors = args if op is matmul else args * node.data[0] if node.data[0] > 0 else []
        made = factors[0] if factors else None
        for factor in factors[1:]:
            if made is None or [e.shape[1] for e in made[0]] != [row[0].shape[0] for row in factor]:
                return None
            columns = list(zip(*factor))
            made = [[add(*(x @ y for x, y in zip(row, column))) for column in columns] for row in made]
        return made
    if op is kron and len(args[1]) * len(args[1][0]) == 1:
        return [[kron(e, args[1][0][0]) for e in row] for row in args[0]]
    if op is trace and all(args[0][i][i].is_square for i in range(len(args[0]))):
        return [[add(*(trace(row[i]) for i, row in enumerate(args[0])))]]
    if op in (inv, det, logdet) and len(args[0]) == len(args[0][0]) == 2 and args[0][0][0].is_square:
        return _schur(node, args[0], is_upper)
    return None


def _schur(node: Expr, grid: Grid, is_upper: bool) -> Grid:
    """Inverse or determinant by the complement of the upper left block, or of the lower right one."""
    (A, B), (C, D) = grid if is_upper else [row[::-1] for row in grid[::-1]]
    a = inv(A)
    S = D - C @ a @ B
    if node.op is not inv:
        return [[_joined(node, node.op(A), S)]]
    s = inv(S)
    made = [[a + a @ B @ s @ C @ a, -(a @ B @ s)], [-(s @ C @ a), s]]
    return made if is_upper else [row[::-1] for row in made[::-1]]
