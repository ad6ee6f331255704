"""Which letters form a name: `WᵀWx` holds W, W and x, `lamx` holds λ and x, `weights` is one name.

Digits and subscripts bind to the letter on their left (the tokenizer did that).  Then, in a run of
letters typed without a gap: declared, defined and `wrt` names first, the longest; then Greek and
function names; a run that stands alone in a formula whose products are written out is one name;
else every letter is one.
"""

from __future__ import annotations

import re
from copy import copy
from fractions import Fraction

from .. import names
from ..errors import ParseError
from ..own_functions import operation_name
from .tokens import Token
from .vocabulary import FUNCTIONS, HABITUAL_FUNCTIONS, REFUSED_FUNCTIONS, WRITTEN_OUT, way_out

_BEFORE = frozenset("atom name num close trans sup low func one zero method half".split())
_AFTER = frozenset("atom name num open func frac sqrt sum one zero bar half".split())
MID_RUN = frozenset(
    "tr det logdet log exp sin cos tan tanh sinh cosh inv diag vec Tr ln trace softmax sigmoid relu".split()
)
_FUNCTION_LENGTH = max(map(len, FUNCTIONS))
_PARAMETERS = (["θ"], ["φ"], ["ψ"])  # the networks s_θ(x), π_φ(a) have them below
_APART = "separate letters by spaces where a product is meant"
WITH_DIGITS = re.compile(r"(?:[A-Za-z]+[0-9]+)+[A-Za-z]+")  # a word such as log1p


def runs(tokens: list[Token]) -> list[tuple[int, int]]:
    """Where letters stand together that nothing separates: first and end of each run."""
    found = []
    i, size = 0, len(tokens)
    while i < size:
        j = i + 1
        if tokens[i].kind == "atom":
            while j < size and tokens[j].kind == "atom" and tokens[j].glued:
                j += 1
            found.append((i, j))
        i = j
    return found


class Usage:
    """What the letters of a whole text are used for, before it is known which of them form names.

    Attributes
    ----------
    used : set of str
        Names that occur where no bracket follows.
    first : set of str
        Letters that begin a run somewhere, exponents apart.
    functions : frozenset of str
        Names declared as functions.
    applied : frozenset of str
        Names of functions that a document defines or differentiates.
    own : frozenset of str
        Letters that name a function of one's own where a bracket follows.
    multiplied, called : set of str
        Capital letters that a bracket follows, read as factors or as functions, and may be the other.
    """

    def __init__(self, parts: list[list[Token]], functions: frozenset[str] = frozenset()) -> None:
        self.used: set[str] = set()
        self.first: set[str] = set()
        self.functions = functions
        self.applied: frozenset[str] = frozenset()
        self.own = HABITUAL_FUNCTIONS
        self.multiplied: set[str] = set()
        self.called: set[str] = set()
        for tokens in parts:
            for i, j in runs(tokens):
                end = primes(tokens, j)[1]
                if not is_bracket(tokens[end] if end < len(tokens) else None):
                    last = tokens[j - 1]
                    self.used |= {t.name for t in tokens[i:j]}
                    self.used.add(names.join("".join(t.text for t in tokens[i:j]), last.accents, last.low))
                if not (i and tokens[i - 1].text in ("^", "**", "_", "{")):
                    self.first.add(tokens[i].text)


PRIMES = {"'": 1, "’": 1, "′": 1, "″": 2, "‴": 3}


def primes(tokens: list[Token], at: int) -> tuple[int, int]:
    """How many primes stand between a letter and a bracket, as in φ″(x), and where the bracket is."""
    order, end = 0, at
    while end < len(tokens) and tokens[end].text in PRIMES and not tokens[end].spaced:
        order += PRIMES[tokens[end].text]
        end += 1
    return (order, end) if end < len(tokens) and tokens[end].text == "(" else (0, at)


def is_bracket(token: Token | None) -> bool:
    return token is not None and token.kind == "open" and token.text in ("(", "[", "\\{")


def split_runs(
    tokens: list[Token], known: frozenset[str], source: str, is_latex: bool, readings: list[str], usage: Usage
) -> list[Token]:
    """The tokens with every run of atoms made names and functions."""
    result: list[Token] = []
    explicit = not is_latex and any(t.kind == "op" and t.text in ("*", "@", ".*", "**") for t in tokens)
    splitter = _Splitter(known, source, is_latex, explicit, readings, usage)
    at = 0
    for i, j in runs(tokens):
        result += tokens[at:i]
        before = result[-1] if result else None
        order, end = primes(tokens, j)
        after = tokens[end] if end < len(tokens) else None
        is_set = before is not None and before.text == "∈"  # the N(i) of j ∈ N(i) is no function
        result += splitter.of(tokens[i:j]).split(before, None if is_set else after)
        at = j
        if order and result[-1].text.endswith("()"):
            result[-1].text = operation_name(result[-1].text[:-2], order)
            at = end
        elif order == 1 and result[-1].text == "sigmoid":
            result[-1].text, at = "sigmoid′", end
        elif order and result[-1].kind == "apply":
            result[-1].value = (result[-1].value[0], order)
            at = end
    return _log_dets(result + tokens[at:])


def _log_dets(tokens: list[Token]) -> list[Token]:
    """`log det` is one function, so that log det(X) y is a product."""
    joined: list[Token] = []
    for token in tokens:
        pair = [(t.kind, t.text) for t in (*joined[-1:], token)]
        if pair == [("func", "log"), ("func", "det")]:
            joined[-1].text, joined[-1].end = "logdet", token.end
        else:
            joined.append(token)
    return joined


class _Splitter:
    """Splits one run; `of` gives the splitter of another run of the same text."""

    def __init__(
        self, known: frozenset[str], source: str, is_latex: bool, explicit: bool, readings: list[str], usage: Usage,
    ) -> None:  # fmt: skip
        self.run: list[Token] = []
        self.known = known
        self.longest = max((len(name) for name in known), default=0)
        self.source = source
        self.is_latex = is_latex
        self.explicit = explicit
        self.readings = readings
        self.usage = usage

    def of(self, run: list[Token]) -> _Splitter:
        other = copy(self)
        other.run = run
        return other

    def word(self, i: int, j: int) -> str | None:
        """Letters i to j as one name; None if something other than the last letter carries a mark."""
        if any(token.low or token.accents for token in self.run[i : j - 1]):
            return None
        last = self.run[j - 1]
        base = "".join(t.text for t in self.run[i:j])
        return names.join(base, last.accents, last.low)

    def written(self, i: int, j: int) -> str | None:
        """The same with digits as typed, as function names have them: `norm2`, `log1p`."""
        text = self.source[self.run[i].start : self.run[j - 1].end]
        if WITH_DIGITS.fullmatch(text):
            return text
        last = self.run[j - 1]
        if self.word(i, j) is None or last.accents or len(last.low) > 1:
            return None
        if last.low and not last.low[0].isdigit():
            name = "".join(t.text for t in self.run[i:j]) + "_" + last.low[0]
            return name if name in FUNCTIONS else None
        return "".join(t.text for t in self.run[i:j]) + "".join(last.low)

    def named(self, i: int, j: int, name: str | None = None) -> Token:
        first, last = self.run[i], self.run[j - 1]
        token = first.instead("name", self.source[first.start : last.end], last.end, name or self.word(i, j))
        token.style, token.braced, token.low, token.accents = last.style, first.braced, last.low, last.accents
        return token

    def function(self, i: int, j: int, name: str) -> Token:
        last = self.run[j - 1]
        token = self.run[i].instead("func", name, last.end)
        token.low = last.low if name not in FUNCTIONS else []
        return token

    def split(self, before: Token | None, after: Token | None) -> list[Token]:
        run, size = self.run, len(self.run)
        if before is not None and before.kind == "op" and before.text in ("^", "**", ".^", "_"):
            # A power takes the first letter only, as in W^TWx, or a known name.
            j = self.known_at(0) or 1
            head = [self.named(0, j)]
            if j == size:
                return head
            return head + self.of(run[j:]).split(head[0], after)
        if size == 1:
            return [self.last(0, 1, after)]
        whole, spelled = self.word(0, size), self.written(0, size)
        if whole is not None and whole in self.known:
            return [self.named(0, size, whole)]
        base = "".join(t.text for t in run)
        if base in ("inf", "Inf") and whole is not None and before is not None and before.text == ",":
            return [self.named(0, size)]  # the order of a norm
        if whole is not None and base in names.SPOKEN and (not self.is_latex or len(base) > 3):
            return [self.last(0, size, after)]
        if spelled is not None and spelled in FUNCTIONS:
            return [self.function(0, size, FUNCTIONS[spelled])]
        if spelled is not None and WITH_DIGITS.fullmatch(spelled) and after is not None and not after.spaced:
            self.check_word(spelled, after)
        if base in FUNCTIONS and whole is not None and run[-1].low:
            if after is not None and after.kind in _AFTER:
                return self.subscripted(FUNCTIONS[base], run[-1].low[0])
            if not self.covered():  # log_σ is no product of l, o and g_σ
                self.readings.append(f"{names.text(whole)} is read as one name")
                return [self.named(0, size, whole)]
        if base.startswith("log") and size > 3 and run[2].low and run[2].low[0].isdigit() and not self.has_known():
            return self.of(run[:3]).subscripted("log", run[2].low[0]) + self.of(run[3:]).split(None, after)
        wordlike = size >= 3 and base[1:].islower() and base.isascii() and whole is not None
        if is_bracket(after):
            product = self.called(base, after)
            if product is not None:
                return product
        alone = (before is None or before.kind not in _BEFORE) and (
            after is None or after.kind not in _AFTER or after.kind == "bar"
        )
        apart = (run[0].spaced or before is None or before.kind not in _BEFORE) and (
            after is None or after.spaced or after.kind not in _AFTER
        )
        is_word = wordlike and size >= 4 and not self.is_latex
        if whole is not None and (alone and (self.explicit or is_word) or apart and is_word):
            covered = self.covered()
            if not covered and (wordlike or not self.has_known()):
                if not base.isupper() or size > 3 or self.explicit:
                    self.readings.append(f"{base} is read as one name")
                    return [self.named(0, size, whole)]
        if before is None or before.text not in ("^", "**"):
            self.check_transpose()
        return self.greedy(size, after)

    def check_word(self, word: str, after: Token) -> None:
        """Refuse `deg2rad(`, unless it is a product of numbered names and a function, as in `W2tanh(`."""
        if not is_bracket(after):
            return
        *heads, last = re.split(r"\d+", word)
        if all(len(part) < 2 for part in (*heads, last)):
            return
        count = sum(map(len, heads))
        is_product = last in FUNCTIONS and all(len(head) == 1 for head in heads)
        if not (is_product and (self.occurs(0, count) or "".join(heads).isupper())):
            raise ParseError(
                f"{word} is not a function we know", self.source, (self.run[0].start, self.run[-1].end),
                way_out(word) or _APART,
            )  # fmt: skip

    def called(self, base: str, after: Token | None) -> list[Token] | None:
        """A run before a bracket: a product whose last factor is a function, or refused by name.

        None if every letter is a factor; where not all of them occur elsewhere, a reading says so.
        """
        run, size = self.run, len(self.run)
        written = "".join(t.text + "".join(t.low) for t in run)
        glued = after is not None and not after.spaced
        span = (run[0].start, run[-1].end)
        if base in REFUSED_FUNCTIONS and written not in WRITTEN_OUT:
            raise ParseError(f"{base} is not read", self.source, span, REFUSED_FUNCTIONS[base])
        if not glued and not (size >= 3 and base.isascii() and base.islower()):
            return None
        if self.occurs(0, size):
            return None
        for k in range(1, size):
            name = self.written(k, size)
            if name not in FUNCTIONS:
                continue
            head = "".join(t.text + "".join(t.low) for t in run[:k])
            if self.occurs(0, k) or not head.isascii():
                return self.greedy(k) + [self.function(k, size, FUNCTIONS[name])]
            if k == 1 and head.isupper():
                self.readings.append(f"{written}(…) is read as {head} times {name}(…)")
                return self.greedy(k) + [self.function(k, size, FUNCTIONS[name])]
        lower = sum(c.islower() for c in base)
        if base.isascii() and lower >= 2 and self.word(0, size) is not None:
            typed = self.source[slice(*span)]
            shown = typed if re.fullmatch(r"\w+", typed) else written
            raise ParseError(f"{shown} is not a function we know", self.source, span, way_out(written) or _APART)
        return None

    def occurs(self, i: int, end: int) -> bool:
        """Whether letters i to end are names that are declared, defined or used elsewhere."""
        while i < end:
            j = self.known_at(i) or self.greek_at(i)
            if j is None:
                if self.run[i].name not in self.usage.used:
                    return False
                j = i + 1
            i = j
        return i == end

    def check_transpose(self) -> None:
        """Refuse `WTWx`, as a PDF gives it: the T may be a transpose that lost its height."""
        if "T" in self.known or "T" in self.usage.first:
            return
        for before, token in zip(self.run, self.run[1:]):
            if token.text == "T" and not token.low and not token.accents:
                shown = self.source[self.run[0].start : self.run[-1].end]
                raise ParseError(
                    f"{shown} can be read in two ways: T may be a transpose, or a matrix",
                    self.source, (self.run[0].start, self.run[-1].end),
                    f"write {before.text}ᵀ for the transpose, or declare T",
                )  # fmt: skip

    def subscripted(self, name: str, low: str) -> list[Token]:
        """`log_2 x`, `norm_1(x)`, `norm_F(X)`, `sum_i`."""
        size = len(self.run)
        if name == "norm" and low in ("1", "2", "F", "fro"):
            return [self.function(0, size, "norm1" if low == "1" else "norm")]
        if name == "sum" and low.isalpha():
            return [Token("sum", "sum", self.run[0].start, self.run[-1].end, low)]
        function = self.function(0, size, name)
        if name == "log" and low.isdigit():
            function.value = Fraction(int(low))
            return [function]
        raise ParseError(f"a subscript of {name} is not read", self.source, function.span)

    def last(self, i: int, j: int, after: Token | None) -> Token:
        """The name that ends a run; before a bracket it may be a function."""
        name = self.word(i, j) or ""
        token = self.named(i, j)
        if is_bracket(after) and name in self.usage.applied:
            token.kind, token.value = "apply", (name, 0)
            return token
        if not is_bracket(after) or after is None or name in self.known:
            return token
        glued = self.is_latex or not after.spaced
        base, _, low = names.parts(name)
        if base in ("K", "I") or name in ("e", "π"):
            return token
        if base == "N" and token.style == "cal" and glued:
            raise ParseError(
                "the density 𝒩(…) is not read", self.source, token.span,
                "write it out, as in −½ log det(Σ) − ½ (x − μ)ᵀ Σ⁻¹ (x − μ)",
            )  # fmt: skip
        if low and low[-1] in ("max", "min") and glued and after.text != "[":
            raise ParseError(
                f"{token.text} is called, and is not a function we know", self.source, (token.start, after.end),
                f"write {token.text} · (…) for a product",
            )  # fmt: skip
        if name == "E" and after.text in ("[", "\\{") and name not in self.usage.used:
            raise ParseError("E[…] is not read", self.source, (token.start, after.end), REFUSED_FUNCTIONS["E[…]"])
        if name == "σ" and glued:
            return self.function(i, j, "sigmoid")
        is_declared = name in self.usage.functions
        if base.isupper() and token.style == "cal" and glued and not is_declared:
            raise ParseError(
                f"{names.text(name)}(…) in this script may be an operator or a function", self.source, token.span,
                f"write a matrix times vec(…) for an operator, declare {names.text(name)}: function, or write it out",
            )  # fmt: skip
        if name in self.usage.used and not is_declared:
            if glued and base in self.usage.own:
                self.readings.append(
                    f"{names.text(name)}(…) is read as a product, {names.text(name)} times the bracket"
                )
            return token
        if glued and not is_declared and base in HABITUAL_FUNCTIONS - self.usage.own:
            shown = names.text(name)
            raise ParseError(
                f"{shown} is called, and is not a function we know", self.source, token.span, f"define {shown} first"
            )
        if glued and (is_declared or base in self.usage.own or low[-1:] in _PARAMETERS and not base.isupper()):
            own = token.instead("func", operation_name(name, 0))
            if base.isupper() and not is_declared:
                self.usage.called.add(name)
            if (base.isupper() or base not in self.usage.own) and not is_declared:
                self.readings.append(f"{names.text(name)}(…) is read as a function of each entry")
            return own
        shown = names.text(name)
        if glued and base.isupper():
            self.usage.multiplied.add(name)
        self.readings.append(f"{shown}(…) is read as a product, {shown} times the bracket")
        return token

    def known_at(self, i: int) -> int | None:
        """The end of the longest known name that begins at letter i."""
        for j in range(min(len(self.run), i + self.longest), i, -1):
            if self.word(i, j) in self.known:
                return j
        return None

    def has_known(self) -> bool:
        return any(self.known_at(i) for i in range(len(self.run)))

    def covered(self) -> bool:
        """Whether known names and Greek words make up the run, but for two letters at most."""
        i = left = 0
        while i < len(self.run):
            j = self.known_at(i) or self.greek_at(i)
            if j is None:
                j, left = i + 1, left + 1
            i = j
        return left <= min(2, len(self.run) - 2)

    def greek_at(self, i: int) -> int | None:
        if self.run[i].text in names.WORDS:
            return i + 1
        for j in range(min(len(self.run), i + 10), i + 1, -1):
            word = "".join(t.text for t in self.run[i:j])
            if word in names.SPOKEN and self.word(i, j) is not None and (not self.is_latex or len(word) > 3):
                return j
        return None

    def function_at(self, i: int, after: Token | None) -> int | None:
        for j in range(min(len(self.run), i + _FUNCTION_LENGTH), i + 1, -1):
            name = self.written(i, j)
            if name not in FUNCTIONS:
                continue
            if j == len(self.run):
                if after is not None and (after.kind in _AFTER or after.text in ("^", "**") or after.kind == "sup"):
                    return j
            elif name in MID_RUN:
                return j
        return None

    def greedy(self, end: int, after: Token | None = None) -> list[Token]:
        i, result = 0, list[Token]()
        while i < end:
            j = self.known_at(i)
            function = self.function_at(i, after) if j is None else None
            if function is not None:
                result.append(self.function(i, function, FUNCTIONS[self.written(i, function) or ""]))
            j = function or j or self.greek_at(i) or i + 1
            if function is None:
                result.append(self.last(i, j, after if j == len(self.run) else None))
            i = j
        return result
