"""Means that no line defines: x̄ beside ∑ᵢ xᵢ is the mean of all xᵢ, in documents as in formulas."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .. import names
from .claims import EDGE, Claim, Side

_STYLED = r"(?:\\(?:mathbf|boldsymbol|bm|vec)\s*\{\s*\\?[A-Za-z]+\s*\}|\\?[A-Za-z]+)"
_BAR = re.compile(
    rf"\\(?:bar|overline)(?![A-Za-z])\s*(?:\{{\s*(?P<braced>{_STYLED})\s*\}}|(?P<letter>\\?[A-Za-z]+))(?!\s*[_^])"
)


_ALONE = re.compile(
    r"(?:\$|\\\(|\\quad)\s*\\(?:bar|overline)\s*\{?\s*\\?([A-Za-z]+)\s*\}?\s*(?:=\s*-?\d[\d.]*\s*)?(?:\$|\\\))"
)
_MEAN = re.compile(r"\b(?:mean|average|cent(?:re|er|roid)|moyenne|media|Mittel)|均值|平均", re.IGNORECASE)


def with_means(claims: Sequence[Claim], text: str, notes: list[str]) -> list[Claim]:
    """The claims, with what says of each undefined mean what it is; that is shown in no report."""
    texts = [side.text for claim in claims for side in claim.sides]
    defined = {m.group("braced") or m.group("letter") for claim in claims
               if not claim.continues and (m := _BAR.fullmatch(claim.sides[0].text.strip(EDGE)))}  # fmt: skip
    made: list[Claim] = []
    found: list[Claim] = []
    for claim in claims:
        for match in (m for side in claim.sides for m in _BAR.finditer(side.text)):
            letter = match["braced"] or match["letter"]
            if letter in defined or (total := _total(letter, texts)) is None or _is_point(letter, text):
                continue
            defined.add(letter)
            index, count, member = total["index"], total["count"].strip("{} "), total["member"]
            body = rf"\frac{{1}}{{{count}}} \sum_{{{index} = 1}}^{{{count}}} {member}"
            sides = [Side(text, claim.sides[0].start) for text in (match[0], body)]
            made.append(Claim(sides, False, True, claim.row, False))
            made[-1].is_shown = False
            notes.append(f"{match[0]} is read as the mean of all {member}, as no line says what it is")
        if made and not claim.continues:
            found, made = [*found, *made], []
        found.append(claim)
    at = next((i for i in range(len(found) - 1, -1, -1) if not found[i].continues), 0)
    return [*found[:at], *made, *found[at:]]


def _is_point(letter: str, text: str) -> bool:
    """Whether x̄ may be a point, of a function of x or by words that speak of no mean."""
    argument = re.search(
        rf"\(\s*{re.escape(letter)}\s*\)|\\(?:nabla|partial)\s*_?\s*\{{?\s*{re.escape(letter)}\s*[}}\s(]", text
    )
    return bool(argument) or names.join(letter.strip("\\"), ["bar"], []) in points_of(text)


def points_of(text: str) -> frozenset[str]:
    """Letters with a bar that words speak of, or that are a number, where no words speak of a mean."""
    found = [] if _MEAN.search(text) else _ALONE.findall(text)
    return frozenset(names.join(letter, ["bar"], []) for letter in found)


def _total(letter: str, texts: Sequence[str]) -> re.Match[str] | None:
    """A sum from 1 to a count over an index that the letter has in it."""
    member = re.escape(letter) + r"\s*(?:_\s*(?:\{\s*(?P=index)\s*\}|(?P=index))|\^\s*\{\s*\(\s*(?P=index)\s*\)\s*\})"
    total = re.compile(
        r"\\sum(?:\\limits)?\s*_\s*\{\s*(?P<index>[a-z])\s*=\s*1\s*\}\s*\^\s*(?P<count>\{\s*[A-Za-z]\s*\}|[A-Za-z])"
        rf"[^=]*?(?<![A-Za-z\\])(?P<member>{member})"
    )
    return next(filter(None, map(total.search, texts)), None)
