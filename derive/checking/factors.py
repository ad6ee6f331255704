"""Small letters that their place in products makes vectors or numbers, whatever habit says.

A number stands in front of what it multiplies, a vector behind the matrix and in front of a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .trees import Tree
from .unification import habit


def beside_rows(trees: Iterable[Tree]) -> set[str]:
    """The b of aᵀb and of ‖A b‖, vectors: numbers would stand in front of the row and of the matrix."""
    found: set[str] = set()
    for t in trees:
        first, last = t.args[-2:] if t.kind == "prod" else (t, t)
        row = first.args[0] if first.kind == "transpose" else first
        is_matrix = first is row and row.kind == last.kind == "name" and habit(str(row.data[0])) == "matrix"
        if is_matrix or (first is not row and row.kind == last.kind == "name"):
            letter = str(last.data[0])
            found |= {letter} if habit(letter) == "scalar" and letter[0].isascii() else set()
    return found


def in_front(trees: Iterable[Tree]) -> set[str]:
    """The a of a W and of a² W, where no vector stands."""
    found: set[str] = set()
    for t in trees:
        if t.kind == "power" and t.args[0].kind == "name" and t.args[1].kind == "number":
            found.add(str(t.args[0].data[0]))
        if t.kind == "prod":
            pairs = zip(t.args, t.args[1:], t.data[: len(t.args) - 1])
            found |= {str(a.data[0]) for a, b, mark in pairs if a.kind == "name" and not mark and _is_wide(b)}
    return found


def only_factors(trees: Sequence[Tree]) -> set[str]:
    """The m of m v and the k of k (q − q₀): letters that do nothing but multiply, right before a column once."""
    front, others = in_front(trees), set()
    for t in trees:
        for i, arg in enumerate(t.args):
            if arg.kind == "name" and t.kind not in ("neg", "quotient", "power", "derivative", "gradient"):
                is_factor = t.kind == "prod" and i + 1 < len(t.args)
                others |= set() if is_factor else {str(arg.data[0])}
    return {letter for letter in front - others if letter[0].isascii() and letter[0].islower()}


def before_ones(trees: Iterable[Tree]) -> set[str]:
    """The β of β𝟏, a number: a column has no product with a column."""
    found: set[str] = set()
    for t in trees:
        args = [arg for arg in t.args if arg.kind != "number"] if t.kind == "prod" else []
        if [arg.kind for arg in args[:2]] == ["name", "ones"] and not str(args[0].data[0])[0].isupper():
            found.add(str(args[0].data[0]))
    return found


def _is_wide(tree: Tree) -> bool:
    """Whether habit has a column or a matrix here: a letter, or a sum of such."""
    if tree.kind == "name":
        return habit(str(tree.data[0])) != "scalar"
    if tree.kind == "transpose":
        return tree.args[0].kind == "name" and habit(str(tree.args[0].data[0])) == "matrix"
    terms = [arg.args[0] if arg.kind == "neg" else arg for arg in tree.args] if tree.kind == "sum" else []
    return bool(terms) and all(arg.kind == "name" and habit(str(arg.data[0])) == "vector" for arg in terms)
