"""Pieces of a module's text, broken where they are long."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Sequence

from ..errors import DeriveError
from .expressions import WIDTH


def broken(line: str, opening: str, parts: Iterable[str], closing: str, indent: int = 4) -> list[str]:
    """The line, or where it is long its parts one below the other."""
    return [line] if len(line) + indent <= WIDTH else [opening, *(f"    {part}" for part in parts), closing]


def all_of(conditions: Sequence[str]) -> list[str]:
    """`if a and b:`, broken where it is long."""
    parts = (f"{'and ' * (i > 0)}{c}" for i, c in enumerate(conditions))
    return broken(f"if {' and '.join(conditions)}:", "if (", parts, "):")


def chained(terms: Sequence[str], last: str) -> list[str]:
    """`a is b is last` for all terms, in as many clauses as lines are needed."""
    clauses: list[str] = []
    pending: list[str] = []
    for i, term in enumerate(terms):
        pending.append(term)
        following = terms[i + 1] if i + 1 < len(terms) else None
        if following is None or len(" is ".join([*pending, following, last])) > WIDTH - 12:
            clauses.append(" is ".join([*pending, last]))
            pending = []
    return clauses


def needed_import(line: str, text: str) -> list[str]:
    """An import line, without the names that a module does not use."""
    start, names = line.rsplit("import ", 1)
    used = []
    for name in names.split(", "):
        bound = name.split(" as ")[-1].split(".")[0]
        if re.search(rf"(?<![\w.]){bound}[.(]", text):
            used.append(name)
    return [f"{start}import {', '.join(used)}"] if used else []


def header(name: str, parameters: Sequence[str]) -> str:
    parts = (f"{p}," for p in parameters)
    return "\n".join(broken(f"def {name}({', '.join(parameters)}):", f"def {name}(", parts, "):", 0))


def call_text(name: str, arguments: Sequence[str]) -> str:
    return f"{name}({', '.join(arguments)})"


def unpacked(targets: Sequence[str], call: str) -> list[str]:
    """`a, b = call`, broken where it is long."""
    target = ", ".join(targets)
    if not targets:
        return [call]
    line = f"{target} = {call}"
    if len(line) + 4 <= WIDTH:
        return [line]
    name, inside = call.split("(", 1)
    arguments = (f"{part}," for part in inside[:-1].split(", "))
    lines = broken(f"arguments = {call}", f"arguments = {name}(", arguments, ")")
    if len(target) + 4 + len(" = arguments") <= WIDTH:
        return [*lines, f"{target} = arguments"]
    return [*lines, "(", *(f"    {t}," for t in targets), ") = arguments"]


def unpacked_from(targets: Sequence[str], name: str) -> list[str]:
    """`a, b = name`, broken where it is long."""
    if len(targets) == 1:
        return [f"{targets[0]} = {name}"]
    return broken(f"{', '.join(targets)} = {name}", "(", (f"{t}," for t in targets), f") = {name}")


def returned(results: Sequence[str]) -> list[str]:
    line = f"return {', '.join(results)}" if results else "return None"
    return broken(line, "return (", (f"{r}," for r in results), ")")


def fill(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def wrapped_formula(start: str, text: str) -> list[str]:
    return fill(start + text.replace("\n", " "))


def shown(text: Callable[[], str]) -> str:
    """A form for the docstring; too large ones are left out."""
    try:
        made = text()
    except DeriveError:
        return "… (too large to be written out)"
    return made if len(made) <= 600 else made[:599] + "…"
