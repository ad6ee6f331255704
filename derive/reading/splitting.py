"""Which letters form a name: `WᵀWx` holds W, W and x, `lamx` holds λ and x, `weights` is one name.

Digits and subscripts bind to the letter on their left (the tokenizer did that).  Then, in a run of
letters typed without a gap: declared, defined and `wrt` names first, the longest; then Greek and
function names; a run that stands alone in a formula whose products are written out is one name;
else every letter is one.
"""

from __future__ import annotations

from fractions import Fraction

from .. import names
from ..errors import ParseError
from ..own_functions import operation_name
from .tokens import Token
from .vocabulary import FUNCTIONS, REFUSED_FUNCTIONS, closest

_BEFORE = frozenset("atom name num close trans sup low func one zero method half".split())
_AFTER = frozenset("atom name num open func frac sqrt sum one zero bar half".split())
MID_RUN = frozenset(
    "tr det logdet log exp sin cos tan tanh sinh cosh inv diag vec Tr ln trace softmax sigmoid relu".split()
)
_FUNCTION_LENGTH = max(map(len, FUNCTIONS))
HABITUAL = frozenset("fghlℓφϕψρζΦΨΓ")  # letters that name a function where a bracket follows


def own_functions(
    statements: list[list[Token]], known: frozenset[str], declared: frozenset[str], is_latex: bool
) -> list[list[Token]]:
    """The tokens with functions of one's own marked: `φ(z)`, `f_1'(x)`, where the letter is no symbol elsewhere."""
    found: list[tuple[int, int, int, str, int]] = []  # statement, first token, bracket, name, order
    plain: set[str] = set()
    for number, tokens in enumerate(statements):
        i = 0
        while i < len(tokens):
            if tokens[i].kind != "atom":
                i += 1
                continue
            end = i + 1
            while end < len(tokens) and tokens[end].kind == "atom" and tokens[end].glued:
                end += 1
            run = tokens[i:end]
            order, after = 0, end
            while after < len(tokens) and tokens[after].text in _PRIMES and not tokens[after].spaced:
                order += _PRIMES[tokens[after].text]
                after += 1
            is_called = after < len(tokens) and tokens[after].text == "(" and not tokens[after].spaced
            start, name = _called(run, known, declared, is_latex) if is_called else (end, "")
            if start < len(run):
                found.append((number, i + start, after, name, order))
                run = run[:start]
            word = "".join(t.text for t in run)
            if len(run) > 1 and (word in names.SPOKEN or word in FUNCTIONS):
                plain.add(names.SPOKEN.get(word, word))
            else:
                plain |= {t.name for t in run}
            i = end
    marked = [list(tokens) for tokens in statements]
    for number, first, after, name, order in reversed(found):
        if name in plain and name not in declared:
            continue
        tokens = marked[number]
        made = Token("func", operation_name(name, order), tokens[first].start, tokens[after - 1].end)
        made.spaced = tokens[first].spaced
        tokens[first:after] = [made]
    return marked


_PRIMES = {"'": 1, "’": 1, "′": 1, "″": 2, "‴": 3}


def _called(run: list[Token], known: frozenset[str], declared: frozenset[str], is_latex: bool) -> tuple[int, str]:
    """Where the function begins in the letters before a bracket, and its name; their number if nowhere."""
    last = run[-1]
    for start in range(len(run)):
        word = "".join(t.text for t in run[start:])
        whole = names.join(word, last.accents, last.low)
        if word in FUNCTIONS or word in REFUSED_FUNCTIONS or (whole in known and whole not in declared):
            break
        if whole in declared or (names.SPOKEN.get(word, word) in HABITUAL and (len(word) == 1 or not start)):
            before = run[start - 1] if start else None
            if before is None or is_latex or not ("a" <= before.text <= "z"):
                return start, whole
    return len(run), ""


def split_runs(
    tokens: list[Token], known: frozenset[str], source: str, is_latex: bool, readings: list[str]
) -> list[Token]:
    """The tokens with every run of atoms made names and functions."""
    result: list[Token] = []
    explicit = not is_latex and any(t.kind == "op" and t.text in ("*", "@", ".*", "**") for t in tokens)
    longest = max((len(name) for name in known), default=0)
    i, size = 0, len(tokens)
    while i < size:
        if tokens[i].kind != "atom":
            result.append(tokens[i])
            i += 1
            continue
        j = i + 1
        while j < size and tokens[j].kind == "atom" and tokens[j].glued:
            j += 1
        run = tokens[i:j]
        before = result[-1] if result else None
        after = tokens[j] if j < size else None
        splitter = _Splitter(run, known, longest, source, is_latex, explicit, readings)
        result += splitter.split(before, after)
        i = j
    return _log_dets(result)


def _log_dets(tokens: list[Token]) -> list[Token]:
    """`log det` is one function, so that log det(X) y is a product."""
    joined: list[Token] = []
    for token in tokens:
        if (
            token.text == "det"
            and token.kind == "func"
            and joined
            and joined[-1].kind == "func"
            and joined[-1].text == "log"
        ):
            merged = Token("func", "logdet", joined[-1].start, token.end)
            merged.spaced = joined[-1].spaced
            joined[-1] = merged
        else:
            joined.append(token)
    return joined


class _Splitter:
    def __init__(
        self, run: list[Token], known: frozenset[str], longest: int, source: str, is_latex: bool, explicit: bool,
        readings: list[str],
    ) -> None:  # fmt: skip
        self.run = run
        self.known = known
        self.longest = longest
        self.source = source
        self.is_latex = is_latex
        self.explicit = explicit
        self.readings = readings

    def word(self, i: int, j: int) -> str | None:
        """Letters i to j as one name; None if something other than the last letter carries a mark."""
        for token in self.run[i : j - 1]:
            if token.low or token.accents:
                return None
        last = self.run[j - 1]
        base = "".join(t.text for t in self.run[i:j])
        return names.join(base, last.accents, last.low)

    def written(self, i: int, j: int) -> str | None:
        """The same with digits as typed, as function names have them: `norm2`."""
        for token in self.run[i : j - 1]:
            if token.low or token.accents:
                return None
        last = self.run[j - 1]
        if last.accents or len(last.low) > 1:
            return None
        if last.low and not last.low[0].isdigit():
            name = "".join(t.text for t in self.run[i:j]) + "_" + last.low[0]
            return name if name in FUNCTIONS else None
        return "".join(t.text for t in self.run[i:j]) + "".join(last.low)

    def named(self, i: int, j: int, name: str | None = None) -> Token:
        first, last = self.run[i], self.run[j - 1]
        token = Token("name", self.source[first.start : last.end], first.start, last.end, name or self.word(i, j))
        token.spaced, token.style, token.braced = first.spaced, last.style, first.braced
        token.low, token.accents = last.low, last.accents
        return token

    def function(self, i: int, j: int, name: str) -> Token:
        first, last = self.run[i], self.run[j - 1]
        token = Token("func", name, first.start, last.end)
        token.spaced = first.spaced
        token.low = last.low if self.run[j - 1].low and name not in FUNCTIONS else []
        return token

    def split(self, before: Token | None, after: Token | None) -> list[Token]:
        run, size = self.run, len(self.run)
        if before is not None and before.kind == "op" and before.text in ("^", "**", ".^", "_"):
            # A power takes the first letter only, as in W^TWx, or a known name.
            j = self.known_at(0) or 1
            head = [self.named(0, j)]
            if j == size:
                return head
            rest = _Splitter(
                run[j:], self.known, self.longest, self.source, self.is_latex, self.explicit, self.readings
            )
            return head + rest.split(head[0], after)
        if size == 1:
            return self.single(after)
        whole, spelled = self.word(0, size), self.written(0, size)
        if whole is not None and whole in self.known:
            return [self.named(0, size, whole)]
        base = "".join(t.text for t in run)
        if whole is not None and base in names.SPOKEN and (not self.is_latex or len(base) > 3):
            return [self.named(0, size, whole)]
        if spelled is not None and spelled in FUNCTIONS:
            return [self.function(0, size, FUNCTIONS[spelled])]
        if base in FUNCTIONS and whole is not None and len(run[-1].low) == 1 and after is not None:
            if after.kind in _AFTER:
                return self.subscripted(FUNCTIONS[base], run[-1].low[0])
        called = after is not None and after.kind == "open" and after.text == "(" and not after.spaced
        wordlike = size >= 3 and base[1:].islower() and base.isascii() and whole is not None
        if called and base in REFUSED_FUNCTIONS:
            raise ParseError(f"{base} is not read", self.source, (run[0].start, run[-1].end), REFUSED_FUNCTIONS[base])
        if called and wordlike:
            for k in range(1, size):
                name = self.written(k, size)
                if name in FUNCTIONS and (k <= 2 or self.known_at(0) == k):
                    return self.greedy(0, k) + [self.function(k, size, FUNCTIONS[name])]
            near = closest(base, FUNCTIONS)
            raise ParseError(
                f"{base} is not a function we know", self.source, (run[0].start, run[-1].end),
                f"did you mean {near}?" if near else "separate letters by spaces where a product is meant",
            )  # fmt: skip
        alone = (before is None or before.kind not in _BEFORE) and (
            after is None or after.kind not in _AFTER or after.kind == "bar"
        )
        if alone and whole is not None and (self.explicit or (wordlike and size >= 4 and not self.is_latex)):
            covered = self.covered()
            if not covered and (wordlike or not self.has_known()):
                if not base.isupper() or size > 3 or self.explicit:
                    self.readings.append(f"{base} is read as one name")
                    return [self.named(0, size, whole)]
        return self.greedy(0, size, after)

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

    def single(self, after: Token | None) -> list[Token]:
        token = self.run[0]
        name = token.name
        called = after is not None and after.kind == "open" and after.text in ("(", "\\{") and not after.spaced
        if called and name not in self.known:
            if name == "σ":
                return [self.function(0, 1, "sigmoid")]
        if token.text == "σ" and token.low and token.low[-1] == "′":
            raise ParseError("the derivative of σ is not read", self.source, token.span)
        return [self.named(0, 1)]

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

    def greedy(self, i: int, end: int, after: Token | None = None) -> list[Token]:
        result = []
        while i < end:
            j = self.known_at(i)
            if j is None:
                j = self.function_at(i, after)
                if j is not None:
                    result.append(self.function(i, j, FUNCTIONS[self.written(i, j) or ""]))
                    i = j
                    continue
            if j is None:
                j = self.greek_at(i) or i + 1
            if j == end and j == i + 1 and self.run[i].text == "σ" and after is not None and after.text == "(":
                result.append(self.function(i, j, "sigmoid"))
            else:
                result.append(self.named(i, j))
            i = j
        return result
