r"""Equations as documents write them: derivatives, gradients, differentials and evaluation bars besides formulas.

A formula is the special case without them: the tokenizer and the parser of formulas are extended here, and by
nothing else.  What is added, as nodes of the tree:

    derivative (function, variables; order)      gradient (function, variables; order, whether it has an operand)
    differential (operand; order)                directional (point, direction; the function's name)
    apply (arguments; name, primes)              bound (body, values; names)       path (operand; number)

Whether d is the sign of a differential or a letter, and which names are functions, is known from the whole
document: its `Vocabulary`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Any

from ..errors import LimitError, ParseError
from ..names import SPOKEN
from .declarations import dimension
from .grammar import Parser
from .lexer import Lexer
from .limits import MAX_NESTING
from .splitting import Usage, is_bracket, primes, split_runs
from .stacks import JUXTAPOSED, PREFIX, PRODUCT, SIGN, Node, Op
from .tokens import Token, closing, exponent
from .vocabulary import FUNCTIONS, PREFIXES

TIGHT, CLOSED = SIGN + 5, SIGN + 20  # binds more than a product; ends before the marks that follow
_SIGNS = dict.fromkeys(("diff", "differential", "dd"), ("diff", "d")) | {"nabla": ("nabla", "∇")}
_SIGNS |= dict.fromkeys(("partial", "part"), ("diff", "∂"))
_UPRIGHT = frozenset(("mathrm", "text", "operatorname", "textrm", "mathsf", "rm"))
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_STAR = re.compile(r"\^\s*(?:\{\s*(?:[*⋆∗]|\\(?:star|ast)(?![A-Za-z]))\s*\}|[*⋆∗](?!\*)|\\(?:star|ast)(?![A-Za-z]))")
_OPENS = frozenset(
    "atom name num func own unknown frac sqrt sum one zero open half macro diff nabla along apply".split()
)
_MARKS = frozenset("trans sup low method".split())
_PRIME_POWERS = ("^", "**", ".^", "_")


class Vocabulary:
    """What the reader must know of the document.

    Attributes
    ----------
    names : set of str
        Declared and defined names.
    functions : set of str
        Names that are functions: f of f(x), and of ∇f.
    letters : set of str
        Names that stand where no bracket follows.
    d_is_name, d_touches : bool
        d is a letter; and before a letter that it touches a differential all the same.
    bold, divisors : set of str
        Small letters printed bold; what numbers are divided by.
    own : set of str
        Functions of numbers that no line gives: f of a = f(z).
    kinds : dict of str to str
        Names that are vectors or matrices by their place in a network.
    """

    def __init__(self, names: Iterable[str] = (), functions: Iterable[str] = (), d_is_name: bool = False) -> None:
        self.names = set(names)
        self.functions = set(functions)
        self.letters: set[str] = set()
        self.first: set[str] = set()
        self.is_latex = True
        self.d_is_name = d_is_name
        self.d_touches = False
        self.bold: set[str] = set()
        self.kinds: dict[str, str] = {}
        self.own: set[str] = set()
        self.divisors: set[str] = set()


class ClaimLexer(Lexer):
    """Reads one side of an equation."""

    def other(self, start: int, c: str) -> None:
        if c in "∂∇":
            self.take(self.pos + 1, "diff" if c == "∂" else "nabla", c, start, c == "∂")
        elif c == "~":
            self.pos += 1
        else:
            super().other(start, c)

    def letter(self, start: int, c: str) -> None:
        for prefix in PREFIXES:
            if self.text.startswith(prefix, start) and self.text[start + len(prefix) :][:1].isalpha():
                hint = "write the formula, as in sum(x .* y)"
                raise self.error("NumPy text is not read in documents", start, start + len(prefix), hint)
        super().letter(start, c)

    def command(self, start: int) -> None:
        found = _COMMAND.match(self.text, start)
        if found is not None and found[1] in _SIGNS:
            self.take(found.end(), *_SIGNS[found[1]], start, True)
        elif found is not None and found[1] == "tag" and "}" not in self.text[start:]:
            self.pos = len(self.text)  # the document ends the formula within it
        else:
            super().command(start)

    def word(self, start: int, command: str) -> None:
        at, text = self.pos, self.text
        braced = re.compile(r"\s*\{\s*d\s*([A-Za-z]?)\s*\}").match(text, at)
        alone = re.compile(r"\s*d(?![A-Za-z]{2})").match(text, at)
        found = braced if command != "rm" else alone
        if command in _UPRIGHT and found is not None:
            self.take(found.end(), "diff", "d", start, True)
            if found.lastindex and found[1]:
                self.pos = found.start(1) + 1
                self.atom(found.start(1), found[1], "")
                self.pos = found.end()
            return
        if command == "mathrm" and alone and not braced:
            self.take(alone.end(), "diff", "d", start, True)
            return
        before = len(self.tokens)
        super().word(start, command)
        if len(self.tokens) == before and self.pending is None:
            if re.search(r"[A-Za-z]", re.sub(r"\\[A-Za-z]+", "", text[at : self.pos])):
                raise self.error("words stand in the formula", start, self.pos)

    def mark(self, token: Token) -> bool:
        found = _STAR.match(self.text, self.pos)
        if found is None:
            return super().mark(token)
        self.pos = found.end()
        token.low.append("star")
        return True


def lex(text: str, known: frozenset[str] = frozenset(), is_latex: bool = False) -> list[Token]:
    """The tokens of a side, letters not yet joined to names; p_ip_j is pᵢpⱼ where the document is LaTeX."""
    lexer = ClaimLexer(text, known)
    lexer.is_latex |= is_latex
    return lexer.run()


def with_signs(tokens: list[Token], vocabulary: Vocabulary) -> list[Token]:
    """The tokens with d where it is the sign of a differential, D of a directional derivative, and ΔX one name."""
    result: list[Token] = []
    quotients = signs_of_quotients(tokens)
    i, skip = 0, 0
    while i < len(tokens):
        token = tokens[i]
        after = tokens[i + 1] if i + 1 < len(tokens) else None
        is_letter = token.kind == "atom" and not token.low and not token.accents and i >= skip
        if token.kind == "atom" and i >= skip:
            skip = i + word_at(tokens, i, vocabulary.names)
            is_letter = is_letter and skip == i
        if is_letter and token.text in ("d", "δ") and token.style not in ("bold", "vec"):
            if (
                i in quotients
                or token.text == "d"
                and _is_sign(tokens, i, vocabulary)
                and not _is_directional(tokens, i, vocabulary)
            ):
                result.append(token.instead("diff", "d", value=False))
                i += 1
                continue
        if is_letter and after is not None and after.kind == "atom":
            if _is_directional(tokens, i, vocabulary):
                result.append(token.instead("along", "D"))
                i += 1
                continue
            if token.text == "Δ":
                after.text, after.start, after.glued, after.spaced = "Δ" + after.text, token.start, False, token.spaced
                i += 1
                continue
        if token.kind == "atom" and result and result[-1].kind in ("diff", "along"):
            token.glued = False
        result.append(token)
        i += 1
    return result


def word_at(tokens: list[Token], i: int, known: Collection[str]) -> int:
    """How many letters from `i` on are one word: a function, a Greek letter, a known name; 0 if none."""
    word, longest = "", 0
    for j in range(i, len(tokens)):
        token = tokens[j]
        if token.kind != "atom" or (j > i and not token.glued):
            break
        word += token.text
        if len(word) > 1 and (word in FUNCTIONS or word in known or word in SPOKEN):
            longest = j + 1 - i
        if token.low or token.accents or len(word) > 20:
            break
    return longest


def _is_directional(tokens: list[Token], i: int, vocabulary: Vocabulary) -> bool:
    """Whether a letter is the D of Df(X), or the d of df(X)[H]."""
    sign, function = tokens[i].text, tokens[i + 1]
    if function.name not in vocabulary.functions or sign in vocabulary.names:
        return False
    if sign == "d" and (i + 2 == len(tokens) or tokens[i + 2].text != "("):
        return False
    after = closing(tokens, i + 2) + 1 if sign == "d" else 0
    return sign == "D" or sign == "d" and after < len(tokens) and tokens[after].text == "["


def _is_sign(tokens: list[Token], i: int, vocabulary: Vocabulary) -> bool:
    token, after = tokens[i], tokens[i + 1] if i + 1 < len(tokens) else None
    if after is None or (i and tokens[i - 1].text == "^"):
        return False
    if vocabulary.d_is_name:
        return vocabulary.d_touches and after.start == token.end and after.kind == "atom"
    square = next((n for n in (1, 2, 4) if "".join(t.text for t in tokens[1 : n + 1]).strip("^{}") == "2"), 0)
    if not i and square and len(tokens) == square + 2 and tokens[-1].name in vocabulary.names:
        return True  # d²f, of a name that has a formula
    before = tokens[max(i - 2, 0) : i]
    if before and before[-1].kind == "frac" and [t.kind for t in tokens[i + 1 : i + 4]] == ["open", "num", "close"]:
        return False  # d/2 of a number d
    if before and (before[-1].kind == "frac" or [t.kind for t in before] == ["frac", "open"]):
        return True  # the d of d/dx
    if after.kind == "bar" and sum(t.kind == "bar" and t.text == after.text for t in tokens[:i]) % 2:
        return False  # ‖x − d‖
    return after.kind in ("atom", "func", "unknown", "open", "bar", "frac", "sqrt", "sum", "macro", "one")


def signs_of_quotients(tokens: list[Token]) -> set[int]:
    """The places of the d that begin both parts of a fraction, as in dL/dx, δL/δx, d/dx: a letter would cancel."""
    found: set[int] = set()
    closing, opened = {}, []
    for i, token in enumerate(tokens):
        if token.kind == "open":
            opened.append(i)
        elif token.kind == "close" and opened:
            closing[opened.pop()] = i
    for i, token in enumerate(tokens):
        above = below = i + 1
        if token.kind == "frac":
            below = closing.get(above, above) + 1
            above, below = (at + (at in closing) for at in (above, below))
        elif token.text == "/":
            above = i - 1
            while above > 0 and not _is_d(tokens, above) and (tokens[above].kind != "op" or tokens[above].text == "^"):
                above -= 1
        if above != below and _is_d(tokens, above) and _is_d(tokens, below) and below + 1 < len(tokens):
            found |= {above, below} if tokens[below + 1].kind in ("atom", "open", "func", "macro") else set()
    return found


def _is_d(tokens: list[Token], i: int) -> bool:
    return i < len(tokens) and tokens[i].text in ("d", "δ") and tokens[i].kind in ("atom", "diff") and not tokens[i].low


def parse(tokens: list[Token], source: str, vocabulary: Vocabulary, readings: list[str]) -> Node:
    """The tree of one side, from the tokens of `lex`."""
    for a, b, mark in zip(tokens, tokens[1:], tokens[2:]):
        if (a.text, b.text, mark.text) == ("{", "}", "^"):  # {}^t(X): not of what stands before
            raise ParseError("a mark in front of what it is of is not read here", source, (a.start, mark.end))
    usage = Usage([], frozenset())
    usage.used = vocabulary.letters | vocabulary.names
    usage.first = vocabulary.first
    usage.applied = frozenset(vocabulary.functions)
    usage.own = _OWN | vocabulary.own
    found = with_signs(tokens, vocabulary)
    found = split_runs(found, frozenset(vocabulary.names), source, vocabulary.is_latex, readings, usage)
    found = with_primes(found)
    loose = frozenset(("dot", "turned"))  # `.*` binds less than a product, as ⊙ does; of tr(dX)ᵀA, dX is turned
    parser = ClaimParser(found, source, frozenset(vocabulary.names), loose, _sized(source), readings)
    parser.functions = usage.applied
    return parser.parse()


def with_primes(tokens: list[Token]) -> list[Token]:
    """The tokens with tanh' one function before a bracket, as σ' is."""
    result: list[Token] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        order, end = primes(tokens, at + 1) if token.kind == "func" else (0, at + 1)
        if order:
            token.text += "′" * order
        result.append(token)
        at = max(end, at + 1)
    return result


_OWN = frozenset("φψρζ")  # a function of one's own, entry by entry; f and g are whole functions to define


def _sized(source: str) -> Any:
    return lambda text, span: dimension(text, source, span)


class ClaimParser(Parser):
    """Parses one side of an equation."""

    functions: frozenset[str] = frozenset()
    level = 0

    def parse(self) -> Node:
        self.bindings: list[tuple[str, Node]] = []
        root = super().parse()
        if not self.bindings:
            return root
        values = [value for _, value in self.bindings]
        return Node("bound", [root, *values], tuple(name for name, _ in self.bindings), root.start, root.end)

    def inside(self, tokens: list[Token], around: Token) -> Node:
        """What these tokens alone mean."""
        if not tokens:
            raise self.error("a formula is missing here", around)
        parser = ClaimParser(tokens, self.source, self.known, self.loose, self.dimension, self.readings)
        parser.functions, parser.level = self.functions, self.level + 1
        if parser.level > MAX_NESTING:
            raise LimitError(f"brackets nest deeper than {MAX_NESTING}")
        return parser.parse()

    def token(self, ahead: int = 0) -> Token | None:
        at = self.i + ahead
        return self.tokens[at] if at < len(self.tokens) else None

    def group(self) -> list[Token]:
        """The tokens of the group that begins at `i`, or the one token, which they leave behind."""
        first = self.token()
        if first is None:
            raise self.error("the formula ends too early", self.tokens[-1])
        self.i += 1
        if first.kind != "open":
            return [first]
        start, end = self.i, closing(self.tokens, self.i - 1)
        if end == len(self.tokens):
            raise self.error(f"{first.text} is not closed", first)
        self.i = end + 1
        return self.tokens[start:end]

    def differs(self) -> bool:
        """Whether the group that follows begins with the sign of a differential."""
        first, second = self.token(1), self.token(2)
        begins = second if first is not None and first.kind == "open" else first
        return begins is not None and begins.kind == "diff"

    # What begins an operand

    def operand(self, token: Token) -> bool:
        kind = token.kind
        is_collected = bool(self.ops) and self.ops[-1].kind == "collect"
        if kind in ("diff", "nabla", "along", "apply") and is_collected:
            raise self.error(f"brackets are missing around {token.text}", token)
        if kind == "frac" and self.differs():
            mark, self.i = self.i, self.i + 1
            above, below = self.group(), self.group()
            if below and below[0].kind == "diff":
                return self.derivative(above, below, token)
            self.i = mark
        if kind == "diff":
            return self.differential(token)
        elif kind == "nabla":
            return self.nabla(token)
        elif kind == "along":
            return self.directional(token)
        elif kind == "apply":
            self.i += 2
            name, primes = token.value
            self.open(self.tokens[self.i - 1], ("apply", name, primes, token.start))
            return True
        elif token.text == "{" and not is_collected and (after := self.token(1)) is not None and after.text == "}":
            self.i += 2  # {} + x
            return True
        elif kind == "num" and not token.value:
            self.i += 1
            return self.done(Node("num", [], token.value, token.start, token.end))
        return super().operand(token)

    def applied(self, function: tuple[Any, ...], args: list[Node], start: int, end: int, at: Token) -> Node:
        if function[0] != "apply":
            return super().applied(function, args, start, end, at)
        return Node("apply", args, (function[1], function[2]), start, end)

    def starts_operand(self, token: Token | None) -> bool:
        if token is None:
            return False
        if token.kind == "bar":
            following = self.token(1)
            if token.value == "l":
                return True
            top = self.barrier()
            if token.value == "r" or (top is not None and top.kind == "bar" and top.text == token.text):
                return False
            return following is not None and following.text != "_" and following.kind != "low"
        return token.kind in _OPENS

    def derivative(self, above: list[Token], below: list[Token], token: Token) -> bool:
        r"""`\frac{\partial f}{\partial x}`, `\frac{d}{dx} f`, `\frac{\partial^2 f}{\partial x \partial y^T}`."""
        end = self.tokens[self.i - 1].end
        order, above = self.order(above[1:])
        variables: list[Node] = []
        cuts = [i for i, t in enumerate(below) if t.kind == "diff" and not _depth(below[:i])]
        for i, j in zip(cuts, [*cuts[1:], len(below)]):
            piece = below[i + 1 : j]
            if order > 1 and len(piece) > 1:
                piece = _without_square(piece)
            variables.append(self.inside(piece, below[i]))
        if order == 2 and len(variables) == 1:
            variables *= 2
        if order > 2 or len(variables) > 2:
            raise self.error("derivatives of the third order are not read", (token.start, end))
        if above:
            function = self.inside(above, token)
            return self.done(Node("derivative", [function, *variables], order, token.start, end))
        self.before_operand("derivative", token, (variables, order, end))
        return True

    @staticmethod
    def order(tokens: list[Token]) -> tuple[int, list[Token]]:
        """The order that ∂² or d^{2} says, and the tokens after it."""
        said, end = exponent(tokens, 0)
        return int(said or 1), tokens[end:]

    def before_operand(self, text: str, token: Token, data: Any) -> None:
        """An operator before a bracket, before the name of a function, else before a product."""
        following = self.token()
        if following is None:
            raise self.error(f"{token.text} stands before nothing", token)
        level = PREFIX
        if is_bracket(following) or following.text == "{":
            level = TIGHT
        elif following.kind == "apply" or (following.kind == "name" and following.value in self.functions):
            level = CLOSED
        self.ops.append(Op(level, "prefix", text, token, data))

    def nabla(self, token: Token) -> bool:
        self.i += 1
        order = 1
        variables: list[Node] = []
        while (mark := self.token()) is not None and (mark.text in ("_", "^") or mark.kind in ("low", "sup")):
            self.i += 1
            if mark.kind == "low":
                variables = [Node("sym", [], mark.text, mark.start, mark.end)]
            elif mark.kind == "sup" or mark.text == "^":
                held = [mark] if mark.kind == "sup" else self.group()
                if [t.text for t in held] != ["2"]:
                    raise self.error("only ∇ and ∇² are read", mark)
                order = 2
            else:
                held = self.group()
                letters = [t for t in held if t.text not in (",", "{", "}")]
                if len(letters) == 2 and letters[0].text == letters[1].text:
                    order, held = 2, letters[:1]
                variables = [self.inside(held, mark)]
        if not self.starts_operand(self.token()):
            return self.done(Node("gradient", variables, (order, False), token.start, self.tokens[self.i - 1].end))
        self.before_operand("gradient", token, (variables, order))
        return True

    def differential(self, token: Token) -> bool:
        """`dX`, `d(…)`, `∂X`, `∂²f`."""
        order, rest = self.order(self.tokens[self.i + 1 :])
        self.i = len(self.tokens) - len(rest)
        if not rest:
            raise self.error("a differential of nothing", token)
        self.ops.append(Op(CLOSED, "prefix", "differential", token, order))
        return True

    def directional(self, token: Token) -> bool:
        """`Df(A)`, `Df(A)H`, `Df(A)[H]`: the derivative of f at A, in a direction."""
        self.i += 1
        function = self.tokens[self.i]
        self.i += 1
        if function.kind != "apply":
            return self.done(Node("directional", [], str(function.value), token.start, function.end))
        point = self.inside(self.group(), function)
        if self.starts_operand(self.token()):
            self.ops.append(Op(TIGHT, "prefix", "directional", token, (point, function.value[0])))
            return True
        end = self.tokens[self.i - 1].end
        return self.done(Node("directional", [point], function.value[0], token.start, end))

    def prefixed(self, op: Op, node: Node) -> Node:
        start, end = op.token.start, node.end
        if op.text == "derivative":
            return Node("derivative", [node, *op.data[0]], op.data[1], start, end)
        if op.text == "gradient":
            return Node("gradient", [node, *op.data[0]], (op.data[1], True), start, end)
        if op.text == "differential":
            return Node("differential", [node], op.data, start, end)
        if op.text == "directional":
            return Node("directional", [op.data[0], node], op.data[1], start, end)
        return super().prefixed(op, node)

    # What follows one

    def after_operand(self, token: Token) -> bool:
        top = self.ops[-1] if self.ops else None
        if top is not None and top.level == CLOSED and top.kind == "prefix":
            is_mark = token.kind in _MARKS or token.text in _PRIME_POWERS
            if is_mark and (top.text != "differential" or self.is_transpose(token)):
                self.reduce(CLOSED - 1, once=True)
        if token.kind == "bar" and token.text == "|" and self.evaluates():
            return False
        if token.kind in ("diff", "nabla", "along", "apply"):
            self.push_infix(JUXTAPOSED, " ", token)
            return True
        return super().after_operand(token)

    def is_transpose(self, token: Token) -> bool:
        """Whether the mark at `i` transposes: dXᵀ is (dX)ᵀ, where dX⁻¹ is d(X⁻¹)."""
        if token.kind == "trans":
            return True
        if token.text != "^":
            return False
        held = [t for t in self.tokens[self.i + 1 : self.i + 3] if t.text != "{"]
        return bool(held) and (held[0].kind == "trans" or held[0].value in ("T", "t"))

    def evaluates(self) -> bool:
        """Read `… |_{y = W x}`, which sets y, or `∂L/∂W |_1`, the share of one occurrence; whether that follows."""
        top, following = self.barrier(), self.token(1)
        if following is None or (following.text != "_" and following.kind != "low"):
            return False
        if top is not None and top.kind == "bar" and top.text == "|":
            return False
        bar = self.tokens[self.i]
        self.i += 1
        held = [following] if following.kind == "low" else []
        self.i += 1
        if not held:
            held = self.group()
        end = self.tokens[self.i - 1].end
        cut = next((i for i, t in enumerate(held) if t.text == "=" and not _depth(held[:i])), None)
        if cut is not None:
            name = self.inside(held[:cut], bar)
            if name.op != "sym":
                raise self.error("an evaluation bar sets a name", (bar.start, end))
            self.bindings.append((str(name.data), self.inside(held[cut + 1 :], bar)))
            return True
        number = "".join(t.text for t in held if t.text not in ("(", ")"))
        if not number.isdigit():
            raise self.error("an evaluation bar needs an equation", (bar.start, end))
        self.reduce(PRODUCT - 1)
        whole = self.operands[-1]
        if whole.op == "prod" and not whole.paren:
            whole.args[-1] = Node("path", whole.args[-1:], int(number), whole.args[-1].start, end)
        else:
            self.operands[-1] = Node("path", [whole], int(number), whole.start, end)
        return True

    def product(self, ops: list[Op], args: list[Node]) -> Node:
        """Products, in which `∂L/∂W` and `dL/dw` are derivatives."""
        for k, op in enumerate(ops):
            if op.text != "/":
                continue
            before = _factors(args[k])
            after = _factors(args[k + 1])
            if before[-1].op == "differential":
                made = _quotient(before[-1], after[0])
                if made is not None:
                    factors = [*before[:-1], made, *after[1:]]
                    whole = made
                    if len(factors) > 1:
                        whole = Node("prod", factors, (" ",) * (len(factors) - 1), factors[0].start, factors[-1].end)
                    ops, args = [*ops[:k], *ops[k + 1 :]], [*args[:k], whole, *args[k + 2 :]]
                    return self.product(ops, args) if ops else whole
        return super().product(ops, args)


def _depth(tokens: list[Token]) -> int:
    return sum((t.kind == "open") - (t.kind == "close") for t in tokens)


def _without_square(piece: list[Token]) -> list[Token]:
    """∂x² without its exponent."""
    if piece[-1].kind == "sup" and piece[-1].text == "2":
        return piece[:-1]
    for end in (["^", "2"], ["^", "{", "2", "}"]):
        if [t.text for t in piece[-len(end) :]] == end:
            return piece[: -len(end)]
    return piece


def _factors(node: Node) -> list[Node]:
    is_plain = node.op == "prod" and not node.paren and set(node.data) == {" "}
    return list(node.args) if is_plain else [node]


def _quotient(above: Node, below: Node) -> Node | None:
    """The derivative that a quotient of differentials is."""
    transposed = below.op == "trans" and not below.paren
    inner = below.args[0] if transposed else below
    if inner.op != "differential" or inner.data != 1:
        return None
    variable = inner.args[0]
    if transposed:  # ∂L/∂Wᵀ: by the transpose
        variable = Node("trans", [variable], None, variable.start, below.end)
    order = above.data
    variables = [variable]
    if order == 2:
        if variable.op != "pow" or variable.args[1].data != 2:
            return None
        variables = [variable.args[0]] * 2
    return Node("derivative", [above.args[0], *variables], order, above.start, below.end)
