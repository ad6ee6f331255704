"""Tokens to a syntax tree, with the precedences of the interface.

A precedence parser with explicit stacks, so that depth costs memory and never the call
stack.  Products stay undecided here: whether `a b` scales, multiplies or takes an inner
product is known once the shapes are (`kinds`).
"""

from __future__ import annotations

from fractions import Fraction

from .. import names
from ..errors import LimitError, ParseError
from . import calls, scripts
from .limits import MAX_OPERATIONS
from .stacks import COMPARISON, JUXTAPOSED, LEVELS, PRODUCT, SIGN, SUM, Node, Op, Stacks
from .tokens import Token
from .vocabulary import PAIRS, REFUSED_FUNCTIONS, way_out

_OPERAND = frozenset("num name func own unknown frac sqrt sum one zero open half macro".split())


def takes_condition(bracket: Op) -> bool:
    """Whether an inequality may stand in it: the first operand of `where`, the right column of cases."""
    if bracket.text == "cases":
        return len(bracket.items) == 1
    return isinstance(bracket.data, tuple) and bracket.data[0] == "where" and not bracket.items


class Parser(Stacks):
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

    def parse(self) -> Node:
        tokens = self.tokens
        if len(tokens) > MAX_OPERATIONS:
            raise LimitError(
                f"the formula has {len(tokens):,} symbols and operators", hint=f"at most {MAX_OPERATIONS:,} are read"
            )
        calls.apply_mapped(self)
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
            self.missing()
        self.refuse_left_open()
        self.reduce(-1)
        for op in self.ops:
            if op.kind in ("open", "bar"):
                shown = {"matrix": "\\begin{matrix}", "cases": "\\begin{cases}"}.get(op.text, op.text)
                raise self.error(f"{shown} is not closed", op.token)
        return self.operands[0]

    def refuse_left_open(self) -> None:
        """Refuse ‖(W x − y‖², of which the second bars do not open another norm: the bracket is not closed."""
        marks = [op for op in self.ops if op.kind in ("open", "bar")]
        if marks and marks[-1].kind == "bar":
            below = next((i for i in range(len(marks) - 2, -1, -1) if marks[i].kind == "bar"), len(marks) - 2)
            if below < len(marks) - 2 and below >= 0 and marks[below].text == marks[-1].text:
                raise self.error(f"{self.bracket(marks[-2].text)} is not closed", marks[-2].token)

    def missing(self) -> None:
        self.refuse_left_open()
        for op in reversed(self.ops):
            if op.kind == "collect":
                raise self.error(f"{self.shown(op)} lacks an argument", op.token)
            if op.kind == "prefix":
                raise self.error(f"{self.shown(op)} lacks its operand", op.token)
            if op.kind == "infix":
                raise self.error(f"nothing follows {op.text}", op.token)
            raise self.error(f"{op.text} is not closed", op.token)
        raise self.error("the formula is empty", (0, len(self.source)))

    def shown(self, op: Op) -> str:
        words = {"pow": "the power", "elpow": "the power", "frac": "\\frac", "sqrt": "the root", "-": "the minus"}
        words |= {"neg": "the minus", "sigma": "the sum", "bars": "\\abs", "norm": "\\norm", "inner": "\\inner"}
        return str(op.data[0]) if op.text in ("call", "apply") else words.get(op.text, op.text)

    def merge_fractions(self) -> None:
        """`1/2x` is ½ x: a number over a number is one number."""
        tokens = self.tokens
        merged: list[Token] = []
        i = 0
        while i < len(tokens):
            t, behind = tokens[i], tokens[i + 1 : i + 4]
            is_fraction = [b.text for b in behind[:1]] == ["/"] and [b.kind for b in (t, *behind[1:2])] == ["num"] * 2
            is_raised = len(behind) > 2 and (behind[2].kind == "sup" or behind[2].text in ("^", "**", ".^"))
            is_part = bool(merged) and merged[-1].kind in ("op", "frac")
            is_part = is_part and merged[-1].text in ("/", "^", "**", ".^", "./", "_", "frac")
            if is_fraction and not is_raised and not is_part:
                below = behind[1]
                if not below.value:
                    raise self.error("division by zero", below)
                token = t.instead("num", self.source[t.start : below.end], below.end, t.value / below.value)
                merged.append(token)
                i += 3
                if i < len(tokens) and tokens[i].kind == "name" and not tokens[i].spaced:
                    self.check_divisor(t, below, i)
                    self.readings.append(f"{token.text}{tokens[i].text} is read as ({token.text}) {tokens[i].text}")
                continue
            merged.append(t)
            i += 1
        self.tokens = merged

    def check_divisor(self, above: Token, below: Token, i: int) -> None:
        """Refuse `1/2n ‖…‖²`: the letter that touches the number may belong to it, or to what follows."""
        tokens, j = self.tokens, i + 1
        while j < len(tokens) and (tokens[j].kind == "sup" or tokens[j].text in ("^", "**")):
            j += 2 if tokens[j].kind == "op" else 1
        if j < len(tokens) and (tokens[j].kind in ("bar", "sum", "func") or tokens[j].text in ("(", "[", "\\{")):
            letter = self.source[tokens[i].start : tokens[j - 1].end]
            first, second = above.text, self.source[below.start : below.end]
            raise self.error(
                f"{first}/{second}{letter} before {tokens[j].text} can be read in two ways",
                (above.start, tokens[j - 1].end),
                f"write {first}/({second}{letter}) or ({first}/{second}) {letter}",
            )  # fmt: skip

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
            before = self.tokens[self.i - 2] if self.i > 1 else None
            is_behind = before is not None and before.end == token.start and (top is None or top.token is not before)
            if before is not None and is_behind and before.text in (")", "]", "‖", "|"):
                raise self.error(
                    f"{token.text} right behind {before.text} may be an exponent that lost its height", token,
                    f"write {before.text}^{token.text[-1]} for a power, a space before a factor",
                )  # fmt: skip
            if not token.value:
                return self.done(Node("zero", [], None, token.start, token.end))
            return self.done(Node("num", [], token.value, token.start, token.end))
        if kind == "name":
            return self.done(self.name(token))
        if kind == "half":
            return self.done(Node("num", [], Fraction(1, 2), token.start, token.end))
        if kind == "one":
            size = self.dimension(token.low[0], token.span) if token.low else None
            return self.done(Node("ones", [], size, token.start, token.end))
        if kind == "zero":
            return self.done(Node("zero", [], None, token.start, token.end))
        if kind == "op" and token.text in ("-", "+"):
            if token.text == "-":
                if top is not None and top.kind == "collect":
                    self.ops.append(Op(99, "collect", "neg", token, need=1))
                else:
                    lone = top is None or top.kind in ("open", "bar") or top.level <= SUM
                    self.ops.append(Op(SUM + 1 if lone else SIGN, "prefix", "-", token))
                if len(self.ops) > MAX_OPERATIONS:
                    raise LimitError("the formula is nested too deeply", self.source, token.span)
            return True
        if kind == "op" and token.text == "<":
            token.kind = kind = "open"
            token.text = "⟨"
        if kind == "open":
            self.open(token, "group")
            return True
        if kind == "bar":
            if token.value == "r":
                raise self.error(f"nothing stands before the closing {token.text}", token)
            self.enter(Op(0, "bar", token.text, token))
            return True
        if kind == "func":
            return calls.function(self, token)
        if kind == "unknown":
            raise self.unknown(token)
        if kind == "frac":
            self.enter(Op(99, "collect", "frac", token, need=2))
            return True
        if kind == "sqrt":
            return calls.root(self, token)
        if kind == "macro":
            self.enter(Op(99, "collect", token.text, token, need=2 if token.text == "inner" else 1))
            return True
        if kind == "sum":
            return calls.sigma(self, token)
        self.i -= 1
        self.unexpected(token)
        return True

    def unknown(self, token: Token) -> ParseError:
        word = token.text
        if word in REFUSED_FUNCTIONS:
            return self.error(f"{word} is not read", token, REFUSED_FUNCTIONS[word])
        return self.error(f"{word} is not a function we know", token, way_out(word))

    def unexpected(self, token: Token) -> None:
        self.refuse_left_open()
        text = token.text if token.kind != "newline" else "the end of the line"
        if token.kind == "close" and self.ops and self.ops[-1].kind == "infix":
            raise self.error(f"nothing follows {self.ops[-1].text}", self.ops[-1].token)
        if token.kind == "close" and self.ops and self.ops[-1].kind == "open":
            raise self.error("the bracket is empty", (self.ops[-1].token.start, token.end))
        if token.kind == "close":
            if self.ops and self.ops[-1].kind in ("collect", "prefix"):
                raise self.error(f"{self.shown(self.ops[-1])} lacks its operand", self.ops[-1].token)
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
        if ":" in token.low:
            base, accents, low = names.parts(str(name))
            if len(low) < 2 or low[-2:].count(":") != 1:
                raise self.error(
                    f"the subscript of {token.text} is not read", token, "a row is X_{i:}, a column X_{:j}"
                )
            whole = Node("sym", [], names.join(base, accents, low[:-2]), start, end)
            return Node("at", [whole], tuple(low[-2:]), start, end)
        if name in self.known:
            return Node("sym", [], name, start, end)
        if name == "e" and token.style not in ("bold", "vec") and "e" not in self.loose:
            return Node("const", [], "e", start, end)
        if name == "π" and "π" not in self.loose:
            return Node("const", [], "π", start, end)
        base = str(name).split("_")[0]
        if base == "I" and not token.accents:
            low = token.low
            letters = "".join(low)
            if len(letters) == 2 and all(scripts.counts(self, letter) for letter in letters):  # an entry
                return Node("sym", [], name, start, end)
            size = self.dimension(low[0], token.span) if low else None
            return Node("eye", [], size, start, end)
        if base == "K" and len(token.low) == 2 and not token.accents:
            dims = [self.dimension(d, token.span) for d in token.low]
            return Node("commutation", [], tuple(dims), start, end)
        if name == "K" and calls.commutation_follows(self):
            return calls.commutation(self, token)
        return Node("sym", [], name, start, end)

    def after_operand(self, token: Token) -> bool:
        kind, text = token.kind, token.text
        if kind == "trans":
            self.i += 1
            scripts.wrap(self, "trans", token)
            return False
        if kind == "sup":
            self.i += 1
            if text == "-T" and self.source[token.end - 1] == "ᵗ" and self.operands[-1].op == "const":
                scripts.raised_to_t(self, token, token.end, is_negative=True)
            elif text == "-T":
                scripts.wrap(self, "inv", token)
                scripts.wrap(self, "trans", token)
            else:
                scripts.power_check(self, token)
                scripts.refuse_label(self, token)
                base = self.operands[-1]
                exponent = Node("num", [], token.value, token.start, token.end)
                self.operands[-1] = self.raised("pow", base, exponent, "sup", token.end)
            return False
        if kind == "method":
            self.i += 1
            base = self.operands.pop()
            self.operands.append(self.applied((text, None, None), [base], base.start, token.end, token))
            return False
        if kind == "op":
            return self.infix(token)
        if kind == "low":
            self.i += 1
            scripts.norm_subscript(self, [token], token)
            return False
        if kind == "close":
            return self.close(token)
        if kind == "bar":
            return self.bar(token)
        if text == "{" and self.i + 1 < len(self.tokens) and self.tokens[self.i + 1].text == "}":
            self.i += 2  # x {} + y
            return False
        if kind in _OPERAND:
            if kind == "open" and text == "[" and not token.spaced and scripts.bracketed(self):
                return False
            if kind == "open" and text == "[" and not token.spaced and scripts.index_follows(self):
                scripts.submatrix(self, token)
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

    def infix(self, token: Token) -> bool:
        text = token.text
        if text in ("^", "**", ".^"):
            return scripts.power(self, token)
        if text == "_":
            self.i += 1
            scripts.subscript(self, token)
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
        top = self.barrier()
        if text == ">" and top is not None and top.text == "⟨":
            token.kind, token.text = "close", "⟩"
            return self.close(token)
        if text == "<" and calls.inner_follows(self):
            token.kind, token.text = "open", "⟨"
            return self.after_operand(token)
        if text == "=" and top is not None:
            hint = "axis= stands in formulas that are NumPy's throughout; softmax_row(X), sum_col(X) say the axis here"
            raise self.error("= inside brackets is not read", token, hint)
        if text == "=":
            raise self.error("a second = is not read", token, "give one formula; definitions are separated by ;")
        if text in "!?":
            raise self.error(f"{text} is not read", token, "leave out what no variable is in" if text == "!" else None)
        if text in ("<", ">", "≤", "≥") and top is not None and takes_condition(top):
            self.i += 1
            self.push_infix(COMPARISON, text, token)
            return True
        if text == "≠":
            raise self.error("≠ is a condition, and a formula has a value", token)
        if text in ("<", ">", "≤", "≥", "≻", "≽", "≺", "≼", "∈", "→"):
            raise self.error(f"{text} has no place in a formula", token, "sizes and properties are declared in `where`")
        raise self.error(f"{text} is not expected here", token)

    def close(self, token: Token) -> bool:
        self.reduce(-1)
        top = self.ops[-1] if self.ops else None
        if top is None:
            raise self.error(f"{self.bracket(token.text)} closes what was not opened", token)
        if top.kind == "bar":
            hint = "what is given a condition, as p(x|z), is named by a letter" if top.text == "|" else None
            raise self.error(f"{top.text} is not closed", (top.token.start, token.end), hint)
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
        if top.text == "cases":
            return self.done(self.cases([*top.rows, [*top.items, node]], start, end))
        if top.items or top.rows or top.text == "matrix":
            if top.text not in ("[", "matrix"):
                raise self.error("a list in round brackets is not read", (start, end), "a block matrix is [A, B; C, D]")
            rows = [*top.rows, [*top.items, node]]
            if top.text == "[" and not top.rows and all(map(self.is_listed, rows[0])):
                rows = [item.args if item.op == "block" and not item.paren else [item] for item in rows[0]]
            elif top.text == "[" and all(len(row) == 1 for row in rows):
                split = [self.row_of(row[0]) for row in rows]
                if len({len(row) for row in split}) == 1:
                    rows = split
            if len({len(row) for row in rows}) > 1:
                raise self.error("the rows of a block matrix have different numbers of blocks", (start, end))
            flat = [item for row in rows for item in row]
            return self.done(Node("block", flat, (len(rows), len(rows[0])), start, end))
        node.paren = not (top.text == "{" and node.op == "norm")  # {‖x‖}_2 is ‖x‖_2
        node.start, node.end = start, end
        return self.done(node)

    def cases(self, rows: list[list[Node]], start: int, end: int) -> Node:
        """Nested choices; the last row says otherwise, or the opposite of the condition before it."""
        if any(len(row) != 2 for row in rows):
            raise self.error("each row of cases has a value and a condition", (start, end))
        made, last = rows[-1]
        if last.op == "compare":
            sides = [self.cut(side) for side in last.args]
            before = rows[-2][1] if len(rows) > 1 else last
            if before.op != "compare" or [self.cut(side) for side in before.args] not in (sides, sides[::-1]):
                raise self.error("the cases do not say what holds elsewhere", last, "write otherwise in the last row")
            is_turned = [self.cut(side) for side in before.args] != sides
            if ((before.data in "<≤") == (last.data in "<≤")) != is_turned:
                raise self.error("two cases hold at once", last, "write otherwise in the last row")
        elif last.op != "num":
            raise self.error("the last row of cases has no condition", last, "write otherwise")
        for value, test in reversed(rows[:-1]):
            if test.op != "compare":
                raise self.error("a case has an inequality as its condition, as in x > 0", test)
            made = self.chosen(test, value, made, start, end)
        return made

    def is_listed(self, node: Node) -> bool:
        """Whether a node is a row of [[A, B], [C, D]], as Python lists the rows of a matrix."""
        is_row = node.paren and node.op != "prod" or node.op == "block" and node.data[0] == 1
        return is_row and self.source.startswith("[", node.start)

    def row_of(self, node: Node) -> list[Node]:
        """`[A B; C D]`: blocks side by side look like a product."""
        if node.op == "prod" and not node.paren and all(op == " " for op in node.data):
            return node.args
        return [node]

    def bracket(self, text: str) -> str:
        return {"matrix": "\\end{matrix}", "cases": "\\end{cases}"}.get(text, text)

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
            if token.text == "‖" and top.text == "|" and token.low:
                middle = (token.start + token.end) // 2
                first = Token("bar", "|", token.start, middle, "")
                second = Token("bar", "|", middle, token.end, "")
                self.tokens[self.i : self.i + 1] = [first, second]
                return self.bar(first)
        if token.value == "r":
            if top is not None and top.kind == "open" and any(op.kind == "bar" for op in self.ops):
                raise self.error(f"{self.bracket(top.text)} is not closed", top.token)
            raise self.error(f"{token.text} closes what was not opened", token)
        self.push_infix(JUXTAPOSED, " ", token)
        calls.end_function(self, of=calls.DETERMINANTS)
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
            if self.i < len(self.tokens) and self.tokens[self.i].text in ("matrix", "cases"):  # \\ before \end
                last = top.rows.pop()
                top.items, node = last[:-1], last[-1]
                self.operands.append(node)
                return False
        else:
            top.items.append(self.operands.pop())
        return True
