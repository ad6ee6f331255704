"""Verdicts on convexity and stationary points as documents: text, LaTeX, Markdown, HTML and JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..expr import Expr, symbols_of, zero_like
from ..names import text as shown
from . import Formula, Name
from .blocks import Exposition, Row, Shapes
from .record import SCHEMA, size
from .wording import property_words

if TYPE_CHECKING:
    from ..optimality.curvature import Convexity
    from ..optimality.refutation import Chord
    from ..optimality.stationarity import Stationary


def convexity_exposition(found: Convexity) -> Exposition:
    """The verdict, the proof or the points, the condition and the strength."""
    told = Exposition([f"{_title(found.verdict)}: ", [found.formula]])
    _shapes(told, found.formula, found.wrt)
    for reading in found.readings:
        told.say(f"Reading: {reading}.")
    told.say(*_sentence(found.wrt, found.verdict, found.formula))
    for remark in found.domain:
        told.say("Its domain is the convex set where ", *remark.parts, ".")
    if found.verdict in ("convex", "concave", "affine"):
        told.part("Proof")
    for step in found.steps:
        told.say(*_capital(step.parts), ".")
    if found.strength is not None:
        told.say("It is strongly convex, with μ = ", [found.strength], ".")
    if found.requirement is not None:
        told.say("It is convex where ", *found.requirement.parts, ".")
    for chord in found.points:
        _chord(told, chord)
    return told


def _capital(parts: tuple[Any, ...]) -> list[Any]:
    """The parts of a sentence, its first letter large."""
    first = parts[0]
    return [first[:1].upper() + first[1:] if isinstance(first, str) else first, *parts[1:]]


def _title(verdict: str) -> str:
    return {"neither": "Neither convex nor concave", "unknown": "Not decided"}.get(verdict, verdict.capitalize())


def _sentence(wrt: tuple[Expr, ...], verdict: str, formula: Expr) -> list[Any]:
    named: list[Any] = []
    for i, v in enumerate(wrt):
        named += [", "] if i else []
        named.append([v])
    together = " together" if len(wrt) > 1 else ""
    others = [s for s in symbols_of(formula) if s not in wrt]
    every = ", for every value of the other symbols" if others else ""
    if verdict == "neither":
        return [[formula], " is neither convex nor concave in ", *named, f"{together}."]
    if verdict == "unknown":
        return ["Whether ", [formula], " is convex in ", *named, f"{together} is not known."]
    return [[formula], f" is {verdict} in ", *named, f"{together}{every}."]


def _shapes(told: Exposition, formula: Expr, wrt: tuple[Expr, ...]) -> None:
    symbols = symbols_of(formula)
    symbols += [v for v in wrt if v not in symbols]
    if symbols:
        told.blocks.append(Shapes([(s, property_words(s)) for s in symbols]))


def _chord(told: Exposition, chord: Chord) -> None:
    kind = "convex" if chord.excess < 0 else "concave"
    at: list[str | Formula] = []
    for name, value in chord.values.items():
        at += [", ", [Name(name), "="], f" {_numbers(value)}"]
    moved: list[str | Formula] = []
    for name, value in chord.direction.items():
        moved += [", ", f"±{_numbers(value)} in ", [Name(name)]]
    ends = f"{chord.ends[0]:.6g} and {chord.ends[1]:.6g}"
    told.part(f"Not {kind}")
    told.say("At ", *at[1:], f", where it is {chord.middle:.6g}, and ", *moved[1:], f" away, where it is {ends}.")


def _numbers(value: Any) -> str:
    if value.shape == (1, 1):
        return f"{value[0, 0]:.4g}"
    if value.shape[1] == 1:
        return "[" + ", ".join(f"{x:.4g}" for x in value[:, 0]) + "]"
    return "[" + ", ".join("[" + ", ".join(f"{x:.4g}" for x in row) + "]" for row in value) + "]"


def convexity_json(found: Convexity) -> str:
    """One object: schema, kind, formula, wrt, verdict, steps, points, condition, strength."""
    fields: dict[str, Any] = {
        "schema": SCHEMA,
        "kind": "convexity",
        "formula": found.formula.text(),
        "wrt": [v.text() for v in found.wrt],
        "shapes": _sizes(found.formula),
        "verdict": found.verdict,
        "steps": [{"text": s.text(), "latex": s.latex()} for s in found.steps],
        "points": [
            {
                "refutes": "convex" if c.excess < 0 else "concave",
                "values": {name: value.tolist() for name, value in c.values.items()},
                "direction": {name: value.tolist() for name, value in c.direction.items()},
                "ends": list(c.ends),
                "middle": c.middle,
            }
            for c in found.points
        ],
        "condition": found.condition,
        "strength": None if found.strength is None else _form(found.strength),
        "domain": [r.text() for r in found.domain],
        "readings": found.readings,
    }
    return json.dumps(fields, ensure_ascii=False, indent=2)


def stationary_exposition(found: Stationary) -> Exposition:
    """The gradient, the equation, the steps to the solution, its conditions and its kind."""
    told = Exposition(["Where the gradient vanishes: ", [found.formula]])
    told.say("Sought is where the gradient of ", [found.formula], " by ", [found.wrt], " vanishes,")
    _shapes(told, found.formula, (found.wrt,))
    for reading in found.readings:
        told.say(f"Reading: {reading}.")
    if found.constraint is not None:
        told.say("Subject to ", [found.constraint, "=", zero_like(found.constraint)], ".")
    for step in found.steps:
        told.say(*_capital(step.parts), ".")
    if found.solution is not None:
        told.show(Row([found.wrt], ("=", [found.solution]), shape=found.wrt.shape, is_boxed=True))
    elif found.equation is not None:
        told.show(Row([found.equation.left], ("=", [found.equation.right]), shape=found.wrt.shape, is_boxed=True))
    for condition in found.conditions:
        told.say("Provided that ", *condition.parts, ".")
    return told


def stationary_json(found: Stationary) -> str:
    """One object: schema, kind, formula, wrt, status, solution, equation, conditions, point, steps."""
    equation = found.equation
    fields: dict[str, Any] = {
        "schema": SCHEMA,
        "kind": "stationary",
        "formula": found.formula.text(),
        "wrt": found.wrt.text(),
        "shapes": _sizes(found.formula),
        "gradient": _form(found.gradient),
        "status": found.status,
        "solution": None if found.solution is None else _form(found.solution),
        "equation": None if equation is None else {"text": equation.text(), "latex": equation.latex()},
        "conditions": [c.text() for c in found.conditions],
        "point": found.kind,
        "steps": [{"text": s.text(), "latex": s.latex()} for s in found.steps],
        "readings": found.readings,
    }
    return json.dumps(fields, ensure_ascii=False, indent=2)


def _sizes(formula: Expr) -> dict[str, Any]:
    return {shown(s.name): [size(dim) for dim in s.shape] for s in symbols_of(formula)}


def _form(expr: Expr) -> dict[str, str]:
    return {"text": expr.text(), "latex": expr.latex()}


# What every answer shares


def latex(told: Exposition, document: bool = False) -> str:
    from .latex import LatexPrinter, page

    printer = LatexPrinter(told.spelled, joined=document)
    body = printer.blocks(told.blocks)
    return page(printer, told, body) if document else body + "\n"


def html(told: Exposition, title: str) -> str:
    """A page of its own."""
    from .html import PAGE, STYLE, HtmlPrinter, page

    printer = HtmlPrinter(told, {})
    shown = "\n".join(printer.blocks())
    body = f"<main class='derivation'><h1>{printer.inline(told.title)}</h1>{shown}</main>"
    return page(title, f"{PAGE}\n{STYLE}", body)


def written(found: Any, form: str) -> str | bytes:
    """An answer in a format of the command line."""
    if form in ("latex", "tex", "pdf"):
        tex: str = found.latex(document=form != "latex")
        if form != "pdf":
            return tex
        from .paper import typeset

        return typeset(tex)
    return str(getattr(found, form)())
