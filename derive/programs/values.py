"""The graph of values that a program computes.

A value is an array that the program may hold.  A term is a coefficient times powers of
scalars times a value, or times its transpose: transposes, numbers and scalars never are
values of their own, so A, Aᵀ and −2A are one value, and so are a product and the product
of the transposes.  Row vectors are transposed column vectors.

Constructors keep what is cheap to know: products are flat chains, a chain that narrows to
a scalar is split there (x xᵀ A y is the scalar xᵀ A y times x), u vᵀ is `outer`, factors of
ones become sums, identity and commutation matrices vanish where they can, and sums collect
like terms.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from ..expr import Expr
from ..shapes import ONE, SCALAR, Dim, Shape

MAX_CHAIN = 24  # factors of a product that is spliced into another

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

    __slots__ = ("kind", "args", "data", "shape", "number", "is_symmetric")

    def __init__(self, kind: str, args: tuple[Term, ...], data: tuple[Any, ...], shape: Shape, number: int) -> None:
        self.kind = kind
        self.args = args
        self.data = data
        self.shape = shape
        self.number = number
        self.is_symmetric = False

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


def values_below(roots: Iterable[Value]) -> list[Value]:
    """Every value that the roots need, operands first."""
    order: list[Value] = []
    seen: set[Value] = set()
    stack = list(roots)
    stack.reverse()
    while stack:
        value = stack[-1]
        if value in seen:
            stack.pop()
            continue
        pending = [part for term in value.args for part in term.parts() if part not in seen]
        if pending:
            pending.reverse()
            stack += pending
        else:
            seen.add(value)
            order.append(value)
            stack.pop()
    return order


POSITIVE = frozenset("exp sq_norm norm1 sigmoid softplus softmax cosh dimension constant abs row_softmax".split())


def is_nonnegative(value: Value) -> bool:
    """Whether every entry is seen to be at least 0."""
    if value.kind in POSITIVE:
        return True
    if value.kind == "input":
        return "positive" in value.data[0].properties
    if value.kind == "sum" and is_one_minus_sigmoid(value):
        return True
    if value.kind in ("sum", "total", "chain", "outer", "ones"):
        return all(
            term.coefficient >= 0
            and all(e.denominator == 1 and e.numerator % 2 == 0 or is_nonnegative(v) for v, e in term.powers)
            and (term.value is None or is_nonnegative(term.value))
            for term in value.args
        )
    if value.kind == "entries":
        return all(
            exponent.denominator == 1 and exponent.numerator % 2 == 0 or is_nonnegative(term.body)
            for term, (_, exponent) in zip(value.args, value.data, strict=True)
        )
    return False


def is_one_minus_sigmoid(value: Value) -> bool:
    """Whether the value is 1 − σ(u) = σ(−u)."""
    if len(value.args) != 2:
        return False
    ones, other = sorted(value.args, key=lambda term: term.coefficient, reverse=True)
    if other.coefficient != -1 or ones.coefficient != 1 or ones.powers:
        return False
    if ones.value is not None and ones.value.kind != "ones":
        return False
    inner = other.value if other.value is not None else other.powers[0][0] if len(other.powers) == 1 else None
    return inner is not None and inner.kind == "sigmoid" and (other.value is None or not other.powers)


class Graph:
    """The table of values, and the constructors that keep them in normal form."""

    def __init__(self) -> None:
        self.table: dict[Any, Value] = {}
        self.count = 0

    # Values

    def value(
        self, kind: str, args: tuple[Term, ...] = (), data: tuple[Any, ...] = (), shape: Shape = SCALAR, key: Any = None
    ) -> Value:
        """The value of this kind on these terms; the same object for the same key."""
        if key is None:
            key = (kind, tuple(arg.key() for arg in args), data, shape)
        known = self.table.get(key)
        if known is None:
            known = self.table[key] = Value(kind, args, data, shape, self.count)
            self.count += 1
        return known

    def whole(self, kind: str, *args: Term, data: tuple[Any, ...] = (), shape: Shape = SCALAR) -> Term:
        """An operation on whole arrays, as a term; a row comes back as a transposed column."""
        plain = tuple(self.plain(arg) for arg in args)
        if shape[0] is ONE and shape[1] is not ONE:
            return Term(UNIT, (), self.value(kind, plain, data, (shape[1], ONE)), True)
        value = self.value(kind, plain, data, shape)
        return self.scalar(value) if value.is_scalar else Term(UNIT, (), value)

    def scalar(self, value: Value, exponent: Fraction = UNIT) -> Term:
        return Term(UNIT, ((value, exponent),))

    def plain(self, term: Term) -> Term:
        """The term as a value of its own, times nothing."""
        if term.value is None:
            if term.coefficient == 1 and len(term.powers) == 1 and term.powers[0][1] == 1:
                return term
            return self.scalar(self.value("sum", (term,)))
        if term.is_plain:
            return term
        inner = Term(term.coefficient, term.powers, term.value)
        made = self.value("sum", (inner,), (), term.value.shape)
        made.is_symmetric = term.value.is_symmetric
        return Term(UNIT, (), made, term.flipped)

    def scalar_value(self, term: Term) -> Value:
        """The value that holds a scalar term."""
        return self.plain(term).powers[0][0]

    # Leaves

    def number(self, coefficient: Fraction) -> Term:
        return Term(coefficient)

    def input(self, symbol: Expr) -> Term:
        rows, columns = symbol.shape
        if symbol.is_scalar:
            return self.scalar(self.value("input", (), (symbol,)))
        if rows is ONE:
            return Term(UNIT, (), self.value("input", (), (symbol,), (columns, ONE)), True)
        value = self.value("input", (), (symbol,), symbol.shape)
        value.is_symmetric = "symmetric" in symbol.properties
        return Term(UNIT, (), value)

    def ones(self, rows: Dim, columns: Dim) -> Term:
        if rows is ONE and columns is ONE:
            return Term(UNIT)
        if columns is ONE or rows is ONE:
            n = rows if columns is ONE else columns
            return Term(UNIT, (), self.value("ones", (), (n,), (n, ONE)), rows is ONE)
        return self.outer(self.ones(rows, ONE), self.ones(columns, ONE))

    def eye(self, n: Dim) -> Term:
        if n is ONE:
            return Term(UNIT)
        value = self.value("eye", (), (n,), (n, n))
        value.is_symmetric = True
        return Term(UNIT, (), value)

    def zeros(self, shape: Shape) -> Term:
        if shape == SCALAR:
            return Term(ZERO)
        if shape[0] is ONE:
            return Term(UNIT, (), self.value("zeros", (), (), (shape[1], ONE)), True)
        return Term(UNIT, (), self.value("zeros", (), (), shape))

    # Scalars

    def multiply(self, terms: Iterable[Term]) -> Term:
        """The product of scalars and of at most one array."""
        coefficient, powers, value, flipped = UNIT, (), None, False
        for term in terms:
            coefficient *= term.coefficient
            powers = merged(powers, term.powers)
            if term.value is not None:
                assert value is None
                value, flipped = term.value, term.flipped
        return self.softened(Term(coefficient, powers, value, flipped))

    def softened(self, term: Term) -> Term:
        """exp(x) / sum(exp(x)) is softmax(x), which does not overflow."""
        if term.value is not None and term.value.kind == "exp" and term.value.is_vector and term.powers:
            total = self.table.get(("total", (Term(UNIT, (), term.value).key(),), (), SCALAR))
            if total is not None and dict(term.powers).get(total) == -1:
                powers = tuple((v, e) for v, e in term.powers if v is not total)
                soft = self.value("softmax", term.value.args, (), term.value.shape)
                return Term(term.coefficient, powers, soft, term.flipped)
        return term

    def raised(self, term: Term, exponent: Fraction) -> Term:
        """A scalar to a power."""
        if exponent == 0:
            return Term(UNIT)
        if term.coefficient == 0:
            return Term(ZERO) if exponent > 0 else self.scalar(self.value("sum", (term,)), exponent)
        if exponent.denominator == 1:
            return Term(term.coefficient**exponent, tuple((v, e * exponent) for v, e in term.powers))
        # (a b)^t = a^t b^t holds where both are positive.
        inside: list[tuple[Value, Fraction]] = []
        outside: list[tuple[Value, Fraction]] = []
        for value, power in term.powers:
            if is_nonnegative(value):
                outside.append((value, power * exponent))
            else:
                inside.append((value, power))
        if term.coefficient > 0 and not inside:
            root = exact_root(term.coefficient, exponent)
            if root is not None:
                return Term(root, tuple(outside))
        held = Term(term.coefficient, tuple(inside))
        return Term(UNIT, merged(((self.scalar_value(held), exponent),), tuple(outside)))

    # Sums

    def total(self, terms: Sequence[Term], shape: Shape) -> Term:
        """The sum, like terms collected; common numbers stand in front."""
        kept = collected(part for term in terms for part in self.summands(term))
        if any(term.value is not None and term.value.kind == "sum" for term in kept):
            # A sum inside a sum stays a value of its own, unless its terms cancel or collect.
            opened = collected(part for term in kept for part in self.opened(term))
            if len(opened) <= len(kept):
                kept = opened
        if not kept:
            return self.zeros(shape)
        if len(kept) == 1:
            return kept[0]
        if all(term.value is not None and term.value.kind in ("eye", "Diag") for term in kept):
            return self.diag_matrix(self.total([self.diagonal(term) for term in kept], (shape[0], ONE)))
        scale = abs(kept[0].coefficient)
        if any(abs(term.coefficient) != scale for term in kept):
            scale = UNIT
        if all(term.coefficient < 0 for term in kept):
            scale = -scale
        common = common_powers(kept) if shape != SCALAR else ()
        back = tuple((v, -e) for v, e in common)
        kept = [term.times(1 / scale, back) for term in kept]
        if shape == SCALAR:
            key = ("sum", frozenset(term.key() for term in kept))
            return Term(scale, ((self.value("sum", tuple(kept), (), SCALAR, key), UNIT),))
        flipped = shape[0] is ONE
        if flipped:
            kept, shape = [term.T for term in kept], (shape[1], shape[0])
        straight, turned = frozenset(t.key() for t in kept), frozenset(t.key(True) for t in kept)
        if ("sum", turned) in self.table and straight != turned:
            return Term(scale, common, self.table["sum", turned], not flipped)
        made = self.value("sum", tuple(kept), (), shape, ("sum", straight))
        made.is_symmetric = straight == turned
        return Term(scale, common, made, flipped)

    def summands(self, term: Term) -> Iterable[Term]:
        """A sum inside a sum dissolves only if it is a mere multiple; else it is shared as a whole."""
        value = term.value
        if value is not None and value.kind == "sum" and len(value.args) == 1:
            inner = value.args[0]
            yield Term(inner.coefficient, inner.powers, inner.value, inner.flipped != term.flipped).times(
                term.coefficient, term.powers
            )
        else:
            yield term

    def opened(self, term: Term) -> Iterable[Term]:
        """The terms of a sum of arrays."""
        value = term.value
        if value is None or value.kind != "sum":
            yield term
            return
        for part in value.args:
            turned = part.T if term.flipped else part
            yield turned.times(term.coefficient, term.powers)

    # Products

    def outer(self, left: Term, right: Term) -> Term:
        """u vᵀ for columns u and v."""
        key = ("outer", left.bare.key(), right.bare.key())
        turned = ("outer", right.bare.key(), left.bare.key())
        coefficient = left.coefficient * right.coefficient
        powers = merged(left.powers, right.powers)
        if turned in self.table and key != turned:
            return Term(coefficient, powers, self.table[turned], True)
        shape = (left.shape[0], right.shape[0])
        made = self.value("outer", (left.bare, right.bare), (), shape, key)
        made.is_symmetric = key == turned
        return Term(coefficient, powers, made)

    def factors(self, term: Term) -> list[Term]:
        """The factors of a bare term as a product, from left to right."""
        value = term.body
        if value.kind not in ("chain", "outer") or len(value.args) > MAX_CHAIN:
            return [term.bare]
        parts = list(value.args)
        if value.kind == "outer":
            parts[1] = parts[1].T
        if term.flipped:
            parts = [part.T for part in reversed(parts)]
        return [factor for part in parts for factor in ([part] if value.kind == "chain" else self.factors(part))]

    def chain(self, terms: Sequence[Term]) -> Term:
        """The matrix product."""
        coefficient, powers = UNIT, ()
        factors: list[Term] = []
        nested: list[Term] = []
        shape = (terms[0].shape[0], terms[-1].shape[1])
        for term in terms:
            coefficient *= term.coefficient
            powers = merged(powers, term.powers)
            if is_zero(term):
                return self.zeros(shape)
            if term.value is None:
                continue
            nested.append(term.bare)
            factors += self.factors(term)
        if len(factors) > MAX_CHAIN:
            factors = nested
        factors = self.reduced(factors)
        if not factors:
            return Term(coefficient, powers) if shape == SCALAR else self.eye(shape[0]).times(coefficient, powers)
        # Split where the product narrows to one column: the middle parts are scalars.
        segments: list[list[Term]] = [[]]
        for factor in factors:
            if segments[-1] and factor.shape[0] is ONE:
                segments.append([])
            segments[-1].append(factor)
        ends: list[Term] = []
        for segment in segments:
            part = self.segment(segment)
            coefficient *= part.coefficient
            powers = merged(powers, part.powers)
            if part.value is not None:
                ends.append(part.bare)
        if not ends:
            return Term(coefficient, powers)
        if len(ends) == 1:
            return self.softened(ends[0].times(coefficient, powers))
        return self.outer(ends[0], ends[1].T).times(coefficient, powers)

    def reduced(self, factors: list[Term]) -> list[Term]:
        """Adjacent factors that merge: I A, D(u) D(v), A A⁻¹, softmax by rows."""
        kept: list[Term] = []
        for factor in factors:
            kind = factor.body.kind
            if kind == "eye":
                continue
            if kept:
                last = kept[-1]
                if kind == "Diag" and last.body.kind == "Diag":
                    diagonal = self.entries([last.body.args[0], factor.body.args[0]], factor.body.args[0].shape)
                    kept.pop()
                    kept += [] if diagonal.value is None else [self.diag_matrix(self.plain(diagonal))]
                    continue
                if are_inverse(last, factor):
                    kept.pop()
                    continue
                soft = self.row_softmax(last, factor)
                if soft is not None:
                    kept[-1] = soft
                    continue
            kept.append(factor)
        return kept

    def row_softmax(self, left: Term, right: Term) -> Term | None:
        """D(1 ⊘ (E 1)) E with E = exp(X) is the softmax of each row of X."""
        if left.body.kind == "Diag" and right.body.kind == "exp":
            sums, exponentials, flipped = left.body.args[0], right, False
        elif right.body.kind == "Diag" and left.body.kind == "exp":
            sums, exponentials, flipped = right.body.args[0], left.T, True
        else:
            return None
        value = sums.value
        if value is None or value.kind != "entries" or value.data != (("full", Fraction(-1)),):
            return None
        total = value.args[0].body
        if total.kind != "chain" or len(total.args) != 2 or total.args[1].body.kind != "ones":
            return None
        if total.args[0].key() != exponentials.key():
            return None
        inner = exponentials.body.args[0]
        argument = inner.T if exponentials.flipped else inner
        made = self.value("row_softmax", (self.plain(argument),), (), argument.shape)
        return Term(UNIT, (), made, flipped)

    def segment(self, factors: list[Term]) -> Term:
        """A product that nowhere narrows to one column."""
        if len(factors) == 1:
            return factors[0]
        shape = (factors[0].shape[0], factors[-1].shape[1])
        if shape == SCALAR:
            if len(factors) == 2:
                left, right = factors[0].T, factors[1]
                if left.key() == right.key():
                    return self.square(left)
                for one, other in ((left, right), (right, left)):
                    if one.body.kind == "ones":
                        return self.sum_entries(other)
            straight = tuple(f.key() for f in factors)
            turned = tuple(f.key(True) for f in reversed(factors))
            key = ("chain", min(straight, turned))
            return self.scalar(self.value("chain", tuple(factors), (), SCALAR, key))
        if shape[0] is ONE:
            return self.segment([factor.T for factor in reversed(factors)]).T
        if factors[0].body.kind == "Diag" and factors[-1].shape[1] is ONE:
            rest = self.segment(factors[1:])
            return self.entries([factors[0].body.args[0], rest], shape)
        straight = tuple(f.key() for f in factors)
        turned = tuple(f.key(True) for f in reversed(factors))
        if ("chain", turned) in self.table and straight != turned:
            return Term(UNIT, (), self.table["chain", turned], True)
        made = self.value("chain", tuple(factors), (), shape, ("chain", straight))
        made.is_symmetric = straight == turned
        return Term(UNIT, (), made)

    # Entry by entry

    def entries(self, terms: Sequence[Term], shape: Shape, exponents: Sequence[Fraction] | None = None) -> Term:
        """The product entry by entry, each factor to its power; u 1ᵀ and 1 vᵀ broadcast."""
        coefficient, powers = UNIT, ()
        factors: dict[tuple[Any, ...], tuple[Term, str, Fraction]] = {}
        exponents = exponents or [UNIT] * len(terms)
        pending = list(zip(terms, ["full"] * len(terms), exponents, strict=True))
        pending.reverse()
        while pending:
            term, tag, exponent = pending.pop()
            if is_zero(term) and exponent > 0:
                return self.zeros(shape)
            if term.value is None or not term.is_plain:
                outside = self.raised(Term(term.coefficient, term.powers), exponent)
                coefficient *= outside.coefficient
                powers = merged(powers, outside.powers)
                if term.value is None:
                    continue
                term = term.bare
            value = term.body
            if value.kind == "ones":
                continue
            if value.kind in ("Diag", "eye") and tag == "full" and len(terms) > 1:
                return self.on_diagonal(terms, shape, exponents)
            if value.kind == "outer" and tag == "full" and exponent.denominator == 1:
                u, v = value.args[::-1] if term.flipped else value.args
                pending += [(v, "row", exponent), (u, "column", exponent)]
                continue
            if value.kind == "entries" and (exponent.denominator == 1 or len(value.args) == 1):
                inner = list(zip(value.args, value.data, strict=True))
                if tag == "full" or all(t == "full" for _, (t, _) in inner):
                    for _, (_, power) in inner:
                        even = power.denominator == 1 and power.numerator % 2 == 0
                        if exponent.denominator != 1 and (even or power.denominator != 1):
                            break
                    else:
                        for part, (part_tag, power) in reversed(inner):
                            turned = part_tag
                            if term.flipped and tag == "full":
                                turned = {"row": "column", "column": "row"}.get(part_tag, "full")
                                part = part.T if part_tag == "full" else part
                            pending.append((part, turned if tag == "full" else tag, power * exponent))
                        continue
            key = (term.key(), tag)
            known = factors.get(key)
            if known is not None:
                whole = known[2].denominator == 1 and exponent.denominator == 1
                if whole or is_nonnegative(value):
                    exponent += known[2]
                else:
                    key = (*key, len(factors))
            factors[key] = (term, tag, exponent)
        kept = [item for item in factors.values() if item[2] != 0]
        if not kept:
            return self.ones(*shape).times(coefficient, powers)
        full = [item for item in kept if item[1] == "full"]
        if len(kept) == 1 and full and full[0][2] == 1:
            return full[0][0].times(coefficient, powers)
        if not full or (len(full) == 1 and full[0][2] == 1 and len(kept) > 1):
            return self.scaled_sides(kept, full, shape).times(coefficient, powers)
        flipped = shape[0] is ONE
        if flipped:
            kept = [(t.T, tag, e) for t, tag, e in kept]
            shape = (shape[1], ONE)
        swap = {"row": "column", "column": "row", "full": "full"}
        straight = frozenset((t.key(), tag, e) for t, tag, e in kept)
        turned = frozenset((t.key(tag == "full"), swap[tag], e) for t, tag, e in kept)
        if shape[1] is not ONE and ("entries", turned) in self.table and straight != turned:
            return Term(coefficient, powers, self.table["entries", turned], not flipped)
        made = self.value(
            "entries",
            tuple(t for t, _, _ in kept),
            tuple((tag, e) for _, tag, e in kept),
            shape,
            ("entries", straight),
        )
        made.is_symmetric = shape[1] is not ONE and straight == turned
        return Term(coefficient, powers, made, flipped)

    def scaled_sides(
        self, kept: list[tuple[Term, str, Fraction]], full: list[tuple[Term, str, Fraction]], shape: Shape
    ) -> Term:
        """Factors that only scale rows and columns: D(u) A D(v), or u vᵀ where there is no A."""
        sides: dict[str, Term] = {}
        for tag, dim in (("column", shape[0]), ("row", shape[1])):
            chosen = [(t, e) for t, side, e in kept if side == tag]
            if chosen:
                sides[tag] = self.entries([t for t, _ in chosen], (dim, ONE), [e for _, e in chosen])
        if full:
            left = [self.diag_matrix(sides["column"])] if "column" in sides else []
            right = [self.diag_matrix(sides["row"])] if "row" in sides else []
            return self.chain([*left, full[0][0], *right])
        column = sides.get("column", self.ones(shape[0], ONE))
        return self.chain([column, sides.get("row", self.ones(shape[1], ONE)).T])

    def on_diagonal(self, terms: Sequence[Term], shape: Shape, exponents: Sequence[Fraction]) -> Term:
        diagonals = [self.diagonal(term) for term in terms]
        return self.diag_matrix(self.entries(diagonals, (shape[0], ONE), exponents))

    # Diagonals, traces, sums of entries

    def diag_matrix(self, vector: Term) -> Term:
        bare = vector.bare
        if vector.value is None:
            return vector
        if bare.body.kind == "ones":
            return self.eye(bare.shape[0]).times(vector.coefficient, vector.powers)
        n = bare.shape[0]
        made = self.value("Diag", (bare,), (), (n, n))
        made.is_symmetric = True
        return Term(vector.coefficient, vector.powers, made)

    def diagonal(self, term: Term) -> Term:
        """The diagonal of a matrix, as a vector."""
        n = term.shape[0]
        if term.value is None:
            return term
        value, front = term.body, Term(term.coefficient, term.powers)
        if value.kind == "eye":
            return self.ones(n, ONE).times(front.coefficient, front.powers)
        if value.kind == "zeros":
            return self.zeros((n, ONE))
        if value.kind == "Diag":
            return value.args[0].times(front.coefficient, front.powers)
        if value.kind == "outer":
            return self.entries(list(value.args), (n, ONE)).times(front.coefficient, front.powers)
        if value.kind == "sum":
            return self.total([self.diagonal(t) for t in value.args], (n, ONE)).times(front.coefficient, front.powers)
        made = self.value("diagonal", (Term(UNIT, (), value),), (), (n, ONE))
        return Term(front.coefficient, front.powers, made)

    def trace(self, term: Term) -> Term:
        if term.value is None:
            return term
        value, front = term.body, Term(term.coefficient, term.powers)
        if value.kind == "chain":
            return self.multiply([front, self.cycle(list(value.args))])
        if value.kind == "outer":
            return self.multiply([front, self.chain([value.args[0].T, value.args[1]])])
        if value.kind == "sum":
            return self.multiply([front, self.total([self.trace(t) for t in value.args], SCALAR)])
        if value.kind == "eye":
            return self.multiply([front, self.dimension(value.data[0])])
        if value.kind == "zeros":
            return Term(ZERO)
        if value.kind == "Diag":
            return self.multiply([front, self.sum_entries(value.args[0])])
        if value.kind == "kron" and all(t.shape[0] is t.shape[1] for t in value.args):
            return self.multiply([front, *(self.trace(t) for t in value.args)])
        return self.multiply([front, self.scalar(self.value("trace", (Term(UNIT, (), value),)))])

    def dimension(self, dim: Dim) -> Term:
        if dim.value is not None:
            return Term(Fraction(dim.value))
        return self.scalar(self.value("dimension", (), (dim,)))

    def cycle(self, factors: list[Term]) -> Term:
        """The trace of a product: the same for every rotation and for the transpose."""
        rows = factors[0].shape[0]
        factors = self.reduced(factors)
        if not factors:
            return self.dimension(rows)
        for index, factor in enumerate(factors):
            if factor.shape[0] is ONE:
                return self.chain(factors[index:] + factors[:index])
        if len(factors) == 1:
            return self.trace(factors[0])
        if len(factors) == 2 and factors[0].T.key() == factors[1].key():
            return self.square(factors[1])
        keys = []
        turned = [factor.T for factor in reversed(factors)]
        for sequence in (factors, turned):
            for index in range(len(factors)):
                keys.append(tuple(f.key() for f in sequence[index:] + sequence[:index]))
        return self.scalar(self.value("cycle", tuple(factors), (), SCALAR, ("cycle", min(keys))))

    def inner(self, left: Term, right: Term) -> Term:
        """The sum of the products of the entries."""
        front = Term(left.coefficient * right.coefficient, merged(left.powers, right.powers))
        if is_zero(left) or is_zero(right):
            return Term(ZERO)
        if left.value is None or right.value is None:
            return self.multiply([left, right])
        left, right = left.bare, right.bare
        if left.key() == right.key():
            return self.multiply([front, self.square(left)])
        kinds = (left.body.kind, right.body.kind)
        if left.shape[1] is not ONE and ("entries" in kinds or "Diag" in kinds):
            return self.multiply([front, self.sum_entries(self.entries([left, right], left.shape))])
        return self.multiply([front, self.cycle([*self.factors(left.T), *self.factors(right)])])

    def square(self, term: Term) -> Term:
        """The squared norm."""
        front = Term(term.coefficient**2, tuple((v, 2 * e) for v, e in term.powers))
        if term.value is None:
            return front
        value = term.body
        if value.kind == "outer":
            return self.multiply([front, *(self.square(arg) for arg in value.args)])
        if value.kind in ("eye", "ones"):
            return self.multiply([front, self.dimension(value.shape[0])])
        if value.kind == "Diag":
            return self.multiply([front, self.square(value.args[0])])
        if value.kind == "zeros":
            return Term(ZERO)
        return self.multiply([front, self.scalar(self.value("sq_norm", (Term(UNIT, (), value),)))])

    def sum_entries(self, term: Term) -> Term:
        if term.value is None:
            return term
        value, front = term.body, Term(term.coefficient, term.powers)
        if value.kind in ("chain", "outer"):
            rows, columns = term.shape
            if columns is not ONE or value.kind == "outer" or len(value.args) > 1:
                product = [self.ones(rows, ONE).T, *self.factors(term), self.ones(columns, ONE)]
                return self.multiply([front, self.chain([p for p in product if p.value is not None])])
        if value.kind == "ones":
            return self.multiply([front, self.dimension(value.shape[0])])
        if value.kind == "eye":
            return self.multiply([front, self.dimension(value.shape[0])])
        if value.kind == "Diag":
            return self.multiply([front, self.sum_entries(value.args[0])])
        if value.kind == "zeros":
            return Term(ZERO)
        if value.kind == "sum" and any(t.value is not None and t.value.kind in SUMMABLE for t in value.args):
            return self.multiply([front, self.total([self.sum_entries(t) for t in value.args], SCALAR)])
        if value.kind == "entries":
            found = self.contracted(value)
            if found is not None:
                return self.multiply([front, found])
        return self.multiply([front, self.scalar(self.value("total", (Term(UNIT, (), value),)))])

    def contracted(self, value: Value) -> Term | None:
        """Σ u A v for entries scaled by rows and columns; Σ A² as a squared norm; Σ A ⊙ B as <A, B>."""
        items = list(zip(value.args, value.data, strict=True))
        if len(items) == 1 and items[0][1] == ("full", Fraction(2)):
            return self.square(items[0][0])
        if all(tag == "full" for _, (tag, _) in items) and len(items) == 2:
            if value.is_vector:
                # A dot product; powers are values of their own.
                left, right = (self.entries([t], value.shape, [e]) for t, (_, e) in items)
                return self.chain([left.T, right])
            if all(e == 1 for _, (_, e) in items):
                return self.cycle([*self.factors(items[0][0].T), *self.factors(items[1][0])])
        if any(tag != "full" for _, (tag, _) in items):
            rows, columns = value.shape
            sides: dict[str, list[tuple[Term, Fraction]]] = {"full": [], "column": [], "row": []}
            for term, (tag, exponent) in items:
                sides[tag].append((term, exponent))
            made = {
                tag: self.entries([t for t, _ in sides[tag]], shape, [e for _, e in sides[tag]])
                for tag, shape in (("full", value.shape), ("column", (rows, ONE)), ("row", (columns, ONE)))
                if sides[tag]
            }
            column = made.get("column", self.ones(rows, ONE))
            row = made.get("row", self.ones(columns, ONE))
            return self.chain([column.T, made["full"], row])
        return None

    def kron(self, left: Term, right: Term) -> Term:
        coefficient, powers = left.coefficient * right.coefficient, merged(left.powers, right.powers)
        if left.value is None or right.value is None:
            return self.multiply([left, right])
        if left.body.kind == right.body.kind == "eye":
            return self.eye(left.shape[0] * right.shape[0]).times(coefficient, powers)
        left, right = left.bare, right.bare
        (p, q), (r, s) = left.shape, right.shape
        if q is ONE and r is ONE:
            return self.outer(left, right.T).times(coefficient, powers)
        if p is ONE and s is ONE:
            return self.outer(right, left.T).times(coefficient, powers)
        made = self.whole("kron", left, right, shape=(p * r, q * s))
        return made.times(coefficient, powers)


SUMMABLE = frozenset("chain outer entries ones eye Diag".split())


def collected(terms: Iterable[Term]) -> list[Term]:
    """Like terms added up; what cancels is gone."""
    like: dict[Any, Term] = {}
    for part in terms:
        key = (part.powers, part.value, part.flipped)
        known = like.get(key)
        like[key] = part if known is None else Term(known.coefficient + part.coefficient, *key)
    return [term for term in like.values() if term.coefficient and not is_zero(term)]


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


def exact_root(value: Fraction, exponent: Fraction) -> Fraction | None:
    """value^exponent where it is rational."""
    degree = exponent.denominator
    top, bottom = (round(n ** (1 / degree)) for n in (value.numerator, value.denominator))
    if top**degree == value.numerator and bottom**degree == value.denominator:
        return Fraction(top, bottom) ** exponent.numerator
    return None
