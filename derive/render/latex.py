"""Formulas in LaTeX: `W^{\\top} W x x^{\\top}`, with `\\left` and `\\right` only around what is tall."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .. import names
from ..expr import Expr
from ..heights import LOWERED_DIGITS, RAISED
from ..shapes import SCALAR, Shape
from . import POSTFIX, PRODUCT, Item, Name, Notation, Operand, Partial, Piece, Space
from .breaking import broken, width
from .style import Style

if TYPE_CHECKING:
    from ..derivation import Presented
    from .blocks import Block, Display, Exposition, Paragraph, Row, Shapes

COMMANDS = {name: "\\" + name for name in "exp log sin cos tan arcsin arccos arctan sinh cosh tanh det".split()} | {
    "logdet": r"\log\det",
    "σ": r"\sigma",
}

SIGNS = {
    "∂": r"\partial",
    "∂²": r"\partial^{2}",
    "∈": r"\in",
    "↦": r"\mapsto",
    "−": "-",
    "·": r"\cdot",
    "…": r"\cdots",
    "d": r"\mathrm{d}",
    "→": r"\to",
    "∇²": r"\nabla^{2}",
    "⟨": r"\langle",
    "⟩": r"\rangle",
    "≠": r"\neq",
    "≥": r"\geq",
    "≤": r"\leq",
    "⪰": r"\succeq",
    "²": "^{2}",
    "vec": r"\operatorname{vec}",
    "ᵀ": r"^{\top}",
}


class Latex(Notation):
    """The notation of papers; plain enough for MathJax and for our own parser."""

    ellipsis = r"\cdots"
    times = r"\cdot"
    hadamard = r"\odot"
    quotient = r"\oslash"
    kron = r"\otimes"
    fraction_level = POSTFIX

    def __init__(
        self, spelled: Mapping[str, Partial] | None = None, is_inline: bool = False, style: Style | None = None
    ) -> None:
        super().__init__(spelled, is_inline)
        self.bold: frozenset[str] = style.bold if style else frozenset()  # bases of names
        self.nabla = style.nabla if style else False
        if self.nabla:
            self.partial_level = PRODUCT

    def symbol(self, name: str) -> str:
        base, accents, low = names.parts(name)
        if self.bold and {base, name} & self.bold and not set(accents) & set(names.STYLES):
            name = "_".join([base, "bold", *accents, *low])
        return names.latex(name)

    def _item(self, item: Item) -> str:
        if self.nabla and isinstance(item, Partial):
            by = item.bottom[1].expr if isinstance(item.bottom[1], Operand) else item.bottom[1]
            if len(item.bottom) == 2 and item.top[0] == "∂" and isinstance(item.top[1], Name):
                written = rf"\nabla_{{{self.formula([by])}}} {self.formula(item.top[1:])}"
                return written if item.share is None else f"({written})_{{{item.share}}}"
            if item.top[0] == "∂²" and len(item.bottom) == 4 and isinstance(item.bottom[1], Expr):
                return rf"\nabla_{{{self.formula([by])}}}^{{2}} {self.formula(item.top[1:])}"
        return super()._item(item)

    def constant(self, name: str) -> str:
        return r"\pi" if name == "π" else r"\mathrm{e}"

    def juxtapose(self, factors: Sequence[str]) -> str:
        line = factors[0]
        for left, factor in zip(factors, factors[1:]):
            if factor[0].isdigit():
                line += rf" {self.times} {factor}"
            elif _is_word(left) or _is_word(factor):
                line += rf" \, {factor}"
            else:
                line += f" {factor}"
        return line

    def fraction(self, numerator: str, denominator: str) -> str:
        return rf"\frac{{{numerator}}}{{{denominator}}}"

    def bracketed(self, string: str, is_tall: bool) -> str:
        return rf"\left({string}\right)" if is_tall else f"({string})"

    def superscript(self, base: str, exponent: str, is_entrywise: bool = False) -> str:
        return f"{base}^{{" + (r"\odot " if is_entrywise else "") + exponent + "}"

    def transposed(self, base: str, is_inverse: bool = False) -> str:
        return base + (r"^{-\top}" if is_inverse else r"^{\top}")

    def root(self, radicand: str) -> str:
        return rf"\sqrt{{{radicand}}}"

    def call(self, name: str, operands: Sequence[str], is_tall: bool) -> str:
        base, _, axis = name.rpartition("_")
        if axis == "row" and base:
            command = (COMMANDS.get(base) or rf"\operatorname{{{base}}}") + r"_{\mathrm{row}}"
        else:
            command = COMMANDS.get(name) or r"\operatorname{" + name.replace("_", r"\_") + "}"
        return command + self.bracketed(", ".join(operands), is_tall)

    def primed(self, name: str, order: int) -> str:
        return name + "'" * order if order <= 3 else f"{name}^{{({order})}}"

    def applied(self, head: str, operand: str, is_tall: bool) -> str:
        return head + self.bracketed(operand, is_tall)

    def delimited(self, kind: str, operands: Sequence[str], is_tall: bool, subscript: str = "") -> str:
        opening, closing = {
            "norm": (r"\lVert", r"\rVert"),
            "abs": (r"\lvert", r"\rvert"),
            "inner": (r"\langle", r"\rangle"),
        }[kind]
        if is_tall:
            opening, closing = r"\left" + opening, r"\right" + closing
        below = r"\mathrm{op}" if subscript == "op" else subscript
        return f"{opening} {', '.join(operands)} {closing}" + (f"_{{{below}}}" if below else "")

    def leaf(self, name: str, subscript: str = "") -> str:
        return (r"\mathbf{1}" if name == "1" else name) + (f"_{{{subscript}}}" if subscript else "")

    def block(self, rows: Sequence[Sequence[str]]) -> str:
        return r"\begin{bmatrix} " + r" \\ ".join(" & ".join(row) for row in rows) + r" \end{bmatrix}"

    def window(self, matrix: str, rows: tuple[str, str], columns: tuple[str, str]) -> str:
        return f"{matrix}[{rows[0]}{{:}}{rows[1]}, {columns[0]}{{:}}{columns[1]}]"

    def keeps_whole(self, numerators: Sequence[Expr], denominators: Sequence[Expr]) -> bool:
        """(x − a)/‖x − a‖ in one fraction, but 1/m in front of a product."""
        if not numerators:
            return True
        if all(_is_plain(e) for e in denominators):
            return all(_is_plain(e) for e in numerators)
        return sum(len(e.args) for e in numerators) <= 4 and not any(e.op.name == "hadamard" for e in numerators)

    def sign(self, sign: str) -> str:
        return SIGNS.get(sign) or words(sign, "", "")

    def sequence(self, items: Sequence[tuple[bool, str]]) -> str:
        line = ""
        for is_sign, string in items:
            is_tight = not line or line.endswith("(") or (is_sign and string[0] in ",)]^")
            is_second = is_sign and string == SIGNS["∂"] and line.startswith(string) and r"\operatorname" in line
            line += string if is_tight else rf" \, {string}" if is_second else f" {string}"
        return line

    def partial(self, top: str, bottom: str, share: int | None) -> str:
        if self.is_inline:
            return f"{top} / {bottom}" + ("" if share is None else f" |_{{{share}}}")
        written = self.fraction(top, bottom)
        return written if share is None else rf"\left. {written} \right|_{{{share}}}"

    def space(self, rows: Piece, columns: Piece) -> str:
        shown = [self.wrapped(p, PRODUCT) for p in (rows, columns)]
        if shown == ["1", "1"]:
            return r"\mathbb{R}"
        return rf"\mathbb{{R}}^{{{shown[0]}}}" if shown[1] == "1" else rf"\mathbb{{R}}^{{{shown[0]} \times {shown[1]}}}"


def _is_plain(node: Expr) -> bool:
    return not node.args or (node.op.name == "power" and not any(arg.args for arg in node.args))


def _is_word(factor: str) -> bool:
    return factor.startswith((r"\mathrm{", r"\mathit{"))


def latex(expr: Expr) -> str:
    r"""The formula in LaTeX, without delimiters; `parse` reads it back.

    Examples
    --------
    >>> from derive.expr import symbol
    >>> W, x = symbol("W", "m", "n"), symbol("x", "n")
    >>> print(latex(W.T @ W @ x - x))
    W^{\top} W x - x
    """
    return Latex().expression(expr)


# Documents

ROOM = 436.0  # points, of a line of display
NARROW = 340.0  # of one without a margin for shapes and numbers
WORDS = {
    "ᵀ": r"^{\top}", "⁻": "^{-}", "¹": "^{1}", "²": "^{2}", "³": "^{3}", "½": r"\tfrac{1}{2}", "−": "-", "×": r"\times",
    "‖": r"\Vert", "∂": r"\partial", "∈": r"\in", "ℝ": r"\mathbb{R}", "⊙": r"\odot", "⊗": r"\otimes", "≠": r"\neq",
    "≤": r"\leq", "≥": r"\geq", "⪰": r"\succeq", ">": ">", "⟨": r"\langle", "⟩": r"\rangle", "·": r"\cdot",
    "<": "<", "𝟏": r"\mathbf{1}", "↦": r"\mapsto", "ℓ": r"\ell", "|": "|", "⊘": r"\oslash",
    "∇": r"\nabla", "→": r"\to", "←": r"\leftarrow",
}  # fmt: skip
ESCAPES = {c: "\\" + c for c in "#$%&_{}"} | {
    "~": r"\textasciitilde{}",
    "\\": r"\textbackslash{}",
    "…": r"\dots{}",
    "^": r"\textasciicircum{}",
}
PREAMBLE = r"""\documentclass[11pt,fleqn]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{lmodern}
\usepackage{microtype}
\usepackage[margin=1in]{geometry}
\usepackage{amsmath,amssymb}
\usepackage{booktabs}
\setlength{\mathindent}{1.5em}
\setlength{\parindent}{0pt}
\setlength{\fboxsep}{6pt}
\setlength{\parskip}{0.5em}
\allowdisplaybreaks
% Denominators a little lower, so that the bar clears a transpose.
\AtBeginDocument{\sbox0{$x$}\fontdimen11\textfont2=8.6pt}
"""


# A letter with accents, or with what stands below it
_BELOW = r"(?:[₀-₉ₐ-ₜᵢⱼᵣᵤᵥ]+|_\{[\w,+-]+\}|_[^\W_]+)"
_NAME = re.compile(rf"(?<![^\W_])[^\W\d_](?:[\u0300-\u036f\u20d7]+{_BELOW}?|{_BELOW})[⁺⁻]?(?![^\W_])")


def words(plain: str, opening: str = r"\(", closing: str = r"\)") -> str:
    """Words in LaTeX: what is mathematics among them is set as such."""
    if plain.isascii() and not any(c in ESCAPES or c in WORDS for c in plain):
        return plain
    name = _NAME.search(plain)
    if name is not None:
        before, after = (words(part, opening, closing) for part in (plain[: name.start()], plain[name.end() :]))
        return before + opening + names.latex(names.canonical(name[0])) + closing + after
    out, math, mode = "", "", ""
    for c in [*plain, ""]:
        high = HIGH.get(c)
        sign = high or WORDS.get(c) or GREEK_COMMANDS.get(c)
        low = LOWERED_DIGITS.get(c)
        if c and (sign or low):
            now = "^" if high else "_" if low else ""
            if mode != now and mode:
                math += "}"
            if now and mode != now:
                math += now + "{"
            math += (" " if math and math[-1].isalpha() and (sign or low or "")[0].isalpha() else "") + (
                sign or low or ""
            )
            mode = now
            continue
        if math:
            out += opening + math + ("}" if mode else "") + closing
            math, mode = "", ""
        out += ESCAPES.get(c, c if c < "\u0180" else "?")  # T1 has the Latin letters
    return out


HIGH = RAISED | {"ᵀ": r"\top"}
GREEK_COMMANDS = {letter: names.latex(letter) for letter in "ΑΒΕΖΗΙΚΜΝΟΡΤΧ"}
GREEK_COMMANDS |= {letter: names.latex(letter) for letter in names.WORDS}


class LatexPrinter:
    """Prints the blocks of a document as paragraphs and `align*` environments.

    `joined` puts the displays of a part into one `align*` with `\\intertext` between, so
    that all equals signs of the part are aligned; MathJax has no `\\intertext`.

    With a `label`, every equation has a number in place of the step's, and `label-1`,
    `label-2`, … to refer to it; the box has the label itself.  Shapes are then written
    as spaces, the margin being the number's.

    In a column narrower than `NARROW` lines are folded from its left edge, without a margin.
    """

    opening, closing = r"\(", r"\)"

    def __init__(
        self, spelled: Mapping[str, Partial], joined: bool = False, label: str = "", style: Style | None = None
    ) -> None:
        self.notation = Latex(spelled, style=style)
        self.in_words = Latex(spelled, is_inline=True, style=style)
        self.joined = joined
        self.label = label
        self.numbers_all = style is not None and style.numbered is True
        self.room = (style.width if style else None) or ROOM
        self.is_narrow = self.room < NARROW
        self.count = 0  # equations with a number

    def inline(self, parts: Sequence[object]) -> str:
        out = ""
        for part in parts:
            if isinstance(part, str):
                out += words(part, self.opening, self.closing)
            else:
                out += self.opening + self.in_words.formula(part) + self.closing  # type: ignore[arg-type]
        return out

    def shapes(self, block: Shapes) -> str:
        return self.inline(block.sentence())

    def lines(self, rows: Sequence[Row], room: float | None = None) -> list[str]:
        """The lines of a display, without the `\\\\` between them."""
        if self.is_narrow:
            return [line for row in rows for line in self.folded(row)]
        room = room or self.room
        left = [self.notation.formula(row.left) if row.left else "" for row in rows]
        room -= max((width(string) for string in left), default=0.0)
        out: list[str] = []
        for row, start in zip(rows, left):
            rights = [(self.notation.sign(sign), self.notation.formula(formula)) for sign, formula in row.rights]
            space_of = self.space_of(row)
            tag = self.numbered(row) if self.has_number(row) else self.tag(row)
            space = room - (58.0 + (28.0 if row.number else 0.0) if tag else 8.0)
            if self.has_number(row):
                space = room - 36.0 - width(space_of)
            if row.is_boxed:
                out += self.boxed(start, rights, room - (36.0 if self.label else 0.0))
                out[-1] += tag if self.label else ""
                continue
            whole = " ".join(f"{sign} {string}" for sign, string in rights)
            if width(whole) <= space or not rights:
                out.append(f"{start} &{whole}{space_of}{tag}")
                continue
            made: list[str] = []
            for sign, string in rights:
                first, *rest = broken(string, space)
                made.append(f"&{sign} {first}")
                made += [rf"&\qquad {{}} {piece}" for piece in rest]
            made[0] = f"{start} {made[0]}"
            made[-1] += space_of + tag
            out += made
        return out

    def folded(self, row: Row) -> list[str]:
        """A line in a narrow column: from its edge, broken before signs, what goes on set in."""
        room = self.room - (28.0 if self.has_number(row) else 0.0) - (14.0 if row.is_boxed else 4.0)
        indent = 11.0
        made = [self.notation.formula(row.left) if row.left else ""]
        for sign, formula in row.rights:
            sign, string = self.notation.sign(sign), self.notation.formula(formula)
            start = width(made[-1]) + (indent if len(made) > 1 else 0.0)
            if start + 16.0 + width(string) > room and start > max(indent, 0.4 * room):
                made.append("")
                start = indent
            first, *rest = broken(string, room - start - 16.0, room - 2 * indent)
            made[-1] = f"{made[-1]} {sign} {first}".strip()
            made += [rf"\quad {piece}" for piece in rest]
        lines = [rf"&\quad {{}} {line}" if i or not row.left else f"&{line}" for i, line in enumerate(made)]
        if row.is_boxed:
            lines = [self.framed(made[0], lines)]
        if self.has_number(row):
            lines[-1] += self.numbered(row)
        return lines

    def has_number(self, row: Row) -> bool:
        return bool(self.label) and (self.numbers_all or row.is_boxed)

    def numbered(self, row: Row) -> str:
        """The label of the equation whose number is the next."""
        self.count += 1
        return rf" \label{{{self.label}}}" if row.is_boxed else rf" \label{{{self.label}-{self.count}}}"

    def space_of(self, row: Row) -> str:
        """The space of a numbered equation's value, where the shape would be in the margin."""
        if not self.has_number(row) or row.is_boxed or row.shape is None or row.shape == SCALAR:
            return ""
        return rf" \;\in {self.notation.formula([Space(row.shape)])}"

    def boxed(self, start: str, rights: Sequence[tuple[str, str]], room: float) -> list[str]:
        """A box around the line, or around its lines."""
        ((sign, string),) = rights
        pieces = broken(string, room - 30.0)
        lines = [f"{start} &{sign} {pieces[0]}", *(rf"&\qquad {{}} {piece}" for piece in pieces[1:])]
        return [self.framed(f"{start} {sign} {string}", lines)]

    @staticmethod
    def framed(whole: str, lines: Sequence[str]) -> str:
        """What stands on a line, or on several, in a box."""
        if len(lines) > 1:
            whole = r"\begin{aligned} " + r" \\ ".join(lines) + r" \end{aligned}"
        return rf"&\boxed{{ {whole} }}"

    def tag(self, row: Row) -> str:
        shape = "" if row.shape is None else self.shape(row.shape)
        if not shape and not row.number:
            return ""
        number = f"({row.number})" if row.number else ""
        return rf" \tag*{{{shape}{chr(92) + 'quad ' if shape and number else ''}{number}}}"

    def shape(self, shape: Shape) -> str:
        if shape == SCALAR:
            return "scalar"
        rows, columns = (self.notation.wrapped(self.notation.dimension(dim), PRODUCT) for dim in shape)
        return rf"${rows} \times {columns}$"

    def display(self, rows: Sequence[Row]) -> str:
        environment = "align" if any(map(self.has_number, rows)) else "align*"
        lines = self.unnumbered(self.lines(rows), environment)
        return f"\\begin{{{environment}}}\n  " + " \\\\\n  ".join(lines) + f"\n\\end{{{environment}}}"

    @staticmethod
    def unnumbered(lines: list[str], environment: str) -> list[str]:
        """Lines in an environment that numbers them, unless they have a label or a tag."""
        if environment == "align*":
            return lines
        return [line if r"\label{" in line or r"\tag" in line else rf"{line} \notag" for line in lines]

    def run(self, blocks: Sequence[Display | Paragraph]) -> str:
        """Displays with paragraphs between them, as one `align*`."""
        rows = [row for block in blocks if hasattr(block, "rows") for row in block.rows]
        lines = iter(self.lines_by_row(rows))
        environment = "align" if self.label and self.numbers_all else "align*"
        out = f"\\begin{{{environment}}}\n"
        pending = ""
        for block in blocks:
            if hasattr(block, "parts"):
                out += "\n  \\intertext{" + self.inline(block.parts) + "}\n"
                pending = ""
                continue
            for _ in block.rows:
                out += pending + "  " + " \\\\\n  ".join(self.unnumbered(next(lines), environment))
                pending = " \\\\\n"
        return out + f"\n\\end{{{environment}}}"

    def lines_by_row(self, rows: Sequence[Row]) -> list[list[str]]:
        left = max(
            (width(self.notation.formula(row.left)) for row in rows if row.left and not row.is_boxed), default=0.0
        )
        made = []
        for row in rows:
            own = width(self.notation.formula(row.left)) if row.left else 0.0
            made.append(self.lines([row], self.room - (0.0 if row.is_boxed else left - own)))
        return made

    def blocks(self, blocks: Sequence[Block]) -> str:
        from .blocks import Display, Heading, Paragraph, Shapes

        out: list[str] = []
        i = 0
        while i < len(blocks):
            block = blocks[i]
            i += 1
            if isinstance(block, Heading):
                if self.joined:
                    out.append(rf"\subsection*{{{words(block.title)}}}")
                else:  # a new paragraph, as sections differ from paper to paper
                    out += ["", rf"\emph{{{words(block.title)}.}}"]
            elif isinstance(block, Shapes):
                out.append(self.table(block) if self.joined and len(block.symbols) > 3 else self.shapes(block))
            elif isinstance(block, Paragraph):
                if i > 1 and isinstance(blocks[i - 2], Paragraph):
                    out.append("")
                out.append(self.inline(block.parts))
            elif self.joined and not _has_box(block):
                end = i
                while end + 1 < len(blocks):
                    following = blocks[end], blocks[end + 1]
                    if not (isinstance(following[0], Paragraph) and isinstance(following[1], Display)):
                        break
                    if _has_box(following[1]):  # at the margin, wherever the signs of the others are
                        break
                    end += 2
                out.append(self.run([block, *blocks[i:end]]))  # type: ignore[list-item]
                i = end
            else:
                out.append(self.display(block.rows))
        return "\n".join(out)

    def table(self, block: Shapes) -> str:
        more = any(properties for _, properties in block.symbols)  # a third column, without a title
        lines = [r"\begin{center}", rf"\begin{{tabular}}{{ll{'l' * more}}}", r"\toprule"]
        lines += [rf"Symbol & Shape{' &' * more} \\", r"\midrule"]
        for s, properties in block.symbols:
            cells = [f"\\({self.notation.expression(s)}\\)", self.shape(s.shape), *[properties] * more]
            lines.append(" & ".join(cells) + r" \\")
        return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{center}"])


def _has_box(block: Display) -> bool:
    return any(row.is_boxed for row in block.rows)


def derivation_latex(
    derivation: Presented, document: bool = False, detail: str = "steps", verify: bool = True, **style: Any
) -> str:
    """The derivation as paragraphs and `align*` environments, in the `Style` that is asked for.

    With `document=True` a document that compiles.
    """
    from .exposition import exposition

    asked = Style(derivation, **style)
    share = min(1.0, (asked.width or ROOM) / ROOM)
    told = exposition(derivation, detail, verify, share=share)
    label = ""
    if asked.numbered:
        wrt = [v.data[0] for v in derivation.variables]
        label = "eq:" + "-".join([derivation.kind, *map(names.identifier, [derivation.name, *wrt])])
    printer = LatexPrinter(told.spelled, document, label, asked)
    body = printer.blocks(told.blocks)
    if printer.is_narrow:  # words may stand apart rather than stick out
        body = "{\\sloppy\n" + body + "\n\\par}"
    whole = page(printer, told, body, asked.width) if document else body + "\n"
    return whole if asked.transpose == r"\top" else re.sub(r"\\top(?![A-Za-z])", lambda _: asked.transpose, whole)


def page(printer: LatexPrinter, told: Exposition, body: str, room: float | None = None) -> str:
    """A document that compiles, of a body with its title."""
    title = rf"\section*{{{printer.inline(told.title)}}}"
    preamble = PREAMBLE if room is None else PREAMBLE.replace("margin=1in", f"textwidth={room:g}pt")
    return "\n".join([preamble, r"\begin{document}", title, body, r"\end{document}", ""])
