"""Reading a document: where mathematics stands, what its rows are, what they claim and declare."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from derive.checking import check
from derive.checking.document import cleaned, pieces, rows, statements
from derive.checking.interpretation import read
from derive.checking.manuscript import Manuscript
from derive.errors import DeriveError, LimitError

DOCUMENTS = Path(__file__).parent / "documents"


def claims(text):
    return [(claim.number, claim.latex) for claim in read(text).claims]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("a $x = 1$ b", ["prose", "inline", "prose"]),
        ("$$x = 1$$", ["display"]),
        (r"\[x = 1\] and \(y = 2\)", ["display", "prose", "inline"]),
        (r"\begin{align*} a &= b \end{align*}", ["display"]),
        (r"costs \$5 and $6", ["prose"]),
        ("`$a = b$`", ["prose"]),
        ("```\n$a = b$\n```\n$c = d$", ["prose", "inline"]),
        ("```math\na = b\n```\n", ["display", "prose"]),
        ("an open $ in one paragraph\n\n and $ in another", ["prose"]),
        ("L = x + y\nwords about nothing\n", ["display", "prose"]),
    ],
)
def test_mathematics_is_told_from_prose(text, kinds):
    manuscript = Manuscript(text)
    found = pieces(manuscript)
    assert [p.kind for p in found] == kinds
    for piece in found:
        assert manuscript.text[piece.start : piece.start + len(piece.text)] == piece.text


def test_rows_keep_their_place():
    text = "one\n\n\\begin{align}\n a &= b \\\\[2pt]\n   &= c \\label{x}\n\\end{align}\n\n$$d = e$$\n"
    found, _ = rows(text)
    assert [text.count("\n", 0, r.start + len(r.text) - len(r.text.lstrip(" \n&"))) + 1 for r in found] == [4, 5, 8]
    assert claims(text) == [(4, "a = b"), (5, r"= c \label{x}"), (8, "d = e")]


def test_a_broken_line_is_one_claim():
    text = "$$\\begin{aligned} f = & a \\\\\n & + b \\\\\n & - c \\\\ &= d \\end{aligned}$$"
    assert [number for number, _ in claims(text)] == [1, 3]
    assert claims(text)[0][1].count("=") == 1


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (r"$$a = b, \quad c = d$$", 2),
        (r"$$a = b \Rightarrow c = d$$", 2),
        (r"$$\therefore a = b \quad \text{--- (1)}$$", 1),
        (r"$$a = b \text{ and } c = d$$", 2),
        (r"$$\langle a, b\rangle = c$$", 1),
        (r"$$f(x, y) = c$$", 1),
        (r"$$a = b = c$$", 1),
        (r"$$a \in \mathbb{R}^n$$", 0),
        (r"$$d = \text{cost of this} + \text{cost of that}$$", 0),
        (r"$$\boxed{a = b}$$", 1),
        (r"$$a = \underline{\underline{b}} \tag{3}$$", 1),
        (r"$$a \stackrel{(2)}{=} b$$", 1),
        (r"$$a := b$$", 1),
    ],
)
def test_statements_of_a_row(text, number):
    assert len(claims(text)) == number


def test_boxes_and_underlines_are_blanked_in_place():
    for text in (r"\boxed{a = b}", r"a = \underline{b + c}", r"\underbrace{a}_{n} = b"):
        assert len(cleaned(text)) == len(text)
    assert cleaned(r"\boxed{a = b}").split() == ["a", "=", "b"]


def test_statements_give_their_offset():
    (row,), _ = rows(r"$$a = b, \quad c = d$$")
    for content, start, _ in statements(row):
        assert row.text[start : start + len(content)] == content


DECLARATIONS = [
    (r"$W \in \mathbb{R}^{m \times n}$, $$f = \|Wx\|^2$$", "W", "m × n", ()),
    (r"where $W$ is $m \times n$. $$f = \|Wx\|^2$$", "W", "m × n", ()),
    (r"$$f = x^TAx$$ with $A$ symmetric", "A", None, ("symmetric",)),
    (r"Let $A$ be given, $$f = x^TAx$$ where $A$ is symmetric and positive.", "A", None, ("symmetric",)),
    (r"$S \in \mathbb{S}^n_{++}$ $$f = \log\det S$$", "S", "n × n", ("spd",)),
    (r"$$f = \|Ax - B\|_F^2,\ x scalar$$", "x", "scalar", ()),
    (r"Here $x$ is a scalar. $$f = \|Ax - B\|_F^2$$", "x", "scalar", ()),
]


@pytest.mark.parametrize(("text", "name", "shape", "properties"), DECLARATIONS)
def test_declarations_in_words_and_in_mathematics(text, name, shape, properties):
    from derive.shapes import shape_text

    made = read(text).scope.symbols[name]
    assert set(properties) <= made.properties
    if shape:
        assert shape_text(made.shape) == shape


def test_shapes_are_solved_for_over_the_document():
    symbols = read(r"$$r = W^TWx - x$$ $$L = \frac12 r^Tr$$").scope.symbols
    assert [str(d) for d in symbols["W"].shape] == ["m", "n"] and [str(d) for d in symbols["r"].shape] == ["n", "1"]


def test_a_wrong_claim_does_not_change_shapes():
    symbols = read(r"$$L = \|Ax - b\|^2$$ $$\nabla L = 2A(Ax - b)$$").scope.symbols
    assert symbols["A"].shape[0] is not symbols["A"].shape[1]


def test_an_unclosed_formula_costs_its_line_and_is_named():
    right = "\n\n$$f = \\|x\\|^2$$ $$\\nabla f = 2x$$\n\n"
    for text in ("text $$ a = b" + right, r"\[ a = b" + right, right + r"\begin{align} a = b"):
        report = check(text)
        assert [line.verdict for line in report.lines] == ["definition", "proved"], report.text()
        ((number, why),) = report.skipped
        assert "does not end" in why and "a = b" in text.splitlines()[number - 1]
        assert "skipped: 1" in report.text() and "does not end" in report.json()


def test_a_document_past_the_limit_is_refused():
    with pytest.raises(LimitError, match="too long"):
        check("x" * 500_000)


BITS = r"""$$ { } ^T \frac = _ ^ ( ) | \| d \partial \nabla \sum_i / + - : \odot 1 I \mathbf{ \left. \right|
    & \\ x W ' _j""".split()


def test_mutilated_documents_are_answered_or_refused():
    texts = [path.read_text(encoding="utf-8") for path in sorted(DOCUMENTS.iterdir())]
    order = random.Random(3)
    for _ in range(2000 if os.environ.get("DERIVE_FULL") else 80):
        text = order.choice(texts)
        start = order.randrange(max(1, len(text) - 500))
        text = text[start : start + 500]
        for _ in range(order.randrange(1, 6)):
            i = order.randrange(len(text) + 1)
            if order.random() < 0.6:
                text = text[:i] + order.choice(BITS) + text[i:]
            else:
                text = text[:i] + text[i + order.randrange(1, 6) :]
        try:
            check(text)
        except DeriveError:
            pass


def test_the_derivative_of_a_loss_that_is_only_named_is_not_refuted():
    """∂L/∂W = r xᵀ is right if L is ½‖r‖², which nothing says or denies."""
    lines = r"""Let $r = W x - y$.
$$\frac{\partial L}{\partial W} = r x^\top$$
$$\frac{\partial L}{\partial W} = \frac{\partial L}{\partial r} x^\top$$
$$\frac{\partial L}{\partial W} = 2 \frac{\partial L}{\partial r} x^\top$$"""
    report = check(lines)
    assert [line.verdict for line in report.lines] == ["definition", "unread", "proved", "fails"]
    assert report.lines[1].reason == "not judged: L is not defined"


@pytest.mark.parametrize("words", ["where", "Assuming", "with the constraint", "such that", "As"])
def test_words_before_an_equation_say_it_is_of_the_data(words: str) -> None:
    (line,) = check(f"{words} $x^T x = 2 x^T x$.", where="x: n").lines
    assert line.verdict == "assumption"


@pytest.mark.parametrize("words", ["The basis", "Somewhere", "Within reach", "It has", "Forgiven"])
def test_words_inside_other_words_say_nothing(words: str) -> None:
    (line,) = check(f"{words} $x^T x = 2 x^T x$.", where="x: n").lines
    assert line.verdict == "fails"


@pytest.mark.parametrize("by", [r"\partial z \partial w", r"\partial w \partial z", r"\partial z^2"])
def test_a_second_derivative_by_what_is_defined_is_not_judged(by: str) -> None:
    report = check(rf"$$z = w^\top x$$ $$L = z^2$$ $$\frac{{\partial^2 L}}{{{by}}} = 3 x$$")
    assert [line.verdict for line in report.lines] == ["definition", "definition", "unread"]


SVM = r"""
$$\mathcal L(w, b, \xi) = \frac12|w|^2 + C\sum_i \xi_i
+ \sum_i \alpha_i (1 - \xi_i - y_i(w^\top x_i + b)) - \sum_i \mu_i \xi_i$$

$$\frac{\partial \mathcal L}{\partial w} = 0 \Rightarrow w = SOLUTION$$

$$\frac{\partial \mathcal L}{\partial \xi_i} = C - \alpha_i - \mu_i$$
"""


@pytest.mark.parametrize(
    "solution, verdict", [(r"\sum_i \alpha_i y_i x_i", "assumption"), (r"\sum_i \alpha_i x_i", "fails")]
)
def test_where_a_sum_over_samples_is_stationary_is_judged(solution, verdict):
    report = check(SVM.replace("SOLUTION", solution))
    found = {line.claim.partition(" =")[0].strip(): line for line in report.lines}
    assert found["w"].verdict == verdict
    assert ("does not vanish" in found["w"].reason) == (verdict == "fails")
    assert found[r"\frac{\partial \mathcal L}{\partial \xi_i}"].verdict in ("proved", "agrees")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("L(**w**) = ||**y** - X**w**||² = (**y** - X**w**)ᵀ(**y** - X**w**)\n", ["proved"]),
        ("L(**w**) = ||**y** - X**w**||² = (**y** - X**w**)ᵀ(**y** + X**w**)\n", ["fails"]),
        ("[tex]f(x) = x^T C x[/tex] and so [itex]\\nabla f = (C + C^T)x[/itex]", ["definition", "proved"]),
        ("[tex]f(x) = x^T C x[/tex] and so [itex]\\nabla f = (C - C^T)x[/itex]", ["definition", "fails"]),
        (r"$f = \sum^n_r x_r^2$ $\nabla_x f = 2x$", ["definition", "proved"]),
        (r"$f = \Sigma^n_{i=1} x_i^2$ $\nabla_x f = 2x$", ["definition", "proved"]),
        (r"$f = \sum x_i^2$ $\nabla_x f = 2x$ $\nabla_x f = x$", ["definition", "proved", "fails"]),
    ],
)
def test_marks_of_forums_and_limits_of_sums_as_people_write_them(text, expected):
    assert [line.verdict for line in check(text).lines] == expected
