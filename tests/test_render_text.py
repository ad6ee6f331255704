"""What a formula looks like in Unicode, and that reading it back gives the same formula."""

from __future__ import annotations

from fractions import Fraction

import pytest

import derive
from derive.expr import Expr, commutation, identity, nodes, number, ones, symbol, symbols_of, zeros
from derive.operations import (
    FUNCTIONS,
    absolute,
    add,
    block,
    det,
    diagonal,
    diagonal_matrix,
    expm,
    hadamard,
    inner,
    inv,
    kron,
    logdet,
    logsumexp,
    matmul,
    matpow,
    mul,
    norm,
    norm1,
    nuclear_norm,
    power,
    scale,
    sigmoid,
    softmax,
    spectral_norm,
    sq_norm,
    sum_entries,
    tanh,
    trace,
    transpose,
    tril,
    unvec,
    vec,
)
from derive.reading import parse
from derive.render import LAYOUT, MAX_CHARACTERS
from derive.render.latex import latex
from derive.render.text import text
from derive.render.wording import sentence
from derive.shapes import Dim
from tests.generate import Formulas

W, X = symbol("W", "m", "n"), symbol("X", "m", "n")
A, B, S = symbol("A", "n", "n"), symbol("B", "n", "n"), symbol("S", "n", "n", ["spd"])
x, y, a = symbol("x", "n"), symbol("y", "n"), symbol("a", "m")
s, t, lam = symbol("s"), symbol("t"), symbol("λ")
half = number(Fraction(1, 2))
r = W.T @ W @ x - x

# The formula, its text, its LaTeX.
PRINTED: list[tuple[Expr, str, str]] = [
    (half * sq_norm(r), "½ ‖Wᵀ W x − x‖²", r"\frac{1}{2} \lVert W^{\top} W x - x \rVert^{2}"),
    (
        W @ (W.T @ W @ x @ x.T + x @ x.T @ W.T @ W - 2 * x @ x.T),
        "W (Wᵀ W x xᵀ + x xᵀ Wᵀ W − 2 x xᵀ)",
        r"W (W^{\top} W x x^{\top} + x x^{\top} W^{\top} W - 2 x x^{\top})",
    ),
    (-2 * x @ x.T, "−2 x xᵀ", r"-2 x x^{\top}"),
    (-(x + y), "−(x + y)", "-(x + y)"),
    (A - (x @ y.T + A), "A − (x yᵀ + A)", r"A - (x y^{\top} + A)"),
    (s / t, "s / t", r"\frac{s}{t}"),
    ((x - y) / norm(x - y), "(x − y) / ‖x − y‖", r"\frac{x - y}{\lVert x - y \rVert}"),
    (x / norm(x) ** 2, "x / ‖x‖²", r"\frac{x}{\lVert x \rVert^{2}}"),
    (s / (2 * t**2), "s / (2 t²)", r"\frac{s}{2 t^{2}}"),
    (number(Fraction(-5, 7)) * x, "−5/7 x", r"-\frac{5}{7} x"),
    ((x.T @ y) * x, "(xᵀ y) x", r"(x^{\top} y) x"),
    ((x.T @ y) * (y.T @ A @ y), "(xᵀ y) (yᵀ A y)", r"(x^{\top} y) (y^{\top} A y)"),
    (2 * x.T @ A @ x, "2 xᵀ A x", r"2 x^{\top} A x"),
    (x.T @ A @ x / (x.T @ x), "xᵀ A x / (xᵀ x)", r"\frac{x^{\top} A x}{x^{\top} x}"),
    (inv(A).T, "A⁻ᵀ", r"A^{-\top}"),
    (inv(A.T), "(Aᵀ)⁻¹", r"(A^{\top})^{-1}"),
    (inv(A + B), "(A + B)⁻¹", "(A + B)^{-1}"),
    (matpow(A, 3), "A³", "A^{3}"),
    (transpose(matpow(A, 2)), "(A²)ᵀ", r"(A^{2})^{\top}"),
    (matpow(A, -2), "A⁻²", "A^{-2}"),
    ((A @ B).T, "(A B)ᵀ", r"(A B)^{\top}"),
    (power(x, 2), "x.^2", r"x^{\odot 2}"),
    (power(x, -1), "x.^(−1)", r"x^{\odot -1}"),
    (hadamard(x, power(y, -1)), "x ⊘ y", r"x \oslash y"),
    (hadamard(A @ x, tanh(x)), "A x ⊙ tanh(x)", r"A x \odot \tanh(x)"),
    (A @ hadamard(x, y), "A (x ⊙ y)", r"A (x \odot y)"),
    (2 * hadamard(A, B), "2 A ⊙ B", r"2 A \odot B"),
    (power(s, Fraction(1, 2)), "sqrt(s)", r"\sqrt{s}"),
    (power(s, Fraction(3, 2)), "s^(3/2)", r"s^{\frac{3}{2}}"),
    (power(s, -2), "1 / s²", r"\frac{1}{s^{2}}"),
    (power(s, t), "s^t", "s^{t}"),
    (power(s, -lam), "s^(−λ)", r"s^{-\lambda}"),
    (2 * power(number(2), t), "2 · 2^t", r"2 \cdot 2^{t}"),
    (2 * kron(A, B), "2 (A ⊗ B)", r"2 (A \otimes B)"),
    (kron(kron(A, B), S), "A ⊗ B ⊗ S", r"A \otimes B \otimes S"),
    (kron(A, kron(B, S)), "A ⊗ (B ⊗ S)", r"A \otimes (B \otimes S)"),
    (trace(A @ inv(B)), "tr(A B⁻¹)", r"\operatorname{tr}(A B^{-1})"),
    (det(A), "det(A)", r"\det(A)"),
    (logdet(S), "logdet(S)", r"\log\det(S)"),
    (inner(A, B), "⟨A, B⟩", r"\langle A, B \rangle"),
    (norm(x), "‖x‖", r"\lVert x \rVert"),
    (norm(norm(x) * y), "norm(‖x‖ y)", r"\lVert \lVert x \rVert y \rVert"),
    (norm1(x), "‖x‖₁", r"\lVert x \rVert_{1}"),
    (sq_norm(X), "‖X‖_F²", r"\lVert X \rVert_{F}^{2}"),
    (nuclear_norm(X), "‖X‖_*", r"\lVert X \rVert_{*}"),
    (spectral_norm(X), "‖X‖_{op}", r"\lVert X \rVert_{\mathrm{op}}"),
    (absolute(s), "|s|", r"\lvert s \rvert"),
    (absolute(x), "abs(x)", r"\operatorname{abs}(x)"),
    (sum_entries(X), "sum(X)", r"\operatorname{sum}(X)"),
    (diagonal(A), "diag(A)", r"\operatorname{diag}(A)"),
    (diagonal_matrix(x) @ A, "diag(x) A", r"\operatorname{diag}(x) A"),
    (ones("m").T @ a, "𝟏ᵀ a", r"\mathbf{1}^{\top} a"),
    (x @ ones("k").T, "x 𝟏_kᵀ", r"x \mathbf{1}_{k}^{\top}"),
    (A + identity("n"), "A + I", "A + I"),
    (kron(x.T, identity("m")), "xᵀ ⊗ I_m", r"x^{\top} \otimes I_{m}"),
    (block([[A, zeros("n", "n")], [B, A]]), "[A, 0; B, A]", r"\begin{bmatrix} A & 0 \\ B & A \end{bmatrix}"),
    (commutation("m", "n") @ vec(X), "K(m, n) vec(X)", r"K_{m, n} \operatorname{vec}(X)"),
    (unvec(vec(X) + vec(W), Dim.of("m"), Dim.of("n")), "unvec(vec(X) + vec(W), m, n)", ""),
    (softmax(x), "softmax(x)", r"\operatorname{softmax}(x)"),
    (logsumexp(A @ x), "logsumexp(A x)", r"\operatorname{logsumexp}(A x)"),
    (sigmoid(lam * x), "σ(λ x)", r"\sigma(\lambda x)"),
    (sigmoid(symbol("σ") * x), "sigmoid(σ x)", r"\operatorname{sigmoid}(\sigma x)"),
    (expm(A), "expm(A)", r"\operatorname{expm}(A)"),
    (tril(A), "tril(A)", r"\operatorname{tril}(A)"),
    (symbol("W_12"), "W₁₂", "W_{12}"),
    (symbol("x_hat", "n") - symbol("x_hat_1", "n"), "x̂ − x̂₁", r"\hat{x} - \hat{x}_{1}"),
]


@pytest.mark.parametrize("expr, shown", [(e, shown) for e, shown, _ in PRINTED], ids=[p[1] for p in PRINTED])
def test_text_is_what_people_write(expr: Expr, shown: str) -> None:
    assert text(expr) == shown


@pytest.mark.parametrize("expr", [e for e, _, _ in PRINTED], ids=[p[1] for p in PRINTED])
def test_text_reads_back(expr: Expr) -> None:
    assert parse(text(expr), declared(expr)).expr is expr


SEEDS = range(60)


def drawn(seed: int) -> Expr:
    """A random loss; dimensions used as numbers are those of a symbol."""
    expr = Formulas(seed).scalar(3)
    known = {name for s in symbols_of(expr) for dim in s.shape for name in dim.names}
    used = {name for node in nodes(expr) if node.op.name == "dimension" for name in node.data[0].names}
    return expr if used <= known else drawn(seed + 1000)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_formulas_read_back(seed: int) -> None:
    expr = drawn(seed)
    assert parse(text(expr), declared(expr)).expr is expr
    assert parse(latex(expr), declared(expr)).expr is expr


def declared(expr: Expr) -> dict[str, str]:
    """Declarations of the symbols of a formula."""
    return {
        s.name: " ".join(
            [*([f"{s.shape[0]} x {s.shape[1]}"] if not s.is_scalar else ["scalar"]), *sorted(s.properties)]
        )
        for s in symbols_of(expr)
    }


def test_every_function_is_written_as_a_call() -> None:
    for name, operation in FUNCTIONS.items():
        if name not in ("sigmoid", "abs"):
            assert text(operation(x)) == f"{name}(x)"


def test_a_product_of_two_is_written_without_brackets() -> None:
    nested = matmul.make((W.T, matmul.make((W, x))))
    assert text(nested) == "Wᵀ W x"


def test_raw_negative_factors_are_bracketed() -> None:
    assert text(matmul.make((A, scale.make((number(-1), x))))) == "A (−x)"
    assert text(mul.make((s, number(-2)))) == "−2 s"


def test_nested_sums_keep_their_brackets() -> None:
    assert text(add.make((x, add.make((y, x))))) == "x + (y + x)"


def test_deep_formulas_print_without_recursion() -> None:
    deep = x
    for _ in range(5000):
        deep = tanh(deep)
    assert text(deep).count("tanh") == 5000


def test_formulas_past_the_limit_are_cut_not_refused() -> None:
    wide = A
    for _ in range(60):
        wide = wide @ wide + wide
    shown = text(wide)
    assert "…" in shown and len(shown) < 10 * MAX_CHARACTERS


def test_a_row_of_the_layout_exists_for_each_leaf_and_special_form() -> None:
    for name in ("number", "symbol", "zeros", "ones", "identity", "add", "mul", "scale", "matmul", "power", "block"):
        assert name in LAYOUT


def test_a_shorter_form_without_names_is_introduced_by_itself() -> None:
    shown = derive.gradient("½ (x − μ)ᵀ Σ⁻¹ (x − μ) + ½ logdet(Σ)", "Σ", "Σ: n×n spd").text()
    assert "\n  or, shorter,\n" in shown and "or, shorter, with" not in shown
    named = derive.gradient("½‖Wᵀ W x − x‖²", "W").text()
    assert "\n  or, shorter, with r = Wᵀ W x − x,\n" in named


def test_what_is_quoted_of_a_formula_keeps_its_letters():
    page = derive.gradient("sum(log(1 + exp(X w))) + lam/2 ‖w‖²", "w").text()
    assert "\n  lam/2 ‖w‖² is read as (lam/2) times what follows." in page
    assert sentence("the sum over i is read as running over all neighbors") == (
        "The sum over i is read as running over all neighbors."
    )


def test_paths_that_meet_before_the_variable_are_all_told():
    page = derive.gradient("(x'A x) / (x'B x)", "x").text()
    assert "  x occurs three times, what is equal being computed once; each path from L contributes:\n" in page
    assert "  (3) L → 1 / (xᵀ B x) → xᵀ B x → xᵀ → x; another joins at xᵀ.\n" in page
    assert "│ ∂L/∂x = (A + Aᵀ − (xᵀ A x) (B + Bᵀ) / (xᵀ B x)) x / (xᵀ B x) │" in page  # transposes side by side
    of_each = derive.gradient("½‖Wᵀ W x − x‖²", "W").text()
    assert "W occurs twice; each path" in of_each and "joins" not in of_each


@pytest.mark.parametrize(
    ("formula", "moved", "box"),
    [
        ("log det(X)", "−X⁻¹ dXᵀ X⁻¹", "−(X⁻¹ ⊗ X⁻¹) K(n, n)"),
        ("tr(X A X)", "Aᵀ dXᵀ + dXᵀ Aᵀ", "(A ⊗ I_n + I_n ⊗ Aᵀ) K(n, n)"),
        ("‖X A‖²", "2 dX A Aᵀ", "2 (A Aᵀ ⊗ I_n)"),
    ],
)
def test_a_hessian_follows_from_the_differential_above_it(formula: str, moved: str, box: str) -> None:
    told = derive.hessian(formula, "X", where="X: n×n symmetric, A: n×n").text()
    assert f"d(∂L/∂X) = {moved} " in told and f"∂²L/∂ vec X ∂(vec X)ᵀ = {box} │" in told
    assert ("vec Xᵀ = K(n, n) vec X, the" in told) is ("K(n, n)" in box)
