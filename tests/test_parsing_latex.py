r"""LaTeX as authors write it: shapes and values of a collection of real formulas."""

from __future__ import annotations

import pytest

from derive.reading import parse
from tests.written import LATEX, agrees


@pytest.mark.parametrize(("text", "shapes", "code"), LATEX, ids=[row[0] for row in LATEX])
def test_formulas_evaluate_to_what_they_mean(text: str, shapes: dict[str, str], code: str) -> None:
    agrees(text, shapes, code)


@pytest.mark.parametrize(
    "mark",
    ["^T", r"^\top", r"^\intercal", r"^{\mathsf T}", r"^{\mathsf{T}}", r"^{\mathrm{T}}", r"^{\!\top\!}", "^⊤",
    "'", r"^\prime",
     r"^{T}", r"^{\top}", r"^\mathrm{T}", r"^{\text{T}}", r"^{\rm T}", r"^{t}", r"^\T"],
)  # fmt: skip
def test_transposes(mark: str) -> None:
    assert parse(rf"\mathbf{{X}}{mark} y").expr.text() == "Xᵀ y"


@pytest.mark.parametrize(
    ("left", "right"),
    [(r"\|", r"\|"), (r"\lVert ", r"\rVert"), (r"\Vert ", r"\Vert"), ("||", "||"), (r"\left\|", r"\right\|"),
     (r"\vert\vert ", r"\vert\vert"), (r"\left\lVert ", r"\right\rVert"), (r"\big\|", r"\big\|"), (r"\Big\Vert ",
     r"\Big\Vert"),
     (r"\left|\left|", r"\right|\right|"), ("‖", "‖"), (r"\bigl\|", r"\bigr\|")],
)  # fmt: skip
@pytest.mark.parametrize("scripts", ["^2", "_2^2", "^2_2", "_{2}^{2}", "_F^2", r"_{\mathrm F}^2", "_2 ^2", "²"])
def test_norms(left: str, right: str, scripts: str) -> None:
    assert parse(f"{left}A x - b{right}{scripts}").expr.text() == "‖A x − b‖²"


@pytest.mark.parametrize(
    "dressed",
    [
        r"$\frac12 x^T x$", r"$$\frac12 x^T x$$", r"\[\frac12 x^T x\]", r"\(\frac12 x^T x\)", r"\frac12 x^T x.",
        r"\frac12 x^T x,",
        r"\begin{align*} \frac12 x^T x \end{align*}", r"\begin{align} & \frac12 x^T x \label{a} \end{align}",
        r"\frac12 x^T x \tag{1}", r"\frac12 x^T x \quad", r"\displaystyle\frac12 x^T x", r"\frac12 \, x^T \! x",
        r"{\frac12} {x^T} {x}", r"\frac{1}{2}x^{T}x \text{ for all weights}", r"\tfrac12 x^Tx", r"\dfrac12 x^\top x",
        r"\frac{1}{2}\mathbf{x}^T\mathbf{x}", r"\frac{1}{2} \bm{x}^{\top} \bm{x} \nonumber", r"\boxed{\frac12 x^T x}",
        "\\frac12 % a remark\n x^T x", r"\half x^T x", r"\frac12\left(x^T x\right)", r"\frac12 \big( x^T x \big)",
        r"\frac12 \left\{ x^T x \right\}", r"\frac12 \Big[ x^T x \Big]",
    ],
)  # fmt: skip
def test_dress_is_skipped(dressed: str) -> None:
    assert parse(dressed).expr.text() == "½ xᵀ x"


@pytest.mark.parametrize(
    "trace",
    [r"\operatorname{tr}(A)", r"\mathrm{tr}(A)", r"\mbox{tr}(A)", r"\text{ tr }(A)", r"\tr(A)", "Tr(A)",
    "trace(A)", r"\Tr A",
     r"\mathrm{Tr}\,A", r"{\rm tr}\,A", r"\operatorname{Tr}\left(A\right)", r"\tr{A}", r"\mathop{\mathrm{tr}}(A)",
     r"\textrm{tr}(A)", r"\mathsf{tr}(A)", r"\operatorname*{tr}(A)"],
)  # fmt: skip
def test_traces(trace: str) -> None:
    assert parse(trace).expr.text() == "tr(A)"


def test_matrices_written_out() -> None:
    text = r"\begin{bmatrix} A & B \\ C & D \end{bmatrix} \begin{pmatrix} x \\ y \end{pmatrix}"
    assert parse(text).expr.text() == "[A, B; C, D] [x; y]"
    assert parse(r"\begin{vmatrix} A & B \\ C & D \end{vmatrix}").expr.op.name == "det"
    assert parse(r"\left[\begin{array}{cc} A & B \end{array}\right]").expr.op.name == "block"


def test_layers_are_names_and_powers_are_powers() -> None:
    assert list(parse(r"\|W^{(2)} W^{(1)} x\|^2").symbols) == ["W_2", "W_1", "x"]
    assert parse(r"x^{(i)}").symbols.keys() == {"x_i"}
    assert parse("s^{(2)}").symbols.keys() == {"s_2"}
    assert parse("s^{2}").expr.text() == "s²"


def test_differentials_are_names() -> None:
    assert list(parse(r"A\,\mathrm{d}X\,B").symbols) == ["A", "dX", "B"]


def test_runs_in_bold_are_products() -> None:
    assert list(parse(r"\mathbf{Wx}").symbols) == ["W", "x"]
    assert parse(r"\boldsymbol{aa}^T").expr.text() == "a aᵀ"
    assert parse(r"\mathbf{b1}_m^T").expr.text() == "b 𝟏_mᵀ"
