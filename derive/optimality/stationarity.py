"""Where the gradient vanishes: the equation, its solution in closed form, and what the point is.

A solution is given only when it has been put back: the gradient there is zero in normal
form or at random points, and never differs from zero at one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ..derivation import Sweep
from ..errors import DeriveError, LimitError
from ..expr import Expr, is_zero, nodes, number, substitute, symbols_of
from ..facts import is_definite, is_nonzero, is_positive, needed
from ..jacobians import differential
from ..operations import add, inner, terms_of
from ..properties import ASSUMED, CONSTRAINED
from ..spaces import in_space
from .constraints import Constrained, constrained, rayleigh
from .curvature import examine
from .isolation import Equation, Isolated, isolate, simple, without_factor
from .remarks import Finding, Remark
from .semidefinite import Form, second_differential

if TYPE_CHECKING:
    from ..numeric import Hint
    from ..render.blocks import Exposition

POINTS = 3
MAX_NODES = 400  # of a formula that is solved
TOLERANCE = 1e-8  # of the gradient at the solution, over the largest of its terms
NOT_DIFFERENTIABLE = frozenset({"abs", "relu", "norm", "norm1", "nuclear_norm", "spectral_norm"})
KINDS = {"convex": "minimum", "concave": "maximum"}


class Stationary(Finding):
    """Where the gradient of a scalar formula vanishes.

    Attributes
    ----------
    solution : Expr or None
        In closed form; None where the equation has none: an eigenvalue problem, a Sylvester
        equation (whose `.function()` solves it), or a gradient that never vanishes.
    equation : Equation or None
        `.left` = `.right`, what the solution solves; prints as the equation.
    status : str
        "solved", "sylvester", "eigen", "singular" (the solutions are not isolated) or "none".
    conditions : list of Remark
    kind : str
        "minimum", "maximum", "saddle" or "unknown".
    steps : list of Remark
    gradient : Expr
    formula, wrt, constraint, name, readings
    """

    def __init__(
        self,
        formula: Expr,
        wrt: Expr,
        gradient: Expr,
        status: str,
        steps: list[Remark],
        isolated: Isolated | None = None,
        conditions: Iterable[Remark] = (),
        kind: str = "unknown",
        constraint: Expr | None = None,
        hints: Sequence[Hint] = (),
        name: str = "f",
        readings: Iterable[str] = (),
    ) -> None:
        self.formula, self.wrt, self.gradient, self.status = formula, wrt, gradient, status
        self.steps, self.conditions, self.kind = steps, list(conditions), kind
        self.equation: Equation | None = None if isolated is None else isolated.equation
        self.solution: Expr | None = None if isolated is None or status != "solved" else isolated.solution
        self.sylvester = None if isolated is None else isolated.sylvester
        self.constraint, self.hints = constraint, list(hints)
        self.title = f"Stationary point of {name}"
        self.name, self.readings = name, list(readings)

    def function(self, backend: str = "numpy") -> Callable[..., Any]:
        """A callable that computes the solution, by solves and never by an inverse.

        Parameters are the symbols of the solution in the order of the formula.

        Raises
        ------
        DeriveError
            There is no solution to compute.
        """
        from .solution_code import function

        return function(self, backend)

    def source(self, backend: str = "numpy") -> str:
        """The source of a module with that function."""
        from .solution_code import source

        return source(self, backend)

    def exposition(self) -> Exposition:
        """The equation, the solution, its conditions and its kind."""
        from ..render.optima import stationary_exposition

        return stationary_exposition(self)

    def json(self) -> str:
        """The same as a JSON object."""
        from ..render.optima import stationary_json

        return stationary_json(self)

    def __str__(self) -> str:
        if self.solution is not None:
            return self.solution.text()
        return "none" if self.equation is None else self.equation.text()

    def __repr__(self) -> str:
        return f"<Stationary: {self.wrt.text()}: {self}, {self.kind}>"


def solve(
    expr: Expr,
    x: Expr,
    constraint: Expr | None = None,
    hints: Sequence[Hint] = (),
    name: str = "f",
    readings: Iterable[str] = (),
) -> Stationary:
    """The stationary point of a scalar in one symbol.

    Raises
    ------
    DeriveError
        No closed form is known; the message says where the variable stands.
    """
    require_short(expr)
    if x.properties & CONSTRAINED:
        words = x.properties & (CONSTRAINED - ASSUMED)
        what = min(words) if words else f"to have {min(x.properties & ASSUMED)}"
        raise DeriveError(
            f"{x.text()} is declared {what}, and stationary points among such matrices are not solved for",
            hint='subject_to="UᵀU = I" names the eigenvalue problem, where it is one',
        )
    G = in_space(Sweep(expr, x).total, x)
    boxed = simple(G)
    given: dict[str, Any] = {
        "formula": expr, "wrt": x, "gradient": boxed, "constraint": constraint, "hints": hints, "name": name,
        "readings": readings,
    }  # fmt: skip
    steps = [Remark("the gradient is ", [boxed])]
    if constraint is None and x not in set(symbols_of(boxed)):
        if is_zero(boxed):
            raise DeriveError(f"{name} does not depend on {x.text()}: every value is stationary")
        steps.append(Remark("it does not depend on ", [x], " and vanishes nowhere unless ", [boxed], " is zero"))
        return Stationary(status="none", steps=steps, **given)
    if constraint is None and _never_vanishes(boxed):
        steps.append(Remark("it is never zero"))
        return Stationary(status="none", steps=steps, **given)
    found = Constrained(isolated, None) if constraint is None and (isolated := isolate(G, x)) is not None else None
    if constraint is not None:
        found = constrained(G, x, constraint)
    if found is None and constraint is None:
        quotient = rayleigh(G, x)
        found = None if quotient is None else Constrained(quotient, None, is_eigen=True)
    if found is None:
        raise _refusal(expr, x, boxed, constraint)
    isolated = found.isolated
    steps += [*isolated.steps, Remark("it vanishes where ", [isolated.equation.left, "=", isolated.equation.right])]
    if constraint is not None or found.is_eigen:
        steps = [steps[0], *isolated.steps]
    if found.is_eigen:
        return Stationary(status="eigen", steps=steps, isolated=isolated, **given)
    kind, why = _kind(expr, x, isolated, constraint) if found.kind is None else (found.kind, [])
    if isolated.sylvester is not None:
        steps.append(Remark(f"this is a {isolated.sylvester.name} equation"))
        conditions = [Remark([isolated.sylvester.A], " and ", [-isolated.sylvester.B], " have no common eigenvalue")]
        return Stationary(
            status="sylvester", steps=[*steps, *why], isolated=isolated, conditions=conditions, kind=kind, **given
        )
    assert isolated.solution is not None
    error = residual(G, x, isolated.solution, constraint, found.multiplier, hints)
    structure = x.properties & {"diagonal", "lower", "upper", "skew"}
    is_outside = not symbols_of(isolated.solution) and not _has_value(expr, x, isolated.solution)
    if is_outside or (error is None and (structure or _is_defined(isolated.solution, hints))):
        raise _refusal(expr, x, boxed, constraint)  # where the gradient is not defined
    if error is None:
        steps.append(Remark("its matrix is singular: no single point solves it"))
        return Stationary(status="singular", steps=steps, isolated=isolated, kind=kind, **given)
    if not error <= TOLERANCE:
        raise DeriveError(
            f"internal error: the gradient does not vanish at the solution found (relative residual {error:.1e})",
            hint="this is a defect of derive; the solution is not given, as it would be wrong",
        )
    steps.append(Remark("so that ", [x, "=", isolated.solution]))
    steps.append(_put_back(G, x, isolated.solution, constraint))
    conditions = list(_conditions(x, isolated.solution))
    return Stationary(
        status="solved", steps=[*steps, *why], isolated=isolated, conditions=conditions, kind=kind, **given
    )


def require_short(expr: Expr) -> None:
    """LimitError for a formula too large to be solved symbolically."""
    if len(nodes(expr)) > MAX_NODES:
        raise LimitError(
            f"the formula has more than {MAX_NODES} operations, too many to solve for a stationary point",
            hint="derive.gradient takes it",
        )


def _never_vanishes(gradient: Expr) -> bool:
    if is_nonzero(gradient):
        return True
    bare = gradient.args[1] if gradient.op.name == "scale" and is_positive(gradient.args[0]) else gradient
    return bare.op.name == "inv" or is_definite(bare) or is_definite(simple(-gradient))


def _refusal(expr: Expr, x: Expr, gradient: Expr, constraint: Expr | None) -> DeriveError:
    verdict = examine(expr, [x]).verdict
    hint = "no closed form is known"
    if verdict in KINDS:
        hint += f"; as the formula is {verdict}, a numeric method with derive.gradient finds the {KINDS[verdict]}"
    where = "" if constraint is None else " under the constraint"
    kinks = sorted({n.op.name for n in nodes(expr) if n.op.name in NOT_DIFFERENTIABLE and x in symbols_of(n)})
    if kinks:
        hint += f"; {' and '.join(kinks)} is not differentiable everywhere, and the optimum may lie at a kink"
    functions = sorted({n.op.name for n in nodes(gradient) if n.op.is_elementwise and x in symbols_of(n)})
    inside = f": it stands inside {' and '.join(functions)}" if functions else ""
    return DeriveError(f"cannot solve {gradient.text()} = 0 for {x.text()}{where}{inside}", hint=hint)


# Putting back


def residual(
    G: Expr, x: Expr, solution: Expr, constraint: Expr | None, multiplier: Expr | None, hints: Sequence[Hint] = ()
) -> float | None:
    """The largest relative gradient at the solution, over random points; None where the solution is defined nowhere."""
    import numpy as np

    from ..algebra.forms import expand
    from ..jacobians import jacobian
    from ..numeric import Point, random_point

    terms = list(terms_of(expand(G)))
    worst, tried = 0.0, 0
    J = None if constraint is None else jacobian(constraint, x)[0]
    extra = [e for e in (constraint, multiplier, J) if e is not None]
    for seed in range(POINTS):
        try:
            point = random_point([solution, G, *extra], seed=seed, hints=hints, smallest=2)
        except DeriveError:
            continue
        at = Point({**point.values, x: point.evaluate(solution)}, point.sizes)
        parts = [at.evaluate(term) for term in terms]
        value, scale = sum(parts[1:], parts[0]), max(float(np.abs(p).max(initial=0)) for p in parts)
        if constraint is not None and J is not None:
            rows = at.evaluate(J).reshape(-1, value.size)
            # The gradient lies in the span of the constraint's.
            weights = np.linalg.lstsq(rows.T, value.reshape(-1, order="F"), rcond=None)[0]
            value = value.reshape(-1, order="F") - rows.T @ weights
            gap = at.evaluate(constraint)
            worst = max(worst, float(np.abs(gap).max(initial=0)) / max(float(np.abs(at.values[x]).max()), 1.0))
        error = float(np.abs(value).max(initial=0)) / max(scale, 1e-12)
        if not np.isfinite(error):
            continue
        tried += 1
        worst = max(worst, error)
    return worst if tried else None


def _is_defined(solution: Expr, hints: Sequence[Hint]) -> bool:
    from ..numeric import random_point

    try:
        random_point([solution], hints=hints)
    except DeriveError:
        return False
    return True


def _has_value(expr: Expr, x: Expr, solution: Expr) -> bool:
    """Whether the formula is defined at a constant solution, somewhere."""
    import numpy as np

    from ..numeric import random_point

    there = substitute(expr, {x: solution})
    try:
        return bool(np.isfinite(random_point([there]).evaluate(there)).all())
    except DeriveError:
        return False


def _put_back(G: Expr, x: Expr, solution: Expr, constraint: Expr | None) -> Remark:
    from ..algebra.proofs import proved

    if constraint is not None:
        return Remark("put back, the constraint holds and the gradient is a combination of the constraint's")
    try:
        there = substitute(G, {x: solution})
        if proved(there, there * 0):
            return Remark("put back, the gradient is zero")
    except DeriveError:
        pass
    return Remark("put back, the gradient is zero at random points")


def _conditions(x: Expr, solution: Expr) -> Iterable[Remark]:
    found: dict[str, Remark] = {}

    def note(remark: Remark) -> None:
        found.setdefault(remark.text(), remark)

    for node in nodes(solution):
        asked = needed(node)
        if asked is not None:
            note(Remark([asked[0]], f" {asked[1].replace('invertible', 'is invertible')}"))
    if "spd" in x.properties and not is_definite(solution):
        note(Remark([solution], " ≻ 0"))
    if "positive" in x.properties and not is_positive(solution):
        note(Remark([solution], " > 0"))
    return found.values()


# Minimum, maximum, saddle


def _kind(expr: Expr, x: Expr, isolated: Isolated, constraint: Expr | None) -> tuple[str, list[Remark]]:
    verdict = examine(expr, [x]).verdict
    if verdict in KINDS:
        return KINDS[verdict], [Remark(f"it is a {KINDS[verdict]}, as the formula is {verdict}")]
    if isolated.solution is None or constraint is not None:
        return "unknown", []
    try:
        second, moved = second_differential(expr, [x])
        there = substitute(second, {x: isolated.solution})
        seen = [there, substitute(second, _data(isolated.equation)), *_rest(expr, x, moved[x])]
        for quadratic in seen:
            form = Form(quadratic, moved.values())
            for sign, kind in ((1, "minimum"), (-1, "maximum")):
                if form.poly.terms and form.is_semidefinite(sign):
                    relation = "≥" if sign > 0 else "≤"
                    shown = form.ctx.canonical(form.poly)
                    why = Remark(
                        f"it is a local {kind}: the second differential there is ", [shown, relation, number(0)]
                    )
                    return kind, [why]
        if {s.name for s in symbols_of(there)} <= {moved[x].name} and _has_both_signs(there, moved[x]):
            return "saddle", [Remark("it is a saddle: the second differential there has both signs")]
        return "unknown", _condition_said(expr, x)
    except DeriveError:
        return "unknown", []


def _data(equation: Equation) -> dict[Expr, Expr]:
    """What the equation says of a part of its right side: C = n S rather than S = C / n."""
    found = {equation.right: equation.left}
    for term in terms_of(equation.right):
        others = [t for t in terms_of(equation.right) if t is not term]
        if term.op.name == "symbol" and others and term not in set(symbols_of(equation.left, *others)):
            return {term: equation.left - add(*others)}
    return found


def _rest(expr: Expr, x: Expr, moved: Expr) -> list[Expr]:
    """The second differential where the gradient s(x) H(x) vanishes, up to s > 0: ⟨dx, dH⟩."""
    gradient = simple(Sweep(expr, x).total)
    rest, dropped = without_factor(gradient, x)
    if not dropped or not all(is_positive(f) for f in dropped[0].parts[1] if isinstance(f, Expr)):
        return []
    return [inner(moved, differential(rest, {x: moved})[0])]


def _condition_said(expr: Expr, x: Expr) -> list[Remark]:
    requirement = examine(expr, [x]).requirement
    return [] if requirement is None else [Remark("it is a minimum where ", *requirement.parts)]


def _has_both_signs(second: Expr, moved: Expr) -> bool:
    """Whether a form in the differential alone takes both signs."""
    from ..numeric import random_point

    values = (random_point([second, moved], seed=k, sizes={}).evaluate(second)[0, 0] for k in range(40))
    return len({bool(value > 0) for value in values if abs(value) > TOLERANCE}) == 2
