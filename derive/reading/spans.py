"""Which entries of each family the sums of a formula name, and where in the vector or matrix they stand."""

from __future__ import annotations

from collections.abc import Callable

from .. import names
from ..indexed import Axis
from ..shapes import Dim
from .families import Families
from .indexed_names import Access, Index
from .signatures import C
from .stacks import Node

RANGE = ("<", "≤", "≠")


class Spans:
    """The axes and shifts by which each side of each family is indexed.

    Attributes
    ----------
    held : dict of (name, side) to the axes and shifts
    ends : dict of (name, side) to the numbers of single entries beside them
    measured : set of Axis
        Those whose size a vector or matrix shows.
    """

    def __init__(self, families: Families) -> None:
        self.families = families
        self.note, self.cut, self.refuse = families.note, families.cut, families.refuse
        self.held: dict[tuple[str, int], list[tuple[Axis, int]]] = {}
        self.ends: dict[tuple[str, int], list[Dim]] = {}
        self.measured: set[Axis] = set()

    def collect(self, order: list[Node], family: Callable[[Access, Node], str]) -> None:
        """Find them in the nodes of a formula; `family` says which family an access is of."""
        for masks in self.families.masks.values():
            self.measured |= {a.tie for relation, axes in masks if relation not in RANGE for a in axes}
        for parts in self.families.parts.values():
            self.measured |= {part.tie for part in parts if isinstance(part, Axis)}
        for node in order:
            access = self.families.accesses.get(id(node))
            if access is None:
                continue
            if not access.is_bound:
                is_row = self.families.kind[id(node)] == C
                name = self.families.row_family(access, node) if is_row else access.name
                for side, place in enumerate(access.places):
                    self.ends.setdefault((name, side), []).append(place.number)
                continue
            self.measured |= {p.axis.tie for p in access.places if p.axis is not None}
            name = family(access, node)
            for side, place in enumerate(access.places):
                if place.axis is not None:
                    self.held.setdefault((name, side), []).append((place.axis, place.offset))

    def window(self, node: Node, name: str, side: int, place: Index) -> tuple[int, Dim | None]:
        """Where the entries begin that an index names, and how many more the family has; None if it has no more."""
        spans = self.held.get((name, side))
        if spans is None:
            raise self.refuse(
                node, f"what {names.text(node.data)} is an entry of is open", "write X_{ij} for those of X"
            )
        axis = place.axis
        assert axis is not None
        if axis.upper is None:
            offsets = [o for a, o in spans if a.tie is axis.tie]
            low, high = min(offsets), max(offsets)
            if low == high:
                starts = {a.lower.value for a, _ in spans} | {axis.lower.value}
                if starts not in ({0}, {1}) or low:
                    raise self.refuse(node, f"the range of {axis.name} is open", "write where the sum begins and ends")
                return 0, None
            if any(a.tie is axis.tie for key, held in self.held.items() if key[0] != name for a, _ in held):
                raise self.refuse(node, f"the range of {axis.name} is open", "write where the sum begins and ends")
            self.note(f"the sum over {axis.name} is read as running over all neighbors in {names.text(name)}")
            return place.offset - low, Dim.of(high - low)
        first = Dim.of(1)
        last: Dim | None = None
        for other, offset in spans:
            if other.upper is None:
                continue
            begin, end = other.lower + offset, other.upper + offset
            less = (begin - first).value
            if less is None:
                raise self.refuse(node, f"{self.cut(node)} begins at {begin}")
            first = begin if less < 0 else first
            if last is not None:
                more = (end - last).value
                if more is None:
                    raise self.refuse(node, f"{names.text(name)} runs to {last} in one place and to {end} in another")
                last = end if more > 0 else last
            else:
                last = end
        assert last is not None
        first = self.first_of(name, side)
        for number in self.ends.get((name, side), ()):  # x_N beside Σ_{t=0}^{N-1} x_t
            more = (number - last).value
            last = number if more is not None and more > 0 else last
        start = (axis.lower + place.offset - first).value
        extra = (last - first) - (axis.upper - axis.lower)
        if start is None or extra.value is None or start < 0:
            raise self.refuse(node, f"the entries of {names.text(name)} that {axis.name} runs over are open")
        self.check_range(node, name, side, first, last)
        if first.value != 1:
            self.note(f"{names.text(name)} is read as counted from {first}")
        return start, (extra if extra.value else None)

    def first_of(self, name: str, side: int) -> Dim:
        """What the entries of a family are counted from: 1, or the 0 that a sum begins with."""
        spans = self.held.get((name, side), ())
        begins = [a.lower + (offset if a.upper is not None else 0) for a, offset in spans]
        return min([*(b for b in begins if b.value is not None), Dim.of(1)], key=lambda b: b.value or 0)

    def check_range(self, node: Node, name: str, side: int, first: Dim, last: Dim) -> None:
        """Refuse a shift out of the range that the sums have, unless the declaration has room for it."""
        entry = self.families.declared.get(name)
        if entry is not None and entry.shape is not None:
            return
        starts = {a.lower.value for a, _ in self.held[name, side] if a.upper is not None}
        constant = dict(last.terms).get((), 0) if last.value is None else 0
        if first.value not in starts | {1} or constant > 0 >= max(
            dict(a.upper.terms).get((), 0) for a, _ in self.held[name, side] if a.upper is not None
        ):
            low, high = names.text(f"{name}_{first}"), names.text(f"{name}_{last}")
            raise self.refuse(
                node, f"it uses {low} to {high}, out of the range of the sum",
                f"declare {names.text(name)} with {last - first + 1} entries or rows, or change the limits",
            )  # fmt: skip
