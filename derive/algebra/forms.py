"""The forms of a derivative: expanded, boxed, compact, and the lines between them."""

from __future__ import annotations

import contextlib
import itertools
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping
from fractions import Fraction
from functools import lru_cache, partial

from ..expr import Expr, nodes, number_op, substitute, symbol, symbol_count, symbols_of
from ..facts import is_nonnegative
from ..operations import add, hadamard, inv, matmul, matpow, mul, power, scale, terms_of, transpose
from .budget import TooLargeError
from .display import Cost, Presentation, cost, tidy
from .factoring import BUDGET, Factoring
from .labelling import Labelling
from .normal import Normalizer
from .points import agree
from .polynomial import Poly, key

PASSES = 4
AGAIN = 120  # symbols of a box up to which another pass is tried
MAX_VARIANTS = 8  # choices of which written sums to multiply out
MANY = 40  # terms above which no such choices are tried


# A box is its own box, for its loss (itself where there was none); with it, whether its search ended with the budget.
_boxes: weakref.WeakKeyDictionary[Expr, weakref.WeakKeyDictionary[Expr, bool]] = weakref.WeakKeyDictionary()


def expand(expr: Expr) -> Expr:
    """A sum of products, like terms collected."""
    labelling, ctx = _problem(expr, None)
    return labelling.named(Presentation(ctx).sum(ctx.full(labelling.labelled(expr))))


@lru_cache(maxsize=64)  # the same formula is derived again for each dialect, page or call
def factor(expr: Expr, loss: Expr | None = None) -> Expr:
    """The boxed form: factored, in the given symbols only, of least cost."""
    if (loss or expr) in _boxes.get(expr, ()):
        return expr
    parts = _layers(expr)
    if parts:
        boxed, is_limited = _by_layers(expr, loss, parts)
        if not is_same(boxed, expr):
            return expr
        _boxes.setdefault(boxed, weakref.WeakKeyDictionary())[loss or boxed] = is_limited
        return boxed
    boxed = expr
    boxing: Boxing | None = None
    for _ in range(PASSES):
        # What one pass brings together, another may simplify; none may make it longer.
        boxing = _first_pass(expr, loss) if boxing is None else Boxing(boxed, loss, before=boxing)
        is_worse = symbol_count(boxing.boxed) > symbol_count(boxed) or (
            boxed is not expr and boxing.cost > boxing.cost_given
        )
        if boxing.boxed is boxed or is_worse:
            break
        boxed = boxing.boxed
        if symbol_count(boxed) > AGAIN:
            break
    if not is_same(boxed, expr):
        return expr
    assert boxing is not None
    _boxes.setdefault(boxed, weakref.WeakKeyDictionary())[loss or boxed] = boxing.is_best_effort
    return boxed


def _layers(expr: Expr) -> list[Expr]:
    """The products that stand below the entries of a product: Wᵀ (…) in f′(z) ⊙ Wᵀ (f′(y) ⊙ …).

    Beside such a product stands nothing to cancel against what is in it but numbers, which come
    out of its box; so each layer is searched by itself. Multiplied out, the search doubles with each.
    """
    found: dict[Expr, None] = {}
    pending = [expr]
    if expr.op is add:
        deep = [term for term in terms_of(expr) if any(node.op is hadamard for node in nodes(term))]
        pending = deep if len(deep) == 1 else []
    while pending:
        node = pending.pop()
        if node.op is hadamard:
            for arg in node.args:
                if arg.op is matmul and any(n.op is hadamard and any(a.op is add for a in n.args) for n in nodes(arg)):
                    found[arg] = None
                else:
                    pending.append(arg)
        elif node.op in (matmul, scale, transpose):
            pending += node.args
    return list(found)


def _by_layers(expr: Expr, loss: Expr | None, parts: list[Expr]) -> tuple[Expr, bool]:
    """The boxed form around some parts, with their own put in, and whether the budget ended one of the searches."""
    used = {s.name for s in symbols_of(expr)}
    names = (name for name in (f"p_{i}" for i in itertools.count()) if name not in used)
    boxes: dict[Expr, Expr] = {}
    named: dict[Expr, Expr] = {}
    is_limited = False
    for part in parts:
        box, name = factor(part, loss), symbol(next(names), *part.shape)
        is_limited = is_limited or is_best_effort(box, loss)
        named[part], boxes[name] = name, box
        if box.op is scale:  # its number may cancel against others
            named[part], boxes[name] = scale(box.args[0], name), box.args[1]
    outer = factor(substitute(expr, named), loss)
    return substitute(outer, boxes), is_limited or is_best_effort(outer, loss)


def is_best_effort(boxed: Expr, loss: Expr | None = None) -> bool:
    """Whether the search for a boxed form ended with its budget of work, so that a shorter one may exist."""
    known = _boxes.get(boxed)
    return known is not None and known.get(loss or boxed, False)


def is_same(form: Expr, expr: Expr) -> bool:
    """Whether a form may stand for an expression: at random points, where none is found by the normal form.

    No form that fails is shown, whatever went wrong on the way to it.
    """
    found = agree(form, expr)
    if found is None:
        from .proofs import proved

        return proved(form, expr)
    return found


class Boxing:
    """The search for the boxed form over the choices of what to multiply out.

    After one `before` it, what that has searched is not searched again.

    Attributes
    ----------
    boxed : Expr
    cost, cost_given : Cost
        Of the boxed form, and of the formula as it was given.
    as_written : Expr
        The form with the sums of the loss left whole.
    is_expanded : bool
        Whether it was found by multiplying everything out.
    is_best_effort : bool
        Whether the budget of work ended the search.
    is_settled : bool
        Whether the form multiplied out and the one as written came to the same.
    """

    def __init__(
        self, expr: Expr, loss: Expr | None, introduce_identity: bool = False, before: Boxing | None = None
    ) -> None:
        self._labelling, self.ctx = labelling, ctx = _problem(expr, loss)
        expr = labelling.labelled(expr)
        self.cost_given = cost(expr, authored=ctx.authored or ())
        self.is_best_effort: bool = before is not None and before.is_best_effort
        self.is_settled = False
        self._full: Poly | None = None
        self._kept: Poly | None = None
        as_written = expr
        best: tuple[Cost, Expr] | None = None
        for poly in self._variants(expr, before):
            # The form multiplied out and the one as written get the whole budget; the others share another.
            is_main = poly is self._full or poly is self._kept
            search = Factoring(ctx, introduce_identity, BUDGET if is_main else BUDGET // 8)
            shown = tidy(search.solve(poly), ctx.authored or ())
            self.is_best_effort = self.is_best_effort or (search.exhausted and is_main)
            size = cost(shown, authored=ctx.authored or ())
            if poly is self._kept:
                as_written = shown
                # Where all sums opened and none come to one form, those between are not tried.
                agrees = best is not None and best[1] is shown and not self.is_best_effort
                self.is_settled = agrees or before is not None and before.is_settled
            # Where multiplying out gains nothing, the sums stay as they were written.
            if best is None or size < best[0] or (size == best[0] and poly is self._kept):
                best = (size, shown)
                self.is_expanded = poly is self._full
        assert best is not None
        self.cost, boxed = best
        self.boxed, self.as_written = labelling.named(boxed), labelling.named(as_written)

    def multiplied_out(self, expr: Expr) -> tuple[list[Expr], Expr]:
        """The products that each term is made of, and their sum with like ones collected."""
        display, ctx = Presentation(self.ctx), self.ctx
        named, labelled = self._labelling.named, self._labelling.labelled
        apart = [
            named(display.term(c, mono, expr.shape))
            for term in terms_of(expr)
            for mono, c in ctx.full(labelled(term)).terms.items()
        ]
        return apart, named(display.sum(ctx.full(labelled(expr))))

    def _variants(self, expr: Expr, before: Boxing | None) -> Iterator[Poly]:
        ctx = self.ctx
        with contextlib.suppress(TooLargeError):
            self._full = ctx.full(expr)
        if self._full is not None and (before is None or before._full != self._full):
            yield self._full
            tanhs = ctx.hyperbolic(self._full)
            if tanhs != self._full:
                yield tanhs
        kept = self._kept = ctx.kept(expr)
        yield kept
        if self.is_settled:
            return
        sums = sorted((atom for atom in _sums_in(kept) if atom in ctx.sums), key=key)
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


@lru_cache(maxsize=2)
def _first_pass(expr: Expr, loss: Expr | None) -> Boxing:
    """The search on a derivative as it came out, for its box and for the lines that lead there."""
    return Boxing(expr, loss)


def _problem(expr: Expr, loss: Expr | None) -> tuple[Labelling, Normalizer]:
    """Labels for the symbols, and a normalizer for labelled formulas that knows the loss.

    What such a normalizer decides by what it meets first does not depend on the order of
    sums: another one has met the formulas before, in an order of their own.
    """
    labelling, before = _met_first(expr, loss)
    ctx = Normalizer(before)
    if loss is not None:
        # Atoms are shown as its author wrote them.
        loss = labelling.labelled(loss)
        ctx.authored = dict.fromkeys(nodes(loss))
        with contextlib.suppress(TooLargeError):
            ctx.full(loss)
            ctx.recall(loss)
            ctx.kept(loss)
    return labelling, ctx


@lru_cache(maxsize=2)
def _met_first(expr: Expr, loss: Expr | None) -> tuple[Labelling, Normalizer]:
    """The labels, and a normalizer that has met the formulas in an order of their own."""
    formulas = [expr] if loss is None else [loss, expr]
    labelling, normalizer = Labelling(formulas), Normalizer()
    for formula in formulas:
        with contextlib.suppress(TooLargeError):
            normalizer.full(labelling.ordered(formula))
    return labelling, normalizer


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
    candidates = [boxed]
    if not _layers(expr):
        boxing = Boxing(expr, loss, introduce_identity=True)
        candidates += [boxing.as_written, boxing.boxed]
    taken = {s.name for s in symbols_of(loss, expr)} | {n for s in symbols_of(loss, expr) for n in _dimensions(s)}
    known = {name for name, _ in definitions}
    best: tuple[tuple[int, int, Cost], Compact] | None = None
    for candidate in dict.fromkeys(candidates):
        if candidate is not boxed and not is_same(candidate, expr):
            continue
        made = _named(candidate, loss, taken, definitions)
        # What its author has named is known already, and costs nothing.
        parts = [made.expression, *(value for name, value in made.definitions if name.name not in known)]
        size = sum(symbol_count(part) for part in parts)
        rank = (size, symbol_count(made.expression), cost(made.expression))
        if best is None or rank < best[0]:
            best = (rank, made)
    assert best is not None
    return best[1]


def _dimensions(expr: Expr) -> frozenset[str]:
    return expr.shape[0].names | expr.shape[1].names


def _named(expr: Expr, loss: Expr, taken: set[str], given: list[tuple[str, Expr]]) -> Compact:
    """Name what the author has named, and repeated parts while that makes the whole no longer."""
    definitions: list[tuple[Expr, Expr]] = []
    used = taken | {name for name, _ in given}
    written = set(nodes(loss))
    authored_parts = {part for _, part in given}

    def put(part: Expr, name: str, uses: Mapping[Expr, Callable[[Expr], Expr]]) -> None:
        nonlocal expr, definitions
        used.add(name)
        named = symbol(name, *part.shape)
        places = {use: made(named) for use, made in uses.items()}
        expr = substitute(expr, places)
        definitions = [(n, substitute(v, places)) for n, v in definitions]
        definitions.insert(0, (named, part))

    for authored, part in reversed(given):
        if part.args and authored not in taken:
            uses = _uses(part, part in written, authored_parts, nodes(expr, *(value for _, value in definitions)))
            if uses:
                put(part, authored, uses)
    for _ in range(12):
        repeated = _repeated(expr, [value for _, value in definitions])
        if repeated is None:
            break
        put(repeated, _free_name(repeated, used), {repeated: lambda named: named})
    return Compact(expr, _in_order(definitions))


def _uses(
    part: Expr, is_defined: bool, named: Collection[Expr], found: list[Expr]
) -> dict[Expr, Callable[[Expr], Expr]]:
    """Where a part is used, perhaps written otherwise, and what stands there over its name: for s = √u, u is s².

    `is_defined` says that the part has a value wherever the loss has one.  What is `named` itself stays,
    and so does c² of a symbol or of a named part c.
    """
    if part in found:
        return {part: lambda name: name}
    of, (base, inner) = set(symbols_of(part)), _powered(part)
    has_value = is_defined or inner.denominator == 1 or is_nonnegative(base)
    uses: dict[Expr, Callable[[Expr], Expr]] = {}
    for node in found:
        below, outer = _powered(node)
        if node in named or ((not below.args or below in named) and outer.denominator == 1 and outer > 0):
            continue
        # u is √u squared where there is √u, but no root of u².
        is_known = outer == inner or abs(inner.numerator) == 1 and (has_value or outer.denominator != 1)
        if is_known and set(symbols_of(node)) == of and below.shape == base.shape and is_same(below, base):
            uses[node] = partial(_raised, exponent=outer / inner)
    return uses


def _powered(node: Expr) -> tuple[Expr, Fraction]:
    if node.op is power and node.args[1].op is number_op:
        return node.args[0], node.args[1].data[0]
    return node, Fraction(1)


def _raised(base: Expr, exponent: Fraction) -> Expr:
    return base if exponent == 1 else power(base, exponent)


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


def _repeated(expr: Expr, others: list[Expr]) -> Expr | None:
    """The part whose naming saves most symbols."""
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
        saved = n * (size - 1) - size - 1
        if saved > most:
            best, most = node, saved
    return best


def _free_name(part: Expr, used: set[str]) -> str:
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
    lines: list[tuple[str, Expr]] = []
    boxing = None if _layers(expr) else _first_pass(expr, loss)
    if boxing is not None and boxing.is_expanded:
        apart, collected = boxing.multiplied_out(expr)
        loose = add.make(tuple(apart)) if len(apart) > 1 else apart[0] if apart else boxed
        lines = [("substitute and expand" + _identities(expr, loss), loose)]
        if len(apart) > len(list(terms_of(collected))):
            lines.append(("collect like terms", collected))
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
    labelling, ctx = _problem(expr, loss)
    ctx.used.clear()
    try:
        ctx.full(labelling.labelled(expr))
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
