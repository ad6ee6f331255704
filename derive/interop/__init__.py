"""SymPy expressions to formulas and back.

A `MatrixSymbol` of one column is a vector, one of shape 1 × 1 and a `Symbol` are scalars;
sizes are symbolic or numbers.  SymPy orders sums and distributes transpositions; a product
rᵀr and a trace of one are read back as ‖r‖², also where the square was multiplied out, and
sums begin with what is positive.  A float is taken at its shortest decimal.

On the way back scalars are SymPy scalars (a 1 × 1 product is wrapped in `Trace`), matrices
are `MatrixExpr`, and what SymPy has no name for is a function of that name (`functions`).

A scalar function without a name of ours, from SymPy or the user's own, becomes an
elementwise operation whose derivative SymPy takes (`functions.SymPyFunction`).
"""

from __future__ import annotations

from .readers import from_sympy
from .symbols import sympy_symbols
from .writing import to_sympy

__all__ = ["from_sympy", "sympy_symbols", "to_sympy"]
