"""The algebra of matrix expressions: normal form, factoring, equality."""

from .equality import Equality, equal
from .forms import Compact, compact, expand, factor, is_best_effort, rewriting
from .proofs import prove, proved

__all__ = [
    "Compact", "Equality", "compact", "equal", "expand", "factor", "is_best_effort", "prove", "proved", "rewriting",
]  # fmt: skip
