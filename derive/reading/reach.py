"""How far a sum reaches: over the terms after it that use its index."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .indexed_names import USUAL, letters_in
from .signatures import C
from .stacks import Node, nodes_below, quoted, whole

if TYPE_CHECKING:
    from .families import Families


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
                families.note(absorbed(families.source, node, i, end, target))
            i += 1
        become_only_term(node)


def extend_over_entries(order: list[Node], usual: dict[int, int], source: str, readings: list[str]) -> None:
    """Let a sum without an index reach over the vectors after it that have one of its vectors in them.

    Σ y log p + (1 − y) log (1 − p) is one number.
    """
    for node in order:
        for i in range(len(node.args) if node.op == "sum" else 0):
            bare = [held for held in last_sums(node.args[i]) if is_of_entries(held)] if i < len(node.args) else []
            end = i
            for j in range(i + 1, len(node.args) if bare else 0):
                below = nodes_below([node.args[j]])
                if usual[id(node.args[j])] != C or any(n.op == "sigma" for n in below):
                    break
                vectors = {n.data for n in nodes_below(bare) if n.op == "sym" and usual[id(n)] == C}
                end = j if vectors & {n.data for n in below if n.op == "sym"} else end
            if end > i:
                readings.append(absorbed(source, node, i, end, bare[-1]))
        if node.op == "sum":
            become_only_term(node)


def is_of_entries(node: Node) -> bool:
    """Whether a sum has no index, and nothing in it that a sum may run over."""
    bounds = node.data
    return not (bounds.names or bounds.dims or bounds.conditions or letters_in(node.args[0]) & USUAL)


def become_only_term(node: Node) -> None:
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
    free = letters_in(term).difference(*(bound_by(node) for node in nodes_below([term]) if node.op == "sigma"))
    return next((held for held in reversed(sums) if free & bound_by(held)), None)


def bound_by(total: Node) -> set[str]:
    """The indices of a sum: those that are named, or the one that `Families.opened` finds."""
    named = {*total.data.names, *(letter for _, letters, *_ in total.data.conditions for letter in letters)}
    return named or set(sorted(letters_in(total.args[0]) & USUAL)[:1])


def absorbed(source: str, node: Node, first: int, last: int, target: Node) -> str:
    """What is to be said of a sum, once it has taken in the terms from the first to the last."""
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
    shown = source[target.start : target.args[0].args[0].start].strip()
    return f"{shown} is read as reaching over {quoted(whole(source, inside.start, inside.end))}"
