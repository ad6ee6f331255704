"""Intervals of the extended reals, whose ends are in them or not, and their images.

A function maps a range to one that holds every value it can have there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from math import inf, pi
from typing import Any

End = Fraction | float  # finite ends are exact: a sum of rounded ones may have the wrong sign, or none
MAX_SIZE = 20_000  # binary digits of an end
RIGHT = math.nextafter(pi / 2, inf)  # no less than π/2


class Range:
    """lo ≤ x ≤ hi for every entry x, without the ends that are open."""

    __slots__ = ("lo", "hi", "lo_open", "hi_open")

    def __init__(self, lo: End, hi: End, lo_open: bool = False, hi_open: bool = False) -> None:
        self.lo, self.hi = _exact(lo, -1), _exact(hi, 1)
        self.lo_open = lo_open or lo == -inf
        self.hi_open = hi_open or hi == inf

    @property
    def is_positive(self) -> bool:
        return self.lo > 0 or (self.lo == 0 and self.lo_open)

    @property
    def is_negative(self) -> bool:
        return self.hi < 0 or (self.hi == 0 and self.hi_open)

    @property
    def is_nonzero(self) -> bool:
        return self.is_positive or self.is_negative

    @property
    def is_nonnegative(self) -> bool:
        return self.lo >= 0

    @property
    def is_nonpositive(self) -> bool:
        return self.hi <= 0

    def __neg__(self) -> Range:
        return Range(-self.hi, -self.lo, self.hi_open, self.lo_open)

    def __add__(self, other: Range) -> Range:
        if self is ANY or other is ANY:
            return ANY
        lo, hi = _sum(self.lo, other.lo), _sum(self.hi, other.hi)
        return Range(lo, hi, self.lo_open or other.lo_open, self.hi_open or other.hi_open)

    def __mul__(self, other: Range) -> Range:
        if self is ANY or other is ANY:
            return ANY
        ends = [
            (_product(a, b), _is_open_product(a, a_open, b, b_open))
            for a, a_open in ((self.lo, self.lo_open), (self.hi, self.hi_open))
            for b, b_open in ((other.lo, other.lo_open), (other.hi, other.hi_open))
        ]
        lo, hi = min(e for e, _ in ends), max(e for e, _ in ends)
        return Range(lo, hi, all(o for e, o in ends if e == lo), all(o for e, o in ends if e == hi))

    def joined(self, other: Range) -> Range:
        """The least range that holds both."""
        lo, hi = min(self.lo, other.lo), max(self.hi, other.hi)
        lo_open = all(r.lo_open for r in (self, other) if r.lo == lo)
        return Range(lo, hi, lo_open, all(r.hi_open for r in (self, other) if r.hi == hi))

    def within(self, other: Range) -> Range:
        """What both allow."""
        lo, hi = max(self.lo, other.lo), min(self.hi, other.hi)
        lo_open = any(r.lo_open for r in (self, other) if r.lo == lo)
        return Range(lo, hi, lo_open, any(r.hi_open for r in (self, other) if r.hi == hi))


def _size(x: End) -> int:
    return 0 if x in (inf, -inf) else sum(map(int.bit_length, x.as_integer_ratio()))


def _exact(x: End, outward: int) -> End:
    if x.__class__ is not Fraction:
        if x in (inf, -inf):
            return x
        x = Fraction(x)
    return x if _size(x) <= MAX_SIZE else _exact(_image(float, x, outward), outward)


def _image(value: Callable[[float], float], x: End, outward: int) -> float:
    """The value of an increasing function at an end, rounded outward by more than functions of floats err."""
    near = _called(float, x)
    if near > x if outward < 0 else near < x:
        near = math.nextafter(near, outward * inf)
    found = _called(value, near)
    if near in (-inf, 0, 1, inf) and found in (-inf, -1, 0, 0.5, 1, inf):  # exact
        return found
    return math.nextafter(found * (1 + math.copysign(1e-12, found * outward)), outward * inf)


def _called(value: Callable[[Any], float], x: End) -> float:
    """A function of a number, infinite where it is too large for a float."""
    try:
        return value(x)
    except OverflowError:
        return inf if x > 0 else -inf


ANY = Range(-inf, inf)
POSITIVE = Range(0, inf, lo_open=True)
NONNEGATIVE = Range(0, inf)
ZERO = Range(0, 0)


def _sum(a: End, b: End) -> End:
    return a if abs(a) == inf else b if abs(b) == inf else a + b


def _product(a: End, b: End) -> End:
    if a == 0 or b == 0:
        return 0
    return a * b if abs(a) != inf != abs(b) else inf if (a > 0) == (b > 0) else -inf


def _is_open_product(a: End, a_open: bool, b: End, b_open: bool) -> bool:
    """Whether the product of two ends is not taken; an end 0 that is taken settles it."""
    if a == 0 and not a_open or b == 0 and not b_open:
        return False
    return a_open or b_open


def _monotone(value: Callable[[float], float], a: Range) -> Range:
    return Range(_image(value, a.lo, -1), _image(value, a.hi, 1), a.lo_open, a.hi_open)


def _log(x: float) -> float:
    return math.log(x) if x > 0 else -inf


def _softplus(x: float) -> float:
    return x if x > 40 else math.log1p(math.exp(x))


def _sigmoid(x: float) -> float:
    return math.exp(x) / (1 + math.exp(x)) if x < 0 else 1 / (1 + math.exp(-x))


def _open_image(lo: float, hi: float, value: Callable[[float], float]) -> Callable[[Range], Range]:
    """An increasing function that takes all values between lo and hi, ends excepted."""
    return lambda a: _monotone(value, a).within(Range(lo, hi, True, True))


def magnitude(a: Range) -> Range:
    if a.is_nonnegative:
        return a
    if a.is_nonpositive:
        return -a
    return Range(0, max(-a.lo, a.hi), False, a.lo_open and a.hi_open)


# The range of each scalar function over a range of its argument.
FUNCTION_RANGES: Mapping[str, Callable[[Range], Range]] = {
    "exp": lambda a: _monotone(math.exp, a).within(POSITIVE),
    "log": lambda a: _monotone(_log, a.within(POSITIVE)) if a.hi > 0 else ANY,
    "softplus": lambda a: _monotone(_softplus, a).within(POSITIVE),
    "relu": lambda a: Range(max(a.lo, 0), max(a.hi, 0), a.lo_open and a.lo > 0, a.hi_open and a.hi > 0),
    "abs": magnitude,
    "sigmoid": _open_image(0, 1, _sigmoid),
    "tanh": _open_image(-1, 1, math.tanh),
    "arctan": _open_image(-RIGHT, RIGHT, math.atan),
    "erf": lambda a: Range(-(a.lo < 0), int(a.hi > 0), a.lo != 0 or a.lo_open, a.hi != 0 or a.hi_open),
    "cosh": lambda a: _monotone(math.cosh, magnitude(a)),
    "sinh": lambda a: Range(
        0 if a.is_nonnegative else -inf, 0 if a.is_nonpositive else inf, a.is_positive, a.is_negative
    ),
    "sin": lambda a: Range(-1, 1),
    "cos": lambda a: Range(-1, 1),
    "sign": lambda a: Range(-1, 1),
    "step": lambda a: Range(0, 1),
    "arcsin": lambda a: Range(0 if a.is_nonnegative else -RIGHT, RIGHT),
    "arccos": lambda a: Range(0, 2 * RIGHT),
}  # fmt: skip


def powers(base: Range, exponent: Range) -> Range:
    """The range of b^t."""
    k = exponent.lo
    if k != exponent.hi or not isinstance(k, Fraction):
        return POSITIVE if base.is_positive else ANY
    if k == 0:
        return Range(1, 1)
    if k.denominator != 1:
        base = base.within(NONNEGATIVE if k > 0 else POSITIVE)
    elif k % 2 == 0:
        base = magnitude(base)
    if k < 0:
        if not base.is_nonzero:
            return POSITIVE if k % 2 == 0 or k.denominator != 1 else ANY
        lo, hi = (0 if abs(x) == inf else inf if x == 0 else 1 / x for x in (base.hi, base.lo))
        inverse = Range(lo, hi, base.hi_open, base.lo_open)
        if base.hi == 0:
            inverse.lo, inverse.lo_open = -inf, True
        base, k = inverse, -k
    if k.denominator == 1 and k * max(_size(base.lo), _size(base.hi)) <= MAX_SIZE:
        return Range(base.lo ** int(k), base.hi ** int(k), base.lo_open, base.hi_open)
    rounded = max(_called(float, k), math.ulp(0))
    return _monotone(lambda x: math.copysign(abs(x) ** rounded, x), base)


def summed(product: Range) -> Range:
    """Sums of some number of entries, at least one, of which only the sign is kept."""
    for known in (product, -product):
        if known.is_nonnegative:
            held = POSITIVE if known.is_positive else NONNEGATIVE
            return held if known is product else -held
    return ANY
