"""Convexity: verdicts on known functions, certificates against the numbers, points that refute."""

from __future__ import annotations

import json
import os
import pickle
import random
from fractions import Fraction

import numpy as np
import pytest

from derive import DeriveError, convexity, inner, inv, logdet, norm, norm1, sq_norm, symbols, tr
from derive.cli import main
from derive.derivation import Sweep
from derive.expr import Expr, number, ones, symbol, symbols_of
from derive.facts import facts_of
from derive.numeric import numeric_jacobian, random_point
from derive.operations import (
    absolute,
    cosh,
    exp,
    hadamard,
    log,
    logsumexp,
    matmul,
    power,
    relu,
    sigmoid,
    softplus,
    sqrt,
    sum_entries,
    tanh,
    transpose,
)
from derive.optimality import curvature
from derive.optimality.polynomials import sign_of_polynomial
from derive.optimality.refutation import Chords, Search
from derive.optimality.semidefinite import semidefinite
from derive.rows import huber, largest, leaky_relu, maximum, minimum

from .convex_functions import COMPARISON, FURTHER


def curvatures(expr, variables, point):
    """The eigenvalues of the Hessian at a point, ascending, in the space of the variables."""
    return Chords(Search(expr, variables), point).spectrum[0]


FULL = os.environ.get("DERIVE_FULL") == "1"
GENERATED = 5000 if FULL else 120
POINTS = 20


@pytest.mark.parametrize("name", COMPARISON)
def test_the_functions_of_the_comparison_are_proved_convex(name):
    found = convexity(*COMPARISON[name])
    assert found.verdict == "convex" and found.steps and found.disagreement is None


@pytest.mark.parametrize("row", FURTHER, ids=[row[0] for row in FURTHER])
def test_verdicts(row):
    formula, wrt, where, verdict = row
    found = convexity(formula, wrt, where)
    assert found.verdict == verdict
    assert found.disagreement is None
    if verdict == "neither":
        assert [c.excess < 0 for c in found.points] == [True, False]


@pytest.mark.parametrize(
    ("formula", "wrt", "where", "condition"),
    [
        ("xᵀ B x", "x", "", "B + Bᵀ ⪰ 0"),
        ("tr(Xᵀ B X)", "X", "", "B + Bᵀ ⪰ 0"),
        ("‖A x − b‖² + λ ‖x‖₁", "x", "λ: scalar", "λ ≥ 0"),
        ("c exp(aᵀ x)", "x", "c: scalar", "c ≥ 0"),
        ("c x^2", "x", "c: scalar, x: scalar", "c ≥ 0"),
    ],
)
def test_what_decides_is_named(formula, wrt, where, condition):
    found = convexity(formula, wrt, where)
    assert (found.verdict, found.condition) == ("neither", condition)
    assert f"It is convex where \\({found.requirement.parts[0][0].latex()} " in found.latex()


def test_what_is_decided_needs_no_condition():
    assert convexity("tr(X^2)", "X", "X: n×n").condition is None


@pytest.mark.parametrize(
    ("formula", "where", "strength"),
    [
        ("‖A x − b‖² + λ ‖x‖²", "λ: scalar positive", "2 λ"),
        ("sum(softplus(A x)) + ½ μ xᵀ x", "μ: scalar positive", "μ"),
        ("½‖x − a‖² + ‖x‖₁", "", "1"),
        ("x^2 + exp(x)", "x: scalar", "2"),
        ("‖A x − b‖²", "", None),
    ],
)
def test_strength(formula, where, strength):
    found = convexity(formula, "x", where).strength
    assert (found and found.text()) == strength


def test_a_chord_holds_what_it_says():
    found = convexity("‖A − U Vᵀ‖²", "U, V")
    for chord, sign in zip(found.points, (-1, 1), strict=True):
        A, U, V = (chord.values[name] for name in "AUV")

        def f(t, A=A, U=U, V=V, d=chord.direction):
            return float(np.sum((A - (U + t * d["U"]) @ (V + t * d["V"]).T) ** 2))

        assert np.allclose([f(-1), f(1), f(0)], [*chord.ends, chord.middle])
        assert sign * (f(-1) + f(1) - 2 * f(0)) > 0


def test_variables_are_taken_together():
    assert convexity("‖A − U Vᵀ‖²", ["U"]).verdict == "convex"
    assert convexity("‖A − U Vᵀ‖²", ["U", "V"]).verdict == "neither"


def test_expressions_and_sympy_are_read():
    import sympy

    A, x = symbols("A: m×n, x: n")
    assert convexity(norm(A @ x), x).verdict == "convex"
    B, z = sympy.MatrixSymbol("B", 3, 2), sympy.MatrixSymbol("z", 2, 1)
    assert convexity(sympy.Trace((B * z).T * (B * z)), z).verdict == "convex"


@pytest.mark.parametrize(
    ("formula", "wrt", "message"),
    [("A x", "x", "scalar"), ("‖x‖²", "y", "no symbol y"), ("‖x‖²", [], "no variable is named")],
)
def test_what_is_no_scalar_or_no_symbol_is_refused(formula, wrt, message):
    with pytest.raises(DeriveError, match=message):
        convexity(formula, wrt)


@pytest.mark.parametrize("formula", ["sum(x.^4) (1 + ‖x‖₁)", "sum(x ⊙ log(x)) (1 + sum(x))²"])
def test_a_factor_that_moves_is_no_constant(formula):
    assert convexity(formula, "x", "x: n positive").verdict == "neither"


def test_large_formulas_end():
    x = symbol("x", "n")
    f = x
    for _ in range(250):
        f = exp(f) + x
    assert convexity(sum_entries(f), x).verdict in ("convex", "unknown")


def test_formulas_defined_nowhere_have_no_certificate():
    assert convexity("log(−‖x‖²)", "x").verdict == "unknown"


def test_orthogonal_matrices_are_no_convex_set():
    found = convexity("tr(QᵀA)", "Q", "Q: n×k orthogonal")
    assert found.verdict == "unknown" and "no convex set" in found.steps[0].text()


def test_results_pickle():
    for formula in ("xᵀ B x", "‖A x − b‖²"):
        found = convexity(formula, "x")
        again = pickle.loads(pickle.dumps(found))
        assert (again.verdict, again.text(), again.json()) == (found.verdict, found.text(), found.json())


# A check must be seen to fail


def test_a_wrong_certificate_is_not_given(monkeypatch):
    from derive.optimality.certificates import Certificate, Prover
    from derive.optimality.remarks import Remark

    monkeypatch.setattr(Prover, "quick", lambda self: Certificate(1, [Remark("planted")]))
    for formula in ("xᵀ x − (aᵀ x)²", "−‖x‖", "sum(tanh(x))"):
        found = convexity(formula, "x")
        assert found.verdict == "unknown" and found.disagreement is not None and found.disagreement.excess < 0


def test_eigenvalues_see_a_direction_that_entries_do_not():
    x, y = symbols("x: scalar, y: scalar")
    f = x * x + y * y + 3 * x * y
    assert curvatures(f, [x, y], random_point([f]))[0] == pytest.approx(-1)


def test_semidefinite_rationals():
    one, half, two = Fraction(1), Fraction(1, 2), Fraction(2)
    assert semidefinite([[one, -one], [-one, one]]) and semidefinite([[one, half], [half, one]])
    assert not semidefinite([[one, two], [two, one]]) and not semidefinite([[0 * one, one], [one, one]])
    generator = np.random.default_rng(0)
    for _ in range(200):
        A = generator.integers(-3, 4, (3, 3))
        M = A @ A.T - int(generator.integers(0, 2)) * np.eye(3, dtype=int)
        rows = [[Fraction(int(v)) for v in row] for row in M]
        assert semidefinite(rows) == bool(np.linalg.eigvalsh(M)[0] > -1e-9)


def test_signs_of_polynomials():
    generator = np.random.default_rng(1)
    t = symbol("t")
    seen = set()
    for _ in range(150):
        roots = generator.integers(-3, 4, generator.integers(0, 4))
        p = np.polynomial.polynomial.polyfromroots(np.repeat(roots, generator.integers(1, 3, len(roots))))
        p = np.polynomial.polynomial.polymul(p, [int(generator.integers(1, 4)), 0, 1])
        expr = sum((int(c) * t**k for k, c in enumerate(np.rint(p))), start=0 * t)
        values = np.polynomial.polynomial.polyval(np.linspace(-5, 5, 2001), np.rint(p))
        want = 1 if values.min() >= 0 else -1 if values.max() <= 0 else None
        assert sign_of_polynomial(expr, {}) == want
        seen.add(want)
    assert {1, None} <= seen


# Generated functions


class Maker:
    """Random scalar functions of a vector, a positive vector, a positive number or a definite matrix."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        kind = self.random.choice(["vector", "vector", "positive", "number", "matrix", "two"])
        self.x = {
            "vector": [symbol("x", "n")],
            "positive": [symbol("x", "n", properties=["positive"])],
            "number": [symbol("t", properties=self.random.choice([(), ("positive",)]))],
            "matrix": [symbol("X", "n", "n", properties=["spd"])],
            "two": [symbol("x", "n"), symbol("t", properties=["positive"])],
        }[kind]
        self.A, self.b = symbol("A", "m", "n"), symbol("b", "m")
        self.P = symbol("P", "m", "m", properties=["spd"])
        self.c = symbol("c", properties=["positive"])

    def vector(self) -> Expr:
        """An affine vector, or numbers of one."""
        v = self.x[0]
        if v.is_scalar:
            return v * symbol("u", "m") + self.b
        if not v.is_vector:
            return v @ symbol("a", "n")
        return self.random.choice([v, self.A @ v, self.A @ v - self.b])

    def entries(self, depth: int) -> Expr:
        v = self.vector()
        one = ones(*v.shape)
        choices = [
            lambda: v,
            lambda: hadamard(v, v),
            lambda: exp(v),
            lambda: softplus(v),
            lambda: absolute(v),
            lambda: relu(v),
            lambda: tanh(v),
            lambda: sigmoid(v),
            lambda: cosh(v),
            lambda: sqrt(one + hadamard(v, v)),
            lambda: log(v),
            lambda: power(v, 4),
            lambda: hadamard(v, exp(v)),
            lambda: hadamard(v, log(v)),
            lambda: huber(v),
            lambda: leaky_relu(v, self.random.choice([Fraction(1, 10), 2])),
            lambda: self.random.choice([maximum, minimum])(v, self.random.choice([exp(v), 1, -v])),
        ]
        made = self.random.choice(choices)()
        return made if depth else v

    def affine(self) -> Expr:
        v = self.x[-1]
        if v.is_scalar:
            return self.random.choice([v, 2 * v + 1])
        if v.is_vector:
            return transpose(symbol("a", "n")) @ v + 1
        return tr(symbol("C", "n", "n") @ v)

    def scalar(self, depth: int) -> Expr:
        x = self.x[0]
        leaves = [
            self.affine,
            lambda: sum_entries(self.entries(1)),
            lambda: norm(self.vector()),
            lambda: sq_norm(self.vector()),
            lambda: norm1(self.vector()),
            lambda: logsumexp(self.vector()),
            lambda: largest(self.vector()),
            lambda: matmul(transpose(v := self.A @ x - self.b), self.P, v) if x.is_vector else self.affine() ** 2,
        ]
        if not x.is_scalar and not x.is_vector:
            leaves += [lambda: logdet(x), lambda: tr(inv(x)), lambda: inner(x, x), lambda: sq_norm(x)]
        if not depth:
            return self.random.choice(leaves)()
        f = self.scalar(depth - 1)
        g = self.scalar(self.random.randrange(depth))
        combined = [
            lambda: f + g,
            lambda: f - g,
            lambda: self.c * f + g,
            lambda: f + sq_norm(self.vector()),
            lambda: -f,
            lambda: exp(f),
            lambda: log(1 + exp(f)),
            lambda: f**2,
            lambda: sqrt(1 + f**2),
            lambda: f * g,
            lambda: log(f),
            lambda: sqrt(f),
            lambda: f / self.c,
            lambda: maximum(f, g),
            lambda: minimum(f, g),
            lambda: sq_norm(self.vector()) / (1 + exp(g)) if self.random.random() < 0.3 else softplus(f),
        ]
        return self.random.choice(combined)()

    def formula(self) -> Expr:
        return self.scalar(self.random.choice([0, 1, 1, 2, 2, 3]))


def contradictions(expr: Expr, variables: list[Expr], verdict: str, points: int) -> list[str]:
    """Eigenvalues of the Hessian, and chords, that speak against a verdict."""
    found = []
    search = Search(expr, variables)
    signs = {"convex": [-1], "concave": [1], "affine": [1, -1]}[verdict]
    for seed in range(points):
        try:
            point = random_point([expr, *variables], seed=1000 + seed, attempts=30, smallest=1 + seed % 2)
        except DeriveError:
            continue
        line = Chords(search, point)
        eigenvalues, _ = line.spectrum
        for sign in signs:
            chord = line.along_eigenvectors(sign) or line.far(sign, seed)
            if chord is not None:
                found.append(f"{eigenvalues}, {chord!r}")
    return found


@pytest.mark.parametrize("block", range(20))
def test_no_certificate_is_contradicted(block):
    decided = total = 0
    for seed in range(block * GENERATED // 20, (block + 1) * GENERATED // 20):
        maker = Maker(seed)
        try:
            expr = maker.formula()
            random_point([expr, *maker.x], seed=0, attempts=40)
        except DeriveError:
            continue  # defined nowhere
        variables = [v for v in maker.x if v in symbols_of(expr)]
        if not variables:
            continue
        found = curvature.examine(expr, variables)
        total += 1
        decided += found.verdict != "unknown"
        assert found.disagreement is None, (seed, expr.text(), found.disagreement)
        if found.verdict in ("convex", "concave", "affine"):
            assert not contradictions(expr, variables, found.verdict, POINTS if FULL else 3), (seed, expr.text())
    assert decided >= 0.6 * total if FULL else decided > 0


def test_a_wrong_verdict_is_contradicted():
    x = symbol("x", "n")
    assert contradictions(sum_entries(tanh(x)), [x], "convex", 3)
    assert contradictions(sq_norm(x), [x], "concave", 3) and contradictions(norm(x), [x], "affine", 3)


def test_the_hessian_of_the_search_is_the_numeric_one():
    A, x, X = symbols("A: m×n, x: n, X: n×n spd")
    for f, v in ((logsumexp(A @ x), x), (exp(sq_norm(A @ x) / 9), x)):
        point = random_point([f])
        numeric = numeric_jacobian(Sweep(f, v).total, v, point)
        assert np.allclose(curvatures(f, [v], point), np.linalg.eigvalsh(numeric), rtol=1e-6, atol=1e-9)
    point = random_point([tr(inv(X))])
    assert curvatures(tr(inv(X)), [X], point)[0] > 0


# Output


def test_formats(capsys, tmp_path):
    assert main(["convexity", "xᵀ B x", "--wrt", "x", "--to", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["schema"], found["kind"], found["verdict"]) == (1, "convexity", "neither")
    assert {p["refutes"] for p in found["points"]} == {"convex", "concave"}
    assert main(["convexity", "tr(X⁻¹)", "--wrt", "X", "--where", "X: n×n spd", "--to", "text"]) == 0
    text = capsys.readouterr().out
    assert "The second differential is 2 tr(dX X⁻¹ dX X⁻¹ X⁻¹) ≥ 0." in text and "X⁻¹ ⪰ 0" in text
    assert main(["convexity", "λ‖x‖²", "--wrt", "x", "--where", "λ: scalar positive"]) == 0
    assert r"\lambda \lVert x \rVert^{2}" in capsys.readouterr().out
    for ending in ("html", "md", "tex"):
        target = tmp_path / f"proof.{ending}"
        assert main(["convexity", "‖A x − b‖²", "--wrt", "x", "-o", str(target)]) == 0
        assert "convex" in target.read_text(encoding="utf-8").lower()
    assert main(["convexity", "‖x‖²", "--wrt", "x", "--to", "svg"]) == 2
    assert "svg" in capsys.readouterr().err


@pytest.mark.parametrize(
    "formula",
    ["min(‖A x − b‖, ‖A x‖)", "min(‖A x‖², ‖x‖² + 1)", "‖A x‖ − ‖(aᵀx)‖ + min(aᵀx, ‖x‖)", "where(aᵀx > 0, 0, ‖x‖)"],
)
def test_second_derivatives_say_nothing_of_a_kink(formula):
    assert convexity(formula, "x", "a, x: n").verdict in ("neither", "unknown")


@pytest.mark.parametrize(
    ("formula", "verdict"),
    [
        ("(1 − tanh(50)) t^3", "unknown"),  # 1.0 in floats, not 1
        ("log(1 + exp(−50)) t^3", "unknown"),
        ("exp(−800) t^3", "unknown"),  # 0.0 in floats, not 0
        ("0.5^2000 t^3", "unknown"),
        ("tanh(0.001 exp(710) − exp(709)) t^2", "unknown"),  # too large for floats
        ("−10^−400 t^2", "concave"),
        ("10^−400 t^2", "convex"),
        ("log(1 + exp(−50)) t^2", "convex"),
        ("(1 − tanh(50)) t^2", "convex"),
        ("(2 − sqrt(2)) t^2", "convex"),
        ("(exp(0) − 1) t^3 + t^2", "convex"),
    ],
)
def test_the_sign_of_a_number_is_not_that_of_its_rounding(formula, verdict):
    assert convexity(formula, "t", "t: scalar").verdict == verdict


def test_a_range_holds_what_floats_cannot():
    t = symbol("t", properties=["positive"])
    tiny = number(Fraction(1, 10**400))
    for expr in (tiny * t, number(10**400) * t, tiny * number(10**400) + t, exp(number(-800)) * t):
        found = facts_of(expr).range
        assert found.is_positive and found.hi == float("inf")
    for expr in (exp(number(710)), sigmoid(number(-800)), number(1) - tanh(number(50))):
        found = facts_of(expr).range
        assert found.lo < found.hi and found.lo < float("inf") and found.hi > 0
    for expr, low, high in ((sqrt(number(2)), 2, 2), (number(3) ** 40, 3**80, 3**80)):
        found = facts_of(expr).range
        assert found.lo**2 <= low <= high <= found.hi**2
