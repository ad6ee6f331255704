"""How far a sum reaches: over the terms after it that use its index."""

from __future__ import annotations

from .families import Families
from .indexed_names import letters_in
from .stacks import Node


def extend(families: Families) -> None:
    """Let a sum reach over the terms after it that use its index: Σ_i y_i log p_i + (1 − y_i) log (1 − p_i)."""
    for node in families.order:
        if node.op != "sum":
            continue
        i = 0
        while i < len(node.args):
            last = last_sums(node.args[i])
            end, target = i, None
            for j in range(i + 1, len(node.args)):
                if any(s.op == "sigma" for s in last_sums(node.args[j])) and not uses(node.args[j], last):
                    break
                found = uses(node.args[j], last)
                if found is not None:
                    end, target = j, found
            if target is not None:
                absorb(families, node, i, end, target)
            i += 1
        if len(node.args) == 1:
            only = node.args[0]
            node.op, node.args, node.data, node.paren = only.op, only.args, only.data, node.paren or only.paren


def last_sums(term: Node) -> list[Node]:
    """The sums that end a term, from the outside in."""
    found = []
    while not term.paren:
        if term.op == "sigma" and term.data.taken != "prod":
            found.append(term)
            term = term.args[0]
        elif term.op == "neg":
            term = term.args[0]
        elif term.op == "prod" and term.data[-1] != "/":
            term = term.args[-1]
        else:
            break
    return found


def uses(term: Node, sums: list[Node]) -> Node | None:
    """The innermost of the sums whose index occurs in the term, bound by no sum in it."""
    if not sums:
        return None
    free = letters_in(term)
    for held in reversed(sums):
        if free & {*held.data.names, *(letter for _, letters, *_ in held.data.conditions for letter in letters)}:
            return held
    return None


def absorb(families: Families, node: Node, first: int, last: int, target: Node) -> None:
    head, signs = node.args[first], node.data
    body = target.args[0]
    if body.op == "sum" and not body.paren:
        args, data = list(body.args), list(body.data)
    else:
        args, data = [body], [1]
    args += node.args[first + 1 : last + 1]
    data += signs[first + 1 : last + 1]
    end = node.args[last].end
    inside = Node("sum", args, tuple(data), body.start, end)
    inside.paren = True
    target.args = [inside]
    stretched = head
    while True:
        stretched.end = end
        if stretched is target:
            break
        stretched = stretched.args[-1]
    node.args = [*node.args[: first + 1], *node.args[last + 1 :]]
    node.data = (*signs[: first + 1], *signs[last + 1 :])
    shown = families.source[target.start : target.args[0].args[0].start].strip()
    families.note(f"{shown} is read as reaching over {families.cut(inside)}")
