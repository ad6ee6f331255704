"""Left sides that are no name: log p(x | μ, Σ), 𝒩(x | μ, Σ).

What such a side says is a name for what stands to its right.  Where it occurs again, differentiated say, it is that
name; the characters keep their places.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .claims import Claim

_DENSITY = re.compile(
    r"(?:\\(?:log|ln)(?![A-Za-z])\s*|\b(?:log|ln)\s+)?"
    r"(?:\\(?:mathcal|mathbb|mathrm|operatorname)\s*\{?\s*[A-Za-z]+\s*\}?|[pqPN]|\\(?:pi|ell)(?![A-Za-z]))"
    r"\s*(?:_\s*(?:\{[^{}]*\}|\\?\w+))?\s*(?:\\left)?\((?P<inside>(?:[^()]|\([^()]*\))*?)(?:\\right)?\)"
)
_BAR = re.compile(r"\\mid(?![A-Za-z])|\\vert(?![A-Za-z])|\||;")


def name_densities(claims: Sequence[Claim]) -> None:
    """Put a name in place of each conditional density that a document gives a formula."""
    names: dict[str, str] = {}
    for claim in claims:
        if claim.continues:
            continue
        match = _DENSITY.fullmatch(claim.sides[0].text.strip(" \n\t&"))
        if match and _BAR.search(match["inside"]):
            names.setdefault(_plain(match[0]), f"ℓ_{len(names) + 1}")
    if not names:
        return
    for claim in claims:
        for side in claim.sides:
            for match in list(_DENSITY.finditer(side.text)):
                name = names.get(_plain(match[0]))
                if name is not None:
                    filled = name.ljust(len(match[0]))
                    side.text = side.text[: match.start()] + filled + side.text[match.end() :]


def _plain(text: str) -> str:
    text = re.sub(r"\\(?:left|right|,|;|!|quad)(?![A-Za-z])", "", text)
    return _BAR.sub("|", re.sub(r"[\s{}]", "", text))
