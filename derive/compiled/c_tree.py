"""The tree of statements as C: loops over sizes, declarations, pragmas."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..programs.statement_tree import CodeStatement
from ..programs.syntax import Code, binary, literal, name

# What the templates say for a type: `x: double = 0.0`.
TYPES = {
    "double": "double ", "constant": "const double ", "size": "const ptrdiff_t ", "array": "double *",
    "reading": "const double *",
}  # fmt: skip
CASTS = frozenset(("double", "size_t"))
I, J, K, L, ZERO = *map(name, "ijkl"), literal("0")  # noqa: E741


def c_text(code: Code) -> str:
    """An expression as C writes it."""
    return _as_c(code).text


def _as_c(code: Code) -> Code:
    args = tuple(map(_as_c, code.args))
    match code.form:
        case "cases":
            condition, yes, no = (arg.text for arg in args)
            return name(f"({condition} ? {yes} : {no})")
        case "not":
            return name(f"!{args[0].text}")
        case "binary" if code.head == "//":  # of sizes, which are integers
            return binary("/", *args)
        case "call" if len(args) == 2 and args[0].head in CASTS:
            return name(f"({args[0].head})({args[1].text})")
    return Code(code.form, code.head, args) if args else code


def c_lines(made: Iterable[CodeStatement]) -> list[str]:
    return [line for statement in made for line in _lines(statement)]


def _lines(made: CodeStatement) -> list[str]:
    above = [f"/* {made.comment} */"] if made.comment else []
    codes = [c_text(code) for code in made.codes if made.form != "for"]
    match made.form:
        case "note":
            return above
        case "assign":
            return [*above, f"{codes[0]} {made.head} {codes[1]};"]
        case "declare":
            return [*above, f"{TYPES[made.head]}{codes[0]} = {codes[1]};"]
        case "do":
            return [*above, f"{codes[0]};"]
        case "return":
            return [*above, f"return {codes[0]};"]
        case "if":
            return [*above, *_under(f"if ({codes[0]})", made.body)]
        case "for":
            pragma, head = _loop(*made.codes)
            return [*above, *pragma, *_under(head, made.body)]
    raise ValueError(f"C has no {made.form} here")


def _under(head: str, body: Sequence[CodeStatement]) -> list[str]:
    """The statements of a loop or a condition; one alone on its line."""
    lines = c_lines(body)
    if len(lines) == 1:
        return [f"{head} {lines[0]}"]
    return [head + " {", *("    " + line for line in lines), "}"]


def _loop(target: Code, among: Code) -> tuple[list[str], str]:
    """`for i in range(n)`; `simd(n)`, `summing(n, s)` for several entries at once; `steps(n, span)`."""
    kind, count, *more = among.args
    i, others = target.head, [c_text(code) for code in more]
    pragma = {"simd": ["#pragma omp simd"], "summing": [f"#pragma omp simd reduction(+ : {''.join(others)})"]}
    further = f"{i} += {others[0]}" if kind.head == "steps" else f"++{i}"
    head = f"for (ptrdiff_t {i} = 0; {c_text(binary('<', target, count))}; {further})"
    return pragma.get(kind.head, []), head
