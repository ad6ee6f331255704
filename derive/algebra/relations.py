"""The relations of inverses as rules that rewrite products, completed to a bound.

In a difference of two formulas every inverse J = P⁻¹ is a letter with the relations P J = I
and J P = I, an orthogonal Q one with Qᵀ Q = I.  The relations are rules that replace the
longest word of each by shorter ones, and are completed to a bound: where the left sides of two
rules overlap, the two ways to rewrite the word give a rule more [B, KB].  If the difference is
rewritten to 0, the formulas are equal wherever both are defined, and the rules used are the
proof.

[B]   Bergman, The diamond lemma for ring theory, Adv. Math. 29, 1978.
[KB]  Knuth & Bendix, Simple word problems in universal algebras, 1970.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from heapq import heappop, heappush

from ..expr import (
    Expr,
    identity,
    number,
    symbol_op,
    zeros,
)
from ..operations import (
    add,
    expm,
    inv,
    matmul,
    mul,
    power,
    scale,
    transpose,
)
from ..shapes import ONE, Shape
from .atoms import mono_expr
from .normal import Normalizer
from .polynomial import Chain, Mono, Poly, collect, key

MAX_RULES = 80
MAX_PAIRS = 400  # overlaps looked at
MAX_WORD = 10  # letters of an overlap
MAX_LENGTH = 60  # terms of a sum on the way
Terms = dict[Mono, Fraction]


class RewriteRule:
    """A word and the sum that replaces it, with where it comes from."""

    __slots__ = ("number", "left", "right", "shape", "origin", "needs")

    def __init__(self, left: Chain, right: Terms, shape: Shape, origin: str, needs: Iterable[RewriteRule] = ()) -> None:
        self.number = 0
        self.left = left
        self.right = right
        self.shape = shape
        self.origin = origin
        self.needs = tuple(dict.fromkeys(needs))


class Relations:
    """The rules that rewrite products of one problem's letters, completed as far as asked for."""

    def __init__(self, ctx: Normalizer) -> None:
        self.ctx = ctx
        self.rules: list[RewriteRule] = []
        self.by_first: dict[Expr, list[RewriteRule]] = {}
        self._known: set[Expr] = set()
        self._waiting: list[tuple[int, int, RewriteRule, RewriteRule, int]] = []
        self._count = 0

    # Words

    def words(self, poly: Poly) -> Terms:
        """The terms of a sum, 1 × 1 products and reciprocals moved from their scalars into the word."""
        total: list[tuple[Mono, Fraction]] = []
        for (scalars, chain), c in poly.terms.items():
            at = self._opening(chain, poly.shape)
            kept, inner = [], []
            for base, e in scalars:
                if at is None or e.denominator > 1 or not (base.op is matmul or (base.op is add and e < 0)):
                    kept.append((base, e))
                elif e > 0:
                    inner += [base.args] * int(e)
                else:
                    inner += [(power.make((base, number(-1))),)] * int(-e)
            word = tuple(letter for part in inner for letter in part)
            total.append(((tuple(kept), chain[:at] + word + chain[at:] if at is not None else chain), c))
        return collect(poly.shape, total).terms

    @staticmethod
    def _opening(chain: Chain, shape: Shape) -> int | None:
        """Where a scalar may stand in a product: behind a column, or at an end that is 1 wide."""
        if shape[0] is ONE:
            return 0
        return next((i for i, factor in enumerate(chain, 1) if factor.shape[1] is ONE), None)

    def learn(self, terms: Terms) -> None:
        """Add the relations of the letters that occur, and of those in their relations."""
        for _, word in list(terms):
            for letter in word:
                if letter not in self._known:
                    self._known.add(letter)
                    self._learn(letter)

    def _learn(self, letter: Expr) -> None:
        is_turned = letter.op is transpose
        atom = letter.args[0] if is_turned else letter
        if atom.op is inv or (atom.op is power and atom.is_scalar):
            inside = atom.args[0]
            poly = self.ctx.sums.get(inside) or self.ctx.full(inside)
            if is_turned:
                poly = self.ctx.transposed(poly)
            terms = self.words(poly)
            self.learn(terms)
            for _, word in list(terms) if letter.is_scalar else ():
                sign, other = self.ctx.transposed_chain(word)
                if other != word:
                    both: Terms = {((), word): Fraction(1), ((), other): Fraction(-sign)}
                    self.add(both, letter.shape, "as a number is its own transpose")
            for is_left in (True, False):
                made = {(s, (letter, *w) if is_left else (*w, letter)): c for (s, w), c in terms.items()}
                self._relate(made, letter.shape, "as a matrix times its inverse is I")
        elif atom.op is expm and not is_turned:
            self._learn_exponential(atom)
        elif atom.op is symbol_op and "orthogonal" in atom.properties:
            turned = atom if self.ctx.is_symmetric(atom) else transpose.make((atom,))
            self._known.update((atom, turned))
            pairs = [(turned, atom)] + ([(atom, turned)] if atom.is_square else [])
            for pair in dict.fromkeys(pairs):
                self._relate(
                    {((), pair): Fraction(1)}, (pair[0].shape[0], pair[1].shape[1]), "as the columns are orthonormal"
                )

    def _learn_exponential(self, atom: Expr) -> None:
        poly = self.ctx.full(atom.args[0])
        both = [((s, (atom, *w)), c) for (s, w), c in poly.terms.items()]
        both += [((s, (*w, atom)), -c) for (s, w), c in poly.terms.items()]
        self.add(collect(atom.shape, both).terms, atom.shape, "as it commutes with its exponent")
        negative = self.ctx.full(expm(scale(-1, atom.args[0]))).single()
        if negative is not None and negative[0] == 1 and len(negative[1][1]) == 1:
            (other,) = negative[1][1]
            self._known.add(other)
            for pair in ((atom, other), (other, atom)):
                self._relate({((), pair): Fraction(1)}, atom.shape, "as exp(M) exp(−M) = I")

    def _relate(self, product: Terms, shape: Shape, origin: str) -> None:
        product = dict(product)
        one: Mono = ((), ())
        product[one] = product.get(one, Fraction(0)) - 1
        self.add({m: c for m, c in product.items() if c}, shape, origin)

    # Rules

    def add(self, terms: Terms, shape: Shape, origin: str, needs: Iterable[RewriteRule] = ()) -> None:
        """A sum that is 0, as a rule for its largest word."""
        used: dict[RewriteRule, None] = dict.fromkeys(needs)
        terms = self.reduced(terms, used)
        if not terms or len(self.rules) >= MAX_RULES or len(terms) > MAX_LENGTH:
            return
        top = max({word for _, word in terms}, key=_order)
        leading = [(scalars, c) for (scalars, word), c in terms.items() if word == top]
        if not top or len(leading) != 1:
            return
        scalars, c = leading[0]
        if any(base.op is not symbol_op for base, _ in scalars):
            return  # it may vanish
        inverse = tuple((base, -e) for base, e in scalars)
        right: list[tuple[Mono, Fraction]] = []
        for (own, word), k in terms.items():
            if word != top:
                more, merged = self.ctx.with_scalars(own, inverse) if own and inverse else (1, own or inverse)
                right.append(((merged, word), -k * more / c))
        rule = RewriteRule(top, collect(shape, right).terms, shape, origin, used)
        self._count += 1
        rule.number = self._count
        again = [old for old in self.rules if _places(old.left, top)]
        for old in again:
            self.rules.remove(old)
            self.by_first[old.left[0]].remove(old)
        self.rules.append(rule)
        self.by_first.setdefault(top[0], []).append(rule)
        for other in self.rules:
            self._overlap(rule, other)
            if other is not rule:
                self._overlap(other, rule)
        for old in again:
            both = dict(old.right)
            mono: Mono = ((), old.left)
            self.add({**{m: -k for m, k in both.items()}, mono: Fraction(1)}, old.shape, "by", (old, rule))

    def _overlap(self, one: RewriteRule, two: RewriteRule) -> None:
        for k in range(1, min(len(one.left), len(two.left))):
            if one.left[-k:] == two.left[:k]:
                length = len(one.left) + len(two.left) - k
                if length <= MAX_WORD:
                    self._count += 1
                    heappush(self._waiting, (length, self._count, one, two, k))

    def reduced(self, terms: Terms, used: dict[RewriteRule, None]) -> Terms:
        """A sum rewritten until no rule applies; the rules used are added to `used`."""
        done: Terms = {}
        todo = dict(terms)
        for _ in range(4 * MAX_PAIRS):
            if not todo:
                break
            mono = max(todo, key=lambda m: _order(m[1]))
            c = todo.pop(mono)
            if self.ctx.work is not None:
                self.ctx.work.spend(len(todo) + 1)
            found = self._match(mono[1])
            if found is None:
                done[mono] = done.get(mono, Fraction(0)) + c
                continue
            rule, i = found
            used[rule] = None
            scalars, word = mono
            for (own, middle), k in rule.right.items():
                more, merged = self.ctx.with_scalars(scalars, own) if own and scalars else (1, own or scalars)
                made = (merged, word[:i] + middle + word[i + len(rule.left) :])
                total = todo.get(made, Fraction(0)) + c * k * more
                if total:
                    todo[made] = total
                else:
                    todo.pop(made, None)
        for mono, c in todo.items():  # out of patience
            done[mono] = done.get(mono, Fraction(0)) + c
        return {m: c for m, c in done.items() if c}

    def _match(self, word: Chain) -> tuple[RewriteRule, int] | None:
        for i, letter in enumerate(word):
            for rule in self.by_first.get(letter, ()):
                if word[i : i + len(rule.left)] == rule.left:
                    return rule, i
        return None

    def completions(self) -> Iterator[None]:
        """Look at one overlap after another, the shortest first."""
        for _ in range(MAX_PAIRS):
            if not self._waiting:
                return
            _, _, one, two, k = heappop(self._waiting)
            if one not in self.rules or two not in self.rules:
                continue
            tail, head = two.left[k:], one.left[: len(one.left) - k]
            shape = (one.shape[0], two.shape[1])
            total = [((s, (*w, *tail)), c) for (s, w), c in one.right.items()]
            total += [((s, (*head, *w)), -c) for (s, w), c in two.right.items()]
            before = len(self.rules), self._count
            self.add(collect(shape, total).terms, shape, "by", (one, two))
            if before != (len(self.rules), self._count):
                yield

    # Proofs

    def rewrite(self, poly: Poly) -> dict[RewriteRule, None] | None:
        """The rules that rewrite a sum to 0, if it can be."""
        target = self.words(poly)
        if len(target) > MAX_LENGTH:
            return None
        self.learn(target)
        if not self.rules:
            return None
        used: dict[RewriteRule, None] = {}
        target = self.reduced(target, used)
        if target:
            for _ in self.completions():
                target = self.reduced(target, used)
                if not target or len(target) > MAX_LENGTH:
                    break
        return None if target else used

    def explained(self, used: Iterable[RewriteRule], a: Expr, b: Expr) -> list[tuple[Expr, Expr, str]]:
        """The rules as equations, each after those that it comes from, and the equation that they prove."""
        order: dict[RewriteRule, int] = {}

        def visit(rule: RewriteRule) -> None:
            stack = [(rule, False)]
            while stack:
                top, is_done = stack.pop()
                if top in order:
                    continue
                if is_done:
                    order[top] = len(order) + 1
                else:
                    stack.append((top, True))
                    stack += [(r, False) for r in top.needs if r not in order]

        for rule in used:
            visit(rule)

        def cited(rules: Iterable[RewriteRule]) -> str:
            return "by " + ", ".join(f"({n})" for n in sorted(order[rule] for rule in rules))

        steps = []
        for rule in order:
            left = _expr({((), rule.left): Fraction(1)}, rule.shape)
            steps.append((left, _expr(rule.right, rule.shape), cited(rule.needs) if rule.needs else rule.origin))
        return [*steps, (a, b, cited(used))]


def _order(word: Chain) -> tuple[int, list[tuple[int, int, int]]]:
    """Longer words are larger; of the same length, by the letters."""
    return len(word), [key(letter) for letter in word]


def _places(word: Chain, part: Chain) -> bool:
    return any(word[i : i + len(part)] == part for i in range(len(word) - len(part) + 1))


def _expr(terms: Terms, shape: Shape) -> Expr:
    total = []
    for (scalars, word), c in terms.items():
        front = mono_expr(c, (scalars, ()), (ONE, ONE))
        total.append(mul(front, matmul(*word) if word else identity(shape[0])) if shape == (ONE, ONE)
                     else scale(front, matmul(*word) if word else identity(shape[0])))  # fmt: skip
    return add(*total) if total else zeros(*shape)
