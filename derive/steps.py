"""The steps of a reverse sweep, and what each occurrence of the variable contributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .expr import Expr
from .operations import matmul, transpose
from .rules import RULES, Rule


class Step:
    """One pullback: from the cotangent of a node to its share in the cotangent of an operand.

    Attributes
    ----------
    number : int
        1, 2, ... in the order of the sweep.
    node, operand : Expr
        In written form; `node.args[index]` of the evaluation graph is the operand.
    rule : Rule
    cotangent : Expr
        ∂L/∂node, complete.
    contribution : Expr
        What the rule passes to the operand.
    total : Expr or None
        ∂L/∂operand, once all its contributions are in; None before.
    """

    __slots__ = ("number", "node", "view", "operand", "value", "index", "rule", "cotangent", "contribution", "total")

    def __init__(
        self, number: int, node: Expr, view: Expr, value: Expr, index: int, cotangent: Expr, contribution: Expr
    ) -> None:
        self.number = number
        self.node = node
        self.view = view  # the node over its operands in written form, as the rule sees it
        self.operand = view.args[index]
        self.value = value  # the operand in the evaluation graph
        self.index = index
        self.rule: Rule = RULES[view.op.name]
        self.cotangent = cotangent
        self.contribution = contribution
        self.total: Expr | None = None

    def __repr__(self) -> str:
        return f"<step {self.number}: {self.operand.text()} gets {self.contribution.text()}>"

    def __reduce__(self) -> tuple[Any, ...]:
        made = (self.number, self.node, self.view, self.value, self.index, self.cotangent, self.contribution)
        return _step, (made, self.total)

    @property
    def is_last(self) -> bool:
        """Whether the cotangent of the operand is complete with this step."""
        return self.total is not None


class Steps(list[Step]):
    """The steps of a sweep; a table where they are shown."""

    def _repr_markdown_(self) -> str:
        from .render.jupyter import steps_markdown

        return steps_markdown(self)

    def __repr__(self) -> str:
        from .render.jupyter import steps_text

        return steps_text(self)


def _step(made: tuple[Any, ...], total: Expr | None) -> Step:
    step = Step(*made)
    step.total = total
    return step


class Contribution:
    """What one occurrence of the variable contributes to the gradient.

    Attributes
    ----------
    occurrence : Expr
        The variable, or its transpose where it enters transposed.
    route : tuple of Expr
        The nodes from the loss down to the one that uses the occurrence.
    expression : Expr
        In the shape of the variable.
    transposed_from : Expr or None
        ∂L/∂Wᵀ, where the occurrence is Wᵀ.
    """

    __slots__ = ("occurrence", "expression", "transposed_from", "_user", "_parents", "_written")

    def __init__(
        self,
        occurrence: Expr,
        expression: Expr,
        transposed_from: Expr | None,
        user: Expr,
        parents: Mapping[Expr, Expr],
        written: Mapping[Expr, Expr],
    ) -> None:
        self.occurrence = occurrence
        self.expression = expression
        self.transposed_from = transposed_from
        self._user = user
        self._parents = parents  # of the evaluation graph
        self._written = written

    @property
    def route(self) -> tuple[Expr, ...]:
        # Found when asked for: k occurrences in k layers have routes of k²/2 nodes in all.
        route = [self._user]
        while route[-1] in self._parents:
            route.append(self._parents[route[-1]])
        return tuple(self._written[node] for node in reversed(route))

    def __repr__(self) -> str:
        return f"<through {self.occurrence.text()}: {self.expression.text()}>"


def written_flat(order: list[Expr]) -> dict[Expr, Expr]:
    """The nodes of the evaluation graph as people write them: products flat again."""
    written: dict[Expr, Expr] = {}
    for node in order:
        args = tuple(written[arg] for arg in node.args)
        if node.op is matmul:
            written[node] = matmul(*args)
        else:
            written[node] = node if args == node.args else node.op.build(args, node.data)
    return written


def lightened(share: Expr) -> Expr:
    """A contribution as one writes it down: (A B)ᵀ is Bᵀ Aᵀ."""
    if share.op is transpose and share.args[0].op is matmul:
        return matmul(*(transpose(factor) for factor in reversed(share.args[0].args)))
    return share
