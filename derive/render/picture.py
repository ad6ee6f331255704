"""The computational graph, as a textbook draws it.

Leaves and operations are boxes with their formula; values run forward along the edges,
with their shapes, and cotangents backward in a second color.  The variable is drawn
once, and each path from the loss to it is highlighted and numbered like its contribution.

`svg` is laid out by Graphviz where PyGraphviz is installed, whose wheels carry it (extra `graph`),
and by `layers` elsewhere; `dot`, `mermaid` and `tikz` are texts.
"""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import TYPE_CHECKING

from ..expr import Expr
from ..shapes import shape_text
from . import Formula, Name, Operand, Partial
from .intermediates import Intermediates
from .mathml import MathML, shape_mathml
from .svgmath import Box, draw, typeset
from .text import Text, text

if TYPE_CHECKING:
    from ..derivation import Presented
    from .layers import Slot

SIZE = 15.0  # of the formulas in nodes, in pixels
SMALL = 11.5
MAX_LABEL = 48  # characters of a formula in a node
MARGIN = 8.0
MANY_ROWS = 600  # rows that all edges pass, past which Graphviz takes seconds, and soon minutes
HIDDEN = ("number", "constant", "dimension")

LIGHT = {"ink": "#1f2328", "paper": "#ffffff", "leaf": "#eef2f7", "line": "#8b95a1", "back": "#b3261e"}
DARK = {"ink": "#e6e9ee", "paper": "#16181d", "leaf": "#262b33", "line": "#7d8793", "back": "#ff8a80"}
PATHS = ("#f2b134", "#2a9d8f", "#8e6bbf", "#5b8def", "#d96c9f", "#7f9a3d")  # in light and dark
FONTS = "Times New Roman, Times, STIX Two Text, Latin Modern Roman, serif"


def themed(element: str, light: str, dark: str) -> str:
    """Variables that follow the reader's theme, or that of the JupyterLab around."""
    return f"""
{element} {{ {light} }}
@media (prefers-color-scheme: dark) {{ {element} {{ {dark} }} }}
[data-jp-theme-light="true"] {element} {{ {light} }}
[data-jp-theme-light="false"] {element} {{ {dark} }}
""".strip()


# The drawing has its colors as attributes, which every program that shows SVG understands;
# a page around it puts those of the reader's theme in their place.
STYLE = (
    themed(
        ".derive-graph",
        *(" ".join(f"--{name}: {color};" for name, color in theme.items()) for theme in (LIGHT, DARK)),
    )
    + "\n"
    + "\n".join(
        f'.derive-graph [{key}="{color}"] {{ {key}: var(--{name}); }}'
        for name, color in LIGHT.items()
        for key in ("fill", "stroke")
    )
    + """
.derive-graph { max-width: 100%; height: auto; }
.derive-graph .node.here .box { stroke: var(--back); stroke-width: 3; fill: var(--leaf); }
"""
).strip()


Layout = tuple[
    dict[Expr, tuple[float, float, float, float]],
    "dict[Edge, list[tuple[float, float]]]",
    "dict[Edge, tuple[float, float]]",
    tuple[float, float],
]


class Edge:
    """From an operand to the operation that uses it."""

    __slots__ = ("source", "target", "index", "cotangent", "is_active", "paths")

    def __init__(self, source: str, target: str, index: int) -> None:
        self.source = source
        self.target = target
        self.index = index
        self.cotangent: Formula | None = None  # what flows back along it
        self.is_active = False
        self.paths: list[int] = []


class Graph:
    """The computational graph of a derivation.

    Examples
    --------
    >>> from derive import gradient
    >>> print(gradient("½‖Ax − b‖²", "x").graph.mermaid().splitlines()[0])
    flowchart TB
    """

    def __init__(self, derivation: Presented) -> None:
        self.derivation = derivation
        self.named = Intermediates(derivation)
        self.name = derivation.name
        self.nodes = [node for node in self.named.order if node.op.name not in HIDDEN]
        self.ids = {node: f"n{i}" for i, node in enumerate(self.nodes)}
        self.edges: list[Edge] = []
        by_place: dict[tuple[Expr, int], Edge] = {}
        for node in self.nodes:
            for index, arg in enumerate(node.args):
                if arg in self.ids:
                    edge = Edge(self.ids[arg], self.ids[node], index)
                    self.edges.append(edge)
                    by_place[node, index] = edge
        self._backward(by_place)

    def _backward(self, by_place: dict[tuple[Expr, int], Edge]) -> None:
        d, named = self.derivation, self.named
        views = {n.op.make(tuple(named.flat(a) for a in n.args), n.data): n for n in named.order if n.args}
        counts = Counter(step.operand for step in d.steps)
        seen: Counter[Expr] = Counter()
        for step in d.steps:
            node = views.get(step.view)
            edge = by_place.get((node, step.index)) if node is not None else None
            if node is None or edge is None:
                continue
            edge.is_active = True
            operand = node.args[step.index]
            seen[operand] += 1
            share = seen[operand] if counts[step.operand] > 1 and operand not in d.variables else None
            edge.cotangent = [Partial(["∂", Name(self.name)], ["∂", Operand(named.written(operand))], share)]
        flat = {named.flat(node): node for node in named.order}
        # The paths to each variable have numbers of their own, as its contributions have on the page.
        for part in d.parts:
            for number, contribution in enumerate(part.contributions, start=1):
                route = [flat[n] for n in contribution.route if n in flat]
                if part.wrt is not None:
                    route.append(part.wrt)
                for above, below in zip(route, route[1:]):
                    places = [i for i, arg in enumerate(above.args) if arg is below]
                    free = [i for i in places if number not in by_place[above, i].paths] if places else []
                    entry = [i for i in free if below is not part.wrt or not by_place[above, i].paths]
                    for i in (entry or free)[:1]:
                        by_place[above, i].paths.append(number)
                        if below is part.wrt and len(part.contributions) > 1:
                            by_place[above, i].cotangent = [Partial(["∂", Name(self.name)], ["∂", below], number)]

    # What stands in a node

    def formula(self, node: Expr) -> Formula:
        """The formula of a node: `z = W x` where it has a name."""
        label, value = self.named.label(node), self.named.value(node)
        if len(text(value)) > MAX_LABEL:
            return [label] if label is not None else [node.op.name]
        if node is self.named.root:
            return [Name(self.name), "=", value]
        return [label, "=", value] if label is not None else [value]

    def plain(self, formula: Formula) -> str:
        return Text().formula(formula)

    def classes(self, node: Expr) -> str:
        kinds = ["node"]
        if not node.args:
            kinds.append("leaf")
        if node in self.derivation.variables:
            kinds.append("wrt")
        if node is self.named.root:
            kinds.append("loss")
        return " ".join(kinds)

    # Texts

    def dot(self) -> str:
        """The graph in the language of Graphviz, formulas in Unicode."""
        lines = ["digraph derivation {", "  rankdir=TB;", '  node [shape=box, style=rounded, fontname="serif"];']
        for node in self.nodes:
            look = ' style="rounded,filled"' if not node.args else ""
            lines.append(f"  {self.ids[node]} [label={_quoted(self.plain(self.formula(node)))}{look}];")
        for edge, node in self.edges_with_sources():
            lines.append(f"  {edge.source} -> {edge.target} [label={_quoted(shape_text(node.shape))}];")
            if edge.is_active and edge.cotangent is not None:
                back = _quoted(self.plain(edge.cotangent))
                look = 'color="#b3261e", fontcolor="#b3261e", style=dashed, constraint=false'
                lines.append(f"  {edge.target} -> {edge.source} [label={back}, {look}];")
        return "\n".join([*lines, "}", ""])

    def mermaid(self) -> str:
        """The graph for Markdown pages."""
        lines, red = ["flowchart TB"], []
        for node in self.nodes:
            shown = _entities(self.plain(self.formula(node)))
            lines.append(f'  {self.ids[node]}(["{shown}"])' if not node.args else f'  {self.ids[node]}["{shown}"]')
        count = 0
        for edge, node in self.edges_with_sources():
            lines.append(f'  {edge.source} -- "{_entities(shape_text(node.shape))}" --> {edge.target}')
            count += 1
            if edge.is_active and edge.cotangent is not None:
                lines.append(f'  {edge.target} -. "{_entities(self.plain(edge.cotangent))}" .-> {edge.source}')
                red.append(str(count))
                count += 1
        if red:
            lines.append(f"  linkStyle {','.join(red)} stroke:#b3261e,color:#b3261e")
        return "\n".join([*lines, ""])

    def tikz(self) -> str:
        """The graph as a `tikzpicture`; its first line names the packages that it needs."""
        from .layers import tikz

        return tikz(self)

    def edges_with_sources(self) -> list[tuple[Edge, Expr]]:
        by_id = {id_: node for node, id_ in self.ids.items()}
        return [(edge, by_id[edge.source]) for edge in self.edges]

    # The drawing

    def svg(self, standalone: bool = True) -> str:
        """The drawing, with typeset formulas; its colors are attributes, which every program shows alike.

        Parameters
        ----------
        standalone : bool
            Whether it is a file of its own, with white paper under it, or part of a page that has `STYLE`.
        """
        boxes = {node: self._box(self.formula(node), SIZE) for node in self.nodes}
        labels = {}
        for edge, node in self.edges_with_sources():
            shape = typeset(shape_mathml(node.shape), SMALL)
            back = self._box(edge.cotangent, SMALL) if edge.is_active and edge.cotangent else None
            labels[edge] = (shape, back)
        placed, splines, places, (width, height) = self._layout(boxes, labels)
        ink, line, red = LIGHT["ink"], LIGHT["line"], LIGHT["back"]
        under: list[str] = []
        lines: list[str] = []
        for edge in self.edges:
            points = splines[edge]
            for k, number in enumerate(edge.paths):
                if number <= len(PATHS) and len(self.derivation.contributions) > 1:
                    trail = _path(_shifted(points, 5.0 * (k - (len(edge.paths) - 1) / 2)))
                    under.append(
                        f'<path class="trail path{number}" d="{trail}" fill="none" stroke="{PATHS[number - 1]}" '
                        'stroke-width="7" stroke-linecap="round" opacity="0.38"/>'
                    )
            x, y = places[edge]
            shape, back = labels[edge]
            if back is None:
                lines.append(f'<g class="edge">{_arrow(points, line)}</g>')
                lines.append(draw(shape, x - shape.width / 2, y + 4, ink, "shape"))
                continue
            lines.append(f'<g class="edge">{_arrow(_shifted(points, -2.5), line)}</g>')
            lines.append(f'<g class="edge back">{_arrow(_shifted(points[::-1], -2.5), red, is_dashed=True)}</g>')
            total = shape.width + 14 + back.width
            said = self.plain(edge.cotangent or [])
            lines.append(draw(back, x - total / 2 + shape.width + 14, y + 4, red, "cotangent", said))
            lines.append(draw(shape, x - total / 2, y + 4, ink, "shape"))
        shown = []
        for node in self.nodes:
            x, y, w, h = placed[node]
            box = boxes[node]
            formula, kinds = self.plain(self.formula(node)), self.classes(node)
            fill = LIGHT["paper" if node.args else "leaf"]
            edge_color = red if "wrt" in kinds else line
            shown.append(
                f'<g class="{kinds}" id="{self.ids[node]}"><title>{escape(formula)}: '
                f'{escape(shape_text(node.shape))}</title><rect class="box" x="{x - w / 2:.1f}" y="{y - h / 2:.1f}" '
                f'width="{w:.1f}" height="{h:.1f}" rx="{h / 2 if not node.args else 5:.1f}" '
                f'fill="{fill}" stroke="{edge_color}" stroke-width="{1.1 if kinds in ("node", "node leaf") else 2}"/>'
                + draw(box, x - box.width / 2, y + (box.ascent - box.descent) / 2, ink, "", formula)
                + "</g>"
            )
        badges = []
        tied = [part.wrt for part in self.derivation.parts if 1 < len(part.contributions) <= len(PATHS)]
        sources = {self.ids[v] for v in tied if v in self.ids}
        if sources:
            for edge in self.edges:
                if edge.paths and edge.source in sources:
                    for k, number in enumerate(edge.paths):
                        bx, by = splines[edge][0]
                        badges.append(
                            f'<g class="badge"><circle cx="{bx + 15 * k:.1f}" cy="{by + 7:.1f}" r="7" '
                            f'fill="{PATHS[number - 1]}"/><text x="{bx + 15 * k:.1f}" y="{by + 11:.1f}" font-size="11" '
                            f'font-weight="bold" fill="#16181d" text-anchor="middle">{number}</text></g>'
                        )
        paper = f'<rect width="100%" height="100%" fill="{LIGHT["paper"]}"/>' if standalone else ""
        space = ' xmlns="http://www.w3.org/2000/svg"'
        title = f"The computational graph of {self.plain([Name(self.name)])}"
        return (
            f'<svg{space} class="derive-graph" role="img" aria-label="{escape(title)}" width="{width:.0f}" '
            f'height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" font-family="{FONTS}">'
            f"<title>{escape(title)}</title>{paper}" + "".join([*under, *lines, *shown, *badges]) + "</svg>\n"
        )

    def _repr_svg_(self) -> str:
        """What Jupyter shows."""
        return self.svg()

    def __repr__(self) -> str:
        return f"<graph of {self.plain([Name(self.name)])}: {len(self.nodes)} nodes; .svg() .dot() .mermaid() .tikz()>"

    def _box(self, formula: Formula, size: float) -> Box:
        return typeset(MathML().formula(formula), size)

    def _layout(self, boxes: dict[Expr, Box], labels: dict[Edge, tuple[Box, Box | None]]) -> Layout:
        """Centers and sizes of the nodes, splines and label places of the edges, the size of it all."""
        try:
            import pygraphviz
        except ImportError:
            return self._layered(boxes, labels)
        if self._rows_passed() > MANY_ROWS:
            return self._layered(boxes, labels)
        graph = pygraphviz.AGraph(directed=True, strict=False, rankdir="TB", nodesep="0.35", ranksep="0.3")
        for node, box in boxes.items():
            w, h = max(34.0, box.width + 22), max(28.0, box.ascent + box.descent + 14)
            graph.add_node(
                self.ids[node], shape="box", fixedsize=True, width=f"{w / 72:.3f}", height=f"{h / 72:.3f}", label=""
            )
        leaves = {self.ids[node] for node in self.nodes if not node.args}
        for i, edge in enumerate(self.edges):
            shape, back = labels[edge]
            w = shape.width + (back.width + 14 if back else 0.0) + 16
            h = max(b.ascent + b.descent for b in (shape, back) if b) + 8
            size = f'WIDTH="{w:.0f}" HEIGHT="{h:.0f}"'
            table = f'<<TABLE BORDER="0" CELLBORDER="0" FIXEDSIZE="TRUE" {size}><TR><TD></TD></TR></TABLE>>'
            weight = 1 if edge.source in leaves else 12  # the way of the data is straight, what enters stands aside
            graph.add_edge(edge.source, edge.target, key=f"e{i}", label=table, weight=weight)
        graph.layout(prog="dot")
        x0, y0, x1, y1 = (float(v) for v in graph.graph_attr["bb"].split(","))

        def at(x: float, y: float) -> tuple[float, float]:
            return x - x0 + MARGIN, y1 - y + MARGIN

        placed = {}
        for node in self.nodes:
            found = graph.get_node(self.ids[node]).attr
            x, y = at(*(float(v) for v in found["pos"].split(",")))
            placed[node] = (x, y, float(found["width"]) * 72, float(found["height"]) * 72)
        splines, places = {}, {}
        for i, edge in enumerate(self.edges):
            found = graph.get_edge(edge.source, edge.target, key=f"e{i}").attr
            splines[edge] = _spline(found["pos"], at)
            places[edge] = at(*(float(v) for v in found["lp"].split(",")))
        return placed, splines, places, (x1 - x0 + 2 * MARGIN, y1 - y0 + 2 * MARGIN)

    def _rows_passed(self) -> int:
        """How many rows the edges go over, each node a row below its lowest operand."""
        row: dict[Expr, int] = {}
        for node in self.nodes:
            row[node] = 1 + max((row[arg] for arg in node.args if arg in row), default=-1)
        return sum(row[node] - row[arg] for node in self.nodes for arg in node.args if arg in row)

    def _layered(self, boxes: dict[Expr, Box], labels: dict[Edge, tuple[Box, Box | None]]) -> Layout:
        """The same without Graphviz: row by row, each edge through a place of its own."""
        from .layers import arranged

        sizes = {n: (max(34.0, box.width + 22), max(28.0, box.ascent + box.descent + 14)) for n, box in boxes.items()}
        wide = [shape.width + (back.width + 14 if back else 0.0) for shape, back in labels.values()]
        nodes, ways = arranged(self, {n: w for n, (w, _) in sizes.items()}, [w + 24 for w in wide], is_beside=True)
        tall: dict[int, float] = {}
        for node, slot in nodes.items():
            tall[slot.row] = max(tall.get(slot.row, 0.0), sizes[node][1])
        for way, pair in zip(ways, labels.values()):
            row = way[-2].row
            tall[row] = max(tall.get(row, 0.0), *(box.ascent + box.descent + 30 for box in pair if box))
        middle, top = {}, MARGIN
        for row in sorted(tall):
            middle[row], top = top + tall[row] / 2, top + tall[row]
        slots = [*nodes.values(), *(slot for way in ways for slot in way)]
        left = min(slot.x - slot.width / 2 for slot in slots) - MARGIN
        right = max(slot.x + slot.width / 2 for slot in slots) + MARGIN
        placed = {node: (slot.x - left, middle[slot.row], *sizes[node]) for node, slot in nodes.items()}
        curves, places = {}, {}
        by_id = {self.ids[node]: node for node in self.nodes}
        for edge, way, size in zip(self.edges, ways, wide):
            start, end = placed[by_id[edge.source]], placed[by_id[edge.target]]
            points = [(_port(way[0], way[1], "below") - left, start[1] + start[3] / 2)]
            for slot in way[1:-1]:
                half = 0.0 if slot.row % 2 else tall[slot.row] / 2  # straight past nodes
                points += [(slot.line - left, middle[slot.row] + shift) for shift in sorted({-half, half})]
            points.append((_port(way[-1], way[-2], "above") - left, end[1] - end[3] / 2))
            curves[edge] = _smooth(points)
            places[edge] = (way[-2].line - left + 10 + size / 2, middle[way[-2].row])
        return placed, curves, places, (right - left, top + MARGIN)


def _port(box: Slot, other: Slot, side: str) -> float:
    """Where an edge meets a box: the edges of one side stand apart, in the order of where they go."""
    others = sorted(getattr(box, side), key=lambda slot: slot.line)
    step = min(18.0, (box.width - 12.0) / len(others))
    return box.x + step * (others.index(other) - (len(others) - 1) / 2)


def _smooth(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Control points of a curve that passes each point downward."""
    out = [points[0]]
    for (x, y), (x1, y1) in zip(points, points[1:]):
        out += [(x, (y + y1) / 2), (x1, (y + y1) / 2), (x1, y1)]
    return out


def _spline(pos: str, at: object) -> list[tuple[float, float]]:
    """The control points, with the tip of the arrow as the last one."""
    tip, points = None, []
    for part in pos.replace("\\\n", "").split():
        fields = part.split(",")
        if fields[0] == "e":
            tip = at(float(fields[1]), float(fields[2]))  # type: ignore[operator]
        elif fields[0] != "s":
            points.append(at(float(fields[0]), float(fields[1])))  # type: ignore[operator]
    if tip is not None:
        points += [points[-1], tip, tip]
    return points


def _shifted(points: list[tuple[float, float]], by: float) -> list[tuple[float, float]]:
    """The curve beside itself, to the left of its direction."""
    out = []
    for i, (x, y) in enumerate(points):
        (ax, ay), (bx, by_) = points[max(0, i - 2)], points[min(len(points) - 1, i + 2)]
        dx, dy = bx - ax, by_ - ay
        length = (dx * dx + dy * dy) ** 0.5 or 1.0
        out.append((x - dy / length * by, y + dx / length * by))
    return out


def _path(points: list[tuple[float, float]]) -> str:
    (x, y), rest = points[0], points[1:]
    curve = " ".join(
        "C" + " ".join(f"{a:.1f} {b:.1f}" for a, b in rest[i : i + 3]) for i in range(0, len(rest) - len(rest) % 3, 3)
    )
    return f"M{x:.1f} {y:.1f}{curve}"


def _arrow(points: list[tuple[float, float]], color: str, is_dashed: bool = False) -> str:
    (tx, ty) = points[-1]
    ax, ay = next((p for p in reversed(points) if abs(p[0] - tx) + abs(p[1] - ty) > 1.0), points[0])
    dx, dy = tx - ax, ty - ay
    length = (dx * dx + dy * dy) ** 0.5 or 1.0
    dx, dy = dx / length, dy / length
    bx, by = tx - 7 * dx, ty - 7 * dy
    head = f"M{tx:.1f} {ty:.1f}L{bx - 3 * dy:.1f} {by + 3 * dx:.1f}L{bx + 3 * dy:.1f} {by - 3 * dx:.1f}Z"
    dashes = ' stroke-dasharray="4 3"' if is_dashed else ""
    return (
        f'<path d="{_path(points)}" fill="none" stroke="{color}" stroke-width="1.2"{dashes}/>'
        f'<path d="{head}" fill="{color}"/>'
    )


def _quoted(string: str) -> str:
    return '"' + string.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _entities(string: str) -> str:
    return string.replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
