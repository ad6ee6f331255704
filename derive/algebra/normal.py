"""The normal form of a formula: a table from operations to sums of products.

`Normalizer().full(e)` multiplies everything out: transposes stand at atoms, scalars in
front, traces are canonical up to rotation and transposition, inverses cancel, declared
properties are used.  Two formulas with the same normal form are equal wherever both are
defined.  `Normalizer().kept(e)` leaves the sums in which products were written whole, as
atoms of their own; `shown` remembers how each atom was written, for display.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction

from ..errors import DeriveError, LimitError
from ..expr import (
    Expr,
    as_expr,
    commutation_op,
    dimension_op,
    identity,
    identity_op,
    is_number,
    nodes,
    number,
    number_op,
    ones,
    ones_op,
    symbol_count,
    symbol_op,
    zero_like,
    zeros_op,
)
from ..operations import (
    add,
    block_inner,
    block_op,
    block_sum,
    det,
    diagonal,
    diagonal_matrix,
    dominant,
    exp,
    expm,
    hadamard,
    inv,
    kron,
    log,
    logdet,
    matmul,
    mul,
    norm1,
    polar,
    power,
    scale,
    sigmoid,
    softmax,
    submatrix,
    sum_entries,
    tanh,
    transpose,
    tril,
    triu,
    unvec,
    vec,
)
from ..shapes import ONE, SCALAR, Shape
from .polynomial import Chain, Mono, Poly, Scalars, collect, content, key, mono_key
from .products import (
    Bases,
    chain_product,
    entries_expr,
    entry_bases,
    entry_sum,
    simplify_bases,
    trace_poly,
    transpose_poly,
    with_scalars,
)

MAX_TERMS = 1500  # of a sum while it is multiplied out
F1 = Fraction(1)
ODD = frozenset("sin tan arcsin arctan sinh tanh erf sign".split())
EVEN = frozenset("cos cosh abs".split())


class TooLargeError(LimitError):
    """A formula has too many terms when multiplied out."""


class Normalizer:
    """Normal forms of one problem's formulas, with what is known of their atoms.

    Attributes
    ----------
    shown : dict
        How an atom was written, by atom.
    sums : dict
        The terms of a sum that stands as an atom, by atom.
    open : set of Expr
        Sums that `kept` multiplies out all the same.
    authored : set of Expr or None
        The nodes of the formula as given, whose sums `kept` leaves whole; None for all sums.
    """

    def __init__(self) -> None:
        self.shown: dict[Expr, Expr] = {}
        self.sums: dict[Expr, Poly] = {}
        self.nonnegative: set[Expr] = set()
        self.open: set[Expr] = set()
        self.authored: set[Expr] | None = None
        self._full: dict[Expr, Poly] = {}
        self._kept: dict[Expr, Poly] = {}
        self._symmetric: dict[Expr, bool] = {}
        self._signs: dict[Expr, int] = {}
        self._keeping = False

    # Entry points

    def full(self, expr: Expr) -> Poly:
        """The formula multiplied out; TooLargeError past MAX_TERMS."""
        found = self._full.get(expr)
        if found is not None:
            return found
        before, self._keeping = self._keeping, False
        try:
            return self._run(expr, self._full)
        finally:
            self._keeping = before

    def kept(self, expr: Expr) -> Poly:
        """The formula with the sums inside products left whole, but those in `open`."""
        before, self._keeping = self._keeping, True
        try:
            return self._run(expr, self._kept)
        finally:
            self._keeping = before

    def reopened(self, opened: Iterable[Expr]) -> None:
        """Choose which sums `kept` multiplies out."""
        self.open = set(opened)
        self._kept.clear()

    def _run(self, expr: Expr, memo: dict[Expr, Poly]) -> Poly:
        for node in nodes(expr):
            if node not in memo:
                poly = TABLE[node.op.name](self, node, [memo[a] for a in node.args])
                memo[node] = poly
                self._remember(node, poly)
        return memo[expr]

    def _remember(self, node: Expr, poly: Poly) -> None:
        """Note how an atom was written, where the node is just that atom."""
        if not node.args or len(poly.terms) != 1:
            return
        ((scalars, chain), c) = next(iter(poly.terms.items()))
        if c != 1:
            return
        if not scalars and len(chain) == 1:
            atom, written = chain[0], node
            if atom.op is transpose:
                atom, written = atom.args[0], transpose(node)
        elif poly.is_scalar and len(scalars) == 1 and scalars[0][1] == 1:
            atom, written = scalars[0][0], node
        else:
            return
        self._show(atom, written)

    def _show(self, atom: Expr, written: Expr) -> None:
        if atom is written or not atom.args or written.op is transpose:  # a symmetric one is not shown transposed
            return
        known = self.shown.get(atom)
        if known is None:
            if symbol_count(written) <= symbol_count(atom):
                self.shown[atom] = written
        elif symbol_count(written) < symbol_count(known):
            self.shown[atom] = written

    # Canonical expressions

    def canonical(self, poly: Poly) -> Expr:
        """The one expression of a sum, whatever the order its terms came in."""
        if not poly.terms:
            return zero_like(ones(*poly.shape))
        items = list(poly.terms.items())
        if len(items) > 1:
            items.sort(key=lambda item: mono_key(item[0]))
            return add.make(tuple(mono_expr(c, m, poly.shape) for m, c in items))
        return mono_expr(items[0][1], items[0][0], poly.shape)

    def atom_of_sum(self, poly: Poly, written: Expr | None, signed: bool = True) -> tuple[Fraction, Expr, bool]:
        """A sum as an atom: its content, the atom, and whether that is transposed.

        Multiples of a sum share one atom; `signed=False` keeps the sign inside.
        """
        flipped = False
        if poly.shape[0] is ONE and poly.shape[1] is not ONE:
            poly, flipped = transpose_poly(poly, self), True
        c = content(poly.terms.values())
        if signed:
            first = min(poly.terms, key=mono_key)
            if poly.terms[first] < 0:
                c = -c
        base = poly.scaled(1 / c)
        atom = self.canonical(base)
        if not flipped and poly.shape[1] is not ONE:
            turned = transpose_poly(base, self)
            c2 = F1
            if signed and turned.terms[min(turned.terms, key=mono_key)] < 0:
                c2 = -F1
            other = self.canonical(turned.scaled(c2))
            if key(other) < key(atom):
                atom, base, flipped, c = other, turned.scaled(c2), True, c * c2
        if signed:
            # The sign of a sum is that of its author: x − y is not shown as −(y − x).
            kept_sign = self._signs.get(atom)
            if kept_sign is None:
                kept_sign = self._signs[atom] = -1 if c < 0 and written is not None else 1
            if kept_sign < 0:
                base, c = base.scaled(-F1), -c
                atom = self.canonical(base)
        self.sums.setdefault(atom, base)
        if written is not None:
            shown = transpose(written) if flipped else written
            known = self.shown.get(atom)
            if known is None or symbol_count(written) < symbol_count(known):
                self.shown[atom] = scale(1 / c, shown)
        return c, atom, flipped

    def whole(self, poly: Poly, written: Expr) -> Poly:
        """A factor of a product: when keeping, a sum becomes one atom."""
        if not self._keeping or len(poly.terms) < 2 or not self._is_authored(written):
            return poly
        try:
            expanded = self.full(written)
        except TooLargeError:
            return poly
        if len(expanded.terms) < 2:
            return expanded
        c, atom, flipped = self.atom_of_sum(expanded, written)
        if atom in self.open:
            return poly
        if poly.is_scalar:
            return Poly(SCALAR, {(((atom, F1),), ()): c})
        return Poly(poly.shape, {((), (transpose.make((atom,)) if flipped else atom,)): c})

    def _is_authored(self, node: Expr) -> bool:
        """Whether a sum is one that a person wrote, or 𝟏 − tanh(z).^2; not a sum of contributions."""
        if self.authored is None or node in self.authored:
            return True
        if node.op is transpose:
            node = node.args[0]
        return node in self.authored or any(t.op in (ones_op, number_op, identity_op) for t in node.args)

    def is_symmetric(self, atom: Expr) -> bool:
        """Whether an atom equals its transpose, as far as declared properties tell."""
        if atom.op is symbol_op:
            return "symmetric" in atom.data[1]
        if atom.shape[0] is not atom.shape[1]:
            return False
        if atom.op in (diagonal_matrix, identity_op):
            return True
        if atom.op is transpose:
            return self.is_symmetric(atom.args[0])
        found = self._symmetric.get(atom)
        if found is None:
            self._symmetric[atom] = False  # while we look
            if atom.op in (inv, expm, polar, dominant) or atom.op.is_elementwise or atom.op is power:
                found = self.is_symmetric(atom.args[0])
            elif atom.op in (kron, hadamard):
                found = all(self.is_symmetric(a) for a in atom.args)
            elif atom.op in (add, matmul, scale):
                poly = self.full(atom)
                found = transpose_poly(poly, self) == poly
            else:
                found = False
            self._symmetric[atom] = found
        return found

    def chain_of(self, expr: Expr) -> Chain:
        """The factors of a canonical product; itself if it is one factor."""
        return expr.args if expr.op is matmul else (expr,)

    # Products

    def scaled_by(self, poly: Poly, coefficient: Fraction, scalars: Scalars) -> Poly:
        if not scalars:
            return poly.scaled(coefficient)
        total: list[tuple[Mono, Fraction]] = []
        reopen = False
        for (own, chain), c in poly.terms.items():
            k, merged = with_scalars(own, scalars, ctx=self)
            reopen = reopen or any(b.op is add and e > 0 and e.denominator == 1 for b, e in merged)
            total.append(((merged, chain), c * k * coefficient))
        result = collect(poly.shape, total)
        return self._opened(self.recognized(result)) if reopen else self.recognized(result)

    def _opened(self, poly: Poly) -> Poly:
        """Multiply out scalar sums that came to stand with a positive power."""
        if self._keeping:
            return poly
        total: list[tuple[Mono, Fraction]] = []
        for (scalars, chain), c in poly.terms.items():
            sums = [(b, e) for b, e in scalars if b.op is add and e > 0 and e.denominator == 1]
            if not sums:
                total.append(((scalars, chain), c))
                continue
            rest = tuple(pair for pair in scalars if pair not in sums)
            product = Poly(poly.shape, {(rest, chain): c})
            for base, e in sums:
                for _ in range(int(e)):
                    product = self.times(self.full(base), product)
            total += product.terms.items()
        return collect(poly.shape, total)

    def times(self, left: Poly, right: Poly) -> Poly:
        """The product of two sums."""
        if left.is_scalar or right.is_scalar:
            scalar, other = (left, right) if left.is_scalar else (right, left)
            if len(other.terms) > 1 and other.is_scalar and len(scalar.terms) == 1:
                scalar, other = other, scalar
            return self._scalar_times(scalar, other)
        shape = (left.shape[0], right.shape[1])
        if len(left.terms) * len(right.terms) > MAX_TERMS:
            raise TooLargeError(f"more than {MAX_TERMS} terms when multiplied out")
        total: list[tuple[Mono, Fraction]] = []
        left, right, met = self._cancelled(left, right, shape)
        total += met
        for (s1, c1), a in left.terms.items():
            for (s2, c2), b in right.terms.items():
                total += chain_product(a * b, _merged(s1, s2, self), (*c1, *c2), shape, self).terms.items()
        return self._after(collect(shape, total))

    def _after(self, poly: Poly) -> Poly:
        if any(b.op is add and e > 0 and e.denominator == 1 for (s, _) in poly.terms for b, e in s):
            return self._opened(poly)
        return poly

    def _cancelled(self, left: Poly, right: Poly, shape: Shape) -> tuple[Poly, Poly, list[tuple[Mono, Fraction]]]:
        """P · P⁻¹ M = M for a sum P: taken before P is multiplied out."""
        met: list[tuple[Mono, Fraction]] = []
        for one, other, at in ((left, right, 0), (right, left, -1)):
            if len(one.terms) < 2 or one.shape[0] is not one.shape[1]:
                continue
            if not any(chain and _is_inverse(chain[at]) for _, chain in other.terms):
                continue
            c, atom, flipped = self.atom_of_sum(one, None)
            inverse = inv.make((atom,))
            wanted = transpose.make((inverse,)) if flipped and not self.is_symmetric(inverse) else inverse
            rest: dict[Mono, Fraction] = {}
            for (scalars, chain), k in other.terms.items():
                if chain and chain[at] is wanted:
                    met.append(((scalars, chain[1:] if at == 0 else chain[:-1]), k * c))
                else:
                    rest[(scalars, chain)] = k
            if met:
                reduced = Poly(other.shape, rest)
                return (left, reduced, met) if at == 0 else (reduced, right, met)
        return left, right, met

    def _scalar_times(self, scalar: Poly, other: Poly) -> Poly:
        if len(scalar.terms) * len(other.terms) > MAX_TERMS:
            raise TooLargeError(f"more than {MAX_TERMS} terms when multiplied out")
        total: list[tuple[Mono, Fraction]] = []
        rest = other
        if len(scalar.terms) > 1 and any(e < 0 and b.op is add for s, _ in other.terms for b, e in s):
            # A sum over itself cancels before it is multiplied out.
            c, atom, _ = self.atom_of_sum(scalar, None)
            remaining: dict[Mono, Fraction] = {}
            for (scalars, chain), k in other.terms.items():
                if any(b is atom and e < 0 for b, e in scalars):
                    more, merged = with_scalars(scalars, ((atom, F1),), ctx=self)
                    total.append(((merged, chain), k * c * more))
                else:
                    remaining[(scalars, chain)] = k
            rest = Poly(other.shape, remaining)
        for (s1, _), a in scalar.terms.items():
            for (s2, chain), b in rest.terms.items():
                k, merged = with_scalars(s1, s2, ctx=self) if s1 and s2 else (F1, s1 or s2)
                total.append(((merged, chain), a * b * k))
        return self._after(self.recognized(collect(other.shape, total)))

    def transposed(self, poly: Poly) -> Poly:
        return transpose_poly(poly, self)

    def plus(self, shape: Shape, polys: Sequence[Poly]) -> Poly:
        return collect(shape, [item for p in polys for item in p.terms.items()])

    def recognized(self, poly: Poly) -> Poly:
        """exp(v) / Σ exp(v) = softmax(v)."""
        for (scalars, _), _c in poly.terms.items():
            for base, e in scalars:
                if e < 0 and base.op is matmul and len(base.args) == 2 and _exponential_sum(base):
                    break
            else:
                continue
            break
        else:
            return poly
        total = []
        for (scalars, chain), c in poly.terms.items():
            total.append((self._softmaxed(scalars, chain), c))
        return collect(poly.shape, total)

    def hyperbolic(self, poly: Poly) -> Poly:
        """2 σ(z) − 1 = tanh(z/2), where both terms stand in a sum."""
        terms = dict(poly.terms)
        for (scalars, chain), c in poly.terms.items():
            if (scalars, chain) not in terms:
                continue
            for i, factor in enumerate(chain):
                atom = factor.args[0] if factor.op is transpose else factor
                if atom.op is not sigmoid:
                    continue
                one = ones(*atom.shape)
                less = self._at(poly.shape, scalars, chain, i, self.full(one), factor.op is transpose)
                single = less.single()
                if single is None or terms.get(single[1]) != -c * single[0] / 2:
                    continue
                half = self.function(tanh, self.full(atom.args[0]).scaled(Fraction(1, 2)))
                made = self._at(poly.shape, scalars, chain, i, half, factor.op is transpose).scaled(c / 2)
                place = {(scalars, chain): made.terms}
                del terms[single[1]]
                terms = {m: k for key_, value in terms.items() for m, k in place.get(key_, {key_: value}).items()}
                break
        return Poly(poly.shape, terms)

    def _at(self, shape: Shape, scalars: Scalars, chain: Chain, i: int, value: Poly, flipped: bool) -> Poly:
        """A chain with its i-th factor replaced."""
        if flipped:
            value = transpose_poly(value, self)
        if i:
            left = Poly((chain[0].shape[0], chain[i - 1].shape[1]), {((), chain[:i]): F1})
            value = self.times(left, value)
        if i + 1 < len(chain):
            value = self.times(value, Poly((chain[i + 1].shape[0], shape[1]), {((), chain[i + 1 :]): F1}))
        return self.scaled_by(value, F1, scalars)

    def _softmaxed(self, scalars: Scalars, chain: Chain) -> Mono:
        powers = dict(scalars)
        for base, e in scalars:
            if not (e <= -1 and e.denominator == 1 and base.op is matmul and len(base.args) == 2):
                continue
            inside = _exponential_sum(base)
            if inside is None:
                continue
            p = softmax.make((inside.args[0],))
            chain_list = list(chain)
            for i in range(len(chain_list)):
                while powers.get(base, 0) < 0:
                    replaced = _replace_factor(chain_list[i], inside, p)
                    if replaced is chain_list[i]:
                        break
                    chain_list[i] = replaced
                    powers[base] += 1
            chain = tuple(chain_list)
            for other in list(powers):
                while powers[base] < 0 and powers[other] > 0 and other.op in (matmul, sum_entries):
                    replaced = _replace_in_scalar(other, inside, p)
                    if replaced is other:
                        break
                    powers[other] -= 1
                    poly = self.full(replaced)
                    single = poly.single()
                    assert single is not None
                    for b, x in single[1][0]:
                        powers[b] = powers.get(b, Fraction(0)) + x
                    powers[base] += 1
        _, merged = with_scalars([(b, x) for b, x in powers.items() if x], ctx=self)
        return merged, chain

    # Entrywise products

    def entrywise(self, polys: Sequence[Poly]) -> Poly:
        """The Hadamard product of sums."""
        product = polys[0]
        if product.is_scalar:
            for other in polys[1:]:
                product = self.times(product, other)
            return product
        shape = product.shape
        if shape[0] is ONE:
            return transpose_poly(self.entrywise([transpose_poly(p, self) for p in polys]), self)
        for other in polys[1:]:
            product = self._entrywise(product, other, shape)
        return product

    def _entrywise(self, left: Poly, right: Poly, shape: Shape) -> Poly:
        if len(left.terms) * len(right.terms) > MAX_TERMS:
            raise TooLargeError(f"more than {MAX_TERMS} terms when multiplied out")
        total: list[tuple[Mono, Fraction]] = []
        for one, other in ((left, right), (right, left)):
            # A sum over itself cancels before it is multiplied out.
            if len(one.terms) > 1 and any(_has_reciprocal_sum(chain) for _, chain in other.terms):
                c, atom, flipped = self.atom_of_sum(one, None)
                base = Poly(shape, {((), (transpose.make((atom,)) if flipped else atom,)): F1})
                remaining: dict[Mono, Fraction] = {}
                for (scalars, chain), k in other.terms.items():
                    if _divides(atom, chain):
                        term = Poly(shape, {(scalars, chain): k * c})
                        total += self._monos(term, base, shape).terms.items()
                    else:
                        remaining[(scalars, chain)] = k
                if total:
                    rest = Poly(shape, remaining)
                    pair = (left, rest) if one is left else (rest, right)
                    total += self._monos(*pair, shape).terms.items()
                    return self._reopened_entries(collect(shape, total))
        return self._reopened_entries(self._monos(left, right, shape))

    def _monos(self, left: Poly, right: Poly, shape: Shape) -> Poly:
        total: list[tuple[Mono, Fraction]] = []
        for (s1, c1), a in left.terms.items():
            for (s2, c2), b in right.terms.items():
                parts = [self.decomposed(c, shape) for c in (c1, c2)]
                merged = tuple(_sum_bases(parts[0][i], parts[1][i]) for i in range(3))
                built = self.composed(merged, shape)
                total += self.scaled_by(built, a * b, _merged(s1, s2, self)).terms.items()
        return collect(shape, total)

    def _reopened_entries(self, poly: Poly) -> Poly:
        """Multiply out entrywise sums that came to stand with a positive power."""
        if self._keeping:
            return poly
        for _scalars, chain in poly.terms:
            for factor in chain:
                if any(b.op is add and e > 0 and e.denominator == 1 for b, e in _factor_bases(factor)):
                    break
            else:
                continue
            break
        else:
            return poly
        total: list[tuple[Mono, Fraction]] = []
        shape = poly.shape
        for (scalars, chain), c in poly.terms.items():
            left, core, right = self.decomposed(chain, shape)
            sums = []
            parts = []
            for axis, bases in enumerate((left, core, right)):
                for b, e in list(bases.items()):
                    if b.op is add and e > 0 and e.denominator == 1:
                        sums.append((axis, b, int(e)))
                        bases = {x: y for x, y in bases.items() if x is not b}
                parts.append(bases)
            if not sums:
                total.append(((scalars, chain), c))
                continue
            product = self.scaled_by(self.composed((parts[0], parts[1], parts[2]), shape), c, scalars)
            for axis, base, e in sums:
                factor = self.full(base)
                if shape[1] is not ONE and axis == 0:
                    factor = self.times(factor, self.full(ones(1, shape[1])))
                elif axis == 2:
                    factor = self.times(self.full(ones(shape[0])), transpose_poly(factor, self))
                for _ in range(e):
                    product = self._monos(product, factor, shape)
            total += product.terms.items()
        return collect(shape, total)

    def decomposed(self, chain: Chain, shape: Shape) -> tuple[Bases, Bases, Bases]:
        """A chain as  Diag(L) · core · Diag(R): entrywise factors by row, by entry, by column.

        A rank-one chain has no core; a vector has its factors in L.
        """
        left: Bases = {}
        right: Bases = {}
        core: Bases = {}
        if not chain:
            return left, {identity(shape[0]): F1}, right
        factors = list(chain)
        while len(factors) > 1 and factors[0].op is diagonal_matrix:
            _add_bases(left, factors.pop(0).args[0])
        if shape[1] is ONE:
            _add_bases(left, factors[0] if len(factors) == 1 else matmul.make(tuple(factors)))
            return left, core, right
        while len(factors) > 1 and factors[-1].op is diagonal_matrix:
            _add_bases(right, factors.pop().args[0])
        for i in range(1, len(factors)):
            if factors[i].shape[0] is ONE:
                # Rank one: u vᵀ.
                u = self.decomposed(tuple(factors[:i]), (shape[0], ONE))[0]
                row = Poly((ONE, shape[1]), {((), tuple(factors[i:])): F1})
                ((_, column), sign) = next(iter(transpose_poly(row, self).terms.items()))
                if sign != 1:
                    break  # xᵀ K with K skew has no column form without a sign
                v = self.decomposed(column, (shape[1], ONE))[0]
                return _sum_bases(left, u), core, _sum_bases(right, v)
        if len(factors) > 1:
            core[matmul.make(tuple(factors))] = F1
        elif factors[0].op is transpose and factors[0].args[0].op in (hadamard, power):
            for base, e in entry_bases(factors[0].args[0]):
                turned = self.canonical(transpose_poly(self._as_base(base), self))
                core[turned] = core.get(turned, Fraction(0)) + e
        else:
            _add_bases(core, factors[0])
        return left, core, right

    def _as_base(self, base: Expr) -> Poly:
        if base.op is add or base.op is transpose:
            return Poly(base.shape, {((), (base,)): F1})
        return self.full(base)

    def composed(self, parts: tuple[Bases, Bases, Bases], shape: Shape) -> Poly:
        """The inverse of `decomposed`."""
        left, core, right = parts
        c0, left = simplify_bases(left, (shape[0], ONE), self)
        if shape[1] is ONE:
            turned = self._reflected(left)
            if turned is not None:
                first, second = (self.composed((t, {}, {}), shape) for t in turned)
                return self.plus(shape, [first, second.scaled(-F1)])
            return self._vector(left, shape).scaled(c0)
        c1, core = simplify_bases(core, shape, self)
        c2, right = simplify_bases(right, (shape[1], ONE), self)
        for i, bases in enumerate((left, core, right)):
            turned = self._reflected(bases)
            if turned is not None:
                parts = [(left, core, right), (left, core, right)]
                one, other = ([*p[:i], t, *p[i + 1 :]] for p, t in zip(parts, turned))
                first, second = self.composed(tuple(one), shape), self.composed(tuple(other), shape)  # type: ignore[arg-type]
                return self.plus(shape, [first, second.scaled(-F1)])
        factors: list[Expr] = []
        coefficient = c0 * c1 * c2
        eye = identity(shape[0])
        if eye in core and shape[0] is shape[1]:
            # I ⊙ A = Diag(diag A)
            rest = {b: e for b, e in core.items() if b is not eye}
            column = (shape[0], ONE)
            values = self._vector(_sum_bases(left, right), column)
            if rest:
                inside = self.composed(({}, rest, {}), shape)
                values = self.entrywise([values, self.diagonal(inside)])
            return self.diagonal_matrix(values).scaled(coefficient)
        if left or not core:
            vector = self._vector(left, (shape[0], ONE))
            factors += self._diag_chain(vector) if core else _only_chain(vector)
        if core:
            items = sorted(((b, e) for b, e in core.items() if e), key=lambda item: key(item[0]))
            if len(items) == 1 and items[0][1] == 1:
                factors += self.chain_of(items[0][0])
            elif items:
                factors.append(self._oriented_entries(items))
            else:
                return self.composed((left, {}, right), shape).scaled(c1 * c2)
        if right or not core:
            vector = self._vector(right, (shape[1], ONE))
            factors += self._diag_chain(vector) if core else _only_chain(transpose_poly(vector, self))
        return chain_product(coefficient, (), factors, shape, self)

    def _reflected(self, bases: Bases) -> tuple[Bases, Bases] | None:
        """σ(−z) = 1 − σ(z), where multiplying exponentials left a σ(−z)."""
        if self._keeping:
            return None
        for base, e in bases.items():
            if base.op is sigmoid and e == 1:
                plain = self.function(sigmoid, self.full(base.args[0]))
                if len(plain.terms) > 1:
                    rest = {b: x for b, x in bases.items() if b is not base}
                    opposite = self.canonical(self.full(base.args[0]).scaled(-F1))
                    return rest, _sum_bases(rest, {sigmoid.make((opposite,)): F1})
        return None

    def _diag_chain(self, vector: Poly) -> Chain:
        if not vector.terms or next(iter(vector.terms))[1] == (ones(vector.shape[0]),):
            return ()
        return _only_chain(self.diagonal_matrix(vector))

    def _oriented_entries(self, items: list[tuple[Expr, Fraction]]) -> Expr:
        atom = entries_expr(items)
        turned_items = [(self.canonical(transpose_poly(self._as_base(b), self)), e) for b, e in items]
        turned_items.sort(key=lambda item: key(item[0]))
        turned = entries_expr(turned_items)
        if turned is not atom and key(turned) < key(atom):
            return transpose.make((turned,))
        return atom

    def _vector(self, bases: Bases, shape: Shape) -> Poly:
        items = sorted(((b, e) for b, e in bases.items() if e), key=lambda item: key(item[0]))
        composite = [b for b, e in items if e == 1 and b.op is matmul]
        if not items:
            chain: Chain = (ones(shape[0]),)
        elif len(items) == 1 and items[0][1] == 1:
            chain = self.chain_of(items[0][0])
        elif len(composite) == 1:
            # Diag(a) M y: the composite keeps its factors in reach.
            others = [(b, e) for b, e in items if b is not composite[0]]
            chain = (diagonal_matrix.make((entries_expr(others),)), *composite[0].args)
        else:
            chain = (entries_expr(items),)
        return Poly(shape, {((), chain): F1})

    # Linear rearrangements

    def linear(self, poly: Poly, shape: Shape, one: Callable[[Chain], Poly]) -> Poly:
        """A linear map, given on chains."""
        total: list[tuple[Mono, Fraction]] = []
        for (scalars, chain), c in poly.terms.items():
            total += self.scaled_by(one(chain), c, scalars).terms.items()
        return collect(shape, total)

    def diagonal_matrix(self, poly: Poly) -> Poly:
        n = poly.shape[0]

        def one(chain: Chain) -> Poly:
            if chain == (ones(n),):
                return Poly((n, n), {((), ()): F1})
            vector = chain[0] if len(chain) == 1 else matmul.make(chain)
            if len(chain) > 1 and chain[0].op is diagonal_matrix:
                left, _, _ = self.decomposed(chain, (n, ONE))
                items = sorted(left.items(), key=lambda item: key(item[0]))
                vector = entries_expr(items)
            return Poly((n, n), {((), (diagonal_matrix.make((vector,)),)): F1})

        return self.linear(poly, (n, n), one)

    def diagonal(self, poly: Poly) -> Poly:
        n = poly.shape[0]
        column = (n, ONE)

        def one(chain: Chain) -> Poly:
            if not chain:
                return Poly(column, {((), (ones(n),)): F1})
            if len(chain) == 1 and chain[0].op is diagonal_matrix:
                return self._vector(dict(entry_bases(chain[0].args[0])), column)
            left, core, right = self.decomposed(chain, (n, n))
            bases = _sum_bases(left, right)
            for base, e in core.items():
                turned = self.canonical(transpose_poly(self._as_base(base), self))
                inside = min(base, turned, key=key)
                atom = diagonal.make((inside,))
                bases[atom] = bases.get(atom, Fraction(0)) + e
            _, bases = simplify_bases(bases, column, self)
            return self._vector(bases, column)

        return self.linear(poly, column, one)

    def kron(self, left: Poly, right: Poly) -> Poly:
        shape = (left.shape[0] * right.shape[0], left.shape[1] * right.shape[1])
        if left.is_scalar or right.is_scalar:
            return self.times(left, right)
        total: list[tuple[Mono, Fraction]] = []
        for (s1, c1), a in left.terms.items():
            for (s2, c2), b in right.terms.items():
                scalars = _merged(s1, s2, self)
                if not c1 and not c2:
                    total.append(((scalars, ()), a * b))
                    continue
                one = mono_expr(F1, ((), c1), left.shape)
                two = mono_expr(F1, ((), c2), right.shape)
                if left.shape[1] is ONE and right.shape[0] is ONE:
                    # u ⊗ vᵀ = u vᵀ
                    total += chain_product(a * b, scalars, (*c1, *c2), shape, self).terms.items()
                elif left.shape[0] is ONE and right.shape[1] is ONE:
                    total += chain_product(a * b, scalars, (*c2, *c1), shape, self).terms.items()
                else:
                    total.append(((scalars, (kron.make((one, two)),)), a * b))
        return collect(shape, total)

    def vec(self, poly: Poly) -> Poly:
        rows, columns = poly.shape
        shape = (rows * columns, ONE)
        if columns is ONE:
            return poly
        if rows is ONE:
            return transpose_poly(poly, self)

        def one(chain: Chain) -> Poly:
            for i in range(1, len(chain)):
                if chain[i].shape[0] is ONE:
                    # vec(u vᵀ) = v ⊗ u
                    u = Poly((rows, ONE), {((), chain[:i]): F1})
                    v = transpose_poly(Poly((ONE, columns), {((), chain[i:]): F1}), self)
                    return self.kron(v, u)
            if len(chain) == 1 and chain[0].op is unvec:
                return self.full(chain[0].args[0])
            return Poly(shape, {((), (vec.make((mono_expr(F1, ((), chain), poly.shape),)),)): F1})

        return self.linear(poly, shape, one)

    def total(self, poly: Poly) -> Poly:
        """The sum of all entries."""
        if poly.is_scalar:
            return poly
        rows, columns = poly.shape

        def one(chain: Chain) -> Poly:
            if columns is not ONE:
                left, core, right = self.decomposed(chain, poly.shape) if chain else ({}, {}, {})
                if len(core) > 1 or any(e != 1 for e in core.values()):
                    if not left and not right:
                        items = sorted(core.items(), key=lambda item: key(item[0]))
                        if len(items) == 2 and all(e == 1 for _, e in items):
                            # Σ A ⊙ B = tr(Aᵀ B)
                            a, b = (self._as_base(base) for base, _ in items)
                            return trace_poly(self.times(transpose_poly(a, self), b), self)
                        if len(items) == 1 and items[0][1] == 2:
                            a = self._as_base(items[0][0])
                            return trace_poly(self.times(transpose_poly(a, self), a), self)
                        atom = entries_expr(items)
                        turned = self._oriented_entries(items)
                        atom = turned.args[0] if turned.op is transpose else atom
                        return Poly(SCALAR, {(((sum_entries.make((atom,)), F1),), ()): F1})
            elif len(chain) == 1:
                return entry_sum(dict(entry_bases(chain[0])), poly.shape, self)
            row = (transpose(ones(rows)),) if rows is not ONE else ()
            column = (ones(columns),) if columns is not ONE else ()
            return chain_product(F1, (), (*row, *chain, *column), SCALAR, self)

        return self.linear(poly, SCALAR, one)

    # Powers and inverses

    def scalar_power(self, poly: Poly, k: Fraction, written: Expr | None) -> Poly:
        single = poly.single()
        whole = k.denominator == 1
        if not poly.terms:
            if k > 0:
                return poly
            raise DeriveError("division by zero")
        if single is not None:
            c, (scalars, _) = single
            if whole or (c > 0 and all(e.denominator > 1 or self._is_nonnegative(b) for b, e in scalars)):
                k1, merged = with_scalars(
                    [(number(c), k)] if not whole else (), [(b, e * k) for b, e in scalars], ctx=self
                )
                result = Poly(SCALAR, {(merged, ()): k1 * (c ** int(k) if whole else F1)})
                return self._after(result)
            atom = mono_expr(F1 if c > 0 else -F1, single[1], SCALAR)
            extra = [(number(abs(c)), k)]
            k1, merged = with_scalars(extra, [(atom, k)], ctx=self)
            return Poly(SCALAR, {(merged, ()): k1})
        if whole and 0 < k <= 8 and not self._keeping:
            product = poly
            for _ in range(int(k) - 1):
                product = self.times(product, poly)
            return product
        if self._keeping and written is not None:
            poly = self.full(written)
            if len(poly.terms) < 2:
                return self.scalar_power(poly, k, written)
        logistic = self._logistic(poly) if k < 0 and whole else None
        if logistic is not None:
            result = logistic
            for _ in range(int(-k) - 1):
                result = self.times(result, logistic)
            return result
        c, atom, _ = self.atom_of_sum(poly, written, signed=whole)
        k1, merged = with_scalars([(number(c), k)], [(atom, k)], ctx=self)
        return Poly(SCALAR, {(merged, ()): k1})

    def _is_nonnegative(self, base: Expr) -> bool:
        if base in self.nonnegative or base.op in (exp, norm1) or base.op.name in ("abs", "sigmoid", "softplus"):
            return True
        if base.op is symbol_op:
            return "positive" in base.data[1]
        if base.op is number_op:
            return bool(base.data[0] >= 0)
        if base.op is dimension_op or base.op.name == "constant":
            return True
        if base.op is det:
            return base.args[0].op is symbol_op and "spd" in base.args[0].data[1]
        if base.op is matmul and base.is_scalar:
            return self.half(base.args) is not None
        if base.op.name == "trace" and base.args[0].op is matmul:
            factors = base.args[0].args
            return any(self.half(factors[i:] + factors[:i]) is not None for i in range(len(factors)))
        return False

    def half(self, chain: Chain) -> Chain | None:
        """M of a chain Mᵀ M."""
        half = len(chain) // 2
        if len(chain) % 2 or any(self._flip(chain[half - 1 - i]) is not chain[half + i] for i in range(half)):
            return None
        return chain[half:]

    def _logistic(self, poly: Poly) -> Poly | None:
        """1 / (eᵃ + eᵇ) = e⁻ᵃ σ(a − b), entrywise, for equal coefficients."""
        if len(poly.terms) != 2:
            return None
        arguments = []
        for (scalars, chain), c in poly.terms.items():
            if c != next(iter(poly.terms.values())) or c <= 0:
                return None
            if poly.is_scalar:
                bases = list(scalars)
            else:
                if scalars or poly.shape[1] is not ONE and not chain:
                    return None
                left, core, right = self.decomposed(chain, poly.shape)
                if (left and poly.shape[1] is not ONE) or right:
                    return None
                bases = [(b, e) for b, e in (left or core).items() if b.op is not ones_op]
            if not bases:
                arguments.append(Poly(poly.shape, {}))
            elif len(bases) == 1 and bases[0][0].op is exp and bases[0][1] == 1:
                arguments.append(self.full(bases[0][0].args[0]))
            else:
                return None
        a, b = arguments
        coefficient = 1 / next(iter(poly.terms.values()))
        difference = self.plus(poly.shape, [a, b.scaled(Fraction(-1))])
        value = self.function(sigmoid, difference)
        if a.terms:
            value = self.entrywise([self.function(exp, a.scaled(Fraction(-1))), value])
        return value.scaled(coefficient)

    def entry_power(self, poly: Poly, k: Fraction, written: Expr | None) -> Poly:
        shape = poly.shape
        if shape[0] is ONE and shape[1] is not ONE:
            turned = transpose(written) if written is not None else None
            return transpose_poly(self.entry_power(transpose_poly(poly, self), k, turned), self)
        single = poly.single()
        whole = k.denominator == 1
        if not poly.terms:
            if k > 0:
                return poly
            raise DeriveError("division by zero")
        if single is not None:
            c, (scalars, chain) = single
            if whole or (c > 0 and all(self._is_nonnegative(b) for b, _ in scalars)):
                left, core, right = self.decomposed(chain, shape)
                parts = []
                for bases in (left, core, right):
                    if not whole and not all(
                        e.denominator > 1 or e == 1 or self._is_nonnegative(b) for b, e in bases.items()
                    ):
                        break
                    parts.append({b: e * k for b, e in bases.items()})
                # A fractional power of a product needs each factor nonnegative.
                count = len(left) + len(core) + len(right)
                if len(parts) == 3 and (whole or count == 1):
                    k1, merged = with_scalars([(number(c), k)], [(b, e * k) for b, e in scalars], ctx=self)
                    built = self.composed((parts[0], parts[1], parts[2]), shape)
                    return self._reopened_entries(self.scaled_by(built, k1, merged))
            atom = self.canonical(poly)
            return self._entry_atom(atom, k, shape)
        if whole and 0 < k <= 4 and not self._keeping:
            product = poly
            for _ in range(int(k) - 1):
                product = self.entrywise([product, poly])
            return product
        if self._keeping and written is not None:
            poly = self.full(written)
            if len(poly.terms) < 2:
                return self.entry_power(poly, k, written)
        logistic = self._logistic(poly) if k < 0 and whole else None
        if logistic is not None:
            result = logistic
            for _ in range(int(-k) - 1):
                result = self.entrywise([result, logistic])
            return result
        c, atom, flipped = self.atom_of_sum(poly, written, signed=whole)
        k1, merged = with_scalars([(number(c), k)], ctx=self)
        result = self._entry_atom(atom, k, (shape[1], shape[0]) if flipped else shape)
        if flipped:
            result = transpose_poly(result, self)
        return self.scaled_by(result, k1, merged)

    def _entry_atom(self, atom: Expr, k: Fraction, shape: Shape) -> Poly:
        if shape[1] is ONE:
            return self.composed(({atom: k}, {}, {}), shape)
        return self.composed(({}, {atom: k}, {}), shape)

    def inverse(self, poly: Poly, written: Expr | None) -> Poly:
        if poly.is_scalar:
            return self.scalar_power(poly, Fraction(-1), written)
        if not poly.terms:
            raise DeriveError("the inverse of zero")
        if self._keeping and written is not None and len(poly.terms) > 1:
            poly = self.full(written)
        single = poly.single()
        if single is not None:
            c, (scalars, chain) = single
            inverted = tuple((b, -e) for b, e in scalars)
            if all(f.shape[0] is f.shape[1] for f in chain):
                factors: list[Expr] = []
                coefficient = 1 / c
                for f in reversed(chain):
                    k, more, inside = self._inverse_factor(f)
                    coefficient *= k
                    if more:
                        c2, inverted = with_scalars(inverted, more, ctx=self)
                        coefficient *= c2
                    factors += inside
                return chain_product(coefficient, inverted, factors, poly.shape, self)
            base = Poly(poly.shape, {((), chain): F1})
            return self.scaled_by(self._oriented(inv, base), 1 / c, inverted)
        c, atom, flipped = self.atom_of_sum(poly, written)
        inverse = inv.make((atom,))
        factor = transpose.make((inverse,)) if flipped and not self.is_symmetric(inverse) else inverse
        return Poly(poly.shape, {((), (factor,)): 1 / c})

    def _inverse_factor(self, factor: Expr) -> tuple[Fraction, Scalars, list[Expr]]:
        """The inverse of one factor: coefficient, scalars and chain."""
        if factor.op is transpose:
            c, scalars, inside = self._inverse_factor(factor.args[0])
            return c, scalars, [self._flip(f) for f in reversed(inside)]
        if factor.op is inv:
            return F1, (), list(self.chain_of(factor.args[0])) if factor.args[0].op is not add else [factor.args[0]]
        single = None
        if factor.op is diagonal_matrix:
            vector = self.entry_power(self.full(factor.args[0]), Fraction(-1), None)
            single = self.diagonal_matrix(vector).single()
        elif factor.op is symbol_op and "orthogonal" in factor.data[1]:
            return F1, (), [self._flip(factor)]
        elif factor.op is kron and all(a.is_square for a in factor.args):
            single = self.kron(*(self.inverse(self.full(a), a) for a in factor.args)).single()
        if single is None:
            return F1, (), [inv.make((factor,))]
        c, (scalars, chain) = single
        return c, scalars, list(chain)

    def _flip(self, factor: Expr) -> Expr:
        if factor.op is transpose:
            return factor.args[0]
        return factor if self.is_symmetric(factor) else transpose.make((factor,))

    def _oriented(self, op: object, poly: Poly) -> Poly:
        """An operation that commutes with transposition, at the canonical one of M and Mᵀ."""
        operation = op
        inside = self.canonical(poly)
        rows, columns = poly.shape
        flipped = False
        if rows is ONE and columns is not ONE:
            inside, flipped = self.canonical(transpose_poly(poly, self)), True
        elif columns is not ONE:
            other = self.canonical(transpose_poly(poly, self))
            if other is not inside and key(other) < key(inside):
                inside, flipped = other, True
        atom = operation.make((inside,))  # type: ignore[attr-defined]
        if poly.is_scalar:
            return Poly(SCALAR, {(((atom, F1),), ()): F1})
        factor = transpose.make((atom,)) if flipped and not self.is_symmetric(atom) else atom
        return Poly(poly.shape, {((), (factor,)): F1})

    def function(self, op: object, poly: Poly) -> Poly:
        """A scalar function of each entry."""
        name = op.name  # type: ignore[attr-defined]
        single = poly.single()
        if not poly.terms:
            if name in ("exp", "cos", "cosh"):
                return self.full(ones(*poly.shape))
            if name in ODD or name == "abs":
                return poly
            if name == "sigmoid":
                return self.full(ones(*poly.shape)).scaled(Fraction(1, 2))
        if name == "log" and single is not None and single[0] == 1:
            inside = _as_atom(single[1])
            if inside is not None and inside.op is exp:
                return self.full(inside.args[0])
            if single[1] == ((), ()) and poly.is_scalar or single[1] == ((), (ones(*poly.shape),)):
                return Poly(poly.shape, {})
        if name == "exp" and single is not None and single[0] == 1:
            inside = _as_atom(single[1])
            if inside is not None and inside.op is log:
                return self.full(inside.args[0])
        sign = F1
        if poly.terms and (name in ODD or name in EVEN or (name == "sigmoid" and not self._keeping)):
            first = min(poly.terms, key=mono_key)
            if poly.terms[first] < 0:
                sign, poly = -F1, poly.scaled(-F1)
        made = self._oriented(op, poly)
        if sign > 0 or name in EVEN:
            return made
        if name == "sigmoid":
            return self.plus(poly.shape, [self.full(ones(*poly.shape)), made.scaled(-F1)])
        return made.scaled(-F1)

    def opaque(self, node: Expr) -> Poly:
        """An operation without identities, over canonical operands."""
        args = tuple(self.canonical(self.full(a)) for a in node.args)
        try:
            atom = node.op.build(args, node.data)
        except DeriveError:
            atom = node
        if atom.op is not node.op:
            return self.full(atom)
        if atom.is_scalar:
            return Poly(SCALAR, {(((atom, F1),), ()): F1})
        return Poly(atom.shape, {((), (atom,)): F1})


# Small pieces


def mono_expr(coefficient: Fraction, mono: Mono, shape: Shape) -> Expr:
    """One term as an expression."""
    scalars, chain = mono
    factors = [number(coefficient)] if coefficient != 1 else []
    factors += [base if e == 1 else power.make((base, as_expr(e))) for base, e in scalars]
    if shape == SCALAR:
        return factors[0] if len(factors) == 1 else mul.make(tuple(factors)) if factors else number(1)
    body = identity(shape[0]) if not chain else chain[0] if len(chain) == 1 else matmul.make(chain)
    if not factors:
        return body
    return scale.make((factors[0] if len(factors) == 1 else mul.make(tuple(factors)), body))


def _merged(one: Scalars, two: Scalars, ctx: Normalizer) -> Scalars:
    if not one or not two:
        return one or two
    return (*one, *two)


def _as_atom(mono: Mono) -> Expr | None:
    scalars, chain = mono
    if not scalars and len(chain) == 1:
        return chain[0]
    if not chain and len(scalars) == 1 and scalars[0][1] == 1:
        return scalars[0][0]
    return None


def _only_chain(poly: Poly) -> Chain:
    ((_, chain),) = poly.terms
    return chain


def _add_bases(bases: Bases, vector: Expr) -> None:
    for base, e in entry_bases(vector):
        if base.op is not ones_op:
            bases[base] = bases.get(base, Fraction(0)) + e


def _sum_bases(one: Bases, two: Bases) -> Bases:
    total = dict(one)
    for base, e in two.items():
        total[base] = total.get(base, Fraction(0)) + e
    return {b: e for b, e in total.items() if e}


def _is_inverse(factor: Expr) -> bool:
    return factor.op is inv or (factor.op is transpose and factor.args[0].op is inv)


def _factor_bases(factor: Expr) -> list[tuple[Expr, Fraction]]:
    if factor.op is transpose:
        factor = factor.args[0]
    if factor.op is diagonal_matrix:
        factor = factor.args[0]
    return entry_bases(factor)


def _has_reciprocal_sum(chain: Chain) -> bool:
    return any(b.op is add and e < 0 for f in chain for b, e in _factor_bases(f))


def _divides(atom: Expr, chain: Chain) -> bool:
    return any(b is atom and e < 0 for f in chain for b, e in _factor_bases(f))


def _exponential_sum(base: Expr) -> Expr | None:
    """exp(v) where the scalar is 1ᵀ exp(v)."""
    row, column = base.args
    if row.op is transpose and row.args[0].op is ones_op and column.op is exp:
        return column
    if column.op is ones_op and row.op is transpose and row.args[0].op is exp:
        return row.args[0]
    return None


def _replace_factor(factor: Expr, old: Expr, fresh: Expr) -> Expr:
    """The factor with one entrywise occurrence of `old` replaced."""
    if factor.op is transpose:
        inside = _replace_factor(factor.args[0], old, fresh)
        return factor if inside is factor.args[0] else transpose.make((inside,))
    if factor.op is diagonal_matrix:
        inside = _replace_factor(factor.args[0], old, fresh)
        return factor if inside is factor.args[0] else diagonal_matrix.make((inside,))
    if factor is old:
        return fresh
    if factor.op is hadamard and old in factor.args:
        bases: Bases = {}
        for base, e in entry_bases(factor):
            base = fresh if base is old else base
            bases[base] = bases.get(base, Fraction(0)) + e
        return entries_expr(sorted(bases.items(), key=lambda item: key(item[0])))
    return factor


def _replace_in_scalar(scalar: Expr, old: Expr, fresh: Expr) -> Expr:
    args = list(scalar.args)
    for i, arg in enumerate(args):
        replaced = _replace_factor(arg, old, fresh)
        if replaced is not arg:
            args[i] = replaced
            return scalar.op.make(tuple(args))
    return scalar


# The table

Row = Callable[[Normalizer, Expr, list[Poly]], Poly]


def _leaf(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    if node.op is number_op:
        return Poly(SCALAR, {((), ()): node.data[0]} if node.data[0] else {})
    if node.op is zeros_op:
        return Poly(node.shape, {})
    if node.op is identity_op:
        return Poly(node.shape, {((), ()): F1})
    if node.op is ones_op:
        rows, columns = node.shape
        if rows is ONE:
            return Poly(node.shape, {((), (transpose.make((ones(columns),)),)): F1})
        if columns is ONE:
            return Poly(node.shape, {((), (node,)): F1})
        return Poly(node.shape, {((), (ones(rows), transpose.make((ones(columns),)))): F1})
    if node.op is dimension_op:
        total: list[tuple[Mono, Fraction]] = []
        for monomial, c in node.data[0].terms:
            powers = [(dimension_op.make((), (_dim(name),)), Fraction(e)) for name, e in monomial]
            _, merged = with_scalars(powers, ctx=ctx)
            total.append(((merged, ()), Fraction(c)))
        return collect(SCALAR, total)
    if node.is_scalar:
        return Poly(SCALAR, {(((node, F1),), ()): F1})
    if node.shape[0] is ONE:
        return Poly(node.shape, {((), (node,)): F1})
    return Poly(node.shape, {((), (node,)): F1})


def _dim(name: str) -> object:
    from ..shapes import Dim

    return Dim.of(name)


def _add(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    if not ctx._keeping:
        return ctx.plus(node.shape, args)
    opened = []
    for poly in args:
        # A sum that stands alone as a term is no factor: it is not kept whole.
        total: list[tuple[Mono, Fraction]] = []
        for (scalars, chain), c in poly.terms.items():
            atom = _as_atom((scalars, chain))
            if atom is not None and atom in ctx.sums:
                total += ((m, k * c) for m, k in ctx.sums[atom].terms.items())
            elif atom is not None and atom.op is transpose and atom.args[0] in ctx.sums:
                turned = transpose_poly(ctx.sums[atom.args[0]], ctx)
                total += ((m, k * c) for m, k in turned.terms.items())
            else:
                total.append(((scalars, chain), c))
        opened.append(Poly(poly.shape, dict(total)) if len(dict(total)) == len(total) else collect(poly.shape, total))
    return ctx.plus(node.shape, opened)


def _product(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    factors = [ctx.whole(p, e) for p, e in zip(args, node.args)]
    product = factors[0]
    for factor in factors[1:]:
        product = ctx.times(product, factor)
    return product


def _hadamard(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    return ctx.entrywise([ctx.whole(p, e) for p, e in zip(args, node.args)])


def _power(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    base, exponent = node.args
    constant = args[1].terms.get(((), ()), Fraction(0))
    if is_number(exponent) or not [m for m in args[1].terms if m != ((), ())]:
        if not constant:
            return ctx.full(ones(*node.shape))
        raise_to = ctx.scalar_power if node.is_scalar else ctx.entry_power
        if constant == 1:
            return args[0]
        return raise_to(args[0], constant, base)
    full_exponent = ctx.full(exponent)
    rest = Poly(SCALAR, {m: c for m, c in full_exponent.terms.items() if m != ((), ())})
    atom = power.make((ctx.canonical(ctx.full(base)), ctx.canonical(rest)))
    if node.is_scalar:
        made = Poly(SCALAR, {(((atom, F1),), ()): F1})
        extra = ctx.scalar_power(args[0], constant, base) if constant else None
        return made if extra is None else ctx.times(extra, made)
    made = Poly(node.shape, {((), (atom,)): F1})
    extra = ctx.entry_power(args[0], constant, base) if constant else None
    return made if extra is None else ctx.entrywise([extra, made])


def _inv(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    return ctx.inverse(args[0], node.args[0])


def _matpow(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    k = node.data[0]
    base = ctx.whole(args[0], node.args[0])
    if k < 0:
        base, k = ctx.inverse(args[0], node.args[0]), -k
    product = base
    for _ in range(k - 1):
        product = ctx.times(product, base)
    return product


def _sq_norm(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    poly = args[0] if not ctx._keeping else ctx.full(node.args[0])
    value = _square(ctx, poly)
    if ctx._keeping and len(value.terms) > 1:
        c, atom, _ = ctx.atom_of_sum(value, node, signed=False)
        ctx.nonnegative.add(atom)
        return Poly(SCALAR, {(((atom, F1),), ()): c})
    _note_nonnegative(ctx, value, node)
    return value


def _square(ctx: Normalizer, poly: Poly) -> Poly:
    if poly.is_scalar:
        return ctx.times(poly, poly)
    if poly.shape[0] is ONE:
        return ctx.times(poly, transpose_poly(poly, ctx))
    product = ctx.times(transpose_poly(poly, ctx), poly)
    return product if poly.shape[1] is ONE else trace_poly(product, ctx)


def _note_nonnegative(ctx: Normalizer, value: Poly, node: Expr) -> None:
    single = value.single()
    if single is not None and single[0] == 1 and len(single[1][0]) == 1:
        ctx.nonnegative.add(single[1][0][0][0])
    elif single is None and value.terms:
        _, atom, _ = ctx.atom_of_sum(value, node, signed=False)
        ctx.nonnegative.add(atom)


def _norm(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    from ..operations import sq_norm

    squared = sq_norm(node.args[0])
    return ctx.scalar_power(ctx.full(squared), Fraction(1, 2), squared)


def _inner(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    left, right = (ctx.whole(p, e) for p, e in zip(args, node.args))
    if left.shape[0] is ONE:
        left, right = transpose_poly(left, ctx), transpose_poly(right, ctx)
    product = ctx.times(transpose_poly(left, ctx), right)
    return product if left.shape[1] is ONE else trace_poly(product, ctx)


def _det(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    poly = ctx.full(node.args[0])
    single = poly.single()
    if single is None or not all(f.is_square for f in single[1][1]) or single[0] != 1 or single[1][0]:
        return ctx.opaque(_turned(ctx, node, poly))
    value = ctx.full(number(1))
    for factor in single[1][1]:
        value = ctx.times(value, _det_factor(ctx, factor))
    return value


def _turned(ctx: Normalizer, node: Expr, poly: Poly) -> Expr:
    """det and logdet at the canonical one of M and Mᵀ."""
    one, other = ctx.canonical(poly), ctx.canonical(transpose_poly(poly, ctx))
    return node.op.make((min(one, other, key=key),))


def _det_factor(ctx: Normalizer, factor: Expr) -> Poly:
    if factor.op is transpose:
        factor = factor.args[0]
    if factor.op is inv:
        return ctx.scalar_power(ctx.full(det(factor.args[0])), Fraction(-1), None)
    return Poly(SCALAR, {(((det.make((factor,)), F1),), ()): F1})


def _logdet(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    poly = ctx.full(node.args[0])
    single = poly.single()
    if single is None or not all(f.is_square for f in single[1][1]) or single[0] != 1 or single[1][0]:
        return ctx.opaque(_turned(ctx, node, poly))
    total = []
    for factor in single[1][1]:
        atom = factor.args[0] if factor.op is transpose else factor
        if atom.op is inv:
            total.append(ctx.full(logdet(atom.args[0])).scaled(-F1))
        else:
            total.append(Poly(SCALAR, {(((logdet.make((atom,)), F1),), ()): F1}))
    return ctx.plus(SCALAR, total)


def _block_inner(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    """Linear in G: of P ⊗ Q it is ⟨Q, B⟩ P, of I it is tr(B) I."""
    G, B = args
    written = node.args[1]

    def one(chain: Chain) -> Poly:
        if not chain and node.is_square:
            return ctx.times(trace_poly(B, ctx), ctx.full(identity(node.shape[0])))
        pair = _kron_pair(chain)
        if pair is not None and pair[1].shape == written.shape:
            P, Q = pair
            inner = ctx.full(written) if not ctx._keeping else B
            product = ctx.times(transpose_poly(ctx.full(Q), ctx), inner)
            return ctx.times(product if product.is_scalar else trace_poly(product, ctx), ctx.full(P))
        atom = block_inner.make((mono_expr(F1, ((), chain), G.shape), ctx.canonical(ctx.full(written))))
        return Poly(node.shape, {((), (atom,)): F1}) if not node.is_scalar else Poly(SCALAR, {(((atom, F1),), ()): F1})

    return ctx.linear(G, node.shape, one)


def _block_sum(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    """Linear in G: of P ⊗ Q it is ⟨P, A⟩ Q, of I it is tr(A) I."""
    G, A = args
    written = node.args[1]

    def one(chain: Chain) -> Poly:
        if not chain and node.is_square:
            return ctx.times(trace_poly(A, ctx), ctx.full(identity(node.shape[0])))
        pair = _kron_pair(chain)
        if pair is not None and pair[0].shape == written.shape:
            P, Q = pair
            product = ctx.times(transpose_poly(ctx.full(P), ctx), A)
            return ctx.times(product if product.is_scalar else trace_poly(product, ctx), ctx.full(Q))
        atom = block_sum.make((mono_expr(F1, ((), chain), G.shape), ctx.canonical(ctx.full(written))))
        return Poly(node.shape, {((), (atom,)): F1}) if not node.is_scalar else Poly(SCALAR, {(((atom, F1),), ()): F1})

    return ctx.linear(G, node.shape, one)


def _kron_pair(chain: Chain) -> tuple[Expr, Expr] | None:
    if len(chain) != 1:
        return None
    factor = chain[0]
    if factor.op is kron:
        return factor.args[0], factor.args[1]
    if factor.op is transpose and factor.args[0].op is kron:
        return transpose(factor.args[0].args[0]), transpose(factor.args[0].args[1])
    return None


def _commuting(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    return ctx._oriented(node.op, ctx.full(node.args[0]))


def _function(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    return ctx.function(node.op, ctx.full(node.args[0]))


def _opaque(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    return ctx.opaque(node)


def _triangle(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    def one(chain: Chain) -> Poly:
        if all(f.op is diagonal_matrix for f in chain):
            return Poly(node.shape, {((), chain): F1})
        atom = node.op.make((mono_expr(F1, ((), chain), node.shape),))
        return Poly(node.shape, {((), (atom,)): F1})

    return ctx.linear(args[0], node.shape, one)


def _unvec(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    def one(chain: Chain) -> Poly:
        if len(chain) == 1 and chain[0].op is vec and chain[0].args[0].shape == node.shape:
            return ctx.full(chain[0].args[0])
        atom = unvec.make((mono_expr(F1, ((), chain), args[0].shape),), node.data)
        return Poly(node.shape, {((), (atom,)): F1})

    return ctx.linear(args[0], node.shape, one)


def _submatrix(ctx: Normalizer, node: Expr, args: list[Poly]) -> Poly:
    def one(chain: Chain) -> Poly:
        inside = mono_expr(F1, ((), chain), args[0].shape)
        if inside.op is block_op:
            found = _block_at(inside, node.data)
            if found is not None:
                return ctx.full(found)
        atom = submatrix.make((inside,), node.data)
        if node.is_scalar:
            return Poly(SCALAR, {(((atom, F1),), ()): F1})
        return Poly(node.shape, {((), (atom,)): F1})

    return ctx.linear(args[0], node.shape, one)


def _block_at(block: Expr, data: tuple[object, ...]) -> Expr | None:
    rows, columns = block.data
    top: object = 0
    for i in range(rows):
        left: object = 0
        for j in range(columns):
            part = block.args[i * columns + j]
            if data == (_as_dim(top), part.shape[0], _as_dim(left), part.shape[1]):
                return part
            left = _as_dim(left) + part.shape[1]  # type: ignore[operator]
        top = _as_dim(top) + block.args[i * columns].shape[0]  # type: ignore[operator]
    return None


def _as_dim(value: object) -> object:
    from ..shapes import Dim

    return Dim.of(value)  # type: ignore[arg-type]


TABLE: dict[str, Row] = {
    **dict.fromkeys(("number", "constant", "dimension", "symbol", "zeros", "ones", "identity"), _leaf),
    commutation_op.name: _leaf,
    "add": _add,
    "mul": _product,
    "scale": _product,
    "matmul": _product,
    "transpose": lambda ctx, node, args: transpose_poly(args[0], ctx),
    "hadamard": _hadamard,
    "kron": lambda ctx, node, args: ctx.kron(*args),
    "power": _power,
    "inv": _inv,
    "matpow": _matpow,
    "trace": lambda ctx, node, args: trace_poly(args[0], ctx),
    "det": _det,
    "logdet": _logdet,
    "inner": _inner,
    "sq_norm": _sq_norm,
    "norm": _norm,
    "norm1": _opaque,
    "nuclear_norm": _opaque,
    "spectral_norm": _opaque,
    "sum": lambda ctx, node, args: ctx.total(args[0]),
    "logsumexp": _opaque,
    "softmax": _opaque,
    "diag": lambda ctx, node, args: ctx.diagonal(args[0]),
    "Diag": lambda ctx, node, args: ctx.diagonal_matrix(args[0]),
    "vec": lambda ctx, node, args: ctx.vec(args[0]),
    "unvec": _unvec,
    tril.name: _triangle,
    triu.name: _triangle,
    "block": _opaque,
    "submatrix": _submatrix,
    "block_inner": _block_inner,
    "block_sum": _block_sum,
    "expm": _commuting,
    "polar": _commuting,
    "dominant": _commuting,
}


class _Table(dict[str, Row]):
    def __missing__(self, name: str) -> Row:
        return _function


TABLE = _Table(TABLE)
