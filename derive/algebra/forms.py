"""The forms of a derivative: expanded, boxed, compact, and the lines between them."""

from __future__ import annotations

import weakref
from collections.abc import Iterator

from ..expr import Expr, nodes, number_op, substitute, symbol, symbol_count, symbols_of
from ..operations import add, inv, matmul, matpow, mul, scale, terms_of, transpose
from .display import Cost, Display, cost, tidy
from .equality import differ_at, proved
from .factoring import BUDGET, Factoring
from .limits import TooLargeError
from .normal import Normalizer
from .polynomial import Poly

PASSES = 2
AGAIN = 120  # symbols of a box up to which another pass is tried
MAX_VARIANTS = 8  # choices of which written sums to multiply out
MANY = 40  # terms above which no such choices are tried


# A box is its own box; with it, whether its search ended with the budget.
_boxes: weakref.WeakKeyDictionary[Expr, bool] = weakref.WeakKeyDictionary()


def expand(expr: Expr) -> Expr:
    """A sum of products, like terms collected."""
    ctx = Normalizer()
    return Display(ctx).sum(ctx.full(expr))


def factor(expr: Expr, loss: Expr | None = None) -> Expr:
    """The boxed form: factored, in the given symbols only, of least cost."""
    if expr in _boxes:
        return expr
    given = expr
    boxing = Boxing(expr, loss)
    boxed, is_cut = boxing.boxed, boxing.is_best_effort
    for _ in range(PASSES if symbol_count(boxed) <= AGAIN else 0):
        # What one pass brings together, another may simplify: where the normal form is a new one.
        if boxing.is_settled(expr):
            break
        expr, boxing = boxed, Boxing(boxed, loss)
        if not cost(boxing.boxed) < cost(boxed):
            break
        boxed, is_cut = boxing.boxed, boxing.is_best_effort
    if not is_same(boxed, given):
        return given
    _boxes[boxed] = is_cut
    return boxed


def is_best_effort(boxed: Expr) -> bool:
    """Whether the search for a boxed form ended with its budget of work, so that a shorter one may exist."""
    return _boxes.get(boxed, False)


def is_same(form: Expr, expr: Expr) -> bool:
    """Whether a form may stand for an expression: by the normal form, else at random points.

    No form that fails is shown, whatever went wrong on the way to it.
    """
    if proved(form, expr):
        return True
    found = [differ_at(form, expr, seed) for seed in range(3)]
    return any(f is not None for f in found) and not any(found)


class Boxing:
    """The search for the boxed form over the choices of what to multiply out.

    Attributes
    ----------
    boxed : Expr
    as_written : Expr
        The form with the sums of the loss left whole.
    is_expanded : bool
        Whether it was found by multiplying everything out.
    is_best_effort : bool
        Whether the budget of work ended the search.
    """

    def __init__(self, expr: Expr, loss: Expr | None, introduce_identity: bool = False) -> None:
        ctx = self.ctx = Normalizer()
        if loss is not None:
            _introduce(ctx, loss)
        self.is_best_effort = False
        self._kept: Poly | None = None
        self.as_written = expr
        best: tuple[Cost, Expr] | None = None
        for rank, poly in enumerate(self._variants(expr)):
            # The first two forms get the whole budget; the variants share another.
            search = Factoring(ctx, introduce_identity, BUDGET if rank < 2 else BUDGET // 8)
            shown = tidy(search.solve(poly), ctx.authored or ())
            self.is_best_effort = self.is_best_effort or (search.exhausted and rank < 2)
            size = cost(shown, authored=ctx.authored or ())
            if poly is self._kept:
                self.as_written = shown
            # Where multiplying out gains nothing, the sums stay as they were written.
            if best is None or size < best[0] or (size == best[0] and poly is self._kept):
                best = (size, shown)
                self.is_expanded = rank == 0 and self._has_full
        assert best is not None
        self.cost, self.boxed = best

    def is_settled(self, expr: Expr) -> bool:
        """Whether the box has the terms of what it was made from, so that another search finds the same."""
        try:
            return self.ctx.full(self.boxed).terms == self.ctx.full(expr).terms
        except TooLargeError:
            return False

    def _variants(self, expr: Expr) -> Iterator[Poly]:
        ctx = self.ctx
        try:
            full: Poly | None = ctx.full(expr)
        except TooLargeError:
            full = None
        self._has_full = full is not None
        if full is not None:
            yield full
            tanhs = ctx.hyperbolic(full)
            if tanhs != full:
                yield tanhs
        kept = self._kept = ctx.kept(expr)
        yield kept
        sums = [atom for atom in _sums_in(kept) if atom in ctx.sums]
        if 1 < len(sums) and len(kept.terms) <= MANY:
            choices = [[one] for one in sums[:MAX_VARIANTS]]
            if len(sums) > 2:
                choices += [[s for s in sums if s is not one] for one in sums[:MAX_VARIANTS]]
            for opened in choices:
                ctx.reopened(opened)
                try:
                    yield ctx.kept(expr)
                except TooLargeError:
                    continue
            ctx.reopened([])


def _introduce(ctx: Normalizer, loss: Expr) -> None:
    """Let a normalizer see the loss first, so that atoms are shown as its author wrote them."""
    ctx.authored = set(nodes(loss))
    try:
        ctx.full(loss)
        ctx.recall(loss)
        ctx.kept(loss)
    except TooLargeError:
        pass


def _sums_in(poly: Poly) -> list[Expr]:
    found: dict[Expr, None] = {}
    for scalars, chain in poly.terms:
        for root in (*[b for b, _ in scalars], *chain):
            for node in nodes(root):
                if node.op is add:
                    found[node] = None
    return list(found)


# Named parts


class Compact:
    """A form with its repeated parts named.

    Attributes
    ----------
    expression : Expr
    definitions : list of (Expr, Expr)
        Each name, a symbol, and what it stands for; later ones may use earlier ones.
    """

    __slots__ = ("definitions", "expression")

    def __init__(self, expression: Expr, definitions: list[tuple[Expr, Expr]]) -> None:
        self.expression = expression
        self.definitions = definitions

    def text(self) -> str:
        parts = [f"{name.text()} = {value.text()}" for name, value in self.definitions]
        return self.expression.text() + (" where " + ", ".join(parts) if parts else "")

    __str__ = text

    def __repr__(self) -> str:
        return f"<{self.text()}>"

    def latex(self) -> str:
        parts = [rf"{name.latex()} = {value.latex()}" for name, value in self.definitions]
        return self.expression.latex() + (r" \quad\text{where } " + r",\; ".join(parts) if parts else "")

    def inlined(self) -> Expr:
        """The expression with the definitions put back."""
        expr = self.expression
        for name, value in reversed(self.definitions):
            expr = substitute(expr, {name: value})
        return expr

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"


# Customary names, by what is named; the first that is free is taken.
NAMES = {
    "softmax": "p π q",
    "sigmoid": "s h a",
    "function": "h a z",
    "sum": "r e d",
    "vector": "v u z q",
    "Sum": "R E D",
    "inverse": "M P N",
    "matrix": "M N P Q",
    "scalar": "c q t κ",
}


def compact(expr: Expr, loss: Expr, boxed: Expr, definitions: list[tuple[str, Expr]]) -> Compact:
    """The shortest form: repeated parts named, the identity introduced where it helps."""
    boxing = Boxing(expr, loss, introduce_identity=True)
    candidates = [boxed, boxing.as_written, boxing.boxed]
    taken = {s.name for s in symbols_of(loss, expr)} | {n for s in symbols_of(loss, expr) for n in _dimensions(s)}
    best: tuple[tuple[int, int, Cost], Compact] | None = None
    for candidate in dict.fromkeys(candidates):
        if candidate is not boxed and not is_same(candidate, expr):
            continue
        made = _named(candidate, taken, definitions)
        parts = [made.expression, *(value for _, value in made.definitions)]
        size = sum(symbol_count(part) for part in parts)
        rank = (size, symbol_count(made.expression), cost(made.expression))
        if best is None or rank < best[0]:
            best = (rank, made)
    assert best is not None
    return best[1]


def _dimensions(expr: Expr) -> frozenset[str]:
    return expr.shape[0].names | expr.shape[1].names


def _named(expr: Expr, taken: set[str], given: list[tuple[str, Expr]]) -> Compact:
    """Name repeated parts while that makes the whole no longer."""
    definitions: list[tuple[Expr, Expr]] = []
    used = set(taken)
    authors = {value: name for name, value in given}
    for _ in range(12):
        part = _repeated(expr, [value for _, value in definitions], authors)
        if part is None:
            break
        name = symbol(_free_name(part, used, authors), *part.shape)
        used.add(name.name)
        expr = substitute(expr, {part: name})
        definitions = [(n, substitute(v, {part: name})) for n, v in definitions]
        definitions.insert(0, (name, part))
    return Compact(expr, _in_order(definitions))


def _in_order(definitions: list[tuple[Expr, Expr]]) -> list[tuple[Expr, Expr]]:
    """Definitions before those that use them."""
    ordered: list[tuple[Expr, Expr]] = []
    waiting = list(definitions)
    while waiting:
        names = {name for name, _ in waiting}
        ready = [d for d in waiting if not names & set(symbols_of(d[1]))]
        ordered += ready
        waiting = [d for d in waiting if d not in ready]
    return ordered


def _repeated(expr: Expr, others: list[Expr], authors: dict[Expr, str]) -> Expr | None:
    """The part whose naming saves most symbols; one that its author named saves by being known."""
    counts: dict[Expr, int] = {}
    order: list[Expr] = []
    for root in (expr, *others):
        uses: dict[Expr, int] = {root: 1}
        for node in reversed(nodes(root)):
            n = uses.get(node, 0)
            if node not in counts:
                order.append(node)
            counts[node] = counts.get(node, 0) + n
            for arg in node.args:
                uses[arg] = uses.get(arg, 0) + n
    best, most = None, -1
    for node in order:
        n = counts[node]
        if node is expr or n < 2 or not node.args or node.op in (transpose, scale) or node.op in (mul, number_op):
            continue
        size = symbol_count(node)
        if size < 2:
            continue
        saved = n * (size - 1) - size - 1 + (2 if node in authors else 0)
        if saved > most:
            best, most = node, saved
    return best


def _free_name(part: Expr, used: set[str], authors: dict[Expr, str]) -> str:
    if part in authors and authors[part] not in used:
        return authors[part]
    op = part.op
    if op.name in NAMES:
        kind = op.name
    elif op.is_elementwise and part.is_vector:
        kind = "function"
    elif part.is_scalar:
        kind = "scalar"
    elif part.is_vector:
        kind = "sum" if op is add else "vector"
    else:
        kind = "Sum" if op is add else "inverse" if op in (inv, matpow) else "matrix"
    names = NAMES[kind].split()
    for name in (*names, *(f"{names[0]}_{i}" for i in range(1, 100))):
        if name not in used:
            return name
    raise AssertionError("a hundred names are taken")


# Lines


def rewriting(expr: Expr, loss: Expr, boxed: Expr) -> list[tuple[str, Expr]]:
    """The lines from the sum of contributions to the box, each with what was done."""
    boxing = Boxing(expr, loss)
    lines: list[tuple[str, Expr]] = []
    if boxing.is_expanded:
        display = Display(boxing.ctx)
        apart = [
            display.term(c, mono, expr.shape)
            for term in terms_of(expr)
            for mono, c in boxing.ctx.full(term).terms.items()
        ]
        loose = add.make(tuple(apart)) if len(apart) > 1 else apart[0] if apart else boxed
        collected = display.sum(boxing.ctx.full(expr))
        lines = [("substitute and expand" + _identities(expr, loss), loose), ("collect like terms", collected)]
        if len(apart) == len(boxing.ctx.full(expr).terms):
            lines.pop()
    shared = _taken_out(boxed)
    label = f"take out the common factor {shared}" if shared else "simplify" + _identities(expr, loss)
    lines.append((label, boxed))
    kept: list[tuple[str, Expr]] = []
    previous = expr
    for label, line in lines:
        if line is not previous:
            kept.append((label, line))
        previous = line
    return kept


def _identities(expr: Expr, loss: Expr) -> str:
    """What multiplying out an expression uses, beyond what its loss does: `, cancel inverses`."""
    ctx = Normalizer()
    _introduce(ctx, loss)
    ctx.used.clear()
    try:
        ctx.full(expr)
    except TooLargeError:
        return ""
    said = dict.fromkeys(row.words for row in ctx.used if row.words)
    return "".join(f", {words}" for words in list(said)[:3])


def _taken_out(boxed: Expr) -> str | None:
    """What stands in front of and behind the bracket of a box."""
    parts = []
    body = boxed
    if body.op is scale:
        if body.args[0].op is not number_op:
            parts.append(body.args[0].text())
        body = body.args[1]
    if body.op is not matmul:
        return None
    at = [i for i, f in enumerate(body.args) if f.op is add]
    if len(at) != 1:
        return None
    parts += [matmul(*side).text() for side in (body.args[: at[0]], body.args[at[0] + 1 :]) if side]
    return " and ".join(parts) or None
