"""Long lines of LaTeX, broken where a person would break them: before + and −.

Widths are those of Latin Modern at 11 pt, near enough; a fraction is as wide as its
wider part.  Breaks stand outside brackets if that is possible, and brackets that a break
separates get a fixed size, as `\\left` cannot reach the next line.  Where a sum offers no
place, a product is broken, and a dot says that it goes on.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"\\(?:operatorname|mathrm|mathit|mathbf|mathbb|text)\{([^{}]*)\}"
    r"|\\(?:left|right)\s*(\\[a-zA-Z]+|.)"
    r"|\\[a-zA-Z]+|\\.|[{}^_&]|\s+|."
)
_SPACES = {r"\,": 1.8, r"\quad": 11.0, r"\qquad": 22.0, r"\!": -1.8, r"\;": 3.0, r"\left.": 1.0}
_OPENING = {"(", "[", r"\lVert", r"\lvert", r"\langle"}
_CLOSING = {")", "]", r"\rVert", r"\rvert", r"\rangle"}
_SIGNS = {"+", "-", "=", r"\odot", r"\otimes", r"\oslash", r"\in", r"\mapsto", r"\to", r"\cdot"}
_WORDS = set("exp log sin cos tan arcsin arccos arctan sinh cosh tanh det".split())
_LETTERS = {"W": 10.7, "M": 10.9, "m": 9.6, "w": 7.9, "i": 3.8, "l": 3.3, "j": 4.6, "t": 4.0, "f": 6.0, "I": 5.0}


def _glyph(token: str) -> float:
    """The width of one token, in points."""
    if token in _LETTERS:
        return _LETTERS[token]
    if token in _SIGNS:
        return 13.6
    if token[1:] in _WORDS:
        return 5.6 * len(token) - 3.0
    if token.startswith("\\"):
        return {r"\top": 8.5, r"\lVert": 5.6, r"\rVert": 5.6, r"\partial": 6.2, r"\nabla": 9.2}.get(token, 6.6)
    if token in "()[],.|:":
        return 4.3
    return 8.7 if token.isupper() else 5.6 if token.isdigit() else 6.2


def width(latex: str) -> float:
    """The width in points."""
    return _scan(latex)[0]


def broken(latex: str, room: float, room_after: float | None = None) -> list[str]:
    """The line in pieces no wider than `room` (the first) and `room_after` (the others), if breaks allow."""
    room_after = room - 22.0 if room_after is None else room_after
    total, places = _scan(latex)
    pieces: list[str] = []
    start, done, lead = 0, 0.0, ""
    while total - done > (limit := (room_after if pieces else room) - (DOT if lead else 0.0)):
        places = [place for place in places if place[0] > start]
        within = [place for place in places if place[2] - done <= limit]
        far = [place for place in within if place[2] - done > 0.4 * limit] or within
        if not places:
            break
        at, depth, before = min(far, key=lambda place: (place[1], -place[0])) if far else places[0]
        pieces.append(lead + latex[start:at].strip())
        start, done, lead = at, before, r"\cdot " if depth % 1 == PRODUCT else ""
    return _resized([*pieces, lead + latex[start:].strip()])


DOT = 8.5
ENTRYWISE, PRODUCT = 0.25, 0.5  # how much less welcome these breaks are than before + and −
_SPACED = re.compile(r"(?:[-+=(\[,]|\\(?:odot|otimes|oslash|cdot|lVert|lvert|langle|in|,|partial|left\s*\S+))\s*$")
_SPACING = re.compile(r"[-+=)\],^_]|\\(?:odot|otimes|oslash|cdot|rVert|rvert|rangle|,|right)")


def _scan(latex: str) -> tuple[float, list[tuple[int, float, float]]]:
    """The width, and where a line may break: place, depth of brackets there, width before."""
    places: list[tuple[int, float, float]] = []
    depth, previous = 0, ""
    total, scale = 0.0, 1.0
    stack: list[tuple[float, float]] = []
    next_scale = 1.0
    fraction: list[list[float]] = []  # depth, then the widths of the parts measured
    for match in _TOKEN.finditer(latex):
        token = match.group()
        if not stack and match.start() and not fraction:
            if token in ("+", "-") and previous.isspace():
                places.append((match.start(), depth, total))
            elif token in (r"\odot", r"\otimes", r"\oslash"):
                places.append((match.start(), depth + ENTRYWISE, total))
            elif token.isspace() and not _SPACED.search(latex[max(0, match.start() - 24) : match.start()]):
                if not _SPACING.match(latex, match.end()):
                    places.append((match.start(), depth + PRODUCT, total))
        opens = token in _OPENING or token.startswith(r"\left") and match.group(2) is not None
        closes = token in _CLOSING or token.startswith(r"\right") and match.group(2) is not None
        depth += opens - closes
        previous = token
        if token == "{":
            stack.append((total, scale))
            scale *= next_scale
            next_scale = 1.0
        elif token == "}":
            if not stack:
                continue
            before, scale = stack.pop()
            if fraction and fraction[-1][0] == len(stack):
                fraction[-1].append(total - before)
                total = before
                if len(fraction[-1]) == 3:
                    _, top, bottom = fraction.pop()
                    total = before + max(top, bottom) + 2.4
        elif token == r"\frac":
            fraction.append([len(stack)])
        elif token in ("^", "_"):
            next_scale = 0.73
            continue
        elif match.group(1) is not None:
            total += (5.8 * len(match.group(1)) + 1.8) * scale
        elif match.group(2) is not None:
            total += _glyph(match.group(2)) * 1.6 * scale if match.group(2) != "." else 1.0
        elif token in _SPACES:
            total += _SPACES[token] * scale
        elif not token.isspace() and token not in ("&", r"\boxed"):
            total += _glyph(token) * scale * next_scale
        next_scale = 1.0
    return total, places


def _resized(pieces: list[str]) -> list[str]:
    """Brackets that a break separates, in a fixed size."""
    marks = [
        [(m.start(), m.end(), m.group(1)) for m in re.finditer(r"\\(left|right)(?![a-zA-Z])", piece)]
        for piece in pieces
    ]
    opened: list[tuple[int, int]] = []
    changed: dict[tuple[int, int], str] = {}
    for i, found in enumerate(marks):
        for start, _, side in found:
            if side == "left":
                opened.append((i, start))
            elif opened:
                j, at = opened.pop()
                if j != i:
                    changed[j, at], changed[i, start] = r"\Bigl", r"\Bigr"
    out = []
    for i, (piece, found) in enumerate(zip(pieces, marks)):
        for start, end, _ in reversed(found):
            if (i, start) in changed:
                piece = piece[:start] + changed[i, start] + piece[end:]
        out.append(piece)
    return out
