"""A document read: rows to claims, claims to trees, and the scope to judge them in."""

from __future__ import annotations

import re
from typing import Any

from ..errors import DeriveError
from .claims import Claim, Reading, Side, tokenize, vocabulary_of
from .declarations import declare, declared_by, declares
from .definitions import settle
from .document import Row, equation_sides, rows, statements
from .grammar import Reader, Tree, Vocabulary
from .tokens import Token

_FOR = re.compile(r"(?:^|[\s.(])(?:[Ff]or|[Ii]f|[Rr]ule|by the rule)\s*$")
_DERIVED = re.compile(
    r"(?:\b(?:of|derive|differentiate|minimi[sz]e|loss|function|objective|cost|maximi[sz]e|by)\b)[^.]{0,24}$",
    re.IGNORECASE,
)
_EDGE = " \n\t&,.;~"


def read(text: str, where: Any = None) -> Reading:
    """Read a document: its claims in order, the shapes of all names, what defines what."""
    reading = Reading(text)
    found, held = rows(text)
    declared = declared_by(where)
    loose: list[tuple[str, int, Row]] = []
    local_block = -1
    for row in found:
        local = not row.display and bool(_FOR.search(row.prose))
        if local:
            local_block = row.block
        elif not row.display and local_block >= 0 and row.block - local_block <= 4 and "." not in row.prose:
            local = True
        else:
            local_block = -1
        _take(reading, row, loose, local)
    for claim in reading.claims:
        _locate(claim, text)
    declare(declared, loose, held, reading)
    vocabulary = vocabulary_of(reading, declared)
    for claim in reading.claims:
        for side in claim.sides:
            _parse(side, vocabulary, text)
    for content, start, row in loose:
        if (row.display or _DERIVED.search(row.prose)) and not declares(content):
            side = Side(content, row.start + start)
            tokenize(side)
            _parse(side, vocabulary, text)
            if side.tree is not None and side.tree.kind not in ("name", "number", "identity", "transpose"):
                reading.bare.append(side)
    settle(reading, declared, vocabulary)
    return reading


def _take(reading: Reading, row: Row, loose: list[tuple[str, int, Row]], local: bool) -> None:
    first = True
    for content, start, wordy in statements(row):
        spans, defines = equation_sides(content)
        offset = row.start + start
        leading = content.lstrip(" \n\t&~")
        previous = reading.claims[-1] if reading.claims else None
        if len(spans) == 1:
            if (
                first
                and row.display
                and previous is not None
                and previous.row.block == row.block
                and previous.row is not row
                and not declares(content)
            ):
                _append(previous.sides[-1], content, offset)
            else:
                loose.append((content, start, row))
            first = False
            continue
        sides = [Side(content[a:b], offset + a) for a, b in spans]
        if (
            first
            and row.display
            and previous is not None
            and previous.row.block == row.block
            and previous.row is not row
            and not sides[0].is_blank
            and (re.match(r"[+−]|-|\\cdot|\\times", leading) or previous.sides[-1].is_blank)
        ):
            _append(previous.sides[-1], sides[0].text, sides[0].start)
            sides[0] = Side("", sides[0].start)
        continues = sides[0].is_blank
        if continues:
            sides = sides[1:]
        if wordy and any(side.is_blank for side in sides):
            first = False
            continue  # words in place of a side
        if len(sides) > 1 and sides[-1].is_blank and not row.display:
            sides = sides[:-1]
        if (continues and previous is None) or not sides:
            first = False
            continue
        reading.claims.append(Claim(sides, continues, defines, row, local))
        first = False


def _append(side: Side, text: str, start: int) -> None:
    """Put the continuation of a broken line at its place behind the side."""
    gap = start - side.start - len(side.text)
    side.text = side.text + " " * max(gap, 1) + text


def _locate(claim: Claim, text: str) -> None:
    first = claim.sides[0]
    start = first.start + len(first.text) - len(first.text.lstrip(" \n\t&~"))
    claim.start = start
    claim.number = text.count("\n", 0, start) + 1
    lead = "= " if claim.continues else ""
    claim.latex = lead + re.sub(r"\s+", " ", " = ".join(_shown(s.text) for s in claim.sides)).strip()


def _shown(text: str) -> str:
    return text.strip(_EDGE).replace("&", "")


def _parse(side: Side, vocabulary: Vocabulary, text: str) -> None:
    try:
        if not side.found:
            tokenize(side)
        copies = [Token(t.kind, t.text, t.start, t.end, t.side) for t in side.found]
        if any(t.kind == "mark" and t.text == "↦" for t in copies):
            side.tree = _map(copies, vocabulary)
        else:
            side.tree = Reader(copies, vocabulary, text).whole()
    except DeriveError as error:
        side.error = error
    except RecursionError:
        side.error = DeriveError("brackets nest too deep")


def _map(found: list[Token], vocabulary: Vocabulary) -> Tree:
    """`[ΔZ] ↦ A ΔZ B`: a linear map by its value at a direction."""
    cut = next(i for i, t in enumerate(found) if t.text == "↦")
    direction = [t for t in found[:cut] if t.text not in ("(", ")", "[", "]", "{", "}")]
    argument = Reader(direction, vocabulary).whole()
    body = Reader(found[cut + 1 :], vocabulary).whole()
    return Tree("map", [body], (argument,), (found[0].start, found[-1].end))
