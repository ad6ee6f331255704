"""A loss as `scipy.optimize.minimize` wants it: flat vectors in, value and flat gradient out."""

from __future__ import annotations

import inspect
from typing import Any

from . import names
from .errors import DeriveError, ShapeError


class Objective:
    """Value, gradient and Hessian-vector product of one variable, or of several as one vector.

    Parameters
    ----------
    gradient : Derivation or Gradients
        Of the loss by the variable, or by several.
    hvp : Derivation or Gradients, optional
        The Hessian applied to a direction, of the same loss and variables.
    backend : str
    **data : arrays and numbers
        The values of the other symbols, by name in any spelling.

    Raises
    ------
    DeriveError
        Data is missing, or names no symbol of the loss; `hvp` is of another loss.

    Examples
    --------
    >>> import derive, numpy as np
    >>> loss = "½‖A x − b‖²"
    >>> A, b = np.eye(3), np.arange(3.0)
    >>> f = Objective(derive.gradient(loss, "x"), derive.hvp(loss, "x", "v"), A=A, b=b)
    >>> value, slope = f(np.ones(3))
    >>> print(value, slope, f.hessp(np.ones(3), np.ones(3)))
    1.0 [ 1.  0. -1.] [1. 1. 1.]

    With SciPy: ``scipy.optimize.minimize(f, start, jac=True, hessp=f.hessp, method="trust-ncg")``.
    A matrix, or several variables, are flattened: ``start = f.flat(W0, b0)``, and back: ``W, b = f.shaped(found.x)``.
    """

    def __init__(self, gradient: Any, hvp: Any = None, *, backend: str = "numpy", **data: Any) -> None:
        self.variables = [names.identifier(v.name) for v in gradient.variables]
        # Of one vector or number, a flat vector has the shape already.
        (*_, last) = gradient.variables
        is_flat = len(self.variables) == 1 and (last.is_vector or last.is_scalar)
        self.shapes: list[tuple[int, ...]] | None = [() if last.is_scalar else (-1,)] if is_flat else None
        self._function = gradient.function(backend, returns="value_and_gradient")
        self.data = {names.identifier(names.canonical(name)): value for name, value in data.items()}
        self._require(self._function, self.variables)
        self._hvp = None
        self._is_joint = gradient.is_joint
        if hvp is not None:
            if hvp.variables != gradient.variables or hvp.loss is not gradient.loss:
                raise DeriveError("the Hessian-vector product is of another loss or variable")
            self.directions = [names.identifier(part.direction.name) for part in hvp.parts]
            self._hvp = hvp.function(backend)

    def _require(self, function: Any, variables: list[str]) -> None:
        wanted = [name for name in inspect.signature(function).parameters if name not in variables]
        missing = [name for name in wanted if name not in self.data]
        surplus = [name for name in self.data if name not in wanted]
        if missing:
            raise DeriveError(f"the loss needs data for {', '.join(missing)}", hint=f"Objective(…, {missing[0]}=…)")
        if surplus:
            known = ", ".join(wanted) or "none besides the variable"
            raise DeriveError(f"the loss has no symbol {', '.join(surplus)}", hint=f"its data: {known}")

    def flat(self, *variables: Any) -> Any:
        """The variables, in the order derived by, as one vector; their shapes are kept for the way back."""
        import numpy as np

        if len(variables) != len(self.variables):
            raise ShapeError(f"there are {len(self.variables)} variables: {', '.join(self.variables)}")
        arrays = [np.asarray(variable, dtype=float) for variable in variables]
        self.shapes = [array.shape for array in arrays]
        return np.concatenate([array.ravel() for array in arrays])

    def shaped(self, vector: Any) -> Any:
        """The vector in the shape of the variable; of several, a tuple."""
        parts = self._parts(vector)
        return parts if self._is_joint else parts[0]

    def _parts(self, vector: Any) -> tuple[Any, ...]:
        import numpy as np

        if self.shapes is None:
            raise ShapeError("the shape of the variable is not known", hint="make the start with .flat(W0)")
        flat = np.asarray(vector, dtype=float).ravel()
        if len(self.shapes) == 1:
            return (flat.reshape(self.shapes[0]),)
        ends = np.cumsum([int(np.prod(shape)) for shape in self.shapes])
        if ends[-1] != flat.size:
            raise ShapeError(f"the vector has {flat.size} entries, and the variables {ends[-1]}")
        return tuple(piece.reshape(shape) for piece, shape in zip(np.split(flat, ends[:-1]), self.shapes, strict=True))

    def __call__(self, vector: Any) -> tuple[float, Any]:
        value, slope = self._function(**self._named(self.variables, vector), **self.data)
        return float(value), self._joined(slope)

    def hessp(self, vector: Any, direction: Any) -> Any:
        """The Hessian at `vector` times `direction`."""
        if self._hvp is None:
            raise ShapeError("no Hessian-vector product was given", hint="pass derive.hvp(loss, wrt, direction)")
        given = {**self._named(self.variables, vector), **self._named(self.directions, direction), **self.data}
        known = inspect.signature(self._hvp).parameters
        return self._joined(self._hvp(**{name: value for name, value in given.items() if name in known}))

    def _named(self, titles: list[str], vector: Any) -> dict[str, Any]:
        return dict(zip(titles, self._parts(vector), strict=True))

    def _joined(self, results: Any) -> Any:
        import numpy as np

        return np.concatenate([np.ravel(r) for r in results]) if self._is_joint else np.reshape(results, -1)
