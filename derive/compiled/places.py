"""EntryPlaces of the values of a program as C expressions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from ..programs import syntax
from ..programs.signature import Signature, dim_code
from ..programs.syntax import Code, binary, literal, name, negative
from ..programs.terms import Term, Value
from ..shapes import ONE, Dim

# What is computed for each entry of its operands.
ENTRIES: Mapping[str, str] = {
    **{name: name for name in "exp log sin cos tan sinh cosh tanh erf sigmoid softplus relu step sign".split()},
    **{"arcsin": "asin", "arccos": "acos", "arctan": "atan", "abs": "fabs", "power": "pow", "hypot": "hypotenuse"},
    **{"logaddexp": "logaddexp", "where": "?:"},  # no function: written as condition ? a : b
}
VIEWS = frozenset("submatrix vec unvec diagonal tril triu Diag".split())  # cost nothing
FREE = frozenset("input ones zeros eye basis commutation constant dimension".split())


class LoopStatement:
    """Lines of C with the arrays that they read and write."""

    __slots__ = ("lines", "reads", "elsewhere", "writes")

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.reads: set[str] = set()
        self.elsewhere: set[str] = set()  # read at other places than the one that is written
        self.writes: str | None = None


class EntryPlaces:
    """What an entry of a value is: a place in memory, or an expression of other entries.

    Attributes
    ----------
    names : dict of Value to str
        The arrays and numbers that are there.
    statements : list of LoopStatement
        Those so far; the last one is told what it reads.
    place : (str, str)
        The entry that the loop at hand writes.
    helpers : set of str
    """

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self.dims: Mapping[str, str] = signature.dims
        self.helpers: set[str] = set()
        self.names: dict[Value, str] = {}
        self.statements: list[LoopStatement] = []
        self.place: tuple[str, str] = ("", "")

    def size(self, dim: Dim) -> str:
        return c_dim(dim, self.dims)

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

    def read(self, term: Term, i: str, j: str) -> Code:
        """Entry (i, j) of a term."""
        if term.value is None or term.value.kind == "ones":
            return self.product(term.coefficient, self.scalars(term))
        if term.flipped:
            i, j = j, i
        entry = self.entry(term.value, i, j)
        if term.is_plain:
            return entry
        return self.product(term.coefficient, [*self.scalars(term), (entry, Fraction(1))])

    def along(self, term: Term, i: str) -> Code:
        """Entry i of a vector, whether it stands as a column or as a row."""
        return self.read(term, "0", i) if term.flipped else self.read(term, i, "0")

    def entry(self, value: Value, i: str, j: str) -> Code:
        """Entry (i, j) of a value: from memory, or as an expression."""
        held = self.names.get(value)
        if held is not None:
            if value.is_scalar:
                return name(held)
            statement = self.statements[-1]
            statement.reads.add(held)
            if (i, j if not value.is_vector else self.place[1]) != self.place:
                statement.elsewhere.add(held)
            return name(f"{held}[{i}]" if value.is_vector else f"{held}[{flat(i, j, self.size(value.shape[1]))}]")
        args, data = value.args, value.data
        match value.kind:
            case "ones":
                return literal("1.0")
            case "zeros":
                return literal("0.0")
            case "eye":
                return name(f"({i} == {j})")
            case "basis":
                return name(f"({i} == {self.size(Dim.of(data[0]) - 1)})")
            case "dimension":
                return name(f"(double)({self.size(data[0])})")
            case "constant":
                return literal("3.14159265358979323846" if data[0] == "π" else "2.71828182845904523536")
            case "commutation":
                m, n = (self.size(Dim.of(d)) for d in data)
                return name(f"({j} == ({grouped(i)} % {grouped(n)}) * {grouped(m)} + {grouped(i)} / {grouped(n)})")
            case "Diag":
                return name(f"({i} == {j} ? {self.along(args[0], i).text} : 0.0)")
            case "outer":
                return self.product(
                    Fraction(1), [(self.along(args[0], i), Fraction(1)), (self.along(args[1], j), Fraction(1))]
                )
            case "kron":
                p, q = (grouped(self.size(d)) for d in args[1].shape)
                left = self.read(args[0], f"{grouped(i)} / {p}", f"{grouped(j)} / {q}")
                right = self.read(args[1], f"{grouped(i)} % {p}", f"{grouped(j)} % {q}")
                return self.product(Fraction(1), [(left, Fraction(1)), (right, Fraction(1))])
            case "diagonal":
                return self.read(args[0], i, i)
            case "tril" | "triu":
                compared = "<=" if value.kind == "tril" else ">="
                return name(f"({j} {compared} {i} ? {self.read(args[0], i, j).text} : 0.0)")
            case "vec":
                rows = grouped(self.size(args[0].shape[0]))
                return self.read(args[0], f"{grouped(i)} % {rows}", f"{grouped(i)} / {rows}")
            case "unvec":
                return self.along(args[0], f"{grouped(j)} * {grouped(self.size(Dim.of(data[0])))} + {grouped(i)}")
            case "submatrix":
                first_row, height, first_column, width = (Dim.of(d) for d in data)
                if height is ONE and width is not ONE:
                    i, j = "0", i  # a row is kept as a column
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
                condition, *cases = (self.read(term, i, j).at(syntax.ATOM) for term in args)
                return name(f"({condition} > 0 ? {cases[0]} : {cases[1]})")
        function = ENTRIES[value.kind]
        self.helpers.add(function)
        return called(function, *(self.read(term, i, j) for term in args))

    def shifted(self, index: str, start: Dim) -> str:
        if start.value == 0:
            return index
        return self.size(start) if index == "0" else f"{index} + {self.size(start)}"

    def summed(self, terms: Sequence[Term], i: str, j: str) -> Code:
        """A sum, positive terms first."""
        made: Code | None = None
        for term in sorted(terms, key=lambda t: t.coefficient < 0):
            size = self.read(Term(abs(term.coefficient), term.powers, term.value, term.flipped), i, j)
            if made is None:
                made = negative(size) if term.coefficient < 0 else size
            else:
                made = binary("-" if term.coefficient < 0 else "+", made, size)
        assert made is not None
        return made


def called(function: str, *args: Code) -> Code:
    return syntax.call(name(function), *args)


def c_dim(dim: Dim, dims: Mapping[str, str]) -> str:
    """A dimension as a C expression."""
    return dim_code(dim, dims, has_powers=False).text


def grouped(text: str) -> str:
    """An operand of a product of integers."""
    return text if text.isalnum() or text.replace("_", "").isalnum() else f"({text})"


def flat(i: str, j: str, columns: str) -> str:
    """The place of entry (i, j) of an array by rows."""
    if columns == "1":
        return i
    return f"{grouped(i)} * {grouped(columns)} + {j}"
