"""Expressions of generated code as small trees, which print with brackets where they are needed.

Python's; C has the same arithmetic and calls, and takes what it has besides as names.
Statements are in `statement_tree`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial, reduce

# Precedence of an expression, from loose to tight
LOOSEST, AND, NOT, COMPARISON, SUM, PRODUCT, UNARY, POWER, ATOM = range(9)
LEVELS = {"and": AND, "+": SUM, "-": SUM, "**": POWER}
LEVELS |= dict.fromkeys(("*", "/", "//", "%", "@"), PRODUCT)
LEVELS |= dict.fromkeys(("==", "!=", "<", ">", "<=", ">="), COMPARISON)
FORM_LEVELS = {"cases": LOOSEST, "negative": UNARY, "not": NOT, "same": COMPARISON, "lambda": LOOSEST}


class Code:
    """An expression of Python.

    Attributes
    ----------
    form : str
        `name`, `literal`, `hole` of a template, `group` in brackets for the reader, `binary`, `negative`, `not`,
        `same` (`a is b is c`), `cases` (condition, then, else), `attribute`, `call`, `keyword` argument, `subscript`,
        `slice`, `tuple`, `list`, `lambda`, `generator`.
    head : str
        The name, literal or operator.
    args : tuple of Code
    level : int
        Precedence of the outermost operator.
    """

    __slots__ = ("form", "head", "args", "level", "_text")

    def __init__(self, form: str, head: str = "", args: tuple[Code, ...] = ()) -> None:
        self.form = form
        self.head = head
        self.args = args
        self.level = LEVELS[head] if form == "binary" else FORM_LEVELS.get(form, ATOM)
        self._text: str | None = None

    @property
    def text(self) -> str:
        """The expression as it is written."""
        if self._text is None:  # most parts of a template are never printed by themselves
            self._text = self._printed()
        return self._text

    def _printed(self) -> str:
        args = self.args
        match self.form:
            case "binary":
                left, right = args
                if self.head == "**":
                    gap = "" if left.is_path and right.form == "literal" else " "
                    return f"{left.at(ATOM)}{gap}**{gap}{right.at(UNARY)}"
                tighter = self.level + 1
                first = left.at(tighter if self.level == COMPARISON else self.level)
                return f"{first} {self.head} {right.at(tighter)}"
            case "negative":
                return f"-{args[0].at(POWER)}"
            case "group":
                return f"({args[0].text})"
            case "attribute":
                return f"{args[0].at(ATOM)}.{self.head}"
            case "call":
                return f"{args[0].at(ATOM)}({listed(args[1:])})"
            case "keyword":
                return f"{self.head}={args[0].text}"
            case "subscript":
                return f"{args[0].at(ATOM)}[{listed(args[1:])}]"
            case "slice":
                start, stop, *step = (part.text for part in args)
                is_simple = all(not text or text.isalnum() for text in (start, stop, *step))
                behind = f":{' ' * (not is_simple)}{step[0]}" if step else ""
                return f"{start}:{stop}{behind}" if is_simple else f"{start} : {stop}".strip() + behind
            case "tuple":
                return f"({listed(args)}{',' * (len(args) == 1)})"
            case "list":
                return f"[{listed(args)}]"
            case "not":
                return f"not {args[0].at(NOT)}"
            case "cases":
                return f"{args[1].at(AND)} if {args[0].at(AND)} else {args[2].text}"
            case "same":
                return " is ".join(arg.at(SUM) for arg in args)
            case "lambda":
                return f"lambda {listed(args[1:])}: {args[0].text}"
            case "generator":
                made, target, among = args
                return f"({made.text} for {target.text} in {among.text})"
        return self.head

    def at(self, level: int) -> str:
        """The text, bracketed if it binds looser than `level`."""
        return self.text if self.level >= level else f"({self.text})"

    @property
    def is_path(self) -> bool:
        """Whether it is a name, or an attribute of one."""
        return self.form == "name" or self.form == "attribute" and self.args[0].is_path

    @property
    def divisor(self) -> Code | None:
        """What 1 is divided by, if it is such a quotient."""
        return self.args[1] if self.form == "binary" and self.head == "/" and self.args[0] is ONE else None

    @property
    def has_matrix_product(self) -> bool:
        return any(part.form == "binary" and part.head == "@" for part in self.below())

    def replaced(self, parts: Mapping[str, Code]) -> Code:
        """The expression with others for some names."""
        if self.form == "name":
            return parts.get(self.head, self)
        return Code(self.form, self.head, tuple(arg.replaced(parts) for arg in self.args)) if self.args else self

    def below(self) -> Iterator[Code]:
        """The expression and all in it."""
        yield self
        for arg in self.args:
            yield from arg.below()


def listed(items: Iterable[Code]) -> str:
    return ", ".join(item.text for item in items)


# Making


def name(text: str) -> Code:
    return Code("name", text)


def literal(text: str) -> Code:
    """A number, a string or None."""
    return Code("literal", text)


def binary(operator: str, left: Code, right: Code) -> Code:
    return Code("binary", operator, (left, right))


def product(factors: Sequence[Code]) -> Code:
    """Factors from left to right; 1 if there are none."""
    return reduce(partial(binary, "*"), factors) if factors else ONE


def signed_sum(terms: Iterable[tuple[bool, Code]]) -> Code:
    """A sum of terms, each with whether it is taken away."""
    (is_negative, first), *rest = terms
    start = negative(first) if is_negative else first
    return reduce(lambda made, term: binary("-" if term[0] else "+", made, term[1]), rest, start)


def negative(code: Code) -> Code:
    """-a * b of a * b, as Python reads it."""
    if code.level == PRODUCT:
        left, right = code.args
        return binary(code.head, negative(left), right)
    return Code("negative", "", (code,))


def attribute(base: Code, head: str) -> Code:
    return Code("attribute", head, (base,))


def call(function: Code, *args: Code, **keywords: Code) -> Code:
    return Code("call", "", (function, *args, *(Code("keyword", key, (arg,)) for key, arg in keywords.items())))


def subscript(base: Code, *indices: Code) -> Code:
    return Code("subscript", "", (base, *indices))


def slice_of(start: Code, stop: Code) -> Code:
    return Code("slice", "", (start, stop))


def sequence(form: str, items: Iterable[Code]) -> Code:
    """A tuple or a list."""
    return Code(form, "", tuple(items))


def cases(condition: Code, then: Code, otherwise: Code) -> Code:
    return Code("cases", "", (condition, then, otherwise))


def grouped(code: Code) -> Code:
    """In brackets for the reader, unless it holds together anyway."""
    return code if code.level == ATOM else Code("group", "", (code,))


ABSENT = Code("literal", "<absent>")  # what no line writes by itself
ONE = literal("1")
NOTHING = literal("")  # an end of a slice that is left out
WHOLE, NEW_AXIS = slice_of(NOTHING, NOTHING), literal("None")


def column(code: Code) -> Code:
    """A vector as a column."""
    return subscript(code, WHOLE, NEW_AXIS)


def row(code: Code) -> Code:
    """A vector as a row."""
    return subscript(code, NEW_AXIS, WHOLE)


# Templates


class Template:
    """An expression with holes `{key}`.

    Attributes
    ----------
    code : Code
    holes : frozenset of str
    called : frozenset of str
        Names of the functions that it calls.
    """

    __slots__ = ("code", "holes", "called")

    def __init__(self, text: str) -> None:
        marked = text.replace("{", HOLE).replace("}", "")
        self.code = converted(ast.parse(marked, mode="eval").body)
        self.holes = frozenset(part.head for part in self.code.below() if part.form == "hole")
        self.called = calls_in(self.code)

    def filled(self, parts: Mapping[str, Code | Sequence[Code]]) -> Code:
        """The expression with all holes filled; a sequence is several elements or arguments."""
        return filled(self.code, parts)


HOLE = "hole_"
template = lru_cache(maxsize=4096)(Template)
SYMBOLS: dict[type, str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.MatMult: "@", ast.FloorDiv: "//", ast.Mod: "%",
    ast.Pow: "**", ast.Eq: "==",
    ast.NotEq: "!=", ast.Lt: "<", ast.Gt: ">", ast.LtE: "<=", ast.GtE: ">=",
}  # fmt: skip


def filled(code: Code, parts: Mapping[str, Code | Sequence[Code]]) -> Code:
    """An expression with its holes filled."""
    made = _filled(code, parts)
    assert isinstance(made, Code)
    return made


def _filled(code: Code, parts: Mapping[str, Code | Sequence[Code]]) -> Code | Sequence[Code]:
    if code.form == "hole":
        return parts[code.head]
    if not code.args:
        return code
    made: list[Code] = []
    for arg in code.args:
        part = _filled(arg, parts)
        if isinstance(part, Code):
            made.append(grouped(part) if code.level in (PRODUCT, POWER) and arg.form == "hole" else part)
        else:
            made += part
    return Code(code.form, code.head, tuple(made))


def converted(node: ast.AST | None) -> Code:
    """A template's tree of Python as ours."""
    match node:
        case None:
            return NOTHING
        case ast.Name(id=text):
            return Code("hole", text.removeprefix(HOLE)) if text.startswith(HOLE) else name(text)
        case ast.Constant(value=str(text)):
            return literal(f'"{text}"')
        case ast.Constant(value=value):
            return literal(repr(value))
        case ast.Attribute(value=base, attr=head):
            return attribute(converted(base), head)
        case ast.Call(func=function, args=args, keywords=keywords):
            named = {keyword.arg or "": converted(keyword.value) for keyword in keywords}
            return call(converted(function), *map(converted, args), **named)
        case ast.Subscript(value=base, slice=index):
            return subscript(converted(base), *map(converted, index.elts if isinstance(index, ast.Tuple) else [index]))
        case ast.Slice(lower=start, upper=stop, step=step):
            made = slice_of(converted(start), converted(stop))
            return made if step is None else Code("slice", "", (*made.args, converted(step)))
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return sequence(type(node).__name__.lower(), map(converted, items))
        case (
            ast.BinOp(left=left, op=operator, right=right) | ast.Compare(left=left, ops=[operator], comparators=[right])
        ) if type(operator) in SYMBOLS:
            return binary(SYMBOLS[type(operator)], converted(left), converted(right))
        case ast.BoolOp(op=ast.And(), values=[first, *others]):
            return reduce(partial(binary, "and"), map(converted, others), converted(first))
        case ast.Compare(left=left, ops=operators, comparators=others) if all(isinstance(o, ast.Is) for o in operators):
            return Code("same", "", tuple(map(converted, [left, *others])))
        case ast.UnaryOp(op=ast.USub() | ast.Not() as operator, operand=operand):
            return Code("not" if isinstance(operator, ast.Not) else "negative", "", (converted(operand),))
        case ast.IfExp(test=test, body=body, orelse=other):
            return cases(*map(converted, (test, body, other)))
        case ast.Lambda(args=ast.arguments(args=parameters), body=body):
            return Code("lambda", "", (converted(body), *(converted(ast.Name(p.arg)) for p in parameters)))
        case ast.GeneratorExp(elt=made, generators=[ast.comprehension(target=target, iter=among, ifs=[])]):
            return Code("generator", "", tuple(map(converted, (made, target, among))))
    raise ValueError(f"no template has {ast.dump(node) if node else node}")


def calls_in(code: Code) -> frozenset[str]:
    """The names of the functions that an expression calls."""
    return frozenset(part.args[0].head for part in code.below() if part.form == "call" and part.args[0].form == "name")


def with_callees(found: Iterable[str], calls: Callable[[str], Iterable[str]], known: Mapping[str, str]) -> list[str]:
    """The helpers among some names and those that they call, in the order of the table."""
    needed: set[str] = set()
    pending = set(found)
    while pending := pending & known.keys() - needed:
        needed |= pending
        pending = {callee for name in pending for callee in calls(name)}
    return [name for name in known if name in needed]


@lru_cache(maxsize=1024)
def calls_of(source: str) -> frozenset[str]:
    """The names of the functions that the source of a helper calls."""
    found = (node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return frozenset(function.id for function in found if isinstance(function, ast.Name))
