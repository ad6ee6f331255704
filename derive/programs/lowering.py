"""From the graph of values to operations that an array library has.

Chains become products of two in the order `order` found; inverses become solves, those of
positive definite matrices by one Cholesky factor that logarithms of determinants share;
sums of rank-one terms become one product of stacked columns and rows; traces of products
are contracted without forming the product.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import reduce

from ..shapes import ONE, SCALAR, Dim, Shape
from .costs import SampleSizes
from .fronts import moved
from .graph import ValueGraph
from .order import MAX_EXACT, Cutter, interval_key
from .stable import roots_of_exponentials
from .terms import (
    UNIT,
    Term,
    Value,
    is_broadcast,
    is_gram,
    is_nonnegative,
    is_positive_definite,
    is_zero,
    merged,
    users_in,
    values_below,
)

FULL = ("full", Fraction(1))


class Lowering:
    """The operations that compute some terms.

    Parameters
    ----------
    graph : ValueGraph
    roots : sequence of Term
    sizes : SampleSizes
        Where the best order depends on them.
    has_triangular_solve : bool
        Whether the library solves with a triangular matrix.
    keeps_constants : bool
        Whether what is made of constant arguments alone is kept between calls, and so free.
    """

    def __init__(
        self,
        graph: ValueGraph,
        roots: Sequence[Term],
        sizes: SampleSizes,
        has_triangular_solve: bool = False,
        keeps_constants: bool = False,
    ) -> None:
        self.graph = graph
        self.sizes = sizes
        self.has_triangular_solve = has_triangular_solve
        tops = [value for root in roots for value in root.parts()]
        order = values_below(tops)
        self.roots_of_exp = roots_of_exponentials(order)
        order = values_below(tops, self.roots_of_exp)
        self.cutter = Cutter(tops, sizes, keeps_constants)
        # A S Aᵀ is definite where it has an inverse; one factor then serves that and log det.
        arguments = [{v.args[0].body for v in order if v.kind == kind} for kind in ("inv", "logdet")]
        self.grams = {body for body in arguments[0] & arguments[1] if is_gram(body)}
        users = (value for value in order if value.kind not in ("chain", "cycle", "held"))
        needed = {part for value in users for arg in value.args for part in arg.parts()}.union(tops)
        self.solved_once: set[Value] = set()
        self.lower(order, needed, roots)
        if not has_triangular_solve and (found := self.used_once()):
            self.solved_once = found
            self.lower(order, needed, roots)

    def lower(self, order: Sequence[Value], needed: set[Value], roots: Sequence[Term]) -> None:
        self.products: dict[object, tuple[tuple[object, ...], Term]] = {}
        self.done: dict[Value, Term] = {}
        self.entrywise: dict[tuple[object, object], list[Value]] = {}  # by first factor
        self.sums: dict[object, list[Value]] = {}  # by the term that was made last
        self.factored: dict[Value, Value] = {}  # by Cholesky factor
        self.formed: set[Value] = set()  # what something other than a product, which may avoid it, is made of
        for value in order:
            self.done[value] = self.lowered(value)
            if value in needed:
                self.formed.update(self.done[value].parts())
        lowered = [self.finished(self.term(root)) for root in roots]
        self.roots = moved(self.graph, lowered, self.sizes.cost)

    def used_once(self) -> set[Value]:
        """Definite values of which one system is solved, for one vector, and nothing else is asked.

        Inverting the Cholesky factor takes as much arithmetic as eliminating at once, and more calls.
        """
        users = users_in(values_below([part for root in self.roots for part in root.parts()]))
        found = set()
        for factor, value in self.factored.items():
            match users.get(factor, ()):
                case [Value(kind="triangle_inverse") as inverse] if len(users[inverse]) == 1:
                    (solve,) = users[inverse]
                    if solve.kind == "spd_solve" and solve.args[1].shape[1] is ONE:
                        found.add(value)
        return found

    def is_definite(self, value: Value) -> bool:
        return value in self.grams or is_positive_definite(value)

    def term(self, term: Term) -> Term:
        """A term over lowered values."""
        made = Term(term.coefficient)
        for value, exponent in term.powers:
            raised = self.graph.raised(self.done[value], exponent)
            made = made.times(raised.coefficient, raised.powers)
        if term.value is None:
            return made
        body = self.done[term.value]
        body = body.T if term.flipped else body
        return body.times(made.coefficient, made.powers)

    def finished(self, root: Term) -> Term:
        """An output: its scalars multiply the smaller part of an outer product."""
        is_scaled = root.value is not None and root.value.kind == "outer" and not root.is_plain
        return self.graph.outer(*self.ends(root)) if is_scaled else root

    def lowered(self, value: Value) -> Term:
        kind = value.kind
        if kind == "chain":
            return self.chain(value)
        if kind == "cycle":
            return self.cycle(value)
        if kind == "outer":
            left, right = (self.term(arg) for arg in value.args)
            return self.outer(left, right)
        if kind == "sum":
            return self.sum(value)
        if kind == "held":
            return self.term(value.args[0])
        if kind == "inv":
            return self.inverse(value) if value in self.cutter.explicit else Term(UNIT, (), value)
        if kind == "logdet" and self.is_definite(value.args[0].body):
            factor = self.cholesky(value.args[0])
            return self.made("spd_logdet", (factor,), SCALAR)
        if kind == "Diag":
            return self.made("Diag", tuple(self.graph.plain(self.term(arg)) for arg in value.args), value.shape)
        if kind == "entries":
            return self.entries(value)
        if value in self.roots_of_exp:
            root = self.done[self.roots_of_exp[value]]
            if value.is_scalar:
                return self.graph.raised(root, Fraction(2))
            return self.made("entries", (self.graph.plain(root),), value.shape, (("full", Fraction(2)),))
        if kind == "trace" and self.is_solved(value.args[0]):
            # tr (L Lᵀ)⁻¹ = ‖L⁻¹‖²
            factor = self.cholesky(value.args[0].body.args[0])
            inverse = self.made("triangle_inverse", (factor,), factor.shape)
            return self.made("sq_norm", (inverse,), SCALAR)
        if kind == "diagonal":
            return self.diagonal(self.term(value.args[0]))
        args = tuple(self.graph.plain(self.term(arg)) for arg in value.args)
        if all(new.key() == old.key() for new, old in zip(args, value.args, strict=True)):
            return self.graph.scalar(value) if value.is_scalar else Term(UNIT, (), value)
        made = self.made(kind, args, value.shape, value.data)
        if made.value is not None:
            made.value.is_symmetric = value.is_symmetric
        return made

    def made(self, kind: str, args: tuple[Term, ...], shape: Shape, data: tuple[object, ...] = ()) -> Term:
        value = self.graph.value(kind, args, data, shape)
        return self.graph.scalar(value) if value.is_scalar else Term(UNIT, (), value)

    def entries(self, value: Value) -> Term:
        """A product entry by entry."""
        return self.multiplied(value, [self.graph.plain(self.term(arg)) for arg in value.args])

    def multiplied(self, value: Value, factors: Sequence[Term]) -> Term:
        """The product entry by entry of lowered factors; a part of it that is there already is used as a whole."""
        items: dict[tuple[object, str], list[Fraction]] = {}
        bases: dict[tuple[object, str], Term] = {}
        # Aᵀ ⊙ Bᵀ is A ⊙ B turned, which may be there already.
        is_turned = all(
            f.flipped and not f.body.is_vector and tag == "full"
            for f, (tag, _) in zip(factors, value.data, strict=True)
        )
        shape = value.shape[::-1] if is_turned else value.shape
        for factor, (tag, exponent) in zip(factors, value.data, strict=True):
            base = factor.T if is_turned else factor
            bases[base.key(), tag] = base
            items.setdefault((base.key(), tag), []).append(exponent)
        # A product that is part of this one begins with one of its factors.
        near = [other for first in list(items) for other in self.entrywise.get(first, ())]
        for other in sorted(near, key=lambda known: known.number, reverse=True):
            if other.shape != shape or len(other.args) < 2:
                continue
            rest = without(items, other)
            if rest is not None:
                made = Term(UNIT, (), other)
                items = rest
                bases[made.key(), "full"] = made
                items.setdefault((made.key(), "full"), []).append(UNIT)
        kept = [(bases[key], key[1], exponent) for key, given in items.items() for exponent in given]
        if len(kept) == 1 and kept[0][1:] == FULL:
            return kept[0][0].T if is_turned else kept[0][0]
        made_value = self.graph.value("entries", tuple(t for t, _, _ in kept), tuple(k[1:] for k in kept), shape)
        made_value.is_symmetric = value.is_symmetric
        first = (made_value.args[0].key(), made_value.data[0][0])
        self.entrywise.setdefault(first, []).append(made_value)
        return Term(UNIT, (), made_value, is_turned)

    # Products

    def chain(self, value: Value) -> Term:
        factors = list(value.args)
        if len(factors) > MAX_EXACT:
            return self.long_chain(factors)
        return self.interval(factors, 0, len(factors) - 1)

    def long_chain(self, factors: list[Term]) -> Term:
        rows, columns = factors[0].shape[0], factors[-1].shape[1]
        terms = [self.factor(f) for f in factors]
        if self.sizes.product(1, columns, ONE, ONE) <= self.sizes.product(1, rows, ONE, ONE):
            return reduce(lambda made, term: self.product(term, made), reversed(terms))
        return reduce(self.product, terms)

    def factor(self, term: Term) -> Term:
        """A factor of a chain, lowered; Diag and inverse factors stay as they are."""
        if term.body.kind in ("Diag", "ones", "eye") or (
            term.body.kind == "inv" and term.body not in self.cutter.explicit
        ):
            return term
        return self.term(term)

    def interval(self, factors: list[Term], i: int, j: int) -> Term:
        """The product of factors i..j, computed once for all chains that contain it."""
        if i == j:
            return self.factor(factors[i])
        wanted = tuple(f.key() for f in factors[i : j + 1])
        key = interval_key(factors[i : j + 1])
        if key not in self.products:
            others, start, cut, end = self.cutter.plan[key]
            product = self.product(self.interval(others, start, cut), self.interval(others, cut + 1, end))
            self.products[key] = tuple(f.key() for f in others[start : end + 1]), product
        straight, product = self.products[key]
        return product if straight == wanted else product.T

    def cycle(self, value: Value) -> Term:
        factors, start, cut, end = self.cutter.plan["cycle", value.number]
        left, right = self.interval(factors, start, cut), self.interval(factors, cut + 1, end)
        for one, other in ((left, right), (right, left)):
            if self.is_solved(one):
                return self.trace(self.product(one, other))
        for one, other in ((left, right), (right, left)):
            if one.body.kind == "Diag":
                vector = self.entries_of(one)
                diagonal = self.diagonal(other)
                scalars = [Term(t.coefficient, t.powers) for t in (one, vector, diagonal)]
                return self.graph.multiply([*scalars, self.dot(vector.bare, diagonal.bare)])
        return self.contraction(left.T, right)

    def trace(self, term: Term) -> Term:
        made = self.made("trace", (Term(UNIT, (), term.body),), SCALAR)
        return made.times(term.coefficient, term.powers)

    def diagonal(self, term: Term) -> Term:
        """The diagonal; that of a product without the product."""
        value, front = term.body, Term(term.coefficient, term.powers)
        if value.kind == "product" and not value.is_vector:
            left, right = value.args
            return self.graph.multiply([front, self.row_dots(left, right.T)])
        return self.graph.multiply([front, self.made("diagonal", (Term(UNIT, (), value),), (value.shape[0], ONE))])

    def row_dots(self, left: Term, right: Term) -> Term:
        """(A ⊙ B) 𝟏."""
        first, second = sorted((left, right), key=lambda t: (t.body.number, t.flipped))
        return self.made("row_dots", (first, second), (left.shape[0], ONE))

    def row_sums(self, term: Term) -> Term:
        """A 𝟏; of squares and of products of two matrices in one pass."""
        value = term.body
        entries = zip(value.args, value.data, strict=False) if value.kind == "entries" else ()
        factors = [(arg, power) for arg, (tag, power) in entries if tag == "full"]
        is_whole = len(factors) == len(value.args) and sum(p for _, p in factors) == 2
        if value.kind == "entries" and is_whole and value not in self.formed:
            if all(power in (1, 2) for _, power in factors):
                sides = [arg.T if term.flipped else arg for arg, power in factors for _ in range(int(power))]
                return self.row_dots(*sides)
        return self.made("row_sums", (term,), (term.shape[0], ONE))

    def is_solved(self, term: Term) -> bool:
        return term.value is not None and term.value.kind == "inv" and term.value not in self.cutter.explicit

    def contraction(self, left: Term, right: Term) -> Term:
        """Σ A ⊙ B."""
        front = Term(left.coefficient * right.coefficient, merged(left.powers, right.powers))
        left, right = left.bare, right.bare
        if left.key() == right.key():
            return self.graph.multiply([front, self.made("sq_norm", (Term(UNIT, (), left.value),), SCALAR)])
        if left.flipped and right.flipped:
            left, right = left.T, right.T
        left, right = sorted((left, right), key=lambda t: (t.flipped, t.body.number))
        return self.graph.multiply([front, self.made("contraction", (left, right), SCALAR)])

    def product(self, left: Term, right: Term) -> Term:
        """The product of two lowered terms."""
        graph = self.graph
        front = Term(left.coefficient * right.coefficient, merged(left.powers, right.powers))
        left, right = left.bare, right.bare
        if left.body.kind == "Diag" and self.is_solved(right):
            right = self.explicit(right)
        elif right.body.kind == "Diag" and self.is_solved(left):
            left = self.explicit(left)
        shape = (left.shape[0], right.shape[1])
        kinds = (left.body.kind, right.body.kind)
        if shape[0] is ONE and shape[1] is not ONE:
            return graph.multiply([front, self.product(right.T, left.T).T])
        if kinds == ("Diag", "Diag"):
            vectors = [self.entries_of(t) for t in (left, right)]
            made = graph.diag_matrix(graph.plain(graph.entries(vectors, vectors[0].shape)))
        elif kinds[0] == "Diag":
            made = self.scaled_rows(self.entries_of(left), right)
        elif kinds[1] == "Diag":
            made = self.scaled_rows(self.entries_of(right), left.T).T
        elif self.is_solved(left) or self.is_solved(right):
            made = self.solved(left, right)
        elif kinds[1] == "basis":
            made = self.column(left, right.body)
        elif kinds[0] == "basis":
            made = self.column(right.T, left.body)
        elif kinds[1] == "ones":
            made = self.row_sums(left) if shape != SCALAR else self.total(left.T)
        elif kinds[0] == "ones":
            made = self.row_sums(right.T).T if shape != SCALAR else self.total(right)
        elif shape == SCALAR:
            made = self.dot(left.T, right)
        else:
            made = self.matrix_product(left, right)
        return graph.multiply([front, made])

    def column(self, term: Term, basis: Value) -> Term:
        """A eⱼ: column j of A; of a row that is one itself, an entry."""
        first, rows, whole = Dim.of(0), term.shape[0], term.body
        if rows is ONE and whole.kind == "submatrix" and whole.data[0] == 0 and whole.data[3] is ONE:
            (term,), first, column = whole.args, basis.data[0] - 1, whole.data[2]
        else:
            column = basis.data[0] - 1
        return self.made("submatrix", (term,), (rows, ONE), (first, rows, column, ONE))

    def total(self, term: Term) -> Term:
        return self.made("total", (Term(UNIT, (), term.value),), SCALAR)

    def dot(self, left: Term, right: Term) -> Term:
        if left.body is right.body:
            return self.made("sq_norm", (left,), SCALAR)
        first, second = sorted((left, right), key=lambda t: t.body.number)
        return self.made("dot", (first, second), SCALAR)

    def matrix_product(self, left: Term, right: Term) -> Term:
        root = self.symmetric_root(left.T, right)
        if root is not None:
            return self.matrix_product(root.T, root)
        straight, turned = (left.key(), right.key()), (right.T.key(), left.T.key())
        if ("product", turned) not in self.graph.table or straight == turned:
            self.formed |= {left.body, right.body}
        return self.graph.turnable("product", (left, right), (), (left.shape[0], right.shape[1]), straight, turned)

    def symmetric_root(self, left: Term, right: Term) -> Term | None:
        """D^½ A, where the product is Aᵀ D A with D ≥ 0: BLAS then computes one half of it."""
        for one, other in ((left, right), (right, left)):
            scaled = one.body
            if scaled.kind != "entries" or len(scaled.args) != 2 or scaled.data != (FULL, ("column", Fraction(1))):
                continue
            matrix, vector = scaled.args
            if one.flipped or matrix.key() != other.key() or not is_nonnegative(vector.body):
                continue
            root = self.graph.entries([vector], vector.shape, [Fraction(1, 2)])
            return self.made("entries", (matrix, self.graph.plain(root)), scaled.shape, (FULL, ("column", Fraction(1))))
        return None

    def entries_of(self, diagonal: Term) -> Term:
        """v of Diag(v), lowered; it is already where a product of diagonals was."""
        vector = diagonal.body.args[0]
        return self.term(vector) if vector.value in self.done else vector

    def scaled_rows(self, vector: Term, matrix: Term) -> Term:
        """D(v) A of a lowered v."""
        front = Term(vector.coefficient, vector.powers)
        scaled = vector.bare
        if matrix.shape[1] is ONE:
            # Like factors meet in the graph; the product itself is then the one that a gradient may have, too.
            made = self.graph.entries([scaled, matrix], matrix.shape)
            if made.value is not None and made.value.kind == "entries":
                whole = self.multiplied(made.value, made.value.args)
                made = (whole.T if made.flipped else whole).times(made.coefficient, made.powers)
        else:
            data = (FULL, ("column", Fraction(1)))
            made = self.made("entries", (matrix, scaled), matrix.shape, data)
        return self.graph.multiply([front, made])

    # Inverses

    def cholesky(self, argument: Term) -> Term:
        """The factor of a positive definite value; of its inverse where it is one."""
        plain = self.graph.plain(self.term(argument.bare))
        factor = self.made("cholesky", (Term(UNIT, (), plain.value),), plain.shape)
        self.factored[factor.body] = argument.body
        return factor

    def triangle(self, argument: Term) -> Term:
        """What solves use: the Cholesky factor, or its inverse where no triangular solve is at hand."""
        factor = self.cholesky(argument)
        if self.has_triangular_solve:
            return factor
        return self.made("triangle_inverse", (factor,), factor.shape)

    def inverse(self, value: Value) -> Term:
        argument = value.args[0]
        if self.is_definite(argument.body):
            factors: tuple[Term, ...] = (self.cholesky(argument),)
            if not self.has_triangular_solve:
                plain = self.graph.plain(self.term(argument))
                factors = (*factors, Term(UNIT, (), plain.value))
            made = self.made("spd_inverse", factors, value.shape)
            made.body.is_symmetric = True
            return made
        plain = self.graph.plain(self.term(argument))
        made = self.made("inverse", (Term(UNIT, (), plain.value),), value.shape)
        made.body.is_symmetric = value.is_symmetric
        return made.T if plain.flipped else made

    def explicit(self, term: Term) -> Term:
        """An inverse as an array."""
        made = self.inverse(term.body)
        return made.T if term.flipped else made

    def solved(self, left: Term, right: Term) -> Term:
        """A⁻¹ B or B A⁻¹."""
        if not self.is_solved(left):
            return self.solved(right.T, left.T).T
        if self.is_solved(right):
            right = self.explicit(right)
        if right.shape[0] is not ONE and right.shape[1] is ONE:
            right = self.graph.plain(right)
        argument = left.body.args[0]
        if argument.body in self.grams and not self.has_triangular_solve and right.shape[1] is not ONE:
            return self.product(self.explicit(left), right)
        if self.is_definite(argument.body) and argument.body not in self.solved_once:
            return self.made("spd_solve", (self.triangle(argument), right), right.shape)
        matrix = self.graph.plain(self.term(argument))
        return self.made("solve", (matrix.T if left.flipped else matrix, right), right.shape)

    # Sums

    def outer(self, left: Term, right: Term) -> Term:
        front = Term(left.coefficient * right.coefficient, merged(left.powers, right.powers))
        if is_zero(left) or is_zero(right):
            return self.graph.zeros((left.shape[0], right.shape[0]))
        return self.graph.multiply([front, self.graph.outer(left.bare, right.bare)])

    def ends(self, term: Term) -> tuple[Term, Term]:
        """u and v of c u vᵀ, the scalars multiplied into the shorter one."""
        u, v = term.body.args[::-1] if term.flipped else term.body.args
        if term.is_plain:
            return u, v
        costs = [self.sizes.product(1, t.shape[0], ONE, ONE) for t in (u, v)]
        if costs[1] < costs[0] or u.body.kind == "ones":
            return u, self.graph.plain(v.times(term.coefficient, term.powers))
        return self.graph.plain(u.times(term.coefficient, term.powers)), v

    def sum(self, value: Value) -> Term:
        """A sum: its rank-one terms become one product of stacked columns and rows."""
        graph = self.graph
        terms = [self.term(arg) for arg in value.args]
        shape = value.shape
        if value.is_scalar:
            return self.resummed(terms, shape)
        terms = list(self.opened(terms))
        outers = [t for t in terms if t.value is not None and t.value.kind == "outer" and not is_broadcast(t.value)]
        if len(outers) > 1 and shape[1] is not ONE:
            rest = [t for t in terms if t not in outers]
            stacked = self.stacked(outers, shape)
            if not rest:
                return stacked
            terms = [*rest, stacked]
        if len(terms) == 2 and shape[1] is not ONE:
            terms = self.with_common_factor(*terms)
        return self.resummed(terms, shape) if len(terms) > 1 else graph.total(terms, shape)

    def with_common_factor(self, left: Term, right: Term) -> list[Term]:
        """P ⊙ A + diag(v) P as P ⊙ (A + v 𝟏ᵀ), one product entry by entry less."""
        for one, other in ((left, right), (right, left)):
            first, second = ([*simple_factors(t.value)] for t in (one, other))
            full = [t for t, tag in second if tag == "full"]
            if {tag for _, tag in first} != {"full"} or len(full) != 1 or one.flipped != other.flipped:
                continue
            rest = [t for t, _ in first if t.key() != full[0].key()]
            if len(rest) != 1:
                continue
            v, tag = next(pair for pair in second if pair[1] != "full")
            if v.value is not None and v.body.kind == "row_sums" and v.body.args[0].value is one.value:
                # Row sums of P ⊙ A need no array for it.
                is_turned = v.body.args[0].flipped
                dots = self.row_dots(*(t.T if is_turned else t for t, _ in first))
                v = dots.times(v.coefficient, v.powers)
            shape = one.body.shape
            ends = (v, self.graph.ones(shape[1], ONE)) if tag == "column" else (self.graph.ones(shape[0], ONE), v)
            added = self.outer(*ends).times(other.coefficient, other.powers)
            inner = self.resummed([rest[0].times(one.coefficient, one.powers), added], shape)
            made = self.made("entries", (full[0], self.graph.plain(inner)), shape, (FULL, FULL))
            return [made.T if one.flipped else made]
        return [left, right]

    def opened(self, terms: Iterable[Term]) -> Iterable[Term]:
        """Mere multiples are taken apart, so that their numbers join those of the sum."""
        for term in terms:
            yield from self.graph.summands(term) if term.value is not None else (term,)

    def resummed(self, terms: list[Term], shape: Shape) -> Term:
        """The sum; a part of it that is there already is used as a whole."""
        made = self.graph.total(terms, shape)
        value = made.value
        if value is None or value.is_scalar or value.kind != "sum":
            return made
        items = {term.times(1 / term.coefficient).key(): term for term in value.args}
        for other in [other for key in items for other in self.sums.get(key, ())]:
            found = [items.get(term.times(1 / term.coefficient).key()) for term in other.args]
            ratios = {mine and mine.coefficient / its.coefficient for mine, its in zip(found, other.args, strict=True)}
            ratio = ratios.pop()
            if other.shape == value.shape and len(other.args) < len(value.args) and not ratios and ratio:
                rest = [term for term in value.args if term not in found]
                whole = self.resummed([Term(ratio, (), other), *rest], value.shape)
                return (whole.T if made.flipped else whole).times(made.coefficient, made.powers)
        rare = max(value.args, key=lambda term: term.body.number)  # 𝟏 stands in many sums
        self.sums.setdefault(rare.times(1 / rare.coefficient).key(), []).append(value)
        return made

    def stacked(self, outers: list[Term], shape: Shape) -> Term:
        """Σ u vᵀ; terms that share u or v are merged first."""
        pairs = self.graph.merged_ends([self.ends(t) for t in outers])
        ends = [self.graph.plain(part) for pair in pairs for part in pair]
        if len(ends) == 2:
            return self.graph.outer(*ends)
        keys = [(u.key(), v.key()) for u, v in zip(ends[::2], ends[1::2], strict=True)]
        turned = frozenset((v, u) for u, v in keys)
        return self.graph.turnable("stack", ends, (), shape, frozenset(keys), turned)


def simple_factors(value: Value | None) -> Iterable[tuple[Term, str]]:
    """The two factors of a product entry by entry, and along what they broadcast."""
    if value is not None and value.kind == "entries" and len(value.args) == 2:
        if all(exponent == 1 for _, exponent in value.data):
            yield from ((term, tag) for term, (tag, _) in zip(value.args, value.data, strict=True))


def without(
    items: dict[tuple[object, str], list[Fraction]], part: Value
) -> dict[tuple[object, str], list[Fraction]] | None:
    """The exponents that are left of a product entry by entry beside a part of it; None if it is no part."""
    rest = {key: list(given) for key, given in items.items()}
    for term, (tag, exponent) in zip(part.args, part.data, strict=True):
        given = rest.get((term.key(), tag), [])
        if exponent in given:
            given.remove(exponent)
            continue
        # f³ = f² f, but f is no f^½ f^½ where f is negative.
        wider = (e for e in given if 0 < exponent / e < 1 and (exponent.denominator == 1 or is_nonnegative(term.body)))
        whole = next(wider, None)
        if whole is None:
            return None
        given[given.index(whole)] = whole - exponent
    return {key: given for key, given in rest.items() if given}
