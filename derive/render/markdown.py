"""Derivations in Markdown, as GitHub and Obsidian typeset it.

GitHub refuses `\\operatorname` and `\\tag`, and an `align*` between dollars; `aligned`
and `\\mathop` say the same everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .blocks import Block, Exposition, Heading, Paragraph, Row, Shapes
from .latex import LatexPrinter

if TYPE_CHECKING:
    from ..derivation import Derivation


class MarkdownPrinter(LatexPrinter):
    """Headings with #, displays between double dollars, shapes and step numbers in a column of their own."""

    opening, closing = "$", "$"

    def tag(self, row: Row) -> str:
        shape = "" if row.shape is None else self.shape(row.shape).strip("$")
        parts = [rf"\text{{{shape}}}" if shape == "scalar" else shape, f"({row.number})" if row.number else ""]
        shown = r" \quad ".join(part for part in parts if part)
        return f" && {shown}" if shown else ""

    def display(self, rows: Sequence[Row]) -> str:
        lines = " \\\\\n".join(self.lines(rows))
        return _plain("$$\n\\begin{aligned}\n" + lines + "\n\\end{aligned}\n$$")

    def blocks(self, blocks: Sequence[Block]) -> str:
        out: list[str] = []
        for block in blocks:
            if isinstance(block, Heading):
                out.append(f"## {block.title}")
            elif isinstance(block, Paragraph):
                out.append(_plain(self.inline(block.parts)))
            elif isinstance(block, Shapes):
                out.append(_plain(self.shapes(block)))
            else:
                out.append(self.display(block.rows))
        return "\n\n".join(out)


def _plain(latex: str) -> str:
    return re.sub(r"\\operatorname\{([^{}]*)\}", r"\\mathop{\\mathrm{\1}}", latex)


def derivation_markdown(derivation: Derivation, detail: str = "steps", verify: bool = True) -> str:
    """The whole derivation in Markdown."""
    from .exposition import exposition

    return page(exposition(derivation, detail, verify))


def page(told: Exposition) -> str:
    """A document with its title."""
    printer = MarkdownPrinter(told.spelled)
    return f"# {_plain(printer.inline(told.title))}\n\n{printer.blocks(told.blocks)}\n"
