"""Values over a field, without NumPy: exact modulo a prime, in floating point, or to hundreds of digits.

A value is a list of rows.  Formulas of polynomials, inverses, determinants and traces have
exact values modulo p = 2^61 − 1: two of them that agree at a random point differ as formulas
with probability at most d / p at those sizes, d the total degree of their difference with
denominators cleared [SZ].  An identity that fails only for large matrices fails at sizes above
half its degree (polynomial identities of n × n matrices have degree at least 2 n [AL]).  Other
formulas have values in floating point, or to `DIGITS` digits, so that rounding can be told
from a difference; an operation whose values only `evaluation` knows makes them `is_rounded`.

[SZ]  Schwartz, Fast probabilistic algorithms for verification of polynomial identities,
      J. ACM 27, 1980; Zippel 1979.
[AL]  Amitsur & Levitzki, Minimal identities for algebras, Proc. AMS 1, 1950.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from functools import cache
from operator import mul
from typing import Any

from .errors import DeriveError
from .expr import Expr, nodes

PRIME = 2**61 - 1
DIGITS = 600  # 1 − erf(30) has its first digit in place 393
LARGEST = 10**7  # an argument of exp or sin beyond it has too many digits before the point
Matrix = list[list[Any]]
Sizes = Mapping[str, int]


class Unsupported(DeriveError):
    """An operation without values in this field."""


class Undefined(DeriveError):
    """A formula has no value at this point; `node` is the part at fault."""

    node: Expr | None = None


class Field:
    """The arithmetic of one field.

    Attributes
    ----------
    is_exact : bool
        Whether values are exact.
    number : function of a Fraction
    reduce : function
        Brings a sum of products back to the field.
    functions : module or None
        Where the scalar functions are, named as in `math`.
    smallest : number
        Pivots at most this large, against the largest entry, count as zero.
    """

    def __init__(
        self, number: Callable[[Fraction], Any], reduce: Callable[[Any], Any], functions: Any, smallest: Any
    ) -> None:
        self.number = number
        self.reduce = reduce
        self.functions = functions
        self.smallest = smallest
        self.is_exact = functions is None

    def reciprocal(self, value: Any) -> Any:
        if not value:
            raise Undefined("division by zero")
        return pow(value, -1, PRIME) if self.is_exact else 1 / value

    def power(self, value: Any, k: int) -> Any:
        if k < 0:
            value, k = self.reciprocal(value), -k
        if not self.is_exact and value and k * abs(self.functions.log(abs(value))) > LARGEST:
            raise Undefined("a power is too large")
        return pow(value, k, PRIME) if self.is_exact else value**k

    def real_power(self, base: Any, exponent: Any) -> Any:
        """A power with an exponent that the formula does not show to be whole."""
        if self.is_exact:
            raise Unsupported("a power with a fractional or unknown exponent has no values in a prime field")
        if exponent == int(exponent):
            return self.power(base, int(exponent))
        if base < 0 or (base == 0 and exponent < 0):
            raise Undefined("a root of a negative number")
        return self.call("exp", exponent * self.call("log", base)) if base else base

    def call(self, name: str, *values: Any) -> Any:
        """A function of `math` or of a library with its names."""
        if self.is_exact:
            raise Unsupported(f"{name} has no values in a prime field")
        if abs(values[0]) > LARGEST and name not in ("log", "sqrt", "atan"):
            raise Undefined("an argument is too large")
        if not values[0] and name == "log":
            raise Undefined("the logarithm of 0")
        return getattr(self.functions, name)(*values)


@cache
def prime_field() -> Field:
    """The integers modulo 2^61 − 1."""
    return Field(lambda q: q.numerator * pow(q.denominator, -1, PRIME) % PRIME, lambda v: v % PRIME, None, 0)


@cache
def floats() -> Field:
    return Field(float, lambda v: v, math, 1e-11)


@cache
def many_digits() -> Field:
    """Real numbers of `DIGITS` digits."""
    import mpmath

    library = mpmath.MPContext()
    library.dps = DIGITS
    library.trap_complex = True
    return Field(
        lambda q: library.mpf(q.numerator) / q.denominator, lambda v: v, library, library.mpf(10) ** (-DIGITS // 2)
    )


# Operations: `(field, operands, node, sizes) -> rows`


def mapped(function: Callable[[Any], Any], A: Matrix) -> Matrix:
    return [[function(value) for value in row] for row in A]


def zipped(function: Callable[..., Any], *operands: Matrix) -> Matrix:
    return [[function(*values) for values in zip(*rows)] for rows in zip(*operands)]


def turned(A: Matrix) -> Matrix:
    return [list(column) for column in zip(*A)]


def constant(field: Field, rows: int, columns: int, entry: Callable[[int, int], int]) -> Matrix:
    values = (field.number(Fraction(0)), field.number(Fraction(1)))
    return [[values[entry(i, j)] for j in range(columns)] for i in range(rows)]


def times(field: Field, A: Matrix, B: Matrix) -> Matrix:
    columns = list(zip(*B))
    return [[field.reduce(sum(map(mul, row, column))) for column in columns] for row in A]


def _chain(field: Field, factors: list[Matrix]) -> Matrix:
    product = factors[-1]
    for factor in reversed(factors[:-1]):
        product = times(field, factor, product)
    return product


def _entrywise(field: Field, factors: list[Matrix]) -> Matrix:
    return zipped(lambda *values: field.reduce(math.prod(values[1:], start=values[0])), *factors)


def scaled(field: Field, scalar: Matrix, A: Matrix) -> Matrix:
    return mapped(lambda value: field.reduce(scalar[0][0] * value), A)


def _kron(field: Field, A: Matrix, B: Matrix) -> Matrix:
    return [[field.reduce(a * b) for a in upper for b in lower] for upper in A for lower in B]


def eliminated(field: Field, A: Matrix) -> tuple[Any, Matrix | None]:
    """Determinant and inverse by Gauss and Jordan; no inverse of what is singular."""
    n, has_inverse = len(A), True
    rows = [list(row) + unit for row, unit in zip(A, constant(field, n, n, lambda i, j: int(i == j)))]
    determinant = field.number(Fraction(1))
    least = field.smallest * max((abs(value) for row in A for value in row), default=0)
    for j in range(n):
        pivot = max(range(j, n), key=lambda i: abs(rows[i][j]))
        if not rows[pivot][j]:
            return field.number(Fraction(0)), None
        has_inverse = has_inverse and not abs(rows[pivot][j]) <= least
        if pivot != j:
            rows[j], rows[pivot] = rows[pivot], rows[j]
            determinant = -determinant
        determinant = field.reduce(determinant * rows[j][j])
        factor = field.reciprocal(rows[j][j])
        top = rows[j] = [field.reduce(value * factor) for value in rows[j]]
        for i in range(n):
            if i != j and rows[i][j]:
                factor = rows[i][j]
                rows[i] = [field.reduce(value - factor * above) for value, above in zip(rows[i], top)]
    return field.reduce(determinant), [row[n:] for row in rows] if has_inverse else None


def _inverse(field: Field, A: Matrix) -> Matrix:
    inverse = eliminated(field, A)[1]
    if inverse is None:
        raise Undefined("a matrix is singular")
    return inverse


def _matpow(field: Field, A: Matrix, k: int) -> Matrix:
    if k < 0:
        A, k = _inverse(field, A), -k
    value = constant(field, len(A), len(A), lambda i, j: int(i == j))
    for bit in bin(k)[2:]:
        value = times(field, value, value)
        if bit == "1":
            value = times(field, value, A)
    return value


def _power(field: Field, a: list[Matrix], node: Expr, sizes: Sizes) -> Matrix:
    exponent = node.args[1]
    if exponent.op.name == "dimension":
        k = exponent.data[0].evaluate(sizes)
    elif exponent.op.name == "number" and exponent.data[0].denominator == 1:
        k = int(exponent.data[0])
    elif field.is_exact:
        raise Unsupported("a power with a fractional or unknown exponent has no values in a prime field")
    elif exponent.op.name == "number" and exponent.data[0].denominator == 2 and exponent.data[0] > 0:
        return mapped(lambda value: field.power(field.call("sqrt", value), exponent.data[0].numerator), a[0])
    else:
        return mapped(lambda value: field.real_power(value, a[1][0][0]), a[0])
    return mapped(lambda value: field.power(value, k), a[0])


def _total(A: Matrix) -> Any:
    return sum(value for row in A for value in row)


def _size(field: Field, A: Matrix) -> Any:
    return _total(mapped(abs, A)) if field.functions else _unsupported("abs")


def _unsupported(name: str) -> Any:
    raise Unsupported(f"{name} has no values in a prime field")


def _blocks(G: Matrix, rows: int, columns: int) -> Iterable[tuple[int, int, Matrix]]:
    """The blocks of G, rows × columns each, with their places."""
    for i in range(len(G) // rows):
        for j in range(len(G[0]) // columns):
            yield i, j, [row[j * columns : (j + 1) * columns] for row in G[i * rows : (i + 1) * rows]]


def _block_inner(field: Field, G: Matrix, B: Matrix) -> Matrix:
    made: Matrix = [[0] * (len(G[0]) // len(B[0])) for _ in range(len(G) // len(B))]
    for i, j, part in _blocks(G, len(B), len(B[0])):
        made[i][j] = field.reduce(_total(zipped(mul, part, B)))
    return made


def _block_sum(field: Field, G: Matrix, A: Matrix) -> Matrix:
    parts = [scaled(field, [[A[i][j]]], part) for i, j, part in _blocks(G, len(G) // len(A), len(G[0]) // len(A[0]))]
    return zipped(lambda *values: field.reduce(sum(values)), *parts)


def _block(a: list[Matrix], columns: int) -> Matrix:
    made = []
    for at in range(0, len(a), columns):
        made += [[value for part in rows for value in part] for rows in zip(*a[at : at + columns])]
    return made


def _submatrix(A: Matrix, node: Expr, sizes: Sizes) -> Matrix:
    top, height, left, width = (d if isinstance(d, int) else d.evaluate(sizes) for d in node.data)
    return [row[left : left + width] for row in A[top : top + height]]


def _logistic(field: Field, x: Any) -> Any:
    small = field.call("exp", -abs(x))
    return (1 if x >= 0 else small) / (1 + small)


def _weights(field: Field, a: Matrix) -> tuple[Any, Matrix, Any]:
    """The largest entry, exp of the entries less that, and the sum of those."""
    top = max(value for row in a for value in row)
    small = mapped(lambda value: field.call("exp", value - top), a)
    return top, small, _total(small)


def _softmax(field: Field, a: Matrix) -> Matrix:
    _, small, total = _weights(field, a)
    return mapped(lambda value: value / total, small)


def _logsumexp(field: Field, a: Matrix) -> Any:
    top, _, total = _weights(field, a)
    return top + field.call("log", total)


def _leaf(field: Field, node: Expr, sizes: Sizes, entry: Callable[[int, int], int]) -> Matrix:
    return constant(field, node.shape[0].evaluate(sizes), node.shape[1].evaluate(sizes), entry)


def _basis(field: Field, node: Expr, sizes: Sizes) -> Matrix:
    index, n = (d.evaluate(sizes) for d in node.data)
    return constant(field, n, 1, lambda r, c: int(r == index - 1))


def _commutation(field: Field, node: Expr, sizes: Sizes) -> Matrix:
    m, n = (d.evaluate(sizes) for d in node.data)
    return constant(field, m * n, m * n, lambda r, c: int(r == c % m * n + c // m))


Value = Callable[[Field, list[Matrix], Expr, Sizes], Matrix]


def _scalar(function: Callable[[Field, Matrix], Any]) -> Value:
    return lambda f, a, node, sizes: [[f.reduce(function(f, a[0]))]]


def _function(function: Callable[[Field, Any], Any]) -> Value:
    def value(f: Field, a: list[Matrix], node: Expr, sizes: Sizes) -> Matrix:
        if f.is_exact:
            _unsupported(node.op.name)
        return mapped(lambda x: function(f, x), a[0])

    return value


def _named(name: str) -> Value:
    return _function(lambda f, x: f.call(name, x))


_VALUES: dict[str, Value] = {
    "number": lambda f, a, node, sizes: [[f.number(node.data[0])]],
    "dimension": lambda f, a, node, sizes: [[f.number(Fraction(node.data[0].evaluate(sizes)))]],
    "constant": lambda f, a, node, sizes: (
        [[+getattr(f.functions, {"π": "pi", "e": "e"}[node.name])]] if f.functions else _unsupported(node.name)
    ),
    "zeros": lambda f, a, node, sizes: _leaf(f, node, sizes, lambda i, j: 0),
    "ones": lambda f, a, node, sizes: _leaf(f, node, sizes, lambda i, j: 1),
    "identity": lambda f, a, node, sizes: _leaf(f, node, sizes, lambda i, j: int(i == j)),
    "basis": lambda f, a, node, sizes: _basis(f, node, sizes),
    "commutation": lambda f, a, node, sizes: _commutation(f, node, sizes),
    "add": lambda f, a, node, sizes: zipped(lambda *values: f.reduce(sum(values)), *a),
    "mul": lambda f, a, node, sizes: _entrywise(f, a),
    "hadamard": lambda f, a, node, sizes: _entrywise(f, a),
    "scale": lambda f, a, node, sizes: scaled(f, a[0], a[1]),
    "matmul": lambda f, a, node, sizes: _chain(f, a),
    "transpose": lambda f, a, node, sizes: turned(a[0]),
    "kron": lambda f, a, node, sizes: _kron(f, a[0], a[1]),
    "block_inner": lambda f, a, node, sizes: _block_inner(f, a[0], a[1]),
    "block_sum": lambda f, a, node, sizes: _block_sum(f, a[0], a[1]),
    "power": _power,
    "inv": lambda f, a, node, sizes: _inverse(f, a[0]),
    "matpow": lambda f, a, node, sizes: _matpow(f, a[0], int(node.data[0])),
    "trace": _scalar(lambda f, A: sum(A[i][i] for i in range(len(A)))),
    "det": _scalar(lambda f, A: eliminated(f, A)[0]),
    "logdet": _scalar(lambda f, A: f.call("log", abs(eliminated(f, A)[0]))),
    "inner": lambda f, a, node, sizes: [[f.reduce(_total(zipped(mul, *a)))]],
    "sq_norm": _scalar(lambda f, A: _total(zipped(mul, A, A))),
    "norm": _scalar(lambda f, A: f.call("sqrt", _total(zipped(mul, A, A)))),
    "norm1": _scalar(_size),
    "sum": _scalar(lambda f, A: _total(A)),
    "logsumexp": _scalar(_logsumexp),
    "softmax": lambda f, a, node, sizes: _softmax(f, a[0]),
    "diag": lambda f, a, node, sizes: [[a[0][i][i]] for i in range(len(a[0]))],
    "Diag": lambda f, a, node, sizes: [[v[0] if i == j else 0 * v[0] for j in range(len(a[0]))]
                                       for i, v in enumerate(a[0])],
    "vec": lambda f, a, node, sizes: [[value] for column in zip(*a[0]) for value in column],
    "unvec": lambda f, a, node, sizes: turned(
        [[a[0][i][0] for i in range(at, at + node.shape[0].evaluate(sizes))]
         for at in range(0, len(a[0]), node.shape[0].evaluate(sizes))]
    ),
    "tril": lambda f, a, node, sizes: [[x if j <= i else 0 * x for j, x in enumerate(r)] for i, r in enumerate(a[0])],
    "triu": lambda f, a, node, sizes: [[x if j >= i else 0 * x for j, x in enumerate(r)] for i, r in enumerate(a[0])],
    "block": lambda f, a, node, sizes: _block(a, node.data[1]),
    "submatrix": lambda f, a, node, sizes: _submatrix(a[0], node, sizes),
    **{name: _named(name) for name in ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "erf")},
    **{name: _named(name.replace("rc", "")) for name in ("arcsin", "arccos", "arctan")},
    "abs": _function(lambda f, x: abs(x)),
    "sign": _function(lambda f, x: f.number(Fraction((x > 0) - (x < 0)))),
    "step": _function(lambda f, x: f.number(Fraction(int(x > 0)))),
    "relu": _function(lambda f, x: x if x > 0 else 0 * x),
    "sigmoid": _function(_logistic),
    "softplus": _function(lambda f, x: (x if x > 0 else 0) + f.call("log1p", f.call("exp", -abs(x)))),
}  # fmt: skip
_POLYNOMIAL = frozenset(
    "number dimension zeros ones identity basis commutation add mul hadamard scale matmul transpose kron "
    "block_inner block_sum power inv matpow trace det inner sq_norm sum diag Diag vec unvec tril triu "
    "block submatrix symbol".split()
)


def is_long_enough(leaf: Expr, sizes: Mapping[str, int]) -> bool:
    """Whether QᵀQ = I, or Q Qᵀ = I, is possible at the sizes."""
    rows, columns = (d.evaluate(sizes) for d in leaf.shape)
    is_tall = "orthogonal" not in leaf.properties or rows >= columns
    return is_tall and ("orthonormal rows" not in leaf.properties or rows <= columns)


class FieldPoint:
    """Values of symbols in a field, and sizes."""

    __slots__ = ("values", "sizes", "field", "largest", "is_rounded")

    def __init__(self, field: Field, values: dict[Expr, Matrix], sizes: dict[str, int]) -> None:
        self.field = field
        self.values = values
        self.sizes = sizes
        self.largest: Any = 0
        self.is_rounded = False

    def evaluate(self, expr: Expr) -> Matrix:
        """The value of an expression here, as rows.

        The largest entry met on the way stays in `largest`, for what rounding may do.

        Raises
        ------
        Unsupported
            In a prime field: an operation is neither polynomial nor an inverse.
        Undefined
            A root of a negative number, a singular matrix, an overflow; its `node` is the part.
        """
        values = dict(self.values)
        for node in nodes(expr):
            if node not in values:
                values[node] = self._value(node, [values[arg] for arg in node.args])
                if not self.field.is_exact:
                    self.largest = max(self.largest, max((abs(x) for row in values[node] for x in row), default=0))
        return values[expr]

    def _value(self, node: Expr, args: list[Matrix]) -> Matrix:
        operation = _VALUES.get(node.op.name)
        try:
            if operation is not None:
                return operation(self.field, args, node, self.sizes)
            return self._by_numpy(node, args)
        except Unsupported:
            raise
        except (Undefined, ValueError, ArithmeticError) as error:
            undefined = Undefined(f"{node.text()} is undefined: {error}")
            undefined.node = node
            raise undefined from None

    def _by_numpy(self, node: Expr, args: list[Matrix]) -> Matrix:
        """An operation of singular values, a matrix exponential, a function of one's own."""
        if self.field.is_exact:
            _unsupported(node.op.name)
        import numpy as np

        from .evaluation import value_of

        self.is_rounded = True
        operation = value_of(node.op)
        if node.op.name == "expm" and max(abs(x) for row in args[0] for x in row) > 3:
            raise Undefined("its entries are of too many sizes")
        with np.errstate(all="ignore"):
            value = operation([np.array(mapped(float, a)) for a in args], node, self.sizes)
        if not np.isfinite(value).all():
            raise Undefined("no finite value")
        return [[self.field.number(Fraction(x)) for x in row] for row in value.tolist()]


def is_exact(*exprs: Expr) -> bool:
    """Whether the expressions have values in a prime field: polynomials, inverses, determinants."""
    return all(
        node.op.name in _POLYNOMIAL
        and (
            node.op.name != "power"
            or node.args[1].op.name == "dimension"
            or (node.args[1].op.name == "number" and node.args[1].data[0].denominator == 1)
        )
        for node in nodes(*exprs)
    )


def is_plain(*exprs: Expr) -> bool:
    """Whether the values of the expressions need no array library."""
    return all(node.op.name == "symbol" or node.op.name in _VALUES for node in nodes(*exprs))


def degree(expr: Expr, size: int = 16) -> int:
    """A bound on the total degree of numerator and denominator, for matrices of up to `size` rows.

    An inverse or determinant counts `size` times the degree of its operand, reciprocals of
    the entries `size`² times.
    """
    degrees: dict[Expr, int] = {}
    for node in nodes(expr):
        below = [degrees[arg] for arg in node.args]
        if node.op.name == "symbol":
            degrees[node] = 1
        elif node.op.name in ("inv", "det"):
            degrees[node] = size * below[0]
        elif node.op.name == "power" and node.args[1].op.name == "dimension":
            degrees[node] = size * below[0]
        elif node.op.name in ("matpow", "power"):
            k = int(node.data[0] if node.op.name == "matpow" else node.args[1].data[0])
            degrees[node] = abs(k) * below[0] * ((size if node.op.name == "matpow" else size**2) if k < 0 else 1)
        elif node.op.name == "sq_norm":
            degrees[node] = 2 * below[0]
        else:
            degrees[node] = sum(below)  # of a product; denominators of sums multiply too
    return degrees[expr]
