"""What is answered is what was written: names, calls and kinds that a careless reader would guess."""

from __future__ import annotations

import itertools
import re

import pytest

import derive
from derive.errors import DeriveError, ParseError, ShapeError
from derive.own_functions import functions_of, own_function
from derive.reading import parse
from derive.reading.vocabulary import HABITUAL_FUNCTIONS

# An unknown word before a bracket, and what the refusal names.
UNKNOWN = [
    ("rank(X)", "rank"), ("pinv(A) b", "pinv"), ("slogdet(S)", "slogdet"), ("np.log1p2(x)", "log1p2"),
    ("logm(A)", "logm"), ("logm (A)", "logm"), ("atr(X)", "atr"), ("xsigmoid(a)", "xsigmoid"), ("li(x)", "li"),
    ("KL(p, q)", "KL"), ("Ei(x)", "Ei"), ("Softsign(x)", "Softsign"),
    (r"\operatorname{rank}(X)", "rank"), (r"\operatorname{rank} X", "rank"), (r"\mathrm{logm}(A)", "logm"),
    (r"\mathrm{sinc} (x)", "sinc"), (r"\text{prox}(x)", "prox"),
    ("λ_max(A)", "λ_max"), ("lambda_max(X)", "lambda_max"),
    (r"\lambda_{\max}(A)", r"\lambda_{\max}"),
]  # fmt: skip


@pytest.mark.parametrize("text, name", UNKNOWN)
def test_an_unknown_call_is_refused_by_name(text: str, name: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(text)
    assert caught.value.message.startswith(name + " is")


@pytest.mark.parametrize("text", [r"\mathbb{E}[\|x\|^2]", r"\mathbb E_x [x]", "𝔼[‖x‖²]", "E[‖x − μ‖²]", r"\Bbb{E}(x)"])
def test_an_expectation_is_no_factor(text: str) -> None:
    with pytest.raises(ParseError):
        parse(text)
    assert parse("E [1, 2; 3, 4]", "E: n×2").expr.shape[1].value == 2


@pytest.mark.parametrize("text", ["1ᵀ (y − Xβ)²", "A^{1/2}", "A^k", "(Y − A B)^2 + 1"])
def test_a_capital_letter_is_no_scalar_for_the_sake_of_a_power(text: str) -> None:
    with pytest.raises(DeriveError):
        parse(text, scalar=True)


@pytest.mark.parametrize("letter", sorted("AHQXahpswxyλμτΣ"))
def test_a_letter_without_the_habit_of_functions_multiplies_and_says_so(letter: str) -> None:
    if letter in HABITUAL_FUNCTIONS:
        assert parse(f"{letter}(‖v‖² − 1)").expr.op is own_function(letter)
        return
    parsed = parse(f"{letter}(‖v‖² − 1)", f"{letter}: scalar")
    assert parsed.expr.text() == f"{letter} (‖v‖² − 1)"
    assert any("read as a product" in r for r in parse(f"{letter}(‖v‖² − 1)").readings)


@pytest.mark.parametrize("letter", sorted(HABITUAL_FUNCTIONS))
def test_a_letter_used_as_a_symbol_is_no_function(letter: str) -> None:
    assert "times" not in " ".join(parse(f"{letter}² + {letter}(a + 1)", f"{letter}: scalar").readings)
    assert letter in parse(f"{letter}² + {letter}(a + 1)").symbols
    assert parse(f"b + {letter}(a + 1)").expr.args[1].op is own_function(letter)


def test_letters_that_occur_elsewhere_multiply_before_a_bracket() -> None:
    assert parse("ylog(p) + (1 − y)log(1 − p)").expr is parse("y log(p) + (1 − y) log(1 − p)").expr
    assert parse(r"\|Wx(c + 1)\|^2 + \|Wx\|^2").expr is parse(r"\|W x (c + 1)\|^2 + \|W x\|^2").expr


@pytest.mark.parametrize(
    "text, label",
    [
        ("f_1(x'x)", "f_1"),
        (r"\hat f(x)", "f_hat"),
        (r"\phi_\alpha(z)", "φ_α"),
        (r"\rho \left( x \right)", "ρ"),
    ],
)
def test_marks_and_spaces_do_not_hide_a_function(text: str, label: str) -> None:
    assert functions_of(parse(text).expr) == [own_function(label)]


# The same formula in several spellings has the same shapes.
SAME = [
    [r"\|(A + p p^T)^{-1} b\|^2", "norm2(inv(A + p*p')*b)^2", "M = A + p pᵀ; ‖M⁻¹ b‖²", "‖M⁻¹ b‖²; M = A + p pᵀ"],
    ["‖(A + B)⁻¹ b‖²", "M = A + B; ‖M⁻¹ b‖²", "norm(inv(A + B)*b)^2", "‖inv(M) b‖² where M = A + B"],
    ["tr(A (X + B) c cᵀ)", "tr(A*(X + B)*c*c')", "M = X + B; tr(A M c cᵀ)"],
    [r"\frac12 nuclear_norm(A)", "½ ‖A‖_*", r"\frac{1}{2} \|A\|_*"],
    [r"row_sums(A)^\top x", "row_sums(A)'*x", "(A 𝟏)ᵀ x"],
]


@pytest.mark.parametrize("spellings", SAME)
def test_kinds_do_not_depend_on_the_spelling(spellings: list[str]) -> None:
    read = [parse(text) for text in spellings]
    for one, other in itertools.combinations(read, 2):
        assert one.expr.text() == other.expr.text()
        assert {n: s.is_scalar for n, s in one.symbols.items()} == {n: s.is_scalar for n, s in other.symbols.items()}


@pytest.mark.parametrize(
    "text",
    [
        "mean(a - 1)", "sum(a b)", "sum(x'x)", "sum(cos(x − π))",
    ],
)  # fmt: skip
def test_a_sum_of_one_number_is_refused(text: str) -> None:
    with pytest.raises(ShapeError, match="would hold one number"):
        parse(text)


@pytest.mark.parametrize("text", ["mean((x - mean(x))**2)", "sum(x^2)", "sum(x**2)", "mean(x^2)", "sum(exp(x)^2)"])
def test_the_power_of_what_is_summed_is_that_of_a_vector(text: str) -> None:
    parsed = parse(text)
    assert parsed.where == ["x: n"] and "is read as a power of each entry" in parsed.readings[-1]


def test_a_declared_scalar_may_be_summed() -> None:
    assert parse("sum(x^2)", "x: scalar").expr.text() == "x²"


ROWS = [
    ("w C wᵀ − λ (w uᵀ − 1)", {"w": "1 n", "C": "n n", "u": "1 n"}),
    ("(x − z) L⁻¹ L⁻ᵀ (x − z)ᵀ", {"x": "1 n", "z": "1 n", "L": "n n"}),
    ("‖x W + b − y‖²", {"x": "1 m", "W": "m n", "b": "1 n", "y": "1 n"}),
    ("u A v", {"u": "1 m", "A": "m n", "v": "n 1"}),
]


@pytest.mark.parametrize("text, shapes", ROWS)
def test_a_vector_left_of_a_matrix_is_a_row(text: str, shapes: dict[str, str]) -> None:
    symbols = parse(text).symbols
    assert {name: " ".join(map(str, symbols[name].shape)) for name in shapes} == shapes


def test_shapes_that_nobody_means_are_refused() -> None:
    gates = "r = sigmoid(h*W_r + x*U_r); z = sigmoid(h*W_z + x*U_z); g = tanh(W_g*(h·r) + x*U_g); y = h·(1 − z) + (z·g)"
    with pytest.raises(ShapeError, match="only unusual shapes fit"):
        parse(gates)


# Left sides, definitions and marks.
NAMED = [
    (r"\log p(y|X) = -\|y - Xw\|^2", "−‖y − X w‖²", "L"),
    (r"\ell \propto \|y - Xw\|^2", "‖y − X w‖²", "ℓ"),
    (r"\text{KLD}[q(x) || p(x)] = \frac{1}{2} \log |V|", "½ logdet(V)", "L"),
    ("K(x, x') = exp(−‖x − x'‖²)", "exp(−‖x − x′‖²)", "K"),
    ("x ↦ ‖x‖²", "‖x‖²", "L"),
    (r"f: x \mapsto \|x\|^2", "‖x‖²", "f"),
    ("f = tanh(z); z = A x + b", "tanh(A x + b)", "f"),
    ("‖r‖²; r = A x − b", "‖A x − b‖²", "L"),
    ("L = ‖r‖²; r = A s; s = x − b", "‖A (x − b)‖²", "L"),
    (r"\|y - Xw\|^2, \quad y \in \mathbb{R}^n", "‖y − X w‖²", "L"),
    ("‖P_{k+1|k} x − k^+‖²", "‖P_{k+1|k} x − k⁺‖²", "L"),
    (r"\|W^{ss} \hat x^- - h_{t-1}\|^2", "‖W^{ss} x̂⁻ − h_{t-1}‖²", "L"),
    (r"\vec 1^T x", "𝟏ᵀ x", "L"),
    ("sum_{i=1}^n (y_i - x_i'w)^2", "‖y − X w‖²", "L"),
]


@pytest.mark.parametrize("text, read, name", NAMED)
def test_names_and_left_sides_are_read(text: str, read: str, name: str) -> None:
    parsed = parse(text)
    assert (parsed.expr.text(), parsed.name) == (read, name)


@pytest.mark.parametrize("wrt", [r"\sigma^2", "σ²", "sigma^2"])
def test_a_square_is_a_variable_where_it_is_asked_for(wrt: str) -> None:
    found = derive.gradient(r"\frac{1}{2\sigma^2}\|x\|^2 + \log \sigma^2", wrt)
    assert found.boxed.evaluate(**{"σ_^2": 2.0, "x": [1.0, 3.0]}) == pytest.approx(0.5 - 10 / 8)
    assert "{\\sigma^{2}}" in found.latex()
    assert "sigma2" in found.source()
    assert "<msup>" in found.html()
    with pytest.raises(ParseError, match="σ stands beside it"):
        derive.gradient(r"\sigma + \frac{1}{2\sigma^2}\|x\|^2", wrt)


TWO_WAYS = [
    ("1/2n ‖y − Xw‖²", "1/2n before ‖"), ("1/2σ² ‖x‖²", "1/2σ² before ‖"), ("1/2λ(w'w)", "1/2λ before ("),
    ("‖WTWx − x‖²", "T may be a transpose"), ("wTx", "T may be a transpose"),
]  # fmt: skip


@pytest.mark.parametrize("text, said", TWO_WAYS)
def test_what_can_be_read_in_two_ways_is_refused(text: str, said: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(text)
    assert said in caught.value.message and caught.value.hint


def test_what_cannot_is_read() -> None:
    assert parse("1/2x'Ax").expr.text() == "½ xᵀ A x"
    assert parse("WTWx", "T: n×n").expr.text() == "W T W x"


@pytest.mark.parametrize("text", ["\frac12 x", "x + \top", "\beta x", "\text{a} x", "\alpha x", "\vec x"])
def test_an_eaten_backslash_is_noticed(text: str) -> None:
    with pytest.raises(DeriveError) as caught:
        parse(text)
    assert "lost its backslash" in caught.value.message and "r'…'" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "where, word", [("x: n complex", "complex"), ("x: complex", "complex"), ("A: n×n hermitian", "hermitian")]
)
def test_a_property_that_is_none_is_no_dimension(where: str, word: str) -> None:
    with pytest.raises(ParseError, match=f"{word} is not read"):
        parse("‖A x − b‖²", where)


LETTERS = "fghℓφψρAxλsQ"
CONTENTS = [
    "W v", "v", "v − u", "‖v‖²", "vᵀ u", "a + b", "a b", "1 + a", "a − 1", "W v + u", "Wᵀ W v", "2 v", "−v", "v + u",
    "a²", "‖W v‖", "tr(W)", "exp(a)", "a v", "u ⊙ v", "W (v − u)", "log(1 + a)", "½ v", "v / a", "vᵀ W u",
]  # fmt: skip


@pytest.mark.parametrize("letter", LETTERS)
@pytest.mark.parametrize("inside", CONTENTS)
def test_a_letter_before_a_bracket_is_read_by_the_rule(letter: str, inside: str) -> None:
    """A function by habit is refused by name or is one; any other letter multiplies, and the page says so."""
    text = f"{letter}({inside})"
    try:
        parsed = parse(text)
    except ParseError as error:
        assert letter in HABITUAL_FUNCTIONS and error.message.startswith(f"{letter} is called")
        return
    except ShapeError:
        assert letter not in HABITUAL_FUNCTIONS
        return
    if letter not in HABITUAL_FUNCTIONS:
        assert letter in parsed.symbols
        assert any(r.startswith(f"{letter}(…) is read as a product") for r in parsed.readings)
    else:
        assert letter not in parsed.symbols, "a function is no factor"


@pytest.mark.parametrize(
    "text, said",
    [
        ("‖X‖² / N", None), ("aᵀ Xᵀ Diag(w) X b", None), ("x W + b", "x is read as a row"),
        ("log|V| − N", "N is read as a scalar"), ("xᵀ y", None), ("x³", None),
    ],
)  # fmt: skip
def test_a_name_that_leaves_its_habit_is_a_reading(text: str, said: str | None) -> None:
    readings = [r for r in parse(text).readings if r.endswith(("a scalar", "a vector", "a row", "a matrix"))]
    assert said in readings if said else not readings


# A gradient of numbers


@pytest.mark.parametrize(
    ("formula", "wrt", "box"),
    [
        ("exp(x)", "x", "exp(x)"),
        ("sin(x y)", "x", "y cos(x y)"),
        ("softplus(z) − y z", "z", "σ(z) − y"),
        ("x / y", "y", "−x / y²"),
        (r"\frac{e^x-e^{-x}}{e^x+e^{-x}}", "x", "4 σ(2 x) (1 − σ(2 x))"),
        ("relu(w x + b)", "w", "x step(w x + b)"),
    ],
)
def test_the_wish_for_a_scalar_decides_where_nothing_asks_for_a_vector(formula, wrt, box):
    found = derive.gradient(formula, wrt)
    assert found.boxed.text() == box
    assert f"{wrt} is read as a scalar: so is the whole, which a gradient needs" in found.readings
    assert not derive.jacobian(formula, wrt, where=f"{wrt}: n" if formula == "exp(x)" else f"{wrt}: scalar").readings


@pytest.mark.parametrize(
    "formula", ["(x − y)/2", "A exp(x)", "exp(x) ⊙ y", "softmax(x)", "x − y", r"\exp(\mathbf{x})", "exp(x)ᵀ"]
)
def test_what_a_vector_is_written_for_is_no_scalar(formula):
    with pytest.raises(derive.DeriveError, match="needs a scalar loss"):
        derive.gradient(formula, "x")


@pytest.mark.parametrize(
    ("text", "variable", "read"),
    [
        (r"\frac{x \cdot y}{|x||y|}", "x", "⟨x, y⟩ / (‖x‖ ‖y‖)"), ("1/|x| * x'y", "x", "xᵀ y / ‖x‖"),
        ("sum((X*W - Y)^2)", "W", "sum((X W − Y).^2)"), ("mean((A*B)^2)", "A", "sum((A B).^2) / (m p)"),
        ("1ᵀ relu(X w) + C‖w‖²", "w", "𝟏ᵀ relu(X w) + C ‖w‖²"),
        (r"1^T\sigma'(X w)", "w", "𝟏ᵀ (σ(X w) ⊙ (𝟏 − σ(X w)))"), (r"\frac\lambda2 w^T w", "w", "½ λ wᵀ w"),
        ("(w.T*A*w)[0, 0] + (b.T*w)[0,0]", "w", "wᵀ A w + bᵀ w"), ("(A*B)[0, 0]", "A", "e₁ᵀ A B e₁"),
        (r"x^T {} \textbf{Ay}", "x", "xᵀ A y"), ("sum((X @ W + vector(1)*b' - Y).^2)", "b", "sum((X W + 𝟏 bᵀ − Y).^2)"),
    ],
)  # fmt: skip
def test_what_is_written_is_read_as_it_is_meant(text: str, variable: str, read: str) -> None:
    assert derive.gradient(text, variable).loss.text() == read


def test_the_square_of_what_is_declared_square_is_a_product() -> None:
    assert derive.gradient("sum((X*W - Y)^2)", "W", where="X: n×n, W: n×n").loss.text() == "sum((X W − Y)²)"


@pytest.mark.parametrize(
    ("text", "where", "read", "said"),
    [
        ("sum((A + I)^2)", None, "sum((A + I)²)", "(A + I)^2 in a sum is read as a power of a matrix"),
        ("mean(exp(A)^3)", "A: n×n", "sum(exp(A)³) / (n²)", "exp(A)^3 in a sum is read as a power of a matrix"),
        ("sum((X*W - Y)^2) + tr(W^2)", None, "sum((X W − Y).^2) + tr(W²)", "is read as a power of each entry"),
        ("sum((A + I).^2)", None, "sum((A + I).^2)", ""), ("tr((A + I)^2)", None, "tr((A + I)²)", ""),
    ],
)  # fmt: skip
def test_a_power_in_a_sum_says_what_it_is(text: str, where: str | None, read: str, said: str) -> None:
    parsed = parse(text, where)
    assert parsed.expr.text() == read
    assert [said in words for words in parsed.readings if " power " in words] == [True] * bool(said)


@pytest.mark.parametrize(
    ("formula", "where", "read"),
    [
        ("norm(a*1*a)^3 xᵀy", None, "‖a a‖³ xᵀ y"),
        ("‖a 1 bᵀ‖²", "a: scalar, b: n", "‖a bᵀ‖²"),
        ("‖a X 1‖²", "a: scalar", "‖a X 𝟏‖²"),
        ("‖X − 1 bᵀ‖²", "b: n", "‖X − 𝟏 bᵀ‖_F²"),
    ],
)
def test_a_one_of_a_size_that_nothing_has_is_the_number(formula, where, read):
    assert derive.parse(formula, where).text() == read


@pytest.mark.parametrize(
    "formula, said",
    [
        (r"\sum_{i=1}^m\lambda_if_i(x)", "is another function for every i"),
        (r"\frac12\sum_{i=1}^mr_i(x)^2", "may be a function of x"),
        (r"\|y-W^1x\|^2", "1 may be a label"),
        (r"\mu(c'-d)+\lambda a'a", "is the transpose of a number"),
        (r"\frac12\|x'\|^2-\frac12\|x\|^2", "is the norm of x"),
        (r"\frac12(r+\gamma\phi'^Tw-\phi^Tw)^2", "the mark names another"),
        (r"-\mathrm{Tr}(\rho\ln\rho)", "is of a number, as ρ is read"),
        (r"\frac{c}{(1+r)^T}", "is the transpose of a number"),
        ("sum_t gamma^t r_t", "t stands for a number"),
        (r"L=\text{MSE}+\lambda\|w\|^2", "MSE is not read"),
        (r"\|Ax-b\|^2+\lambda\|x\|^2 \text{ with fixed } \lambda", "words stand in the formula"),
        (r"\sum_n\log\mathcal{N}(x_n|\mu,\sigma^2)", "the density 𝒩(…) is not read"),
        (r"\sum_{i\text{ odd}}x_i", "a condition in words is not read"),
        ("‖x*−x‖²", "may be an optimum"),
        ("tr(Σ−1S)", "may be an inverse that lost its height"),
        ("sum(theta(2:end).^2)", "is a slice"),
        ("½∥y − Xβ∥22 + λ∥β∥1", "may be an exponent that lost its height"),
        ("(wᵀx − y)2", "may be an exponent that lost its height"),
        (r"\sum_i (y_i-w^Tx_i)^2/\sigma_{i,y}^2", "i stands inside of a label"),
        (r"\sum_{j=1}^{K} \phi_j \cdot x_{mt-j}", "j stands inside of a label"),
        (r"\sum_{i>k}x_i", "k stands only in what limits the sum"),
        ("sum (y - y_hat)^2", "may be of the sum, or of what is summed"),
        ("1/(1+e−wᵀx)", "may be a power that lost its height"),
        ("1/(1+e^-w'x)", "may end its exponent early"),
        ("tr(Σ-1 S)", "may be an inverse that lost its height"),
        ("½(x − μ)ᵀ Σ−1 (x − μ)", "may be an inverse that lost its height"),
        ("½(x − μ)T Σ⁻¹ (x − μ)", "may be a transpose that lost its height"),
        ("(Ax − b)T(Ax − b)", "may be a transpose that lost its height"),
        ("tr(A)^{-1}", "may be the trace of the inverse"),
        ("tr(A)⁻¹", "may be the trace of the inverse"),
        ("(x - mu)'/Sigma*(x - mu)", "Σ is a matrix by habit"),
        ("x'/(2*S)*x", "S is a matrix by habit"),
        ("x'*A/S*y", "S is a matrix by habit"),
        ("A x.y", "A times x.y"),
        ("‖w' − w‖² + (w'x)²", "w' may be the transpose of w"),
        ("(A + B) x.y", "may be ((A + B) x).y"),
        (r"\mathrm{Tr}(\rho H)", "would be a number"),
        (r"\sum_{u,i}(r_{ui}-b_u-b_i)^2", "may belong to two vectors of different length"),
    ],
)
def test_what_may_be_meant_otherwise_is_refused(formula, said):
    with pytest.raises(DeriveError) as error:
        parse(formula)
    assert said in error.value.message
    assert error.value.hint


@pytest.mark.parametrize("wrt", ["w", "b"])
def test_what_is_asked_for_is_no_vector_for_the_sake_of_a_sum(wrt):
    with pytest.raises(DeriveError, match=f"{wrt} may be one number, or one for each entry"):
        derive.gradient("sum((y - w*x - b)^2)", wrt)


@pytest.mark.parametrize(
    "formula, wanted",
    [
        (r"\log\theta\sum_ix_i+\log(1-\theta)\sum_i(1-x_i)", "log(θ) sum(x) + log(1 − θ) (n − sum(x))"),
        (r"\log\sum_i e^{x_i}", "log(sum(exp(x)))"),
        (r"\log\det(\sigma)", "logdet(σ)"),
        (r"x^t A x", "xᵀ A x"),
        ("x x' b", "x xᵀ b"),
        (r"A x x^\top \alpha", "A x xᵀ α"),
        ("sum((softmax(x_t) - y_t).^2)", "sum((softmax(xₜ) − yₜ).^2)"),
        ("(2w.x - 1)^2", "(2 wᵀ x − 1)²"),
        ("(1+r)**t", "(1 + r)^t"),
        ("||X*w-y||^2 + lam*||w||^2", "‖X w − y‖² + λ ‖w‖²"),
        ("2*|x'x| + a * -x'x", "2 |xᵀ x| − a xᵀ x"),
        (r"\sum^{n}_{i=1} x_i^2", "‖x‖²"),
        (r"\hat\beta=\arg\min_\beta \|y-X\beta\|^2", "‖y − X β‖²"),
        (r"\operatorname*{arg\,min}_{\beta} \|y-X\beta\|^2", "‖y − X β‖²"),
        (r"\underset{w}{\min}\ \|y-Xw\|^2", "‖y − X w‖²"),
        (r"f^TLf+(f-y)^T\Lambda(f-y)", "fᵀ L f + (f − y)ᵀ Λ (f − y)"),
        (r"\sum_n (x_n-\mu)^T\Lambda(x_n-\mu)", "⟨X − 𝟏 μᵀ, (X − 𝟏 μᵀ) Λ⟩"),
        (r"x^T\Phi(x)", "xᵀ Φ(x)"),
        (r"\sum \text{eig}(X) - \log\prod\text{eig}(A(X+B))", "tr(X) − logdet(A (X + B))"),
        (r"\operatorname{max}(\operatorname{abs}(Xw-y))", "max(abs(X w − y))"),
        ("argmin_w ||Xw-y||^2", "‖X w − y‖²"),
        (r"\operatorname*{argmin}_{w\in\mathbb{R}^n} \|Xw-y\|^2", "‖X w − y‖²"),
        (r"f(x) \stackrel{\text{def}}{=} \nicefrac12\,\underline{x}^T A\underline{x}", "½ xᵀ A x"),
        (r"\|x-y\|_{\Sigma^{-1}}^2", "(x − y)ᵀ Σ⁻¹ (x − y)"),
        ("‖Ax−b‖²_W", "(A x − b)ᵀ W (A x − b)"),
        (r"\|x\|_M", "sqrt(xᵀ M x)"),
        (r"\|x\|_\infty^2", "max(abs(x))²"),
        ("minimize ||Xw-y||^2", "‖X w − y‖²"),
        ("max wᵀμ − ½γwᵀΣw", "wᵀ μ − ½ γ wᵀ Σ w"),
        (r"\sum_{i=1}^n2x_i^2", "2 ‖x‖²"),  # TeX takes one sign above
        (r"\frac12\|Ax-b\|^2 \qquad (3.14)", "½ ‖A x − b‖²"),
        (r"\frac{1}{|E|} \sum_{(i,j) \in E} (r_{ij} - s_{ij})^2", "⟨E, (r − s).^2⟩ / sum(E)"),
        (r"\sum_i \log p(y_i|x_i,w), p(y|x,w)=\sigma(yw^Tx)", "sum(log(σ(y ⊙ X w)))"),
        (r"\frac12\sum_{n=1}^N (y(z_n)-t_n)^2, y(z)=\sum_{j=1}^M w_jz_j", "½ ‖Z w − t‖²"),
        (r"\sum_{i=1}^N\sum_{j=1}^MI_{ij}(R_{ij}-U_i^TV_j)^2", "⟨I, (R − U Vᵀ).^2⟩"),
        (r"\sum_{ij}(G_{ij}-I_{ij})^2", "‖G − I‖_F²"),
        (r"T^2\sum_ip_i\log\frac{p_i}{q_i}, q=\mathrm{softmax}(z/T)", "T² ⟨p, log(p ⊘ softmax(z / T))⟩"),
        (r"\frac12\|x-\alpha g\|^2", "½ ‖x − α g‖²"),
        (r"f(x)=\langle Ax,x\rangle, x\in\mathbb{R}^n\setminus\{0\}, A\in\mathbb{S}^n", "⟨A x, x⟩"),
        (r"\log\det X, X\in\mathbb{S}_{++}^n", "logdet(X)"),
        (r"\log(\pi a+(1-\pi)b)+\frac12\log(2\pi)", "log(π a + (1 − π) b) + ½ log(2 π)"),
        (r"f:\mathbb{R}^d\to\mathbb{R}, f(w)=\|Xw-y\|^2", "‖X w − y‖²"),
        (r"\underset{w\in\mathbb{R}^d}{\text{minimize}}\quad \|Xw-y\|_2^2", "‖X w − y‖²"),
        (r"\max_\theta \sum_i\log p_i, \quad p_i=\sigma(\theta^Tx_i)", "sum(log(σ(X θ)))"),
        ("sum_ij (A_ij - (U V')_ij)^2", "‖A − U Vᵀ‖_F²"),
        (r"f(x)=\sum_i\log x_i; f(b-Ax)", "sum(log(b − A x))"),
        ("f(x)=x_1²+x_2²; f(Ax)", "(e₁ᵀ A x)² + (e₂ᵀ A x)²"),
        (r"\sum_{n=1}^N(y(x_n,w)-t_n)^2, y(x,w)=\sum_{j=1}^Mw_jx^j", "‖exp(cumsum(𝟏) log(x)ᵀ)ᵀ w − t‖²"),
        (r"\sum_iw_ie^{-y_if(x_i)}, f(x)=\beta^Tx", "⟨w, exp(−y ⊙ X β)⟩"),
        (r"\|\sigma(W[h_{t-1},x_t]+b)\|^2", "‖σ(W [h_{t-1}; xₜ] + b)‖²"),
        ("‖W[h, x] + b‖²", "‖W [h; x] + b‖²"),
        ("‖W[h, x]‖²", "‖W [h, x]‖_F²"),
        (r"\sum_{i,j}(\|x_i-y_j\|-\delta_{ij})^2", "‖sqrt(X.^2 𝟏 𝟏ᵀ − 2 X Yᵀ + 𝟏 (Y.^2 𝟏)ᵀ) − δ‖_F²"),
        (r"\sum_{i,j}(s_{ij}^2-\delta_{ij}^2)^2", "‖s.^2 − δ.^2‖_F²"),
        (r"\sum_{ij}(w_i^Tw_j-\delta_{ij})^2", "‖W Wᵀ − I‖_F²"),
        (r"L=\|r\|^2 \quad r=Ax-b", "‖A x − b‖²"),
        (r"L=\lambda\|r\|^2, \qquad r=Ax-b, \quad \lambda>0", "λ ‖A x − b‖²"),
        (r"\sum_i (y_i-b-c x_{i,1})^2", "‖y − b 𝟏 − c x e₁‖²"),
    ],
)
def test_where_functions_and_sums_end(formula, wanted):
    assert parse(formula).expr.text() == wanted


def test_sets_of_matrices_and_signs_are_declarations():
    assert derive.gradient(r"x^TAx, A\in\mathbb{S}^n", "x").boxed.text() == "2 A x"
    assert derive.gradient("x'Ax", "x", r"A \in \mathbb{S}^n_{+}").boxed.text() == "2 A x"
    assert (
        parse("x'Ax", r"A \in \mathbb{S}^n_{++}").symbols["A"].properties
        == parse("x'Ax", "A: n×n spd").symbols["A"].properties
    )
    assert parse(r"\sum_i\log x_i, x\in\mathbb{R}_{++}^n").symbols["x"].properties == {"positive"}


def test_a_statement_that_nothing_uses_is_named():
    assert "L is defined and not used" in parse(r"L=-\log p; p=w^Tx; q=\|w\|^2").readings
    assert not any("not used" in r for r in parse("r = A x − b; h = rᵀr; h²").readings)
    assert not any("not used" in r for r in parse(r"f(x) = A x; \|f(x) - y\|^2").readings)


def test_a_vector_by_habit_between_single_bars_is_said_to_be_a_number():
    assert "w is read as a scalar" in parse(r"\frac12|w|^2").readings
    assert not parse("|a'x|").readings


@pytest.mark.parametrize(
    "formula, wrt",
    [
        (r"K_{ij}=\exp(-\gamma\|x_i-x_j\|^2); y^TK^{-1}y", r"\gamma"),
        (r"r=y-X\beta; \|r^+\|^2", r"\beta"),
        (r"r=y-X\beta; r'r+\bar r^2", r"\beta"),
    ],
)
def test_no_definition_falls_out_of_the_loss(formula, wrt):
    with pytest.raises(DeriveError, match="only, which the formula does not use|may be made of"):
        derive.gradient(formula, wrt)


@pytest.mark.parametrize(
    "formula, wrt, gradient",
    [
        (r"\|\mu-\nu\|", r"\mu", "(μ − ν) / ‖μ − ν‖"),
        (r"\|a-b\|_2", "a", "(a − b) / ‖a − b‖"),
        (r"\bar x=\frac1n\sum_ix_i; \sum_i\|x_i-\bar x\|^2", "X", "2 (X − 𝟏 𝟏ᵀ X / n)"),
    ],
)
def test_double_bars_hold_vectors_and_a_mean_divides_by_its_terms(formula, wrt, gradient):
    assert derive.gradient(formula, wrt).boxed.text() == gradient


@pytest.mark.parametrize(
    "formula, wrt, read",
    [
        (r"\|y-W^2\sigma(W^1x)\|^2", "W^1", "‖y − W² σ(W¹ x)‖²"),
        ("‖W²σ(W¹x)‖²", "W¹", "‖W² σ(W¹ x)‖²"),
        (r"a^1=\sigma(W^1x+b^1); \|W^2a^1+b^2-y\|^2", "b^1", "‖W² σ(W¹ x + b¹) + b² − y‖²"),
        (r"z^l=W^la^{l-1}+b^l; \|z^l-y\|^2", "a^{l-1}", "‖W^{l} a^{l-1} + b^{l} − y‖²"),
        (r"\|W^L\sigma(W^{L-1}x)-y\|^2", "W^{L-1}", "‖W^{L} σ(W^{L-1} x) − y‖²"),
        (r"\sum_i\|x_i^a-x_i^p\|^2", "x^a", "‖x^{a} − X^{p}‖_F²"),
        (r"\sum_i\|x^u_i-x^v_i\|^2", "x^u", "‖x^{u} − X^{v}‖_F²"),
        (r"\sum_i\|f(x_i^1)-f(x_i^2)\|^2", "x^1", "‖f(x¹) − f(X²)‖_F²"),
        (r"\sum_ix_i^p", "x", "sum(x.^p)"),
        (r"a x^n+b x^{n-1}", "x", "a x^n + b x^(n − 1)"),
        (r"\sum_i(x_i^2-x_i^3)^2", "x", "‖x.^2 − x.^3‖²"),
    ],
)
def test_superscripts_that_number_layers_and_kinds_are_part_of_a_name(formula, wrt, read):
    found = derive.gradient(formula, wrt)
    assert found.loss.text() == read
    assert any("as a name, and no power" in note for note in found.readings) == (wrt != "x")


@pytest.mark.parametrize(
    "formula, wrt, read",
    [
        (r"\nabla_w \|Xw-y\|^2", "w", "‖X w − y‖²"),
        (r"\nabla_{\mathbf w} \left(\|Xw-y\|^2+\lambda\|w\|^2\right)", "w", "‖X w − y‖² + λ ‖w‖²"),
        (r"\nabla_\theta \frac1n\sum_{i=1}^n(y_i-\theta^Tx_i)^2", "θ", "‖y − X θ‖² / n"),
        (r"\frac{\partial}{\partial X} \operatorname{tr}(AXB)", "X", "tr(A X B)"),
        ("d/dx (x'Ax + b'x)", "x", "xᵀ A x + bᵀ x"),
        ("∇_x ‖A x − b‖²", "x", "‖A x − b‖²"),
        (r"\dfrac{\partial}{\partial X}\text{tr}(AX)", "X", "tr(A X)"),
        (r"\frac{\partial \log|X|}{\partial \mathbf{X}}", "X", "logdet(X)"),
        (r"\frac{d(x^TAx)}{dx}", "x", "xᵀ A x"),
        (r"\partial_x (x^TAx)", "x", "xᵀ A x"),
    ],
)
def test_the_sign_of_a_derivative_is_left_out(formula, wrt, read):
    found = derive.gradient(formula, wrt)
    assert found.loss.text() == read
    assert "is left out: what is derived is read" in found.readings[0]


@pytest.mark.parametrize(
    "formula, said",
    [
        (r"\nabla_w \|Xw-y\|^2+\lambda\|w\|^2", "open how far"),
        (r"\frac{d}{dw} f(w)=2w", "is a derivative already"),
        (r"\frac{d^2 f}{dw^2}", "a derivative is not read here"),
        (r"\frac{\partial \|Xw-y\|^2}{\partial X}", "derives by X"),
        (r"\nabla_X \|Xw-y\|^2", "derives by X"),
    ],
)
def test_the_sign_of_another_derivative_is_refused(formula, said):
    with pytest.raises(DeriveError, match=said):
        derive.gradient(formula, "w")


@pytest.mark.parametrize(
    "formula, read, said",
    [
        (r"\|P_\Omega(X-UV^T)\|_F^2", "‖Ω ⊙ (X − U Vᵀ)‖_F²", "P_{Ω}(…) is read as Ω ⊙ (…)"),
        (r"\operatorname{tr}(\mathcal{P}_\Omega(X)^TY)", "tr((Ω ⊙ X)ᵀ Y)", "is read as Ω ⊙ (…)"),
        (r"\log\det(I+\frac{P}{\sigma^2}HH^T)", "logdet(I + P H Hᵀ / σ²)", "P is read as a scalar"),
        (r"\log\det(I+\frac{P}{N_0M}HQH^T)", "logdet(I + P H Q Hᵀ / (N₀ M))", "P is read as a scalar"),
        (r"\frac12 k(\|x-y\|-L)^2", "½ (‖x − y‖ − L)² k", "L is read as a scalar"),
        (
            r"(\mu-\pi)^T(\tau\Sigma)^{-1}(\mu-\pi)",
            "(μ − π)ᵀ (τ Σ)⁻¹ (μ − π)",
            "π is read as a symbol, not as the number",
        ),
        (r"\|s_\theta(x) - \frac{y-x}{\sigma^2}\|^2", "‖s_{θ}(x) − (y − x) / σ²‖²", "is read as a function of each"),
        (r"\|\pi_\theta(x) - y\|^2", "‖π_{θ}(x) − y‖²", "is read as a function of each"),
        (r"\|p-\pi\|_1 + \ln 2\pi", "‖p − π‖₁ + log(2 π)", "π is read as a symbol, as in ‖x − π‖"),
        (r"\|x - 2\pi\|^2", "‖x − 2 π‖²", ""),
        (r"\|s' - A s\|^2", "‖s′ − A s‖²", "s′ is read as a name of its own, as no transpose fits"),
        (r"\|\frac{X}{\sigma}W-Y\|_F^2", "‖X W / σ − Y‖_F²", ""),
        (r"\frac{\langle\psi|H|\psi\rangle}{\langle\psi|\psi\rangle}", "⟨ψ, H ψ⟩ / ⟨ψ, ψ⟩", "of real vectors"),
    ],
)
def test_masks_powers_of_signals_and_brakets(formula, read, said):
    found = parse(formula)
    assert found.expr.text() == read
    assert any(said in note for note in [*found.readings, ""])


@pytest.mark.parametrize(
    "formula, read, said",
    [
        (r"\operatorname{tr}(\Lambda(W^TW-I))", "tr(Λ (Wᵀ W − I))", "Λ(…) is read as a product"),
        ("tr(2 Γ(A X − B) C)", "tr(2 Γ (A X − B) C)", "Γ(…) is read as a product"),
        (r"\sum_i \log\Phi(x_i^Tw)", "sum(log(Φ(X w)))", "Φ(…) is read as a function of each entry"),
    ],
)
def test_a_capital_letter_that_begins_a_trace_multiplies(formula, read, said):
    found = parse(formula)
    assert found.expr.text() == read
    assert any(said in note for note in found.readings)


@pytest.mark.parametrize("formula", [r"\sum_i\|x_i-AX_i\|^2", r"\sum_i(\theta_i-\theta_i^0)^2"])
def test_two_letters_are_not_one_matrix_and_a_label_is_no_power(formula):
    with pytest.raises(DeriveError, match="would be rows of one matrix|may be a label"):
        parse(formula)


@pytest.mark.parametrize(
    "formula, read",
    [
        (r"\|Ax-b\|^2+\text{const}", "‖A x − b‖²"),
        (r"\text{const} - \frac12\|Ax-b\|^2", "−½ ‖A x − b‖²"),
        ("||A x - b||^2 + const", "‖A x − b‖²"),
        (r"\underbrace{\|y-Xw\|^2}_{\text{fit}}+\overbrace{\lambda\|w\|^2}^{\text{penalty}}", "‖y − X w‖² + λ ‖w‖²"),
        (r"{1 \over 2}\|Ax-b\|^2\ (\text{least squares})", "½ ‖A x − b‖²"),
        (r"\mathop{\mathrm{argmin}}_w \|Xw-y\|^2", "‖X w − y‖²"),
        (r"\min\limits_x \|Ax-b\|^2", "‖A x − b‖²"),
        (r"f(x)=x^TAx\quad(A\succ0)", "xᵀ A x"),
        ("sum(vector(1) - sigmoid(W xᵀ))", "sum(𝟏 − σ(W xᵀ))"),
        (r"\|Ax-b\|^2+\lambda\|x\|^2,\quad\lambda>0", "‖A x − b‖² + λ ‖x‖²"),
        (r"\min_w \frac12\|w\|^2 \text{ s.t. } y_i(w^Tx_i+b)\geq 1", "½ ‖w‖²"),
        (r"\min \|r\|^2 \text{ s.t. } r = y - Xw", "‖y − X w‖²"),
        ("<x, Ax> - 2<b, x>", "⟨x, A x⟩ − 2 ⟨b, x⟩"),
        ("x·Ax", "⟨x, A x⟩"),
        ("1/(2n) ||y - Xw||^2", "‖y − X w‖² / (2 n)"),
        ("w'mu - lambda/2 w'Sigma w", "wᵀ μ − ½ λ wᵀ Σ w"),
        ("‖xₖ₊₁ − xₖ‖²", "‖x_{k+1} − xₖ‖²"),
        (r"k_{**}-k_*^TK^{-1}k_*", "k_{**} − k_{*}ᵀ K⁻¹ k_{*}"),
        (r"\|x-x^{\text{ref}}\|^2", "‖x − x^{ref}‖²"),
        (r"\sum_i (p_i-p_i^{\text{obs}})^2", "‖p − p^{obs}‖²"),
        (r"\sum_i\|z_i^{(1)}-z_i^{(2)}\|^2", "‖Z₁ − Z₂‖_F²"),
        (r"\mathrm{tr}[P_k^-(I-K_kH_k)^T]", "tr(Pₖ⁻ (I − Kₖ Hₖ)ᵀ)"),
        (r"\exp(-\|x-x'\|^2)", "exp(−‖x − x′‖²)"),
        (r"x'=Ax+Bu; \|x'\|^2", "‖A x + B u‖²"),
        (r"(r + \gamma w^T\phi' - w^T\phi)^2", "(r + γ wᵀ φ′ − wᵀ φ)²"),
        (r"\|h + r - t\|^2 - \|h' + r - t'\|^2", "‖h + r − t‖² − ‖h′ + r − t′‖²"),
        ("log(exp(wᵧᵀx))", "log(exp(w_{γ}ᵀ x))"),
        ("log_2det(X)", "logdet(X) / log(2)"),
        ("(x-mu).(x-mu)", "(x − μ)ᵀ (x − μ)"),
        (r"\sum_i (y_i - X_{i\cdot}w)^2", "‖y − X w‖²"),
        (r"\sum_{i=1}^n n_i\log p_i", "⟨nᵢ, log(p)⟩"),
        (r"\sum_{j=1}^K\exp(q^Tk_j)", "sum(exp(k q))"),
        ("sum_i max(0, 1-y_iw'x_i) + w'w", "sum(relu(𝟏 − y ⊙ X w)) + wᵀ w"),
        ("(AB)_{ij}", "e_iᵀ A B e_j"),
        (r"\|X_{\cdot j}\|^2", "‖X e_j‖²"),
    ],
)
def test_what_stands_around_a_formula_and_how_letters_are_marked(formula, read):
    assert parse(formula, wrt=["w"] if "w" in formula else []).expr.text() == read


@pytest.mark.parametrize(
    "formula, read",
    [
        ("f(x) = x'Ax; f(y) + f(x+y)", "yᵀ A y + (x + y)ᵀ A (x + y)"),
        ("f(x, y) = x'Ay; f(a, b) + f(b, a)", "aᵀ A b + bᵀ A a"),
        ("f(x) = x^2; f(f(f(a)))", "a⁸"),
        (r"f(x) = x^T\beta; p(x) = \sigma(f(x)); \sum_i y_i \log p(x_i)", "⟨y, log(σ(X β))⟩"),
    ],
)
def test_a_function_is_defined_for_all_operands(formula, read):
    assert parse(formula, scalar=True).expr.text() == read


@pytest.mark.parametrize(
    "formula, said",
    [
        ("z = W x; p(x) = exp(z); p(y)'c", "is defined for \\(x\\) by means of z"),
        ("f(x) = x'x; f(x, y)", "is defined for \\(x\\)"),
        ("f(a) = a*a; " + "f(" * 13 + "x" + ")" * 13, "use each other too often"),
        (r"\sum_{i=1}^n\sum_{j=1}^{n_i}x_{ij}", "runs to another n_i for every index"),
        (r"\|z_+\|^2", r"\+ cannot be a subscript"),
    ],
)
def test_operands_and_limits_that_do_not_fit(formula, said):
    with pytest.raises(DeriveError, match=said):
        parse(formula)


@pytest.mark.parametrize(
    "formula, read, said",
    [
        ("L = ‖Xw − y‖² = (Xw − y)ᵀ(Xw − y)", "(X w − y)ᵀ (X w − y)", "‖Xw − y‖² is the same, which is proved"),
        (r"L = \frac12\sum_i(w^Tx_i-y_i)^2 = \frac12\|Xw-y\|^2", "½ ‖X w − y‖²", "is the same, which is proved"),
        ("J = e'e = (y-X*w)'(y-X*w)", "(y − X w)ᵀ (y − X w)", "e'e is read as a name of the value"),
        (r"\log p(w) = -\|w\|^2 - \log Z \propto -\|w\|^2", "−‖w‖² − log(Z)", r"\propto -\|w\|^2 is left out"),
    ],
)
def test_the_sides_of_a_chain_of_equalities_are_compared(formula, read, said):
    derivation = derive.gradient(formula, "w")
    assert derivation.loss.text() == read
    assert any(said in line for line in derivation.readings)


def test_a_chain_of_equalities_that_does_not_hold_is_refused():
    with pytest.raises(DeriveError, match="is said to equal .* and does not"):
        derive.gradient("L = ‖Xw − y‖² = wᵀXᵀXw − yᵀXw + yᵀy", "w")
    with pytest.raises(DeriveError):
        parse("a + b = " * 2000 + "a")


@pytest.mark.parametrize(
    "formula, where, read",
    [
        (r"\|XW-y\|^2", None, "‖X W − y‖²"),
        (r"\|XW-y\|^2", "X: n×d, W: d×k, y: k", "‖X W − 𝟏 yᵀ‖_F²"),
        (r"\|WX+b-Y\|_F^2", None, "‖W X + b 𝟏ᵀ − Y‖_F²"),
        (r"\|XW+b-Y\|_F^2", None, "‖X W + 𝟏 bᵀ − Y‖_F²"),
        (r"\|W_2\sigma(W_1X+b_1)+b_2-Y\|_F^2", None, "‖W₂ σ(W₁ X + b₁ 𝟏ᵀ) + b₂ 𝟏ᵀ − Y‖_F²"),
        (r"\|WX+b\|_F^2", "W: m×n, X: n×k, b: k", "‖W X + 𝟏 bᵀ‖_F²"),
        (r"\|X-\mu\|_F^2", None, "‖X − 𝟏 μᵀ‖_F²"),
        (r"\|e-Xb\|^2", None, "‖e − X b‖²"),
    ],
)
def test_a_bias_is_added_to_every_sample_and_no_target_to_a_product(formula, where, read):
    assert parse(formula, where, scalar=True).expr.text() == read


@pytest.mark.parametrize(
    "formula, wrt, box",
    [
        (r"A x_1^{\alpha}x_2^{1-\alpha}", "x_1", "α A x₂^(1 − α) x₁^(α − 1)"),
        (r"-J\sum_i s_i^2-h\sum_is_i", "s", "−(2 J s + h 𝟏)"),
        (r"\|x\| A", "x", "A x / ‖x‖"),
        (r"\|x\| y", "x", "y x / ‖x‖"),
        ("-y_iw^Tx_i", "w", "−yᵢ xᵢ"),
    ],
)
def test_a_letter_that_multiplies_a_number_is_one_where_a_number_is_wanted(formula, wrt, box):
    derivation = derive.gradient(formula, wrt)
    assert derivation.boxed.text() == box
    assert any("is read as a scalar" in line for line in derivation.readings)


@pytest.mark.parametrize("formula", ["xᵀy z", "A x", "2 x", "λ A"])
def test_no_vector_is_a_number_for_the_sake_of_a_gradient(formula):
    with pytest.raises(DeriveError, match="needs a scalar loss"):
        derive.gradient(formula, "x" if "x" in formula else "λ")


@pytest.mark.parametrize(
    "formula, wrt, read",
    [
        ("norm(A*x - b, 2)^2 + rho*norm(x, 1)", "x", "‖A x − b‖² + ρ ‖x‖₁"),
        ("sum(sum((X*W - Y).^2))", "W", "sum((X W − Y).^2)"),
        (r"\max\{0,1-yw^Tx\}^2", "w", "relu(1 − y wᵀ x)²"),
        (r"\sum_{i,j}\alpha_i\alpha_jK(x_i,x_j)", "\\alpha", "⟨α, Kᵀ α⟩"),
        (r"K(x_i,x_j)=\exp(-\|x_i-x_j\|^2); \sum_{ij}a_iK(x_i,x_j)", "a", None),
    ],
)
def test_norms_with_an_order_sums_of_sums_and_kernels(formula, wrt, read):
    derivation = derive.gradient(formula, wrt)
    assert read is None or derivation.loss.text() == read
    assert derivation.verify() < 1e-6


def test_norms_say_nothing_of_each_other():
    assert parse("norm(x, 1) + norm(y, 3)").where == ["x: m", "y: n"]


def test_a_kernel_does_not_hide_the_variable():
    with pytest.raises(DeriveError, match="has no symbol x"):
        derive.gradient(r"\sum_{i,j}\alpha_i\alpha_jk(x_i,x_j)", "x")


def test_a_multiple_of_a_vector_is_no_bias():
    with pytest.raises(ShapeError, match="m and n differ"):
        parse("sum(s.*((X + 1*w - y).^2))", "X: m×n, w: n, y: m, s: m")


def test_a_mean_finds_an_index_where_the_usual_letters_are_taken():
    found = derive.gradient(r"\sum_i (x_i - \bar x)^2 + k l j m p q r s κ", "x", where="x: n")
    assert found.boxed.text() == derive.gradient(r"\sum_i (x_i - \bar x)^2", "x", where="x: n").boxed.text()


@pytest.mark.parametrize(
    "formula, wrt, read",
    [
        ("exp(z)./sum(exp(z))", "z", "exp(z) / sum(exp(z))"),
        ("x ./ norm(x)", "x", "x / ‖x‖"),
        ("1./x", "x", "x.^(−1)"),
        ("2.*x./y", "x", "2 x ⊘ y"),
        ("x.*sum(y)./z", "x", "sum(y) x ⊘ z"),
        ("norm(X*A - B, 'fro')^2", "X", "‖X A − B‖_F²"),
        ("sum((A*X).^2, 'all')", "X", "sum((A X).^2)"),
        ("norm(x, Inf)", "x", "max(abs(x))"),
        ("norm(A*x - b, inf)", "x", "max(abs(A x − b))"),
    ],
)
def test_the_text_of_matlab(formula, wrt, read):
    assert derive.parse(formula).text() == read
    assert derive.jacobian(formula, wrt).verify() < 1e-6


@pytest.mark.parametrize(
    "formula, box",
    [("e^t(wᵀx + 1)", "exp(t) (wᵀ x + 1)"), (r"w^Tx\,e^{\gamma t}", "γ exp(γ t) wᵀ x"), ("(1 + w'*x)*exp(t)", None)],
)
def test_an_exponential_that_multiplies_a_number_is_one(formula, box):
    found = derive.gradient(formula, "t")
    assert found.boxed.shape == (1, 1) and "t is read as a scalar: so is the whole" in " ".join(found.readings)
    assert box is None or found.boxed.text() == box


@pytest.mark.parametrize(
    "formula, where, read",
    [
        ("‖x‖_∞", "x: scalar", "|x|"),
        ("norm_inf(x)", "x: scalar", "|x|"),
        ("‖x‖_inf", None, "max(abs(x))"),
        (r"\|x\|_{inf}", None, "max(abs(x))"),
        ("‖x‖_max", None, "max(abs(x))"),
        ("‖X‖_max", None, "max(vec(abs(X)))"),
        (r"\|X\|_{\max}^2", None, "max(vec(abs(X)))²"),
        ("‖X‖_Fro^2", None, "‖X‖_F²"),
        ("||X||_nuc", None, "‖X‖_*"),
        (r"\|X\|_{HS}", None, "‖X‖_F"),
        (r"\|X\|_{\star}", None, "‖X‖_*"),
        ("‖X‖_op", None, "‖X‖_{op}"),
        (r"\|x\|_{\ell_1}", None, "‖x‖₁"),
    ],
)
def test_words_below_a_norm(formula, where, read):
    assert derive.parse(formula, where).text() == read


@pytest.mark.parametrize(
    "formula, message",
    [
        (r"\|X\|_\infty", "may be of its rows or its entries\n(.*\n)*  ‖X‖_max is that of the entries"),
        (r"\|x\|_{L^2}", r"the norm with L\^2 below is not read"),
        ("‖x‖_w", "a norm weighted by w is not read"),
    ],
)
def test_norms_that_are_not_read_are_refused_by_what_stands_below_them(formula, message):
    with pytest.raises(DeriveError, match=message):
        derive.parse(formula)


@pytest.mark.parametrize("size", [r"\bigl(A\bigr)", r"\left(A\right)", r"\,(A)", r"\!\left[A\right]"])
@pytest.mark.parametrize("word", [r"\text{%s}", r"\mathrm{%s}", r"\operatorname{%s}", r"\textrm{%s}"])
def test_a_word_before_a_sized_bracket_is_a_function(word, size):
    for name, message in (("eig", "eig is not read"), ("foo", "foo is not a function we know")):
        with pytest.raises(ParseError, match=message):
            derive.parse(word % name + size)
    assert derive.parse(word % "tr" + size).text() == "tr(A)"


@pytest.mark.parametrize("formula", [r"x^{\sf T}Bx", r"x^\sf{T} B x", r"x^{\rm T}Bx", r"x^{\tt T} B x"])
def test_the_fonts_of_plain_tex(formula):
    assert derive.parse(formula).text() == "xᵀ B x"


def test_the_sum_of_eigenvalues_in_a_sized_bracket_is_the_trace():
    assert derive.parse(r"\sum \text{eig}\left(X\right)").text() == "tr(X)"


@pytest.mark.parametrize(
    "formula, wrt, where, box",
    [
        (r"\frac{d}{2} x^Tx", "x", "d: scalar", "d x"),
        ("d/2 ‖x‖²", "x", "d: scalar", "d x"),
        ("tr(dX)", "X", "d: scalar, X: n×n", "d I_n"),
        (r"\frac{d}{dx} x^2", "x", "x: scalar, d: scalar", "1"),
        (r"\frac{d}{dx} x^2", "x", "x: scalar", "2 x"),
        ("½‖x − d‖²", "d", "d: n", "d − x"),
    ],
)
def test_a_declared_letter_d_is_no_sign_of_a_differential(formula, wrt, where, box):
    assert derive.gradient(formula, wrt, where).boxed.text() == box


def test_a_declared_letter_d_is_no_sign_before_a_bar_in_a_document():
    report = derive.check("L = ½‖x - d‖²\ndL = (d - x)^T dd\ndL = (x - d)^T dd", "d: n, x: n")
    assert [line.verdict for line in report.lines] == ["definition", "proved", "fails"]


@pytest.mark.parametrize("size", ["n₊₁", "nₖ₊₁", "n_{k+1}", "n_+1", "d_{l-1}"])
def test_a_size_with_a_sign_below_is_refused_by_its_name(size):
    with pytest.raises(ParseError, match=re.escape(f"{size} is no name of a size")):
        derive.parse("‖x‖²", f"x: {size}")


@pytest.mark.parametrize("where", [r"x \in \mathbb R^n", r"x \in \mathbb R^{n}", r"x\in\mathbb{R}^n"])
def test_the_reals_need_no_braces(where):
    assert derive.parse("‖x‖²", where).text() == "‖x‖²"


@pytest.mark.parametrize(
    "formula, where, read",
    [
        ("‖y − Φ(w)‖²", "y: m, w: m", "‖y − Φ(w)‖²"),
        ("‖y − Φ(w)‖²", "y: m, w: n", "‖y − Φ w‖²"),
        ("‖y − F(w)‖²", "y: m, w: n", "‖y − F w‖²"),
        ("½ F(x)^T F(x)", None, "½ F(x)ᵀ F(x)"),
        (r"F(x)^{\top} y", None, "F(x)ᵀ y"),
        ("‖G(Wx) − y‖² + ‖G(V z)‖²", "y: n, W: n×m, V: p×q", "‖G(W x) − y‖² + ‖G(V z)‖²"),
        ("tr(Φ(X)Φ(X)ᵀ)", None, "tr(Φ(X) Φ(X)ᵀ)"),
        ("sum(Φ(y)) + (x − μ)ᵀΦ(x − μ)", "x: n, y: m, μ: n", "sum(Φ(y)) + (x − μ)ᵀ Φ(x − μ)"),
        ("½‖w‖² + C(w^T w)", None, "½ ‖w‖² + C wᵀ w"),
    ],
)
def test_a_capital_before_a_vector_is_a_function_of_each_entry_where_the_shapes_ask_for_it(formula, where, read):
    found = derive.parse(formula, where)
    assert found.text() == read
    letter = next(c for c in formula if c in "ΦFGC")
    kind = "function of each entry" if f"{letter}(" in read else "product"
    assert any(f"{letter}(…) is read as a {kind}" in reading for reading in parse(formula, where).readings)


def test_a_capital_that_fits_neither_way_keeps_its_first_error():
    with pytest.raises(ShapeError, match="cannot add R x"):
        derive.parse("R(x) + ‖x‖²")


@pytest.mark.parametrize(
    "formula, wrt, read, box",
    [
        (r"\sum_i (x_i - \bar x)^2", r"\bar x", "‖x − x̄ 𝟏‖²", "2 (n x̄ − 𝟏ᵀ x)"),
        (r"\sum_i \|x_i - \bar x\|^2", r"\bar x", "‖X − 𝟏 x̄ᵀ‖_F²", "2 (m x̄ − Xᵀ 𝟏)"),
        (r"\sum_i (x_i - \bar x_i)^2", "x", "‖x − x̄‖²", "2 (x − x̄)"),
        (r"\sum_i a_i x_i + \bar x^T b", "a", "⟨a, x⟩ + x̄ᵀ b", "x"),
    ],
)
def test_a_letter_with_a_bar_is_no_mean_where_it_is_asked_for_indexed_or_outside_of_sums(formula, wrt, read, box):
    found = derive.gradient(formula, wrt)
    assert (found.loss.text(), found.boxed.text()) == (read, box)


@pytest.mark.parametrize("formula", [r"\sum_i a_i x_i + \bar x^T b", r"\sum_i (x_i - \bar x_i)(y_i - \bar x)"])
def test_a_bar_that_may_be_a_mean_of_the_variable_is_refused(formula):
    with pytest.raises(ParseError, match="x̄ may be made of x"):
        derive.gradient(formula, "x")


@pytest.mark.parametrize(
    ("formula", "wrt", "box"),
    [("e^t", "t", "exp(t)"), ("1/(1 + e^{t})", "t", "−σ(t) σ(−t)"), ("t^2 e^t", "t", "t exp(t) (t + 2)"),
     ("e^t e", "e", "2 e"), ("e^t A e", "e", "(A + Aᵀ) e"), ("e^T x", "x", "e"), ("eᵗ", "t", "exp(t)"),
     ("e⁻ᵗ", "t", "−exp(−t)"), ("e = y − X w; e^t e", "w", "−2 Xᵀ (y − X w)"), ("eᵗ A e", "e", "(A + Aᵀ) e")],
)  # fmt: skip
def test_e_to_the_t_is_a_number_unless_e_is_a_vector(formula, wrt, box):
    assert derive.gradient(formula, wrt).boxed.text() == box


@pytest.mark.parametrize("formula", ["e^t(x+1)", "eᵗ (x+1)", "e^{t}(x+1)"])
def test_a_bracket_behind_e_to_the_t_is_multiplied(formula):
    read = parse(formula)
    assert read.expr.text() == "(x + 1) exp(t)" and "is read as the exponential of t" in read.readings[0]
    assert derive.gradient(formula, "x", where="x: scalar, t: scalar").boxed.text() == "exp(t)"


@pytest.mark.parametrize("formula", ["e^t x", "eᵗ x", "A^t x", "Aᵗ x"])
def test_a_declared_t_that_marks_a_transpose_is_said_to(formula):
    found = derive.parse(formula, "t: scalar, e: n, A: n×n")
    assert found.text() == ("eᵀ x" if "e" in formula else "Aᵀ x")
    readings = parse(formula, "t: scalar, e: n, A: n×n").readings
    assert any("is read as a transpose" in reading for reading in readings)


@pytest.mark.parametrize("word", ["deg2rad", "rad2deg", "vec2mat", "conv2d", "l2norm", "xlog1p"])
def test_a_word_with_a_digit_in_it_is_no_product_of_letters(word):
    with pytest.raises(ParseError, match=f"{word} is not a function we know"):
        derive.gradient(f"{word}(t)^2 + t", "t")


def test_numbered_matrices_and_functions_with_digits_are_read():
    assert derive.gradient("log1p(t)", "t").boxed.text() == "1 / (1 + t)"
    net = derive.gradient("‖W2tanh(W1x)‖²", "W1")
    assert net.boxed is derive.gradient("‖W₂ tanh(W₁ x)‖²", "W₁").boxed
    assert net.readings == ["W2tanh(…) is read as W2 times tanh(…)"]


@pytest.mark.parametrize(("order", "way_out"), [(1, "norm(A, 1)"), (2, "‖A‖_op"), (3, "sum(abs(A).^3)^(1/3)")])
def test_a_norm_of_a_matrix_of_an_order_says_which_it_may_be(order, way_out):
    with pytest.raises(ShapeError, match="of its singular values") as refused:
        derive.gradient(f"norm(A, {order})", "A", "A: m×n")
    assert way_out in (refused.value.hint or "")


def test_what_a_note_quotes_has_no_half_of_a_pair_of_brackets():
    (note,) = derive.gradient(r"\left(\prod_{i=1}^n x_i\right)^{1/n}", "x").readings
    assert "\\right" not in note and r"\prod_{i=1}^n x_i" in note
