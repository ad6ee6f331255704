"""The algebra of matrix expressions: normal form, factoring, equality."""

from .forms import Compact, compact, expand, factor, rewriting

__all__ = ["Compact", "compact", "expand", "factor", "rewriting"]
