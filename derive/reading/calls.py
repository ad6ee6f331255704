"""Functions, roots, sums and constants with sizes."""

from __future__ import annotations

from fractions import Fraction

from .scripts import Scripts
from .stacks import CONSTANT_CALLS, PREFIX, Node, Op
from .tokens import Token
from .vocabulary import ELEMENTWISE, OF_ROWS, PER_ROW


class Calls(Scripts):
    """Reads what begins with the name of a function."""

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
        if following is not None and following.text == "_" and name in PER_ROW | OF_ROWS:
            name = f"{name}_{self.axis(following)}"
            base, following = None, self.tokens[self.i] if self.i < len(self.tokens) else None
        elif following is not None and following.text == "_":
            base = self.log_base(token, name)
            following = self.tokens[self.i] if self.i < len(self.tokens) else None
        else:
            base = token.value
        data = (name, exponent, base, token.start)
        if following is not None and following.kind == "open" and following.text in ("(", "[", "{", "\\{"):
            if not ("call" in self.loose and name in ("tr", "det", "logdet") and not self.comma_inside()):
                self.i += 1
                self.open(following, data)
                return True
        if following is not None and following.kind == "name" and following.braced:
            self.ops.append(Op(99, "collect", "apply", token, data, need=1))
            return True
        # An elementwise function ends where the next function begins: log x log y.
        for op in reversed(self.ops):
            if op.kind == "prefix" and op.text == "call":
                is_full = len(self.operands) > op.data[3]
                if is_full and (op.data[0] in ELEMENTWISE or op.data[0] in ("det", "logdet")):
                    self.end_prefix(op)
                break
            if op.kind in ("open", "bar") or (op.kind == "infix" and op.level <= PREFIX):
                break
        self.ops.append(Op(PREFIX, "prefix", "call", token, (name, exponent, base, len(self.operands))))
        return True

    def axis(self, at: Token) -> str:
        r"""The axis in a subscript: `\operatorname{softmax}_{\mathrm{row}}`."""
        following = self.tokens[self.i + 1] if self.i + 1 < len(self.tokens) else at
        word = str(following.value or following.text)
        if word not in ("row", "col", "rows", "cols", "columns"):
            raise self.error("a subscript of a function is row or col", at)
        self.i += 2
        return word[:3]

    def end_prefix(self, op: Op) -> None:
        """Close the function `op` before the product sign on top of the stack, so that log x log y is a product."""
        sign = self.ops.pop()
        if sign is op or sign.kind != "infix":
            self.ops.append(sign)
            return
        while self.ops[-1] is not op:
            self.reduce(self.ops[-1].level - 1, once=True)
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
        self.enter(Op(99, "collect", "sqrt", token, degree, need=1))
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
        self.ops.append(Op(PREFIX, "prefix", "sigma", token, (tuple(names), size, end, len(self.operands))))
        return True

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
