"""Wrong input: what is said, what is marked, and the way out that is offered."""

from __future__ import annotations

import re

import pytest

from derive.errors import DeriveError, LimitError, ParseError, ShapeError, UnknownSymbolError, marked
from derive.reading import find_symbol, parse
from derive.reading.limits import MAX_LENGTH, MAX_NESTING
from derive.reading.vocabulary import REFUSED_FUNCTIONS, WRITTEN_OUT

# The formula, its declarations, the error, its message, the text it marks, the hint.
_NORMS = "known: ‖x‖, ‖x‖₁, ‖x‖₃, ‖x‖_∞, ‖X‖_F, ‖X‖_*, ‖X‖_op"
WRONG = [
    ("", None, ParseError, "the formula is empty", "", "for example ½‖WᵀWx − x‖²"),
    ("x +", None, ParseError, "nothing follows +", "+", None),
    ("* x", None, ParseError, "nothing stands before *", "*", "an operand was expected here"),
    ("x ** ", None, ParseError, "nothing follows the power sign", "**", None),
    ("sum(x.²)", None, ParseError, ". is not expected here", ".", None),
    ("(x + y", None, ParseError, "( is not closed", "(", None),
    ("x + y)", None, ParseError, ") closes what was not opened", ")", None),
    ("(x]", None, ParseError, "( is closed by ]", "(x]", None),
    ("‖Wx − y", None, ParseError, "‖ is not closed", "‖", None),
    ("|x", None, ParseError, "| is not closed", "|", None),
    ("‖Wx)", None, ParseError, "‖ is not closed", "‖Wx)", None),
    ("()", None, ParseError, "the bracket is empty", "()", None),
    (
        "x y",
        "x: n, y: n",
        ShapeError,
        "cannot multiply x (n × 1) by y (n × 1): 1 and n differ",
        "x y",
        "xᵀ y is their inner product, x yᵀ the outer one, x ⊙ y the elementwise one",
    ),
    (
        "x*y",
        "x: n, y: n",
        ShapeError,
        "cannot multiply x (n × 1) by y (n × 1): 1 and n differ",
        "x*y",
        "xᵀ y is their inner product, x yᵀ the outer one, x ⊙ y the elementwise one",
    ),
    (
        "x^2",
        "x: n",
        ShapeError,
        "x (n × 1) is a vector and has no powers",
        "x^2",
        "x.^2 is its elementwise square, ‖x‖² its squared norm",
    ),
    (
        "x**2",
        "x: n",
        ShapeError,
        "x (n × 1) is a vector and has no powers",
        "x**2",
        "x.^2 is its elementwise square, ‖x‖² its squared norm",
    ),
    (
        "A/B",
        "A: n×n, B: n×n",
        ShapeError,
        "cannot divide A (n × n) by B (n × n): only a scalar divides",
        "A/B",
        "A B⁻¹ and B⁻¹ A are different; write the one you mean",
    ),
    (
        "x/y",
        "x: n, y: n",
        ShapeError,
        "cannot divide x (n × 1) by y (n × 1): only a scalar divides",
        "x/y",
        "x ./ y is the elementwise quotient",
    ),
    ("a/b c", None, ParseError, "a/b c can be read in two ways", "a/b c", "write (a/b) c or a/(b c)"),
    ("a^b^c", None, ParseError, "a power of a power is ambiguous", "a^b^c", "write (a^b)^c or a^(b^c)"),
    (
        "‖W r − x‖²",
        "W: m×n, r: m, x: n",
        ShapeError,
        "cannot multiply W (m × n) by r (m × 1): n and m differ",
        "W r",
        "Wᵀ r would fit",
    ),
    (
        "A B",
        "A: m×n, B: p×n",
        ShapeError,
        "cannot multiply A (m × n) by B (p × n): n and p differ",
        "A B",
        "A Bᵀ would fit",
    ),
    ("x + A", "x: m, A: m×n", ShapeError, "cannot add x (m × 1) and A (m × n): 1 and n differ", "x + A", None),
    (
        "x + 1",
        "x: n",
        ShapeError,
        "cannot add x (n × 1) and 1 (scalar): n and 1 differ",
        "x + 1",
        "nothing broadcasts: write 𝟏 for the scalar times ones",
    ),
    (
        "A + λ",
        "A: n×n, λ: scalar",
        ShapeError,
        "cannot add A (n × n) and λ (scalar): n and 1 differ",
        "A + λ",
        "nothing broadcasts: write λ I for the scalar times the identity",
    ),
    ("x + y", "x: m, y: n", ShapeError, "cannot add x (m × 1) and y (n × 1): m and n differ", "x + y", None),
    (
        "A ⊙ B",
        "A: m×n, B: n×m",
        ShapeError,
        "cannot multiply A (m × n) and B (n × m) entry by entry: m and n differ",
        "A ⊙ B",
        None,
    ),
    ("tr(A)", "A: m×n", ShapeError, "the trace needs a square matrix, and A (m × n) is not square", "tr(A)", None),
    ("A⁻¹", "A: m×n", ShapeError, "A (m × n) is not square and has no inverse", "A⁻¹", None),
    (
        "x⁻¹",
        "x: n",
        ShapeError,
        "x (n × 1) is a vector and has no powers",
        "x⁻¹",
        "x.^2 is its elementwise square, ‖x‖² its squared norm",
    ),
    (
        "A^2",
        "A: m×n",
        ShapeError,
        "A (m × n) is not square and has no powers",
        "A^2",
        "A.^2 is the power of every entry",
    ),
    (
        "A^2.5",
        "A: n×n",
        ShapeError,
        "A (n × n) has no power 5/2: a matrix is raised to integers",
        "A^2.5",
        "A.^(5/2) is the power of every entry",
    ),
    ("A^x", "A: n×n, x: n", ShapeError, "the exponent x (n × 1) is not a scalar", "A^x", None),
    (
        "|x|",
        "x: n",
        ShapeError,
        "|x| is a determinant or an absolute value, and x (n × 1) has neither",
        "|x|",
        "‖x‖ is its norm, abs(x) holds the absolute entries",
    ),
    (
        "|A|",
        "A: m×n",
        ShapeError,
        "|A| is a determinant or an absolute value, and A (m × n) has neither",
        "|A|",
        "‖A‖ is its norm, abs(A) holds the absolute entries",
    ),
    (
        "e^A",
        "A: n×n",
        ShapeError,
        "e to the power of a matrix A (n × n) can mean two functions",
        "e^A",
        "expm(A) is the matrix exponential, exp(A) that of every entry",
    ),
    ("logsumexp(A)", "A: m×n", ShapeError, "logsumexp needs a vector, and A (m × n) is none", "logsumexp(A)", None),
    ("where(x, a, b)", None, ParseError, "where needs a condition, as in where(x > 0, a, b)", "x", None),
    (
        r"\begin{cases} x & x > 0 \\ y & z \le 0 \end{cases}",
        None,
        ParseError,
        "the cases do not say what holds elsewhere",
        r"z \le 0",
        "write otherwise in the last row",
    ),
    ("sofmax(x)", None, ParseError, "sofmax is not a function we know", "sofmax", "did you mean softmax?"),
    ("nrom(x)", None, ParseError, "nrom is not a function we know", "nrom", "did you mean norm?"),
    ("f(x, y)", None, ParseError, "f takes one operand, not 2", "f(x, y)", None),
    (
        "pinv(A)",
        None,
        ParseError,
        "pinv is not read",
        "pinv",
        "write (AᵀA)⁻¹ Aᵀ for the pseudo-inverse of full column rank",
    ),
    ("kron(A)", None, ParseError, "kron takes two operands, not 1", "kron(A)", None),
    (
        "max(x, y, z)",
        None,
        ParseError,
        "max takes 1 or 2 operands, not 3",
        "max(x, y, z)",
        None,
    ),
    (
        "‖A‖_∞",
        None,
        ShapeError,
        "this norm of A, a matrix, may be of its rows or its entries",
        "‖A‖_∞",
        "‖X‖_max is that of the entries",
    ),  # fmt: skip
    (
        "|y − X b|",
        None,
        ShapeError,
        "|y − X b| is a number's absolute value, and X is a matrix by habit",
        "|y − X b|",
        "write ‖y − X b‖ for a length, or declare X: scalar",
    ),  # fmt: skip
    ("‖x‖_p^p", None, ParseError, "the p-norm is not read", "‖x‖_p", _NORMS + "; with a letter: sum(abs(x).^p)^(1/p)"),
    ("‖x‖^p_p", None, ParseError, "‖x‖^p_p may be ‖x‖_p^p or ‖x‖^(p_p)", "‖x‖^p_p", "write one of these"),
    (r"\sum_i x^n_i", None, ParseError, "x^n_i may be x_i^n or x^(n_i)", "x^n_i", "write one of these"),
    (
        "‖A‖_4",
        "A: m×n",
        ShapeError,
        "‖A‖_4 of a matrix may be of its entries, of its singular values, or an operator norm",
        "‖A‖_4",
        "write sum(abs(A).^4)^(1/4) for that of its entries",
    ),
    (
        "‖x‖_Σ",
        None,
        ParseError,
        "a norm weighted by Σ is not read",
        "‖x‖_Σ",
        "write xᵀ Σ x for its square, or xᵀ Σ⁻¹ x where Σ is a covariance",
    ),
    (
        "Aᴴ",
        None,
        ParseError,
        "conjugates are not read: formulas are real",
        "ᴴ",
        "write ᵀ for the transpose of a real matrix",
    ),
    (
        "A^*",
        None,
        ParseError,
        "conjugates and optima (^*) are not read: formulas are real",
        "^*",
        "write ^T for a transpose, or give the symbol another name",
    ),
    ("A^H", None, ParseError, "conjugate transposes are not read: formulas are real", "^H", "write ^T"),
    ("A^+", None, ParseError, "a pseudo-inverse is not read", "^+", "write (AᵀA)⁻¹ Aᵀ for full column rank"),
    (r"\foo x", None, ParseError, r"\foo is not known", r"\foo", None),
    (r"\sgima(x)", None, ParseError, r"\sgima is not known", r"\sgima", r"did you mean \sigma?"),
    (
        r"\partial L",
        None,
        ParseError,
        r"\partial cannot be read: give the loss, and the variable as wrt",
        r"\partial",
        None,
    ),
    (r"\frac{a}", None, ParseError, r"\frac lacks an argument", r"\frac", None),
    (r"\hat{xy}", None, ParseError, "an accent stands over one letter only", "{xy}", None),
    (r"\mathbf{x", None, ParseError, "this brace is not closed", "{", None),
    ("x}", None, ParseError, "this brace was never opened", "}", None),
    (r"\def\x#1.{x} y", None, ParseError, r"\def cannot be read: macros cannot be defined here", r"\def", None),
    (
        r"\sum_{i \in R(t_i)} x_i",
        None,
        ParseError,
        "a set that depends on t_i is not read",
        r"i \in R(t_i)",
        "name the set by its index",
    ),
    (
        r"\sum_i x_j",
        None,
        ParseError,
        "this sum has no matrix form that we know: nothing in it depends on the index i",
        r"\sum_i x_j",
        "write the matrix formula",
    ),
    (
        r"\prod_{ij} A_{ij}",
        None,
        ParseError,
        r"this sum has no matrix form that we know: \prod_{ij} A_{ij} is no product of the entries of one vector",
        r"\prod_{ij} A_{ij}",
        "write the matrix formula",
    ),
    ("x = x + 1", None, ParseError, "x is defined by itself", "x", None),
    ("r = Wx; r = y; ‖r‖", None, ParseError, "r is defined twice", "r", None),
    (
        "x; y",
        None,
        ParseError,
        "only one formula goes without a name",
        "x",
        "name it, as in r = …; or join the lines",
    ),
    ("L = ‖r‖²; r = As; s = r", None, ParseError, "r is defined by means of itself", "r", None),
    ("x, y", None, ParseError, ", is not expected here", ",", "definitions are separated by ;"),
    ("a == b", None, ParseError, "== compares; a definition has one =", "==", None),
    ("2 + 3 = x", None, ParseError, "the left of = is a name, as in L = … or f(x) = …", "2 + 3", None),
    ("x < y", None, ParseError, "< has no place in a formula", "<", "sizes and properties are declared in `where`"),
    ("[A, B; C]", None, ParseError, "the rows of a block matrix have different numbers of blocks", "[A, B; C]", None),
    ("[A, B]", "A: m×n, B: p×n", ShapeError, "the blocks A (m × n) and B (p × n) differ in their rows", "[A, B]", None),
    ("⟨x⟩", None, ParseError, "an inner product has two sides, as in ⟨A, B⟩", "⟨x⟩", None),
    (
        "⟨x, A⟩",
        "x: n, A: m×n",
        ShapeError,
        "cannot take the inner product of x (n × 1) and A (m × n): n and m differ",
        "⟨x, A⟩",
        None,
    ),
    ("1/0", None, ParseError, "division by zero", "0", None),
    ("x/0", "x: n", DeriveError, "division by zero", "x/0", None),
    ("A^65", "A: n×n", LimitError, "the exponent 65 of a matrix is too large", "A^65", "at most 64"),
    ("2^5000", None, LimitError, "the exponent 5000 of a number is too large", "2^5000", "at most 4096"),
    ("A_{2}[1:2]", None, ParseError, "a window is A[first:last, first:last]", "[1:2]", None),
    ("x\u0000y", None, ParseError, "the control character U+0000 cannot be read", "\u0000", None),
    ("x ∂ y", None, ParseError, "a formula holds no derivative signs", "∂", "give the loss, and the variable as wrt"),
    ("∫x", None, ParseError, "∫ cannot be read", "∫", None),
    ("x…y", None, ParseError, "an ellipsis cannot be read", "…", "write all the terms, or a matrix product"),
    ("x...y", None, ParseError, "an ellipsis cannot be read", "...", "write all the terms, or a matrix product"),
    (
        "sin^{-1} x",
        None,
        ParseError,
        "this power of sin can mean its inverse or its reciprocal",
        "sin^",
        "write sin(…)^k, or the name of the inverse function",
    ),
    ("数学 + ‖（x ＋ ‖", None, ParseError, "( is not closed", "（", None),
    ("½‖(W x − y‖²", None, ParseError, "( is not closed", "(", None),
    (r"\left\|\left[W x - y\right\|^2", None, ParseError, "[ is not closed", "[", None),
    (
        "‖W x − y‖² + λ‖w‖",
        "W: 3×4, x: 5, y: 3",
        ShapeError,
        "cannot multiply W (3 × 4) by x (5 × 1): 4 and 5 differ",
        "W x",
        None,
    ),
    (
        r"\left\| W^\top W x - y \right\|_2^2",
        "W: m×n, x: n, y: m",
        ShapeError,
        "cannot add Wᵀ W x (n × 1) and −y (m × 1): n and m differ",
        r"W^\top W x - y",
        None,
    ),
    ("unvec(v, m)", None, ParseError, "unvec takes a vector and two sizes, as in unvec(v, m, n)", "unvec(v, m)", None),
    ("vector(x)", None, ParseError, "vector takes one number, as in vector(1)", "vector(x)", None),
    ("log_F(x)", None, ParseError, "a subscript of log is not read", "log_F", None),
    ("sum(A, 0)", None, ParseError, "sum takes one operand, not 2", "sum(A, 0)", None),
    ("x_", None, ParseError, "a subscript is missing", "_", None),
    ("x^", None, ParseError, "nothing follows the power sign", "^", None),
    ("where r = x", None, ParseError, "no formula stands before where", "where", None),
    ("x ± y", None, ParseError, "± cannot be read", "±", None),
    (
        "x'*y'",
        "x: n, y: n",
        ShapeError,
        "cannot multiply xᵀ (1 × n) by yᵀ (1 × n): n and 1 differ",
        "x'*y'",
        "x yᵀ would fit",
    ),
    (
        "W x + W y",
        "W: m×n, x: n, y: m",
        ShapeError,
        "cannot multiply W (m × n) by y (m × 1): n and m differ",
        "W y",
        "Wᵀ y would fit",
    ),
    (
        "diag(A)",
        "A: m×n",
        ShapeError,
        "the diagonal needs a square matrix, and A (m × n) is not square",
        "diag(A)",
        None,
    ),
    ("y = ", None, ParseError, "nothing follows =", "=", None),
    ("x.foo", None, ParseError, ".foo is no method we read", ".foo", "known: .T, .dot(…), .sum(), .mean()"),
    (
        "A xᵀ",
        "A: m×n, x: n",
        ShapeError,
        "cannot multiply A (m × n) by xᵀ (1 × n): n and 1 differ",
        "A xᵀ",
        "A x would fit",
    ),
]

# Declarations, the same way.
WRONG_DECLARATIONS = [
    ("x", "x", ParseError, "x has no shape", "x", "write x: m×n, x: n or x: scalar"),
    ("x", "x: ", ParseError, "a shape is missing", ":", "as in W: m×n, x: n, λ: scalar"),
    ("x", "x: m×n×p", ParseError, "a shape has at most two sizes", "m×n×p", "as in W: m×n"),
    ("x", "2: n", ParseError, "2 is not a name", "2", "a declaration is a name, a colon and a shape, as in W: m×n"),
    ("x", "x: n, x: m", ParseError, "x is declared twice, with different shapes", "x", None),
    ("x", "S: m×n spd", ShapeError, "S (m × n) cannot be spd: it is not square", "S", None),
    (
        "x",
        "x: n foo",
        ParseError,
        "foo is no property we know",
        "foo",
        "known: constant, diagonal, idempotent, lower, nonnegative, orthogonal, positive, psd, skew, spd, symmetric, "
        "triangular, upper",
    ),
    (
        "x",
        "x: m/2",
        ParseError,
        "m/2 is no size",
        "m/2",
        "a size is a name, a number or a polynomial of names, as in m, 3, m+1, 2*n",
    ),
    ("x", "x: -1", ParseError, "−1 is no size", "-1", "sizes are at least 1"),
    ("x", "W: m×n symetric", ParseError, "symetric is no property we know", "symetric", "did you mean symmetric?"),
    ("x", "x: 0", ParseError, "0 is no size", "0", "sizes are at least 1"),
]


@pytest.mark.parametrize(
    ("text", "where", "error", "message", "culprit", "hint"), WRONG + WRONG_DECLARATIONS,
    ids=[f"{row[0]} | {row[1]}".replace("\x00", "NUL") for row in WRONG + WRONG_DECLARATIONS],
)  # fmt: skip
def test_wrong_input_is_refused_with_its_place_and_a_way_out(
    text: str, where: str | None, error: type[DeriveError], message: str, culprit: str, hint: str | None
) -> None:
    with pytest.raises(DeriveError) as caught:
        parse(text, where)
    found = caught.value
    assert (type(found), found.message, found.hint) == (error, message, hint)
    assert found.span is not None and found.source in (text, where)
    assert found.source is not None and found.source[slice(*found.span)] == culprit


def test_there_are_enough_of_them() -> None:
    assert len(WRONG) >= 40


def test_the_error_of_the_interface() -> None:
    with pytest.raises(ShapeError) as caught:
        parse("‖W r − x‖²", "W: m×n, r: m, x: n")
    assert str(caught.value).splitlines() == [
        "cannot multiply W (m × n) by r (m × 1): n and m differ",
        "    ‖W r − x‖²",
        "     ^^^",
        "  Wᵀ r would fit",
    ]


def test_wide_characters_are_marked_where_they_stand() -> None:
    with pytest.raises(ParseError) as caught:
        parse("数学 + ‖（x ＋ ‖")
    line, carets = marked("数学 + ‖（x ＋ ‖", caught.value.span or (0, 0))
    assert carets.index("^") == 2 * 2 + len(" + ‖")


def test_long_formulas_are_cut_around_the_mark() -> None:
    text = " + ".join(["xᵀx"] * 100) + " + x) + " + " + ".join(["xᵀx"] * 100)
    with pytest.raises(ParseError) as caught:
        parse(text)
    line, carets = str(caught.value).splitlines()[1:3]
    assert len(line) < 90 and line[carets.index("^")] == ")"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("V", "the formula has no symbol V"),
        ("w", "did you mean W"),
        ("alpha", "a variable that does not occur is declared"),
        ("r", "r is defined in the formula"),
    ],
)
def test_unknown_names(name: str, message: str) -> None:
    with pytest.raises(UnknownSymbolError) as caught:
        find_symbol(parse("r = W x; ‖r‖²"), name)
    assert message in str(caught.value)


# Hostile input


@pytest.mark.parametrize(
    "text",
    [
        "x" * (MAX_LENGTH + 1),
        "x + " * 1_000_000,
        "(" * 100_000,
        "(" * (MAX_NESTING + 1) + "x" + ")" * (MAX_NESTING + 1),
        "‖" * 10_001,
        r"\frac{" * 5000,
        r"\sqrt{" * (MAX_NESTING + 1) + "x" + "}" * (MAX_NESTING + 1),
        "x^" * 5000 + "2",
        "x" + "^{2" * 5000 + "}" * 5000,
        "x+" * 20_000 + "x",
        " ".join(f"x_{i}" for i in range(5000)),
        "tr(" * 5000 + "A" + ")" * 5000,
        "2^(2^(2^(2^(2^99))))",
        "9" * 100,
        "1e999999",
        "A^99999999",
        "A[0:99999999999999999999, 0:1]",
        "(A+B)^64^64",
        "\\mathbf{" * 3000,
        r"\hat" * 3000 + " x",
        r"\mathrm{d}" * 4000 + "X",
        "x_" * 10_000,
        r"x_\mathrm" * 5000,
        "[" * 150 + "A" + "]" * 150,
        r"\begin{bmatrix}" * 200,
        "sum_i " * 300 + "x_i",
        "−" * 30_000 + "x",
        "\u0302" * 100,
        "\u202e x \u202c",
        "\ud800",
        r"\newcommand{\x}{\x\x} \x",
        r"\csname x\endcsname",
        r"\input{/etc/passwd}",
        "x;" * 20_000,
        "(" * 90 + "x" + ")^2" * 90,
    ],
    ids=range(35),
)
def test_hostile_input_is_refused(text: str) -> None:
    with pytest.raises(DeriveError) as caught:
        parse(text)
    assert len(str(caught.value)) < 2000


def test_limits_are_limit_errors() -> None:
    for text in ("x" * (MAX_LENGTH + 1), "(" * 1000 + "x" + ")" * 1000, "9" * 100, "2^99999"):
        with pytest.raises(LimitError):
            parse(text)


@pytest.mark.parametrize("text", ["'" * 4000, "ᵀ" * 4000])
def test_long_chains_of_postfix_signs_are_read(text: str) -> None:
    assert parse("A" + text).expr.text() == "A"


def test_long_sums_and_products_are_read() -> None:
    assert len(parse(" + ".join(["xᵀx"] * 1200)).expr.args) == 1200
    assert len(parse("A" * 3000 + "x", "A: n×n, x: n").expr.args) == 3001


@pytest.mark.parametrize(
    "formula, read",
    [
        (r"\max_i x_i", "max(x)"),
        (r"\max_{i} a_i^T x + b_i", "max(A x + b)"),
        (r"\min_j \|x - c_j\|^2", "−max_row(−((𝟏 xᵀ − C).^2 𝟏)ᵀ)"),
        (r"\lambda\max_i |x_i| + \|x\|^2", "λ max(abs(x)) + ‖x‖²"),
    ],
)
def test_an_extremum_over_an_index_is_not_left_out(formula, read):
    assert parse(formula).expr.text() == read


@pytest.mark.parametrize("formula", [r"\max_{i,j} A_{ij}", r"\sum_i \min_{j>i} \|x_i-c_j\|^2"])
def test_an_extremum_of_more_than_a_vector_is_refused(formula):
    with pytest.raises(DeriveError, match="is no extremum of the entries of one vector|imum over i,j is not read"):
        parse(formula)


@pytest.mark.parametrize("formula", [r"\min_w \|X w - y\|^2", r"\min_{W,b} \|W X + b 1^T - Y\|^2"])
def test_what_is_minimized_is_read_without_the_minimum(formula):
    assert parse(formula).expr.text().startswith("‖")


def test_an_axis_outside_numpy_is_said_where_it_stands() -> None:
    with pytest.raises(ParseError, match="= inside brackets is not read") as error:
        parse("softmax(Q Kᵀ, axis=1) V")
    assert "softmax_row(X)" in str(error.value)


@pytest.mark.parametrize("text", ["y'*K\\y", "x' A \\ x"])
def test_the_backslash_of_matlab_divides_by_what_is_in_brackets(text):
    with pytest.raises(DeriveError, match="may divide as a whole"):
        parse(text)
    assert parse(r"\|A\ x\|^2").expr is parse(r"\|A x\|^2").expr
    assert parse(r"x^T x\ + \ y^T x").expr is parse("xᵀx + yᵀx").expr


@pytest.mark.parametrize("word", [w for w in REFUSED_FUNCTIONS if w.isalpha() and w.isascii() and "arg" not in w])
def test_a_refused_function_is_refused_by_name_behind_a_backslash(word):
    with pytest.raises(ParseError, match=f"{word} (is not read|cannot be read)"):
        parse(rf"\sum \{word}(A)", "A: n×n")


def test_functions_without_a_name_are_refused_with_their_formula():
    for word, typed in [("crossentropy", "cross_entropy(z, y)"), ("mse", "mse(A x, b)"), ("lnorm", "l2norm(x)")]:
        with pytest.raises(ParseError) as refused:
            parse(typed)
        assert refused.value.hint == f"write it out: {WRITTEN_OUT[word]}"
        assert typed.split("(")[0] in str(refused.value)
    with pytest.raises(ParseError) as refused:
        parse("MSE(A x, b)")
    assert refused.value.hint == f"write it out: {WRITTEN_OUT['mse']}"
    for formula in WRITTEN_OUT.values():
        for part in re.split(r" of logits z, | of probabilities| or ", formula):
            assert not part or parse(part)
