"""Derivatives by several variables at once: one sweep, one page, one program; Hessians by blocks.

The graph of the loss is walked once, from the loss to all variables; each variable has a
`Derivation` of its own, made of its part of the sweep, and the program of all of them
shares the forward pass and the cotangents.

[GW]  Griewank & Walther, Evaluating Derivatives, 2nd ed., 2008, ch. 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from . import names
from .derivation import Derivation, Given, Layered, Presented, Sweep, united
from .errors import UnknownSymbolError
from .expr import MAX_FLAT, Expr, symbol_count, symbols_of


class ByName(Mapping[str, Derivation]):
    """Derivations of one formula by several variables, by their names in any spelling, in the order asked."""

    kind: str
    variables: Any
    _by_name: dict[str, Derivation]

    def __getitem__(self, name: Any) -> Derivation:
        key = name.name if isinstance(name, Expr) else names.canonical(name)
        if key not in self._by_name:
            known = ", ".join(v.text() for v in self.variables)
            raise UnknownSymbolError(f"no {self.kind} by {name} was asked for", hint=f"there are those by {known}")
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


class Gradients(ByName, Presented):
    """The gradients of a loss by several variables: a mapping from name to `Derivation`.

    Made by `derive.gradient(loss, ["W", "b"])`.  A name is found in any spelling; iteration is
    in the order asked.

    Attributes
    ----------
    kind : str
        `"gradient"`, or `"hvp"` for products with the Hessian along all directions at once.
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

    layout: str | None = None
    structure: str | None = None
    is_riemannian = False
    is_joint = True

    def __init__(self, loss: Expr, sweep: Sweep, parts: Sequence[Derivation], given: Given) -> None:
        super().__init__(given)
        self.kind = parts[0].kind
        self.loss = loss
        self.wrt, self.direction = (parts[0].wrt, parts[0].direction) if len(parts) == 1 else (None, None)
        self.forward = sweep.forward
        self.steps = sweep.steps
        self.contributions = sweep.contributions
        self.conditions = united(sweep.conditions, loss)
        self.moved: dict[Expr, Expr] = {}
        self._by_name = {part.wrt.name: part for part in parts if part.wrt is not None}
        self.remarks = [remark for part in self.parts for remark in part.remarks]

    def __reduce__(self) -> tuple[Any, ...]:
        # The sweep is made again: it is quick, and its steps share nearly all their parts.
        return _restored, (self.loss, self.parts, self.given)

    def to_sympy(self) -> tuple[Any, ...]:
        """The boxes as canonical SymPy expressions, in the order asked."""
        return tuple(part.to_sympy() for part in self.parts)

    # What is made of all of them together

    @property
    def program(self) -> Any:
        """The cheapest evaluation of all the gradients, shared parts once."""
        from .codegen import derivative_program

        return derivative_program(self)

    def errors(
        self, points: int = 3, forms: tuple[str, ...] = ("expanded", "boxed", "compact"), code: bool = True
    ) -> dict[str, float]:
        """The error of each thing that `verify` compares, the largest over the variables.

        Where one gradient is too long for a line, all are shown in named intermediates and not in their forms.
        """
        found: dict[str, float] = {}
        is_deep = any(symbol_count(part.result) > MAX_FLAT for part in self.parts)
        for part in self.parts:
            shown = () if is_deep and part.structure is None else forms
            for name, error in part.errors(points, shown, code).items():
                found[name] = max(error, found.get(name, 0.0))
        return found


def _restored(loss: Expr, parts: list[Derivation], given: Given) -> Gradients:
    sweep = Sweep(loss, [part.wrt for part in parts if part.wrt is not None])
    return Gradients(loss, sweep, parts, given)


class Jacobians(ByName, Layered):
    """The Jacobians of a value by several variables: a mapping from name to `Derivation`.

    Made by `derive.jacobian(value, ["W", "b"])`.  In PyTorch and JAX it is the value as a layer, with
    the cotangents of all variables as its backward pass.

    Examples
    --------
    >>> import derive
    >>> both = derive.jacobian("tanh(W x + b)", ["x", "b"])
    >>> print(both["b"].boxed)
    diag(𝟏 − tanh(W x + b).^2)
    """

    kind = "jacobian"
    is_riemannian = False

    def __init__(self, parts: Sequence[Derivation]) -> None:
        self._by_name = {part.wrt.name: part for part in parts if part.wrt is not None}
        self.loss, self.given = parts[0].loss, parts[0].given
        self.variables = [part.wrt for part in parts if part.wrt is not None]

    def verify(self, points: int = 3) -> float:
        """The largest relative error of any against an independent numeric derivative."""
        return max(part.verify(points) for part in self.parts)

    def __repr__(self) -> str:
        return f"<Jacobians of {self.given.name} by {', '.join(v.text() for v in self.variables)}>"


class Blocks(Mapping[tuple[str, str], Derivation]):
    """The Hessian by several variables: a mapping from pairs of names to `Derivation`.

    The block of (U, V) is the Jacobian ∂ vec(∂L/∂U) / ∂(vec V)ᵀ, outputs as rows; that of
    (V, U) is its transpose [MN, ch. 10].  Made by `derive.hessian(loss, ["U", "V"])`; a block
    is derived when it is asked for.

    Examples
    --------
    >>> import derive
    >>> blocks = derive.hessian("xᵀ A y", "x, y", where="A: m×n")
    >>> print(blocks["x", "y"].boxed, "and", blocks["y", "x"].boxed)
    A and Aᵀ
    """

    def __init__(self, gradients: Gradients, diagonal: Callable[[Expr], Derivation]) -> None:
        self.gradients = gradients
        self._diagonal = diagonal
        self._made: dict[tuple[str, str], Derivation] = {}

    def __getitem__(self, pair: Any) -> Derivation:
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise UnknownSymbolError("a block of the Hessian has two names", hint='for example blocks["U", "V"]')
        row, column = (self.gradients[name] for name in pair)
        assert row.wrt is not None and column.wrt is not None
        key = (row.wrt.name, column.wrt.name)
        if key not in self._made:
            self._made[key] = self._diagonal(row.wrt) if row is column else self._between(row, column.wrt)
        return self._made[key]

    def _between(self, row: Derivation, variable: Expr) -> Derivation:
        from .jacobians import jacobian

        result, conditions = jacobian(row.result, variable)
        taken = {s.name for s in symbols_of(row.loss)} | {name for name, _ in row.definitions}
        name = next(n for n in ("G", "g", "Γ", "G_0") if n not in taken)
        remark = f"{name} is the gradient of {row.name} by {row.wrt.text() if row.wrt else ''}"
        return Derivation(
            "jacobian", row.result, variable, result, row.given.renamed(name), layout="numerator",
            conditions=conditions, remarks=[remark],
        )  # fmt: skip

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter([(a, b) for a in self.gradients for b in self.gradients])

    def __len__(self) -> int:
        return len(self.gradients) ** 2

    def verify(self, points: int = 3) -> float:
        """The largest relative error of any block against an independent numeric derivative."""
        return max(block.verify(points) for block in self.values())

    def __repr__(self) -> str:
        return (
            f"<Hessian of {self.gradients.name} by {', '.join(v.text() for v in self.gradients.variables)}, in blocks>"
        )
