"""The syntax tree, and the stacks that build it: operators reduced by how tightly they bind."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

from ..errors import LimitError, ParseError
from ..expr import OPERATIONS
from ..shapes import ONE, Dim
from ..traversal import postorder
from .limits import MAX_NESTING
from .tokens import Span, Token
from .vocabulary import ELEMENTWISE, FUNCTIONS

COMPARISON, SUM, COLON, PREFIX, HAD, KRON, PRODUCT, JUXTAPOSED, SIGN = 5, 10, 20, 25, 30, 40, 50, 60, 70
LEVELS = {
    "+": SUM, "-": SUM, ":": COLON, "⊙": HAD, "⊘": HAD, "⊗": KRON, "*": PRODUCT, "@": PRODUCT, "·": PRODUCT,
    "/": PRODUCT, ".*": PRODUCT, "./": PRODUCT, "\\": PRODUCT,
}  # fmt: skip
# How many operands the functions that a formula calls take, where not one.
ARITY = {name: (n, n) for name, op in OPERATIONS.items() if (n := op.arity or 1) > 1 and name in FUNCTIONS} | {
    "dot": (2, 3), **dict.fromkeys("outer hadamard matmul quantile".split(), (2, 2)), "clip": (3, 3),
} | dict.fromkeys("norm max min huber pseudo_huber leaky_relu elu".split(), (1, 2))  # fmt: skip
CONSTANT_CALLS = frozenset(("eye", "ones", "zeros", "vector", "matrix"))


def quoted(text: str) -> str:
    r"""A part of a formula as a message shows it: on one line, without \left and \right, which can stand outside."""
    return " ".join(re.sub(r"\\(?:left|right)(?![A-Za-z])", " ", text).split())


def whole(source: str, start: int, end: int) -> str:
    r"""What is written from `start` to `end`, with the braces that are cut: \vec{x}, not x}."""
    depth = lowest = 0
    for c in source[start:end]:
        depth += (c == "{") - (c == "}")
        lowest = min(lowest, depth)
    for _ in range(-lowest):
        start = max(source.rfind("{", 0, start), 0)
        command = re.search(r"\\[A-Za-z]+\s*$", source[:start])
        start = command.start() if command is not None else start
    for _ in range(depth - lowest):
        end = source.find("}", end) + 1 or len(source)
    return source[start:end]


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


NUMBERS = frozenset("sum mean norm norm1 norm_inf norm_max tr det logdet inner dot".split())  # calls of that value


def is_number(node: Node) -> bool:
    """Whether it is a number whatever its letters are."""
    return node.op in ("num", "norm", "inner") or node.op == "call" and node.data in NUMBERS


def nodes_below(roots: Iterable[Node]) -> list[Node]:
    """All nodes below the roots once, operands first."""
    return postorder(roots, lambda node: node.args)


class Bounds:
    """What stands below and above Σ.

    Attributes
    ----------
    names : list of str
        The indices that are bound.
    lower, upper : dict of index to Dim
    conditions : list of (relation, indices) and of ("∈", indices, set, indices that the set depends on)
    """

    __slots__ = ("names", "lower", "upper", "conditions", "taken")

    def __init__(self, taken: str = "sum") -> None:
        self.taken = taken  # sum, prod, max or min; entries of a list
        self.names: list[str] = []
        self.lower: dict[str, Dim] = {}
        self.upper: dict[str, Dim] = {}
        self.conditions: list[Any] = []

    @property
    def dims(self) -> list[Dim]:
        return [*self.lower.values(), *self.upper.values()]


class Op:
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


class Stacks:
    """The state of a parse, and what becomes of operators and operands."""

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
        self.kept = "/" if "flat" in loose else "/·"  # before these a product is one factor: x·Ax is x·(Ax)
        self.operands: list[Node] = []
        self.ops: list[Op] = []
        self.depth = 0
        self.i = 0

    def error(self, message: str, where: Token | Node | Span, hint: str | None = None) -> ParseError:
        span = where if isinstance(where, tuple) else where.span
        return ParseError(message, self.source, span, hint)

    def text_of(self, tokens: list[Token]) -> str:
        """What the tokens say; those put in the place of a call have its span."""
        first, last = tokens[0], tokens[-1]
        if len(tokens) > 1 and first.span == last.span or len(first.text) < first.end - first.start:
            return "".join(t.text for t in tokens)
        return self.source[first.start : last.end]

    def cut(self, node: Node) -> str:
        return whole(self.source, node.start, node.end).strip()

    def enter(self, op: Op) -> None:
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise LimitError(
                "the formula is nested too deeply", self.source, op.token.span, f"at most {MAX_NESTING} brackets deep"
            )
        self.ops.append(op)

    def open(self, token: Token, data: Any) -> None:
        self.enter(Op(0, "open", token.text, token, data))

    def barrier(self) -> Op | None:
        for op in reversed(self.ops):
            if op.kind in ("open", "bar"):
                return op
        return None

    def push_infix(self, level: int, text: str, token: Token) -> None:
        self.reduce(level)
        self.ops.append(Op(level, "infix", text, token))

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

    def collected(self, op: Op, end: int) -> Node:
        items, start = op.items, op.token.start
        if op.text == "frac":
            above, below = (item.args[0] if item.op == "prod" else item for item in items)
            above = above.args[0] if above.op == "pow" else above  # d²f
            if above.op == below.op == "sym" and above.data == below.data == "d" and items[1].op == "prod":
                if "d" not in self.known:
                    raise self.error(
                        "a derivative is not read here", (start, end), "give the loss, and the variable as wrt"
                    )
            return Node("div", items, "frac", start, end)
        if op.text == "sqrt":
            return Node("root", items, op.data, start, end)
        if op.text == "neg":
            return Node("neg", items, None, start, end)
        if op.text == "apply":
            return self.applied(op.data, items, start, end, op.token)
        if op.text in ("norm", "bars", "inner"):
            return Node(op.text, items, "2" if op.text == "norm" else None, start, end)
        return self.raised(op.text, op.data[0], items[0], op.data[1], end)

    def raised(self, op: str, base: Node, exponent: Node, data: str, end: int) -> Node:
        """A power; tr(A)^{-1} is refused, as it is the trace of the inverse to some."""
        is_inverse = exponent.op == "num" and exponent.data == -1
        is_inverse |= exponent.op == "neg" and exponent.args[0].op == "num" and exponent.args[0].data == 1
        if is_inverse and base.op == "call" and base.data == "tr" and not base.paren:
            inside = self.cut(base.args[0])
            inside = inside if inside.startswith("(") else f"({inside})"
            raise self.error(
                f"{self.source[base.start : end].strip()} may be the trace of the inverse", (base.start, end),
                f"write tr({inside}^-1), or 1/tr{inside}",
            )  # fmt: skip
        return Node(op, [base, exponent], data, base.start, end)

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

    def prefixed(self, op: Op, node: Node) -> Node:
        start, end = op.token.start, node.end
        if op.text == "-":
            return Node("neg", [node], None, start, end)
        if op.text == "sigma":
            return Node("sigma", [node], op.data[0], start, end)
        is_product = node.op == "prod" and not node.paren
        if is_product and set(node.data) == {" "} and self.follows(op.data[0], *node.args[:2]):
            made = self.applied(op.data, node.args[:1], start, node.args[0].end, op.token)
            self.readings.append(f"{self.cut(made)} is read as a factor before {self.cut(node.args[1])}")
            return Node("prod", [made, *node.args[1:]], node.data, start, end)
        if op.data[0] in ELEMENTWISE and is_product:
            inside = self.cut(node)
            self.readings.append(f"{op.token.text} {inside} is read as {op.data[0]}({inside})")
        return self.applied(op.data, [node], start, end, op.token)

    def follows(self, name: str, first: Node, second: Node) -> bool:
        """Whether a matrix stands behind a function of the first one, and is no factor in it: det X X⁻ᵀ, tr X I."""
        if name not in ("det", "logdet", "tr") or second.op == "eye":
            return name in ("det", "logdet", "tr") and "identity" not in self.loose
        below = nodes_below([second])
        is_inverse = any(n.op == "inv" or n.op == "neg" or n.op == "num" and n.data < 0 for n in below)
        return name != "tr" and is_inverse and {first.data} == {n.data for n in below if n.op == "sym"}

    def applied(self, function: tuple[Any, ...], args: list[Node], start: int, end: int, at: Token) -> Node:
        name, exponent, base = function[:3]
        if name in CONSTANT_CALLS or name == "unvec":
            return self.sized(name, args, start, end)
        low, high = ARITY.get(name, (1, 1))
        if not low <= len(args) <= high:
            exactly = ("one operand", "two operands", "three operands")
            wanted = exactly[low - 1] if low == high else f"{low} or {high} operands"
            raise self.error(f"{name.removesuffix('()')} takes {wanted}, not {len(args)}", (start, end))
        if name == "where":
            if args[0].op != "compare":
                raise self.error("where needs a condition, as in where(x > 0, a, b)", args[0])
            return self.chosen(args[0], args[1], args[2], start, end)
        if name == "norm" and len(args) == 2 and args[1].op == "sym" and str(args[1].data).lower() == "inf":
            name, args = "norm_inf", args[:1]
        if name == "dot" and len(args) == 3:  # of Julia
            return Node("prod", [Node("trans", args[:1], None, *args[0].span), *args[1:]], ("*", "*"), start, end)
        if name == "sum" and args[0].op == "call" and args[0].data == "sum":  # MATLAB adds up column by column
            args = args[0].args
        whole = self.of_gram(args[0]) if name == "tr" else None
        if whole is not None:  # tr √(XᵀX)
            shown = self.cut(whole)
            self.readings.append(
                f"{self.source[start:end].strip()} is read as ‖{shown}‖_*: the root is that of the matrix"
            )
            return Node("norm", [whole], "*", start, end)
        if name == "log" and args[0].op == "prod" and args[0].data == ("/",):  # log(p/q) is that of \\frac{p}{q}
            args[0].op, args[0].data = "div", "frac"
        node = Node("call", args, name, start, end)
        if base is not None:
            below = Node("call", [Node("num", [], base, start, end)], "log", start, end)
            node = Node("prod", [node, below], ("/",), start, end)
        if exponent is not None and exponent != 1:
            power = Node("num", [], Fraction(exponent), start, end)
            node = Node("pow", [node, power], "fpow", start, end)
        return node

    def of_gram(self, root: Node) -> Node | None:
        """The X of √(XᵀX), √(XXᵀ) and (XᵀX)^½."""
        is_half = root.op == "pow" and root.args[1].op == "num" and root.args[1].data == Fraction(1, 2)
        base = root.args[0] if is_half or root.op == "root" and root.data == 2 else None
        if base is None or base.op != "prod" or len(base.args) != 2 or "/" in base.data:
            return None
        turned, whole = base.args if base.args[0].op == "trans" else base.args[::-1]
        is_gram = turned.op == "trans" and whole.op == "sym" and turned.args[0].data == whole.data
        return whole if is_gram and turned.args[0].op == "sym" else None

    @staticmethod
    def chosen(test: Node, first: Node, second: Node, start: int, end: int) -> Node:
        """`first` under the condition, else `second`: what follows a strict inequality stands in front."""
        left, right = test.args if test.data in (">", "≤") else test.args[::-1]
        branches = [first, second] if test.data in "<>" else [second, first]
        return Node("call", [left, right, *branches], "where", start, end)

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
        texts = [self.source[a.start : a.end].replace("[", "(").replace("]", ")") for a in args[first:]]
        dims = [self.dimension(text, a.span) for text, a in zip(texts, args[first:])]
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

    def chain(self, ops: list[Op], args: list[Node]) -> Node:
        level = ops[0].level
        start, end = args[0].start, args[-1].end
        if level == COMPARISON:
            if len(ops) > 1:
                raise self.error("a chain of inequalities is no condition", (start, end))
            return Node("compare", args, ops[0].text, start, end)
        if level == SUM:
            signs = [1, *(1 if op.text == "+" else -1 for op in ops)]
            return Node("sum", args, tuple(signs), start, end)
        if level in (COLON, KRON):
            node, (op, data) = args[0], ("inner", ":") if level == COLON else ("kron", None)
            for arg in args[1:]:
                node = Node(op, [node, arg], data, node.start, arg.end)
            return node
        if ops[0].text in ("⊙", "⊘"):
            return Node("had", args, tuple(op.text for op in ops), start, end)
        return self.product(ops, args)

    def product(self, ops: list[Op], args: list[Node]) -> Node:
        """`* @ · / .* ./` and juxtaposition, left to right."""
        current = [args[0]]
        kinds: list[str] = []
        for op, arg in zip(ops, args[1:], strict=True):
            if op.text == "\\":
                left = self.joined(current, kinds)
                if left.op == "prod" and not left.paren:
                    hint = "put in brackets what it divides: y' (K\\y), (X'X)\\y"
                    raise self.error(f"{self.cut(left)} before \\ may divide as a whole", (left.start, arg.end), hint)
                current, kinds = [Node("inv", [left], None, left.start, left.end), arg], ["*"]
                self.readings.append(f"{self.cut(left)}\\{self.cut(arg)} is read with the inverse of {self.cut(left)}")
                continue
            if op.text in (".*", "./"):
                left = self.joined(current, kinds)
                if is_number(arg):
                    current, kinds = [left, arg], [op.text[1]]
                    continue
                if is_number(left):
                    inverse = Node("num", [], Fraction(-1), arg.start, arg.end)
                    factor = arg if op.text == ".*" else Node("elpow", [arg, inverse], None, arg.start, arg.end)
                    current, kinds = [left, factor], ["*"]
                    continue
                right = "⊙" if op.text == ".*" else "⊘"
                if left.op == "had" and not left.paren:
                    left = Node("had", [*left.args, arg], (*left.data, right), left.start, arg.end)
                else:
                    left = Node("had", [left, arg], (right,), left.start, arg.end)
                current, kinds = [left], []
                continue
            extra: list[Node] = []
            if op.text == "/" and arg.op == "prod" and not arg.paren:
                arg, extra = self.divisor(current, arg)
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
            if arg.op == "prod" and not arg.paren and (i == 0 or kinds[i - 1] not in self.kept):
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

    def divisor(self, above: list[Node], below: Node) -> tuple[Node, list[Node]]:
        """`a/b c`: refused, except λ/2, 1/(2n), and 1/n before a bracket or 1ᵀ, where nobody means anything else."""
        first, rest = below.args[0], below.args[1:]
        is_enclosed = rest[0].op == "trans" and rest[0].args[0].op == "ones" or all(map(self.is_enclosed, rest))
        is_count = first.op == "num" or first.op == "prod" and first.paren and first.args[0].op == "num"
        is_factor = len(above) == 1 and (is_count or above[0].op == "num" and first.op == "sym" and is_enclosed)
        if is_factor and (above[0].op in ("num", "sym") or is_enclosed):
            shown = f"{self.cut(above[0])}/{self.cut(first)}"
            self.readings.append(
                f"{shown} {self.source[rest[0].start : rest[-1].end].strip()} is read as ({shown}) times what follows"
            )
            return first, rest
        if first.op == "trans" and not first.paren:  # a row divides nothing
            shown = f"{self.cut(above[-1])}/({self.cut(below)})"
            self.readings.append(f"{self.source[above[-1].start : below.end].strip()} is read as {shown}")
            return below, []
        a, b = self.cut(above[-1]), self.cut(first)
        c = self.source[rest[0].start : rest[-1].end].strip()
        raise self.error(
            f"{a}/{self.cut(below)} can be read in two ways", (above[-1].start, below.end),
            f"write ({a}/{b}) {c} or {a}/({b} {c})",
        )  # fmt: skip
