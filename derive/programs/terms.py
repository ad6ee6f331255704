"""The graph of values that a program computes.

A value is an array that the program may hold.  A term is a coefficient times powers of
scalars times a value, or times its transpose: transposes, numbers and scalars never are
values of their own, so A, Aᵀ and −2A are one value, and so are a product and the product
of the transposes.  Row vectors are transposed column vectors.

`Products` and `ValueGraph` build them in normal form.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from ..facts import Facts, follows
from ..facts import facts_of as facts_of_symbol
from ..ranges import NONNEGATIVE, Range
from ..shapes import ONE, SCALAR, Shape
from ..traversal import postorder

Powers = tuple[tuple["Value", Fraction], ...]
ZERO, UNIT = Fraction(0), Fraction(1)


class Value:
    """An array of the program: a kind of operation on terms.

    Attributes
    ----------
    kind : str
    args : tuple of Term
    data : tuple
    shape : (Dim, Dim)
        Never a row: rows are transposed columns.
    number : int
        In the order of creation; operands come first.
    is_symmetric : bool
    """

    __slots__ = ("kind", "args", "data", "shape", "number", "is_symmetric", "facts")

    def __init__(self, kind: str, args: tuple[Term, ...], data: tuple[Any, ...], shape: Shape, number: int) -> None:
        self.kind = kind
        self.args = args
        self.data = data
        self.shape = shape
        self.number = number
        self.is_symmetric = False
        self.facts: Facts | None = None

    @property
    def is_scalar(self) -> bool:
        return self.shape == SCALAR

    @property
    def is_vector(self) -> bool:
        return self.shape[1] is ONE and self.shape[0] is not ONE

    def __repr__(self) -> str:
        return f"{self.kind}#{self.number}"


class Term:
    """`coefficient` × powers of scalars × value (transposed if `flipped`); a scalar if `value` is None."""

    __slots__ = ("coefficient", "powers", "value", "flipped")

    def __init__(
        self, coefficient: Fraction, powers: Powers = (), value: Value | None = None, flipped: bool = False
    ) -> None:
        self.coefficient = coefficient
        self.powers = powers
        self.value = value
        self.flipped = flipped and value is not None and not value.is_symmetric

    @property
    def shape(self) -> Shape:
        if self.value is None:
            return SCALAR
        rows, columns = self.value.shape
        return (columns, rows) if self.flipped else (rows, columns)

    @property
    def body(self) -> Value:
        """The value of a term that is no scalar."""
        assert self.value is not None
        return self.value

    @property
    def is_plain(self) -> bool:
        """Whether it is a value or its transpose, times nothing."""
        return self.coefficient == 1 and not self.powers

    @property
    def T(self) -> Term:
        return Term(self.coefficient, self.powers, self.value, not self.flipped)

    @property
    def bare(self) -> Term:
        """The term without its coefficient and scalars."""
        return Term(UNIT, (), self.value, self.flipped)

    def times(self, coefficient: Fraction, powers: Powers = ()) -> Term:
        """The term times a coefficient and powers of scalars."""
        return Term(self.coefficient * coefficient, merged(self.powers, powers), self.value, self.flipped)

    def key(self, flip: bool = False) -> tuple[Any, ...]:
        flipped = self.flipped != (flip and self.value is not None and not self.value.is_symmetric)
        number = -1 if self.value is None else self.value.number
        return (number, flipped, self.coefficient, tuple((v.number, e) for v, e in self.powers))

    def parts(self) -> list[Value]:
        """The values it is made of."""
        found = [value for value, _ in self.powers]
        return found if self.value is None else [*found, self.value]

    def __repr__(self) -> str:
        text = "" if self.coefficient == 1 else f"{self.coefficient}*"
        text += "".join(f"{v!r}^{e}*" for v, e in self.powers)
        return text + (f"{self.value!r}" + ("'" if self.flipped else ""))


def merged(left: Powers, right: Powers) -> Powers:
    """The product of two products of powers."""
    if not left or not right:
        return left or right
    exponents = dict(left)
    for value, exponent in right:
        exponents[value] = exponents.get(value, ZERO) + exponent
    return tuple(sorted(((v, e) for v, e in exponents.items() if e), key=lambda pair: pair[0].number))


def gathered(exponents: Sequence[Fraction], base: Value | None) -> list[Fraction]:
    """The exponents of one factor, added up where that is an identity.

    f^½ f^½ is f only where f ≥ 0, so roots of what may be negative stay apart.
    """
    rest = [e for e in exponents if e.denominator != 1]
    if not rest or base is not None and is_nonnegative(base):
        whole, rest = sum(exponents, ZERO), []
    else:
        whole = sum((e for e in exponents if e.denominator == 1), ZERO)
    return [*([whole] if whole else []), *rest]


def multiset(keys: Iterable[Any]) -> tuple[Any, ...]:
    """The same for every order of the keys; unlike a set it counts those that are equal."""
    return tuple(sorted(keys))


def values_below(roots: Iterable[Value], sources: Mapping[Value, Value] | None = None) -> list[Value]:
    """Every value that the roots need, operands first, and before a value also the source it is made of instead."""

    def operands(value: Value) -> list[Value]:
        found = [part for term in value.args for part in term.parts()]
        return [*found, sources[value]] if sources and value in sources else found

    return postorder(roots, operands)


def counted_uses(order: Iterable[Value], outputs: Iterable[Term]) -> Counter[Value]:
    """How often values and outputs use each value."""
    terms = [*(term for value in order for term in value.args), *outputs]
    return Counter(part for term in terms for part in term.parts())


def users_in(order: Iterable[Value]) -> dict[Value, list[Value]]:
    """The values that use each value, as often as they do."""
    users: dict[Value, list[Value]] = {}
    for value in order:
        for term in value.args:
            for part in term.parts():
                users.setdefault(part, []).append(value)
    return users


def facts_of(value: Value) -> Facts:
    """What is evident of a value."""
    if value.facts is None:
        for part in postorder([value], lambda node: (p for t in node.args for p in t.parts() if p.facts is None)):
            found = _seen(part)
            part.facts = found._replace(is_symmetric=found.is_symmetric or part.is_symmetric)
    assert value.facts is not None
    return value.facts


def is_nonnegative(value: Value) -> bool:
    """Whether every entry is seen to be at least 0."""
    return facts_of(value).range.is_nonnegative


def is_positive_definite(value: Value) -> bool:
    """Whether the value is seen to be symmetric positive definite."""
    return facts_of(value).definite == 2


def is_gram(value: Value) -> bool:
    """Whether the value is A Aᵀ, or A S Aᵀ with S positive definite, whatever the rank of A."""
    return value.kind in ("chain", "outer") and _form(value).definite == 2


OPERATION = {"chain": "matmul", "outer": "matmul", "cycle": "inner", "sum": "add", "total": "sum", "eye": "identity",
             "diagonal": "diag", "row_softmax": "softmax_row", "row_logsumexp": "logsumexp_row"}  # fmt: skip


def _seen(value: Value) -> Facts:
    kind, data = value.kind, value.data
    if kind == "hypot":
        return Facts(NONNEGATIVE)
    if kind == "input":
        return facts_of_symbol(data[0])
    if kind == "entries":
        parts = [_of_power(term.body, exponent) for term, (_, exponent) in zip(value.args, data, strict=True)]
        if any(tag != "full" for tag, _ in data):  # broadcast
            parts = [Facts(part.range) for part in parts]
        return follows("hadamard", parts, (), value.shape)
    operands = [_of_term(term) for term in value.args]
    if kind == "cycle" and len(operands) > 2:
        operands = [Facts(operand.range) for operand in operands]
    if kind in ("chain", "outer"):
        data = (_form(value),)
    return follows(OPERATION.get(kind, kind), operands, data, value.shape)


def _of_power(value: Value, exponent: Fraction) -> Facts:
    if exponent == 1:
        return facts_of(value)
    return follows("power", [facts_of(value), Facts(Range(exponent, exponent))], (), value.shape)


def _of_term(term: Term) -> Facts:
    if term.value is not None and term.is_plain:
        return facts_of(term.value)
    factor = Facts(Range(term.coefficient, term.coefficient))
    if term.powers:
        factor = follows("mul", [factor, *(_of_power(v, e) for v, e in term.powers)], (), SCALAR)
    return factor if term.value is None else follows("scale", [factor, facts_of(term.value)], (), term.value.shape)


def _form(value: Value) -> Facts:
    """A Aᵀ, or A S Aᵀ."""
    count = len(value.args)
    if value.kind == "outer":
        return Facts(definite=2 * (value.args[0].key() == value.args[1].key()))
    if not value.is_symmetric:
        return Facts()
    inside = facts_of(value.args[count // 2].body) if count % 2 else Facts(definite=2)
    return inside._replace(is_invertible=all(facts_of(term.body).is_invertible for term in value.args[: count // 2]))


def collected(terms: Iterable[Term]) -> list[Term]:
    """Like terms added up; what cancels is gone."""
    like: dict[Any, Term] = {}
    for part in terms:
        key = (part.powers, part.value, part.flipped)
        known = like.get(key)
        like[key] = part if known is None else Term(known.coefficient + part.coefficient, *key)
    return [term for term in like.values() if term.coefficient and not is_zero(term)]


def is_broadcast(value: Value) -> bool:
    """Whether it is 1, u 1ᵀ or 1 vᵀ, of which an array of the full shape needs no more than the number, u or v."""
    return value.kind == "ones" or value.kind == "outer" and any(arg.body.kind == "ones" for arg in value.args)


def is_zero(term: Term) -> bool:
    return term.coefficient == 0 or (term.value is not None and term.value.kind == "zeros")


def are_inverse(left: Term, right: Term) -> bool:
    """Whether the product of two adjacent factors is the identity."""
    for one, other in ((left, right), (right, left)):
        if one.body.kind == "inv":
            inner = one.body.args[0]
            flipped = inner.flipped != one.flipped and not inner.body.is_symmetric
            if inner.value is other.value and inner.is_plain and flipped == other.flipped:
                return True
    return False


def common_powers(terms: Sequence[Term]) -> Powers:
    """The powers of scalars that every term has."""
    shared = set(terms[0].powers)
    for term in terms[1:]:
        shared &= set(term.powers)
    return tuple(pair for pair in terms[0].powers if pair in shared)
