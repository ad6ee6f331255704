"""Arrays that a line overwrites, since nothing needs them after it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction

from .terms import Value, users_in

UNWRITTEN = frozenset("vec unvec submatrix diagonal outer Diag ones eye".split())  # views, and what only broadcasts


class Reuse:
    """Which sums and entrywise products write into an operand that others have read before.

    What reduces such an array to a number is computed before it is overwritten.

    Parameters
    ----------
    order : sequence of Value
    fresh : collection of str
        The kinds of values whose arrays the program makes itself.
    owner : mapping of Value to Value
        Arrays that another line continues already, and that one.
    kept : collection of Value
        What no line may overwrite.
    continued : collection of Value
        What starts from another operand already.

    Attributes
    ----------
    found : dict of Value to int
        The values that overwrite an operand, and which one.
    order : list of Value
        With the reductions in time.
    early : set of Value
        The reductions that have to be computed where they stand.
    """

    def __init__(
        self,
        order: Sequence[Value],
        fresh: Collection[str],
        owner: Mapping[Value, Value],
        kept: Collection[Value],
        continued: Collection[Value],
    ) -> None:
        self.position = {value: i for i, value in enumerate(order)}
        self.owner = owner
        self.fresh = fresh
        self.users = users_in(order)
        self.found: dict[Value, int] = {}
        self.early: set[Value] = set()
        before: dict[Value, list[Value]] = {}
        taken = {*owner, *kept}
        for value in order:
            if value.is_scalar or value.kind not in ("sum", "entries") or value in continued or value in kept:
                continue
            for index, term in enumerate(value.args):
                body = term.value
                if body is None or body in taken or not self.fits(value, index):
                    continue
                reductions = self.reductions(value, body)
                if reductions is not None:
                    self.found[value] = index
                    taken.add(body)
                    self.early |= set(reductions)
                    before[value] = reductions
                    break
        done: dict[Value, None] = {}
        for value in order:
            done |= dict.fromkeys((*before.get(value, ()), value))
        self.order = list(done)

    def fits(self, value: Value, index: int) -> bool:
        """Whether the line can start from the array of this operand."""
        term = value.args[index]
        body = term.body
        if body.kind not in self.fresh or body.kind in UNWRITTEN or body.shape != value.shape:
            return False
        if term.flipped or term.powers or self.users[body].count(value) > 1 or len(self.users[body]) < 2:
            return False
        return value.kind == "sum" or value.data[index] == ("full", Fraction(1))

    def written(self, value: Value) -> int:
        """Where the line of a value stands: that of what continues it."""
        while value in self.owner and len(self.users.get(value, ())) == 1:
            value = self.owner[value]
        return self.position[value]

    def reductions(self, value: Value, body: Value) -> list[Value] | None:
        """The numbers to be made of an array before the value overwrites it; None if something needs it later."""
        here = self.position[value]
        made = []
        for user in self.users[body]:
            if user is value:
                continue
            if user.is_scalar:
                parts = [part for term in user.args for part in term.parts()]
                if any(self.written(part) >= here for part in parts):
                    return None
                made.append(user)
            elif user.kind in UNWRITTEN or self.written(user) >= here:
                return None
        return made
