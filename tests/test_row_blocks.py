"""Loops over rows in generated NumPy code: the same values, less memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import derive
from derive.codegen import module_of
from derive.programs.blocked import BlockedWriter, by_single_rows
from derive.programs.callables import executed
from derive.programs.writer import Writer
from derive.verification import BY_ROWS, errors

FACTORS = "U: m×k, V: n×k, R: m×n"
BY_ROW = [  # formula, variable, declarations
    ("½‖M ⊙ (U Vᵀ − R)‖² + c/2 ‖U‖²", "U", FACTORS + ", M: m×n, c: scalar"),
    ("sum(pseudo_huber(U Vᵀ − R, 1))", "V", FACTORS),
    ("‖X − X W Wᵀ‖²", "W", "X: N×n, W: n×k"),
    ("‖diag(D Aᵀ A Dᵀ) − t‖²", "A", "D: N×n, A: k×n, t: N"),
    ("½‖softmax(Q Kᵀ / sqrt(d)) V − Y‖²", "Q", "Q: n×d, K: m×d, V: m×p, Y: n×p"),
    ("log(1 + sum((U Vᵀ − R).^4))", "U", FACTORS),
    ("sum(log(1 + exp(−y ⊙ (X w)))) + c/2 ‖w‖²", "w", "X: m×n, c: scalar"),
    ("½‖X w − y‖²", "w", "X: m×n"),
]


@pytest.mark.parametrize(("formula", "wrt", "where"), BY_ROW)
def test_a_row_at_a_time_is_what_is_computed_at_once(formula, wrt, where):
    found = errors(derive.gradient(formula, wrt, where), 2)
    assert max(found.values()) < 1e-6 and BY_ROWS in found


def test_a_planted_error_is_found(monkeypatch):
    monkeypatch.setattr(BlockedWriter, "assign", Writer.assign)  # the last block instead of the sum
    found = errors(derive.gradient(*BY_ROW[2]), 2)
    assert found.pop(BY_ROWS) > 1e-3 and max(found.values()) < 1e-6


@pytest.mark.parametrize("returns", ["value", "derivative", "value_and_gradient"])
def test_samples_go_by_rows_as_well(returns):
    d = derive.gradient("logsumexp(V tanh(W x)) − yᵀ V tanh(W x)", "W", "W: h×n, V: k×h, x: n, y: k")
    plain = d.function(returns=returns, batch="x, y")
    module = module_of(d, "numpy", False, "x, y", False, False)
    looped = executed(by_single_rows(module), "<looped>")[plain.__name__]
    rng = np.random.default_rng(0)
    given = {name: rng.random(shape) for name, shape in {"W": (4, 3), "V": (5, 4), "x": (6, 3), "y": (6, 5)}.items()}
    pairs = zip(
        *(f(**given) if returns == "value_and_gradient" else [f(**given)] for f in (plain, looped)), strict=True
    )
    assert all(np.allclose(a, b, rtol=1e-12) for a, b in pairs)
    assert f"_{plain.__name__}_by_rows" in plain.source


def test_large_matrices_are_never_formed():
    f = derive.gradient(*BY_ROW[0]).function(returns="value_and_gradient")
    rng = np.random.default_rng(0)
    m, n, k = 1500, 1200, 3
    U, V, R, M = (rng.random(shape) for shape in ((m, k), (n, k), (m, n), (m, n)))

    def peak(run):
        run()
        tracemalloc.start()
        try:
            found = run()
            return found, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    def by_hand():
        E = M * (U @ V.T - R)
        return 0.5 * np.vdot(E, E) + 0.15 * np.vdot(U, U), (M * E) @ V + 0.3 * U

    (value, gradient), needed = peak(lambda: f(U=U, V=V, R=R, M=M, c=0.3))
    (want, wanted), whole = peak(by_hand)
    assert np.isclose(value, want) and np.allclose(gradient, wanted)
    assert needed < 0.4 * R.nbytes < whole


def test_a_matrix_past_the_last_level_is_read_once():
    f = derive.gradient("sum(log(1 + exp(−y ⊙ (X w))))", "w", "X: m×n").function()
    looped = f.source.split("def _gradient_by_rows(")[1].split("\ndef ")[0]
    assert "if m * n > 4194304:" in f.source and looped.count("X[rows]") == 2
    rng = np.random.default_rng(0)
    X, y, w = rng.standard_normal((4200, 1000)), rng.choice([-1.0, 1.0], 4200), 0.1 * rng.standard_normal(1000)
    wanted = -X.T @ (y / (1 + np.exp(y * (X @ w))))
    assert np.allclose(f(X=X, y=y, w=w), wanted, rtol=1e-10, atol=1e-10)


def test_small_arrays_take_the_plain_lines():
    f = derive.gradient(*BY_ROW[0]).function()
    looped = f.source.split("def _gradient_by_rows(")[1]
    assert "if m * n > 262144:" in f.source and "for rows in _slices(" in looped
    assert "_by_rows" not in derive.gradient("½‖Wᵀ W x − x‖²", "W").source()
    assert "_by_rows" not in derive.gradient(*BY_ROW[0]).source("jax")
