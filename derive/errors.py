"""The errors `derive` raises on purpose: what is wrong, where, and a way out.

Every error that bad input can cause derives from `DeriveError`, itself a
`ValueError`.  An error that knows its place carries the text it was found in
(`source`) and the span of the culprit there (`span`, as character offsets).
"""

from __future__ import annotations

import unicodedata


class DeriveError(ValueError):
    """Bad input, said so that it can be mended.

    Parameters
    ----------
    message : str
        What is wrong, in one sentence without a closing period.
    source : str, optional
        The text in which the error stands.
    span : (int, int), optional
        Start and end of the culprit in `source`.
    hint : str, optional
        A way out.

    Examples
    --------
    >>> print(DeriveError("no such name", source="x + q", span=(4, 5), hint="did you mean p?"))
    no such name
        x + q
            ^
      did you mean p?
    """

    def __init__(
        self,
        message: str,
        source: str | None = None,
        span: tuple[int, int] | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, source, span, hint)
        self.message = message
        self.source = source
        self.span = span
        self.hint = hint

    def at(self, source: str, span: tuple[int, int]) -> DeriveError:
        """This error with its place, unless it already has one."""
        if self.span is None:
            self.source, self.span = source, span
            self.args = (self.message, source, span, self.hint)
        return self

    def _render_traceback_(self) -> list[str]:
        """What IPython prints: the message, without the calls that led to it."""
        return [f"{type(self).__name__}: {self}"]

    def __str__(self) -> str:
        lines = [self.message]
        if self.source is not None and self.source.strip() and self.span is not None:
            lines += ["    " + line for line in marked(self.source, self.span)]
        if self.hint:
            lines += ["  " + line for line in self.hint.splitlines()]
        return "\n".join(lines)


class ParseError(DeriveError):
    """The text is not a formula, declaration or document we can read."""


class ShapeError(DeriveError):
    """The shapes of the operands do not fit."""


class UnknownSymbolError(DeriveError):
    """A name that neither the formula nor its declarations know."""


class MissingRuleError(DeriveError):
    """An operation on the way has no derivative, or none in matrix notation."""


class LimitError(DeriveError):
    """The input exceeds a limit stated in the README."""


class MissingExtraError(DeriveError):
    """An optional dependency is not installed; the message names the extra."""


def columns(text: str) -> int:
    """The width of `text` on a terminal: wide characters take two columns, marks none."""
    width = 0
    for character in text:
        if unicodedata.combining(character) or unicodedata.category(character) in ("Cf", "Mn", "Me"):
            continue
        width += 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
    return width


def marked(source: str, span: tuple[int, int], width: int = 72) -> list[str]:
    """The line of `source` that holds `span`, cut to `width`, and carets below the span."""
    start = max(0, min(span[0], len(source)))
    end = max(start, min(span[1], len(source)))
    first = source.rfind("\n", 0, start) + 1
    last = source.find("\n", start)
    last = len(source) if last < 0 else last
    end = min(end, last)
    left, right = "", ""
    if last - first > width:
        cut_from = max(first, min(start - width // 2, last - width))
        cut_to = min(last, cut_from + width)
        left, right = ("…" if cut_from > first else ""), ("…" if cut_to < last else "")
        first, last, end = cut_from, cut_to, min(end, cut_to)
    line = "".join(c if c.isprintable() else " " for c in source[first:last])
    start, end = start - first, end - first
    carets = "^" * max(1, columns(line[start:end]))
    return [left + line + right, " " * columns(left + line[:start]) + carets]
