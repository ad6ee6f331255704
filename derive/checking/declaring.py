"""What a document declares: shapes and properties, in mathematics and in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ..errors import DeriveError
from ..heights import RAISED_LETTERS, RAISED_SIGNS
from ..names import canonical
from ..reading.declarations import declarations, shape
from ..shapes import Shape
from .claims import Claims
from .document import MathRow, Passage
from .unification import Declaration

_NAME = (
    r"(?:\\(?:mathbf|boldsymbol|bm|mathrm|mathcal|vec|hat|tilde|bar|textbf)\s*\{?\s*){0,3}\\?[A-Za-z\u0370-\u03ff]{1,12}\}{0,3}"
    r"(?:_\{?\w+\}?|\^\{?\(\w+\)\}?|[₀-₉])?"
)
_REAL = r"(?:\\(?:mathbb|mathbf|Bbb|mathrm)\s*\{?\s*R\s*\}?|\\R\b|ℝ|R|\\Re\b|\\reals)"
_NAMES = rf"(?P<names>{_NAME}(?:\s*(?:,|and)\s*{_NAME}){{0,8}})"
_MEMBER = re.compile(
    rf"{_NAMES}\s*(?:\\in(?![A-Za-z])|∈)\s*(?P<set>{_REAL})\s*"
    r"(?P<raised>\^\s*(?P<size>\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}|\w)?)?(?P<plus>_\{?\+\+?\}?|_\{?>0\}?)?"
)
_LOW = re.compile(r"_\s*\{\s*(?:\\(?:text|mathrm|textrm)\s*\{\s*(?=\w+\s*\}))?(\w+)\s*\}+")  # d_{\text{in}}
_RIGHT_SIDE = re.compile(rf"=\s*(?P<name>{_NAME})\s*,\s*(?:\\(?:q?quad|[,;:! ]))*$")
_SUMMAND = re.compile(r"(?:[+\-−*·⊙]|\\(?:cdot|times|odot)|\^\s*(?:T|\\top|\{\s*(?:T|\\top)\s*\}))\s*$")
_LEVEL = str.maketrans(RAISED_SIGNS | RAISED_LETTERS | {"ˣ": "×"})  # which is no letter there
_HIGH = re.compile(rf"({_REAL})\s*([{''.join((*RAISED_SIGNS, *RAISED_LETTERS))}×]+)")  # ℝᵐˣⁿ
_FACTOR = re.compile(r"(?:(?<![A-Za-z\\])[A-Zb-z]|\\[A-Z]?[a-z]+\s*\{\s*\w\s*\}|(?<!\d)\)|[\^_]\s*\{?\s*)\s*$")
_SYMMETRIC_SET = re.compile(
    rf"(?P<name>{_NAME})\s*(?:\\in(?![A-Za-z])|∈)\s*(?:\\mathbb\s*\{{?S\}}?|\\mathcal\s*\{{?S\}}?)\s*"
    r"(?P<sup>\^\s*(?:\{[^{}]*\}|\w))?(?P<plus>_\{?\+\+?\}?)?"
)
_SIZED = re.compile(
    rf"{_NAMES}(?:\s*[:：]|\s+(?:is|are|be)\b)(?:\s+(?:an?|real|of|the|size|shape|matrix|matrices)){{0,6}}\s*[(\[]?\s*"
    r"(?P<rows>[A-Za-z0-9]+)\s*(?:\\times|×|\bby\b)\s*(?P<columns>[A-Za-z0-9]+)"
)
_KINDS = (
    re.compile(
        rf"{_NAMES}\s*(?:is|are|be|:)\s*(?:an?|assumed|taken|supposed|to|be|all|both|\s|real|square|n\s*×\s*n){{0,12}}"
        r"(?P<kind>scalar|vector|matrix)"
    ),
    re.compile(rf"(?P<kind>scalar|vector)s?\s+(?:variable\s+)?{_NAMES}(?=[\s,.;)$]|$)"),
    re.compile(rf"(?P<names>{_NAME})\s*,?\s+(?:\\text\s*\{{\s*)?(?:is\s+)?(?:an?\s+)?(?P<kind>scalar|vector)\b"),
)
_VARIABLE = re.compile(
    r"(?:with respect to|w\.?\s?r\.?\s?t\.?|in the variable|derivative by|gradient in|gradient by)\s+"
    rf"(?:the\s+)?(?:\w+\s+)?\$?\s*(?P<n>{_NAME})"
)
_AND_PROPERTY = re.compile(r"(?:and|,)\s*(?P<property>symmetric|diagonal|orthogonal|skew)")
# P ∈ ℝⁿˣⁿ symmetric
_BEHIND = re.compile(r"\s*,?\s*(?P<property>symmetric|diagonal|orthogonal|skew)\s*(?=[.,;$)\\]|$)")
_FACTOR_ = r"((?:\\(?:mathbf|boldsymbol|bm)\s*\{?\s*)?(?:[A-Z]|\\[A-Z][a-z]+)\}?)\s*"
_FACTORS = re.compile(  # = U Σ Vᵀ, = Q R, = L Lᵀ
    rf"=\s*{_FACTOR_}{_FACTOR_}(?:{_FACTOR_})?(?P<turn>'|ᵀ|\^\s*(?:T|H|\\top|\\intercal|\{{\s*(?:T|\\top|\\mathsf\s*T)\s*\}}))?"
    r"(?=[\s}]*(?:$|[^\s\w\\({^]|[a-z]{2})|\s+\([A-Za-z]{2})"
)
_DECOMPOSITIONS: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(pattern), properties)
    for pattern, properties in (
        (r"\bQR\b", ("orthogonal", "upper")),
        (r"\bCholesky\b", ("lower", "lower")),
        (r"\bSVD\b|\b[Ss]ingular[- ][Vv]alue", ("orthogonal", "diagonal", "orthogonal")),
        (
            r"\b[Ee]igen[\w -]{0,7}decomposition|\b[Ss]pectral (?:decomposition|theorem)",
            ("orthogonal", "diagonal", "orthogonal"),
        ),
    )
)
_A, _LETTER_A = re.compile(r"(?<![A-Za-z\\])a(?![A-Za-z])"), r"\\mathrm{a}"  # in a formula a is no article
_ORDINARY = frozenset("a an and are as at be by for if in is it let of on or so the then to we where with".split())


def declared_by(where: Any) -> dict[str, Declaration]:
    if not where:
        return {}
    found: dict[str, Declaration] = {}
    for name, made in declarations(where).symbols().items():
        found[name] = Declaration(None, made.shape, made.properties)
    return found


_HEDGED = re.compile(
    r"\b(?:not|cannot|can't|don't|doesn't|isn't|aren't|needn't|never|neither|nor|without|unless|if|when|whenever|whether"
    r"|were|is\s+\S+\s+\w+\?)\b|n['’]t\b",
    re.IGNORECASE,
)
_IF = re.compile(r"^(?!.*\b(?:not|unless|without|were)\b).*\b(?:if|when|whenever)\b", re.IGNORECASE | re.DOTALL)
_PART = re.compile(
    r"(?:\\(?!mathbf|boldsymbol|bm|mathrm|mathcal|vec|q?quad)[A-Za-z]+|[\^_}'’ᵀ⊤]|\^\w|(?<![A-Za-z])[A-Za-z]"
    r"|[+−⊙·/]|(?<=\w\s)-)\s?$"
    r"|(?:columns|rows|entries)\s+of\s*$"
)
_OTHER = re.compile(r"(?:\b(?:non|skew|anti|block)[- ]?|\ba)$", re.IGNORECASE)


def is_hedged(prose: str) -> bool:
    """Whether the sentence that a text ends in denies what follows, or says it under an if."""
    return bool(_HEDGED.search(re.split(r"[.?!;]\s|\n\n", prose)[-1]))


def is_said(prose: str, match: re.Match[str], word: str) -> bool:
    """Whether a sentence gives its letters a property: not denied, and not under an if; `word` is its group."""
    begin = max((prose.rfind(end, 0, match.start()) for end in (". ", "? ", "! ", "; ", "\n\n")), default=-1)
    end = match.end(word)
    if _HEDGED.search(prose[begin + 1 : end]) or _OTHER.search(prose[: match.start(word)]):
        return False
    if re.match(r"i[sz]able|ly\b|ization|\s+to\b", prose[end:]):  # diagonalizable, orthogonally, orthogonal to
        return False
    question = re.search(r"[.?!]", prose[end:])
    return question is None or question[0] != "?"


def is_part(prose: str, start: int) -> bool:
    """Whether the letter at a place is a part of a formula: the last one of `AᵀA is symmetric`."""
    return bool(_PART.search(prose[max(0, start - 24) : start]))


def is_supposed(prose: str, match: re.Match[str], word: str) -> bool:
    """Whether a sentence says under an if that its letters have a property, and what follows from that."""
    return bool(_IF.search(re.split(r"[.?!;]\s|\n\n", prose[: match.end(word)])[-1]))


def declares(content: str) -> bool:
    return bool(re.search(r"\\in(?![A-Za-z])|∈|<|>|\\[lg]eq?(?![A-Za-z])|scalar|symmetric", content))


def declare(
    declared: dict[str, Declaration],
    loose: list[tuple[str, int, MathRow]],
    held: Sequence[Passage],
    reading: Claims,
) -> None:
    """Declarations in mathematics (`x ∈ ℝⁿ`) and in words ("where W is m × n and symmetric")."""
    flat = ""
    for piece in held:
        inner = piece.text if piece.kind != "display" else " " + piece.text + " . "
        flat += inner if piece.kind == "prose" else re.sub(r"\\text\s*\{([^{}]*)\}", r"\1", inner)
    flat = _HIGH.sub(lambda m: m[1] + "^{" + m[2].translate(_LEVEL) + "}", flat)
    for match in _MEMBER.finditer(flat):
        if _SUMMAND.search(flat[: match.start()]) or _FACTOR.search(flat[: match.start()]):
            continue  # b of Z = X W + b ∈ ℝ^{m×n}, x of y = W x ∈ ℝᵐ
        size = match["size"] or ("" if match["raised"] else "1")
        shape = _shape(_LOW.sub(r"_\1", size.removeprefix("{").removesuffix("}").replace("\\,", " ")))
        if shape is None:
            continue
        named = _names(match["names"], is_prose=False)
        before = flat[: match.start()].rstrip(" \n$&")
        if named and before.endswith("="):  # the d of C x = d, C ∈ ℝᵐˣⁿ: a letter, of its own shape
            declared.setdefault(named.pop(0), Declaration())
        elif right := _RIGHT_SIDE.search(before):
            for name in _names(right["name"], is_prose=False):
                declared.setdefault(name, Declaration())
        behind = _BEHIND.match(flat, match.end())
        said = ["positive"] if match["plus"] else [behind["property"]] if behind and shape[0] is shape[1] else []
        for name in named:
            declared.setdefault(name, Declaration(None, shape, said))
    for match in _SYMMETRIC_SET.finditer(flat):
        size = (match["sup"] or "n").strip("^ {}")
        shape = _shape(f"{size} \\times {size}")
        properties = ["spd"] if match["plus"] else ["symmetric"]
        for name in _names(match["name"]):
            declared.setdefault(name, Declaration(None, shape, properties))
    words = re.sub(r"[$]|\\\(|\\\)", " ", flat)
    for match in _SIZED.finditer(words):
        shape = _shape(f"{match['rows']} \\times {match['columns']}")
        if shape is None:
            continue
        also = re.match(r"\s*(?:matrix\s*|matrices\s*)?" + _AND_PROPERTY.pattern, words[match.end() :])
        for name in _names(match["names"]):
            declared.setdefault(name, Declaration(None, shape, [also["property"]] if also else []))
    for keyword, factors in _DECOMPOSITIONS:
        for match in keyword.finditer(words):  # "let X = QR be the QR decomposition", and before the formula
            start, end = words.rfind(". ", 0, match.start()) + 1, words.find(". ", match.end())
            near = words[
                max(match.start() - 90, start) : min(match.end() + 120, end) if end >= 0 else match.end() + 120
            ]
            found = [f for f in _FACTORS.finditer(near) if (f[3] is None) == (len(factors) == 2)]
            found = [f for f in found if f[3] or (f[1] == f[2]) == bool(f["turn"]) == (factors[0] == "lower")]
            if found and factors[1] == "upper" and [*_names(found[0][1]), *_names(found[0][2])] != ["Q", "R"]:
                continue  # an L U beside the word QR
            for factor, kept in zip(found[0].groups() if found else (), factors):
                if found[0]["turn"] or kept != "orthogonal" or not found[0][3]:  # of no U Λ U⁻¹
                    for name in _names(factor):
                        add_property(declared, name, kept)
    inline = [_A.sub(_LETTER_A, piece.text) if piece.kind == "inline" else "." for piece in held]
    prose = " ".join(piece.text if piece.kind == "prose" else f" {said} " for piece, said in zip(held, inline))
    prose += " . " + " . ".join(content for content, _, _ in loose)
    for pattern in _KINDS:
        for match in pattern.finditer(prose):
            for name in _names(match["names"]):
                declared.setdefault(name, Declaration(match["kind"]))
    if (one := declared.get("I")) is not None and one.shape is not None and one.shape[0] is one.shape[1]:
        del declared["I"]  # the identity, of whatever size
    lowered = prose.lower()
    for layout in ("numerator", "denominator"):
        if f"{layout} layout" in lowered or f"{layout}-layout" in lowered:
            reading.layout = layout
    for match in _VARIABLE.finditer(prose):
        for name in _names(match["n"]):
            reading.nabla_candidates.append(name)


def add_property(declared: dict[str, Declaration], name: str, word: str) -> None:
    """Give a matrix a property; whose shape is declared is one if that is square."""
    known = declared.get(name)
    if known is None:
        declared[name] = Declaration("matrix", None, [word])
    elif known.shape is None or known.shape[0] is known.shape[1]:
        known.properties = known.properties | {word}


def _names(text: str, is_prose: bool = True) -> list[str]:
    found = []
    for piece in re.split(r",|\band\b", text):
        piece = piece.strip().strip("{}").strip()
        if not piece or piece.lower() in _ORDINARY and len(piece) > 1:
            continue
        try:
            name = canonical(piece)
        except DeriveError:
            try:
                name = canonical(
                    re.sub(r"[{}]", "", re.sub(r"\\(?:mathbf|boldsymbol|bm|vec|mathrm|mathcal)\s*", "", piece))
                )
            except DeriveError:
                continue
        base = name.split("_")[0]
        if len(base) > 1 and not piece.startswith("\\"):
            continue
        if is_prose and piece == "a":  # the article
            continue
        found.append(name.replace("_vec", "").replace("_bold", ""))
    return found


def _shape(text: str) -> Shape | None:
    """The shape that `m \\times n` or `n` says, as declarations read it; None if it is none."""
    try:
        return shape(text.replace("*", "×"), text, (0, len(text)))
    except DeriveError:
        return None
