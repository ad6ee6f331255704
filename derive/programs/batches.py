"""Programs over many samples: what each operation on the values of one sample is for those of all.

This is the matrix form that a sum over an index has, of a program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from functools import reduce

from ..expr import Expr, symbol
from ..indexed import IndexedSum, IndexedTerm
from ..own_functions import operation_named
from ..shapes import ONE, Dim
from .graph import ValueGraph
from .samples import Lifted, Lifting, NoRows, SampleMatrices
from .terms import Term, Value, is_zero, values_below


class Batch:
    """The lifting of one program.

    Parameters
    ----------
    samples : sequence of Expr
        The symbols of which there is one for each sample: numbers and vectors.
    size : Dim
        The number of samples.

    Attributes
    ----------
    stacked : dict of Expr to Expr
        The symbols as they are given: a row for each sample.

    Raises
    ------
    NoRows
        A sample is a matrix.
    """

    def __init__(self, samples: Iterable[Expr], size: Dim) -> None:
        self.size = size
        self.stacked: dict[Expr, Expr] = {}
        for sample in samples:
            length, columns = sample.shape
            if columns is not ONE:
                raise NoRows
            self.stacked[sample] = symbol(sample.name, size, length, sample.properties & {"positive", "nonnegative"})

    def outputs(self, graph: ValueGraph, terms: Mapping[str, Term], per_sample: bool) -> dict[str, tuple[Term, ...]]:
        """The outputs of one sample summed over the samples, or those of each: `Lifting.results`."""
        lifting = Lifting(graph, self.size)
        for value in values_below(value for term in terms.values() for value in term.parts()):
            self.visit(lifting, value)
        lifted = {name: lifting.term(term) for name, term in terms.items()}
        if per_sample:
            return {name: lifting.results(part) for name, part in lifted.items()}
        return {name: (lifting.summed(part),) for name, part in lifted.items()}

    def visit(self, lifting: Lifting, value: Value) -> None:
        """Add what a value is for all samples."""
        if value.kind == "input":
            stacked = self.stacked.get(value.data[0])
            if stacked is not None:
                lifting.found[value] = lifting.each(lifting.graph.input(stacked))
            return
        if not any(part in lifting.found for term in value.args for part in term.parts()):
            return
        row = row_of(value.kind)
        if row is None:
            raise NoRows
        made = row(lifting, value, [lifting.term(term) for term in value.args])
        # What has a matrix form is formed once for all its uses; a matrix of each sample has none.
        lifting.found[value] = made if len(made.axes) > 2 else lifting.single(made)


# A row for each operation


def elementwise(lifting: Lifting, value: Value, args: list[Lifted]) -> Lifted:
    """A function of each entry: of numbers and vectors; of a matrix, no sum of products goes through it."""
    rows, columns = value.shape
    is_power = value.kind == "power"
    if columns is not ONE or is_power and args[1].axes:  # an exponent of each sample
        raise NoRows
    made = [lifting.rows(part, rows) for part in args[: 1 if is_power else None]]
    made += [lifting.form(part, []) for part in args[1:] if is_power]
    if value.kind in ("where", "hypot"):
        return lifting.each(lifting.graph.whole(value.kind, *made, shape=made[-1].shape))
    return lifting.each(lifting.graph.mapped(value.kind, *made))


def _sum(lifting: Lifting, value: Value, args: list[Lifted]) -> Lifted:
    return lifting.sum(args, [1] * len(args))


def _entries(lifting: Lifting, value: Value, args: list[Lifted]) -> Lifted:
    row, column = map(lifting.axis, value.shape)
    if column is None:
        terms = [lifting.rows(part, value.shape[0]) for part in args]
        return lifting.each(lifting.graph.entries(terms, terms[0].shape, [exponent for _, exponent in value.data]))
    made: Lifted = IndexedSum([IndexedTerm()], row, column)
    for part, (tag, exponent) in zip(args, value.data, strict=True):
        axes = {"full": made.own, "column": made.own[:1], "row": made.own[1:]}[tag]
        placed = lifting.powered(part, exponent).renamed(dict(zip(part.own, axes, strict=True)))
        made = IndexedSum(lifting.multiply(made, placed), row, column)
    return made


def _norm(lifting: Lifting, value: Value, args: list[Lifted]) -> Lifted:
    return lifting.powered(lifting.squared_norm(args[0]), Fraction(1, 2))


def _norm1(lifting: Lifting, value: Value, args: list[Lifted]) -> Lifted:
    sizes = lifting.each(lifting.graph.mapped("abs", lifting.rows(args[0])))
    return lifting.over(sizes, sizes.own)


def _of_rows(kind: str, has_rows: bool) -> Row:
    """softmax, logsumexp and so on of a vector, of each row."""

    def row(lifting: Lifting, value: Value, args: list[Lifted]) -> Lifted:
        term = lifting.rows(args[0])
        return lifting.each(lifting.graph.whole(kind, term, shape=term.shape if has_rows else (term.shape[0], ONE)))

    return row


def _running(lifting: Lifting, value: Value, args: list[Lifted]) -> Lifted:
    turned = lifting.rows(args[0]).T
    return lifting.each(lifting.graph.whole(value.kind, turned, shape=turned.shape).T)


def _diagonal(lifting: Lifting, value: Value, args: list[Lifted]) -> Lifted:
    row, column = args[0].own
    return IndexedSum(args[0].renamed({column: row}).terms, row)


def _diagonal_matrix(lifting: Lifting, value: Value, args: list[Lifted]) -> Lifted:
    eye = lifting.constant(lifting.graph.eye(value.shape[0]))
    return IndexedSum(lifting.multiply(args[0].renamed(dict(zip(args[0].own, eye.own))), eye), *eye.own)


def _linear(lifting: Lifting, value: Value, args: list[Lifted]) -> Lifted:
    """A rearrangement: of vectors row by row, of matrices once summed."""
    (part,), graph = args, lifting.graph
    if value.kind == "submatrix" and len(part.own) == 1:
        first, count = value.data[:2] if part.row is not None else value.data[2:]
        term = lifting.rows(part)
        data, shape = (Dim.of(0), term.shape[0], first, count), (term.shape[0], count)
        made = graph.whole("submatrix", term.bare, data=data, shape=shape)
        return lifting.each(made.times(term.coefficient, term.powers))

    def image(total: Term) -> Term:
        if is_zero(total):
            return graph.zeros(value.shape)
        made = graph.whole(value.kind, total.bare, data=value.data, shape=value.shape)
        return made.times(total.coefficient, total.powers)

    return _image(lifting, value, image, part)


def _image(lifting: Lifting, value: Value, function: Callable[[Term], Term], part: Lifted) -> Lifted:
    """A linear function of a matrix of each sample."""
    own = [axis for axis in map(lifting.axis, value.shape) if axis is not None]
    if len(part.own) < 2 or len(own) < 2:
        raise NoRows
    return lifting.single_factor(SampleMatrices(function, part), [lifting.samples, *own], *own)


def _block(lifting: Lifting, value: Value, args: list[Lifted]) -> Lifted:
    """Vectors one after the other."""
    if value.shape[1] is not ONE:
        raise NoRows
    parts = [lifting.rows(part) for part in args]
    shape = (parts[0].shape[0], value.shape[0])
    return lifting.each(lifting.graph.whole("block", *parts, data=(1, len(parts)), shape=shape))


def _kron(lifting: Lifting, value: Value, args: list[Lifted]) -> Lifted:
    left, right = args
    graph = lifting.graph
    if not right.indices:
        return _image(lifting, value, lambda total: graph.kron(total, lifting.result(right)), left)
    if not left.indices:
        return _image(lifting, value, lambda total: graph.kron(lifting.result(left), total), right)
    raise NoRows


Row = Callable[[Lifting, Value, list[Lifted]], Lifted]
ROWS: dict[str, Row] = {
    "chain": lambda lifting, value, args: reduce(lifting.product, args),
    "outer": lambda lifting, value, args: lifting.matmul(args[0], args[1].T),
    "cycle": lambda lifting, value, args: lifting.traced(reduce(lifting.product, args)),
    "sum": _sum,
    "entries": _entries,
    "held": lambda lifting, value, args: args[0],
    "sq_norm": lambda lifting, value, args: lifting.squared_norm(args[0]),
    "norm": _norm,
    "norm1": _norm1,
    "total": lambda lifting, value, args: lifting.over(args[0], args[0].own),
    "trace": lambda lifting, value, args: lifting.traced(args[0]),
    "diagonal": _diagonal,
    "Diag": _diagonal_matrix,
    "softmax": _of_rows("row_softmax", True),
    "logsumexp": _of_rows("row_logsumexp", False),
    "max_row": _of_rows("max_row", False),
    "argmax_row": _of_rows("argmax_row", True),
    "block": _block,
    "kron": _kron,
    **dict.fromkeys(("power", "logaddexp", "hypot", "where"), elementwise),
}


def row_of(kind: str) -> Row | None:
    """The row of an operation: scalar functions share one, and linear operations."""
    operation = operation_named(kind)
    if kind in ROWS or operation is None:
        return ROWS.get(kind)
    if "columns" in operation.traits:
        return _running
    return elementwise if operation.is_elementwise else _linear if "linear" in operation.traits else None
