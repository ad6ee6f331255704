"""Convexity of 32 convex functions in natural spelling: derive beside CVXPY's rules, and the time it takes.

    python -m tests.benchmarks.bench_convexity [--write]

Each function is spelled for CVXPY with the operations that its formula names, over variables
with the declared attributes, and with an atom of CVXPY where the inverse, the determinant or
a norm has no other; atoms that a user would have to know (`quad_over_lin`, `kl_div`,
`logistic`) are not used.  `--write` puts the table into README.
Times are in units of SymPy's derivative of ½‖WᵀWx − x‖² in the same run.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import derive
from tests.benchmarks.bench_derivation import sympy_flagship
from tests.convex_functions import COMPARISON

README = Path(__file__).resolve().parents[2] / "README.md"
START, END = "<!-- convexity -->", "<!-- end of convexity -->"


def spellings() -> dict[str, Callable[[], Any]]:
    """The functions in CVXPY."""
    import cvxpy as cp
    import numpy as np

    generator = np.random.default_rng(0)
    A, b, y, u = generator.normal(size=(5, 3)), generator.normal(size=5), generator.normal(size=5), np.ones(5)
    a, W = generator.normal(size=3), generator.normal(size=(4, 3))
    P = np.eye(3) + 0.1 * np.ones((3, 3))
    x, s, t, q = cp.Variable(3), cp.Variable(), cp.Variable(), cp.Variable(pos=True)
    xp, pp, qp = cp.Variable(3, pos=True), cp.Variable(3, pos=True), cp.Variable(3, pos=True)
    sp, tp = cp.Variable(pos=True), cp.Variable(pos=True)
    X, Y, Z = cp.Variable((3, 3), PSD=True), cp.Variable((3, 3), PSD=True), cp.Variable((4, 3))
    sigma = lambda z: 1 / (1 + cp.exp(-z))  # noqa: E731
    cosh = lambda z: (cp.exp(z) + cp.exp(-z)) / 2  # noqa: E731
    return {
        "least squares": lambda: cp.norm(A @ x - b) ** 2,
        "least squares as a product": lambda: (A @ x - b).T @ (A @ x - b),
        "quadratic form": lambda: cp.quad_form(x, P) / 2 + a @ x,
        "expanded square": lambda: x.T @ x - 2 * a @ x + a @ a,
        "completed square": lambda: s**2 + 2 * s * t + 3 * t**2,
        "root of one plus a square": lambda: cp.sqrt(1 + cp.norm(x) ** 2),
        "Mahalanobis distance": lambda: cp.sqrt(cp.quad_form(x - a, P)),
        "log-sum-exp by hand": lambda: cp.log(cp.sum(cp.exp(A @ x + b))),
        "log(1 + exp)": lambda: cp.log(1 + cp.exp(t)),
        "logistic loss": lambda: cp.sum(cp.log(1 + cp.exp(cp.multiply(-y, A @ x)))),
        "cross entropy with σ": lambda: -y @ cp.log(sigma(A @ x)) - (1 - y) @ cp.log(1 - sigma(A @ x)),
        "negative entropy": lambda: cp.sum(cp.multiply(xp, cp.log(xp))),
        "x log x": lambda: sp * cp.log(sp),
        "relative entropy": lambda: cp.sum(cp.multiply(pp, cp.log(pp / qp))),
        "quadratic over linear": lambda: s**2 / q,
        "squared norm over linear": lambda: cp.norm(x) ** 2 / q,
        "matrix fractional": lambda: cp.matrix_frac(x, Y),
        "log barrier": lambda: -cp.sum(cp.log(b - A @ x)),
        "barrier of the ball": lambda: -cp.log(1 - x.T @ x),
        "negative log-determinant": lambda: -cp.log_det(X),
        "design criterion": lambda: -cp.log_det(A.T @ cp.diag(cp.Variable(5, pos=True)) @ A),
        "trace of the inverse": lambda: cp.tr_inv(X),
        "trace of the inverse square": lambda: cp.trace(cp.matrix_frac(np.eye(3), X @ X)),
        "pseudo-Huber": lambda: cp.sum(cp.sqrt(1 + (A @ x - b) ** 2) - u),
        "log cosh": lambda: cp.sum(cp.log(cosh(A @ x - b))),
        "t exp t": lambda: tp * cp.exp(tp),
        "geometric mean": lambda: -cp.sqrt(sp * tp),
        "harmonic mean": lambda: -sp * tp / (sp + tp),
        "variance": lambda: cp.norm(x) ** 2 / 3 - cp.mean(x) ** 2,
        "product of exponentials": lambda: cp.exp(s) * cp.exp(t),
        "quartic": lambda: s**4 - 4 * s**3 + 6 * s**2 - 4 * s + 1,
        "nuclear norm with a loss": lambda: cp.norm(Z - W, "fro") ** 2 / 2 + cp.norm(Z, "nuc"),
    }


def by_cvxpy() -> dict[str, bool]:
    """Which of them CVXPY's rules find convex."""
    found = {}
    for name, make in spellings().items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found[name] = bool(make().is_convex())
            except Exception:  # noqa: BLE001
                found[name] = False
    return found


def timed(name: str) -> tuple[bool, float]:
    """Whether derive proves it, and the seconds of a warm call."""
    derive.convexity(*COMPARISON[name])
    start = time.perf_counter()
    verdict = derive.convexity(*COMPARISON[name]).verdict
    return verdict == "convex", time.perf_counter() - start


def table(ours: dict[str, bool], theirs: dict[str, bool]) -> str:
    rows = ["| function | formula | derive | CVXPY |", "|---|---|---|---|"]
    sign = {True: "convex", False: "—"}
    for name, (formula, _, _) in COMPARISON.items():
        shown = formula.replace("|", "\\|")
        rows.append(f"| {name} | `{shown}` | {sign[ours[name]]} | {sign[theirs[name]]} |")
    rows.append(f"| **{len(ours)} functions** | | **{sum(ours.values())}** | **{sum(theirs.values())}** |")
    return "\n".join(rows)


def main() -> None:
    theirs = by_cvxpy()
    results = {name: timed(name) for name in COMPARISON}
    ours = {name: proved for name, (proved, _) in results.items()}
    times = [seconds for _, seconds in results.values()]
    unit = sympy_flagship()
    made = table(ours, theirs)
    print(made)
    slowest = max(results, key=lambda name: results[name][1])
    print(f"\nmedian {median(times) / unit:.2f}, slowest {max(times) / unit:.2f} ({slowest}), in units of {unit:.3f} s")
    if "--write" in sys.argv:
        text = README.read_text(encoding="utf-8")
        before, after = text.split(START)[0], text.split(END)[1]
        README.write_text(f"{before}{START}\n{made}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
