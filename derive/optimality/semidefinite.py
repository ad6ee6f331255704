"""When a quadratic form in the differentials cannot be negative: the second differential as a sum of squares.

The second differential d²f = ⟨dX, H[dX]⟩, multiplied out, is a sum of terms of degree 2 in
the differentials.  It is nonnegative where it is a sum of

    squares           c s l², tr(Lᵀ W L P), Σ w ⊙ l²    with c, s, w ≥ 0 and W, P ⪰ 0,
    forms in them     Σ c_ij ⟨Lᵢ, Lⱼ⟩ with a positive semidefinite matrix (c_ij) of rationals
                      (completed squares, Schur complements),
    and what the Cauchy–Schwarz inequality leaves,  (uᵀ W v)² ≤ (uᵀ W u)(vᵀ W v)

where L, l are linear in the differentials [MN 11.6, HJ 7.1, 7.5, 7.7].

[MN]  Magnus & Neudecker, Matrix Differential Calculus, 3rd ed., 2019 (section).
[HJ]  Horn & Johnson, Matrix Analysis, 2nd ed., 2013 (section).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from ..algebra.atoms import sum_bases
from ..algebra.normal import Normalizer
from ..algebra.polynomial import Mono, Poly
from ..errors import DeriveError
from ..expr import Expr, identity, is_number, number, ones, symbol, symbols_of
from ..facts import are_turned, flattened, is_nonnegative, weighted
from ..jacobians import differential
from ..operations import diagonal_matrix, hadamard, inner, matmul, mul, power, sum_entries, trace, transpose
from .polynomials import sign_of
from .remarks import Part

STRUCTURE = frozenset({"symmetric", "diagonal", "skew", "lower", "upper", "triangular"})
MAX_TERMS = 60


def second_differential(expr: Expr, variables: Sequence[Expr]) -> tuple[Expr, dict[Expr, Expr]]:
    """d²f, and the differential of each variable, which has its structure."""
    moved = {v: symbol("d" + v.name, *v.shape, properties=v.properties & STRUCTURE) for v in variables}
    once, _ = differential(expr, moved)
    return differential(once, moved)[0], moved


Reason = tuple[Part, ...]


class Square:
    """A term c · s · ⟨L, L⟩ of the form: a linear map L of the differentials under a weight.

    Attributes
    ----------
    kind : str
        "scalar", L²; "matrix", tr(Lᵀ W L P); "entries", Σ L ⊙ L.
    scalars : the powers that multiply it
    linear : L
    left, right : the weights W and P, None for the identity
    """

    __slots__ = ("kind", "coefficient", "scalars", "linear", "left", "right", "reason")

    def __init__(
        self,
        kind: str,
        coefficient: Fraction,
        scalars: Mapping[Expr, Fraction],
        linear: Expr,
        left: Expr | None = None,
        right: Expr | None = None,
        reason: Reason = (),
    ) -> None:
        self.kind, self.coefficient, self.scalars = kind, coefficient, dict(scalars)
        self.linear, self.left, self.right, self.reason = linear, left, right, reason

    def fits(self, other: Square) -> bool:
        return (
            self.kind == other.kind
            and self.left is other.left
            and self.right is other.right
            and self.linear.shape == other.linear.shape
        )

    def product(self, other: Square) -> Expr:
        """⟨L, L′⟩ under the weights, with the square roots of both multipliers."""
        powers = sum_bases(self.scalars, other.scalars)
        return mul(_product({base: e / 2 for base, e in powers.items()}), self.paired(other.linear))

    def paired(self, other: Expr) -> Expr:
        if self.kind == "scalar":
            return mul(self.linear, other)
        if self.kind == "entries":
            return sum_entries(hadamard(self.linear, other))
        parts = [transpose(self.linear), self.left, other, self.right]
        return trace(matmul(*(p for p in parts if p is not None)))


class Form:
    """The second differential multiplied out, and what makes it semidefinite."""

    def __init__(self, expr: Expr, moves: Iterable[Expr]) -> None:
        self.ctx = Normalizer()
        self.moves = frozenset(moves)
        self.poly: Poly = self.ctx.full(expr)
        self.squares: list[Square] = []
        self.reasons: list[Reason] = []

    def is_semidefinite(self, sign: int = 1) -> bool:
        """Whether sign · d²f ≥ 0 is seen."""
        left = {mono: c * sign for mono, c in self.poly.terms.items()}
        if len(left) > MAX_TERMS:
            return False
        self.squares, self.reasons = [], []
        found = {mono: square for mono, c in left.items() if (square := self.square(mono, c)) is not None}
        basis = [square for mono, square in found.items() if left[mono] > 0]
        left = {mono: c for mono, c in left.items() if c < 0 or mono not in found}
        if not left:
            self.squares = basis
            for square in basis:
                self.reasons += [square.reason] if square.reason and square.reason not in self.reasons else []
            return bool(basis)
        return (
            self._as_gram(basis, dict(left))
            or self._as_gram([self.vectorized(s) for s in basis], dict(left))
            or self._by_cauchy_schwarz(basis, dict(left), found)
        )

    def vectorized(self, square: Square) -> Square:
        """s l² with s = uᵀ W u as ‖u l‖² under W."""
        if square.kind != "scalar":
            return square
        for base, e in square.scalars.items():
            if e != 1 or base.op is not matmul:
                continue
            found = weighted(base.args)
            if found is not None:
                rest = {b: k for b, k in square.scalars.items() if b is not base}
                linear = square.linear * matmul(*found[0])
                return Square("matrix", square.coefficient, rest, linear, found[1], None, square.reason)
        return square

    # One term

    def square(self, mono: Mono, c: Fraction) -> Square | None:
        """A term as a square with a multiplier that is not negative."""
        moving = [(base, e) for base, e in mono[0] if self.is_moving(base)]
        scalars = {base: e for base, e in mono[0] if not self.is_moving(base)}
        if len(moving) != 1 or not self.is_nonnegative(scalars):
            return None
        base, e = moving[0]
        if e == 2:
            return Square("scalar", abs(c), scalars, base, reason=("its terms are squares with nonnegative factors",))
        return self.quadratic(base, abs(c), scalars) if e == 1 else None

    def is_moving(self, node: Expr) -> bool:
        return not self.moves.isdisjoint(symbols_of(node))

    def is_nonnegative(self, scalars: Mapping[Expr, Fraction]) -> bool:
        for base, e in scalars.items():
            if e.denominator == 1 and e % 2 == 0:
                continue
            if e.denominator == 1 and not is_nonnegative(base):
                return False
        return True

    def quadratic(self, atom: Expr, c: Fraction, scalars: Mapping[Expr, Fraction]) -> Square | None:
        """A scalar atom of degree 2: xᵀ M x, tr(D W D P), Σ w ⊙ l²."""
        if atom.op.name in ("matmul", "trace"):
            chain = flattened(atom.args if atom.op is matmul else atom.args[0].args)
            return self.chain(chain, c, scalars) or self.transferred(chain, c, scalars)
        if atom.op.name == "sum" and atom.args[0].op in (hadamard, power):
            return self.entries(atom.args[0], c, scalars)
        return None

    def transferred(self, chain: Sequence[Expr], c: Fraction, scalars: Mapping[Expr, Fraction]) -> Square | None:
        """(w ⊙ l)ᵀ v, a product of entries written as one of vectors."""
        if len(chain) == 2 and chain[0].op is transpose and chain[1].shape == chain[0].args[0].shape:
            return self.entries(hadamard(chain[0].args[0], chain[1]), c, scalars)
        return None

    def chain(self, chain: Sequence[Expr], c: Fraction, scalars: Mapping[Expr, Fraction]) -> Square | None:
        """tr(Lᵀ W L P) of a cyclic product with two factors that move."""
        at = [i for i, factor in enumerate(chain) if self.is_moving(factor)]
        if len(at) != 2:
            return None
        for i, j in (at, at[::-1]):
            turned = [*chain[i:], *chain[:i]]
            k = (j - i) % len(chain)
            first, between, second, after = turned[0], turned[1:k], turned[k], turned[k + 1 :]
            if not are_turned(first, second):
                continue
            W, P = weighted(between), weighted(after)
            if W is None or P is None:
                continue
            (outer, core), (P_outer, P_core) = W, P
            linear = matmul(*outer, second, *(_flipped(P_outer)))
            return Square("matrix", c, scalars, linear, core, P_core, self._said(between, after))
        return None

    def _said(self, *weights: Sequence[Expr]) -> Reason:
        shown = dict.fromkeys(matmul(*w) for w in weights if w)
        parts: list[Part] = []
        for M in shown:
            by_schur = M.op in (hadamard, power)
            parts += [", " if parts else "", [M, "⪰", number(0)]]
            parts += [", a Hadamard product of positive semidefinite matrices (Schur)" if by_schur else ""]
        return tuple(parts) or ("it is a squared norm",)

    def entries(self, product: Expr, c: Fraction, scalars: Mapping[Expr, Fraction]) -> Square | None:
        """Σ w ⊙ l², with the root of the weight taken into l."""
        factors = product.args if product.op is hadamard else (product,)
        roots, moving = [], 0
        for factor in factors:
            base, e = (factor.args[0], factor.args[1]) if factor.op is power else (factor, number(1))
            if not is_number(e):
                return None
            k: Fraction = e.data[0]
            if self.is_moving(base):
                if k != 2 or moving:
                    return None
                moving += 1
                roots.append(base)
                continue
            is_even = k.denominator == 1 and k % 2 == 0
            if not is_even and k.denominator == 1 and not is_nonnegative(base):
                return None
            roots.append(power(base, number(k / 2)))
        if not moving:
            return None
        return Square(
            "entries", c, scalars, hadamard(*roots), reason=("it is a sum of squares with nonnegative weights",)
        )

    # Several terms

    def _as_gram(self, basis: list[Square], left: dict[Mono, Fraction]) -> bool:
        """Whether the other terms are products of the squares that a semidefinite matrix holds together."""
        n = len(basis)
        gram = [[Fraction(0)] * n for _ in range(n)]
        for i in range(n):
            gram[i][i] = basis[i].coefficient
        for i in range(n):
            self._take_turned(basis[i], gram[i], i, left)
            for j in range(i):
                if not basis[i].fits(basis[j]):
                    continue
                try:
                    product = self.ctx.full(basis[i].product(basis[j])).single()
                except DeriveError:
                    continue
                if product is None or product[1] not in left:
                    continue
                c = left.pop(product[1]) / product[0] / 2
                gram[i][j] += c
                gram[j][i] += c
        if left or not semidefinite(gram):
            return False
        self.squares = basis
        self.reasons = [("squares can be completed: a Schur complement",)]
        return True

    def _take_turned(self, square: Square, row: list[Fraction], i: int, left: dict[Mono, Fraction]) -> None:
        """Take ⟨L, Lᵀ⟩ out of ‖L‖², which bounds it."""
        L = square.linear
        if square.kind != "matrix" or square.left is not None or square.right is not None or not L.is_square:
            return
        turned = self.ctx.full(mul(_product(square.scalars), trace(matmul(L, L)))).single()
        if turned is not None and turned[1] in left:
            row[i] -= abs(left.pop(turned[1]) / turned[0])

    def _by_cauchy_schwarz(self, basis: list[Square], left: dict[Mono, Fraction], found: Mapping[Mono, Square]) -> bool:
        """Whether each negative square is outweighed: c s (uᵀ d)² ≤ c′ s′ dᵀ W d where c s uᵀ W⁻¹ u ≤ c′ s′."""
        room = {id(s): number(s.coefficient) * _product(s.scalars) for s in basis}
        for mono, c in left.items():
            negative = found.get(mono)
            if negative is None or negative.kind != "scalar" or c > 0:
                return False
            for positive in basis:
                cost = self._outweighed(negative, positive)
                if cost is None:
                    continue
                rest = room[id(positive)] - number(negative.coefficient) * _product(negative.scalars) * cost
                if sign_of(rest, {}) in (0, 1):
                    room[id(positive)] = rest
                    break
            else:
                return False
        self.squares = basis
        self.reasons = [("the Cauchy–Schwarz inequality bounds what is subtracted",)]
        return True

    def _outweighed(self, negative: Square, positive: Square) -> Expr | None:
        """uᵀ W⁻¹ u where the negative square is (uᵀ L)² and the positive one Lᵀ W L."""
        l = negative.linear
        if positive.kind == "matrix" and positive.right is None and positive.linear.is_vector:
            u = _row_before(l, positive.linear)
            if u is None:
                return None
            W = positive.left
            if W is None:
                return matmul(transpose(u), u)
            if W.op is diagonal_matrix:
                return sum_entries(hadamard(u, u, power(W.args[0], number(-1))))
            split = flattened([u])
            if split[0] is W:
                rest = matmul(*split[1:]) if len(split) > 1 else identity(W.shape[0])
                return matmul(transpose(rest), W, rest)
            return None
        if positive.kind == "matrix" and positive.left is None and positive.right is None:
            if l.op is inner and positive.linear in l.args:
                other = l.args[1] if l.args[0] is positive.linear else l.args[0]
                return matmul(transpose(other), other) if other.is_vector else None
        if positive.kind == "entries":
            factors = positive.linear.args if positive.linear.op is hadamard else (positive.linear,)
            moving = [f for f in factors if self.is_moving(f)]
            if len(moving) != 1:
                return None
            u = _row_before(l, moving[0])
            fixed = [f for f in factors if f is not moving[0]]
            if u is None:
                return None
            weights = [power(f, number(-2)) for f in fixed]
            return sum_entries(hadamard(u, u, *weights))
        return None


def _flipped(chain: Sequence[Expr]) -> tuple[Expr, ...]:
    return tuple(transpose(factor) for factor in reversed(chain))


def _product(scalars: Mapping[Expr, Fraction]) -> Expr:
    return mul(*(power(base, number(e)) for base, e in scalars.items()))


def _row_before(linear: Expr, vector: Expr) -> Expr | None:
    """u of a scalar uᵀ v, for a vector v of factors."""
    if linear.op.name == "sum" and linear.args[0] is vector:
        return ones(*vector.shape)
    if linear.op.name == "sum" and linear.args[0].op is hadamard and vector in linear.args[0].args:
        return hadamard(*(f for f in linear.args[0].args if f is not vector))
    if linear.op is not matmul:
        return None
    tail = tuple(flattened([vector]))
    for chain in (tuple(flattened(linear.args)), _flipped(flattened(linear.args))):
        if chain[len(chain) - len(tail) :] == tail and len(chain) > len(tail):
            return transpose(matmul(*chain[: len(chain) - len(tail)]))
    return None


def semidefinite(gram: Sequence[Sequence[Fraction]]) -> bool:
    """Whether a symmetric matrix of rationals is positive semidefinite, by elimination."""
    rows = [list(row) for row in gram]
    n = len(rows)
    for k in range(n):
        if rows[k][k] < 0:
            return False
        if not rows[k][k]:
            if any(rows[k][k:]):
                return False
            continue
        for i in range(k + 1, n):
            ratio = rows[i][k] / rows[k][k]
            rows[i] = [a - ratio * b for a, b in zip(rows[i], rows[k], strict=True)]
    return True
