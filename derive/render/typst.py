"""A derivation as a Typst document: `$W^top W x - x$`, set without LaTeX.

Letters and signs are written as themselves, names of several letters in quotes.  A line
too long for the page is a paragraph of formulas in display size, which Typst breaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import names
from ..heights import RAISED
from ..shapes import SCALAR, Shape
from . import POSTFIX, PRODUCT, Notation, Piece
from .blocks import Exposition, Heading, Paragraph, Row, Shapes
from .breaking import width
from .latex import ROOM, Latex

if TYPE_CHECKING:
    from ..derivation import Presented

ACCENTS = {"hat": "hat", "bar": "macron", "tilde": "tilde", "dot": "dot", "ddot": "dot.double"}
ACCENTS |= {"bold": "bold", "cal": "cal", "vec": "arrow"}
SIGNS = {"−": "-", "ᵀ": "^top", "²": "^2", "∂²": "∂^2", "∇²": "∇^2", "vec": 'op("vec")', "d": "upright(d)"}
SIGNS |= {c: f"\\{c}" for c in "(),[]/"}
HEAD = """\
#set page(margin: 1in)
#set text(size: 11pt)
#set par(justify: false)
"""


class Typst(Notation):
    """The notation of Typst."""

    ellipsis = "dots.c"
    times = "dot.op"
    hadamard = "⊙"
    quotient = "⊘"
    kron = "⊗"
    fraction_level = POSTFIX

    def symbol(self, name: str) -> str:
        name, above = names.unmarked(name)
        if above:
            return f"{self.symbol(name)}^({_word(above)})"
        base, accents, low = names.parts(name)
        head = ""
        if len(base) == 2 and base[0] == "d":
            head, base = "upright(d)", base[1]
        shown = _word(base)
        for accent in accents:
            shown = f"{ACCENTS[accent]}({shown})" if accent in ACCENTS else shown
        return (f"{head} {shown}" if head else shown) + (f"_({_listed(map(_word, low))})" if low else "")

    def constant(self, name: str) -> str:
        return "π" if name == "π" else "upright(e)"

    def juxtapose(self, factors: Sequence[str]) -> str:
        return factors[0] + "".join(f" {self.times} {f}" if f[0].isdigit() else f" {f}" for f in factors[1:])

    def fraction(self, numerator: str, denominator: str) -> str:
        return f"frac({numerator}, {denominator})"

    def superscript(self, base: str, exponent: str, is_entrywise: bool = False) -> str:
        return f"{base}^({'⊙ ' * is_entrywise}{exponent})"

    def transposed(self, base: str, is_inverse: bool = False) -> str:
        return base + ("^(-top)" if is_inverse else "^top")

    def root(self, radicand: str) -> str:
        return f"sqrt({radicand})"

    def call(self, name: str, operands: Sequence[str], is_tall: bool) -> str:
        words, _, axis = name.rpartition("_")
        head = f'op("{words}")_"row"' if axis == "row" and words else f'op("{name.replace("logdet", "log det")}")'
        return f"{head}({_listed(operands)})"

    def primed(self, name: str, order: int) -> str:
        return name + "'" * order if order <= 3 else f"{name}^((order))"

    def applied(self, head: str, operand: str, is_tall: bool) -> str:
        return f"{head} ({operand})"

    def delimited(self, kind: str, operands: Sequence[str], is_tall: bool, subscript: str = "") -> str:
        opening, closing = {"norm": ("‖", "‖"), "abs": ("|", "|"), "inner": ("⟨", "⟩")}[kind]
        return f"lr({opening} {_listed(operands)} {closing})" + (f"_({_word(subscript)})" if subscript else "")

    def leaf(self, name: str, subscript: str = "") -> str:
        return ("bold(1)" if name == "1" else name) + (f"_({subscript})" if subscript else "")

    def block(self, rows: Sequence[Sequence[str]]) -> str:
        return f'mat(delim: "[", {"; ".join(", ".join(row) for row in rows)})'

    def window(self, matrix: str, rows: tuple[str, str], columns: tuple[str, str]) -> str:
        return f"{matrix} [{rows[0]} : {rows[1]}, {columns[0]} : {columns[1]}]"

    def sign(self, sign: str) -> str:
        if sign[0].isdigit() and sign[-1] in RAISED:
            base = sign.rstrip("".join(RAISED))
            return f"{base}^({''.join(RAISED[c] for c in sign[len(base) :])})"
        return SIGNS.get(sign) or (f'"{sign}"' if len(sign) > 1 and sign.isalpha() else sign)

    def sequence(self, items: Sequence[tuple[bool, str]]) -> str:
        return "".join(string if is_sign and string[0] == "^" else f" {string}" for is_sign, string in items).strip()

    def partial(self, top: str, bottom: str, share: int | None) -> str:
        written = f"{top} \\/ {bottom}" if self.is_inline else self.fraction(top, bottom)
        return written if share is None else f"lr({written} |)_{share}"

    def space(self, rows: Piece, columns: Piece) -> str:
        shown = [self.wrapped(p, PRODUCT) for p in (rows, columns)]
        if shown == ["1", "1"]:
            return "ℝ"
        return f"ℝ^({shown[0]})" if shown[1] == "1" else f"ℝ^({shown[0]} × {shown[1]})"


def _word(name: str) -> str:
    return name if len(name) == 1 or name.isdigit() else f'"{name}"'


def _listed(items: Sequence[str] | map[str]) -> str:
    return r"\, ".join(items)


def derivation_typst(derivation: Presented, detail: str = "steps", verify: bool = True) -> str:
    """The derivation as one file that `typst compile` sets."""
    from .exposition import exposition

    return document(exposition(derivation, detail, verify))


def document(told: Exposition) -> str:
    """The blocks of a document."""
    inline, shown, measure = Typst(told.spelled, is_inline=True), Typst(told.spelled), Latex(told.spelled)

    def said(parts: Sequence[object]) -> str:
        return "".join(_plain(p) if isinstance(p, str) else f"${inline.formula(p)}$" for p in parts)  # type: ignore[arg-type]

    def line(row: Row) -> str:
        left = shown.formula(row.left) + " " if row.left else ""
        rights = [f"{shown.sign(sign)} {shown.formula(formula)}" for sign, formula in row.rights]
        size = sum(width(measure.formula(formula)) + 12.0 for formula in (row.left, *(f for _, f in row.rights)))
        if size < ROOM - 90.0:  # as one formula, which is not broken
            rights = [" ".join(rights)]
        made = " ".join(f"$display({left * (not i)}{right})$" for i, right in enumerate(rights))
        if row.is_boxed:
            return f"#rect(stroke: 0.6pt, inset: 7pt)[#set par(leading: 1em); {made}]"
        shape = "" if row.shape is None else "scalar" if row.shape == SCALAR else f"${_shape(inline, row.shape)}$"
        margin = " ".join([shape] * bool(shape) + [f"({row.number})"] * bool(row.number))
        return f"#pad(left: 1.5em)[{made}{f' #h(1fr) #text(gray)[{margin}]' * bool(margin)}]"

    out = [HEAD, f"= {said(told.title)}"]
    for block in told.blocks:
        if isinstance(block, Heading):
            out.append(f"== {_plain(block.title)}")
        elif isinstance(block, Paragraph):
            out.append(said(block.parts))
        elif isinstance(block, Shapes):
            out.append(said(block.sentence()))
        else:
            out += [line(row) for row in block.rows]
    return "\n\n".join(out) + "\n"


def _shape(notation: Typst, shape: Shape) -> str:
    return " × ".join(notation.wrapped(notation.dimension(dim), PRODUCT) for dim in shape)


def _plain(words: str) -> str:
    """Words, with what Typst would read as its own marked."""
    return "".join(f"\\{c}" if c in "\\#$*_`<>@[]~=/" else c for c in words)
