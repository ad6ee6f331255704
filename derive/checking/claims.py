"""The claims of a document, and what its tokens tell before any of them is read."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import DeriveError
from ..reading.vocabulary import HABITUAL_FUNCTIONS
from ..shapes import ONE
from .document import Row, spelled
from .grammar import Reader, Tree, Vocabulary
from .kinds import Declared
from .tokens import Token, tokens
from .values import Scope
from .words import run_end

DERIVATIVES = frozenset(["derivative", "gradient", "differential", "directional"])
_EDGE = " \n\t&,.;~"


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

    __slots__ = (
        "sides", "continues", "defines", "row", "local", "number", "latex", "start", "role", "name", "parameters",
        "is_judged",
    )  # fmt: skip

    def __init__(self, sides: list[Side], continues: bool, defines: bool, row: Row, local: bool) -> None:
        self.sides = sides
        self.continues = continues
        self.defines = defines
        self.row = row
        self.local = local  # a rule in letters of its own, "For C = A B, …"
        self.number = 0
        self.latex = ""
        self.start = 0
        self.role = "claim"  # definition, claim, equation, assumption, solution, repeat
        self.name: str | None = None  # what a definition gives a formula, and a solution a value
        self.parameters: tuple[str, ...] | None = None
        self.is_judged = False  # of a solution: the derivative must vanish there

    @property
    def is_definition(self) -> bool:
        return self.role == "definition"


class Reading:
    """The claims of one scope of a document, and the names to judge them by."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.claims: list[Claim] = []
        self.inherited: dict[str, Claim] = {}  # definitions from the scopes before
        self.sums_to_one: list[str] = []  # vectors that are one-hot, or distributions
        self.units: list[str] = []  # vectors of length 1
        self.scope = Scope()
        self.layout: str | None = None  # as the prose names it
        self.bare: list[Side] = []
        self.splits = False
        self.open_nabla = False  # a ∇ names no variable, and nothing else tells it
        self.declared: set[str] = set()  # names whose shapes are given
        self.shrunk: set[str] = set()  # capital letters that fit as scalars only
        self.nabla_candidates: list[str] = []


def tokenize(side: Side) -> None:
    text = spelled(side.text.rstrip(_EDGE))
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


def vocabulary_of(reading: Reading, declared: Mapping[str, Declared]) -> Vocabulary:
    """Names and functions, found in the tokens before any side is read."""
    functions: set[str] = set()
    operands: set[str] = set()
    heads: set[str] = set()
    d_is_name = "d" in declared
    sides: list[Side] = []
    for claim in reading.claims:
        for i, side in enumerate(claim.sides):
            try:
                tokenize(side)
            except DeriveError as error:
                side.error = error
                continue
            sides.append(side)
            if i == 0 and not claim.continues:
                name, arguments = head_of(side.found)
                if name:
                    heads.add(name)
                    if arguments is not None:
                        functions.add(name)
                    if name == "d" or name.startswith("d_"):
                        d_is_name = True
    for side in sides:
        for i, token in enumerate(side.found):
            if token.kind == "letter" and i:
                before = side.found[i - 1]
                if before.text in ("∂", "∇", "D", "d") or (before.text == "}" and _after_nabla(side.found, i)):
                    name, arguments = head_of(side.found[i:], whole=False)
                    if arguments is not None and name:
                        functions.add(name)
                    elif before.text == "∇" or (before.text == "}" and name):
                        functions.add(name or token.text)
                elif _after_nabla(side.found, i):
                    name, arguments = head_of(side.found[i:], whole=False)
                    if name:
                        functions.add(name)
    for claim in reading.claims:
        for i, side in enumerate(claim.sides):
            if i == 0 and not claim.continues and head_of(side.found)[0]:
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
    functions -= {n for n in declared if declared[n].shape is not None and declared[n].shape != (ONE, ONE)}
    words = {n for n in [*declared, *heads] if len(n) > 1 and "_" not in n}
    vocabulary = Vocabulary([*declared, *heads], functions, words, d_is_name)
    vocabulary.d_touches = any(
        [t.text for t in side.found[:1]] == ["d"] and "".join(t.text for t in side.found[1:]) in heads for side in sides
    )
    vocabulary.is_latex = any("\\" in side.text for side in sides)
    for side in sides:
        i = 0
        while i < len(side.found):
            end = run_end(side.found, i) if side.found[i].kind == "letter" else i + 1
            last = end
            while end < len(side.found) and side.found[end].text == "'" and end > i and side.found[i].kind == "letter":
                end += 1  # ρ'(x)
            if side.found[i].kind == "letter" and not (end < len(side.found) and side.found[end].text in ("(", "[")):
                vocabulary.letters |= {t.text for t in side.found[i:last]}
            i = end
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


def head_of(found: list[Token], whole: bool = True) -> tuple[str | None, tuple[str, ...] | None]:
    """The name, and the parameters if any, when the tokens are `name` or `name(a, b)`."""
    reader = Reader(
        [Token(t.kind, t.text, t.start, t.end, t.side) for t in found],
        Vocabulary(d_is_name=True, letters=HABITUAL_FUNCTIONS),
    )
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
