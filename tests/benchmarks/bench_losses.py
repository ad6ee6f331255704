"""Seventeen losses of machine learning, value and gradient, against code by hand and against other tools.

    python tests/benchmarks/bench_losses.py [--only SUBSTRING] [--sizes 10,300,2000] [--rounds N] [--peers NAMES]

Every figure is a time divided by that of NumPy written by hand: the median of the ratios of
interleaved rounds in shuffled order, by the time of the process, one thread on one core.
Values and gradients are compared before anything is timed.  The last column divides the
best of our NumPy, SciPy and C functions by the best peer.  A dash says that a peer cannot
state the loss; peers that are not installed are named above the table.
"""

from __future__ import annotations

import bench_code  # sets one thread and one core  # isort: skip
import argparse
import importlib.metadata
import random
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

import derive

Run = Callable[[], Any]
OURS = ("np", "np ws", "sp", "sp ws", "c", "our jax", "our torch")
PEERS = ("jax", "torch", "pytensor numba", "pytensor C", "casadi C")
TOLERANCE = 1e-6


class Loss(NamedTuple):
    """One loss: our formula, code by hand, and a spelling that the peers share.

    `arrays` makes the arguments for a size; `hand` gives value and gradient; `peer` states the
    loss over the operations `o` of a peer, and the argument `wrt` is what it is differentiated by.
    """

    name: str
    formula: str
    wrt: str
    where: str
    arrays: Callable[[np.random.Generator, int], dict[str, Any]]
    hand: Callable[..., Any]
    peer: Callable[..., Any]
    batch: str | None = None


def sigmoid(x: Any) -> Any:
    return 0.5 * (1 + np.tanh(0.5 * x))


def softmax_rows(A: Any) -> Any:
    E = np.exp(A - A.max(1, keepdims=True))
    E /= E.sum(1, keepdims=True)
    return E


def positive_definite(rng: np.random.Generator, n: int) -> np.ndarray:
    A = rng.standard_normal((n, n + 5))
    return A @ A.T / n + np.eye(n)


# By hand


def mlp_hand(W: Any, V: Any, x: Any, y: Any) -> Any:
    H = np.tanh(x @ W.T)
    A = H @ V.T
    top = A.max(1, keepdims=True)
    E = np.exp(A - top)
    total = E.sum(1, keepdims=True)
    value = (top + np.log(total)).sum() - np.vdot(y, A)
    E /= total
    E -= y
    D = E @ V
    D *= 1 - H * H
    return value, D.T @ x


def attention_hand(W: Any, K: Any, V: Any, q: Any, t: Any) -> Any:
    P = softmax_rows((q @ W.T) @ K.T)
    R = P @ V - t
    G = R @ V.T
    G -= np.einsum("ij,ij->i", P, G)[:, None]
    G *= P
    return 0.5 * np.vdot(R, R), (G @ K).T @ q


def logistic_hand(w: Any, X: Any, y: Any, c: Any) -> Any:
    z = y * (X @ w)
    value = np.logaddexp(0, -z).sum() + 0.5 * c * (w @ w)
    return value, c * w - X.T @ (y * sigmoid(-z))


def gp_hand(s: Any, K: Any, y: Any) -> Any:
    A = K.copy()
    A.flat[:: len(A) + 1] += s
    P = np.linalg.inv(A)
    a = P @ y
    value = 0.5 * (y @ a) + np.log(np.linalg.cholesky(A).diagonal()).sum()
    return value, 0.5 * (np.trace(P) - a @ a)


def gaussian_hand(S: Any, C: Any) -> Any:
    P = np.linalg.inv(S)
    M = P @ C
    value = np.log(np.linalg.cholesky(S).diagonal()).sum() + 0.5 * np.trace(M)
    return value, 0.5 * (P - M @ P)


def masked_hand(U: Any, V: Any, M: Any, R: Any, c: Any) -> Any:
    E = U @ V.T
    E -= R
    E *= M
    value = 0.5 * np.vdot(E, E) + 0.5 * c * np.vdot(U, U)
    E *= M
    return value, E @ V + c * U


def pca_hand(W: Any, X: Any) -> Any:
    Z = X @ W
    E = X - Z @ W.T
    return np.vdot(E, E), -2 * (X.T @ (E @ W) + (Z.T @ E).T)


def metric_hand(A: Any, D: Any, t: Any) -> Any:
    Z = D @ A.T
    r = np.einsum("ij,ij->i", Z, Z) - t
    Z *= (4 * r)[:, None]
    return r @ r, Z.T @ D


def ridge_hand(a: Any, K: Any, y: Any, c: Any) -> Any:
    Ka = K @ a
    r = Ka - y
    return 0.5 * (r @ r) + 0.5 * c * (a @ Ka), K @ (r + c * a)


def kalman_hand(H: Any, P: Any, R: Any, x: Any, z: Any) -> Any:
    e = z - H @ x
    G = H @ P
    u = np.linalg.solve(G @ H.T + R, e)
    return 0.5 * (e @ u), -np.outer(u, x + u @ G)


def vae_hand(S: Any, M: Any, E: Any, W: Any, X: Any) -> Any:
    half = np.exp(0.5 * S)
    D = half * E
    R = W @ (M + D)
    R -= X
    square = half * half
    value = 0.5 * np.vdot(R, R) + 0.5 * (square.sum() + np.vdot(M, M) - S.sum())
    return value, 0.5 * ((W.T @ R) * D + square - 1)


def elastic_hand(w: Any, X: Any, y: Any, c: Any, d: Any) -> Any:
    r = X @ w - y
    return 0.5 * (r @ r) + c * np.abs(w).sum() + 0.5 * d * (w @ w), X.T @ r + c * np.sign(w) + d * w


def student_hand(w: Any, X: Any, y: Any, c: Any) -> Any:
    r = X @ w - y
    q = 1 + r * r / c
    return np.log(q).sum(), X.T @ (r / q) * (2 / c)


def huber_hand(U: Any, V: Any, R: Any) -> Any:
    E = U @ V.T
    E -= R
    Q = E * E
    Q += 1
    np.sqrt(Q, out=Q)
    value = Q.sum() - Q.size
    E /= Q
    return value, E @ V


def nmf_hand(U: Any, V: Any, R: Any) -> Any:
    P = U @ V.T
    Q = R / P
    value = P.sum() - np.vdot(R, np.log(P, out=P))
    return value, V.sum(0) - Q @ V


def lda_hand(W: Any, B: Any, C: Any) -> Any:
    BW, CW = B @ W, C @ W
    P, Q = W.T @ BW, W.T @ CW
    value = np.linalg.slogdet(P)[1] - np.linalg.slogdet(Q)[1]
    return value, 2 * (BW @ np.linalg.inv(P) - CW @ np.linalg.inv(Q))


def rnn_hand(W: Any, a: Any, b: Any, c: Any, d: Any, y: Any) -> Any:
    h1 = np.tanh(W @ a)
    h2 = np.tanh(W @ h1 + b)
    h3 = np.tanh(W @ h2 + c)
    h4 = np.tanh(W @ h3 + d)
    r = h4 - y
    d4 = r * (1 - h4 * h4)
    d3 = (d4 @ W) * (1 - h3 * h3)
    d2 = (d3 @ W) * (1 - h2 * h2)
    d1 = (d2 @ W) * (1 - h1 * h1)
    return 0.5 * (r @ r), np.array((d4, d3, d2, d1)).T @ np.array((h3, h2, h1, a))


# Arguments


def normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape) / (shape[-1] ** 0.5 if len(shape) > 1 else 1)


def some(n: int) -> int:
    """The number of factors, or of classes, for a size."""
    return max(3, min(n // 10, 50))


def regression(rng: np.random.Generator, n: int, **numbers: float) -> dict[str, Any]:
    return {"w": normal(rng, n), "X": normal(rng, 4 * n, n), "y": np.sign(normal(rng, 4 * n)), **numbers}


def factorization(rng: np.random.Generator, n: int) -> dict[str, Any]:
    U, V = (np.abs(normal(rng, n, some(n))) + 0.1 for _ in range(2))
    return {"U": U, "V": V, "R": np.abs(normal(rng, n, n)) + 0.1}


REGRESSION = "X: N×n, w: n, y: N"
FACTORS = "U: m×k, V: n×k, R: m×n, k < n, k < m"
LOSSES = [
    Loss(
        "mlp_ce_batch", "logsumexp(V tanh(W x)) - y^T V tanh(W x)", "W", "W: h×n, V: k×h, x: n, y: k, k < h",
        lambda g, n: {"W": normal(g, n, n), "V": normal(g, some(n), n), "x": normal(g, min(n, 128), n),
                      "y": np.eye(some(n))[g.integers(some(n), size=min(n, 128))]},
        mlp_hand,
        lambda o, W, V, x, y: (lambda A: o.logsumexp(A) - o.sum(y * A))(o.tanh(x @ W.T) @ V.T),
        batch="x, y",
    ),
    Loss(
        "attention", "1/2 ‖V^T softmax(K W q) - t‖^2", "W", "W: n×n, K: m×n, V: m×d, q: n, t: d",
        lambda g, n: {"W": normal(g, n, n), "K": normal(g, n, n), "V": normal(g, n, n),
                      "q": normal(g, min(n, 128), n), "t": normal(g, min(n, 128), n)},
        attention_hand,
        lambda o, W, K, V, q, t: 0.5 * o.sum((o.softmax((q @ W.T) @ K.T) @ V - t) ** 2),
        batch="q, t",
    ),
    Loss(
        "logistic_ridge", "sum(log(1 + exp(-y ⊙ (X w)))) + c/2 ‖w‖^2", "w", REGRESSION + ", c: scalar",
        lambda g, n: regression(g, n, c=0.3),
        logistic_hand,
        lambda o, w, X, y, c: o.sum(o.softplus(-y * (X @ w))) + 0.5 * c * o.sum(w * w),
    ),
    Loss(
        "gp_nll_noise", "1/2 y^T (K + s I)^-1 y + 1/2 logdet(K + s I)", "s", "K: n×n spd, y: n, s: scalar positive",
        lambda g, n: {"s": 0.5, "K": positive_definite(g, n), "y": normal(g, n)},
        gp_hand,
        lambda o, s, K, y: (lambda A: 0.5 * o.sum(y * o.solve(A, y)) + 0.5 * o.logdet(A))(K + s * o.eye(K)),
    ),
    Loss(
        "gaussian_nll", "1/2 logdet(S) + 1/2 tr(S^-1 C)", "S", "S: n×n spd, C: n×n symmetric",
        lambda g, n: {"S": positive_definite(g, n), "C": positive_definite(g, n)},
        gaussian_hand,
        lambda o, S, C: 0.5 * o.logdet(S) + 0.5 * o.trace(o.solve(S, C)),
    ),
    Loss(
        "masked_mf_ridge", "1/2 ‖M ⊙ (U V^T - R)‖^2 + c/2 ‖U‖^2", "U", FACTORS + ", M: m×n, c: scalar",
        lambda g, n: factorization(g, n) | {"M": (g.random((n, n)) < 0.5) * 1.0, "c": 0.3},
        lambda U, V, R, M, c: masked_hand(U, V, M, R, c),
        lambda o, U, V, R, M, c: 0.5 * o.sum((M * (U @ V.T - R)) ** 2) + 0.5 * c * o.sum(U * U),
    ),
    Loss(
        "pca_reconstruction", "‖X - X W W^T‖^2", "W", "X: N×n, W: n×k, k < n, k < N",
        lambda g, n: {"W": normal(g, n, some(n)), "X": normal(g, 2 * n, n)},
        pca_hand,
        lambda o, W, X: o.sum((X - (X @ W) @ W.T) ** 2),
    ),
    Loss(
        "metric_learning", "‖diag(D A^T A D^T) - t‖^2", "A", "D: N×n, A: k×n, t: N, k < n, n < N",
        lambda g, n: {"A": normal(g, some(n), n), "D": normal(g, 4 * n, n), "t": normal(g, 4 * n)},
        metric_hand,
        lambda o, A, D, t: o.sum((o.row_sums((D @ A.T) ** 2) - t) ** 2),
    ),
    Loss(
        "kernel_ridge", "1/2 ‖K a - y‖^2 + (c/2) a^T K a", "a", "K: n×n symmetric, a: n, y: n, c: scalar",
        lambda g, n: {"a": normal(g, n), "K": positive_definite(g, n), "y": normal(g, n), "c": 0.3},
        ridge_hand,
        lambda o, a, K, y, c: (lambda Ka: 0.5 * o.sum((Ka - y) ** 2) + 0.5 * c * o.sum(a * Ka))(K @ a),
    ),
    Loss(
        "kalman", "1/2 (z - H x)^T (H P H^T + R)^-1 (z - H x)", "H",
        "H: m×n, P: n×n spd, R: m×m spd, x: n, z: m, m < n",
        lambda g, n: {"H": normal(g, n // 2, n), "P": positive_definite(g, n), "R": positive_definite(g, n // 2),
                      "x": normal(g, n), "z": normal(g, n // 2)},
        kalman_hand,
        lambda o, H, P, R, x, z: (lambda e: 0.5 * o.sum(e * o.solve((H @ P) @ H.T + R, e)))(z - H @ x),
    ),
    Loss(
        "vae_elbo", "1/2 ‖W (M + exp(S/2) ⊙ E) - X‖^2 + 1/2 (sum(exp(S)) + ‖M‖^2 - sum(S))", "S",
        "W: n×k, M: k×N, E: k×N, S: k×N, X: n×N, k < n",
        lambda g, n: {"S": normal(g, some(n), n), "M": normal(g, some(n), n), "E": normal(g, some(n), n),
                      "W": normal(g, n, some(n)), "X": normal(g, n, n)},
        vae_hand,
        lambda o, S, M, E, W, X: 0.5 * o.sum((W @ (M + o.exp(0.5 * S) * E) - X) ** 2)
        + 0.5 * (o.sum(o.exp(S)) + o.sum(M * M) - o.sum(S)),
    ),
    Loss(
        "elastic_net", "1/2 ‖X w - y‖^2 + c ‖w‖_1 + d/2 ‖w‖^2", "w", REGRESSION + ", c: scalar, d: scalar",
        lambda g, n: regression(g, n, c=0.3, d=0.2),
        elastic_hand,
        lambda o, w, X, y, c, d: 0.5 * o.sum((X @ w - y) ** 2) + c * o.sum(o.abs(w)) + 0.5 * d * o.sum(w * w),
    ),
    Loss(
        "student_t", "sum(log(1 + (X w - y).^2 / c))", "w", REGRESSION + ", c: scalar positive",
        lambda g, n: regression(g, n, c=3.0),
        student_hand,
        lambda o, w, X, y, c: o.sum(o.log(1 + (X @ w - y) ** 2 / c)),
    ),
    Loss(
        "pseudo_huber_mf", "sum(pseudo_huber(U V^T - R, 1))", "U", FACTORS,
        factorization,
        huber_hand,
        lambda o, U, V, R: o.sum(o.sqrt(1 + (U @ V.T - R) ** 2) - 1),
    ),
    Loss(
        "nmf_kl", "sum(U V^T) - sum(R ⊙ log(U V^T))", "U", FACTORS,
        factorization,
        nmf_hand,
        lambda o, U, V, R: (lambda P: o.sum(P) - o.sum(R * o.log(P)))(U @ V.T),
    ),
    Loss(
        "lda_logdet", "logdet(W^T B W) - logdet(W^T C W)", "W", "W: n×k, B: n×n spd, C: n×n spd, k < n",
        lambda g, n: {"W": normal(g, n, some(n)), "B": positive_definite(g, n), "C": positive_definite(g, n)},
        lda_hand,
        lambda o, W, B, C: o.logdet(W.T @ (B @ W)) - o.logdet(W.T @ (C @ W)),
    ),
    Loss(
        "rnn4", "1/2 ‖tanh(W tanh(W tanh(W tanh(W a) + b) + c) + d) - y‖^2", "W",
        "W: n×n, a: n, b: n, c: n, d: n, y: n",
        lambda g, n: {"W": normal(g, n, n), **{name: normal(g, n) for name in "abcdy"}},
        rnn_hand,
        lambda o, W, a, b, c, d, y: 0.5 * o.sum(
            (o.tanh(W @ o.tanh(W @ o.tanh(W @ o.tanh(W @ a) + b) + c) + d) - y) ** 2
        ),
    ),
]  # fmt: skip


# Peers: each makes a function of no arguments that returns value and gradient


def with_jax(loss: Loss, arrays: dict[str, Any]) -> Run:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    o = SimpleNamespace(
        **{name: getattr(jnp, name) for name in "exp log sqrt tanh abs sum trace".split()},
        softplus=lambda x: jnp.logaddexp(0, x),
        logsumexp=lambda A: jax.scipy.special.logsumexp(A, axis=1).sum(),
        softmax=lambda A: jax.nn.softmax(A, axis=1),
        row_sums=lambda A: A.sum(1),
        eye=lambda A: jnp.eye(len(A)),
        solve=lambda A, b: jax.scipy.linalg.solve(A, b, assume_a="pos"),
        logdet=lambda A: 2 * jnp.log(jnp.diagonal(jnp.linalg.cholesky(A))).sum(),
    )
    position = list(arrays).index(loss.wrt)
    f = jax.jit(jax.value_and_grad(lambda *args: loss.peer(o, *args), argnums=position))
    held = [jnp.asarray(a) for a in arrays.values()]
    return lambda: jax.block_until_ready(f(*held))


def with_torch(loss: Loss, arrays: dict[str, Any]) -> Run:
    import torch

    o = SimpleNamespace(
        **{name: getattr(torch, name) for name in "exp log sqrt tanh abs sum trace logdet".split()},
        softplus=torch.nn.functional.softplus,
        logsumexp=lambda A: torch.logsumexp(A, 1).sum(),
        softmax=lambda A: torch.softmax(A, 1),
        row_sums=lambda A: A.sum(1),
        eye=lambda A: torch.eye(len(A), dtype=A.dtype),
        solve=torch.linalg.solve,
    )
    return bench_code.eager(
        lambda *args: loss.peer(o, *args), list(arrays).index(loss.wrt), *(np.asarray(a) for a in arrays.values())
    )


def with_pytensor(linker: str) -> Callable[[Loss, dict[str, Any]], Run]:
    def make(loss: Loss, arrays: dict[str, Any]) -> Run:
        import pytensor
        import pytensor.tensor as pt

        o = SimpleNamespace(
            **{name: getattr(pt, name) for name in "exp log sqrt tanh abs sum softplus".split()},
            trace=lambda A: pt.linalg.trace(A) if hasattr(pt.linalg, "trace") else pt.diagonal(A).sum(),
            logsumexp=lambda A: pt.logsumexp(A, axis=1).sum(),
            softmax=lambda A: pt.special.softmax(A, axis=1),
            row_sums=lambda A: A.sum(1),
            eye=lambda A: pt.eye(A.shape[0]),
            solve=pt.linalg.solve,
            logdet=lambda A: pt.linalg.slogdet(A)[1],
        )
        inputs = [pt.tensor(name, shape=(None,) * np.ndim(a), dtype="float64") for name, a in arrays.items()]
        value = loss.peer(o, *inputs)
        gradient = pytensor.grad(value, inputs[list(arrays).index(loss.wrt)])
        mode = pytensor.compile.mode.Mode(linker, "fast_run")
        f = pytensor.function(inputs, [value, gradient], mode=mode, on_unused_input="ignore")
        f.trust_input = True
        held = [np.asarray(a, dtype=float) for a in arrays.values()]
        return lambda: tuple(f(*held))

    return make


def with_casadi(loss: Loss, arrays: dict[str, Any]) -> Run:
    """C of the expression graph, compiled with all optimization, called through buffers."""
    import casadi as ca

    def columns(A: Any, function: Callable[[Any], Any]) -> Any:
        return ca.vertcat(*(function(A[i, :]) for i in range(A.shape[0])))

    if max(np.size(a) for a in arrays.values()) > 1e5:
        raise NotImplementedError("its code would be unrolled")
    o = SimpleNamespace(
        exp=ca.exp, log=ca.log, sqrt=ca.sqrt, tanh=ca.tanh, abs=ca.fabs, trace=ca.trace, row_sums=ca.sum2,
        sum=lambda A: ca.sum1(ca.sum2(A)),
        softplus=lambda x: ca.log1p(ca.exp(x)),
        logsumexp=lambda A: sum(ca.logsumexp(A[i, :].T) for i in range(A.shape[0])),
        softmax=lambda A: ca.exp(A) / ca.repmat(ca.sum2(ca.exp(A)), 1, A.shape[1]),
        eye=lambda A: ca.MX.eye(A.shape[0]),
        solve=ca.solve,
        logdet=lambda A: ca.log(ca.det(A)),
    )  # fmt: skip
    inputs = [ca.MX.sym(name, *(np.shape(a) or (1, 1))) for name, a in arrays.items()]
    value = loss.peer(o, *inputs)
    variable = inputs[list(arrays).index(loss.wrt)]
    f = ca.Function("f", inputs, [value, ca.gradient(value, variable)])
    folder = tempfile.mkdtemp()
    f.generate("f.c", {"with_header": False})
    subprocess.run(["mv", "f.c", folder], check=True)
    flags = "-O3 -march=native -ffast-math -fPIC -shared".split()
    subprocess.run(["gcc", *flags, f"{folder}/f.c", "-o", f"{folder}/f.so", "-lm"], check=True, timeout=120)
    compiled = ca.external("f", f"{folder}/f.so")
    buffer, call = compiled.buffer()  # columns first
    held = [np.ravel(np.asarray(a, dtype=float), order="F") for a in arrays.values()]
    shape = np.shape(arrays[loss.wrt])
    results = np.zeros(1), np.zeros(max(1, int(np.prod(shape))))
    for i, a in enumerate(held):
        buffer.set_arg(i, memoryview(a))
    for i, a in enumerate(results):
        buffer.set_res(i, memoryview(a))

    alive = compiled, buffer, held  # its pointers keep none of them

    def run() -> Any:
        assert alive
        call()
        return results[0], results[1].reshape(shape, order="F")

    return run


MAKERS: dict[str, Callable[[Loss, dict[str, Any]], Run]] = {
    "jax": with_jax,
    "torch": with_torch,
    "pytensor numba": with_pytensor("numba"),
    "pytensor C": with_pytensor("cvm"),
    "casadi C": with_casadi,
}


def ours(loss: Loss, arrays: dict[str, Any], name: str) -> Run:
    derivation = derive.gradient(loss.formula, loss.wrt, where=loss.where)
    options: dict[str, Any] = {"returns": "value_and_gradient", "batch": loss.batch}
    if name in ("our jax", "our torch"):
        library = name.split()[1]
        f = derivation.function(library, **options)
        if library == "jax":
            import jax

            jax.config.update("jax_enable_x64", True)
            traced, held = jax.jit(f), {k: jax.numpy.asarray(a) for k, a in arrays.items()}
            return lambda: jax.block_until_ready(traced(**held))
        import torch

        tensors = {k: torch.tensor(a, dtype=torch.float64) for k, a in arrays.items()}
        return lambda: f(**tensors)
    backend = {"np": "numpy", "sp": "scipy", "c": "c"}[name.split()[0]]
    f = derivation.function(backend, workspace=name.endswith("ws"), **options)
    return lambda: f(**arrays)


# The table


def ratios(runs: dict[str, Run], rounds: int) -> tuple[float, dict[str, float]]:
    """Seconds by hand, and the median over the rounds of the time of each divided by that of the round by hand."""
    repeats = {}
    for key, run in runs.items():
        run()
        start = time.process_time()
        run()
        repeats[key] = max(1, min(2000, int(5e-3 / max(time.process_time() - start, 1e-7))))
    spent: dict[str, list[float]] = {key: [] for key in runs}
    order, shuffled = list(runs.items()), random.Random(0)
    for _ in range(rounds):
        shuffled.shuffle(order)
        for key, run in order:
            run()
            start = time.process_time()
            for _ in range(repeats[key]):
                run()
            spent[key].append((time.process_time() - start) / repeats[key])
    hand = np.array(spent["hand"])
    return float(np.median(hand)), {key: float(np.median(np.array(t) / hand)) for key, t in spent.items()}


def measured(loss: Loss, n: int, names: list[str], rounds: int) -> tuple[float, dict[str, float]]:
    arrays = loss.arrays(np.random.default_rng(n), n)
    runs: dict[str, Run] = {"hand": lambda: loss.hand(**arrays)}
    want = bench_code.flatten(runs["hand"]())
    for name in names:
        try:
            run = ours(loss, arrays, name) if name in OURS else MAKERS[name](loss, arrays)
            found = bench_code.flatten(tuple(run()))
        except Exception as error:
            if name in OURS:
                raise
            print(f"    {loss.name}, {name}: {type(error).__name__}: {str(error).splitlines()[0][:90]}")
            continue
        for a, b in zip(want, found, strict=True):
            if not np.abs(a - b.reshape(a.shape)).max() <= TOLERANCE * (1 + np.abs(a).max()):
                raise SystemExit(f"{loss.name}, n = {n}: {name} and the code by hand differ")
        runs[name] = run
    return ratios(runs, rounds)


def installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="")
    parser.add_argument("--sizes", default="10,300,2000")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--peers", default=", ".join((*OURS, *PEERS)), help="columns, separated by commas")
    options = parser.parse_args()
    versions = {name: installed(name) for name in "numpy scipy jax torch pytensor numba casadi".split()}
    print(", ".join(f"{name} {version or 'NOT INSTALLED'}" for name, version in versions.items()))
    print(f"kernels: {bench_code.kernels()}")
    wanted = [name.strip() for name in options.peers.split(",")]
    needs = {"pytensor numba": ("pytensor", "numba"), "our jax": ("jax",), "c": (), "our torch": ("torch",)}
    names = [n for n in wanted if all(versions.get(p, "") is not None for p in needs.get(n, (n.split()[0],)))]
    warnings.simplefilter("ignore")
    for n in map(int, options.sizes.split(",")):
        print(f"\nn = {n}: time divided by that of NumPy by hand\n")
        print("  ".join([f"{'loss':20}", f"{'hand µs':>9}", *(f"{c:>9}" for c in (*names, "ours/best"))]))
        slower: dict[str, list[float]] = {"hand": [], "the best peer": []}
        for loss in LOSSES:
            if options.only not in loss.name:
                continue
            hand, found = measured(loss, n, names, options.rounds)
            best = min((found[k] for k in names if k in OURS[:5] and k in found), default=float("nan"))
            peer = min((found[k] for k in names if k in PEERS and k in found), default=float("nan"))
            slower["hand"].append(min((found[k] for k in ("np", "np ws") if k in found), default=float("nan")))
            slower["the best peer"].append(best / peer)
            cells = [f"{found[c]:9.2f}" if c in found else f"{'–':>9}" for c in names]
            print("  ".join([f"{loss.name:20}", f"{hand * 1e6:9.1f}", *cells, f"{best / peer:9.2f}"]), flush=True)
        for rival, figures in slower.items():
            good = sum(figure <= 1.05 for figure in figures)
            print(f"at most 1.05 × {rival}: {good} of {len(figures)} (median {np.median(figures):.2f})")


if __name__ == "__main__":
    main()
