"""The normal form of a formula: a table from operations to sums of products.

`Normalizer().full(e)` multiplies everything out: transposes stand at atoms, scalars in
front, traces are canonical up to rotation and transposition, inverses cancel, declared
properties are used.  Two formulas with the same normal form are equal wherever both are
defined.  `Normalizer().kept(e)` leaves the sums in which products were written whole, as
atoms of their own; `shown` remembers how each atom was written, for display.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from ..expr import (
    Expr,
    identity_op,
    nodes,
    number_op,
    ones,
    ones_op,
    symbol_count,
    symbol_op,
    zero_like,
)
from ..facts import Facts, follows
from ..operations import (
    add,
    exp,
    inv,
    matmul,
    mul,
    scale,
    sigmoid,
    transpose,
)
from ..shapes import ONE, SCALAR, Shape
from . import hadamard_products, powers, products
from . import linear as rearrangements
from .atoms import Bases, is_inverse, mono_expr
from .budget import MAX_TERMS, TooLargeError, Work
from .identities import Identity, first
from .polynomial import Chain, Mono, Poly, Scalars, collect, content, key, mono_key
from .products import chain_product, transpose_poly, with_scalars

F1 = Fraction(1)


class Normalizer:
    """Normal forms of one problem's formulas, with what is known of their atoms.

    Which of z and −z, of A and Aᵀ, stands in a function is as the first of them was met,
    by this normalizer or by the one `before` it.

    Attributes
    ----------
    shown : dict
        How an atom was written, by atom.
    sums : dict
        The terms of a sum that stands as an atom, by atom.
    used : dict of Identity
        The identities used, in order.
    open : set of Expr
        Sums that `kept` multiplies out all the same.
    work : Work, or None
        What multiplying out may spend, where that is limited.
    authored : dict of Expr, or None
        The nodes of the formula as given, whose sums `kept` leaves whole; None for all sums.
    """

    def __init__(self, before: Normalizer | None = None, work: Work | None = None) -> None:
        self.work = work
        self.shown: dict[Expr, Expr] = {}
        self.sums: dict[Expr, Poly] = {}
        self.open: set[Expr] = set()
        self.authored: dict[Expr, None] | None = None
        self._full: dict[Expr, Poly] = {}
        self._kept: dict[Expr, Poly] = {}
        self._symmetric: dict[Expr, bool] = {}
        self.used: dict[Identity, None] = {}
        self.is_keeping = False
        self.nonnegative: set[Expr] = set() if before is None else set(before.nonnegative)
        self._signs: dict[Expr, int] = {} if before is None else dict(before._signs)
        self._arguments: dict[Expr, int] = {} if before is None else dict(before._arguments)
        self._turned: dict[Expr, Expr] = {} if before is None else dict(before._turned)

    # Entry points

    def full(self, expr: Expr) -> Poly:
        """The formula multiplied out; TooLargeError past MAX_TERMS."""
        found = self._full.get(expr)
        if found is not None:
            return found
        before, self.is_keeping = self.is_keeping, False
        try:
            return self._run(expr, self._full)
        finally:
            self.is_keeping = before

    def kept(self, expr: Expr) -> Poly:
        """The formula with the sums inside products left whole, but those in `open`."""
        before, self.is_keeping = self.is_keeping, True
        try:
            return self._run(expr, self._kept)
        finally:
            self.is_keeping = before

    def reopened(self, opened: Iterable[Expr]) -> None:
        """Choose which sums `kept` multiplies out."""
        self.open = set(opened)
        self._kept.clear()

    def _run(self, expr: Expr, memo: dict[Expr, Poly]) -> Poly:
        from .table import row_of  # the table is made of rows over normalizers

        for node in nodes(expr):
            if node not in memo:
                poly = row_of(node.op.name)(self, node, [memo[a] for a in node.args])
                memo[node] = poly
                if self.work is not None:
                    self.work.spend(1 + len(poly.terms))
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
        if not atom.args or written.op is transpose:  # a symmetric one is not shown transposed
            return
        if written.op is not add and key(written) == key(atom):  # made of its parts as they are shown
            return
        if written.op in (scale, mul) and written.args[0].op is number_op:  # nor one whose factors cancel
            return
        known = self.shown.get(atom)
        if known is None:
            parts = 1 if written.op is add else 2  # 1 − σ(−z) may be meant, tril(tril(A)) is not
            if (symbol_count(written), *key(written)[:parts]) <= (symbol_count(atom), *key(atom)[:parts]):
                self.shown[atom] = written
        elif symbol_count(written) < symbol_count(known):
            self.shown[atom] = written
        elif symbol_count(written) == symbol_count(known) and known not in (self.authored or ()):
            self.shown[atom] = min(known, written, key=key)  # whichever was met first

    def recall(self, loss: Expr) -> None:
        """Note how the arguments of functions were written, which no term of a sum tells."""
        for node in nodes(loss):
            for written in node.args if node.op.is_elementwise else ():
                poly = self._full.get(written)
                if poly is None or not 1 < len(poly.terms) <= 24:
                    continue
                atom = self.canonical(poly)
                if symbol_count(written) < symbol_count(atom):
                    self.shown.setdefault(atom, written)

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
            poly, flipped = transpose_poly(self, poly), True
        c = content(poly.terms.values())
        if signed:
            first = min(poly.terms, key=mono_key)
            if poly.terms[first] < 0:
                c = -c
        base = poly.scaled(1 / c)
        atom = self.canonical(base)
        if not flipped and poly.shape[1] is not ONE:
            turned = transpose_poly(self, base)
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
                is_sum = written is not None and written.op not in (scale, mul)  # −2 A (x − y) has its sign in front
                as_negative = c < 0 and is_sum and any(k < 0 for k in base.terms.values())
                kept_sign = self._signs[atom] = -1 if as_negative else 1
            if kept_sign < 0:
                base, c = base.scaled(-F1), -c
                atom = self.canonical(base)
        self.sums.setdefault(atom, base)
        if written is not None:
            shown = scale(1 / c, transpose(written) if flipped else written)
            known = self.shown.get(atom)
            if known is None or (symbol_count(shown), *key(shown)[:2]) < (symbol_count(known), *key(known)[:2]):
                self.shown[atom] = shown
        return c, atom, flipped

    def sum_of(self, factor: Expr) -> Poly | None:
        """The terms of a factor that is a sum, or the transpose of one."""
        flipped = factor.op is transpose
        known = self.sums.get(factor.args[0] if flipped else factor)
        return transpose_poly(self, known) if flipped and known is not None else known

    def is_reflected(self, poly: Poly) -> bool:
        """Whether the negative of a sum was met before the sum itself; a single negative term is reflected."""
        single = poly.single()
        if single is not None or not poly.terms:
            return single is not None and single[0] < 0
        sign = 1 if poly.terms[min(poly.terms, key=mono_key)] > 0 else -1
        return self._arguments.setdefault(self.canonical(poly.scaled(F1 * sign)), sign) != sign

    def is_turned(self, inside: Expr, other: Expr) -> bool:
        """Whether the transpose of an argument was met before the argument itself."""
        return self._turned.setdefault(min(inside, other, key=key), inside) is not inside

    def whole(self, poly: Poly, written: Expr) -> Poly:
        """A factor of a product: when keeping, a sum becomes one atom."""
        if not self.is_keeping or len(poly.terms) < 2 or not self._is_authored(written):
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
        if node in self.authored:
            return True
        terms = (t.args[-1] if t.op is scale else t for t in node.args)
        return node.op is add and any(t.op in (ones_op, number_op, identity_op) for t in terms)

    def is_symmetric(self, atom: Expr) -> bool:
        """Whether an atom equals its transpose, as far as declared properties tell."""
        if atom.op is symbol_op:
            return "symmetric" in atom.data[1]
        if atom.shape[0] is not atom.shape[1]:
            return False
        found = self._symmetric.get(atom)
        if found is None:
            self._symmetric[atom] = False  # while we look
            if atom.op in (add, matmul, scale):
                poly = self.sums[atom] if atom in self.sums else self.full(atom)
                found = transpose_poly(self, poly) == poly
            else:
                operands = [Facts(is_symmetric=self.is_symmetric(a)) for a in atom.args]
                found = follows(atom.op.name, operands, atom.data, atom.shape, atom.op).is_symmetric
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
            k, merged = with_scalars(self, own, scalars)
            reopen = reopen or any(b.op is add and e > 0 and e.denominator == 1 for b, e in merged)
            total.append(((merged, chain), c * k * coefficient))
        result = collect(poly.shape, total)
        return self.opened_scalars(self.recognized(result)) if reopen else self.recognized(result)

    def opened_scalars(self, poly: Poly) -> Poly:
        """Multiply out scalar sums that came to stand with a positive power."""
        if self.is_keeping:
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
        if self.work is not None:
            self.work.spend(len(left.terms) * len(right.terms))
        total: list[tuple[Mono, Fraction]] = []
        left, right, met = self._cancelled(left, right)
        total += met
        for (s1, c1), a in left.terms.items():
            for (s2, c2), b in right.terms.items():
                total += chain_product(self, (*c1, *c2), shape, a * b, (*s1, *s2)).terms.items()
        return self.reopened_scalars(collect(shape, total))

    def reopened_scalars(self, poly: Poly) -> Poly:
        if any(b.op is add and e > 0 and e.denominator == 1 for (s, _) in poly.terms for b, e in s):
            return self.opened_scalars(poly)
        return poly

    def _cancelled(self, left: Poly, right: Poly) -> tuple[Poly, Poly, list[tuple[Mono, Fraction]]]:
        """P · P⁻¹ M = M for a sum P: taken before P is multiplied out."""
        met: list[tuple[Mono, Fraction]] = []
        for one, other, at in ((left, right, 0), (right, left, -1)):
            if len(one.terms) < 2 or one.shape[0] is not one.shape[1]:
                continue
            if not any(chain and is_inverse(chain[at]) for _, chain in other.terms):
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
                    more, merged = with_scalars(self, scalars, ((atom, F1),))
                    total.append(((merged, chain), k * c * more))
                else:
                    remaining[(scalars, chain)] = k
            rest = Poly(other.shape, remaining)
        for (s1, _), a in scalar.terms.items():
            for (s2, chain), b in rest.terms.items():
                k, merged = with_scalars(self, s1, s2) if s1 and s2 else (F1, s1 or s2)
                total.append(((merged, chain), a * b * k))
        return self.reopened_scalars(self.recognized(collect(other.shape, total)))

    def plus(self, shape: Shape, polys: Sequence[Poly]) -> Poly:
        return collect(shape, [item for p in polys for item in p.terms.items()])

    def recognized(self, poly: Poly) -> Poly:
        """What the scalars of a sum make another sum: exp(v) / Σ exp(v) = softmax(v), exp(s) σ(s) = exp(s) − σ(s)."""
        for scalars, _ in poly.terms:
            if any(e < 0 and base.op is matmul for base, e in scalars):
                poly = first("softmax", self, poly) or poly
                break
        split = {mono: made for mono in poly.terms if (made := self.split(dict(mono[0]))) is not None}
        if not split:
            return poly
        total: list[tuple[Mono, Fraction]] = []
        for mono, c in poly.terms.items():
            for sign, bases in split.get(mono, [(F1, dict(mono[0]))]):
                k, scalars = with_scalars(self, bases.items())
                total.append(((scalars, mono[1]), c * k * sign))
        return collect(poly.shape, total)

    def split(self, bases: Bases) -> list[tuple[Fraction, Bases]] | None:
        """The terms that a product of powers with both exp and σ in it is the sum of."""
        kinds = {base.op for base in bases} if len(bases) > 1 and not self.is_keeping else ()
        if exp not in kinds or sigmoid not in kinds:
            return None
        terms = [(F1, bases)]
        while True:
            # All at once, so that like terms meet: each makes two, of one degree less.
            met: dict[frozenset[tuple[Expr, Fraction]], tuple[Fraction, Bases]] = {}
            for c, part in terms:
                for sign, piece in first("logistic", self, part) or [(1, part)]:
                    key_of = frozenset(piece.items())
                    met[key_of] = (met[key_of][0] + c * sign if key_of in met else c * sign, piece)
            made = [(c, piece) for c, piece in met.values() if c]
            if made == terms:
                return None if terms == [(F1, bases)] else terms
            terms = made

    def hyperbolic(self, poly: Poly) -> Poly:
        """2 σ(z) − 1 = tanh(z/2), where both terms stand in a sum."""
        return first("tanh in sums", self, poly) or poly

    # The methods kept along the mathematics

    flipped = products.flip
    transposed_chain = products.transpose_chain
    transposed = products.transpose_poly
    with_scalars = products.with_scalars
    chain = products.chain_product
    join = products.join
    scalar_product = products.scalar_product
    trace = products.trace_poly

    entrywise = hadamard_products.entrywise
    entrywise_pair = hadamard_products.entrywise_pair
    entry_products = hadamard_products.entry_products
    reopened_entries = hadamard_products.reopened_entries
    decomposed = hadamard_products.decomposed
    as_base = hadamard_products.as_base
    composed = hadamard_products.composed
    diagonal_chain = hadamard_products.diagonal_chain
    oriented_entries = hadamard_products.oriented_entries
    vector = hadamard_products.vector
    linear = rearrangements.linear
    diagonal_matrix = rearrangements.diagonal_matrix_of
    diagonal = rearrangements.diagonal_of
    kron = rearrangements.kronecker
    vec = rearrangements.stacked
    total = rearrangements.total
    triangle = rearrangements.triangle
    scalar_power = powers.scalar_power
    is_nonnegative = powers.is_nonnegative
    half = powers.half
    size = powers.size
    over_common_powers = powers.over_common_powers
    entry_power = powers.entry_power
    entry_atom = powers.entry_atom
    inverse = powers.inverse
    inverse_factor = powers.inverse_factor
    oriented = powers.oriented
    function = powers.function
    opaque = powers.opaque
