"""Where the parts of a computational graph stand, row by row, with nothing over anything else; and the graph in TikZ.

Every value stands just above the first operation that uses it.  Between two
rows of nodes is a row of labels, and an edge goes down from row to row through places of
its own, so that boxes of one row, in an order that keeps the edges short, stand side by side.

[ST]  Sugiyama, Tagawa & Toda, Methods for visual understanding of hierarchical system structures, 1981.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
WEIGHT = 12  # the way of the data is straight, what enters stands aside
SWEEPS = 8


class Slot:
    """What stands in a row: a node, a label, or an edge that passes; with its neighbors above and below.

    `x` is its middle; its edges meet it at `line`, which is `aside` of the middle.  `weight` is how much
    what stands above or below it minds being elsewhere.
    """

    __slots__ = ("row", "width", "x", "aside", "weight", "above", "below")

    def __init__(self, row: int, width: float, weight: int = 1, aside: float = 0.0) -> None:
        self.row = row
        self.width = width
        self.x = 0.0
        self.aside = aside
        self.weight = weight
        self.above: list[Slot] = []
        self.below: list[Slot] = []

    @property
    def line(self) -> float:
        return self.x + self.aside


def arranged(
    graph: Graph, boxes: Mapping[Expr, float], labels: Sequence[float], is_beside: bool = False
) -> tuple[dict[Expr, Slot], list[list[Slot]]]:
    """The places of the nodes, and the way of each edge from its source through a place in every row to its target.

    Nodes stand in the even rows.  The label of an edge is in the last place before its target:
    on the line, or with `is_beside` to its right.

    Parameters
    ----------
    boxes, labels : the widths of the nodes, and of the labels in the order of the edges
    """
    depth = _depths(graph)
    nodes = {node: Slot(2 * depth[node], boxes[node], WEIGHT if node.args else 1) for node in graph.nodes}
    by_id = {graph.ids[node]: place for node, place in nodes.items()}
    ways = []
    for (edge, node), size in zip(graph.edges_with_sources(), labels, strict=True):
        weight = WEIGHT if node.args else 1
        start, end = by_id[edge.source], by_id[edge.target]
        way = [Slot(row, THROUGH, weight) for row in range(start.row + 1, end.row - 1)]
        way.append(Slot(end.row - 1, size, weight, THROUGH - size / 2 if is_beside else 0.0))
        for above, below in zip([start, *way], [*way, end]):
            above.below.append(below)
            below.above.append(above)
        ways.append([start, *way, end])
    _arrange([place for way in ways for place in way[1:-1]] + list(nodes.values()))
    return nodes, ways


def tikz(graph: Graph) -> str:
    """The picture."""
    notation = Latex(is_inline=True)
    shown = {node: notation.formula(graph.formula(node)) for node in graph.nodes}
    labels = []
    for edge, node in graph.edges_with_sources():
        labels.append(shape_latex(notation, node.shape))
        if edge.is_active and edge.cotangent is not None:
            labels[-1] += rf"\;{{\color{{red!70!black}}{notation.formula(edge.cotangent)}}}"
    sizes = [width(label.replace(r"\color{red!70!black}", "")) + 4.0 for label in labels]
    nodes, ways = arranged(graph, {node: width(shown[node]) + 10.0 for node in graph.nodes}, sizes)
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
            wanted = [
                sum(n.weight * n.line for n in near) / sum(n.weight for n in near) - p.aside if near else p.x
                for p, near in zip(row, sides)
            ]
            _spread(row, wanted)


def _spread(row: list[Slot], wanted: list[float]) -> None:
    """Set the boxes near where they are wanted, in that order and apart."""
    pairs = sorted(zip(wanted, range(len(row))))
    row[:], goals = [row[i] for _, i in pairs], [x for x, _ in pairs]
    at: list[float] = []
    for k, (place, goal) in enumerate(zip(row, goals)):
        least = at[-1] + row[k - 1].width / 2 + GAP + place.width / 2 if k else goal
        at.append(max(goal, least))
    total = sum(place.weight for place in row)
    shift = sum(place.weight * (goal - x) for place, goal, x in zip(row, goals, at)) / total
    for place, x in zip(row, at):
        place.x = x + shift
