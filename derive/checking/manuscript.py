"""A file as its author left it, made ready to be cut: comments blanked, macros expanded, places kept.

LaTeX loses its comments (`%`, `comment`, `\\iffalse`), verbatim text, pictures and what stands outside of
`document`; its own macros (`\\newcommand`, `\\def`, `\\DeclareMathOperator`, `\\DeclarePairedDelimiter`) are
expanded, within a bound.  Markdown loses its front matter, HTML comments and code fences.  A notebook is its
Markdown cells.  Every character of what is left knows where it stands in the source.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Sequence

from ..errors import LimitError, ParseError

MAX_DOCUMENT = 400_000  # characters of text
MAX_FILE = 8_000_000  # characters of a notebook with its pictures
MAX_EXPANSIONS = 20_000
MAX_DEPTH = 24
MAX_SKIPPED = 200

_LATEX = re.compile(
    r"\\(?:documentclass|usepackage|(?:sub){0,2}section|paragraph|item|maketitle|newcommand|DeclareMathOperator)"
    r"(?![A-Za-z])|\\begin\s*\{(?:document|proof|problem|solution|enumerate|itemize|theorem|lemma)\}"
)
_UNREAD = "comment verbatim Verbatim lstlisting minted tikzpicture filecontents tabular thebibliography algorithmic"
_HIDDEN = re.compile(rf"\\begin\s*\{{(?P<env>(?:{'|'.join(_UNREAD.split())})\*?)\}}|\\iffalse(?![A-Za-z])")
_IF = re.compile(r"\\(?P<word>if[a-zA-Z]*|else|fi)(?![A-Za-z])")
_VERB = re.compile(r"\\(?:verb|lstinline)\*?([^\sA-Za-z*])[^\n]*?\1")
_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%[^\n]*")
_FRONT = re.compile(r"\A---[ \t]*\n.*?\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_REMARK = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_FENCE = re.compile(r"^[ \t]*(?P<mark>`{3,}|~{3,})[ \t]*(?P<language>[^\s`{]*)[^\n]*$", re.MULTILINE)
_PROGRAM = re.compile(
    r"^\s*(?:def |class |import |from \w+ import|return\b|for .*:\s*$|if .*:\s*$|print\(|[$>]{1,3} )|np\.|==|\+=",
    re.MULTILINE,
)
_QUOTED = re.compile(r"(?:(?:\A|(?<=\n\n))|(?=[ \t]*>[^\n]*\n[ \t]*>))(?:^[ \t]*>[^\n]*(?:\n|\Z))+", re.MULTILINE)
_FORUM = re.compile(r"\[/?(?P<line>i)?tex\]")
_BOLD = re.compile(r"(?:(?<![\w)\]*])\*\*([^\W\d_])\*\*(?!\*)|(?<!\*)\*\*([^\W\d_])\*\*(?![\w(*]))")  # X**β**, no power
_INPUT = re.compile(r"\\(?:input|include|subfile)\s*\{[^{}\n]*\}")
_MACRO = re.compile(
    r"\\(?:(?P<new>(?:re|provide)?newcommand|providecommand|renewcommand)\*?\s*(?:\{\s*\\(?P<n1>[A-Za-z]+)\s*\}|\\(?P<n2>[A-Za-z]+))"
    r"|def\s*\\(?P<n3>[A-Za-z]+)(?P<parameters>(?:#[1-9])*)\s*(?=\{)"
    r"|DeclareMathOperator(?P<star>\*?)\s*\{?\s*\\(?P<n4>[A-Za-z]+)\s*\}?"
    r"|DeclarePairedDelimiter\s*\{?\s*\\(?P<n5>[A-Za-z]+)\s*\}?)\s*"
)
_CALL = re.compile(r"\\([A-Za-z]+)")
MATHEMATICS = ("math", "latex", "tex")


class Manuscript:
    """The text to be read, and the places of its characters in the source."""

    def __init__(self, source: str) -> None:
        if len(source) > MAX_FILE:
            raise LimitError(f"a document of {len(source)} characters is too long", hint=f"at most {MAX_DOCUMENT}")
        if "\x00" in source:
            raise ParseError("the document holds a control character")
        self.source = _cells(source)
        if len(self.source) > MAX_DOCUMENT:
            raise LimitError(f"a document of {len(self.source)} characters is too long", hint=f"at most {MAX_DOCUMENT}")
        self.skipped: list[tuple[int, str]] = []  # places in the source, and why nothing is read there
        self.is_latex = bool(_LATEX.search(self.source))
        text = self._masked(self.source)
        self.text, self._places = _expanded(text, _Macros(text)) if "\\" in text else (text, None)

    def place(self, at: int) -> int:
        """Where the character at `at` of the text stands in the source."""
        if self._places is None:
            return at
        if at >= len(self._places):
            return len(self.source)
        return self._places[at]

    def span(self, start: int, end: int) -> tuple[int, int]:
        first = self.place(start)
        return first, max(first, self.place(end - 1) + 1) if end > start else first

    def line(self, at: int) -> int:
        """The line of the source, from 1, of the character at `at` of the text."""
        return self.source.count("\n", 0, self.place(at)) + 1

    def skip(self, at: int, why: str) -> None:
        if len(self.skipped) < MAX_SKIPPED:
            self.skipped.append((self.line(at), why))

    def _masked(self, text: str) -> str:
        if self.is_latex:
            text = _COMMENT.sub(lambda m: m[1] + " " * (len(m[0]) - len(m[1])), text)
            text = _hidden(text)
            text = _VERB.sub(_blank, text)
            begin = text.find("\\begin{document}")
            if begin >= 0:
                head = text[:begin]
                kept = "".join(head[a:b] if is_macro else _blank_text(head[a:b]) for a, b, is_macro in _macros_of(head))
                end = text.find("\\end{document}", begin)
                end = len(text) if end < 0 else end
                text = kept + text[begin:end] + _blank_text(text[end:])
            for match in _INPUT.finditer(text):
                self.skipped.append((text.count("\n", 0, match.start()) + 1, "another file is named, and not read"))
            text = _INPUT.sub(_blank, text)
        else:
            text = _FRONT.sub(_blank, text)
            text = _fences(text)
            text = _REMARK.sub(_blank, text)
            text = _FORUM.sub(lambda m: ("$" if m["line"] else "$$").center(len(m[0])), text)
            text = _BOLD.sub(lambda m: f"  {m[1] or m[2]}  ", text)
            text = _QUOTED.sub(lambda m: re.sub(r"(?m)^[ \t>]+", _blank, m[0]), text)
            text = _hidden(text)
        return text


def _blank_text(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def _blank(match: re.Match[str]) -> str:
    return _blank_text(match[0])


def _cells(source: str) -> str:
    """The Markdown cells of a notebook, as one text; any other source as it is."""
    if not source.lstrip()[:1] == "{" or '"cells"' not in source:
        return source
    from json import loads

    try:
        cells = loads(source)["cells"]
        texts = ["".join(c["source"]) for c in cells if c["cell_type"] == "markdown"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return source
    return "\n\n".join(texts) + "\n"


def _hidden(text: str) -> str:
    """Environments that hold no mathematics to be read, and what stands between \\iffalse and \\fi, blanked."""
    at = 0
    while (match := _HIDDEN.search(text, at)) is not None:
        if match["env"]:
            closer = "\\end{" + match["env"] + "}"
            end = text.find(closer, match.end())
            end = match.end() if end < 0 else end + len(closer)
        else:
            end = _end_of_if(text, match.end())
        text = text[: match.start()] + _blank_text(text[match.start() : end]) + text[end:]
        at = end
    return text


def _end_of_if(text: str, at: int) -> int:
    depth = 1
    for match in _IF.finditer(text, at):
        word = match["word"]
        depth += (word not in ("fi", "else")) - (word == "fi")
        if depth == 0 or (depth == 1 and word == "else"):
            return match.end()
    return at


def _fences(text: str) -> str:
    """Code fences blanked; those of mathematics, and bare ones that hold no program, are left."""
    at = 0
    while (match := _FENCE.search(text, at)) is not None:
        close = re.compile(r"^[ \t]*" + re.escape(match["mark"][:3]) + r"+[ \t]*$", re.MULTILINE).search(
            text, match.end()
        )
        end = close.end() if close else len(text)
        inside = text[match.end() : close.start() if close else len(text)]
        language = match["language"].lower()
        if language not in MATHEMATICS and (language not in ("", "text") or _PROGRAM.search(inside) or "$" in text):
            text = text[: match.start()] + _blank_text(text[match.start() : end]) + text[end:]
        at = end
    return text


# Macros


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


def _macros_of(text: str) -> list[tuple[int, int, bool]]:
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
    return re.sub(r"#([1-9])", lambda m: arguments[int(m[1]) - 1] if int(m[1]) <= len(arguments) else "", body)


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
            # A command at the end of the body does not swallow the letter that follows the call.
            if whole[-1:].isalpha() and text[end : end + 1].isalpha():
                whole += " "
            self.expand(whole, _Fixed(here), depth + 1)
            at = end
        self.put(text[at:], place(at, len(text)))


def _expanded(text: str, macros: _Macros) -> tuple[str, Sequence[int] | None]:
    if not macros.known:
        return text, None
    for start, end in macros.spans:
        text = text[:start] + _blank_text(text[start:end]) + text[end:]
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


# A value by cases; with no equations in it, which would be a system.
BY_CASES = re.compile(
    r"=\s*(?P<open>\\begin\s*\{(?P<env>d?cases)\})(?P<body>(?:(?!\\(?:begin|end))[^&=]*&(?:(?!\\\\|\\end).)*(?:\\\\)?)+)"
    r"\s*\\end\s*\{(?P=env)\}",
    re.DOTALL,
)
_BRANCH = re.compile(r"(?P<value>[^&]*)&(?P<when>(?:(?!\\\\).)*)(?:\\\\|$)", re.DOTALL)
_OF_ENTRIES = re.compile(r"(?<![\w\\{])[a-z]\s*(?:=|≠|\\neq?(?![a-z]))\s*[a-z](?![\w}])")


def entry_cases(text: str) -> list[str]:
    """A formula whose value depends on whether i = j, once for each case; every text has its place and length."""
    match = BY_CASES.search(text)
    branches = list(_BRANCH.finditer(text, *match.span("body"))) if match is not None else []
    relation = _OF_ENTRIES.search(branches[0]["when"]) if branches else None
    if match is None or relation is None:
        return [text]
    head = text.rfind("\\\\", 0, match.start()) + 1
    found = []
    for k, branch in enumerate(branches):
        said = _OF_ENTRIES.search(branch["when"]) or re.sub("=", "≠", relation[0])
        when = said if isinstance(said, str) else said[0]
        value = branch["value"].rstrip(" \n,;")
        made = (value + ", " + when).ljust(branch.end() - branch.start())
        before = text[: match.start("open")] if not k else " " * head + text[head : match.start("open")]
        after = text[match.end() :] if not k else " " * (len(text) - match.end())
        middle = " " * (branch.start() - match.start("open")) + made + " " * (match.end() - branch.end())
        found.append(before + middle + after)
    return found


def blanked(text: str, start: int, end: int) -> str:
    return text[:start] + " " * (end - start) + text[end:]


_OLD_ROWS = re.compile(r"\\(?:eqalign|displaylines|aligned)\s*(?=\{)")
# An array whose rows are equations sets them in columns: {rcl}.
_COLUMNS = re.compile(r"[\s{]*(?:(?:\\left\s*)?(?:\\\{|\\lbrace|\.)\s*)?\\begin\s*\{array\}\s*\{[rlc|@{}\s]*\}")
_END_OF_COLUMNS = re.compile(r"\\end\s*\{array\}(?:\s*\\right\s*(?:\.|\\\}|\\rbrace))?")


def in_rows(text: str) -> str:
    """Equations that an old macro or an array sets in rows, freed of it."""
    for old in list(_OLD_ROWS.finditer(text)):
        end = closing(text, old.end())
        if end >= 0:
            inside = re.sub(r"\\cr(?![A-Za-z])", r"\\\\ ", text[old.end() + 1 : end])
            text = text[: old.start()] + " " * (len(old[0]) + 1) + inside + " " + text[end + 1 :]
    array, close = _COLUMNS.match(text), _END_OF_COLUMNS.search(text)
    if array is not None and close is not None and close.start() > array.end():
        lines = text[array.end() : close.start()].split("\\\\")
        if all(re.search(r"=|\\[A-Z]?[a-z]*arrow|\\iff", line) for line in lines if line.strip()):
            text = blanked(blanked(text, *array.span()), *close.span())
    return text
