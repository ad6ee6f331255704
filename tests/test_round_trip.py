"""Printing and reading agree: `parse(text(e)) == e` and `parse(latex(e)) == e`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from derive.expr import OPERATIONS, Expr, dimension_names, fold, nodes, symbol, symbols_of
from derive.operations import add, transpose
from derive.reading import parse
from derive.render.latex import latex
from derive.render.text import text
from derive.shapes import ONE, Dim
from tests.generate import LEAVES, Formulas, operands

SEEDS = range(250)
PRINTERS = [text, latex]


def declared(expr: Expr) -> dict[str, object]:
    """Declarations of the symbols, and of something in every dimension, so that their names are known."""
    where: dict[str, object] = {f"Unused_{name}": name for name in dimension_names(expr)}
    for s in symbols_of(expr):
        shape = "scalar" if s.is_scalar else f"({_size(s.shape[0])}, {_size(s.shape[1])})"
        where[s.name] = f"{shape} {' '.join(sorted(s.properties))}"
    return where


def _size(dim: Dim) -> str:
    terms = []
    for monomial, coefficient in dim.terms:
        terms.append("*".join([str(coefficient), *(name for name, power in monomial for _ in range(power))]))
    return " + ".join(terms)


def as_built(expr: Expr) -> Expr:
    """The form that the constructors leave: what reading can give."""
    for _ in range(6):
        built = fold(expr, lambda node, args: node if not args else node.op.build(tuple(args), node.data))
        if built is expr:
            return expr
        expr = built
    return expr


def is_told_by_its_text(expr: Expr) -> bool:
    """Whether a size stands nowhere but in a leaf: 0, a matrix of ones, two symbols of one name."""
    names: dict[str, Expr] = {}
    for node in nodes(expr):
        if node.op.name == "zeros" or (node.op.name == "ones" and ONE not in node.shape):
            return False
        if node.op.name == "symbol" and names.setdefault(node.name, node) is not node:
            return False
    return True


def formulas() -> Iterator[Expr]:
    for name, operation in OPERATIONS.items():
        if name not in LEAVES:
            yield from operands(operation)
    m, n = Dim.of("m"), Dim.of("n")
    for seed in SEEDS:
        source, depth = Formulas(seed), seed % 4 + 1
        yield source.scalar(depth)
        yield source.matrix(m, n, depth)
        yield source.vector(n, depth)


@pytest.mark.parametrize("printer", PRINTERS, ids=["text", "latex"])
def test_what_is_printed_is_read_back(printer: Callable[[Expr], str]) -> None:
    seen: set[str] = set()
    count = 0
    for expr in formulas():
        expr = as_built(expr)
        if not is_told_by_its_text(expr):
            continue
        if printer is latex and any(node.op.name == "argmax_row" for node in nodes(expr)):
            seen.add("argmax_row")  # argmax in LaTeX is the field's, and not read as a function
            continue
        shown = printer(expr)
        assert parse(shown, declared(expr)).expr is expr, shown
        seen.update(node.op.name for node in nodes(expr))
        count += 1
    assert count > 600
    assert not set(OPERATIONS) - seen - LEAVES, "an operation that no formula holds"


@pytest.mark.parametrize("printer", PRINTERS, ids=["text", "latex"])
def test_a_wrong_printer_is_noticed(printer: Callable[[Expr], str]) -> None:
    A, x = symbol("A", "n", "n"), symbol("x", "n")
    right, wrong = add(transpose(A) @ x, x), add(A @ x, x)
    assert parse(printer(wrong), declared(right)).expr is not right
