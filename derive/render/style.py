"""How a derivation in LaTeX is to look: what a paper has of its own, and its author's habits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .. import names
from ..errors import DeriveError
from ..expr import symbols_of

if TYPE_CHECKING:
    from ..derivation import Presented

TRANSPOSES = {"top": r"\top", "T": "T", "mathsf": r"\mathsf{T}", "intercal": r"\intercal", "prime": r"\prime"}
BOLD = ("author", "all", "none")


class Style:
    """What a paper wants otherwise: bold letters, the mark of a transpose, ∇, numbers, the width of a line."""

    __slots__ = ("bold", "transpose", "nabla", "numbered", "width")

    def __init__(
        self,
        derivation: Presented,
        numbered: bool | str = False,
        bold: str = "author",
        transpose: str = "top",
        nabla: bool = False,
        width: float | None = None,
    ) -> None:
        for name, value, known in (
            ("bold", bold, BOLD),
            ("transpose", transpose, (*TRANSPOSES, "author")),
            ("numbered", numbered, (False, True, "box")),
        ):
            if value not in known:
                raise DeriveError(f"{name} cannot be {value!r}", hint=f"one of {', '.join(map(str, known))}")
        if width is not None and not MIN_WIDTH <= width <= MAX_WIDTH:
            raise DeriveError(
                f"a line cannot be {width} points wide",
                hint=f"from {MIN_WIDTH} to {MAX_WIDTH}; a column of IEEE is 252",
            )
        self.numbered = numbered
        self.bold = _bold(derivation, bold)
        self.transpose = TRANSPOSES[_author_transpose(derivation.formula) if transpose == "author" else transpose]
        self.nabla = nabla and derivation.kind in ("gradient", "hessian", "hvp")
        self.width = width


MIN_WIDTH, MAX_WIDTH = 150, 2000  # points
_BOLD = re.compile(
    r"\\(?:" + "|".join(c for c, style in names.STYLE_COMMANDS.items() if style == "bold") + r")(?![A-Za-z])\s*"
    r"(?:\{([^{}]*)\}|(\\[A-Za-z]+|\w))"
)


def _bold(derivation: Presented, how: str) -> frozenset[str]:
    """The letters, or whole names, that are printed bold."""
    symbols = [s for s in (*symbols_of(derivation.loss), *derivation.variables, derivation.direction) if s is not None]
    if how == "all":
        found = {s.name for s in symbols if not s.is_scalar}
        return frozenset(found | {name for name, value in derivation.definitions if not value.is_scalar})
    if how == "none":
        return frozenset()
    letters = {names.plain(c)[0] for c in derivation.formula if names.plain(c)[1] == "bold"}
    for match in _BOLD.finditer(derivation.formula):
        for word in re.findall(r"\\[A-Za-z]+|[^\W\d_]", match.group(1) or match.group(2)):
            letters.add(names.SPOKEN.get(word[1:], word) if word[0] == "\\" else word)
    both = {base for base, accents, _ in (names.parts(s.name) for s in symbols) if "bold" in accents}
    return frozenset(letters - both)


def _author_transpose(formula: str) -> str:
    """The mark that the formula as typed has most."""
    marks = {
        "mathsf": r"\^\s*\{?\s*\\mathsf\s*\{?\s*T",
        "intercal": r"\^\s*\{?\s*\\intercal",
        "T": r"\^\s*\{?\s*(?:\\(?:mathrm|text|rm)\s*\{?\s*)?T\b",
        "prime": r"'|\^\s*\{?\s*\\prime",
    }
    counts = {mark: len(re.findall(pattern, formula)) for mark, pattern in marks.items()}
    counts["top"] = len(re.findall(r"\\top|ᵀ", formula))
    return max(counts, key=lambda mark: (counts[mark], mark == "top"))
