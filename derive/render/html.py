"""A derivation as one page of HTML that needs no network.

Formulas are MathML.  Every step is a `<details>` that opens and closes and, while it has
the focus or the pointer, marks its node in the graph; shapes show where the pointer
rests; buttons copy LaTeX and code.  Light and dark, on paper and by keyboard.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from ..errors import DeriveError
from ..expr import Expr
from . import Formula
from .blocks import Block, Display, Exposition, Heading, Paragraph, Row, Shapes
from .breaking import width
from .latex import Latex, LatexPrinter
from .mathml import MathML, element, pieces, shape_mathml
from .picture import STYLE as GRAPH_STYLE
from .picture import themed

if TYPE_CHECKING:
    from ..derivation import Presented

LIGHT = "--ink: #1f2328; --soft: #5b6570; --paper: #fff; --tint: #f5f7fa; --line: #d5dbe1; --accent: #b3261e;"
DARK = "--ink: #e6e9ee; --soft: #9aa4af; --paper: #16181d; --tint: #1e2127; --line: #3a414b; --accent: #ff8a80;"
PAGE = """
:root { color-scheme: light dark; } body { margin: 0; background: #fff; }
@media (prefers-color-scheme: dark) { body { background: #16181d; } }
""".strip()
STYLE = (
    themed(".derivation", LIGHT + " --focus: #1a63d8;", DARK + " --focus: #7fb0ff;")
    + """
.derivation, .derivation * { box-sizing: border-box; }
.derivation { position: relative; color: var(--ink); background: var(--paper); font: 16px/1.55 system-ui, sans-serif;
  max-width: 60rem; margin: 0 auto; padding: 1.5rem 1.25rem 3rem; }
.derivation math { font-size: 1.08em; }
.derivation h1 { font-size: 1.45rem; margin: 0 0 0.75rem; }
.derivation h2 { font-size: 1.08rem; margin: 1.75rem 0 0.4rem; border-bottom: 1px solid var(--line);
  padding-bottom: 0.2rem; }
.derivation p { margin: 0.5rem 0; }
.derivation .scroll { overflow-x: auto; }
.derivation table.rows { border-collapse: collapse; margin: 0.2rem 0 0.4rem; width: 100%; table-layout: auto !important;
  font-size: 1rem; }
.derivation table.rows tr { background: none !important; }
.derivation table.rows td { padding: 0.28rem 0; border: 0; background: none;
  vertical-align: baseline; white-space: nowrap; }
.derivation td.left { text-align: right; width: 1%; padding-left: 1.2rem !important; }
.derivation td.right { text-align: left; padding-left: 0.1rem !important; }
.derivation .long { white-space: normal; padding-left: 2rem; text-indent: -2rem; line-height: 2; }
.derivation .long math { text-indent: 0; }
.derivation td.shape { text-align: right; color: var(--soft); font-size: 0.85em; padding-left: 1.5rem !important; }
.derivation td.number { text-align: right; color: var(--soft); width: 3.2rem; font-size: 0.9em; }
.derivation details { border-left: 3px solid var(--line); padding: 0.1rem 0 0.1rem 0.8rem; margin: 0.35rem 0; }
.derivation details[open] { border-left-color: var(--accent); }
.derivation summary { cursor: pointer; padding: 0.15rem 0; }
.derivation summary:focus-visible, .derivation button:focus-visible { outline: 2px solid var(--focus);
  outline-offset: 2px; }
.derivation .box { border: 1.5px solid var(--accent); border-radius: 4px; display: inline-block;
  padding: 0.35rem 0.8rem; margin: 0.2rem 1.2rem; max-width: calc(100% - 2.4rem); }
.derivation .bar { display: flex; flex-wrap: wrap; gap: 0.5rem; margin: 0.5rem 0 1rem; }
.derivation button { font: inherit; font-size: 0.88rem; color: var(--ink); background: var(--tint);
  border: 1px solid var(--line); border-radius: 6px; padding: 0.25rem 0.7rem; cursor: pointer; }
.derivation figure { margin: 1rem 0; text-align: center; }
.derivation .picture { overflow: auto; max-height: 54rem; scroll-behavior: smooth; }
.derivation figcaption { color: var(--soft); font-size: 0.88rem; }
.derivation pre { background: var(--tint); border: 1px solid var(--line); border-radius: 6px; padding: 0.7rem 0.9rem;
  overflow-x: auto; font-size: 0.85rem; line-height: 1.45; }
.derivation .tip { position: absolute; pointer-events: none; background: var(--ink); color: var(--paper);
  font-size: 0.8rem; padding: 0.1rem 0.45rem; border-radius: 4px; z-index: 5; }
.derivation .said { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.derivation mrow[data-shape].under { background: color-mix(in srgb, var(--focus) 22%, transparent);
  border-radius: 2px; }
@media (max-width: 600px) {
  .derivation { padding: 1rem 0.75rem 2rem; } .derivation math { font-size: 1em; }
  .derivation table.rows, .derivation table.rows tbody { display: block; }
  .derivation table.rows tr { display: flex; flex-wrap: wrap; align-items: baseline; column-gap: 0.4rem; }
  .derivation table.rows td { width: auto; padding-left: 0 !important; }
  .derivation td.left:empty, .derivation td.shape:empty, .derivation td.number:empty { display: none; }
  .derivation td.shape, .derivation td.number { margin-left: auto; } .derivation details { padding-left: 0.5rem; }
  .derivation .long { padding-left: 1rem; text-indent: -1rem; }
  .derivation .box { margin: 0.2rem 0; padding: 0.35rem 0.5rem; max-width: 100%; } }
@media print { .derivation .bar, .derivation .tip { display: none; } .derivation { max-width: none; padding: 0; }
  .derivation details, .derivation table { break-inside: avoid; }
  .derivation .scroll, .derivation .picture { overflow: visible; max-height: none; } }
"""
).strip()

SCRIPT = r"""
(function (root) {
  const said = root.querySelector(".said"), all = (s) => Array.from(root.querySelectorAll(s));
  const mark = (id, on) => { const g = id && root.querySelector("svg #" + id); if (g) g.classList.toggle("here", on); };
  const reveal = (id) => { const g = id && root.querySelector("svg #" + id), frame = root.querySelector(".picture");
    if (g) frame.scrollTop = g.getBBox().y - frame.clientHeight / 2; };
  const clear = () => all("svg .here").forEach((g) => g.classList.remove("here"));
  all("details.step").forEach((d) => {
    const show = () => { clear(); mark(d.dataset.node, true); reveal(d.dataset.node); };
    d.addEventListener("toggle", () => { if (d.dataset.ready) show(); d.dataset.ready = 1; });
    ["mouseenter", "focusin"].forEach((e) => d.addEventListener(e, show));
    d.addEventListener("mouseleave", clear);
  });
  all("button[data-copy]").forEach((b) => b.addEventListener("click", async () => {
    const text = root.querySelector("#" + b.dataset.copy).textContent;
    try { await navigator.clipboard.writeText(text); } catch (e) {
      const area = document.createElement("textarea"); area.value = text; root.append(area); area.select();
      document.execCommand("copy"); area.remove(); }
    said.textContent = b.textContent + ": copied"; const was = b.textContent; b.textContent = "Copied";
    setTimeout(() => { b.textContent = was; }, 1200);
  }));
  all("button[data-all]").forEach((b) => b.addEventListener("click", () =>
    all("details.step").forEach((d) => { d.open = b.dataset.all === "open"; })));
  window.addEventListener("beforeprint", () => all("details.step").forEach((d) => { d.open = true; }));
  let tip = null, under = null;
  root.addEventListener("mousemove", (e) => {
    const m = e.target.closest && e.target.closest("[data-shape]");
    if (m !== under) { if (under) under.classList.remove("under"); if (m) m.classList.add("under"); under = m; }
    if (!m) { if (tip) { tip.remove(); tip = null; } return; }
    if (!tip) { tip = document.createElement("div"); tip.className = "tip"; root.append(tip); }
    tip.textContent = m.dataset.shape; const r = root.getBoundingClientRect();
    tip.style.left = e.clientX - r.left + 12 + "px"; tip.style.top = e.clientY - r.top + 14 + "px";
  });
})(document.currentScript.closest(".derivation"));
""".strip()


NARROW = 160.0  # points, of a line that is never broken
WIDE = 300.0  # of one that holds several right sides


class HtmlPrinter:
    """Prints the blocks of a document."""

    def __init__(self, told: Exposition, ids: dict[Expr, str]) -> None:
        self.told = told
        self.ids = ids  # of the nodes in the graph
        self.notation = MathML(told.spelled)
        self.latex = Latex(told.spelled)
        self.in_words = MathML(told.spelled, is_inline=True)

    def inline(self, parts: Sequence[object]) -> str:
        return "".join(escape(p) if isinstance(p, str) else self.in_line(p) for p in parts)  # type: ignore[arg-type]

    def in_line(self, formula: Formula) -> str:
        inside = self.in_words.formula(formula)
        if self.width(formula) <= NARROW:
            return element(inside)
        return "<wbr>".join(element(f"<mrow>{piece}</mrow>") for piece in pieces(inside))

    def rows(self, rows: Sequence[Row]) -> str:
        if any(row.is_boxed for row in rows):
            return "".join(self.box(row) for row in rows)
        lines = []
        for row in rows:
            left = element(self.notation.formula(row.left), True) if row.left else ""
            *above, right = self.lines(row.rights)
            for line in above:
                lines.append(f'<tr><td class="left">{left}</td><td class="right" colspan="3">{line}</td></tr>')
                left = ""
            shape = "" if row.shape is None else element(shape_mathml(row.shape))
            number = f"({row.number})" if row.number else ""
            lines.append(
                f'<tr><td class="left">{left}</td><td class="right">{right}</td>'
                f'<td class="shape">{shape}</td><td class="number">{number}</td></tr>'
            )
        return f'<div class="scroll"><table class="rows" role="presentation">{"".join(lines)}</table></div>'

    def lines(self, rights: Sequence[tuple[str, Formula]], left: str = "") -> list[str]:
        """The right sides of a line, each on a line of its own if together they are long."""
        strings = [self.notation.sign(sign) + self.notation.formula(formula) for sign, formula in rights]
        size = sum(self.width(formula) for _, formula in rights)
        if size <= NARROW:
            return [element(f"<mrow>{left}{''.join(strings)}</mrow>", True)]
        if size <= WIDE:
            strings = ["".join(strings)]
        made = []
        for string in strings:
            parts = [element(f"<mrow>{piece}</mrow>", True) for piece in pieces(left + string)]
            made.append(f'<div class="long">{"<wbr>".join(parts)}</div>')
            left = ""
        return made

    def width(self, formula: Formula) -> float:
        return width(self.latex.formula(formula))

    def box(self, row: Row) -> str:
        left = self.notation.formula(row.left)
        inside = "".join(f"<div>{line}</div>" for line in self.lines(row.rights, left))
        return f'<div class="scroll"><div class="box">{inside}</div></div>'

    def shapes(self, block: Shapes) -> str:
        return f"<p>{self.inline(block.sentence())}</p>"

    def blocks(self) -> Iterator[str]:
        blocks: list[Block] = self.told.blocks
        i, part = 0, ""
        while i < len(blocks):
            block = blocks[i]
            i += 1
            if isinstance(block, Heading):
                part = block.title
                yield f"<h2>{escape(part)}</h2>"
            elif isinstance(block, Shapes):
                yield self.shapes(block)
            elif isinstance(block, Display):
                yield self.rows(block.rows)
            elif part in ("Backward", "The differential", "The rules") and i < len(blocks):
                following = blocks[i]
                if not isinstance(following, Display):
                    yield f"<p>{self.inline(block.parts)}</p>"
                    continue
                i += 1
                node = next((row.node for row in following.rows if row.node is not None), None)
                place = f' data-node="{self.ids[node]}"' if node in self.ids else ""
                yield (
                    f'<details class="step" open{place}><summary>{self.inline(block.parts)}</summary>'
                    f"{self.rows(following.rows)}</details>"
                )
            else:
                assert isinstance(block, Paragraph)
                yield f"<p>{self.inline(block.parts)}</p>"


def fragment(derivation: Presented, told: Exposition) -> str:
    """The derivation as an element that brings its own style and script."""
    graph = derivation.graph
    drawing = graph.svg(standalone=False)
    caption = "Values run forward along the edges, cotangents backward in red"
    is_tied = len(derivation.contributions) > 1
    caption += "; the paths to the variable are numbered like their contributions." if is_tied else "."
    picture = f'<figure><div class="picture">{drawing}</div><figcaption>{caption}</figcaption></figure>'
    printer = HtmlPrinter(told, graph.ids)
    latex = LatexPrinter(told.spelled).blocks(told.blocks)
    try:
        code = derivation.source()
    except (DeriveError, ImportError):
        code = ""
    buttons = ['<button type="button" data-copy="derive-latex">Copy LaTeX</button>']
    buttons += ['<button type="button" data-copy="derive-code">Copy NumPy code</button>'] if code else []
    if any(isinstance(block, Heading) and block.title == "Backward" for block in told.blocks):
        buttons.append('<button type="button" data-all="open">Open all steps</button>')
        buttons.append('<button type="button" data-all="close">Close all steps</button>')
    parts = list(printer.blocks())
    at = next((k for k, part in enumerate(parts) if part.startswith("<h2>")), len(parts))
    parts.insert(at, picture)
    shown = f"<h2>Code</h2><pre><code id='derive-code'>{escape(code)}</code></pre>" if code else ""
    return (
        f'<div class="derivation"><style>{STYLE}\n{GRAPH_STYLE}</style>'
        f'<h1>{printer.inline(told.title)}</h1><div class="bar">{"".join(buttons)}</div>'
        + "\n".join(parts)
        + shown
        + f'<pre id="derive-latex" hidden>{escape(latex)}</pre>'
        + '<div class="said" role="status" aria-live="polite"></div>'
        + f"<script>{SCRIPT}</script></div>"
    )


def derivation_html(derivation: Presented, detail: str = "steps", verify: bool = True) -> str:
    """The derivation as a page of its own."""
    from .exposition import exposition

    title = f"{derivation.kind} of {derivation.name}"
    if derivation.variables:
        title += f" by {', '.join(v.text() for v in derivation.variables)}"
    body = fragment(derivation, exposition(derivation, detail, verify, has_code=True))
    return page(title[:1].upper() + title[1:], PAGE, f"<main>{body}</main>")


def page(title: str, style: str, body: str) -> str:
    """A page of its own."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style></head>\n<body>{body}</body></html>\n"
    )
