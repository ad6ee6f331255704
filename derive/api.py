"""The public functions: text, expressions or SymPy in, a `Derivation` out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from .derivation import Derivation, Sweep, require_scalar
from .errors import DeriveError
from .expr import Expr, symbol, symbols_of, zero_like
from .problem import Problem, Where, direction_of, given_names, several_of
from .progress import watched


def symbols(where: str | Mapping[str, Any]) -> Any:
    """Declare symbols, to build formulas in Python.

    Parameters
    ----------
    where : str or mapping
        Declarations, such as `"W: m×n, x: n"`.

    Returns
    -------
    Expr or tuple of Expr
        One for each name, in order.

    Examples
    --------
    >>> from derive import gradient, norm, symbols
    >>> W, x = symbols("W: m×n, x: n")
    >>> print(gradient(norm(W.T @ W @ x - x) ** 2 / 2, W).boxed)
    W (Wᵀ W x xᵀ + x xᵀ Wᵀ W − 2 x xᵀ)
    """
    from .reading import declarations

    made = tuple(declarations(where).symbols().values())
    if not made:
        raise DeriveError("no symbol is declared", hint='for example symbols("W: m×n, x: n")')
    return made[0] if len(made) == 1 else made


def parse(formula: str, where: Where = None) -> Expr:
    """Read a formula, solving for the shapes of what is not declared.

    Parameters
    ----------
    formula : str
        Unicode, ASCII, NumPy-like or LaTeX.
    where : str or mapping, optional
        Declarations, such as `"W: m×n, S: n×n spd"`.

    Raises
    ------
    ParseError, ShapeError, LimitError
        With the place marked and a way out.

    Examples
    --------
    >>> from derive import parse
    >>> print(parse(r"\\frac12 \\left\\| W^\\top W x - x \\right\\|_2^2"))
    ½ ‖Wᵀ W x − x‖²
    """
    return Problem(formula, where, (), False).expr


def gradient(formula: Any, wrt: Any, where: Where = None) -> Any:
    """Derive the gradient of a scalar loss with respect to the symbol `wrt`, or to several.

    Parameters
    ----------
    formula : str, Expr or SymPy expression, scalar
    wrt : str, Expr or SymPy symbol, or a list of them
        A symbol, of shape (m, n); if it occurs k times (a tied weight), there are k
        contributions, in the order of evaluation.  Several, as `["W", "b"]` or `"W, b"`,
        are derived by in one sweep.  By an entry, as `"x_1"`, `"x_i"` or `"A_{12}"`:
        that entry of the gradient.
    where : str or mapping, optional
        Declarations, such as `"W: m×n, x: n"`; what is not declared is solved for.

    Returns
    -------
    Derivation
        `contributions`, each (m, n), and their sum as `expanded`, `boxed`, `compact` and
        `program`, so that dL = <gradient, dW> [MN, ch. 9].  A variable declared symmetric,
        skew, diagonal or triangular has its gradient in its own space.  Of several
        variables: `Gradients`, a mapping from name to Derivation with one program.

    Raises
    ------
    ShapeError
        The loss is not scalar (use `jacobian`), or shapes do not fit.
    MissingRuleError
        An operation between `wrt` and the loss has no derivative in matrix notation.
    ParseError, UnknownSymbolError, LimitError

    Examples
    --------
    >>> from derive import gradient
    >>> print(gradient("½‖WᵀWx − x‖²", "W").boxed)
    W (Wᵀ W x xᵀ + x xᵀ Wᵀ W − 2 x xᵀ)
    """
    several = several_of(wrt)
    wanted = [wrt] if several is None else several
    problem = Problem(formula, where, given_names(*wanted), True)
    entry = problem.entry(wrt) if several is None else None
    variables = [problem.find(name) for name in wanted] if entry is None else [entry[0]]
    require_scalar(problem.expr)
    sweep = Sweep(problem.expr, variables)
    if entry is not None:
        return _of_entry(problem, wrt, *entry, sweep)
    if several is None:
        return _gradient(problem, variables[0], sweep)
    for i, variable in enumerate(variables):
        if variable in variables[:i]:
            raise DeriveError(f"{variable.text()} is asked for twice")
    from .gradients import Gradients

    return Gradients(problem.expr, sweep, [_gradient(problem, v, sweep.of(v)) for v in variables], problem.given)


def _gradient(problem: Problem, variable: Expr, sweep: Sweep) -> Derivation:
    """The gradient by one variable, in the variable's own space."""
    from .spaces import project

    result, structure, unstructured = sweep.total, None, None
    projected = project(sweep.total, variable)
    if projected is not None:
        result, structure = projected
        unstructured = sweep.total
    remarks = [] if sweep.contributions else problem.absence(variable, "its gradient")
    return Derivation(
        "gradient", problem.expr, variable, result, problem.given, sweep=sweep, structure=structure,
        unstructured=unstructured, remarks=remarks,
    )  # fmt: skip


def _of_entry(problem: Problem, name: str, variable: Expr, indices: list[str], sweep: Sweep) -> Derivation:
    """The derivative by x_1, x_i, A_{12} or a row: a part of the gradient."""
    from .names import canonical, text
    from .operations import basis, matmul
    from .shapes import Dim

    place = f"({', '.join(indices)})" if len(indices) > 1 else indices[0]
    part = f"{'entry' if variable.is_vector or len(indices) > 1 else 'row'} {place}"
    shown = text(canonical(name))
    said = f"the derivative by {shown} is {part} of the gradient by {variable.text()}"
    if variable.properties:
        raise DeriveError(
            f"{variable.text()} has a structure, and {shown} does not vary alone", hint=f"derive by {variable.text()}"
        )
    units = [basis(Dim.of(int(i) if i.isdigit() else i), size) for i, size in zip(indices, variable.shape)]
    whole = sweep.total
    result = matmul(whole.T, *units) if part[0] == "r" else matmul(units[0].T, whole, *units[1:])
    return Derivation(
        "gradient", problem.expr, variable, result, problem.given, sweep=sweep, structure=said, unstructured=whole,
        entry=symbol(canonical(name), *result.shape),
    )  # fmt: skip


def stiefel_gradient(formula: Any, wrt: Any, where: Where = None) -> Derivation:
    """Derive the Riemannian gradient on the Stiefel manifold, QᵀQ = I.

    Parameters
    ----------
    formula : str, Expr or SymPy expression, scalar
    wrt : str, Expr or SymPy symbol
        Q of shape (n, k) with orthonormal columns.

    Returns
    -------
    Derivation
        G − Q (QᵀG + GᵀQ)/2 with the Euclidean gradient G, under the Euclidean metric
        [Edelman, Arias & Smith 1998, SIAM J. Matrix Anal. Appl. 20(2), 2.4 with the
        embedded metric].

    Examples
    --------
    >>> from derive import stiefel_gradient
    >>> print(stiefel_gradient("tr(QᵀA)", "Q").boxed)
    A − ½ Q (Qᵀ A + Aᵀ Q)
    """
    from .spaces import stiefel_gradient as onto_tangent_space

    problem = Problem(formula, where, given_names(wrt), True)
    variable = problem.find(wrt)
    require_scalar(problem.expr)
    sweep = Sweep(problem.expr, variable)
    return Derivation(
        "gradient", problem.expr, variable, onto_tangent_space(sweep.total, variable), problem.given, sweep=sweep,
        structure=f"Riemannian gradient on the Stiefel manifold, {variable.text()}ᵀ {variable.text()} = I",
        unstructured=sweep.total, is_riemannian=True,
    )  # fmt: skip


def jacobian(formula: Any, wrt: Any, where: Where = None, layout: str = "numerator") -> Any:
    """Derive the Jacobian of a scalar, vector or matrix by a scalar, vector or matrix.

    Parameters
    ----------
    formula : str, Expr or SymPy expression
    wrt : str, Expr or SymPy symbol, or a list of them
    where : str or mapping, optional
    layout : {"numerator", "denominator"}
        Outputs as rows (the default), or the transpose of that.

    Returns
    -------
    Derivation
        Of a vector of length p by a vector of length n: (p, n); of a scalar by a vector
        (1, n); by a scalar: the shape of the value; of a matrix by a matrix
        ∂ vec F / ∂ (vec X)ᵀ with columns stacked [MN, ch. 9.4]; `.linear_map` is dX ↦ dF.
        By several variables: `Jacobians`, a mapping from name to Derivation.

    Raises
    ------
    ParseError, ShapeError, UnknownSymbolError, MissingRuleError, LimitError

    Examples
    --------
    >>> from derive import jacobian
    >>> print(jacobian("tanh(Wx + b)", "x").boxed)
    diag(𝟏 − tanh(W x + b).^2) W
    """
    from .jacobians import jacobian as coefficient

    if layout not in ("numerator", "denominator"):
        raise DeriveError(f"there is no layout {layout!r}", hint='layout="numerator" or layout="denominator"')
    several = several_of(wrt)
    wanted = [wrt] if several is None else several
    problem = Problem(formula, where, given_names(*wanted), False)
    parts = []
    for variable in map(problem.find, wanted):
        result, conditions = coefficient(problem.expr, variable)
        remarks = [] if variable in symbols_of(problem.expr) else problem.absence(variable, "its derivative")
        parts.append(Derivation(
            "jacobian", problem.expr, variable, result.T if layout == "denominator" else result, problem.given,
            layout=layout, conditions=conditions, remarks=remarks,
        ))  # fmt: skip
    if several is None:
        return parts[0]
    from .gradients import Jacobians

    return Jacobians(parts)


def hessian(formula: Any, wrt: Any, where: Where = None) -> Any:
    """Derive the Hessian of a scalar: the Jacobian of its gradient.

    Parameters
    ----------
    formula : str, Expr or SymPy expression, scalar
    wrt : str, Expr or SymPy symbol, or a list of them

    Returns
    -------
    Derivation
        By a vector of length n: (n, n); by a matrix (m, n): (mn, mn), of vec [MN, ch. 10];
        `.linear_map` is V ↦ the Hessian applied to V.  Of several variables: `Blocks`, a
        mapping from pairs of names; the block (U, V) is ∂ vec(∂L/∂U) / ∂(vec V)ᵀ.

    Raises
    ------
    ParseError, ShapeError, UnknownSymbolError, MissingRuleError, LimitError

    Examples
    --------
    >>> from derive import hessian
    >>> print(hessian("logsumexp(Ax)", "x").boxed)
    Aᵀ (diag(softmax(A x)) − softmax(A x) softmax(A x)ᵀ) A
    """
    several = several_of(wrt)
    if several is not None:
        from .gradients import Blocks

        return Blocks(gradient(formula, several, where), partial(hessian, formula, where=where))
    from .jacobians import jacobian as coefficient
    from .spaces import project

    problem = Problem(formula, where, given_names(wrt), True)
    variable = problem.find(wrt)
    require_scalar(problem.expr)
    sweep = Sweep(problem.expr, variable)
    result, conditions = coefficient(sweep.total, variable)
    structure = None
    if project(sweep.total, variable) is not None:
        structure = "entries taken as independent; hvp projects"
    remarks = [] if sweep.contributions else problem.absence(variable, "its Hessian")
    return Derivation(
        "hessian", problem.expr, variable, result, problem.given, sweep=sweep, structure=structure, remarks=remarks,
        conditions=list(dict.fromkeys([*sweep.conditions, *conditions])),
    )  # fmt: skip


def hvp(formula: Any, wrt: Any, direction: Any, where: Where = None) -> Any:
    """Derive the Hessian of a scalar applied to a direction.

    Parameters
    ----------
    formula : str, Expr or SymPy expression, scalar
    wrt : str, Expr or SymPy symbol, or a list of them
    direction : str, Expr or SymPy symbol, or a list of as many
        In the shape of `wrt`.

    Returns
    -------
    Derivation
        In the shape of `wrt`; projected if that is declared symmetric.  Of several
        variables: `Gradients`, one product for each, along all directions at once.

    Examples
    --------
    >>> from derive import hvp
    >>> print(hvp("½ xᵀAx", "x", "v", where="A: n×n symmetric").boxed)
    A v
    """
    from .jacobians import differential as push
    from .spaces import project

    several = several_of(wrt)
    wanted = [wrt] if several is None else several
    along_names = (several_of(direction) or [direction]) if several is not None else [direction]
    if len(along_names) != len(wanted):
        raise DeriveError(f"{len(wanted)} variables need as many directions, and {len(along_names)} are given")
    known = along_names if isinstance(formula, str) and all(isinstance(name, str) for name in along_names) else []
    problem = Problem(formula, where, given_names(*wanted, *known), True)
    variables = [problem.find(name) for name in wanted]
    require_scalar(problem.expr)
    moved = {v: direction_of(problem, name, v) for v, name in zip(variables, along_names, strict=True)}
    if len(set(moved.values())) < len(wanted):
        raise DeriveError("each variable needs a direction of its own", hint="give the directions different names")
    sweep = Sweep(problem.expr, variables)
    parts = []
    for variable, along in moved.items():
        gradient_graph, structure = sweep.totals[variable], None
        projected = project(gradient_graph, variable)
        if projected is not None:
            gradient_graph, structure = projected
        result, conditions = push(gradient_graph, moved)
        part = sweep.of(variable)
        parts.append(Derivation(
            "hvp", problem.expr, variable, result, problem.given, sweep=part, direction=along, structure=structure,
            moved=moved, remarks=[] if part.contributions else problem.absence(variable, "the product"),
            conditions=list(dict.fromkeys([*part.conditions, *conditions])),
        ))  # fmt: skip
    if several is None:
        return parts[0]
    from .gradients import Gradients

    return Gradients(problem.expr, sweep, parts, problem.given)


def differential(formula: Any, where: Where = None) -> Derivation:
    """Derive the differential of a formula in terms of those of all its symbols.

    Parameters
    ----------
    formula : str, Expr or SymPy expression

    Returns
    -------
    Derivation
        In the shape of the formula, linear in dX, dA, ...; symbols declared `constant`
        have none.

    Examples
    --------
    >>> from derive import differential
    >>> print(differential("Y = AXB", where="A: m×m constant, X: m×n, B: n×n constant").boxed)
    A dX B
    """
    from .jacobians import differential as push

    problem = Problem(formula, where, (), False)
    variables = [s for s in symbols_of(problem.expr) if "constant" not in s.properties]
    taken = set(problem.symbols)
    moved = {}
    for s in variables:
        name = "d" + s.name
        while name in taken:
            name = "d" + name
        taken.add(name)
        # A symmetric matrix has a symmetric differential.
        kept = s.properties & {"symmetric", "skew", "diagonal", "lower", "upper", "triangular"}
        moved[s] = symbol(name, *s.shape, properties=kept)
    if moved:
        result, conditions = push(problem.expr, moved)
    else:
        result, conditions = zero_like(problem.expr), []
    return Derivation("differential", problem.expr, None, result, problem.given, conditions=conditions, moved=moved)


def equal(a: Any, b: Any, where: Where = None) -> Any:
    """Compare the meaning of two formulas.

    Parameters
    ----------
    a, b : str, Expr or SymPy expression

    Returns
    -------
    Equality
        Its text is `"proved"` (by normal form, or by the rewriting in `.proof`), `"agrees"`
        (modulo a prime, or to hundreds of digits, at random points) or `"differs"` (at
        `.point`), with `.evidence`, the `.conditions` that the formulas need and the `.readings`
        that were taken for granted.  As a truth value it is False only of what differs.

    Examples
    --------
    >>> from derive import equal
    >>> equal("tr(AB)", "tr(BA)")
    'proved'
    >>> print(equal("(A + B)⁻¹", "A⁻¹ (A⁻¹ + B⁻¹)⁻¹ B⁻¹", "A, B: n×n").conditions)
    ('A + B invertible', 'A invertible', 'B invertible', 'A⁻¹ + B⁻¹ invertible')
    """
    from .algebra.equality import equal as decide

    if isinstance(a, str) and isinstance(b, str):
        from .reading import parse_together

        (left, right), readings = parse_together([a, b], where)
    else:
        sides = [Problem(side, where, (), False) for side in (a, b)]
        (left, right), readings = (
            (side.expr for side in sides),
            [said for side in sides for said in side.given.readings],
        )
    found = decide(left, right)
    found.readings = tuple(readings)
    return found


def check(text: str, where: Where = None) -> Any:
    """Check a derivation written by hand, claim by claim.

    Parameters
    ----------
    text : str
        A Markdown or LaTeX document.
    where : str or mapping, optional

    Returns
    -------
    Report
        `.ok`, and `.lines` with a verdict and its reason for each claim.

    Examples
    --------
    >>> from derive import check
    >>> report = check("$$L = ‖z‖^2$$ and so $$∇_z L = z$$", "z: n")
    >>> report.ok, report.lines[-1].verdict, report.lines[-1].kind
    (False, 'fails', 'factor')
    """
    from .checking import check as judge

    with watched("checking"):
        return judge(text, where)


__all__ = [
    "check", "differential", "equal", "gradient", "hessian", "hvp", "jacobian", "parse",
    "stiefel_gradient", "symbols",
]  # fmt: skip
