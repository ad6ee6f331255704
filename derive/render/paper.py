"""Derivations on paper: the document of `latex`, set by an installed LaTeX engine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from typing import TYPE_CHECKING, Any

from ..errors import DeriveError, MissingExtraError
from .latex import derivation_latex

if TYPE_CHECKING:
    from ..derivation import Presented

ENGINES = ("pdflatex", "lualatex", "xelatex", "tectonic")
SECONDS = 120


def pdf(
    derivation: Presented,
    path: str | os.PathLike[str],
    detail: str = "steps",
    verify: bool = True,
    **style: Any,
) -> None:
    """Write the derivation as a PDF document.

    Raises
    ------
    MissingExtraError
        No LaTeX engine is installed.
    DeriveError
        The engine failed; the message carries its first complaint.
    """
    with open(path, "wb") as out:
        out.write(typeset(derivation_latex(derivation, document=True, detail=detail, verify=verify, **style)))


def typeset(document: str) -> bytes:
    """The PDF of a LaTeX document."""
    engine = next((found for found in map(shutil.which, ENGINES) if found), None)
    if engine is None:
        raise MissingExtraError(
            "no LaTeX engine is installed, and a PDF needs one",
            hint=f"install TeX Live or Tectonic ({', '.join(ENGINES)}), or write derivation.tex and set it elsewhere",
        )
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "derivation.tex")
        with open(source, "w", encoding="utf-8") as out:
            out.write(document)
        options = [] if "tectonic" in engine else ["-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape"]
        try:
            done = subprocess.run(
                [engine, *options, source], cwd=folder, capture_output=True, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise DeriveError(f"{os.path.basename(engine)} did not finish within {SECONDS} seconds") from None
        made = os.path.join(folder, "derivation.pdf")
        if done.returncode or not os.path.exists(made):
            log = done.stdout.decode("utf-8", "replace") + done.stderr.decode("utf-8", "replace")
            complaint = next((line for line in log.splitlines() if line.startswith(("!", "error"))), "no PDF was made")
            raise DeriveError(f"{os.path.basename(engine)} could not set the document: {complaint}")
        with open(made, "rb") as result:
            return result.read()
