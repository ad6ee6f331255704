"""What is found of the sides of a claim, and the line of the report that says it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..errors import DeriveError
from ..expr import Expr, is_number, ones, zeros
from ..operations import scale
from ..shapes import Shape, shape_text
from .claims import Claim, Side
from .derivatives import TreeBuilder
from .report import Line
from .roles import entries_differentiated_by
from .trees import Tree
from .values import Convention, Indexed, Scope

if TYPE_CHECKING:
    from .verdicts import Judge

Value = Expr | Indexed
ORDER = ("definition", "assumption", "proved", "agrees", "conditional", "unread", "fails")


class Alternative:
    """A value of a side, with the reading that gave it."""

    __slots__ = ("value", "reading", "used")

    def __init__(self, value: Value, reading: Convention, used: set[str]) -> None:
        self.value = value
        self.reading = reading
        self.used = used


def read_as(
    scope: Scope, tree: Tree | None, reading: Convention, shape: Shape | None = None,
    assumed: Mapping[object, Expr] | None = None,
) -> Alternative | None:  # fmt: skip
    """A formula under a convention; None where it has no value."""
    builder = TreeBuilder(scope, reading, assumed)
    try:
        return Alternative(builder.value(tree, shape), reading, builder.used) if tree is not None else None
    except DeriveError:
        return None


class Outputs:
    """How a Jacobian stands: outputs as rows or as columns, of a function that is a row or a column itself."""

    __slots__ = ("as_columns", "of_row")

    def __init__(self, as_columns: bool, of_row: bool) -> None:
        self.as_columns = as_columns
        self.of_row = of_row

    def condition(self) -> str:
        """The layout as a condition."""
        kind = "the derivative of a row" if self.of_row else "a Jacobian"
        return f"{kind} has its outputs as {'columns' if self.as_columns else 'rows'}"


class Failure:
    """A failing line, for later ones that follow from it."""

    __slots__ = ("number", "truth", "value", "head")

    def __init__(self, number: int, truth: Value | None, value: Value | None, head: Tree | None) -> None:
        self.number = number
        self.truth = truth
        self.value = value
        self.head = head


class Judgment:
    """What is found of one side."""

    __slots__ = (
        "verdict", "reason", "follows_from", "side", "truth", "value", "previous", "tree", "truths", "condition",
        "span", "trials", "solution", "turns", "outputs",
    )  # fmt: skip

    def __init__(self, verdict: str, reason: str, side: Side) -> None:
        self.verdict = verdict
        self.reason = reason
        self.side = side
        self.follows_from: int | None = None
        self.truth: Value | None = None
        self.value: Value | None = None
        self.previous: Value | None = None
        self.tree: Tree | None = None
        self.truths: list[Value] = []  # under every reading of the head
        self.condition: str | None = None
        self.span: tuple[int, int] | None = None  # the place that is not read
        self.turns = False  # what follows continues from here, and from nothing before
        self.trials: list[tuple[Side, Callable[[Tree], bool]]] = []  # sides, and whether a tree there would be right
        self.solution: Expr | None = None  # what would be right, where it has a closed form
        self.outputs: Outputs | None = None  # how the Jacobians stand in which alone it is right

    @property
    def is_index_lost(self) -> bool:
        """Whether a side fails because it is the whole, where an entry is wanted."""
        return self.verdict == "fails" and isinstance(self.truth, Indexed) and isinstance(self.value, Expr)


def right_if(condition: str, side: Side, value: Value | None, truth: Value | None = None, why: str = "") -> Judgment:
    """What is right under a condition alone; `why` where that does not say it best."""
    judgment = Judgment("conditional", why or f"right if {condition}", side)
    judgment.condition, judgment.value, judgment.truth = condition, value, truth
    return judgment


def outputs_of(judge: Judge, truth: Alternative, value: Alternative, *others: Sequence[Alternative]) -> Outputs | None:
    """How the Jacobians stand with which alone two sides are the same; None where that makes no difference.

    `others` are all the values of the left side, and of the right.
    """
    if judge.layout != "gradient":
        return None
    of_row = "row" in truth.used | value.used
    if "denominator" in (truth.reading.layout, value.reading.layout):
        return Outputs(True, of_row)
    turned = [[a for a in some if a.reading.layout == "denominator"] for some in others]
    if not any(turned):
        return None
    left, right = (some[0] if some else one for some, one in zip(turned, (truth, value)))
    return None if judge.same(left.value, right.value) else Outputs(False, of_row)


def with_entries(truths: list[Alternative], chain: Sequence[Claim]) -> list[Alternative]:
    """Beside the whole its entry, in a chain that differentiates by one: ∂tr(XA)/∂X = ∂(XᵢⱼAⱼᵢ)/∂Xₖₗ = Aₗₖ."""
    letters = {found for claim in chain for side in claim.sides for found in entries_differentiated_by(side.tree)}
    if len(letters) != 1:
        return truths
    (indices,) = letters
    more = []
    for truth in truths:
        value = truth.value
        if isinstance(value, Expr) and not value.is_scalar and len(indices) == 2 - value.is_vector:
            more.append(Alternative(Indexed(value, indices), truth.reading, truth.used))
    return truths + more


def of_entries(value: Alternative, truths: Sequence[Alternative], case: str) -> Alternative:
    """A number that is the entry for i = j, or for i ≠ j, as all entries are; the zero of y − X w = 0 as a vector."""
    truth, found = truths[0].value if truths else None, value.value
    if isinstance(truth, Expr) and isinstance(found, Expr) and is_number(found, 0) and found.shape != truth.shape:
        return Alternative(zeros(*truth.shape), value.reading, value.used)
    if not case or not isinstance(truth, Indexed) or not isinstance(found, Expr) or not found.is_scalar:
        return value
    return Alternative(Indexed(scale(found, ones(*truth.expr.shape)), truth.indices), value.reading, value.used)


def wide(value: Value) -> Expr:
    """The vector or matrix of an entry."""
    return value.expr if isinstance(value, Indexed) else value


def difference(truth: Value, value: Value) -> str:
    """In which way a side that fails is not what it should be."""
    if isinstance(truth, Indexed) or isinstance(value, Indexed):
        if isinstance(truth, Indexed) and isinstance(value, Indexed):
            return "the two entries differ"
        entry, rest = ("left", "right") if isinstance(truth, Indexed) else ("right", "left")
        return f"the {entry}-hand side is a single entry, the {rest}-hand side the whole"
    if truth.shape != value.shape:
        return f"the shapes differ: {shape_text(truth.shape)} on the left, {shape_text(value.shape)} on the right"
    return "the two sides differ"


def line_of(claim: Claim, judgments: Sequence[Judgment]) -> tuple[Line, Judgment | None]:
    """The line of the report for a claim: the worst of its steps."""
    start = claim.start
    end = claim.sides[-1].start + len(claim.sides[-1].text.rstrip())
    line = Line(claim.number, claim.latex, (start, end))
    if not judgments:
        line.verdict, line.reason = "unread", "nothing is claimed"
        return line, None
    asked = [j for j in judgments[1:] if j.verdict == "assumption" and j.turns]  # and no proof before it proves it
    worst = max(judgments, key=lambda j: ORDER.index("conditional" if j in asked else j.verdict))
    line.verdict = worst.verdict
    line.reason = worst.reason
    line.follows_from = worst.follows_from
    line.condition = worst.condition
    if line.verdict != "fails":
        for judgment in judgments:
            if judgment.follows_from is not None:
                line.follows_from = judgment.follows_from
            if judgment.reason and not line.reason:
                line.reason = judgment.reason
    side = worst.side
    body = side.text
    lead = len(body) - len(body.lstrip(" \n\t&"))
    line.span = (side.start + lead, side.start + len(body.rstrip()))
    if worst.verdict == "unread" and worst.span is not None and worst.span[0] < worst.span[1]:
        line.span = worst.span
    return line, worst if worst.verdict == "fails" else None
