"""Convexity of functions of a few numbers, from the signs of their second derivatives.

A function of vectors and matrices is brought to this in two ways.  A sum over entries,
Σ φ(uᵢ, vᵢ, …) with affine u, v, …, is convex where φ is.  And φ(g₁, g₂, …) of scalars gᵢ
of known curvature is convex where φ is, and increases in each convex gᵢ, decreases in each
concave one [B 3.2.4].

[B]  Boyd & Vandenberghe, Convex Optimization, 2004 (section).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from ..algebra.forms import expand
from ..algebra.normal import Normalizer
from ..errors import DeriveError
from ..expr import Expr, depends_on, fold, is_number, nodes, number, number_op, symbol
from ..jacobians import differential
from ..operations import FUNCTIONS, add, mul, power
from .composition import SMOOTH, Curve, curves
from .isolation import simple
from .ranges import Range, ranges

MAX_VARIABLES = 3


class Reduced:
    """A scalar function φ of scalar arguments, each standing for a part of the formula."""

    __slots__ = ("phi", "arguments", "known", "is_by_entry")

    def __init__(self, phi: Expr, arguments: dict[Expr, Expr], known: dict[Expr, Range], is_by_entry: bool) -> None:
        self.phi = phi
        self.arguments = arguments  # by the symbol that stands for it
        self.known = known  # the ranges of the symbols
        self.is_by_entry = is_by_entry


_LETTERS = "tsuvwz"


def _fresh(taken: set[str], letters: str) -> str:
    """A name that is free, and taken from now on."""
    name: str = next(n for n in (*letters, *(f"{letters[0]}_{i}" for i in range(1, 10_000))) if n not in taken)
    taken.add(name)
    return name


def _stand_in(node: Expr, bounds: Range, names: set[str], letters: str) -> Expr:
    name = node.name if node.op.name == "symbol" and node.is_scalar else _fresh(names, letters)
    return symbol(name, properties=("positive",) if bounds.is_positive else ())


def by_entry(term: Expr, memo: Mapping[Expr, Curve], active: set[Expr]) -> Reduced | None:
    """The function of one entry that a sum over entries adds up; None where it is no such sum."""
    is_product = term.op.name in ("inner", "matmul") and term.is_scalar and len(term.args) == 2
    if term.op.name != "sum" and not is_product:
        return None
    names = {n.name for n in nodes(term) if n.op.name == "symbol"}
    made: dict[Expr, Expr] = {}
    arguments: dict[Expr, Expr] = {}
    known: dict[Expr, Range] = {}

    def visit(node: Expr, args: list[Expr | None]) -> Expr | None:
        if node.op.name == "ones":
            return number(1)
        if node.op is number_op or node.op.name in ("constant", "dimension"):
            return node
        if node in active and not memo[node].is_affine:
            return _one_entry(node, args)
        key = node.args[0] if node.op.name == "transpose" else node
        if key not in made:
            made[key] = _stand_in(key, memo[key].range, names, _LETTERS if node in active else "abcde")
            known[made[key]] = memo[key].range
            if node in active:
                arguments[made[key]] = key
        return made[key]

    parts = [part for part in (fold(arg, visit) for arg in term.args) if part is not None]
    if len(parts) < len(term.args):
        return None
    phi = mul(*parts)
    used = set(nodes(phi))
    arguments = {s: g for s, g in arguments.items() if s in used}
    return Reduced(phi, arguments, known, True) if arguments else None


def _one_entry(node: Expr, args: list[Expr | None]) -> Expr | None:
    if any(a is None for a in args):
        return None
    name, known = node.op.name, [a for a in args if a is not None]
    if name == "add":
        return add(*known)
    if name in ("hadamard", "scale", "mul"):
        return mul(*known)
    if name == "power":
        return power(*known)
    if name == "transpose":
        return known[0]
    return node.op(*known) if name in FUNCTIONS else None


def by_scalars(root: Expr, memo: Mapping[Expr, Curve], active: set[Expr], whole: bool = False) -> Reduced | None:
    """The formula as a function of the scalars that vectors and matrices first meet in.

    With `whole` of the variables that are scalars themselves, not of affine functions of them.
    """
    names = {n.name for n in nodes(root) if n.op.name == "symbol"}
    made: dict[Expr, Expr] = {}
    arguments: dict[Expr, Expr] = {}
    known: dict[Expr, Range] = {}

    def stand_in(node: Expr) -> Expr:
        if node not in made:
            made[node] = _stand_in(node, memo[node].range, names, _LETTERS if node in active else "abcde")
            known[made[node]] = memo[node].range
            if node in active:
                arguments[made[node]] = node
        return made[node]

    replaced: dict[Expr, Expr] = {}
    for node in nodes(root):
        if not node.is_scalar:
            continue
        if node.op is number_op or node.op.name in ("constant", "dimension"):
            replaced[node] = node
        elif node not in active or (memo[node].is_affine and node is not root and not (whole and node.args)):
            replaced[node] = stand_in(node)
        elif all(a in replaced for a in node.args):
            replaced[node] = node.op.build(tuple(replaced[a] for a in node.args), node.data)
        else:
            replaced[node] = stand_in(node)
    phi = replaced[root]
    if phi in arguments or not arguments or (whole and any(g.args for g in arguments.values())):
        return None
    used = set(nodes(phi))
    arguments = {s: g for s, g in arguments.items() if s in used}
    return Reduced(phi, arguments, known, False)


def verdict(reduced: Reduced, memo: Mapping[Expr, Curve]) -> tuple[int, list[tuple[list[Expr], Expr]]] | None:
    """1 where φ and the formula are convex, −1 where they are concave, with the derivatives that show it."""
    variables = list(reduced.arguments)
    if len(variables) > MAX_VARIABLES:
        return None
    phi, known = _narrowed(reduced, memo)
    if phi is None:
        return None
    reduced_variables = list(known_variables(phi, variables))
    try:
        first = [differential(phi, {v: number(1)})[0] for v in reduced_variables]
        second = [
            [simple(differential(d, {v: number(1)})[0]) for v in reduced_variables[: i + 1]]
            for i, d in enumerate(first)
        ]
    except DeriveError:
        return None
    for sign in (1, -1):
        shown = definite(second, sign, known, reduced_variables)
        if shown is None:
            continue
        if all(_is_carried(sign, memo[g], first[i], known) for i, g in enumerate(reduced.arguments.values())):
            return sign, shown
    return None


def known_variables(phi: Expr, variables: Sequence[Expr]) -> Iterator[Expr]:
    """The variables as they stand in φ, some declared positive since φ is defined there only."""
    in_phi = {n.name: n for n in nodes(phi) if n.op.name == "symbol"}
    for v in variables:
        yield in_phi.get(v.name, v)


def _narrowed(reduced: Reduced, memo: Mapping[Expr, Curve]) -> tuple[Expr | None, dict[Expr, Range]]:
    """φ with what a logarithm or a root takes declared positive; None where the domain may not be convex."""
    from ..expr import substitute

    phi, known = reduced.phi, dict(reduced.known)
    positive: dict[Expr, Expr] = {}
    active = depends_on(phi, known)
    for node in nodes(phi):
        name = node.op.name
        if node in active and name not in SMOOTH:
            return None, known
        base = node.args[0] if name in ("log", "power") else None
        if base in reduced.arguments and not known[base].is_positive:
            is_root = name == "log" or not is_number(node.args[1]) or node.args[1].data[0].denominator != 1
            if is_root and memo[reduced.arguments[base]].is_concave:
                positive[base] = symbol(base.name, properties=("positive",))
    for old, new in positive.items():
        known[new] = known.pop(old).within(Range(0, float("inf"), True))
    if positive:
        phi = substitute(phi, positive)
    bounds = ranges(phi, known)
    variables = [n for n in nodes(phi) if n in known]
    active = depends_on(phi, [v for v in variables if v.name in {a.name for a in reduced.arguments}])
    inside = curves(phi, [v for v in variables if v in active])
    by_name = {v.name: v for v in variables}
    is_affine = {by_name[s.name]: memo[g].is_affine for s, g in reduced.arguments.items() if s.name in by_name}
    for node in nodes(phi):
        if node not in active or node.op.name not in ("log", "power"):
            continue
        base = node.args[0]
        if node.op.name == "power":
            if not is_number(node.args[1]):
                return None, known
            k = node.args[1].data[0]
            if k.denominator == 1 and k > 0:
                continue
            if k.denominator == 1 and (bounds[base].is_positive or bounds[base].is_negative):
                continue
        below = [v for v in is_affine if v in set(nodes(base))]
        is_convex_condition = inside[base].is_concave and all(is_affine[v] for v in below)
        if bounds[base].is_positive:
            continue
        if base in is_affine or not is_convex_condition or (node.op.name == "power" and k.denominator == 1):
            return None, known
    return phi, known


def sign_of(expr: Expr, known: Mapping[Expr, Range]) -> int | None:
    """1 where no value is negative, −1 where none is positive, 0 where all are 0; None where neither is seen."""
    forms: tuple[Callable[[Expr], Expr], ...] = (lambda e: e, expand, over_one_denominator)
    for form in forms:
        try:
            shown = form(expr)
        except DeriveError:
            continue
        found = ranges(shown, known)[shown]
        if found.lo == found.hi == 0:
            return 0
        if found.is_nonnegative:
            return 1
        if found.is_nonpositive:
            return -1
    from .polynomials import sign_of_polynomial

    return sign_of_polynomial(expr, known)


def over_one_denominator(expr: Expr) -> Expr:
    """The formula multiplied out, over the reciprocal powers of sums that its terms share."""
    ctx = Normalizer()
    return ctx.canonical(ctx.over_common_powers(ctx.full(expr), everywhere=True))


def definite(
    second: Sequence[Sequence[Expr]], sign: int, known: Mapping[Expr, Range], variables: Sequence[Expr]
) -> list[tuple[list[Expr], Expr]] | None:
    """The second derivatives and minors that show a Hessian semidefinite of a sign; None where they do not."""
    n = len(second)
    rows = [[second[max(i, j)][min(i, j)] for j in range(n)] for i in range(n)]
    shown: list[tuple[list[Expr], Expr]] = []
    for size in range(1, n + 1):
        for chosen in _subsets(n, size):
            minor = simple(_determinant([[rows[i][j] for j in chosen] for i in chosen]))
            if sign_of(minor, known) not in (0, sign**size):
                return None
            shown.append(([variables[i] for i in chosen], minor))
    return shown


def _subsets(n: int, size: int) -> Iterator[tuple[int, ...]]:
    from itertools import combinations

    return combinations(range(n), size)


def _determinant(rows: list[list[Expr]]) -> Expr:
    if len(rows) == 1:
        return rows[0][0]
    total = number(0)
    for j, entry in enumerate(rows[0]):
        minor = _determinant([[*row[:j], *row[j + 1 :]] for row in rows[1:]])
        total = total + number((-1) ** j) * entry * minor
    return total


def _is_carried(sign: int, inner: Curve, slope: Expr, known: Mapping[Expr, Range]) -> bool:
    """Whether φ passes the curvature of an argument on."""
    if inner.is_affine:
        return True
    rising = sign_of(simple(slope), known)
    if rising is None:
        return False
    return rising == 0 or (inner.is_convex and rising == sign) or (inner.is_concave and rising == -sign)
