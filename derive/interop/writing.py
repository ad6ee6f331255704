"""Formulas to SymPy: a table of writers by operation, and one fold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction

from ..errors import DeriveError, LimitError
from ..expr import Expr, fold
from ..own_functions import OwnFunction
from ..shapes import Dim
from .functions import MatrixFunction, SymPyFunction, nuclear_norm, spectral_norm
from .symbols import ENTRY, SAME_NAME, their_name

MAX_DEPTH = 120  # of a formula that is handed to SymPy, whose methods recurse
MAX_PASSES = 6  # of SymPy's simplification


def to_sympy(expr: Expr, symbols: Mapping[str, Any] | None = None) -> Any:
    """The SymPy expression of a formula, as `.doit()` leaves it.

    Parameters
    ----------
    expr : Expr
    symbols : mapping from names to SymPy symbols, optional
        The symbols to use, sizes included; for others a `Symbol` or `MatrixSymbol` is
        made, sizes being positive integers.

    Returns
    -------
    SymPy expression
        A `MatrixExpr`, or of a scalar a SymPy scalar.  An operation that SymPy lacks is a
        function of its name.

    Raises
    ------
    LimitError
        The formula is nested too deeply for SymPy.
    DeriveError
        An operation has no counterpart, or SymPy itself fails on it.

    Examples
    --------
    >>> from derive import parse
    >>> print(to_sympy(parse("½‖Wx‖²")))
    Trace(x.T*W.T*W*x)/2
    """
    depth: dict[Expr, int] = {}
    fold(expr, lambda node, depths: 1 + max(depths, default=0), depth)
    if depth[expr] > MAX_DEPTH:
        raise LimitError(f"the formula is nested {depth[expr]} deep, and SymPy recurses", hint=f"at most {MAX_DEPTH}")
    known = dict(symbols or {})

    def visit(node: Expr, args: list[Any]) -> Any:
        try:
            return _write(node, args, known)
        except (AttributeError, NotImplementedError, TypeError) as error:
            raise DeriveError(f"SymPy fails on the operand of {node.op.name}: {error}") from error

    return _done(fold(expr, visit), MAX_PASSES)


def _done(made: Any, passes: int = 1) -> Any:
    """What `.doit()` makes of an expression; one pass of SymPy's can leave work for another."""
    try:
        for _ in range(passes):
            simpler = made.doit()
            if simpler == made:
                break
            made = simpler
    except (NotImplementedError, TypeError, AttributeError, ValueError):
        pass  # SymPy cannot simplify it further; it is right as it stands
    return made


def _size(dim: Dim, known: dict[str, Any]) -> Any:
    total = sympy.Integer(0)
    for monomial, factor in dim.terms:
        term = sympy.Integer(factor)
        for name, exponent in monomial:
            if name not in known or not isinstance(known[name], sympy.Symbol):
                known[name] = sympy.Symbol(their_name(name), integer=True, positive=True)
            term *= known[name] ** exponent
        total += term
    return total


def _write(node: Expr, args: list[Any], known: dict[str, Any]) -> Any:
    sizes = tuple(_size(dim, known) for dim in node.shape)
    writer = WRITERS.get(node.op.name)
    if writer is not None:
        return writer(node, args, sizes)
    name = node.op.name
    if name == "symbol":
        return _write_symbol(node, sizes, known)
    if name == "dimension":
        return _size(node.data[0], known)
    if isinstance(node.op, SymPyFunction):
        return _each(node.op.body, args[0])
    if isinstance(node.op, OwnFunction):
        applied = sympy.Function(their_name(node.op.label))(ENTRY)
        slope = sympy.Derivative(applied, (ENTRY, node.op.order)) if node.op.order else applied
        return sympy.Subs(slope, ENTRY, args[0]) if node.is_scalar and node.op.order else _each(slope, args[0])
    if name in ENTRIES:
        return _each(ENTRIES[name], args[0])
    data = [_size(d, known) for d in node.data]
    if name == "submatrix":
        row, rows, column, columns = data
        return sympy.MatrixSlice(args[0], (row, row + rows), (column, column + columns))
    if not node.is_scalar:
        return MatrixFunction("K" if name == "commutation" else name, *sizes, *args, *data)
    raise DeriveError(f"{name} has no counterpart in SymPy")


def _write_symbol(node: Expr, sizes: tuple[Any, Any], known: dict[str, Any]) -> Any:
    held = known.get(node.name)
    if held is None:
        name = their_name(node.name)
        if node.is_scalar:
            known = {word: True for word in ("positive", "nonnegative") if word in node.properties}
            held = sympy.Symbol(name, **known)
        else:
            held = sympy.MatrixSymbol(name, *sizes)
        known[node.name] = held
    if node.is_scalar and isinstance(held, sympy.MatrixSymbol):
        return held[0, 0]
    return held


def _each(body: Any, operand: Any) -> Any:
    """A function of a scalar, applied to each entry."""
    if not getattr(operand, "is_Matrix", False):
        return body.xreplace({ENTRY: operand})
    return ElementwiseApplyFunction(sympy.Lambda(ENTRY, body), operand)


def _write_product(node: Expr, args: list[Any], sizes: Any) -> Any:
    product = sympy.MatMul(*args)
    return sympy.Trace(product) if node.is_scalar else product


def _write_power(node: Expr, args: list[Any], sizes: Any) -> Any:
    if not node.is_scalar:
        return sympy.HadamardPower(*args)
    try:
        return sympy.Pow(*args)
    except TypeError:  # SymPy factors a sum of matrices inside the exponent as if it were one of scalars
        return sympy.Pow(*args, evaluate=False)


def _gram(matrix: Any) -> Any:
    """‖A‖²"""
    return sympy.Trace(sympy.MatMul(_done(sympy.Transpose(matrix)), matrix)) if matrix.is_Matrix else matrix**2


def _total(matrix: Any) -> Any:
    """The sum of the entries."""
    if not matrix.is_Matrix:
        return matrix
    rows, columns = matrix.shape
    ends = [] if rows == 1 else [sympy.OneMatrix(1, rows)], [] if columns == 1 else [sympy.OneMatrix(columns, 1)]
    return sympy.Trace(sympy.MatMul(*ends[0], matrix, *ends[1]))


def _write_blocks(node: Expr, args: list[Any], sizes: Any) -> Any:
    rows, columns = node.data
    table = [args[i * columns : (i + 1) * columns] for i in range(rows)]
    if not any(a.is_Matrix for a in args):
        return sympy.ImmutableDenseMatrix(table)
    return sympy.BlockMatrix([[a if a.is_Matrix else a * sympy.Identity(1) for a in row] for row in table])


def _write_kron(node: Expr, args: list[Any], sizes: Any) -> Any:
    scalars: list[Any] = []  # taken out here: SymPy fails to, where it finds several matrices beside one
    factors = []
    for arg in map(_done, args):
        parts = arg.args if isinstance(arg, sympy.MatMul) else (arg,)
        scalars += [part for part in parts if not part.is_Matrix]
        factors.append(sympy.MatMul(*(part for part in parts if part.is_Matrix)).doit(deep=False))
    product = sympy.KroneckerProduct(*factors)
    return sympy.MatMul(*scalars, product) if scalars else product


def _softmax(operand: Any) -> Any:
    grown = _each(sympy.exp(ENTRY), operand)
    return sympy.MatMul(1 / _total(grown), grown)


def _norm1(operand: Any) -> Any:
    return _total(_each(sympy.Abs(ENTRY), operand))


WRITERS: dict[str, Callable[[Expr, list[Any], Any], Any]] = {
    "number": lambda node, args, sizes: sympy.Rational(node.data[0].numerator, node.data[0].denominator),
    "constant": lambda node, args, sizes: sympy.pi if node.name == "π" else sympy.E,
    "zeros": lambda node, args, sizes: sympy.ZeroMatrix(*sizes),
    "ones": lambda node, args, sizes: sympy.OneMatrix(*sizes),
    "identity": lambda node, args, sizes: sympy.Identity(sizes[0]),
    "add": lambda node, args, sizes: sympy.Add(*args) if node.is_scalar else sympy.MatAdd(*args),
    "mul": lambda node, args, sizes: sympy.Mul(*args),
    "scale": lambda node, args, sizes: sympy.MatMul(*args),
    "matmul": _write_product,
    "transpose": lambda node, args, sizes: sympy.Transpose(args[0]),
    "hadamard": lambda node, args, sizes: sympy.HadamardProduct(*args),
    "kron": _write_kron,
    "power": _write_power,
    "inv": lambda node, args, sizes: sympy.Inverse(args[0]),
    "matpow": lambda node, args, sizes: sympy.MatPow(args[0], node.data[0]),
    "trace": lambda node, args, sizes: sympy.Trace(args[0]),
    "det": lambda node, args, sizes: sympy.Determinant(args[0]),
    "logdet": lambda node, args, sizes: sympy.log(
        sympy.Abs(sympy.Determinant(args[0]) if args[0].is_Matrix else args[0])
    ),
    "inner": lambda node, args, sizes: sympy.Trace(sympy.MatMul(_done(sympy.Transpose(args[0])), args[1])),
    "sq_norm": lambda node, args, sizes: _gram(args[0]),
    "norm": lambda node, args, sizes: sympy.sqrt(_gram(args[0])),
    "norm1": lambda node, args, sizes: _norm1(args[0]),
    "nuclear_norm": lambda node, args, sizes: nuclear_norm(args[0]),
    "spectral_norm": lambda node, args, sizes: spectral_norm(args[0]),
    "sum": lambda node, args, sizes: _total(args[0]),
    "logsumexp": lambda node, args, sizes: sympy.log(_total(_each(sympy.exp(ENTRY), args[0]))),
    "softmax": lambda node, args, sizes: _softmax(args[0]),
    "diag": lambda node, args, sizes: sympy.DiagonalOf(args[0]),
    "Diag": lambda node, args, sizes: sympy.DiagMatrix(args[0]),
    "block": _write_blocks,
}
ENTRIES: dict[str, Any] = {
    **{ours: getattr(sympy, theirs)(ENTRY) for theirs, ours in SAME_NAME.items()},
    "exp": sympy.exp(ENTRY),
    "log": sympy.log(ENTRY),
    "relu": sympy.Max(0, ENTRY),
    "step": sympy.Heaviside(ENTRY, 0),
    "sigmoid": 1 / (1 + sympy.exp(-ENTRY)),
    "softplus": sympy.log(1 + sympy.exp(ENTRY)),
}
