"""Values with named indices, and their contraction to matrix form.

Below Σ_i a part of the formula is a number, a vector or a matrix for every i.  All of them are sums of
`IndexedTerm`s: products of vectors and matrices whose entries are named by axes, some of them summed over.  The rows
and columns that a part has of its own are axes too, so that xᵢᵀ w is Σ_a X_ia w_a, and

    Σ_i (y_i − wᵀx_i)²  is  ‖y − X w‖²,     Σ_i s_i x_i x_iᵀ  is  Xᵀ diag(s) X.

`Algebra.form` sums one axis after another: two matrices that share it are multiplied, one is summed by rows,
vectors scale by diagonal matrices, and what has the same axes is multiplied entry by entry.  An axis that
three matrices with three other axes share has no such form, nor has a function of a value with three axes:
these are refused as what they are, an `einsum`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from ..errors import ParseError
from ..shapes import Dim
from .signatures import C, M, R, S
from .stacks import Node

MAX_TERMS = 64  # of an expanded product


class Axis:
    """What an index runs over: `size` entries, where known; axes with one `tie` have one size."""

    __slots__ = ("name", "lower", "upper", "tie", "size")

    def __init__(self, name: str, lower: Dim | None = None, upper: Dim | None = None, tie: Axis | None = None) -> None:
        self.name = name
        self.lower = lower if lower is not None else Dim.of(1)
        self.upper = upper
        self.tie: Axis = tie.tie if tie is not None else self
        self.size: Dim | None = None if upper is None else upper - self.lower + 1

    def copy(self) -> Axis:
        return Axis(self.name, self.lower, self.upper, self)

    def __repr__(self) -> str:
        return self.name


Axes = tuple[Axis, ...]
Factor = tuple[Node, Axes]


class IndexedTerm(NamedTuple):
    """± a product of scalars and of vectors and matrices with named axes, summed over some of them."""

    sign: int = 1
    scalars: tuple[Node, ...] = ()
    factors: tuple[Factor, ...] = ()
    summed: Axes = ()

    @property
    def axes(self) -> list[Axis]:
        """The free axes, in order of appearance."""
        return [a for a in dict.fromkeys(a for _, axes in self.factors for a in axes) if a not in self.summed]

    def renamed(self, names: dict[Axis, Axis]) -> IndexedTerm:
        factors = tuple((node, tuple(names.get(a, a) for a in axes)) for node, axes in self.factors)
        return self._replace(factors=factors, summed=tuple(names.get(a, a) for a in self.summed))

    def apart(self) -> IndexedTerm:
        """The same with summed axes of its own."""
        return self.renamed({a: a.copy() for a in self.summed}) if self.summed else self

    def times(self, other: IndexedTerm) -> IndexedTerm:
        other = other.apart()
        return IndexedTerm(
            self.sign * other.sign, self.scalars + other.scalars, self.factors + other.factors,
            self.summed + other.summed,
        )  # fmt: skip


class IndexedSum:
    """A sum of terms: a scalar, column, row or matrix for every value of the other free axes."""

    __slots__ = ("terms", "row", "column")

    def __init__(self, terms: Sequence[IndexedTerm], row: Axis | None = None, column: Axis | None = None) -> None:
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

    def renamed(self, names: dict[Axis, Axis]) -> IndexedSum:
        row, column = (None if a is None else names.get(a, a) for a in (self.row, self.column))
        return IndexedSum([t.renamed(names) for t in self.terms], row, column)

    def negated(self) -> IndexedSum:
        return IndexedSum([t._replace(sign=-t.sign) for t in self.terms], self.row, self.column)

    @property
    def T(self) -> IndexedSum:
        return IndexedSum(self.terms, self.column, self.row)


class SignChain(tuple[str, ...]):
    """The signs of a product without scalars, which is transposed factor by factor."""


class Algebra:
    """Sums, products and functions of indexed values, and their matrix forms.

    Parameters
    ----------
    refuse : callable
        The error for what has no matrix form, from its reason.
    start, end : int
        The place that new nodes have.
    """

    def __init__(self, refuse: Callable[[str], ParseError], start: int, end: int) -> None:
        self.refuse = refuse
        self.start = start
        self.end = end

    # Nodes

    def new(self, op: str, args: Iterable[Node] = (), data: Any = None) -> Node:
        return Node(op, list(args), data, self.start, self.end)

    def number(self, value: int | Fraction) -> Node:
        return self.new("num", data=Fraction(value))

    def times(self, nodes: Sequence[Node]) -> Node:
        return nodes[0] if len(nodes) == 1 else self.new("prod", nodes, (" ",) * (len(nodes) - 1))

    def turned(self, node: Node) -> Node:
        if node.op == "trans":
            return node.args[0]
        if node.op == "call" and node.data == "diag":
            return node
        if isinstance(node.data, SignChain):
            return self.chain([self.turned(n) for n in reversed(node.args)])
        return self.new("trans", [node])

    def chain(self, nodes: Sequence[Node]) -> Node:
        """A product of matrices and vectors."""
        return self.new("prod", nodes, SignChain((" ",) * (len(nodes) - 1)))

    def diagonal(self, node: Node) -> Node:
        return self.new("call", [node], "diag")

    def square(self, node: Node) -> Node:
        return self.new("elpow", [node, self.number(2)])

    def ones(self, *axes: Axis) -> Node:
        made = self.new("ones" if len(axes) == 1 else "onesm", data=None if len(axes) == 1 else (None, None))
        return self.held(made, axes)

    def held(self, node: Node, axes: Sequence[Axis | None]) -> Node:
        """The vector or matrix whose sides have the sizes of these axes."""
        return self.new("axes", [node], (C if len(axes) == 1 else M, tuple(axes)))

    def entrywise(self, nodes: Sequence[Node]) -> Node:
        """The product entry by entry; a factor that stands there twice is squared."""
        counts: dict[int, int] = {}
        kept: dict[int, Node] = {}
        for node in nodes:
            kept[id(node)] = node
            counts[id(node)] = counts.get(id(node), 0) + 1
        made = [
            n if counts[i] == 1 else self.new("elpow", [n, self.number(counts[i])]) for i, n in kept.items()
        ]  # fmt: skip
        return made[0] if len(made) == 1 else self.new("had", made, ("⊙",) * (len(made) - 1))

    # Values

    def scalar(self, node: Node) -> IndexedSum:
        return IndexedSum([IndexedTerm(scalars=(node,))])

    def single_factor(
        self, node: Node, axes: Sequence[Axis], row: Axis | None = None, column: Axis | None = None
    ) -> IndexedSum:  # fmt: skip
        """One vector or matrix with these axes, or a number without."""
        return IndexedSum([IndexedTerm(factors=((node, tuple(axes)),))], row, column) if axes else self.scalar(node)

    def constant(self, node: Node, kind: int) -> IndexedSum:
        """A part that depends on no index."""
        if kind == S:
            return IndexedSum([IndexedTerm()]) if _is_one(node) else self.scalar(node)
        row = Axis("rows") if kind in (C, M) else None
        column = Axis("columns") if kind in (R, M) else None
        if kind == R:
            node = self.turned(node)
        return self.single_factor(node, [a for a in (row, column) if a is not None], row, column)

    def aligned(self, values: Sequence[IndexedSum]) -> list[IndexedSum]:
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

    def sum(self, values: Sequence[IndexedSum], signs: Sequence[int]) -> IndexedSum:
        made = self.aligned(values)
        terms = [t for v, s in zip(made, signs, strict=True) for t in (v if s > 0 else v.negated()).terms]
        return IndexedSum(terms, made[0].row, made[0].column)

    def whole(self, value: IndexedSum) -> IndexedSum:
        """A sum of terms as one, where that has a matrix form."""
        if len(value.terms) < 2 or len(value.axes) > 2:
            return value
        return self.single(value)

    def single(self, value: IndexedSum) -> IndexedSum:
        """The value as one vector or matrix."""
        axes = value.axes
        if len(axes) > 2:
            shown = ", ".join(a.name for a in value.indices)
            raise self.refuse(f"a part of it has three indices or more ({shown} and those of the vectors in it)")
        return self.single_factor(self.form(value, axes), axes, value.row, value.column)

    def multiply(self, left: IndexedSum, right: IndexedSum) -> list[IndexedTerm]:
        if not any(_is_hot(t) for value in (left, right) for t in value.terms):
            left, right = self.whole(left), self.whole(right)
        if len(left.terms) * len(right.terms) > MAX_TERMS:
            raise self.refuse(f"multiplied out it has more than {MAX_TERMS} terms")
        return [a.times(b) for a in left.terms for b in right.terms]

    def scaled(self, scalar: IndexedSum, value: IndexedSum) -> IndexedSum:
        return IndexedSum(self.multiply(scalar, value), value.row, value.column)

    def hadamard(self, left: IndexedSum, right: IndexedSum) -> IndexedSum:
        left, right = self.aligned([left, right])
        return IndexedSum(self.multiply(left, right), left.row, left.column)

    def inner(self, left: IndexedSum, right: IndexedSum) -> IndexedSum:
        """⟨A, B⟩."""
        if left is right:
            return self.squared_norm(left)
        left, right = self.aligned([left, right])
        return self.over(IndexedSum(self.multiply(left, right)), left.own)

    def matmul(self, left: IndexedSum, right: IndexedSum) -> IndexedSum:
        """The product of two values, of which neither is a scalar."""
        if left.column is None and right.row is None:
            if left.row is not None and right.column is not None:  # u vᵀ
                return IndexedSum(self.multiply(left, right), left.row, right.column)
            raise self.refuse("its factors do not fit")
        right = right.renamed({a: a.copy() for a in right.own})
        if left.column is None or right.row is None:
            raise self.refuse("its factors do not fit")
        right = right.renamed({right.row: left.column})
        return self.over(IndexedSum(self.multiply(left, right), left.row, right.column), [left.column])

    def squared_norm(self, value: IndexedSum) -> IndexedSum:
        """‖A‖²; of a sum that has no matrix form, multiplied out."""
        value = self.whole(value)
        own = value.own
        if len(value.terms) == 1 and len(value.axes) <= 2:
            return self.over(IndexedSum(self.squared(value).terms), own)
        terms: list[IndexedTerm] = []
        for i, one in enumerate(value.terms):
            terms.append(one.times(one))
            for other in value.terms[i + 1 :]:
                cross = one.times(other)
                terms.append(cross._replace(scalars=(self.number(2), *cross.scalars)))
        if len(terms) > MAX_TERMS:
            raise self.refuse(f"multiplied out it has more than {MAX_TERMS} terms")
        return self.over(IndexedSum(terms), own)

    def squared(self, value: IndexedSum) -> IndexedSum:
        """The square of every entry."""
        if len(value.axes) <= 2:
            return self.applied(value, self.square)
        made = self.squared_norm(IndexedSum(value.terms))
        return IndexedSum(made.terms, value.row, value.column)

    def applied(self, value: IndexedSum, function: Callable[[Node], Node]) -> IndexedSum:
        """A scalar function of every entry."""
        made = self.single(value)
        (term,) = made.terms
        ((node, axes),) = term.factors or ((term.scalars[0], ()),)
        return self.single_factor(function(node), axes, made.row, made.column)

    def called(self, value: IndexedSum, name: str, *parameters: Node) -> IndexedSum:
        return self.applied(value, lambda node: self.new("call", [node, *parameters], name))

    def together(self, values: Sequence[IndexedSum], function: Callable[[Sequence[Node]], Node]) -> IndexedSum:
        """A function of several numbers for every index: each operand over the indices of all."""
        axes = list(dict.fromkeys(a for value in values for a in value.axes))
        if len(axes) > 2:
            raise self.refuse(f"a part of it has three indices ({', '.join(a.name for a in axes)})")
        return self.single_factor(function([self.form(value, axes) for value in values]), axes)

    def reciprocal(self, value: IndexedSum) -> IndexedSum:
        if len(value.axes) == 0:
            return self.scalar(self.new("div", [self.number(1), self.form(value, [])]))
        return self.applied(value, lambda n: self.new("elpow", [n, self.number(-1)]))

    def over(self, value: IndexedSum, axes: Sequence[Axis]) -> IndexedSum:
        """The sum over axes; a term without one of them counts as often as it has entries."""
        terms = []
        for term in value.terms:
            free = term.axes
            once = [f for f in term.factors if is_indicator(f[0]) and f[1][-1] in axes and f[1][-1] in free]
            once = [f for f in once if all(f is other or f[1][-1] not in other[1] for other in term.factors)]
            if once:  # a label is one of the indices: Σ_k Y_ik is 1
                term = term._replace(factors=tuple(f for f in term.factors if f not in once))
                free = term.axes + [f[1][-1] for f in once]
            counts = tuple(self.new("count", data=a) for a in axes if a not in free)
            summed = term.summed + tuple(a for a in axes if a in term.axes)
            terms.append(term._replace(scalars=counts + term.scalars, summed=summed))
        row, column = (None if a in axes else a for a in (value.row, value.column))
        return IndexedSum(terms, row, column)

    def traced(self, value: IndexedSum) -> IndexedSum:
        if value.row is None or value.column is None:
            return value
        made = value.renamed({value.column: value.row})
        return self.over(IndexedSum(made.terms), [value.row])

    # Matrix forms

    def form(self, value: IndexedSum, axes: Sequence[Axis]) -> Node:
        """The scalar, vector or matrix over the given axes, at most two."""
        nodes = [self.term_form(term, tuple(axes)) for term in value.terms]
        signs = [t.sign for t in value.terms]
        if signs[0] < 0 and 1 in signs:  # y − X w rather than −X w + y
            at = signs.index(1)
            nodes.insert(0, nodes.pop(at))
            signs.insert(0, signs.pop(at))
        if signs[0] < 0:
            nodes[0] = self.new("neg", [nodes[0]])
        if len(nodes) == 1:
            return nodes[0]
        return self.new("sum", nodes, (1, *signs[1:]))

    def term_form(self, term: IndexedTerm, axes: Axes) -> Node:
        made = self.contracted(term, axes)
        scalars = list(term.scalars)
        if made is None:
            return self.times(scalars) if scalars else self.number(1)
        return self.times([*scalars, made])

    def contracted(self, term: IndexedTerm, target: Axes) -> Node | None:
        vectors: dict[Axis, list[Node]] = {}
        pairs: dict[Axes, list[Node]] = {}
        totals: list[Node] = []

        def put(node: Node, axes: Axes) -> None:
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
            others = self.neighbors(axis, pairs)
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
        made = self.placed(vectors, pairs, target)
        if made is not None:
            totals.append(made)
        return self.times(totals) if totals else None

    @staticmethod
    def neighbors(axis: Axis, pairs: dict[Axes, list[Node]]) -> list[Axis]:
        return [b if a is axis else a for a, b in pairs if axis is a or axis is b]

    def taken(self, axis: Axis, other: Axis, pairs: dict[Axes, list[Node]]) -> Node:
        """The matrix over (axis, other), taken out."""
        if (axis, other) in pairs:
            return self.entrywise(pairs.pop((axis, other)))
        return self.turned(self.entrywise(pairs.pop((other, axis))))

    def total(self, nodes: list[Node]) -> Node:
        """The sum of all entries of a product entry by entry."""
        if len(nodes) == 1 and nodes[0].op == "trans":
            nodes = nodes[0].args
        first = nodes[0]
        same = [n for n in nodes if n is first]
        rest = [n for n in nodes if n is not first]
        if not rest and len(same) == 2:
            return self.norm_squared(first)
        if not rest and len(same) == 1:
            if first.op == "elpow" and first.args[1].op == "num" and first.args[1].data == 2:
                return self.norm_squared(first.args[0])
            if first.op == "had":
                return self.new("inner", [first.args[0], self.entrywise(first.args[1:])])
            return self.new("call", [first], "sum")
        if not rest:
            return self.new("call", [self.entrywise(nodes)], "sum")
        return self.new("inner", [self.entrywise(same), self.entrywise(rest)])

    def norm_squared(self, node: Node) -> Node:
        return self.new("pow", [self.new("norm", [node], "F"), self.number(2)], "^")

    def placed(self, vectors: dict[Axis, list[Node]], pairs: dict[Axes, list[Node]], target: Axes) -> Node | None:
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
        return self.times([u, self.new("trans", [v])])

    def result(self, value: IndexedSum) -> Node:
        """The matrix form of a value that depends on no index any more."""
        if value.row is not None and value.column is None:
            return self.form(value, [value.row])
        if value.row is None and value.column is not None:
            return self.turned(self.form(value, [value.column]))
        return self.form(value, value.own)


def is_indicator(node: Node) -> bool:
    """Whether each row is zeros with a single 1, as that of a label is."""
    return node.op == "ref" and node.data == "indicator"


def _is_hot(term: IndexedTerm) -> bool:
    return any(is_indicator(node) for node, _ in term.factors)


def _is_one(node: Node) -> bool:
    return node.op == "num" and bool(node.data == 1)
