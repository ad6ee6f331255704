"""The tokenizer: brackets, operators, and LaTeX commands with what they hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from fractions import Fraction
from itertools import takewhile

from .. import names
from ..errors import LimitError
from ..heights import LOWERED, RAISED_SIGNS
from .limits import MAX_DIGITS
from .tokens import LETTERS, Letters, Token, begun
from .vocabulary import (
    BARS,
    BOLD,
    CHARACTERS,
    COMMAND_FUNCTIONS,
    COMMAND_TOKENS,
    ELEMENTWISE,
    FUNCTIONS,
    IGNORED,
    IGNORED_ARGUMENT,
    INVISIBLE,
    MACROS,
    REFUSED_CHARACTERS,
    REFUSED_COMMANDS,
    REFUSED_FUNCTIONS,
    SPACES,
    TRANSPARENT,
    closest,
)  # fmt: skip

_BETWEEN = re.compile(r"(?:[\s&~]|\\[,;:!> ]|\\(?:left|[bB]igg?l?|q?quad)(?![a-zA-Z]))*")
_AXIS = re.compile(r"\s*_\s*(?:\{\s*\\math(?:rm|sf|it)\s*)?\{\s*(row|col)\s*\}(?:\s*\})?")  # below a function
_LETTERS = re.compile(r"[A-Za-z]{2}|[A-Za-z]{1,2}(?:\s*[-+]\s*[A-Za-z]{1,2}|\s+[A-Za-z](?![A-Za-z]))+")  # no word
_WORD = re.compile(r"\w*$")
_LETTER = re.compile(r"\d*[a-zα-ω](?:_\w*|\d*)$")
_METHOD = re.compile("[A-Za-z_]*")
_LOWERED = re.compile(f"[{''.join(LOWERED)}₌]*")
_OF_PHYSICS = {"vb": "mathbf", "va": "vec", "vu": "hat"}
_EATEN = {"\t": "t", "\f": "f", "\v": "v", "\r": "r", "\a": "a", "\b": "b"}  # what Python and shells make of \t …


def _is_raised(c: str) -> bool:
    """Whether it is a letter, digit or sign written high, as ⁿ."""
    return unicodedata.decomposition(c).startswith("<super>")


class Lexer(Letters):
    """Reads a text; `run` gives its tokens."""

    def run(self) -> list[Token]:
        text, size = self.text, len(self.text)
        while self.pos < size:
            start = self.pos
            c = text[start]
            if c == " ":
                self.pos += 1
            elif c == "\\" and self.divides:
                self.take(self.pos + 1, "op", "\\", start)
            elif c == "\\":
                self.command(start)
            elif c.isascii() and c.isalpha():
                self.letter(start, c)
            elif c in "0123456789" or c == "." and "0" <= text[start + 1 : start + 2] <= "9":
                self.number(start)
            else:
                self.other(start, c)
        if self.groups:
            kind, _, _, _, at = self.groups[-1]
            raise self.error("this brace is not closed", at, at + 1)
        return self.tokens

    def other(self, start: int, c: str) -> None:
        text = self.text
        self.pos += 1
        if c in _EATEN:
            self.eaten(start, c)
        if c == "{":
            self.open_brace(start)
        elif c == "}":
            self.close_brace(start)
        elif c in SPACES:
            if c in "\n\u2028\u2029" and not self.groups:
                self.emit("newline", "\n", start)
        elif (
            c == "."
            and text.startswith((".T", ".mT"), start)
            and not self._letter_at(start + 2 + text.startswith(".mT", start))
        ):
            size = 2 + text.startswith(".mT", start)
            self.take(start + size, "trans", text[start : start + size], start)
        elif c == ".":
            self.dot(start)
        elif c == "*" and text.startswith("**", start):
            self.take(self.pos + 1, "op", "**", start)
        elif c == "|" and text.startswith("||", start):
            self.pos += 1
            self.bar("‖", start)
            self.tokens[-1].low = ["|"]
        elif c in BARS:
            self.bar(BARS[c], start)
        elif c in RAISED_SIGNS and not (self.tokens and self.tokens[-1].kind == "sum"):
            self.superscript(start)
        elif c in CHARACTERS and (c != "∞" or not self.tokens or self.tokens[-1].kind != "bar"):
            kind, shown, value = CHARACTERS[c]
            self.emit(kind, shown, start, value)
        elif c in "&$" or c == "~" and self.is_latex:  # a tie is a space
            if c == "&" and self.environments and self.environments[-1] in ("matrix", "cases"):
                self.emit("op", "&", start)
        elif c in BOLD:
            self.ones_or_zero(BOLD[c], start)
        elif c in "𝐈𝕀𝑰":
            self.atom(start, "I", "")
        elif c in REFUSED_CHARACTERS:
            why, hint = REFUSED_CHARACTERS[c]
            raise self.error(why, start, self.pos, hint)
        elif c == "%" and self.is_latex:
            end = text.find("\n", start)
            self.pos = len(text) if end < 0 else end
        elif self.tokens and (c, self.tokens[-1].kind) in (("₊", "close"), ("∞", "bar")):  # [z]₊, ‖x‖∞
            self.emit("op", "_", start)
            self.emit("op", "+" if c == "₊" else c, start)
        elif names.subscript(c) is not None:
            low = begun(_LOWERED, text, start)
            self.take(start + len(low), "low", "".join(names.subscript(d) or "=" for d in low), start)
        elif self.tokens and self.tokens[-1].kind in ("sum", "low") and _is_raised(c):
            raised = "".join(takewhile(_is_raised, text[start:]))
            self.take(start + len(raised), "sup", unicodedata.normalize("NFKC", raised).replace("−", "-"), start)
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
        elif c in INVISIBLE:
            pass
        elif unicodedata.category(c) in ("Cc", "Cf", "Cn", "Cs", "Co"):
            raise self.error(f"the control character U+{ord(c):04X} cannot be read", start, self.pos)
        else:
            raise self.error(f"{c} cannot be read", start, self.pos)

    def eaten(self, start: int, c: str) -> None:
        """Refuse a control character that was a backslash and a letter: `\\frac` outside a raw string."""
        end = start + 1 + len(begun(LETTERS, self.text, start + 1))
        word = _EATEN[c] + self.text[start + 1 : end]
        commands: tuple[Collection[str], ...] = (
            COMMAND_TOKENS, COMMAND_FUNCTIONS, names.SPOKEN, names.STYLE_COMMANDS, names.ACCENT_COMMANDS,
            IGNORED, ("text", "begin", "mathrm"),
        )  # fmt: skip
        if end > start + 1 and any(word in table for table in commands):
            raise self.error(
                f"\\{word} has lost its backslash: Python or the shell read it as a control character", start, end,
                "write the formula as r'…' in Python, or in single quotes",
            )  # fmt: skip

    def _letter_at(self, i: int) -> bool:
        return self.text[i : i + 1].isalpha() or self.text[i : i + 1].isdecimal()

    def _wide(self, start: int, c: str) -> None:
        if c.isalpha():
            self.atom(start, c, "")
        elif c.isdecimal():
            self.emit("num", c, start, Fraction(int(c)))
        else:
            self.other(start, c)

    def dot(self, start: int) -> None:
        text = self.text
        pair = text[start : start + 2]
        if text.startswith("...", start):
            self.pos = start + 2
            self.other(start, "…")
        elif pair in (".*", "./", ".^"):
            self.pos = start + 2
            if text.startswith(".**", start):
                self.pos, pair = start + 3, ".^"
            self.emit("op", pair, start)
        elif pair in (".+", ".-", ".−") and not text[start - 1 : start].isdigit():
            self.take(start + 2, "op", pair.replace("−", "-")[1], start)
        elif pair == ".(" and self.maps(start):  # f.(x) of Julia
            self.skipped = start
        elif pair == ".(" and text[start - 1 : start] == ")":  # (x − y).(x − y)
            self.take(start + 1, "trans", ".", start)
        elif pair == ".(":
            raise self.error("f.(x) is not read", start, start + 2, "write f(x) of a function of each entry")
        elif pair == ".'":
            self.take(start + 2, "trans", pair, start)
        else:
            word = begun(_METHOD, text, start + 1)
            end = start + 1 + len(word)
            if word == "dot" and text[end : end + 1] == "(":
                self.take(end, "op", "@", start)
            elif word in FUNCTIONS and text[end : end + 2] == "()":
                self.take(end + 2, "method", FUNCTIONS[word], start)
            elif word == "I" and text[end : end + 1] != "(":  # X.I of SymPy
                self.take(end, "method", "inv", start)
            elif word == "transpose" and text[end : end + 2] == "()":
                self.take(end + 2, "trans", ".T", start)
            elif _LETTER.match(word) and _LETTER.match(_WORD.findall(text, 0, start)[0]):  # the w.x_i of e-mails
                self.take(start + 1, "trans", ".", start)
            elif word:
                self.pos = end
                raise self.error(f".{word} is no method we read", start, end, "known: .T, .dot(…), .sum(), .mean()")
            else:
                self.emit("op", ".", start)

    def maps(self, start: int) -> bool:
        """Whether the function before the dot at `start` is of each entry, as max is of two operands."""
        found = _WORD.search(self.text, 0, start)
        name = FUNCTIONS.get(found[0].replace("σ", "sigmoid")) if found is not None else None
        of_several = "," in self.text[start : self.matching(start + 1)]
        return name in ELEMENTWISE or name in ("max", "min") and of_several

    def superscript(self, start: int) -> None:
        text, end = self.text, start
        while end < len(text) and text[end] in RAISED_SIGNS:
            end += 1
        plain = "".join(RAISED_SIGNS[c] for c in text[start:end])
        self.pos = end
        if text[end : end + 1] in ("ᵀ", "⊤", "ᵗ") and plain == "-":
            self.take(self.pos + 1, "sup", "-T", start)
            return
        if not plain.lstrip("+-").isdigit() or plain[1:].strip("0123456789"):
            raise self.error("this superscript cannot be read", start, end)
        if len(plain) > MAX_DIGITS:
            raise LimitError(f"an exponent of {len(plain)} digits", text, (start, end))
        self.emit("sup", plain, start, Fraction(int(plain)))

    def bar(self, kind: str, start: int) -> None:
        before = self.tokens[-1] if self.tokens else None
        side, self.side = self.side, ""
        if kind == "|" and before is not None and (before.kind, before.text, before.value) == ("bar", "|", side):
            if before.end == min(start, self.skipped):  # \vert\vert is ‖
                before.text, before.end, before.low = "‖", self.pos, ["|"]
                self.skipped = len(self.text)
                return
        self.emit("bar", kind, start, side)

    def open_brace(self, at: int) -> None:
        if self.pending is not None:
            self.groups.append(("style", self.style, len(self.tokens), self.accents, at))
            self.style, self.pending, self.accents = self.pending, None, []
        elif self.is_labeled:
            self.groups.append(("group", self.style, len(self.tokens), ["brace"], at))
            self.is_labeled = False
            self.emit("open", "{", at)
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
        if accents == ["brace"]:  # what is written at it is no part of the formula
            self.emit("close", "}", at)
            label = re.compile(r"\s*(?:\\limits\s*)?[_^]\s*").match(self.text, self.pos)
            if label is not None:
                self.pos = label.end()
                self.pos = self.matching(self.pos) + 1 if self.text[self.pos : self.pos + 1] == "{" else self.pos + 1
            return
        if kind == "group":
            if len(held) != 2 or held[1].kind not in ("func", "diff", "atom"):
                self.emit("close", "}", at)
                return
            del self.tokens[first]
            only = held[1]  # {\rm tr} is tr, and {x} is x, so that {x}_i is a name
            only.start, only.end = opened, self.pos
            if only.kind == "atom":
                only.glued, only.braced = False, True
                before = self.tokens[first - 1] if first else None
                if before is None or not (before.kind in ("macro", "func", "frac", "sqrt") or before.braced):
                    self.attachments(only)
            return
        if accents:
            if len(held) != 1 or held[0].kind != "atom":
                raise self.error("an accent stands over one letter only", opened, self.pos)
            held[0].accents = held[0].accents + accents
        if held and held[-1].kind in ("atom", "one"):
            held[-1].end = self.pos
            self.attachments(held[-1])

    def command(self, start: int) -> None:
        text, word = self.text, begun(LETTERS, self.text, start + 1)
        self.pos = end = start + 1 + len(word)
        if not word:
            self.pos = min(len(text), start + 2)
            self.symbol_command(start, text[start + 1 : start + 2])
            return
        word = "rm" if word in ("sf", "tt") else word  # the upright fonts of plain TeX
        if word in _OF_PHYSICS and text[end : end + 1] in ("{", "*"):  # \vb x is the macro of a bold b
            word, self.pos = _OF_PHYSICS[word], end + (text[end] == "*")
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
            if len(self.accents) > 2:
                raise self.error("a letter has two accents at most", start, end)
        elif word in IGNORED:
            self.skipped = start
            if word in ("left", "right", "middle") or word[:3].lower() == "big":
                rest = text[self.pos :].lstrip()
                if rest.startswith("."):
                    self.pos = text.index(".", self.pos) + 1
                is_bar = rest.startswith(("|", "\\", "‖", "∥"))
                self.side = (
                    {"left": "l", "right": "r"}.get(word, word[-1] if word[-1] in "lr" else "") if is_bar else ""
                )
        elif word in IGNORED_ARGUMENT or word in ("underset", "overset", "stackrel"):
            at = self._brace(end)
            if at is not None:
                self.pos = self.matching(at) + 1
        elif word in TRANSPARENT:
            pass
        elif word in ("underbrace", "overbrace"):
            self.is_labeled = True
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
        elif word in REFUSED_FUNCTIONS:
            raise self.error(f"{word} is not read", start, end, REFUSED_FUNCTIONS[word])
        else:
            near = closest(word, [*COMMAND_FUNCTIONS, *names.SPOKEN, *COMMAND_TOKENS])
            raise self.error(f"\\{word} is not known", start, end, f"did you mean \\{near}?" if near else None)

    def behind(self, at: int) -> str:
        """The character that follows spaces and the size of a bracket."""
        return self.text[at + len(begun(_BETWEEN, self.text, at)) :][:1]

    def symbol_command(self, start: int, c: str) -> None:
        after = self.text[self.pos :].lstrip()[:1]
        is_between = self.tokens and self.tokens[-1].kind != "op" and (after.isalnum() or after == "(")
        if c == " " and is_between and not re.search(r"\\[a-zA-Z|{,;:!]|\$", self.text):
            hint = "write inv(A) x for A \\ x of MATLAB; a space in LaTeX is \\,"
            raise self.error("a lone backslash cannot be read", start, start + 1, hint)
        if c in ",;:!> ()[]\n-/":
            if c in "[]" and self.tokens and self.tokens[-1].kind == "func":
                raise self.error(f"\\{c} opens a displayed formula", start, self.pos)
        elif c == "\\":
            held = self.text[self.pos :].lstrip()
            if held.startswith("["):  # \\[2pt]
                self.pos = self.text.index("]", self.pos) + 1 if "]" in held else len(self.text)
            if self.environments and self.environments[-1] in ("matrix", "cases"):
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
                    self.take(end, "func", FUNCTIONS[inside], start)
                    return
            self.pending = "" if command != "textbf" else "bold"
            if command == "rm":
                self.pending = None
            return
        end = self.matching(at)
        inside = text[at + 1 : end].strip()
        plain = "".join(c for c in inside if c not in " ~").replace("\\,", "").replace("-", "").replace("\\_", "_")
        texts = [t.text for t in self.tokens[-2:]]
        is_label = texts == ["^", "{"] and text[end + 1 : end + 2] == "}" and len(plain) > 1  # x^{\text{ref}}
        if plain.isalpha() and (texts[-1:] == ["_"] or texts == ["_", "{"] or is_label):
            self.pos = end + 1
            self.atom(start, plain, "")
            return
        is_text = command in ("text", "mbox", "textrm", "textbf", "textit", "textsf", "texttt")
        is_style = command == "textbf" or command in ("mathrm", "mathit", "textit", "mathsf") and set(inside) & {*"+-"}
        if is_style and _LETTERS.fullmatch(inside) and plain not in FUNCTIONS:  # \textbf{Ax - b} is set in bold
            self.pending, self.pos = "bold" if command == "textbf" else "", at
            return
        below = _AXIS.match(text, self.matching(at) + 1)
        if below and f"{plain}_{below[1]}" in FUNCTIONS and plain not in FUNCTIONS:
            self.take(below.end(), "func", FUNCTIONS[f"{plain}_{below[1]}"], start)
            return
        if len(plain) > 1 and plain.isascii() and (plain.isalpha() or plain in FUNCTIONS):
            after = self.behind(end + 1)
            if plain in FUNCTIONS and (plain != "where" or after == "("):
                self.take(end + 1, "func", FUNCTIONS[plain], start)
                return
            if plain in ("otherwise", "else") and "cases" in self.environments:
                self.take(end + 1, "num", "1", start, Fraction(1))
                return
            if plain in names.SPOKEN:
                self.pos = end + 1
                self.atom(start, names.SPOKEN[plain], "")
                return
            is_name = plain in self.known or self.is_defined(plain)
            if (
                is_text
                and not (after == "(" and self.is_defined(plain))
                and (plain in ("where", "with", "st", "subjectto") or " " in inside or (after != "=" and after != "_"))
            ):
                self.pos = end + 1
                if plain.isupper() and " " not in inside and after not in ("(", "["):  # \text{MSE} + …
                    self.emit("unknown", plain, start)
                    return
                self.refuse_prose(start, end, after)
                if plain in ("where", "with", "st", "subjectto"):
                    self.emit("where", plain if plain[0] == "w" else "s.t.", start)
                elif after in ("(", "[") and " " not in inside:
                    self.emit("unknown", plain, start)
                return
            self.pos = end + 1
            if not is_name and (after in ("(", "[") or command == "operatorname" or plain in REFUSED_FUNCTIONS):
                self.emit("unknown", plain, start)
                return
            self.atom(start, plain, "")
            return
        if len(re.sub(r"\d", "", plain)) > 2 and plain.isascii() and plain.isalnum() and plain[0].isalpha():
            if plain not in FUNCTIONS and self.behind(end + 1) == "(":  # \mathrm{ReLU6}(x)
                self.take(end + 1, "unknown", plain, start)
                return
        if is_text and not (len(plain) == 1 or "\\" in inside):
            self.pos = end + 1  # prose
            self.refuse_prose(start, end, self.behind(end + 1))
            if plain.startswith("where") and not plain[5:6].isalpha():
                self.emit("where", "where", start)
            elif plain.strip(":.,") in ("s.t", "subjectto"):
                self.emit("where", "s.t.", start)
            return
        if command == "mathrm" and plain == "d" and text[end + 1 : end + 2].strip():
            following = text[end + 1]
            if following.isalpha() or following == "\\":
                if self.differential is not None:
                    raise self.error("a second differential is not read", start, end + 1)
                self.differential, self.pos = start, end + 1
                return
        self.pending = ""  # one letter, or more than letters: its style is dropped
        self.pos = at

    def refuse_prose(self, start: int, end: int, after: str) -> None:
        """Refuse words between operands, "with fixed λ", and those below a sum, "i odd"."""
        before = self.tokens[-1] if self.tokens else None
        if re.search(r"\\(?:sum|prod)(?:\\limits)?\s*_\s*\{[^{}]*$", self.text[:start]):
            raise self.error("a condition in words is not read", start, end + 1, "write a set, as in i ∈ S")
        inside = self.text[start : end + 1]
        is_linked = (
            after.isalpha()
            or after == "\\"
            and not re.match(r"\\[,;:! ]|\\q?quad|\\text", self.text[end + 1 :].lstrip())
        )
        if is_linked and re.search(r"\b(?:with|for|fixed|given|if|all|any|every|and|over|by)\b", inside):
            if before is not None and (before.kind in ("atom", "num", "close", "sup", "trans", "bar")):
                raise self.error("words stand in the formula", start, end + 1, "leave them out, or begin with where")

    def is_defined(self, word: str) -> bool:
        """Whether the word stands in a command before an equals sign somewhere, or is defined for operands and used."""
        held = rf"\{{\s*{word}\s*\}}"
        found = re.search(held + r"[\s&]*(?:_\{[^}]*\}[\s&]*)?(\([^()=]*\)[\s&]*)?=", self.text)
        return found is not None and (found[1] is None or len(re.findall(held, self.text)) > 1)

    def environment(self, start: int, word: str) -> None:
        at = self._brace(self.pos)
        if at is None:
            raise self.error(f"\\{word} needs the name of an environment", start, self.pos)
        end = self.matching(at)
        name = self.text[at + 1 : end].strip()
        self.pos = end + 1
        is_cases = name in ("cases", "dcases")
        is_matrix = name.endswith("matrix") or name == "array" or is_cases
        kind = "cases" if is_cases else "matrix"
        begins = word == "begin"
        if begins:
            self.environments.append(kind if is_matrix else name)
            if name == "array" and self._brace(self.pos) is not None:
                self.pos = self.matching(self._brace(self.pos) or 0) + 1
        elif not self.environments:
            raise self.error("this environment was never begun", start, self.pos)
        else:
            self.environments.pop()
        if not is_matrix:
            return
        shown = {"vmatrix": "|", "Vmatrix": "‖"}.get(name)
        if not begins:
            self.emit("close", kind, start)
        if shown:
            self.side = "l" if begins else "r"
            self.bar(shown, start)
        if begins:
            self.emit("open", kind, start)
