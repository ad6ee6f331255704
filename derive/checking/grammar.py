"""The grammar of claims: one side of an equation to a tree without shapes.

The language is that of formulas and, besides, the operators of `operators`.  Precedence,
tight to loose: marks behind an operand, juxtaposition and `·`, `/`, ⊗, ⊙ and ⊘, `:`, + and −.
"""

from __future__ import annotations

from fractions import Fraction

from ..errors import LimitError
from ..names import SPOKEN, join, parts
from ..own_functions import operation_name
from ..reading.vocabulary import HABITUAL_FUNCTIONS, REFUSED_FUNCTIONS
from .operators import Operators
from .tokens import ACCENTS, MAX_NESTING, STYLES, Token
from .trees import (
    ADDITIVE,
    BOLD,
    CONSTANTS,
    FUNCTIONS,
    OPEN,
    Tree,
    Vocabulary,
    joined,
    product_of,
)
from .words import function_at, refusal, spoken_at, unknown_at

_UPRIGHT = frozenset(
    ("mathrm", "operatorname", "operatorname*", "text", "textrm", "mathsf", "mathtt", "mathit", "textnormal")
)


_OWN = frozenset("φψρζ")  # a function of one's own, entry by entry; f and g are whole functions to define


class Reader(Operators):
    """Reads the tokens of one side."""

    # The grammar

    def whole(self) -> Tree:
        if not self.found:
            raise self.error("there is no formula")
        tree = self.sum()
        if self.peek() is not None:
            token = self.found[self.at]
            raise self.error(f"did not expect {token.text.strip() or 'this'}")
        if self.bindings:
            return Tree("at", [tree], tuple(self.bindings), tree.span)
        return tree

    def sum(self) -> Tree:
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise LimitError(f"brackets nest deeper than {MAX_NESTING}")
        terms: list[Tree] = []
        while True:
            start = self.at
            sign, seen = 1, False
            while self.text() in ADDITIVE and self.peek() is not None and self.peek().kind == "mark":  # type: ignore[union-attr]
                seen = True
                sign = -sign if self.next().text == "-" else sign
            if terms and not seen:
                break
            term = self.term()
            terms.append(Tree("neg", [term], (), (self.found[start].start, term.span[1])) if sign < 0 else term)
            if self.text() not in ADDITIVE or self.peek().kind != "mark":  # type: ignore[union-attr]
                break
        self.depth -= 1
        if len(terms) == 1:
            return terms[0]
        return Tree("sum", terms, (), (terms[0].span[0], terms[-1].span[1]))

    def term(self) -> Tree:
        tree = self.product()
        while self.text() == ":":
            self.at += 1
            right = self.product()
            tree = Tree("colon", [tree, right], (), (tree.span[0], right.span[1]))
        return tree

    def product(self) -> Tree:
        """Factors and the signs between them; juxtaposition binds before ⊗, and that before ⊙."""
        hadamards: list[Tree] = []
        marks: list[str] = []
        while True:
            krons = [self.chain()]
            while self.text() == "⊗":
                self.at += 1
                krons.append(self.chain())
            hadamards.append(joined("kron", krons))
            if self.text() in ("⊙", "⊘"):
                marks.append(self.next().text)
                continue
            break
        tree, run = hadamards[0], [hadamards[0]]
        for mark, factor in zip(marks, hadamards[1:]):
            if mark == "⊙":
                run.append(factor)
                tree = joined("hadamard", run)
            else:
                tree = Tree("over", [tree, factor], (), (tree.span[0], factor.span[1]))
                run = [tree]
        return tree

    def chain(self) -> Tree:
        factors = [self.factor()]
        marks: list[str] = []
        while True:
            mark = self.text()
            token = self.peek()
            if token is None:
                break
            if mark in ("·", "×", "*", "@") and token.kind == "mark":
                self.at += 1
                marks.append(mark)
                factors.append(self.signed())
            elif mark == "/" and token.kind == "mark":
                self.at += 1
                divisor = self.signed()
                part: object = None
                if divisor.kind == "path":
                    part, divisor = divisor.data[0], divisor.args[0]
                if divisor.kind == "transpose" and divisor.args[0].kind == "differential" and divisor.args[0].data:
                    # ∂L/∂Wᵀ: by the transpose
                    held = divisor.args[0]
                    divisor = held.with_args([Tree("transpose", [held.args[0]], (), divisor.span)])
                left = product_of(factors, marks)
                if divisor.kind == "name" and left.kind == "number":
                    self.vocabulary.divisors.add(str(divisor.data[0]))
                if left.kind == "differential" and divisor.kind == "differential":
                    factors = [
                        Tree("derivative", [left.args[0], divisor.args[0]], (1,), (left.span[0], divisor.span[1]))
                    ]
                    marks = []
                elif (
                    factors[-1].kind == "differential"
                    and divisor.kind == "differential"
                    and factors[-1].data
                    and divisor.data
                ):
                    last = factors[-1]
                    factors[-1] = Tree(
                        "derivative", [last.args[0], divisor.args[0]], (1,), (last.span[0], divisor.span[1])
                    )
                else:
                    factors = [Tree("quotient", [left, divisor], (), (left.span[0], divisor.span[1]))]
                    marks = []
                if part is not None:
                    factors[-1] = Tree("path", [factors[-1]], (part,), factors[-1].span)
            elif self.starts_operand(token):
                marks.append("")
                factors.append(self.factor())
            else:
                break
        return product_of(factors, marks)

    def signed(self) -> Tree:
        if self.text() == "-":
            start = self.next().start
            inner = self.factor()
            return Tree("neg", [inner], (), (start, inner.span[1]))
        return self.factor()

    def starts_operand(self, token: Token) -> bool:
        if token.kind in ("letter", "number", "word"):
            return True
        if token.kind != "mark":
            return False
        if token.text == "|":
            if token.side == "open":
                return True
            if token.side == "close" or (self.bars and self.bars[-1] == "|"):
                return False
            following = self.peek(1)
            return not (following is not None and (following.kind == "down" or following.text == "_"))
        if token.text == "‖":
            return token.side == "open" or (token.side != "close" and not (self.bars and self.bars[-1] == "‖"))
        return token.text in OPEN or token.text in ("∂", "∇", "∑", "√", "d ")

    # Factors

    def factor(self) -> Tree:
        self.depth += 1
        if self.depth > 4 * MAX_NESTING:
            raise LimitError(f"brackets nest deeper than {MAX_NESTING}")
        tree = self.postfixed(self.atom())
        self.depth -= 1
        return tree

    def atom(self) -> Tree:
        token = self.peek()
        if token is None:
            raise self.error("the formula ends where an operand should stand")
        if token.kind == "number":
            self.at += 1
            return self.numeral(token)
        if token.kind == "letter":
            return self.letter(token)
        if token.kind == "word":
            return self.word(token)
        if token.kind in ("up", "down"):
            raise self.error("an exponent or index stands on nothing")
        mark = token.text
        if mark == "‖":
            return self.norm(token)
        if mark == "|":
            self.at += 1
            self.bars.append("|")
            inner = self.sum()
            self.bars.pop()
            self.expect("|")
            return Tree("bars", [inner], (), (token.start, self.found[self.at - 1].end))
        if mark == "⟨":
            return self.angle(token)
        if mark == "{" and self.peek(1) is not None and self.peek(1).kind == "word" and self.peek(1).text in STYLES:  # type: ignore[union-attr]
            # {\mathrm{tr}}
            end = self.at + 3
            while end < len(self.found) and self.found[end].kind == "letter":
                end += 1
            texts = [t.text for t in self.found[end : end + 2]]
            if self.found[self.at + 2].text == "{" and texts == ["}", "}"]:
                del self.found[end + 1], self.found[self.at]
                return self.atom()
        if mark == "{":  # {\rm Tr}
            inside = ""
            ahead = 1
            while self.peek(ahead) is not None and self.peek(ahead).kind == "letter":  # type: ignore[union-attr]
                inside += self.peek(ahead).text  # type: ignore[union-attr]
                ahead += 1
            if self.text(ahead) == "}" and len(inside) > 1 and inside in FUNCTIONS:
                self.at += ahead + 1
                return self.function(FUNCTIONS[inside], token)
        if mark in OPEN:
            return self.bracket(token)
        if mark == "∇":
            return self.nabla(token)
        if mark in ("∂", "d "):
            self.at += 1
            return self.differential(token, True)
        if mark == "∑":
            return self.total(token)
        if mark == "√":
            self.at += 1
            inner = self.factor()
            return Tree("call", [inner], ("sqrt",), (token.start, inner.span[1]))
        if mark == "…":
            raise self.error("dots leave open what is meant")
        raise self.error(f"expected an operand, not {mark.strip()}")

    def letter(self, token: Token) -> Tree:
        if token.text == "𝟏":
            self.at += 1
            return Tree("ones", (), (self.dimension(),), (token.start, token.end))
        for word in sorted(self.vocabulary.words, key=len, reverse=True):
            if self.matches(word):
                self.at += len(word)
                return self.named(word, token)
        run, taken = function_at(self.found, self.at)
        unknown = unknown_at(self.found, self.at, run, self.vocabulary.letters | self.vocabulary.names)
        if unknown:
            raise self.error(*refusal(unknown))
        spoken, length = spoken_at(self.found, self.at, self.vocabulary.is_latex)
        if length:
            self.at += length
            return self.named(spoken, token)
        if run in CONSTANTS:
            self.at += taken
            return self.constant(run, token)
        if run:
            self.at += taken
            return self.function(FUNCTIONS[run], token)
        if token.text == "d" and self.may_differ(token) and self.begins_differential():
            self.at += 1
            return self.differential(token, False)
        if token.text == "D" and "D" not in self.vocabulary.names:
            following = self.peek(1)
            if following is not None and following.kind == "letter" and following.text in self.vocabulary.functions:
                return self.directional(token)
        if token.text == "Δ":
            following = self.peek(1)
            if following is not None and following.kind == "letter":
                self.at += 2
                return self.named("Δ" + following.text, token)
            if following is not None and following.kind == "word" and following.text in STYLES:
                self.at += 2
                letters = self.group()
                if len(letters) == 1 and letters[0].kind == "letter":
                    return self.named("Δ" + letters[0].text, token)
        self.at += 1
        return self.named(token.text, token)

    def matches(self, word: str) -> bool:
        """Whether the next letters, which nothing separates, spell the word."""
        for i, c in enumerate(word):
            token = self.peek(i)
            if token is None or token.kind != "letter" or token.text != c:
                return False
            if i and token.start != self.found[self.at + i - 1].end:
                return False
        return True

    def constant(self, name: str, token: Token) -> Tree:
        """`eye`, `ones(n)`, `vector(1)`: sizes stand in the brackets, or nowhere."""
        size = None
        if self.text() == "(":
            self.at += 1
            held = self.next().text
            if self.text() != ")" or (name == "vector") != (held == "1"):
                raise self.error(f"{name} with these operands is not read")
            self.at += 1
            size = held if name != "vector" else None
        kind = {"eye": "identity", "zeros": "zero"}.get(name, "ones")
        return Tree(kind, (), () if kind == "zero" else (size,), (token.start, self.found[self.at - 1].end))

    def may_differ(self, token: Token) -> bool:
        """Whether d is the sign of a differential: always, or only before a letter it touches."""
        if not self.vocabulary.d_is_name:
            return True
        following = self.peek(1)
        return self.vocabulary.d_touches and following is not None and following.start == token.end

    def begins_differential(self) -> bool:
        token = self.peek(1)
        if token is None:
            return False
        if token.kind in ("letter", "word"):
            return True
        return token.kind == "mark" and token.text in ("(", "[", "{", "‖", "|", "{(")

    def named(self, base: str, token: Token, accents: tuple[str, ...] = ()) -> Tree:
        """A name with what belongs to it: subscripts, a number in brackets above, arguments."""
        base, *marks = base.split("_")
        accents = (*accents, *marks)
        subscripts: list[str] = []
        end = token.end
        while True:
            following = self.peek()
            if following is None:
                break
            if following.kind == "number" and following.start == end and following.text.isdigit():
                subscripts.append(self.next().text)
            elif following.kind == "down":
                subscripts.append(self.next().text)
            elif following.kind == "mark" and following.text == "_":
                self.at += 1
                pieces = "".join(t.text for t in self.group() if t.text not in STYLES and t.text not in ("{", "}"))
                last = self.found[self.at - 1]
                while not self.vocabulary.is_latex and last.text != "}" and (after := self.peek()) is not None:
                    if after.start != last.end or not after.text.isalnum() or not after.text.isascii():
                        break
                    pieces += after.text  # W_enc
                    last = self.next()
                subscripts.append(pieces)
            elif following.kind == "mark" and following.text == "^" and self.is_layer():
                self.at += 1
                digits = [t.text for t in self.group() if t.text not in ("(", ")", "[", "]")]
                subscripts.append("".join(digits))
            elif (
                following.kind == "mark"
                and following.text == "^"
                and self.peek(1) is not None
                and self.peek(1).text in ("*", "†", "⋆")  # type: ignore[union-attr]
            ):
                if self.peek(1).text == "†":  # type: ignore[union-attr]
                    raise self.error("conjugates and pseudoinverses are not read")
                self.at += 2
                subscripts.append("star")
            else:
                break
            end = self.found[self.at - 1].end
        plain = join(base, list(accents), [])
        full = join(base, list(accents), subscripts)
        tree = Tree("name", (), (full, plain, tuple(subscripts)), (token.start, self.found[self.at - 1].end))
        if base == "I" and not accents and "I" not in self.vocabulary.names and full not in self.vocabulary.names:
            return Tree("identity", (), (subscripts[0] if subscripts else None,), tree.span)
        if base == "e" and not accents and not subscripts and "e" not in self.vocabulary.names:
            if self.text() == "^" or (self.peek() is not None and self.peek().kind == "up"):  # type: ignore[union-attr]
                return tree
        return self.applied(tree, full, plain)

    def applied(self, tree: Tree, full: str, plain: str) -> Tree:
        """A name before a bracket: a function's value, where it is one."""
        primes = 0
        base, _, low = parts(full)
        is_symbol = bool({full, plain, base} & (self.vocabulary.letters | self.vocabulary.names))
        is_own = base in _OWN and not is_symbol and full not in self.vocabulary.functions
        if (full in self.vocabulary.functions or full == "σ" or is_own) and self.text() == "'":
            ahead = 0
            while self.text(ahead) == "'":
                ahead += 1
            if self.text(ahead) == "(":
                primes, self.at = ahead, self.at + ahead
        if self.text() in ("(", "[") and (full in self.vocabulary.functions or full == "σ"):
            closer = OPEN[self.next().text]
            arguments = [self.sum()]
            while self.text() in (",", ";"):
                self.at += 1
                arguments.append(self.sum())
            self.expect(closer)
            span = (tree.span[0], self.found[self.at - 1].end)
            if full == "σ" and full not in self.vocabulary.functions:
                if primes == 1:
                    value = Tree("call", arguments, ("sigmoid",), span)
                    rest = Tree("sum", [Tree("number", (), (Fraction(1),)), Tree("neg", [value])], (), span)
                    return Tree("hadamard", [value, rest], (), span)
                return Tree("call", arguments, ("sigmoid",), span)
            return Tree("apply", arguments, (full, primes), span)
        if self.text() == "(":
            if is_own and not low:
                self.at += 1
                inner = self.sum()
                self.expect(")")
                return Tree(
                    "call", [inner], (operation_name(full, primes),), (tree.span[0], self.found[self.at - 1].end)
                )
            if (low and low[-1] in ("max", "min")) or (base in HABITUAL_FUNCTIONS and not is_symbol):
                raise self.error(f"{full} is called, and is not a function we know", f"define {full} first")
        return tree

    def is_layer(self) -> bool:
        """Whether `^{(1)}` or `^{[1]}` follows: part of a name."""
        texts = []
        for i in range(1, 7):
            token = self.peek(i)
            texts.append("" if token is None else token.text)
        if texts[0] == "(" and texts[2] == ")":
            return True
        return texts[0] == "{" and texts[1] in ("(", "[") and texts[3] in (")", "]") and texts[4] == "}"

    def word(self, token: Token) -> Tree:
        """A command: a style, an accent, a function, a fraction, a root."""
        self.at += 1
        name = token.text
        if name in STYLES:
            return self.styled(token)
        if name in ACCENTS:
            held = self.group()
            letters = [t for t in held if t.kind == "letter"]
            if len(letters) != 1 or any(t.kind == "mark" and t.text not in ("{", "}", "_") for t in held):
                if name in ("overline", "bar"):
                    return self.inside(held)
                raise self.error("an accent stands on more than a letter")
            subscript = [t.text for t in held if t.kind == "number"]
            base = letters[0].text + "_" + ACCENTS[name]
            tree = self.named(base, token)
            if subscript and tree.kind == "name":
                full = "_".join([str(tree.data[0]), *subscript])
                tree = Tree("name", (), (full, tree.data[1], tuple(subscript)), tree.span)
            return tree
        if name in ("frac", "dfrac", "tfrac", "cfrac", "nicefrac", "sfrac"):
            return self.fraction(token)
        if name == "sqrt":
            inner = self.inside(self.group())
            return Tree("call", [inner], ("sqrt",), (token.start, self.found[self.at - 1].end))
        if name in FUNCTIONS:
            return self.function(FUNCTIONS[name], token)
        if name in SPOKEN:
            return self.named(SPOKEN[name], token)
        if name in ("R", "mathbbm"):
            return self.named(name, token)
        if name in ("begin", "end"):
            raise self.error("a matrix written out in entries is not read")
        raise self.error(f"\\{name} is not known")

    def styled(self, token: Token) -> Tree:
        """`\\mathbf{W}`, `\\mathrm{tr}`, `\\text{diag}`, `\\mathbf{Wx}`, `\\mathbf 1`."""
        held = self.group()
        if len(held) == 1 and held[0].kind == "word" and held[0].text in STYLES:
            return self.styled(token)
        while held and held[0].kind == "word" and held[0].text in STYLES and held[1:2] and held[1].text == "{":
            held = [t for t in held[1:] if t.text not in ("{", "}")]
        letters = "".join(t.text for t in held if t.kind == "letter")
        plain = len(letters) == len(held)
        if plain and letters in FUNCTIONS:
            return self.function(FUNCTIONS[letters], token)
        word = "".join(t.text for t in held) if all(t.kind in ("letter", "number") for t in held) else ""
        if len(word) > 1 and word[0].isalpha() and word not in self.vocabulary.words and token.text in _UPRIGHT:
            if token.text.startswith("operatorname") or self.text() == "(" or word in REFUSED_FUNCTIONS:
                raise self.error(*refusal(word))
        spelled = "".join(t.text for t in held)
        if "_" in spelled and spelled in FUNCTIONS:
            raise self.error(*refusal(spelled))
        if plain and letters in ("d",) and token.text in ("mathrm", "text", "operatorname", "mathbf", "textrm"):
            if not (token.text == "mathbf" and "d" in self.vocabulary.names):
                if self.peek() is None:
                    return self.named("d", token)
                return self.differential(token, True)
        if len(held) == 1 and held[0].text == "1":
            return Tree("ones", (), (self.dimension(),), (token.start, held[0].end))
        if len(held) == 1 and held[0].text == "0":
            return Tree("zero", (), (), (token.start, held[0].end))
        if plain and letters in self.vocabulary.words:
            return self.named(letters, token)
        if token.text in ("text", "mbox", "textrm", "textnormal", "operatorname", "textsf"):
            if plain and len(letters) == 1:
                return self.named(letters, token)
            raise self.error("words stand in the formula")
        if token.text in ("mathbb", "mathds") and letters == "E" and "E" not in self.vocabulary.names:
            raise self.error(*refusal("𝔼"))
        if plain and len(letters) == 1:
            tree = self.named(letters, token)
            if tree.kind == "name" and token.text in BOLD and not letters.isupper():
                self.vocabulary.bold.add(str(tree.data[0]))
            return tree
        if token.text == "mathrm" and plain and len(letters) > 1 and letters[0] == "d" and len(letters) == 2:
            inner = Tree("name", (), (letters[1], letters[1], ()), (token.start, held[-1].end))
            return Tree("differential", [inner], (True,), inner.span)
        if held and all(t.kind in ("letter", "number") for t in held):
            # \mathbf{Wx}, \boldsymbol{aa}^T, \boldsymbol{b1}_m: a run; what follows belongs to the last letter.
            if self.bold(token):
                self.vocabulary.bold |= {t.text for t in held if t.kind == "letter" and not t.text.isupper()}
                held = [
                    Token("letter", "𝟏", t.start, t.end) if t.kind == "number" and t.text == "1" else t for t in held
                ]
            self.found[self.at : self.at] = held
            return self.atom()
        tree = self.inside(held)
        return Tree(tree.kind, tree.args, tree.data, (token.start, self.found[self.at - 1].end))

    @staticmethod
    def bold(token: Token) -> bool:
        return token.text in BOLD

    def norm(self, token: Token) -> Tree:
        self.at += 1
        self.bars.append("‖")
        inner = self.sum()
        self.bars.pop()
        self.expect("‖")
        kind = "2"
        if self.peek() is not None and self.peek().kind == "down":  # type: ignore[union-attr]
            kind = self.next().text
        elif self.text() == "_":
            self.at += 1
            kind = "".join(t.text for t in self.group() if t.text not in STYLES and t.text not in ("{", "}"))
        return Tree("norm", [inner], (kind,), (token.start, self.found[self.at - 1].end))

    def angle(self, token: Token) -> Tree:
        self.at += 1
        held, self.bars = self.bars, []
        left = self.sum()
        if self.text() not in (",", "|", ";"):
            raise self.error("an inner product needs two operands with a comma between them")
        self.at += 1
        right = self.sum()
        self.bars = held
        self.expect("⟩")
        if self.text() == "_":
            self.at += 1
            self.group()
        return Tree("inner", [left, right], (), (token.start, self.found[self.at - 1].end))

    def bracket(self, token: Token) -> Tree:
        self.at += 1
        held, self.bars = self.bars, []
        inner = self.sum()
        self.bars = held
        self.expect(OPEN[token.text])
        # Braces that hold a single name do not separate it from what follows.
        return Tree(inner.kind, inner.args, inner.data, (token.start, self.found[self.at - 1].end))


__all__ = ["FUNCTIONS", "Reader", "Tree", "Vocabulary"]
