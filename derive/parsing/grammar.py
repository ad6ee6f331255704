"""Tokens to a syntax tree, with the precedences of the interface.

A precedence parser with explicit stacks, so that depth costs memory and never the call
stack.  Products stay undecided here: whether `a b` scales, multiplies or takes an inner
product is known once the shapes are (`kinds`).
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from ..errors import LimitError, ParseError
from ..shapes import ONE, Dim
from .limits import MAX_NESTING, MAX_OPERATIONS
from .tokens import Span, Token
from .vocabulary import CLOSING, ELEMENTWISE, PAIRS

SUM, COLON, PREFIX, HAD, KRON, PRODUCT, JUXTAPOSED, SIGN = 10, 20, 25, 30, 40, 50, 60, 70
LEVELS = {
    "+": SUM, "-": SUM, ":": COLON, "⊙": HAD, "⊘": HAD, "⊗": KRON, "*": PRODUCT, "@": PRODUCT, "·": PRODUCT,
    "/": PRODUCT, ".*": PRODUCT, "./": PRODUCT,
}  # fmt: skip
_OPERAND = frozenset("num name func frac sqrt sum one zero opaque open half macro".split())
ARITY = dict.fromkeys("kron dot inner outer hadamard block_inner block_sum matmul max min".split(), (2, 2)) | {"norm": (1, 2)}
CONSTANT_CALLS = frozenset(("eye", "ones", "zeros", "vector", "matrix"))


class Node:
    """A part of the formula as written; `span` is its place."""

    __slots__ = ("op", "args", "data", "start", "end", "paren", "cell")

    def __init__(self, op: str, args: list[Node], data: Any, start: int, end: int) -> None:
        self.op = op
        self.args = args
        self.data = data
        self.start = start
        self.end = end
        self.paren = False
        self.cell: Any = None

    @property
    def span(self) -> Span:
        return (self.start, self.end)

    def __repr__(self) -> str:
        return f"{self.op}[{self.data}]({', '.join(map(repr, self.args))})" if self.args else f"{self.op}[{self.data}]"


class _Op:
    """An entry of the operator stack: infix, prefix, a bracket, or a collector of arguments."""

    __slots__ = ("level", "kind", "text", "token", "data", "items", "need", "rows")

    def __init__(self, level: int, kind: str, text: str, token: Token, data: Any = None, need: int = 0) -> None:
        self.level = level
        self.kind = kind
        self.text = text
        self.token = token
        self.data = data
        self.items: list[Node] = []
        self.need = need
        self.rows: list[list[Node]] = []


class Parser:
    """Parses one expression.

    Parameters
    ----------
    tokens : list of Token
        After `split_runs`.
    source : str
        The text in which the spans are.
    known : set of canonical names that are declared or defined
    loose : set of str
        Other groupings to try: `"dot"` lets `.*` bind less than `*`, `"hadamard"` lets ⊙ bind
        more than a product, `"call"` lets `tr (A) B` be the trace of A B.
    """

    def __init__(
        self, tokens: list[Token], source: str, known: frozenset[str], loose: frozenset[str],
        dimension: Callable[[str, Span], Dim], readings: list[str],
    ) -> None:  # fmt: skip
        self.tokens = tokens
        self.source = source
        self.known = known
        self.loose = loose
        self.dimension = dimension
        self.readings = readings
        self.operands: list[Node] = []
        self.ops: list[_Op] = []
        self.depth = 0
        self.i = 0

    # Errors

    def error(self, message: str, where: Token | Node | Span, hint: str | None = None) -> ParseError:
        span = where if isinstance(where, tuple) else where.span
        return ParseError(message, self.source, span, hint)

    def cut(self, node: Node) -> str:
        return self.source[node.start : node.end].strip()

    # The loop

    def parse(self) -> Node:
        tokens = self.tokens
        if len(tokens) > MAX_OPERATIONS:
            raise LimitError(
                f"the formula has {len(tokens):,} symbols and operators", hint=f"at most {MAX_OPERATIONS:,} are read"
            )
        self.merge_fractions()
        tokens = self.tokens
        expect = True
        while self.i < len(tokens):
            token = tokens[self.i]
            if expect:
                expect = self.operand(token)
            else:
                expect = self.after_operand(token)
        if expect:
            self.missing(tokens[-1] if tokens else None)
        self.reduce(-1)
        for op in self.ops:
            if op.kind in ("open", "bar"):
                shown = {"matrix": "\\begin{matrix}"}.get(op.text, op.text)
                raise self.error(f"{shown} is not closed", op.token)
        return self.operands[0]

    def missing(self, last: Token | None) -> None:
        for op in reversed(self.ops):
            if op.kind == "collect":
                raise self.error(f"{self.shown(op)} lacks an argument", op.token)
            if op.kind == "prefix":
                raise self.error(f"{self.shown(op)} lacks its operand", op.token)
            if op.kind == "infix":
                at = op.token
                raise self.error(f"nothing follows {op.text if op.kind == 'infix' else op.token.text}", at)
            raise self.error(f"{op.text} is not closed", op.token)
        raise self.error("the formula is empty", (0, len(self.source)))

    def shown(self, op: _Op) -> str:
        return {"pow": "the power", "elpow": "the power", "frac": "\\frac", "sqrt": "the root", "neg": "the minus"}.get(
            op.text, op.text
        )

    def merge_fractions(self) -> None:
        """`1/2x` is ½ x: a number over a number is one number."""
        tokens = self.tokens
        merged: list[Token] = []
        i = 0
        while i < len(tokens):
            t = tokens[i]
            if (
                t.kind == "num"
                and i + 2 < len(tokens)
                and tokens[i + 1].text == "/"
                and tokens[i + 2].kind == "num"
                and not (
                    merged
                    and merged[-1].kind in ("op", "frac")
                    and merged[-1].text in ("/", "^", "**", ".^", "./", "_", "frac")
                )
                and not (i + 3 < len(tokens) and tokens[i + 3].text in ("^", "**", ".^"))
                and not (i + 3 < len(tokens) and tokens[i + 3].kind == "sup")
            ):
                below = tokens[i + 2]
                if not below.value:
                    raise self.error("division by zero", below)
                token = Token("num", self.source[t.start : below.end], t.start, below.end, t.value / below.value)
                token.spaced = t.spaced
                merged.append(token)
                i += 3
                if i < len(tokens) and tokens[i].kind == "name" and not tokens[i].spaced:
                    self.readings.append(f"{token.text}{tokens[i].text} is read as ({token.text}) {tokens[i].text}")
                continue
            merged.append(t)
            i += 1
        self.tokens = merged

    # Where an operand is expected

    def operand(self, token: Token) -> bool:
        """Read what begins an operand; whether an operand is still expected."""
        kind = token.kind
        top = self.ops[-1] if self.ops else None
        if top is not None and top.kind == "collect" and not top.data == "signed":
            if kind == "num" and top.text in ("frac", "sqrt") and len(token.text) > 1 and token.text.isdigit():
                # \frac12 takes one digit at a time
                first = Token("num", token.text[0], token.start, token.start + 1, Fraction(int(token.text[0])))
                rest = Token("num", token.text[1:], token.start + 1, token.end, Fraction(int(token.text[1:])))
                self.tokens[self.i : self.i + 1] = [first, rest]
                token = first
        self.i += 1
        if kind == "num":
            if not token.value:
                return self.done(Node("zero", [], None, token.start, token.end))
            return self.done(Node("num", [], token.value, token.start, token.end))
        if kind == "name":
            return self.done(self.name(token))
        if kind == "half":
            return self.done(Node("num", [], Fraction(1, 2), token.start, token.end))
        if kind == "opaque":
            if isinstance(token.value, str):
                return self.done(Node("sym", [], token.value, token.start, token.end))
            return self.done(Node("expr", [], token.value, token.start, token.end))
        if kind == "one":
            size = self.dimension(token.low[0], token.span) if token.low else None
            return self.done(Node("ones", [], size, token.start, token.end))
        if kind == "zero":
            return self.done(Node("zero", [], None, token.start, token.end))
        if kind == "op" and token.text in ("-", "+"):
            if token.text == "-":
                if top is not None and top.kind == "collect":
                    self.ops.append(_Op(99, "collect", "neg", token, need=1))
                else:
                    lone = top is None or top.kind in ("open", "bar") or top.level <= SUM
                    self.ops.append(_Op(SUM + 1 if lone else SIGN, "prefix", "-", token))
                if len(self.ops) > MAX_OPERATIONS:
                    raise LimitError("the formula is nested too deeply", self.source, token.span)
            return True
        if kind == "open":
            self.open(token, "group")
            return True
        if kind == "bar":
            if token.value == "r":
                raise self.error(f"nothing stands before the closing {token.text}", token)
            self.enter(_Op(0, "bar", token.text, token))
            return True
        if kind == "func":
            return self.function(token)
        if kind == "frac":
            self.enter(_Op(99, "collect", "frac", token, need=2))
            return True
        if kind == "sqrt":
            return self.root(token)
        if kind == "macro":
            self.enter(_Op(99, "collect", token.text, token, need=2 if token.text == "inner" else 1))
            return True
        if kind == "sum":
            return self.sigma(token)
        self.i -= 1
        self.unexpected(token)
        return True

    def unexpected(self, token: Token) -> None:
        text = token.text if token.kind != "newline" else "the end of the line"
        if token.kind == "close" and self.ops and self.ops[-1].kind == "infix":
            raise self.error(f"nothing follows {self.ops[-1].text}", self.ops[-1].token)
        if token.kind == "close" and self.ops and self.ops[-1].kind == "open":
            raise self.error("the bracket is empty", (self.ops[-1].token.start, token.end))
        if token.kind == "close":
            for op in reversed(self.ops):
                if op.kind == "collect" or op.kind == "prefix":
                    raise self.error(f"{self.shown(op)} lacks its operand", op.token)
                break
            raise self.error(f"{text} closes what was not opened", token)
        if token.kind in ("trans", "sup"):
            raise self.error(f"nothing stands before {text}", token)
        if token.kind == "star":
            raise self.error("conjugates are not read: formulas are real", token)
        if token.kind == "op" and token.text in LEVELS:
            raise self.error(f"nothing stands before {token.text}", token, "an operand was expected here")
        raise self.error(f"an operand was expected, not {text}", token)

    def name(self, token: Token) -> Node:
        name = token.value
        start, end = token.start, token.end
        if name in self.known:
            return Node("sym", [], name, start, end)
        if name == "e":
            return Node("const", [], "e", start, end)
        if name == "π":
            return Node("const", [], "π", start, end)
        base = str(name).split("_")[0]
        if base == "I" and not token.accents:
            low = token.low
            size = self.dimension(low[0], token.span) if low else None
            return Node("eye", [], size, start, end)
        if base == "K" and len(token.low) == 2 and not token.accents:
            dims = [self.dimension(d, token.span) for d in token.low]
            return Node("commutation", [], tuple(dims), start, end)
        if name == "K" and self.commutation_follows():
            return self.commutation(token)
        return Node("sym", [], name, start, end)

    def commutation_follows(self) -> bool:
        i = self.i
        if i >= len(self.tokens) or self.tokens[i].text != "(" or self.tokens[i].spaced:
            return False
        depth = 0
        for t in self.tokens[i : i + 40]:
            depth += (t.kind == "open") - (t.kind == "close")
            if t.text == "," and depth == 1:
                return True
            if not depth:
                break
        return False

    def commutation(self, token: Token) -> Node:
        end = self.i
        depth = 0
        while end < len(self.tokens):
            depth += (self.tokens[end].kind == "open") - (self.tokens[end].kind == "close")
            if not depth:
                break
            end += 1
        if end == len(self.tokens):
            raise self.error("( is not closed", self.tokens[self.i])
        inside = self.source[self.tokens[self.i].end : self.tokens[end].start]
        at = self.tokens[self.i].end
        dims = tuple(self.dimension(part, (at, at + len(inside))) for part in inside.split(","))
        if len(dims) != 2:
            raise self.error("the commutation matrix K(m, n) has two sizes", (token.start, self.tokens[end].end))
        self.i = end + 1
        return Node("commutation", [], dims, token.start, self.tokens[end].end)

    def enter(self, op: _Op) -> None:
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise LimitError(
                "the formula is nested too deeply", self.source, op.token.span, f"at most {MAX_NESTING} brackets deep"
            )
        self.ops.append(op)

    def open(self, token: Token, data: Any) -> None:
        self.enter(_Op(0, "open", token.text, token, data))

    def function(self, token: Token) -> bool:
        name = token.text
        following = self.tokens[self.i] if self.i < len(self.tokens) else None
        if name in CONSTANT_CALLS and (following is None or following.text != "("):
            if name == "eye":
                size = None
                if following is not None and following.text == "_":
                    raise self.error("write I_n for the identity of size n", following)
                return self.done(Node("eye", [], size, token.start, token.end))
            if name == "ones" or name == "zeros":
                return self.done(Node("ones" if name == "ones" else "zero", [], None, token.start, token.end))
            raise self.error(f"{name} needs its entry, as in {name}(1)", token)
        exponent: int | None = None
        if following is not None and (following.kind == "sup" or following.text == "^"):
            exponent, following = self.function_power(token, following)
        if following is not None and following.text == "_":
            base = self.log_base(token, name)
            following = self.tokens[self.i] if self.i < len(self.tokens) else None
        else:
            base = None
        data = (name, exponent, base, token.start)
        if following is not None and following.kind == "open" and following.text in ("(", "[", "{", "\\{"):
            if not ("call" in self.loose and not self.comma_inside()):
                self.i += 1
                self.open(following, data)
                return True
        if following is not None and following.kind == "name" and following.braced:
            self.ops.append(_Op(99, "collect", "apply", token, data, need=1))
            return True
        # An elementwise function ends where the next function begins: log x log y.
        for op in reversed(self.ops):
            if op.kind == "prefix" and op.text == "call" and len(self.operands) > op.data[3]:
                if op.data[0] in ELEMENTWISE or op.data[0] in ("det", "logdet"):
                    self.end_prefix(op)
                break
            if op.kind in ("open", "bar") or (op.kind == "infix" and op.level <= PREFIX):
                break
        self.ops.append(_Op(PREFIX, "prefix", "call", token, (name, exponent, base, len(self.operands))))
        return True

    def end_prefix(self, op: _Op) -> None:
        """Close the function `op` before the product sign on top of the stack, so that log x log y is a product."""
        sign = self.ops.pop()
        if sign is op or sign.kind != "infix":
            self.ops.append(sign)
            return
        while self.ops[-1] is not op:
            self.reduce(self.ops[-1].level - 1)
        self.reduce(PREFIX - 1, once=True)
        self.ops.append(sign)

    def comma_inside(self) -> bool:
        depth = 0
        for t in self.tokens[self.i :]:
            depth += (t.kind == "open") - (t.kind == "close")
            if t.text == "," and depth == 1:
                return True
            if not depth:
                break
        return False

    def function_power(self, token: Token, following: Token) -> tuple[int, Token | None]:
        r"""`\log^2(x)`: the exponent, and the token after it."""
        if following.kind == "sup":
            value, self.i = following.value, self.i + 1
        else:
            held = self.tokens[self.i + 1 : self.i + 4]
            if held and held[0].kind == "num":
                value, self.i = held[0].value, self.i + 2
            elif len(held) == 3 and held[0].text == "{" and held[1].kind == "num" and held[2].text == "}":
                value, self.i = held[1].value, self.i + 4
            else:
                value = None
        if not isinstance(value, Fraction) or value.denominator != 1 or value < 1:
            raise self.error(
                f"this power of {token.text} can mean its inverse or its reciprocal", (token.start, following.end),
                f"write {token.text}(…)^k, or the name of the inverse function",
            )  # fmt: skip
        return int(value), self.tokens[self.i] if self.i < len(self.tokens) else None

    def log_base(self, token: Token, name: str) -> Fraction:
        held = self.tokens[self.i + 1 : self.i + 4]
        if name == "log" and held and held[0].kind == "num":
            self.i += 2
            return Fraction(held[0].value)
        if name == "log" and len(held) == 3 and held[0].text == "{" and held[1].kind == "num" and held[2].text == "}":
            self.i += 4
            return Fraction(held[1].value)
        raise self.error(f"a subscript of {token.text} is not read", self.tokens[self.i])

    def root(self, token: Token) -> bool:
        following = self.tokens[self.i] if self.i < len(self.tokens) else None
        degree = Fraction(2)
        if following is not None and following.text == "[" and token.text == "sqrt":
            held = self.tokens[self.i + 1 : self.i + 3]
            if len(held) != 2 or held[0].kind != "num" or held[1].text != "]" or not held[0].value:
                raise self.error("the degree of a root is a number", following)
            degree = Fraction(held[0].value)
            self.i += 3
        self.enter(_Op(99, "collect", "sqrt", token, degree, need=1))
        return True

    def sigma(self, token: Token) -> bool:
        r"""`\sum_{i=1}^{n}` and what it sums over."""
        names: list[str] = []
        lower = upper = None
        if isinstance(token.value, str):
            names.append(token.value)
        while self.i < len(self.tokens):
            t = self.tokens[self.i]
            if t.text == "_" and not names:
                lower, held = self.limit()
                if not held:
                    raise self.error("the index of the sum is missing", t)
                if held[0].text == "(" or any(h.text in ("∈", "<", ">", "≤", "≥") or h.text == "≠" for h in held):
                    raise self.error(
                        "a sum over a set of indices has no matrix form", (token.start, held[-1].end),
                        "write the matrix formula; a mask M of zeros and ones selects entries: ‖M ⊙ (…)‖²",
                    )  # fmt: skip
                i = 0
                while i < len(held) and held[i].kind == "name":
                    names.append(str(held[i].value))
                    i += 1
                    if i < len(held) and held[i].text == ",":
                        i += 1
                if i < len(held) and (held[i].text != "=" or i + 1 >= len(held) or held[i + 1].value != 1):
                    raise self.error(
                        "a sum runs from 1 to the number of rows or entries", (held[0].start, held[-1].end)
                    )
                if i < len(held) and len(held) > i + 2:
                    raise self.error("this index of a sum is not read", (held[0].start, held[-1].end))
            elif t.kind == "low" and not names:
                names += list(t.text)
                self.i += 1
            elif t.text == "^" and upper is None:
                _, held = self.limit()
                upper = self.source[held[0].start : held[-1].end] if held else None
            elif t.kind == "sup" and upper is None:
                upper = str(t.text)
                self.i += 1
            else:
                break
        size = self.dimension(upper, token.span) if upper is not None else None
        end = self.tokens[self.i - 1].end
        following = self.tokens[self.i] if self.i < len(self.tokens) else None
        if not names and following is not None and following.text == "(" and token.kind == "sum" and token.text == "∑":
            pass
        self.ops.append(_Op(PREFIX, "prefix", "sigma", token, (tuple(names), size, end, len(self.operands))))
        return True

    def limit(self) -> tuple[Token, list[Token]]:
        """The tokens of a sub- or superscript at `i`, which they leave behind."""
        sign = self.tokens[self.i]
        self.i += 1
        if self.i >= len(self.tokens):
            raise self.error("a limit of the sum is missing", sign)
        first = self.tokens[self.i]
        if first.text != "{":
            self.i += 1
            return sign, [first]
        depth, start = 0, self.i
        while self.i < len(self.tokens):
            t = self.tokens[self.i]
            depth += (t.text == "{") - (t.text == "}")
            self.i += 1
            if not depth:
                return sign, self.tokens[start + 1 : self.i - 1]
        raise self.error("{ is not closed", first)

    def done(self, node: Node) -> bool:
        """An operand is complete; collectors that wait for it take it."""
        while self.ops and self.ops[-1].kind == "collect":
            op = self.ops[-1]
            op.items.append(node)
            if len(op.items) < op.need:
                return True
            self.ops.pop()
            if op.text in ("frac", "sqrt", "norm", "bars", "inner"):
                self.depth -= 1
            node = self.collected(op, node.end)
        self.operands.append(node)
        return False

    def collected(self, op: _Op, end: int) -> Node:
        items, start = op.items, op.token.start
        if op.text == "frac":
            return Node("div", items, "frac", start, end)
        if op.text == "sqrt":
            return Node("root", items, op.data, start, end)
        if op.text == "neg":
            return Node("neg", items, None, start, end)
        if op.text == "apply":
            return self.applied(op.data, items, start, end, op.token)
        if op.text in ("norm", "bars", "inner"):
            return Node(op.text, items, "2" if op.text == "norm" else None, start, end)
        base = op.data[0]
        return Node(op.text, [base, *items], op.data[1], base.start, end)

    # Where an operand has just ended

    def after_operand(self, token: Token) -> bool:
        kind, text = token.kind, token.text
        if kind == "trans":
            self.i += 1
            self.wrap("trans", token)
            return False
        if kind == "sup":
            self.i += 1
            if text == "-T":
                self.wrap("inv", token)
                self.wrap("trans", token)
            else:
                self.power_check(token)
                base = self.operands[-1]
                exponent = Node("num", [], token.value, token.start, token.end)
                self.operands[-1] = Node("pow", [base, exponent], "sup", base.start, token.end)
            return False
        if kind == "method":
            self.i += 1
            base = self.operands.pop()
            self.operands.append(Node("call", [base], text, base.start, token.end))
            return False
        if kind == "op":
            return self.infix(token)
        if kind == "low":
            self.i += 1
            self.norm_subscript([token], token)
            return False
        if kind == "close":
            return self.close(token)
        if kind == "bar":
            return self.bar(token)
        if kind in _OPERAND:
            if kind == "open" and text == "[" and not token.spaced and self.index_follows():
                self.submatrix(token)
                return False
            self.push_infix(JUXTAPOSED, " ", token)
            return True
        if kind == "star":
            raise self.error(f"{text} is not read", token, "formulas are real")
        if kind == "bad":
            raise self.error(f"{text} is not read", token, "write two formulas")
        if kind == "reals":
            raise self.error("a set is not a formula", token, "declare shapes in `where`, as in W: m×n")
        if kind == "newline":
            self.i += 1
            return False
        raise self.error(f"{text} is not expected here", token)

    def wrap(self, op: str, token: Token) -> None:
        base = self.operands[-1]
        if op == "trans" and base.op == "num" and not base.paren and base.data in (1, 11):
            # 1ᵀ is the row of ones, 11ᵀ the matrix of ones
            ones = Node("ones", [], None, base.start, base.end)
            self.operands[-1] = Node("trans", [ones], None, base.start, token.end)
            if base.data == 11:
                first = Node("ones", [], None, base.start, base.end)
                self.operands[-1] = Node("prod", [first, self.operands[-1]], (" ",), base.start, token.end)
                self.operands[-1].paren = True
            return
        self.operands[-1] = Node(op, [base], None, base.start, token.end)

    def power_check(self, token: Token) -> None:
        base = self.operands[-1]
        if base.op in ("pow", "elpow") and not base.paren and base.data != "fpow":
            raise self.error("a power of a power is ambiguous", (base.start, token.end), "write (a^b)^c or a^(b^c)")

    def infix(self, token: Token) -> bool:
        text = token.text
        if text in ("^", "**", ".^"):
            return self.power(token)
        if text == "_":
            self.i += 1
            self.subscript(token)
            return False
        if text in LEVELS:
            level = LEVELS[text]
            if text in (".*", "./") and "dot" in self.loose:
                level = PRODUCT - 5
            if text in ("⊙", "⊘") and "hadamard" in self.loose:
                level = JUXTAPOSED + 5
            self.i += 1
            self.push_infix(level, text, token)
            return True
        if text in (",", ";", "&"):
            return self.separator(token)
        if text == "=":
            raise self.error("a second = is not read", token, "give one formula; definitions are separated by ;")
        if text in "!?":
            raise self.error(f"{text} is not read", token)
        if text in ("<", ">", "≤", "≥", "∈", "→"):
            raise self.error(f"{text} has no place in a formula", token, "sizes and properties are declared in `where`")
        raise self.error(f"{text} is not expected here", token)

    def push_infix(self, level: int, text: str, token: Token) -> None:
        self.reduce(level)
        self.ops.append(_Op(level, "infix", text, token))

    def power(self, token: Token) -> bool:
        tokens = self.tokens
        self.i += 1
        if self.i >= len(tokens):
            raise self.error("nothing follows the power sign", token)
        following = tokens[self.i]
        dotted = token.text == ".^"
        if not dotted:
            special = self.superscript(token, following)
            if special is not None:
                return special
        self.power_check(following)
        base = self.operands.pop()
        self.ops.append(_Op(99, "collect", "elpow" if dotted else "pow", token, (base, token.text), need=1))
        return True

    def superscript(self, token: Token, following: Token) -> bool | None:
        """A superscript that is no exponent: a transpose, an inverse transpose, a Hadamard power.

        Whether an operand is expected next; None if it is an exponent after all.
        """
        tokens = self.tokens
        if following.kind == "star" or (following.text == "*" and token.text == "^"):
            raise self.error(
                "conjugates and optima (^*) are not read: formulas are real", (token.start, following.end),
                "write ^T for a transpose, or give the symbol another name",
            )  # fmt: skip
        if following.text == "+" and not (self.i + 1 < len(tokens) and tokens[self.i + 1].kind == "num"):
            raise self.error(
                "a pseudo-inverse is not read", (token.start, following.end), "write (AᵀA)⁻¹ Aᵀ for full column rank"
            )
        if following.text == "{" and self.i + 1 < len(tokens) and tokens[self.i + 1].text == "⊙":
            self.i += 2  # {\odot 2}: the rest of the group is the exponent
            base = self.operands.pop()
            self.ops.append(_Op(99, "collect", "elpow", token, (base, ".^"), need=1))
            self.open(following, "group")
            return True
        held = [following]
        end = self.i + 1
        if following.text == "{":
            depth = 0
            for j in range(self.i, min(len(tokens), self.i + 6)):
                depth += (tokens[j].text == "{") - (tokens[j].text == "}")
                if not depth:
                    held, end = tokens[self.i + 1 : j], j + 1
                    break
            else:
                return None
        minus = len(held) == 2 and held[0].text == "-"
        mark = held[1] if minus else held[0] if len(held) == 1 else None
        if mark is not None and mark.kind == "star":
            raise self.error("conjugates are not read: formulas are real", (token.start, held[-1].end))
        if mark is not None and mark.kind == "name" and mark.value == "H" and "H" not in self.known:
            raise self.error(
                "conjugate transposes are not read: formulas are real", (token.start, mark.end), "write ^T"
            )
        if mark is not None and (mark.kind == "trans" or (mark.kind == "name" and mark.value in ("T", "t"))):
            if mark.kind == "name" and mark.value in self.known and not minus:
                base = self.operands.pop()
                exponent = Node("sym", [], mark.value, mark.start, mark.end)
                self.operands.append(Node("transpow", [base, exponent], None, base.start, tokens[end - 1].end))
                self.i = end
                return False
            self.i = end
            if minus:
                self.wrap("inv", tokens[end - 1])
            self.wrap("trans", tokens[end - 1])
            return False
        if len(held) == 1 and held[0].text == "*":
            raise self.error("conjugates and optima (^*) are not read: formulas are real", (token.start, held[0].end))
        return None

    def subscript(self, token: Token) -> None:
        tokens = self.tokens
        if self.i >= len(tokens):
            raise self.error("a subscript is missing", token)
        first = tokens[self.i]
        if first.text == "+":
            self.i += 1
            base = self.operands.pop()
            self.operands.append(Node("call", [base], "relu", base.start, first.end))
            return
        self.i -= 1
        _, held = self.limit()
        self.norm_subscript(held, first)

    def norm_subscript(self, held: list[Token], first: Token) -> None:
        node = self.operands[-1]
        outer = node
        if node.op == "pow" and not node.paren and node.args[0].op == "norm":
            node = node.args[0]
        if node.op != "norm" or node.paren:
            raise self.error(
                "an entry of a matrix is not read", (outer.start, held[-1].end if held else first.end),
                "formulas are in terms of whole matrices; sums over indices are read as \\sum_i",
            )  # fmt: skip
        shown = [str(t.value) if t.kind == "name" else t.text for t in held]
        words = "".join("F" if word in ("F", "Fro", "fro", "HS") else word for word in shown)
        kind = {
            "2": "2",
            "F": "F",
            "1": "1",
            "*": "*",
            "op": "op",
            "2F": "F",
            "nuc": "*",
            "tr": "*",
            "sp": "op",
            "spec": "op",
        }.get(words)
        if kind is None:
            if words.isdigit() or words in ("∞", "p", "q", "max"):
                raise self.error(
                    f"the {words}-norm is not read",
                    (node.start, held[-1].end),
                    "known: ‖x‖, ‖x‖₁, ‖X‖_F, ‖X‖_*, ‖X‖_op",
                )
            raise self.error(
                f"a norm weighted by {words} is not read",
                (node.start, held[-1].end),
                f"write xᵀ {words} x for its square",
            )
        node.data = kind
        outer.end = max(outer.end, held[-1].end)
        node.end = max(node.end, held[-1].end)

    # Brackets

    def barrier(self) -> _Op | None:
        for op in reversed(self.ops):
            if op.kind in ("open", "bar"):
                return op
        return None

    def close(self, token: Token) -> bool:
        self.reduce(-1)
        top = self.ops[-1] if self.ops else None
        if top is None:
            raise self.error(f"{self.bracket(token.text)} closes what was not opened", token)
        if top.kind == "bar":
            raise self.error(f"{top.text} is not closed", (top.token.start, token.end))
        if PAIRS.get(top.text) != token.text:
            raise self.error(
                f"{self.bracket(top.text)} is closed by {self.bracket(token.text)}", (top.token.start, token.end)
            )
        self.ops.pop()
        self.depth -= 1
        self.i += 1
        node = self.operands.pop()
        start, end = top.token.start, token.end
        if isinstance(top.data, tuple):
            items = [item for row in top.rows for item in row] + top.items + [node]
            if top.rows:
                raise self.error("a semicolon has no place in a call", (start, end))
            function = top.data
            return self.done(self.applied(function, items, function[3], end, top.token))
        if top.text == "⟨":
            if len(top.items) != 1 or top.rows:
                raise self.error("an inner product has two sides, as in ⟨A, B⟩", (start, end))
            return self.done(Node("inner", [top.items[0], node], None, start, end))
        if top.items or top.rows or top.text == "matrix":
            if top.text not in ("[", "matrix"):
                raise self.error("a list in round brackets is not read", (start, end), "a block matrix is [A, B; C, D]")
            rows = [*top.rows, [*top.items, node]]
            if top.text == "[" and all(len(row) == 1 for row in rows):
                split = [self.row_of(row[0]) for row in rows]
                if len({len(row) for row in split}) == 1:
                    rows = split
            if len({len(row) for row in rows}) > 1:
                raise self.error("the rows of a block matrix have different numbers of blocks", (start, end))
            flat = [item for row in rows for item in row]
            return self.done(Node("block", flat, (len(rows), len(rows[0])), start, end))
        node.paren = True
        node.start, node.end = start, end
        return self.done(node)

    def row_of(self, node: Node) -> list[Node]:
        """`[A B; C D]`: blocks side by side look like a product."""
        if node.op == "prod" and not node.paren and all(op == " " for op in node.data):
            return node.args
        return [node]

    def bracket(self, text: str) -> str:
        return {"matrix": "\\end{matrix}"}.get(text, text)

    def bar(self, token: Token) -> bool:
        top = self.barrier()
        if top is not None and top.kind == "bar" and token.value != "l":
            if top.text == token.text:
                self.i += 1
                self.reduce(-1)
                self.ops.pop()
                self.depth -= 1
                node = self.operands.pop()
                start, end = top.token.start, token.end
                if top.text == "|":
                    return self.done(Node("bars", [node], None, start, end))
                return self.done(Node("norm", [node], "2", start, end))
            if token.text == "‖" and top.text == "|" and token.end - token.start == 2:
                first = Token("bar", "|", token.start, token.start + 1, "")
                second = Token("bar", "|", token.start + 1, token.end, "")
                self.tokens[self.i : self.i + 1] = [first, second]
                return self.bar(first)
        if token.value == "r":
            raise self.error(f"{token.text} closes what was not opened", token)
        self.push_infix(JUXTAPOSED, " ", token)
        return True

    def separator(self, token: Token) -> bool:
        top = self.barrier()
        if top is None or top.kind == "bar":
            raise self.error(f"{token.text} is not expected here", token, "definitions are separated by ;")
        self.reduce(-1)
        self.i += 1
        if token.text == ";":
            top.rows.append([*top.items, self.operands.pop()])
            top.items = []
            if self.i < len(self.tokens) and self.tokens[self.i].text == "matrix":  # \\ before \end
                last = top.rows.pop()
                top.items, node = last[:-1], last[-1]
                self.operands.append(node)
                return False
        else:
            top.items.append(self.operands.pop())
        return True

    def index_follows(self) -> bool:
        depth = 0
        colons = 0
        for t in self.tokens[self.i : self.i + 60]:
            depth += (t.kind == "open" and t.text == "[") - (t.kind == "close" and t.text == "]")
            if not depth:
                return colons == 2
            colons += t.text == ":"
        return False

    def submatrix(self, token: Token) -> None:
        end = self.i
        while self.tokens[end].text != "]":
            end += 1
        inside = self.source[token.end : self.tokens[end].start].replace("{:}", ":")
        ranges = []
        for part in inside.split(","):
            low, colon, high = part.partition(":")
            if not colon:
                raise self.error("a window is A[first:last, first:last]", (token.start, self.tokens[end].end))
            span = (token.start, self.tokens[end].end)
            ranges += [self.dimension(low, span), self.dimension(high, span)]
        if len(ranges) != 4:
            raise self.error("a window is A[first:last, first:last]", (token.start, self.tokens[end].end))
        base = self.operands.pop()
        data = (ranges[0], ranges[1] - ranges[0], ranges[2], ranges[3] - ranges[2])
        self.i = end + 1
        self.operands.append(Node("submatrix", [base], data, base.start, self.tokens[end].end))

    # Reduction

    def reduce(self, level: int, once: bool = False) -> None:
        """Apply the operators on top of the stack that bind more than `level`."""
        ops = self.ops
        while ops and ops[-1].kind in ("infix", "prefix") and ops[-1].level > level:
            top = ops[-1]
            if top.kind == "prefix":
                ops.pop()
                node = self.operands.pop()
                self.operands.append(self.prefixed(top, node))
                if once:
                    return
                continue
            chain = []
            while ops and ops[-1].kind == "infix" and ops[-1].level == top.level:
                chain.append(ops.pop())
            chain.reverse()
            count = len(chain) + 1
            args = self.operands[-count:]
            del self.operands[-count:]
            self.operands.append(self.chain(chain, args))

    def prefixed(self, op: _Op, node: Node) -> Node:
        start, end = op.token.start, node.end
        if op.text == "-":
            return Node("neg", [node], None, start, end)
        if op.text == "sigma":
            names, size, _, _ = op.data
            if not names:
                return Node("call", [node], "sum", start, end)
            return Node("sigma", [node], (names, size), start, end)
        if op.data[0] in ELEMENTWISE and node.op == "prod" and not node.paren:
            inside = self.cut(node)
            self.readings.append(f"{op.token.text} {inside} is read as {op.data[0]}({inside})")
        return self.applied(op.data, [node], start, end, op.token)

    def applied(self, function: tuple[Any, ...], args: list[Node], start: int, end: int, at: Token) -> Node:
        name, exponent, base = function[:3]
        if name in CONSTANT_CALLS or name == "unvec":
            return self.sized(name, args, start, end)
        low, high = ARITY.get(name, (1, 1))
        if not low <= len(args) <= high:
            wanted = "one operand" if low == high == 1 else "two operands" if low == high == 2 else f"{low} or {high} operands"
            raise self.error(f"{name} takes {wanted}, not {len(args)}", (start, end))
        node = Node("call", args, name, start, end)
        if base is not None:
            node = Node(
                "prod", [node, Node("call", [Node("num", [], base, start, end)], "log", start, end)], ("/",), start, end
            )
        if exponent is not None and exponent != 1:
            power = Node("num", [], Fraction(exponent), start, end)
            node = Node("pow", [node, power], "fpow", start, end)
        return node

    def sized(self, name: str, args: list[Node], start: int, end: int) -> Node:
        """`eye(n)`, `ones(m, n)`, `vector(1)`, `unvec(v, m, n)`: what stands in the brackets are sizes."""
        if name in ("vector", "matrix"):
            if len(args) != 1 or args[0].op not in ("num", "zero"):
                raise self.error(f"{name} takes one number, as in {name}(1)", (start, end))
            sizes = None if name == "vector" else (None, None)
            if args[0].op == "zero":
                return Node("zero", [], sizes or (None, ONE), start, end)
            ones = Node("ones" if name == "vector" else "onesm", [], sizes, start, end)
            return ones if args[0].data == 1 else Node("prod", [args[0], ones], (" ",), start, end)
        first = 1 if name == "unvec" else 0
        dims = [
            self.dimension(self.source[a.start : a.end].replace("[", "(").replace("]", ")"), a.span)
            for a in args[first:]
        ]
        if name == "unvec":
            if len(dims) != 2:
                raise self.error("unvec takes a vector and two sizes, as in unvec(v, m, n)", (start, end))
            return Node("unvec", args[:1], (dims[0], dims[1]), start, end)
        if len(dims) > 2 or (name == "eye" and len(dims) == 2 and dims[0] is not dims[1]):
            raise self.error(f"{name} takes a size, as in {name}(n)", (start, end))
        if name == "eye":
            return Node("eye", [], dims[0], start, end)
        if len(dims) == 2 and dims[0] is ONE and dims[1] is not ONE:
            if name == "zeros":
                return Node("zero", [], (dims[0], dims[1]), start, end)
            return Node("trans", [Node("ones", [], dims[1], start, end)], None, start, end)
        kind = "zero" if name == "zeros" else "ones" if len(dims) == 1 or dims[1] is ONE else "onesm"
        return Node(kind, [], (dims[0], dims[1] if len(dims) == 2 else ONE), start, end)

    def chain(self, ops: list[_Op], args: list[Node]) -> Node:
        level = ops[0].level
        start, end = args[0].start, args[-1].end
        if level == SUM:
            signs = [1, *(1 if op.text == "+" else -1 for op in ops)]
            return Node("sum", args, tuple(signs), start, end)
        if level == COLON:
            node = args[0]
            for arg in args[1:]:
                node = Node("inner", [node, arg], None, node.start, arg.end)
            return node
        if level == KRON:
            node = args[0]
            for arg in args[1:]:
                node = Node("kron", [node, arg], None, node.start, arg.end)
            return node
        if ops[0].text in ("⊙", "⊘"):
            return Node("had", args, tuple(op.text for op in ops), start, end)
        return self.product(ops, args)

    def product(self, ops: list[_Op], args: list[Node]) -> Node:
        """`* @ · / .* ./` and juxtaposition, left to right."""
        current = [args[0]]
        kinds: list[str] = []
        for op, arg in zip(ops, args[1:], strict=True):
            if op.text in (".*", "./"):
                left = self.joined(current, kinds)
                right = "⊙" if op.text == ".*" else "⊘"
                if left.op == "had" and not left.paren:
                    left = Node("had", [*left.args, arg], (*left.data, right), left.start, arg.end)
                else:
                    left = Node("had", [left, arg], (right,), left.start, arg.end)
                current, kinds = [left], []
                continue
            extra: list[Node] = []
            if op.text == "/" and arg.op == "prod" and not arg.paren:
                arg, extra = self.divisor(current, arg, op)
            kinds.append(op.text)
            current.append(arg)
            for factor in extra:
                kinds.append(" ")
                current.append(factor)
        return self.joined(current, kinds)

    def joined(self, args: list[Node], kinds: list[str]) -> Node:
        if len(args) == 1:
            return args[0]
        flat: list[Node] = []
        flat_kinds: list[str] = []
        for i, arg in enumerate(args):
            if i:
                flat_kinds.append(kinds[i - 1])
            if arg.op == "prod" and not arg.paren and (i == 0 or kinds[i - 1] != "/"):
                flat += arg.args
                flat_kinds += arg.data
            else:
                flat.append(arg)
        return Node("prod", flat, tuple(flat_kinds), args[0].start, args[-1].end)

    def is_enclosed(self, node: Node) -> bool:
        """Whether it is a bracket, a norm or a call, perhaps to a power."""
        while node.op in ("pow", "trans", "elpow") and not node.paren:
            node = node.args[0]
        return node.paren or node.op in ("norm", "bars", "call", "inner", "sigma")

    def divisor(self, above: list[Node], below: Node, op: _Op) -> tuple[Node, list[Node]]:
        """`a/b c`: refused, except 1/n before a bracket, where nobody means anything else."""
        first, rest = below.args[0], below.args[1:]
        if len(above) == 1 and above[0].op == "num" and first.op == "sym" and all(self.is_enclosed(f) for f in rest):
            shown = f"{self.cut(above[0])}/{self.cut(first)}"
            self.readings.append(
                f"{shown} {self.source[rest[0].start : rest[-1].end].strip()} is read as ({shown}) times what follows"
            )
            return first, rest
        a, b = self.cut(above[-1]), self.cut(first)
        c = self.source[rest[0].start : rest[-1].end].strip()
        raise self.error(
            f"{a}/{self.cut(below)} can be read in two ways", (above[-1].start, below.end),
            f"write ({a}/{b}) {c} or {a}/({b} {c})",
        )  # fmt: skip


__all__ = ["CLOSING", "Node", "Parser"]
