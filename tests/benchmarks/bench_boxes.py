"""Time to box: the gradients of tests/test_algebra.py and of the Matrix Cookbook table, each from its sweep.

    python tests/benchmarks/bench_boxes.py [REPEATS]

Prints the median over the formulas and the slowest; each figure is the best of REPEATS
runs (3 by default), warm, without the time to read the formula.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import derive
from derive.algebra import forms
from tests.test_algebra import BOXES
from tests.test_cookbook import ROWS

MEDIAN_BUDGET, SLOWEST_BUDGET = 0.010, 1.0  # seconds


def forget() -> None:
    """Let the next search begin from nothing."""
    forms._boxes.clear()
    for cached in (forms.factor, forms._first_pass, forms._met_first):
        cached.cache_clear()


def seconds(loss: str, wrt: str, where: str | None, repeats: int) -> float:
    found = derive.gradient(loss, wrt, where)
    best = float("inf")
    for _ in range(repeats):
        forget()
        start = time.perf_counter()
        forms.factor(found.result, found.loss)
        best = min(best, time.perf_counter() - start)
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
    return int(median > MEDIAN_BUDGET or slowest > SLOWEST_BUDGET)


if __name__ == "__main__":
    sys.exit(main())
