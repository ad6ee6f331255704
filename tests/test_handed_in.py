"""What students hand in: documents line by line, each right line beside a wrong one of its kind."""

from __future__ import annotations

import pytest

from derive.checking import check

RIGHT = {"proved", "agrees", "conditional"}


def judged(*lines):
    """The lines as displays of one document; r of a right line, f of one that fails, d, a, u for the rest."""
    report = check("\n".join(line if "$" in line else f"$${line}$$" for line in lines))
    letters = {"fails": "f", "definition": "d", "assumption": "a", "unread": "u"}
    return "".join("r" if line.verdict in RIGHT else letters[line.verdict] for line in report.lines)


LOGISTIC = r"L = -\sum_i \left(y_i \log p_i + (1-y_i)\log(1-p_i)\right)"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        # A name that is defined by its entries stands for the vector, or the matrix, of them.
        (
            (r"p_i = \sigma(w^T x_i)", LOGISTIC, r"\nabla_w L = \sum_i x_i (p_i - y_i)", "= X^T(p - y)"),
            "ddrr",
        ),
        ((r"p_i = \sigma(w^T x_i)", LOGISTIC, r"\nabla_w L = \sum_i x_i (y_i - p_i)"), "ddf"),
        ((r"p_i = \sigma(w^T x_i)", LOGISTIC, r"\nabla_w L = X (p - y)"), "ddf"),
        (
            (
                r"\hat y_j = \sigma(\beta^T x_j)",
                r"\ell = \sum_j (-y_j \beta^T x_j + \ln(1 + e^{\beta^T x_j}))",
                r"\frac{\partial \ell}{\partial \beta} = \sum_{j=1}^{N} x_j (\hat y_j - y_j)",
                r"\frac{\partial \ell}{\partial \beta} = \sum_{j=1}^{N} x_j (\hat y_j + y_j)",
            ),
            "ddrf",
        ),
        (
            (
                r"h_i = W x_i + b",
                r"L = \sum_{i=1}^n \|h_i - y_i\|^2",
                r"\frac{\partial L}{\partial W} = 2\sum_{i=1}^n (h_i - y_i) x_i^T",
                r"\frac{\partial L}{\partial b} = \sum_i (h_i - y_i)",
            ),
            "ddrf",
        ),
        (
            (r"\ell_i = (w^T x_i - y_i)^2", r"L = \sum_i \ell_i", r"\nabla_w L = 2\sum_i x_i (w^T x_i - y_i)"),
            "ddr",
        ),
        # Entries of a Jacobian: δ_ij, and lines that hold on the diagonal or off it.
        (
            (
                r"a = \mathrm{softmax}(z)",
                r"\frac{\partial a_j}{\partial z_i} = a_j (\delta_{ij} - a_i)",
                r"\frac{\partial a_j}{\partial z_i} = a_j \delta_{ij} + a_i a_j",
                r"\frac{\partial a_j}{\partial z_i} = a_i(1 - a_i), \quad i = j",
                r"\frac{\partial a_j}{\partial z_i} = -a_i a_j, \quad i \neq j",
            ),
            "drfrr",
        ),
        (
            (
                "Let $y$ be one-hot. $a = \\mathrm{softmax}(z)$",
                r"L = -\sum_k y_k \log a_k",
                r"\frac{\partial L}{\partial z_i} = a_i - y_i",
                r"\frac{\partial L}{\partial z_i} = y_i - a_i",
            ),
            "ddrf",
        ),
    ],
)
def test_a_line_is_judged_as_its_reader_would(lines, expected):
    assert judged(*lines) == expected


def test_a_line_that_holds_off_the_diagonal_says_so():
    report = check("$$s = \\mathrm{softmax}(z)$$\n$$\\frac{\\partial s_i}{\\partial z_j} = -s_i s_j$$")
    assert report.lines[1].verdict == "conditional"
    assert report.lines[1].condition == "i ≠ j"
