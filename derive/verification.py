"""The numeric check of what leaves a derivation, by values of the loss alone.

A gradient, Jacobian or differential is compared with `numeric` derivatives of the
function; a Hessian and its products with numeric derivatives of the gradient, itself
checked against the loss.  Each form that is shown, and the generated NumPy function, plain
and with buffers, called again and again with other arguments, are compared with the derivative.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from .errors import DeriveError, LimitError
from .expr import MAX_FLAT, Expr, symbol_count
from .own_functions import functions_of
from .progress import stage

if TYPE_CHECKING:
    from .derivation import Derivation

TOLERANCE = 1e-5  # of the largest relative error; a larger one is a wrong derivation
FORMS = ("expanded", "boxed", "compact")
MAX_OPERATIONS = 300  # of a program that is written and run for the check
DERIVATIVE, FUNCTION, WORKSPACE = "the derivative", "the NumPy function", "the NumPy function with buffers"


def verify(derivation: Derivation, points: int = 3) -> float:
    """The largest relative error at `points` random points of random unequal dimensions."""
    return max(errors(derivation, points).values())


def errors(derivation: Derivation, points: int = 3, forms: Sequence[str] = FORMS) -> dict[str, float]:
    """The largest relative error of each thing that leaves: the derivative, its forms, its functions.

    What is too large to be written out is not among them.
    """
    from .numeric import random_point

    known = [derivation.loss, derivation.result]
    known += [e for e in (derivation.wrt, *derivation.moved, *derivation.moved.values()) if e is not None]
    drawn = []
    worst = {DERIVATIVE: 0.0}
    for seed in range(points):
        stage("checking numerically", seed, points)
        drawn.append(random_point(known, seed=seed, hints=derivation.hints))
        for got, want in _pairs(derivation, drawn[-1]):
            worst[DERIVATIVE] = max(worst[DERIVATIVE], relative_error(got, want))
    compared: dict[str, Callable[[Any], Any]] = {}
    for name in forms:
        shown = _form(derivation, name)
        if shown is not None:
            compared[f"the {name} form"] = partial(_evaluated, shown)
    for name, called in ((FUNCTION, _called(derivation, False)), (WORKSPACE, _called(derivation, True))):
        if called is not None:
            compared[name] = called
    for name, value in compared.items():
        # The first point once more: what a function keeps of a call must not reach the next.
        worst[name] = max(relative_error(value(p), p.evaluate(derivation.result)) for p in (*drawn, drawn[0]))
    return worst


def _evaluated(expr: Expr, point: Any) -> Any:
    return point.evaluate(expr)


def _form(derivation: Derivation, name: str) -> Expr | None:
    """A form, where it is small enough to be printed."""
    if symbol_count(derivation.result) > MAX_FLAT:
        return None
    try:
        held = getattr(derivation, name)
    except LimitError:
        return None
    return held.inlined() if name == "compact" else held  # type: ignore[no-any-return]


def _called(derivation: Derivation, workspace: bool) -> Callable[[Any], Any] | None:
    """The generated NumPy function, from a point to a matrix; None where there is none or it is too long."""
    import numpy as np

    from .codegen import Module
    from .dialects import dialect
    from .programs.callables import Generated

    try:
        if len(derivation.program.order) > MAX_OPERATIONS:
            return None
        module = Module(derivation, dialect("numpy"), workspace)
        function = Generated(module.source(is_full=False), derivation.kind, "<checked>")
    except DeriveError:
        return None
    signature = module.signature
    own = {f.parameter: f.values for f in functions_of(derivation.loss, derivation.result)}
    own = {name: values for name, values in own.items() if name in signature.parameters}

    def value(point: Any) -> Any:
        given: dict[str, Any] = {signature.dims[dim]: point.sizes[dim] for dim in signature.open_dims} | own
        for symbol, name in signature.name_of.items():
            array = point.values[symbol]
            given[name] = array[0, 0] if symbol.is_scalar else array[:, 0] if symbol.is_vector else array
        with np.errstate(all="ignore"):
            made = np.asarray(function(**given))
        return made.reshape(*made.shape, *[1] * (2 - made.ndim))

    return value


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
    pushed: Any = sum(
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
    found = derivation.errors(points)
    for name, error in found.items():
        if not error <= TOLERANCE:
            raise wrong(name, error)
    return max(found.values())


def wrong(name: str, error: float) -> DeriveError:
    """What is said instead of a result that the numbers contradict."""
    return DeriveError(
        f"internal error: {name} disagrees with numeric derivatives (relative error {error:.1e})",
        hint="this is a defect of derive; nothing else is printed, as the result would be wrong",
    )


def covered(names: Sequence[str]) -> str:
    """What was checked, in words: "the derivative, its expanded and boxed forms, the NumPy function"."""
    forms = [name.split()[1] for name in names if name.endswith(" form")]
    parts = [DERIVATIVE]
    if forms:
        joined = " and ".join([", ".join(forms[:-1]), forms[-1]] if len(forms) > 1 else forms)
        parts.append(f"its {joined} form{'s' * (len(forms) > 1)}")
    if FUNCTION in names:
        parts.append(FUNCTION + (", plain and with buffers" if WORKSPACE in names else ""))
    return "; ".join(parts)
