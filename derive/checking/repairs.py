"""What kind of mistake a failing line makes, found by mending it.

A repair is one edit of the line's tree: a transposition set or removed, two factors
swapped, a sign, a constant, a term, a factor.  Each is built and compared with the truth;
the first that makes the line right names the kind.  Kinds, in the order they are tried:

    nabla               ∇ lost before a term
    index               an entry stands for the whole, 2 z_j for 2 z
    factor, sign        right up to a constant
    layout              the transpose of the gradient
    scalar for matrix   a trace or an inner product where a matrix is wanted
    path                a path of a tied variable is forgotten
    transpose           a transposition missing, superfluous or misplaced
    inverse transpose   A⁻¹ for A⁻ᵀ
    order               factors in another order
    hadamard            ⊙ for the product, or the reverse
    diag                diag lost, or superfluous
    norm                a norm squared, or not
    softmax             the off-diagonal part of the softmax Jacobian
    term                a term dropped, or superfluous
    inner derivative    a factor of the chain rule lost
    symmetric           right only for a symmetric matrix
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import takewhile
from typing import TYPE_CHECKING

from ..derivation import Sweep
from ..errors import DeriveError
from ..expr import Expr, nodes, number, symbols_of
from ..operations import add, matmul, scale, transpose
from ..rules import RULES
from ..shapes import SCALAR, shape_text
from .claims import Claim, parts_of
from .conditions import symmetric_if
from .derivatives import TreeBuilder
from .edits import Edit, at, edits, held, places_of, put, turned
from .report import Line
from .trees import Tree
from .values import Convention, Indexed
from .witness import close

if TYPE_CHECKING:
    from .examination import Budget
    from .judgments import Judgment
    from .verdicts import Judge

MAX_CANDIDATES = 1500  # edits tried on one line


class Mending:
    """The search for the repair of one side."""

    def __init__(self, judge: Judge, claim: Claim, judgment: Judgment, budget: Budget) -> None:
        self.judge = judge
        self.budget = budget
        self.claim = claim
        self.side = judgment.side
        self.tree = judgment.side.tree
        if self.tree is not None and self.tree.kind == "formula":
            self.tree = self.tree.args[0]  # its text is read as a whole, so that only its tree can be edited
        self.witness = judge.witness
        self.value = judgment.value
        self.truth = judgment.truth if judgment.truth is not None else judgment.previous
        self.tried = 0
        self.head = self._head()
        self.reading = Convention(judge.layout)
        self.judgment_is_misread = judgment.reason.startswith("the shapes do not fit")

    def _head(self) -> Tree | None:
        claims = self.judge.document.claims
        i = claims.index(self.claim)
        while i and claims[i].continues:
            i -= 1
        return claims[i].sides[0].tree

    # Comparing

    def whole(self, expr: Expr) -> Expr:
        return self.judge.whole(expr)

    def target(self) -> Expr | None:
        if isinstance(self.truth, Indexed):
            return self.truth.expr
        return self.truth

    @property
    def is_spent(self) -> bool:
        return self.tried > MAX_CANDIDATES or self.budget.left <= 0

    def within(self, found: Iterator[Edit]) -> Iterator[Edit]:
        """Edits as long as any may be tried."""
        return takewhile(lambda _: not self.is_spent, found)

    def fits(self, tree: Tree) -> Expr | None:
        """The value of an edited tree, if it is the truth."""
        truth = self.target()
        if truth is None or self.is_spent:
            return None
        self.tried += 1
        self.budget.left -= 1
        try:
            found = TreeBuilder(self.judge.scope, self.reading).value(tree, truth.shape)
        except (DeriveError, ArithmeticError):
            return None
        if isinstance(found, Indexed) != isinstance(self.truth, Indexed):
            return None
        if isinstance(found, Indexed):
            if isinstance(self.truth, Indexed) and found.indices != self.truth.indices:
                return None
            found = found.expr
        if found.shape != truth.shape:
            return None
        return found if self.same(found, truth) else None

    def same(self, a: Expr, b: Expr) -> bool:
        """Whether two expressions agree where both have values; nowhere is no: a repair must be seen to be right."""
        from .witness import SEEDS

        left, right = self.whole(a), self.whole(b)
        for seed in SEEDS:
            one, two = self.witness.value(left, seed), self.witness.value(right, seed)
            if one is not None and two is not None:
                return close(one, two) and self.witness.same(left, right)
        return False

    # The search

    def search(self, truths: Sequence[Expr | Indexed | None]) -> tuple[str, Expr | None, str]:
        """The kind, the mended side, and what to say of it, against the first truth that can be reached."""
        first = self.truth
        best: tuple[str, Expr | None, str] | None = None
        for truth in truths or [first]:
            if truth is None:
                continue
            self.truth, self.tried = truth, 0
            found = self.attempt()
            if found[0]:
                return found
            best = best or found
        self.truth = first
        return best or ("", None, "")

    def attempt(self) -> tuple[str, Expr | None, str]:
        truth, value = self.truth, self.value
        if isinstance(value, Indexed) and isinstance(truth, Expr):
            if value.expr.shape == truth.shape and self.same(value.expr, truth):
                letters = " ".join(value.indices)
                return "index", value.expr, f"an entry (index {letters}) stands for the whole"
            return "index", truth, "an entry stands for the whole"
        if isinstance(truth, Indexed) and isinstance(value, Expr):
            return (
                "index",
                None,
                f"the left-hand side is the entry {' '.join(truth.indices)}, the right-hand side the whole",
            )
        goal = self.target()
        if goal is None or self.tree is None:
            return "", None, ""
        plain = value.expr if isinstance(value, Indexed) else value
        for kind, edited in self.within(self.gradient_edits()):
            mended = self.fits(edited)
            if mended is not None:
                return kind, mended, "∇ is lost" if kind == "nabla" else "∇ is lost, and a factor is wrong"
        if plain is not None:
            found = self.constant(plain, goal) or self.turned(plain, goal) or self.collapsed(plain, goal)
            if found:
                return found
        if plain is None:
            for path, node in places_of(self.tree):
                if node.kind == "call" and node.data[0] in ("trace", "sum", "det"):
                    for inner_ in (node.args[0], turned(node.args[0])):
                        mended = self.fits(put(self.tree, path, inner_))
                        if mended is not None:
                            return "scalar for matrix", mended, "a scalar stands where a matrix is wanted"
        forgotten = self.forgotten(plain, goal) if plain is not None else None
        if forgotten:
            return forgotten
        reason = self.symmetric(plain, goal) if plain is not None else ""
        for kind, edited in self.within(edits(self.tree)):
            mended = self.fits(edited)
            if mended is not None:
                return kind, mended, reason
        for kind, expr in () if self.is_spent else self.missing(plain, goal):
            return kind, expr, reason
        partial = self.one_summand(goal)
        if partial:
            return partial
        if reason:
            return "symmetric", goal, reason
        for kind, edited in self.within(self.double()):
            mended = self.fits(edited)
            if mended is not None:
                return kind, mended, ""
        return "", goal, ""

    def constant(self, value: Expr, goal: Expr) -> tuple[str, Expr | None, str] | None:
        c = self.witness.ratio(self.whole(value), self.whole(goal))
        if c is None:
            return None
        if abs(c - 1) < 1e-7 and self.judgment_is_misread:
            return "hadamard", value, "right with the vectors multiplied entry by entry"
        fraction = Fraction(c).limit_denominator(64)
        if abs(float(fraction) - c) < 1e-6:
            mended = scale(number(1 / fraction), value)
            if self.witness.proof(self.whole(mended), self.whole(goal)) == "differs":
                return "factor", goal, f"right up to a factor near {_text(fraction)}, and not that"
            if fraction == 1:
                return None  # right as a whole: something else than a factor is wrong
            if fraction == -1:
                return "sign", mended, "right up to the sign"
            return "factor", mended, f"right up to the factor {_text(fraction)}"
        return "factor", goal, f"right up to the factor {c:.6g}"

    def turned(self, value: Expr, goal: Expr) -> tuple[str, Expr | None, str] | None:
        """The transpose of what is right: another layout, unless one letter's transposition is missing."""
        if value.shape != (goal.shape[1], goal.shape[0]) or goal.shape == SCALAR:
            return None
        if not self.same(transpose(value), goal):
            return None
        tree = self.tree
        assert tree is not None
        single = tree
        while single.kind in ("transpose", "neg"):
            single = single.args[0]
        if single.kind == "prod":
            heavy = [a for a in single.args if a.kind not in ("number", "quotient")]
            single = heavy[0] if len(heavy) == 1 else single
            while single.kind in ("transpose", "neg"):
                single = single.args[0]
        if single.kind in ("name", "inverse"):
            kind = "inverse transpose" if any(t.kind == "inverse" for t in tree.walk()) else "transpose"
            reason = self.symmetric(value, goal)
            return kind, transpose(value), reason or "the transpose of what is right"
        shapes = f"{shape_text(value.shape)}, not {shape_text(goal.shape)}"
        if value.shape == goal.shape:
            return "layout", transpose(value), "the transpose of the derivative: right in the other layout only"
        return "layout", transpose(value), f"the transpose of the derivative ({shapes}): right in the other layout only"

    def collapsed(self, value: Expr, goal: Expr) -> tuple[str, Expr | None, str] | None:
        if value.shape != SCALAR or goal.shape == SCALAR:
            return None
        mended: Expr | None = None
        for edited in self.opened():
            mended = self.fits(edited)
            if mended is not None:
                break
        return "scalar for matrix", mended or goal, f"a scalar stands where {shape_text(goal.shape)} is wanted"

    def opened(self) -> Iterator[Tree]:
        """The trace of a matrix as the matrix; xᵀ y as y xᵀ."""
        assert self.tree is not None
        for path, node in places_of(self.tree):
            if node.kind == "call" and node.data[0] in ("trace", "sum"):
                yield put(self.tree, path, node.args[0])
                yield put(self.tree, path, turned(node.args[0]))
            if node.kind in ("inner", "colon") and len(node.args) == 2:
                a, b = node.args
                for left, right in ((a, turned(b)), (b, turned(a)), (turned(a), b), (turned(b), a)):
                    yield put(self.tree, path, Tree("prod", [left, right], ("",)))
            if node.kind == "prod" and len(node.args) >= 2:
                for i in range(len(node.args) - 1):
                    args = list(node.args)
                    args[i], args[i + 1] = args[i + 1], args[i]
                    yield put(self.tree, path, Tree("prod", args, node.data))

    def contributions(self) -> list[Expr]:
        """What each occurrence of the variable adds to the derivative at the head of the chain."""
        head = self.head
        if head is None or head.kind not in ("derivative", "gradient"):
            return []
        builder = TreeBuilder(self.judge.scope, self.reading)
        try:
            if head.kind == "gradient" and not head.data[1]:
                function = builder.loss("∇")
                variable_tree = head.args[0] if head.args else builder.nabla(function)
            else:
                made = builder.function_of(head.args[0])
                if not isinstance(made, Expr):
                    return []
                function = made
                variable_tree = head.args[1] if len(head.args) > 1 else builder.nabla(function)
            variable, stands_for, turned = builder.variable(variable_tree)
            if stands_for is not None or not function.is_scalar:
                return []
            shares = [c.expression for c in Sweep(self.whole(function), variable).contributions]
        except DeriveError:
            return []
        layout_turned = turned != (self.judge.layout == "numerator" and head.kind == "derivative")
        return [transpose(s) if layout_turned else s for s in shares]

    def forgotten(self, value: Expr, goal: Expr) -> tuple[str, Expr | None, str] | None:
        shares = self.contributions()
        if len(shares) < 2 or value.shape != goal.shape:
            return None
        if shares[0].shape != goal.shape or not self.same(add(*shares), goal):
            return None
        for i, share in enumerate(shares):
            rest = [s for j, s in enumerate(shares) if j != i]
            if self.same(value, add(*rest)):
                which = "one" if len(rest) == 1 else f"{len(rest)} of {len(shares)}"
                return "path", add(value, share), f"{which} path of the variable alone; the other adds {share.text()}"
            if len(rest) > 1 and self.same(value, share):
                return "path", goal, "one path of the variable alone; the others are forgotten"
        return None

    def symmetric(self, value: Expr, goal: Expr) -> str:
        condition = symmetric_if(self.witness, self.whole(goal), self.whole(value), None)
        return f"right only if {condition.replace(' symmetric', '')} is symmetric" if condition else ""

    # Edits

    def gradient_edits(self) -> Iterator[Edit]:
        """∇ lost before some terms of a sum, or before the whole."""
        tree = self.tree
        assert tree is not None
        claims = self.judge.document.claims
        first = claims.index(self.claim)
        while first and claims[first].continues:
            first -= 1
        operators = [
            t for t in parts_of(claims[first : claims.index(self.claim) + 1]) if t.kind == "gradient" and t.data[1]
        ]
        if not operators:
            return
        variables = operators[0].args[1:]

        def under(node: Tree) -> Tree:
            if node.kind == "neg":
                return Tree("neg", [under(node.args[0])])
            return Tree("gradient", [node, *variables], (1, True))

        if tree.kind == "sum":
            terms = [a if any(t.kind == "gradient" for t in a.walk()) else under(a) for a in tree.args]
            yield "nabla", tree.with_args(terms)
        if not any(t.kind == "gradient" for t in tree.walk()):
            yield "nabla", under(tree)
            for factor in (Fraction(1, 2), Fraction(2)):
                # the whole of it twice: ∇ and a factor
                yield "factor", Tree("prod", [Tree("number", (), (factor,)), under(tree)], ("",))

    def double(self) -> Iterator[Edit]:
        """Two edits, of the kinds that come in pairs."""
        tree = self.tree
        assert tree is not None
        first = []
        for kind, edited in edits(tree):
            if kind in ("transpose", "order", "inverse transpose"):
                first.append((kind, edited))
            else:
                break
        for kind, edited in first[:24]:
            for path, node in list(places_of(edited))[:24]:
                if node.kind in ("number", "neg"):
                    continue
                yield kind, put(edited, path, turned(node))
                if node.kind == "prod":
                    for i in range(len(node.args) - 1):
                        args = list(node.args)
                        args[i], args[i + 1] = args[i + 1], args[i]
                        yield kind, put(edited, path, node.with_args(args))

    # What is missing

    def missing(self, value: Expr | None, goal: Expr) -> Iterator[tuple[str, Expr]]:
        """A term that the truth has and the line has not; a factor of the chain rule."""
        yield from self.lost_slope(goal)
        if value is not None and value.shape == goal.shape:
            difference = add(goal, scale(number(-1), value))
            for term in self.terms(goal):
                for signed in (term, scale(number(-1), term)):
                    if self.same(difference, signed):
                        yield "term", add(value, signed)
                c = self.witness.ratio(self.whole(difference), self.whole(term))
                if c is not None and abs(c * 4 - round(c * 4)) < 1e-6:
                    yield "term", goal
        tree = self.tree
        assert tree is not None
        for path, node in places_of(tree):
            for extra in self.summands():
                terms = node.args if node.kind == "sum" else (node,)
                parent = at(tree, path[:-1]) if path else None
                if node.kind in ("number", "neg") or (
                    parent is not None and parent.kind == "sum" and node.kind != "sum"
                ):
                    continue
                for signed_tree in (extra, Tree("neg", [extra])):
                    mended = self.fits(put(tree, path, Tree("sum", [*terms, signed_tree])))
                    if mended is not None:
                        yield "term", mended
        yield from self.lost_matrix(value, goal)

    def terms(self, goal: Expr) -> list[Expr]:
        """The summands of the truth, expanded and as derived."""
        from ..algebra.forms import expand

        found: dict[Expr, None] = {}
        for expr in (goal, self.whole(goal)):
            for part in expr.args if expr.op.name == "add" else ():
                found[part] = None
        try:
            expanded = expand(self.whole(goal))
            for part in expanded.args if expanded.op.name == "add" else ():
                found[part] = None
        except DeriveError:
            pass
        return list(found)[:40]

    def summands(self) -> list[Tree]:
        """Terms that the lines before have in sums."""
        found: dict[object, Tree] = {}
        claims = self.judge.document.claims
        i = claims.index(self.claim)
        for claim in claims[max(0, i - 6) : i + 1]:
            for side in claim.sides:
                if side is self.side or side.tree is None:
                    continue
                for t in side.tree.walk():
                    if t.kind == "sum":
                        for term in t.args:
                            bare = term.args[0] if term.kind == "neg" else term
                            found.setdefault(bare.key(), bare)
        return list(found.values())[-24:]

    def slopes(self, goal: Expr) -> list[Expr]:
        """Derivatives of the functions applied entry by entry, and what the truth multiplies entry by entry."""
        scope = self.judge.scope
        slopes: dict[Expr, None] = {}
        bodies = [scope.inline(e) for e in scope.definitions.values()]
        for body in bodies:
            for node in nodes(body):
                if node.op.is_elementwise and not node.is_scalar or node.op.name in ("softmax", "power"):
                    rule = RULES.get(node.op.name)
                    if rule is None:
                        continue
                    try:
                        from ..expr import ones

                        slopes[rule.pull(ones(*node.shape), node, 0)] = None
                    except DeriveError:
                        continue
                if node.is_scalar and node.op.is_elementwise:
                    rule = RULES.get(node.op.name)
                    if rule is not None:
                        try:
                            slopes[rule.pull(number(1), node, 0)] = None
                        except DeriveError:
                            continue
        for node in nodes(goal):
            if node.op.name == "hadamard":
                for factor in node.args:
                    slopes[factor] = None
        for slope in list(slopes):
            slopes[scale(number(-1), slope)] = None
        return list(slopes)

    def lost_slope(self, goal: Expr) -> Iterator[tuple[str, Expr]]:
        """A derivative of an inner function left out."""
        tree = self.tree
        assert tree is not None
        slopes = self.slopes(goal)
        for path, node in places_of(tree):
            parent = at(tree, path[:-1]) if path else None
            if node.kind == "number" or (parent is not None and parent.kind in ("norm", "call")):
                continue
            for slope in slopes:
                mended = self.fits(put(tree, path, Tree("hadamard", [node, held(slope)])))
                if mended is not None:
                    yield "inner derivative", mended

    def lost_matrix(self, value: Expr | None, goal: Expr) -> Iterator[tuple[str, Expr]]:
        """The matrix of an inner map left out."""
        scope = self.judge.scope
        bodies = [scope.inline(e) for e in scope.definitions.values()]
        matrices = [s for s in dict.fromkeys(n for b in bodies for n in symbols_of(b)) if not s.is_scalar]
        if value is not None and self.judgment_is_misread:
            for matrix in matrices:
                for left, right in (
                    (matrix, value),
                    (transpose(matrix), value),
                    (value, matrix),
                    (value, transpose(matrix)),
                ):
                    if left.shape[1] is right.shape[0] and (left.shape[0], right.shape[1]) == goal.shape:
                        product = matmul(left, right)
                        if self.same(product, goal):
                            yield "inner derivative", product
        tree = self.tree
        assert tree is not None
        names = {s: Tree("name", (), (n, n, ())) for n, s in scope.symbols.items()}
        for path, node in places_of(tree):
            parent = at(tree, path[:-1]) if path else None
            if parent is not None and parent.kind in ("norm", "call"):
                continue
            if node.kind == "number":
                continue
            for matrix in matrices:
                if matrix not in names:
                    continue
                for factor in (names[matrix], turned(names[matrix])):
                    for pair in ([factor, node], [node, factor]):
                        mended = self.fits(put(tree, path, Tree("prod", pair, ("",))))
                        if mended is not None:
                            yield "inner derivative", mended

    def one_summand(self, goal: Expr) -> tuple[str, Expr | None, str] | None:
        """A sum of which all terms but one are paths: that one should be the path that is left."""
        tree = self.tree
        if tree is None or tree.kind != "sum":
            return None
        shares = self.contributions()
        if len(shares) != len(tree.args) or len(shares) < 2:
            return None
        if shares[0].shape != goal.shape or not self.same(add(*shares), goal):
            return None
        left = list(shares)
        wrong: list[int] = []
        for i, term in enumerate(tree.args):
            try:
                found = TreeBuilder(self.judge.scope, self.reading).value(term, goal.shape)
            except DeriveError:
                wrong.append(i)
                continue
            match = next(
                (s for s in left if isinstance(found, Expr) and found.shape == s.shape and self.same(found, s)), None
            )
            if match is None:
                wrong.append(i)
            else:
                left.remove(match)
        if len(wrong) != 1 or len(left) != 1:
            return None
        ordinal = ("first", "second", "third", "fourth")[wrong[0]] if wrong[0] < 4 else f"{wrong[0] + 1}th"
        return "transpose", goal, f"the {ordinal} term should be {left[0].text()}"


def explain(judge: Judge, claim: Claim, judgment: Judgment, line: Line, budget: Budget) -> None:
    """Fill in kind, repair and evidence of a failing line."""
    if judgment.mended is not None:
        line.kind, mended_ = judgment.mended
        line.repair = _repaired(claim, judgment, mended_, False, None)
        return
    mending = Mending(judge, claim, judgment, budget)
    if mending.truth is None:
        return
    kind, mended, said = mending.search(judgment.truths)
    line.kind = kind or "unknown"
    if said:
        line.reason = f"{line.reason}: {said}" if line.reason and said not in line.reason else said
    if mended is not None:
        line.repair = _repaired(claim, judgment, mended, isinstance(mending.truth, Indexed), mending.truth)
    goal = mending.target()
    value = judgment.value.expr if isinstance(judgment.value, Indexed) else judgment.value
    if line.kind == "index" and goal is not None:
        one, whole = ("the line", "right") if isinstance(judgment.value, Indexed) else ("right", "the line")
        line.evidence = f"{one} is one number for each index, {whole} is {shape_text(goal.shape)}"
    elif goal is not None and value is not None:
        if value.shape == goal.shape:
            line.evidence = judge.witness.evidence(judge.whole(value), judge.whole(goal))
        else:
            line.evidence = f"the line is {shape_text(value.shape)}, right is {shape_text(goal.shape)}"
    elif goal is not None:
        line.evidence = f"right is {shape_text(goal.shape)}; the line has no shape"


def _repaired(claim: Claim, judgment: Judgment, mended: Expr, indexed: bool, truth: object) -> str | None:
    """The line with one side mended; None where that would say a side twice."""
    latex = mended.latex()
    if indexed and isinstance(truth, Indexed):
        latex = f"\\left({latex}\\right)_{{{''.join(truth.indices)}}}"
    parts = []
    for side in claim.sides:
        parts.append(latex if side is judgment.side else side.text.strip(" \n\t&,.;~").replace("&", ""))
    bare = [re.sub(r"[\s{}]", "", part) for part in parts]
    if len(set(bare)) < len(bare):
        return None
    return ("= " if claim.continues else "") + " = ".join(parts)


def _text(value: Fraction) -> str:
    return str(value) if value.denominator == 1 else f"{value.numerator}/{value.denominator}"
