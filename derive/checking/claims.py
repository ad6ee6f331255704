"""From rows to claims: chains of sides, declarations, definitions, and the scope they are judged in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import DeriveError
from ..expr import OPERATIONS, Expr, symbol_op
from ..names import SPOKEN, canonical
from ..shapes import ONE, Dim
from .document import Piece, Row, blanked, equation_sides, rows, statements
from .grammar import FUNCTIONS, Reader, Tree, Vocabulary
from .kinds import Declared, habit, solve
from .meaning import Builder, Scope
from .tokens import Token, tokens

DERIVATIVES = frozenset(["derivative", "gradient", "differential", "directional"])


class Side:
    """One side of an equation: its text and place, and its tree, or why there is none."""

    __slots__ = ("text", "start", "tree", "error", "found")

    def __init__(self, text: str, start: int) -> None:
        self.text = text
        self.start = start
        self.tree: Tree | None = None
        self.error: DeriveError | None = None
        self.found: list[Token] = []

    @property
    def is_blank(self) -> bool:
        return not self.text.strip(" \n\t&,.;~")


class Claim:
    """A row with an equation: its sides, and whether it continues the claim before."""

    __slots__ = ("sides", "continues", "defines", "row", "local", "number", "latex", "is_definition", "start")

    def __init__(self, sides: list[Side], continues: bool, defines: bool, row: Row, local: bool) -> None:
        self.sides = sides
        self.continues = continues
        self.defines = defines
        self.row = row
        self.local = local  # a rule in letters of its own, "For C = A B, …"
        self.number = 0
        self.latex = ""
        self.start = 0
        self.is_definition = False


class Reading:
    """The claims of a document with the scope to judge them in."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.claims: list[Claim] = []
        self.scope = Scope()
        self.layout: str | None = None  # as the prose names it
        self.bare: list[Side] = []
        self.splits = False
        self.open_nabla = False  # a ∇ names no variable, and nothing else tells it
        self.declared: set[str] = set()  # names whose shapes are given
        self.nabla_candidates: list[str] = []


_FOR = re.compile(r"(?:^|[\s.(])(?:[Ff]or|[Ii]f|[Rr]ule|by the rule)\s*$")
_DERIVED = re.compile(
    r"(?:\b(?:of|derive|differentiate|minimi[sz]e|loss|function|objective|cost|maximi[sz]e|by)\b)[^.]{0,24}$", re.IGNORECASE
)
_EDGE = " \n\t&,.;~"


def read(text: str, where: Any = None) -> Reading:
    """Read a document: its claims in order, the shapes of all names, what defines what."""
    reading = Reading(text)
    found, held = rows(text)
    declared = _declared(where)
    loose: list[tuple[str, int, Row]] = []
    local_block = -1
    for row in found:
        local = not row.display and bool(_FOR.search(row.prose))
        if local:
            local_block = row.block
        elif not row.display and local_block >= 0 and row.block - local_block <= 4 and "." not in row.prose:
            local = True
        else:
            local_block = -1
        _take(reading, row, loose, local)
    if not reading.claims:
        _take_loose(reading, loose)
    for claim in reading.claims:
        _locate(claim, text)
    _declare(declared, loose, held, reading)
    vocabulary = _vocabulary(reading, declared)
    for claim in reading.claims:
        for side in claim.sides:
            _parse(side, vocabulary, text)
    for content, start, row in loose:
        if (row.display or _DERIVED.search(row.prose)) and not _declaration_like(content):
            side = Side(content, row.start + start)
            _tokenize(side)
            _parse(side, vocabulary, text)
            if side.tree is not None and side.tree.kind not in ("name", "number", "identity", "transpose"):
                reading.bare.append(side)
    _settle(reading, declared, vocabulary)
    return reading


def _take(reading: Reading, row: Row, loose: list[tuple[str, int, Row]], local: bool) -> None:
    first = True
    for content, start, wordy in statements(row):
        spans, defines = equation_sides(content)
        offset = row.start + start
        leading = content.lstrip(" \n\t&~")
        previous = reading.claims[-1] if reading.claims else None
        if len(spans) == 1:
            if (
                first
                and row.display
                and previous is not None
                and previous.row.block == row.block
                and previous.row is not row
                and not _declaration_like(content)
            ):
                _append(previous.sides[-1], content, offset)
            else:
                loose.append((content, start, row))
            first = False
            continue
        sides = [Side(content[a:b], offset + a) for a, b in spans]
        if (
            first
            and row.display
            and previous is not None
            and previous.row.block == row.block
            and previous.row is not row
            and not sides[0].is_blank
            and (re.match(r"[+−]|-|\\cdot|\\times", leading) or previous.sides[-1].is_blank)
        ):
            _append(previous.sides[-1], sides[0].text, sides[0].start)
            sides[0] = Side("", sides[0].start)
        continues = sides[0].is_blank
        if continues:
            sides = sides[1:]
        if wordy and any(side.is_blank for side in sides):
            first = False
            continue  # words in place of a side
        if len(sides) > 1 and sides[-1].is_blank and not row.display:
            sides = sides[:-1]
        if (continues and previous is None) or not sides:
            first = False
            continue
        reading.claims.append(Claim(sides, continues, defines, row, local))
        first = False


def _append(side: Side, text: str, start: int) -> None:
    """Put the continuation of a broken line at its place behind the side."""
    gap = start - side.start - len(side.text)
    side.text = side.text + " " * max(gap, 1) + text


def _take_loose(reading: Reading, loose: list[tuple[str, int, Row]]) -> None:
    """Nothing claims anything; nothing to do."""


def _locate(claim: Claim, text: str) -> None:
    first, last = claim.sides[0], claim.sides[-1]
    start = first.start + len(first.text) - len(first.text.lstrip(" \n\t&~"))
    claim.start = start
    claim.number = text.count("\n", 0, start) + 1
    end = last.start + len(last.text.rstrip(" \n\t&,.;~"))
    lead = "= " if claim.continues else ""
    claim.latex = lead + re.sub(r"\s+", " ", " = ".join(_shown(s.text) for s in claim.sides)).strip()
    del end


def _shown(text: str) -> str:
    return text.strip(_EDGE).replace("&", "")


def _tokenize(side: Side) -> None:
    text = side.text.rstrip(_EDGE)
    side.found = tokens(text, side.start)
    while side.found and side.found[-1].kind == "mark" and side.found[-1].text in (",", ".", ";"):
        side.found.pop()
    # a number in brackets at the end is a reference, as is an asterisk
    texts = [t.text for t in side.found[-3:]]
    if (
        len(texts) == 3
        and texts[0] == "("
        and texts[2] == ")"
        and side.found[-2].kind == "number"
        and len(side.found) > 3
    ):
        before = text[: side.found[-3].start - side.start]
        if before.endswith(("  ", "\\ ", "~", "\\;")):
            side.found = side.found[:-3]


def _parse(side: Side, vocabulary: Vocabulary, text: str) -> None:
    try:
        if not side.found:
            _tokenize(side)
        copies = [Token(t.kind, t.text, t.start, t.end, t.side) for t in side.found]
        if any(t.kind == "mark" and t.text == "↦" for t in copies):
            side.tree = _map(copies, vocabulary)
        else:
            side.tree = Reader(copies, vocabulary, text).whole()
    except DeriveError as error:
        side.error = error
    except RecursionError:
        side.error = DeriveError("brackets nest too deep")


def _map(found: list[Token], vocabulary: Vocabulary) -> Tree:
    """`[ΔZ] ↦ A ΔZ B`: a linear map by its value at a direction."""
    cut = next(i for i, t in enumerate(found) if t.text == "↦")
    direction = [t for t in found[:cut] if t.text not in ("(", ")", "[", "]", "{", "}")]
    argument = Reader(direction, vocabulary).whole()
    body = Reader(found[cut + 1 :], vocabulary).whole()
    return Tree("map", [body], (argument,), (found[0].start, found[-1].end))


# Declarations


def _declared(where: Any) -> dict[str, Declared]:
    if not where:
        return {}
    from ..parsing import declarations

    found: dict[str, Declared] = {}
    for name, made in declarations(where).symbols().items():
        found[name] = Declared(None, made.shape, made.properties)
    return found


_NAME = (
    r"(?:\\(?:mathbf|boldsymbol|bm|mathrm|mathcal|vec|hat|tilde|bar|textbf)\s*\{?\s*){0,3}\\?[A-Za-z\u0370-\u03ff]{1,12}\}{0,3}"
    r"(?:_\{?\w+\}?|\^\{?\(\w+\)\}?|[₀-₉])?"
)
_REAL = r"(?:\\(?:mathbb|mathbf|Bbb|mathrm)\s*\{?\s*R\s*\}?|\\R\b|ℝ|R|\\Re\b|\\reals)"
_MEMBER = re.compile(
    r"(?P<names>%s(?:\s*,\s*%s){0,8})\s*(?:\\in(?![A-Za-z])|∈)\s*(?P<set>%s)\s*(?:\^\s*(?P<size>\{[^{}]*\}|\w))?(?P<plus>_\{?\+\+?\}?|_\{?>0\}?)?"
    % (_NAME, _NAME, _REAL)
)
_SYMMETRIC_SET = re.compile(
    r"(?P<name>%s)\s*(?:\\in(?![A-Za-z])|∈)\s*(?:\\mathbb\s*\{?S\}?|\\mathcal\s*\{?S\}?)\s*(?P<sup>\^\s*(?:\{[^{}]*\}|\w))?(?P<plus>_\{?\+\+?\}?)?"
    % _NAME
)
_SIZED = re.compile(
    r"(?P<names>%s(?:\s*(?:,|and)\s*%s){0,8})(?:\s*:|\s+(?:is|are|be)\b)(?:\s+(?:an?|real|of|the|size|shape|matrix|matrices))*\s*\(?\s*(?P<rows>[A-Za-z0-9]+)\s*(?:\\times|×|\bby\b)\s*(?P<columns>[A-Za-z0-9]+)"
    % (_NAME, _NAME)
)
_PROPERTY = re.compile(
    r"(?P<names>%s(?:\s*(?:,|and)\s*%s){0,8})\s*(?:is|are|:)\s*(?:an?|assumed|taken|supposed|to|be|all|both|\s|real|square|n\s*×\s*n)*"
    r"(?P<property>symmetric positive definite|positive definite|symmetric|skew-symmetric|skew|diagonal|orthogonal|spd|constant|scalar|vector|matrix)"
    % (_NAME, _NAME)
)
_BEFORE = re.compile(
    r"(?P<property>symmetric|skew-symmetric|diagonal|orthogonal|positive definite|scalars?|vectors?|constants?)\s+(?:matrix\s+|matrices\s+|variable\s+)?(?P<names>%s(?:\s*(?:,|and)\s*%s){0,8})(?=[\s,.;)$]|$)"
    % (_NAME, _NAME)
)
_AFTER = re.compile(
    r"(?P<names>%s)\s*,?\s+(?:\\text\s*\{\s*)?(?:is\s+)?(?:an?\s+)?(?P<property>scalar|symmetric|spd|vector)\b" % _NAME
)
_AND_PROPERTY = re.compile(r"(?:and|,)\s*(?P<property>symmetric|diagonal|orthogonal|skew)")


def _declaration_like(content: str) -> bool:
    return bool(re.search(r"\\in(?![A-Za-z])|∈|<|>|\\le|\\ge|scalar|symmetric", content))


def _declare(
    declared: dict[str, Declared],
    loose: list[tuple[str, int, Row]],
    held: Sequence[Piece],
    reading: Reading,
) -> None:
    """Declarations in mathematics (`x ∈ ℝⁿ`) and in words ("where W is m × n and symmetric")."""
    flat = ""
    for piece in held:
        inner = piece.text if piece.kind != "display" else " " + piece.text + " . "
        if piece.kind == "display":
            inner = re.sub(r"\\text\s*\{([^{}]*)\}", r"\1", inner)
        flat += inner
    for match in _MEMBER.finditer(flat):
        size = (match["size"] or "1").strip("{} ").replace("\\,", " ")
        shape = _shape(size)
        if shape is None:
            continue
        for name in _names(match["names"]):
            declared.setdefault(name, Declared(None, shape, ["positive"] if match["plus"] else []))
    for match in _SYMMETRIC_SET.finditer(flat):
        size = (match["sup"] or "n").strip("^ {}")
        shape = _shape(f"{size} \\times {size}")
        properties = ["spd"] if match["plus"] else ["symmetric"]
        for name in _names(match["name"]):
            declared.setdefault(name, Declared(None, shape, properties))
    words = re.sub(r"[$]|\\\(|\\\)", " ", flat)
    for match in _SIZED.finditer(words):
        shape = _shape(f"{match['rows']} \\times {match['columns']}")
        if shape is None:
            continue
        also = re.match(r"\s*(?:matrix\s*|matrices\s*)?" + _AND_PROPERTY.pattern, words[match.end() :])
        for name in _names(match["names"]):
            declared.setdefault(name, Declared(None, shape, [also["property"]] if also else []))
    prose = " ".join(
        piece.text if piece.kind == "prose" else f" {piece.text} " if piece.kind == "inline" else " . "
        for piece in held
    )
    prose += " . " + " . ".join(content for content, _, _ in loose)
    for pattern in (_PROPERTY, _BEFORE, _AFTER):
        for match in pattern.finditer(prose):
            for name in _names(match["names"]):
                _add_property(declared, name, match["property"])
    lowered = prose.lower()
    for layout in ("numerator", "denominator"):
        if f"{layout} layout" in lowered or f"{layout}-layout" in lowered:
            reading.layout = layout
    for match in re.finditer(
        r"(?:with respect to|w\.?\s?r\.?\s?t\.?|in the variable|derivative by|gradient in|gradient by)\s+(?:the\s+)?(?:\w+\s+)?\$?\s*(?P<n>%s)"
        % _NAME,
        prose,
    ):
        for name in _names(match["n"]):
            reading.nabla_candidates.append(name)


def _add_property(declared: dict[str, Declared], name: str, word: str) -> None:
    word = word.rstrip("s") if word.endswith(("rs", "ts")) else word
    kinds = {"scalar": "scalar", "vector": "vector", "matrix": "matrix"}
    known = declared.get(name)
    if word in kinds:
        if known is None:
            declared[name] = Declared(kinds[word])
        return
    if word == "constant":
        return
    word = {"positive definite": "spd", "symmetric positive definite": "spd", "skew-symmetric": "skew"}.get(word, word)
    if known is None:
        declared[name] = Declared("matrix", None, [word])
    elif known.shape is None or known.shape[0] is known.shape[1]:
        known.properties = known.properties | {word}


_ORDINARY = frozenset("a an and are as at be by for if in is it let of on or so the then to we where with".split())


def _names(text: str) -> list[str]:
    found = []
    for piece in re.split(r",|\band\b", text):
        piece = piece.strip().strip("{}").strip()
        if not piece or piece.lower() in _ORDINARY and len(piece) > 1:
            continue
        try:
            name = canonical(piece)
        except DeriveError:
            try:
                name = canonical(
                    re.sub(r"[{}]", "", re.sub(r"\\(?:mathbf|boldsymbol|bm|vec|mathrm|mathcal)\s*", "", piece))
                )
            except DeriveError:
                continue
        base = name.split("_")[0]
        if len(base) > 1 and not piece.startswith("\\"):
            continue
        if name in ("a", "A", "I") and piece == "a":
            continue
        found.append(name.replace("_vec", "").replace("_bold", ""))
    return found


def _shape(text: str) -> tuple[Dim, Dim] | None:
    text = text.replace("\\;", " ").replace("{", "").replace("}", "")
    parts = re.split(r"\\times|×|\bx\b|\*", text)
    if len(parts) > 2:
        return None
    dims = [_dim(p) for p in parts]
    if any(d is None for d in dims):
        return None
    if len(dims) == 1:
        dims.append(ONE)
    return (dims[0], dims[1])  # type: ignore[return-value]


def _dim(text: str) -> Dim | None:
    text = text.strip()
    total: Dim | None = None
    for sign, piece in re.findall(r"([+-]?)\s*([A-Za-z0-9_ \\]+)", text):
        product: Dim | None = None
        for factor in re.findall(r"\d+|\\?[A-Za-z]+(?:_\w+)?", piece):
            name = factor.lstrip("\\")
            dim = Dim.of(int(name)) if name.isdigit() else Dim.of(SPOKEN.get(name, name))
            product = dim if product is None else product * dim
        if product is None:
            return None
        product = -product if sign == "-" else product
        total = product if total is None else total + product
    return total


# Vocabulary


def _vocabulary(reading: Reading, declared: Mapping[str, Declared]) -> Vocabulary:
    """Names and functions, found in the tokens before any side is read."""
    functions: set[str] = set()
    operands: set[str] = set()
    heads: set[str] = set()
    d_is_name = "d" in declared
    sides: list[Side] = []
    for claim in reading.claims:
        for i, side in enumerate(claim.sides):
            try:
                _tokenize(side)
            except DeriveError as error:
                side.error = error
                continue
            sides.append(side)
            if i == 0 and not claim.continues:
                name, arguments = _head(side.found)
                if name:
                    heads.add(name)
                    if arguments is not None:
                        functions.add(name)
                    if name == "d" or name.startswith("d_"):
                        d_is_name = True
    for side in sides:
        for i, token in enumerate(side.found):
            follows = side.found[i + 1 : i + 2]
            if token.kind == "letter" and i:
                before = side.found[i - 1]
                if before.text in ("∂", "∇", "D", "d") or (before.text == "}" and _after_nabla(side.found, i)):
                    name, arguments = _head(side.found[i:], whole=False)
                    if arguments is not None and name:
                        functions.add(name)
                    elif before.text == "∇" or (before.text == "}" and name):
                        functions.add(name or token.text)
                elif _after_nabla(side.found, i):
                    name, arguments = _head(side.found[i:], whole=False)
                    if name:
                        functions.add(name)
            del follows
    for claim in reading.claims:
        for i, side in enumerate(claim.sides):
            if i == 0 and not claim.continues and _head(side.found)[0]:
                continue
            for j, token in enumerate(side.found):
                if token.kind == "letter" and not (j and side.found[j - 1].text in ("∂", "∇", "d", "D")):
                    if not _after_nabla(side.found, j):
                        operands.add(token.text)
    functions = {f for f in functions if f in heads or f not in operands or f in ("J", "L", "f", "ℓ", "l", "E", "s")}
    for side in sides:  # s(Xw): a vector's name before a bracket
        for i, token in enumerate(side.found[:-1]):
            if token.kind == "letter" and token.text in ("s", "g", "h") and side.found[i + 1].text == "(":
                if token.text not in declared and _alone(side.found, i) and token.text not in heads:
                    functions.add(token.text)
    functions -= {n for n in declared if declared[n].shape is not None and declared[n].shape != (ONE, ONE)}  # type: ignore[comparison-overlap]
    words = {n for n in [*declared, *heads] if len(n) > 1 and "_" not in n}
    if "e" in heads:
        declared.get("e")
    vocabulary = Vocabulary([*declared, *heads], functions, words, d_is_name)
    vocabulary.d_touches = any(
        [t.text for t in side.found[:1]] == ["d"] and "".join(t.text for t in side.found[1:]) in heads for side in sides
    )
    return vocabulary


def _alone(found: list[Token], i: int) -> bool:
    """Whether the letter is no part of a word that names a function."""
    before = found[i - 1] if i else None
    return before is None or before.kind != "letter" or before.end != found[i].start


def _after_nabla(found: list[Token], i: int) -> bool:
    """Whether the token follows ∇ or ∇ with its index."""
    j = i - 1
    if j < 0:
        return False
    if found[j].text == "}":
        depth = 0
        while j >= 0:
            depth += (found[j].text == "}") - (found[j].text == "{")
            if depth == 0:
                break
            j -= 1
        j -= 1
        while j >= 0 and found[j].kind == "word":
            j -= 1
        if j >= 1 and found[j].text == "_" and found[j - 1].text == "∇":
            return True
        return False
    if found[j].text == "∇":
        return True
    return j >= 2 and found[j - 1].text == "_" and found[j - 2].text == "∇"


def _head(found: list[Token], whole: bool = True) -> tuple[str | None, tuple[str, ...] | None]:
    """The name, and the parameters if any, when the tokens are `name` or `name(a, b)`."""
    reader = Reader([Token(t.kind, t.text, t.start, t.end, t.side) for t in found], Vocabulary(d_is_name=True))
    try:
        tree = reader.atom()
        if tree.kind not in ("name", "identity"):
            return None, None
        name = str(tree.data[0]) if tree.kind == "name" else "I"
        if reader.peek() is None:
            return name, None
        if reader.text() not in ("(", "["):
            return (None, None) if whole else (name, None)
        closer = {"(": ")", "[": "]"}[reader.next().text]
        parameters = []
        while True:
            parameter = reader.atom()
            if parameter.kind != "name":
                return None, None
            parameters.append(str(parameter.data[0]))
            if reader.text() in (",", ";"):
                reader.at += 1
                continue
            break
        if reader.text() != closer:
            return None, None
        reader.at += 1
        if whole and reader.peek() is not None:
            return None, None
        return name, tuple(parameters)
    except DeriveError:
        return None, None


# Definitions and shapes


def _settle(reading: Reading, declared: dict[str, Declared], vocabulary: Vocabulary) -> None:
    scope = reading.scope
    definitions: list[tuple[str, Tree]] = []
    functions: dict[str, Tree] = {}
    defined: set[str] = set()
    by_name: dict[str, Claim] = {}
    chains = _chains(reading.claims)
    used_before: set[str] = set()
    solved = False
    moved = _moved_names(reading.claims)
    for chain in chains:
        claim = chain[0]
        if claim.local:
            continue
        head = claim.sides[0]
        name, parameters = _head(head.found)
        body = claim.sides[1].tree if len(claim.sides) > 1 else None
        if name and name not in FUNCTIONS and body is not None and name not in defined:
            if body.kind == "name" and len(claim.sides) > 2 and claim.sides[-1].tree is not None:
                body = claim.sides[-1].tree
            mentions = {str(t.data[0]) for t in body.walk() if t.kind == "name"}
            if name not in mentions and not (solved and name in used_before and not claim.defines):
                definitions.append((name, body))
                defined.add(name)
                by_name[name] = claim
                if parameters is not None:
                    scope.parameters[name] = parameters
                    functions[name] = body
                claim.is_definition = True
        for part in chain:
            last = part.sides[-1].tree
            if last is not None and (last.kind == "zero" or (last.kind == "number" and last.data[0] == 0)):
                solved = True  # what follows solves an equation
            for side in part.sides:
                if side.tree is not None:
                    used_before |= {str(t.data[0]) for t in side.tree.walk() if t.kind == "name"}
    _chains_of_names(reading, definitions, defined)
    definitions = _ordered(definitions)
    names = _all_names(reading, definitions, defined, declared)
    sizes = _sizes(reading)
    names = [n for n in names if n not in sizes]
    anchors, claims = _anchors(reading, chains)
    turned = {
        str(t.args[0].data[0])
        for c in reading.claims
        for s in c.sides
        for t in (s.tree.walk() if s.tree is not None else ())
        if t.kind == "transpose" and t.args[0].kind == "name" and habit(str(t.args[0].data[0])) == "scalar"
    }
    hints = {n: "vector" for n in vocabulary.bold | turned} | {n: "scalar" for n in vocabulary.divisors}
    symbols = solve(names, definitions, anchors, claims, declared, functions, hints, _scalars(reading, defined), scope.sizes)
    scope.symbols = symbols
    for made in symbols.values():
        for dim in made.shape:
            scope.dims |= dim.names
    for said in declared.values():
        if said.shape is not None:
            for dim in said.shape:
                scope.dims |= dim.names
    _directions(reading, moved)
    _aliases(reading, definitions, anchors)
    scope.live = _live(reading, defined)
    _define(reading, definitions, by_name)
    _logistic(reading)
    scope.loss = _loss(reading, definitions)
    scope.nabla = _nabla(reading, definitions)
    reading.open_nabla = scope.nabla is None and any(
        t.kind == "gradient" and len(t.args) == (1 if t.data[1] else 0)
        for c in reading.claims
        for s in c.sides
        for t in (s.tree.walk() if s.tree is not None else ())
    )
    scope.live = scope.live or _wanted(reading, defined)
    reading.declared = {n for n, d in declared.items() if d.shape is not None}
    reading.splits = any(_splits(side.tree) for c in reading.claims for side in c.sides if side.tree is not None)


def _chains(claims: Sequence[Claim]) -> list[list[Claim]]:
    found: list[list[Claim]] = []
    for claim in claims:
        if claim.continues and found:
            found[-1].append(claim)
        else:
            found.append([claim])
    return found


def _chains_of_names(reading: Reading, definitions: list[tuple[str, Tree]], defined: set[str]) -> None:
    """`d_1 = d_2 = d` sets the unknown names to the known one."""
    for claim in reading.claims:
        trees = [s.tree for s in claim.sides]
        if len(trees) < 2 or not all(t is not None and t.kind == "name" for t in trees):
            continue
        names = [str(t.data[0]) for t in trees if t is not None]
        known = [n for n in names if n in defined and n != names[0]] or [n for n in names if n in defined]
        target = known[-1] if known else None
        if target is None:
            continue
        claim.is_definition = True
        for i, (name, tree) in enumerate(list(definitions)):
            if name == names[0] and tree.kind == "name" and name != target:
                definitions[i] = (name, Tree("name", (), (target, target, ())))
        for name in names:
            if name != target and name not in defined:
                definitions.append((name, Tree("name", (), (target, target, ()))))
                defined.add(name)


def _ordered(definitions: list[tuple[str, Tree]]) -> list[tuple[str, Tree]]:
    """Definitions after those they use."""
    rest, found, placed = list(definitions), [], set()
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
    reading: Reading, definitions: list[tuple[str, Tree]], defined: set[str], declared: Mapping[str, Declared]
) -> list[str]:
    names: dict[str, None] = {}
    plain_seen: set[str] = set()
    indexed: dict[str, str] = {}
    trees = (
        [t for _, t in definitions]
        + [s.tree for c in reading.claims if not c.local for s in c.sides if s.tree is not None]
        + [s.tree for s in reading.bare if s.tree is not None]
    )
    operators: set[str] = set()
    for tree in trees:
        denominators = _denominators(tree)
        for t in tree.walk():
            if t.kind in ("derivative", "gradient") and t.args and t.args[0].kind in ("name", "apply"):
                if not (t.kind == "gradient" and not t.data[1]):
                    operators.add(str(t.args[0].data[0]))
            if t.kind == "directional":
                operators.add(str(t.data[0]))
            if t.kind == "apply" and str(t.data[0]) not in defined:
                operators.add(str(t.data[0]))
        for t in tree.walk():
            if t.kind == "name":
                full, plain, subs = str(t.data[0]), str(t.data[1]), t.data[2]
                if subs and _is_index("".join(subs)) and full not in declared and full not in defined:  # type: ignore[arg-type]
                    indexed[full] = plain
                    continue
                plain_seen.add(full)
                if id(t) not in denominators:
                    names[full] = None
            elif t.kind == "at":
                pass
    for full, plain in indexed.items():
        if plain not in plain_seen and plain not in declared and plain not in defined:
            names[full] = None
        else:
            names[plain] = None
    for name in declared:
        names.setdefault(name, None)
    for name in defined:
        names.setdefault(name, None)
    for tree in trees:  # bound names of evaluation bars belong to the whole document
        for t in tree.walk():
            if t.kind == "at":
                for bound, _ in t.data:  # type: ignore[misc]
                    names.pop(bound, None)  # type: ignore[has-type]
    operator_only = operators - defined - set(declared)
    used = {str(t.data[0]) for tree in trees for t in _outside_operators(tree) if t.kind == "name"}
    for name in operator_only - used:
        names.pop(name, None)
    names.pop("e", None) if "e" not in declared and "e" not in defined else None
    names.pop("π", None)
    names.pop("O", None) if _only_summand(trees) else None
    return list(names)


def _sizes(reading: Reading) -> set[str]:
    """Names of dimensions: the subscripts of 𝟏 and I."""
    return {
        str(t.data[0])
        for claim in reading.claims
        for side in claim.sides
        for t in (side.tree.walk() if side.tree is not None else ())
        if t.kind in ("ones", "identity") and t.data[0] and str(t.data[0]).isalpha()
    }


def _scalars(reading: Reading, defined: set[str]) -> set[str]:
    """Defined names that must be scalars: what ∇ stands before, or is derived by a matrix."""
    found: set[str] = set()
    for claim in reading.claims:
        for side in claim.sides:
            for t in side.tree.walk() if side.tree is not None else ():
                if t.kind not in ("gradient", "derivative") or not t.args or t.args[0].kind not in ("name", "apply"):
                    continue
                name = str(t.args[0].data[0])
                if name not in defined or name in reading.declared:
                    continue
                variables = t.args[1:]
                if t.kind == "gradient" and t.data[1]:
                    found.add(name)
                elif t.kind == "derivative" and variables and variables[0].kind == "name":
                    if habit(str(variables[0].data[0])) == "matrix":
                        found.add(name)
    return found


def _only_summand(trees: Sequence[Tree]) -> bool:
    """Whether O stands for a zero: only as a summand."""
    for tree in trees:
        for t in tree.walk():
            if t.kind != "sum" and any(a.kind == "name" and a.data[0] == "O" for a in t.args):
                return False
    return True


def _outside_operators(tree: Tree) -> list[Tree]:
    """Every tree but names that an operator differentiates."""
    skipped: set[int] = set()
    for t in tree.walk():
        if t.kind in ("derivative", "gradient") and t.args:
            if not (t.kind == "gradient" and not t.data[1]):
                skipped.add(id(t.args[0]))
        if t.kind == "differential":
            skipped.add(id(t.args[0]))
    return [t for t in tree.walk() if id(t) not in skipped]


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
    return 0 < len(text) <= 2 and all(c in "ijklmnpqrst" for c in text)


def _anchors(reading: Reading, chains: list[list[Claim]]) -> tuple[list[tuple[Tree, bool]], list[Tree]]:
    """What is derived makes equations between dimensions; what is claimed only counts."""
    anchors: list[tuple[Tree, bool]] = [(s.tree, False) for s in reading.bare if s.tree is not None]
    claims: list[Tree] = []
    for chain in chains:
        first = True
        for claim in chain:
            if claim.local:
                continue
            for side in claim.sides:
                if side.tree is None:
                    continue
                if first:
                    if side.tree.kind not in ("name", "apply"):
                        for t in side.tree.walk():
                            if t.kind in ("derivative", "gradient") and t.args and (t.kind != "gradient" or t.data[1]):
                                anchors.append((t.args[0], t.kind == "gradient" and False))
                        if not any(t.kind in DERIVATIVES for t in side.tree.walk()):
                            anchors.append((side.tree, False))
                        elif side.tree.kind == "differential":
                            anchors.append((side.tree.args[0], False))
                    first = False
                else:
                    claims.append(side.tree)
    return anchors, claims


def _moved_names(claims: Sequence[Claim]) -> set[str]:
    """Names that something is differentiated by."""
    found: set[str] = set()
    for claim in claims:
        for side in claim.sides:
            if side.tree is None:
                continue
            for t in side.tree.walk():
                variables: Sequence[Tree] = ()
                if t.kind == "derivative":
                    variables = t.args[1:]
                elif t.kind == "gradient":
                    variables = t.args[1 if t.data[1] else 0 :]
                for variable in variables:
                    while variable.kind == "transpose":
                        variable = variable.args[0]
                    if variable.kind == "name":
                        found.add(str(variable.data[0]))
    return found


def _directions(reading: Reading, moved: set[str]) -> None:
    """H in `Df(A)[H]` and in `[H] ↦ …` moves the variable: it is its differential."""
    scope = reading.scope
    for claim in reading.claims:
        for side in claim.sides:
            if side.tree is None:
                continue
            for t in side.tree.walk():
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


def _aliases(reading: Reading, definitions: list[tuple[str, Tree]], anchors: list[tuple[Tree, bool]]) -> None:
    """A name that occurs only as what is differentiated by, and a letter of other case that occurs: w for W."""
    scope = reading.scope
    for claim in reading.claims:
        for side in claim.sides:
            if side.tree is None:
                continue
            for t in side.tree.walk():
                if t.kind != "name":
                    continue
                name = str(t.data[0])
                if name in scope.symbols or name in scope.aliases or str(t.data[1]) in scope.symbols:
                    continue
                base, _, rest = name.partition("_")
                swapped = base.swapcase() + ("_" + rest if rest else "")
                if swapped in scope.symbols:
                    scope.aliases[name] = swapped
    del definitions, anchors


def _live(reading: Reading, defined: set[str]) -> list[Expr]:
    """The base symbols whose differentials are written."""
    scope = reading.scope
    found: dict[Expr, None] = {}
    for claim in reading.claims:
        for side in claim.sides:
            if side.tree is None:
                continue
            bound = {str(n) for t in side.tree.walk() if t.kind == "at" for n, _ in t.data}  # type: ignore[misc]
            for t in side.tree.walk():
                if t.kind == "differential":
                    inner = t.args[0]
                    while inner.kind in ("transpose", "inverse"):
                        inner = inner.args[0]
                    if inner.kind == "name":
                        name = str(inner.data[0])
                        made = scope.symbols.get(name)
                        if made is not None and name not in defined and name not in bound:
                            found[made] = None
    for name in dict.fromkeys(scope.directions.values()):
        if name in scope.symbols and name not in defined:
            found[scope.symbols[name]] = None
    return list(found)


def _wanted(reading: Reading, defined: set[str]) -> list[Expr]:
    scope = reading.scope
    names = [*reading.nabla_candidates, *_moved_names(reading.claims)]
    found = []
    for name in names:
        made = scope.symbols.get(name) or scope.symbols.get(scope.aliases.get(name, ""))
        if made is not None and name not in defined and made not in found:
            found.append(made)
    return found[:1]


def _define(reading: Reading, definitions: list[tuple[str, Tree]], by_name: Mapping[str, Claim]) -> None:
    scope = reading.scope
    waiting = list(definitions)
    for _ in range(3):
        later = []
        for name, tree in waiting:
            made = scope.symbols.get(name)
            if made is None:
                continue
            try:
                value = Builder(scope).value(tree, made.shape)
                if not isinstance(value, Expr):
                    continue
                if value.shape != made.shape:
                    from ..expr import symbol

                    made = symbol(name, *value.shape, properties=())
                    scope.symbols[name] = made
                if value is not made:
                    scope.definitions[made] = value
            except DeriveError as error:
                later.append((name, tree))
                claim = by_name.get(name)
                if claim is not None and claim.sides[1].error is None:
                    claim.sides[1].error = error
        if scope.loss is None:
            scope.loss = _loss(reading, definitions)
        if not later or len(later) == len(waiting):
            break
        for name, _tree in later:
            claim = by_name.get(name)
            if claim is not None and claim.sides[1].tree is not None:
                claim.sides[1].error = None
        waiting = later
    for claim in reading.claims:
        name, _ = _head(claim.sides[0].found)
        if name and len(claim.sides) > 1 and not claim.continues and claim.row.display:
            made = scope.symbols.get(name)
            if claim.sides[1].error is not None and (made is None or made not in scope.definitions):
                scope.broken.add(name)


def _logistic(reading: Reading) -> None:
    """`s` beside `s(Xw)`, a vector with a logarithm: the logistic function, entry by entry."""
    scope = reading.scope
    for claim in reading.claims:
        for side in claim.sides:
            for t in side.tree.walk() if side.tree is not None else ():
                if t.kind != "apply" or len(t.args) != 1 or str(t.data[0]) not in ("s", "g", "h"):
                    continue
                made = scope.symbols.get(str(t.data[0]))
                if made is None or made in scope.definitions or made.is_scalar:
                    continue
                try:
                    argument = Builder(scope).value(t.args[0])
                except DeriveError:
                    continue
                if isinstance(argument, Expr) and argument.shape == made.shape:
                    scope.definitions[made] = OPERATIONS["sigmoid"](argument)
                    scope.note(f"{made.name} is taken for the logistic function of {argument.text()}")


def _loss(reading: Reading, definitions: list[tuple[str, Tree]]) -> str | None:
    """The function that an undefined name in ∂…/∂x stands for."""
    scope = reading.scope
    from ..expr import symbol, symbols_of

    wanted: list[str] = []
    for claim in reading.claims:
        for side in claim.sides:
            if side.tree is not None:
                for t in side.tree.walk():
                    if (
                        t.kind in ("derivative", "gradient", "differential")
                        and t.args
                        and t.args[0].kind in ("name", "apply")
                    ):
                        wanted.append(str(t.args[0].data[0]))
    scalars = [n for n, _ in definitions if n in scope.symbols and scope.symbols[n] in scope.definitions]
    scalars = [n for n in scalars if scope.symbols[n].is_scalar]
    for name in wanted:
        if name in scalars:
            return name
    operands = _operands(reading)
    vectors = [n for n, _ in definitions if n in scope.symbols and scope.symbols[n] in scope.definitions]
    vectors = [n for n in vectors if n not in operands]
    # A loss that is written without a name, or derived where it stands.
    bodies = [s.tree for s in reading.bare if s.tree is not None]
    for claim in reading.claims:
        head = claim.sides[0].tree
        if claim.local or claim.continues or head is None:
            continue
        if head.kind in ("derivative", "gradient", "differential") and head.args:
            if head.kind == "gradient" and not head.data[1]:
                continue
            if head.args[0].kind not in ("name", "apply"):
                bodies.append(head.args[0])
        elif head.kind not in ("name", "apply", "directional") and not any(t.kind in DERIVATIVES for t in head.walk()):
            bodies.append(head)
    for body in bodies:
        try:
            value = Builder(scope).value(body)
        except DeriveError:
            continue
        if isinstance(value, Expr) and value.op is not symbol_op and (value.is_scalar or not vectors):
            name = "L" if "L" not in scope.symbols else "ℓ"
            made = symbol(name, *value.shape)
            scope.symbols[name] = made
            scope.definitions[made] = value
            return name
    scalars = [n for n in scalars if n not in operands]
    if scalars:
        used = {s for n in scalars for s in symbols_of(scope.definitions[scope.symbols[n]])}
        top = [n for n in scalars if scope.symbols[n] not in used]
        return (top or scalars)[0]
    return vectors[-1] if vectors else None


def _operands(reading: Reading) -> set[str]:
    """Names that claims compute with, beside what they differentiate."""
    found: set[str] = set()
    for claim in reading.claims:
        if claim.local or claim.is_definition:
            continue
        for side in claim.sides:
            if side.tree is not None:
                found |= {str(t.data[0]) for t in _outside_operators(side.tree) if t.kind in ("name", "apply", "directional")}
        head = claim.sides[0].tree
        if head is not None and not claim.continues and head.kind == "directional":
            found.discard(str(head.data[0]))
    return found


def _nabla(reading: Reading, definitions: list[tuple[str, Tree]]) -> str | None:
    """The variable of a ∇ that names none."""
    scope = reading.scope
    for name in reading.nabla_candidates:
        if name in scope.symbols:
            return name
    moved = [n for n in _moved_names(reading.claims) if n in scope.symbols]
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
    del definitions
    if scope.live:
        return scope.live[0].name
    return None


def _splits(tree: Tree) -> bool:
    """Whether the tree derives by a transpose, or takes one path of several."""
    for t in tree.walk():
        if t.kind == "derivative" and any(v.kind == "transpose" for v in t.args[1:]):
            return True
        if t.kind == "path":
            return True
    return False


__all__ = ["Claim", "Reading", "Side", "blanked", "habit", "read"]
