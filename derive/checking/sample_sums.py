"""Sums over samples: Σᵢ (wᵀxᵢ − yᵢ)² beside its derivative, read as formulas are read.

A side with a sum over an index goes the road of every formula: xᵢ becomes row i of X, yᵢ entry i of y, and the
sum a product of matrices.  The shapes that a scope's definitions give in this way hold for its claims.
What is defined by an entry, pᵢ = σ(wᵀxᵢ), is put in where a sum mentions it, and gives the vector p.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set

from ..derivation import Sweep
from ..errors import DeriveError
from ..expr import Expr, nodes, symbols_of
from ..reading.macros import closing
from ..shapes import ONE, Dim
from .backward import LOSSES
from .claims import DERIVATIVES, EDGE, Claim, parts_of
from .document import spelled
from .roles import body_of
from .trees import Tree
from .unification import Declaration
from .values import Unread

Shapes = dict[str, tuple[Dim, Dim]]
_BAR = re.compile(r"(?<![\\|])\|(?!\|)|\\[lr]vert(?![a-z])")
_TURNED = re.compile(r"\^\s*(?:T(?![A-Za-z])|\{\s*T\s*\})")
_BOUND = re.compile(
    r"\\sum(?:\\limits)?\s*_\s*\{\s*(?P<index>[a-z])\s*=\s*1\s*\}\s*\^\s*(?:\{\s*[A-Za-z]\s*\}|[A-Za-z])"
)
_BINDS = re.compile(r"\\sum(?:\\limits)?\s*_\s*\{?\s*(?P<index>[a-z])")
_UNBOUND = re.compile(r"\\sum(?:\\limits)?\s*_\s*(?:\{\s*(?P<braced>[a-z])\s*\}|(?P<index>[a-z]))(?!\s*\^)")


_LETTER = r"\$?\s*(?:\\math(?:bf|cal)\s*\{?|\\boldsymbol\s*\{?|\\bm\s*\{?)?(?P<name>[A-Z])(?![A-Za-z])"
_STYLE = r"(?:\\math\w+\s*\{?|\\boldsymbol\s*\{?)?"
_OF_COLUMNS = (
    re.compile(
        rf"\bcolumns?\s+of\s+(?:the\s+)?(?:\w+\s+)?(?:matrix\s+)?{_LETTER}\}}?\$?\s+(?:are|is|contain|hold|denote)s?\s+"
        rf"(?:the\s+|all\s+|our\s+)?(?:data|samples?|points?|examples?|observations?|inputs?|\$?\s*{_STYLE}[a-z]\}}?_)"
    ),
    re.compile(rf"[a-z]\}}?_\{{?[i-n]\}}?[^.]{{0,40}}\bcolumn\s+of\s+(?:the\s+)?(?:\w+\s+)?{_LETTER}"),
    re.compile(rf"{_LETTER}\}}?\s*=\s*(?:\\left\s*)?[\[(]\s*{_STYLE}[a-z]\}}?_\{{?1\}}?\s*(?:,|&|\\[,;:]|\\quad)"),
    re.compile(
        rf"{_LETTER}\}}?\s*=\s*\\begin\s*\{{[bp]?matrix\}}\s*{_STYLE}[a-z]\}}?_\{{?1\}}?\s*&[^\\]*\\(?:cdots|dots|ldots)"
    ),
)


def columns_said(text: str) -> frozenset[str]:
    """The matrices that a text writes as X = [x_1, …, x_n], or says to have the samples as columns."""
    return frozenset(match["name"] for pattern in _OF_COLUMNS for match in pattern.finditer(text))


_HYPOTHESIS = re.compile(
    r"(?P<base>[a-z]|\\(?:hat|tilde)\s*\{?\s*[a-z]\s*\}?|\\[a-z]+)(?:\s*_\s*\{?\s*(?P<low>\\?[A-Za-z]+)\s*\}?)?"
    r"\s*(?:\\left)?\(\s*(?P<variable>[a-z]|\\(?:mathbf|boldsymbol|bm|vec)\s*\{\s*[a-z]\s*\})\s*(?:\\right)?\)"
)


_OF_NUMBERS = re.compile(r"\\(?:[dt]?frac|exp|log|ln|sqrt|tanh|left|right)(?![A-Za-z])")
_PRIME = r"\s*(?:'|\^\s*\{?\s*\\prime(?:\s*\})?)"
MAX_EXPANDED = 10_000  # characters of a side with functions written out
MAX_WITHIN = 10  # functions within one another


class Hypothesis:
    """A function that the document defines: of one sample, h(x) = σ(θᵀx), or of a number, g(z) = 1/(1 + e⁻ᶻ).

    h(xᵢ) is σ(θᵀxᵢ), and g(…) is its formula whatever stands in the brackets.
    """

    __slots__ = ("pattern", "variable", "body", "base", "called", "whole")

    def __init__(self, head: re.Match[str], body: str, mark: str = "") -> None:
        low = rf"\s*_\s*\{{?\s*{re.escape(head['low'])}\s*\}}?" if head["low"] else ""
        name = re.escape(head["base"]) if head["base"].startswith("\\") else rf"(?<![A-Za-z\\]){head['base']}"
        self.variable = head["variable"]
        self.pattern = re.compile(
            rf"{name}{low}\s*(?:\\left)?\(\s*(?P<sample>{re.escape(head['variable'])})"
            r"\s*(?:_\s*\{?\s*(?P<index>[i-n])\s*\}?|\^\s*\{\s*\(\s*(?P<above>[i-n])\s*\)\s*\})\s*(?:\\right)?\)"
        )
        self.body, self.base = body, head["base"]
        letters = set(re.findall(r"[A-Za-z]", _OF_NUMBERS.sub("", body)))
        is_of_numbers = letters <= {self.variable, "e"} and not low and "\\" not in self.variable
        self.called = re.compile(rf"{name}{mark}\s*(?:\\left)?\(") if is_of_numbers or mark else None
        is_indexed = head["low"] in tuple("ijklmn") and re.search(rf"_\s*\{{?\s*{head['low']}", body) is not None
        variable = re.escape(head["variable"])
        self.whole = re.compile(rf"{name}{low}\s*(?:\\left)?\(\s*{variable}\s*(?:\\right)?\)") if is_indexed else None

    def expanded(self, text: str) -> str:
        if self.whole is not None:  # ℓᵢ(w), of the sample i
            return self.whole.sub(lambda m: f"({self.body})", text)
        text = self.pattern.sub(lambda m: self._at(f"{m['sample']}_{{{m['index'] or m['above']}}}"), text)
        match = self.called.search(text) if self.called is not None else None
        while match is not None and len(text) < MAX_EXPANDED and (end := closing(text, match.end() - 1, "()")) > 0:
            made = self._at(f"({text[match.end() : end].removesuffix('right').removesuffix(chr(92))})")
            text = text[: match.start()] + made + text[end + 1 :]
            match = self.called.search(text, match.start() + len(made)) if self.called is not None else None
        return text

    def slope(self) -> str:
        """The derivative of a function of numbers; empty where it is none that is read."""
        try:
            made = parsed(self.body, {self.variable: (ONE, ONE)})
            return Sweep(made, next(s for s in symbols_of(made) if s.name == self.variable)).total.latex()
        except (DeriveError, StopIteration):
            return ""

    def _at(self, argument: str) -> str:
        pattern = rf"{re.escape(self.variable)}|\\[A-Za-z]+|[A-Za-z]"  # the x of θ^Tx, and not that of \exp
        return f"({re.sub(pattern, lambda m: argument if m[0] == self.variable else m[0], self.body)})"


def expanded(text: str, hypotheses: Sequence[Hypothesis | RowOf | EntriesOf]) -> str:
    """A text with all functions written out, those within one another too: h(x) = g(θᵀx) is that of a formula of g."""
    for _ in range(MAX_WITHIN):
        before = text
        for hypothesis in hypotheses:
            text = hypothesis.expanded(text)
        if text == before and len(text) < MAX_EXPANDED:
            return text
    raise Unread("functions within functions are not written out to this depth")


def hypotheses_of(claims: Sequence[Claim]) -> list[Hypothesis]:
    """The functions of a sample that a document defines once."""
    found: dict[str, list[tuple[re.Match[str], str]]] = {}
    for claim in claims:
        head = _HYPOTHESIS.fullmatch(claim.sides[0].text.strip(" \n\t&"))
        if head is None or claim.continues or len(claim.sides) < 2:
            continue
        body = claim.sides[1].written.strip(EDGE).replace("&", "")
        if (
            body
            and ("\\" in body or not re.search("[a-z]{3}", body))
            and _HYPOTHESIS.search(body) is None
            and not re.search(rf"{re.escape(head['variable'])}\s*_", body)
        ):
            found.setdefault(f"{head['base']}_{head['low']}", []).append((head, body))
    made = [Hypothesis(*held[0]) for held in found.values() if len({body for _, body in held}) == 1]
    sums = [s.text for c in claims for s in c.sides if _BINDS.search(s.text)]
    primed = [one for one in made if any(re.search(re.escape(one.base) + _PRIME, text) for text in sums)]
    for one in primed:
        (head, _), slope = found[f"{one.base}_None"][0] if one.called is not None else (None, ""), one.slope()
        if slope and head is not None:
            made.append(Hypothesis(head, slope, _PRIME))
        else:
            one.called = None  # g keeps its name where g′ does
    return made


class RowOf:
    """A sample xᵢ that a document multiplies from the right, xᵢ β beside X β: a row, of which others write xᵢᵀ."""

    __slots__ = ("pattern",)

    def __init__(self, sample: str, factor: str) -> None:
        self.pattern = re.compile(
            rf"(?<![A-Za-z\\^])(?P<sample>(?:\\(?:mathbf|boldsymbol|bm)\s*\{{\s*)?{sample}\s*\}}?\s*_\s*(?:\{{\s*[i-n]\s*\}}|[i-n]))"
            rf"(?=\s*{re.escape(factor)}(?![A-Za-z_^]))"
        )

    def expanded(self, text: str) -> str:
        return self.pattern.sub(lambda m: m["sample"] + r"^{\top}", text)


_TIMES = re.compile(r"(?<![A-Za-z\\])(?P<matrix>[A-Z])\s*(?P<factor>\\?[a-z]+)(?![A-Za-z_^{(])")


def rows_of(claims: Sequence[Claim]) -> list[RowOf]:
    """The samples that stand as rows: those of a matrix that a document multiplies by the same letter."""
    texts = [side.text for claim in claims for side in claim.sides]
    found = {(m["matrix"].lower(), m["factor"]) for text in texts for m in _TIMES.finditer(text)}
    made = [RowOf(sample, factor) for sample, factor in sorted(found)]
    return [row for row in made if any(row.pattern.search(text) for text in texts)]


_TWO = r"\s*_\s*\{\s*[i-nrs1-9]\s*,?\s*[i-nrs1-9]\s*\}"
_WITH_TWO = re.compile(rf"(?<![A-Za-z])([a-z])(?={_TWO})")


class EntriesOf:
    """A small letter that a document has with two indices only, beside the matrix: aᵢⱼ is an entry of A."""

    __slots__ = ("letter", "pattern")

    def __init__(self, letter: str) -> None:
        self.letter = letter
        self.pattern = re.compile(rf"(?<![A-Za-z\\]){letter}(?={_TWO})")

    def expanded(self, text: str) -> str:
        return self.pattern.sub(self.letter.upper(), text)

    def renamed(self, tree: Tree) -> Tree:
        if tree.kind == "name" and tree.data[1] == self.letter:
            full, plain, low = (d.upper() if i == 1 else d for i, d in enumerate(tree.data))
            return Tree("name", (), (plain + str(full)[1:], plain, low), tree.span)
        return tree.with_args([self.renamed(arg) for arg in tree.args])


def entries_beside(claims: Sequence[Claim]) -> list[EntriesOf]:
    """The small letters whose capital is a matrix of the document, and which stand with two indices alone."""
    plain = " ; ".join(re.sub(r"\\[A-Za-z]+", " ", side.text) for claim in claims for side in claim.sides)
    letters = sorted({m[1] for m in _WITH_TWO.finditer(plain)})
    bare = {m[0] for m in re.finditer(rf"(?<![A-Za-z])[A-Za-z](?![A-Za-z])(?!{_TWO})", plain)}
    bare |= {c for m in re.finditer(r"[A-Za-z]{2,}", plain) for c in m[0]}  # of Ax
    taken = {*LOSSES, *_numbers(claims)}
    return [EntriesOf(c) for c in letters if c.upper() in bare - taken and c not in bare]


_DIVISOR = re.compile(
    r"\\[dt]?frac\s*(?:\{[^{}]*\}|\w)\s*(?P<below>\{[^{}]*\}|\w)|/\s*(?P<behind>\([^()]*\)|\d*\s*[A-Za-z])"
)
_LIMIT = re.compile(r"\^\s*\{?\s*([A-Z])(?!\w|\^)|[A-Z](?=\s*\\sum)|=\s*1\s*,?\s*\\[lc]?dots\s*,?\s*([A-Z])")


def _numbers(claims: Sequence[Claim]) -> set[str]:
    """The capitals that no matrix is: those that lines define or divide by, and how far sums go."""
    found: set[str] = set()
    for claim in claims:
        head = claim.sides[0].text.strip(EDGE)
        found |= {head} if not claim.continues else set()
        for side in claim.sides:
            below = [m["below"] or m["behind"] for m in _DIVISOR.finditer(side.text)]
            found |= {c for text in below if not re.match(r"[{(]?\s*(?:\\partial|∂|d[A-Za-z])", text) for c in text}
            found |= {c for m in _LIMIT.finditer(side.text) for c in m[0] if c != "T"}
    return found


def as_formula(tree: Tree, text: str) -> Tree:
    """The tree of a side; one that sums over an index keeps its text, to be read as a formula."""
    kinds = {t.kind for t in tree.walk()}
    if "total" not in kinds or kinds & DERIVATIVES:
        return tree
    return Tree("formula", [tree], (text.strip(EDGE).replace("&", " "),), tree.span)


def _members(tree: Tree) -> list[tuple[Tree, Tree]]:
    """The pairs of factors that stand side by side in products."""
    return [pair for t in tree.walk() if t.kind == "prod" for pair in zip(t.args, t.args[1:])]


def _family(tree: Tree) -> str:
    return (
        str(tree.data[1]) if tree.kind == "name" and len(tree.data[2]) == 1 and str(tree.data[2][0]).isalpha() else ""
    )


def upright(claims: Iterable[Claim]) -> frozenset[str]:
    """The families whose members are columns: xᵢ of wᵀxᵢ, and of xᵢᵀw."""
    found: set[str] = set()
    for claim in claims:
        for side in claim.sides:
            for left, right in _members(side.tree) if side.tree is not None else ():
                if left.kind == "transpose" and left.args[0].kind == "name":
                    found |= {_family(right), _family(left.args[0])}
    return frozenset(found - {""})


def outer_product(tree: Tree, upright: frozenset[str]) -> str:
    """A product xᵢxⱼᵀ of two columns, a matrix that sums over samples take for a number; empty if there is none."""
    if any(t.kind in ("call", "norm", "inner", "bars") for t in tree.walk()):
        return ""  # within a trace it has its place
    for left, right in _members(tree):
        inner = right.args[0] if right.kind == "transpose" else right
        if right is not inner and {_family(left), _family(inner)} <= upright and left.data[2] != inner.data[2]:
            return f"{left.data[0]} {inner.data[0]}ᵀ"
    return ""


class Entry:
    """The definition of every entry of a family, pᵢ = …: as it is written, and the family."""

    __slots__ = ("name", "plain", "index", "text", "letters", "is_entry")

    def __init__(self, name: str, plain: str, index: str, text: str, letters: set[str]) -> None:
        self.letters = letters  # the other families that its formula mentions
        self.is_entry = False  # of vectors alone: aⱼ is an entry of a, and no letter of its own
        self.name = name
        self.plain = plain
        self.index = index
        self.text = text


def parsed(
    text: str, shapes: Mapping[str, tuple[Dim, Dim]], entries: Iterable[Entry] = (), scalar: bool = False
) -> Expr:
    """The formula, with the shapes that are known and the definitions of families; as a number, if that is asked."""
    from ..problem import Problem

    whole = "; ".join([*(e.text for e in entries), text])
    if "T" in shapes:  # of targets t: no power of xᵢ
        whole = _TURNED.sub(r"^{\\top}", whole)
    where = ", ".join(f"{name}: {_size(shape)}" for name, shape in shapes.items())
    try:
        return Problem(whole, where, (), scalar).expr
    except DeriveError:
        if "‖" in (lengths := _BAR.sub("‖", whole)):  # people write |w|² for ‖w‖²
            made = Problem(lengths, where, (), scalar).expr
            if all(n.args[0].is_vector for n in nodes(made) if n.op.name in ("norm", "sq_norm")):
                return made
        raise


def _size(shape: tuple[Dim, Dim]) -> str:
    if shape == (ONE, ONE):
        return "scalar"
    return f"({shape[0]})×({shape[1]})" if shape[1] is not ONE else f"({shape[0]})"


def _bounds(claims: Sequence[Claim]) -> dict[str, str]:
    """How many there are of what an index counts, where one of the sums over it says so."""
    texts = [side.text for claim in claims for side in claim.sides]
    return {m["index"]: m[0] for text in reversed(texts) for m in _BOUND.finditer(text)}


def declare_families(
    declared: dict[str, Declaration], told: Shapes, definitions: Sequence[Claim], claims: Sequence[Claim],
    entries: Sequence[Entry], losses: Set[str],
) -> Shapes:  # fmt: skip
    """The shapes of the letters in definitions that sum over samples; they are declared by them."""
    found: Shapes = {}
    bounds = _bounds(claims)
    for claim in sorted(definitions, key=_tells_no_kind):
        body = body_of(claim)
        if body is None or body.kind != "formula" or not _has_family(body):
            continue
        if any(e.name == claim.name for e in entries):
            continue  # its index is bound by no sum
        known = told | {n: d.shape for n, d in declared.items() if d.shape is not None} | found
        text = _UNBOUND.sub(lambda m: bounds.get(m["braced"] or m["index"], m[0]), str(body.data[0]))
        try:
            shapes = {n: s for n, s in known.items() if s is not None}
            shapes |= rows(body, shapes)
            made = parsed(text, shapes, used(entries, body))
            if claim.name in losses and not made.is_scalar:  # β of xᵢᵀβ is a vector there
                made = parsed(text, shapes, used(entries, body), scalar=True)
        except DeriveError:
            continue
        for s in symbols_of(made):
            found.setdefault(s.name, s.shape)
    for name, shape in found.items():
        _declare(declared, name, shape)
    return found


def _tells_no_kind(claim: Claim) -> bool:
    """Whether numbers and vectors are alike to a definition, as to a mean: others tell what its letters are."""
    body = body_of(claim)
    return body is None or not any(t.kind in ("transpose", "norm", "inner") for t in body.walk())


def _declare(declared: dict[str, Declaration], name: str, shape: tuple[Dim, Dim]) -> None:
    held = declared.get(name)
    if held is None or held.shape is None:
        declared[name] = Declaration(None, shape, held.properties if held is not None else ())


def entries_of(definitions: Sequence[Claim]) -> list[Entry]:
    """The definitions of indexed names, pᵢ = σ(wᵀxᵢ), in their order."""
    found = []
    for claim in definitions:
        head, body = claim.sides[0].tree, body_of(claim)
        if head is None or body is None or head.kind != "name" or len(head.data[2]) != 1:
            continue
        name, plain, index = str(head.data[0]), str(head.data[1]), str(head.data[2][0])
        letters = {str(t.data[1]) for t in body.walk() if t.kind == "name" and t.data[2] == head.data[2]}
        if len(index) == 1 and index.isalpha() and letters - {plain}:
            written = next(side.expanded or side.text for side in claim.sides if side.tree is body)
            text = " = ".join(spelled(t).strip(EDGE).replace("&", "") for t in (claim.sides[0].text, written))
            found.append(Entry(name, plain, index, text, letters))
    return found


def are_settled(tree: Tree, shapes: Shapes) -> bool:
    """Whether definitions tell the shapes of all families that a formula mentions."""
    mentioned = {str(t.data[1]) for t in tree.walk() if t.kind == "name" and t.data[2]}
    return bool(mentioned) and all(name in shapes or name.upper() in shapes for name in mentioned)


def rows(tree: Tree, shapes: Shapes) -> Shapes:
    """The shape of xᵢ where a formula before has told that it is a row of X."""
    found: Shapes = {}
    for t in tree.walk():
        if t.kind == "name" and len(t.data[2]) == 1 and str(t.data[2][0]).isalpha() and t.data[1] not in shapes:
            whole = shapes.get(str(t.data[1]).upper())
            if whole is not None and whole[1] is not ONE:
                found[str(t.data[0])] = (whole[1], ONE)
    return found


def used(entries: Iterable[Entry], tree: Tree) -> list[Entry]:
    """The definitions of families that a formula rests on."""
    mentioned = {str(t.data[1]) for t in tree.walk() if t.kind == "name" and t.data[2]}
    return [e for e in entries if e.plain in mentioned and not e.is_entry]


_ENTRY_OF = re.compile(r"(?<![A-Za-z\\])(?P<name>[a-z])(?P<low>\s*_\s*\{\s*[i-n]\s*,?\s*[i-n]\s*\})")


def capitalized(match: re.Match[str], shapes: Shapes) -> str:
    """X_{ij} for x_{ij}, where xᵢ is a row of X."""
    known = shapes.get(match["name"].upper())
    is_entry = match["name"] not in shapes and known is not None and ONE not in known
    return (match["name"].upper() if is_entry else match["name"]) + match["low"]


def entry_of(text: str, tree: Tree, shapes: Shapes, entries: Sequence[Entry]) -> tuple[Expr, str]:
    """A formula with one index that no sum binds, yᵢ − Σₖ yₖ aᵢ: the vector of which it is an entry, and the index."""
    lows = ["".join(map(str, t.data[2])).replace(",", "") for t in tree.walk() if t.kind == "name"]
    free = {i for low in lows if len(low) <= 2 and low.isalpha() for i in low}
    free -= {m["index"] for m in _BINDS.finditer(text)}
    text = _ENTRY_OF.sub(lambda m: capitalized(m, shapes), text)
    if len(free) != 1:
        raise Unread("the index of this formula is open")
    (index,) = free
    weight = next(c for c in "cuvgkqh" if c not in {str(t.data[1]) for t in tree.walk() if t.kind == "name"})
    made = parsed(rf"\sum_{index} {weight}_{index} ({text})", shapes, entries)
    variable = next((s for s in symbols_of(made) if s.name == weight), None)
    if variable is None or not made.is_scalar:
        raise Unread("the index of this formula is open")
    return Sweep(made, variable).total, index


def wholes(
    declared: dict[str, Declaration],
    entries: Sequence[Entry],
    shapes: Shapes,
    wanted: set[str],
    claims: Sequence[Claim],
) -> dict[str, Expr]:
    """The vectors and matrices that definitions of entries define: p beside pᵢ = …; they are declared by them."""
    found: dict[str, Expr] = {}
    elsewhere = _indexed(claims)
    for i, entry in enumerate(entries):
        moves = bool(elsewhere.get(entry.plain, set()) - {entry.index})
        for name, mark in ((entry.plain, ""), (entry.plain.upper(), r"^\top")):
            if name not in wanted and not (moves and not mark) or declared.get(name, Declaration()).shape is not None:
                continue
            weight = next(c for c in "cuvgkq" if not {c, c.upper()} & (wanted | {e.plain for e in entries}))
            head = entry.text.partition("=")[0].strip()
            text = rf"\sum_{entry.index} {weight}_{entry.index}{mark} {head}"
            try:
                made = parsed(text, shapes, entries[: i + 1])
                variable = next(s for s in symbols_of(made) if s.name in (weight, weight.upper()))
            except (DeriveError, StopIteration):
                continue
            letters = {s.name for s in symbols_of(made)}
            entry.is_entry = moves and entry.letters <= letters
            if not made.is_scalar or name in letters or not (entry.is_entry or name in wanted):
                continue
            found[name] = Sweep(made, variable).total
            _declare(declared, name, found[name].shape)
            for s in symbols_of(made) if entry.is_entry else ():
                if s is not variable:
                    _declare(declared, s.name, s.shape)
            break
    return found


def _indexed(claims: Sequence[Claim]) -> dict[str, set[str]]:
    """The indices with which each name occurs."""
    found: dict[str, set[str]] = {}
    for t in parts_of(claims):
        if t.kind == "name" and len(t.data[2]) == 1 and str(t.data[2][0]).isalpha():
            found.setdefault(str(t.data[1]), set()).add(str(t.data[2][0]))
    return found


def _has_family(tree: Tree) -> bool:
    return any(t.kind == "name" and t.data[2] for t in tree.walk())
