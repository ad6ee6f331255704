"""Ten fixed derivations against a time limit: from text to box, LaTeX, source and numeric check.

    python tests/benchmarks/bench_derivations.py

The limit is generous, ten times what a slow machine needs; exit status 1 beyond it.
"""

from __future__ import annotations

import sys
import time

import derive

LIMIT = 10.0  # seconds, each
DERIVATIONS = [
    ("gradient", "½‖WᵀWx − x‖²", "W", ""),
    ("gradient", "½‖W₁ᵀW₂ᵀW₂W₁x − x‖²", "W₁", ""),
    ("gradient", "½‖Wᵀ tanh(Wx + b) − x‖²", "W", ""),
    ("gradient", "tr((WᵀW − I)²)", "W", ""),
    ("gradient", "logdet(S) + tr(S⁻¹ A)", "S", "S: n×n spd, A: n×n symmetric"),
    ("gradient", "sum(softplus(Xw)) − yᵀXw + ½ λ ‖w‖²", "w", ""),
    ("jacobian", "softmax(Wx + b)", "x", ""),
    ("hessian", "logsumexp(Ax)", "x", ""),
    ("gradient", "‖A − UVᵀ‖_F² + λ (‖U‖_F² + ‖V‖_F²)", "U", ""),
    ("gradient", "½‖W₃ relu(W₂ relu(W₁ x + b₁) + b₂) − y‖²", "W₁", ""),
]


def seconds(kind: str, formula: str, wrt: str, where: str) -> float:
    """The time of one derivation, whole."""
    start = time.perf_counter()
    made = getattr(derive, kind)(formula, wrt, where=where or None)
    made.boxed, made.compact, made.latex(), made.source()
    error = made.verify()
    assert error < 1e-6, f"{formula}: relative error {error:.1e}"
    return time.perf_counter() - start


def main() -> int:
    slow = 0
    for kind, formula, wrt, where in DERIVATIONS:
        took = seconds(kind, formula, wrt, where)
        slow += took > LIMIT
        print(f"{took * 1000:8.1f} ms  {kind} of {formula} by {wrt}")
    print(f"limit {LIMIT:.0f} s each, {slow} beyond it")
    return int(slow > 0)


if __name__ == "__main__":
    sys.exit(main())
