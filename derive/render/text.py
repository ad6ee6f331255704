"""Formulas in Unicode, spaced so that the eye and the parser group alike: `Wᵀ W x xᵀ − x xᵀ`."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from .. import names
from ..errors import columns
from ..expr import Expr
from ..heights import LOWERING, RAISING
from . import ATOM, PRODUCT, QUOTIENT, Notation, Piece, Space

if TYPE_CHECKING:
    from ..derivation import Presented
    from .blocks import Exposition, Row

VULGAR = {
    Fraction(1, 2): "½",
    Fraction(1, 3): "⅓",
    Fraction(1, 4): "¼",
    Fraction(2, 3): "⅔",
    Fraction(3, 4): "¾",
}


class Text(Notation):
    """The notation of terminals and of error messages."""

    ellipsis = "…"
    times = "·"
    hadamard = "⊙"
    quotient = "⊘"
    kron = "⊗"
    minus = "−"
    fraction_level = QUOTIENT
    calls_roots = True

    def symbol(self, name: str) -> str:
        return names.text(name)

    def dimension_name(self, name: str) -> str:
        return name

    def number(self, value: Fraction) -> Piece:
        is_negative, value = value < 0, abs(value)
        if value in VULGAR:
            return Piece(VULGAR[value], ATOM, is_negative)
        if value.denominator == 1:
            return Piece(str(value.numerator), ATOM, is_negative)
        return Piece(f"{value.numerator}/{value.denominator}", QUOTIENT, is_negative)

    def constant(self, name: str) -> str:
        return name

    def juxtapose(self, factors: Sequence[str]) -> str:
        line = factors[0]
        for factor in factors[1:]:
            line += f" {self.times} {factor}" if factor[0] in "0123456789½⅓¼⅔¾" else f" {factor}"
        return line

    def fraction(self, numerator: str, denominator: str) -> str:
        return f"{numerator} / {denominator}"

    def superscript(self, base: str, exponent: str, is_entrywise: bool = False) -> str:
        if exponent.lstrip("−").isdigit() and not is_entrywise:
            return base + exponent.translate(RAISING)
        simple = exponent.isalnum() and not any(c in "½⅓¼⅔¾⁰¹²³⁴⁵⁶⁷⁸⁹" for c in exponent)
        return base + (".^" if is_entrywise else "^") + (exponent if simple else f"({_plain_fraction(exponent)})")

    def transposed(self, base: str, is_inverse: bool = False) -> str:
        return base + ("⁻ᵀ" if is_inverse else "ᵀ")

    def root(self, radicand: str) -> str:
        return f"sqrt({radicand})"

    def call(self, name: str, operands: Sequence[str], is_tall: bool) -> str:
        return f"{name}({', '.join(operands)})"

    def primed(self, name: str, order: int) -> str:
        return name + "‴" * (order // 3) + ("", "′", "″")[order % 3]

    def applied(self, head: str, operand: str, is_tall: bool) -> str:
        return f"{head}({operand})"

    def delimited(self, kind: str, operands: Sequence[str], is_tall: bool, subscript: str = "") -> str:
        if kind == "inner":
            return f"⟨{', '.join(operands)}⟩"
        (operand,) = operands
        if kind == "abs":
            return f"abs({operand})" if "|" in operand or "‖" in operand else f"|{operand}|"
        if "‖" in operand and subscript in ("", "F", "1"):
            return f"norm{subscript.replace('F', '')}({operand})"
        return f"‖{operand}‖" + {"": "", "1": "₁", "op": "_{op}"}.get(subscript, f"_{subscript}")

    def leaf(self, name: str, subscript: str = "") -> str:
        name = "𝟏" if name == "1" else name
        if name == "K":
            return f"K({subscript})"
        if not subscript:
            return name
        if name == "e" and subscript.isdecimal():
            return name + subscript.translate(LOWERING)
        is_plain = subscript.isidentifier() or subscript.isdecimal()
        return f"{name}_{subscript}" if is_plain else f"{name}_({subscript})"

    def block(self, rows: Sequence[Sequence[str]]) -> str:
        if len(rows) > 1 and len(rows[0]) == 1:  # a product is not a row of blocks
            rows = [[f"({entry})" if " " in entry else entry for entry in row] for row in rows]
        return "[" + "; ".join(", ".join(row) for row in rows) + "]"

    def window(self, matrix: str, rows: tuple[str, str], columns: tuple[str, str]) -> str:
        return f"{matrix}[{rows[0]}:{rows[1]}, {columns[0]}:{columns[1]}]"

    def sign(self, sign: str) -> str:
        return sign

    def sequence(self, items: Sequence[tuple[bool, str]]) -> str:
        line, before = "", "("
        for is_sign, string in items:
            if before == "d" and string.startswith("∂"):
                string = f"({string})"
            tight = before in ("∂", "∂²", "d", "∇²", "(", "[", "⟨") and (string != "vec" or before == "(")
            line += string if tight or (is_sign and string in ",)]ᵀ⟩²") or (is_sign and string == "[") else " " + string
            before = string if is_sign else ""
        return line.strip()

    def partial(self, top: str, bottom: str, share: int | None) -> str:
        return f"{top}/{bottom}" + ("" if share is None else "|" + str(share).translate(LOWERING))

    def space(self, rows: Piece, columns: Piece) -> str:
        shown = [self.wrapped(p, PRODUCT) for p in (rows, columns)]
        return "scalar" if shown == ["1", "1"] else " × ".join(shown)


def _plain_fraction(exponent: str) -> str:
    for value, vulgar in VULGAR.items():
        exponent = exponent.replace(vulgar, f"{value.numerator}/{value.denominator}")
    return exponent


def text(expr: Expr) -> str:
    """The formula in Unicode; `parse` reads it back.

    Examples
    --------
    >>> from derive.expr import symbol
    >>> W, x = symbol("W", "m", "n"), symbol("x", "n")
    >>> print(text(W.T @ W @ x - x))
    Wᵀ W x − x
    """
    return Text().expression(expr)


PRODUCT_BREAK = 0.5  # how much less welcome a break between factors is than one before + or −
HARD = "\u00a0"  # a space where no line ends
WIDTH = 96  # columns of a line of a derivation


def derivation_text(derivation: Presented, detail: str = "steps", verify: bool = True) -> str:
    """The whole derivation in Unicode, shapes and step numbers on the right."""
    from .exposition import exposition

    return document(exposition(derivation, detail, verify))


def document(told: Exposition) -> str:
    """The blocks of a document in Unicode."""
    from .blocks import Display, Heading, Paragraph

    notation = Text(told.spelled)

    def inline(parts: Sequence[object]) -> str:
        return "".join(
            p if isinstance(p, str) else notation.formula(p).replace(" ", HARD)  # type: ignore[arg-type]
            for p in parts
        )

    title = inline(told.title).replace(HARD, " ")
    out: list[str] = [title, "=" * columns(title), ""]
    for block in told.blocks:
        if isinstance(block, Heading):
            out += ["", block.title]
        elif isinstance(block, Paragraph):
            out += filled(inline(block.parts), WIDTH, "  ")
        elif isinstance(block, Display):
            out += _display(notation, block.rows)
        else:
            shown = [
                f"{notation.expression(s)}: {notation.formula([Space(s.shape)])}" + (f" {p}" if p else "")
                for s, p in block.symbols
            ]
            out.append("  with " + ", ".join(shown))
    return "\n".join(out).strip("\n")


def _display(notation: Text, rows: Sequence[Row]) -> list[str]:
    lefts = [notation.formula(row.left) if row.left else "" for row in rows]
    is_list = all(sign == "∈" for row in rows for sign, _ in row.rights)
    indent = 0 if is_list else min(max(columns(left) for left in lefts), 28)
    out = []
    for row, left in zip(rows, lefts):
        line = "    " + " " * max(0, indent - columns(left)) + left
        start = len(line)
        rights = [(sign, notation.formula(formula)) for sign, formula in row.rights]
        pieces = [f"{sign} {string}" for sign, string in rights if sign != "∈"]
        margin = "" if row.shape is None or row.is_boxed else notation.formula([Space(row.shape)])
        margin = rights[0][1] if rights and rights[0][0] == "∈" else margin
        margin += f"{'  ' if margin else ''}({row.number})" if row.number else ""
        lines = [line + "".join(f" {piece}" for piece in pieces)]
        if columns(lines[0]) > WIDTH - 18 and len(pieces) > 1:
            lines = [line + f" {pieces[0]}", *(" " * start + f" {piece}" for piece in pieces[1:])]
        lines = [part for whole in lines for part in wrapped(whole, WIDTH - columns(margin) - 3, start + 3)]
        if margin:
            lines[-1] += " " * max(3, WIDTH - columns(lines[-1]) - columns(margin)) + margin
        if row.is_boxed:
            lines = boxed([line.rstrip()[len(lines[0]) - len(lines[0].lstrip()) :] for line in lines])
        out += lines
    return out


def filled(words: str, room: int, indent: str) -> list[str]:
    """A paragraph in lines."""
    lines = [indent]
    for word in words.split(" "):
        if columns(lines[-1]) + columns(word) > room and lines[-1].strip():
            lines.append(indent + "  ")
        lines[-1] += word + " "
    return [line.rstrip().replace(HARD, " ") for line in lines]


def wrapped(line: str, room: int, indent: int) -> list[str]:
    """A long line in pieces, broken before + and −, outside brackets if that is possible."""
    pieces = []
    while columns(line) > room:
        depth, places = 0.0, []
        for i, c in enumerate(line[: room + 1]):
            depth += (c in "([⟨") - (c in ")]⟩")
            around = line[i - 1 : i] + line[i + 1 : i + 2]
            if i <= indent or len(around) < 2:
                continue
            if c in "+−⊙⊗" and around == "  ":
                places.append((depth + (0.25 if c in "⊙⊗" else 0.0), -i))
            elif c == " " and not any(sign in "+−⊙⊘⊗=/·([⟨,→" for sign in around):
                places.append((depth + PRODUCT_BREAK, -i))
        far = [place for place in places if -place[1] > 0.4 * room] or places
        if not far:
            break
        level, at = min(far)
        pieces.append(line[:-at].rstrip())
        line = " " * indent + ("· " if level % 1 == PRODUCT_BREAK else "") + line[-at:].lstrip()
    return [*pieces, line]


def boxed(lines: Sequence[str]) -> list[str]:
    """The lines in a frame."""
    width = max(columns(line) for line in lines)
    inside = [f"    │ {line}{' ' * (width - columns(line))} │" for line in lines]
    return ["    ┌" + "─" * (width + 2) + "┐", *inside, "    └" + "─" * (width + 2) + "┘"]
