"""Documents as people write them: right ones raise no alarm, planted mistakes are found, named and mended."""

from __future__ import annotations

import json

import pytest

from derive.checking import check
from tests.homework import HOMEWORK

PLANTED = [(n, kind, old, new) for n, (_, mistakes) in enumerate(HOMEWORK) for kind, old, new in mistakes]


@pytest.mark.parametrize("number", range(len(HOMEWORK)))
def test_right_documents_raise_no_alarm_and_are_judged(number):
    report = check(HOMEWORK[number][0])
    assert report.ok and report.is_judged, report.text()


def test_planted_mistakes_are_found_named_and_mended():
    unfound, misnamed, unmended = [], [], []
    for number, kind, old, new in PLANTED:
        text = HOMEWORK[number][0]
        assert text.count(old) == 1, (number, old)
        text = text.replace(old, new)
        report = check(text)
        failing = [line for line in report.lines if line.verdict == "fails"]
        if not failing:
            unfound.append((number, kind, new))
            continue
        line = failing[0]
        if line.kind not in (kind if isinstance(kind, tuple) else (kind,)):
            misnamed.append((number, kind, line.kind))
        mended = line.repair and text.splitlines()[line.number - 1]
        if not mended or not check(_with_line(text, line.number, f"$${line.repair}$$")).ok:
            unmended.append((number, kind, line.repair))
    total = len(PLANTED)
    assert len(unfound) <= 0.05 * total, unfound
    assert len(misnamed) <= 0.15 * total, misnamed
    assert len(unmended) <= 0.1 * total, unmended


def _with_line(text: str, number: int, line: str) -> str:
    lines = text.splitlines()
    lines[number - 1] = line
    return "\n".join(lines)


FORMULAS = [
    ("½‖WᵀWx − x‖²", "W"),
    ("‖Ax − b‖² + λ‖x‖²", "x"),
    ("log det(X)", "X"),
    ("tr(AXBXᵀ)", "X"),
    ("‖σ(Wx + b) − y‖²", "W"),
    ("sum(exp(X w))", "w"),
    ("logsumexp(A x)", "x"),
    ("‖X − U Vᵀ‖²", "U"),
    ("−yᵀ log(softmax(W x))", "W"),
]


@pytest.mark.parametrize("form", ["latex", "text", "markdown"])
def test_what_derive_writes_it_reads_and_finds_right(form):
    import derive

    for formula, wrt in FORMULAS:
        made = derive.gradient(formula, wrt)
        report = check(getattr(made, form)())
        assert report.ok, f"{formula}: {report.text()}"
        assert report.is_judged, f"{formula}: {report.text()}"


FALSE_PROOFS = [
    # a value, or a solution, is put in nowhere above
    (r"$$L = x^2 - 2x$$ $$\frac{dL}{dx} = 4x - 4$$ $$x = 1$$", ["definition", "fails", "assumption"]),
    (r"$$L = \|Wx + b\|^2$$ $$\nabla_W L = 2Wxx^T$$ Take $b = 0$.", ["definition", "fails", "assumption"]),
    (
        r"$$f = \|Xw - y\|^2 + \lambda\|w\|^2$$ $$\nabla f = 2X(Xw - y) + 2\lambda w$$"
        r"$$\hat w = (X^TX + \lambda I)^{-1}X^Ty$$",
        ["definition", "fails", "assumption"],
    ),
    # rows and columns are not numbers
    (
        r"$$z = Wa + b$$ $$p = \sigma(z)$$ $$L = -y\log p - (1 - y)\log(1 - p)$$"
        r"$$\frac{\partial L}{\partial W} = a(p - y)$$",
        ["definition", "definition", "definition", "fails"],
    ),
    (r"$$f = \frac12\|Xw - y\|^2$$ $$V = V - \eta\frac{\partial f}{\partial V}$$", ["definition", "assumption"]),
    # the same mistake made twice
    (
        r"$$f_1 = \frac12\|Ax - b\|^2$$ $$\nabla f_1 = A^TAx - b$$"
        r"$$f_2 = \frac12\|Ax - b\|^2$$ $$\nabla f_2 = A^TAx - b$$",
        ["definition", "fails", "definition", "fails"],
    ),
    (r"$$\frac{\partial \log\det G}{\partial G} = G^{-1}$$", ["conditional"]),
    # a closed form is judged where the derivative should vanish
    (
        r"$$f = \|Ax - b\|^2$$ $$\nabla_x f = 2A^T(Ax - b)$$ $$x = 3(A^TA)^{-1}A^Tb$$",
        ["definition", "proved", "fails"],
    ),
    (
        r"$$f = \|Ax - b\|^2$$ $$\nabla_x f = 2A^T(Ax - b)$$ $$x = (A^TA)^{-1}A^Tb$$",
        ["definition", "proved", "assumption"],
    ),
    # from there on a value holds
    (
        r"$$L = \|Wx + b\|^2$$ Take $b = 0$. $$\nabla_W L = 2Wxx^T$$",
        ["definition", "assumption", "conditional"],
    ),
]


@pytest.mark.parametrize(("text", "verdicts"), FALSE_PROOFS)
def test_nothing_wrong_is_proved(text, verdicts):
    report = check(text)
    assert [line.verdict for line in report.lines] == verdicts, report.text()


CONDITIONS = [
    (r"$$f = x^TAx$$ $$\nabla f = 2Ax$$", "A symmetric"),
    (r"$$L = -y^T\log(\mathrm{softmax}(z))$$ $$\frac{\partial L}{\partial z} = \mathrm{softmax}(z) - y$$", "𝟏ᵀy = 1"),
    (r"$$h = \tanh(Wx)$$ $$\frac{\partial h}{\partial x} = \operatorname{diag}(1 - h^2)W$$", "entry by entry"),
]


@pytest.mark.parametrize(("text", "condition"), CONDITIONS)
def test_a_condition_is_named(text, condition):
    line = check(text).lines[-1]
    assert (line.verdict, line.condition) == ("conditional", condition)


LATEX = r"""\documentclass{article}
\newcommand{\pd}[2]{\frac{\partial #1}{\partial #2}}
\newcommand\bx{\mathbf{x}}
\DeclarePairedDelimiter{\norm}{\lVert}{\rVert}
\begin{document}
The ``loss'' is % $$q = r$$
\[ f = \norm{A\bx - b}^2 \]
\begin{comment} $$a = b$$ \end{comment}
\[ \pd{f}{\bx} = A^T(A\bx - b) \\[1ex] \]
and so on to the ``end''. \iffalse $$a = b$$ \fi
\end{document}
"""


def test_latex_keeps_its_places_through_comments_and_macros():
    report = check(LATEX)
    assert [(line.number, line.verdict) for line in report.lines] == [(7, "definition"), (9, "fails")]
    assert report.lines[1].kind == "factor"
    start, end = report.lines[1].span
    assert LATEX[start:end] == r"A^T(A\bx - b)"


def test_a_notebook_is_its_markdown():
    cells = [
        {"cell_type": "code", "source": ["x = 1\n"], "outputs": []},
        {"cell_type": "markdown", "source": ["$$f = \\|x\\|^2$$\n", "$$\\nabla f = x$$\n"]},
    ]
    report = check(json.dumps({"cells": cells, "nbformat": 4}))
    assert [line.verdict for line in report.lines] == ["definition", "fails"]


def test_macros_that_grow_are_bounded():
    text = "".join(rf"\newcommand{{\{a}}}{{\{b}\{b}\{b}\{b}}}" for a, b in zip("abcdefghijklmnop", "bcdefghijklmnopq"))
    assert check(text + r" $\a = 1$") is not None
