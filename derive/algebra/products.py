"""Products in normal form: chains, traces, entrywise products, and the identities they obey.

A chain is reduced factor by factor; where two neighbors meet, the rows of
`identities.JUNCTIONS` are tried.  A dimension 1 inside a chain cuts it: what stands
between two cuts is a scalar and moves out (x (yᵀ A x) xᵀ).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from ..expr import Expr, as_expr, dimension, identity_op, number_op, ones, ones_op, symbol_op, symbols_of
from ..operations import (
    add,
    diagonal,
    diagonal_matrix,
    exact_root,
    exp,
    hadamard,
    kron,
    matmul,
    power,
    sum_entries,
    trace,
    transpose,
)
from ..shapes import ONE, SCALAR, Shape
from .identities import JUNCTIONS
from .polynomial import Chain, Mono, Poly, Scalars, collect, key

if TYPE_CHECKING:
    from .normal import Normalizer

Bases = dict[Expr, Fraction]  # a product of powers: base -> exponent
F1 = Fraction(1)


def flip(factor: Expr, ctx: Normalizer) -> Expr:
    """The transpose of a factor (a skew symbol changes sign too: see `transpose_chain`)."""
    if factor.op is transpose:
        return factor.args[0]
    if ctx.is_symmetric(factor):
        return factor
    if factor.op is kron and not any("skew" in s.properties for s in symbols_of(factor)):
        return kron.make(tuple(ctx.canonical(transpose_poly(ctx.full(a), ctx)) for a in factor.args))
    return transpose.make((factor,))


def transpose_chain(chain: Chain, ctx: Normalizer) -> tuple[int, Chain]:
    """The sign and the chain of the transpose."""
    sign, flipped = 1, []
    for factor in reversed(chain):
        if factor.op is symbol_op and "skew" in factor.data[1]:
            sign = -sign
            flipped.append(factor)
        else:
            flipped.append(flip(factor, ctx))
    return sign, tuple(flipped)


def transpose_poly(poly: Poly, ctx: Normalizer) -> Poly:
    if poly.is_scalar:
        return poly
    terms = []
    for (scalars, chain), c in poly.terms.items():
        sign, flipped = transpose_chain(chain, ctx)
        terms.append(((scalars, flipped), c * sign))
    return collect((poly.shape[1], poly.shape[0]), terms)


# Scalars


def with_scalars(*groups: Iterable[tuple[Expr, Fraction]], ctx: Normalizer) -> tuple[Fraction, Scalars]:
    """The product of powers of scalar atoms: a coefficient and sorted powers."""
    powers: Bases = {}
    exponents: list[tuple[Expr, Fraction]] = []
    coefficient = F1
    for group in groups:
        for base, exponent in group:
            if base.op is exp:
                exponents.append((base.args[0], exponent))
                continue
            powers[base] = powers.get(base, Fraction(0)) + exponent
    if exponents:
        atom = merged_exponential(exponents, SCALAR, ctx)
        if atom is not None:
            powers[atom] = F1
            coefficient *= cancel_sigmoid(powers, atom, ctx)
    found = []
    for base, exponent in powers.items():
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
    if len(found) > 1:
        found.sort(key=lambda pair: key(pair[0]))
    return coefficient, tuple(found)


def merged_exponential(exponents: Sequence[tuple[Expr, Fraction]], shape: Shape, ctx: Normalizer) -> Expr | None:
    """exp(a)^p exp(b)^q … = exp(p a + q b + …); None where that is 1."""
    if len(exponents) == 1 and exponents[0][1] == 1:
        return exp.make((exponents[0][0],))
    total = collect(shape, [(m, c * e) for arg, e in exponents for m, c in ctx.full(arg).terms.items()])
    if not total.terms:
        return None
    return exp.make((ctx.canonical(total),))


def cancel_sigmoid(powers: Bases, atom: Expr, ctx: Normalizer) -> Fraction:
    """exp(−z) σ(z) = σ(−z), for each z."""
    from ..operations import sigmoid

    argument = ctx.full(atom.args[0])
    for base in list(powers):
        if base.op is sigmoid and powers[base] >= 1:
            total = collect(argument.shape, [*argument.terms.items(), *ctx.full(base.args[0]).terms.items()])
            if not total.terms:
                powers[base] -= 1
                del powers[atom]
                other = sigmoid.make((ctx.canonical(argument),))
                powers[other] = powers.get(other, Fraction(0)) + 1
                break
    return F1


# Chains


def chain_product(
    coefficient: Fraction, scalars: Scalars, factors: Sequence[Expr], shape: Shape, ctx: Normalizer
) -> Poly:
    """The normal form of  c · s · F₁ F₂ … Fₖ, each Fᵢ a factor in normal form."""
    stack: list[Expr] = []
    extra: list[tuple[Expr, Fraction]] = []
    rest = list(reversed(factors))
    while rest:
        factor = rest.pop()
        if not stack:
            stack.append(factor)
            continue
        met = join(stack[-1], factor, ctx)
        if met is None:
            stack.append(factor)
            continue
        stack.pop()
        single = met.single()
        if single is None:
            # A sum came out (or zero): multiply out what is left and right of it.
            left = chain_product(coefficient, scalars, stack, _outer(stack, shape, met, True), ctx)
            whole = ctx.times(left, met) if stack else ctx.scaled_by(met, coefficient, scalars)
            if rest:
                tail = chain_product(F1, (), list(reversed(rest)), (whole.shape[1], shape[1]), ctx)
                whole = ctx.times(whole, tail)
            if extra:
                whole = ctx.scaled_by(whole, F1, tuple(extra))
            return whole
        c, (more, chain) = single
        coefficient *= c
        extra += more
        rest += reversed(chain)
    parts = _cut(stack)
    kept: list[Expr] = []
    for segment in parts:
        if segment[0].shape[0] is ONE and segment[-1].shape[1] is ONE:
            value = dot(segment, ctx)
            single = value.single()
            if single is None:
                rest_chain = [f for s in parts if s is not segment for f in s]
                k, gathered = with_scalars(scalars, extra, ctx=ctx)
                if not rest_chain:
                    return ctx.scaled_by(value, coefficient, (*scalars, *extra))
                return ctx.times(value, chain_product(coefficient * k, gathered, rest_chain, shape, ctx))
            c, (more, _) = single
            coefficient *= c
            extra += more
        else:
            kept += segment
    c, merged = with_scalars(scalars, extra, ctx=ctx) if extra or len(scalars) > 1 else (F1, scalars)
    poly = Poly(shape, {(merged, tuple(kept)): coefficient * c})
    return ctx.recognized(poly)


def _outer(stack: list[Expr], shape: Shape, met: Poly, left: bool) -> Shape:
    return (shape[0], met.shape[0]) if stack else (met.shape[0], met.shape[0])


def _cut(chain: list[Expr]) -> list[list[Expr]]:
    parts: list[list[Expr]] = []
    current: list[Expr] = []
    for factor in chain:
        if current and factor.shape[0] is ONE:
            parts.append(current)
            current = []
        current.append(factor)
    if current:
        parts.append(current)
    return parts


def join(left: Expr, right: Expr, ctx: Normalizer) -> Poly | None:
    """The product of two neighbors, where an identity makes it another; else None."""
    for row in (*JUNCTIONS.get(left.op.name, ()), *JUNCTIONS.get("* " + right.op.name, ())):
        met: Poly | None = row.apply(left, right, ctx)
        if met is not None:
            ctx.used[row.words] = None
            return met
    return None


# Scalar products and traces


def dot(chain: Sequence[Expr], ctx: Normalizer) -> Poly:
    """The scalar  rowᵀ M … column  in normal form."""
    first, last = chain[0], chain[-1]
    head = transpose(first) if first.op in (transpose, ones_op) else first
    if len(chain) == 2:
        bases: Bases = {}
        for vector in (head, last):
            for base, e in entry_bases(vector):
                bases[base] = bases.get(base, Fraction(0)) + e
        bases.pop(ones(last.shape[0]), None)
        for vector, other in ((head, last), (last, head)):
            if vector.op is diagonal:
                # aᵀ diag(M) = tr(Diag(a) M)
                weights = () if other.op is ones_op else (diagonal_matrix(other),)
                return trace_chain(((Fraction(1), ((), (*weights, *ctx.chain_of(vector.args[0])))),), ctx)
        return entry_sum(bases, last.shape, ctx)
    _, back = transpose_chain(tuple(chain), ctx)
    sign = 1
    for factor in chain:
        if factor.op is symbol_op and "skew" in factor.data[1]:
            sign = -sign
    best, c = tuple(chain), 1
    other_key, own_key = [key(f) for f in back], [key(f) for f in chain]
    if back == best:
        if sign < 0:
            return Poly(SCALAR, {})
    elif _order(other_key) < _order(own_key):
        best, c = back, sign
    atom = matmul.make(best)
    return Poly(SCALAR, {(((atom, F1),), ()): Fraction(c)})


def _order(keys: list[tuple[int, int, int]]) -> tuple[int, list[tuple[int, int, int]]]:
    return (sum(k[0] for k in keys), keys)


def entry_bases(vector: Expr) -> list[tuple[Expr, Fraction]]:
    """A vector or matrix as an entrywise product of powers."""
    parts = vector.args if vector.op is hadamard else (vector,)
    return [(p.args[0], p.args[1].data[0]) if p.op is power and p.args[1].op is number_op else (p, F1) for p in parts]


def entry_sum(bases: Bases, shape: Shape, ctx: Normalizer) -> Poly:
    """The sum of all entries of an entrywise product of vectors."""
    coefficient, bases = simplify_bases(bases, shape, ctx)
    items = [(b, e) for b, e in bases.items() if e]
    if not items:
        return ctx.full(dimension(shape[0] * shape[1])).scaled(coefficient)
    items.sort(key=lambda item: key(item[0]))
    if shape[1] is ONE:
        one = ones(shape[0])
        if len(items) == 1 and items[0][1] == 1:
            if items[0][0].op.name == "softmax":
                return Poly(SCALAR, {((), ()): coefficient})  # probabilities sum to 1
            pair = (one, items[0][0])
        elif len(items) == 1 and items[0][1] == 2:
            pair = (items[0][0], items[0][0])
        elif len(items) == 2 and items[0][1] == items[1][1] == 1:
            pair = (items[0][0], items[1][0])
        else:
            pair = None
        if pair is not None:
            left, right = (ctx.chain_of(p) for p in pair)
            if len(left) + len(right) > 2:
                sign, row = transpose_chain(left, ctx)
                return chain_product(coefficient * sign, (), (*row, *right), SCALAR, ctx)
            atom = matmul.make((flip(pair[0], ctx), pair[1]))
            return Poly(SCALAR, {(((atom, F1),), ()): coefficient})
    atom = sum_entries.make((entries_expr(items),))
    return Poly(SCALAR, {(((atom, F1),), ()): coefficient})


def entries_expr(items: Iterable[tuple[Expr, Fraction]]) -> Expr:
    parts = [base if e == 1 else power.make((base, as_expr(e))) for base, e in items]
    return parts[0] if len(parts) == 1 else hadamard.make(tuple(parts))


def simplify_bases(bases: Bases, shape: Shape, ctx: Normalizer) -> tuple[Fraction, Bases]:
    """Merge exponentials; drop ones."""
    exponents = [(b.args[0], e) for b, e in bases.items() if b.op is exp]
    kept = {b: e for b, e in bases.items() if e and b.op is not ones_op and b.op is not exp}
    if exponents:
        atom = merged_exponential(exponents, shape, ctx)
        if atom is not None:
            kept[atom] = F1
            cancel_sigmoid(kept, atom, ctx)
    return F1, kept


def trace_chain(terms: Iterable[tuple[Fraction, Mono]], ctx: Normalizer) -> Poly:
    """The trace of a sum of chains, up to rotation and transposition of each."""
    total: list[tuple[Mono, Fraction]] = []
    for c, (scalars, chain) in terms:
        value = ctx.scaled_by(_trace(chain, ctx, None), c, scalars)
        total += value.terms.items()
    return collect(SCALAR, total)


def trace_poly(poly: Poly, ctx: Normalizer) -> Poly:
    total: list[tuple[Mono, Fraction]] = []
    for (scalars, chain), c in poly.terms.items():
        value = _trace(chain, ctx, poly.shape)
        total += ctx.scaled_by(value, c, scalars).terms.items()
    return collect(SCALAR, total)


def _trace(chain: Chain, ctx: Normalizer, shape: Shape | None) -> Poly:
    if not chain:
        assert shape is not None
        return ctx.full(dimension(shape[0]))
    for i in range(1, len(chain)):
        if chain[i].shape[0] is ONE:
            return chain_product(F1, (), (*chain[i:], *chain[:i]), SCALAR, ctx)
    if len(chain) > 1:
        met = join(chain[-1], chain[0], ctx)
        if met is not None:
            inner = (
                chain_product(F1, (), chain[1:-1], (chain[0].shape[1], chain[-1].shape[0]), ctx)
                if chain[1:-1]
                else None
            )
            return trace_poly(ctx.times(met, inner) if inner is not None else met, ctx)
    for i, factor in enumerate(chain):
        atom = factor.args[0] if factor.op is transpose else factor
        if atom.op is hadamard and len(chain) > 1:
            # tr(P (A ⊙ B)) = Σ (Pᵀ ⊙ A ⊙ B)
            others = (*chain[i + 1 :], *chain[:i])
            sign, flipped = transpose_chain(others, ctx)
            rest = Poly((others[-1].shape[1], others[0].shape[0]), {((), flipped): Fraction(sign)})
            whole = ctx.entrywise([rest, Poly(factor.shape, {((), (factor,)): F1})])
            return ctx.total(whole)
        if atom.op is diagonal_matrix and len(chain) > 1:
            # tr(Diag(a) M) = aᵀ diag(M): one atom for every rotation, with M oriented.
            others = (*chain[i + 1 :], *chain[:i])
            if len(others) == 1 and others[0].op is diagonal_matrix:
                break
    if len(chain) == 1:
        atom = chain[0].args[0] if chain[0].op is transpose else chain[0]
        if atom.op is kron and atom.args[0].is_square and atom.args[1].is_square:
            return ctx.times(ctx.full(trace(atom.args[0])), ctx.full(trace(atom.args[1])))
        if atom.op is symbol_op and "skew" in atom.data[1]:
            return Poly(SCALAR, {})
        if atom.op is diagonal_matrix:
            return entry_sum(dict(entry_bases(atom.args[0])), atom.args[0].shape, ctx)
        return Poly(SCALAR, {(((trace.make((atom,)), F1),), ()): F1})
    sign, back = transpose_chain(chain, ctx)
    best: Chain = chain
    best_order = None
    best_sign = 1
    for s, candidate in ((1, chain), (sign, back)):
        for i in range(len(candidate)):
            turned = candidate[i:] + candidate[:i]
            order = _order([key(f) for f in turned])
            if best_order is None or order < best_order:
                best, best_order, best_sign = turned, order, s
            elif order == best_order and s < 0 < best_sign and turned == best:
                return Poly(SCALAR, {})  # its own negative
    atom = trace.make((matmul.make(best),))
    return Poly(SCALAR, {(((atom, F1),), ()): Fraction(best_sign)})


__all__ = [
    "Bases",
    "add",
    "chain_product",
    "dot",
    "entries_expr",
    "entry_bases",
    "flip",
    "identity_op",
    "trace_poly",
    "transpose_poly",
]
