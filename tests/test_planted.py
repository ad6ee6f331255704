"""Twenty right documents, as students hand them in, and a mistake planted into each."""

from __future__ import annotations

import re

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
        repaired = bool(line and line.repair) and _is_the_right_line(document, at, line.repair)
        found += line is not None
        named += line is not None and bool(line.kind) and (not kind or line.kind == kind)
        mended += repaired
        if line is None or not repaired or (kind and line.kind != kind):
            missed.append((wrong, line and line.kind, line and line.repair))
    assert found >= 19, missed
    assert named >= 17, missed
    assert mended >= 18, missed


def _is_the_right_line(document, number, repair):
    """Whether a repair says what the right document has in the line: its last side is the same value."""
    (right,) = [line for line in check(document).lines if line.number == number]
    one, other = (text.rpartition("=")[2] for text in (right.claim, repair))
    left = right.claim.rpartition("=")[0].strip(" =")
    if left and left != repair.rpartition("=")[0].strip(" ="):
        return False
    if _bare(one) == _bare(other):
        return True
    last = check(f"{document}\n$${one} = {other}$$").lines[-1]
    return last.verdict in ("proved", "agrees")


@pytest.mark.parametrize(
    ("repair", "is_right"),
    [
        (r"\nabla f(x) = 2 A^T (A x - b)", True),
        (r"\nabla f(x) = 2 A^T A x - 2 A^T b", True),
        (r"\nabla f(x) = A^T (A x - b)", False),
        (r"\nabla f(x) = y", False),
        (r"\nabla^2 f(x) = 2 A^T (A x - b)", False),
    ],
)
def test_no_other_line_counts_as_the_repair(repair, is_right):
    assert _is_the_right_line(PLANTED[0][0], 2, repair) is is_right


# Right documents with places where they can be spoilt: ⟦what is right¦kind: what is wrong¦…⟧.
SPOILT = [
    r"""For $x \in \mathbb{R}^n$ let $r = A x - b$ with $A \in \mathbb{R}^{m \times n}$, and
$F(x) = \frac12 r^\top r + \frac{\mu}{2} x^\top x$.
$$dF = ⟦r^\top A¦transpose: r^\top A^\top¦factor: 2 r^\top A⟧\,dx ⟦+¦sign: -⟧ \mu x^\top dx$$
$$\nabla F(x) = ⟦A^\top r¦order: r A^\top¦transpose: A r⟧ + ⟦\mu x¦factor: 2\mu x⟧$$
Setting this to zero gives $x^\star = ⟦(A^\top A + \mu I)^{-1} A^\top b¦sign: (A^\top A - \mu I)^{-1} A^\top b⟧$.""",
    r"""Put $u = X\beta$ and $h = \sigma(u)$, where $\sigma(t) = 1/(1 + e^{-t})$, and
$$L = -y^\top \log h - (\mathbf 1 - y)^\top \log(\mathbf 1 - h).$$
$$\frac{\partial L}{\partial u} = h ⟦-¦sign: +⟧ y$$
$$\frac{\partial L}{\partial \beta} = ⟦X^\top (h - y)¦transpose: X (h - y)¦name: X^\top (u - y)⟧$$""",
    r"""The network has $a = W_1 x + b_1$, $h = \tanh(a)$, $o = W_2 h + b_2$, $e = o - y$ and $E = \frac12 \|e\|^2$.
\begin{align}
\frac{\partial E}{\partial W_2} &= ⟦e h^\top¦layout: h e^\top¦name: e x^\top⟧ \\
\frac{\partial E}{\partial a} &= ⟦(W_2^\top e) \odot (1 - h \odot h)¦hadamard: (W_2^\top e) (1 - h \odot h)
¦power: (W_2^\top e) \odot (1 - h)¦inner derivative: W_2^\top e⟧ \\
\frac{\partial E}{\partial W_1} &= \left((W_2^\top e) \odot (1 - h \odot h)\right) x^\top
\end{align}""",
    """W is k×n and x ∈ ℝ^n.

    h = W x
    r = Wᵀ h − x
    L = ½ ‖r‖²
    ∂L/∂W = ⟦h rᵀ + W r xᵀ¦path: h rᵀ¦sign: h rᵀ − W r xᵀ⟧
""",
    r"""Let $\Lambda$ be symmetric and $Q(\mu) = -\frac12 \sum_{i=1}^n \gamma_i (x_i - \mu)^\top \Lambda (x_i - \mu)$.
$$\nabla_\mu Q = \sum_{i=1}^n \gamma_i \Lambda (x_i ⟦-¦sign: +⟧ \mu)$$""",
    r"""Let $y_i = \sum_j W_{ij} x_j$ and $L = \frac12 \sum_i (y_i - t_i)^2$.
$$\frac{\partial L}{\partial y_i} = y_i ⟦-¦sign: +⟧ t_i$$
$$\frac{\partial L}{\partial x_j} = \sum_i (y_i - t_i) ⟦W_{ij}¦index: W_{ji}⟧$$""",
    r"""Let $K \in \mathbb{R}^{n\times n}$ be symmetric and
$\log p = -\frac12 y^\top K^{-1} y - \frac12 \log|K|$.
$$\frac{\partial \log p}{\partial K}
= \frac12 ⟦K^{-1} y y^\top K^{-1}¦inner derivative: K^{-1} y y^\top⟧ - ⟦\frac12¦factor: 2⟧ K^{-1}$$""",
    """Σ is symmetric. Put v = Σ⁻¹ (x − μ). The likelihood is

    ℓ = −½ log det Σ − ½ (x − μ)ᵀ v
    dℓ/dμ = ⟦v¦factor: 2 v¦sign: −v⟧
""",
]  # fmt: skip
_SPOILT = re.compile("⟦([^¦]*)((?:¦[^¦⟧]*)+)⟧", re.DOTALL)


@pytest.mark.parametrize("document", SPOILT)
def test_a_spoilt_line_is_named_and_mended_as_its_author_would(document):
    right = _SPOILT.sub(lambda m: m[1], document)
    lines = check(right).lines
    assert {line.verdict for line in lines} <= {"definition", "assumption", "proved", "agrees", "conditional"}
    for place in _SPOILT.finditer(document):
        for kind, _, wrong in (mistake.partition(": ") for mistake in place[2][1:].replace("\n", "").split("¦")):
            start = _SPOILT.sub(lambda m: m[1], document[: place.start()])
            text = start + wrong.strip("\n") + _SPOILT.sub(lambda m: m[1], document[place.end() :])
            (line,) = [line for line in check(text).lines if line.verdict == "fails"]
            assert line.kind == kind, (wrong, line.kind)
            assert _bare(line.repair) in {_bare(line.claim) for line in lines}, (wrong, line.repair)


def _bare(text):
    """A line without what only sets it: spaces, and the spellings of a transposition."""
    return re.sub(r"\\(?:left|right|,)|[\s{}&]|\\mathbf", "", text.replace("^T", r"^\top"))
