"""Macros of LaTeX: what `\\newcommand`, `\\def` and `\\DeclareMathOperator` define, put in the place of each call."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Sequence

MAX_DOCUMENT = 400_000  # characters of text
MAX_EXPANSIONS = 20_000
MAX_DEPTH = 24

_MACRO = re.compile(
    r"\\(?:(?P<new>(?:re|provide)?newcommand|providecommand|renewcommand)\*?\s*(?:\{\s*\\(?P<n1>[A-Za-z]+)\s*\}|\\(?P<n2>[A-Za-z]+))"
    r"|def\s*\\(?P<n3>[A-Za-z]+)(?P<parameters>(?:#[1-9])*)\s*(?=\{)"
    r"|DeclareMathOperator(?P<star>\*?)\s*\{?\s*\\(?P<n4>[A-Za-z]+)\s*\}?"
    r"|DeclarePairedDelimiter\s*\{?\s*\\(?P<n5>[A-Za-z]+)\s*\}?)\s*"
)
_CALL = re.compile(r"\\([A-Za-z]+)")


def blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


class _Macros:
    """The macros that a text defines: how many arguments each takes, a default for the first, and its body."""

    def __init__(self, text: str) -> None:
        self.known: dict[str, tuple[int, str | None, str]] = {}
        self.spans: list[tuple[int, int]] = []
        at = 0
        while (match := _MACRO.search(text, at)) is not None:
            at = self._take(text, match)

    def _take(self, text: str, match: re.Match[str]) -> int:
        name = match["n1"] or match["n2"] or match["n3"] or match["n4"] or match["n5"]
        at, count, default = match.end(), 0, None
        if match["n3"]:
            count = match["parameters"].count("#")
        elif match["new"]:
            number = re.compile(r"\[\s*([0-9])\s*\]\s*").match(text, at)
            if number:
                count, at = int(number[1]), number.end()
                optional = re.compile(r"\[([^\[\]]*)\]\s*").match(text, at)
                if optional:
                    default, at = optional[1], optional.end()
        body, at = _argument(text, at)
        if match["n5"]:
            right, at = _argument(text, at)
            body, count = rf"\left{body} #1 \right{right}", 1
        elif match["n4"]:
            body = rf"\operatorname{{{body}}}"
        if body and not re.search(rf"\\{name}(?![A-Za-z])", body):
            self.known[name] = (count, default, body)
        self.spans.append((match.start(), at))
        return max(at, match.end())


def definitions(text: str) -> list[tuple[int, int, bool]]:
    """The text cut into stretches: definitions of macros, and what stands between."""
    found, at = [], 0
    for start, end in _Macros(text).spans:
        if start >= at:
            found += [(at, start, False), (start, end, True)]
            at = end
    return [*found, (at, len(text), False)]


def _argument(text: str, at: int) -> tuple[str, int]:
    """What a macro takes at a place: a group in braces, a command or a single character."""
    while at < len(text) and text[at] in " \n\t":
        at += 1
    if text[at : at + 1] == "{":
        end = closing(text, at)
        return (text[at + 1 : end], end + 1) if end >= 0 else ("", at + 1)
    command = _CALL.match(text, at)
    if command:
        return command[0], command.end()
    return text[at : at + 1], min(at + 1, len(text))


class _Fixed:
    """The places of what a macro stands for: where it is called."""

    def __init__(self, place: int) -> None:
        self.place = place

    def __call__(self, start: int, end: int) -> Sequence[int]:
        return [self.place] * (end - start)


def _filled(body: str, arguments: Sequence[str]) -> str:
    """The body with its arguments; a command before one ends there, as the `\\lVert` of `\\lVert#1`."""

    def put(found: re.Match[str]) -> str:
        argument = arguments[int(found[2]) - 1] if int(found[2]) <= len(arguments) else ""
        return found[1] + " " * (found[1] != "" and argument[:1].isalpha()) + argument

    return re.sub(r"((?:\\[A-Za-z]+)?)#([1-9])", put, body)


class _Copy:
    """A text under construction with the place that each of its characters came from."""

    def __init__(self, macros: _Macros) -> None:
        self.macros = macros
        self.parts: list[str] = []
        self.places = array("L")
        self.expansions = 0
        self.length = 0

    def put(self, text: str, places: Sequence[int]) -> None:
        self.parts.append(text)
        self.places.extend(places)
        self.length += len(text)

    def expand(self, text: str, place: Callable[[int, int], Sequence[int]], depth: int) -> None:
        at = 0
        for match in _CALL.finditer(text):
            known = self.macros.known.get(match[1])
            if known is None or match.start() < at or depth >= MAX_DEPTH:
                continue
            self.expansions += 1
            if self.expansions > MAX_EXPANSIONS or self.length > 3 * MAX_DOCUMENT:
                break
            self.put(text[at : match.start()], place(at, match.start()))
            count, default, body = known
            end, arguments = match.end(), []
            if text[end : end + 1] == "*" and count:
                end += 1
            for i in range(count):
                optional = re.compile(r"\s*\[([^\[\]]*)\]").match(text, end) if i == 0 and default is not None else None
                if i == 0 and default is not None:
                    arguments.append(optional[1] if optional else default)
                    end = optional.end() if optional else end
                    continue
                argument, end = _argument(text, end)
                arguments.append(argument)
            here = place(match.start(), match.start() + 1)[0]
            whole = _filled(body, arguments)
            # The body makes no name with what stands beside the call: the x of `A\x`, `\hat\x` and `\x\x`.
            if whole[-1:].isalpha() and (text[end : end + 1].isalpha() or text[end : end + 1] == "\\"):
                whole += " "
            if whole[:1].isalpha() and text[match.start() - 1 : match.start()].isalpha():
                whole = " " + whole
            self.expand(whole, _Fixed(here), depth + 1)
            at = end
        self.put(text[at:], place(at, len(text)))


def expanded(text: str) -> tuple[str, Sequence[int] | None]:
    """The text without its definitions and with what its macros stand for, and where each character stood."""
    macros = _Macros(text)
    if not macros.known:
        return text, None
    for start, end in macros.spans:
        text = text[:start] + blank(text[start:end]) + text[end:]
    copy = _Copy(macros)
    copy.expand(text, range, 0)
    return "".join(copy.parts), copy.places


def closing(text: str, start: int, pair: str = "{}") -> int:
    """The place of the brace, or other bracket, that closes the one at `start`; -1 if none does."""
    depth, i = 0, start
    while i < len(text):
        if text[i] == "\\":
            i += 2
            continue
        if text[i] == pair[0]:
            depth += 1
        elif text[i] == pair[1]:
            depth -= 1
            if depth == 0:
                return i
        i += 1
    return -1


def braces(text: str) -> dict[int, int]:
    """Where each brace that is closed is closed; those that stand behind a backslash are no braces."""
    still_open: list[int] = []
    found = {}
    for mark in re.finditer(r"\\.|[{}]", text, re.DOTALL):
        if mark[0] == "{":
            still_open.append(mark.start())
        elif mark[0] == "}" and still_open:
            found[still_open.pop()] = mark.start()
    return found
