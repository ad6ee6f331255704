"""What a document consists of: headings, paragraphs and displays of aligned lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..expr import Expr
from ..shapes import Shape
from . import Formula, Partial, Space


class Heading(NamedTuple):
    """The title of a part."""

    title: str


class Paragraph:
    """Words and formulas: a string is words, a list a formula."""

    __slots__ = ("parts",)

    def __init__(self, *parts: str | Formula) -> None:
        self.parts = parts


class Row:
    """A line of a display: `left` `sign` formula `sign` formula …, its shape and its step number."""

    __slots__ = ("left", "rights", "shape", "number", "node", "is_boxed")

    def __init__(
        self,
        left: Formula,
        *rights: tuple[str, Formula],
        shape: Shape | None = None,
        number: str | None = None,
        node: Expr | None = None,
        is_boxed: bool = False,
    ) -> None:
        self.left = left
        self.rights = rights
        self.shape = shape
        self.number = number
        self.node = node  # of the evaluation graph, for pictures
        self.is_boxed = is_boxed


class Display:
    """Lines aligned at their first sign."""

    __slots__ = ("rows",)

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = list(rows)


class Shapes(NamedTuple):
    """The symbols with their shapes and declared properties, in words."""

    symbols: Sequence[tuple[Expr, str]]

    def sentence(self) -> list[str | Formula]:
        """All of them, as parts of a paragraph."""
        parts: list[str | Formula] = ["with "]
        for i, (s, properties) in enumerate(self.symbols, start=1):
            end = "." if i == len(self.symbols) else ", "
            parts += [[s, "∈", Space(s.shape)], f" {properties}{end}" if properties else end]
        return parts


Block = Heading | Shapes | Paragraph | Display


class Exposition:
    """The blocks of a document, and the symbols in them that stand for derivatives."""

    __slots__ = ("title", "blocks", "spelled", "symbols")

    def __init__(self, title: Sequence[str | Formula]) -> None:
        self.title = title
        self.blocks: list[Block] = []
        self.spelled: dict[str, Partial] = {}
        self.symbols: list[Expr] = []

    def say(self, *parts: str | Formula) -> None:
        self.blocks.append(Paragraph(*parts))

    def show(self, *rows: Row) -> None:
        """Add lines, to the display at the end if there is one."""
        if self.blocks and isinstance(self.blocks[-1], Display):
            self.blocks[-1].rows += rows
        elif rows:
            self.blocks.append(Display(rows))

    def part(self, title: str) -> None:
        self.blocks.append(Heading(title))
