"""Which names of a text in NumPy's spelling are numbers, one- and two-dimensional arrays.

What is not declared is solved for: the assignment nearest to habit under which every operation
is defined, found by changing the names that an operation which is not defined hangs on.
"""

from __future__ import annotations

import ast
import heapq
import re
from collections.abc import Mapping
from typing import Any

from .. import names
from ..errors import LimitError, ParseError
from ..expr import Expr, constant, symbol
from ..properties import SQUARE
from ..shapes import ONE, Dim
from . import array_table
from .arrays import Array, Axes, Misfit, Plan
from .declarations import Declarations
from .habits import DIVISORS, habit
from .limits import MAX_NAMES
from .python import MODULES, TYPES, Interpreter, assign, augment, in_order, parsed, unwrapped
from .vocabulary import NAMED_MODULE

SEARCHES = 200  # assignments of ranks tried
_ARRAY_PI = re.compile(r"\w\s*\.\s*pi\b|(?<![\w.])pi\s*[.\[]")  # beside np.pi, or with entries: no number π
UNLIKE = 6.0  # against x - y of a row x and a matrix y, more than a small letter costs as a matrix


class ArrayFormula:
    """A text of statements, the last of which is the formula."""

    def __init__(self, text: str, declared: Declarations, scope: Mapping[str, Expr]) -> None:
        self.text = text
        self.declared = declared
        self.scope = scope
        self.tree = unwrapped(parsed(text))
        self.tree.body = in_order(self.tree.body)
        self.assigned = {t.id for n in ast.walk(self.tree) if isinstance(n, ast.Assign) for t in n.targets
                         if isinstance(t, ast.Name)}  # fmt: skip
        self.changed = _changed(self.tree.body)
        self.sizes = set(declared.dimensions) - set(declared.entries)
        self.sizes |= {n for e in scope.values() for d in e.shape for n in d.names}
        used = [n for n in ast.walk(self.tree) if isinstance(n, ast.Call)]
        called = {id(n.func) for n in used}
        self.lengths = {name for n in used for name in _lengths(n)}
        self.written: dict[str, ast.Name] = {}  # canonical name -> where it stands first
        self.canonical: dict[str, str] = {}
        owners = {id(n.value) for n in ast.walk(self.tree) if isinstance(n, ast.Attribute) and _is_module(n)}
        found = [n for n in ast.walk(self.tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]
        for node in sorted(found, key=lambda n: (n.lineno, n.col_offset)):
            if node.id in self.canonical or (id(node) in called and node.id not in declared.entries):
                continue
            try:
                name = names.canonical(node.id)
            except ParseError as error:
                raise error.at(text, (node.col_offset, node.col_offset + len(node.id))) from None
            known = name in declared.entries or name in scope
            is_made = node.id in self.assigned and node.id not in self.changed
            if node.id in MODULES and id(node) in owners and not known or is_made:
                continue
            if not known and (node.id in self.sizes or node.id in self.lengths or node.id in TYPES):
                continue
            if not known and node.id in ("pi", "I") and not (node.id == "pi" and _ARRAY_PI.search(text)):
                continue
            self.canonical[node.id] = name
            self.written.setdefault(name, node)
        if len(self.written) > MAX_NAMES:
            raise LimitError("the formula has too many symbols", hint=f"at most {MAX_NAMES}")
        self.open = [n for n in self.written if not self.is_settled(n)]
        self.uses = _uses(self.tree)
        self.alike = self.differences()

    def is_settled(self, name: str) -> bool:
        entry = self.declared.entries.get(name)
        return name in self.scope or (entry is not None and (entry.shape is not None or entry.kind == "scalar"))

    def costs(self, name: str, by_use: bool = True) -> list[float]:
        """What a number, a one- and a two-dimensional array cost by habit, and by use."""
        entry = self.declared.entries.get(name)
        if entry is not None and entry.kind is not None:
            return [9.0, 0.0, 9.0] if entry.kind == "vector" else [9.0, 9.0, 0.0]
        if entry is not None and entry.properties - {"positive", "constant"}:
            return [9.0, 9.0, 0.0]
        uses = self.uses.get(self.written[name].id, set()) if by_use else set()
        usual = habit(name, entry.style if entry is not None else "", uses)
        if "counted" in uses:
            return [0.0, 3.0, 3.0]
        if "batched" in uses:
            return [9.0, 3.0, 0.0]
        return [usual[0], usual[1], usual[3]]

    def differences(self) -> list[tuple[int, int]]:
        """Pairs of places in `open`: vectors by habit that are added or subtracted, and x and y of x @ y.T, are
        most likely of one rank."""
        places = {written: self.open.index(name) for written, name in self.canonical.items() if name in self.open}
        found = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
                at = [places.get(_entries_of(part), -1) for part in (_last_term(node.left), node.right)]
            elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult) and _is_transpose(node.right):
                at = [places.get(_entries_of(part), -1) for part in (node.left, getattr(node.right, "value", node))]
            else:
                continue
            costs = [self.costs(self.open[i]) for i in at if i >= 0]
            is_product = isinstance(node.op, ast.MatMult)
            if len(costs) == 2 and all(min(cost) < cost[2] and (is_product or min(cost) == cost[1]) for cost in costs):
                found.append((at[0], at[1]))
        return found

    def attempt(self, ranks: Mapping[str, int], scalar: bool) -> tuple[Plan, Array, dict[str, Array], dict[str, Any]]:
        """The arrays under these ranks.

        Raises
        ------
        Misfit
            An operation is not defined for them.
        """
        taken = set(self.written) | self.sizes | self.lengths | set(self.declared.entries)
        plan = Plan(self.text, taken)
        plan.is_torch = bool(re.search(r"(?<![\w.])(?:torch\s*\.|F\s*\.\s*\w+\()|dim\s*=", self.text))
        plan.is_named = bool(re.search(NAMED_MODULE, self.text))
        plan.has_columns = bool(re.search(r"[×x*,]\s*1\s*(?:\)|,|;|$|\s[a-zA-Z]|\n)", self.declared.source))
        held: dict[str, Array] = {}
        bits = {name: 1 << i for i, name in enumerate(self.open)}

        def lookup(written: str) -> Any:
            name = self.canonical.get(written)
            if name is None:
                if written in self.sizes or written in self.lengths:
                    return plan.count(Dim.of(written))
                if written == "pi":
                    plan.note("pi is read as the number π")
                    return plan.node((), lambda: constant("π"))
                if written == "I":
                    return plan.eye(plan.sizes.fresh())
                return None
            if name not in held:
                held[name] = self.leaf(plan, name, ranks.get(name, 0), bits.get(name, 0))
            return held[name]

        walker = Interpreter(plan, lookup)
        result = None
        for statement in self.tree.body:
            plan.span = walker.span(statement)
            if isinstance(statement, (ast.Import, ast.ImportFrom)) and statement is not self.tree.body[-1]:
                continue
            if isinstance(statement, ast.Assign):
                result = walker.value(statement.value)
                for target in statement.targets:
                    assign(walker, target, result)
            elif isinstance(statement, ast.AugAssign):
                result = augment(walker, statement)
            elif isinstance(statement, ast.Expr):
                result = walker.value(statement.value)
            else:
                raise plan.refuse("this statement is not read", "a formula, and definitions before it, are")
        made = walker.array(result)
        made = plan.plain(made)
        plan.span = (0, len(self.text))
        if scalar and not plan.is_unit(made):
            error = plan.misfit(f"the loss is {plan.shape_text(made.axes)}, and no number", made)
            error.names = -1
            raise error
        return plan, made, held, walker.known

    def leaf(self, plan: Plan, name: str, rank: int, bit: int) -> Array:
        """The array of a symbol."""
        entry = self.declared.entries.get(name)
        expr = self.scope.get(name)
        shape = expr.shape if expr is not None else entry.shape if entry is not None else None
        if shape is not None:
            axes: Axes = () if shape == (ONE, ONE) else (shape[0],) if shape[1] is ONE else shape
        elif entry is not None and entry.kind == "scalar":
            axes = ()
        else:
            axes = tuple(plan.sizes.fresh() for _ in range(rank))
            if rank == 2 and entry is not None and (entry.kind == "square" or entry.properties & SQUARE):
                axes = (axes[0], axes[0])
        properties = entry.properties if entry is not None else frozenset()
        made = plan.node(
            axes, (lambda: expr) if expr is not None else lambda: symbol(name, *plan.matrix_shape(axes), properties)
        )  # fmt: skip
        made.names, made.is_symbol = bit, True
        return made

    def solved(self, scalar: bool) -> tuple[Plan, Array, dict[str, Array], dict[str, Any]]:
        """The arrays under the ranks nearest to habit that fit."""
        costs = {name: self.costs(name) for name in self.open}
        start = tuple(min(range(3), key=costs[name].__getitem__) for name in self.open)
        queue = [(sum(costs[n][r] for n, r in zip(self.open, start)), start)]
        seen = {start}
        best: tuple[float, tuple[Plan, Array, dict[str, Array], dict[str, Any]]] | None = None
        first: Misfit | None = None
        refused: ParseError | None = None
        for _ in range(SEARCHES):
            if not queue or (best is not None and queue[0][0] >= best[0]):
                break
            cost, ranks = heapq.heappop(queue)
            try:
                made = self.attempt(dict(zip(self.open, ranks)), scalar)
                blame = 0
                for penalty, guilty in made[0].penalties:
                    cost, blame = cost + penalty, blame | guilty
                for i, j in self.alike:
                    if ranks[i] != ranks[j] and 2 in (ranks[i], ranks[j]):
                        cost, blame = cost + UNLIKE, blame | 1 << i | 1 << j
                is_wished = first is not None and first.names == -1  # which makes no matrix a vector
                is_bent = is_wished and any(r == 1 and not costs[n][2] for n, r in zip(self.open, ranks))
                if (best is None or cost < best[0]) and not is_bent:
                    best = (cost, made)
            except Misfit as error:
                first = first or error
                blame = error.names
            except ParseError as error:  # what one rank is refused for another may not be
                if first is None and best is None:
                    raise
                refused = refused or error
                continue
            for i, name in enumerate(self.open):
                if blame >> i & 1:
                    for rank in range(3):
                        other = (*ranks[:i], rank, *ranks[i + 1 :])
                        if other not in seen and costs[name][rank] < 9:
                            seen.add(other)
                            heapq.heappush(queue, (sum(costs[n][r] for n, r in zip(self.open, other)), other))
        if best is not None:
            return best[1]
        assert first is not None
        if scalar and first.names == -1:
            return self.solved(False)
        raise refused or first


_OF_ARRAYS = frozenset("T mT shape size ndim".split()) | frozenset(array_table.TABLE["method"]) - frozenset(
    "softmax log_softmax relu sigmoid tanh softplus".split()
)
_ALWAYS = frozenset("np numpy jnp torch jax scipy math tf".split())  # F, la and so on may be arrays


def _changed(body: list[ast.stmt]) -> dict[str, ast.Assign]:
    """The names that their first assignment is made of, as x = x - x.mean(): what is given has them too."""
    found: dict[str, ast.Assign] = {}
    seen: set[str] = set()
    for statement in body:
        if isinstance(statement, ast.Assign):
            made = {t.id for t in statement.targets if isinstance(t, ast.Name)}
            used = {n.id for n in ast.walk(statement.value) if isinstance(n, ast.Name)}
            found |= dict.fromkeys((made & used) - seen, statement)
            seen |= made
    return found


def _is_module(node: ast.Attribute) -> bool:
    return getattr(node.value, "id", None) in _ALWAYS or node.attr not in _OF_ARRAYS


_REDUCTIONS = frozenset("sum mean norm dot inner vdot var std logsumexp softmax cumsum diff".split())


_OF_ENTRIES = frozenset("exp log sqrt abs square pow power sin cos tanh sigmoid neg".split())


def _lengths(node: ast.Call) -> list[str]:
    """Names that can only be lengths: the arguments of ones, zeros, eye, reshape."""
    word = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if word not in ("ones", "zeros", "eye", "identity", "reshape", "view", "arange"):
        return []
    found = []
    for argument in node.args[1 if word == "reshape" and len(node.args) == 2 else 0 :]:
        parts = argument.elts if isinstance(argument, (ast.Tuple, ast.List)) else [argument]
        found += [part.id for part in parts if isinstance(part, ast.Name)]
    return found


def _uses(tree: ast.AST) -> dict[str, set[str]]:
    """How each name is used, in the words of `kinds.habit`."""
    uses: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "T" and isinstance(node.value, ast.Name):
            uses.setdefault(node.value.id, set()).add("transposed")
        elif isinstance(node, ast.Call):
            word = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            inside = [*node.args, node.func.value] if isinstance(node.func, ast.Attribute) else node.args
            owner = getattr(node.func, "value", None)
            if isinstance(owner, ast.Name) and word in _OF_ARRAYS:  # a number has no methods
                uses.setdefault(owner.id, set()).add("measured")
            if word in _REDUCTIONS:
                held = {n.id for a in inside for n in ast.walk(a) if isinstance(n, ast.Name)} - set(MODULES)
                if all(habit(_plain(n), "", set())[0] == 0 for n in held):
                    for name in {n for n in held if _plain(n)[0] <= "z"} or held:  # the a of beta * (a - b)
                        uses.setdefault(name, set()).add("measured")
    for name in _counts(tree) | _guards(tree):
        uses.setdefault(name, set()).add("counted")
    totals = [node for node in ast.walk(tree) if _is_total(node) and not _along(node)]
    along = [part for total in totals for part in ast.walk(total) if _is_total(part) and _along(part)]
    for part in along:  # nobody takes the mean of one sum along an axis
        held = {n.id for n in ast.walk(part) if isinstance(n, ast.Name)} - set(MODULES)
        if not any(habit(_plain(n), "", set())[3] == 0 for n in held):  # the w of np.sum(X * w, axis=-1) is a row
            for name in held:
                uses.setdefault(name, set()).add("batched")
    return uses


def _is_total(node: ast.AST) -> bool:
    word = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
    return word in ("sum", "mean", "logsumexp", "norm", "reduce_sum", "reduce_mean", "reduce_logsumexp")


def _along(node: ast.AST) -> bool:
    """Whether a call names its last axis: x.sum(-1), torch.logsumexp(x, dim=-1)."""
    assert isinstance(node, ast.Call)
    given = [*node.args, *(k.value for k in node.keywords if k.arg in ("axis", "dim"))]
    return any(isinstance(a, ast.UnaryOp) and isinstance(a.op, ast.USub) and _is_whole(a.operand) for a in given)


def _counts(tree: ast.AST) -> set[str]:
    """Names that stand only below, as the N of X.T @ X / (N - 1) and, of the letters that count, the n of x / (2*n)."""
    found: set[int] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Div):
            continue
        is_less = isinstance(node.right, ast.BinOp) and isinstance(node.right.op, ast.Sub)
        if not is_less or getattr(getattr(node.right, "right", None), "value", None) != 1:
            found |= {id(part) for part in _multiplied(node.right) if getattr(part, "id", "") in DIVISORS}
        elif any(_is_transpose(part) for part in _factors(node.left)):
            found.add(id(getattr(node.right, "left", None)))
    held = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    return {node.id for node in held if id(node) in found} - {node.id for node in held if id(node) not in found}


def _multiplied(node: ast.expr) -> list[ast.expr]:
    """What is multiplied by *."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return [*_multiplied(node.left), *_multiplied(node.right)]
    return [node]


def _factors(node: ast.AST) -> list[ast.expr]:
    """What is multiplied as matrices; nothing where the node is no such product."""
    if isinstance(node, ast.BinOp):
        return [node.left, node.right] if isinstance(node.op, ast.MatMult) else []
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return [node.func.value, *node.args] if node.func.attr in ("dot", "matmul", "mm") else []
    return []


def _last_term(node: ast.expr) -> ast.expr:
    return node.right if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)) else node


def _entries_of(node: ast.AST) -> str:
    """The name that functions of each entry are of, as of mu.pow(2) and -np.exp(mu); else the empty text."""
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.UnaryOp):
            node = node.operand
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            node = node.left
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _OF_ENTRIES:
            node = node.args[0] if _is_module(node.func) else node.func.value
        else:
            return ""
    return node.id


def _is_transpose(node: ast.expr) -> bool:
    held = node.func if isinstance(node, ast.Call) else node
    return isinstance(held, ast.Attribute) and held.attr in ("T", "mT", "t", "transpose")


def _is_whole(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int)


def _guards(tree: ast.AST) -> set[str]:
    """Names before an identity, exponents, and those that are numbers by habit and bound what they are compared with,
    or keep a root, a logarithm or a divisor from 0.

    Such are s of K + s**2 * np.eye(n), m of U**m, delta of np.abs(r) <= delta and eps of np.log(p + eps).
    """
    sums: list[ast.AST] = []
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            word = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            sums += node.args if word in ("sqrt", "rsqrt", "log", "log2", "log10") else []
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):  # s**2 * np.eye(n)
            parts = _multiplied(node)
            called = [part.func for part in parts if isinstance(part, ast.Call)]
            if any(getattr(function, "attr", getattr(function, "id", "")) == "eye" for function in called):
                found |= {name for part in parts if (name := _entries_of(part)).islower()}
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            sums.append(node.right)
        elif isinstance(node, ast.Compare):
            sides = [part for part in (node.left, *node.comparators) if isinstance(part, ast.Name)]
            found |= {part.id for part in sides if not habit(_plain(part.id), "", set())[0]}
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and not _is_whole(node.right):
            sums.append(node.left)
            found |= {node.right.id} if isinstance(node.right, ast.Name) and node.right.id.islower() else set()
    for node in sums:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            small = [isinstance(p, ast.Name) and not habit(_plain(p.id), "", set())[0] for p in (node.left, node.right)]
            last, rest = (node.right, node.left) if small[1] else (node.left, node.right)
            if sum(small) == 1 and isinstance(last, ast.Name) and not _factors(rest) and not _is_whole(rest):
                found.add(last.id)
    return found


def _plain(written: str) -> str:
    try:
        return names.canonical(written)
    except ParseError:
        return "x"


class Solved:
    """What a text in Python's spelling says; the attributes are those of `Parsed`."""

    def __init__(self, formula: ArrayFormula, scalar: bool) -> None:
        plan, result, held, known = formula.solved(scalar)
        shown = [formula.canonical[n] for n in formula.canonical if formula.canonical[n] in held]
        order = list(dict.fromkeys(shown))
        plan.sizes.settle()
        sizes = [a for name in order for a in held[name].axes] + [a for array in plan.order for a in array.axes]
        plan.sizes.name(sizes, plan.taken)
        plan.build()
        assert result.expr is not None
        self.expr = _final(plan, result, scalar)
        self.symbols = {name: made for name in order if (made := held[name].expr) is not None}
        self.definitions: list[tuple[str, Expr]] = []
        self.name = _named(formula.tree.body[-1])
        for written, value in known.items():
            name = _plain(written)
            is_given = name == self.name or name in self.symbols
            if isinstance(value, Array) and value.expr is not None and not is_given and not value.is_symbol:
                self.definitions.append((name, value.expr))
        from .solved import shape_line

        self.where = [
            f"{names.text(name)}: {shape_line(self.symbols[name])}" for name in formula.open if name in self.symbols
        ]
        self.readings = [*_guesses(formula, held), *plan.readings]


def _named(statement: ast.stmt) -> str | None:
    """The name that a statement gives its value."""
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        return _plain(statement.targets[0].id)
    return None


def _final(plan: Plan, result: Array, scalar: bool) -> Expr:
    """The expression, where its shape says what the array's is."""
    made = result.expr
    assert made is not None
    plan.span = result.span
    if result.rank and made.is_scalar:
        if not scalar:
            raise plan.refuse("the value is an array of one entry", "take the entry: [0, 0], or .item()")
        plan.note("an array of one entry is read as that number")
    elif result.rank == 2 and made.is_vector:
        raise plan.refuse("the value is a column, an array of two axes", "write .ravel() or [:, 0]")
    return made


def _guesses(formula: ArrayFormula, held: Mapping[str, Array]) -> list[str]:
    """The ranks that are not the usual ones of their names."""
    words = ("a number", "a one-dimensional array", "a two-dimensional array")
    made = []
    for name in formula.open:
        if name in held and formula.costs(name, False)[held[name].rank] > 0:
            made.append(f"{names.text(name)} is read as {words[held[name].rank]}")
    for written, statement in formula.changed.items():
        shown = names.text(formula.canonical.get(written, written))
        made.append(f"{shown} is what is given, before {ast.unparse(statement)}")
    return made
