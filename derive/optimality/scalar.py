"""Convexity of functions of a few numbers, from the signs of their second derivatives.

A function of vectors and matrices is brought to this in two ways.  A sum over entries,
Σ φ(uᵢ, vᵢ, …) with affine u, v, …, is convex where φ is.  And φ(g₁, g₂, …) of scalars gᵢ
of known curvature is convex where φ is, and increases in each convex gᵢ, decreases in each
concave one [B 3.2.4].

[B]  Boyd & Vandenberghe, Convex Optimization, 2004 (section).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain, combinations, count
from typing import NamedTuple

from ..errors import DeriveError
from ..expr import Expr, depends_on, fold, is_number, nodes, number, number_op, substitute, symbol, symbols_of
from ..facts import ranges_below
from ..jacobians import differential
from ..operations import FUNCTIONS, add, mul, power
from ..ranges import Range
from .composition import SMOOTH, Curve, curves
from .isolation import simple
from .polynomials import sign_of

MAX_VARIABLES = 3


class Reduced(NamedTuple):
    """A scalar function φ of scalar arguments, each standing for a part of the formula."""

    phi: Expr
    arguments: dict[Expr, Expr]  # by the symbol that stands for it
    known: dict[Expr, Range]  # the ranges of the symbols
    is_by_entry: bool


class StandIns:
    """Numbers that stand for parts of a formula, by the part."""

    def __init__(self, root: Expr, memo: Mapping[Expr, Curve], active: set[Expr]) -> None:
        self.memo, self.active = memo, active
        self.taken = {s.name for s in symbols_of(root)}
        self.made: dict[Expr, Expr] = {}

    def of(self, node: Expr) -> Expr:
        """The number that stands for a part; a scalar symbol keeps its name."""
        if node not in self.made:
            letters = "tsuvwz" if node in self.active else "abcde"
            free = (n for n in chain(letters, (f"{letters[0]}_{i}" for i in count(1))) if n not in self.taken)
            name = node.name if node.op.name == "symbol" and node.is_scalar else next(free)
            self.taken.add(name)
            properties = ("positive",) if self.memo[node].range.is_positive else ()
            self.made[node] = symbol(name, properties=properties)
        return self.made[node]

    def reduced(self, phi: Expr, is_by_entry: bool) -> Reduced | None:
        """φ as a function of those that move; None where none does."""
        used = set(symbols_of(phi))
        arguments = {s: part for part, s in self.made.items() if part in self.active and s in used}
        known = {s: self.memo[part].range for part, s in self.made.items()}
        return Reduced(phi, arguments, known, is_by_entry) if arguments else None


def by_entry(term: Expr, memo: Mapping[Expr, Curve], active: set[Expr]) -> Reduced | None:
    """The function of one entry that a sum over entries adds up; None where it is no such sum."""
    is_product = term.op.name in ("inner", "matmul") and term.is_scalar and len(term.args) == 2
    if term.op.name != "sum" and not is_product:
        return None
    numbers = StandIns(term, memo, active)

    def visit(node: Expr, args: list[Expr | None]) -> Expr | None:
        if node.op.name == "ones":
            return number(1)
        if node.op is number_op or node.op.name in ("constant", "dimension"):
            return node
        if node not in active or memo[node].is_affine:
            return numbers.of(node.args[0] if node.op.name == "transpose" else node)
        op = ENTRYWISE.get(node.op.name, FUNCTIONS.get(node.op.name))
        return None if op is None or any(a is None for a in args) else op(*args)

    parts = [part for part in (fold(arg, visit) for arg in term.args) if part is not None]
    return numbers.reduced(mul(*parts), True) if len(parts) == len(term.args) else None


ENTRYWISE: Mapping[str, Callable[..., Expr]] = {
    "add": add, "hadamard": mul, "scale": mul, "mul": mul, "power": power, "transpose": lambda entry: entry
}  # fmt: skip


def by_scalars(root: Expr, memo: Mapping[Expr, Curve], active: set[Expr], whole: bool = False) -> Reduced | None:
    """The formula as a function of the scalars that vectors and matrices first meet in.

    With `whole` of the variables that are scalars themselves, not of affine functions of them.
    """
    numbers = StandIns(root, memo, active)
    replaced: dict[Expr, Expr] = {}
    for node in nodes(root):
        if not node.is_scalar:
            continue
        is_affine = memo[node].is_affine and node is not root and not (whole and node.args)
        if node.op is number_op or node.op.name in ("constant", "dimension"):
            replaced[node] = node
        elif node in active and not is_affine and all(a in replaced for a in node.args):
            replaced[node] = node.op.build(tuple(replaced[a] for a in node.args), node.data)
        else:
            replaced[node] = numbers.of(node)
    found = numbers.reduced(replaced[root], False)
    if found is None or found.phi in found.arguments:
        return None
    return None if whole and any(part.args for part in found.arguments.values()) else found


def verdict(reduced: Reduced, memo: Mapping[Expr, Curve]) -> tuple[int, list[tuple[list[Expr], Expr]]] | None:
    """1 where φ and the formula are convex, −1 where they are concave, with the derivatives that show it."""
    variables = list(reduced.arguments)
    if len(variables) > MAX_VARIABLES:
        return None
    phi, known = _narrowed(reduced, memo)
    if phi is None:
        return None
    in_phi = {s.name: s for s in symbols_of(phi)}
    variables = [in_phi.get(v.name, v) for v in variables]  # some declared positive, as φ is defined there only
    try:
        first = [differential(phi, {v: number(1)})[0] for v in variables]
        second = [[simple(differential(d, {v: number(1)})[0]) for v in variables[: i + 1]] for i, d in enumerate(first)]
    except DeriveError:
        return None
    for sign in (1, -1):
        shown = definite(second, sign, known, variables)
        if shown is None:
            continue
        if all(_is_carried(sign, memo[g], first[i], known) for i, g in enumerate(reduced.arguments.values())):
            return sign, shown
    return None


def _narrowed(reduced: Reduced, memo: Mapping[Expr, Curve]) -> tuple[Expr | None, dict[Expr, Range]]:
    """φ with what a logarithm or a root takes declared positive; None where the domain may not be convex."""
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
    bounds = ranges_below(phi, known)
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
            if k.denominator == 1 and bounds[base].is_nonzero:
                continue
        below = [v for v in is_affine if v in set(nodes(base))]
        is_convex_condition = inside[base].is_concave and all(is_affine[v] for v in below)
        if bounds[base].is_positive:
            continue
        if base in is_affine or not is_convex_condition or (node.op.name == "power" and k.denominator == 1):
            return None, known
    return phi, known


def definite(
    second: Sequence[Sequence[Expr]], sign: int, known: Mapping[Expr, Range], variables: Sequence[Expr]
) -> list[tuple[list[Expr], Expr]] | None:
    """The second derivatives and minors that show a Hessian semidefinite of a sign; None where they do not."""
    n = len(second)
    rows = [[second[max(i, j)][min(i, j)] for j in range(n)] for i in range(n)]
    shown: list[tuple[list[Expr], Expr]] = []
    for size in range(1, n + 1):
        for chosen in combinations(range(n), size):
            minor = simple(_determinant([[rows[i][j] for j in chosen] for i in chosen]))
            if sign_of(minor, known) not in (0, sign**size):
                return None
            shown.append(([variables[i] for i in chosen], minor))
    return shown


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
