"""Sums over an index of rows or entries to matrix form."""

from __future__ import annotations

from typing import Any

from ..errors import ParseError
from .grammar import Node


def lower_sums(reading: Any, roots: list[Node], readings: list[str]) -> list[Node]:
    from .reading import postorder

    for node in postorder(roots):
        if node.op == "sigma":
            raise ParseError("this sum over an index has no matrix form that we know", reading.source, node.span)
    return roots
