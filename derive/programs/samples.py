"""Values of all samples at once: a number of each sample is a vector, a vector of each the row of a matrix.

What is the same for all samples stays as it is.  A matrix of each sample is never formed: it is
held as what it is made of, u vᵀ or A D(u) B with u of the sample, and the sum over the samples of
u vᵀ is one product Uᵀ V.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..shapes import ONE, SCALAR, Dim
from .graph import ValueGraph
from .terms import Term, Value


class NoRows(Exception):
    """An operation has no form over all samples at once; what it is goes sample by sample."""


class Rows(NamedTuple):
    """A number or vector of each sample: a term with a row for each; `is_row` where a sample has 1 × n."""

    term: Term
    is_row: bool = False

    @property
    def is_scalar(self) -> bool:
        return self.term.shape[1] is ONE

    @property
    def T(self) -> Rows:
        return Rows(self.term, not self.is_row and not self.is_scalar)


class Outer(NamedTuple):
    """u vᵀ of each sample."""

    left: Term
    right: Term

    @property
    def T(self) -> Outer:
        return Outer(self.right, self.left)

    def scaled(self, front: Callable[[Term], Term]) -> Outer:
        return Outer(front(self.left), self.right)


class DiagonalChain(NamedTuple):
    """c A D(u) B … of each sample: terms are the same for all, `Rows` are the diagonals of a sample's own."""

    weight: Term
    factors: Sequence[Term | Rows]

    @property
    def T(self) -> DiagonalChain:
        return DiagonalChain(self.weight, [f if isinstance(f, Rows) else f.T for f in reversed(self.factors)])

    def scaled(self, front: Callable[[Term], Term]) -> DiagonalChain:
        return DiagonalChain(front(self.weight), self.factors)

    @property
    def diagonals(self) -> list[int]:
        return [i for i, factor in enumerate(self.factors) if isinstance(factor, Rows)]


class Image(NamedTuple):
    """A linear function of matrices of each sample, of which there is the sum alone."""

    function: Callable[[Term], Term]
    inner: Sequence[SampleTerm]

    @property
    def T(self) -> Image:
        return Image(lambda total: self.function(total).T, self.inner)

    def scaled(self, front: Callable[[Term], Term]) -> Image:
        return Image(self.function, [piece.scaled(front) for piece in self.inner])


SampleTerm = Outer | DiagonalChain | Image
Matrix = list[SampleTerm]  # their sum
Lifted = Term | Rows | Matrix  # a term where it is the same for all samples


class Lifting:
    """The values of all samples, by those of one."""

    def __init__(self, graph: ValueGraph, size: Dim) -> None:
        self.graph = graph
        self.size = size
        self.one = graph.ones(size, ONE)
        self.found: dict[Value, Rows | Matrix] = {}

    # Terms

    def term(self, term: Term) -> Lifted:
        """A term over all samples."""
        graph = self.graph
        shared = Term(term.coefficient, tuple((v, e) for v, e in term.powers if v not in self.found))
        own = [(found, e) for v, e in term.powers if isinstance(found := self.found.get(v), Rows)]
        weight = graph.entries([w.term for w, _ in own], (self.size, ONE), [e for _, e in own]) if own else None
        body = self.found.get(term.value) if term.value is not None else None
        if body is None:
            if weight is None:
                return term
            if term.value is None:
                return Rows(graph.multiply([weight, shared]))
            return self.weighted(term.bare.times(shared.coefficient, shared.powers), weight)
        if isinstance(body, Rows):
            made: Rows | Matrix = body.T if term.flipped else body
        else:
            made = [piece.T for piece in body] if term.flipped else body
        scaled = self.weighted(made, weight) if weight is not None else made
        return self.times(scaled, shared)

    def times(self, part: Rows | Matrix, scalar: Term) -> Rows | Matrix:
        """A multiple by what is the same for all samples."""
        if scalar.is_plain:
            return part
        return self.in_front(part, lambda term: term.times(scalar.coefficient, scalar.powers))

    def in_front(self, part: Rows | Matrix, front: Callable[[Term], Term]) -> Rows | Matrix:
        """A multiple, by what multiplies the terms of one."""
        return Rows(front(part.term), part.is_row) if isinstance(part, Rows) else [p.scaled(front) for p in part]

    def weighted(self, part: Lifted, weight: Term) -> Rows | Matrix:
        """Each sample by a number of its own."""
        graph = self.graph
        if isinstance(part, Term):
            if 1 not in (part.shape[0].value, part.shape[1].value):
                return [DiagonalChain(weight, [part])]
            is_row = part.shape[0] is ONE
            return Rows(graph.chain([weight, part if is_row else part.T]), is_row)
        return self.in_front(part, lambda term: self.scaled(term, weight))

    def scaled(self, term: Term, weight: Term) -> Term:
        """D(c) X."""
        if term.shape[1] is ONE:
            return self.graph.entries([weight, term], term.shape)
        return self.graph.chain([self.graph.diag_matrix(weight), term])

    def rows(self, part: Lifted) -> Rows:
        """A number or vector, the same or not, as a row for each sample."""
        if isinstance(part, Rows):
            return part
        if isinstance(part, list):
            raise NoRows
        if part.value is None:
            return Rows(self.graph.multiply([self.one, part]))
        is_row = part.shape[0] is ONE
        return Rows(self.graph.chain([self.one, part if is_row else part.T]), is_row)

    def matrix(self, part: Lifted) -> Matrix:
        if isinstance(part, list):
            return part
        if isinstance(part, Term):
            return [DiagonalChain(self.one, [part])]
        raise NoRows

    def row_sums(self, term: Term) -> Term:
        return term if term.shape[1] is ONE else self.graph.chain([term, self.graph.ones(term.shape[1], ONE)])

    def dots(self, left: Term, right: Term) -> Rows:
        """uᵀ v of each sample."""
        return Rows(self.row_sums(self.graph.entries([left, right], left.shape)))

    # Products

    def product(self, left: Lifted, right: Lifted) -> Lifted:
        graph = self.graph
        if isinstance(left, Term) and isinstance(right, Term):
            return graph.chain([left, right])
        for one, other in ((left, right), (right, left)):
            if isinstance(one, Rows) and one.is_scalar:
                return self.weighted(other, one.term)
            if isinstance(one, Term) and one.shape == SCALAR and not isinstance(other, Term):
                return self.times(other, one)
        if isinstance(left, list) or isinstance(right, list):
            if isinstance(right, Rows) and not right.is_row:
                return self.applied(self.matrix(left), right.term)
            if isinstance(right, Term) and right.shape[1] is ONE:
                return self.applied(self.matrix(left), self.rows(right).term)
            if (isinstance(left, Rows) and left.is_row) or (isinstance(left, Term) and left.shape[0] is ONE):
                transposed = self.applied([piece.T for piece in self.matrix(right)], self.rows(left).term)
                return transposed.T
            return [self.composed(p, q) for p in self.matrix(left) for q in self.matrix(right)]
        if isinstance(right, Rows) and not right.is_row:
            if isinstance(left, Rows):
                return self.dots(left.term, right.term)
            return Rows(graph.chain([right.term, left.T]))
        if isinstance(left, Rows) and left.is_row:
            assert isinstance(right, Term)
            made = Rows(graph.chain([left.term, right]))
            return made if made.is_scalar else made.T
        return [Outer(self.rows(left).term, self.rows(right).term)]

    def applied(self, matrix: Matrix, vector: Term) -> Rows:
        """The products of a matrix and a vector of each sample."""
        graph = self.graph
        parts = []
        for piece in matrix:
            if isinstance(piece, Outer):
                parts.append(self.scaled(piece.left, self.dots(piece.right, vector).term))
            elif isinstance(piece, DiagonalChain):
                made = vector
                for factor in reversed(piece.factors):
                    if isinstance(factor, Rows):
                        made = graph.entries([made, factor.term], made.shape)
                    else:
                        made = graph.chain([made, factor.T])
                parts.append(self.scaled(made, piece.weight))
            else:
                raise NoRows
        return Rows(graph.total(parts, parts[0].shape))

    def composed(self, left: SampleTerm, right: SampleTerm) -> SampleTerm:
        """The product of two matrices of each sample."""
        if isinstance(left, Image) or isinstance(right, Image):
            image, other = (left, right) if isinstance(left, Image) else (right, left)
            if not isinstance(other, DiagonalChain) or other.diagonals or other.weight.key() != self.one.key():
                raise NoRows
            assert isinstance(image, Image)
            fixed = self.fixed(other.factors)
            function = image.function
            if image is left:
                return Image(lambda total: self.graph.chain([function(total), fixed]), image.inner)
            return Image(lambda total: self.graph.chain([fixed, function(total)]), image.inner)
        if isinstance(left, Outer):
            return Outer(left.left, self.applied([right.T], left.right).term)
        if isinstance(right, Outer):
            return Outer(self.applied([left], right.left).term, right.right)
        return DiagonalChain(self.scaled(left.weight, right.weight), [*left.factors, *right.factors])

    # Sums over the samples, traces and diagonals

    def total(self, part: Lifted) -> Term:
        """The sum over the samples."""
        graph = self.graph
        if isinstance(part, Term):
            return graph.multiply([part, graph.dimension(self.size)])
        if isinstance(part, Rows):
            if part.is_scalar:
                return graph.sum_entries(part.term)
            made = graph.chain([part.term.T, self.one])
            return made.T if part.is_row else made
        totals = [self.total_of(piece) for piece in part]
        return graph.total(totals, totals[0].shape)

    def total_of(self, piece: SampleTerm) -> Term:
        graph = self.graph
        if isinstance(piece, Outer):
            return graph.chain([piece.left.T, piece.right])
        if isinstance(piece, Image):
            return piece.function(self.total(list(piece.inner)))
        at = piece.diagonals
        if not at:
            return graph.multiply([graph.sum_entries(piece.weight), self.fixed(piece.factors)])
        front, back, middle = self.sides(piece)
        first, last = (piece.factors[i] for i in (at[0], at[-1]))
        assert isinstance(first, Rows) and isinstance(last, Rows)
        if middle is None:
            core = graph.diag_matrix(graph.chain([first.term.T, piece.weight]))
        else:
            core = graph.entries(
                [middle, graph.chain([self.scaled(first.term, piece.weight).T, last.term])], middle.shape
            )
        return graph.chain([*front, core, *back])

    def sides(self, piece: DiagonalChain) -> tuple[list[Term], list[Term], Term | None]:
        """What stands in front of the diagonals of samples, behind them and, where there are two, between."""
        at = piece.diagonals
        if len(at) > 2:
            raise NoRows
        front, back = (
            [f for f in part if isinstance(f, Term)] for part in (piece.factors[: at[0]], piece.factors[at[-1] :])
        )
        between = [f for f in piece.factors[at[0] : at[-1]] if isinstance(f, Term)]
        if len(at) == 1:
            return front, back, None
        rows = piece.factors[at[0]]
        assert isinstance(rows, Rows)
        return front, back, self.fixed(between) if between else self.graph.eye(rows.term.shape[1])

    def fixed(self, factors: Sequence[Term | Rows]) -> Term:
        return self.graph.chain([factor for factor in factors if isinstance(factor, Term)])

    def trace(self, piece: SampleTerm) -> Rows:
        graph = self.graph
        if isinstance(piece, Outer):
            return self.dots(piece.left, piece.right)
        if isinstance(piece, Image):
            raise NoRows
        at = piece.diagonals
        if not at:
            return Rows(graph.multiply([piece.weight, graph.trace(self.fixed(piece.factors))]))
        front, back, middle = self.sides(piece)
        first, last = (piece.factors[i] for i in (at[0], at[-1]))
        assert isinstance(first, Rows) and isinstance(last, Rows)
        around = graph.chain([*back, *front]) if back or front else graph.eye(last.term.shape[1])
        if middle is None:
            made = graph.chain([first.term, graph.diagonal(around)])
        else:
            made = self.dots(first.term, graph.chain([last.term, graph.entries([middle.T, around], around.shape)])).term
        return Rows(self.scaled(made, piece.weight))

    def diagonal(self, piece: SampleTerm) -> Term:
        graph = self.graph
        if isinstance(piece, Outer):
            return graph.entries([piece.left, piece.right], piece.left.shape)
        if isinstance(piece, Image):
            raise NoRows
        at = piece.diagonals
        if not at:
            return graph.chain([piece.weight, graph.diagonal(self.fixed(piece.factors)).T])
        front, back, middle = self.sides(piece)
        first = piece.factors[at[0]]
        if middle is not None or not isinstance(first, Rows):
            raise NoRows
        made = first.term
        if front or back:
            n = first.term.shape[1]
            left, right = (graph.chain(side) if side else graph.eye(n) for side in (front, back))
            made = graph.chain([made, graph.entries([left.T, right], right.shape)])
        return self.scaled(made, piece.weight)

    # Results

    def each(self, part: Lifted) -> tuple[Term, ...]:
        """A number or vector of each sample; of a matrix u, v and so on, whose u vᵀ add up to it."""
        if isinstance(part, Term) and (part.shape[0] is ONE or part.shape[1] is ONE):
            part = self.rows(part)
        if isinstance(part, Rows):
            if part.is_row:
                raise NoRows
            return (part.term,)
        pieces = self.matrix(part)
        ends: list[Term] = []
        for piece in pieces:
            if not isinstance(piece, Outer):
                raise NoRows
            ends += [self.graph.plain(piece.left), self.graph.plain(piece.right)]
        return tuple(ends)
