"""A formula means the same alone and in a document, or one of the two readers refuses it."""

from __future__ import annotations

import pytest

import derive
from derive.checking.interpretation import read
from derive.errors import DeriveError
from derive.reading import parse
from tests.written import LATEX, PLAIN

ROWS = [row for row in LATEX + PLAIN if "=" not in row[0] and ";" not in row[0] and "$" not in row[0]]


def in_document(text: str, where: str) -> derive.Expr | None:
    """What the document `Q = text` defines; None where it is not read."""
    try:
        scope = read(f"$$Q = {text}$$", where).scope
    except DeriveError:
        return None
    return scope.definitions.get(scope.symbols["Q"]) if "Q" in scope.symbols else None


@pytest.mark.parametrize("text, shapes, _", ROWS, ids=[row[0] for row in ROWS])
def test_documents_read_a_formula_as_it_is_read_alone(text: str, shapes: dict[str, str], _: str) -> None:
    where = ", ".join(f"{name}: {'×'.join(shape.split()) or 'scalar'}" for name, shape in shapes.items())
    try:
        alone = parse(text, where).expr
    except DeriveError:
        return
    found = in_document(text, where)
    if found is not None and found.text() != alone.text():
        assert derive.equal(found, alone).verdict == "proved", f"{found.text()} and {alone.text()}"


def test_most_formulas_are_read_in_documents() -> None:
    read_there = 0
    for text, shapes, _ in ROWS:
        where = ", ".join(f"{name}: {'×'.join(shape.split()) or 'scalar'}" for name, shape in shapes.items())
        read_there += in_document(text, where) is not None
    assert read_there > 0.8 * len(ROWS)


UNKNOWN = [
    (r"L = \operatorname{rank}(X)", "rank"), (r"L = \operatorname{rank}(X) + \|X\|^2", "rank"),
    (r"L = \mathrm{logm}(A):B", "logm"), ("L = pinv(A):B", "pinv"), (r"y = \mathrm{ReLU6}(x)", "ReLU6"),
    (r"y = \mathrm{sinc}(x)", "sinc"), ("y = sinc(x)", "sinc"), (r"L = \lambda_{\max}(A)", r"\lambda_{\max}"),
    (r"L = \operatorname{nucleus}(A)", "nucleus"),
]  # fmt: skip


@pytest.mark.parametrize("text, name", UNKNOWN)
def test_an_unknown_call_is_refused_in_documents_too(text: str, name: str) -> None:
    found = read(f"$${text}$$")
    errors = [side.error for claim in found.claims for side in claim.sides if side.error is not None]
    assert errors and errors[0].message.startswith(f"{name} is")
    assert all(line.verdict == "unread" for line in derive.check(f"$${text}$$").lines)


def test_letters_used_elsewhere_are_factors_before_a_bracket() -> None:
    report = derive.check("L = ylog(p) + (1 - y)log(1 - p)\ndL/dp = y/p - (1 - y)/(1 - p)", "y: scalar, p: scalar")
    assert [line.verdict for line in report.lines] == ["definition", "proved"]


HEADS = [
    (r"\frac{\partial L}{\partial W}", "∂L/∂W"), (r"\frac{\mathrm{d} L}{\mathrm{d} w}", "dL/dw"),
    (r"\frac{\partial^2 L}{\partial x \partial x^T}", r"\frac{\partial^2}{\partial x \partial x^\top} L"),
    (r"\frac{\partial^2 L}{\partial x^2}", "∂²L/∂x²"), (r"x^T \frac{dL}{dz} W", "xᵀ dL/dz W"),
    (r"\frac{\partial L}{\partial W^T}", "∂L/∂Wᵀ"), (r"\frac{d}{dx} (A x)^T", r"\frac{d}{d x}\left((A x)^T\right)"),
    (r"{\rm d}X^{-1}", r"\mathrm d (X^{-1})"), (r"\mathrm{d}X^T", r"(\partial X)^\top"),
    (r"\nabla_{x}^2 f(x)", r"\nabla^2_x f(x)"), (r"\nabla f(x)^T d x", r"(\nabla f(x))^T dx"),
    (r"x {} - \frac\lambda2 y", r"x - \frac{\lambda}{2} y"), (r"\textbf{Xw}", r"\mathbf X \mathbf w"),
]  # fmt: skip


@pytest.mark.parametrize("one, other", HEADS)
def test_a_derivative_is_the_same_in_every_spelling(one: str, other: str) -> None:
    first, second = (read(f"$$f(x) = x^T x, \\quad Q = {text}$$").claims[-1].sides[1] for text in (one, other))
    assert first.tree is not None and second.tree is not None, (first.error, second.error)
    assert first.tree.key() == second.tree.key(), (first.tree, second.tree)


@pytest.mark.parametrize("text", ["Q = np.sum(W*W)", r"Q = \frac{1}{} x", "Q = ∂²x", "Q = ∂"])
def test_what_is_no_equation_is_refused(text: str) -> None:
    assert all(claim.sides[1].error is not None for claim in read(f"$${text}$$").claims)
