"""Kinds and shapes of the names of a document, solved for over all its claims.

Dimensions are found by unification over the definitions and over what is derived;
a claim, which may be wrong, never makes two dimensions equal: it only settles names
that occur nowhere else.  Which names are scalars, vectors and matrices follows from the
habit of the field, and from the fewest departures that make the claims fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from ..expr import Expr, symbol
from ..reading.sizes import SCALAR_SIZE
from ..reading.stacks import Node
from ..shapes import Dim
from .trees import Tree
from .unification import Declaration, Sprouter, Unifier, habit

MAX_TRIALS = 600


def solve(
    names: Sequence[str],
    definitions: Sequence[tuple[str, Tree]],
    anchors: Sequence[tuple[Tree, bool]],
    claims: Sequence[Tree],
    declared: Mapping[str, Declaration],
    functions: Mapping[str, Tree],
    hints: Mapping[str, str],
    scalars: Iterable[str],
    losses: Iterable[str],
    variables: Iterable[str],
    sizes: dict[str, Dim],
) -> dict[str, Expr]:
    """A symbol with its shape for every name.

    `losses` are numbers where one letter less of a vector makes them so: y of −y log ŷ.

    `sizes` takes the dimensions that subscripts of 𝟏 and I name.
    `definitions` and `anchors` (what is derived; with whether it must be a scalar) make
    equations, `claims` count how well an assignment of kinds fits.
    """
    fixed = {n for n, d in declared.items() if d.shape is not None or d.kind is not None}
    defined = {name for name, _ in definitions}
    base = {
        n: declared[n].kind or hints.get(n) or habit(n) if n in declared else hints.get(n) or habit(n) for n in names
    }
    for name in names:
        if name in declared and declared[name].properties - {"positive", "nonnegative", "constant"}:
            base[name] = "matrix"
    base.update((n, kind) for n, kind in hints.items() if kind == "scalar" and n not in base)  # names of dimensions
    trees = [*(tree for _, tree in definitions), *(tree for tree, _ in anchors), *claims]
    kept_kinds = (
        {"scalar", "matrix"} if any(t.kind == "hadamard" for tree in trees for t in tree.walk()) else {"scalar"}
    )
    free = [n for n in names if n not in fixed and hints.get(n) not in kept_kinds]  # ⊙ is not of numbers
    # A defined name has the kind of its formula; the unifier must not prejudge it.
    for name in defined:
        if name not in fixed:
            base[name] = "scalar" if name in scalars else "any"

    sprouter = Sprouter({*names, *base, *declared}, functions)
    given = [(sprouter.node(tree), name) for name, tree in definitions]
    derived = [(sprouter.node(tree), scalar) for tree, scalar in anchors]
    claimed = [sprouter.node(tree) for tree in claims]

    def attempt(kinds: Mapping[str, str]) -> tuple[int, int, Unifier]:
        unifier = Unifier(kinds, declared)
        unifier.know(node for node, _ in [*given, *derived])
        for _, name in given:
            unifier.of_name(name)
        wrong = sum(not unifier.attempt(node, unifier.of_name(name)) for node, name in given)
        wrong += sum(not unifier.attempt(node, SCALAR_SIZE if scalar else None) for node, scalar in derived)
        unifier.open_sizes.freeze()
        unifier.know(claimed)
        return wrong, sum(not unifier.attempt(node) for node in claimed), unifier

    wrong, misfits, unifier = attempt(base)
    if wrong:
        # The formulas that are derived must fit: any name may be of another kind than by habit.
        movable = sorted((n for n in free if n not in defined), key=_firmness)[:9]
        for kinds in _departures(movable, base, ("vector", "row", "scalar", "matrix")):
            candidate = attempt(kinds)
            if candidate[0] < wrong:
                wrong, misfits, unifier = candidate
                base = dict(kinds)
                if not wrong:
                    break
    kept = [n for n in free if n not in set(variables)]
    numbers = _towards_numbers(unifier, base, kept, definitions, zip(anchors, derived), losses)
    for kinds, fits in numbers if not wrong else ():
        candidate = attempt(kinds)
        if not candidate[0] and candidate[1] <= misfits and fits(candidate[2]):
            wrong, misfits, unifier = candidate
            base = dict(kinds)
            break
    if misfits > 1:
        # Claims may be wrong; a small letter changes its kind only if several of them ask for it.
        movable = [n for n in free if n not in defined and not n[0].isupper()][:8]
        best = start = misfits
        for kinds in _departures(movable, base, ("scalar", "vector")):
            flips = sum(kinds[n] != base[n] for n in movable)
            candidate = attempt(kinds)
            if candidate[0] <= wrong and candidate[1] < best and start - candidate[1] >= 2 * flips:
                if candidate[1] <= start // 3:
                    best, unifier = candidate[1], candidate[2]
                    if not best:
                        break
    return _symbols(names, unifier, declared, sizes)


def _towards_numbers(
    unifier: Unifier,
    base: Mapping[str, str],
    free: Sequence[str],
    definitions: Sequence[tuple[str, Tree]],
    anchors: Iterable[tuple[tuple[Tree, bool], tuple[Node, bool]]],
    losses: Iterable[str],
) -> Iterator[tuple[dict[str, str], Callable[[Unifier], bool]]]:
    """Kinds with one small letter changed that may make a number of what is differentiated, and whether they do.

    Of −y log ŷ, y is a number where ŷ is one; of ∂(wᵀb)/∂w, b is a vector.  What is differentiated by keeps its kind.
    """
    defined = {n for n, _ in definitions}
    small = [n for n in free if n not in defined and n[0].islower()]
    wide = {n for n in losses if n in defined and n in free and not unifier.is_scalar(unifier.of_name(n))}
    for n in small if wide else ():
        # What else is defined keeps its kind, but for what has the letter: p of p = σ(y wᵀx) beside −log p.
        others = {name for name, tree in definitions if name not in wide and not _mentions(tree, n)}
        if base[n] == "vector" and (not others or any(unifier.is_scalar(unifier.of_name(o)) for o in others)):
            kinds = {**base, **dict.fromkeys(wide, "scalar"), n: "scalar"}
            yield kinds, lambda found, others=others: _same_kinds(found, unifier, others)  # type: ignore[misc]
    for (tree, _), (node, _) in anchors:
        is_number = unifier.is_scalar(unifier.shapes[id(node)])
        if tree.kind == "sum" and not is_number:
            for n in small:
                if _mentions(tree, n) and base[n] == "vector":
                    yield {**base, n: "scalar"}, _makes_number(node)
        if tree.kind == "prod" and any(t.kind == "transpose" for t in tree.args):
            for n in small:
                if _mentions(tree, n) and base[n] == "scalar" and not is_number:
                    yield {**base, n: "vector"}, _makes_number(node)


def _mentions(tree: Tree, letter: str) -> bool:
    return any(t.kind == "name" and t.data[0] == letter for t in tree.walk())


def _makes_number(node: Node) -> Callable[[Unifier], bool]:
    return lambda found: found.is_scalar(found.shapes[id(node)])


def _same_kinds(one: Unifier, other: Unifier, names: Iterable[str]) -> bool:
    """Whether names are numbers in both, or in neither."""
    return all(one.is_scalar(one.of_name(n)) == other.is_scalar(other.of_name(n)) for n in names)


def _firmness(name: str) -> int:
    """How firmly a letter keeps its kind: small Latin letters least."""
    return 2 if name[0].isupper() else 0 if name[0].isascii() else 1


def _departures(movable: Sequence[str], base: Mapping[str, str], kinds: Sequence[str]) -> Iterator[dict[str, str]]:
    """Assignments of kinds that depart from habit in up to three names, the least strange first.

    A small letter that is a scalar by habit is a vector sooner than a vector is a scalar, and a matrix is a row,
    or a vector, long before it is a scalar: where all letters are numbers, nothing tells orders and transposes.
    """
    ranked: list[tuple[int, int, tuple[tuple[str, str], ...]]] = []
    for flips in (1, 2, 3):
        for chosen in combinations(movable, flips):
            options: list[tuple[int, tuple[tuple[str, str], ...]]] = [(0, ())]
            for name in chosen:
                options = [
                    (cost + _STRANGENESS[base[name], kind], (*held, (name, kind)))
                    for cost, held in options
                    for kind in kinds
                    if kind != base[name] and (base[name], kind) in _STRANGENESS
                ]
            ranked += [(cost, len(ranked) + i, held) for i, (cost, held) in enumerate(options)]
    for _, _, held in sorted(ranked)[:MAX_TRIALS]:
        yield {**base, **dict(held)}


_STRANGENESS = {
    ("scalar", "vector"): 2, ("scalar", "matrix"): 7, ("vector", "scalar"): 3, ("vector", "matrix"): 5,
    ("matrix", "vector"): 4, ("matrix", "row"): 3, ("matrix", "scalar"): 9, ("any", "scalar"): 3, ("any", "vector"): 3,
    ("vector", "row"): 6,
}  # fmt: skip


def _symbols(
    names: Sequence[str], unifier: Unifier, declared: Mapping[str, Declaration], sizes: dict[str, Dim]
) -> dict[str, Expr]:
    taken = set(names)  # a size is not called as something else is
    for said in declared.values():
        if said.shape is not None:
            taken |= said.shape[0].names | said.shape[1].names
    for name, size in unifier.named.items():
        root = unifier.sizes.find(size)
        if isinstance(root, int):
            taken.add(name)
            unifier.sizes.bound[root] = Dim.of(name)
        sizes[name] = unifier.sizes.dim(root)
    unifier.sizes.name([size for name in names for size in unifier.of_name(name)], taken, "m")
    return {
        name: symbol(
            name, *unifier.dims(unifier.of_name(name)), declared[name].properties if name in declared else frozenset()
        )
        for name in names
    }
