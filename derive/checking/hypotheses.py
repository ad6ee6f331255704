"""Equations that claim nothing: what holds of the data, and what is asked of particular letters."""

from __future__ import annotations

import re

from ..expr import Expr, nodes, symbol_op, symbols_of
from ..own_functions import OwnFunction
from ..shapes import ONE
from .claims import DERIVATIVES, Claim
from .judgments import Value, wide
from .roles import names_of
from .trees import Tree

_SAID = re.compile(r"\b(where|with|such that|assum\w+|constrain\w+|suppos\w+|given|since|as)\b")


def assumed(claim: Claim, head: Tree | None, left: Value, right: Value) -> str:
    """Why an equation that does not hold for all letters is none to be judged; empty if it is one."""
    if _of_the_data(claim, head) or _normalizes(left, right):
        return "what holds of the data"
    if head is not None and head.kind == "call" and own_functions(left) - own_functions(right):
        return "what is asked of a function that no line gives"
    if _of_letters(claim, head, left, right):
        return "an equation for these letters, not for all values of them"
    return ""


def _of_the_data(claim: Claim, head: Tree | None) -> bool:
    """In running text: "where ∑ y = 1"."""
    if claim.row.display or claim.continues or head is None or head.kind in ("name", "apply"):
        return False
    words = claim.row.prose.lower()[-200:]
    return bool(_SAID.search(words)) and not any(t.kind in DERIVATIVES for t in head.walk())


def _normalizes(left: Value, right: Value) -> bool:
    """∑ y = 1 says what the data are."""
    if not (isinstance(left, Expr) and isinstance(right, Expr)):
        return False
    return left.op.name == "sum" and left.args[0].op is symbol_op and right.op.name == "number"


def _of_letters(claim: Claim, head: Tree | None, left: Value, right: Value) -> bool:
    """uᵀu = 1, S u = λ u; both values with all definitions put in."""
    if claim.role == "equation":
        return True
    if not (isinstance(left, Expr) and isinstance(right, Expr)):
        return False
    if not speaks_of_letters(claim, head):
        return False
    one, two = set(symbols_of(left)), set(symbols_of(right))
    given = names_of(head) - {s.name for s in one} - {"I"}
    if given and not one | two:
        return False  # H H = I of H = I − 1/n 𝟏 𝟏ᵀ, which has no letters
    if given and two <= one and ONE not in left.shape and any(n.op.name == "inv" for n in nodes(left)):
        return False  # P P = Z of P = Z (ZᵀZ)⁻¹ Zᵀ, which is known whatever Z is
    is_system = left.op.name == "matmul" and any(factor.op.name == "add" for factor in left.args)
    if is_system and any(_is_bare(end) and not two & set(symbols_of(end)) for end in (left.args[0], left.args[-1])):
        return True  # K (H P Hᵀ + R) = P Hᵀ
    return bool(two - one) or not two or not one or any(_is_bare(v) for v in (left, right))


def speaks_of_letters(claim: Claim, head: Tree | None) -> bool:
    """Whether a line begins with a formula that is no name and no derivative: XᵀX w = Xᵀy."""
    if claim.continues or head is None or head.kind in ("name", "apply", "directional"):
        return False
    return not any(t.kind in DERIVATIVES for t in head.walk())


def own_functions(value: Value) -> set[str]:
    """The functions of one's own in a value."""
    return {n.op.label for n in nodes(wide(value)) if isinstance(n.op, OwnFunction)}


def _is_bare(value: Expr) -> bool:
    """A letter alone, up to transposition and sign, or a constant."""
    while value.op.name in ("transpose", "scale"):
        value = value.args[-1]
    return value.op is symbol_op or not symbols_of(value)
