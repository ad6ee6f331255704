"""Reading formulas: milliseconds by number of symbols, and growth with length.

    python tests/benchmarks/bench_reading.py [REPEATS]

Budget: a formula of 50 symbols in under 5 ms; ten times the length in at most fifteen times
the time.  Exit status 1 beyond it.
"""

from __future__ import annotations

import sys
import time

from derive.reading import parse

BUDGET_MS = 5.0
GROWTH = 15.0
DECLARED = "x: n, A: n×n, B: n×n"


def plain(symbols: int) -> str:
    """A sum of quadratic forms and traces of three symbols each."""
    return " + ".join("x'*A*x" if i % 2 else "tr(A*B'*B)" for i in range((symbols + 1) // 3))


def latex(symbols: int) -> str:
    terms = [rf"\mathbf{{W}}_{{{i}}}^\top \mathbf{{W}}_{{{i}}} \mathbf{{x}}" for i in range((symbols + 1) // 3)]
    return rf"\frac12\left\| {' + '.join(terms)} \right\|_2^2"


def chain(symbols: int) -> str:
    return "A" * (symbols - 1) + "x"


CASES = {
    "plain, declared": (plain, DECLARED),
    "plain, inferred": (plain, None),
    "LaTeX, inferred": (latex, None),
    "one product": (chain, DECLARED),
}


def milliseconds(text: str, where: str | None, repeats: int) -> float:
    """The best processor time of one reading."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        parse(text, where)
        times.append(time.process_time() - start)
    return min(times) * 1e3


def measure(repeats: int = 15) -> dict[str, dict[int, float]]:
    """Milliseconds by case and number of symbols."""
    return {
        name: {n: milliseconds(make(n), where, repeats) for n in (10, 50, 100, 500, 1000)}
        for name, (make, where) in CASES.items()
    }


def main() -> int:
    rows = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
    sizes = list(next(iter(rows.values())))
    print(f"{'symbols':<18}" + "".join(f"{n:>10}" for n in sizes) + "   (ms)")
    is_over = False
    for name, times in rows.items():
        print(f"{name:<18}" + "".join(f"{times[n]:>10.2f}" for n in sizes))
        is_over |= times[50] > BUDGET_MS or times[1000] > GROWTH * times[100]
    print("over budget" if is_over else f"within budget: 50 symbols under {BUDGET_MS:g} ms, growth linear")
    return int(is_over)


if __name__ == "__main__":
    sys.exit(main())
