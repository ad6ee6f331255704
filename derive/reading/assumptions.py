"""Equations among the declarations that are assumed of a symbol: `𝟏ᵀy = 1`, `‖x‖ = 1`, `WWᵀ = I`.

Each becomes a property of its symbol.  The forms of a derivative use it, and random points are drawn
with it; the derivative itself is taken as if the symbol were free.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..errors import DeriveError
from ..expr import ASSUMED, CONSTRAINED, SQUARE, Expr, identity_op, is_number, ones, ones_op, symbol_op
from ..operations import inv, matmul, norm, scale, sq_norm, sum_entries, transpose
from ..shapes import ONE
from .declarations import Declarations, Declared, Span

KNOWN = "assumed may be 𝟏ᵀy = 1, Y 𝟏 = 𝟏, 𝟏ᵀY = 𝟏ᵀ, ‖x‖ = 1, WᵀW = I, W Wᵀ = I, and A = Aᵀ"


def assume(held: Declarations, text: str, at: int, span: Span) -> None:
    """Add what an equation, with its sign `=` at a place of the text, says of a symbol.

    Raises
    ------
    ParseError
        The equation is none that can be used, or contradicts what else is said of the symbol.
    """
    from . import parse_together

    try:
        left, right = parse_together([text[:at].strip(), text[at + 1 :].strip()], held)
    except DeriveError as error:
        raise held.error(f"the assumption {text} is not read: {error.message}", span, error.hint or KNOWN) from None
    sizes = [(a.value, b.value) for a, b in zip(left.shape, right.shape, strict=True)]
    may_be = all(a == b or None in (a, b) for a, b in sizes) or is_number(left, 1) or is_number(right, 1)
    for one, other in ((left, right), (right, left)):
        found = _meaning(one, other) if may_be else None
        if found is not None:
            _hold(held, *found, text, span)
            return
    raise held.error(f"{text} is no assumption that can be used", span, KNOWN)


def _meaning(left: Expr, right: Expr) -> tuple[Expr, str] | None:
    """The symbol and the property that an equation gives it."""
    if left.op is symbol_op and not left.is_vector and not left.is_scalar:
        mirrored = {transpose(left): "symmetric", scale(-1, transpose(left)): "skew"}
        return (left, mirrored[right]) if right in mirrored else None
    if left.op is transpose and right.op is inv and right.args[0] is left.args[0] and left.args[0].op is symbol_op:
        return left.args[0], "orthogonal"
    if left.op in (sum_entries, norm, sq_norm):
        inside = left.args[0]
        if inside.op is symbol_op and inside.is_vector and is_number(right, 1):
            return inside, "column sums 1" if left.op is sum_entries else "orthogonal"
        return None
    if left.op is not matmul or len(left.args) != 2:
        return None
    return _product(*left.args, right)


def _product(one: Expr, two: Expr, right: Expr) -> tuple[Expr, str] | None:
    """What W Wᵀ = I, Y 𝟏 = 𝟏 and their like say."""
    bare = [factor.args[0] if factor.op is transpose else factor for factor in (one, two)]
    if bare[0] is bare[1] and bare[0].op is symbol_op:
        if right.op is not identity_op and not (is_number(right, 1) and bare[0].is_vector and one.op is transpose):
            return None
        return bare[0], "orthogonal" if one.op is transpose or one.is_square else "orthonormal rows"
    for unit, factor, is_row in ((one, two, True), (two, one, False)):
        symbol = factor.args[0] if factor.op is transpose else factor
        sum_of_ones = right.op is ones_op and (right.shape[0] is ONE) == is_row
        if unit.op is ones_op and symbol.op is symbol_op and (is_number(right, 1) if symbol.is_vector else sum_of_ones):
            return symbol, "column sums 1" if is_row == (factor is symbol) else "row sums 1"
    return None


def _hold(held: Declarations, symbol: Expr, said: str, text: str, span: Span) -> None:
    entry = held.entries.get(symbol.name)
    if entry is None:
        entry = held.entries[symbol.name] = Declared(symbol.name, symbol.name, span)
    if entry.shape is None and entry.kind is None:
        entry.kind = "vector" if symbol.is_vector else "square" if said in SQUARE else "matrix"
    others = entry.properties & (CONSTRAINED | SQUARE) - {said}
    if others and (said in ASSUMED or others & ASSUMED):
        raise held.error(
            f"{text} and {symbol.text()} with {sorted(others)[0]} are not used together", span, "leave one of them out"
        )
    entry.properties |= {said}
    if entry.shape is not None:
        held.made(entry, entry.shape)


def equations(symbols: Iterable[Expr]) -> list[str]:
    """What is assumed of symbols, as text."""
    return [f"{left.text()} {right}" for left, right in statements(symbols)]


def statements(symbols: Iterable[Expr]) -> Iterator[tuple[Expr, str]]:
    """What is assumed of symbols: the left side of each equation, and `= 1` or `= I`."""
    for symbol in symbols:
        Q, held = symbol, symbol.properties
        if "orthogonal" in held:
            yield (norm(Q), "= 1") if Q.is_vector else (transpose(Q) @ Q, "= I")
        if "orthonormal rows" in held:
            yield Q @ transpose(Q), "= I"
        if "column sums 1" in held:
            yield transpose(ones(Q.shape[0])) @ Q, "= 1" if Q.is_vector else "= 𝟏ᵀ"
        if "row sums 1" in held:
            yield Q @ ones(Q.shape[1]), "= 𝟏"
