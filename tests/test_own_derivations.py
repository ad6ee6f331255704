"""What derive writes, checked as a student's work: LaTeX, text and Markdown of generated derivations.

Every line is read and none fails.  Not among them are derivations that print blocks, parts of matrices, `unvec`,
products of blocks or a function of a zero whose size is open: their lines are unread, and say so.
"""

from __future__ import annotations

import re

import pytest

import derive
from derive.checking import check
from derive.errors import DeriveError
from derive.expr import symbols_of
from tests.generate import formula

COUNT = 36
NOT_READ = re.compile(r"bmatrix|block|unvec|\{:\}|K_\{|vec\}|(?:triu|tril|softmax|logsumexp|expm)\}\(0\)")
FORMS = ("latex", "text", "markdown")


def declared(symbol):
    rows, columns = symbol.shape
    return f"{symbol.name}: ({rows})×({columns}) {' '.join(sorted(symbol.properties))}".strip()


def unread_or_failing(loss, variable, form):
    try:
        derivation = derive.gradient(loss, variable)
        if NOT_READ.search(derivation.latex()):
            return []
        text = getattr(derivation, form)()
    except DeriveError:
        return []
    where = ", ".join(declared(s) for s in {s.name: s for s in symbols_of(loss)}.values())
    return [line for line in check(text, where).lines if line.verdict in ("unread", "fails")]


@pytest.mark.parametrize("form", FORMS)
def test_derivations_are_read_and_right(form):
    wrong = {}
    for seed in range(COUNT):
        if seed % len(FORMS) != FORMS.index(form):
            continue  # a third of them in each form
        loss, variable = formula(seed, 2 + seed % 2)
        lines = unread_or_failing(loss, variable, form)
        if lines:
            wrong[seed] = [(line.verdict, line.claim, line.reason) for line in lines]
    assert not wrong


def test_a_line_that_is_spoilt_fails():
    text = derive.gradient("½‖A x − b‖²", "x", "A: m×n, x: n, b: m").latex()
    assert text.count(r"A^{\top} (A x - b)") > 0
    spoilt = text.replace(r"A^{\top} (A x - b)", r"A^{\top} (A x + b)")
    assert any(line.verdict == "fails" for line in check(spoilt, "A: m×n, x: n, b: m").lines)
