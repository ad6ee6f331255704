"""A backward pass in NumPy or PyTorch is judged by what it computes, and never run."""

from __future__ import annotations

import textwrap

import pytest

from derive.checking import check_code
from derive.errors import DeriveError

TIED = ("½‖WᵀWx − x‖²", "W", "W: m×n, x: n")
LEAST = ("½‖A x − b‖²", "x", "A: m×n, x: n, b: m")
LAYER = ("½‖σ(W x + b) − y‖²", "W", "W: m×n, x: n, b: m, y: m")
BATCH = ("½‖X B − Y‖²", "B", "X: m×n, B: n×p, Y: m×p")

RIGHT = [
    (
        TIED,
        """
        import numpy as np

        def gradient(W, x):
            h = W @ x
            r = W.T @ h - x
            return np.outer(W @ r, x) + np.outer(h, r)
        """,
    ),
    (
        TIED,
        """
        def grad(W, x):
            r = W.T @ (W @ x) - x
            return (W @ r)[:, None] * x[None, :] + (W @ x)[:, None] @ r[None, :]
        """,
    ),
    (LEAST, "def backward(A, x, b):\n    return (A @ x - b) @ A\n"),
    (LEAST, "def backward(A, x, b):\n    return A.T.dot(A.dot(x) - b)\n"),
    (
        LAYER,
        """
        import torch

        def backward(W, x, b, y):
            z = W @ x + b
            s = torch.sigmoid(z)
            dz = (s - y) * s * (1 - s)
            dW = torch.outer(dz, x)
            db = dz
            return dW, db
        """,
    ),
    (
        LAYER,
        """
        import numpy as np

        def sigmoid(z):
            return 1 / (1 + np.exp(-z))

        def backward(W, x, b, y):
            s = sigmoid(W @ x + b)
            return {"b": (s - y) * s * (1 - s), "W": np.outer((s - y) * s * (1 - s), x)}
        """,
    ),
    (BATCH, "def grad(X, B, Y):\n    return X.T @ (X @ B - Y)\n"),
    (("sum(relu(W x))", "W", "W: m×n, x: n"), "def g(W, x):\n    return ((W @ x) > 0)[:, None] * x[None, :]\n"),
    (
        ("sum((X w − y).^2) / m", "w", "X: m×n, w: n, y: m"),
        "def g(X, w, y):\n    return 2 / X.shape[0] * X.T @ (X @ w - y)\n",
    ),
]  # fmt: skip

WRONG = [
    (TIED, "def grad(W, x):\n    r = W.T @ (W @ x) - x\n    return np.outer(W @ r, x)\n", "path"),
    (TIED, "def grad(W, x):\n    r = W.T @ (W @ x) - x\n    return np.outer(W @ r, x) - np.outer(W @ x, r)\n", "sign"),
    (LEAST, "def grad(A, x, b):\n    return 2 * A.T @ (A @ x - b)\n", "factor"),
    (LEAST, "def grad(A, x, b):\n    return A @ (A @ x - b)\n", "transpose"),
    (LAYER, "def grad(W, x, b, y):\n    s = sigmoid(W @ x + b)\n    return np.outer((s - y), x)\n", "inner derivative"),
    (BATCH, "def grad(X, B, Y):\n    return (X @ B - Y).T @ X\n", "layout"),
    (BATCH, "def grad(X, B, Y):\n    return np.sum(X.T @ (X @ B - Y))\n", "scalar for matrix"),
]  # fmt: skip


def source(text: str) -> str:
    return (
        textwrap.dedent(text).replace("sigmoid(W", "torch.sigmoid(W")
        if "def sigmoid" not in text
        else textwrap.dedent(text)
    )


@pytest.mark.parametrize(("problem", "code"), RIGHT)
def test_a_right_backward_pass_is_proved_or_agrees(problem, code):
    report = check_code(source(code), *problem)
    assert report.ok, report.text()
    assert report.lines[0].verdict in ("proved", "agrees"), report.text()


@pytest.mark.parametrize(("problem", "code", "kind"), WRONG)
def test_a_wrong_one_fails_with_its_kind(problem, code, kind):
    report = check_code(source(code), *problem)
    assert not report.ok
    line = report.lines[0]
    assert line.kind == kind, report.text()
    assert line.number == code.count("\n")
    assert line.repair and line.evidence


REFUSED = [
    ("def grad(W, x):\n    while True:\n        W = W + 1\n    return W\n", "line 2: a loop is not read"),
    (
        "def grad(W, x):\n    for i in range(1000000):\n        W = W + 1\n    return W\n",
        "too many operations|loops come",
    ),
    ("def grad(W, x):\n    if W.sum() > 0:\n        return W\n", "line 2: a branch is not read"),
    ("def grad(W, x):\n    return __import__('os').system('ls')\n", "system"),
    ("def grad(W, x):\n    return open('/etc/passwd').read()\n", "open is not known"),
    ("def grad(W, x):\n    return eval('W')\n", "eval"),
    ("def grad(W, q):\n    return W\n", "the parameter q is no symbol of the loss"),
    ("def grad(W, x):\n    return einsum(W, x)\n", "einsum is read with its indices as text"),
    ("x = 1\n", "no function"),
    ("def grad(W, x:\n", "no Python"),
    ("class A:\n    pass\n", "a class is not read"),
    ("def grad(W, x):\n    return grad(W, x)\n", "call each other deeper"),
    ("def grad(W, x):\n    pass\n", "returns nothing"),
    ("def grad(W, x):\n    return " + "(" * 150 + "W" + ")" * 150 + "\n", None),
    ("def grad(W, x):\n    return " + "-" * 3000 + "W\n", None),
]


@pytest.mark.parametrize(("code", "message"), REFUSED)
def test_what_is_not_arithmetic_is_refused_by_name(code, message):
    if message is None:
        try:
            check_code(code, *TIED)
        except DeriveError:
            pass
        return
    with pytest.raises(DeriveError, match=message.replace("(", r"\(")):
        check_code(code, *TIED)


def test_the_source_is_never_run(tmp_path):
    target = tmp_path / "touched"
    code = f"open({str(target)!r}, 'w')\ndef grad(W, x):\n    return W\n"
    check_code(code, *TIED)
    assert not target.exists()


# As people write it: each program with its loss; the second of each pair has a planted bug.

SOFTMAX = ("1/n*(sum(log(exp(X*W)*vector(1))) - sum(Y.*(X*W)))", "W", "X: n×d, W: d×k, Y: n×k")
HINGE = ("sum(relu(𝟏 − y ⊙ (X w)))", "w", "X: m×n, w: n, y: m")
MLP = ("½‖W₂ relu(W₁ x + b₁) + b₂ − y‖²", "W1", "W1: h×n, W2: k×h, b1: h, b2: k, x: n, y: k")
AFFINE = ("sum(dout ⊙ (X W + 𝟏 bᵀ))", "W", "X: m×n, W: n×k, b: k, dout: m×k")
RNN = ("½‖tanh(U h + V x) − y‖²", "h", "U: p×p, V: p×n, h: p, x: n, y: p")
WRITTEN = [
    (SOFTMAX, """
        def grad(W, X, Y):
            scores = X @ W
            scores -= scores.max(axis=1, keepdims=True)
            P = np.exp(scores) / np.sum(np.exp(scores), axis=1, keepdims=True)
            dscores = (P - Y) / X.shape[0]
            return X.T.dot(dscores)
     """, "/ X.shape[0]", "", "factor"),
    (SOFTMAX, """
        import torch
        import torch.nn.functional as F

        def backward(X, W, Y):
            probs = F.softmax(X @ W, dim=1)
            dW = torch.mm(X.t(), probs - Y) / len(X)
            db = (probs - Y).sum(dim=0)
            return dW, db
     """, "probs - Y) /", "Y - probs) /", "sign"),
    (SOFTMAX, """
        def loss_and_grad(W, batch):
            X, Y = batch
            n, d = X.shape
            Z = X @ W
            E = np.exp(Z - np.max(Z, axis=1)[:, np.newaxis])
            P = E / E.sum(axis=1).reshape(-1, 1)
            loss = -np.sum(Y * np.log(P)) / n
            return loss, X.T @ (P - Y) / n
     """, "X.T @ (P - Y)", "X.T @ P", None),
    (MLP, """
        class Net:
            def forward(self, x):
                self.z1 = self.W1 @ x + self.b1
                self.a1 = np.maximum(0, self.z1)
                self.cache = (x, self.z1)
                return self.W2 @ self.a1 + self.b2

            def backward(self, y):
                x, z1 = self.cache
                d2 = self.W2 @ self.a1 + self.b2 - y
                grads = {}
                grads["W2"] = np.outer(d2, self.a1)
                d1 = self.W2.T @ d2
                d1[z1 <= 0] = 0
                grads["W1"] = np.outer(d1, x)
                grads["b1"] = d1
                return grads
     """, "d1[z1 <= 0] = 0", "pass", "inner derivative"),
    (AFFINE, """
        def affine_forward(X, W, b):
            out = X @ W + b
            cache = (X, W, b)
            return out, cache

        def affine_backward(dout, cache):
            X, W, b = cache
            dX = dout @ W.T
            dW = X.T @ dout
            db = dout.sum(axis=0)
            return dX, dW, db
     """, "X.T @ dout", "X @ dout", "transpose"),
    (RNN, """
        def rnn_step_backward(h, x, U, V, y):
            next_h = np.tanh(U @ h + V @ x)
            dz = (next_h - y) * (1 - next_h**2)
            dh_prev = U.T @ dz
            dU = np.outer(dz, h)
            return dU, dh_prev
     """, "U.T @ dz", "U @ dz", "transpose"),
    (RNN, """
        def step(h, x, U, V, y):
            s = np.tanh(U @ h + V @ x)
            return U.T @ ((s - y) * (1 - s ** 2))
     """, "s ** 2", "s", "power"),
    ((AFFINE[0], "b", AFFINE[2]), """
        def grad(X, W, b, dout):
            return dout.sum(axis=0)
     """, "axis=0", "axis=1", "axis"),
    (HINGE, """
        def grad(w, X, y):
            margin = 1 - y * (X @ w)
            active = margin > 0
            return -X.T @ (active * y)
     """, "(active * y)", "y", "inner derivative"),
]  # fmt: skip


@pytest.mark.parametrize(("problem", "code", "right", "wrong", "kind"), WRITTEN)
def test_programs_as_people_write_them(problem, code, right, wrong, kind):
    code = textwrap.dedent(code)
    line = check_code(code, *problem).lines[0]
    assert line.verdict in ("proved", "agrees"), line.reason
    planted = code.replace(right, wrong)
    assert planted != code
    line = check_code(planted, *problem).lines[0]
    assert line.verdict == "fails"
    assert kind is None or line.kind == kind


def test_keepdims_is_not_dropped():
    problem = ("sum(Y ⊙ (X diag(Z 𝟏)))", "X", "X: n×n, Y: n×n, Z: n×n")
    code = "def grad(X, Y, Z):\n    return Y * Z.sum(axis=1{})\n"
    assert check_code(code.format(""), *problem).lines[0].verdict == "proved"
    assert check_code(code.format(", keepdims=True"), *problem).lines[0].verdict == "fails"


def test_the_line_is_that_of_the_gradient():
    code = "def grad(A, x, b):\n    r = A @ x - b\n    dx = A.T @ r\n    return r, dx\n"
    line = check_code(code, *LEAST).lines[0]
    assert (line.number, line.claim, line.verdict) == (3, "dx = A.T @ r", "proved")


def test_a_shift_by_the_largest_entry_that_does_not_cancel_counts():
    code = "def grad(A, x, b):\n    r = A @ x - b\n    return A.T @ (r{})\n"
    assert [
        check_code(code.format(shift), *LEAST).lines[0].verdict for shift in (" - r.max() + max(r)", " - r.max()")
    ] == [
        "proved",
        "fails",
    ]


REFUSED_PROGRAMS = [
    ("def grad(A, x, b):\n    r = A @ x - b\n    return r @ A, A.T @ r\n", "which of the values returned"),
    ("def grad(A, x, b):\n    r = A @ x - b\n    r[None] = 1\n    return A.T @ r\n", "line 3: an assignment to a part"),
    ("def grad(A, x, b):\n    r = A @ x - b\n    r[np.arange(3), b] -= 1\n    return A.T @ r\n", "line 3: arange"),
    ("def grad(A, x, b):\n    r = A @ x - b\n    s = r[:]\n    r *= 2\n    return A.T @ s\n", "line 4: this changes s"),
    ("def grad(A, x, b):\n    return (A.T @ (A @ x - b)).astype(int)\n", "cut to whole ones"),
    ("def grad(A, x, b):\n    return [A.T @ b for i in A if b]\n", "line 2: a list made by a loop is not read"),
]


@pytest.mark.parametrize(("code", "message"), REFUSED_PROGRAMS)
def test_what_cannot_be_read_is_refused_with_its_line(code, message):
    with pytest.raises(DeriveError, match=message):
        check_code(code, *LEAST)


def test_an_array_changed_in_place_is_changed_under_all_its_names():
    code = "def grad(A, x, b):\n    r = A @ x - b\n    s = r\n    r *= 2\n    return A.T @ s\n"
    line = check_code(code, *LEAST).lines[0]
    assert (line.verdict, line.kind) == ("fails", "factor")


def test_a_mean_where_the_sum_is_meant_is_a_factor():
    source = "def grad(X, w, y):\n    return X.T @ (X @ w - y) / len(y)"
    line = check_code(source, "½‖X w − y‖²", "w", "X: m×n, w: n, y: m").lines[0]
    assert (line.verdict, line.kind) == ("fails", "factor")


# Kinds of programs: each with a planted error, which must fail.
LOGISTIC = ("np.sum(np.logaddexp(0, X @ w) - y * (X @ w))", "w", "X: n×d, w: d, y: n")
RIDGE = ("np.sum((X @ w - y)**2)/(2*n) + lam/(2*n)*np.sum(w[1:]**2)", "w", "X: n×d, w: d, y: n, lam: scalar")
SHALLOW = ("np.sum(G * np.maximum(0, X @ W))", "W", "X: n×d, W: d×k, G: n×k")
KINDS = [
    (SHALLOW, """
        def grad(X, W, G):
            dz = G.copy()
            dz[X @ W < 0] = 0
            return X.T @ dz
     """, "< 0", "> 0", ("agrees",)),
    (SHALLOW, """
        def grad(X, W, G):
            return np.dot(X.T, np.multiply(G, np.int64(X @ W > 0)))
     """, "> 0", "< 0", ("proved", "agrees")),
    (SHALLOW, """
        def grad(X, W, G):
            a = np.maximum(0, X @ W)
            return X.T @ (G * (a > 0))
     """, "a > 0", "a >= 0", ("proved", "agrees")),
    (LOGISTIC, """
        def grad(X, w, y):
            z = np.clip(X @ w, -30, 30)
            return X.T @ (1 / (1 + np.exp(-z)) - y)
     """, "- y", "+ y", ("conditional",)),
    (LOGISTIC, """
        def cost(X, w, y):
            p = 1 / (1 + np.exp(-(X @ w)))
            cost = -np.sum(y * np.log(p) + (1 - y) * np.log(1 - p))
            return cost, {"derivative_weight": X.T @ (p - y), "derivative_bias": np.sum(p - y)}
     """, "X.T @ (p - y)", "X.T @ (y - p)", ("proved", "agrees")),
    (RIDGE, """
        def grad(X, w, y, *, lam):
            n = len(y)
            grad = X.T @ (X @ w - y) / n
            grad[1:] += lam / n * w[1:]
            return grad
     """, "grad[1:] +=", "grad[1:] -=", ("proved", "agrees")),
    (RIDGE, """
        def grad(X, w, y, lam):
            penalty = lam / len(y) * w
            penalty[0] = 0
            return X.T @ (X @ w - y) / len(y) + penalty
     """, "penalty[0]", "penalty[1]", ("proved", "agrees")),
    (RIDGE, """
        def grad(X, w, y, lam):
            n, d = X.shape
            dj_dw = np.zeros(d)
            for i in range(n):
                err = np.dot(X[i], w) - y[i]
                for j in range(d):
                    dj_dw[j] = dj_dw[j] + err * X[i, j]
            dj_dw = dj_dw / n
            for j in range(1, d):
                dj_dw[j] = dj_dw[j] + lam / n * w[j]
            return dj_dw
     """, "range(1, d)", "range(d)", ("agrees",)),
    (LOGISTIC, """
        def grad(X, w, y, mean=False):
            p = [1 / (1 + np.exp(-x @ w)) for x in X]
            try:
                g = sum((p_i - y_i) * x_i for p_i, y_i, x_i in zip(p, y, X))
            except ValueError:
                raise
            return dict(w=g / len(y) if mean else g)
     """, "if mean", "if not mean", ("agrees",)),
    (("½‖X W − Y‖² + ½‖W V‖²", "V", "X: n×d, W: d×k, V: k×m, Y: n×k"), """
        def cost(params, X, Y, d, k):
            W = params[: d * k].reshape(d, k)
            V = params[d * k :].reshape(k, -1)
            W_grad = X.T @ (X @ W - Y) + W @ V @ V.T
            V_grad = W.T @ W @ V
            return np.concatenate([W_grad.ravel(), V_grad.ravel()])
     """, "W.T @ W @ V", "2 * W.T @ W @ V", ("proved", "agrees")),
    (RIDGE, """
        def grad(X, w, y, lam):
            g = np.zeros_like(w)
            for x_i, y_i in zip(X, y):
                g += (x_i @ w - y_i) * x_i
            if lam > 0:
                g += lam * np.concatenate(([0], w[1:]))
            return g / len(y)
     """, "[0], w[1:]", "[1], w[1:]", ("conditional",)),
    (("100*(x[1] - x[0]**2)**2 + (1 - x[0])**2", "x", "x: 2"), """
        def rosen_der(x):
            return np.array([400*x[0]**3 - 400*x[1]*x[0] + 2*x[0] - 2, 200*(x[1] - x[0]**2)])
     """, "200*", "100*", ("proved", "agrees")),
    (LOGISTIC, """
        class Model:
            def __init__(self, size, rate=0.1):
                self.w = np.random.randn(size)
                self.rate = rate

            def forward(self, X):
                self.p = 1 / (1 + np.exp(-X @ self.w))

            def backward(self, X, y, penalty="none"):
                dw = X.T @ (self.p - y)
                if penalty == "l2":
                    dw += self.w
                self.w -= self.rate * dw
     """, 'penalty == "l2"', 'penalty == "none"', ("proved", "agrees")),
    (("np.sum(grad_output * torch.clamp(x @ W.T, min=0))", "W", "x: n×d, W: k×d, grad_output: n×k"), """
        class Layer(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x, W):
                z = x.mm(W.t())
                ctx.save_for_backward(x, W, z)
                return z.clamp(min=0)

            @staticmethod
            def backward(ctx, grad_output):
                x, W, z = ctx.saved_tensors
                grad_z = grad_output.clone()
                grad_z[z < 0] = 0
                return grad_z.mm(W), grad_z.t().mm(x)
     """, "z < 0", "z > 0", ("proved", "agrees")),
]  # fmt: skip


@pytest.mark.parametrize(("problem", "code", "right", "wrong", "verdicts"), KINDS)
def test_kinds_of_programs(problem, code, right, wrong, verdicts):
    code = textwrap.dedent(code)
    line = check_code(code, *problem).lines[0]
    assert line.verdict in verdicts, (line.verdict, line.reason)
    planted = code.replace(right, wrong)
    assert planted != code
    assert check_code(planted, *problem).lines[0].verdict == "fails"


def test_a_parameter_that_has_taken_its_step_is_not_its_value_before():
    code = """
def step(X, W, V, Y):
    h = X @ W
    R = h @ V - Y
    dV = h.T @ R
    V -= 0.1 * dV
    dW = X.T @ R @ V.T
    W -= 0.1 * dW
"""
    problem = ("½‖X W V − Y‖²", "W", "X: n×d, W: d×k, V: k×m, Y: n×m")
    with pytest.raises(DeriveError, match="V is changed by its step before this"):
        check_code(code, *problem)
    assert check_code(code.replace("    V -= 0.1 * dV\n", ""), *problem).ok


def test_the_loss_returned_beside_its_gradient_is_not_taken_for_it():
    code = "def f(X, w, y):\n    cost = np.sum(X @ w - y)\n    return cost, [X, y]\n"
    with pytest.raises(DeriveError, match="is not told"):
        check_code(code, "np.sum(X @ w - y)", "w", "X: n×d, w: d, y: n")


def test_what_is_right_of_masks_and_labels_alone_fails_and_says_so():
    masked = "½‖R ⊙ (X Tᵀ − Y)‖²", "X", "X: p×k, T: u×k, Y: p×u, R: p×u"
    code = "def grad(X, T, Y, R):\n    E = (X @ T.T - Y) * R\n    return E @ T\n"
    line = check_code(code, *masked).lines[0]
    assert line.verdict == "fails" and line.reason.endswith("right where the entries of R are 0 or 1")
    assert "right where" not in check_code(code.replace("E @ T", "2 * E @ T"), *masked).lines[0].reason
    labels = "-np.log(np.sum(t * np.exp(U @ v)) / np.sum(np.exp(U @ v)))", "v", "U: m×d, v: d, t: m"
    code = "def grad(U, v, t):\n    e = np.exp(U @ v)\n    return U.T @ (e / e.sum() - t)\n"
    line = check_code(code, *labels).lines[0]
    assert line.verdict == "fails" and line.reason.endswith("right where t is one-hot")
    assert "right where" not in check_code(code.replace("- t", "+ t"), *labels).lines[0].reason


def test_a_sum_without_a_module_is_that_of_python():
    code = "def grad(A, x, b):\n    return sum([A.T @ (A @ x), -A.T @ b])\n"
    assert check_code(code, *LEAST).ok
    assert not check_code(code.replace("sum", "np.sum"), *LEAST).ok


@pytest.mark.parametrize(("declared", "verdict"), [("A: 3×n, x: n, b: 3", "agrees"), ("A: m×n, x: n, b: m", "fails")])
def test_rows_that_a_loop_names_by_number_are_judged_also_where_there_may_be_fewer(declared: str, verdict: str) -> None:
    code = "def grad(A, x, b):\n    r = A @ x - b\n    return sum([r[i] * A[i] for i in range(3)])\n"
    assert check_code(code, "½‖A x − b‖²", "x", declared).lines[0].verdict == verdict


def test_sizes_of_unrolled_loops_are_no_other_numbers():
    loop = "def grad(A, x, b):\n    g = np.zeros_like(x)\n    for i in range(len(b)):\n        {}\n    return g"
    row = "g += (A[i] @ x - b[i]) * A[i]"
    mean = ("½‖A x − b‖²/m", *LEAST[1:])
    assert check_code(loop.format(row) + " / len(b)", *mean).lines[0].verdict == "agrees"
    assert check_code(loop.format(row) + " / 3", *mean).lines[0].verdict == "fails"
    assert check_code(loop.format(row) + " / (len(x) + 1)", *mean).lines[0].verdict == "fails"
    assert check_code(loop.format(f"if i < 5: {row}"), *LEAST).lines[0].verdict == "fails"
    assert (
        check_code(loop.format(row).replace("return", "else: g *= 2\n    return"), *LEAST).lines[0].verdict == "fails"
    )
    few = "def grad(A, x, b):\n    return sum([(A[i] @ x - b[i]) * A[i] for i in range(3)])"
    assert check_code(few, *LEAST).lines[0].verdict == "fails"


def test_a_list_is_added_up_from_its_start_on():
    code = "def grad(A, x, b):\n    return sum([A.T @ (A @ x), -A.T @ b], {})"
    assert check_code(code.format("0"), *LEAST).ok
    assert not check_code(code.format("x"), *LEAST).ok
    with pytest.raises(DeriveError, match="from a number on"):
        check_code(code.format("1"), *LEAST)


def test_parameters_in_one_array_are_what_is_taken_out_of_it():
    code = source("""
        def grad(theta, x, y):
            m, n = len(y), len(x)
            W = theta[:m * n].reshape(m, n)
            b = theta[m * n:]
            r = W @ x + b - y
            dW, db = np.outer(r, x), r
            return np.concatenate([dW.ravel(), db])
    """)
    problem = ("½‖W x + b − y‖²", "W", LAYER[2])
    assert check_code(code, *problem).lines[0].verdict == "proved"
    for right, wrong in (
        ("W = ", "W = 2 * "),
        ("b = ", "b = -"),
        ("dW.ravel", "dW.T.ravel"),
        ("dW.ra", "dW.clip(0, 1).ra"),
    ):
        with pytest.raises(DeriveError):
            check_code(code.replace(right, wrong, 1), *problem)


def test_an_array_changed_in_a_helper_is_changed_for_its_caller():
    code = "def f(v):\n    v {}= 2\n    return v\n"
    code += "def grad(A, x, b):\n    g = A.T @ (A @ x - b)\n    h = f(g)\n    return g"
    assert check_code(code.format("*"), *LEAST).lines[0].verdict == "fails"
    assert check_code(code.replace("{}= 2", "= 2 * v"), *LEAST).ok


def test_bounds_that_leave_no_room_always_clip():
    code = "def grad(A, x, b):\n    return A.T @ np.clip(A @ x - b, {})"
    assert check_code(code.format("-9, 9"), *LEAST).lines[0].verdict == "conditional"
    assert check_code(code.format("9, -9"), *LEAST).lines[0].verdict == "fails"
    assert check_code(code.format("0, 0"), *LEAST).lines[0].verdict == "fails"


def test_a_comparison_of_three_is_no_known_branch():
    code = "def grad(A, x, b, k=None):\n    if k is None is None:\n        return x\n    return A.T @ (A @ x - b)"
    with pytest.raises(DeriveError, match="not read"):
        check_code(code, *LEAST)


def test_a_call_that_writes_into_an_array_changes_it():
    code = "def grad(A, x, b):\n    r = A @ x - b\n    {}\n    return A.T @ r"
    for line in ("np.multiply(r, 2, out=r)", "h = np.multiply(r, 2, out=r)", "h = F.relu(r, inplace=True)"):
        text = "import torch.nn.functional as F\n" * ("F." in line) + code.format(line)
        assert check_code(text, *LEAST).lines[0].verdict == "fails", line
    assert check_code(code.format("np.multiply(r, 1, out=r)"), *LEAST).ok


def test_what_is_returned_at_last_is_what_counts():
    code = "def grad(A, x, b):\n    g = A.T @ (A @ x - b)\n    try:\n        return {}\n    finally:\n        {}"
    assert check_code(code.format("g", "print(1)"), *LEAST).ok
    assert check_code(code.format("2 * g", "return g"), *LEAST).ok
    assert check_code(code.format("g", "return 2 * g"), *LEAST).lines[0].verdict == "fails"


@pytest.mark.parametrize(
    "start", ["self.W, self.b = W, b", "self.W, self.b = W.copy(), np.array(b)", "self.W = W; self.b = self.c = b"]
)
def test_an_attribute_with_the_name_of_the_variable_is_not_its_gradient(start):
    code = f"class M:\n    def __init__(self, W, b):\n        {start}\n"
    code += "    def grad(self, x, y):\n        return np.outer(self.W @ x + self.b - y, x)"
    problem = ("½‖W x + b − y‖²", "W", LAYER[2])
    assert check_code(code, *problem).lines[0].verdict == "proved"
    assert check_code(code.replace("- y", "+ y"), *problem).lines[0].verdict == "fails"
    assert not check_code(code.replace(start, "self.W = W; self.b = 2 * b"), *problem).ok  # no start value
