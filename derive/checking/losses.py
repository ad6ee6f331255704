"""What a scope differentiates: the function that a bare ∂/∂x or an undefined name stands for, and its variable."""

from __future__ import annotations

from collections.abc import Sequence

from ..expr import Expr, symbol, symbol_op, symbols_of
from .claims import DERIVATIVES, Claim, Claims, parts_of
from .derivatives import whole_of
from .roles import names_of, variables_of
from .trees import Tree


def loss_of(reading: Claims, definitions: list[tuple[str, Tree]]) -> str | None:
    """The function that an undefined name in ∂…/∂x stands for."""
    scope = reading.scope
    wanted: list[str] = []
    variables: set[str] = set()  # of what has no definition
    is_number = False  # ∇f is the gradient of a number
    known = {n for n, _ in definitions}
    for t in parts_of(reading.claims):
        is_operator = t.kind in ("derivative", "gradient", "differential") and t.args
        if is_operator and t.args[0].kind in ("name", "apply"):
            wanted.append(str(t.args[0].data[0]))
            if wanted[-1] not in known:
                variables |= variables_of(t)
                is_number |= t.kind == "gradient"
    scalars = [n for n, _ in definitions if n in scope.symbols and scope.symbols[n] in scope.definitions]
    scalars = [n for n in scalars if scope.symbols[n].is_scalar]
    kinds = [n for n in scalars if any(n.startswith(f"{name}_") for name in wanted if name not in known)]
    kinds = [n for n in kinds if n not in reading.inherited] or kinds
    if kinds:
        return kinds[0] if len(kinds) == 1 else None  # L of L_MSE and L_CE
    for name in wanted:
        if name in scalars:
            scope.loss_is_named = True
            return name
    operands = _operands(reading)
    vectors = [n for n, _ in definitions if n in scope.symbols and scope.symbols[n] in scope.definitions]
    vectors = [n for n in vectors if n not in operands]
    # A loss that ∂L/∂w = ∂(wᵀA w)/∂w gives, or that is written without a name, or derived where it stands.
    giving = {id(body): claim for claim in reading.claims for body in derived_beside(claim, known)}
    bodies = [body for claim in giving.values() for body in derived_beside(claim, known)]
    bodies += [s.tree for s in reading.bare if s.tree is not None]
    for claim in reading.claims:
        head = claim.sides[0].tree
        if claim.continues or head is None:
            continue
        if head.kind in ("derivative", "gradient", "differential") and head.args:
            if head.kind == "gradient" and not head.data[1]:
                continue
            if head.args[0].kind not in ("name", "apply"):
                bodies.append(head.args[0])
        elif head.kind not in ("name", "apply", "directional") and not any(t.kind in DERIVATIVES for t in head.walk()):
            bodies.append(head)
    for body in bodies:
        if variables and not variables & names_of(body):
            continue  # a rule of its own
        value = whole_of(scope, body)
        if value is None or value.op is symbol_op:
            continue
        if value.is_scalar or not vectors and not is_number:
            name = "L" if "L" not in scope.symbols else "ℓ"
            made = symbol(name, *value.shape)
            scope.symbols[name] = made
            scope.definitions[made] = value
            reading.giving = giving.get(id(body))
            return name
    scalars = [n for n in scalars if n not in operands]
    if scalars:
        used = {s for body in scope.definitions.values() for s in symbols_of(body)}
        top = [n for n in scalars if scope.symbols[n] not in used]
        return top[0] if top else None
    return vectors[-1] if vectors and not is_number else None


def derived_beside(claim: Claim, known: set[str]) -> list[Tree]:
    """The formula whose derivative stands beside that of a name without one: wᵀA w of ∂L/∂w = ∂(wᵀA w)/∂w."""
    head, side = claim.sides[0].tree, claim.sides[1].tree if len(claim.sides) > 1 else None
    if head is None or side is None or claim.continues or head.kind not in ("derivative", "gradient"):
        return []
    if side.kind != head.kind or side.data != head.data or not head.args or not side.args:
        return []
    name, body = head.args[0], side.args[0]
    if name.kind not in ("name", "apply") or body.kind in ("name", "apply") or str(name.data[0]) in known:
        return []
    return [body] if [a.key() for a in head.args[1:]] == [a.key() for a in side.args[1:]] else []


def _operands(reading: Claims) -> set[str]:
    """Names that claims compute with, beside what they differentiate."""
    found: set[str] = set()
    for claim in reading.claims:
        if claim.is_definition:
            continue
        parts = (t for side in claim.sides if side.tree is not None for t in outside_operators(side.tree))
        found |= {str(t.data[0]) for t in parts if t.kind in ("name", "apply", "directional")}
        head = claim.sides[0].tree
        if head is not None and not claim.continues and head.kind == "directional":
            found.discard(str(head.data[0]))
    return found


def variable_of(reading: Claims) -> str | None:
    """The variable of a ∇ that names none."""
    scope = reading.scope
    for name in reading.nabla_candidates:
        if name in scope.symbols:
            return name
    moved = [n for n in moved_names(reading.claims) if n in scope.symbols]
    if len(moved) == 1:
        return moved[0]
    for claim in reading.claims:
        head = claim.sides[0].tree
        if head is not None and head.kind == "gradient" and head.data[1] and head.args[0].kind == "apply":
            arguments = head.args[0].args
            if len(arguments) == 1 and arguments[0].kind == "name" and str(arguments[0].data[0]) in scope.symbols:
                return str(arguments[0].data[0])
    for name, parameters in scope.parameters.items():
        if name == scope.loss and len(parameters) == 1 and parameters[0] in scope.symbols:
            return parameters[0]
    if scope.live:
        return scope.live[0].name
    return None


def candidates(reading: Claims, defined: set[str]) -> list[Expr]:
    scope = reading.scope
    names = [*reading.nabla_candidates, *moved_names(reading.claims)]
    found = []
    for name in names:
        made = scope.symbols.get(name) or scope.symbols.get(scope.aliases.get(name, ""))
        if made is not None and name not in defined and made not in found:
            found.append(made)
    return found[:1]


def outside_operators(tree: Tree) -> list[Tree]:
    """Every tree but names that an operator differentiates."""
    operators = (t for t in tree.walk() if t.kind in ("derivative", "gradient", "differential") and t.args)
    skipped = {id(t.args[0]) for t in operators if t.kind != "gradient" or t.data[1]}
    return [t for t in tree.walk() if id(t) not in skipped]


def moved_names(claims: Sequence[Claim]) -> set[str]:
    """Names that something is differentiated by."""
    return {name for claim in claims for side in claim.sides for name in variables_of(side.tree)}
