"""The algebra of matrix expressions: normal form, factoring, equality."""

from .equality import Equality, equal, proved
from .forms import Compact, compact, expand, factor, is_best_effort, rewriting

__all__ = ["Compact", "Equality", "compact", "equal", "expand", "factor", "is_best_effort", "proved", "rewriting"]
