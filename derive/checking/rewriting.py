"""The text of an edited side: what its author wrote, with one place rewritten in his spelling.

Only what is put at the place of an edit is written anew; its parts are copied from where they stand in the document.
What cannot be written so is `Unwritten`, and the reader decides whether the text says what the edited tree says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

from ..expr import Expr
from ..heights import RAISING
from .claims import EDGE, Claims, Side
from .edits import Path, at
from .trees import Tree
from .values import Scope

_LEFT = re.compile(r"\\(?:left|[bB]igg?l?)\s*$")
_STYLED = re.compile(r"\\[A-Za-z]+\s*\{\s*$")
_OPEN = re.compile(r"(?:\\(?:left|[bB]igg?l?)\s*)?(?:[(\[]|\\\{)")
_SUM, _PRODUCT, _POWER, _BASE = range(4)  # how tightly a place binds
_FRACTIONS = {"1/2": "½", "1/4": "¼", "3/4": "¾", "1/3": "⅓", "2/3": "⅔"}
_LEVELS = {
    "sum": _SUM, "neg": _SUM, "total": _SUM, "prod": _PRODUCT, "quotient": _PRODUCT, "hadamard": _PRODUCT,
    "over": _PRODUCT, "kron": _PRODUCT, "differential": _PRODUCT, "power": _POWER, "entrypower": _POWER,
    "transpose": _POWER, "inverse": _POWER,
}  # fmt: skip
_OPERATIONS = {"add": _SUM, "scale": _PRODUCT, "matmul": _PRODUCT, "hadamard": _PRODUCT, "mul": _PRODUCT}


class Unwritten(Exception):
    """A tree that has no text in the words of the document."""


def text_of(expr: Expr, scope: Scope, is_latex: bool) -> str:
    """An expression as a document would write it: ∂L/∂y, or dy, for the gradient that comes from upstream."""
    text = expr.latex() if is_latex else expr.text()
    for made, (loss, top) in scope.upstream.items():
        if scope.names_gradients:
            spelled = f"d{top.latex() if is_latex else top.text()}"
        elif is_latex:
            spelled = rf"\frac{{\partial {loss.latex()}}}{{\partial {top.latex()}}}"
        else:
            spelled = f"(∂{loss.text()}/∂{top.text()})"
        own = made.latex() if is_latex else made.text()
        text = text.replace(own + "^", rf"\left({spelled}\right)^") if "frac" in spelled else text
        text = text.replace(own, spelled)
    return text


def formulas(document: Claims) -> str:
    """All formulas of a document: in which language, and how transposes are written."""
    return " ".join(side.text for claim in document.claims for side in claim.sides)


class Rewriting:
    """Writes edited trees of the sides of a document."""

    def __init__(self, document: Claims, named: Callable[[Expr], Expr]) -> None:
        self.document = document
        self.named = named
        self.sides: dict[int, Side] = {}  # where a part stands
        self.spelled: dict[str, Tree] = {}  # a part that is the letter
        for claim in document.claims:
            for side in claim.sides:
                for part in side.tree.walk() if side.tree is not None else ():
                    if part.span[0] < part.span[1]:
                        self.sides[id(part)] = side
                        if part.kind == "name":
                            self.spelled.setdefault(str(part.data[0]), part)
        text = formulas(document)
        self.is_latex = "\\" in text
        if self.is_latex:
            self.top = r"^\top" if r"\top" in text or "^T" not in text else "^T"
            self.times = r" \circ " if r"\circ" in text and r"\odot" not in text else r" \odot "
            self.minus = "-"
        else:
            self.top = next((t for t in ("ᵀ", "^T", "'") if t in text), "ᵀ")
            self.times = " ∘ " if "∘" in text and "⊙" not in text else " ⊙ "
            self.minus = "−" if "−" in text or "-" not in text else "-"

    # A side with one place rewritten

    def versions(self, side: Side, tree: Tree, path: Path, new: Tree) -> Iterator[str]:
        """The side with another tree at the place, the one first that leaves the most of it as it stands."""
        for write in (self.patched, self.spliced):
            try:
                text = write(side, tree, path, new)
            except Unwritten:
                continue
            if _is_balanced(text):
                yield text

    def patched(self, side: Side, tree: Tree, path: Path, new: Tree) -> str:
        """The side with those operands alone rewritten that an edit of a product or a sum changes."""
        old = at(tree, path)
        args = new.args if new.kind == old.kind else (new,)
        first = next((i for i, (a, b) in enumerate(zip(old.args, args)) if a is not b), min(len(old.args), len(args)))
        rest = list(zip(reversed(old.args[first:]), reversed(args[first:])))
        last = next((i for i, (a, b) in enumerate(rest) if a is not b), len(rest))
        gone, put = old.args[first : len(old.args) - last], args[first : len(args) - last]
        if old.kind not in ("prod", "sum", "hadamard") or not first + last:
            raise Unwritten
        if len(gone) == len(put) == 1:
            return self.spliced(side, tree, (*path, first), put[0])
        if any(self.sides.get(id(arg)) is not side for arg in old.args) or put and old.kind == "hadamard":
            raise Unwritten
        source = _source(side)
        places = [self.place(arg, side) for arg in old.args]
        if first and (not gone or old.kind == "sum" or not last):  # with the sign before it
            start, end = places[first - 1][1], places[first + len(gone) - 1][1]
        elif put:
            start, end = places[first][0], places[first + len(gone) - 1][1] if gone else places[first][0]
        else:
            start, end = places[first][0], places[first + len(gone)][0]
        written = ""
        if put and old.kind == "sum":
            if not first:
                raise Unwritten
            written = self.sum(Tree("sum", put))
            is_negative = written.startswith(self.minus)
            written = f" {self.minus} {written[1:].lstrip()}" if is_negative else f" + {written}"
        elif put:
            written = self.prod(Tree("prod", put))
            is_glued = re.fullmatch(r"\d+|[½¼¾⅓⅔]", written) and not source[end : end + 1].isdigit()
            written = f" {written}" if start and first and source[start - 1] != " " else written
            written += "" if is_glued or source[end : end + 1] in ("", " ") else " "
        return source[:start] + written + source[end:]

    def spliced(self, side: Side, tree: Tree, path: Path, new: Tree) -> str:
        """The side with another tree at the place."""
        old = at(tree, path)
        above = at(tree, path[:-1]) if path else None
        if self.sides.get(id(old)) is not side:
            raise Unwritten
        source = _source(side)
        start, end = self.place(old, side)
        before, there = source[:start], source[start:end]
        written = self.part(new, self.level(above, path))
        is_raised = above is not None and _is_exponent(above, path)
        if there.startswith("{") and there.endswith("}"):
            written = f"{{{written}}}"
        elif above is not None and above.kind == "call" and _OPEN.match(there):
            written = self.enclosed(written)
        elif above is not None and self.is_latex and (above.kind == "quotient" or is_raised):
            written = f"{{{written}}}" if len(written) > 1 else written
        elif is_raised:
            raise Unwritten
        written = self.signed(before, written, old.kind == "neg")
        if written[:1].isalpha() and re.search(r"\\[A-Za-z]+$", before):
            written = " " + written  # \log u
        if written[:2] == self.minus + " ":
            before = before.rstrip("+" + EDGE) + " "
        return before + written + source[end:]

    def signed(self, before: str, written: str, was_negative: bool) -> str:
        """A summand with the sign that joins it to what stands before."""
        is_first = not re.search(r"[^\s&({\[=,]\s*&?\s*$", before) or bool(_LEFT.search(before))
        is_negative = written[:1] in ("-", "−")
        if is_negative and before.rstrip(" \n\t&").endswith("+"):
            return f"{self.minus} {written[1:].lstrip()}"
        if was_negative and not is_negative and not is_first:
            return f"+ {written}"
        return written

    def level(self, above: Tree | None, path: Path) -> int:
        if above is None or above.kind in ("sum", "call", "norm", "formula"):
            return _SUM
        if above.kind == "quotient":
            return _SUM if self.is_latex else _POWER
        if above.kind in ("power", "entrypower", "transpose", "inverse"):
            return _SUM if path[-1] else _BASE
        return _PRODUCT

    # Trees

    def part(self, tree: Tree, level: int = _SUM) -> str:
        """A tree, in brackets where the place wants it."""
        side = self.sides.get(id(tree))
        if side is not None:
            start, end = self.place(tree, side)
            text = _source(side)[start:end].replace("&", "").strip()
            own = _LEVELS.get(tree.kind, _BASE)
            if not _is_balanced(text):
                raise Unwritten
            if text.startswith("{") and text.endswith("}") and _is_balanced(text[1:-1]):
                text = text[1:-1].strip() or text
        else:
            text, own = self.made(tree)
        if tree.kind == "quotient" and text.startswith("\\"):
            own = _POWER if level < _BASE else own  # \frac stands for itself
        return text if own >= level or _is_bracketed(text) else self.bracketed(text)

    def made(self, tree: Tree) -> tuple[str, int]:
        row = _ROWS.get(tree.kind)
        if row is None:
            raise Unwritten
        return row(self, tree), _LEVELS.get(tree.kind, _BASE) if tree.kind != "held" else self.level_of(tree.data[0])

    def level_of(self, expr: Expr) -> int:
        return _OPERATIONS.get(self.named(expr).op.name, _POWER)

    def place(self, tree: Tree, side: Side) -> tuple[int, int]:
        """Where a tree stands in the text of its side, with its brackets whole."""
        start, end = tree.span[0] - side.start, tree.span[1] - side.start
        source = _source(side)
        if not 0 <= start < end <= len(source):
            raise Unwritten
        while source.count("}", start, end) > source.count("{", start, end):  # the X} of \mathbf{X}
            styled = _STYLED.search(source[:start])
            if styled is None:
                raise Unwritten
            start = styled.start()
        opened = _LEFT.search(source[:start])
        return opened.start() if opened and source[start] in "([\\|" else start, end

    def bracketed(self, text: str) -> str:
        is_tall = self.is_latex and ("\\frac" in text or "\\sum" in text)
        return f"\\left({text}\\right)" if is_tall else f"({text})"

    def name(self, tree: Tree) -> str:
        spelled = self.spelled.get(str(tree.data[0]))
        if spelled is not None and id(spelled) in self.sides:
            return self.part(spelled)
        if tree.data[2]:
            low = "".join(map(str, tree.data[2])).replace(",", "")
            # aᵢⱼ as another entry is written, of a letter that may not occur without indices
            others = [t for t in self.spelled.values() if t.data[1] == tree.data[1]]
            base = min(others, key=lambda t: bool(t.data[2]) != (len(low) > 1), default=None)
            stem = self.part(base).split("_")[0].rstrip() if base is not None else str(tree.data[1])
            return f"{stem}_{{{low}}}" if self.is_latex else f"{stem}_{low}"
        symbol = self.document.scope.symbols.get(str(tree.data[0]))
        if symbol is None:
            return str(tree.data[0])
        return symbol.latex() if self.is_latex else symbol.text()

    def number(self, tree: Tree) -> str:
        value: Fraction = tree.data[0]
        if value.denominator == 1:
            return str(value)
        if self.is_latex:
            sign = "-" if value < 0 else ""
            return f"{sign}\\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"
        return _FRACTIONS.get(str(value), f"({value})")

    def sum(self, tree: Tree) -> str:
        text = ""
        for term in tree.args:
            one = self.part(term)
            if one[:1] in ("-", "−"):
                one = one[1:].lstrip()
                text += f" {self.minus} {one}" if text else f"{self.minus}{one}"
            else:
                text += f" + {one}" if text else one
        return text

    def prod(self, tree: Tree) -> str:
        text = ""
        for factor in tree.args:
            is_last_sum = factor.kind == "total" and factor is tree.args[-1]  # 2 Σᵢ …
            one = self.part(factor, _SUM if is_last_sum else _PRODUCT if factor.kind != "hadamard" else _POWER)
            is_number = re.fullmatch(r"\d+|\\frac\{\d+\}\{\d+\}", text) and one[:1] in ("\\", "(", "[")
            glue = "" if is_number else " "
            text += glue + one if text else one
        return text

    def quotient(self, tree: Tree) -> str:
        if self.is_latex:
            return f"\\frac{{{self.part(tree.args[0])}}}{{{self.part(tree.args[1])}}}"
        return f"{self.part(tree.args[0], _PRODUCT)} / {self.part(tree.args[1], _POWER)}"

    def hadamard(self, tree: Tree) -> str:
        return self.times.join(self.part(a, _POWER if a.kind != "hadamard" else _PRODUCT) for a in tree.args)

    def power(self, tree: Tree) -> str:
        exponent = self.part(tree.args[1])
        base = self.part(tree.args[0], _BASE)
        if self.is_latex:
            return f"{base}^{{{exponent}}}" if len(exponent) > 1 else f"{base}^{exponent}"
        return base + (exponent.translate(RAISING) if re.fullmatch(r"-?\d", exponent) else f"^({exponent})")

    def transpose(self, tree: Tree) -> str:
        inner = tree.args[0]
        if inner.kind == "inverse":
            base = self.part(inner.args[0], _BASE)
            return base + (r"^{-\top}" if self.is_latex else "⁻ᵀ")
        base = self.part(inner, _BASE)
        is_raised = self.is_latex and re.search(r"\^\s*(?:\{[^{}]*\}|\\?\w+)$", base)  # a^{(1)} has no room for another
        return (f"({base})" if is_raised else base) + self.top

    def inverse(self, tree: Tree) -> str:
        return self.part(tree.args[0], _BASE) + ("^{-1}" if self.is_latex else "⁻¹")

    def call(self, tree: Tree) -> str:
        function = str(tree.data[0])
        if len(tree.args) != 1:
            raise Unwritten
        inside = self.part(tree.args[0])
        if function == "sqrt" and self.is_latex:
            return f"\\sqrt{{{inside}}}"
        if function == "exp" and self.is_latex:
            return f"e^{{{inside}}}" if r"\exp" not in self.document.text else f"\\exp{self.enclosed(inside)}"
        word = {"trace": "tr"}.get(function, function)
        known = {"σ": r"\sigma", "logistic": r"\sigma"}
        plain = {"log", "exp", "tanh", "sin", "cos", "det", "cosh", "sinh"}
        if self.is_latex:
            word = known.get(word) or ("\\" + word if word in plain else f"\\operatorname{{{word}}}")
        return word + self.enclosed(inside)

    def enclosed(self, text: str) -> str:
        return text if _is_bracketed(text) else self.bracketed(text)

    def held(self, tree: Tree) -> str:
        return text_of(self.named(tree.data[0]), self.document.scope, self.is_latex)


_ROWS: dict[str, Callable[[Rewriting, Tree], str]] = {
    kind: getattr(Rewriting, kind) for kind in
    "number name sum prod quotient hadamard power transpose inverse call held".split()
} | {
    "neg": lambda text, tree: text.minus + text.part(tree.args[0], _PRODUCT),
    "identity": lambda text, tree: "I",
    "ones": lambda text, tree: r"\mathbf{1}" if text.is_latex else "𝟏",
}  # fmt: skip


def _source(side: Side) -> str:
    """The text that the places of a tree count in."""
    written = side.written
    return side.text if len(written) == len(side.text.rstrip(EDGE)) else written


def _is_exponent(above: Tree, path: Sequence[Any]) -> bool:
    return above.kind in ("power", "entrypower") and path[-1] == 1 or above.kind == "call" and above.data[0] == "exp"


def _is_balanced(text: str) -> bool:
    depth: list[str] = []
    for c in text.replace("\\{", "(").replace("\\}", ")"):
        if c in "([{":
            depth.append(c)
        elif c in ")]}":
            if not depth or "([{".index(depth.pop()) != ")]}".index(c):
                return False
    return not depth


def _is_bracketed(text: str) -> bool:
    """Whether one pair of brackets holds all of a text."""
    opened = _OPEN.match(text)
    if opened is None or text[-1:] not in ")]}":
        return False
    inside = re.sub(r"(?:\\(?:right|[bB]igg?r?)\s*)?(?:[)\]]|\\\})$", "", text[opened.end() :])
    return _is_balanced(inside)


__all__ = ["Unwritten", "Rewriting"]
