"""A text as statements: definitions in any order, declarations, and the formula."""

from __future__ import annotations

import re
from itertools import chain

from .. import names
from ..errors import ParseError
from .stacks import LEVELS
from .tokens import Token, closing

ORDERS = frozenset("<>≤≥≻≽≺≼≠")


class Statement:
    """`r = W x`: the name, if it has one, and the tokens of the formula, and of what else it is said to equal."""

    __slots__ = ("name", "tokens", "parameters", "head", "others")

    def __init__(self, name: str | None, tokens: list[Token], parameters: list[str], head: Token | None) -> None:
        self.name = name
        self.tokens = tokens
        self.parameters = parameters
        self.head = head
        self.others: list[list[Token]] = []


class Statements:
    """Divides the tokens of `source`."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.is_latex = "\\" in source
        self.readings: list[str] = []
        self.declared: list[str] = []  # what stands after the formula as x ∈ ℝⁿ

    def divide(self, tokens: list[Token]) -> list[Statement]:
        """Statements at `;`, line ends, `where`, and commas before a definition."""
        parts: list[list[Token]] = [[]]
        after: list[list[Token]] = []  # what follows `where` is defined before it is used
        limits: list[Token] = []
        depth = angles = 0
        for i, token in enumerate(tokens):
            if token.kind == "open":
                depth += 1
            elif token.kind == "close":
                depth -= 1
            if token.kind == "where" and depth <= 0:
                parts = [part for part in parts if part]
                if token.text == "s.t." and parts:
                    limits = tokens[i + 1 :]
                    break
                if not parts:
                    raise ParseError("no formula stands before where", self.source, token.span)
                after.append(parts.pop())
                parts.append([])
                continue
            if depth <= 0 and (token.text == ";" or token.kind == "newline" or token.text == ","):
                if token.kind == "newline" and self.continues(parts[-1], tokens, i):
                    continue
                if token.text == "\n" and self.is_latex and not self.defines(tokens, i + 1):
                    continue  # a line end is a space to TeX
                is_limit = angles <= 0 and is_condition(following(tokens, i + 1))  # and no comma of <a, b>
                if token.text == "," and not self.defines(tokens, i + 1) and not is_limit:
                    if i + 1 == len(tokens) or tokens[i + 1].kind == "newline" or tokens[i + 1].text == ";":
                        continue  # punctuation at the end
                    parts[-1].append(token)
                    continue
                parts.append([])
                angles = 0
                continue
            if token.kind == "newline":
                continue
            if depth <= 0 and parts[-1] and self.is_apart(parts[-1][-1], token) and self.defines(tokens, i):
                parts.append([])
            parts[-1].append(token)
            angles += (token.text == "<") - (token.text == ">")
        parts += self.constraints(limits)
        parts = [self.unconditioned(part) for part in [*parts, *reversed(after)]]
        statements, is_one = [], sum(map(bool, parts)) == 1
        for part in parts:
            while part and part[-1].kind == "op" and part[-1].text in (".", ","):
                part.pop()
            if is_condition(part) and not is_one:
                self.note_condition(part)
            elif part and self.declares(part):
                self.declared.append(self.source[part[0].start : part[-1].end])
            elif part:
                statements.append(self.statement(self.objective(part)))
        if not statements:
            raise ParseError("the formula is empty", self.source, (0, len(self.source)), "for example ½‖WᵀWx − x‖²")
        seen: set[str] = set()
        nameless = [s for s in statements if s.name is None]
        if len(nameless) > 1:
            first = nameless[0].tokens
            raise ParseError(
                "only one formula goes without a name", self.source, (first[0].start, first[-1].end),
                "name it, as in r = …; or join the lines",
            )  # fmt: skip
        for s in statements:
            if s.name in seen and s.head is not None:
                raise ParseError(f"{s.head.text} is defined twice", self.source, s.head.span)
            if s.name is not None:
                seen.add(s.name)
        return statements

    def note_condition(self, part: list[Token]) -> None:
        self.readings.append(f"{self.cut(part)} is read as a condition, and left out")

    def constraints(self, tokens: list[Token]) -> list[list[Token]]:
        """The definitions, r = …, among what stands behind "subject to"; the rest is left out."""
        kept, i = [], 0
        while i < len(tokens):
            part = following(tokens, i)
            i += len(part) + 1
            if len(part) > 2 and part[0].kind == "atom" and part[1].text == "=" and part[2].kind != "num":
                kept.append(part)
            elif part:
                self.note_condition(part)
        return kept

    def unconditioned(self, part: list[Token]) -> list[Token]:
        """The part without a condition in brackets behind it, as in xᵀAx  (A ≻ 0)."""
        at = next((i for i in range(len(part) - 1, 0, -1) if part[i].kind == "open"), 0)
        inside = part[at + 1 : -1]
        if not at or part[at].text not in "([" or any(t.kind == "close" for t in inside) or not is_condition(inside):
            return part
        if part[-1].kind != "close" or part[at - 1].end == part[at].start:
            return part
        self.note_condition(inside)
        return part[:at]

    def continues(self, part: list[Token], tokens: list[Token], i: int) -> bool:
        """Whether a line end stands in the middle of a formula."""
        following = next((t for t in tokens[i + 1 :] if t.kind != "newline"), None)
        if not part or following is None:
            return True
        last = part[-1]
        if last.kind == "op" and (last.text in LEVELS or last.text in ("=", "^", "_", ",", "**")):
            return True
        if following.kind == "op" and (following.text in LEVELS or following.text in ("=", "^", ":")):
            return True
        return following.kind in ("close", "trans", "sup")

    def is_apart(self, before: Token, token: Token) -> bool:
        """Whether a wide space of TeX parts what stands before a token from it."""
        is_open = before.kind == "op" and before.text != "."
        return self.is_latex and not is_open and "quad" in self.source[before.end : token.start]

    def defines(self, tokens: list[Token], i: int) -> bool:
        """Whether `name =` or `name ∈` follows."""
        j = i
        while j < len(tokens) and tokens[j].kind == "atom":
            j += 1
        if j == i:
            return False
        if j < len(tokens) and tokens[j].text == "(":
            while j < len(tokens) and tokens[j].text != ")":
                j += 1
            j += 1
        while j < len(tokens) and tokens[j].text == ":":
            j += 1
        return j < len(tokens) and tokens[j].text in ("=", "∈")

    def objective(self, part: list[Token]) -> list[Token]:
        r"""`\min_W ‖…‖²` without the minimum."""
        is_extremum = len(part) > 1 and part[0].kind == "func" and part[0].text in ("min", "max")
        if not is_extremum or part[1].text in ("(", "{", "\\{", "["):
            return part
        i = closing(part, 2) + 1 if part[1].text == "_" else 1
        if i >= len(part):
            raise ParseError(f"{part[0].text} lacks its operand", self.source, (part[0].start, part[-1].end))
        below = self.source[part[0].end : part[i].start].replace("\\limits", "")
        if not below.strip() and part[i].kind in ("sum", "frac", "num", "half", "bar"):
            below = part[i].text  # of nothing that has a smallest entry
        if re.search(r"(?<![A-Za-z])(row|col)(?![A-Za-z])", below):
            return part  # the largest entry of each row
        named = re.search(r"\\(?!math|bold|bm)[A-Za-z]+|[^\W\d_](?![A-Za-z]*\{)", below)
        rest = self.source[part[i].start : part[-1].end]
        if named is not None and re.search(rf"_\{{?[^\W_]*{re.escape(named.group())}(?![^\W_])", rest):
            return part  # over the index of a letter
        others = self.source[: part[0].start] + self.source[part[-1].end :]  # it may stand in a definition
        body = re.sub(r"_(\{[^{}]*\}|\\?\w)", "", rest + others)
        rows = re.sub(r"\\[A-Za-z]+", "", body)  # min_{U,V} of the rows u_i and v_j
        if named is None or named.group() not in body and named.group().lower() not in rows:
            word = "largest" if part[0].text == "max" else "smallest"
            raise ParseError(
                f"the {part[0].text}imum over {below.strip(' _{}')} is not read",
                self.source, (part[0].start, part[i].start), f"{part[0].text}(x) is the {word} entry of a vector",
            )  # fmt: skip
        self.readings.append(f"the {part[0].text}imum is left out: what it is taken of is read")
        return part[i:]

    def statement(self, part: list[Token]) -> Statement:
        """`L = f(x) = … = …`: the name, the last side, and the others that are no names."""
        depth, at = 0, list[int]()
        for i, token in enumerate(part):
            depth += (token.kind == "open") - (token.kind == "close")
            if token.kind == "op" and depth == 0 and (token.text == "=" or token.text == "↦" and not at):
                at.append(i)
        if not at:
            return Statement(None, part, [], None)
        equals = part[at[0]]
        head = part[: at[0] - (at[0] > 0 and part[at[0] - 1].text == ":")]
        if equals.text == "↦":  # f: x ↦ …
            head = head[: next((i for i, t in enumerate(head) if t.text == ":"), 0)]
        sides = [part[i + 1 : j] for i, j in zip(at, [*at[1:], len(part)])]
        for side, i in zip(sides, at):
            if not side and i + 1 in at:
                raise ParseError("== compares; a definition has one =", self.source, (part[i].start, part[i + 1].end))
            if not side:
                raise ParseError(f"nothing follows {part[i].text}", self.source, part[i].span)
        vague = next((k for k, i in enumerate(at) if k and self.cut([part[i]]) in ("∝", "\\propto")), None)
        if vague is not None:  # equal but for a factor or a term
            self.readings.append(f"{self.cut(part[at[vague] :])} is left out")
            del sides[vague:]
        body = sides.pop()
        found = self.head_name(head)
        if found is None and equals.text == "=" and not self.names_value(head):
            span = (head[0].start, head[-1].end) if head else equals.span
            raise ParseError("the left of = is a name, as in L = … or f(x) = …", self.source, span)
        if found is None:  # log p(y | X) = …: the name of a value that nothing refers to
            made = Statement(None, body, [], None)
        else:
            token = Token("name", self.source[head[0].start : head[-1].end], head[0].start, head[-1].end)
            made = Statement(found[0], body, found[1], token)
        made.others = [side for side in sides if self.head_name(side) is None]
        return made

    def cut(self, tokens: list[Token]) -> str:
        return " ".join(self.source[tokens[0].start : tokens[-1].end].split())

    @staticmethod
    def names_value(head: list[Token]) -> bool:
        """Whether the left side can be what somebody calls the value, as −log p(y | X) is: no sum, and a letter.

        Of −L the gradient of L is meant, which has the other sign.
        """
        depth = 0
        is_logarithm = [token.text for token in head[:2]] == ["-", "log"] and head[1].kind == "func"
        for token in head[is_logarithm:]:
            depth += (token.kind == "open") - (token.kind == "close")
            if depth == 0 and token.kind == "op" and token.text in "+-<>≤≥≠,":
                return False
        return any(token.kind in ("atom", "unknown", "func") for token in head)

    def head_name(self, head: list[Token]) -> tuple[str, list[str]] | None:
        """The name in `L`, `f(z)` or `\\mathcal{L}(W, b)`."""
        count = 0
        while count < len(head) and head[count].kind == "atom":
            count += 1
        if not count or any(t.low or t.accents for t in head[: count - 1]):
            return None
        last = head[count - 1]
        name = names.join("".join(t.text for t in head[:count]), last.accents, last.low)
        rest = head[count:]
        if not rest:
            return name, []
        if rest[0].text != "(" or rest[-1].text != ")":
            return None
        inside = [t for t in rest[1:-1] if t.text not in (",", ";", "|")]
        if any(t.kind != "atom" for t in inside):
            return None
        return name, [t.name for t in inside]

    def declares(self, part: list[Token]) -> bool:
        """Whether the part says of names what they are, as `x, y ∈ ℝⁿ`."""
        for i, token in enumerate(part):
            if token.text == "∈" and token.kind == "op":
                return i > 0
            if token.kind != "atom" and token.text != ",":
                return False
        return False


def following(tokens: list[Token], i: int) -> list[Token]:
    """The tokens from i up to what parts statements."""
    end = next(
        (j for j in range(i, len(tokens)) if tokens[j].kind in ("newline", "where") or tokens[j].text in ",;"), None
    )
    return tokens[i:end]


def is_condition(part: list[Token]) -> bool:
    """Whether it is an inequality, λ > 0, outside of all brackets."""
    depth, found = 0, False
    for token in part:
        depth += (token.kind == "open") - (token.kind == "close")
        if depth <= 0 and token.kind == "op":
            if token.text in ("=", ","):
                return False
            found |= token.text in ORDERS
    return found and part[0].text not in ORDERS and part[-1].text not in ORDERS


def in_order(statements: list[Statement], source: str) -> list[Statement]:
    """Definitions before what uses them, the formula last.

    The formula is the statement without a name; else the last one, unless others use it and one
    stands that none uses.

    Raises
    ------
    ParseError
        Definitions that refer to each other.
    """
    by_name = {s.name: s for s in statements if s.name is not None}
    uses: dict[int, list[Statement]] = {}
    for s in statements:
        found = {str(t.value) for t in chain(s.tokens, *s.others) if t.kind == "name"}
        found = {name if name in by_name else names.join(*names.parts(name)[:2], []) for name in found} - {s.name}
        uses[id(s)] = [other for other in statements if other.name in found and by_name[other.name] is other]
    used = {id(other) for held in uses.values() for other in held}
    formula = next((s for s in statements if s.name is None), statements[-1])
    free = [s for s in statements if id(s) not in used]
    if id(formula) in used and free:
        formula = free[-1]
    ordered: list[Statement] = []
    state: dict[int, int] = {}  # 1 while what it uses is being placed, 2 when it is placed
    stack = [s for s in reversed(statements) if s is not formula]
    stack.insert(0, formula)
    while stack:
        s = stack[-1]
        if state.get(id(s)) == 2:
            stack.pop()
            continue
        waiting = [other for other in uses[id(s)] if state.get(id(other)) != 2]
        if not waiting:
            state[id(s)] = 2
            ordered.append(stack.pop())
            continue
        if state.get(id(s)) == 1:
            shown = s.head.text if s.head is not None else "this formula"
            span = s.head.span if s.head is not None else (s.tokens[0].start, s.tokens[-1].end)
            raise ParseError(f"{shown} is defined by means of itself", source, span)
        state[id(s)] = 1
        stack += reversed(waiting)
    return ordered
