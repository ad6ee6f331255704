"""What Jupyter shows, and the cell magic."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import derive
from derive.errors import DeriveError
from derive.render.jupyter import derive_magic
from tests.optional import needs
from tests.test_render_html import in_browser


class Stripped(HTMLParser):
    """The letters that remain where a frontend drops scripts, styles and every tag it does not know."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.said, self.dropped = "", 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.dropped += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self.dropped -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        self.said += "" if self.dropped else data


def test_a_derivation_is_offered_in_four_ways() -> None:
    bundle = derive.gradient("½‖WᵀWx − x‖²", "W")._repr_mimebundle_()
    assert list(bundle) == ["text/plain", "text/latex", "text/markdown", "text/html"]
    assert "W (Wᵀ W x xᵀ + x xᵀ Wᵀ W − 2 x xᵀ)" in bundle["text/plain"]
    assert r"\frac{1}{2}" in bundle["text/latex"] and r"\begin{align*}" in bundle["text/latex"]
    assert "&lt;math" in bundle["text/html"]


@pytest.mark.parametrize(
    "make",
    [lambda: derive.gradient("½‖WᵀWx − x‖²", "W"), lambda: derive.check("L = ½‖Ax − b‖²\n∂L/∂x = Aᵀ(Ax + b)")],
    ids=["derivation", "report"],
)
def test_what_is_not_trusted_is_right_all_the_same(make: Any) -> None:
    bundle = make()._repr_mimebundle_()
    assert Stripped(bundle["text/html"]).said == bundle["text/plain"] and "½" in bundle["text/plain"]


def test_the_page_alone_would_be_wrong_where_tags_are_dropped() -> None:
    html = derive.gradient("½‖Ax − b‖²", "x")._repr_mimebundle_()["text/html"]
    page = re.search('data-page="([^"]*)"', html)
    assert page and "L=12‖" in Stripped(unescape(page.group(1))).said


@needs("Chromium")
def test_what_is_trusted_is_typeset(tmp_path: Path) -> None:
    derivation, report = derive.gradient("½‖Wx‖²", "W"), derive.check("L = ½‖Ax − b‖²\n∂L/∂x = Aᵀ(Ax + b)")
    bundles = [made._repr_mimebundle_() for made in (derivation, report)]
    seen = in_browser("".join(f"<body>{bundle['text/html']}" for bundle in bundles), tmp_path, "--dump-dom")
    assert seen.count("<math") > 20 and seen.count("<pre") == 2  # the code and the LaTeX, the plain texts are gone
    assert 'data-ready="1"' in seen  # the script of the page has run


def test_steps_are_a_table() -> None:
    steps = derive.gradient("½‖WᵀWx − x‖²", "W").steps
    lines = steps._repr_markdown_().splitlines()
    assert len(lines) == len(steps) + 2 and all(line.count(" | ") == 4 for line in lines if "---" not in line)
    assert lines[-2] == r"| 6 | $W$ | `matmul` | $W (W^{\top} W x - x) x^{\top}$ | m × n |"
    plain = repr(steps).splitlines()
    assert plain[0].split() == "Step Operand Operation Its share of the cotangent Shape".split()
    assert len(plain) == len(steps) + 1 and plain[-1].endswith("m × n")
    assert repr(steps[0]).startswith("<step 1: ‖Wᵀ W x − x‖² gets ½")


@needs("ipykernel")  # which brings IPython
def test_a_mistake_is_told_without_the_calls_that_led_to_it(capsys: pytest.CaptureFixture[str]) -> None:
    from IPython.core.interactiveshell import InteractiveShell

    try:
        InteractiveShell.instance().run_cell("import derive; derive.gradient('sigmod(x)', 'x')")
    finally:
        InteractiveShell.clear_instance()
    said = capsys.readouterr().out
    assert said.startswith("ParseError: sigmod is not") and said.rstrip().endswith("did you mean sigmoid?")
    assert len(said.strip().splitlines()) == 4


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
