"""Names of symbols, sizes and functions in SymPy and in formulas."""

from __future__ import annotations

from typing import Any

import sympy

from ..errors import DeriveError
from ..names import ACCENTS, GREEK, SPOKEN, canonical, parts
from ..operations import FUNCTIONS

ENTRY = sympy.Dummy("d", dummy_index=10**9 + 7)  # the entry that an elementwise function is applied to
# SymPy's name of a scalar function and ours; exp and log are read with care, as SymPy has powers of e.
SAME_NAME = {
    theirs: ours
    for ours in FUNCTIONS
    if hasattr(sympy, theirs := {"abs": "Abs"}.get(ours, ours.replace("arc", "a"))) and ours not in ("exp", "log")
}


def our_name(written: str) -> str:
    """The canonical name for a SymPy one: `lambda` is λ, `xhat` x̂; what is no name stays as it is."""
    base, _, rest = written.partition("_")
    for accent in ACCENTS:
        head = base.removesuffix(accent)
        if head != base and (len(head) == 1 or head in SPOKEN):
            written = f"{head}_{accent}" + ("_" + rest if rest else "")
            break
    try:
        return canonical(written)
    except DeriveError:
        return written


def their_name(name: str) -> str:
    """The name that SymPy typesets as ours: `lambda`, `xhat_1`, `W_1`."""
    base, accents, subscripts = parts(name)
    words = {letter: word for word, letter in GREEK.items()}
    return "_".join(["".join(words.get(c, c) for c in base) + "".join(accents), *(words.get(s, s) for s in subscripts)])


def sympy_symbols(obj: Any) -> dict[str, Any]:
    """The SymPy symbols of an expression by our names for them, sizes included.

    Raises
    ------
    DeriveError
        Two different symbols have one name.
    """
    found: dict[str, Any] = {}
    held = sympy.sympify(obj, strict=True)
    for theirs in sorted(held.free_symbols | held.atoms(sympy.MatrixSymbol), key=str):
        known = found.setdefault(our_name(theirs.name), theirs)
        if known != theirs:
            raise DeriveError(
                f"two different SymPy symbols have one name: {sympy.srepr(known)} and {sympy.srepr(theirs)}",
                hint="give one of them another name",
            )
        for size in theirs.shape if isinstance(theirs, sympy.MatrixSymbol) else ():
            for part in size.free_symbols:
                found.setdefault(our_name(part.name), part)
    return found
