"""Passages as notes, answers and papers set them: what a line claims is judged, and what it only says is not."""

import pytest

from derive import check


def verdicts(text):
    return [line.verdict for line in check(text).lines]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # a mean of the entries is no best vector, and what it is besides is a claim
        (r"Let $z \in \mathbb{R}^n$, $\bar z = \frac1n \sum_i z_i$. Then $\bar z = \frac1n 1^T z$ and"
         r" $$\frac{\partial}{\partial z} \sum_i (z_i - \bar z)^2 = 2 (z - \bar z 1)$$",
         ["definition", "proved", "proved"]),
        (r"Let $z \in \mathbb{R}^n$, $\bar z = \frac1n \sum_i z_i$. Then $\bar z = \frac2n 1^T z$ and"
         r" $$\frac{\partial}{\partial z} \sum_i (z_i - \bar z)^2 = 2 z - \bar z 1$$",
         ["definition", "fails", "fails"]),
        # a Lagrangian that is written again, other indices in its sums: it is the same one, where it is stationary
        (r"$$\mathcal L = \frac12 v^T v - \sum_i a_i (c_i v^T z_i - 1)$$ $$\nabla_v \mathcal L = 0 \implies"
         r" v = \sum_i a_i c_i z_i$$ so $$\mathcal L = \sum_i a_i - \frac12 \sum_{i,j} a_i a_j c_i c_j z_i^T z_j$$",
         ["definition", "assumption", "assumption", "conditional"]),
        (r"$$\mathcal L = \frac12 v^T v - \sum_i a_i (c_i v^T z_i - 1)$$ $$\nabla_v \mathcal L = 0 \implies"
         r" v = \sum_i a_i c_i z_i$$ so $$\mathcal L = \sum_i a_i + \frac12 \sum_{i,j} a_i a_j c_i c_j z_i^T z_j$$",
         ["definition", "assumption", "assumption", "fails"]),
        # Hessians by matrices: K has the size that fits, and by a symmetric one most go on from a gradient without Xᵀ
        (r"$f(X) = \log\det X$, $\frac{\partial^2 f}{\partial \operatorname{vec} X \partial (\operatorname{vec} X)^T}"
         r" = -K_{n,n} (X^{-T} \otimes X^{-1})$ and $\nabla^2 f = -(X^{-T} \otimes X^{-1})$",
         ["definition", "proved", "fails"]),
        (r"$f(X) = \log\det X$ with $X$ symmetric: $\nabla^2 f = -X^{-1} \otimes X^{-1}$ and"
         r" $\nabla^2 f = X^{-1} \otimes X^{-1}$", ["definition", "proved", "fails"]),
        (r"$f(X) = \|A X - B\|_F^2$. $\nabla^2 f = 2 I \otimes A^T A$, $\nabla^2 f = 2 I_p \otimes A^T A$ and"
         r" $\nabla^2 f = A^T A \otimes I$", ["definition", "proved", "proved", "fails"]),
        (r"$f(X) = \log\det X$, $df(X)[H] = \operatorname{tr}(X^{-1} H)$", ["definition", "proved"]),
        (r"$f(X) = \log\det X$, $df(X)[H] = \operatorname{tr}(X H)$", ["definition", "fails"]),
        (r"$K_{m,n} \operatorname{vec}(A) = \operatorname{vec}(A^T)$ for $A \in \mathbb{R}^{m\times n}$", ["proved"]),
        (r"$K_{m,n} \operatorname{vec}(A) = \operatorname{vec}(A)$ for $A \in \mathbb{R}^{m\times n}$", ["fails"]),
        # what moves in dL is what dZ is made of
        (r"$Z = W X$, $g = \|Z - Y\|^2$, $dg = 2 \operatorname{tr}((Z - Y)^T dZ)$ and"
         r" $dg = \operatorname{tr}((Z - Y)^T dZ)$", ["definition", "definition", "proved", "fails"]),
        # Δf is a differential beside a Δ of what is in f, and may be a Laplacian by itself
        (r"$f(x) = x^T A x$. $\Delta f = x^T (A + A^T) \Delta x$ and $\Delta f = x^T (A - A^T) \Delta x$",
         ["definition", "proved", "fails"]),
        (r"$f(x) = \sin x$. $\Delta f = -\sin x$", ["definition", "unread"]),
        # what is called T is a letter, and of a letter with a number below it T is the transpose
        (r"$f = x_1^T A x_2$ and $T = 3$. Then $$\nabla_{x_2} f = A^T x_1$$", ["definition", "assumption", "proved"]),
        (r"$f = x_1^T A x_2$ and $T = 3$. Then $$\nabla_{x_2} f = A x_1$$", ["definition", "assumption", "fails"]),
        # no number is a factor in a determinant, nor an inverse of its matrix
        (r"$$d\det M = \det M \operatorname{tr}(M^{-1} dM)$$ $$\frac{\partial \det M}{\partial M} = \det M\, M^{-T}$$",
         ["proved", "proved"]),
        (r"$$d\det M = \det M \operatorname{tr}(M dM)$$ $$\frac{\partial \det M}{\partial M} = \det M\, M^{T}$$",
         ["fails", "fails"]),
        # a matrix with a plus that is defined is no pseudo-inverse; a system is solved by its letters, and no identity
        (r"$$Q^+ = (I - G A) Q (I - G A)^T + G M G^T$$ with $Q$, $M$ symmetric positive definite, so that"
         r" $$\frac{\partial \operatorname{tr} Q^+}{\partial G} = -2 (I - G A) Q A^T + 2 G M = 0,$$"
         r" $$G (A Q A^T + M) = Q A^T$$ $$Q^+ = (I - G A) Q$$", ["definition", "proved", "assumption", "assumption"]),
        (r"$$Q^+ = (I - G A) Q (I - G A)^T + G M G^T$$ with $Q$, $M$ symmetric positive definite, so that"
         r" $$\frac{\partial \operatorname{tr} Q^+}{\partial G} = -2 (I - G A) Q A^T + G M = 0,$$"
         r" $$G (A Q A^T - M) = Q A^T$$ $$Q^+ = (I + G A) Q$$", ["definition", "fails", "fails", "fails"]),
        (r"$$G (A Q A^T + M) = Q A^T$$ and $$(A + B) (A - B) = A A$$", ["assumption", "fails"]),
        # a dual, all but its multipliers put in, and the least value of a loss
        (r"$$J(v, \xi, a, m) = \frac12 \|v\|^2 + C \sum_i \xi_i"
         r" - \sum_i a_i (c_i v^T z_i - 1 + \xi_i) - \sum_i m_i \xi_i$$"
         r" $$\frac{\partial J}{\partial v} = v - \sum_i a_i c_i z_i = 0, \quad"
         r" \frac{\partial J}{\partial \xi_i} = C - a_i - m_i = 0$$"
         r" $$J = \sum_i a_i - \frac12 \sum_{i,j} a_i a_j c_i c_j z_i^T z_j$$",
         ["definition", "proved", "proved", "assumption"]),
        (r"$$J(v, \xi, a, m) = \frac12 \|v\|^2 + C \sum_i \xi_i"
         r" - \sum_i a_i (c_i v^T z_i - 1 + \xi_i) - \sum_i m_i \xi_i$$"
         r" $$\frac{\partial J}{\partial v} = v - \sum_i a_i c_i z_i = 0, \quad"
         r" \frac{\partial J}{\partial \xi_i} = C - a_i - m_i = 0$$"
         r" $$J = \sum_i a_i - \sum_{i,j} a_i a_j c_i c_j z_i^T z_j$$", ["definition", "proved", "proved", "fails"]),
        (r"$g = \|B v - c\|^2$ $$\nabla_v g = 2 B^T (B v - c) = 0$$ $$g = c^T c - c^T B (B^T B)^{-1} B^T c$$",
         ["definition", "proved", "assumption"]),
        (r"$g = \|B v - c\|^2$ $$\nabla_v g = 2 B^T (B v - c) = 0$$ $$g = c^T c + c^T B (B^T B)^{-1} B^T c$$",
         ["definition", "proved", "fails"]),
        # a sum reaches over the terms with its index, behind a sign too
        (r"$$L = -\sum_i y_i \log p_i + (1 - y_i) \log(1 - p_i)$$"
         r" $$\frac{\partial L}{\partial p_j} = -\frac{y_j}{p_j} + \frac{1 - y_j}{1 - p_j}$$"
         r" $$\frac{\partial L}{\partial p_j} = -\frac{y_j}{p_j} - \frac{1 - y_j}{1 - p_j}$$",
         ["definition", "proved", "fails"]),
        # c and d are indices where a Σ says so; a bound one may stand free beside its Σ
        (r"$p_c = e^{z_c} / \sum_d e^{z_d}$, $g = \sum_c p_c r_c$. $\frac{\partial g}{\partial z_c} = p_c (r_c - g)$,"
         r" $\frac{\partial p_c}{\partial z_d} = p_c (\delta_{cd} - p_d)$,"
         r" $\frac{\partial p_c}{\partial z_d} = p_c (\delta_{cd} + p_d)$",
         ["definition", "definition", "proved", "proved", "fails"]),
        (r"$g = \frac12 \sum_c (y_c - \sum_d W_{cd} x_d)^2$."
         r" $\frac{\partial g}{\partial W_{cd}} = -(y_c - \sum_d W_{cd} x_d) x_d$,"
         r" $\frac{\partial g}{\partial W_{cd}} = (y_c - \sum_d W_{cd} x_d) x_d$", ["definition", "proved", "fails"]),
        # what a decomposition is called says what its factors are, and nothing where there is none
        ("$H = X(X'X)^{-1}X'$. With the QR decomposition $X = QR$: $H = QQ'$, $X'X = R'R$, $X'X = RR'$, $H = Q'Q$",
         ["definition", "definition", "proved", "proved", "fails", "fails"]),
        (r"Let $A = U S V^T$ be the SVD. $A^TA = V S^2 V^T$, $\|A\|_F^2 = \operatorname{tr} S^2$, $AA^T = U S^2 V^T$,"
         r" $\|A\|_F^2 = \operatorname{tr} S$", ["definition", "proved", "proved", "fails", "fails"]),
        (r"Let $K = LL^T$ (Cholesky). $\log\det K = 2 \log\det L$, $K^{-1} = L^{-1} L^{-T}$",
         ["definition", "proved", "fails"]),
        ("$A = U S V$, no decomposition. $A^TA = V^T S^2 V$", ["definition", "fails"]),
        # a name that is a square, and T; a derivative by a letter below the prime, and of a vector
        (r"$d^2 = (z - m)^T M (z - m)$ with $M$ symmetric. $\frac{\partial d^2}{\partial z} = 2 M (z - m)$,"
         r" $\nabla_z d^2 = M (z - m)$", ["definition", "proved", "fails"]),
        (r"$T = \frac12 v^TMv$ with $M$ symmetric. $\frac{\partial T}{\partial v} = Mv$,"
         r" $\frac{\partial T}{\partial v} = 2Mv$", ["definition", "proved", "fails"]),
        (r"$g(v) = \|Bv - c\|^2$. $g'_v = 2 B^T(Bv - c)$, $g'_v = B^T(Bv - c)$, $g'(v) = 2 B^T(Bv - c)$,"
         r" $g'(v) = 2 B(Bv - c)$, $g''(v) = 2 B^TB$, $g''(v) = B^TB$",
         ["definition", "proved", "fails", "proved", "fails", "proved", "fails"]),
        # decimal commas, and adjectives of other tongues
        (r"$g(v) = 0{,}5\,v^TMv$ mit symmetrischem $M$, $h(v) = 1,5\,v^Tv$. $\nabla g(v) = Mv$, $\nabla g(v) = 2Mv$,"
         r" $\nabla h(v) = 3v$, $\nabla h(v) = 5v$",
         ["definition", "definition", "proved", "fails", "proved", "fails"]),
        # several letters of one property; a gain of a solution, and the least value beside it
        (r"$J(u) = u^TRu + (Ax + Bu)^TP(Ax + Bu)$ with $R, P$ symmetric. $\nabla_u J = 2Ru + 2B^TP(Ax + Bu) = 0$,"
         r" $u = -(R + B^TPB)^{-1}B^TPAx$, so $K = (R + B^TPB)^{-1}B^TPA$, $u = -Kx$, $u = Kx$",
         ["definition", "proved", "assumption", "definition", "assumption", "fails"]),
        (r"$g(v) = \frac12 v^TMv - c^Tv$, $\nabla g(v) = Mv - c$, zero at $v^* = M^{-1}c$,"
         r" $g(v^*) = -\frac12 c^TM^{-1}c$, $g(v^*) = \frac12 c^TM^{-1}c$",
         ["definition", "conditional", "conditional", "conditional", "fails"]),
        (r"$L(v, a) = \frac12 v^TMv + c^Tv + a^T(Bv - z)$, $M$ symmetric. KKT: $Mv + c + B^Ta = 0$,"
         r" $Mv + c - B^Ta = 0$",
         ["definition", "assumption", "fails"]),
        (r"$g(v) = \frac12 v^TMv - c^Tv$, $M$ symmetric. The FOC is $Mv + c = 0$", ["definition", "fails"]),
        # what an equation before says, of a projection too; a second formula in its letters is no other meaning
        (r"$B^TB \hat v = B^Tc$, $p = B \hat v = B(B^TB)^{-1}B^Tc$, $e = c - p$, $B^Te = 0$, $p = B(B^TB)^{-1}B^Tc$",
         ["assumption", "conditional", "definition", "conditional", "conditional"]),
        (r"Minimise $\|Bv - c\|^2$: $B^TB \hat v = B^Tc$, $p = B \hat v = B(B^TB)B^Tc$", ["assumption", "fails"]),
        ("$P = Z(Z'Z)^{-1}Z'$. $PP = P$, $PZ = Z$, $PP = I$, $(I - P)Z = Z$",
         ["definition", "proved", "proved", "fails", "fails"]),
        # of an L U beside the word QR, and of a product in the next sentence, nothing is orthogonal
        (r"Instead of QR take $B = LU$. Then $B^TB = U^TU$.", ["definition", "fails"]),
        (r"Recall the SVD of $B$. Let $Z = C M G^T$. Then $Z^TZ = G M^T M G^T$.", ["definition", "fails"]),
        # what is said of a sum is not said of its summands, an article is no letter, and displays have words too
        (r"$g = z^TMz$. The sum $C + M$ is symmetric. $\nabla g = 2Mz$", ["definition", "conditional"]),
        (r"$g = z^TMz$. The symmetric matrix $M + M^T$ is seen. $\nabla g = 2Mz$", ["definition", "conditional"]),
        (r"$g = z^TAz$. A symmetric matrix $C$ is seen. $\nabla g = 2Az$", ["definition", "conditional"]),
        (r"$$g = \|Qz\|^2 \text{ with } Q \text{ orthogonal}$$ $\nabla g = 2z$, $\nabla g = z$",
         ["definition", "proved", "fails"]),
        (r"$$g = z^TMz, \quad M \text{ symmetric}$$ $\nabla g = 2Mz$, $\nabla g = Mz$",
         ["definition", "proved", "fails"]),
        # labels of ±1, and a density beside its distribution
        (r"$g = \sum_i (1 - y_i v^Tz_i)^2$, $y_i \in \{-1, 1\}$. $g = \sum_i (y_i - v^Tz_i)^2$,"
         r" $g = \sum_i (y_i + v^Tz_i)^2$", ["definition", "conditional", "fails"]),
        (r"$g = \sum_i \log\Phi(v^Tz_i)$. $\nabla_v g = \sum_i \frac{\phi(v^Tz_i)}{\Phi(v^Tz_i)} z_i$,"
         r" $\nabla_v g = -\sum_i \frac{\phi(v^Tz_i)}{\Phi(v^Tz_i)} z_i$", ["definition", "conditional", "fails"]),
        # −log p as a name, log p without its arguments, the factorials of a likelihood
        (r"$$-\log p(v | c) = \frac12 \|c - Bv\|^2$$ $$\nabla_v(-\log p(v | c)) = -B^T(c - Bv)$$"
         r" $$\nabla_v(-\log p(v | c)) = B^T(c - Bv)$$", ["definition", "proved", "fails"]),
        (r"$$\log p(c | v) = -\frac12 \|c - Bv\|^2$$ $$\frac{\partial \log p}{\partial v} = B^T(c - Bv)$$"
         r" $$-\log p(c | v) = -\frac12 \|c - Bv\|^2$$", ["definition", "proved", "fails"]),
        (r"$$g(v) = \sum_i (c_i v^Tz_i - e^{v^Tz_i} - \log c_i!)$$ $$\nabla g = \sum_i (c_i - e^{v^Tz_i}) z_i$$"
         r" $$\nabla g = \sum_i (c_i + e^{v^Tz_i}) z_i$$", ["definition", "proved", "fails"]),
        # the argument that is written is what ∇ derives by
        (r"$Z = UV^T$, $g(Z) = \frac12 \|Z - C\|^2$, $G = \nabla g(Z) = Z - C$, $\nabla_U g = GV$, $\nabla_U g = G^TV$",
         ["definition", "definition", "proved", "proved", "fails"]),
        # a definition that is written again heads what follows from it
        ("$g = \\|B v - c\\|^2$\n\n$g = \\|B v - c\\|^2 = v^T B^T B v - 2 c^T B v + c^T c$", ["definition", "proved"]),
        ("$g = \\|B v - c\\|^2$\n\n$g = \\|B v - c\\|^2 = v^T B^T B v - c^T B v + c^T c$", ["definition", "fails"]),
        ("g = (B v - c)'(B v - c)\n\ng = (B v - c)'(B v - c)\n= v'B'B v - 2c'B v + c'c",
         ["definition", "proved", "proved"]),
        ("g = (B v - c)'(B v - c)\n\ng = (B v - c)'(B v - c)\n= v'B'B v - 2c'B v - c'c",
         ["definition", "proved", "fails"]),
        # zero before a derivative, or between it and its formula, says what vanishes
        (r"$g(v) = \frac12 v^T v - c^T v$ $$0 = \frac{\partial g}{\partial v} = v - c$$", ["definition", "proved"]),
        (r"$g(v) = \frac12 v^T v - c^T v$ $$0 = \frac{\partial g}{\partial v} = v + c$$", ["definition", "fails"]),
        (r"$g(v) = \frac12 v^T v - c^T v$ $$\nabla_v g = 0 = v - c$$", ["definition", "proved"]),
        (r"$g(v) = \frac12 v^T v - c^T v$ $$\nabla_v g = 0 = v + c$$", ["definition", "fails"]),
        # δ above and below the line is the sign of a derivative, alone it is a letter
        (r"$g = \|B v - c\|^2$ $$\frac{\delta g}{\delta v} = 2 B^T (B v - c)$$", ["definition", "proved"]),
        (r"$g = \|B v - c\|^2$ $$\frac{\delta g}{\delta v} = B^T (B v - c)$$", ["definition", "fails"]),
        (r"$g = \delta \|v\|^2$, $\delta \in \mathbb R$ $$\frac{\delta g}{\delta v} = 2 \delta v$$",
         ["definition", "proved"]),
        (r"$g = \frac{\delta^2}{2} \|v\|^2$ $$\nabla_v g = \delta^2 v$$", ["definition", "proved"]),
        # the upper bound first; \part as editors have it
        (r"$g = \sum^N_{i=1} (v^T z_i - c_i)^2$ $$\frac{\part g}{\part v} = 2 \sum^{N}_{i=1} (v^T z_i - c_i) z_i$$",
         ["definition", "proved"]),
        (r"$g = \sum^N_{i=1} (v^T z_i - c_i)^2$ $$\frac{\part g}{\part v} = 2 \sum^{N}_{i=1} (v^T z_i + c_i) z_i$$",
         ["definition", "fails"]),
        # an entry by cases is a line for each case
        (r"$$q_i = \frac{e^{u_i}}{\sum_j e^{u_j}}$$ $$\frac{\partial q_i}{\partial u_k} = \begin{cases}"
         r" q_k (1 - q_k) & \text{if }\; i=k \\ -q_k q_i & \text{otherwise} \end{cases}$$",
         ["definition", "conditional", "conditional"]),
        (r"$$q_i = \frac{e^{u_i}}{\sum_j e^{u_j}}$$ $$\frac{\partial q_i}{\partial u_k} = \begin{cases}"
         r" -q_k q_i & \text{if }\; i=k \\ q_k (1 - q_k) & \text{if }\; i \neq k \end{cases}$$",
         ["definition", "fails", "fails"]),
        (r"$g = \operatorname{tr}(Z)$ $$\frac{\partial g}{\partial Z_{ij}} = \begin{cases}"
         r" 1 & i = j \\ 0 & i \ne j \end{cases}$$", ["definition", "conditional", "conditional"]),
        (r"$g = \operatorname{tr}(Z)$ $$\frac{\partial g}{\partial Z_{ij}} = \begin{cases}"
         r" 0 & i = j \\ 1 & i \ne j \end{cases}$$", ["definition", "fails", "fails"]),
        (r"$g = \operatorname{tr}(Z)$ $$\begin{cases} \nabla_Z g = I \\ \nabla_Z g = Z \end{cases}$$",
         ["definition", "proved", "fails"]),
        # a constraint is asked for, and arg min names no value
        (r"We solve $$v^* = \arg\min_v v^T M v \text{ s.t. } c^T v = 1$$ with $$L(v) = v^T M v - a (c^T v - 1),$$"
         r" $$\frac{\partial L}{\partial v} = 0 \Rightarrow 2 M v = a c$$",
         ["assumption", "definition", "assumption", "conditional"]),
        (r"We solve $$v^* = \arg\min_v v^T M v \text{ s.t. } c^T v = 1$$ with $$L(v) = v^T M v - a (c^T v - 1),$$"
         r" $$\frac{\partial L}{\partial v} = 0 \Rightarrow 2 M v = -a c$$",
         ["assumption", "definition", "assumption", "fails"]),
        (r"$$\hat v = \operatorname{arg\,min} \|B v - c\|^2$$ $$\nabla_v L = 2 B^T (B v - c)$$", ["proved"]),
        (r"$$\hat v = \operatorname{arg\,min} \|B v - c\|^2$$ $$\nabla_v L = B^T (B v - c)$$", ["fails"]),
        # I is the identity where the text says so, and a number where sums run to it
        (r"$g = \operatorname{tr}((I - K C)(I - K C)^T)$ with $K \in \mathbb{R}^{n \times q}$, "
         r"$I \in \mathbb{R}^{n \times n}$ the identity. $$\nabla_K g = 2 K C C^T - 2 C^T$$", ["definition", "proved"]),
        (r"$g = \operatorname{tr}((I - K C)(I - K C)^T)$ with $K \in \mathbb{R}^{n \times q}$, "
         r"$I \in \mathbb{R}^{n \times n}$ the identity. $$\nabla_K g = 2 K C C^T - C^T$$", ["definition", "fails"]),
        (r"$$g = \sum_{i=0}^{I-1} (z_i - m)^2$$ $$\frac{\partial g}{\partial m} = 2 I m - 2 \sum_{i=0}^{I-1} z_i$$",
         ["definition", "proved"]),
        (r"$$g = \sum_{i=0}^{I-1} (z_i - m)^2$$ $$\frac{\partial g}{\partial m} = I m - 2 \sum_{i=0}^{I-1} z_i$$",
         ["definition", "fails"]),
        # reStructuredText, and a block whose paragraphs are formulas
        ("With :math:`g = \\|B v - c\\|^2`:\n\n.. math::\n\n    \\nabla_v g\n    = 2 B^T (B v - c)\n\n"
         "    \\nabla_v g = B^T (B v - c)\n\nwhich is :math:`\\nabla_v g = 2 B^T B v`.",
         ["definition", "proved", "fails", "fails"]),
        ("```math\ng = \\|B v - c\\|^2\n\n\\nabla_v g = 2 B^T (B v - c)\n\nh = c^T v\n```\n\n$\\nabla_v h = v$",
         ["definition", "proved", "definition", "fails"]),
        # up to a factor or a constant that no derivative is asked of
        (r"$$\ell(P) \propto \log|P| - \operatorname{tr}(P M)$$ $$\triangledown_P \ell = P^{-T} - M^T$$",
         ["definition", "proved"]),
        (r"$$\ell(P) \propto \log|P| - \operatorname{tr}(P M)$$ $$\triangledown_P \ell = P^{-T} + M^T$$",
         ["definition", "fails"]),
        # the loss without its label, and never another number that is derived by name
        (r"$s = v^T z$ $$L_{\text{sq}} = \frac12 (s - c)^2$$ $$\frac{\partial s}{\partial v} = z$$"
         r"$$\frac{\partial L}{\partial v} = (s - c) z$$", ["definition", "definition", "proved", "proved"]),
        (r"$s = v^T z$ $$L_{\text{sq}} = \frac12 (s - c)^2$$ $$\frac{\partial s}{\partial v} = z$$"
         r"$$\frac{\partial L}{\partial v} = (s + c) z$$", ["definition", "definition", "proved", "fails"]),
        (r"$s = v^T z$ $$\frac{\partial s}{\partial v} = z$$ $$\frac{\partial E}{\partial v} = (s - c) z$$",
         ["definition", "proved", "unread"]),
        # a chain that begins with what is asked of its letters goes on from there
        ("$s^2 = (z - Bv)'(z - Bv) = z'z - 2z'Bv + v'B'Bv$", ["proved"]),
        ("$s^2 = (z - Bv)'(z - Bv) = z'z - z'Bv + v'B'Bv$", ["fails"]),
        # the square of a residual that no line defines
        ("$c'c = (z - Bv)'(z - Bv)$ $= z'z - 2z'Bv + v'B'Bv$ $$\\frac{\\partial c'c}{\\partial v} = 2B'Bv - 2B'z$$",
         ["definition", "proved", "proved"]),
        ("$c'c = (z - Bv)'(z - Bv)$ $= z'z - z'Bv + v'B'Bv$ $$\\frac{\\partial c'c}{\\partial v} = 2B'Bv - B'z$$",
         ["definition", "fails", "fails"]),
        ("$c = z$, $c'c = (z - Bv)'(z - Bv)$", ["definition", "unread"]),
        # D is the row of derivatives, or the differential; of a function that no line gives nothing is known
        ("$g(v) = v'Mv$ with $M$ symmetric. $Dg(v) = 2v'M$, $Dg(v)[h] = 2v'Mh$", ["definition", "proved", "proved"]),
        ("$g(v) = v'Mv$ with $M$ symmetric. $Dg(v) = v'M$, $Dg(v)[h] = v'Mh$", ["definition", "fails", "fails"]),
        (r"$h(v) = Bv$, $\frac{\partial f(v)}{\partial v} = 2z$", ["definition", "unread"]),
        (r"$u = Bv$, $a = \sigma(u)$, $g = \|a - z\|^2$, $\frac{\partial g}{\partial u} = 2(a - z)$",
         ["definition", "definition", "definition", "fails"]),
        (r"Let $f : \mathbb{R}^n \to \mathbb{R}$, $f(v) = v'Mv$ with $M$ symmetric. $Df(v) = 2v'M$, $Df(v) = v'M$",
         ["definition", "proved", "fails"]),
        # rows in a line of text, in a quotation, behind a brace; brackets that were a display
        ("$\\begin{align*} g &= \\|B v - c\\|^2 \\\\ \\nabla_v g &= 2 B^T (B v - c) \\\\ &= 2 B^T B v \\end{align*}$",
         ["definition", "proved", "fails"]),
        ("> It is\n> $$\n> g = \\|B v -\n> c\\|^2 $$\n> and so $\\nabla_v g = B^T (B v -\n> c)$.",
         ["definition", "fails"]),
        ("$$\\left\\{ \\begin{array}{rcl} m &=& c^T v \\\\ s &=& v^T v \\end{array} \\right.$$"
         " $\\nabla_v m = c$, $\\nabla_v s = v$", ["definition", "definition", "proved", "fails"]),
        ("$[ g = \\|B v - c\\|^2 ]$ $[\n\\nabla_v g = B^T (B v - c)\n]$", ["definition", "fails"]),
        (r"$[c = k]$ is 1 or 0. $g = c z^T v$, $\nabla_v g = c z$, $\nabla_v g = k z$",
         ["definition", "proved", "unread"]),
        # what is minimized, and over what; how entries are written
        (r"$$\min_{v} \; g(v) = \|B v - c\|^2$$ $$\nabla g(v) = B^T (B v - c)$$", ["definition", "fails"]),
        (r"$$\max_{v, a} J(v, a) = v^T M v + a (c^T v - 1)$$ $$\frac{\partial J}{\partial v} = M v + M^T v + a c$$",
         ["definition", "proved"]),
        (r"$$\max_{i} v_i = a$$", ["unread"]),
        # a least value is no second definition of what is minimized, nor the minimized formula a value
        (r"$g(v) = \|B v - c\|^2$. $\min_v g(v) = c^T c - c^T B (B^T B)^{-1} B^T c$. $\nabla_v g = B^T (B v - c)$",
         ["definition", "unread", "fails"]),
        (r"$g(v) = \|B v - c\|^2$, $\nabla_v g = 0$. $\min_v g(v) = c^T c - c^T B (B^T B)^{-1} B^T c$,"
         r" $\min_v g(v) = c^T c$", ["definition", "assumption", "assumption", "fails"]),
        (r"$\min_v \|B v - c\|^2 = c^T c - c^T B (B^T B)^{-1} B^T c$, $\max_v v^T M v = a$, $\max_j |a_{ij}| = 1$",
         ["unread", "unread", "unread"]),
        (r"Let $\min_v g(v) = v^T v$. $\nabla g = 2 v$. Let $\min_v g(v) = c^T v$. $\nabla g = c$, $\nabla g = 2 c$",
         ["definition", "proved", "definition", "proved", "fails"]),
        (r"$v = [v_1, \dots, v_n]^T$, $g = \|B v - c\|^2$, $\nabla_v g = B^T (B v - c)$", ["definition", "fails"]),
        (r"$v = [v_1, \dots, v_n]^T = B^T c$", ["unread"]),
        (r"$v = [v_1, \dots, 2 v_n]^T$, $v = [v_1, \dots, v_n]^T B^T c$, $v = (v_1, \ldots, v_n) \in \mathbb{R}^n$",
         ["unread", "unread"]),
        (r"$m = 2 \\ g = m v^T v \\ \nabla_v g = m v$", ["assumption", "definition", "fails"]),
        # a letter that a later line gives is no other meaning
        (r"$g = \|b - Z v\|^2$, $g = b^T b - 2 v^T c + v^T M v$ where $c = Z^T b$ and $M = Z^T Z$.",
         ["definition", "proved", "definition", "definition"]),
        (r"$g = \|b - Z v\|^2$, $g = b^T b - v^T c + v^T M v$ where $c = Z^T b$ and $M = Z^T Z$.",
         ["definition", "fails", "definition", "definition"]),
        # the logarithm of a matrix, and entries whose vector is set as a capital, are not judged
        (r"$\operatorname{tr} \log M = \log\det M$", ["unread"]),
        (r"$\operatorname{tr} M = \log\det M$", ["fails"]),
        (r"$Z \in \mathbb{R}^{m \times n}$, $C \in \mathbb{R}^m$, $g = \sum_i (c_i - z_i^T v)^2 = \|C - Z v\|^2$",
         ["unread"]),
        (r"$Z \in \mathbb{R}^{m \times n}$, $c \in \mathbb{R}^m$, $g = \sum_i (c_i - z_i^T v)^2 = \|c + Z v\|^2$",
         ["fails"]),
        # a divergence is named, and a density in the middle of a chain
        (r"$$D_{KL}(p||q) = \frac12 (m - v)^T (m - v)$$ $$\frac{\partial D_{KL}(p||q)}{\partial v} = v - m$$",
         ["definition", "proved"]),
        (r"$$\mathfrak{D}_\text{KL}[p \mid\mid q] = \frac12 (m - v)^T (m - v)$$"
         r" $$\nabla_v \mathfrak{D}_\text{KL}[p \mid\mid q] = m - v$$", ["definition", "fails"]),
        (r"$$g(v) = \log p(c | Z, v) = -\frac12 \|Z v - c\|^2$$"
         r" $$\nabla g(v) = Z^T (c - Z v)$$", ["definition", "proved"]),
        (r"$$g(v) = \log p(c | Z, v) = -\frac12 \|Z v - c\|^2$$"
         r" $$\nabla g(v) = Z^T (Z v - c)$$", ["definition", "fails"]),
        (r"$v = \mathbf{(B^T B)^{-1} B^T c}$, $g = \|v\|^2$, $\mathbf{g = v^T v = 2 v^T v}$",
         ["definition", "definition", "fails"]),
        # what stands beside words is no factor of the line above
        (r"$$g(t) = \begin{cases} t + t = 2t & \text{for $t > 1$} \\ 0 & \text{otherwise} \end{cases}$$", ["proved"]),
        # one path of v'Mv is no derivative, where M is symmetric either
        (r"$w = v^T M v$, $g = w + a (1 - \|v\|^2)$, $\frac{\partial v^T v}{\partial v^T} = 2 v^T$."
         r" $\frac{\partial g}{\partial v} = M v - 2 a v$, $\frac{\partial g}{\partial v} = 2 M v - 2 a v$",
         ["definition", "definition", "proved", "fails", "conditional"]),
        (r"$h = \log \circ \det$. $D h(Z)(V) = \operatorname{tr}(Z^{-1} V)$", ["unread", "unread"]),
        # the fonts of plain TeX
        (r"${\cal L} = v^T v$, $\frac{\partial {\cal L}}{\partial v} = v$", ["definition", "fails"]),
        (r"$g = {\bf v}^T_1 {\bf Mv}_1$, $\frac{\partial g}{\partial {\bf v}_1} = {\bf (M + M^T) v}_1$",
         ["definition", "proved"]),
        (r"${\rm tr}(M N) = {\rm tr}(N M)$, ${\bf v}^T {\bf M v} = 2 {\bf v}^T {\bf M v}$", ["proved", "fails"]),
        (r"Let $Mv = av$ and $v'v = 1$. Then $v'Mv = v'av = a v'v = a$.", ["assumption", "assumption", "agrees"]),
        (r"Let $Mv = av$ and $v'v = 1$. Then $v'Mv = v'av = 3a v'v = a$.", ["assumption", "assumption", "fails"]),
        # what is asked of letters in a chain is not proved by what is proved before it
        (r"$y = Xb + e$ and $X'e = 0$. $X'y = X'Xb + X'e = 2X'Xb$.", ["definition", "assumption", "assumption"]),
        (r"$B'(Bv + z) = B'Bv + B'z = B'B(v + w)$.", ["assumption"]),
        # an entry of X, and one of a matrix whose length no symbol has
        (r"$$Y = WX, \quad y_{ij} = \sum_a w_{ia}x_{aj}$$ $$\frac{\partial y_{ij}}{\partial x_{mn}} ="
         r" w_{im}\delta_{n,j}$$", ["definition", "definition", "agrees"]),
        (r"$$Y = WX, \quad y_{ij} = \sum_a w_{ia}x_{aj}$$ $$\frac{\partial y_{ij}}{\partial x_{mn}} ="
         r" 2 w_{im}\delta_{n,j}$$", ["definition", "definition", "fails"]),
        (r"$L = \sum_{i=1}^k z_i !$ and $r_i = v^T Z_i$ for $Z_i \in \mathbb R^n$ and $v \in \mathbb R^n$."
         r" $$\sum_{i=1}^k Z_i = \sum_{i=1}^k \frac{c_i Z_i}{v^T Z_i}$$", ["unread", "definition", "unread"]),
        # the n of 1/n 𝟏 𝟏ᵀ counts its entries, and without letters an equation asks nothing of them
        (r"$H = I - \frac1n \mathbf 1 \mathbf 1^T$. $H H = H$, $H H = I$, $H \mathbf 1 = 0$, $H \mathbf 1 = \mathbf 1$,"
         r" $\sum_i (z_i - \bar z)^2 = z^T H z$ where $\bar z = \frac1n \sum_i z_i$.",
         ["definition", "proved", "fails", "proved", "fails", "proved", "definition"]),
        # of a matrix whose shape says otherwise it counts nothing, nor does any number
        (r"$g = \frac1n \sum_{i,j} Z_{ij}$ with $Z \in \mathbb{R}^{n\times d}$. $\nabla g = \frac1n \mathbf 1"
         r" \mathbf 1^T$, $\nabla g = \mathbf 1 \mathbf 1^T$", ["definition", "proved", "fails"]),
        (r"$g = \frac1n \mathbf 1^TZ^TZ\mathbf 1$ with $Z \in \mathbb{R}^{n\times d}$. $\nabla g = \frac2n Z\mathbf 1"
         r" \mathbf 1^T$, $\nabla g = \frac2n Z$", ["definition", "proved", "fails"]),
        (r"$J = \frac{1}{c} \mathbf 1 \mathbf 1^T$, $z^TJJz = z^TJz$", ["definition", "fails"]),
        # a sum with I in it is no I
        (r"$g = z^T(I + c\mathbf 1\mathbf 1^T)z$. $\nabla g = 2z + 2c\mathbf 1\mathbf 1^Tz$, $\nabla g = 2z + 2cz$",
         ["definition", "proved", "fails"]),
        # an inverse that is given says what its matrix is
        (r"$S^{-1} = a I + Z^TZ$ and $m = S Z^Tc$. Then $\|c - Zv\|^2 + a v^Tv = (v - m)^T S^{-1} (v - m) + c^Tc -"
         r" m^T S^{-1} m$, $\|c - Zv\|^2 + a v^Tv = (v - m)^T S^{-1} (v - m) + c^Tc + m^T S^{-1} m$",
         ["definition", "definition", "proved", "fails"]),
        # without an index, a sum of products with logarithms adds up entries, behind a sign too
        (r"$$g = -\sum y \log p + (1 - y) \log(1 - p)$$ with $p = \sigma(Zv)$. $\nabla_v g = Z^T(p - y)$,"
         r" $\nabla_v g = Z^T(y - p)$", ["definition", "definition", "proved", "fails"]),
        (r"$$g = -\frac1m \sum [y \log h + (1 - y) \log (1 - h)], \quad h = \sigma(Zv)$$"
         r" $\nabla_v g = \frac1m Z^T(h - y)$, $\nabla_v g = Z^T(h - y)$",
         ["definition", "definition", "proved", "fails"]),
        # what stands inside a product and is inverted is square
        (r"$(A + UCV)^{-1} = A^{-1} - A^{-1}U(C^{-1} + VA^{-1}U)^{-1}VA^{-1}$, "
         r"$(A + UCV)^{-1} = A^{-1} + A^{-1}U(C^{-1} + VA^{-1}U)^{-1}VA^{-1}$", ["proved", "fails"]),
        (r"$M = A + UCV$. $M^{-1} = A^{-1} - A^{-1}U(C + VA^{-1}U)^{-1}VA^{-1}$", ["definition", "fails"]),
        # declared shapes reach what a sum over entries adds up, through a definition
        (r"$S = ZW$ with $Z \in \mathbb{R}^{n \times d}$, $W \in \mathbb{R}^{d \times k}$, $P = \mathrm{softmax}(S)$,"
         r" $Y$ one-hot rows. $g = -\sum_{i,k} Y_{ik} \log P_{ik}$. $\nabla_S g = P - Y$, $\nabla_W g = Z^T(P - Y)$,"
         r" $\nabla_W g = Z(P - Y)$", ["definition", "definition", "definition", "agrees", "agrees", "fails"]),
        # one member of a family, or one entry, where all of its derivatives vanish
        (r"$$g = \sum_n \sum_k r_{nk} \|z_n - \mu_k\|^2$$ $$\frac{\partial g}{\partial \mu_k} = -2 \sum_n r_{nk} (z_n -"
         r" \mu_k) = 0$$ $$\mu_k = \frac{\sum_n r_{nk} z_n}{\sum_n r_{nk}}$$ $$\mu_k = \frac{2\sum_n r_{nk} z_n}"
         r"{\sum_n r_{nk}}$$", ["definition", "proved", "assumption", "fails"]),
        (r"$g(p, a) = \sum_k c_k \log p_k + a (\sum_k p_k - 1)$, $\frac{\partial g}{\partial p_k} = \frac{c_k}{p_k} + a"
         r" = 0$, so $p_k = -\frac{c_k}{a}$, $p_k = \frac{c_k}{a}$, and $p_k = \frac{c_k}{\sum_j c_j}$",
         ["definition", "proved", "assumption", "fails", "assumption"]),
        # pairs in brackets below a sum; KL behind the one KL(q || p)
        (r"$$g = \sum_{(u,i)} (r_{ui} - v_u^Tc_i)^2$$ $$\frac{\partial g}{\partial v_u} = -2\sum_i (r_{ui} -"
         r" v_u^Tc_i) c_i$$ $$\frac{\partial g}{\partial v_u} = -2\sum_i (r_{ui} + v_u^Tc_i) c_i$$",
         ["definition", "proved", "fails"]),
        (r"$\mathrm{KL}(q \| p) = \frac12 (m - v)^TM(m - v)$ with $M$ symmetric."
         r" $\frac{\partial\mathrm{KL}}{\partial v} = M(v - m)$, $\frac{\partial\mathrm{KL}}{\partial v} = M(m - v)$",
         ["definition", "proved", "fails"]),
        # what min_v stands before is what is minimized, in a line of text too
        (r"Consider $\min_v \|Bv - c\|^2 + a \|v\|^2$. The normal equations are $(B^TB + a I) v = B^Tc$. So"
         r" $v = (B^TB + a I)^{-1}B^Tc$", ["assumption", "assumption"]),
        (r"Consider $\min_v \|Bv - c\|^2 + a \|v\|^2$. The normal equations are $(B^TB - a I) v = B^Tc$. So"
         r" $v = (B^TB - a I)^{-1}B^Tc$", ["fails", "fails"]),
        # r of W_r beside r = … is a label, and no index
        (r"$z = \sigma(W_z x + U_z h)$, $r = \sigma(W_r x + U_r h)$, $g = \tanh(Wx + U(r \odot h))$,"
         r" $s = (1 - z) \odot h + z \odot g$. $\frac{\partial L}{\partial z} = \frac{\partial L}{\partial s} \odot"
         r" (g - h)$, $\frac{\partial L}{\partial z} = \frac{\partial L}{\partial s} \odot (g + h)$",
         ["definition", "definition", "definition", "definition", "proved", "fails"]),
        # the indicator of equal indices, and one value for every entry
        (r"$s = \mathrm{softmax}(z)$. $\frac{\partial s_i}{\partial z_j} = s_i(\mathbb{1}_{ij} - s_j)$,"
         r" $\frac{\partial s_i}{\partial z_j} = s_i(\mathbb 1\{i = j\} + s_j)$", ["definition", "proved", "fails"]),
        (r"$g = -\sum_i p_i \log p_i + a (\sum_i p_i - 1)$, $\frac{\partial g}{\partial p_i} = a - 1 - \log p_i = 0$"
         r" so $p_i = e^{a - 1}$, $p_i = e^{a + 1}$", ["definition", "proved", "assumption", "fails"]),
        # no condition under which all is zero
        (r"$r = M^TMz - z$. $M r z^T + M z r^T = M(r z^T + z r^T)$, $M r z^T - M z r^T = M(r z^T + z r^T)$",
         ["definition", "proved", "fails"]),
        # "for C = B A" and "by the rule" give nothing that is not judged
        (r"$g = \|Bv - c\|$. By the chain rule $\nabla g = \frac{B^T(Bv - c)}{\|Bv - c\|}$.", ["definition", "proved"]),
        (r"$g = \|Bv - c\|$. By the chain rule $\nabla g = \frac{2B^T(Bv - c)}{\|Bv - c\|}$.", ["definition", "fails"]),
        (r"For $C = BA$, $\partial L/\partial A = B^\top (\partial L/\partial C)$.", ["definition", "proved"]),
        (r"For $C = BA$, $\partial L/\partial A = 2 B^\top (\partial L/\partial C)$.", ["definition", "fails"]),
        (r"$s = v^T z$, $L_a = s^2$, $L_b = s^3$ $$\frac{\partial L}{\partial v} = 2 s z$$",
         ["definition", "definition", "definition", "unread"]),
    ],
)  # fmt: skip
def test_what_a_passage_claims_is_judged(text, expected):
    assert verdicts(text) == expected


OF_ALL = r"$g = \sum_{u,i} (r_{ui} - v_u^T c_i)^2 + a \sum_u \|v_u\|^2$, "
OF_GROUPS = r"$g = \sum_{n=1}^N \sum_{k=1}^K a_{nk} (z_n - m_k)^T M (z_n - m_k)$, "


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (OF_ALL + r"$\frac{\partial g}{\partial v_u} = -2 \sum_i (r_{ui} - v_u^T c_i) c_i + 2 a v_u = 0$",
         "proved"),
        (OF_ALL + r"$\frac{\partial g}{\partial v_u} = -2 \sum_i (r_{ui} - v_u^T c_i) c_i + a v_u = 0$", "fails"),
        (OF_ALL + r"$\frac{\partial g}{\partial v_u} = 2 \sum_i (r_{ui} - v_u^T c_i) c_i + 2 a v_u$", "fails"),
        (OF_ALL + r"$\frac{\partial g}{\partial c_i} = -2 \sum_u (r_{ui} - v_u^T c_i) v_u$", "proved"),
        (OF_ALL + r"$\frac{\partial g}{\partial c_i} = -2 \sum_u (r_{ui} - v_u^T c_i) v_u + 2 a c_i$", "fails"),
        (OF_ALL + r"$\frac{\partial g}{\partial c_k} = 0$", "assumption"),
        (OF_GROUPS + r"$\nabla_{m_k} g = -2 \sum_{n=1}^N a_{nk} M (z_n - m_k)$", "conditional"),
        (OF_GROUPS + r"$\nabla_{m_k} g = -\sum_{n=1}^N a_{nk} (M + M^T) (z_n - m_k)$", "proved"),
        (OF_GROUPS + r"$\nabla_{m_k} g = -2 \sum_{k=1}^K a_{nk} M (z_n - m_k)$", "unread"),
        (OF_GROUPS + r"$\nabla_{z_n} g = \sum_{k=1}^K a_{nk} M (z_n - m_k)$ with $M$ symmetric.", "fails"),
        (r"$g = \sum_i \|z_i - m\|^2$, $\frac{\partial g}{\partial z_i} = 2 \sum_i (z_i - m)$", "fails"),
        (OF_ALL + r"$\frac{\partial g}{\partial v_u} = -2 \sum_i e_{ui} c_i + 2 a v_u$",
         "unread"),
        (r"$L = \sum_i \|x_i - H g - Q v - Z w\|^2$, $\frac{\partial L}{\partial x_i} = 2 (x_i - H g - Q v - Z w)$",
         "proved"),
        (r"$L = \sum_i \|x_i - H g - Q v - Z w\|^2$, $\frac{\partial L}{\partial x_i} = 2 (x_i - H g - Q v + Z w)$",
         "fails"),
    ],
)  # fmt: skip
def test_a_derivative_by_one_member_of_a_family_is_judged_for_all(text, expected):
    assert verdicts(text)[1] == expected


def test_what_holds_at_a_stationary_point_is_no_identity():
    text = (
        r"$$L(v, a) = \frac12 \|v\|^2 - \sum_{i=1}^n a_i (v^T z_i - 1)$$"
        r" $$\frac{\partial L}{\partial v} = v - \sum_{i=1}^n a_i z_i$$ so that $$v = \sum_{i=1}^n a_i z_i$$ and"
        r" \begin{align} L(v, a) &= \frac12 \|v\|^2 - \sum_{i=1}^n a_i (v^T z_i - 1) \\"
        r" &= -\frac12 v^T v + \sum_{i=1}^n a_i \end{align}"
    )
    assert verdicts(text) == ["definition", "proved", "assumption", "proved", "conditional"]
    assert verdicts(text.replace("-\\frac12 v^T v", "\\frac12 v^T v"))[-1] != "conditional"
    assert verdicts(text.replace(r"so that $$v = \sum_{i=1}^n a_i z_i$$ and", ""))[-1] == "fails"


@pytest.mark.parametrize(("sign", "said"), [("", "follows correctly from line 2\n"), ("-", "from line 2, which fails")])
def test_a_line_that_follows_from_another_layout_follows_from_no_wrong_line(sign, said):
    lines = f"g = (c - B v)'(c - B v)\ndg/dv = {sign}2 (B v - c)' B\n= {sign}2 v'B'B {'+' if sign else '-'} 2 c'B"
    assert said in check(lines).text()
