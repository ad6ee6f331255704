"""Kinds and shapes of a call, from the signature of its operation.

An operation that is declared as `"n n -> scalar"` takes a square matrix or a number and gives a number; nothing
here has to be told.  Rows stand only for what a signature cannot say: that the diagonal of a vector is a matrix,
that a triangle of a number is none, that a row is accepted where a column is meant.
"""

from __future__ import annotations

from functools import cache
from itertools import product

from ..expr import OPERATIONS, Operation, Pattern
from .vocabulary import OF_ROWS, PER_ROW

S, C, R, M = 1, 2, 4, 8  # scalar, column, row, matrix
Kinds = tuple[tuple[int, ...], ...]  # of the operands and, last, of the result

CALLED = {
    "tr": "trace",
    **dict.fromkeys("mean var std numel nrows ncols sumsq".split(), "sum"),
    "adj": "inv",
}  # calls whose operation has another name, or the signature of another
DEVIATIONS: dict[str, Kinds] = {
    "diag": ((M, C), (C, M), (R, M), (S, S)), "Diag": ((C, M), (R, M), (S, S)), "unvec": ((C, M), (C, C), (M, M)),
    "tril": ((M, M),), "triu": ((M, M),), "adj": ((M, M),),
    "softmax": ((C, C), (R, R), (M, M)), "log_softmax": ((C, C), (M, M)), "logsumexp": ((C, S), (R, S)),
    "rowsum": ((M, C), (C, C)), "colsum": ((M, C), (C, S)), "outer": ((C, C, M),), "length": ((C, S), (R, S)),
    **dict.fromkeys(("norm_inf", "norm_max"), ((S, S), (C, S), (R, S), (M, S))),
    "weighted_norm": ((C, M, S), (M, M, S)),
    **{f"{name}_{axis}": ((M, C), (R, S)) for name in PER_ROW for axis in ("row", "col")},
    **{f"{name}_{axis}": ((M, M),) for name in OF_ROWS for axis in ("row", "col")},
}  # fmt: skip


def operation_of(call: str) -> Operation | None:
    """The operation that a call means, if its signature says what shapes it takes."""
    found = OPERATIONS.get(CALLED.get(call, call))
    return found if found is not None and found.patterns and not found.is_elementwise else None


@cache
def kinds_of(call: str) -> Kinds:
    """The kinds of operands that a call takes, each with the kind of its result; empty if they are all one kind."""
    if call in DEVIATIONS:
        return DEVIATIONS[call]
    op = operation_of(call)
    if op is None:
        return ()
    letters = list(dict.fromkeys(f for pattern in op.patterns for side in pattern for f in side))
    found: dict[tuple[int, ...], None] = {}
    for choice in product((False, True), repeat=len(letters)):
        large = {letter for letter, is_large in zip(letters, choice, strict=True) if is_large}
        found[(*(_kind(p, large) for p in op.patterns), _kind(op.result, large))] = None
    return tuple(found)


def _kind(pattern: Pattern, large: set[str]) -> int:
    rows, columns = (any(factor in large for factor in side) for side in pattern)
    return M if rows and columns else C if rows else R if columns else S
