"""Named functions across the border: operations that SymPy lacks, and its functions that we lack.

`MatrixFunction` is a matrix of a stated shape, such as `vec(X)` or `expm(A)`; entries are
known where they are entries of the operands.  `nuclear_norm` and `spectral_norm` are
scalars.  They print as they are called and stay as they are.

A scalar function without a name of ours, SymPy's or the user's, becomes an elementwise
operation, an `SymPyFunction`, whose derivative SymPy takes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy
from sympy.core.function import AppliedUndef
from sympy.core.symbol import Str
from sympy.printing.codeprinter import PrintMethodNotImplementedError

from ..errors import DeriveError
from ..expr import OPERATIONS, Expr, Operation
from ..own_functions import own_function
from .symbols import ENTRY, our_name


class MatrixFunction(sympy.MatrixExpr):  # type: ignore[misc]
    """A matrix-valued function that SymPy has no name for.

    Arguments are the name, the rows and columns of the result, then operands and data.
    """

    def __new__(cls, name: Any, rows: Any, columns: Any, *operands: Any) -> Any:
        label = name if isinstance(name, Str) else Str(name)
        made = super().__new__(cls, label, *(sympy.sympify(a) for a in (rows, columns, *operands)))
        return made

    @property
    def name(self) -> str:
        return str(self.args[0].name)

    @property
    def shape(self) -> tuple[Any, Any]:
        return self.args[1], self.args[2]

    @property
    def operands(self) -> tuple[Any, ...]:
        return tuple(self.args[3:])

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        entry = ENTRIES.get(self.name)
        if entry is None:
            from sympy.matrices.expressions.matexpr import MatrixElement

            return MatrixElement(self, i, j)
        return entry(i, j, *self.operands)

    def doit(self, **hints: Any) -> Any:
        return self.func(*(a.doit(**hints) if hasattr(a, "doit") else a for a in self.args))

    def _sympystr(self, printer: Any) -> str:
        return f"{self.name}({', '.join(printer._print(a) for a in self.operands)})"

    def _latex(self, printer: Any) -> str:
        operands = ", ".join(printer._print(a) for a in self.operands)
        return rf"\operatorname{{{self.name}}}\left({operands}\right)"


def _vec(i: Any, j: Any, X: Any) -> Any:
    return X[sympy.Mod(i, X.rows), sympy.floor(i / sympy.sympify(X.rows))]


def _unvec(i: Any, j: Any, v: Any, rows: Any, columns: Any) -> Any:
    return v[i + rows * j, 0]


def _tril(i: Any, j: Any, A: Any) -> Any:
    return sympy.Piecewise((A[i, j], sympy.Ge(i, j)), (0, True))


def _triu(i: Any, j: Any, A: Any) -> Any:
    return sympy.Piecewise((A[i, j], sympy.Le(i, j)), (0, True))


def _commutation(i: Any, j: Any, m: Any, n: Any) -> Any:
    # K vec A = vec Aᵀ: entry a n + b of vec Aᵀ is A_ab, entry b m + a of vec A.
    a, b = sympy.floor(i / sympy.sympify(n)), sympy.Mod(i, n)
    return sympy.KroneckerDelta(j, b * m + a)


def _basis(i: Any, j: Any, index: Any, n: Any) -> Any:
    return sympy.KroneckerDelta(i, index - 1)


ENTRIES: dict[str, Callable[..., Any]] = {
    "vec": _vec, "unvec": _unvec, "tril": _tril, "triu": _triu, "K": _commutation, "basis": _basis,
}  # fmt: skip


class nuclear_norm(sympy.Function):  # type: ignore[misc]
    """The sum of the singular values."""

    nargs = 1
    is_commutative = True
    is_nonnegative = True


class spectral_norm(sympy.Function):  # type: ignore[misc]
    """The largest singular value."""

    nargs = 1
    is_commutative = True
    is_nonnegative = True


class SymPyFunction(Operation):
    """A scalar function known to SymPy or its user: it applies to each entry, SymPy takes its derivative.

    Attributes
    ----------
    body : SymPy expression
        The value at `ENTRY`.
    """

    __slots__ = ("body", "_values")

    def __init__(self, name: str, body: Any) -> None:
        super().__init__(name, "m n -> m n", None, None, True, name)
        self.body = body
        self._values: Callable[[Any], Any] | None = None

    def derivative(self, operand: Expr) -> Expr:
        """f′, applied to each entry of the operand."""
        from .readers import elementwise

        return elementwise(sympy.diff(self.body, ENTRY), operand)

    def values(self, array: Any) -> Any:
        """f at a NumPy array."""
        if self._values is None:
            without = [f for f in self.body.atoms(AppliedUndef) if not hasattr(f, "_imp_")]
            if without or self.body.has(sympy.Derivative):
                raise DeriveError(f"the function {self.name} has no values", hint="SymPy knows it by its name only")
            self._values = sympy.lambdify(ENTRY, self.body, modules=["scipy", "numpy"])
        return self._values(array)

    def spelling(self, library: str) -> str | None:
        """The template of the function in an array library, as SymPy prints it there; None if it cannot."""
        if library not in PRINTERS:
            return None
        module, printer, names = PRINTERS[library]
        from importlib import import_module

        held = self.body.xreplace({ENTRY: sympy.Symbol("ENTRY")})
        try:
            text = str(getattr(import_module(module), printer)({"strict": True}).doprint(held))
        except (PrintMethodNotImplementedError, NotImplementedError, TypeError, AttributeError):
            return None
        if "\n" in text or "Not supported" in text or held.atoms(AppliedUndef):
            return None
        for theirs, ours in names.items():
            text = text.replace(theirs, ours)
        return f"({text.replace('ENTRY', '{0}')})"

    def __reduce__(self) -> tuple[Any, ...]:
        return function_of, (self.body,)


# Module and printer of SymPy, and what generated code calls the libraries.
PRINTERS = {
    "numpy": ("sympy.printing.numpy", "NumPyPrinter", {"numpy.": "np."}),
    "scipy": ("sympy.printing.numpy", "SciPyPrinter", {"scipy.special.": "special.", "numpy.": "np."}),
    "jax": ("sympy.printing.numpy", "JaxPrinter", {"jax.numpy.": "jnp."}),
}

functions_met: dict[Any, SymPyFunction] = {}


def function_of(body: Any) -> Operation:
    """The elementwise operation `ENTRY ↦ body`; one for each body.

    A function that is a name and nothing else is a function of one's own.
    """
    inner, order = body, 0
    if isinstance(body, sympy.Derivative):
        inner, order = body.expr, int(body.derivative_count)
    if isinstance(inner, AppliedUndef) and inner.args == (ENTRY,) and not hasattr(inner, "_imp_"):
        return own_function(our_name(inner.func.__name__), order)
    known = functions_met.get(body)
    if known is None:
        others = [str(a) for a in inner.args if a != ENTRY]
        name = "_".join([type(inner).__name__, *("".join(c if c.isalnum() else "_" for c in o) for o in others)])
        name += "′" * order
        wanted, count = name, 1
        while name in OPERATIONS:
            count += 1
            name = f"{wanted}_{count}"
        from ..evaluation import define

        known = OPERATIONS[name] = functions_met[body] = SymPyFunction(name, body)
        define(name, known.values)
    return known
