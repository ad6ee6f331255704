"""What Jupyter shows, and the cell magic `%%derive`.

A derivation is offered as HTML (with the graph and steps that open and close), as
Markdown with LaTeX and as plain text; the frontend takes the richest it knows.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from ..errors import DeriveError
from ..progress import watched

if TYPE_CHECKING:
    from ..derivation import Presented


def derivation_bundle(derivation: Presented) -> dict[str, str]:
    """The mime bundle of a derivation."""
    from .html import fragment
    from .markdown import derivation_markdown
    from .text import derivation_text

    with watched("typesetting"):
        return {
            "text/plain": derivation_text(derivation),
            "text/markdown": derivation_markdown(derivation),
            "text/html": fragment(derivation),
        }


USAGE = "%%derive [gradient|jacobian|hessian] --wrt W [--where DECLARATIONS] [--name d]"


def derive_magic(line: str, cell: str, namespace: dict[str, Any]) -> Any:
    """Derive the formula in a cell; leave the derivation and the function in variables.

    The cell holds the formula, the line the rest:

        %%derive --wrt W
        ½‖WᵀWx − x‖²

    `derivation` and `function` are then set in the notebook; `--name d` calls them `d`
    and `d_function`.
    """
    from .. import api

    words = shlex.split(line)
    kind = words.pop(0) if words and not words[0].startswith("-") else "gradient"
    options: dict[str, str] = {}
    while words:
        option = words.pop(0)
        if option not in ("--wrt", "--where", "--name", "--direction") or not words:
            raise DeriveError(f"{option} is not understood", hint=USAGE)
        options[option[2:]] = words.pop(0)
    if kind not in ("gradient", "jacobian", "hessian", "hvp", "differential"):
        raise DeriveError(f"{kind} is not understood", hint=USAGE)
    given = [options[key] for key in ("wrt", "direction") if key in options]
    if kind != "differential" and "wrt" not in options:
        raise DeriveError("the variable is missing", hint=USAGE)
    name = options.get("name", "")
    with watched("deriving"):
        derivation = getattr(api, kind)(cell.strip(), *given, where=options.get("where"))
        namespace[name or "derivation"] = derivation
        if kind != "differential":
            namespace[f"{name}_function" if name else "function"] = derivation.function()
    return derivation


def load_ipython_extension(ipython: Any) -> None:
    """Register the magic: `%load_ext derive`."""

    def derive(line: str, cell: str) -> Any:
        return derive_magic(line, cell, ipython.user_ns)

    ipython.register_magic_function(derive, magic_kind="cell", magic_name="derive")
