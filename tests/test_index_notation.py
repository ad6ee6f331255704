"""Lines in index notation: right ones agree, each with a planted error fails, what is open is not judged."""

from __future__ import annotations

import pytest

from derive import check

PAIRS = [  # what is differentiated, right, wrong
    (r"\frac{\partial}{\partial x_k} (x_i A_{ij} x_j)", r"A_{kj}x_j + x_i A_{ik}", r"A_{kj}x_j - x_i A_{ik}"),
    (r"\frac{\partial (A_{ik}x_k)}{\partial x_j}", r"A_{ik}\delta_{kj} = A_{ij}", r"A_{ik}\delta_{kj} = A_{ji}"),
    (
        r"\frac{\partial}{\partial x_k} \log\left(\sum_j e^{x_j}\right)",
        r"\frac{e^{x_k}}{\sum_j e^{x_j}}",
        r"\frac{e^{x_k}}{\sum_j x_j}",
    ),
    (r"\frac{\partial^2}{\partial x_k\partial x_l} (x_i A_{ij} x_j)", "A_{kl}+A_{lk}", "2A_{kl}"),
    (
        r"\frac{\partial}{\partial x_k} \sum_i\sum_j x_i A_{ij} x_j",
        r"\sum_j A_{kj}x_j + \sum_i x_i A_{ik}",
        r"\sum_j A_{kj}x_j + \sum_i x_i A_{ki}",
    ),
    (
        r"\frac{\partial (X_{ij}X_{jk})}{\partial X_{pq}}",
        r"\delta_{ip}X_{qk} + X_{ip}\delta_{qk}",
        r"\delta_{ip}X_{qk} + X_{iq}\delta_{pk}",
    ),
    (
        r"\frac{\partial}{\partial X} \operatorname{tr}(AXB)",
        r"\frac{\partial (A_{ij}X_{jk}B_{ki})}{\partial X_{pq}} = \delta_{jp}\delta_{kq}A_{ij}B_{ki} = A_{ip}B_{qi}",
        r"\frac{\partial (A_{ij}X_{jk}B_{ki})}{\partial X_{pq}} = \delta_{jp}\delta_{kq}A_{ij}B_{ki} = A_{pi}B_{iq}",
    ),
    (
        r"\frac{\partial (X^{-1})_{ij}}{\partial X_{kl}}",
        r"-(X^{-1})_{ik}(X^{-1})_{lj}",
        r"-(X^{-1})_{ik}(X^{-1})_{jl}",
    ),
    (
        r"\frac{\partial}{\partial X_{pq}} \operatorname{tr}(X^2 B)",
        r"X_{qk}B_{kp}+X_{ip}B_{qi} = (XB+BX)^T_{pq}",
        r"X_{qk}B_{kp}+X_{ip}B_{qi} = (XB+BX)_{pq}",
    ),
]


def verdicts(head: str, side: str, before: str = "") -> list[str]:
    return [line.verdict for line in check(f"{before}$${head} = {side}$$").lines]


@pytest.mark.parametrize("head, right, wrong", PAIRS)
def test_right_lines_agree_and_wrong_ones_fail(head, right, wrong):
    assert verdicts(head, right)[-1] in ("agrees", "proved")
    assert verdicts(head, wrong)[-1] == "fails"


DEFINED = [  # definitions, what is differentiated, right, wrong
    (r"$f = x_iA_{ij}x_j$. ", r"\frac{\partial f}{\partial x_k}", r"A_{kj}x_j + x_iA_{ik}", r"A_{kj}x_j - x_iA_{ik}"),
    (r"$y_i = A_{ij}x_j$. ", r"\frac{\partial y_i}{\partial x_k}", r"A_{ik}", r"A_{ki}"),
    (r"$y_i = A_{ij}x_j$. ", r"\frac{\partial y_i}{\partial A_{kl}}", r"\delta_{ik}x_l", r"\delta_{il}x_k"),
    (r"$r_i = A_{ij}x_j - b_i$, $f = r_ir_i$. ", r"\frac{\partial f}{\partial x_k}", "2r_iA_{ik}", "2r_iA_{ki}"),
]


@pytest.mark.parametrize("before, head, right, wrong", DEFINED)
def test_definitions_in_index_notation_are_put_in(before, head, right, wrong):
    assert verdicts(head, right, before)[-1] == "agrees"
    assert verdicts(head, wrong, before)[-1] == "fails"


@pytest.mark.parametrize("wrong", [r"\delta_{il} \delta_{jk}", r"\delta_{ik} \delta_{jl} + 1"])
def test_a_derivative_of_a_matrix_by_its_entry_is_a_product_of_deltas(wrong):
    head = r"\frac{\partial X_{ij}}{\partial X_{kl}}"
    assert verdicts(head, r"\delta_{ik} \delta_{jl}") == ["agrees"]
    assert verdicts(head, wrong) == ["fails"]


@pytest.mark.parametrize(
    "head, side",
    [
        (r"\frac{\partial}{\partial x_k} (x_i A_{ij} x_j)", r"A_{ij}x_j + x_i A_{ij}"),  # other free letters
        (r"\frac{\partial}{\partial x_k} (x_i A_{ij} x_j)", r"q_{kj}x_j"),  # a letter that nothing introduces
        (r"\frac{\partial p_i}{\partial z_j}", r"p_i(\delta_{ij}-p_j)"),  # how p depends on z is open
        (r"\frac{\partial}{\partial x_k} (x_i)(x_i)", r"x_k"),  # of which bracket is open
    ],
)
def test_what_is_open_is_not_judged(head, side):
    assert verdicts(head, side) == ["unread"]


def test_declared_sizes_hold():
    before = r"Let $A \in \mathbb{R}^{m\times n}$ and $x \in \mathbb{R}^n$. "
    head = r"\frac{\partial (A_{ik}x_k)}{\partial x_j}"
    assert verdicts(head, r"A_{ij}", before)[-1] == "agrees"
    assert verdicts(head, r"A_{ji}", before)[-1] in ("fails", "unread")


def test_an_entry_is_still_not_the_whole():
    assert verdicts(r"f(A) = \operatorname{tr}(AB)$$ $$\frac{\partial f}{\partial A_{ij}}", r"B^\top")[-1] == "fails"
