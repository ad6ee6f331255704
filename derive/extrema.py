"""The public functions on extrema: whether a formula is convex, and where its gradient vanishes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import DeriveError
from .expr import Expr, symbols_of
from .problem import Problem, Where, scalar_problem
from .shapes import shape_text

if TYPE_CHECKING:
    from .optimality.curvature import Convexity
    from .optimality.stationarity import Stationary


def convexity(formula: Any, wrt: Any, where: Where = None) -> Convexity:
    """Decide whether a scalar formula is convex in the symbols `wrt`, with a proof or points that refute it.

    Parameters
    ----------
    formula : str, Expr or SymPy expression, scalar
    wrt : str, Expr or SymPy symbol, or several
        Several, `"U, V"` or a list, are taken together.
    where : str or mapping, optional
        Declarations; what they say of the variables is their domain.

    Returns
    -------
    Convexity
        `verdict` "convex", "concave", "affine", "neither" or "unknown", for all values of the
        other symbols in their declared domains; `steps`, the proof; `points`, the chords that
        refute; `condition` and `strength` where there are any.  A proof is by composition
        [Boyd & Vandenberghe, Convex Optimization, ch. 3] or by the second differential as a
        sum of squares, and checked at random points of random sizes.

    Raises
    ------
    ParseError, ShapeError, UnknownSymbolError, LimitError

    Examples
    --------
    >>> from derive import convexity
    >>> print(convexity("‖A x − b‖² + λ ‖x‖²", "x", where="λ: scalar positive"))
    convex
    >>> convexity("xᵀ B x", "x").condition
    'B + Bᵀ ⪰ 0'
    """
    from .optimality.curvature import examine

    problem, variables = scalar_problem(formula, wrt, where)
    return examine(problem.expr, variables, problem.given.hints, problem.given.name, problem.given.readings)


def stationary(formula: Any, wrt: Any, where: Where = None, subject_to: str | None = None) -> Stationary:
    """Find where the gradient of a scalar formula vanishes, in closed form.

    Parameters
    ----------
    formula : str, Expr or SymPy expression, scalar
    wrt : str, Expr or SymPy symbol
    where : str or mapping, optional
        Declarations.
    subject_to : str, optional
        An equation that the variable satisfies, such as `"𝟏ᵀw = 1"`.

    Returns
    -------
    Stationary
        `solution`, an expression, or None where there is no closed one: an eigenvalue problem, a
        Sylvester equation (`function()` solves it), a gradient that never vanishes; `equation`,
        `conditions`, `steps`, and `kind`, "minimum", "maximum", "saddle" or "unknown".

    Raises
    ------
    DeriveError
        No closed form is known; the message says why.
    ParseError, ShapeError, UnknownSymbolError, LimitError

    Examples
    --------
    >>> from derive import stationary
    >>> found = stationary("‖X w − y‖² + λ ‖w‖²", "w", where="λ: scalar positive")
    >>> print(found, "|", found.kind)
    (Xᵀ X + λ I)⁻¹ Xᵀ y | minimum
    """
    from .optimality.stationarity import solve

    problem, variables = scalar_problem(formula, wrt, where)
    if len(variables) != 1:
        raise DeriveError("a stationary point is solved for in one symbol", hint="solve for one after the other")
    constraint = None if subject_to is None else _constraint(problem, subject_to, variables[0])
    return solve(
        problem.expr, variables[0], constraint, problem.given.hints, problem.given.name, problem.given.readings
    )


def _constraint(problem: Problem, text: str, wrt: Expr) -> Expr:
    """left − right of a constraint in the symbols of a formula."""
    from .optimality.constraints import checked

    left, right = checked(text)
    known = [s for s in problem.symbols.values() if not str(s.name).startswith("_")]
    declared = "; ".join(
        f"{s.name}: {shape_text(s.shape)} {' '.join(sorted(s.properties - {'triangular'}))}" for s in known
    )
    found = Problem(f"({left}) − ({right})", declared, (wrt.name,), False)
    if wrt not in symbols_of(found.expr):
        raise DeriveError(f"{wrt.text()} does not occur in the constraint {text}")
    return found.expr
