"""The sizes of all parts, by unification, and names for those that nobody named.

A size is a variable (an int, the index of a class), a `Dim`, or a sum or product of sizes that
is a `Dim` once its parts are.  Shapes that clash are left as they are: the operation that cannot
take them says so when the formula is built.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TypeAlias

from ..errors import LimitError
from ..shapes import ONE, Dim
from .limits import MAX_DIMENSION_TERMS

Size: TypeAlias = "int | Dim | tuple[str, Size, Size, int]"
SizeShape = tuple[Size, Size]
SCALAR_SIZE: SizeShape = (ONE, ONE)
FRESH = ("m", "n", "p", "q", "k", "r", "s", "l", "d", "h")


class Sizes:
    """Classes of equal sizes."""

    def __init__(self) -> None:
        self.parent: list[int] = []
        self.bound: list[Size | None] = []
        self.equations: list[tuple[Size, Size]] = []

    def fresh(self) -> int:
        self.parent.append(len(self.parent))
        self.bound.append(None)
        return len(self.parent) - 1

    def find(self, size: Size) -> Size:
        """The size itself if known, else the representative of its class."""
        while isinstance(size, int):
            root = size
            while self.parent[root] != root:
                root = self.parent[root]
            while self.parent[size] != root:
                self.parent[size], size = root, self.parent[size]
            held = self.bound[root]
            if held is None:
                return root
            size = held
        return size

    def unify(self, a: Size, b: Size) -> bool:
        """Make two sizes equal; False if they cannot be."""
        a, b = self.find(a), self.find(b)
        if a is b or (a == b and isinstance(a, int) == isinstance(b, int)):  # the variable 4 is not the number 4
            return True
        if isinstance(a, int) and isinstance(b, int):
            self.parent[max(a, b)] = min(a, b)
            return True
        if isinstance(b, int):
            a, b = b, a
        if isinstance(a, int):
            if b is ONE or self.occurs(a, b):
                return False
            self.bound[a] = b
            return True
        if isinstance(a, Dim) and isinstance(b, Dim):
            return False
        self.equations.append((a, b))
        return True

    def occurs(self, variable: int, size: Size) -> bool:
        return variable in self.unnamed(size)

    def times(self, a: Size, b: Size) -> Size:
        a, b = self.find(a), self.find(b)
        if isinstance(a, Dim) and isinstance(b, Dim):
            return a * b
        return b if a is ONE else a if b is ONE else self.composed("*", a, b)

    def plus(self, a: Size, b: Size) -> Size:
        a, b = self.find(a), self.find(b)
        return a + b if isinstance(a, Dim) and isinstance(b, Dim) else self.composed("+", a, b)

    def composed(self, sign: str, a: Size, b: Size) -> Size:
        weight = sum(part[3] if isinstance(part, tuple) else 1 for part in (a, b))
        if weight > MAX_DIMENSION_TERMS:
            raise LimitError(f"a size is made of more than {MAX_DIMENSION_TERMS} sizes", hint="declare the shapes")
        return (sign, a, b, weight)

    def parts(self, size: Size, signs: str = "*+") -> list[Size]:
        """What a size is made of by these signs, in order."""
        found, stack = [], [size]
        while stack:
            part = self.find(stack.pop())
            if isinstance(part, tuple) and part[0] in signs:
                stack += [part[2], part[1]]
            else:
                found.append(part)
        return found

    def settle(self) -> None:
        """Equations between products or sums: divide by what is known, or else match the parts in order."""
        for a, b in self.equations:
            if self.divide(self.parts(a, "*"), self.parts(b, "*")):
                continue
            for sign in ("*", "+"):
                left, right = self.parts(a, sign), self.parts(b, sign)
                if len(left) == len(right) > 1:
                    for p, q in zip(left, right, strict=True):
                        self.unify(p, q)
                    break

    def divide(self, left: list[Size], right: list[Size]) -> bool:
        """Solve p n = m n for the p of an I ⊗ B, where one factor of one side is open; whether it is solved."""
        known = [part for part in (*left, *right) if isinstance(part, Dim) and len(part.terms) == 1]
        unknown = [part for part in (*left, *right) if isinstance(part, int)]
        if len(unknown) != 1 or len(known) + 1 < len(left) + len(right):
            return False
        beside = left if any(isinstance(part, int) for part in left) else right
        powers: dict[str, int] = {}
        count = Fraction(1)
        for part in known:
            sign = -1 if part in beside else 1
            ((monomial, number),) = part.terms
            count *= Fraction(number) ** sign
            for name, power in monomial:
                powers[name] = powers.get(name, 0) + sign * power
        if count.denominator != 1 or min(powers.values(), default=0) < 0:
            return False
        return self.unify(unknown[0], Dim([(tuple(sorted((n, p) for n, p in powers.items() if p)), int(count))]))

    def dim(self, size: Size) -> Dim:
        """The size as a `Dim`; variables must be named."""
        size = self.find(size)
        if isinstance(size, Dim):
            return size
        if isinstance(size, int):
            name = Dim.of(f"d{size}")
            self.bound[size] = name
            return name
        # The depth is bounded by `composed`.
        a, b = self.dim(size[1]), self.dim(size[2])
        return a * b if size[0] == "*" else a + b

    def unnamed(self, size: Size) -> list[int]:
        return [part for part in self.parts(size) if isinstance(part, int)]

    def name(self, sizes: list[Size], taken: set[str]) -> None:
        """Name the classes in the order given: n if there is one, else m, n, p, ..."""
        classes: dict[int, None] = {}
        for size in sizes:
            for variable in self.unnamed(size):
                classes[variable] = None
        free = [name for name in FRESH if name not in taken]
        if len(classes) == 1 and "n" in free:
            free.remove("n")
            free.insert(0, "n")
        count = 1
        for i, variable in enumerate(classes):
            while i >= len(free):
                name, count = f"n{count}", count + 1
                if name not in taken:
                    free.append(name)
            self.bound[variable] = Dim.of(free[i])
