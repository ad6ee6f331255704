"""The budget of the algebra."""

from ..errors import LimitError

MAX_TERMS = 1500  # of a sum while it is multiplied out
MAX_WORK = 40_000  # terms made in search of one proof


class TooLargeError(LimitError):
    """A formula has too many terms when multiplied out."""


class Work:
    """What a search may still spend, in terms made: a count, so that it ends alike on every machine."""

    __slots__ = ("left",)

    def __init__(self, terms: int = MAX_WORK) -> None:
        self.left = terms

    def spend(self, terms: int) -> None:
        """TooLargeError when nothing is left, at this call and all after it."""
        self.left -= terms
        if self.left < 0:
            raise TooLargeError("the search for a proof has become too long")
