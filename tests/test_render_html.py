"""The page of a derivation: complete, without a network, and alive in a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import escape, unescape
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

import derive
from derive.expr import Expr
from derive.render.mathml import MathML, mathml, pieces
from tests.test_render_text import PRINTED

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed")


@pytest.fixture(scope="module")
def page() -> str:
    return derive.gradient("½‖WᵀWx − x‖²", "W").html()


class Balance(HTMLParser):
    """Notes elements that are opened and not closed, and addresses outside the page."""

    VOID = frozenset("meta link br wbr img input hr".split())

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        self.wrong += [f"{tag} {name}" for name, _ in attrs if name in ("src", "href")]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"/{tag}")


def faults(page: str) -> list[str]:
    parser = Balance()
    parser.feed(page)
    return parser.wrong + parser.open


def test_the_page_is_balanced_and_fetches_nothing(page: str) -> None:
    assert faults(page) == []
    assert "http" not in re.sub(r'xmlns="[^"]*"', "", page)


def test_the_balance_check_can_fail(page: str) -> None:
    assert faults(page.replace("</details>", "", 1))
    assert faults(page.replace("<h1>", '<img src="x.png"><h1>', 1))


def test_the_page_holds_what_it_must(page: str) -> None:
    assert page.count('<details class="step"') >= 5
    for part in ("Copy LaTeX", "Copy NumPy code", "aria-live", "prefers-color-scheme", "@media print", 'lang="en"'):
        assert part in page
    assert "relative error at most" in page and 'data-shape="m × n"' in page


@pytest.mark.parametrize("expr", [e for e, _, _ in PRINTED], ids=[shown for _, shown, _ in PRINTED])
def test_mathml_is_well_formed(expr: Expr) -> None:
    root = ElementTree.fromstring(mathml(expr))
    counts = {"mfrac": 2, "msup": 2, "msub": 2, "mover": 2}
    for element in root.iter():
        assert len(element) == counts.get(element.tag, len(element)), element.tag


SCRIPT = """
<script>
window.addEventListener("load", () => {
  const steps = [...document.querySelectorAll("details.step")], step = steps[3], result = {};
  const summary = step.querySelector("summary");
  result.opened = step.open;
  summary.click();
  result.closed = !step.open;
  summary.click();
  result.reopened = step.open;
  summary.focus();
  result.focused = document.activeElement === summary;
  step.dispatchEvent(new Event("mouseenter"));
  const here = document.querySelector("svg .here");
  result.marked = here ? here.querySelector("title").textContent : "";
  document.querySelector("button[data-all=close]").click();
  result.all = steps.every((d) => !d.open);
  document.querySelector("button[data-all=open]").click();
  const formula = document.querySelector("td.right math").getBoundingClientRect();
  result.typeset = formula.width > 10 && formula.height > 5;
  const target = document.querySelector("[data-shape]"), box = target.getBoundingClientRect();
  target.dispatchEvent(new MouseEvent("mousemove", {bubbles: true, clientX: box.x, clientY: box.y}));
  result.tip = (document.querySelector(".tip") || {}).textContent || "";
  result.wide = document.documentElement.scrollWidth > window.innerWidth;
  document.body.insertAdjacentHTML("beforeend", "<pre id='result'>" + JSON.stringify(result) + "</pre>");
});
</script>
"""


def in_browser(page: str, folder: Path, *options: str) -> str:
    """The page as the browser leaves it after its scripts have run."""
    path = folder / "page.html"
    path.write_text(page, encoding="utf-8")
    assert BROWSER is not None
    done = subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}", *options,
         "--window-size=1000,1400", path.as_uri()],
        capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    return done.stdout.decode("utf-8", "replace")


PHONE = """<iframe width="390" height="4000" srcdoc="{}"></iframe><script>
window.addEventListener("load", () => {{
  const page = document.querySelector("iframe").contentDocument, out = [];
  page.querySelectorAll(".scroll, .box, body").forEach((e) => {{
    if (e.scrollWidth > e.clientWidth + 1) out.push(e.className + ": " + e.textContent); }});
  document.body.insertAdjacentHTML("beforeend", "<pre id='result'>" + JSON.stringify(out) + "</pre>");
}});</script>"""


def sticking_out(page: str, folder: Path) -> list[str]:
    """What is wider than its place on a telephone."""
    shown = in_browser(PHONE.format(escape(page)), folder, "--dump-dom")
    found = re.search(r'<pre id="result">(.*?)</pre>', shown)
    assert found, shown[-500:]
    return list(json.loads(unescape(found.group(1))))


@needs_browser
def test_pages_fit_a_telephone(page: str, tmp_path: Path) -> None:
    report = derive.check("L = ½‖Ax − b‖²\n∂L/∂x = A^T A x − b").html()
    assert sticking_out(page, tmp_path) == [] and sticking_out(report, tmp_path) == []
    assert any("box" in said for said in sticking_out(page.replace("max-width: 600px", "max-width: 1px"), tmp_path))


@needs_browser
def test_the_page_lives_in_a_browser(page: str, tmp_path: Path) -> None:
    shown = in_browser(page.replace("</body>", SCRIPT + "</body>"), tmp_path, "--dump-dom")
    found = re.search(r'<pre id="result">(.*?)</pre>', shown)
    assert found, shown[-500:]
    result = json.loads(found.group(1))
    assert result["opened"] and result["closed"] and result["reopened"] and result["focused"] and result["all"]
    assert result["marked"].startswith("Wᵀ W x")  # the fourth step is at the node of the product
    assert result["typeset"] and result["tip"] in ("m × n", "n × 1", "m × 1") and not result["wide"]


LONG_LINES = [
    derive.hessian("½‖WᵀWx − x‖²", "W"),
    derive.gradient("tr((WᵀW − I)⁴)", "W"),
    derive.gradient("½‖W₃ tanh(W₂ tanh(W₁x+b₁)+b₂)+b₃ − y‖²", "W1"),
]
SIDEWAYS = """
<script>
window.addEventListener("load", () => {
  const wide = [...document.querySelectorAll(".scroll")].filter((e) => e.scrollWidth > e.clientWidth + 1);
  const broken = [...document.querySelectorAll(".long")].filter((e) => e.getBoundingClientRect().height > 70);
  const result = [document.querySelectorAll(".scroll").length, wide.length, broken.length];
  document.body.insertAdjacentHTML("beforeend", "<pre id='result'>" + JSON.stringify(result) + "</pre>");
});
</script>
"""


@needs_browser
def test_long_formulas_break_and_do_not_scroll(tmp_path: Path) -> None:
    inner = "".join(re.findall(r"<main>(.*)</main>", "".join(d.html().replace("\n", " ") for d in LONG_LINES)))
    page = f'<!DOCTYPE html><html><meta charset="utf-8"><body><main>{inner}</main>{SIDEWAYS}</body></html>'
    counted = {}
    for name, shown in (("broken", page), ("whole", page.replace("white-space: normal;", "").replace("<wbr>", ""))):
        found = re.search(r'<pre id="result">(.*?)</pre>', in_browser(shown, tmp_path, "--dump-dom"))
        assert found
        counted[name] = json.loads(found.group(1))
    displays, wide, broken = counted["broken"]
    assert displays > 30 and wide == 0 and broken >= 3
    assert counted["whole"][1] > 0  # where no break is allowed, they do


def test_a_broken_formula_loses_nothing() -> None:
    for derivation in LONG_LINES:
        whole = MathML().expression(derivation.result)
        parts = pieces(whole)
        assert len(parts) > 2
        shown = "".join(ElementTree.fromstring(f"<p>{''.join(parts)}</p>").itertext())
        assert shown == "".join(ElementTree.fromstring(whole).itertext())


@needs_browser
@pytest.mark.parametrize("scheme, is_dark", [("1", False), ("0", True)], ids=["light", "dark"])
def test_screenshots_show_the_page_in_both_themes(page: str, tmp_path: Path, scheme: str, is_dark: bool) -> None:
    image = pytest.importorskip("matplotlib.image")
    shot = tmp_path / "shot.png"
    in_browser(page, tmp_path, f"--screenshot={shot}", f"--blink-settings=preferredColorScheme={scheme}")
    pixels = image.imread(shot)[:, :, :3]
    background, ink = pixels[3, 3].mean(), pixels[:300].reshape(-1, 3).mean(axis=1)
    assert (background < 0.2) == is_dark
    assert (abs(ink - background) > 0.5).sum() > 1000  # something is written on it
    reddish = (pixels[:, :, 0] > pixels[:, :, 1] + 0.3) & (pixels[:, :, 0] > pixels[:, :, 2] + 0.3)
    assert reddish.sum() > 500  # the cotangents, in their color


@needs_browser
def test_a_net_of_twenty_layers_opens(tmp_path: Path) -> None:
    layers = "".join(f"tanh(W{i} " for i in range(20, 0, -1))
    page = derive.gradient(f"½‖{layers}x{')' * 20} − y‖²", "W1").html()
    shown = in_browser(page, tmp_path, "--dump-dom")
    assert shown.count("<math") > 100
    assert len(page) < 600_000


def test_an_operation_by_rows_has_its_axis_below():
    page = derive.gradient("½‖softmax_row(Q Kᵀ) − Y‖²", "Q", "Q: n×d, K: m×d").html()
    assert '>softmax</mi><mi mathvariant="normal">row</mi></msub>' in page
    assert ">softmax_row<" not in page


def test_a_closing_bracket_with_a_script_is_as_high_as_the_opening_one():
    page = derive.gradient("(x'A x) / (x'B x)", "x").html()
    assert re.search(r'<mo stretchy="true" form="postfix" minsize="1.8em" maxsize="1.8em">\)</mo></mrow><mo>⊤', page)
    assert not re.search(r'<msup><mo stretchy="true"', page)  # which browsers leave small


def test_the_square_of_a_norm_stands_above_its_kind():
    shown = mathml(derive.parse("‖A X − B‖_F² + ‖x‖₁²"))
    assert shown.count("<msubsup>") == 2 and "<msup>" not in shown
    ElementTree.fromstring(shown)
