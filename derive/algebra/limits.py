"""The budget of the algebra."""

from ..errors import LimitError

MAX_TERMS = 1500  # of a sum while it is multiplied out


class TooLargeError(LimitError):
    """A formula has too many terms when multiplied out."""
