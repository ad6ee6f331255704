"""From the normal form back to what a person writes.

Atoms are shown as they were first written; equal neighbors become powers, xᵀ x becomes
‖x‖², Diag(a) M y becomes a ⊙ (M y).  `cost` orders forms: fewest symbols, then fewest
brackets, then fewest operations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from ..expr import Expr, as_expr, fold, identity, nodes, number, number_op, ones_op, symbol_op
from ..operations import (
    add,
    diagonal_matrix,
    hadamard,
    inv,
    matmul,
    matpow,
    mul,
    power,
    scale,
    sq_norm,
    trace,
    transpose,
)
from ..shapes import ONE, SCALAR, Shape
from .normal import Normalizer, mono_expr
from .polynomial import Chain, Mono, Poly, Scalars
from .products import entry_bases

Cost = tuple[int, int, int]
_INFIX = frozenset("add mul scale matmul transpose hadamard kron power inv matpow symbol number".split())


def cost(expr: Expr, enclosed: bool = False) -> Cost:
    """Symbols, bracket pairs and operations of the written formula, shared parts counted each time.

    A bracket inside a bracket counts as a symbol: it must save more than one to be worth
    reading.  `enclosed` says that the formula, if a sum, will stand in a bracket itself.
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
                outer += 1
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
        elif node.args:
            operations += len(node.args) - 1
        return (symbols, brackets, operations, outer)

    symbols, brackets, operations, outer = fold(expr, visit)
    if enclosed and expr.op is add:
        symbols += outer
    return symbols, brackets, operations


class Display:
    """How canonical expressions are shown."""

    def __init__(self, ctx: Normalizer) -> None:
        self.ctx = ctx
        self._memo: dict[Expr, Expr] = {}

    def refresh(self) -> None:
        self._memo.clear()

    def atom(self, atom: Expr) -> Expr:
        """An atom as it was written."""
        for node in nodes(atom):
            if node not in self._memo:
                known = self.ctx.shown.get(node)
                if known is not None:
                    self._memo[node] = known
                else:
                    self._memo[node] = self._rebuilt(node)
        return self._memo[atom]

    def _rebuilt(self, node: Expr) -> Expr:
        if not node.args:
            return node
        if node.op is hadamard:
            return self.entries(entry_bases(node))
        args = [self._memo[a] for a in node.args]
        for i, a in enumerate(node.args):
            if a in self.ctx.negated:
                args[i] = negative(args[i])
        if node.op is matmul:
            return square(node, args) or self.product(node.args)
        if node.op is trace and node.args[0].op is matmul:
            inside = node.args[0]
            if len(inside.args) == 2 and inside.args[0] is transpose(inside.args[1]):
                return sq_norm(self.atom(inside.args[1]))
        if node.op is add:
            return add(*sorted(args, key=lambda a: a.op is scale and a.args[0].op is number_op and a.args[0].data[0] < 0))
        return node.op.build(tuple(args), node.data)

    def factor(self, factor: Expr) -> Expr:
        if factor.op is transpose:
            return transpose(self.atom(factor.args[0]))
        return self.atom(factor)

    def entries(self, items: Iterable[tuple[Expr, Fraction]]) -> Expr:
        """An entrywise product of powers, quotients last."""
        shown = []
        for base, e in items:
            b = self.atom(base)
            if base in self.ctx.negated:
                b = negative(b) if e.denominator > 1 or e.numerator % 2 else b
            shown.append((b, e))
        shown.sort(key=lambda item: item[1] < 0)
        return hadamard(*(power(b, as_expr(e)) for b, e in shown))

    def product(self, chain: Sequence[Expr]) -> Expr:
        """A chain of factors, entrywise where diagonal matrices meet a vector."""
        segments: list[list[Expr]] = [[]]
        for factor in chain:
            if segments[-1] and factor.shape[0] is ONE:
                segments.append([])
            segments[-1].append(factor)
        shown: list[Expr] = []
        for segment in segments:
            if segment[-1].shape[1] is ONE and any(f.op is diagonal_matrix for f in segment):
                shown.append(self._column(segment))
            else:
                shown += self._collapsed(segment)
        return matmul(*shown)

    def _column(self, segment: list[Expr]) -> Expr:
        tail: list[Expr] = []
        value: Expr | None = None
        for factor in reversed(segment):
            if factor.op is diagonal_matrix:
                right = matmul(*self._collapsed(tail), *([value] if value is not None else []))
                value = hadamard(self.entries(entry_bases(factor.args[0])), right)
                tail = []
            else:
                tail.insert(0, factor)
        return matmul(*self._collapsed(tail), *([value] if value is not None else []))

    def _collapsed(self, chain: Sequence[Expr]) -> list[Expr]:
        """The factors shown, equal neighbors as powers."""
        shown: list[Expr] = []
        i = 0
        while i < len(chain):
            j = i
            while j < len(chain) and chain[j] is chain[i]:
                j += 1
            factor, k = chain[i], j - i
            if k > 1 and factor.is_square:
                if factor.op is transpose:
                    shown.append(transpose(_to_power(self.atom(factor.args[0]), k)))
                else:
                    shown.append(_to_power(self.atom(factor), k))
            else:
                shown += [self.factor(factor)] * k
            i = j
        return shown

    def scalars(self, scalars: Scalars) -> list[Expr]:
        shown = []
        for base, e in scalars:
            value = self.atom(base)
            if base in self.ctx.negated and e.denominator == 1 and e.numerator % 2:
                value = negative(value)
            shown.append(power(value, as_expr(e)))
        return shown

    def term(self, coefficient: Fraction, mono: Mono, shape: Shape) -> Expr:
        """One term: the number, the scalars, the product."""
        scalars, chain = mono
        sign = 1
        for factor in chain:
            atom = factor.args[0] if factor.op is transpose else factor
            if atom in self.ctx.negated:
                sign = -sign
        factors = self.scalars(scalars)
        if shape == SCALAR:
            return mul(number(coefficient * sign), *factors)
        body = self.product(chain) if chain else identity(shape[0])
        coefficient *= sign
        if coefficient < 0 and chain:
            flipped = self._flipped(chain, body)
            if flipped is not None:
                body, coefficient = flipped, -coefficient
        return scale(mul(number(coefficient), *factors), body)

    def _flipped(self, chain: Chain, body: Expr) -> Expr | None:
        """−A (x − y) is A (y − x)."""
        if body.op is not matmul:
            return None
        for i, factor in enumerate(body.args):
            inside = factor.args[0] if factor.op is transpose else factor
            if inside.op is add and any(is_negative(t) for t in inside.args) and not all(is_negative(t) for t in inside.args):
                turned = positive_first([negative(t) for t in inside.args])
                if factor.op is transpose:
                    turned = transpose(turned)
                return matmul(*body.args[:i], turned, *body.args[i + 1 :])
        return None

    def sum(self, poly: Poly) -> Expr:
        """The terms of a sum, by degree, then as they were met."""
        shown = [self.term(c, m, poly.shape) for m, c in poly.terms.items()]
        return ordered_sum(shown, poly.shape)


def ordered_sum(terms: list[Expr], shape: Shape) -> Expr:
    """A sum with terms by degree, highest first; a positive term leads where there is one."""
    if not terms:
        return as_expr(0) if shape == SCALAR else scale(0, mono_expr(Fraction(1), ((), ()), shape))
    keyed = [(-_degree(t), _transposes(t), i) for i, t in enumerate(terms)]
    order = [terms[i] for _, _, i in sorted(keyed)]
    return positive_first(order)


def positive_first(terms: list[Expr]) -> Expr:
    if is_negative(terms[0]):
        for i, t in enumerate(terms):
            if not is_negative(t):
                terms = [t, *terms[:i], *terms[i + 1 :]]
                break
    return add(*terms)


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


def _degree(term: Expr) -> int:
    def visit(node: Expr, counts: list[int]) -> int:
        if node.op is symbol_op:
            return 1
        if node.op is matpow:
            return counts[0] * abs(node.data[0])
        return max(counts, default=0) if node.op is add else sum(counts)

    return fold(term, visit)


def _transposes(term: Expr) -> int:
    def visit(node: Expr, counts: list[int]) -> int:
        return sum(counts) + (node.op is transpose)

    return fold(term, visit)


def square(node: Expr, args: Sequence[Expr]) -> Expr | None:
    """xᵀ x as ‖x‖²."""
    if len(node.args) == 2 and node.is_scalar and node.args[0] is transpose(node.args[1]) and node.args[1].op is not ones_op:
        return sq_norm(args[1])
    return None


def _to_power(base: Expr, k: int) -> Expr:
    return matpow(base, k)
