"""Right lines and wrong ones as people write them, each with its verdict: short documents, line by line.

Every derivative here was compared with central differences when it was entered; p is a line that is right,
c one that is right under a condition, f one that is wrong, d a definition, a an assumption.
"""

from __future__ import annotations

import pytest

from derive.checking import check

LETTERS = {
    "proved": "p",
    "agrees": "p",
    "conditional": "c",
    "fails": "f",
    "definition": "d",
    "assumption": "a",
    "unread": "u",
}

DOCUMENTS = [
    # both sides of a line have one layout
    (
        r"""$A \in \mathbb{R}^{m\times n}$, $B\in \mathbb{R}^{n\times p}$. $C = AB$ and $L = \frac12\|C - T\|_F^2$.

$\frac{\partial L}{\partial A} = \left(\frac{\partial L}{\partial C}\right)^\top B^\top$

$\frac{\partial L}{\partial B} = A^\top\left(\frac{\partial L}{\partial C}\right)^\top$

$\frac{\partial L}{\partial A} = \frac{\partial L}{\partial C} B^\top$

$\frac{\partial L}{\partial B} = A^\top\frac{\partial L}{\partial C}$""",
        "ddffpp",
    ),
    (
        r"""Let $S = QK^\top$, $L = \|S - T\|_F^2$.

$\frac{\partial L}{\partial K} = \frac{\partial L}{\partial S} Q$.

$\frac{\partial L}{\partial K} = (\frac{\partial L}{\partial S})^T Q$.""",
        "ddfp",
    ),
    # by the inverse of a letter that occurs elsewhere too
    (
        r"""Let $f = \log\det A + \mathrm{tr}(A^{-1} S)$ and $B = A^{-1}$.

Then $\frac{\partial f}{\partial B} = S^\top$.

Then $\frac{\partial f}{\partial B} = S^\top - B^{-T}$.""",
        "ddfp",
    ),
    (
        r"""Let $\ell = -\frac N2 \log|\Sigma| - \frac12\sum_{n=1}^N (x_n-\mu)^\top\Sigma^{-1}(x_n-\mu)$.

With $\Lambda = \Sigma^{-1}$, $\frac{\partial \ell}{\partial\Lambda}
= \frac N2 \Lambda^{-1} - \frac12\sum_n (x_n-\mu)(x_n-\mu)^\top$.

$\frac{\partial \ell}{\partial\Lambda} = - \frac12\sum_n (x_n-\mu)(x_n-\mu)^\top$.""",
        "ddcf",
    ),
    # by an entry of what is defined
    (
        r"""$z = Wx$, $L = \frac12\|z - t\|^2 + \frac\lambda2\|x\|^2$

$\frac{\partial L}{\partial x_j}
= \lambda x_j + \sum_i (z_i - t_i) W_{ij}  + \sum_i \frac{\partial L}{\partial z_i} W_{ij}$

$\frac{\partial L}{\partial z_i} = z_i - z_i$

$\frac{\partial L}{\partial z_i} = z_i - t_i$

$\frac{\partial L}{\partial x_j} = \lambda x_j + \sum_i (z_i - t_i) W_{ij}$""",
        "ddffpp",
    ),
    (
        r"""Let $z = Wx + b$, $p = \text{softmax}(z)$ and $L = -\sum_{i=1}^K y_i \log p_i$.

Then $\frac{\partial p_i}{\partial z_j} = p_i(\delta_{ij} - p_j)$.""",
        "dddp",
    ),
    (
        r"""$z = Wx$, $h = \tanh(z)$: $\frac{\partial h_i}{\partial z_i} = 1-h_i^2$

$\frac{\partial h_i}{\partial z_j} = (1-h_i^2)\delta_{ij}$""",
        "ddpp",
    ),
    (
        r"""$a = \sigma(z)$, $z = Wx+b$, $L = \frac12 \|a - y\|^2$:
$\delta_j = \frac{\partial L}{\partial z_j} = (a_j - y_j)a_j(1-a_j)$""",
        "dddp",
    ),
]


@pytest.mark.parametrize("text, verdicts", DOCUMENTS)
def test_each_line_has_its_verdict(text, verdicts):
    report = check(text)
    assert "".join(LETTERS[line.verdict] for line in report.lines) == verdicts
