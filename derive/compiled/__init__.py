"""Generated C: one self-contained file, and functions compiled of it."""

from __future__ import annotations

from .c_file import source
from .extension import function

__all__ = ["function", "source"]
