"""np.einsum of numbers, vectors and matrices, as products, traces, diagonals and sums.

Factors are joined two at a time; each step leaves a value with at most two indices, and a
contraction that needs a third is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import operations as ops
from .arrays import Array, Plan
from .indexing import indexed

Factor = tuple[str, Array]


def einsum(p: Plan, operands: Sequence[Any]) -> Array:
    """The value of np.einsum(subscripts, *arrays)."""
    if not operands or not isinstance(operands[0], str):
        raise p.refuse("einsum is read with its indices as text, as in np.einsum('ij,jk->ik', A, B)")
    text = operands[0].replace(" ", "")
    left, arrow, out = text.partition("->")
    inputs = left.split(",")
    arrays = list(operands[1:])
    if "." in text or not all(part.isalpha() or not part for part in (*inputs, out)):
        raise p.refuse("these indices of einsum are not read")
    if len(inputs) != len(arrays) or not all(isinstance(a, Array) for a in arrays):
        raise p.refuse("einsum needs one array for each group of indices")
    if not arrow:
        out = "".join(sorted(c for c in set(left) - {","} if left.count(c) == 1))
    if len(out) > 2 or len(set(out)) != len(out) or any(c not in left for c in out):
        raise p.refuse("this einsum has no matrix form")
    factors: list[Factor] = []
    for part, array in zip(inputs, arrays):
        if len(part) != array.rank:
            raise p.misfit(f"{p.described(array)} has not the indices {part or 'none'}", array)
        factors.append((part, array))
    sizes: dict[str, Any] = {}
    for part, array in factors:
        for letter, size in zip(part, array.axes):
            if letter in sizes and not p.unify(sizes[letter], size):
                raise p.misfit(f"the index {letter} has two lengths", *arrays)
            sizes.setdefault(letter, size)
    return _contracted(p, factors, out)


def _contracted(p: Plan, factors: list[Factor], out: str) -> Array:
    while True:
        factors = [_reduced(p, f, _needed(factors, i, out)) for i, f in enumerate(factors)]
        if len(factors) == 1:
            break
        i, j = _next_pair(p, factors, out)
        rest = [f for k, f in enumerate(factors) if k not in (i, j)]
        needed = set(out).union(*(f[0] for f in rest)) if rest else set(out)
        joined = _joined(p, factors[i], factors[j], needed)
        factors = [*rest[:i], joined, *rest[i:]]
    letters, array = factors[0]
    return p.transposed(array) if letters != out else array


def _needed(factors: list[Factor], i: int, out: str) -> set[str]:
    return set(out).union(*(f[0] for k, f in enumerate(factors) if k != i))


def _reduced(p: Plan, factor: Factor, needed: set[str]) -> Factor:
    """The diagonal of a repeated index, and the sum over indices that nothing else has."""
    letters, array = factor
    if len(letters) == 2 and letters[0] == letters[1]:
        size = p.square(array, "a repeated index")
        if letters[0] not in needed:
            return "", p.node((), ops.trace, array)
        letters, array = letters[0], p.node((size,), ops.diagonal, array)
    free = [c for c in letters if c not in needed]
    if len(free) == len(letters) and letters:
        return "", p.sum(array)
    if free:
        return letters.replace(free[0], ""), p.sum(array, letters.index(free[0]))
    return factor if letters == factor[0] else (letters, array)


def _next_pair(p: Plan, factors: list[Factor], out: str) -> tuple[int, int]:
    for i in range(len(factors)):
        for j in range(i + 1, len(factors)):
            a, b = factors[i][0], factors[j][0]
            others = [f[0] for k, f in enumerate(factors) if k not in (i, j)]
            if not a or not b or set(a) <= set(b) or set(b) <= set(a):
                return i, j
            left = {c for c in a + b if c in out or any(c in o for o in others)}
            shared = set(a) & set(b)
            if len(left) <= 2 and (not shared & left or len(set(a + b)) <= 2) and (shared or len(a + b) <= 2):
                return i, j
    raise p.refuse("this einsum has no form in products of matrices")


def _joined(p: Plan, left: Factor, right: Factor, needed: set[str]) -> Factor:
    (a, A), (b, B) = left, right
    if not a or not b:
        return a + b, p.times(A, B)
    if len(a) == 1 and len(b) == 1:
        if a == b:
            return ("", p.matmul(A, B)) if a not in needed else (a, p.times(A, B))
        return a + b, p.times(indexed(p, A, [slice(None), None]), B)
    if len(a) == len(b) == 2:
        if set(a) == set(b):
            B = B if a == b else p.transposed(B)
            return ("", p.inner(A, B)) if not set(a) & needed else (a, p.times(A, B))
        shared = next(iter(set(a) & set(b)))
        A = A if a[1] == shared else p.transposed(A)
        B = B if b[0] == shared else p.transposed(B)
        return a.replace(shared, "") + b.replace(shared, ""), p.matmul(A, B)
    if len(a) == 1:
        (a, A), (b, B) = (b, B), (a, A)
    # A matrix and a vector over one of its indices.
    if b not in a:
        raise p.refuse("this einsum has no form in products of matrices")
    if b not in needed:
        return a.replace(b, ""), p.matmul(A, B) if a[1] == b else p.matmul(p.transposed(A), B)
    return a, p.times(A, B if a[1] == b else indexed(p, B, [slice(None), None]))
