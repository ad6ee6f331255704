"""Edits of a tree: the mistakes of one stroke, undone.

Each edit comes with the kind of mistake that it mends; `places` walks a tree, `put`
replaces what stands at a place.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import permutations

from ..expr import Expr
from .trees import Tree

_FACTORS = tuple(Fraction(n, d) for n, d in ((2, 1), (1, 2), (4, 1), (1, 4), (3, 1), (1, 3), (-2, 1), (-1, 2)))

Edit = tuple[str, Tree]


def edits(tree: Tree) -> Iterator[Edit]:
    """Every tree one edit away, by kind."""
    places = list(places_of(tree))
    for path, node in places:
        if node.kind in ("number", "neg"):
            continue
        above = at(tree, path[:-1]) if path else None
        kind = "transpose"
        if node.kind == "inverse" or (node.kind == "transpose" and node.args[0].kind == "inverse"):
            kind = "inverse transpose"
        if above is not None and above.kind in ("transpose", "inverse") and node.kind != "transpose":
            if above.kind == "inverse":
                continue
            continue
        yield kind, put(tree, path, turned(node))
    for path, node in places:  # a transposition at the wrong factor
        if node.kind == "prod":
            for i in range(len(node.args)):
                for j in range(i + 1, len(node.args)):
                    a, b = node.args[i], node.args[j]
                    if (a.kind == "transpose") != (b.kind == "transpose"):
                        args = list(node.args)
                        args[i], args[j] = turned(a), turned(b)
                        yield "transpose", put(tree, path, node.with_args(args))
    for path, node in places:
        if node.kind == "prod":
            n = len(node.args)
            for i in range(n - 1):
                args = list(node.args)
                args[i], args[i + 1] = args[i + 1], args[i]
                yield "order", put(tree, path, node.with_args(args))
            if 2 < n <= 4:
                for order in permutations(range(n)):
                    yield "order", put(tree, path, node.with_args([node.args[k] for k in order]))
    for path, node in places:
        if node.kind == "sum":
            for i, term in enumerate(node.args):
                args = list(node.args)
                args[i] = negated(term)
                yield "sign", put(tree, path, node.with_args(args))
        elif node.kind == "neg":
            yield "sign", put(tree, path, node.args[0])
    for path, node in places:
        if node.kind == "number" and path and at(tree, path[:-1]).kind not in ("power", "entrypower"):
            held: Fraction = node.data[0]
            for factor in _FACTORS:
                yield "factor", put(tree, path, Tree("number", (), (held * factor,)))
            yield "factor", put(tree, path, Tree("number", (), (Fraction(1),)))
    for path, node in places:
        parent = at(tree, path[:-1]) if path else None
        if parent is None or parent.kind in ("sum", "neg", "transpose", "differential", "call", "inner", "colon"):
            if node.kind not in ("number", "neg"):
                for factor in (Fraction(2), Fraction(1, 2), Fraction(4), Fraction(1, 4)):
                    made = Tree("prod", [Tree("number", (), (factor,)), node], ("",))
                    yield "factor", put(tree, path, made)
    for path, node in places:
        if node.kind == "hadamard":
            for arrangement in _as_products(node):
                yield "hadamard", put(tree, path, arrangement)
        elif node.kind == "prod":
            for i in range(len(node.args) - 1):
                pair = Tree("hadamard", node.args[i : i + 2])
                args = [*node.args[:i], pair, *node.args[i + 2 :]]
                made = pair if len(args) == 1 else Tree("prod", args, ("",) * (len(args) - 1))
                yield "hadamard", put(tree, path, made)
            for cut in range(1, len(node.args)):
                left, right = chain_of(node.args[:cut]), chain_of(node.args[cut:])
                yield "hadamard", put(tree, path, Tree("hadamard", [left, right]))
    for path, node in places:
        if node.kind == "call" and node.data[0] == "diag":
            yield "diag", put(tree, path, node.args[0])
        elif node.kind not in ("number", "neg", "norm"):
            yield "diag", put(tree, path, Tree("call", [node], ("diag",)))
    for path, node in places:
        if node.kind == "norm":
            parent = at(tree, path[:-1]) if path else None
            two = Tree("number", (), (Fraction(2),))
            if parent is None or parent.kind != "power":
                yield "norm", put(tree, path, Tree("power", [node, two]))
        elif node.kind == "power" and node.args[0].kind == "norm":
            yield "norm", put(tree, path, node.args[0])
            three = Tree("number", (), (Fraction(3),))
            yield "norm", put(tree, path, Tree("power", [node.args[0], three]))
    for path, node in places:
        exponent = node.args[1] if node.kind in ("power", "entrypower") else None
        if exponent is not None and exponent.kind == "number":
            held = exponent.data[0]
            for other in (held + 1, held - 1, -held):
                power = node.with_args([node.args[0], Tree("number", (), (other,))])
                yield "power", put(tree, path, power if other not in (0, 1) else node.args[0] if other else _ONE)
        elif path and node.kind in ("name", "call") and at(tree, path[:-1]).kind in ("sum", "neg", "hadamard"):
            yield "power", put(tree, path, Tree("hadamard", [node, node]))  # 1 − h for 1 − h ⊙ h
    yield from softmax_edits(tree, places)
    for path, node in places:
        if node.kind == "sum":
            for i in range(len(node.args)):
                rest = [a for j, a in enumerate(node.args) if j != i]
                yield "term", put(tree, path, rest[0] if len(rest) == 1 else node.with_args(rest))
    for path, node in places:
        if node.kind == "prod" and len(node.args) > 1:
            for i in range(len(node.args)):
                yield "inner derivative", put(tree, path, chain_of([a for j, a in enumerate(node.args) if j != i]))
        if node.kind in ("inverse",):
            yield "inverse", put(tree, path, node.args[0])
        if node.kind == "total":
            yield "index", put(tree, path, node.args[0])


_ONE = Tree("number", (), (Fraction(1),))


def softmax_edits(tree: Tree, places: list[tuple[tuple[int, ...], Tree]]) -> Iterator[Edit]:
    for path, node in places:
        if node.kind == "call" and node.data[0] == "diag":
            s = node.args[0]
            outer = Tree("prod", [s, turned(s)], ("",))
            full = Tree("sum", [node, Tree("neg", [outer])])
            yield "softmax", put(tree, path, full)
        elif node.kind == "hadamard" and len(node.args) == 2:
            for s in node.args:
                outer = Tree("prod", [s, turned(s)], ("",))
                full = Tree("sum", [Tree("call", [s], ("diag",)), Tree("neg", [outer])])
                yield "softmax", put(tree, path, full)
                # s ⊙ (1 − s) ⊙ g, and s ⊙ g, for (diag(s) − s sᵀ) g
                for g in node.args:
                    if g is not s:
                        yield "softmax", put(tree, path, Tree("prod", [full, g], ("",)))
        elif node.kind == "hadamard" and len(node.args) == 3:
            for s in node.args:
                for g in node.args:
                    if g is not s:
                        outer = Tree("prod", [s, turned(s)], ("",))
                        full = Tree("sum", [Tree("call", [s], ("diag",)), Tree("neg", [outer])])
                        yield "softmax", put(tree, path, Tree("prod", [full, g], ("",)))


def places_of(tree: Tree) -> Iterator[tuple[tuple[int, ...], Tree]]:
    """Every node with its path from the root, outside differentials' operators."""
    stack: list[tuple[tuple[int, ...], Tree]] = [((), tree)]
    while stack:
        path, node = stack.pop()
        yield path, node
        if node.kind in ("derivative", "gradient", "directional"):
            continue
        for i in range(len(node.args) - 1, -1, -1):
            stack.append(((*path, i), node.args[i]))


def at(tree: Tree, path: tuple[int, ...]) -> Tree:
    for i in path:
        tree = tree.args[i]
    return tree


def put(tree: Tree, path: tuple[int, ...], new: Tree) -> Tree:
    spine = [tree]
    for i in path:
        spine.append(spine[-1].args[i])
    for i, node in zip(reversed(path), reversed(spine[:-1])):
        args = list(node.args)
        args[i] = new
        if node.kind == "prod" and new.kind == "prod":
            # products stay flat, so that neighbors can be swapped
            marks = list(node.data)
            flat = [*args[:i], *new.args, *args[i + 1 :]]
            marks[i:i] = list(new.data)
            new = Tree("prod", flat, tuple(marks), node.span)
        else:
            new = node.with_args(args)
    return new


def turned(node: Tree) -> Tree:
    return node.args[0] if node.kind == "transpose" else Tree("transpose", [node], (), node.span)


def negated(node: Tree) -> Tree:
    return node.args[0] if node.kind == "neg" else Tree("neg", [node], (), node.span)


def chain_of(parts: list[Tree] | tuple[Tree, ...]) -> Tree:
    return parts[0] if len(parts) == 1 else Tree("prod", parts, ("",) * (len(parts) - 1))


def _as_products(node: Tree) -> Iterator[Tree]:
    """A ⊙ B as A B, Aᵀ B, A Bᵀ and B A."""
    for i in range(len(node.args) - 1):
        a, b = node.args[i], node.args[i + 1]
        for pair in ([a, b], [b, a], [turned(a), b], [a, turned(b)], [turned(b), a], [b, turned(a)]):
            made = Tree("prod", pair, ("",))
            rest = [*node.args[:i], made, *node.args[i + 2 :]]
            yield rest[0] if len(rest) == 1 else node.with_args(rest)


def held(expr: Expr) -> Tree:
    """A tree that stands for an expression."""
    return Tree("held", (), (expr,))
