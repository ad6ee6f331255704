"""Derivations written by hand: the document, its claims, the verdicts, the repairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .report import Line, Report

Progress = Callable[[int, int], None]


def check(text: str, where: Any = None, progress: Progress | None = None) -> Report:
    """Check a derivation written by hand, claim by claim.

    Parameters
    ----------
    text : str
        A Markdown or LaTeX document.
    where : str or mapping, optional
        Declarations, such as `"W: m×n, x: n"`.
    progress : callable, optional
        Called with the number of claims judged and their total.

    Returns
    -------
    Report
    """
    from .examination import examine

    return examine(text, where, progress)


def check_code(source: str, loss: str, wrt: str, where: Any = None) -> Report:
    """Check a program that computes a gradient; see `derive.check_code`."""
    from .code import check_code as judge

    return judge(source, loss, wrt, where)


__all__ = ["Line", "Report", "check", "check_code"]
