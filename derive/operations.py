"""The operations, each declared by its signature, and what their constructors simplify.

An operation is what people write: `sq_norm(r)` is one, not `inner(r, r)`.  Nothing here
knows how an operation is differentiated (`rules`), evaluated (`numeric`) or printed
(`render`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from .errors import DeriveError, LimitError, ShapeError
from .expr import (
    Data,
    Expr,
    Operation,
    as_expr,
    commutation,
    commutation_op,
    described,
    dimension,
    identity,
    identity_op,
    is_number,
    is_zero,
    number,
    number_op,
    ones,
    ones_op,
    operation,
    zero_like,
    zeros,
    zeros_op,
)
from .shapes import ONE, SCALAR, Dim, DimLike, Shape, shape_text

MAX_EXPONENT = 64  # of a matrix power: its derivative has as many terms

# Sums and products

FLAT = 16  # nested sums and products are flattened up to this length; longer ones stay nested, and shared


def _flat(arg: Expr, op: Operation) -> tuple[Expr, ...]:
    """The operands of nested uses of `op`, in order; the node itself where they are too many."""
    if arg.op is not op:
        return (arg,)
    found: list[Expr] = []
    stack = [arg]
    while stack:
        node = stack.pop()
        if node.op is op:
            stack += reversed(node.args)
        else:
            found.append(node)
        if len(found) + len(stack) > FLAT:
            return (arg,)
    return tuple(found)


def _add_shape(args: tuple[Expr, ...], data: Data) -> Shape:
    first = args[0].shape
    for arg in args:
        if arg.shape != first:
            p, q = next((p, q) for p, q in zip(first, arg.shape, strict=True) if p is not q)
            hint = None
            if arg.is_scalar or args[0].is_scalar:
                other, scalar = (args[0], arg) if arg.is_scalar else (arg, args[0])
                one, word = ("I", "the identity") if other.is_square else ("𝟏", "ones")
                product = one if is_number(scalar, 1) else f"{scalar.text()} {one}"
                hint = f"nothing broadcasts: write {product} for the scalar times {word}"
            elif arg.shape == (first[1], first[0]):
                hint = f"{transpose(arg).text()} would fit"
            raise ShapeError(f"cannot add {described(args[0])} and {described(arg)}: {p} and {q} differ", hint=hint)
    return first


def _add_light(args: tuple[Expr, ...], data: Data) -> Expr | None:
    _add_shape(args, data)
    terms: list[Expr] = []
    for arg in args:
        terms += [term for term in _flat(arg, add) if not is_zero(term)]
    if not terms:
        return args[0]
    return terms[0] if len(terms) == 1 else add.make(tuple(terms))


def _mul_shape(args: tuple[Expr, ...], data: Data) -> Shape:
    for arg in args:
        if not arg.is_scalar:
            raise ShapeError(f"{described(arg)} is not a scalar")
    return SCALAR


def _mul_light(args: tuple[Expr, ...], data: Data) -> Expr | None:
    # What divides stands last, as below a fraction bar: a b / c is one form in whatever order.
    coefficient, factors, below = Fraction(1), [], []
    for arg in args:
        for factor in _flat(arg, mul):
            if factor.op is number_op:
                coefficient *= factor.data[0]
            elif factor.op is power and is_number(factor.args[1]) and factor.args[1].data[0] < 0:
                below.append(factor)
            else:
                factors.append(factor)
    factors += below
    if coefficient == 0:
        return number(0)
    if coefficient != 1 or not factors:
        factors.insert(0, number(coefficient))
    return factors[0] if len(factors) == 1 else mul.make(tuple(factors))


def _scale_light(args: tuple[Expr, ...], data: Data) -> Expr | None:
    factor, matrix = args
    if not factor.is_scalar:
        raise ShapeError(f"{described(factor)} is not a scalar")
    if matrix.is_scalar:
        return mul(factor, matrix)
    if matrix.op is scale:
        factor, matrix = mul(factor, matrix.args[0]), matrix.args[1]
    if is_number(factor, 1) or matrix.op is zeros_op:
        return matrix
    if is_number(factor, 0):
        return zero_like(matrix)
    return scale.make((factor, matrix))


def _matmul_shape(args: tuple[Expr, ...], data: Data) -> Shape:
    for left, right in zip(args, args[1:], strict=False):
        if left.shape[1] is not right.shape[0]:
            raise _product_misfit(left, right)
    return (args[0].shape[0], args[-1].shape[1])


def _product_misfit(left: Expr, right: Expr) -> ShapeError:
    p, q = left.shape[1], right.shape[0]
    if left.is_vector and right.is_vector and left.shape == right.shape:
        a, b = left.text(), right.text()
        hint = f"{a}ᵀ {b} is their inner product, {a} {b}ᵀ the outer one, {a} ⊙ {b} the elementwise one"
    elif left.shape[0] is right.shape[0]:
        hint = f"{transpose(left).text()} {right.text()} would fit"
    elif left.shape[1] is right.shape[1]:
        hint = f"{left.text()} {transpose(right).text()} would fit"
    elif left.shape[0] is right.shape[1]:
        hint = f"{right.text()} {left.text()} would fit"
    else:
        hint = None
    return ShapeError(f"cannot multiply {described(left)} by {described(right)}: {p} and {q} differ", hint=hint)


def _matmul_light(args: tuple[Expr, ...], data: Data) -> Expr | None:
    scalars: list[Expr] = []
    factors: list[Expr] = []
    for arg in args:
        if arg.op is scale:
            scalars.append(arg.args[0])
            arg = arg.args[1]
        if arg.is_scalar:
            # A product of a row and a column is a scalar: it commutes out of the chain.
            scalars.append(arg)
        else:
            factors += _flat(arg, matmul)
    if not factors:
        return mul(*scalars)
    _matmul_shape(tuple(factors), data)
    kept = [f for f in factors if f.op is not identity_op] or factors[:1]
    for factor in kept:
        if factor.op is zeros_op:
            return zeros(factors[0].shape[0], factors[-1].shape[1])
    product = kept[0] if len(kept) == 1 else matmul.make(tuple(kept))
    return scale(mul(*scalars), product) if scalars else product


def _transpose_light(args: tuple[Expr, ...], data: Data) -> Expr | None:
    (matrix,) = args
    if matrix.op is transpose:
        return matrix.args[0]
    if matrix.is_scalar or matrix.op in (identity_op, diagonal_matrix):
        return matrix
    if matrix.op is scale:
        return scale(matrix.args[0], transpose(matrix.args[1]))
    if matrix.op in (zeros_op, ones_op):
        return matrix.op.make((), (matrix.shape[1], matrix.shape[0]))
    if matrix.op is commutation_op:
        return commutation(matrix.data[1], matrix.data[0])
    return None


def _hadamard_shape(args: tuple[Expr, ...], data: Data) -> Shape:
    for arg in args[1:]:
        if arg.shape != args[0].shape:
            p, q = next((p, q) for p, q in zip(args[0].shape, arg.shape, strict=True) if p is not q)
            raise ShapeError(
                f"cannot multiply {described(args[0])} and {described(arg)} entry by entry: {p} and {q} differ"
            )
    return args[0].shape


def _hadamard_light(args: tuple[Expr, ...], data: Data) -> Expr | None:
    shape = _hadamard_shape(args, data)
    if shape == SCALAR:
        return mul(*args)
    scalars: list[Expr] = []
    factors: list[Expr] = []
    for arg in args:
        if arg.op is scale:
            scalars.append(arg.args[0])
            arg = arg.args[1]
        if arg.op is zeros_op:
            return arg
        if arg.op is not ones_op:
            factors += _flat(arg, hadamard)
    product = factors[0] if len(factors) == 1 else hadamard.make(tuple(factors)) if factors else ones(*shape)
    return scale(mul(*scalars), product) if scalars else product


add = operation("add", shape=_add_shape, light=_add_light, verb="add")
mul = operation("mul", shape=_mul_shape, light=_mul_light, verb="multiply")  # scalars
scale = operation("scale", "scalar, m n -> m n", light=_scale_light, verb="scale")  # a scalar times a matrix
matmul = operation("matmul", shape=_matmul_shape, light=_matmul_light, verb="multiply")
transpose = operation("transpose", "m n -> n m", light=_transpose_light, verb="transposition", traits="linear")
hadamard = operation("hadamard", shape=_hadamard_shape, light=_hadamard_light, verb="multiply")
kron = operation(
    "kron",
    "m n, p q -> m*p n*q",
    light=lambda args, data: (
        scale(*args) if args[0].is_scalar else scale(args[1], args[0]) if args[1].is_scalar else None
    ),
    verb="Kronecker product",
)


# Powers


def exact_root(value: Fraction, degree: int) -> Fraction | None:
    """The root of a nonnegative rational, where it is rational."""
    parts = []
    for part in (value.numerator, value.denominator):
        if part.bit_length() > 512:
            return None
        root = round(part ** (1 / degree))
        parts.append(next((r for r in (root - 1, root, root + 1) if r >= 0 and r**degree == part), None))
    if parts[0] is None or not parts[1]:
        return None
    return Fraction(parts[0], parts[1])


def _power_light(args: tuple[Expr, ...], data: Data) -> Expr | None:
    base, exponent = args
    if not exponent.is_scalar:
        raise ShapeError(f"the exponent {described(exponent)} is not a scalar")
    if is_number(exponent, 1):
        return base
    if is_number(exponent, 0) or base.op is ones_op or is_number(base, 1):
        return ones(*base.shape)
    if exponent.op is not number_op:
        return None
    value: Fraction = exponent.data[0]
    if base.op is number_op and value.denominator == 1:
        if base.data[0] == 0 and value < 0:
            raise DeriveError("division by zero")
        if abs(value) > 4096:
            raise LimitError(f"the exponent {value} of a number is too large", hint="at most 4096")
        return number(base.data[0] ** int(value))
    if base.op is number_op and base.data[0] >= 0 and value.denominator <= 4:
        root = exact_root(base.data[0], value.denominator)
        if root is not None and (root or value > 0):
            return power(number(root), number(value.numerator))
    if base.op is power and is_number(base.args[1]):
        inner: Fraction = base.args[1].data[0]
        # (a^p)^q = a^(pq) for integer q; not for others, as (a²)^(1/2) = |a|.
        if value.denominator == 1:
            return power(base.args[0], number(inner * value))
    if base.op is mul and value.denominator == 1 and value < 0:
        return mul(*(power(factor, exponent) for factor in base.args))  # 1 / (a b) is (1 / a) / b
    # ‖A‖^t with |t| > 1 is a power of ‖A‖², which is smooth where A = 0; others are powers of ‖A‖.
    if base.op is sq_norm and abs(value) <= Fraction(1, 2):
        return power(norm(base.args[0]), number(2 * value))
    if base.op is norm and abs(value) > 1:
        return power(sq_norm(base.args[0]), number(value / 2))
    return None


power = operation("power", "m n, scalar -> m n", light=_power_light, verb="power")  # entry by entry


def _inv_light(args: tuple[Expr, ...], data: Data) -> Expr | None:
    (matrix,) = args
    if matrix.is_scalar:
        return power(matrix, number(-1))
    if matrix.op is inv:
        return matrix.args[0]
    if matrix.op is identity_op:
        return matrix
    if matrix.op is matpow:
        return matpow(matrix.args[0], -matrix.data[0])
    return None


def _matpow_light(args: tuple[Expr, ...], data: Data) -> Expr | None:
    (matrix,), (exponent,) = args, data
    if abs(exponent) > MAX_EXPONENT:
        raise LimitError(f"the exponent {exponent} of a matrix is too large", hint=f"at most {MAX_EXPONENT}")
    if matrix.is_scalar:
        return power(matrix, number(exponent))
    if not matrix.is_square:
        raise matpow.misfit(args)
    if exponent == 0:
        return identity(matrix.shape[0])
    if exponent == 1 or matrix.op is identity_op:
        return matrix
    if exponent == -1:
        return inv(matrix)
    if matrix.op is inv:
        return matpow(matrix.args[0], -exponent)
    if matrix.op is matpow:
        return matpow(matrix.args[0], matrix.data[0] * exponent)
    return None


inv = operation("inv", "n n -> n n", light=_inv_light, verb="the inverse")
matpow = operation("matpow", "n n -> n n", light=_matpow_light, verb="a power")  # data: (int,)


def raise_to(base: Expr, exponent: Expr) -> Expr:
    """`base^exponent`: a scalar to any power, a square matrix to an integer one."""
    if base.is_scalar:
        return power(base, exponent)
    if base.is_vector:
        b = base.text()
        raise ShapeError(
            f"{described(base)} is a vector and has no powers",
            hint=f"{b if not base.args else f'({b})'}.^2 is its elementwise square, ‖{b}‖² its squared norm",
        )
    if exponent.op is not number_op or exponent.data[0].denominator != 1:
        raise ShapeError(
            f"a matrix can be raised to an integer only, not to {exponent.text()}", hint="A.^t is the elementwise power"
        )
    return matpow(base, int(exponent.data[0]))


def divide(dividend: Expr, divisor: Expr) -> Expr:
    """`dividend / divisor` for a scalar divisor."""
    if not divisor.is_scalar:
        a, b = dividend.text(), divisor.text()
        if divisor.is_square:
            hint = f"{a} {b}⁻¹ and {b}⁻¹ {a} are different; write the one you mean"
        else:
            hint = f"{a} ./ {b} is the elementwise quotient"
        raise ShapeError(
            f"cannot divide {described(dividend)} by {described(divisor)}: only a scalar divides", hint=hint
        )
    if is_zero(divisor):
        raise DeriveError("division by zero")
    return scale(power(divisor, number(-1)), dividend)


# Unit vectors

basis_op = operation("basis", shape=lambda args, data: (data[1], ONE))  # data: (index from 1, size)


def basis(index: DimLike, n: DimLike) -> Expr:
    """The vector e_i of the standard basis: 1 in entry i, counted from 1, of n [MN, 2.1].

    Raises
    ------
    ShapeError
        There is no entry i.
    """
    index, n = Dim.of(index), Dim.of(n)
    if index.value is not None and (index.value < 1 or (n.value is not None and index.value > n.value)):
        raise ShapeError(f"there is no entry {index} among {n}")
    return number(1) if n is ONE else basis_op.make((), (index, n))


# Scalars of matrices

trace = operation(
    "trace",
    "n n -> scalar",
    light=lambda args, data: args[0] if args[0].is_scalar else None,
    verb="the trace",
    traits="linear",
)
det = operation(
    "det", "n n -> scalar", light=lambda args, data: args[0] if args[0].is_scalar else None, verb="the determinant"
)
logdet = operation("logdet", "n n -> scalar", verb="the log-determinant")  # log |det A|
inner = operation(
    "inner",
    "m n, m n -> scalar",
    light=lambda args, data: mul(*args) if args[0].is_scalar and args[1].is_scalar else None,
    verb="take the inner product of",
)  # <A, B> = tr(A' B)
sq_norm = operation("sq_norm", "m n -> scalar", traits="norm")  # ||A||^2, Euclid or Frobenius
norm = operation("norm", "m n -> scalar", traits="norm")  # ||A||, Euclid or Frobenius
norm1 = operation("norm1", "m n -> scalar", traits="norm")  # sum of |entries|
nuclear_norm = operation("nuclear_norm", "m n -> scalar", traits="norm")  # sum of singular values
spectral_norm = operation("spectral_norm", "m n -> scalar", traits="norm")  # largest singular value
sum_entries = operation(
    "sum", "m n -> scalar", light=lambda args, data: args[0] if args[0].is_scalar else None, traits="linear"
)  # of all entries
logsumexp = operation("logsumexp", "n -> scalar")
softmax = operation("softmax", "n -> n", traits="positive")

# Rearrangements

diagonal = operation("diag", "n n -> n", verb="the diagonal", traits="linear")  # the diagonal of a matrix, as a vector
diagonal_matrix = operation(
    "Diag",
    "n -> n n",
    light=lambda args, data: (
        args[0] if args[0].is_scalar else identity(args[0].shape[0]) if args[0].op is ones_op else None
    ),
    verb="diag",
    traits="linear",
)  # the diagonal matrix of a vector
vec = operation(
    "vec", "m n -> m*n", light=lambda args, data: args[0] if args[0].shape[1] is ONE else None, traits="linear"
)  # columns stacked


def _unvec_shape(args: tuple[Expr, ...], data: Data) -> Shape:
    rows, columns = data
    if args[0].shape != (rows * columns, ONE):
        raise ShapeError(f"cannot arrange {described(args[0])} as {shape_text((rows, columns))}")
    return (rows, columns)


unvec = operation(
    "unvec",
    "k -> m n",
    shape=_unvec_shape,
    light=lambda args, data: (
        args[0].args[0] if args[0].op is vec and args[0].args[0].shape == data else args[0] if data[1] is ONE else None
    ),
    traits="linear",
)  # data: (rows, columns); the inverse of vec
tril = operation("tril", "n n -> n n", verb="the lower triangle", traits="linear", adjoint="tril")  # with the diagonal
triu = operation("triu", "n n -> n n", verb="the upper triangle", traits="linear", adjoint="triu")


def _block_shape(args: tuple[Expr, ...], data: Data) -> Shape:
    rows, columns = data
    if len(args) != rows * columns:
        raise ShapeError("the rows of a block matrix have different numbers of blocks")
    for i in range(rows):
        for j in range(columns):
            block = args[i * columns + j]
            for other, axis in ((args[i * columns], 0), (args[j], 1)):
                if block.shape[axis] is not other.shape[axis]:
                    word = "rows" if axis == 0 else "columns"
                    raise ShapeError(f"the blocks {described(other)} and {described(block)} differ in their {word}")
    height, width = Dim.of(0), Dim.of(0)
    for i in range(rows):
        height = height + args[i * columns].shape[0]
    for j in range(columns):
        width = width + args[j].shape[1]
    return (height, width)


def _block_light(args: tuple[Expr, ...], data: Data) -> Expr | None:
    if data == (1, 1):
        return args[0]
    if data[0] != 1 or any(arg.op is not block_op or arg.data[0] != 1 for arg in args):
        return None
    return block([[part for arg in args for part in arg.args]])  # a row of rows is a row; [[A, B], [C, D]] has two


block_op = operation("block", shape=_block_shape, light=_block_light)


def block(rows: Sequence[Sequence[Any]]) -> Expr:
    """The block matrix [A B; C D], given as rows of blocks."""
    flat = tuple(as_expr(entry) for row in rows for entry in row)
    if any(len(row) != len(rows[0]) for row in rows):
        raise ShapeError("the rows of a block matrix have different numbers of blocks")
    return block_op.build(flat, (len(rows), len(rows[0])))


submatrix = operation(
    "submatrix",
    "m n -> p q",
    shape=lambda args, data: (data[1], data[3]),
    light=lambda args, data: args[0] if (data[1], data[3]) == args[0].shape else None,
    traits="linear",
)  # data: (first row, rows, first column, columns), counted from 0

# The two partial contractions of a Kronecker product: pullbacks of kron, closed under differentiation.
# <A (x) B, G> = <A, block_inner(G, B)> = <B, block_sum(G, A)>


def _kron_factor(large: Expr, small: Expr, operation_: str) -> Shape:
    rows, columns = (quotient(big, part, operation_) for big, part in zip(large.shape, small.shape, strict=True))
    return rows, columns


def quotient(product: Dim, factor: Dim, what: str = "division") -> Dim:
    """`product / factor` where it is a dimension."""
    if product is factor:
        return ONE
    if len(factor.terms) == 1:
        (monomial, coefficient), terms = factor.terms[0], []
        for m, c in product.terms:
            powers = dict(m)
            for name, p in monomial:
                powers[name] = powers.get(name, 0) - p
            if c % coefficient or any(p < 0 for p in powers.values()):
                break
            terms.append((tuple(sorted((n, p) for n, p in powers.items() if p)), c // coefficient))
        else:
            return Dim(terms)
    raise ShapeError(f"{what}: {product} is not a multiple of {factor}")


block_inner = operation(
    "block_inner", "a b, p q -> m n", shape=lambda args, data: _kron_factor(args[0], args[1], "block_inner")
)  # entry (i, j) is <block (i, j) of G, B>; the blocks have the shape of B
block_sum = operation(
    "block_sum", "a b, m n -> p q", shape=lambda args, data: _kron_factor(args[0], args[1], "block_sum")
)  # the sum over i, j of A_ij times block (i, j) of G; there are as many blocks as A has entries

# Functions of matrices

expm = operation("expm", "n n -> n n", verb="the matrix exponential")
polar = operation("polar", "m n -> m n")  # U V' of the singular value decomposition: gradient of the nuclear norm
dominant = operation("dominant", "m n -> m n")  # u v' of the largest singular value: gradient of the spectral norm


# Scalar functions, applied to each entry

FUNCTIONS: dict[str, Operation] = {}


def elementwise(name: str, traits: str = "", code: Mapping[str, str] | None = None) -> Operation:
    """Declare a scalar function that applies to each entry."""
    made = operation(name, "m n -> m n", is_elementwise=True, traits=traits, code=code)
    FUNCTIONS[name] = made
    return made


exp = elementwise("exp", "positive")
log = elementwise("log")
sin = elementwise("sin")
cos = elementwise("cos")
tan = elementwise("tan")
arcsin = elementwise("arcsin")
arccos = elementwise("arccos")
arctan = elementwise("arctan")
sinh = elementwise("sinh")
cosh = elementwise("cosh", "positive")
tanh = elementwise("tanh")
absolute = elementwise("abs", "nonnegative")
sign = elementwise("sign")
erf = elementwise("erf")
relu = elementwise("relu", "nonnegative")
step = elementwise("step", "nonnegative")  # 1 where positive, else 0: the derivative of relu
sigmoid = elementwise("sigmoid", "positive")
softplus = elementwise("softplus", "positive")


def sqrt(value: Any) -> Expr:
    """The square root, entry by entry."""
    return power(value, Fraction(1, 2))


def diag(value: Any) -> Expr:
    """The diagonal matrix of a vector, or the diagonal of a matrix as a vector."""
    value = as_expr(value)
    return diagonal_matrix(value) if value.is_vector else diagonal(value)


def mean(value: Any) -> Expr:
    """The mean of all entries."""
    value = as_expr(value)
    return divide(sum_entries(value), dimension(value.shape[0] * value.shape[1]))


def row_sums(value: Any) -> Expr:
    """A 1, the vector of row sums."""
    value = as_expr(value)
    return matmul(value, ones(value.shape[1]))


def column_sums(value: Any) -> Expr:
    """Aᵀ 1, the vector of column sums."""
    value = as_expr(value)
    return matmul(transpose(value), ones(value.shape[0]))


def terms_of(expr: Expr) -> Iterator[Expr]:
    """The summands of a sum; the formula itself if it is none."""
    yield from expr.args if expr.op is add else (expr,)
