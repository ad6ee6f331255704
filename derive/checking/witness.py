"""Whether two values are the same: at points of several sizes, then by normal form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import DeriveError
from ..expr import Expr, dimension_names, nodes, symbols_of

TOLERANCE = 1e-7
ROUNDING = 1e-12  # what is smaller may be rounding
SINGULAR = 1e10  # the condition from which on an inverse is rounding
SEEDS = (11, 23, 37)


class Witness:
    """Compares expressions at points that all names of a document share."""

    def __init__(self, symbols: Sequence[Expr], domain: Sequence[Expr]) -> None:
        self.symbols = list(symbols)
        self.domain = list(domain)
        self.points: dict[int, Any] = {}
        self.values: dict[tuple[int, Expr], Any] = {}
        self.proofs: dict[tuple[Expr, Expr], str] = {}
        self.assumptions: list[Expr] = []  # vectors whose entries, and matrices whose rows, sum to 1
        self.units: list[Expr] = []  # vectors of length 1
        self.one_hot: list[Expr] = []  # vectors, and matrices by their rows
        self.binary: list[Expr] = []  # of zeros and ones
        self.at_kinks = True  # points at which a step or an absolute value is at its kink count

    def point(self, seed: int) -> Any:
        from ..numeric import random_point

        if seed not in self.points:
            try:
                self.points[seed] = random_point([*self.domain, *self.symbols], seed)
            except DeriveError:
                self.points[seed] = random_point(self.symbols, seed)
            self.impose(self.points[seed])
        return self.points[seed]

    def assume(self, left: Any, right: Any) -> None:
        """Take in what the author says of the data: the entries of a vector sum to 1."""
        if not isinstance(left, Expr) or not isinstance(right, Expr):
            return
        if left.op.name == "number":
            left, right = right, left
        if right.op.name != "number" or right.data[0] != 1:
            return
        vector, kept = None, self.assumptions
        if left.op.name == "sum":
            vector = left.args[0]
        elif left.op.name in ("sq_norm", "norm", "inner", "matmul") and len(set(symbols_of(left))) == 1:
            is_ones = any(a.op.name == "ones" for a in left.args)
            vector = symbols_of(left)[0]
            kept = self.assumptions if is_ones else self.units
            if not is_ones and {a.op.name for a in left.args} - {"symbol", "transpose"}:
                vector = None
        if vector is not None and vector.op.name == "symbol" and vector.is_vector and vector not in kept:
            kept.append(vector)
            for point in self.points.values():
                self.impose(point)
            self.values.clear()

    def impose(self, point: Any) -> None:
        for said in self.assumptions:
            turned = said.op.name == "transpose"
            symbol = said.args[0] if turned else said
            if symbol in point.values:
                held = abs(point.values[symbol]) + 0.1
                axis = None if symbol.is_vector else 0 if turned else 1
                point.values[symbol] = held / held.sum(axis=axis, keepdims=True)
        for vector in self.one_hot:
            if vector in point.values:
                held = abs(point.values[vector])
                point.values[vector] = (held == held.max(axis=0 if vector.is_vector else 1, keepdims=True)) * 1.0
        for mask in self.binary:
            if mask in point.values:
                point.values[mask] = (point.values[mask] > 0) * 1.0
        for vector in self.units:
            if vector in point.values:
                point.values[vector] = point.values[vector] / max(float((point.values[vector] ** 2).sum()) ** 0.5, 1e-9)

    def value(self, expr: Expr, seed: int) -> Any:
        """The value at a shared point; None where it is not defined there."""
        import numpy as np

        from ..numeric import lies_inside

        key = (seed, expr)
        if key not in self.values:
            if len(self.values) > 20_000:
                self.values.clear()
            point = self.point(seed)
            if any(s not in point.values for s in symbols_of(expr)) or any(
                d not in point.sizes for d in dimension_names(expr)
            ):
                self.extend(seed, expr)
            try:
                with np.errstate(all="ignore"):
                    found = point.evaluate(expr) if lies_inside(expr, point.sizes) else None
            except (DeriveError, ArithmeticError, np.linalg.LinAlgError):
                found = None
            if found is not None and not (np.all(np.isfinite(found)) and self.is_regular(expr, seed)):
                found = None
            self.values[key] = found
        return self.values[key]

    def is_regular(self, expr: Expr, seed: int) -> bool:
        """Whether what is inverted has an inverse at a shared point: no XᵀX has where X is wide."""
        import numpy as np

        inside = (self.value(node.args[0], seed) for node in nodes(expr) if node.op.name == "inv")
        return all(value is not None and np.linalg.cond(value) < SINGULAR for value in inside)

    def extend(self, seed: int, expr: Expr) -> None:
        """Give values to symbols that the point does not know yet."""
        from ..numeric import random_point

        point = self.point(seed)
        missing = [s for s in symbols_of(expr) if s not in point.values]
        more = random_point([*missing, expr], seed, sizes=point.sizes)
        for s in missing:
            point.values[s] = more.values[s]
        for name, size in more.sizes.items():
            point.sizes.setdefault(name, size)

    def same(self, a: Expr, b: Expr) -> bool:
        """Whether two expressions of one shape are the same: points do not tell them apart, nor do exact means."""
        return a is b or a.shape == b.shape and self.agree(a, b) and self.proof(a, b) != "differs"

    def agree(self, a: Expr, b: Expr) -> bool:
        """Whether two expressions of one shape agree at the shared points."""
        import numpy as np

        for seed in SEEDS if self.assumptions or self.units or self.one_hot or self.binary else ():
            self.point(seed)
        seen = 0
        for seed in SEEDS:
            left, right = self.value(a, seed), self.value(b, seed)
            if left is None or right is None:
                continue
            if not close(left, right):
                if max(float(np.abs(left).max(initial=0.0)), float(np.abs(right).max(initial=0.0))) > ROUNDING:
                    return False
                continue  # a zero beside the rounding of one: decided by exact means
            if (
                self.units
                and max(float(np.abs(left).max(initial=0.0)), float(np.abs(right).max(initial=0.0))) < ROUNDING
            ):
                continue  # 1 − uᵀu and uᵀu − 1 are both zero where u has length 1
            seen += 1
        return seen > 0 or self.apart(a, b)

    def same_on(
        self, a: Expr, b: Expr, sums_to_one: Expr | None = None, one_hot: Expr | None = None, binary: Expr | None = None
    ) -> bool:
        """Whether two expressions agree where a vector is a distribution or one-hot, or of zeros and ones."""
        trial = Witness(self.symbols, self.domain)
        trial.assumptions, trial.units = [*self.assumptions, *([sums_to_one] if sums_to_one else [])], list(self.units)
        trial.one_hot, trial.binary = [one_hot] if one_hot else [], [binary] if binary else []
        return a.shape == b.shape and trial.agree(a, b)  # only the points can tell

    def apart(self, a: Expr, b: Expr) -> bool:
        """Compare at points drawn for these two alone."""
        from ..algebra.equality import equal

        try:
            return str(equal(a, b, self.at_kinks)) != "differs"
        except DeriveError:
            return False

    def proof(self, a: Expr, b: Expr) -> str:
        """`proved` or `agrees`, for expressions that agree at the shared points; `differs` if they do not after all.

        Under conditions on letters only the points can tell.
        """
        if a is b:
            return "proved"
        key = (a, b)
        if key not in self.proofs:
            from ..algebra.equality import equal

            try:
                said = str(equal(a, b, self.at_kinks))
                is_restricted = bool(self.assumptions or self.units or self.one_hot or self.binary)
                self.proofs[key] = "agrees" if said == "differs" and is_restricted else said
            except (DeriveError, ArithmeticError):
                self.proofs[key] = "agrees"
        return self.proofs[key]

    def ratio(self, a: Expr, b: Expr) -> float | None:
        """The constant c with a = c b, if there is one."""
        import numpy as np

        if a.shape != b.shape:
            return None
        found: float | None = None
        seen = 0
        for seed in SEEDS:
            left, right = self.value(a, seed), self.value(b, seed)
            if left is None or right is None:
                continue
            seen += left.size
            i = np.unravel_index(np.argmax(np.abs(right)), right.shape)
            if abs(right[i]) < 1e-12:
                return None
            c = float(np.real(left[i] / right[i]))
            if abs(c) < 1e-9 or not close(left, c * right):
                return None
            if found is not None and abs(found - c) > 1e-7 * (1 + abs(c)):
                return None
            found = c
        return found if seen > 1 else None  # of two numbers at one point there always is one

    def direction(self, step: Expr, slope: Expr, seed: int) -> int:
        """1 where a step goes along a slope at a shared point, −1 where it goes against it, else 0."""
        import numpy as np

        one, two = self.value(step, seed), self.value(slope, seed)
        if one is None or two is None or not np.any(two) or not np.any(one):
            return 0
        share = float((one * two).sum() / (two * two).sum())
        return (share > 0) - (share < 0) if close(one, share * two) else 0

    def evidence(self, a: Expr, b: Expr) -> str | None:
        """A small point at which the two differ, and both values there."""
        import numpy as np

        point = self.point(SEEDS[0])
        left, right = self.value(a, SEEDS[0]), self.value(b, SEEDS[0])
        if left is None or right is None:
            return None
        parts: list[str] = []
        for s in symbols_of(a, b):
            value = point.values.get(s)
            if value is not None and value.size <= 6 and len(parts) < 4:
                parts.append(f"{s.text()} = {_shown(value)}")
        sizes = ", ".join(f"{n} = {point.sizes[n]}" for n in dimension_names(a, b) if n in point.sizes)
        where = "; ".join(parts) if parts else f"a random point with {sizes}" if sizes else "a random point"
        if parts and sizes:
            where += f" ({sizes})"
        if left.shape == right.shape and left.size > 6:
            i = np.unravel_index(np.argmax(np.abs(left - right)), left.shape)
            place = f"entry ({i[0] + 1}, {i[1] + 1})"
            return f"at {where}: {place} is {_number(left[i])} here and should be {_number(right[i])}"
        return f"at {where}: the line gives {_shown(left)}, right is {_shown(right)}"


def close(left: Any, right: Any, tolerance: float = TOLERANCE) -> bool:
    """Whether two arrays are the same up to rounding."""
    import numpy as np

    if left.shape != right.shape:
        return False
    scale = max(float(np.abs(left).max(initial=0.0)), float(np.abs(right).max(initial=0.0)))
    return bool(np.abs(left - right).max(initial=0.0) <= tolerance * max(scale, 1e-9))


def _number(value: Any) -> str:
    import numpy as np

    return f"{float(np.real(value)) + 0.0:.3g}"


def _shown(value: Any) -> str:
    if value.shape == (1, 1):
        return _number(value[0, 0])
    if value.shape[1] == 1:
        return "(" + ", ".join(_number(v) for v in value[:, 0]) + ")"
    return "[" + "; ".join(" ".join(_number(v) for v in row) for row in value) + "]"
