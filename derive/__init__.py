"""Matrix calculus as on paper: derivations, boxed derivatives, LaTeX and code.

>>> import derive
>>> print(derive.gradient("½‖WᵀWx − x‖²", "W").boxed)
W (Wᵀ W x xᵀ + x xᵀ Wᵀ W − 2 x xᵀ)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import (
        check,
        differential,
        equal,
        gradient,
        hessian,
        hvp,
        jacobian,
        parse,
        stiefel_gradient,
        symbols,
    )
    from .checking import check_code, check_gradient
    from .derivation import Derivation
    from .errors import (
        DeriveError,
        LimitError,
        MissingExtraError,
        MissingRuleError,
        ParseError,
        ShapeError,
        UnknownSymbolError,
    )
    from .expr import Expr
    from .extrema import convexity, stationary

__version__ = "0.1.0"

_FROM = {
    "api": "check differential equal gradient hessian hvp jacobian parse stiefel_gradient symbols",
    "checking": "check_code check_gradient",
    "derivation": "Derivation",
    "errors": "DeriveError LimitError MissingExtraError MissingRuleError ParseError ShapeError UnknownSymbolError",
    "expr": "Expr",
    "extrema": "convexity stationary",
}
_WHERE = {name: module for module, names in _FROM.items() for name in names.split()}
# The functions of formulas, for expressions built in Python: derive.tr(W.T @ W).
FUNCTION_NAMES = {
    "tr": "trace", "det": "det", "logdet": "logdet", "inv": "inv", "diag": "diag", "vec": "vec", "sum": "sum_entries",
    "mean": "mean", "norm": "norm", "norm1": "norm1", "norm2": "norm", "sq_norm": "sq_norm", "inner": "inner",
    "hadamard": "hadamard", "kron": "kron", "softmax": "softmax", "logsumexp": "logsumexp", "exp": "exp", "log": "log",
    "sqrt": "sqrt", "sin": "sin", "cos": "cos", "tan": "tan", "arcsin": "arcsin", "arccos": "arccos",
    "arctan": "arctan", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "abs": "absolute", "sign": "sign", "erf": "erf",
    "relu": "relu", "sigmoid": "sigmoid", "softplus": "softplus", "expm": "expm", "block": "block",
    "nuclear_norm": "nuclear_norm", "spectral_norm": "spectral_norm",
}  # fmt: skip
_LEAVES = {"eye": "identity", "ones": "ones", "zeros": "zeros"}

__all__ = [
    "Derivation",
    "DeriveError",
    "Expr",
    "LimitError",
    "MissingExtraError",
    "MissingRuleError",
    "ParseError",
    "ShapeError",
    "UnknownSymbolError",
    "check",
    "check_code",
    "check_gradient",
    "convexity",
    "differential",
    "equal",
    "gradient",
    "hessian",
    "hvp",
    "jacobian",
    "parse",
    "stationary",
    "stiefel_gradient",
    "symbols",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _WHERE:
        value = getattr(import_module(f".{_WHERE[name]}", __name__), name)
    elif name in FUNCTION_NAMES:
        value = getattr(import_module(".operations", __name__), FUNCTION_NAMES[name])
    elif name in _LEAVES:
        value = getattr(import_module(".expr", __name__), _LEAVES[name])
    else:
        raise AttributeError(f"module 'derive' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE, *FUNCTION_NAMES, *_LEAVES})


def load_ipython_extension(ipython: Any) -> None:
    """Register the `%%derive` cell magic: `%load_ext derive`."""
    from .render.jupyter import load_ipython_extension as load

    load(ipython)
