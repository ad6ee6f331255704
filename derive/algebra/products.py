"""Products in normal form: chains, traces, entrywise products, and the identities they obey.

A chain is reduced factor by factor; where two neighbors meet, the rows of
`identities.neighbors` are tried.  A dimension 1 inside a chain cuts it: what stands
between two cuts is a scalar and moves out (x (yᵀ A x) xᵀ).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from ..association import segments
from ..expr import Expr, number_op, ones_op
from ..operations import diagonal_matrix, exact_root, matmul, sum_entries, trace, transpose
from ..shapes import ONE, SCALAR, Shape
from .atoms import Bases, entries_expr, entry_bases, in_order, is_inverse, of_scalar, sum_bases
from .identities import IDENTITIES, first
from .polynomial import Chain, Poly, Scalars, collect, key

if TYPE_CHECKING:
    from .normal import Normalizer

F1 = Fraction(1)


def flip(ctx: Normalizer, factor: Expr) -> Expr:
    """The transpose of a factor, a skew one's too written as that."""
    sign, flipped = first("transpose", ctx, factor) or (1, None)
    return transpose.make((factor,)) if flipped is None or sign < 0 else flipped


def transpose_chain(ctx: Normalizer, chain: Chain) -> tuple[int, Chain]:
    """The sign and the chain of the transpose."""
    total, turned = 1, []
    for factor in reversed(chain):
        sign, flipped = first("transpose", ctx, factor) or (1, transpose.make((factor,)))
        total *= sign
        turned.append(flipped)
    return total, tuple(turned)


def transpose_poly(ctx: Normalizer, poly: Poly) -> Poly:
    if poly.is_scalar:
        return poly
    terms = []
    for (scalars, chain), c in poly.terms.items():
        sign, flipped = transpose_chain(ctx, chain)
        terms.append(((scalars, flipped), c * sign))
    return collect((poly.shape[1], poly.shape[0]), terms)


# Scalars


def with_scalars(ctx: Normalizer, *groups: Iterable[tuple[Expr, Fraction]]) -> tuple[Fraction, Scalars]:
    """The product of powers of scalar atoms: a coefficient and sorted powers."""
    coefficient = F1
    found = []
    for base, exponent in merged_powers(ctx, sum_bases(*groups), SCALAR).items():
        if not exponent:
            continue
        if base.op is number_op and exponent.denominator == 1:
            coefficient *= base.data[0] ** int(exponent)
        elif base.op is number_op:
            root = exact_root(base.data[0], exponent.denominator)
            if root:
                coefficient *= root**exponent.numerator
                continue
            whole = exponent.numerator // exponent.denominator
            coefficient *= base.data[0] ** whole
            found.append((base, exponent - whole))
        else:
            found.append((base, exponent))
    return coefficient, tuple(in_order(found))


def merged_powers(ctx: Normalizer, bases: Bases, shape: Shape) -> Bases:
    """A product of powers with the functions in it merged where an identity does."""
    for name in {base.op.name: None for base in bases}:
        for place in (f"powers {name}", f"whole powers {name}")[: 2 if ctx.is_keeping else 1]:
            while place in IDENTITIES and any(base.op.name == name and e for base, e in bases.items()):
                merged = first(place, ctx, bases, shape)
                if merged is None:
                    break
                bases = merged
    return bases


# Chains


def chain_product(
    ctx: Normalizer, factors: Sequence[Expr], shape: Shape, coefficient: Fraction = F1, scalars: Scalars = ()
) -> Poly:
    """The normal form of  c · s · F₁ F₂ … Fₖ, each Fᵢ a factor in normal form."""
    stack: list[Expr] = []
    extra: list[tuple[Expr, Fraction]] = []
    rest = list(reversed(factors))
    has_inverse = False  # of a product, which may cancel more than its neighbor
    while rest:
        factor = rest.pop()
        has_inverse = has_inverse or is_inverse(factor)
        if not stack:
            stack.append(factor)
            continue
        met = join(ctx, stack[-1], factor)
        if met is None:
            stack.append(factor)
            left = first("end", ctx, stack) if has_inverse and len(stack) > 2 else None
            stack = stack if left is None else left
            continue
        stack.pop()
        single = met.single()
        if single is None:
            # A sum came out (or zero): multiply out what is left and right of it.
            if stack:
                left = chain_product(ctx, stack, (shape[0], met.shape[0]), coefficient, scalars)
                whole = ctx.times(left, met)
            else:
                whole = ctx.scaled_by(met, coefficient, scalars)
            if rest:
                whole = ctx.times(whole, chain_product(ctx, list(reversed(rest)), (whole.shape[1], shape[1])))
            if extra:
                whole = ctx.scaled_by(whole, F1, tuple(extra))
            return whole
        c, (more, chain) = single
        coefficient *= c
        extra += more
        rest += reversed(chain)
    parts = segments(stack)
    for i, segment in enumerate(parts):
        turned = _as_column(ctx, tuple(segment))
        if turned is not None:
            sign, chain = turned
            whole_chain = [f for s in (*parts[:i], chain, *parts[i + 1 :]) for f in s]
            return chain_product(ctx, whole_chain, shape, coefficient * sign, (*scalars, *extra))
    kept: list[Expr] = []
    for segment in parts:
        if segment[0].shape[0] is ONE and segment[-1].shape[1] is ONE:
            value = dot(ctx, segment)
            single = value.single()
            if single is None:
                rest_chain = [f for s in parts if s is not segment for f in s]
                k, gathered = with_scalars(ctx, scalars, extra)
                if not rest_chain:
                    return ctx.scaled_by(value, coefficient, (*scalars, *extra))
                return ctx.times(value, chain_product(ctx, rest_chain, shape, coefficient * k, gathered))
            c, (more, _) = single
            coefficient *= c
            extra += more
        else:
            kept += segment
    c, merged = with_scalars(ctx, scalars, extra) if extra or len(scalars) > 1 else (F1, scalars)
    return ctx.recognized(Poly(shape, {(merged, tuple(kept)): coefficient * c}))


def _as_column(ctx: Normalizer, segment: Chain) -> tuple[int, Chain] | None:
    """A column, or a row by its transpose, in its canonical form where that is another."""
    is_row, is_column = segment[0].shape[0] is ONE, segment[-1].shape[1] is ONE
    if is_row == is_column or not any(f.op is diagonal_matrix for f in segment):
        return None
    sign, column = (1, segment) if is_column else transpose_chain(ctx, segment)
    made: Chain | None = first("column", ctx, column)
    if made is None:
        return None
    back, turned = (1, made) if is_column else transpose_chain(ctx, made)
    return sign * back, turned


def join(ctx: Normalizer, left: Expr, right: Expr) -> Poly | None:
    """The product of two neighbors, where an identity makes it another; else None."""
    met: Poly | None = first(left.op.name + " ·", ctx, left, right) or first("· " + right.op.name, ctx, left, right)
    return _vanishing(ctx, left, right) if met is None and ctx.is_keeping else met


def _vanishing(ctx: Normalizer, left: Expr, right: Expr) -> Poly | None:
    """Zero, where a sum left whole is centered: (X − X 𝟏 𝟏ᵀ / n) 𝟏, and 𝟏ᵀ (X − 𝟏 𝟏ᵀ X / m)."""
    for factor, other in ((left, right), (right, left)):
        bare, whole = (f.args[0] if f.op is transpose else f for f in (other, factor))
        if bare.op is ones_op and whole in ctx.sums:
            if not ctx.full(matmul(left, right)).terms:
                return Poly((left.shape[0], right.shape[1]), {})
    return None


# Scalar products and traces


def least(chains: Iterable[tuple[int, Chain]]) -> tuple[int, Chain]:
    """The least of several chains of one value; sign 0 where that is its own negative."""
    best: tuple[int, Chain] = (0, ())
    best_order = None
    for sign, chain in chains:
        keys = [key(factor) for factor in chain]
        order = (sum(k[0] for k in keys), keys)
        if best_order is None or order < best_order:
            best, best_order = (sign, chain), order
        elif order == best_order and sign < 0 < best[0] and chain == best[1]:
            return 0, chain
    return best


def same_value(ctx: Normalizer, family: str, chain: Chain) -> tuple[int, Chain]:
    """The least chain of the same value, by the rows of a family."""
    chains = [(1, chain)]
    for row in IDENTITIES[family]:
        chains += row.apply(ctx, chains)
        ctx.used[row] = None
    return least(chains)


def dot(ctx: Normalizer, chain: Sequence[Expr]) -> Poly:
    """The scalar  rowᵀ M … column  in normal form."""
    chain = tuple(chain)
    for sign, turned in ((1, chain), transpose_chain(ctx, chain)):
        met: Poly | None = first("dot", ctx, turned)
        if met is not None:
            return met.scaled(Fraction(sign))
    if len(chain) == 2:
        bases = sum_bases(entry_bases(flip(ctx, chain[0])), entry_bases(chain[1]))
        return entry_sum(ctx, bases, chain[1].shape)
    sign, best = same_value(ctx, "same dot", chain)
    return of_scalar(matmul.make(best)).scaled(Fraction(sign))


def scalar_product(ctx: Normalizer, left: Expr, right: Expr) -> Poly:
    """leftᵀ right of two vectors in normal form."""
    one, two = ctx.chain_of(left), ctx.chain_of(right)
    if len(one) + len(two) > 2:
        sign, row = transpose_chain(ctx, one)
        return chain_product(ctx, (*row, *two), SCALAR, Fraction(sign))
    return of_scalar(matmul.make((flip(ctx, left), right)))


def entry_sum(ctx: Normalizer, bases: Bases, shape: Shape) -> Poly:
    """The sum of all entries of an entrywise product of vectors."""
    bases = simplify_bases(ctx, bases, shape)
    split = ctx.split(bases)
    if split is not None:
        sums = [entry_sum(ctx, part, shape).scaled(sign) for sign, part in split]
        return ctx.plus(SCALAR, sums)
    items = in_order((b, e) for b, e in bases.items() if e)
    return first("sum", ctx, items, shape) or of_scalar(sum_entries.make((entries_expr(items),)))


def simplify_bases(ctx: Normalizer, bases: Bases, shape: Shape) -> Bases:
    """Merge functions; drop ones."""
    return merged_powers(ctx, {b: e for b, e in bases.items() if e and b.op is not ones_op}, shape)


def trace_poly(ctx: Normalizer, poly: Poly) -> Poly:
    """The trace, canonical up to rotation and transposition of each chain."""
    return ctx.linear(poly, SCALAR, lambda chain: first("trace", ctx, chain, poly.shape) or _trace_atom(ctx, chain))


def _trace_atom(ctx: Normalizer, chain: Chain) -> Poly:
    if len(chain) == 1:
        return of_scalar(trace.make((chain[0].args[0] if chain[0].op is transpose else chain[0],)))
    sign, best = same_value(ctx, "same trace", chain)
    return of_scalar(trace.make((matmul.make(best),))).scaled(Fraction(sign))
