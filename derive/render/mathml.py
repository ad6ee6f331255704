"""Formulas in MathML, as every current browser shows it without a script.

Each method returns one element.  What has a shape carries it as `data-shape`, so that a
page can show it where the pointer rests.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from xml.etree import ElementTree

from .. import names
from ..expr import Expr
from ..heights import RAISED
from ..shapes import SCALAR, Shape, shape_text
from . import POSTFIX, PRODUCT, Notation, Piece

FUNCTIONS = {"logdet": "log det", "σ": "σ"}
HIGH = RAISED | {"⁻": "−"}
ACCENTS = {"hat": "^", "bar": "¯", "tilde": "~", "dot": "˙", "ddot": "¨", "vec": "→"}

THIN = '<mspace width="0.17em"/>'
VEC, PARTIAL = ('<mi mathvariant="normal">' + name + "</mi>" for name in ("vec", "∂"))
FORMS = dict.fromkeys("(⟨", "prefix") | dict.fromkeys(")⟩,", "postfix")
_CALL = re.compile(r'(?:<mrow[^>]*>)*(?:<msub>)?<mi mathvariant="normal">')  # a function, or the d of a differential
_LOW = re.compile(  # a letter with one index, and a norm of a kind
    r'(?:<mrow data-shape="[^"]*">)?<msub>(<mi>[^<]*</mi>)(<m[in]>[^<]*</m[in]>)</msub>(?:</mrow>)?'
    r'|<msub>(<mrow><mo form="prefix" fence="true".*</mrow>)(<m[in](?: mathvariant="normal")?>[^<]*</m[in]>)</msub>'
)


def _raised(base: str, high: str) -> str:
    """The base with a superscript, above its subscript if it has one."""
    found = _LOW.fullmatch(base)
    if found is None:
        return f"<msup>{base}{high}</msup>"
    return f"<msubsup>{found[1] or found[3]}{found[2] or found[4]}{high}</msubsup>"


def row(*parts: str) -> str:
    """The parts as one element."""
    return parts[0] if len(parts) == 1 else f"<mrow>{''.join(parts)}</mrow>"


def operator(sign: str, **attributes: str) -> str:
    shown = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f"<mo{shown}>{escape(sign)}</mo>"


class MathML(Notation):
    """The notation of browsers."""

    ellipsis = "<mo>⋯</mo>"
    times = "·"
    hadamard = "⊙"
    quotient = "⊘"
    kron = "⊗"
    fraction_level = POSTFIX

    def finished(self, node: Expr, piece: Piece) -> Piece:
        if not node.is_scalar or node.op.name == "symbol":
            piece.string = f'<mrow data-shape="{shape_text(node.shape)}">{piece.string}</mrow>'
        return piece

    def symbol(self, name: str) -> str:
        name, above = names.unmarked(name)
        if above:
            mark = f"<mn>{above}</mn>" if above.isdigit() else f"<mi>{escape(above)}</mi>"
            return f"<msup>{self.symbol(name)}{mark}</msup>"
        base, accents, subscripts = names.parts(name)
        head = ""
        if len(base) == 2 and base[0] == "d":
            head, base = '<mi mathvariant="normal">d</mi>', base[1]
        styled = names.text("_".join([base, *(a for a in accents if a in ("bold", "cal"))]))
        made = f"<mi>{escape(styled)}</mi>"
        for accent in accents:
            if accent in ACCENTS:
                made = f'<mover accent="true">{made}<mo stretchy="false">{ACCENTS[accent]}</mo></mover>'
        if subscripts:
            low = [f"<mn>{s}</mn>" if s.isdigit() else f"<mi>{escape(s)}</mi>" for s in subscripts]
            made = f"<msub>{made}{low[0] if len(low) == 1 else '<mrow>' + operator(',').join(low) + '</mrow>'}</msub>"
        return row(head, made) if head else made

    def digits(self, value: int) -> str:
        return f"<mn>{value}</mn>"

    def constant(self, name: str) -> str:
        return f'<mi mathvariant="normal">{name}</mi>'

    def sum(self, terms: Sequence[tuple[bool, str]]) -> str:
        parts: list[str] = []
        for i, (is_negative, string) in enumerate(terms):
            if is_negative:
                parts.append(operator("−", form="prefix") if not i else operator("−"))
            elif i:
                parts.append(operator("+"))
            parts.append(string)
        return row(*parts)

    def juxtapose(self, factors: Sequence[str]) -> str:
        parts = [factors[0]]
        for left, factor in zip(factors, factors[1:]):
            if factor.startswith("<mn>"):
                parts += [operator("·"), factor]
            elif _CALL.match(factor) or _CALL.match(left):
                parts += [operator("\u2062"), THIN, factor]
            else:
                parts += [operator("\u2062"), factor]
        return row(*parts)

    def infix(self, left: str, operator_: str, right: str) -> str:
        return row(left, operator(operator_), right)

    def fraction(self, numerator: str, denominator: str) -> str:
        return f"<mfrac>{numerator}{denominator}</mfrac>"

    def bracketed(self, string: str, is_tall: bool) -> str:
        stretch = "true" if is_tall else "false"
        return row(operator("(", stretchy=stretch), string, operator(")", stretchy=stretch))

    def superscript(self, base: str, exponent: str, is_entrywise: bool = False) -> str:
        return _raised(base, row(operator("⊙"), exponent) if is_entrywise else exponent)

    def transposed(self, base: str, is_inverse: bool = False) -> str:
        top = operator("⊤")
        return _raised(base, row(operator("−", form="prefix"), top) if is_inverse else top)

    def root(self, radicand: str) -> str:
        return f"<msqrt>{radicand}</msqrt>"

    def call(self, name: str, operands: Sequence[str], is_tall: bool) -> str:
        inside = operands[0]
        for operand in operands[1:]:
            inside = row(inside, operator(","), operand)
        words, _, axis = name.rpartition("_")
        base, low = (words, axis) if axis == "row" and words else (name, "")
        head = f'<mi mathvariant="normal">{escape(FUNCTIONS.get(base, base))}</mi>'
        if low:
            head = f'<msub>{head}<mi mathvariant="normal">{low}</mi></msub>'
        return row(head, operator("\u2061"), self.bracketed(inside, is_tall))

    def primed(self, name: str, order: int) -> str:
        return f"<msup>{name}<mo>{'′' * order}</mo></msup>" if order else name

    def applied(self, head: str, operand: str, is_tall: bool) -> str:
        return row(head, operator("\u2061"), self.bracketed(operand, is_tall))

    def delimited(self, kind: str, operands: Sequence[str], is_tall: bool, subscript: str = "") -> str:
        opening, closing = {"norm": ("‖", "‖"), "abs": ("|", "|"), "inner": ("⟨", "⟩")}[kind]
        inside = operands[0] if len(operands) == 1 else row(operands[0], operator(","), operands[1])
        stretch = "true" if is_tall else "false"
        made = row(
            operator(opening, form="prefix", fence="true", stretchy=stretch),
            inside,
            operator(closing, form="postfix", fence="true", stretchy=stretch),
        )
        if not subscript:
            return made
        low = f"<mn>{subscript}</mn>" if subscript.isdigit() else f'<mi mathvariant="normal">{escape(subscript)}</mi>'
        return f"<msub>{made}{low}</msub>"

    def leaf(self, name: str, subscript: str = "") -> str:
        made = {"0": "<mn>0</mn>", "1": "<mn>𝟏</mn>"}.get(name, f"<mi>{name}</mi>")
        return f"<msub>{made}<mrow>{subscript.replace(', ', '<mo>,</mo>')}</mrow></msub>" if subscript else made

    def block(self, rows: Sequence[Sequence[str]]) -> str:
        cells = "".join("<mtr>" + "".join(f"<mtd>{cell}</mtd>" for cell in line) + "</mtr>" for line in rows)
        return row(operator("["), f"<mtable>{cells}</mtable>", operator("]"))

    def window(self, matrix: str, rows: tuple[str, str], columns: tuple[str, str]) -> str:
        ranges = row(rows[0], operator(":"), rows[1], operator(","), columns[0], operator(":"), columns[1])
        return row(matrix, operator("["), ranges, operator("]"))

    def sign(self, sign: str) -> str:
        if sign in ("d", "vec"):
            return f'<mi mathvariant="normal">{sign}</mi>'
        if sign in ("∂²", "∇²"):
            return f"<msup><mi>{sign[0]}</mi><mn>2</mn></msup>"
        if sign in ("∂", "∇"):
            return f'<mi mathvariant="normal">{sign}</mi>'
        if sign[0].isdigit() and sign[-1] in HIGH:
            base = sign.rstrip("".join(HIGH))
            high = "".join(HIGH[c] for c in sign[len(base) :])
            return f"<msup><mn>{base}</mn><mn>{high}</mn></msup>"
        if sign[0].isdigit():
            return f"<mn>{escape(sign)}</mn>"
        if sign in FORMS:
            return operator(sign, form=FORMS[sign], stretchy="false")
        return operator(sign)

    def sequence(self, items: Sequence[tuple[bool, str]]) -> str:
        parts: list[str] = []
        for is_sign, string in items:
            if is_sign and parts and string in ("<mo>ᵀ</mo>", "<mo>²</mo>"):
                high = operator("⊤") if "ᵀ" in string else "<mn>2</mn>"
                parts[-1] = f"<msup>{parts[-1]}{high}</msup>"
            else:
                if parts and (parts[-1] == VEC and not string.startswith("<mo") or string in (VEC, PARTIAL)):
                    parts += [THIN] * (not parts[-1].endswith("(</mo>"))
                parts.append(string)
        return row(*parts)

    def partial(self, top: str, bottom: str, share: int | None) -> str:
        made = (
            row(top, operator("/", lspace="0", rspace="0"), bottom)
            if self.is_inline
            else f"<mfrac>{top}{bottom}</mfrac>"
        )
        return made if share is None else f"<msub><mrow>{made}<mo>|</mo></mrow><mn>{share}</mn></msub>"

    def space(self, rows: Piece, columns: Piece) -> str:
        shown = [self.wrapped(p, PRODUCT) for p in (rows, columns)]
        if shown == ["<mn>1</mn>"] * 2:
            return "<mi>ℝ</mi>"
        high = shown[0] if shown[1] == "<mn>1</mn>" else row(shown[0], operator("×"), shown[1])
        return f"<msup><mi>ℝ</mi>{high}</msup>"


def shape_mathml(shape: Shape) -> str:
    """A shape, such as m × n, as one element."""
    if shape == SCALAR:
        return "<mtext>scalar</mtext>"
    notation = MathML()
    rows, columns = (notation.wrapped(notation.dimension(dim), PRODUCT) for dim in shape)
    return row(rows, operator("×"), columns)


def mathml(expr: Expr, display: bool = False) -> str:
    """The formula as a `<math>` element."""
    return element(MathML().expression(expr), display)


def element(inside: str, display: bool = False) -> str:
    """The `<math>` element around some MathML."""
    return f"<math{' displaystyle=' + chr(34) + 'true' + chr(34) if display else ''}>{inside}</math>"


# Long lines: browsers do not break a formula, only between formulas.

LONG = 36  # characters; shorter brackets are kept together
BREAKING = "=+−⊙⊘⊗→↦·"
OPENING = "([‖⟨|"


def pieces(inside: str) -> list[str]:
    """A long line of MathML as formulas between which a browser may break, before their signs."""
    made: list[ElementTree.Element] = []
    _spread(ElementTree.fromstring(f"<mrow>{inside}</mrow>"), made)
    groups: list[list[ElementTree.Element]] = [[]]
    size = 0  # characters since the last sign
    for token in made:
        sign = token.text or "" if token.tag == "mo" and token.get("form", "infix") == "infix" else ""
        length = len("".join(token.itertext()))
        is_factor = sign == "\u2062" and size > LONG
        if groups[-1] and (sign and sign in BREAKING or is_factor):
            groups.append([])
            size = 0
        size += length
        groups[-1].append(token)
    return ["".join(ElementTree.tostring(t, encoding="unicode") for t in group) for group in groups if group]


def _spread(element: ElementTree.Element, out: list[ElementTree.Element]) -> None:
    """The parts of a row, long brackets opened, each operator with the form that its place gives it."""
    for i, child in enumerate(element):
        if child.tag == "mo" and "form" not in child.attrib:
            text = child.text or ""
            form = "prefix" if not i or text in "([" else "postfix" if text in ")]," else "infix"
            child.set("form", form)
        is_long = len("".join(child.itertext())) > LONG
        if child.tag == "mrow" and (is_long or not _is_bracket(child)):
            _open(child, out)
        elif child.tag in ("msup", "msub", "msubsup") and is_long and child[0].tag == "mrow":
            first = len(out)
            _open(child[0], out)
            if len(out) > first and out[-1].tag == "mo":  # the script stands at the closing bracket
                last = ElementTree.Element(child.tag)
                ElementTree.SubElement(last, "mrow").append(out[-1])  # in a script's base by itself it is not stretched
                last.extend(child[1:])
                out[-1] = last
            else:
                del out[first:]
                out.append(child)
        else:
            out.append(child)


def _open(bracket: ElementTree.Element, out: list[ElementTree.Element]) -> None:
    """The parts of a long row, its brackets as high as what they enclose, which may stand on other lines."""
    first = len(out)
    _spread(bracket, out)
    if out[first:] and _is_bracket(bracket):
        for end in (out[first], out[-1]):
            if end.get("stretchy") == "true":
                end.attrib.update(minsize="1.8em", maxsize="1.8em")


def _is_bracket(element: ElementTree.Element) -> bool:
    while len(element) == 1 and element[0].tag == "mrow":
        element = element[0]
    return len(element) > 1 and element[0].tag == "mo" and (element[0].text or "") in OPENING
