"""Sums of products of matrices, in normal form.

A `Poly` is a finite sum  Σ c · s₁^e₁ s₂^e₂ … · F₁ F₂ … Fₖ  of rational coefficients, powers
of scalar atoms, and a chain of matrix factors.  The empty chain is the identity (the
number 1 in a scalar).  A factor is an atom or the transpose of one; atoms are canonical
expressions, so equal atoms are one object.  Terms keep the order in which they were met.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from fractions import Fraction
from math import gcd

from ..expr import MAX_COUNTED, Expr, nodes, symbol_op
from ..operations import add, transpose
from ..shapes import SCALAR, Shape

Scalars = tuple[tuple[Expr, Fraction], ...]
Chain = tuple[Expr, ...]
Mono = tuple[Scalars, Chain]


class Poly:
    """A sum of terms of one shape: `terms` maps (scalars, chain) to the coefficient."""

    __slots__ = ("terms", "shape")

    def __init__(self, shape: Shape, terms: dict[Mono, Fraction]) -> None:
        self.shape = shape
        self.terms = terms

    @property
    def is_scalar(self) -> bool:
        return self.shape == SCALAR

    def single(self) -> tuple[Fraction, Mono] | None:
        """Coefficient and monomial of a sum of one term."""
        if len(self.terms) != 1:
            return None
        ((mono, coefficient),) = self.terms.items()
        return coefficient, mono

    def scaled(self, factor: Fraction) -> Poly:
        if factor == 1:
            return self
        return Poly(self.shape, {m: c * factor for m, c in self.terms.items()} if factor else {})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Poly) and self.terms == other.terms and self.shape == other.shape

    __hash__ = None  # type: ignore[assignment]


def collect(shape: Shape, terms: Iterable[tuple[Mono, Fraction]]) -> Poly:
    """The sum of the terms, like ones added, vanished ones dropped."""
    total: dict[Mono, Fraction] = {}
    for mono, coefficient in terms:
        value = total.get(mono)
        total[mono] = coefficient if value is None else value + coefficient
    return Poly(shape, {m: c for m, c in total.items() if c})


def content(coefficients: Iterable[Fraction]) -> Fraction:
    """The positive greatest common divisor of rationals."""
    numerator, denominator = 0, 1
    for c in coefficients:
        numerator = gcd(numerator, c.numerator)
        denominator = denominator * c.denominator // gcd(denominator, c.denominator)
    return Fraction(numerator, denominator) if numerator else Fraction(1)


_keys: dict[Expr, tuple[int, int, int]] = {}


def key(expr: Expr) -> tuple[int, int, int]:
    """An order of expressions by structure: transposes, size, and a checksum; sums of the same terms are equal.

    Independent of the order of creation and of the interpreter's hash seed.
    """
    found = _keys.get(expr)
    if found is not None:
        return found
    if len(_keys) > MAX_COUNTED:
        _keys.clear()
    for node in nodes(expr):
        if node in _keys:
            continue
        transposes, size = int(node.op is transpose), 1
        if node.op is symbol_op and isinstance(node.data[0], int):  # a label
            check = (1 << 32) + int(node.data[0])  # as it was met, after π, e and dimensions
        else:
            data = tuple(sorted(d) if isinstance(d, frozenset) else str(d) for d in node.data)
            check = zlib.crc32(f"{node.op.name}{data}".encode())
        below = [_keys[arg] for arg in node.args]
        for t, n, c in sorted(below) if node.op is add else below:
            transposes += t
            size += n
            check = (check * 0x9E3779B97F4A7C15 + c + 0x7F4A7C15) & 0xFFFFFFFFFFFFFFFF
        _keys[node] = (transposes, size, check)
    return _keys[expr]


def mono_key(mono: Mono) -> tuple[object, ...]:
    """The order of monomials inside canonical sums."""
    return (
        [(key(atom), exponent) for atom, exponent in mono[0]],
        [key(factor) for factor in mono[1]],
    )
