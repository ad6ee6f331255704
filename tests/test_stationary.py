"""Stationary points: closed forms against the gradient, refusals with their reasons, code by solves."""

from __future__ import annotations

import json
import pickle
import re

import numpy as np
import pytest

import derive
from derive import DeriveError, equal, parse, stationary
from derive.cli import main
from derive.derivation import Sweep
from derive.expr import Expr, nodes, substitute, symbols_of
from derive.numeric import Point, numeric_gradient, random_point
from derive.optimality import stationarity
from derive.spaces import project

# formula, variable, declarations, solution, kind
SOLVED = [
    ("½‖X w − y‖²", "w", "X: m×n", "(XᵀX)⁻¹ Xᵀ y", "minimum"),
    ("‖X w − y‖² + λ ‖w‖²", "w", "X: m×n, λ: scalar positive", "(XᵀX + λ I)⁻¹ Xᵀ y", "minimum"),
    ("(X w − y)ᵀ D (X w − y)", "w", "X: m×n, D: m×m diagonal positive", "(Xᵀ D X)⁻¹ Xᵀ D y", "minimum"),
    ("‖A x − b‖² + ‖G x‖²", "x", "A: m×n, G: k×n", "(AᵀA + GᵀG)⁻¹ Aᵀ b", "minimum"),
    ("‖A x − b‖² + λ ‖x − z‖²", "x", "A: m×n, z: n, λ: scalar positive", "(AᵀA + λ I)⁻¹ (Aᵀ b + λ z)", "minimum"),
    ("‖A − U Vᵀ‖²", "U", "A: m×n, V: n×k", "A V (VᵀV)⁻¹", "minimum"),
    ("‖A − U Vᵀ‖² + λ ‖V‖²", "V", "A: m×n, U: m×k, λ: scalar positive", "AᵀU (UᵀU + λ I)⁻¹", "minimum"),
    ("‖A X B − C‖²", "X", "A: m×n, X: n×p, B: p×q", "(AᵀA)⁻¹ Aᵀ C Bᵀ (B Bᵀ)⁻¹", "minimum"),
    ("‖X − B‖² + λ ‖A X − C‖²", "X", "A: m×n, X: n×p, λ: scalar positive", "(λ AᵀA + I)⁻¹ (λ AᵀC + B)", "minimum"),
    ("½‖X − B‖² + λ tr(X)", "X", "X: n×n, λ: scalar", "B − λ I", "minimum"),
    ("‖M ⊙ (X − B)‖² + λ ‖X‖²", "X", "X: m×n, λ: scalar positive", "(M.^2 ⊙ B) ⊘ (M.^2 + λ matrix(1))", "minimum"),
    (
        "(x − m)ᵀ S⁻¹ (x − m) + (m − p)ᵀ Q⁻¹ (m − p)", "m", "m: n, x: n, p: n, S: n×n spd, Q: n×n spd",
        "(S⁻¹ + Q⁻¹)⁻¹ (S⁻¹ x + Q⁻¹ p)", "minimum",
    ),
    ("tr(S⁻¹ (X − 𝟏 mᵀ)ᵀ (X − 𝟏 mᵀ))", "m", "S: d×d spd, X: n×d, m: d", "Xᵀ 𝟏 / n", "minimum"),
    ("n logdet(S) + tr(S⁻¹ C)", "S", "S: d×d spd, C: d×d symmetric, n: scalar positive", "C / n", "minimum"),
    ("−logdet(K) + tr(K C)", "K", "K: d×d spd, C: d×d spd", "C⁻¹", "minimum"),
    ("−logdet(K) + tr(K C) + λ tr(K)", "K", "K: d×d spd, C: d×d spd, λ: scalar positive", "(C + λ I)⁻¹", "minimum"),
    ("(K a − y)ᵀ(K a − y) + λ aᵀ K a", "a", "K: n×n spd, a: n, λ: scalar positive", "(K + λ I)⁻¹ y", "minimum"),
    (
        "tr((I − K H) P (I − K H)ᵀ + K R Kᵀ)", "K", "P: n×n spd, R: m×m spd, H: m×n, K: n×m",
        "P Hᵀ (H P Hᵀ + R)⁻¹", "minimum",
    ),
    ("tr(W S Wᵀ) − 2 tr(W C)", "W", "S: n×n spd, W: m×n", "Cᵀ S⁻¹", "minimum"),
    ("½ xᵀ P x + qᵀ x", "x", "P: n×n spd", "−P⁻¹ q", "minimum"),
    ("−½ xᵀ P x + qᵀ x", "x", "P: n×n spd", "P⁻¹ q", "maximum"),
    ("½ xᵀ B x + qᵀ x", "x", "B: n×n", "−2 (B + Bᵀ)⁻¹ q", "unknown"),
    ("α ‖x − a‖² + β ‖x − b‖²", "x", "a: n, b: n, α: scalar positive, β: scalar positive", "(α a + β b) / (α + β)",
     "minimum"),
    ("‖y − c x‖²", "c", "c: scalar, x: n, y: n", "xᵀ y / (xᵀ x)", "minimum"),
    ("‖x − m 𝟏‖²", "m", "m: scalar, x: n", "𝟏ᵀ x / n", "minimum"),
    ("sum(w ⊙ (x − m 𝟏).^2)", "m", "m: scalar, w: n positive, x: n", "wᵀ x / (𝟏ᵀ w)", "minimum"),
    ("n log(v) + ‖x‖² / v", "v", "v: scalar positive, n: scalar positive, x: d", "‖x‖² / n", "minimum"),
    ("n log(s) + ‖x‖² / (2 s²)", "s", "s: scalar positive, n: scalar positive, x: d", "sqrt(‖x‖² / n)", "minimum"),
    ("n λ − s log(λ)", "λ", "λ: scalar positive, n: scalar positive, s: scalar positive", "s / n", "minimum"),
    ("−k log(p) − j log(1 − p)", "p", "p: scalar positive, k: scalar positive, j: scalar positive", "k / (k + j)",
     "minimum"),
    ("a t + b / t", "t", "t: scalar positive, a: scalar positive, b: scalar positive", "sqrt(b / a)", "minimum"),
    ("x log(x) − x", "x", "x: scalar positive", "1", "minimum"),
    ("sum(exp(x)) − aᵀ x", "x", "x: n", "log(a)", "minimum"),
    ("sum(x ⊙ log(x)) − aᵀ x", "x", "x: n positive", "exp(a − 𝟏)", "minimum"),
    ("sum(softplus(x)) − yᵀ x", "x", "x: n", "log(y ⊘ (𝟏 − y))", "minimum"),
    ("−yᵀ log(p) − (𝟏 − y)ᵀ log(𝟏 − p)", "p", "p: n positive", "y", "unknown"),
    ("exp(−‖x − a‖²)", "x", "x: n, a: n", "a", "maximum"),
    ("sqrt(1 + ‖x − a‖²)", "x", "x: n, a: n", "a", "minimum"),
    ("log(1 + ‖A x − b‖²)", "x", "A: m×n", "(AᵀA)⁻¹ Aᵀ b", "minimum"),
    ("x^a exp(−x)", "x", "x: scalar positive, a: scalar positive", "a", "maximum"),
    ("‖X − B‖²", "X", "X: n×n symmetric, B: n×n", "½ (B + Bᵀ)", "minimum"),
    ("‖A diag(d) − B‖²", "d", "d: n, A: m×n, B: m×n", "diag(Aᵀ B) ⊘ diag(Aᵀ A)", "minimum"),
    ("tr(A X B Xᵀ) − 2 tr(C Xᵀ)", "X", "A: m×m spd, B: n×n spd, X: m×n, C: m×n", "A⁻¹ C B⁻¹", "minimum"),
    (
        "n logdet(S) + tr(S⁻¹ C) + λ tr(S⁻¹)", "S", "S: d×d spd, C: d×d spd, n: scalar positive, λ: scalar positive",
        "(C + λ I) / n", "minimum",
    ),
    (
        "½‖x − b‖² − μ sum(log(x))", "x", "x: n positive, b: n, μ: scalar positive",
        "½ b + ½ sqrt(b.^2 + 4 μ 𝟏)", "minimum",
    ),
]  # fmt: skip
# formula, variable, declarations, constraint, solution
CONSTRAINED = [
    ("‖x‖²", "x", "A: m×n, x: n", "A x = b", "Aᵀ (A Aᵀ)⁻¹ b"),
    ("½ wᵀ S w", "w", "S: n×n spd", "𝟏ᵀ w = 1", "S⁻¹ 𝟏 / (𝟏ᵀ S⁻¹ 𝟏)"),
    ("½ ‖x − z‖²", "x", "x: n, z: n, a: n, c: scalar", "aᵀ x = c", "z − ((aᵀ z − c) / (aᵀ a)) a"),
    (
        "½‖X w − y‖²", "w", "X: m×n, C: k×n", "C w = d",
        "(XᵀX)⁻¹ (Xᵀ y − Cᵀ (C (XᵀX)⁻¹ Cᵀ)⁻¹ (C (XᵀX)⁻¹ Xᵀ y − d))",
    ),
    ("sum(p ⊙ log(p)) − aᵀ p", "p", "p: n positive", "𝟏ᵀ p = 1", "softmax(a)"),
    ("−nᵀ log(p)", "p", "p: k positive, n: k positive", "𝟏ᵀ p = 1", "n / (𝟏ᵀ n)"),
    ("aᵀ x", "x", "x: n", "xᵀ x = 1", "−a / ‖a‖"),
]  # fmt: skip


def declared(found: stationarity.Stationary, where: str) -> str:
    """The declarations of a formula with what its reading has found."""
    known = {p.split(":")[0].strip() for p in re.split(r"[,;](?![^()]*\))", where) if ":" in p}
    rest = [s for s in symbols_of(found.formula) if s.name not in known]
    return "; ".join([where, *(f"{s.name}: {s.shape[0]}×{s.shape[1]}" for s in rest)]).strip("; ")


def gradient_of(formula: Expr, x: Expr) -> Expr:
    total = Sweep(formula, x).total
    projected = project(total, x)
    return total if projected is None else projected[0]


@pytest.mark.parametrize("row", SOLVED, ids=[row[0] for row in SOLVED])
def test_closed_forms(row):
    formula, wrt, where, solution, kind = row
    found = stationary(formula, wrt, where)
    assert found.solution is not None and (found.status, found.kind) == ("solved", kind)
    wanted = parse(solution, declared(found, where))
    assert equal(found.solution, wanted).verdict in ("proved", "agrees")
    checked = 0
    for seed in range(6):
        try:
            point = random_point([found.solution, found.formula], seed=seed)
        except DeriveError:
            continue
        at = Point({**point.values, found.wrt: point.evaluate(found.solution)}, point.sizes)
        if not np.isfinite(at.evaluate(found.formula)).all():
            continue
        here = numeric_gradient(found.formula, found.wrt, at)
        away = numeric_gradient(found.formula, found.wrt, point)
        assert np.abs(here).max() <= 1e-8 * max(1.0, np.abs(away).max())
        error = stationarity.residual(gradient_of(found.formula, found.wrt), found.wrt, found.solution, None, None)
        assert error is not None and error <= 1e-10
        checked += 1
    assert checked


@pytest.mark.parametrize("row", CONSTRAINED, ids=[row[0] for row in CONSTRAINED])
def test_constraints(row):
    formula, wrt, where, constraint, solution = row
    found = stationary(formula, wrt, where, subject_to=constraint)
    assert found.solution is not None and found.kind == "minimum"
    known = "; ".join(
        f"{s.name}: {s.shape[0]}×{s.shape[1]} {' '.join(s.properties)}" for s in symbols_of(found.solution)
    )
    wanted = parse(solution, known)
    assert equal(found.solution, wanted).verdict in ("proved", "agrees")


@pytest.mark.parametrize(
    ("formula", "wrt", "where", "equation", "name"),
    [
        (
            "tr(Xᵀ A X) + tr(X B Xᵀ) − 2 tr(Xᵀ C)",
            "X",
            "A: m×m spd, B: n×n spd, X: m×n, C: m×n",
            "A X + X B = C",
            "Sylvester",
        ),
        ("‖A X − B‖²", "X", "X: n×n symmetric", "Aᵀ A X + X Aᵀ A = Aᵀ B + Bᵀ A", "Lyapunov"),
        ("tr(XᵀAX) + tr(X B Xᵀ) − 2 tr(X)", "X", "A: n×n spd, B: n×n spd", "A X + X B = I_n", "Sylvester"),
        ("tr(XᵀAX) + tr(X B Xᵀ) − 2 tr(X)", "X", "A: 2×2 spd, B: 2×2 spd", "A X + X B = I_2", "Sylvester"),
        ("tr(XᵀAX) + tr(X B Xᵀ) − 2 sum(X)", "X", "A: m×m spd, B: n×n spd", "A X + X B = 𝟏_m 𝟏_nᵀ", "Sylvester"),
    ],
)
def test_sylvester_equations(formula, wrt, where, equation, name):
    found = stationary(formula, wrt, where)
    assert (str(found.equation), found.solution, found.kind) == (equation, None, "minimum")
    assert any(name in step.text() for step in found.steps)
    pytest.importorskip("scipy")
    point = random_point([found.formula])
    arrays = {s.name: a for s, a in point.values.items() if s is not found.wrt}
    X = found.function()(**arrays)
    at = Point({**point.values, found.wrt: X}, point.sizes)
    assert np.abs(at.evaluate(gradient_of(found.formula, found.wrt))).max() < 1e-10 * np.abs(X).max() * 100


@pytest.mark.parametrize(
    ("formula", "wrt", "where", "constraint", "equation"),
    [
        ("uᵀ S u", "u", "S: n×n symmetric", "uᵀ u = 1", "S u = ν u"),
        ("tr(Uᵀ S U)", "U", "S: n×n symmetric, U: n×k", "Uᵀ U = I", "S U = U Λ"),
        ("xᵀ A x / (xᵀ x)", "x", "A: n×n symmetric", None, "A x = (xᵀ A x) x / ‖x‖²"),
        ("‖A − x xᵀ‖_F²", "x", "A: n×n symmetric", None, "A x = ‖x‖² x"),
        ("xᵀ A x + ½ ‖x‖⁴", "x", "A: n×n symmetric", None, "A x = −‖x‖² x"),
        ("xᵀ A x / (xᵀ B x)", "x", "A: n×n symmetric, B: n×n spd", None, "A x = (xᵀ A x) B x / (xᵀ B x)"),
    ],
)
def test_eigenvalue_problems_are_said(formula, wrt, where, constraint, equation):
    found = stationary(formula, wrt, where, subject_to=constraint)
    assert (found.status, found.solution, str(found.equation)) == ("eigen", None, equation)
    assert any("eigenvector" in step.text() for step in found.steps)
    with pytest.raises(DeriveError, match="no solution to compute"):
        found.function()


@pytest.mark.parametrize(
    ("formula", "wrt", "where"),
    [
        ("aᵀ x", "x", ""),
        ("tr(A X)", "X", ""),
        ("exp(t)", "t", "t: scalar"),
        ("sum(exp(x))", "x", ""),
        ("s t", "s", "s: scalar, t: scalar"),
        ("logdet(I + X)", "X", "X: n×n spd"),
    ],
)
def test_gradients_that_never_vanish(formula, wrt, where):
    found = stationary(formula, wrt, where)
    assert (found.status, found.solution, str(found)) == ("none", None, "none")


@pytest.mark.parametrize(
    ("formula", "wrt", "where", "reason"),
    [
        ("sum(log(1 + exp(X w))) − yᵀ X w", "w", "", "stands inside sigmoid"),
        ("sum(softplus(X w)) − yᵀ X w + λ ‖w‖²", "w", "λ: scalar positive", "as the formula is convex"),
        ("‖tanh(W x) − y‖²", "W", "", "stands inside tanh"),
        ("logsumexp(x) − aᵀ x", "x", "", "no closed form is known"),
        ("‖x‖₁ + ½‖x − b‖²", "x", "", "not differentiable everywhere"),
        ("aᵀ a", "x", "x: n", "every value is stationary"),
        ("‖x‖", "x", "", "may lie at a kink"),
        ("‖A − Q‖²", "Q", "Q: n×n orthogonal", "declared orthogonal"),
        ("‖A P − B‖²", "P", "P: n×n idempotent", "declared idempotent"),
        ("‖A − Q‖²", "Q", "Q: n×n diagonal, A: n×n", "cannot solve"),
        ("log(−‖x‖² − 1)", "x", "", "cannot solve"),
        ("x^4 − 2 x^2", "x", "x: scalar", "no closed form is known"),
    ],
)
def test_what_has_no_closed_form_is_refused_with_the_reason(formula, wrt, where, reason):
    with pytest.raises(DeriveError, match=reason):
        stationary(formula, wrt, where)


def test_solutions_that_are_not_isolated_are_said():
    found = stationary("(aᵀ x − b)^2", "x", "b: scalar")
    assert (found.status, found.solution) == ("singular", None)
    assert any("singular" in step.text() for step in found.steps)


def test_conditions():
    assert [c.text() for c in stationary("½‖X w − y‖²", "w").conditions] == ["Xᵀ X is invertible"]
    assert not stationary("½ xᵀ P x + qᵀ x", "x", "P: n×n spd").conditions
    found = stationary("n logdet(S) + tr(S⁻¹ C)", "S", "S: d×d spd, C: d×d symmetric, n: scalar positive")
    assert [c.text() for c in found.conditions] == ["C / n ≻ 0"]


def test_a_wrong_solution_is_not_given(monkeypatch):
    from derive.optimality import isolation

    right = isolation.isolate

    def wrong(G, x):
        found = right(G, x)
        found.solution = 2 * found.solution
        return found

    monkeypatch.setattr(stationarity, "isolate", wrong)
    with pytest.raises(DeriveError, match="does not vanish at the solution"):
        stationary("‖X w − y‖² + λ ‖w‖²", "w", "λ: scalar positive")


@pytest.mark.parametrize("backend", ["numpy", "scipy"])
@pytest.mark.parametrize("row", SOLVED, ids=[row[0] for row in SOLVED])
def test_code_evaluates_the_solution_by_solves(row, backend):
    if backend == "scipy":
        pytest.importorskip("scipy")
    formula, wrt, where, _, _ = row
    found = stationary(formula, wrt, where)
    assert found.solution is not None
    inverses = [node for node in nodes(found.solution) if node.op.name == "inv"]
    if not any(found.solution is M or any(N.op.name == "inv" for N in nodes(M.args[0])) for M in inverses):
        assert not re.search(r"\binv\(", found.source(backend))
    if not symbols_of(found.solution):
        return
    for seed in range(3):
        try:
            point = random_point([found.solution], seed=seed)
        except DeriveError:
            continue
        function = found.function(backend)
        shaped = {s: a if not (s.is_scalar or s.is_vector) else a[0, 0] if s.is_scalar else a[:, 0]
                  for s, a in point.values.items()}  # fmt: skip
        taken = (
            function.__code__.co_varnames
            if hasattr(function, "__code__")
            else function.__wrapped__.__code__.co_varnames
        )
        known = {derive.names.identifier(s.name): a for s, a in shaped.items()}
        known |= {d: n for d, n in point.sizes.items() if d in taken and d not in known}
        count = function.__wrapped__.__code__.co_argcount
        got = function(**{k: v for k, v in known.items() if k in taken[:count]})
        want = point.evaluate(found.solution)
        assert np.allclose(np.reshape(got, want.shape), want, rtol=1e-7, atol=1e-9)


def test_results_pickle_and_print(capsys):
    found = stationary("‖X w − y‖²", "w")
    again = pickle.loads(pickle.dumps(found))
    assert (str(again), again.text(), again.json()) == (str(found), found.text(), found.json())
    assert substitute(found.solution, {}) is found.solution and "<!DOCTYPE html>" in found.html()
    assert main(["stationary", "‖X w − y‖²", "--wrt", "w", "--to", "json"]) == 0
    fields = json.loads(capsys.readouterr().out)
    assert fields["solution"]["text"] == "(Xᵀ X)⁻¹ Xᵀ y" and fields["point"] == "minimum"
    assert main(["stationary", "½ wᵀ S w", "--wrt", "w", "--where", "S: n×n spd", "--subject-to", "𝟏ᵀ w = 1"]) == 0
    assert r"\boxed{ w = \frac{S^{-1} \mathbf{1}}" in capsys.readouterr().out
    assert main(["stationary", "‖X w − y‖²", "--wrt", "w", "--to", "numpy"]) == 0
    assert "def solution(X, y):" in capsys.readouterr().out
    assert main(["stationary", "sum(softplus(X w)) − yᵀ X w", "--wrt", "w"]) == 2
    assert "cannot solve" in capsys.readouterr().err


@pytest.mark.parametrize(("constraint", "message"), [("𝟏ᵀ w", "no equation"), ("𝟏ᵀ v = 1", "does not occur")])
def test_constraints_that_say_nothing(constraint, message):
    with pytest.raises(DeriveError, match=message):
        stationary("½ wᵀ S w", "w", "S: n×n spd", subject_to=constraint)


@pytest.mark.parametrize(
    ("formula", "solution"),
    [
        ("λ/2 ‖C x − e‖²", "(Cᵀ C)⁻¹ Cᵀ e"),
        ("γ (C x − e)ᵀ Diag(w) (C x − e) + ½ (C x − e)ᵀ Diag(w) (C x − e)", "(Cᵀ diag(w) C)⁻¹ Cᵀ (e ⊙ w)"),
        ("μ ‖C x − e‖²", "μ (μ Cᵀ C)⁻¹ Cᵀ e"),  # μ may be zero
    ],
)
def test_a_positive_factor_of_the_whole_is_divided_by(formula, solution):
    found = stationary(formula, "x", "C: k×n, x: n, e: k, w: k positive, λ, γ: positive scalar, μ: scalar")
    assert found.solution.text() == solution
