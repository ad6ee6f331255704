"""The arrays of a browser without NumPy compute what NumPy computes, and the checker judges alike by them."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from derive.playground.plain_arrays import numpy_of_lists

arrays = numpy_of_lists()
RNG = np.random.default_rng(5)
A, B, S, v = RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4)), RNG.normal(size=(4, 4)), RNG.normal(size=4)
Z = A + 1j * B
GIVEN = {"A": A, "B": B, "S": S, "P": S @ S.T + np.eye(4), "v": v, "Z": Z, "W": A[:, :1] @ A[:1], "N": np.abs(A)}

SAME: list[Callable[..., Any]] = [
    lambda np, A, B, **_: (A + B) * 2 - A / B + 1 / B,
    lambda np, A, v, **_: A * v - v + A[:, :1] * A[:1],
    lambda np, A, S, **_: A @ S @ A.T,
    lambda np, A, v, **_: A @ v,
    lambda np, N, **_: N**0.5 + np.sqrt(N) + N**-2 + 2.0**N,
    lambda np, A, **_: A**0.5 if np is arrays else np.emath.sqrt(A).real * np.where(A < 0, np.nan, 1),
    lambda np, Z, **_: np.exp(Z) + np.sin(Z) * np.tanh(Z) / Z + np.log(Z) + Z**2 + Z**0.5,
    lambda np, Z, **_: Z.real + Z.imag,
    lambda np, A, **_: np.where(A > 0, A, -A) + np.abs(A) + np.sign(A),
    lambda np, A, **_: A.sum(axis=0, keepdims=True) * A.max(axis=1, keepdims=True),
    lambda np, A, **_: A.sum() + A.mean() + A.max() + A.min(initial=0) + np.prod(A.ravel()),
    lambda np, A, **_: A.reshape((2, 6), order="F") + A.reshape((2, 6)),
    lambda np, A, **_: A.reshape((-1, 1), order="F"),
    lambda np, A, **_: A[::-1].cumsum(axis=0)[::-1],
    lambda np, A, **_: A[1:3, ::2] + A[-2:, 1:3],
    lambda np, A, **_: A[:, None, :].sum(axis=2) + A[0, 1],
    lambda np, A, **_: A[A > 0].sum(),
    lambda np, A, **_: np.tril(A, -1) + np.triu(A),
    lambda np, S, v, **_: np.diag(S) + np.diag(np.diag(v)),
    lambda np, A, B, **_: np.kron(A, B),
    lambda np, A, B, **_: np.block([[A, B], [B, A]]),
    lambda np, A, B, **_: np.stack([A, B], axis=1),
    lambda np, A, v, **_: np.outer(A[:, 0], v) + np.broadcast_to(v, (3, 4)),
    lambda np, S, B, **_: np.einsum("ipjq,pq->ij", S.reshape(2, 2, 2, 2), S[:2, :2]),
    lambda np, A, **_: np.sort(A, axis=1),
    lambda np, A, **_: np.take_along_axis(A, A.argmax(axis=1)[:, None], 1),
    lambda np, A, **_: float(np.unravel_index(np.argmax(A), A.shape)[1]),
    lambda np, S, **_: np.linalg.inv(S) + np.linalg.matrix_power(S, 3) + np.linalg.matrix_power(S, -2),
    lambda np, S, **_: np.linalg.det(S) + np.linalg.slogdet(S)[1] + np.linalg.slogdet(S)[0],
    lambda np, P, **_: np.linalg.eigvalsh(P),
    lambda np, P, **_: (lambda w, V: V @ np.diag(w) @ V.T)(*np.linalg.eigh(P)),
    lambda np, A, **_: np.linalg.svd(A, compute_uv=False),
    lambda np, A, **_: np.linalg.cond(A),
    lambda np, A, **_: (lambda U, s, V: U[:, :3] @ np.diag(s) @ V[:3])(*np.linalg.svd(A, full_matrices=False)),
    lambda np, A, **_: (lambda Q, R: (Q @ R, Q.T @ Q))(*np.linalg.qr(A.T))[0],
    lambda np, A, v, **_: np.linalg.lstsq(A.T, v, rcond=None)[0],
    lambda np, W, **_: np.linalg.lstsq(W, W[:, 0], rcond=None)[0],
    lambda np, A, **_: np.linalg.norm(A) + np.trace(A @ A.T),
    lambda np, A, **_: np.isfinite(np.log(A)).all() + 0.0,
    lambda np, A, **_: np.log1p(np.abs(A)) + np.arctan(A) + np.cosh(A),
]


@pytest.mark.parametrize("number", range(len(SAME)))
def test_it_computes_what_numpy_computes(number: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = SAME[number](np, **GIVEN)
    made = SAME[number](arrays, **{name: arrays.asarray(value.tolist()) for name, value in GIVEN.items()})
    if isinstance(made, arrays.ndarray):
        assert made.shape == np.shape(wanted)
        made = made.tolist()
    np.testing.assert_allclose(np.array(made), wanted, rtol=1e-9, atol=1e-10)


EXTREMES = [0.0, -0.0, 1.0, -1.0, 0.5, 3.0, -3.0, 1e3, -1e3, 1e300, -1e300, np.inf, -np.inf, np.nan]


@pytest.mark.parametrize(
    "name", "exp sqrt log log1p sin cos tan sinh cosh tanh arcsin arccos arctan abs sign isfinite".split()
)
def test_functions_have_the_values_of_numpy_at_extremes(name: str) -> None:
    with np.errstate(all="ignore"):
        wanted = getattr(np, name)(np.array(EXTREMES))
    made = getattr(arrays, name)(arrays.asarray(EXTREMES)).tolist()
    np.testing.assert_allclose(made, np.array(wanted, dtype=float), rtol=1e-12)


@pytest.mark.parametrize("combined", [lambda a, b: a / b, lambda a, b: a**b, lambda a, b: a * b])
def test_operators_have_the_values_of_numpy_at_extremes(combined: Callable[..., Any]) -> None:
    column = [[x] for x in EXTREMES]
    with np.errstate(all="ignore"):
        wanted = combined(np.array(column), np.array(EXTREMES))
    made = combined(arrays.asarray(column), arrays.asarray(EXTREMES)).tolist()
    np.testing.assert_allclose(made, wanted, rtol=1e-12)


def test_what_would_have_another_value_is_an_error() -> None:
    wide = arrays.asarray([[3.0, 1.0, 2.0], [1.0, 5.0, 4.0]])
    for asked in (lambda: arrays.linalg.svd(wide), lambda: arrays.sort(wide, axis=0), lambda: arrays.median(wide)):
        with pytest.raises(AttributeError):
            asked()
    assert arrays.argmax(arrays.asarray([1.0, float("nan"), 3.0])) == 1


def test_places_are_set_as_numpy_sets_them() -> None:
    made, wanted = arrays.zeros((3, 4)), np.zeros((3, 4))
    for a in (made, wanted):
        a[1] = 1
        a[0, 2] = 5
        a[:, 3] = [7, 8, 9]
        a[a > 7] = -1
    assert made.tolist() == wanted.tolist()


def test_what_is_singular_infinite_or_misfit_is_so() -> None:
    with pytest.raises(arrays.linalg.LinAlgError):
        arrays.linalg.inv(arrays.ones((2, 2)))
    zero = arrays.zeros((1, 2))
    with np.errstate(all="ignore"):
        for name in ("log", "sqrt", "exp"):
            held = [[-1.0, 0.0, 1e9]]
            wanted = getattr(np, name)(np.array(held))
            np.testing.assert_array_equal(getattr(arrays, name)(arrays.asarray(held)).tolist(), wanted)
    assert not arrays.isfinite(1 / zero).any() and not arrays.isfinite(zero / zero).any()
    for bad in (lambda: zero + arrays.zeros((2, 3)), lambda: zero @ zero, lambda: zero.reshape(3, 1)):
        with pytest.raises(ValueError):
            bad()
    with pytest.raises(AttributeError):
        _ = arrays.fft


DOCUMENTS = [
    (Path(__file__).parent / "documents" / "wrong_middle.tex").read_text(encoding="utf-8"),
    (Path(__file__).parent / "documents" / "differentials.md").read_text(encoding="utf-8"),
    "$$L = \\frac12\\|Ax - b\\|^2$$ $$\\nabla_x L = A^T(Ax - b)$$ $$\\nabla^2 L = A A^T$$",
    "L = sum(log(1 + exp(X w)))\n∂L/∂w = Xᵀ σ(X w)\n∂L/∂w = Xᵀ (1 − σ(X w))",
    "L = ‖W x‖\n∂L/∂W = W x xᵀ / ‖W x‖",
    "L = log det S + aᵀ S⁻¹ a, S symmetric positive definite\n∂L/∂S = S⁻¹ − S⁻¹ a aᵀ S⁻¹",
    "L = −yᵀ log(softmax(W x))\n∂L/∂W = (softmax(W x) − y) xᵀ",
    "L = tr(Xᵀ A X)\n∂L/∂X = 2 A X\n∂L/∂X = (A + Aᵀ) X",
]
PROGRAM = """
import sys, json
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('numpy', 'sympy', 'scipy', 'pygraphviz'):
            raise ModuleNotFoundError(name, name=name)
if sys.argv[1] == 'without':
    sys.meta_path.insert(0, Missing())
from contextlib import nullcontext
from derive.checking import check
from derive.playground.plain_arrays import standing_in
with standing_in() if sys.argv[1] == 'without' else nullcontext():
    for text in json.loads(sys.stdin.read()):
        print(json.dumps([[line.verdict, line.kind, line.condition] for line in check(text).lines]))
assert ('numpy' in sys.modules) == (sys.argv[1] != 'without')
"""


def test_documents_are_judged_alike() -> None:
    said = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM, how],
            input=json.dumps(DOCUMENTS),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for how in ("without", "with")
    ]
    assert said[0] == said[1] and "fails" in said[0] and "proved" in said[0] and "conditional" in said[0]
