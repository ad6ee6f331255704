"""What the page shows for what was typed: HTML, LaTeX and code, or the error.

The page and the package talk in JSON objects, so that a server and Pyodide are asked alike.
All markup comes from our own printers, which escape what was typed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

from ..errors import DeriveError

KINDS = ("reading", "gradient", "jacobian", "hessian", "convexity", "stationary", "check")
MAX_TYPED = 100_000  # characters


def answer_json(request: str) -> str:
    """`answer`, text in and out."""
    try:
        asked = json.loads(request)
    except ValueError:
        return json.dumps({"error": "the request is not JSON"})
    return json.dumps(answer(asked), ensure_ascii=False)


def answer(asked: Any) -> dict[str, Any]:
    """Answer what the page asks.

    Parameters
    ----------
    asked : dict
        `kind`, one of `KINDS`; `formula`, the text; `wrt`, names separated by commas; `where`;
        `backend`, for the code.

    Returns
    -------
    dict
        `html`, and where there are any `latex`, `code` and `symbols`; or `error`, a text with the
        place marked.

    Examples
    --------
    >>> answer({"kind": "reading", "formula": "‖A x − b‖²"})["symbols"]
    ['A', 'x', 'b']
    >>> print(answer({"kind": "gradient", "formula": "‖A x − b", "wrt": "x"})["error"].splitlines()[0])
    ‖ is not closed
    """
    if not isinstance(asked, dict) or asked.get("kind") not in KINDS:
        return {"error": "this is not asked as the page asks"}
    formula, wrt, where, backend = (str(asked.get(key) or "") for key in ("formula", "wrt", "where", "backend"))
    if len(formula) + len(wrt) + len(where) > MAX_TYPED:
        return {"error": f"the text has more than {MAX_TYPED:,} characters"}
    try:
        if asked["kind"] not in _ANSWERS:
            return _derived(asked["kind"], formula, wrt, where.strip() or None, backend or "numpy")
        return _ANSWERS[asked["kind"]](asked["kind"], formula, wrt, where.strip() or None)
    except DeriveError as error:
        return {"error": str(error)}
    except (RecursionError, MemoryError) as error:
        return {"error": f"the input is too large ({type(error).__name__})"}


def _reading(kind: str, formula: str, wrt: str, where: str | None) -> dict[str, Any]:
    """The formula typeset, the shapes of its symbols, and what was guessed."""
    from ..names import canonical
    from ..problem import Problem
    from ..render.mathml import mathml, shape_mathml
    from ..render.text import text

    names = tuple(name.strip() for name in wrt.split(",") if name.strip())
    problem = Problem(formula, where, names, False)
    shapes = "".join(
        f"<li>{mathml(symbol)} <span>{_element(shape_mathml(symbol.shape))}</span></li>"
        for symbol in problem.symbols.values()
    )
    guesses = "".join(f"<li>{escape(words)}</li>" for words in problem.given.readings)
    said = f"<div class='formula'>{mathml(problem.expr, display=True)}</div><ul class='shapes'>{shapes}</ul>"
    said += f"<ul class='guesses'>{guesses}</ul>" if guesses else ""
    known = problem.symbols
    chosen = {name if name in known else canonical(name) for name in names}
    return {
        "html": said,
        "symbols": [text(symbol) for symbol in known.values()],
        "chosen": [text(symbol) for name, symbol in known.items() if name in chosen],
    }


def _element(inside: str) -> str:
    from ..render.mathml import element

    return element(inside)


def _derived(kind: str, formula: str, wrt: str, where: str | None, backend: str) -> dict[str, Any]:
    from .. import api
    from ..render.exposition import exposition
    from ..render.html import fragment
    from ..render.latex import derivation_latex

    if not wrt.strip():
        raise DeriveError("no variable is chosen", hint="choose one of the symbols, or type its name")
    made = getattr(api, kind)(formula, wrt, where)
    if not hasattr(made, "parts"):
        raise DeriveError("a Hessian by several variables has blocks", hint="choose one variable")
    said = fragment(made, exposition(made, has_code=True))
    if not _has_numpy():
        said += "<p class='note'>The code is not checked: NumPy is not here.</p>"
    try:
        code = made.source(backend)
    except DeriveError as error:
        code = f"{error.message}\n"
    return {"html": said, "latex": derivation_latex(made), "code": code}


def _has_numpy() -> bool:
    """Whether NumPy is there; inside a browser it is not."""
    from importlib.util import find_spec

    return find_spec("numpy") is not None


def _examined(kind: str, formula: str, wrt: str, where: str | None) -> dict[str, Any]:
    from .. import extrema

    if not wrt.strip():
        raise DeriveError("no variable is chosen", hint="choose one of the symbols, or type its name")
    with _numbers() as note:
        found = getattr(extrema, kind)(formula, wrt, where)
        return {"html": _body(found.html()) + note, "latex": found.latex()}


def _checked(kind: str, formula: str, wrt: str, where: str | None) -> dict[str, Any]:
    from ..checking import check

    with _numbers() as note:
        return {"html": check(formula, where)._repr_html_() + note}


@contextmanager
def _numbers() -> Iterator[str]:
    """NumPy or what stands in for it, and what the page says of that."""
    if _has_numpy():
        yield ""
        return
    from .plain_arrays import standing_in

    try:
        with standing_in():
            yield "<p class='note'>Random points are of Python's own numbers: NumPy is not here.</p>"
    except (AttributeError, ModuleNotFoundError, TypeError) as missing:
        hint = "derive playground serves the page with it"
        raise DeriveError(f"this needs NumPy, which is not here ({missing})", hint=hint) from None


def _body(page: str) -> str:
    """What a page of ours has in its body, with its style."""
    style = page.partition("<style>")[2].partition("</style>")[0]
    return f"<style>{style}</style>" + page.partition("<body>")[2].rpartition("</body>")[0]


_ANSWERS = {"reading": _reading, "convexity": _examined, "stationary": _examined, "check": _checked}
