"""The public functions: text, expressions or SymPy in, a `Derivation` out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .derivation import Derivation, Sweep, require_scalar
from .errors import DeriveError, ShapeError, UnknownSymbolError
from .expr import Expr, symbol, symbol_op, symbols_of, zero_like
from .progress import watched
from .shapes import shape_text

Where = str | Mapping[str, Any] | None


class Problem:
    """A formula as it came in: the expression, its symbols, and what was inferred on the way."""

    __slots__ = ("expr", "name", "symbols", "definitions", "where", "readings", "hints", "sympy_symbols", "_parsed")

    def __init__(self, formula: Any, where: Where, names: tuple[str, ...], scalar: bool) -> None:
        self.name = "L"
        self.definitions: list[tuple[str, Expr]] = []
        self.where: list[str] = []
        self.readings: list[str] = []
        self.hints: list[Any] = []
        self.sympy_symbols: dict[str, Any] = {}
        self._parsed: Any = None
        if isinstance(formula, str):
            from .reading import parse as read

            with watched("reading the formula"):
                parsed = read(formula, where, wrt=names, scalar=scalar)
            self._parsed = parsed
            self.expr: Expr = parsed.expr
            self.name, self.definitions = parsed.name, list(parsed.definitions)
            self.symbols: dict[str, Expr] = dict(parsed.symbols)
            self.where, self.readings, self.hints = list(parsed.where), list(parsed.readings), list(parsed.hints)
            return
        if isinstance(formula, Expr):
            self.expr = formula
        else:
            from .interop import from_sympy, sympy_symbols

            self.expr = from_sympy(formula)
            self.sympy_symbols = sympy_symbols(formula)
        self.symbols = {s.name: s for s in symbols_of(self.expr)}
        if where is not None:
            from .reading import redeclare

            self.expr, self.symbols = redeclare(self.expr, where)
        if "L" in self.symbols:
            self.name = "ℓ"

    def find(self, name: Any) -> Expr:
        """The symbol that a name, a symbol or a SymPy symbol stands for."""
        if isinstance(name, Expr):
            if name.op is not symbol_op:
                raise DeriveError(
                    f"{name.text()} is not a symbol", hint="name it by a definition, or derive by a symbol"
                )
            return self.symbols.get(name.name, name)
        if not isinstance(name, str):
            from .interop import from_sympy, sympy_symbols

            found = from_sympy(name)
            self.sympy_symbols.update(sympy_symbols(name))
            return self.find(found)
        if self._parsed is not None:
            from .reading import find_symbol

            return find_symbol(self._parsed, name)
        from .names import canonical

        key = canonical(name)
        if key in self.symbols:
            return self.symbols[key]
        from difflib import get_close_matches

        near = get_close_matches(key, list(self.symbols), n=1)
        known = ", ".join(self.symbols) or "none"
        raise UnknownSymbolError(
            f"the formula has no symbol {name}", hint=f"did you mean {near[0]}?" if near else f"its symbols: {known}"
        )

    def fields(self) -> dict[str, Any]:
        """What every Derivation keeps of the input."""
        return {
            "name": self.name,
            "definitions": self.definitions,
            "where": self.where,
            "readings": self.readings,
            "hints": self.hints,
            "sympy_symbols": self.sympy_symbols,
        }


def _given(*names: Any) -> tuple[str, ...]:
    return tuple(n if isinstance(n, str) else n.name for n in names if isinstance(n, (str, Expr)))


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


def gradient(formula: Any, wrt: Any, where: Where = None) -> Derivation:
    """Derive the gradient of a scalar loss with respect to the symbol `wrt`.

    Parameters
    ----------
    formula : str, Expr or SymPy expression, scalar
    wrt : str, Expr or SymPy symbol
        A symbol, of shape (m, n); if it occurs k times (a tied weight), there are k
        contributions, in the order of evaluation.
    where : str or mapping, optional
        Declarations, such as `"W: m×n, x: n"`; what is not declared is solved for.

    Returns
    -------
    Derivation
        `contributions`, each (m, n), and their sum as `expanded`, `boxed`, `compact` and
        `program`, so that dL = <gradient, dW> [MN, ch. 9].  A variable declared symmetric,
        skew, diagonal or triangular has its gradient in its own space.

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
    problem = Problem(formula, where, _given(wrt), True)
    variable = problem.find(wrt)
    require_scalar(problem.expr)
    sweep = Sweep(problem.expr, variable)
    result, structure, unstructured, remarks = sweep.total, None, None, []
    from .jacobians import project

    projected = project(sweep.total, variable)
    if projected is not None:
        result, structure = projected
        unstructured = sweep.total
    if not sweep.contributions:
        remarks.append(f"{variable.text()} does not occur in {problem.name}: its gradient is zero")
    return Derivation(
        "gradient", problem.expr, variable, result, sweep=sweep, structure=structure, unstructured=unstructured,
        remarks=remarks, **problem.fields(),
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
    from .jacobians import stiefel_gradient as onto_tangent_space

    problem = Problem(formula, where, _given(wrt), True)
    variable = problem.find(wrt)
    require_scalar(problem.expr)
    sweep = Sweep(problem.expr, variable)
    return Derivation(
        "gradient", problem.expr, variable, onto_tangent_space(sweep.total, variable), sweep=sweep,
        structure=f"Riemannian gradient on the Stiefel manifold, {variable.text()}ᵀ {variable.text()} = I",
        unstructured=sweep.total, is_riemannian=True, **problem.fields(),
    )  # fmt: skip


def jacobian(formula: Any, wrt: Any, where: Where = None, layout: str = "numerator") -> Derivation:
    """Derive the Jacobian of a scalar, vector or matrix by a scalar, vector or matrix.

    Parameters
    ----------
    formula : str, Expr or SymPy expression
    wrt : str, Expr or SymPy symbol
    where : str or mapping, optional
    layout : {"numerator", "denominator"}
        Outputs as rows (the default), or the transpose of that.

    Returns
    -------
    Derivation
        Of a vector of length p by a vector of length n: (p, n); of a scalar by a vector
        (1, n); by a scalar: the shape of the value; of a matrix by a matrix
        ∂ vec F / ∂ (vec X)ᵀ with columns stacked [MN, ch. 9.4]; `.linear_map` is dX ↦ dF.

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
    problem = Problem(formula, where, _given(wrt), False)
    variable = problem.find(wrt)
    result, conditions = coefficient(problem.expr, variable)
    if layout == "denominator":
        result = result.T
    remarks = []
    if variable not in symbols_of(problem.expr):
        remarks.append(f"{variable.text()} does not occur in {problem.name}: its derivative is zero")
    return Derivation(
        "jacobian", problem.expr, variable, result, layout=layout, conditions=conditions, remarks=remarks,
        **problem.fields(),
    )  # fmt: skip


def hessian(formula: Any, wrt: Any, where: Where = None) -> Derivation:
    """Derive the Hessian of a scalar: the Jacobian of its gradient.

    Parameters
    ----------
    formula : str, Expr or SymPy expression, scalar
    wrt : str, Expr or SymPy symbol

    Returns
    -------
    Derivation
        By a vector of length n: (n, n); by a matrix (m, n): (mn, mn), of vec [MN, ch. 10];
        `.linear_map` is V ↦ the Hessian applied to V.

    Raises
    ------
    ParseError, ShapeError, UnknownSymbolError, MissingRuleError, LimitError

    Examples
    --------
    >>> from derive import hessian
    >>> print(hessian("logsumexp(Ax)", "x").boxed)
    Aᵀ (diag(softmax(A x)) − softmax(A x) softmax(A x)ᵀ) A
    """
    from .jacobians import jacobian as coefficient
    from .jacobians import project

    problem = Problem(formula, where, _given(wrt), True)
    variable = problem.find(wrt)
    require_scalar(problem.expr)
    sweep = Sweep(problem.expr, variable)
    result, conditions = coefficient(sweep.total, variable)
    structure = None
    if project(sweep.total, variable) is not None:
        structure = "entries taken as independent; hvp projects"
    remarks = (
        [] if sweep.contributions else [f"{variable.text()} does not occur in {problem.name}: its Hessian is zero"]
    )
    return Derivation(
        "hessian", problem.expr, variable, result, sweep=sweep, structure=structure, remarks=remarks,
        conditions=list(dict.fromkeys([*sweep.conditions, *conditions])), **problem.fields(),
    )  # fmt: skip


def hvp(formula: Any, wrt: Any, direction: Any, where: Where = None) -> Derivation:
    """Derive the Hessian of a scalar applied to a direction.

    Parameters
    ----------
    formula : str, Expr or SymPy expression, scalar
    wrt : str, Expr or SymPy symbol
    direction : str, Expr or SymPy symbol
        In the shape of `wrt`.

    Returns
    -------
    Derivation
        In the shape of `wrt`; projected if that is declared symmetric.

    Examples
    --------
    >>> from derive import hvp
    >>> print(hvp("½ xᵀAx", "x", "v", where="A: n×n symmetric").boxed)
    A v
    """
    from .jacobians import differential as push
    from .jacobians import project

    if isinstance(direction, str) and isinstance(formula, str):
        problem = Problem(formula, where, _given(wrt, direction), True)
    else:
        problem = Problem(formula, where, _given(wrt), True)
    variable = problem.find(wrt)
    require_scalar(problem.expr)
    along = _direction(problem, direction, variable)
    sweep = Sweep(problem.expr, variable)
    gradient_graph, structure = sweep.total, None
    projected = project(gradient_graph, variable)
    if projected is not None:
        gradient_graph, structure = projected
    result, conditions = push(gradient_graph, {variable: along})
    remarks = (
        [] if sweep.contributions else [f"{variable.text()} does not occur in {problem.name}: the product is zero"]
    )
    return Derivation(
        "hvp", problem.expr, variable, result, sweep=sweep, direction=along, structure=structure, remarks=remarks,
        conditions=list(dict.fromkeys([*sweep.conditions, *conditions])), **problem.fields(),
    )  # fmt: skip


def _direction(problem: Problem, direction: Any, variable: Expr) -> Expr:
    if isinstance(direction, Expr):
        along = direction
    elif isinstance(direction, str):
        from .names import canonical

        name = canonical(direction)
        along = problem.symbols.get(name) or symbol(name, *variable.shape)
    else:
        from .interop import from_sympy, sympy_symbols

        along = from_sympy(direction)
        problem.sympy_symbols.update(sympy_symbols(direction))
    if along is variable:
        raise DeriveError(f"the direction and the variable are both {variable.text()}", hint="give it another name")
    if along.shape != variable.shape:
        raise ShapeError(
            f"the direction {along.text()} ({shape_text(along.shape)}) has not the shape of "
            f"{variable.text()} ({shape_text(variable.shape)})"
        )
    return along


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
    return Derivation(
        "differential", problem.expr, None, result, conditions=conditions, moved=moved, **problem.fields()
    )


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
        `.point`), with `.evidence` and the `.conditions` that the formulas need.  As a truth
        value it is False only of what differs.

    Examples
    --------
    >>> from derive import equal
    >>> equal("tr(AB)", "tr(BA)")
    'proved'
    >>> print(equal("(A + B)⁻¹", "A⁻¹ (A⁻¹ + B⁻¹)⁻¹ B⁻¹", "A, B: n×n").conditions)
    ('A + B invertible', 'A invertible', 'B invertible', 'A⁻¹ + B⁻¹ invertible')
    """
    from .algebra import equal as decide

    if isinstance(a, str) and isinstance(b, str):
        from .reading import parse_together

        left, right = parse_together([a, b], where)
    else:
        left, right = (Problem(side, where, (), False).expr for side in (a, b))
    return decide(left, right)


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
