"""Objectives for optimizers: flat vectors in and out, data checked by name, one variable or several."""

from __future__ import annotations

import numpy as np
import pytest

import derive
from derive.errors import DeriveError, ShapeError
from derive.objective import Objective
from tests.optional import needs

RIDGE = "‖X w − y‖² + λ ‖w‖²"
rng = np.random.default_rng(0)
X, y = rng.normal(size=(20, 4)), rng.normal(size=20)
SOLUTION = np.linalg.solve(X.T @ X + 0.1 * np.eye(4), X.T @ y)


@needs("scipy")
def test_the_functions_and_the_objective_go_into_minimize_as_they_are():
    from scipy.optimize import minimize

    both = derive.gradient(RIDGE, "w", "λ: scalar").function(returns="value_and_gradient")
    found = minimize(both, np.zeros(4), args=(X, y, 0.1), jac=True)
    np.testing.assert_allclose(found.x, SOLUTION, atol=1e-5)
    objective = Objective(derive.gradient(RIDGE, "w", "λ: scalar"), X=X, y=y, λ=0.1)
    np.testing.assert_allclose(minimize(objective, np.zeros(4), jac=True).x, SOLUTION, atol=1e-5)


@needs("scipy")
def test_residuals_and_their_jacobian_go_into_least_squares():
    from scipy.optimize import least_squares

    derivation = derive.jacobian("tanh(A x) − b", "x")
    A, b = rng.normal(size=(12, 3)), np.tanh(rng.normal(size=12))
    ours = least_squares(derivation.function(returns="value"), np.zeros(3), derivation.function(), args=(A, b))
    hand = least_squares(lambda x: np.tanh(A @ x) - b, np.zeros(3), lambda x: (1 - np.tanh(A @ x) ** 2)[:, None] * A)
    assert ours.nfev == hand.nfev and ours.njev == hand.njev
    np.testing.assert_allclose(ours.x, hand.x, rtol=1e-8)


@needs("scipy")
def test_several_variables_are_one_vector():
    from scipy.optimize import minimize

    loss = "½‖tanh(W X + b vector(1)ᵀ) − Y‖²"
    where = "W: k×n, X: n×N, b: k, Y: k×N"
    Xs, Ys = rng.normal(size=(3, 30)), np.tanh(rng.normal(size=(2, 30)))
    f = Objective(derive.gradient(loss, ["W", "b"], where), derive.hvp(loss, ["W", "b"], ["P", "q"], where), X=Xs, Y=Ys)
    start = f.flat(np.zeros((2, 3)), np.zeros(2))
    assert start.shape == (8,)
    found = minimize(f, start, jac=True, hessp=f.hessp, method="trust-ncg")
    W, b = f.shaped(found.x)
    assert W.shape == (2, 3) and b.shape == (2,) and found.success
    step = 1e-6 * rng.normal(size=8)
    slope = (f(found.x + step)[0] - f(found.x - step)[0]) / 2
    at = rng.normal(size=8)
    np.testing.assert_allclose((f(at + step)[1] - f(at - step)[1]) / 2, f.hessp(at, step), rtol=1e-5, atol=1e-12)
    assert abs(slope) < 1e-8


def test_missing_and_surplus_data_are_named_at_once():
    derivation = derive.gradient(RIDGE, "w", "λ: scalar")
    with pytest.raises(DeriveError, match="the loss needs data for y, lam"):
        Objective(derivation, X=X)
    with pytest.raises(DeriveError, match="the loss has no symbol c"):
        Objective(derivation, X=X, y=y, lam=0.1, c=3)
    with pytest.raises(ShapeError, match="there are 1 variables: w"):
        Objective(derivation, X=X, y=y, lam=0.1).flat(np.zeros(4), np.zeros(4))
    matrix = Objective(derive.gradient("‖A − U Vᵀ‖²", "U"), A=np.eye(3), V=np.ones((3, 2)))
    with pytest.raises(ShapeError, match="shape of the variable is not known"):
        matrix(np.zeros(6))
    with pytest.raises(DeriveError, match="another loss or variable"):
        Objective(derivation, derive.hvp("‖X w‖²", "w", "v"), X=X, y=y, lam=0.1)
