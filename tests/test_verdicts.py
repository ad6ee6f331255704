"""Right lines and wrong ones as people write them, each with its verdict: short documents, line by line.

The verdicts are decided by hand: p is a line that is right, c one that is right under a condition, f one that is
wrong, d a definition, a an assumption, u a line that is not read.
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
    # what stands in diag is a vector
    (
        r"""Let $\Lambda = \mathrm{diag}(\lambda)$, $f(x) = \frac12 x^\top U\Lambda U^\top x$.

$\nabla f = \Lambda UU^\top x$

$\nabla f = U\Lambda U^\top x$""",
        "ddfp",
    ),
    (
        r"""$J(w) = (y - Xw)^\top C(y-Xw)$ with $C = \mathrm{diag}(c)$.

$\nabla J(w) = -2CX^\top (y - Xw)$

$\nabla J(w) = -2\sum_i c_i(y_i - w^\top x_i)x_i$""",
        "ddfp",
    ),
    # no letter of a quadratic form below a fraction bar is a number
    (
        r"""$J(w) = \frac{w^\top B w}{w^\top C w}$ with symmetric $B$ and $C$.

$$\frac{\partial J}{\partial w} = \frac{2Bw(w^\top Cw) - 2 C w(w^\top Bw)}{(w^\top C w)^2}$$

$$\frac{\partial J}{\partial w} = \frac{2Bw(w^\top Cw) + 2 C w(w^\top Bw)}{(w^\top C w)^2}$$""",
        "dpf",
    ),
    (
        r"""$f(w) = |y - Xw|^2 + \lambda |w|^2$. $\nabla f = -2X^\top(y - Xw) + 2\lambda w$

$\nabla f = 2X^\top(y - Xw) + 2\lambda w$""",
        "dpf",
    ),
    # a constant where an entry stands
    (
        r"""$f(x) = \sum_{i=1}^n x_i$. Then $\frac{\partial f}{\partial x_j} = 1$.

$\frac{\partial f}{\partial x_j} = 2$.""",
        "dpf",
    ),
    # stationary points: under a condition, of several variables, put into a further line
    (
        r"""$f(x) = \frac12x^\top Ax - b^\top x$

$x^* = A^{-1}b$""",
        "dc",
    ),
    (
        r"""$f(x) = \frac12x^\top Ax - b^\top x$

$x^* = 2 A^{-1}b$""",
        "df",
    ),
    (
        r"""$f(x) = x^\top Ax$

$\nabla f = 2 A x$""",
        "dc",
    ),
    (
        r"""$\mathcal{L}(w,\lambda) = \frac12w^\top \Sigma w - \lambda(\mathbf 1^\top w - 1)$, $\Sigma$ symmetric.

$\frac{\partial\mathcal L}{\partial w} = \Sigma w - \lambda\mathbf 1 = 0$ gives $w = \lambda\Sigma^{-1}\mathbf 1$

$\lambda = \frac{1}{\mathbf 1^\top\Sigma^{-1}\mathbf 1}$

$w^* = \frac{\Sigma^{-1}\mathbf 1}{\mathbf 1^\top\Sigma^{-1}\mathbf 1}$""",
        "dpaaa",
    ),
    (
        r"""$$J(\theta) = (y - X\theta)^\top (y-X\theta).$$

$$\hat\theta = (X^\top X)^{-1}X^\top y$$

The fitted values are $\hat y = X\hat\theta = X(X^\top X)^{-1}X^\top y$.""",
        "dac",
    ),
    (
        r"""$J = \|Xw-y\|^2$. Setting the gradient to zero,
$X^\top Xw = -X^\top y$, i.e. $w = -(X^\top X)^{-1}X^\top y$.""",
        "dff",
    ),
    # an entry is not the whole
    (r"$f(x) = \|x\|^2$. $\frac{\partial f}{\partial x_j} = 2x$", "df"),
    (r"$f(w) = \frac12\|Xw-y\|^2$. $\frac{\partial f}{\partial w_j} = X^\top(Xw-y)$", "df"),
    (r"$f(A) = \mathrm{tr}(AB)$. $\frac{\partial f}{\partial A_{ij}} = B_{ji}$", "dp"),
    # no matrix is a number because a line divides by it
    (r"$\frac{\partial\log\det A}{\partial A} = 1/A$", "f"),
    # the gradient at another point
    (
        r"""$f(x) = \frac12x^\top Qx$ for $Q$ symmetric. $\nabla f(x+p) = Q(x+p)$. $\nabla f(2x) = 4Qx$.

$\nabla f(2x) = 2Qx$.""",
        "dpfp",
    ),
    # what is said of a letter, and what is not
    (r"$f(x) = x^\top Ax$ with $A$ symmetric. $\nabla f = 2Ax$.", "dp"),
    (r"$A$ and $B$ are symmetric. $f(x) = x^\top A x + x^TBx$, $\nabla f = 2Ax + 2Bx$.", "dp"),
    (
        r"""$f(A) = \|Ax\|^2 + \log\det A$. Since $A^\top A$ is symmetric,
$\frac{\partial f}{\partial A} = 2Axx^\top + A^{-1}$.""",
        "df",
    ),
    (r"$f(x) = x^\top Ax$. The matrix $A^\top A$ is symmetric. $\nabla f = 2Ax$.", "dc"),
    (r"$f(x) = x^\top Ax$. We cannot assume $A$ symmetric. $\nabla f = 2Ax$", "dc"),
    (r"$f(x) = x^\top Ax$. Suppose $A$ is neither symmetric nor positive definite. $\nabla f = 2Ax$", "dc"),
    (r"$f(x) = x^\top Ax$. The matrix $A$ is asymmetric. $\nabla f = 2Ax$", "dc"),
    (r"$f(x) = x^\top Ax$. Is $A$ symmetric? Not necessarily. $\nabla f = 2Ax$", "dc"),
    (r"$A$ is diagonalizable. $f(x) = x^\top Ax$, $\nabla f = 2Ax$.", "dc"),
    (r"Let $A$ be skew symmetric. $g(x) = \|Ax\|^2$, $\nabla g = 2A^2x$", "df"),
    (r"The columns of $A$ are orthogonal. $\|Ax\|^2 = x^\top x$", "f"),
    # a value in passing excuses nothing
    (r"$f(x) = \|x\|^2$. $f$ vanishes iff $x = 0$. $\nabla f = 3x$.", "daf"),
    # a report in any case
    (r"$A = Q\Lambda Q^\top$ with orthogonal $Q$. $\det A = \det\Lambda$.", "dc"),
    (r"$A = Q\Lambda Q^\top$ with orthogonal $Q$. $\det A = 2\det\Lambda$.", "df"),
    (
        r"$y = Ax$ with $x = x(z)$, $y = y(z)$: $\frac{\partial y}{\partial z} = A\frac{\partial x}{\partial z}$",
        "daau",
    ),
    # a function given in a sentence, and another of the same name in the next
    (
        r"""For $f(x) = \|Ax - b\|^2$ the gradient is $\nabla f(x) = 2A(Ax - b)$
and the Hessian $\nabla^2 f = 2A^\top A$.

For $g(x) = a^\top x$, $\nabla g = a$. For $g(x) = \|x\|^2$, $\nabla g = x$.""",
        "dfpdpdf",
    ),
    (r"Matrix product. For $C = AB$, $\partial L/\partial A = (\partial L/\partial C) B^\top$.", "dp"),
    # samples that are columns are no rows
    (
        r"""Let $X = [x_1,\dots,x_n]\in\mathbb{R}^{d\times n}$. $\sum_i x_ix_i^\top = X^\top X$.

$\sum_i x_ix_i^\top = XX^\top$""",
        "uuu",
    ),
    (
        r"""The columns of $X$ are the data points $x_i$. $L(w) = \sum_i(w^\top x_i - y_i)^2$.
$\nabla L = 2X^\top(Xw - y)$. $\nabla L = 2X(X^\top w - y)$""",
        "uuu",
    ),
    (
        r"""The columns of $X$ are features. $L(w) = \sum_i(w^\top x_i - y_i)^2$.
$\nabla L = 2X^\top(Xw - y)$""",
        "dp",
    ),
    # two norms of a matrix
    (r"Let $A \in \mathbb{R}^{m \times n}$. $\|A\|_2 = \|A\|_F$. $\|x\|_2^2 = x^\top x$", "up"),
    # each item of a list has its own f
    (
        r"""1. $f(x) = \|Ax-b\|^2$, $\nabla f = 2A^T(Ax-b)$.
2. $f(x) = \frac12\|Ax-b\|^2$, $\nabla f = A^T(Ax-b)$.
3. $f(x) = x^TAx$, $\nabla f = Ax$.""",
        "dpdpdf",
    ),
    # K = Kᵀ is a symmetry too
    (r"Let $J = \frac{1}{2}\alpha^\top K\alpha$ where $K = K^\top$. Then $\nabla J = K\alpha$.", "dap"),
    (r"$J = \frac{1}{2}\alpha^\top K\alpha$. We do not have $K = K^\top$. $\nabla J = K\alpha$.", "daf"),
    # a zero and the rounding of one; small numbers that differ
    (r"$f(x) = \|x\|^2 - x^\top x$. $\nabla f = 2x - 2x$", "dp"),
    (r"$f(x) = 10^{-14} x^\top x$. $\nabla f = 10^{-14} x$", "df"),
    # plain text
    (
        """L = ||X w - y||^2 + lambda ||w||^2
dL/dw = 2 X^T (X w - y) + lambda w
grad_w L = 2 X^T (X w - y) + 2 lambda w
w_hat = (X^T X + lambda I)^-1 X^T y""",
        "dfpa",
    ),
    # what rests on a line that is not read
    (
        r"""$z = Wx$, $a = \mathrm{ReLU}(z)$, $L = \frac12\|a-y\|^2$.

$\delta = (a - y)\odot\mathbf{1}_{z>0}$

$\frac{\partial L}{\partial W} = \delta x^\top$""",
        "ddddp",
    ),
    (
        r"""$a = \sigma(z)$, $z = Wx+b$, $L = \frac12 \|a - y\|^2$:
$\delta_j = \frac{\partial L}{\partial z_j} = (a_j - y_j)a_j(1-a_j)$""",
        "dddp",
    ),
    # by an inverse whose letter stands elsewhere too
    (
        r"""$\ell = -\frac N2\log|\Sigma| - \frac12\mathrm{tr}(\Sigma^{-1}S)$.
$\frac{\partial\ell}{\partial\Sigma^{-1}} = -\frac12S^\top$.""",
        "dc",
    ),
    # a function of a function that nothing defines
    (
        r"""Let $f(x) = g(h(x))$, $h(x) = Ax+b$. $\nabla f(x) = \nabla g(Ax+b)$""",
        "udu",
    ),
    # 1 beside a matrix in a product entry by entry
    (
        r"""$H = \sigma(XW)$, $L = \|H - T\|_F^2$,
$\frac{\partial L}{\partial W} = 2X^\top[(H-T)\odot H\odot(1-H)]$,
$\frac{\partial L}{\partial W} = 2X^\top[(H-T)\odot (1-H)]$.""",
        "ddpf",
    ),
    # ∇f is by the letter of f(x), not by one of before
    (
        r"""$\frac{\partial\log\det A}{\partial A} = A^{-\top}$. Let $f(x) = x^\top Ax$.
Then $\nabla f(x) = (A+A^\top)x$.""",
        "pdp",
    ),
    (
        r"""$L(w) = \frac12\|Xw-y\|^2$. $\frac{\partial L}{\partial X} = (Xw-y)w^\top$. $\nabla L = X^\top(Xw-y)$.
$\nabla L = (Xw-y)w^\top$.""",
        "dppf",
    ),
    # a product of two columns is no number
    (
        r"""$L = \frac12w^\top w - \sum_i\alpha_iy_iw^\top x_i$. With $w = \sum_i\alpha_iy_ix_i$,
$w^\top w = \sum_i\sum_j\alpha_i\alpha_jy_iy_jx_ix_j^\top$ and
$w^\top w = \sum_i\sum_j\alpha_i\alpha_jy_iy_jx_i^\top x_j$""",
        "ddup",
    ),
    # the variance as a variable, in the list of arguments too
    (
        r"""$\ell(\mu,\sigma^2) = -\frac n2\log\sigma^2 - \frac{1}{2\sigma^2}\sum_{i=1}^n(x_i-\mu)^2$.

$\frac{\partial\ell}{\partial\mu} = \frac{1}{\sigma^2}\sum_{i=1}^n(x_i-\mu)$

$\frac{\partial\ell}{\partial\sigma^2} = -\frac{n}{2\sigma^2}+\frac{1}{2\sigma^4}\sum_{i=1}^n(x_i-\mu)^2$

$\frac{\partial\ell}{\partial\sigma^2} = -\frac{n}{\sigma^2}+\frac{1}{2\sigma^4}\sum_{i=1}^n(x_i-\mu)^2$""",
        "dppf",
    ),
    (
        r"""$\ell = -n\log s - \frac{1}{2s^2}\|x\|^2$.
$\frac{\partial\ell}{\partial s^2} = -\frac{n}{2s^2}+\frac{\|x\|^2}{2s^4}$,
$\frac{\partial\ell}{\partial s^2} = \frac{\|x\|^2}{2s^4}$""",
        "dpf",
    ),
    # constants, which no line is refuted for
    (
        r"""$L(w) = \|Xw-y\|^2 + \text{const}$. $\nabla L = 2X^\top(Xw-y)$, $\nabla L = X^\top(Xw-y)$.
$L(w) = w^\top X^\top Xw - 2y^\top Xw + \text{const}$""",
        "dpfu",
    ),
    # signs of definition, and a name at the end
    (
        r"""$a = Wx$, $h := \tanh(a)$, $L \triangleq \frac12\|h-y\|^2$,
$\frac{\partial L}{\partial a} = (h - y)\odot(1 - h\odot h) =: \delta$,
$\frac{\partial L}{\partial W} = \delta x^\top$, $\frac{\partial L}{\partial W} = x\delta^\top$""",
        "dddpdpf",
    ),
    # a multiple of what is derived
    (
        r"""$2 L = \|Ax-b\|^2$. $\nabla L = A^\top(Ax-b)$, $\nabla L = 2A^\top(Ax-b)$""",
        "dpf",
    ),
    (
        r"""$-\ell = \frac12\|y - Xw\|^2$. $\nabla\ell = X^\top(y - Xw)$, $\nabla\ell = X^\top(Xw-y)$""",
        "dpf",
    ),
    # letters that are sizes
    (
        r"""$f = \frac12\|A\|_F^2$ with $A = XW + \mathbf{1}w_0^\top - T$.
$\frac{\partial f}{\partial w_0} = A^\top\mathbf 1 = Nw_0 + (XW-T)^\top\mathbf 1$,
$\frac{\partial f}{\partial w_0} = 2Nw_0 + (XW-T)^\top\mathbf 1$""",
        "ddcu",
    ),
    (
        r"""$C = I - \frac1n\mathbf1\mathbf1^\top$, $C^2 = C$, $\|CX\|_F^2 = \mathrm{tr}(X^\top CX)$,
$\|CX\|_F^2 = \mathrm{tr}(X^\top X)$""",
        "dppf",
    ),
    # ∇(f)(x)
    (
        r"""$f = x^\top A x$. $\nabla(f)(x) = (A+A^\top)x$, $\nabla(f)(x) = (A-A^\top)x$""",
        "dpf",
    ),
    # a line that says what is differentiated, and one that only sets it to zero
    (
        r"""$\nabla_x f(x) = \nabla_x (b^\top x + x^\top A x)$, $\nabla_x f(x) = b + (A+A^\top)x$,
$\nabla_x f(x) = b + (A-A^\top)x$""",
        "dpf",
    ),
    (r"""$\nabla_w \text{MSE}_{train} = 0$""", "a"),
    # a definition of several forms, of which the first is not read
    (
        r"""$\mathcal{L}(\theta) = \log p(x\mid\theta) = \theta^\top x - \log\sum_j e^{\theta_j}$,
$\nabla\mathcal{L} = x - \mathrm{softmax}(\theta)$, $\nabla\mathcal{L} = x + \mathrm{softmax}(\theta)$""",
        "dpf",
    ),
    # what may be an entry or a matrix refutes nothing
    (
        r"""$\frac{\partial H}{\partial A_i} = -\sum_k Y_k \frac{\partial \log A_k}{\partial A_i} = -Y_i / A_i$,
$\frac{\partial \log(\sigma(A_k))}{\partial A_i} = 1 - \sigma(A_i)$""",
        "uu",
    ),
    # the slopes of a function of numbers, whose argument nobody declared
    (
        r"""Let $g(x) = \log(1 + e^{-x})$. $\frac{dg}{dx} = -\frac{1}{1+e^{x}}$.
$\frac{dg}{dx} = \frac{1}{1+e^{x}}$.""",
        "dcf",
    ),
    (
        r"""$g(x) = \log(1 + e^{-x})$. $g'(x) = -\frac{1}{1+e^{x}}$, $g''(x) = \frac{e^x}{(1+e^x)^2}$,
$g'(x) = \frac{1}{1+e^{x}}$, $g''(x) = \frac{e^x}{1+e^x}$""",
        "dpcff",
    ),
    (
        r"""$\sigma(z) = \frac{1}{1+e^{-z}}$, $\sigma'(z) = \sigma(z)(1-\sigma(z))$,
$\sigma'(z) = \sigma(z)(1+\sigma(z))$""",
        "dpf",
    ),
    (r"""$f(x) = 2x+1$, $f'(x) = 2$. $h(z) = \max(0,z)$, $h'(z) = 1$ if $z>0$.""", "dudu"),
    # a sentence that goes on in a display
    (
        r"""For $h(X) = \operatorname{tr}(X^TAX)$,
$$\nabla_X h = (A + A^T)X$$
and not $\nabla_X h = (A - A^T)X$.""",
        "dpf",
    ),
    # primes of functions with a name, and of defined ones
    (
        r"""$z = Wx$, $h = \tanh(z)$, $L = \frac12\|h-y\|^2$.
$\delta = \frac{\partial L}{\partial z} = (h-y)\odot\tanh'(z)$, $\frac{\partial L}{\partial W} = \delta x^\top$.
$\frac{\partial L}{\partial z} = (h-y)\odot\tanh(z)$, $\tanh'(z) = 1-\tanh^2(z)$, $\tanh'(z) = 1-\tanh(z)$""",
        "dddppfcf",
    ),
    (
        r"""$\ell(\theta) = n\log\theta - \theta\sum_{i=1}^n x_i$. $\ell'(\theta) = \frac n\theta - \sum_{i=1}^n x_i$,
$\ell''(\theta) = -\frac{n}{\theta^2}$, $\ell'(\theta) = \frac n\theta + \sum_{i=1}^n x_i$,
$\ell''(\theta) = \frac{n}{\theta^2}$""",
        "dppff",
    ),
    # a symmetry that a line before needs
    (
        r"""$\ell = -\frac N2\log|\Sigma| - \frac12\sum_{n=1}^N (x_n-\mu)^\top\Sigma^{-1}(x_n-\mu)$.

$\frac{\partial\ell}{\partial\mu} = \sum_{n=1}^N\Sigma^{-1}(x_n-\mu)$

$\frac{\partial\ell}{\partial\Sigma} = -\frac N2\Sigma^{-1}
 + \frac12 \Sigma^{-1}\left(\sum_{n=1}^N (x_n-\mu)(x_n-\mu)^\top\right)\Sigma^{-1}$

$\frac{\partial\ell}{\partial\Sigma} = -\frac N2\Sigma^{-1}
 - \frac12 \Sigma^{-1}\left(\sum_{n=1}^N (x_n-\mu)(x_n-\mu)^\top\right)\Sigma^{-1}$""",
        "dccf",
    ),
    # an order behind an equation, letters that touch, remarks behind plain text
    (
        r"""$J = \frac12\|Xw - y\|^2 + \frac\lambda2\|w\|^2$, $\nabla^2 J = X^\top X + \lambda I \succeq 0$,
$\nabla^2 J = 2X^\top X + \lambda I \succeq 0$""",
        "dpf",
    ),
    (
        r"""$p_k = \frac{e^{z_k}}{\sum_j e^{z_j}}$. If $i\neq j$, then $\frac{\partial p_i}{\partial z_j} = -p_ip_j$.

$\frac{\partial p_i}{\partial z_j} = p_ip_j$""",
        "dcf",
    ),
    (r"""$f = x^\top Bx$, where $A + B \succ 0$. $\nabla f = 2Bx$""", "dc"),  # of B alone nothing is said
    (
        """J = 1/2 (y - X b)^T W (y - X b)         where W is diagonal
dJ/db = -X^T W (y - X b)
dJ/db = -W X^T (y - X b)""",
        "dcf",
    ),
    # entries of samples, and hypotheses that are functions of one
    (
        r"""$J(w) = \frac12\sum_{i=1}^m(w^\top x_i-y_i)^2$.
$\frac{\partial J}{\partial w_j} = \sum_{i=1}^m(w^\top x_i-y_i)x_{ij}$,
$\frac{\partial J}{\partial w_j} = \sum_{i=1}^m(w^\top x_i+y_i)x_{ij}$""",
        "dpf",
    ),
    (
        r"""$h_\theta(x) = \theta^Tx$, $J(\theta) = \frac12\sum_{i=1}^m(h_\theta(x^{(i)})-y^{(i)})^2$.
$\frac{\partial J}{\partial\theta_j} = \sum_{i=1}^m(h_\theta(x^{(i)})-y^{(i)})x_j^{(i)}$,
$\frac{\partial J}{\partial\theta_j} = \sum_{i=1}^m(y^{(i)}-h_\theta(x^{(i)}))x^{(i)}_j$,
$\nabla J = \sum_{i=1}^m(h_\theta(x^{(i)})-y^{(i)})x^{(i)}$,
$\nabla J = 2\sum_{i=1}^m(h_\theta(x^{(i)})-y^{(i)})x^{(i)}$""",
        "ddpfpf",
    ),
    (
        r"""$h_\theta(x) = \sigma(\theta^Tx)$ and
$$J(\theta) = -\frac1m\sum_{i=1}^m\left[ y^{(i)}\log h_\theta(x^{(i)}) + (1-y^{(i)})\log(1-h_\theta(x^{(i)}))\right]$$
$$\frac{\partial J}{\partial\theta_j} = \frac1m\sum_{i=1}^m\left(h_\theta(x^{(i)}) - y^{(i)}\right)x_j^{(i)}$$
$$\frac{\partial J}{\partial\theta_j} = \frac1m\sum_{i=1}^m\left(h_\theta(x^{(i)}) - 2y^{(i)}\right)x_j^{(i)}$$""",
        "ddpf",
    ),
    # items with a bold number
    (
        r"""**1.** $f(x) = \log(1+e^{a^\top x})$. $\nabla f(x) = \sigma(a^\top x)a$.

**2.** $f(x) = \|x\|$. $\nabla f(x) = \frac{x}{\|x\|}$, $\nabla f(x) = x$.""",
        "dpdpf",
    ),
    # a model of the data is not put in: y is given
    (
        r"""$y = X\beta + \varepsilon$, $S(\beta) = \|y - X\beta\|^2$,
$\frac{\partial S}{\partial\beta} = -2X^\top(y - X\beta)$, $\frac{\partial S}{\partial\beta} = 2X^\top(y - X\beta)$""",
        "adpf",
    ),
    (
        r"""In the linear model $y = X\beta + \varepsilon$ we minimize
$$S(\beta) = y^\top y - 2\beta^\top X^\top y + \beta^\top X^\top X\beta$$
$$\frac{\partial S}{\partial\beta} = -2X^\top y + 2X^\top X\beta$$
$$\frac{\partial S}{\partial\beta} = 2X^\top X\beta$$""",
        "adpf",
    ),
    (
        r"""$z = Wx + b$, $L = \frac12\|z - y\|^2 + \frac\lambda2\|W\|_F^2$.
$\frac{\partial L}{\partial W} = (z-y)x^\top + \lambda W$, $\frac{\partial L}{\partial W} = \lambda W$""",
        "ddpf",
    ),
    # ∇ of a function that does not have the letter of before
    (
        r"""$V = v^\top v$, $\frac{\partial V}{\partial v} = 2v$. With $r = \|x\|$: $\nabla r = \frac xr$,
$\nabla\frac1r = -\frac{x}{r^3}$, $\nabla\frac1r = -\frac{x}{r^2}$""",
        "dpdppf",
    ),
    # a transposition in front
    (
        r"""$L=\|Xw-y\|^2$, $\frac{\partial L}{\partial w} = 2{}^tX(Xw-y)$,
$\frac{\partial L}{\partial w} = {}^tX(Xw-y)$, $\frac{\partial L}{\partial w} = 2{}^t(X)(Xw-y)$""",
        "dpfu",
    ),
    # two zeros prove nothing: 1 − wᵀw where w has length 1
    (
        r"""Subject to $w^\top w = 1$. $\mathcal L(w,\lambda) = w^\top S w - \lambda (w^\top w - 1)$,
$\frac{\partial\mathcal L}{\partial\lambda} = 1 - w^\top w$,
$\frac{\partial\mathcal L}{\partial\lambda} = w^\top w - 1$""",
        "adpf",
    ),
    # λ I beside XᵀX makes nothing a number
    (
        r"""The ridge objective is $L(w) = \frac{1}{n}\|Xw - y\|^2 + \lambda \|w\|^2$. Then
$$\nabla L(w) = \frac{2}{n} X^{T}(Xw-y) + 2\lambda w = 0$$ so $(X^TX + \lambda I) w = X^T y$ and
$$w = (X^TX+n\lambda I)^{-1}X^Ty$$""",
        "dpfa",
    ),
    (r"""$\det(-A) = -\det(A)$, $\det(2A) = 2\det A$, $A^2 - \mathrm{tr}(A)A + \det(A)I = 0$""", "ffa"),
    # all gradients are columns, or all are rows
    (
        r"""$C = AB$ and $L = \frac12\|C - T\|_F^2$.
$\frac{\partial L}{\partial A} = \frac{\partial L}{\partial C}B^\top$,
$\frac{\partial L}{\partial B} = \frac{\partial L}{\partial C}A$""",
        "ddpf",
    ),
    (
        r"""$C = AB$ and $L = \frac12\|C - T\|_F^2$.
$\frac{\partial L}{\partial A} = B\frac{\partial L}{\partial C}$""",
        "ddc",
    ),
    # what is said where the gradient is set to zero holds there
    (
        r"""$J(w) = \frac12 \|Xw-y\|^2 + \frac\lambda2\|w\|^2$. Setting the gradient to zero:
$(X^\top X + 2\lambda I)w = X^\top y$,
$X^\top(Xw-y) + 2\lambda w = 0$, $X^\top(Xw-y) + \lambda w = 0$, $(X^\top X + \lambda I)w = X^\top y$""",
        "dffaa",
    ),
    (
        r"""$L(w,\lambda) = w^\top S w - \lambda(w^\top w - 1)$, S symmetric.
$\frac{\partial L}{\partial w} = 2Sw - 2\lambda w = 0$, so $Sw = \lambda w$. And $w^\top w = 1$.""",
        "dpaa",
    ),
    # a closed form after its own equation is no definition, and so is that of the next letter
    (
        r"""$J = \|R - UV^\top\|_F^2 + \lambda\|U\|_F^2 + \lambda\|V\|_F^2$.
$U(V^\top V + \lambda I) = RV \Rightarrow U = RV(V^\top V + \lambda I)^{-1}$
$V = R^\top U(U^\top U+2\lambda I)^{-1}$""",
        "daaf",
    ),
    # what holds at the solution is right under that condition
    (
        r"""Let $J(\theta) = \|y-X\theta\|^2$. Setting the gradient to zero, $X^\top X\theta = X^\top y \implies
\hat\theta = (X^\top X)^{-1}X^\top y$. The fitted values are $\hat y = X\hat\theta = X(X^\top X)^{-1}X^\top y = Hy$
with $H = X(X^\top X)^{-1}X^\top$.""",
        "daacd",
    ),
    # ŷ is no solution
    (
        r"""Let $J(\theta) = (y - X\theta)^\top (y-X\theta)$.
$\frac{\partial J}{\partial \theta} = -2X^\top y + 2 X^\top X\theta$.
The fitted values are $\hat y = X\hat\theta = X(X^\top X)^{-1} y$.""",
        "dpf",
    ),
    # dW for ∂L/∂W, with a transposition in the superscript of a layer
    (
        r"""$$z^{[1]} = W^{[1]} x + b^{[1]},\quad a^{[1]} = \tanh(z^{[1]}),\quad z^{[2]} = W^{[2]} a^{[1]} + b^{[2]}$$
$$a^{[2]} = \sigma(z^{[2]}),\quad L = -y\log a^{[2]} - (1-y)\log(1 - a^{[2]})$$
$$dz^{[2]} = a^{[2]} - y$$
$$dW^{[2]} = dz^{[2]} a^{[1]T}$$
$$dW^{[2]} = a^{[1]} dz^{[2]}$$
$$dz^{[1]} = W^{[2]T} dz^{[2]} \odot (1 - a^{[1]})$$
$$dW^{[1]} = dz^{[1]} x^T$$""",
        "dddddppffp",
    ),
    (
        r"""$S = QK^\top$, $O = SV$ and a scalar loss $L$. With $dO = \frac{\partial L}{\partial O}$,
$\frac{\partial L}{\partial V} = S^\top dO$, $\frac{\partial L}{\partial V} = S dO$.""",
        "ddppf",
    ),
    (r"""$F = X^\top X$, $dF = dX^\top X + X^\top dX$, $dF = dX X^\top + X^\top dX$.""", "dpf"),
    # the range of an index is no rule, and neither is where a derivative vanishes
    (
        r"""For $i=1,\dots,n$, let $p_i = \sigma(w^T x_i)$. The loss is
$$\ell(w) = -\sum_{i=1}^n \left[ y_i \log p_i + (1-y_i) \log(1-p_i) \right]$$
$\nabla \ell(w) = \sum_{i=1}^n (p_i - y_i) x_i$, $\nabla \ell(w) = \sum_{i=1}^n (y_i - p_i) x_i$""",
        "ddpf",
    ),
    (
        r"""$J(\alpha) = \frac12\|y - K\alpha\|^2 + \frac\lambda2\alpha^\top K\alpha$ with $K$ symmetric.
Its gradient vanishes for $\alpha = (K+\lambda I)^{-1}y$.""",
        "da",
    ),
    (
        r"""$J(\alpha) = \frac12\|y - K\alpha\|^2 + \frac\lambda2\alpha^\top K\alpha$ with $K$ symmetric.
Its gradient vanishes for $\alpha = (K+2\lambda I)^{-1}y$.""",
        "df",
    ),
    # a sum without an index
    (
        r"""$L = \frac{1}{n}\sum (y - \hat y)^2$ with $\hat y = X w$.

$\frac{\partial L}{\partial w} = -\frac{2}{n} X^T (y - X w)$

$\frac{\partial L}{\partial w} = -\frac{2}{n} (y - X w) X^T$

$\frac{\partial L}{\partial w} = \frac{2}{n} X^T (y - X w)$""",
        "ddpff",
    ),
    (
        r"""$J = \sum (y_i - w^T x_i)^2 + \lambda \sum |w|$. $\nabla_w J = -2 \sum (y_i - w^T x_i) x_i +
\lambda \operatorname{sign}(w)$. $\nabla_w J = -2 \sum (y_i - w^T x_i) x_i + \lambda w$.""",
        "dpf",
    ),
    (
        r"""$S = \sum (y - m x - c)^2$. $\frac{\partial S}{\partial m} = -2\sum x(y - mx - c) = 0$,
$\frac{\partial S}{\partial c} = -2\sum (y - mx - c) = 0$. $\frac{\partial S}{\partial m} = 2\sum x(y - mx - c)$.""",
        "dpcf",
    ),
    (
        r"""$\ell = -\frac{1}{2\sigma^2}\sum (x-\mu)^2$.
$\frac{\partial \ell}{\partial \mu} = \frac{1}{\sigma^2}\sum (x-\mu)$.
$\frac{\partial \ell}{\partial \mu} = -\frac{1}{\sigma^2}\sum (x-\mu)$.""",
        "dcu",
    ),
    # an estimate has the shape of what it estimates
    (
        r"""$\ell(\mu,\Sigma) = -\frac{n}{2}\log\det\Sigma - \frac12\sum_{i=1}^n (x_i-\mu)^\top\Sigma^{-1}(x_i-\mu)$,
$\Sigma$ positive definite. $\frac{\partial \ell}{\partial \mu} = \sum_{i=1}^n \Sigma^{-1}(x_i-\mu) = 0 \implies
\hat\mu = \sum_{i=1}^n x_i$. Maximizing over the covariance,
$\hat\Sigma = \sum_{i=1}^n (x_i-\hat\mu)(x_i-\hat\mu)^\top$.""",
        "dpff",
    ),
    (
        r"""$f(x) = \frac12x^TQx + b^Tx + c$ with $Q$ symmetric positive definite. Minimizer: $x^\star = -Q^{-1}b$ and
$f(x^\star) = -\frac12b^TQ^{-1}b + c$, $f(x^\star) = \frac12b^TQ^{-1}b + c$.""",
        "dacf",
    ),
    # indicators of inequalities
    (
        r"""$Z = XW$, $A = \mathrm{ReLU}(Z)$, $L = \frac12\|A-Y\|_F^2$.
$\frac{\partial L}{\partial Z} = (A-Y)\odot 1[Z > 0]$, $\frac{\partial L}{\partial Z} = (A-Y)\odot \mathbb{1}\{Z > 0\}$,
$\frac{\partial L}{\partial Z} = (A-Y)\odot \mathbf{1}(Z < 0)$, $\frac{\partial L}{\partial Z} = (A-Y)\odot (Z > 0)$""",
        "dddppfp",
    ),
    # the power of a vector in a definition
    (
        r"""$h_1 = \tanh(Wh_0 + Ux_1)$, $h_2 = \tanh(Wh_1 + Ux_2)$, $L = \frac12\|h_2 - t\|^2$.
$\delta_2 = (h_2 - t)\odot(1-h_2^2)$, $\delta_1 = W^\top\delta_2\odot(1-h_1^2)$,
$\frac{\partial L}{\partial W} = \delta_2h_1^\top + \delta_1h_0^\top$,
$\frac{\partial L}{\partial W} = \delta_2h_1^\top$""",
        "dddddpf",
    ),
    # plain text with words for names, and words before an equation
    (
        """h = tanh(W x + b)
yhat = v^T h
loss = (yhat - y)^2
dloss/dyhat = 2 (yhat - y)
dloss/dv = 2 (yhat - y) x
Therefore dloss/dW = 2 (yhat - y) (v ⊙ (1 - h ⊙ h)) x^T
So dloss/db = 2 (yhat - y) v
""",
        "dddpfpf",
    ),
    (
        """L(w) = ||Xw - y||^2 + lambda ||w||^2
Hess L(w) = 2 X^T X + 2 lambda I
Setting the gradient to zero: (X^T X + lambda I) w = X^T y
Therefore w = (X^T X + 2 lambda I)^(-1) X^T y
""",
        "dpaf",
    ),
    # networks of any depth: Nielsen's BP1 to BP4, and each of them wrong
    (
        r"""The activations are $a^l = \sigma(z^l)$ with $z^l = w^l a^{l-1} + b^l$.
Define $\delta^l = \frac{\partial C}{\partial z^l}$.
$$\delta^L = \nabla_a C \odot \sigma'(z^L) \tag{BP1}$$
$$\delta^l = ((w^{l+1})^T \delta^{l+1}) \odot \sigma'(z^l) \tag{BP2}$$
$$\frac{\partial C}{\partial b^l} = \delta^l \tag{BP3}$$
$$\frac{\partial C}{\partial w^l} = \delta^l (a^{l-1})^T$$""",
        "dddpppp",
    ),
    (
        r"""$z^{(l)} = W^{(l)} a^{(l-1)} + b^{(l)}$, $a^{(l)} = \sigma(z^{(l)})$,
$\delta^{(l)} = \frac{\partial C}{\partial z^{(l)}}$
$\delta^{(l)} = W^{(l+1)} \delta^{(l+1)} \odot \sigma'(z^{(l)})$
$\delta^{(l)} = (W^{(l+1)})^T \delta^{(l+1)} \odot \sigma(z^{(l)})$
$\delta^{(l)} = (W^{(l)})^T \delta^{(l+1)} \odot \sigma'(z^{(l)})$
$\frac{\partial C}{\partial W^{(l)}} = \delta^{(l)} (a^{(l)})^T$
$\frac{\partial C}{\partial W^{(l)}} = \delta^{(l+1)} (a^{(l-1)})^T$""",
        "dddfffff",
    ),
    (
        r"""$z^{(l+1)} = W^{(l)} a^{(l)} + b^{(l)}$, $a^{(l+1)} = \sigma(z^{(l+1)})$, $J = \frac12\|a^{(L)} - y\|^2$
$\delta^{(L)} = \frac{\partial J}{\partial z^{(L)}} = -(y - a^{(L)}) \odot \sigma'(z^{(L)})$
$\delta^{(l)} = \frac{\partial J}{\partial z^{(l)}} = ((W^{(l)})^T \delta^{(l+1)}) \odot \sigma'(z^{(l)})$
$\frac{\partial J}{\partial W^{(l)}} = \delta^{(l+1)} (a^{(l)})^T$,
$\frac{\partial J}{\partial b^{(l)}} = \delta^{(l)}$""",
        "dddpppf",
    ),
    # a function of numbers that no line gives
    (
        r"""$z_1 = W_1 x + b_1$, $a_1 = g(z_1)$, $z_2 = W_2 a_1 + b_2$, $L = \frac12\|z_2 - y\|^2$.
$\frac{\partial L}{\partial z_1} = W_2^T(z_2 - y) \odot g'(z_1)$,
$\frac{\partial L}{\partial z_1} = W_2^T(z_2 - y) \odot g(z_1)$""",
        "ddddpf",
    ),
    (
        r"""$f(x) = g(a^Tx)$. $\nabla f(x) = g'(a^Tx)a$, $\nabla^2 f(x) = g''(a^Tx) a a^T$.
$\nabla f(x) = g'(a^Tx)x$""",
        "dppf",
    ),
    (r"Let $y = f(x)$. $y' = f'(x)$", "uu"),
    # gradients without a loss, and a line in other letters: nothing is refuted
    (
        r"""$dz_2 = a_2 - y$, $dW_2 = dz_2 a_1^T$, $db_2 = dz_2$, $dz_1 = W_2^T dz_2$, $dA_0 = W_0^T dZ_0$""",
        "uuuuu",
    ),
    # the dimension d in d/2; dots of numbers; a derivative by what does not occur
    (
        r"""$\ell(\mu) = -\frac{d}{2} \log(2\pi) - \frac{1}{2} \|x - \mu\|^2$.
$\frac{\partial\ell}{\partial\mu} = x - \mu$, $\frac{\partial\ell}{\partial\mu} = \mu - x$""",
        "dpf",
    ),
    (
        r"""$z = Wx$, $a = \sigma(z)$, $L = \frac12\|a - y\|^2$.
$\frac{\partial L}{\partial z} = (a - y) \cdot \sigma'(z)$,
$\frac{\partial L}{\partial z} = (a - y) \cdot \sigma(z)$""",
        "dddcf",
    ),
    (r"$\frac{\partial}{\partial w} \left( y^T y \right) = w$", "u"),
    # w̃* is an optimal w̃
    (
        r"""$E(\tilde{w}) = \|y - X\tilde{w}\|^2$. $\nabla_{\tilde{w}} E = 2X^\top(X\tilde w - y) = 0$, so
$$\tilde{w}^* = (X^\top X)^{-1} y$$""",
        "dpf",
    ),
]


@pytest.mark.parametrize("text, verdicts", DOCUMENTS)
def test_each_line_has_its_verdict(text, verdicts):
    report = check(text)
    assert "".join(LETTERS[line.verdict] for line in report.lines) == verdicts


LAYERS = r"""
Let $z^l = W^l a^{l-1} + b^l$ and $a^l = \sigma(z^l)$, with cost $C = \frac12 \|a^L - y\|^2$,
$\delta^l = \partial C/\partial z^l$.

$$\delta^L = (y - a^L) \odot \sigma'(z^L)$$
$$\delta^l = W^{l+1} \delta^{l+1} \odot \sigma'(z^l)$$
$$\frac{\partial C}{\partial W^l} = 2 \delta^l (a^{l-1})^T$$
"""


def test_repairs_in_a_layer_name_it_as_the_line_does():
    repairs = [line.repair for line in check(LAYERS).lines if line.verdict == "fails"]
    assert repairs == [
        r"\delta^{L} = (a^{L} - y) \odot \sigma'(z^{L})",
        r"\delta^{l} = (W^{l+1})^T \delta^{l+1} \odot \sigma'(z^{l})",
        r"\frac{\partial C}{\partial W^{l}} = \delta^{l} (a^{l-1})^T",
    ]


def test_a_repair_that_repeats_a_side_is_none():
    from derive.checking.generic_layers import in_layers

    assert in_layers(r"\delta^{(2)} = \delta_{2}", r"\delta^{(l)} = \delta^{(l+1)}") is None
    assert in_layers(r"\delta_{2} = \delta_{3}", r"\delta^{[l]} = x") == r"\delta^{[l]} = \delta^{[l+1]}"
    assert in_layers(r"x = y_{2}", "x = y_2") == "x = y_{2}"


def test_a_size_is_not_called_as_a_number_of_the_text():
    report = check(
        r"$f(w) = \frac{1}{2n}\|Xw - y\|^2$, so $\nabla f(w) = \frac1n X^T(Xw - y)$ and $w^* = (X^TX)^{-1}X^Ty$."
    )
    assert report.where == ["n: scalar", "X: m × p", "w: p × 1", "y: m × 1", "w*: p × 1", "f: scalar"]


STACKED = r"\frac{\partial \operatorname{vec}(%s)}{\partial \operatorname{vec}(X)^T} = "


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        (STACKED % "AXB" + r"B^T \otimes A", "proved"),
        (STACKED % "AXB" + r"A \otimes B^T", "fails"),
        (STACKED % "AXB" + r"B \otimes A", "fails"),
        (STACKED % "X^{-1}" + r"-X^{-T} \otimes X^{-1}", "proved"),
        (STACKED % "X^{-1}" + r"X^{-T} \otimes X^{-1}", "fails"),
        (r"\frac{\partial \operatorname{tr}(AX)}{\partial \operatorname{vec}(X)} = \operatorname{vec}(A^T)", "proved"),
        (r"\frac{\partial \operatorname{tr}(AX)}{\partial \operatorname{vec}(X)} = \operatorname{vec}(A)", "fails"),
        (r"d\operatorname{vec}(AXB) = (B^T \otimes A)\, d\operatorname{vec}(X)", "proved"),
        (r"d\operatorname{vec}(AXB) = (A \otimes B^T)\, d\operatorname{vec}(X)", "fails"),
    ],
)
def test_a_derivative_may_be_taken_by_a_stacked_matrix(claim, verdict):
    assert check(f"$${claim}$$").lines[0].verdict == verdict


@pytest.mark.parametrize(("slope", "verdict"), [("Q x - b", "proved"), ("Q x + b", "fails")])
def test_for_a_function_that_nothing_else_defines_is_no_rule_in_letters_of_its_own(slope, verdict):
    text = r"Newton's method for $f(x) = \frac12 x^T Q x - b^T x$, $Q$ symmetric." + "\n\nStart anywhere.\n\n"
    assert check(text + rf"The gradient is $\nabla f(x) = {slope}$.").lines[-1].verdict == verdict
    other = check(r"$f(x) = \|Ax\|^2$." + "\n\nFor $f(x) = b^T x$ all is flat.\n\n" + r"Here $\nabla f(x) = 2A^T A x$.")
    assert other.lines[-1].verdict == "proved"


@pytest.mark.parametrize(
    ("text", "right", "wrong"),
    [
        # of the loss that is only named, through numbers that other lines use: β𝟏 says that β is one
        (
            r"$\mu = \frac1m \mathbf 1^T x$, $c = x - \mu\mathbf 1$, $y = \gamma c + \beta \mathbf 1$. "
            r"With $g = \frac{\partial L}{\partial y}$: ",
            [r"\frac{\partial L}{\partial\beta} = \mathbf 1^T g", r"\frac{\partial L}{\partial\gamma} = g^T c"],
            [r"\frac{\partial L}{\partial\beta} = \frac1m \mathbf 1^T g", r"\frac{\partial L}{\partial\gamma} = g^T x"],
        ),
        (
            r"Let $x \in \mathbb R^m$, $\mu = \frac1m \mathbf 1^T x$, $v = \frac1m \|x - \mu\mathbf 1\|^2$, "
            r"$\hat x = \frac{x - \mu\mathbf 1}{\sqrt{v + \epsilon}}$, $y = \gamma\hat x + \beta\mathbf 1$. "
            r"With $g = \frac{\partial L}{\partial y}$: ",
            [r"\frac{\partial L}{\partial x} = \frac{\gamma}{\sqrt{v+\epsilon}} (g - \frac1m\mathbf 1\mathbf 1^T g"
             r" - \frac1m \hat x \hat x^T g)"],
            [r"\frac{\partial L}{\partial x} = \frac{\gamma}{\sqrt{v+\epsilon}} (g - \frac1m\mathbf 1\mathbf 1^T g)"],
        ),
        # the number e has no transpose
        (r"$f(p) = \beta (e^T p - E) + \|p\|^2$. ", [r"\nabla f = \beta e + 2p"], [r"\nabla f = \beta e"]),
        (r"$f(x) = e^{x^T x}$. ", [r"\nabla f = 2 x e^{x^T x}"], [r"\nabla f = x e^{x^T x}"]),
    ],
)  # fmt: skip
def test_numbers_and_columns_by_where_they_stand(text, right, wrong):
    verdicts = [check(f"{text}${line}$").lines[-1].verdict for line in [*right, *wrong]]
    assert verdicts == ["proved"] * len(right) + ["fails"] * len(wrong)


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        (r"d^2 \ell = -\operatorname{tr}(\Theta^{-1}\, d\Theta\, \Theta^{-1}\, d\Theta)", "proved"),
        (r"\mathrm{d}^2 \ell = -\operatorname{tr}(\Theta^{-1}\, d\Theta\, \Theta^{-1}\, d\Theta)", "proved"),
        (r"d^2 \ell = \operatorname{tr}(\Theta^{-1}\, d\Theta\, \Theta^{-1}\, d\Theta)", "fails"),
        (r"d^2 \ell = -\operatorname{tr}(\Theta^{-1}\, d\Theta)", "fails"),
    ],
)
def test_a_second_differential_holds_the_first_one_fixed(line, verdict):
    text = r"$\ell = \log\det\Theta - \operatorname{tr}(S\Theta)$ "
    text += r"$d\ell = \operatorname{tr}(\Theta^{-1} d\Theta) - \operatorname{tr}(S\, d\Theta)$ "
    assert check(f"{text}${line}$").lines[-1].verdict == verdict


def test_zero_behind_a_formula_is_no_derivative_that_is_set_to_zero():
    lines = check(r"\begin{align} (A + UV)x &= Ax + UVx \\ &= 0 \end{align}").lines
    assert [line.verdict for line in lines] == ["proved", "unread"]


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        (r"(\|y - Xw\|^2)'_w = -2X^T(y - Xw)", "proved"),
        (r"\left(\|y - Xw\|^2\right)'_{w} = 2X^T(y - Xw)", "fails"),
        (r"\left(\beta^TA\beta\right)'_{\beta} = (A+A^T)\beta", "proved"),
        (r"(XX^{-1})' = X'X^{-1} + X(X^{-1})'", "conditional"),
        (r"\left(X^{-1}\right)^{\prime} = -X^{-1} X^{\prime} X^{-1}", "conditional"),
        (r"(X^{-1})' = X^{-1} X' X^{-1}", "fails"),
        (r"(X^{-1})' = -X^{-2} X'", "fails"),
        (r"(X^{-1})^T = -X^{-1} X^T X^{-1}", "fails"),
        (r"(AB)' = B'A'", "proved"),
    ],
)
def test_a_prime_derives_by_the_letter_below_it_or_under_a_condition_by_a_number(line, verdict):
    found = check(f"$${line}$$").lines[-1]
    assert found.verdict == verdict
    assert found.condition == ("a prime is a derivative by a number" if verdict == "conditional" else None)


def test_what_follows_from_a_definition_is_zero_as_a_vector_too():
    lines = check("$$y = G x + v$$ $$y - G x - v = 0$$ $$G^T(y - G x - v) = 0$$ $$y - G x + v = 0$$").lines
    assert [line.verdict for line in lines] == ["definition", "proved", "proved", "assumption"]


def test_a_letter_that_comes_later_refutes_nothing():
    text = (
        r"$$V = \frac1n \sum_{i=1}^n (x_i^T q)^2 = q^T \underbrace{\frac1n \sum_{i=1}^n x_i x_i^T}_{\text{covariance}}"
        r" q = q^T C q$$ $$L(q) = q^T C q + c(q^T q - 1)$$ $$\nabla L = C q + 2 c q$$"
    )
    assert [line.verdict for line in check(text).lines] == ["unread", "definition", "fails"]


LINE = r"$$Q = \sum_{i=1}^n (y_i - a - b x_i)^2$$ $$\frac{\partial Q}{\partial a} = -2\sum_{i=1}^n (y_i-a-b x_i) = 0$$"
NORMAL = r"$$\ell(\mu) = -\frac12\sum_{i=1}^n (x_i - \mu)^T S^{-1} (x_i - \mu)$$ "


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (LINE + r"$$a = \bar y - b \bar x$$", "assumption"),
        (LINE + r"$$a = \bar y + b \bar x$$", "fails"),
        (LINE + r"$$a = \bar x - b \bar y$$", "fails"),
        (NORMAL + r"where $S$ is symmetric. $$\nabla \ell = n S^{-1}(\bar x - \mu)$$", "proved"),
        (NORMAL + r"where $S$ is symmetric. $$\nabla \ell = S^{-1}(\bar x - \mu)$$", "fails"),
        (NORMAL + r"with symmetric $S$, $\bar x = \frac1n\sum_{i=1}^n x_i$. $$\nabla \ell = n S^{-1}(\bar x - \mu)$$",
         "proved"),
        (r"$$\sum_{i=1}^n (x_i - \bar x)(y_i - \bar y) = \sum_{i=1}^n x_i y_i - n\bar x\bar y$$", "proved"),
        (r"$$\sum_{i=1}^n (x_i - \bar x)(y_i - \bar y) = \sum_{i=1}^n x_i y_i + n\bar x\bar y$$", "fails"),
        # a mean that a line gives is what it says, and no other letter with a bar is one
        (r"$$\bar x = 2$$ $$\sum_{i=1}^n (x_i - c) = \sum_{i=1}^n x_i - n c$$ $$n \bar x = \sum_{i=1}^n x_i$$",
         "assumption"),
        (r"$$\sum_{i=1}^n x_i = n \bar z$$", "assumption"),
        # nor is a point of a function of x, or what words call something else
        (r"$$f(x) = \sum_{i=1}^n x_i$$ $$f(x) = n \bar x$$", "definition"),
        (r"At the root $\bar x$ of a game with $$\sum_{i=1}^n x_i = n \bar x$$", "assumption"),
        (r"With the mean $\bar x$ $$\sum_{i=1}^n x_i = n \bar x$$", "proved"),
        (r"At the root $\bar{x}$ of a game with $$\sum_{i=1}^n x_i = n \bar x$$", "assumption"),
        (r"At the root $\bar x$ of a game with $$\sum_{i=1}^n (x_i - \bar x) = 0$$", "unread"),
        (r"With the mean $\bar x$ $$\sum_{i=1}^n (x_i - \bar x) = 0$$", "proved"),
        (r"$$\bar x := x_1$$ $$\sum_{i=1}^n (x_i - \bar x) = 0$$", "assumption"),
        (r"$$\bar x = 2$$ $$\sum_{i=1}^n (x_i - \bar x) = 0$$", "unread"),
    ],
)  # fmt: skip
def test_a_bar_over_what_a_sum_runs_over_is_its_mean(text, verdict):
    report = check(text)
    assert report.lines[-1].verdict == verdict
    assert len(report.lines) == text.count("$$") // 2 + text.count(", $\\bar")


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        (r"\text{vec}(AB) = (I \otimes A)\text{vec}(B)", "proved"),
        (r"\text{vec}(AB) = (B^T \otimes I)\text{vec}(A)", "proved"),
        (r"\text{vec}(AB) = (B \otimes I)\text{vec}(A)", "unread"),
        (r"\text{vec}(AX + XB) = (I \otimes A + B^T \otimes I)\text{vec}(X)", "proved"),
        (r"\text{vec}(AX + XB) = (A \otimes I + I \otimes B^T)\text{vec}(X)", "fails"),
        (r"\text{vec}(AX - XB) = (I \otimes A + B^T \otimes I)\text{vec}(X)", "fails"),
        (r"\frac{\partial (Wa)}{\partial \text{vec}(W)} = a^T \otimes I", "proved"),
        (r"\frac{\partial (Wa)}{\partial \text{vec}(W)} = I \otimes a^T", "fails"),
    ],
)
def test_the_size_of_an_identity_in_a_kronecker_product_is_the_one_that_fits(line, verdict):
    assert check(f"${line}$").lines[-1].verdict == verdict


def test_a_bold_letter_is_no_number_for_the_sake_of_a_line_that_fits_with_numbers_only():
    lines = check(
        r"$\nabla_{\mathbf x} \mathbf x^T\mathbf x = 2\mathbf x$ $\nabla_{\mathbf x} \mathbf x\mathbf x = 2\mathbf x$"
    )
    assert [line.verdict for line in lines.lines] == ["proved", "unread"]
    assert check(r"$\nabla_{\mathbf x} \mathbf x^T\mathbf x = 2\mathbf x$").lines[0].verdict == "proved"


def test_letters_before_a_number_are_numbers_where_what_is_differentiated_is_one():
    text = r"$$E = \frac12 m v^T v + \frac12 k \|q - p\|^2$$ $$\frac{\partial E}{\partial q} = %s k (q-p)$$"
    assert [check(text % factor).lines[-1].verdict for factor in ("", "2")] == ["proved", "fails"]


def test_a_square_that_moves_is_no_constant():
    text = (
        r"$v = \frac1D \sum_{j=1}^D (x_j - \mu)^2$ $d\sigma^2 \cdot \frac{\partial v}{\partial \mu} = d\sigma^2 \cdot "
    )
    verdicts = [check(text + side).lines[-1].verdict for side in (r"\frac{-2}{D}\sum_{j=1}^D (x_j - \mu)$", "7 v$")]
    assert verdicts == ["proved", "fails"]


@pytest.mark.parametrize("sign", ["-", "+"])
def test_what_is_given_by_its_entries_refutes_nothing_before_it_is_put_in(sign):
    text = (
        r"$$\hat y_i = \hat b + \hat c x_i$$ $$e_i = y_i - \hat y_i = y_i - (\hat b + \hat c x_i)$$ "
        rf"$$S = \sum_{{i=1}}^n e_i^2 = \sum_{{i=1}}^n (y_i - \hat b {sign} \hat c x_i)^2$$ "
        r"with $\bar y = \frac1n \sum_{i=1}^n y_i$"
    )
    found = [line.verdict in ("proved", "agrees") for line in check(text).lines]
    assert found == [False, True, sign == "-", False]
