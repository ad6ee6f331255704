"""What may be declared of a symbol, what follows from it, and what goes together.

A property is a word, of a declaration (`symmetric`) or of an equation among them (`𝟏ᵀy = 1` makes
`column sums 1`).  A constraint is used by the forms of a derivative; random points are drawn on it.
"""

from __future__ import annotations

from collections.abc import Set

# Of square matrices only.
SQUARE = frozenset("symmetric skew spd psd diagonal triangular lower upper idempotent".split())
ASSUMED = frozenset(["column sums 1", "row sums 1", "orthonormal rows"])  # by an equation in the declarations
CONSTRAINED = ASSUMED | {"orthogonal", "idempotent"}
SUMS = frozenset(["column sums 1", "row sums 1"])
# The properties that one symbol may have together where one of them is a constraint; and one vector.
TOGETHER: tuple[Set[str], ...] = (
    SUMS | {"symmetric", "positive", "nonnegative"}, SUMS | {"symmetric", "orthogonal"},
    SUMS | {"symmetric", "idempotent"}, {"orthonormal rows", "row sums 1"}, {"orthogonal", "diagonal", "symmetric"},
)  # fmt: skip
OF_VECTORS: tuple[Set[str], ...] = (
    {"orthogonal", "positive", "nonnegative"}, {"orthogonal", "nonnegative", "column sums 1"},
)  # fmt: skip


def implied(held: frozenset[str], is_square: bool) -> frozenset[str]:
    """Properties with those that follow from them."""
    if held & {"spd", "psd", "diagonal"}:
        held |= {"symmetric"}
    if held & {"lower", "upper"}:
        held |= {"triangular"}
    elif "triangular" in held:
        held |= {"lower"}
    if held & SUMS and ("symmetric" in held or ("orthogonal" in held and (is_square or "row sums 1" in held))):
        held |= SUMS
    return held


def turned(properties: frozenset[str]) -> frozenset[str]:
    """The properties of the transpose."""
    swapped = {"column sums 1": "row sums 1", "orthonormal rows": "orthogonal", "lower": "upper"}
    swapped |= {other: said for said, other in swapped.items()}
    return frozenset(swapped.get(said, said) for said in properties)


PROPERTIES = SQUARE | CONSTRAINED | {"positive", "nonnegative", "constant"}
