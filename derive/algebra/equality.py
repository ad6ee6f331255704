"""Whether two formulas mean the same: proved, agrees, differs.

`proved`: the difference has the normal form 0, or relations of the inverses in it rewrite
it to 0, and no point says otherwise.  `agrees`: polynomials, inverses and determinants are
equal modulo a prime at random points; other formulas to hundreds of digits, at points of
several scales and signs.  `differs`: a point where the two are not equal is the evidence.

Rounding decides nothing: differences are measured against the largest number met on the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from ..errors import DeriveError
from ..expr import Expr, is_zero, nodes, symbols_of, zero_like
from ..facts import needed
from ..fields import (
    DIGITS,
    degree,
    is_exact,
    many_digits,
    prime_field,
)
from ..sampling import STYLES
from ..shapes import shape_text
from .points import Sample, sample
from .proofs import prove

POINTS = 5  # looked at before a proof is sought; all, where none is found
EXACT_POINTS = 3
MIN_POINTS, MAX_WORK = 4, 4_000  # operations to many digits, at all points together
KINKED = frozenset(["step", "sign", "abs", "relu"])  # scalar functions with a kink at 0
DEGENERATE = ("small", "large", "zeros", "integers", "origin")  # where singular values may meet or vanish


class Equality(str):
    """`"proved"`, `"agrees"` or `"differs"`, with the evidence.

    It is its verdict as text, so `equal(a, b) == "proved"` asks for a proof.  As a truth
    value it is True of what is proved and of what agrees, and False of what differs.

    Attributes
    ----------
    verdict : str
    evidence : str
        Why: the proof, the points tried, or the values that differ.
    point : dict or None
        The values of the symbols, by name, at which the two differ.
    conditions : tuple of str
        What both formulas need to be defined, such as `A invertible`, as far as it is not
        declared.  Where all hold, the verdict holds.
    proof : tuple of str
        The rewriting that proves it, line by line; empty for equal normal forms.
    readings : tuple of str
        What was taken for granted where the formulas were read from text.

    Examples
    --------
    >>> from derive import equal
    >>> answer = equal("A A⁻¹ B", "B", "A: n×n, B: n×n")
    >>> answer == "proved", bool(answer), answer.conditions
    (True, True, ('A invertible',))
    """

    evidence: str
    point: dict[str, Any] | None
    conditions: tuple[str, ...]
    proof: tuple[str, ...]
    readings: tuple[str, ...] = ()

    def __new__(
        cls,
        verdict: str,
        evidence: str,
        point: dict[str, Any] | None = None,
        conditions: Iterable[str] = (),
        proof: Iterable[str] = (),
    ) -> Equality:
        made = super().__new__(cls, verdict)
        made.evidence = evidence
        made.point = point
        made.conditions = tuple(conditions)
        made.proof = tuple(proof)
        return made

    def __getnewargs__(self) -> tuple[Any, ...]:
        return str(self), self.evidence, self.point, self.conditions, self.proof

    @property
    def verdict(self) -> str:
        return str(self)

    def __bool__(self) -> bool:
        return str(self) != "differs"


def equal(a: Expr, b: Expr, at_kinks: bool = True) -> Equality:
    """Compare two formulas over the same symbols, at kinks of them too or only elsewhere.

    Raises
    ------
    DeriveError
        No point was found at which both are defined.
    """
    a, b = zero_like(b) if is_zero(a) and a.is_scalar else a, zero_like(a) if is_zero(b) and b.is_scalar else b
    if a.shape != b.shape:
        return Equality("differs", f"{a.text()} is {shape_text(a.shape)}, {b.text()} is {shape_text(b.shape)}")
    samples = _exactly(a, b) if is_exact(a, b) else _to_many_digits(a, b, at_kinks)
    found = list(islice(samples, POINTS))
    proof = None if any(sample.is_apart for sample in found) else prove(a, b)
    found += samples if proof is None else ()
    if found and found[-1].is_apart:
        # A point outranks a proof: an identity used where it does not hold is ours to mend.
        return _difference(a, b, found[-1])
    needed = domain(a, b)
    if proof is not None:
        why = f"by {len(proof.steps)} rewritings" if proof.steps else "both have the same normal form"
        return Equality("proved", why, conditions=needed, proof=proof.lines)
    if not found:
        raise DeriveError("no point was found at which both formulas are defined")
    where = f", where {' and '.join(needed)}" if needed else ""
    if found[0].point.field.is_exact:
        sizes = sorted({n for sample in found for n in sample.point.sizes.values()})
        chance = (degree(a) + degree(b)) * 2.0**-61
        evidence = (
            f"equal modulo 2⁶¹ − 1 at {len(found)} random points"
            + (f" of sizes {', '.join(map(str, sizes))}" if sizes else "")
            + f", by chance with probability below {chance:.0e} each{where}; the normal form does not decide it"
        )
    else:
        digits = "" if any(sample.point.is_rounded for sample in found) else f" to {DIGITS} digits"
        evidence = f"equal{digits} at {len(found)} random points{where}; the normal form does not decide it"
    return Equality("agrees", evidence, conditions=needed)


# Points


def _exactly(a: Expr, b: Expr) -> Iterator[Sample]:
    for seed in range(3 * EXACT_POINTS):
        found = sample(a, b, prime_field(), seed, smallest=4, different=5)
        if found is not None:
            yield found
            if found.is_apart or seed + 1 >= EXACT_POINTS:
                return


def _to_many_digits(a: Expr, b: Expr, at_kinks: bool) -> Iterator[Sample]:
    points = min(2 * len(STYLES), max(MIN_POINTS, MAX_WORK // len(nodes(a, b))))
    for seed in range(points):
        found = sample(a, b, many_digits(), seed, STYLES[seed % len(STYLES)])
        if found is None or found.point.is_rounded and STYLES[seed % len(STYLES)] in DEGENERATE:
            continue
        if at_kinks or not _is_at_kink(found, a, b):
            yield found
            if found.is_apart:
                return


def _is_at_kink(found: Sample, *exprs: Expr) -> bool:
    """Whether the point is among the few at which a step or a sign jumps; relu(z) is 0 at more than few."""
    inside = (node.args[0] for node in nodes(*exprs) if node.op.name in KINKED)
    smooth = (z for z in inside if not any(node.op.name in KINKED for node in nodes(z)))
    return any(not x for z in smooth for row in found.point.evaluate(z) for x in row)


def _difference(a: Expr, b: Expr, found: Sample) -> Equality:
    if found.point.field.is_exact:  # real numbers tell more than residues
        for seed in range(12):
            real = sample(a, b, many_digits(), seed, ("plain", "positive", "fraction", "small")[seed % 4])
            if real is not None and real.is_apart:
                found = real
                break
        else:
            return Equality("differs", f"at a random point modulo 2⁶¹ − 1, of sizes {found.point.sizes}")
    import numpy as np

    gaps = [
        (abs(x - y), i, j) for i, rows in enumerate(zip(found.left, found.right)) for j, (x, y) in enumerate(zip(*rows))
    ]
    _, i, j = max(gaps)
    left, right = found.left[i][j], found.right[i][j]
    shown = [f"{float(left):.6g}", f"{float(right):.6g}"]
    if shown[0] == shown[1]:
        shown[1] += f", apart by {float(abs(left - right)):.3g}"
    where = "" if a.is_scalar else f" in entry ({i + 1}, {j + 1})"
    point = found.point.values
    values = {s.name: np.array([[float(x) for x in row] for row in point[s]]) for s in symbols_of(a, b)}
    return Equality("differs", f"at a random point they are {shown[0]} and {shown[1]}{where}", values)


# Domains


def domain(*exprs: Expr) -> list[str]:
    """What the formulas need in order to be defined, beyond what is declared or evident."""
    asked: dict[str, None] = {}
    for node in nodes(*exprs):
        found = needed(node)
        if found is not None:
            words = "|{}| ≤ 1" if found[1].startswith("in [") else f"{{}} {found[1]}"
            asked[words.format(found[0].text())] = None
    return [words for words in asked if not words.endswith(" ≠ 0") or words[:-3] + "> 0" not in asked]
