"""The sign of a polynomial in one number, decided exactly by Sturm's theorem.

[BPR]  Basu, Pollack & Roy, Algorithms in Real Algebraic Geometry, 2006, 2.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from ..algebra.normal import Normalizer
from ..errors import DeriveError
from ..expr import Expr, symbols_of
from .ranges import Range

MAX_DEGREE = 24
Coefficients = list[Fraction]  # from the constant term up


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
    free = _square_free_odd(found)
    if _roots(free, is_positive):
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


def _square_free_odd(p: Coefficients) -> Coefficients:
    """The product of the factors of odd multiplicity: where the polynomial changes its sign (Yun)."""
    common = _gcd(p, _derivative(p)) if len(p) > 1 else [Fraction(1)]
    b = _divided(p, common)[0]
    d = [x - y for x, y in _padded(_divided(_derivative(p), common)[0], _derivative(b))]
    odd, index = [Fraction(1)], 1
    while len(_trimmed(b)) > 1:
        d = _trimmed(d)
        a = _gcd(b, d) if d else [c / b[-1] for c in b]
        if index % 2:
            odd = _multiplied(odd, a)
        b, c = _divided(b, a)[0], _divided(d, a)[0] if d else []
        d = [x - y for x, y in _padded(c, _derivative(b))]
        index += 1
    return odd


def _padded(p: Coefficients, q: Coefficients) -> list[tuple[Fraction, Fraction]]:
    n = max(len(p), len(q))
    zero = Fraction(0)
    return [(p[i] if i < len(p) else zero, q[i] if i < len(q) else zero) for i in range(n)]


def _multiplied(p: Coefficients, q: Coefficients) -> Coefficients:
    product = [Fraction(0)] * (len(p) + len(q) - 1)
    for i, a in enumerate(p):
        for j, b in enumerate(q):
            product[i + j] += a * b
    return product


def _roots(p: Coefficients, is_positive: bool) -> int:
    """The number of distinct real roots, or of positive ones, by Sturm."""
    while is_positive and p and not p[0]:
        p = p[1:]
    chain = [p, _derivative(p)]
    while chain[-1]:
        chain.append([-c for c in _divided(chain[-2], chain[-1])[1]])
    chain = chain[:-1]
    high = [1 if q[-1] > 0 else -1 for q in chain]
    if is_positive:
        low = [q[0] for q in chain]
    else:
        low = [Fraction((1 if q[-1] > 0 else -1) * (-1) ** (len(q) - 1)) for q in chain]
    return _changes(low) - _changes([Fraction(h) for h in high])


def _changes(values: list[Fraction]) -> int:
    signs = [v > 0 for v in values if v]
    return sum(a is not b for a, b in zip(signs, signs[1:], strict=False))
