"""Formulas in Unicode, spaced so that the eye and the parser group alike: `Wᵀ W x xᵀ − x xᵀ`."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ..expr import Expr
from . import ATOM, QUOTIENT, Notation, Piece

VULGAR = {
    Fraction(1, 2): "½",
    Fraction(1, 3): "⅓",
    Fraction(1, 4): "¼",
    Fraction(2, 3): "⅔",
    Fraction(3, 4): "¾",
}
SUPERSCRIPTS = str.maketrans("0123456789−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


class Text(Notation):
    """The notation of terminals and of error messages."""

    ellipsis = "…"
    times = "·"
    hadamard = "⊙"
    quotient = "⊘"
    kron = "⊗"
    fraction_level = QUOTIENT

    def symbol(self, name: str) -> str:
        return _written(name)

    def number(self, value: Fraction) -> Piece:
        is_negative, value = value < 0, abs(value)
        if value in VULGAR:
            return Piece(VULGAR[value], ATOM, is_negative)
        if value.denominator == 1:
            return Piece(str(value.numerator), ATOM, is_negative)
        return Piece(f"{value.numerator}/{value.denominator}", QUOTIENT, is_negative)

    def constant(self, name: str) -> str:
        return name

    def sum(self, terms: Sequence[tuple[bool, str]]) -> str:
        (is_negative, first), *rest = terms
        return ("−" if is_negative else "") + first + "".join((" − " if n else " + ") + s for n, s in rest)

    def juxtapose(self, factors: Sequence[str]) -> str:
        line = factors[0]
        for factor in factors[1:]:
            line += f" {self.times} {factor}" if factor[0] in "0123456789½⅓¼⅔¾" else f" {factor}"
        return line

    def infix(self, left: str, operator: str, right: str) -> str:
        return f"{left} {operator} {right}"

    def fraction(self, numerator: str, denominator: str) -> str:
        return f"{numerator} / {denominator}"

    def bracketed(self, string: str, is_tall: bool) -> str:
        return f"({string})"

    def superscript(self, base: str, exponent: str, is_entrywise: bool = False) -> str:
        if exponent.lstrip("−").isdigit() and not is_entrywise:
            return base + exponent.translate(SUPERSCRIPTS)
        simple = exponent.isalnum() and not any(c in "½⅓¼⅔¾" for c in exponent)
        return base + (".^" if is_entrywise else "^") + (exponent if simple else f"({_plain_fraction(exponent)})")

    def transposed(self, base: str, is_inverse: bool = False) -> str:
        return base + ("⁻ᵀ" if is_inverse else "ᵀ")

    def root(self, radicand: str) -> str:
        return f"sqrt({radicand})"

    def call(self, name: str, operands: Sequence[str], is_tall: bool) -> str:
        return f"{name}({', '.join(operands)})"

    def delimited(self, kind: str, operands: Sequence[str], is_tall: bool, subscript: str = "") -> str:
        if kind == "inner":
            return f"⟨{', '.join(operands)}⟩"
        (operand,) = operands
        if kind == "abs":
            return f"abs({operand})" if "|" in operand or "‖" in operand else f"|{operand}|"
        if "‖" in operand and subscript in ("", "F", "1"):
            return f"norm{subscript.replace('F', '')}({operand})"
        return f"‖{operand}‖" + {"": "", "1": "₁"}.get(subscript, f"_{subscript}")

    def leaf(self, name: str, subscript: str = "") -> str:
        name = "𝟏" if name == "1" else name
        if name == "K":
            return f"K({subscript})"
        if not subscript:
            return name
        return f"{name}_{subscript}" if subscript.isalnum() else f"{name}_({subscript})"

    def ones_matrix(self, rows: str, columns: str) -> str:
        return f"ones({rows}, {columns})"

    def block(self, rows: Sequence[Sequence[str]]) -> str:
        return "[" + "; ".join(", ".join(row) for row in rows) + "]"

    def window(self, matrix: str, rows: tuple[str, str], columns: tuple[str, str]) -> str:
        return f"{matrix}[{rows[0]}:{rows[1]}, {columns[0]}:{columns[1]}]"


def _plain_fraction(exponent: str) -> str:
    for value, vulgar in VULGAR.items():
        exponent = exponent.replace(vulgar, f"{value.numerator}/{value.denominator}")
    return exponent


def _written(name: str) -> str:
    try:
        from .. import names
    except ImportError:
        return name
    return names.text(name)


def text(expr: Expr) -> str:
    """The formula in Unicode; `parse` reads it back.

    Examples
    --------
    >>> from derive.expr import symbol
    >>> W, x = symbol("W", "m", "n"), symbol("x", "n")
    >>> print(text(W.T @ W @ x - x))
    Wᵀ W x − x
    """
    notation = Text(expr)
    return notation.signed(notation.write(expr))
