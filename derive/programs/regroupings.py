"""Other ways to write what a program computes.

A B + A C is A (B + C), (A − Hᵀ H) x is A x − Hᵀ (H x), block matrices are multiplied by blocks, and the
inverse and the determinant of D + U Uᵀ for a diagonal D need no more than those of I + Uᵀ D⁻¹ U [MC 159, 24].
Which is cheaper depends on the sizes and on what else needs the parts, so a program is made
of each and the costs decide [SK: Sankaran, Alashti, Psarras & Bientinesi 2022, experiments 4 and 5].
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ..association import segments
from ..expr import Expr, dimension, identity, identity_op, nodes, number, substitute, symbol_op
from ..operations import (
    absolute,
    add,
    basis_op,
    block,
    block_op,
    diagonal_matrix,
    inv,
    log,
    logdet,
    matmul,
    mul,
    power,
    scale,
    sum_entries,
    terms_of,
    transpose,
)
from ..shapes import ONE

WORK = 300  # nodes in all programs that are made, so that formulas of many terms take no longer than a few times one

Regrouping = dict[Expr, Expr]  # parts of the formulas, each with what stands in its place


def regroupings(formulas: Iterable[Expr], hints: Sequence[Any] = ()) -> list[Regrouping]:
    """What may be written otherwise, what saves most products first."""
    order = list(nodes(*formulas))
    opened: dict[Expr, Regrouping] = {}
    found: list[Regrouping] = []
    for node in order:
        if node.op is add and not node.is_scalar:
            found += _factored(node)
        elif node.op is matmul:
            found += _by_blocks(node)
            for factor in node.args if ONE in node.shape else ():
                if _is_opened(factor, node.args):
                    parts = opened.setdefault(_straight(factor), {})
                    made = substitute(node, parts)  # what stands below it is opened, too
                    parts[node] = _opened(made) if made.op is matmul else made
    found += opened.values()
    found.sort(key=lambda parts: -max(len(part.args) for part in parts))
    return [*_of_low_rank(order, hints), *found][: WORK // max(len(order), 1)]


def _factored(node: Expr) -> list[Regrouping]:
    """A sum with a matrix that begins, or ends, some of its products taken out of them."""
    found: list[Regrouping] = []
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
                found.append({node: add(*(term for term in terms if term not in group), made)})
    return found


def _by_blocks(node: Expr) -> list[Regrouping]:
    """[A 0; 0 B] [C; D] as [A C; B D]."""
    found: list[Regrouping] = []
    for i, (left, right) in enumerate(itertools.pairwise(node.args)):
        if left.op is not block_op or right.op is not block_op:
            continue
        (rows, inner), (others, columns) = left.data, right.data
        if [b.shape[1] for b in left.args[:inner]] != [b.shape[0] for b in right.args[::columns]]:
            continue
        made = block(
            [[add(*(matmul(left.args[r * inner + k], right.args[k * columns + c]) for k in range(others)))
              for c in range(columns)] for r in range(rows)]
        )  # fmt: skip
        found.append({node: matmul(*node.args[:i], made, *node.args[i + 2 :])})
    return found


def _straight(factor: Expr) -> Expr:
    return factor.args[0] if factor.op is transpose else factor


def _is_opened(factor: Expr, beside: Sequence[Expr]) -> bool:
    """Whether it is a sum of matrices, one of them a product of matrices; of entries that are picked, any sum."""
    whole = _straight(factor)
    if whole.op is not add or ONE in whole.shape:
        return False
    return any(_straight(f).op is basis_op for f in beside) or any(map(_is_dense, terms_of(whole)))


def _opened(node: Expr) -> Expr:
    """A product that ends in a column, or begins with a row, multiplied from there."""
    is_row = node.shape[1] is not ONE
    vector, *rest = node.args if is_row else node.args[::-1]
    for factor in rest:
        whole = _straight(factor)
        if _is_opened(factor, node.args):
            terms = list(_terms(factor))
            vector = add(*(matmul(vector, term) if is_row else matmul(term, vector) for term in terms))
        elif vector.op is add and whole.op is basis_op:
            terms = list(terms_of(vector))
            vector = add(*(matmul(term, factor) if is_row else matmul(factor, term) for term in terms))
        else:
            vector = matmul(vector, factor) if is_row else matmul(factor, vector)
    return vector


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


def _of_low_rank(order: Sequence[Expr], hints: Sequence[Any]) -> list[Regrouping]:
    """(D + U Uᵀ)⁻¹ as D⁻¹ − D⁻¹ U (I + Uᵀ D⁻¹ U)⁻¹ Uᵀ D⁻¹, and log |det| of it likewise, where U is said to be tall.

    Of another U the sum may be invertible although D is not.
    """
    found: dict[Expr, Regrouping] = {}
    split = {node.args[0]: _diagonal_and_root(node.args[0]) for node in order if node.op in (inv, logdet)}
    for S, pair in split.items():
        if pair is None or not _is_tall(pair[1], hints):
            continue
        D, U = pair
        across = matmul(transpose(U), _inverse(D))
        core = add(identity(U.shape[1]), matmul(across, U))
        whole = add(_inverse(D), scale(number(-1), matmul(transpose(across), inv(core), across)))
        parts = found[S] = {inv(S): whole, transpose(inv(S)): whole, logdet(S): add(_logdet(D), logdet(core))}
        for node in order:
            if node.op is matmul:
                made = substitute(node, parts)
                if made is not node:
                    parts[node] = _distributed(made, node.args) if made.op is matmul else made
    return list(found.values())


def _is_tall(U: Expr, hints: Sequence[Any]) -> bool:
    """Whether a matrix is known to have fewer columns than rows."""
    rows, columns = U.shape
    if rows.value is not None and columns.value is not None:
        return columns.value < rows.value
    return any(smaller is columns and larger is rows for smaller, _, larger in hints)


def _diagonal_and_root(S: Expr) -> tuple[Expr, Expr] | None:
    """D and U where S is D + U Uᵀ, and D is diagonal and no more singular than S where U has fewer columns."""
    terms = list(terms_of(S))
    for D, other in (terms, terms[::-1]) if len(terms) == 2 else ():
        bare = D.args[1] if D.op is scale else D
        if bare.op is diagonal_matrix and D is bare:
            entries = bare.args[0]
            is_diagonal = entries.op is symbol_op and "positive" in entries.properties
        else:
            is_diagonal = bare.op is identity_op
        for i in range(1, len(other.args)) if is_diagonal and other.op is matmul else ():
            left, right = other.args[:i], other.args[i:]
            if transpose(matmul(*left)) is matmul(*right) or left == tuple(transpose(f) for f in reversed(right)):
                return D, matmul(*left)
    return None


def _inverse(D: Expr) -> Expr:
    if D.op is scale:
        return scale(power(D.args[0], number(-1)), D.args[1])
    return diagonal_matrix(power(D.args[0], number(-1))) if D.op is diagonal_matrix else D


def _logdet(D: Expr) -> Expr:
    """log |det D|."""
    if D.op is scale:
        return mul(dimension(D.shape[0]), log(absolute(D.args[0])))
    return sum_entries(log(D.args[0])) if D.op is diagonal_matrix else number(0)


def _distributed(node: Expr, known: Sequence[Expr]) -> Expr:
    """A product with the sums that are not known multiplied out, on either side of where it narrows to one column."""
    made = []
    for segment in segments(node.args):
        choices = [(f,) if f in known or ONE in f.shape else tuple(_terms(f)) for f in segment]
        made.append(add(*(matmul(*chosen) for chosen in itertools.product(*choices))))
    return matmul(*made)


def _terms(factor: Expr) -> Iterator[Expr]:
    """The summands of a sum or of its transpose."""
    for term in terms_of(_straight(factor)):
        yield transpose(term) if factor.op is transpose else term
