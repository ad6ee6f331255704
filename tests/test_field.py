"""Formulas as forums, papers and repositories print them, against central differences of what they mean in NumPy."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable

import numpy as np
import pytest

import derive
from derive import names
from derive.errors import DeriveError
from tests.index_formulas import V

Value = Callable[[V], float]


def softmax(z: np.ndarray) -> np.ndarray:
    return np.exp(z) / np.exp(z).sum(-1, keepdims=True)


def huber(z: np.ndarray, delta: float) -> np.ndarray:
    return np.where(abs(z) <= delta, z**2 / 2, delta * (abs(z) - delta / 2))


def norms(X: np.ndarray) -> np.ndarray:
    return np.sqrt((X**2).sum(-1, keepdims=True))


def squares(v: V) -> float:
    return ((v.A @ v.x - v.b) ** 2).sum()


def half(v: V) -> float:
    return squares(v) / 2


def samples(v: V) -> float:
    return ((v.y - v.X @ v.w) ** 2).sum()


def planar(v: V) -> float:
    return np.log(abs(1 + v.u @ v.x))


def nuclear(v: V) -> float:
    return np.linalg.norm(v.X, "nuc")


# The text, the variable, the shapes of what occurs, and the value in NumPy.
WRITTEN: list[tuple[str, str, str, Value]] = [
    # A tie is a space
    (r"\sigma(x)=\sqrt{x^T ~ \Sigma ~ x}", "x", "x: 3, Σ: 3×3", lambda v: np.sqrt(v.x @ v.Σ @ v.x)),
    # Letters set in one style
    (r"f(\textbf{x}) = \frac{1}{2} || \textbf{Ax - b} ||_2^2", "x", "A: 4×3, x: 3, b: 4", half),
    (r"\frac12 \|\textbf{A x - b}\|^2", "x", "A: 4×3, x: 3, b: 4", half),
    (r"\|\mathrm{Ax-b}\|^2", "x", "A: 4×3, x: 3, b: 4", squares),
    (r"\|\textit{Ax - b}\|^2", "x", "A: 4×3, x: 3, b: 4", squares),
    # A number behind the bar that opens
    (r"\log(|1 + u^T x|)", "x", "u: 3, x: 3", planar),
    (r"\log|1 + u^T x|", "x", "u: 3, x: 3", planar),
    # What a value is called
    (r"-\log p(y|x) = \|y - A x\|^2", "x", "A: 4×3, x: 3, y: 4", lambda v: ((v.y - v.A @ v.x) ** 2).sum()),
    (r"\log T_{N\times P}(X| \nu, M) \propto \log|I_N + (X-M)(X-M)^T|", "X", "X: 3×4, M: 3×4",
     lambda v: np.linalg.slogdet(np.eye(3) + (v.X - v.M) @ (v.X - v.M).T)[1]),
    # A value by the capital of a family in it
    (r"H = -\frac12\sum_{i,j} J_{ij} s_i s_j - \sum_i h_i s_i", "s", "J: 4×4, s: 4, h: 4",
     lambda v: -v.s @ v.J @ v.s / 2 - v.h @ v.s),
    (r"E = \sum_i e_i^2 t_i", "e", "e: 4, t: 4", lambda v: v.e**2 @ v.t),
    (r"X = \sum_i \|x_i - y\|^2", "y", "X: 4×3, y: 3", lambda v: ((v.X - v.y) ** 2).sum()),
    # Σ for ∑
    (r"\Sigma_{i=1}^n (y_i - w^T x_i)^2", "w", "y: 5, X: 5×3, w: 3", samples),
    (r"\Sigma_i (y_i - w^T x_i)^2", "w", "y: 5, X: 5×3, w: 3", samples),
    (r"\Sigma_i \Sigma_j A_{ij} x_i x_j", "x", "A: 3×3, x: 3", lambda v: v.x @ v.A @ v.x),
    (r"|\Sigma_i x_i|", "x", "x: 3", lambda v: abs(v.x.sum())),
    (r"\frac{e^{w_a^\top x}}{\Sigma_{d} e^{w_d^\top x}}", "x", "W: 4×3, w_a: 3, x: 3",
     lambda v: np.exp(v.w_a @ v.x) / np.exp(v.W @ v.x).sum()),
    (r"x^T \Sigma_k x", "x", "Σ_k: 3×3, x: 3", lambda v: v.x @ v.Σ_k @ v.x),
    (r"x_k^T \Sigma_k x_k", "x_k", "Σ_k: 3×3, x_k: 3", lambda v: v.x_k @ v.Σ_k @ v.x_k),
    (r"\log|\Sigma_k| + x_k^T x_k", "x_k", "Σ_k: 3×3, x_k: 3",
     lambda v: np.linalg.slogdet(v.Σ_k)[1] + v.x_k @ v.x_k),
    (r"\operatorname{tr}(\Sigma_k S_k)", "S_k", "Σ_k: 3×3, S_k: 3×3", lambda v: np.trace(v.Σ_k @ v.S_k)),
    (r"\|\Sigma_k x_k - b\|^2", "x_k", "Σ_k: 3×3, x_k: 3, b: 3", lambda v: ((v.Σ_k @ v.x_k - v.b) ** 2).sum()),
    (r"\|x-\Sigma_k\mu_k\|^2", "x", "x: 3, Σ_k: 3×3, μ_k: 3", lambda v: ((v.x - v.Σ_k @ v.μ_k) ** 2).sum()),
    (r"\mu_k^Tx+\|\Sigma_k(x-\mu_k)\|^2", "x", "x: 3, Σ_k: 3×3, μ_k: 3",
     lambda v: v.μ_k @ v.x + ((v.Σ_k @ (v.x - v.μ_k)) ** 2).sum()),
    (r"\|\Sigma_k x_k\|^2+\|x_k\|^2", "x_k", "Σ_k: 3×3, x_k: 3",
     lambda v: ((v.Σ_k @ v.x_k) ** 2).sum() + v.x_k @ v.x_k),
    (r"\langle \Sigma_k x_k, b \rangle", "b", "Σ_k: 3×3, x_k: 3, b: 3", lambda v: v.Σ_k @ v.x_k @ v.b),
    (r"\Sigma_k x_k \cdot b", "b", "Σ_k: 3×3, x_k: 3, b: 3", lambda v: v.Σ_k @ v.x_k @ v.b),
    (r"\Sigma_i \|x_i - y\|^2 + \Sigma_i z_i^2", "y", "X: 4×3, y: 3, z: 4",
     lambda v: ((v.X - v.y) ** 2).sum() + v.z @ v.z),
    # The entries of a diagonal
    (r"x^T diag(\lambda_1,\dots,\lambda_n) x", "x", "x: 3, λ: 3", lambda v: v.λ @ v.x**2),
    (r"x^T \operatorname{diag}(w_1,w_2,\ldots,w_n) x + \alpha x^T x", "w", "x: 3, w: 3, α: scalar",
     lambda v: v.w @ v.x**2 + v.α * (v.x @ v.x)),
    (r"\lambda_1^-a", "a", "λ_1: scalar, a: scalar", lambda v: v.λ_1**-v.a),
    # Sizes below letters
    (r"\|A_{m\times n} x_{n\times 1} - b\|^2", "x", "A: 4×3, x: 3, b: 4", squares),
    (r"x^T A_{2 \times 2} x", "x", "A: 2×2, x: 2", lambda v: v.x @ v.A @ v.x),
    (r"x^T (A + I_{n\times n}) x", "x", "A: 3×3, x: 3", lambda v: v.x @ v.A @ v.x + v.x @ v.x),
    (r"x^T (A + I_{n*n}) x", "x", "A: 3×3, x: 3", lambda v: v.x @ v.A @ v.x + v.x @ v.x),
    (r"x^T A 1_{n\times 1}", "x", "A: 3×4, x: 3", lambda v: v.x @ v.A @ np.ones(4)),
    # The word for what is done with the value
    ("min_x 1/2 ||Ax - b||^2", "x", "A: 4×3, x: 3, b: 4", half),
    ("f = max_w  w'*A*w / (w'*w)", "w", "A: 3×3, w: 3", lambda v: v.w @ v.A @ v.w / (v.w @ v.w)),
    # The root of a matrix under a trace
    (r"\|X\|_* = \mathrm{tr} \left(\sqrt{X^T X} \right)", "X", "X: 4×3", nuclear),
    (r"\operatorname{tr}\sqrt{X X^T}", "X", "X: 3×4", nuclear),
    (r"\mathrm{tr}((X^TX)^{1/2})", "X", "X: 4×3", nuclear),
    ("tr(sqrt(X'X))", "X", "X: 4×3", lambda v: np.trace(np.sqrt(v.X.T @ v.X))),
    # Ones beside a matrix where only entries count, and a number beside a vector
    (r"\|(1-M)\circ(A-UV^T)\|_F^2", "U", "M: 4×5, A: 4×5, U: 4×2, V: 5×2",
     lambda v: (((1 - v.M) * (v.A - v.U @ v.V.T)) ** 2).sum()),
    ("-sum(Y .* log(P) + (1 - Y) .* log(1 - P))", "P", "Y: 4×3, P: 4×3",
     lambda v: -(v.Y * np.log(v.P) + (1 - v.Y) * np.log(1 - v.P)).sum()),
    # The fraction of a divergence
    (r"p^T \log(p/q)", "q", "p: 3, q: 3", lambda v: v.p @ np.log(v.p / v.q)),
    (r"p^T \log(p/q)", "p", "p: 3, q: 3", lambda v: v.p @ np.log(v.p / v.q)),
    ("log(x'*A*x/(x'*x))", "x", "A: 3×3, x: 3", lambda v: np.log(v.x @ v.A @ v.x / (v.x @ v.x))),
    # Coordinates
    (r"x_1x_2+x_2x_3", "x_2", "x_1: scalar, x_2: scalar, x_3: scalar", lambda v: v.x_1 * v.x_2 + v.x_2 * v.x_3),
    (r"\frac{q_1 q_2}{4\pi\epsilon\|r_1-r_2\|}", "r_1", "q_1: scalar, q_2: scalar, r_1: 3, r_2: 3, ε: scalar",
     lambda v: v.q_1 * v.q_2 / (4 * np.pi * v.ε * np.linalg.norm(v.r_1 - v.r_2))),
    (r"x_1 A x_2", "x_2", "x_1: 1×3, A: 3×4, x_2: 4", lambda v: (v.x_1 @ v.A @ v.x_2).item()),
    # The norm of a letter is that of a vector
    (r"\|x - 1\|^2", "x", "x: 3", lambda v: ((v.x - 1) ** 2).sum()),
    (r"\|x^T x - 1\|^2", "x", "x: 3", lambda v: (v.x @ v.x - 1) ** 2),
    (r"\|\sqrt{A} \odot B\|^2", "A", "A: 3×4, B: 3×4", lambda v: (v.A * v.B**2).sum()),
    # A number of one's own in front of a number
    (r"(1 - R) w^T x", "w", "R: scalar, w: 3, x: 3", lambda v: (1 - v.R) * (v.w @ v.x)),
    (r"(N-1)^{-1} w^T X^T X w", "w", "N: scalar, X: 4×3, w: 3", lambda v: ((v.X @ v.w) ** 2).sum() / (v.N - 1)),
    (r"\|(X - \mu) W\|_F^2", "\\mu", "X: 5×3, μ: 3, W: 3×2", lambda v: (((v.X - v.μ) @ v.W) ** 2).sum()),
    # SymPy
    ("Trace(A*X.I*B)", "X", "A: 2×3, X: 3×3, B: 3×2", lambda v: np.trace(v.A @ np.linalg.inv(v.X) @ v.B)),
    ("log(Determinant(X*A)**2)", "X", "X: 3×3, A: 3×3", lambda v: 2 * np.linalg.slogdet(v.X @ v.A)[1]),
    ("Trace(Inverse(A)*B)", "A", "A: 3×3, B: 3×3", lambda v: np.trace(np.linalg.inv(v.A) @ v.B)),
    ("Trace(HadamardProduct(A, B)*C)", "A", "A: 3×2, B: 3×2, C: 2×3", lambda v: np.trace(v.A * v.B @ v.C)),
    ("Trace(Transpose(A)*X)", "X", "A: 3×2, X: 3×2", lambda v: (v.A * v.X).sum()),
    ("DotProduct(x, A*x)", "x", "A: 3×3, x: 3", lambda v: v.x @ v.A @ v.x),
    # PyTorch and TensorFlow
    ("torch.nn.functional.huber_loss(X @ w, y, delta=0.5)", "w", "X: 5×3, w: 3, y: 5",
     lambda v: huber(v.X @ v.w - v.y, 0.5).mean()),
    ("torch.dist(A @ x, b)", "x", "A: 4×3, x: 3, b: 4", lambda v: np.sqrt(squares(v))),
    ("(F.normalize(X) @ F.normalize(Y).T * M).sum()", "X", "X: 4×3, Y: 5×3, M: 4×5",
     lambda v: (v.X / norms(v.X) @ (v.Y / norms(v.Y)).T * v.M).sum()),
    ("(F.normalize(x, dim=0) * y).sum()", "x", "x: 3, y: 3", lambda v: v.x @ v.y / np.sqrt(v.x @ v.x)),
    ("F.cross_entropy(X @ W, Y)", "W", "X: 5×3, W: 3×4, Y: 5×4",
     lambda v: -(v.Y * np.log(softmax(v.X @ v.W))).sum(1).mean()),
    ("tf.reduce_mean(tf.square(Y - tf.matmul(X, W)))", "W", "X: 5×3, W: 3×4, Y: 5×4",
     lambda v: ((v.Y - v.X @ v.W) ** 2).mean()),
    ("tf.reduce_sum(tf.nn.relu(1 - y * tf.linalg.matvec(X, w)))", "w", "X: 5×3, w: 3, y: 5",
     lambda v: np.maximum(1 - v.y * (v.X @ v.w), 0).sum()),
    ("tf.math.reduce_logsumexp(x) + tf.nn.l2_loss(x)", "x", "x: 4",
     lambda v: np.log(np.exp(v.x).sum()) + v.x @ v.x / 2),
    ("tf.reduce_sum(tf.nn.leaky_relu(A @ x - b))", "x", "A: 4×3, x: 3, b: 4",
     lambda v: np.where(v.A @ v.x > v.b, v.A @ v.x - v.b, (v.A @ v.x - v.b) / 5).sum()),
    ("tf.reduce_sum(tf.nn.gelu(x))", "x", "x: 4",
     lambda v: sum(z * (1 + math.erf(z / math.sqrt(2))) / 2 for z in v.x)),
    ("tf.norm(A, axis=[0, 1])", "A", "A: 4×3", lambda v: np.sqrt((v.A**2).sum())),
    ("tf.linalg.trace(tf.matmul(tf.linalg.diag(x), B, transpose_b=True))", "x", "x: 3, B: 3×3",
     lambda v: v.x @ np.diag(v.B)),
    ("tf.norm(A, ord=2)", "A", "A: 4×3", lambda v: np.sqrt((v.A**2).sum())),
    # Braces around one bracket, a list of indices before their order, a matrix of ones
    (r"\log \Big{(} a^T x + x^T x \Big{)}", "x", "a: 3, x: 3", lambda v: np.log(v.a @ v.x + v.x @ v.x)),
    (r"\sum_{i,j\,:\,i<j} A_{ij} x_i x_j", "x", "A: 4×4, x: 4", lambda v: v.x @ np.triu(v.A, 1) @ v.x),
    (r"x^T \mathbf{1}_{m\times n} y", "x", "x: 4, y: 3", lambda v: v.x.sum() * v.y.sum()),
    (r"\Sigma_{i=0}^n\Sigma_{j=0}^nA_{ij}x_ix_j", "x", "x: 3, A: 3×3", lambda v: v.x @ v.A @ v.x),
    (r"\sum_{i, j : j > i} A_{ij} x_i x_j", "x", "A: 4×4, x: 4", lambda v: v.x @ np.triu(v.A, 1) @ v.x),
    (r"\sum_i \sum_{j: j \neq i} A_{ij} x_i x_j", "x", "A: 4×4, x: 4",
     lambda v: v.x @ (v.A - np.diag(np.diag(v.A))) @ v.x),
    (r"\sum_i \sum_{j : j < i} A_{ij} x_i x_j", "x", "A: 4×4, x: 4", lambda v: v.x @ np.tril(v.A, -1) @ v.x),
    # A transpose behind the label of a layer
    (r"\|\mathbf{W}^{(2)T} x - y\|^2", "x", "W_2: 3×4, x: 3, y: 4", lambda v: ((v.W_2.T @ v.x - v.y) ** 2).sum()),
    (r"\sigma(w^{[2]\top} a^{[1]} + b^{[2]})", "b_2", "w_2: 3, a_1: 3, b_2: scalar",
     lambda v: 1 / (1 + np.exp(-v.w_2 @ v.a_1 - v.b_2))),
    # The log of a mean
    (r"\log \frac{1}{n} \sum_{i=1}^n e^{x_i}", "x", "x: 4", lambda v: np.log(np.exp(v.x).mean())),
    (r"\sum_i \log \frac{1}{m} \sum_j e^{-\|x_i - y_j\|^2}", "x", "x: 3×2, Y: 4×2",
     lambda v: np.log(np.exp(-((v.x[:, None] - v.Y) ** 2).sum(-1)).mean(1)).sum()),
    (r"\log\lambda \sum_i x_i", r"\lambda", "λ: scalar, x: 4", lambda v: np.log(v.λ) * v.x.sum()),
    # A letter before a norm in an exponent is a number
    (r"\sum_{i<j} e^{-t\|z_i-z_j\|^2}", "z", "z: 4×3, t: scalar",
     lambda v: sum(np.exp(-v.t * ((v.z[i] - v.z[j]) ** 2).sum()) for i in range(4) for j in range(i + 1, 4))),
    # MATLAB and Julia
    ("y'*(K\\y)", "K", "y: 3, K: 3×3", lambda v: v.y @ np.linalg.solve(v.K, v.y)),
    ("z = A \\ b; c'*z", "A", "A: 3×3, b: 3, c: 3", lambda v: v.c @ np.linalg.solve(v.A, v.b)),
    ("sum(abs2, A*x - b)", "x", "A: 4×3, x: 3, b: 4", squares),
    ("mean(abs2.(A*x .- b))", "x", "A: 4×3, x: 3, b: 4", lambda v: squares(v) / 4),
    ("sum(log.(1 .+ exp.(-y .* (X*w))))", "w", "y: 5, X: 5×3, w: 3",
     lambda v: np.log1p(np.exp(-v.y * (v.X @ v.w))).sum()),
    ("sum(max.(1 .- y .* (X*w), 0))", "w", "y: 5, X: 5×3, w: 3",
     lambda v: np.maximum(1 - v.y * (v.X @ v.w), 0).sum()),
    ("sum((x .- mean(x)).^2)", "x", "x: 4", lambda v: ((v.x - v.x.mean()) ** 2).sum()),
    ("sum(abs2, A*x - b) + lambda*sum(abs2, x)", "x", "A: 4×3, x: 3, b: 4, λ: scalar",
     lambda v: squares(v) + v.λ * (v.x @ v.x)),
    ("sum((2 .- A).^3) + sum(σ.(x .+ 1))", "A", "A: 4×3, x: 3",
     lambda v: ((2 - v.A) ** 3).sum() + (1 / (1 + np.exp(-v.x - 1))).sum()),
    ("dot(x, A, y)", "A", "x: 3, A: 3×4, y: 4", lambda v: v.x @ v.A @ v.y),
    # N less one is a number of samples below a product
    ("np.sum((X.T @ X / (N - 1))**2)", "X", "X: 5×3, N: scalar",
     lambda v: ((v.X.T @ v.X / (v.N - 1)) ** 2).sum()),
    ("np.sum(X / (Y - 1))", "X", "X: 5×3, Y: 5×3", lambda v: (v.X / (v.Y - 1)).sum()),
    ("np.sum(X @ W / (Y - 1) + Y)", "X", "X: 5×3, W: 3×4, Y: 5×4",
     lambda v: (v.X @ v.W / (v.Y - 1) + v.Y).sum()),
    ("tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=Y, logits=Z))", "Z", "Y: 5×4, Z: 5×4",
     lambda v: -(v.Y * np.log(softmax(v.Z))).sum(1).mean()),
    ("tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=X @ w))", "w", "X: 5×3, w: 3, y: 5",
     lambda v: (np.log1p(np.exp(v.X @ v.w)) - v.y * (v.X @ v.w)).mean()),
    ("tf.math.reduce_std(X @ w) + tf.math.reduce_variance(X @ w)", "w", "X: 5×3, w: 3",
     lambda v: np.std(v.X @ v.w) + np.var(v.X @ v.w)),
    ("(X @ w).var(unbiased=False)", "w", "X: 5×3, w: 3", lambda v: np.var(v.X @ v.w)),
    ("F.kl_div(F.log_softmax(X, dim=1), Y, reduction='batchmean')", "X", "X: 5×3, Y: 5×3",
     lambda v: (v.Y * (np.log(v.Y) - np.log(softmax(v.X)))).sum() / 5),
]  # fmt: skip

# What resembles it and is refused: the text, the variable, what is said.
REFUSED = [
    ("x ~ y", "x", "~ cannot be read"),
    (r"\|x\|2", "x", "may be an exponent that lost its height"),
    ("-L + x = x^T x", "x", "the left of = is a name"),
    ("-L = x^T x", "x", "the left of = is a name"),
    ("-2L = x^T x", "x", "the left of = is a name"),
    (r"-\ell(w) = \|Xw - y\|^2", "w", "the left of = is a name"),
    ("‖Σₖ xₖ − b‖²", "b", "Σ_k may be the sign of a sum, or a matrix"),
    (r"\|\Sigma_i a_i x_i - b\|^2", "b", "Σ_i may be the sign of a sum, or a matrix"),
    (r"x^T diag(\lambda_1,\dots,\lambda_n) x + \lambda x^T x", "x", "only where it stands for nothing else"),
    (r"y^T diag(\sigma_1,\dots,\sigma_n) y/\sigma^2", "y", "only where it stands for nothing else"),
    (r"x^T diag(w_1,\dots,w_n) x + \|Xw\|^2", "x", "only where it stands for nothing else"),
    (r"x^T diag(A_1,\dots,A_n) x", "x", r"\dots cannot be read"),
    (r"x^T diag(\mathbf{w}_1,\dots,\mathbf{w}_n) x", "x", r"\dots cannot be read"),
    (r"\operatorname{tr}(\sqrt{X^TX}+A)", "X", "this root may be that of the matrix, or of every entry"),
    (r"\operatorname{tr}(-\sqrt{X^TX})", "X", "this root may be that of the matrix, or of every entry"),
    (r"x^T(\sqrt A+B)x", "x", "this root may be that of the matrix, or of every entry"),
    (r"x^T\sqrt A^{-1}x", "x", "this root may be that of the matrix, or of every entry"),
    (r"\operatorname{tr}(\sqrt A^T B)", "A", "this root may be that of the matrix, or of every entry"),
    (r"\log\det(I+\sqrt A)", "A", "this root may be that of the matrix, or of every entry"),
    (r"x^T\exp(1-A)x", "x", "1-A may be a number, or hold the identity"),
    (r"v^T\log(1-A)v", "v", "1-A may be a number, or hold the identity"),
    (r"\operatorname{tr}(B\log(1-P))", "P", "1-P may be a number, or hold the identity"),
    (r"\sum_{i,j \in S} w_{ij} x_i x_j", "x", "i, j ∈ S may say that both belong to S, or that the pair does"),
    (r"\sum_{u, i \in K} (r_{ui} - p_u^T q_i)^2", "p", "u, i ∈ K may say that both belong to K"),
    (r"h = \sum_i h_i x_i", "x", "defined by itself"),
    (r"x^T A_{m \times n} A_{n\times m} x", "x", "declared twice"),
    (r"A_{m\times n} x_{k \times 1}", "x", "cannot multiply"),
    (r"x^T \mathbf{1}_{n\times n} y", "x", "1 of size n×n is not read"),
    ("sum((X .- mu).^2)", "X", ".- may add a vector to every column"),
    ("sum(f.(x))", "x", "f.(x) is not read"),
    ("sum(max.(x))", "x", "f.(x) is not read"),
    ("sum(X(:).^2)", "X", "X(:) is all entries of a matrix as a vector"),
    (r"\frac12 y^T K\y", "y", r"\y is not known"),
    (r"\sum_{i,j: i<k} x_i x_j", "x", "is no size"),
    (r"\sum_{j: j<i} x_j", "x", "is no size"),
    (r"\log\frac{1}{\lambda} \sum_i x_i", "x", "may be the log of a mean, or a factor of a sum"),
    (r"w^{*T} x", "x", "optima (^*) are not read"),
    ("sum(gammaln(x))", "x", "gammaln is not read"),
    (r"\sum_{t=p+1}^T (y_t - \sum_{i=1}^p \phi_i y_{t-i})^2", r"\phi", "has the number t-i, made of two indices"),
    ("F.kl_div(P, Q, reduction='batchsum')", "P", "this reduction is not read"),
    ("tf.math.reduce_std(x, ddof=1)", "x", "the argument ddof="),
    (r"\operatorname{tr}(\sqrt{A X})", "X", "this root may be that of the matrix, or of every entry"),
    (r"\log\det\sqrt{S} + \operatorname{tr} S", "S", "this root may be that of the matrix, or of every entry"),
    (r"\mathrm{tr}((A^TX)^{1/2})", "X", "is of a number, as A is read"),
    (r"\|X^TX - 1\|_F^2", "X", "X^TX - 1 may be a number, or hold the identity"),
    (r"x^T \sqrt{A}x", "x", "this root may be that of the matrix, or of every entry"),
    ("w_1 x_1 + w_2 x_2 + b", "w_1", "cannot multiply"),
    (r"x^T (1 - A) x", "x", "(1 - A) may be a number, or hold the identity"),
    (r"x^T (1 - A)^{-1} x", "x", "(1 - A) may be a number, or hold the identity"),
    (r"\|(1-A)x\|^2", "x", "(1-A) may be a number, or hold the identity"),
    (r"y^T(K + \sigma^2)^{-1}y", r"\sigma", r"(K + \sigma^2) may be a number, or hold the identity"),
    (r"x^T (A + \lambda) x", "x", r"(A + \lambda) may hold λ I, or λ in each row"),
    ("tr((1 - A) B)", "A", "(1 - A) may be a number, or hold the identity"),
    (r"\|\mathcal{A}(X) - b\|^2", "X", "A(…) in this script may be an operator or a function"),
    (r"J = \mathcal{L}(w) + \lambda\|w\|^2", "w", "L(…) in this script may be an operator or a function"),
    (r"f(W)= aW (W^T \Sigma W)^{-1} W^Ta^T", "W", "cannot multiply a (m × 1) by W (n × p)"),
    ("max_t x_t", "x", "a subscript of max is not read"),
    ("Sum(x[i]**2, (i, 0, n-1))", "x", "Sum is not read"),
    ("torch.dist(x, y, p=1)", "x", "only the Euclidean distance is read"),
    ("F.normalize(x, p=1, dim=0).sum()", "x", "only the Euclidean norm is read"),
    ("F.cross_entropy(X @ W, y)", "W", "targets that are indices of classes are not read"),
    ("F.huber_loss(x, y, delta=-1)", "x", "delta is positive"),
    *(
        (f"tf.{name}", "x", f"tf.{name.split('(')[0]} is not among the functions of TensorFlow")
        for name in ("nn.mse_loss(x, y)", "nn.huber_loss(x, y)", "sum(x)", "dot(x, y)", "keras(x)", "slogdet(x)")
    ),
    ("tf.norm(A, ord=2, axis=[0, 1])", "A", "this norm over two axes is not read"),
    ("tf.norm(A, ord='fro')", "A", "'fro' takes the two axes of a matrix"),
    ("tf.reduce_sum(tf.linalg.diag(A))", "A", "tf.linalg.diag of a matrix stacks matrices"),
    ("tf.reduce_sum(tf.nn.gelu(x, approximate=True))", "x", "the approximation of gelu is not read"),
    ("tf.reduce_sum(tf.cast(x, tf.int32))", "x", "only a cast to floating point is read"),
    ("K.mean(K.square(x - y))", "x", "square takes at most 1 arguments"),
]


def arrays(shapes: str) -> V:
    rng = np.random.default_rng(0)
    values = V()
    for part in shapes.split(","):
        name, _, shape = part.partition(":")
        sizes = [int(size) for size in shape.split("×")] if shape.strip() != "scalar" else []
        values[name.strip()] = rng.uniform(0.3, 0.9, sizes)
        if len(set(sizes)) == 1 and len(sizes) == 2:
            values[name.strip()] += 2 * np.eye(sizes[0])
    return values


def by_identifier(values: V) -> dict[str, np.ndarray]:
    return {names.identifier(names.canonical(name)): value for name, value in values.items()}


def slope(value: Value, at: V, name: str) -> np.ndarray:
    made = np.zeros_like(at[name])
    for place in np.ndindex(made.shape):
        ends = []
        for step in (1e-6, -1e-6):
            moved = V({n: a.copy() for n, a in at.items()})
            moved[name][place] += step
            ends.append(value(moved))
        made[place] = (ends[0] - ends[1]) / 2e-6
    return made


@pytest.mark.parametrize(("text", "wrt", "shapes", "value"), WRITTEN, ids=[row[0] for row in WRITTEN])
def test_a_formula_of_the_field_is_what_its_author_means(text: str, wrt: str, shapes: str, value: Value) -> None:
    at = arrays(shapes)
    function = derive.gradient(text, wrt).function(returns="value_and_gradient")
    given = by_identifier(at)
    found, gradient = function(**{name: given[name] for name in inspect.signature(function).parameters})
    assert np.isclose(found, value(at), rtol=1e-9)
    assert np.allclose(
        gradient,
        slope(value, at, names.text(names.canonical(wrt)).replace("₁", "_1") if wrt.startswith("\\") else wrt),
        rtol=1e-5,
        atol=1e-7,
    )


def test_what_is_a_number_by_its_use_is_said() -> None:
    assert "N is read as a number" in derive.gradient("np.sum((X.T @ X / (N - 1))**2)", "X").readings


def test_no_brace_is_cut_in_what_is_said() -> None:
    said = derive.gradient(r"\frac{1}{|\mathbf{r} - \mathbf{s}|} + \|X\|_{1}", r"\mathbf{r}").readings
    assert all(reading.count("{") == reading.count("}") for reading in said), said
    assert any(r"the norm of \mathbf{r} - \mathbf{s}" in reading for reading in said), said


def test_another_meaning_is_seen() -> None:
    at = arrays("A: 4×3, x: 3, b: 4")
    gradient = derive.gradient(r"\|\mathrm{Ax-b}\|^2", "x").function()(**at)
    assert np.allclose(gradient, slope(squares, at, "x"), rtol=1e-5)
    assert not np.allclose(gradient, slope(half, at, "x"), rtol=1e-5)


@pytest.mark.parametrize(("text", "wrt", "why"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_resembles_it_is_refused(text: str, wrt: str, why: str) -> None:
    with pytest.raises(DeriveError) as caught:
        derive.gradient(text, wrt)
    assert why in caught.value.message


@pytest.mark.parametrize(
    ("text", "wrt", "where", "shapes", "value"),
    [
        ("sum(log(1 + exp(-y .* (X*w + b))))", "w", "b: scalar", "X: 5×3, w: 3, y: 5, b: scalar",
         lambda v: np.log(1 + np.exp(-v.y * (v.X @ v.w + v.b))).sum()),
        (r"\|X w + b - y\|^2", "b", "b: scalar", "X: 5×3, w: 3, y: 5, b: scalar",
         lambda v: ((v.X @ v.w + v.b - v.y) ** 2).sum()),
        (r"x^T (1 - A) x", "x", "A: scalar", "x: 3, A: scalar", lambda v: (1 - v.A) * (v.x @ v.x)),
    ],
)  # fmt: skip
def test_what_is_declared_a_number_is_one(text: str, wrt: str, where: str, shapes: str, value: Value) -> None:
    at = arrays(shapes)
    derivation = derive.gradient(text, wrt, where)
    gradient = derivation.function()(**{n: at[n] for n in inspect.signature(derivation.function()).parameters})
    assert np.allclose(gradient, slope(value, at, wrt), rtol=1e-5, atol=1e-7)
    assert ("1 - A" in text) or any("is read as each entry" in said for said in derivation.readings)


LAYERS = [  # what is less its mean, over its deviation: the formula, the shapes of what it is times and plus
    (r"\mu = \frac{1}{N} \sum_j x_j; \sigma^2 = \frac{1}{N} \sum_j (x_j - \mu)^2; "
     r"y = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} * \gamma + \beta", None, (4,)),
    (r"\mu = \frac{1}{N} \sum_j x_j; \sigma^2 = \frac{1}{N} \sum_j (x_j - \mu)^2; "
     r"y = \gamma \odot \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta", None, (4,)),
    ("gamma * (x - mean(x)) / sqrt(var(x) + eps) + beta", None, (4,)),
    ("gamma * (x - mean(x)) / sqrt(var(x) + eps) + beta", "gamma: scalar", ()),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "where", "shape"), LAYERS)
def test_a_layer_is_normalized_entry_by_entry(formula: str, where: str | None, shape: tuple[int, ...]) -> None:
    derivation = derive.jacobian(formula, "x", where)
    rng = np.random.default_rng(0)
    at = {"x": rng.normal(size=4), "gamma": rng.normal(size=shape), "beta": rng.normal(size=4), "epsilon": 0.1}
    function = derivation.function()
    found = function(**{name: at[name] for name in inspect.signature(function).parameters})

    def value(x: np.ndarray) -> np.ndarray:
        return np.asarray((x - x.mean()) / np.sqrt(x.var() + 0.1) * at["gamma"] + at["beta"])

    columns = [(value(at["x"] + step) - value(at["x"] - step)) / 2e-6 for step in 1e-6 * np.eye(4)]
    assert np.allclose(found, np.stack(columns, 1), rtol=1e-5, atol=1e-8)
    assert where is not None or r"\odot" in formula or any("read entry by entry" in r for r in derivation.readings)


def test_what_is_less_its_mean_is_times_a_matrix() -> None:
    assert str(derive.parse("W * (x - mean(x)) + b")) == str(derive.parse("W (x − mean(x)) + b"))


@pytest.mark.parametrize(
    ("text", "wrt", "way"),
    [
        (r"\log p(x|z)", "z", "named by a letter"),
        (r"\sum_i x_i \log\lambda - \log(x_i!)", r"\lambda", "leave out what no variable is in"),
        (r"\|\mathbf{1}_{n\times n} X\|^2", "X", "ones(m, n) holds ones"),
    ],
)
def test_what_is_refused_has_a_way_out(text: str, wrt: str, way: str) -> None:
    with pytest.raises(DeriveError) as caught:
        derive.gradient(text, wrt)
    assert way in str(caught.value.hint)


def test_a_vector_between_single_bars_is_said_to_have_a_length() -> None:
    with pytest.raises(DeriveError) as caught:
        derive.gradient("|Ax - b|^2", "x")
    assert caught.value.hint == "‖…‖ is the length of a vector, |…| of a number"


def test_an_exponent_is_no_label() -> None:
    assert str(derive.gradient("e^{(r)T}", "r", "r, T: scalar").boxed) == "T exp(r T)"


def test_a_declared_matrix_is_no_sum() -> None:
    at = arrays("Σ_k: 3×3, x_k: 3")
    gradient = derive.gradient(r"\|\Sigma_k x_k\|^2", "x_k", where="Σ_k: 3×3, x_k: 3").function()
    assert np.allclose(gradient(**by_identifier(at)), 2 * at.Σ_k.T @ at.Σ_k @ at.x_k)


@pytest.mark.parametrize(("sign", "verdict"), [("+", "proved"), ("-", "fails")])
def test_only_the_trace_that_is_transposed_takes_what_follows(sign: str, verdict: str) -> None:
    value = r"\phi = \operatorname{tr}(X^T A X) + \det(B)\,b^T b"
    change = r"d\phi = \operatorname{tr}(dX)^T A X + \operatorname{tr} X^T A dX"
    report = derive.check(rf"$${value}$$ $${change} {sign} 2\det(B)\,b^T db$$")
    assert report.lines[-1].verdict == verdict


def test_a_declared_number_has_no_list_of_entries() -> None:
    with pytest.raises(DeriveError, match="is read as a number, and its entries are listed"):
        derive.gradient(r"x^T diag(\lambda_1,\dots,\lambda_n) x", "x", "λ: scalar")


@pytest.mark.parametrize("text", ["x^T (A + b) x", r"\|A x + b - y\|^2 + \|B + b\|_F^2"])
def test_a_number_beside_a_matrix_is_not_spread(text: str) -> None:
    with pytest.raises(DeriveError, match="may be a number, or hold the identity|cannot add"):
        derive.gradient(text, "x", "b: scalar, B: m×n")


@pytest.mark.parametrize(
    ("text", "wrt", "reading"),
    [
        (r"\Sigma_i x_i^2", "x", "Σ is read as the sign of a sum"),
        (r"\operatorname{tr}\sqrt{X^TX}", "X", r"\operatorname{tr}\sqrt{X^TX} is read as ‖X‖_*"),
        ("F.cross_entropy(X @ W, Y)", "W", "Y is read as probabilities of the classes, not as their indices"),
        ("min_x ||Ax - b||^2", "x", "the minimum is left out"),
        (r"\sum_{i<j} \frac{q_i q_j}{|r_i - r_j|}", "r", "{|r_i - r_j|} is read as the distance of numbers"),
        ("tr(sqrt(X'X))", "X", "sqrt(X'X) is read as the root of each entry"),
        (r"\|x/y\|^2", "x", "y is read as a scalar"),
        ("|X|^2", "X", "|X| is read as the determinant"),
        (r"\log\lambda\sum_i x_i", r"\lambda", r"\log\lambda is read as a factor of the sum"),
    ],
)
def test_what_the_text_does_not_force_is_said(text: str, wrt: str, reading: str) -> None:
    assert any(said.startswith(reading) for said in derive.gradient(text, wrt).readings)
