"""Chains of equations in index notation: what a head says, and every side compared with it.

The letters of the head are free in all sides; nothing is judged unless both carry the same ones.  A whole vector or
matrix is compared in the order of the letters of the entry that the chain differentiates by, ∂/∂Xₖₗ.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import DeriveError
from ..expr import dimension_names, symbols_of
from .claims import DERIVATIVES, Claim, Claims, Side
from .index_notation import Array, Evaluation, IndexedArray, base_of, has_entries, letters_of, occurrences
from .judgments import Judgment
from .roles import entries_differentiated_by, given, is_zero
from .trees import Tree
from .values import Unread
from .witness import TOLERANCE, Witness

if TYPE_CHECKING:
    from ..numeric import Point

APART = 1e-4  # by how much sides differ that are said to differ, relative to their size
SIZES = {17: 3, 29: 4}  # seeds, and how long an axis is whose length nobody declares


class IndexChain:
    """A chain of equations in index notation: its head, against which every side is compared."""

    def __init__(self, document: Claims, witness: Witness, claims: Sequence[Claim]) -> None:
        self.scope = document.scope
        self.declared = document.declared
        self.witness = witness
        known = [self.scope.symbols.get(name) for name in document.declared - set(self.scope.families)]
        self.is_declared = any(s is not None and not s.is_scalar for s in known)
        self.free: frozenset[str] = frozenset()
        trees = [side.tree for claim in claims for side in claim.sides if side.tree is not None]
        self.is_indexed = any(has_entries(tree) for tree in trees)
        self.head = claims[0].sides[0].tree if claims else None
        found = {letters for tree in trees for letters in entries_differentiated_by(tree)}
        self.frame: tuple[str, ...] | None = found.pop() if len(found) == 1 else None
        self.claims = document.claims
        self.given: dict[str, tuple[tuple[str, ...], Tree]] = {}
        self.points: list[tuple[Point, int | None]] | None = None
        self.truth: list[IndexedArray | Array] | None = None
        self.is_doubtful = False  # the head has another reading
        self.why: DeriveError | None = None  # the head is not read
        self.failing: tuple[int, list[IndexedArray | Array]] | None = None
        self.agrees = False  # a side was judged here, so that (BA)ₚq = BA only leaves out the letters

    def reads_head(self) -> bool:
        if not self.is_indexed or self.head is None:
            return False
        if self.truth is None and self.why is None:
            self.read_definitions()
            counts = occurrences(self.head)
            self.free = frozenset(a for a in counts if counts[a] == 1)
            if not counts and self.frame is not None:
                self.free = frozenset(self.frame)
            try:
                derived = [t.args for t in self.head.walk() if t.kind == "derivative"]
                if any(set(letters_of(args[0])) & set(letters_of(args[-1])) for args in derived):
                    raise Unread("∂yᵢ/∂xᵢ, an entry or a sum")
                self.truth, self.is_doubtful = self.values(self.head)
            except DeriveError as error:
                self.why = error
        return self.truth is not None

    def read_definitions(self) -> None:
        """The definitions of the scope that are in index notation, or sum a letter that stands twice."""
        for claim in self.claims:
            head, body = claim.sides[0].tree, given(claim).tree if len(claim.sides) > 1 else None
            if claim.is_definition and head is not None and body is not None and has_entries(body):
                made = self.scope.symbols.get(base_of(head))
                counts = occurrences(body)
                is_summed = any(counts[letter] > 1 for letter in set(counts) - {*letters_of(head)})
                rests = any(base_of(t) in self.given for t in body.walk())
                if made is None or made not in self.scope.definitions or is_summed or rests:
                    self.given[base_of(head)] = letters_of(head), body

    def defines(self, claim: Claim) -> Judgment | None:
        """A definition in index notation, where that is read."""
        head = claim.sides[0].tree
        if self.is_indexed:
            self.read_definitions()
        if not claim.is_definition or head is None or base_of(head) not in self.given:
            return None
        self.free = frozenset(letters_of(head))
        try:
            self.values(head)
        except (DeriveError, ArithmeticError):
            return None
        return Judgment("definition", "", given(claim))

    def values(self, tree: Tree) -> tuple[list[IndexedArray | Array], bool]:
        """What a side is at each point, and whether it has another reading."""
        found: list[IndexedArray | Array] = []
        is_doubtful = False
        for point, size in self.at_points():
            trees = [t for t in (self.head, tree) if t is not None]
            evaluation = Evaluation(self.scope, self.free, point, size, self.declared, trees, self.given)
            is_indexed = has_entries(tree) or any(base_of(t) in self.given for t in tree.walk())
            found.append(evaluation.value(tree, frozenset()) if is_indexed else evaluation.whole(tree))
            is_doubtful |= evaluation.is_doubtful
        return found, is_doubtful

    def at_points(self) -> list[tuple[Point, int | None]]:
        from ..numeric import random_point

        if self.points is None:
            points: list[tuple[Point, int | None]] = []
            symbols = [*self.witness.domain, *self.witness.symbols]
            for seed, size in SIZES.items():
                sizes = {} if self.is_declared else dict.fromkeys(dimension_names(*symbols), size)
                points.append((random_point(symbols, seed, sizes), None if self.is_declared else size))
            self.points = points
        return self.points

    def judged(self, claim: Claim, side: Side) -> Judgment | None:
        """The verdict on a side that no other road reads; None where index notation does not read it either."""
        if side.tree is None or not self.reads_head():
            return None
        assert self.truth is not None
        try:
            values, is_doubtful = self.values(side.tree)
            found = [self.compared(a, b) for a, b in zip(self.truth, values)]
            if all(found):
                self.failing, self.agrees = None, True
                return Judgment("agrees", "", side)
            if self.failing is not None and all(self.compared(a, b) for a, b in zip(self.failing[1], values)):
                judgment = Judgment("agrees", "", side)
                judgment.follows_from = self.failing[0]
                return judgment
        except (DeriveError, ArithmeticError):
            return None
        if is_zero(side.tree) and self.head is not None and not any(t.kind in DERIVATIVES for t in self.head.walk()):
            return Judgment("assumption", "an equation for these letters, not for all values of them", side)
        if is_doubtful or self.is_doubtful or any(found) or self.letters(side.tree) - self.letters(self.head):
            return None
        self.failing = (claim.number, values)
        judgment = Judgment("fails", "the two sides differ, compared entry by entry at random points", side)
        judgment.trials = [(side, self.fits)]
        return judgment

    def speaks_of_entries(self, side: Side) -> bool:
        return self.frame is not None and side.tree is not None and has_entries(side.tree)

    def fits(self, tree: Tree) -> bool:
        """Whether a tree in place of a side would be right."""
        import numpy as np

        assert self.truth is not None
        with np.errstate(all="ignore"):
            values, is_doubtful = self.values(tree)
        return not is_doubtful and all(self.compared(a, b) for a, b in zip(self.truth, values))

    def letters(self, tree: Tree | None) -> set[str]:
        """The letters that a side rests on, those of entries without their indices."""
        found: set[str] = set()
        for t in tree.walk() if tree is not None else ():
            name = base_of(t) if t.kind == "name" else ""
            if base_of(t) in self.given and self.given[base_of(t)][1] is not tree:
                found |= self.letters(self.given[base_of(t)][1])
                continue
            known = self.scope.symbols.get(name)
            found |= {s.name for s in symbols_of(self.scope.inline(known))} if known is not None else {name}
        return found - {"", "δ", "e", "π"}

    def compared(self, one: IndexedArray | Array, other: IndexedArray | Array) -> bool:
        """Whether two values are the same; raises where they are no pair, or too close to tell."""
        import numpy as np

        a, b = self.framed(one), self.framed(other)
        left, right = np.asarray(a.array), np.asarray(b.array)
        if b.axes and set(b.axes) <= set(a.axes) and set(a.axes) - set(b.axes) <= set(self.frame or ()):
            # of ∂L/∂Wᵢⱼ a side in i alone is the same for all j
            right = b.over(a.axes)
            right = np.broadcast_to(right, [n if m == 1 else m for n, m in zip(left.shape, right.shape)])
        elif set(a.axes) != set(b.axes):
            raise Unread("the two sides have not the same free indices")
        if left.shape != right.shape:
            raise Unread("an index runs over axes of different sizes")
        scale = max(float(np.abs(left).max(initial=0.0)), float(np.abs(right).max(initial=0.0)), 1e-6)
        gap = float(np.abs(left - right).max(initial=0.0)) / scale
        if TOLERANCE * 10 < gap < APART:
            raise Unread("too close to tell")
        return gap < APART

    def framed(self, value: IndexedArray | Array) -> IndexedArray:
        """A whole as entries, with the letters of what is differentiated by."""
        if isinstance(value, IndexedArray):
            return value
        if value.shape == (1, 1):
            return IndexedArray(value[0, 0])
        frame = self.frame or (letters_of(self.head) if self.head is not None else ())
        array = value.reshape(-1) if len(frame) == 1 and 1 in value.shape else value
        if not frame or array.ndim != len(frame):
            raise Unread("the indices of a whole vector or matrix are open")
        return IndexedArray(array, frame)
