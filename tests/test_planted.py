"""Twenty right documents, as students hand them in, and a mistake planted into each."""

from __future__ import annotations

import pytest

from derive.checking import check

# The right document, the line that is spoilt, what it is spoilt to, and the kind of the mistake.
PLANTED = [
    (
        r"""Let $f(x) = \|Ax - b\|^2$.
$$\nabla f(x) = 2 A^T (A x - b)$$
$$\nabla^2 f(x) = 2 A^T A$$""",
        r"2 A^T (A x - b)", r"2 A (A x - b)", "transpose",
    ),
    (
        r"""$$J(\theta) = \frac{1}{2m} (X\theta - y)^T (X\theta - y) + \frac{\lambda}{2}\theta^T\theta$$
\begin{align*}
\nabla_\theta J &= \frac1m X^T (X\theta - y) + \lambda \theta \\
 &= \frac1m X^T X \theta - \frac1m X^T y + \lambda\theta
\end{align*}""",
        r"(X\theta - y) + \lambda \theta", r"(X\theta - y) + 2 \lambda \theta", "factor",
    ),
    (
        r"""Let $p_i = \sigma(w^T x_i)$ and $L = -\sum_i (y_i \log p_i + (1 - y_i) \log(1 - p_i))$.
$$\nabla_w L = \sum_i (p_i - y_i) x_i$$""",
        r"(p_i - y_i) x_i", r"(y_i - p_i) x_i", "sign",
    ),
    (
        r"""$$g(X) = \operatorname{tr}(A X B)$$
$$\frac{\partial g}{\partial X} = A^T B^T$$""",
        r"= A^T B^T", r"= B^T A^T", "order",
    ),
    (
        r"""Consider $f(x) = x^T A x + c^T x$.
$$\frac{\partial f}{\partial x} = (A + A^T) x + c$$""",
        r"} = (A + A^T) x + c", r"} = A x + c", "path",
    ),
    (
        r"""$z = W x + b$, $a = \sigma(z)$ and $L = \frac12 \|a - y\|^2$.
$$\frac{\partial L}{\partial a} = a - y$$
$$\frac{\partial L}{\partial z} = (a - y) \odot a \odot (1 - a)$$
$$\frac{\partial L}{\partial W} = ((a - y) \odot a \odot (1 - a)) x^T$$""",
        r"\partial z} = (a - y) \odot a \odot (1 - a)", r"\partial z} = (a - y) \odot (1 - a)", "inner derivative",
    ),
    (
        r"""$$h(w) = \|w\|^4$$
$$\nabla h(w) = 4 \|w\|^2 w$$""",
        r"4 \|w\|^2 w", r"4 \|w\|^3 w", "power",
    ),
    (
        r"""Let $\Sigma$ be symmetric positive definite.
$$\ell = -\frac12\log\det\Sigma - \frac12 (x-\mu)^T \Sigma^{-1} (x-\mu)$$
$$\frac{\partial \ell}{\partial \mu} = \Sigma^{-1} (x - \mu)$$""",
        r"\Sigma^{-1} (x - \mu)$$", r"-\Sigma^{-1} (x - \mu)$$", "sign",
    ),
    (
        r"""$$f(W) = \frac12\|X W - Y\|_F^2$$
$$df = \operatorname{tr}((XW - Y)^T X \, dW)$$
$$\frac{\partial f}{\partial W} = X^T (X W - Y)$$""",
        r"= X^T (X W - Y)", r"= (X W - Y) X^T", "order",
    ),
    (
        r"""$$E = \|X - U V^T\|_F^2$$
$$\frac{\partial E}{\partial U} = -2 (X - U V^T) V$$
$$\frac{\partial E}{\partial V} = -2 (X - U V^T)^T U$$""",
        r"-2 (X - U V^T)^T U", r"-2 (X - U V^T) U", "transpose",
    ),
    (
        r"""$s = \mathrm{softmax}(z)$
$$\frac{\partial s_i}{\partial z_j} = s_i (\delta_{ij} - s_j)$$""",
        r"(\delta_{ij} - s_j)", r"(\delta_{ij} + s_j)", "sign",
    ),
    (
        r"""$$\mathcal L(u, \lambda) = u^T S u - \lambda (u^T u - 1)$$ where $S$ is symmetric.
$$\nabla_u \mathcal L = 2 S u - 2 \lambda u$$""",
        r"2 S u - 2 \lambda u", r"2 S u - \lambda u", "factor",
    ),
    (
        r"""$$\phi(X) = \log\det(X^T X)$$
$$\frac{\partial \phi}{\partial X} = 2 X (X^T X)^{-1}$$""",
        r"2 X (X^T X)^{-1}", r"X (X^T X)^{-1}", "factor",
    ),
    (
        r"""$$r(x) = a \odot x$$
$$q = \|r(x)\|^2$$
$$\nabla_x q = 2 a \odot a \odot x$$""",
        r"2 a \odot a \odot x", r"2 a \odot x", "inner derivative",
    ),
    (
        r"""$$L(w) = \sum_{i=1}^n (w^T x_i - y_i)^2 + \lambda \|w\|^2$$
$$\frac{\partial L}{\partial w} = 2\sum_{i=1}^n (w^T x_i - y_i) x_i + 2\lambda w$$""",
        r"+ 2\lambda w", r"+ 2\lambda", "",
    ),
    (
        r"""$$y = A^{-1} b$$
$$dy = -A^{-1} \, dA \, A^{-1} b + A^{-1} db$$""",
        r"-A^{-1} \, dA \, A^{-1} b + A^{-1} db", r"A^{-1} \, dA \, A^{-1} b + A^{-1} db", "sign",
    ),
    (
        r"""Let $h = \tanh(W x)$ and $L = c^T h$.
$$\frac{\partial L}{\partial W} = (c \odot (1 - h \odot h)) x^T$$""",
        r"(c \odot (1 - h \odot h)) x^T", r"(c \odot (1 - h)) x^T", "power",
    ),
    (
        r"""$$f(x) = \exp(-\tfrac12 x^T x)$$
\[\nabla f(x) = -x \exp(-\tfrac12 x^T x)\]""",
        r"-x \exp", r"-\tfrac12 x \exp", "factor",
    ),
    (
        r"""$$\text{RSS}(\beta) = (y - X\beta)^T W (y - X\beta)$$ with $W$ symmetric.
$$\nabla_\beta \text{RSS} = -2 X^T W (y - X\beta)$$
Set it to zero: $$\hat\beta = (X^T W X)^{-1} X^T W y$$""",
        r"(X^T W X)^{-1} X^T W y", r"(X^T X)^{-1} X^T W y", "",
    ),
    (
        r"""$$f(X) = \operatorname{tr}(X^T B X)$$
$$\nabla_X f = B X + B^T X$$""",
        r"B X + B^T X", r"B X + X B^T", "order",
    ),
]  # fmt: skip


@pytest.mark.parametrize("document", [text for text, *_ in PLANTED])
def test_a_right_document_has_no_alarm(document):
    assert not [line for line in check(document).lines if line.verdict in ("fails", "unread")]


def test_planted_mistakes_are_found_named_and_mended():
    found = named = mended = 0
    missed = []
    for document, right, wrong, kind in PLANTED:
        assert document.count(right) == 1
        spoilt = document.replace(right, wrong)
        failing = [line for line in check(spoilt).lines if line.verdict == "fails"]
        at = spoilt.count("\n", 0, spoilt.index(wrong)) + 1
        line = next((line for line in failing if line.number == at), None)
        repaired = bool(line and line.repair) and _is_right(spoilt, line)
        found += line is not None
        named += line is not None and bool(line.kind) and (not kind or line.kind == kind)
        mended += repaired
        if line is None or not repaired or (kind and line.kind != kind):
            missed.append((wrong, line and line.kind, line and line.repair))
    assert found >= 19, missed
    assert named >= 17, missed
    assert mended >= 18, missed


def _is_right(document, line):
    """Whether the document is right with the repair in place of the line."""
    start, end = line.span
    lines = document.split("\n")
    held = lines[line.number - 1]
    rest = held[held.index("=") :] if "&" in held else ""
    body = line.repair.partition("=")[2].strip() if rest else line.repair
    mended = held.replace(rest, "= " + body + (r" \\" if rest.endswith(r"\\") else "")) if rest else f"$${body}$$"
    report = check("\n".join([*lines[: line.number - 1], mended, *lines[line.number :]]))
    return not any(one.verdict == "fails" and one.number == line.number for one in report.lines) and end > start
