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
    ("def grad(W, x):\n    for i in range(3):\n        W = W + 1\n    return W\n", "line 2: a loop is not read"),
    ("def grad(W, x):\n    if True:\n        return W\n", "line 2: a branch is not read"),
    ("def grad(W, x):\n    return __import__('os').system('ls')\n", "system"),
    ("def grad(W, x):\n    return open('/etc/passwd').read()\n", "read is not known"),
    ("def grad(W, x):\n    return eval('W')\n", "eval"),
    ("def grad(W, q):\n    return W\n", "the parameter q is no symbol of the loss"),
    ("def grad(W, x):\n    return einsum(W, x)\n", "einsum is not known"),
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
