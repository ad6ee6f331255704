"""What operations cost: counts of floating-point operations over symbolic sizes.

A product of p × q by q × r counts 2 p q r, an operation on each entry 1 per entry.  Costs
are polynomials in the dimensions; where two have to be compared, they are summed over a few
samples of sizes that respect the hints (`m < n`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from ..heights import RAISING
from ..shapes import Dim, Monomial

SIMPLE = {Fraction(1, 2): "½", Fraction(1, 3): "⅓", Fraction(2, 3): "⅔", Fraction(1, 4): "¼", Fraction(3, 4): "¾"}


class Cost:
    """A number of operations, as a polynomial in the dimensions with rational coefficients."""

    __slots__ = ("terms",)

    def __init__(self, terms: Mapping[Monomial, Fraction] | None = None) -> None:
        self.terms: dict[Monomial, Fraction] = {m: c for m, c in (terms or {}).items() if c}

    @classmethod
    def of(cls, factor: int | Fraction, *dims: Dim) -> Cost:
        """The factor times the product of the dimensions."""
        product = Dim.of(1)
        for dim in dims:
            product = product * dim
        return cls({monomial: Fraction(factor) * c for monomial, c in product.terms})

    def __add__(self, other: Cost) -> Cost:
        terms = dict(self.terms)
        for monomial, c in other.terms.items():
            terms[monomial] = terms.get(monomial, Fraction(0)) + c
        return Cost(terms)

    @property
    def expression(self) -> str:
        """The count as text: `10 m n + n`."""
        if not self.terms:
            return "0"
        parts = []
        for monomial, c in sorted(self.terms.items(), key=lambda item: (-sum(p for _, p in item[0]), item[0])):
            factors = [name if p == 1 else name + str(p).translate(RAISING) for name, p in monomial]
            if c != 1 or not factors:
                factors.insert(0, SIMPLE.get(c, str(c)))
            parts.append(" ".join(factors))
        return " + ".join(parts).replace("+ -", "− ")

    @property
    def value(self) -> int | None:
        """The number, where no dimension is left open."""
        if any(monomial for monomial in self.terms):
            return None
        return int(self.terms.get((), Fraction(0)))

    def evaluate(self, given: Mapping[str, int] | None = None, /, **named: int) -> int:
        """The number for given sizes."""
        sizes = {**(given or {}), **named}
        total = Fraction(0)
        for monomial, c in self.terms.items():
            for name, power in monomial:
                c = c * int(sizes[name]) ** power
            total += c
        return int(total)

    def __str__(self) -> str:
        return self.expression

    def __repr__(self) -> str:
        return f"<{self.expression} FLOPs>"


class SampleSizes:
    """Samples of sizes, over which costs are compared.

    Parameters
    ----------
    names : iterable of str
        The open dimensions.
    hints : sequence of (Dim, "<", Dim)
        What is known of their order.
    batch : collection of str
        Of the dimensions, the numbers of samples: rather less than the others.
    """

    def __init__(self, names: Iterable[str], hints: Sequence[Any] = (), batch: Collection[str] = ()) -> None:
        self.samples = samples(sorted(names), hints, batch)
        self.weights = []
        for sample in self.samples:
            mean = 1.0
            for size in sample.values():
                mean *= float(size) ** (1 / len(sample))
            self.weights.append(1 / mean**3)
        self.known: dict[Dim, tuple[float, ...]] = {}

    def measure(self, dim: Dim) -> tuple[float, ...]:
        """A dimension at every sample."""
        found = self.known.get(dim)
        if found is None:
            found = self.known[dim] = tuple(float(dim.evaluate(sample)) for sample in self.samples)
        return found

    def product(self, factor: float, p: Dim, q: Dim, r: Dim) -> float:
        """`factor · p q r`, summed over the samples."""
        triples = zip(self.weights, self.measure(p), self.measure(q), self.measure(r), strict=True)
        return factor * math.fsum(w * a * b * c for w, a, b, c in triples)  # the same in every Python

    def cost(self, cost: Cost) -> float:
        """A cost, summed over the samples."""
        pairs = zip(self.weights, self.samples, strict=True)
        return math.fsum(weight * cost.evaluate(sample) for weight, sample in pairs)


def samples(names: Sequence[str], hints: Sequence[Any], batch: Collection[str] = ()) -> list[dict[str, int]]:
    """All sizes alike, each in turn large and small, and a few at random; those that the hints allow."""
    if not names:
        return [{}]
    middle = {name: 128 if name in batch else 256 for name in names}
    found = [middle]
    for name in names[:8]:
        for size in (middle[name] // 8, middle[name] * 8):
            found.append({**middle, name: size})
    state = 12345
    trials = found[:]
    for _ in range(400 if hints else 0):
        trial = {}
        for name in names:
            state = (state * 1103515245 + 12345) % 2**31
            trial[name] = 2 ** (3 + (state >> 16) % 9)
        trials.append(trial)
    allowed = [trial for trial in trials if all(_respects(trial, hint) for hint in hints)]
    return allowed[:17] or found


def _respects(sizes: Mapping[str, int], hint: Any) -> bool:
    low, relation, high = hint
    if relation in (">", "≥", ">="):
        low, high = high, low
    try:
        return bool(Dim.of(low).evaluate(sizes) < Dim.of(high).evaluate(sizes))
    except KeyError:
        return True
