"""Assumptions among the declarations: used in the forms, never by the derivative, refused where they cannot hold."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest

import derive
from derive.errors import DeriveError, ParseError
from derive.expr import symbol
from derive.fields import PRIME, floats
from derive.numeric import random_point
from derive.properties import PROPERTIES
from derive.sampling import STYLES, random_field_point

# Formula, wrt, declarations, the box that a book has, and the condition printed.
BOXES = {
    "cross-entropy": ("−yᵀ log(softmax(z))", "z", "1'y = 1", "softmax(z) − y", "𝟏ᵀ y = 1"),
    "cross-entropy, logits of a layer": (
        "−yᵀ log(softmax(W x))", "W", "y: k positive, sum(y) = 1", "(softmax(W x) − y) xᵀ", "𝟏ᵀ y = 1",
    ),
    "cross-entropy of rows": (
        "−⟨Y, log(softmax(X W))⟩", "W", "Y: m×k, Y 𝟏 = 𝟏, X: m×n", "Xᵀ (softmax_row(X W) − Y)", "Y 𝟏 = 𝟏",
    ),
    "Rayleigh quotient": ("xᵀ A x / (xᵀ x)", "x", "‖x‖ = 1, A: n×n symmetric", "2 (A x − (xᵀ A x) x)", "‖x‖ = 1"),
    "Procrustes": ("‖A X − B‖²", "X", "AᵀA = I", "2 (X − Aᵀ B)", "Aᵀ A = I"),
    "orthonormal rows": ("½‖W Wᵀ z − W x‖²", "z", "W: m×n, W Wᵀ = I", "z − W x", "W Wᵀ = I"),
    "projection": ("½‖P x − x‖²", "x", "P P = P, P = Pᵀ", "x − P x", "P P = P"),
    "oblique projection": ("tr(P X P Y)", "X", "P*P = P, Y: n×n", "Pᵀ Yᵀ Pᵀ", "P P = P"),
    "averages": ("½‖M 𝟏 − z‖²", "z", "M M = M, M 𝟏 = 𝟏, M = Mᵀ", "z − 𝟏", "M 𝟏 = 𝟏"),
    "doubly stochastic": ("𝟏ᵀ P x + xᵀ P 𝟏", "x", "P: n×n positive, P 𝟏 = 𝟏, 𝟏ᵀP = 𝟏ᵀ", "2 𝟏_n", "𝟏ᵀ P = 𝟏ᵀ"),
    "symmetric, of unit row sums": ("½‖S x‖² + 𝟏ᵀ S x", "x", "S: n×n symmetric, S 𝟏 = 𝟏", "S² x + 𝟏", "S 𝟏 = 𝟏"),
    "orthonormal rows of unit sums": ("‖W Wᵀ x‖² + 1'Wᵀ x", "x", "W: m×n, W Wᵀ = I, W 𝟏 = 𝟏", "2 x + 𝟏", "W 𝟏 = 𝟏"),
    "one-hot": (
        "‖y‖² sum(z) − yᵀ log(softmax(z))", "z", "y: n nonnegative, 1'y = 1, ‖y‖ = 1", "softmax(z) − y + 𝟏", "‖y‖ = 1",
    ),
    "columns of distributions": ("½‖Pᵀ 𝟏 − x‖²", "x", "P: m×n, 𝟏ᵀP = 𝟏ᵀ", "x − 𝟏", "𝟏ᵀ P = 𝟏ᵀ"),
}  # fmt: skip
SPELLED = {
    "column sums 1": ["1'y = 1", "𝟏ᵀy = 1", "1 = 1'y", "sum(y) = 1", r"\mathbf 1^\top y = 1", "𝟏ᵀY = 𝟏ᵀ", "Yᵀ𝟏 = 𝟏"],
    "row sums 1": ["Y 𝟏 = 𝟏", "𝟏ᵀYᵀ = 𝟏ᵀ", r"Y \mathbf{1} = \mathbf{1}"],
    "orthogonal": ["‖x‖ = 1", "x'x = 1", "‖x‖² = 1", r"\|x\|_2 = 1", "norm(x)**2 = 1", "W'W = I", "Q: n×n, QQᵀ = I",
                   "Q^T = Q^-1"],
    "orthonormal rows": ["WWᵀ = I", "W: m×n, I = W W'"],
    "symmetric": ["A = Aᵀ", "A^T = A"],
    "skew": ["A = −Aᵀ"],
    "idempotent": ["P P = P", "P*P = P", "P^2 = P", "P = P²", "P: n×n idempotent"],
}  # fmt: skip
REFUSED = {
    "1'y = 2": "is no assumption that can be used",
    "1'y = 1, 1'y = 3": "1'y = 3 is no assumption that can be used",
    "W: 2×3, W'W = I": "3 columns of length 2 cannot be orthonormal",
    "W: 3×2, W W' = I": "3 rows of length 2 cannot be orthonormal",
    "W: 3×3, W'W = eye(4)": "is no assumption that can be used",
    "y: n, y = 3": "is no assumption that can be used",
    "S: n×n skew, S 𝟏 = 𝟏": "are not used together",
    "y: n positive, 1'y = 1, ‖y‖ = 1": "are not used together",
    "P: n×n spd, P P = P": "are not used together",
    "P: m×n, P 𝟏 = 𝟏, 1'P = 1'": "cannot both sum to 1",
    "P: m×n, P P = P": "cannot multiply P",
    "W: m×n, A = Aᵀ, A: m×n": "cannot be symmetric: it is not square",
    "1'(y = 1": "is not read",
}


@pytest.mark.parametrize("row", BOXES.values(), ids=list(BOXES))
def test_the_box_is_that_of_books(row):
    formula, wrt, where, box, condition = row
    derivation = derive.gradient(formula, wrt, where)
    assert derivation.boxed.text() == box
    assert condition in derivation.conditions
    assert derivation.verify() < 1e-6
    assert f"{condition}" in derivation.text()


@pytest.mark.parametrize("said", SPELLED)
def test_spellings(said):
    for where in SPELLED[said]:
        (held,) = {s for s in np.atleast_1d(derive.symbols(where)) if s.properties}
        assert said in held.properties


@pytest.mark.parametrize("where", REFUSED)
def test_what_cannot_hold_or_be_used_is_refused(where):
    with pytest.raises(DeriveError, match=REFUSED[where].replace("(", r"\(")) as caught:
        derive.gradient("‖W x − y‖²", "W", where)
    if isinstance(caught.value, ParseError):
        assert "^" in str(caught.value)  # the place


def test_pages_print_the_condition():
    derivation = derive.gradient(*BOXES["cross-entropy"][:3])
    assert "This holds where 𝟏ᵀ y = 1." in " ".join(derivation.text().split())
    assert r"\(\mathbf{1}^{\top} y = 1\)" in derivation.latex()
    assert "<math" in derivation.html() and "This holds where" in derivation.html()
    assert "𝟏ᵀ y = 1" in pickle.loads(pickle.dumps(derivation)).conditions


def test_the_derivative_and_the_code_do_without():
    """Off the constraint the function is right; the form is not."""
    derivation = derive.gradient(*BOXES["cross-entropy"][:3])
    plain = derive.gradient(*BOXES["cross-entropy"][:2])
    z, y = np.array([0.3, -1.0, 0.2]), np.array([2.0, 1.0, 0.5])
    assert np.allclose(derivation.function()(z, y), plain.function()(z, y), rtol=1e-14)
    assert not np.allclose(derivation.function()(z, y), derivation.boxed.evaluate(z=z, y=y))
    assert "not by the code: 𝟏ᵀ y = 1" in " ".join(derivation.source().split())


def test_the_code_of_constant_data_does_without():
    derivation = derive.gradient("½‖X w − y‖² + (1'y) sum(w)", "w", "X: m×n constant, y: m constant, 1'y = 1")
    rng = np.random.default_rng(0)
    X, w, y = rng.normal(size=(5, 3)), rng.normal(size=3), rng.normal(size=5)
    assert np.allclose(derivation.function()(w, X, y), X.T @ (X @ w - y) + y.sum(), rtol=1e-12)


def test_the_variable_is_free():
    """The gradient by y is not that along the constraint, nor are second derivatives."""
    derivation = derive.gradient("(𝟏ᵀy)² + cᵀ y", "y", "1'y = 1, c: n")
    assert derivation.boxed.text() == "c + 2 𝟏" and derivation.verify() < 1e-6
    assert "as if y were free" in " ".join(derivation.text().split())
    hessian = derive.hessian("(𝟏ᵀy)³", "y", "1'y = 1")
    assert hessian.boxed.text() == "6 𝟏_n 𝟏_nᵀ" and hessian.verify() < 1e-6


def test_what_a_form_makes_of_it_is_seen_by_the_numbers(monkeypatch):
    """Were y taken to sum to 2, the witness at points of sum 1 would say so."""
    from derive.algebra.identities import IDENTITIES

    row = next(row for row in IDENTITIES["sum"] if row.statement == "sum(y) = 1")
    given = row.apply
    monkeypatch.setattr(row, "apply", lambda *a: None if (met := given(*a)) is None else met.scaled(2))
    assert derive.equal("sum(y)", "1", where="y: n, 1'y = 1") != "proved"


HELD = {  # by a float matrix, and by one of integers modulo p
    "column sums 1": lambda A: A.sum(0) - 1,
    "row sums 1": lambda A: A.sum(1) - 1,
    "orthogonal": lambda A: A.T @ A - np.eye(A.shape[1], dtype=int),
    "orthonormal rows": lambda A: A @ A.T - np.eye(len(A), dtype=int),
    "idempotent": lambda A: A @ A - A,
    "symmetric": lambda A: A - A.T,
    "skew": lambda A: A + A.T,
    "diagonal": lambda A: A * (1 - np.eye(len(A), dtype=int)),
    "lower": lambda A: A * np.triu(np.ones(A.shape, dtype=int), 1),
    "upper": lambda A: A * np.tril(np.ones(A.shape, dtype=int), -1),
    "triangular": lambda A: A * np.triu(np.ones(A.shape, dtype=int), 1) if A[0, -1] == 0 else np.tril(A, -1),
}
SIGNS = {  # what floats alone have
    "nonnegative": lambda A: A.min() >= -1e-12,
    "positive": lambda A: A.min() > 0,
    "psd": lambda A: np.allclose(A, A.T) and np.linalg.eigvalsh(A).min() > -1e-9 * np.abs(A).max(initial=1),
    "spd": lambda A: np.allclose(A, A.T) and np.linalg.eigvalsh(A).min() > 0,
}
TRIPLES = [c for k in (1, 2, 3) for c in itertools.combinations(sorted(PROPERTIES - {"constant"}), k)]


def failing(symbol, seed):
    """The declared words that no point drawn of the symbol has."""
    values = [random_point([symbol], seed=seed).values[symbol]]
    drawn = [np.array(random_field_point([symbol], seed, floats(), style).values[symbol]) for style in STYLES]
    exact = np.array(random_field_point([symbol], seed).values[symbol], dtype=object)
    for word in symbol.properties:
        if word in SIGNS:
            at = [v for v, style in zip(drawn, STYLES, strict=True) if word != "spd" or style not in ("large", "small")]
            is_held = all(map(SIGNS[word], values + at))
        else:
            is_held = all(np.allclose(HELD[word](v), 0, atol=1e-9 * max(1, np.abs(v).max())) for v in values + drawn)
            is_held &= not (HELD[word](exact) % PRIME).any()
        if not is_held:
            yield word


@pytest.mark.parametrize("columns", [1, "m", "n"])
def test_words_that_go_together_are_drawn_and_others_are_refused(columns):
    """Every word, pair and triple of words, of vectors, square and other matrices."""
    wrong, drawn = [], 0
    for words in TRIPLES:
        try:
            A = symbol("A", "m", columns, words)
        except DeriveError:
            continue
        drawn += 1
        wrong += [(words, word) for seed in range(2) for word in failing(A, seed)]
    assert not wrong
    assert drawn > (10, 60, 10)[[1, "m", "n"].index(columns)]


@pytest.mark.parametrize(
    "words",
    ["idempotent diagonal", "idempotent lower", "idempotent positive", "symmetric skew", "orthogonal positive",
     "orthogonal upper", "skew spd", "skew lower", "idempotent spd", "orthogonal idempotent", "lower positive",
     "orthogonal spd"],
)  # fmt: skip
def test_words_that_no_example_has_together_are_refused(words):
    shown = " and ".join(sorted(words.split()))
    with pytest.raises(DeriveError, match=f"A as {shown}: these are not used together"):
        derive.parse("tr(A)", f"A: n×n {words}")


@pytest.mark.parametrize("word", ["skew", "idempotent", "positive", "spd", "row sums 1"])
def test_a_draw_that_lacks_a_word_is_found(word, monkeypatch):
    monkeypatch.setattr("derive.numeric._draw", lambda held, rows, columns, style, arrays: -np.eye(rows) + 0.1)
    assert word in {*failing(symbol("A", "m", "m", [word]), 0)}


def test_diagonal_and_positive_is_positive_on_the_diagonal():
    D = symbol("D", "n", "n", ["diagonal", "positive"])
    assert D is symbol("D", "n", "n", ["diagonal", "spd", "nonnegative"])


@pytest.mark.parametrize(
    "words", [("idempotent",), ("idempotent", "symmetric"), ("idempotent", "symmetric", "row sums 1")]
)
def test_projections_are_drawn_of_every_rank(words):
    P = symbol("P", "m", "m", words)
    fields = [np.array(random_field_point([P], s, floats(), smallest=5).values[P], dtype=float) for s in range(40)]
    floating = [random_point([P], seed=s, sizes={"m": 5}).values[P] for s in range(40)]
    for points in (fields, floating):
        assert {round(np.trace(A)) for A in points} == {1, 2, 3, 4}


def test_no_more_holds_at_the_points_than_is_said():
    """A projection of rank 1, a reflection at one plane or a symmetric matrix of sums would say more."""
    for left, right, where in [
        ("tr(P)", "1", "P: n×n idempotent"), ("P A P", "tr(A P) P", "P: n×n idempotent"),
        ("Pᵀ", "P", "P: n×n idempotent"), ("tr(Q)", "n − 2", "Q: n×n symmetric orthogonal"),
        ("Pᵀ", "P", "P 𝟏 = 𝟏, 1'P = 1'"), ("y ⊙ y", "y", "1'y = 1, ‖y‖ = 1"),
    ]:  # fmt: skip
        assert derive.equal(left, right, where=where) == "differs"
    assert derive.equal("(I − 2P)(I − 2P)", "I", where="P: n×n idempotent") == "proved"


def test_equal_and_check_know_it():
    assert derive.equal("softmax(z) 1'y − y", "softmax(z) − y", where="z, y: n, 1'y = 1") == "proved"
    assert derive.equal("softmax(z) 1'y − y", "softmax(z) − y", where="z, y: n") == "differs"
    text = "$L = -y^T \\log(\\mathrm{softmax}(z))$\n\n$\\frac{\\partial L}{\\partial z} = \\mathrm{softmax}(z) - y$"
    assert derive.check(text, "z, y: n, 1'y = 1").lines[-1].verdict == "proved"


def test_what_is_solved_for_does_not_use_it_wrongly():
    with pytest.raises(DeriveError, match="not solved for"):
        derive.stationary("½‖x − a‖²", "x", "1'x = 1, a: n")
    assert derive.convexity("−‖x‖²", "x", "‖x‖ = 1").verdict == "unknown"
    assert derive.convexity("−(1'x)²", "x", "1'x = 1").verdict == "unknown"


def test_the_command_line_takes_it(capsys):
    from derive.cli import main

    assert main(["gradient", "-y' log(softmax(z))", "--wrt", "z", "--where", "1'y = 1", "--to", "json"]) == 0
    printed = capsys.readouterr().out
    assert '"𝟏ᵀ y = 1"' in printed and '"text": "softmax(z) − y"' in printed


@pytest.mark.parametrize("said", ["x.^2 = 1", "x.^3 = 1", "sqrt(x) = 1"])
def test_what_holds_of_each_entry_is_no_norm(said):
    with pytest.raises(derive.DeriveError, match="no assumption that can be used"):
        derive.gradient("xᵀA x/(xᵀx)", "x", said)
