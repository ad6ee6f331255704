"""Gradients that are named after their variables: dW for ∂L/∂W, as programs and lecture notes of networks have it.

dW = dz aᵀ is no differential where dz = a − y stands before: a differential is linear in differentials of letters
that no line gives, and of each of these names a line says what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .claims import Claim
from .roles import chains_of, is_zero, names_of
from .trees import Tree, name

LOSSES = ("L", "J", "E", "C", "ℓ", "loss")


def name_gradients(claims: Sequence[Claim], section: Callable[[Claim], int]) -> dict[int, str]:
    """Read dW as ∂L/∂W in the sections that mean it so; the loss of each of them."""
    losses: dict[int, str] = {}
    for number in dict.fromkeys(section(c) for c in claims):
        own = [c for c in claims if section(c) == number]
        if means_gradients(own):
            losses[number] = _loss(own)
            for claim in own:
                for side in claim.sides:
                    if side.tree is not None:
                        side.tree = replaced(side.tree, losses[number])
    return losses


def means_gradients(claims: Sequence[Claim]) -> bool:
    """Whether lines say what dW, dz, … are, one of them without a differential, and few leave one open.

    Two of letters that have no formula, by those that have one, say as much: dW = Xᵀ dZ and dX = dZ Wᵀ of Z = X W.
    """
    wanted: dict[str, set[str]] = {}
    is_said = False
    defined = {str(c.sides[0].tree.data[0]) for c in claims if c.sides[0].tree is not None and c.sides[0].tree.data}
    backward = 0
    for chain in chains_of(claims):
        named = _named(chain[0].sides[0].tree)
        if named is None:
            continue
        wanted.setdefault(named, set())
        goes_back = False
        for tree in [s.tree for c in chain for s in c.sides][1:]:
            if tree is None:
                continue
            found = {_named(t) or "" for t in tree.walk() if t.kind in ("differential", "directional")}
            wanted[named] |= found
            is_said |= not found and not is_zero(tree) and tree.kind not in ("name", "number", "map")
            goes_back |= bool(found) and found <= defined and named not in defined and named not in LOSSES
        backward += goes_back
    known = set(wanted) | (defined if backward > 1 else set())
    left_open = sum(not found <= known for found in wanted.values())
    return (is_said or backward > 1) and 2 * left_open < len(wanted)


def _named(tree: Tree | None) -> str | None:
    """W of dW, and Z of dZᵢ."""
    if tree is None or tree.kind != "differential" or tree.args[0].kind != "name":
        return None
    full, plain, low = tree.args[0].data
    return str(plain if len(low) == 1 and str(low[0]) in ("i", "j", "n") else full)


def _loss(claims: Sequence[Claim]) -> str:
    """What is differentiated: as a derivative says, else a definition that no other rests on."""
    bodies: dict[str, set[str]] = {}
    used: set[str] = set()
    for claim in claims:
        for t in (t for side in claim.sides if side.tree is not None for t in side.tree.walk()):
            if t.kind == "derivative" and t.args[0].kind in ("name", "apply"):
                return str(t.args[0].data[0])
        head = claim.sides[0].tree
        mentioned = {n for side in claim.sides[1:] for n in names_of(side.tree)}
        if head is not None and head.kind in ("name", "apply"):
            bodies[str(head.data[0])] = mentioned
        elif _named(head) is not None:
            used |= mentioned  # P of dZ = P − Y is no loss
    used |= {n for names in bodies.values() for n in names}
    tops = [n for n in bodies if n not in used]
    return next((n for n in LOSSES if n in bodies), tops[-1] if tops else "L")


def replaced(tree: Tree, loss: str) -> Tree:
    """A formula with ∂L/∂W for dW."""
    if _named(tree) is not None:
        return Tree("derivative", [name(loss), tree.args[0]], (1,), tree.span)
    return tree.with_args([replaced(arg, loss) for arg in tree.args])
