"""EntryPlaces of the values of a program as C expressions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from ..programs.expressions import ATOM, PRODUCT, SUM, UNARY, CodeText, placed
from ..programs.signature import Signature, python_dim
from ..programs.terms import Term, Value
from ..shapes import ONE, Dim

# What is computed for each entry of its operands.
ENTRIES: Mapping[str, str] = {
    "exp": "exp({0})", "log": "log({0})", "sin": "sin({0})", "cos": "cos({0})", "tan": "tan({0})",
    "sinh": "sinh({0})", "cosh": "cosh({0})", "tanh": "tanh({0})", "arcsin": "asin({0})", "arccos": "acos({0})",
    "arctan": "atan({0})", "abs": "fabs({0})", "erf": "erf({0})", "power": "pow({0}, {1})",
    "hypot": "hypotenuse({0}, {1})", "logaddexp": "logaddexp({0}, {1})", "where": "({0} > 0 ? {1} : {2})",
    "sigmoid": "sigmoid({0})", "softplus": "softplus({0})", "relu": "relu({0})", "step": "step({0})",
    "sign": "sign({0})",
}  # fmt: skip
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

    def number(self, value: Fraction) -> CodeText:
        if value.denominator == 1 and abs(value) < 10**15:
            return CodeText(f"{value.numerator}.0", UNARY if value < 0 else ATOM)
        top, bottom = (f"{part}.0" if abs(part) < 10**15 else repr(float(part)) for part in value.as_integer_ratio())
        if Fraction(repr(float(value))) == value:
            return CodeText(repr(float(value)), UNARY if value < 0 else ATOM)
        return CodeText(f"{top} / {bottom}", PRODUCT)

    def powered(self, base: CodeText, exponent: Fraction) -> CodeText:
        """base^exponent, of a positive exponent."""
        if exponent == 1:
            return base
        if exponent == Fraction(1, 2):
            return CodeText(f"sqrt({base.text})")
        if exponent.denominator == 1 and exponent <= 4:
            name = {2: "squared", 3: "cubed", 4: "fourth"}[int(exponent)]
            self.helpers.add(name)
            return CodeText(f"{name}({base.text})")
        return CodeText(f"pow({base.text}, {self.number(exponent).text})")

    def product(self, coefficient: Fraction, factors: Iterable[tuple[CodeText, Fraction]]) -> CodeText:
        """coefficient × Π base^exponent."""
        above: list[CodeText] = []
        below: list[CodeText] = []
        size = abs(coefficient)
        if size.numerator != 1 or size.denominator != 1:
            if Fraction(repr(float(size))) == size:
                above.append(self.number(size))
            else:
                if size.numerator != 1:
                    above.append(self.number(Fraction(size.numerator)))
                below.append(self.number(Fraction(size.denominator)))
        for base, exponent in factors:
            (above if exponent > 0 else below).append(self.powered(base, abs(exponent)))
        if len(above) == 1 and not below and coefficient > 0:
            return above[0]
        if not above:
            above = [CodeText("1.0")]
        text = " * ".join(t.at(PRODUCT if i == 0 else UNARY) for i, t in enumerate(above))
        level = above[0].level if len(above) == 1 else PRODUCT
        if below:
            under = below[0].at(UNARY) if len(below) == 1 else f"({' * '.join(t.at(UNARY) for t in below)})"
            first = above[0].at(PRODUCT) if len(above) == 1 else text
            text, level = f"{first} / {under}", PRODUCT
        if coefficient < 0:
            text, level = f"-{text if level >= PRODUCT else f'({text})'}", min(level, UNARY)
            if text.startswith("--"):
                text = f"-({text[1:]})"
        return CodeText(text, level)

    def scalars(self, term: Term) -> list[tuple[CodeText, Fraction]]:
        return [(CodeText(self.names[value]), exponent) for value, exponent in term.powers]

    def read(self, term: Term, i: str, j: str) -> CodeText:
        """Entry (i, j) of a term."""
        if term.value is None or term.value.kind == "ones":
            return self.product(term.coefficient, self.scalars(term))
        if term.flipped:
            i, j = j, i
        entry = self.entry(term.value, i, j)
        if term.is_plain:
            return entry
        return self.product(term.coefficient, [*self.scalars(term), (entry, Fraction(1))])

    def along(self, term: Term, i: str) -> CodeText:
        """Entry i of a vector, whether it stands as a column or as a row."""
        return self.read(term, "0", i) if term.flipped else self.read(term, i, "0")

    def entry(self, value: Value, i: str, j: str) -> CodeText:
        """Entry (i, j) of a value: from memory, or as an expression."""
        name = self.names.get(value)
        if name is not None:
            if value.is_scalar:
                return CodeText(name)
            statement = self.statements[-1]
            statement.reads.add(name)
            if (i, j if not value.is_vector else self.place[1]) != self.place:
                statement.elsewhere.add(name)
            return CodeText(f"{name}[{i}]" if value.is_vector else f"{name}[{flat(i, j, self.size(value.shape[1]))}]")
        args, data = value.args, value.data
        match value.kind:
            case "ones":
                return CodeText("1.0")
            case "zeros":
                return CodeText("0.0")
            case "eye":
                return CodeText(f"({i} == {j})")
            case "basis":
                return CodeText(f"({i} == {self.size(Dim.of(data[0]) - 1)})")
            case "dimension":
                return CodeText(f"(double)({self.size(data[0])})", UNARY)
            case "constant":
                return CodeText("3.14159265358979323846" if data[0] == "π" else "2.71828182845904523536")
            case "commutation":
                m, n = (self.size(Dim.of(d)) for d in data)
                return CodeText(f"({j} == ({grouped(i)} % {grouped(n)}) * {grouped(m)} + {grouped(i)} / {grouped(n)})")
            case "Diag":
                return CodeText(f"({i} == {j} ? {self.along(args[0], i).text} : 0.0)")
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
                return CodeText(f"({j} {compared} {i} ? {self.read(args[0], i, j).text} : 0.0)")
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
        filled = ENTRIES[value.kind]
        for k, term in enumerate(args):
            filled = placed(filled, f"{{{k}}}", self.read(term, i, j))
        self.helpers.add(filled.split("(")[0])
        return CodeText(filled)

    def shifted(self, index: str, start: Dim) -> str:
        if start.value == 0:
            return index
        return self.size(start) if index == "0" else f"{index} + {self.size(start)}"

    def summed(self, terms: Sequence[Term], i: str, j: str) -> CodeText:
        """A sum, positive terms first."""
        text = ""
        for term in sorted(terms, key=lambda t: t.coefficient < 0):
            size = self.read(Term(abs(term.coefficient), term.powers, term.value, term.flipped), i, j)
            if not text:
                text = f"-{size.at(PRODUCT)}" if term.coefficient < 0 else size.at(SUM)
            else:
                text += f" {'-' if term.coefficient < 0 else '+'} {size.at(PRODUCT)}"
        return CodeText(text, SUM if len(terms) > 1 else UNARY)


def c_dim(dim: Dim, dims: Mapping[str, str]) -> str:
    """A dimension as a C expression."""
    return python_dim(dim, dims, has_powers=False)


def grouped(text: str) -> str:
    """An operand of a product of integers."""
    return text if text.isalnum() or text.replace("_", "").isalnum() else f"({text})"


def flat(i: str, j: str, columns: str) -> str:
    """The place of entry (i, j) of an array by rows."""
    if columns == "1":
        return i
    return f"{grouped(i)} * {grouped(columns)} + {j}"
