"""Formulas typeset inside SVG: MathML laid out as glyphs at fixed places.

A picture that stands alone cannot rely on a browser's MathML, so the boxes are computed
here, with the widths of a Times-like face; every glyph has its place, and no font can
make neighbors overlap.
"""

from __future__ import annotations

from html import escape
from xml.etree import ElementTree

WIDTHS = dict.fromkeys("fijlt", 0.32) | dict.fromkeys("rs", 0.4) | dict.fromkeys("mw", 0.74)
WIDTHS |= dict.fromkeys("MWΩ", 0.86) | dict.fromkeys("IJ", 0.42)
WIDTHS |= dict.fromkeys("()[]", 0.34) | dict.fromkeys("|", 0.26) | dict.fromkeys("‖", 0.46) | dict.fromkeys(",.:", 0.28)
WIDTHS |= dict.fromkeys("⟨⟩", 0.38) | {"⊤": 0.62, "∂": 0.52, "ℝ": 0.72, "𝟏": 0.5, "\u2062": 0.0, "\u2061": 0.06}
WIDTHS |= dict.fromkeys("+−=×⊙⊘⊗", 0.76) | {"→": 1.0, "T": 0.62, "Z": 0.64, "d": 0.52}
SPACED = "+−=×⊙⊘⊗→∈"
SMALL = 0.72


class Box:
    """Glyphs and rules, with the size of their bounding box; y grows downward from the baseline."""

    __slots__ = ("width", "ascent", "descent", "glyphs", "rules")

    def __init__(self, width: float = 0.0, ascent: float = 0.0, descent: float = 0.0) -> None:
        self.width = width
        self.ascent = ascent
        self.descent = descent
        self.glyphs: list[tuple[float, float, float, str, bool]] = []  # x, y, size, text, italic
        self.rules: list[tuple[float, float, float]] = []  # x, y, width

    def put(self, other: Box, x: float, y: float) -> None:
        """Add the other box with its baseline at (x, y)."""
        self.glyphs += [(gx + x, gy + y, size, text, italic) for gx, gy, size, text, italic in other.glyphs]
        self.rules += [(rx + x, ry + y, width) for rx, ry, width in other.rules]
        self.ascent = max(self.ascent, other.ascent - y)
        self.descent = max(self.descent, other.descent + y)
        self.width = max(self.width, x + other.width)


def typeset(mathml: str, size: float) -> Box:
    """Lay out one MathML element at a font size."""
    return _layout(ElementTree.fromstring(mathml), size)


def _layout(element: ElementTree.Element, size: float) -> Box:
    tag, children = element.tag, list(element)
    if tag in ("mi", "mn", "mo", "mtext"):
        return _token(element.text or "", tag, element, size)
    if tag == "mfrac":
        top, bottom = (_layout(child, size * 0.85) for child in children)
        box = Box()
        width, axis = max(top.width, bottom.width) + 0.2 * size, -0.26 * size
        box.put(top, (width - top.width) / 2, axis - top.descent - 0.14 * size)
        box.put(bottom, (width - bottom.width) / 2, axis + bottom.ascent + 0.12 * size)
        box.rules.append((0.0, axis, width))
        box.width = width + 0.06 * size
        return box
    if tag == "mspace":
        return Box(float((element.get("width") or "0em")[:-2]) * size)
    if tag == "msubsup":
        low = ElementTree.Element("msub")
        low.extend(children[:2])
        high = ElementTree.Element("msup")
        high.extend([children[0], children[2]])
        box, raised = _layout(low, size), _layout(high, size)
        box.put(raised, 0.0, 0.0)
        del box.glyphs[len(box.glyphs) - len(raised.glyphs)]  # the base is there already
        return box
    if tag in ("msup", "msub"):
        base, script = _layout(children[0], size), _layout(children[1], size * SMALL)
        box = Box()
        box.put(base, 0.0, 0.0)
        shift = -max(0.38 * size, base.ascent - 0.45 * size) if tag == "msup" else max(0.2 * size, base.descent)
        box.put(script, base.width + 0.1 * size, shift)
        box.width += 0.04 * size
        return box
    box = Box()
    if tag == "mover":
        base, accent = _layout(children[0], size), _layout(children[1], size)
        box.put(base, 0.0, 0.0)
        box.put(accent, (base.width - accent.width) / 2, -0.12 * size)
        box.width = base.width
        return box
    if tag == "msqrt":
        inside = _row(children, size)
        box.put(_token("√", "mo", element, size), 0.0, 0.0)
        box.put(inside, 0.62 * size, 0.0)
        box.rules.append((0.6 * size, -inside.ascent - 0.08 * size, inside.width))
        return box
    if tag == "mtable":
        y = -0.4 * size * (len(children) - 1)
        rows = [[_layout(cell, size * 0.9) for cell in line] for line in children]
        starts = [0.0]
        for column in zip(*rows):
            starts.append(starts[-1] + max(cell.width for cell in column) + 0.6 * size)
        for line in rows:
            for cell, x in zip(line, starts):
                box.put(cell, x, y)
            y += 1.1 * size
        return box
    return _row(children, size)


def _row(children: list[ElementTree.Element], size: float) -> Box:
    box, x = Box(), 0.0
    for i, child in enumerate(children):
        part = _layout(child, size)
        sign = child.text or "" if child.tag == "mo" else ""
        gap = 0.24 * size if sign in SPACED and sign and i and child.get("form") != "prefix" else 0.0
        if sign == "\u2062" and _is_word(children, i):
            gap = 0.1 * size
        box.put(part, x + gap, 0.0)
        x += part.width + 2 * gap
        if sign == ",":
            x += 0.18 * size
    box.width = x
    return box


def _is_word(children: list[ElementTree.Element], i: int) -> bool:
    """Whether a word stands beside this place, so that factors need a space between them."""
    return any(len("".join(child.itertext())) > 3 for child in children[i - 1 : i + 2] if child.tag == "mi")


def _token(text: str, tag: str, element: ElementTree.Element, size: float) -> Box:
    italic = tag == "mi" and len(text) == 1 and element.get("mathvariant") != "normal" and text not in "ℝ∂"
    below = 0.22 if set(text) & set("gjpqy()[]‖|⟨⟩μρβγφψχηζξς,") else 0.04
    box = Box(_width(text, size), 0.7 * size if text else 0.0, below * size)
    if text.strip("\u2061\u2062 "):
        box.glyphs.append((0.0, 0.0, size, text, italic))
    return box


def draw(box: Box, x: float, y: float, color: str, class_: str = "", label: str = "") -> str:
    """The box as SVG in one color, its baseline at (x, y)."""
    parts = []
    for gx, gy, size, text, italic in box.glyphs:
        length = f' textLength="{_width(text, size):.1f}"' if len(text) > 1 else ""
        style = ' font-style="italic"' if italic else ""
        parts.append(
            f'<text x="{x + gx:.1f}" y="{y + gy:.1f}" font-size="{size:.1f}"{style}{length}>{escape(text)}</text>'
        )
    for rx, ry, width in box.rules:
        parts.append(f'<rect x="{x + rx:.1f}" y="{y + ry - 0.45:.2f}" width="{width:.1f}" height="0.9"/>')
    named = f' role="img" aria-label="{escape(label)}"' if label else ""
    return f'<g class="math {class_}" fill="{color}"{named}>{"".join(parts)}</g>'


def _width(text: str, size: float) -> float:
    return sum(WIDTHS.get(c, 0.68 if c.isupper() or c in SPACED else 0.5) for c in text) * size
