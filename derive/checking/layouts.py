"""The layout of a document: as its text says, or as most of its derivatives show.

A derivative that is right in one layout only is a vote.  The gradient's own shape is the layout unless the votes
for rows are at least two and outnumber those against; one line never decides against another.  Where no other
line tells, a line that is right in rows only is right under that condition.  Jacobians of vectors may have their
outputs as rows or as columns beside gradients that are columns; where lines need both, each is right if they do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..shapes import ONE
from .claims import Claim, Claims
from .conditional import variable_name
from .judgments import Judgment
from .roles import body_of, names_of
from .verdicts import Judge

Judged = tuple[Claim, list[Judgment]]
RIGHT = ("proved", "agrees", "conditional")


def judged(
    scopes: Sequence[Claims], layout: str | None, judge: Callable[[Claims, str, bool], Judge]
) -> tuple[list[Judge], str]:
    """A judge for each scope, and the layout of the document."""
    if layout is not None:
        return [judge(scope, layout, True) for scope in scopes], layout
    plain = [judge(scope, "gradient", True) for scope in scopes]
    _one_layout([judgment for one in plain for _, found in one.judgments for judgment in found])
    if not any(_fails(found) for one in plain for _, found in one.judgments):
        return plain, "gradient"
    others: dict[int, Judge] = {}
    for i, one in enumerate(plain):
        if any(_fails(found) for _, found in one.judgments):
            others[i] = judge(scopes[i], "numerator", False)
    only_rows = [pair for i, other in others.items() for pair in _won(plain[i], other)]
    if not only_rows:
        return plain, "gradient"
    for i, scope in enumerate(scopes):
        if i not in others:
            others[i] = judge(scope, "numerator", False)
    against = {_key(after) for i, other in others.items() for after, _ in _won(other, plain[i])}
    for_rows = {_key(before) for before, _ in only_rows}
    if len(for_rows) >= 2 and len(for_rows) > len(against):
        return [others[i] for i in range(len(scopes))], "numerator"
    if not against:
        for i, other in others.items():
            for before, after in _won(plain[i], other):
                if not _by_row(plain[i], before[0]) and not _rests_on_a_column(plain[i], before[0]):
                    _condition(before, after)
    return plain, "gradient"


def _won(plain: Judge, other: Judge) -> list[tuple[Judged, Judged]]:
    """The claims that fail for one judge and are right for another."""
    return [
        (before, after)
        for before, after in zip(plain.judgments, other.judgments)
        if _fails(before[1]) and not _fails(after[1]) and any(j.verdict in RIGHT for j in after[1])
    ]


def _by_row(judge: Judge, claim: Claim) -> bool:
    """Whether a claim differentiates by a row: its shape is what the layout would turn, and decides nothing."""
    variable = judge.scope.symbols.get(variable_name(claim.sides[0].tree) or "")
    return variable is not None and variable.shape[0] is ONE and not variable.is_scalar


def _rests_on_a_column(judge: Judge, claim: Claim) -> bool:
    """Whether a side has δ = ∂C/∂z, which would be a row in the other layout, and stands as a column there."""
    symbols = judge.scope.symbols
    columns = set()
    for other in judge.document.claims:
        body = body_of(other) if other.role == "definition" else None
        variable = symbols.get(variable_name(body) or "") if body is not None and body.kind == "derivative" else None
        columns |= {other.name} if variable is not None and variable.is_vector and not variable.is_scalar else set()
    return any(names_of(side.tree) & columns for side in claim.sides[1:])


def _fails(found: Sequence[Judgment]) -> bool:
    return any(j.verdict == "fails" for j in found)


def _key(judged: Judged) -> object:
    head = judged[0].sides[0].tree
    return head.key() if head is not None else id(judged[0])


def _condition(before: Judged, after: Judged) -> None:
    """The verdicts of the other layout, with the layout as their condition."""
    before[1][:] = after[1]
    for judgment in before[1]:
        if judgment.verdict in ("proved", "agrees"):
            judgment.verdict, judgment.condition = "conditional", "numerator layout"
            judgment.reason = "; ".join(filter(None, ("right in numerator layout", judgment.reason)))


def _one_layout(judgments: Sequence[Judgment]) -> None:
    """Jacobians stand in one way throughout: lines that need both ways are right under that condition only."""
    for of_row in (False, True):
        held = [j for j in judgments if j.outputs is not None and j.outputs.of_row is of_row and j.verdict in RIGHT]
        if len({j.outputs.as_columns for j in held if j.outputs is not None}) < 2:
            continue
        for judgment in held:
            assert judgment.outputs is not None
            said = ", ".join(filter(None, (judgment.condition, judgment.outputs.condition())))
            judgment.verdict, judgment.condition, judgment.reason = "conditional", said, f"right if {said}"
