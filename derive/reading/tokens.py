r"""Text to tokens, one tokenizer for the four spellings.

Every token knows its place in the text.  What only dresses a formula goes here: spaces,
`\left`, `\big`, alignment marks, `\label{…}`, styles such as `\mathbf`, which mark the letters
they hold.  A letter with its accents and subscripts is one token, an `atom`; which letters form
one name is decided later (`splitting`), when the declared names are known.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from .. import names
from ..errors import LimitError, ParseError
from . import macros
from .limits import MAX_DIGITS, MAX_LENGTH
from .spelling import respelled
from .vocabulary import COMMAND_FUNCTIONS, FUNCTIONS, PREFIXES, TRANSPARENT

Span = tuple[int, int]


class Token:
    """A piece of the text: `kind` says what it is, `text` which one, `value` what it holds."""

    __slots__ = ("kind", "text", "start", "end", "value", "spaced", "style", "accents", "low", "glued", "braced")

    def __init__(self, kind: str, text: str, start: int, end: int, value: Any = None) -> None:
        self.kind = kind
        self.text = text
        self.start = start
        self.end = end
        self.value = value
        self.spaced = False  # white space stands before it
        self.style = ""
        self.accents: list[str] = []
        self.low: list[str] = []  # subscripts
        self.glued = False  # typed without a gap after another letter
        self.braced = False  # stands in braces of its own

    @property
    def span(self) -> Span:
        return (self.start, self.end)

    @property
    def name(self) -> str:
        """The canonical name of an atom."""
        return names.join(self.text, self.accents, self.low)

    def instead(self, kind: str, text: str, end: int | None = None, value: Any = None) -> Token:
        """Another token in its place, which may end elsewhere."""
        made = Token(kind, text, self.start, self.end if end is None else end, value)
        made.spaced = self.spaced
        return made

    def __repr__(self) -> str:
        return f"Token({self.kind} {self.text!r} {self.start}:{self.end})"


LETTERS, DIGITS = re.compile("[A-Za-z]*"), re.compile("[0-9]*")
SPELLED = re.compile("[A-Za-z0-9_]*")
_NUMBER, _EXPONENT = re.compile(r"[0-9]*(?:\.[0-9]+)?"), re.compile("(?:[eE][+-]?[0-9]+)?")
_LINK = re.compile(r"(s\.t\.|subject to\b)|(?:where|with)(?=\s|$)")
_COMMAND = re.compile(r"\\[A-Za-z]+")
_SIZE = re.compile(r"\s*(\w+)\s*(?:\\times\s*|×)\s*(\w+)\s*")

_DIVISION = re.compile(r"[\w)\]'](?:\\(?=[\w(])| \\ (?=[\w(]))")
_LATEX = re.compile(r"\\[A-Za-z]{2}|\\[THR](?![\w(])|\\[^\w\s(]|[$^_]\s*\{|\^\s*\\")


def begun(pattern: re.Pattern[str], text: str, at: int) -> str:
    """What a pattern, which may be of nothing, has at a place."""
    found = pattern.match(text, at)
    return found[0] if found is not None else ""


def closing(tokens: Sequence[Token], i: int) -> int:
    """Where the bracket that opens at i closes; the length of the tokens where it does not."""
    depth = 0
    for j in range(i, len(tokens)):
        depth += (tokens[j].kind == "open") - (tokens[j].kind == "close")
        if not depth:
            return j
    return len(tokens)


def parted(tokens: Sequence[Token], *signs: str) -> list[list[Token]]:
    """What stands between these signs outside of all brackets."""
    parts, depth = [list[Token]()], 0
    for token in tokens:
        depth += (token.kind == "open") - (token.kind == "close")
        if token.text in signs and not depth:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def exponent(tokens: Sequence[Token], i: int) -> tuple[str, int]:
    """The whole number of the exponent at i, as in ^2, ^{2} and ², and where it ends; an empty text where none is."""
    held = [t.text for t in tokens[i : i + 4]]
    said, size = "", 0
    if held and tokens[i].kind == "sup":
        said, size = held[0], 1
    elif held[:1] in (["^"], ["**"]):
        is_braced = held[1:2] == ["{"] and held[3:] == ["}"]
        said, size = "".join(held[1 + is_braced : 2 + is_braced]), 2 + 2 * is_braced
    return (said, i + size) if said.isdigit() else ("", i)


class Letters:
    """The state of the tokenizer, and how it reads names and numbers."""

    def __init__(self, text: str, known: frozenset[str] = frozenset()) -> None:
        if len(text) <= MAX_LENGTH and re.search(r"\\(?:def|(?:provide|(?:re)?new)command|Declare)(?![a-z])", text):
            text = macros.expanded(text)[0]
        if len(text) > MAX_LENGTH:
            raise LimitError(
                f"the formula has {len(text):,} characters", hint=f"at most {MAX_LENGTH:,} characters are read"
            )
        self.known = known
        self.divides = bool(_DIVISION.search(text)) and not _LATEX.search(text)  # A\b of MATLAB
        self.is_latex = "\\" in text and not self.divides
        self.text, self.readings = respelled(text, known)
        self.pos = 0
        self.tokens: list[Token] = []
        self.style = ""
        self.pending: str | None = None  # a style that the next group or letter takes
        self.accents: list[str] = []  # accents that the next group or letter takes
        self.groups: list[tuple[str, str, int, list[str], int]] = []
        self.side = ""
        self.skipped = len(text)  # where the \\left began that stands before the next bracket
        self.differential: int | None = None  # where a \\mathrm{d} stands that the next letter takes
        self.environments: list[str] = []
        self.is_labeled = False  # \\underbrace stands before the next group
        self.sized: list[tuple[Token, str]] = []  # letters with their size below, as A_{m×n}

    def error(self, message: str, start: int, end: int, hint: str | None = None) -> ParseError:
        return ParseError(message, self.text, (start, end), hint)

    def emit(self, kind: str, text: str, start: int, value: Any = None) -> Token:
        token = Token(kind, text, start, self.pos, value)
        token.spaced = bool(self.tokens) and self.tokens[-1].end < min(start, self.skipped)
        self.skipped = len(self.text)
        self.tokens.append(token)
        if self.accents and kind != "open" and kind != "atom":
            raise self.error("an accent stands over a letter only", start, self.pos)
        return token

    def take(self, end: int, kind: str, text: str, start: int, value: Any = None) -> Token:
        """A token that ends at a place from which reading goes on."""
        self.pos = end
        return self.emit(kind, text, start, value)

    def letter(self, start: int, c: str) -> None:
        text = self.text
        previous = self.tokens[-1] if self.tokens else None
        begins = previous is None or previous.kind != "atom" or previous.end < start
        if begins and self.style == "" and self.pending is None:
            if c in "njtsml":
                for prefix in PREFIXES:
                    if text.startswith(prefix, start) and text[start + len(prefix) : start + len(prefix) + 1].isalpha():
                        self.pos = start + len(prefix)
                        return
            word = self.spelled(start)
            if word is not None:
                self.take(start + len(word), "func", FUNCTIONS[word], start)
                return
            if c == "s" and text.startswith(("sum_{", "sum_("), start):
                self.take(start + 3, "sum", "sum", start)
                return
            link = _LINK.match(text, start) if c in "sw" else None
            if link is not None:
                self.take(link.end(), "where", "s.t." if link[1] else link[0], start)
                return
        self.pos += 1
        self.atom(start, c, "")

    def spelled(self, start: int) -> str | None:
        """The function whose name is written with low lines here, as in `nuclear_norm(`."""
        word = begun(SPELLED, self.text, start)
        return word if "_" in word and word in FUNCTIONS and self.text[start + len(word) :][:1] == "(" else None

    def atom(self, start: int, letter: str, style: str) -> None:
        """A letter ends at `pos`; what hangs on it follows."""
        previous = self.tokens[-1] if self.tokens else None
        accents, self.accents = self.accents, []
        if self.differential is not None:
            letter, start, self.differential = "d" + letter, self.differential, None
        if letter == "E" and "bb" in (self.pending, self.style):  # \\mathbb{E}
            self.pending = None
            self.emit("unknown", "𝔼", start)
            return
        token = self.emit("atom", letter, start)
        token.accents = accents
        token.style = self.pending if self.pending is not None else style or self.style
        token.glued = previous is not None and previous.kind == "atom" and previous.end == start
        self.pending = None
        # \frac\lambda2 takes the letter and the digit
        is_limit = previous is not None and previous.text == "^" and self.is_latex  # ^n2x is n, and 2 x
        self.attachments(token, not is_limit and (previous is None or previous.kind != "frac"))

    def attachments(self, token: Token, digits: bool = False) -> None:
        """Digits, subscripts, accents and layer numbers after a letter, a 1 or a group of one letter."""
        text, size = self.text, len(self.text)
        is_atom = token.kind == "atom"
        while self.pos < size:
            c = text[self.pos]
            if digits and c in "0123456789" and self.pos == token.end and not token.low:
                if "bold" in (self.style, token.style) and text.startswith("1}_", self.pos):
                    return  # \mathbf{b1}_m is b times a vector of ones
                token.low.append(begun(DIGITS, text, self.pos))
                self.pos += len(token.low[-1])
            elif is_atom and c in names.MARKS:
                token.accents.append(names.MARKS[c])
                self.pos += 1
            elif is_atom and c == "\u20d7":
                token.style = "vec"
                self.pos += 1
            elif not c.isascii() and names.subscript(c) is not None:
                end = self.pos
                while end < size and names.subscript(text[end]) is not None:
                    end += 1
                token.low.append("".join(names.subscript(d) or "" for d in text[self.pos : end]))
                self.pos = end
            elif c == "⁽" and is_atom:
                end = text.find("⁾", self.pos)
                if end < 0:
                    raise self.error("this bracket is not closed", self.pos, self.pos + 1)
                token.low.append(unicodedata.normalize("NFKC", text[self.pos + 1 : end]))
                self.pos = end + 1
            elif c == "_" or (c == " " and self.is_latex and text[self.pos :].lstrip(" ")[:1] == "_"):
                self.pos = text.index("_", self.pos) + 1
                while self.low(token):
                    pass
            elif c == "^" and is_atom and (self.layer(token) or self.mark(token)):
                pass
            elif c in "⁺⁻" and is_atom and self.mark(token):
                pass
            else:
                break
            token.end = self.pos
            if token.kind == "atom" and token.low and token.low[-1] in names.ACCENTS and token.text.isalpha():
                token.accents.append(token.low.pop())
            elif token.kind == "atom" and token.low and token.low[-1] in names.STYLES:
                token.style = token.low.pop()

    def low(self, token: Token) -> bool:
        """Read the subscript that begins at `pos`; True if that was only its style."""
        text, size = self.text, len(self.text)
        while self.pos < size and text[self.pos] == " ":
            self.pos += 1
        start = self.pos
        if start >= size:
            raise self.error("a subscript is missing", start - 1, start)
        c = text[start]
        if c in "{(" and (c == "{" or token.kind == "one" or token.text == "I"):
            end = self.matching(start)
            below = _SIZE.fullmatch(text, start + 1, end) if token.kind == "atom" and token.text not in "IT" else None
            if below is not None:
                self.sized.append((token, f"{below[1]}×{below[2]}"))
            else:
                token.low += self.pieces(text[start + 1 : end], start + 1, token)
            self.pos = end + 1
            return False
        if c == "\\":
            word = begun(LETTERS, text, start + 1)
            end = start + 1 + len(word)
            if word in names.STYLE_COMMANDS or word in TRANSPARENT:
                self.pos = end
                return True
            if word not in names.SPOKEN and word not in COMMAND_FUNCTIONS:
                raise self.error(f"\\{word} cannot be a subscript", start, end)
            token.low.append(names.SPOKEN.get(word, word))
            self.pos = end
            return False
        if c.isdecimal():
            end = start
            while end < size and text[end].isdecimal():
                end += 1
                if self.is_latex and not self.joined(token, text[start : end + 1]):
                    break
        elif c.isalpha():
            end = start + 1
            longest = end
            while end < size and (text[end].isalnum() and text[end].isascii()):
                end += 1
                if not self.is_latex or self.joined(token, text[start:end]):
                    longest = end
            end = longest if self.is_latex or not self.ends_early(token, text[start:longest]) else start + 1
        elif c == "*" or c == "+" and self.has_others(token):
            end = start + 1
        else:
            raise self.error(f"{c} cannot be a subscript", start, start + 1)
        word = text[start:end]
        token.low.append(names.SPOKEN.get(word, word) if len(word) > 1 else names.plain(word)[0])
        self.pos = end
        return False

    def has_others(self, token: Token) -> bool:
        """Whether the letter has other subscripts too, as k_i and k_- beside k_+: then a sign is one."""
        written = rf"(?:{re.escape(token.text)}|\\{names.WORDS.get(token.text, '+')})"
        return bool(re.search(rf"{written}_(?:\{{?[^\W_]|-)", self.text))

    def ends_early(self, token: Token, low: str) -> bool:
        """Whether `y_iw` is y_i times w: i is an index elsewhere, iw is not, and w is a name that is known."""
        if low[1:] not in self.known or self.joined(token, low) or low[0] not in "ijkltn":
            return False
        return bool(re.search(rf"_{low[0]}(?![^\W_])", self.text)) and self.text.count(f"_{low}") == 1

    def joined(self, token: Token, low: str) -> bool:
        return names.join(token.text, token.accents, [*token.low, low]) in self.known

    def layer(self, token: Token) -> bool:
        """Whether `^{(1)}` follows; then it belongs to the name."""
        text = self.text
        held = text[self.pos + 1 : self.pos + 40]
        if not held.startswith(("{(", "{[")):
            return False
        close = ")}" if held[1] == "(" else "]}"
        end = held.find(close)
        inside = held[2:end].replace(" ", "") if end > 0 else ""
        if not (inside.isalnum() or (inside[:1].isalpha() and inside[1:2] in ("+", "-") and inside[2:].isdigit())):
            return False
        is_label = inside.isdigit() or len(inside) == 1
        at = len(token.low) - (is_label and bool(token.low) and set(token.low[-1]) <= set("ijklmnst"))
        token.low.insert(at, inside)  # z_i^{(1)} is entry i of z^{(1)}, and x_j^{(i)} that of sample i
        self.pos += 1 + end + 2
        return True

    def mark(self, token: Token) -> bool:
        """Whether a lone sign stands above a small letter: `k^+`, `\\hat x^-` are names, a power has an exponent."""
        text, at = self.text, self.pos
        others = rf"{token.text}(?!\s*\^(?:\{{-\}}|-\s*[)\]}},;=+]))"  # A that is not raised so
        is_filter = token.low or not re.search(others, _COMMAND.sub(" ", text))
        if token.text.isupper() and (not is_filter or "^+" in text[at : at + 3] or "⁺" == text[at]):
            return False  # a pseudo-inverse, but for the P_k^- of a filter, or the P^- of one that has no P
        if text[at] in "⁺⁻":
            sign, end = "+" if text[at] == "⁺" else "-", at + 1
            if text[end : end + 1] and text[end] in "⁰¹²³⁴⁵⁶⁷⁸⁹ᵀ⊤ᵗ":
                return False
        elif text[at + 1 : at + 4] in ("{+}", "{-}"):
            sign, end = text[at + 2], at + 4
        elif text[at + 1 : at + 2] in ("+", "-"):
            sign, end = text[at + 1], at + 2
            after = text[end : end + 1]
            if text[end:].lstrip()[:1].isdigit():  # A^- 1
                return False
            is_factor = token.text.isupper() and bool(token.low) and after.isupper() and after != "T"
            is_alone = self.is_latex and (not after.isalnum() or is_factor)
            if not is_alone and (after.isalnum() or after in ("(", "{", "[")):  # TeX raises one sign: P_k^-H
                return False
        else:
            return False
        token.accents.append("^" + sign)
        self.pos = end
        return True

    def matching(self, start: int) -> int:
        """Where the bracket at `start` closes."""
        pair = next(pair for pair in ("{}", "()", "[]") if pair[0] == self.text[start])
        end = macros.closing(self.text, start, pair)
        if end < 0:
            raise self.error("this bracket is not closed", start, start + 1)
        return end

    def pieces(self, inside: str, at: int, token: Token) -> list[str]:
        """What stands in a braced subscript: names and numbers, separated by commas."""
        if token.kind == "one" or (token.text == "I" and token.kind == "atom"):
            size = _SIZE.fullmatch(inside) or re.fullmatch(r"\s*(\w+)\s*\*\s*(\1)\s*", inside)
            if size is None or size[2] == ("1" if token.kind == "one" else size[1]):
                return [size[1] if size else inside]  # I_{n×n}, 1_{n×1}
            raise self.error(f"{token.text} of size {size[1]}×{size[2]} is not read", at - 2, at + len(inside) + 1,
                             "I_n is the identity, ones(m, n) holds ones; 1_n is a column")  # fmt: skip
        found, word, i = [], "", 0
        while i < len(inside):
            c = inside[i]
            if c == "\\":
                command = begun(LETTERS, inside, i + 1)
                j = i + 1 + len(command)
                if command in names.SPOKEN:
                    word += names.SPOKEN[command]
                elif command in COMMAND_FUNCTIONS:
                    word += command
                elif command in ("mid", "times"):
                    word += "|" if command == "mid" else "×"
                elif command in ("cdot", "bullet", "ast"):
                    found += [word, ":"] if word else [":"]
                    word = ""
                elif command and command not in names.STYLE_COMMANDS and command not in TRANSPARENT:
                    raise self.error(f"\\{command} cannot be in a subscript", at + i, at + j)
                elif not command:
                    j += 1
                i = j
                continue
            if c.isalnum():
                word += names.plain(c)[0]
            elif c in ",;_" or c == "^" and inside[i + 1 : i + 3].startswith(("(", "{(")):
                if word:
                    found.append(word)
                word = ""
            elif c in ":·" or c == "*" and inside.strip("*, "):
                found += [word, ":"] if word else [":"]
                word = ""
            elif c == "*":
                word += c
            elif c in "+-|" and inside.replace(" ", "").isascii():
                word += c
            elif not (c.isspace() or c in "{}()[]"):
                is_sum = c == "=" and "Σ" in self.text[max(at - 3, 0) : at]
                hint = "the sign of a sum is ∑ or sum; Σ is the Greek letter" if is_sum else None
                raise self.error(f"{c} cannot be in a subscript", at + i, at + i + 1, hint)
            i += 1
        if word:
            found.append(word)
        if not found:
            raise self.error("an empty subscript", at - 1, at + len(inside) + 1)
        return found

    def number(self, start: int) -> None:
        text, exponent = self.text, 0
        mantissa = begun(_NUMBER, text, start)
        end = start + len(mantissa)
        raised = begun(_EXPONENT, text, end)
        k = end + len(raised)
        if raised and text[k : k + 1].isalpha():
            if not self.is_latex:
                raise ParseError(
                    f"{text[start : k + 1]} can be read in two ways", text, (start, k + 1),
                    f"{text[start:k]} {text[k]} begins with a number, {mantissa} {text[end : k + 1]} with a letter",
                )  # fmt: skip
        elif raised and text[k : k + 1] not in ("_", "^"):
            if len(raised.lstrip("eE+-")) > 3:
                raise LimitError(f"the number {text[start:k]} is too large", text, (start, k))
            exponent, end = int(raised[1:]), k
        if len(mantissa) > MAX_DIGITS:
            raise LimitError(
                f"a number of {len(mantissa)} digits", text, (start, end), f"at most {MAX_DIGITS} digits are read"
            )
        self.pos = end
        style = self.pending if self.pending is not None else self.style
        is_exponent = self.tokens and text[:start].rstrip(" -−{").endswith("^")  # of \mathbf{X^{-1}}
        if style in ("bold", "bb", "vec") and mantissa in ("1", "0") and not is_exponent:
            self.pending = None
            self.ones_or_zero(mantissa, start)
            return
        if mantissa in ("1", "11") and text[end : end + 1] and (text[end] == "_" or names.subscript(text[end])):
            if mantissa == "1":
                self.ones_or_zero("1", start)
                return
        self.pending = None
        whole, _, part = mantissa.partition(".")
        value = Fraction(int(whole + part or "0"), 10 ** len(part)) * Fraction(10) ** exponent
        self.emit("num", text[start:end], start, value)

    def ones_or_zero(self, digit: str, start: int) -> None:
        token = self.emit("one" if digit == "1" else "zero", digit, start)
        if digit == "1":
            self.attachments(token)
        elif self.text[self.pos : self.pos + 1] == "_":  # the size of a zero follows from its place
            self.pos += 1
            while self.low(token):
                pass
            token.low = []
