"""Letters that depend on a number nobody names in a formula: ∂(A B)/∂x = ∂A/∂x B + A ∂B/∂x, ∂A⁻¹/∂x = −A⁻¹ ∂A/∂x A⁻¹.

Where a line writes ∂A/∂x for a letter A of what it differentiates by x, A is a function of x there, and other letters
are not.  The derivative of the formula is then its differential, with ∂A/∂x for dA.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..errors import DeriveError
from ..expr import Expr, symbols_of
from ..jacobians import differential
from ..reading.signatures import S
from .claims import Claim
from .derivatives import TreeBuilder
from .judgments import Value, wide
from .roles import names_of
from .trees import Tree, name
from .unification import usual_kind
from .values import Convention, Scope


def dependences(scope: Scope, chain: Sequence[Claim]) -> tuple[dict[object, Expr], str]:
    """The derivatives of a chain by a letter that its formulas do not have, and what that letter has to be."""
    trees = [t for c in chain for side in c.sides if side.tree is not None for t in side.tree.walk()]
    derivatives = [t for t in trees if t.kind == "derivative" and t.data[0] == 1 and t.args[1].kind == "name"]
    head = chain[0].sides[0].tree
    if head not in derivatives or head is None:
        return {}, ""
    variable = str(head.args[1].data[0])
    letters = names_of(head.args[0])
    if head.args[0].kind in ("name", "apply"):  # L, of which a line gives the formula
        named = scope.symbols.get(str(head.args[0].data[0]))
        if named is None or named not in scope.definitions or not named.is_scalar:
            return {}, ""
        letters = {s.name for s in symbols_of(scope.inline(named))}
        if variable in letters:
            return {}, ""
    moved = {}
    for t in derivatives:
        letter = scope.symbols.get(str(t.args[0].data[0])) if t.args[0].kind == "name" else None
        if str(t.args[1].data[0]) == variable and letter is not None and letter not in scope.definitions:
            moved[letter] = scope.moved(letter)
    if not moved:
        return {}, ""
    found: dict[object, Expr] = {}
    for t in derivatives:
        if str(t.args[1].data[0]) != variable or variable in names_of(t.args[0]):
            continue
        try:
            function = TreeBuilder(scope).value(t.args[0])
            if isinstance(function, Expr):
                found[t.key()] = differential(scope.inline(function), moved)[0]
        except DeriveError:
            continue
    made = scope.symbols.get(variable)
    is_number = made.is_scalar if made is not None else usual_kind(variable) == S
    kept = sorted(n for n in letters if scope.symbols.get(n) not in moved)
    said = [] if is_number else [f"{variable} is a number"]
    said += [f"{', '.join(kept)} constant as {variable} moves"] if kept else []
    return (found, " and ".join(said)) if head.key() in found else ({}, "")


def primed(scope: Scope, text: str, trees: Sequence[Tree]) -> list[Value]:
    """The sides of a line where a prime derives by a number that nobody names: (X X⁻¹)' = X' X⁻¹ + X (X⁻¹)'."""
    turned = [t for tree in trees for t in tree.walk() if t.kind == "transpose"]
    letters = [scope.symbols.get(str(t.args[0].data[0])) for t in turned if t.args[0].kind == "name"]
    moved = {s: scope.moved(s) for s in letters if s is not None and s not in scope.definitions}
    if not moved or not all(re.match(r"['′]|\^\s*\{?\s*\\prime", text[t.span[1] - 1 :]) for t in turned):
        return []
    found: dict[object, Expr] = {}

    def slope(tree: Tree) -> Tree | None:
        if tree.kind != "transpose":
            return None
        value = TreeBuilder(scope).value(tree.args[0])
        made = Tree("derivative", [tree.args[0], name("′")], (1,))
        found[made.key()] = differential(scope.inline(wide(value)), moved)[0]
        return made

    changed = [tree.replaced(slope) for tree in trees]
    return [TreeBuilder(scope, Convention(), found).value(tree) for tree in changed]


def by_variable(repair: str, head: Tree | None) -> str:
    """A repair with ∂A/∂x for dA, as the line has it."""
    if head is None or head.kind != "derivative" or r"\mathrm{d}" not in repair:
        return repair
    variable = str(head.args[1].data[0])
    slope = rf"\\frac{{\\partial \1}}{{\\partial {variable}}}"
    return re.sub(r"(?:\\, )?\\mathrm\{d\}(\w+)(?: \\,)?", slope, repair) if variable.isascii() else ""
