"""What generated code says of itself: the formula and its derivatives, the shapes, what is assumed."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ..errors import DeriveError
from ..expr import MAX_FLAT, Expr, symbol_count
from ..properties import ASSUMED
from ..shapes import shape_text
from .statement_tree import WIDTH


def heading(d: Any, symbols: Sequence[Expr], scope: str = "", is_full: bool = True) -> list[str]:
    """What a file of code begins with: the formula, in a full one its derivatives, the shapes, what is assumed."""
    variables = ", ".join(part.wrt.text() for part in d.parts if part.wrt is not None)
    wrt = f" by {variables}" if variables else ""
    title = {"gradient": "Gradient", "jacobian": "Jacobian", "hessian": "Hessian", "hvp": "Hessian-vector product"}
    lines = [f"{title.get(d.kind, 'Differential')} of {d.name}{wrt}{', ' * bool(scope)}{scope}.", ""]
    lines += wrapped_formula(f"{d.name} = ", shown(lambda: d.loss.text()))
    if is_full:
        for part in d.parts:
            if symbol_count(part.result) <= MAX_FLAT:
                lines += wrapped_formula(f"{derivative_text(part)} = ", shown(partial(boxed_text, part)))
    shapes = ", ".join(f"{s.text()}: {shape_text(s.shape).replace(' × 1', '')}" for s in symbols)
    lines += ["", *fill(f"Shapes: {shapes}")]
    assumed = [s for s in symbols if s.properties & ASSUMED]
    if assumed:
        from ..reading.assumptions import equations  # loads the reader

        lines += fill(f"Assumed by the formulas above, not by the code: {' and '.join(equations(assumed))}")
    return lines


def summary(d: Any, function: str, scope: str = "") -> str:
    """What `value`, the function of the derivative or both compute, over the samples in scope."""
    if function == "value":
        made = f"{d.name}, {described(d.loss)}"
    else:
        made = ", ".join(derivative_text(part) for part in d.parts)
        if function == "value_and_gradient":
            made = f"{d.name} and {f'({made})' if d.is_joint else made}"
        elif not d.is_joint:
            made = f"{made}, {described(d.result)}"
    return f"{made}, {scope}" if scope else made


def boxed_text(derivation: Any) -> str:
    return str(derivation.boxed.text())


def derivative_text(derivation: Any) -> str:
    name, wrt = derivation.name, "" if derivation.written_wrt is None else derivation.written_wrt.text()
    if derivation.kind == "gradient":
        return f"∂{name}/∂{wrt}"
    if derivation.kind == "jacobian":
        return f"∂{name}/∂{wrt}ᵀ" if derivation.wrt.is_vector else f"∂{name}/∂{wrt}"
    if derivation.kind == "hessian":
        return f"∇²{name}"
    if derivation.kind == "hvp":
        return f"∇²{name}[{derivation.direction.text()}]"
    return f"d{name}"


def described(expr: Expr) -> str:
    text = shape_text(expr.shape)
    return "a number" if text == "scalar" else f"{text}"


def fill(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def wrapped_formula(start: str, text: str) -> list[str]:
    return fill(start + text.replace("\n", " "))


def shown(text: Callable[[], str]) -> str:
    """A form for the docstring; too large ones are left out."""
    try:
        made = text()
    except DeriveError:
        return "… (too large to be written out)"
    return made if len(made) <= 600 else made[:599] + "…"
