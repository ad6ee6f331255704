"""A loss as `scipy.optimize.minimize` wants it: flat vectors in, value and flat gradient out."""

from __future__ import annotations

from typing import Any

from . import names
from .errors import ShapeError


class Objective:
    """Value, gradient and Hessian-vector product of a vector or matrix variable.

    Parameters
    ----------
    gradient : Derivation
        Of the loss by the variable.
    hvp : Derivation, optional
        The Hessian applied to a direction, of the same loss and variable.
    backend : str
    **data : arrays and numbers
        The values of the other symbols, by name.

    Examples
    --------
    >>> import derive, numpy as np
    >>> loss = "½‖A x − b‖²"
    >>> A, b = np.eye(3), np.arange(3.0)
    >>> f = Objective(derive.gradient(loss, "x"), derive.hvp(loss, "x", "v"), A=A, b=b)
    >>> start = f.flat(np.ones(3))
    >>> value, slope = f(start)
    >>> print(value, slope, f.hessp(start, start))
    1.0 [ 1.  0. -1.] [1. 1. 1.]

    With SciPy: ``scipy.optimize.minimize(f, start, jac=True, hessp=f.hessp, method="trust-ncg")``.
    """

    def __init__(self, gradient: Any, hvp: Any = None, *, backend: str = "numpy", **data: Any) -> None:
        self.variable = names.identifier(gradient.wrt.name)
        self.shape: tuple[int, ...] | None = None
        self.data = data
        self._function = gradient.function(backend, returns="value_and_gradient")
        self._hvp = None
        if hvp is not None:
            if hvp.wrt is not gradient.wrt or hvp.loss is not gradient.loss:
                raise ShapeError("the Hessian-vector product is of another loss or variable")
            self.direction = names.identifier(hvp.direction.name)
            self._hvp = hvp.function(backend)

    def flat(self, variable: Any) -> Any:
        """The variable as one vector; its shape is kept for the way back."""
        import numpy as np

        array = np.asarray(variable, dtype=float)
        self.shape = array.shape
        return array.ravel()

    def shaped(self, vector: Any) -> Any:
        """The vector in the shape of the variable."""
        if self.shape is None:
            raise ShapeError("the shape of the variable is not known", hint="make the start with .flat(W0)")
        return vector.reshape(self.shape)

    def __call__(self, vector: Any) -> tuple[float, Any]:
        value, slope = self._function(**{self.variable: self.shaped(vector)}, **self.data)
        return float(value), slope.reshape(-1)

    def hessp(self, vector: Any, direction: Any) -> Any:
        """The Hessian at `vector` times `direction`."""
        if self._hvp is None:
            raise ShapeError("no Hessian-vector product was given", hint="pass derive.hvp(loss, wrt, direction)")
        point = {self.variable: self.shaped(vector), self.direction: self.shaped(direction)}
        return self._hvp(**point, **self.data).reshape(-1)
