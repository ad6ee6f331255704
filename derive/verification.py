"""The numeric check of what leaves a derivation, by values of the loss alone.

A gradient, Jacobian or differential is compared with `numeric` derivatives of the
function; a Hessian and its products with numeric derivatives of the gradient, itself
checked against the loss.  Each form that is shown, and the generated NumPy function, plain
and with buffers, called again and again with other arguments, are compared with the derivative.
Where no code is shown, points of plain Python numbers come first, and NumPy where they do not decide.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.util import find_spec
from operator import methodcaller
from typing import TYPE_CHECKING, Any

from .errors import DeriveError, LimitError
from .expr import MAX_FLAT, Expr, nodes, symbol_count
from .own_functions import functions_of
from .progress import stage

if TYPE_CHECKING:
    from .derivation import Derivation

TOLERANCE = 1e-5  # of the largest relative error; a larger one is a wrong derivation
FORMS = ("expanded", "boxed", "compact")
PLAIN = 1e-7  # of an error in plain numbers that needs no second look
MAX_WORK = 3_000  # entries of the variable times operations, for plain numbers
MAX_OPERATIONS = 300  # of a program that is written and run for the check
DERIVATIVE, FUNCTION, WORKSPACE = "the derivative", "the NumPy function", "the NumPy function with buffers"
BY_ROWS = "the NumPy function a row at a time"


def errors(
    derivation: Derivation, points: int = 3, forms: Sequence[str] = FORMS, code: bool = True
) -> dict[str, float]:
    """The largest relative error of each thing that leaves: the derivative, its forms and, with `code`, its functions.

    What is too large to be written out is not among them.
    """
    if not code or find_spec("numpy") is None:
        found = _plain_errors(derivation, points, forms)
        if found is not None:
            return found
    if find_spec("numpy") is None:
        raise DeriveError("points in plain Python numbers do not decide, and NumPy is not here")
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
    compared: dict[str, Callable[[Any], Any]] = {
        name: methodcaller("evaluate", shown) for name, shown in _shown(derivation, forms).items()
    }
    if code:
        compared |= _functions(derivation)
    for name, value in compared.items():
        # The first point once more: what a function keeps of a call must not reach the next.
        worst[name] = max(relative_error(value(p), p.evaluate(derivation.result)) for p in (*drawn, drawn[0]))
    return worst


def _plain_errors(derivation: Derivation, points: int, forms: Sequence[str]) -> dict[str, float] | None:
    """`errors` of a gradient in plain Python numbers; None where they do not decide."""
    from .fields import Undefined, floats, is_plain
    from .sampling import projected, random_field_point
    from .slopes import slopes

    loss, wrt = derivation.loss, derivation.wrt
    if derivation.kind != "gradient" or wrt is None or derivation.hints:
        return None
    result = derivation.unstructured or derivation.result
    compared = _shown(derivation, forms)
    if not is_plain(loss, result, derivation.result, *compared.values()):
        return None
    worst = {DERIVATIVE: 0.0, **dict.fromkeys(compared, 0.0)}
    seen = 0
    for seed in range(4 * points):
        point = random_field_point(
            [loss, result, derivation.result, wrt], seed, floats(), _LOOKS[seed % len(_LOOKS)], 2, 3
        )
        rows, columns = len(point.values[wrt]), len(point.values[wrt][0])
        if rows * columns * len(nodes(loss)) > MAX_WORK:
            return None
        try:
            found = slopes(loss, wrt, point)
            if found is None:
                continue
            want = [[slope[0][0] for slope in row] for row in found]
            value = point.evaluate(derivation.result)
            pairs = {name: (point.evaluate(shown), value) for name, shown in compared.items()}
            pairs[DERIVATIVE] = (point.evaluate(result), want)
            if derivation.unstructured is not None and not derivation.is_made_of_gradient:
                pairs[DERIVATIVE] = (value, projected(wrt.properties, want))
        except Undefined:
            continue
        for name, (got, meant) in pairs.items():
            size = max(abs(x) for row in [*got, *meant] for x in row)
            gap = max(abs(x - y) for rows in zip(got, meant, strict=True) for x, y in zip(*rows, strict=True))
            worst[name] = max(worst[name], gap / size if size > 1e-6 else gap)
        seen += 1
        if seen == points:
            return worst if max(worst.values()) <= PLAIN else None
    return None


_LOOKS = ("plain", "negative", "plain", "positive", "fraction")


def _shown(derivation: Derivation, forms: Sequence[str]) -> dict[str, Expr]:
    """The forms that are small enough to be printed."""
    found: dict[str, Expr] = {}
    for name in forms if symbol_count(derivation.result) <= MAX_FLAT else ():
        with suppress(LimitError):
            held = getattr(derivation, name)
            found[f"the {name} form"] = held.inlined() if name == "compact" else held
    return found


def _functions(derivation: Derivation) -> dict[str, Callable[[Any], Any]]:
    """The generated NumPy functions, from a point to a matrix; none where there are none or they are too long."""
    from .codegen import Module
    from .dialects import dialect
    from .programs.blocked import by_single_rows

    found: dict[str, Callable[[Any], Any]] = {}
    try:
        if len(derivation.program.order) > MAX_OPERATIONS:
            return found
        for name in (FUNCTION, WORKSPACE):
            module = Module(derivation, dialect("numpy"), name == WORKSPACE)
            found[name] = _called(derivation, module.signature, module.source(is_full=False))
            if module.by_rows:
                found[BY_ROWS] = _called(derivation, module.signature, by_single_rows(module))
    except DeriveError:
        pass
    return found


def _called(derivation: Derivation, signature: Any, source: str) -> Callable[[Any], Any]:
    """The function of a generated module."""
    import numpy as np

    from .programs.callables import Generated

    function = Generated(source, derivation.kind, "<checked>")
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
        if derivation.is_made_of_gradient:
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
        ways = ["plain", *["by rows"] * (BY_ROWS in names), *["with buffers"] * (WORKSPACE in names)]
        parts.append(FUNCTION + (f", {', '.join(ways[:-1])} and {ways[-1]}" if len(ways) > 1 else ""))
    return "; ".join(parts)
