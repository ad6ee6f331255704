"""Right derivations as people hand them in, each with mistakes to plant: kind, what stands there, what is put.

Kinds of mistakes are those of `derive.checking.repairs`; a tuple says which names are as good.
"""

from __future__ import annotations

HOMEWORK = [
    (r"""
# Least squares
Let $X \in \mathbb{R}^{n \times d}$. The loss is
$$L = \|Xw - y\|^2$$
and its gradient
$$\nabla_w L = 2X^T(Xw - y)$$
""", [("transpose", "2X^T(", "2X("), ("factor", "2X^T(", "X^T("), ("sign", "2X^T(", "-2X^T(")]),
    (r"""
\section{Ridge}
\begin{align}
f(w) &= \frac12\|Xw - y\|^2 + \frac{\lambda}{2}\|w\|^2 \\
\nabla f(w) &= X^\top(Xw - y) + \lambda w
\end{align}
Setting this to zero gives $w = (X^\top X + \lambda I)^{-1}X^\top y$.
""", [("transpose", r"= X^\top(Xw", "= X(Xw"), ("sign", r"+ \lambda w", r"- \lambda w"),
      ("factor", r"+ \lambda w", r"+ 2\lambda w")]),
    (r"""
### Quadratic form
$$q = x^TAx + b^Tx$$
$$\frac{\partial q}{\partial x} = Ax + A^Tx + b$$
""", [("term", " + b$$\n", "$$\n"), (("path", "term", "factor"), "Ax + A^Tx + b", "Ax + b")]),
    (r"""
The network: $z = Wx + b$, $a = \sigma(z)$, and
$$L = \frac12\|a - y\|^2$$
$$\frac{\partial L}{\partial z} = (a - y) \odot a \odot (1 - a)$$
$$\frac{\partial L}{\partial W} = ((a - y) \odot a \odot (1 - a))x^T$$
""", [("inner derivative", r"\frac{\partial L}{\partial z} = (a - y) \odot a \odot (1 - a)",
       r"\frac{\partial L}{\partial z} = a - y"),
      ("sign", r"\frac{\partial L}{\partial z} = (a - y)", r"\frac{\partial L}{\partial z} = -(a - y)")]),
    (r"""
**Problem 1.** $f = \|Ax - b\|$. Then
$$\nabla_x f = \frac{A^T(Ax - b)}{\|Ax - b\|}$$
""", [(("norm", "factor"), r"}{\|Ax - b\|}", r"}{\|Ax - b\|^2}"), ("transpose", "{A^T(", "{A(")]),
    (r"""
Autoencoder with tied weights.
$$r = W^TWx - x, \qquad L = \frac12\|r\|^2$$
$$\nabla_W L = Wrx^T + Wxr^T$$
""", [("path", "Wrx^T + Wxr^T", "Wrx^T"), ("sign", "Wrx^T + Wxr^T", "Wrx^T - Wxr^T"),
      (("order", "transpose"), "+ Wxr^T", "+ Wrx^T")]),
    (r"""
$$\ell = \log\det S$$ for invertible $S$. We get
$$\nabla_S \ell = S^{-T}$$
""", [(("inverse transpose", "transpose"), "S^{-T}", "S^{-1}"), ("sign", "= S^{-T}", "= -S^{-T}")]),
    (r"""
$$f = \operatorname{tr}(AXB)$$
$$\nabla_X f = A^TB^T$$
""", [(("order", "transpose"), "A^TB^T", "B^TA^T"), (("transpose", "order"), "A^TB^T", "AB^T")]),
    (r"""
# Factorization
$$E = \|M - UV^T\|_F^2$$
$$\frac{\partial E}{\partial U} = -2(M - UV^T)V$$
$$\frac{\partial E}{\partial V} = -2(M - UV^T)^TU$$
""", [("transpose", "(M - UV^T)^TU", "(M - UV^T)U"), ("sign", "= -2(M - UV^T)V", "= 2(M - UV^T)V"),
      ("factor", "= -2(M - UV^T)V", "= -(M - UV^T)V")]),
    (r"""
Softmax: $p = \mathrm{softmax}(z)$ has the Jacobian
$$\frac{\partial p}{\partial z} = \operatorname{diag}(p) - pp^T$$
""", [("softmax", r"\operatorname{diag}(p) - pp^T", r"\operatorname{diag}(p)"), ("sign", "- pp^T", "+ pp^T")]),
    (r"""
Logistic regression,
$$L = -y^T\log\sigma(Xw) - (1 - y)^T\log(1 - \sigma(Xw))$$
$$\nabla_w L = X^T(\sigma(Xw) - y)$$
""", [("transpose", "= X^T(", "= X("), ("sign", r"X^T(\sigma(Xw) - y)", r"X^T(y - \sigma(Xw))"),
      ("factor", "= X^T(", "= 2X^T(")]),
    (r"""
$$f = \frac14\|XX^T - C\|_F^2$$ with $C$ symmetric.
$$\nabla_X f = (XX^T - C)X$$
""", [("factor", "= (XX^T - C)X", "= 2(XX^T - C)X"), ("order", "(XX^T - C)X", "X(XX^T - C)")]),
    (r"""
The Gaussian: let $\Sigma$ be a covariance matrix,
$$\ell = -\frac12(x - \mu)^T\Sigma^{-1}(x - \mu)$$
$$\frac{\partial \ell}{\partial \mu} = \Sigma^{-1}(x - \mu)$$
""", [("sign", r"= \Sigma^{-1}(x - \mu)", r"= -\Sigma^{-1}(x - \mu)"),
      ("factor", r"= \Sigma^{-1}(x - \mu)", r"= \frac12\Sigma^{-1}(x - \mu)")]),
    (r"""
Recurrent step: $h = \tanh(Wx + Uk)$ and $L = c^Th$.
$$\nabla_U L = (c \odot (1 - h \odot h))k^T$$
""", [("inner derivative", r"(c \odot (1 - h \odot h))k^T", "ck^T"),
      ("hadamard", r"(c \odot (1 - h \odot h))k^T", "c(1 - h \\odot h)k^T")]),
    (r"""
$$y = A(x \odot x)$$
$$\frac{\partial y}{\partial x} = 2A\operatorname{diag}(x)$$
""", [("diag", r"2A\operatorname{diag}(x)", "2Ax"), ("factor", r"2A\op", r"A\op")]),
    (r"""
Two layers: $h = \sigma(W_1x)$, $e = W_2h - y$, $J = \frac12\|e\|^2$.
$$\frac{\partial J}{\partial W_2} = eh^T$$
$$\frac{\partial J}{\partial h} = W_2^Te$$
""", [("transpose", "= W_2^Te", "= W_2e"), (("order", "transpose", "layout"), "= eh^T", "= he^T")]),
    (r"""
$$f = (a^Tx)^3$$
$$\nabla_x f = 3(a^Tx)^2a$$
""", [("factor", "3(a^Tx)^2a", "2(a^Tx)^2a"),
      (("power", "factor", "inner derivative", "unknown"), "(a^Tx)^2a", "(a^Tx)^3a")]),
    (r"""
Whitening. $$f = \operatorname{tr}(WSW^T)$$ where $S$ is symmetric.
$$\nabla_W f = 2WS$$
""", [("factor", "= 2WS", "= WS"), (("order", "transpose"), "= 2WS", "= 2SW")]),
    (r"""
Upstream gradient: let $y = Wx + b$. Then
$$\frac{\partial L}{\partial x} = W^T\frac{\partial L}{\partial y}$$
$$\frac{\partial L}{\partial W} = \frac{\partial L}{\partial y}x^T$$
""", [("transpose", r"= W^T\frac", r"= W\frac"), (("order", "transpose", "layout"), r"\frac{\partial L}{\partial y}x^T",
       r"x\left(\frac{\partial L}{\partial y}\right)^T")]),
    (r"""
Samples: $$L = \sum_{i=1}^n (w^Tx_i - y_i)^2$$
$$\nabla_w L = 2\sum_{i=1}^n (w^Tx_i - y_i)x_i$$
""", [("factor", "= 2\\sum", "= \\sum"), ("sign", "= 2\\sum", "= -2\\sum")]),
]  # fmt: skip
