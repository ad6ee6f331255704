"""SymPy's sums over indices, read as the formulas with ∑ that they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy
from sympy.printing.latex import LatexPrinter

from ..errors import DeriveError
from ..expr import Expr, substitute, symbol, symbols_of
from ..reading import parse
from .symbols import SAME_NAME, our_name

_INDICES = "ijklpqrstuv"
# The letters that stand for the symbols of a sum while it is read, whatever they are called.
_MATRICES = "A B C D F G H M N P Q R U V W X Y Z".split()
_SCALARS = "alpha beta gamma kappa mu nu xi tau omega".split()
_FUNCTIONS = {*SAME_NAME, "exp", "log"}


class _Printer(LatexPrinter):  # type: ignore[misc]
    """A sum as a formula has it: aᵢⱼ for a[i, j], sums from 1 on."""

    def __init__(self, taken: set[str]) -> None:
        super().__init__()
        self.free = [c for c in _INDICES if c not in taken]
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
        return str(node.name)

    def _print_Symbol(self, node: Any, style: str = "plain") -> str:
        if node in self.letters:
            raise DeriveError(f"{node} stands for a number, and an index only says which entry")
        return str(super()._print_Symbol(node, style))

    _print_Dummy = _print_Symbol


def _is_plain(theirs: Any) -> bool:
    """Whether a name is a letter that a formula takes for nothing else."""
    return theirs.name in _MATRICES or (len(theirs.name) == 1 and theirs.name in "abcdghmnopqrstuvwxyz")


def _of_symbols(node: Any) -> tuple[Any, dict[Any, Any]]:
    """A sum over entries of symbols alone, and what a symbol stands for that it had not: A⁻¹ of (A.I)[i, j].

    The bases of `Indexed` have as many entries as their indices run over, which may begin at 1 in such a sum.
    """
    bound = {limit[0]: limit for total in node.atoms(sympy.Sum) for limit in total.limits if len(limit) == 3}
    held: dict[Any, Any] = {}
    made: dict[Any, Any] = {}
    entries = node.atoms(sympy.matrices.expressions.matexpr.MatrixElement)
    for entry in entries:
        of = entry.parent
        if not isinstance(of, sympy.MatrixSymbol) and not of.free_symbols & bound.keys():
            made.setdefault(of, sympy.MatrixSymbol(f"_{len(made)}", *of.shape))
            held[entry] = made[of][entry.i, entry.j]
    indexed = node.atoms(sympy.Indexed)
    for entry in indexed:
        if len(entry.indices) > 2 or not bound.keys() >= set(entry.indices):
            raise DeriveError(f"{entry} is not an entry at one or two indices of the sum")
        sizes = [bound[i][2] + 1 - bound[i][1] for i in entry.indices]
        base = sympy.MatrixSymbol(str(entry.base), *[*sizes, 1][:2])
        held[entry] = base[(*entry.indices, 0)[:2]]
    node = node.xreplace(held)
    if indexed and not entries and all(limit[1] == 1 for limit in bound.values()):
        ends = {sympy.Tuple(*limit): sympy.Tuple(limit[0], 0, limit[2] - 1) for limit in bound.values()}
        node = node.xreplace(ends)
    return node, {symbol: of for of, symbol in made.items()}


def summed(node: Any, scalar: Callable[[Any], Expr], matrix: Callable[[Any], Expr]) -> Expr:
    """The formula of a `Sum` of entries; `scalar` reads a SymPy symbol of a number, and `matrix` what has entries.

    Raises
    ------
    DeriveError
        It has no matrix form that we know.
    """
    node, made = _of_symbols(node)
    for function in sorted({type(f).__name__ for f in node.atoms(sympy.Function)} - _FUNCTIONS):
        raise DeriveError(f"{function} of an entry is not read in a sum")
    matrices = sorted(node.atoms(sympy.MatrixSymbol), key=str)
    sizes = [size for matrix in matrices for size in matrix.shape]
    sizes += [limit[2] for total in node.atoms(sympy.Sum) for limit in total.limits]
    dimensions = {s for size in sizes for s in size.free_symbols}
    scalars = sorted(node.free_symbols - dimensions - set(matrices), key=str)
    named = {str(s) for s in (*dimensions, *matrices, *scalars)}
    letters, words = (iter([word for word in pool if word not in named]) for pool in (_MATRICES, _SCALARS))
    renamed: dict[Any, Any] = {m: sympy.MatrixSymbol(next(letters, ""), *m.shape) for m in matrices if not _is_plain(m)}
    renamed |= {s: sympy.Symbol(next(words, "")) for s in scalars if not _is_plain(s)}
    if any(not new.name for new in renamed.values()):
        raise DeriveError("the sum has too many symbols")
    renamed = {s: s for s in (*matrices, *scalars)} | renamed
    shapes = [f"{renamed[m].name}: ({m.shape[0]})×({m.shape[1]})" for m in matrices]
    shapes += [f"{renamed[s].name}: scalar" for s in scalars]
    parsed = parse(_Printer(named).doprint(node.xreplace(renamed)), ", ".join(shapes))
    known = {our_name(renamed[theirs].name): theirs for theirs in (*matrices, *scalars)}
    meant: dict[Expr, Expr] = {}
    for ours in symbols_of(parsed.expr):
        theirs = known.get(ours.name)
        if theirs is None:
            raise DeriveError(f"{ours.text()} would be a symbol that the sum has not")
        if theirs in made:
            meant[ours] = matrix(made[theirs])
        elif isinstance(theirs, sympy.MatrixSymbol):
            meant[ours] = symbol(our_name(theirs.name), *ours.shape)
        else:
            meant[ours] = scalar(theirs)
    return substitute(parsed.expr, meant)
