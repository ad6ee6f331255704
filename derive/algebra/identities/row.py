"""What an identity is, and the table of them all."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..normal import Normalizer

Apply = Callable[..., Any]


class Identity:
    """One identity of the algebra.

    Attributes
    ----------
    family : str
        Where it is tried: what stands at the place where it may apply.
    statement : str
        The identity as a formula, `left = right`.
    given : str
        Its side condition: the declarations of what stands in it.
    source : str
        Where it is stated.
    words : str
        What using it is called in a derivation; empty where nobody would say it.
    apply : callable
        From a normalizer and what stands at the place to what it becomes; None where the
        identity does not apply.
    """

    __slots__ = ("family", "statement", "given", "source", "words", "apply")

    def __init__(self, family: str, statement: str, given: str, source: str, words: str, apply: Apply) -> None:
        self.family = family
        self.statement = statement
        self.given = given
        self.source = source
        self.words = words
        self.apply = apply

    def __repr__(self) -> str:
        return f"<{self.statement}>"


IDENTITIES: dict[str, list[Identity]] = {}


def identity(
    family: str, statement: str, given: str, source: str = "definition", words: str = ""
) -> Callable[[Apply], Apply]:
    """Register the decorated function as a row of a family; rows are tried in the order they are written."""

    def register(apply: Apply) -> Apply:
        IDENTITIES.setdefault(family, []).append(Identity(family, statement, given, source, words, apply))
        return apply

    return register


def first(family: str, ctx: Normalizer, *place: Any) -> Any:
    """What the first row of a family that applies makes of a place; None where none does."""
    for row in IDENTITIES.get(family, ()):
        met = row.apply(ctx, *place)
        if met is not None:
            ctx.used[row] = None
            return met
    return None
