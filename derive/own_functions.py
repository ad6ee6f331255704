"""Functions of one's own: φ, φ′, φ″ of no stated formula, applied entry by entry.

A function is a name and an order of differentiation; its derivative is the function of the next
order.  Whoever evaluates gives it: generated code takes `rho`, `drho`, `ddrho` as parameters.
For checks it is a smooth function drawn by its name, with values and slopes of either sign.
"""

from __future__ import annotations

import random
from typing import Any

from .errors import DeriveError
from .expr import OPERATIONS, Expr, Operation, nodes

MAX_ORDER = 12
_FUNCTIONS: dict[tuple[str, int], OwnFunction] = {}
WAVES = 4


class OwnFunction(Operation):
    """A function of one's own, applied to each entry.

    Attributes
    ----------
    label : str
        Its canonical name.
    order : int
        How many times it is differentiated.
    """

    __slots__ = ("label", "order")

    def __init__(self, label: str, order: int) -> None:
        super().__init__(operation_name(label, order), "m n -> m n", None, None, True, label)
        self.label = label
        self.order = order

    def derivative(self, operand: Expr) -> Expr:
        """φ′, applied to each entry of the operand."""
        return own_function(self.label, self.order + 1)(operand)

    @property
    def parameter(self) -> str:
        """What generated code calls it: `rho`, `drho`, `ddrho`."""
        from .names import identifier

        return "d" * self.order + identifier(self.label)

    def spelling(self, library: str) -> str:
        """The template of the function in code, the same in every library."""
        return self.parameter + "({0})"

    def values(self, array: Any) -> Any:
        """The function drawn for checks, at a NumPy array, real or complex."""
        import numpy as np

        drawn = random.Random(self.label)
        total: Any = np.zeros_like(array)
        for k in range(WAVES):
            size, pace, phase = drawn.uniform(0.4, 1), drawn.uniform(0.3, 0.7) * (k + 1), drawn.uniform(0, 6.28)
            total = total + size * pace**self.order * np.sin(pace * array + phase + self.order * np.pi / 2)
        return total if self.order else total + drawn.uniform(-0.5, 0.9)

    def __reduce__(self) -> tuple[Any, ...]:
        return own_function, (self.label, self.order)


def operation_name(label: str, order: int) -> str:
    """The name among the operations, which no operation of ours has."""
    return label + "′" * order + "()"


def own_function(label: str, order: int = 0) -> OwnFunction:
    """The function `label`, or its derivative of some order; it applies to each entry.

    Raises
    ------
    DeriveError
        The order is past the limit.

    Examples
    --------
    >>> from derive import symbols
    >>> x = symbols("x: n")
    >>> print(own_function("ρ", 1)(x))
    ρ′(x)
    """
    if order > MAX_ORDER:
        raise DeriveError(f"a function is differentiated {order} times", hint=f"at most {MAX_ORDER}")
    return _FUNCTIONS.setdefault((label, order), OwnFunction(label, order))


def operation_named(name: str) -> Operation | None:
    """The operation of a name: one of ours, or a function of one's own, as in `ρ′()`."""
    if not name.endswith("()"):
        return OPERATIONS.get(name)
    label = name.removesuffix("()").rstrip("′")
    return own_function(label, len(name) - 2 - len(label))


def functions_of(*roots: Expr) -> list[OwnFunction]:
    """The functions of one's own below the roots, by name and order."""
    found = {node.op for node in nodes(*roots) if isinstance(node.op, OwnFunction)}
    return sorted(found, key=lambda f: (f.label, f.order))
