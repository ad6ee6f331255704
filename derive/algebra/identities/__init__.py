"""The identities of the algebra, one row each, with side condition and source.

Where the normal form comes to a place of a family (two neighbors in a chain, a trace, a
function of a sum), `first` tries its rows in order.

[MC]  Petersen & Pedersen, The Matrix Cookbook, 2012 (equation).
[H]   Higham, Functions of Matrices, 2008 (section).
[MN]  Magnus & Neudecker, Matrix Differential Calculus, 3rd ed., 2019 (section).
"""

from . import elementwise, entries, inverses, neighbors, rearrangements, traces
from .row import IDENTITIES, Identity, first

ROWS = (neighbors, traces, entries, elementwise, inverses, rearrangements)  # loaded for their rows

__all__ = ["IDENTITIES", "Identity", "first"]
