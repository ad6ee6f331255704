"""The table from operations to normal forms."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

from ..expr import (
    Expr,
    commutation_op,
    dimension_op,
    identity,
    identity_op,
    is_number,
    number,
    number_op,
    ones,
    ones_op,
    zeros_op,
)
from ..operations import (
    block_inner,
    block_op,
    block_sum,
    det,
    diagonal_matrix,
    inv,
    kron,
    logdet,
    power,
    submatrix,
    transpose,
    tril,
    triu,
    unvec,
    vec,
)
from ..shapes import ONE, SCALAR, Dim
from .atoms import (
    as_atom,
    mono_expr,
)
from .polynomial import Chain, Mono, Poly, collect, key
from .products import (
    trace_poly,
    transpose_poly,
    with_scalars,
)

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
        return Poly(node.shape, {((), ()): F1})
    if node.op is ones_op:
        rows, columns = node.shape
        if rows is ONE:
            return Poly(node.shape, {((), (transpose.make((ones(columns),)),)): F1})
        if columns is ONE:
            return Poly(node.shape, {((), (node,)): F1})
        return Poly(node.shape, {((), (ones(rows), transpose.make((ones(columns),)))): F1})
    if node.op is dimension_op:
        total: list[tuple[Mono, Fraction]] = []
        for monomial, c in node.data[0].terms:
            powers = [(dimension_op.make((), (Dim.of(name),)), Fraction(e)) for name, e in monomial]
            _, merged = with_scalars(powers, ctx=ctx)
            total.append(((merged, ()), Fraction(c)))
        return collect(SCALAR, total)
    if node.is_scalar:
        return Poly(SCALAR, {(((node, F1),), ()): F1})
    if node.shape[0] is ONE:
        return Poly(node.shape, {((), (node,)): F1})
    return Poly(node.shape, {((), (node,)): F1})


def _add(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    if not ctx.is_keeping:
        return ctx.plus(node.shape, args)
    if ctx.authored is not None and node not in ctx.authored:
        # A sum of contributions: the sums in it are its author's, and stay whole.
        return ctx.plus(node.shape, [ctx.whole(p, e) for p, e in zip(args, node.args)])
    opened = []
    for poly in args:
        # A sum that stands alone as a term is no factor: it is not kept whole.
        total: list[tuple[Mono, Fraction]] = []
        for (scalars, chain), c in poly.terms.items():
            atom = as_atom((scalars, chain))
            if atom is not None and atom in ctx.sums:
                total += ((m, k * c) for m, k in ctx.sums[atom].terms.items())
            elif atom is not None and atom.op is transpose and atom.args[0] in ctx.sums:
                turned = transpose_poly(ctx.sums[atom.args[0]], ctx)
                total += ((m, k * c) for m, k in turned.terms.items())
            else:
                total.append(((scalars, chain), c))
        opened.append(Poly(poly.shape, dict(total)) if len(dict(total)) == len(total) else collect(poly.shape, total))
    return ctx.plus(node.shape, opened)


def _product(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    factors = [ctx.whole(p, e) for p, e in zip(args, node.args)]
    product = factors[0]
    for factor in factors[1:]:
        product = ctx.times(product, factor)
    return product


def _hadamard(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    return ctx.entrywise([ctx.whole(p, e) for p, e in zip(args, node.args)])


def _power(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    base, exponent = node.args
    constant = args[1].terms.get(((), ()), Fraction(0))
    if is_number(exponent) or not [m for m in args[1].terms if m != ((), ())]:
        if not constant:
            return ctx.full(ones(*node.shape))
        raise_to = ctx.scalar_power if node.is_scalar else ctx.entry_power
        if constant == 1:
            return args[0]
        return raise_to(args[0], constant, base)
    full_exponent = ctx.full(exponent)
    rest = Poly(SCALAR, {m: c for m, c in full_exponent.terms.items() if m != ((), ())})
    atom = power.make((ctx.canonical(ctx.full(base)), ctx.canonical(rest)))
    if node.is_scalar:
        made = Poly(SCALAR, {(((atom, F1),), ()): F1})
        extra = ctx.scalar_power(args[0], constant, base) if constant else None
        return made if extra is None else ctx.times(extra, made)
    made = Poly(node.shape, {((), (atom,)): F1})
    extra = ctx.entry_power(args[0], constant, base) if constant else None
    return made if extra is None else ctx.entrywise([extra, made])


def _inv(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    return ctx.inverse(args[0], node.args[0])


def _matpow(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    k = node.data[0]
    base = ctx.whole(args[0], node.args[0])
    if k < 0:
        base, k = ctx.inverse(args[0], node.args[0]), -k
    product = base
    for _ in range(k - 1):
        product = ctx.times(product, base)
    return product


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
        return ctx.times(poly, transpose_poly(poly, ctx))
    product = ctx.times(transpose_poly(poly, ctx), poly)
    return product if poly.shape[1] is ONE else trace_poly(product, ctx)


def _note_nonnegative(ctx: Normalizer, value: Poly, node: Expr) -> None:
    single = value.single()
    if single is not None and single[0] == 1 and len(single[1][0]) == 1:
        ctx.nonnegative.add(single[1][0][0][0])
    elif single is None and value.terms:
        _, atom, _ = ctx.atom_of_sum(value, node, signed=False)
        ctx.nonnegative.add(atom)


def _norm(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    from ..operations import sq_norm

    squared = sq_norm(node.args[0])
    return ctx.scalar_power(ctx.full(squared), Fraction(1, 2), squared)


def _inner(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    left, right = (ctx.whole(p, e) for p, e in zip(args, node.args))
    if left.shape[0] is ONE:
        left, right = transpose_poly(left, ctx), transpose_poly(right, ctx)
    product = ctx.times(transpose_poly(left, ctx), right)
    return product if left.shape[1] is ONE else trace_poly(product, ctx)


def _det(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    poly = ctx.full(node.args[0])
    single = poly.single()
    if single is None or not all(f.is_square for f in single[1][1]) or single[0] != 1 or single[1][0]:
        return ctx.opaque(_turned(ctx, node, poly))
    value = ctx.full(number(1))
    for factor in single[1][1]:
        value = ctx.times(value, _det_factor(ctx, factor))
    return value


def _turned(ctx: Normalizer, node: Expr, poly: Poly) -> Expr:
    """det and logdet at the canonical one of M and Mᵀ."""
    one, other = ctx.canonical(poly), ctx.canonical(transpose_poly(poly, ctx))
    return node.op.make((min(one, other, key=key),))


def _det_factor(ctx: Normalizer, factor: Expr) -> Poly:
    if factor.op is transpose:
        factor = factor.args[0]
    if factor.op is inv:
        return ctx.scalar_power(ctx.full(det(factor.args[0])), Fraction(-1), None)
    return Poly(SCALAR, {(((det.make((factor,)), F1),), ()): F1})


def _logdet(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    poly = ctx.full(node.args[0])
    single = poly.single()
    if single is None or not all(f.is_square for f in single[1][1]) or single[0] != 1 or single[1][0]:
        return ctx.opaque(_turned(ctx, node, poly))
    total = []
    for factor in single[1][1]:
        atom = factor.args[0] if factor.op is transpose else factor
        if atom.op is inv:
            total.append(ctx.full(logdet(atom.args[0])).scaled(-F1))
        else:
            total.append(Poly(SCALAR, {(((logdet.make((atom,)), F1),), ()): F1}))
    return ctx.plus(SCALAR, total)


def _block_inner(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    """Linear in G: of P ⊗ Q it is ⟨Q, B⟩ P, of I it is tr(B) I."""
    G, B = args
    written = node.args[1]

    def one(chain: Chain) -> Poly:
        if not chain and node.is_square:
            return ctx.times(trace_poly(B, ctx), ctx.full(identity(node.shape[0])))
        pair = _kron_pair(chain)
        if pair is not None and pair[1].shape == written.shape:
            P, Q = pair
            inner = ctx.full(written) if not ctx.is_keeping else B
            product = ctx.times(transpose_poly(ctx.full(Q), ctx), inner)
            return ctx.times(product if product.is_scalar else trace_poly(product, ctx), ctx.full(P))
        atom = block_inner.make((mono_expr(F1, ((), chain), G.shape), ctx.canonical(ctx.full(written))))
        return Poly(node.shape, {((), (atom,)): F1}) if not node.is_scalar else Poly(SCALAR, {(((atom, F1),), ()): F1})

    return ctx.linear(G, node.shape, one)


def _block_sum(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    """Linear in G: of P ⊗ Q it is ⟨P, A⟩ Q, of I it is tr(A) I."""
    G, A = args
    written = node.args[1]

    def one(chain: Chain) -> Poly:
        if not chain and node.is_square:
            return ctx.times(trace_poly(A, ctx), ctx.full(identity(node.shape[0])))
        pair = _kron_pair(chain)
        if pair is not None and pair[0].shape == written.shape:
            P, Q = pair
            product = ctx.times(transpose_poly(ctx.full(P), ctx), A)
            return ctx.times(product if product.is_scalar else trace_poly(product, ctx), ctx.full(Q))
        atom = block_sum.make((mono_expr(F1, ((), chain), G.shape), ctx.canonical(ctx.full(written))))
        return Poly(node.shape, {((), (atom,)): F1}) if not node.is_scalar else Poly(SCALAR, {(((atom, F1),), ()): F1})

    return ctx.linear(G, node.shape, one)


def _kron_pair(chain: Chain) -> tuple[Expr, Expr] | None:
    if len(chain) != 1:
        return None
    factor = chain[0]
    if factor.op is kron:
        return factor.args[0], factor.args[1]
    if factor.op is transpose and factor.args[0].op is kron:
        return transpose(factor.args[0].args[0]), transpose(factor.args[0].args[1])
    return None


def _commuting(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    return ctx.oriented(node.op, ctx.full(node.args[0]))


def _function(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    return ctx.function(node.op, ctx.full(node.args[0]))


def _opaque(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    return ctx.opaque(node)


def _triangle(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    def one(chain: Chain) -> Poly:
        if all(f.op is diagonal_matrix for f in chain):
            return Poly(node.shape, {((), chain): F1})
        atom = node.op.make((mono_expr(F1, ((), chain), node.shape),))
        return Poly(node.shape, {((), (atom,)): F1})

    return ctx.linear(args[0], node.shape, one)


def _unvec(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    def one(chain: Chain) -> Poly:
        if len(chain) == 1 and chain[0].op is vec and chain[0].args[0].shape == node.shape:
            return ctx.full(chain[0].args[0])
        atom = unvec.make((mono_expr(F1, ((), chain), args[0].shape),), node.data)
        return Poly(node.shape, {((), (atom,)): F1})

    return ctx.linear(args[0], node.shape, one)


def _submatrix(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    def one(chain: Chain) -> Poly:
        inside = mono_expr(F1, ((), chain), args[0].shape)
        if inside.op is block_op:
            found = _block_at(inside, node.data)
            if found is not None:
                return ctx.full(found)
        atom = submatrix.make((inside,), node.data)
        if node.is_scalar:
            return Poly(SCALAR, {(((atom, F1),), ()): F1})
        return Poly(node.shape, {((), (atom,)): F1})

    return ctx.linear(args[0], node.shape, one)


def _block_at(block: Expr, data: tuple[object, ...]) -> Expr | None:
    rows, columns = block.data
    top = Dim.of(0)
    for i in range(rows):
        left = Dim.of(0)
        for j in range(columns):
            part: Expr = block.args[i * columns + j]
            if data == (top, part.shape[0], left, part.shape[1]):
                return part
            left = left + part.shape[1]
        top = top + block.args[i * columns].shape[0]
    return None


def _kron(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    return ctx.kron(args[0], args[1])


def _total(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    return ctx.total(args[0])


def _diagonal(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    return ctx.diagonal(args[0])


def _diagonal_matrix(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    return ctx.diagonal_matrix(ctx.whole(args[0], node.args[0]))


def _vec(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    return ctx.vec(args[0])


TABLE: dict[str, Row] = {
    **dict.fromkeys(("number", "constant", "dimension", "symbol", "zeros", "ones", "identity"), _leaf),
    commutation_op.name: _leaf,
    "add": _add,
    "mul": _product,
    "scale": _product,
    "matmul": _product,
    "transpose": lambda ctx, node, args: transpose_poly(args[0], ctx),
    "hadamard": _hadamard,
    "kron": _kron,
    "power": _power,
    "inv": _inv,
    "matpow": _matpow,
    "trace": lambda ctx, node, args: trace_poly(args[0], ctx),
    "det": _det,
    "logdet": _logdet,
    "inner": _inner,
    "sq_norm": _sq_norm,
    "norm": _norm,
    "norm1": _opaque,
    "nuclear_norm": _opaque,
    "spectral_norm": _opaque,
    "sum": _total,
    "logsumexp": _opaque,
    "softmax": _opaque,
    "diag": _diagonal,
    "Diag": _diagonal_matrix,
    "vec": _vec,
    "unvec": _unvec,
    tril.name: _triangle,
    triu.name: _triangle,
    "block": _opaque,
    "submatrix": _submatrix,
    "block_inner": _block_inner,
    "block_sum": _block_sum,
    "expm": _commuting,
    "polar": _commuting,
    "dominant": _commuting,
}


def row_of(name: str) -> Row:
    """The row of an operation; scalar functions share one."""
    return TABLE.get(name, _function)
