"""Left sides that are no name of one letter: log p(x | μ, Σ), 𝒩(x | μ, Σ), MSE(w), \\text{Loss}.

What such a side says is a name for what stands to its right.  Where it occurs again, differentiated say, it is that
name; the characters keep their places.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from .claims import Claim

_DENSITY = re.compile(
    r"(?P<log>(?:\\(?:log|ln)(?![A-Za-z])\s*|\b(?:log|ln)\s+)(?P<brace>\{\s*)?)?"
    r"(?:\\(?:mathcal|mathbb|mathrm|operatorname)\s*\{?\s*[A-Za-z]+\s*\}?|[pqPN]|\\(?:pi|ell)(?![A-Za-z]))"
    r"\s*(?:_\s*(?:\{[^{}]*\}|\\?\w+))?\s*(?:\\left)?\((?P<inside>(?:[^()]|\([^()]*\))*?)(?:\\right)?\)(?(brace)\s*\})"
)
# A loss whose name is a word: \text{Loss}, MSE_{train}(w).
_WORD = re.compile(
    r"(?:\\(?:text|mathrm|operatorname|mathit|textrm|mathsf|rm)\*?\s*\{\s*(?P<word>[A-Z][A-Za-z]{1,11}|loss|cost|error|risk)\s*\}"
    r"|(?<![A-Za-z\\])(?P<bare>MSE|RSS|SSE|SSR|NLL|BCE|CE|KL|ELBO|RMSE|Loss|Cost)(?![A-Za-z]))"
    r"(?P<low>\s*_\s*(?:\{[^{}]*(?:\{[^{}]*\}[^{}]*)?\}|\w))?"
    r"(?:\s*(?:\\left)?\((?P<inside>(?:[^()]|\([^()]*\))*?)(?:\\right)?\))?"
)
_BAR = re.compile(r"\\mid(?![A-Za-z])|\\vert(?![A-Za-z])|\||;")


def name_heads(claims: Sequence[Claim]) -> dict[str, str]:
    """Put a name in place of each conditional density, and of each word, that a document gives a formula.

    What each of the names is written as.
    """
    names: dict[str, str] = {}
    written: dict[str, str] = {}
    for claim in claims:
        if claim.continues or len(claim.sides) < 2:
            continue
        head = claim.sides[0].text.strip(" \n\t&")
        density, word = _DENSITY.fullmatch(head), _WORD.fullmatch(head)
        if density and _BAR.search(density["inside"]):
            names.setdefault(_plain(density[0]), f"ℓ_{len(names) + 1}")
        elif word and not {word["word"], word["bare"]} & _FUNCTIONS:
            names.setdefault(_spelled(word), f"ℓ_{len(names) + 1}")
    for claim in claims:
        for side in claim.sides:
            for pattern, said in ((_DENSITY, lambda m: _plain(m[0])), (_WORD, _spelled)):
                for match in list(pattern.finditer(side.text)):
                    name = names.get(said(match))
                    if name is not None:
                        written[name] = min(written.get(name, match[0]), match[0].strip(), key=len)
                        filled = name.ljust(len(match[0]))
                        side.text = side.text[: match.start()] + filled + side.text[match.end() :]
    return written


def as_written(text: str, written: Mapping[str, str]) -> str:
    """A text of the report with the heads as their author wrote them."""
    for name, head in written.items():
        number = name.partition("_")[2]
        text = re.sub(rf"(?:ℓ|\\ell)_(?:{number}(?!\d)|\{{{number}\}}) *", lambda _: head, text)  # noqa: B023
    return text


_FUNCTIONS = {
    "Tr",
    "Diag",
    "ReLU",
    "Re",
    "Im",
    "Var",
    "Cov",
    "GELU",
    "ELU",
    "Sigmoid",
    "Softmax",
    "Det",
    "Span",
    "SiLU",
}


def _spelled(match: re.Match[str]) -> str:
    return (match["word"] or match["bare"]) + re.sub(r"\\text|\\mathrm|[\s{}]", "", match["low"] or "")


def _plain(text: str) -> str:
    text = re.sub(r"\\ln(?![A-Za-z])", r"\\log", text)
    text = re.sub(r"\\(?:left|right|,|;|!|quad)(?![A-Za-z])", "", text)
    return _BAR.sub("|", re.sub(r"[\s{}]", "", text))
