"""Solutions: where a derivative is said to vanish, it is evaluated there.

`w = (XᵀX)⁻¹Xᵀy` after a loss of w is no formula for w: nothing is put in, above or below.  The derivative of the loss
by w is taken at that point; where it vanishes, the line is an assumption that can be relied on, and else it fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import DeriveError
from ..expr import Expr, substitute, symbol_op, symbols_of
from .claims import Claim
from .derivatives import Builder
from .edits import edits
from .trees import Tree

if TYPE_CHECKING:
    from .judgments import Judgment
    from .verdicts import Judge

SEEDS = (3, 5)
MAX_REPAIRS = 120  # edits tried on a solution


def judged_solution(judge: Judge, claim: Claim) -> Judgment:
    from .judgments import Judgment

    side = claim.sides[1]
    assumed = Judgment("assumption", "a statement about this letter, not for all values of it", side)
    variable = judge.scope.symbols.get(claim.name or "")
    if variable is None or variable in judge.scope.definitions or side.tree is None:
        return assumed
    try:
        point = Builder(judge.scope).value(side.tree, variable.shape)
    except DeriveError:
        return assumed
    losses = _losses(judge, variable)
    if not isinstance(point, Expr) or point.shape != variable.shape or not losses:
        return assumed
    point = judge.whole(point)
    wrong: tuple[str, Expr] | None = None
    for name, loss in losses:
        slope = judge.scope.sweep(loss, variable).total
        held = vanishes(slope, variable, point)
        if held:
            judgment = Judgment("assumption", f"the derivative of {name} by {variable.text()} vanishes there", side)
            judgment.value = point
            return judgment
        if held is False and wrong is None and set(symbols_of(point)) <= set(symbols_of(loss)):
            wrong = name, slope
    if wrong is None or not claim.is_judged:
        return assumed
    name, slope = wrong
    judgment = Judgment("fails", f"the derivative of {name} by {variable.text()} does not vanish there", side)
    judgment.value, judgment.tree = point, side.tree
    judgment.mended = _mended(judge, side.tree, slope, variable)
    return judgment


def _losses(judge: Judge, variable: Expr) -> list[tuple[str, Expr]]:
    """The scalars that the document differentiates, or defines last, and that depend on the variable."""
    scope = judge.scope
    names = [scope.loss] if scope.loss else []
    names += [n for n, s in scope.symbols.items() if s in scope.definitions and s.is_scalar and n not in names]
    found = []
    for name in names:
        made = scope.symbols[name]
        if made not in scope.definitions or scope.upstream and any(loss is made for loss, _ in scope.upstream.values()):
            continue
        whole = judge.whole(made)
        if whole.is_scalar and whole.op is not symbol_op and variable in symbols_of(whole):
            found.append((name, whole))
    return found[:3]


def vanishes(slope: Expr, variable: Expr, point: Expr) -> bool | None:
    """Whether a derivative is zero at a point, at random values of all other letters; None if that cannot be told."""
    import numpy as np

    from ..numeric import random_point

    there = substitute(slope, {variable: point})
    seen = False
    for seed in SEEDS:
        try:
            at = random_point([point, slope, there], seed)
            with np.errstate(all="ignore"):
                value, scale = at.evaluate(there), at.evaluate(slope)
        except (DeriveError, ArithmeticError, np.linalg.LinAlgError):
            continue
        if not (np.all(np.isfinite(value)) and np.all(np.isfinite(scale))):
            continue
        seen = True
        if np.abs(value).max(initial=0.0) > 1e-6 * (1 + np.abs(scale).max(initial=0.0)):
            return False
    return True if seen else None


def _mended(judge: Judge, tree: Tree, slope: Expr, variable: Expr) -> tuple[str, Expr] | None:
    """One edit of the solution at which the derivative vanishes."""
    for tried, (kind, edited) in enumerate(edits(tree)):
        if tried >= MAX_REPAIRS:
            break
        try:
            value = Builder(judge.scope).value(edited, variable.shape)
            if isinstance(value, Expr) and value.shape == variable.shape:
                if vanishes(slope, variable, judge.whole(value)):
                    return kind, value
        except (DeriveError, ArithmeticError):
            continue
    return None
