"""Other ways to write what a program computes: A B + A C as A (B + C), (A − Hᵀ H) x as A x − Hᵀ (H x).

Which is cheaper depends on the sizes and on what else needs the parts, so a program is made
of each and the costs decide [SK: Sankaran, Alashti, Psarras & Bientinesi 2022, experiments 4 and 5].
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..expr import Expr, nodes
from ..operations import add, basis_op, matmul, scale, terms_of, transpose
from ..shapes import ONE

MAX_NODES = 200  # of formulas above which none is looked for


def regroupings(formulas: Iterable[Expr]) -> Iterator[tuple[Expr, Expr]]:
    """Parts of the formulas, each with what may stand in its place."""
    order = list(nodes(*formulas))
    if len(order) > MAX_NODES:
        return
    for node in order:
        if node.op is add and not node.is_scalar:
            yield from _factored(node)
        elif node.op is matmul and ONE in node.shape:
            yield from _distributed(node)


def _factored(node: Expr) -> Iterator[tuple[Expr, Expr]]:
    """A sum with a matrix that begins, or ends, some of its products taken out of them."""
    terms = list(terms_of(node))
    for side in (0, -1):
        groups: dict[Expr, list[Expr]] = {}
        for term in terms:
            product = _product(term)
            if product is not None:
                groups.setdefault(product.args[side], []).append(term)
        for shared, group in groups.items():
            if len(group) > 1 and ONE not in shared.shape:
                inner = add(*(_without(term, side) for term in group))
                made = matmul(shared, inner) if side == 0 else matmul(inner, shared)
                yield node, add(*(term for term in terms if term not in group), made)


def _distributed(node: Expr) -> Iterator[tuple[Expr, Expr]]:
    """A product that ends in a vector multiplied out, where that saves a product of matrices or picks entries."""
    picks = any(basis_op in (f.op, f.args[0].op if f.op is transpose else None) for f in node.args)
    for i, factor in enumerate(node.args):
        if factor.op is add and ONE not in factor.shape and (picks or any(map(_is_dense, terms_of(factor)))):
            parts = (matmul(*node.args[:i], term, *node.args[i + 1 :]) for term in terms_of(factor))
            yield node, add(*parts)


def _product(term: Expr) -> Expr | None:
    """The product that a term is, or is a multiple of."""
    body = term.args[1] if term.op is scale else term
    return body if body.op is matmul else None


def _without(term: Expr, side: int) -> Expr:
    """A term without the first factor of its product, or without the last."""
    body = _product(term)
    assert body is not None
    rest = matmul(*(body.args[1:] if side == 0 else body.args[:-1]))
    return scale(term.args[0], rest) if term.op is scale else rest


def _is_dense(term: Expr) -> bool:
    """Whether it is a product of matrices: a matrix made of vectors costs no more than a sum."""
    body = _product(term)
    return body is not None and not any(ONE in factor.shape for factor in body.args)
