"""The numeric check of a derivation, by values of the loss alone.

A gradient, Jacobian or differential is compared with `numeric` derivatives of the
function; a Hessian and its products with numeric derivatives of the gradient, itself
checked against the loss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import DeriveError
from .expr import MAX_FLAT, Expr, symbol_count
from .progress import stage

if TYPE_CHECKING:
    from .derivation import Derivation

TOLERANCE = 1e-5  # of the largest relative error; a larger one is a wrong derivation


def verify(derivation: Derivation, points: int = 3) -> float:
    """The largest relative error at `points` random points of random unequal dimensions."""
    from .numeric import random_point

    worst = 0.0
    shown = _shown(derivation)
    known = [derivation.loss, derivation.result]
    known += [e for e in (derivation.wrt, *derivation.moved, *derivation.moved.values()) if e is not None]
    for seed in range(points):
        stage("checking numerically", seed, points)
        point = random_point(known, seed=seed, hints=derivation.hints)
        for got, want in _pairs(derivation, point):
            worst = max(worst, relative_error(got, want))
        if shown is not None:
            # What is printed is checked, not only what it was made from.
            worst = max(worst, relative_error(point.evaluate(shown), point.evaluate(derivation.result)))
    return worst


def _shown(derivation: Derivation) -> Expr | None:
    """The box, where it is small enough to be printed."""
    from .errors import LimitError

    if symbol_count(derivation.result) > MAX_FLAT:
        return None
    try:
        return derivation.boxed
    except LimitError:
        return None


def relative_error(got: Any, want: Any) -> float:
    """max |got − want| over the larger of the two, or absolute where both vanish."""
    import numpy as np

    if got.shape != want.shape:
        raise DeriveError(f"internal error: the derivative is {got.shape}, the numeric one {want.shape}")
    if not got.size:
        return 0.0
    scale = max(float(np.abs(got).max()), float(np.abs(want).max()))
    error = float(np.abs(got - want).max())
    if error != error:
        return float("inf")
    return error / scale if scale > 1e-6 else error


def _pairs(derivation: Derivation, point: Any) -> list[tuple[Any, Any]]:
    """Values of the derivative and of its numeric counterpart."""
    from . import numeric

    loss, wrt, result = derivation.loss, derivation.wrt, derivation.result
    value = point.evaluate(result)
    if derivation.kind == "differential":
        return [(value, _total_differential(derivation, point))]
    assert wrt is not None
    if derivation.kind == "gradient":
        if derivation.is_riemannian:
            assert derivation.unstructured is not None
            plain = point.evaluate(derivation.unstructured)
            return [(plain, numeric.numeric_gradient(loss, wrt, point, structured=False))]
        return [(value, numeric.numeric_gradient(loss, wrt, point))]
    if derivation.kind == "jacobian":
        want = numeric.numeric_jacobian(loss, wrt, point, structured=False)
        if wrt.is_scalar:
            want = want.reshape(point.evaluate(loss).shape, order="F")
        return [(value, want.T if derivation.layout == "denominator" else want)]
    gradient = derivation.gradient
    assert gradient is not None
    first = (point.evaluate(gradient), numeric.numeric_gradient(loss, wrt, point, structured=False))
    if derivation.kind == "hessian":
        return [first, (value, numeric.numeric_jacobian(gradient, wrt, point, structured=False))]
    pushed = sum(
        numeric.directional(gradient, variable, point.values[along], point)
        for variable, along in derivation.moved.items()
    )
    return [first, (value, numeric.project_array(wrt.properties, pushed))]


def _total_differential(derivation: Derivation, point: Any) -> Any:
    from . import numeric

    total: Any = 0.0
    for symbol, moved in derivation.moved.items():
        if moved in point.values:
            total = total + numeric.directional(derivation.loss, symbol, point.values[moved], point)
    return total + 0 * point.evaluate(derivation.result)


def checked(derivation: Derivation, points: int = 3) -> float:
    """`verify`, refusing to go on with a derivative that the numbers contradict."""
    error = derivation.verify(points)
    if not error <= TOLERANCE:
        raise DeriveError(
            f"internal error: the {derivation.kind} disagrees with numeric derivatives (relative error {error:.1e})",
            hint="this is a defect of derive; nothing else is printed, as the result would be wrong",
        )
    return error
