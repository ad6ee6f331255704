"""What each line of a document is, and where one scope ends and the next begins.

A *definition* gives a new name its formula.  A *claim* is an equation between what is known; it can be wrong.
An *assumption* speaks of particular letters: a value, a fixed point, an update, a hypothesis; it holds from there
on and is put in nowhere above.  A *solution* says where a derivative vanishes, and is judged there.

Names mean one thing within a scope.  A section opens one, and so does a name that is defined anew; a scope knows
what the ones before it define, but for the names that it defines itself and what rests on these.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence, Set

from .claims import DERIVATIVES, Claim, Side, head_of
from .trees import FUNCTIONS, Tree

_NUMERIC = {"number", "neg", "zero", "quotient", "ones", "identity", "power", "prod"}
_NAMING = ("name", "apply", "directional")
_SOLUTION = re.compile(
    r"solution|solv(?:e|ing)|minimi[sz]er|maximi[sz]er|optim|closed[- ]form|estimat(?:or|e)\b|stationar(?:y|ity)"
    r"|critical point|\bKKT\b|\bFOCs?\b|\bnullsetzen|first[- ]order condition"
    r"|at (?:the|a|its) (?:min|max)imum|(?:(?:min|max)imum|zero)(?: \w+)? at\b"
    r"|vanish|normal equation|(?:set|equal|equat)\w*\W.{0,60}(?:zero|\b0)|\bMLE\b|\bMAP\b|argmin",
    re.IGNORECASE | re.DOTALL,
)
_UNBIASED = re.compile(r"\b(?:unbiased|corrected)\b", re.IGNORECASE)  # 1/(N − 1), where no derivative vanishes
_OTHERS = re.compile(r"_(?:OLS|LS|ridge|lasso)(?=_|$)")  # the minimum of another loss, if not of this one
_ANEW = re.compile(r"\b(?:let|consider|define|suppose|now|instead|another|next|second|different)\b", re.IGNORECASE)
_MODEL = re.compile(r"\bmodel(?:s|ed|led)?\b|\bnoise\b|\bdisturbances?\b", re.IGNORECASE)
_ITEM = re.compile(
    r"(?:^|\n)[ \t]*(?:(?:\*\*|__)?\(?(?:\d{1,2}|[a-zA-Z]|[ivx]{1,4})[.):]{1,2}(?:\*\*|__)?|[-*•]|\\item)[ \t][^\n]*\Z"
)
_JOINED = re.compile(r"\b(?:where|with|here|in which|denot\w*|writing|abbreviat\w*)\W*$", re.IGNORECASE)
ORNAMENTS = re.compile(r"_(?:hat|star|opt|tilde|bar|MLE|ML|MAP|[GOW]?LS|ridge|new|min|max)(?=_|$)")


def names_of(tree: Tree | None) -> set[str]:
    """The names that a tree mentions."""
    return {str(t.data[0]) for t in tree.walk() if t.kind in _NAMING} if tree is not None else set()


def chains_of(claims: Sequence[Claim]) -> list[list[Claim]]:
    """Claims with those that continue them."""
    found: list[list[Claim]] = []
    for claim in claims:
        if claim.continues and found:
            found[-1].append(claim)
        else:
            found.append([claim])
    return found


class Known:
    """What is known within a scope while its lines are told apart."""

    def __init__(self, inherited: Mapping[str, Claim]) -> None:
        self.defined: dict[str, Claim] = dict(inherited)
        self.own: set[str] = set()
        self.used: set[str] = set()  # names in claims and definitions so far
        self.live: set[str] = set()  # letters of what has been differentiated, and by which
        self.solved = False  # a derivative has been set to zero
        self.has_solution = False  # a closed form says where one vanishes
        self.claims: list[Claim] = []

    def letters(self, names: Iterable[str]) -> set[str]:
        """The names that formulas rest on, definitions put in."""
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name in found:
                continue
            found.add(name)
            if name in self.defined:
                waiting += names_of(body_of(self.defined[name]))
        return found

    def base(self, names: Iterable[str]) -> set[str]:
        return {n for n in self.letters(names) if n not in self.defined}

    def resting_on(self, name: str) -> set[str]:
        return {n for n in self.defined if n != name and name in self.letters([n])}


def scopes(
    claims: Sequence[Claim], section: Callable[[Claim], int], after: Callable[[Claim], str]
) -> list[tuple[list[Claim], dict[str, Claim], str]]:
    """The claims of each scope, what it inherits, and why it was opened; every claim is given its role."""
    found: list[tuple[list[Claim], dict[str, Claim], str]] = []
    scope: Known | None = None
    at, ahead = -1, _Ahead([])
    for chain in chains_of(claims):
        claim = chain[0]
        place = section(claim)
        if scope is None or place != at:
            inherited = dict(scope.defined) if scope is not None else {}
            at, ahead = place, _Ahead([c for c in claims if section(c) == place])
            for name in ahead.names:
                # A name that the section defines anew takes what rests on it along.
                if name in inherited:
                    held = Known(inherited)
                    inherited = {n: t for n, t in inherited.items() if n != name and n not in held.resting_on(name)}
            scope = Known(inherited)
            found.append((scope.claims, inherited, ""))
        anew = _role(chain, scope, ahead, after(claim))
        if anew is not None:
            lost = {anew} | scope.resting_on(anew)
            kept = {n: t for n, t in scope.defined.items() if n not in lost}
            scope = Known(kept)
            found.append((scope.claims, kept, f"line {claim.number} gives {anew} another meaning from there on"))
            _role(chain, scope, ahead, after(claim))
        _take(chain, scope)
    return found


class _Ahead:
    """What a section will say: the names it defines, the letters it differentiates by, the formulas of its losses."""

    def __init__(self, claims: Sequence[Claim]) -> None:
        self.names: set[str] = set()
        self.variables: set[str] = set()
        self.bodies: list[Tree] = []
        self.given: dict[str, Tree] = {}
        for chain in chains_of(claims):
            claim = chain[0]
            name, parameters = head_of(claim.sides[0].found)
            body = body_of(claim)
            if name and body is not None and name not in names_of(body):
                if name not in self.names or claim.defines:  # f(x̂) = … says no more of what f is a function of
                    self.variables |= set(parameters or ())
                self.names.add(name)
                self.bodies.append(body)
                self.given[name] = body
            for part in chain:
                for side in part.sides:
                    self.variables |= variables_of(side.tree)

    def is_argument(self, name: str, body: Tree) -> bool:
        """Whether a loss that mentions the name is a function of it, and of what its formula is made of."""
        letters = names_of(body)
        return name in self.variables and any(
            name in names_of(b) and letters & names_of(b) for b in self.bodies if b is not body
        )


def body_of(claim: Claim) -> Tree | None:
    """The formula that the claim would give its name, if it defines one."""
    if len(claim.sides) < 2:
        return None
    body = given(claim).tree
    if body is not None and body.kind == "name" and len(claim.sides) > 2 and claim.sides[-1].tree is not None:
        return claim.sides[-1].tree
    return body


def given(claim: Claim) -> Side:
    """The first side behind a name that is read; the first of all where none is."""
    behind = claim.sides[1:]
    return next((side for side in behind if side.tree is not None), behind[0])


def variables_of(tree: Tree | None) -> set[str]:
    """The names that a tree differentiates by."""
    found: set[str] = set()
    for t in tree.walk() if tree is not None else ():
        first = 1 if t.kind == "derivative" else int(t.data[1]) if t.kind == "gradient" else len(t.args)
        for variable in t.args[first:]:
            while variable.kind == "transpose":
                variable = variable.args[0]
            if variable.kind == "name":
                found.add(str(variable.data[0]))
    return found


def entries_differentiated_by(tree: Tree | None) -> set[tuple[str, ...]]:
    """The indices of the entries that a tree differentiates by: k, l of ∂/∂Xₖₗ."""
    found = set()
    for t in tree.walk() if tree is not None else ():
        if t.kind == "derivative" and t.args[-1].kind == "name" and t.args[-1].data[2]:
            letters = tuple("".join(map(str, t.args[-1].data[2])).replace(",", ""))
            if len(letters) <= 2 and all(c.isalpha() for c in letters):
                found.add(letters)
    return found


def _lead_with_parameters(claim: Claim, parameters: set[str], scope: Known, ahead: _Ahead) -> None:
    """Take E(w) = ‖y − ŷ‖² = ‖y − X w‖² for a formula in w where no line says what ŷ is, nor derives by it."""
    names = [names_of(side.tree) for side in claim.sides[1:]]
    at = next((i for i, n in enumerate(names) if parameters <= scope.letters(n)), 0)
    if at and names[0] - names[at] - scope.defined.keys() - ahead.names - ahead.variables:
        claim.sides.insert(1, claim.sides.pop(at + 1))


def _role(chain: list[Claim], scope: Known, ahead: _Ahead, after: str) -> str | None:
    """Give the claims of a chain their roles; the name, if it must have a scope of its own to be defined."""
    claim = chain[0]
    if any(_differentiates(side.tree) for side in claim.sides):
        claim.sides.sort(key=lambda side: is_zero(side.tree))  # 0 = ∂H/∂u = R u + Bᵀp says what the derivative is
    claim.role, claim.name, claim.parameters = "claim", None, None
    for part in chain[1:]:
        part.role = "claim"
    name, parameters = head_of(claim.sides[0].found)
    _lead_with_parameters(claim, set(parameters or ()), scope, ahead)
    body = body_of(claim)
    head = claim.sides[0].tree
    given_by = scope.claims[-1] if scope.claims and not scope.claims[-1].is_shown else claim
    if given_by.start == claim.start and given_by.role == "definition" and head is not None and head.kind == "prod":
        claim.role = "repeat"  # e'e = (y − Xb)'(y − Xb), by which e is given
        return None
    if name is None or name in FUNCTIONS or body is None or (head is not None and head.kind == "identity"):
        return None
    if name in scope.defined and len(claim.sides) == 2 and not claim.continues and body.kind == "name":
        other = str(body.data[0])
        if not body.data[2] and other not in scope.defined and other not in ahead.names and other not in scope.live:
            claim.sides.reverse()  # a = ŷ says what ŷ is, where a has a formula
            return _role(chain, scope, ahead, after)
    words = claim.row.prose[-400:]
    before = scope.claims[-1].row if scope.claims else claim.row
    if before is not claim.row and claim.row.block - before.block <= 4 and not claim.row.display:
        words = f"{before.prose[-400:]} {words}"  # "Setting it to zero, AᵀA x = Aᵀb, i.e. x = …" is one sentence
    claim.name, claim.parameters = name, parameters
    mentions = names_of(body)
    _, plain, low = head.data if head is not None and head.kind == "name" else ("", "", ())
    if "".join(map(str, low)) in tuple("ijklmn") and plain in scope.defined:
        if not any(t.kind == "name" and t.data[1] == plain for t in body.walk()):  # x_k of x_{k−1} is an iterate
            return None  # yᵢ = Σⱼ aᵢⱼ xⱼ beside y = A x
    is_step = _differentiates(body) and name.partition("_")[0] in {n.partition("_")[0] for n in mentions}
    if name in mentions or is_step:  # x_{k+1} = x_k − α ∇f(x_k)
        claim.role = "assumption"
        return None
    if is_value(body):
        claim.role = "assumption"
        return None
    target = name
    if name not in scope.used and name not in ahead.variables:
        of = [t.data for t in body.walk() if t.kind == "name" and not "".join(map(str, t.data[2])).isdigit()]
        plain, parts = name, {str(data[1]) for data in of}  # x̄ of the xᵢ is their mean, and no best x
        while target == name and (found := list(ORNAMENTS.finditer(plain))):
            plain = plain[: found[-1].start()] + plain[found[-1].end() :]  # w̃* is an optimal w̃
            target = plain if (plain in scope.used or plain in ahead.variables) and plain not in parts else name
    if target not in scope.defined and _solves(target, name, body, scope, ahead, words, after):
        claim.role, claim.name = "solution", target
        claim.is_judged = scope.solved or says_solution(words) or _inverts_matrix(body)
        claim.is_judged &= not _UNBIASED.search(words) and not _OTHERS.search(name)
        return None
    if name in scope.defined:
        known = body_of(scope.defined[name])
        if known is not None and known.key() == body.key():
            claim.role = "repeat" if len(chain) == 1 and len(claim.sides) == 2 else "claim"  # what follows is judged
            return None
        is_item = bool(_ITEM.search(claim.row.prose))
        old = {name} | scope.base(names_of(known))
        old |= {part.partition("_")[0] for part in old}  # 1ᵀx is as old as the xᵢ of a sum
        news = {part for part in scope.base(mentions) if old.isdisjoint({part, part.partition("_")[0]})}
        news -= {n for n in news & ahead.given.keys() if names_of(ahead.given[n]) <= names_of(known)}  # where C = BAᵀ
        if _differentiates(known):
            news -= scope.used  # the letters of a loss that is only named
        for told in scope.claims:  # AᵀA x = Aᵀb tells b of p = A x
            linked = {n for side in told.sides for n in names_of(side.tree)} if told.name is None else set()
            news -= linked if linked & old and told.role == "claim" else set()
        if name in scope.own or name in scope.live:
            if news or claim.defines or is_item or (_ANEW.search(words) and claim.row.display):
                return name
            return None
        if news or claim.defines or is_item:
            return name
        return None
    if name in scope.letters(mentions):
        claim.role = "equation"  # y = Xw + e where e = y − Xw
        return None
    if name in scope.live and not claim.defines:
        joined = bool(_JOINED.search(words.rstrip(" :,$\n"))) or not claim.row.display and "where" in words[-80:]
        if not joined:
            if scope.base(mentions) <= scope.live | {name}:
                claim.role = "solution" if scope.solved or _inverts_matrix(body) else "assumption"
                claim.is_judged = True
                return None
            return name
    others = [other for other in ahead.bodies if other is not body]
    if (
        name in ahead.names
        and any(_leaves(name, body, other) for other in others)
        or (_MODEL.search(words) and _has_noise(name, body, others, ahead.variables))
    ):
        claim.role = "assumption"  # y = Xβ + ε beside ‖y − Xβ‖², where y is given
        return None
    claim.role = "definition"
    return None


def _has_noise(name: str, body: Tree, others: Sequence[Tree], variables: Set[str]) -> bool:
    """Whether a summand is a letter that no other formula has, beside what is differentiated by: ε of Xβ + ε."""
    used = {n for other in others for n in names_of(other)}
    letters = {str(t.data[0]) for t in body.args if t.kind == "name"} if body.kind == "sum" else set()
    return bool(letters - used - variables) and bool(names_of(body) & variables) and name in used


def _leaves(name: str, body: Tree, other: Tree) -> bool:
    """Whether a formula subtracts from a name all summands but one of what the name is said to be."""
    if body.kind != "sum" or not any(term.kind == "name" for term in body.args):
        return False
    for t in other.walk():
        terms = [(term.kind == "neg", _unsigned(term)) for term in t.args] if t.kind == "sum" else []
        for sign in [sign for sign, term in terms if term.kind == "name" and str(term.data[0]) == name]:
            rest = {str(term.key()) for other_sign, term in terms if other_sign != sign}
            if sum(str(term.key()) in rest for term in body.args) == len(body.args) - 1:
                return True
    return False


def _unsigned(term: Tree) -> Tree:
    return term.args[0] if term.kind == "neg" else term


def _solves(target: str, name: str, body: Tree, scope: Known, ahead: _Ahead, words: str, after: str) -> bool:
    """Whether `name = body` says where a derivative by `target` vanishes."""
    says = says_solution(words) or says_solution(after)
    known = target in scope.live or target in ahead.variables
    if target != name and ahead.variables and target not in ahead.variables:
        return False  # ŷ = X θ̂
    if scope.solved and target in scope.used and (_inverts(body) or names_of(body) <= scope.used | ahead.names):
        return True  # and no model, y = Xβ + ε
    if target != name:
        return known and (says or _inverts(body))
    is_said = bool(_JOINED.search(words.rstrip(" :,$\n")))  # P P = P where P = …
    if _inverts_matrix(body) and not is_said and _is_in_equation(name, scope):
        return True
    if (
        scope.has_solution
        and target in scope.used  # and no gain K of u = −K x
        and _inverts_matrix(body)
        and any(target in names_of(b) for b in ahead.bodies if b is not body)
    ):
        return True
    if says and known and (_inverts(body) or target in scope.live):
        return True
    return _inverts(body) and (ahead.is_argument(name, body) or (says and name in scope.used))


def _is_in_equation(name: str, scope: Known) -> bool:
    """Whether the line before is an equation for the name: U (VᵀV + λ I) = R V, so U = …"""
    before = scope.claims[-1] if scope.claims else None
    head = before.sides[0].tree if before is not None and before.role == "claim" else None
    if before is None or head is None or head.kind in (*_NAMING, "number") or _differentiates(head):
        return False
    return name in names_of(head) | names_of(before.sides[-1].tree)


def says_solution(words: str) -> bool:
    """Whether words speak of where a derivative vanishes."""
    return bool(_SOLUTION.search(words))


def _inverts(body: Tree) -> bool:
    return any(t.kind in ("inverse", "quotient") or (t.kind == "call" and t.data[0] == "inv") for t in body.walk())


def _inverts_matrix(body: Tree) -> bool:
    return any(t.kind == "inverse" or (t.kind == "call" and t.data[0] == "inv") for t in body.walk())


def is_value(tree: Tree | None) -> bool:
    """Whether a formula is made of numbers alone."""
    return tree is not None and {t.kind for t in tree.walk()} <= _NUMERIC


def is_zero(tree: Tree | None) -> bool:
    return tree is not None and (tree.kind == "zero" or (tree.kind == "number" and tree.data[0] == 0))


def _take(chain: list[Claim], scope: Known) -> None:
    """Enter a chain into its scope."""
    claim = chain[0]
    scope.claims += chain
    scope.has_solution |= claim.role == "solution" and claim.is_judged
    if claim.role == "definition" and claim.name is not None:
        scope.defined[claim.name] = claim
        scope.own.add(claim.name)
    for part in chain:
        for side in part.sides:
            tree = side.tree
            if tree is None:
                continue
            scope.used |= names_of(tree)
            for t in tree.walk():
                if t.kind in DERIVATIVES:
                    opened = {str(t.args[0].data[0])} if t.args and t.args[0].kind in _NAMING else set()
                    scope.live |= scope.letters(names_of(t)) - (opened - set(scope.defined) - variables_of(t))
        if is_zero(part.sides[-1].tree) and any(_differentiates(side.tree) for side in chain[0].sides):
            scope.solved = True


def _differentiates(tree: Tree | None) -> bool:
    parts = tree.walk() if tree is not None else ()
    return any(t.kind in DERIVATIVES or t.kind == "apply" and t.data[1] for t in parts)  # f'(t)
