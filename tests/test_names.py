"""One canonical name for every spelling, and printed forms that are read back."""

from __future__ import annotations

import keyword

import pytest

from derive.errors import ParseError
from derive.names import GREEK, canonical, identifier, latex, text

SPELLINGS = [
    (
        "W_1",
        ["W1", "W_1", "W₁", "W_{1}", "W^{(1)}", "W⁽¹⁾", r"\mathbf{W}_1", r"\boldsymbol{W}^{(1)}", "𝐖₁", r"W^{[1]}"],
    ),
    ("W", ["W", r"\mathbf{W}", r"\mathbf W", r"\bm{W}", "𝐖", "𝑊", " W ", "$W$"]),
    ("λ", ["λ", r"\lambda", "lambda", "lam", "𝜆"]),
    ("μ", ["μ", "µ", "mu", r"\mu", r"\boldsymbol{\mu}", r"\boldsymbol\mu"]),
    ("Σ", ["Σ", "Sigma", r"\Sigma", r"\mathbf{\Sigma}"]),
    ("φ", ["φ", "ϕ", r"\phi", r"\varphi", "phi"]),
    ("x_hat", ["x̂", r"\hat{x}", r"\hat x", r"\widehat{x}", "x_hat", r"\hat{\boldsymbol x}", r"\mathbf{\hat{x}}"]),
    ("y_hat", ["ŷ", "y\u0302", r"\hat{y}"]),
    ("x_hat_1", [r"\hat{x}_1", "x̂₁", "x_hat_1", r"\hat{x}_{1}"]),
    ("x_bar", ["x̄", r"\bar{x}", r"\overline{x}", "x_bar"]),
    ("W_tilde", [r"\tilde W", "W_tilde", r"\widetilde{W}"]),
    ("x_i", ["x_i", "xᵢ", r"x_{i}", r"x^{(i)}"]),
    ("W_enc", ["W_enc", r"W_{\text{enc}}", r"W_{\mathrm{enc}}"]),
    ("W_1_2", ["W_{1,2}", "W_1_2"]),
    ("U_pq", ["U_{pq}", "U_pq"]),
    ("w", [r"\vec w", r"\vec{w}", "w"]),
    ("L", [r"\mathcal{L}", "L", "ℒ"]),
    ("ℓ", ["ℓ", r"\ell"]),
    ("dX", ["dX", r"\mathrm{d}X"]),
    ("weights", ["weights", r"\mathrm{weights}", r"\mathit{weights}"]),
]


@pytest.mark.parametrize(("name", "written"), SPELLINGS, ids=[name for name, _ in SPELLINGS])
def test_spellings_are_one_name(name: str, written: list[str]) -> None:
    assert [canonical(w) for w in written] == [name] * len(written)


@pytest.mark.parametrize("name", [name for name, _ in SPELLINGS])
def test_printed_names_read_back(name: str) -> None:
    assert canonical(text(name)) == canonical(latex(name)) == canonical(identifier(name)) == name


@pytest.mark.parametrize(
    ("name", "shown", "tex", "python"),
    [
        ("W_1", "W₁", "W_{1}", "W1"),
        ("λ", "λ", r"\lambda", "lam"),
        ("μ_1", "μ₁", r"\mu_{1}", "mu1"),
        ("x_hat", "x̂", r"\hat{x}", "x_hat"),
        ("x_hat_1", "x̂₁", r"\hat{x}_{1}", "x_hat_1"),
        ("W_enc", "W_enc", r"W_{\mathrm{enc}}", "W_enc"),
        ("W_1_2", "W_{1,2}", "W_{1,2}", "W1_2"),
        ("x_bold", "𝐱", r"\mathbf{x}", "x_bold"),
        ("μ_bold", "𝛍", r"\boldsymbol{\mu}", "mu_bold"),
        ("dX", "dX", r"\mathrm{d}X", "dX"),
        ("dX_1", "dX₁", r"\mathrm{d}X_{1}", "dX1"),
        ("Σ", "Σ", r"\Sigma", "Sigma"),
        ("weights", "weights", r"\mathit{weights}", "weights"),
        ("x_i", "xᵢ", "x_{i}", "x_i"),
        ("x_λ", "x_{λ}", r"x_{\lambda}", "x_lam"),
    ],
)
def test_names_print(name: str, shown: str, tex: str, python: str) -> None:
    assert (text(name), latex(name), identifier(name)) == (shown, tex, python)


def test_identifiers_are_python_names() -> None:
    names = [*GREEK.values(), "in", "as", "is", "lambda", "x_hat", "W_1", "ℓ", "not"]
    for name in names:
        made = identifier(name)
        assert made.isidentifier() and not keyword.iskeyword(made), name
    assert len({identifier(n) for n in names}) == len(names)


@pytest.mark.parametrize(
    "written", ["", "2", "x+y", "x y z!", r"\frac{1}{2}", "x^T", "x^{a+b}", "(x)", "_1", "x" * 300]
)
def test_what_is_no_name_is_refused(written: str) -> None:
    with pytest.raises(ParseError):
        canonical(written)


def test_capital_greek_letters_that_look_latin_have_words_and_letters_of_their_own():
    assert [latex(c) for c in "ΜΧο"] == [r"\mathrm{M}", r"\mathrm{X}", r"\mathrm{o}"]
    assert [identifier(c) for c in "ΜΧΒ"] == ["Mu", "Chi", "Beta"]
