"""The scope of a document: what defines what, the shapes of all names, the loss and its variable."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..errors import DeriveError
from ..expr import Expr, substitute, symbol, symbols_of
from ..reading.differentials import Vocabulary
from ..reading.signatures import C, M
from ..shapes import require_name
from .assignment import solve, told
from .backward import LOSSES
from .claims import DERIVATIVES, Claim, Claims, head_of, parts_of
from .derivatives import TreeBuilder
from .losses import candidates, loss_of, moved_names, outside_operators, variable_of
from .means import points_of
from .roles import body_of, chains_of, given, is_value, names_of, variables_of
from .sample_sums import declare_families, entries_of, upright, wholes
from .trees import INDICES, Tree, is_kronecker, letter, of_numbers
from .unification import Declaration, usual_kind
from .upstream import give_upstream, named_losses, sides_of_gradients
from .values import Broken, Convention, Scope, Value

_IN_ENTRIES = re.compile(r"\\begin\s*\{(?:[a-zA-Z]?matrix\*?|array)\}")


def settle(reading: Claims, declared: dict[str, Declaration], vocabulary: Vocabulary) -> None:
    scope = reading.scope
    definitions: list[tuple[str, Tree]] = []
    functions: dict[str, Tree] = {}
    defined: set[str] = set()
    by_name: dict[str, Claim] = {}
    chains = chains_of(reading.claims)
    moved = moved_names(reading.claims)
    known = [*_needed(reading), *(c for c in reading.claims if c.role == "definition")]
    scope.entries, scope.upright = entries_of(known), upright([*known, *reading.claims])
    scope.points = points_of(reading.text)
    mentioned = {n for c in reading.claims for side in c.sides for n in names_of(side.tree)}
    whole = wholes(declared, scope.entries, {}, set(), reading.claims)
    losses = _losses(reading) | _scalars(reading, {str(c.name) for c in known})
    bodies = [(str(c.name), body) for c in known if c.name is not None and (body := body_of(c)) is not None]
    shapes_told = told(declared, _ordered(bodies)) if any(said.shape for said in declared.values()) else {}
    scope.families = declare_families(declared, shapes_told, known, reading.claims, scope.entries, losses)
    whole |= wholes(declared, scope.entries, scope.families, mentioned - {str(c.name) for c in known}, reading.claims)
    for claim in known:
        body = body_of(claim)
        if claim.name is None or body is None or any(e.is_entry and e.name == claim.name for e in scope.entries):
            continue
        definitions.append((claim.name, body))
        defined.add(claim.name)
        by_name[claim.name] = claim
        for side in claim.sides[1:-1]:  # ŷ = a = σ(wᵀx + b)
            if side.tree is not None and side.tree.kind == "name" and str(side.tree.data[0]) not in defined:
                definitions.append((str(side.tree.data[0]), body))
                defined.add(str(side.tree.data[0]))
        if claim.parameters is not None:
            scope.parameters[claim.name] = claim.parameters
            functions[claim.name] = body
    _chains_of_names(reading, definitions, defined)
    definitions = _ordered(definitions)
    names = _all_names(reading, definitions, defined, declared)
    names += [n for n in ("e",) if n in vocabulary.bold & mentioned and n not in names]  # eᵀp
    sizes = _sizes(reading)
    shapes = [said.shape for said in declared.values() if said.shape is not None]
    shapes += [
        t.data[0].shape  # ones(m, n)
        for t in parts_of((*known, *reading.claims))
        if t.kind == "held"
    ]
    counts = {n for shape in shapes for dim in shape for n in dim.names} - defined - set(declared)
    scope.dims |= counts
    names = [n for n in names if n not in sizes | counts]
    anchors, claims = _anchors(reading, chains)
    anchors += [Tree("inverse", [t]) for t in _inner_inverses(reading)]
    claims += sides_of_gradients(chains, named_losses(reading, definitions), definitions)
    trees = list(parts_of(reading.claims))
    numbers = vocabulary.divisors - _matrices(reading) | _arguments(reading, functions, defined | set(declared))
    hints = dict.fromkeys(vocabulary.bold, "vector") | dict.fromkeys(numbers, "scalar") | vocabulary.kinds
    symbols = solve(
        names,
        definitions,
        anchors,
        claims,
        declared,
        functions,
        hints,
        _scalars(reading, defined),
        {str(t.args[0].data[0]) for t in trees if t.kind in ("derivative", "gradient") and t.args and t.args[0].data},
        moved,
        scope.sizes,
    )
    scope.symbols = symbols
    for claim in reading.claims:  # μ̂ has the shape of μ
        estimate, _ = head_of(claim.sides[0].found) if claim.role == "solution" else (None, None)
        plain = symbols.get(claim.name or "")
        if estimate in symbols and estimate not in declared and plain is not None:
            symbols[estimate] = symbol(estimate, *plain.shape, properties=symbols[estimate].properties)
    for name, value in whole.items():
        letters = {s: symbols.setdefault(s.name, s) for s in symbols_of(value)}
        if all(s.shape == known.shape for s, known in letters.items()):
            scope.definitions[symbols[name]] = substitute(value, letters)
    for made in symbols.values():
        for dim in made.shape:
            scope.dims |= dim.names
    for said in declared.values():
        if said.shape is not None:
            for dim in said.shape:
                scope.dims |= dim.names
    _directions(reading, moved)
    _aliases(reading)
    scope.live = _live(reading, defined)
    _define(reading, definitions, by_name)
    scope.loss = loss_of(reading, definitions)
    scope.nabla = variable_of(reading)
    nablas = [t for t in trees if t.kind == "gradient"]
    reading.open_nabla = scope.nabla is None and any(len(t.args) == bool(t.data[1]) for t in nablas)
    scope.live = scope.live or _below(reading, defined) or candidates(reading, defined)
    reading.declared = {n for n, d in declared.items() if d.shape is not None}
    reading.shrunk = {
        n
        for n, s in symbols.items()
        if s.is_scalar
        and n not in defined
        and n not in declared
        and (usual_kind(n) == M and n not in hints or n in vocabulary.bold)
    }
    reading.splits = any(map(_splits, trees))


def _arguments(reading: Claims, functions: Mapping[str, Tree], known: set[str]) -> set[str]:
    """The t of σ(t) = 1/(1 + e⁻ᵗ), a function of numbers that is applied to something else, too."""
    found: set[str] = set()
    for t in parts_of(reading.claims):
        letter = of_numbers(functions[str(t.data[0])]) if t.kind == "apply" and str(t.data[0]) in functions else None
        if letter is not None and letter not in known and names_of(t.args[0]) - {letter}:
            found.add(letter)
    return found


def _matrices(reading: Claims) -> set[str]:
    """Capital letters that have a determinant, a trace, an inverse or a transpose: no line makes them numbers."""
    words = ("det", "logdet", "trace", "inv")
    parts = (t for t in parts_of(reading.claims) if t.args and t.args[0].kind == "name")
    found = {str(t.args[0].data[0]) for t in parts
             if t.kind in ("inverse", "transpose", "bars") or t.kind == "call" and t.data[0] in words}  # fmt: skip
    return {name for name in found if name[0].isupper()}


def _inner_inverses(reading: Claims) -> list[Tree]:
    """Letters that stand inside products or are inverted, and nowhere else: C of A + U C V and C⁻¹ is square."""
    places: dict[str, set[str]] = {}
    inverted: list[Tree] = []
    wholes_ = [side.tree for claim in reading.claims for side in claim.sides if side.tree is not None]
    for t in [Tree("whole", wholes_), *parts_of(reading.claims)]:
        for i, part in enumerate(t.args):
            if part.kind == "name":
                is_inner = t.kind == "prod" and 0 < i < len(t.args) - 1
                place = "inside" if is_inner else t.kind
                places.setdefault(str(part.data[0]), set()).add(place)
                inverted += [part] * (place == "inverse")
    return [t for t in inverted if places[str(t.data[0])] == {"inside", "inverse"}]


def _needed(reading: Claims) -> list[Claim]:
    """The inherited definitions that the claims of a scope rest on."""
    wanted: dict[str, None] = {}
    waiting = [n for c in reading.claims for side in c.sides for n in sorted(names_of(side.tree))]
    families = {e.plain: e.name for e in entries_of(list(reading.inherited.values()))}
    if any(t.kind == "gradient" and not t.data[1] for t in parts_of(reading.claims)):
        waiting += [n for n in reading.inherited if n in ("L", "f", "ℓ", "J", "E")]
    waiting += _upstream_of(reading)
    while waiting:
        name = waiting.pop()
        if name not in reading.inherited and "_" in name:  # aᵢ where aⱼ is defined
            name = families.get(name.rpartition("_")[0], name)
        if name in reading.inherited and name not in wanted:
            wanted[name] = None
            waiting += sorted(names_of(body_of(reading.inherited[name])))
    return [c for n, c in reading.inherited.items() if n in wanted]


def _upstream_of(reading: Claims) -> list[str]:
    """The inherited definitions that rest on what a loss that is only named is differentiated by: z = W x of ∂L/∂W."""
    own = {c.name for c in reading.claims if c.role == "definition"} | set(reading.inherited)
    derived = [t for t in parts_of(reading.claims) if t.kind == "derivative" and t.args[0].kind == "name"]
    variables = {n for t in derived if str(t.args[0].data[0]) not in own for n in variables_of(t)}
    reached = set(variables)
    for _ in reading.inherited if variables else ():
        more = {n for n, c in reading.inherited.items() if names_of(body_of(c)) & reached} - reached
        if not more:
            break
        reached |= more
    return sorted((reached - variables) & set(reading.inherited))


def _chains_of_names(reading: Claims, definitions: list[tuple[str, Tree]], defined: set[str]) -> None:
    """`d_1 = d_2 = d` sets the unknown names to the known one."""
    for claim in reading.claims:
        trees = [s.tree for s in claim.sides]
        if claim.role not in ("claim", "definition"):
            continue
        if len(trees) < 2 or not all(t is not None and t.kind == "name" for t in trees):
            continue
        names = [str(t.data[0]) for t in trees if t is not None]
        known = [n for n in names if n in defined and n != names[0]] or [n for n in names if n in defined]
        target = known[-1] if known else None
        if target is None:
            continue
        claim.role = "definition"
        for i, (name, tree) in enumerate(list(definitions)):
            if name == names[0] and tree.kind == "name" and name != target:
                definitions[i] = (name, letter(target))
        for name in names:
            if name != target and name not in defined:
                definitions.append((name, letter(target)))
                defined.add(name)


def _ordered(definitions: list[tuple[str, Tree]]) -> list[tuple[str, Tree]]:
    """Definitions after those they use."""
    rest = list(definitions)
    found: list[tuple[str, Tree]] = []
    placed: set[str] = set()
    names = {n for n, _ in definitions}
    while rest:
        ready = [
            (n, t)
            for n, t in rest
            if not ({str(x.data[0]) for x in t.walk() if x.kind in ("name", "apply")} & names) - placed - {n}
        ]
        if not ready:
            found += rest
            break
        found += ready
        placed |= {n for n, _ in ready}
        rest = [d for d in rest if d[0] not in placed]
    return found


def _all_names(
    reading: Claims, definitions: list[tuple[str, Tree]], defined: set[str], declared: Mapping[str, Declaration]
) -> list[str]:
    names: dict[str, None] = {}
    plain_seen: set[str] = set()
    indexed: dict[str, str] = {}
    trees = (
        [t for _, t in definitions]
        + [s.tree for c in reading.claims for s in c.sides if s.tree is not None]
        + [s.tree for s in reading.bare if s.tree is not None]
    )
    if reading.scope.families:  # xᵢ is a row of X there, and no letter of its own
        trees = [tree for tree in trees if tree.kind != "formula"]
    operators: set[str] = set()
    for tree in trees:
        denominators = _denominators(tree)
        for t in tree.walk():
            if t.kind in ("derivative", "gradient") and t.args and t.args[0].kind in ("name", "apply"):
                if t.kind != "gradient" or t.data[1]:
                    operators.add(str(t.args[0].data[0]))
            if t.kind in ("directional", "apply"):
                operators.add(str(t.data[0]))
        for t in tree.walk():
            if t.kind == "name":
                full, plain, subs = str(t.data[0]), str(t.data[1]), t.data[2]
                if is_kronecker(t) and not {full, plain} & (defined | set(declared)):
                    continue
                low = "".join(subs)  # of W_r, beside r = σ(…), it is a label
                if subs and _is_index(low) and low not in defined and full not in declared and full not in defined:
                    indexed[full] = plain
                    continue
                plain_seen.add(full)
                if id(t) not in denominators:
                    names[full] = None
    for full, plain in indexed.items():
        if plain not in plain_seen and plain not in declared and plain not in defined:
            names[full] = None
        else:
            names[plain] = None
    for name in declared:
        names.setdefault(name, None)
    for name in sorted(defined):  # a set has another order in each process
        names.setdefault(name, None)
    for tree in trees:  # bound names of evaluation bars belong to the whole document
        for t in tree.walk():
            if t.kind == "at":
                for bound, _ in t.data:
                    names.pop(bound, None)
    used = {str(t.data[0]) for tree in trees for t in outside_operators(tree) if t.kind == "name"}
    constants = {"e", "π", "O"} if _only_summand(trees) else {"e", "π"}
    for name in (operators - used | constants) - defined - set(declared):
        names.pop(name, None)
    return [name for name in names if _is_name(name)]


def _is_name(text: str) -> bool:
    try:
        require_name(text)
    except DeriveError:
        return False
    return True


def _sizes(reading: Claims) -> set[str]:
    """Names of dimensions: the subscripts of 𝟏 and I."""
    return {
        str(t.data[0])
        for t in parts_of(reading.claims)
        if t.kind in ("ones", "identity") and t.data[0] and str(t.data[0]).isalpha()
    }


def _scalars(reading: Claims, defined: set[str]) -> set[str]:
    """Defined names that must be scalars: what ∇ stands before, or is derived by a matrix."""
    found: set[str] = set()
    moved = moved_names(reading.claims)
    for t in parts_of(reading.claims):
        if t.kind not in ("gradient", "derivative") or not t.args or t.args[0].kind not in ("name", "apply"):
            continue
        name = str(t.args[0].data[0])
        if name not in defined or name in reading.declared:
            continue
        by = next((v for v in t.args[1:2] if t.kind == "derivative" and v.kind == "name"), None)
        is_by_matrix = by is not None and usual_kind(str(by.data[0])) == M
        if t.kind == "gradient" and t.data[1] or is_by_matrix and name not in moved and usual_kind(name) != C:
            found.add(name)
    return found


def _losses(reading: Claims) -> set[str]:
    """The letters of losses that are differentiated."""
    derived = (t.args[0] for t in parts_of(reading.claims) if t.kind in ("derivative", "gradient") and t.args)
    return {str(t.data[0]) for t in derived if t.kind in ("name", "apply")} & set(LOSSES)


def _only_summand(trees: Sequence[Tree]) -> bool:
    """Whether O stands for a zero: only as a summand."""
    outside = (a for tree in trees for t in tree.walk() if t.kind != "sum" for a in t.args)
    return not any(a.kind == "name" and a.data[0] == "O" for a in outside)


def _denominators(tree: Tree) -> set[int]:
    """The names that are differentiated by."""
    found: set[int] = set()
    for t in tree.walk():
        if t.kind == "derivative":
            for arg in t.args[1:]:
                if arg.kind in ("name", "transpose"):
                    found |= {id(x) for x in arg.walk()}
        elif t.kind == "gradient":
            for arg in t.args[1 if t.data[1] else 0 :]:
                found |= {id(x) for x in arg.walk()}
    return found


def _is_index(text: str) -> bool:
    text = text.replace(",", "")
    return 0 < len(text) <= 2 and all(c in INDICES for c in text)


def _anchors(reading: Claims, chains: Sequence[Sequence[Claim]]) -> tuple[list[Tree], list[Tree]]:
    """What is derived makes equations between dimensions; what is claimed only counts."""
    anchors: list[Tree] = [s.tree for s in reading.bare if s.tree is not None]
    claims: list[Tree] = []
    kinds = {t.kind for t in parts_of(reading.claims)} & DERIVATIVES
    particular = ("assumption", "solution")
    elsewhere = {n for c in reading.claims if c.role not in particular for s in c.sides for n in names_of(s.tree)}
    if kinds == {"differential"}:
        inverses = [t for t in parts_of(reading.claims) if t.kind == "inverse" and t.args[0].kind == "name"]
        anchors += inverses
    for chain in chains:
        first = True
        sides = [s.tree for s in chain[0].sides if s.tree is not None]
        if kinds == {"differential"} and len(chain) == 1 and len(sides) == 2 and sides[0].kind not in ("name", "apply"):
            if not any(t.kind == "differential" for tree in sides for t in tree.walk()):
                anchors.append(Tree("sum", sides))  # A x = b, of which a line takes differentials
        if chain[0].role == "solution" or (chain[0].role == "assumption" and is_value(body_of(chain[0]))):
            # What holds at a point determines no shape, but for letters that stand nowhere else.
            claims += [s.tree for c in chain for s in c.sides[1:] if names_of(s.tree) - elsewhere if s.tree is not None]
            continue
        for claim in chain:
            for side in claim.sides:
                if side.tree is None:
                    continue
                if first:
                    if side.tree.kind not in ("name", "apply"):
                        for t in side.tree.walk():
                            if t.kind in ("derivative", "gradient") and t.args and (t.kind != "gradient" or t.data[1]):
                                anchors.append(t.args[0])
                        if not any(t.kind in DERIVATIVES for t in side.tree.walk()):
                            anchors.append(side.tree)
                        elif side.tree.kind == "differential":
                            anchors.append(side.tree.args[0])
                    first = False
                else:
                    claims.append(side.tree)
    return anchors, claims


def _directions(reading: Claims, moved: set[str]) -> None:
    """H in `Df(A)[H]` and in `[H] ↦ …` moves the variable: it is its differential."""
    scope = reading.scope
    for t in parts_of(reading.claims):
        name: str | None = None
        variable: str | None = None
        if t.kind == "directional" and len(t.args) == 2 and t.args[1].kind == "name":
            name = str(t.args[1].data[0])
            parameters = scope.parameters.get(str(t.data[0]), ())
            if parameters and parameters[0] in scope.symbols:
                variable = parameters[0]
            elif t.args[0].kind == "name":
                variable = str(t.args[0].data[0])
        elif t.kind == "map":
            argument = t.data[0]
            if isinstance(argument, Tree) and argument.kind == "name":
                name = str(argument.data[0])
                stem = name.removeprefix("Δ").removeprefix("δ")
                if stem in scope.symbols and stem != name:
                    variable = stem
                elif len(moved) == 1:
                    variable = next(iter(moved))
        if name and variable and name != variable and variable in scope.symbols:
            scope.directions[name] = variable
            made = scope.symbols[variable]
            scope.symbols[name] = scope.moved(made)
    for name in list(scope.symbols):  # ΔX beside X
        if name.startswith("Δ") and name[1:] in scope.symbols and name not in scope.directions:
            scope.directions[name] = name[1:]
            scope.symbols[name] = scope.moved(scope.symbols[name[1:]])


def _aliases(reading: Claims) -> None:
    """A name that occurs only as what is differentiated by, and a letter of other case that occurs: w for W."""
    scope = reading.scope
    for t in parts_of(reading.claims):
        if t.kind != "name":
            continue
        name = str(t.data[0])
        if name in scope.symbols or name in scope.aliases or str(t.data[1]) in scope.symbols:
            continue
        base, _, rest = name.partition("_")
        swapped = base.swapcase() + ("_" + rest if rest else "")
        if swapped in scope.symbols:
            scope.aliases[name] = swapped


def _live(reading: Claims, defined: set[str]) -> list[Expr]:
    """The base symbols whose differentials are written."""
    scope = reading.scope
    found: dict[Expr, None] = {}
    for tree in (side.tree for claim in reading.claims for side in claim.sides if side.tree is not None):
        bound = {str(n) for t in tree.walk() if t.kind == "at" for n, _ in t.data}
        for t in (t for t in tree.walk() if t.kind == "differential"):
            inner = t.args[0]
            while inner.kind in ("transpose", "inverse", "power") or inner.data[:1] == ("vec",):
                inner = inner.args[0]
            name = str(inner.data[0]) if inner.kind == "name" else ""
            if (made := scope.symbols.get(name)) is not None and name not in defined | bound:
                found[made] = None
    for name in dict.fromkeys(scope.directions.values()):
        if name in scope.symbols and name not in defined:
            found[scope.symbols[name]] = None
    return list(found)


def _below(reading: Claims, defined: set[str]) -> list[Expr]:
    """The letters that move where only what is made of them does: W and X beside Z = W X and dL = ⟨G, dZ⟩."""
    scope = reading.scope
    sides = (side.tree for claim in reading.claims for side in claim.sides[not claim.continues :])
    parts = [t for tree in sides if tree is not None for t in tree.walk()]
    names = {str(t.args[0].data[0]) for t in parts if t.kind == "differential" and t.args[0].kind == "name"}
    names |= {scope.directions.get(str(t.data[0]), "") for t in parts if t.kind == "name"}
    moved = [s for name in sorted(names & defined) if (s := scope.symbols.get(name)) in scope.definitions]
    return [s for s in symbols_of(*map(scope.inline, moved)) if "constant" not in s.properties]


def _define(reading: Claims, definitions: list[tuple[str, Tree]], by_name: Mapping[str, Claim]) -> None:
    scope = reading.scope
    waiting = list(definitions)
    for attempt in range(4):
        later = []
        for name, tree in waiting:
            made = scope.symbols.get(name)
            if made is None:
                continue
            try:
                value = _meaning(scope, tree, made)
                if not isinstance(value, Expr):
                    continue
                if value.shape != made.shape:
                    made = symbol(name, *value.shape, properties=())
                    scope.symbols[name] = made
                if value is not made and made not in symbols_of(scope.inline(value)):
                    scope.definitions[made] = value
            except DeriveError as error:
                later.append((name, tree))
                claim = by_name.get(name)
                is_own = claim is not None and reading.inherited.get(name) is not claim
                if claim is not None and is_own and given(claim).error is None:
                    given(claim).error = error
        if scope.loss is None:
            scope.loss = loss_of(reading, definitions)
        if attempt == 0:
            held = len(scope.definitions)
            give_upstream(reading, definitions)
            if later and len(scope.definitions) > held:
                waiting = later
                _forgive(reading, later, by_name)
                continue
        if not later or len(later) == len(waiting):
            break
        _forgive(reading, later, by_name)
        waiting = later
    for claim in reading.claims:
        written, _ = head_of(claim.sides[0].found)
        if written and len(claim.sides) > 1 and not claim.continues and claim.role in ("definition", "claim"):
            made, cause = scope.symbols.get(written), given(claim).error
            if _IN_ENTRIES.search(claim.sides[1].text):
                continue  # that says the shape of a letter, which stays free
            if cause is not None and (made is None or made not in scope.definitions):
                letters = frozenset(t.text for t in claim.sides[1].found if t.kind == "atom")
                scope.broken[written] = Broken(claim.number, cause.message, letters)


def _meaning(scope: Scope, tree: Tree, made: Expr) -> Value:
    """The formula of a definition; the power of a vector is that of each entry, as it has no other meaning."""
    try:
        return TreeBuilder(scope).value(tree, made.shape)
    except DeriveError:
        builder = TreeBuilder(scope, Convention(lenient=True))
        value = builder.value(tree, made.shape) if any(t.kind == "power" for t in tree.walk()) else None
        if value is None or "lenient" in builder.used:
            raise
        return value


def _forgive(reading: Claims, later: list[tuple[str, Tree]], by_name: Mapping[str, Claim]) -> None:
    """Take back the errors of definitions that are tried again."""
    for name, _tree in later:
        claim = by_name.get(name)
        if claim is not None and given(claim).tree is not None and reading.inherited.get(name) is not claim:
            given(claim).error = None


def _splits(part: Tree) -> bool:
    """Whether a part of a formula derives by a transpose, or takes one path of several."""
    return part.kind == "path" or part.kind == "derivative" and any(v.kind == "transpose" for v in part.args[1:])
