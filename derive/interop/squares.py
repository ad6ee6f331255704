"""Sums of squares read back: ±c rᵀr and c tr(rᵀr) as c ‖r‖².

SymPy distributes a transposition over a sum, orders the terms, and `expand` multiplies the
square out.  What comes from it is compared up to that: in `normal`, transposes stand at
the leaves and the terms of a sum in one order.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import isqrt, prod

from ..expr import Expr, fold, is_number, number, number_op
from ..operations import (
    add,
    block_op,
    hadamard,
    inv,
    kron,
    matmul,
    matpow,
    mul,
    power,
    scale,
    sq_norm,
    terms_of,
    trace,
    transpose,
)

MAX_FACTORS = 40  # of a product that is compared with its transpose
MAX_TERMS = 60  # of a sum in which squares are completed


def normal(expr: Expr) -> tuple[Expr, Expr]:
    """The formula and its transpose, transposes at the leaves and sums in one order."""

    def visit(node: Expr, args: list[tuple[Expr, Expr]]) -> tuple[Expr, Expr]:
        op = node.op
        straight, flipped = tuple(a for a, _ in args), tuple(t for _, t in args)
        if op is transpose:
            return args[0][1], args[0][0]
        if op is matmul:
            return matmul.build(straight), matmul.build(flipped[::-1])
        if op in (add, hadamard):
            return op.build(tuple(sorted(straight, key=id))), op.build(tuple(sorted(flipped, key=id)))
        if op in (scale, power):
            return op.build(straight), op.build((straight[0], flipped[1]) if op is scale else (flipped[0], straight[1]))
        if op in (inv, matpow, kron) or op.is_elementwise:
            return op.build(straight, node.data), op.build(flipped, node.data)
        if op is block_op:
            rows, columns = node.data
            turned = tuple(flipped[i * columns + j] for j in range(columns) for i in range(rows))
            return op.build(straight, node.data), op.build(turned, (columns, rows))
        made = op.build(straight, node.data)
        return made, transpose(made)

    return fold(expr, visit)


def factors_of(expr: Expr) -> tuple[Expr, ...]:
    """The factors of a matrix product; the formula itself if it is none."""
    return expr.args if expr.op is matmul else (expr,)


def square(factors: Sequence[Expr], is_cyclic: bool) -> Expr | None:
    """±‖r‖² where the product of the factors, or its trace, is ±rᵀr; None where it is not.

    With `is_cyclic` it is the trace that counts, and the factors may be rotated.
    """
    count = len(factors)
    if count % 2 or count > MAX_FACTORS or not count:
        return None
    pairs = [normal(f) for f in factors]
    half = count // 2
    for start in range(count if is_cyclic else 1):
        order = [(start + i) % count for i in range(count)]
        signs = [_sign(pairs[order[i]][1], pairs[order[count - 1 - i]][0]) for i in range(half)]
        if all(signs):
            left = matmul(*(factors[i] for i in order[:half]))
            right = matmul(*(factors[i] for i in order[half:]))
            chosen = left if _transposes(left) < _transposes(right) else right
            return prod(signs) * (power(chosen, 2) if chosen.is_scalar else sq_norm(chosen))
    return None


def _sign(one: Expr, other: Expr) -> int:
    """1 if they are equal, −1 if opposite, 0 if neither; both in normal form."""
    if one is other:
        return 1
    opposite = add.build(tuple(sorted((scale(-1, term) for term in terms_of(other)), key=id)))
    return -1 if one is opposite else 0


def _transposes(expr: Expr) -> int:
    """How many factors, or leading factors of summands, are transposed."""
    return sum(
        factor.op is transpose
        for term in terms_of(expr)
        for factor in factors_of(term.args[1] if term.op is scale else term)
    )


def coefficient(term: Expr) -> tuple[Fraction, tuple[Expr, ...], Expr]:
    """A scalar term as number, other scalars and the last factor, `‖r‖²` or a product."""
    if term.op is not mul:
        return Fraction(1), (), term
    rest = list(term.args)
    value = rest.pop(0).data[0] if rest[0].op is number_op else Fraction(1)
    core = [f for f in rest if f.op in (sq_norm, matmul, trace)]
    if len(core) != 1:
        return value, (), mul(*rest)
    rest.remove(core[0])
    return value, tuple(rest), core[0]


def complete_squares(total: Expr) -> Expr:
    """The sum of scalars with ‖a‖² ± 2 ⟨a, b⟩ + ‖b‖² read as ‖a ± b‖²; the same object if there is none."""
    terms = list(terms_of(total))
    if not 3 <= len(terms) <= MAX_TERMS:
        return total
    squares: list[tuple[int, Fraction, tuple[Expr, ...], Expr]] = []
    crosses: dict[tuple[Expr, ...], tuple[Fraction, list[int]]] = {}
    for place, term in enumerate(terms):
        value, others, core = coefficient(term)
        if core.op is sq_norm:
            # xᵀAᵀAx is ‖Ax‖², and may be a mixed term of ‖AᵀAx − x‖² all the same.
            squares.append((place, value, others, core.args[0]))
            product = matmul(transpose(core.args[0]), core.args[0])
        elif core.op is matmul or core.op is trace:
            product = core if core.op is matmul else core.args[0]
        else:
            continue
        key = (*_key(factors_of(product)), *sorted(others, key=id))
        known = crosses.get(key, (Fraction(0), []))
        crosses[key] = (known[0] + value, [*known[1], place])
    done: dict[int, Expr] = {}  # place of the first term -> the square
    used: set[int] = set()
    for start, (place, value, others, first) in enumerate(squares):
        if place in used:
            continue
        group, spent = [(first, Fraction(1))], {place}
        for place_2, value_2, others_2, second in squares[start + 1 :]:
            size = _root(value_2 / value)
            if place_2 in used | spent or others_2 != others or size is None or second.shape != first.shape:
                continue
            found = _joins(group, second, size, value, others, crosses)
            if found is not None and not (used | spent | {place_2}).intersection(found[1]):
                sign, places = found
                group.append((second, sign * size))
                spent |= {place_2, *places}
        if len(group) > 1:
            used |= spent
            # The sign of r is lost: the last and longest term stands first, positive.
            sign = 1 if group[-1][1] > 0 else -1
            group.reverse()
            ordered = sorted(group, key=lambda entry: entry[1] * sign < 0)
            r = add(*(number(c * sign) * part for part, c in ordered))
            done[place] = mul(number(value), *others, sq_norm(r))
    if not done:
        return total
    return add(*(done.get(i, term) for i, term in enumerate(terms) if i in done or i not in used))


def _joins(
    group: list[tuple[Expr, Fraction]],
    part: Expr,
    size: Fraction,
    value: Fraction,
    others: tuple[Expr, ...],
    crosses: dict[tuple[Expr, ...], tuple[Fraction, list[int]]],
) -> tuple[int, list[int]] | None:
    """The sign with which `part` completes every square of the group, and the places of the mixed terms."""
    places: list[int] = []
    sign = 0
    for member, weight in group:
        found = crosses.get((*_key(factors_of(matmul(transpose(member), part))), *sorted(others, key=id)))
        if found is None or abs(found[0]) != abs(2 * value * weight * size):
            return None
        this = 1 if found[0] / (value * weight) > 0 else -1
        if sign not in (0, this):
            return None
        sign = this
        places += found[1]
    return sign, places


def _key(factors: Sequence[Expr]) -> tuple[Expr, ...]:
    """A key that is the same for products of the same trace: rotations and transposes."""
    keys = []
    for one in normal(matmul(*factors)):
        turned = factors_of(one)
        keys += [turned[i:] + turned[:i] for i in range(len(turned) if len(turned) <= MAX_FACTORS else 1)]
    return min(keys, key=lambda key: [id(factor) for factor in key])


def _root(value: Fraction) -> Fraction | None:
    """The rational square root, if there is one."""
    if value <= 0:
        return None
    root = Fraction(isqrt(value.numerator), isqrt(value.denominator))
    return root if root * root == value else None


def positive_first(terms: Sequence[Expr]) -> list[Expr]:
    """The terms of a sum, those with a negative number in front at the end."""
    return sorted(terms, key=_is_negative)


def _is_negative(term: Expr) -> bool:
    head = term.args[0] if term.op in (mul, scale) else term
    head = head.args[0] if head.op is mul else head
    return bool(is_number(head) and head.data[0] < 0)
