"""Formulas in LaTeX: `W^{\\top} W x x^{\\top}`, with `\\left` and `\\right` only around what is tall."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ..expr import Expr
from . import ATOM, POSTFIX, Notation, Piece

COMMANDS = {name: "\\" + name for name in "exp log sin cos tan arcsin arccos arctan sinh cosh tanh det".split()} | {
    "logdet": r"\log\det",
    "σ": r"\sigma",
}


class Latex(Notation):
    """The notation of papers; plain enough for MathJax and for our own parser."""

    ellipsis = r"\cdots"
    times = r"\cdot"
    hadamard = r"\odot"
    quotient = r"\oslash"
    kron = r"\otimes"
    fraction_level = POSTFIX

    def symbol(self, name: str) -> str:
        return _written(name)

    def number(self, value: Fraction) -> Piece:
        is_negative, value = value < 0, abs(value)
        if value.denominator == 1:
            return Piece(str(value.numerator), ATOM, is_negative)
        return Piece(rf"\frac{{{value.numerator}}}{{{value.denominator}}}", POSTFIX, is_negative, True)

    def constant(self, name: str) -> str:
        return r"\pi" if name == "π" else r"\mathrm{e}"

    def sum(self, terms: Sequence[tuple[bool, str]]) -> str:
        (is_negative, first), *rest = terms
        return ("-" if is_negative else "") + first + "".join((" - " if n else " + ") + s for n, s in rest)

    def juxtapose(self, factors: Sequence[str]) -> str:
        line = factors[0]
        for left, factor in zip(factors, factors[1:]):
            if factor[0].isdigit():
                line += rf" {self.times} {factor}"
            elif _is_word(left) or _is_word(factor):
                line += rf" \, {factor}"
            else:
                line += f" {factor}"
        return line

    def infix(self, left: str, operator: str, right: str) -> str:
        return f"{left} {operator} {right}"

    def fraction(self, numerator: str, denominator: str) -> str:
        return rf"\frac{{{numerator}}}{{{denominator}}}"

    def bracketed(self, string: str, is_tall: bool) -> str:
        return rf"\left({string}\right)" if is_tall else f"({string})"

    def superscript(self, base: str, exponent: str, is_entrywise: bool = False) -> str:
        return f"{base}^{{" + (r"\odot " if is_entrywise else "") + exponent + "}"

    def transposed(self, base: str, is_inverse: bool = False) -> str:
        return base + (r"^{-\top}" if is_inverse else r"^{\top}")

    def root(self, radicand: str) -> str:
        return rf"\sqrt{{{radicand}}}"

    def call(self, name: str, operands: Sequence[str], is_tall: bool) -> str:
        command = COMMANDS.get(name) or r"\operatorname{" + name.replace("_", r"\_") + "}"
        return command + self.bracketed(", ".join(operands), is_tall)

    def delimited(self, kind: str, operands: Sequence[str], is_tall: bool, subscript: str = "") -> str:
        opening, closing = {
            "norm": (r"\lVert", r"\rVert"),
            "abs": (r"\lvert", r"\rvert"),
            "inner": (r"\langle", r"\rangle"),
        }[kind]
        if is_tall:
            opening, closing = r"\left" + opening, r"\right" + closing
        below = r"\mathrm{op}" if subscript == "op" else subscript
        return f"{opening} {', '.join(operands)} {closing}" + (f"_{{{below}}}" if below else "")

    def leaf(self, name: str, subscript: str = "") -> str:
        return (r"\mathbf{1}" if name == "1" else name) + (f"_{{{subscript}}}" if subscript else "")

    def ones_matrix(self, rows: str, columns: str) -> str:
        return rf"\operatorname{{ones}}({rows}, {columns})"

    def block(self, rows: Sequence[Sequence[str]]) -> str:
        return r"\begin{bmatrix} " + r" \\ ".join(" & ".join(row) for row in rows) + r" \end{bmatrix}"

    def window(self, matrix: str, rows: tuple[str, str], columns: tuple[str, str]) -> str:
        return f"{matrix}[{rows[0]}{{:}}{rows[1]}, {columns[0]}{{:}}{columns[1]}]"

    def keeps_whole(self, numerators: Sequence[Expr], denominators: Sequence[Expr]) -> bool:
        """(x − a)/‖x − a‖ in one fraction, but 1/m in front of a product."""
        if not numerators:
            return True
        if all(_is_plain(e) for e in denominators):
            return all(_is_plain(e) for e in numerators)
        return sum(len(e.args) for e in numerators) <= 4 and not any(e.op.name == "hadamard" for e in numerators)


def _is_plain(node: Expr) -> bool:
    return not node.args or (node.op.name == "power" and not any(arg.args for arg in node.args))


def _is_word(factor: str) -> bool:
    return factor.startswith((r"\mathrm{", r"\mathit{"))


def _written(name: str) -> str:
    try:
        from .. import names
    except ImportError:
        base, _, below = name.partition("_")
        return f"{base}_{{{below}}}" if below else base
    return names.latex(name)


def latex(expr: Expr) -> str:
    r"""The formula in LaTeX, without delimiters; `parse` reads it back.

    Examples
    --------
    >>> from derive.expr import symbol
    >>> W, x = symbol("W", "m", "n"), symbol("x", "n")
    >>> print(latex(W.T @ W @ x - x))
    W^{\top} W x - x
    """
    notation = Latex(expr)
    return notation.signed(notation.write(expr))
