"""LaTeX of formulas and of whole derivations: it reads back, it compiles, nothing sticks out."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import derive
from derive.errors import DeriveError, MissingExtraError
from derive.expr import Expr
from derive.operations import tanh
from derive.reading import parse
from derive.render import paper
from derive.render.breaking import broken, width
from derive.render.latex import derivation_latex, latex, words
from tests.test_render_text import PRINTED, declared

LATEX = [(e, shown) for e, _, shown in PRINTED if shown]

# Formula, variable, declarations: small and large graphs, several paths, structure, conditions.
GALLERY = [
    ("½‖WᵀWx − x‖²", "W", None),
    ("½‖W₁ᵀW₂ᵀW₂W₁x − x‖²", "W1", None),
    ("½‖Wᵀ tanh(Wx + b) − x‖²", "W", None),
    ("tr((WᵀW − I)²)", "W", None),
    ("logdet(S) + tr(S⁻¹A)", "S", "S: n×n spd"),
    ("xᵀAx / (xᵀx)", "x", None),
    ("½‖W₃ tanh(W₂ tanh(W₁x+b₁)+b₂)+b₃ − y‖²", "W1", None),
    ("r = A x − b; s = tanh(r); L = ½‖s‖² + rᵀs", "x", None),
]
needs_latex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")


@pytest.mark.parametrize("expr, shown", LATEX, ids=[shown for _, shown in LATEX])
def test_latex_is_what_people_write(expr: Expr, shown: str) -> None:
    assert latex(expr) == shown


@pytest.mark.parametrize("expr", [e for e, _ in LATEX], ids=[shown for _, shown in LATEX])
def test_latex_reads_back(expr: Expr) -> None:
    assert parse(latex(expr), declared(expr)).expr is expr


def test_the_flagship_is_told_step_by_step() -> None:
    told = derive.gradient("½‖WᵀWx − x‖²", "W").latex()
    for part in (
        r"W \in \mathbb{R}^{m \times n}",
        r"\frac{\partial L}{\partial (W^{\top} W x - x)} &=",
        r"\frac{\partial L}{\partial (W x)} &= W \frac{\partial L}{\partial (W^{\top} W x)} = W (W^{\top} W x - x)",
        r"\left. \frac{\partial L}{\partial W} \right|_{2} &= \left(\frac{\partial L}{\partial W^{\top}}\right)^{\top}",
        r"- 2 W x x^{\top}",
        r"\boxed{ \frac{\partial L}{\partial W} = W (W^{\top} W x x^{\top} + x x^{\top} W^{\top} W - 2 x x^{\top}) }",
        r"W (r x^{\top} + x r^{\top})",
        r"Subtraction passes it on",
        r"\(r = W^{\top} W x - x\)",
        "relative error at most",
    ):
        assert part in told, part
    assert told.count(r"\begin{align*}") == told.count(r"\end{align*}") > 5
    assert r"\intertext" not in told  # MathJax has none


def test_the_factors_below_a_hessian_keep_apart() -> None:
    told = derive.hessian("½‖WᵀWx − x‖²", "W").latex()
    assert r"{\partial \operatorname{vec} W \, \partial (\operatorname{vec} W)^{\top}}" in told


def test_numbered_equations_have_labels() -> None:
    derivation = derive.gradient("½‖WᵀWx − x‖²", "W")
    for document in (False, True):
        plain, told = (derivation.latex(document=document, numbered=numbered) for numbered in (False, True))
        labels = re.findall(r"\\label\{([^}]*)\}", told)
        assert len(labels) == len(set(labels)) > 12 and "eq:gradient-L-W" in labels
        assert r"\label" not in plain and r"\begin{align}" not in plain and r"\notag" not in plain
        assert r"align*" not in told and r"\tag" not in told
        assert told.count(r"\begin{align}") == told.count(r"\end{align}") > 3
        assert r"x x^{\top}) } \label{eq:gradient-L-W}" in told
        assert r"\;\in \mathbb{R}^{m \times n} \label{eq:gradient-L-W-" in told
    assert "eq:hessian-lam-x_hat-1}" in derive.hessian("λ = ‖x̂‖²", "x̂").latex(numbered=True)


def test_detail_changes_the_length() -> None:
    derivation = derive.gradient("½‖WᵀWx − x‖²", "W")
    brief, steps, full = (derivation.latex(detail=detail) for detail in ("brief", "steps", "full"))
    assert len(brief) < len(steps) < len(full)
    assert r"\langle G, \mathrm{d} Y \rangle" in full and r"\langle G" not in steps
    with pytest.raises(DeriveError, match="no detail"):
        derivation.latex(detail="long")


def test_words_become_latex() -> None:
    assert words("‖A‖₂ is 100% of Aᵀ") == r"\(\Vert\)A\(\Vert_{2}\) is 100\% of A\(^{\top}\)"
    assert words("10⁻¹² & more") == r"10\(^{-12}\) \& more"


def test_widths_are_those_of_print() -> None:
    # Measured with \settowidth in Latin Modern at 11 pt.
    measured = {
        r"W (W^{\top} W X - X) X^{\top} + W X (W^{\top} W X - X)^{\top}": 216,
        r"\frac{1}{2} \lVert A x - b \rVert^{2} + \lambda \lVert x \rVert^{2}": 98,
        r"\frac{\partial L}{\partial (\tanh(B \tanh(A x)))}": 103,
    }
    for formula, points in measured.items():
        assert abs(width(formula) - points) < 0.15 * points


def test_long_lines_break_before_signs_and_lose_nothing() -> None:
    line = " + ".join(rf"A_{{{i}}} (x_{{{i}}} - \left(\frac{{1}}{{2}} y\right))" for i in range(12))
    pieces = broken(line, 200.0)
    assert len(pieces) > 3 and all(width(piece) <= 200.0 for piece in pieces)
    assert all(piece.startswith("+") for piece in pieces[1:])
    assert "".join(pieces).replace(" ", "") == line.replace(" ", "")


def test_brackets_that_a_break_separates_have_a_fixed_size() -> None:
    inside = " + ".join(rf"\frac{{a}}{{b}} x_{{{i}}}" for i in range(12))
    pieces = broken(rf"W \left({inside}\right) y", 150.0)
    assert pieces[0].count(r"\Bigl(") == 1 and pieces[-1].count(r"\Bigr)") == 1
    assert all(piece.count(r"\left") == piece.count(r"\right") for piece in pieces)


def test_deep_gradients_are_answered_in_named_intermediates() -> None:
    x, W = derive.symbols("x: n, W: n×n")
    layer = x
    for _ in range(14):
        layer = tanh(W @ layer + W.T @ layer)
    told = derive.gradient(derive.norm(layer) ** 2, W).latex()
    assert told.count(r"\boxed") == 1 and "in the names above; written out it has" in told
    assert len(told) < 60_000
    hessian = derive.hessian(derive.norm(layer) ** 2, x).latex()
    assert "too long for a page" in hessian and r"\boxed" not in hessian


def test_absent_variable_is_said_so() -> None:
    told = derive.gradient("aᵀx", "q", where="q: n").latex()
    assert "does not occur" in told and r"\boxed" in told


def test_no_engine_is_a_clear_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(paper.shutil, "which", lambda name: None)
    with pytest.raises(MissingExtraError, match="no LaTeX engine"):
        paper.pdf(derive.gradient("½‖Ax − b‖²", "x"), tmp_path / "d.pdf")


@needs_latex
def test_a_broken_document_is_a_clear_error() -> None:
    with pytest.raises(DeriveError, match="could not set the document: !"):
        paper.typeset(r"\documentclass{article}\begin{document}\undefined\end{document}")


@needs_latex
def test_documents_compile_without_overfull_lines(tmp_path: Path) -> None:
    parts = [
        derivation_latex(derive.gradient(*case), document=True, detail=detail, verify=False)
        for case, detail in zip(GALLERY, ["full", "steps", "full", "brief", "full", "steps", "steps", "full"])
    ]
    parts.append(derive.hessian("½‖WᵀWx − x‖²", "W").latex(document=True))
    parts.append(derive.jacobian("softmax(Ax)", "x").latex(document=True))
    assert complaints(together(parts), tmp_path) == []


@needs_latex
def test_numbered_documents_compile_and_can_be_referred_to(tmp_path: Path) -> None:
    parts = [
        derivation_latex(derive.gradient(*case), document=True, detail="full", verify=False, numbered=True)
        for case in [*GALLERY[:2], GALLERY[3], GALLERY[6]]
    ]
    parts.append(derive.hessian("½‖WᵀWx − x‖²", "W").latex(document=True, numbered=True))
    parts = [re.sub(r"(\\label\{eq:)", rf"\g<1>{i}-", part) for i, part in enumerate(parts)]
    document = together(parts).replace(r"\end{document}", r"\ref{eq:0-gradient-L-W}\end{document}")
    assert complaints(document, tmp_path) == []
    assert complaints(document, tmp_path) == []
    log = (tmp_path / "d.log").read_text(encoding="utf-8", errors="replace")
    assert "undefined" not in log and "multiply defined" not in log
    found = re.search(r"newlabel\{eq:0-gradient-L-W\}\{\{(\d+)\}", (tmp_path / "d.aux").read_text(encoding="utf-8"))
    assert found and int(found.group(1)) > 12


# Twenty formulas for a column; a few by default, as an engine takes its time.
COLUMN = [
    *GALLERY,
    ("½‖y − Xw‖² + λ‖w‖²", "w", None),
    ("−sum(y .* log(σ(Xw)) + (1 − y) .* log(1 − σ(Xw)))", "w", None),
    ("‖X − U Vᵀ‖² + λ(‖U‖² + ‖V‖²)", "U", None),
    ("½(x − μ)ᵀ Σ⁻¹ (x − μ) + ½ logdet(Σ)", "Σ", "Σ: n×n spd"),
    ("aᵀx/(‖a‖‖x‖)", "x", None),
    ("logsumexp(Wx+b) − yᵀ(Wx+b)", "W", None),
    ("tr(A X B Xᵀ) + tr(C X)", "X", None),
    ("‖softmax(Wx) − y‖²", "W", None),
    ("sum(exp(A X) ⊙ B)", "X", None),
    ("½‖W₂ max(W₁x + b₁, 0) + b₂ − y‖²", "W1", None),
    ("logdet(I + X Xᵀ/σ²)", "X", None),
    ("‖A ⊙ (X − U Vᵀ)‖² + μ tr(Uᵀ L U)", "U", None),
]
CHOSEN = range(len(COLUMN)) if os.environ.get("DERIVE_FULL") else (0, 6, 9)
TWO_COLUMNS = {
    "IEEEtran": r"\documentclass[journal]{IEEEtran}",
    "article": (  # its columns in a font that every installation has, wider than its own
        r"\documentclass[10pt,twocolumn]{article}"
        r"\usepackage[textwidth=516pt,columnsep=12pt,textheight=690pt]{geometry}"
        r"\usepackage[T1]{fontenc}\usepackage{lmodern}"
    ),
}


def is_set(name: str) -> bool:
    """Whether the class and, for IEEEtran, its Times are installed."""
    files = ("IEEEtran.cls", "ptmr7t.tfm") if name == "IEEEtran" else ("geometry.sty", "lmodern.sty")
    found = subprocess.run(["kpsewhich", *files], capture_output=True, text=True, check=False).stdout
    return len(found.splitlines()) == len(files)


@needs_latex
@pytest.mark.parametrize("paper", TWO_COLUMNS)
def test_nothing_sticks_out_of_the_columns_of_a_paper(tmp_path: Path, paper: str) -> None:
    if not is_set(paper):
        pytest.skip(f"LaTeX has no {paper}")
    head = TWO_COLUMNS[paper] + r"\usepackage{amsmath,amssymb}\begin{document}"
    parts = []
    for i in CHOSEN:
        style = {"numbered": (False, True, "box")[i % 3], "nabla": i % 4 == 2, "width": 252}
        detail = "steps" if i % 2 else "full"
        told = derivation_latex(derive.gradient(*COLUMN[i]), detail=detail, verify=False, **style)
        parts.append(re.sub(r"(\\label\{eq:)", rf"\g<1>{i}-", told))
    assert complaints(head + "\n\n".join(parts) + r"\end{document}", tmp_path) == []
    wide = derivation_latex(derive.gradient(*COLUMN[6]), verify=False)
    assert complaints(head + wide + r"\end{document}", tmp_path)  # the check must fail


def test_the_letters_of_the_author_stay_bold() -> None:
    derivation = derive.gradient(r"\frac12 \|\mathbf{y} - \boldsymbol\Phi \mathbf w\|^2 + λ ‖\mathbf w‖²", "w")
    told = derivation.latex(detail="brief")
    assert r"\lVert \mathbf{y} - \boldsymbol{\Phi} \mathbf{w} \rVert" in told and r"\mathbf{\lambda}" not in told
    assert r"\mathbf" not in derivation.latex(detail="brief", bold="none")
    plain = derive.gradient("½‖y − A x_1‖² + λ", "x1", where="x_1: n")
    assert r"\mathbf" not in plain.latex(detail="brief")
    told = plain.latex(detail="brief", bold="all")
    assert r"\mathbf{y} - \mathbf{A} \mathbf{x}_{1}" in told and r"\lambda" in told and r"bold{\lambda" not in told
    assert r"\mathbf{x}" in derive.gradient("½‖𝐀𝐱 − b‖²", "x").latex(detail="brief")


@pytest.mark.parametrize(
    "formula, mark",
    [
        (r"x^\top A x", r"\top"),
        ("xᵀ A x", r"\top"),
        (r"x^{\mathsf T} A x", r"\mathsf{T}"),
        (r"x^T A x", "T"),
        (r"x^\intercal A x", r"\intercal"),
        ("x' A x", r"\prime"),
    ],
)
def test_the_mark_of_a_transpose_is_the_authors(formula: str, mark: str) -> None:
    derivation = derive.gradient(formula, "x", where="A: n×n")
    told = derivation.latex(detail="brief", transpose="author")
    assert f"(A + A^{{{mark}}}) x" in told or f"(A^{{{mark}}} + A) x" in told
    assert set(re.findall(r"\^\{(\\?[a-zA-Z]\w*(?:\{T\})?)\}", told)) <= {mark, "n"} or mark == "T"
    assert r"A^{\top}" in derivation.latex(detail="brief")


def test_gradients_may_be_written_with_nabla() -> None:
    told = derive.gradient("½‖WᵀWx − x‖²", "W").latex(nabla=True)
    assert r"\boxed{ \nabla_{W} L = W (" in told and r"\partial" not in told
    assert r"(\nabla_{W} L)_{1} + (\nabla_{W} L)_{2}" in told
    assert r"\nabla_{x}^{2} L" in derive.hessian("xᵀAx", "x").latex(nabla=True)
    assert r"\partial" in derive.jacobian("tanh(Ax)", "x").latex(nabla=True)  # no gradient


def test_the_box_alone_may_have_a_number() -> None:
    told = derive.gradient("½‖WᵀWx − x‖²", "W").latex(numbered="box")
    assert told.count(r"\begin{align}") == told.count(r"\label{") == 1 and r"\label{eq:gradient-L-W}" in told
    assert r"\tag*{$m \times n$\quad (6)}" in told


def test_steps_are_chosen_by_number() -> None:
    derivation = derive.gradient("½‖WᵀWx − x‖²", "W")
    numbers = re.findall(r"\\quad \((\d+)\)\}", derivation.latex(detail="2-4, 6"))
    assert numbers == ["2", "3", "4", "6"]
    assert "  (5)" in derivation.text() and "  (5)" not in derivation.text(detail="2-4")
    deep = derive.gradient("½‖W₃ tanh(W₂ tanh(W₁x+b₁)+b₂)+b₃ − y‖²", "W1")
    assert "z₁ = W₁ x + b₁" in deep.text(detail="10")  # a name that a step uses is said
    for wrong, said in (("8-9", "numbered from 1 to 7"), ("4-2", "from 1 to 7"), ("two", "no detail 'two'")):
        with pytest.raises(DeriveError, match=said):
            derivation.latex(detail=wrong)
    with pytest.raises(DeriveError, match="this derivation has none"):
        derive.jacobian("tanh(Ax)", "x").latex(detail="1")


@pytest.mark.parametrize("style", [{"bold": "some"}, {"transpose": "t"}, {"numbered": "lines"}, {"width": 20}])
def test_a_style_that_is_none_is_refused(style: dict[str, object]) -> None:
    with pytest.raises(DeriveError, match="cannot be"):
        derive.gradient("½‖Ax − b‖²", "x").latex(**style)


@needs_latex
def test_the_overfull_check_can_fail(tmp_path: Path) -> None:
    document = derivation_latex(derive.gradient("½‖Ax − b‖²", "x"), document=True, verify=False)
    wide = "$" + " ".join(["W"] * 80).replace(" ", "") + "$"
    found = complaints(document.replace("Let", wide, 1), tmp_path)
    assert found and "Overfull" in found[0]


def together(documents: list[str]) -> str:
    """The documents as one, so that the engine starts once."""
    head, _ = documents[0].split(r"\begin{document}")
    bodies = [re.search(r"\\begin\{document\}(.*)\\end\{document\}", d, re.DOTALL) for d in documents]
    inner = "\n".join(found.group(1) for found in bodies if found)
    return head + r"\begin{document}" + inner + r"\end{document}"


def complaints(document: str, folder: Path) -> list[str]:
    """The errors and overfull boxes that pdflatex reports."""
    (folder / "d.tex").write_text(document, encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "d.tex"], cwd=folder, capture_output=True, check=False, env=os.environ
    )
    log = done.stdout.decode("utf-8", "replace")
    return [line for line in log.splitlines() if line.startswith("!") or "Overfull" in line]


@needs_latex
def test_pdf_is_written(tmp_path: Path) -> None:
    path = tmp_path / "derivation.pdf"
    paper.pdf(derive.gradient("½‖WᵀWx − x‖²", "W"), path)
    assert path.read_bytes().startswith(b"%PDF")


def test_markdown_has_what_github_typesets() -> None:
    told = derive.gradient("tr((WᵀW − I)²)", "W").markdown()
    assert told.startswith("# The gradient of $L$ by $W$")
    assert r"\operatorname" not in told and r"\tag" not in told and r"\begin{align*}" not in told
    assert told.count("$$") % 2 == 0 and r"\boxed" in told


@pytest.mark.parametrize(
    "plain, wanted",
    [
        ("xᵢ is read as row i of X.", r"\(x_{i}\) is read as row i of X."),
        ("w̃ⱼ is read as row j of W̃.", r"\(\tilde{w}_{j}\) is read as row j of \(\tilde{W}\)."),
        ("kᵢ⁻ or x_{i+1}", r"\({k_{i}^{-}}\) or \(x_{i+1}\)"),
        ("sum_col(X) of σ_max", r"sum\_col(X) of \(\sigma_{\mathrm{max}}\)"),
    ],
)
def test_names_among_words_are_set_as_names(plain, wanted):
    assert words(plain) == wanted


@pytest.mark.parametrize(
    "formula", [r"\sum_i (y_i - w^T x_i)^2", r"\sum_{i,j} (u_i^T \tilde v_j + \tilde b_j)^2", r"\sum_k \|x - \mu_k\|^2"]
)
def test_no_sign_of_what_is_said_is_lost(formula):
    derivation = derive.gradient(formula, "w" if "w" in formula else "x" if "x" in formula else "u")
    assert derivation.readings
    assert "?" not in derivation.latex() + derivation.markdown()
