"""A function of Python is compared with the derived gradient, and the difference is named."""

from __future__ import annotations

import numpy as np
import pytest

from derive import check_gradient
from derive.errors import DeriveError

TIED = ("½‖WᵀWx − x‖²", "W", "W: m×n, x: n")
LEAST = ("‖A x − b‖²/m", "x", "A: m×n, x: n, b: m")
BATCH = ("sum((X W + 𝟏 bᵀ).^2)", "b", "X: m×n, W: n×k, b: k")
MASKED = ("sum(relu(X w))", "w", "X: m×n, w: n")
SPD = ("logdet(S) + xᵀ S x", "S", "S: n×n spd, x: n")


def tied(W, x, first=1.0, second=1.0):
    r = W.T @ (W @ x) - x
    return first * np.outer(W @ r, x) + second * np.outer(W @ x, r)


CASES = [
    (TIED, tied, None),
    (TIED, lambda W, x: 3 * tied(W, x), "factor"),
    (TIED, lambda W, x: -tied(W, x), "sign"),
    (TIED, lambda W, x: tied(W, x).T, "layout"),
    (TIED, lambda W, x: tied(W, x, second=0), "path"),
    (TIED, lambda W, x: tied(W, x, second=-1), "sign"),
    (TIED, lambda W, x: tied(W, x, first=2), "factor"),
    (TIED, lambda W, x: np.sum(tied(W, x)), "scalar for matrix"),
    (TIED, lambda W, x: tied(W, x) + 1, "unknown"),
    (LEAST, lambda x, A, b: 2 * A.T @ (A @ x - b) / len(b), None),
    (LEAST, lambda x, A, b: 2 * A.T @ (A @ x - b), "factor"),
    (LEAST, lambda x, A, b: (0, 2 * A.T @ (A @ x - b) / len(b), A), None),
    (LEAST, lambda x, A, b: {"x": 2 * A.T @ (A @ x - b) / len(b), "A": A}, None),
    (BATCH, lambda b, X, W: 2 * (X @ W + b).sum(axis=0), None),
    (BATCH, lambda b, X, W: 2 * (X @ W + b), "axis"),
    (MASKED, lambda w, X: X.T @ (X @ w > 0), None),
    (SPD, lambda S, x: np.linalg.inv(S) + np.outer(x, x), None),
]


@pytest.mark.parametrize(("problem", "function", "kind"), CASES)
def test_the_difference_is_named(problem, function, kind):
    line = check_gradient(function, *problem).lines[0]
    assert (line.verdict, line.kind) == (("agrees", None) if kind is None else ("fails", kind)), line.reason
    assert kind is None or (line.repair and line.evidence)


def test_a_gradient_that_is_not_projected_is_told():
    problem = ("aᵀ S b", "S", "S: n×n symmetric, a: n, b: n")
    assert check_gradient(lambda S, a, b: (np.outer(a, b) + np.outer(b, a)) / 2, *problem).ok
    assert check_gradient(lambda S, a, b: np.outer(a, b), *problem).lines[0].kind == "projection"


def test_a_lost_mask_is_a_lost_inner_derivative():
    problem = ("sum(W ⊙ relu(Z))", "Z", "W: m×n, Z: m×n")
    assert check_gradient(lambda Z, W: W * (Z > 0), *problem).ok
    assert check_gradient(lambda Z, W: W, *problem).lines[0].kind == "inner derivative"


def test_arguments_are_copies():
    def gradient(A, x, b):
        x *= 0
        return 0 * A.T @ b

    assert check_gradient(gradient, *LEAST).lines[0].verdict == "fails"


def explode(A, x, b):
    raise RuntimeError("no")


REFUSED = [
    (lambda A, q: q, "the parameter q is no symbol of the loss"),
    (explode, "the function raises RuntimeError: no"),
    ("A.T", "a function is checked, not str"),
    (lambda A, x, b: "text", "returns no array of numbers"),
    (lambda A, x, b: (x, x), "which of the 2 values returned"),
]


@pytest.mark.parametrize(("function", "message"), REFUSED)
def test_what_cannot_be_compared_is_refused(function, message):
    with pytest.raises(DeriveError, match=message):
        check_gradient(function, *LEAST)
