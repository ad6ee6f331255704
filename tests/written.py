"""Formulas as people write them, with the shapes they have and their value in NumPy.

Each row: the text, the shapes of its symbols as `names` knows them, and an expression in
NumPy over them (`inv`, `det`, `tr`, `sig`, `softmax`, `logdet`, `sq`, `fro` as below).
Sizes are those of `SIZES`; a vector is one-dimensional.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.linalg

from derive.numeric import evaluate_public
from derive.reading import parse

SIZES = {"m": 3, "n": 4, "p": 2, "q": 5, "k": 6, "N": 5}

Row = tuple[str, dict[str, str], str]

LATEX: list[Row] = [
    # least squares and its kin
    (r"\frac{1}{2}\|Ax-b\|_2^2", {"A": "m n", "x": "n", "b": "m"}, "sq(A@x-b)/2"),
    (r"\dfrac12 \lVert \mathbf{A}\mathbf{x}-\mathbf{b} \rVert^2", {"A": "m n", "x": "n", "b": "m"}, "sq(A@x-b)/2"),
    (r"\left\| \mathbf{y} - \mathbf{X}\boldsymbol{\beta} \right\|_2^2", {"y": "m", "X": "m n", "β": "n"}, "sq(y-X@β)"),
    (r"(y-X\beta)^T(y-X\beta)", {"y": "m", "X": "m n", "β": "n"}, "sq(y-X@β)"),
    (
        r"\|y - X w\|_2^2 + \lambda \|w\|_2^2",
        {"y": "m", "X": "m n", "w": "n", "λ": ""},
        "sq(y-X@w)+λ*sq(w)",
    ),
    (r"\|y - X w\|_2^2 + \lambda \|w\|_1", {"y": "m", "X": "m n", "w": "n", "λ": ""}, "sq(y-X@w)+λ*np.abs(w).sum()"),
    (
        r"\frac{1}{2n} \Vert X\theta - y\Vert_2^2",
        {"X": "n m", "θ": "m", "y": "n"},
        "sq(X@θ-y)/(2*n)",
    ),
    (r"\tfrac{1}{2} x^\top Q x + c^\top x", {"x": "n", "Q": "n n", "c": "n"}, "x@Q@x/2+c@x"),
    (r"\frac12 \mathbf{x}^{\mathsf T} \mathbf{Q} \mathbf{x} - \mathbf{b}^{\mathsf T}\mathbf{x}",
     {"x": "n", "Q": "n n", "b": "n"}, "x@Q@x/2-b@x"),
    (r"\mathbf{x}^{\intercal}\mathbf{A}\mathbf{x}", {"x": "n", "A": "n n"}, "x@A@x"),
    (r"x^{\!\top\!} A x", {"x": "n", "A": "n n"}, "x@A@x"),
    (r"x^{\mathrm{T}}Ax + b^{\mathrm T}x + c", {"x": "n", "A": "n n", "b": "n", "c": ""}, "x@A@x+b@x+c"),
    (r"\boldsymbol{a}^T\boldsymbol{X}\boldsymbol{b}", {"a": "m", "X": "m n", "b": "n"}, "a@X@b"),
    (r"\mathbf{a^TXb}", {"a": "m", "X": "m n", "b": "n"}, "a@X@b"),
    (r"\boldsymbol{aa}^T", {"a": "n"}, "np.outer(a,a)"),
    (r"\bm{A}\bm{x}", {"A": "m n", "x": "n"}, "A@x"),
    (r"\vec{w}^T \vec{x} + b", {"w": "n", "x": "n", "b": ""}, "w@x+b"),
    (r"(\mathbf{x}-\boldsymbol{\mu})^\top\boldsymbol{\Sigma}^{-1}(\mathbf{x}-\boldsymbol{\mu})",
     {"x": "n", "μ": "n", "Σ": "n n"}, "(x-μ)@inv(Σ)@(x-μ)"),
    (r"-\frac{1}{2}\ln|\Sigma| - \frac{1}{2}(x-\mu)^T\Sigma^{-1}(x-\mu)",
     {"x": "n", "μ": "n", "Σ": "n n"}, "-logdet(Σ)/2-(x-μ)@inv(Σ)@(x-μ)/2"),
    (r"-\tfrac12 \log\det\Sigma", {"Σ": "n n"}, "-logdet(Σ)/2"),
    (r"\log \left| \mathbf{\Lambda} \right|", {"Λ": "n n"}, "logdet(Λ)"),
    (r"\frac{1}{2}\log\det(2\pi\Sigma)", {"Σ": "n n"}, "logdet(2*np.pi*Σ)/2"),
    (r"\exp\left\{-\frac{1}{2}(x-\mu)^T\Sigma^{-1}(x-\mu)\right\}",
     {"x": "n", "μ": "n", "Σ": "n n"}, "np.exp(-(x-μ)@inv(Σ)@(x-μ)/2)"),
    (r"e^{-\frac{\|x-y\|^2}{2\sigma^2}}", {"x": "n", "y": "n", "σ": ""}, "np.exp(-sq(x-y)/(2*σ**2))"),
    (r"\exp\left(-\gamma \lVert x - y \rVert^2\right)", {"x": "n", "y": "n", "γ": ""}, "np.exp(-γ*sq(x-y))"),
    (r"\sqrt{x^T x}", {"x": "n"}, "np.sqrt(x@x)"),
    (r"\sqrt{(x-y)^\top S^{-1} (x-y)}", {"x": "n", "y": "n", "S": "n n"}, "np.sqrt((x-y)@inv(S)@(x-y))"),
    (r"\frac{x^T A x}{x^T x}", {"x": "n", "A": "n n"}, "x@A@x/(x@x)"),
    (r"\frac{\mathbf{w}^\top S_B \mathbf{w}}{\mathbf{w}^\top S_W \mathbf{w}}",
     {"w": "n", "S_B": "n n", "S_W": "n n"}, "w@S_B@w/(w@S_W@w)"),
    (r"\frac{a^T b}{\|a\|\|b\|}", {"a": "n", "b": "n"}, "a@b/np.sqrt(sq(a)*sq(b))"),
    (r"\frac{x}{\|x\|_2}", {"x": "n"}, "x/np.sqrt(sq(x))"),
    # traces and determinants
    (r"\operatorname{tr}(AXB)", {"A": "m n", "X": "n p", "B": "p m"}, "tr(A@X@B)"),
    (r"\mathrm{tr}\left(X^TX\right)", {"X": "m n"}, "tr(X.T@X)"),
    (r"\text{tr}(A B)", {"A": "m n", "B": "n m"}, "tr(A@B)"),
    (r"\text{ tr }(AX^\top)", {"A": "m n", "X": "m n"}, "tr(A@X.T)"),
    (r"\mbox{tr}(X^T A X)", {"X": "n m", "A": "n n"}, "tr(X.T@A@X)"),
    (r"\mathrm{Tr}\,A^{-1}B", {"A": "n n", "B": "n n"}, "tr(inv(A)@B)"),
    (r"{\rm tr}(AB)", {"A": "m n", "B": "n m"}, "tr(A@B)"),
    (r"{\rm Tr}\left[ A X \right]", {"A": "m n", "X": "n m"}, "tr(A@X)"),
    (r"\tr(A^T X)", {"A": "m n", "X": "m n"}, "tr(A.T@X)"),
    (r"\Tr{(A^T A)}", {"A": "m n"}, "tr(A.T@A)"),
    (r"trace(X X')", {"X": "m n"}, "tr(X@X.T)"),
    (r"\mathrm{trace}\big(X^\top (L + \alpha I) X\big)", {"X": "n m", "L": "n n", "α": ""},
     "tr(X.T@(L+α*np.eye(n))@X)"),
    (r"\det(A)", {"A": "n n"}, "det(A)"),
    (r"\det A B", {"A": "m n", "B": "n m"}, "det(A@B)"),
    (r"|A|", {"A": "n n"}, "det(A)"),
    (r"|\mathbf{X}^T\mathbf{X}|", {"X": "m p"}, "det(X.T@X)"),
    (r"\left|A\right|\left|B\right|", {"A": "n n", "B": "m m"}, "det(A)*det(B)"),
    (r"\vert A \vert^2", {"A": "n n"}, "det(A)**2"),
    (r"\ln \det \left( A + X B X^T \right)", {"A": "n n", "X": "n m", "B": "m m"}, "logdet(A+X@B@X.T)"),
    (r"\log\det(I + X^\top X)", {"X": "m n"}, "logdet(np.eye(n)+X.T@X)"),
    (r"ln|X|", {"X": "n n"}, "logdet(X)"),
    (r"-\log\det X + \operatorname{tr}(SX)", {"X": "n n", "S": "n n"}, "-logdet(X)+tr(S@X)"),
    (r"\mathrm{adj}(A)", {"A": "n n"}, "det(A)*inv(A)"),
    # norms
    (r"\|X\|_F", {"X": "m n"}, "fro(X)"),
    (r"\left\Vert UV^T - M \right\Vert_F^2", {"U": "m p", "V": "n p", "M": "m n"}, "sq(U@V.T-M)"),
    (r"||A X - B||^2_F", {"A": "m n", "X": "n p", "B": "m p"}, "sq(A@X-B)"),
    (r"\| X - WH \|_{\mathrm{F}}^{2}", {"X": "m n", "W": "m p", "H": "p n"}, "sq(X-W@H)"),
    (r"\| X - WH \|_{F}^{2}", {"X": "m n", "W": "m p", "H": "p n"}, "sq(X-W@H)"),
    (r"\vert\vert x \vert\vert^2", {"x": "n"}, "sq(x)"),
    (r"\lvert\lvert x \rvert\rvert_2^2", {"x": "n"}, "sq(x)"),
    (r"\|x\|_{2}^{2}", {"x": "n"}, "sq(x)"),
    (r"\|x\|^{2}", {"x": "n"}, "sq(x)"),
    (r"\norm{Ax - b}^2", {"A": "m n", "x": "n", "b": "m"}, "sq(A@x-b)"),
    (r"\norm{x}_2^2", {"x": "n"}, "sq(x)"),
    (r"\|X\|_{*}", {"X": "m n"}, "np.linalg.svd(X)[1].sum()"),
    (r"\|X\|_{op}", {"X": "m n"}, "np.linalg.svd(X)[1][0]"),
    (r"\|M \odot (A - UV^\top)\|_F^2", {"M": "m n", "A": "m n", "U": "m p", "V": "n p"}, "sq(M*(A-U@V.T))"),
    (r"\frac{1}{4}\|A - U U^\top\|_F^2", {"A": "n n", "U": "n p"}, "sq(A-U@U.T)/4"),
    # autoencoders and layers
    (r"\frac{1}{2}\Vert \mathbf{W}^T\mathbf{Wx} - \mathbf{x}\Vert_2 ^2", {"W": "m n", "x": "n"}, "sq(W.T@W@x-x)/2"),
    (r"\mathcal{L} = \tfrac12\|W^\top W x - x\|^2", {"W": "m n", "x": "n"}, "sq(W.T@W@x-x)/2"),
    (r"\mathcal{L}(W) = \frac12 \| W_2 \sigma(W_1 x + b_1) + b_2 - y \|^2",
     {"W_2": "p m", "W_1": "m n", "x": "n", "b_1": "m", "b_2": "p", "y": "p"}, "sq(W_2@sig(W_1@x+b_1)+b_2-y)/2"),
    (r"\| W^{(2)} W^{(1)} x - y \|^2", {"W_2": "p m", "W_1": "m n", "x": "n", "y": "p"}, "sq(W_2@W_1@x-y)"),
    (r"\sigma(\mathbf{W}\mathbf{x}+\mathbf{b})", {"W": "m n", "x": "n", "b": "m"}, "sig(W@x+b)"),
    (r"\tanh(Wx + Uh + b)", {"W": "m n", "x": "n", "U": "m p", "h": "p", "b": "m"}, "np.tanh(W@x+U@h+b)"),
    (r"\mathrm{softmax}(W x + b)", {"W": "m n", "x": "n", "b": "m"}, "softmax(W@x+b)"),
    (r"\operatorname{ReLU}(Wx)", {"W": "m n", "x": "n"}, "np.maximum(W@x,0)"),
    (r"\max(0, Wx + b)", {"W": "m n", "x": "n", "b": "m"}, "np.maximum(W@x+b,0)"),
    (r"-\mathbf{y}^\top \log \mathrm{softmax}(W\mathbf{x})", {"y": "m", "W": "m n", "x": "n"},
     "-y@np.log(softmax(W@x))"),
    (r"\frac{1}{2m}\|AX + \boldsymbol{b1}_m^T - Y\|_F^2", {"A": "p n", "X": "n m", "b": "p", "Y": "p m"},
     "sq(A@X+np.outer(b,np.ones(m))-Y)/(2*m)"),
    (r"\mathbf{1}^\top \exp(A x)", {"A": "m n", "x": "n"}, "np.exp(A@x).sum()"),
    (r"\log \mathbf{1}^T e^{Ax}", {"A": "m n", "x": "n"}, "np.log(np.exp(A@x).sum())"),
    (r"\mathbb{1}^T x", {"x": "n"}, "x.sum()"),
    (r"(I_n - \frac{1}{n}\mathbf{1}_n\mathbf{1}_n^\top) x", {"x": "n"}, "x-x.mean()"),
    (r"x^\top (I - P) x", {"x": "n", "P": "n n"}, "x@(np.eye(n)-P)@x"),
    # elementwise
    (r"x \circ y", {"x": "n", "y": "n"}, "x*y"),
    (r"A \odot B \odot C", {"A": "m n", "B": "m n", "C": "m n"}, "A*B*C"),
    (r"x \oslash y", {"x": "n", "y": "n"}, "x/y"),
    (r"A \otimes B", {"A": "m n", "B": "p q"}, "np.kron(A,B)"),
    (r"x^{\odot 2}", {"x": "n"}, "x**2"),
    (r"x^{\circ 2}", {"x": "n"}, "x**2"),
    (r"A(x \dotstar x)", {"A": "m n", "x": "n"}, "A@(x*x)"),
    (r"\operatorname{diag}(x) A", {"x": "n", "A": "n m"}, "np.diag(x)@A"),
    (r"X^T \diag(w) X", {"X": "n m", "w": "n"}, "X.T@np.diag(w)@X"),
    (r"\mathrm{vec}(X)^\top \mathrm{vec}(Y)", {"X": "m n", "Y": "m n"}, "(X*Y).sum()"),
    (r"\operatorname{vec}(AXB)", {"A": "m n", "X": "n p", "B": "p q"}, "(A@X@B).T.reshape(-1)"),
    (r"(B^T \otimes A)\,\mathrm{vec}(X)", {"B": "p q", "A": "m n", "X": "n p"}, "np.kron(B.T,A)@X.T.reshape(-1)"),
    (r"\langle A, B \rangle", {"A": "m n", "B": "m n"}, "(A*B).sum()"),
    (r"\left\langle x, A y \right\rangle", {"x": "m", "A": "m n", "y": "n"}, "x@A@y"),
    (r"A : B", {"A": "m n", "B": "m n"}, "(A*B).sum()"),
    (r"\ln(1 + e^{-y\,w^\top x})", {"y": "", "w": "n", "x": "n"}, "np.log(1+np.exp(-y*(w@x)))"),
    (r"\frac{1}{1+e^{-w^Tx}}", {"w": "n", "x": "n"}, "1/(1+np.exp(-w@x))"),
    (r"\log_2(x^T x)", {"x": "n"}, "np.log2(x@x)"),
    (r"\sin^2(a) + \cos^2(a)", {"a": ""}, "1.0+0*a"),
    (r"\hat{y}^\top \hat{y}", {"y_hat": "n"}, "y_hat@y_hat"),
    (r"(\hat{\mathbf{y}} - \mathbf{y})^T(\hat{\mathbf{y}} - \mathbf{y})", {"y_hat": "n", "y": "n"}, "sq(y_hat-y)"),
    (r"\tilde{W}^\top \bar{x}", {"W_tilde": "m n", "x_bar": "m"}, "W_tilde.T@x_bar"),
    (r"{\boldsymbol{x}}^T {\boldsymbol{y}}", {"x": "n", "y": "n"}, "x@y"),
    (r"A^{-T} B", {"A": "n n", "B": "n m"}, "inv(A).T@B"),
    (r"(A^{-1})^\top", {"A": "n n"}, "inv(A).T"),
    (r"X^{3}", {"X": "n n"}, "X@X@X"),
    (r"(X^\top X + \lambda I)^{-1} X^\top y", {"X": "m n", "λ": "", "y": "m"},
     "inv(X.T@X+λ*np.eye(n))@X.T@y"),
    (r"x_1^\top x_2", {"x_1": "n", "x_2": "n"}, "x_1@x_2"),
    (r"W_{\text{enc}} x", {"W_enc": "m n", "x": "n"}, "W_enc@x"),
    (r"W_{ij} x", {"W_ij": "m n", "x": "n"}, "W_ij@x"),
    (r"\bx^\top \mathbf{M} \by", {"x": "m", "M": "m n", "y": "n"}, "x@M@y"),
    # dressed
    (r"$$\|Ax\|^2$$", {"A": "m n", "x": "n"}, "sq(A@x)"),
    (r"\[ f(x) = \frac{1}{2} x^T A x \]", {"x": "n", "A": "n n"}, "x@A@x/2"),
    (r"\begin{equation} J(\theta) = \|X\theta - y\|^2 \label{eq:j} \end{equation}", {"X": "m n", "θ": "n", "y": "m"},
     "sq(X@θ-y)"),
    (r"\begin{align} L &= \|Wx - y\|^2 \\ &\quad + \lambda \|W\|_F^2 \end{align}",
     {"W": "m n", "x": "n", "y": "m", "λ": ""}, "sq(W@x-y)+λ*sq(W)"),
    (r"f(X) = \operatorname{tr}\bigl(X^\top A X\bigr).", {"X": "n m", "A": "n n"}, "tr(X.T@A@X)"),
    (r"\displaystyle \frac{1}{2}\, x^{T}\!A\,x\,,", {"x": "n", "A": "n n"}, "x@A@x/2"),
    (r"\boxed{\|x\|^2}", {"x": "n"}, "sq(x)"),
    (r"r = Ax - b, \quad f = r^\top r", {"A": "m n", "x": "n", "b": "m"}, "sq(A@x-b)"),
    (r"f = r^\top r \quad \text{where } r = Ax - b", {"A": "m n", "x": "n", "b": "m"}, "sq(A@x-b)"),
    (r"z = W x + b; \ a = \sigma(z); \ L = \|a - y\|^2", {"W": "m n", "x": "n", "b": "m", "y": "m"},
     "sq(sig(W@x+b)-y)"),
    # sums over an index
    (r"\sum_{i=1}^n (y_i - w^\top x_i)^2", {"y": "n", "w": "m", "X": "n m"}, "sq(y-X@w)"),
    (r"\frac{1}{n}\sum_{i=1}^{n}\left(y_i-\mathbf{w}^T\mathbf{x}_i\right)^2 + \lambda\|\mathbf{w}\|^2",
     {"y": "n", "w": "m", "X": "n m", "λ": ""}, "sq(y-X@w)/n+λ*sq(w)"),
    (r"\sum_{i=1}^n \log(1 + \exp(-y_i w^T x_i))", {"y": "n", "w": "m", "X": "n m"},
     "np.log(1+np.exp(-y*(X@w))).sum()"),
    (r"-\sum_i \left[ y_i \log \sigma(w^T x_i) + (1-y_i)\log(1-\sigma(w^T x_i)) \right]",
     {"y": "n", "w": "m", "X": "n m"}, "-(y*np.log(sig(X@w))+(1-y)*np.log(1-sig(X@w))).sum()"),
    (r"\sum_{i=1}^{n} x_i x_i^\top", {"X": "n m"}, "X.T@X"),
    (r"\sum_{i=1}^{n} (x_i - \mu)(x_i - \mu)^\top", {"X": "n m", "μ": "m"}, "(X-μ).T@(X-μ)"),
    (r"\sum_i \|x_i - W^\top W x_i\|_2^2", {"X": "m n", "W": "p n"}, "sq(X-X@W.T@W)"),
    (r"\sum_{n=1}^N (x_n-\mu)^T\Sigma^{-1}(x_n-\mu)", {"X": "N m", "μ": "m", "Σ": "m m"},
     "(((X-μ)@inv(Σ))*(X-μ)).sum()"),
    (r"\sum_{i} \max(0, 1 - y_i w^\top x_i)", {"y": "n", "w": "m", "X": "n m"}, "np.maximum(0,1-y*(X@w)).sum()"),
    (r"\sum_{i,j} (M_{ij} - u_i^\top v_j)^2", {"M": "m n", "U": "m p", "V": "n p"}, "sq(M-U@V.T)"),
    (r"\sum_{i=1}^m \sum_{j=1}^n A_{ij} X_{ij}", {"A": "m n", "X": "m n"}, "(A*X).sum()"),
    (r"\sum_{k=1}^n z_k^2", {"z": "n"}, "sq(z)"),
    (r"\sum_j y_j \log p_j", {"y": "n", "p": "n"}, "y@np.log(p)"),
    (r"\sum_{i=1}^n \alpha_i x_i x_i^T", {"α": "n", "X": "n m"}, "X.T@np.diag(α)@X"),
    (r"\log \sum_i e^{x_i}", {"x": "n"}, "np.log(np.exp(x).sum())"),
    # more of the same
    (r"{\left\| A - X \right\|}_F^2", {"A": "m n", "X": "m n"}, "sq(A-X)"),
    (r"L(W) = \sum_{i=1}^N \lVert y_i - W x_i \rVert^2", {"Y": "N m", "W": "m n", "X": "N n"}, "sq(Y-X@W.T)"),
    (r"\frac{1}{2}\sum_{n=1}^N (t_n - w^T\phi_n)^2", {"t": "N", "w": "m", "Φ": "N m"}, "sq(t-Φ@w)/2"),
    (r"\sum_{i=1}^n \frac{(x_i - \mu)^2}{2\sigma^2}", {"x": "n", "μ": "", "σ": ""}, "sq(x-μ)/(2*σ**2)"),
    (r"\sqrt{\sum_i x_i^2}", {"x": "n"}, "np.sqrt(sq(x))"),
    (r"\min_x \|Ax-b\|_2^2 + \lambda\|x\|_1", {"A": "m n", "x": "n", "b": "m", "λ": ""}, "sq(A@x-b)+λ*abs(x).sum()"),
    (r"\arg\min_{W} \|W\|_F^2", {"W": "m n"}, "sq(W)"),
    (r"\tanh\left(W^{(l)}a^{(l-1)}+b^{(l)}\right)", {"W_l": "m n", "a_l-1": "n", "b_l": "m"},
     "np.tanh(v['W_l']@v['a_l-1']+v['b_l'])"),
    (r"\left<x, y\right>", {"x": "n", "y": "n"}, "x@y"),
    (r"\ell(\beta)=y^TX\beta-\mathbf{1}^T\log(1+e^{X\beta})", {"y": "m", "X": "m n", "β": "n"},
     "y@X@β-np.log(1+np.exp(X@β)).sum()"),
    (r"h \odot (1 - h)", {"h": "n"}, "h*(1-h)"),
    (r"(A x + b)^T (D x + e)", {"A": "m n", "x": "n", "b": "m", "D": "m n", "e": "m"}, "(A@x+b)@(D@x+e)"),
    (r"\mathbf{e}'\mathbf{e}", {"e": "n"}, "e@e"),
    (r"\langle X,Y\rangle_F", {"X": "m n", "Y": "m n"}, "(X*Y).sum()"),
    (r"x^TAx - \lambda(x^Tx-1)", {"x": "n", "A": "n n", "λ": ""}, "x@A@x-λ*(x@x-1)"),
    (r"y'y - 2\beta'X'y + \beta'X'X\beta", {"y": "m", "β": "n", "X": "m n"}, "y@y-2*β@X.T@y+β@X.T@X@β"),
    (r"-X^{-T}A^TX^{-T}", {"X": "n n", "A": "n n"}, "-inv(X).T@A.T@inv(X).T"),
    (r"A^{-1}-A^{-1}U(C^{-1}+VA^{-1}U)^{-1}VA^{-1}", {"A": "m m", "U": "m n", "C": "n n", "V": "n m"},
     "inv(A+U@C@V)"),
    (r"|X|\,X^{-T}", {"X": "n n"}, "det(X)*inv(X).T"),
    (r"\frac{2}{m}X^T(Xw-y)", {"X": "m n", "w": "n", "y": "m"}, "2*X.T@(X@w-y)/m"),
    (r"\frac{1}{(2\pi)^{3/2}|\Sigma|^{1/2}} e^{-\frac{1}{2}(x-\mu)^T\Sigma^{-1}(x-\mu)}",
     {"Σ": "n n", "x": "n", "μ": "n"}, "(2*np.pi)**-1.5*det(Σ)**-0.5*np.exp(-(x-μ)@inv(Σ)@(x-μ)/2)"),
    (r"\sqrt[3]{x^Tx}", {"x": "n"}, "(x@x)**(1/3)"),
    (r"{\bf w}^{T}{\bf x}+w_0", {"w": "n", "x": "n", "w_0": ""}, "w@x+w_0"),
    (r"(w\cdot x - y)^2", {"w": "n", "x": "n", "y": ""}, "(w@x-y)**2"),
    (r"\mathrm{sech}(a)", {"a": ""}, "1/np.cosh(a)"),
]  # fmt: skip

PLAIN: list[Row] = [
    ("½‖WᵀWx − x‖²", {"W": "m n", "x": "n"}, "sq(W.T@W@x-x)/2"),
    ("1/2*norm2(W'*W*x - x)^2", {"W": "m n", "x": "n"}, "sq(W.T@W@x-x)/2"),
    ("0.5 * norm(W.T @ W @ x - x)**2", {"W": "m n", "x": "n"}, "sq(W.T@W@x-x)/2"),
    ("½‖WᵀWX − X‖_F²", {"W": "m n", "X": "n p"}, "sq(W.T@W@X-X)/2"),
    ("½‖DEx − x‖²", {"D": "m n", "E": "n m", "x": "m"}, "sq(D@E@x-x)/2"),
    ("½‖W₁ᵀW₂ᵀW₂W₁x − x‖²", {"W_1": "m n", "W_2": "p m", "x": "n"}, "sq(W_1.T@W_2.T@W_2@W_1@x-x)/2"),
    ("½‖Wᵀ tanh(Wx + b) − x‖²", {"W": "m n", "x": "n", "b": "m"}, "sq(W.T@np.tanh(W@x+b)-x)/2"),
    ("tr((WᵀW − I)²)", {"W": "m n"}, "tr((W.T@W-np.eye(n))@(W.T@W-np.eye(n)))"),
    ("aᵀXb", {"a": "m", "X": "m n", "b": "n"}, "a@X@b"),
    ("xᵀAx / xᵀx", {"x": "n", "A": "n n"}, "x@A@x/(x@x)"),
    ("(xᵀAx) / (xᵀx)", {"x": "n", "A": "n n"}, "x@A@x/(x@x)"),
    ("‖x‖₁ + λ‖x‖₂²", {"x": "n", "λ": ""}, "np.abs(x).sum()+λ*sq(x)"),
    ("‖A‖₂", {"A": "m n"}, "fro(A)"),
    ("−log|X| + tr(SX)", {"X": "n n", "S": "n n"}, "-logdet(X)+tr(S@X)"),
    ("√(xᵀx + 1)", {"x": "n"}, "np.sqrt(x@x+1)"),
    ("‖y − Xβ‖² + λ‖β‖²", {"y": "m", "X": "m n", "β": "n", "λ": ""}, "sq(y-X@β)+λ*sq(β)"),
    ("∑ᵢ (yᵢ − wᵀxᵢ)²", {"y": "m", "w": "n", "X": "m n"}, "sq(y-X@w)"),
    ("xᵀ(A + Aᵀ)x", {"x": "n", "A": "n n"}, "x@(A+A.T)@x"),
    ("A⁻¹b", {"A": "n n", "b": "n"}, "inv(A)@b"),
    ("A⁻ᵀ B²", {"A": "n n", "B": "n n"}, "inv(A).T@B@B"),
    ("x ⊙ y ⊙ z", {"x": "n", "y": "n", "z": "n"}, "x*y*z"),
    ("x ∘ (A y)", {"x": "m", "A": "m n", "y": "n"}, "x*(A@y)"),
    ("𝟏ᵀx", {"x": "n"}, "x.sum()"),
    ("𝐱ᵀ𝐀𝐱", {"x": "n", "A": "n n"}, "x@A@x"),
    ("ŷᵀŷ", {"y_hat": "n"}, "y_hat@y_hat"),
    ("x̂ᵀx̂", {"x_hat": "n"}, "x_hat@x_hat"),
    ("⟨A, B⟩ + ‖A‖_*", {"A": "m n", "B": "m n"}, "(A*B).sum()+np.linalg.svd(A)[1].sum()"),
    ("(A ⊗ B) vec(X)", {"A": "m n", "B": "p q", "X": "q n"}, "np.kron(A,B)@X.T.reshape(-1)"),
    ("a'*X*b", {"a": "m", "X": "m n", "b": "n"}, "a@X@b"),
    ("norm2(A*x - b)^2 + lambda*norm1(x)", {"A": "m n", "x": "n", "b": "m", "λ": ""},
     "sq(A@x-b)+λ*np.abs(x).sum()"),
    ("sum(log(vector(1) + exp(-(y.*(X*w)))))", {"y": "m", "X": "m n", "w": "n"}, "np.log(1+np.exp(-y*(X@w))).sum()"),
    ("tr(inv(A)*B)", {"A": "n n", "B": "n n"}, "tr(inv(A)@B)"),
    ("logdet(eye + X'*X)", {"X": "m n"}, "logdet(np.eye(n)+X.T@X)"),
    ("x'*diag(w)*x", {"x": "n", "w": "n"}, "x@np.diag(w)@x"),
    ("sum(diag(X))", {"X": "n n"}, "tr(X)"),
    ("y .* X*w", {"y": "m", "X": "m n", "w": "n"}, "y*(X@w)"),
    ("exp(x)./(vector(1) + x.^2)", {"x": "n"}, "np.exp(x)/(1+x**2)"),
    ("-x'*A*x/2", {"x": "n", "A": "n n"}, "-x@A@x/2"),
    ("2*x'x", {"x": "n"}, "2*x@x"),
    ("sqrt(x'*x)", {"x": "n"}, "np.sqrt(x@x)"),
    ("(x - mu)'*inv(Sigma)*(x - mu)", {"x": "n", "μ": "n", "Σ": "n n"}, "(x-μ)@inv(Σ)@(x-μ)"),
    ("lam*x'*x", {"λ": "", "x": "n"}, "λ*x@x"),
    ("x'Ax + b'x + c", {"x": "n", "A": "n n", "b": "n", "c": ""}, "x@A@x+b@x+c"),
    ("np.sum((X @ w - y)**2)", {"X": "m n", "w": "n", "y": "m"}, "sq(X@w-y)"),
    ("np.linalg.norm(X @ w - y)**2", {"X": "m n", "w": "n", "y": "m"}, "sq(X@w-y)"),
    ("np.trace(A.T @ B)", {"A": "m n", "B": "m n"}, "tr(A.T@B)"),
    ("np.log(np.linalg.det(A))", {"A": "n n"}, "logdet(A)"),
    ("np.linalg.inv(A) @ b", {"A": "n n", "b": "n"}, "inv(A)@b"),
    ("x.T @ A @ x", {"x": "n", "A": "n n"}, "x@A@x"),
    ("X.T.dot(y)", {"X": "m n", "y": "m"}, "X.T@y"),
    ("np.dot(w, x) + b", {"w": "n", "x": "n", "b": ""}, "w@x+b"),
    ("(W @ x).sum()", {"W": "m n", "x": "n"}, "(W@x).sum()"),
    ("mean(x)", {"x": "n"}, "x.mean()"),
    ("kron(A, B)", {"A": "m n", "B": "p q"}, "np.kron(A,B)"),
    ("dot(a, b)", {"a": "n", "b": "n"}, "a@b"),
    ("np.maximum(0, W @ x)", {"W": "m n", "x": "n"}, "np.maximum(W@x,0)"),
    ("softmax(W*x + b)", {"W": "m n", "x": "n", "b": "m"}, "softmax(W@x+b)"),
    ("r = WᵀWx − x; L = ½‖r‖²", {"W": "m n", "x": "n"}, "sq(W.T@W@x-x)/2"),
    ("½‖r‖² where r = WᵀWx − x", {"W": "m n", "x": "n"}, "sq(W.T@W@x-x)/2"),
    ("z = Wx + b\na = tanh(z)\n‖a − y‖²", {"W": "m n", "x": "n", "b": "m", "y": "m"}, "sq(np.tanh(W@x+b)-y)"),
    ("[A B; C D] [x; y]", {"A": "m n", "B": "m p", "C": "q n", "D": "q p", "x": "n", "y": "p"},
     "np.concatenate([A@x+B@y,C@x+D@y])"),
    ("predictions' * labels", {"predictions": "n", "labels": "n"}, "predictions@labels"),
    ("norm(data*weights - labels)^2", {"data": "", "weights": "n", "labels": "n"}, "sq(data*weights-labels)"),
    ("W_enc x + b_enc", {"W_enc": "m n", "x": "n", "b_enc": "m"}, "W_enc@x+b_enc"),
    ("W1*relu(W2*x)", {"W_1": "m n", "W_2": "n p", "x": "p"}, "W_1@np.maximum(W_2@x,0)"),
    ("‖Wᵀ W x − x‖² ⁄ 2", {"W": "m n", "x": "n"}, "sq(W.T@W@x-x)/2"),
    ("A·x", {"A": "m n", "x": "n"}, "A@x"),
    ("x·y", {"x": "n", "y": "n"}, "x@y"),
    ("1/m*norm2(X*w - y)^2", {"X": "m n", "w": "n", "y": "m"}, "sq(X@w-y)/m"),
    ("I − 2 u uᵀ / (uᵀu)", {"u": "n"}, "np.eye(n)-2*np.outer(u,u)/(u@u)"),
    ("erf(Wx)", {"W": "m n", "x": "n"}, "erf(W@x)"),
    ("logsumexp(Ax)", {"A": "m n", "x": "n"}, "np.log(np.exp(A@x).sum())"),
    ("abs(x)ᵀ sign(y)", {"x": "n", "y": "n"}, "np.abs(x)@np.sign(y)"),
    ("tril(A) x", {"A": "n n", "x": "n"}, "np.tril(A)@x"),
    ("expm(A) x", {"A": "n n", "x": "n"}, "expm(A)@x"),
    ("‖（Ax − b）‖²", {"A": "m n", "x": "n", "b": "m"}, "sq(A@x-b)"),
]  # fmt: skip


def values_of(shapes: dict[str, str], seed: int = 0) -> dict[str, Any]:
    """Random values: square matrices positive definite, scalars between ½ and 1."""
    generator = np.random.default_rng(seed)
    values: dict[str, Any] = {}
    for name, shape in shapes.items():
        sizes = [SIZES[d] for d in shape.split()]
        if not sizes:
            values[name] = generator.uniform(0.5, 1)
            continue
        value = generator.normal(size=sizes) / 2
        if len(sizes) == 2 and len(set(shape.split())) == 1:
            value = value @ value.T + np.eye(sizes[0])
        values[name] = np.abs(value) + 0.1 if name == "p" else value
    return values


def in_numpy(code: str, values: dict[str, Any]) -> Any:
    """The value of a row's NumPy expression."""
    known = {
        "np": np,
        "inv": np.linalg.inv,
        "det": np.linalg.det,
        "tr": np.trace,
        "logdet": lambda a: np.log(abs(np.linalg.det(a))),
        "sig": lambda z: 1 / (1 + np.exp(-z)),
        "softmax": lambda z: np.exp(z) / np.exp(z).sum(),
        "sq": lambda a: (a**2).sum(),
        "fro": lambda a: np.sqrt((a**2).sum()),
        "erf": np.vectorize(math.erf),
        "expm": scipy.linalg.expm,
    }
    return eval(code, known | SIZES | values | {"v": values})  # the rows of this module only


def agrees(text: str, shapes: dict[str, str], code: str) -> None:
    """Assert that a formula has the symbols and the value that its row says."""
    parsed = parse(text)
    assert set(parsed.symbols) == set(shapes)
    values = values_of(shapes)
    got, wanted = np.asarray(evaluate_public(parsed.expr, values)), np.asarray(in_numpy(code, values))
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-12)
