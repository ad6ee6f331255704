"""Derivatives by several variables at once: one sweep, one page, one program.

The graph of the loss is walked once, from the loss to all variables; each variable has a
`Derivation` of its own, made of its part of the sweep, and the program of all of them
shares the forward pass and the cotangents.

[GW]  Griewank & Walther, Evaluating Derivatives, 2nd ed., 2008, ch. 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from . import names
from .derivation import Derivation, Presented, Sweep, united
from .errors import UnknownSymbolError
from .expr import Expr


class Gradients(Presented, Mapping[str, Derivation]):
    """The gradients of a loss by several variables: a mapping from name to `Derivation`.

    Made by `derive.gradient(loss, ["W", "b"])`.  A name is found in any spelling; iteration is
    in the order asked.

    Attributes
    ----------
    kind : str
        `"gradient"`.
    name : str
        The name of the loss.
    loss : Expr
    variables : list of Expr
    steps : list of Step
        The one reverse sweep, towards all variables.
    contributions : list of Contribution
        Of all variables, in the order asked.
    conditions : list of str

    Examples
    --------
    >>> import derive, numpy as np
    >>> both = derive.gradient("½‖W x + b − y‖²", ["W", "b"])
    >>> print(both["W"].boxed, "and", both["b"].boxed)
    (W x + b − y) xᵀ and W x + b − y
    >>> f = both.function(returns="value_and_gradient")
    >>> value, (dW, db) = f(np.eye(2), np.zeros(2), np.ones(2), np.zeros(2))
    >>> print(value, db)
    1.0 [1. 1.]
    """

    kind = "gradient"
    wrt: Expr | None = None
    direction: Expr | None = None
    layout: str | None = None
    structure: str | None = None
    is_riemannian = False

    def __init__(self, loss: Expr, sweep: Sweep, parts: Sequence[Derivation], **fields: Any) -> None:
        self.loss = loss
        self.name: str = fields["name"]
        self.definitions: list[tuple[str, Expr]] = fields["definitions"]
        self.where: list[str] = fields["where"]
        self.readings: list[str] = fields["readings"]
        self.hints: list[Any] = fields["hints"]
        self.sympy_symbols: dict[str, Any] = fields["sympy_symbols"]
        self.forward = sweep.forward
        self.steps = sweep.steps
        self.contributions = sweep.contributions
        self.conditions = united(sweep.conditions)
        self.moved: dict[Expr, Expr] = {}
        self._by_name = {part.wrt.name: part for part in parts if part.wrt is not None}
        self.remarks = [remark for part in self.parts for remark in part.remarks]

    # The mapping

    def __getitem__(self, name: Any) -> Derivation:
        key = name.name if isinstance(name, Expr) else names.canonical(name)
        if key not in self._by_name:
            known = ", ".join(v.text() for v in self.variables)
            raise UnknownSymbolError(f"no gradient by {name} was asked for", hint=f"there are those by {known}")
        return self._by_name[key]

    def __contains__(self, name: object) -> bool:
        try:
            self[name]
        except (UnknownSymbolError, ValueError, AttributeError, TypeError):
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    @property
    def parts(self) -> list[Derivation]:
        """The derivations by each variable, in the order asked."""
        return list(self._by_name.values())

    # What is made of all of them together

    @property
    def program(self) -> Any:
        """The cheapest evaluation of all the gradients, shared parts once."""
        from .codegen import derivative_program

        return derivative_program(self)

    def verify(self, points: int = 3) -> float:
        """The largest relative error of any of them against an independent numeric derivative."""
        return max(part.verify(points) for part in self.parts)
