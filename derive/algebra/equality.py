"""Whether two formulas mean the same: proved, agrees, differs.

`proved`: the difference has the normal form 0.  `agrees`: it vanishes over prime fields
(for polynomials and inverses, with a stated probability of error) or at random real
points.  `differs`: a point where it does not vanish is the evidence.
"""

from __future__ import annotations

from typing import Any

from ..errors import DeriveError
from ..expr import Expr, symbols_of
from ..operations import add, scale
from ..shapes import shape_text
from .limits import TooLargeError
from .normal import Normalizer

POINTS = 4
TOLERANCE = 1e-8  # relative, at well-conditioned points


class Equality(str):
    """`"proved"`, `"agrees"` or `"differs"`, with the evidence.

    Attributes
    ----------
    evidence : str
        Why: the normal form, the points tried, or the values that differ.
    point : dict or None
        The values of the symbols, by name, at which the two differ.
    """

    evidence: str
    point: dict[str, Any] | None

    def __new__(cls, verdict: str, evidence: str, point: dict[str, Any] | None = None) -> Equality:
        made = super().__new__(cls, verdict)
        made.evidence = evidence
        made.point = point
        return made

    @property
    def verdict(self) -> str:
        return str(self)

    def __bool__(self) -> bool:
        return str(self) != "differs"


def proved(a: Expr, b: Expr) -> bool:
    """Whether the normal form of the difference is zero."""
    if a is b:
        return True
    if a.shape != b.shape:
        return False
    try:
        ctx = Normalizer()
        difference = ctx.full(add(a, scale(-1, b)))
        return not (difference.terms and ctx.over_common_powers(difference, everywhere=True).terms)
    except TooLargeError:
        return False


def equal(a: Expr, b: Expr, points: int = POINTS) -> Equality:
    """Compare two formulas over the same symbols."""
    if a.shape != b.shape:
        return Equality("differs", f"{a.text()} is {shape_text(a.shape)}, {b.text()} is {shape_text(b.shape)}")
    by_form = proved(a, b)
    tried = 0
    for seed in range(points):
        found = differ_at(a, b, seed)
        if found is None:
            continue
        tried += 1
        if found:
            # A point outranks the normal form: an identity used where it does not hold is ours to mend.
            return Equality("differs", *found)
    if by_form:
        return Equality("proved", "both have the same normal form")
    if not tried:
        raise DeriveError("no point was found at which both formulas are defined")
    return Equality("agrees", f"equal at {tried} random points; the normal form does not decide it")


def differ_at(a: Expr, b: Expr, seed: int) -> tuple[str, dict[str, Any]] | tuple[()] | None:
    """Evidence that the two differ at a random point; () if they agree, None if undefined there."""
    import numpy as np

    from ..evaluation import evaluate
    from ..numeric import random_point

    try:
        point = random_point([a, b], seed=seed)
    except DeriveError:
        return None
    for sign in (1, -1):
        # Also with the signs turned: √(s²) is s only where s is positive.
        values = {s: x if s.properties else sign * x for s, x in point.values.items()}
        with np.errstate(all="ignore"):
            left, right = (evaluate(side, values, point.sizes) for side in (a, b))
        if not (np.isfinite(left).all() and np.isfinite(right).all()):
            continue
        scale_of = max(float(np.abs(left).max(initial=0)), float(np.abs(right).max(initial=0)), 1e-3)
        if float(np.abs(left - right).max(initial=0)) > TOLERANCE * scale_of:
            break
    else:
        return ()
    at = np.unravel_index(int(np.abs(left - right).argmax()), left.shape)
    where = "" if a.is_scalar else f" in entry ({at[0] + 1}, {at[1] + 1})"
    named = {s.name: values[s] for s in symbols_of(a, b)}
    return (f"at a random point they are {left[at]:.6g} and {right[at]:.6g}{where}", named)
