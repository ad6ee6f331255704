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
        # A softmax that is written by its entries is a vector, and sums skip an index.
        (
            (
                r"s_k = \frac{e^{v_k}}{\sum_m e^{v_m}}",
                r"E = -\sum_k t_k \log s_k",
                r"\frac{\partial s_k}{\partial v_j} = -s_k s_j, \quad j \neq k",
                r"\frac{\partial E}{\partial v_j} = -t_j + \sum_m t_m s_j",
                r"\frac{\partial E}{\partial v_j} = -t_j (1 - s_j) + \sum_{m \neq j} t_m s_j",
                r"\frac{\partial E}{\partial v_j} = s_j - t_j",
                r"\frac{\partial E}{\partial v_j} = t_j \sum_m s_m - t_j",
                r"\frac{\partial E}{\partial v_j} = -t_j + \sum_{m \neq j} t_m s_j",
            ),
            "ddrrrrff",
        ),
        # A chain goes from the whole to its entries and back.
        (
            (
                r"\frac{\partial}{\partial Z} \operatorname{tr}(Z^T B Z) = \frac{\partial Z_{ji} B_{jk} Z_{ki}}"
                r"{\partial Z_{pq}} = (B Z)_{pq} + (B^T Z)_{pq} = B Z + B^T Z",
                r"\frac{\partial}{\partial Z} \operatorname{tr}(Z^T B) = \frac{\partial Z_{ji} B_{ji}}{\partial Z_{pq}}"
                r" \\ = B_{pq} \\ = B^T",
            ),
            "rrrf",
        ),
        # Rows in an array or an old macro; thin spaces about a sign; an arrow before a sign.
        (
            (
                r"\begin{array}{rcl} f &=& \|A x - b\|^2 \\ \nabla_x f &=& 2 A^T (A x - b) \\"
                r" \nabla_x f &=& A^T (A x - b) \end{array}",
            ),
            "drf",
        ),
        ((r"\eqalign{ f &= x^T P x \cr \nabla_x f &= P x + P^T x \cr \nabla_x f &= P x - P^T x \cr }",), "drf"),
        ((r"f(x) \;=\; c^T x \,+\, x^T x", r"\nabla f(x) \;=\; c + 2\,x", r"\nabla f(x) \;=\; c + x"), "drf"),
        (
            (
                r"f = \frac12\|A x - b\|^2",
                r"\begin{aligned} \nabla_x f = 0 &\Leftrightarrow A^T A x = A^T b \\"
                r" &\Leftrightarrow -A^T b + A^T A x = 0 \end{aligned}",
            ),
            "daaa",
        ),
        # Losses whose names are words, or densities.
        (
            (
                r"\text{MSE}(w) = \frac{1}{n}\|X w - y\|^2",
                r"\nabla_w \mathrm{MSE} = \frac{2}{n} X^T (X w - y)",
                r"\nabla_w \text{MSE}(w) = \frac{1}{n} X^T (X w - y)",
            ),
            "drf",
        ),
        (
            (
                r"\log{p(z \mid m, s)} = -\log s - \frac{1}{2 s^2} (z - m)^2",
                r"\frac{\partial \log p(z \mid m, s)}{\partial m} = \frac{z - m}{s^2}",
                r"\frac{\partial \ln{p(z \mid m, s)}}{\partial m} = \frac{m - z}{s^2}",
            ),
            "drf",
        ),
        # Names with a layer above, and an accent over a letter and its index.
        (
            (
                r"z^L = W^L a^{L-1} + b^L",
                r"J = \|z^L - y\|^2",
                r"\frac{\partial J}{\partial a^{L-1}} = 2 (W^L)^T (z^L - y)",
                r"\frac{\partial J}{\partial W^L} = 2 (z^L - y) (a^{L-1})^T",
                r"\frac{\partial J}{\partial W^L} = 2 (z^L - y)^T a^{L-1}",
            ),
            "ddrrf",
        ),
        (
            (
                r"L = \sum_i (\hat{y_i} - y_i)^2",
                r"\frac{\partial L}{\partial \hat{y_i}} = 2 (\hat{y_i} - y_i)",
                r"\frac{\partial L}{\partial \hat{y_i}} = 2 (y_i - \hat{y_i})",
            ),
            "drf",
        ),
        # A loss that is only named; matrices that are constant; a matrix written out only says its shape.
        (
            (
                r"Y = A X B",
                r"\frac{\partial f}{\partial X} = A^T \frac{\partial f}{\partial Y} B^T",
                r"\frac{\partial f}{\partial X} = A^T \left(\frac{\partial f}{\partial Y}\right)^T B",
                r"dA = 0",
                r"dY = A \, dX \, B + A X \, dB",
                r"dY = A \, dX \, B",
            ),
            "drfarf",
        ),
        (
            (
                r"X = \begin{bmatrix} x_{11} & x_{12} \\ x_{21} & x_{22} \end{bmatrix}",
                "f = a^T X b",
                r"\frac{\partial f}{\partial X} = a b^T",
                r"\frac{\partial f}{\partial X} = b a^T",
            ),
            "udrf",
        ),
        # A decomposition holds where the columns are orthonormal; a gradient that holds there alone is wrong.
        ((r"S = U \Lambda U^T", r"S U = U \Lambda", r"S U = \Lambda U"), "drf"),
        ((r"f = \frac12\|A x - b\|^2", r"\nabla_x f = x - A^T b"), "df"),
        # What is no function is not taken for the loss; names that are none cost a line, and not the report.
        ((r"f(x) = \|x\|^2", r"h(x) = f(x) + \mu g(x)", r"\nabla f(x) = 2 x"), "dur"),
        ((r"\min_{\mathbf w, b} f", r"m_{\mathbf w, b} = \max_{u,\, v} \ m", r"f = \|x\|^2", r"\nabla f = 2 x"), "udr"),
        ((r"\bigtriangledown_x (x^T A x) \= A x + A^T x", r"\bigtriangledown_x (x^T A x) \= A^T x"), "rf"),
        ((r"Variance = v^T C v", r"\frac{\partial Variance}{\partial v} = C v + C^T v"), "dr"),
        ((r"f = |w|^2 + c^T w", r"\nabla_w f = 2 w + c", r"\nabla_w f = w + c"), "drf"),
        # No line fails for shapes that are a guess, nor for a letter whose own line is not read.
        ((r"v_m = V e_m", r"x_n = X e_n", r"2 L_n = (V u_n - x_n)^T (V u_n - x_n)"), "ddu"),
        ((r"u^T (\frac1N \sum_{i=1}^N x_i x_i^T) u = \frac1N \sum_{i=1}^N (u^T x_i)^2 = u^T z_i",), "u"),
        ((r"y_i = x_i^T mathbf{q}", r"V = \frac1n \sum_i y_i^2 = \frac1n \sum_i (x_i^T q)^2"), "du"),
        # A chain rule is right in its own order; a factor that is left out is not put in.
        (
            (
                r"Y = A X B",
                r"\frac{\partial f}{\partial X} = \frac{\partial f}{\partial Y} \frac{\partial Y}{\partial X}",
            ),
            "dr",
        ),
        (
            (
                r"z = W x, h = \sigma(z), o = V h",
                r"\frac{\partial L}{\partial W} = \frac{\partial L}{\partial o}\frac{\partial o}{\partial h}"
                r"\frac{\partial h}{\partial z}\frac{\partial z}{\partial W}",
                r"\frac{\partial L}{\partial W} = \frac{\partial L}{\partial o}\frac{\partial o}{\partial h}"
                r"\frac{\partial z}{\partial W}",
            ),
            "dddru",
        ),
        # Of a loss that is only named the first line is taken at its word; the lines behind it are judged by it.
        (
            (
                r"z = W x + b, p = \mathrm{softmax}(z)",
                r"\frac{\partial L}{\partial z} = p - y",
                r"\frac{\partial L}{\partial W} = (p - y) \frac{\partial z}{\partial W} = (p - y) x^T",
                r"\frac{\partial L}{\partial x} = W^T (p - y)",
                r"\frac{\partial L}{\partial W} = x (p - y)^T",
                r"\frac{\partial L}{\partial x} = W (p - y)",
                r"\frac{\partial L}{\partial W} = (p - y) x^T + \lambda W",
            ),
            "ddarrffu",
        ),
        (
            (
                r"z_1 = W_1 x, a_1 = \sigma(z_1), z_2 = W_2 a_1, a_2 = \sigma(z_2)",
                r"\delta = \frac{\partial L}{\partial z_2} = a_2 - y",
                r"\frac{\partial L}{\partial z_1} = W_2^T (a_2 - y) \odot \sigma'(z_1)",
                r"\frac{\partial L}{\partial z_1} = W_2^T (a_2 - y) \odot \sigma(z_1)",
                r"\frac{\partial L}{\partial W_2} = \delta a_1^T",
            ),
            "ddddarfr",
        ),
        # What a section before says of it proves lines, and lets none fail.
        (
            (
                r"z = W x, a = \sigma(z), o = V a",
                "$1$\n\n## Output\n",
                r"\frac{\partial L}{\partial o} = p - y",
                "$1$\n\n## Weights\n",
                r"\frac{\partial L}{\partial V} = (p - y) a^T",
                r"\frac{\partial L}{\partial W} = (V^T (p - y) \odot \sigma'(z)) x^T",
                r"\frac{\partial L}{\partial W} = (V^T (p - y) \odot \sigma(z)) x^T",
            ),
            "dddarru",
        ),
        # The mean over samples, and what is added to each of them.
        (
            (
                r"Z = W X + b, A = \sigma(Z)",
                r"dZ = A - Y",
                r"dW = \frac1m dZ X^T",
                r"db = dZ 1",
                r"db = dZ",
                r"dW = dZ X",
            ),
            "ddarrrf",
        ),
        (
            (
                r"Z = X W + b",
                r"dW = X^T dZ",
                r"dX = dZ W^T",
                r"db = 1^T dZ",
                r"dW = X dZ",
            ),
            "drrrf",
        ),
        (
            (
                r"z = w^T x + b, a = \sigma(z), L = -y \log a - (1 - y) \log(1 - a)",
                r"\frac{dL}{dw} = \frac{dL}{da} \frac{da}{dz} x = (a - y) x",
                r"\frac{\partial L}{\partial w} = (y - a) x",
            ),
            "dddrf",
        ),
        # A bias that all samples share has the sum of their gradients.
        (
            (
                r"Z = X W + b",
                r"\frac{\partial L}{\partial W} = X^T \frac{\partial L}{\partial Z}",
                r"\frac{\partial L}{\partial b} = \sum_{i=1}^N \frac{\partial L}{\partial Z_i}",
                r"\frac{\partial L}{\partial b} = \sum \frac{\partial L}{\partial Z}",
                r"\frac{\partial L}{\partial b} = 2 \sum \frac{\partial L}{\partial Z}",
            ),
            "drrru",
        ),
        (
            (
                r"Let $X \in \mathbb{R}^{N \times d_{\text{in}}}$ and"
                r" $W \in \mathbb{R}^{d_{\text{in}} \times d_{\text{out}}}$.",
                r"Z = X W",
                r"\frac{\partial L}{\partial X} = \frac{\partial L}{\partial Z} W^T",
                r"\frac{\partial L}{\partial X} = \frac{\partial L}{\partial Z} W",
            ),
            "drf",
        ),
        (
            (
                r"$X \in \mathbb{R}^{N \times D}$, $W \in \mathbb{R}^{D \times K}$, $b \in \mathbb{R}^{K}$",
                r"Z = X W + b",
                r"\frac{\partial L}{\partial b} = \frac{\partial L}{\partial Z} 1",
                r"\frac{\partial L}{\partial b} = \frac{\partial L}{\partial Z}^T 1",
            ),
            "dfr",
        ),
        # Letters that depend on a number: the product rule, and the derivative of an inverse.
        (
            (
                r"\frac{\partial A B}{\partial t} = \frac{\partial A}{\partial t} B + A \frac{\partial B}{\partial t}",
                r"\frac{\partial A^{-1}}{\partial t} = -A^{-1} \frac{\partial A}{\partial t} A^{-1}",
                r"\frac{\partial A^{-1}}{\partial t} = A^{-1} \frac{\partial A}{\partial t} A^{-1}",
                r"\frac{\partial \det A}{\partial t} = \mathrm{tr}(A^{-1} \frac{\partial A}{\partial t})",
            ),
            "rrff",
        ),
        # ∇ stands before a product, or a sum, where only that is a number; what it is set to is followed.
        (
            (
                r"\nabla_w (Xw - y)^T(Xw - y) = 2X^T(Xw - y)",
                r"\nabla_w (Xw - y)^T(Xw - y) = X^T(Xw - y)",
                r"\nabla_w (Xw - y)^T(Xw - y) + \lambda w^T w = 2X^T(Xw - y) + 2\lambda w",
            ),
            "rfr",
        ),
        (
            (
                r"\nabla_w (Xw - y)^T(Xw - y) = 0",
                r"\nabla_w (w^T X^T X w - 2 w^T X^T y + y^T y) = 0",
                r"\nabla_w (w^T X^T X w - w^T X^T y + y^T y) = 0",
            ),
            "ara",
        ),
        (
            (r"J = \|Xw - y\|^2", r"\frac{\partial}{\partial w} y^T y = 0", r"\frac{\partial}{\partial w} X^T y = w"),
            "dru",
        ),
        # The loss is another letter than the one number of the text; what is no zero is no claim.
        (
            (
                r"y = W x, P = 2 c, Q = P + P",
                r"\frac{\partial L}{\partial x} = W^T \frac{\partial L}{\partial y}",
                r"\frac{\partial L}{\partial W} = \frac{\partial L}{\partial y} x^T \neq \mathbf{0}",
                r"\frac{\partial L}{\partial W} = x \frac{\partial L}{\partial y}^T",
            ),
            "dddrrf",
        ),
        # Sizes in brackets; what holds where a letter that has a formula is 0.
        (
            (
                r"- $x$: $[N \times D]$, $W$: $[D \times M]$",
                r"y = x W",
                r"\frac{\partial L}{\partial W} = x^T \frac{\partial L}{\partial y}",
                r"\frac{\partial L}{\partial W} = \frac{\partial L}{\partial y} x^T",
            ),
            "drf",
        ),
        (
            (
                r"m = \frac1N \sum_{i=1}^N x_i",
                r"S = \frac1N \sum_{i=1}^N (x_i - m)(x_i - m)^T",
                r"Since $m = 0$ we have",
                r"S = \frac1N \sum_{i=1}^N x_i x_i^T",
                r"S = \sum_{i=1}^N x_i x_i^T",
            ),
            "ddarf",
        ),
        # Samples that stand as rows; a bias that is one number; the estimate of another loss.
        ((r"J(w) = \sum_{i=1}^n (y_i - x_i w)^2 = (y - X w)^T (y - X w)", r"\nabla J = -2 X^T (y - X w)"), "rr"),
        (
            (
                r"\hat y = X w + b, L = \|\hat y - y\|^2",
                r"\frac{\partial L}{\partial b} = 2 \sum_{i=1}^n (\hat y_i - y_i)",
                r"\frac{\partial L}{\partial b} = \sum_{i=1}^n (\hat y_i - y_i)",
            ),
            "ddrf",
        ),
        (
            (
                r"L = \|y - X\beta\|^2 + \lambda\|\beta\|^2",
                r"\nabla_\beta L = 2 X^T (X\beta - y) + 2\lambda\beta",
                r"Least squares has the solution $\hat\beta_{OLS} = (X^T X)^{-1} X^T y$ and we have"
                r" $\hat\beta = (X^T X)^{-1} X^T y$.",
            ),
            "draf",
        ),
        (
            (r"\hat y = a = \sigma(w^T x)", r"\frac{d a}{d w} = a (1 - a) x", r"\frac{d \hat y}{d w} = a (1 - a) x"),
            "rrr",
        ),
        # One sample (x, y) beside the sums over all of them; what is set to zero is no claim.
        (
            (
                r"J = -\sum_{i=1}^m [y_i \log \sigma(w^T x_i) + (1-y_i) \log(1 - \sigma(w^T x_i))]",
                r"\nabla_w J = \sum_{i=1}^m (\sigma(w^T x_i) - y_i) x_i",
                r"For one example $\sigma = \sigma(w^\top x)$:",
                r"\frac{\partial}{\partial w}[y \log \sigma + (1-y) \log(1-\sigma)] = (y - \sigma) x",
                r"\frac{\partial}{\partial w}[y \log \sigma + (1-y) \log(1-\sigma)] = (y + \sigma) x",
            ),
            "drdrf",
        ),
        ((r"L = \sum_i \alpha_i (1 - y_i b)", r"\frac{\partial L}{\partial b} = 0", r"\sum_i \alpha_i y_i = 0"), "daa"),
        # a = ŷ names what has a formula.
        (
            (
                r"z = W x, a = \sigma(z)",
                r"a = \hat y, L = \|\hat y - y\|^2",
                r"\frac{dL}{dz} = 2(\hat y - y) \odot a \odot (1 - a)",
            ),
            "ddddr",
        ),
        # A letter is a vector where only that makes a number of what is differentiated.
        ((r"\nabla_w (w^T b) = b", r"\nabla_w (w^T b) = w"), "rf"),
        ((r"a = \sigma(z), L = \|a - y\|^2", r"\frac{\partial L}{\partial z} = 2(a-y)\odot \sigma^{\prime}(z)"), "ddr"),
        # What nobody can judge is not judged: stacked derivatives, the entry of one class.
        ((r"\frac{\partial}{\partial X} X^T A = A",), "u"),
        ((r"E = -\sum_i y_i \log \hat y_i = -\log \hat y_k",), "u"),
    ],
)
def test_a_line_is_judged_as_its_reader_would(lines, expected):
    assert judged(*lines) == expected


def test_a_line_that_holds_off_the_diagonal_says_so():
    report = check("$$s = \\mathrm{softmax}(z)$$\n$$\\frac{\\partial s_i}{\\partial z_j} = -s_i s_j$$")
    assert report.lines[1].verdict == "conditional"
    assert report.lines[1].condition == "i ≠ j"


RIDGE = (r"f = \|A x - b\|^2 + \|x\|^2", r"\nabla_x f = 2 A^T (A x - b) + 2 x = 0")
RIGHT_POINT = r"x = (A^T A + I)^{-1} A^T b"
LIKELIHOOD = (
    r"Let $K$ and $S$ be positive definite. $L = \operatorname{tr}(S K) - \log\det K$",
    r"\nabla_K L = S - K^{-1} = 0",
)


@pytest.mark.parametrize(
    ("lines", "verdict", "said", "repair"),
    [
        ((*RIDGE, r"x = (A^T A + I)^{-1} A^T b"), "assumption", "vanishes there: a minimum", None),
        ((*RIDGE, r"x = 2 (A^T A + I)^{-1} A^T b"), "fails", "does not vanish", RIGHT_POINT),
        ((*RIDGE, r"x = (A A^T + I)^{-1} A^T b"), "fails", "shapes", RIGHT_POINT),
        ((*LIKELIHOOD, "K = S"), "fails", "does not vanish", "K = S^{-1}"),  # the closed form, where no edit mends it
    ],
)
def test_a_solution_is_held_against_the_gradient(lines, verdict, said, repair):
    line = check("\n".join(line if "$" in line else f"$${line}$$" for line in lines)).lines[-1]
    assert (line.verdict, line.repair or None) == (verdict, repair)
    assert said in line.reason


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        (r"s_i (1 - s_i), \quad i = j", "conditional"),
        (r"-s_i s_j, \quad i \neq j", "conditional"),
        (r"s_i (1 - s_i), \quad i \neq j", "fails"),
        (r"-s_i s_j, \quad i = j", "fails"),
    ],
)
def test_a_line_speaks_of_the_entries_that_it_names(line, verdict):
    report = check(rf"$$s = \mathrm{{softmax}}(z)$$ $$\frac{{\partial s_i}}{{\partial z_j}} = {line}$$")
    assert report.lines[-1].verdict == verdict


# Of each leniency: what comes before, a right line that needs it, and lines beside it that are wrong.
LENIENT = {
    "the transposed layout": (
        (),
        (r"\frac{\partial a^T x}{\partial x} = a^T", r"\frac{\partial x^T A x}{\partial x} = x^T (A + A^T)"),
        (r"\frac{\partial a^T x}{\partial x} = 2 a^T", r"\frac{\partial x^T A x}{\partial x} = x^T (A - A^T)"),
    ),
    "entry by entry": (
        (r"z = W x, a = \sigma(z)",),
        (r"\frac{\partial a}{\partial z} = a \odot (1 - a)",),
        (r"\frac{\partial a}{\partial z} = a \odot (1 + a)", r"\frac{\partial a}{\partial z} = 1 - a"),
    ),
    "the mean over samples": (
        (r"Let $Z \in \mathbb{R}^{p \times m}$, $X \in \mathbb{R}^{n \times m}$.", r"Z = W X"),
        (r"\frac{\partial L}{\partial W} = \frac1m \frac{\partial L}{\partial Z} X^T",),
        (
            r"\frac{\partial L}{\partial W} = m \frac{\partial L}{\partial Z} X^T",
            r"\frac{\partial L}{\partial W} = \frac1p \frac{\partial L}{\partial Z} X^T",
            r"\frac{\partial L}{\partial W} = \frac1n \frac{\partial L}{\partial Z} X^T",
            r"\frac{\partial L}{\partial X} = \frac1m W^T \frac{\partial L}{\partial Z}",
        ),
    ),
    "the gradient of one sample": (
        (r"Z = X W + b",),
        (r"\frac{\partial L}{\partial b} = \frac{\partial L}{\partial Z}",),
        (r"\frac{\partial L}{\partial b} = 2 \frac{\partial L}{\partial Z}",),
    ),
    "a sum over samples": (
        (r"Z = X W + b",),
        (r"\frac{\partial L}{\partial b} = \sum_i \frac{\partial L}{\partial Z_i}",),
        (r"\frac{\partial L}{\partial b_j} = \sum_j \frac{\partial L}{\partial Z_{ij}}",),
    ),
    "one number for all entries": (
        (r"\hat y = X w + b, L = \|\hat y - y\|^2",),
        (r"\frac{\partial L}{\partial b} = 2\,\mathbf{1}^T (\hat y - y)",),
        (r"\frac{\partial L}{\partial b} = \mathbf{1}^T (\hat y - y)",),
    ),
    "a loss that is only named": (
        (
            r"z = W x, p = \mathrm{softmax}(z)",
            r"\frac{\partial L}{\partial z} = p - y",
            r"\frac{\partial L}{\partial x} = W^T (p - y)",
        ),
        (r"\frac{\partial L}{\partial W} = (p - y) x^T",),
        (r"\frac{\partial L}{\partial W} = x (p - y)^T", r"\frac{\partial L}{\partial W} = 2 (p - y) x^T"),
    ),
    "the order of the chain rule": (
        (r"z = W x, L = \|z - y\|^2",),
        (r"\frac{\partial L}{\partial W} = \frac{\partial L}{\partial z} \frac{\partial z}{\partial W}",),
        (r"\frac{\partial L}{\partial x} = W \frac{\partial L}{\partial z}",),
    ),
    "a symmetric matrix": (
        (r"f = x^T A x",),
        (r"\nabla_x f = 2 A x",),
        (r"\nabla_x f = 2.000000001 A x", r"\nabla_x f = A x"),
    ),
    "a path of a tied variable": (
        (r"L = \|W^T W x - x\|^2", "r = W^T W x - x"),
        (r"\frac{\partial L}{\partial W} = 2 W (r x^T + x r^T)",),
        (r"\frac{\partial L}{\partial W} = 2 W (r x^T - x r^T)",),
    ),
    "the sign of a derivative before a product": (
        ("f = x^T A x",),
        (
            r"\nabla_w (Xw - y)^T (Xw - y) = 2 X^T (Xw - y)",
            r"\left(\nabla_w (Xw - y)^T\right) (Xw - y) = X^T (Xw - y)",
            r"\frac{\partial (Xw - y)^T}{\partial w} (Xw - y) = X^T (Xw - y)",
            r"\frac{\partial x^T}{\partial x} A x = A x",
        ),
        (
            r"\left(\nabla_w (Xw - y)^T\right) (Xw - y) = 2 X^T (Xw - y)",
            r"\frac{\partial (Xw - y)^T}{\partial w} (Xw - y) = 2 X^T (Xw - y)",
            r"\frac{\partial x^T}{\partial x} A x = A x + A^T x",
        ),
    ),
    "small letters behind matrices": (
        (r"f = \|W a - d\|^2",),
        (r"\frac{\partial f}{\partial W} = 2 (W a - d) a^T", r"\nabla_a f = 2 W^T (W a - d)"),
        (r"\frac{\partial f}{\partial W} = 2 (W a - d) a", r"\nabla_a f = 2 W (W a - d)"),
    ),
    "𝟏 written as 1": (
        (r"g = x x^T \mathbf{1}", r"f = \mathbf{1}^T X \mathbf{1}"),
        (r"g = x (1^T x)", "g = x (x^T 1)", r"\nabla_X f = 1 1^T"),
        ("g = x^T x 1", r"\nabla_X f = 2 \cdot 1 1^T"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LENIENT)
def test_no_leniency_makes_a_wrong_line_right(name):
    before, right, wrong = LENIENT[name]
    for line in right:
        assert judged(*before, line)[-1] == "r", line
    for line in wrong:
        assert judged(*before, line)[-1] == "f", line


@pytest.mark.parametrize(
    "lines",
    [
        # c multiplies, and b does not only stand as a summand
        ("f = c^T x", r"\frac{\partial f}{\partial c} = \sum_i x_i"),
        (r"L = \|b \odot x - y\|^2", r"\frac{\partial L}{\partial b} = 2 \sum_i x_i (b_i x_i - y_i)"),
        (
            r"L = \|X w + b - y\|^2 + \|A b\|^2",
            r"\frac{\partial L}{\partial b} = 2\,\mathbf{1}^T (X w + b - y + A^T A b)",
        ),
        # a loss of one sample has no mean; of a loss that is known the factor is wrong
        (r"$A \in \mathbb{R}^{m \times n}$", r"f = \|A x - b\|^2", r"\nabla f = \frac{2}{m} A^T (A x - b)"),
    ],
)
def test_a_leniency_is_for_what_it_was_made(lines):
    assert judged(*lines)[-1] == "f"


@pytest.mark.parametrize("lines", [(r"z = W x + b", r"dW = \frac1m dz x^T"), (r"z = W x + b", r"db = \frac1m dz")])
def test_the_gradient_of_a_vector_is_of_one_sample(lines):
    assert judged(*lines)[-1] == "u"


def test_what_agrees_at_points_and_differs_is_wrong_under_every_condition():
    report = check(
        r"""$$\nabla_w (Xw - y)^T(Xw - y) = 0$$
$$\nabla_w (w^T X^T X w - 2 w^T X^T y + 10^{-9} w^T y) = 0$$"""
    )
    assert [line.verdict for line in report.lines] == ["assumption", "assumption"]
    assert judged("y = A^{-1} b", "dy = A^{-1} db - 1.000000001 A^{-1} dA y")[-1] == "f"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        # A rational function of a square matrix has a meaning of its own; others are taken of each entry.
        ((r"$Z \in \mathbb{R}^{n \times n}$, $g(t) = \frac{1}{1 + t^2}$", "A = g(Z)"), "du"),
        ((r"$Z \in \mathbb{R}^{m \times n}$, $g(t) = \frac{1}{1 + t^2}$", "A = g(Z)"), "dd"),
        ((r"$Z \in \mathbb{R}^{n \times n}$, $g(t) = \frac{1}{1 + e^{-t}}$", "A = g(Z)"), "dd"),
        # The d of a side condition is a letter.
        (
            (
                r"$$C x = d, \quad C \in \mathbb{R}^{p \times n}$$", "f = d^T C x", r"\nabla_C f = d x^T",
                r"\nabla_C f = x d^T", r"\nabla_d f = C x",
            ),
            "adrfr",
        ),
        (
            (
                r"$C x = d, C \in \mathbb{R}^{p \times n}$", "f = d^T C x", r"\nabla_C f = d x^T",
                r"\nabla_C f = x d^T", r"\nabla_d f = C x",
            ),
            "adrfr",
        ),
        # How far a derivative reaches behind a bracket is not known.
        ((r"\nabla_x (x^T A) x = A x + A^T x",), "u"),
        ((r"\nabla_w \left[(Xw - y)^T(Xw - y)\right] + \lambda w^T w = 2 X^T (Xw - y) + 2 \lambda w",), "u"),
    ],
)  # fmt: skip
def test_a_letter_or_sign_is_what_its_place_makes_it(lines, expected):
    assert judged(*lines) == expected


def test_passages_of_one_sample_are_read_up_to_a_bound(monkeypatch):
    total = r"J = -\sum_{i=1}^m [y_i \log \sigma(w^T x_i) + (1-y_i) \log(1 - \sigma(w^T x_i))]"
    one = r"\frac{\partial}{\partial w}[y \log \sigma(w^T x) + (1-y) \log(1-\sigma(w^T x))] = (y - \sigma(w^T x)) x"
    both = (one, r"\nabla_w J = \sum_{i=1}^m (\sigma(w^T x_i) - y_i) x_i")
    assert judged(total, *both * 3) == "d" + "rr" * 3
    monkeypatch.setattr("derive.checking.interpretation.MAX_SAMPLES", 4)
    assert set(judged(total, *both * 6)[-4:]) == {"u"}


@pytest.mark.parametrize(
    ("loss", "wrong", "right"),
    [
        (r"f = \frac12\|A x - b\|^2", r"\nabla f = \frac12 A^T (A x - b)", r"\nabla f = A^T (A x - b)"),
        (r"f = \frac12\|A x - b\|^2", r"\nabla f = \tfrac{1}{2}\,A^T\!(Ax-b)", r"\nabla f = A^T (Ax-b)"),
        (r"f = \frac12\|A x - b\|^2", r"\nabla f = A^TAx-2A^Tb", r"\nabla f = A^TAx-A^Tb"),
        (r"f = \frac12\|A x - b\|^2", r"\nabla f = A^T \cdot 2 \cdot (Ax-b)", r"\nabla f = A^T \cdot (Ax-b)"),
        (r"f = \|A x - b\|^2", r"\nabla f = A^\top(Ax-b)", r"\nabla f = 2A^\top(Ax-b)"),
        (r"f = \|A x - b\|^2", r"\nabla f = 2A^TAx-2A^Tb+b", r"\nabla f = 2A^TAx-2A^Tb"),
        ("f = ½‖A x − b‖²", "∇f = ½ Aᵀ(Ax − b)", "∇f = Aᵀ(Ax − b)"),
        (
            r"f = \frac{1}{2m}\sum_{i=1}^m (w^T x_i - y_i)^2", r"\nabla f = \sum_{i=1}^m (w^T x_i - y_i) x_i",
            r"\nabla f = \frac{1}{m} \sum_{i=1}^m (w^T x_i - y_i) x_i",
        ),
        (r"f = \|A x - b\|^2", r"\nabla^2 f = 3 A^T A", r"\nabla^2 f = 2 A^T A"),
        (
            r"f = \frac12\|\mathbf{A}\mathbf{x} - \bm{b}\|^2",
            r"\nabla f = \mathbf{A}^{T} (\mathbf{A}\mathbf{x} + \bm{b})",
            r"\nabla f = \mathbf{A}^{T} (\mathbf{A}\mathbf{x} - \bm{b})",
        ),
        (
            r"f = \|W h^{(1)}\|^2", r"\frac{\partial f}{\partial W} = 2 (W h^{(1)}) h^{(1)}",
            r"\frac{\partial f}{\partial W} = 2 (W h^{(1)}) (h^{(1)})^\top",
        ),
        (
            "O = P V", r"\frac{\partial L}{\partial V} = P \frac{\partial L}{\partial O}",
            r"\frac{\partial L}{\partial V} = P^\top \frac{\partial L}{\partial O}",
        ),
        ("$O = P V$, $dP = dO V^T$", "dV = P dO", "dV = P^T dO"),
        (
            r"$c = f \odot k$, $\delta c = \frac{\partial L}{\partial c}$", 
            r"\frac{\partial L}{\partial f} = \delta c \odot f",
            r"\frac{\partial L}{\partial f} = \delta c \odot k",
        ),
        (
            r"f = -\sum_{i=1}^n c_i \|x_i - u\|^2", r"\nabla_u f = -2\sum_{i=1}^n c_i (x_i - u)",
            r"\nabla_u f = 2\sum_{i=1}^n c_i (x_i - u)",
        ),
    ],
)  # fmt: skip
def test_a_repair_is_the_text_of_the_author_with_one_place_changed(loss, wrong, right):
    line = check((loss if "$" in loss else f"$${loss}$$") + f"\n$${wrong}$$").lines[-1]
    assert line.verdict == "fails" and line.repair == right


def test_a_search_for_repairs_leaves_the_points_of_the_judge_alone():
    from derive.checking.examination import Budget, witness_of
    from derive.checking.interpretation import read
    from derive.checking.repairs import Claimed
    from derive.checking.verdicts import Judge

    (scope,) = read("$$f = x^T A x$$\n$$\\nabla_x f = A A x$$").scopes
    judge = Judge(scope, "gradient", witness_of(scope))
    judge.run()
    claim, (judgment,) = judge.judgments[-1]
    letters = list(judge.witness.symbols)
    search = Claimed(judge, claim, judgment, Budget())
    assert judgment.verdict == "fails" and search.suppose_symmetry(search.target())
    assert judge.witness.symbols == letters


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        # b behind a row is a column; O that a line defines is no zero; I stands beside square matrices alone.
        (("s = a^T b", r"\frac{\partial s}{\partial a} = b", r"\frac{\partial s}{\partial b} = b"), "drf"),
        (
            (
                r"$A = Q K^\top$, $O = A V$, $L = \frac12\|O - Y\|_F^2$",
                r"\frac{\partial L}{\partial V} = A^\top (O - Y)",
                r"\frac{\partial L}{\partial V} = A (O - Y)",
            ),
            "dddrf",
        ),
        (
            (
                r"For $P$ and $R$ symmetric, $J = \operatorname{tr}((I - K H) P (I - K H)^\top + K R K^\top)$",
                r"\frac{\partial J}{\partial K} = -2 (I - K H) P H^\top + 2 K R",
                r"\frac{\partial J}{\partial K} = -2 (I - K H) P H^\top + 2 R K",
            ),
            "drf",
        ),
        # log p(y) names a formula where no line says what p is.
        (
            (
                r"$\log p(y) = -\frac12 y^\top K^{-1} y - \frac12 \log\det K$, where $K$ is symmetric.",
                r"\frac{\partial \log p}{\partial y} = -K^{-1} y", r"\frac{\partial \log p(y)}{\partial y} = K^{-1} y",
            ),
            "drf",
        ),
        # "For Σ symmetric:" opens no rule in letters of its own.
        (
            (
                r"For $S$ symmetric: $Q = -\frac N2 \log\det S - \frac12 \operatorname{tr}(S^{-1} M)$, $M$ symmetric.",
                r"\frac{\partial Q}{\partial S} = -\frac N2 S^{-1} + \frac12 S^{-1} M S^{-1}",
                r"\frac{\partial Q}{\partial S} = -N S^{-1} + \frac12 S^{-1} M S^{-1}",
            ),
            "drf",
        ),
        # ^T transposes beside targets t, too.
        (
            (
                r"L = \frac12 \sum_{n=1}^N \|t_n - W x_n\|^2",
                r"\frac{\partial L}{\partial W} = -\sum_{n=1}^N (t_n - W x_n) x_n^T",
                r"\frac{\partial L}{\partial W} = \sum_{n=1}^N (t_n - W x_n) x_n^T",
            ),
            "drf",
        ),
        # What stands between the same bracket twice is a matrix.
        (
            (
                r"\ell = -\frac12 (x - \mu)^T \Lambda (x - \mu)", r"\nabla_\mu \ell = \Lambda (x - \mu)",
                r"\nabla_\mu \ell = 2 \Lambda (x - \mu)",
            ),
            "drf",
        ),
        # What holds for one-hot vectors is right where the text says that they are.
        (
            (
                r"Let $y$ be one-hot. $L = -y^T \log p$", r"L = -\log(y^T p)", r"L = -\log(p^T p)",
                r"\nabla_p L = -y",
            ),
            "drff",
        ),
        ((r"Let $y$ be a probability vector. $L = -y^T \log p$", r"L = -\log(y^T p)"), "df"),
        # A function of numbers that a line defines, applied within the one of a sample, and to what is no sample.
        (
            (
                r"g(z) = \frac{1}{1 + e^{-z}}", r"h_\theta(x) = g(\theta^T x)",
                r"\ell(\theta) = \sum_{i=1}^m y_i \log h_\theta(x_i) + (1 - y_i) \log(1 - h_\theta(x_i))",
                r"\nabla_\theta \ell = \sum_{i=1}^m (y_i - h_\theta(x_i)) x_i",
                r"\nabla_\theta \ell = \sum_{i=1}^m (y_i + h_\theta(x_i)) x_i",
            ),
            "dddrf",
        ),
        (
            (
                r"\rho(r) = \sqrt{1 + r^2} - 1", r"f(x) = \sum_i\rho(a_i^T x - b_i)",
                r"\nabla f(x) = \sum_i \frac{a_i^T x - b_i}{\sqrt{1 + (a_i^T x - b_i)^2}} a_i",
                r"\nabla f(x) = \sum_i \frac{a_i^T x - b_i}{1 + (a_i^T x - b_i)^2} a_i",
            ),
            "ddrf",
        ),
        (
            (
                "g(z) = e^{z}", r"L = \sum_i y_i g(w^T x_i)", r"\nabla_w L = \sum_i y_i g'(w^T x_i) x_i",
                r"\nabla_w L = \sum_i y_i g(w^T x_i) x_i", r"\nabla_w L = X^T (y \odot g'(X w))",
                r"\nabla_w L = \sum_i y_i g'(w^T x_i) w", r"\nabla_w L = X^T (y \odot g(w))",
            ),
            "ddrrrff",
        ),
        # β is a vector where only that makes a number of the loss.
        (
            (
                r"\ell(\beta) = \sum_{i=1}^n (y_i x_i^T\beta - e^{x_i^T\beta})",
                r"\nabla \ell(\beta) = \sum_{i=1}^n (y_i - e^{x_i^T\beta}) x_i",
                r"\nabla \ell(\beta) = \sum_{i=1}^n (y_i - x_i^T\beta) x_i",
            ),
            "drf",
        ),
        # δᵢⱼ speaks of all entries; a derivative that holds for orthonormal columns is wrong.
        (
            (
                r"p = \mathrm{softmax}(z)", r"\frac{\partial p_i}{\partial z_j} = p_i (\delta_{ij} - p_j)",
                r"\frac{\partial p_i}{\partial z_j} = p_j (\delta_{ij} - p_j)",
            ),
            "drf",
        ),
        (
            (
                r"f = \log\det(X^T X)", r"df = \operatorname{tr}((X^T X)^{-1} d(X^T X))",
                r"df = \operatorname{tr}(X^T X d(X^T X))",
            ),
            "drf",
        ),
        # Layers of small letters: matrices and vectors where a line multiplies entry by entry, else numbers.
        (
            (
                r"z^l = w^l a^{l-1} + b^l, a^l = \sigma(z^l), \delta^l = \partial C/\partial z^l",
                r"\delta^l = ((w^{l+1})^T \delta^{l+1}) \odot \sigma'(z^l)",
                r"\delta^l = (w^{l+1} \delta^{l+1}) \odot \sigma'(z^l)",
                r"\frac{\partial C}{\partial w^l} = \delta^l (a^{l-1})^T",
                r"\frac{\partial C}{\partial w^l} = a^{l-1} (\delta^l)^T",
            ),
            "dddrfrf",
        ),
        (
            (
                "z^{(L)} = w^{(L)} a^{(L-1)} + b^{(L)}", r"a^{(L)} = \sigma(z^{(L)})", "C = (a^{(L)} - y)^2",
                r"\frac{\partial C}{\partial w^{(L)}} = a^{(L-1)} \sigma'(z^{(L)}) 2 (a^{(L)} - y)",
                r"\frac{\partial C}{\partial w^{(L)}} = w^{(L)} \sigma'(z^{(L)}) 2 (a^{(L)} - y)",
            ),
            "dddrf",
        ),
        # What is named last has no other meaning; a step of an iteration says nothing of x.
        (
            (
                r"f = \log\sum_i e^{x_i}", r"\frac{\partial f}{\partial x_j} = \frac{e^{x_j}}{\sum_i e^{x_i}} = p_j",
                r"\nabla^2 f = \operatorname{diag}(p) - p p^T", r"\nabla^2 f = \operatorname{diag}(p) + p p^T",
            ),
            "drdrf",
        ),
        ((r"f = \|A x - b\|^2", r"\nabla f = 2A^T(A x - b) = g", r"\nabla f = 2A^T(A x - b) = x"), "drdf"),
        (
            (
                "Let $A$ be symmetric.", r"f(x) = \frac12 x^T A x - b^T x", r"\nabla f(x) = A x - b",
                r"\nabla f(x) = A x + b", r"x_{k+1} = x_k - (\nabla^2 f(x_k))^{-1} \nabla f(x_k)",
            ),
            "drfa",
        ),
        # A line has one layout, and ∂L/∂O stands as it does in it; δ = ∂L/∂z is a column.
        (
            (
                "O = P V", r"\frac{\partial L}{\partial P} = V \frac{\partial L}{\partial O}",
                r"\frac{\partial L}{\partial P} = V (\frac{\partial L}{\partial O})^T",
            ),
            "drf",
        ),
        # A diagonal by its entries; a trace of what a mark behind the bracket turns.
        (
            (
                r"W = \operatorname{diag}(w_1, \dots, w_n)", r"J = \frac12(X\theta - y)^T W (X\theta - y)",
                r"\nabla_\theta J = X^T W (X\theta - y)", r"\nabla_\theta J = X W (X\theta - y)",
            ),
            "ddrf",
        ),
        (
            (
                r"\phi = \operatorname{tr}(X^T A X)",
                r"d\phi = \operatorname{tr}(dX)^T A X + \operatorname{tr} X^T A dX",
                r"d\phi = \operatorname{tr}(dX)^T A X - \operatorname{tr} X^T A\,dX",
            ),
            "drf",
        ),
        # aᵢⱼ is an entry of A, and yᵢ of a y that has a formula.
        (
            (
                r"f(x) = \sum_{i=1}^n\sum_{j=1}^n a_{ij} x_i x_j = x^T A x",
                r"\frac{\partial f}{\partial x_k} = \sum_{j=1}^n a_{kj} x_j + \sum_{i=1}^n a_{ik} x_i",
                r"\frac{\partial f}{\partial x_k} = \sum_{j=1}^n a_{kj} x_j - \sum_{i=1}^n a_{ik} x_i",
                r"\frac{\partial f}{\partial x} = A x + A^T x", r"\frac{\partial f}{\partial x} = A x - A^T x",
            ),
            "rrfrf",
        ),
        (
            (
                r"\operatorname{tr}(A B) = \sum_i \sum_j a_{ij} b_{ji}",
                r"\operatorname{tr}(A B) = \sum_i \sum_j a_{ij} b_{ij}",
                r"\frac{\partial \operatorname{tr}(A B)}{\partial a_{ij}} = b_{ji}",
                r"\frac{\partial \operatorname{tr}(A B)}{\partial a_{ij}} = b_{ij}",
            ),
            "rfrf",
        ),
        (
            (
                "y = A x", r"y_i = \sum_j a_{ij} x_j", r"y_i = \sum_j a_{ji} x_j",
                r"\frac{\partial y_i}{\partial x_j} = a_{ij}", r"\frac{\partial y_i}{\partial x_j} = a_{ji}",
            ),
            "drfrf",
        ),
        # Definitions in indices that go round are not read.
        ((r"A_{ij} = A_{ik} \delta_{kj}", r"\frac{\partial (A_{ik} x_k)}{\partial x_j} = A_{ij}"), "uu"),
        # P^- of a filter is a name, where TeX raises the sign alone; of A⁻ by A nothing is said.
        (
            (
                "Let $P^-$ and $R$ be symmetric.", r"P = (I - KH)P^-(I-KH)^\top + KRK^\top",
                r"P = P^- - KHP^- - P^-H^\top K^\top + K(HP^-H^\top + R)K^\top",
                r"P = P^- - KHP^- + P^-H^\top K^\top + K(HP^-H^\top + R)K^\top",
                r"\frac{\partial \operatorname{tr}(P)}{\partial K} = -2(HP^-)^\top + 2K(HP^-H^\top + R)",
                r"\frac{\partial \operatorname{tr}(P)}{\partial K} = -2HP^- + 2K(HP^-H^\top + R)",
            ),
            "drfrf",
        ),
        (
            (
                r"P_k = (I - K_k H)P_k^-(I-K_k H)^\top", r"P_k = (I - K_k H)(P_k^- - P_k^-H^\top K_k^\top)",
                r"P_k = (I - K_k H)(P_k^- - P_k^-H^\top K_k)",
            ),
            "drf",
        ),
        ((r"f = \operatorname{tr}(A^- A B)", r"\frac{\partial f}{\partial A} = (A^-)^T B^T"), "du"),
        # Second derivatives by a name for a part of the formula; δc, which a line says is ∂L/∂c.
        (
            (
                "s = \\sigma^2", r"\ell = -\frac n2\log s - \frac{1}{2s} y^T y",
                r"\frac{\partial^2\ell}{\partial s^2} = \frac{n}{2s^2} - \frac{1}{s^3} y^T y",
                r"\frac{\partial^2\ell}{\partial s^2} = \frac{n}{2s^2} - \frac{1}{2s^3} y^T y",
            ),
            "ddrf",
        ),
        (
            (
                r"c = f \odot k", r"\delta c = \frac{\partial L}{\partial c}",
                r"\frac{\partial L}{\partial f} = \delta c \odot k",
                r"\frac{\partial L}{\partial f} = \delta c \odot f",
            ),
            "ddrf",
        ),
        # What an equation between letters says of their differentials.
        (
            (
                "A x = b", r"dA\,x + A\,dx = db", r"dx = A^{-1}(db - dA\,x)", r"dA\,x - A\,dx = db",
                r"dx = A^{-1}(db + dA\,x)",
            ),
            "arrff",
        ),
        ((r"Q^T Q = I", "dQ^T Q + Q^T dQ = 0"), "ar"),
        ((r"u^T u = 1", "u^T du = 0"), "ar"),
        (
            (
                r"A u = \lambda u", r"dA\,u + A\,du = d\lambda\,u + \lambda\,du",
                r"dA\,u - A\,du = d\lambda\,u + \lambda\,du",
            ),
            "aru",
        ),
        # Labels sum to one in each row; ℓᵢ(w) within a sum is its formula; a letter above is no power.
        (
            (
                r"$X \in \mathbb{R}^{N \times D}$, $W \in \mathbb{R}^{D \times K}$, $Y \in \mathbb{R}^{N \times K}$",
                r"P = \operatorname{softmax}(X W)", r"L = -\sum_{n=1}^N \sum_{k=1}^K Y_{nk} \log P_{nk}",
                r"\nabla_W L = X^T (P - Y)", r"\nabla_W L = X^T (P + Y)", r"\nabla_W L = 2 X^T (P - Y)",
            ),
            "ddrff",
        ),
        (
            (
                r"\ell_i(w) = \frac12(w^T x_i - y_i)^2", r"L(w) = \frac1n \sum_{i=1}^n \ell_i(w)",
                r"\nabla L(w) = \frac1n \sum_{i=1}^n (w^T x_i - y_i) x_i",
                r"\nabla L(w) = \sum_{i=1}^n (w^T x_i - y_i) x_i",
            ),
            "ddrf",
        ),
        (
            (
                "Let $B$ be symmetric.", r"m(p) = g^T p + \frac12 p^T B p", r"\nabla m(p) = g + B p",
                "The minimizer is $p^B = -B^{-1} g$.", r"\nabla m(p) = g - B p",
            ),
            "druf",
        ),
        (
            (
                "For $f = a^T X^{-1} b$ we have", r"df = -a^T X^{-1} dX X^{-1} b", r"df = a^T X^{-1} dX X^{-1} b",
            ),
            "drf",
        ),
        # K depends on what L is differentiated by, where a line writes ∂K/∂θ.
        (
            (
                r"L = -\frac12 y^T K^{-1} y - \frac12 \log\det K",
                r"\frac{\partial L}{\partial \theta} = \frac12 y^T K^{-1} \frac{\partial K}{\partial \theta} K^{-1} y"
                r" - \frac12 \operatorname{tr}(K^{-1} \frac{\partial K}{\partial \theta})",
                r"\frac{\partial L}{\partial \theta} = \frac12 y^T K^{-1} \frac{\partial K}{\partial \theta} K^{-1} y"
                r" - \operatorname{tr}(K^{-1} \frac{\partial K}{\partial \theta})",
            ),
            "drf",
        ),
        # Second derivatives of plain text.
        ((r"L = \|A x - b\|^2", "d2L/dx2 = 2 A^T A", "d^2L/dx^2 = 2 A^T A", "d2L/dx2 = A^T A"), "drrf"),
    ],
)  # fmt: skip
def test_a_letter_is_read_as_its_document_has_it(lines, expected):
    assert judged(*lines) == expected


def test_no_differential_is_symmetric_by_itself():
    line = check(r"$$\phi = \det X$$ $$d\phi = \det(X) \operatorname{tr}(X^{-\top} dX)$$").lines[-1]
    assert (line.verdict, line.kind) == ("fails", "inverse transpose")


def test_a_condition_is_said_beside_the_source_of_a_line():
    text = r"""$$z = W x, p = \mathrm{softmax}(z)$$
$$\frac{\partial L}{\partial z} = p - y$$
$$\frac{\partial L}{\partial W} = x (p - y)^T$$"""
    line = check(text).lines[-1]
    assert line.condition == "numerator layout" and "numerator layout" in line.reason


def test_a_line_of_code_is_a_formula_and_a_label_is_none():
    text = """# Tikhonov

`J(x) = ½‖A x − b‖² + ½ α ‖L x‖²`

∇J(x) = Aᵀ(A x − b) + α Lᵀ L x
∇J(x) = Aᵀ(A x − b) + α L x

minimize over R: f(R) = ‖A R − B‖²
∇f = 2 Aᵀ (A R − B)
∇f = 2 A (A R − B)
"""
    verdicts = ["definition", "proved", "fails"]
    assert [line.verdict for line in check(text).lines] == verdicts * 2


def test_the_repair_of_plain_text_is_plain_text():
    text = "h = W₁ x\ny = W₂ h\nL = ½ ‖y − x‖²\n∂L/∂h = W₁ (y − x)"
    assert check(text).lines[-1].repair == "∂L/∂h = W₂ᵀ (y − x)"


def test_what_a_repair_tries_is_no_reading_of_the_document():
    report = check(r"$$J = \frac{1}{2N}\|X\theta - y\|^2$$ $$\nabla_\theta J = \frac1N X^T (X\theta + y)$$")
    assert not report.ok and not report.readings


SQUARE_A = r"Let $A \in \mathbb{R}^{n\times n}$."
COLUMNS, ROWS = r"\frac{\partial (x^T A)}{\partial x} x = A x", r"\frac{\partial (x^T A)}{\partial x} x = A^T x"


def test_lines_that_need_two_layouts_of_a_jacobian_name_them_as_conditions():
    lines = check(f"{SQUARE_A} $${COLUMNS}$$ $${ROWS}$$").lines
    assert [line.verdict for line in lines] == ["conditional", "conditional"]
    assert [line.condition.split()[-1] for line in lines] == ["columns", "rows"]
    for alone in (COLUMNS, ROWS):
        assert check(f"{SQUARE_A} $${alone}$$ $${alone}$$").lines[-1].verdict == "proved"


def test_a_jacobian_of_a_column_and_that_of_a_row_need_not_stand_alike():
    lines = check(rf"{SQUARE_A} $$\frac{{\partial (A x)}}{{\partial x}} = A$$ $${COLUMNS}$$").lines
    assert [line.verdict for line in lines] == ["proved", "proved"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        # d begins both parts of the fraction, whatever else it is
        ((r"Let $x, d \in \mathbb{R}^n$.", r"L = \|x - d\|^2", r"\frac{dL}{dx} = 2(x - d)"), "dr"),
        ((r"Let $x, d \in \mathbb{R}^n$.", r"L = \|x - d\|^2", r"\frac{dL}{dx} = 2dx"), "df"),
        ((r"Let $d \in \mathbb{R}$.", r"L = d x^T x", r"dL/dx = 2dx"), "dr"),
        ((r"Let $d \in \mathbb{R}$.", r"L = d x^T x", r"dL/dx = 3dx"), "df"),
        # d is a letter where a name is given with it, and nothing is a differential
        ((r"L = d x^T x", r"\nabla_x L = 2dx"), "dr"),
        ((r"L = d x^T x", r"\nabla_x L = dx"), "df"),
        ((r"L = b x + c x^2 + d x^3", r"\frac{dL}{dx} = b + 2 c x + 3 d x^2"), "dr"),
        ((r"L = b x + c x^2 + d x^3", r"\frac{dL}{dx} = b + 2 c x + 2 d x^2"), "df"),
        ((r"L = x^T x", r"dL = 2 x^T dx"), "dr"),
    ],
)
def test_d_is_a_letter_or_a_sign(lines, expected):
    assert judged(*lines) == expected


def test_the_repair_of_a_polynomial_keeps_its_letter_d():
    report = check(r"$$L = c x^2 + d x^3$$ $$\frac{dL}{dx} = 2 c x + 3 d x$$")
    assert report.lines[-1].repair == r"\frac{dL}{dx} = 2 c x + 3 d x^2"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((r"f = \|W a\|_F^2", r"\frac{\partial f}{\partial W} = 2a^2 W"), "dr"),
        ((r"f = \|W a\|_F^2", r"\frac{\partial f}{\partial W} = a^2 W"), "df"),
        ((r"Let $a$ be a scalar.", r"f = \|W a\|_F^2", r"\frac{\partial f}{\partial W} = 2 W a a"), "dr"),
        # a letter that is transposed is a vector, wherever else it stands
        ((r"f = \|W a - d\|^2", r"\frac{\partial f}{\partial W} = 2 (a W - d) a^T"), "df"),
        # m and k only multiply
        (
            (
                r"E = \frac12 m v^T v + \frac12 k \|q - q_0\|^2",
                r"\frac{\partial E}{\partial q} = k (q - q_0)",
                r"\frac{\partial E}{\partial v} = m v",
            ),
            "drr",
        ),
        ((r"E = \frac12 m v^T v", r"\frac{\partial E}{\partial v} = \frac12 m v"), "df"),
        ((r"f = x^T W y", r"\frac{\partial f}{\partial W} = x y"), "df"),
    ],
)
def test_a_letter_that_only_multiplies_is_a_number(lines, expected):
    assert judged(*lines) == expected


SIZED = r"Let $A \in \mathbb{R}^{m\times n}$."


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((SIZED, r"f = \|A x - b\|^2", r"\nabla f = 2 A^T (A x - b) \in \mathbb{R}^n"), "dr"),
        ((SIZED, r"f = \|A x - b\|^2", r"\nabla f = A^T (A x - b) \in \mathbb{R}^n"), "df"),
        # the shape is that of the product, and not of its last letter
        ((SIZED, r"y = A x \in \mathbb{R}^m", r"f = \|y\|^2", r"\nabla_x f = 2 A^T y"), "ddr"),
        ((SIZED, r"y = A x \in \mathbb{R}^m", r"f = \|y\|^2", r"\nabla_x f = 2 A y"), "ddf"),
        ((r"f = \|A x - b\|^2", r"\nabla_A f = 2 (A x - b) x^T \in \mathbb{R}^{m \times n}"), "dr"),
    ],
)
def test_a_line_may_say_again_where_its_value_lies(lines, expected):
    assert judged(*lines) == expected


def test_that_a_restated_shape_is_not_judged_is_said():
    report = check(rf"{SIZED} $$f = \|A x\|^2$$ $$\nabla f = 2 A^T A x \in \mathbb{{R}}^n$$")
    assert any("∈" in reading for reading in report.readings) and "T: m × n" not in report.where
    assert not check(rf"{SIZED} $$f = \|A x\|^2$$ $$\nabla f = 2 A^T A x$$").readings


def test_raised_sizes_are_read():
    text = "Let A ∈ ℝᵐˣⁿ, x ∈ ℝⁿ, c ∈ ℝ.\nf = c ‖A x‖²\n∇f = 2c AᵀA x ∈ ℝⁿ\n∇f = c AᵀA x ∈ ℝⁿ"
    report = check(text)
    assert {"A: m × n", "x: n × 1", "c: scalar"} <= set(report.where)
    assert [line.verdict for line in report.lines] == ["definition", "proved", "fails"]


@pytest.mark.parametrize("letter", ["c", "d", "y"])
def test_an_unlikely_variable_of_nabla_is_a_condition(letter):
    line = check(rf"$$f = \frac12\|x - {letter}\|^2$$ $$\nabla f = {letter} - x$$").lines[-1]
    assert (line.verdict, line.condition) == ("conditional", f"∇ by {letter}")
    line = check(rf"$$f = \frac12\|x - {letter}\|^2$$ $$\nabla f = x - {letter}$$").lines[-1]
    assert (line.verdict, line.condition) == ("proved", None)


def test_letters_that_touch_in_a_polynomial_are_letters():
    before = r"p = a + bt + ct^2 + dt^3"
    assert judged(before, r"\frac{dp}{dt} = b + 2ct + 3dt^2") == "dr"
    assert judged(before, r"\frac{dp}{dt} = b + 2ct + 2dt^2") == "df"
    report = check(rf"$${before}$$ $$\frac{{dp}}{{dt}} = b + 2ct + 2dt^2$$")
    assert "d: scalar" in report.where and "partial" not in report.lines[-1].repair


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        # A letter that the document knows is not defined by what stands before it.
        (("f=x^Tx+c^Tx", "g=x^Tx", r"\nabla g = 2x = c", r"\nabla f = 2x + c", r"\nabla f = 4x"), "ddfrf"),
        (("f=x^Tx", "g=x^Tx+c^Tx", r"\nabla f = 2x = c", r"\nabla g = 2x + c", r"\nabla g = 4x"), "ddfrf"),
        (
            (
                r"L=-y^T\log p", r"f=\log\sum_i e^{z_i}",
                r"\frac{\partial f}{\partial z_j}=\frac{e^{z_j}}{\sum_i e^{z_i}}=y_j",
            ),
            "ddf",
        ),
        ((r"L=\operatorname{tr}(G^TX)", r"f=\|W\|^2", r"\nabla_W f=2W=G", r"\nabla_X L=2W", r"\nabla_X L=G"), "ddffr"),
        (("Let $y \\in R^n$ be the vector of labels.", r"f=\|x\|^2", r"\nabla f = 2x = y"), "df"),
        (("The vector $y$ is given, and $A$.", r"f=\|A x\|^2", r"\nabla f = 2A^TA x = y"), "du"),
        ((r"f=\|x\|^2", r"\nabla f = 2x = y", "where $y$ denotes the labels"), "du"),
        (("Let θ be what is sought. $$f=\\|x\\|^2$$", r"\nabla f = 2x = \theta"), "du"),
        ((r"f=\|x\|^2", r"\nabla f = 2x = c", r"\nabla_x (c^Tx) = c", r"\nabla_x (c^Tx) = 2x"), "dfrf"),
        ((r"f=\|x\|^2", r"\nabla f = 2x = g", "H = g g^T", "H = 4 x x^T", "H = 2 x x^T"), "drddrf"),
        # Nothing is assumed of what is differentiated by, or of what probabilities are computed from.
        (
            (
                r"P=\operatorname{softmax}(Z)", r"f=\|Z\mathbf 1\|^2+\operatorname{sum}(P\odot Y)",
                r"\nabla_Z f = 2\mathbf 1\mathbf 1^T + P\odot Y - P\odot((P\odot Y)\mathbf 1\mathbf 1^T)",
                r"\nabla_Z f = 2 Z\mathbf 1\mathbf 1^T + P\odot Y - P\odot((P\odot Y)\mathbf 1\mathbf 1^T)",
            ),
            "ddfr",
        ),
        (
            (
                r"p = \operatorname{softmax}(z)", r"L = -y^T\log p", r"\nabla_z L = p - y",
                r"\nabla_y L = -\log p + (1-1^Ty)y", r"\nabla_y L = -\log p",
            ),
            "ddrfr",
        ),
        # What an equation says of differentials where one side does not move; a value at a point says nothing.
        (
            (
                r"Let $A \in \mathbb{R}^{n\times n}$, with $b$ fixed.", "A x = b", r"A\,dx+dA\,x=0", r"A\,dx=-dA\,x",
                r"A\,dx-dA\,x=0", r"A\,dx=dA\,x",
            ),
            "arrff",
        ),
        (("f = x^2", "x = 2", "dx = 0"), "daa"),
        # A capital that is a loss, or a number, has no entries.
        (
            (
                r"E=\sum_{i=1}^n\sum_{j=1}^n e_{ij}^2", r"\frac{\partial E}{\partial e_{ij}}=2e_{ij}",
                r"\frac{\partial E}{\partial e_{ij}}=e_{ij}",
            ),
            "drf",
        ),
        (
            (
                r"f=\frac1K\sum_{i,j}k_{ij}a_ia_j", r"\frac{\partial f}{\partial k_{ij}}=\frac1K a_ia_j",
                r"\frac{\partial f}{\partial k_{ij}}=a_ia_j",
            ),
            "drf",
        ),
        # An iterate is no entry.
        ((r"x=A^{-1}b", r"x_k=x_{k-1}-\alpha A^T(Ax_{k-1}-b)"), "dd"),
        # Functions of numbers within one another, and in what the entries of a vector are.
        (
            (
                r"g(z)=\frac1{1+e^{-z}}", r"p_i=g(w^Tx_i)", r"L=-\sum_i y_i\log g(w^Tx_i)",
                r"\frac{\partial L}{\partial w}=-\sum_i y_i(1-p_i)x_i",
                r"\frac{\partial L}{\partial w}=-\sum_i y_ip_ix_i",
            ),
            "dddrf",
        ),
        (
            (
                "g(z)=z^2", r"f=\sum_i g(g(g(x_i)))", r"\frac{\partial f}{\partial x_i}=8x_i^7",
                r"\frac{\partial f}{\partial x_i}=4x_i^7",
            ),
            "ddrf",
        ),
        (("g(z)=a z^2", r"f=\sum_i g(w^Tx_i)", r"\nabla_w f=\sum_i 2a w^Tx_i x_i"), "ddu"),
        (("g(z)=z^2", r"f=\sum_i " + "g(" * 12 + "x_i" + ")" * 12, r"\frac{\partial f}{\partial x_i}=x_i"), "duu"),
        # Layers of small letters are matrices and vectors where nothing says that they are numbers.
        (
            (
                r"$z^l=w^l a^{l-1}+b^l, a^l=\sigma(z^l)$",
                r"\frac{\partial C}{\partial a^{l-1}}=w^l\frac{\partial C}{\partial z^l}",
                r"\frac{\partial C}{\partial a^{l-1}}=(w^l)^T\frac{\partial C}{\partial z^l}",
            ),
            "ddfr",
        ),
        (
            (
                r"The activations are vectors. $z^l=w^l a^{l-1}+b^l, a^l=\sigma(z^l)$, $C = (a^L-y)^2$",
                r"\frac{\partial C}{\partial w^l}=\frac{\partial C}{\partial z^l}a^{l-1}",
            ),
            "dddf",
        ),
        (
            (
                r"$z^l=w^l a^{l-1}+b^l, a^l=\sigma(z^l), \delta^l=\frac{\partial C}{\partial z^l}$",
                r"\frac{\partial C}{\partial b^l}=\delta^l", r"\frac{\partial C}{\partial w^l}=\delta^l a^{l-1}",
            ),
            "dddrf",
        ),
    ],
)  # fmt: skip
def test_a_letter_is_not_taken_for_what_other_lines_deny(lines, expected):
    assert judged(*lines) == expected


def test_one_neuron_per_layer_is_a_condition_that_words_may_grant():
    text = r"""$$z^l=w^l a^{l-1}+b^l$$ $$a^l=\sigma(z^l)$$ $$C=\frac12(a^L-y)^2$$
$$\delta^l=\frac{\partial C}{\partial z^l}$$
$$\frac{\partial C}{\partial w^l}=\delta^l a^{l-1}$$ $$\frac{\partial C}{\partial w^l}=\delta^l a^l$$"""
    right, wrong = check(text).lines[-2:]
    assert (right.verdict, right.condition, wrong.verdict) == ("conditional", "one neuron per layer", "fails")
    right, wrong = check("Each layer has one neuron.\n\n" + text).lines[-2:]
    assert (right.verdict, wrong.verdict) == ("proved", "fails")


def test_a_diagonal_by_its_entries_is_a_reading_and_of_numbers_it_is_none():
    text = r"$$W = \operatorname{diag}(w_1, \dots, w_n)$$ $$f = x^T W x$$ $$\nabla_x f = 2 W x$$"
    report = check(text)
    assert report.lines[-1].verdict == "proved" and any("vector" in reading for reading in report.readings)
    lines = check(text + r"$$g = w \|x\|^2$$ $$\nabla_x g = 2 w x$$ $$\nabla_x g = w x$$").lines
    assert [line.verdict for line in lines[2:]] == ["conditional", "definition", "proved", "fails"]


QUOTIENT = r"Let $J(w) = \frac{w^TBw}{w^TSw}$ with $B$ and $S$ symmetric. Setting the derivative to zero gives"


@pytest.mark.parametrize(
    ("equation", "verdict"),
    [
        (r"(w^TSw)Bw = (w^TBw)Sw", "assumption"),
        (r"(w^TSw)Bw - (w^TBw)Sw = 0", "assumption"),
        (r"(w^TSw)Bw = -(w^TBw)Sw", "fails"),
        (r"(w^TSw)Bw = 2(w^TBw)Sw", "fails"),
    ],
)
def test_a_stationary_equation_may_be_the_derivative_times_a_number(equation, verdict):
    first, last = check(f"{QUOTIENT}\n$${equation}$$").lines
    assert (first.verdict, last.verdict) == ("definition", verdict)
    assert ("it holds where the derivative of J by w vanishes" in last.reason) == (verdict == "assumption")


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("Hessian f = 2 A'A", "proved"),
        ("The Hessian of f = 2 A'A", "proved"),
        ("Hessian f(x) = A'A", "fails"),
        ("Hessian f = 2 A A'", "fails"),
    ],
)
def test_the_word_hessian_before_a_function_takes_its_second_derivative(line, verdict):
    assert check(f"f(x) = ||A x - b||^2\n{line}\n").lines[-1].verdict == verdict


@pytest.mark.parametrize("given", ["fg", "gf", "ff", "gg"])
def test_a_solution_is_that_of_the_loss_whose_derivative_was_set_to_zero(given):
    point = {"f": "(A^TA)^{-1}A^Tb", "g": "(C^TC+I)^{-1}C^Td"}
    text = r"Let $f(x) = \|Ax-b\|^2$ and $g(x) = \|Cx-d\|^2 + \|x\|^2$." "\n"
    for loss, slope, taken in zip("fg", ("2A^T(Ax-b)", "2C^T(Cx-d) + 2x"), given, strict=True):
        text += rf"$$\nabla {loss} = {slope} = 0 \Rightarrow x = {point[taken]}$$" "\n"
    lines = [line for line in check(text).lines if "vanish" in line.reason]
    assert [line.verdict == "assumption" for line in lines] == [given[0] == "f", given[1] == "g"]
    assert all("does not vanish" in line.reason for line in lines if line.verdict == "fails")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        # An inner product in signs of order, a head in braces, a formula set within words within a formula.
        ((r"d(x^T A x)\ =\ <(A + A^T) x,\ dx>_F", r"d(x^T A x)\ =\ <A x,\ dx>_F"), "rf"),
        ((r"{\frac{d}{dz}} z^T B z = (B + B^T) z", r"{\frac{\partial}{\partial z}} z^T B z = B z"), "rf"),
        (
            (
                "Let $A$ be symmetric.",
                r"$f = x^T A x$, $\nabla f = (A + A^T) x \overset{\text{$A = A^T$}}{=} 2 A x$",
                r"$\nabla f = (A + A^T) x \overset{\text{$A = A^T$}}{=} A x$",
            ),
            "drf",
        ),
        ((r"f = \ln((2\pi)^d\det(S))", r"\nabla_S f = S^{-T}", r"\nabla_S f = S^{-1}"), "drf"),
        # What is the identity, and what is symmetric, as a formula in the line says it.
        (
            (
                r"Let $A \in \mathbb{R}^{n \times n}$ and $I \in \mathbb{R}^{n \times n}$ be the identity.",
                r"\|A - I\|_F^2 = \operatorname{tr}(A^T A) - 2 \operatorname{tr}(A) + n",
                r"\|A - I\|_F^2 = \operatorname{tr}(A^T A) - 2 \operatorname{tr}(A) + 1",
            ),
            "rf",
        ),
        # Two letters of one function do not depend on each other; of others nobody knows.
        (
            (
                r"g(u_1, u_2) = u_1^2 u_2 + u_2^3",
                r"\frac{\partial g}{\partial u_1} = \frac{\partial}{\partial u_1}(u_1^2 u_2) + "
                r"\frac{\partial}{\partial u_1}(u_2^3) = 2 u_1 u_2",
                r"\frac{\partial}{\partial u_1}(u_2^3) = 3 u_2^2",
            ),
            "drf",
        ),
        ((r"\frac{\partial}{\partial u_1}(u_2^3) = 3 u_2^2",), "u"),
        # An expectation is not read, and what rests on it is not refuted.
        (
            (
                r"R = E\{x x^T\}, J(w) = s - 2 p^T w + w^T R w", r"\frac{\partial J}{\partial w} = -2 p + 2 R w",
                r"\frac{\partial J}{\partial w} = -2 p + R w",
            ),
            "udru",
        ),
    ],
)  # fmt: skip
def test_passages_as_they_stand_in_real_notes(lines, expected):
    assert judged(*lines) == expected


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        (r"Let $S \in \mathbb{R}^{n \times n} \text{ symmetric}$.", "proved"),
        (r"Let $S \in \mathbb{R}^{n \times n}$, symmetric.", "proved"),
        (r"Let $S \in \mathbb{R}^{n \times n}$, symmetric matrices being none of our concern.", "conditional"),
        (r"Let $S \in \mathbb{R}^{n \times n}$.", "conditional"),
    ],
)
def test_a_property_behind_the_shape_is_of_what_has_the_shape(said, verdict):
    assert check(said + r" $$\nabla_x (x^T S x) = 2 S x$$").lines[-1].verdict == verdict


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("$Q$ symmetric positive definite", "the derivative of f by x vanishes there: a minimum"),
        ("$Q$ symmetric", "the derivative of f by x vanishes there"),
        ("$P^T Q$ symmetric", "right if Q symmetric: the derivative of f by x vanishes there"),
    ],
)
def test_what_is_said_to_be_symmetric_and_definite_is_both(said, reason):
    line = check(rf"$f(x) = \frac12 x^T Q x + b^T x$ with {said}. Minimizer: $x^\star = -Q^{{-1}} b$").lines[-1]
    assert line.reason == reason


FITTED = r"Q(v) = (c - \hat c)^T (c - \hat c) = (c - M v)^T (c - M v) = c^T c - 2 c^T M v + v^T M^T M v"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        # Nothing says what ĉ is: the formula of Q is the first in v, and what follows is held to it.
        ((FITTED, r"\nabla Q = 2 M^T (M v - c)", r"\nabla Q = 2 M^T (M v + c)"), "urf"),
        ((FITTED.replace("- 2 c^T", "- c^T"), r"\nabla Q = 2 M^T (M v - c)"), "fr"),
        # Where a line does, before or after, or derives by ĉ, the first formula is that of Q.
        ((r"\hat c = M v", FITTED, r"\nabla Q = 2 M^T (M v - c)"), "drr"),
        ((r"\hat c = M v", FITTED.replace("(c - M v)^T (c - M v)", "(c - M v)^T (c + M v)")), "df"),
        ((FITTED.replace("(c - M v)^T (c - M v)", "(c - M v)^T (c + M v)"), r"\text{where } \hat c = M v"), "fd"),
        ((FITTED, r"\frac{\partial Q}{\partial \hat c} = -2 (c - \hat c)"), "ur"),
    ],
)
def test_a_formula_in_what_it_is_a_function_of_leads(lines, expected):
    assert judged(*lines) == expected


def test_a_function_that_no_line_gives_is_no_factor():
    loss = r"L(w) = -\sum_i [y_i \log s(x_i^T w) + (1 - y_i) \log(1 - s(x_i^T w))]"
    assert judged(loss, r"\nabla_w L = X^T (s(X w) - y)") == "du"
    assert (
        judged(r"J(\theta) = -y^T \log h - (1 - y)^T \log(1 - h), h = g(X\theta)", r"\nabla J = X^T (h - y)") == "duu"
    )


def test_what_is_not_defined_is_named_as_pages_write_it():
    assert check(f"$${FITTED}$$").lines[0].reason == "not judged: c\u0302 is not defined"
