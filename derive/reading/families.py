"""Which names are indexed, what their families are, and how far a sum reaches.

`x_i` under Σ_i is entry i of x, or row i of X where a vector stands; `A_ij` is an entry of A; `x_{i+1}` the
next one of the same family; `x_1` beside an unindexed x is an entry where only a scalar fits.  Kinds are
solved for with the whole formula (`kinds`), every family one symbol; the matrix form is that of `indices`.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from .. import names
from ..errors import ParseError, ShapeError
from ..shapes import Dim
from . import kinds as solving
from .indices import Algebra, Axis, Term, Value
from .kinds import Ambiguous, C, Cell, Contradiction, Kinds, M, R, S
from .stacks import Node
from .vocabulary import ELEMENTWISE

_CAPITAL = dict(zip("αβγδεζηθικλμνξοπρστυφχψω", "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ"))
_INDEX = re.compile(r"(\d+)|([^\W\d_])([+-]\d+)?")
_USUAL = frozenset("ijklmnst")  # indices that a sum need not name
_RANGE = ("<", "≤", "≠")


class Place:
    """An index of a name: `axis` and how far it is shifted, or the number of an entry."""

    __slots__ = ("axis", "offset", "letter")

    def __init__(self, axis: Axis | None, offset: int, letter: str) -> None:
        self.axis = axis
        self.offset = offset
        self.letter = letter


class Access:
    """An indexed name: the family it belongs to, and where in it."""

    __slots__ = ("name", "places", "is_bound")

    def __init__(self, name: str, places: list[Place]) -> None:
        self.name = name
        self.places = places
        self.is_bound = any(p.axis is not None for p in places)

    @property
    def key(self) -> str:
        """One for all names of the family."""
        return f"{self.name} {len(self.places)}" if self.is_bound else f"{self.name} at"


def lower_indices(reading: Any, roots: list[Node], readings: list[str], scalar: bool = False) -> list[Node]:
    """The trees with sums over indices and entries in matrix form.

    Raises
    ------
    ParseError
        A sum has no matrix form.
    ShapeError
        No kinds of the names fit.
    """
    from .scope import postorder

    order = postorder(roots)
    sums = [node for node in order if node.op == "sigma"]
    if not sums and not any(node.op in ("sym", "window") and _low(node) for node in order):
        return roots
    families = Families(reading, roots, order, readings)
    if sums:
        families.extend(order)
        families.order = postorder(roots)
    families.bind()
    if not families.accesses:
        return roots
    families.solve(scalar)
    return families.lowered()


def _low(node: Node) -> bool:
    return "_" in str(node.data)


def _is_two(node: Node) -> bool:
    return node.op == "num" and bool(node.data == 2)


def capital(name: str) -> str:
    """The matrix whose rows carry this name: X for x, Φ for φ."""
    base, accents, low = names.parts(name)
    return names.join(_CAPITAL.get(base, base.upper()), accents, low)


class Families:
    """The indexed names of a formula, their kinds, and the matrix forms of its sums."""

    def __init__(self, reading: Any, roots: list[Node], order: list[Node], readings: list[str]) -> None:
        self.reading = reading
        self.source: str = reading.source
        self.roots = roots
        self.order = order
        self.readings = readings
        self.accesses: dict[int, Access] = {}
        self.bounds: dict[int, list[Axis]] = {}  # of each sum
        self.masks: dict[int, list[tuple[str, tuple[Axis, ...]]]] = {}
        self.sets: set[str] = set()
        self.kind: dict[int, int] = {}
        self.families: dict[str, int | None] = {}  # what the name without an index is; None beside rows of a matrix
        self.leaves: dict[Any, Node] = {}
        self.spans: dict[tuple[str, int], list[tuple[Axis, int]]] = {}
        declared = reading.declared.entries
        self.declared = {n: e for n, e in declared.items() if e.shape is not None or e.kind is not None}

    def note(self, text: str) -> None:
        if text not in self.readings:
            self.readings.append(text)

    def cut(self, node: Node) -> str:
        return " ".join(self.source[node.start : node.end].split())

    def refuse(self, node: Node, why: str, hint: str = "write the matrix formula") -> ParseError:
        return ParseError(f"this sum has no matrix form that we know: {why}", self.source, node.span, hint)

    # The reach of a sum

    def extend(self, order: list[Node]) -> None:
        """Let a sum reach over the terms after it that use its index: Σ_i y_i log p_i + (1 − y_i) log (1 − p_i)."""
        for node in order:
            if node.op != "sum":
                continue
            i = 0
            while i < len(node.args):
                last = self.last_sums(node.args[i])
                end, target = i, None
                for j in range(i + 1, len(node.args)):
                    if any(s.op == "sigma" for s in self.last_sums(node.args[j])) and not self.uses(node.args[j], last):
                        break
                    found = self.uses(node.args[j], last)
                    if found is not None:
                        end, target = j, found
                if target is not None:
                    self.absorb(node, i, end, target)
                i += 1
            if len(node.args) == 1:
                only = node.args[0]
                node.op, node.args, node.data, node.paren = only.op, only.args, only.data, node.paren or only.paren

    def last_sums(self, term: Node) -> list[Node]:
        """The sums that end a term, from the outside in."""
        found = []
        while not term.paren:
            if term.op == "sigma":
                found.append(term)
                term = term.args[0]
            elif term.op == "neg":
                term = term.args[0]
            elif term.op == "prod" and term.data[-1] != "/":
                term = term.args[-1]
            else:
                break
        return found

    def uses(self, term: Node, sums: list[Node]) -> Node | None:
        """The innermost of the sums whose index occurs in the term, bound by no sum in it."""
        if not sums:
            return None
        free = self.free(term)
        for held in reversed(sums):
            if free & set(held.data.names):
                return held
        return None

    def free(self, root: Node) -> set[str]:
        """The letters that end names below a node and that no sum there binds."""
        found: set[str] = set()
        stack: list[tuple[Node, frozenset[str]]] = [(root, frozenset())]
        while stack:
            node, bound = stack.pop()
            if node.op == "sigma":
                bound = bound | set(node.data.names)
                for condition in node.data.conditions:
                    bound |= set(condition[1])
            elif node.op == "sym":
                low = names.parts(node.data)[2][-2:]
                found |= {m[2] for piece in low for m in _INDEX.finditer(piece) if m[2]} - bound
            stack += [(arg, bound) for arg in node.args]
        return found

    def absorb(self, node: Node, first: int, last: int, target: Node) -> None:
        head, signs = node.args[first], node.data
        body = target.args[0]
        if body.op == "sum" and not body.paren:
            args, data = list(body.args), list(body.data)
        else:
            args, data = [body], [1]
        args += node.args[first + 1 : last + 1]
        data += signs[first + 1 : last + 1]
        end = node.args[last].end
        inside = Node("sum", args, tuple(data), body.start, end)
        inside.paren = True
        target.args = [inside]
        stretched = head
        while True:
            stretched.end = end
            if stretched is target:
                break
            stretched = stretched.args[-1]
        node.args = [*node.args[: first + 1], *node.args[last + 1 :]]
        node.data = (*signs[: first + 1], *signs[last + 1 :])
        shown = self.source[target.start : target.args[0].args[0].start].strip()
        self.note(f"{shown} is read as reaching over {self.cut(inside)}")

    # Indices

    def bind(self) -> None:
        """Find the axis that every index of every name stands for."""
        stack: list[tuple[Node, dict[str, Axis]]] = [(root, {}) for root in self.roots]
        while stack:
            node, scope = stack.pop()
            if node.op == "sigma":
                scope = self.opened(node, scope)
            elif node.op == "sym":
                access = self.access(node, scope)
                if access is not None:
                    self.accesses[id(node)] = access
            elif node.op == "ref":
                continue
            stack += [(arg, scope) for arg in node.args]
        known = {*self.declared, *self.reading.wrt, *self.reading.scope}
        known |= {a.name for a in self.accesses.values() if a.is_bound}
        known |= {n.data for n in self.order if n.op == "sym" and id(n) not in self.accesses}
        for node in self.order:
            access = self.accesses.get(id(node))
            if access is not None and not access.is_bound and access.name not in known:
                del self.accesses[id(node)]
        self.keys = {a.key for a in self.accesses.values()}

    def opened(self, node: Node, scope: dict[str, Axis]) -> dict[str, Axis]:
        """The scope inside a sum."""
        bounds = node.data
        scope = dict(scope)
        made: list[Axis] = []
        wanted = list(bounds.names)
        outer = set(scope)
        for condition in bounds.conditions:
            if condition[0] == "∈":
                wanted += [n for n in condition[1] if n not in wanted]
            else:
                wanted += [n for n in condition[1] if n not in wanted and n not in outer]
        if not wanted:
            wanted = sorted(self.free(node.args[0]) & _USUAL)[:1]
            if wanted:
                self.note(f"∑ is read as the sum over {wanted[0]}")
        for name in wanted:
            axis = Axis(name, bounds.lower.get(name), bounds.upper.get(name))
            scope[name] = axis
            made.append(axis)
        self.bounds[id(node)] = made
        masks: list[tuple[str, tuple[Axis, ...]]] = []
        for relation, letters, *rest in bounds.conditions:
            for name in letters:
                if name not in scope:
                    raise self.refuse(node, f"{name} is bound by no sum")
            axes = tuple(scope[name] for name in letters)
            if relation == "∈":
                of, inside = rest
                for name in inside:
                    if name not in scope:
                        raise self.refuse(node, f"{name} is bound by no sum")
                axes = tuple(scope[name] for name in inside) + axes
                if len(axes) > 2:
                    raise self.refuse(node, f"membership in {names.text(of)} depends on three indices")
                self.sets.add(of)
                shown = "".join(letter for letter in (*inside, *letters))
                entry = f"{names.text(of)}_{shown}"
                kind = "vector" if len(axes) == 1 else "matrix"
                where = ", ".join(letters)
                self.note(
                    f"{names.text(of)} is read as a {kind} of zeros and ones: {entry} is 1 where {where} belongs to it"
                )
                masks.append((of, axes))
            else:
                for axis in axes:
                    axis.tie = axes[0].tie
                    if axis.upper is None and axes[-1].upper is not None:
                        axis.upper, axis.lower, axis.size = axes[-1].upper, axes[-1].lower, axes[-1].size
                masks.append((relation, axes))
        self.masks[id(node)] = masks
        return scope

    def access(self, node: Node, scope: dict[str, Axis]) -> Access | None:
        """The family that a name belongs to under the indices in scope; None if it is just a name."""
        if node.data in scope and node.data not in self.declared:
            raise self.refuse(node, f"{node.data} stands for a number")
        base, accents, low = names.parts(node.data)
        if not low:
            return None
        places = self.places(node, low[-1], scope)
        if places is None:
            if not low[-1].isdigit() or int(low[-1]) == 0:
                return None
            if len(low) > 1 and low[-2].isdigit() and int(low[-2]):  # A_{1,2}
                numbers = [int(low[-2]), int(low[-1])]
                return Access(names.join(base, accents, low[:-2]), [Place(None, k, "") for k in numbers])
            return Access(names.join(base, accents, low[:-1]), [Place(None, int(low[-1]), "")])
        rest = low[:-1]
        if len(places) == 1 and rest:
            before = self.places(node, rest[-1], scope)
            if before is not None:
                places, rest = before + places, rest[:-1]
            elif rest[-1].isdigit() and self.is_matrix(names.join(base, accents, rest[:-1])):
                places, rest = [Place(None, int(rest[-1]), ""), *places], rest[:-1]
        if len(places) > 2:
            raise self.refuse(node, f"{self.cut(node)} has three indices, and a matrix two")
        return Access(names.join(base, accents, rest), places)

    def is_matrix(self, name: str) -> bool:
        return self.declared_matrix(name) or name in self.reading.wrt

    def places(self, node: Node, piece: str, scope: dict[str, Axis]) -> list[Place] | None:
        found = list(_INDEX.finditer(piece))
        if "".join(m[0] for m in found) != piece:
            return None
        letters = [m[2] for m in found if m[2]]
        bound = [letter for letter in letters if letter in scope]
        if not bound or len(found) > 2 and len(bound) < len(found):
            return None
        if len(bound) < len(letters):
            (other,) = {x for x in letters if x not in scope}
            raise self.refuse(node, f"{other} in {self.cut(node)} is bound by no sum")
        return [
            Place(None, int(m[1]), "") if m[1] else Place(scope[m[2]], int(m[3] or 0), m[2]) for m in found
        ]  # fmt: skip

    # Kinds

    def solve(self, scalar: bool) -> None:
        """The kinds of all parts, an indexed name being one symbol of its family."""
        reading = self.reading
        order = self.order
        reading.name_dimensions(order)
        symbols = reading.collect(order)
        self.mark(order)
        kinds = Kinds(reading.is_numpy)
        costs: dict[str, list[float]] = {}
        styles = {name: entry.style for name, entry in symbols.items()}

        def cell(node: Node) -> Cell:
            access = self.accesses.get(id(node))
            if access is None:
                made: Cell = reading.cell(node, symbols, kinds)
                return made
            return self.family_cell(access, node, symbols, kinds, costs, styles)

        solving.build(order, kinds, cell)
        if scalar:
            self.roots[-1].cell.find().mask &= S
        for name, entry in symbols.items():
            base, accents, low = names.parts(name)
            if low and low[-1].isdigit() and f"{names.join(base, accents, low[:-1])} 1" in costs:  # w_0 beside w_i
                entry.uses.add("entry")
            if not entry.is_declared and name in kinds.symbol_cells:
                self.add_costs(kinds.symbol_cells[name].find(), solving.habit(name, entry.style, entry.uses))
        for key, cost in costs.items():
            self.add_costs(kinds.symbol_cells[key].find(), cost)
        self.relate(kinds)
        kinds.start()
        try:
            kinds.decide()
        except (Contradiction, Ambiguous) as found:
            self.contradicted(found)
        for node in order:
            mask = node.cell.find().mask
            self.kind[id(node)] = kind = next(k for k in (S, C, M, R) if mask & k)
            access = self.accesses.get(id(node))
            if node.op == "sym" and access is None:
                reading.settled[node.data] = kind
            elif access is not None and access.is_bound:
                self.families[access.name] = M if len(access.places) == 2 else C if kind == S else None
        self.settle_entries()

    @staticmethod
    def add_costs(cell: Cell, costs: list[float]) -> None:
        cell.costs = costs if cell.costs is None else [a + b for a, b in zip(cell.costs, costs, strict=True)]

    def contradicted(self, found: Exception) -> None:
        node = next((n for n in self.roots if True), self.roots[-1])
        if isinstance(found, Ambiguous):
            message = "the sums in this formula can be read in several ways"
        else:
            message = "no kinds of the names in the sums of this formula fit"
        raise ShapeError(message, self.source, node.span, "declare them, or write the matrix formula")

    def mark(self, order: list[Node]) -> None:
        """Note which families stand where vectors do: transposed, in a norm or an inner product, right of a matrix."""
        self.leaning: dict[str, float] = {}

        def lean(node: Node, weight: float) -> None:
            stack = [node]
            while stack:
                at = stack.pop()
                access = self.accesses.get(id(at))
                if access is not None:
                    self.leaning[access.key] = max(self.leaning.get(access.key, 0.0), weight)
                elif at.op in ("sum", "neg"):
                    stack += at.args
                elif at.op == "prod":
                    stack.append(at.args[-1])

        for node in order:
            if node.op == "trans":
                lean(node.args[0], 5.0)
            elif node.op in ("norm", "inner") or (node.op == "call" and node.data in ("dot", "inner", "norm")):
                for arg in node.args:
                    lean(arg, 2.5)
            elif node.op == "prod":
                for left, sign, right in zip(node.args, node.data, node.args[1:]):
                    is_capital = left.op == "sym" and left.data[0].isupper() and id(left) not in self.accesses
                    if sign in (" ", "*", "@") and (left.op == "trans" or is_capital):
                        lean(right, 3.5)

    def family_cell(
        self, access: Access, node: Node, symbols: dict[str, Any], kinds: Kinds, costs: dict[str, list[float]],
        styles: dict[str, str],
    ) -> Cell:  # fmt: skip
        key = access.key
        if not access.is_bound:
            key = str(node.data)
        known = kinds.symbol_cells.get(key)
        if known is not None:
            return known
        if not access.is_bound:
            own: Cell = self.reading.cell(node, symbols, kinds)
            return own
        entry = self.reading.declared.entries.get(access.name)
        shape = entry.shape if entry is not None else None
        if len(access.places) == 2:
            mask, cost = S, [0.0, 9.0, 9.0, 9.0]
        else:
            is_upper = access.name[0].isupper()
            is_bold = styles.get(str(node.data)) in ("bold", "vec")
            mask = S | C | (R if is_upper else 0)
            if shape is not None:
                mask = S if shape[1].value == 1 else C | R
            own_entry = self.reading.declared.entries.get(str(node.data))
            if own_entry is not None and own_entry.shape is not None:
                mask = S if own_entry.shape[0].value == 1 else C
            lean = self.leaning.get(key, 0.0)
            if f"{access.name} 2" in self.keys:
                mask = mask & (C | R) or mask
            cost = [2.0 if is_bold else 0.0, 0.0 if is_bold else 0.8, 2.0, 99.0]
            cost[0] += lean
        costs[key] = cost
        cell = kinds.symbol_cells[key] = Cell(mask)
        return cell

    def relate(self, kinds: Kinds) -> None:
        """A name with an index is an entry of the vector of that name, or a row of a matrix."""
        entries = ((S, C), (C, S), (C, C), (C, M), (R, S), (R, C), (R, M))
        for key in list(kinds.symbol_cells):
            name, space, count = key.partition(" ")
            if space and name in kinds.symbol_cells and count in ("1", "2"):
                whole = kinds.symbol_cells[name]
                if count == "2":
                    whole.find().mask &= M
                else:
                    kinds.relate(solving.pairs, (whole, kinds.symbol_cells[key]), entries)

    # Entries beside the letter

    def settle_entries(self) -> None:
        """x_1 is an entry of x where it is a scalar and x a vector; else a name of its own."""
        for node in self.order:
            access = self.accesses.get(id(node))
            if access is None or access.is_bound:
                continue
            digits = "".join(str(p.offset) for p in access.places)
            kind, whole = self.kind[id(node)], self.kind_of_family(access.name)
            shown, letter = names.text(node.data), names.text(access.name)
            if kind == S and whole == C and len(access.places) == 1:
                self.note(f"{shown} is read as entry {digits} of {letter}")
            elif kind == S and whole == M and len(digits) == 2:
                access.places = [Place(None, int(d), "") for d in digits]
                self.note(f"{shown} is read as entry ({digits[0]}, {digits[1]}) of {letter}")
            else:
                if whole is not None:
                    self.note(f"{shown} is read as a name of its own, beside {letter}")
                self.reading.settled[node.data] = kind
                del self.accesses[id(node)]

    def kind_of_family(self, name: str) -> int | None:
        """What the unindexed letter is, where it stands somewhere or is declared."""
        settled: dict[str, int] = self.reading.settled
        if name in settled:
            return settled[name]
        if name in self.families:
            return self.families[name]
        entry = self.declared.get(name)
        if entry is not None and entry.shape is not None:
            rows, columns = entry.shape
            return M if columns.value != 1 else S if rows.value == 1 else C
        if entry is not None:
            return {"scalar": S, "vector": C, "matrix": M, "square": M}.get(entry.kind or "")
        return None if name not in self.reading.wrt else M if name[0].isupper() else C

    # Families

    def row_family(self, access: Access, node: Node) -> str:
        """The matrix whose row i is called x_i."""
        name = access.name
        if f"{name} 2" in self.keys or self.declared_matrix(name):
            return name
        large = capital(name)
        wanted = self.reading.wrt
        if (name in wanted and large not in wanted) or large in self.sets or large == name:
            found = name
        else:
            found = large
        other = self.reading.settled.get(found)
        if other not in (None, M) and found != name:
            raise self.refuse(node, f"{self.cut(node)} would be a row of {found}, which is no matrix")
        return found

    def declared_matrix(self, name: str) -> bool:
        entry = self.declared.get(name)
        return entry is not None and entry.shape is not None and entry.shape[1].value != 1

    def entry_family(self, access: Access) -> str:
        """The matrix or vector whose entry it is: of that name, or of the capital letter where only that is known."""
        name = access.name
        if len(access.places) == 1 or name.isupper():
            return name
        large = capital(name)
        present = self.reading.wrt | set(self.declared)
        if name not in present and (large in present or self.kind_of_family(large) == M):
            if name not in self.reading.settled:
                return large
        return name

    # Lowering

    def lowered(self) -> list[Node]:
        order = self.order
        self.collect_spans(order)
        self.squared = {id(n.args[0]) for n in order if n.op == "pow" and n.args[0].op == "norm" and _is_two(n.args[1])}
        replaced: dict[int, Node] = {}
        values: dict[int, Value] = {}
        for node in order:
            access = self.accesses.get(id(node))
            if access is not None and not access.is_bound:
                replaced[id(node)] = self.entry(node, access)
                continue
            if access is None and not any(id(arg) in values for arg in node.args):
                node.args = [replaced.get(id(arg), arg) for arg in node.args]
                if node.op == "sigma":
                    made = self.constant_sum(node)
                    if isinstance(made, Value):
                        values[id(node)] = made
                    else:
                        replaced[id(node)] = made
                continue
            algebra = Algebra(lambda why, node=node: self.refuse(node, why), node.start, node.end)  # type: ignore[misc]
            if access is not None:
                value = self.leaf(algebra, node, access)
            else:
                args = [
                    values[id(a)] if id(a) in values else algebra.constant(replaced.get(id(a), a), self.kind[id(a)])
                    for a in node.args
                ]
                value = self.value(algebra, node, args, values)
            if not value.indices:
                made_node = algebra.result(value)
                replaced[id(node)] = self.placed(made_node, node)
            else:
                values[id(node)] = value
        for root in self.roots:
            if id(root) in values:
                raise self.refuse(root, f"{self.cut(root)} depends on an index that no sum binds")
        return [replaced.get(id(root), root) for root in self.roots]

    @staticmethod
    def placed(made: Node, node: Node) -> Node:
        if made.op not in ("sym", "expr"):
            made.start, made.end = node.start, node.end
        made.paren = True
        return made

    def constant_sum(self, node: Node) -> Node | Value:
        """A sum of what does not depend on its index."""
        axes = self.bounds[id(node)]
        if not axes:
            return Node("call", node.args, "sum", node.start, node.end)
        algebra = Algebra(lambda why: self.refuse(node, why), node.start, node.end)
        body = node.args[0]
        value = algebra.constant(body, self.kind[id(body)])
        return self.summed(algebra, node, value)

    def summed(self, algebra: Algebra, node: Node, value: Value) -> Any:
        axes = self.bounds[id(node)]
        masks = self.masks[id(node)]
        for relation, places in masks:
            factor = (self.mask(algebra, relation, places), places)
            value = algebra.scaled(Value([Term(factors=(factor,))]), value)
        used = {a.tie for a in value.axes}
        for axis in axes:
            if axis.tie not in used and axis.size is None:
                raise self.refuse(node, f"nothing in it depends on the index {axis.name}")
        made = algebra.over(value, axes)
        return made if made.indices else algebra.result(made)

    def mask(self, algebra: Algebra, relation: str, axes: tuple[Axis, ...]) -> Node:
        if relation not in _RANGE:
            return algebra.held(algebra.new("sym", data=relation), axes)
        every = algebra.ones(*axes)
        if relation == "≠":
            return algebra.new("sum", [every, algebra.new("eye")], (1, -1))
        upper = algebra.new("call", [every], "triu")
        return upper if relation == "≤" else algebra.new("sum", [upper, algebra.new("eye")], (1, -1))

    # Leaves

    def collect_spans(self, order: list[Node]) -> None:
        """Which entries of each side of each family the formula names."""
        for node in order:
            access = self.accesses.get(id(node))
            if access is None or not access.is_bound:
                continue
            name = self.family(access, node)
            for side, place in enumerate(access.places):
                if place.axis is not None:
                    self.spans.setdefault((name, side), []).append((place.axis, place.offset))

    def family(self, access: Access, node: Node) -> str:
        if len(access.places) == 2:
            return self.entry_family(access)
        return access.name if self.kind[id(node)] == S else self.row_family(access, node)

    def leaf(self, algebra: Algebra, node: Node, access: Access) -> Value:
        name = self.family(access, node)
        if name in self.reading.dimension_names:
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
            made = self.windowed(algebra, node, name, [place], C)
            return Value([Term(factors=((made, (axis,)),))])
        shift = f" {place.offset:+d}".replace("+", "+ ").replace("-", "− ") if place.offset else ""
        self.note(f"{names.text(node.data)} is read as row {place.letter}{shift} of {names.text(name)}")
        made = self.windowed(algebra, node, name, [place, None], M)
        own = Axis("columns")
        value = Value([Term(factors=((made, (axis, own)),))], own)
        return value.T if kind == R else value

    def of_matrix(self, algebra: Algebra, node: Node, name: str, places: list[Place]) -> Value:
        made = self.windowed(algebra, node, name, list(places), M)
        axes = [p.axis for p in places]
        if None in axes:  # an entry of one row or column
            at = axes.index(None)
            unit = algebra.new("basis", data=Dim.of(places[at].offset))
            made = algebra.times([algebra.turned(made) if at == 0 else made, unit])
        return Value([Term(factors=((made, tuple(a for a in axes if a is not None)),))])

    def windowed(self, algebra: Algebra, node: Node, name: str, places: list[Place | None], kind: int) -> Node:
        """The family, or the rows and columns of it that the indices run over."""
        key = (name, *((p.axis.tie, p.offset, p.axis.lower) if p is not None and p.axis else None for p in places))
        if key in self.leaves:
            return self.leaves[key]
        made = Node("sym", [], name, node.start, node.end)
        windows: list[Any] = []
        axes: list[Axis | None] = []
        for side, place in enumerate(places):
            if place is None or place.axis is None:
                windows.append(None)
                axes.append(None)
                continue
            start, extra = self.window(node, name, side, place)
            axes.append(place.axis)
            windows.append((start, place.axis, extra) if extra is not None else None)
        if any(w is not None for w in windows):
            made = Node("axes", [made], (kind, ()), node.start, node.end)
            made = Node("window", [made], tuple(windows), node.start, node.end)
        else:
            made = Node("axes", [made], (kind, tuple(axes)), node.start, node.end)
        self.leaves[key] = made
        return made

    def window(self, node: Node, name: str, side: int, place: Place) -> tuple[int, Dim | None]:
        """Where the entries begin that an index names, and how many more the family has; None if it has no more."""
        spans = self.spans[name, side]
        axis = place.axis
        assert axis is not None
        if axis.upper is None:
            offsets = [o for a, o in spans if a.tie is axis.tie]
            low, high = min(offsets), max(offsets)
            if low == high:
                if axis.lower.value != 1 or low:
                    raise self.refuse(node, f"the range of {axis.name} is open", "write where the sum begins and ends")
                return 0, None
            if any(a.tie is axis.tie for key, held in self.spans.items() if key[0] != name for a, _ in held):
                raise self.refuse(node, f"the range of {axis.name} is open", "write where the sum begins and ends")
            self.note(f"the sum over {axis.name} is read as running over all neighbors in {names.text(name)}")
            return place.offset - low, Dim.of(high - low)
        first = Dim.of(1)
        last: Dim | None = None
        for other, offset in spans:
            if other.upper is None:
                continue
            begin, end = other.lower + offset, other.upper + offset
            less = (begin - first).value
            if less is None:
                raise self.refuse(node, f"{self.cut(node)} begins at {begin}")
            first = begin if less < 0 else first
            if last is not None:
                more = (end - last).value
                if more is None:
                    raise self.refuse(node, f"{names.text(name)} runs to {last} in one place and to {end} in another")
                last = end if more > 0 else last
            else:
                last = end
        assert last is not None
        start = (axis.lower + place.offset - first).value
        extra = (last - first) - (axis.upper - axis.lower)
        if start is None or extra.value is None or start < 0:
            raise self.refuse(node, f"the entries of {names.text(name)} that {axis.name} runs over are open")
        self.check_range(node, name, side, first, last)
        if first.value != 1:
            self.note(f"{names.text(name)} is read as counted from {first}")
        return start, (extra if extra.value else None)

    def check_range(self, node: Node, name: str, side: int, first: Dim, last: Dim) -> None:
        """Refuse a shift out of the range that the sums have, unless the declaration has room for it."""
        entry = self.declared.get(name)
        if entry is not None and entry.shape is not None:
            return
        starts = {a.lower.value for a, _ in self.spans[name, side] if a.upper is not None}
        constant = dict(last.terms).get((), 0) if last.value is None else 0
        if first.value not in starts or constant > 0 >= max(
            dict(a.upper.terms).get((), 0) for a, _ in self.spans[name, side] if a.upper is not None
        ):
            low, high = names.text(f"{name}_{first}"), names.text(f"{name}_{last}")
            raise self.refuse(
                node, f"it uses {low} to {high}, out of the range of the sum",
                f"declare {names.text(name)} with {last - first + 1} entries or rows, or change the limits",
            )  # fmt: skip

    def entry(self, node: Node, access: Access) -> Node:
        """x_1 as e₁ᵀ x, A_12 as e₁ᵀ A e₂."""
        algebra = Algebra(lambda why: self.refuse(node, why), node.start, node.end)
        units = [algebra.new("basis", data=Dim.of(p.offset)) for p in access.places]
        whole = Node("axes", [algebra.new("sym", data=access.name)], (C if len(units) == 1 else M, ()), *node.span)
        made = algebra.times([algebra.turned(units[0]), whole, *units[1:]])
        made.paren = True
        return made

    # Values of parts

    def value(self, algebra: Algebra, node: Node, args: list[Value], values: dict[int, Value]) -> Value:
        op, kinds = node.op, [self.kind[id(a)] for a in node.args]
        if op == "sigma":
            made = self.summed(algebra, node, args[0])
            return made if isinstance(made, Value) else algebra.constant(made, self.kind[id(node)])
        if op == "ref":
            return args[0]
        if op == "neg":
            return args[0].negated()
        if op == "sum":
            return algebra.sum(args, node.data)
        if op == "prod":
            return self.product(algebra, node, args, kinds)
        if op == "had":
            made = args[0]
            for sign, arg in zip(node.data, args[1:], strict=True):
                made = algebra.hadamard(made, arg if sign == "⊙" else algebra.reciprocal(arg))
            return made
        if op == "div":
            if kinds[1] != S:
                return algebra.hadamard(args[0], algebra.reciprocal(args[1]))
            return algebra.scaled(algebra.reciprocal(args[1]), args[0])
        if op == "trans":
            if kinds[0] == S:
                raise self.refuse(node, f"{self.cut(node)} is a number, which has no transpose")
            return args[0].T
        if op in ("pow", "elpow"):
            return self.power(algebra, node, args, kinds)
        if op == "root":
            return algebra.applied(args[0], lambda n: algebra.new("root", [n], node.data))
        if op == "norm":
            return self.norm(algebra, node, args[0], node.data)
        if op == "inner":
            return algebra.inner(*args)
        if op == "bars" and kinds[0] == S:
            return algebra.applied(args[0], lambda n: algebra.new("call", [n], "abs"))
        if op == "call":
            return self.call(algebra, node, args, kinds)
        raise self.refuse(node, f"{self.cut(node)} depends on the index")

    def call(self, algebra: Algebra, node: Node, args: list[Value], kinds: list[int]) -> Value:
        name = node.data
        if name in ELEMENTWISE:
            return algebra.applied(args[0], lambda n: algebra.new("call", [n], name))
        if name in ("dot", "inner"):
            return algebra.inner(*args)
        if name == "outer":
            return algebra.matmul(args[0], args[1].T)
        if name == "hadamard":
            return algebra.hadamard(*args)
        if name == "tr":
            return algebra.traced(args[0])
        if name in ("sum", "mean") and kinds[0] != S:
            total = algebra.over(args[0], args[0].own)
            if name == "mean":
                for axis in args[0].own:
                    count = Value([Term(scalars=(algebra.new("count", data=axis),))])
                    total = algebra.scaled(algebra.reciprocal(count), total)
            return total
        if name == "transpose":
            return args[0].T
        if name in ("norm", "norm1") and len(args) == 1:
            return self.norm(algebra, node, args[0], "1" if name == "norm1" else "2")
        if name == "max" and len(args) == 2:
            kept = [a for a, part in zip(args, node.args, strict=True) if part.op != "zero"]
            if len(kept) == 1:
                return algebra.applied(kept[0], lambda n: algebra.new("call", [n], "relu"))
        if name == "logsumexp" and kinds[0] != S:
            exponential = algebra.applied(args[0], lambda n: algebra.new("call", [n], "exp"))
            total = algebra.over(exponential, args[0].own)
            return algebra.applied(total, lambda n: algebra.new("call", [n], "log"))
        raise self.refuse(node, f"{self.cut(node)} depends on the index")

    def norm(self, algebra: Algebra, node: Node, value: Value, kind: str) -> Value:
        if kind == "1":
            entries = algebra.applied(value, lambda n: algebra.new("call", [n], "abs"))
            return algebra.over(entries, value.own)
        if kind not in ("2", "F"):
            raise self.refuse(node, f"{self.cut(node)} depends on the index")
        square = algebra.squared_norm(value)
        if id(node) in self.squared:
            return square
        return algebra.applied(square, lambda n: algebra.new("root", [n], Fraction(2)))

    def power(self, algebra: Algebra, node: Node, args: list[Value], kinds: list[int]) -> Value:
        base, exponent = args
        first, second = node.args
        if solving.is_exponential(node):
            return algebra.applied(exponent, lambda n: algebra.new("call", [n], "exp"))
        if exponent.axes or kinds[1] != S:
            raise self.refuse(node, f"the exponent {self.cut(second)} depends on the index")
        is_two = _is_two(second)
        if is_two and id(first) in self.squared and first.data in ("2", "F"):
            return base
        if kinds[0] != S and node.op == "pow":
            raise self.refuse(node, f"{self.cut(node)} is a power of a matrix that depends on the index")
        if is_two:
            return algebra.squared(base)
        shown = algebra.form(exponent, [])
        return algebra.applied(base, lambda n: algebra.new("elpow", [n, shown]))

    def product(self, algebra: Algebra, node: Node, args: list[Value], kinds: list[int]) -> Value:
        """A product from left to right; a row that waits for its column is multiplied with it first."""
        signs = ("", *node.data)
        scalar: Value | None = None
        waiting: list[Value] = []
        current: Value | None = None

        def scale(value: Value) -> None:
            nonlocal scalar
            scalar = value if scalar is None else algebra.scaled(scalar, value)

        for i, (arg, kind, sign) in enumerate(zip(args, kinds, signs, strict=True)):
            if sign == "/":
                if kind != S:
                    raise self.refuse(node, f"{self.cut(node)} divides by a vector")
                scale(algebra.reciprocal(arg))
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
