"""A rule of the calculus as `derive explain` shows it: statement, proof by differentials, condition, source."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .. import rules
from ..errors import DeriveError, MissingRuleError
from ..expr import Expr, Operation, number, symbol
from ..operations import FUNCTIONS
from ..rules import RULES, Rule
from ..shapes import Dim, DimLike
from .blocks import Exposition
from .rule_proofs import TITLES, prove
from .text import document

# Other words for an operation.
ALIASES = {
    "tr": "trace", "product": "matmul", "chain": "matmul", "norm2": "norm", "inverse": "inv", "determinant": "det",
    "log-determinant": "logdet", "sum of squares": "sq_norm", "squared norm": "sq_norm", "addition": "add",
    "subtraction": "add", "transposition": "transpose", "dot": "inner", "inner product": "inner", "kronecker": "kron",
    "elementwise product": "hadamard", "⊙": "hadamard", "⊗": "kron", "σ": "sigmoid", "power of a matrix": "matpow",
    "ᵀ": "transpose", "+": "add", "*": "matmul", "@": "matmul", "^": "matpow", ".^": "power", "log det": "logdet",
}  # fmt: skip
DATA = {"matpow": (3,), "unvec": (Dim.of("m"), Dim.of("n")), "block": (2, 2)}


def explain(name: str) -> str:
    """A rule, its proof by differentials, its condition and its source, as text.

    Raises
    ------
    DeriveError
        There is no rule of this name; the message lists near ones.

    Examples
    --------
    >>> print(explain("transpose").splitlines()[1].strip())
    dY = dAᵀ
    """
    rule = find_rule(name)
    told = Exposition([])
    node = example(rule.operation)
    try:
        prove(told, rule, node)
    except MissingRuleError as error:
        return f"{rule.operation.name}: {rule.note or error.message}"
    lines = document(told).split("\n")
    while not lines[0].strip():
        del lines[0]
    lines[0] = lines[0].strip()[:1].upper() + lines[0].strip()[1:]
    condition = rule.condition(node)
    if condition:
        lines.append(f"  Condition: {condition}.")
    cited = references(rule.source)
    return "\n".join([*lines, *([""] if cited else []), *("  " + line for line in cited)])


def listing() -> str:
    """The names of the rules, functions apart."""
    functions = [name for name in RULES if name in FUNCTIONS]
    others = [name for name in RULES if name not in FUNCTIONS]
    return "\n".join(
        ["Operations:", *_wrapped(others), "", "Functions, applied to each entry:", *_wrapped(functions)],
    )


def _wrapped(names: list[str], width: int = 88) -> Iterator[str]:
    line = " "
    for name in names:
        if len(line) + len(name) + 1 > width:
            yield line
            line = " "
        line += " " + name
    yield line


def find_rule(name: str) -> Rule:
    """The row of an operation, by its name, its title or a usual word."""
    wanted = name.strip()
    key = ALIASES.get(wanted, ALIASES.get(wanted.lower(), wanted))
    titles = {title.lower(): operation for operation, title in TITLES.items()}
    for candidate in (key, key.lower(), titles.get(key.lower(), "")):
        if candidate in RULES:
            return RULES[candidate]
    from difflib import get_close_matches

    near = get_close_matches(wanted.lower(), [*RULES, *ALIASES, *titles], n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else "derive explain lists the rules"
    raise DeriveError(f"there is no rule named {wanted or 'so'}", hint=hint)


def example(operation: Operation) -> Expr:
    """The operation over generic operands."""
    name = operation.name
    product = Dim.of("m") * Dim.of("p"), Dim.of("n") * Dim.of("q")
    special: dict[str, list[tuple[DimLike, DimLike]]] = {
        "matmul": [("m", "n"), ("n", "p")],
        "mul": [(1, 1), (1, 1)],
        "block": [("m", "n"), ("m", "p"), ("q", "n"), ("q", "p")],
        "unvec": [(Dim.of("m") * Dim.of("n"), 1)],
        "block_inner": [product, ("p", "q")],
        "block_sum": [product, ("m", "n")],
    }
    shapes = special.get(name)
    if shapes is None and operation.arity is None:
        shapes = [("m", "n"), ("m", "n")]
    elif shapes is None:
        shapes = [(rows[0] if rows else 1, columns[0] if columns else 1) for rows, columns in operation.patterns]
    operands = tuple(symbol("ABCD"[i], *shape) for i, shape in enumerate(shapes))
    if name == "matpow":
        return operation.make(operands, (3,))
    if name == "submatrix":
        return operation.make(operands, (Dim.of(0), Dim.of("p"), Dim.of(0), Dim.of("q")))
    if name == "power":
        return operation.make((operands[0], number(3)))
    return operation.make(operands, DATA.get(name, ()))


def references(source: str) -> list[str]:
    """The books that a source names, in full, as the head of `rules` lists them."""
    head = rules.__doc__ or ""
    cited = []
    for key in dict.fromkeys(re.findall(r"\[[A-Z]+\]", source)):
        found = re.search(re.escape(key) + r"(.*?)(?=\n\[|\Z)", head, re.DOTALL)
        if found:
            cited.append(f"{key} {' '.join(found.group(1).split())}")
    return cited
