"""SymPy's sums over indices, read as the formulas with ∑ that they are."""

from __future__ import annotations

from typing import Any

import sympy
from sympy.printing.latex import LatexPrinter

from ..errors import DeriveError
from ..expr import Expr
from ..reading import parse
from .symbols import our_name

_LETTERS = "ijklpqrstuv"


class _Printer(LatexPrinter):  # type: ignore[misc]
    """A sum as a formula has it: aᵢⱼ for a[i, j], sums from 1 on."""

    def __init__(self, taken: set[str]) -> None:
        super().__init__()
        self.free = [c for c in _LETTERS if c not in taken]
        self.letters: dict[Any, str] = {}

    def _print_Sum(self, node: Any) -> str:
        held = dict(self.letters)
        signs = []
        for limit in reversed(node.limits):
            if len(limit) != 3 or limit[1] != 0:
                raise DeriveError("a sum over entries begins at 0, as SymPy counts them")
            if not self.free:
                raise DeriveError("the sum has too many indices")
            self.letters[limit[0]] = self.free.pop(0)
            signs.append(rf"\sum_{{{self.letters[limit[0]]}=1}}^{{{self._print(limit[2] + 1)}}} ")
        body = self._print(node.function)
        self.letters = held
        return rf"\left({''.join(signs)}\left({body}\right)\right)"

    def _print_MatrixElement(self, node: Any) -> str:
        if not isinstance(node.parent, sympy.MatrixSymbol):
            raise DeriveError(f"{node.parent} is indexed, and is no symbol", hint="give it a name of its own")
        indices = [i for i, size in zip((node.i, node.j), node.parent.shape) if size != 1]
        if any(i not in self.letters for i in indices):
            raise DeriveError(f"{node} is an entry that no sum runs over")
        return f"{{{self._print(node.parent)}}}_{{{''.join(self.letters[i] for i in indices)}}}"

    def _print_MatrixSymbol(self, node: Any) -> str:
        return str(self._print(sympy.Symbol(node.name)))


def summed(node: Any) -> Expr:
    """The formula of a `Sum` of entries.

    Raises
    ------
    DeriveError
        It has no matrix form that we know.
    """
    matrices = sorted(node.atoms(sympy.MatrixSymbol), key=str)
    dimensions = {s for matrix in matrices for size in matrix.shape for s in size.free_symbols}
    scalars = sorted(node.free_symbols - dimensions - set(matrices), key=str)
    shapes = [f"{our_name(m.name)}: ({m.shape[0]})×({m.shape[1]})" for m in matrices]
    shapes += [f"{our_name(s.name)}: scalar" for s in scalars]
    text = _Printer({str(s) for s in node.free_symbols}).doprint(node)
    return parse(text, ", ".join(shapes)).expr
