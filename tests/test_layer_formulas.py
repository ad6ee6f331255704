"""Layers as papers write them, by each of their inputs and parameters, against PyTorch autograd.

A row is a name, the formula, its declarations, and the loss in PyTorch.
"""

from __future__ import annotations

import numpy as np
import pytest

import derive
from derive.dialects import DIALECTS
from derive.expr import symbols_of
from derive.names import identifier
from derive.numeric import random_point

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)

SQUARE = "(({})**2).sum() / 2"
NORMED = "(X - X.mean(1, keepdim=True)) / (X.var(1, keepdim=True, unbiased=False) + eps).sqrt()"
LAYERS: list[tuple[str, str, str, str]] = [
    # attention
    ("attention", "½‖softmax(Q Kᵀ / sqrt(d)) V − Y‖²", "d: positive scalar",
     SQUARE.format("softmax(Q @ K.T / sqrt(d), 1) @ V - Y")),
    ("self-attention", "P = softmax(X W_Q (X W_K)ᵀ); ½‖P X W_V − Y‖²", "X: n×d, W_Q: d×k, W_K: d×k, W_V: d×p, Y: n×p",
     SQUARE.format("softmax(X @ W_Q @ (X @ W_K).T, 1) @ X @ W_V - Y")),
    ("causal attention", "½‖softmax(Q Kᵀ + M) V − Y‖²", "Q: n×d, K: n×d, M: n×n constant, V: n×p, Y: n×p",
     SQUARE.format("softmax(Q @ K.T + M, 1) @ V - Y")),
    ("column attention", "tr(Bᵀ softmax_col(A Z))", "A: m×k, Z: k×n, B: m×n", "(B * softmax(A @ Z, 0)).sum()"),
    ("gated softmax", "aᵀ softmax(W x + b)", "W: m×n, x: n, a: m, b: m", "a @ softmax(W @ x + b, 0)"),
    # normalizations
    ("layer norm of a vector", "½‖γ ⊙ (x − mean(x)) / sqrt(var(x) + ε) + β − y‖²",
     "x: n, γ: n, β: n, y: n, ε: positive scalar",
     SQUARE.format("gamma * (x - x.mean()) / (x.var(unbiased=False) + epsilon).sqrt() + beta - y")),
    ("layer norm of rows", "R = diag((var_row(X) + ε 𝟏).^(-1/2)) (X − mean_row(X) 𝟏ᵀ) diag(γ) + 𝟏 βᵀ − Y; ½‖R‖²",
     "X: m×n, γ: n, β: n, Y: m×n, ε: positive scalar",
     SQUARE.format("(" + NORMED.replace("eps", "epsilon") + ") * gamma + beta - Y")),
    ("batch norm", "½‖(X − 𝟏 mean_col(X)ᵀ) diag(γ ⊙ (var_col(X) + ε 𝟏).^(-1/2)) + 𝟏 βᵀ − Y‖²",
     "X: m×n, γ: n, β: n, Y: m×n, ε: positive scalar",
     SQUARE.format("(X - X.mean(0)) / (X.var(0, unbiased=False) + epsilon).sqrt() * gamma + beta - Y")),
    ("RMS norm", "½‖γ ⊙ x / sqrt(‖x‖²/n + ε) − y‖²", "x: n, γ: n, y: n, ε: positive scalar",
     SQUARE.format("gamma * x / ((x @ x) / len(x) + epsilon).sqrt() - y")),
    ("RMS norm of rows", "½‖diag((sum_row(X.^2)/n + ε 𝟏).^(-1/2)) X diag(γ) − Y‖²",
     "X: m×n, γ: n, Y: m×n, ε: positive scalar",
     SQUARE.format("X / ((X**2).mean(1, keepdim=True) + epsilon).sqrt() * gamma - Y")),
    ("rows of unit length", "sum(diag(norm_row(X).^(-1)) X ⊙ Y)",
     "X: m×n, Y: m×n", "(X / X.norm(dim=1, keepdim=True) * Y).sum()"),
    ("weight norm", "½‖g v v'x / ‖v‖ − y‖²",
     "v: n, x: n, y: n, g: scalar", SQUARE.format("g * v * (v @ x) / v.norm() - y")),
    # similarities
    ("cosine similarity", "x'y / (‖x‖ ‖y‖)", "x: n, y: n", "x @ y / (x.norm() * y.norm())"),
    ("InfoNCE", "S = X Yᵀ / τ; sum(logsumexp_row(S)) − tr(S)", "X: n×d, Y: n×d, τ: positive scalar",
     "(logsumexp(X @ Y.T / tau, 1) - (X * Y).sum(1) / tau).sum()"),
    ("triplet", "relu(‖a − p‖² − ‖a − q‖² + m)", "a: n, p: n, q: n, m: scalar",
     "relu(((a - p)**2).sum() - ((a - q)**2).sum() + m)"),
    ("contrastive margin", "y ‖u − v‖² + (1 − y) relu(m − ‖u − v‖)^2", "u: n, v: n, y: scalar, m: scalar",
     "y * ((u - v)**2).sum() + (1 - y) * relu(m - (u - v).norm())**2"),
    # losses
    ("cross-entropy, one-hot rows", "−sum(Y ⊙ log_softmax(X W + b))", "X: m×n, W: n×k, b: k, Y: m×k",
     "-(Y * log_softmax(X @ W + b, 1)).sum()"),
    ("cross-entropy of a vector", "logsumexp(W x + b) − y'(W x + b)", "W: m×n, x: n, b: m, y: m",
     "logsumexp(W @ x + b, 0) - y @ (W @ x + b)"),
    ("binary cross-entropy", "sum(softplus(X w) − y ⊙ (X w))",
     "X: m×n, w: n, y: m", "(softplus(X @ w) - y * (X @ w)).sum()"),
    ("Huber regression", "sum(huber(X w − y, δ))", "X: m×n, w: n, y: m, δ: positive scalar",
     "where((X @ w - y).abs() > delta, delta * ((X @ w - y).abs() - delta / 2), (X @ w - y)**2 / 2).sum()"),
    ("pseudo-Huber", "sum(pseudo_huber(X w − y, δ))", "X: m×n, w: n, y: m, δ: positive scalar",
     "(delta**2 * ((1 + ((X @ w - y) / delta)**2).sqrt() - 1)).sum()"),
    ("quantile regression", "sum(quantile(y − X w, τ))", "X: m×n, w: n, y: m, τ: scalar",
     "where(y - X @ w > 0, tau * (y - X @ w), (tau - 1) * (y - X @ w)).sum()"),
    ("hinge", "sum(relu(1 − y ⊙ (X w))) + λ‖w‖²", "X: m×n, w: n, y: m, λ: scalar",
     "relu(1 - y * (X @ w)).sum() + lam * (w @ w)"),
    ("ε-insensitive", "sum(max(abs(X w − y) − ε 𝟏, 0))", "X: m×n, w: n, y: m, ε: scalar",
     "relu((X @ w - y).abs() - epsilon).sum()"),
    ("focal", "−sum(y ⊙ (1 − p).^2 ⊙ log(p)) where p = σ(W x)", "W: m×n, x: n, y: m",
     "-(y * (1 - sigmoid(W @ x))**2 * log(sigmoid(W @ x))).sum()"),
    # activations
    ("leaky ReLU", "a'leaky_relu(W x, α)",
     "W: m×n, x: n, a: m, α: scalar", "a @ where(W @ x > 0, W @ x, alpha * (W @ x))"),
    ("ELU", "a'elu(W x)", "W: m×n, x: n, a: m", "a @ elu(W @ x)"),
    ("GELU", "a'gelu(W x)", "W: m×n, x: n, a: m", "a @ gelu(W @ x)"),
    ("SiLU", "a'silu(W x)", "W: m×n, x: n, a: m", "a @ silu(W @ x)"),
    ("clipped", "a'clip(W x, −1, 1)", "W: m×n, x: n, a: m", "a @ (W @ x).clamp(-1, 1)"),
    ("maxout", "a'max(U x, W x)", "U: m×n, W: m×n, x: n, a: m", "a @ torch.maximum(U @ x, W @ x)"),
    ("gated linear unit", "a'(U x ⊙ σ(W x))", "U: m×n, W: m×n, x: n, a: m", "a @ ((U @ x) * sigmoid(W @ x))"),
    ("max pooling of rows", "y'max_row(X W)", "X: m×k, W: k×n, y: m", "y @ (X @ W).amax(1)"),
    # nets
    ("MLP with biases on a batch", "½‖relu(X W1 + b1) W2 + b2 − Y‖²", "X: m×n, W1: n×h, b1: h, W2: h×k, b2: k, Y: m×k",
     SQUARE.format("relu(X @ W1 + b1) @ W2 + b2 - Y")),
    ("MLP classifier", "−sum(Y ⊙ log_softmax(tanh(X W1 + b1) W2 + b2))",
     "X: m×n, W1: n×h, b1: h, W2: h×k, b2: k, Y: m×k",
     "-(Y * log_softmax(tanh(X @ W1 + b1) @ W2 + b2, 1)).sum()"),
    ("residual block", "½‖X + relu(X W1) W2 − Y‖²", "X: m×n, W1: n×h, W2: h×n, Y: m×n",
     SQUARE.format("X + relu(X @ W1) @ W2 - Y")),
    ("graph convolution", "½‖relu(A X W) − Y‖²",
     "A: n×n, X: n×d, W: d×k, Y: n×k", SQUARE.format("relu(A @ X @ W) - Y")),
    ("GRU cell", "z = σ(W x + U h); r = σ(A x + B h); c = tanh(C x + D (r ⊙ h)); a'((1 − z) ⊙ h + z ⊙ c)",
     "W: m×n, A: m×n, C: m×n, U: m×m, B: m×m, D: m×m, x: n, h: m, a: m",
     "(lambda z, r: a @ ((1 - z) * h + z * tanh(C @ x + D @ (r * h))))"
     "(sigmoid(W @ x + U @ h), sigmoid(A @ x + B @ h))"),
    ("LSTM cell", "q = σ(F x + G h) ⊙ c + σ(A x + B h) ⊙ tanh(C x + D h); a'(σ(U x + W h) ⊙ tanh(q))",
     "F: m×n, G: m×m, A: m×n, B: m×m, C: m×n, D: m×m, U: m×n, W: m×m, x: n, h: m, c: m, a: m",
     "a @ (sigmoid(U @ x + W @ h) * tanh(sigmoid(F @ x + G @ h) * c + sigmoid(A @ x + B @ h) * tanh(C @ x + D @ h)))"),
    ("mixture of experts", "softmax(G x)'(W x)", "G: m×n, W: m×n, x: n", "softmax(G @ x, 0) @ (W @ x)"),
    ("running sums", "½‖cumsum(x) − y‖²", "x: n, y: n", SQUARE.format("x.cumsum(0) - y")),
    ("low-rank adaptation", "½‖X (W + B A) − Y‖²", "X: m×n, W: n×k, B: n×r, A: r×k, Y: m×k",
     SQUARE.format("X @ (W + B @ A) - Y")),
]  # fmt: skip
NAMES = [row[0] for row in LAYERS]
WITHOUT = {("GELU", "array-api")}  # the standard has no erf


def scope() -> dict[str, object]:
    """The names that the losses in PyTorch use."""
    functional = torch.nn.functional
    words = "softmax log_softmax softplus elu silu gelu relu".split()
    made: dict[str, object] = {word: getattr(functional, word) for word in words}
    made |= {word: getattr(torch, word) for word in "tanh sigmoid where logsumexp log sqrt".split()}
    return made | {"torch": torch, "len": len}


def taken(backend: str, value: np.ndarray) -> object:
    if backend == "torch":
        return torch.tensor(value)
    return jax.numpy.asarray(value) if backend == "jax" else value


@pytest.mark.parametrize("row", LAYERS, ids=NAMES)
def test_gradients_by_every_symbol_agree_with_autograd(row: tuple[str, str, str, str]) -> None:
    name, formula, where, written = row
    loss = derive.parse(formula, where)
    symbols = [s for s in symbols_of(loss) if "constant" not in s.properties]
    point = random_point([loss, *(derive.gradient(loss, s).result for s in symbols)], 1)
    values = {
        identifier(s.name): v[0, 0] if s.is_scalar else v[:, 0] if s.is_vector else v for s, v in point.values.items()
    }
    tensors = {key: torch.tensor(value, dtype=torch.float64, requires_grad=True) for key, value in values.items()}
    value = eval(written, scope() | tensors)  # of this table alone
    wanted = dict(zip(tensors, torch.autograd.grad(value, list(tensors.values()), allow_unused=True), strict=True))
    for symbol in symbols:
        derivation = derive.gradient(formula, symbol.name, where)
        assert derivation.verify(1) < 1e-5
        want = wanted[identifier(symbol.name)].detach().numpy()
        for backend in [b for b in DIALECTS if (name, b) not in WITHOUT]:
            function = derivation.function(backend, returns="value_and_gradient")
            given = {key: taken(backend, np.asarray(entry)) for key, entry in values.items()}
            got_value, got = function(**given)
            scale = max(1.0, float(np.abs(want).max()))
            assert abs(float(got_value) - value.item()) <= 1e-10 * max(1, abs(value.item())), backend
            assert np.abs(np.asarray(got) - want).max() <= 1e-10 * scale, (backend, symbol.name)


def test_a_wrong_derivative_is_seen() -> None:
    a, b = "½‖relu(X W) − Y‖²", "½‖tanh(X W) − Y‖²"
    with pytest.raises(AssertionError):
        test_gradients_by_every_symbol_agree_with_autograd(
            ("planted", a, "X: m×n, W: n×k, Y: m×k", SQUARE.format("tanh(X @ W) - Y"))
        )
    assert derive.parse(b)


# What papers print, and the box must be no longer than
PRINTED = [
    ("sum(softmax(S) ⊙ G)", "S", "softmax_row(S) ⊙ (G − (softmax_row(S) ⊙ G) 𝟏 𝟏ᵀ)"),
    ("sum(logsumexp_row(S))", "S", "softmax_row(S)"),
    ("−sum(Y ⊙ log_softmax(Z))", "Z", "diag(Y 𝟏) softmax_row(Z) − Y"),
    ("y'cumsum(x)", "x", "cumsum_back(y)"),
    ("sum(max(x, y))", "x", "step(x − y)"),
    ("max(x)", "x", "argmax_row(xᵀ)ᵀ"),
    ("sum(relu(X W + b) ⊙ Y)", "W", "Xᵀ (Y ⊙ step(X W + 𝟏 bᵀ))"),
    ("var(x)", "x", "2 (x − sum(x) 𝟏 / n) / n"),
    # layer norm of rows: the gradient, less its means, less what it has along the normalized rows
    (
        "sum(G ⊙ (diag((var_row(X) + ε 𝟏).^(-1/2)) (X − mean_row(X) 𝟏ᵀ)))",
        "X",
        "diag(((X − X 𝟏 𝟏ᵀ / n).^2 𝟏 / n + ε 𝟏).^(−1/2)) (G − G 𝟏 𝟏ᵀ / n) − diag(diag(G (X − X 𝟏 𝟏ᵀ / n)ᵀ) "
        "⊘ ((X − X 𝟏 𝟏ᵀ / n).^2 𝟏 / n + ε 𝟏).^(3/2)) (X − X 𝟏 𝟏ᵀ / n) / n",
    ),
]


@pytest.mark.parametrize(("formula", "wrt", "printed"), PRINTED, ids=[row[0] for row in PRINTED])
def test_boxes_are_what_papers_print(formula: str, wrt: str, printed: str) -> None:
    where = "x: n, y: n, X: m×n, W: n×k, b: k, ε: positive scalar"
    assert derive.gradient(formula, wrt, where).boxed.text() == printed


READ = [
    ("softmax(Q Kᵀ)", "Q: m×k, K: n×k", "softmax(Q Kᵀ) is read row by row: each row of the matrix by itself"),
    ("X W + b", None, "b in X W + b is read as added to each row: 𝟏 bᵀ"),
    ("x − mean(x)", "x: n", "mean(x) in x − mean(x) is read as each entry: sum(x) / n 𝟏"),
    ("μ = mean(x); x − μ", "x: n", "μ in x − μ is read as each entry: sum(x) / n 𝟏"),
    ("x − sum(x)/n", "x: n", "sum(x)/n in x − sum(x)/n is read as each entry: sum(x) / n 𝟏"),
    ("max(x, t)", "x: n, t: scalar", "t in max(x, t) is read as each entry"),
]


@pytest.mark.parametrize(("formula", "where", "reading"), READ, ids=[row[0] for row in READ])
def test_what_is_broadcast_is_said(formula: str, where: str | None, reading: str) -> None:
    from derive.reading import parse

    assert reading in parse(formula, where).readings


@pytest.mark.parametrize("text", ["X W + b", "A + λ"])
def test_what_does_not_fit_a_row_is_refused(text: str) -> None:
    with pytest.raises(derive.DeriveError, match="cannot add"):
        derive.parse(text, "X: m×n, W: n×p, b: m, A: m×n, λ: scalar")


def test_the_kink_takes_the_derivative_of_zero() -> None:
    for formula, want in [("sum(relu(x))", 0), ("sum(max(x, 0))", 0), ("‖x‖₁", 0), ("sum(min(x, 0))", 1)]:
        gradient = derive.gradient(formula, "x", "x: n").function()(x=np.zeros(3))
        assert np.asarray(gradient).tolist() == [want] * 3
