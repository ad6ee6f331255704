"""Programs over many samples: what each operation on the values of one sample is for those of all.

This is the matrix form that a sum over an index has, of a program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from functools import reduce
from typing import Any

from ..expr import Expr, symbol
from ..own_functions import operation_named
from ..shapes import ONE, SCALAR, Dim
from .graph import ValueGraph
from .samples import DiagonalChain, Image, Lifted, Lifting, Matrix, NoRows, Outer, Rows, SampleTerm
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
        """The outputs of one sample summed over the samples, or those of each: `Lifting.each`."""
        lifting = Lifting(graph, self.size)
        for value in values_below(value for term in terms.values() for value in term.parts()):
            self.visit(lifting, value)
        lifted = {name: lifting.term(term) for name, term in terms.items()}
        if per_sample:
            return {name: lifting.each(part) for name, part in lifted.items()}
        return {name: (lifting.total(part),) for name, part in lifted.items()}

    def visit(self, lifting: Lifting, value: Value) -> None:
        """Add what a value is for all samples."""
        if value.kind == "input":
            stacked = self.stacked.get(value.data[0])
            if stacked is not None:
                lifting.found[value] = Rows(lifting.graph.input(stacked))
            return
        if not any(part in lifting.found for term in value.args for part in term.parts()):
            return
        args = [lifting.term(term) for term in value.args]
        row = row_of(value.kind)
        if row is None:
            raise NoRows
        lifting.found[value] = row(lifting, value, args)


# A row for each operation


def elementwise(lifting: Lifting, value: Value, args: list[Lifted]) -> Rows:
    """A function of each entry: of numbers and vectors; of a matrix, no sum of pieces goes through it."""
    shape = (lifting.size, value.shape[0])
    if value.shape[1] is not ONE:
        raise NoRows
    made = []
    for i, part in enumerate(args):
        if value.kind == "power" and i:
            if not isinstance(part, Term) or part.shape != SCALAR:
                raise NoRows  # an exponent of each sample
            made.append(part)
            continue
        rows = lifting.rows(part).term
        if rows.shape != shape:
            rows = lifting.graph.chain([rows, lifting.graph.ones(value.shape[0], ONE).T])
        made.append(rows)
    graph = lifting.graph
    if value.kind in ("where", "hypot"):
        return Rows(graph.whole(value.kind, *made, shape=shape))
    return Rows(graph.mapped(value.kind, *made))


def _chain(lifting: Lifting, value: Value, args: list[Lifted]) -> Any:
    return reduce(lifting.product, args)


def _outer(lifting: Lifting, value: Value, args: list[Lifted]) -> Matrix:
    return [Outer(*(lifting.rows(part).term for part in args))]


def _cycle(lifting: Lifting, value: Value, args: list[Lifted]) -> Rows:
    return _trace(lifting, value, [_chain(lifting, value, args)])


def _sum(lifting: Lifting, value: Value, args: list[Lifted]) -> Rows | Matrix:
    if value.shape[1] is not ONE:
        return [piece for part in args for piece in lifting.matrix(part)]
    terms = [lifting.rows(part).term for part in args]
    return Rows(lifting.graph.total(terms, (lifting.size, value.shape[0])))


def _entries(lifting: Lifting, value: Value, args: list[Lifted]) -> Rows | Matrix:
    graph = lifting.graph
    exponents = [exponent for _, exponent in value.data]
    if value.shape[1] is ONE:
        terms = [lifting.rows(part).term for part in args]
        return Rows(graph.entries(terms, (lifting.size, value.shape[0]), exponents))
    full: list[tuple[Term, Fraction]] = []
    sides: dict[str, list[tuple[Term, Fraction]]] = {"column": [], "row": []}
    inside: Matrix | None = None
    for part, (tag, exponent) in zip(args, value.data, strict=True):
        if isinstance(part, list):
            if inside is not None or exponent != 1:
                raise NoRows
            inside = part
        elif tag != "full":
            sides[tag].append((lifting.rows(part).term, exponent))
        elif isinstance(part, Term):
            full.append((part, exponent))
    fixed = graph.entries([t for t, _ in full], value.shape, [e for _, e in full]) if full else None
    around = {}
    for tag, chosen in sides.items():
        if chosen:
            around[tag] = Rows(graph.entries([t for t, _ in chosen], chosen[0][0].shape, [e for _, e in chosen]))
    if inside is None and fixed is None:
        ones = [graph.chain([lifting.one, graph.ones(dim, ONE).T]) for dim in value.shape]
        ends = [around[tag].term if tag in around else one for tag, one in zip(("column", "row"), ones, strict=True)]
        return [Outer(*ends)]
    made: Matrix = []
    for piece in inside if inside is not None else [DiagonalChain(lifting.one, [fixed])] if fixed is not None else []:
        if fixed is not None and inside is not None:
            piece = _times_entries(lifting, piece, fixed)
        for tag, rows in around.items():
            scale = DiagonalChain(lifting.one, [rows])
            piece = lifting.composed(scale, piece) if tag == "column" else lifting.composed(piece, scale)
        made.append(piece)
    return made


def _times_entries(lifting: Lifting, piece: SampleTerm, fixed: Term) -> SampleTerm:
    """The product entry by entry with a matrix that is the same for all samples."""
    if isinstance(piece, Outer):
        return DiagonalChain(lifting.one, [Rows(piece.left), fixed, Rows(piece.right)])
    return Image(lambda total: lifting.graph.entries([total, fixed], fixed.shape), [piece])


def _sq_norm(lifting: Lifting, value: Value, args: list[Lifted]) -> Rows:
    (part,) = args
    if isinstance(part, Rows):
        return lifting.dots(part.term, part.term)
    pieces = lifting.matrix(part)
    return _trace(lifting, value, [[lifting.composed(p.T, q) for p in pieces for q in pieces]])


def _norm(lifting: Lifting, value: Value, args: list[Lifted]) -> Rows:
    square = _sq_norm(lifting, value, args).term
    return Rows(lifting.graph.entries([square], square.shape, [Fraction(1, 2)]))


def _total(lifting: Lifting, value: Value, args: list[Lifted]) -> Rows:
    (part,) = args
    if isinstance(part, Rows):
        return Rows(lifting.row_sums(part.term))
    rows, columns = value.args[0].shape
    left, right = lifting.graph.ones(rows, ONE), lifting.graph.ones(columns, ONE)
    made = lifting.product(left.T, lifting.product(part, right))
    assert isinstance(made, Rows)
    return made


def _norm1(lifting: Lifting, value: Value, args: list[Lifted]) -> Rows:
    return Rows(lifting.row_sums(lifting.graph.mapped("abs", lifting.rows(args[0]).term)))


def _of_rows(kind: str, has_rows: bool) -> Any:
    """softmax, logsumexp and so on of a vector, of each row."""

    def row(lifting: Lifting, value: Value, args: list[Lifted]) -> Rows:
        term = lifting.rows(args[0]).term
        return Rows(lifting.graph.whole(kind, term, shape=term.shape if has_rows else (term.shape[0], ONE)))

    return row


def _running(lifting: Lifting, value: Value, args: list[Lifted]) -> Rows:
    turned = lifting.rows(args[0]).term.T
    return Rows(lifting.graph.whole(value.kind, turned, shape=turned.shape).T)


def _trace(lifting: Lifting, value: Value, args: list[Lifted]) -> Rows:
    pieces = lifting.matrix(args[0])
    return Rows(lifting.graph.total([lifting.trace(p).term for p in pieces], (lifting.size, ONE)))


def _diagonal(lifting: Lifting, value: Value, args: list[Lifted]) -> Rows:
    pieces = lifting.matrix(args[0])
    shape = (lifting.size, value.shape[0])
    return Rows(lifting.graph.total([lifting.diagonal(p) for p in pieces], shape))


def _diagonal_matrix(lifting: Lifting, value: Value, args: list[Lifted]) -> Matrix:
    return [DiagonalChain(lifting.one, [lifting.rows(args[0])])]


def _linear(lifting: Lifting, value: Value, args: list[Lifted]) -> Rows | Matrix:
    """A rearrangement: of vectors row by row, of matrices once summed."""
    (part,), graph = args, lifting.graph
    if value.kind == "submatrix" and isinstance(part, Rows):
        first, count = value.data[2:] if part.is_row else value.data[:2]
        size = lifting.size
        data = (Dim.of(0), size, first, count)
        made = graph.whole("submatrix", part.term.bare, data=data, shape=(size, count))
        return Rows(made.times(part.term.coefficient, part.term.powers))
    if isinstance(part, Rows) or value.shape[1] is ONE:
        raise NoRows
    pieces = lifting.matrix(part)

    def image(total: Term) -> Term:
        if is_zero(total):
            return graph.zeros(value.shape)
        return graph.whole(value.kind, total.bare, data=value.data, shape=value.shape).times(
            total.coefficient, total.powers
        )

    return [Image(image, pieces)]


def _block(lifting: Lifting, value: Value, args: list[Lifted]) -> Rows:
    """Vectors one after the other."""
    if value.shape[1] is not ONE:
        raise NoRows
    parts = tuple(lifting.graph.plain(lifting.rows(part).term) for part in args)
    return Rows(lifting.graph.whole("block", *parts, data=(1, len(parts)), shape=(lifting.size, value.shape[0])))


def _kron(lifting: Lifting, value: Value, args: list[Lifted]) -> Matrix:
    left, right = args
    graph = lifting.graph
    if isinstance(left, list) and isinstance(right, Term):
        return [Image(lambda total: graph.kron(total, right), left)]
    if isinstance(right, list) and isinstance(left, Term):
        return [Image(lambda total: graph.kron(left, total), right)]
    raise NoRows


Row = Callable[[Lifting, Value, "list[Lifted]"], "Rows | Matrix"]
ROWS: dict[str, Row] = {
    "chain": _chain,
    "outer": _outer,
    "cycle": _cycle,
    "sum": _sum,
    "entries": _entries,
    "held": lambda lifting, value, args: args[0],  # type: ignore[dict-item,return-value]
    "sq_norm": _sq_norm,
    "norm": _norm,
    "norm1": _norm1,
    "total": _total,
    "trace": _trace,
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
