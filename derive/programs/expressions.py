"""Operations as expressions of a dialect, with brackets where they are needed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

from ..dialects import Dialect
from ..expr import Expr
from ..program import Program
from ..shapes import ONE, Dim
from .formulas import formula
from .naming import suggested
from .signature import Signature, python_dim, unused
from .terms import Term, Value

WIDTH = 88
LONG = 56  # of an expression that is still part of another

# Precedence of a written expression, from loose to tight
SUM, PRODUCT, UNARY, POWER, ATOM = range(5)


class CodeText:
    """An expression with the precedence of its outermost operator."""

    __slots__ = ("text", "level")

    def __init__(self, text: str, level: int = ATOM) -> None:
        self.text = text
        self.level = level

    def at(self, level: int) -> str:
        """The text, bracketed if it binds looser than `level`."""
        return self.text if self.level >= level else f"({self.text})"


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
        self.used = {*signature.used, *RESERVED, dialect.module}
        self.order = program.needed(*outputs)
        self.terms = [program.outputs[name] for name in outputs]
        self.outputs = list(outputs)
        self.helpers: set[str] = set()
        self.lines: list[str] = []
        self.texts: dict[Value, CodeText] = {}
        self.names: dict[Value, str] = {}
        self.formulas: dict[Value, Expr] = {}
        self.needs_dtype = False
        self.has_comments = True
        self.is_joint = False
        self.like = next(iter(signature.parameters), "")  # an array of the type that all arguments have
        self.dims: set[str] = set()
        self.uses = self._count_uses()
        self.absorbed: dict[Value, int] = {}

    def _count_uses(self) -> dict[Value, int]:
        uses: dict[Value, int] = {}
        for value in self.order:
            for term in value.args:
                for part in term.parts():
                    uses[part] = uses.get(part, 0) + 1
        for term in self.terms:
            for part in term.parts():
                uses[part] = uses.get(part, 0) + 1
        return uses

    # Expressions

    def scalar(self, term: Term) -> CodeText:
        """The number and the scalars of a term."""
        above: list[CodeText] = []
        below: list[CodeText] = []
        coefficient = abs(term.coefficient)
        if coefficient != 1:
            if coefficient.denominator == 1:
                above.append(CodeText(str(coefficient)))
            elif is_short_decimal(coefficient):
                above.append(CodeText(repr(float(coefficient))))
            else:
                if coefficient.numerator != 1:
                    above.append(CodeText(str(coefficient.numerator)))
                below.append(CodeText(str(coefficient.denominator)))
        for value, exponent in term.powers:
            base = self.text(value)
            if exponent.denominator != 1 and value.kind in STATIC:
                base = self.call("constant", [base])
            (above if exponent > 0 else below).append(self.powered(base, abs(exponent)))
        made = self.quotient(above, below, term.coefficient < 0)
        if len(made.text) <= LONG:
            return made
        above, below = ([self.hoisted(t) for t in part] for part in (above, below))
        return self.quotient(above, below, term.coefficient < 0)

    def hoisted(self, text: CodeText) -> CodeText:
        """A long scalar by a name of its own."""
        if len(text.text) <= LONG // 3:
            return text
        name = self.new_name("c")
        self.line(f"{name} = {text.text}")
        return CodeText(name)

    def new_name(self, letter: str) -> str:
        """A short name that nothing else bears."""
        name, count = letter, 1
        while name in self.used:
            count += 1
            name = f"{letter}{count}"
        self.used.add(name)
        return name

    def quotient(self, above: list[CodeText], below: list[CodeText], is_negative: bool) -> CodeText:
        if not above and not below:
            return CodeText("-1", UNARY) if is_negative else CodeText("1")
        if len(above) == 1 and not below and not is_negative:
            return above[0]
        top = " * ".join(t.at(PRODUCT if i == 0 else UNARY) for i, t in enumerate(above)) or "1"
        level = PRODUCT if below or len(above) > 1 else UNARY
        if is_negative:
            top = "-" + (above[0].at(POWER) if above else "1") + top[len(above[0].at(PRODUCT)) if above else 1 :]
        if len(below) == 1:
            return CodeText(f"{top} / {below[0].at(UNARY)}", PRODUCT)
        if below:
            return CodeText(
                f"{top} / ({' * '.join(t.at(PRODUCT if i == 0 else UNARY) for i, t in enumerate(below))})", PRODUCT
            )
        return CodeText(top, level)

    def powered(self, base: CodeText, exponent: Fraction, is_array: bool = False) -> CodeText:
        """base ** exponent."""
        if exponent == 1:
            return base
        if exponent == Fraction(1, 2):
            return self.call("sqrt", [base])
        if exponent.denominator == 2 and not is_array:
            root = self.call("sqrt", [base])
            return CodeText(f"{root.at(POWER)} ** {exponent.numerator}", POWER)
        if exponent.denominator == 1:
            if all(part.isidentifier() for part in base.text.split(".")):
                return CodeText(f"{base.text}**{exponent}", POWER)
            return CodeText(f"{base.at(ATOM)} ** {exponent}", POWER)
        shown = (
            repr(float(exponent))
            if is_short_decimal(abs(exponent))
            else f"({exponent.numerator} / {exponent.denominator})"
        )
        simple = base.text.replace(".", "_").isidentifier() and not shown.startswith("(")
        return CodeText(f"{base.at(ATOM)}{'**' if simple else ' ** '}{shown}", POWER)

    def text(self, value: Value) -> CodeText:
        """A value by its name, or written out where it is used once."""
        return self.texts[value]

    def body(self, term: Term) -> CodeText:
        """A value or its transpose."""
        assert term.value is not None
        text = self.texts[term.value]
        if term.flipped and not term.value.is_vector:
            return CodeText(text.at(ATOM) + ".T")
        return text

    def operand(self, term: Term) -> CodeText:
        """An operand of a function: arrays, and numbers in the type of the arguments."""
        if term.value is not None:
            return self.body(term)
        text = self.scalar(term)
        return self.call("constant", [text]) if all(value.kind in STATIC for value, _ in term.powers) else text

    def call(self, kind: str, args: Sequence[CodeText], **fields: str) -> CodeText:
        """The template of an operation, filled in."""
        filled = self.dialect.template(kind)
        for i, arg in enumerate(args):
            filled = placed(filled, f"{{{i}}}", arg)
        for key, shown in fields.items():
            filled = filled.replace("{" + key + "}", shown)
        filled = filled.replace("{like}", self.like)
        if "{dtype}" in filled:
            self.needs_dtype = True
            filled = filled.replace("{dtype}", "dtype")
        self.helpers |= called(self.dialect.helpers, filled)
        return CodeText(filled, level_of(filled))

    def size(self, dim: Dim) -> str:
        self.dims |= dim.names
        return python_dim(dim, self.signature.dims)

    # Operations

    def expression(self, value: Value) -> CodeText:
        """An operation over the names of its operands."""
        kind = value.kind
        if kind == "sum":
            return self.sum([*value.args], value)
        if kind == "entries":
            return self.entries(value)
        args = [self.operand(term) for term in value.args]
        fields: dict[str, str] = {}
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
            fields["axis"] = "0" if value.args[0].flipped else "1"
            args = [self.texts[value.args[0].body]]
        elif kind in ("dimension",):
            return self.dimension(value.data[0])
        elif kind == "constant":
            return CodeText("math.pi" if value.data[0] == "π" else "math.e")
        elif kind in ("ones", "eye", "basis"):
            fields["rows"] = self.size(value.shape[0])
            args = [CodeText(self.size(value.data[0] - 1))] if kind == "basis" else args
        elif kind == "zeros":
            rows, columns = (self.size(d) for d in value.shape)
            fields["shape"] = rows if value.is_vector else f"({rows}, {columns})"
        elif kind == "commutation":
            args = [CodeText(self.size(d)) for d in value.data]
        elif kind == "unvec":
            fields["rows"], fields["columns"] = (self.size(d) for d in value.data)
        elif kind == "submatrix":
            fields["slices"] = self.slices(value)
        elif kind == "block" and value.is_vector:
            return self.listed("concatenated", [self.flat(term) for term in value.args], self.name(value))
        elif kind == "block":
            blocks = self.blocks(value)
            if len(blocks) > LONG:
                parts = self.new_name("rows")
                self.lines += [
                    f"{parts} = [",
                    *(f"    {row}," for row in blocks.replace("], [", "]\0[").split("\0")),
                    "]",
                ]
                return CodeText(self.call(kind, [], blocks="\0").text.replace("[\0]", parts))
            fields["blocks"] = blocks
            args = []
        elif kind == "kron" and not value.is_vector:
            args = [CodeText(self.raised(term)) for term in value.args]
        elif kind in ("block_inner", "block_sum"):
            args = [CodeText(self.raised(term)) for term in value.args]
            made = self.call(kind, args)
            if value.is_scalar:
                return CodeText(made.at(ATOM) + "[0, 0]")
            return self.call("raveled", [made]) if value.is_vector else made
        elif kind in ("spd_inverse", "triangle_inverse"):
            fields["rows"] = self.size(value.shape[0]) if "{rows}" in self.dialect.template(kind) else ""
        elif kind in ("inverse", "solve", "cholesky"):
            fields["name"] = '"' + formula(value.args[0].body, self.formulas).text().replace('"', "'") + '"'
        return self.call(kind, args, **fields)

    def listed(self, kind: str, items: Sequence[str], name: str) -> CodeText:
        """A call with a tuple of arrays; a long tuple is a variable."""
        made = self.call(kind, [], items=", ".join(items))
        if self.indent + len(name) + 3 + len(made.text) <= WIDTH:
            return made
        parts = self.new_name("parts")
        self.lines += [f"{parts} = [", *(f"    {item}," for item in items), "]"]
        made = self.call(kind, [], items="\0")
        return CodeText(made.text.replace("(\0)", parts))

    def dimension(self, dim: Dim) -> CodeText:
        text = self.size(dim)
        return CodeText(text, ATOM if text.isidentifier() else SUM if " + " in text or " - " in text else PRODUCT)

    def slices(self, value: Value) -> str:
        first_row, rows, first_column, columns = (Dim.of(d) for d in value.data)
        term = value.args[0]
        spans = [(first_row, rows, term.shape[0]), (first_column, columns, term.shape[1])]
        if term.body.is_vector:
            spans = spans[1:] if term.flipped else spans[:1]
        parts = []
        for first, count, whole in spans:
            if count is ONE:
                parts.append(self.size(first))
                continue
            start = "" if first.value == 0 else self.size(first)
            stop = "" if first + count is whole else self.size(first + count)
            simple = all(not text or text.isalnum() for text in (start, stop))
            parts.append(f"{start}:{stop}" if simple else f"{start} : {stop}".strip())
        return ", ".join(parts)

    def blocks(self, value: Value) -> str:
        rows, columns = value.data
        shown = []
        for i in range(rows):
            row = [self.raised(term) for term in value.args[i * columns : (i + 1) * columns]]
            shown.append(f"[{', '.join(row)}]")
        return ", ".join(shown)

    def raised(self, term: Term) -> str:
        """An operand as a 2-D array."""
        text = self.operand(term)
        if term.value is None:
            return self.call("raised", [text]).text
        if term.value.is_vector:
            return text.at(ATOM) + ("[None, :]" if term.flipped else "[:, None]")
        return text.text

    def flat(self, term: Term) -> str:
        """An operand as a 1-D array."""
        text = self.operand(term)
        return self.call("flattened", [text]).text if term.value is None else text.text

    def sum(self, terms: Sequence[Term], value: Value) -> CodeText:
        """Σ c A, positive terms first."""
        ordered = sorted(terms, key=lambda t: t.coefficient < 0) if terms[0].coefficient < 0 else list(terms)
        dense = is_full_somewhere(terms)
        text = ""
        for index, term in enumerate(ordered):
            written = self.summand(term, value, not dense)
            is_negative = term.coefficient < 0
            if index == 0:
                text = (
                    ("-" + written.at(UNARY if written.level != PRODUCT else PRODUCT)) if is_negative else written.text
                )
                level = written.level if not is_negative else UNARY
            else:
                text += f" {'-' if is_negative else '+'} {written.at(PRODUCT)}"
                level = SUM
        return CodeText(text, level)

    def summand(self, term: Term, value: Value, is_first: bool = False) -> CodeText:
        """A term without its sign."""
        scalar = Term(abs(term.coefficient), term.powers)
        if term.value is None:
            return self.scalar(scalar)
        body = self.broadcast(term, value, is_first)
        return self.scaled(scalar, body)

    def scaled(self, scalar: Term, body: CodeText) -> CodeText:
        if scalar.coefficient == 1 and not scalar.powers:
            return body
        front = self.scalar(scalar)
        if body.text == "1":
            return front
        if front.level >= PRODUCT and front.text.startswith("1 / "):
            return CodeText(f"{body.at(PRODUCT if '@' not in body.text else ATOM)} / {front.text[4:]}", PRODUCT)
        shown = front.at(ATOM) if " " in front.text else front.text
        return CodeText(f"{shown} * {body.at(UNARY)}", PRODUCT)

    def broadcast(self, term: Term, value: Value, is_first: bool) -> CodeText:
        """A summand: u 1ᵀ and 1 vᵀ broadcast where another summand has the full shape."""
        body = term.body
        if body.kind == "outer" and not is_first:
            u, v = body.args[::-1] if term.flipped else body.args
            if u.body.kind == "ones" and v.body.kind == "ones":
                return CodeText("1")
            if u.body.kind == "ones":
                return self.texts[v.body]
            if v.body.kind == "ones":
                return CodeText(self.texts[u.body].at(ATOM) + "[:, None]")
        if body.kind == "ones" and value.is_vector and not is_first:
            return CodeText("1")
        return self.body(term)

    def entries(self, value: Value) -> CodeText:
        """Π A^e entry by entry."""
        above: list[CodeText] = []
        below: list[CodeText] = []
        for term, (tag, exponent) in zip(value.args, value.data, strict=True):
            base = self.body(term)
            if exponent not in (1, -1):
                base = self.powered(base, abs(exponent), is_array=True)
            if tag == "column":
                base = CodeText(base.at(ATOM) + "[:, None]")
            (above if exponent > 0 else below).append(base)
        return self.quotient(above, below, False)

    def line(self, statement: str, comment: str | None = None) -> None:
        """A statement, its formula behind it or, where that is too long, above it."""
        if comment and self.indent + len(statement) + 4 + len(comment) <= WIDTH:
            self.lines.append(f"{statement}  # {comment}")
            return
        if comment:
            if len(comment) > WIDTH - self.indent - 3:
                comment = comment[: WIDTH - self.indent - 4] + "…"
            self.lines.append(f"# {comment}")
        self.lines.append(statement)

    def name(self, value: Value) -> str:
        known = self.names.get(value)
        if known is None:
            known = unused(
                self.preferred.get(value) or suggested(value, self.names, self.signature, self.used), self.used
            )
            self.used.add(known)
            self.names[value] = known
            self.texts[value] = CodeText(known)
        return known


def is_full_somewhere(terms: Sequence[Term]) -> bool:
    """Whether a summand has all entries by itself, so that the others may broadcast."""
    for term in terms:
        body = term.value
        if body is None or body.kind in ("eye", "Diag", "ones"):
            continue
        if body.kind != "outer" or not any(arg.body.kind == "ones" for arg in body.args):
            return True
    return False


CALL = re.compile(r"\w+(?=\()")
STATIC = frozenset("constant dimension".split())
RESERVED = frozenset(
    "np math xp jnp jax torch scipy dtype value gradient jacobian hessian hvp value_and_gradient".split()
)


def called(helpers: Mapping[str, str], text: str) -> set[str]:
    """The helpers that a text calls."""
    return {name for name in CALL.findall(text) if name in helpers}


def is_short_decimal(value: Fraction) -> bool:
    """Whether a fraction is a decimal of at most four digits."""
    scaled = value * 10000
    return scaled.denominator == 1


def placed(template: str, place: str, arg: CodeText) -> str:
    """The template with an operand filled in, bracketed unless it stands alone between brackets and commas."""
    pieces = template.split(place)
    text = pieces[0]
    for piece in pieces[1:]:
        alone = text.rstrip()[-1:] in ("(", ",") and piece[:1] in (")", ",")
        text += (arg.text if alone else arg.at(ATOM)) + piece
    return text


def level_of(text: str) -> int:
    """The precedence of the loosest operator outside brackets."""
    depth, level = 0, ATOM
    for i, character in enumerate(text):
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif depth == 0 and character == " ":
            operator = text[i + 1 : i + 4].split(" ")[0]
            if operator in ("+", "-"):
                return SUM
            if operator in ("*", "/", "@"):
                level = min(level, PRODUCT)
            elif operator == "**":
                level = min(level, POWER)
    return UNARY if level > UNARY and text.startswith("-") else level
