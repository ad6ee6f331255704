"""A box as Python source that builds it in SymPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sympy
from sympy.printing.str import StrPrinter

from ..names import identifier
from .functions import MatrixFunction
from .symbols import ENTRY, our_name
from .writing import to_sympy

if TYPE_CHECKING:
    from ..derivation import Derivation


class SourcePrinter(StrPrinter):  # type: ignore[misc]
    """SymPy's text, where that would not be Python that builds the expression again."""

    printmethod = "_source"  # not the text that a class of SymPy's or ours prints itself as

    def _print_MatrixFunction(self, expr: Any) -> str:
        return f"MatrixFunction({expr.name!r}, {', '.join(map(self._print, expr.args[1:]))})"

    def _print_Symbol(self, expr: Any) -> str:
        return "d" if expr is ENTRY else identifier(our_name(expr.name))

    _print_Dummy = _print_Symbol
    _print_MatrixSymbol = _print_Symbol

    def _print_Rational(self, expr: Any) -> str:
        return str(expr.p) if expr.q == 1 else f"Rational({expr.p}, {expr.q})"

    _print_Half = _print_Rational

    def _print_Mul(self, expr: Any) -> str:
        # A quotient of integers would be a float.
        number, rest = expr.as_coeff_Mul()
        if number.is_Rational and number.q != 1:
            return f"{self._print(number)}*{self.parenthesize(rest, 50)}"
        return str(super()._print_Mul(expr))

    def _print_MatMul(self, expr: Any) -> str:
        return "*".join(self.parenthesize(a, 60) if not a.is_Atom else self._print(a) for a in expr.args)

    def _print_Identity(self, expr: Any) -> str:
        return f"Identity({self._print(expr.rows)})"

    def _print_OneMatrix(self, expr: Any) -> str:
        return f"OneMatrix({self._print(expr.rows)}, {self._print(expr.cols)})"

    def _print_ZeroMatrix(self, expr: Any) -> str:
        return f"ZeroMatrix({self._print(expr.rows)}, {self._print(expr.cols)})"

    def _print_Inverse(self, expr: Any) -> str:
        return f"Inverse({self._print(expr.arg)})"

    def _print_KroneckerProduct(self, expr: Any) -> str:
        return f"KroneckerProduct({', '.join(map(self._print, expr.args))})"

    def _print_ElementwiseApplyFunction(self, expr: Any) -> str:
        return f"({self._print(expr.expr)}).applyfunc(Lambda(d, {self._print(expr.function.expr)}))"

    def _print_BlockMatrix(self, expr: Any) -> str:
        rows, columns = expr.blockshape
        table = [[self._print(expr.blocks[i, j]) for j in range(columns)] for i in range(rows)]
        return "BlockMatrix([" + ", ".join("[" + ", ".join(row) + "]" for row in table) + "])"

    def _print_MatrixBase(self, expr: Any) -> str:
        rows = [[self._print(expr[i, j]) for j in range(expr.cols)] for i in range(expr.rows)]
        return "Matrix([" + ", ".join("[" + ", ".join(row) + "]" for row in rows) + "])"

    _print_ImmutableDenseMatrix = _print_MatrixBase


def sympy_source(derivation: Derivation) -> str:
    """Python source that makes the symbols and the box.

    A function that SymPy lacks is declared by its name and stays unevaluated.
    """
    made = to_sympy(derivation.boxed, derivation.sympy_symbols)
    names: dict[str, str] = {}
    sizes: dict[str, str] = {}
    printer = SourcePrinter()
    for held in sorted(made.atoms(sympy.MatrixSymbol), key=str):
        for part in sorted({s for dim in held.shape for s in dim.free_symbols}, key=str):
            sizes[printer._print(part)] = f'Symbol("{part.name}", integer=True, positive=True)'
        rows, columns = map(printer._print, held.shape)
        names[printer._print(held)] = f'MatrixSymbol("{held.name}", {rows}, {columns})'
    for held in sorted(made.atoms(sympy.Symbol), key=str):
        name = printer._print(held)
        if name not in sizes:
            positive = ", positive=True" if held.is_positive else ""
            integer = ", integer=True" if held.is_integer else ""
            (sizes if integer else names)[name] = f'Symbol("{held.name}"{integer}{positive})'
    if made.has(ENTRY):
        sizes["d"] = 'Dummy("d")'
    lines = [
        f'"""The {derivation.kind} of {derivation.name} = {derivation.loss.text()}: {derivation.boxed.text()}."""',
        "",
    ]
    lines += ["from sympy import *"]
    if any(isinstance(node, MatrixFunction) for node in sympy.preorder_traversal(made)) or made.atoms(sympy.Function):
        lines += ["from derive.interop.functions import *"]
    lines += ["", *(f"{name} = {value}" for name, value in {**sizes, **names}.items())]
    return "\n".join([*lines, "", f"{derivation.kind} = {printer.doprint(made)}", ""])
