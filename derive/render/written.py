"""LaTeX as somebody wrote it, shown as MathML: for formulas that are quoted, not understood.

Only the marks are read, never the meaning; what has an unknown command is not converted,
and the caller shows it as it stands.
"""

from __future__ import annotations

import re

from .. import names
from ..heights import LOWERED, RAISED_LETTERS, RAISED_SIGNS
from .mathml import element, operator, row

MAX_WRITTEN = 2_000  # characters
MAX_NESTING = 40
SIGNS = {
    "top": "⊤", "intercal": "⊤", "cdot": "·", "times": "×", "odot": "⊙", "circ": "∘", "oslash": "⊘", "otimes": "⊗",
    "partial": "∂", "nabla": "∇", "langle": "⟨", "rangle": "⟩", "lVert": "‖", "rVert": "‖", "Vert": "‖", "|": "‖",
    "lvert": "|", "rvert": "|", "vert": "|", "mid": "|", "in": "∈", "to": "→", "mapsto": "↦", "leq": "≤", "le": "≤",
    "geq": "≥", "ge": "≥", "neq": "≠", "ne": "≠", "approx": "≈", "equiv": "≡", "Rightarrow": "⇒", "implies": "⟹",
    "iff": "⟺", "pm": "±", "sum": "∑", "prod": "∏", "ldots": "…", "dots": "…", "cdots": "⋯", "colon": ":", "infty": "∞",
    "{": "{", "}": "}", "lbrace": "{", "rbrace": "}", "prime": "′", "dagger": "†", "ast": "∗", "forall": "∀",
}  # fmt: skip
FUNCTIONS = frozenset("log det exp tanh sin cos tan sinh cosh arcsin arccos arctan max min ln arg tr Tr dim".split())
SPACES = {",": 0.17, ":": 0.22, ";": 0.28, "!": 0.0, " ": 0.25, "quad": 1.0, "qquad": 2.0, "thinspace": 0.17}
ACCENTS = {"hat": "^", "widehat": "^", "bar": "¯", "overline": "¯", "tilde": "~", "dot": "˙", "vec": "→"}
UPRIGHT = frozenset(("mathrm", "operatorname", "text", "textrm", "mathsf", "mathit", "mathtt"))
PLAIN = frozenset("mathbf boldsymbol bm mathcal symbf mathbb".split())  # shown as the letters inside
SILENT = frozenset("displaystyle textstyle left right big Big bigl bigr Bigl Bigr nonumber notag limits".split())
HIGH = RAISED_SIGNS | RAISED_LETTERS | {"ᵀ": "T"}
_RAISED, _LOWERED = (re.compile(f"[{''.join(small)}]+") for small in (HIGH, LOWERED))
_PLAIN = str.maketrans(HIGH | LOWERED)
SPOKEN = names.SPOKEN | {"sum": "∑", "grad": "∇"}
TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\.|\d+(?:\.\d+)?|\s+|.", re.DOTALL)
GREEK = {word: letter for letter, word in names.WORDS.items()}


class _Unknown(Exception):
    pass


def _marked(text: str) -> str:
    """A text in the marks of LaTeX: what is raised or lowered; of plain text the bars, words and accents, too."""
    text = _RAISED.sub(lambda m: f"^{{{m[0].translate(_PLAIN)}}}", text)
    text = _LOWERED.sub(lambda m: f"_{{{m[0].translate(_PLAIN)}}}", text)
    if "\\" in text:
        return text
    text = re.sub(r"([A-Za-z]+)_(hat|bar|tilde|dot|vec)(?![A-Za-z])", r"\\\2{\1}", text.replace("||", "‖"))
    text = re.sub(r"\^(-\w+|\d\d+)", r"^{\1}", text)
    text = re.sub(r"_([A-Za-z]{2,}|\d\d+)", r"_{\1}", text)
    return re.sub(r"(?<![A-Za-z\\])[A-Za-z]{2,}(?![A-Za-z])(?=(\(?))", lambda m: _word(m[0], bool(m[1])), text)


def _word(word: str, is_applied: bool) -> str:
    if word in FUNCTIONS:
        return f"\\{word} "
    return SPOKEN.get(word) or (f"\\mathrm{{{word}}}" if is_applied and len(word) > 2 else word)


class _Reader:
    def __init__(self, latex: str) -> None:
        self.tokens = [t for t in TOKEN.findall(latex) if not t.isspace() and t not in ("&", "\\\\", "$", "~")]
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def next(self) -> str:
        token = self.peek()
        if not token:
            raise _Unknown
        self.at += 1
        return token

    def items(self, end: str, depth: int) -> str:
        """Everything up to the end, as one element."""
        parts: list[str] = []
        while self.peek() != end:
            parts.append(self.scripted(depth))
        if end:
            self.next()
        return row(*parts) if parts else "<mrow></mrow>"

    def scripted(self, depth: int) -> str:
        base = self.item(depth)
        low = high = ""
        while self.peek() in ("^", "_", "'"):
            mark = self.next()
            if mark == "'":
                high += operator("′")
            elif mark == "^":
                high += self.item(depth)
            else:
                low += self.item(depth)
        low, high = (f"<mrow>{script}</mrow>" if script else "" for script in (low, high))
        if low and high:
            return f"<msubsup>{base}{low}{high}</msubsup>"
        return f"<msub>{base}{low}</msub>" if low else f"<msup>{base}{high}</msup>" if high else base

    def item(self, depth: int) -> str:
        if depth > MAX_NESTING:
            raise _Unknown
        token = self.next()
        if token == "{":
            return self.items("}", depth + 1)
        if not token.startswith("\\"):
            return self.character(token)
        name = token[1:].rstrip("*")
        if name in ("frac", "tfrac", "dfrac"):
            return f"<mfrac>{self.operand(depth)}{self.operand(depth)}</mfrac>"
        if name == "sqrt":
            return f"<msqrt>{self.item(depth + 1)}</msqrt>"
        if name in ACCENTS:
            mark = f'<mo stretchy="false">{ACCENTS[name]}</mo>'
            return f'<mover accent="true">{self.item(depth + 1)}{mark}</mover>'
        if name in UPRIGHT:
            inside = re.sub(r"<[^>]*>", "", self.item(depth + 1))
            return f'<mi mathvariant="normal">{inside}</mi>'
        if name in PLAIN:
            inside = self.item(depth + 1)
            return "<mi>ℝ</mi>" if name == "mathbb" and "R" in inside else inside
        if name in SPACES:
            return f'<mspace width="{SPACES[name]}em"/>'
        if name in FUNCTIONS:
            return row(f'<mi mathvariant="normal">{name}</mi>', '<mspace width="0.17em"/>')
        if name in SILENT:
            return "<mrow></mrow>" if self.peek() != "." else self.next() and "<mrow></mrow>"
        if name in GREEK:
            return f"<mi>{GREEK[name]}</mi>"
        if name in SIGNS:
            return self.character(SIGNS[name])
        raise _Unknown

    def operand(self, depth: int) -> str:
        """Of a fraction: \\frac12 takes one digit of the number each."""
        token = self.peek()
        if len(token) > 1 and token.isdigit():
            self.tokens[self.at : self.at + 1] = [token[0], token[1:]]
        return self.item(depth + 1)

    def character(self, token: str) -> str:
        if token[0].isdigit():
            return f"<mn>{token}</mn>"
        if token.isalpha():
            return f"<mi>{token}</mi>"
        if token in "^_}" or not token.isprintable():
            raise _Unknown
        if token in "()[]{}|‖⟨⟩":
            return operator(token, stretchy="false", **({"form": "prefix"} if token in "([{⟨" else {}))
        return operator("−" if token == "-" else token)


def written(latex: str) -> str | None:
    """The formula as a `<math>` element, None where it holds what is not known here.

    Examples
    --------
    >>> written("A^T x")
    '<math><mrow><msup><mi>A</mi><mrow><mi>T</mi></mrow></msup><mi>x</mi></mrow></math>'
    >>> written(r"\\unheardof") is None
    True
    """
    if len(latex) > MAX_WRITTEN:
        return None
    reader = _Reader(_marked(latex))
    try:
        return element(reader.items("", 0))
    except _Unknown:
        return None
