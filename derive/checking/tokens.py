"""Tokens of a formula as it stands in a document: LaTeX, with Unicode where an author typed it.

What only sets type (spaces, sizes, alignment marks, colors) is dropped here; every
token keeps its place in the text.
"""

from __future__ import annotations

import unicodedata

from ..errors import LimitError, ParseError
from ..names import SPOKEN, plain
from ..reading.vocabulary import VULGAR

MAX_FORMULA = 20_000  # characters of one claim
MAX_NESTING = 40


class Token:
    """A piece of a formula: its kind, its text, where it stands, and how its bar opens or closes."""

    __slots__ = ("kind", "text", "start", "end", "side")

    def __init__(self, kind: str, text: str, start: int, end: int, side: str = "") -> None:
        self.kind = kind  # letter, word, number, mark, up, down
        self.text = text
        self.start = start
        self.end = end
        self.side = side  # of a bar: "open", "close", "sized" or ""

    def __repr__(self) -> str:
        return f"{self.kind}:{self.text}"


_SHORT = ("lam", "eps")  # words, and no commands of LaTeX
SKIPPED = frozenset(
    r""", ; : ! quad qquad displaystyle textstyle scriptstyle limits nolimits nonumber notag hfill
    thinspace medspace thickspace noindent centering rm bf it mathstrut strut null relax enspace
    mathop mathrel mathbin""".split()
) | {" ", ">", "\n"}
SKIPPED_WITH_GROUP = frozenset("label tag hspace vspace mspace hskip phantom vphantom hphantom color eqref ref".split())
SIZES = frozenset("left right big Big bigg Bigg bigl Bigl biggl Biggl bigr Bigr biggr Biggr bigm Bigm middle".split())
STYLES = frozenset(
    r"""mathbf boldsymbol bm mathrm mathit mathsf mathtt mathcal mathscr mathfrak textbf textit vec bold pmb
    mathbb operatorname operatorname* text mbox textrm textsf textnormal symbf symbfit mathnormal""".split()
)
ACCENTS = {"hat": "hat", "widehat": "hat", "tilde": "tilde", "widetilde": "tilde", "bar": "bar", "overline": "bar",
           "dot": "dot", "check": "check", "breve": "breve"}  # fmt: skip
UNICODE_ACCENTS = {"\u0302": "hat", "\u0304": "bar", "\u0303": "tilde", "\u20d7": "vec", "\u0307": "dot"}

_COMMANDS = {
    "cdot": "·", "times": "×", "odot": "⊙", "circ": "⊙", "dotstar": "⊙", "otimes": "⊗", "oslash": "⊘", "partial": "∂",
    "nabla": "∇", "sum": "∑", "top": "⊤", "intercal": "⊤", "prime": "'", "langle": "⟨", "rangle": "⟩",
    "lVert": "‖", "rVert": "‖", "Vert": "‖", "|": "‖", "lvert": "|", "rvert": "|", "vert": "|", "mid": "|",
    "{": "{(", "}": ")}", "lbrace": "{(", "rbrace": ")}", "lbrack": "[", "rbrack": "]", "mapsto": "↦",
    "longmapsto": "↦", "ast": "*", "star": "*", "dagger": "†", "colon": ":", "dots": "…", "cdots": "…", "ldots": "…",
    "vdots": "…", "ddots": "…", "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "in": "∈", "infty": "∞", "div": "/",
    "mathds": "mathbb", "bullet": "·", "lt": "<", "gt": ">", "approx": "≈", "propto": "∝", "neq": "≠", "ne": "≠",
    "sim": "≈", "to": "→", "rightarrow": "→", "diff": "d ", "differential": "d ", "dd": "d ",
    "backslash": "\\", "setminus": "\\", "_": "_", "&": "&", "%": "%", "$": "$", "#": "#",
}  # fmt: skip
_UNICODE = {
    "−": "-", "–": "-", "∗": "*", "⋅": "·", "∘": "⊙", "∥": "‖", "′": "'", "’": "'", "∣": "|", "〈": "⟨", "〉": "⟩",
    "𝟏": "𝟏", "𝟙": "𝟏", "∶": ":", "⟶": "→", "Ø": "0", "．": ".", "∇": "∇", "⨀": "⊙", "⨂": "⊗", "⊺": "⊤",
    "⁄": "/", "∕": "/", "（": "(", "）": ")", "÷": "/",
}  # fmt: skip
_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ᵀ⁽⁾ⁱⁿᵏ", "0123456789-+T()ink"))
_SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉ₐₑᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ₊₋", "0123456789aeijklmnoprstuvx+-"))


def fraction_of(text: str) -> tuple[int, int] | None:
    value = VULGAR.get(text)
    return None if value is None else (value.numerator, value.denominator)


def tokens(text: str, offset: int = 0) -> list[Token]:
    """The tokens of a formula; places are counted from `offset`."""
    if len(text) > MAX_FORMULA:
        raise LimitError(f"a formula of {len(text)} characters is too long", hint=f"at most {MAX_FORMULA}")
    depth = deepest = 0
    for c in text:
        if c in "{([":
            depth += 1
            deepest = max(deepest, depth)
        elif c in "})]":
            depth -= 1
    if deepest > MAX_NESTING:
        raise LimitError(f"brackets nest deeper than {MAX_NESTING}")
    found: list[Token] = []
    i, n = 0, len(text)
    side = ""

    def put(kind: str, shown: str, start: int, end: int) -> None:
        nonlocal side
        found.append(Token(kind, shown, offset + start, offset + end, side))
        side = ""

    while i < n:
        c = text[i]
        if c.isspace() or c in "&~\u200b\u2061\u2062\ufeff":
            i += 1
            continue
        if c == "%" and (i == 0 or text[i - 1] != "\\"):
            end = text.find("\n", i)  # a TeX comment
            i = n if end < 0 else end
            continue
        if c == "\\":
            j = i + 1
            while j < n and text[j].isascii() and text[j].isalpha():
                j += 1
            j = max(j, i + 2)
            name = text[i + 1 : j]
            if name == "operatorname" and text[j : j + 1] == "*":
                j += 1
            if name in SKIPPED or name == "\\":
                i = j
                continue
            if name in SKIPPED_WITH_GROUP:
                i = _after_group(text, j)
                continue
            if name == "textcolor" or name == "colorbox":
                i = _after_group(text, j)
                continue
            if name in SIZES:
                side = "open" if name.endswith("l") and name[0] in "bB" or name == "left" else "sized"
                if name == "right" or (name.endswith("r") and name[0] in "bB"):
                    side = "close"
                i = j
                while i < n and text[i].isspace():
                    i += 1
                if text[i : i + 1] == ".":  # \left. and \right.
                    i, side = i + 1, ""
                continue
            if name in ("lVert", "lvert"):
                side = "open"
            elif name in ("rVert", "rvert"):
                side = "close"
            if name in SPOKEN and name not in _SHORT:
                put("letter", SPOKEN[name], i, j)
            elif name in _COMMANDS:
                put("mark", _COMMANDS[name], i, j)
            else:
                put("word", name, i, j)
            i = j
            continue
        if c.isdigit() and c in "0123456789":
            j = i
            while j < n and (text[j] in "0123456789" or (text[j] == "." and text[j + 1 : j + 2].isdigit())):
                j += 1
            put("number", text[i:j], i, j)
            i = j
            continue
        if c in VULGAR:
            put("number", c, i, i + 1)
            i += 1
            continue
        if c in _SUPERSCRIPTS or c in _SUBSCRIPTS:
            table, kind = (_SUPERSCRIPTS, "up") if c in _SUPERSCRIPTS else (_SUBSCRIPTS, "down")
            j = i
            while j < n and text[j] in table:
                j += 1
            put(kind, "".join(table[k] for k in text[i:j]), i, j)
            i = j
            continue
        c = _UNICODE.get(c, c)
        if c == "ϵ":
            c = "ε"
        if text.startswith(".^", i) or text.startswith(".*", i) or text.startswith("./", i):
            put("mark", {"^": ".^", "*": "⊙", "/": "⊘"}[text[i + 1]], i, i + 2)
            i += 2
            continue
        if c == "|" and text[i + 1 : i + 2] == "|":
            put("mark", "‖", i, i + 2)
            i += 2
            continue
        if text.startswith("**", i):
            put("mark", "^", i, i + 2)
            i += 2
            continue
        if c in UNICODE_ACCENTS and found and found[-1].kind == "letter":
            if UNICODE_ACCENTS[c] != "vec":
                found[-1].text += "_" + UNICODE_ACCENTS[c]
            i += 1
            continue
        if c in "𝟏":
            put("letter", c, i, i + 1)
        elif c.isalpha():  # 𝐱 is x, ŷ is y with its accent
            base, *marks = list(unicodedata.normalize("NFD", c))
            accents = [UNICODE_ACCENTS[m] for m in marks if m in UNICODE_ACCENTS]
            put("letter", "_".join([plain(base)[0] if len(accents) == len(marks) else c, *accents]), i, i + 1)
        elif c.isprintable():
            put("mark", c, i, i + 1)
        else:
            raise ParseError("a control character stands in the formula", text, (i, i + 1))
        i += 1
    return found


def _after_group(text: str, i: int) -> int:
    """The place after the group that begins at or after `i`."""
    while i < len(text) and text[i] in " *":
        i += 1
    if text[i : i + 1] != "{":
        return i
    end = closing(text, i)
    return len(text) if end < 0 else end + 1


def closing(text: str, start: int) -> int:
    """The place of the brace that closes the one at `start`; -1 if none does."""
    depth, i = 0, start
    while i < len(text):
        if text[i] == "\\":
            i += 2
            continue
        if text[i] == "{":
            depth += 1
        elif text[i] == "}":
            depth -= 1
            if depth == 0:
                return i
        i += 1
    return -1
