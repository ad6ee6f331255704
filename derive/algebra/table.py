"""The table from operations to normal forms."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import reduce
from math import prod
from typing import TYPE_CHECKING

from ..expr import (
    Expr,
    dimension_op,
    identity,
    identity_op,
    is_number,
    number_op,
    ones,
    ones_op,
    zeros_op,
)
from ..operations import matmul, power, sq_norm, submatrix, transpose, unvec
from ..own_functions import operation_named
from ..shapes import ONE, SCALAR, Dim
from .atoms import as_atom, mono_expr, of_atom, of_chain, of_factor
from .hadamard_products import entrywise
from .identities import first
from .linear import diagonal_matrix_of, diagonal_of, kronecker, rearranged, stacked, total, triangle
from .polynomial import Chain, Mono, Poly, collect, key
from .powers import inverse
from .products import chain_product, trace_poly, transpose_poly, with_scalars

if TYPE_CHECKING:
    from .normal import Normalizer

F1 = Fraction(1)


Row = Callable[["Normalizer", Expr, list[Poly]], Poly]


def _leaf(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    if node.op is number_op:
        return Poly(SCALAR, {((), ()): node.data[0]} if node.data[0] else {})
    if node.op is zeros_op:
        return Poly(node.shape, {})
    if node.op is identity_op:
        return of_chain((), node.shape)
    if node.op is ones_op:
        rows, columns = node.shape
        if rows is ONE:
            return of_factor(transpose.make((ones(columns),)))
        if columns is ONE:
            return of_factor(node)
        return of_chain((ones(rows), transpose.make((ones(columns),))), node.shape)
    if node.op is dimension_op:
        terms = []
        for monomial, c in node.data[0].terms:
            powers = [(dimension_op.make((), (Dim.of(name),)), Fraction(e)) for name, e in monomial]
            terms.append(((with_scalars(ctx, powers)[1], ()), Fraction(c)))
        return collect(SCALAR, terms)
    return of_atom(node)


def _add(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    if not ctx.is_keeping:
        return ctx.plus(node.shape, args)
    if ctx.authored is not None and node not in ctx.authored:
        # A sum of contributions: the sums in it are its author's, and stay whole.
        return ctx.plus(node.shape, [ctx.whole(p, e) for p, e in zip(args, node.args)])
    opened = []
    for poly in args:
        # A sum that stands alone as a term is no factor: it is not kept whole.
        terms: list[tuple[Mono, Fraction]] = []
        for mono, c in poly.terms.items():
            atom = as_atom(mono)
            whole = None if atom is None else ctx.sum_of(atom)
            terms += [(mono, c)] if whole is None else [(m, k * c) for m, k in whole.terms.items()]
        opened.append(collect(poly.shape, terms))
    return ctx.plus(node.shape, opened)


def _product(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    factors = [ctx.whole(p, e) for p, e in zip(args, node.args)]
    if node.op is matmul and all(len(p.terms) == 1 and not p.is_scalar for p in factors):
        monos = [next(iter(p.terms.items())) for p in factors]
        chain = [f for (_, part), _ in monos for f in part]
        scalars = [pair for (own, _), _ in monos for pair in own]
        return chain_product(ctx, chain, node.shape, prod([c for _, c in monos], start=F1), tuple(scalars))
    return reduce(ctx.times, factors)


def _power(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    base, exponent = node.args
    constant = args[1].terms.get(((), ()), Fraction(0))
    raise_to = ctx.scalar_power if node.is_scalar else ctx.entry_power
    if is_number(exponent) or not [m for m in args[1].terms if m != ((), ())]:
        if not constant:
            return ctx.full(ones(*node.shape))
        return args[0] if constant == 1 else raise_to(args[0], constant, base)
    rest = Poly(SCALAR, {m: c for m, c in ctx.full(exponent).terms.items() if m != ((), ())})
    made = of_atom(power.make((ctx.canonical(ctx.full(base)), ctx.canonical(rest))))
    return ctx.entrywise([raise_to(args[0], constant, base), made]) if constant else made


def _matpow(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    k = node.data[0]
    base = ctx.whole(args[0], node.args[0]) if k > 0 else ctx.inverse(args[0], node.args[0])
    return reduce(ctx.times, [base] * abs(k))


def _sq_norm(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    poly = args[0] if not ctx.is_keeping else ctx.full(node.args[0])
    value = _square(ctx, poly)
    if ctx.is_keeping and len(value.terms) > 1:
        c, atom, _ = ctx.atom_of_sum(value, node, signed=False)
        ctx.nonnegative.add(atom)
        return Poly(SCALAR, {(((atom, F1),), ()): c})
    _note_nonnegative(ctx, value, node)
    return value


def _square(ctx: Normalizer, poly: Poly) -> Poly:
    if poly.is_scalar:
        return ctx.times(poly, poly)
    if poly.shape[0] is ONE:
        return ctx.times(poly, transpose_poly(ctx, poly))
    product = ctx.times(transpose_poly(ctx, poly), poly)
    return product if poly.shape[1] is ONE else trace_poly(ctx, product)


def _note_nonnegative(ctx: Normalizer, value: Poly, node: Expr) -> None:
    single = value.single()
    if single is not None and single[0] == 1 and len(single[1][0]) == 1 and single[1][0][0][1] == 1:
        ctx.nonnegative.add(single[1][0][0][0])  # of a², a itself may be negative
    elif single is None and value.terms:
        _, atom, _ = ctx.atom_of_sum(value, node, signed=False)
        ctx.nonnegative.add(atom)


def _norm(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    squared = sq_norm(node.args[0])
    return ctx.scalar_power(ctx.full(squared), Fraction(1, 2), squared)


def _inner(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    left, right = (ctx.whole(p, e) for p, e in zip(args, node.args))
    if left.shape[0] is ONE:
        left, right = transpose_poly(ctx, left), transpose_poly(ctx, right)
    product = ctx.times(transpose_poly(ctx, left), right)
    return product if left.shape[1] is ONE else trace_poly(ctx, product)


def _determinant(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    """det and logdet: of products and sums by their rows, else at the canonical one of M and Mᵀ."""
    poly = ctx.full(node.args[0])
    met: Poly | None = first(f"{node.op.name} of", ctx, poly)
    if met is not None:
        return met
    one, other = ctx.canonical(poly), ctx.canonical(transpose_poly(ctx, poly))
    return ctx.opaque(node.op.make((min(one, other, key=key),)))


def _blocks(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    """block_inner and block_sum, linear in their first operand."""
    G, other = args
    written = ctx.full(node.args[1])

    def one(chain: Chain) -> Poly:
        met: Poly | None = first(node.op.name, ctx, chain, other, node.shape)
        if met is not None:
            return met
        return of_atom(node.op.make((mono_expr(F1, ((), chain), G.shape), ctx.canonical(written))))

    return ctx.linear(G, node.shape, one)


def _commuting(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    inside = ctx.full(node.args[0])
    return first(node.op.name, ctx, inside) or ctx.oriented(node.op, inside)


def _unvec(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    def one(chain: Chain) -> Poly:
        return of_factor(unvec.make((mono_expr(F1, ((), chain), args[0].shape),), node.data))

    return rearranged(ctx, "unvec", args[0], node.shape, one)


def _submatrix(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    def one(chain: Chain) -> Poly:
        inside = mono_expr(F1, ((), chain), args[0].shape)
        return first("submatrix", ctx, inside, node.data) or of_atom(submatrix.make((inside,), node.data))

    return ctx.linear(args[0], node.shape, one)


TABLE: dict[str, Row] = {
    **dict.fromkeys("number constant dimension symbol zeros ones identity basis commutation".split(), _leaf),
    "add": _add,
    "mul": _product,
    "scale": _product,
    "matmul": _product,
    "transpose": lambda ctx, node, args: transpose_poly(ctx, args[0]),
    "hadamard": lambda ctx, node, args: entrywise(ctx, [ctx.whole(p, e) for p, e in zip(args, node.args)]),
    "kron": lambda ctx, node, args: kronecker(ctx, *args),
    "power": _power,
    "inv": lambda ctx, node, args: inverse(ctx, args[0], node.args[0]),
    "matpow": _matpow,
    "trace": lambda ctx, node, args: trace_poly(ctx, args[0]),
    "det": _determinant,
    "logdet": _determinant,
    "inner": _inner,
    "sq_norm": _sq_norm,
    "norm": _norm,
    "sum": lambda ctx, node, args: total(ctx, args[0]),
    "diag": lambda ctx, node, args: diagonal_of(ctx, args[0]),
    "Diag": lambda ctx, node, args: diagonal_matrix_of(ctx, ctx.whole(args[0], node.args[0])),
    "vec": lambda ctx, node, args: stacked(ctx, args[0]),
    "unvec": _unvec,
    **dict.fromkeys(("tril", "triu"), lambda ctx, node, args: triangle(ctx, node.op, args[0])),
    "submatrix": _submatrix,
    **dict.fromkeys(("block_inner", "block_sum"), _blocks),
    **dict.fromkeys(("expm", "polar", "dominant"), _commuting),
}


def _columns(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    """M A, for a matrix M that depends on the size alone."""

    def one(chain: Chain) -> Poly:
        first_factor = chain[0] if chain else identity(node.shape[0])
        head = node.op.make((first_factor,), node.data)
        return of_chain((head, *chain[1:]), node.shape) if chain[1:] else of_atom(head)

    return ctx.linear(args[0], node.shape, one)


def row_of(name: str) -> Row:
    """The row of an operation: those of columns share one, scalar functions another, the rest is opaque."""
    known = TABLE.get(name)
    if known is not None:
        return known
    op = operation_named(name)
    if op is None or op.is_elementwise:
        return lambda ctx, node, args: ctx.function(node.op, ctx.full(node.args[0]))
    return _columns if "columns" in op.traits else lambda ctx, node, args: ctx.opaque(node)
