r"""Declarations: `W: m×n, x: n, λ: scalar, S: n×n spd`, as text or as a mapping.

`m x n`, `m by n`, `(m, n)`, `W ∈ R^{m×n}` and `W \in \mathbb{R}^{m \times n}` say the same;
`A, B: m×n` share a shape; `m < n` is a hint for sizes, and an equation is an assumption.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import reduce
from itertools import accumulate
from operator import mul
from typing import Any

from .. import names
from ..errors import DeriveError, LimitError, ParseError
from ..expr import Expr, symbol, symbol_op
from ..heights import RAISED_LETTERS, RAISED_SIGNS
from ..properties import ASSUMED, PROPERTIES, SQUARE
from ..shapes import ONE, SCALAR, Dim, Shape
from .limits import MAX_DECLARATIONS, MAX_DIMENSION_TERMS
from .sizes import FRESH
from .spelling import SETS, sets

SYNONYMS = {
    word: plain
    for plain, words in (
        ("symmetric", "sym"), ("skew", "skew-symmetric antisymmetric"), ("spd", "pd"), ("diagonal", "diag"),
        ("orthogonal", "orth orthonormal"), ("positive", "pos"), ("constant", "const fixed constants"),
        ("lower", "lower-triangular"), ("upper", "upper-triangular"), ("scalar", "number scalars numbers"),
        ("vector", "vectors"), ("matrix", "matrices"), ("square", "invertible nonsingular"),
    )
    for word in words.split()
}  # fmt: skip
_REFUSED = {
    word: why
    for words, why in (
        ("complex quaternion", "formulas are real"), ("integer integers binary boolean", "symbols are real"),
        ("hermitian", "formulas are real: symmetric is what it is for a real matrix"),
        ("unitary", "formulas are real: orthogonal is what it is for a real matrix"),
        ("random", "expectations are not among the operations"), ("sparse", "every matrix is dense here"),
        ("stochastic", "write 𝟏ᵀp = 1 for a sum"), ("normal", "symmetric and orthogonal are known"),
        ("singular", "matrices are invertible where they are inverted"), ("unit", "write ‖x‖ = 1"),
        ("convex", "a property of formulas, not of symbols"), ("tensor", "scalars, vectors and matrices are read"),
    )
    for word in words.split()
}  # fmt: skip
_KINDS = frozenset("scalar vector matrix square".split())
_FILLERS = frozenset("real a an the is are be has column of full rank and shape size length dimension".split())
_SIZED = _KINDS | {"shape", "size", "length", "dimension"}
_SHAPE = re.compile(r"\(?[\w\\{}]{1,12}(?:\s*[×,]\s*|\s*\\times\s*|\s+(?:x|by)\s+)[\w\\{}]{1,12}\)?")
_AS_SPOKEN = (
    (r"(^|[,;\n])\s*(?i:where|with|let|given|for|assume|suppose)\s+", r"\1 "),
    (r"(?:symmetric(?:\s+and|,)?\s+)?positive[\s-]+(?:(semi)[\s-]?)?definite", lambda m: "psd" if m[1] else "spd"),
    (r"(?<=[A-Za-zΑ-Ωα-ω0-9}])\s*(?:(\\succeq|≽|⪰)|\\succ(?![a-z])|≻)\s*0", lambda m: ": psd" if m[1] else ": spd"),
    (r"(∈|\\in(?![a-z]))\s*S(?=\s*(?:\^\s*\w\s*)?_)", r"\1 𝕊"),
    (  # an interval, or a few numbers
        r"\s*(?:∈|\\in(?![a-z])|\sin\s|:)\s*\\?[\[({]\s*(?:0|[-−]\d[\d.]*)\s*,\s*\+?\s*(?:\d[\d.]*|\\infty|∞)\s*\\?[\])}]"
        r"(?:\s*\^\s*(\w+|\{[^{}]*\}))?",
        lambda m: f": {m[1] or 'scalar'}",
    ),
    (r"(?<=[^,;]\s)(\w+)-(?:dim(?:ensional)?|vectors?)(?![a-z])", r"\1 vector"),
    (r"(?:\b\w+\.)?(?:ndarray|Tensor|Array|Matrix|Vector)\s*(?=\()", ""),
    (r",\s*\)", ")"),
)
_RAISED = RAISED_LETTERS | RAISED_SIGNS

Span = tuple[int, int]


class Declared:
    """One declared symbol: its shape if given, else its kind if given, and its properties."""

    __slots__ = ("name", "style", "shape", "kind", "properties", "span", "written")

    def __init__(self, name: str, written: str, span: Span) -> None:
        self.name = name
        self.written = written
        self.span = span
        self.style = ""
        self.shape: Shape | None = None
        self.kind: str | None = None
        self.properties: frozenset[str] = frozenset()


class Declarations:
    """What is declared: `entries` by canonical name, `hints` such as m < n, `dimensions` by name."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.entries: dict[str, Declared] = {}
        self.hints: list[tuple[Dim, str, Dim]] = []
        self.functions: frozenset[str] = frozenset()  # names of functions of one's own

    @property
    def dimensions(self) -> set[str]:
        """The names of dimensions that shapes and hints mention."""
        found: set[str] = set()
        for entry in self.entries.values():
            if entry.shape is not None:
                found |= entry.shape[0].names | entry.shape[1].names
        for left, _, right in self.hints:
            found |= left.names | right.names
        return found

    def joined(self, other: Declarations) -> Declarations:
        """These and what the formula itself says; what is declared outside it comes first."""
        both = Declarations(self.source or other.source)
        both.entries = other.entries | self.entries
        both.hints = [*self.hints, *other.hints]
        both.functions = self.functions | other.functions
        return both

    def symbols(self) -> dict[str, Expr]:
        """The declared symbols; sizes that nobody named get names."""
        taken = self.dimensions | set(self.entries)
        free = [name for name in FRESH if name not in taken]
        made = {}
        for name, entry in self.entries.items():
            shape = entry.shape
            if shape is None and entry.kind == "scalar":
                shape = SCALAR
            elif shape is None:
                square = entry.kind == "square" or entry.properties & SQUARE
                rows = Dim.of(free.pop(0))
                is_vector = entry.kind == "vector" or (entry.kind is None and not square and name[0].islower())
                shape = (rows, ONE) if is_vector else (rows, rows) if square else (rows, Dim.of(free.pop(0)))
            made[name] = self.made(entry, shape)
        return made

    def made(self, entry: Declared, shape: Shape) -> Expr:
        rows, columns = (dim.value or 0 for dim in shape)
        for said, line, short, long in (
            ("orthogonal", "columns", rows, columns),
            ("orthonormal rows", "rows", columns, rows),
        ):
            if said in entry.properties and 0 < short < long:
                raise self.error(f"{long} {line} of length {short} cannot be orthonormal", entry.span)
        try:
            return symbol(entry.name, *shape, properties=entry.properties)
        except DeriveError as error:
            raise error.at(self.source, entry.span) from None

    def error(self, message: str, span: Span, hint: str | None = None) -> ParseError:
        return ParseError(message, self.source, span, hint)


def declarations(where: str | Mapping[str, Any] | Declarations | None) -> Declarations:
    """Read declarations.

    Raises
    ------
    ParseError, LimitError
        With the place in the text of the declarations.

    Examples
    --------
    >>> for symbol in declarations("W: m×n, x: n").symbols().values():
    ...     print(symbol.name, *symbol.shape)
    W m n
    x n 1
    """
    if where is None:
        return Declarations("")
    if isinstance(where, Declarations):
        return where
    if isinstance(where, str):
        return _from_text(where)
    if isinstance(where, Mapping):
        return _from_mapping(where)
    raise DeriveError(
        f"declarations are text or a mapping, not {type(where).__name__}", hint='for example where="W: m×n, x: n"'
    )


def _from_mapping(where: Mapping[str, Any]) -> Declarations:
    lines = []
    for name, value in where.items():
        written = name.name if isinstance(name, Expr) and name.op is symbol_op else str(name)
        if isinstance(value, Expr):
            value = tuple(value.shape)
        if isinstance(value, (tuple, list)):
            if len(value) > 2:
                raise DeriveError(f"the shape of {written} has {len(value)} dimensions", hint="at most two")
            parts = [str(v).replace(" ", "*") if isinstance(v, Dim) else str(v) for v in value]
            value = "scalar" if not parts else parts[0] if len(parts) == 1 else f"({parts[0]}, {parts[1]})"
        elif isinstance(value, Dim):
            value = str(value).replace(" ", "*")
        lines.append(f"{written}: {value}")
    return _from_text("; ".join(lines))


def _from_text(text: str) -> Declarations:
    if len(text) > MAX_DECLARATIONS:
        raise LimitError(f"the declarations have {len(text):,} characters", hint=f"at most {MAX_DECLARATIONS:,}")
    for pattern, plain in _AS_SPOKEN:
        text = re.sub(pattern, plain, text)
    text = sets(text) if any(sign in text for sign in SETS) else text
    held = Declarations(text)
    waiting: list[Declared] = []
    assumed: list[tuple[int, Span]] = []
    for start, end in items(text):
        start, end = _trimmed(text, start, end)
        item = text[start:end]
        if not item:
            continue
        equation = re.search(r"(?<![<>:=!≔])=(?!=)", item)
        if equation is not None:
            assumed.append((equation.start(), (start, end)))
            continue
        split = _separator(item)
        if split is None:
            if _hint(held, item, start):
                continue
            split = _behind_name(item)
            if split is None:
                waiting.append(_declared(held, item, (start, end)))
                continue
        left, right = split
        waiting.append(_declared(held, item[:left].strip(), _trimmed(text, start, start + left)))
        if item[right:].strip() in ("function", "functions"):
            held.functions |= {entry.name for entry in waiting}
            waiting = []
            continue
        shape, kind, properties = _meaning(held, item[right:], start + right)
        for entry in waiting:
            entry.shape, entry.kind, entry.properties = shape, kind, properties
            known = held.entries.get(entry.name)
            if known is not None:
                _combine(held, known, entry)
            else:
                held.entries[entry.name] = entry
        waiting = []
    if waiting:
        entry = waiting[0]
        name = entry.written
        hint = f"write {name}: m×n, {name}: n or {name}: scalar"
        raise held.error(f"{name} has no shape", entry.span, hint)
    for entry in held.entries.values():
        if entry.shape is not None:
            held.made(entry, entry.shape)
    if assumed:
        from .assumptions import assume  # reads formulas

        assume(held, [(text[slice(*span)], at, span) for at, span in assumed])
    return held


def _combine(held: Declarations, known: Declared, entry: Declared) -> None:
    """A symbol declared twice: the second may add properties, or a shape that was open."""
    if known.shape is not None and entry.shape is not None and known.shape != entry.shape:
        raise held.error(f"{entry.written} is declared twice, with different shapes", entry.span)
    known.shape = known.shape if known.shape is not None else entry.shape
    known.kind = known.kind or entry.kind
    known.properties |= entry.properties


def _depths(text: str) -> Iterable[int]:
    """In how many brackets each character stands."""
    return accumulate((c in "([{") - (c in ")]}") for c in text)


def items(text: str) -> list[Span]:
    """The parts between commas, semicolons and line ends outside brackets."""
    cuts = [
        i for i, (c, depth) in enumerate(zip(text, _depths(text)))
        if depth <= 0 and c in ",;\n，；、" and not (c in ",;" and text[i - 1 : i] == "\\")
    ]  # fmt: skip
    parts = zip([0, *(i + 1 for i in cuts)], [*cuts, len(text)])
    result = []
    for a, b in parts:
        at = text.find(" and ", a, b)
        if at >= 0 and not {text[at + 5 : b].split(" ")[0]} <= PROPERTIES | SYNONYMS.keys() | _FILLERS:
            result += [(a, at), (at + 5, b)]
        else:
            result.append((a, b))
    return result


def _trimmed(text: str, start: int, end: int) -> Span:
    while start < end and (text[start].isspace() or text[start] in "$"):
        start += 1
    while end > start and (text[end - 1].isspace() or text[end - 1] in "$."):
        end -= 1
    if text.startswith("\\quad", start):
        return _trimmed(text, start + 5, end)
    if text[start:end].endswith("\\"):
        return _trimmed(text, start, end - 1)
    return start, end


def _separator(item: str) -> Span | None:
    """Where the name ends and where its shape begins."""
    for sign in (":", "∈", "\\in", "：", "\\colon"):
        at = item.find(sign)
        if at > 0 and not (sign == "\\in" and item[at + 3 : at + 4].isalpha()):
            return at, at + len(sign)
    at = item.find(" in ")
    return (at, at + 4) if at > 0 else None


def _behind_name(item: str) -> Span | None:
    """Where the name ends in `A symmetric`, `A m by n` and `x is a vector of length n`, which have no colon."""
    first, *words = item.split()
    plain = [SYNONYMS.get(word.lower(), word.lower()) if len(word) > 1 or word == "a" else word for word in words]
    said = {word for word in plain if word in PROPERTIES | _SIZED | {"function", "real"}}
    rest = [word for word, known in zip(words, plain) if known not in PROPERTIES | _KINDS | _FILLERS | {"function"}]
    is_size = len(rest) == 1 and len(rest[0]) < 3 and bool(said & _SIZED)
    is_said = not rest and bool(said) or is_size or _SHAPE.fullmatch(" ".join(rest)) is not None
    return (len(first), len(first)) if is_said else None


def _hint(held: Declarations, item: str, start: int) -> bool:
    for sign, plain in (("<=", "≤"), (">=", "≥"), ("\\leq", "≤"), ("\\geq", "≥"), ("\\le", "≤"), ("\\ge", "≥"),
                        ("<", "<"), (">", ">"), ("≤", "≤"), ("≥", "≥"), ("\\lt", "<"), ("\\gt", ">")):  # fmt: skip
        at = item.find(sign)
        if at <= 0:
            continue
        left, right = item[:at].strip(), item[at + len(sign) :].strip()
        if right == "0" and plain in ">≥":
            entry = _declared(held, left, (start, start + at))
            entry.properties = frozenset(("positive" if plain == ">" else "nonnegative",))
            known = held.entries.setdefault(entry.name, entry)
            known.properties |= entry.properties
            return True
        first = dimension(left, held.source, (start, start + at))
        second = dimension(right, held.source, (start + at, start + len(item)))
        held.hints.append((second, {">": "<", "≥": "≤"}[plain], first) if plain in ">≥" else (first, plain, second))
        return True
    return False


def _declared(held: Declarations, written: str, span: Span) -> Declared:
    try:
        name = names.canonical(written)
    except ParseError as error:
        raise held.error(error.message, span, "a declaration is a name, a colon and a shape, as in W: m×n") from None
    entry = Declared(name, written, span)
    entry.style = style_of(written)
    return entry


def style_of(written: str) -> str:
    """The style a name is written in: bold, cal, vec or none."""
    for word in ("mathbf", "boldsymbol", "bm", "pmb", "mathcal", "vec"):
        if "\\" + word in written:
            return names.STYLE_COMMANDS[word]
    for c in written:
        style = names.plain(c)[1]
        if style:
            return style
    return "vec" if "\u20d7" in written else ""


def _meaning(held: Declarations, text: str, at: int) -> tuple[Shape | None, str | None, frozenset[str]]:
    """Shape, kind and properties that the right side of a declaration gives."""
    span = _trimmed(held.source, at, at + len(text))
    rest = held.source[span[0] : span[1]]
    properties: set[str] = set()
    kind: str | None = None
    words: list[str] = []
    for word in _words(rest):
        plain = word.lower()
        plain = SYNONYMS.get(plain, plain)
        if plain in PROPERTIES:
            properties.add(plain)
        elif plain.strip(".") in _REFUSED:
            at = held.source.find(word, span[0])
            raise held.error(f"{word} is not read", (at, at + len(word)), _REFUSED[plain.strip(".")])
        elif plain in _KINDS:
            kind = plain if kind is None or plain == "scalar" else kind
        elif plain not in _FILLERS:
            words.append(word)
    shape_text = " ".join(words)
    if not shape_text:
        kind = "scalar" if kind is None and not properties and rest.split()[-1:] == ["real"] else kind
        if kind is None and not properties:
            raise held.error("a shape is missing", (at - 1, at), "as in W: m×n, x: n, λ: scalar")
        return (SCALAR if kind == "scalar" else None), kind, frozenset(properties)
    unknown = [
        w
        for w in words
        if len(w) > 2 and w.isalpha() and w.isascii() and w.lower() not in names.SPOKEN and len(_sides(w)) == 1
    ]
    if unknown and len(words) > 1 and unknown[0] != "by":
        from .vocabulary import closest

        near = closest(unknown[0], [*(PROPERTIES - ASSUMED), "scalar", "vector", "matrix"])
        where = held.source.find(unknown[0], span[0])
        raise held.error(
            f"{unknown[0]} is no property we know", (where, where + len(unknown[0])),
            f"did you mean {near}?" if near else f"known: {', '.join(sorted(PROPERTIES - ASSUMED))}",
        )  # fmt: skip
    return shape(shape_text, held.source, span), kind, frozenset(properties)


def _words(text: str) -> list[str]:
    """Words at spaces outside brackets."""
    held = ("\0" if c.isspace() and depth <= 0 else c for c, depth in zip(text, _depths(text)))
    return [word for word in "".join(held).split("\0") if word]


def shape(text: str, source: str, span: Span) -> Shape:
    """The shape that `m×n`, `(m, n)`, `R^{m×n}` or `n` says."""
    held = text.strip().replace("$", "")
    for noise in ("\\mathbb", "\\mathbf", "\\,", "\\;", "\\!", "\\left", "\\right", "\\mathrm", "\\text"):
        held = held.replace(noise, "")
    held = held.strip().replace("\\times", "×").replace("\\cdot", "*").replace("\\R", "R")
    if held[:3] == "{R}":
        held = "R" + held[3:]
    if (
        held[:1]
        and held[0] in "Rℝ"
        and (len(held) == 1 or held[1:].lstrip()[:1] == "^" or held[1] in _RAISED or held[0] == "ℝ")
    ):
        inside = held[1:].strip()
        if not inside:
            return SCALAR
        if inside[0] == "^":
            inside = inside[1:].strip()
        else:
            inside = "".join(_RAISED.get(c, c) for c in inside)
            parts = inside.split("x")
            if len(parts) == 2:
                inside = f"{parts[0]}×{parts[1]}"
        held = inside
    while len(held) > 1 and held[0] in "({[" and [*_depths(held), 0].index(0) == len(held) - 1:
        held = held[1:-1].strip()
    parts = _sides(held) if held else []
    if not parts:
        raise ParseError("a shape is missing", source, span, "as in W: m×n, x: n, λ: scalar")
    if len(parts) > 2:
        raise ParseError("a shape has at most two sizes", source, span, "as in W: m×n")
    dims = [dimension(part, source, span) for part in parts]
    for dim in dims:
        if dim.value is not None and dim.value < 1:
            raise ParseError(f"{dim} is no size", source, span, "sizes are at least 1")
    return (dims[0], dims[1] if len(dims) == 2 else ONE)


def _sides(text: str) -> list[str]:
    """The sizes in `m×n`, `m x n`, `m by n`, `m, n`, `3x4`."""
    depths = list(_depths(text))
    signs = [found for found in re.finditer("[×,✕⨯xX]| by ", text) if depths[found.start()] <= 0]
    cuts = [found.span() for found in signs if found[0] not in "xX" or _is_times(text, found.start())]
    starts, ends = [0, *(end for _, end in cuts)], [*(start for start, _ in cuts), len(text)]
    return [text[start:end] for start, end in zip(starts, ends)]


def _is_times(text: str, i: int) -> bool:
    before, after = text[i - 1 : i], text[i + 1 : i + 2]
    if not before or not after or not text[:i].strip() or not text[i + 1 :].strip():
        return False
    if before.isspace() and after.isspace():
        return True
    if before.isdigit() or after.isdigit() or before == ")" or after == "(":
        return True
    return before.isalpha() and after.isalpha() and len(text.strip()) == 3


_SHIFTED = re.compile(r"_\{[^{}]{0,40}[-+−][^{}]{0,40}\}|_[-+−]\w{0,40}|[₊₋][₀-₉]{0,40}")  # the low part of n_{l+1}
_PIECES = re.compile(r"\*\*|[-+*^()]|[0-9]+|\\?[^\W\d_][\w']*|\S")


def dimension(text: str, source: str, span: Span) -> Dim:
    """An integer polynomial of names: `n`, `3`, `m+1`, `2*n`."""
    held = text.strip().strip("$")
    label = _SHIFTED.search(held)
    if label is not None:
        start = label.start()
        while start and held[start - 1].isalnum():
            start -= 1
        hint = "give it one without a sign below, as n_next or p"
        raise ParseError(f"{held[start : label.end()]} is no name of a size", source, span, hint)
    for noise in ("\\,", "\\;", "\\ ", "{", "}", "\\left", "\\right"):
        held = held.replace(noise, "" if noise in "{}" else " ")
    for written, plain in (("\\cdot", "*"), ("\\times", "*"), ("·", "*"), ("−", "-"), ("×", "*")):
        held = held.replace(written, plain)
    for high, plain in _RAISED.items():
        held = held.replace(high, "^" + plain) if plain.isdigit() else held
    rest = _PIECES.findall(held)[::-1]
    if len(rest) > 100:
        raise LimitError(f"the size {text.strip()[:20]}… has too many terms", source, span)

    def bad(hint: str = "a size is a name, a number or a polynomial of names, as in m, 3, m+1, 2*n") -> ParseError:
        return ParseError(f"{text.strip() or 'an empty text'} is no size", source, span, hint)

    def follows(*signs: str) -> bool:
        return bool(rest) and rest[-1] in signs

    def limited(made: Dim) -> Dim:
        if len(made.terms) > MAX_DIMENSION_TERMS:
            raise LimitError(f"the size {text.strip()} has too many terms", source, span)
        return made

    def total() -> Dim:
        made = product()
        while follows("+", "-"):
            made = limited(made + product() if rest.pop() == "+" else made - product())
        return made

    def product() -> Dim:
        if follows("-"):
            rest.pop()
            return -product()
        made = power()
        while rest and not follows("+", "-", ")"):
            if follows("*"):
                rest.pop()
            made = limited(made * (product() if follows("-") else power()))
        return made

    def power() -> Dim:
        made = unit()
        while follows("^", "**"):
            rest.pop()
            exponent = None if follows("-") else unit().value
            if exponent is None or not 0 <= exponent <= 4:
                raise bad("an exponent of a size is 0 to 4")
            made = limited(reduce(mul, [made] * exponent, Dim.of(1)))
        return made

    def unit() -> Dim:
        piece = rest.pop() if rest else ""
        if piece == "(":
            made = total()
            if not rest or rest.pop() != ")":
                raise bad()
            return made
        if piece.isdigit() and piece.isascii():
            if len(piece) > 12:
                raise LimitError("a size of more than 12 digits", source, span)
            return Dim.of(int(piece))
        if not piece[:1].isalpha() and piece[:1] != "\\":
            raise bad()
        try:
            return Dim.of(names.canonical(piece))
        except ParseError:
            raise bad() from None

    made = total()
    if rest:
        raise bad()
    return made
