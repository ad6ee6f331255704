"""The computational graph as SVG and as text."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import derive
from derive.render.breaking import width
from derive.render.mathml import MathML, shape_mathml
from derive.render.picture import DARK, LIGHT, SIZE, SMALL, Graph
from derive.render.svgmath import typeset
from tests.optional import PROGRAMS, needs
from tests.test_render_text import PRINTED

SPACE = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def graph() -> Graph:
    made = derive.gradient("½‖WᵀWx − x‖²", "W").graph
    assert isinstance(made, Graph)
    return made


def boxes(svg: str) -> dict[str, tuple[float, float, float, float]]:
    """Left, top, right, bottom of each node."""
    root = ElementTree.fromstring(svg)
    found = {}
    for group in root.iter(SPACE + "g"):
        if "node" in group.get("class", "").split():
            rect = group.find(SPACE + "rect")
            assert rect is not None
            x, y, w, h = (float(rect.get(key, "nan")) for key in ("x", "y", "width", "height"))
            found[group.get("id", "")] = (x, y, x + w, y + h)
    return found


def overlaps(placed: dict[str, tuple[float, float, float, float]]) -> list[tuple[str, str]]:
    names = sorted(placed)
    return [
        (a, b)
        for i, a in enumerate(names)
        for b in names[i + 1 :]
        if placed[a][0] < placed[b][2]
        and placed[b][0] < placed[a][2]
        and placed[a][1] < placed[b][3]
        and placed[b][1] < placed[a][3]
    ]


LAYOUTS = [pytest.param("Graphviz", marks=needs("pygraphviz")), "layers"]


@pytest.fixture(params=LAYOUTS)
def layout(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of laying out: the second is taken where PyGraphviz is not installed."""
    if request.param == "layers":
        monkeypatch.setitem(sys.modules, "pygraphviz", None)


def test_svg_shows_values_cotangents_and_paths(graph: Graph, layout: None) -> None:
    svg = graph.svg()
    placed = boxes(svg)
    assert len(placed) == len(graph.nodes) == 9
    assert overlaps(placed) == []
    assert svg.count('class="node leaf wrt"') == 1  # the tied variable is drawn once
    assert svg.count('<g class="edge back">') == 7  # a cotangent along every active edge
    assert svg.count("trail path1") == 5 and svg.count("trail path2") == 5
    assert svg.count('<g class="badge">') == 2
    assert "<style" not in svg and "var(" not in svg and f'fill="{LIGHT["ink"]}"' in svg
    assert "<rect width" in svg and "<rect width" not in graph.svg(standalone=False)  # paper, of a file alone
    assert graph._repr_svg_() == svg and repr(graph).startswith("<graph of L: 9 nodes")


def test_a_page_puts_the_colors_of_its_theme_in_place_of_the_attributes() -> None:
    page = derive.gradient("½‖Ax − b‖²", "x").html()
    for name, color in LIGHT.items():
        assert f'.derive-graph [fill="{color}"] {{ fill: var(--{name}); }}' in page
        assert f"--{name}: {DARK[name]};" in page


def test_everything_is_inside_the_picture(graph: Graph, layout: None) -> None:
    svg = graph.svg()
    root = ElementTree.fromstring(svg)
    _, _, width, height = (float(v) for v in root.get("viewBox", "").split())
    for text in root.iter(SPACE + "text"):
        assert -1 <= float(text.get("x", "nan")) <= width and 0 <= float(text.get("y", "nan")) <= height + 1


def test_the_overlap_check_can_fail() -> None:
    assert overlaps({"a": (0, 0, 10, 10), "b": (5, 5, 15, 15), "c": (20, 0, 30, 10)}) == [("a", "b")]


# Loss, variable, declarations: tied, with structure, deep, with a quotient, with two paths.
FIVE = [
    ("½‖WᵀWx − x‖²", "W", None),
    ("logdet(S) + tr(S⁻¹A)", "S", "S: n×n spd"),
    ("½‖W₂ tanh(W₁x+b₁)+b₂ − y‖²", "W1", None),
    ("xᵀAx / (xᵀx)", "x", None),
    ("−sum(log(σ(X w))) + λ‖w‖²", "w", None),
]


def pixels(path: Path) -> Any:
    """Gray values between 0 and 1, of squares of 8 × 8 pixels; without color or without contrast it is nothing."""
    image = pytest.importorskip("matplotlib.image").imread(path)[..., :3]
    assert image.std(axis=(0, 1)).min() > 0.05 and abs(image[..., 0] - image[..., 2]).max() > 0.3
    height, width = (size // 8 * 8 for size in image.shape[:2])
    return image[:height, :width].mean(axis=2).reshape(height // 8, 8, width // 8, 8).mean(axis=(1, 3))


def alike(first: Any, second: Any) -> bool:
    """Whether two pictures differ by no more than the edges of letters."""
    difference = abs(first - second)
    return first.shape == second.shape and bool(difference.mean() < 0.01 and (difference > 0.2).mean() < 0.001)


@needs("librsvg", "Chromium", "matplotlib")
def test_two_programs_show_the_same_picture(tmp_path: Path) -> None:
    from matplotlib.image import imread, imsave

    drawings = [derive.gradient(*case).graph.svg() for case in FIVE]
    for i, svg in enumerate(drawings):
        (tmp_path / f"{i}.svg").write_text(svg, encoding="utf-8")
        subprocess.run(["rsvg-convert", tmp_path / f"{i}.svg", "-o", tmp_path / f"{i}.png"], check=True)
    page = "<body style='margin:0'>" + "".join(f"<img src={i}.svg style='display:block'>" for i in range(5))
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    size = "--window-size=800,3200"
    flags = "--headless --no-sandbox --disable-gpu --hide-scrollbars --force-device-scale-factor=1".split()
    browser = next(filter(None, map(shutil.which, PROGRAMS["Chromium"])))
    command = [browser, *flags, size, f"--user-data-dir={tmp_path}/profile", f"--screenshot={tmp_path}/all.png"]
    subprocess.run([*command, (tmp_path / "page.html").as_uri()], capture_output=True, timeout=120, check=True)
    shown, top, seen = imread(tmp_path / "all.png"), 0, []
    for i in range(5):
        height, width = imread(tmp_path / f"{i}.png").shape[:2]
        imsave(tmp_path / f"part{i}.png", shown[top : top + height, :width])
        top += height
        seen.append(pixels(tmp_path / f"{i}.png"))
        assert alike(seen[-1], pixels(tmp_path / f"part{i}.png")), FIVE[i]
    moved = seen[0].copy()
    moved[20:30] = seen[0][22:32]  # the check must fail where a node stands elsewhere
    assert not alike(seen[0], moved)
    (tmp_path / "black.svg").write_text(re.sub('fill="[^"]*"', "", drawings[0]), encoding="utf-8")
    subprocess.run(["rsvg-convert", tmp_path / "black.svg", "-o", tmp_path / "black.png"], check=True)
    with pytest.raises(AssertionError):
        assert alike(seen[0], pixels(tmp_path / "black.png"))


@needs("librsvg", "cairosvg", "matplotlib")
def test_a_third_program_shows_it_too(tmp_path: Path) -> None:
    import cairosvg

    svg = derive.gradient(*FIVE[0]).graph.svg()
    cairosvg.svg2png(bytestring=svg.encode(), write_to=str(tmp_path / "cairo.png"))
    (tmp_path / "0.svg").write_text(svg, encoding="utf-8")
    subprocess.run(["rsvg-convert", tmp_path / "0.svg", "-o", tmp_path / "0.png"], check=True)
    assert abs(pixels(tmp_path / "0.png") - pixels(tmp_path / "cairo.png")).mean() < 0.03  # letters of other widths


@pytest.mark.parametrize("case", FIVE, ids=[case[0] for case in FIVE])
def test_no_label_is_over_a_node_or_another(case: Any, layout: None) -> None:
    graph = derive.gradient(*case).graph
    labels = {}
    for edge, node in graph.edges_with_sources():
        back = graph._box(edge.cotangent, SMALL) if edge.is_active and edge.cotangent else None
        labels[edge] = (typeset(shape_mathml(node.shape), SMALL), back)
    placed, _, places, size = graph._layout({n: graph._box(graph.formula(n), SIZE) for n in graph.nodes}, labels)
    found = {node.text(): (x - w / 2, y - h / 2, x + w / 2, y + h / 2) for node, (x, y, w, h) in placed.items()}
    for k, (edge, (shape, back)) in enumerate(labels.items()):
        (x, y), half = places[edge], (shape.width + (back.width + 14 if back else 0.0)) / 2
        found[f"{k}"] = (x - half, y - 7, x + half, y + 7)
    assert len(found) == len(graph.nodes) + len(graph.edges) and overlaps(found) == []
    assert all(0 <= left and right <= size[0] and bottom <= size[1] for left, _, right, bottom in found.values())
    assert overlaps({name: (0.0, top, right - left, bottom) for name, (left, top, right, bottom) in found.items()})


def test_dot_is_read_by_graphviz(graph: Graph) -> None:
    pygraphviz = pytest.importorskip("pygraphviz")
    read = pygraphviz.AGraph(string=graph.dot())
    assert len(read.nodes()) == 9 and "W x" in graph.dot() and "∂L/∂W|₁" in graph.dot()


def test_mermaid_names_every_edge(graph: Graph) -> None:
    lines = graph.mermaid().splitlines()
    assert lines[0] == "flowchart TB"
    forward = [line for line in lines if re.match(r'  n\d+ -- ".*" --> n\d+$', line)]
    backward = [line for line in lines if re.match(r'  n\d+ -\. ".*" \.-> n\d+$', line)]
    assert len(forward) == len(graph.edges) and len(backward) == 7
    styled = re.search(r"linkStyle ([\d,]+)", graph.mermaid())
    assert styled and len(styled.group(1).split(",")) == 7


@needs("LaTeX")
def test_tikz_compiles(tmp_path: Path) -> None:
    pictures = [derive.gradient(*case).graph.tikz() for case in FIVE]
    needed = "".join(re.findall(r"\\use\w+\{[^}]*\}", pictures[0].splitlines()[0]))
    head = rf"\documentclass[border=1mm]{{article}}{needed}\begin{{document}}"
    (tmp_path / "g.tex").write_text(head + "\n".join(pictures) + r"\end{document}", encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "g.tex"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    if b"tikz.sty' not found" in done.stdout:
        pytest.skip("TikZ is not installed")
    assert done.returncode == 0, done.stdout[-800:]


def tikz_boxes(picture: str) -> dict[str, tuple[float, float, float, float]]:
    """The nodes and labels, as wide as their letters are estimated to be."""
    found = {}
    for i, match in enumerate(re.finditer(r"\\node\[\w+\].*at \((-?\d+), (-?\d+)\) \{\$(.*)\$\};", picture)):
        written = match.group(3).replace(r"\color{red!70!black}", "")
        x, y, half = float(match.group(1)), float(match.group(2)), width(written) / 2
        found[f"{i}: {match.group(3)}"] = (x - half, y - 8, x + half, y + 8)
    return found


@pytest.mark.parametrize("case", FIVE, ids=[case[0] for case in FIVE])
def test_nothing_in_tikz_is_over_anything_else(case: Any) -> None:
    graph = derive.gradient(*case).graph
    placed = tikz_boxes(graph.tikz())
    assert len(placed) == len(graph.nodes) + len(graph.edges)
    assert overlaps(placed) == []
    squeezed = re.sub(r"at \((-?\d+),", "at (0,", graph.tikz())
    assert overlaps(tikz_boxes(squeezed))  # the check must fail


@pytest.mark.parametrize("expr", [e for e, _, _ in PRINTED], ids=[shown for _, shown, _ in PRINTED])
def test_glyphs_stay_inside_their_box(expr: Any) -> None:
    box = typeset(MathML().expression(expr), 15.0)
    assert box.width > 0 and box.ascent > 0 and box.glyphs
    for x, y, size, _, _ in box.glyphs:
        assert -0.01 <= x <= box.width and -box.ascent - 0.01 <= y <= box.descent + size


def test_long_edges_are_laid_out_without_graphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    pygraphviz = pytest.importorskip("pygraphviz")
    laid: list[int] = []
    given = pygraphviz.AGraph.layout
    monkeypatch.setattr(pygraphviz.AGraph, "layout", lambda self, **k: laid.append(1) or given(self, **k))
    for layers, calls in ((3, 1), (40, 1)):
        net = "x"
        for _ in range(layers):
            net = f"tanh(W {net})"
        picture = derive.gradient(f"½‖{net} − x‖²", "W").graph.svg()
        assert len(laid) == calls and picture.startswith("<svg")


def test_names_stand_for_long_intermediates() -> None:
    graph = derive.gradient("½‖W₃ tanh(W₂ tanh(W₁x+b₁)+b₂)+b₃ − y‖²", "W1").graph
    assert "z₁ = W₁ x + b₁" in graph.mermaid() and "h₁ = tanh(z₁)" in graph.mermaid()


def test_an_absent_variable_and_a_jacobian_have_pictures(layout: None) -> None:
    assert "<svg" in derive.gradient("x", "x", where="x: scalar").graph.svg()
    assert "<svg" in derive.gradient("aᵀx", "q", where="q: n").graph.svg()
    assert "<svg" in derive.jacobian("tanh(Wx)", "x").graph.svg()


def test_the_paths_to_several_variables_have_the_numbers_of_the_page() -> None:
    several = derive.gradient("½‖A − U Vᵀ‖² + ½ λ (‖U‖² + ‖V‖²)", ["U", "V"], "λ: scalar")
    drawn = several.graph
    by_id = {identity: node for node, identity in drawn.ids.items()}
    for part in several.parts:
        shares = {}
        for edge in drawn.edges:
            if by_id[edge.source] is part.wrt:
                (number,) = edge.paths
                assert edge.cotangent is not None and edge.cotangent[0].share == number
                shares[number] = by_id[edge.target]
        for number, contribution in enumerate(part.contributions, start=1):
            assert drawn.named.flat(shares[number]) is contribution.route[-1]
