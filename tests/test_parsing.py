"""Formulas in Unicode, ASCII and NumPy: shapes, kinds, names, readings, declarations."""

from __future__ import annotations

import numpy as np
import pytest

import derive
from derive.errors import DeriveError, ParseError, ShapeError, UnknownSymbolError
from derive.expr import Expr, number, symbol
from derive.numeric import evaluate_public
from derive.operations import add, hadamard, inner, inv, logdet, matpow, power, scale, sq_norm, transpose
from derive.reading import Parsed, declarations, find_symbol, parse, parse_together, redeclare
from derive.shapes import Dim
from tests.written import LATEX, PLAIN, agrees

W, x, lam = symbol("W", "m", "n"), symbol("x", "n"), symbol("λ")
half = number(1) / 2


def read(text: str, where: str | None = None, **options: object) -> Expr:
    return parse(text, where, **options).expr  # type: ignore[arg-type]


@pytest.mark.parametrize(("text", "shapes", "code"), PLAIN, ids=[row[0] for row in PLAIN])
def test_formulas_evaluate_to_what_they_mean(text: str, shapes: dict[str, str], code: str) -> None:
    agrees(text, shapes, code)


def test_a_wrong_meaning_is_noticed() -> None:
    with pytest.raises(AssertionError):
        agrees("½‖WᵀWx − x‖²", {"W": "m n", "x": "n"}, "sq(W.T@W@x+x)/2")


# The four spellings


@pytest.mark.parametrize(
    "text",
    [
        "½‖WᵀWx − x‖²",
        "½‖WᵀWx−x‖₂²",
        "1/2*norm2(W'*W*x - x)^2",
        "0.5 * norm(W.T @ W @ x - x)**2",
        r"\frac12 \left\| W^\top W x - x \right\|_2^2",
        r"\frac{1}{2}\Vert \mathbf{W}^T\mathbf{Wx} - \mathbf{x}\Vert_2 ^2",
        "‖WᵀWx − x‖² / 2",
        "0.5‖W'W x - x‖^2",
        "L = ½‖WᵀWx − x‖²",
        "f(W, x) = ½‖WᵀWx − x‖²",
        "r = WᵀWx − x; L = ½‖r‖²",
        "½‖r‖² where r = WᵀWx − x",
        "L = ½‖WᵀWx −\n    x‖²",
    ],
)
def test_the_flagship_is_one_formula_in_every_spelling(text: str) -> None:
    parsed = parse(text)
    assert parsed.expr is half * sq_norm(W.T @ W @ x - x)
    assert parsed.where == ["W: m × n", "x: n"]
    assert parsed.readings == []


def test_names_of_values() -> None:
    assert parse("J = ‖x‖²").name == "J"
    assert parse("f(z) = ‖z‖²").name == "f"
    assert parse(r"\mathcal{L}(W) = \|W\|^2").name == "L"
    assert parse("‖x‖²").name == "L"
    assert parse("‖L x‖²").name == "ℓ"
    assert parse("\\ell = x'x").name == "ℓ"


def test_definitions_are_kept_and_inlined() -> None:
    parsed = parse("z = W x; a = tanh(z); ‖a − y‖²")
    assert [name for name, _ in parsed.definitions] == ["z", "a"]
    assert parsed.definitions[1][1].text() == "tanh(W x)"
    assert parsed.expr.text() == "‖tanh(W x) − y‖²"
    assert list(parsed.symbols) == ["W", "x", "y"]


def test_a_defined_function_is_its_value() -> None:
    assert read("f(x) = W x; ‖f(x)‖²").text() == "‖W x‖²"


# Kinds and shapes


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("WᵀWx − x", ["W: m × n", "x: n"]),
        ("x − μ", ["x: n", "μ: n"]),
        ("tr(A)", ["A: n × n"]),
        ("det(X)", ["X: n × n"]),
        ("A⁻¹b", ["A: n × n", "b: n"]),
        ("λ‖w‖²", ["λ: scalar", "w: n"]),
        ("c x + d y", ["c: scalar", "x: n", "d: scalar", "y: n"]),
        ("Ax + b", ["A: m × n", "x: n", "b: m"]),
        ("A + λI", ["A: n × n", "λ: scalar"]),
        ("y − Xβ", ["y: m", "X: m × n", "β: n"]),
        ("Y − Xβ", ["Y: m", "X: m × n", "β: n"]),
        ("t X + t² X X", ["t: scalar", "X: n × n"]),
        ("ABC", ["A: m × n", "B: n × p", "C: p × q"]),
        ("x^2 + 3x", ["x: scalar"]),
        ("[A, B; C, D]", ["A: m × n", "B: m × p", "C: q × n", "D: q × p"]),
        ("A ⊗ B − C", ["A: m × n", "B: p × q", "C: m p × n q"]),
        ("softmax(z)", ["z: n"]),
        ("diag(d) A", ["d: m", "A: m × n"]),
        ("xᵀ(A + Aᵀ)x", ["x: n", "A: n × n"]),
    ],
)
def test_kinds_follow_from_use_then_habit(text: str, where: list[str]) -> None:
    assert parse(text).where == where


def test_a_wanted_scalar_makes_vectors_of_letters_that_are_scalars_by_habit() -> None:
    assert parse("aᵀXb", scalar=True).where == ["a: m", "X: m × n", "b: n"]
    assert parse("a'*X*b", scalar=True).where == ["a: m", "X: m × n", "b: n"]


def test_a_wanted_scalar_never_makes_scalars_of_vectors() -> None:
    with pytest.raises(ShapeError, match="cannot multiply x"):
        parse("x y", scalar=True)
    assert not parse("A(x ∘ x)", scalar=True).expr.is_scalar


def test_declared_sizes_are_kept_and_reported_no_more() -> None:
    parsed = parse("‖A x − b‖²", "A: 3×4")
    assert parsed.where == ["x: 4", "b: 3"]
    assert parsed.symbols["x"].shape[0] == 4


def test_inferred_sizes_avoid_names_in_use() -> None:
    assert parse("m ‖A x‖² + m", "m: scalar").where == ["A: n × p", "x: p"]


def test_dimensions_are_numbers() -> None:
    parsed = parse("1/m*norm2(X*w - y)^2", "X: m×n")
    assert parsed.expr.text() == "‖X w − y‖² / m"
    assert list(parsed.symbols) == ["X", "w", "y"]
    assert parse("tr(eye)", "A: n×n").expr.text() in ("tr(I_n)",)
    assert read("1_mᵀ x").text() == "𝟏ᵀ x"


@pytest.mark.parametrize(
    "formula",
    [
        r"\frac{\lambda}{2m}\|\theta\|^2 + \frac1m \sum_i (y_i - \theta^T x_i)^2",
        r"\frac{1}{2m}\|X\theta - y\|^2 + \frac{\lambda}{2m}\theta^T\theta",
    ],
)
def test_a_letter_beside_the_square_of_a_letter_counts_the_rows_of_what_else_it_divides(formula: str) -> None:
    parsed = parse(formula, wrt=["theta"])
    assert "m" not in parsed.symbols and parsed.symbols["X"].shape[0] == Dim.of("m")


def test_a_letter_that_only_divides_counts_the_rows() -> None:
    parsed = parse("1/n ‖Xw − y‖²")
    assert parsed.where == ["X: n × m", "w: m", "y: n"]
    assert "n is read as the number of rows of Xw − y" in parsed.readings


@pytest.mark.parametrize(
    "formula",
    [
        "h = 1./(1 + exp(-X*theta)); -(1/m)*(y'*log(h)) + lambda/(2*m)*(theta'*theta)",
        r"\frac{\mathbf{p}^2}{2m} + \theta",
        "lambda/(2*m)*(theta'*theta)",
        r"\frac{1}{2m} \sum_{ij} (A_{ij} - \frac{k_i k_j}{2m}) s_i s_j + \theta",
    ],
)
def test_a_letter_that_divides_what_has_other_sizes_is_a_number(formula: str) -> None:
    assert parse(formula, wrt=["theta"]).symbols["m"].is_scalar


def test_zero_one_and_identity_take_the_shape_of_their_place() -> None:
    assert read("[A, 0; 0, B]").args[1].shape == (Dim.of("m"), Dim.of("q"))
    assert read("X − 0").text() == "X"
    assert read("W W' − I").args[1].args[1].shape == (Dim.of("m"), Dim.of("m"))
    assert read("x + 𝟏").args[1].shape == (Dim.of("n"), Dim.of(1))
    assert read("11ᵀ x").text() == "𝟏_n 𝟏ᵀ x"


# Precedence


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("A^-1'", "(A⁻¹)ᵀ"),
        ("A'^2", "(Aᵀ)²"),
        ("−x.^2", "−(x.^2)"),
        ("y + x.**2", "y + x.^2"),
        ("1/2x", "½ x"),
        ("a/b*c", "(a/b)*c"),
        ("2*a/b", "(2 a)/b"),
        ("x + y .* z", "x + (y .* z)"),
        ("A x ⊙ y", "(A x) ⊙ y"),
        ("A ⊗ B C", "A ⊗ (B C)"),
        ("x ⊙ y + z", "(x ⊙ y) + z"),
        ("tr A B + c", "tr(A B) + c"),
        ("log det X", "logdet(X)"),
        (r"\det X \operatorname{tr}(X)", "det(X) tr(X)"),  # and no determinant of tr(X) X
        (r"\log\det X \|x\|^2", "logdet(X) (‖x‖²)"),
        (r"\log\det X \log\det(X + I)", "logdet(X) logdet(X + I)"),
        (r"\det X\, X^{-T}", "det(X) X⁻ᵀ"),  # the derivative of det X
        (r"\det X (X^T)^{-1} A", "det(X) ((Xᵀ)⁻¹ A)"),
        (r"tr X I_n", "tr(X) I_n"),
        (r"\det A A^T", "det(A Aᵀ)"),
        (r"\det (X X^{-T})", "det(X X⁻ᵀ)"),
        (r"\det A B^{-1}", "det(A B⁻¹)"),
        ("log|X|", "logdet(X)"),
        ("xᵀA y z", "(xᵀ A y) z"),
        ("‖x‖² ‖y‖", "(‖x‖²) (‖y‖)"),
        ("−a b", "−(a b)"),
        ("x' y", "xᵀy"),
        ("2^-1 x", "½ x"),
        ("‖x‖^2_2", "‖x‖²"),
        ("norm(x, 1)", "‖x‖₁"),
        ("e^-a", "exp(−a)"),
        ("sin a cos b", "sin(a) cos(b)"),
    ],
)
def test_precedence(text: str, same: str) -> None:
    expr = read(text)
    assert expr.text() == read(same, "".join(f"{s.name}: {_shape(s)};" for s in parse(text).symbols.values())).text()


def _shape(s: Expr) -> str:
    return "scalar" if s.is_scalar else f"{s.shape[0]} × {s.shape[1]}"


def test_nodes_are_those_people_mean() -> None:
    A, y = symbol("A", "n", "n"), symbol("y", "n")
    where = "A: n×n, x: n, y: n"
    assert read("x'*x", where) is transpose(x) @ x
    assert read("‖x‖²", where) is sq_norm(x)
    assert read("norm2(x)^2", where) is sq_norm(x)
    assert read("norm(x)**2", where) is sq_norm(x)
    assert read("log det A", where) is logdet(A)
    assert read("A^3", where) is matpow(A, 3)
    assert read("A^-1", where) is inv(A)
    assert read("sqrt(x'x)", where) is power(transpose(x) @ x, half)
    assert read("x ./ y", where) is hadamard(x, power(y, number(-1)))
    assert read("⟨x, y⟩", where) is inner(x, y)
    assert read("x − 2y", where) is add(x, scale(number(-2), y))
    assert read("y + x", where) is add(y, x)


# Names in runs of letters


@pytest.mark.parametrize(
    ("text", "wrt", "names"),
    [
        ("‖WᵀWx‖", (), ["W", "x"]),
        ("lamx", (), ["λ", "x"]),
        ("2alphax", (), ["α", "x"]),
        ("tr(AXB)", (), ["A", "X", "B"]),
        ("DEx", ("D",), ["D", "E", "x"]),
        ("W1x", (), ["W_1", "x"]),
        ("W_1x_2", (), ["W_1", "x_2"]),
        ("W₁W₂x", (), ["W_1", "W_2", "x"]),
        ("data*weights", (), ["data", "weights"]),
        ("data @ weights", (), ["data", "weights"]),
        ("norm(Wx*1 - y)", ("W",), ["W", "x", "y"]),
        ("norm(predictions - labels)", (), ["predictions", "labels"]),
        ("lossweight*t", ("loss",), ["lossweight", "t"]),
        ("xsigmoid(a)", ("x",), ["x", "a"]),
        ("W_enc x", (), ["W_enc", "x"]),
        ("W^TWx", (), ["W", "x"]),
        ("trAB", (), ["A", "B"]),
        ("lnx", (), ["x"]),
    ],
)
def test_runs_of_letters_split(text: str, wrt: tuple[str, ...], names: list[str]) -> None:
    assert list(parse(text, wrt=wrt).symbols) == names


def test_declared_names_come_first_in_a_run() -> None:
    assert list(parse("foox", "foo: scalar").symbols) == ["foo", "x"]
    assert list(parse("rate*x", "rate: scalar").symbols) == ["rate", "x"]


def test_constants_yield_to_declarations() -> None:
    assert read("e a").text() == "e a"
    assert parse("e'x", "e: n").expr.text() == "eᵀ x"
    assert parse("I x", "I: m×n").symbols["I"].shape == (Dim.of("m"), Dim.of("n"))
    assert read("2πr").text() == "2 π r"


def test_a_letter_in_two_styles_is_two_symbols() -> None:
    parsed = parse(r"x \mathbf{x}^T\mathbf{x}")
    assert list(parsed.symbols) == ["x", "x_bold"]
    assert any("two symbols" in line for line in parsed.readings)
    assert find_symbol(parsed, r"\mathbf{x}") is parsed.symbols["x_bold"]
    assert find_symbol(parsed, "x") is parsed.symbols["x"]


def test_a_declaration_makes_both_styles_one_symbol() -> None:
    assert list(parse(r"x^T \mathbf{x}", "x: n").symbols) == ["x"]


# Readings


@pytest.mark.parametrize(
    ("text", "where", "reading"),
    [
        ("‖A‖₂", None, "Frobenius"),
        ("y.*X*w", "y: m, X: m×n, w: n", "no other grouping fits"),
        ("1/2x", None, "(1/2) x"),
        ("x·y", None, "inner product"),
        ("exp(A)", "A: n×n", "every entry"),
        ("(X @ w)**2", None, "as in NumPy"),
        (r"\frac{x}{y}", "x: n, y: n", "entry by entry"),
        ("A 𝟏 B", None, "matrix of ones"),
        ("foo*x", None, "one name"),
        ("log x y", "x: scalar, y: scalar", "log(x y)"),
        ("aᵀb/bᵀb", "a: n, b: n", "aᵀb/(bᵀb)"),
        (r"\sum_i w^T x_i", None, "row i of X"),
        ("‖A‖₁", "A: m×n", "absolute entries"),
        ("A xᵀ y", "A: m×n, x: n, y: n", "as a scalar"),
    ],
)
def test_the_reading_taken_is_printed(text: str, where: str | None, reading: str) -> None:
    assert any(reading in line for line in parse(text, where).readings)


# Declarations


@pytest.mark.parametrize(
    "where",
    [
        "W: m×n, x: n",
        "W: m x n; x: n",
        "W: m by n, x: n x 1",
        "W: (m, n), x: (n)",
        "W ∈ R^{m×n}, x ∈ R^n",
        r"W \in \mathbb{R}^{m \times n}, x \in \mathbb{R}^n",
        "W ∈ ℝᵐˣⁿ, x ∈ ℝⁿ",
        "W: m×n\nx: n",
        {"W": "m×n", "x": "n"},
        {"W": ("m", "n"), "x": "n"},
        {"W": ("m", "n"), "x": ("n",)},
        {"W": (Dim.of("m"), Dim.of("n")), "x": Dim.of("n")},
    ],
)
def test_declarations_say_the_same(where: object) -> None:
    assert list(declarations(where).symbols().values()) == [W, x]  # type: ignore[arg-type]


def test_declarations_of_properties_and_sizes() -> None:
    held = declarations(
        "A, B: n×n symmetric; λ: scalar positive, S spd, Q: 3×3 orthogonal, D: (m+1) × 2*n, m < n"
    ).symbols()
    assert held["A"].properties == held["B"].properties == {"symmetric"}
    assert held["λ"].is_scalar and held["λ"].properties == {"positive"}
    assert held["S"].is_square and held["S"].properties == {"spd", "symmetric"}
    assert held["Q"].shape == (Dim.of(3), Dim.of(3))
    assert held["D"].shape == (Dim.of("m") + 1, 2 * Dim.of("n"))
    hints = parse("‖x‖²", "m < n, x: n").hints
    assert hints == [(Dim.of("m"), "<", Dim.of("n"))]


def test_any_spelling_declares() -> None:
    assert list(declarations(r"\mathbf{W}_1: m×n, lambda: scalar, \hat{x}: n").symbols()) == ["W_1", "λ", "x_hat"]


def test_properties_without_a_shape_restrict_the_kind() -> None:
    assert parse("x'*S*x", "S: spd").symbols["S"].properties == {"spd", "symmetric"}
    assert parse("s + t", "s: vector").where == ["s: n", "t: n"]


def test_unused_declarations_are_kept() -> None:
    parsed = parse("‖x‖²", "x: n, V: k×n")
    assert parsed.symbols["V"].shape == (Dim.of("k"), Dim.of("n"))


# What else the package asks for


def test_find_symbol_in_any_spelling() -> None:
    parsed = parse("λ‖W₁ x̂‖²")
    for written in ("W1", "W_1", r"\mathbf{W}_1"):
        assert find_symbol(parsed, written) is parsed.symbols["W_1"]
    assert find_symbol(parsed, "lam") is parsed.symbols["λ"]
    assert find_symbol(parsed, r"\hat x") is parsed.symbols["x_hat"]
    with pytest.raises(UnknownSymbolError, match="did you mean W₁"):
        find_symbol(parsed, "W_2")
    with pytest.raises(UnknownSymbolError):
        find_symbol(parsed, "2")


def test_two_formulas_share_their_symbols() -> None:
    (left, right), _ = parse_together(["tr(AB)", "tr(BA)"])
    assert left.args[0].args == tuple(reversed(right.args[0].args))


@pytest.mark.parametrize(
    ("a", "b", "verdict"),
    [
        ("tr(I)", "tr(I)", "proved"),
        (r"\mathbf{x}^\top\mathbf{x}", "‖x‖²", "proved"),
        (r"\mathbf{x}^\top\mathbf{x}", "2‖x‖²", "differs"),
        ("det(AB)", "det A det B", "proved"),
        ("x(2)", "x_2", "proved"),
        ("W(2)x", "2Wx", "differs"),
        ("x) + (y", "y + x", ") closes what was not opened"),
        ("x\ny", "x", "only one formula goes without a name"),
    ],
)
def test_each_of_two_formulas_is_one_by_itself(a: str, b: str, verdict: str) -> None:
    """Side by side they settle what a letter is, and nothing more."""
    try:
        found = str(derive.equal(a, b))
    except ParseError as error:
        found = error.message
    assert found == verdict


def test_redeclare() -> None:
    expr, held = redeclare(W.T @ W @ x, "W: 3×4, v: 4")
    assert held["W"].shape == (Dim.of(3), Dim.of(4)) and held["x"].shape == (Dim.of(4), Dim.of(1))
    assert held["v"].shape == (Dim.of(4), Dim.of(1)) and expr.shape == (Dim.of(4), Dim.of(1))
    A = symbol("A", "n", "n")
    changed, held = redeclare(transpose(A) @ A, "A: symmetric")
    assert held["A"].properties == {"symmetric"} and changed.args[1] is held["A"]
    with pytest.raises(ShapeError, match="as declared"):
        redeclare(A, "A: m×n")


def test_parsing_evaluates_nothing() -> None:
    for text in ("__import__('os')", "exec(x)", "open(x)", "().__class__"):
        try:
            parse(text)
        except DeriveError:
            pass


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(DeriveError, match="text"):
        parse(3)  # type: ignore[arg-type]
    with pytest.raises(DeriveError, match="mapping"):
        parse("x", 3)  # type: ignore[arg-type]


def test_parsed_is_complete() -> None:
    parsed = parse("½‖x‖²", "x: n")
    assert isinstance(parsed, Parsed) and parsed.source == "½‖x‖²"
    value = evaluate_public(parsed.expr, {"x": np.array([3.0, 4.0])})
    assert value == 12.5


def test_the_collections_are_large_enough() -> None:
    assert len(LATEX) + len(PLAIN) >= 200


def test_errors_are_parse_errors() -> None:
    with pytest.raises(ParseError):
        parse("x +")


@pytest.mark.parametrize(
    ("text", "where"),
    [("sum(sqrt(1 + (A x − b).^2) − 1)", None), ("½ sum(exp(s) + μ.^2 − s − 1)", "s, μ: n"), ("‖A x − 1‖²", None)],
)
def test_one_subtracted_from_a_vector_is_a_vector_of_ones(text: str, where: str | None) -> None:
    parsed = parse(text, where)
    assert "1 beside a vector is read as a vector of ones" in parsed.readings
    assert parsed.expr.is_scalar


@pytest.mark.parametrize(
    ("text", "where", "shape"),
    [
        ("tr(Fᵀ (Diag(W*1) − W) F)", None, "W: m × m"),
        ("‖W 1 − b‖²", None, "W: m × n"),
        ("‖X − 1 μᵀ‖²", None, "μ: n"),
        ("tr(Xᵀ (I − 1 1ᵀ/n) X)", None, "X: n × m"),
    ],
)
def test_a_factor_one_is_a_vector_of_ones_where_that_fits(text: str, where: str | None, shape: str) -> None:
    parsed = parse(text, where)
    assert shape in parsed.where
    assert "1 as a factor is read as a vector of ones" in parsed.readings


def test_a_factor_one_is_a_number_beside_scalars() -> None:
    assert parse("λ*1 + ‖x‖²").expr == parse("λ + ‖x‖²").expr


def test_a_number_divides_what_stands_before_a_bracket() -> None:
    parsed = parse("λ/2 ‖w‖²")
    assert parsed.expr == parse("(λ/2) ‖w‖²").expr
    assert parsed.readings == ["λ/2 ‖w‖² is read as (λ/2) times what follows"]
    assert parse("1/n 1ᵀ X w").expr.text() == "𝟏ᵀ X w / n"


def test_many_letters_a_little_unusual_are_no_astonishment():
    """Thirty terms with b_i a vector are read as three are: no letter of them is odd."""
    long = " + ".join(f"‖A_{i} x − b_{i}‖²" for i in range(30))
    parsed = parse(long, wrt=("x",), scalar=True)
    assert {line.split(": ")[1].count("×") for line in parsed.where if line.startswith("b")} == {0}
    assert all("scalar" not in line for line in parsed.where)


@pytest.mark.parametrize(
    ("spelled", "meant"),
    [("softmax_rows(X)", "softmax_row(X)"), ("norm_rows(X)", "norm_row(X)"), ("rownorm(X)", "norm_row(X)"),
     ("colmean(X)", "mean_col(X)")],
)  # fmt: skip
def test_functions_of_rows_have_the_names_that_people_give_them(spelled, meant):
    assert parse(f"sum({spelled})").expr is parse(f"sum({meant})").expr
    with pytest.raises(DeriveError):
        parse("sum(mean_rows(X))")
