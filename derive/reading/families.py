"""Which names are indexed, what their families are, and how far a sum reaches.

`x_i` under Σ_i is entry i of x, or row i of X where a vector stands; `A_ij` is an entry of A; `x_{i+1}` the
next one of the same family; `x_1` beside an unindexed x is an entry where only a scalar fits.  Kinds are
solved for with the whole formula (`kinds`), every family one symbol; the matrix form is that of `indices`.
"""

from __future__ import annotations

import re
from typing import Any

from .. import names
from ..errors import LimitError, ParseError, ShapeError
from ..indexed import Axis
from ..shapes import Dim
from . import habits, labels
from . import kinds as solving
from .indexed_names import INDEX, USUAL, Access, Index, capital, letters_in
from .kinds import Ambiguous, Cell, Contradiction, Kinds
from .limits import MAX_OPERATIONS
from .signatures import C, M, R, S
from .stacks import Node, nodes_below, quoted, whole

_FREE = re.compile(r"([ijkl])([+-]\d+)?|([ijkl])([ijkl])")  # indices that no sum binds


class Families:
    """The indexed names of a formula, their kinds, and the matrix forms of its sums."""

    def __init__(self, reading: Any, roots: list[Node], order: list[Node], readings: list[str]) -> None:
        self.reading = reading
        self.source: str = reading.source
        self.roots = roots
        self.order = order
        self.readings = readings
        self.wanted = {names.join(*names.parts(name)[:2], []) for name in reading.wrt}  # without what is below
        self.accesses: dict[int, Access] = {}
        self.sizes: set[str] = set()  # the names that sums run to
        self.bounds: dict[int, list[Axis]] = {}  # of each sum
        self.masks: dict[int, list[tuple[str, tuple[Axis, ...]]]] = {}
        self.sets: set[str] = set()
        self.definitions: dict[tuple[str, int], tuple[tuple[str, ...], Node]] = {}  # of families: indices and tree
        self.own: dict[int, list[Axis]] = {}  # the indices of a definition, by its root
        self.parts: dict[int, list[Axis | str]] = {}  # of entries of what is no name: an axis, a number or ":"
        self.copied = 0
        self.kind: dict[int, int] = {}
        self.families: dict[str, int | None] = {}  # what the name without an index is; None beside rows of a matrix
        declared = reading.declared.entries
        self.given = (reading.known - reading.wrt) | set(declared) | set(reading.scope)  # names that stand as they are
        self.declared = {n: e for n, e in declared.items() if e.shape is not None or e.kind is not None}

    def note(self, text: str) -> None:
        if text not in self.readings:
            self.readings.append(text)

    def cut(self, node: Node) -> str:
        return quoted(whole(self.source, node.start, node.end))

    def refuse(self, node: Node, why: str, hint: str = "write the matrix formula") -> ParseError:
        return ParseError(f"this sum has no matrix form that we know: {why}", self.source, node.span, hint)

    # Indices

    def bind(self, scalar: bool) -> None:
        """Find the axis that every index of every name stands for."""
        self.find_definitions(scalar)
        self.defined = {s.name for s in self.reading.statements if s.name}
        stack: list[tuple[Node, dict[str, Axis]]] = []
        for root in self.roots:
            letters = next((held[0] for held in self.definitions.values() if held[1] is root), ())
            self.own[id(root)] = [Axis(letter) for letter in letters]
            stack.append((root, dict(zip(letters, self.own[id(root)]))))
        while stack:
            node, scope = stack.pop()
            labels.select(self, node, scope)
            if node.op == "sigma":
                labels.exclude(self, node, scope)
                scope = self.opened(node, scope)
            elif node.op in ("call", "prod"):
                labels.refuse_functions(self, node, scope)
            elif node.op == "at":
                for letter in node.data:
                    if letter.isalpha() and letter not in scope:
                        self.note(f"{letter} in {self.cut(node)} is read as a given number")
                self.parts[id(node)] = [scope.get(letter, letter) for letter in node.data]
            elif node.op == "sym" and node.data in scope and node.data not in self.declared:
                labels.count(self, node, scope)
            elif node.op in ("sym", "ref"):
                access = self.access(node, scope)
                defined = self.definitions.get((access.name, len(access.places))) if access is not None else None
                if access is not None and defined is not None:
                    scope = self.inlined(node, access, *defined)
                elif node.op == "ref":
                    continue
                elif access is not None and labels.is_kronecker(self, access):
                    node.op, node.args = "at", [Node("eye", [], None, *node.span)]
                    node.data = tuple(p.letter for p in access.places)
                    self.parts[id(node)] = [p.axis or p.letter for p in access.places]
                elif access is not None and labels.takes_from_definition(self, node, access):
                    continue
                elif access is not None:
                    self.accesses[id(node)] = access
            stack += [(arg, scope) for arg in node.args]
        self.order = nodes_below(self.roots)
        labels.tell_numbers(self)
        labels.tell_firsts(self)
        known = {*self.declared, *self.reading.wrt, *self.reading.scope}
        known |= {a.name for a in self.accesses.values() if a.is_bound}
        known |= {n.data for n in self.order if n.op == "sym" and id(n) not in self.accesses}
        for node in self.order:
            access = self.accesses.get(id(node))
            if access is not None and not access.is_bound and access.name not in known:
                del self.accesses[id(node)]
        for node in self.order:
            if node.op == "bars" and node.args[0].op == "sym" and node.args[0].data in self.sets:
                node.op, node.data = "call", "sum"
                self.note(f"{self.cut(node)} is read as the number of elements of {names.text(node.args[0].data)}")
        self.keys = {a.key for a in self.accesses.values()}
        labels.refuse_two_ranges(self)
        bodies = nodes_below([total.args[0] for total in self.order if total.op == "sigma"])
        self.summed = {node.data for node in bodies if node.op == "sym"}
        for node in self.order:
            if node.op == "sym":
                labels.tell_apart(self, node)
        self.order = nodes_below(self.roots)

    def find_definitions(self, scalar: bool) -> None:
        """The definitions of every entry of a family, r_i = …, where a sum runs over i.

        So is the formula itself, p_i = e^{z_i} / ∑_j e^{z_j}, where no number is wanted.
        """
        summed: set[str] = set()
        for node in self.order:
            if node.op == "sigma":
                summed |= {*node.data.names, *(n for condition in node.data.conditions for n in condition[1])}
                summed |= set() if summed else letters_in(node.args[0]) & USUAL
        for statement, root in zip(self.reading.statements, self.roots, strict=False):
            if statement.name is None:
                continue
            base, accents, low = names.parts(statement.name)
            letters = [m[2] for m in INDEX.finditer("".join(low[-2:] if len(low) == 2 else low[-1:])) if m[2]]
            if not letters or "".join(letters) != "".join(low) or not letters_in(root).issuperset(letters):
                continue
            is_result = root is self.roots[-1] and not scalar and set(letters) <= USUAL
            if is_result and summed and not set(letters) <= summed:
                self.note(f"{names.text(statement.name)} = … is read for every {', '.join(letters)}")
            if set(letters) <= summed or is_result and summed:
                self.definitions[names.join(base, accents, []), len(letters)] = (tuple(letters), root)

    def inlined(self, node: Node, access: Access, letters: tuple[str, ...], root: Node) -> dict[str, Axis]:
        """Put the definition of an indexed name in its place; its scope."""
        copies: dict[int, Node] = {}
        for part in nodes_below([root]):
            args = [copies[id(a)] if part.op != "ref" else a for a in part.args]
            copies[id(part)] = made = Node(part.op, args, part.data, part.start, part.end)
            made.paren = part.paren
        self.copied += len(copies)
        if self.copied > MAX_OPERATIONS:
            raise LimitError("the definitions use each other too often", self.source, node.span)
        node.op, node.args = "ref", [copies[id(root)]]
        scope = {}
        for letter, place in zip(letters, access.places, strict=True):
            if place.axis is None or place.offset:
                raise self.refuse(node, f"{self.cut(node)} is one entry of what is defined for all")
            scope[letter] = place.axis
        return scope

    def opened(self, node: Node, scope: dict[str, Axis]) -> dict[str, Axis]:
        """The scope inside a sum."""
        bounds = node.data
        self.sizes |= {n for size in bounds.dims for n in size.names} - set(self.declared)
        scope = dict(scope)
        made: list[Axis] = []
        wanted = list(dict.fromkeys((*bounds.names, *bounds.lower, *bounds.upper)))
        outer = set(scope)
        for condition in bounds.conditions:
            if condition[0] == "∈":
                wanted += [n for n in condition[1] if n not in wanted]
            else:
                here = letters_in(node.args[0])
                for free in sorted(set(condition[1]) - here - outer - set(bounds.names)):
                    raise self.refuse(
                        node, f"{free} stands only in what limits the sum", "write where it begins and ends"
                    )
                wanted += [n for n in condition[1] if n not in wanted and n not in outer]
        if not wanted:
            wanted = sorted(letters_in(node.args[0]) & USUAL)[:1]
            if wanted:
                self.note(f"∑ is read as the sum over {wanted[0]}")
        conditions = list(bounds.conditions)
        for name in wanted:
            lower, upper = bounds.lower.get(name), bounds.upper.get(name)
            for limit, is_lower in ((lower, True), (upper, False)):
                for size in limit.names if limit is not None else ():
                    if set(names.parts(size)[2]) & {*scope, *wanted}:
                        raise self.refuse(node, f"{name} runs to another {size} for every index")
                for other in limit.names & {*scope, *wanted} if limit is not None else ():
                    assert limit is not None
                    distance = (limit - Dim.of(other)).value
                    if distance not in ((0, 1) if is_lower else (0, -1)):
                        raise self.refuse(node, f"{name} runs {'from' if is_lower else 'to'} {limit}")
                    pair = (other, name) if is_lower else (name, other)
                    conditions.append(("<" if distance else "≤", pair))
                    lower, upper = (None, upper) if is_lower else (lower, None)
            axis = Axis(name, lower, upper)
            scope[name] = axis
            made.append(axis)
        self.bounds[id(node)] = made
        masks: list[tuple[str, tuple[Axis, ...]]] = []
        for relation, letters, *rest in conditions:
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
        base, accents, low = names.parts(node.data)
        if not low:
            return None
        places = self.places(node, low[-1], scope)
        if places is None and len(low) == 2 and low[0] in scope and low[1].isdigit():  # x_{i,1}
            places, low = [Index(scope[low[0]], 0, low[0]), Index(None, int(low[1]), "")], low[:1]
        if places is None and node.data not in self.given:
            pieces = [word for piece in low for word in re.findall(r"[^\W\d_]+", piece)]
            lag = [letter for letter in pieces if letter in scope] if re.search("[+-]", low[-1]) else []
            if len(lag) == 2:  # y_{t−i}
                raise self.refuse(
                    node, f"{self.cut(node)} has the number {low[-1]}, made of two indices",
                    f"write the matrix whose entry ({lag[0]}, {lag[1]}) it is by a letter of its own",
                )  # fmt: skip
            for letter in pieces:
                if letter in scope:
                    raise self.refuse(node, f"{letter} stands inside of a label", "give the label another letter")
        if places is None:
            free = _FREE.fullmatch(low[-1]) if node.data not in self.given else None
            if free is not None:
                letters = [Index(None, int(free[2] or 0), free[1])] if free[1] else [Index(None, 0, c) for c in low[-1]]
                return Access(names.join(base, accents, low[:-1]), letters)
            if not low[-1].isdigit() or int(low[-1]) == 0:
                return None
            if len(low) > 1 and low[-2].isdigit() and int(low[-2]):  # A_{1,2}
                numbers = [int(low[-2]), int(low[-1])]
                return Access(names.join(base, accents, low[:-2]), [Index(None, k, "") for k in numbers])
            return Access(names.join(base, accents, low[:-1]), [Index(None, int(low[-1]), "")])
        rest = low[:-1]
        if len(places) == 1 and rest:
            before = self.places(node, rest[-1], scope)
            if before is not None:
                places, rest = before + places, rest[:-1]
            elif rest[-1].isdigit() and self.is_matrix(names.join(base, accents, rest[:-1]), low[-1]):
                places, rest = [Index(None, int(rest[-1]), ""), *places], rest[:-1]
        if len(places) > 2:
            raise self.refuse(node, f"{self.cut(node)} has three indices, and a matrix two")
        return Access(names.join(base, accents, rest), places)

    def is_matrix(self, name: str, index: str) -> bool:
        """Whether a name is declared a matrix, or asked for and no vector, as w beside w_i is."""
        of_vector = f"{name}_{index}"
        asked = name in self.reading.wrt and all(n.data != of_vector for n in self.order if n.op == "sym")
        return self.declared_matrix(name) or asked

    def places(self, node: Node, piece: str, scope: dict[str, Axis]) -> list[Index] | None:
        found = list(INDEX.finditer(piece))
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
            Index(None, int(m[1]), "") if m[1] else Index(scope[m[2]], int(m[3] or 0), m[2]) for m in found
        ]  # fmt: skip

    # Kinds

    def solve(self, scalar: bool) -> None:
        """The kinds of all parts, an indexed name being one symbol of its family."""
        reading = self.reading
        order = self.order
        reading.name_dimensions(order)
        symbols = reading.collect(order)
        self.mark(order, symbols)
        kinds = Kinds()
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
        beside = {n.data for n in order if n.op == "sym" and id(n) in self.accesses}
        for name, entry in symbols.items():
            base, accents, low = names.parts(name)
            if name not in kinds.symbol_cells:
                continue  # one of those that a sum runs over
            if low and low[-1].isdigit() and f"{names.join(base, accents, low[:-1])} 1" in costs:  # w_0 beside w_i
                kinds.symbol_cells[name].find().add([0.0, 0.8, 99.0, 5.0])
            elif name in beside and name[0].isupper() and len("".join(low)) == 2:
                kinds.symbol_cells[name].find().add([0.5, 2.0, 99.0, 0.0])  # A_12 beside A
            elif not entry.is_declared:
                kinds.symbol_cells[name].find().add(habits.habit(name, entry.style, entry.uses))
        for key, cost in costs.items():
            kinds.symbol_cells[key].find().add(cost)
        self.relate(kinds)
        kinds.start()
        try:
            kinds.decide()
        except (Contradiction, Ambiguous) as found:
            several = "the sums in this formula can be read in several ways"
            none = "no kinds of the names in the sums of this formula fit"
            message = several if isinstance(found, Ambiguous) else none
            hint = "declare them, or write the matrix formula"
            raise ShapeError(message, self.source, self.roots[0].span, hint) from None
        for node in order:
            mask = node.cell.find().mask
            if not mask:
                raise ShapeError(
                    f"no kind of {self.cut(node)} fits", self.source, node.span, "write the matrix formula"
                )
            self.kind[id(node)] = kind = next(k for k in (S, C, M, R) if mask & k)
            access = self.accesses.get(id(node))
            if access is not None and access.is_bound and kind == M:
                raise ShapeError(
                    f"{self.cut(node)} is a matrix for every {access.places[0].letter}: "
                    f"{names.text(access.name)} would have three indices",
                    self.source, node.span, f"declare {names.text(access.name)}, if its rows or entries are meant",
                )  # fmt: skip
            if node.op == "sym" and access is None:
                reading.settled[node.data] = kind
            elif access is not None and access.is_bound:
                self.families[access.name] = M if len(access.places) == 2 else C if kind == S else None
        self.settle_entries()

    def mark(self, order: list[Node], symbols: dict[str, Any]) -> None:
        """Note which families stand where vectors do: transposed, in a norm or an inner product, right of a matrix."""
        self.leaning: dict[str, float] = {}
        self.acting: set[str] = set()  # which stand beside what may be a vector
        usual = habits.leanings(order, symbols)

        def act(nodes: list[Node]) -> None:
            self.acting |= {self.accesses[id(n)].key for n in nodes if id(n) in self.accesses}

        def lean(node: Node, weight: float) -> None:
            stack = [node]
            while stack:
                at = stack.pop()
                access = self.accesses.get(id(at))
                if access is not None:
                    self.leaning[access.key] = max(self.leaning.get(access.key, 0.0), weight)
                elif at.op in ("sum", "neg") or at.op == "call" and str(at.data).endswith("()"):
                    stack += at.args
                elif at.op == "prod":
                    stack.append(at.args[-1])
                elif at.op in ("sigma", "div"):
                    stack.append(at.args[0])

        for node in order:
            wide = [arg for arg in node.args if usual[id(arg)] != S]
            if node.op != "prod" and node.op not in ("div", "sum", "neg", "sigma") or len(wide) > 1:
                act(node.args)
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
        if not access.is_bound and not access.is_one:
            key = str(node.data)
        known = kinds.symbol_cells.get(key)
        if known is not None:
            return known
        if not access.is_bound and not access.is_one:
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
            large = capital(access.name)
            if entry is None and large not in symbols and access.name not in self.reading.wrt:
                lean += 9.0 * self.declared_matrix(large)  # X is declared for its rows, as it stands nowhere
            if f"{access.name} 2" in self.keys:
                mask = mask & (C | R) or mask
            cost = [2.0 if is_bold else 0.0, 0.0 if is_bold else 0.8, 2.0, 99.0]
            if is_upper and shape is None and own_entry is None:
                mask, cost = mask | M, [0.5, 0.8, 1.5, 0.0 if key in self.acting else 2.0]
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
                    kinds.relate(solving.tabled, (whole, kinds.symbol_cells[key]), entries)

    # Entries beside the letter

    def settle_entries(self) -> None:
        """x_1 is an entry of x where it is a scalar and x a vector; else a name of its own."""
        for node in self.order:
            access = self.accesses.get(id(node))
            if access is None or access.is_bound:
                continue
            kind, whole = self.kind[id(node)], self.kind_of_family(access.name)
            shown, letter = names.text(node.data), names.text(access.name)
            digits = "".join(str(p.offset) for p in access.places)
            if kind == S and whole == M and len(access.places) == 1 and len(digits) == 2 and digits.isdigit():
                access.places = [Index(None, int(d), "") for d in digits]  # A_12
            numbers = [str(p.number) for p in access.places]
            is_kin = access.is_one or f"{access.name} 1" in self.keys and self.families.get(access.name, C) is None
            is_row = is_kin and kind == C and len(numbers) == 1
            is_there = access.is_one or access.name in self.reading.settled or access.name in self.families
            if kind == S and whole == C and access.places[0].letter and not is_there:
                raise ParseError(
                    f"{shown} is an entry of {letter}, and no sum runs over {access.places[0].letter}",
                    self.source, node.span, f"write its number, as in {letter}₁, or a sum",
                )  # fmt: skip
            if kind == S and whole == (C if len(numbers) == 1 else M) or is_row or access.is_one and kind == S:
                place = numbers[0] if len(numbers) == 1 else f"({', '.join(numbers)})"
                of = names.text(self.row_family(access, node)) if is_row else letter
                self.note(f"{shown} is read as {'row' if is_row else 'entry'} {place} of {of}")
            else:
                if whole is not None and self.source.startswith(f"({digits})", node.end):  # x(1), as in MATLAB
                    raise ShapeError(
                        f"{shown} is an entry of {letter}, and a number does not fit here", self.source, node.span,
                        f"write {shown} 𝟏 for a number that is added to each entry",
                    )  # fmt: skip
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
        is_wanted = name in wanted and large not in wanted and self.reading.settled.get(name) in (None, M)
        if is_wanted or large in self.sets | self.sizes or large == name or self.is_metric(large, name):
            found = name
        else:
            found = large
        if found != name and any(a.name == found and len(a.places) == 1 for a in self.accesses.values() if a.is_bound):
            raise self.refuse(
                node, f"{self.cut(node)} and {names.text(found)} with an index would be rows of one matrix"
            )
        other = self.reading.settled.get(found)
        if other not in (None, M) and found != name:
            raise self.refuse(node, f"{self.cut(node)} would be a row of {found}, which is no matrix")
        return found

    def is_metric(self, large: str, name: str) -> bool:
        """Whether the capital stands between two members, as in (sᵢ − m)ᵀ S⁻¹ (sᵢ − m), and so has not them as rows."""
        for node in self.order:
            below = [[n for n in nodes_below([arg]) if n.op == "sym"] for arg in node.args] if node.op == "prod" else []
            of = [any((a := self.accesses.get(id(n))) and a.name == name for n in part) for part in below]
            for k, part in enumerate(below):
                is_alone = len(part) == 1 and part[0].data == large and id(part[0]) not in self.accesses
                if is_alone and any(of[:k]) and any(of[k + 1 :]):
                    return True
        return False

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
