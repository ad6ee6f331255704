"""Index formulas as the literature writes them, each with the loops that say what it means.

A row: the formula, the variable, the shapes of what occurs, and the value as a function of `v`, the arrays by name.
Indices run over N samples, d features, K classes or components, n and m in general.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

SIZES = {"N": 5, "d": 3, "K": 4, "n": 6, "m": 4, "r": 2}
Loop = Callable[[dict[str, np.ndarray]], float]


class V(dict[str, np.ndarray]):
    """Arrays by name, as attributes."""

    def __getattr__(self, name: str) -> np.ndarray:
        return self[name]


def sigmoid(t: float) -> float:
    return 1 / (1 + np.exp(-t))


def over(*sizes: str) -> list[tuple[int, ...]]:
    return list(np.ndindex(*(SIZES[s] for s in sizes)))


def pairs(size: str) -> list[tuple[int, int]]:
    return [(i, j) for i, j in np.ndindex(SIZES[size], SIZES[size]) if i < j]


FORMULAS: list[tuple[str, str, str, Callable[[V], float]]] = [
    # Least squares, ridge, weighted
    (r"\sum_i (\sum_j a_{ij} x_j - b_i)^2", "x", "a: N×d, x: d, b: N",
     lambda v: sum((sum(v.a[i, j] * v.x[j] for j in range(3)) - v.b[i]) ** 2 for i in range(5))),
    (r"\sum_i (y_i - \sum_j X_{ij} w_j)^2 + \lambda \sum_j w_j^2", "w", "X: N×d, w: d, y: N, lam: scalar",
     lambda v: sum((v.y[i] - v.X[i] @ v.w) ** 2 for i in range(5)) + v.lam * sum(w * w for w in v.w)),
    (r"\frac{1}{2N} \sum_{i=1}^N (w^T x_i - y_i)^2", "w", "X: N×d, w: d, y: N",
     lambda v: sum((v.X[i] @ v.w - v.y[i]) ** 2 for i in range(5)) / 10),
    (r"\sum_{i=1}^N \alpha_i (y_i - \beta^T x_i)^2", r"\beta", "X: N×d, beta: d, y: N, alpha: N",
     lambda v: sum(v.alpha[i] * (v.y[i] - v.beta @ v.X[i]) ** 2 for i in range(5))),
    (r"\sum_{i=1}^N (y_i - \beta_0 - x_i^T \beta)^2", r"\beta", "X: N×d, beta: d, y: N, beta0: scalar",
     lambda v: sum((v.y[i] - v.beta0 - v.beta @ v.X[i]) ** 2 for i in range(5))),
    (r"\sum_{i=1}^N (y_i - w_0 - \sum_{j=1}^d w_j x_{ij})^2 + \lambda \sum_{j=1}^d w_j^2", "w",
     "x: N×d, w: d, y: N, w0: scalar, lam: scalar",
     lambda v: sum((v.y[i] - v.w0 - v.x[i] @ v.w) ** 2 for i in range(5)) + v.lam * v.w @ v.w),
    (r"\frac{1}{N}\sum_{i=1}^N \|y_i - W x_i\|^2", "W", "X: N×d, W: m×d, Y: N×m",
     lambda v: sum(np.sum((v.Y[i] - v.W @ v.X[i]) ** 2) for i in range(5)) / 5),
    (r"\sum_i s_i \|y_i - W x_i - b\|^2", "W", "X: N×d, W: m×d, Y: N×m, b: m, s: N",
     lambda v: sum(v.s[i] * np.sum((v.Y[i] - v.W @ v.X[i] - v.b) ** 2) for i in range(5))),
    (r"\sum_i \|y_i - W x_i - b\|^2", "b", "X: N×d, W: m×d, Y: N×m, b: m",
     lambda v: sum(np.sum((v.Y[i] - v.W @ v.X[i] - v.b) ** 2) for i in range(5))),
    (r"\frac12 \sum_n (t_n - w^T \phi_n)^2", "w", "t: N, w: d, Phi: N×d",
     lambda v: sum((v.t[i] - v.w @ v.Phi[i]) ** 2 for i in range(5)) / 2),
    # Classification
    (r"-\sum_i y_i \log p_i + (1-y_i)\log(1-p_i)", "p", "y: N, p: N positive",
     lambda v: -sum(v.y[i] * np.log(v.p[i]) + (1 - v.y[i]) * np.log(1 - v.p[i]) for i in range(5))),
    (r"-\frac1N \sum_{i=1}^N [y_i \log \sigma(w^T x_i) + (1-y_i) \log(1-\sigma(w^T x_i))]", "w", "y: N, X: N×d, w: d",
     lambda v: -sum(v.y[i] * np.log(sigmoid(v.w @ v.X[i])) + (1 - v.y[i]) * np.log(1 - sigmoid(v.w @ v.X[i]))
                    for i in range(5)) / 5),
    (r"\sum_{i=1}^N \log(1 + \exp(-y_i (w^T x_i + b))) + \frac{\lambda}{2} \|w\|^2", "w",
     "y: N, X: N×d, w: d, b: scalar, lam: scalar",
     lambda v: sum(np.log(1 + np.exp(-v.y[i] * (v.w @ v.X[i] + v.b))) for i in range(5)) + v.lam / 2 * v.w @ v.w),
    (r"\sum_i \log(1 + e^{-y_i w^T x_i})", "w", "y: N, X: N×d, w: d",
     lambda v: sum(np.log(1 + np.exp(-v.y[i] * v.w @ v.X[i])) for i in range(5))),
    (r"\sum_i \max(0, 1 - y_i (w^T x_i + b)) + \frac{C}{2}\|w\|^2", "w", "y: N, X: N×d, w: d, b: scalar, C: scalar",
     lambda v: sum(max(0, 1 - v.y[i] * (v.w @ v.X[i] + v.b)) for i in range(5)) + v.C / 2 * v.w @ v.w),
    (r"\sum_i \max(0, 1 - y_i w^T x_i)^2", "w", "y: N, X: N×d, w: d",
     lambda v: sum(max(0, 1 - v.y[i] * v.w @ v.X[i]) ** 2 for i in range(5))),
    (r"-\sum_{i=1}^N \sum_{k=1}^K y_{ik} \log \frac{\exp(w_k^T x_i)}{\sum_{j=1}^K \exp(w_j^T x_i)}", "W",
     "y: N×K, X: N×d, W: K×d",
     lambda v: -sum(v.y[i, k] * np.log(np.exp(v.W[k] @ v.X[i]) / sum(np.exp(v.W[j] @ v.X[i]) for j in range(4)))
                    for i, k in over("N", "K"))),
    (r"-\sum_i \sum_k y_{ik} z_{ik} + \sum_i \log \sum_k e^{z_{ik}}", "z", "y: N×K, z: N×K",
     lambda v: -np.sum(v.y * v.z) + sum(np.log(sum(np.exp(v.z[i, k]) for k in range(4))) for i in range(5))),
    (r"\sum_i \sum_k y_{ik} \log p_{ik}", "p", "y: N×K, p: N×K positive",
     lambda v: sum(v.y[i, k] * np.log(v.p[i, k]) for i, k in over("N", "K"))),
    (r"\sum_i e^{-y_i f_i}", "f", "y: N, f: N", lambda v: sum(np.exp(-v.y[i] * v.f[i]) for i in range(5))),
    (r"\sum_i (y_i x_i^T \beta - e^{x_i^T \beta})", r"\beta", "y: N, X: N×d, beta: d",
     lambda v: sum(v.y[i] * v.X[i] @ v.beta - np.exp(v.X[i] @ v.beta) for i in range(5))),
    (r"\log \sum_{i=1}^N \exp(a_i^T x + b_i)", "x", "A: N×d, b: N, x: d",
     lambda v: np.log(sum(np.exp(v.A[i] @ v.x + v.b[i]) for i in range(5)))),
    # Matrix factorization
    (r"\sum_{i,j} (P_{ij} - \sum_k U_{ik} V_{jk})^2", "U", "P: N×m, U: N×r, V: m×r",
     lambda v: sum((v.P[i, j] - v.U[i] @ v.V[j]) ** 2 for i, j in over("N", "m"))),
    (r"\sum_{(i,j) \in \Omega} (M_{ij} - u_i^T v_j)^2 + \lambda (\sum_i \|u_i\|^2 + \sum_j \|v_j\|^2)", "U",
     "Omega: N×m, M: N×m, U: N×r, V: m×r, lam: scalar",
     lambda v: sum(v.Omega[i, j] * (v.M[i, j] - v.U[i] @ v.V[j]) ** 2 for i, j in over("N", "m"))
     + v.lam * (np.sum(v.U**2) + np.sum(v.V**2))),
    (r"\sum_{ij} (X_{ij} \log \frac{X_{ij}}{\sum_k W_{ik} H_{kj}} - X_{ij} + \sum_k W_{ik} H_{kj})", "H",
     "X: N×m positive, W: N×r positive, H: r×m positive",
     lambda v: sum(v.X[i, j] * np.log(v.X[i, j] / (v.W[i] @ v.H[:, j])) - v.X[i, j] + v.W[i] @ v.H[:, j]
                   for i, j in over("N", "m"))),
    (r"\sum_{i=1}^{N} \sum_{j=1}^{m} F_{ij} (u_i^T v_j + b_i + c_j - \log X_{ij})^2", "U",
     "F: N×m, U: N×r, V: m×r, b: N, c: m, X: N×m positive",
     lambda v: sum(v.F[i, j] * (v.U[i] @ v.V[j] + v.b[i] + v.c[j] - np.log(v.X[i, j])) ** 2
                   for i, j in over("N", "m"))),
    (r"\sum_{u,i} c_{ui} (p_{ui} - x_u^T y_i)^2", "X", "c: N×m, p: N×m, X: N×r, Y: m×r",
     lambda v: sum(v.c[i, j] * (v.p[i, j] - v.X[i] @ v.Y[j]) ** 2 for i, j in over("N", "m"))),
    (r"\sum_i \|x_i - D a_i\|^2 + \lambda \sum_i \|a_i\|_1", "D", "X: N×d, D: d×K, A: N×K, lam: scalar",
     lambda v: sum(np.sum((v.X[i] - v.D @ v.A[i]) ** 2) + v.lam * np.sum(abs(v.A[i])) for i in range(5))),
    (r"\sum_i \|x_i - W W^T x_i\|^2", "W", "X: N×d, W: d×r",
     lambda v: sum(np.sum((v.X[i] - v.W @ v.W.T @ v.X[i]) ** 2) for i in range(5))),
    # Clusters, mixtures, neighbors
    (r"\sum_{k=1}^K \sum_{i \in C_k} \|x_i - \mu_k\|^2", r"\mu", "C: K×N, X: N×d, mu: K×d",
     lambda v: sum(v.C[k, i] * np.sum((v.X[i] - v.mu[k]) ** 2) for k, i in over("K", "N"))),
    (r"\sum_{i=1}^N \sum_{k=1}^K r_{ik} \|x_i - \mu_k\|^2", r"\mu", "r: N×K, X: N×d, mu: K×d",
     lambda v: sum(v.r[i, k] * np.sum((v.X[i] - v.mu[k]) ** 2) for i, k in over("N", "K"))),
    (r"\sum_i \log \sum_k \pi_k \exp(-\frac12 \|x_i - \mu_k\|^2)", r"\mu", "pi: K positive, X: N×d, mu: K×d",
     lambda v: sum(np.log(sum(v.pi[k] * np.exp(-np.sum((v.X[i] - v.mu[k]) ** 2) / 2) for k in range(4)))
                   for i in range(5))),
    (r"\sum_i (x_i - \mu)^T A (x_i - \mu)", r"\mu", "X: N×d, mu: d, A: d×d",
     lambda v: sum((v.X[i] - v.mu) @ v.A @ (v.X[i] - v.mu) for i in range(5))),
    (r"\sum_i \exp(-\gamma \|x - x_i\|^2)", "x", "X: N×d, x: d, gamma: scalar",
     lambda v: sum(np.exp(-v.gamma * np.sum((v.x - v.X[i]) ** 2)) for i in range(5))),
    (r"\sum_{i<j} A_{ij} \|x_i - x_j\|^2", "X", "A: N×N, X: N×d",
     lambda v: sum(v.A[i, j] * np.sum((v.X[i] - v.X[j]) ** 2) for i, j in pairs("N"))),
    (r"\sum_{i<j} (D_{ij} - \|x_i - x_j\|)^2", "D", "D: N×N, X: N×d",
     lambda v: sum((v.D[i, j] - np.linalg.norm(v.X[i] - v.X[j])) ** 2 for i, j in pairs("N"))),
    (r"\frac12 \sum_{i,j} w_{ij} (f_i - f_j)^2", "f", "w: N×N, f: N",
     lambda v: sum(v.w[i, j] * (v.f[i] - v.f[j]) ** 2 for i, j in over("N", "N")) / 2),
    (r"\sum_{(i,j) \in E} (x_i - x_j)^2", "x", "E: N×N, x: N",
     lambda v: sum(v.E[i, j] * (v.x[i] - v.x[j]) ** 2 for i, j in over("N", "N"))),
    (r"\sum_i \sum_{j \in N(i)} (x_i - x_j)^2", "x", "N: N×N, x: N",
     lambda v: sum(v.N[i, j] * (v.x[i] - v.x[j]) ** 2 for i, j in over("N", "N"))),
    (r"\sum_{i \in S} (y_i - w^T x_i)^2", "w", "S: N, y: N, X: N×d, w: d",
     lambda v: sum(v.S[i] * (v.y[i] - v.w @ v.X[i]) ** 2 for i in range(5))),
    (r"\sum_{i \ne j} x_i x_j", "x", "x: N",
     lambda v: sum(v.x[i] * v.x[j] for i, j in over("N", "N") if i != j)),
    (r"\sum_{1 \le i < j \le N} x_i x_j A_{ij}", "x", "x: N, A: N×N",
     lambda v: sum(v.x[i] * v.x[j] * v.A[i, j] for i, j in pairs("N"))),
    # Energies
    (r"-\frac12 \sum_{i,j} w_{ij} s_i s_j - \sum_i \theta_i s_i", "s", "w: N×N, s: N, theta: N",
     lambda v: -sum(v.w[i, j] * v.s[i] * v.s[j] for i, j in over("N", "N")) / 2 - v.theta @ v.s),
    (r"-\sum_{i<j} J_{ij} s_i s_j - h \sum_i s_i", "s", "J: N×N, s: N, h: scalar",
     lambda v: -sum(v.J[i, j] * v.s[i] * v.s[j] for i, j in pairs("N")) - v.h * sum(v.s)),
    (r"-\sum_{i,j} v_i W_{ij} h_j - \sum_i a_i v_i - \sum_j b_j h_j", "W", "v: N, W: N×m, h: m, a: N, b: m",
     lambda v: -sum(v.v[i] * v.W[i, j] * v.h[j] for i, j in over("N", "m")) - v.a @ v.v - v.b @ v.h),
    (r"-b \sum_{i=1}^{n-1} s_i s_{i+1}", "s", "b: scalar, s: n",
     lambda v: -v.b * sum(v.s[i] * v.s[i + 1] for i in range(5))),
    (r"\sum_{i=1}^{n-1} (x_{i+1} - x_i)^2", "x", "x: n", lambda v: sum((v.x[i + 1] - v.x[i]) ** 2 for i in range(5))),
    (r"\sum_{i=2}^{n} (x_i - x_{i-1})^2", "x", "x: n", lambda v: sum((v.x[i] - v.x[i - 1]) ** 2 for i in range(1, 6))),
    (r"\frac12 \sum_{i=1}^n (x_i - y_i)^2 + \lambda \sum_{i=1}^{n-1} |x_{i+1} - x_i|", "x", "x: n, y: n, lam: scalar",
     lambda v: sum((v.x - v.y) ** 2) / 2 + v.lam * sum(abs(v.x[i + 1] - v.x[i]) for i in range(5))),
    (r"\sum_{i=2}^{n-1} (x_{i+1} - 2 x_i + x_{i-1})^2", "x", "x: n",
     lambda v: sum((v.x[i + 1] - 2 * v.x[i] + v.x[i - 1]) ** 2 for i in range(1, 5))),
    (r"\sum_{t=2}^{n} \|x_t - A x_{t-1}\|^2", "A", "X: n×d, A: d×d",
     lambda v: sum(np.sum((v.X[t] - v.A @ v.X[t - 1]) ** 2) for t in range(1, 6))),
    (r"\sum_{i=1}^{n-1} (100 (x_{i+1} - x_i^2)^2 + (1 - x_i)^2)", "x", "x: n",
     lambda v: sum(100 * (v.x[i + 1] - v.x[i] ** 2) ** 2 + (1 - v.x[i]) ** 2 for i in range(5))),
    (r"\sum_{i=1}^{m-1} \sum_{j=1}^{n} (X_{i+1,j} - X_{ij})^2", "X", "X: m×n",
     lambda v: sum((v.X[i + 1, j] - v.X[i, j]) ** 2 for i in range(3) for j in range(6))),
    # Quadratic forms, entropies, kernels
    (r"\sum_{i=1}^n \sum_{j=1}^n a_{ij} x_i x_j + \sum_{i=1}^n b_i x_i", "x", "a: n×n, b: n, x: n",
     lambda v: v.x @ v.a @ v.x + v.b @ v.x),
    (r"\sum_i \alpha_i - \frac12 \sum_{i,j} \alpha_i \alpha_j y_i y_j x_i^T x_j", r"\alpha", "alpha: N, y: N, X: N×d",
     lambda v: sum(v.alpha) - sum(v.alpha[i] * v.alpha[j] * v.y[i] * v.y[j] * v.X[i] @ v.X[j]
                                  for i, j in over("N", "N")) / 2),
    (r"\sum_i (y_i - \sum_j \alpha_j K_{ij})^2 + \lambda \sum_{i,j} \alpha_i \alpha_j K_{ij}", r"\alpha",
     "y: N, alpha: N, K: N×N, lam: scalar",
     lambda v: sum((v.y - v.K @ v.alpha) ** 2) + v.lam * v.alpha @ v.K @ v.alpha),
    (r"\sum_i p_i \log \frac{p_i}{q_i}", "p", "p: N positive, q: N positive",
     lambda v: sum(v.p[i] * np.log(v.p[i] / v.q[i]) for i in range(5))),
    (r"\sum_{i,j} T_{ij} C_{ij} + \epsilon \sum_{i,j} T_{ij} (\log T_{ij} - 1)", "T",
     "T: N×m positive, C: N×m, epsilon: scalar",
     lambda v: sum(v.T[i, j] * v.C[i, j] + v.epsilon * v.T[i, j] * (np.log(v.T[i, j]) - 1)
                   for i, j in over("N", "m"))),
    (r"-\sum_i x_i \log x_i", "x", "x: N positive", lambda v: -sum(x * np.log(x) for x in v.x)),
    (r"\sum_i (x_i - d \sum_j P_{ji} x_j - \frac{1-d}{n})^2", "x", "x: n, P: n×n, d: scalar",
     lambda v: sum((v.x[i] - v.d * sum(v.P[j, i] * v.x[j] for j in range(6)) - (1 - v.d) / 6) ** 2 for i in range(6))),
    (r"\sum_{i=1}^n (x_i - \frac1n \sum_{j=1}^n x_j)^2", "x", "x: n", lambda v: sum((v.x - v.x.mean()) ** 2)),
    (r"\frac{\sum_i x_i y_i}{\sqrt{\sum_i x_i^2} \sqrt{\sum_i y_i^2}}", "x", "x: N, y: N",
     lambda v: v.x @ v.y / np.sqrt(v.x @ v.x) / np.sqrt(v.y @ v.y)),
    (r"w_0 + \sum_{i=1}^n w_i x_i + \frac12 \sum_{i=1}^n \sum_{j=1}^n \langle v_i, v_j \rangle x_i x_j", "V",
     "w0: scalar, w: n, x: n, V: n×r",
     lambda v: v.w0 + v.w @ v.x + sum(v.V[i] @ v.V[j] * v.x[i] * v.x[j] for i, j in over("n", "n")) / 2),
    (r"\sum_i \sum_j \sum_k A_{ij} B_{jk} C_{ki}", "B", "A: N×m, B: m×d, C: d×N",
     lambda v: np.trace(v.A @ v.B @ v.C)),
    (r"\sum_{i,j} (\sum_k A_{ik} A_{jk} - \delta D_{ij})^2", "A", "A: N×d, D: N×N, delta: scalar",
     lambda v: np.sum((v.A @ v.A.T - v.delta * v.D) ** 2)),
    (r"\sum_i \sum_j \frac{e^{q_i^T k_j}}{\sum_l e^{q_i^T k_l}} g_i^T v_j", "V", "Q: N×d, K: m×d, V: m×r, G: N×r",
     lambda v: sum(np.exp(v.Q[i] @ v.K[j]) / sum(np.exp(v.Q[i] @ v.K[l]) for l in range(4)) * v.G[i] @ v.V[j]
                   for i, j in over("N", "m"))),
    # Reach, entries, writing without an index
    (r"\sum_i x_i^2 + c_i x_i", "x", "x: N, c: N", lambda v: sum(v.x**2 + v.c * v.x)),
    (r"\sum_{i} x_i \log(x_i / z_i) - x_i + z_i", "x", "x: N positive, z: N positive",
     lambda v: sum(v.x * np.log(v.x / v.z) - v.x + v.z)),
    (r"\frac1N \sum_{i=1}^N (y_i - w^T x_i)^2 - \log \sigma(y_i) + \lambda \|w\|^2", "w",
     "y: N, X: N×d, w: d, lam: scalar",
     lambda v: np.mean((v.y - v.X @ v.w) ** 2) + v.lam * v.w @ v.w - np.mean(np.log(1 / (1 + np.exp(-v.y))))),
    (r"a^T x + x_1", "x", "a: N, x: N", lambda v: v.a @ v.x + v.x[0]),
    (r"tr(A) + A_{12}^2", "A", "A: d×d", lambda v: np.trace(v.A) + v.A[0, 1] ** 2),
    (r"\sum_i x_i^2 + x_1 x_3", "x", "x: N", lambda v: v.x @ v.x + v.x[0] * v.x[2]),
    ("∑ᵢ xᵢ² + x_1² + x_3³", "x", "x: N", lambda v: v.x @ v.x + v.x[0] ** 2 + v.x[2] ** 3),
    (r"\sum_j A_{1j} x_j", "x", "A: N×m, x: m", lambda v: v.A[0] @ v.x),
    (r"\sum (y_i - \hat y_i)^2", r"\hat y", "y: N, y_hat: N", lambda v: sum((v.y - v.y_hat) ** 2)),
    (r"\sum_i \mu_i^2", r"\mu", "mu: N", lambda v: v.mu @ v.mu),
    (r"\prod_{i=1}^n x_i", "x", "x: n", lambda v: np.prod(v.x)),
    (r"\left(\prod_{i=1}^n x_i\right)^{1/n}", "x", "x: n positive", lambda v: np.prod(v.x) ** (1 / 6)),
    (r"-\prod_{i=1}^n x_i^{\alpha_i}", "x", "x: n positive, alpha: n", lambda v: -np.prod(v.x**v.alpha)),
    (r"\sum_i a_i^{x_i}", "x", "a: N positive, x: N", lambda v: sum(v.a**v.x)),
    (r"\log \prod_i \sigma(y_i w^T x_i)", "w", "y: N, X: N×d, w: d",
     lambda v: np.log(np.prod([sigmoid(v.y[i] * v.w @ v.X[i]) for i in range(5)]))),
    # Entries of products, rows, columns, definitions
    (r"\sum_i (A x - b)_i^2", "x", "A: N×d, x: d, b: N", lambda v: sum((v.A @ v.x - v.b) ** 2)),
    (r"\sum_{ij} (X W)_{ij}^2 B_{ij}", "W", "X: N×d, W: d×m, B: N×m", lambda v: np.sum((v.X @ v.W) ** 2 * v.B)),
    (r"\sum_i (y_i - X_{i:} w)^2", "w", "X: N×d, w: d, y: N", lambda v: sum((v.y - v.X @ v.w) ** 2)),
    (r"\sum_j c_j \|X_{:j}\|^2", "X", "X: N×d, c: d", lambda v: sum(v.c[j] * v.X[:, j] @ v.X[:, j] for j in range(3))),
    (r"X_{2:} w + w^T X_{:1}", "w", "X: d×d, w: d", lambda v: v.X[1] @ v.w + v.w @ v.X[:, 0]),
    (r"(A x)_1^2 + M[1, 2]^2", "x", "A: N×d, x: d, M: d×d", lambda v: (v.A @ v.x)[0] ** 2 + v.M[1, 2] ** 2),
    (r"p_i = \sigma(w^T x_i); -\sum_i y_i \log p_i + (1-y_i)\log(1-p_i)", "w", "y: N, X: N×d, w: d",
     lambda v: -sum(v.y[i] * np.log(sigmoid(v.w @ v.X[i])) + (1 - v.y[i]) * np.log(1 - sigmoid(v.w @ v.X[i]))
                    for i in range(5))),
    (r"p_{ij} = \frac{e^{z_{ij}}}{\sum_k e^{z_{ik}}}; -\sum_{ij} y_{ij} \log p_{ij}", "z", "z: N×K, y: N×K",
     lambda v: -sum(v.y[i, j] * (v.z[i, j] - np.log(np.sum(np.exp(v.z[i])))) for i, j in over("N", "K"))),
    (r"\frac{\sum_i (x_i-\bar x)(y_i-\bar y)}{\sum_i (x_i-\bar x)^2}", "x", "x: N, y: N",
     lambda v: (v.x - v.x.mean()) @ (v.y - v.y.mean()) / sum((v.x - v.x.mean()) ** 2)),
    (r"\frac12\sum_i\sum_{j\neq i} \frac{1}{2(x_i-x_j)^2}", "x", "x: n",
     lambda v: sum(0.5 / (v.x[i] - v.x[j]) ** 2 for i, j in pairs("n"))),
    (r"\sum_{i<j} \frac{q_i q_j}{\sqrt{(x_i-x_j)^2 + (y_i-y_j)^2}}", "x", "q: n, x: n, y: n",
     lambda v: sum(v.q[i] * v.q[j] / np.hypot(v.x[i] - v.x[j], v.y[i] - v.y[j]) for i, j in pairs("n"))),
    (r"\sum_{i<j} \frac{1}{\sqrt{(x_i-x_j)^T M (x_i-x_j)}}", "X", "X: N×d, M: d×d spd",
     lambda v: sum(((v.X[i] - v.X[j]) @ v.M @ (v.X[i] - v.X[j])) ** -0.5 for i, j in pairs("N"))),
    (r"\sum_{i=1}^n \sum_{j=i+1}^n A_{ij} x_i x_j + \sum_{i=1}^n \sum_{j=1}^i x_i y_j", "x", "A: n×n, x: n, y: n",
     lambda v: sum(v.A[i, j] * v.x[i] * v.x[j] for i, j in pairs("n"))
     + sum(v.x[i] * v.y[j] for i in range(6) for j in range(i + 1))),
    (r"\sum_{n=1}^N \log\sum_{k=1}^K \frac{\pi_k}{\sqrt{2\pi}} e^{-(x_n-\mu_k)^2}", r"\pi",
     "x: N, mu: K, pi: K positive",
     lambda v: sum(np.log(sum(v.pi[k] / np.sqrt(2 * np.pi) * np.exp(-((v.x[n] - v.mu[k]) ** 2)) for k in range(4)))
                   for n in range(5))),
    (r"\sum_i \log\sum_j \mathbb{1}_{[j\neq i]} e^{z_i^T z_j}", "z", "z: N×d",
     lambda v: sum(np.log(sum(np.exp(v.z[i] @ v.z[j]) for j in range(5) if j != i)) for i in range(5))),
    (r"\operatorname{tr}(B^T \sum_i x_i x_i')", "B", "B: d×d, X: N×d", lambda v: np.sum(v.B * (v.X.T @ v.X))),
    (r"\sum_i \|x_i - \bar x\|^2", "X", "X: N×d", lambda v: np.sum((v.X - v.X.mean(axis=0)) ** 2)),
    (r"\sum_i x_i^2 - 3 \bar x^2 + \sum_j y_j (x_j - \bar x)", "x", "x: N, y: N",
     lambda v: v.x @ v.x - 3 * v.x.mean() ** 2 + v.y @ (v.x - v.x.mean())),
    (r"-\frac1N\sum_{i=1}^N y^i \log(\sigma(w^Tx^i)) + (1-y^i)\log(1-\sigma(w^Tx^i))", "w", "y: N, X: N×d, w: d",
     lambda v: -sum(v.y[i] * np.log(sigmoid(v.w @ v.X[i])) + (1 - v.y[i]) * np.log(1 - sigmoid(v.w @ v.X[i]))
                    for i in range(5)) / 5),
    (r"\sum_{i=1}^N \|x^i - c\|^2", "c", "X: N×d, c: d", lambda v: np.sum((v.X - v.c) ** 2)),
    (r"\sum_{k=1}^N \|\lambda^k x_k - b\|^2 + \lambda^2", r"\lambda", "X: N×d, b: d, lam: scalar positive",
     lambda v: sum(np.sum((v.lam ** (k + 1) * v.X[k] - v.b) ** 2) for k in range(5)) + v.lam**2),
    (r"\sum_{t=0}^{n-2} x_t^T Q x_t + x_{n-1}^T S x_{n-1} + x_0^T b", "x", "x: n×d, Q: d×d, S: d×d, b: d",
     lambda v: sum(v.x[t] @ v.Q @ v.x[t] for t in range(5)) + v.x[5] @ v.S @ v.x[5] + v.x[0] @ v.b),
    (r"\sum_{t=1}^{n-1} \|x_{t+1} - A x_t\|^2 + \|x_1 - \mu\|^2", "x", "x: n×d, A: d×d, mu: d",
     lambda v: sum(np.sum((v.x[t + 1] - v.A @ v.x[t]) ** 2) for t in range(5)) + np.sum((v.x[0] - v.mu) ** 2)),
    (r"\sum_{t=0}^{N-1} x_t^2 + x_1^3 - x_0", "x", "x: N", lambda v: v.x @ v.x + v.x[1] ** 3 - v.x[0]),
    # An index that is a number, the nearest of several, softmax of each sample
    (r"\sum_{t=1}^N \frac{c_t}{(1+r)^t}", "r", "c: N, r: scalar positive",
     lambda v: sum(v.c[t] / (1 + v.r) ** (t + 1) for t in range(5))),
    (r"\sum_{t=0}^{N-1} \gamma^t r_t", r"\gamma", "gamma: scalar positive, r: N",
     lambda v: sum(v.gamma**t * v.r[t] for t in range(5))),
    (r"\sum_{i=1}^n \sum_{j=1}^n \frac{x_i x_j}{i+j} + \sum_{i=2}^n i x_i", "x", "x: n",
     lambda v: sum(v.x[i] * v.x[j] / (i + j + 2) for i, j in over("n", "n"))
     + sum((i + 1) * v.x[i] for i in range(1, 6))),
    (r"\sum_{i=1}^N \min_{1 \le k \le K} \|x_i - \mu_k\|^2", r"\mu", "X: N×d, mu: K×d",
     lambda v: sum(min(np.sum((v.X[i] - v.mu[k]) ** 2) for k in range(4)) for i in range(5))),
    (r"\sum_i \max_{k=1,\dots,K} (w_k^T x_i + b_k)", "w", "X: N×d, w: K×d, b: K",
     lambda v: sum(max(v.w[k] @ v.X[i] + v.b[k] for k in range(4)) for i in range(5))),
    (r"-\sum_i \sum_k Y_{ik} \log \mathrm{softmax}(W x_i + b)_k", "W", "X: N×d, W: K×d, b: K, Y: N×K",
     lambda v: -sum(v.Y[i, k] * (v.W[k] @ v.X[i] + v.b[k] - np.log(np.sum(np.exp(v.W @ v.X[i] + v.b))))
                    for i, k in over("N", "K"))),
    (r"\sum_i \|\mathrm{softmax}(W x_i) - y_i\|^2", "W", "X: N×d, W: K×d, Y: N×K",
     lambda v: sum(np.sum((np.exp(v.W @ v.X[i]) / np.sum(np.exp(v.W @ v.X[i])) - v.Y[i]) ** 2) for i in range(5))),
    # a diagonal matrix by its entry
    (r"p_i = \sigma(w^T x_i); \log\det(X^T \mathrm{diag}(p_i (1 - p_i)) X)", "w", "X: N×d, w: d",
     lambda v: np.log(np.linalg.det(v.X.T @ np.diag([1 / (2 + 2 * np.cosh(v.w @ x)) for x in v.X]) @ v.X))),
    (r"v^T \operatorname{diag}(a_i b_i^2) v", "a", "a: N, b: N, v: N",
     lambda v: sum(v.a[i] * v.b[i] ** 2 * v.v[i] ** 2 for i in range(5))),
    (r"\log\det\operatorname{diag}(s_i^2) + \|\operatorname{diag}(1/s_i) v\|^2", "s", "s: N, v: N",
     lambda v: sum(np.log(v.s[i] ** 2) + (v.v[i] / v.s[i]) ** 2 for i in range(5))),
    (r"\sum_i |x_i^T w| + \sum_{i<j} |w^T (x_i - x_j)|", "w", "w: d, X: N×d",
     lambda v: sum(abs(v.X @ v.w)) + sum(abs(v.w @ (v.X[i] - v.X[j])) for i, j in pairs("N"))),
    (r"\sum_{i,k} t_i \|x_i - \mu_k\| + \sum_i t_i \sqrt{1 + \|x_i\|^2}", r"\mu", "t: N, X: N×d, mu: K×d",
     lambda v: sum(v.t[i] * np.linalg.norm(v.X[i] - v.mu[k]) for i, k in over("N", "K"))
     + v.t @ np.sqrt(1 + np.sum(v.X**2, 1))),
    (r"\sum_i b \cdot x_i + \sum_i w_i x_i^T b", "b", "w: N, X: N×d, b: d",
     lambda v: np.sum(v.X @ v.b) + v.w @ v.X @ v.b),
    # no index
    (r"\frac{1}{N} \sum (y - X w)^2 + \lambda \sum w^2", "w", "y: N, X: N×d, w: d, lam: scalar",
     lambda v: np.mean((v.y - v.X @ v.w) ** 2) + v.lam * v.w @ v.w),
    (r"-\sum y \log p + (1 - y) \log(1 - p)", "p", "y: N, p: N positive",
     lambda v: -sum(v.y * np.log(v.p) + (1 - v.y) * np.log(1 - v.p))),
    (r"\sum p \log \frac{p}{q} - p + q + \sum |p - q|", "p", "p: N positive, q: N positive",
     lambda v: sum(v.p * np.log(v.p / v.q) - v.p + v.q) + sum(abs(v.p - v.q))),
    (r"\|\sum_i w_i x_i - b\|^2", "w", "w: N, X: N×d, b: d", lambda v: np.sum((v.X.T @ v.w - v.b) ** 2)),
]  # fmt: skip

REFUSED: list[tuple[str, str, str]] = [
    (r"\sum_{i,j,k} T_{ijk} x_i x_j x_k", "x", "three indices"),
    (r"\sum_i \det(A + x_i x_i^T)", "A", "depends on the index"),
    (r"\sum_i v^T \operatorname{diag}(a_i b) v", "a", "depends on the index"),
    (r"\sum_{i,j,k} \exp(x_i^T y_j) a_k \|x_i - y_j - z_k\|", "a", "three indices"),
    (r"\sum_{t=1}^{T} \|x_t - A x_{t-1}\|^2", "A", "out of the range"),
    (r"\sum_{t=1}^{T} \|x_{t+1} - A x_t\|^2", "A", "out of the range"),
    (r"\sum_i i x_i", "x", "stands for a number"),
    (r"\sum_{i=1}^n (-1)^i x_i", "x", "of what is negative"),
    (r"\sum_{l \in R(t_i)} x_l", "x", "a set that depends on"),
    (r"\sum_i x_{ik}^2", "x", "bound by no sum"),
    (r"\sum_i x_j", "x", "nothing in it depends on the index"),
    (r"\sum_i (A_{ij} x_i - b_i)^2", "x", "bound by no sum"),
    (r"\sum_i \prod_j A_{ij}", "A", "no product of the entries of one vector"),
    (r"\sum_{i,j} (x_{ij} - y_{ij})^2 + (x_{i+1,j} - x_{ij})^2", "x", "the range of"),
]
