"""Mutated formulas: an answer or a `DeriveError`, soon, in little memory."""

from __future__ import annotations

import contextlib
import os
import random
import time
import tracemalloc

import pytest

from derive.errors import DeriveError
from derive.reading import declarations, parse
from tests.written import LATEX, PLAIN

INPUTS = 50_000 if os.environ.get("DERIVE_FULL") else 1_000
SECONDS = 1.0  # for one input
MEGABYTES = 64  # beyond what was there

SEEDS = [row[0] for row in (*LATEX, *PLAIN)] + [
    "A[0:m, 0:n]",
    "K(m, n) vec(X)",
    "unvec(v, m, n)",
    "L = f(x) = ‖x‖² where x = Wy",
    r"\begin{vmatrix} A & B \\ C & D \end{vmatrix}",
    r"\left\langle x, A y \right\rangle",
]
PIECES = [
    *"xyAWBabn01239.,;:+-*/^_'(){}[]|\\ &=@<>!$%~",
    *"ᵀ‖⊙⊗½²⁻¹₁∑αλ⟨⟩𝟏√\u0302\x00\t\n（∞",
    *(r"\frac", r"\sum", r"\left", r"\right", r"\mathbf", r"\hat", r"\begin{bmatrix}", r"\end{bmatrix}", r"\\", r"\|"),
    *("^T", "^{", "norm(", ".T", "**", ".*", "where ", r"\sqrt[3]", r"{\rm ", r"\mathrm{d}", "sum_i", "det ", "log "),
]
WHERE = ["W: m×n, x: n, λ: scalar", "S: n×n spd, A, B: m×n", r"W \in \mathbb{R}^{m \times n}; m < n", "D: (m+1) × 2*n"]


def mutated(text: str, generator: random.Random) -> str:
    """The text with pieces inserted, deleted, moved, repeated or taken from another."""
    for _ in range(generator.choice((1, 1, 2, 3, 6))):
        i = generator.randrange(len(text) + 1)
        j = min(len(text), i + generator.randrange(1, 8))
        kind = generator.randrange(20)
        if kind < 6:
            text = text[:i] + generator.choice(PIECES) + text[i:]
        elif kind < 11:
            text = text[:i] + text[j:]
        elif kind < 14:
            text = text[:i] + text[j:] + text[i:j]
        elif kind < 17:
            other = generator.choice(SEEDS)
            k = generator.randrange(len(other))
            text = text[:i] + other[k : k + generator.randrange(1, 15)] + text[i:]
        elif kind < 19:
            text = text[:i] + text[i:j] * generator.randrange(2, 5) + text[j:]
        else:
            text = text[:i] + generator.choice(PIECES) * generator.randrange(2, 200) + text[i:]
    return text


def test_mutated_formulas_end_in_an_answer_or_a_derive_error() -> None:
    generator = random.Random(20_240_607)
    tracemalloc.start()
    read = refused = 0
    for _ in range(INPUTS):
        text = mutated(generator.choice(SEEDS), generator)
        where = generator.choice((None, None, *WHERE))
        start = time.process_time()
        try:
            parsed = parse(text, where, wrt=["x"], scalar=generator.random() < 0.5)
            assert parsed.expr.text()
            read += 1
        except DeriveError as error:
            assert error.message and str(error), text
            refused += 1
        seconds = time.process_time() - start
        assert seconds < SECONDS, (text, seconds)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MEGABYTES * 2**20
    assert read > INPUTS // 20 and refused > INPUTS // 20  # the mutations are neither trivial nor hopeless


def test_mutated_declarations_end_in_an_answer_or_a_derive_error() -> None:
    generator = random.Random(7)
    for _ in range(INPUTS // 4):
        text = mutated(generator.choice(WHERE), generator)
        start = time.process_time()
        try:
            declarations(text).symbols()
        except DeriveError as error:
            assert str(error), text
        assert time.process_time() - start < SECONDS, text


@pytest.mark.parametrize(
    "text",
    [
        "x" + " " * 19_000,
        "x'_{" * 4_500,
        "x" + "²" * 18_000,
        r"\sum^n_{" * 2_300,
        "a(" * 9_000,
        "min " * 4_900,
        "a* " * 6_000,
    ],
)
def test_signs_that_repeat_are_read_in_a_time_that_grows_with_them(text):
    def cost(size):
        begin = time.process_time()
        for _ in range(3):
            with contextlib.suppress(DeriveError):
                parse(text[:size])
        return time.process_time() - begin

    tenth, whole = cost(len(text) // 10), cost(len(text))
    assert whole < 50 * tenth + 0.5  # ten times as much where it is linear, a hundred times where it is quadratic
