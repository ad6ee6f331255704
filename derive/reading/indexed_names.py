"""Names with indices: the family that x_i belongs to, where in it, and the letters that end names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from .. import names
from ..shapes import Dim
from .stacks import Node

if TYPE_CHECKING:
    from ..indexed import Axis

_CAPITAL = dict(zip("αβγδεζηθικλμνξοπρστυφχψω", "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ"))
USUAL = frozenset("ijklmnst")  # indices that a sum need not name
INDEX = re.compile(r"(\d+)|([^\W\d_])([+-]\d+)?")


class Index(NamedTuple):
    """An index of a name: `axis` and how far it is shifted, or the number of an entry."""

    axis: Axis | None
    offset: int
    letter: str

    @property
    def number(self) -> Dim:
        """Which entry it is, where no sum runs over it: a number, or a letter that stands for one."""
        return Dim.of(self.letter) + self.offset if self.letter else Dim.of(self.offset)


class Access:
    """An indexed name: the family it belongs to, and where in it."""

    __slots__ = ("name", "places", "is_bound", "is_one")

    def __init__(self, name: str, places: list[Index], is_one: bool = False) -> None:
        self.name = name
        self.places = places
        self.is_bound = any(p.axis is not None for p in places)
        self.is_one = is_one  # of those that a sum runs over, as f_y beside the f_j

    @property
    def key(self) -> str:
        """One for all names of the family."""
        return f"{self.name} {len(self.places)}" if self.is_bound or self.is_one else f"{self.name} at"


def letters_in(root: Node) -> set[str]:
    """The letters that end names below a node and that no sum there binds."""
    found: set[str] = set()
    stack: list[tuple[Node, frozenset[str]]] = [(root, frozenset())]
    while stack:
        node, bound = stack.pop()
        if node.op == "sigma":
            bound = bound | set(node.data.names)
            for condition in node.data.conditions:
                bound |= set(condition[1])
        elif node.op in ("sym", "ref"):
            low = names.parts(node.data)[2][-2:]
            found |= {m[2] for piece in low for m in INDEX.finditer(piece) if m[2]} - bound
            continue
        elif node.op == "at":
            found |= {letter for letter in node.data if letter.isalpha()} - bound
        stack += [(arg, bound) for arg in node.args]
    return found


def capital(name: str) -> str:
    """The matrix whose rows carry this name: X for x, Φ for φ."""
    base, accents, low = names.parts(name)
    return names.join(_CAPITAL.get(base, base.upper()), accents, low)
