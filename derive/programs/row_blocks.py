"""What a program can compute for some rows at a time.

A loss over arrays of m rows passes over them several times, and past the cache each pass waits
for memory.  Where rows of a value depend on the same rows of its operands alone (functions of
entries, X W, sums along rows), one block of rows after another can go through all of them while
it is in the cache; what is summed over the rows (norms, Xᵀ R) is added up from block to block.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from ..shapes import ONE, Dim
from .terms import Term, Value

SUMMED = frozenset("sq_norm total norm1 dot contraction".split())  # a number from the entries
BY_ROWS = frozenset("row_softmax row_logsumexp".split())
FILLED = frozenset(("ones", "zeros"))  # the same entry everywhere


class RowBlock(NamedTuple):
    """Values that are computed together for some rows of `dim` at a time.

    Attributes
    ----------
    dim : Dim
    members : tuple of Value
        In order: those with these rows, and those that are summed over them.
    sums : frozenset of Value
    kept : frozenset of Value
        Members with these rows that are read outside, so that all their rows are kept.
    outputs : tuple of str
        Results of which the rows can be written too.
    passes : dict of Value to int
        The matrices that are gone through, and how often they would be without the block.
    """

    dim: Dim
    members: tuple[Value, ...]
    sums: frozenset[Value]
    kept: frozenset[Value]
    outputs: tuple[str, ...]
    passes: Mapping[Value, int]

    @property
    def columns(self) -> Dim:
        """The entries of a row of all matrices together."""
        return sum((array.shape[1] for array in self.passes), Dim.of(0))


class RowwiseValues:
    """The values that can be computed for some rows of a dimension at a time.

    Parameters
    ----------
    dim : Dim
    order : sequence of Value
        Operands first.
    stored : collection of Value
        Those that are arrays in memory; others are read entry by entry where they are used.
    operations : collection of str
        What is computed entry by entry.
    """

    def __init__(self, dim: Dim, order: Sequence[Value], stored: Collection[Value], operations: Collection[str]):
        self.dim = dim
        (self.name,) = dim.names
        self.stored = stored
        self.operations = operations
        self.members: dict[Value, None] = {}
        self.sums: set[Value] = set()
        self.late: set[Value] = set()  # wait for the last block
        for value in order:
            if value.kind == "input":
                continue
            parts = {part for term in value.args for part in term.parts()}
            if parts & self.sums or parts & self.late:
                self.late.add(value)
            elif self.is_by_rows(value):
                self.members[value] = None
            elif self.is_summed(value):
                self.sums.add(value)
            elif any(part in self.members for part in parts):
                self.late.add(value)

    def has_rows(self, value: Value) -> bool:
        """Whether the rows of a value, and nothing else of its shape, are those of the dimension."""
        return value.shape[0] is self.dim and self.name not in value.shape[1].names

    def is_apart(self, value: Value) -> bool:
        """Whether a value is there before the first block, and reading it touches no rows."""
        if value in self.members or value in self.sums or value in self.late:
            return False
        dims = (*value.shape, *(d for d in value.data if isinstance(d, Dim)))
        if any(self.name in d.names for d in dims) and not value.is_scalar:
            return False
        is_named = value.kind == "input" or value.is_scalar or value in self.stored
        return is_named or all(self.is_apart(part) for term in value.args for part in term.parts())

    def apart(self, term: Term) -> bool:
        return all(self.is_apart(part) for part in term.parts())

    def rows(self, term: Term, is_turned: bool = False) -> bool:
        """Whether the rows of a term, or the columns where it is turned, come from the same rows."""
        if not all(self.is_apart(scalar) for scalar, _ in term.powers):
            return False
        value = term.value
        if value is None or value.is_scalar:
            return value is None or self.is_apart(value)
        if not self.has_rows(value) or not value.is_vector and term.flipped != is_turned:
            return False
        if value.kind == "input" or value.kind in FILLED or value in self.members:
            return True
        return value in self.stored and value not in self.late

    def is_by_rows(self, value: Value) -> bool:
        if not self.has_rows(value):
            return False
        args = value.args
        match value.kind:
            case "product":
                return self.rows(args[0]) and not args[0].flipped and self.apart(args[1])
            case "outer":
                return self.rows(args[0]) and self.apart(args[1])
            case "stack":
                return all(map(self.rows, args[::2])) and all(map(self.apart, args[1::2]))
            case "entries":
                tags = (tag for tag, _ in value.data)
                return all(self.apart(t) if tag == "row" else self.rows(t) for t, tag in zip(args, tags, strict=True))
        known = value.kind in self.operations or value.kind in BY_ROWS or value.kind in ("sum", "row_sums", "row_dots")
        return known and all(self.rows(t) and not (t.flipped and t.body.shape[1] is not ONE) for t in args if t.value)

    def is_summed(self, value: Value) -> bool:
        args = value.args
        if not any(self.has_rows(t.value) for t in args if t.value is not None):
            return False
        if value.kind in SUMMED:
            return value.is_scalar and all(map(self.rows, args))
        if value.kind == "product":
            left, right = args
            is_over_rows = left.flipped and not right.flipped and left.shape[1] is self.dim
            return is_over_rows and self.rows(left, is_turned=True) and self.rows(right)
        if value.kind in ("row_sums", "row_dots"):
            return all(t.flipped and self.rows(t, is_turned=True) for t in args)
        return False

    # What is gained

    def arrays(self, value: Value) -> set[Value]:
        """The arrays with these rows that computing a member goes through."""
        found = {value} if value in self.stored and value in self.members else set()
        pending = [part for term in value.args for part in term.parts()]
        while pending:
            part = pending.pop()
            if part.kind == "input" or part in self.stored:
                found.add(part)
            elif not part.is_scalar:
                pending += [p for term in part.args for p in term.parts()]
        return {array for array in found if self.has_rows(array) and array.shape[1] is not ONE}

    def passes(self) -> dict[Value, int]:
        """How often each matrix is gone through."""
        found: dict[Value, int] = {}
        for value in [*self.members, *self.sums]:
            if value in self.stored or value in self.sums:
                for array in self.arrays(value):
                    found[array] = found.get(array, 0) + 1
        return found


def split(
    order: Sequence[Value], stored: Collection[Value], operations: Collection[str], outputs: Mapping[str, Term],
    written: Collection[Value] = (),
) -> tuple[list[Value], RowBlock | None, list[Value]]:  # fmt: skip
    """The values before the block of rows that saves most passes over memory, the block, and those after it.

    Parameters
    ----------
    outputs : mapping of str to Term
        Results by name.
    written : collection of Value
        Those of them that are made in the place of a result.
    """
    dims = dict.fromkeys(
        v.shape[0] for v in order if v.kind != "input" and not v.is_scalar and is_name(v.shape[0])
    ) | dict.fromkeys(
        t.body.shape[0] for v in order for t in v.args if t.value is not None and is_name(t.body.shape[0])
    )  # fmt: skip
    best: RowwiseValues | None = None
    saved = 0
    for dim in dims:
        rows = RowwiseValues(dim, order, stored, operations)
        gain = sum(count - 1 for count in rows.passes().values())
        if gain > saved:
            best, saved = rows, gain
    if best is None:
        return list(order), None, []
    inside = best.members.keys() | best.sums
    filled = [
        name
        for name, term in outputs.items()
        if term.value in best.members and term.value not in stored and best.rows(term) and not term.body.is_scalar
        and (not term.flipped or term.body.is_vector)
    ]  # fmt: skip
    pending = [part for value in order if value not in inside for term in value.args for part in term.parts()]
    pending += [part for name, term in outputs.items() if name not in filled for part in term.parts()]
    kept: set[Value] = set(written) & best.members.keys()
    seen: set[Value] = set()
    while pending:
        value = pending.pop()
        if value in seen:
            continue
        seen.add(value)
        if value in best.members and value in stored:
            kept.add(value)
        elif not value.is_scalar and value not in stored:
            pending += [part for term in value.args for part in term.parts()]
    block = RowBlock(
        best.dim,
        tuple(v for v in order if v in inside),
        frozenset(best.sums),
        frozenset(kept),
        tuple(filled),
        best.passes(),
    )
    before = [v for v in order if v not in inside and v not in best.late]
    return before, block, [v for v in order if v in best.late]


def is_name(dim: Dim) -> bool:
    """Whether a dimension is a name alone."""
    return len(dim.names) == 1 and dim is Dim.of(next(iter(dim.names)))
