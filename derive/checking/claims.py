"""The claims of a document, and what its tokens tell before any of them is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from ..errors import DeriveError
from ..names import SPOKEN, join
from ..reading.differentials import Vocabulary, lex, signs_of_quotients, word_at
from ..reading.splitting import Usage
from ..reading.tokens import Token
from ..shapes import ONE
from .document import MathRow, spelled
from .trees import Tree
from .unification import Declaration
from .values import Scope

DERIVATIVES = frozenset(["derivative", "gradient", "differential", "directional"])
_LETTER_E = re.compile(r"(?<![\\\w])e(?![A-Za-z])\s*(\^\s*(?:\{[^{}]*\}|\\?\w+|.)|['ᵀ⊤])?")
_SUM_TO_I = re.compile(r"\\(?:sum|prod)\s*_\s*\{[^{}]*\}\s*\^\s*(?:\{\s*)?I(?![A-Za-z])")
_RAISED_E = re.compile(r"\^\s*\{?\s*(?:\\top|\\intercal|T|⊤)\s*\}?|['ᵀ⊤]")  # e is no number where it has a transpose
EDGE = " \n\t&,.;~"  # what stands about a formula and is no part of it


def shown(text: str) -> str:
    """A formula as a report quotes it: on one line, without what stands about it."""
    return re.sub(r"\s+", " ", text.strip(EDGE).replace("&", ""))


class Side:
    """One side of an equation: its text and place, and its tree, or why there is none."""

    __slots__ = ("text", "start", "tree", "error", "found", "expanded")

    def __init__(self, text: str, start: int) -> None:
        self.text = text
        self.start = start
        self.tree: Tree | None = None
        self.error: DeriveError | None = None
        self.found: list[Token] = []
        self.expanded = ""  # the text with functions written out

    @property
    def is_blank(self) -> bool:
        return not self.text.strip(EDGE)

    @property
    def written(self) -> str:
        """The text without what only ends it."""
        return spelled(self.text.rstrip(EDGE))


class Claim:
    """A row with an equation: its sides, and whether it continues the claim before."""

    __slots__ = (
        "sides", "continues", "defines", "row", "is_instance", "number", "latex", "start", "role", "name", "parameters",
        "is_judged", "case", "is_shown", "is_extremum",
    )  # fmt: skip

    def __init__(self, sides: list[Side], continues: bool, defines: bool, row: MathRow, is_instance: bool) -> None:
        self.sides = sides
        self.continues = continues
        self.defines = defines
        self.row = row
        self.is_instance = is_instance  # in "For C = A B, …", which has letters of its own
        self.number = 0
        self.latex = ""
        self.start = 0
        self.role = "claim"  # definition, claim, equation, assumption, solution, repeat
        self.name: str | None = None  # what a definition gives a formula, and a solution a value
        self.parameters: tuple[str, ...] | None = None
        self.is_judged = False  # of a solution: the derivative must vanish there
        self.is_shown = True  # False of the other layers that a line in l stands for
        self.is_extremum = False  # min_v g(v) = …, beside what g is
        self.case = ""  # of which entries it speaks: "=" on the diagonal, "≠" off it

    @property
    def is_definition(self) -> bool:
        return self.role == "definition"


def parts_of(claims: Iterable[Claim]) -> Iterator[Tree]:
    """Every part of every formula of the claims that is read."""
    for claim in claims:
        for side in claim.sides:
            if side.tree is not None:
                yield from side.tree.walk()


class Claims:
    """The claims of one scope of a document, and the names to judge them by."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.claims: list[Claim] = []
        self.inherited: dict[str, Claim] = {}  # definitions from the scopes before
        self.sums_to_one: list[str] = []  # vectors that are one-hot, or distributions
        self.one_hot: list[str] = []
        self.signs: list[str] = []  # of entries ±1
        self.units: list[str] = []  # vectors of length 1
        self.supposed: list[tuple[str, int]] = []  # "if A is symmetric", and where that is said
        self.scope = Scope()
        self.layout: str | None = None  # as the prose names it
        self.bare: list[Side] = []
        self.splits = False
        self.giving: Claim | None = None  # ∂L/∂w = ∂(wᵀA w)/∂w, which says what L is
        self.open_nabla = False  # a ∇ names no variable, and nothing else tells it
        self.fitted_nabla: str | None = None  # its variable, where a likelier one makes more lines fail
        self.declared: set[str] = set()  # names whose shapes are given
        self.shrunk: set[str] = set()  # capital and bold letters that fit as scalars only
        self.nabla_candidates: list[str] = []
        self.reread: Callable[[Side, str], Tree | None] | None = None  # another text in place of a side


def tokenize(side: Side, known: frozenset[str] = frozenset(), is_latex: bool = False) -> None:
    side.found = found = [t for t in lex(side.written, known, is_latex) if t.kind != "newline"]
    _sign_above(found, is_latex, known)
    while found and found[-1].kind == "op" and found[-1].text in (",", ".", ";"):
        found.pop()
    # a number in brackets at the end is a reference
    if len(found) > 3 and [t.text for t in found[-3::2]] == ["(", ")"] and found[-2].kind == "num":
        if side.text[: found[-3].start].endswith(("  ", "\\ ", "~", "\\;")):
            del found[-3:]


_WITH_PLUS = re.compile(r"[^A-Za-z]*([A-Z])\s*\^\s*\{?\s*\+\s*\}?[\s&]*")  # P^+ = (I − K H) P


def _sign_above(found: list[Token], is_latex: bool, known: frozenset[str]) -> None:
    """Take P^- of a filter for one name: a matrix is raised to no sign, and to no letter but T.

    P^+ is a pseudo-inverse, but where it is known as a name.
    """
    for i in range(len(found) - 3, -1, -1):
        texts = [t.text for t in found[i + 1 : i + 5]]
        sign = "+" if "".join(texts[:3]).startswith(("^+", "^{+")) else "-"
        end = i + 5 if texts == ["^", "{", sign, "}"] else i + 3 if texts[:2] == ["^", sign] else 0
        if sign == "+" and join(found[i].text, ["^+"], []) not in known:
            continue
        letter, after = found[i], found[end] if end and end < len(found) else None
        raised = ("num", "trans") if is_latex else ("num", "trans", "open")
        if end == i + 3 and after is not None and (after.kind in raised or after.text in ("T", "t", "{")):
            continue
        if end and letter.kind == "atom" and letter.text.isupper() and not letter.low:
            letter.accents.append(f"^{sign}")
            letter.end = found[end - 1].end
            del found[i + 1 : end]


def vocabulary_of(reading: Claims, declared: Mapping[str, Declaration]) -> Vocabulary:
    """Names and functions, found in the tokens before any side is read."""
    functions: set[str] = set()
    operands: set[str] = set()
    heads: set[str] = set()
    sides: list[Side] = []
    is_latex = any("\\" in side.text for claim in reading.claims for side in claim.sides)
    defined = [m[1] for claim in reading.claims if (m := _WITH_PLUS.fullmatch(claim.sides[0].text))]
    known = frozenset(join(letter, ["^+"], []) for letter in defined)
    for claim in reading.claims:
        for i, side in enumerate(claim.sides):
            try:
                tokenize(side, known, is_latex)
            except DeriveError as error:
                side.error = error
                continue
            sides.append(side)
            if i == 0 and not claim.continues:
                name, arguments = head_of(side.found)
                if name and arguments is None and _calls_itself(claim, name):
                    name = None  # σ = σ(wᵀx), the value of the function and the function
                if name:
                    heads.add(name)
                    if arguments is not None:
                        functions.add(name)
    for side in sides:
        graded = _after_nablas(side.found)
        for i, token in enumerate(side.found):
            if token.kind == "atom" and (i in graded or i and _is_operator(side.found[i - 1])):
                name, arguments = head_of(side.found[i:], whole=False)
                if name and (arguments is not None or i in graded):
                    functions.add(name)
    for claim in reading.claims:
        for i, side in enumerate(claim.sides):
            if i == 0 and not claim.continues and head_of(side.found)[0]:
                continue
            graded = _after_nablas(side.found)
            for j, token in enumerate(side.found):
                if token.kind == "atom" and j not in graded and not (j and _is_operator(side.found[j - 1])):
                    operands.add(token.text)
    functions = {f for f in functions if f in heads or f not in operands or f in ("J", "L", "f", "ℓ", "l", "E", "s")}
    for side in sides:  # s(Xw): a vector's name before a bracket
        for token, after in zip(side.found, side.found[1:]):
            if token.kind == "atom" and not token.glued and token.text in ("s", "g", "h") and after.text == "(":
                if token.text not in declared and token.text not in heads:
                    functions.add(token.text)
    functions -= _factors(reading.claims)
    own = _activations(reading.claims, heads)
    functions -= own
    functions -= {n for n in declared if declared[n].shape is not None and declared[n].shape != (ONE, ONE)}
    is_used = _has_letter_d(reading.claims)
    is_vector = [bool(_RAISED_E.fullmatch(m[1] or "")) for side in sides for m in _LETTER_E.finditer(side.text) if m[1]]
    e_is_name = ["e"] if is_vector and all(is_vector) else []
    d_is_name = is_used or "d" in declared or any(name == "d" or name.startswith("d_") for name in heads)
    i_is_size = ["I"] if any(_SUM_TO_I.search(side.text) for side in sides) else []
    vocabulary = Vocabulary(
        [*declared, *heads, *e_is_name, *i_is_size, *(["d"] if is_used else [])], functions, d_is_name
    )
    vocabulary.d_touches = any(
        [t.text for t in s.found[:1]] == ["d"] and len(s.found) == 2 and s.found[1].name in heads for s in sides
    )
    vocabulary.is_latex = is_latex
    vocabulary.own = own
    usage = Usage([side.found for side in sides])
    vocabulary.letters, vocabulary.first = usage.used | _metrics(sides), usage.first
    for side in sides:
        vocabulary.bold |= {*e_is_name} | {
            t.name for t in side.found if t.kind == "atom" and t.style in ("bold", "vec") and not t.text.isupper()
        }
    return vocabulary


def _has_letter_d(claims: Sequence[Claim]) -> bool:
    """Whether d is the letter of L = a + b x + c x² + d x³: a name is given, and nothing is a differential."""
    found = is_derivative = False
    for claim in claims:
        first = claim.sides[0].found
        is_given = not claim.continues and head_of(first)[0] is not None
        if not claim.continues:
            is_derivative = any(t.text in ("∇", "∂") for t in first) or bool(signs_of_quotients(first))
        for k, side in enumerate(claim.sides):
            if is_derivative and (k or claim.continues):
                continue  # no differential is a derivative: 2dx has the letter
            signs = signs_of_quotients(side.found)
            for i, token in enumerate(side.found):
                if token.text != "d" or token.low or token.accents or i in signs:
                    continue
                after = side.found[i + 1] if i + 1 < len(side.found) else None
                touches = after is not None and after.kind not in ("op", "close", "bar") and after.start == token.end
                if token.kind == "atom" and is_given and k > 0 and (i or not touches):
                    found = True
                elif token.kind == "diff" or touches or i == 0 and after is not None and after.kind != "op":
                    return False
    return found


def _factors(claims: Iterable[Claim]) -> set[str]:
    """The P of P(K) = (I − KH) P (I − KH)ᵀ + K R Kᵀ: a matrix, since what a line gives a name is not in the line."""
    found: set[str] = set()
    for claim in claims:
        name, arguments = head_of(claim.sides[0].found)
        if not name or arguments is None or not name[0].isupper() or claim.continues:
            continue
        for side in claim.sides[1:]:
            for before, token in zip(side.found, side.found[1:]):
                if token.kind == "atom" and token.name == name and (before.kind == "close" or token.glued):
                    found.add(name)
    return found


def _metrics(sides: Iterable[Side]) -> set[str]:
    """The Λ of (x − μ)ᵀ Λ (x − μ): between the same bracket twice stands a matrix, and no function."""
    found: set[str] = set()
    for side in sides:
        texts = [t.text for t in side.found]
        for i, token in enumerate(side.found[:-1]):
            if token.kind != "atom" or not token.text[:1].isupper() or texts[i + 1] != "(" or ")" not in texts[i:]:
                continue
            inside = texts[i + 1 : texts.index(")", i) + 1]
            end = i
            while end and texts[end - 1] in ("^", "T", "⊤", "ᵀ", "'", "{", "}"):
                end -= 1
            if end < i and texts[max(end - len(inside), 0) : end] == inside:
                found.add(token.name)
    return found


def _calls_itself(claim: Claim, name: str) -> bool:
    """Whether a formula for a name of Greek letters begins with a function of that name."""
    for side in claim.sides[1:]:
        try:
            tokenize(side)
        except DeriveError:
            continue
        if [t.text for t in side.found[1:2]] == ["("] and side.found[0].name == name and name in ("σ", "ϕ", "φ", "ψ"):
            return True
    return False


def _activations(claims: Iterable[Claim], heads: set[str]) -> set[str]:
    """Functions of numbers that no line gives: f of a = f(z), whose slope f′(z) is written too."""
    applied: set[str] = set()
    primed: set[str] = set()
    derived: set[str] = set()
    for claim in claims:
        for i, side in enumerate(claim.sides):
            found = side.found
            name, arguments = head_of(found)
            if i and name and arguments is not None and len(arguments) == 1 and arguments[0] in heads:
                applied.add(name)
            elif i and len(found) > 3 and (found[1].text, found[-1].text) == ("(", ")") and found[0].kind == "atom":
                inside = [t for t in found[2:-1] if t.kind == "atom"]
                if all(t.text.islower() or t.text == "T" for t in inside) and 1 < len(inside) < 4:
                    applied.add(found[0].name)  # g(aᵀx), of a number
            for before, token, after in zip([None, *found], found, found[1:]):
                if token.kind == "atom" and after.text in ("'", "′"):
                    primed.add(token.name)
                if token.kind == "atom" and before is not None and _is_operator(before):
                    derived.add(token.name)
    return {name for name in applied & primed if len(name) == 1} - derived - heads


def _is_operator(token: Token) -> bool:
    return token.kind in ("diff", "nabla") or (token.kind == "atom" and token.name in ("d", "D"))


def _after_nablas(found: list[Token]) -> set[int]:
    """The places behind each ∇ and its marks."""
    places = set()
    for i, token in enumerate(found):
        if token.kind != "nabla":
            continue
        i += 1
        while i < len(found) and (found[i].text in ("_", "^") or found[i].kind in ("low", "sup")):
            i += 1 if found[i].kind in ("low", "sup") else 2
            depth = int(i <= len(found) and found[i - 1].text == "{")
            while depth and i < len(found):
                depth += (found[i].text == "{") - (found[i].text == "}")
                i += 1
        places.add(i)
    return places


def head_of(found: list[Token], whole: bool = True) -> tuple[str | None, tuple[str, ...] | None]:
    """The name, and the parameters if any, when the tokens are `name` or `name(a, b)`."""
    if not found or found[0].kind != "atom":
        return None, None
    end = word_at(found, 0, ())
    if end and "".join(t.text for t in found[:end]) not in SPOKEN:
        return None, None
    end = 1
    while end < len(found) and found[end].kind == "atom" and found[end].glued and not found[end - 1].low:
        end += 1
    word = "".join(t.text for t in found[:end])
    if end > 1 and word not in SPOKEN and not (word[0] == "Δ" and end == 2):
        end, word = 1, found[0].text
    last = found[end - 1]
    name, rest = join(word, last.accents, last.low), found[end:]
    if not rest:
        return name, None
    if rest[0].text not in ("(", "["):
        return (None, None) if whole else (name, None)
    close = next((i for i, t in enumerate(rest) if t.kind == "close"), 0)
    inside = rest[1:close]
    if not close or any((t.kind == "atom") == bool(i % 2) for i, t in enumerate(inside)):
        return None, None
    if len(inside) % 2 == 0 or any(t.text not in (",", ";") for t in inside[1::2]) or (whole and len(rest) > close + 1):
        return None, None
    return name, tuple(t.name for t in inside[::2])
