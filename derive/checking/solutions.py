"""Solutions: where a derivative is said to vanish, it is evaluated there.

`w = (XᵀX)⁻¹Xᵀy` after a loss of w is no formula for w: nothing is put in, above or below.  The derivative of the loss
by w is taken at that point; where it vanishes, the line is an assumption that can be relied on, and else it fails.
Where the stationary point has a closed form, that says of what kind it is, and mends the line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import DeriveError, ShapeError
from ..expr import Expr, is_number, number, substitute, symbol, symbol_op, symbols_of
from ..operations import add, scale
from .claims import Claim, Side
from .derivatives import TreeBuilder
from .hypotheses import speaks_of_letters
from .roles import ORNAMENTS, is_zero, names_of, says_solution, variables_of
from .trees import Tree

if TYPE_CHECKING:
    from ..optimality.stationarity import Stationary
    from .judgments import Judgment
    from .verdicts import Judge

SEEDS = (3, 5)


def judged_solution(judge: Judge, claim: Claim) -> Judgment:
    from .judgments import Judgment

    side = claim.sides[1]
    assumed = Judgment("assumption", "a statement about this letter, not for all values of it", side)
    variable = judge.scope.symbols.get(claim.name or "")
    if variable is None or variable in judge.scope.definitions or side.tree is None:
        return assumed
    all_losses = _losses(judge, variable)
    losses = _set_to_zero(judge, claim, all_losses)
    try:
        point = TreeBuilder(judge.scope).value(side.tree, variable.shape)
    except ShapeError as error:
        return _misfit(judge, claim, variable, losses, error) or assumed
    except DeriveError:
        return assumed
    if not isinstance(point, Expr) or point.shape != variable.shape or not losses:
        return assumed
    point = _of_estimates(judge, judge.whole(point))
    wrong: tuple[str, Expr, Expr] | None = None
    for name, loss in losses:
        slope = judge.scope.sweep(loss, variable).total
        held = vanishes(slope, variable, point)
        if held:
            where = f"the derivative of {name} by {variable.text()} vanishes there"
            found = judge.scope.solved(loss, variable)
            kind = f": a {found.kind}" if found is not None and found.kind != "unknown" else ""
            judgment = Judgment("assumption", where + kind, side)
            judgment.value = point
            written = claim.sides[0].tree
            estimate = judge.scope.symbols.get(str(written.data[0])) if written is not None and written.data else None
            if estimate not in (None, variable) and estimate.shape == point.shape:
                judge.values_given.append((claim.number, estimate, point))  # θ̂ is that from here on
            return judgment
        turned = _symmetric(slope, point) if held is False else None
        if turned is not None and vanishes(turned[0], variable, turned[1]):
            condition = f"{', '.join(turned[2])} symmetric"
            why = f"right if {condition}: the derivative of {name} by {variable.text()} vanishes there"
            judgment = Judgment("conditional", why, side)
            judgment.condition, judgment.value = condition, point
            return judgment
        known = symbols_of(loss) if losses == all_losses else symbols_of(*(loss for _, loss in all_losses))
        if held is False and wrong is None and set(symbols_of(point)) <= set(known):
            wrong = name, loss, slope
    if wrong is None or not claim.is_judged:
        return assumed
    name, loss, slope = wrong
    others = {s.name for s in symbols_of(slope)} - {s.name for s in symbols_of(point)} - {variable.name}
    if others & _variables(judge, name):
        found = judge.scope.solved(loss, variable)
        solution = found.solution if found is not None else None
        if solution is None or others & {s.name for s in symbols_of(solution)}:
            return assumed  # of several variables together, as with the multiplier of a Lagrangian
    judgment = Judgment("fails", f"the derivative of {name} by {variable.text()} does not vanish there", side)
    judgment.value, judgment.tree = point, side.tree
    _may_be_mended(judge, judgment, loss, variable)
    return judgment


def _of_estimates(judge: Judge, point: Expr) -> Expr:
    """A point with μ for μ̂ where nothing more is known of μ̂: it stands where the other derivative vanishes."""
    plain = {s: judge.scope.symbols.get(ORNAMENTS.sub("", s.name)) for s in symbols_of(point)}
    return substitute(point, {s: p for s, p in plain.items() if p not in (None, s) and p.shape == s.shape})


def judged_equation(judge: Judge, claim: Claim, left: Expr, right: Expr, side: Side) -> Judgment | None:
    """What an equation says where a derivative is set to zero: it must hold at the stationary point.

    Judged where each variable that it mentions has a closed form to put in, XᵀX w = Xᵀy, or where it is the derivative
    times a number that is not the same for all data: (wᵀSw) B w = (wᵀBw) S w of a quotient.
    """
    from .judgments import Judgment

    if claim.continues or judge.condition is None and not says_solution(claim.row.prose[-400:]):
        return None
    if left.shape != right.shape and not is_number(right, 0):
        return None
    residual = left if is_number(right, 0) else add(left, scale(number(-1), right))
    letters = set(symbols_of(residual))
    named = {n for name, _ in _losses(judge, None) for n in _variables(judge, name)}
    variables = [s for s in judge.scope.symbols.values() if s in letters and s.name in named]
    multipliers = named - {s.name for s in letters}  # the constraint of a Lagrangian is a derivative by another one
    wrong = ""
    for variable in variables:
        for name, loss in _losses(judge, variable):
            found = judge.scope.solved(loss, variable) if letters <= set(symbols_of(loss)) else None
            held = _is_at(residual, variable, found)
            if held is None and _is_multiple(residual, judge.scope.sweep(loss, variable).total):
                held = True
            if held is None or not held and multipliers & {s.name for s in symbols_of(loss)}:
                return None
            if held:
                return Judgment(
                    "assumption", f"it holds where the derivative of {name} by {variable.text()} vanishes", side
                )
            wrong = wrong or f"it does not hold where the derivative of {name} by {variable.text()} vanishes"
    return failed_equation(judge, claim, wrong, side) if wrong else None


def failed_equation(judge: Judge, claim: Claim, why: str, side: Side) -> Judgment:
    """An equation that fails, and whether a tree in place of one of its sides makes it hold at a stationary point."""
    from .judgments import Judgment

    judgment = Judgment("fails", why, side)

    def holds(tree: Tree, other: Tree) -> bool:
        given = TreeBuilder(judge.scope).value(other)
        value = TreeBuilder(judge.scope).value(tree, given.shape if isinstance(given, Expr) else None)
        if not isinstance(given, Expr) or not isinstance(value, Expr) or given.shape != value.shape:
            return False
        residual = judge.whole(add(value, scale(number(-1), given)))
        letters = set(symbols_of(residual))
        named = {n for name, _ in _losses(judge, None) for n in _variables(judge, name)}
        found = [
            _is_at(residual, s, judge.scope.solved(loss, s))
            for s in letters
            if s.name in named
            for _, loss in _losses(judge, s)
        ]  # fmt: skip
        return bool(found) and all(found)

    (one, left), (two, right) = ((side, side.tree) for side in claim.sides[:2])
    if left is not None and right is not None:
        judgment.trials = [(two, lambda tree: holds(tree, left)), (one, lambda tree: holds(tree, right))]
    return judgment


def is_of_a_loss(judge: Judge, claim: Claim) -> bool:
    """Whether a line is an equation in the letters of a loss whose derivative is set to zero there."""
    head = claim.sides[0].tree
    if not speaks_of_letters(claim, head) or head is not None and head.kind == "power" and head.args[1].kind == "name":
        return False  # p^B is a name
    if judge.condition is None and not says_solution(claim.row.prose[-400:]):
        return False
    names = {n for side in claim.sides for n in names_of(side.tree)}
    return any(names <= {s.name for s in symbols_of(loss)} | {"I"} for _, loss in _losses(judge, None))


def _is_at(residual: Expr, variable: Expr, found: Stationary | None) -> bool | None:
    """Whether an equation holds at a stationary point; None where none is known, or where it is 0 for all data."""
    if found is None or found.solution is None or found.solution.op.name == "zeros":
        return None
    return vanishes(residual, variable, found.solution)


def _is_multiple(residual: Expr, slope: Expr) -> bool:
    """Whether a residual is a derivative times a number at every point: it is zero where that vanishes."""
    import numpy as np

    from ..numeric import random_point

    if residual.shape != slope.shape or residual.is_scalar:
        return False
    for seed in SEEDS:
        try:
            at = random_point([residual, slope], seed)
            one, two = (np.ravel(at.evaluate(e)) for e in (residual, slope))
        except (DeriveError, ArithmeticError, np.linalg.LinAlgError):
            return False
        sizes = np.linalg.norm(one) * np.linalg.norm(two)
        if one.size < 2 or not np.isfinite(sizes) or sizes == 0:
            return False  # two numbers are always multiples of one another
        if np.linalg.norm(one * (two @ two) - two * (two @ one)) > 1e-9 * sizes * np.linalg.norm(two):
            return False
    return True


def _variables(judge: Judge, loss: str) -> set[str]:
    """What a loss is a function of: its arguments, and what the document differentiates by or solves for."""
    found = set(judge.scope.parameters.get(loss, ()))
    for claim in judge.document.claims:
        found |= {claim.name} if claim.role == "solution" and claim.name else set()
        for side in claim.sides:
            found |= variables_of(side.tree)
    return found


def _symmetric(slope: Expr, point: Expr) -> tuple[Expr, Expr, list[str]] | None:
    """Both with symmetric letters for those that may be, and these; None if there are none."""
    may = [s for s in symbols_of(slope) if s.is_square and not s.is_scalar and not s.properties & {"symmetric", "spd"}]
    if not may:
        return None
    held = {s: symbol(s.name, *s.shape, properties=s.properties | {"symmetric"}) for s in may}
    return substitute(slope, held), substitute(point, held), [s.text() for s in may]


def _misfit(
    judge: Judge, claim: Claim, variable: Expr, losses: list[tuple[str, Expr]], error: ShapeError
) -> Judgment | None:
    """A solution in the letters of a loss whose shapes do not fit."""
    from .judgments import Judgment

    side = claim.sides[1]
    for _, loss in losses if claim.is_judged else ():
        letters = {s.name for s in symbols_of(loss)} | {"I"}
        if names_of(side.tree) <= letters:
            judgment = Judgment("fails", f"the shapes do not fit: {error.message}", side)
            judgment.tree = side.tree
            _may_be_mended(judge, judgment, loss, variable)
            return judgment
    return None


def _may_be_mended(judge: Judge, judgment: Judgment, loss: Expr, variable: Expr) -> None:
    """Say where another point would be right, and which one is, if that has a closed form."""
    slope = judge.scope.sweep(loss, variable).total

    def is_stationary(tree: Tree) -> bool:
        point = TreeBuilder(judge.scope).value(tree, variable.shape)
        if not isinstance(point, Expr) or point.shape != variable.shape:
            return False
        point = _of_estimates(judge, judge.whole(point))
        if vanishes(slope, variable, point):
            return True
        turned = _symmetric(slope, point)
        return turned is not None and bool(vanishes(turned[0], variable, turned[1]))

    judgment.trials = [(judgment.side, is_stationary)]
    found = judge.scope.solved(loss, variable)
    judgment.solution = found.solution if found is not None else None


def _losses(judge: Judge, variable: Expr | None) -> list[tuple[str, Expr]]:
    """The scalars that the document differentiates, or defines last; those that depend on the variable, if any."""
    scope = judge.scope
    names = [scope.loss] if scope.loss else []
    names += [n for n, s in scope.symbols.items() if s in scope.definitions and s.is_scalar and n not in names]
    found = []
    for name in names:
        made = scope.symbols[name]
        if made not in scope.definitions or scope.upstream and any(loss is made for loss, _ in scope.upstream.values()):
            continue
        whole = judge.whole(made)
        if whole.is_scalar and whole.op is not symbol_op and (variable is None or variable in symbols_of(whole)):
            found.append((name, whole))
    return found[:3]


def _set_to_zero(judge: Judge, claim: Claim, losses: list[tuple[str, Expr]]) -> list[tuple[str, Expr]]:
    """The one loss whose derivative the line before sets to zero, as in ∇f = 0 ⇒ x = …; else all."""
    at = judge.document.claims.index(claim)
    before = judge.document.claims[max(at - 1, 0) : at]
    sides = [side.tree for c in before for side in c.sides]
    if not any(is_zero(tree) for tree in sides):
        return losses
    parts = [
        part for tree in sides if tree is not None for part in tree.walk() if part.kind in ("derivative", "gradient")
    ]
    named = {str(part.args[0].data[0]) for part in parts if part.args and part.args[0].kind == "name"}
    return [row for row in losses if row[0] in named] if len(named) == 1 else losses


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
