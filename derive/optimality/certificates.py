"""Proofs that a formula is convex or concave: composition, second derivatives, sums of squares.

The domain must be convex too.  A logarithm, a root and a reciprocal are defined where
their operand is positive, which is a convex condition where the operand is concave; the
inverse and the log-determinant of a matrix that is affine and semidefinite, where it is
definite.  What is defined on another set has no certificate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from ..algebra.budget import TooLargeError
from ..algebra.forms import expand
from ..errors import DeriveError
from ..expr import Expr, depends_on, fold, is_number, nodes, number, ones, over
from ..facts import is_semidefinite
from ..operations import log, logsumexp, sigmoid, softmax, softplus, terms_of
from .composition import SMOOTH, Curve, curves, reflected
from .remarks import Part, Remark
from .scalar import Reduced, by_entry, by_scalars, verdict
from .semidefinite import Form, second_differential

MAX_NODES = 400  # of a formula for which more than composition is tried


class Certificate(NamedTuple):
    """A proof: 1 for convex, −1 for concave, 0 for affine, and what it rests on."""

    sign: int
    steps: list[Remark]


class Prover:
    """The certificates of one formula in its variables."""

    def __init__(self, expr: Expr, variables: Sequence[Expr]) -> None:
        self.expr = expr
        self.variables = [v for v in variables if v in set(nodes(expr))]
        self._expanded: Expr | None = None

    @property
    def expanded(self) -> Expr:
        """The formula multiplied out, like terms collected; itself where that is too long."""
        if self._expanded is None:
            plain = without_logistic(self.expr)
            try:
                self._expanded = expand(plain) if len(nodes(plain)) <= MAX_NODES else plain
            except (DeriveError, TooLargeError):
                self._expanded = plain
        return self._expanded

    def quick(self) -> Certificate | None:
        """By composition, as the formula is written."""
        return composed(self.expr, self.variables)

    def thorough(self, signs: Sequence[int] = (1, -1)) -> Certificate | None:
        """By all that is known; only certificates of the given signs are wanted."""
        if len(nodes(self.expr)) > MAX_NODES:
            return None
        ways: list[Callable[[], Certificate | None]] = [
            lambda: termwise(self.expr, self.variables),
            lambda: composed(self.expanded, self.variables) if self.expanded is not self.expr else None,
            lambda: termwise(self.expanded, self.variables) if self.expanded is not self.expr else None,
            lambda: squares(self.expr, self.variables),
            lambda: mended(self.expr, self.variables),
        ]
        for way in ways:
            found = way()
            if found is not None and (found.sign in signs or not found.sign):
                return found
        return None


def without_logistic(expr: Expr) -> Expr:
    """log σ(z) = z − softplus(z), log(1 − σ(z)) = −softplus(z), log softmax(z) = z − 𝟏 logsumexp(z)."""

    def visit(node: Expr, args: list[Expr]) -> Expr:
        inside = args[0] if node.op is log else None
        if inside is not None and inside.op is sigmoid:
            return inside.args[0] - softplus(inside.args[0])
        if inside is not None and inside.op is softmax:
            z = inside.args[0]
            return z - logsumexp(z) * ones(*z.shape)
        z_or_none = None if inside is None else reflected(inside)
        if z_or_none is not None:
            return -softplus(z_or_none)
        return over(node, args)

    return fold(expr, visit)


def composed(expr: Expr, variables: Sequence[Expr], known: Mapping[Expr, Curve] | None = None) -> Certificate | None:
    """By the rules of composition."""
    memo = curves(expr, variables, known)
    sign = _sign(memo[expr])
    if sign is None:
        return None
    return Certificate(sign, list(_said(expr, memo, depends_on(expr, variables))))


def _sign(curve: Curve) -> int | None:
    return 0 if curve.is_affine else 1 if curve.is_convex else -1 if curve.is_concave else None


def _said(expr: Expr, memo: dict[Expr, Curve], active: set[Expr]) -> Iterator[Remark]:
    """What holds of the parts, each after its own parts."""
    for node in nodes(expr):
        curve = memo[node]
        sign = _sign(curve)
        if node not in active or not sign or not curve.why:
            continue
        kind = "convex" if sign > 0 else "concave"
        if curve.root is not None and curve.root == float("inf") and node is not expr:
            kind = "log-convex"
        yield Remark([node], f" is {kind}: {curve.why}")


MAX_MENDED = 6  # parts that composition does not decide and that are tried by themselves


def mended(expr: Expr, variables: Sequence[Expr]) -> Certificate | None:
    """By composition of parts whose curvature the other ways tell."""
    active = depends_on(expr, variables)
    known: dict[Expr, Curve] = {}
    steps: list[Remark] = []
    memo = curves(expr, variables)
    tried = 0
    for node in nodes(expr):
        if node not in active or not node.is_scalar or node is expr or _sign(memo[node]) is not None:
            continue
        tried += 1
        if tried > MAX_MENDED:
            break
        found = reduced(node, variables) or squares(node, variables)
        if found is not None:
            kind = {1: "convex", -1: "concave", 0: "affine"}[found.sign]
            known[node] = Curve(memo[node].range, found.sign >= 0, found.sign <= 0)
            steps += [*found.steps, Remark("so that ", [node], f" is {kind}")]
            memo = curves(expr, variables, known)
    whole = composed(expr, variables, known) if known else None
    return None if whole is None else Certificate(whole.sign, steps + whole.steps)


def termwise(expr: Expr, variables: Sequence[Expr]) -> Certificate | None:
    """Each term of a sum by itself."""
    steps: list[Remark] = []
    total = 0
    parts = list(terms_of(expr))
    for term in parts:
        if not set(variables) & set(nodes(term)):
            continue
        found = composed(term, variables) or reduced(term, variables)
        if found is None and len(parts) > 1:
            found = squares(term, variables)
        if found is None or found.sign * total < 0:
            return None
        total = total or found.sign
        steps += found.steps
    if len(parts) > 1 and total:
        steps.append(Remark([expr], f" is a sum of {'convex' if total > 0 else 'concave'} terms"))
    return Certificate(total, steps)


def reduced(term: Expr, variables: Sequence[Expr]) -> Certificate | None:
    """By the second derivatives of a function of a few numbers."""
    memo = curves(term, variables)
    active = depends_on(term, variables)
    factors, body = _unscaled(term, active)
    sign = 1
    if factors:
        bounds = memo[factors[0]].range
        for other in factors[1:]:
            bounds = bounds * memo[other].range
        if not (bounds.is_nonnegative or bounds.is_nonpositive):
            return None
        sign = 1 if bounds.is_nonnegative else -1
    tried: tuple[Callable[[], Reduced | None], ...] = (
        lambda: by_scalars(term, memo, active, whole=True),
        lambda: by_scalars(term, memo, active),
        lambda: by_entry(body, memo, active) if body in memo else None,
    )
    for way in tried:
        found = way()
        shown = None if found is None else verdict(found, memo)
        if found is not None and shown is not None:
            outer = sign if found.is_by_entry else 1
            return Certificate(shown[0] * outer, list(_derivatives(found, shown[0], shown[1], memo)))
    return None


def _unscaled(term: Expr, active: set[Expr]) -> tuple[list[Expr], Expr]:
    """The constant factors of a product, and the one that is none."""
    moving = [f for f in term.args if f in active] if term.op.name == "mul" else []
    return ([f for f in term.args if f not in active], moving[0]) if len(moving) == 1 else ([], term)


def _derivatives(
    found: Reduced, sign: int, shown: list[tuple[list[Expr], Expr]], memo: dict[Expr, Curve]
) -> Iterator[Remark]:
    for symbol, argument in found.arguments.items():
        curve = memo[argument]
        kind = "affine" if curve.is_affine else "convex" if curve.is_convex else "concave"
        if found.is_by_entry:
            yield Remark([symbol], " stands for an entry of ", [argument], f", which is {kind}")
        elif argument.args:
            yield Remark([symbol], " stands for ", [argument], f", which is {kind}")
    term = "each term " if found.is_by_entry else "φ = "
    for by, derivative in shown:
        relation = "≥" if sign > 0 or len(by) > 1 else "≤"
        what = "the second derivative of " if len(by) == 1 else "the minor of the Hessian of "
        yield Remark(f"{what}{term}", [found.phi], " by ", *_listed(by), " is ", [derivative, relation, number(0)])
    if any(not memo[a].is_affine for a in found.arguments.values()):
        grows, falls = ("convex", "concave") if sign > 0 else ("concave", "convex")
        yield Remark(f"φ does not decrease in what is {grows}, nor increase in what is {falls}")


def _listed(symbols: Sequence[Expr]) -> Iterator[Part]:
    for i, s in enumerate(symbols):
        if i:
            yield ", "
        yield [s]


def squares(expr: Expr, variables: Sequence[Expr]) -> Certificate | None:
    """By the second differential, as a sum of squares."""
    if not is_smooth_on_convex(expr, variables):
        return None
    try:
        second, moved = second_differential(expr, variables)
        form = Form(second, moved.values())
        if not form.poly.terms:
            return Certificate(0, [Remark("the second differential vanishes")])
        for sign in (1, -1):
            if form.is_semidefinite(sign):
                shown = form.ctx.canonical(form.poly)
                relation = "≥" if sign > 0 else "≤"
                steps = [Remark("the second differential is ", [shown, relation, number(0)])]
                return Certificate(sign, [*steps, *(Remark("since ", *reason) for reason in form.reasons)])
    except (DeriveError, TooLargeError):
        return None
    return None


def is_smooth_on_convex(expr: Expr, variables: Sequence[Expr]) -> bool:
    """Whether the formula is twice differentiable on its domain, and that is convex."""
    memo = curves(expr, variables)
    active = depends_on(expr, variables)
    for node in nodes(expr):
        if node not in active or not node.args:
            continue
        name = node.op.name
        if name not in SMOOTH:
            return False
        if name in ("inv", "logdet") or (name == "matpow" and node.data[0] < 0):
            if not memo[node.args[0]].is_affine or not is_semidefinite(node.args[0]):
                return False
        if name == "log" and not (memo[node.args[0]].is_concave or memo[node.args[0]].range.is_positive):
            return False
        if name == "power" and not _is_convex_power(node, memo, active):
            return False
    return True


def _is_convex_power(node: Expr, memo: dict[Expr, Curve], active: set[Expr]) -> bool:
    base, exponent = node.args
    if exponent in active or not is_number(exponent):
        return memo[base].range.is_positive
    k: Fraction = exponent.data[0]
    bounds = memo[base].range
    if k.denominator == 1:
        return k > 0 or bounds.is_nonzero or (bounds.is_nonnegative and memo[base].is_concave)
    return bounds.is_positive or memo[base].is_concave
