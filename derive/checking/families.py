"""Sums over samples: Σᵢ (wᵀxᵢ − yᵢ)² beside its derivative, read as formulas are read.

A side with a sum over an index goes the road of every formula: xᵢ becomes row i of X, yᵢ entry i of y, and the
sum a product of matrices.  The shapes that a scope's definitions give in this way hold for its claims.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import DeriveError
from ..expr import Expr, symbols_of
from ..shapes import ONE, Dim
from .claims import DERIVATIVES, Claim
from .kinds import Declared
from .roles import body_of
from .trees import Tree

Shapes = dict[str, tuple[Dim, Dim]]


def as_formula(tree: Tree, text: str) -> Tree:
    """The tree of a side; one that sums over an index keeps its text, to be read as a formula."""
    kinds = {t.kind for t in tree.walk()}
    if "total" not in kinds or kinds & DERIVATIVES:
        return tree
    return Tree("formula", [tree], (text.strip(" \n\t&,.;~").replace("&", " "),), tree.span)


def parsed(text: str, shapes: Mapping[str, tuple[Dim, Dim]]) -> Expr:
    """The formula, with the shapes that are known."""
    from ..api import parse

    return parse(text, ", ".join(f"{name}: {_size(shape)}" for name, shape in shapes.items()))


def _size(shape: tuple[Dim, Dim]) -> str:
    if shape == (ONE, ONE):
        return "scalar"
    return f"({shape[0]})×({shape[1]})" if shape[1] is not ONE else f"({shape[0]})"


def declare_families(declared: dict[str, Declared], definitions: Sequence[Claim]) -> Shapes:
    """The shapes of the letters in definitions that sum over samples; they are declared by them."""
    found: Shapes = {}
    for claim in definitions:
        body = body_of(claim)
        if body is None or body.kind != "formula" or not _has_family(body):
            continue
        known = {n: d.shape for n, d in declared.items() if d.shape is not None} | found
        try:
            made = parsed(str(body.data[0]), {n: s for n, s in known.items() if s is not None})
        except DeriveError:
            continue
        for s in symbols_of(made):
            found.setdefault(s.name, s.shape)
    for name, shape in found.items():
        held = declared.get(name)
        if held is None or held.shape is None:
            declared[name] = Declared(None, shape, held.properties if held is not None else ())
    return found


def _has_family(tree: Tree) -> bool:
    return any(t.kind == "name" and t.data[2] for t in tree.walk())
