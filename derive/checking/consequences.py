"""What follows from a failing line: the same value, the same derivative, the chain rule through it.

And what an equation between letters says of their differentials.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from ..derivation import Sweep
from ..errors import DeriveError
from ..expr import Expr, is_number, number, substitute, symbol, symbol_op, symbols_of, zeros
from ..operations import add, inner, inv, matmul, scale, transpose
from .claims import DERIVATIVES, Claim, Side, shown
from .derivatives import TreeBuilder, value_of, whole_of
from .judgments import Alternative, Failure, Judgment, Value, right_if, wide
from .roles import is_value, names_of
from .trees import Tree
from .values import Convention, Scope

if TYPE_CHECKING:
    from .verdicts import Judge

_ZERO = Tree("number", (), (0,))


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


def implied(judge: Judge, claim: Claim, side: Side, head: Tree | None) -> Judgment | None:
    """A line that an equation before it tells: dA x + A dx = db of A x = b, A x = A (AᵀA)⁻¹ Aᵀ b of AᵀA x = Aᵀb."""
    one, two = head, side.tree
    if one is None or two is None:
        return None
    moves = any(t.kind == "differential" for t in (*one.walk(), *two.walk()))
    for other, found in judge.judgments:
        trees = [s.tree for s in other.sides if s.tree is not None]
        if len(trees) != 2 or [j.verdict for j in found] != ["assumption"]:
            continue
        if any(t.kind in DERIVATIVES for tree in trees for t in tree.walk()):
            continue
        if any(t.kind == "name" for t in trees) and any(map(is_value, trees)):
            continue  # x = 2 is a point, and says nothing of how x moves
        condition = f"{shown(other.sides[0].text)} = {shown(other.sides[1].text)} (line {other.number})"
        judgment = right_if(condition, side, None)
        try:
            if (solved := _solved_for(judge, *trees)) is not None:
                local = judge.scope.local(solved)

                def holds(tree: Tree, head: Tree = one, local: Scope = local) -> bool:
                    truth = TreeBuilder(local).value(head)
                    shape = truth.shape if isinstance(truth, Expr) else None
                    value = TreeBuilder(local).value(tree, shape)
                    if shape is not None and isinstance(value, Expr) and is_number(value, 0):
                        value = zeros(*shape)
                    same = isinstance(truth, Expr) and isinstance(value, Expr) and truth.shape == value.shape
                    return same and judge.witness.same(local.inline(wide(truth)), local.inline(wide(value)))

                if not moves:
                    if holds(two):
                        return judgment
                    continue
                if not holds(two):
                    judgment.verdict, judgment.condition = "fails", None
                    judgment.reason = f"it does not follow from {condition}"
                    judgment.trials = [(side, holds)]
                return judgment
            if not moves:
                continue
            moving = [Tree("differential", [t], (), t.span) if names_of(t) - {"I"} else _ZERO for t in trees]
            changes = [TreeBuilder(judge.scope).value(t) for t in moving if t.kind == "differential"]
            shape = next(v.shape for v in changes if isinstance(v, Expr))
            built = [TreeBuilder(judge.scope).value(t, shape) for t in (*moving, one, two)]
            values = [v for v in built if isinstance(v, Expr) and (v.shape == shape or is_number(v, 0))]
            if len(values) == 4:
                left, right, truth, value = (zeros(*shape) if is_number(v, 0) else v for v in values)
                change, residual = (add(a, scale(number(-1), b)) for a, b in ((left, right), (truth, value)))
                if any(judge.same(residual, scale(number(c), change)) for c in (1, -1, Fraction(1, 2))):
                    return judgment
        except (DeriveError, StopIteration):
            continue
    return None


def _solved_for(judge: Judge, left: Tree, right: Tree) -> dict[Expr, Expr] | None:
    """x = A⁻¹ b of A x = b, where nothing else says what x is; None of other equations."""
    made = whole_of(judge.scope, left)
    if made is None or made.op.name != "matmul":
        return None
    matrix, unknown = matmul(*made.args[:-1]), made.args[-1]
    value = whole_of(judge.scope, right, made.shape)
    if value is None or matrix.shape[0] is not matrix.shape[1] or unknown.op is not symbol_op:
        return None
    if unknown in (*symbols_of(value), *symbols_of(matrix)) or unknown in judge.scope.definitions:
        return None
    return {unknown: matmul(inv(matrix), value)}


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
            found = value_of(judge.scope, other.tree, None, Convention(judge.layout, path), assumed)
            if found is not None:
                yield found
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
