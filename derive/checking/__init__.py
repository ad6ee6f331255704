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
    """Check a function that computes a gradient against the loss.

    Parameters
    ----------
    source : str
        Python source with a function or a method in NumPy, PyTorch or JAX whose parameters are
        symbols of the loss (or hold them: `X, y = batch`, `self.cache`); a function named
        `gradient`, `grad` or `backward`, else the last one.  Of several values returned, the one
        named after `wrt` counts, else the only one in its shape.
    loss : str
    wrt : str
    where : str or mapping, optional

    Returns
    -------
    Report
        One line: that of the gradient.

    Raises
    ------
    ParseError
        The source is no Python, does what has no formula, or does not tell which value is the
        gradient; with the line.

    Examples
    --------
    >>> from derive import check_code
    >>> source = "def grad(A, x, b):\\n    r = A @ x - b\\n    return A @ r"
    >>> line = check_code(source, "½‖A x − b‖²", "x", "A: m×n, x: n, b: m").lines[0]
    >>> line.number, line.verdict, line.kind
    (3, 'fails', 'transpose')
    """
    from ..progress import watched
    from .code import check_code as judge

    with watched("checking"):
        return judge(source, loss, wrt, where)


def check_gradient(function: Callable[..., Any], loss: str, wrt: str, where: Any = None) -> Report:
    """Compare a function that computes a gradient with the derivative of the loss.

    The function is called at five random points of random unequal sizes with one-dimensional
    arrays for vectors, two-dimensional ones for matrices and floats; copies, so that it may
    change them.

    Parameters
    ----------
    function : callable
        Its parameters are named after symbols of the loss.  It returns the gradient, in the
        shape of the variable; of a tuple or a dictionary, the value named `d` + the variable
        or the only one in its shape counts.
    loss : str
    wrt : str
    where : str or mapping, optional

    Returns
    -------
    Report
        One line, which agrees or fails: with the derived gradient and with central differences
        of the loss.  `kind` names the difference: factor, sign, layout, path, axis, projection,
        inner derivative or unknown.

    Raises
    ------
    DeriveError
        The parameters are no symbols of the loss, or the function raises.

    Examples
    --------
    >>> from derive import check_gradient
    >>> report = check_gradient(lambda A, x, b: 2 * A.T @ (A @ x - b), "½‖A x − b‖²", "x")
    >>> report.ok, report.lines[0].kind, report.lines[0].reason
    (False, 'factor', 'it is 2 times the gradient')
    """
    from ..progress import watched
    from .gradient_functions import check_gradient as compare

    with watched("checking"):
        return compare(function, loss, wrt, where)


__all__ = ["Line", "Report", "check", "check_code", "check_gradient"]
