"""A file as its author left it, made ready to be cut: comments blanked, macros expanded, places kept.

LaTeX loses its comments (`%`, `comment`, `\\iffalse`), verbatim text, pictures and what stands outside of
`document`; its own macros (`\\newcommand`, `\\def`, `\\DeclareMathOperator`, `\\DeclarePairedDelimiter`) are
expanded, within a bound.  Markdown loses its front matter, HTML comments and code fences.  A notebook is its
Markdown cells.  Every character of what is left knows where it stands in the source.
"""

from __future__ import annotations

import re

from ..errors import LimitError, ParseError
from ..reading.macros import MAX_DOCUMENT, blank, closing, definitions, expanded

MAX_FILE = 8_000_000  # characters of a notebook with its pictures
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
_DECIMAL = re.compile(  # 0{,}5; 0,5 x, and no 1,000 x
    r"(?<=\d)\{,\}(?P<behind>\d+)"
    r"|(?<![^=+\-−\s$])(?P<whole>\d+),(?P<part>\d\d?|\d{4,})"
    r"(?=\s*(?:\\[,;|]|\\(?:cdot(?!s)|mathbf|boldsymbol|bm|lVert|left)|[A-Za-z‖]))"
)
_INPUT = re.compile(r"\\(?:input|include|subfile)\s*\{[^{}\n]*\}")
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
        self.text, self._places = expanded(text) if "\\" in text else (text, None)

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
                kept = "".join(head[a:b] if is_macro else blank(head[a:b]) for a, b, is_macro in definitions(head))
                end = text.find("\\end{document}", begin)
                end = len(text) if end < 0 else end
                text = kept + text[begin:end] + blank(text[end:])
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
        return _DECIMAL.sub(lambda m: f"{m['whole'] or ''}.{m['behind'] or m['part']}".ljust(len(m[0])), text)


def _blank(match: re.Match[str]) -> str:
    return blank(match[0])


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
        text = text[: match.start()] + blank(text[match.start() : end]) + text[end:]
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
            text = text[: match.start()] + blank(text[match.start() : end]) + text[end:]
        at = end
    return text


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
