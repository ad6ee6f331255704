"""From the normal form back to what a person writes.

Atoms are shown as they were first written; equal neighbors become powers, xᵀ x becomes
‖x‖², Diag(a) M y becomes a ⊙ (M y).  `cost` orders forms: fewest symbols, then fewest
brackets, then fewest operations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from fractions import Fraction

from ..association import segments
from ..expr import (
    Counts,
    Expr,
    as_expr,
    fold,
    identity,
    is_number,
    nodes,
    number,
    number_op,
    ones,
    ones_op,
    over,
    symbol_count,
    symbol_op,
    zeros,
)
from ..operations import (
    MAX_EXPONENT,
    add,
    diagonal_matrix,
    dominant,
    expm,
    hadamard,
    inv,
    matmul,
    matpow,
    mul,
    polar,
    power,
    scale,
    sq_norm,
    sum_entries,
    trace,
    transpose,
)
from ..shapes import ONE, SCALAR, Shape
from .atoms import entry_bases, sum_bases
from .normal import Normalizer
from .polynomial import Mono, Poly, Scalars

Cost = tuple[int, int, int]
Costs = dict[Expr, tuple[int, int, int, int]]
Terms = frozenset[tuple[Expr, int]]
_INFIX = frozenset("add mul scale matmul transpose hadamard kron power inv matpow symbol number".split())


def cost(expr: Expr, enclosed: bool = False, authored: Container[Expr] = (), memo: Costs | None = None) -> Cost:
    """Symbols, bracket pairs and operations of the written formula, shared parts counted each time.

    A bracket inside a bracket counts as a symbol: it must save more than one to be worth
    reading.  `enclosed` says that the formula, if a sum, will stand in a bracket itself;
    brackets around sums in `authored` are the author's own.  `memo` keeps what is known of
    parts, for calls with the same `authored`.
    """

    def visit(node: Expr, parts: list[tuple[int, int, int, int]]) -> tuple[int, int, int, int]:
        symbols, brackets, operations, outer = 0, 0, 0, 0
        infix = node.op.name in _INFIX
        for part, arg in zip(parts, node.args):
            symbols += part[0]
            brackets += part[1]
            operations += part[2]
            if infix and node.op is not add and arg.op is add:
                brackets += 1
                symbols += part[3]  # brackets that this one holds
                outer += arg not in authored
            elif infix:
                outer += part[3]
                if arg.op in (matmul, scale) and node.op not in (scale, matmul, add):
                    brackets += 1
        if node.op is symbol_op:
            symbols = 1
        elif not infix and node.args:
            brackets += 1
            operations += 1
        elif node.op is transpose or node.op in (inv, matpow, power):
            operations += 1
        elif node.args and not is_number(node.args[0], -1):
            operations += len(node.args) - 1
        return (symbols, brackets, operations, outer)

    symbols, brackets, operations, outer = fold(expr, visit, memo)
    if enclosed and expr.op is add:
        symbols += outer
    return symbols, brackets, operations


class Presentation:
    """How canonical expressions are shown."""

    def __init__(self, ctx: Normalizer) -> None:
        self.ctx = ctx
        self._memo: dict[Expr, Expr] = {}
        self._sums = sums_by_terms(ctx.authored or ())

    def atom(self, atom: Expr) -> Expr:
        """An atom as it was written."""
        if atom in self._memo:
            return self._memo[atom]
        for node in nodes(atom):
            if node not in self._memo:
                # ‖B x‖² may be shorter than what was written for xᵀ Bᵀ B x, softmax(x) for eˣ / Σ eˣ.
                known, rebuilt = self.ctx.shown.get(node), self._rebuilt(node)
                by_cost = node.op in (matmul, trace, add, hadamard)
                if known is None or _length(rebuilt, by_cost) < _length(known, by_cost):
                    known = rebuilt
                self._memo[node] = self._in_one_order(known)
        return self._memo[atom]

    def _in_one_order(self, shown: Expr) -> Expr:
        """A sum with its terms in the order in which they were written or shown first."""
        return self._sums.setdefault(_terms(shown), shown) if shown.op is add else shown

    def _rebuilt(self, node: Expr) -> Expr:
        if not node.args:
            return node
        if node.op is hadamard:
            return self.entries(entry_bases(node))
        args = [self._memo[a] for a in node.args]
        if node.op is matmul:
            if node.is_scalar:
                half = self.ctx.half(node.args)
                if half is not None and half[0].op is not ones_op:
                    return sq_norm(self.product(half))
            return self.product(node.args)
        if node.op is trace and node.args[0].op is matmul:
            factors = node.args[0].args
            for i in range(len(factors)):
                half = self.ctx.half(factors[i:] + factors[:i])
                if half is not None:
                    inside = self.product(half)
                    return sq_norm(min(inside, transposed(inside), key=_transposes))
        if node.op is add:
            return add(*sorted(args, key=is_negative))
        return node.op.build(tuple(args), node.data)

    def factor(self, factor: Expr) -> Expr:
        if factor.op is transpose:
            return transposed(self.atom(factor.args[0]))
        return self.atom(factor)

    def entries(self, items: Iterable[tuple[Expr, Fraction]]) -> Expr:
        """An entrywise product of powers, quotients last."""
        shown = sorted(((self.atom(base), e) for base, e in items), key=lambda item: item[1] < 0)
        return hadamard(*(power(b, as_expr(e)) for b, e in shown))

    def product(self, chain: Sequence[Expr]) -> Expr:
        return joined(*(self.factor(f) for f in chain))

    def scalars(self, scalars: Scalars) -> list[Expr]:
        return [power(self.atom(base), as_expr(e)) for base, e in scalars]

    def term(self, coefficient: Fraction, mono: Mono, shape: Shape) -> Expr:
        """One term: the number, the scalars, the product."""
        scalars, chain = mono
        factors = self.scalars(scalars)
        if shape == SCALAR:
            return mul(number(coefficient), *factors)
        body = self.product(chain) if chain else identity(shape[0])
        return scale(mul(number(coefficient), *factors), body)

    def sum(self, poly: Poly) -> Expr:
        """The terms of a sum, by degree, then as they were met."""
        shown = [self.term(c, m, poly.shape) for m, c in poly.terms.items()]
        if len(shown) == 1 and is_negative(shown[0]):
            return turned_sum(negative(shown[0])) or shown[0]
        return self._in_one_order(ordered_sum(shown, poly.shape))


def _length(shown: Expr, by_cost: bool) -> tuple[int, Cost]:
    return symbol_count(shown), cost(shown) if by_cost else (0, 0, 0)


def ordered_sum(terms: list[Expr], shape: Shape) -> Expr:
    """A sum with terms by degree, highest first, transposes side by side; a positive term leads."""
    if not terms:
        return zeros(*shape)
    keyed = [(-_degree(t), _transposes(t), i) for i, t in enumerate(terms)]
    return positive_first(_in_pairs([terms[i] for _, _, i in sorted(keyed)]))


def _in_pairs(terms: list[Expr]) -> list[Expr]:
    """The terms in their order, but each transpose beside what it is one of: A + Aᵀ − B."""
    if len(terms) < 3 or terms[0].shape[0] != terms[0].shape[1] or terms[0].is_scalar:
        return terms
    unsigned = [negative(t) if is_negative(t) else t for t in terms]
    places = {t: i for i, t in enumerate(unsigned)}
    pairs = [(min(i, places.get(transposed(t), i)), _transposes(t)) for i, t in enumerate(unsigned)]
    return [terms[i] for i in sorted(range(len(terms)), key=pairs.__getitem__)]


def positive_first(terms: list[Expr]) -> Expr:
    at = next((i for i, t in enumerate(terms) if not is_negative(t)), 0)
    return add(terms[at], *terms[:at], *terms[at + 1 :])


def together(*factors: Expr) -> Expr:
    """The entrywise product, without factors of ones, equal factors as powers."""
    kept = [f for f in factors if not (f.op is matmul and all(a.op is ones_op for a in f.args))]
    if len(kept) < 2 or kept[0].is_scalar:
        return hadamard(*(kept or factors[:1]))
    powers = sum_bases(*map(entry_bases, kept))
    return hadamard(*(power(base, as_expr(e)) for base, e in powers.items())) if powers else ones(*kept[0].shape)


def joined(*factors: Expr) -> Expr:
    """The product: diagonal matrices in front of a column entrywise, side by side as one, equal neighbors as powers."""
    product = matmul(*factors)
    if product.op is not matmul:
        return product
    shown: list[Expr] = []
    for segment in segments(product.args):
        is_column = segment[-1].shape[1] is ONE and any(f.op is diagonal_matrix for f in segment)
        shown += [_column(segment)] if is_column else segment
    if product.is_scalar and len(shown) == 2 and shown[0].op is transpose and shown[1].op is hadamard:
        column = shown[0].args[0]
        if column.op in (power, hadamard):  # (a ⊙ b)ᵀ (c ⊙ d) is sum(a ⊙ b ⊙ c ⊙ d)
            return sum_entries(together(column, shown[1]))
    return _powers(matmul(*shown))


def _column(factors: list[Expr]) -> Expr:
    """A Diag(b) c as A (b ⊙ c)."""
    tail: list[Expr] = []
    for factor in reversed(factors):
        if tail and factor.op is diagonal_matrix:
            entries, column = factor.args[0], _powers(matmul(*tail))
            is_quotient = all(e < 0 for _, e in entry_bases(entries))
            tail = [together(column, entries) if is_quotient else together(entries, column)]
        else:
            tail.insert(0, factor)
    return matmul(*tail)


def _powers(product: Expr) -> Expr:
    """The product with X X² as X³ and Diag(a) Diag(b) as Diag(a ⊙ b)."""
    if product.op is not matmul:
        return product
    factors: list[Expr] = []
    for factor in product.args:
        if factors and factor.op is diagonal_matrix and factors[-1].op is diagonal_matrix:
            factor = diagonal_matrix(together(factors.pop().args[0], factor.args[0]))
        factors.append(factor)
    merged: list[tuple[Expr, int, bool]] = []  # base, exponent, whether transposed
    for factor in factors:
        flipped = factor.op is transpose
        base, k = factor.args[0] if flipped else factor, 1
        if base.op is matpow:
            base, k = base.args[0], base.data[0]
        elif base.op is inv:
            base, k = base.args[0], -1
        if merged and base.is_square and merged[-1][0] is base and merged[-1][2] == flipped and merged[-1][1] * k > 0:
            merged[-1] = (base, merged[-1][1] + k, flipped)
        else:
            merged.append((base, k, flipped))
    if len(merged) == len(product.args):
        return product
    if any(abs(k) > MAX_EXPONENT for _, k, _ in merged):
        return product
    shown = [matpow(base, k) if k != 1 else base for base, k, _ in merged]
    return matmul(*(transpose(b) if flipped else b for b, (_, _, flipped) in zip(shown, merged)))


def turned_sum(body: Expr, whole: Expr | None = None) -> Expr | None:
    """−A (x − y) is A (y − x): the product with one sum of mixed signs turned, if it has one.

    A sum that stands there twice, as r in r rᵀ, is left alone.
    """
    whole = body if whole is None else whole
    if body.op is add:
        signs = {is_negative(t) for t in body.args}
        if len(signs) == 2 and _uses(whole, body) == 1:
            return positive_first([negative(t) for t in body.args])
    elif body.op in (matmul, hadamard, scale, mul, transpose):
        for i, arg in enumerate(body.args):
            turned = turned_sum(arg, whole)
            if turned is not None:
                return body.op.build((*body.args[:i], turned, *body.args[i + 1 :]), body.data)
    return None


def _uses(whole: Expr, part: Expr) -> int:
    return fold(whole, lambda node, counts: 1 if node is part else sum(counts))


def is_negative(term: Expr) -> bool:
    """Whether a term is written with a minus sign."""
    if term.op is number_op:
        return bool(term.data[0] < 0)
    if term.op in (scale, mul):
        return is_negative(term.args[0])
    return False


def negative(term: Expr) -> Expr:
    if term.op is add:
        return positive_first([negative(t) for t in term.args])
    return scale(-1, term)


_degrees = Counts()
_transpose_counts = Counts()


def _degree(term: Expr) -> int:
    def visit(node: Expr, counts: list[int]) -> int:
        if node.op is symbol_op:
            return 1
        if node.op is matpow:
            return counts[0] * abs(int(node.data[0]))
        return max(counts, default=0) if node.op is add else sum(counts)

    return _degrees.of(term, visit)


def _transposes(term: Expr) -> int:
    return _transpose_counts.of(term, lambda node, counts: sum(counts) + (node.op is transpose))


def transposed(expr: Expr) -> Expr:
    """The transpose of a formula, taken inside where that leaves no more transposes."""
    inside = _pushed(expr)
    outside = transpose(expr)
    return inside if _transposes(inside) <= _transposes(outside) else outside


def _pushed(expr: Expr) -> Expr:
    if expr.op is symbol_op and "symmetric" in expr.properties:
        return expr
    if expr.op in (add, hadamard):
        turned = expr.op(*(_pushed(a) for a in expr.args))
        return expr if turned.op is expr.op and _terms(turned) == _terms(expr) else turned  # V + Vᵀ
    if expr.op is matmul:
        return matmul(*(_pushed(a) for a in reversed(expr.args)))
    if expr.op is scale:
        return scale(expr.args[0], _pushed(expr.args[1]))
    if expr.op is matpow:
        return matpow(_pushed(expr.args[0]), expr.data[0])
    if expr.op.is_elementwise or expr.op in (power, inv, expm, polar, dominant):  # f(Aᵀ)ᵀ is f(A)
        inside = _pushed(expr.args[0])
        if inside is expr.args[0] or _transposes(inside) < _transposes(expr.args[0]):
            return expr.op(inside, *expr.args[1:])
    return transpose(expr)


def gathered(factor: Expr) -> Expr:
    """A factor xᵀ Aᵀ − bᵀ as (A x − b)ᵀ."""
    if factor.op is not add:
        return factor
    inside = _pushed(factor)
    return transpose(inside) if _transposes(inside) + 1 < _transposes(factor) else factor


def _terms(expr: Expr) -> Terms:
    """The terms of a sum with their numbers, in no order."""
    return frozenset(Counter(expr.args).items())


def sums_by_terms(formulas: Iterable[Expr]) -> dict[Terms, Expr]:
    """The sums among some formulas, by their terms; the first of each."""
    found: dict[Terms, Expr] = {}
    for formula in formulas:
        if formula.op is add:
            found.setdefault(_terms(formula), formula)
    return found


def as_authored(factor: Expr, known: Mapping[Terms, Expr]) -> tuple[int, Expr]:
    """A factor as a sign and the sum that its author wrote, transposed or not."""
    flipped = factor.op is transpose
    inside = factor.args[0] if flipped else factor
    if known and inside.op is add:
        for sign in (1, -1):
            signed = inside if sign > 0 else negative(inside)
            for turned, candidate in ((False, signed), (True, _pushed(signed))):
                written = known.get(_terms(candidate))
                if written is not None:
                    return sign, transpose(written) if turned != flipped else written
    return 1, factor


def numbers_first(product: Expr, known: Mapping[Terms, Expr]) -> Expr:
    """(f − 𝟏) ⊙ (b − a) as (𝟏 − f) ⊙ (a − b): two sums turned, where that leaves no more minus signs."""
    factors = list(product.args)
    free = [i for i, f in enumerate(factors) if f.op is add and _terms(f) not in known]
    backward = [i for i in free if any(is_negative(t) and is_constant(t) for t in factors[i].args)]
    turned = {i: positive_first([turned_sum(t) or negative(t) for t in factors[i].args]) for i in free}
    for i, factor in enumerate(factors):
        if factor.op is matmul and not any(n.op is add and _terms(n) in known for n in nodes(factor)):
            inside = turned_sum(factor)
            turned |= {} if inside is None else {i: inside}
    others = [i for i in turned if i not in backward and not any(map(is_constant, factors[i].args))]
    others = [i for i in others if _minuses(turned[i]) <= _minuses(factors[i])]
    while len(backward) + len(others) > 1 and backward:
        for i in (backward.pop(), backward.pop() if backward else others.pop()):
            factors[i] = turned[i]
    return hadamard(*factors)


def is_constant(term: Expr) -> bool:
    """Whether a term is a number times ones, or a number."""
    return term.op in (number_op, ones_op) or term.op is scale and all(map(is_constant, term.args))


def _minuses(total: Expr) -> int:
    """The minus signs in a sum and in the sums that it is made of by products."""
    if total.op is add:
        return sum(is_negative(t) + _minuses(t) for t in total.args)
    return sum(map(_minuses, total.args)) if total.op in (scale, hadamard, matmul, transpose) else 0


def tidy(expr: Expr, authored: Iterable[Expr] = ()) -> Expr:
    """Transposes taken inside where that leaves no more of them; sums as their author wrote them.

    A factor that is a sum of `authored`, its transpose or its negative, is shown as that;
    the terms of any other sum stand in one order throughout.
    """
    known = sums_by_terms(authored)
    shown = dict(known)

    def visit(node: Expr, args: list[Expr]) -> Expr:
        if node.op is transpose and args[0].op in (add, matmul, scale, matpow):
            return transposed(args[0])
        if node.op is matmul:
            signs, factors = zip(*(as_authored(gathered(a), known) for a in args))
            return scale(-1 if signs.count(-1) % 2 else 1, joined(*factors))
        if "linear" in node.op.traits and is_negative(args[0]) and args[0].op is not number_op:
            return scale(-1, node.op.build((negative(args[0]),), node.data))
        if node.op is add:
            args = _in_pairs(args)
        is_turned = node.op is add and is_negative(args[0]) and not is_negative(node.args[0])
        made = positive_first(args) if is_turned else over(node, args)
        if made.op is hadamard:
            return numbers_first(made, known)
        return shown.setdefault(_terms(made), made) if made.op is add else made

    return fold(expr, visit)
