"""What kind of mistake a failing line makes, found by mending it.

A repair is one edit of the line's own tree, in the author's names: a transposition set or removed, two factors
swapped, a sign, a constant, a term, a factor, another letter.  Each is built and compared with the truth; the first
that makes the line right names the kind, and the line is printed as its author wrote it, with that place mended.
Kinds, in the order in which they are tried:

    nabla               ∇ lost before a term
    index               an entry stands for the whole, 2 z_j for 2 z; a letter of an entry for another
    factor, sign        right up to a constant
    layout              the transpose of the gradient
    scalar for matrix   a trace or an inner product where a matrix is wanted
    transpose           a transposition missing, superfluous or misplaced
    inverse transpose   A⁻¹ for A⁻ᵀ
    order               factors in another order
    hadamard            ⊙ for the product, or the reverse
    diag                diag lost, or superfluous
    norm                a norm squared, or not
    power, inverse      another power; an inverse lost, or superfluous
    softmax             the off-diagonal part of the softmax Jacobian
    path                a path of a tied variable is forgotten
    name                another letter
    function            a function lost, or superfluous
    term                a term dropped, or superfluous
    inner derivative    a factor of the chain rule lost, or superfluous
    symmetric           right only for a symmetric matrix
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import chain, islice
from typing import TYPE_CHECKING

from ..derivation import Sweep
from ..errors import DeriveError
from ..expr import Expr, nodes, number, ones, substitute, symbol, symbols_of
from ..operations import add, divide, scale, transpose
from ..rules import RULES
from ..shapes import SCALAR, shape_text
from .claims import Claim, parts_of, shown
from .conditions import symmetric_if
from .derivatives import TreeBuilder, whole_of
from .edits import Edit, at, chain_of, held, insertions, negated, places_of, put, strokes, turned
from .mending import MAX_FOLDED, Mending, Repair
from .report import Line
from .rewriting import formulas, text_of
from .trees import Tree
from .values import Convention, Indexed, Scope
from .witness import SEEDS, close

if TYPE_CHECKING:
    from .examination import Budget
    from .judgments import Judgment, Value
    from .verdicts import Judge


class Claimed(Mending):
    """The search for the repair of a side whose right value is known."""

    def __init__(self, judge: Judge, claim: Claim, judgment: Judgment, budget: Budget) -> None:
        super().__init__(judge, judgment.side, budget, self.fits)
        self.claim = claim
        self.witness = judge.witness
        self.given = judgment.value
        self.truth = judgment.truth if judgment.truth is not None else judgment.previous
        self.chain = self._chain()
        self.reading = Convention(judge.layout)
        self.symmetric_letters: dict[Expr, Expr] = {}
        self.judgment_is_misread = judgment.reason.startswith("the shapes do not fit")

    def _chain(self) -> list[Claim]:
        claims = self.judge.document.claims
        i = first = claims.index(self.claim)
        while first and claims[first].continues:
            first -= 1
        return claims[first : i + 1]

    # Comparing

    def whole(self, expr: Expr) -> Expr:
        expr = self.judge.whole(expr)
        return substitute(expr, self.symmetric_letters) if self.symmetric_letters else expr

    def target(self) -> Expr | None:
        return self.truth.expr if isinstance(self.truth, Indexed) else self.truth

    def fits(self, tree: Tree) -> Value | None:
        """The value of an edited tree, if it is the truth."""
        truth = self.target()
        if truth is None:
            return None
        found = TreeBuilder(self.judge.scope, self.reading).value(tree, truth.shape)
        if isinstance(found, Indexed) != isinstance(self.truth, Indexed):
            return None
        made = found
        if isinstance(made, Indexed):
            if isinstance(self.truth, Indexed) and made.indices != self.truth.indices:
                return None
            made = made.expr
        return found if made.shape == truth.shape and self.same(made, truth) else None

    def same(self, a: Expr, b: Expr) -> bool:
        """Whether two expressions agree where both have values; nowhere is no: a repair must be seen to be right."""
        left, right = self.whole(a), self.whole(b)
        for seed in SEEDS:
            one, two = self.witness.value(left, seed), self.witness.value(right, seed)
            if one is not None and two is not None:
                return close(one, two) and self.witness.same(left, right)
        return False

    # The search

    def search(self, truths: Sequence[Value | None]) -> Repair:
        """The repair against the first truth that can be reached."""
        first = self.truth
        best: Repair | None = None
        for truth in truths or [first]:
            if truth is None:
                continue
            self.truth, self.tried = truth, 0
            found = self.attempt()
            if found.kind:
                return found
            best = best or found
        self.truth = first
        return best or Repair("")

    def attempt(self) -> Repair:
        truth, value = self.truth, self.given
        if isinstance(value, Indexed) and isinstance(truth, Expr):
            if value.expr.shape == truth.shape and self.same(value.expr, truth):
                letters = " ".join(value.indices)
                return Repair("index", f"an entry (index {letters}) stands for the whole", value=value.expr)
            return Repair("index", "an entry stands for the whole", value=truth)
        if isinstance(truth, Indexed) and isinstance(value, Expr):
            entry = " ".join(truth.indices)
            return Repair("index", f"the left-hand side is the entry {entry}, the right-hand side the whole")
        goal = self.target()
        if goal is None:
            return Repair("")
        if found := self.first(self.gradient_edits()):
            found.said = "∇ is lost" if found.kind == "nabla" else "∇ is lost, and a factor is wrong"
            return found
        plain = value.expr if isinstance(value, Indexed) else value
        if plain is None:
            shapes: Repair | None = self.first(self.opened(calls_only=True))
            if shapes is not None:
                shapes.said = "a scalar stands where a matrix is wanted"
                return shapes
        else:
            told = (
                self.constant(plain, goal)
                or self.scaled(plain, goal)
                or self.turned(plain, goal)
                or self.collapsed(plain, goal)
            )
            if told is not None:
                return self.as_written(told)
        reason = self.symmetric(plain, goal) if plain is not None else ""
        if self.judge.granted:
            self.suppose_symmetry(goal)
        if found := self.first(strokes(self.tree)):
            found.said = reason
            return found
        if plain is not None and (forgotten := self.forgotten(plain, goal)):
            return forgotten
        if found := self.first(insertions(self.tree, self.words(self.slopes(goal), _norms(goal)))) or self.missing(
            plain, goal
        ):
            found.said = reason
            return found
        if (partial := self.one_summand(goal)) or reason:
            return partial or Repair("symmetric", reason, value=goal)
        if found := self.first(self.double()):
            return found
        if not self.symmetric_letters and self.suppose_symmetry(goal) and (found := self.first(strokes(self.tree))):
            letters = ", ".join(s.text() for s in self.symmetric_letters)
            found.said = f"where {letters} {'is' if len(self.symmetric_letters) == 1 else 'are'} symmetric"
            return found
        return Repair("", value=goal)

    def suppose_symmetry(self, goal: Expr) -> bool:
        """Compare as where every square matrix is symmetric, which lines before may have taken for granted."""
        self.symmetric_letters = {
            s: symbol(s.name, *s.shape, properties=s.properties | {"symmetric"})
            for s in symbols_of(self.judge.whole(goal))
            if s.is_square and not s.is_scalar and not s.properties & {"symmetric", "spd", "psd", "diagonal"}
            and (not self.judge.granted or s.text() in self.judge.granted)
        }  # fmt: skip
        return bool(self.symmetric_letters)

    def as_written(self, told: Repair) -> Repair:
        """A repair known by its value, as an edit of what the author wrote where there is one."""
        if told.kind == "scalar for matrix":
            found = self.first(self.opened())
        else:
            edits = list(strokes(self.tree))
            signs = [e for e in edits if e[0] == told.kind == "sign" and at(self.tree, e[1]).kind == "neg"]
            found = self.first([*signs, *self.numbers(), *edits])  # a sign taken away sooner than x − μ for μ − x
        if found is not None:
            told.side, told.text, told.value = found.side, found.text, found.value
        elif told.text is None and told.kind in ("factor", "sign") and isinstance(self.factor, Fraction):
            new = negated(self.tree) if self.factor == -1 else chain_of([Tree("number", (), (self.factor,)), self.tree])
            told.side, told.text = self.side, self.written((), new)
        elif told.kind == "layout":
            told.side, told.text = self.side, self.written((), turned(self.tree))
        return told

    factor: Fraction | None = None

    def numbers(self) -> Iterator[Edit]:
        """The number of the whole as it should be: 2 of 3 AᵀA."""
        for i, node in enumerate(self.tree.args if self.tree.kind == "prod" else ()):
            if node.kind == "number" and self.factor is not None and node.data[0] * self.factor not in (1, -1):
                yield "factor", (i,), Tree("number", (), (node.data[0] * self.factor,))

    def constant(self, value: Expr, goal: Expr) -> Repair | None:
        c = self.witness.ratio(self.whole(value), self.whole(goal))
        if c is None:
            return None
        if abs(c - 1) < 1e-7 and self.judgment_is_misread:
            return Repair("hadamard", "right with the vectors multiplied entry by entry", value=value)
        fraction = Fraction(c).limit_denominator(64)
        if abs(float(fraction) - c) < 1e-6:
            mended = scale(number(1 / fraction), value)
            if self.witness.proof(self.whole(mended), self.whole(goal)) == "differs":
                return Repair("factor", f"right up to a factor near {_text(fraction)}, and not that", value=goal)
            if fraction == 1:
                return None  # right as a whole: something else than a factor is wrong
            self.factor = 1 / fraction
            if fraction == -1:
                return Repair("sign", "right up to the sign", value=mended)
            return Repair("factor", f"right up to the factor {_text(fraction)}", value=mended)
        return Repair("factor", f"right up to the factor {c:.6g}", value=goal)

    def scaled(self, value: Expr, goal: Expr) -> Repair | None:
        """The side with a letter of the document as a factor that is lost: 1/m, λ."""
        if value.shape != goal.shape:
            return None
        for letter in self.words().scalars:
            made = self.scalar(letter)
            if made is None:
                continue
            for factor, new in (
                (made, letter),
                (divide(number(1), made), Tree("quotient", [Tree("number", (), (Fraction(1),)), letter])),
            ):
                if self.same(scale(factor, value), goal):
                    said = f"right up to the factor {factor.text()}"
                    text = self.written((), chain_of([new, self.tree]))
                    return Repair("factor", said, self.side, text, scale(factor, value))
        return None

    def scalar(self, letter: Tree) -> Expr | None:
        found = whole_of(self.judge.scope, letter, None, self.reading)
        return found if found is not None and found.is_scalar else None

    def turned(self, value: Expr, goal: Expr) -> Repair | None:
        """The transpose of what is right: another layout, unless one letter's transposition is missing."""
        if value.shape != (goal.shape[1], goal.shape[0]) or goal.shape == SCALAR:
            return None
        if not self.same(transpose(value), goal):
            return None
        single = self.tree
        while single.kind in ("transpose", "neg"):
            single = single.args[0]
        if single.kind == "prod":
            heavy = [a for a in single.args if a.kind not in ("number", "quotient")]
            single = heavy[0] if len(heavy) == 1 else single
            while single.kind in ("transpose", "neg"):
                single = single.args[0]
        if single.kind in ("name", "inverse"):
            kind = "inverse transpose" if any(t.kind == "inverse" for t in self.tree.walk()) else "transpose"
            said = self.symmetric(value, goal) or "the transpose of what is right"
            return Repair(kind, said, value=transpose(value))
        shapes = "" if value.shape == goal.shape else f" ({shape_text(value.shape)}, not {shape_text(goal.shape)})"
        said = f"the transpose of the derivative{shapes}: right in the other layout only"
        return Repair("layout", said, value=transpose(value))

    def collapsed(self, value: Expr, goal: Expr) -> Repair | None:
        if value.shape != SCALAR or goal.shape == SCALAR:
            return None
        return Repair("scalar for matrix", f"a scalar stands where {shape_text(goal.shape)} is wanted", value=goal)

    def opened(self, calls_only: bool = False) -> Iterator[Edit]:
        """The trace of a matrix as the matrix; xᵀ y as y xᵀ."""
        kind = "scalar for matrix"
        for path, node, _ in places_of(self.tree):
            if node.kind == "call" and node.data[0] in ("trace", "sum", "det"):
                yield kind, path, node.args[0]
                yield kind, path, turned(node.args[0])
            if node.kind in ("inner", "colon") and len(node.args) == 2 and not calls_only:
                a, b = node.args
                for left, right in ((a, turned(b)), (b, turned(a)), (turned(a), b), (turned(b), a)):
                    yield kind, path, chain_of([left, right])
        if not calls_only:
            yield from strokes(self.tree)

    def contributions(self) -> list[Expr]:
        """What each occurrence of the variable adds to the derivative at the head of the chain."""
        head = self.chain[0].sides[0].tree
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
            shares = [c.expression for c in Sweep(self.judge.whole(function), variable).contributions]
        except DeriveError:
            return []
        layout_turned = turned != (self.judge.layout == "numerator" and head.kind == "derivative")
        return [transpose(s) if layout_turned else s for s in shares]

    def forgotten(self, value: Expr, goal: Expr) -> Repair | None:
        shares = self.contributions()
        if len(shares) < 2 or value.shape != goal.shape:
            return None
        if shares[0].shape != goal.shape or not self.same(add(*shares), goal):
            return None
        for i, share in enumerate(shares):
            rest = [s for j, s in enumerate(shares) if j != i]
            if self.same(value, add(*rest)):
                which = "one" if len(rest) == 1 else f"{len(rest)} of {len(shares)}"
                said = f"{which} path of the variable alone; the other adds {self.named(share).text()}"
                return self.with_term("path", share, said)
            if len(rest) > 1 and self.same(value, share):
                said = "one path of the variable alone; the others are forgotten"
                return self.with_term("path", add(goal, scale(number(-1), share)), said)
        return None

    def with_term(self, kind: str, term: Expr, said: str = "") -> Repair:
        """The side with a term more, in the author's names."""
        found = self.tested((kind, (), Tree("sum", [*self.terms_written(), held(_plain(self.named(term)))])))
        found = found or Repair(kind, value=self.target())
        found.said = said
        return found

    def terms_written(self) -> Sequence[Tree]:
        terms = self.tree.args if self.tree.kind == "sum" else (self.tree,)
        return [t for t in terms if t.kind != "zero" and not (t.kind == "number" and t.data[0] == 0)]

    def symmetric(self, value: Expr, goal: Expr) -> str:
        condition = symmetric_if(self.witness, self.whole(goal), self.whole(value), None)
        return f"right only if {condition.replace(' symmetric', '')} is symmetric" if condition else ""

    # Edits

    def gradient_edits(self) -> Iterator[Edit]:
        """∇ lost before some terms of a sum, or before the whole."""
        tree = self.tree
        operators = [t for t in parts_of(self.chain) if t.kind == "gradient" and t.data[1]]
        if not operators:
            return
        variables = operators[0].args[1:]

        def under(node: Tree) -> Tree:
            if node.kind == "neg":
                return Tree("neg", [under(node.args[0])])
            return Tree("gradient", [node, *variables], (1, True))

        if tree.kind == "sum":
            terms = [a if any(t.kind == "gradient" for t in a.walk()) else under(a) for a in tree.args]
            yield "nabla", (), tree.with_args(terms)
        if not any(t.kind == "gradient" for t in tree.walk()):
            yield "nabla", (), under(tree)
            for factor in (Fraction(1, 2), Fraction(2)):
                # the whole of it twice: ∇ and a factor
                yield "factor", (), chain_of([Tree("number", (), (factor,)), under(tree)])

    def double(self) -> Iterator[Edit]:
        """Two edits, of the kinds that come in pairs."""
        arranged = [e for e in strokes(self.tree) if e[0] in ("transpose", "order", "inverse transpose")]
        for kind, path, new in arranged[:24]:
            edited = put(self.tree, path, new)
            for inner, node, _ in islice(places_of(edited), 24):
                if node.kind in ("number", "neg"):
                    continue
                yield kind, (), put(edited, inner, turned(node))
                if node.kind == "prod":
                    for i in range(len(node.args) - 1):
                        args = list(node.args)
                        args[i], args[i + 1] = args[i + 1], args[i]
                        yield kind, (), put(edited, inner, node.with_args(args))

    # What is missing

    def missing(self, value: Expr | None, goal: Expr) -> Repair | None:
        """A term that the truth has and the line has not."""
        if value is None or value.shape != goal.shape:
            return None
        from ..algebra.forms import expand

        difference = add(goal, scale(number(-1), value))
        try:
            gap = expand(self.whole(difference))
        except DeriveError:
            gap = difference
        if gap.op.name != "add" and len(nodes(gap)) < MAX_FOLDED:
            return self.with_term("term", gap)
        for term in self.terms(goal):
            for signed in (term, scale(number(-1), term)):
                if self.same(difference, signed):
                    return self.with_term("term", signed)
            c = self.witness.ratio(self.whole(difference), self.whole(term))
            if c is not None and abs(c * 4 - round(c * 4)) < 1e-6:
                return self.with_term("term", scale(number(Fraction(round(c * 4), 4)), term))
        return None

    def terms(self, goal: Expr) -> list[Expr]:
        """The summands of the truth, expanded and as derived."""
        from ..algebra.forms import expand

        found: dict[Expr, None] = {}
        for expr in (goal, self.whole(goal)):
            found |= dict.fromkeys(expr.args if expr.op.name == "add" else ())
        try:
            expanded = expand(self.whole(goal))
            found |= dict.fromkeys(expanded.args if expanded.op.name == "add" else ())
        except DeriveError:
            pass
        return list(found)[:40]

    def slopes(self, goal: Expr) -> list[Expr]:
        """Derivatives of the functions applied entry by entry, and what the truth multiplies entry by entry."""
        scope = self.judge.scope
        slopes: dict[Expr, None] = {}
        for node in dict.fromkeys(chain.from_iterable(nodes(scope.inline(e)) for e in scope.definitions.values())):
            rule = RULES.get(node.op.name)
            if rule is None or not (node.op.is_elementwise or node.op.name in ("softmax", "power")):
                continue
            try:
                slopes[rule.pull(number(1) if node.is_scalar else ones(*node.shape), node, 0)] = None
            except DeriveError:
                continue
        for node in nodes(goal):
            if node.op.name == "hadamard":
                slopes |= dict.fromkeys(node.args)
        return [*slopes, *(scale(number(-1), slope) for slope in slopes)]

    def one_summand(self, goal: Expr) -> Repair | None:
        """A sum of which all terms but one are paths: that one should be the path that is left."""
        tree = self.tree
        if tree.kind != "sum":
            return None
        shares = self.contributions()
        if len(shares) != len(tree.args) or len(shares) < 2:
            return None
        if shares[0].shape != goal.shape or not self.same(add(*shares), goal):
            return None
        left = list(shares)
        wrong: list[int] = []
        for i, term in enumerate(tree.args):
            found = whole_of(self.judge.scope, term, goal.shape, self.reading)
            match = next((s for s in left if found is not None and self.same(found, s)), None)
            if match is None:
                wrong.append(i)
            else:
                left.remove(match)
        if len(wrong) != 1 or len(left) != 1:
            return None
        (at,), share = wrong, self.named(left[0])
        ordinal = ("first", "second", "third", "fourth")[at] if at < 4 else f"{at + 1}th"
        letters = Counter(str(t.data[0]) for t in tree.args[at].walk() if t.kind == "name")
        is_arranged = set(letters) == {s.name for s in symbols_of(share)}
        repair = self.tested(("transpose" if is_arranged else "term", (at,), held(share)))
        repair = repair or Repair("transpose" if is_arranged else "term", value=goal)
        repair.said = f"the {ordinal} term should be {share.text()}"
        return repair


def explain(judge: Judge, claim: Claim, judgment: Judgment, line: Line, budget: Budget) -> None:
    """Fill in kind, repair and evidence of a failing line."""
    is_latex = "\\" in formulas(judge.document)
    for side, test in judgment.trials:
        if side.tree is None:
            continue
        mending = Mending(judge, side, budget, test)
        found = mending.first(strokes(mending.tree)) or mending.first(insertions(mending.tree, mending.words()))
        if found is not None and found.text is not None:
            line.kind, line.repair = found.kind, _repaired(judge.scope, claim, found, judgment, is_latex)
            return
    if judgment.trials:
        line.kind = "unknown"
        if judgment.solution is not None:
            solved = Repair("", "", judgment.side, None, judgment.solution)
            line.repair = _repaired(judge.scope, claim, solved, judgment, is_latex)
        return
    if judgment.side.tree is None or judgment.truth is None and judgment.previous is None:
        return
    search = Claimed(judge, claim, judgment, budget)
    found = search.search(judgment.truths)
    line.kind = found.kind or "unknown"
    if found.said:
        line.reason = f"{line.reason}: {found.said}" if line.reason and found.said not in line.reason else found.said
    if found.text is not None or found.value is not None:
        if found.text is None and isinstance(found.value, Expr):
            found.value = _plain(search.named(found.value))
        line.repair = _repaired(judge.scope, claim, found, judgment, is_latex, search.truth)
    goal = search.target()
    value = judgment.value.expr if isinstance(judgment.value, Indexed) else judgment.value
    if (
        line.kind == "index"
        and goal is not None
        and isinstance(judgment.value, Indexed) != isinstance(search.truth, Indexed)
    ):
        one, whole = ("the line", "right") if isinstance(judgment.value, Indexed) else ("right", "the line")
        line.evidence = f"{one} is one number for each index, {whole} is {shape_text(goal.shape)}"
    elif goal is not None and value is not None:
        if value.shape == goal.shape:
            line.evidence = judge.witness.evidence(judge.whole(value), judge.whole(goal))
        else:
            line.evidence = f"the line is {shape_text(value.shape)}, right is {shape_text(goal.shape)}"
    elif goal is not None:
        line.evidence = f"right is {shape_text(goal.shape)}; the line has no shape"


def _norms(goal: Expr) -> list[Expr]:
    """The lengths, and their squares, that a value is divided by or multiplied with."""
    return [node for node in nodes(goal) if node.op.name in ("norm", "sq_norm")][:3]


def _plain(expr: Expr) -> Expr:
    """An expression with what is common to its terms taken out, where that is shorter."""
    from ..algebra.forms import factor

    if len(nodes(expr)) > MAX_FOLDED:
        return expr
    try:
        factored = factor(expr)
    except (DeriveError, ArithmeticError, ValueError):
        return expr
    return min(expr, factored, key=lambda e: len(e.text()))


def _repaired(
    scope: Scope, claim: Claim, repair: Repair, judgment: Judgment, is_latex: bool, truth: object = None
) -> str | None:
    """The line with one side mended; None where that would say a side twice."""
    text = repair.text
    if text is None:
        value = repair.value.expr if isinstance(repair.value, Indexed) else repair.value
        assert isinstance(value, Expr)
        text = text_of(value, scope, is_latex)
        if isinstance(truth, Indexed):
            low = "".join(truth.indices)
            text = f"\\left({text}\\right)_{{{low}}}" if is_latex else f"({text})_{low}"
    mended = repair.side or judgment.side
    parts = [re.sub(r"(?<!\\) ([)}])", r"\1", shown(text if side is mended else side.text)) for side in claim.sides]
    bare = [re.sub(r"[\s{}]", "", part) for part in parts]
    if len(set(bare)) < len(bare):
        return None
    whole = ("= " if claim.continues else "") + " = ".join(parts)
    spaced = {m[1] for m in re.finditer(r"\\delta ([A-Za-z])", claim.latex)}  # δc, read as one name
    return re.sub(r"\\delta_([A-Za-z])", lambda m: rf"\delta {m[1]}" if m[1] in spaced else m[0], whole)


def _text(value: Fraction) -> str:
    return str(value) if value.denominator == 1 else f"{value.numerator}/{value.denominator}"
