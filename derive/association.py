"""The evaluation graph: every product of exactly two factors, in the order a person takes.

A chain is associated by dynamic programming over its cost, with every named dimension
taken as `SIZE`, so that products with vectors come first: Wᵀ W x is Wᵀ (W x).  Among
equally cheap orders the one that starts at the right is taken, as data flow through
layers.  Chains longer than `LONG` are folded from the end that holds a vector.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any, TypeVar

from .expr import Expr, nodes
from .operations import matmul
from .shapes import ONE, Dim

SIZE = 64
LONG = 12
Shaped = TypeVar("Shaped", bound=Any)  # with a shape


def size(dim: Dim) -> int:
    """The number a dimension counts as when orders are compared."""
    return dim.evaluate(dict.fromkeys(dim.names, SIZE))


def associate(root: Expr) -> dict[Expr, Expr]:
    """Map every node of a formula to its node in the evaluation graph."""
    graph: dict[Expr, Expr] = {}
    for node in nodes(root):
        args = tuple(graph[arg] for arg in node.args)
        if node.op is matmul:
            graph[node] = chain(args)
        elif args == node.args:
            graph[node] = node
        else:
            graph[node] = node.op.make(args, node.data)
    return graph


def chain(factors: tuple[Expr, ...]) -> Expr:
    """The product of the factors as nested products of two."""
    if len(factors) == 2:
        return matmul.make(factors)
    if len(factors) > LONG:
        return _folded(factors)
    dims = [size(f.shape[0]) for f in factors] + [size(factors[-1].shape[1])]
    count = len(factors)
    cost = [[0] * count for _ in range(count)]
    split = [[0] * count for _ in range(count)]
    for length in range(2, count + 1):
        for first in range(count - length + 1):
            last = first + length - 1
            options = [
                (cost[first][at] + cost[at + 1][last] + dims[first] * dims[at + 1] * dims[last + 1], at)
                for at in range(first, last)
            ]
            cost[first][last], split[first][last] = min(options)

    def built(first: int, last: int) -> Expr:
        if first == last:
            return factors[first]
        at = split[first][last]
        return matmul.make((built(first, at), built(at + 1, last)))

    return built(0, count - 1)


def segments(factors: Iterable[Shaped]) -> list[list[Shaped]]:
    """The factors of a product, cut where it narrows to one column."""
    found: list[list[Shaped]] = []
    for factor in factors:
        if not found or factor.shape[0] is ONE:
            found.append([])
        found[-1].append(factor)
    return found


def _folded(factors: tuple[Expr, ...]) -> Expr:
    if factors[0].shape[0] is ONE and factors[-1].shape[1] is not ONE:
        return reduce(lambda product, factor: matmul.make((product, factor)), factors)
    return reduce(lambda product, factor: matmul.make((factor, product)), reversed(factors))
