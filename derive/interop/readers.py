"""SymPy expressions to formulas: a table of readers by the name of the SymPy class, and one fold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import reduce
from typing import Any

import sympy
from sympy.core.function import AppliedUndef
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.polys.polyerrors import BasePolynomialError

from .. import operations as op
from ..errors import DeriveError, LimitError
from ..expr import (
    OPERATIONS,
    Expr,
    constant,
    dimension,
    identity,
    is_number,
    nodes,
    number,
    number_op,
    ones,
    ones_op,
    symbol,
    zeros,
)
from ..operations import add, hadamard, matmul, mul, power, scale, sq_norm, sum_entries, terms_of, trace, transpose
from ..shapes import ONE, Dim
from .functions import MatrixFunction, function_of
from .squares import complete_squares, factors_of, positive_first, square
from .symbols import ENTRY, SAME_NAME, our_name, sympy_symbols

MAX_NODES = 20_000  # of a SymPy expression
MAX_ENTRIES = 400  # of a matrix given entry by entry


def from_sympy(obj: Any) -> Expr:
    """The formula that a SymPy expression stands for.

    Parameters
    ----------
    obj : SymPy expression
        Of `MatrixSymbol`s, `Symbol`s and numbers.

    Raises
    ------
    DeriveError
        It holds something without a counterpart, which the message names.

    Examples
    --------
    >>> from sympy import MatrixSymbol, Trace, symbols
    >>> m, n = symbols("m n", integer=True, positive=True)
    >>> W, x = MatrixSymbol("W", m, n), MatrixSymbol("x", n, 1)
    >>> r = W.T * W * x - x
    >>> print(from_sympy(Trace(r.T * r) / 2))
    ½ ‖Wᵀ W x − x‖²
    """
    if isinstance(obj, str):
        raise DeriveError("text is a formula, not a SymPy expression", hint="derive.parse reads it")
    try:
        held = sympy.sympify(obj, strict=True)
    except (sympy.SympifyError, TypeError, AttributeError):
        raise DeriveError(f"{obj!r} is neither a formula nor a SymPy expression") from None
    if not isinstance(held, (sympy.Expr, sympy.MatrixBase)):
        raise DeriveError(f"{type(held).__name__} is not a formula")
    sizes = {part for theirs in held.atoms(sympy.MatrixSymbol) for size in theirs.shape for part in size.free_symbols}
    sympy_symbols(held)
    return complete_squares(_read(held, {s: dimension(our_name(s.name)) for s in sizes}))


def _read(root: Any, memo: dict[Any, Expr]) -> Expr:
    """Bottom up without recursion; `memo` holds what is known, such as the sizes."""
    stack = [root]
    visited = 0
    while stack:
        node = stack[-1]
        if node in memo:
            stack.pop()
            continue
        operands = _operands(node)
        pending = [a for a in operands if a not in memo]
        if pending:
            stack += reversed(pending)
            continue
        visited += 1
        if visited > MAX_NODES:
            raise LimitError(f"the SymPy expression has more than {MAX_NODES} parts")
        try:
            memo[node] = _reader(node)(node, [memo[a] for a in operands])
        except (AttributeError, IndexError, TypeError) as error:
            raise _refused(node) from error
        stack.pop()
    return memo[root]


def _operands(node: Any) -> Sequence[Any]:
    """What is read before a node."""
    if isinstance(node, (sympy.BlockMatrix, sympy.MatrixBase)):
        held = node.blocks if isinstance(node, sympy.BlockMatrix) else node
        if held.rows * held.cols > MAX_ENTRIES:
            raise LimitError(f"a matrix with more than {MAX_ENTRIES} entries written out", hint="use a MatrixSymbol")
        return list(held)
    if isinstance(node, ElementwiseApplyFunction):
        return [node.expr]
    if isinstance(node, MatrixFunction):
        count = 0 if node.name == "K" else OPERATIONS[node.name].arity
        return list(node.operands[:count])
    if isinstance(node, (sympy.MatrixSlice, sympy.Inverse)):
        return [node.args[0]]
    if isinstance(node, (sympy.MatrixSymbol, sympy.Identity, sympy.ZeroMatrix, sympy.OneMatrix, sympy.Sum)):
        return []
    if type(node).__name__ == "MatrixElement":
        return [node.parent] if node.parent.shape == (1, 1) else []
    if _reader(node) is _own:
        return _varying(node)
    return list(node.args) if _reader(node) is not _unknown else []


def _reader(node: Any) -> Callable[[Any, list[Expr]], Expr]:
    if isinstance(node, AppliedUndef) and type(node).__name__ in op.FUNCTIONS and len(node.args) == 1:
        return _call(op.FUNCTIONS[type(node).__name__])
    for kind in type(node).__mro__:
        found = READERS.get(kind.__name__)
        if found is not None:
            return found
    return _unknown


def _unknown(node: Any, args: list[Expr]) -> Expr:
    raise _refused(node)


def _refused(node: Any, hint: str | None = None) -> DeriveError:
    shown = str(node).replace("\n", " ")
    shown = shown if len(shown) <= 60 else shown[:59] + "…"
    return DeriveError(f"SymPy's {type(node).__name__} has no counterpart: {shown}", hint=hint)


def read_dimension(size: Any) -> Dim:
    """A size: a positive integer or an integer polynomial of symbols."""
    held = sympy.sympify(size)
    if held.is_Integer and held > 0:
        return Dim.of(int(held))
    if held.is_Symbol:
        return Dim.of(our_name(held.name))
    try:
        terms = sympy.Poly(held, *sorted(held.free_symbols, key=str), domain="ZZ").terms() if held.free_symbols else []
    except BasePolynomialError:
        terms = []
    if not terms:
        raise DeriveError(f"the size {held} is no positive integer and no integer polynomial of symbols")
    names = [our_name(s.name) for s in sorted(held.free_symbols, key=str)]
    total = Dim.of(0)
    for exponents, factor in terms:
        term = Dim.of(int(factor))
        for name, exponent in zip(names, exponents, strict=True):
            for _ in range(int(exponent)):
                term = term * name
        total = total + term
    return total


def _shape(node: Any) -> tuple[Dim, Dim]:
    return read_dimension(node.rows), read_dimension(node.cols)


def _symbol(node: Any, args: list[Expr]) -> Expr:
    if not node.is_commutative:
        raise DeriveError(f"{node} is a noncommutative symbol", hint="a matrix is a MatrixSymbol")
    if node.is_real is False or (node.is_real is None and node.is_complex):
        raise DeriveError(f"{node} is complex: formulas are over the real numbers")
    known = "positive" if node.is_positive else "nonnegative" if node.is_nonnegative else None
    return symbol(our_name(node.name), properties=(known,) if known else ())


def _float(node: Any, args: list[Expr]) -> Expr:
    return number(float(node)) if node._prec == 53 else number(Fraction(str(node)))


def _ordered(node: Any, args: list[Expr]) -> list[Expr]:
    """The operands of a commutative sum or product in the order SymPy prints them."""
    printed = node.as_ordered_terms() if node.is_Add else node.as_ordered_factors()
    place = {part: i for i, part in enumerate(printed)}
    if any(part not in place for part in node.args):
        return args
    pairs = zip(node.args, args, strict=True)
    return [value for _, value in sorted(pairs, key=lambda pair: place[pair[0]])]


def _sum(node: Any, args: list[Expr]) -> Expr:
    """A sum; beside a matrix, in an elementwise function, a scalar is constant."""
    large = next((a for a in args if not a.is_scalar), None)
    if large is not None:
        args = [a * ones(*large.shape) if a.is_scalar else a for a in args]
    return add(*positive_first(_ordered(node, args)))


def _scalar_product(node: Any, args: list[Expr]) -> Expr:
    args = _ordered(node, args)
    scalar, arrays = mul(*(a for a in args if a.is_scalar)), [a for a in args if not a.is_scalar]
    return scale(scalar, hadamard(*arrays)) if arrays else scalar


def _power(node: Any, args: list[Expr]) -> Expr:
    base, exponent = args
    if base is constant("e"):
        return op.exp(exponent)
    if not exponent.is_scalar:
        logarithm = op.log(base) if not base.is_scalar else op.log(base) * ones(*exponent.shape)
        return op.exp(hadamard(exponent, logarithm))
    if is_number(exponent, -1) and base.op is add and len(base.args) == 2:
        # 1 / (1 + exp(−a)), in any order
        for one, other in (base.args, base.args[::-1]):
            if (is_number(one, 1) or one.op is ones_op) and other.op is op.exp:
                return op.sigmoid(-other.args[0])
    return power(base, exponent)


def _exp(node: Any, args: list[Expr]) -> Expr:
    if getattr(node.args[0], "is_Matrix", False) or isinstance(node.args[0], sympy.MatrixExpr):
        shown = node.args[0]
        raise DeriveError(
            f"exp({shown}) of a matrix can mean two things", hint=f"({shown}).applyfunc(exp) is exp entry by entry"
        )
    return op.exp(args[0])


def _log(node: Any, args: list[Expr]) -> Expr:
    (inside,) = args
    if inside.op is op.absolute and inside.args[0].op is op.det:
        inside = inside.args[0]
    if inside.op is op.det:
        return op.logdet(inside.args[0])
    if inside.op is sum_entries and inside.args[0].op is op.exp and inside.args[0].is_vector:
        return op.logsumexp(inside.args[0].args[0])
    if inside.op is add and len(inside.args) == 2:
        one, other = sorted(inside.args, key=lambda part: part.op is op.exp)
        if (is_number(one, 1) or one.op is ones_op) and other.op is op.exp:
            return op.softplus(other.args[0])
    return op.log(inside)


def _maximum(node: Any, args: list[Expr]) -> Expr:
    other = [a for a in args if not is_number(a, 0)]
    if len(args) != 2 or len(other) != 1:
        raise _refused(node, "Max(0, a) is relu(a)")
    return op.relu(other[0])


def _matrix_sum(node: Any, args: list[Expr]) -> Expr:
    return complete_squares(add(*positive_first(args))) if args[0].is_scalar else add(*positive_first(args))


def _product(node: Any, args: list[Expr]) -> Expr:
    scalars = [a for a in args if a.is_scalar]
    chain = [f for a in args if not a.is_scalar for f in _unscaled(a, scalars)]
    if not chain:
        return mul(*scalars)
    product = matmul(*chain)
    if product.is_scalar:
        found = square(factors_of(product), False) or _summed(factors_of(product))
        return mul(*scalars, found if found is not None else product)
    if product.op is op.exp and product.is_vector:
        total = power(sum_entries(product), -1)
        if total in scalars:  # exp(x) / 𝟏ᵀ exp(x)
            scalars.remove(total)
            product = op.softmax(product.args[0])
    return scale(mul(*scalars), product)


def _unscaled(factor: Expr, scalars: list[Expr]) -> tuple[Expr, ...]:
    if factor.op is scale:
        scalars.append(factor.args[0])
        factor = factor.args[1]
    return factors_of(factor)


def _summed(factors: Sequence[Expr]) -> Expr | None:
    """𝟏ᵀ A 𝟏, 𝟏ᵀ a or aᵀ 𝟏 as the sum of the entries."""
    first, last = factors[0], factors[-1]
    if first.op is ones_op and last.op is ones_op and len(factors) > 2:
        return _sum_of(matmul(*factors[1:-1]))
    if first.op is ones_op and len(factors) > 1:
        return _sum_of(matmul(*factors[1:]))
    if last.op is ones_op and len(factors) > 1:
        return _sum_of(transpose(matmul(*factors[:-1])))
    return None


def _sum_of(entries: Expr) -> Expr:
    if entries.op is op.absolute:
        return op.norm1(entries.args[0])
    return sum_entries(entries)


def _trace(node: Any, args: list[Expr]) -> Expr:
    (matrix,) = args
    if matrix.is_scalar:
        return matrix
    terms = [_trace_of(term) for term in terms_of(matrix)]
    total = complete_squares(add(*terms))
    return total if len(terms) == 1 or any(t.op is sq_norm for t in nodes(total)) else trace(matrix)


def _trace_of(term: Expr) -> Expr:
    scalars: list[Expr] = []
    chain = _unscaled(term, scalars)
    if len(chain) == 1:
        return mul(*scalars, trace(term if not scalars else chain[0]))
    return mul(*scalars, square(chain, True) or trace(matmul(*chain)))


def _matrix_power(node: Any, args: list[Expr]) -> Expr:
    base, exponent = args
    if base.is_scalar:
        return power(base, exponent)
    if exponent.op is not number_op or exponent.data[0].denominator != 1:
        raise _refused(node, "A.applyfunc(sqrt) is the square root entry by entry")
    return op.matpow(base, int(exponent.data[0]))


def _inverse(node: Any, args: list[Expr]) -> Expr:
    (matrix,) = args
    return transpose(op.inv(matrix.args[0])) if matrix.op is transpose else op.inv(matrix)


def _blocks(node: Any, args: list[Expr]) -> Expr:
    held = node.blocks if isinstance(node, sympy.BlockMatrix) else node
    columns = int(held.cols)
    return op.block([args[i : i + columns] for i in range(0, len(args), columns)])


def _slice(node: Any, args: list[Expr]) -> Expr:
    (row, end_row, row_step), (column, end_column, column_step) = node.rowslice, node.colslice
    if row_step != 1 or column_step != 1:
        raise _refused(node, "a slice has step 1")
    zero, sizes = Dim.of(0), (read_dimension(end_row - row), read_dimension(end_column - column))
    first = [zero if start == 0 else read_dimension(start) for start in (row, column)]
    return op.submatrix.build((args[0],), (first[0], sizes[0], first[1], sizes[1]))


def _element(node: Any, args: list[Expr]) -> Expr:
    if args:
        return args[0]
    raise _refused(node, "give x.T*A*x itself, without [0, 0]; an entry is aᵀ A b with unit vectors a, b")


def _entrywise_sum(node: Any, args: list[Expr]) -> Expr:
    from .index_sums import summed

    try:
        return summed(node, lambda theirs: _symbol(theirs, []), lambda theirs: _read(theirs, {}))
    except DeriveError as error:
        raise _refused(node, error.message) from None


def _apply(node: Any, args: list[Expr]) -> Expr:
    function = node.function
    (variable,) = function.variables
    return elementwise(function.expr.xreplace({variable: ENTRY}), args[0])


def elementwise(body: Any, operand: Expr) -> Expr:
    """The function `ENTRY ↦ body`, applied to each entry of the operand."""
    if not body.has(ENTRY):
        return _read(body, {}) * ones(*operand.shape)
    return _read(body, {ENTRY: operand})


def _named(node: Any, args: list[Expr]) -> Expr:
    data = tuple(read_dimension(size) for size in node.operands[len(args) :])
    return OPERATIONS[node.name if node.name != "K" else "commutation"].build(tuple(args), data)


def _diagonal_matrix(node: Any, args: list[Expr]) -> Expr:
    (vector,) = args
    return op.diagonal_matrix(vector if vector.shape[1] is ONE else transpose(vector))


def _complex(node: Any, args: list[Expr]) -> Expr:
    raise DeriveError(f"{node} is complex: formulas are over the real numbers", hint="for a real matrix write A.T")


def _dot(node: Any, args: list[Expr]) -> Expr:
    columns = [a if a.shape[1] is ONE else transpose(a) for a in args]
    return sq_norm(columns[0]) if columns[0] is columns[1] else matmul(transpose(columns[0]), columns[1])


def _varying(node: Any) -> list[Any]:
    """The argument of a function; its other ones are numbers."""
    if isinstance(node, sympy.Derivative):
        if node.args[0].free_symbols != {ENTRY} or ENTRY not in node.args[0].args:
            raise _refused(node, "differentiate with derive.gradient")
        return [ENTRY]
    varying = [a for a in node.args if not a.is_number]
    if len(varying) != 1:
        raise _refused(node, "a function has one argument that is no number")
    return varying


def _own(node: Any, args: list[Expr]) -> Expr:
    body = node if isinstance(node, sympy.Derivative) else node.func(*(a if a.is_number else ENTRY for a in node.args))
    return function_of(body)(args[0])


def _call(operation: Callable[[Any], Expr]) -> Callable[[Any, list[Expr]], Expr]:
    return lambda node, args: operation(*args)


READERS: dict[str, Callable[[Any, list[Expr]], Expr]] = {
    "Integer": lambda node, args: number(int(node)),
    "Rational": lambda node, args: number(Fraction(int(node.p), int(node.q))),
    "Float": _float,
    "Pi": lambda node, args: constant("π"),
    "Exp1": lambda node, args: constant("e"),
    "ImaginaryUnit": _complex,
    "conjugate": _complex,
    "Adjoint": _complex,
    "Symbol": _symbol,
    "MatrixSymbol": lambda node, args: symbol(our_name(node.name), *_shape(node)),
    "Identity": lambda node, args: identity(read_dimension(node.rows)),
    "ZeroMatrix": lambda node, args: zeros(*_shape(node)),
    "OneMatrix": lambda node, args: ones(*_shape(node)),
    "MatrixElement": _element,
    "Sum": _entrywise_sum,
    "Add": _sum,
    "Mul": _scalar_product,
    "Pow": _power,
    "exp": _exp,
    "log": _log,
    "Max": _maximum,
    "Heaviside": lambda node, args: op.step(args[0]),
    "MatAdd": _matrix_sum,
    "MatMul": _product,
    "MatPow": _matrix_power,
    "Inverse": _inverse,
    "Transpose": _call(transpose),
    "Trace": _trace,
    "Determinant": _call(op.det),
    "HadamardProduct": lambda node, args: hadamard(*args),
    "HadamardPower": lambda node, args: power(*args),
    "KroneckerProduct": lambda node, args: reduce(op.kron, args),
    "DiagMatrix": _diagonal_matrix,
    "DiagonalMatrix": lambda node, args: op.diagonal_matrix(op.diagonal(args[0])),
    "DiagonalOf": _call(op.diagonal),
    "DotProduct": _dot,
    "BlockMatrix": _blocks,
    "MatrixBase": _blocks,
    "MatrixSlice": _slice,
    "ElementwiseApplyFunction": _apply,
    "MatrixFunction": _named,
    "Function": _own,
    "Derivative": _own,
    "nuclear_norm": _call(op.nuclear_norm),
    "spectral_norm": _call(op.spectral_norm),
}
for _theirs, _ours in SAME_NAME.items():
    READERS[_theirs] = _call(op.FUNCTIONS[_ours])
