"""What a document says where derivatives vanish: what follows from that is held, and its wrong neighbours fail."""

from __future__ import annotations

import pytest

from derive.checking import check

PCA = r"""$\mathcal{L}(u, \lambda) = u^T S u + \lambda (1 - u^T u)$ with $S$ symmetric.
$$\frac{\partial \mathcal{L}}{\partial u} = 2 S u - 2 \lambda u = 0,$$
so that
"""
FISHER = r"""$$J(w) = \frac{w^T B w}{w^T C w}$$ where $B$ and $C$ are symmetric.
$$\nabla J = \frac{2 B w (w^T C w) - 2 (w^T B w) C w}{(w^T C w)^2} = 0.$$
So
"""
LEAST_NORM = r"""$$L(x, \nu) = \frac12 x^T x + \nu^T (Ax - b).$$
$$\nabla_x L = x + A^T \nu = 0 \quad\Rightarrow\quad x = -A^T \nu.$$
Insert this in the constraint:
"""
GAUSS = r"""$$\ell(\mu, \Sigma) = -\frac{n}{2} \log\det\Sigma 
- \frac12 \sum_{i=1}^n (x_i - \mu)^T \Sigma^{-1} (x_i - \mu)$$
$$\frac{\partial\ell}{\partial\mu} = \sum_{i=1}^n \Sigma^{-1}(x_i - \mu) = 0,$$ so
"""
GAIN = r"""$P(K) = (I - KH) \bar P (I - KH)^T + K R K^T$ with $\bar P$ and $R$ symmetric.
$$\frac{\partial \operatorname{tr} P}{\partial K} = -2 \bar P H^T + 2 K (H \bar P H^T + R) = 0 .$$
This gives the gain
"""
RIDGE = r"""$$\mathcal{L}(w, r, a) = \frac12 r^T r + \frac\lambda2 w^T w + a^T (y - X w - r)$$
$$\frac{\partial\mathcal L}{\partial r} = r - a = 0, \qquad
\frac{\partial\mathcal L}{\partial w} = \lambda w - X^T a = 0$$
Substituting in the constraint,
"""
PLAIN = """f(b) = (y - X b)^T W (y - X b)     where W is symmetric

Setting the derivative to zero gives

"""
# The document, what follows in it, and what does not.
EQUATIONS = [
    (PCA, ["S u = \\lambda u", "u^T S u = \\lambda", "u^T u = 1"],
     ["S u = -\\lambda u", "S u = 2\\lambda u", "u^T S u = -\\lambda", "u^T S u = 2\\lambda", "u^T u = 2"]),
    (FISHER, ["B w = J(w) C w", "(w^T C w) B w = (w^T B w) C w"],
     ["C w = J(w) B w", "B w = 2 J(w) C w", "(w^T C w) B w = -(w^T B w) C w", "(w^T B w) B w = (w^T C w) C w"]),
    (LEAST_NORM, ["-A A^T \\nu = b", "\\nu = -(A A^T)^{-1} b", "x = A^T (A A^T)^{-1} b", "A x = b"],
     ["A A^T \\nu = b", "\\nu = (A A^T)^{-1} b", "x = -A^T (A A^T)^{-1} b", "A x = -b"]),
    (GAUSS, ["\\hat\\mu = \\frac1n \\sum_{i=1}^n x_i"],
     ["\\hat\\mu = \\frac{1}{n-1} \\sum_{i=1}^n x_i", "\\hat\\mu = -\\frac1n \\sum_{i=1}^n x_i"]),
    (GAIN, ["K = \\bar P H^T (H \\bar P H^T + R)^{-1}", "K (H \\bar P H^T + R) = \\bar P H^T"],
     ["K = \\bar P H^T (H \\bar P H^T - R)^{-1}", "K = (H \\bar P H^T + R)^{-1} H \\bar P"]),
    (RIDGE, ["(\\frac1\\lambda X X^T + I) a = y", "a = \\lambda (X X^T + \\lambda I)^{-1} y",
             "w = X^T (X X^T + \\lambda I)^{-1} y"],
     ["(\\frac1\\lambda X X^T - I) a = y", "a = (X X^T + \\lambda I)^{-1} y", "w = X^T (X X^T - \\lambda I)^{-1} y"]),
]  # fmt: skip
ROWS = [(text, line, True) for text, right, _ in EQUATIONS for line in right]
ROWS += [(text, line, False) for text, _, wrong in EQUATIONS for line in wrong]


@pytest.mark.parametrize(("text", "line", "is_right"), ROWS)
def test_an_equation_holds_where_the_derivatives_vanish(text, line, is_right):
    last = check(f"{text}$${line}$$").lines[-1]
    assert (last.verdict in ("assumption", "conditional")) == is_right and (last.verdict == "fails") != is_right
    if is_right:
        assert "vanish" in last.reason


@pytest.mark.parametrize(("line", "verdict"), [("X^T W X b = X^T W y", "conditional"), ("X^T W X b = X^T y", "fails")])
def test_words_on_a_line_of_their_own_lead_to_the_next_formula_of_plain_text(line, verdict):
    assert check(PLAIN + line).lines[-1].verdict == verdict


def test_a_further_condition_contradicts_nothing():
    # S u = λ u leaves the length of u open; which eigenvector is meant, too.
    text = "Let $S$ be symmetric and $L = u^T S u - \\lambda u^T u$.\n$$\\nabla_u L = 2 S u - 2 \\lambda u = 0$$\n"
    *_, first, last = check(f"{text}$$u^T u = 1$$\nHence\n$$u^T S u = \\lambda$$").lines
    assert (first.verdict, last.verdict) == ("assumption", "assumption") and "holds where" in last.reason
    assert check(f"{text}$$u^T u = 1$$\nHence\n$$u^T S u = 2 \\lambda$$").lines[-1].verdict == "fails"


TALL = r"""With $\hat\beta$ the minimizer of $S(\beta) = \|y - X\beta\|^2$ we have $\nabla S = -2X^T(y - X\beta) = 0$.
The residual $r = y - X\hat\beta$ is orthogonal to the columns:
$$X^T r = 0.$$
"""


def test_what_holds_for_wide_matrices_only_does_not_hold():
    # Where m < n the residual is 0.  And what is orthogonal to something is no orthogonal matrix.
    *_, first, last = check(TALL + "Consequently $y^T y = y^T X\\hat\\beta + y^T r$ and $y^T r = r^T r$.").lines
    assert (first.verdict, last.verdict) == ("proved", "assumption") and "holds where" in last.reason
    assert "holds" not in check(TALL + "Consequently $y^T r = -r^T r$.").lines[-1].reason


@pytest.mark.parametrize(("right", "verdict"), [("f(x) x", "assumption"), ("2 f(x) x", "fails"), ("f(x)^2 x", "fails")])
def test_points_where_both_sides_are_zero_tell_nothing(right, verdict):
    text = r"$$f(x) = \frac{\|Ax\|^2}{\|x\|^2}$$ At a stationary point $\nabla f = 0$, so " + f"$$A^T A x = {right}$$"
    assert check(text).lines[-1].verdict == verdict


def test_a_solution_may_be_that_of_another_loss():
    text = r"""Minimise $\frac12 w^T S w$ subject to $\mathbf 1^T w = 1$, $S$ symmetric positive definite.
$$L(w, \lambda) = \frac12 w^T S w - \lambda (\mathbf 1^T w - 1)$$
First order conditions: $$S w - \lambda \mathbf 1 = 0, \qquad \mathbf 1^T w = 1.$$ So """
    for sign, verdict in ("", "assumption"), ("-", "fails"):
        line = rf"$$w = {sign}\frac{{S^{{-1}} \mathbf 1}}{{\mathbf 1^T S^{{-1}} \mathbf 1}}$$"
        assert check(text + line).lines[-1].verdict == verdict, line


RIDGE_OF = r"$J(w) = \|Xw-y\|^2 + \lambda \|w\|^2$. $$\nabla J = 2X^T(Xw-y) + 2\lambda w = 0$$ "


@pytest.mark.parametrize(
    ("said", "line", "fails"),
    [
        ("If the design is orthonormal, $X^T X = I$, then ", r"w = \frac{1}{1+\lambda} X^T y", False),
        ("If the design is orthonormal, $X^T X = I$, then ", r"w = \frac{1}{1-\lambda} X^T y", True),
        ("Hence ", r"w = \frac{1}{1+\lambda} X^T y", True),
        ("Subject to another condition such that ", r"\mathbf 1^T w = 1", False),
        ("Hence ", r"\mathbf 1^T w = 1", True),
    ],
)
def test_what_the_words_say_of_the_data_or_ask_of_the_variables_is_granted(said, line, fails):
    assert (check(f"{RIDGE_OF}{said}${line}$.").lines[-1].verdict == "fails") == fails
