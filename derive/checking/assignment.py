"""Kinds and shapes of the names of a document, solved for over all its claims by the reader's solver.

The definitions, and what is derived, relate kinds and make dimensions equal; a claim, which may be wrong, does neither:
it only settles names that occur nowhere else.  Among the kinds that fit, those nearest to habit are taken, as in
formulas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from ..expr import Expr, symbol
from ..reading.habits import note_uses
from ..reading.kinds import EACH_ROW, SAME_KIND, Cell, Contradiction, Kinds, build, kind_of, tabled
from ..reading.shaping import Symbol
from ..reading.signatures import C, M, R, S
from ..reading.stacks import Node, nodes_below
from ..shapes import Dim
from .trees import Tree
from .unification import Declaration, Sprouter, Unifier, costs_of, usual_kind

ANYTHING = S | C | R | M
_SAID = {"scalar": S, "vector": C, "row": R, "matrix": M}
_DIAGONAL = ((M, C), (C, M), (R, M), (S, M))  # also of entries, w of diag(w_1, …, w_n)

Group = tuple[Node, "str | None"]  # nodes that are the value of a name, or of none
Found = dict[str, int]


class Assignment:
    """Kinds of names: what is possible, and what each would cost by the reader's habits."""

    def __init__(self, masks: Mapping[str, int], costs: Mapping[str, list[float]], defined: Set[str]) -> None:
        self.masks = masks
        self.costs = costs
        self.defined = defined

    def solved(self, groups: Sequence[Group], forced: Mapping[str, int], number: Node | None = None) -> Found | None:
        """The likeliest kinds with which groups fit; None if none do."""
        kinds = Kinds()
        kinds.takes_first = True
        values: dict[str, Cell] = {}

        def cell(name: str) -> Cell:
            held = values if name in self.defined else kinds.symbol_cells
            if name not in held:
                held[name] = Cell(self.masks[name] & forced.get(name, ANYTHING))
            return held[name]

        def leaf(node: Node) -> Cell:
            if node.op == "sym":
                return cell(node.data)
            if node.op == "expr":
                return Cell(kind_of(node.data.shape))
            if node.op == "apply":
                name, letter, is_function = node.data
                return node.args[0].cell if letter is not None else cell(name) if is_function else Cell()
            whole = Cell(S if node.op == "length" else ANYTHING)
            if node.op == "diagonal":
                kinds.relate(tabled, (whole, node.args[0].cell), _DIAGONAL)
            for arg in node.args if node.op == "biased" else ():
                kinds.relate(tabled, (whole, arg.cell), EACH_ROW if _is_small(arg) else SAME_KIND)
            return whole

        build(nodes_below(root for root, _ in groups), kinds, leaf)
        for root, name in groups:
            if name is not None:
                kinds.merge(cell(name), root.cell)
        if number is not None:
            number.cell.find().mask &= S
        for name, one in kinds.symbol_cells.items():
            if self.masks[name] & (self.masks[name] - 1):  # not said
                one.find().add(self.costs[name])
        kinds.start()
        try:
            if not all(one.find().mask for one in values.values()):
                return None
            kinds.decide()
        except Contradiction:
            return None
        return {name: one.find().mask for name, one in (kinds.symbol_cells | values).items()}

    def usual(self, name: str) -> int:
        """The kind by habit; of a name that a line defines, what its formula may be."""
        if name in self.defined:
            return self.masks[name]
        possible = [k for k in range(4) if self.masks[name] >> k & 1]
        return 1 << min(possible, key=lambda k: self.costs[name][k])

    def fitting(
        self, kept: Sequence[Group], groups: Sequence[Group], forced: Found
    ) -> tuple[list[Group], dict[str, int]]:
        """The groups that fit, each with those before it, and the kinds with which they do."""
        found = self.solved([*kept, *groups], forced)
        if found is not None:
            return [*kept, *groups], found
        best = self.solved(kept, forced) or {}
        fit = list(kept)
        for group in groups:
            found = self.solved([*fit, group], forced)
            if found is not None:
                fit.append(group)
                best = found
        return fit, best

    def towards_numbers(self, groups: Sequence[Group], kinds: Found, losses: Set[str], variables: Set[str]) -> Found:
        """Kinds that make numbers of what is differentiated, where that takes other kinds of small letters alone.

        Of −y log ŷ, y is a number where ŷ is one; of ∂(wᵀb)/∂w, b is a vector.  What is differentiated by keeps its
        kind.
        """
        for root, name in groups:
            if (name in losses) if name is not None else root.op in ("sum", "biased", "prod"):
                found = self.solved(groups, {}, root) or kinds
                changed = {n for n in found if found[n] != kinds[n]} - self.defined
                if changed.isdisjoint(variables) and all(n[0].islower() for n in changed):
                    kinds = found
        return kinds


def solve(
    names: Sequence[str],
    definitions: Sequence[tuple[str, Tree]],
    anchors: Sequence[Tree],
    claims: Sequence[Tree],
    declared: Mapping[str, Declaration],
    functions: Mapping[str, Tree],
    hints: Mapping[str, str],
    scalars: Set[str],
    losses: Set[str],
    variables: Set[str],
    sizes: dict[str, Dim],
) -> dict[str, Expr]:
    """A symbol with its shape for every name.

    `definitions` and `anchors`, what is derived, relate kinds and sizes; of `hints`, numbers are kept.  `losses` are
    numbers where small letters can make them so; `sizes` takes the dimensions that subscripts of 𝟏 and I name.
    """
    defined = {n for n, _ in definitions} - {n for n, d in declared.items() if d.shape or d.kind}
    sprouter = Sprouter({*names, *hints, *declared}, functions, defined)
    given: list[Group] = [(sprouter.node(tree), name) for name, tree in definitions]
    given += [(sprouter.node(tree), None) for tree in anchors]
    claimed: list[Group] = [(sprouter.node(tree), None) for tree in claims]
    order = nodes_below(root for root, _ in [*given, *claimed])
    entries = {name: Symbol(name, "", (0, 0)) for name in {*names, *hints, *declared}}
    entries |= {str(n.data): Symbol(n.data, "", n.span) for n in order if n.op == "sym"}
    for name, said in declared.items():
        entries[name].shape = said.shape
    note_uses(order, entries)
    for node in order:
        if node.op == "diagonal" and node.args[0].op == "sym":
            entries[node.args[0].data].uses.add("measured")
    is_entrywise = any(node.op == "had" for node in order)  # ⊙ is not of numbers
    masks: dict[str, int] = {}
    costs: dict[str, list[float]] = {}
    for name, entry in entries.items():
        said, hint = declared.get(name, Declaration()), hints.get(name)
        costs[name] = costs_of(name, hint, entry.uses)
        if said.shape is not None:
            masks[name] = kind_of(said.shape)
        elif said.kind is not None:
            masks[name] = _SAID[said.kind]
        elif hint == "scalar" or hint == "matrix" and is_entrywise:
            masks[name] = _SAID[hint]
        elif name in defined and name in scalars or name in ("e", "π") and name not in names:
            masks[name] = S
        else:
            masks[name] = ANYTHING if costs[name][2] < 99 else S | C | M
    assignment = Assignment(masks, costs, defined)
    fit, kinds = assignment.fitting([], given, {})
    kinds = assignment.towards_numbers(fit, kinds, losses, variables)
    kinds = assignment.fitting(fit, claimed, kinds)[1] | kinds  # claims settle what stands nowhere else
    unifier = Unifier({n: kinds.get(n) or assignment.usual(n) for n in entries}, declared)
    unifier.know(root for root, _ in given)
    for root, value_of in given:
        unifier.attempt(root, None if value_of is None else unifier.of_name(value_of))
    unifier.sizes.freeze()
    unifier.know(root for root, _ in claimed)
    for root, _ in claimed:
        unifier.attempt(root)
    return _symbols(names, unifier, declared, sizes)


def told(declared: Mapping[str, Declaration], definitions: Sequence[tuple[str, Tree]]) -> dict[str, tuple[Dim, Dim]]:
    """The shapes of defined names that declarations alone tell: n × k of P = softmax(X W)."""
    defined = {n for n, _ in definitions}
    letters = {str(t.data[0]) for _, tree in definitions for t in tree.walk() if t.kind == "name"}
    sprouter = Sprouter(letters | defined, {}, defined)
    unifier = Unifier({n: usual_kind(n) for n in letters - defined}, declared)
    for name, tree in definitions:
        node = sprouter.node(tree)
        unifier.know([node])
        unifier.attempt(node, unifier.of_name(name))
    shapes = {name: tuple(map(unifier.sizes.find, unifier.of_name(name))) for name in defined}
    return {name: (a, b) for name, (a, b) in shapes.items() if isinstance(a, Dim) and isinstance(b, Dim)}


def _is_small(node: Node) -> bool:
    return node.op == "sym" and str(node.data)[0].islower()


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
