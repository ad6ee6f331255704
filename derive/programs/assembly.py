"""A generated module put together: its imports, what it holds between calls, its functions and their helpers."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from functools import lru_cache

from .statement_tree import CodeStatement, names_in

HELD = {
    "_DOUBLE": "_DOUBLE = np.dtype(np.float64)",
    "_held": '_held = {"constants": ((), ())}  # the arguments, and what was made of them',
}
KEPT = '''
class _Kept(threading.local):
    """Buffers of the last call; each thread has its own."""

{fields}


_kept = _Kept()'''
STANDARD = {"functools": "functools", "math": "math", "threading": "_kept"}  # by what uses them


def assembled(
    heading: str,
    imports: Iterable[str],
    blocks: Sequence[CodeStatement],
    helpers: Sequence[str],
    kept: Iterable[str] = (),
) -> str:
    """The source of a module; of the import lines what it uses, with buffers for the functions that keep them."""
    used = names_in(blocks).union(*map(names_of, helpers))
    lines = [f"import {name}" for name, user in STANDARD.items() if user in used]
    lines += [""] * bool(lines) + [line for entry in imports for line in needed_import(entry, used)]
    head = [heading, "\n".join(lines)]
    if held := [line for name, line in HELD.items() if name in used]:
        head.append("\n".join(held))
    if "_kept" in used:
        head.append(KEPT.format(fields="\n".join(f"    {name} = None, ()" for name in kept)))
    return "\n\n\n".join(["\n\n".join(head), *("\n".join(b.lines()) for b in blocks), *helpers]) + "\n"


@lru_cache(maxsize=1024)
def names_of(source: str) -> frozenset[str]:
    """The names that the source of a helper mentions."""
    return frozenset(node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name))


def bound_by(line: str) -> dict[str, ast.alias]:
    """The names that an import line binds."""
    (node,) = ast.parse(line).body
    assert isinstance(node, ast.Import | ast.ImportFrom)
    return {alias.asname or alias.name.split(".")[0]: alias for alias in node.names}


def needed_import(line: str, used: Iterable[str]) -> list[str]:
    """An import line, without the names that a module does not use."""
    (node,) = ast.parse(line).body
    assert isinstance(node, ast.Import | ast.ImportFrom)
    node.names = [alias for bound, alias in bound_by(line).items() if bound in used]
    return [ast.unparse(node)] if node.names else []
