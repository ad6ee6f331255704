"""A derivation as a JSON object, schema 1."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..errors import DeriveError
from ..expr import symbols_of
from ..names import text as shown
from ..verification import checked

if TYPE_CHECKING:
    from ..derivation import Derivation
    from ..shapes import Dim

SCHEMA = 1


def record(derivation: Derivation, points: int = 3) -> str:
    """The derivation as JSON, checked at `points` random points; 0 leaves the check out.

    A form past its size limit is null, and so is the FLOP count where there is no program.
    """
    d = derivation
    names = symbols_of(d.loss)
    names += [s for s in (d.wrt, d.direction) if s is not None and s not in names]
    fields: dict[str, Any] = {
        "schema": SCHEMA,
        "kind": d.kind,
        "loss": d.loss.text(),
        "wrt": None if d.wrt is None else d.wrt.text(),
        "shapes": {shown(s.name): [size(dim) for dim in s.shape] for s in names},
        "contributions": [
            {
                "occurrence": c.occurrence.text(),
                "route": [node.text() for node in c.route],
                "text": c.expression.text(),
                "latex": c.expression.latex(),
            }
            for c in d.contributions
        ],
        "expanded": form(d, "expanded"),
        "boxed": form(d, "boxed"),
        "compact": form(d, "compact"),
        "flops": flops(d),
        "verified": verified(d, points) if points else None,
        "conditions": list(d.conditions),
        "readings": list(d.readings),
    }
    if d.direction is not None:
        fields["direction"] = d.direction.text()
    if d.layout is not None:
        fields["layout"] = d.layout
    return json.dumps(fields, ensure_ascii=False, indent=2)


def verified(derivation: Derivation, points: int) -> dict[str, Any]:
    """What the numeric check covered, and the largest error; DeriveError instead of what it contradicts."""
    error = checked(derivation, points)
    return {"points": points, "max_relative_error": error, "covered": list(derivation.errors(points))}


def size(dim: Dim) -> int | str:
    """A dimension: a number, or the text of its polynomial."""
    return str(dim) if dim.value is None else dim.value


def form(derivation: Derivation, name: str) -> dict[str, str] | None:
    """A form as text and LaTeX."""
    try:
        held = getattr(derivation, name)
    except DeriveError:
        return None
    return {"text": held.text(), "latex": held.latex()}


def flops(derivation: Derivation) -> dict[str, Any] | None:
    """The cost of the program that computes the derivative alone."""
    try:
        counted = derivation.program.flops
    except DeriveError:
        return None
    return {"expression": counted.expression, "value": counted.value}
