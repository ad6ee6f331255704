"""Sums over indices in matrix form: how far each reaches, and the value of every part below it.

A sum reaches over the terms after it that use its index.  Below it every name with an index is a leaf of
the algebra of `indices`, every operation one of its operations, and what depends on no index is a constant.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from .. import names
from ..errors import ShapeError
from ..indexed import Axis
from ..shapes import Dim
from . import kinds as solving
from .families import Families
from .indexed_names import Access, Index
from .indices import Algebra, IndexedSum
from .labels import lower_superscripts
from .reach import extend
from .signatures import C, M, R, S
from .spans import RANGE, Spans
from .stacks import Node, nodes_below
from .vocabulary import ELEMENTWISE, OF_ROWS, WITH_PARAMETER


def lower_indices(reading: Any, roots: list[Node], readings: list[str], scalar: bool = False) -> list[Node]:
    """The trees with sums over indices and entries in matrix form.

    Raises
    ------
    ParseError
        A sum has no matrix form.
    ShapeError
        No kinds of the names fit.
    """
    order = nodes_below(roots)
    has_sums = any(node.op == "sigma" for node in order)
    families = Families(reading, roots, order, readings)
    if has_sums:
        lower_superscripts(families)
        extend(families)
        families.order = nodes_below(roots)
    families.bind(scalar)
    if not families.accesses and not families.parts and not has_sums:
        return roots
    families.solve(scalar)
    return MatrixForms(families).lowered()


def _is_two(node: Node) -> bool:
    return node.op == "num" and bool(node.data == 2)


def _is_norm(node: Node) -> bool:
    return node.op == "norm" or node.op == "call" and node.data == "weighted_norm"


def _is_difference(node: Node, accesses: dict[int, Access]) -> bool:
    """Whether it is x_i − x_j."""
    if node.op != "sum":
        return False
    held = [accesses.get(id(arg.args[0] if arg.op == "neg" else arg)) for arg in node.args]
    return len(held) == 2 and sum(node.data) == 0 and None not in held and len({a.key for a in held if a}) == 1


_ZERO_AT_ZERO = frozenset("ref neg trans bars div pow elpow".split())  # 0 where their first operand is


class MatrixForms:
    """The matrix forms of the sums and entries of a formula whose kinds are known."""

    def __init__(self, families: Families) -> None:
        self.families = families
        self.accesses = families.accesses
        self.kind = families.kind
        self.note, self.cut, self.refuse = families.note, families.cut, families.refuse
        self.leaves: dict[Any, Node] = {}
        self.renamed: dict[str, str] = {}
        self.spans = Spans(families)
        self.vanishing: dict[int, IndexedSum] = {}  # what is 0 for i = j, below a sum over i ≠ j
        masks = [mask for held in families.masks.values() for mask in held]
        self.apart = {frozenset(axes) for relation, axes in masks if relation in ("<", "≠")}

    def algebra(self, node: Node) -> Algebra:
        return Algebra(lambda why: self.refuse(node, why), node.start, node.end)

    def settle(self, family: str, kind: int) -> None:
        self.families.reading.settled[family] = kind
        self.families.reading.families.add(family)

    def lowered(self) -> list[Node]:
        order = self.families.order
        self.spans.collect(order, self.family)
        self.squared = {id(n.args[0]) for n in order if n.op == "pow" and _is_norm(n.args[0]) and _is_two(n.args[1])}
        replaced: dict[int, Node] = {}

        def replace(node: Node, made: Node) -> None:
            replaced[id(node)] = made
            self.kind[id(made)] = self.kind[id(node)]

        values: dict[int, IndexedSum] = {}
        for node in order:
            access = self.accesses.get(id(node))
            if access is not None and not access.is_bound:
                replace(node, self.entry(node, access))
                continue
            parts = self.families.parts.get(id(node), [])
            is_indexed = any(isinstance(part, Axis) for part in parts)
            if parts and not is_indexed and id(node.args[0]) not in values:
                replace(node, self.chosen(node, replaced.get(id(node.args[0]), node.args[0]), parts))
                continue
            if access is None and not is_indexed and not any(id(arg) in values for arg in node.args):
                node.args = [replaced.get(id(arg), arg) for arg in node.args]
                if node.op == "sigma":
                    made = self.constant_sum(node)
                    if isinstance(made, Node):
                        replace(node, made)
                    else:
                        values[id(node)] = made
                continue
            algebra = self.algebra(node)
            if access is not None:
                value = self.leaf(algebra, node, access)
            else:
                args = [
                    values[id(a)] if id(a) in values else algebra.constant(replaced.get(id(a), a), self.kind[id(a)])
                    for a in node.args
                ]
                value = self.value(algebra, node, args)
                if frozenset(value.axes) - set(value.own) in self.apart and self.vanishes(node, args):
                    self.vanishing[id(value)] = value
            if not value.indices:
                made_node = algebra.result(value)
                replace(node, self.placed(made_node, node))
            else:
                values[id(node)] = value
        for root in self.families.roots:
            if id(root) in values:
                replaced[id(root)] = self.defined(root, values[id(root)])
        return [replaced.get(id(root), root) for root in self.families.roots]

    def defined(self, root: Node, value: IndexedSum) -> Node:
        """The family that a definition r_i = … defines, whole."""
        algebra = self.algebra(root)
        if len(value.axes) > 2 or value.column is not None:
            raise ShapeError(
                f"this sum has no matrix form that we know: {self.cut(root)} has three indices",
                self.families.source, root.span, "write the matrix formula",
            )  # fmt: skip
        rest = [a for a in value.axes if a not in self.families.own[id(root)]]
        return algebra.form(value, [*self.families.own[id(root)], *rest])

    @staticmethod
    def placed(made: Node, node: Node) -> Node:
        if made.op not in ("sym", "expr"):
            made.start, made.end = node.start, node.end
        made.paren = True
        return made

    def constant_sum(self, node: Node) -> Node | IndexedSum:
        """A sum of what does not depend on its index."""
        axes = self.families.bounds[id(node)]
        if not axes:
            if node.data.taken != "sum":
                raise self.refuse(node, "its index is missing")
            return Node("call", node.args, "sum", node.start, node.end)
        algebra = self.algebra(node)
        body = node.args[0]
        value = algebra.constant(body, self.kind[id(body)])
        made: Node | IndexedSum = self.summed(algebra, node, value)
        return made

    def summed(self, algebra: Algebra, node: Node, value: IndexedSum) -> Any:
        axes = self.families.bounds[id(node)]
        masks = self.families.masks[id(node)]
        for relation, places in masks:
            value = algebra.scaled(algebra.single_factor(self.mask(algebra, relation, places), places), value)
        for axis in axes:
            if axis.tie not in self.spans.measured and axis.size is None:
                raise self.refuse(node, f"nothing in it depends on the index {axis.name}")
        if node.data.taken != "sum":
            return self.taken(algebra, node, value, axes)
        made = algebra.over(value, axes)
        return made if made.indices else algebra.result(made)

    def taken(self, algebra: Algebra, node: Node, value: IndexedSum, axes: list[Axis]) -> Node | IndexedSum:
        """∏_i v_i, the determinant of the diagonal matrix of v, or max_i v_i, or max_j a_ij for every i."""
        rest = [a for a in value.axes if a not in axes]
        is_entry = not value.own and len(axes) == 1 and len(rest) <= (node.data.taken != "prod")
        if self.families.masks[id(node)] or not is_entry or len(value.axes) == len(rest):
            what = "product" if node.data.taken == "prod" else "extremum"
            raise self.refuse(node, f"{self.cut(node)} is no {what} of the entries of one vector")
        if rest:
            made = algebra.new("call", [algebra.form(value, [*rest, *axes])], f"{node.data.taken}_row")
            return algebra.single_factor(made, rest)
        vector = algebra.form(value, axes)
        if node.data.taken == "entries":
            self.note(f"{self.cut(node)} is read as the vector of its entries")
            return vector
        if node.data.taken == "prod":
            self.note(f"the gradient of {self.cut(node)} is written with inverse entries: none may be 0")
            return algebra.new("call", [algebra.diagonal(vector)], "det")
        return algebra.new("call", [vector], node.data.taken)

    def mask(self, algebra: Algebra, relation: str, axes: tuple[Axis, ...]) -> Node:
        if relation not in RANGE:
            self.settle(relation, C if len(axes) == 1 else M)
            return algebra.held(algebra.new("sym", data=relation), axes)
        every = algebra.ones(*axes)
        if relation == "≠":
            return algebra.new("sum", [every, algebra.new("eye")], (1, -1))
        upper = algebra.new("call", [every], "triu")
        return upper if relation == "≤" else algebra.new("sum", [upper, algebra.new("eye")], (1, -1))

    def family(self, access: Access, node: Node) -> str:
        if len(access.places) == 2:
            name = self.families.entry_family(access)
        else:
            name = access.name if self.kind[id(node)] == S else self.families.row_family(access, node)
        if name not in self.families.sizes:
            return name
        if access.key not in self.renamed:  # n_i beside the n that i runs to
            self.renamed[access.key] = str(node.data)
            self.note(f"{names.text(node.data)} stands for all of them, as {names.text(name)} is a size")
        return self.renamed[access.key]

    def leaf(self, algebra: Algebra, node: Node, access: Access) -> IndexedSum:
        name = self.family(access, node)
        if name in self.families.reading.dimension_names - self.families.sizes:
            raise self.refuse(node, f"{name} is a size")
        kind = self.kind[id(node)]
        places = access.places
        if len(places) == 2:
            if name != access.name or name.islower():
                i, j = (p.letter + (f"{p.offset:+d}" if p.offset else "") if p.axis else str(p.offset) for p in places)
                self.note(f"{names.text(node.data)} is read as entry ({i}, {j}) of the matrix {names.text(name)}")
            return self.of_matrix(algebra, node, name, places)
        (place,) = places
        axis = place.axis
        assert axis is not None
        if kind == S:
            made = self.windowed(node, name, [place], C)
            return algebra.single_factor(made, (axis,))
        shift = f" {place.offset:+d}".replace("+", "+ ").replace("-", "− ") if place.offset else ""
        self.note(f"{names.text(node.data)} is read as row {place.letter}{shift} of {names.text(name)}")
        made = self.windowed(node, name, [place, None], M)
        own = Axis("columns")
        value = algebra.single_factor(made, (axis, own), own)
        return value.T if kind == R else value

    def of_matrix(self, algebra: Algebra, node: Node, name: str, places: list[Index]) -> IndexedSum:
        made = self.windowed(node, name, list(places), M)
        axes = [p.axis for p in places]
        if None in axes:  # an entry of one row or column
            at = axes.index(None)
            unit = algebra.new("basis", data=Dim.of(places[at].offset))
            made = algebra.times([algebra.turned(made) if at == 0 else made, unit])
        return algebra.single_factor(made, [a for a in axes if a is not None])

    def windowed(self, node: Node, name: str, places: list[Index | None], kind: int) -> Node:
        """The family, or the rows and columns of it that the indices run over."""
        key = (name, *((p.axis.tie, p.offset, p.axis.lower) if p is not None and p.axis else None for p in places))
        if key in self.leaves:
            return self.leaves[key]
        made = Node("sym", [], name, node.start, node.end)
        self.settle(name, kind)
        windows: list[Any] = []
        axes: list[Axis | None] = []
        for side, place in enumerate(places):
            if place is None or place.axis is None:
                windows.append(None)
                axes.append(None)
                continue
            start, extra = self.spans.window(node, name, side, place)
            axes.append(place.axis)
            windows.append((start, place.axis, extra) if extra is not None else None)
        if any(w is not None for w in windows):
            made = Node("axes", [made], (kind, ()), node.start, node.end)
            made = Node("window", [made], tuple(windows), node.start, node.end)
        else:
            made = Node("axes", [made], (kind, tuple(axes)), node.start, node.end)
            if name in self.families.reading.labeled and axes[-1] is not None:
                made = Node("ref", [made], "indicator", node.start, node.end)
        self.leaves[key] = made
        return made

    def at(self, algebra: Algebra, node: Node, value: IndexedSum, parts: list[Any]) -> IndexedSum:
        """(A x)_i, (X W)_ij, X_i: and X_:j under a sum."""
        if any(isinstance(part, str) and part != ":" for part in parts):
            raise self.refuse(node, f"{self.cut(node)} has a number among its indices")
        if value.row is None:
            value = value.T
        made = algebra.single(value)
        (term,) = made.terms
        ((whole, axes),) = term.factors
        own = made.own
        if list(axes) == own:
            whole = algebra.held(whole, [part if isinstance(part, Axis) else None for part in parts])
        chosen = {a: part for a, part in zip(own, parts, strict=True) if isinstance(part, Axis)}
        rest = [a for a in own if a not in chosen]
        factors = ((whole, tuple(chosen.get(a, a) for a in axes)),)
        found = IndexedSum([term._replace(factors=factors)], rest[0] if rest else None)
        return found.T if self.kind[id(node)] == R else found

    def chosen(self, node: Node, whole: Node, parts: list[Any]) -> Node:
        """An entry, row or column of which the number is given, by unit vectors."""
        algebra = self.algebra(node)
        units = [None if part == ":" else algebra.new("basis", data=self.numbered(part)) for part in parts]
        before = [] if units[0] is None else [algebra.turned(units[0])]
        after = [] if len(units) < 2 or units[1] is None else [units[1]]
        made = algebra.chain([*before, whole, *after])
        if ":" in parts and parts[1] == ":" and self.kind[id(node)] == C:
            made = algebra.turned(made)
        made.paren = True
        return made

    def entry(self, node: Node, access: Access) -> Node:
        """x_1 as e₁ᵀ x, A_12 as e₁ᵀ A e₂."""
        algebra = self.algebra(node)
        is_row = self.kind[id(node)] == C
        name = self.families.row_family(access, node) if is_row else access.name
        firsts = [self.spans.first_of(name, side) for side in range(len(access.places))]
        numbers = [self.numbered(p.number) - first + 1 for p, first in zip(access.places, firsts)]
        if any(number.value is not None and number.value < 1 for number in numbers):
            raise self.refuse(node, f"{self.cut(node)} is out of the range of the sum")
        units = [algebra.new("basis", data=number) for number in numbers]
        if is_row or access.is_one:
            self.settle(name, M if is_row else C)
        whole = Node("axes", [algebra.new("sym", data=name)], (M if is_row or len(units) > 1 else C, ()), *node.span)
        made = algebra.times([algebra.turned(units[0]), whole, *units[1:]])
        if is_row:
            made = algebra.turned(made)
        made.paren = True
        return made

    def numbered(self, index: str | Dim) -> Dim:
        """The number of an entry; a letter that stands for one is the name of no size."""
        made = index if isinstance(index, Dim) else Dim.of(int(index) if index.isdigit() else index)
        self.families.reading.used_dimensions |= made.names
        return made

    def value(self, algebra: Algebra, node: Node, args: list[IndexedSum]) -> IndexedSum:
        rule, kinds = _VALUES.get(node.op), [self.kind[id(a)] for a in node.args]
        if rule is None:
            raise self.refuse(node, f"{self.cut(node)} depends on the index")
        return rule(self, algebra, node, args, kinds)

    def total(self, algebra: Algebra, node: Node, args: list[IndexedSum], kinds: list[int]) -> IndexedSum:
        made = self.summed(algebra, node, args[0])
        return algebra.constant(made, self.kind[id(node)]) if isinstance(made, Node) else made

    def entrywise(self, algebra: Algebra, node: Node, args: list[IndexedSum], kinds: list[int]) -> IndexedSum:
        made = args[0]
        for sign, arg in zip(node.data, args[1:], strict=True):
            made = algebra.hadamard(made, arg if sign == "⊙" else algebra.reciprocal(arg))
        return made

    def quotient(self, algebra: Algebra, node: Node, args: list[IndexedSum], kinds: list[int]) -> IndexedSum:
        below = algebra.reciprocal(self.lifted(algebra, args[1]))
        if kinds == [S, S]:
            return algebra.scaled(args[0], below)  # x ⊘ z
        return algebra.hadamard(args[0], below) if kinds[1] != S else algebra.scaled(below, args[0])

    def transpose(self, algebra: Algebra, node: Node, args: list[IndexedSum], kinds: list[int]) -> IndexedSum:
        if kinds[0] == S:
            raise ShapeError(
                f"{self.cut(node.args[0])} is a number for every index, and has no transpose",
                self.families.source, node.span, "a letter of its own, if the mark names another, as in c_j",
            )  # fmt: skip
        return args[0].T

    def bars(self, algebra: Algebra, node: Node, args: list[IndexedSum], kinds: list[int]) -> IndexedSum:
        if kinds[0] != S:
            raise self.refuse(node, f"{self.cut(node)} depends on the index")
        if _is_difference(node.args[0], self.accesses):
            self.note(f"{self.cut(node)} is read as the distance of numbers; of vectors it is ‖…‖")
        return algebra.called(args[0], "abs")

    def call(self, algebra: Algebra, node: Node, args: list[IndexedSum], kinds: list[int]) -> IndexedSum:
        name = node.data
        if name in _CALLS:
            return _CALLS[name](algebra, *args)
        if name == "sqrt":
            return self.root(algebra, args[0], Fraction(2))
        if name in ELEMENTWISE or name.endswith("()"):
            return algebra.called(self.lifted(algebra, args[0]) if name == "log" else args[0], name)
        if name in ("sum", "mean") and kinds[0] != S:
            total = algebra.over(args[0], args[0].own)
            for axis in args[0].own if name == "mean" else ():
                total = algebra.scaled(algebra.reciprocal(algebra.scalar(algebra.new("count", data=axis))), total)
            return total
        if name == "weighted_norm":
            return self.norm(algebra, node, args[0], "2", args[1])
        if name in ("norm", "norm1") and len(args) == 1:
            return self.norm(algebra, node, args[0], "1" if name == "norm1" else "2")
        if name == "max" and len(args) == 2:
            kept = [a for a, part in zip(args, node.args, strict=True) if part.op != "zero"]
            if len(kept) == 1:
                return algebra.called(kept[0], "relu")
        if name in ("max", "min") and len(args) == 2 and kinds == [S, S]:
            sign = 1 if name == "max" else -1  # b + relu(a − b), b − relu(b − a)
            return algebra.sum([args[1], algebra.called(algebra.sum(args, (sign, -sign)), "relu")], (1, sign))
        if name == "where" and set(kinds) == {S}:
            return algebra.together(args, lambda nodes: algebra.new("call", nodes, name))
        if name in WITH_PARAMETER | {"clip"} and set(kinds) == {S} and not any(arg.indices for arg in args[1:]):
            return algebra.called(args[0], name, *(algebra.form(arg, []) for arg in args[1:]))
        if name in OF_ROWS and kinds[0] in (C, R) and len(args[0].indices) == 1:
            axes = (*args[0].indices, *args[0].own)
            made = algebra.new("call", [algebra.form(args[0], axes)], f"{name}_row")
            return algebra.single_factor(made, axes, args[0].row, args[0].column)
        if name == "logsumexp" and kinds[0] != S:
            return algebra.called(algebra.over(algebra.called(args[0], "exp"), args[0].own), "log")
        raise self.refuse(node, f"{self.cut(node)} depends on the index")

    def norm(
        self, algebra: Algebra, node: Node, value: IndexedSum, kind: str, weight: IndexedSum | None = None
    ) -> IndexedSum:
        if kind == "1":
            return algebra.over(algebra.called(value, "abs"), value.own)
        if kind not in ("2", "F"):
            raise self.refuse(node, f"{self.cut(node)} depends on the index")
        if weight is None:
            square = algebra.squared_norm(value)
        else:
            square = algebra.matmul(algebra.matmul(value.T, weight), value)
        if id(node) in self.squared:
            return square
        if id(value) in self.vanishing:
            self.vanishing[id(square)] = square
        return self.root(algebra, square, Fraction(2))

    def root(self, algebra: Algebra, value: IndexedSum, degree: Fraction) -> IndexedSum:
        """The root of what is a number for every index, and so of every entry."""
        exponent = algebra.number(1 / degree)
        return algebra.applied(self.lifted(algebra, value), lambda n: algebra.new("elpow", [n, exponent]))

    def vanishes(self, node: Node, args: list[IndexedSum]) -> bool:
        """Whether it is 0 for i = j, as it is made of differences x_i − x_j."""
        zero, op = [id(arg) in self.vanishing for arg in args], node.op
        if op == "sum":
            return all(zero) or _is_difference(node, self.accesses)
        if op == "prod":
            return any(z for z, sign in zip(zero, ("", *node.data), strict=True) if sign != "/")
        if op in ("pow", "elpow") and not _is_two(node.args[1]):
            return False  # the base has been lifted
        if op in ("norm", "call"):
            return zero[0] and (node.data in ("1", "norm1", "abs") or id(node) in self.squared)
        return op in _ZERO_AT_ZERO and zero[0]

    def lifted(self, algebra: Algebra, value: IndexedSum) -> IndexedSum:
        """What vanishes for i = j with a 1 there, where the sum leaves it out: a root or a quotient stays finite."""
        axes = tuple(value.axes)
        if id(value) not in self.vanishing or len(axes) != 2:
            return value
        self.note(
            f"a 1 stands for {axes[0].name} = {axes[1].name}, which the sum leaves out, so that nothing divides by 0"
        )
        return algebra.sum([value, algebra.single_factor(algebra.held(algebra.new("eye"), axes), axes)], (1, 1))

    def power(self, algebra: Algebra, node: Node, args: list[IndexedSum], kinds: list[int]) -> IndexedSum:
        base, exponent = args
        first, second = node.args
        if solving.is_exponential(node):
            return algebra.called(exponent, "exp")
        if exponent.axes and kinds == [S, S]:
            if first.op == "neg":
                raise self.refuse(node, f"{self.cut(node)} is a power of what is negative")
            if id(first) in self.accesses and str(first.data)[0].isupper():  # X_s^i is an entry of X as often
                letter = str(first.data)[0]
                raise self.refuse(
                    node, f"{self.cut(node)} may be a power, or an entry with two indices",
                    f"write {letter}_{{ij}} for the entry, a small {letter.lower()} for the power",
                )  # fmt: skip
            self.note(f"{self.cut(node)} is read as exp({self.cut(second)} log {self.cut(first)}), of what is positive")
            return algebra.called(algebra.scaled(exponent, algebra.called(base, "log")), "exp")
        if exponent.axes or kinds[1] != S:
            raise self.refuse(node, f"the exponent {self.cut(second)} depends on the index")
        is_two = _is_two(second)
        if is_two and id(first) in self.squared and first.data in ("2", "F", "weighted_norm"):
            return base
        if kinds[0] != S and node.op == "pow":
            raise self.refuse(node, f"{self.cut(node)} is a power of a matrix that depends on the index")
        if is_two:
            return algebra.squared(base)
        shown = algebra.form(exponent, [])
        return algebra.applied(self.lifted(algebra, base), lambda n: algebra.new("elpow", [n, shown]))

    def may_be_vectors(self, left: Node, right: Node) -> bool:
        """Whether an inner product may be meant, as in θ · x_i: a letter and a member that nothing declares."""
        known = self.families.declared
        letters = [n for n in (left, right) if n.op == "sym" and id(n) not in self.accesses and n.data not in known]
        members = [access for n in (left, right) if (access := self.accesses.get(id(n))) and access.name not in known]
        return bool(letters and members)

    def product(self, algebra: Algebra, node: Node, args: list[IndexedSum], kinds: list[int]) -> IndexedSum:
        """A product from left to right; a row that waits for its column is multiplied with it first."""
        signs = ("", *node.data)
        scalar: IndexedSum | None = None
        waiting: list[IndexedSum] = []
        current: IndexedSum | None = None

        def scale(value: IndexedSum) -> None:
            nonlocal scalar
            scalar = value if scalar is None else algebra.scaled(scalar, value)

        for i, (arg, kind, sign) in enumerate(zip(args, kinds, signs, strict=True)):
            if sign == "·" and {kind, kinds[i - 1]} == {S} and self.may_be_vectors(node.args[i - 1], node.args[i]):
                self.note(f"{self.cut(node)} is read as a product of numbers, not of vectors")
            if sign == "/":
                if kind != S:
                    raise self.refuse(node, f"{self.cut(node)} divides by a vector")
                scale(algebra.reciprocal(self.lifted(algebra, arg)))
            elif kind == S:
                scale(arg)
            elif current is None:
                current = arg
            elif sign == "·" and kind == C and current.row is not None and current.column is None:
                scale(algebra.inner(current, arg))
                current = None
            elif current.column is not None and arg.row is None and self.closes(kinds, signs, i):
                waiting.append(current)
                current = arg
            else:
                current = algebra.matmul(current, arg)
                if not current.own:
                    scale(current)
                    current = waiting.pop() if waiting else None
        while waiting:
            before = waiting.pop()
            current = before if current is None else algebra.matmul(before, current)
        if current is None:
            assert scalar is not None
            return scalar
        return current if scalar is None else algebra.scaled(scalar, current)

    @staticmethod
    def closes(kinds: list[int], signs: tuple[str, ...], i: int) -> bool:
        """Whether the row at i meets its column before anything else ends the product."""
        for kind, sign in zip(kinds[i + 1 :], signs[i + 1 :], strict=True):
            if sign == "/" or kind == S:
                continue
            return kind == C if kind in (C, R) else True
        return False


# The value of each operation below a sum, from those of its operands and their kinds.
_VALUES: dict[str, Callable[[MatrixForms, Algebra, Node, list[IndexedSum], list[int]], IndexedSum]] = {
    "sigma": MatrixForms.total, "prod": MatrixForms.product, "had": MatrixForms.entrywise,
    "div": MatrixForms.quotient, "trans": MatrixForms.transpose, "pow": MatrixForms.power, "elpow": MatrixForms.power,
    "bars": MatrixForms.bars, "call": MatrixForms.call,
    "ref": lambda f, algebra, node, args, kinds: args[0],
    "neg": lambda f, algebra, node, args, kinds: args[0].negated(),
    "sum": lambda f, algebra, node, args, kinds: algebra.sum(args, node.data),
    "at": lambda f, algebra, node, args, kinds: f.at(algebra, node, args[0], f.families.parts[id(node)]),
    "root": lambda f, algebra, node, args, kinds: f.root(algebra, args[0], Fraction(node.data)),
    "norm": lambda f, algebra, node, args, kinds: f.norm(algebra, node, args[0], node.data),
    "inner": lambda f, algebra, node, args, kinds: algebra.inner(*args),
}  # fmt: skip
_CALLS: dict[str, Callable[..., IndexedSum]] = {
    "dot": Algebra.inner, "inner": Algebra.inner, "outer": lambda algebra, u, v: algebra.matmul(u, v.T),
    "hadamard": Algebra.hadamard, "tr": Algebra.traced, "transpose": lambda algebra, A: A.T,
}  # fmt: skip
