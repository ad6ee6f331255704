"""Sums over indices: the matrix form has the value of the sum."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_allclose

from derive.errors import DeriveError, ParseError
from derive.numeric import evaluate_public
from derive.reading import parse

_random = np.random.default_rng(1)
A = _random.normal(size=(4, 4))
X, Y = _random.normal(size=(2, 4, 3))
M = _random.normal(size=(3, 3))
a, b = _random.normal(size=(2, 4))
c = _random.normal(size=3)
VALUES = {"x": X[:, 0], "p": 2.0 + np.arange(len(X)), "A": A, "X": X, "Y": Y, "M": M, "a": a, "b": b, "c": c}

PAIRS: list[tuple[str, Callable[[int, int], float]]] = [
    (r"\sum_{i,j} A_{ij} \|x_i - x_j\|^2", lambda i, j: A[i, j] * np.sum((X[i] - X[j]) ** 2)),
    (r"\sum_i \sum_j A_{ij} \|x_i - y_j\|^2", lambda i, j: A[i, j] * np.sum((X[i] - Y[j]) ** 2)),
    (r"\sum_{i,j} A_{ij} \|x_j - y_i\|", lambda i, j: A[i, j] * np.linalg.norm(X[j] - Y[i])),
    (r"\sum_{i,j} A_{ij} x_i^T y_j", lambda i, j: A[i, j] * X[i] @ Y[j]),
    (r"\sum_{i,j} A_{ij} x_j^T y_i", lambda i, j: A[i, j] * X[j] @ Y[i]),
    (r"\sum_{i,j} A_{ij} x_j^T y_j", lambda i, j: A[i, j] * X[j] @ Y[j]),
    (r"\sum_{i,j} A_{ij} x_j^T M y_i", lambda i, j: A[i, j] * X[j] @ M @ Y[i]),
    (r"\sum_{i,j} A_{ij} \|x_i\|^2", lambda i, j: A[i, j] * X[i] @ X[i]),
    (r"\sum_{i,j} A_{ij} \|x_j\|^2", lambda i, j: A[i, j] * X[j] @ X[j]),
    (r"\sum_{i,j} A_{ij} \|M x_j\|", lambda i, j: A[i, j] * np.linalg.norm(M @ X[j])),
    (r"\sum_{i,j} A_{ij} (x_i - x_j)^T M (x_i - x_j)", lambda i, j: A[i, j] * (X[i] - X[j]) @ M @ (X[i] - X[j])),
    (r"\sum_{i,j} A_{ij} \|M (x_i - x_j)\|^2", lambda i, j: A[i, j] * np.sum((M @ (X[i] - X[j])) ** 2)),
    (r"\sum_{i,j} (a_i - c^T (x_i - x_j))^2", lambda i, j: (a[i] - c @ (X[i] - X[j])) ** 2),
    (r"\sum_{i,j} (A_{ij} - \|x_i - x_j\|^2)^2", lambda i, j: (A[i, j] - np.sum((X[i] - X[j]) ** 2)) ** 2),
    (r"\sum_{i,j} \exp(-\|x_i - x_j\|^2)", lambda i, j: np.exp(-np.sum((X[i] - X[j]) ** 2))),
    (r"\sum_{i,j} \|a_i x_i - b_j y_j - c\|^2", lambda i, j: np.sum((a[i] * X[i] - b[j] * Y[j] - c) ** 2)),
]
SINGLE: list[tuple[str, Callable[[int], float]]] = [
    (r"\sum_i \|a_i x_i - y_i\|^2", lambda i: np.sum((a[i] * X[i] - Y[i]) ** 2)),
    (r"\sum_i (a_i x_i)^T y_i", lambda i: a[i] * X[i] @ Y[i]),
    (r"\sum_i -a_i (c^T x_i)", lambda i: -a[i] * c @ X[i]),
    (r"\sum_i (x_i - c)^T M (x_i - c)", lambda i: (X[i] - c) @ M @ (X[i] - c)),
    ("sum(a_i log(b_i^2))", lambda i: a[i] * np.log(b[i] ** 2)),
    ("sum(x*log(p) + (1 - x)*log(1 + p))", lambda i: X[i, 0] * np.log(2 + i) + (1 - X[i, 0]) * np.log(3 + i)),
    (
        r"\sum a_i \log b_i^2 + (1 - a_i) \log(1 + b_i^2)",
        lambda i: a[i] * np.log(b[i] ** 2) + (1 - a[i]) * np.log(1 + b[i] ** 2),
    ),
    (r"\sum a_i^2 + 2 \sum b_i^2", lambda i: a[i] ** 2 + 2 * b[i] ** 2),
    ("-Σ aᵢ log(bᵢ²) + ½ Σ (bᵢ − cᵀxᵢ)²", lambda i: -a[i] * np.log(b[i] ** 2) + (b[i] - c @ X[i]) ** 2 / 2),
    ("sum_i a_i/c.x_i", lambda i: a[i] / (c @ X[i])),
    ("sum((a_i - c'x_i)^2)", lambda i: (a[i] - c @ X[i]) ** 2),
    (r"\sum_i a_i / |\mathbf{x}_i - \mathbf{c}|^3", lambda i: a[i] / np.linalg.norm(X[i] - c) ** 3),
    (r"\sum_i |\mathbf{x}_i - \mathbf{c}|^2", lambda i: np.sum((X[i] - c) ** 2)),
    (r"\sum_i \frac{\mathbf{x}_i^2}{2 b_i}", lambda i: X[i] @ X[i] / (2 * b[i])),
    (r"\sum_i (1 + \log \mathbf{a}_i^2 - \mathbf{b}_i^2)", lambda i: 1 + np.log(a[i] ** 2) - b[i] ** 2),
]


def _value(formula: str) -> object:
    expr = parse(formula, "X: n×d", scalar=True).expr
    return expr.evaluate(**{name: value for name, value in VALUES.items() if f" {name} " in f" {_names(expr)} "})


def _names(expr: object) -> str:
    from derive.expr import symbols_of

    return " ".join(leaf.data[0] for leaf in symbols_of(expr))  # type: ignore[arg-type]


@pytest.mark.parametrize(("formula", "term"), PAIRS, ids=[row[0] for row in PAIRS])
def test_sums_over_two_indices(formula: str, term: Callable[[int, int], float]) -> None:
    assert np.isclose(_value(formula), sum(term(i, j) for i in range(4) for j in range(4)))


@pytest.mark.parametrize(("formula", "term"), SINGLE, ids=[row[0] for row in SINGLE])
def test_sums_over_one_index(formula: str, term: Callable[[int], float]) -> None:
    assert np.isclose(_value(formula), sum(map(term, range(4))))


def test_a_sum_without_a_matrix_form_is_refused() -> None:
    with pytest.raises(ParseError, match="no matrix form"):
        parse(r"\sum_{i,j,k} \exp(x_i^T M y_j) a_k \|x_i - y_j - z_k\|")


PIECEWISE: list[tuple[str, str, float]] = [
    (r"\sum_i \max(a_i, b_i)", "", np.maximum(a, b).sum()),
    (r"\sum_i \min(a_i, 1/2)", "", np.minimum(a, 0.5).sum()),
    (r"\sum_i \max(0.3 (a_i - x_i^T c), (0.3 - 1) (a_i - x_i^T c))", "",
     np.maximum(0.3 * (a - X @ c), -0.7 * (a - X @ c)).sum()),
    (r"\sum_{ij} \max(A_{ij}, b_i)", "", np.maximum(A, b[:, None]).sum()),
    (r"\sum_{ij} \min(b_i, a_j)", "", np.minimum(b[:, None], a[None, :]).sum()),
    (r"\sum_i \begin{cases} a_i^2 & a_i > b_i \\ 3 b_i & a_i \le b_i \end{cases}", "",
     np.where(a > b, a**2, 3 * b).sum()),
    (r"\sum_i \begin{cases} \frac12 a_i^2 & |a_i| \le t \\ t (|a_i| - \frac12 t) & \text{otherwise} \end{cases}",
     "t: scalar", np.where(abs(a) <= 0.7, a**2 / 2, 0.7 * (abs(a) - 0.35)).sum()),
    (r"\sum_{ij} \begin{cases} A_{ij} b_i & A_{ij} > a_j \\ a_j & \text{otherwise} \end{cases}", "",
     np.where(A > a[None, :], A * b[:, None], a[None, :]).sum()),
    (r"\sum_i huber(a_i - b_i, t)", "t: scalar",
     np.where(abs(a - b) <= 0.7, (a - b) ** 2 / 2, 0.7 * (abs(a - b) - 0.35)).sum()),
    (r"\sum_i b_i clip(a_i, 0, 1)", "", b @ np.clip(a, 0, 1)),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "where", "wanted"), PIECEWISE)
def test_piecewise_terms_under_a_sum(formula: str, where: str, wanted: float) -> None:
    parsed = parse(formula, where or None)
    values = {name: VALUES.get(name, 0.7) for name in parsed.symbols}
    np.testing.assert_allclose(evaluate_public(parsed.expr, values), wanted, rtol=1e-12)


y = _random.normal(size=4)
POWERS: list[tuple[str, str | None, float]] = [
    ("sum((a - X c)^2)", None, np.sum((a - X @ c) ** 2)),
    ("mean((a - X c)**2)", None, np.mean((a - X @ c) ** 2)),
    ("sum(x^3)", "x: n", np.sum(y**3)),
    ("sum(a .* x^2)", None, a @ y**2),
    ("mean((x - mean(x))^2)", None, np.var(y)),
    ("sum(1 + sigma - mu**2 - exp(sigma))", None, np.sum(1 + a - b**2 - np.exp(a))),
    ("sum((X M - Y)^2)", "X: m×n, M: n×n, Y: m×n", np.sum((X @ M - Y) ** 2)),
    ("r = a - X c; sum(r^2)", None, np.sum((a - X @ c) ** 2)),
]


@pytest.mark.parametrize(("formula", "where", "wanted"), POWERS)
def test_powers_of_what_is_summed_up_are_those_of_the_entries(formula: str, where: str | None, wanted: float) -> None:
    parsed = parse(formula, where)
    values = {name: {**VALUES, "x": y, "σ": a, "μ": b}[name] for name in parsed.symbols}
    np.testing.assert_allclose(evaluate_public(parsed.expr, values), wanted, rtol=1e-12)
    assert any("read as a power of each entry" in line for line in parsed.readings)


@pytest.mark.parametrize("formula", ["sum((W x_t - y_t)^2)", "sum((W*x_t - y_t).^2)"])
def test_what_a_matrix_acts_on_is_no_entry_of_a_sum(formula: str) -> None:
    assert {"W", "x_t", "y_t"} == set(parse(formula).symbols)


def test_the_power_of_a_square_matrix_is_its_product() -> None:
    parsed = parse("sum(A^2)", "A: n×n")
    np.testing.assert_allclose(evaluate_public(parsed.expr, {"A": A}), np.sum(A @ A), rtol=1e-12)


@pytest.mark.parametrize(
    "formula", ["Σ_i (x_i - y_i)^2", "Σ_{i=1}^n (x_i - y_i)^2", "Σᵢ₌₁ⁿ (xᵢ − yᵢ)²", "∑ᵢ₌₁ⁿ (xᵢ − yᵢ)²"]
)
def test_signs_of_sums(formula: str) -> None:
    assert parse(formula).expr.text() == "‖x − y‖²"


@pytest.mark.parametrize(
    "formula", ["(1/2) Σ_i (x_i - y_i)^2", "1/(2) Σ_i (x_i - y_i)^2", "½ Σ_i (x_i - y_i)^2; y_i = u_i"]
)
def test_a_number_before_the_greek_letter_leaves_it_a_sum(formula: str) -> None:
    assert parse(formula).expr.text() in ("½ ‖x − y‖²", "½ ‖x − u‖²")


@pytest.mark.parametrize("formula, where", [("∑ᵢ xᵢᵀ Σᵢ⁻¹ xᵢ", None)])
def test_the_greek_letter_is_no_sum(formula: str, where: str | None) -> None:
    with pytest.raises(DeriveError):
        parse(formula, where, wrt=["x"])


def test_a_sum_in_ascii_is_one() -> None:
    assert parse("sum_{i=1}^n (x_i - y_i)^2").expr == parse(r"\sum_{i=1}^n (x_i - y_i)^2").expr
    assert parse("sum (x_i - y_i)^2").expr.text() == "‖x − y‖²"


@pytest.mark.parametrize(
    "written, usual",
    [
        (r"\sum_i (y_i - x^T_i \beta)^2", r"\sum_i (y_i - x_i^T \beta)^2"),
        (r"\sum_i (y_i - x^{\top}_{i} \beta)^2", r"\sum_i (y_i - x_i^T \beta)^2"),
        (r"\sum_i (y_i - \mathbf{x}^\top_i \beta)^2", r"\sum_i (y_i - \mathbf{x}_i^T \beta)^2"),
        ("∑_i (y_i - x'_i β)^2", "∑_i (y_i - x_i' β)^2"),
        ("∑_i (y_i - xᵀᵢ β)^2", "∑_i (y_i - xᵢᵀ β)^2"),
        (r"\sum_i x^2_i", r"\sum_i x_i^2"),
        (r"\sum_{i,j} w^2_{ij} + \|b\|^2_2", r"\sum_{i,j} w_{ij}^2 + \|b\|_2^2"),
        (r"\sum_{ij} A^T_{ij} B_{ij}", r"\sum_{ij} (A^T)_{ij} B_{ij}"),
        (r"\sum_{ij} A^{-1}_{ij} B_{ij}", r"\sum_{ij} (A^{-1})_{ij} B_{ij}"),
        (r"\sum^T_{t=1} \|x_t - w\|^2", r"\sum_{t=1}^T \|x_t - w\|^2"),
        (r"\|W^T_1 W_1 x\|^2 + \sigma^2_1", r"\|W_1^T W_1 x\|^2 + \sigma_1^2"),
        (r"(x - \mu)^T \Sigma^{-1}_1 (x - \mu)", r"(x - \mu)^T \Sigma_1^{-1} (x - \mu)"),
    ],
)
def test_what_stands_below_belongs_to_the_name_in_whatever_order_it_is_written(written, usual):
    one, other = parse(written), parse(usual)
    assert one.expr.text() == other.expr.text()
    assert one.where == other.where


@pytest.mark.parametrize("formula", [r"\sum_i x^n_i", r"\sum_i (b_i + b'_i)^2", r"\sum_{ij} (b_i + c'_j)^2 + c_1"])
def test_a_name_above_or_a_prime_on_a_number_is_refused(formula):
    with pytest.raises(DeriveError, match=r"may be x_i\^n or|a number for every index, and has no transpose"):
        parse(formula)


def test_a_capital_between_two_members_is_no_matrix_of_theirs():
    """The S of (sᵢ − m)ᵀ S⁻¹ (sᵢ − m) is a metric; that of ‖S sᵢ‖² has the rows sᵢ, as elsewhere."""
    value = parse(r"\sum_i (s_i - m)^T S^{-1} (s_i - m)").expr
    rng = np.random.default_rng(5)
    s, m, S = rng.normal(size=(4, 3)), rng.normal(size=3), rng.normal(size=(3, 3)) + 4 * np.eye(3)
    assert_allclose(
        evaluate_public(value, {"s": s, "m": m, "S": S}), sum((row - m) @ np.linalg.inv(S) @ (row - m) for row in s)
    )
    rows = parse(r"\sum_i \|S s_i\|^2").expr
    assert_allclose(evaluate_public(rows, {"S": S}), sum(np.sum((S @ row) ** 2) for row in S))
