"""Words and formulas that a proof consists of, line by line, and the document that they make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..expr import Expr

if TYPE_CHECKING:
    from ..render.blocks import Exposition

Part = str | Sequence[Expr | str]  # words, or a formula


class Remark:
    """A line of a proof: strings are words, lists are formulas.

    Examples
    --------
    >>> from derive.expr import symbol
    >>> print(Remark([symbol("A", "m", "n")], " is a matrix"))
    A is a matrix
    """

    __slots__ = ("parts",)

    def __init__(self, *parts: Part) -> None:
        self.parts = tuple(part if isinstance(part, str) else tuple(part) for part in parts if part)

    def text(self) -> str:
        return "".join(
            p if isinstance(p, str) else " ".join(i if isinstance(i, str) else i.text() for i in p) for p in self.parts
        )

    def latex(self) -> str:
        """The line for a LaTeX paragraph, formulas between dollars."""
        from ..render.latex import LatexPrinter

        return LatexPrinter({}).inline(self.parts)

    __str__ = text

    def __repr__(self) -> str:
        return f"<{self.text()}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Remark) and self.parts == other.parts

    def __hash__(self) -> int:
        return hash(self.parts)


class Finding:
    """What is found out about a formula, shown as a document; `title` is that of its page."""

    title: str

    def exposition(self) -> Exposition:
        """The document, before it is printed."""
        raise NotImplementedError

    def text(self) -> str:
        """The whole in Unicode text."""
        from ..render.text import document

        return document(self.exposition())

    def latex(self, document: bool = False) -> str:
        """The whole in LaTeX; a compilable document with `document=True`."""
        from ..render.optima import latex

        return latex(self.exposition(), document)

    def markdown(self) -> str:
        """The whole in Markdown with LaTeX formulas."""
        from ..render.markdown import page

        return page(self.exposition())

    def html(self) -> str:
        """The whole as one HTML page that needs no network."""
        from ..render.optima import html

        return html(self.exposition(), self.title)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": self.text(), "text/markdown": self.markdown()}
