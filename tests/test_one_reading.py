"""A formula means the same alone and in a document, or one of the two readers refuses it."""

from __future__ import annotations

import pytest

import derive
from derive.checking.reading import read
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
    (r"y = \mathrm{sinc}(x)", "sinc"), ("y = sinc(x)", "sinc"), (r"L = \lambda_{\max}(A)", "λ_max"),
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
