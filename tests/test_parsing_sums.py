"""Sums over indices: the matrix form has the value of the sum."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from derive.errors import ParseError
from derive.reading import parse

_random = np.random.default_rng(1)
A = _random.normal(size=(4, 4))
X, Y = _random.normal(size=(2, 4, 3))
M = _random.normal(size=(3, 3))
a, b = _random.normal(size=(2, 4))
c = _random.normal(size=3)
VALUES = {"A": A, "X": X, "Y": Y, "M": M, "a": a, "b": b, "c": c}

PAIRS: list[tuple[str, Callable[[int, int], float]]] = [
    (r"\sum_{i,j} A_{ij} \|x_i - x_j\|^2", lambda i, j: A[i, j] * np.sum((X[i] - X[j]) ** 2)),
    (r"\sum_i \sum_j A_{ij} \|x_i - y_j\|^2", lambda i, j: A[i, j] * np.sum((X[i] - Y[j]) ** 2)),
    (r"\sum_{i,j} A_{ij} \|x_j - y_i\|", lambda i, j: A[i, j] * np.linalg.norm(X[j] - Y[i])),
    (r"\sum_{i,j} A_{ij} x_i^T y_j", lambda i, j: A[i, j] * X[i] @ Y[j]),
    (r"\sum_{i,j} A_{ij} x_j^T y_i", lambda i, j: A[i, j] * X[j] @ Y[i]),
    (r"\sum_{i,j} A_{ij} x_j^T y_j", lambda i, j: A[i, j] * X[j] @ Y[j]),
    (r"\sum_{i,j} A_{ij} x_j^T M y_i", lambda i, j: A[i, j] * X[j] @ M @ Y[i]),
    (r"\sum_{i,j} A_{ij} \|x_i\|^2", lambda i, j: A[i, j] * X[i] @ X[i]),
    (r"\sum_{i,j} A_{ij} \|x_j\|^2", lambda i, j: A[i, j] * X[j] @ X[j]),
    (r"\sum_{i,j} A_{ij} \|M x_j\|", lambda i, j: A[i, j] * np.linalg.norm(M @ X[j])),
    (r"\sum_{i,j} A_{ij} (x_i - x_j)^T M (x_i - x_j)", lambda i, j: A[i, j] * (X[i] - X[j]) @ M @ (X[i] - X[j])),
    (r"\sum_{i,j} A_{ij} \|M (x_i - x_j)\|^2", lambda i, j: A[i, j] * np.sum((M @ (X[i] - X[j])) ** 2)),
    (r"\sum_{i,j} (a_i - c^T (x_i - x_j))^2", lambda i, j: (a[i] - c @ (X[i] - X[j])) ** 2),
    (r"\sum_{i,j} (A_{ij} - \|x_i - x_j\|^2)^2", lambda i, j: (A[i, j] - np.sum((X[i] - X[j]) ** 2)) ** 2),
    (r"\sum_{i,j} \exp(-\|x_i - x_j\|^2)", lambda i, j: np.exp(-np.sum((X[i] - X[j]) ** 2))),
    (r"\sum_{i,j} \|a_i x_i - b_j y_j - c\|^2", lambda i, j: np.sum((a[i] * X[i] - b[j] * Y[j] - c) ** 2)),
]
SINGLE: list[tuple[str, Callable[[int], float]]] = [
    (r"\sum_i \|a_i x_i - y_i\|^2", lambda i: np.sum((a[i] * X[i] - Y[i]) ** 2)),
    (r"\sum_i (a_i x_i)^T y_i", lambda i: a[i] * X[i] @ Y[i]),
    (r"\sum_i -a_i (c^T x_i)", lambda i: -a[i] * c @ X[i]),
    (r"\sum_i (x_i - c)^T M (x_i - c)", lambda i: (X[i] - c) @ M @ (X[i] - c)),
]


def _value(formula: str) -> object:
    expr = parse(formula, "X: n×d", scalar=True).expr
    return expr.evaluate(**{name: value for name, value in VALUES.items() if f" {name} " in f" {_names(expr)} "})


def _names(expr: object) -> str:
    from derive.expr import symbols_of

    return " ".join(leaf.data[0] for leaf in symbols_of(expr))  # type: ignore[arg-type]


@pytest.mark.parametrize(("formula", "term"), PAIRS, ids=[row[0] for row in PAIRS])
def test_sums_over_two_indices(formula: str, term: Callable[[int, int], float]) -> None:
    assert np.isclose(_value(formula), sum(term(i, j) for i in range(4) for j in range(4)))


@pytest.mark.parametrize(("formula", "term"), SINGLE, ids=[row[0] for row in SINGLE])
def test_sums_over_one_index(formula: str, term: Callable[[int], float]) -> None:
    assert np.isclose(_value(formula), sum(map(term, range(4))))


def test_a_sum_without_a_matrix_form_is_refused() -> None:
    with pytest.raises(ParseError, match="no matrix form"):
        parse(r"\sum_{i,j,k} \exp(x_i^T M y_j) a_k \|x_i - y_j - z_k\|")
