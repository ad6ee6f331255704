"""Dimensions and shapes.

A dimension is an integer polynomial of names in normal form: `n`, `3`, `m + 1`,
`2 n`.  Two dimensions are equal if their normal forms are; nothing else is taken
for equal.  A shape is a pair (rows, columns); a vector is n × 1, a scalar 1 × 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar, Union

from .errors import ParseError

Monomial = tuple[tuple[str, int], ...]  # ((name, power), ...) sorted by name
DimLike = Union["Dim", int, str]


class Dim:
    """An integer polynomial of dimension names; immutable and interned.

    Examples
    --------
    >>> n = Dim.of("n")
    >>> print(n + 1, 2 * n, n + 1 == 1 + n)
    n + 1 2 n True
    """

    __slots__ = ("terms", "_hash", "__weakref__")
    terms: tuple[tuple[Monomial, int], ...]
    _hash: int
    _table: ClassVar[dict[tuple[tuple[Monomial, int], ...], Dim]] = {}

    def __new__(cls, terms: Iterable[tuple[Monomial, int]]) -> Dim:
        key = tuple(sorted(((m, c) for m, c in terms if c), key=_degree_first))
        known = cls._table.get(key)
        if known is None:
            for monomial, _ in key:
                for name, _ in monomial:
                    require_name(name)
            known = object.__new__(cls)
            known.terms = key
            known._hash = hash(key)
            known = cls._table.setdefault(key, known)
        return known

    @classmethod
    def of(cls, value: DimLike) -> Dim:
        """The dimension that a number or a name stands for."""
        if isinstance(value, Dim):
            return value
        if isinstance(value, int):
            return cls([((), value)])
        return cls([(((value, 1),), 1)])

    @property
    def value(self) -> int | None:
        """The number, if it is one."""
        if not self.terms:
            return 0
        if len(self.terms) == 1 and not self.terms[0][0]:
            return self.terms[0][1]
        return None

    @property
    def names(self) -> frozenset[str]:
        return frozenset(name for monomial, _ in self.terms for name, _ in monomial)

    def evaluate(self, sizes: Mapping[str, int]) -> int:
        """The number for given sizes of the names; KeyError names the one missing."""
        total = 0
        for monomial, coefficient in self.terms:
            for name, power in monomial:
                coefficient *= int(sizes[name] ** power)
            total += coefficient
        return total

    def substitute(self, values: Mapping[str, Dim]) -> Dim:
        total = Dim.of(0)
        for monomial, coefficient in self.terms:
            product = Dim.of(coefficient)
            for name, power in monomial:
                for _ in range(power):
                    product = product * values.get(name, Dim.of(name))
            total = total + product
        return total

    def __add__(self, other: DimLike) -> Dim:
        sums = dict(self.terms)
        for monomial, coefficient in Dim.of(other).terms:
            sums[monomial] = sums.get(monomial, 0) + coefficient
        return Dim(sums.items())

    __radd__ = __add__

    def __neg__(self) -> Dim:
        return Dim((m, -c) for m, c in self.terms)

    def __sub__(self, other: DimLike) -> Dim:
        return self + -Dim.of(other)

    def __rsub__(self, other: DimLike) -> Dim:
        return Dim.of(other) - self

    def __mul__(self, other: DimLike) -> Dim:
        products: dict[Monomial, int] = {}
        for left, a in self.terms:
            for right, b in Dim.of(other).terms:
                powers = dict(left)
                for name, power in right:
                    powers[name] = powers.get(name, 0) + power
                key = tuple(sorted(powers.items()))
                products[key] = products.get(key, 0) + a * b
        return Dim(products.items())

    __rmul__ = __mul__

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if isinstance(other, (int, str)):
            return self is Dim.of(other)
        return False

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[type[Dim], tuple[tuple[tuple[Monomial, int], ...]]]:
        return Dim, (self.terms,)

    def __str__(self) -> str:
        if not self.terms:
            return "0"
        text = ""
        for monomial, coefficient in self.terms:
            factors = [name if power == 1 else f"{name}^{power}" for name, power in monomial]
            if abs(coefficient) != 1 or not factors:
                factors.insert(0, str(abs(coefficient)))
            sign = ("−" if coefficient < 0 else "") if not text else (" − " if coefficient < 0 else " + ")
            text += sign + " ".join(factors)
        return text

    def __repr__(self) -> str:
        return f"Dim({self})"


_SCRIPTED = dict.fromkeys(map(ord, "+-|*^′"))


def require_name(name: object) -> None:
    """Refuse what is no name before it can reach a page or a program.

    A name begins with a letter and goes on with letters, digits, accents and `_`; a script
    may hold a sign (`x_+`, `h_t-1`, `k_*`), be conditional (`P_k+1|k`) or raised (`σ_^2`).
    Numbers are labels of the algebra.

    Raises
    ------
    ParseError
        It is anything else: a command of LaTeX, a quote, a tag, a space, an empty text.
    """
    if isinstance(name, int):
        return
    if not isinstance(name, str):
        raise ParseError(f"a name is text, not {type(name).__name__}")
    base, _, scripts = name.partition("_")
    plain = f"{base}_{scripts.translate(_SCRIPTED)}"  # signs and marks belong to scripts: in x|y they would be code
    styled = any("\U0001d400" <= c <= "\U0001d7ff" for c in name)  # Python reads 𝐱 as x
    if base[:1].isalpha() and plain.isidentifier() and not styled and len(name) <= 200:
        return
    shown = "".join(c if c.isprintable() else "�" for c in name[:40])
    raise ParseError(
        f"{shown!r} is not a name" if len(name) <= 200 else "a name of more than 200 characters",
        hint="a name begins with a letter and goes on with letters, digits and _, such as x_1",
    )


def _degree_first(term: tuple[Monomial, int]) -> tuple[int, Monomial]:
    return (-sum(power for _, power in term[0]), term[0])


ONE = Dim.of(1)
Shape = tuple[Dim, Dim]
SCALAR: Shape = (ONE, ONE)


def shape_text(shape: Shape) -> str:
    """A shape as messages and derivations show it: `m × n`, `n × 1`, `scalar`."""
    if shape == SCALAR:
        return "scalar"
    rows, columns = (f"({d})" if len(d.terms) > 1 else str(d) for d in shape)
    return f"{rows} × {columns}"
