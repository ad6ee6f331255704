"""The verdicts: each side against the truth that its chain begins with, and against the side before.

The truth is derived by us from the left-hand side: a definition, a derivative, a
differential.  A side that differs from it fails, unless it follows from a line that has
failed already.  What custom leaves open (layout, the path of a tied variable) is tried in
the order in which a reader would think of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..errors import DeriveError, ShapeError
from ..expr import Expr, symbols_of, zeros
from ..operations import transpose
from ..reading.signatures import C, S
from ..shapes import ONE, Shape
from .claims import DERIVATIVES, Claim, Claims, Side, parts_of
from .conditional import (
    chain_of,
    entrywise,
    in_columns,
    in_order,
    of_one_number,
    over_samples,
    per_sample,
    shrunk,
    sized,
    under_condition,
    variable_name,
)
from .conditions import positive
from .consequences import follows, implied
from .dependences import dependences
from .derivatives import TreeBuilder
from .document import CONSTANT
from .hypotheses import assumed, own_functions, speaks_of_letters
from .index_chains import IndexChain
from .judgments import (
    Alternative,
    Failure,
    Judgment,
    Value,
    difference,
    of_entries,
    outputs_of,
    read_as,
    wide,
    with_entries,
)
from .members import Members, members_of
from .roles import given, is_zero, names_of
from .solutions import (
    failed_equation,
    held_where_zero,
    is_of_a_loss,
    judged_equation,
    note_equation,
    particular,
    plain_letters,
    set_to_zero,
)
from .trees import Tree, is_chain, turned_letters
from .unification import usual_kind
from .unknowns import foreign, introductions, of_open_kind, resting_on_unread, said_of_unknown, undefined, unread_among
from .upstream import StatedGradient, as_said, handed_down, only_named
from .values import Convention, Indexed, as_entry
from .witness import Witness


class Judge:
    """Judges the claims of a document under one layout."""

    def __init__(self, document: Claims, layout: str, witness: Witness) -> None:
        self.document = document
        self.scope = document.scope
        self.layout = layout
        self.witness = witness
        self.failures: list[Failure] = []
        self.grants_symmetry = True  # what is right if A is symmetric is conditional; of a program it is wrong
        self.condition: int | None = None
        self.granted: set[str] = set()  # matrices that lines before have taken to be symmetric
        self.totals: set[str] = set()  # variables whose whole gradient is on record
        self.judgments: list[tuple[Claim, list[Judgment]]] = []
        self.turned = {n for t in parts_of(document.claims) if t.kind == "transpose" for n in turned_letters(t.args[0])}
        self.values_given: list[tuple[int, Expr, Expr]] = []  # b = 0 from line n on
        self.values_of_formulas: list[tuple[int, Expr, Expr]] = []  # those of letters that have a formula
        for names, kept in ((document.sums_to_one, witness.assumptions), (document.units, witness.units)):
            for said in filter(None, map(self.scope.symbols.get, names)):
                is_meant = said.is_vector or kept is witness.assumptions and not said.is_scalar
                if is_meant and said not in self.scope.definitions and said not in kept:
                    kept.append(said)
        self.one_hot, self.signs = (
            [s for n in said if (s := self.scope.symbols.get(n)) and s.is_vector]
            for said in (document.one_hot, document.signs)
        )
        self.given: dict[Expr, StatedGradient] = {}  # what a line says a derivative is, of losses that are only named
        self.equations: list[tuple[Expr, Expr | None, Expr | None]] = []  # what is zero; of which loss, by what
        self.vanishing: tuple[int, Value] | None = None  # the derivative that was last set to zero, and in which line
        self.dependences: tuple[dict[object, Expr], str] = ({}, "")  # of the chain, ∂A/∂x of letters A
        self.introduced = introductions(document)
        self.turned |= {s.name for s in self.scope.upstream}
        self.moves = {self.scope.moved(s) for s in self.scope.symbols.values()}

    # Values

    def alternatives(self, side: Side, shape: Any = None, lenient: bool = False) -> Iterator[Alternative]:
        """The values a side can have, the likeliest first; errors of the first are raised."""
        tree = side.tree
        if tree is None:
            raise side.error or DeriveError("there is no formula")
        first = TreeBuilder(self.scope, Convention(self.layout, lenient=lenient), self.dependences[0])
        value = first.value(tree, shape)
        yield Alternative(value, first.reading, first.used)
        tried: list[Convention] = []
        if "tied" in first.used and (self.document.splits or self.scope.loss):
            paths = ["split", "other"] if self.document.splits else []
            tried += [Convention(self.layout, p, lenient) for p in paths]
        if "share" in first.used:
            tried += [Convention(self.layout, "total", lenient, True, shift) for shift in (1, 2, 3)]
        if "projected" in first.used:
            tried.append(Convention(self.layout, projected=False))
        if "whole" in first.used:
            tried.append(Convention(self.layout, "whole"))
        if "held" in first.used:
            tried.append(Convention(self.layout, lenient=lenient, held=True))
        if "layout" in first.used and self.layout == "gradient":
            # A Jacobian may be written with outputs as columns while gradients stand as columns too.
            tried.append(Convention("denominator", lenient=lenient))
        for reading in tried:
            found = read_as(self.scope, tree, reading, shape, self.dependences[0])
            is_one_path = "tied" in first.used and reading.path != "total"
            if found is not None and not (is_one_path and "path" not in found.used):
                yield found

    def values(self, side: Side, shape: Any = None) -> list[Alternative]:
        return list(self.alternatives(side, shape))

    def pair(self, a: Value, b: Value) -> tuple[Expr, Expr] | None:
        """Two values, or the wholes of two entries, with definitions put in; None where they are no pair."""
        b = as_entry(b, a)
        if isinstance(a, Indexed) and isinstance(b, Indexed) and set(a.indices) == set(b.indices):
            turned = a.indices != b.indices
            a, b = a.expr, transpose(b.expr) if turned else b.expr
        return (self.whole(a), self.whole(b)) if isinstance(a, Expr) and isinstance(b, Expr) else None

    def same(self, a: Value, b: Value) -> bool:
        pair = self.pair(a, b)
        return pair is not None and self.witness.same(*pair)

    def whole(self, expr: Expr) -> Expr:
        return self.scope.inline(expr)

    def proof(self, a: Value, b: Value) -> str:
        """As `Witness.proof` has it, of values that are the same."""
        pair = self.pair(a, b)
        assert pair is not None
        return self.witness.proof(*pair)

    # Chains

    def run(self, progress: Callable[[int, int], None] | None = None) -> int:
        """Judge every claim; the number of failures."""
        truths: list[Alternative] = []
        previous: Value | None = None
        failing: int | None = None
        head: Tree | None = None
        claims = self.document.claims
        indexed = self.indexed(claims[:1])
        members: Members | None = None
        for i, claim in enumerate(claims):
            if progress is not None:
                progress(i, len(claims))
            found: list[Judgment] = []
            sides = list(claim.sides)
            self.turned -= {name for name, start in self.document.supposed if start < claim.start}
            if claim.role in ("assumption", "solution", "repeat"):
                found.append(particular(self, claim))
                truths, failing, head = self.definition_values(sides[1]), None, sides[1].tree
                previous = truths[0].value if truths else None
                sides = sides[2:]
            elif not claim.continues:
                previous, failing = None, None
                head = sides[0].tree
                self.dependences = dependences(self.scope, chain_at(claims, i))
                start, note = self.begin(claim, sides[0])
                members = members_of(self, claim) if note is not None else None
                note = note if members is None else None
                truths = with_entries(start, chain_at(claims, i))
                indexed = self.indexed(claims[i:])
                sides = sides[1:]
                if claim is self.document.giving:
                    found.append(Judgment("definition", "this says what is differentiated", sides[0]))
                    sides = sides[1:]
                elif note is not None and not indexed.reads_head():
                    said = said_of_unknown(self, claim) if sides else None
                    found.append(said or note)
                    sides = sides[1:] if said is not None else sides
                if claim.is_definition and sides:
                    side = given(claim)
                    found += [self.unread(s, s.error) for s in sides[: sides.index(side)] if s.error is not None]
                    found.append(self.definition(claim, side))
                    if found[-1].verdict == "unread":
                        found[-1] = indexed.defines(claim) or found[-1]
                    if side.tree is not None and found[-1].verdict == "definition":
                        truths = self.definition_values(side) or truths
                    sides = sides[sides.index(side) + 1 :]
                if truths:
                    previous = truths[0].value
            for side in sides:
                try:
                    judgment = (
                        members.judged(claim, side)
                        if members is not None
                        else self.step(claim, side, truths, previous, failing, head)
                    )
                except DeriveError as error:  # no point where it is defined, definitions that define each other
                    judgment = self.unread(side, error)
                if judgment.verdict == "unread" or indexed.agrees and judgment.is_index_lost:
                    other = indexed.judged(claim, side)
                    if other is not None and not (other.verdict == "fails" and self.is_conditional(head)):
                        judgment = other
                elif judgment.verdict == "fails" and not judgment.is_index_lost and indexed.speaks_of_entries(side):
                    other = indexed.judged(claim, side)  # Wᵢⱼ is an entry, and no matrix
                    judgment = other if other is not None and other.verdict == "agrees" else judgment
                found.append(judgment)
                if judgment.verdict in ("proved", "agrees", "conditional") and judgment.value is not None:
                    if judgment.truth is not None:  # the chain keeps the reading it has begun with
                        chosen = [t.reading for t in truths if t.value is judgment.truth]
                        projected = [t for t in truths if "projected" in t.used or not t.reading.projected]
                        truths = [t for t in truths if t.reading in chosen or t in projected] or truths
                    failing = judgment.follows_from
                    previous = judgment.value
                elif judgment.verdict == "fails":
                    failing, previous = claim.number, judgment.value
                elif judgment.turns:
                    truths = [Alternative(judgment.value, Convention(self.layout), {"stand-in"})]  # type: ignore[arg-type]
                    previous = judgment.value
                if not truths and judgment.value is not None and judgment.verdict != "fails":
                    truths = [Alternative(judgment.value, Convention(self.layout), {"stand-in"})]
                    previous = judgment.value
            self.judgments.append((claim, found))
        return sum(j.verdict == "fails" for _, js in self.judgments for j in js)

    def indexed(self, claims: Sequence[Claim]) -> IndexChain:
        """The chain that begins with these claims, as one in index notation."""
        return IndexChain(self.document, self.witness, chain_at(claims, 0))

    def begin(self, claim: Claim, side: Side) -> tuple[list[Alternative], Judgment | None]:
        """The truth that the head of a chain names."""
        if claim.is_definition:
            return [], None
        try:
            return self.values(side), None
        except DeriveError as error:
            if isinstance(error, ShapeError) and (start := chain_of(self, side) or in_columns(self, side)) is not None:
                return [start], None
            if isinstance(error, ShapeError) and is_of_a_loss(self, claim):
                return [], failed_equation(self, claim, f"the shapes do not fit: {error.message}", side)
            return [], self.unread(side, error)
        except RecursionError:
            return [], self.unread(side, DeriveError("brackets nest too deep"))

    def unread(self, side: Side, error: DeriveError) -> Judgment:
        judgment = Judgment("unread", f"not read: {error.message}", side)
        judgment.span = error.span
        return judgment

    def definition(self, claim: Claim, side: Side) -> Judgment:
        if side.error is not None:
            if isinstance(side.error, ShapeError) and self.is_declared(side):
                return Judgment("fails", f"the shapes do not fit: {side.error.message}", side)
            return self.unread(side, side.error)
        return Judgment("definition", "", side)

    def is_declared(self, side: Side) -> bool:
        """Whether the shapes of all names of a side are given, so that a misfit is the author's."""
        names = {str(t.data[0]) for t in side.tree.walk() if t.kind == "name"} if side.tree is not None else set()
        return bool(names) and names <= self.document.declared

    def definition_values(self, side: Side) -> list[Alternative]:
        try:
            return self.values(side) if side.tree is not None else []
        except DeriveError:
            chain = chain_of(self, side)
            return [chain] if chain is not None else []

    def step(
        self,
        claim: Claim,
        side: Side,
        truths: Sequence[Alternative],
        previous: Value | None,
        failing: int | None,
        head: Tree | None,
    ) -> Judgment:
        """The verdict on one side."""
        shape = None
        if truths and isinstance(truths[0].value, Expr):
            shape = truths[0].value.shape
        try:
            values = [of_entries(value, truths, claim.case) for value in self.values(side, shape)]
        except ShapeError as error:
            return self.misfit(claim, side, error, truths, previous, failing, head)
        except DeriveError as error:
            said = as_said(self, side, head, truths)
            return over_samples(self, side, [said[1]] if said else truths) or self.unread(side, error)
        except RecursionError:
            return self.unread(side, DeriveError("brackets nest too deep"))
        if not truths:
            judgment = Judgment("unread", "the left-hand side is not read, so there is nothing to compare with", side)
            judgment.value = values[0].value
            return judgment
        if len(truths) > 1:  # an entry is compared with an entry first
            is_entry = isinstance(values[0].value, Indexed)
            truths = sorted(truths, key=lambda t: isinstance(t.value, Indexed) != is_entry)
        matched = self.match(claim, truths, values, head)
        by = self.scope.symbols.get(variable_name(head) or "")
        if matched is None and by is not None and is_zero(claim.sides[-1].tree):  # ∂S/∂β = −2Xᵀy + 2XᵀXβ̂ = 0
            there = [
                Alternative(plain_letters(v.value, [by]), v.reading, v.used)
                for v in values
                if isinstance(v.value, Expr)
            ]
            matched = self.match(claim, truths, there, head)
        if matched is not None:
            truth, value, reason = matched
            verdict = self.proof(truth.value, value.value)
            judgment = Judgment(verdict, reason, side)
            small = shrunk(self, head, truth.value, value.value)
            conditions = (
                f"{', '.join(small)} scalar" if small else "",
                self.dependences[1],
                "all but the inverse is held fixed" if truth.reading.held or value.reading.held else "",
                ", ".join(positive(*(self.whole(wide(v.value)) for v in (truth, value)))),
            )
            if condition := next(filter(None, conditions), None):
                judgment.verdict, judgment.condition = "conditional", condition
                judgment.reason = f"right if {condition}" + ": orders and transposes do not show" * bool(small)
            judgment.value, judgment.truth, judgment.tree = value.value, truth.value, side.tree
            judgment.outputs = outputs_of(self, truth, value, truths, values)
            return judgment
        value_ = values[0].value
        whole = [v if isinstance(v, Indexed) else self.whole(v) for v in (truths[0].value, value_)]
        if isinstance(whole[0], Expr) and isinstance(whole[1], Expr) and speaks_of_letters(claim, head):
            stationary = judged_equation(self, claim, whole[0], whole[1], side)
            if stationary is not None:
                stationary.truth, stationary.value, stationary.tree = truths[0].value, value_, side.tree
                self.condition = claim.number
                return stationary
        if (consequence := implied(self, claim, side, head)) is not None:
            return consequence
        if self.sets_to_zero(claim, side):
            constant = truths[0].value
            if isinstance(constant, Expr) and constant in self.moves:
                self.values_given.append((claim.number, constant, zeros(*constant.shape)))
                return Judgment("assumption", "constant from here on", side)
            return set_to_zero(self, claim, side, truths[0].value, head)
        letters, known = ({*symbols_of(wide(v))} for v in whole[::-1])
        is_step = "stand-in" in truths[0].used and bool(letters) and letters <= known  # of B s = B s + (y − B s) = y
        why = "" if is_step else assumed(claim, head, *whole)
        if why:
            self.witness.assume(truths[0].value, value_)
            note_equation(self, *whole)
            judgment = Judgment("assumption", why, side)
            judgment.value, judgment.turns = value_, True  # what follows in the chain is held against this side
            return judgment
        source = follows(self, claim, side, truths, previous, failing, head, [v.value for v in values])
        if source is not None:
            number, verdict = source
            judgment = Judgment(verdict, "", side)
            judgment.follows_from = number
            judgment.value = value_
            return judgment
        of_size = sized(self, truths, values, side) or per_sample(self, truths, value_, side)
        of_size = of_size or of_one_number(self, head, truths, value_, side)
        of_size = of_size or handed_down(self, claim, side, head, truths, value_)
        if of_size is not None:
            return of_size
        unknown = foreign(self, side, truths) or undefined(self, truths[0], value_)
        unknown = unknown or only_named(self.scope, truths[0].value, value_)
        if unknown:
            return Judgment("unread", f"not judged: {', '.join(unknown)} is not defined", side)
        conditional = under_condition(self, claim, side, truths, values, head)
        if conditional is not None:
            return conditional
        if broken := resting_on_unread(self, truths[0].value, value_):
            return Judgment("unread", broken, side)
        if self.is_conditional(head):
            left_open = Judgment("unread", f"holds at most under the condition of line {self.condition}", side)
            return held_where_zero(self, claim, whole[0], whole[1], side) or left_open
        if isinstance(value_, Indexed) and isinstance(truths[0].value, Expr) and truths[0].value.is_scalar:
            judgment = Judgment("unread", f"not judged: it speaks of the entry {' '.join(value_.indices)}", side)
            judgment.value, judgment.turns = value_, True
            return judgment
        if claim.is_extremum or any(CONSTANT.search(s.text) for s in claim.sides):
            why = "a least or largest value" if claim.is_extremum else "equal up to a constant, if at all"
            return Judgment("unread", f"not judged: {why}", side)
        if side.text.rstrip().endswith("'") and isinstance(value_, Expr) and value_.is_scalar:
            return Judgment("unread", "not judged: a prime on a bracket", side)
        if "stacked" in values[0].used and (chained := in_order(self, side, truths)) is not None:
            return chained
        if "stacked" in truths[0].used and _shape(truths[0].value) != _shape(value_):
            return Judgment("unread", "not judged: a derivative of a matrix, or by one, is stacked in many ways", side)
        if side.tree is not None and any(t.data == ("sum", "Σ") for t in side.tree.walk()):
            if _shape(truths[0].value) != _shape(value_):
                open_ = Judgment("unread", "not judged: what this sum runs over is open", side)
                return over_samples(self, side, truths) or open_
        if _shape(truths[0].value) != _shape(value_) and by is not None and by.is_scalar:
            if usual_kind(by.name) != S and by.name not in self.document.declared:  # no shape is wrong by a guess
                return Judgment("unread", f"not judged: {by.text()} would be a number here", side)
        if kind := of_open_kind(self, (head, side.tree), truths[0].value, value_):
            return Judgment("unread", kind, side)
        judgment = Judgment("fails", difference(truths[0].value, value_), side)
        judgment.truth, judgment.value, judgment.previous, judgment.tree = truths[0].value, value_, previous, side.tree
        like = [t.value for t in truths if isinstance(t.value, Indexed) == isinstance(value_, Indexed)]
        judgment.truths = like or [t.value for t in truths]
        self.failures.append(Failure(claim.number, truths[0].value, value_, head))
        return judgment

    def misfit(
        self,
        claim: Claim,
        side: Side,
        error: ShapeError,
        truths: Sequence[Alternative],
        previous: Value | None,
        failing: int | None,
        head: Tree | None,
    ) -> Judgment:
        """A side whose shapes do not fit; what it would be with vectors multiplied entry by entry is kept."""
        value: Value | None = None
        if (said := as_said(self, side, head, truths)) is not None and not said[0].is_carried:
            truths = [said[1]]
        try:
            value = next(self.alternatives(side, None, lenient=True)).value
        except DeriveError:
            pass
        # Under another reading of its derivatives the shapes may fit.
        for reading in self.other_readings():
            other = read_as(self.scope, side.tree, reading)
            if other is None or "turned" in other.used and not is_chain(side.tree):
                continue  # ∂L/∂B = ∂L/∂C A is right where all gradients are rows: the layout of the document decides
            for truth in self.under(reading, head, truths, other.used) if other.used & {"layout", "path"} else ():
                if self.same(truth.value, other.value):
                    judgment = Judgment(self.proof(truth.value, other.value), "", side)
                    judgment.value = other.value
                    judgment.outputs = outputs_of(self, truth, other)
                    return judgment
        if (chained := in_order(self, side, truths)) is not None:
            return chained
        if value is not None and previous is not None and failing is not None and self.same(previous, value):
            judgment = Judgment("agrees", "read entry by entry", side)
            judgment.follows_from, judgment.value = failing, value
            return judgment
        if unknown := foreign(self, side, truths):
            return Judgment("unread", f"not judged: {', '.join(unknown)} is not defined", side)
        if value is not None and (by_entries := entrywise(self, truths, value, side, head)) is not None:
            return by_entries
        reason = f"the shapes do not fit: {error.message}"
        if broken := unread_among(self.scope, names_of(side.tree) | (set() if truths else names_of(head))):
            return Judgment("unread", broken, side)
        kinds = [t.kind for t in side.tree.walk() if t.kind in DERIVATIVES] if side.tree is not None else []
        if len(kinds) > 1 and set(kinds) != {"differential"}:
            return Judgment("unread", f"not judged, a chain rule without the order of its factors: {reason}", side)
        symbols = [self.scope.symbols.get(n) for n in names_of(side.tree) - self.document.declared]
        is_guess = (
            any(s is not None and s.shape[0] is ONE and not s.is_scalar and usual_kind(s.name) == C for s in symbols)
            or not truths
            and not self.is_declared(side)
            or bool(truths and truths[0].used & {"stacked", "stand-in"})
        )
        if is_of_a_loss(self, claim):
            return failed_equation(self, claim, reason, side)
        if head is not None and head.kind == "call" and truths and own_functions(truths[0].value):
            return Judgment("unread", f"not judged, of a function that no line gives: {reason}", side)
        is_given = claim.role == "equation" or claim.role == "definition" and not self.is_settled(claim, side)
        if is_given or not self.is_bound(claim, side) or is_guess:
            return Judgment("unread", reason, side)
        judgment = Judgment("fails", reason, side)
        judgment.truth = truths[0].value if truths else None
        judgment.value, judgment.previous, judgment.tree = value, previous, side.tree
        judgment.truths = [t.value for t in truths]
        self.failures.append(Failure(claim.number, judgment.truth, value, head))
        return judgment

    def under(
        self, reading: Convention, head: Tree | None, truths: Sequence[Alternative], used: set[str]
    ) -> Sequence[Alternative]:
        """The truths with gradients laid out as a reading has them: both sides of a line have one layout."""
        are_rows = any("turned" in truth.used for truth in truths)
        if head is None or not any(t.kind in DERIVATIVES for t in head.walk()) or not are_rows and "turned" not in used:
            return truths
        if are_rows:
            return []
        found = read_as(self.scope, head, reading)
        return [found] if found is not None else []

    def is_settled(self, claim: Claim, side: Side) -> bool:
        """Whether a further side of a definition is made of letters whose shapes other lines tell."""
        if side is given(claim):
            return False
        others = [s.tree for c in self.document.claims if c is not claim for s in c.sides]
        return names_of(side.tree) <= {name for tree in others for name in names_of(tree)}

    def is_bound(self, claim: Claim, side: Side) -> bool:
        """Whether the claim speaks of what the document defines or differentiates; else its letters may be others."""
        trees = [s.tree for s in (*claim.sides, side) if s.tree is not None]
        if claim.continues or any(t.kind in DERIVATIVES for tree in trees for t in tree.walk()):
            return True
        defined = {s.name for s in self.scope.definitions}
        return any(str(t.data[0]) in defined for tree in trees for t in tree.walk() if t.kind in ("name", "apply"))

    def other_readings(self) -> list[Convention]:
        found = [Convention(layout) for layout in ("gradient", "numerator", "denominator") if layout != self.layout]
        return [*found, Convention(self.layout, "split")] if self.document.splits else found

    def match(
        self, claim: Claim, truths: Sequence[Alternative], values: Sequence[Alternative], head: Tree | None
    ) -> tuple[Alternative, Alternative, str] | None:
        """The first pair of readings under which both sides are the same, and what it says."""
        pairs = sorted(
            ((i + j, i, j) for i in range(len(truths)) for j in range(len(values))), key=lambda p: (p[0], p[1])
        )
        for _, i, j in pairs:
            truth, value = truths[i], values[j]
            if not self.same(truth.value, value.value):
                continue
            if truth.reading.path != "total" and "path" in truth.used and head is not None:
                if not self.may_split(claim, head):
                    continue
                return truth, value, self.path_reason(truth, head)
            reason = ""
            if "tied" in truth.used and not any(
                t.kind in ("derivative", "gradient")
                for t in (claim.sides[-1].tree.walk() if claim.sides[-1].tree else [])
            ):
                variable = variable_name(head)
                if variable:
                    self.totals.add(variable)
            if "lenient" in value.used:
                reason = "read entry by entry"
            return truth, value, reason
        return None

    def may_split(self, claim: Claim, head: Tree) -> bool:
        """Whether ∂L/∂W may stand for one path of W here: the whole gradient is not on record yet."""
        if head.kind == "gradient":
            return False
        variable = variable_name(head)
        return (
            variable is None
            or variable not in self.totals
            or any(s.tree is not None and any(t.kind == "derivative" for t in s.tree.walk()) for s in claim.sides[1:])
        )

    def path_reason(self, truth: Alternative, head: Tree) -> str:
        name = variable_name(head) or "the variable"
        turned = head.kind == "derivative" and head.args[1].kind == "transpose"
        if truth.reading.path == "split":
            which = f"the path through {name}ᵀ" if turned else f"the path through {name} itself"
        else:
            which = f"the path through {name}ᵀ"
        return f"{which} alone: {name} is tied, and its gradient is the sum over the paths"

    def is_conditional(self, head: Tree | None) -> bool:
        """Whether a line may speak of the point alone at which a derivative vanishes."""
        return self.condition is not None and not any(t.kind in DERIVATIVES for t in (head.walk() if head else []))

    def sets_to_zero(self, claim: Claim, side: Side) -> bool:
        return is_zero(side.tree) and claim.sides[0].tree is not None and side is claim.sides[-1] and not claim.case


def chain_at(claims: Sequence[Claim], start: int) -> Sequence[Claim]:
    """The claims of the chain that begins at a place."""
    end = next((i for i, c in enumerate(claims) if i > start and not c.continues), len(claims))
    return claims[start:end]


def _shape(value: Value) -> Shape | None:
    return value.shape if isinstance(value, Expr) else None
