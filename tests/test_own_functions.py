"""Functions of one's own: read, differentiated, printed, checked and handed to generated code."""

from __future__ import annotations

import inspect
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose

import derive
from derive import DeriveError
from derive.own_functions import own_function

TANH = {
    "rho": np.tanh,
    "drho": lambda t: 1 - np.tanh(t) ** 2,
    "ddrho": lambda t: -2 * np.tanh(t) * (1 - np.tanh(t) ** 2),
}

CASES = [
    ("½‖ρ(Wx) − y‖²", "W", "((ρ(W x) − y) ⊙ ρ′(W x)) xᵀ"),
    (r"\frac12\|\hat\phi(Wx)-y\|^2", "x", "Wᵀ ((φ̂(W x) − y) ⊙ φ̂′(W x))"),
    (r"\sum_i \rho(y_i - x_i^T w)", "w", "−Xᵀ ρ′(y − X w)"),
    (r"\log\Phi(w^T x)", "w", "Φ′(wᵀ x) x / Φ(wᵀ x)"),
    ("f_1(x'x)", "x", "2 f₁′(‖x‖²) x"),
    ("λρ'(a'x)", "x", "λ ρ″(aᵀ x) a"),
    ("lam*rho(x'x)", "x", "2 λ ρ′(‖x‖²) x"),
    ("sum(g(A X) ⊙ B)", "X", "Aᵀ (B ⊙ g′(A X))"),
]


@pytest.mark.parametrize(("formula", "wrt", "box"), CASES, ids=[c[0] for c in CASES])
def test_a_letter_before_a_bracket_is_a_function(formula, wrt, box):
    derivation = derive.gradient(formula, wrt)
    assert derivation.boxed.text() == box
    assert derivation.verify() < 1e-9
    assert pickle.loads(pickle.dumps(derivation.boxed)) is derivation.boxed


def test_letters_that_are_symbols_multiply():
    assert derive.parse("λ(‖w‖² − 1)").text() == "λ (‖w‖² − 1)"
    assert derive.parse("A(x − b)").text() == "A (x − b)"
    assert derive.parse("f(x) = x'x; f(x)").text() == "xᵀ x"
    assert derive.parse("h(a'x)", "h: scalar").text() == "h aᵀ x"


def test_a_declared_function_may_have_any_name():
    where = "u: function, W: m×n, x: n"
    assert derive.parse("½‖u(Wx)‖²", where).text() == "½ ‖u(W x)‖²"
    x = derive.parse("x", where)
    assert derive.parse("u′(x) + u″(x)", where) == own_function("u", 1)(x) + own_function("u", 2)(x)


@pytest.mark.parametrize("backend", ["numpy", "scipy", "array-api"])
def test_generated_code_takes_the_functions_as_parameters(backend):
    derivation = derive.gradient("½‖ρ(Wx) − y‖²", "W")
    assert list(inspect.signature(derivation.function(backend)).parameters)[-2:] == ["rho", "drho"]
    rng = np.random.default_rng(0)
    W, x, y = rng.normal(size=(3, 4)), rng.normal(size=4), rng.normal(size=3)
    given = {"rho": TANH["rho"], "drho": TANH["drho"]}
    z = np.tanh(W @ x)
    want = np.outer((z - y) * (1 - z**2), x)
    assert_allclose(derivation.function(backend)(W=W, x=x, y=y, **given), want, rtol=1e-12)
    assert_allclose(derivation.boxed.evaluate(W=W, x=x, y=y, **given), want, rtol=1e-12)


def test_a_function_that_returns_its_argument_is_not_overwritten():
    derivation = derive.gradient("½‖ρ(Wx) − y‖² + sum(Wx)", "W")
    rng = np.random.default_rng(0)
    W, x, y = rng.normal(size=(3, 4)), rng.normal(size=4), rng.normal(size=3)
    given = {"W": W, "x": x, "y": y, "rho": lambda t: t, "drho": np.ones_like}
    want = np.outer(W @ x - y + 1, x)
    for options in ({}, {"workspace": True}):
        value, gradient = derivation.function(returns="value_and_gradient", **options)(**given)
        assert_allclose(gradient, want, rtol=1e-12)
        assert_allclose(value, ((W @ x - y) ** 2).sum() / 2 + (W @ x).sum(), rtol=1e-12)


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_libraries_with_derivatives_of_their_own_agree(backend):
    library = pytest.importorskip(backend)
    derivation = derive.gradient("ρ(a'x)", "x")
    if backend == "torch":
        a, x = (library.tensor(v, dtype=library.float64) for v in ([1.0, 2.0], [0.3, -0.2]))
        x.requires_grad_()
        got = derivation.function(backend)(x=x, a=a, drho=lambda t: 1 - library.tanh(t) ** 2, rho=library.tanh)
        (want,) = library.autograd.grad(library.tanh(a @ x), x)
        got, want = got.detach(), want.detach()
    else:
        library.config.update("jax_enable_x64", True)
        a, x = library.numpy.array([1.0, 2.0]), library.numpy.array([0.3, -0.2])
        got = derivation.function(backend)(
            x=x, a=a, drho=lambda t: 1 - library.numpy.tanh(t) ** 2, rho=library.numpy.tanh
        )
        want = library.grad(lambda x: library.numpy.tanh(a @ x))(x)
    assert_allclose(np.asarray(got), np.asarray(want), rtol=1e-12)


def test_higher_derivatives_and_linear_maps():
    assert derive.hessian("ρ(a'x)", "x").boxed.text() == "ρ″(aᵀ x) a aᵀ"
    assert derive.jacobian("ρ(A x)", "x").boxed.text() == "diag(ρ′(A x)) A"
    assert derive.differential("ρ(A X)").boxed.text() == "ρ′(A X) ⊙ (dA X + A dX)"
    assert derive.hessian("sum(ρ(A x))", "x").verify() < 1e-8


def test_nothing_is_known_of_its_sign_or_form():
    assert derive.equal("ρ(x)'y", "y'ρ(x)") == "proved"
    for one, other in [("‖ρ(x)‖₁", "sum(ρ(x))"), ("ρ(−x)", "−ρ(x)"), ("ρ(x + x)", "2ρ(x)"), ("ρ′(x)", "ρ(x)")]:
        assert derive.equal(one, other) == "differs"


def test_printed_in_latex():
    assert derive.gradient("½‖ρ(Wx) − y‖²", "W").boxed.latex() == r"((\rho(W x) - y) \odot \rho'(W x)) x^{\top}"


def test_what_is_no_function_of_one_operand_is_refused():
    with pytest.raises(DeriveError, match="ρ takes one operand, not 2"):
        derive.parse("ρ(x, y)")
    with pytest.raises(DeriveError, match="marks a derivative"):
        derive.parse("A″ x")
    with pytest.raises(DeriveError, match="no function rho is given"):
        derive.parse("ρ(a'x)").evaluate(a=np.ones(2), x=np.ones(2))
