"""What Jupyter shows, and the cell magic `%%derive`.

A derivation is offered as HTML (with the graph and steps that open and close), as
Markdown with LaTeX, as LaTeX and as plain text; the frontend takes the richest it knows.

Where a notebook is not trusted, a frontend drops scripts, styles, drawings and MathML from
the HTML and keeps the letters, so that a fraction ½ would read 12.  Our HTML is therefore
the plain text, and its script puts the typeset page in the place of it.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from ..errors import DeriveError
from ..progress import watched

if TYPE_CHECKING:
    from ..derivation import Presented
    from ..steps import Step

UNFOLD = """
(function (root) {
  root.innerHTML = root.dataset.page;
  root.querySelectorAll("script").forEach((old) => {
    const script = document.createElement("script");
    script.textContent = old.textContent;
    old.replaceWith(script);
  });
})(document.currentScript.parentElement);
""".strip()


def guarded(page: str, plain: str) -> str:
    """HTML that shows the page, or the plain text where scripts are dropped."""
    return f'<div data-page="{escape(page)}"><pre>{escape(plain)}</pre><script>{UNFOLD}</script></div>'


def derivation_bundle(derivation: Presented) -> dict[str, str]:
    """The mime bundle of a derivation."""
    from .exposition import exposition
    from .html import fragment
    from .latex import LatexPrinter
    from .markdown import page
    from .text import document

    with watched("typesetting"):
        told = exposition(derivation, has_code=True)
        plain = document(told)
        return {
            "text/plain": plain,
            "text/latex": LatexPrinter(told.spelled).blocks(told.blocks),
            "text/markdown": page(told),
            "text/html": guarded(fragment(derivation, told), plain),
        }


# Steps as a table

TITLES = ("Step", "Operand", "Operation", "Its share of the cotangent", "Shape")


def steps_markdown(steps: Sequence[Step]) -> str:
    """The table with typeset formulas."""
    from ..shapes import shape_text

    lines = ["| " + " | ".join(TITLES) + " |", "|---:|:---|:---|:---|:---|"]
    for step in steps:
        shares = f"${step.operand.latex()}$", f"`{step.view.op.name}`", f"${step.contribution.latex()}$"
        lines.append(" | ".join([f"| {step.number}", *shares, shape_text(step.operand.shape) + " |"]))
    return "\n".join(lines) + "\n"


def steps_text(steps: Sequence[Step]) -> str:
    """The table in columns."""
    from ..shapes import shape_text

    rows = [TITLES] + [
        (str(s.number), s.operand.text(), s.view.op.name, s.contribution.text(), shape_text(s.operand.shape))
        for s in steps
    ]
    widths = [min(60, max(len(row[k]) for row in rows)) for k in range(len(TITLES))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip() for row in rows)


USAGE = "%%derive [gradient|jacobian|hessian] --wrt W [--where DECLARATIONS] [--name d]"


def derive_magic(line: str, cell: str, namespace: dict[str, Any]) -> Any:
    """Derive the formula in a cell; leave the derivation and the function in variables.

    The cell holds the formula, the line the rest:

        %%derive --wrt W
        ½‖WᵀWx − x‖²

    `derivation` and `function` are then set in the notebook; `--name d` calls them `d`
    and `d_function`.
    """
    from .. import api

    words = shlex.split(line)
    kind = words.pop(0) if words and not words[0].startswith("-") else "gradient"
    options: dict[str, str] = {}
    while words:
        option = words.pop(0)
        if option not in ("--wrt", "--where", "--name", "--direction") or not words:
            raise DeriveError(f"{option} is not understood", hint=USAGE)
        options[option[2:]] = words.pop(0)
    if kind not in ("gradient", "jacobian", "hessian", "hvp", "differential"):
        raise DeriveError(f"{kind} is not understood", hint=USAGE)
    given = [options[key] for key in ("wrt", "direction") if key in options]
    if kind != "differential" and "wrt" not in options:
        raise DeriveError("the variable is missing", hint=USAGE)
    name = options.get("name", "")
    with watched("deriving"):
        derivation = getattr(api, kind)(cell.strip(), *given, where=options.get("where"))
        namespace[name or "derivation"] = derivation
        if kind != "differential":
            namespace[f"{name}_function" if name else "function"] = derivation.function()
    return derivation


def load_ipython_extension(ipython: Any) -> None:
    """Register the magic: `%load_ext derive`."""

    def derive(line: str, cell: str) -> Any:
        return derive_magic(line, cell, ipython.user_ns)

    ipython.register_magic_function(derive, magic_kind="cell", magic_name="derive")
