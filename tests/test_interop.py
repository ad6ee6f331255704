"""SymPy in, SymPy out: every formula both ways, and its derivative entry by entry as an oracle.

The oracle writes matrices out with symbols for entries and lets SymPy differentiate each
entry; it shares nothing with the rules.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
import sympy
from numpy.testing import assert_allclose
from sympy import (
    BlockMatrix,
    Determinant,
    DiagMatrix,
    Float,
    Function,
    HadamardProduct,
    Identity,
    Inverse,
    KroneckerProduct,
    MatrixSymbol,
    Max,
    OneMatrix,
    Rational,
    Symbol,
    Trace,
    ZeroMatrix,
    besselj,
    exp,
    gamma,
    log,
    sin,
    sqrt,
    symbols,
    tanh,
)
from sympy.matrices.expressions import DiagonalMatrix, DiagonalOf, HadamardPower
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction

import derive
from derive import DeriveError
from derive.interop import from_sympy, sympy_symbols, to_sympy

m, n, p = symbols("m n p", integer=True, positive=True)
k, l = symbols("k l", integer=True)
t = Symbol("t")
s = Symbol("s", positive=True)
A, B, S = (MatrixSymbol(name, n, n) for name in "ABS")
W, V = MatrixSymbol("W", m, n), MatrixSymbol("V", m, n)
X = MatrixSymbol("X", n, p)
x, y = MatrixSymbol("x", n, 1), MatrixSymbol("y", n, 1)
z = MatrixSymbol("z", m, 1)
b = MatrixSymbol("b", 1, 1)
I = Identity(n)
r = W.T * W * x - x
R = W.T * W * X - X

# A SymPy scalar, how we read it, and the symbols to differentiate by.
SCALARS = [
    (Trace(r.T * r) / 2, "½ ‖Wᵀ W x − x‖²", (W, x)),
    (r.T * r / 2, "½ ‖Wᵀ W x − x‖²", (W, x)),
    (Trace(r * r.T) / 2, "½ ‖Wᵀ W x − x‖²", (W,)),
    (-r.T * r, "−‖Wᵀ W x − x‖²", (W,)),
    ((r.T * r / 2).expand(), "½ ‖Wᵀ W x − x‖²", (W,)),
    ((Trace(r.T * r) / 2).expand(), "½ ‖Wᵀ W x − x‖²", (W,)),
    (Trace(R.T * R).doit() / 2, "½ ‖Wᵀ W X − X‖_F²", (W, X)),
    (Trace(R.T * R).expand(), "‖Wᵀ W X − X‖_F²", (W,)),
    (Trace(R * R.T).expand(), "‖Wᵀ W X − X‖_F²", (W,)),
    (Trace(x.T * x) + 2 * t * Trace(x.T * x) + t**2 * Trace(x.T * x), "t² ‖x‖² + 2 t ‖x‖² + ‖x‖²", (x, t)),
    (Trace(((1 + s) * x - y).T * ((1 + s) * x - y)), "‖(s + 1) x − y‖²", (x,)),
    (t * Trace(W.T * W) + Trace((W * x - z).T * (W * x - z)), "t ‖W‖_F² + ‖W x − z‖²", (W, x, t)),
    (sqrt(Trace(r.T * r)), "‖Wᵀ W x − x‖", (W,)),
    (Trace(r.T * r) ** 2, "‖Wᵀ W x − x‖⁴", (x,)),
    (Trace((W.T * W - I) ** 2), "tr((Wᵀ W − I)²)", (W,)),
    (Trace(A), "tr(A)", (A,)),
    (Trace(A * B), "tr(A B)", (A, B)),
    (Trace(A.T * B), "tr(Aᵀ B)", (A, B)),
    (Trace(A) ** 2 + 1, "tr(A)² + 1", (A,)),
    (Trace(A) / n, "tr(A) / n", (A,)),
    (x.T * A * x, "xᵀ A x", (x, A)),
    (Trace(x.T * A.T * A * x), "‖A x‖²", (x, A)),
    (x.T * y, "xᵀ y", (x,)),
    (x.T * OneMatrix(n, 1), "sum(x)", (x,)),
    (OneMatrix(1, m) * W * OneMatrix(n, 1), "sum(W)", (W,)),
    (Determinant(A), "det(A)", (A,)),
    (Determinant(A * B), "det(A B)", (A, B)),
    (log(Determinant(A)), "logdet(A)", (A,)),
    (log(sympy.Abs(Determinant(A))) + Trace(Inverse(A) * B), "logdet(A) + tr(A⁻¹ B)", (A, B)),
    (Trace(A**-2 * B), "tr(A⁻² B)", (A,)),
    (Trace(Inverse(A.T) * B), "tr(A⁻ᵀ B)", (A,)),
    (x.T * A**3 * y, "xᵀ A³ y", (A,)),
    (Trace(HadamardProduct(A, B) * S), "tr((A ⊙ B) S)", (A, S)),
    (Trace(HadamardPower(A, 3) * B), "tr(A.^3 B)", (A,)),
    (Trace(KroneckerProduct(A, B)), "tr(A ⊗ B)", (A, B)),
    (x.T * DiagMatrix(y) * x, "xᵀ diag(y) x", (x, y)),
    (x.T * DiagonalOf(A), "xᵀ diag(A)", (A,)),
    (Trace(DiagonalMatrix(A) * B), "tr(diag(diag(A)) B)", (A, B)),
    (OneMatrix(1, n) * x.applyfunc(sin), "sum(sin(x))", (x,)),
    (OneMatrix(1, m) * (W * x).applyfunc(tanh), "sum(tanh(W x))", (W, x)),
    (OneMatrix(1, n) * x.applyfunc(lambda u: 1 / (1 + exp(-u))), "sum(σ(x))", (x,)),
    (OneMatrix(1, n) * x.applyfunc(lambda u: log(1 + exp(u))), "sum(softplus(x))", (x,)),
    (OneMatrix(1, n) * x.applyfunc(lambda u: u**2 + 3 * u + 1), "sum(x.^2 + 3 x + 𝟏)", (x,)),
    (OneMatrix(1, n) * x.applyfunc(lambda u: u * exp(-(u**2) / 2)), "sum(x ⊙ exp(−½ x.^2))", (x,)),
    (OneMatrix(1, n) * x.applyfunc(lambda u: 2**u), "sum(exp(log(2) x))", (x,)),
    (log(Trace(OneMatrix(1, n) * x.applyfunc(exp))), "logsumexp(x)", (x,)),
    (exp(t) * t**2 + sqrt(s) * sympy.pi, "π sqrt(s) + t² exp(t)", (t, s)),
    (sin(t * Trace(A)), "sin(t tr(A))", (t, A)),
    (Max(0, t * s), "relu(s t)", (t,)),
    (b[0, 0] * Trace(A) + b[0, 0] ** 2, "b² + b tr(A)", (b, A)),
    (Trace((A + t * I) ** -1), "tr((t I + A)⁻¹)", (t, A)),
    (Determinant(I + x * y.T), "det(x yᵀ + I)", (x,)),
    (Trace(BlockMatrix([[A, B], [S, A]]) ** 2), "tr([A, B; S, A]²)", (A, B)),
    (Trace(A[0:2, 0:2]), "tr(A[0:2, 0:2])", (A,)),
]  # fmt: skip
MATRICES = [
    (W.T * W * x - x, "Wᵀ W x − x"),
    (Rational(2, 3) * A * B.T, "⅔ A Bᵀ"),
    (Float("0.1") * A, "1/10 A"),
    (ZeroMatrix(n, n) + A, "A"),
    (x * y.T + y * x.T, "x yᵀ + y xᵀ"),
    (t * Identity(n) + A, "t I + A"),
    (A * x / sqrt(Trace(x.T * x)), "A x / ‖x‖"),
    (x * (x.T * x) ** -1, "x / ‖x‖²"),
    (HadamardProduct(A, HadamardPower(B, -1)), "A ⊘ B"),
    (OneMatrix(n, 1) * x.T, "𝟏_n xᵀ"),
    (BlockMatrix([[A, x], [x.T, Identity(1)]]), "[A, x; xᵀ, 1]"),
    (KroneckerProduct(A, W, X), "A ⊗ W ⊗ X"),
    (x.applyfunc(exp) / Trace(OneMatrix(1, n) * x.applyfunc(exp)), "softmax(x)"),
    (sympy.Matrix([[1, 2], [3, t]]) * MatrixSymbol("Z", 2, 2), "[1, 2; 3, t] Z"),
]  # fmt: skip
SIZES = {m: 2, n: 3, p: 2}


def small(expr):
    """The expression with sizes of two and three."""
    return expr.xreplace({k: sympy.Integer(v) for k, v in SIZES.items()}) if hasattr(expr, "xreplace") else expr


def entries(symbol):
    """A matrix of symbols in the shape of a matrix symbol."""
    rows, columns = (int(size) for size in symbol.shape)
    return sympy.ImmutableMatrix(rows, columns, lambda i, j: Symbol(f"{symbol.name}_{i}{j}", positive=True))


def explicit(expr, given):
    """A SymPy expression written out over entries, by the definition of each operation."""
    if expr in given:
        return given[expr]
    if not expr.args or isinstance(expr, MatrixSymbol):
        kind = type(expr).__name__
        return entries(expr) if kind == "MatrixSymbol" else expr
    if isinstance(expr, ElementwiseApplyFunction):
        return explicit(expr.expr, given).applyfunc(expr.function)
    if isinstance(expr, BlockMatrix):
        rows, columns = expr.blockshape
        table = [[explicit(expr.blocks[i, j], given) for j in range(columns)] for i in range(rows)]
        return sympy.ImmutableMatrix(sympy.Matrix([list(row) for row in _stacked(table)]))
    if isinstance(expr, (Identity, ZeroMatrix, OneMatrix)):
        rows, columns = (int(size) for size in expr.shape)
        values = {"Identity": lambda i, j: int(i == j), "ZeroMatrix": lambda i, j: 0, "OneMatrix": lambda i, j: 1}
        return sympy.ImmutableMatrix(rows, columns, values[type(expr).__name__])
    if isinstance(expr, sympy.MatrixSlice):
        (r0, r1, _), (c0, c1, _) = expr.rowslice, expr.colslice
        return explicit(expr.parent, given)[int(r0) : int(r1), int(c0) : int(c1)]
    if isinstance(expr, sympy.MatrixBase):
        return expr
    args = [explicit(a, given) for a in expr.args]
    matrices = [a for a in args if isinstance(a, sympy.MatrixBase)]
    return WRITTEN_OUT.get(type(expr).__name__, lambda expr, args, matrices: expr.func(*args))(expr, args, matrices)


def _stacked(table):
    for row in table:
        for i in range(row[0].rows):
            yield [entry for block in row for entry in block[i, :]]


def _product(expr, args, matrices):
    value = matrices[0]
    for factor in matrices[1:]:
        value = value * factor
    for scalar in args:
        if not isinstance(scalar, sympy.MatrixBase):
            value = scalar * value
    return value


def _entrywise(expr, args, matrices):
    value = matrices[0]
    for factor in matrices[1:]:
        value = value.multiply_elementwise(factor)
    return value


def _kron(expr, args, matrices):
    value = matrices[0]
    for factor in matrices[1:]:
        rows = [[value[i, j] * factor for j in range(value.cols)] for i in range(value.rows)]
        value = sympy.ImmutableMatrix(sympy.Matrix([list(row) for row in _stacked(rows)]))
    return value


WRITTEN_OUT = {
    "MatAdd": lambda expr, args, matrices: sum(matrices[1:], matrices[0]),
    "MatMul": _product,
    "MatPow": lambda expr, args, matrices: matrices[0] ** args[1] if matrices[0].rows > 1 else matrices[0].applyfunc(
        lambda v: v ** args[1]
    ),
    "Inverse": lambda expr, args, matrices: matrices[0].inv(),
    "Transpose": lambda expr, args, matrices: matrices[0].T,
    "Trace": lambda expr, args, matrices: sum(matrices[0][i, i] for i in range(matrices[0].rows)),
    "Determinant": lambda expr, args, matrices: matrices[0].det(method="berkowitz"),
    "HadamardProduct": _entrywise,
    "HadamardPower": lambda expr, args, matrices: matrices[0].applyfunc(lambda v: v ** args[1]),
    "KroneckerProduct": _kron,
    "DiagMatrix": lambda expr, args, matrices: sympy.ImmutableMatrix(sympy.diag(*matrices[0])),
    "DiagonalOf": lambda expr, args, matrices: sympy.ImmutableMatrix(
        [matrices[0][i, i] for i in range(matrices[0].rows)]
    ),
    "DiagonalMatrix": lambda expr, args, matrices: sympy.ImmutableMatrix(
        sympy.diag(*(matrices[0][i, i] for i in range(matrices[0].rows)))
    ),
    "MatrixElement": lambda expr, args, matrices: matrices[0][int(args[1]), int(args[2])],
}  # fmt: skip


def point(*exprs):
    """A number for each entry and each scalar of the expressions, and the arrays they make."""
    random = np.random.default_rng(7)
    numbers, arrays = {}, {}
    for held in sorted({a for e in exprs for a in e.atoms(MatrixSymbol)}, key=str):
        matrix = entries(held)
        values = random.uniform(0.3, 1.2, size=matrix.shape) + (np.eye(*matrix.shape) if matrix.shape[1] > 1 else 0)
        numbers |= {matrix[i, j]: values[i, j] for i in range(matrix.rows) for j in range(matrix.cols)}
        arrays[str(held.name)] = values if matrix.cols > 1 else values[:, 0] if matrix.rows > 1 else values[0, 0]
    for scalar in sorted({a for e in exprs for a in e.free_symbols if type(a) is Symbol}, key=str):
        numbers[scalar] = random.uniform(0.3, 1.2)
        arrays[scalar.name] = numbers[scalar]
    return numbers, arrays


def given_numbers(expr, numbers):
    """The numbers in place of each symbol, so that nothing large is written out."""
    matrices = {M: entries(M).xreplace(numbers) for M in expr.atoms(MatrixSymbol)}
    return matrices | {symbol: number for symbol, number in numbers.items() if isinstance(symbol, Symbol)}


def value(expr, numbers):
    """A SymPy expression as an array; a 1 × 1 matrix is a number."""
    written = explicit(expr, given_numbers(expr, numbers))
    if isinstance(written, sympy.MatrixBase):
        array = np.array(written.subs(numbers).evalf(), dtype=float)
        return array[0, 0] if array.shape == (1, 1) else array
    return float(sympy.sympify(written).subs(numbers).evalf())


def evaluated(expr, arrays):
    """Our value of the same, 2-D."""
    names = {s.name for s in derive.expr.symbols_of(expr)}
    array = np.asarray(expr.evaluate(**{k: v for k, v in arrays.items() if k in names}))
    return array[:, None] if array.ndim == 1 else array


ROWS = [(e, text) for e, text, _ in SCALARS] + MATRICES
IDS = [f"{text} <- {e}"[:70] for e, text in ROWS]


@pytest.mark.parametrize(("theirs", "text"), ROWS, ids=IDS)
def test_sympy_is_read_as_people_write_it(theirs, text):
    assert from_sympy(theirs).text() == text


@pytest.mark.parametrize(("theirs", "text"), ROWS, ids=IDS)
def test_reading_keeps_the_value(theirs, text):
    held = small(theirs)
    numbers, arrays = point(held)
    assert_allclose(np.squeeze(evaluated(from_sympy(held), arrays)), np.squeeze(value(held, numbers)), rtol=1e-9)


@pytest.mark.parametrize(("theirs", "text"), ROWS, ids=IDS)
def test_writing_keeps_the_value_and_the_symbols(theirs, text):
    held = small(theirs)
    numbers, _ = point(held)
    back = to_sympy(from_sympy(held), sympy_symbols(held))
    assert back.atoms(MatrixSymbol) <= held.atoms(MatrixSymbol)
    assert back.free_symbols <= held.free_symbols
    assert_allclose(np.squeeze(value(back, numbers)), np.squeeze(value(held, numbers)), rtol=1e-9)


@pytest.mark.parametrize(("theirs", "text"), ROWS, ids=IDS)
def test_what_is_written_is_canonical_and_read_back(theirs, text):
    ours = from_sympy(theirs)
    back = to_sympy(ours, sympy_symbols(theirs))
    assert back == back.doit()
    assert derive.equal(from_sympy(back), ours).verdict == "proved"


GRADIENTS = [(e, w, text) for e, text, by in SCALARS for w in by]


@pytest.mark.parametrize(("loss", "wrt", "text"), GRADIENTS, ids=[f"{t} by {w}"[:60] for _, w, t in GRADIENTS])
def test_gradient_agrees_with_the_derivative_along_a_direction(loss, wrt, text):
    held, by = small(loss), small(wrt)
    numbers, arrays = point(held)
    t = Symbol("t", real=True)
    variables = list(entries(by)) if isinstance(by, MatrixSymbol) else [by]
    direction = np.random.default_rng(8).uniform(0.5, 1.5, size=len(variables)) * (-1) ** np.arange(len(variables))
    moved = numbers | {v: numbers[v] + d * t for v, d in zip(variables, direction, strict=True)}
    written = explicit(held, given_numbers(held, moved))
    written = written[0, 0] if isinstance(written, sympy.MatrixBase) else sympy.sympify(written)
    slope = float(written.diff(t).subs(t, 0).evalf())
    derivation = derive.gradient(held, by)
    assert_allclose(np.ravel(evaluated(derivation.boxed, arrays)) @ direction, slope, rtol=1e-8, atol=1e-10)
    back = derivation.to_sympy()
    assert back.atoms(MatrixSymbol) <= held.atoms(MatrixSymbol)
    assert_allclose(np.ravel(value(back, numbers)) @ direction, slope, rtol=1e-8, atol=1e-10)


def test_the_oracle_rejects_a_planted_error():
    held = small(Trace(W.T * W))
    numbers, arrays = point(held)
    oracle = entries(small(W)).applyfunc(lambda v: explicit(held, {}).diff(v))
    want = np.array(oracle.subs(numbers).evalf(), dtype=float)
    right, wrong = derive.gradient(held, small(W)).boxed, from_sympy(small(W))
    assert_allclose(evaluated(right, arrays), want, rtol=1e-9)
    with pytest.raises(AssertionError):
        assert_allclose(evaluated(wrong, arrays), want, rtol=1e-9)


def test_the_box_is_over_the_callers_own_symbols():
    size = Symbol("k", integer=True, positive=True)
    M, v = MatrixSymbol("M", size, size), MatrixSymbol("v", size, 1)
    rate = Symbol("lambda", positive=True)
    box = derive.gradient(rate * Trace(M.T * M) + Trace(v.T * M * v), M).to_sympy()
    assert box == 2 * rate * M + v * v.T
    assert box.free_symbols == {M, v, rate} or box.free_symbols <= {M, v, rate, size}


def test_a_direction_of_sympy_comes_back():
    D = MatrixSymbol("D", m, n)
    product = derive.hvp(Trace(W.T * W) / 2, W, D)
    assert product.to_sympy() == D and product.to_sympy().shape == (m, n)


def test_flagship_is_the_same_as_from_text():
    from_text = derive.gradient("½‖WᵀWx − x‖²", "W")
    assert derive.gradient(Trace(r.T * r) / 2, W).boxed is from_text.boxed
    expected = W * (W.T * W * x * x.T + x * x.T * W.T * W - 2 * x * x.T)
    assert derive.gradient(r.T * r / 2, W).to_sympy() == expected.doit()
    assert from_text.to_sympy().xreplace({}) == expected.doit()


def test_an_expression_works_where_sympy_is_expected():
    M = derive.parse("A Bᵀ", "A: n×p, B: m×p")
    assert sympy.sympify(M).shape == (n, m)
    assert sympy.sympify(derive.parse("tr(A)", "A: n×n")) + 1 == Trace(A) + 1


def test_scalar_symbols_keep_their_assumptions():
    assert "positive" in from_sympy(s).properties
    assert to_sympy(derive.parse("λ ‖x‖²", "λ: scalar positive, x: n")).free_symbols >= {
        Symbol("lambda", positive=True)
    }


def test_numbers_are_exact():
    assert from_sympy(Float(0.1)).data == (Fraction(1, 10),)
    assert from_sympy(Float("0.1", 40)).data == (Fraction(1, 10),)
    assert from_sympy(Rational(2, 7)).data == (Fraction(2, 7),)


def test_names_come_back():
    for name in ("lambda", "xhat", "W_1", "Sigma", "x_1", "betahat_2", "alpha"):
        assert to_sympy(from_sympy(Symbol(name))) == Symbol(name)


NAMED = [
    "vec(W)", "expm(A)", "tril(A)", "triu(A)", "K(m, n) vec(W)", "‖W‖_*", "‖W‖_{op}",
]  # fmt: skip


@pytest.mark.parametrize("formula", NAMED)
def test_what_sympy_lacks_is_a_function_of_its_name(formula):
    ours = derive.parse(formula, "W: m×n, A: n×n")
    theirs = to_sympy(ours)
    assert theirs == theirs.doit()
    assert from_sympy(theirs) is ours
    assert pickle.loads(pickle.dumps(theirs)) == theirs


@pytest.mark.parametrize("formula", ["s A B ⊗ C", "n (s A B ⊗ C)", "‖(s A B ⊗ t C A) v‖²", "⟨s A B ⊗ C, D⟩", "s A ⊗ B"])
def test_scalars_stand_before_a_kronecker_product(formula):
    ours = derive.parse(formula, "A: n×n, B: n×n, C: n×n, s: scalar, t: scalar, v: n^2, D: n^2×n^2")
    theirs = to_sympy(ours)
    assert theirs == theirs.doit()
    assert derive.equal(from_sympy(theirs), ours) == "proved"


def test_a_power_with_a_determinant_above_is_read_back():
    ours = derive.parse("|e − π|^(logdet(2 I + ¼ A))", "A: n×n")
    assert derive.equal(from_sympy(to_sympy(ours)), ours) == "agrees"


def test_an_error_of_sympy_is_one_of_ours():
    """SymPy asks whether a power with a sum of matrices in its exponent is real, and fails."""
    with pytest.raises(DeriveError, match="SymPy fails on the operand of relu"):
        to_sympy(derive.parse("relu(|e − π|^(logdet(2 I + ¼ A)))", "A: n×n"))


def test_entries_of_named_functions():
    M = MatrixSymbol("M", 2, 3)
    numbers, arrays = point(M)
    for formula in ("vec(M)", "K(2, 3) vec(M)", "tril(M Mᵀ)", "triu(M Mᵀ)"):
        ours = derive.parse(formula, "M: 2×3")
        written = to_sympy(ours, {"M": M}).as_explicit().xreplace({M: entries(M)}).doit()
        assert_allclose(np.array(written.subs(numbers).evalf(), dtype=float), evaluated(ours, arrays), rtol=1e-9)


SUMS = [
    lambda A, W, x, z, n, m: (x.T * A * x)[0, 0],
    lambda A, W, x, z, n, m: (z.T * W * x)[0, 0] * sympy.Sum(x[k, 0] ** 2, (k, 0, n - 1)),
    lambda A, W, x, z, n, m: sympy.Sum(W[k, l] * x[l, 0] * z[k, 0], (k, 0, m - 1), (l, 0, n - 1)),
    lambda A, W, x, z, n, m: sympy.Sum((sympy.Sum(W[k, l] * x[l, 0], (l, 0, n - 1)) - s * z[k, 0]) ** 2, (k, 0, m - 1)),
    lambda A, W, x, z, n, m: sympy.Sum(log(1 + exp(-z[k, 0] * (W * x)[k, 0])), (k, 0, m - 1)),
    lambda A, W, x, z, n, m: sympy.Sum(A[k, k] / (1 + s), (k, 0, n - 1)),
    lambda A, W, x, z, n, m: sympy.Sum(W[l, k] ** 2 + x[k, 0], (k, 0, n - 1), (l, 0, m - 1)),
]


@pytest.mark.parametrize("number", range(len(SUMS)))
def test_sums_over_entries_have_the_value_that_sympy_gives_them(number):
    theirs = SUMS[number](A, W, x, z, n, m)
    small = SUMS[number](
        *(MatrixSymbol(name, *shape) for name, shape in (("A", (3, 3)), ("W", (2, 3)), ("x", (3, 1)), ("z", (2, 1)))),
        3, 2,
    )  # fmt: skip
    numbers, arrays = point(small)
    expected = float(sympy.sympify(small.doit()).xreplace(_of_elements(small, numbers)).evalf())
    ours = from_sympy(theirs)
    assert {str(size) for symbol in derive.expr.symbols_of(ours) for size in symbol.shape} <= {"1", "m", "n"}
    assert_allclose(evaluated(ours, arrays), expected, rtol=1e-9)


def _of_elements(small, numbers):
    """The numbers of the entries, by the entries of the symbols."""
    held = {s: v for s, v in numbers.items() if isinstance(s, Symbol)}
    for symbol in small.atoms(MatrixSymbol):
        matrix = entries(symbol)
        held |= {symbol[i, j]: numbers[matrix[i, j]] for i in range(matrix.rows) for j in range(matrix.cols)}
    return held


@pytest.mark.parametrize(
    ("theirs", "named"),
    [
        (A[0, 1], "MatrixElement"),
        (sympy.Sum(x[k, 0] * x[k + 1, 0], (k, 0, n - 2)), "no sum runs over"),
        (sympy.Sum(x[k, 0], (k, 0, m - 1)), "runs over m"),
        (sympy.Sum(V[k, l], (k, 0, m - 1)), "no sum runs over"),
        (sympy.Sum(x[k, 0], (k, 1, n - 1)), "begins at 0"),
        (
            sympy.Sum(sympy.Indexed("a", k) * sympy.Indexed("a", k + 1), (k, 0, 3)),
            "is not an entry at one or two indices of the sum",
        ),
        (sympy.Sum(k * sympy.Indexed("a", k), (k, 1, n)), "stands for a number"),
        (sympy.Sum(sympy.Indexed("a", k), (k, 2, n)), "begins at 0"),
        (sympy.Sum(sympy.Indexed("a", k) * x[k, 0], (k, 1, n)), "begins at 0"),
        (sympy.Adjoint(A), "complex"),
        (sympy.I * t, "complex"),
        (exp(A), "applyfunc"),
        (A**n, "MatPow"),
        (A ** Rational(1, 2), "MatPow"),
        (Symbol("z", imaginary=True), "complex"),
        (Symbol("q", commutative=False), "noncommutative"),
        (MatrixSymbol("Q", n / 2, 1), "size n/2"),
        (sympy.Integral(t, t), "Integral"),
        (sympy.oo, "Infinity"),
        (sympy.nan, "NaN"),
        (Max(t, s), "Max"),
        (sympy.Permanent(A), "Permanent"),
        (sympy.Eq(t, 1), "Equality"),
        (Symbol("n") * Trace(A), "one name"),
        (sympy.FunctionMatrix(2, 2, sympy.Lambda((m, n), m + n)), "FunctionMatrix"),
        (sympy.Derivative(Function("f")(t), t), "Derivative"),
        (sympy.atan2(t, s), "atan2"),
        (A[0:3:2, 0:2], "MatrixSlice"),
    ],
    ids=str,
)
def test_what_has_no_counterpart_is_refused_by_name(theirs, named):
    with pytest.raises(DeriveError, match=named):
        from_sympy(theirs)


@pytest.mark.parametrize("thing", ["W*x", None, object(), [1, 2], {"a": 1}])
def test_only_sympy_is_read(thing):
    with pytest.raises(DeriveError):
        from_sympy(thing)


# Functions without a name of ours


@pytest.mark.parametrize(
    "function", [gamma, sympy.asinh, sympy.erfc, lambda u: besselj(0, u) * u, lambda u: gamma(u**2) + sympy.loggamma(u)]
)
def test_a_function_of_ones_own_is_differentiated_by_sympy(function):
    loss = OneMatrix(1, 3) * MatrixSymbol("x", 3, 1).applyfunc(function)
    u = sympy.Dummy("u")
    derivation = derive.gradient(loss, "x")
    at = np.array([0.7, 1.3, 2.1])
    want = [float(sympy.diff(function(u), u).subs(u, v).evalf()) for v in at]
    assert_allclose(derivation.boxed.evaluate(x=at), want, rtol=1e-9)
    assert derivation.verify() < 1e-6


def test_an_unknown_function_is_differentiated_by_name():
    f = Function("f")
    derivation = derive.gradient(OneMatrix(1, n) * (A * x).applyfunc(f), x)
    assert derivation.boxed.text() == "Aᵀ f′(A x)"
    with pytest.raises(DeriveError, match="no function f is given"):
        derivation.loss.evaluate(A=np.eye(2), x=np.ones(2))
    assert derivation.loss.evaluate(A=np.eye(2), x=np.ones(2), f=np.exp) == 2 * np.e
    assert from_sympy(derivation.boxed.to_sympy()) == derivation.boxed
    slope = derive.gradient("f(a'x)", "x").boxed.to_sympy().args
    assert any(isinstance(part, sympy.Subs) for part in slope)


def test_large_input_is_refused():
    with pytest.raises(DeriveError, match="written out"):
        from_sympy(sympy.ImmutableMatrix(30, 30, lambda i, j: i + j))
    deep = derive.symbols("x: n")
    for _ in range(500):
        deep = derive.sin(deep)
    with pytest.raises(DeriveError, match="deep"):
        to_sympy(deep)


@pytest.mark.parametrize(("function", "backend"), [(sympy.asinh, "numpy"), (gamma, "scipy"), (sympy.erfc, "scipy")])
def test_code_calls_a_function_of_ones_own(function, backend):
    derivation = derive.gradient(OneMatrix(1, 3) * MatrixSymbol("x", 3, 1).applyfunc(function), "x")
    at = np.array([0.7, 1.3, 2.1])
    assert_allclose(derivation.function(backend)(x=at), derivation.boxed.evaluate(x=at), rtol=1e-12)


def test_a_function_of_sympy_goes_to_another_process():
    derivation = derive.gradient(OneMatrix(1, 3) * MatrixSymbol("x", 3, 1).applyfunc(gamma), "x")
    known = "import sys, pickle; print(pickle.load(sys.stdin.buffer).boxed.text())"
    done = subprocess.run(
        [sys.executable, "-c", known], input=pickle.dumps(derivation), capture_output=True, check=True
    )
    assert done.stdout.decode("utf-8").strip() == derivation.boxed.text()


def test_a_library_without_the_function_is_named():
    derivation = derive.gradient(OneMatrix(1, 3) * MatrixSymbol("x", 3, 1).applyfunc(gamma), "x")
    with pytest.raises(DeriveError, match="no counterpart in numpy"):
        derivation.source("numpy")


def test_a_sum_keeps_its_symbols_and_refuses_what_is_no_entry():
    i, j = sympy.symbols("i j", integer=True)
    v, M, named_I = MatrixSymbol("x", n, 1), MatrixSymbol("A", n, n), MatrixSymbol("I", n, n)
    y, z, B = map(sympy.IndexedBase, "yzB")
    for written, text in [
        (sympy.Sum(Symbol("x_1") * v[i, 0], (i, 0, n - 1)), "x₁ sum(x)"),
        (sympy.Sum(Symbol("x_i") * v[i, 0], (i, 0, n - 1)), "xᵢ sum(x)"),
        (sympy.Sum(Symbol("A_12") * M[i, i], (i, 0, n - 1)), "A₁₂ sum(diag(A))"),
        ((v.T * (M + Identity(n)).inv() * v)[0, 0], "⟨x, (I + A)⁻ᵀ x⟩"),
        (sympy.Sum((y[i] - Symbol("mu") * z[i]) ** 2, (i, 1, n)), "‖y − μ z‖²"),
        (sympy.Sum((y[i] - sympy.Sum(B[i, j] * z[j], (j, 1, m))) ** 2, (i, 1, n)), "‖y − B z‖²"),
        (sympy.log(sympy.Sum(exp(z[i]), (i, 0, n - 1))), "logsumexp(z)"),
        (sympy.Sum(named_I[j, i] * v[i, 0], (i, 0, n - 1), (j, 0, n - 1)), "sum(I x)"),
    ]:
        assert from_sympy(written).text() == text
    for refused, said in [
        (sympy.Sum(M[j, i], (i, 0, j - 1), (j, 0, n - 1)), "stands for a number"),
        (sympy.Sum(Symbol("c") ** j * v[j, 0], (j, 0, n - 1)), "stands for a number"),
        (sympy.Sum(Function("f")(v[i, 0]), (i, 0, n - 1)), "f of an entry"),
        (sympy.Sum(sympy.Heaviside(v[i, 0]) * v[i, 0], (i, 0, n - 1)), "Heaviside of an entry"),
        (sympy.Sum(sympy.KroneckerDelta(i, j) * M[i, j], (i, 0, n - 1), (j, 0, n - 1)), "KroneckerDelta"),
    ]:
        with pytest.raises(DeriveError, match=said):
            from_sympy(refused)
