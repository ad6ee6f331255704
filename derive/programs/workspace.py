"""The body of a function that keeps its buffers between calls and writes into them.

Products, sums and entrywise functions write into them (`A.dot(x, out)`); the parts of a sum of rank-one
terms are columns of one buffer and rows of another, and the sum is written a few rows at a time where
its rows compete for the cache.  Past the cache, a product by A and one by Aᵀ after it go through A
together: it is then read from memory once instead of twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from . import syntax
from .expressions import DTYPE, is_full_somewhere, number
from .statement_tree import CodeStatement, names_in, note, several, statements
from .syntax import Code, call
from .terms import Term, Value, is_broadcast, users_in
from .writer import UFUNCS, Writer

ROWS_AT_ONCE = 16
SMALL = 2**13  # entries below which the call costs more than the work
PAST_THE_CACHE = 2**18  # entries of the matrix
WITH_OUT = frozenset("row_dots row_sums hypot".split())  # calls that take an array to write into


class WorkspaceWriter(Writer):
    """Writes the lines of a function with buffers.

    Attributes
    ----------
    buffers : dict of str to Code
        Name and shape, in the order of their use.
    rows_of : dict of str to (str, int)
        Names that are a row of a buffer.
    made_of : dict of str to Code
        What else is kept: names, and the expressions that make them of the buffers.
    """

    continuing = frozenset(UFUNCS)

    def write(self) -> list[CodeStatement]:
        self.buffers: dict[str, Code] = {}
        self.rows_of: dict[str, tuple[str, int]] = {}
        self.made_of: dict[str, Code] = {}
        self.helpers.add("_empty")
        self.deferred: dict[Value, Value] = {}
        self.slots: dict[Value, tuple[Value, str, int]] = {}
        self.stack_names: dict[Value, tuple[str, str, str]] = {}
        self._find_slots()
        self._find_deferred()
        return super().write()

    def _find_slots(self) -> None:
        """Vectors that are a row of the buffers of a stack."""
        for value in self.order:
            if value.kind != "stack":
                continue
            columns, left, right = (self.new_name(name) for name in ("columns", "left", "right"))
            self.stack_names[value] = (columns, left, right)
            for i, term in enumerate(value.args):
                held = term.body
                writable = held.kind in ("product", "sum", "entries", *UFUNCS)
                if (
                    writable
                    and held not in self.slots
                    and held not in [o.args[j].value for o, j in self.absorbed.items()]
                ):
                    self.slots[held] = (value, (columns, right)[i % 2], i // 2)

    def _find_deferred(self) -> None:
        """Products by A whose rows are computed with those of a product by Aᵀ."""
        position = {value: i for i, value in enumerate(self.order)}
        users = users_in(self.order)
        outputs = {part for term in self.terms for part in term.parts()}
        for value in self.order:
            if not self.is_matvec(value) or value in outputs or value.args[1].body in self.owner:
                continue
            first, *others = sorted(users.get(value, [value]), key=position.__getitem__)
            # What another line continues is written there; nothing is written before its place in the order.
            written = max(position[owner] for owner in (first, *self.owners(first)))
            if self.is_turn(first, value) and all(position[other] > written for other in others):
                self.deferred[value] = first

    def owners(self, value: Value) -> Iterator[Value]:
        """The values whose lines continue the array of a value, from the inside out."""
        owner = self.owner.get(value)
        while owner is not None:
            yield owner
            owner = self.owner.get(owner)

    def is_matvec(self, value: Value) -> bool:
        """A v with A an argument."""
        return (
            value.kind == "product"
            and value.is_vector
            and value.args[0].body.kind == "input"
            and not value.args[0].flipped
        )

    def is_turn(self, later: Value, value: Value) -> bool:
        """Aᵀ (A v)."""
        return (
            later.kind == "product"
            and later.is_vector
            and later.args[0].value is value.args[0].value
            and later.args[0].flipped
            and later.args[1].value is value
        )

    # Buffers

    def buffer(self, name: str, value: Value) -> None:
        """Keep an array for a value under its name."""
        slot = next((self.slots[v] for v in (value, *self.owners(value)) if v in self.slots), None)
        if slot is not None:
            self.rows_of[name] = (slot[1], slot[2])
            return
        if name not in self.rows_of and name not in self.buffers:
            self.buffers[name] = self.shape(value)

    def emit(self, value: Value) -> None:
        if value in self.deferred:
            self.name(value)
            self.buffer(self.names[value], value)
            return
        super().emit(value)

    def assign(self, name: str, text: Code, value: Value | None, comment: str | None = None) -> None:
        if value is None or value.is_scalar or not self.is_written(value):
            super().assign(name, text, value, comment)
            return
        shown = comment if comment is not None else self.comment(value)
        self.buffer(name, value)
        if value.kind == "product":
            before = value.args[1].value
            if before is not None and self.deferred.get(before) is value:
                self.turn(name, value, before, shown)
                return
            left, right = (self.body(term) for term in value.args)
            self.line("{left}.dot({right}, {name})", shown, left=left, right=right, name=name)
        elif value.kind in WITH_OUT:
            self.line("{call}", shown, call=call(*text.args, out=syntax.name(name)))
        elif value.kind in UFUNCS:
            self.into(name, UFUNCS[value.kind], [self.operand(value.args[0])], shown)
        elif value.kind == "outer":
            u, v = (self.body(term) for term in value.args)
            self.into(name, "np.multiply", [syntax.column(u), v], shown)
        elif value.kind == "sum":
            self.sum_into(name, value, shown)
        elif len(value.args) == 1:
            self.power_into(name, self.body(value.args[0]), value.data[0][1], shown)
        else:
            self.entries_into(name, value, shown)

    def is_written(self, value: Value) -> bool:
        """Whether an array is written into a buffer, and not made anew."""
        if value.kind == "sum":
            return self.fills(value.args[0], value)
        return value.kind in ("product", "outer", "entries", *WITH_OUT, *UFUNCS)

    def start_copy(self, name: str, value: Value, text: Code) -> None:
        self.buffer(name, value)
        self.line("np.copyto({name}, {text})", name=name, text=text)

    def sum_into(self, name: str, value: Value, comment: str) -> None:
        first, *others = sorted(value.args, key=lambda term: is_broadcast(term.body))
        is_full = is_full_somewhere(value.args)
        front = Term(abs(first.coefficient), first.powers)
        text = self.broadcast(first, value, not is_full)
        if front.is_plain and first.coefficient > 0 and others and self.fills(others[0], value):
            second = others[0]
            if second.bare.times(abs(second.coefficient), second.powers).is_plain:
                ufunc = "np.add" if second.coefficient > 0 else "np.subtract"
                other = self.broadcast(second, value, not is_full)
                self.into(name, ufunc, [text, other], comment if len(others) == 1 else None)
                self.rest(name, others[1:], value, comment)
                return
        last = comment if not others else None
        if front.is_plain and first.coefficient < 0:
            self.into(name, "np.negative", [text], last)
        elif front.is_plain:
            self.line("np.copyto({name}, {text})", last, name=name, text=text)
        else:
            scalar = self.scalar(Term(first.coefficient, first.powers))
            self.into(name, "np.multiply", [scalar, text], last)
        self.rest(name, others, value, comment)

    def rest(self, name: str, others: list[Term], value: Value, comment: str) -> None:
        for index, term in enumerate(others):
            self.add_in_place(name, term, value, comment if index == len(others) - 1 else None)

    def entries_into(self, name: str, value: Value, comment: str) -> None:
        items = sorted(zip(value.args, value.data, strict=True), key=lambda item: item[1][1] < 0)
        texts = [(self.factor(term, tag, exponent), exponent > 0) for term, (tag, exponent) in items]
        (first, is_above), (second, is_second_above), *others = texts
        if not is_above:
            first = syntax.binary("/", syntax.ONE, first)
        self.into(name, "np.multiply" if is_second_above else "np.divide", [first, second], None)
        for text, above in others:
            self.line(f"{{name}} {'*' if above else '/'}= {{text}}", name=name, text=text)
        self.lines[-1].comment = comment

    def power_into(self, name: str, base: Code, exponent: Fraction, comment: str) -> None:
        """A power of each entry."""
        top, bottom = abs(exponent).as_integer_ratio()
        power = number(top) if bottom == 1 else syntax.binary("/", number(top), number(bottom))
        spelled = {
            Fraction(2): ("np.multiply", [base, base]),
            Fraction(1, 2): ("np.sqrt", [base]),
            Fraction(-1): ("np.divide", [syntax.ONE, base]),
        }
        signed = syntax.negative(power) if exponent < 0 else power
        self.into(name, *spelled.get(exponent, ("np.power", [base, signed])), comment)

    def into(self, name: str, ufunc: str, args: Sequence[Code], comment: str | None) -> None:
        """A call of NumPy that writes into an array."""
        self.line(f"{ufunc}({{args}}, out={{name}})", comment, args=args, name=name)

    # Rows at a time

    def turn(self, name: str, value: Value, before: Value, comment: str) -> None:
        """z = A v and Aᵀ z, the rows of A read once."""
        part = self.new_name("part")
        self.buffers[part] = self.dim(value.shape[0])
        i, rows, some = (self.new_name(name) for name in ("i", "rows", "some"))
        matrix, vector, z = self.texts[value.args[0].body], self.body(before.args[1]), self.names[before]
        self.line(TURN, A=matrix, v=vector, z=z, out=name, part=part, i=i, rows=rows, some=some)
        made = self.lines[-1]
        made.body[0].comment = self.comment(before)
        made.otherwise[-1].body[-1].comment = comment

    def emit_stack(self, value: Value, name: str) -> None:
        columns, left, right = self.stack_names[value]
        count = len(value.args) // 2
        for held, dim in zip((columns, right), value.shape, strict=True):
            self.buffers[held] = syntax.sequence("tuple", [number(count), self.dim(dim)])
        self.buffer(name, value)
        blocks, some, held = (self.new_name(name) for name in ("blocks", "some", "rows"))
        self.made_of[left] = syntax.attribute(syntax.name(columns), "T")
        self.made_of[blocks] = call(*map(syntax.name, ("_row_blocks", left, name)))
        self.helpers.add("_row_blocks")
        for i, term in enumerate(value.args):
            target = (columns, right)[i % 2]
            if self.rows_of.get(self.names.get(term.body, "")) != (target, i // 2):
                self.line("{target}[{row}] = {text}", target=target, row=number(i // 2), text=self.body(term))
        self.line(STACK, left=left, right=right, name=name, some=some, held=held, blocks=blocks)
        if self.has_comments:
            self.lines.append(note(f"{name} = {self.comment(value)}"))

    # The function that makes the buffers

    def allocation(self, function: str) -> list[CodeStatement]:
        """`_gradient_buffers(m, n, dtype)`: the arrays, in order."""
        made = {name: call(syntax.name("_empty"), shape, DTYPE) for name, shape in self.buffers.items()}
        order = list(self.buffers)
        for name, (buffer, row) in sorted(self.rows_of.items(), key=lambda item: (order.index(item[1][0]), item[1][1])):
            made[name] = syntax.subscript(syntax.name(buffer), number(row))
        body = [s for name, code in (made | self.made_of).items() for s in statements("{x} = {y}", x=name, y=code)]
        sizes = [syntax.name(self.signature.dims[d]) for d in sorted(self.dims)]
        kept = several([syntax.name(name) for name in self.kept_names()])
        return statements(ALLOCATION, name=f"_{function}_buffers", sizes=sizes, body=body, kept=kept)

    def kept_names(self) -> list[str]:
        """The dimensions, arrays and views that the lines use."""
        dims = [self.signature.dims[d] for d in sorted(self.dims)]
        used = names_in(self.lines)
        return [name for name in (*dims, *self.buffers, *self.rows_of, *self.made_of) if name in used]


TURN = f"""
if {{A}}.size <= {PAST_THE_CACHE}:
    {{A}}.dot({{v}}, {{z}})
    {{z}}.dot({{A}}, {{out}})
else:
    {{out}}[:] = 0
    for {{i}} in range(0, len({{A}}), {ROWS_AT_ONCE}):
        {{rows}} = {{A}}[{{i}} : {{i}} + {ROWS_AT_ONCE}]
        {{some}} = {{z}}[{{i}} : {{i}} + {ROWS_AT_ONCE}]
        {{rows}}.dot({{v}}, {{some}})
        {{some}}.dot({{rows}}, {{part}})
        {{out}} += {{part}}
"""
STACK = f"""
if {{name}}.size < {SMALL}:
    {{left}}.dot({{right}}, {{name}})
else:
    for {{some}}, {{held}} in {{blocks}}:
        np.matmul({{some}}, {{right}}, {{held}})
"""
ALLOCATION = """
def {name}({sizes}, dtype):
    "The arrays that calls write into."
    {body}
    return {kept}
"""
