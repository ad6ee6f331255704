"""What follows from a failing line: the same value, the same derivative, the chain rule through it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..derivation import Sweep
from ..errors import DeriveError
from ..expr import Expr, substitute, symbol, symbols_of
from ..operations import inner, transpose
from .claims import Claim, Side
from .derivatives import TreeBuilder
from .judgments import Alternative, Failure, Value
from .trees import Tree
from .values import Convention

if TYPE_CHECKING:
    from .verdicts import Judge


def follows(
    judge: Judge,
    claim: Claim,
    side: Side,
    truths: Sequence[Alternative],
    previous: Value | None,
    failing: int | None,
    head: Tree | None,
    values: Sequence[Value],
) -> tuple[int, str] | None:
    if failing is not None and previous is not None:
        for value in values:
            if judge.same(previous, value):
                return failing, judge.proof(previous, value)
    for failure in judge.failures:
        if failure.value is None or failure.number == claim.number:
            continue
        if failure.truth is not None and any(judge.same(failure.truth, t.value) for t in truths):
            for value in values:
                if judge.same(failure.value, value):
                    return failure.number, judge.proof(failure.value, value)
    for failure in judge.failures:
        for consequence in consequences(judge, failure, claim, side, head):
            for value in values:
                if judge.same(consequence, value):
                    return failure.number, judge.proof(consequence, value)
    return None


def consequences(judge: Judge, failure: Failure, claim: Claim, side: Side, head: Tree | None) -> Iterator[Value]:
    """What this claim would be if the failing line were right."""
    if failure.head is None or not isinstance(failure.value, Expr) or not isinstance(failure.truth, Expr):
        return
    if failure.value.shape != failure.truth.shape:
        return
    assumed = {failure.head.key(): failure.value}
    for other in claim.sides:
        if other is side:
            break
        if other.tree is None or not any(t.key() in assumed for t in other.tree.walk()):
            continue
        if other.tree.key() == failure.head.key() and other is claim.sides[0]:
            continue
        for path in ("total", "split") if judge.document.splits else ("total",):
            try:
                yield TreeBuilder(judge.scope, Convention(judge.layout, path), assumed).value(other.tree)
            except DeriveError:
                continue
    if (
        head is None
        or head.kind not in ("derivative", "gradient")
        or failure.head.kind != "derivative"
        or len(failure.head.args) != 2
    ):
        return
    builder = TreeBuilder(judge.scope)
    try:
        part, stands_for, turned = builder.variable(failure.head.args[1])
        if turned:
            return
        whole = judge.whole(stands_for if stands_for is not None else part)
        variables = head.args[-1]
        variable, other_, turned = builder.variable(variables)
        if other_ is not None or turned or variable not in symbols_of(whole):
            return
        cotangent = symbol("cotangent_", *whole.shape)
        wrong = failure.value
        if wrong.shape != whole.shape:
            wrong = transpose(wrong)
        pulled = Sweep(inner(cotangent, whole), variable).total
        yield substitute(pulled, {cotangent: wrong})
    except DeriveError:
        return
