"""What the names below a sum over an index are: indexed or constant, vectors, rows or scalars."""

from __future__ import annotations

from typing import Any

from .. import names
from .stacks import Node

_CAPITAL = dict(zip("αβγδεζηθικλμνξοπρστυφχψω", "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ"))


class Indexed:
    """The names below one sum, as habit and the declarations have them."""

    reading: Any
    indices: tuple[str, ...]
    vectors: set[str]

    def low(self, node: Node) -> tuple[str, list[str]] | None:
        """The symbol without its indices, and the indices; None if it has none of ours."""
        if node.op != "sym":
            return None
        base, accents, low = names.parts(node.data)
        if not low:
            return None
        for count in (1, 2):
            tail = [c for s in low[-count:] for c in s]
            if tail and all(c in self.indices for c in tail) and len(tail) <= 2:
                return names.join(base, accents, low[:-count]), tail
        return None

    def depends(self, node: Node) -> bool:
        return self.low(node) is not None

    def find_vectors(self, order: list[Node]) -> None:
        """The indexed names that stand for vectors: transposed, in a norm, or right of a row."""
        styles = {t.value: t.style for s in self.reading.statements for t in s.tokens if t.kind == "name"}
        declared = self.reading.declared.entries

        def mark(node: Node) -> None:
            stack = [node]
            while stack:
                at = stack.pop()
                held = self.low(at)
                if held is not None and len(held[1]) == 1:
                    self.vectors.add(held[0])
                elif at.op in ("sum", "neg"):
                    stack += at.args
                elif at.op == "prod":
                    stack.append(at.args[-1])

        for node in order:
            held = self.low(node)
            if held is not None and len(held[1]) == 1 and styles.get(node.data) in ("bold", "vec"):
                self.vectors.add(held[0])
            if node.op in ("trans", "norm"):
                mark(node.args[0])
            elif node.op == "inner" or (node.op == "call" and node.data in ("dot", "inner")):
                for arg in node.args:
                    mark(arg)
            elif node.op == "prod":
                for left, right in zip(node.args, node.args[1:]):
                    if left.op == "trans" or (left.op == "sym" and left.data[0].isupper() and not self.depends(left)):
                        mark(right)
        for name in list(self.vectors):
            if name in declared and declared[name].shape is not None and capital(name) not in declared:
                self.vectors.discard(name)

    def is_scalar_like(self, node: Node) -> bool:
        """A number, a constant, a letter that habit takes for a scalar, a quotient of such."""
        while node.op in ("pow", "neg", "root"):
            node = node.args[0]
        if node.op in ("num", "const", "norm", "dim", "inner", "bars"):
            return True
        if node.op == "div":
            return self.is_scalar_like(node.args[0])
        if node.op == "call":
            return node.data in ("tr", "det", "logdet", "sum", "norm", "norm1")
        if node.op == "prod":
            return all(self.is_scalar_like(a) for a in node.args)
        if node.op != "sym":
            return False
        entry = self.reading.declared.entries.get(node.data)
        if entry is not None and entry.shape is not None:
            return bool(entry.shape[0].value == 1 and entry.shape[1].value == 1)
        if entry is not None and entry.kind is not None:
            return bool(entry.kind == "scalar")
        first = node.data[0]
        return "a" <= first <= "g" or "α" <= first <= "ω" or first in "nmN"

    def is_row(self, node: Node) -> bool:
        """Whether what begins a product is a row: the transpose of a vector."""
        if node.op != "trans":
            return False
        stack = [node.args[0]]
        while stack:
            at = stack.pop()
            if at.op == "sym":
                entry = self.reading.declared.entries.get(at.data)
                if entry is not None and entry.shape is not None:
                    return bool(entry.shape[1].value == 1)
                return not at.data[0].isupper()
            stack += at.args[-1:] if at.op in ("prod", "sum", "neg") else []
        return True

    def ends_in_matrix(self, node: Node) -> bool:
        if node.op == "sym":
            entry = self.reading.declared.entries.get(node.data)
            if entry is not None and entry.shape is not None:
                return bool(entry.shape[1].value != 1)
            return bool(node.data[0].isupper())
        if node.op in ("inv", "trans", "eye", "pow"):
            return node.op != "trans" or self.ends_in_matrix(node.args[0])
        return bool(node.args) and self.ends_in_matrix(node.args[-1])


def capital(name: str) -> str:
    """The matrix whose rows carry this name: X for x, Φ for φ."""
    base, accents, low = names.parts(name)
    return names.join(_CAPITAL.get(base, base.upper()), accents, low)
