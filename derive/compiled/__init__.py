"""Generated C: one self-contained file, and functions compiled of it."""

from __future__ import annotations

from .extension import function
from .source import source

__all__ = ["function", "source"]
