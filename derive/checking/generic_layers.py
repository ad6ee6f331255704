"""Networks of any depth: lines in a layer l are judged in one layer of a network of three.

z^{(l)} = W^{(l)} a^{(l-1)} + b^{(l)} and a^{(l)} = σ(z^{(l)}) say what each layer does.  They are written out for three
layers of sizes of their own; L is the third, and a line in l is read in the second, which has a layer before it and one
behind it.  What holds there for all sizes and entries is the step that the line makes, whatever the depth.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence, Set

from .backward import LOSSES
from .claims import DERIVATIVES, Claim, Side

DEPTH, MIDDLE = 3, 2
_MARK = re.compile(
    r"(?P<lead>[\^_])\s*(?:\{\s*(?P<open>[(\[]?)\s*(?P<letter>\\ell|[lL])\s*(?:(?P<sign>[-+])\s*(?P<by>[12]))?\s*"
    r"(?P<close>[)\]]?)(?P<turn>\s*(?:T|\\top)?)\s*\}|(?P<bare>\\ell|[lL])(?![A-Za-z]))(?!\s*_)"
)
_HEAD = re.compile(r"[\s&]*(?:\\(?:math|bold|text)\w*\s*\{)?\\?[A-Za-z]+\}?\s*" + _MARK.pattern + r"\s*")
_DERIVATIVE = re.compile(r"\\partial|\\nabla|∂|∇|\\frac\s*\{\s*d")
_WIDE = re.compile(r"\\(?:mathbf|boldsymbol|bm|vec|mathbb|odot|circ|top)(?![A-Za-z])|[⊙∘⊤ᵀ]")
_SAID_WIDE = re.compile(
    r"\b(?:[Vv]ector|[Mm]atri(?:x|ces)|[Cc]olumn|[Rr]ow|[Tt]ranspose)|\\(?:in|times|mathbb)(?![A-Za-z])|[∈×ℝ]"
)
SAID_ONE = re.compile(
    r"\b(?:each|every|all)\b[^.]{0,40}\b(?:one|single)\s+(?:neuron|unit|node)\b"
    r"|\b(?:one|single)\s+(?:neuron|unit|node)\s+(?:per|in\s+(?:each|every))\b"
    r"|\bare\s+(?:all\s+|real\s+)*(?:scalars|numbers)\b",
    re.IGNORECASE,
)
_BY_LAST = re.compile(r"(\\nabla)\s*_\s*(?:a|\{\s*a\s*\})(?![A-Za-z_^])")


def written_out(claims: Sequence[Claim], section: Callable[[Claim], int]) -> tuple[list[Claim], bool]:
    """The claims with their layers numbered, and those of the other layers beside them; whether there are any."""
    found: list[Claim] = []
    is_any = False
    leads: set[str] = set()
    given: set[str] = set()
    for number in dict.fromkeys(section(c) for c in claims):
        own = [c for c in claims if section(c) == number]
        leads |= _leads(own)
        if not leads:
            found += own
            continue
        is_any = True
        for claim in own:
            layers = [MIDDLE]
            head = claim.sides[0].text
            name = re.sub(r"[\s&]", "", _MARK.sub("", head))
            match = _HEAD.fullmatch(head)
            is_generic = match is not None and (match["letter"] or match["bare"]) in ("l", r"\ell")
            if (
                match is not None
                and is_generic
                and not claim.continues
                and name not in given
                and match["lead"] in leads
            ):
                own_shift = _shift(match)
                shifts = [_shift(m) - own_shift for s in claim.sides for m in _MARK.finditer(s.text) if _is_l(m)]
                layers = [k for k in range(1, DEPTH + 1) if k + max(shifts) <= DEPTH]
                layers = [k - own_shift for k in layers]
                given.add(name)
            for layer in layers:
                if layer != MIDDLE:
                    made = _copy(claim)
                    made.is_shown = False
                    _number(made, layer, leads)
                    found.append(made)
            found.append(claim)
            _number(claim, MIDDLE, leads)
    return found, is_any


def in_layers(repair: str, claim: str) -> str | None:
    """A repair with the layers as the claim writes them; None where its sides are then the same."""
    marks = list(_MARK.finditer(claim))
    if not marks:
        return repair
    mark = next(filter(_is_l, marks), marks[0])
    letter, at = mark["letter"] or mark["bare"], MIDDLE if _is_l(mark) else DEPTH

    def lettered(match: re.Match[str]) -> str:
        if match[0] in claim:  # C_0 is of the first sample
            return match[0]
        shift = int(match["low"] or match["bare"] or match["high"]) - at
        layer = f"{letter}{shift:+}" if shift else letter
        name = f"{match['name']}{mark['lead']}{{{mark['open'] or ''}{layer}{mark['close'] or ''}}}"
        turned = match["turned"] or ""
        return f"({name}){turned}" if turned and mark["lead"] == "^" else name + turned

    written = _NUMBERED.sub(lettered, repair)
    left, is_equation, right = written.partition(" = ")
    return None if is_equation and left.strip() == right.strip() else written


_NUMBERED = re.compile(
    r"(?P<name>\\?[A-Za-z]+)(?:_(?:\{(?P<low>[0-3])\}|(?P<bare>[0-3])(?!\d))|\^\{\((?P<high>[0-3])\)\})(?P<turned>\^(?:\{\\top\}|\\top(?![A-Za-z])|T(?![A-Za-z])))?"
)


def kinds(claims: Sequence[Claim], said: str) -> dict[str, str]:
    """Small letters with the number of a layer: matrices where they stand before another factor, else vectors.

    Which ones a line tells that says what a layer does, z = w a + b.  They are numbers where a loss has the square
    of one, and no line transposes, multiplies entry by entry, or has a capital letter but that of a loss; nor do words.
    """
    sides = [side for c in claims for side in c.sides if side.tree is not None]
    trees = [t for side in sides if side.tree is not None for t in side.tree.walk()]
    names = {str(t.data[0]) for t in trees if t.kind == "name"}
    numbered = {name for name in names if re.fullmatch(r"[a-z]_[0-3]", name)}
    is_wide = any(t.kind in ("transpose", "norm", "inner", "ones") for t in trees)
    is_wide |= any(_WIDE.search(side.text) for side in sides) or _SAID_WIDE.search(said) is not None
    is_wide |= any(name[0].isupper() for name in names if name.partition("_")[0] not in LOSSES)
    if not is_wide and any(_squares(c, numbered) for c in claims):
        return dict.fromkeys(numbered, "scalar")
    made = {str(c.sides[0].tree.data[0])[0] for c in claims if c.sides[0].tree is not None and _is_layer(c)}
    bodies = [s.tree for c in claims if _is_layer(c) for s in c.sides[1:] if s.tree is not None]
    products = [t for body in bodies for t in body.walk() if t.kind == "prod" and t.args[0].kind == "name"]
    factors = {str(t.args[0].data[0])[0] for t in products} - made
    return {name: "matrix" if name[0] in factors else "vector" for name in numbered}


def _squares(claim: Claim, numbered: Set[str]) -> bool:
    """Whether a line says that a loss is made of the square of an activation: (a − y)²."""
    head = claim.sides[0].tree
    if head is None or head.kind not in ("name", "apply") or str(head.data[0]).partition("_")[0] not in LOSSES:
        return False
    powers = [t for side in claim.sides[1:] if side.tree for t in side.tree.walk() if t.kind == "power"]
    return any(str(t.data[0]) in numbered for p in powers for t in p.args[0].walk() if t.kind == "name")


def _is_layer(claim: Claim) -> bool:
    """Whether a line says what a layer does: a name, and a formula without derivatives."""
    trees = [t for side in claim.sides if side.tree is not None for t in side.tree.walk()]
    head = claim.sides[0].tree
    return (
        not claim.continues and head is not None and head.kind == "name" and not {t.kind for t in trees} & DERIVATIVES
    )


def _leads(claims: Sequence[Claim]) -> set[str]:
    """What stands before the number of a layer, ^ or _, where one layer is made of the one before it."""
    found: set[str] = set()
    for claim in claims:
        head = _HEAD.fullmatch(claim.sides[0].text) if len(claim.sides) > 1 and not claim.continues else None
        if head is None:
            continue
        letter = head["letter"] or head["bare"]
        for side in claim.sides[1:]:
            for mark in _MARK.finditer(side.text):
                same = (mark["letter"] or mark["bare"]) == letter and mark["lead"] == head["lead"]
                if same and _shift(mark) < _shift(head) and not _DERIVATIVE.search(side.text):
                    found.add(head["lead"])
    return found


def _is_l(mark: re.Match[str]) -> bool:
    return (mark["letter"] or mark["bare"]) != "L"


def _shift(mark: re.Match[str]) -> int:
    return int((mark["sign"] or "+") + mark["by"]) if mark["by"] else 0


def _number(claim: Claim, layer: int, leads: set[str]) -> None:
    for side in claim.sides:
        side.text = _MARK.sub(lambda m: _numbered(m, layer, leads), side.text)
        side.text = _BY_LAST.sub(lambda m: f"∇_{{a_{DEPTH}}}".ljust(len(m[0])), side.text)


def _numbered(mark: re.Match[str], layer: int, leads: set[str]) -> str:
    if mark["lead"] not in leads:
        return mark[0]
    number = (layer if _is_l(mark) else DEPTH) + _shift(mark)
    if mark["open"]:
        inside = f"^{{({number})}}"
        turned = "^T" if (mark["turn"] or "").strip() else ""
        return (inside + turned).ljust(len(mark[0]))
    turned = "^T" if (mark["turn"] or "").strip() else ""
    return (f"_{number}" + turned).ljust(len(mark[0]))


def _copy(claim: Claim) -> Claim:
    sides = [Side(side.text, side.start) for side in claim.sides]
    made = Claim(sides, claim.continues, claim.defines, claim.row, claim.is_instance)
    made.number, made.latex, made.start = claim.number, claim.latex, claim.start
    return made
