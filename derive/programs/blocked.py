"""The body of a function that goes through arrays some rows at a time.

Where matrices of as many rows would be formed one from the other, the lines that form them stand
in a loop over slices of rows; what is summed over the rows is added up, and of what is needed as
a whole each block is written into its place.  Small arrays are one block.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial, reduce
from typing import Any

from ..expr import symbol
from ..operations import FUNCTIONS
from ..shapes import ONE
from . import syntax
from .costs import Cost
from .expressions import number
from .formulas import formula
from .row_blocks import FILLED, RowBlock, split
from .statement_tree import CodeStatement
from .syntax import Code, binary
from .terms import Value, users_in
from .workspace import PAST_THE_CACHE
from .writer import FRESH, Writer

PAST_THE_LAST_LEVEL = 2**22  # entries of a matrix that is read anew from memory each time
ENTRIES = frozenset(("power", "hypot", "logaddexp", "where", *FUNCTIONS))


class BlockedWriter(Writer):
    """Writes the lines that compute some outputs, those with common rows in a loop.

    Attributes
    ----------
    block : RowBlock or None
    after : frozenset of Value
        What is computed behind the loop.
    condition : Code
        Of the sizes, under which the loop is faster.
    """

    block: RowBlock | None = None
    after: frozenset[Value] = frozenset()
    condition = syntax.NOTHING

    def arranged(self, order: list[Value]) -> list[Value]:
        """What comes before the loop, in it and behind it."""
        constant = self.program.constant
        stored = {v for v in order if not v.is_scalar and v.kind not in FILLED and v.kind != "input"}
        outputs = dict(zip(self.outputs, self.terms, strict=True))
        before, block, after = split([v for v in order if v not in constant], stored, ENTRIES, outputs)
        if block is None or block.outputs or any(v.kind == "outer" for v in block.kept):
            return order
        wide = {v.shape for v in block.kept}
        read = {t.value for v in block.members if v.kind != "product" for t in v.args}
        # Matrices of which only blocks are formed, and which pass through the cache more than once.
        never_whole = [
            v for v in block.members
            if v in read and v not in block.sums and v.shape not in wide and v.shape[1] is not ONE and v.kind != "outer"
        ]  # fmt: skip
        if never_whole:
            self.condition = self.past(PAST_THE_CACHE, never_whole)
        elif once := self.read_once(block, order):
            self.condition = self.past(PAST_THE_LAST_LEVEL, once)
        else:
            return order
        self.block, self.after = block, frozenset(after)
        before = [v for v in order if v not in block.members and v not in self.after]
        return [*before, *block.members, *after]

    def read_once(self, block: RowBlock, order: Sequence[Value]) -> list[Value]:
        """Matrices that are read from memory once instead of several times, where no array of their shape is made."""
        if self.outputs == ["value"]:
            return []  # seldom called for alone
        made = {v.shape for v in order if v.kind in FRESH}
        users = users_in(order)
        return [
            array for array, count in block.passes.items()
            if 1 < count == len(users[array]) and array.shape not in made and array not in block.members
        ]  # fmt: skip

    def past(self, limit: int, arrays: Sequence[Value]) -> Code:
        """That the largest of the arrays has more entries."""
        sizes = self.program.sizes
        rows, columns = max((v.shape for v in arrays), key=lambda shape: sizes.cost(Cost.of(1, *shape)))
        return binary(">", syntax.product([self.dim(rows), syntax.grouped(self.dim(columns))]), number(limit))

    def write(self) -> list[CodeStatement]:
        if self.block is not None:
            self._separate(self.block)
        return super().write()

    def _separate(self, block: RowBlock) -> None:
        """No line in the loop continues one outside, and those behind it continue arrays that have a name."""
        inside = frozenset(block.members)
        for value, index in list(self.absorbed.items()):
            body = value.args[index].body
            reductions = [user for user in self.order if user in self.early and body in parts(user)]
            stays = (value in inside) is (body in inside) and (value not in inside or inside.issuperset(reductions))
            if value in self.copies or stays and body not in block.kept and body not in block.sums:
                continue
            self.owner.pop(body, None)
            if body in inside and value not in inside:
                self.reused[value] = index
            else:
                self.reused.pop(value, None)
                del self.absorbed[value]
        self.pairs = {v: pair for v, pair in self.pairs.items() if (pair[0] in inside) is (pair[1] in inside)}
        before = [v for v in self.order if v not in inside and v not in self.after]
        self.order = [*before, *(v for v in self.order if v in inside), *(v for v in self.order if v in self.after)]

    def emit(self, value: Value) -> None:
        block = self.block
        if block is None or value not in block.members:
            super().emit(value)
        elif value is next(v for v in self.order if v in block.members):
            self.emit_block(block)

    def emit_block(self, block: RowBlock) -> None:
        """The loop, and what it leaves."""
        members = [value for value in self.order if value in block.members]
        rows = self.new_name("rows")
        opening = len(self.lines)
        self.indent += 4
        outside = self.texts
        self.texts = {v: self.some_rows(v, text, block, rows) for v, text in outside.items()}
        self.early |= block.sums
        whole: dict[Value, str] = {}
        for value in members:
            self.formulas[value] = formula(value, self.formulas)
            if value in block.sums or value in block.kept:
                whole[value] = self.name(value)
                inner = whole[value] if value in block.sums else self.new_name(whole[value] + "_rows")
                self.names[value], self.texts[value] = inner, syntax.name(inner)
            super().emit(value)
            if value in self.preferred:
                self.formulas[value] = symbol(self.preferred[value], *value.shape)
        for value in members:
            if value in block.kept:
                self.line("{whole}[{rows}] = {name}", whole=whole[value], rows=rows, name=self.names[value])
        self.indent -= 4
        body = self.lines[opening:]
        del self.lines[opening:]
        for value, name in whole.items():
            self.line("{name} = {start}", name=name, start=self.start(value, block))
        self.helpers.add("_slices")
        sizes = [self.dim(block.dim), self.dim(block.columns), self.whole_arrays(block, outside)]
        self.line("for {rows} in _slices({sizes}):\n    {body}", rows=rows, sizes=sizes, body=body)
        self.texts = outside
        for value, name in whole.items():
            self.names[value], self.texts[value] = name, syntax.name(name)

    def some_rows(self, value: Value, text: Code, block: RowBlock, rows: str) -> Code:
        """An array that is there before the loop, or its rows at hand."""
        has_rows = value.shape[0] is block.dim and text is not syntax.ABSENT
        return syntax.subscript(text, syntax.name(rows)) if has_rows else text

    def whole_arrays(self, block: RowBlock, texts: Mapping[Value, Code]) -> Code:
        """The size of what each block of rows meets as a whole."""
        found: dict[str, Code] = {}
        for value in block.members:
            if value.kind == "product":
                met = value if value in block.sums else value.args[1].body
                if not met.is_vector:
                    whole = syntax.name(self.names[value]) if met is value else texts[met]
                    found[whole.text] = syntax.attribute(whole, "size")
        return reduce(partial(binary, "+"), found.values()) if found else number(0)

    def start(self, value: Value, block: RowBlock) -> Code:
        """What stands before the loop: nothing added up yet, or room for all rows."""
        if value.is_scalar:
            return syntax.literal("0.0")
        shape = self.shape(value)
        if value in block.sums:
            return self.call("zeros", [], shape=shape)
        self.needs_dtype = True
        return syntax.template("np.empty({shape}, dtype)").filled({"shape": shape})

    def assign(self, name: str, text: Code, value: Value | None, comment: str | None = None) -> None:
        if self.block is not None and value in self.block.sums:
            shown = comment if comment is not None else self.comment(value)
            self.line("{name} += {text}", shown, name=name, text=text)
        else:
            super().assign(name, text, value, comment)


def parts(value: Value) -> set[Value]:
    return {part for term in value.args for part in term.parts()}


def by_single_rows(module: Any) -> str:
    """The source of a module that goes through arrays one row at a time where it may, to be checked on small ones."""
    for loop in module.by_rows.values():
        loop.condition = syntax.literal("True")
    source: str = module.source(is_full=False)
    return source.replace(module.dialect.helpers["_slices"].strip("\n"), ONE_BY_ONE)


ONE_BY_ONE = """
def _slices(rows, columns, others):
    return [slice(i, i + 1) for i in range(max(rows, 1))]
"""
