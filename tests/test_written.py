"""Formulas that are quoted: shown as MathML, or left as they stand."""

from __future__ import annotations

from html import unescape
from xml.etree import ElementTree

import pytest

import derive
from derive.render.written import written

SHOWN = [
    (r"L = \frac12\|Ax - b\|^2", "L=12‖Ax−b‖2"),
    (r"\frac{\partial L}{\partial W} &= W \left( r x^\top + x r^{\top} \right) \\", "∂L∂W=W(rx⊤+xr⊤)"),
    (r"\nabla_x L = A' (A x - \hat{b}_1)", "∇xL=A′(Ax−b^1)"),
    (r"\operatorname{tr}(\Sigma^{-1} \mathbf{A}) \in \mathbb{R}", "tr(Σ−1A)∈ℝ"),
    ("½‖x‖² a < b", "½‖x‖2a<b"),
    ("(XᵀX + λI)⁻¹ Xᵀ y₁₂", "(XTX+λI)−1XTy12"),
    ("w_hat = (X^T X + lambda I)^-1 X^T y", "w^=(XTX+λI)−1XTy"),
    ("grad_w L = lambda ||w||^2 + tr(Sigma) + sum_i softmax(x_i)", "∇wL=λ‖w‖2+tr(Σ)+∑isoftmax(xi)"),
]


@pytest.mark.parametrize("latex, text", SHOWN)
def test_what_is_written_is_shown(latex: str, text: str) -> None:
    made = written(latex)
    assert made is not None
    root = ElementTree.fromstring(made)
    assert "".join(root.itertext()) == text
    counts = {"mfrac": 2, "msup": 2, "msub": 2, "mover": 2, "msubsup": 3}
    assert all(len(e) == counts.get(e.tag, len(e)) for e in root.iter())


def test_what_is_raised_in_plain_text_is_raised_on_the_page() -> None:
    root = ElementTree.fromstring(written("(XᵀX)⁻¹ + A^-1") or "")
    assert ["".join(e[1].itertext()) for e in root.iter("msup")] == ["T", "−1", "−1"]


@pytest.mark.parametrize(
    "latex", [r"\unheardof x", r"\frac{1}", "{x", "x}", "x^", "^", "{" * 60 + "x" + "}" * 60, "x" * 5000]
)
def test_what_is_not_understood_is_left(latex: str) -> None:
    assert written(latex) is None


def test_a_report_typesets_claims_and_repairs() -> None:
    page = derive.check("$$L = \\|Ax - b\\|^2$$\n$$\\nabla_x L = 2 A (Ax - b)$$\n<script>").html()
    assert "repair: <math>" in page and page.count("<math>") >= 3
    assert "prefers-color-scheme: dark" in page and "<script>" not in page


def test_the_page_says_of_a_document_what_the_text_says() -> None:
    report = derive.check(
        "In numerator layout:\n$$L = \\|Ax - b\\|^2$$\n$$\\nabla_x L = 2 A^T (Ax - b)$$\n$$x_1 < x_2 <$$"
    )
    report.skipped.append((4, "no equation"))
    report.readings.append("x is a & b")
    assert {name for name, _ in report.remarks()} == {"note", "skipped", "shapes", "layout"}
    page = unescape(report.html())
    for name, said in report.remarks():
        assert f"{name}: {said}" in page and f"{name}: {said}" in report.text()
