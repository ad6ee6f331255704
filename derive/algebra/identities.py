"""The identities of products: what two neighbors in a chain become, one row each.

A row is looked up by the operation of its left factor, or by `"* "` and that of its right
one.  Conditions are checked in the row; `source` is where the identity is stated.

[MC]  Petersen & Pedersen, The Matrix Cookbook, 2012 (equation).
[MN]  Magnus & Neudecker, Matrix Differential Calculus, 3rd ed., 2019 (section).
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

from ..expr import Expr, commutation, commutation_op, ones_op, symbol_op
from ..operations import diagonal_matrix, inv, kron, transpose, vec
from ..shapes import ONE
from .polynomial import Poly

if TYPE_CHECKING:
    from .normal import Normalizer

Apply = Callable[[Expr, Expr, "Normalizer"], "Poly | None"]


class Junction:
    """One identity: its statement, how it applies to two neighbors, and its source.

    `words` says what using it is called in a derivation; empty where nobody would say it.
    """

    __slots__ = ("name", "words", "apply", "source")

    def __init__(self, name: str, words: str, apply: Apply, source: str) -> None:
        self.name = name
        self.words = words
        self.apply = apply
        self.source = source


JUNCTIONS: dict[str, list[Junction]] = {}


def junction(where: str, name: str, words: str, source: str) -> Callable[[Apply], Apply]:
    """Register a row for chains where it can apply: an operation's name, or "* " and the right one's."""

    def register(apply: Apply) -> Apply:
        JUNCTIONS.setdefault(where, []).append(Junction(name, words, apply, source))
        return apply

    return register


def one(factor: Expr) -> Poly:
    """The identity to the left of a factor."""
    return Poly((factor.shape[0], factor.shape[0]), {((), ()): Fraction(1)})


def _orthogonal(factor: Expr) -> bool:
    return factor.op is symbol_op and "orthogonal" in factor.data[1]


@junction("inv", "A⁻¹ A = I", "cancel inverses", "definition")
def _(left: Expr, right: Expr, ctx: Normalizer) -> Poly | None:
    return one(left) if left.args[0] is right else None


@junction("* inv", "A A⁻¹ = I", "cancel inverses", "definition")
def _(left: Expr, right: Expr, ctx: Normalizer) -> Poly | None:
    return one(left) if right.args[0] is left else None


@junction("transpose", "A⁻ᵀ Aᵀ = Aᵀ A⁻ᵀ = I", "cancel inverses", "definition")
def _(left: Expr, right: Expr, ctx: Normalizer) -> Poly | None:
    if right.op is not transpose:
        return None
    a, b = left.args[0], right.args[0]
    return one(left) if (a.op is inv and a.args[0] is b) or (b.op is inv and b.args[0] is a) else None


@junction("transpose", "Qᵀ Q = I for orthonormal columns", "use the orthonormal columns", "definition")
def _(left: Expr, right: Expr, ctx: Normalizer) -> Poly | None:
    return one(left) if left.args[0] is right and _orthogonal(right) else None


@junction("symbol", "Q Qᵀ = I for square orthogonal Q", "use orthogonality", "definition")
def _(left: Expr, right: Expr, ctx: Normalizer) -> Poly | None:
    if _orthogonal(left) and left.is_square and right.op is transpose and right.args[0] is left:
        return one(left)
    if _orthogonal(left) and left is right and "symmetric" in left.data[1]:
        return one(left)
    return None


@junction("Diag", "Diag(a) Diag(b) = Diag(a ⊙ b), Diag(a) v = a ⊙ v", "", "[MN, 3.6]")
def _(left: Expr, right: Expr, ctx: Normalizer) -> Poly | None:
    a = ctx.full(left.args[0])
    if right.op is diagonal_matrix:
        return ctx.diagonal_matrix(ctx.entrywise([a, ctx.full(right.args[0])]))
    if right.shape[1] is ONE and right.op is not transpose:
        merged = ctx.entrywise([a, Poly(right.shape, {((), (right,)): Fraction(1)})])
        single = merged.single()
        # A composite stays Diag(a) M y: only what becomes one factor is merged.
        return merged if single is None or len(single[1][1]) <= 1 else None
    return None


@junction("* Diag", "vᵀ Diag(a) = (v ⊙ a)ᵀ", "", "[MN, 3.6]")
def _(left: Expr, right: Expr, ctx: Normalizer) -> Poly | None:
    if left.shape[0] is not ONE or left.op is not transpose:
        return None
    column = Poly(right.args[0].shape, {((), (left.args[0],)): Fraction(1)})
    merged = ctx.entrywise([column, ctx.full(right.args[0])])
    single = merged.single()
    return ctx.transposed(merged) if single is None or len(single[1][1]) <= 1 else None


@junction("kron", "(A ⊗ B)(C ⊗ D) = A C ⊗ B D", "multiply Kronecker products factor by factor", "[MC 511]")
def _(left: Expr, right: Expr, ctx: Normalizer) -> Poly | None:
    a, b = left.args
    if right.op is kron or (right.op is transpose and right.args[0].op is kron):
        c, d = (transpose(x) for x in right.args[0].args) if right.op is transpose else right.args
        if a.shape[1] is c.shape[0] and b.shape[1] is d.shape[0]:
            return ctx.kron(ctx.times(ctx.full(a), ctx.full(c)), ctx.times(ctx.full(b), ctx.full(d)))
    if right.op is vec:
        # (A ⊗ B) vec X = vec(B X Aᵀ)
        x = right.args[0]
        if b.shape[1] is x.shape[0] and a.shape[1] is x.shape[1]:
            return ctx.vec(ctx.times(ctx.times(ctx.full(b), ctx.full(x)), ctx.full(transpose(a))))
    return None


@junction(
    "commutation", "K vec A = vec Aᵀ, K Kᵀ = I, K (A ⊗ B) = (B ⊗ A) K", "move the commutation matrix", "[MN, 3.7]"
)
def _(left: Expr, right: Expr, ctx: Normalizer) -> Poly | None:
    m, n = left.data
    if right.op is vec and right.args[0].shape == (m, n):
        return ctx.vec(ctx.transposed(ctx.full(right.args[0])))
    if right.op is commutation_op and right.data == (n, m):
        return one(left)
    if right.op is kron:
        a, b = right.args
        if (b.shape[0], a.shape[0]) == (m, n):
            turned = commutation(b.shape[1], a.shape[1])
            return ctx.times(ctx.kron(ctx.full(b), ctx.full(a)), ctx.full(turned))
    return None


@junction("transpose", "1ᵀ 1 = n", "count the ones", "definition")
def _(left: Expr, right: Expr, ctx: Normalizer) -> Poly | None:
    if left.args[0].op is ones_op and right.op is ones_op and right.shape[1] is ONE:
        from ..expr import dimension

        return ctx.full(dimension(right.shape[0]))
    return None
