"""The solution as code: products, sums and solves, and for a Sylvester equation its solver."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..codegen import Module
from ..dialects import dialect
from ..errors import DeriveError
from ..expr import Expr, dimension_names, is_zero, substitute, symbol, symbols_of
from ..programs.assembly import assembled
from ..programs.callables import Generated
from ..programs.headings import fill, wrapped_formula
from ..programs.statement_tree import called, function_of, statements
from ..shapes import ONE

if TYPE_CHECKING:
    from .stationarity import Stationary


class SolutionFormula:
    """An expression in the place of a derivation, for the module that computes it."""

    def __init__(self, expr: Expr, found: Stationary) -> None:
        self.kind = "solution"
        self.loss = self.result = expr
        self.shown = found.solution or expr
        self.wrt = self.written_wrt = self.direction = None
        self.definitions: list[tuple[str, Expr]] = []
        self.hints = found.hints
        self.name = found.wrt.name
        self.of = found
        self.parts, self.variables, self.is_joint = (self,), (), False


class SolutionModule(Module):
    """A module with the one function `solution`; sizes and type of what is constant are those of the `data`."""

    def __init__(self, found: Stationary, expr: Expr, backend: str, data: Sequence[Expr] = ()) -> None:
        self.data = data
        spoken = dialect(backend)
        if not spoken.has_triangular_solve:  # Cholesky factors would be inverted there
            expr = substitute(expr, {s: _undeclared(s) for s in symbols_of(expr)})
        super().__init__(SolutionFormula(expr, found), spoken)
        self.functions = [("solution", ("solution",))]
        self.writers = {"solution": self.writers["solution"]}

    def arguments_of(self, derivation: SolutionFormula) -> list[Expr]:
        used = {s.name: s for s in symbols_of(derivation.loss)}
        order = [s.name for s in symbols_of(derivation.of.formula)]
        found = [used[n] for n in dict.fromkeys([*order, *used]) if n in used]
        for s in self.data:
            missing = {*dimension_names(derivation.loss)}.difference(dimension_names(*found))
            if s.name not in used and (not found or missing.intersection(dimension_names(s))):
                found.append(s)
        return found

    def docstring(self, is_full: bool = True) -> str:
        found = self.derivation.of
        lines = [f"Where the gradient of {found.name} by {found.wrt.text()} vanishes: a {found.kind}.", ""]
        lines += wrapped_formula(f"{found.name} = ", found.formula.text())
        lines += wrapped_formula(f"{found.wrt.text()} = ", self.derivation.shown.text())
        for condition in found.conditions:
            lines += fill(f"Condition: {condition.text()}")
        return '"""' + "\n".join(lines).rstrip() + '\n"""'


def _undeclared(s: Expr) -> Expr:
    """A symbol without what says that a matrix is positive definite."""
    return symbol(s.name, *s.shape, properties=s.properties - {"spd", "psd", "positive", "nonnegative"})


def source(found: Stationary, backend: str = "numpy") -> str:
    """The source of a module that computes the solution."""
    if found.solution is not None and not symbols_of(found.solution):
        return _constant_source(found)
    if found.solution is not None:
        return SolutionModule(found, found.solution, backend).source()
    if found.sylvester is not None:
        return _sylvester_source(found)
    raise DeriveError("there is no solution to compute", hint=str(found.equation) if found.equation else None)


def _constant_source(found: Stationary) -> str:
    """A solution without symbols: a number, or zeros of given sizes."""
    from ..evaluation import evaluate

    x, solution = found.wrt, found.solution
    assert solution is not None
    if solution.is_scalar:
        value = float(evaluate(solution, {}, {})[0, 0])
        return f'"""{x.text()} = {solution.text()}."""\n\n\ndef solution():\n    return {value}\n'
    if not is_zero(solution):
        raise DeriveError(f"the solution {solution.text()} takes no arrays")
    sizes = ", ".join(str(d) for d in x.shape if d is not ONE)
    names_of = ", ".join(sorted(x.shape[0].names | x.shape[1].names))
    body = f"def solution({names_of}):\n    return np.zeros(({sizes},))"
    return f'"""{x.text()} = 0."""\n\nimport numpy as np\n\n\n{body}\n'


def function(found: Stationary, backend: str = "numpy") -> Callable[..., Any]:
    """A callable that computes the solution."""
    return Generated(source(found, backend), "solution", f"<derive stationary point of {found.name}>")


def _sylvester_source(found: Stationary) -> str:
    """A X + X B = C by the Schur forms of A and B [GVL 7.6.3]."""
    assert found.sylvester is not None
    parts = {"left": found.sylvester.A, "right": found.sylvester.B, "constant": found.sylvester.C}
    data = [s for s in symbols_of(*parts.values()) if not s.is_scalar]
    modules = {part: SolutionModule(found, expr, "numpy", data) for part, expr in parts.items()}
    name_of = {s.name: name for module in modules.values() for s, name in module.signature.name_of.items()}
    order = dict.fromkeys([*(s.name for s in symbols_of(found.formula) if s.name in name_of), *name_of])
    calls = [called(f"_{part}", module.signature.parameters) for part, module in modules.items()]
    summary = f"{found.wrt.text()}, by the Schur forms of the two coefficients."
    body = statements("return solve_sylvester({calls})", calls=calls)
    blocks = function_of("solution", [name_of[name] for name in order], summary, body)
    for part, module in modules.items():
        blocks += [s.renamed({"solution": f"_{part}", "_arguments": f"_{part}_arguments"}) for s in module.blocks()]
    helpers = dict.fromkeys(helper for module in modules.values() for helper in module.helper_sources())
    imports = (*dialect("numpy").imports, "from scipy.linalg import solve_sylvester")
    title = f'"""{found.wrt.text()} of {found.equation}, a {found.sylvester.name} equation."""'
    return assembled(title, imports, blocks, [*helpers])
