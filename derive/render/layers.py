"""The computational graph in TikZ, row by row, with nothing over anything else.

Every value stands just above the first operation that uses it.  Between two
rows of nodes is a row of labels, and an edge goes down from row to row through places of
its own, so that boxes of one row, in an order that keeps the edges short, stand side by side.

[ST]  Sugiyama, Tagawa & Toda, Methods for visual understanding of hierarchical system structures, 1981.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..shapes import SCALAR, Shape
from . import PRODUCT
from .breaking import width
from .latex import Latex

if TYPE_CHECKING:
    from ..expr import Expr
    from .picture import Graph

HEAD = r"""% \usepackage{amsmath, amssymb, tikz} \usetikzlibrary{arrows.meta}
\begin{tikzpicture}[x=1pt, y=1pt, >={Latex[length=2mm]}, every node/.style={font=\small, inner sep=0pt},
  box/.style={draw, rounded corners=2pt, inner sep=4pt}, leaf/.style={box, fill=black!6},
  label/.style={fill=white, inner sep=1.5pt}, edge/.style={->, rounded corners=4pt},
  back/.style={edge, red!70!black, dashed, transform canvas={xshift=3pt}}]"""
ROW = 30.0  # points between rows
GAP = 14.0  # between boxes of a row
THROUGH = 6.0  # the width of an edge that passes
SWEEPS = 4


class Slot:
    """What stands in a row: a node, a label, or an edge that passes; with its neighbors above and below."""

    __slots__ = ("row", "width", "x", "above", "below")

    def __init__(self, row: int, width: float) -> None:
        self.row = row
        self.width = width
        self.x = 0.0
        self.above: list[Slot] = []
        self.below: list[Slot] = []


def tikz(graph: Graph) -> str:
    """The picture."""
    notation = Latex(is_inline=True)
    depth = _depths(graph)
    shown = {node: notation.formula(graph.formula(node)) for node in graph.nodes}
    nodes = {node: Slot(2 * depth[node], width(shown[node]) + 10.0) for node in graph.nodes}
    by_id = {graph.ids[node]: place for node, place in nodes.items()}
    ways, labels = [], []
    for edge, node in graph.edges_with_sources():
        label = shape_latex(notation, node.shape)
        if edge.is_active and edge.cotangent is not None:
            label += rf"\;{{\color{{red!70!black}}{notation.formula(edge.cotangent)}}}"
        start, end = by_id[edge.source], by_id[edge.target]
        size = width(label.replace(r"\color{red!70!black}", "")) + 4.0
        way = [Slot(row, size if row == end.row - 1 else THROUGH) for row in range(start.row + 1, end.row)]
        for above, below in zip([start, *way], [*way, end]):
            above.below.append(below)
            below.above.append(above)
        ways.append([start, *way, end])
        labels.append(label)
    _arrange([place for way in ways for place in way[1:-1]] + list(nodes.values()))
    lines = [HEAD]
    for node, place in nodes.items():
        kind = "box" if node.args else "leaf"
        lines.append(rf"  \node[{kind}] ({graph.ids[node]}) at {_at(place)} {{${shown[node]}$}};")
    for (edge, _), way, label in zip(graph.edges_with_sources(), ways, labels):
        inner = [_at(place) for place in way[1:-1]]
        lines.append(rf"  \draw[edge] ({edge.source}) -- {' -- '.join([*inner, f'({edge.target})'])};")
        if edge.is_active:
            lines.append(rf"  \draw[back] ({edge.target}) -- {' -- '.join([*inner[::-1], f'({edge.source})'])};")
        lines.append(rf"  \node[label] at {inner[-1]} {{${label}$}};")
    return "\n".join([*lines, r"\end{tikzpicture}", ""])


def shape_latex(notation: Latex, shape: Shape) -> str:
    """A shape in LaTeX, within mathematics."""
    if shape == SCALAR:
        return r"\text{scalar}"
    rows, columns = (notation.wrapped(notation.dimension(dim), PRODUCT) for dim in shape)
    return rf"{rows} \times {columns}"


def _depths(graph: Graph) -> dict[Expr, int]:
    """Each node just above the highest that uses it."""
    above = dict.fromkeys(graph.nodes, 0)
    for node in reversed(graph.nodes):
        for arg in node.args:
            if arg in above:
                above[arg] = max(above[arg], above[node] + 1)
    highest = max(above.values())
    return {node: highest - levels for node, levels in above.items()}


def _at(place: Slot) -> str:
    return f"({place.x:.0f}, {-ROW * place.row:.0f})"


def _arrange(places: list[Slot]) -> None:
    """Order each row by where its neighbors are, down and up, and set the boxes side by side."""
    rows: dict[int, list[Slot]] = {}
    for place in places:
        rows.setdefault(place.row, []).append(place)
    order = [rows[key] for key in sorted(rows)]
    for row in order:
        _spread(row, [0.0] * len(row))
    for sweep in range(SWEEPS):
        is_down = sweep % 2 == 0
        for row in order if is_down else reversed(order):
            sides = [(place.above if is_down else place.below) or place.above or place.below for place in row]
            wanted = [sum(n.x for n in near) / len(near) if near else p.x for p, near in zip(row, sides)]
            _spread(row, wanted)


def _spread(row: list[Slot], wanted: list[float]) -> None:
    """Set the boxes near where they are wanted, in that order and apart."""
    pairs = sorted(zip(wanted, range(len(row))))
    row[:], goals = [row[i] for _, i in pairs], [x for x, _ in pairs]
    at: list[float] = []
    for k, (place, goal) in enumerate(zip(row, goals)):
        least = at[-1] + row[k - 1].width / 2 + GAP + place.width / 2 if k else goal
        at.append(max(goal, least))
    shift = sum(goal - x for goal, x in zip(goals, at)) / max(1, len(row))
    for place, x in zip(row, at):
        place.x = x + shift
