"""Time to box: the gradients of tests/test_algebra.py and of the Matrix Cookbook table, each from its sweep.

    python tests/benchmarks/bench_boxes.py [REPEATS]

Prints the median over the formulas and the slowest, in seconds and as shares of the time in
which SymPy differentiates the loss of a tied autoencoder; each figure is the best of REPEATS
runs (3 by default), warm, without the time to read the formula.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import sympy
from sympy.core.cache import clear_cache

import derive
from derive.algebra import forms
from tests.test_algebra import BOXES
from tests.test_cookbook import ROWS

MEDIAN_BUDGET, SLOWEST_BUDGET = 0.05, 1.0  # of SymPy's derivative


def forget() -> None:
    """Let the next search begin from nothing."""
    forms._boxes.clear()
    for cached in (forms.factor, forms._first_pass, forms._met_first):
        cached.cache_clear()


def of_sympy(repeats: int) -> float:
    """The time of one derivative in SymPy, with nothing kept from the last one."""
    W, x = sympy.MatrixSymbol("W", *sympy.symbols("m n")), sympy.MatrixSymbol("x", sympy.Symbol("n"), 1)
    residual = W.T * W * x - x
    best = float("inf")
    for _ in range(repeats):
        clear_cache()
        start = time.process_time()
        sympy.Trace(residual * residual.T).diff(W)
        best = min(best, time.process_time() - start)
    return best


def seconds(loss: str, wrt: str, where: str | None, repeats: int) -> float:
    found = derive.gradient(loss, wrt, where)
    best = float("inf")
    for _ in range(repeats):
        forget()
        start = time.process_time()
        forms.factor(found.result, found.loss)
        best = min(best, time.process_time() - start)
    return best


def main() -> int:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    formulas = [row[:3] for row in BOXES]
    formulas += [(row.formula, row.wrt, row.where) for row in ROWS if row.kind == "gradient"]
    times = []
    for loss, wrt, where in formulas:
        times.append((seconds(loss, wrt, where, repeats), f"{loss} by {wrt}"))
    times.sort()
    median = times[len(times) // 2][0]
    slowest, name = times[-1]
    print(f"{len(times)} boxes: median {1e3 * median:.1f} ms, slowest {1e3 * slowest:.1f} ms ({name})")
    rival = of_sympy(repeats)
    shares = median / rival, slowest / rival
    print(f"of SymPy's derivative, {1e3 * rival:.0f} ms: {shares[0]:.3f} and {shares[1]:.2f}")
    return int(shares[0] > MEDIAN_BUDGET or shares[1] > SLOWEST_BUDGET)


if __name__ == "__main__":
    sys.exit(main())
