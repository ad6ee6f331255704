"""Edits of a tree: the mistakes of one stroke, undone.

An edit is a kind of mistake, a place, and what should stand there.  `strokes` are the edits that need nothing but the
tree; `insertions` put in what else the document has: another letter, a factor, a term, a function.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import combinations, permutations

from ..expr import Expr
from .trees import Tree, name

Path = tuple[int, ...]
Edit = tuple[str, Path, Tree]
Place = tuple[Path, Tree, Tree | None]  # with what stands above it

_FACTORS = tuple(Fraction(n, d) for n, d in ((2, 1), (1, 2), (4, 1), (1, 4), (3, 1), (1, 3), (-2, 1), (-1, 2)))
_FEW = (Fraction(2), Fraction(1, 2), Fraction(4), Fraction(1, 4))
_BARE = frozenset(("number", "neg"))
_WHOLE = frozenset("sum neg transpose differential call inner colon total".split())  # what keeps operands apart
_ATOMS = frozenset("name call apply norm bars sum prod entry inner colon".split())


def strokes(tree: Tree) -> Iterator[Edit]:
    """Every edit that needs nothing but the tree."""
    places = list(places_of(tree))
    for edits in (
        _transposes, _orders, _signs, _numbers, _hadamards, _diags, _norms, _powers, _softmaxes, _surplus, _indices,
    ):  # fmt: skip
        yield from edits(places)


def _transposes(places: Sequence[Place]) -> Iterator[Edit]:
    for path, node, above in places:
        if node.kind in _BARE:
            continue
        if above is not None and (
            above.kind == "inverse" or above.kind == "transpose" and node.kind != "transpose"
        ):  # fmt: skip
            continue
        factors = [arg for arg in node.args if arg.kind not in ("number", "quotient")] if node.kind == "prod" else []
        if len(factors) == 2:  # x eᵀ for e xᵀ
            scalars = [arg for arg in node.args if arg not in factors]
            yield "transpose", path, chain_of([*scalars, turned(factors[1]), turned(factors[0])])
        is_inverse = node.kind == "inverse" or (node.kind == "transpose" and node.args[0].kind == "inverse")
        yield "inverse transpose" if is_inverse else "transpose", path, turned(node)
    for path, node, _ in places:  # at the wrong factor
        for i, j in combinations(range(len(node.args) if node.kind == "prod" else 0), 2):
            a, b = node.args[i], node.args[j]
            if (a.kind == "transpose") != (b.kind == "transpose"):
                yield "transpose", path, _with(node, {i: turned(a), j: turned(b)})


def _orders(places: Sequence[Place]) -> Iterator[Edit]:
    for path, node, _ in places:
        n = len(node.args) if node.kind == "prod" else 0
        for i in range(n - 1):
            yield "order", path, _with(node, {i: node.args[i + 1], i + 1: node.args[i]})
        for order in permutations(range(n)) if 2 < n <= 4 else ():
            yield "order", path, node.with_args([node.args[k] for k in order])
    letters = [(path, node) for path, node, _ in places if node.kind == "name"]
    for path, node, _ in places:
        if node.kind not in ("prod", "hadamard", "sum"):
            continue
        inside = [(p, t) for p, t in letters if p[: len(path)] == path]
        for (p, a), (q, b) in combinations(inside[:8], 2):
            if a.data != b.data:
                yield "order", path, put(put(node, p[len(path) :], b, False), q[len(path) :], a, False)


def _signs(places: Sequence[Place]) -> Iterator[Edit]:
    for path, node, above in places:
        if node.kind == "neg":
            yield "sign", path, node.args[0]
        elif above is None or above.kind == "sum":
            yield "sign", path, Tree("neg", [node], (), node.span)


def _numbers(places: Sequence[Place]) -> Iterator[Edit]:
    for path, node, above in places:
        if node.kind == "number" and above is not None and above.kind not in ("power", "entrypower"):
            if above.kind == "prod":
                yield "factor", path[:-1], _without(above, path[-1])
            for factor in _FACTORS:
                yield "factor", path, _number(node.data[0] * factor)
        if node.kind == "quotient":
            is_reciprocal = node.args[0].kind == "number" and node.args[0].data[0] == 1
            if is_reciprocal and above is not None and above.kind == "prod":  # the ½ of ½ Aᵀ r
                yield "factor", path[:-1], _without(above, path[-1])
            yield "factor", path, node.args[0]
    for path, node, above in places:
        if (above is None or above.kind in _WHOLE) and node.kind not in _BARE:
            for factor in _FEW:
                yield "factor", path, chain_of([_number(factor), node])


def _hadamards(places: Sequence[Place]) -> Iterator[Edit]:
    for path, node, _ in places:
        if node.kind == "hadamard":
            for arrangement in _as_products(node):
                yield "hadamard", path, arrangement
        elif node.kind == "prod":
            for i in range(len(node.args) - 1):
                pair = Tree("hadamard", node.args[i : i + 2])
                yield "hadamard", path, chain_of([*node.args[:i], pair, *node.args[i + 2 :]])
            for cut in range(1, len(node.args)):
                left, right = chain_of(node.args[:cut]), chain_of(node.args[cut:])
                # u (1 − h ⊙ h) is read with the product first where factors follow one another
                yield "hadamard", path, Tree("hadamard", [left, right])
            for i, factor in enumerate(node.args):
                if factor.kind == "hadamard":
                    rest = [*node.args[:i], factor.args[0]], [factor.args[-1], *node.args[i + 1 :]]
                    middle = factor.args[1:-1]
                    yield "hadamard", path, Tree("hadamard", [chain_of(rest[0]), *middle, chain_of(rest[1])])
    for path, node, _ in places:
        if node.kind == "hadamard":
            for i, factor in enumerate(node.args):  # A B ⊙ C where A ⊙ B ⊙ C is meant
                if factor.kind == "prod":
                    yield "hadamard", path, Tree("hadamard", [*node.args[:i], *factor.args, *node.args[i + 1 :]])
                    pair = Tree("hadamard", [chain_of(factor.args[:-1]), factor.args[-1]])
                    yield "hadamard", path, Tree("hadamard", [*node.args[:i], *pair.args, *node.args[i + 1 :]])


def _diags(places: Sequence[Place]) -> Iterator[Edit]:
    for path, node, _ in places:
        if node.kind == "call" and node.data[0] == "diag":
            yield "diag", path, node.args[0]
        elif node.kind not in ("number", "neg", "norm"):
            yield "diag", path, Tree("call", [node], ("diag",))


def _norms(places: Sequence[Place]) -> Iterator[Edit]:
    for path, node, above in places:
        if node.kind == "norm" and (above is None or above.kind != "power"):
            yield "norm", path, Tree("power", [node, _number(2)])
        elif node.kind == "power" and node.args[0].kind == "norm":
            yield "norm", path, node.args[0]
            yield "norm", path, Tree("power", [node.args[0], _number(3)])


def _powers(places: Sequence[Place]) -> Iterator[Edit]:
    for path, node, _ in places:
        exponent = node.args[1] if node.kind in ("power", "entrypower") else None
        if exponent is not None and exponent.kind == "number":
            held = exponent.data[0]
            for other in (held + 1, held - 1, -held):
                power = node.with_args([node.args[0], _number(other)])
                lower = node.args[0] if other else _number(1)
                yield "power" if other else "factor", path, power if other not in (0, 1) else lower
        elif node.kind in ("prod", "hadamard"):
            for i, factor in enumerate(node.args):
                if any(factor.key() == other.key() for other in node.args[:i]):
                    yield "power", path, _without(node, i)
        elif node.kind == "inverse":
            yield "inverse", path, node.args[0]
        elif node.kind == "call" and node.data[0] == "sqrt":
            yield "power", path, node.args[0]
    for path, node, above in places:
        if node.kind not in _ATOMS or above is not None and above.kind in ("power", "entrypower", "inverse"):
            continue
        yield "power", path, Tree("power", [node, _number(2)])
        if node.kind != "prod":
            yield "power", path, Tree("hadamard", [node, node])  # 1 − h for 1 − h ⊙ h
            yield "inverse", path, Tree("inverse", [node])
        if above is not None and above.kind == "quotient" and path[-1] == 1:
            root = Tree("call", [node], ("sqrt",))
            yield "power", path, root
            yield "power", path, Tree("power", [node, _number(3)])
            yield "power", path, chain_of([node, root])  # v √v for v
            if node.kind == "call" and node.data[0] == "sqrt":
                yield "power", path, chain_of([node.args[0], node])


def _softmaxes(places: Sequence[Place]) -> Iterator[Edit]:
    def full(s: Tree) -> Tree:
        return Tree("sum", [Tree("call", [s], ("diag",)), Tree("neg", [chain_of([s, turned(s)])])])

    for path, node, above in places:
        if node.kind == "call" and node.data[0] == "diag" and (above is None or above.kind != "sum"):
            yield "softmax", path, full(node.args[0])
        elif node.kind == "hadamard" and len(node.args) in (2, 3):
            for s in node.args:
                if len(node.args) == 2:
                    yield "softmax", path, full(s)
                for g in node.args:  # s ⊙ (1 − s) ⊙ g, and s ⊙ g, for (diag(s) − s sᵀ) g
                    if g is not s:
                        yield "softmax", path, chain_of([full(s), g])


def _surplus(places: Sequence[Place]) -> Iterator[Edit]:
    """What stands there and should not."""
    for path, node, _ in places:
        if node.kind == "sum":
            for i in range(len(node.args)):
                yield "term", path, _without(node, i)
    for path, node, _ in places:
        if node.kind in ("prod", "hadamard") and len(node.args) > 1:
            for i, factor in enumerate(node.args):
                yield "factor" if factor.kind == "number" else "inner derivative", path, _without(node, i)
            for i in range(len(node.args) - 2 if node.kind == "prod" else 0):
                yield "inner derivative", path, chain_of([*node.args[: i + 1], *node.args[i + 3 :]])
        if node.kind == "total":
            yield "index", path, node.args[0]
        if node.kind == "sum":
            for i, term in enumerate(node.args):  # λ for λ I
                yield "scalar for matrix", path, _with(node, {i: chain_of([term, Tree("identity", (), (None,))])})


def _indices(places: Sequence[Place]) -> Iterator[Edit]:
    """Letters of an entry swapped, and one for another."""
    named = [(path, node) for path, node, _ in places if node.kind == "name" and node.data[2]]
    lows = ["".join(map(str, node.data[2])).replace(",", "") for _, node in named]
    letters = dict.fromkeys(c for low in lows if low.isalpha() for c in low)
    for (path, node), low in zip(named, lows):
        if not low.isalpha() or len(low) > 2:
            continue
        others = [low[::-1]] if len(low) == 2 and low != low[::-1] else []
        others += [low[:k] + c + low[k + 1 :] for k in range(len(low)) for c in letters if c != low[k]]
        for other in others:
            yield "index", path, name(f"{node.data[1]}_{other}")
    for path, node, _ in places:
        if node.kind == "prod":
            for a, b in combinations(letters, 2):
                yield "index", path, _exchanged(node, str.maketrans(a + b, b + a))


class Words:
    """What else a document has to put into a line."""

    def __init__(
        self, names: Iterable[Tree], scalars: Iterable[Tree], factors: Iterable[Tree], terms: Iterable[Tree],
        functions: Iterable[str], inverses: Iterable[Tree] = (),
    ) -> None:  # fmt: skip
        self.names = list(names)
        self.scalars = list(scalars)
        self.factors = list(factors)  # derivatives of inner functions, and what lines nearby multiply by
        self.terms = list(terms)  # summands of lines nearby
        self.functions = list(functions)
        self.matrices = [made for letter in self.names for made in (letter, turned(letter))] + list(inverses)


def insertions(tree: Tree, words: Words) -> Iterator[Edit]:
    """Every edit that puts in another letter, a factor, a term or a function that the document has."""
    places = list(places_of(tree))
    letters = [(path, node) for path, node, _ in places if node.kind == "name"]
    for path, node in letters:
        others = [*words.names, Tree("identity", (), (None,))]
        if node.data[2]:  # the same entry of another one
            others += [_entry(other, node) for other in words.names if len(other.data[2]) == len(node.data[2])]
        for other in others:
            if other.data[0] != node.data[0]:
                yield "name", path, other
    counts = Counter(str(node.data[0]) for _, node in letters)
    for full in counts:
        for other in words.names if counts[full] > 1 else ():
            if other.data[0] != full:
                yield "name", (), _renamed(tree, full, other)
    for path, node, above in places:
        if node.kind in _BARE or (above is not None and above.kind in ("norm", "inverse")):
            continue
        for factor in words.factors:
            yield "inner derivative", path, Tree("hadamard", [node, factor])
    for path, node, above in places:
        if node.kind in _BARE or (above is not None and above.kind == "sum"):
            continue
        terms = node.args if node.kind == "sum" else (node,)
        for term in words.terms:
            for signed in (term, negated(term)):
                yield "term", path, Tree("sum", [*terms, signed])
    for path, node, above in places:
        if node.kind in _BARE:
            continue
        if above is None or above.kind in _WHOLE or above.kind == "quotient":
            for scalar in words.scalars:
                is_norm = scalar.kind == "held"
                divided = Tree("quotient", [node if is_norm else _number(1), scalar])
                yield "norm" if is_norm else "factor", path, divided if is_norm else chain_of([divided, node])
                yield "norm" if is_norm else "factor", path, chain_of([scalar, node])
        if node.kind == "call" and node.data[0] in words.functions:
            yield "function", path, node.args[0]
        elif above is None or above.kind != "call":
            for function in words.functions:
                yield "function", path, Tree("call", [node], (function,))
    for path, node, above in places:
        if node.kind in _BARE or (above is not None and above.kind in ("norm", "call")):
            continue
        for factor in words.matrices:
            yield "inner derivative", path, chain_of([factor, node])
            yield "inner derivative", path, chain_of([node, factor])
        for letter in words.names:
            yield "inner derivative", path, Tree("hadamard", [node, letter])


def places_of(tree: Tree) -> Iterator[Place]:
    """Every node with its path from the root, outside differentials' operators."""
    stack: list[Place] = [((), tree, None)]
    while stack:
        path, node, above = stack.pop()
        yield path, node, above
        if node.kind in ("derivative", "gradient", "directional"):
            continue
        for i in range(len(node.args) - 1, -1, -1):
            stack.append(((*path, i), node.args[i], node))


def at(tree: Tree, path: Path) -> Tree:
    for i in path:
        tree = tree.args[i]
    return tree


def put(tree: Tree, path: Path, new: Tree, is_flat: bool = True) -> Tree:
    spine = [tree]
    for i in path:
        spine.append(spine[-1].args[i])
    for i, node in zip(reversed(path), reversed(spine[:-1])):
        args = list(node.args)
        args[i] = new
        if is_flat and node.kind == "prod" and new.kind == "prod":
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


def chain_of(parts: Sequence[Tree]) -> Tree:
    """A product, flat."""
    flat = [factor for part in parts for factor in (part.args if part.kind == "prod" else (part,))]
    return flat[0] if len(flat) == 1 else Tree("prod", flat, ("",) * (len(flat) - 1))


def _number(value: Fraction | int) -> Tree:
    return Tree("number", (), (Fraction(value),))


def _with(node: Tree, others: dict[int, Tree]) -> Tree:
    return node.with_args([others.get(i, arg) for i, arg in enumerate(node.args)])


def _without(node: Tree, i: int) -> Tree:
    rest = [arg for j, arg in enumerate(node.args) if j != i]
    return rest[0] if len(rest) == 1 else chain_of(rest) if node.kind == "prod" else node.with_args(rest)


def _entry(letter: Tree, node: Tree) -> Tree:
    """The entry of another letter with the indices of a node."""
    return name("_".join([str(letter.data[1]), *map(str, node.data[2])]))


def _renamed(tree: Tree, full: str, other: Tree) -> Tree:
    return tree.replaced(lambda t: other if t.kind == "name" and t.data[0] == full else None)


def _exchanged(tree: Tree, letters: dict[int, int]) -> Tree:
    """A tree with two letters of its entries exchanged."""

    def other(node: Tree) -> Tree | None:
        if node.kind != "name" or not node.data[2]:
            return None
        return name("_".join([str(node.data[1]), *(str(low).translate(letters) for low in node.data[2])]))

    return tree.replaced(other)


def _as_products(node: Tree) -> Iterator[Tree]:
    """A ⊙ B as A B, Aᵀ B, A Bᵀ and B A."""
    for i in range(len(node.args) - 1):
        a, b = node.args[i], node.args[i + 1]
        for pair in ([a, b], [b, a], [turned(a), b], [a, turned(b)], [turned(b), a], [b, turned(a)]):
            made = chain_of(pair)
            rest = [*node.args[:i], made, *node.args[i + 2 :]]
            yield rest[0] if len(rest) == 1 else node.with_args(rest)


def held(expr: Expr) -> Tree:
    """A tree that stands for an expression."""
    return Tree("held", (), (expr,))
