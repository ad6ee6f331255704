"""Equations among the declarations that are assumed of a symbol: `𝟏ᵀy = 1`, `‖x‖ = 1`, `WWᵀ = I`, `P P = P`.

Each becomes a property of its symbol.  The forms of a derivative use it, and random points are drawn
with it; the derivative itself is taken as if the symbol were free.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ..errors import DeriveError
from ..expr import Expr, identity_op, is_number, number, ones, ones_op, symbol_op
from ..operations import inv, matmul, norm, raise_to, scale, sq_norm, sum_entries, transpose
from ..properties import SQUARE, SUMS, go_together, implied
from ..shapes import ONE
from .declarations import Declarations, Declared, Span

KNOWN = "assumed may be 𝟏ᵀy = 1, Y 𝟏 = 𝟏, 𝟏ᵀY = 𝟏ᵀ, ‖x‖ = 1, WᵀW = I, W Wᵀ = I, P P = P, and A = Aᵀ"


def assume(held: Declarations, equations: Sequence[tuple[str, int, Span]]) -> None:
    """Add what equations, each with the place of its sign `=` and its own place, say of symbols.

    Raises
    ------
    ParseError
        An equation is none that can be used, or contradicts what else is said of its symbol.
    """
    said = [_said(held, *equation) for equation in equations]
    for (text, _, span), (symbol, word) in zip(equations, said, strict=True):
        _agree(held, symbol, word, text, span)


def _said(held: Declarations, text: str, at: int, span: Span) -> tuple[Expr, str]:
    """The symbol of an equation and the property that it has by it."""
    from . import parse_together

    try:
        (left, right), _ = parse_together([text[:at].strip(), text[at + 1 :].strip()], _shapes(held))
    except DeriveError as error:
        raise held.error(f"the assumption {text} is not read: {error.message}", span, error.hint or KNOWN) from None
    sizes = [(a.value, b.value) for a, b in zip(left.shape, right.shape, strict=True)]
    may_be = all(a == b or None in (a, b) for a, b in sizes) or is_number(left, 1) or is_number(right, 1)
    for one, other in ((left, right), (right, left)):
        found = _meaning(one, other) if may_be else None
        if found is not None:
            _hold(held, *found, span)
            return found
    raise held.error(f"{text} is no assumption that can be used", span, KNOWN)


def _shapes(held: Declarations) -> Declarations:
    """What is declared of shapes: of all equations together it is seen whether the properties go together."""
    shapes = Declarations(held.source)
    shapes.hints, shapes.functions = held.hints, held.functions
    for name, entry in held.entries.items():
        shapes.entries[name] = made = Declared(name, entry.written, entry.span)
        made.shape, made.style = entry.shape, entry.style
        made.kind = "square" if entry.properties & SQUARE else entry.kind
    return shapes


def _meaning(left: Expr, right: Expr) -> tuple[Expr, str] | None:
    """The symbol and the property that an equation gives it."""
    if left.op is symbol_op and not left.is_vector and not left.is_scalar:
        mirrored = {transpose(left): "symmetric", scale(-1, transpose(left)): "skew"}
        if left.is_square:
            mirrored |= {matmul(left, left): "idempotent", raise_to(left, number(2)): "idempotent"}
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


def _hold(held: Declarations, symbol: Expr, said: str, span: Span) -> None:
    entry = held.entries.get(symbol.name)
    if entry is None:
        entry = held.entries[symbol.name] = Declared(symbol.name, symbol.name, span)
    if entry.shape is None and entry.kind is None:
        entry.kind = "vector" if symbol.is_vector else "matrix"
    entry.properties |= {said}
    if entry.shape is None and entry.kind == "matrix":
        if entry.properties & SQUARE or implied(frozenset(entry.properties), False) >= SUMS:
            entry.kind = "square"


def _agree(held: Declarations, symbol: Expr, said: str, text: str, span: Span) -> None:
    """Refuse properties that no symbol has together, or of which no example is drawn."""
    entry = held.entries[symbol.name]
    properties = frozenset(entry.properties)
    if not go_together(implied(properties, symbol.is_square), symbol.is_vector):
        others = sorted(properties - {said})
        raise held.error(
            f"{text} and {symbol.text()} with {others[0]} are not used together", span, "leave one of them out"
        )
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
        if "idempotent" in held:
            yield Q @ Q, f"= {Q.text()}"
        if "column sums 1" in held and "symmetric" not in held:  # else its rows say it
            yield transpose(ones(Q.shape[0])) @ Q, "= 1" if Q.is_vector else "= 𝟏ᵀ"
        if "row sums 1" in held:
            yield Q @ ones(Q.shape[1]), "= 𝟏"
