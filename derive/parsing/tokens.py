r"""Text to tokens, one tokenizer for the four spellings.

Every token knows its place in the text.  What only dresses a formula goes here: spaces,
`\left`, `\big`, alignment marks, `\label{…}`, styles such as `\mathbf`, which mark the letters
they hold.  A letter with its accents and subscripts is one token, an `atom`; which letters form
one name is decided later (`splitting`), when the declared names are known.
"""

from __future__ import annotations

import unicodedata
from fractions import Fraction
from typing import Any

from .. import names
from ..errors import LimitError, ParseError
from ..expr import Expr
from .limits import MAX_DIGITS, MAX_LENGTH
from .vocabulary import (
    BARS, BRACKETS, CLOSING, COMMAND_FUNCTIONS, COMMAND_TOKENS, FUNCTIONS, IGNORED, IGNORED_ARGUMENT, MACROS,
    OPERATORS, PREFIXES, REFUSED_COMMANDS, SUPERSCRIPTS, TRANSPARENT, VULGAR, closest,
)  # fmt: skip

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

    def __repr__(self) -> str:
        return f"Token({self.kind} {self.text!r} {self.start}:{self.end})"


Opaque = list[tuple[int, int, "Expr | str"]]


class Lexer:
    """Reads `text` from `start`; `tokens` is the result, `run` does it."""

    def __init__(self, text: str, known: frozenset[str] = frozenset(), opaque: Opaque | None = None) -> None:
        if len(text) > MAX_LENGTH:
            raise LimitError(
                f"the formula has {len(text):,} characters", hint=f"at most {MAX_LENGTH:,} characters are read"
            )
        self.text = text
        self.known = known
        self.is_latex = "\\" in text
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
        self.opaque = {start: (end, value) for start, end, value in opaque or ()}
        self.readings: list[str] = []

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

    def run(self) -> list[Token]:
        text, size = self.text, len(self.text)
        while self.pos < size:
            start = self.pos
            if start in self.opaque:
                self.pos, value = self.opaque[start]
                self.emit("opaque", text[start : self.pos], start, value)
                continue
            c = text[start]
            if c == " ":
                self.pos += 1
            elif c == "\\":
                self.command(start)
            elif c.isascii() and c.isalpha():
                self.letter(start, c)
            elif c in "0123456789" or (c == "." and text[start + 1 : start + 2].isdigit()):
                self.number(start)
            else:
                self.other(start, c)
        if self.groups:
            kind, _, _, _, at = self.groups[-1]
            raise self.error("this brace is not closed", at, at + 1)
        return self.tokens

    # Letters

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
            if c in "ws" and text.startswith(("where", "with"), start):
                word = "where" if text.startswith("where", start) else "with"
                after = text[start + len(word) : start + len(word) + 1]
                if after.isspace() or after == "":
                    self.pos += len(word)
                    self.emit("where", word, start)
                    return
        self.pos += 1
        self.atom(start, c, "")

    def atom(self, start: int, letter: str, style: str) -> None:
        """A letter ends at `pos`; what hangs on it follows."""
        previous = self.tokens[-1] if self.tokens else None
        accents, self.accents = self.accents, []
        if self.differential is not None:
            letter, start, self.differential = "d" + letter, self.differential, None
        token = self.emit("atom", letter, start)
        token.accents = accents
        token.style = self.pending if self.pending is not None else style or self.style
        token.glued = previous is not None and previous.kind == "atom" and previous.end == start
        self.pending = None
        self.attachments(token, True)

    def attachments(self, token: Token, digits: bool = False) -> None:
        """Digits, subscripts, accents and layer numbers after a letter, a 1 or a group of one letter."""
        text, size = self.text, len(self.text)
        is_atom = token.kind == "atom"
        while self.pos < size:
            c = text[self.pos]
            if digits and c in "0123456789" and self.pos == token.end and not token.low:
                end = self.pos
                while end < size and text[end] in "0123456789":
                    end += 1
                if (self.style == "bold" or token.style == "bold") and text[self.pos : end] == "1":
                    if text[end : end + 2] == "}_":
                        return  # \mathbf{b1}_m is b times a vector of ones
                token.low.append(text[self.pos : end])
                self.pos = end
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
            elif c == "^" and is_atom and self.layer(token):
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
            token.low += self.pieces(text[start + 1 : end], start + 1, token)
            self.pos = end + 1
            return False
        if c == "\\":
            end = start + 1
            while end < size and text[end].isascii() and text[end].isalpha():
                end += 1
            word = text[start + 1 : end]
            if word in names.STYLE_COMMANDS or word in TRANSPARENT:
                self.pos = end
                return True
            if word not in names.SPOKEN:
                raise self.error(f"\\{word} cannot be a subscript", start, end)
            token.low.append(names.SPOKEN[word])
            self.pos = end
            return False
        if c.isdigit():
            end = start
            while end < size and text[end].isdigit():
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
            end = longest
        else:
            raise self.error(f"{c} cannot be a subscript", start, start + 1)
        word = text[start:end]
        token.low.append(names.SPOKEN.get(word, word) if len(word) > 1 else names.plain(word)[0])
        self.pos = end
        return False

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
        inside = held[2:end].strip() if end > 0 else ""
        if not inside.isalnum():
            return False
        token.low.append(inside)
        self.pos += 1 + end + 2
        return True

    def matching(self, start: int) -> int:
        """Where the bracket at `start` closes."""
        opening, depth = self.text[start], 0
        closing = "}" if opening == "{" else ")" if opening == "(" else "]"
        for i in range(start, len(self.text)):
            if self.text[i] == opening:
                depth += 1
            elif self.text[i] == closing:
                depth -= 1
                if not depth:
                    return i
        raise self.error("this bracket is not closed", start, start + 1)

    def pieces(self, inside: str, at: int, token: Token) -> list[str]:
        """What stands in a braced subscript: names and numbers, separated by commas."""
        if token.kind == "one" or (token.text == "I" and token.kind == "atom"):
            return [inside]
        found, word, i = [], "", 0
        while i < len(inside):
            c = inside[i]
            if c == "\\":
                j = i + 1
                while j < len(inside) and inside[j].isascii() and inside[j].isalpha():
                    j += 1
                command = inside[i + 1 : j]
                if command in names.SPOKEN:
                    word += names.SPOKEN[command]
                elif command and command not in names.STYLE_COMMANDS and command not in TRANSPARENT:
                    raise self.error(f"\\{command} cannot be in a subscript", at + i, at + j)
                elif not command:
                    j += 1
                i = j
                continue
            if c.isalnum():
                word += names.plain(c)[0]
            elif c in ",;_":
                if word:
                    found.append(word)
                word = ""
            elif c in "+-" and inside.replace(" ", "").isascii():
                word += c
            elif not (c.isspace() or c in "{}()[]"):
                raise self.error(f"{c} cannot be in a subscript", at + i, at + i + 1)
            i += 1
        if word:
            found.append(word)
        if not found:
            raise self.error("an empty subscript", at - 1, at + len(inside) + 1)
        return found

    # Numbers

    def number(self, start: int) -> None:
        text, size = self.text, len(self.text)
        end = start
        while end < size and text[end] in "0123456789":
            end += 1
        if end < size and text[end] == "." and text[end + 1 : end + 2].isdigit():
            end += 1
            while end < size and text[end] in "0123456789":
                end += 1
        mantissa = text[start:end]
        exponent = 0
        if text[end : end + 1] in ("e", "E"):
            j = end + 1 + (text[end + 1 : end + 2] in ("+", "-"))
            k = j
            while k < size and text[k] in "0123456789":
                k += 1
            if k > j and not text[k : k + 1].isalpha() and text[k : k + 1] not in ("_", "^"):
                if k - j > 3:
                    raise LimitError(f"the number {text[start:k]} is too large", text, (start, k))
                exponent, end = int(text[end + 1 : k]), k
        if len(mantissa) > MAX_DIGITS:
            raise LimitError(
                f"a number of {len(mantissa)} digits", text, (start, end), f"at most {MAX_DIGITS} digits are read"
            )
        self.pos = end
        style = self.pending if self.pending is not None else self.style
        if style in ("bold", "bb", "vec") and mantissa in ("1", "0"):
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

    # Everything else

    def other(self, start: int, c: str) -> None:
        text = self.text
        self.pos += 1
        if c == "{":
            self.open_brace(start)
        elif c == "}":
            self.close_brace(start)
        elif (
            c in "\n\r\t\f\v\u00a0\u2002\u2003\u2009\u200a\u202f\u205f\u3000\u2028\u2029\u2004\u2005\u2006\u2007\u2008"
        ):
            if c in "\n\u2028\u2029" and not self.groups:
                self.emit("newline", "\n", start)
        elif (
            c == "."
            and text.startswith((".T", ".mT"), start)
            and not self._letter_at(start + 2 + text.startswith(".mT", start))
        ):
            self.pos = start + 2 + text.startswith(".mT", start)
            self.emit("trans", text[start : self.pos], start)
        elif c == ".":
            self.dot(start)
        elif c == "*" and text.startswith("**", start):
            self.pos += 1
            self.emit("op", "**", start)
        elif c == "|" and text.startswith("||", start):
            self.pos += 1
            self.bar("‖", start)
        elif c in BARS:
            self.bar(BARS[c], start)
        elif c in OPERATORS:
            self.emit("op", OPERATORS[c], start)
        elif c in BRACKETS:
            self.emit("open", BRACKETS[c], start)
        elif c in CLOSING:
            self.emit("close", CLOSING[c], start)
        elif c in "'’′ᵀ⊤ᵗ⟙":
            self.emit("trans", c, start)
        elif c in SUPERSCRIPTS:
            self.superscript(start)
        elif c in VULGAR:
            self.emit("num", c, start, VULGAR[c])
        elif c == "√":
            self.emit("sqrt", c, start)
        elif c == "∑":
            self.emit("sum", c, start)
        elif c in "&$":
            if c == "&" and self.environments and self.environments[-1].endswith("matrix"):
                self.emit("op", "&", start)
        elif c in "𝟏𝟙":
            self.ones_or_zero("1", start)
        elif c in "𝟎𝟘":
            self.ones_or_zero("0", start)
        elif c in "𝐈𝕀𝑰":
            self.atom(start, "I", "")
        elif c in "ᴴ†‡":
            raise self.error(
                "conjugates are not read: formulas are real",
                start,
                self.pos,
                "write ᵀ for the transpose of a real matrix",
            )
        elif c == "%" and self.is_latex:
            end = text.find("\n", start)
            self.pos = len(text) if end < 0 else end
        elif c == "…" or c == "⋯":
            raise self.error("an ellipsis cannot be read", start, self.pos, "write all the terms, or a matrix product")
        elif c in "₀₁₂₃₄₅₆₇₈₉ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ":
            end = self.pos
            while end < len(text) and names.subscript(text[end]) is not None:
                end += 1
            self.pos = end
            self.emit("low", "".join(names.subscript(d) or "" for d in text[start:end]), start)
        elif "\uff01" <= c <= "\uff5e":  # the wide forms of ASCII, as East Asian keyboards type them
            self._wide(start, chr(ord(c) - 0xFEE0))
        elif names.is_letter(c) or (c.isalpha() and unicodedata.category(c)[0] == "L"):
            base = unicodedata.normalize("NFD", c)
            letter, style = names.plain(base[0])
            for mark in base[1:]:
                if mark in names.MARKS:
                    self.accents.append(names.MARKS[mark])
                else:
                    letter = c
            self.atom(start, letter, style)
        elif c in "\u2061\u2062\u2063\u2064\u200b\u2060\ufeff\u00ad\u200c\u200d\ufe0e\ufe0f":
            pass  # invisible
        elif unicodedata.category(c) in ("Cc", "Cf", "Cn", "Cs", "Co"):
            raise self.error(f"the control character U+{ord(c):04X} cannot be read", start, self.pos)
        elif c == "∂" or c == "∇":
            raise self.error(
                "a formula holds no derivative signs", start, self.pos, "give the loss, and the variable as wrt"
            )
        else:
            raise self.error(f"{c} cannot be read", start, self.pos)

    def _letter_at(self, i: int) -> bool:
        return self.text[i : i + 1].isalpha() or self.text[i : i + 1].isdigit()

    def _wide(self, start: int, c: str) -> None:
        if c.isalpha():
            self.atom(start, c, "")
        elif c.isdigit():
            self.emit("num", c, start, Fraction(int(c)))
        else:
            self.other(start, c)

    def dot(self, start: int) -> None:
        text = self.text
        pair = text[start : start + 2]
        if pair in (".*", "./", ".^"):
            self.pos = start + 2
            if text.startswith(".**", start):
                self.pos, pair = start + 3, ".^"
            self.emit("op", pair, start)
        elif pair == ".'":
            self.pos = start + 2
            self.emit("trans", pair, start)
        else:
            end = start + 1
            while end < len(text) and text[end].isascii() and (text[end].isalpha() or text[end] == "_"):
                end += 1
            word = text[start + 1 : end]
            if word == "dot" and text[end : end + 1] == "(":
                self.pos = end
                self.emit("op", "@", start)
            elif word in FUNCTIONS and text[end : end + 2] == "()":
                self.pos = end + 2
                self.emit("method", FUNCTIONS[word], start)
            elif word == "transpose" and text[end : end + 2] == "()":
                self.pos = end + 2
                self.emit("trans", ".T", start)
            elif word:
                self.pos = end
                raise self.error(f".{word} is no method we read", start, end, "known: .T, .dot(…), .sum(), .mean()")
            else:
                self.emit("op", ".", start)

    def superscript(self, start: int) -> None:
        text, end = self.text, start
        while end < len(text) and text[end] in SUPERSCRIPTS:
            end += 1
        plain = "".join(SUPERSCRIPTS[c] for c in text[start:end])
        self.pos = end
        if text[end : end + 1] in ("ᵀ", "⊤", "ᵗ") and plain == "-":
            self.pos += 1
            self.emit("sup", "-T", start)
            return
        if not plain.lstrip("+-").isdigit() or plain[1:].strip("0123456789"):
            raise self.error("this superscript cannot be read", start, end)
        if len(plain) > MAX_DIGITS:
            raise LimitError(f"an exponent of {len(plain)} digits", text, (start, end))
        self.emit("sup", plain, start, Fraction(int(plain)))

    def bar(self, kind: str, start: int) -> None:
        token = self.emit("bar", kind, start, self.side)
        token.value, self.side = self.side, ""

    # Braces and commands

    def open_brace(self, at: int) -> None:
        if self.pending is not None:
            self.groups.append(("style", self.style, len(self.tokens), self.accents, at))
            self.style, self.pending, self.accents = self.pending, None, []
        elif self.accents:
            self.groups.append(("accent", self.style, len(self.tokens), self.accents, at))
            self.accents = []
        else:
            self.groups.append(("group", self.style, len(self.tokens), [], at))
            self.emit("open", "{", at)

    def close_brace(self, at: int) -> None:
        if not self.groups:
            raise self.error("this brace was never opened", at, at + 1)
        kind, self.style, first, accents, opened = self.groups.pop()
        held = self.tokens[first:]
        if kind == "group":
            if len(held) == 2 and held[1].kind == "atom":  # {x} is x, so that {x}_i is a name
                del self.tokens[first]
                held[1].start, held[1].end = opened, self.pos
                held[1].glued, held[1].braced = False, True
                self.attachments(held[1])
                return
            self.emit("close", "}", at)
            return
        if accents:
            if len(held) != 1 or held[0].kind != "atom":
                raise self.error("an accent stands over one letter only", opened, self.pos)
            held[0].accents = held[0].accents + accents
        if held and held[-1].kind in ("atom", "one"):
            held[-1].end = self.pos
            self.attachments(held[-1])

    def command(self, start: int) -> None:
        text, size = self.text, len(self.text)
        end = start + 1
        while end < size and text[end].isascii() and text[end].isalpha():
            end += 1
        if end == start + 1:
            self.pos = min(size, start + 2)
            self.symbol_command(start, text[start + 1 : start + 2])
            return
        word, self.pos = text[start + 1 : end], end
        if word in names.SPOKEN:
            self.atom(start, names.SPOKEN[word], "")
        elif word == "vec" and text[end:].lstrip()[:1] == "(":
            self.emit("func", "vec", start)
        elif word in ("mathrm", "operatorname", "text", "mbox", "textrm", "mathsf", "mathtt", "mathit", "rm", "textbf",
                      "mathop", "texttt", "textit", "textsf"):  # fmt: skip
            self.word(start, word)
        elif word in ("mathbb", "mathds", "mathbbm"):
            self.pending = "bb"
        elif word in names.STYLE_COMMANDS:
            self.pending = names.STYLE_COMMANDS[word]
            if word in ("bf", "it"):
                self.style, self.pending = names.STYLE_COMMANDS[word], None
        elif word in names.ACCENT_COMMANDS:
            self.accents.append(names.ACCENT_COMMANDS[word])
        elif word in IGNORED:
            self.skipped = start
            if word in ("left", "right", "middle") or word[:3].lower() == "big":
                self.side = (
                    "l" if word == "left" or word[-1] == "l" else "r" if word == "right" or word[-1] == "r" else ""
                )
                rest = text[self.pos :].lstrip()
                if rest.startswith("."):
                    self.pos = text.index(".", self.pos) + 1
                    self.side = ""
                elif not rest.startswith(("|", "\\", "‖", "∥")):
                    self.side = ""
        elif word in IGNORED_ARGUMENT:
            at = self._brace(end)
            if at is not None:
                self.pos = self.matching(at) + 1
        elif word in TRANSPARENT:
            pass
        elif word in COMMAND_FUNCTIONS:
            self.emit("func", COMMAND_FUNCTIONS[word], start)
        elif word in COMMAND_TOKENS:
            kind, value = COMMAND_TOKENS[word]
            if kind == "bar":
                side = value[1:] or self.side
                self.side = side
                self.bar(value[0], start)
            elif kind in ("one", "zero"):
                self.ones_or_zero("1" if kind == "one" else "0", start)
            else:
                self.emit(kind, value, start)
        elif word in ("begin", "end"):
            self.environment(start, word)
        elif word in MACROS:
            letter, style = MACROS[word]
            self.atom(start, letter, style)
        elif word in REFUSED_COMMANDS:
            raise self.error(f"\\{word} cannot be read: {REFUSED_COMMANDS[word]}", start, end)
        else:
            near = closest(word, [*COMMAND_FUNCTIONS, *names.SPOKEN, *COMMAND_TOKENS])
            raise self.error(f"\\{word} is not known", start, end, f"did you mean \\{near}?" if near else None)

    def symbol_command(self, start: int, c: str) -> None:
        if c in ",;:!> ()[]\n-/":
            if c in "[]" and self.tokens and self.tokens[-1].kind == "func":
                raise self.error(f"\\{c} opens a displayed formula", start, self.pos)
        elif c == "\\":
            held = self.text[self.pos :].lstrip()
            if held.startswith("["):  # \\[2pt]
                self.pos = self.text.index("]", self.pos) + 1 if "]" in held else len(self.text)
            if self.environments and self.environments[-1].endswith("matrix"):
                self.emit("op", ";", start)
            else:
                self.emit("newline", "\\\\", start)
        elif c == "|":
            self.bar("‖", start)
        elif c == "{":
            self.emit("open", "\\{", start)
        elif c == "}":
            self.emit("close", "\\}", start)
        elif c in "&%_#$":
            raise self.error(f"\\{c} cannot be read", start, self.pos)
        elif c in "^~=.'`\"":
            raise self.error(
                f"\\{c} is an accent of text, not of formulas", start, self.pos, "\\hat x, \\tilde x, \\bar x"
            )
        else:
            raise self.error("a lone backslash cannot be read", start, min(start + 2, len(self.text)))

    def _brace(self, at: int) -> int | None:
        while at < len(self.text) and self.text[at] in " *":
            at += 1
        return at if self.text[at : at + 1] in ("{", "[") else None

    def word(self, start: int, command: str) -> None:
        r"""`\mathrm{tr}`, `\text{ tr }`, `\operatorname{diag}`: a function, a name, or prose."""
        text = self.text
        at = self._brace(self.pos)
        if command == "rm" or at is None or text[at] != "{":
            if command == "rm" and self.groups:
                # {\rm tr}: the group holds the word
                end = text.find("}", self.pos)
                inside = text[self.pos : end].strip() if end >= 0 else ""
                if inside.isascii() and inside.isalpha() and len(inside) > 1 and inside in FUNCTIONS:
                    self.pos = end
                    self.emit("func", FUNCTIONS[inside], start)
                    return
            self.pending = "" if command != "textbf" else "bold"
            if command == "rm":
                self.pending = None
            return
        end = self.matching(at)
        inside = text[at + 1 : end].strip()
        plain = "".join(c for c in inside if c not in " ~").replace("\\,", "").replace("-", "").replace("\\_", "_")
        texts = [t.text for t in self.tokens[-2:]]
        if plain.isalpha() and (texts[-1:] == ["_"] or texts == ["_", "{"]):
            self.pos = end + 1
            self.atom(start, plain, "")
            return
        is_text = command in ("text", "mbox", "textrm", "textbf", "textit", "textsf", "texttt")
        if len(plain) > 1 and plain.isascii() and (plain.isalpha() or plain in FUNCTIONS):
            if plain in FUNCTIONS:
                self.pos = end + 1
                self.emit("func", FUNCTIONS[plain], start)
                return
            if plain in names.SPOKEN:
                self.pos = end + 1
                self.atom(start, names.SPOKEN[plain], "")
                return
            after = text[end + 1 :].lstrip(" &")[:1]
            if is_text and (plain in ("where", "with") or " " in inside or (after != "=" and after != "_")):
                self.pos = end + 1
                if plain in ("where", "with"):
                    self.emit("where", plain, start)
                elif after == "(" and " " not in inside:
                    raise self.unknown_function(plain, start, end + 1)
                return
            self.pos = end + 1
            if after == "(" and after != "=":
                raise self.unknown_function(plain, start, end + 1)
            self.atom(start, plain, "")
            return
        if is_text and not (len(plain) == 1 or "\\" in inside):
            self.pos = end + 1  # prose
            if plain.startswith("where") and not plain[5:6].isalpha():
                self.emit("where", "where", start)
            return
        if command == "mathrm" and plain == "d" and text[end + 1 : end + 2].strip():
            following = text[end + 1]
            if following.isalpha() or following == "\\":
                self.differential, self.pos = start, end + 1
                return
        self.pending = ""  # one letter, or more than letters: its style is dropped
        self.pos = at

    def unknown_function(self, word: str, start: int, end: int) -> ParseError:
        near = closest(word, FUNCTIONS)
        return self.error(f"{word} is not a function we know", start, end, f"did you mean {near}?" if near else None)

    def environment(self, start: int, word: str) -> None:
        at = self._brace(self.pos)
        if at is None:
            raise self.error(f"\\{word} needs the name of an environment", start, self.pos)
        end = self.matching(at)
        name = self.text[at + 1 : end].strip()
        self.pos = end + 1
        is_matrix = name.endswith("matrix") or name == "array"
        if word == "begin":
            self.environments.append("matrix" if is_matrix else name)
            if name == "array" and self._brace(self.pos) is not None:
                self.pos = self.matching(self._brace(self.pos) or 0) + 1
            if is_matrix:
                shown = {"vmatrix": "|", "Vmatrix": "‖"}.get(name)
                if shown:
                    self.side = "l"
                    self.bar(shown, start)
                self.emit("open", "matrix", start)
        else:
            if not self.environments:
                raise self.error("this environment was never begun", start, self.pos)
            self.environments.pop()
            if is_matrix:
                self.emit("close", "matrix", start)
                shown = {"vmatrix": "|", "Vmatrix": "‖"}.get(name)
                if shown:
                    self.side = "r"
                    self.bar(shown, start)
