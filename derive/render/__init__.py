"""Rendering: what every notation shares, namely structure, brackets and signs.

A formula is written by one fold over `LAYOUT`, a table keyed by operation.  What a row
says is the same on a terminal, in LaTeX and in MathML; how a fraction, a power or a
bracket is spelled is left to a `Notation`.  Operations bind, tight to loose:

    atom    postfix (ᵀ, powers)    juxtaposition    /    ⊗    ⊙ ⊘    + −

so brackets stand only where the parser, or a reader, would group otherwise, and
reading back what was written gives the same formula.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import ClassVar, NamedTuple, Union

from ..expr import Expr, nodes, symbols_of
from ..names import canonical
from ..operations import FUNCTIONS
from ..own_functions import OwnFunction
from ..shapes import ONE, Dim
from .sized_leaves import loose_leaves

SUM, HADAMARD, KRON, QUOTIENT, PRODUCT, POSTFIX, ATOM = range(7)

MAX_CHARACTERS = 100_000  # of one formula; what is longer is written as an ellipsis


class Piece:
    """A formula as written: the string, how tightly it binds, its sign and height.

    `string` leaves out a leading minus, which `is_negative` stands for, so that a sum
    can write a − b and a product can pull the sign to its front.  `parts` are the
    pieces of the factors of a scalar product, and the base of a power.
    """

    __slots__ = ("string", "level", "is_negative", "is_tall", "parts")

    def __init__(
        self,
        string: str,
        level: int = ATOM,
        is_negative: bool = False,
        is_tall: bool = False,
        parts: tuple[Piece, ...] = (),
    ) -> None:
        self.string = string
        self.level = level
        self.is_negative = is_negative
        self.is_tall = is_tall
        self.parts = parts


class Partial(NamedTuple):
    """A derivative as the formula writes it: ∂L/∂(W x), with the number of its share if it has several."""

    top: Formula
    bottom: Formula
    share: int | None = None


class Operand(NamedTuple):
    """A formula in brackets unless it binds as tightly as said."""

    expr: Expr
    level: int = POSTFIX


class Name(NamedTuple):
    """A canonical name, such as that of a loss."""

    name: str


class Space(NamedTuple):
    """The set that a value lies in: ℝ^{m × n}."""

    shape: tuple[Dim, Dim]


Item = Union["Expr", Partial, Operand, Name, Space, str]  # a string is a sign, such as "=" or "∂"
Formula = Sequence[Item]


class Notation:
    """How one output spells what `LAYOUT` asks for; the base class of all."""

    ellipsis: ClassVar[str]
    times: ClassVar[str]  # between two numbers
    hadamard: ClassVar[str]
    quotient: ClassVar[str]
    kron: ClassVar[str]
    minus: ClassVar[str] = "-"
    fraction_level: ClassVar[int]
    calls_roots: ClassVar[bool] = False  # as a function of each entry; √A of a matrix may be the root of the matrix

    def __init__(self, spelled: Mapping[str, Partial] | None = None, is_inline: bool = False) -> None:
        self.spelled = spelled or {}  # symbols that stand for a derivative
        self.is_inline = is_inline  # within words, derivatives are written with a slash
        self.partial_level = QUOTIENT if is_inline else self.fraction_level  # of ∂L/∂W as an operand
        self.loose: frozenset[Expr] = frozenset()
        self.names: set[str] = set()

    # What callers use

    def expression(self, root: Expr) -> str:
        return self.signed(self.piece(root))

    def piece(self, root: Expr) -> Piece:
        self.loose = loose_leaves(root)
        self.names = {s.name for s in symbols_of(root)}
        return self.written(root)

    def formula(self, items: Formula) -> str:
        """A line of mathematics: formulas, derivatives and the signs between them."""
        return self.sequence([(isinstance(item, str), self._item(item)) for item in items])

    def _item(self, item: Item) -> str:
        if isinstance(item, str):
            return self.sign(item)
        if isinstance(item, Partial):
            return self.partial(self.formula(item.top), self.formula(item.bottom), item.share)
        if isinstance(item, Operand):
            return self.wrapped(self.piece(item.expr), item.level)
        if isinstance(item, Name):
            return self.symbol(item.name)
        if isinstance(item, Space):
            return self.space(*(self.dimension(dim) for dim in item.shape))
        return self.expression(item)

    # The spelling, one method per construct

    def symbol(self, name: str) -> str:
        raise NotImplementedError

    def dimension_name(self, name: str) -> str:
        """The name of a dimension; a number at its end is a subscript."""
        return self.symbol(name if len(name) == 1 else canonical(name))

    def digits(self, value: int) -> str:
        """A number without a sign."""
        return str(value)

    def number(self, value: Fraction) -> Piece:
        is_negative, value = value < 0, abs(value)
        above, below = self.digits(value.numerator), self.digits(value.denominator)
        if value.denominator == 1:
            return Piece(above, ATOM, is_negative)
        return Piece(self.fraction(above, below), POSTFIX, is_negative, True)

    def constant(self, name: str) -> str:
        raise NotImplementedError

    def sum(self, terms: Sequence[tuple[bool, str]]) -> str:
        """The summands, each with whether a minus stands before it."""
        (is_negative, first), *rest = terms
        return self.minus * is_negative + first + "".join(f" {self.minus if n else '+'} {s}" for n, s in rest)

    def juxtapose(self, factors: Sequence[str]) -> str:
        raise NotImplementedError

    def infix(self, left: str, operator: str, right: str) -> str:
        return f"{left} {operator} {right}"

    def fraction(self, numerator: str, denominator: str) -> str:
        raise NotImplementedError

    def bracketed(self, string: str, is_tall: bool) -> str:
        return f"({string})"

    def superscript(self, base: str, exponent: str, is_entrywise: bool = False) -> str:
        raise NotImplementedError

    def integer_power(self, base: str, exponent: int) -> str:
        return self.superscript(base, self.signed(self.number(Fraction(exponent))))

    def transposed(self, base: str, is_inverse: bool = False) -> str:
        raise NotImplementedError

    def root(self, radicand: str) -> str:
        raise NotImplementedError

    def call(self, name: str, operands: Sequence[str], is_tall: bool) -> str:
        raise NotImplementedError

    def primed(self, name: str, order: int) -> str:
        """The name of a derivative of a function."""
        raise NotImplementedError

    def applied(self, head: str, operand: str, is_tall: bool) -> str:
        """A function of one's own at an operand."""
        raise NotImplementedError

    def delimited(self, kind: str, operands: Sequence[str], is_tall: bool, subscript: str = "") -> str:
        """`kind` is "norm", "abs" or "inner"."""
        raise NotImplementedError

    def leaf(self, name: str, subscript: str = "") -> str:
        """`name` is "0", "1", "I" or "K"."""
        raise NotImplementedError

    def block(self, rows: Sequence[Sequence[str]]) -> str:
        raise NotImplementedError

    def window(self, matrix: str, rows: tuple[str, str], columns: tuple[str, str]) -> str:
        raise NotImplementedError

    def keeps_whole(self, numerators: Sequence[Expr], denominators: Sequence[Expr]) -> bool:
        """Whether all of a quotient goes into one fraction, rather than a fraction in front."""
        return True

    def sign(self, sign: str) -> str:
        raise NotImplementedError

    def sequence(self, items: Sequence[tuple[bool, str]]) -> str:
        """Strings one after the other, each with whether it is a sign."""
        raise NotImplementedError

    def partial(self, top: str, bottom: str, share: int | None) -> str:
        raise NotImplementedError

    def space(self, rows: Piece, columns: Piece) -> str:
        raise NotImplementedError

    def finished(self, node: Expr, piece: Piece) -> Piece:
        """The piece of a node as a whole, for notations that mark it."""
        return piece

    # Shared by all

    def signed(self, piece: Piece) -> str:
        return self.sum([(True, piece.string)]) if piece.is_negative else piece.string

    def wrapped(self, piece: Piece, level: int) -> str:
        """The piece as an operand of something that binds at `level`."""
        if piece.is_negative or piece.level < level:
            return self.bracketed(self.signed(piece), piece.is_tall)
        return piece.string

    def dimension(self, dim: Dim) -> Piece:
        """A dimension, such as n, 2 n or m + 1."""
        terms = []
        for monomial, coefficient in dim.terms:
            factors = [] if abs(coefficient) == 1 and monomial else [self.number(Fraction(abs(coefficient))).string]
            for name, power in monomial:
                shown = self.dimension_name(name)
                factors.append(shown if power == 1 else self.integer_power(shown, power))
            terms.append((coefficient < 0, self.juxtapose(factors)))
        if len(terms) > 1:
            return Piece(self.sum(terms), SUM)
        if not terms:
            return Piece("0")
        ((is_negative, string),) = terms
        monomial, coefficient = dim.terms[0]
        is_atom = not monomial or (len(monomial) == 1 and monomial[0][1] == 1 and abs(coefficient) == 1)
        return Piece(string, ATOM if is_atom else PRODUCT, is_negative)

    def written(self, root: Expr) -> Piece:
        """The piece of a formula; parts are forgotten once used, so that deep formulas stay affordable."""
        order = nodes(root)
        uses: dict[Expr, int] = {}
        for node in order:
            for arg in node.args:
                uses[arg] = uses.get(arg, 0) + 1
        pieces: dict[Expr, Piece] = {}
        for node in order:
            piece = LAYOUT[node.op.name](self, node, [pieces[arg] for arg in node.args])
            if len(piece.string) > MAX_CHARACTERS:
                piece = Piece(self.ellipsis)
            pieces[node] = self.finished(node, piece)
            for arg in node.args:
                uses[arg] -= 1
                if not uses[arg]:
                    del pieces[arg]
        return pieces[root]


Row = Callable[[Notation, Expr, list[Piece]], Piece]


def _symbol(notation: Notation, node: Expr, args: list[Piece]) -> Piece:
    partial = notation.spelled.get(node.name)
    if partial is not None:
        outer = notation.loose, notation.names
        string = notation._item(partial)
        notation.loose, notation.names = outer
        return Piece(string, notation.partial_level, is_tall=notation.partial_level == POSTFIX)
    return Piece(notation.symbol(node.name))


def _add(notation: Notation, node: Expr, args: list[Piece]) -> Piece:
    terms = [(p.is_negative, p.string if p.level > SUM else notation.bracketed(p.string, p.is_tall)) for p in args]
    return Piece(notation.sum(terms), SUM, is_tall=any(p.is_tall for p in args))


def _scale(notation: Notation, node: Expr, args: list[Piece]) -> Piece:
    scalar, matrix = node.args
    if scalar.op.name == "mul":
        return _product(notation, list(scalar.args), list(args[0].parts), matrix, args[1])
    return _product(notation, [scalar], [args[0]], matrix, args[1])


def _product(
    notation: Notation,
    factors: list[Expr],
    pieces: list[Piece],
    matrix: Expr | None,
    matrix_piece: Piece | None,
    parts: tuple[Piece, ...] = (),
) -> Piece:
    """A product of scalars and at most one matrix: sign, coefficient, numerators, denominators."""
    coefficient = Fraction(1)
    above: list[tuple[Expr, Piece]] = []
    below: list[tuple[Expr, Piece]] = []
    for factor, piece in zip(factors, pieces, strict=True):
        if factor.op.name == "number":
            coefficient *= factor.data[0]
        elif _is_reciprocal(factor):
            below.append((factor.args[0], _power_piece(notation, factor, piece.parts[0], -factor.args[1].data[0])))
        else:
            above.append((factor, piece))
    is_negative, coefficient = coefficient < 0, abs(coefficient)
    if matrix is not None and matrix_piece is not None:
        above.append((matrix, matrix_piece))
    is_tall = any(p.is_tall for _, p in above)
    if below:
        front = Fraction(coefficient.numerator)
        under = [] if coefficient.denominator == 1 else [notation.number(Fraction(coefficient.denominator)).string]
        under += [notation.wrapped(p, POSTFIX) for _, p in below]
        whole = notation.keeps_whole([e for e, _ in above], [e for e, _ in below])
        inside = above if whole else []
        top, _ = _line(notation, front, inside, PRODUCT)
        if notation.fraction_level == POSTFIX:
            alone = inside[0][1] if len(inside) == 1 and front == 1 else None
            top = notation.signed(alone) if alone is not None else top
            alone = below[0][1] if len(under) == 1 else None
            bottom = notation.signed(alone) if alone is not None else notation.juxtapose(under)
        else:
            bottom = notation.juxtapose(under)
            if len(under) > 1:
                bottom = notation.bracketed(bottom, False)
        quotient = Piece(notation.fraction(top, bottom), notation.fraction_level, False, True)
        if inside or not above:
            return Piece(quotient.string, quotient.level, is_negative, True, parts)
        string, level = _line(notation, Fraction(1), [(factors[0], quotient), *above], HADAMARD)
        return Piece(string, level, is_negative, True, parts)
    string, level = _line(notation, coefficient, above, HADAMARD)
    return Piece(string, level, is_negative, is_tall or coefficient.denominator != 1, parts)


def _line(notation: Notation, coefficient: Fraction, above: list[tuple[Expr, Piece]], loosest: int) -> tuple[str, int]:
    """Number and factors side by side, and how tightly that binds."""
    strings: list[str] = []
    if coefficient != 1 or not above:
        number = notation.number(coefficient)
        if not above:
            return number.string, number.level
        strings.append(number.string)
    level = PRODUCT
    products = [e.op.name == "matmul" for e, _ in above]
    for i, (factor, piece) in enumerate(above):
        is_last = i == len(above) - 1
        if is_last and piece.level == HADAMARD and loosest <= HADAMARD and not piece.is_negative:
            strings.append(piece.string)
            level = HADAMARD
        elif is_last and piece.level == PRODUCT and (not factor.is_scalar or sum(products) == 1):
            strings.append(notation.wrapped(piece, PRODUCT))
        elif len(above) == 1 and not strings:
            return notation.wrapped(piece, PRODUCT), max(piece.level, PRODUCT)
        else:
            strings.append(notation.wrapped(piece, POSTFIX))
    return notation.juxtapose(strings), level


def _is_reciprocal(node: Expr) -> bool:
    """A scalar to a negative power, which is written below a fraction bar."""
    return node.op.name == "power" and node.is_scalar and node.args[1].op.name == "number" and node.args[1].data[0] < 0


def _matmul(notation: Notation, node: Expr, args: list[Piece]) -> Piece:
    strings = [notation.wrapped(p, PRODUCT if a.op.name == "matmul" else POSTFIX) for a, p in zip(node.args, args)]
    return Piece(notation.juxtapose(strings), PRODUCT, is_tall=any(p.is_tall for p in args))


def _hadamard(notation: Notation, node: Expr, args: list[Piece]) -> Piece:
    string = notation.wrapped(args[0], QUOTIENT)
    for arg, piece in zip(node.args[1:], args[1:]):
        operator = notation.hadamard
        if arg.op.name == "power" and arg.args[1].op.name == "number" and arg.args[1].data[0] < 0:
            operator = notation.quotient
            piece = _power_piece(notation, arg, piece.parts[0], -arg.args[1].data[0])
        string = notation.infix(string, operator, notation.wrapped(piece, QUOTIENT))
    return Piece(string, HADAMARD, is_tall=any(p.is_tall for p in args))


def _kron(notation: Notation, node: Expr, args: list[Piece]) -> Piece:
    left, right = notation.wrapped(args[0], KRON), notation.wrapped(args[1], QUOTIENT)
    return Piece(notation.infix(left, notation.kron, right), KRON, is_tall=any(p.is_tall for p in args))


def _transpose(notation: Notation, node: Expr, args: list[Piece]) -> Piece:
    (matrix,) = node.args
    if matrix.op.name == "inv":
        return Piece(notation.transposed(notation.wrapped(args[0].parts[0], ATOM), True), POSTFIX)
    return Piece(notation.transposed(notation.wrapped(args[0], ATOM)), POSTFIX, is_tall=args[0].is_tall)


def _inv(notation: Notation, node: Expr, args: list[Piece]) -> Piece:
    base = notation.wrapped(args[0], ATOM)
    return Piece(notation.integer_power(base, -1), POSTFIX, is_tall=args[0].is_tall, parts=(args[0],))


def _matpow(notation: Notation, node: Expr, args: list[Piece]) -> Piece:
    base = notation.wrapped(args[0], ATOM)
    return Piece(notation.integer_power(base, node.data[0]), POSTFIX, is_tall=args[0].is_tall)


def _power(notation: Notation, node: Expr, args: list[Piece]) -> Piece:
    base, exponent = args
    if _is_reciprocal(node):
        below = _power_piece(notation, node, base, -node.args[1].data[0])
        bottom = below.string if notation.fraction_level == POSTFIX else notation.wrapped(below, POSTFIX)
        one = notation.number(Fraction(1)).string
        return Piece(notation.fraction(one, bottom), notation.fraction_level, False, True, (base,))
    if node.args[1].op.name == "number":
        made = _power_piece(notation, node, base, node.args[1].data[0])
        return Piece(made.string, made.level, False, made.is_tall, (base,))
    string = notation.superscript(notation.wrapped(base, ATOM), notation.signed(exponent), not node.is_scalar)
    return Piece(string, POSTFIX, False, base.is_tall, (base,))


def _power_piece(notation: Notation, node: Expr, base: Piece, exponent: Fraction) -> Piece:
    """The base of a power node to another exponent."""
    if node.args[0].op.name == "sq_norm":  # (‖A‖²)^t is written ‖A‖^(2t)
        base, exponent = base.parts[0], 2 * exponent
    if exponent == 1:
        return base
    if exponent == Fraction(1, 2) and (notation.calls_roots or ONE in node.shape):
        return Piece(notation.root(notation.signed(base)), ATOM, is_tall=base.is_tall)
    written = notation.number(exponent)
    if exponent < 0:
        written = Piece(written.string, written.level, True)
    string = notation.superscript(notation.wrapped(base, ATOM), notation.signed(written), not node.is_scalar)
    return Piece(string, POSTFIX, is_tall=base.is_tall)


def call(name: str) -> Row:
    def row(notation: Notation, node: Expr, args: list[Piece]) -> Piece:
        operands = [notation.signed(p) for p in args]
        for item in node.data:
            operands.append(notation.signed(notation.dimension(item)))
        return Piece(notation.call(name, operands, any(p.is_tall for p in args)), ATOM)

    return row


def _own(notation: Notation, node: Expr, args: list[Piece]) -> Piece:
    """φ′(x) of a function of one's own."""
    assert isinstance(node.op, OwnFunction)
    head = notation.primed(notation.symbol(node.op.label), node.op.order)
    return Piece(notation.applied(head, notation.signed(args[0]), args[0].is_tall), ATOM)


def _sigmoid(notation: Notation, node: Expr, args: list[Piece]) -> Piece:
    taken = any(name.split("_")[0] == "σ" for name in notation.names)
    return Piece(notation.call("sigmoid" if taken else "σ", [notation.signed(args[0])], args[0].is_tall))


def _absolute(notation: Notation, node: Expr, args: list[Piece]) -> Piece:
    if node.is_scalar:
        return Piece(notation.delimited("abs", [notation.signed(args[0])], args[0].is_tall))
    return Piece(notation.call("abs", [notation.signed(args[0])], args[0].is_tall))


def _norm(subscript: str, power: int = 1) -> Row:
    def row(notation: Notation, node: Expr, args: list[Piece]) -> Piece:
        below = subscript or ("" if ONE in node.args[0].shape else "F")
        string = notation.delimited("norm", [notation.signed(args[0])], args[0].is_tall, below)
        made = Piece(string, is_tall=args[0].is_tall)
        if power == 1:
            return made
        return Piece(notation.integer_power(string, power), POSTFIX, is_tall=made.is_tall, parts=(made,))

    return row


def _inner(notation: Notation, node: Expr, args: list[Piece]) -> Piece:
    is_tall = any(p.is_tall for p in args)
    return Piece(notation.delimited("inner", [notation.signed(p) for p in args], is_tall), is_tall=is_tall)


def _ones(notation: Notation, node: Expr, args: list[Piece]) -> Piece:
    rows, columns = node.shape
    is_loose = node in notation.loose
    if is_loose and ONE not in (rows, columns):
        return Piece(notation.call("ones", [notation.signed(notation.dimension(d)) for d in node.shape], False))
    length = columns if rows is ONE else rows
    written = notation.leaf("1", notation.dimension(length).string if is_loose else "")
    return Piece(notation.transposed(written), POSTFIX) if rows is ONE else Piece(written)


def _zeros(notation: Notation, node: Expr, args: list[Piece]) -> Piece:
    if node not in notation.loose:
        return Piece(notation.leaf("0"))
    dims = [notation.signed(notation.dimension(dim)) for dim in node.shape]
    return Piece(notation.call("zeros", dims, False))


def _identity(notation: Notation, node: Expr, args: list[Piece]) -> Piece:
    return Piece(notation.leaf("I", notation.dimension(node.data[0]).string if node in notation.loose else ""))


def _basis(notation: Notation, node: Expr, args: list[Piece]) -> Piece:
    return Piece(notation.leaf("e", notation.signed(notation.dimension(node.data[0]))))


def _commutation(notation: Notation, node: Expr, args: list[Piece]) -> Piece:
    dims = [notation.signed(notation.dimension(d)) for d in node.data]
    return Piece(notation.leaf("K", ", ".join(dims)))


def _block(notation: Notation, node: Expr, args: list[Piece]) -> Piece:
    rows, columns = node.data
    strings = [notation.signed(p) for p in args]
    return Piece(notation.block([strings[i * columns : (i + 1) * columns] for i in range(rows)]), is_tall=rows > 1)


def _submatrix(notation: Notation, node: Expr, args: list[Piece]) -> Piece:
    first_row, rows, first_column, columns = (Dim.of(d) for d in node.data)
    ranges = []
    for first, count in ((first_row, rows), (first_column, columns)):
        ends = (notation.dimension(first), notation.dimension(first + count))
        ranges.append((notation.signed(ends[0]), notation.signed(ends[1])))
    return Piece(notation.window(notation.wrapped(args[0], ATOM), ranges[0], ranges[1]), POSTFIX)


class Layout(dict[str, Row]):
    """Operations without a row of their own are written as calls, also a user's own."""

    def __missing__(self, name: str) -> Row:
        from .choices import ROWS as CHOICES

        row = self[name] = _own if name.endswith("()") else CHOICES.get(name) or call(name)
        return row


ROWS: dict[str, Row] = {
    "number": lambda notation, node, args: notation.number(node.data[0]),
    "constant": lambda notation, node, args: Piece(notation.constant(node.name)),
    "dimension": lambda notation, node, args: notation.dimension(node.data[0]),
    "symbol": _symbol,
    "zeros": _zeros,
    "ones": _ones,
    "identity": _identity,
    "basis": _basis,
    "commutation": _commutation,
    "add": _add,
    "mul": lambda notation, node, args: _product(notation, list(node.args), args, None, None, tuple(args)),
    "scale": _scale,
    "matmul": _matmul,
    "hadamard": _hadamard,
    "kron": _kron,
    "transpose": _transpose,
    "inv": _inv,
    "matpow": _matpow,
    "power": _power,
    "trace": call("tr"),
    "det": call("det"),
    "logdet": call("logdet"),
    "inner": _inner,
    "sq_norm": _norm("", 2),
    "norm": _norm(""),
    "norm1": _norm("1"),
    "nuclear_norm": _norm("*"),
    "spectral_norm": _norm("op"),
    "Diag": call("diag"),
    "sigmoid": _sigmoid,
    "abs": _absolute,
    "block": _block,
    "submatrix": _submatrix,
}


LAYOUT = Layout(ROWS)
for _name in FUNCTIONS:
    LAYOUT.setdefault(_name, call(_name))
