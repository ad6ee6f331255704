"""The intermediates of a derivation, and the names a person would give them.

In a small graph every intermediate is written as it is.  In a large one those worth a
name get one: z for a product or an affine map, h for what a function returns, r for a
difference, u for others.  Names that the user has defined are kept in both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..association import associate
from ..expr import Expr, nodes, number_op, substitute, symbol, symbols_of
from ..operations import matmul, transpose
from .text import text

if TYPE_CHECKING:
    from ..derivation import Presented

WIDE = 30  # characters of an intermediate that calls for a name
MANY = 16  # operations on the way that call for names
LETTERS = {"z": "zyupq", "h": "hagvk", "r": "redqs", "u": "uvwts", "s": "stcqk"}


def is_number_factor(node: Expr) -> bool:
    """A number times something: ½ s, −x."""
    return node.op.name in ("scale", "mul") and len(node.args) == 2 and node.args[0].op is number_op


class Intermediates:
    """How each node of the evaluation graph is written.

    Attributes
    ----------
    order : list of Expr
        The evaluation graph, operands first.
    given : list of (Expr, Expr)
        The user's own names that occur, each with its definition.
    is_large : bool
        Whether intermediates get names.
    """

    def __init__(self, derivation: Presented, wide: float = WIDE) -> None:
        loss = derivation.loss
        graph = associate(loss)
        self.root = graph[loss]
        self.order = nodes(self.root)
        self._flat: dict[Expr, Expr] = {}
        for node in self.order:
            args = tuple(self._flat[arg] for arg in node.args)
            self._flat[node] = node if args == node.args and node.op is not matmul else node.op.build(args, node.data)
        inner = [node for node in self.order if self._is_worth_a_row(node) and node is not self.root]
        widest = max((len(text(self._flat[node])) for node in inner), default=0)
        self.is_large = widest > wide or len(inner) > MANY
        self.labels: dict[Expr, Expr] = {}
        taken = {s.name for s in symbols_of(loss)} | {derivation.name}
        taken |= {s.name for s in (*derivation.variables, derivation.direction) if s is not None}
        by_form = {expr: name for name, expr in derivation.definitions if name != derivation.name}
        for node in self.order:
            if self._flat[node] in by_form and node.args and node is not self.root:
                name = by_form[self._flat[node]]
                self.labels[node] = symbol(name, *node.shape)
                taken.add(name)
        own = set(self.labels)
        if self.is_large:
            self._name(taken)
        self._written: dict[Expr, Expr] = {}
        self._value: dict[Expr, Expr] = {}
        for node in self.order:
            args = tuple(self._written[arg] for arg in node.args)
            self._value[node] = node.op.build(args, node.data) if args else node
            self._written[node] = self.labels.get(node, self._value[node])
        self._names = {self._value[node]: label for node, label in self.labels.items()}
        # The author's definitions over each other: names that a page gives come after them.
        plain: dict[Expr, Expr] = {}
        self.given: list[tuple[Expr, Expr]] = []
        for node in self.order if own else ():
            made = node.op.build(tuple(plain[arg] for arg in node.args), node.data) if node.args else node
            plain[node] = self.labels[node] if node in own else made
            if node in own:
                self.given.append((self.labels[node], made))
        self._defined = plain.get(self.root, loss)

    def _is_worth_a_row(self, node: Expr) -> bool:
        return bool(node.args) and not is_number_factor(node) and not (node.op is transpose and not node.args[0].args)

    def _name(self, taken: set[str]) -> None:
        users: dict[Expr, list[Expr]] = {}
        for node in self.order:
            for arg in node.args:
                users.setdefault(arg, []).append(node)
        kinds: dict[str, list[Expr]] = {}
        for node in self.order:
            used_by = users.get(node, [])
            is_once = len(used_by) == 1
            if node is self.root or node in self.labels or not self._is_worth_a_row(node) or node.op is transpose:
                continue
            if is_once and (node.is_scalar or (node.op is matmul and used_by[0].op.name == "add")):
                continue
            if node.is_scalar:
                kind = "s"
            elif node.op.is_elementwise or node.op.name == "softmax":
                kind = "h"
            elif node.op.name == "add":
                kind = "r" if any(is_number_factor(arg) for arg in node.args) else "z"
            else:
                kind = "z" if node.op is matmul else "u"
            letter = kind if node.is_scalar or node.is_vector else kind.upper()
            kinds.setdefault(letter, []).append(node)
        bases = {name.split("_")[0] for name in taken}
        for letter, members in kinds.items():
            choice = LETTERS[letter.lower()]
            options = [c if letter.islower() else c.upper() for c in choice]
            base = next((c for c in options if c not in bases), options[0] + "_tilde")
            bases.add(base)
            for i, node in enumerate(members, start=1):
                self.labels[node] = symbol(f"{base}_{i}" if len(members) > 1 else base, *node.shape)

    def flat(self, node: Expr) -> Expr:
        """The node in the given symbols, products flat."""
        return self._flat.get(node, node)

    def written(self, node: Expr) -> Expr:
        """The node as lines refer to it: by its name if it has one."""
        return self._written.get(node, node)

    def value(self, node: Expr) -> Expr:
        """What the name stands for, over the names of the operands."""
        return self._value.get(node, node)

    def renamed(self, expr: Expr) -> Expr:
        """The formula with the values that have a name replaced by it: 1 − tanh(z)² is 1 − h²."""
        return substitute(expr, self._names) if self._names else expr

    def label(self, node: Expr) -> Expr | None:
        return self.labels.get(node)

    def is_shown(self, node: Expr) -> bool:
        """Whether the node gets a line of its own on the way forward."""
        if self.is_large:
            return node in self.labels
        return self._is_worth_a_row(node)

    def defined(self, loss: Expr) -> Expr:
        """The loss over the user's own names."""
        return self._defined
