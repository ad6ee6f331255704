"""A gradient as a function of Python, compared at random points with the derived one.

The function is called with one-dimensional arrays for vectors, two-dimensional ones for
matrices and floats: copies, so that it may change them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .. import names
from ..errors import DeriveError, LimitError, ParseError
from ..expr import Expr, symbols_of
from ..names import canonical, identifier
from ..shapes import shape_text
from .differences import Differences, near
from .report import Line, Report

POINTS = 5


def check_gradient(function: Callable[..., Any], loss: str, wrt: str, where: Any = None) -> Report:
    """The report on a function, as `derive.check_gradient` describes it."""
    from ..algebra.forms import factor
    from ..derivation import Sweep, require_scalar
    from ..numeric import numeric_gradient, random_point
    from ..reading import find_symbol, parse
    from ..spaces import project

    if not callable(function):
        raise DeriveError(f"a function is checked, not {type(function).__name__}", hint="check_code takes a source")
    parsed = parse(loss, where, wrt=(wrt,), scalar=True)
    variable, formula = find_symbol(parsed, wrt), parsed.expr
    require_scalar(formula)
    sweep = Sweep(formula, variable)
    projected = project(sweep.total, variable)
    result = sweep.total if projected is None else projected[0]
    parameters = _parameters(function, [variable, *symbols_of(formula)])
    points, claimed, right = [], [], []
    for seed in range(POINTS):
        point = random_point([formula, result, variable], seed=seed, hints=parsed.hints)
        got = _called(function, parameters, point.values, variable)
        want = point.evaluate(result)
        if not near(numeric_gradient(formula, variable, point), want):
            raise DeriveError("the derived gradient and central differences disagree at a random point")
        points.append(point)
        claimed.append(got.reshape(want.shape) if got.size == want.size and got.ndim < 2 else got)
        right.append(want)
    name = getattr(function, "__name__", type(function).__name__)
    text = f"{name}({', '.join(parameters)})"
    line = Line(1, text, (0, len(text)))
    if all(near(a, b) for a, b in zip(claimed, right)):
        line.verdict, line.reason = "agrees", f"at {POINTS} random points, with central differences too"
    else:
        line.verdict = "fails"
        line.kind, line.reason = Differences(variable, sweep, points, claimed, right).kind()
        line.repair = f"∂{parsed.name}/∂{variable.text()} = {_boxed(result, factor)}"
        line.evidence = _evidence(claimed, right, points)
    sizes = [f"{names.text(s.name)}: {shape_text(s.shape)}" for s in symbols_of(formula)]
    return Report(text, [line], list(parsed.readings), sizes, "gradient")


def _boxed(result: Expr, factor: Callable[[Expr], Expr]) -> str:
    try:
        return factor(result).text()
    except LimitError:
        return result.text()


def _parameters(function: Callable[..., Any], symbols: list[Expr]) -> dict[str, Expr]:
    """The symbols that the parameters are named after."""
    import inspect

    known = {identifier(s.name): s for s in symbols}
    by_name = {s.name: s for s in symbols}
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        hint = "wrap it in a function of Python"
        raise DeriveError("the parameters of the function are not known", hint=hint) from None
    found: dict[str, Expr] = {}
    for parameter in parameters:
        made = known.get(parameter.name)
        if made is None:
            try:
                made = by_name.get(canonical(parameter.name))
            except ParseError:
                made = None
        if made is not None:
            found[parameter.name] = made
        elif parameter.default is parameter.empty and parameter.kind not in (
            parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD,
        ):  # fmt: skip
            raise DeriveError(
                f"the parameter {parameter.name} is no symbol of the loss", hint=f"its symbols: {', '.join(known)}"
            )
        if made is not None and parameter.kind is parameter.POSITIONAL_ONLY:
            raise DeriveError(f"the parameter {parameter.name} has no name to be given by", hint="leave out the /")
    return found


def _called(
    function: Callable[..., Any], parameters: Mapping[str, Expr], values: Mapping[Expr, Any], variable: Expr
) -> Any:  # fmt: skip
    """What the function returns at a point, as an array."""
    given = {}
    for name, made in parameters.items():
        value = values[made].copy()
        given[name] = float(value[0, 0]) if made.is_scalar else value[:, 0] if made.is_vector else value
    try:
        result = function(**given)
    except Exception as error:
        shapes = ", ".join(f"{n}: {getattr(v, 'shape', 'a number')}" for n, v in given.items())
        message = f"the function raises {type(error).__name__}: {error}"
        raise DeriveError(message, hint=f"called with {shapes}") from error
    return _array(_one(result, values[variable], variable))


def _one(result: Any, at: Any, variable: Expr) -> Any:
    """The gradient among several values."""
    plain = identifier(variable.name)
    if isinstance(result, Mapping):
        for key in (f"d{plain}", plain, f"grad_{plain}", f"{plain}_grad", f"d_{plain}"):
            if key in result:
                return result[key]
        raise DeriveError(f"none of the values returned is named after {variable.text()}", hint=f"name it d{plain}")
    if isinstance(result, (tuple, list)) and not all(isinstance(r, (int, float)) for r in result):
        shape = () if variable.is_scalar else at.shape[:1] if variable.is_vector else at.shape
        fitting = [r for r in result if _array(r).shape == shape]
        if len(fitting) != 1:
            raise DeriveError(
                f"which of the {len(result)} values returned is the gradient is not told", hint="return it alone"
            )
        return fitting[0]
    return result


def _array(value: Any) -> Any:
    import numpy as np

    if hasattr(value, "detach"):
        value = value.detach()
    try:
        return np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise DeriveError(f"the function returns no array of numbers, but {type(value).__name__}") from None


def _evidence(claimed: list[Any], right: list[Any], points: list[Any]) -> str:
    """One entry at one point."""
    import numpy as np

    for a, b, point in zip(claimed, right, points):
        sizes = ", ".join(f"{n} = {s}" for n, s in point.sizes.items())
        where = f"at a random point ({sizes})" if sizes else "at a random point"
        if a.shape != b.shape:
            return f"{where}: it has shape {a.shape}, the gradient {b.shape}"
        if not near(a, b):
            i = np.unravel_index(int(np.argmax(np.abs(a - b))), b.shape)
            entry = f"entry ({', '.join(str(k + 1) for k in i)})"
            return f"{where}: {entry} is {a[i]:.4g} and should be {b[i]:.4g}"
    return ""


__all__ = ["check_gradient"]
