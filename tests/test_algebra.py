"""The algebra: every form equals its input, boxes are short, stable, and found within bounds."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time

import numpy as np
import pytest

import derive
from derive.algebra import forms as forms_module
from derive.algebra.display import numbers_first
from derive.algebra.equality import equal
from derive.algebra.forms import compact, expand, factor
from derive.algebra.proofs import proved
from derive.derivation import Sweep
from derive.errors import DeriveError
from derive.expr import number, symbol, symbol_count
from derive.numeric import random_point
from derive.operations import add, matmul, scale
from tests.generate import formula

FLAGSHIP = "½‖WᵀWx − x‖²"

# Boxes as the literature prints them, or shorter: formula, variable, declarations, box.
BOXES = [
    (FLAGSHIP, "W", None, "W (Wᵀ W x xᵀ + x xᵀ Wᵀ W − 2 x xᵀ)"),
    ("½‖WᵀWX − X‖_F²", "W", None, "W (Wᵀ W X Xᵀ + X Xᵀ Wᵀ W − 2 X Xᵀ)"),
    ("½‖DEx − x‖²", "D", None, "(D E x − x) xᵀ Eᵀ"),
    ("½‖DEx − x‖²", "E", None, "Dᵀ (D E x − x) xᵀ"),
    ("‖Ax − b‖²", "x", "b: m", "2 Aᵀ (A x − b)"),
    ("xᵀAx + bᵀx", "x", "b: n", "(A + Aᵀ) x + b"),
    ("xᵀAx", "x", "A: n×n symmetric", "2 A x"),
    ("tr(XᵀBX)", "X", None, "(B + Bᵀ) X"),
    ("tr(AXBX)", "X", None, "Bᵀ Xᵀ Aᵀ + Aᵀ Xᵀ Bᵀ"),
    ("log det X", "X", None, "X⁻ᵀ"),
    ("det(X)", "X", None, "det(X) X⁻ᵀ"),
    ("aᵀX⁻¹b", "X", "a: n, b: n", "−X⁻ᵀ a bᵀ X⁻ᵀ"),
    ("logdet(I + XᵀX)", "X", "X: m×n", "2 X (I + Xᵀ X)⁻¹"),
    ("tr((WᵀW − I)²)", "W", None, "4 W (Wᵀ W − I)"),
    ("logsumexp(Ax)", "x", None, "Aᵀ softmax(A x)"),
    ("log(sum(exp(Wx))) − yᵀWx", "W", None, "(softmax(W x) − y) xᵀ"),
    ("−yᵀlog(sigmoid(Xw)) − (𝟏 − y)ᵀlog(𝟏 − sigmoid(Xw))", "w", None, "Xᵀ (σ(X w) − y)"),
    ("sum(log(exp(Ax − b) + exp(b − Ax)))", "x", "b: m", "Aᵀ tanh(A x − b)"),
    ("‖x‖", "x", None, "x / ‖x‖"),
    ("tr(A ⊗ X)", "X", "A: m×m, X: n×n", "tr(A) I_n"),
    ("sum(X.^2)", "X", "X: m×n", "2 X"),
    ("xᵀ diag(a) x", "x", "a: n", "2 x ⊙ a"),
    ("tr(SQᵀQ)", "S", "S: n×n, Q: n×n orthogonal", "I_n"),
]


@pytest.mark.parametrize(("loss", "wrt", "where", "box"), BOXES, ids=[f"{b[0]} by {b[1]}" for b in BOXES])
def test_box_is_the_form_in_print(loss, wrt, where, box):
    derivation = derive.gradient(loss, wrt, where)
    assert derivation.boxed.text() == box
    assert derivation.verify() < 1e-6


def test_the_four_forms_of_the_flagship():
    d = derive.gradient(FLAGSHIP, "W")
    assert str(d.expanded) == "W Wᵀ W x xᵀ + W x xᵀ Wᵀ W − 2 W x xᵀ"
    assert str(d.boxed) == "W (Wᵀ W x xᵀ + x xᵀ Wᵀ W − 2 x xᵀ)"
    assert str(d.compact) == "W (r xᵀ + x rᵀ) where r = Wᵀ W x − x"
    assert [label for label, _ in d.rewriting] == [
        "substitute and expand",
        "collect like terms",
        "take out the common factor W",
    ]
    assert str(d.rewriting[0][1]) == "W Wᵀ W x xᵀ − W x xᵀ + W x xᵀ Wᵀ W − W x xᵀ"


@pytest.mark.parametrize("spelling", ["1/2*norm2(W'*W*x - x)^2", "0.5 * norm(W.T @ W @ x - x)**2",
                                      r"\frac12 \left\| W^\top W x - x \right\|_2^2"])  # fmt: skip
def test_every_spelling_gives_one_box(spelling):
    assert derive.gradient(spelling, "W").boxed is derive.gradient(FLAGSHIP, "W").boxed


# Properties over generated formulas


def agree(a, b) -> bool:
    size = max(np.abs(a).max(initial=0), np.abs(b).max(initial=0), 1e-3)
    return a.shape == b.shape and np.abs(a - b).max(initial=0) <= 1e-7 * size


@pytest.mark.parametrize("seed", range(60))
def test_each_form_equals_its_input(seed):
    loss, wrt = formula(seed, 4)
    try:
        total = Sweep(loss, wrt).total
        point = random_point([loss, total, wrt], seed=seed)
    except DeriveError:
        pytest.skip("refused, or defined nowhere that was tried")
    value = point.evaluate(total)
    boxed = factor(total, loss)
    shown = {"boxed": boxed, "expanded": expand(total), "compact": compact(total, loss, boxed, []).inlined()}
    for name, form in shown.items():
        assert agree(point.evaluate(form), value), f"{name}: {form.text()}"
    assert factor(boxed, loss) is boxed
    assert symbol_count(boxed) <= symbol_count(shown["expanded"])


def test_the_comparison_of_forms_can_fail():
    W, x = symbol("W", "m", "n"), symbol("x", "n")
    point = random_point([W, x], seed=0)
    right, wrong = W @ x @ x.T, scale(2, W) @ x @ x.T
    assert not agree(point.evaluate(right), point.evaluate(wrong))


@pytest.mark.parametrize("seed", range(12))
def test_order_of_summands_changes_no_meaning_and_no_length(seed):
    loss, wrt = formula(seed, 3)
    try:
        total = Sweep(loss, wrt).total
    except DeriveError:
        pytest.skip("refused")
    expanded = expand(total)
    if expanded.op is not add:
        pytest.skip("one term")
    shuffled = list(expanded.args)
    random.Random(seed).shuffle(shuffled)
    one, other = factor(expanded), factor(add(*shuffled))
    assert proved(one, other)
    assert abs(symbol_count(one) - symbol_count(other)) <= 1


def test_renamed_symbols_give_the_renamed_box():
    box = derive.gradient(FLAGSHIP, "W").boxed.text()
    renamed = derive.gradient("½‖BᵀBz − z‖²", "B").boxed.text()
    assert renamed == box.replace("W", "B").replace("x", "z")


def test_forms_and_sources_do_not_depend_on_the_hash_seed():
    code = (
        "import derive\n"
        "for f, w in [('½‖WᵀWx − x‖²', 'W'), ('tr(AXBXᵀC)', 'X'), ('vᵀ tanh(Wx + b)', 'W'), ('‖ABAᵀ − C‖_F²', 'A'),\n"
        "             ('logdet(A + XBXᵀ)', 'X')]:\n"
        "    d = derive.gradient(f, w); print(d.expanded, d.boxed, d.compact, d.rewriting)\n"
        "    print(d.source(), d.source('c'))\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "12345")
    }
    assert len(outputs) == 1


# Equality


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("tr(AB)", "tr(BA)"),
        ("(A B)⁻¹", "B⁻¹ A⁻¹"),
        ("xᵀ A y", "yᵀ Aᵀ x"),
        ("diag(a) X diag(b)", "X ⊙ (a bᵀ)"),
        ("sum(X)", "𝟏ᵀ X 𝟏"),
        ("(A ⊗ B)(C ⊗ D)", "(A C) ⊗ (B D)"),
        ("(A ⊗ B)ᵀ", "Aᵀ ⊗ Bᵀ"),
        ("vec(A X B)", "(Bᵀ ⊗ A) vec(X)"),
        ("tr(A ⊗ B)", "tr(A) tr(B)"),
        ("logdet(A B)", "logdet(A) + logdet(B)"),
        ("‖x‖²", "xᵀ x"),
        ("σ(x) + σ(−x)", "𝟏"),
        ("exp(x) / sum(exp(x))", "softmax(x)"),
        ("tanh(−x)", "−tanh(x)"),
        ("A (A + B)⁻¹ + B (A + B)⁻¹", "A (A + B)⁻¹ + B (A + B)⁻¹"),
    ],
)
def test_equal_proves_what_is_an_identity(a, b):
    where = "A: n×n, B: n×n, C: n×n, D: n×n, X: n×n, x: n, y: n, a: n, b: n"
    assert derive.equal(a, b, where) == "proved"


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("A B", "B A"),
        ("xᵀ A y", "xᵀ Aᵀ y"),
        ("(A + B)⁻¹", "A⁻¹ + B⁻¹"),
        ("tr(A B C)", "tr(A C B)"),
        ("A ⊗ B", "B ⊗ A"),
        ("2 x xᵀ A", "2 A x xᵀ"),
        ("det(2 A)", "2 det(A)"),
        ("‖x‖", "‖x‖²"),
        ("sqrt(s^2)", "s"),
        ("A⁻ᵀ", "A⁻¹"),
        ("softmax(x)", "exp(x)"),
        ("Aᵀ A", "A Aᵀ"),
        ("x xᵀ y", "y xᵀ x"),
    ],
)
def test_near_misses_are_never_proved(a, b):
    where = "A: n×n, B: n×n, C: n×n, x: n, y: n, s: scalar"
    verdict = derive.equal(a, b, where)
    assert verdict == "differs"
    assert verdict.evidence


def test_equal_proves_what_the_normal_form_does_not_decide():
    verdict = derive.equal("A⁻¹ (A + B) B⁻¹", "A⁻¹ + B⁻¹", "A: n×n, B: n×n")
    assert verdict in ("proved", "agrees")
    woodbury = derive.equal("(A + B)⁻¹", "A⁻¹ − A⁻¹ (A⁻¹ + B⁻¹)⁻¹ A⁻¹", "A: n×n, B: n×n")
    assert woodbury == "proved" and woodbury.proof


@pytest.mark.parametrize(
    ("a", "b", "verdict"),
    [
        ("Q Qᵀ", "I", "proved"),
        ("I", "Qᵀ Q", "proved"),
        ("Q Qᵀ", "I_k", "differs"),
        ("Qᵀ Q − I", "0", "proved"),
        ("U V", "0", "differs"),
        ("Q x", "1", "differs"),
    ],
)
def test_a_size_that_nothing_says_is_that_of_the_other_side(a, b, verdict):
    assert derive.equal(a, b, "U: n×k, V: k×n, Q: n×n orthogonal, x: n") == verdict


def test_shapes_that_differ_are_said_to():
    verdict = equal(symbol("x", "n"), symbol("y", "m"))
    assert verdict == "differs" and "n × 1" in verdict.evidence


# Bounds


def test_a_form_past_its_limit_is_refused_by_name():
    x = symbol("x", "n")
    As = [symbol(f"A_{i}", "n", "n") + symbol(f"B_{i}", "n", "n") for i in range(14)]
    product = matmul(*As, x)
    with pytest.raises(DeriveError, match="terms when multiplied out"):
        expand(product)
    assert symbol_count(factor(product)) == symbol_count(product)


def test_a_search_that_ends_with_its_budget_is_said_to(monkeypatch):
    loss, where = "½‖(A + B) (C + D) x − (A + B) x‖² + xᵀ (C + D) x", "A: n×n, B: n×n, C: n×n, D: n×n, x: n"
    whole = derive.gradient(loss, "x", where)
    assert not whole.is_best_effort and "budget" not in whole.text()
    monkeypatch.setattr(forms_module, "BUDGET", 12)
    cut = derive.gradient(loss.replace("x", "y"), "y", where.replace("x", "y"))
    assert cut.is_best_effort and "a shorter one may exist" in cut.text()
    assert cut.verify() < 1e-6


def test_factoring_many_terms_stays_within_its_budget():
    terms = [
        matmul(symbol(f"A_{i % 7}", "n", "n"), symbol(f"B_{i % 5}", "n", "n"), symbol(f"C_{i % 3}", "n", "n"))
        for i in range(40)
    ]
    start = time.perf_counter()
    boxing = forms_module.Boxing(add(*terms), None)
    assert time.perf_counter() - start < 20
    assert symbol_count(boxing.boxed) <= 120


def test_numbers_stay_whole():
    A, B = symbol("A", "n", "n"), symbol("B", "n", "n")
    assert factor(add(scale(3, A), scale(6, B))).text() == "3 (A + 2 B)"
    assert factor(add(scale(number(1) / 2, A), B)).text() == "½ A + B"


@pytest.mark.parametrize(
    ("loss", "wrt"),
    [("‖exp(tanh(x)).^(−2)‖", "x"), ("sum(exp(x)) / sum(exp(2 x))", "x"), ("log(sum(exp(x))) sum(exp(x).^3)", "x")],
)
def test_sums_of_exponentials_keep_their_value(loss, wrt):
    d = derive.gradient(loss, wrt, "x: n")
    point = random_point([d.loss, d.result], seed=3)
    for form in (d.boxed, d.expanded, d.compact.inlined()):
        assert agree(point.evaluate(form), point.evaluate(d.result))


@pytest.mark.parametrize(
    ("loss", "box"),
    [
        ("½‖XXᵀ − A‖²", "2 (Xᵀ X ⊗ I_m) + 2 (Xᵀ ⊗ X) K(m, n) + I_n ⊗ (2 X Xᵀ − A − Aᵀ)"),
        ("tr(XᵀXXᵀX)", "4 (Xᵀ X ⊗ I_m + (Xᵀ ⊗ X) K(m, n) + I_n ⊗ X Xᵀ)"),
        ("det(X⁻¹)", "((X⁻¹ ⊗ X⁻ᵀ) K(n, n) + vec(X⁻ᵀ) vec(X⁻ᵀ)ᵀ) / det(X)"),
        ("tr(X⁻¹ (S + R))", "(X⁻¹ (S + R) X⁻¹ ⊗ X⁻ᵀ + X⁻¹ ⊗ (X⁻¹ (S + R) X⁻¹)ᵀ) K(n, n)"),
    ],
)
def test_commutation_matrices_pass_kronecker_products(loss: str, box: str) -> None:
    hessian = derive.hessian(loss, "X", "X: n×n" if "⁻¹" in loss else "X: m×n")
    assert hessian.boxed.text() == box
    assert hessian.verify() < 1e-7


def test_an_authors_sum_is_recognized_with_its_terms_counted():
    d = derive.gradient("⟨A − B, B C⟩³", "B", "A: m×n, B: m×n, C: n×n")
    assert equal(d.boxed, d.result)
    assert equal(d.compact.inlined(), d.result)


def test_a_box_that_is_wrong_is_never_shown(monkeypatch):
    """Were the search to err, the derivative would be shown as the sweep leaves it."""
    right = derive.gradient("‖Ax − b‖²", "x", "b: m").result
    search = forms_module.Factoring.solve
    monkeypatch.setattr(
        forms_module.Factoring, "solve", lambda self, poly, depth=0: scale(3, search(self, poly, depth))
    )
    d = derive.gradient("‖Ax − b‖²", "x", "b: m")
    assert d.boxed is right
    assert str(d.compact) == str(right)
    assert d.verify() < 1e-6


def test_a_wrong_box_would_fail_the_numeric_check(monkeypatch):
    monkeypatch.setattr(forms_module, "is_same", lambda form, expr: True)
    search = forms_module.Factoring.solve
    monkeypatch.setattr(
        forms_module.Factoring, "solve", lambda self, poly, depth=0: scale(3, search(self, poly, depth))
    )
    assert derive.gradient("‖Ay − c‖²", "y", "c: m").verify() > 0.1


def test_a_line_says_which_identity_it_used():
    lines = derive.gradient("tr(X⁻¹ (X + A)) + ‖X‖²", "X", "X: n×n, A: n×n").rewriting
    assert [label for label, _ in lines] == ["substitute and expand, cancel inverses", "collect like terms"]
    assert derive.gradient("log det(AXB)", "X", "A: n×n, B: n×n, X: n×n").rewriting[0][0] == "simplify, cancel inverses"


@pytest.mark.parametrize(
    ("loss", "wrt", "box"),
    [
        ("sum(log(1 + exp(Xw)))", "w", "Xᵀ diag(σ(X w) ⊙ (𝟏 − σ(X w))) X"),
        ("sum(log(cosh(A x − b)))", "x", "Aᵀ diag(𝟏 − tanh(A x − b).^2) A"),
    ],
)
def test_rows_are_scaled_by_a_diagonal_matrix(loss: str, wrt: str, box: str) -> None:
    hessian = derive.hessian(loss, wrt)
    assert hessian.boxed.text() == box
    assert hessian.verify() < 1e-7


def test_a_scalar_and_its_reciprocal_in_a_bracket_cancel():
    loss = "logdet(B + σ(logsumexp(x − x) − s)^(e + s) A)"
    derived = derive.gradient(loss, "s", "A: n×n, B: n×n, x: n")
    assert derived.boxed and derived.verify() < 1e-6


def test_roots_of_products_keep_rational_coefficients():
    where = "A: p×p, B: q×q, w: p, v: q"
    root = derive.parse("((wᵀA w) (vᵀB v))^(−3/2)", where)
    assert proved(root, derive.parse("1 / ((wᵀA w) (vᵀB v) sqrt((wᵀA w) (vᵀB v)))", where))
    assert derive.gradient("wᵀv / sqrt((wᵀA w) (vᵀB v))", "w", "A: p×p spd, B: p×p, w: p, v: p").verify() < 1e-6


@pytest.mark.parametrize(
    "left, right, where",
    [
        ("s / (s + t) + t / (s + t)", "1", "s: scalar, t: scalar"),
        ("1 / (1 + s) − s / (1 + s)^2", "1 / (1 + s)^2", "s: scalar"),
        ("A / (s + t) − s A / (s + t)^2", "t A / (s + t)^2", "s: scalar, t: scalar, A: m×n"),
        ("a ⊘ (a + b) + b ⊘ (a + b)", "vector(1)", "a: n, b: n"),
        ("A ⊘ (A + B) + B ⊘ (A + B)", "ones(m, n)", "A: m×n, B: m×n"),
        ("Diag(a ⊘ (a + b)) A + Diag(b ⊘ (a + b)) A", "A", "a: n, b: n, A: n×m"),
    ],
)
def test_fractions_are_brought_to_a_common_denominator(left, right, where):
    assert derive.equal(left, right, where) == "proved"
    assert derive.equal(left, f"2 ({right})", where) == "differs"


@pytest.mark.parametrize(
    "kind, loss, wrt, where, boxed",
    [
        ("hessian", "sum(sqrt(vector(1) + (A x − b).^2))", "x", "A: m×n", "Aᵀ diag((𝟏 + (A x − b).^2).^(−3/2)) A"),
        ("hessian", "½‖relu(A x) − b‖²", "x", "A: m×n", "Aᵀ diag(step(A x)) A"),
        ("gradient", "‖s x‖", "x", "s: scalar, x: n", "|s| x / ‖x‖"),
        ("gradient", "½‖y − X w‖² + ½ λ ‖w‖²", "w", "λ: scalar", "λ w − Xᵀ (y − X w)"),
        ("gradient", "½‖A ⊗ B − C‖²", "A", "A: m×n, B: p×q", "‖B‖_F² A − block_inner(C, B)"),
        (
            "gradient",
            "log(1 + exp((x − y)ᵀ Lᵀ L (x − y) − b))",
            "L",
            "L: k×n, x: n, b: scalar",
            "2 σ((x − y)ᵀ Lᵀ L (x − y) − b) L (x − y) (x − y)ᵀ",
        ),
        ("gradient", "sum(relu(𝟏 − y ⊙ (X w)).^2)", "w", None, "−2 Xᵀ (y ⊙ relu(𝟏 − y ⊙ X w))"),
        ("gradient", "−log(σ(y*(wᵀx)))", "w", "y: scalar", "y (σ(y wᵀ x) − 1) x"),
        (
            "hessian",
            "sum(log(1 + exp(−y ⊙ (X w + b 𝟏))))",
            "b",
            "X: m×n, w: n, b: scalar, y: m",
            "sum(y.^2 ⊙ σ(−y ⊙ (X w + b 𝟏)) ⊙ (𝟏 − σ(−y ⊙ (X w + b 𝟏))))",
        ),
        ("hessian", "log(1 + exp(aᵀx))", "x", "a: n, x: n", "σ(aᵀ x) (1 − σ(aᵀ x)) a aᵀ"),
    ],
)
def test_boxes_a_person_would_write(kind, loss, wrt, where, boxed):
    derived = getattr(derive, kind)(loss, wrt, where)
    assert derived.boxed.text() == boxed
    assert derived.verify() < 1e-6


@pytest.mark.parametrize(
    ("loss", "where", "known"),
    [
        ("½‖x − WᵀW x‖²", "x: n, W: m×n", "(I − Wᵀ W)²"),
        ("½‖x − A B x‖²", "x: n, A: n×n, B: n×n", "(I − A B)ᵀ (I − A B)"),
        (
            "log(1 + exp(aᵀ x)) + ½‖x − Aᵀ A x‖²",
            "x: n, a: n, A: m×n",
            "(I − Aᵀ A)² + (σ(aᵀ x) − σ(aᵀ x)²) a aᵀ",
        ),
        ("‖A x − b‖⁴", "x: n, A: m×n, b: m", "4 Aᵀ (2 r rᵀ + ‖r‖² I) A where r = A x − b"),
    ],
)
def test_a_compact_form_may_introduce_the_identity(loss, where, known):
    derived = derive.hessian(loss, "x", where)
    assert str(derived.compact) == known and derived.verify() < 1e-6


@pytest.mark.parametrize(
    ("one", "other", "where"),
    [
        ("exp(2 s) / (1 + exp(s))^2", "σ(s)^2", "s: scalar"),
        ("exp(s) / (1 + exp(s))^2", "σ(s) (1 − σ(s))", "s: scalar"),
        ("exp(x + y) ⊙ σ(−x)", "exp(y) ⊙ σ(x)", "x: n, y: n"),
        ("exp(x)ᵀ σ(−x)", "𝟏ᵀ σ(x)", "x: n"),
        ("exp(X) ⊙ σ(−X)", "σ(X)", "X: m×n"),
    ],
)
def test_products_of_exp_and_sigmoid_are_proved(one, other, where):
    assert equal(derive.parse(one, where), derive.parse(other, where)) == "proved"
    assert equal(derive.parse(f"2 ({one})", where), derive.parse(other, where)) == "differs"


def test_high_powers_of_exp_and_sigmoid_stay_whole():
    where = "x: n, s: scalar"
    for text in ("exp(x).^10 ⊙ σ(x).^9", "exp(s)^64 σ(s)^8"):
        assert expand(derive.parse(text, where)).op.name != "add"
    assert expand(derive.parse("exp(s)^2 σ(s)^2", where)).op.name == "add"


def test_the_diagonal_of_a_sum_may_vanish():
    where = "A: n×n, B: n×n, x: n"
    assert derive.parse("diag(A − Aᵀ + B)", where).shape == derive.parse("x", where).shape
    assert factor(derive.parse("diag((A − Aᵀ + B) ⊙ B)", where)).text() == "diag(B).^2"
    assert factor(derive.parse("(A − Aᵀ) ⊙ B ⊙ Diag(x)", where)).text() == "0"
    derived = derive.gradient("tr((tril(A) − A) ⊙ Diag(x))", "A", "A: n×n symmetric, x: n")
    assert derived.boxed.text() == "0" and derived.verify() < 1e-6


def test_what_is_symmetric_is_not_shown_transposed():
    derived = derive.hvp("yᵀ K⁻¹ y + logdet(K)", "K", "V", where="K: n×n spd, y: n, V: n×n")
    assert derived.boxed.text() == "½ K⁻¹ (y yᵀ K⁻¹ (V + Vᵀ) + (V + Vᵀ) K⁻¹ y yᵀ − V − Vᵀ) K⁻¹"
    assert derived.verify() < 1e-6
    where = "A: m×n, x: m, B: m×m"
    assert factor(derive.parse("((I + A Aᵀ)⁻¹ B)ᵀ x xᵀ", where)).text() == "Bᵀ (I + A Aᵀ)⁻¹ x xᵀ"


@pytest.mark.parametrize(
    ("loss", "wrt", "where", "boxed"),
    [
        ("‖x − A (AᵀA)⁻¹ Aᵀ x‖²", "x", "A: m×n", "2 (x − A (Aᵀ A)⁻¹ Aᵀ x)"),
        ("‖(Aᵀ S B)⁻¹ Aᵀ S B x‖²", "x", "A: m×n, B: m×n, S: m×m", "2 x"),
        ("tr(A (AᵀA)⁻¹ Aᵀ)", "A", "A: m×n", "0"),
    ],
)
def test_a_product_cancels_with_its_inverse_factor_by_factor(loss, wrt, where, boxed):
    derived = derive.gradient(loss, wrt, where)
    assert derived.boxed.text() == boxed and derived.verify() < 1e-6


def test_no_identity_is_introduced_as_a_diagonal_of_equal_entries():
    derived = derive.hessian("(xᵀA x − c)²/4", "x", "A: n×n symmetric, x: n, c: scalar")
    assert derived.boxed.text() == "2 A x xᵀ A + (xᵀ A x − c) A"


# Long chains


def test_the_work_of_a_long_chain_grows_with_the_square_of_its_length(monkeypatch):
    from derive.algebra import products

    joined, given = [0], products.join

    def counted(*neighbors):
        joined[0] += 1
        return given(*neighbors)

    monkeypatch.setattr(products, "join", counted)
    works = []
    for k in (15, 30, 60):
        joined[0] = 0
        assert derive.gradient("xᵀ " + "A B " * k + "x", "x", "A: n×n, B: n×n").boxed is not None
        works.append(joined[0])
    assert works[2] / works[1] < 4.5 and works[1] / works[0] < 4.5


def test_a_power_past_the_limit_stays_a_product():
    d = derive.gradient("xᵀ " + "A " * 70 + "x", "x", "A: n×n")
    assert d.boxed.text().count("A") == 140 and d.latex()


def test_a_product_of_inverses_cancels_in_the_middle_of_a_chain():
    where = "A: n×m, B: m×n, C: n×n"
    assert derive.equal("C (A B)⁻¹ A B C", "C C", where) == "proved"
    assert derive.equal("C A B (A B)⁻¹ C", "C C", where) == "proved"


def test_each_layer_is_searched_by_itself(monkeypatch):
    """The gradient of a net: Wᵀ (…) ⊙ f′(z) layer by layer, in work that grows with their number."""
    from derive.algebra import factoring

    solved, given = [0], factoring.Factoring._solve

    def counted(self, *arguments):
        solved[0] += 1
        return given(self, *arguments)

    monkeypatch.setattr(factoring.Factoring, "_solve", counted)
    works, boxes = [], []
    for depth in (3, 6):
        net = "x"
        for i in range(1, depth + 1):
            net = f"tanh(W_{i} {net})"
        solved[0] = 0
        boxes.append(derive.gradient(f"½‖{net} − y‖²", "W_1").boxed.text())
        works.append(solved[0])
    inner = "(tanh(W₃ tanh(W₂ tanh(W₁ x))) − y) ⊙ (𝟏 − tanh(W₃ tanh(W₂ tanh(W₁ x))).^2)"
    assert boxes[0] == f"(W₂ᵀ (W₃ᵀ ({inner}) ⊙ (𝟏 − tanh(W₂ tanh(W₁ x)).^2)) ⊙ (𝟏 − tanh(W₁ x).^2)) xᵀ"
    assert "− 𝟏" not in boxes[1]
    assert works[1] < 3 * works[0]


def test_numbers_cancel_between_layers():
    given = derive.parse("(f ⊙ (Wᵀ (h ⊙ (c a + c b)))) xᵀ / c", where="c: scalar, f: m, W: n×m, h: n, a: n, b: n, x: p")
    assert factor(given).text() == "(f ⊙ Wᵀ (h ⊙ (a + b))) xᵀ"


def test_the_slope_of_a_layer_is_shown_with_its_number_first():
    box = derive.gradient("−yᵀ log(softmax(W_2 tanh(W_1 x)))", "W_1").boxed.text()
    assert box == "((𝟏 − tanh(W₁ x).^2) ⊙ W₂ᵀ ((𝟏ᵀ y) softmax(W₂ tanh(W₁ x)) − y)) xᵀ"


@pytest.mark.parametrize(
    "written, shown",
    [
        ("(tanh(z).^2 − 1) ⊙ (b − z)", "(𝟏 − tanh(z).^2) ⊙ (z − b)"),
        ("(tanh(z).^2 − 1) ⊙ (exp(z) − 1)", "(𝟏 − tanh(z).^2) ⊙ (𝟏 − exp(z))"),
        ("(tanh(z).^2 − 1) ⊙ (b + z)", "(tanh(z).^2 − 𝟏) ⊙ (b + z)"),
        ("(tanh(z).^2 − 1) ⊙ (z ⊙ (b − a) − b + y)", "(𝟏 − tanh(z).^2) ⊙ (z ⊙ (a − b) + b − y)"),
    ],
)
def test_two_sums_are_turned_where_a_number_comes_first_then(written, shown):
    product = derive.parse(written, where="z: n, b: n, a: n, y: n")
    turned = numbers_first(product, {})
    assert turned.text() == shown
    assert equal(turned, product)


def test_a_sum_that_cancels_when_transposed_has_a_box():
    """The entries of softmax add up to 1: their sum has no slope."""
    loss = "norm(norm1(exp(inv(eye(n) + A*A')*x)/sum(exp(inv(eye(n) + A*A')*x))))^3"
    assert derive.gradient(loss, "A", where="A: n×n lower, x: n").boxed.text() == "0"


@pytest.mark.parametrize("f", ["tanh", "sin", "cos"])
def test_the_diagonal_of_differences_is_that_of_zero(f):
    """Their trace and the sum of their diagonal do not name each other without end."""
    where = "x: n"
    assert derive.equal(derive.parse(f"tr({f}(x 1' - 1 x'))", where), derive.parse(f"sum({f}(x - x))", where))
    gradient = derive.gradient(rf"\sum_{{i<j}} {f}(x_i - x_j)", "x", where)
    assert gradient.verify() < 1e-6 and gradient.boxed.text()


def test_the_distances_of_numbers_have_a_box():
    x = np.array([3.0, -1.0, 2.0])
    assert derive.gradient(r"\sum_{i<j} |x_i - x_j|", "x").boxed.evaluate(x=x).ravel().tolist() == [2, -2, 0]
