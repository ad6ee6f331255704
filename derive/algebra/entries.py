"""Entrywise products in normal form.

A chain is  Diag(L) · core · Diag(R): factors that act by row, by entry and by column.  The
functions here are methods of `Normalizer`, kept apart along the mathematics.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from ..expr import (
    Expr,
    identity,
    ones,
)
from ..operations import (
    add,
    diagonal_matrix,
    hadamard,
    matmul,
    power,
    sigmoid,
    transpose,
)
from ..shapes import ONE, Shape
from .atoms import (
    add_bases,
    divides,
    factor_bases,
    has_reciprocal_sum,
    merged,
    only_chain,
    sum_bases,
)
from .limits import MAX_TERMS, TooLargeError
from .polynomial import Chain, Mono, Poly, collect, key
from .products import (
    Bases,
    chain_product,
    entries_expr,
    entry_bases,
    simplify_bases,
    transpose_poly,
)

if TYPE_CHECKING:
    from .normal import Normalizer

F1 = Fraction(1)


def entrywise(ctx: Normalizer, polys: Sequence[Poly]) -> Poly:
    """The Hadamard product of sums."""
    product = polys[0]
    if product.is_scalar:
        for other in polys[1:]:
            product = ctx.times(product, other)
        return product
    shape = product.shape
    if shape[0] is ONE:
        return transpose_poly(ctx.entrywise([transpose_poly(p, ctx) for p in polys]), ctx)
    for other in polys[1:]:
        product = ctx.entrywise_pair(product, other, shape)
    return product


def entrywise_pair(ctx: Normalizer, left: Poly, right: Poly, shape: Shape) -> Poly:
    if len(left.terms) * len(right.terms) > MAX_TERMS:
        raise TooLargeError(f"more than {MAX_TERMS} terms when multiplied out")
    total: list[tuple[Mono, Fraction]] = []
    for one, other in ((left, right), (right, left)):
        # A sum over itself cancels before it is multiplied out.
        if len(one.terms) > 1 and any(has_reciprocal_sum(chain) for _, chain in other.terms):
            c, atom, flipped = ctx.atom_of_sum(one, None)
            base = Poly(shape, {((), (transpose.make((atom,)) if flipped else atom,)): F1})
            remaining: dict[Mono, Fraction] = {}
            for (scalars, chain), k in other.terms.items():
                if divides(atom, chain):
                    term = Poly(shape, {(scalars, chain): k * c})
                    total += ctx.entry_products(term, base, shape).terms.items()
                else:
                    remaining[(scalars, chain)] = k
            if total:
                rest = Poly(shape, remaining)
                pair = (left, rest) if one is left else (rest, right)
                total += ctx.entry_products(*pair, shape).terms.items()
                return ctx.reopened_entries(collect(shape, total))
    return ctx.reopened_entries(ctx.entry_products(left, right, shape))


def entry_products(ctx: Normalizer, left: Poly, right: Poly, shape: Shape) -> Poly:
    total: list[tuple[Mono, Fraction]] = []
    for (s1, c1), a in left.terms.items():
        for (s2, c2), b in right.terms.items():
            (l1, m1, r1), (l2, m2, r2) = ctx.decomposed(c1, shape), ctx.decomposed(c2, shape)
            built = ctx.composed((sum_bases(l1, l2), sum_bases(m1, m2), sum_bases(r1, r2)), shape)
            total += ctx.scaled_by(built, a * b, merged(s1, s2, ctx)).terms.items()
    return collect(shape, total)


def reopened_entries(ctx: Normalizer, poly: Poly) -> Poly:
    """Multiply out entrywise sums that came to stand with a positive power."""
    if ctx.is_keeping:
        return poly
    for _scalars, chain in poly.terms:
        for factor in chain:
            if any(b.op is add and e > 0 and e.denominator == 1 for b, e in factor_bases(factor)):
                break
        else:
            continue
        break
    else:
        return poly
    total: list[tuple[Mono, Fraction]] = []
    shape = poly.shape
    for (scalars, chain), c in poly.terms.items():
        left, core, right = ctx.decomposed(chain, shape)
        sums: list[tuple[int, Expr, int]] = []
        parts: list[Bases] = []
        for axis, bases in enumerate((left, core, right)):
            opened = {b: int(e) for b, e in bases.items() if b.op is add and e > 0 and e.denominator == 1}
            sums += ((axis, b, times) for b, times in opened.items())
            parts.append({b: e for b, e in bases.items() if b not in opened})
        if not sums:
            total.append(((scalars, chain), c))
            continue
        product = ctx.scaled_by(ctx.composed((parts[0], parts[1], parts[2]), shape), c, scalars)
        for axis, base, times in sums:
            other = ctx.full(base)
            if shape[1] is not ONE and axis == 0:
                other = ctx.times(other, ctx.full(ones(1, shape[1])))
            elif axis == 2:
                other = ctx.times(ctx.full(ones(shape[0])), transpose_poly(other, ctx))
            for _ in range(times):
                product = ctx.entry_products(product, other, shape)
        total += product.terms.items()
    return collect(shape, total)


def decomposed(ctx: Normalizer, chain: Chain, shape: Shape) -> tuple[Bases, Bases, Bases]:
    """A chain as  Diag(L) · core · Diag(R): entrywise factors by row, by entry, by column.

    A rank-one chain has no core; a vector has its factors in L.
    """
    left: Bases = {}
    right: Bases = {}
    core: Bases = {}
    if not chain:
        return left, {identity(shape[0]): F1}, right
    factors = list(chain)
    while len(factors) > 1 and factors[0].op is diagonal_matrix:
        add_bases(left, factors.pop(0).args[0])
    if shape[1] is ONE:
        add_bases(left, factors[0] if len(factors) == 1 else matmul.make(tuple(factors)))
        return left, core, right
    while len(factors) > 1 and factors[-1].op is diagonal_matrix:
        add_bases(right, factors.pop().args[0])
    for i in range(1, len(factors)):
        if factors[i].shape[0] is ONE:
            # Rank one: u vᵀ.
            u = ctx.decomposed(tuple(factors[:i]), (shape[0], ONE))[0]
            row = Poly((ONE, shape[1]), {((), tuple(factors[i:])): F1})
            ((_, column), sign) = next(iter(transpose_poly(row, ctx).terms.items()))
            if sign != 1:
                break  # xᵀ K with K skew has no column form without a sign
            v = ctx.decomposed(column, (shape[1], ONE))[0]
            return sum_bases(left, u), core, sum_bases(right, v)
    if len(factors) > 1:
        core[matmul.make(tuple(factors))] = F1
    elif factors[0].op is transpose and factors[0].args[0].op in (hadamard, power):
        for base, e in entry_bases(factors[0].args[0]):
            turned = ctx.canonical(transpose_poly(ctx.as_base(base), ctx))
            core[turned] = core.get(turned, Fraction(0)) + e
    else:
        add_bases(core, factors[0])
    return left, core, right


def as_base(ctx: Normalizer, base: Expr) -> Poly:
    if base.op is add or base.op is transpose:
        return Poly(base.shape, {((), (base,)): F1})
    return ctx.full(base)


def composed(ctx: Normalizer, parts: tuple[Bases, Bases, Bases], shape: Shape) -> Poly:
    """The inverse of `decomposed`."""
    left, core, right = parts
    c0, left = simplify_bases(left, (shape[0], ONE), ctx)
    if shape[1] is ONE:
        turned = ctx.reflected(left)
        if turned is not None:
            first, second = (ctx.composed((t, {}, {}), shape) for t in turned)
            return ctx.plus(shape, [first, second.scaled(-F1)])
        return ctx.vector(left, shape).scaled(c0)
    c1, core = simplify_bases(core, shape, ctx)
    c2, right = simplify_bases(right, (shape[1], ONE), ctx)
    for i, bases in enumerate((left, core, right)):
        turned = ctx.reflected(bases)
        if turned is not None:
            both = []
            for side in turned:
                sides = [left, core, right]
                sides[i] = side
                both.append(ctx.composed((sides[0], sides[1], sides[2]), shape))
            return ctx.plus(shape, [both[0], both[1].scaled(-F1)])
    factors: list[Expr] = []
    coefficient = c0 * c1 * c2
    eye = identity(shape[0])
    if eye in core and shape[0] is shape[1]:
        # I ⊙ A = Diag(diag A)
        rest = {b: e for b, e in core.items() if b is not eye}
        column = (shape[0], ONE)
        values = ctx.vector(sum_bases(left, right), column)
        if rest:
            inside = ctx.composed(({}, rest, {}), shape)
            values = ctx.entrywise([values, ctx.diagonal(inside)])
        return ctx.diagonal_matrix(values).scaled(coefficient)
    if left or not core:
        vector = ctx.vector(left, (shape[0], ONE))
        factors += ctx.diagonal_chain(vector) if core else only_chain(vector)
    if core:
        items = sorted(((b, e) for b, e in core.items() if e), key=lambda item: key(item[0]))
        if len(items) == 1 and items[0][1] == 1:
            factors += ctx.chain_of(items[0][0])
        elif items:
            factors.append(ctx.oriented_entries(items))
        else:
            return ctx.composed((left, {}, right), shape).scaled(c1 * c2)
    if right or not core:
        vector = ctx.vector(right, (shape[1], ONE))
        factors += ctx.diagonal_chain(vector) if core else only_chain(transpose_poly(vector, ctx))
    return chain_product(coefficient, (), factors, shape, ctx)


def reflected(ctx: Normalizer, bases: Bases) -> tuple[Bases, Bases] | None:
    """σ(−z) = 1 − σ(z), where multiplying exponentials left a σ(−z)."""
    if ctx.is_keeping:
        return None
    for base, e in bases.items():
        if base.op is sigmoid and e == 1:
            plain = ctx.function(sigmoid, ctx.full(base.args[0]))
            if len(plain.terms) > 1:
                rest = {b: x for b, x in bases.items() if b is not base}
                opposite = ctx.canonical(ctx.full(base.args[0]).scaled(-F1))
                return rest, sum_bases(rest, {sigmoid.make((opposite,)): F1})
    return None


def diagonal_chain(ctx: Normalizer, vector: Poly) -> Chain:
    if not vector.terms or next(iter(vector.terms))[1] == (ones(vector.shape[0]),):
        return ()
    return only_chain(ctx.diagonal_matrix(vector))


def oriented_entries(ctx: Normalizer, items: list[tuple[Expr, Fraction]]) -> Expr:
    atom = entries_expr(items)
    turned_items = [(ctx.canonical(transpose_poly(ctx.as_base(b), ctx)), e) for b, e in items]
    turned_items.sort(key=lambda item: key(item[0]))
    turned = entries_expr(turned_items)
    if turned is not atom and key(turned) < key(atom):
        return transpose.make((turned,))
    return atom


def vector(ctx: Normalizer, bases: Bases, shape: Shape) -> Poly:
    items = sorted(((b, e) for b, e in bases.items() if e), key=lambda item: key(item[0]))
    composite = [b for b, e in items if e == 1 and b.op is matmul]
    if not items:
        chain: Chain = (ones(shape[0]),)
    elif len(items) == 1 and items[0][1] == 1:
        chain = ctx.chain_of(items[0][0])
    elif len(composite) == 1:
        # Diag(a) M y: the composite keeps its factors in reach.
        others = [(b, e) for b, e in items if b is not composite[0]]
        chain = (diagonal_matrix.make((entries_expr(others),)), *composite[0].args)
    else:
        chain = (entries_expr(items),)
    return Poly(shape, {((), chain): F1})
