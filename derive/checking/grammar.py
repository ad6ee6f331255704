"""The grammar of claims: one side of an equation to a tree without shapes.

The language is that of formulas, and besides: derivatives in their customary spellings,
gradients, differentials, directional derivatives, sums over an index, entries, and
evaluation bars.  A tree is kept free of shapes so that a line whose shapes do not fit
can still be read, judged and repaired.

Kinds of trees, with their operands:

    number (Fraction)      name (canonical; base, indices)      ones  identity  zero
    sum    neg             prod (operators)   hadamard   over (elementwise quotient)   kron
    quotient  power  entrypower  transpose  inverse
    call (function)   apply (name; arguments)   norm (kind)   bars   inner   colon
    entry (indices)   total (index)             at (bindings)
    derivative (order)     gradient (order)     differential     directional (name)     path (number)     map (direction)
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from ..errors import LimitError, ParseError
from ..names import SPOKEN, join
from .tokens import ACCENTS, MAX_NESTING, STYLES, Token, fraction_of


class Tree:
    """A formula without shapes: a kind, operands, data, and its place in the text."""

    __slots__ = ("kind", "args", "data", "span")

    def __init__(
        self, kind: str, args: Iterable[Tree] = (), data: tuple[object, ...] = (), span: tuple[int, int] = (0, 0)
    ) -> None:
        self.kind = kind
        self.args = tuple(args)
        self.data = data
        self.span = span

    def with_args(self, args: Iterable[Tree]) -> Tree:
        return Tree(self.kind, args, self.data, self.span)

    def walk(self) -> list[Tree]:
        """The tree and everything below it, in the order of writing."""
        found, stack = [], [self]
        while stack:
            tree = stack.pop()
            found.append(tree)
            stack += reversed(tree.args)
            if tree.kind == "at":
                stack += [value for _, value in reversed(tree.data)]  # type: ignore[misc]
        return found

    def key(self) -> object:
        return (self.kind, tuple(a.key() for a in self.args), tuple(str(d) for d in self.data))

    def __repr__(self) -> str:
        inside = ", ".join([*map(repr, self.args), *map(str, self.data)])
        return f"{self.kind}({inside})"


# Functions by every spelling; a command or a word.
FUNCTIONS = {
    "tr": "trace", "Tr": "trace", "trace": "trace", "Trace": "trace", "TR": "trace", "det": "det", "log": "log",
    "ln": "log", "Log": "log", "exp": "exp", "logdet": "logdet", "diag": "diag", "Diag": "diag", "vec": "vec",
    "Vec": "vec", "vect": "vec", "sum": "sum", "mean": "mean", "softmax": "softmax", "sigmoid": "sigmoid",
    "sigm": "sigmoid", "relu": "relu", "ReLU": "relu", "RELU": "relu", "softplus": "softplus", "tanh": "tanh",
    "sin": "sin", "cos": "cos", "tan": "tan", "sinh": "sinh", "cosh": "cosh", "arctan": "arctan", "arcsin": "arcsin",
    "arccos": "arccos", "erf": "erf", "abs": "abs", "sign": "sign", "sgn": "sign", "sqrt": "sqrt", "inv": "inv",
    "logsumexp": "logsumexp", "lse": "logsumexp", "LSE": "logsumexp", "norm": "norm", "norm2": "norm",
    "norm1": "norm1", "adj": "adj", "tril": "tril", "triu": "triu", "step": "step", "dot": "dot", "kron": "kron",
    "expm": "expm", "atan": "arctan", "arctanh": "", "unvec": "unvec", "adjugate": "adj",
}  # fmt: skip
# These take a whole product when no bracket follows.
_GREEDY = frozenset(["trace", "det", "log", "exp", "logdet", "diag", "vec", "sum", "mean", "softmax", "adj", "sign"])
_TRANSPOSES = frozenset(["T", "⊤", "t", "⊺", "ᵀ"])
_BOLD = frozenset(["mathbf", "boldsymbol", "bm", "textbf", "vec", "pmb", "symbf"])
_ADDITIVE = frozenset("+-")
_OPEN = {"(": ")", "[": "]", "{(": ")}", "⟨": "⟩", "{": "}"}
_CLOSERS = frozenset([")", "]", ")}", "⟩", "}"])
_PRODUCT_MARKS = frozenset("·×*@⊙⊗⊘/⋆")


class Vocabulary:
    """What the reader must know of the document: names, functions, and whether d is a name."""

    def __init__(
        self,
        names: Iterable[str] = (),
        functions: Iterable[str] = (),
        words: Iterable[str] = (),
        d_is_name: bool = False,
    ) -> None:
        self.names = set(names)
        self.functions = set(functions)
        self.words = {w for w in words if len(w) > 1}  # names of several letters
        self.d_is_name = d_is_name
        self.d_touches = False  # d is a name, and dL a differential all the same
        self.bold: set[str] = set()  # small letters that are printed bold somewhere: vectors
        self.divisors: set[str] = set()  # names that something is divided by


class Reader:
    """Reads the tokens of one side."""

    def __init__(self, found: list[Token], vocabulary: Vocabulary, source: str = "") -> None:
        self.found = found
        self.at = 0
        self.vocabulary = vocabulary
        self.source = source
        self.depth = 0
        self.bars: list[str] = []
        self.bindings: list[tuple[str, Tree]] = []

    # Tokens

    def peek(self, ahead: int = 0) -> Token | None:
        i = self.at + ahead
        return self.found[i] if i < len(self.found) else None

    def text(self, ahead: int = 0) -> str:
        token = self.peek(ahead)
        return token.text if token is not None and token.kind in ("mark", "up") else ""

    def error(self, message: str, hint: str | None = None) -> ParseError:
        token = self.peek() or (self.found[-1] if self.found else None)
        span = (token.start, token.end) if token else (0, 0)
        error = ParseError(message, hint=hint)
        error.span = span
        return error

    def next(self) -> Token:
        token = self.peek()
        if token is None:
            raise self.error("the formula ends too early")
        self.at += 1
        return token

    def expect(self, closer: str) -> None:
        if self.text() != closer:
            raise self.error(f"a {closer.replace(')}', '}')} is missing")
        self.at += 1

    def group(self) -> list[Token]:
        """The tokens of the group that follows, or the single token."""
        token = self.next()
        if token.text != "{" or token.kind != "mark":
            if token.kind == "number" and len(token.text) > 1 and token.text.isdigit():
                # \frac12 takes one digit
                token.text, rest = token.text[0], token.text[1:]
                self.found.insert(self.at, Token("number", rest, token.start + 1, token.end))
            return [token]
        start, depth = self.at, 1
        while depth:
            token = self.next()
            if token.kind == "mark" and token.text == "{":
                depth += 1
            elif token.kind == "mark" and token.text == "}":
                depth -= 1
        return self.found[start : self.at - 1]

    def inside(self, found: list[Token]) -> Tree:
        """A formula made of these tokens alone."""
        reader = Reader(found, self.vocabulary, self.source)
        reader.depth = self.depth + 1
        if reader.depth > MAX_NESTING:
            raise LimitError(f"brackets nest deeper than {MAX_NESTING}")
        tree = reader.whole()
        return tree

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
            while self.text() in _ADDITIVE and self.peek() is not None and self.peek().kind == "mark":  # type: ignore[union-attr]
                seen = True
                sign = -sign if self.next().text == "-" else sign
            if terms and not seen:
                break
            term = self.term()
            terms.append(Tree("neg", [term], (), (self.found[start].start, term.span[1])) if sign < 0 else term)
            if self.text() not in _ADDITIVE or self.peek().kind != "mark":  # type: ignore[union-attr]
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
            hadamards.append(_joined("kron", krons))
            if self.text() in ("⊙", "⊘"):
                marks.append(self.next().text)
                continue
            break
        tree, run = hadamards[0], [hadamards[0]]
        for mark, factor in zip(marks, hadamards[1:]):
            if mark == "⊙":
                run.append(factor)
                tree = _joined("hadamard", run)
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
                left = _product(factors, marks)
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
        return _product(factors, marks)

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
        return token.text in _OPEN or token.text in ("∂", "∇", "∑", "d ")

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
            if self.text(ahead) == "}" and len(inside) > 1 and FUNCTIONS.get(inside):
                self.at += ahead + 1
                return self.function(FUNCTIONS[inside], token)
        if mark in _OPEN:
            return self.bracket(token)
        if mark == "∇":
            return self.nabla(token)
        if mark in ("∂", "d "):
            self.at += 1
            return self.differential(token, True)
        if mark == "∑":
            return self.total(token)
        if mark == "…":
            raise self.error("dots leave open what is meant")
        raise self.error(f"expected an operand, not {mark.strip()}")

    def numeral(self, token: Token) -> Tree:
        pair = fraction_of(token.text)
        value = Fraction(*pair) if pair else Fraction(token.text)
        span = (token.start, token.end)
        if value == 1 and (self.text() == "_" or (self.peek() and self.peek().kind == "down")):  # type: ignore[union-attr]
            return Tree("ones", (), (self.dimension(),), span)
        return Tree("number", (), (value,), span)

    def dimension(self) -> str | None:
        """The subscript of I or 1, a dimension."""
        if self.peek() is not None and self.peek().kind == "down":  # type: ignore[union-attr]
            return self.next().text
        if self.text() == "_":
            self.at += 1
            return "".join(t.text for t in self.group()) or None
        return None

    def letter(self, token: Token) -> Tree:
        if token.text == "𝟏":
            self.at += 1
            return Tree("ones", (), (self.dimension(),), (token.start, token.end))
        for word in sorted(self.vocabulary.words, key=len, reverse=True):
            if self.matches(word):
                self.at += len(word)
                return self.named(word, token)
        run = self.run()
        if run in FUNCTIONS and FUNCTIONS[run] and len(run) > 1:
            self.at += len(run)
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

    def run(self) -> str:
        """The Latin letters that stand together here; the longest function's name among them."""
        letters = ""
        i = 0
        while True:
            token = self.peek(i)
            if token is None or token.kind != "letter" or not token.text.isascii():
                break
            if i and token.start != self.found[self.at + i - 1].end:
                break
            letters += token.text
            i += 1
        for end in range(len(letters), 1, -1):
            if letters[:end] in FUNCTIONS:
                return letters[:end]
        return ""

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
        if (full in self.vocabulary.functions or full in ("σ", "φ")) and self.text() == "'":
            ahead = 0
            while self.text(ahead) == "'":
                ahead += 1
            if self.text(ahead) == "(":
                primes, self.at = ahead, self.at + ahead
        if self.text() in ("(", "[") and (full in self.vocabulary.functions or full == "σ"):
            closer = _OPEN[self.next().text]
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
        if name in FUNCTIONS and FUNCTIONS[name]:
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
        if plain and letters in FUNCTIONS and FUNCTIONS[letters]:
            return self.function(FUNCTIONS[letters], token)
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
            if plain and token.text == "operatorname":
                return self.named(letters, token)
            raise self.error("words stand in the formula")
        if plain and len(letters) == 1:
            tree = self.named(letters, token)
            if tree.kind == "name" and token.text in _BOLD and not letters.isupper():
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
        return token.text in _BOLD

    def fraction(self, token: Token) -> Tree:
        above, below = self.group(), self.group()
        span = (token.start, self.found[self.at - 1].end)
        if (
            _is_differential(above)
            and _is_differential(below)
            and not (self.vocabulary.d_is_name and above[0].text == "d")
        ):
            return self.derivative(above, below, span)
        divisor = self.inside(below)
        for factor in divisor.args if divisor.kind == "prod" else [divisor]:
            if factor.kind == "name" and (
                len(below) > 1 or above[0].kind == "number" or str(factor.data[0])[0] in "ijklmnNMK"
            ):
                self.vocabulary.divisors.add(str(factor.data[0]))
        return Tree("quotient", [self.inside(above), divisor], (), span)

    def derivative(self, above: list[Token], below: list[Token], span: tuple[int, int]) -> Tree:
        above = _after_d(above)
        order = 1
        if above and above[0].text == "^" and above[0].kind == "mark":
            held = Reader(above[1:], self.vocabulary)
            digits = held.group()
            order = int(digits[0].text) if len(digits) == 1 and digits[0].text.isdigit() else 1
            above = above[1 + held.at :]
        elif above and above[0].kind == "up":
            order, above = (int(above[0].text) if above[0].text.isdigit() else 1), above[1:]
        variables: list[Tree] = []
        rest = below
        while rest:
            rest = _after_d(rest)
            cut, depth = len(rest), 0
            for i, t in enumerate(rest):
                if t.kind == "mark" and t.text in ("{", "(", "["):
                    depth += 1
                elif t.kind == "mark" and t.text in ("}", ")", "]"):
                    depth -= 1
                if (
                    i
                    and depth == 0
                    and _is_differential(rest[i:])
                    and (t.text == "∂" or t.kind == "word" or below[0].text != "∂")
                ):
                    cut = i
                    break
            piece, rest = rest[:cut], rest[cut:]
            if order > 1 and piece and piece[-1].text == "2":  # ∂x²
                if piece[-1].kind == "up":
                    piece = piece[:-1]
                elif len(piece) > 1 and piece[-2].text == "^":
                    piece = piece[:-2]
            elif order > 1 and len(piece) > 3 and [t.text for t in piece[-4:]] == ["^", "{", "2", "}"]:
                piece = piece[:-4]
            variables.append(self.inside(piece))
        if not variables:
            raise self.error("a derivative names no variable")
        if order == 2 and len(variables) == 1:
            variables = [variables[0], variables[0]]
        if order > 2 or len(variables) > 2:
            raise self.error("derivatives of the third order are not read")
        if not above:
            operand = self.operand()
            return Tree("derivative", [operand, *variables], (order,), (span[0], operand.span[1]))
        return Tree("derivative", [self.inside(above), *variables], (order,), span)

    def operand(self) -> Tree:
        """What an operator such as ∇ or ∂/∂x stands before: a bracket, a named function, else the product."""
        token = self.peek()
        if token is None:
            raise self.error("an operator stands before nothing")
        if token.kind == "mark" and token.text in ("(", "[", "{(", "{"):
            return self.postfixed(self.bracket(token))
        if token.kind == "letter" and (token.text in self.vocabulary.functions):
            return self.postfixed_name(self.atom())
        if token.kind == "word" and token.text in STYLES:
            mark = self.at
            tree = self.atom()
            if tree.kind == "name" and tree.data[0] in self.vocabulary.functions or tree.kind == "apply":
                return self.postfixed_name(tree)
            self.at = mark
        return self.product()

    def postfixed_name(self, tree: Tree) -> Tree:
        """A function's name after ∇: a transposition there belongs to the gradient."""
        return tree

    def function(self, name: str, token: Token) -> Tree:
        """The function's argument: a bracket, else the product up to + or −."""
        power: Tree | None = None
        if name == "det" and self.text() == "_":
            self.at += 1
            self.group()
        if self.text() == "^" and name not in ("diag", "vec"):
            mark = self.at
            self.at += 1
            held = self.group()
            if [t.text for t in held] == ["-", "1"]:
                raise self.error("an inverse function is not read")
            if len(held) == 1 and held[0].text in _TRANSPOSES:
                self.at = mark
            else:
                power = self.inside(held)
        opener = self.peek()
        arguments: list[Tree]
        if opener is not None and opener.kind == "mark" and opener.text in ("(", "[", "{(", "{"):
            closer = _OPEN[self.next().text]
            arguments = [self.sum()]
            while self.text() in (",", ";"):
                self.at += 1
                arguments.append(self.sum())
            self.expect(closer)
        elif name in _GREEDY:
            arguments = [self.product() if name != "det" else self.chain()]
        else:
            arguments = [self.factor()]
        end = self.found[self.at - 1].end
        tree = Tree("call", arguments, (name,), (token.start, end))
        return Tree("power", [tree, power], (), tree.span) if power is not None else tree

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
        self.expect(_OPEN[token.text])
        # Braces that hold a single name do not separate it from what follows.
        return Tree(inner.kind, inner.args, inner.data, (token.start, self.found[self.at - 1].end))

    def nabla(self, token: Token) -> Tree:
        self.at += 1
        order = 1
        variable: list[Token] = []
        while self.text() in ("_", "^") or (self.peek() is not None and self.peek().kind in ("up", "down")):  # type: ignore[union-attr]
            mark = self.next()
            if mark.kind == "down":
                variable = [Token("letter", c, mark.start, mark.end) for c in mark.text]
            elif mark.kind == "up":
                order = 2 if mark.text == "2" else 1
            elif mark.text == "_":
                variable = self.group()
            else:
                held = self.group()
                if [t.text for t in held] != ["2"]:
                    raise self.error("only ∇ and ∇² are read")
                order = 2
        variables: list[Tree] = []
        if variable:
            letters = [t for t in variable if t.text not in (",", "{", "}")]
            if len(letters) == 2 and letters[0].text == letters[1].text:
                order, variable = 2, letters[:1]
            variables = [self.inside(variable)]
        if self.peek() is None or not self.starts_operand(self.peek()):  # type: ignore[arg-type]
            return Tree("gradient", variables, (order, False), (token.start, self.found[self.at - 1].end))
        operand = self.operand()
        return Tree("gradient", [operand, *variables], (order, True), (token.start, operand.span[1]))

    def differential(self, token: Token, surely: bool) -> Tree:
        """`dX`, `d(…)`, `∂X`; the data say whether the sign was unmistakable."""
        if self.text() == "^" and [t.text for t in self.found[self.at + 1 : self.at + 2]] == ["2"]:
            raise self.error("second differentials are not read")
        following = self.peek()
        if following is None:
            raise self.error("a differential of nothing")
        inner = self.atom()
        while True:
            # d A⁻¹ is d(A⁻¹) and d x² is d(x²); a transposition may stand outside.
            mark = self.at
            if self.text() == "^" or (self.peek() is not None and self.peek().kind == "up"):  # type: ignore[union-attr]
                raised = self.postfix(inner)
                if raised is not None and raised.kind != "transpose":
                    inner = raised
                    continue
            self.at = mark
            break
        return Tree("differential", [inner], (True,) if surely else (), (token.start, inner.span[1]))

    def directional(self, token: Token) -> Tree:
        """`Df(A)`, `Df(A)H`, `Df(A)[H]`: the derivative of f at A, in a direction."""
        self.at += 1
        name = self.next()
        full = name.text
        if self.text() not in ("(", "["):
            return Tree("directional", [], (full,), (token.start, name.end))
        closer = _OPEN[self.next().text]
        point = self.sum()
        self.expect(closer)
        span = (token.start, self.found[self.at - 1].end)
        following = self.peek()
        if following is not None and following.kind == "mark" and following.text in ("(", "[", "{("):
            direction = self.postfixed(self.bracket(following))
            return Tree("directional", [point, direction], (full,), (span[0], direction.span[1]))
        if following is not None and self.starts_operand(following):
            direction = self.factor()
            return Tree("directional", [point, direction], (full,), (span[0], direction.span[1]))
        return Tree("directional", [point], (full,), span)

    def total(self, token: Token) -> Tree:
        """`∑_{i=1}^n body`: the index and the body; without an index the sum of all entries."""
        self.at += 1
        index = ""
        while self.text() in ("_", "^") or (self.peek() is not None and self.peek().kind in ("up", "down")):  # type: ignore[union-attr]
            mark = self.next()
            held = self.group() if mark.kind == "mark" else []
            if mark.text == "_" and mark.kind == "mark" or mark.kind == "down":
                letters = [t.text for t in held] if held else [mark.text]
                if "∈" in letters:
                    raise self.error("a sum over a set is not read")
                stop = letters.index("=") if "=" in letters else len(letters)
                index = "".join(letters[:stop]).replace(",", "")
        body = self.product()
        span = (token.start, body.span[1])
        if not index:
            return Tree("call", [body], ("sum",), span)
        for letter in reversed(index):
            body = Tree("total", [body], (letter,), span)
        return body

    # Postfix

    def postfixed(self, tree: Tree) -> Tree:
        for _ in range(MAX_NESTING):
            after = self.postfix(tree)
            if after is None:
                return tree
            tree = after
        raise LimitError(f"more than {MAX_NESTING} marks stand on one operand")

    def postfix(self, tree: Tree) -> Tree | None:
        token = self.peek()
        if token is None:
            return None
        span = (tree.span[0], token.end)
        if token.kind == "up":
            self.at += 1
            return self.raised(tree, token.text, span)
        if token.kind != "mark":
            return None
        if token.text in ("⊤", "'"):
            self.at += 1
            return Tree("transpose", [tree], (), span)
        if token.text == "|" and self.peek(1) is not None and self.peek(1).kind == "down":  # type: ignore[union-attr]
            self.at += 1
            return self.part(tree, [self.next()], span)
        if token.text == "|" and self.text(1) == "_":
            self.at += 2
            held = self.group()
            if not any(t.text == "=" for t in held):
                return self.part(tree, held, (span[0], self.found[self.at - 1].end))
            self.bindings += self.binding(held)
            return tree
        if token.text == "{" and self.text(1) == "}":  # {}^T
            self.at += 2
            return tree
        if token.text == "." and self.peek(1) is not None and self.peek(1).text == "T":  # type: ignore[union-attr]
            self.at += 2
            return Tree("transpose", [tree], (), span)
        if token.text == ".^":
            self.at += 1
            exponent = self.inside(self.group())
            return Tree("entrypower", [tree, exponent], (), (span[0], self.found[self.at - 1].end))
        if token.text == "_" and tree.kind not in ("name",):
            self.at += 1
            held = [t.text for t in self.group() if t.text not in (",", "{", "}")]
            if tree.kind == "power" and tree.args[0].kind == "norm":  # ‖X‖²_F
                norm = tree.args[0]
                return tree.with_args([Tree("norm", norm.args, ("".join(held),), norm.span), tree.args[1]])
            return Tree("entry", [tree], tuple(held), (span[0], self.found[self.at - 1].end))
        if token.text != "^":
            return None
        self.at += 1
        following = self.peek()
        if following is not None and following.kind == "word" and following.text in ("frac", "tfrac", "dfrac"):
            exponent = self.atom()
            return Tree("power", [tree, exponent], (), (span[0], self.found[self.at - 1].end))
        held = self.group()
        if len(held) == 1 and held[0].kind == "word" and held[0].text in STYLES:
            held = self.group()
        span = (span[0], self.found[self.at - 1].end)
        texts = [t.text for t in held if t.text not in STYLES and t.text not in ("{", "}")]
        if len(texts) == 1 and texts[0] in _TRANSPOSES and not (texts[0] == "t" and "t" in self.vocabulary.names):
            return Tree("transpose", [tree], (), span)
        if len(texts) == 1 and texts[0] == "'":
            return Tree("transpose", [tree], (), span)
        if texts == ["-", "1"]:
            return Tree("inverse", [tree], (), span)
        if texts in (["-", "T"], ["-", "⊤"], ["-", "1", "T"]):
            return Tree("transpose", [Tree("inverse", [tree], (), span)], (), span)
        if texts and texts[0] in ("H", "*", "†") and len(texts) == 1:
            raise self.error("conjugate transposes are not read")
        if len(texts) == 2 and texts[0] == "⊙":
            return Tree("entrypower", [tree, self.inside(held[-1:])], (), span)
        return self.power(tree, self.inside(held), span)

    def power(self, tree: Tree, exponent: Tree, span: tuple[int, int]) -> Tree:
        if tree.kind == "name" and tree.data[0] == "e" and "e" not in self.vocabulary.names:
            return Tree("call", [exponent], ("exp",), span)
        return Tree("power", [tree, exponent], (), span)

    def raised(self, tree: Tree, written: str, span: tuple[int, int]) -> Tree:
        if written == "T":
            return Tree("transpose", [tree], (), span)
        if written == "-1":
            return Tree("inverse", [tree], (), span)
        if written == "-T":
            return Tree("transpose", [Tree("inverse", [tree], (), span)], (), span)
        if written.startswith("(") and tree.kind == "name":
            index = written.strip("()")
            full = f"{tree.data[0]}_{index}"
            return Tree("name", (), (full, tree.data[1], (index,)), span)
        try:
            value = Fraction(written)
        except ValueError:
            raise self.error("this exponent is not read") from None
        return self.power(tree, Tree("number", (), (value,), span), span)

    def part(self, tree: Tree, held: list[Token], span: tuple[int, int]) -> Tree:
        """`∂L/∂W |_1`: the share of one occurrence; `|_W`, `|_{W^T}`: of those written so."""
        texts = "".join(t.text for t in held if t.text not in ("{", "}", "(", ")"))
        if texts.isdigit():
            return Tree("path", [tree], (int(texts),), span)
        raise self.error("an evaluation bar needs an equation")

    def binding(self, held: list[Token]) -> list[tuple[str, Tree]]:
        """What an evaluation bar sets: `y = Wx + b`."""
        for i, token in enumerate(held):
            if token.kind == "mark" and token.text == "=":
                left = self.inside(held[:i])
                if left.kind != "name":
                    raise self.error("an evaluation bar sets a name")
                return [(str(left.data[0]), self.inside(held[i + 1 :]))]
        raise self.error("an evaluation bar needs an equation")


def _joined(kind: str, parts: list[Tree]) -> Tree:
    if len(parts) == 1:
        return parts[0]
    return Tree(kind, parts, (), (parts[0].span[0], parts[-1].span[1]))


def _product(factors: list[Tree], marks: list[str]) -> Tree:
    if len(factors) == 1:
        return factors[0]
    return Tree("prod", factors, tuple(marks), (factors[0].span[0], factors[-1].span[1]))


def _is_differential(held: list[Token]) -> bool:
    if not held:
        return False
    first = held[0]
    if first.kind == "mark" and first.text in ("∂", "d "):
        return True
    if first.kind == "letter" and first.text in ("d", "∂"):
        return True
    if first.kind == "word" and first.text in ("mathrm", "text", "operatorname", "textrm", "mathsf", "mathbf"):
        texts = [t.text for t in held[1:4]]
        return texts[:3] == ["{", "d", "}"] or texts[:1] == ["d"]
    return False


def _after_d(held: list[Token]) -> list[Token]:
    if held[0].kind == "word":
        return held[4:] if held[1].text == "{" else held[2:]
    return held[1:]
