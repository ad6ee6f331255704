"""Notation of papers and lecture notes, against NumPy: what is read is what the author means."""

import inspect

import numpy as np
import pytest

import derive
from derive import ParseError
from derive.reading.declarations import declarations

SIZES = {"N": 5, "T": 5, "m": 6, "n": 7, "d": 3, "K": 4, "q": 2}


def values(spec: str) -> dict[str, np.ndarray]:
    """Arrays named in `spec`, as in `X:n,d y:n c:`; positive, so that a logarithm of them is one."""
    random = np.random.default_rng(14)
    shapes = (item.partition(":")[::2] for item in spec.split())
    return {name: random.uniform(0.2, 0.9, [SIZES[c] for c in shape.split(",") if c]) for name, shape in shapes}


def differences(function, at: dict[str, np.ndarray], name: str) -> np.ndarray:
    found = np.zeros_like(at[name])
    for place in np.ndindex(found.shape):
        step = np.zeros_like(found)
        step[place] = 1e-6
        found[place] = (function(**at | {name: at[name] + step}) - function(**at | {name: at[name] - step})) / 2e-6
    return found


def called(generated, at: dict[str, np.ndarray]) -> np.ndarray:
    """What a generated function makes of arrays, whose names may be small where its own are capital."""
    given = SIZES | {name.lower().replace("_", ""): value for name, value in at.items()} | at
    wanted = inspect.signature(generated).parameters
    return generated(**{name: given[name if name in given else name.lower().replace("_", "")] for name in wanted})


def assert_means(formula: str, wrt: str, spec: str, meant, **options) -> derive.Derivation:
    """Value and gradient are those of `meant`, whose first argument is the variable."""
    at = values(spec)
    name = next(iter(inspect.signature(meant).parameters))
    found = derive.gradient(formula, wrt, **options)
    np.testing.assert_allclose(called(found.function(returns="value"), at), meant(**at), rtol=1e-9)
    np.testing.assert_allclose(called(found.function(), at), differences(meant, at, name), rtol=1e-5, atol=1e-7)
    return found


def kernel(X, Y):
    return np.exp(-((X[:, None] - Y[None]) ** 2).sum(-1) / 2)


@pytest.mark.parametrize(
    ("formula", "wrt", "spec", "meant"),
    [
        (r"\frac{1}{m^2}\sum_{i,j}k(x_i,x_j) - \frac{2}{mn}\sum_{i,j}k(x_i,y_j), \quad k(x,y)=e^{-\|x-y\|^2/2}", "X",
         "X:m,d Y:n,d", lambda X, Y: kernel(X, X).mean() - 2 * kernel(X, Y).mean()),
        (r"\norm{\vb{y} - \vb{A}\vb{x}}^2", "x", "x:d A:n,d y:n", lambda x, A, y: ((y - A @ x) ** 2).sum()),
        (r"\|\vb*{x} - \va{a}\|^2", "x", "x:d a:d", lambda x, a: ((x - a) ** 2).sum()),
        (r"\|\vy - \mA\vb\|^2", "b", "b:d A:n,d y:n", lambda b, A, y: ((y - A @ b) ** 2).sum()),
        (r"\sum_i \operatorname{logit}(p_i) x_i", "p", "p:d x:d", lambda p, x: np.log(p / (1 - p)) @ x),
        ("sum(mish(x) + logsigmoid(x) + softsign(x))", "x", "x:d", lambda x: (
            x * np.tanh(np.log1p(np.exp(x))) - np.log1p(np.exp(-x)) + x / (1 + abs(x))).sum()),
        (r"a^\top(W^\top d \odot \sigma'(z))", "z", "z:d a:d W:m,d d:m",
         lambda z, a, W, d: a @ (W.T @ d / (2 + np.exp(z) + np.exp(-z)))),
    ],
)  # fmt: skip
def test_names_and_functions_are_those_of_the_author(formula, wrt, spec, meant):
    assert_means(formula, wrt, spec, meant)


@pytest.mark.parametrize(
    ("formula", "wrt", "spec", "meant"),
    [
        (r"\sum_{t=1}^T \|y(t) - C x(t)\|^2", "C", "C:q,d x:T,d y:T,q", lambda C, x, y: ((y - x @ C.T) ** 2).sum()),
        (r"J = \sum_n e^2(n), e(n) = d(n) - w^T x(n)", "w", "w:d d:n x:n,d", lambda w, d, x: ((d - x @ w) ** 2).sum()),
        (r"\sum_{n=2}^N (y[n] - a\,y[n-1])^2", "a", "a: y:N", lambda a, y: ((y[1:] - a * y[:-1]) ** 2).sum()),
        (r"\sum_k (y(k) - \theta^\top\phi(k))^2", r"\theta", "theta:d y:n phi:n,d",
         lambda theta, y, phi: ((y - phi @ theta) ** 2).sum()),
        (r"\sum_i \log(1 + x(i)^2)", "x", "x:n", lambda x: np.log(1 + x**2).sum()),
    ],
)  # fmt: skip
def test_an_index_in_brackets_is_an_index(formula, wrt, spec, meant):
    found = assert_means(formula, wrt, spec, meant)
    assert any("is read as" in reading and "(" in reading for reading in found.readings)


@pytest.mark.parametrize(
    ("formula", "wrt", "where", "box"),
    [
        ("x(2) - x(1)^2", "x", None, "e₂ − 2 (e₁ᵀ x) e₁"),
        ("x(1)^2 + norm(x)^2", "x", None, "2 (x + (e₁ᵀ x) e₁)"),
        ("(theta(1) - 1)^2 + theta(2)", "theta", None, "2 (e₁ᵀ θ − 1) e₁ + e₂"),
        ("x(0)' Q x(0)", "Q", None, "x₀ x₀ᵀ"),
        ("f(2) x", "x", "x: scalar", "f(2)"),
        ("sin(2) x + 3(2)x", "x", "x: scalar", "sin(2) + 6"),
        ("phi(2) x", "x", "x: scalar", "φ(2)"),
        ("c(2) norm(x)^2", "x", "c: scalar", "4 c x"),
        ("u(2) norm(x)^2", "x", "u: function", "2 u(2) x"),
        ("n(2) norm(x)^2", "x", "x: n", "4 n x"),
        ("y^T(2) x", "x", None, "2 y"),
    ],
)
def test_a_number_in_brackets_behind_a_letter_is_an_index(formula, wrt, where, box):
    assert derive.gradient(formula, wrt, where).boxed.text() == box


@pytest.mark.parametrize(
    ("formula", "wrt", "why"),
    [
        ("sum((y - b(1) - b(2)*t).^2)", "b", "b₁ is an entry of b, and a number does not fit here"),
        ("x(end)^2", "x", r"x\(end\) is the last entry"),
    ],
)
def test_an_index_in_brackets_is_no_factor_and_no_vector(formula, wrt, why):
    with pytest.raises(derive.DeriveError, match=why):
        derive.gradient(formula, wrt)


def test_a_process_at_one_time_is_a_name():
    found = derive.gradient(r"x(t)^\top Q x(t) + u(t)^\top R u(t)", "u(t)")
    assert found.boxed.text() == "(R + Rᵀ) uₜ" and "u(t) is read as uₜ" in found.readings


@pytest.mark.parametrize(
    ("formula", "wrt", "box"),
    [("n(n-1)x^2", "x", "2 n x (n − 1)"), ("x sin(t) + t", "x", "sin(t)"), ("t x(t)", "x", "t²")],
)
def test_a_letter_that_stands_elsewhere_is_no_index(formula, wrt, box):
    assert derive.gradient(formula, wrt, "t: scalar, x: scalar").boxed.text() == box


def test_the_power_of_a_function_is_that_of_its_value():
    squared = [derive.gradient(f"{f}; f(x) = x^T A x", "x").boxed for f in ("f^2(x)", "f(x)^2", "f^{2}(x)", "f²(x)")]
    assert len(set(squared)) == 1
    assert derive.gradient("f^2(2y); f(x) = x^T a", "y").boxed.text() == "8 (yᵀ a) a"
    assert any("factor" in reading for reading in derive.gradient(r"\phi^2(w^Tx)", "w").readings)


def test_no_statement_is_lost_in_the_name_of_another():
    with pytest.raises(ParseError, match="the left of = is a name"):
        derive.gradient(r"\sum_{i=1}^n(y_i\log\lambda_i - \lambda_i),\ \log\lambda_i = x_i^\top\beta", r"\beta")


@pytest.mark.parametrize(
    ("said", "usual"),
    [
        ("A: symmetric positive definite", "A: spd"), ("A is symmetric and positive semi-definite", "A: psd"),
        (r"A \succ 0", "A: spd"), ("A ⪰ 0", "A: psd"), (r"A \in S_{++}^n", "A: n×n spd"),
        ("A is invertible", "A: square"), ("c ≥ 0", "c: nonnegative"),
        ("where A ∈ ℝⁿˣⁿ is symmetric and x ∈ ℝⁿ", "A: n×n symmetric, x: n"), ("A m by n", "A: m×n"),
        ("let A be an n×d matrix and x a d-vector", "A: n×d matrix, x: d vector"), ("x, b real", "x, b: scalar"),
        ("x is an n-dimensional vector", "x: n vector"), ("A and B are n x n matrices", "A, B: n×n matrix"),
        ("A has shape (m, n)", "A: m×n"), ("A: np.ndarray (m, n), x: (n,)", "A: m×n, x: n"),
        (r"y \in \{-1,+1\}, x \in \mathbb R^d", "y: scalar, x: d"),
        ("c ∈ (0, 1)", "c: scalar"), ("y ∈ [0, 1]^n", "y: n"),
        ("a, b are constants, c is a scalar constant", "a, b: constant, c: scalar constant"), ("W in (3, 4)", "W: 3×4"),
    ],
)  # fmt: skip
def test_declarations_in_words_are_the_usual_ones(said, usual):
    def held(text):
        entries = declarations(text).entries.values()
        return [(e.name, e.shape, e.kind if e.shape is None else "", e.properties) for e in entries]

    assert held(said) == held(usual)


@pytest.mark.parametrize(
    ("said", "why"), [("x: unit vector", "unit is not read"), ("x, n-vector", "n-vector is not a name")]
)
def test_a_word_of_a_declaration_is_no_size(said, why):
    with pytest.raises(ParseError, match=why):
        declarations(said)


@pytest.mark.parametrize(
    ("formula", "wrt", "spec", "meant"),
    [
        (r"\sum_{c=1}^{K} -y_c \log \frac{e^{z_c}}{\sum_{c'} e^{z_{c'}}}", "z", "z:K y:K",
         lambda z, y: -y @ (z - np.log(np.exp(z).sum()))),
        (r"\sum_{k,k'} A_{kk'} x_k x_{k'}", "x", "x:n A:n,n", lambda x, A: x @ A @ x),
        (r"\sum_{c=1}^{K} y_c z_c - \log \sum_{j=1}^K e^{z_j}", "z", "z:K y:K",
         lambda z, y: y @ z - np.log(np.exp(z).sum())),
        (r"\begin{aligned}L ={}& \|Ax-b\|^2 \\ &{}+ c\|x\|^2\end{aligned}", "x", "x:d A:n,d b:n c:",
         lambda x, A, b, c: ((A @ x - b) ** 2).sum() + c * x @ x),
        ("a Σ_{i≠j} (x_i − x_j)^2", "x", "x:n a:", lambda x, a: a * ((x[:, None] - x) ** 2).sum()),
        (r"\mathrm{FFN}(x) = W \tanh(Vx); L = \|\mathrm{FFN}(x)\|^2", "V", "V:K,d W:q,K x:d",
         lambda V, W, x: ((W @ np.tanh(V @ x)) ** 2).sum()),
        (r"\|x - W^T \text{enc}(x)\|^2, \text{enc}(x) = W x", "W", "W:K,d x:d",
         lambda W, x: ((x - W.T @ W @ x) ** 2).sum()),
    ],
)  # fmt: skip
def test_primed_indices_empty_braces_and_functions_with_words_for_names(formula, wrt, spec, meant):
    assert_means(formula, wrt, spec, meant)


def test_an_empty_bracket_is_no_operand_and_unlike_indices_need_limits():
    with pytest.raises(ParseError, match="empty"):
        derive.gradient(r"\frac{}{x}", "x")
    with pytest.raises(ParseError, match="two vectors of different length"):
        derive.gradient(r"\sum_{u,i} (r_{ui} - b_u - b_i)^2", "b")


@pytest.mark.parametrize(
    ("formula", "wrt", "spec", "meant"),
    [
        ("logits = z1 @ z2.T / tau; -torch.diag(F.log_softmax(logits, dim=1)).mean()", "z1", "z_1:N,d z_2:N,d tau:",
         lambda z_1, z_2, tau: (np.log(np.exp(z_1 @ z_2.T / tau).sum(1)) - np.diag(z_1 @ z_2.T) / tau).mean()),
        ("-0.5 * torch.sum(1 + v - mu.pow(2) - v.exp(), dim=1).mean()", "v", "v:N,d mu:N,d",
         lambda v, mu: -0.5 * (1 + v - mu**2 - np.exp(v)).sum(1).mean()),
        ("np.sum((a @ b.T - M)**2)", "a", "a:N,d b:m,d M:N,m", lambda a, b, M: ((a @ b.T - M) ** 2).sum()),
        ("np.sum(np.diff(x, n=2)**2)", "x", "x:n", lambda x: (np.diff(x, 2) ** 2).sum()),
        ("np.sum(np.diff(X, axis=0)**2) + np.sum(np.diff(X)**3)", "X", "X:n,d",
         lambda X: (np.diff(X, axis=0) ** 2).sum() + (np.diff(X) ** 3).sum()),
        ("import numpy as np\ny = A @ x\nL = y @ y", "x", "x:d A:n,d", lambda x, A: x @ A.T @ A @ x),
    ],
)  # fmt: skip
def test_arrays_of_a_sum_and_of_a_product_with_a_transpose_are_alike(formula, wrt, spec, meant):
    assert_means(formula, wrt, spec, meant)


@pytest.mark.parametrize(
    ("formula", "wrt", "spec", "meant"),
    [
        (r"\|Ax-b\|_2^2 + c\lvert x \rvert_1", "x", "x:d A:n,d b:n c:",
         lambda x, A, b, c: ((A @ x - b) ** 2).sum() + c * abs(x).sum()),
        ("|Ax-b|_2^2", "x", "x:d A:n,d b:n", lambda x, A, b: ((A @ x - b) ** 2).sum()),
        ("|X|_F", "X", "X:n,d", lambda X: np.linalg.norm(X)),
        (r"\|\mathbf{y} - \mathbf{Ax}\|^2_\mathbf{W}", "x", "x:d A:n,d y:n W:n,n",
         lambda x, A, y, W: (y - A @ x) @ W @ (y - A @ x)),
    ],
)  # fmt: skip
def test_single_bars_with_an_order_below_are_norms(formula, wrt, spec, meant):
    assert_means(formula, wrt, spec, meant)


@pytest.mark.parametrize("formula", [r"\sum_{i\sim j}(x_i-x_j)^2", r"\sum_{\langle i,j\rangle} x_i x_j"])
def test_sums_over_neighbors_say_how_they_are_written(formula):
    with pytest.raises(ParseError, match="neighbors are pairs of a set"):
        derive.gradient(formula, "x")


@pytest.mark.parametrize("formula", ["σ(t)^2", "σ(k)(1 − σ(k))", "row[k] * x"])
def test_the_sigmoid_and_a_word_have_no_index_in_brackets(formula):
    try:
        readings = derive.gradient(formula, formula[2]).readings
    except ParseError as refused:
        readings = [refused.message]
    assert not any("(k) is read as" in reading or "(t) is read as" in reading for reading in readings)


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("[[A, B], [C, D]]", "[A, B; C, D]"),
        ("[[A], [C]]", "[A; C]"),
        ("[[A, B]]", "[A, B]"),
        ("[A, B]", "[A, B]"),
        ("M = [A, B]; N = [C, D]; [M, N]", "[A, B, C, D]"),
    ],
)
def test_rows_listed_as_in_python_are_rows(written, plain):
    where = "A: n×n, B: n×n, C: n×n, D: n×n"
    found = derive.parse(written, where)
    assert found is derive.parse(plain, where) and derive.parse(found.text(), where) is found
    with pytest.raises(ParseError, match="different numbers of blocks"):
        derive.parse("[[A, B], [C]]", where)


@pytest.mark.parametrize(
    ("formula", "wrt", "spec", "meant"),
    [
        ("m = length(y); h = X*w; J = sum((h-y).^2)/(2*m);", "w", "w:d X:n,d y:n",
         lambda w, X, y: ((X @ w - y) ** 2).mean() / 2),
        ("sumsq(X*w - y)/numel(y) + c*sumsq(X)/numel(X)", "w", "w:d X:n,d y:n c:",
         lambda w, X, y, c: ((X @ w - y) ** 2).mean() + c * (X**2).mean()),
        ("N = size(X,1); norm(X*w-y)^2/N + sum(w)/size(X, 2)", "w", "w:d X:n,d y:n",
         lambda w, X, y: ((X @ w - y) ** 2).mean() + w.mean()),
        ("sum((y .- X*w).^2)/length(y)", "w", "w:d X:n,d y:n", lambda w, X, y: ((X @ w - y) ** 2).mean()),
    ],
)  # fmt: skip
def test_lengths_of_matlab_and_julia_are_numbers_of_entries(formula, wrt, spec, meant):
    assert_means(formula, wrt, spec, meant)


@pytest.mark.parametrize("formula", ["sum(theta(2:end).^2)", "sum(X(:,2:end).^2)", "A(1,:)*x", "x(1:end-1)'*x"])
def test_a_slice_of_matlab_is_named(formula):
    with pytest.raises(ParseError, match="is a slice"):
        derive.gradient(formula, formula[-1] if formula[-1] == "x" else "X")


def test_the_length_of_a_matrix_is_no_number_of_entries():
    with pytest.raises(derive.DeriveError):
        derive.gradient("sum(sum(X.^2))/length(X)", "X", "X: m×n")


@pytest.mark.parametrize(
    ("formula", "wrt", "why"),
    [
        ("(1/N)Σ(y - w x)^2", "w", "the sign of a sum"),
        ("1e3x'x", "x", "1e3x can be read in two ways"),
    ],
)
def test_a_sign_of_two_meanings_is_refused(formula, wrt, why):
    with pytest.raises(derive.DeriveError, match=why):
        derive.gradient(formula, wrt)
    derive.gradient("x'Σ(x - μ)", "x")
    assert derive.gradient("1e3 x'x + 2e1*x'x", "x").boxed.text() == "2040 x"


def test_the_divisor_of_a_variance_is_said():
    for formula in ("var(x)", "std(x)"):
        assert f"{formula} divides by the number of entries, not by one less" in derive.gradient(formula, "x").readings


@pytest.mark.parametrize(
    ("formula", "wrt", "plain"),
    [
        (r"\sum_{i,j} C(i,j) P(i,j)", "P", r"\sum_{i,j} C_{ij} P_{ij}"),
        (r"\sum_x p(x) \log\frac{p(x)}{q(x)}", "q", r"\sum_i p_i \log\frac{p_i}{q_i}"),
        (r"\sum_i p(x_i) \log p(x_i)", "p", r"\sum_i p_i \log p_i"),
        (r"\sum_{s,a} d(s) \pi(a) Q(s,a)", r"\pi", r"\sum_{i,j} d_i \pi_j Q_{ij}"),
        (r"\sum_{t=0}^{T} \gamma^t r(s_t, a_t)", "r", r"\sum_{t=0}^{T} \gamma^t r_t"),
        (r"\sum_{t=0}^{T} \gamma^t r(t)", "r", r"\sum_{t=0}^{T} \gamma^t r_t"),
        (r"\sum_t \log \pi(a_t|s_t) A_t", r"\pi", r"\sum_t A_t \log \pi_t"),
        (r"\sum_{(i,j)\in E} w(i,j) (x(i)-x(j))^2", "x", r"\sum_{(i,j)\in E} w_{ij} (x_i-x_j)^2"),
        (r"\sum_i A(i,i) x(i)^2", "A", r"\sum_i A_{ii} x_i^2"),
        (r"\sum_i A[i,i] x[i]^2", "x", r"\sum_i A_{ii} x_i^2"),
        (r"\sum_{i,j} c(x_i, y_j)^2 + \sum_i c(x_i, y_i)", "c", r"\sum_{i,j} c_{ij}^2 + \sum_i c_{ii}"),
        (
            r"\sum_{t=1}^{T-1} (r(s_t,a_t) + g V(s_{t+1}) - V(s_t))^2",
            "V",
            r"\sum_{t=1}^{T-1} (r_t + g V_{t+1} - V_t)^2",
        ),
        ("∑ᵢ p(xᵢ) log p(xᵢ)", "p", "∑ᵢ pᵢ log pᵢ"),
        ("sum_i p(x_i) log(q(x_i))", "q", "sum_i p_i log(q_i)"),
    ],
)
def test_brackets_with_the_indices_of_a_sum_hold_the_places_of_entries(formula: str, wrt: str, plain: str) -> None:
    found = derive.gradient(formula, wrt)
    assert derive.equal(found.boxed, derive.gradient(plain, wrt).boxed).verdict == "proved"
    assert any(" is read as " in reading for reading in found.readings)


@pytest.mark.parametrize(
    "formula",
    [
        r"\sum_i p(x_i) \log\frac{p(x_i)}{p(y_i)}",
        r"\sum_i \log p(x_i|z_i) + \log p(z_i)",
        r"\sum_{x,y} p(x,y) \log p(y|x)",
        r"\sum_{x,y} q(x,y) \log\frac{q(x,y)}{p(x) p(y)}",
        r"\sum_{i,j} k(x_i,x_j) + \sum_{i,j} k(y_i,y_j) - 2\sum_{i,j} k(x_i,y_j)",
        r"\sum_{i,j} c(x_i,x_j) - 2\sum_{i,j} c(x_i,y_j)",
    ],
)
def test_brackets_of_other_points_are_entries_of_no_one_array(formula: str) -> None:
    with pytest.raises(derive.DeriveError, match="may be of two functions"):
        derive.parse(formula)
    assert (
        derive.parse(r"\sum_{x,y} p(x) p(y) C(x,y)", "p: n").text() == derive.parse(r"\sum_{i,j} p_i p_j C_{ij}").text()
    )


@pytest.mark.parametrize("formula", [r"\sum_i a_i(x_i)", r"\sum_{x,y} (I(x,y) - J(x,y))^2"])
def test_brackets_behind_a_member_or_a_sign_of_the_identity_hold_no_place(formula: str) -> None:
    with pytest.raises(derive.DeriveError):
        derive.parse(formula)


def test_a_bracket_after_a_number_or_a_function_holds_no_place() -> None:
    assert derive.gradient(r"\sum_i p(x_i)^2", "x", "p: scalar").boxed.text() == "2 p x"
    assert derive.gradient(r"\sum_i \rho(x_i)", "x").boxed.text() == "ρ′(x)"
    assert derive.gradient(r"\sum_k n(n-1) x_k", "x").boxed.text() == "n (n − 1) 𝟏_m"
    by_numbers = derive.gradient(r"\sum_{k=1}^n k(k+1) x_k", "x")
    assert by_numbers.function()(np.ones(3)).tolist() == [2, 6, 12]


@pytest.mark.parametrize("formula", [r"\sum_{n=0}^{N-1} (d[n] - a x[n-k])^2", r"\sum_{n=1}^N \sum_{k=1}^K w_k x(n-k)"])
def test_a_lag_in_brackets_is_refused_as_entry_or_product(formula: str) -> None:
    with pytest.raises(derive.DeriveError, match=r"x[\[(]n-k[\])] may be an entry of x, or a product") as caught:
        derive.gradient(formula, "x")
    assert "x_{n-k}" in str(caught.value)


def test_a_function_word_with_a_subscript_and_no_operand_is_one_name() -> None:
    found = derive.gradient("log_p + exp(log_σ)*‖x‖²", "x", "log_p: scalar")
    assert found.boxed.text() == "2 exp(log_{σ}) x" and "log_{σ} is read as one name" in found.readings
    assert derive.gradient("sum_i x_i^2 + log_2(a)", "x").boxed.text() == "2 x"  # before an operand it is the function
    with pytest.raises(derive.DeriveError, match="a subscript of exp is not read"):
        derive.gradient("exp_a ‖x‖²", "x")


@pytest.mark.parametrize(
    ("formula", "wrt", "box"),
    [
        (r"\|x - x^*\|^2", "x", "2 (x − x^{*})"),
        (r"(w^\star - w)^\top H (w^\star - w) + c^\top w^\star", "w", "−(H + Hᵀ) (w^{*} − w)"),
        (r"\sum_i \frac{\lambda}{2} F_i(\theta_i - \theta^*_{A,i})^2", r"\theta", "λ F ⊙ (θ − θ_A^{*})"),
        (r"\sum_i (w_i - w_i^{(0)})^2", "w", "2 (w − w₀)"),
        (r"(x-\hat x^-)^\top (P^-)^{-1} (x-\hat x^-)", "x", "(P⁻⁻¹ + P⁻⁻ᵀ) (x − x̂⁻)"),
        ("‖A x − b‖∞²", "b", None),
        ("tr A I + tr B", "A", "I_m"),
    ],
)
def test_marks_above_a_letter_that_is_subtracted_or_stands_alone_are_names(
    formula: str, wrt: str, box: str | None
) -> None:
    found = derive.gradient(formula, wrt)
    assert box is None and "max(abs(A x − b))" in found.loss.text() or found.boxed.text() == box
    assert found.verify() < 1e-6


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("x^* A x", "conjugates and optima"),  # a quadratic form of the complex
        (r"\|W - W^*\|_F^2", "conjugates and optima"),  # less its adjoint, perhaps
        (r"A A^{-} A - A", "the minus lacks its operand"),  # a generalized inverse
        ("A^-\\top", "nothing stands before"),
        ("sum((y - X %*% b)^2)", "%*% is a product of R"),
        ("grad_x ‖A x − b‖²", "grad_x asks for a derivative"),
        ("‖x‖² ∞", "∞ is not expected here"),
        ("tr(A) I + tr(B)", "nothing broadcasts"),  # brackets end the trace
    ],
)
def test_marks_that_may_be_something_else_are_refused(formula: str, message: str) -> None:
    with pytest.raises(derive.DeriveError) as caught:
        derive.parse(formula)
    assert message in str(caught.value)


def test_a_derivative_sign_in_words_may_be_a_name_that_is_declared_or_multiplied() -> None:
    assert derive.gradient("gradᵀ x", "x").boxed.text() == "grad"
    assert derive.gradient("grad_f ‖x‖²", "x", "grad_f: scalar").boxed.text() == "2 grad_f x"


@pytest.mark.parametrize(
    ("formula", "wrt", "plain"),
    [
        (r"\newcommand{\norm}[1]{\left\lVert#1\right\rVert} \norm{Ax-b}^2", "x", "‖A x − b‖²"),
        (r"\DeclareMathOperator{\tr}{tr} \def\X{\mathbf{X}} \tr(A\X)", "X", "tr(A X)"),
        (r"\newcommand{\x}{x}\newcommand{\A}{A} \|\A\x - \hat\x\|^2", "x", r"\|A x - \hat x\|^2"),
        (r"\providecommand{\x}{\mathbf{x}} \|A\x\|^2", "x", r"\|A x\|^2"),
        (r"\newcommand\loss[2]{(#1-#2)^2} \sum_i \loss{y_i}{w^\top x_i}", "w", r"\sum_i (y_i - w^\top x_i)^2"),
    ],
)
def test_macros_that_a_formula_defines_are_put_in_their_places(formula: str, wrt: str, plain: str) -> None:
    assert derive.gradient(formula, wrt).boxed.text() == derive.gradient(plain, wrt).boxed.text()


def test_macros_that_define_themselves_or_too_much_are_refused() -> None:
    with pytest.raises(derive.DeriveError, match="macros cannot be defined here"):
        derive.parse(r"\newcommand{\y}{\y} \y")
    bombs = "".join(rf"\newcommand{{\{a}}}{{{(chr(92) + b) * 20}}}" for a, b in zip("abcd", "bcde"))
    with pytest.raises(derive.DeriveError):
        derive.parse(bombs + r"\newcommand{\e}{xxxxxxxx} \a")
    with pytest.raises(derive.DeriveError, match="characters"):  # nothing is cut off
        derive.parse(r"\newcommand{\averylongnameofamacro}{x} " + r"\averylongnameofamacro + " * 2000 + "y")


def test_e_behind_a_matrix_or_a_transpose_is_no_number() -> None:
    assert derive.gradient(r"\|V^\top e\|^2", "V").boxed.text() == "2 e eᵀ V"
    assert derive.gradient("‖A e − b‖²", "e").boxed.text() == "2 Aᵀ (A e − b)"
    assert derive.parse(r"\|A e\|^2 + e^{-t}").text() == "‖e A‖_F² + exp(−t)"
    assert derive.gradient("½ log(2 π e σ²)", "σ").boxed.text() == "1 / σ"  # behind a number it is one
    assert derive.gradient("x e^{-x}", "x", "x: scalar").boxed.text() == "exp(−x) (1 − x)"


def test_a_capital_letter_above_an_index_is_an_entry_or_a_power() -> None:
    with pytest.raises(derive.DeriveError, match="may be a power, or an entry with two indices"):
        derive.gradient(r"\sum_{s=1}^{m}( y_s - \sum_{i=1}^{d}\beta_i X_s^i)^2", r"\beta")
    assert "power" not in str(derive.gradient(r"\sum_{s=1}^{m}( y_s - \sum_{i=1}^{d}\beta_i x_s^i)^2", r"\beta").where)


def test_a_minimum_over_the_matrices_of_rows_is_left_out() -> None:
    formula = r"\sum_{i,j} c_{ij}(p_{ij} - u_i^\top v_j)^2"
    found = derive.gradient(r"\min_{U,V} " + formula, "u")
    assert found.boxed.text() == derive.gradient(formula, "u").boxed.text()
    with pytest.raises(derive.DeriveError, match="the minimum over Z is not read"):
        derive.gradient(r"\min_Z " + formula, "u")


def test_a_product_in_bars_is_no_difference() -> None:
    formula = r"\sum_k \log\left(1+\frac{|h_k^\top w_k|^2}{\sum_{j\neq k}|h_k^\top w_j|^2+\sigma^2}\right)"
    rng = np.random.default_rng(0)
    w, h, sigma = rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), 0.7
    power = (h @ w.T) ** 2
    own = np.diag(power)
    expected = np.sum(np.log(1 + own / (power.sum(1) - own + sigma**2)))
    value = derive.gradient(formula, "w").function(returns="value")
    assert value(w, H=h, sigma=sigma) == pytest.approx(expected, rel=1e-12)


def test_a_function_and_a_loop_of_python_are_no_products_of_letters() -> None:
    found = derive.gradient("f = lambda x: ½ norm(A*x - b)^2", "x")
    assert (
        found.boxed.text() == "Aᵀ (A x − b)"
        and "lambda x is read as the head of a function, and no λ" in found.readings
    )
    assert derive.parse("lambda A : B").text() == "⟨λ A, B⟩"
    assert derive.parse("lambda A: B").text() == "⟨λ A, B⟩"
    with pytest.raises(derive.DeriveError, match="for xi in is a loop of Python"):
        derive.gradient("sum(xi**2 for xi in x)", "x", "x: n, f: scalar, o: scalar, r: scalar")
