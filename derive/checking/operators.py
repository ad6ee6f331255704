"""The operators of claims: derivatives, gradients, differentials, sums, and marks above and below."""

from __future__ import annotations

from fractions import Fraction

from ..errors import LimitError, ParseError
from .tokens import MAX_NESTING, STYLES, Token, fraction_of
from .trees import GREEDY, OPEN, TRANSPOSES, Tree, Vocabulary, after_d, is_differential


class Cursor:
    """The tokens of one side, and the place reached."""

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
        reader = type(self)(found, self.vocabulary, self.source)
        reader.depth = self.depth + 1
        if reader.depth > MAX_NESTING:
            raise LimitError(f"brackets nest deeper than {MAX_NESTING}")
        tree = reader.whole()
        return tree

    # What the grammar of sums and products provides

    def whole(self) -> Tree:
        raise NotImplementedError

    def sum(self) -> Tree:
        raise NotImplementedError

    def product(self) -> Tree:
        raise NotImplementedError

    def chain(self) -> Tree:
        raise NotImplementedError

    def factor(self) -> Tree:
        raise NotImplementedError

    def atom(self) -> Tree:
        raise NotImplementedError

    def bracket(self, token: Token) -> Tree:
        raise NotImplementedError

    def starts_operand(self, token: Token) -> bool:
        raise NotImplementedError


class Marks(Cursor):
    """What stands behind an operand: exponents, transpositions, indices, evaluation bars."""

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
            letters = [t.text for t in self.group() if t.text not in (",", "{", "}")]
            if tree.kind == "power" and tree.args[0].kind == "norm":  # ‖X‖²_F
                norm = tree.args[0]
                return tree.with_args([Tree("norm", norm.args, ("".join(letters),), norm.span), tree.args[1]])
            return Tree("entry", [tree], tuple(letters), (span[0], self.found[self.at - 1].end))
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
        if len(texts) == 1 and texts[0] in TRANSPOSES and not (texts[0] == "t" and "t" in self.vocabulary.names):
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


class Operators(Marks):
    """What stands before an operand."""

    def fraction(self, token: Token) -> Tree:
        above, below = self.group(), self.group()
        span = (token.start, self.found[self.at - 1].end)
        if (
            is_differential(above)
            and is_differential(below)
            and not (self.vocabulary.d_is_name and above[0].text == "d")
        ):
            return self.derivative(above, below, span)
        divisor = self.inside(below)
        for factor in divisor.args if divisor.kind == "prod" else [divisor]:
            if factor.kind == "name" and (
                len(below) > 1 or (above and above[0].kind == "number") or str(factor.data[0])[0] in "ijklmnNMK"
            ):
                self.vocabulary.divisors.add(str(factor.data[0]))
        return Tree("quotient", [self.inside(above), divisor], (), span)

    def derivative(self, above: list[Token], below: list[Token], span: tuple[int, int]) -> Tree:
        above = after_d(above)
        order = 1
        if above and above[0].text == "^" and above[0].kind == "mark":
            held = type(self)(above[1:], self.vocabulary)
            digits = held.group()
            order = int(digits[0].text) if len(digits) == 1 and digits[0].text.isdigit() else 1
            above = above[1 + held.at :]
        elif above and above[0].kind == "up":
            order, above = (int(above[0].text) if above[0].text.isdigit() else 1), above[1:]
        variables: list[Tree] = []
        rest = below
        while rest:
            rest = after_d(rest)
            cut, depth = len(rest), 0
            for i, t in enumerate(rest):
                if t.kind == "mark" and t.text in ("{", "(", "["):
                    depth += 1
                elif t.kind == "mark" and t.text in ("}", ")", "]"):
                    depth -= 1
                if (
                    i
                    and depth == 0
                    and is_differential(rest[i:])
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
            if len(held) == 1 and held[0].text in TRANSPOSES:
                self.at = mark
            else:
                power = self.inside(held)
        opener = self.peek()
        arguments: list[Tree]
        if opener is not None and opener.kind == "mark" and opener.text in ("(", "[", "{(", "{"):
            closer = OPEN[self.next().text]
            arguments = [self.sum()]
            while self.text() in (",", ";"):
                self.at += 1
                arguments.append(self.sum())
            self.expect(closer)
        elif name in GREEDY:
            arguments = [self.product() if name != "det" else self.chain()]
        else:
            arguments = [self.factor()]
        end = self.found[self.at - 1].end
        tree = Tree("call", arguments, (name,), (token.start, end))
        return Tree("power", [tree, power], (), tree.span) if power is not None else tree

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
        closer = OPEN[self.next().text]
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
