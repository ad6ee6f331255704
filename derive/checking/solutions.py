"""Solutions: where a derivative is said to vanish, it is evaluated there.

`w = (XᵀX)⁻¹Xᵀy` after a loss of w is no formula for w: nothing is put in, above or below.  The derivative of the loss
by w is taken at that point; where it vanishes, the line is an assumption that can be relied on, and else it fails.
Where the stationary point has a closed form, that says of what kind it is, and mends the line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import DeriveError, ShapeError
from ..expr import Expr, is_number, number, ones, substitute, symbol, symbol_op, symbols_of, zeros
from ..names import text
from ..operations import add, scale, sq_norm, transpose
from ..shapes import ONE
from .claims import DERIVATIVES, Claim, Side
from .conditional import variable_name
from .derivatives import TreeBuilder, whole_of
from .hypotheses import speaks_of_letters
from .judgments import Judgment, Value, difference, right_if
from .losses import moved_names
from .members import Members
from .roles import ORNAMENTS, is_value, is_zero, names_of, says_solution, variables_of
from .trees import Tree
from .unknowns import unread_among
from .values import Indexed
from .varieties import Variety, variety_of

if TYPE_CHECKING:
    from .verdicts import Judge

SEEDS = (3, 5)
TRIAL = 40  # attempts to draw a point for what may be written instead
_DOWN = re.compile(r"\bdescen[dt]|\bminimi[sz]", re.IGNORECASE)
_UP = re.compile(r"\bascen[dt]|\bmaximi[sz]", re.IGNORECASE)
_ASKED = re.compile(r"(?:[Ss]ubject to|\bs\.\s?t\.|such that|requir\w*|assum\w*|suppos\w*|impos\w*)\W+(?:\w+\W+){0,3}$")
_SQUARE = re.compile(r"\b(?:square|invertible|nonsingular)\b[^.]{0,20}$")


def particular(judge: Judge, claim: Claim) -> Judgment:
    """A statement about particular letters: a value, a fixed point, an update, where a derivative vanishes."""
    side = claim.sides[1]
    if claim.role == "repeat":
        return Judgment("definition", "as above" if claim.name else "taken for what its letter is, up to sign", side)
    if (judgment := _solved_for_member(judge, claim)) is not None:
        return judgment
    if claim.role == "solution":
        return judged_solution(judge, claim)
    made = judge.scope.symbols.get(claim.name or "")
    is_numeric = is_value(side.tree)
    has_formula = made in judge.scope.definitions
    if made is not None and (is_numeric or not has_formula):
        value = zeros(*made.shape) if is_zero(side.tree) else whole_of(judge.scope, side.tree, made.shape)
        if value is not None and made in symbols_of(value):
            return _update(judge, claim, made, value)
        if value is not None:
            held = judge.values_of_formulas if has_formula else judge.values_given
            held.append((claim.number, made, value))
    if not is_numeric and claim.name in moved_names(judge.document.claims):
        judge.condition = claim.number  # w = Σ αᵢ yᵢ xᵢ, where the derivative by w vanishes
    why = "a value, from here on" if is_numeric else "a statement about this letter, not for all values of it"
    return Judgment("assumption", why, side)


def _solved_for_member(judge: Judge, claim: Claim) -> Judgment | None:
    """μₖ = … where the derivative by every μₖ vanishes: a value of one entry, or of one row, of what is solved for."""
    head, side = claim.sides[0].tree, claim.sides[1]
    if head is None or side.tree is None or head.kind != "name" or len(head.data[2]) != 1:
        return None
    plain, index = ORNAMENTS.sub("", str(head.data[1])), str(head.data[2][0])
    if plain in {str(t.data[1]) for t in side.tree.walk() if t.kind == "name"}:
        return None  # an iterate
    for slope, loss, by in reversed(judge.equations):
        if loss is None or by is None or by.is_scalar or by.name not in (plain, plain.upper()):
            continue
        try:
            builder = TreeBuilder(judge.scope)
            one = builder.value(side.tree) if by.is_vector else Members(judge, loss, by, index).value(side)
        except DeriveError:
            return None
        point = judge.whole(one.expr if isinstance(one, Indexed) else one)
        if point.is_scalar:  # of every entry
            point = scale(point, ones(*by.shape))
        if point.shape != by.shape or isinstance(one, Indexed) and one.indices != (index,):
            return None
        if (held := vanishes(slope, by, point)) is None:
            return None
        where = f"the derivative by {text(str(head.data[0]))} {'vanishes' if held else 'does not vanish'} there"
        if held:
            return Judgment("assumption", where, side)
        known, given = set(symbols_of(loss)), set(symbols_of(point))
        others = {s for s in symbols_of(slope) if s.is_scalar or s.name in _variables(judge, "")} - given - {by}
        return Judgment("fails", where, side) if given <= known and not others else None  # of no multiplier
    return None


def _update(judge: Judge, claim: Claim, variable: Expr, value: Expr) -> Judgment:
    """x ← x − η ∇f: a step down the gradient, whatever its size; one up fails where a document goes down."""
    side, text = claim.sides[1], judge.document.text
    step = judge.whole(less(value, variable))
    for name, loss in _losses(judge, variable):
        slope = judge.scope.sweep(loss, variable).total
        sizes = {s for s in symbols_of(step) if s.is_scalar} - set(symbols_of(slope))
        held = {s: symbol(s.name, *s.shape, properties=["positive"]) for s in sizes}
        signs = {judge.witness.direction(substitute(step, held), slope, seed) for seed in SEEDS}
        if len(signs) == 1 and (sign := signs.pop()):
            said = f"a step {'up' if sign > 0 else 'down'} the gradient of {name}"
            is_wrong = sign > 0 and bool(_DOWN.search(text)) and not _UP.search(text)
            return Judgment("fails" if is_wrong else "assumption", said, side)
    return Judgment("assumption", "a statement about this letter, not for all values of it", side)


def _hold(judge: Judge, claim: Claim, variable: Expr, point: Expr) -> None:
    """Take the variable for the point where a derivative vanishes, from here on, and θ̂ as it is written."""
    written = claim.sides[0].tree
    estimate = judge.scope.symbols.get(str(written.data[0])) if written is not None and written.data else None
    judge.values_given.append((claim.number, variable, point))
    if estimate not in (None, variable) and estimate.shape == point.shape:
        judge.values_given.append((claim.number, estimate, point))


def judged_solution(judge: Judge, claim: Claim) -> Judgment:
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
    if isinstance(point, Expr) and point.shape != variable.shape:
        return _misfit(judge, claim, variable, losses, ShapeError(difference(variable, point))) or assumed
    if not isinstance(point, Expr) or not losses:
        return assumed
    point = plain_letters(judge.whole(point), [s for _, loss in losses for s in symbols_of(loss)])
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
            judge.equations.append((less(variable, point), loss, variable))
            _hold(judge, claim, variable, point)
            return judgment
        turned = _symmetric(slope, point) if held is False else None
        if turned is not None and vanishes(turned[0], variable, turned[1]):
            condition = f"{', '.join(turned[2])} symmetric"
            why = f"right if {condition}: the derivative of {name} by {variable.text()} vanishes there"
            judge.granted |= set(turned[2])
            _hold(judge, claim, variable, point)
            return right_if(condition, side, point, why=why)
        known = symbols_of(loss) if losses == all_losses else symbols_of(*(loss for _, loss in all_losses))
        if held is False and wrong is None and set(symbols_of(point)) <= set(known):
            wrong = name, loss, slope
    if wrong is None or not claim.is_judged:
        return (held_where_zero(judge, claim, variable, point, side) if claim.is_judged else None) or assumed
    name, loss, slope = wrong
    others = {s.name for s in symbols_of(slope)} - {s.name for s in symbols_of(point)} - {variable.name}
    if others & _variables(judge, name):
        found = judge.scope.solved(loss, variable)
        solution = found.solution if found is not None else None
        if solution is None or others & {s.name for s in symbols_of(solution)}:
            # Of a Lagrangian, with its multiplier.
            return held_where_zero(judge, claim, variable, point, side) or assumed
    other = held_where_zero(judge, claim, variable, point, side)
    if other is not None and other.verdict != "fails":
        return other  # of another loss, or of all its variables
    judgment = Judgment("fails", f"the derivative of {name} by {variable.text()} does not vanish there", side)
    judgment.value, judgment.tree = point, side.tree
    _may_be_mended(judge, judgment, loss, variable)
    return judgment


def plain_letters(point: Expr, among: Sequence[Expr]) -> Expr:
    """A point with μ for μ̂ where nothing more is known of μ̂: it stands where the other derivative vanishes."""
    named = {s.name: s for s in among}
    plain = {s: named.get(ORNAMENTS.sub("", s.name), s) for s in symbols_of(point) if s not in among}
    return substitute(point, {s: p for s, p in plain.items() if p.shape == s.shape})


def judged_equation(judge: Judge, claim: Claim, left: Expr, right: Expr, side: Side) -> Judgment | None:
    """What an equation says where derivatives are set to zero: it holds there, or it contradicts them."""
    is_solved = judge.condition is not None or any(loss is not None for _, loss, _ in judge.equations)
    if claim.continues or not is_solved and not says_solution(claim.row.prose[-400:]):
        return None
    before = claim.row.text[: claim.sides[0].start - claim.row.start]
    if _ASKED.search(claim.row.prose[-80:] + before):
        return None  # a constraint of another problem
    if left.shape != right.shape and is_number(right, 0):
        right = zeros(*left.shape)
    return held_where_zero(judge, claim, left, right, side)


def held_where_zero(judge: Judge, claim: Claim, left: Value, right: Value, side: Side) -> Judgment | None:
    """The verdict on an equation from points where derivatives vanish; None where it is left open."""
    if not isinstance(left, Expr) or not isinstance(right, Expr) or left.shape != right.shape:
        return None
    found = [(system, *system.verdict(left, right)) for system in _systems(judge, claim, left, right)]
    for system, verdict, condition in found:
        if verdict == "holds":
            why = f"right if {condition}: it holds {system.where}" if condition else f"it holds {system.where}"
            judgment = Judgment("conditional" if condition else "assumption", why, side)
            judgment.condition, judgment.value = condition or None, left
            return judgment
    refuted = [system for system, verdict, _ in found if verdict == "refuted"]
    if not refuted or any(verdict == "open" for _, verdict, _ in found):
        return None
    if broken := unread_among(judge.scope, {s.name for s in symbols_of(left, right)}):
        return Judgment("unread", broken, side)
    return failed_equation(judge, claim, f"it does not hold {refuted[0].where}", side, left, right)


class System:
    """What holds where the derivatives of a loss vanish: those that the document sets to zero, and all of them.

    Its points are drawn for the sides of an equation, so that what these have is defined there.
    """

    def __init__(self, judge: Judge, name: str, loss: Expr, sides: Sequence[Expr]) -> None:
        self.judge, letters = judge, set(symbols_of(loss))
        named = _variables(judge, name)
        self.variables = [s for s in symbols_of(loss) if s.name in named]
        stated = [e for e, of, _ in judge.equations if of in (None, loss) and set(symbols_of(e)) <= letters]
        stated += [add(sq_norm(s), number(-1)) for s in judge.witness.units if s in letters]
        self.is_special = any(not set(symbols_of(e)) & set(self.variables) for e in stated)  # XᵀX = I
        by = [s for _, of, s in judge.equations if of is loss and s in letters]
        slopes = [judge.scope.sweep(loss, s).total for s in self.variables]
        self.sides = [self.plain(e) for e in sides]
        used = set(symbols_of(*self.sides))
        stages = [(stated, by or self.variables), ([*stated, *slopes], self.variables)]
        self.stages = [e for e in stages if e[0] and used <= set(symbols_of(*e[0])) and used & set(self.variables)]
        # L = Σ αᵢ − ½ αᵀ K α, all of L that is not α put in: a dual, which holds for all α that what is stated allows
        rest = {s for e in self.sides if e is not loss for s in symbols_of(e)} if loss in self.sides else letters
        self.is_dual = bool(by) and rest.isdisjoint(by) and set(self.variables) <= {*rest, *by, *symbols_of(*stated)}
        if self.is_dual:
            self.stages.insert(0, (stated, self.variables))
        moved = " and ".join(s.text() for s in (dict.fromkeys(by) if self.is_dual else self.variables))
        self.where = f"where the derivative of {name} by {moved} vanishes"
        may = {
            s: t for s, t in symmetric_letters(loss).items() if s not in self.variables and s.name not in judge.turned
        }
        self.turned = [{}, may] if may else [{}]
        self.varieties: dict[tuple[int, int], Variety] = {}

    def plain(self, expr: Expr) -> Expr:
        return plain_letters(expr, self.variables)

    def variety(self, stage: int, turned: int) -> Variety:
        if (stage, turned) not in self.varieties:
            held = self.turned[turned]
            equations, by, sides = (
                tuple(dict.fromkeys(as_column(substitute(e, held)) for e in some))
                for some in (*self.stages[stage], self.sides)
            )
            self.varieties[stage, turned] = variety_of(equations, by, sides, self.is_special)
        return self.varieties[stage, turned]

    def verdict(self, left: Expr, right: Expr, is_trial: bool = False) -> tuple[str, str]:
        """Whether an equation "holds", is "refuted", "open" or of no points, and which letters are symmetric for it."""
        refuted = []
        for j, turned in enumerate(self.turned):
            one, two = (substitute(self.plain(e), turned) for e in (left, right))
            answers = [self.variety(i, j).holds(one, two) for i in range(len(self.stages))]
            if True in answers:
                return "holds", f"{', '.join(s.text() for s in turned)} symmetric" if turned else ""
            if self.is_dual and answers[0] is False and not is_trial:
                refuted.append(True)
                continue
            if is_trial or answers[-1] is None:
                return "open" if is_trial or self.variety(len(self.stages) - 1, j).points else "empty", ""
            refuted.append(
                any(a is False and not self.variety(i, j).admits(less(one, two)) for i, a in enumerate(answers))
            )
        return "refuted" if all(refuted) else "open", ""


def as_column(expr: Expr) -> Expr:
    """An equation written as a row, as the column that says the same in another layout."""
    return transpose(expr) if expr.shape[0] == ONE else expr


def _systems(judge: Judge, claim: Claim, *sides: Expr) -> list[System]:
    """Those of the losses that have all letters of both sides."""
    found = [System(judge, name, loss, sides) for name, loss in _set_to_zero(judge, claim, _losses(judge, None))]
    return [system for system in found if system.stages]


def failed_equation(judge: Judge, claim: Claim, why: str, side: Side, *sides: Expr) -> Judgment:
    """An equation that fails, and whether a tree in place of one of its sides makes it hold at a stationary point."""
    judgment = Judgment("fails", why, side)
    systems = _systems(judge, claim, *sides)

    def holds(tree: Tree, other: Tree) -> bool:
        given = whole_of(judge.scope, other)
        value = whole_of(judge.scope, tree, given.shape) if given is not None else None
        if given is None or value is None:
            return False
        return any(s.verdict(judge.whole(value), judge.whole(given), True) == ("holds", "") for s in systems)

    if len(claim.sides) < 2:
        return judgment  # a row that goes on from the one above
    (one, left), (two, right) = ((side, side.tree) for side in claim.sides[:2])
    if left is not None and right is not None:
        judgment.trials = [(two, lambda tree: holds(tree, left)), (one, lambda tree: holds(tree, right))]
    return judgment


def note_equation(judge: Judge, left: Value, right: Value) -> None:
    """Keep what is said to hold of particular letters: Ax = b."""
    if isinstance(left, Expr) and isinstance(right, Expr) and left.shape == right.shape:
        judge.equations.append((less(left, right), None, None))


def set_to_zero(judge: Judge, claim: Claim, side: Side, truth: Value, head: Tree | None) -> Judgment:
    """A derivative that is set to zero; one of a formula may be the condition of the line before."""
    parts = list(head.walk()) if head is not None and head.kind not in ("name", "apply") else []
    if claim.continues and parts and not judge.equations and not any(t.kind in DERIVATIVES for t in parts):
        return Judgment("unread", "not judged: it is zero for particular letters, if at all", side)
    judgment = Judgment("assumption", "a condition: the derivative is set to zero", side)
    judgment.value = truth
    judge.condition = claim.number
    before, judge.vanishing = judge.vanishing, (claim.number, truth)
    derived = next((t for t in head.walk() if t.kind in ("derivative", "gradient") and t.args), None) if head else None
    if derived is None:
        return judgment
    if before is not None and derived.args[0].kind not in ("name", "apply") and judge.same(before[1], truth):
        judgment.verdict = judge.proof(before[1], truth)
        judgment.reason = f"the condition of line {before[0]}: the derivative is the same"
    loss = whole_of(judge.scope, derived.args[0])
    entry = ""
    if isinstance(truth, Indexed) and len(truth.indices) == 1:  # of every entry
        entry = f"_{truth.indices[0]}"
        truth = truth.expr
    if isinstance(truth, Expr):
        of = judge.whole(loss) if loss is not None and loss.is_scalar else None
        by = judge.scope.symbols.get((variable_name(derived) or judge.scope.nabla or "").removesuffix(entry))
        judge.equations.append((judge.whole(truth), of, by))
    return judgment


def less(left: Expr, right: Expr) -> Expr:
    return add(left, scale(number(-1), right))


def is_of_a_loss(judge: Judge, claim: Claim) -> bool:
    """Whether a line is an equation in the letters of a loss whose derivative is set to zero there."""
    head = claim.sides[0].tree
    if not speaks_of_letters(claim, head) or head is not None and head.kind == "power" and head.args[1].kind == "name":
        return False  # p^B is a name
    if judge.condition is None and not says_solution(claim.row.prose[-400:]):
        return False
    names = {n for side in claim.sides for n in names_of(side.tree)}
    return any(names <= {s.name for s in symbols_of(loss)} | {"I"} for _, loss in _losses(judge, None))


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
    held = symmetric_letters(slope)
    return (substitute(slope, held), substitute(point, held), [s.text() for s in held]) if held else None


def symmetric_letters(expr: Expr) -> dict[Expr, Expr]:
    """A symmetric letter for each that may be symmetric."""
    may = [s for s in symbols_of(expr) if s.is_square and not s.is_scalar and not s.properties & {"symmetric", "spd"}]
    return {s: symbol(s.name, *s.shape, properties=s.properties | {"symmetric"}) for s in may}


def _misfit(
    judge: Judge, claim: Claim, variable: Expr, losses: list[tuple[str, Expr]], error: ShapeError
) -> Judgment | None:
    """A solution in the letters of a loss whose shapes do not fit."""
    side = claim.sides[1]
    is_judged = claim.is_judged and not _SQUARE.search(claim.row.prose)  # "If X is square", for this line alone
    for _, loss in losses if is_judged else ():
        letters = {s.name for s in symbols_of(loss)} | {"I"}
        if names_of(side.tree) <= letters:
            fit = "" if error.message.startswith("the shapes") else "the shapes do not fit: "
            judgment = Judgment("fails", f"{fit}{error.message}", side)
            judgment.tree = side.tree
            _may_be_mended(judge, judgment, loss, variable)
            return judgment
    return None


def _may_be_mended(judge: Judge, judgment: Judgment, loss: Expr, variable: Expr) -> None:
    """Say where another point would be right, and which one is, if that has a closed form."""
    slope = judge.scope.sweep(loss, variable).total

    def is_stationary(tree: Tree) -> bool:
        point = whole_of(judge.scope, tree, variable.shape)
        if point is None:
            return False
        point = plain_letters(judge.whole(point), symbols_of(loss))
        if vanishes(slope, variable, point, TRIAL):
            return True
        turned = _symmetric(slope, point)
        return turned is not None and bool(vanishes(turned[0], variable, turned[1], TRIAL))

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
    found += [(e.text(), e) for _, e, _ in judge.equations if e is not None and all(e is not loss for _, loss in found)]
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


def vanishes(slope: Expr, variable: Expr, point: Expr, attempts: int = 300) -> bool | None:
    """Whether a derivative is zero at a point, at random values of all other letters; None if that cannot be told."""
    import numpy as np

    from ..numeric import random_point

    there = substitute(slope, {variable: point})
    seen = False
    for seed in SEEDS:
        try:
            at = random_point([point, slope, there], seed, attempts=attempts)
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
