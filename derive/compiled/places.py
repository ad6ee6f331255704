"""Entries of the values of a program as expressions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from ..programs import syntax
from ..programs.signature import Signature, dim_code
from ..programs.statement_tree import CodeStatement, names_in
from ..programs.syntax import Code, binary, literal, name, negative
from ..programs.terms import Term, Value
from ..shapes import ONE, Dim
from .c_tree import ZERO

# What is computed for each entry of its operands.
ENTRIES: Mapping[str, str] = {
    **{name: name for name in "exp log sin cos tan sinh cosh tanh erf sigmoid softplus relu step sign".split()},
    **{"arcsin": "asin", "arccos": "acos", "arctan": "atan", "abs": "fabs", "power": "pow", "hypot": "hypotenuse"},
    **{"logaddexp": "logaddexp", "where": "?:"},  # no function: written as condition ? a : b
}
VIEWS = frozenset("submatrix vec unvec diagonal tril triu Diag".split())  # cost nothing
FREE = frozenset("input ones zeros eye basis commutation constant dimension".split())


class LoopStatement:
    """Statements of C that go together, with the arrays that they read and write.

    Attributes
    ----------
    made : list of CodeStatement
    writes : str or None
        The array that loops over its entries write, each entry of itself or of what is read at its place.
    holds : set of str
        Arrays that must be there besides.
    loop : list of CodeStatement
        What goes through blocks of rows; the statements in it are `is_inside`.
    """

    __slots__ = ("made", "writes", "holds", "loop", "is_inside")

    def __init__(self) -> None:
        self.made: list[CodeStatement] = []
        self.writes: str | None = None
        self.holds: set[str] = set()
        self.loop: list[CodeStatement] = []
        self.is_inside = False

    def emitted(self) -> list[CodeStatement]:
        """What stands in the function itself."""
        return [] if self.is_inside else [*self.made, *self.loop]

    @property
    def names(self) -> set[str]:
        """What is mentioned."""
        return names_in(self.made) | self.holds

    def elsewhere(self) -> set[str]:
        """The names that are read at other places than the one that is written."""
        codes = [code for statement in self.made for code in statement.all_codes()]
        entries = [code for code in codes if code.form == "subscript"]
        written = {code.args[1].text for code in entries if code.args[0].head == self.writes}
        at_hand = Counter(code.args[0].head for code in entries if {code.args[1].text} == written)
        counts = Counter(code.head for code in codes if code.form == "name")
        return {held for held, count in counts.items() if count > at_hand[held]}


class EntryPlaces:
    """What an entry of a value is: a place in memory, or an expression of other entries.

    Attributes
    ----------
    names : dict of Value to str
        The arrays and numbers that are there.
    helpers : set of str
    """

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self.dims: Mapping[str, str] = signature.dims
        self.helpers: set[str] = set()
        self.names: dict[Value, str] = {}

    def size(self, dim: Dim) -> Code:
        return dim_code(dim, self.dims, has_powers=False)

    def number(self, value: Fraction) -> Code:
        if value < 0:
            return negative(self.number(-value))
        if value.denominator == 1 and value < 10**15:
            return literal(f"{value.numerator}.0")
        if Fraction(repr(float(value))) == value:
            return literal(repr(float(value)))
        top, bottom = (f"{part}.0" if part < 10**15 else repr(float(part)) for part in value.as_integer_ratio())
        return binary("/", literal(top), literal(bottom))

    def powered(self, base: Code, exponent: Fraction) -> Code:
        """base^exponent, of a positive exponent."""
        if exponent == 1:
            return base
        if exponent == Fraction(1, 2):
            return called("sqrt", base)
        if exponent.denominator == 1 and exponent <= 4:
            helper = {2: "squared", 3: "cubed", 4: "fourth"}[int(exponent)]
            self.helpers.add(helper)
            return called(helper, base)
        return called("pow", base, self.number(exponent))

    def product(self, coefficient: Fraction, factors: Iterable[tuple[Code, Fraction]]) -> Code:
        """coefficient × Π base^exponent."""
        above: list[Code] = []
        below: list[Code] = []
        size = abs(coefficient)
        if size != 1:
            if Fraction(repr(float(size))) == size:
                above.append(self.number(size))
            else:
                if size.numerator != 1:
                    above.append(self.number(Fraction(size.numerator)))
                below.append(self.number(Fraction(size.denominator)))
        for base, exponent in factors:
            (above if exponent > 0 else below).append(self.powered(base, abs(exponent)))
        made = syntax.product(above or [literal("1.0")])
        if below:
            made = binary("/", made, syntax.product(below))
        return negative(made) if coefficient < 0 else made

    def scalars(self, term: Term) -> list[tuple[Code, Fraction]]:
        return [(name(self.names[value]), exponent) for value, exponent in term.powers]

    def read(self, term: Term, i: Code, j: Code) -> Code:
        """Entry (i, j) of a term."""
        if term.value is None or term.value.kind == "ones":
            return self.product(term.coefficient, self.scalars(term))
        if term.flipped:
            i, j = j, i
        entry = self.entry(term.value, i, j)
        if term.is_plain:
            return entry
        return self.product(term.coefficient, [*self.scalars(term), (entry, Fraction(1))])

    def along(self, term: Term, i: Code) -> Code:
        """Entry i of a vector, whether it stands as a column or as a row."""
        return self.read(term, ZERO, i) if term.flipped else self.read(term, i, ZERO)

    def entry(self, value: Value, i: Code, j: Code) -> Code:
        """Entry (i, j) of a value: from memory, or as an expression."""
        held = self.names.get(value)
        if held is not None:
            if value.is_scalar:
                return name(held)
            return syntax.subscript(name(held), i if value.is_vector else flat(i, j, self.size(value.shape[1])))
        args, data = value.args, value.data
        match value.kind:
            case "ones":
                return literal("1.0")
            case "zeros":
                return literal("0.0")
            case "eye":
                return binary("==", i, j)
            case "basis":
                return binary("==", i, self.size(Dim.of(data[0]) - 1))
            case "dimension":
                return called("double", self.size(data[0]))
            case "constant":
                return literal("3.14159265358979323846" if data[0] == "π" else "2.71828182845904523536")
            case "commutation":
                m, n = (self.size(Dim.of(d)) for d in data)
                return binary("==", j, flat(binary("%", i, n), binary("//", i, n), m))
            case "Diag":
                return syntax.cases(binary("==", i, j), self.along(args[0], i), literal("0.0"))
            case "outer":
                return syntax.product([self.along(args[0], i), self.along(args[1], j)])
            case "kron":
                sizes = [self.size(d) for d in args[1].shape]
                places = [
                    [binary(sign, at, size) for at, size in zip((i, j), sizes, strict=True)] for sign in ("//", "%")
                ]
                return syntax.product([self.read(arg, *place) for arg, place in zip(args, places, strict=True)])
            case "diagonal":
                return self.read(args[0], i, i)
            case "tril" | "triu":
                below = binary("<=" if value.kind == "tril" else ">=", j, i)
                return syntax.cases(below, self.read(args[0], i, j), literal("0.0"))
            case "vec":
                rows = self.size(args[0].shape[0])
                return self.read(args[0], binary("%", i, rows), binary("//", i, rows))
            case "unvec":
                return self.along(args[0], flat(j, i, self.size(Dim.of(data[0]))))
            case "submatrix":
                first_row, height, first_column, width = (Dim.of(d) for d in data)
                if height is ONE and width is not ONE:
                    i, j = ZERO, i  # a row is kept as a column
                return self.read(args[0], self.shifted(i, first_row), self.shifted(j, first_column))
            case "sum":
                return self.summed(args, i, j)
            case "entries":
                factors = []
                for term, (tag, exponent) in zip(args, data, strict=True):
                    along = {"column": i, "row": j}.get(tag)
                    read = self.read(term, i, j) if along is None else self.along(term, along)
                    factors.append((read, exponent))
                return self.product(Fraction(1), factors)
            case "where":
                condition, then, otherwise = (self.read(term, i, j) for term in args)
                return syntax.cases(binary(">", condition, literal("0")), then, otherwise)
        function = ENTRIES[value.kind]
        self.helpers.add(function)
        return called(function, *(self.read(term, i, j) for term in args))

    def shifted(self, index: Code, start: Dim) -> Code:
        if start.value == 0:
            return index
        return self.size(start) if index is ZERO else binary("+", index, self.size(start))

    def summed(self, terms: Sequence[Term], i: Code, j: Code) -> Code:
        """A sum, positive terms first."""
        ordered = sorted(terms, key=lambda term: term.coefficient < 0)
        sizes = (Term(abs(t.coefficient), t.powers, t.value, t.flipped) for t in ordered)
        return syntax.signed_sum(
            (t.coefficient < 0, self.read(size, i, j)) for t, size in zip(ordered, sizes, strict=True)
        )


def called(function: str, *args: Code) -> Code:
    return syntax.call(name(function), *args)


def c_dim(dim: Dim, dims: Mapping[str, str]) -> str:
    """A dimension as a C expression."""
    return dim_code(dim, dims, has_powers=False).text


def flat(i: Code, j: Code, columns: Code) -> Code:
    """The place of entry (i, j) of an array by rows."""
    return i if columns.text == "1" else binary("+", binary("*", i, columns), j)
