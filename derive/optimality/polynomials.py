"""The sign of a formula by its range, and of a polynomial in one number exactly, by Sturm's theorem.

[BPR]  Basu, Pollack & Roy, Algorithms in Real Algebraic Geometry, 2006, 2.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from ..algebra.forms import expand
from ..algebra.normal import Normalizer
from ..errors import DeriveError
from ..expr import Expr, symbols_of
from ..facts import ranges_below
from ..ranges import Range

MAX_DEGREE = 24
Coefficients = list[Fraction]  # from the constant term up


def sign_of(expr: Expr, known: Mapping[Expr, Range]) -> int | None:
    """1 where no value is negative, −1 where none is positive, 0 where all are 0; None where neither is seen."""
    for form in (None, expand, over_one_denominator):
        try:
            shown = expr if form is None else form(expr)
        except DeriveError:
            continue
        found = ranges_below(shown, known)[shown]
        if found.lo == found.hi == 0:
            return 0
        if found.is_nonnegative or found.is_nonpositive:
            return 1 if found.is_nonnegative else -1
    return sign_of_polynomial(expr, known)


def over_one_denominator(expr: Expr) -> Expr:
    """The formula multiplied out, over the reciprocal powers of sums that its terms share."""
    ctx = Normalizer()
    return ctx.canonical(ctx.over_common_powers(ctx.full(expr), everywhere=True))


def sign_of_polynomial(expr: Expr, known: Mapping[Expr, Range]) -> int | None:
    """1, −1 or 0 where a polynomial in one number keeps that sign over its range; None where it is none or changes."""
    leaves = symbols_of(expr)
    if len(leaves) != 1 or not leaves[0].is_scalar:
        return None
    found = coefficients(expr, leaves[0])
    if found is None:
        return None
    if not any(found):
        return 0
    bounds = known.get(leaves[0])
    is_positive = "positive" in leaves[0].properties or (bounds is not None and bounds.is_nonnegative)
    at = Fraction(1)
    while not (value := _value(found, at)):
        at += Fraction(1, 3)
    if any(_roots(factor, is_positive) for factor in _odd_factors(found)):
        return None
    return 1 if value > 0 else -1


def coefficients(expr: Expr, variable: Expr) -> Coefficients | None:
    """The coefficients of a polynomial in one symbol with rational coefficients."""
    try:
        poly = Normalizer().full(expr)
    except DeriveError:
        return None
    found: dict[int, Fraction] = {}
    for (scalars, chain), c in poly.terms.items():
        if chain or any(b is not variable or e.denominator != 1 or e < 0 for b, e in scalars):
            return None
        degree = int(scalars[0][1]) if scalars else 0
        found[degree] = found.get(degree, Fraction(0)) + c
    if found and max(found) > MAX_DEGREE:
        return None
    return [found.get(i, Fraction(0)) for i in range(max(found, default=0) + 1)]


def _value(p: Coefficients, x: Fraction) -> Fraction:
    total = Fraction(0)
    for c in reversed(p):
        total = total * x + c
    return total


def _trimmed(p: Coefficients) -> Coefficients:
    while p and not p[-1]:
        p = p[:-1]
    return p


def _divided(p: Coefficients, q: Coefficients) -> tuple[Coefficients, Coefficients]:
    """Quotient and remainder."""
    quotient, rest = [Fraction(0)] * max(len(p) - len(q) + 1, 0), list(p)
    for i in range(len(p) - len(q), -1, -1):
        quotient[i] = rest[i + len(q) - 1] / q[-1]
        for j, c in enumerate(q):
            rest[i + j] -= quotient[i] * c
    return quotient, _trimmed(rest[: len(q) - 1])


def _gcd(p: Coefficients, q: Coefficients) -> Coefficients:
    while q:
        p, q = q, _divided(p, q)[1]
    return [c / p[-1] for c in p]


def _derivative(p: Coefficients) -> Coefficients:
    return [i * c for i, c in enumerate(p)][1:]


def _odd_factors(p: Coefficients) -> Iterator[Coefficients]:
    """The products of the factors of one odd multiplicity each: where the polynomial changes its sign."""
    while len(p) > 1:
        repeated = _gcd(p, _derivative(p))
        twice = _gcd(repeated, _derivative(repeated))
        yield _divided(_divided(p, repeated)[0], _divided(repeated, twice)[0])[0]
        p = twice


def _roots(p: Coefficients, is_positive: bool) -> int:
    """The number of distinct real roots, or of positive ones, by Sturm."""
    while is_positive and p and not p[0]:
        p = p[1:]
    chain = [p, _derivative(p)]
    while chain[-1]:
        chain.append([-c for c in _divided(chain[-2], chain[-1])[1]])
    chain = chain[:-1]
    low = [q[0] if is_positive else q[-1] * (-1) ** (len(q) - 1) for q in chain]
    return _changes(low) - _changes([q[-1] for q in chain])


def _changes(values: list[Fraction]) -> int:
    signs = [v > 0 for v in values if v]
    return sum(a is not b for a, b in zip(signs, signs[1:], strict=False))
