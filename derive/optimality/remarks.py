"""Words and formulas that a proof consists of, line by line."""

from __future__ import annotations

from collections.abc import Sequence

from ..expr import Expr

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
