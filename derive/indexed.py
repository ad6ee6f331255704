"""Values with named indices, and their contraction to matrix form.

Below Σ_i a part of a formula is a number, a vector or a matrix for every i; so is a value of a program for
every sample of a batch.  All of them are sums of `IndexedTerm`s: products of vectors and matrices whose entries
are named by axes, some of them summed over.  The rows and columns that a part has of its own are axes too, so
that xᵢᵀ w is Σ_a X_ia w_a, and

    Σ_i (y_i − wᵀx_i)²  is  ‖y − X w‖²,     Σ_i s_i x_i x_iᵀ  is  Xᵀ diag(s) X.

`IndexAlgebra.form` sums one axis after another: two matrices that share it are multiplied, one is summed by rows,
vectors scale by diagonal matrices, and what has the same axes is multiplied entry by entry.  An axis that
three matrices with three other axes share has no such form, nor has a function of a value with three axes:
these are refused as what they are, an `einsum`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Generic, NamedTuple, TypeVar

from .shapes import Dim

MAX_TERMS = 64  # of an expanded product
N = TypeVar("N")  # a number, vector or matrix over the whole axes: part of a formula, or a term of a program


class Axis:
    """What an index runs over: `size` entries, where known; axes with one `tie` have one size."""

    __slots__ = ("name", "lower", "upper", "tie", "size")

    def __init__(self, name: str, lower: Dim | None = None, upper: Dim | None = None, tie: Axis | None = None) -> None:
        self.name = name
        self.lower = lower if lower is not None else Dim.of(1)
        self.upper = upper
        self.tie: Axis = tie.tie if tie is not None else self
        self.size: Dim | None = upper if upper is None or lower is None else upper - lower + 1

    def copy(self) -> Axis:
        return Axis(self.name, self.lower, self.upper, self)

    def __repr__(self) -> str:
        return self.name


Axes = tuple[Axis, ...]


class IndexedTerm(NamedTuple, Generic[N]):
    """± a product of scalars and of vectors and matrices with named axes, summed over some of them."""

    sign: int = 1
    scalars: tuple[N, ...] = ()
    factors: tuple[tuple[N, Axes], ...] = ()
    summed: Axes = ()

    @property
    def axes(self) -> list[Axis]:
        """The free axes, in order of appearance."""
        return [a for a in dict.fromkeys(a for _, axes in self.factors for a in axes) if a not in self.summed]

    def renamed(self, names: dict[Axis, Axis]) -> IndexedTerm[N]:
        given = set(names.values())
        names = {a: a.copy() for a in self.summed if a in given} | names  # no sum captures a given name
        factors = tuple((node, tuple(names.get(a, a) for a in axes)) for node, axes in self.factors)
        return self._replace(factors=factors, summed=tuple(names.get(a, a) for a in self.summed))

    def apart(self) -> IndexedTerm[N]:
        """The same with summed axes of its own."""
        return self.renamed({a: a.copy() for a in self.summed}) if self.summed else self

    def times(self, other: IndexedTerm[N]) -> IndexedTerm[N]:
        other = other.apart()
        return IndexedTerm(
            self.sign * other.sign, self.scalars + other.scalars, self.factors + other.factors,
            self.summed + other.summed,
        )  # fmt: skip


class IndexedSum(Generic[N]):
    """A sum of terms: a scalar, column, row or matrix for every value of the other free axes."""

    __slots__ = ("terms", "row", "column")

    def __init__(self, terms: Sequence[IndexedTerm[N]], row: Axis | None = None, column: Axis | None = None) -> None:
        self.terms = list(terms)
        self.row = row
        self.column = column

    @property
    def own(self) -> list[Axis]:
        return [a for a in (self.row, self.column) if a is not None]

    @property
    def axes(self) -> list[Axis]:
        """All free axes: the indices, then the rows and columns of its own."""
        found = dict.fromkeys(a for term in self.terms for a in term.axes)
        own = self.own
        return [a for a in found if a not in own] + own

    @property
    def indices(self) -> list[Axis]:
        own = self.own
        return [a for a in self.axes if a not in own]

    def renamed(self, names: dict[Axis, Axis]) -> IndexedSum[N]:
        row, column = (None if a is None else names.get(a, a) for a in (self.row, self.column))
        return IndexedSum([t.renamed(names) for t in self.terms], row, column)

    def negated(self) -> IndexedSum[N]:
        return IndexedSum([t._replace(sign=-t.sign) for t in self.terms], self.row, self.column)

    @property
    def T(self) -> IndexedSum[N]:
        return IndexedSum(self.terms, self.column, self.row)


class IndexAlgebra(Generic[N]):
    """Sums, products and functions of indexed values, and their matrix forms.

    A subclass says what numbers, vectors (as columns) and matrices over whole axes are, and how they combine.
    """

    refuse: Callable[[str], Exception]  # the error for what has no matrix form, from its reason
    number: Callable[[int | Fraction], N]
    count: Callable[[Axis], N]  # the size of an axis
    ones: Callable[..., N]  # over one axis or two
    times: Callable[[Sequence[N]], N]  # of numbers, vectors and matrices
    chain: Callable[[Sequence[N]], N]  # of vectors and matrices
    outer: Callable[[N, N], N]
    turned: Callable[[N], N]
    diagonal: Callable[[N], N]  # the diagonal of a matrix, the diagonal matrix of a vector
    square: Callable[[N], N]  # of every entry
    entrywise: Callable[[Sequence[N]], N]  # the product
    total: Callable[[list[N]], N]  # the sum of all entries of that
    added: Callable[[Sequence[tuple[int, N]]], N]  # the sum of terms with their signs

    def in_order(self, axes: list[Axis], target: Axes) -> list[Axis]:
        """The axes of a product, rows first, on the way to a form over the target axes."""
        return axes

    def is_indicator(self, node: N) -> bool:
        """Whether each row is zeros with a single 1, as that of a label is."""
        return False

    # Values

    def scalar(self, node: N) -> IndexedSum[N]:
        return IndexedSum([IndexedTerm(scalars=(node,))])

    def single_factor(
        self, node: N, axes: Sequence[Axis], row: Axis | None = None, column: Axis | None = None
    ) -> IndexedSum[N]:  # fmt: skip
        """One vector or matrix with these axes, or a number without."""
        return IndexedSum([IndexedTerm(factors=((node, tuple(axes)),))], row, column) if axes else self.scalar(node)

    def aligned(self, values: Sequence[IndexedSum[N]]) -> list[IndexedSum[N]]:
        """The values with one axis for the rows of all, and one for the columns."""
        first, *rest = values
        made = [first]
        for value in rest:
            names: dict[Axis, Axis] = {}
            for mine, theirs in ((value.row, first.row), (value.column, first.column)):
                if (mine is None) != (theirs is None):
                    raise self.refuse("a scalar and a vector do not combine")
                if mine is not None and theirs is not None:
                    names[mine] = theirs
            made.append(value.renamed(names))
        return made

    def sum(self, values: Sequence[IndexedSum[N]], signs: Sequence[int]) -> IndexedSum[N]:
        made = self.aligned(values)
        terms = [t for v, s in zip(made, signs, strict=True) for t in (v if s > 0 else v.negated()).terms]
        return IndexedSum(terms, made[0].row, made[0].column)

    def whole(self, value: IndexedSum[N]) -> IndexedSum[N]:
        """A sum of terms as one, where that has a matrix form."""
        if len(value.terms) < 2 or len(value.axes) > 2:
            return value
        return self.single(value)

    def single(self, value: IndexedSum[N]) -> IndexedSum[N]:
        """The value as one vector or matrix."""
        axes = value.axes
        if len(axes) > 2:
            shown = ", ".join(a.name for a in value.indices)
            raise self.refuse(f"a part of it has three indices or more ({shown} and those of the vectors in it)")
        if axes and value.terms == [IndexedTerm(factors=value.terms[0].factors[:1])]:
            if value.terms[0].factors[0][1] == tuple(axes):
                return value
        return self.single_factor(self.form(value, axes), axes, value.row, value.column)

    def multiply(self, left: IndexedSum[N], right: IndexedSum[N]) -> list[IndexedTerm[N]]:
        if not any(self.is_indicator(node) for value in (left, right) for t in value.terms for node, _ in t.factors):
            left, right = self.whole(left), self.whole(right)
        if len(left.terms) * len(right.terms) > MAX_TERMS:
            raise self.refuse(f"multiplied out it has more than {MAX_TERMS} terms")
        return [a.times(b) for a in left.terms for b in right.terms]

    def scaled(self, scalar: IndexedSum[N], value: IndexedSum[N]) -> IndexedSum[N]:
        return IndexedSum(self.multiply(scalar, value), value.row, value.column)

    def hadamard(self, left: IndexedSum[N], right: IndexedSum[N]) -> IndexedSum[N]:
        left, right = self.aligned([left, right])
        return IndexedSum(self.multiply(left, right), left.row, left.column)

    def inner(self, left: IndexedSum[N], right: IndexedSum[N]) -> IndexedSum[N]:
        """⟨A, B⟩."""
        if left is right:
            return self.squared_norm(left)
        left, right = self.aligned([left, right])
        return self.over(IndexedSum(self.multiply(left, right)), left.own)

    def matmul(self, left: IndexedSum[N], right: IndexedSum[N]) -> IndexedSum[N]:
        """The product of two values, of which neither is a scalar."""
        right = right.renamed({a: a.copy() for a in right.own})
        if left.column is None and right.row is None:
            if left.row is not None and right.column is not None:  # u vᵀ
                return IndexedSum(self.multiply(left, right), left.row, right.column)
            raise self.refuse("its factors do not fit")
        if left.column is None or right.row is None:
            raise self.refuse("its factors do not fit")
        right = right.renamed({right.row: left.column})
        return self.over(IndexedSum(self.multiply(left, right), left.row, right.column), [left.column])

    def squared_norm(self, value: IndexedSum[N]) -> IndexedSum[N]:
        """‖A‖²; of a sum that has no matrix form, multiplied out."""
        value = self.whole(value)
        own = value.own
        if len(value.terms) == 1 and len(value.axes) <= 2:
            return self.over(IndexedSum(self.squared(value).terms), own)
        terms: list[IndexedTerm[N]] = []
        for i, one in enumerate(value.terms):
            terms.append(one.times(one))
            for other in value.terms[i + 1 :]:
                cross = one.times(other)
                terms.append(cross._replace(scalars=(self.number(2), *cross.scalars)))
        if len(terms) > MAX_TERMS:
            raise self.refuse(f"multiplied out it has more than {MAX_TERMS} terms")
        return self.over(IndexedSum(terms), own)

    def squared(self, value: IndexedSum[N]) -> IndexedSum[N]:
        """The square of every entry."""
        if len(value.axes) <= 2:
            return self.applied(value, self.square)
        made = self.squared_norm(IndexedSum(value.terms))
        return IndexedSum(made.terms, value.row, value.column)

    def applied(self, value: IndexedSum[N], function: Callable[[N], N]) -> IndexedSum[N]:
        """A scalar function of every entry."""
        made = self.single(value)
        (term,) = made.terms
        ((node, axes),) = term.factors or ((term.scalars[0], ()),)
        return self.single_factor(function(node), axes, made.row, made.column)

    def together(self, values: Sequence[IndexedSum[N]], function: Callable[[Sequence[N]], N]) -> IndexedSum[N]:
        """A function of several numbers for every index: each operand over the indices of all."""
        axes = list(dict.fromkeys(a for value in values for a in value.axes))
        if len(axes) > 2:
            raise self.refuse(f"a part of it has three indices ({', '.join(a.name for a in axes)})")
        return self.single_factor(function([self.form(value, axes) for value in values]), axes)

    def over(self, value: IndexedSum[N], axes: Sequence[Axis]) -> IndexedSum[N]:
        """The sum over axes; a term without one of them counts as often as it has entries."""
        terms = []
        for term in value.terms:
            free = term.axes
            once = [f for f in term.factors if self.is_indicator(f[0]) and f[1][-1] in axes and f[1][-1] in free]
            once = [f for f in once if all(f is other or f[1][-1] not in other[1] for other in term.factors)]
            if once:  # a label is one of the indices: Σ_k Y_ik is 1
                term = term._replace(factors=tuple(f for f in term.factors if f not in once))
                free = term.axes + [f[1][-1] for f in once]
            counts = tuple(self.count(a) for a in axes if a not in free)
            summed = term.summed + tuple(a for a in axes if a in term.axes)
            terms.append(term._replace(scalars=counts + term.scalars, summed=summed))
        row, column = (None if a in axes else a for a in (value.row, value.column))
        return IndexedSum(terms, row, column)

    def traced(self, value: IndexedSum[N]) -> IndexedSum[N]:
        if value.row is None or value.column is None:
            return value
        made = value.renamed({value.column: value.row})
        return self.over(IndexedSum(made.terms), [value.row])

    # Matrix forms

    def form(self, value: IndexedSum[N], axes: Sequence[Axis]) -> N:
        """The scalar, vector or matrix over the given axes, at most two."""
        return self.added([(term.sign, self.term_form(term, tuple(axes))) for term in value.terms])

    def term_form(self, term: IndexedTerm[N], axes: Axes) -> N:
        made = self.contracted(term, axes)
        scalars = list(term.scalars)
        if made is None:
            return self.times(scalars) if scalars else self.number(1)
        return self.times([*scalars, made])

    def contracted(self, term: IndexedTerm[N], target: Axes) -> N | None:
        vectors, pairs, totals = self.reduced(term, target)
        made = self.placed(vectors, pairs, target)
        if made is not None:
            totals.append(made)
        return self.times(totals) if totals else None

    def reduced(self, term: IndexedTerm[N], target: Axes) -> tuple[dict[Axis, list[N]], dict[Axes, list[N]], list[N]]:
        """The factors that are left when all sums are taken: vectors by axis, matrices by axes, and numbers."""
        vectors: dict[Axis, list[N]] = {}
        pairs: dict[Axes, list[N]] = {}
        totals: list[N] = []

        def put(node: N, axes: Axes) -> None:
            if len(axes) == 1:
                vectors.setdefault(axes[0], []).append(node)
                return
            first, second = axes
            if first is second:
                vectors.setdefault(first, []).append(self.diagonal(node))
            elif (second, first) in pairs:
                pairs[second, first].append(self.turned(node))
            else:
                pairs.setdefault((first, second), []).append(node)

        for node, axes in term.factors:
            put(node, axes)
        left = list(term.summed)
        while left:
            left.sort(key=lambda a: len(self.neighbors(a, pairs)))
            axis = left[0]
            others = self.in_order(self.neighbors(axis, pairs), target)
            if len(others) > 2:
                raise self.refuse(f"{len(others)} matrices share one index, which no product of matrices does")
            weights = vectors.pop(axis, [])
            if not others:
                totals.append(self.total(weights))
                left.remove(axis)
                continue
            sides = [self.taken(axis, other, pairs) for other in others]
            if len(others) == 2:
                middle = [self.diagonal(self.entrywise(weights))] if weights else []
                put(self.chain([self.turned(sides[0]), *middle, sides[1]]), (others[0], others[1]))
            elif not weights and others[0] in left and not self.neighbors(others[0], pairs):
                other = others[0]
                left.remove(other)
                if other in vectors:
                    put(self.times([self.turned(sides[0]), self.ones(axis)]), (other,))
                    left.append(other)
                else:
                    totals.append(self.total([sides[0]]))
            else:
                weight = self.entrywise(weights) if weights else self.ones(axis)
                put(self.times([self.turned(sides[0]), weight]), (others[0],))
            left.remove(axis)
        return vectors, pairs, totals

    @staticmethod
    def neighbors(axis: Axis, pairs: dict[Axes, list[N]]) -> list[Axis]:
        return [b if a is axis else a for a, b in pairs if axis is a or axis is b]

    def taken(self, axis: Axis, other: Axis, pairs: dict[Axes, list[N]]) -> N:
        """The matrix over (axis, other), taken out."""
        if (axis, other) in pairs:
            return self.entrywise(pairs.pop((axis, other)))
        return self.turned(self.entrywise(pairs.pop((other, axis))))

    def placed(self, vectors: dict[Axis, list[N]], pairs: dict[Axes, list[N]], target: Axes) -> N | None:
        """What is left, over the target axes."""
        if not target:
            return None
        if len(target) == 1:
            held = vectors.get(target[0])
            return self.entrywise(held) if held else self.ones(target[0])
        first, second = target
        columns = [self.entrywise(vectors[a]) if a in vectors else None for a in target]
        if (first, second) in pairs or (second, first) in pairs:
            matrix = self.taken(first, second, pairs)
            before = [self.diagonal(columns[0])] if columns[0] is not None else []
            after = [self.diagonal(columns[1])] if columns[1] is not None else []
            return self.times([*before, matrix, *after])
        if columns == [None, None]:
            return self.ones(first, second)
        u, v = (c if c is not None else self.ones(a) for c, a in zip(columns, target, strict=True))
        return self.outer(u, v)

    def result(self, value: IndexedSum[N]) -> N:
        """The matrix form of a value that depends on no index any more."""
        if value.row is not None and value.column is None:
            return self.form(value, [value.row])
        if value.row is None and value.column is not None:
            return self.turned(self.form(value, [value.column]))
        return self.form(value, value.own)
