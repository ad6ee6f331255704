"""Long lines of LaTeX, broken where a person would break them: before + and −.

Widths are counted in letters, about 6 pt each at 11 pt; a fraction is as wide as its
wider part.  Breaks stand outside brackets if that is possible, and brackets that a break
separates get a fixed size, as `\\left` cannot reach the next line.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"\\(?:operatorname|mathrm|mathit|mathbf|mathbb|text)\{([^{}]*)\}"
    r"|\\(?:left|right)\s*(\\[a-zA-Z]+|.)"
    r"|\\[a-zA-Z]+|\\.|[{}^_&]|\s+|."
)
_SPACES = {r"\,": 0.3, r"\quad": 1.7, r"\qquad": 3.4, r"\!": -0.3, r"\;": 0.5, r"\left.": 0.0}
_OPENING = {"(", "[", r"\lVert", r"\lvert", r"\langle"}
_CLOSING = {")", "]", r"\rVert", r"\rvert", r"\rangle"}
_SIGNS = {"+", "-", "=", r"\odot", r"\otimes", r"\oslash", r"\in", r"\mapsto", r"\to", r"\cdot"}


def width(latex: str) -> float:
    """The width in letters."""
    total, scale = 0.0, 1.0
    stack: list[tuple[float, float]] = []
    next_scale = 1.0
    fraction: list[list[float]] = []  # depth, then the widths of the parts measured
    for match in _TOKEN.finditer(latex):
        token = match.group()
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
                    total = before + max(top, bottom) + 0.4 * scale
        elif token == r"\frac":
            fraction.append([len(stack)])
        elif token in ("^", "_"):
            next_scale = 0.7
            continue
        elif match.group(1) is not None:
            total += len(match.group(1)) * 0.9 * scale
        elif token in _SPACES:
            total += _SPACES[token] * scale
        elif token in _SIGNS:
            total += 2.2 * scale
        elif not token.isspace() and token != "&":
            total += (0.6 if token in "()[],.|" else 1.0) * scale * (0.7 if next_scale < 1 else 1.0)
        next_scale = 1.0
    return total


def broken(latex: str, room: float, room_after: float | None = None) -> list[str]:
    """The line in pieces no wider than `room` (the first) and `room_after` (the others), if breaks allow."""
    room_after = room - 3.0 if room_after is None else room_after
    if width(latex) <= room:
        return [latex]
    places = _places(latex)
    pieces: list[str] = []
    start = 0
    while True:
        limit = room if not pieces else room_after
        rest = latex[start:]
        if width(rest) <= limit:
            pieces.append(rest)
            break
        within = [(at, depth) for at, depth in places if at > start and width(latex[start:at]) <= limit]
        far = [place for place in within if width(latex[start : place[0]]) > 0.4 * limit] or within
        beyond = [place for place in places if place[0] > start]
        best = min(far, key=lambda place: (place[1], -place[0])) if far else beyond[0] if beyond else None
        if best is None:
            pieces.append(rest)
            break
        pieces.append(latex[start : best[0]].rstrip())
        start = best[0]
    return _resized(pieces)


def _places(latex: str) -> list[tuple[int, int]]:
    """Where a line may break, with the depth of brackets there; products only where no sum offers a place."""
    sums: list[tuple[int, int]] = []
    products: list[tuple[int, int]] = []
    braces = depth = 0
    previous = ""
    for match in _TOKEN.finditer(latex):
        token = match.group()
        if token == "{" or token.startswith(r"\begin"):
            braces += 1
        elif token == "}" or token.startswith(r"\end"):
            braces -= 1
        elif token.startswith(r"\left") and match.group(2):
            depth += 1
        elif token.startswith(r"\right") and match.group(2):
            depth -= 1
        elif token in _OPENING:
            depth += 1
        elif token in _CLOSING:
            depth -= 1
        elif not braces and token in ("+", "-") and previous.isspace() and match.start():
            sums.append((match.start(), depth))
        elif not braces and token in (r"\odot", r"\otimes", r"\oslash"):
            products.append((match.start(), depth + 1))
        previous = token
    return sorted(sums + products)


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
