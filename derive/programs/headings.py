"""What generated code says of itself: the formula and its derivatives, the shapes, what is assumed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from ..expr import MAX_FLAT, Expr, symbol_count
from ..properties import ASSUMED
from ..shapes import shape_text
from .lines import fill, shown, wrapped_formula


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
