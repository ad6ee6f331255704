"""Formulas in NumPy's spelling mean what NumPy computes: the text itself is run in NumPy and compared.

Each formula is evaluated by NumPy (or PyTorch) at random arrays and compared with the value of what
was read, and its central differences with the gradient that was derived.
"""

from __future__ import annotations

import inspect
import random

import numpy as np
import pytest
import scipy.linalg
import scipy.spatial.distance
import scipy.special

import derive
import derive.expr
import derive.names
import derive.reading
from derive.errors import DeriveError

WHERE = "A, B, S, Q: n×n, X: m×n, Y: m×k, W: n×k, V: m×n, x, y, w: n, z, t: m, b: k, c, lam: scalar"
SIZES = {"n": 3, "m": 4, "k": 2}

# One meaning, and many spellings of it.
WRITTEN = (
    """
np.sum(x**3) | np.sum(A @ x ** 2) | np.trace(A ** 2 @ B) | x @ A @ x | x @ x | A @ x @ y | -x @ x ** 2 | x.T @ x
np.trace(np.linalg.matrix_power(A, 3)) | np.sum(np.outer(x, y)) | np.inner(x, y) | np.sum(np.inner(A, B))
np.sum(np.dot(A, B)) | np.sum(A * x) | np.sum(x * A) | np.sum(x[:, None] * A) | np.sum(A / x) | np.sum(x / A)
np.sum(1 / A) | np.sum(A ** -1) | np.sum(W * W) | 0.5 * np.sum(A**2) | np.sum(A * B @ Q) | np.linalg.norm(A)
np.linalg.norm(A, "fro") | np.linalg.norm(A, "nuc") | np.linalg.norm(A, 2) | np.linalg.norm(x, 1)
np.linalg.norm(x, 3) | np.linalg.norm(x - y) ** 2 | x[0] + x[1] * x[-1] | np.sum(A[0]) | np.sum(A[:, 1]**2)
A[0, 1] + A[-1, -1] | A[0][1] | np.sum(A[1:, :2] ** 2) | np.sum(x[1:] * x[:-1]) | np.sum((x[1:] - x[:-1])**2)
np.sum(np.diff(x)**2) | np.sum(x[:2]) | A.T.dot(B).trace() | X.T.dot(z).sum() | np.exp(A.dot(x)).sum() | X.sum()
X.mean() | np.mean(X, axis=0) @ x | X.sum(axis=1) @ z | np.sum(X.sum(axis=1, keepdims=True) * X)
np.sum(X / X.sum(axis=1, keepdims=True)) | np.sum(X / X.sum(axis=0)) | np.sum((X - X.mean(axis=0))**2)
np.sum(np.var(X, axis=0)) | np.var(x) | np.std(x, ddof=1) | np.sum(X.var(axis=1) ** 2)
np.mean((x - np.mean(x))**2) | np.sum((X @ W + b - Y)**2) | np.mean((X @ w - z)**2) + lam * np.sum(w**2)
-np.mean(np.log(1 / (1 + np.exp(-X @ w)))) | np.mean(np.log1p(np.exp(-z * (X @ w))))
np.mean(np.logaddexp(0, -z * (X @ w))) | np.linalg.slogdet(S)[1] | np.log(np.linalg.det(S @ S.T))
np.linalg.det(A) | np.trace(np.linalg.inv(A)) | x @ np.linalg.solve(A, y) | np.sum(np.linalg.solve(A, B))
np.trace(scipy.linalg.expm(A) @ B) | np.sum(np.maximum(x, y)) | np.sum(np.minimum(0, x))
np.sum(np.clip(x, -0.5, 0.5)) | np.sum(np.maximum(0, X @ w)) | np.sum(np.where(x > y, x, y**2))
np.sum((x > 0) * x**2) | np.sum(np.abs(x)) | np.sum(np.kron(A, B)) | np.sum(np.log2(x**2))
np.sum(np.log10(1 + x**2)) | np.sum(np.sqrt(1 + x**2)) | np.sum(np.expm1(x)) | np.sum(np.square(x))
np.sum(2 ** x) | np.sum((1 + x**2) ** y) | np.sum(c * x) | np.pi * np.sum(x) | np.e * c | np.sum(np.diag(x) @ A)
np.sum(np.diag(A)) | np.sum(np.tril(A)) | np.sum(np.cumsum(x)**2) | np.sum(X.reshape(-1)**3)
np.sum(X.ravel() ** 2) | np.sum((z.reshape(-1, 1) * X)**2) | np.sum(X * z[:, np.newaxis])
np.sum(x[None, :] - z[:, None]) * c | np.sum(np.tanh(x[None, :] * z[:, None]))
np.einsum('ij,jk->ik', X, W).sum() | np.einsum('ij,ij->', X, V) | np.einsum('ii->', A)
np.einsum('i,ij,j->', x, A, y) | np.einsum('ij->j', X) @ x | np.einsum('ij,kj->ik', X, V).sum()
np.einsum('ij,j->ij', X, x).sum() | np.einsum('ij,ij->i', X, V) @ z | np.sum(np.einsum('i,j', x, z)**2)
np.einsum('ij,jk,ki', A, B, Q) | np.einsum('ii,i', A, x) | scipy.special.logsumexp(x)
np.sum(scipy.special.logsumexp(X, axis=1)) | np.sum(scipy.special.softmax(X, axis=1) * V)
scipy.special.softmax(x) @ y | np.sum(scipy.special.expit(x)) | np.sum(scipy.special.xlogy(x, y**2))
np.sum(scipy.special.erf(x)) | np.sum(scipy.special.log_softmax(X, axis=1) * V)
np.sum(scipy.special.log_softmax(X) * V) | np.sum(np.sum(X * x, axis=-1))
np.log(np.sum(np.exp(x - np.max(x)))) + np.max(x) | np.max(x) | np.min(A) | np.ptp(x)**2 | X.max(axis=1) @ z
np.linalg.norm(A, 1) | np.linalg.norm(A, np.inf) | np.linalg.norm(A, -1) | np.linalg.norm(x, np.inf)
np.sum(np.linalg.norm(X, np.inf, axis=1)) | np.sum((X - X.max(axis=1)[:, None])**2) | np.sum(np.exp(X - X.max(0)))
np.sum(X / X.max() * V) | np.sum((x - x.min()) / (x.max() - x.min()) * y) | np.tanh(x - x.max()).sum()
np.max(x) * np.log(np.sum(np.exp(x - x.max()))) | np.trace(A - A.max()) | np.max(np.maximum(x, y))
np.prod(A) | x.prod() ** 2 | np.average(x, weights=np.exp(y)) | np.outer(X.max(axis=1), x).sum()
E = np.exp(X - X.max(axis=1, keepdims=True)); np.sum(E / E.sum(1, keepdims=True) * V)
np.sum(np.linalg.norm(X, axis=1)) | np.sum(np.linalg.norm(X, axis=0) ** 2) | np.sum(np.concatenate([x, z])**2)
np.sum(np.vstack([X, V])**3) | np.sum(np.hstack([X, V]) @ np.concatenate([x, y])) | np.sum(np.ones((3, 3)) * A)
x @ np.eye(3) @ x | np.trace(A) * np.trace(B) | np.einsum('ij,jk,ki,il->l', A, B, A, B) @ x | np.sum(A - 1)
np.sum(X.T @ z) / X.shape[0] | np.sum(x) / len(x) | np.sum(X) / X.size | np.multiply(x, y).sum() | np.vdot(A, B)
np.transpose(A).sum() | np.sum(np.transpose(X) @ z) | np.sum(x @ W) | np.sum(X @ W @ W.T) | np.exp(-x @ A @ x)
np.sqrt(x @ x) | x @ y / (np.linalg.norm(x) * np.linalg.norm(y)) | np.linalg.multi_dot([x, A, y])
np.sum(np.stack([x, y]) @ A) | np.hypot(c, lam) | np.sum(np.reciprocal(1 + x**2)) | np.sum(np.arctan(x))
np.sum(np.heaviside(x, 0) * x) | -np.sum(x) + +np.sum(y) | (x * y).sum() ** 2 | u = A @ x - y; 0.5 * u @ u
L = np.sum((A @ x - y)**2) | r = X @ w - z; n_ = len(r); r @ r / n_ | np.squeeze(x[None, :]) @ y
np.dot(x, np.dot(A, x)) | np.dot(c, x) @ y | np.dot(X, W).sum() | x.dot(A).dot(y) | A.dot(x).dot(y)
(A @ B).T.sum() | np.sum(X, 1) @ z | np.sum(np.sum(X, axis=0)) | np.sum(X, axis=(0, 1)) | np.prod(x)
x @ A.T @ y | np.trace(x[:, None] @ y[None, :]) | np.average(x)
np.sum(np.exp(-np.sum((X[:, None] - V[None])**2, axis=-1))) | np.sum((X[:, None, :] - A[None, :, :])**2)
np.sum(np.exp(-np.sum((X[:, None] - X[None])**2, axis=2) / 2)) | np.linalg.norm(A[None] - X[:, None], axis=-1).sum()
np.square(X[:, np.newaxis] - V[np.newaxis]).sum(-1).max() | np.exp(-cdist(X, V) ** 2).sum() | cdist(A, B).sum()
np.sum(np.exp(-cdist(X, X, 'sqeuclidean'))) | np.trace(np.cov(X)) | np.sum(np.cov(X, rowvar=False)**2) | np.cov(x)
np.sum(np.cov(X, bias=True)**2) | np.sum(np.cov(X.T, ddof=0) * A)
A.ravel(order='F') @ B.ravel() | A.reshape(-1, order='F') @ B.flatten('C') | X.flatten('F') @ V.flatten()
np.reshape(A, (-1,), order='F') @ B.ravel('F') | np.sum(np.transpose(A, (0, 1)) * B) | np.sum(A.transpose(1, 0) * B)
np.sum(np.transpose(X, axes=(1, 0)) * V.T) | np.sum(A.swapaxes(0, 1) * B) | np.sum(np.swapaxes(A, 1, 1) * B)
np.sum(np.triu(A, k=1) * B) | np.sum(np.tril(A, -1)**2) | np.sum(np.triu(A) * B) | np.sum(np.diagflat(x) @ A)
np.diagonal(A) @ x | np.sum(np.exp(-np.sum((X[:, None] - A)**2, axis=-1))) | np.sum((V - X[:, None, :])**2)
np.linalg.norm(X[:, None] - A, axis=2).sum()
""".strip()
    .replace("\n", " | ")
    .split(" | ")
)
NAMES = {"np": np, "scipy": scipy, "len": len, "cdist": scipy.spatial.distance.cdist}


def drawn(symbols, seed, positive=False):
    """Random arrays for the symbols of what was read."""
    rng = np.random.default_rng(seed)
    sizes = dict(SIZES)
    for made in symbols:
        for dim in made.shape:
            for name in sorted(dim.names):
                sizes.setdefault(name, 2 + len(sizes) % 4)
    values = {}
    for made in symbols:
        rows, columns = (d.evaluate(sizes) for d in made.shape)
        value = rng.standard_normal((rows, columns)) + (0.7 if positive else 0)
        if positive:
            value = np.abs(value) + 0.3
        is_vector = made.is_vector
        values[made.name] = float(value[0, 0]) if made.is_scalar else value[:, 0] if is_vector else value
    return values


def run(text, values, extra=None):
    """The text as Python runs it."""
    held = {**NAMES, **(extra or {}), **values}
    *before, last = text.split(";")
    for statement in before:
        exec(statement.strip(), held)
    last = last.strip()
    if last.startswith("L = "):
        last = last[4:]
    with np.errstate(all="ignore"):
        return eval(last, held)


def spelled(values):
    """Canonical names in the spelling of the texts."""
    return {{"λ": "lam"}.get(name, name): value for name, value in values.items()}


def differences(text, values, name):
    """Central differences of the text by one of its arrays."""
    at = np.asarray(values[name], dtype=float)
    slope = np.zeros(at.shape)
    for i in np.ndindex(at.shape):
        ends = []
        for h in (1e-5, -1e-5):
            moved = at.copy()
            moved[i] += h
            ends.append(float(np.squeeze(run(text, {**values, name: moved if at.shape else float(moved)}))))
        slope[i] = (ends[0] - ends[1]) / 2e-5
    return slope


def disagreement(text, where):
    """What NumPy computes otherwise than what was read; "" if nothing, "refused: …" if it was refused."""
    try:
        expr = derive.parse(text, where)
    except DeriveError as error:
        return f"refused: {error.message}"
    symbols = derive.expr.symbols_of(expr)
    functions = {}
    for seed, positive in ((0, False), (1, True)):
        values = spelled(drawn(symbols, seed, positive))
        want = np.asarray(run(text, values))
        if not np.all(np.isfinite(want)):
            continue
        canonical = {derive.names.canonical(n): v for n, v in values.items()}
        got = np.asarray(expr.evaluate(**canonical))
        if got.shape != want.shape or not np.allclose(got, want, rtol=1e-9, atol=1e-10):
            return f"value {got} instead of {want}"
        if expr.is_scalar:
            for made in symbols[:3]:
                name = next(n for n in values if derive.names.canonical(n) == made.name)
                if name not in functions:
                    functions[name] = derive.gradient(text, name, where).function()
                function = functions[name]
                arguments = {n: values[n] for n in inspect.signature(function).parameters if n in values}
                got, want = np.asarray(function(**arguments)), differences(text, values, name)
                if got.shape != want.shape or not np.allclose(got, want, rtol=2e-5, atol=2e-5):
                    return f"gradient by {name} {got} instead of {want}"
    return ""


@pytest.mark.parametrize("text", WRITTEN)
def test_what_is_written_for_numpy_is_read_as_numpy_computes_it(text):
    assert not disagreement(text, WHERE)


# Generated texts


class Writer:
    """Writes random formulas as people write losses in NumPy: of numbers, vectors over n and m, matrices m × n."""

    LEAVES = {
        "": ["c", "lam", "2", "0.5"],
        "n": ["x", "y", "w"],
        "m": ["z", "t"],
        "mn": ["X", "V"],
        "nn": ["A", "B", "S"],
        "nk": ["W"],
        "mk": ["Y"],
        "k": ["b"],
    }

    def __init__(self, seed):
        self.rng = random.Random(seed)

    def pick(self, *choices):
        return self.rng.choice(choices)

    def leaf(self, kind):
        if kind in self.LEAVES:
            return self.pick(*self.LEAVES[kind])
        if kind[::-1] in self.LEAVES:
            return f"{self.leaf(kind[::-1])}.T"
        a, b = kind
        return f"np.outer({self.leaf(a)}, {self.leaf(b)})"

    def entry(self, depth, kind):
        """Of entries that any shape may have."""
        one = self.of(depth - 1, kind)
        form = self.pick(
            "({}) + ({})",
            "({}) - ({})",
            "({}) * ({})",
            "np.multiply({}, {})",
            "np.exp(-({})**2)",
            "np.tanh({})",
            "1 / (1 + np.exp(-({})))",
            "({}) / (1 + ({})**2)",
            "np.maximum({}, {})",
            "np.maximum(0, {})",
            "-({})",
            "({})**2",
            "np.log1p(np.square({}))",
            "np.where(({}) > 0, {}, 0.1 * ({}))",
            "np.abs({})",
            "({}) * 2",
            "c * ({})",
            "np.sqrt(1 + ({})**2)",
            "np.logaddexp(0, {})",
            "np.clip({}, -1, 1)",
            "(({}) > 0) * ({})",
            "({}) ** 3 / 3",
        )
        count = form.count("{}")
        same = form.startswith(("np.where", "((")) or "/ (1" in form
        return form.format(*[one if same or i == 0 else self.of(depth - 1, kind) for i in range(count)])

    def of(self, depth, kind):
        """A formula of the kind: the letters of its axes."""
        if depth <= 0:
            return self.leaf(kind)
        if self.rng.random() < 0.45:
            return self.entry(depth, kind)
        return getattr(self, f"rank{len(kind)}")(depth - 1, *kind)

    def rank0(self, d):
        i = self.pick("n", "m")
        vector, other, matrix = self.of(d, i), self.of(d, i), self.of(d, self.pick("mn", "nn", "mk"))
        square = self.of(d, "nn")
        return self.pick(
            f"np.sum({vector})",
            f"np.mean(({vector})**2)",
            f"({vector}) @ ({other})",
            f"np.dot({vector}, {other})",
            f"np.linalg.norm({vector})**2",
            f"np.linalg.norm({matrix})",
            f"np.sum({matrix})",
            f"({matrix}).sum()",
            f"np.mean(({matrix})**2)",
            f"np.trace({square})",
            f"np.linalg.slogdet(np.eye(3) + ({square}) @ ({square}).T)[1]",
            f"np.var({vector})",
            f"scipy.special.logsumexp({vector})",
            f"np.log(np.sum(np.exp({vector})))",
            f"({vector})[0]",
            f"({square})[0, -1]",
            f"np.einsum('ij,ij->', {square}, {square})",
            f"np.einsum('i,ij,j->', x, {square}, y)",
            f"np.linalg.norm({vector}, 1)",
            f"np.sum(np.linalg.norm({matrix}, axis=1))",
            f"np.inner({vector}, {other})",
            f"np.max({vector})",
            f"np.min({matrix})",
            f"np.linalg.norm({vector}, np.inf)",
            f"np.linalg.norm({matrix}, np.inf)",
            f"np.prod({vector})",
        )

    def rank1(self, d, i):
        j = self.pick(*{"n": "nmk", "m": "nk", "k": "mn"}[i])
        matrix, vector = self.of(d, i + j), self.of(d, j)
        flipped = self.of(d, j + i)
        return self.pick(
            f"({matrix}) @ ({vector})",
            f"({vector}) @ ({flipped})",
            f"np.dot({matrix}, {vector})",
            f"({flipped}).T @ ({vector})",
            f"({matrix}).sum(axis=1)",
            f"np.sum({flipped}, axis=0)",
            f"np.mean({matrix}, axis=-1)",
            f"({flipped})[0]",
            f"({matrix})[:, 0]",
            f"scipy.special.softmax({self.of(d, i)})",
            f"np.cumsum({self.of(d, i)})",
            f"scipy.special.logsumexp({matrix}, axis=1)",
            f"np.var({flipped}, axis=0)",
            f"np.einsum('ij,j->i', {matrix}, {vector})",
            f"({self.of(d, i)}) / np.linalg.norm({self.of(d, i)})",
            f"({matrix}) @ ({flipped}) @ ({self.of(d, i)})",
            f"np.max({matrix}, axis=1)",
            f"({vector} - np.max({vector})) @ ({flipped})",
        )

    def rank2(self, d, i, j):
        h = self.pick("n", "m") if i + j != "kk" else "n"
        whole, row, column = self.of(d, i + j), self.of(d, j), self.of(d, i)
        return self.pick(
            f"({self.of(d, i + h)}) @ ({self.of(d, h + j)})",
            f"({self.of(d, j + i)}).T",
            f"({whole}) + ({row})",
            f"({whole}) * ({row})",
            f"({whole}) - ({column})[:, None]",
            f"({whole}) - np.max({whole}, axis=1, keepdims=True)",
            f"({whole}) * ({column}).reshape(-1, 1)",
            f"({column})[:, np.newaxis] * ({row})[None, :]",
            f"np.outer({column}, {row})",
            f"({whole}) / (1 + ({row})**2)",
            f"({whole}) - ({whole}).mean(axis=0)",
            f"({whole}) - ({whole}).mean(axis=1, keepdims=True)",
            f"scipy.special.softmax({whole}, axis=1)",
            f"np.exp({whole}) / np.exp({whole}).sum(axis=1, keepdims=True)",
            f"np.einsum('ia,ja->ij', {self.of(d, i + h)}, {self.of(d, j + h)})",
            f"({column})[:, None] - ({row})",
        )


GENERATED = [Writer(seed).of(2 + seed % 3, "") for seed in range(300)]


@pytest.mark.parametrize("part", range(10))
def test_generated_texts_are_read_as_numpy_computes_them(part):
    texts = GENERATED[part::10]
    found = {text: disagreement(text, WHERE) for text in texts}
    wrong = {text: said for text, said in found.items() if said and not said.startswith("refused")}
    assert not wrong, wrong
    assert sum(map(bool, found.values())) <= len(texts) // 10, found


# PyTorch

TORCH = (
    """
torch.sum(X @ W) | torch.norm(x)**2 | torch.norm(A) | x.norm(p=1) | torch.linalg.norm(A, 2) | torch.var(x)
torch.mean((X @ w - z)**2) | torch.sum(torch.relu(X @ w)) | torch.sigmoid(x) @ y | torch.softmax(x, dim=0) @ y
torch.sum(torch.softmax(X, dim=1) * V) | torch.logsumexp(X, dim=1).sum() | F.mse_loss(X @ w, z)
F.cross_entropy(X @ W, Y) | torch.nn.functional.softplus(X @ w).sum() | F.binary_cross_entropy_with_logits(x, y)
F.gelu(x).sum() | F.silu(x).sum() | F.elu(x).sum() | F.leaky_relu(x, 0.1).sum()
F.log_softmax(X, dim=-1).mean() | torch.trace(A @ B) | torch.einsum('ij,jk->ik', X, W).sum()
torch.outer(x, z).sum() | torch.dot(x, y) | torch.mv(A, x) @ y | torch.mm(X, W).pow(2).sum()
torch.logdet(A @ A.T) | x.pow(2).sum() | torch.clamp(x, min=0).sum() | x.clamp(min=-0.1, max=0.2).sum()
torch.sum(X, dim=0) @ x | X.mean(dim=1, keepdim=True).sum() | x.unsqueeze(1).sum()
torch.cat([x, z]).pow(3).sum() | torch.where(x > 0, x, torch.zeros_like(x)).sum() | torch.inverse(A).sum()
A.t().sum() | torch.max(x, y).sum() | F.linear(x, A) @ y | F.linear(X, A, x).sum() | torch.cumsum(x, dim=0) @ y
torch.abs(x).sum() | x.view(-1, 1).sum() | torch.square(x).mean() | F.l1_loss(x, y) | F.softmin(x, dim=0) @ y
F.smooth_l1_loss(X @ w, z) | F.kl_div(x, w.exp(), reduction='sum') | F.cosine_similarity(x, y, dim=0)
F.cosine_similarity(X, V).sum() | F.normalize(x, dim=0) @ y | torch.matmul(x, A) @ y
(X.unsqueeze(1) - V.unsqueeze(0)).pow(2).sum(dim=-1).exp().sum() | torch.cdist(X, V).sum()
(X[:, None] - V[None]).norm(dim=-1).sum() | torch.cov(X, correction=0).trace() | torch.sum(torch.cov(X.T) * A)
torch.exp(-torch.cdist(X, X)**2).sum() | torch.cdist(X, X).pow(2).exp().mean()
F.cross_entropy(X @ V.T, torch.arange(X.size(0), device=X.device)) | F.cross_entropy(A, torch.arange(0, len(A)))
F.margin_ranking_loss(x, y, w, margin=0.1) | F.triplet_margin_loss(X, V, V * X, margin=0.5)
F.poisson_nll_loss(x, y) | F.poisson_nll_loss(x.exp(), y, log_input=False) | F.gaussian_nll_loss(x, y, w.exp())
F.gaussian_nll_loss(A, A.T, x.exp())
torch.sum(F.layer_norm(X, (3,), x, y) * V) | F.layer_norm(x, x.shape, weight=y, eps=0.1).pow(3).sum()
""".strip()
    .replace("\n", " | ")
    .split(" | ")
)


@pytest.mark.parametrize("text", TORCH)
def test_what_is_written_for_pytorch_is_read_as_pytorch_computes_it(text):
    torch = pytest.importorskip("torch")
    try:
        expr = derive.parse(text, WHERE)
    except DeriveError as error:
        assert "is not" in error.message or "not read" in error.message
        assert text.startswith(("F.softmin", "F.normalize"))
        return
    values = spelled(drawn(derive.expr.symbols_of(expr), 0))
    tensors = {n: torch.tensor(v, dtype=torch.float64, requires_grad=True) for n, v in values.items()}
    want = eval(text, {"torch": torch, "F": torch.nn.functional, **tensors})
    canonical = {derive.names.canonical(n): v for n, v in values.items()}
    assert np.allclose(expr.evaluate(**canonical), want.detach().numpy(), rtol=1e-9, atol=1e-10)
    want.backward()
    for name, tensor in tensors.items():
        function = derive.gradient(text, name, WHERE).function()
        arguments = {n: values[n] for n in inspect.signature(function).parameters if n in values}
        assert np.allclose(function(**arguments), tensor.grad.numpy(), rtol=1e-7, atol=1e-9), name


# What is not declared

GUESSED = [
    ("np.mean((x - np.mean(x))**2)", ["x: n"], ""),
    ("-np.mean(y*np.log(p) + (1-y)*np.log(1-p))", ["y: n", "p: n"], ""),
    ("0.5*np.sum(W*W)", ["W: m × n"], ""),
    ("a @ b", ["a: n", "b: n"], "a is read as a one-dimensional array"),
    ("np.sum((X @ W + b - Y)**2)", ["X: m × n", "W: n × p", "b: p", "Y: m × p"], "b is one row, added to each"),
    ("np.sum((A @ x - b)**2)", ["A: m × n", "x: n", "b: m"], "b is read as a one-dimensional array"),
    ("reg*np.sum(w**2)", ["reg: scalar", "w: n"], "reg is read as a number"),
    ("x.T @ A @ x", ["x: n", "A: n × n"], ""),
    ("np.sum(c*x)", ["c: scalar", "x: n"], ""),
    ("np.sum(np.square(np.dot(X, theta) - y))", ["X: m × n", "θ: n", "y: m"], "θ is read as a one-dimensional array"),
    ("np.sum(1 + v - mu**2 - np.exp(v))", ["v: n", "μ: n"], "μ is read as a one-dimensional array"),
    ("(1 + logvar - mu.pow(2)).sum()", ["logvar: n", "μ: n"], ""),
    ("lambda w: np.sum((X @ w - y)**2)", ["X: m × n", "w: n", "y: m"], ""),
    # Exponents and bounds are numbers
    ("np.sum(U**m * (X - 1))", ["U: n × p", "m: scalar", "X: n × p"], "m is read as a number"),
    ("np.sum(np.where(np.abs(r) <= delta, r**2, 2*delta*np.abs(r) - delta**2))", ["r: n", "δ: scalar"], ""),
    ("np.sum((x > y) * x)", ["x: n", "y: n"], ""),
    # π is the number where no array of that name shows
    ("np.sum(np.log(2 * pi * s**2))", ["s: n"], "pi is read as the number π"),
    ("np.sum(pi[:, None] * X) / np.pi", ["π: m", "X: m × n"], "π is read as a one-dimensional array"),
    ("pi.dot(x)", ["π: n", "x: n"], "π is read as a one-dimensional array"),
    ("pi * np.sum(np.log(2 * np.pi * x**2))", ["π: scalar", "x: n"], ""),
    ("def loss(w):\n  r = X @ w - y\n  return r @ r", ["X: m × n", "w: n", "y: m"], ""),
    ("softmax(Q @ K.T) @ V", ["Q: m × n", "K: p × n", "V: p × q"], "is taken of each row"),
    # What divides X.T @ X is a count, what divides another product an array like it
    ("np.trace(X.T @ X / (N - 1))", ["X: m × n", "N: scalar"], "N is read as a number"),
    ("np.sum(X @ W / (Y - 1))", ["X: m × n", "W: n × p", "Y: m × p"], ""),
    ("np.sum((X @ w - y)**2 / (s - 1))", ["X: m × n", "w: n", "y: m", "s: m"], ""),
    # What keeps a divisor from 0 is a number, and no bias
    ("np.sum(x / (np.sqrt(v) + eps))", ["x: n", "v: n", "ε: scalar"], ""),
    ("-np.sum(y * np.log(p + eps))", ["y: n", "p: n", "ε: scalar"], ""),
    ("np.sum(np.log(W @ x + b))", ["W: m × n", "x: n", "b: m"], ""),
    ("np.sum(np.log(1 + a))", ["a: n"], ""),
    ("np.mean(np.sum((x - y)**2, axis=1))", ["x: m × n", "y: m × n"], "x is read as a two-dimensional array"),
    ("-F.logsigmoid(beta * (a - b)).mean()", ["β: scalar", "a: n", "b: n"], ""),
    ("np.sum(X * w)", ["X: m × n", "w: n"], "w is one row, times each"),
    (
        "C * np.sum(np.maximum(0, 1 - y * (X.dot(w) + b)))",
        ["C: scalar", "y: m", "X: m × n", "w: n", "b: m"],
        "C is read as a number",
    ),
    ("np.sum(np.exp(A / w))", ["A: m × n", "w: n"], "w is one row, which divides each"),
    # The letters that count are numbers where they stand below alone
    ("np.sum((x - 1/n)**2)", ["x: m", "n: scalar"], "n is read as a number"),
    ("np.sum(x / (2 * m))", ["x: n", "m: scalar"], "m is read as a number"),
    ("np.sum(x / n + n)", ["x: m", "n: m"], ""),
    ("w = w / np.sum(w)\nw @ S @ w", ["w: n", "S: n × n"], "w is what is given, before w = w / np.sum(w)"),
    ("(torch.logsumexp(z, dim=-1) - (z * y).sum(-1)).mean()", ["z: m × n", "y: m × n"], "z is read as a two-dim"),
    ("x @ np.linalg.solve(K + s * np.eye(len(x)), x)", ["x: n", "K: n × n", "s: scalar"], ""),
]


@pytest.mark.parametrize(("text", "where", "reading"), GUESSED)
def test_ranks_are_solved_for_and_said(text, where, reading):
    parsed = derive.reading.parse(text, scalar="softmax" not in text)
    assert parsed.where == where
    assert reading in "; ".join(parsed.readings)


def test_a_name_that_is_given_another_value_is_that_from_there_on():
    where = "A: m×n, B: p×m, x: n, y: p"
    given = derive.parse("x = np.tanh(A @ x)\nx = np.tanh(B @ x)\nnp.sum((x - y)**2)", where)
    assert given is derive.parse("np.sum((np.tanh(B @ np.tanh(A @ x)) - y)**2)", where)


def test_a_wish_for_a_number_makes_no_matrix_a_vector():
    with pytest.raises(derive.DeriveError, match="a gradient needs a scalar loss"):
        derive.gradient("F.softmax(Q @ K.T / np.sqrt(d), dim=-1) @ V", "Q")


# What is refused, by what it is

REFUSED = [
    ("np.linalg.norm(A, -2)", "the smallest singular value is not among the operations"),
    ("np.linalg.norm(x, 0)", "this norm is not among the operations"),
    ("np.sum(np.prod(A, axis=1))", "products along an axis are not read"),
    ("np.linalg.eigvalsh(S).sum()", "eigvalsh is not read"),
    ("np.linalg.cholesky(S).sum()", "cholesky is not read"),
    ("np.sum(np.fooo(x))", "fooo is not known"),
    ("np.sum((X[:, None] - C[None])**2 * r[:, :, None])", "arrays of three axes are not read"),
    ("np.sum(x % 2)", "the remainder % is not read"),
    ("np.sum(A[[0, 1]])", "this index is not read"),
    ("np.sum(A[::2])", "a slice with a step is not read"),
    ("np.sum(np.abs(X[:, None] - Y[None]))", "arrays of three axes are not read"),
    ("np.sum((X[:, None] + Y[None])**2)", "arrays of three axes are not read"),
    ("np.sum((X[:, None] - X[:, None])**2)", "arrays of three axes are not read"),
    ("np.sum((X[:, None] - Y[None])**2, axis=1)", "arrays of three axes are not read"),
    ("np.linalg.norm(X[:, None] - X[None], axis=-1).sum()", "where a root has no derivative"),
    ("np.exp(-cdist(X, X)).sum()", "where a root has no derivative"),
    ("np.sum(cdist(X, X))", "where a root has no derivative"),
    ("np.arange(n) @ x", "arange is not read"),
    ("F.cross_entropy(torch.sum(X, dim=0), torch.arange(3))", "the loss of a range of classes needs a square matrix"),
    ("y = 2 * x\nx = A @ y\nx @ x", "x is not known"),
    ("cdist(X, Y, 'cityblock').sum()", "only Euclidean distances and their squares are read"),
    ("F.layer_norm(X, X.shape).sum()", "layer_norm is read over the last axis alone"),
    ("np.einsum('ijk,k->ij', A, x)", "has not the indices ijk"),
    ("np.einsum('ij,ik->ijk', A, B)", "this einsum has no matrix form"),
    ("A(x) @ y", "A is not known"),
    ("np.outer(x, y.T) @ y", "of a one-dimensional array is that array, and no row"),
    ("np.sum(A @ x, dtype=int)", "the argument dtype= of np.sum is not read"),
    ("np.sum(np.trace(A), axis=1)", "has no axis 1"),
    ("np.sum(x for x in y)", "a sum over a loop is not read"),
    ("½‖A * B @ x‖²", "* of arrays is entry by entry in NumPy, and not in formulas"),
    ("np.sum(x @ A", "( is not closed"),
    ("np.argmax(x)", "argmax is not read"),
    ("np.sum((X[None] - Y)**2)", "arrays of three axes are not read"),
    ("np.sum((X[:, None] - x @ X)**2)", "arrays of three axes are not read"),
    ("np.sum(A.transpose(0, 1) * B)", "this is A itself in NumPy and its transpose in PyTorch"),
    ("np.sum(np.triu(A, 2))", "only that next to it is read"),
    ("torch.diag_embed(A @ A.T).sum()", "is no one-dimensional array, of which this is the diagonal matrix"),
    ("np.sum(np.diagonal(np.outer(x, y) @ y))", "the diagonal needs a square matrix"),
    ("np.ravel(A, 'K') @ x", "only the orders C and F are read"),
    ("r = y; r -= A @ x; r @ r", "this changes an array that has other names"),
    ("r = A @ x; s = r; r -= y; r @ s", "this changes an array that has other names"),
    ("r = A @ x; t = r.T; r -= y; r @ t", "this changes an array that has other names"),
    ("x += 1; x @ x", "this changes an array that has other names"),
    ("y = 2 * x; s = [y]; y += x; s[0] @ y", "this changes an array that has other names"),
    ("Y = A @ B; Z = Y[:, None]; Y += B; np.sum((Z - B)**2)", "this changes an array that has other names"),
    ("F.cross_entropy(X @ W, y)", "targets that are indices of classes are not read"),
    ("torch.sum(x.detach())", "the method .detach() is not read"),
    ("np.sum(x)" + " + np.sum(x)" * 3000, "at most"),
    ("np.sum(" * 150 + "x" + ")" * 150, "nest too deep"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[text[:40] for text, _ in REFUSED])
def test_what_is_not_read_is_refused_by_name(text, message):
    with pytest.raises(DeriveError) as caught:
        derive.parse(text)
    assert message in str(caught.value)


def test_a_comparison_with_another_meaning_is_noticed(monkeypatch):
    # The table of the reader with a planted error: the sum of all entries for that of an axis.
    from derive.reading.arrays import Plan

    honest = Plan.sum
    monkeypatch.setattr(Plan, "sum", lambda p, a, axis=None, keepdims=False: honest(p, p.negative(a), axis, keepdims))
    assert disagreement("np.sum(x**2)", WHERE).startswith("value")
    assert disagreement("np.mean(X, axis=0) @ x", WHERE).startswith("value")


def test_what_a_table_is_made_of_is_no_reading():
    parsed = derive.reading.parse("softmax(X, axis=1) @ V")
    assert not parsed.readings
    assert "* is taken entry by entry" in "; ".join(derive.reading.parse("(A * B) @ x").readings)


def test_two_texts_are_compared_with_one_set_of_symbols():
    assert derive.equal("np.sum(x**2)", "x @ x") == "proved"
    assert derive.equal("np.sum(A * B)", "tr(AᵀB)") == "proved"
    assert derive.equal("np.sum(A * B)", "np.sum(A @ B)", "A, B: n×n") == "differs"


def test_names_that_are_modules_elsewhere_are_arrays_where_they_stand_alone():
    assert str(derive.parse("F.T @ F @ x @ x")) == "xᵀ Fᵀ F x"
    assert str(derive.parse("F.softplus(w @ x)")) == "softplus(wᵀ x)"


@pytest.mark.parametrize("seed", range(4))
def test_any_text_ends_in_an_answer_or_an_error_of_ours(seed):
    from derive.reading.array_table import TABLE

    rng = random.Random(seed)
    functions = [f"{home}.{n}" for home, m in (("np", "np"), ("np.linalg", "linalg"), ("F", "nn")) for n in TABLE[m]]
    leaves = [
        "x",
        "A",
        "c",
        "2",
        "0",
        "-1",
        "np.pi",
        "None",
        "True",
        "'fro'",
        "np",
        "[x, y]",
        "(n, 1)",
        "np.float64",
        "1j",
    ]
    keys = ["0", "-1", ":, 0", "None, :", "1:", ":-1", "::2", "x > 0", "-5", "100", "n", ":n"]

    def soup(depth):
        if depth <= 0:
            return rng.choice(leaves)
        inner = [soup(depth - 1) for _ in range(rng.choice([1, 1, 2, 3]))]
        return rng.choice(
            [
                f"({inner[0]}) {rng.choice('+ - * / @ ** > & // ^'.split())} ({inner[-1]})",
                f"{rng.choice(functions)}({', '.join(inner)})",
                f"({inner[0]}).{rng.choice(list(TABLE['method']))}({rng.choice(['', inner[-1], 'axis=0', '1, -1'])})",
                f"({inner[0]})[{rng.choice(keys)}]",
            ]
        )

    for _ in range(250):
        text, where = soup(rng.randrange(1, 5)), rng.choice([None, "A: n×n, x, y: n, c: scalar", "A: 3×n, x: n×1"])
        try:
            derive.parse(text, where)
        except DeriveError as error:
            assert str(error)


@pytest.mark.parametrize("order", ["None", "'fro'", "2", "1", "-1", "np.inf", "'nuc'"])
@pytest.mark.parametrize("keep", [True, False])
def test_the_norm_of_a_matrix_keeps_its_axes(order, keep):
    text = f"np.sum(A/np.linalg.norm(A, ord={order}, keepdims={keep}))"
    A = np.random.default_rng(0).normal(size=(3, 4))
    assert derive.parse(text, "A: m×n").evaluate(A=A) == pytest.approx(eval(text, {"np": np, "A": A}), rel=1e-12)


@pytest.mark.parametrize(
    "cut", ["x.astype(int)", "x.astype(bool)", "np.array(x, dtype=int)", "np.asarray(x, dtype=int)"]
)
def test_a_type_that_cuts_numbers_is_refused(cut: str) -> None:
    with pytest.raises(DeriveError, match="cut to whole ones"):
        derive.parse(f"np.sum({cut} * x)")
    assert derive.parse("np.sum((x > 0).astype(bool) * x)", "x: n").evaluate(x=np.array([2.0, -1.0, 3.0])) == 5
    assert derive.parse("np.sum(np.array([1, 2], dtype=int) * x)").evaluate(x=np.array([2.0, -1.0])) == 0


@pytest.mark.parametrize("ramps", [1, 2, 3])
def test_a_ramp_beside_a_loss_in_two_branches_is_counted(ramps: int) -> None:
    z = np.array([0.4, -0.7])
    found = derive.gradient(f"np.sum({'np.maximum(z, 0) + ' * ramps}np.log(1 + np.exp(-np.abs(z))))", "z")
    assert found.function()(z) == pytest.approx(1 / (1 + np.exp(-z)) + (ramps - 1) * (z > 0))


def test_clauses_behind_where_stand_in_either_order() -> None:
    x = np.array([0.3, -0.2])
    for clauses in ("q = 2*x, p = np.exp(q)", "p = np.exp(q), q = 2*x"):
        for text in (f"np.sum(p*q) where {clauses}", f"np.sum(p*q); {clauses.replace(', ', '; ')}"):
            assert derive.parse(text).evaluate(x=x) == pytest.approx(np.sum(np.exp(2 * x) * 2 * x))


def test_a_norm_that_keeps_its_axes_is_refused_as_an_array_of_one_entry():
    with pytest.raises(DeriveError, match="an array of one entry"):
        derive.parse("np.linalg.norm(A, keepdims=True)", "A: m×n")


def test_a_largest_entry_that_does_not_cancel_leaves_no_power_of_zero():
    read = derive.parse("np.exp(np.max(x) - np.max(y))", "x: n, y: m")
    x, y = np.array([1.0, 2.0]), np.array([3.0, 5.0, 1.0])
    assert read.text() == "exp(max(x)) exp(−max(y))"
    assert read.evaluate(x=x, y=y) == pytest.approx(np.exp(np.max(x) - np.max(y)), rel=1e-14)


@pytest.mark.parametrize("formula", ["np.prod(x)", "∏_i x_i"])
def test_a_product_says_that_no_entry_may_be_zero(formula):
    derivation = derive.gradient(formula, "x")
    assert any("none may be 0" in reading for reading in derivation.readings)
    x = np.array([2.0, -1.0, 3.0])
    assert np.allclose(derivation.function()(x), [-3.0, 6.0, -2.0], rtol=1e-14)


@pytest.mark.parametrize("name", ["entr(p)", "rel_entr(p, q)", "kl_div(p, q)"])
def test_entropies_of_scipy(name):
    p, q = np.random.default_rng(0).uniform(0.1, 1, (2, 4))
    text = f"scipy.special.{name}.sum()"
    want = eval(text, {"scipy": scipy, "p": p, "q": q})
    values = {"p": p, "q": q} if "q" in name else {"p": p}
    assert derive.parse(text, "p, q: n").evaluate(**values) == pytest.approx(want, rel=1e-12)


def test_infinity_of_python_is_an_order():
    assert derive.parse("torch.norm(x, p=float('inf'))", "x: n").text() == "max(abs(x))"


@pytest.mark.parametrize("part", ["[:, :2]", "[:, -3:]", "[:, 0:7]", "[:9, :]", "[-9:2]"])
def test_a_slice_ends_where_an_axis_of_known_length_does(part):
    text = f"np.sum(np.sum(A, axis=1, keepdims=True){part}) + np.sum(B{part})"
    A, B = np.random.default_rng(0).normal(size=(3, 2)), np.arange(6.0).reshape(3, 2)
    read = derive.parse(text, "A, B: 3×2")
    assert read.evaluate(A=A, B=B) == pytest.approx(eval(text, {"np": np, "A": A, "B": B}), rel=1e-12)


def test_what_is_unpacked_are_the_entries_or_rows():
    text = "def f(x):\n    a, b = x\n    return (1 - a)**2 + 100*(b - a**2)**2"
    at = np.array([0.3, -0.7])
    a, b = at
    slopes = [-2 * (1 - a) - 400 * a * (b - a**2), 200 * (b - a**2)]
    np.testing.assert_allclose(derive.gradient(text, "x").function()(at), slopes)
    rows = derive.gradient("u, v = X; np.sum(u * v**2)", "X", "X: 2×n").function()
    np.testing.assert_allclose(rows(np.array([[1.0, 2, 3], [4, 5, 6]])), [[16, 25, 36], [8, 20, 36]])
    with pytest.raises(DeriveError, match="has not 2 entries"):
        derive.gradient("a, b = x; np.sin(a) * b", "x", "x: 3")


def test_what_is_added_to_a_name_is_a_statement():
    added = derive.gradient("r = X @ w; r -= y; L = r @ r; L += c * np.sum(w**2); L /= 2", "w")
    assert added.loss is derive.parse("((X @ w - y) @ (X @ w - y) + c * np.sum(w**2)) / 2")


@pytest.mark.parametrize(
    "text",
    [
        "np.sum(np.where(x > 23, x, np.log(1 + np.exp(x))))",
        "np.sum(np.where(x > 0, x + np.log1p(np.exp(-x)), np.log1p(np.exp(x))))",
        "np.sum(np.where(x >= 0, 1 / (1 + np.exp(-x)), np.exp(x) / (1 + np.exp(x))) * x)",
        "np.sum(np.where(x > 0, x, 1.5 * (np.exp(x) - 1)))",
        "np.sum(np.where(x < 0, np.expm1(x), x))",
        "np.sum(np.where(x > 1, 1, np.exp(x - 1)))",
        "np.sum(np.where(x > 0, x / np.sqrt(x**2 + 1), np.exp(-x**2)))",
    ],
)
def test_a_branch_that_is_not_taken_changes_nothing(text):
    at = {"x": np.array([-800.0, -2.0, -0.3, 0.4, 2.0, 800.0])}
    found = derive.gradient(text, "x", "x: n")
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(found.function(returns="value")(**at), run(text, at))
        np.testing.assert_allclose(found.function()(**at), differences(text, at, "x"), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "branch",
    ["np.log(x)", "np.log1p(x)", "np.log2(x)", "np.reciprocal(x)", "x**0.5", "np.exp(x)", "np.sinh(x)", "1 / x"],
)
def test_a_branch_that_may_be_no_number_is_refused(branch):
    with pytest.raises(DeriveError, match="where with a logarithm, a root, a quotient or a growing exponential"):
        derive.gradient(f"np.sum(np.where(x > 0, {branch}, 0))", "x")


SMOOTH_AT_ZERO = [
    "np.sum(np.maximum(z, 0) - z * y + np.log(1 + np.exp(-np.abs(z))))",
    "np.mean(np.log1p(np.exp(-np.abs(z))) + np.maximum(z, 0) - z * y)",
    "sum(relu(−z) + log(1 + exp(−abs(z))) + y ⊙ z)",
    "np.sum(y * (np.minimum(z, 0) - np.log1p(np.exp(-np.abs(z)))))",
    "np.sum(y * np.maximum(z, 0)) + np.sum(y * np.logaddexp(0, -np.abs(z)))",
    "np.sum((np.where(z >= 0, 1 / (1 + np.exp(-z)), np.exp(z) / (1 + np.exp(z))) - y)**2)",
    "np.sum(y * np.where(z > 0, z + np.log1p(np.exp(-z)), np.log1p(np.exp(z))))",
    "np.sum(y * np.where(z > 0, z, np.exp(z) - 1))",
    "torch.sum(y * F.elu(z))",
]


@pytest.mark.parametrize("loss", SMOOTH_AT_ZERO)
def test_a_smooth_function_written_in_two_branches_has_its_slope_at_zero(loss):
    found = derive.gradient(loss, "z", "z: n, y: n").function(returns="value_and_gradient")
    z, y = np.array([0.0, -1.5, 0.0, 2.0]), np.array([1.0, 0.3, 0.5, -2.0])
    steps = 1e-6 * np.eye(4)
    want = [(found(z + step, y)[0] - found(z - step, y)[0]) / 2e-6 for step in steps]
    np.testing.assert_allclose(found(z, y)[1], want, atol=1e-6)
    value, slope = found(np.array([-800.0, 800.0, 0.0, 1.0]), y)
    assert np.isfinite(value) and np.all(np.isfinite(slope))


def test_two_branches_with_a_kink_between_them_keep_it():
    text = "np.sum(np.maximum(z, 0) + 2 * np.log(1 + np.exp(-np.abs(z))))"
    z = np.array([-1.0, 0.0, 2.0])
    found = derive.gradient(text, "z", "z: n").function(returns="value_and_gradient")
    np.testing.assert_allclose(found(z)[0], np.sum(np.maximum(z, 0) + 2 * np.log(1 + np.exp(-np.abs(z)))))
    np.testing.assert_allclose(found(z)[1], (z > 0) - 2 * np.sign(z) / (1 + np.exp(np.abs(z))) + (z == 0))
