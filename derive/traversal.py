"""The order in which graphs are walked, of expressions, of what is read and of programs; iterative, so that depth is
bounded by memory alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


def postorder(roots: Iterable[T], operands: Callable[[T], Iterable[T]]) -> list[T]:
    """Every node below the roots once, operands before the nodes that use them."""
    order: list[T] = []
    seen: set[T] = set()
    stack = list(roots)
    stack.reverse()
    while stack:
        node = stack[-1]
        if node in seen:
            stack.pop()
            continue
        pending = [part for part in operands(node) if part not in seen]
        if pending:
            pending.reverse()
            stack += pending
        else:
            seen.add(node)
            order.append(node)
            stack.pop()
    return order
