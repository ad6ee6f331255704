"""Values of all samples at once: values with an index that runs over the samples.

A number of each sample is a vector over them, a vector of each the row of a matrix.  A matrix of each
sample is never formed: it is held as the product that it is, and the sum over the samples of u vᵀ is
one product Uᵀ V.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial

from ..indexed import Axes, Axis, IndexAlgebra, IndexedSum, IndexedTerm
from ..shapes import ONE, SCALAR, Dim
from .graph import ValueGraph
from .terms import UNIT, Term, Value

Lifted = IndexedSum[Term]


class NoRows(Exception):
    """An operation has no form over all samples at once; what it is goes sample by sample."""


class SampleMatrices(Term):
    """A linear function of a matrix of each sample, of which only the sum is formed: it is the function of a sum."""

    __slots__ = ("function", "inner")

    def __init__(self, function: Callable[[Term], Term], inner: Lifted) -> None:
        super().__init__(UNIT)
        self.function = function
        self.inner = inner


class Lifting(IndexAlgebra[Term]):
    """The values of all samples, by those of one."""

    def __init__(self, graph: ValueGraph, size: Dim) -> None:
        self.graph = graph
        self.samples = Axis("samples", upper=size)
        self.found: dict[Value, Lifted] = {}
        self.refuse = NoRows
        self.chain = graph.chain

    # Numbers, vectors and matrices over whole axes

    def number(self, value: int | Fraction) -> Term:
        return Term(Fraction(value))

    def count(self, axis: Axis) -> Term:
        assert axis.size is not None
        return self.graph.dimension(axis.size)

    def ones(self, *axes: Axis) -> Term:
        rows, columns = [*(axis.size for axis in axes), ONE][:2]
        assert rows is not None and columns is not None
        return self.graph.ones(rows, columns)

    def times(self, nodes: Sequence[Term]) -> Term:
        if len(nodes) == 1:
            return nodes[0]
        arrays = [node for node in nodes if node.value is not None]
        product = [self.graph.chain(arrays)] if len(arrays) > 1 else arrays
        numbers = [node for node in nodes if node.value is None]
        return self.graph.multiply([*numbers, *product]) if numbers else product[0]

    def outer(self, left: Term, right: Term) -> Term:
        return self.graph.chain([left, right.T])

    def turned(self, node: Term) -> Term:
        return node.T

    def diagonal(self, node: Term) -> Term:
        return self.graph.diag_matrix(node) if node.shape[1] is ONE else self.graph.diagonal(node)

    def square(self, node: Term) -> Term:
        return self.raised(node, Fraction(2))

    def raised(self, node: Term, exponent: Fraction) -> Term:
        """A power of every entry."""
        if node.shape == SCALAR:
            return self.graph.raised(node, exponent)
        return self.graph.entries([node], node.shape, [exponent])

    def entrywise(self, nodes: Sequence[Term]) -> Term:
        return nodes[0] if len(nodes) == 1 else self.graph.entries(nodes, nodes[0].shape)

    def total(self, nodes: list[Term]) -> Term:
        return self.graph.sum_entries(self.entrywise(nodes))

    def added(self, terms: Sequence[tuple[int, Term]]) -> Term:
        signed = [term if sign > 0 else term.times(-UNIT) for sign, term in terms]
        return signed[0] if len(signed) == 1 else self.graph.total(signed, signed[0].shape)

    def reduced(
        self, term: IndexedTerm[Term], target: Axes
    ) -> tuple[dict[Axis, list[Term]], dict[Axes, list[Term]], list[Term]]:
        for whole, axes in [(node, axes) for node, axes in term.factors if isinstance(node, SampleMatrices)]:
            others = [factor for factor in term.factors if factor[0] is not whole]
            weights = [node for node, at in others if at == axes[:1]]
            others = [(node, at) for node, at in others if at != axes[:1]]
            if axes[0] not in term.summed or any(axes[0] in at for _, at in others):
                raise NoRows
            inner = whole.inner
            for weight in weights:
                inner = self.scaled(self.single_factor(weight, [self.samples]), inner)
            made = whole.function(self.summed(inner)), axes[1:]
            summed = tuple(axis for axis in term.summed if axis is not axes[0])
            term = term._replace(factors=(*others, made), summed=summed)
        return super().reduced(term, target)

    def in_order(self, axes: list[Axis], target: Axes) -> list[Axis]:
        # A row for each sample, as the arguments have it.
        first = [self.samples, *target]
        return sorted(axes, key=lambda axis: first.index(axis) if axis in first else len(first))

    # Values

    @staticmethod
    def axis(dim: Dim) -> Axis | None:
        """What the rows or columns of a shape are named by."""
        return None if dim is ONE else Axis("own", upper=dim)

    def constant(self, term: Term) -> Lifted:
        """What is the same for all samples."""
        row, column = map(self.axis, term.shape)
        axes = [axis for axis in (row, column) if axis is not None]
        return self.single_factor(term if row is not None else term.T, axes, row, column)

    def each(self, term: Term) -> Lifted:
        """Numbers or vectors, the rows of a matrix."""
        own = self.axis(term.shape[1])
        return self.single_factor(term, [self.samples, *([own] if own is not None else [])], own)

    def term(self, term: Term) -> Lifted:
        """A term over all samples."""
        own = [(found, e) for v, e in term.powers if (found := self.found.get(v)) is not None]
        shared = tuple((v, e) for v, e in term.powers if v not in self.found)
        body = self.found.get(term.value) if term.value is not None else None
        if body is None:
            made = self.constant(Term(term.coefficient, shared, term.value, term.flipped))
        else:
            made, front = body.T if term.flipped else body, Term(term.coefficient, shared)
            made = made if front.is_plain else self.scaled(self.scalar(front), made)
        for scalar, exponent in own:
            made = self.scaled(self.powered(scalar, exponent), made)
        return made

    def powered(self, part: Lifted, exponent: Fraction) -> Lifted:
        return part if exponent == 1 else self.applied(part, partial(self.raised, exponent=exponent))

    def product(self, left: Lifted, right: Lifted) -> Lifted:
        if left.own and right.own:
            return self.matmul(left, right)
        return self.scaled(right, left) if left.own else self.scaled(left, right)

    def rows(self, part: Lifted, length: Dim = ONE) -> Term:
        """Numbers or vectors, the same or not, as a row for each sample; numbers as vectors of a length."""
        own = part.own or [axis for axis in (self.axis(length),) if axis is not None]
        if len(own) > 1:
            raise NoRows
        return self.form(part, [self.samples, *own])

    # Results

    def summed(self, part: Lifted) -> Term:
        """The sum over the samples."""
        return self.result(self.over(part, [self.samples]))

    def results(self, part: Lifted) -> tuple[Term, ...]:
        """A number or vector of each sample; of a matrix u, v and so on, whose u vᵀ add up to it."""
        if part.row is None or part.column is None:
            if part.column is not None:
                raise NoRows
            return (self.rows(part),)
        ends: list[Term] = []
        for term in part.terms:
            vectors, pairs, numbers = self.reduced(term, (part.row, part.column))
            left, right = (
                self.placed({a: v for a, v in vectors.items() if a in kept}, pairs, (self.samples, axis))
                for axis, kept in ((part.row, (self.samples, part.row)), (part.column, (part.column,)))
            )
            if pairs or left is None or right is None:
                raise NoRows
            front = self.times([self.number(term.sign), *term.scalars, *numbers, left])
            ends += [self.graph.plain(front), self.graph.plain(right)]
        return tuple(ends)
