"""Letters whose meaning a document leaves open: no line is refuted by what nobody defines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import names
from ..expr import Expr, symbols_of
from .claims import DERIVATIVES, Claim, Claims, Side
from .hypotheses import own_functions
from .judgments import Alternative, Judgment, Value, right_if, wide
from .roles import is_zero, names_of
from .trees import Tree
from .values import Scope

if TYPE_CHECKING:
    from .verdicts import Judge

_DIFFERENTIATES = re.compile(r"\\nabla|\\partial|∇|∂|\\frac\s*\{\s*(?:d|\\mathrm\s*\{?\s*d)")


def said_of_unknown(judge: Judge, claim: Claim) -> Judgment | None:
    """What a line says whose left side is not read, if that is no claim: that a derivative is zero."""
    side = claim.sides[1]
    if len(claim.sides) == 2 and is_zero(side.tree) and _DIFFERENTIATES.search(claim.sides[0].text):
        constant = _constant(judge, claim.sides[0].tree)
        if constant:
            return right_if(constant, side, None)
        judge.condition = claim.number
        return Judgment("assumption", "a condition: the derivative is set to zero", side)
    return None


def _constant(judge: Judge, head: Tree | None) -> str:
    """What has to be constant for the derivative of a formula by a letter that it does not have: y of ∂(yᵀy)/∂w = 0."""
    scope = judge.scope
    if head is None or head.kind not in ("derivative", "gradient") or head.data[:1] != (1,) or len(head.args) != 2:
        return ""
    function, variable = head.args
    made = scope.symbols.get(str(variable.data[0])) if variable.kind == "name" else None
    letters = sorted(names_of(function))
    known = [scope.symbols.get(n) for n in letters]
    if made is None or function.kind in ("name", "apply") or made in known or not known:
        return ""
    if any(s is None or s in scope.definitions or s.name in scope.broken for s in known):
        return ""
    used = any(made in symbols_of(scope.inline(body)) for body in scope.definitions.values())
    return f"{', '.join(letters)} constant as {variable.data[0]} moves" if used else ""


def of_open_kind(judge: Judge, trees: Sequence[Tree | None], *values: Value) -> str:
    """Which letters may be entries as well as matrices: Aᵢ and Aₖ beside Yᵢ, the yᵢ of one side beside Y of the other.

    Or which function may be that of a matrix, or that dy may be ∂L/∂y; empty if there is none of these.
    """
    if any(t.kind == "differential" for tree in trees if tree is not None for t in tree.walk()):
        for claim in judge.document.claims:  # ∂L/∂β = ∂L/∂y ∂y/∂β = dy
            kinds = [{t.kind for t in side.tree.walk()} & DERIVATIVES for side in claim.sides if side.tree is not None]
            if kinds and kinds[0] == {"derivative"} and {"differential"} in kinds:
                return f"not judged: a differential stands for a derivative in line {claim.number}"
    families = set(judge.scope.families)
    for t in [part for tree in trees if tree is not None for part in tree.walk()]:
        families |= {str(t.data[1])} if t.kind == "name" and t.data[2] else set()
        inside = t.args[0] if t.kind == "call" and t.data[0] in ("tr", "trace") else t
        if inside is not t and inside.kind == "call" and inside.data[0] in ("log", "exp"):
            return f"not judged: {inside.data[0]} is read entry by entry, and may be that of the matrix"
    one, two = ({s.name for s in symbols_of(judge.whole(wide(v)))} for v in values)
    for name in sorted(n for n in one ^ two if n in families and n.upper() in (one | two) - (one & two)):
        if name != name.upper():
            return f"not judged: {name} may be made of the entries of {name.upper()}"
    pairs = {tuple(n.split("_")) for n in judge.scope.symbols if re.fullmatch(r"[A-Za-z]_[i-n]", n)}
    for name in sorted(s.name for v in values for s in symbols_of(judge.whole(wide(v))) if not s.is_scalar):
        base, _, index = name.partition("_")
        if (base, index) not in pairs or not base.isupper() or name in judge.document.declared:
            continue
        if any(b == base and i != index for b, i in pairs) and any(b != base and i == index for b, i in pairs):
            return f"not judged: {name} may be an entry of {base}, or a matrix"
    return ""


def introductions(document: Claims) -> dict[Expr, int]:
    """Where the symbols of definitions stand first; before all, what is derived, and those of other scopes."""
    scope = document.scope
    found: dict[Expr, int] = {}
    places = {claim.name: claim.start for claim in document.claims if claim.is_definition}
    for made, body in scope.definitions.items():
        at = places.get(made.name, -1)
        for s in symbols_of(scope.inline(body)):
            found[s] = min(found.get(s, at), at)
    for claim in document.claims:
        for name in names_of(None if claim.continues else claim.sides[0].tree) & scope.symbols.keys():
            found[scope.symbols[name]] = -1 if not claim.is_definition else found.get(scope.symbols[name], claim.start)
    return found


def foreign(judge: Judge, side: Side, truths: Sequence[Alternative]) -> list[str]:
    """Names of a side that nothing before it introduces."""
    if side.tree is None or side.tree.kind == "formula":
        return []
    found: list[str] = []
    known = {made for made, at in judge.introduced.items() if at <= side.start}
    for truth in truths:
        known |= set(symbols_of(judge.whole(wide(truth.value))))
    for t in side.tree.walk():
        if t.kind == "name":
            name = str(t.data[0])
            made = judge.scope.symbols.get(name)
            if made is None or made in judge.scope.definitions or name in judge.document.declared:
                continue
            if made not in known and name not in judge.scope.directions and name not in found:
                found.append(name)
    return [names.text(name) for name in found]


def resting_on_unread(judge: Judge, *values: Value) -> str:
    """Which line is not read that defines the entries of a letter in one of the values; empty if there is none.

    Or which function of the document is written out in one of the two alone.
    """
    said = (*judge.document.claims, *judge.document.inherited.values())
    formulas = {c.name for c in said if c.parameters and c.role == "definition"}
    one, two = (own_functions(judge.whole(wide(v))) for v in values)
    alone = {label.rstrip("'′") for label in one ^ two}
    for name in sorted(alone & formulas):
        return f"not judged: {name} is not written out here"
    letters = {s for v in values for s in symbols_of(judge.whole(wide(v)))} - judge.scope.definitions.keys()
    given = {c.name for c in said if c.role == "definition"} | {entry.plain for entry in judge.scope.entries}
    for name in sorted({s.name for s in letters} & given):
        return f"not judged: the formula of {names.text(name)} is not put in"
    return unread_among(judge.scope, alone | {s.name for s in letters})


def unread_among(scope: Scope, letters: set[str]) -> str:
    for name, broken in scope.broken.items():
        if name in letters or name.rpartition("_")[0] in letters:
            return f"not judged: {name} is defined in line {broken.number}, which is not read"
    return ""


def undefined(judge: Judge, truth: Alternative, value: Value) -> list[str]:
    """Names that only one side has, where the left-hand side of the chain itself is not read."""
    if "stand-in" not in truth.used:
        return []
    both = [set(symbols_of(judge.whole(wide(v)))) for v in (truth.value, value)]
    return sorted(s.text() for s in both[0] ^ both[1])
