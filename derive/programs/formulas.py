"""The formula of a value, for comments and listings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from .. import operations as ops
from .. import rows
from ..expr import (
    Expr,
    commutation,
    constant,
    dimension,
    identity,
    number,
    ones,
    symbol,
    symbol_count,
    zeros,
)
from ..own_functions import operation_named
from ..shapes import ONE, Dim
from .terms import Term, Value

MAX_SYMBOLS = 9  # of a formula written out; longer ones use the names of the operands


def term_formula(term: Term, known: Mapping[Value, Expr]) -> Expr:
    """A term over the formulas of its values."""
    factors = [number(term.coefficient)]
    factors += [ops.power(known[v], number(e)) for v, e in term.powers]
    scalar = ops.mul(*factors)
    if term.value is None:
        return scalar
    body = known[term.value]
    return ops.scale(scalar, _turned(body) if term.flipped else body)


def _turned(expr: Expr) -> Expr:
    if expr.op is ops.matmul:
        return ops.matmul(*(_turned(factor) for factor in reversed(expr.args)))
    return ops.transpose(expr)


def formula(value: Value, known: Mapping[Value, Expr]) -> Expr:
    """The formula of an operation over the formulas of its operands."""
    row = ROWS.get(value.kind)
    args = [term_formula(term, known) for term in value.args]
    op = operation_named(value.kind)
    if row is not None:
        made = row(value, args)
    else:
        assert op is not None
        made = op.build(tuple(args), value.data)
    # A row is held as a column, whichever operation made it.
    return made if made.shape == value.shape else _turned(made)


def short(made: Expr, value: Value, names: Mapping[Value, str], known: Mapping[Value, Expr]) -> Expr:
    """The formula, or the operation over the names of its operands where it is long."""
    if symbol_count(made) <= MAX_SYMBOLS:
        return made
    held: dict[Value, Expr] = {}
    for term in value.args:
        for part in term.parts():
            if part.kind == "input":
                held[part] = known[part]
            elif part in names:
                held[part] = symbol(names[part], *part.shape)
            else:
                held[part] = short(known[part], part, names, known)
    return formula(value, held)


def _product(left: Expr, right: Expr) -> Expr:
    """A B; A D^½ D^½ B, of which BLAS computes one half, as A D B."""
    *front, one = left.args if left.op is ops.matmul else [left]
    other, *rest = right.args if right.op is ops.matmul else [right]
    root = one.args[0] if one is other and one.op is ops.diagonal_matrix else None
    if root is not None and root.op is ops.power and root.args[1] is number(Fraction(1, 2)):
        return ops.matmul(*front, _diagonal_matrix(root.args[0]), *rest)
    return ops.matmul(left, right)


def _diagonal_matrix(vector: Expr) -> Expr:
    """Diag(v); of diag(D) of a diagonal matrix, D."""
    base, exponent = vector.args if vector.op is ops.power else (vector, number(1))
    inner = base.args[0] if base.op is ops.diagonal else base
    if "diagonal" not in inner.properties or exponent not in (number(1), number(-1)):
        return ops.diagonal_matrix(vector)
    return inner if exponent is number(1) else ops.inv(inner)


def _entries(value: Value, args: list[Expr]) -> Expr:
    rows, columns = value.shape
    factors = []
    for arg, (tag, exponent) in zip(args, value.data, strict=True):
        powered = ops.power(arg, number(exponent)) if exponent != 1 else arg
        if tag == "column":
            powered = ops.matmul(powered, ones(1, columns))
        elif tag == "row":
            powered = ops.matmul(ones(rows, 1), ops.transpose(powered))
        factors.append(powered)
    tags = [(tag, exponent) for tag, exponent in value.data]
    if len(args) == 2 and tags[0] == ("full", 1) and tags[1][0] != "full":
        diagonal = _diagonal_matrix(ops.power(args[1], number(tags[1][1])))
        return ops.matmul(diagonal, args[0]) if tags[1][0] == "column" else ops.matmul(args[0], diagonal)
    return ops.hadamard(*factors)


def _stack(value: Value, args: list[Expr]) -> Expr:
    pairs = zip(args[::2], args[1::2], strict=True)
    return ops.add(*(ops.matmul(u, _turned(v)) for u, v in pairs))


def _dot(left: Expr, right: Expr) -> Expr:
    """Of two vectors, each a column or a row."""
    left, right = (ops.transpose(v) if v.shape[0] is ONE else v for v in (left, right))
    return ops.matmul(ops.transpose(left), right)


def _window(value: Value, whole: Expr) -> Expr:
    """A e₂ for one whole column of A, and e₁ᵀ A e₂ for an entry."""
    first_row, rows, first_column, columns = map(Dim.of, value.data)
    if columns is ONE and first_row == 0 and rows is whole.shape[0]:
        return ops.matmul(whole, ops.basis(first_column + 1, whole.shape[1]))
    if columns is ONE and rows is ONE:
        row = ops.transpose(ops.basis(first_row + 1, whole.shape[0]))
        return ops.matmul(row, whole, ops.basis(first_column + 1, whole.shape[1]))
    return ops.submatrix.build((whole,), value.data)


def _row_sums(value: Value, args: list[Expr]) -> Expr:
    return ops.matmul(args[0], ones(args[0].shape[1], ONE))


def _sq_norm(value: Value, args: list[Expr]) -> Expr:
    """‖A‖²; of the inverse of a Cholesky factor tr A⁻¹."""
    if value.args[0].body.kind == "triangle_inverse":
        return ops.trace(ops.inv(args[0]))
    return ops.sq_norm(args[0])


Row = Callable[[Value, list[Expr]], Expr]
ROWS: dict[str, Row] = {
    "input": lambda value, args: value.data[0],
    "constant": lambda value, args: constant(value.data[0]),
    "dimension": lambda value, args: dimension(value.data[0]),
    "ones": lambda value, args: ones(value.data[0], ONE),
    "zeros": lambda value, args: zeros(*value.shape),
    "eye": lambda value, args: identity(value.data[0]),
    "basis": lambda value, args: ops.basis(*value.data),
    "commutation": lambda value, args: commutation(*value.data),
    "sum": lambda value, args: ops.add(*args),
    "product": lambda value, args: _product(*args),
    "dot": lambda value, args: _dot(*args),
    "outer": lambda value, args: ops.matmul(args[0], ops.transpose(args[1])),
    "stack": _stack,
    "entries": _entries,
    "contraction": lambda value, args: ops.inner(*args),
    "row_sums": _row_sums,
    "sq_norm": _sq_norm,
    "row_dots": lambda value, args: ops.matmul(ops.hadamard(*args), ones(args[0].shape[1], ONE)),
    "total": lambda value, args: ops.sum_entries(args[0]),
    "diagonal": lambda value, args: ops.diagonal(args[0]),
    "submatrix": lambda value, args: _window(value, args[0]),
    "inverse": lambda value, args: ops.inv(args[0]),
    "solve": lambda value, args: ops.matmul(ops.inv(args[0]), args[1]),
    "spd_inverse": lambda value, args: ops.inv(args[0]),
    "spd_solve": lambda value, args: ops.matmul(ops.inv(args[0]), args[1]),
    "spd_logdet": lambda value, args: ops.logdet(args[0]),
    "logdet_positive": lambda value, args: ops.log(ops.det(args[0])),
    "cholesky": lambda value, args: args[0],
    "triangle_inverse": lambda value, args: args[0],
    "logaddexp": lambda value, args: ops.log(ops.add(ops.exp(args[0]), ops.exp(args[1]))),
    "hypot": lambda value, args: _hypot(value, *args),
    "row_softmax": lambda value, args: rows.softmax_row(args[0]),
    "row_logsumexp": lambda value, args: rows.logsumexp_row(args[0]),
    "chain": lambda value, args: ops.matmul(*args),
    "cycle": lambda value, args: ops.trace(ops.matmul(*args)),
    "held": lambda value, args: args[0],
    "power": lambda value, args: ops.power(*args),
}


def _hypot(value: Value, first: Expr, second: Expr) -> Expr:
    square = ops.power(first, number(2))
    if first.is_scalar and not value.is_scalar:
        square = ops.scale(square, ones(*value.shape))
    return ops.power(ops.add(square, ops.power(second, number(2))), number(Fraction(1, 2)))
