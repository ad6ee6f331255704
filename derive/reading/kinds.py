"""Which symbols are scalars, vectors and matrices, solved for from the whole formula.

Every part of the formula is one of four kinds: scalar, column, row, matrix.  A cell holds
the kinds that are still possible for the parts it stands for, as a set of four bits; sums,
elementwise functions and all places of one symbol share a cell.  Products, transposes and
calls relate cells, and each relation removes what cannot be.  What use leaves open, habit
decides: the assignment of least surprise that fits is searched for, and if two are equally
likely the formula is refused rather than guessed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from ..shapes import ONE
from .limits import SEARCH_BUDGET, SEARCH_WORK
from .signatures import C, M, R, S, kinds_of
from .stacks import Node
from .vocabulary import ALIKE, WITH_PARAMETER

ANY = 15
BITS = (S, C, R, M)
SWAP = [(m & S) | ((m & C) << 1) | ((m & R) >> 1) | (m & M) for m in range(16)]

_PARTS = ("num", "div")  # 1/n before a sum
_SAME = ((S, S), (C, C), (R, R), (M, M))
REDUCTIONS = frozenset("sum mean max min var std logsumexp".split())
_EACH_ROW = (*_SAME, (C, M))
_EACH_ENTRY = ((S, S), (S, C), (S, R), (S, M))
# Scalars beside a vector or matrix stand for each of its entries.
_JOINED = ((S, S, S), *((a, b, k) for k in (C, R, M) for a, b in ((S, k), (k, S), (k, k))))
_ALIKE = (*_SAME, (S, C), (S, R), (S, M))
DIVIDE = ((S, S, S), (C, S, C), (R, S, R), (M, S, M))
FRACTION = (*DIVIDE, (C, C, C))  # a fraction of two vectors is taken entry by entry
SAME_ROWS = tuple((a, b) for a in BITS for b in BITS if (a in (S, R)) == (b in (S, R)))
SAME_COLUMNS = tuple((a, b) for a in BITS for b in BITS if (a in (S, C)) == (b in (S, C)))


def kind_of(shape: Sequence[Any]) -> int:
    rows, columns = shape
    return (S if columns is ONE else R) if rows is ONE else C if columns is ONE else M


class Cell:
    """The kinds still possible for some parts of the formula, and the relations they are in."""

    __slots__ = ("mask", "parent", "relations", "costs")

    def __init__(self, mask: int = ANY) -> None:
        self.mask = mask
        self.parent: Cell | None = None
        self.relations: list[int] = []
        self.costs: list[float] | None = None  # by kind, if symbols are in it

    def find(self) -> Cell:
        cell = self
        while cell.parent is not None:
            cell = cell.parent
        if cell is not self:
            at = self
            while at.parent is not None:
                at.parent, at = cell, at.parent
        return cell

    def add(self, costs: list[float]) -> None:
        self.costs = costs if self.costs is None else [a + b for a, b in zip(self.costs, costs, strict=True)]

    @property
    def options(self) -> list[tuple[float, int]]:
        """The kinds still possible with what they cost, the cheapest first."""
        costs = self.costs or [0.0] * 4
        return sorted(((costs[k], BITS[k]) for k in range(4) if self.mask >> k & 1), key=lambda option: option[0])


# Products: the state is the kind of what stands to the left, and whether a row waits for its column
# (A xᵀ y is A (xᵀ y), as nothing else fits).

PLAIN, DOT, OVER = 0, 1, 2


def _step(state: int, kind: int, sign: int) -> int:
    """The state after one more factor; -1 if it does not fit.  State: index of the kind, plus 4 if a row waits."""
    waits, left, right = state >= 4, BITS[state & 3], BITS[kind]
    if sign == OVER:
        return state if right == S else -1
    if right == S:
        return state
    if waits:
        if right == M:
            return state
        return state & 3 if right == C else -1
    if left == S:
        return kind
    if left == C:
        if right == R:
            return 3
        if right == C and sign == DOT:
            return 0
        return -1
    if right == R:
        return state + 4
    if left == R:
        return 0 if right == C else 2
    return 1 if right == C else 3


STEP = [[[_step(s, k, sign) for k in range(4)] for s in range(8)] for sign in range(3)]


def _steps(states: int, mask: int, sign: int) -> list[tuple[int, int, int]]:
    """The steps from one of the states by one of the kinds that fit: state, kind, state after."""
    possible = [(s, k) for s in range(8) if states >> s & 1 for k in range(4) if mask >> k & 1]
    return [(s, k, STEP[sign][s][k]) for s, k in possible if STEP[sign][s][k] >= 0]


@cache
def _forward(states: int, mask: int, sign: int) -> int:
    """The states after a factor of one of the kinds."""
    reached = 0
    for _, _, after in _steps(states, mask, sign):
        reached |= 1 << after
    return reached


@cache
def _backward(states: int, mask: int, sign: int, wanted: int) -> tuple[int, int]:
    """The states and the kinds of the next factor from which a wanted state is reached."""
    before = kinds = 0
    for s, k, after in _steps(states, mask, sign):
        if wanted >> after & 1:
            before |= 1 << s
            kinds |= 1 << k
    return before, kinds


class Contradiction(Exception):
    """No kind is left for some part."""


class Ambiguous(Exception):
    """Two assignments are equally likely, or too many were tried."""


class Kinds:
    """The relations between the kinds of all parts of a formula."""

    def __init__(self) -> None:
        self.relations: list[tuple[Callable[[Kinds, int], None], tuple[Cell, ...], object]] = []
        self.queue: deque[int] = deque()
        self.queued: set[int] = set()
        self.trail: list[tuple[Cell, int]] = []
        self.symbol_cells: dict[str, Cell] = {}
        self.work = 0  # cells looked at so far

    # Building

    def merge(self, a: Cell, b: Cell) -> Cell:
        """Both are of one kind from here on; only while building."""
        a, b = a.find(), b.find()
        if a is b:
            return a
        if len(a.relations) < len(b.relations):
            a, b = b, a
        b.parent = a
        a.mask &= b.mask
        a.relations += b.relations
        if b.costs is not None:
            a.add(b.costs)
        return a

    def relate(self, rule: Callable[[Kinds, int], None], cells: Iterable[Cell], data: object = None) -> None:
        self.relations.append((rule, tuple(cells), data))

    def start(self) -> None:
        """Index the relations by the cells they are about."""
        self.relations = [(rule, tuple(c.find() for c in cells), data) for rule, cells, data in self.relations]
        for i, (_, cells, _) in enumerate(self.relations):
            for cell in set(cells):
                cell.relations.append(i)
        self.queue.extend(range(len(self.relations)))
        self.queued.update(self.queue)

    # Propagation

    def restrict(self, cell: Cell, mask: int) -> None:
        old = cell.mask
        new = old & mask
        if new == old:
            return
        self.trail.append((cell, old))
        cell.mask = new
        if not new:
            raise Contradiction
        for i in cell.relations:
            if i not in self.queued:
                self.queued.add(i)
                self.queue.append(i)

    def propagate(self) -> None:
        """Remove what cannot be; Contradiction if nothing is left somewhere."""
        queue, queued, relations = self.queue, self.queued, self.relations
        try:
            while queue:
                i = queue.popleft()
                queued.discard(i)
                rule, cells, _ = relations[i]
                self.work += len(cells)
                rule(self, i)
        except Contradiction:
            queue.clear()
            queued.clear()
            raise

    def undo(self, length: int) -> None:
        while len(self.trail) > length:
            cell, mask = self.trail.pop()
            cell.mask = mask

    # Search

    def cells_of_symbols(self) -> list[Cell]:
        """The cells of the symbols, once each."""
        return list({id(c.find()): c.find() for c in self.symbol_cells.values()}.values())

    def decide(self) -> None:
        """Settle every symbol, by use and then by habit.

        Raises
        ------
        Contradiction, Ambiguous
        """
        if not all(cell.mask for cell in self.cells_of_symbols()):
            raise Contradiction
        self.propagate()
        cells = [c for c in self.cells_of_symbols() if c.mask & (c.mask - 1)]
        if not cells:
            self.check_habits()
            return
        mark = len(self.trail)
        try:
            for cell in cells:
                self.restrict(cell, cell.options[0][1])
            self.propagate()
            self.check_habits()
            return
        except Contradiction:
            self.undo(mark)
        self.search(cells, mark)

    def search(self, cells: list[Cell], mark: int) -> None:
        def bound() -> float:
            return sum(cell.options[0][0] for cell in cells)

        def regret(cell: Cell) -> float:
            options = cell.options
            return options[0][0] - options[1][0] if len(options) > 1 else 0.0

        cells.sort(key=regret)
        best: list[int] | None = None
        best_cost, is_tie, tried = 1e9, False, 0
        limit = self.work + SEARCH_WORK
        # Each entry: position, kinds left to try there, length of the trail before.
        stack: list[tuple[int, list[int], int]] = []

        position = 0
        while True:
            while position < len(cells) and not cells[position].mask & (cells[position].mask - 1):
                position += 1
            if position == len(cells):
                cost = bound()
                found = [c.mask for c in cells]
                if cost < best_cost - 1e-9:
                    best, best_cost, is_tie = found, cost, False
                elif abs(cost - best_cost) <= 1e-9 and found != best:
                    is_tie = True
            else:
                choices = sorted(cells[position].options, key=lambda option: -option[0])
                stack.append((position, [kind for _, kind in choices], len(self.trail)))
            while stack:
                at, left, length = stack[-1]
                self.undo(length)
                if not left or tried > SEARCH_BUDGET or self.work > limit:
                    stack.pop()
                    continue
                tried += 1
                try:
                    self.restrict(cells[at], left.pop())
                    self.propagate()
                except Contradiction:
                    self.undo(length)
                    continue
                if bound() > best_cost + 1e-9:
                    self.undo(length)
                    continue
                position = at
                break
            else:
                break
        self.undo(mark)
        if best is None:
            raise Contradiction
        if is_tie:
            raise Ambiguous
        for cell, mask in zip(cells, best, strict=True):
            self.restrict(cell, mask)
        self.propagate()
        self.check_habits()

    def check_habits(self) -> None:
        """Refuse what nobody would write: a transposed scalar, a matrix x squared."""
        for cell in self.cells_of_symbols():
            costs = cell.costs
            if costs is not None and costs[cell.mask.bit_length() - 1] - min(costs) >= MAX_SURPRISE:
                raise Contradiction


# The relations


def transposed(kinds: Kinds, i: int) -> None:
    whole, part = kinds.relations[i][1]
    kinds.restrict(whole, SWAP[part.mask])
    kinds.restrict(part, SWAP[whole.mask])


@cache
def _left(table: tuple[tuple[int, ...], ...], masks: tuple[int, ...]) -> tuple[int, ...]:
    """What the rows of a table leave of the kinds of its columns."""
    rows = [row for row in table if all(kind & mask for kind, mask in zip(row, masks, strict=True))]
    left = [0] * len(masks)
    for row in rows:
        left = [mask | kind for mask, kind in zip(left, row, strict=True)]
    return tuple(left)


def tabled(kinds: Kinds, i: int) -> None:
    """The kinds of the operands and of the whole, by a table."""
    _, (whole, *parts), table = kinds.relations[i]
    *operands, result = _left(table, (*[part.mask for part in parts], whole.mask))
    kinds.restrict(whole, result)
    for part, mask in zip(parts, operands, strict=True):
        kinds.restrict(part, mask)


def product(kinds: Kinds, i: int) -> None:
    _, (whole, *factors), signs = kinds.relations[i]
    states = [factors[0].mask]
    for factor, sign in zip(factors[1:], signs):  # type: ignore[call-overload]
        states.append(_forward(states[-1], factor.mask, sign))
    kinds.restrict(whole, states[-1] & 15)
    wanted = whole.mask & states[-1]
    for j in range(len(factors) - 1, 0, -1):
        wanted, possible = _backward(states[j - 1], factors[j].mask, signs[j - 1], wanted)  # type: ignore[index]
        kinds.restrict(factors[j], possible)
    kinds.restrict(factors[0], wanted & 15)


MAX_SURPRISE = 4.5  # of one symbol, on the scale of `habits.habit`


def build(order: list[Node], kinds: Kinds, cell_of: Callable[[Node], Cell]) -> None:
    """Give every node its cell and relate the cells, operands first."""
    for node in order:
        rule = _RULES.get(node.op)
        node.cell = cell_of(node) if rule is None else rule(node, kinds)


def _same(node: Node, kinds: Kinds) -> Cell:
    cell: Cell = node.args[0].cell
    for arg in node.args[1:]:
        cell = kinds.merge(cell, arg.cell)
    return cell


def is_reduction(node: Node) -> bool:
    """Whether it is a number made of all entries: `mean(x)`, `sum(x)/n`, `1/n ∑ xᵢ`, or a name for one."""
    while node.op in ("ref", "div") or (node.op == "prod" and (set(node.data) == {"/"} or node.args[0].op in _PARTS)):
        node = node.args[node.op == "prod" and node.args[0].op in _PARTS]
    return node.op == "sigma" or node.op == "call" and node.data in REDUCTIONS and len(node.args) == 1


def _spread(node: Node, kinds: Kinds) -> Cell:
    """A sum in which a symbol may stand for each row, and a mean or what is declared a number for each entry."""
    cell = Cell()
    for arg in node.args:
        is_number = is_reduction(arg) or arg.op == "sym" and arg.cell.find().mask == S
        table = _EACH_ENTRY if is_number else _EACH_ROW if arg.op == "sym" else _SAME
        kinds.relate(tabled, (cell, arg.cell), table)
    return cell


def _fixed(mask: int) -> Callable[[Node, Kinds], Cell]:
    return lambda node, kinds: Cell(mask)


def _ones(node: Node, kinds: Kinds) -> Cell:
    """A vector of ones, unless only a matrix of them fits; a unit, unless only the number fits."""
    is_unit = node.op == "unit"
    if node.data in ("entries", "outer"):
        return Cell(C if node.data == "outer" else S | C | M)
    if (node.data is None) == is_unit:
        return Cell(S | C if is_unit else C)
    cell = kinds.symbol_cells[f"1 {len(kinds.symbol_cells)}"] = Cell(S | C if is_unit else C | M)
    cell.costs = [2.5, 0.0, 9.0, 0.7]
    return cell


def _zero(node: Node, kinds: Kinds) -> Cell:
    if not isinstance(node.data, tuple):
        return Cell(ANY)
    rows, columns = (size is None or size.value != 1 for size in node.data)
    return Cell((M if columns else C) if rows else R if columns else S)


def _scalar(node: Node, kinds: Kinds) -> None:
    cell = node.cell.find()
    cell.mask &= S


def _trans(node: Node, kinds: Kinds) -> Cell:
    cell = Cell()
    kinds.relate(transposed, (cell, node.args[0].cell))
    if node.op == "transpow":
        _scalar(node.args[1], kinds)
    return cell


def _inv(node: Node, kinds: Kinds) -> Cell:
    cell: Cell = node.args[0].cell.find()
    cell.mask &= S | M
    return cell


def _elpow(node: Node, kinds: Kinds) -> Cell:
    _scalar(node.args[1], kinds)
    return node.args[0].cell  # type: ignore[no-any-return]


def _pow(node: Node, kinds: Kinds) -> Cell:
    base, exponent = node.args
    if is_exponential(node):
        return exponent.cell  # type: ignore[no-any-return]
    _scalar(exponent, kinds)
    cell: Cell = base.cell.find()
    while exponent.op == "neg":
        exponent = exponent.args[0]
    is_integer = exponent.op == "zero" or (exponent.op == "num" and exponent.data.denominator == 1)
    cell.mask &= S | M if is_integer else S
    return cell


def is_exponential(node: Node) -> bool:
    """Whether a power is e to something that is no number."""
    base, exponent = node.args
    return base.op == "const" and base.data == "e" and exponent.op != "num" and not (
        exponent.op == "neg" and exponent.args[0].op == "num"
    )  # fmt: skip


def _prod(node: Node, kinds: Kinds) -> Cell:
    cell = Cell()
    signs = tuple({"·": DOT, "/": OVER}.get(sign, PLAIN) for sign in node.data)
    kinds.relate(product, (cell, *(a.cell for a in node.args)), signs)
    return cell


def _related(tables: Callable[[Node], tuple[tuple[int, ...], ...]]) -> Callable[[Node, Kinds], Cell]:
    """A part whose kind and those of its operands are related by a table."""

    def rule(node: Node, kinds: Kinds) -> Cell:
        cell = Cell()
        kinds.relate(tabled, (cell, *(arg.cell for arg in node.args)), tables(node))
        return cell

    return rule


def _inner(node: Node, kinds: Kinds) -> Cell:
    _same(node, kinds)
    return Cell(S)


def _bars(node: Node, kinds: Kinds) -> Cell:
    node.args[0].cell.find().mask &= S | M
    return Cell(S)


def _block(node: Node, kinds: Kinds) -> Cell:
    rows, columns = node.data
    for i, arg in enumerate(node.args):
        if i % columns:
            kinds.relate(tabled, (arg.cell, node.args[i - i % columns].cell), SAME_ROWS)
        if i >= columns:
            kinds.relate(tabled, (arg.cell, node.args[i % columns].cell), SAME_COLUMNS)
    return Cell(ANY & ~S & (~C if columns > 1 else ANY) & (~R if rows > 1 else ANY))


def _call(node: Node, kinds: Kinds) -> Cell:
    name = node.data
    if name in ("inner", "dot"):
        return _inner(node, kinds)
    if name == "hadamard":
        return _same(node, kinds)
    if name in ALIKE and len(node.args) > 1:
        parts = [arg for arg in node.args if arg.op != "zero"] or node.args
        cell: Cell = parts[0].cell
        for arg in parts[1:]:
            joined = Cell()
            kinds.relate(tabled, (joined, cell, arg.cell), _JOINED)
            cell = joined
        for arg in node.args:
            if arg.op == "zero":
                kinds.relate(tabled, (cell, arg.cell), _ALIKE)
        return cell
    if name == "norm" and len(node.args) == 2:
        _scalar(node.args[1], kinds)
    if name in ("max", "min"):
        return Cell(S)
    if name in WITH_PARAMETER:
        for arg in node.args[1:]:
            _scalar(arg, kinds)
        return node.args[0].cell  # type: ignore[no-any-return]
    if name == "matmul" and len(node.args) == 2:
        return _prod(node, kinds)
    if name in ("block_inner", "block_sum"):
        return Cell()
    table = kinds_of(name)
    if not table:
        return _same(node, kinds)
    cell = Cell()
    if node.args:
        kinds.relate(tabled, (cell, *(arg.cell for arg in node.args[: len(table[0]) - 1])), table)
    return cell


_AT = {1: ((C, S), (R, S)), 2: ((M, S),)}
_ROW, _COLUMN = ((M, R), (M, C)), ((M, C),)


def _entries(node: Node) -> tuple[tuple[int, ...], ...]:
    """Of entries, rows and columns."""
    return _AT[len(node.data)] if ":" not in node.data else _ROW if node.data[1] == ":" else _COLUMN


def _sigma(node: Node, kinds: Kinds) -> Cell:
    if node.data.taken != "entries":
        return _same(node, kinds)
    node.args[0].cell.find().mask &= S
    return Cell(C)


_RULES: dict[str, Callable[[Node, Kinds], Cell]] = {
    "num": _fixed(S), "const": _fixed(S), "dim": _fixed(S), "eye": _fixed(M), "ones": _ones, "onesm": _fixed(M),
    "unit": _ones, "basis": _fixed(C), "at": _related(_entries), "sigma": _sigma, "count": _fixed(S),
    "submatrix": lambda n, k: Cell(),
    "axes": lambda n, k: k.merge(Cell(n.data[0]), n.args[0].cell),
    "zero": _zero, "commutation": _fixed(M), "ref": _same, "window": _same, "neg": _same, "sum": _same,
    "spread": _spread,
    "had": _same, "root": _same,
    "trans": _trans, "transpow": _trans, "inv": _inv, "elpow": _elpow, "pow": _pow, "prod": _prod,
    "div": _related(lambda n: FRACTION if n.data == "frac" else DIVIDE),
    "kron": _related(lambda n: kinds_of("kron")), "inner": _inner, "norm": _fixed(S), "bars": _bars, "block": _block,
    "unvec": lambda n, k: Cell(C | M),
    "call": _call,
}  # fmt: skip
