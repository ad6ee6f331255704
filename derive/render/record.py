"""A derivation as a JSON object, schema 1."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..errors import DeriveError
from ..expr import symbols_of
from ..names import text as name_text
from ..verification import checked

if TYPE_CHECKING:
    from ..derivation import Derivation, Presented
    from ..shapes import Dim

SCHEMA = 1


def record(derivation: Presented, points: int = 3) -> str:
    """The derivation as JSON, checked at `points` random points; 0 leaves the check out.

    A form past its size limit is null, and so is the FLOP count where there is no program.
    Several variables: `wrt` lists them and `derivatives` holds an object for each.
    """
    shown = [fields_of(part, points) for part in derivation.parts]
    if len(shown) == 1:
        return json.dumps(shown[0], ensure_ascii=False, indent=2)
    whole: dict[str, Any] = {key: shown[0][key] for key in ("schema", "kind", "loss", "readings")}
    whole |= {"wrt": [part["wrt"] for part in shown], "flops": flops(derivation), "derivatives": shown}
    return json.dumps(whole, ensure_ascii=False, indent=2)


def fields_of(d: Derivation, points: int) -> dict[str, Any]:
    """What is told of one derivation."""
    names = symbols_of(d.loss)
    names += [s for s in (d.wrt, d.direction) if s is not None and s not in names]
    fields: dict[str, Any] = {
        "schema": SCHEMA,
        "kind": d.kind,
        "loss": d.loss.text(),
        "wrt": None if d.written_wrt is None else d.written_wrt.text(),
        "shapes": {name_text(s.name): [size(dim) for dim in s.shape] for s in names},
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
    return fields


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


def flops(derivation: Any) -> dict[str, Any] | None:
    """The cost of the program that computes the derivative alone."""
    try:
        counted = derivation.program.flops
    except DeriveError:
        return None
    return {"expression": counted.expression, "value": counted.value}
