"""Operations as expressions of a dialect, with brackets where they are needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import partial, reduce

from ..dialects import Dialect
from ..expr import Expr
from ..program import Program
from ..shapes import ONE, Dim
from . import syntax
from .formulas import formula
from .naming import suggested
from .signature import Signature, dim_code, unused
from .statement_tree import WIDTH, CodeStatement, Part, statements
from .syntax import Code, binary, grouped
from .terms import UNIT, Term, Value, counted_uses, is_broadcast

LONG = 56  # of an expression that is still part of another


class Expressions:
    """Writes operations over the names of their operands, in a dialect.

    Parameters
    ----------
    program : Program
    dialect : Dialect
    signature : Signature
    outputs : sequence of str
        Of the program, in the order they are returned.
    preferred : mapping of Value to str
        Names that the user gave to parts.
    """

    indent = 4  # columns before each line

    def __init__(
        self,
        program: Program,
        dialect: Dialect,
        signature: Signature,
        outputs: Sequence[str],
        preferred: Mapping[Value, str],
    ) -> None:
        self.program = program
        self.dialect = dialect
        self.signature = signature
        self.preferred = preferred
        self.used = set(signature.used)
        self.order = program.needed(*outputs)
        self.terms = [program.outputs[name] for name in outputs]
        self.outputs = list(outputs)
        self.helpers: set[str] = set()
        self.lines: list[CodeStatement] = []
        self.texts: dict[Value, Code] = {}  # the name of a value, or the value written out where it is used once
        self.names: dict[Value, str] = {}
        self.formulas: dict[Value, Expr] = {}
        self.needs_dtype = False
        self.has_comments = True
        self.is_joint = False
        self.like = next(iter(signature.parameters), "")  # an array of the type that all arguments have
        self.dims: set[str] = set()
        self.uses = counted_uses(self.order, self.terms)
        self.absorbed: dict[Value, int] = {}

    # Expressions

    def scalar(self, term: Term) -> Code:
        """The number and the scalars of a term."""
        above: list[Code] = []
        below: list[Code] = []
        again: list[Code] = []  # divided by once more, so that no square of a divisor overflows
        coefficient = abs(term.coefficient)
        if coefficient != 1:
            if is_short_decimal(coefficient):
                above.append(number(coefficient))
            else:
                if coefficient.numerator != 1:
                    above.append(number(coefficient.numerator))
                below.append(number(coefficient.denominator))
        for value, exponent in term.powers:
            base = self.texts[value]
            if exponent.denominator != 1 and value.kind in STATIC:
                base = self.call("constant", [base])
            is_named = base.text.isidentifier() and value.kind not in (*STATIC, "input")
            if is_named and exponent in (-2, -3, -4) and any(e > 0 for _, e in term.powers):
                again += [base] * (-exponent.numerator - 1)
                exponent = -UNIT
            (above if exponent > 0 else below).append(self.powered(base, abs(exponent)))
        made = self.quotient(above, below, term.coefficient < 0)
        if len(made.text) > LONG:
            above, below = ([self.hoisted(t) for t in part] for part in (above, below))
            made = self.quotient(above, below, term.coefficient < 0)
        return reduce(partial(binary, "/"), again, made)

    def hoisted(self, text: Code) -> Code:
        """A long scalar by a name of its own."""
        if len(text.text) <= LONG // 3:
            return text
        return self.held("c", text)

    def held(self, letter: str, text: Code) -> Code:
        """An expression on a line before, by its name."""
        name = self.new_name(letter)
        self.line("{name} = {text}", name=name, text=text)
        return syntax.name(name)

    def new_name(self, letter: str) -> str:
        """A short name that nothing else bears."""
        name, count = letter, 1
        while name in self.used:
            count += 1
            name = f"{letter}{count}"
        self.used.add(name)
        return name

    def quotient(self, above: list[Code], below: list[Code], is_negative: bool) -> Code:
        if is_negative:
            above = [Code("negative", "", (above[0] if above else syntax.ONE,)), *above[1:]]
        top = syntax.product(above)
        return binary("/", top, syntax.product(below)) if below else top

    def powered(self, base: Code, exponent: Fraction, is_array: bool = False) -> Code:
        """base ** exponent."""
        if exponent == 1:
            return base
        if exponent == Fraction(1, 2):
            return self.call("sqrt", [base])
        if exponent.denominator == 2 and not is_array:
            root = self.call("sqrt", [base])
            return binary("**", root, number(exponent.numerator))
        if is_short_decimal(exponent):
            return binary("**", base, number(exponent))
        return binary("**", base, binary("/", number(exponent.numerator), number(exponent.denominator)))

    def body(self, term: Term) -> Code:
        """A value or its transpose."""
        assert term.value is not None
        text = self.texts[term.value]
        if term.flipped and not term.value.is_vector:
            return syntax.attribute(text, "T")
        return text

    def operand(self, term: Term) -> Code:
        """An operand of a function: arrays, and numbers in the type of the arguments."""
        if term.value is not None:
            return self.body(term)
        text = self.scalar(term)
        return self.call("constant", [text]) if all(value.kind in STATIC for value, _ in term.powers) else text

    def call(self, kind: str, args: Sequence[Code], **fields: Code | Sequence[Code]) -> Code:
        """The template of an operation, filled in."""
        template = syntax.template(self.dialect.template(kind))
        if "dtype" in template.holes:
            self.needs_dtype = True
        self.helpers |= template.called & self.dialect.helpers.keys()
        own = {"dtype": DTYPE, "like": syntax.name(self.like)}
        parts = {**own, **{str(i): arg for i, arg in enumerate(args)}, **fields}
        return template.filled(parts)

    def dim(self, dim: Dim) -> Code:
        self.dims |= dim.names
        return dim_code(dim, self.signature.dims)

    def size(self, dim: Dim) -> str:
        return self.dim(dim).text

    # Operations

    def expression(self, value: Value) -> Code:
        """An operation over the names of its operands."""
        kind = value.kind
        if kind == "sum":
            return self.sum([*value.args], value)
        if kind == "entries":
            return self.entries(value)
        args = [self.operand(term) for term in value.args]
        fields: dict[str, Code | Sequence[Code]] = {}
        if kind == "product" and value.is_vector:
            kind = "matvec"
            if value.args[0].flipped and not self.dialect.in_place:
                # A compiler may lay out Aᵀ anew for Aᵀ v, and never does for vᵀ A.
                args = [args[1], self.texts[value.args[0].body]]
        elif kind == "sq_norm" and not value.args[0].body.is_vector:
            kind = "sq_norm_matrix"
        elif kind == "contraction" and value.args[0].flipped != value.args[1].flipped:
            kind = "contraction_flipped"
            args = [self.texts[t.body] for t in value.args]
        elif kind == "row_sums":
            fields["axis"] = number(0 if value.args[0].flipped else 1)
            args = [self.texts[value.args[0].body]]
        elif kind == "dimension":
            return self.dim(value.data[0])
        elif kind == "constant":
            return syntax.attribute(syntax.name("math"), "pi" if value.data[0] == "π" else "e")
        elif kind in ("ones", "eye", "basis"):
            fields["rows"] = self.dim(value.shape[0])
            args = [self.dim(value.data[0] - 1)] if kind == "basis" else args
        elif kind == "zeros":
            fields["shape"] = self.shape(value)
        elif kind == "commutation":
            args = [self.dim(d) for d in value.data]
        elif kind == "unvec":
            fields["rows"], fields["columns"] = (self.dim(d) for d in value.data)
        elif kind == "submatrix":
            fields["slices"] = self.slices(value)
        elif kind == "block" and value.is_vector:
            return self.listed("concatenated", [self.flat(term) for term in value.args], self.name(value))
        elif kind == "block":
            rows = syntax.sequence("list", self.blocks(value))
            return self.call(kind, [self.held("rows", rows) if len(rows.text) > LONG + 2 else rows])
        elif kind == "kron" and not value.is_vector:
            args = [self.raised(term) for term in value.args]
        elif kind in ("block_inner", "block_sum"):
            args = [self.raised(term) for term in value.args]
            made = self.call(kind, args)
            if value.is_scalar:
                return syntax.subscript(made, number(0), number(0))
            return self.call("raveled", [made]) if value.is_vector else made
        elif kind in ("spd_inverse", "triangle_inverse"):
            template = syntax.template(self.dialect.template(kind))
            if "rows" in template.holes:
                fields["rows"] = self.dim(value.shape[0])
        elif kind in ("inverse", "solve", "cholesky"):
            shown = formula(value.args[0].body, self.formulas).text().replace('"', "'")
            fields["name"] = syntax.literal(f'"{shown}"')
        return self.call(kind, args, **fields)

    def listed(self, kind: str, items: Sequence[Code], name: str) -> Code:
        """A call with a tuple of arrays; a long tuple is a variable."""
        made = self.call(kind, [syntax.sequence("tuple", items)])
        is_short = self.indent + len(name) + 3 + len(made.text) <= WIDTH
        return made if is_short else self.call(kind, [self.held("parts", syntax.sequence("list", items))])

    def shape(self, value: Value) -> Code:
        rows, columns = (self.dim(d) for d in value.shape)
        return rows if value.is_vector else syntax.sequence("tuple", [rows, columns])

    def slices(self, value: Value) -> list[Code]:
        first_row, rows, first_column, columns = (Dim.of(d) for d in value.data)
        term = value.args[0]
        spans = [(first_row, rows, term.shape[0]), (first_column, columns, term.shape[1])]
        if term.body.is_vector:
            spans = spans[1:] if term.flipped else spans[:1]
        parts: list[Code] = []
        for first, count, whole in spans:
            if count is ONE:
                parts.append(self.dim(first))
                continue
            start = syntax.NOTHING if first.value == 0 else self.dim(first)
            parts.append(syntax.slice_of(start, syntax.NOTHING if first + count is whole else self.dim(first + count)))
        return parts

    def blocks(self, value: Value) -> list[Code]:
        rows, columns = value.data
        args = [self.raised(term) for term in value.args]
        return [syntax.sequence("list", args[i * columns : (i + 1) * columns]) for i in range(rows)]

    def raised(self, term: Term) -> Code:
        """An operand as a 2-D array."""
        text = self.operand(term)
        if term.value is None:
            return self.call("raised", [text])
        if term.value.is_vector:
            return syntax.row(text) if term.flipped else syntax.column(text)
        return text

    def flat(self, term: Term) -> Code:
        """An operand as a 1-D array."""
        text = self.operand(term)
        return self.call("flattened", [text]) if term.value is None else text

    def sum(self, terms: Sequence[Term], value: Value) -> Code:
        """Σ c A, positive terms first."""
        ordered = sorted(terms, key=lambda t: t.coefficient < 0) if terms[0].coefficient < 0 else list(terms)
        dense = is_full_somewhere(terms)
        return syntax.signed_sum((t.coefficient < 0, self.summand(t, value, not dense)) for t in ordered)

    def summand(self, term: Term, value: Value, is_first: bool = False) -> Code:
        """A term without its sign."""
        scalar = Term(abs(term.coefficient), term.powers)
        if term.value is None:
            return self.scalar(scalar)
        body = self.broadcast(term, value, is_first)
        return self.scaled(scalar, body)

    def scaled(self, scalar: Term, body: Code) -> Code:
        if scalar.coefficient == 1 and not scalar.powers:
            return body
        front = self.scalar(scalar)
        if body is syntax.ONE:
            return front
        if front.divisor is not None:
            return binary("/", grouped(body) if body.has_matrix_product else body, front.divisor)
        return binary("*", grouped(front) if front.level == syntax.PRODUCT else front, body)

    def broadcast(self, term: Term, value: Value, is_first: bool) -> Code:
        """A summand: u 1ᵀ and 1 vᵀ broadcast where another summand has the full shape."""
        body = term.body
        if body.kind == "outer" and not is_first:
            u, v = body.args[::-1] if term.flipped else body.args
            if u.body.kind == "ones" and v.body.kind == "ones":
                return syntax.ONE
            if u.body.kind == "ones":
                return self.texts[v.body]
            if v.body.kind == "ones":
                return syntax.column(self.texts[u.body])
        if body.kind == "ones" and value.is_vector and not is_first:
            return syntax.ONE
        return self.body(term)

    def entries(self, value: Value) -> Code:
        """Π A^e entry by entry."""
        above: list[Code] = []
        below: list[Code] = []
        for term, (tag, exponent) in zip(value.args, value.data, strict=True):
            (above if exponent > 0 else below).append(self.factor(term, tag, exponent))
        return self.quotient(above, below, False)

    def factor(self, term: Term, tag: str, exponent: Fraction) -> Code:
        """What a product entry by entry is multiplied or divided by; a column broadcasts."""
        base = self.powered(self.body(term), abs(exponent), is_array=True)
        return syntax.column(base) if tag == "column" else base

    def line(self, template: str, comment: str | None = None, /, **parts: Part) -> None:
        """A statement, of a template, with its formula."""
        self.lines += statements(template, comment, **parts)

    def name(self, value: Value) -> str:
        known = self.names.get(value)
        if known is None:
            known = unused(
                self.preferred.get(value) or suggested(value, self.names, self.signature, self.used), self.used
            )
            self.used.add(known)
            self.names[value] = known
            self.texts[value] = syntax.name(known)
        return known


def is_full_somewhere(terms: Sequence[Term]) -> bool:
    """Whether a summand has all entries by itself, so that the others may broadcast."""
    bodies = [term.value for term in terms if term.value is not None]
    return any(body.kind not in ("eye", "Diag") and not is_broadcast(body) for body in bodies)


STATIC = frozenset("constant dimension".split())
DTYPE = syntax.name("dtype")


def number(value: Fraction | int) -> Code:
    """A whole number or a decimal, none of them negative."""
    return syntax.literal(str(value) if value.denominator == 1 else repr(float(value)))


def is_short_decimal(value: Fraction) -> bool:
    """Whether a fraction is a decimal of at most four digits."""
    scaled = value * 10000
    return scaled.denominator == 1
