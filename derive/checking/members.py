"""Derivatives by a member of a family, for all members at once.

∂L/∂xᵤ of L = Σᵤᵢ (rᵤᵢ − xᵤᵀyᵢ)² is row u of ∂L/∂X: a side R(u) is right if Σᵤ hᵤᵀR(u) is ⟨H, ∂L/∂X⟩ for every H.
"""

from __future__ import annotations

from string import ascii_lowercase
from typing import TYPE_CHECKING

from ..errors import DeriveError
from ..expr import Expr, symbols_of
from .claims import EDGE, Claim, Side
from .conditions import symmetric_if
from .derivatives import TreeBuilder
from .judgments import Judgment, right_if
from .roles import is_zero
from .sample_sums import parsed, used
from .values import Convention

if TYPE_CHECKING:
    from .verdicts import Judge


class Members:
    """What a chain differentiates by the members of a family: a number, the family as a matrix, and the index."""

    def __init__(self, judge: Judge, whole: Expr, family: Expr, index: str) -> None:
        self.judge, self.family, self.index = judge, family, index
        self.whole, self.truth = whole, judge.scope.sweep(whole, family).total
        self.known = set(symbols_of(whole))
        self.shapes = {s.name: s.shape for s in self.known}
        taken = {name.lower() for name in (*self.shapes, *judge.scope.symbols)}
        self.direction = min(set(ascii_lowercase) - taken - {index}, default="")

    def judged(self, claim: Claim, side: Side) -> Judgment:
        """The verdict on a side, which speaks of one member."""
        if side.tree is None or is_zero(side.tree):
            self.judge.condition = claim.number
            self.judge.equations.append((self.truth, self.whole, self.family))
            return Judgment("assumption", "a condition: the derivative is set to zero", side)
        try:
            value = self.value(side)
        except DeriveError as error:
            return self.judge.unread(side, error)
        if self.judge.same(self.truth, value):
            return Judgment(self.judge.proof(self.truth, value), f"for every {self.index}", side)
        if unknown := sorted(s.text() for s in set(symbols_of(self.judge.whole(value))) - self.known):
            return Judgment(
                "unread", f"not judged: {', '.join(unknown)} does not occur in what is differentiated", side
            )
        if condition := symmetric_if(self.judge.witness, self.truth, value, None, self.judge.turned):
            return right_if(condition, side, None)
        return Judgment("fails", f"the two sides differ, for some {self.index}", side)

    def value(self, side: Side) -> Expr:
        """The side for all members, as the rows of a matrix."""
        assert side.tree is not None
        text = (side.expanded or side.written).strip(EDGE).replace("&", " ")
        sum_ = rf"\sum_{{{self.index}}} {self.direction}_{{{self.index}}}^{{\top}} ({text})"
        name = self.direction.upper()
        entries = used(self.judge.scope.entries, side.tree)
        made = parsed(sum_, {**self.shapes, name: self.family.shape}, entries, scalar=True)
        along = next(s for s in symbols_of(made) if s.name == name)
        return TreeBuilder(self.judge.scope).known(self.judge.scope.sweep(made, along).total)


def members_of(judge: Judge, claim: Claim) -> Members | None:
    """The family by whose members a chain differentiates; None where it does not."""
    head = claim.sides[0].tree
    if head is None or head.kind not in ("derivative", "gradient") or head.data[0] != 1 or len(head.args) != 2:
        return None
    function, variable = head.args
    if variable.kind != "name" or len(variable.data[2]) != 1 or not str(variable.data[2][0]).isalpha():
        return None
    try:
        whole = TreeBuilder(judge.scope, Convention(judge.layout)).function_of(function)
        whole = judge.whole(whole) if isinstance(whole, Expr) else whole
    except DeriveError:
        return None
    if not isinstance(whole, Expr) or not whole.is_scalar:
        return None
    plain = str(variable.data[1])
    matrices = {s.name: s for s in symbols_of(whole) if not s.is_vector}
    family = matrices.get(plain) or matrices.get(plain.upper())
    return Members(judge, whole, family, str(variable.data[2][0])) if family is not None else None
