"""Conditions: what a document says of its letters in words, and under what a line that is not right would be.

Read are "symmetric", "covariance", "positive definite" and ≻ 0, "orthogonal", "diagonal", "one-hot",
"probability vector" and "unit vector", of several letters at once, before or after the formula.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence, Set
from itertools import accumulate

from ..errors import DeriveError
from ..expr import (
    Expr,
    dimension,
    dimension_names,
    identity,
    nodes,
    number,
    ones,
    substitute,
    symbol,
    symbol_op,
    symbols_of,
    zeros,
)
from ..operations import add, diagonal_matrix, hadamard, scale, sign, transpose
from ..shapes import ONE
from .claims import Claims
from .declaring import _NAME, _REAL, _names, add_property, is_part, is_said, is_supposed
from .document import MathRow, Passage
from .trees import COUNTS
from .unification import Declaration
from .witness import Witness

_LIST = rf"(?P<names>{_NAME}(?:\s*(?:,\s*and|,|and|&)\s*{_NAME}){{0,8}})"
_WORDS = (
    r"(?P<word>symmetric,?\s+(?:and\s+)?positive[- ](?:semi-?)?definite|symmetric|"
    r"symmetrisch\w*|sym[ée]trique|self-adjoint|covariance|precision matri|correlation matri|kernel matri|"
    r"Gram matri|skew(?:[- ]?symmetric)?|positive[- ](?:semi-?)?definite|[Ss][Pp][Dd]|PSD|orthogonal|"
    r"orthonormal|diagonal|one[- ]hot|probabilit|distribution|simplex|unit[- ](?:vector|norm|length)|normali[sz]ed)"
)
_OF = re.compile(
    rf"{_LIST}\s*(?:(?:\\in(?![A-Za-z])|∈)\s*{_REAL}\s*\^?\s*(?:\{{[^{{}}]*\}}|\S+)\s*)?"
    rf"(?:,?\s*(?:which|that)\s+)?(?:\b(?:is|are|be|being|denotes?|both|all|ist|sind|sei|est|sont)\b|:)\s*"
    rf"(?:\w+[- ]){{0,6}}?{_WORDS}",
)
_BY = re.compile(
    rf"{_WORDS}\w*\s+(?:(?:matrix|matrices|vectors?|labels?|targets?|real|definite)\s+){{0,3}}{_LIST}"
    r"(?=[\s,.;)]|$)(?!\s?(?:[+−⊙·/]|-\s?\S))"
)
_BEHIND = re.compile(
    rf"(?P<names>{_NAME}(?:\s*,\s*[A-Z]){{0,5}}(?:\s*,?\s+and\s+{_NAME})?)\s*,?\s+(?:[a-z]{{2,}}\s+)?{_WORDS}"
)
_ORDER = re.compile(rf"{_LIST}\s*(?P<rel>\\succeq|\\succcurlyeq|\\succ(?![a-z])|≻|⪰)\s*0")
_SIGNS = re.compile(  # yᵢ ∈ {−1, 1}
    rf"{_LIST}\s*(?:\\in(?![A-Za-z])|∈|=)\s*(?:\\left)?\\?\{{?\s*(?:\\pm|±|[-−]\s*1\s*,\s*\+?|\+?\s*1\s*,\s*[-−])\s*1"
)
# A symmetric matrix, and not: A is a matrix
_ARTICLE = re.compile(r"\bA(?=\s+(?!is\b|are\b|be\b|and\b)(?:[\w-]+\s+){1,4}(?:matri|vector|label))")
_IN_TEXT = re.compile(r"\\(?:text|mbox)\s*\{([^{}]*)\}")
_PROPERTY = (
    ("positive-semi", "psd"), ("positive semi", "psd"), ("psd", "psd"), ("positive", "spd"), ("spd", "spd"),
    ("orthogonal", "orthogonal"), ("orthonormal", "orthogonal"), ("diagonal", "diagonal"),
    ("skew", "skew"),
)  # fmt: skip


def stated(
    declared: dict[str, Declaration],
    loose: Sequence[tuple[str, int, MathRow]],
    held: Sequence[Passage],
    reading: Claims,
) -> None:
    """Enter what prose and mathematics say of the letters: properties, and vectors of sum or length one."""
    parts = [_heard(piece) for piece in held]
    places = [p.start for p in held] + [row.start for _, _, row in loose]
    parts += [_IN_TEXT.sub(r" \1 ", f". {content} .") for content, _, _ in loose]
    ends = list(accumulate(len(part) + 1 for part in parts))
    prose = re.sub(r"\$|\\\(|\\\)", lambda m: " " * len(m[0]), " ".join(parts))
    for pattern in (_OF, _BY, _BEHIND):
        for match in pattern.finditer(prose):
            word, is_meant = match["word"].lower(), is_said(prose, match, "word")
            for name in _names(match["names"])[is_part(prose, match.start("names")) :]:  # Q alone of bᵀx, Q
                if is_meant:
                    _say(declared, reading, name, word)
                elif _kind(word) == "symmetric" and is_supposed(prose, match, "word"):
                    reading.supposed.append((name, places[bisect_right(ends, match.start())]))
    flat = " ".join(_IN_TEXT.sub(r" \1 ", p.text) for p in held)
    for match in _SIGNS.finditer(flat):
        reading.signs += [part for name in _names(match["names"]) for part in (name, name.partition("_")[0])]
    for match in _ORDER.finditer(flat):
        before = flat[: match.start()].rstrip()
        if re.search(r"[+\-*/=)\]_^⊤ᵀ−·]$|\\(?:cdot|top|odot|[lL]ambda|alpha|mu)$|[^a-z]\w$|^\w$|\^\{?\w+\}?$", before):
            continue  # XᵀX + λ I ≽ 0, which says nothing of the last letter
        for name in _names(match["names"]):
            _say(declared, reading, name, "psd" if "eq" in match["rel"] or match["rel"] == "⪰" else "spd")


def _heard(piece: Passage) -> str:
    """What a piece of a document may say: an article is no letter, and a display speaks where it has words."""
    if piece.kind == "prose":
        return _ARTICLE.sub("a", piece.text)
    inside = _IN_TEXT.sub(r" \1 ", piece.text)
    return f" {piece.text} " if piece.kind == "inline" else f" . {inside} . " if inside != piece.text else " . "


def _say(declared: dict[str, Declaration], reading: Claims, name: str, word: str) -> None:
    if word.startswith(("one", "prob", "distr", "simplex")):
        reading.sums_to_one.append(name)
        reading.one_hot += [name] if word.startswith("one") else []
        return
    if word.startswith(("unit", "normal")):
        reading.units.append(name)
        return
    if not (name[:1].islower() and name.isascii()):  # "x is symmetric about 0" is no matrix
        add_property(declared, name, _kind(word))


def _kind(word: str) -> str:
    word = word[max(word.find("positive"), 0) :]  # of "symmetric positive definite"
    held = next((p for start, p in _PROPERTY if word.startswith(start)), "symmetric")
    return "symmetric" if held == "psd" else held  # singular or not, what derivatives see of it is the symmetry


def condition_of(
    witness: Witness,
    truth: Expr,
    value: Expr,
    variable: Expr | None,
    given: Sequence[tuple[int, Expr, Expr]],
    turned: Set[str] = frozenset(),
    granted: Set[str] = frozenset(),
    one_hot: Sequence[Expr] = (),
    signs: Sequence[Expr] = (),
    is_derived: bool = False,
) -> str | None:
    """A condition under which two expressions agree, the ones that the author states first.

    Who writes Aᵀ somewhere (`turned`) does not take A to be symmetric.
    """
    if truth.shape != value.shape:
        return None
    given = [one for one in given if one[1] is not variable]  # a gradient is not that of one point
    for chosen in [*((one,) for one in given), tuple(given)] if len(given) != 1 else [tuple(given)]:
        setting = {s: v for _, s, v in chosen}
        there = (substitute(truth, setting), substitute(value, setting))
        said = " and ".join(f"{s.text()} = {v.text()} (line {n})" for n, s, v in chosen)
        if setting and witness.same(*there):
            return said
        held = [s for s in symbols_of(*there) if s.text() in granted]
        if setting and held and _same_where(witness, *there, _with(held, "spd")):
            return f"{said}, {', '.join(s.text() for s in held)} symmetric"
    is_granted = variable is not None and variable.name in granted  # a line before is right if Σ is symmetric
    found = symmetric_if(witness, truth, value, None if is_granted else variable, turned)
    if found is not None:
        return found
    for s in frames(truth, value) if not is_derived else ():  # a derivative that holds there alone is wrong
        framed = _with([s], "orthogonal")
        if _same_where(witness, truth, value, framed) and not _vanishes_where(witness, truth, value, framed):
            return f"{s.text()}ᵀ{s.text()} = I"
    for s in symbols_of(truth, value):
        if "orthogonal" in s.properties and not s.is_square:
            if _same_where(witness, truth, value, _as_square(s, symbols_of(truth, value))):
                return f"{s.text()} square"
    for s in signs:
        if s is not variable and witness.agree(*(substitute(e, {s: sign(s)}) for e in (truth, value))):
            return f"{s.text()} of entries ±1"
    for s in one_hot:
        if s is not variable and witness.same_on(truth, value, one_hot=s):
            return f"{s.text()} one-hot"
    for s in sums(truth, value, variable):
        if witness.same_on(truth, value, sums_to_one=s):
            if s.is_vector:
                return f"𝟏ᵀ{s.text()} = 1"
            return f"𝟏ᵀ{s.args[0].text()} = 𝟏ᵀ" if s.op.name == "transpose" else f"{s.text()} 𝟏 = 𝟏"
    return None


def _as_square(frame: Expr, letters: Sequence[Expr]) -> dict[Expr, Expr]:
    """Letters as they are where an orthogonal matrix has as many columns as rows."""
    rows, columns = frame.shape
    shapes = {s: [rows if d is columns else d for d in s.shape] for s in letters}
    return {s: symbol(s.name, height, width, properties=s.properties) for s, (height, width) in shapes.items()}


def size_named(witness: Witness, truth: Expr, value: Expr) -> str | None:
    """Which letter would have to be a size for two expressions to agree: N, the number of rows of X."""
    if truth.shape != value.shape:
        return None
    symbols = symbols_of(truth, value)
    counts = [s for s in symbols if s.is_square and s.name in COUNTS and not s.properties]
    holders = {
        str(d): f"the number of {'entries' if s.is_vector else side} of {s.text()}"
        for s in symbols
        for side, d in zip(("rows", "columns"), s.shape)
        if s not in counts
    }
    for count in counts:
        for name in dimension_names(truth, value):
            size = dimension(name)
            whole = ONE if count.is_scalar else count.shape[0]
            held = [{count: scale(c, identity(whole))} for c in (size, add(size, number(1)))]
            same, other = (witness.same(substitute(truth, s), substitute(value, s)) for s in held)
            if same and not other:  # K = n I is symmetric for every n
                return f"{count.text()} is {holders.get(name, 'the length of 𝟏')}"
    return None


def part_of(witness: Witness, truth: Expr, value: Expr, indices: tuple[str, ...]) -> str | None:
    """The entries on which two matrices agree: those on the diagonal, or all others."""
    if len(indices) != 2 or truth.shape != value.shape or not truth.is_square:
        return None
    if witness.same(truth, transpose(value)):
        return None  # a transposition leaves the diagonal, and means the other entry
    one = identity(truth.shape[0])
    others = add(ones(*truth.shape), scale(number(-1), one))
    for relation, mask in (("≠", others), ("=", one)):
        if witness.same(hadamard(truth, mask), hadamard(value, mask)):
            return f"{indices[0]} {relation} {indices[1]}"
    return None


def symmetric_if(
    witness: Witness, truth: Expr, value: Expr, variable: Expr | None, turned: Set[str] = frozenset()
) -> str | None:
    """The letters that would have to be symmetric for two expressions to agree."""
    if truth.shape != value.shape:
        return None
    square = [
        s
        for s in symbols_of(truth, value)
        if s.is_square
        and not s.is_scalar
        and s is not variable
        and s.name not in turned
        and not s.properties & {"symmetric", "spd", "diagonal", "skew"}
    ]
    for chosen in [*([s] for s in square), square]:
        if not chosen:
            continue
        if _same_where(witness, truth, value, _with(chosen, "spd")):
            return f"{', '.join(s.text() for s in chosen)} symmetric"
    return None


def _with(letters: Sequence[Expr], held: str) -> dict[Expr, Expr]:
    """Letters with a property."""
    return {s: symbol(s.name, *s.shape, properties=[held]) for s in letters}


def _same_where(witness: Witness, truth: Expr, value: Expr, setting: dict[Expr, Expr]) -> bool:
    """Whether two expressions agree where letters have other shapes or properties."""
    one, two = substitute(truth, setting), substitute(value, setting)
    try:
        return witness.same(one, two)
    except DeriveError:  # a frame has no more columns than rows, whatever sizes the shared points have
        return witness.apart(one, two)


def _vanishes_where(witness: Witness, truth: Expr, value: Expr, setting: dict[Expr, Expr]) -> bool:
    """Whether two expressions agree because both are zero there, as neither is written."""
    nothing = zeros(*value.shape)
    return nothing not in (truth, value) and _same_where(witness, value, nothing, setting)


def frames(truth: Expr, value: Expr) -> Iterator[Expr]:
    """The matrices whose columns might have to be orthonormal: U in A U = U Λ where A = U Λ Uᵀ."""
    for node in nodes(truth, value):
        inside = node.args[0] if node.op.name == "transpose" else None
        if inside is not None and inside.op is symbol_op and ONE not in inside.shape and not inside.properties:
            yield inside


def sums(truth: Expr, value: Expr, variable: Expr | None) -> Iterator[Expr]:
    """What might have to sum to 1: a vector beside a softmax, written out perhaps, or the rows of a matrix like one.

    These are data: nothing is assumed of what is differentiated by, or of what probabilities are computed from.
    """
    made = [n for n in nodes(truth, value) if n.op.name.startswith("softmax")]
    computing = [n for n in nodes(truth, value) if n.op.name in ("exp", "logsumexp")]
    moved = {variable, *symbols_of(*made, *computing)}
    found = {n.op.name for n in nodes(truth, value)}
    if truth.shape == value.shape and (made or "logsumexp" in found or {"exp", "sum"} <= found):
        for s in symbols_of(truth, value):
            if s in moved:
                continue
            if s.is_vector and not s.is_scalar:
                yield s
            elif not s.is_scalar and any(n.shape == s.shape for n in made):
                yield from (s, transpose(s))


def entry_by_entry(truth: Expr, value: Expr) -> Expr | None:
    """The Jacobian that a vector of slopes stands for: its entries on the diagonal."""
    if value.is_vector and not value.is_scalar and truth.is_square and truth.shape[0] is value.shape[0]:
        return diagonal_matrix(value)
    return None


def positive(truth: Expr, value: Expr) -> list[str]:
    """What the logarithms of a side need beyond those of the truth: a > 0 and b > 0 for log a + log b."""
    from ..algebra.equality import domain

    if not any(node.op.name == "log" for node in nodes(value)):
        return []
    known = set(domain(truth))
    held = {s: symbol(s.name, *s.shape, properties=s.properties | {"positive"})
            for s in symbols_of(value) if f"{s.text()} > 0" in known}  # fmt: skip
    needed = domain(substitute(value, held))
    return [words for words in needed if words.endswith(" > 0") and words not in known]
