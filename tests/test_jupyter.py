"""What Jupyter shows, and the cell magic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import derive
from derive.errors import DeriveError
from derive.render.jupyter import derive_magic


def test_a_derivation_is_offered_in_three_ways() -> None:
    bundle = derive.gradient("½‖WᵀWx − x‖²", "W")._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/markdown", "text/html"}
    assert "W (Wᵀ W x xᵀ + x xᵀ Wᵀ W − 2 x xᵀ)" in bundle["text/plain"]
    assert bundle["text/html"].startswith('<div class="derivation">') and "<math" in bundle["text/html"]


def test_a_formula_typesets() -> None:
    expr = derive.parse("WᵀWx − x")
    assert expr._repr_latex_() == r"$\displaystyle W^{\top} W x - x$"


def test_a_report_shows_its_verdicts() -> None:
    report = derive.check("L = ½‖Ax − b‖²\n∂L/∂x = Aᵀ(Ax + b)")
    bundle = report._repr_mimebundle_()
    assert "fails" in bundle["text/plain"] and "fails" in bundle["text/html"]


def test_the_magic_leaves_derivation_and_function() -> None:
    space: dict[str, Any] = {}
    made = derive_magic("--wrt W", "½‖WᵀWx − x‖²\n", space)
    assert space["derivation"] is made and made.kind == "gradient"
    W, x = np.arange(6.0).reshape(2, 3), np.ones(3)
    r = W.T @ W @ x - x
    np.testing.assert_allclose(space["function"](W=W, x=x), W @ (np.outer(r, x) + np.outer(x, r)))


def test_the_magic_takes_kind_name_and_declarations() -> None:
    space: dict[str, Any] = {}
    derive_magic("jacobian --wrt x --name d --where 'A: m×n, x: n'", "tanh(A x)", space)
    assert space["d"].kind == "jacobian" and callable(space["d_function"])


@pytest.mark.parametrize("line", ["", "--wrt", "frobnicate --wrt W", "--wrt W --color red"])
def test_the_magic_refuses_what_it_does_not_know(line: str) -> None:
    with pytest.raises(DeriveError):
        derive_magic(line, "½‖Wx‖²", {})


def test_the_extension_registers_the_magic() -> None:
    class Shell:
        user_ns: dict[str, Any] = {}
        registered: dict[str, Any] = {}

        def register_magic_function(self, function: Any, magic_kind: str, magic_name: str) -> None:
            self.registered[magic_name] = (magic_kind, function)

    shell = Shell()
    derive.load_ipython_extension(shell)
    kind, function = shell.registered["derive"]
    assert kind == "cell"
    function("--wrt x", "½‖Ax − b‖²")
    assert shell.user_ns["derivation"].wrt.name == "x"
