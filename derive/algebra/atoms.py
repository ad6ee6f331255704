"""Small pieces of the normal form: terms as expressions, the entrywise factors of a chain."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from ..expr import (
    Expr,
    as_expr,
    identity,
    number,
    number_op,
    ones_op,
)
from ..operations import (
    add,
    diagonal_matrix,
    exp,
    hadamard,
    inv,
    matmul,
    mul,
    power,
    scale,
    transpose,
)
from ..shapes import SCALAR, Shape
from .polynomial import Chain, Mono, Poly, key

Bases = dict[Expr, Fraction]  # a product of powers: base -> exponent
F1 = Fraction(1)


def of_chain(chain: Chain, shape: Shape) -> Poly:
    """A product of factors in normal form as a sum of one term."""
    return Poly(shape, {((), chain): F1})


def of_factor(factor: Expr) -> Poly:
    return Poly(factor.shape, {((), (factor,)): F1})


def of_scalar(atom: Expr) -> Poly:
    return Poly(SCALAR, {(((atom, F1),), ()): F1})


def of_atom(atom: Expr) -> Poly:
    """An atom of any shape as a sum of one term."""
    return of_scalar(atom) if atom.is_scalar else of_factor(atom)


def mono_expr(coefficient: Fraction, mono: Mono, shape: Shape) -> Expr:
    """One term as an expression."""
    scalars, chain = mono
    factors = [number(coefficient)] if coefficient != 1 else []
    factors += [base if e == 1 else power.make((base, as_expr(e))) for base, e in scalars]
    if shape == SCALAR:
        return factors[0] if len(factors) == 1 else mul.make(tuple(factors)) if factors else number(1)
    body = identity(shape[0]) if not chain else chain[0] if len(chain) == 1 else matmul.make(chain)
    if not factors:
        return body
    return scale.make((factors[0] if len(factors) == 1 else mul.make(tuple(factors)), body))


def as_atom(mono: Mono) -> Expr | None:
    scalars, chain = mono
    if not scalars and len(chain) == 1:
        return chain[0]
    if not chain and len(scalars) == 1 and scalars[0][1] == 1:
        return scalars[0][0]
    return None


def only_chain(poly: Poly) -> Chain:
    ((_, chain),) = poly.terms
    return chain


def entry_bases(vector: Expr) -> list[tuple[Expr, Fraction]]:
    """A vector or matrix as an entrywise product of powers."""
    parts = vector.args if vector.op is hadamard else (vector,)
    return [(p.args[0], p.args[1].data[0]) if p.op is power and p.args[1].op is number_op else (p, F1) for p in parts]


def entries_expr(items: Iterable[tuple[Expr, Fraction]]) -> Expr:
    parts = [base if e == 1 else power.make((base, as_expr(e))) for base, e in items]
    return parts[0] if len(parts) == 1 else hadamard.make(tuple(parts))


def add_bases(bases: Bases, vector: Expr) -> Bases:
    """The product with the entries of one more factor."""
    for base, e in entry_bases(vector):
        if base.op is not ones_op:
            bases[base] = bases.get(base, Fraction(0)) + e
    return bases


def sum_bases(one: Bases, two: Bases) -> Bases:
    total = dict(one)
    for base, e in two.items():
        total[base] = total.get(base, Fraction(0)) + e
    return {b: e for b, e in total.items() if e}


def is_inverse(factor: Expr) -> bool:
    return factor.op is inv or (factor.op is transpose and factor.args[0].op is inv)


def factor_bases(factor: Expr) -> list[tuple[Expr, Fraction]]:
    if factor.op is transpose:
        factor = factor.args[0]
    if factor.op is diagonal_matrix:
        factor = factor.args[0]
    return entry_bases(factor)


def has_reciprocal_sum(chain: Chain) -> bool:
    return any(b.op is add and e < 0 for f in chain for b, e in factor_bases(f))


def divides(atom: Expr, chain: Chain) -> bool:
    return any(b is atom and e < 0 for f in chain for b, e in factor_bases(f))


def exponential_sum(base: Expr) -> Expr | None:
    """exp(v) where the scalar is 1ᵀ exp(v)."""
    if base.op is not matmul or len(base.args) != 2:
        return None
    row, column = base.args
    if row.op is transpose and row.args[0].op is ones_op and column.op is exp:
        return column
    if column.op is ones_op and row.op is transpose and row.args[0].op is exp:
        return row.args[0]
    return None


def replace_factor(factor: Expr, old: Expr, fresh: Expr) -> Expr:
    """The factor with one entrywise occurrence of `old` replaced."""
    if factor.op is transpose:
        inside = replace_factor(factor.args[0], old, fresh)
        return factor if inside is factor.args[0] else transpose.make((inside,))
    if factor.op is diagonal_matrix:
        inside = replace_factor(factor.args[0], old, fresh)
        return factor if inside is factor.args[0] else diagonal_matrix.make((inside,))
    if factor is old:
        return fresh
    if factor.op is hadamard and old in factor.args:
        bases: Bases = {}
        for base, e in entry_bases(factor):
            base = fresh if base is old else base
            bases[base] = bases.get(base, Fraction(0)) + e
        return entries_expr(sorted(bases.items(), key=lambda item: key(item[0])))
    return factor


def replace_in_scalar(scalar: Expr, old: Expr, fresh: Expr) -> Expr:
    args = list(scalar.args)
    for i, arg in enumerate(args):
        replaced = replace_factor(arg, old, fresh)
        if replaced is not arg:
            args[i] = replaced
            return scalar.op.make(tuple(args))
    return scalar
