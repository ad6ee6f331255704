"""The body of a function: the operations of a program, one a line, in a dialect.

In a dialect that works in place, a sum or an entrywise product continues on the line of
the fresh array it starts from (`r = W.T @ z`, then `r -= x`); arguments are never changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from ..dialects import NUMPY, Dialect
from ..expr import OPERATIONS, symbol
from ..operations import FUNCTIONS
from ..program import Program
from ..shapes import ONE
from . import syntax
from .expressions import LONG, STATIC, Expressions, is_full_somewhere, number
from .formulas import formula, short
from .reuse import Reuse
from .signature import unused
from .stable import single
from .statement_tree import WIDTH, CodeStatement, several
from .syntax import Code, binary, negative
from .terms import Term, Value, is_broadcast

FRESH = frozenset(
    "product outer stack entries sum row_sums row_dots solve spd_solve inverse spd_inverse softmax row_softmax "
    "row_logsumexp power hypot cumsum cumsum_back max_row".split()
) | frozenset(FUNCTIONS)
INLINE = frozenset("dot sq_norm norm total trace sum contraction norm1 spd_logdet logdet det".split())
TOGETHER = {"softplus": "sigmoid", "logsumexp": "softmax", "row_logsumexp": "row_softmax"}  # share their exponentials
UFUNCS = {  # take an array to write into
    name: f"np.{name}" for name, op in FUNCTIONS.items() if not op.code and NUMPY[name] == f"np.{name}({{0}})"
}
VIEWS = frozenset("vec unvec submatrix diagonal".split())


class Writer(Expressions):
    """Writes the lines that compute some outputs."""

    continuing = frozenset(("softmax", "row_softmax", *FUNCTIONS))  # of entries or rows, under the name of the argument

    def __init__(self, program: Program, dialect: Dialect, *given: Any) -> None:
        super().__init__(program, dialect, *given)
        self.order = self.arranged(self.order)
        self.adds_outer = "added_outer" in dialect.templates
        if dialect.in_place:
            self.absorbed = self._find_absorbed()
        self.copies = self._find_copies() if dialect.in_place else {}
        self.owner = {owner.args[index].body: owner for owner, index in self.absorbed.items()}
        self.absorbed |= self.copies
        self.reused: dict[Value, int] = {}
        self.pairs: dict[Value, tuple[Value, Value]] = {}
        self.early: set[Value] = set()
        if dialect.in_place:
            kept = {*self.program.constant, *self.preferred}
            kept |= {part for term in self.terms for part in term.parts() if not part.is_scalar}
            reuse = Reuse(self.order, FRESH, self.owner, kept, self.absorbed)
            self.reused, self.early, self.order = reuse.found, reuse.early, reuse.order
            self.owner |= {owner.args[index].body: owner for owner, index in self.reused.items()}
            self.absorbed |= self.reused
            self.pairs = self._find_pairs()
            for value in self.pairs:
                owner = self.owner.pop(value, None)
                if owner is not None:
                    self.reused[owner] = self.absorbed[owner]

    def arranged(self, order: list[Value]) -> list[Value]:
        """The values in the order of their lines."""
        return order

    def _find_absorbed(self) -> dict[Value, int]:
        """What starts from a fresh array that nothing needs after it, and which operand that is."""
        found: dict[Value, int] = {}
        taken: set[Value] = set()
        for value in self.order:
            if value.is_scalar or value.kind not in ("sum", "entries", *self.continuing):
                continue
            indices: Sequence[int] = range(len(value.args))
            if self.adds_outer:
                # A rank-one term is best added to another array.
                indices = sorted(indices, key=lambda index: self.is_dense_outer(value.args[index].value))
            for index in indices:
                term = value.args[index]
                body = term.value
                if body is None or body.kind not in FRESH or body in taken or body in self.program.constant:
                    continue
                if self.uses[body] != 1 and not (value.kind == "sum" and self.is_last_use(body, value)):
                    continue
                if term.flipped or term.powers and len(value.args) > 1:
                    continue
                if body.shape != value.shape or body in self.preferred:
                    continue
                if value.kind == "sum" and term.coefficient == -1 and len(value.args) == 1:
                    continue
                if is_broadcast(body) and self.is_better_added(body, value):
                    continue
                if value.kind == "entries" and value.data[index] != ("full", Fraction(1)):
                    continue
                found[value] = index
                taken.add(body)
                break
        # What another line continues is written there, so it may come too late.
        for value, index in list(found.items()):
            body = value.args[index].body
            if any(body in t.parts() for other in taken - {body} for t in other.args) and self.uses[body] != 1:
                del found[value]
        return found

    def _find_pairs(self) -> dict[Value, tuple[Value, Value]]:
        """Functions of one argument that one call computes."""
        own = [v for v in self.order if v not in self.program.constant and len(v.args) == 1]
        known = {(value.kind, value.args[0].key()): value for value in own}
        pairs = [(v, known.get((TOGETHER.get(v.kind, ""), v.args[0].key()))) for v in own]
        return {
            value: (first, second)
            for first, second in pairs
            if second is not None and f"{first.kind}_and_{second.kind}" in self.dialect.templates
            for value in (first, second)
        }

    def _find_copies(self) -> dict[Value, int]:
        """Sums with a diagonal matrix that start from a copy of another operand, and which that is."""
        found: dict[Value, int] = {}
        for value in self.order:
            if value.kind != "sum" or value in self.absorbed or value.shape[1] is ONE:
                continue
            dense = [t.body.kind not in ("eye", "Diag", "outer") and t.is_plain for t in value.args]
            if any(dense) and any(t.body.kind in ("eye", "Diag") for t in value.args):
                found[value] = dense.index(True)
        return found

    def start_copy(self, name: str, value: Value, text: Code) -> None:
        """The line that makes a sum a copy of one of its operands."""
        self.line("{name} = {copy}", name=name, copy=self.copied(text))

    def is_better_added(self, body: Value, value: Value) -> bool:
        """Whether a sum should not start from u 1ᵀ: another array has its shape, and 1 1ᵀ is a number anyway."""
        others = [t for t in value.args if t.body.kind != "outer"]
        is_one = all(arg.body.kind == "ones" for arg in body.args)
        return is_full_somewhere(others if is_one else [t for t in others if t.body.kind in FRESH])

    def is_dense_outer(self, value: Value | None) -> bool:
        return value is not None and value.kind == "outer" and not is_broadcast(value)

    def is_last_use(self, body: Value, value: Value) -> bool:
        """Whether a rank-one term can be added to an array that products before it have read."""
        if not self.adds_outer or body.kind not in ("spd_inverse", "inverse", "product"):
            return False
        if any(body in term.parts() for term in self.terms):
            return False
        others = [user for user in self.order if user is not value and any(body in t.parts() for t in user.args)]
        position = {user: i for i, user in enumerate(self.order)}
        is_read = all(u.kind == "product" and not u.is_scalar and position[u] < position[value] for u in others)
        return is_read and any(self.is_dense_outer(t.value) and self.uses[t.body] == 1 for t in value.args if t.value)

    def is_added(self, value: Value) -> bool:
        """Whether u vᵀ is added in place to another array and never formed."""
        if not self.adds_outer or not self.is_dense_outer(value) or self.uses[value] != 1:
            return False
        if value in self.program.constant:  # it is kept, its parts are not
            return False
        return any(
            term.value is value and i != index
            for user, index in self.absorbed.items()
            if user.kind == "sum"
            for i, term in enumerate(user.args)
        )

    # Lines

    def write(self) -> list[CodeStatement]:
        """The statements of the body, the last one returns."""
        for value in self.order:
            self.formulas[value] = formula(value, self.formulas)
            self.emit(value)
            if value in self.preferred:
                self.formulas[value] = symbol(self.preferred[value], *value.shape)
        results = self.results()
        front, slopes = (results[:1], results[1:]) if self.outputs[0] == "value" else ([], results)
        if self.is_joint and (len(slopes) == 1 or (front and slopes)):
            # The derivatives by a list of variables are one result, a tuple.
            results = [*front, syntax.sequence("tuple", slopes)]
        self.line("return {results}", results=several(results))
        return self.lines

    def results(self) -> list[Code]:
        """The outputs; a matrix of each sample is put together of its ends."""
        written: dict[str, Code] = {}
        given: set[Value] = set()
        for label, term in zip(self.outputs, self.terms, strict=True):
            text = self.result(term)
            value = single(term)
            if value is not None and not self.is_foreign(value):
                if value in given:
                    # Whoever changes one result keeps the other.
                    text = self.copied(text, value.is_scalar)
                given.add(value)
            written[label] = text
        for labels in self.program.ends.values():
            if labels[0] in written:
                ends = [written[label] for label in labels]
                left, right = ends[::2], ends[1::2]
                if len(left) == 1:
                    written[labels[0]] = self.call("outer_of_each", [], left=left[0], right=right[0])
                else:
                    written[labels[0]] = self.call("outers_of_each", [], left=left, right=right)
                for label in labels[1:]:
                    del written[label]
        return list(written.values())

    def emit(self, value: Value) -> None:
        kind = value.kind
        if kind == "input":
            self.texts[value] = syntax.name(self.signature.name_of[value.data[0]])
            return
        if value in self.program.constant:
            if value in self.program.kept:
                self.name(value)
            return
        if kind in ("constant", "dimension"):
            self.texts[value] = self.expression(value)
            return
        if kind in ("ones", "outer", "eye", "Diag") and self.only_broadcasts(value):
            self.texts[value] = syntax.ABSENT
            return
        if self.is_added(value):
            return
        if value in self.pairs:
            if value not in self.texts:
                self.emit_pair(*self.pairs[value])
            return
        if value in self.owner and self.uses[value] == 1:
            self.texts[value] = syntax.ABSENT
            return
        if kind == "stack":
            self.emit_stack(value, self.name(value))
            return
        if value in self.absorbed:
            self.emit_continued(value)
            return
        text = self.expression(value)
        if kind == "sum" and value.is_scalar and all(v.kind in STATIC for t in value.args for v, _ in t.powers):
            text = self.call("constant", [text])
        if (
            value.is_scalar
            and (self.uses[value] == 1 or kind == "submatrix" and value.args[0].body.kind == "input")
            and value not in self.early
            and len(text.text) < 40
            and (kind in INLINE or len(text.text) < 24)
        ):
            self.texts[value] = text
            return
        if kind in ("sum", "entries") and self.indent + len(self.name(value)) + 3 + len(text.text) > WIDTH:
            self.emit_by_parts(value)
            return
        self.assign(self.name(value), text, value)

    def emit_pair(self, first: Value, second: Value) -> None:
        """Two functions of one argument."""
        for value in (first, second):
            self.formulas[value] = formula(value, self.formulas)
        call = self.call(f"{first.kind}_and_{second.kind}", [self.operand(first.args[0])])
        comment = ", ".join(filter(None, map(self.comment, (first, second))))
        self.line("{first}, {second} = {call}", comment, first=self.name(first), second=self.name(second), call=call)

    def emit_by_parts(self, value: Value) -> None:
        """A long sum or product, an operand a line."""
        name = self.name(value)
        parts: list[tuple[str, Code]] = []
        if value.kind == "sum":
            ordered = sorted(value.args, key=lambda t: t.coefficient < 0)
            needs_arrays = not is_full_somewhere(value.args)
            for term in ordered:
                written = self.summand(term, value, needs_arrays)
                if len(written.text) > LONG and term.value is not None:
                    front = self.hoisted(self.scalar(Term(abs(term.coefficient), term.powers)))
                    written = binary("*", front, self.broadcast(term, value, needs_arrays))
                parts.append(("-" if term.coefficient < 0 else "+", written))
        else:
            for term, (tag, exponent) in zip(value.args, value.data, strict=True):
                parts.append(("*" if exponent > 0 else "/", self.factor(term, tag, exponent)))
            parts.sort(key=lambda part: part[0] == "/")
        sign, first = parts[0]
        start = negative(first) if sign == "-" else binary("/", syntax.ONE, first) if sign == "/" else first
        self.line("{name} = {start}", name=name, start=start)
        for sign, part in parts[1:]:
            self.line("{name} = {text}", name=name, text=binary(sign, syntax.name(name), part))
        self.lines[-1].comment = self.comment(value)

    def only_broadcasts(self, value: Value) -> bool:
        """Whether every use of ones, of u 1ᵀ, of I or of a diagonal matrix is as a summand that needs no array."""
        if value in [part for term in self.terms for part in term.parts()]:
            return False
        if self.is_dense_outer(value):
            return False
        if value.kind in ("eye", "Diag") and not self.dialect.in_place:
            return False
        for user in self.order:
            for index, term in enumerate(user.args):
                if term.value is not value:
                    continue
                if user.kind == "outer" and value.kind == "ones" and self.only_broadcasts(user):
                    continue
                if user.kind != "sum":
                    return False
                if value.kind in ("eye", "Diag"):
                    if user not in self.absorbed:
                        return False
                elif self.absorbed.get(user) == index or not is_full_somewhere(user.args):
                    return False
        return True

    def comment(self, value: Value) -> str:
        """The formula of a value, behind the line that computes it."""
        if not self.has_comments:
            return ""
        if value.kind in ("cholesky", "triangle_inverse"):
            inner = self.formulas[value].text()
            return f"L Lᵀ = {inner}" if value.kind == "cholesky" else f"L⁻¹, where L Lᵀ = {inner}"
        return short(self.formulas[value], value, self.names, self.formulas).text()

    def assign(self, name: str, text: Code, value: Value | None, comment: str | None = None) -> None:
        shown = comment if comment is not None or value is None else self.comment(value)
        self.line("{name} = {text}", shown, name=name, text=text)

    def emit_stack(self, value: Value, name: str) -> None:
        """Σ u vᵀ as one product."""
        us, vs = value.args[::2], value.args[1::2]
        left, right = unused("left", self.used), unused("right", self.used)
        self.used |= {left, right}
        self.assign(left, self.listed("columns", [self.body(u) for u in us], left), None)
        self.assign(right, self.listed("rows", [self.body(v) for v in vs], right), None)
        product = self.call("stacked", [syntax.name(left), syntax.name(right)])
        self.assign(name, product, value)

    def overwritten(self, value: Value) -> Value | None:
        """The array that a chain of continued lines starts from, where that has a name already."""
        while value in self.absorbed and value not in self.copies:
            start = value.args[self.absorbed[value]].body
            if value in self.reused:
                return start
            if self.uses[start] != 1:
                return None
            value = start
        return None

    def emit_continued(self, value: Value) -> None:
        """A fresh array, then the other operands in place."""
        index = self.absorbed[value]
        term = value.args[index]
        start = term.body
        held = self.overwritten(value)
        if held is not None:
            self.names[value] = self.names[held]
        name = self.name(value)
        source = name
        if value in self.reused:
            pass
        elif value in self.copies:
            self.start_copy(name, value, self.body(term))
        elif self.uses[start] != 1:
            source = self.texts[start].head
        elif start.kind == "stack":
            self.emit_stack(start, name)
        elif start in self.absorbed:
            self.names[start] = name
            self.emit_continued(start)
        else:
            self.assign(name, self.expression(start), start)
        self.texts[value] = syntax.name(name)
        comment = self.comment(value)
        others = [(i, t) for i, t in enumerate(value.args) if i != index]
        if value.kind in UFUNCS:
            self.line(f"{UFUNCS[value.kind]}({{name}}, out={{name}})", comment, name=name)
            return
        if value.kind in self.continuing:
            self.line("{name} = {call}", comment, name=name, call=self.call(value.kind, [syntax.name(name)]))
            return
        if value.kind == "entries":
            for i, other in others:
                tag, exponent = value.data[i]
                shown = self.factor(other, tag, exponent)
                self.line(f"{{name}} {'*' if exponent > 0 else '/'}= {{shown}}", name=name, shown=shown)
            if others:
                self.lines[-1].comment = comment
            return
        coefficient = term.coefficient
        if source != name:
            others.sort(key=lambda item: not self.is_added(item[1].body))
            if coefficient != 1:
                self.line("{name} = {source}", name=name, source=source)
                source = name
        if coefficient == -1:
            filling = next((p for p, (_, t) in enumerate(others) if self.fills(t, value)), None)
            if filling is None:
                self.line("{name} *= -1", name=name)
            else:
                _, other = others.pop(filling)
                first = self.summand(other, value, not is_broadcast(other.body))
                if other.coefficient < 0:
                    first = negative(first)
                behind = comment if not others else None
                self.line("np.subtract({first}, {name}, out={name})", behind, first=first, name=name)
        elif coefficient != 1 or term.powers:
            self.scale_in_place(name, Term(coefficient, term.powers), None if others else comment)
        for position, (_, other) in enumerate(others):
            behind = comment if position == len(others) - 1 else None
            self.add_in_place(name, other, value, behind, source if position == 0 else name)

    def add_in_place(self, name: str, term: Term, value: Value, comment: str | None, source: str | None = None) -> None:
        """Add a term to an array; to that named `source`, which is then the result."""
        sign = "-" if term.coefficient < 0 else "+"
        body = term.body
        scalar = Term(abs(term.coefficient), term.powers)
        if body.kind in ("eye", "Diag"):
            is_eye = body.kind == "eye"
            shown = self.scalar(scalar) if is_eye else self.scaled(scalar, self.body(body.args[0]))
            step = self.dim(value.shape[1])
            self.line(f"{{name}}.flat[:: {{step}} + 1] {sign}= {{shown}}", comment, name=name, step=step, shown=shown)
            return
        if self.is_added(body):
            u, v = (self.body(arg) for arg in (body.args[::-1] if term.flipped else body.args))
            front = self.scalar(Term(term.coefficient, term.powers))
            made = self.call("added_outer", [syntax.name(source or name), front, u, v])
            self.line("{name} = {made}", comment, name=name, made=made)
            return
        shown = self.scaled(scalar, self.broadcast(term, value, False))
        self.line(f"{{name}} {sign}= {{shown}}", comment, name=name, shown=shown)

    def result(self, term: Term) -> Code:
        """An output, as what is returned."""
        rows, columns = term.shape
        if term.value is None:
            if not term.coefficient:
                return self.call("constant", [number(0)])
            if all(part.kind in STATIC for part, _ in term.powers):
                return self.call("constant", [self.scalar(term)])
            text = self.scalar(term)
            value = single(term)
            if value is not None and self.is_foreign(value):
                return self.copied(text, True)
            return self.hoisted(text) if len(text.text) > LONG // 2 else text
        body = term.body
        if body in self.names and self.is_own(body) and self.dialect.in_place and not term.is_plain:
            name = self.names[body]
            scalar = Term(abs(term.coefficient), term.powers)
            if scalar.coefficient != 1 or scalar.powers:
                self.scale_in_place(name, scalar)
                term = Term(Fraction(1 if term.coefficient > 0 else -1), (), body, term.flipped)
        text = self.scaled(Term(abs(term.coefficient), term.powers), self.body(term))
        if term.coefficient < 0:
            text = negative(text)
        if self.is_foreign(body) and term.is_plain:
            text = self.copied(text)
        if rows is ONE and columns is not ONE:
            return syntax.row(text)
        return text

    def scale_in_place(self, name: str, scalar: Term, comment: str | None = None) -> None:
        shown = self.scalar(scalar)
        sign = "*" if shown.divisor is None else "/"
        self.line(f"{{name}} {sign}= {{shown}}", comment, name=name, shown=shown.divisor or shown)

    def copied(self, text: Code, is_scalar: bool = False) -> Code:
        """An array of its own, where the library can change arrays, and numbers are arrays."""
        kind = "copy_scalar" if is_scalar else "copy"
        return self.call(kind, [text]) if kind in self.dialect.templates else text

    def is_foreign(self, value: Value) -> bool:
        """Whether the array outlives the call: an argument, a view of one, or what is kept of constant arguments."""
        # What a library makes of an operation declared with its code may be a view, as np.flip is.
        is_unknown = value.kind in OPERATIONS and OPERATIONS[value.kind].code and value.kind not in FRESH
        return value.kind == "input" or value.kind in VIEWS or value in self.program.constant or bool(is_unknown)

    def is_own(self, value: Value) -> bool:
        """Whether an output array is ours alone, used by nothing else."""
        return self.uses[value] == 1 and value.kind in FRESH and not self.is_foreign(value)

    def fills(self, term: Term, value: Value) -> bool:
        body = term.value
        return body is not None and (body.kind not in ("eye", "Diag", "outer") or is_broadcast(body))
