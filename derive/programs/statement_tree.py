"""Statements of generated Python as small trees, and the lines that they are printed as.

A statement is written as a template in Python, with holes `{key}` for expressions, names and
further statements: `statements("{x} = {y}.copy()", x="v", y=code)`.  What a function uses is
read off the tree; only the printer knows columns.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

from .syntax import HOLE, Code, call, converted, filled, listed, literal, name, sequence

WIDTH = 88
OPERATORS: dict[type, str] = {ast.Add: "+=", ast.Sub: "-=", ast.Mult: "*=", ast.Div: "/="}


class CodeStatement:
    """A statement of Python.

    Attributes
    ----------
    form : str
        `assign`, `declare`, `do` an expression, `return`, `raise`, `if`, `for`, `def`, `class`; `note`, a comment
        alone.
    head : str
        Of an assignment the operator, of a declaration the type.
    codes : tuple of Code
        Target and value; the condition; target and iterable; name and parameters as a call.
    body, otherwise : sequence of CodeStatement
    comment : str
        Behind the statement or, where that is too long, above it.
    """

    __slots__ = ("form", "head", "codes", "body", "otherwise", "comment")

    def __init__(
        self,
        form: str,
        codes: Sequence[Code] = (),
        body: Sequence[CodeStatement] = (),
        otherwise: Sequence[CodeStatement] = (),
        head: str = "",
        comment: str = "",
    ) -> None:
        self.form = form
        self.head = head
        self.codes = tuple(codes)
        self.body = body
        self.otherwise = otherwise
        self.comment = comment

    def lines(self, indent: int = 0) -> list[str]:
        """The lines, to stand behind `indent` columns."""
        made = self._head(indent)
        comment = self.comment
        if comment and (len(made) != 1 or indent + len(made[0]) + 4 + len(comment) > WIDTH):
            short = comment if len(comment) <= WIDTH - indent - 3 else comment[: WIDTH - indent - 4] + "…"
            made = [f"# {short}", *made]
        elif comment:
            made = [f"{made[0]}  # {comment}"]
        made += indented(self.body, indent)
        if self.otherwise:
            made += ["else:", *indented(self.otherwise, indent)]
        return made

    def _head(self, indent: int) -> list[str]:
        codes = self.codes
        match self.form:
            case "note":
                return []
            case "do":
                return broken("", codes[0], "", indent)
            case "assign":
                start = f"{bare(codes[0])} {self.head} "
                if codes[0].form == "tuple" and indent + len(start) + 20 > WIDTH:
                    targets = [f"    {target.text}," for target in codes[0].args]
                    return ["(", *targets, *broken(f") {self.head} ", codes[1], "", indent)]
                return broken(start, codes[1], "", indent)
            case "for":
                return broken(f"for {bare(codes[0])} in ", codes[1], ":", indent)
            case "return" | "raise":
                return broken(f"{self.form} ", codes[0], "", indent)
        return broken(f"{self.form} ", codes[0], ":", indent)

    def renamed(self, names: Mapping[str, str]) -> CodeStatement:
        """The statement with other names."""
        body, otherwise = ([s.renamed(names) for s in part] for part in (self.body, self.otherwise))
        codes = [code.replaced({old: name(new) for old, new in names.items()}) for code in self.codes]
        return CodeStatement(self.form, codes, body, otherwise, self.head, self.comment)

    def all_codes(self) -> Iterator[Code]:
        """The expressions in it and below it, and all in them."""
        for code in self.codes:
            yield from code.below()
        for statement in (*self.body, *self.otherwise):
            yield from statement.all_codes()


Part: TypeAlias = "Code | str | Sequence[Code] | Sequence[CodeStatement]"


# Printing


def lines_of(made: Iterable[CodeStatement], indent: int = 0) -> list[str]:
    return [line for statement in made for line in statement.lines(indent)]


def indented(made: Sequence[CodeStatement], indent: int) -> list[str]:
    return ["    " + line for line in lines_of(made, indent + 4)]


def bare(code: Code) -> str:
    """A tuple of several without its brackets."""
    return listed(code.args) if code.form == "tuple" and len(code.args) > 1 else code.text


def broken(start: str, code: Code, end: str, indent: int) -> list[str]:
    """An expression on a line or, where that is too long, opened at its outermost bracket."""
    line = start + bare(code) + end
    return [line] if indent + len(line) <= WIDTH else _opened_lines(start, code, end, indent) or [line]


def _opened_lines(start: str, code: Code, end: str, indent: int) -> list[str]:
    opened = _opened(code)
    if opened is None:
        return []
    front, items, back = opened
    lines = [start + front]
    for first, item, last in items:
        line = first + item.text + last
        fits = indent + 4 + len(line) <= WIDTH
        inner = [line] if fits else _opened_lines(first, item, last, indent + 4) or [line]
        lines += ["    " + part for part in inner]
    return [*lines, back + end]


def _opened(code: Code) -> tuple[str, list[tuple[str, Code, str]], str] | None:
    """The opening bracket and what is before it, the items with their ends, the closing bracket."""
    match code.form:
        case "call" if len(code.args) > 1:
            return f"{code.args[0].text}(", [("", arg, ",") for arg in code.args[1:]], ")"
        case "tuple" | "list" if code.args:
            return "(["[code.form == "list"], [("", arg, ",") for arg in code.args], ")]"[code.form == "list"]
        case "binary" if code.head == "and":
            clauses = [code]
            while clauses[0].form == "binary" and clauses[0].head == "and":
                clauses[:1] = clauses[0].args
            return "(", [("and " * (i > 0), clause, "") for i, clause in enumerate(clauses)], ")"
        case "binary" if code.head == "==" and (inner := _opened(code.args[0])):
            return inner[0], inner[1], f"{inner[2]} == {code.args[1].text}"
        case "not":
            inner = _opened(code.args[0])
            return inner and (f"not {inner[0]}", *inner[1:])
    return None


# Making


def statements(template: str, comment: str | None = None, /, **parts: Part) -> list[CodeStatement]:
    """The statements of a template with its holes filled; the comment goes to the last."""
    codes = {key: name(part) if isinstance(part, str) else part for key, part in parts.items()}
    made = _filled(_parsed(template), codes)
    if comment:
        made[-1].comment = comment
    return made


def docstring(text: str) -> Code:
    return literal(f'"""{text}"""')


def note(comment: str) -> CodeStatement:
    return CodeStatement("note", comment=comment)


def several(items: Sequence[Code]) -> Code:
    """One value, or a tuple of several."""
    return items[0] if len(items) == 1 else sequence("tuple", items)


def named(texts: Iterable[str]) -> list[Code]:
    return [name(text) for text in texts]


def called(function: str, arguments: Iterable[str]) -> Code:
    return call(*named([function, *arguments]))


def by_keyword(texts: Iterable[str]) -> list[Code]:
    """`x=x` for each."""
    return [Code("keyword", text, (name(text),)) for text in texts]


def unpacked(targets: Sequence[str], made: Code) -> list[CodeStatement]:
    """`a, b = call`, or the call alone."""
    if not targets:
        return statements("{made}", made=made)
    return statements("{targets} = {made}", targets=several(named(targets)), made=made)


def function_of(
    own: str, parameters: Iterable[str], summary: str, body: Sequence[CodeStatement]
) -> list[CodeStatement]:
    text = "def {name}({parameters}):\n    {summary}\n    {body}"
    return statements(text, name=own, parameters=named(parameters), summary=docstring(summary), body=body)


def names_in(made: Iterable[CodeStatement]) -> set[str]:
    """The names that statements mention."""
    return {code.head for statement in made for code in statement.all_codes() if code.form == "name"}


def _filled(
    made: Iterable[CodeStatement], parts: Mapping[str, Code | Sequence[Code] | Sequence[CodeStatement]]
) -> list[CodeStatement]:
    found: list[CodeStatement] = []
    for each in made:
        first = each.codes[0]
        part = parts[first.head] if first.form == "hole" and each.form == "do" else None
        if part is not None and not isinstance(part, Code):
            found += part  # type: ignore[arg-type]
            continue
        codes = [filled(code, parts) for code in each.codes]  # type: ignore[arg-type]
        found.append(
            CodeStatement(each.form, codes, _filled(each.body, parts), _filled(each.otherwise, parts), each.head)
        )
    return found


@lru_cache(maxsize=256)
def _parsed(text: str) -> list[CodeStatement]:
    return [_statement(node) for node in ast.parse(text.replace("{", HOLE).replace("}", "")).body]


def _statement(node: ast.stmt) -> CodeStatement:
    """A template's statement of Python as ours."""
    match node:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return CodeStatement("do", [docstring(text)])
        case ast.Expr(value=value):
            return CodeStatement("do", [converted(value)])
        case ast.Assign(targets=[target], value=value):
            return CodeStatement("assign", [converted(target), converted(value)], head="=")
        case ast.AnnAssign(target=target, annotation=ast.Name(id=kind), value=value):
            return CodeStatement("declare", [converted(target), converted(value)], head=kind)
        case ast.AugAssign(target=target, op=operator, value=value):
            return CodeStatement("assign", [converted(target), converted(value)], head=OPERATORS[type(operator)])
        case ast.Return(value=value):
            return CodeStatement("return", [converted(value)])
        case ast.Raise(exc=value):
            return CodeStatement("raise", [converted(value)])
        case ast.If(test=test, body=body, orelse=others):
            return CodeStatement("if", [converted(test)], [*map(_statement, body)], [*map(_statement, others)])
        case ast.For(target=target, iter=among, body=body):
            return CodeStatement("for", [converted(target), converted(among)], [*map(_statement, body)])
        case ast.FunctionDef(name=own, args=ast.arguments(args=parameters), body=body):
            head = call(*(converted(ast.Name(text)) for text in (own, *(p.arg for p in parameters))))
            return CodeStatement("def", [head], [*map(_statement, body)])
        case ast.ClassDef(name=own, bases=bases, body=body):
            head = call(converted(ast.Name(own)), *map(converted, bases))
            return CodeStatement("class", [head], [*map(_statement, body)])
    raise ValueError(f"no template has {ast.dump(node)}")
