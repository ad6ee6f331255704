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


def powers_in(vector: Expr) -> Bases:
    """The entries of a factor as a product of powers, without ones."""
    return sum_bases(pair for pair in entry_bases(vector) if pair[0].op is not ones_op)


def sum_bases(*products: Bases | Iterable[tuple[Expr, Fraction]]) -> Bases:
    """The product of products of powers."""
    total: Bases = {}
    for powers in products:
        for base, e in powers.items() if isinstance(powers, dict) else powers:
            total[base] = total.get(base, Fraction(0)) + e
    return {b: e for b, e in total.items() if e}


def in_order(bases: Bases | Iterable[tuple[Expr, Fraction]]) -> list[tuple[Expr, Fraction]]:
    """Powers in canonical order."""
    return sorted(bases.items() if isinstance(bases, dict) else bases, key=lambda power: key(power[0]))


def is_inverse(factor: Expr) -> bool:
    return factor.op is inv or (factor.op is transpose and factor.args[0].op is inv)


def factor_bases(factor: Expr) -> list[tuple[Expr, Fraction]]:
    while factor.op in (transpose, diagonal_matrix):
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
    if factor.op in (transpose, diagonal_matrix):
        return factor.op.make((replace_factor(factor.args[0], old, fresh),))
    if factor is old:
        return fresh
    if factor.op is hadamard and old in factor.args:
        return entries_expr(in_order(sum_bases((fresh if b is old else b, e) for b, e in entry_bases(factor))))
    return factor


def replace_in_scalar(scalar: Expr, old: Expr, fresh: Expr) -> Expr:
    args = list(scalar.args)
    for i, arg in enumerate(args):
        replaced = replace_factor(arg, old, fresh)
        if replaced is not arg:
            args[i] = replaced
            return scalar.op.make(tuple(args))
    return scalar
