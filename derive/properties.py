"""What may be declared of a symbol, what follows from it, and what goes together.

A property is a word, of a declaration (`symmetric`) or of an equation among them (`𝟏ᵀy = 1` makes
`column sums 1`).  A constraint is used by the forms of a derivative; random points are drawn on it.
"""

from __future__ import annotations

from collections.abc import Set

from .errors import DeriveError, ShapeError
from .shapes import ONE, Shape, shape_text

# Of square matrices only.
SQUARE = frozenset("symmetric skew spd psd diagonal triangular lower upper idempotent".split())
ASSUMED = frozenset(["column sums 1", "row sums 1", "orthonormal rows"])  # by an equation in the declarations
CONSTRAINED = ASSUMED | {"orthogonal", "idempotent"}
SUMS = frozenset(["column sums 1", "row sums 1"])
# The words that one matrix may bear together, and one vector; what follows from them is among them.
TOGETHER: tuple[Set[str], ...] = (
    {"symmetric", "spd", "psd", "positive", "nonnegative"}, {"triangular", "lower", "nonnegative"}, {"skew"},
    {"symmetric", "spd", "psd", "diagonal", "triangular", "lower", "upper", "nonnegative"},
    {"triangular", "upper", "nonnegative"}, SUMS | {"symmetric", "positive", "nonnegative"},
    SUMS | {"symmetric", "orthogonal"}, SUMS | {"symmetric", "psd", "idempotent"}, {"idempotent"},
    {"orthonormal rows", "row sums 1"}, {"orthogonal", "diagonal", "symmetric"},
)  # fmt: skip
OF_VECTORS: tuple[Set[str], ...] = (
    {"orthogonal", "positive", "nonnegative"}, {"orthogonal", "nonnegative", "column sums 1"},
    {"column sums 1", "positive", "nonnegative"},
)  # fmt: skip


def implied(held: frozenset[str], is_square: bool) -> frozenset[str]:
    """Properties with those that follow from them; of a diagonal matrix the diagonal is positive."""
    if {"lower", "upper"} <= held or held & {"symmetric", "spd", "psd"} and held & {"triangular", "lower", "upper"}:
        held |= {"diagonal"}
    if "diagonal" in held and "positive" in held:
        held = held - {"positive"} | {"spd", "nonnegative"}
    if held & {"spd", "psd", "diagonal"}:
        held |= {"symmetric"}
    if held & {"lower", "upper"}:
        held |= {"triangular"}
    elif "triangular" in held and "diagonal" not in held:
        held |= {"lower"}
    if held & SUMS and ("symmetric" in held or ("orthogonal" in held and (is_square or "row sums 1" in held))):
        held |= SUMS
    return held


def go_together(held: frozenset[str], is_vector: bool) -> bool:
    """Whether one symbol may bear these words and those that follow: some of it does, and examples are drawn."""
    words = held - {"constant"}
    if words & SUMS and (
        "idempotent" in words and "symmetric" not in words or {"psd"} == words & {"psd", "idempotent"}
    ):
        return False
    if is_vector and "orthonormal rows" in words:
        return False
    return any(words <= group for group in ((*TOGETHER, *OF_VECTORS) if is_vector else TOGETHER))


def held_by(name: str, said: frozenset[str], shape: Shape) -> frozenset[str]:
    """The properties of a symbol that bears these words.

    Raises
    ------
    DeriveError
        Naming the word that is unknown, or that says of the shape or beside the others what is not so.
    """
    unknown = said - PROPERTIES
    if unknown:
        raise DeriveError(
            f"{sorted(unknown)[0]} is no property we know", hint=f"known: {', '.join(sorted(PROPERTIES - ASSUMED))}"
        )
    square, is_square = said & SQUARE, shape[0] is shape[1]
    if square and not is_square:
        raise ShapeError(f"{name} ({shape_text(shape)}) cannot be {sorted(square)[0]}: it is not square")
    held = implied(said, is_square)
    if SUMS <= held and not is_square:
        raise ShapeError(f"rows and columns of {name} ({shape_text(shape)}) cannot both sum to 1: it is not square")
    is_vector = shape[1] is ONE and not is_square
    if not go_together(held, is_vector):
        pairs = ({a, b} for a in sorted(said) for b in sorted(said) if a < b)
        clash = (p for p in pairs if not go_together(implied(frozenset(p), is_square), is_vector))
        shown = " and ".join(sorted(next(clash, said - {"constant"})))
        raise DeriveError(f"{name} as {shown}: these are not used together", hint="leave one of them out")
    return held


def turned(properties: frozenset[str]) -> frozenset[str]:
    """The properties of the transpose."""
    swapped = {"column sums 1": "row sums 1", "orthonormal rows": "orthogonal", "lower": "upper"}
    swapped |= {other: said for said, other in swapped.items()}
    return frozenset(swapped.get(said, said) for said in properties)


PROPERTIES = SQUARE | CONSTRAINED | {"positive", "nonnegative", "constant"}
