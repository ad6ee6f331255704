"""A document read: rows to claims, claims to trees, and the scope to judge them in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from copy import copy
from itertools import zip_longest
from typing import Any

from ..errors import DeriveError, ShapeError
from ..reading.differentials import Vocabulary, lex, parse
from ..reading.indicators import INEQUALITY, indicators
from ..reading.tokens import Token
from ..shapes import ONE
from .backward import name_gradients, replaced
from .claims import DERIVATIVES, EDGE, Claim, Claims, Side, parts_of, shown, tokenize, vocabulary_of
from .conditions import stated
from .declaring import add_property, declare, declared_by, declares, is_hedged
from .definitions import settle
from .document import OVER, RESTATED, MathRow, Passage, equation_sides, rows, statements
from .generic_layers import SAID_ONE, kinds, written_out
from .heads import divided_heads, name_heads
from .manuscript import Manuscript
from .means import with_means
from .roles import chains_of, names_of, scopes
from .sample_sums import (
    EntriesOf,
    Hypothesis,
    RowOf,
    as_formula,
    columns_said,
    entries_beside,
    expanded,
    hypotheses_of,
    rows_of,
)
from .trees import Planter, Tree
from .unification import Declaration
from .values import Scope, Unread

_FOR = re.compile(r"(?:^|[\s.(])(?:[Ff]or|[Ii]f|[Rr]ule|by the rule)\s*$")
_DERIVED = re.compile(
    r"(?:\b(?:of|derive|differentiate|minimi[sz]e|loss|function|objective|cost|maximi[sz]e|by)\b)[^.]{0,24}$",
    re.IGNORECASE,
)
_NAMED_LAST = re.compile(r"=:[^=]*$")


_HEADING = re.compile(
    r"^[ \t]{0,3}#{1,6}[ \t]|^[ \t]*[^\s=-][^\n]*\n[ \t]*(?:={3,}|-{3,})[ \t]*$"
    r"|\\(?:chapter|(?:sub){0,2}section|paragraph|question|part)\*?(?![A-Za-z])"
    r"|\\begin\s*\{(?:problem|exercise|question|example|theorem|lemma|proposition|corollary|homeworkProblem)\*?\}"
    r"|^[ \t>*_]*(?:Problem|Exercise|Question|Example|Task|Aufgabe|Theorem|Lemma|Proposition)\b[ \t]*\d",
    re.MULTILINE,
)
_CASE = re.compile(r"[\s&,(]*[i-n]\s*(?:=|\\neq?(?![a-z])|≠|\\not\s*=)\s*[i-n][\s&,.;)]*$")
_ARGUMENT = re.compile(
    r"[\s&{]*(?:\\(?:operatorname|mathrm|text)\*?\s*\{)?[\s{]*\\?arg\s*(?:\\[,!;]\s*)?\\?m(?:in|ax)(?![a-z])"
)
_RANGE = re.compile(
    r"[\s(]*[a-z](?:_\w)?\s*=\s*(?:\\pm|±)\s*1[\s.,;]*$|[\s(]*[a-zN]\s*=\s*[01]\s*(?:,\s*(?:[12]\s*,\s*)?)?(?:\\[lc]?dots|…|\.\.)[^=]*$"
)  # i = 1, …, n
_GOES_ON = re.compile(r"[+−-]|\\cdot|\\times")
_MEMBERS = re.compile(r"[^=]*(?:\\in(?![A-Za-z])|∈)[^=]*")  # for x ∈ ℝⁿ, let …
_VANISHES = re.compile(r"\b(?:vanish\w*|zero|minimi[sz]ed|maximi[sz]ed|solved)\s+(?:only\s+)?(?:for|if)\s*$")
_NO_LETTERS = re.compile(r"\\(?:operatorname|mathrm|text)\*?\s*\{[^{}]*\}|\\[A-Za-z]+")
_IS = re.compile(r"\$?\s*,?\s*(?:is|are|be|denotes?|contains?|holds?|stands?)\b")
_DOTS = re.compile(r"\\[lc]?dots|…|\.\.\.")
_DELTA = re.compile(r"\\delta ([A-Za-z])")
_DELTAS = re.compile(r"\\delta ([A-Za-z])(?![A-Za-z_^])")
MAX_SCOPES = 400
MAX_SAMPLES = 60  # passages of a section that speak of one sample, each read by itself


class Document:
    """A document read: its claims in order, and the scopes to judge them in."""

    def __init__(self, manuscript: Manuscript) -> None:
        self.manuscript = manuscript
        self.claims: list[Claim] = []
        self.scopes: list[Claims] = []
        self.layout: str | None = None  # as the prose names it
        self.notes: list[str] = []
        self.heads: dict[str, str] = {}  # what the names of heads are written as
        self.has_layers = False  # lines in a layer l
        self.neurons: frozenset[str] = frozenset()  # letters of layers that are numbers, as no words say

    @property
    def scope(self) -> Scope:
        """The names of the last scope."""
        return self.scopes[-1].scope


def read(text: str, where: Any = None) -> Document:
    """Read a document: its claims in order, the shapes of all names, what defines what."""
    document = Document(Manuscript(text))
    manuscript = document.manuscript
    found, held = rows(manuscript)
    whole = Claims(manuscript.text)
    loose: list[tuple[str, int, MathRow]] = []
    instance = -1  # the block where the last one begins
    for row in found:
        if _RANGE.match(row.text):
            continue
        begins = not row.display and "=" in row.text and bool(_FOR.search(row.prose)) and not _CASE.match(row.text)
        if begins and not _VANISHES.search(row.prose) and not _MEMBERS.fullmatch(row.text):
            instance = row.block
        elif row.display or row.block - instance > 4 or "." in row.prose:
            instance = -1
        _take(whole, row, loose, instance >= 0)
    whole.claims = with_means(whole.claims, manuscript.text, document.notes)
    for claim in whole.claims:
        _locate(claim, manuscript)
    _join_deltas(whole.claims)
    document.heads = name_heads(whole.claims)
    sections = _sections(held)
    whole.claims, has_layers = written_out(whole.claims, lambda c: sections[c.row.block])
    if has_layers:
        document.has_layers = True
        document.notes.append("lines in a layer l are judged in the second layer of a network of three, L = 3")
    last = sections[-1] if sections else 0
    everywhere = Claims(manuscript.text)
    declared = declared_by(where)
    _declare(declared, loose, held, everywhere)
    document.layout = everywhere.layout
    vocabulary = vocabulary_of(whole, declared)
    entries = entries_beside(whole.claims)
    hypotheses: list[Hypothesis | RowOf | EntriesOf] = [*hypotheses_of(whole.claims), *rows_of(whole.claims), *entries]
    for claim in whole.claims:
        for side in claim.sides:
            _parse(side, vocabulary, document.notes, hypotheses)
    vocabulary.kinds = kinds(whole.claims, manuscript.text) if has_layers else {}
    if set(vocabulary.kinds.values()) == {"scalar"} and not SAID_ONE.search(manuscript.text):
        document.neurons = frozenset(vocabulary.kinds)
    named = name_gradients(whole.claims, lambda c: sections[c.row.block])
    instances = _instances(whole.claims)
    divided_heads(whole.claims, sections)
    whole.claims = _named_behind(whole.claims, _Mentioned(held, declared))
    document.claims = whole.claims
    bare: list[tuple[Side, int]] = []
    for content, start, row in loose:
        is_minimized = OVER.match(row.text, start) or _ARGUMENT.match(row.text, start)
        if (row.display or is_minimized or _DERIVED.search(row.prose)) and not declares(content):
            side = Side(content, row.start + start)
            _parse(side, vocabulary, document.notes)
            if side.tree is not None and side.tree.kind not in ("name", "number", "identity", "transpose"):
                bare.append((side, row.block))

    def after(claim: Claim) -> str:
        following = held[claim.row.block + 1 : claim.row.block + 2]
        return re.split(r"[.\n]\s", following[0].text, maxsplit=1)[0][:200] if following else ""

    cut = scopes([c for c in whole.claims if not c.is_instance], lambda c: sections[c.row.block], after)
    cut = [*(cut or [([], {}, "")]), *(one for run in instances for one in scopes(run, lambda c: 0, after))]
    declarations: dict[int, tuple[dict[str, Declaration], Claims]] = {}
    before = -1
    for claims, inherited, why in cut:
        section = sections[claims[0].row.block] if claims else last
        if section not in declarations:
            declarations[section] = _declared_in(section, sections, held, loose, where)
        known, said = ({}, Claims("")) if claims and claims[0].is_instance else declarations[section]
        if why:
            document.notes.append(why)
        own = [side for side, block in bare if sections[block] == section and section != before]
        before = section
        for claim in claims:
            for one, other in (claim.sides[:2], claim.sides[1::-1]) if len(claim.sides) == 2 else ():
                name = symmetric_name(one.tree, other.tree)
                if name is not None and not is_hedged(claim.row.prose):
                    add_property(known, name, "symmetric")  # K = Kᵀ
        maker = _Maker(document, known, said, own, vocabulary, hypotheses, named.get(section))
        document.scopes += maker.settled(claims, inherited)
    return document


class _Maker:
    """Makes the scopes of a section: one, or several where shapes do not fit into one."""

    def __init__(
        self, document: Document, known: dict[str, Declaration], said: Claims, bare: list[Side], vocabulary: Vocabulary,
        hypotheses: Sequence[Hypothesis | RowOf | EntriesOf], loss: str | None,
    ) -> None:  # fmt: skip
        self.document = document
        self.known = known
        self.said = said
        self.bare = bare
        self.vocabulary = vocabulary
        self.hypotheses = hypotheses
        self.loss = loss  # whose gradients are named dW

    def reread(self, side: Side, text: str) -> Tree | None:
        """What another text in place of a side says."""
        other = Side(text, side.start)
        _parse(other, self.vocabulary, [], self.hypotheses)
        return replaced(other.tree, self.loss) if self.loss and other.tree is not None else other.tree

    def make(self, claims: list[Claim], inherited: dict[str, Claim]) -> Claims:
        made = Claims(self.document.manuscript.text)
        made.scope.columns = columns_said(made.text)
        made.scope.names_gradients = self.loss is not None
        made.claims, made.inherited, made.layout = claims, inherited, self.document.layout
        made.reread = self.reread
        made.nabla_candidates = list(self.said.nabla_candidates)
        made.one_hot, made.signs = self.said.one_hot, self.said.signs
        made.sums_to_one, made.units, made.bare = self.said.sums_to_one, self.said.units, self.bare
        made.supposed = self.said.supposed
        for claim in claims:
            for side in claim.sides:
                if side.tree is not None:
                    side.error = None
        try:
            settle(made, dict(self.known), self.vocabulary)
        except DeriveError as error:  # one bad line costs its scope, and never the report
            for claim in claims:
                for side in claim.sides:
                    side.tree, side.error = None, side.error or error
            made.scope = Scope()
        return made

    def settled(self, claims: list[Claim], inherited: dict[str, Claim]) -> list[Claims]:
        """The scopes of some claims: what they inherit is left out, and they are cut, until shapes fit."""
        found: list[Claims] = []
        samples = 0
        while claims:
            made = self.make(claims, inherited)
            one = _of_one_sample(claims, made.scope)
            samples += one is not None
            if one is not None and samples > MAX_SAMPLES:
                for side in (side for claim in claims[one[0] :] for side in claim.sides):
                    side.tree = None
                    side.error = Unread(f"behind {MAX_SAMPLES} passages that speak of one sample nothing is read")
                return [*found, self.make(claims, inherited)]
            if one is not None:
                self.document.notes.append(f"line {claims[one[0]].number} speaks of one sample")
                known = inherited | {str(c.name): c for c in claims[: one[0]] if c.role == "definition" and c.name}
                plain = {n: c for n, c in known.items() if not {t.kind for t in parts_of([c])} & {"total", "formula"}}
                found += [self.make(claims[: one[0]], inherited)] if one[0] else []
                found.append(self.make(claims[slice(*one)], plain))
                claims, inherited = claims[one[1] :], known
                continue
            at = _misfit(claims)
            if at is None or len(self.document.scopes) + len(found) > MAX_SCOPES:
                return [*found, made]
            if inherited:
                alone = self.make(claims, {})
                if _misfit(claims) is None:
                    return [*found, alone]
            if at > 0:
                tail = claims[at:]
                self.make(tail, {})
                if _misfit(tail) != 0:
                    self.document.notes.append(f"line {tail[0].number} does not fit the shapes of the lines before it")
                    found.append(self.make(claims[:at], inherited))
                    claims, inherited = tail, {}
                    continue
            return [*found, self.make(claims, inherited)]
        return found or [self.make(claims, inherited)]


def _of_one_sample(claims: list[Claim], scope: Scope) -> tuple[int, int] | None:
    """Where a chain stands that speaks of one sample (x, y), beside sums over all for which y is a vector."""
    start = 0
    for chain in chains_of(claims):
        names = {n for c in chain for side in c.sides for n in names_of(side.tree)}
        for sample in sorted(n for n in names if len(n) == 1 and n.islower() and n.upper() in scope.families):
            rows = scope.families[sample.upper()][0]
            others = [n for n in names - {sample} if scope.families.get(n, (None, None))[0] is rows and rows is not ONE]
            if others and sample not in scope.families and sample.upper() not in names and len(claims) > len(chain):
                return start, start + len(chain)
        start += len(chain)
    return None


def _misfit(claims: list[Claim]) -> int | None:
    """The first definition whose shapes do not fit."""
    return next(
        (
            i
            for i, c in enumerate(claims)
            if c.role == "definition" and len(c.sides) > 1 and isinstance(c.sides[1].error, ShapeError)
        ),
        None,
    )


def _sections(held: list[Passage]) -> list[int]:
    """The number of the section in which each piece stands."""
    found, section = [], 0
    for piece in held:
        if piece.kind == "prose":
            section += len(_HEADING.findall(piece.text))
        found.append(section)
    return found


def _declared_in(
    section: int, sections: list[int], held: list[Passage], loose: list[tuple[str, int, MathRow]], where: Any
) -> tuple[dict[str, Declaration], Claims]:
    """What a section declares, and what the ones before it do and it does not."""
    known: dict[str, Declaration] = declared_by(where)
    said = Claims("")
    for k in sorted({s for s in sections if s <= section}, reverse=True):
        own = Claims("")
        found: dict[str, Declaration] = {} if known and k != section else dict(known)
        _declare(
            found,
            [piece for piece in loose if sections[piece[2].block] == k],
            [piece for piece, s in zip(held, sections) if s == k],
            own,
        )
        for name, one in found.items():
            if k == section:
                known[name] = one
            else:
                known.setdefault(name, one)
        said.nabla_candidates += own.nabla_candidates if k == section or not said.nabla_candidates else []
        said.sums_to_one += own.sums_to_one
        said.one_hot += own.one_hot
        said.signs += own.signs
        said.units += own.units
        said.supposed += own.supposed
    return known, said


def _declare(
    declared: dict[str, Declaration], loose: list[tuple[str, int, MathRow]], held: list[Passage], reading: Claims
) -> None:
    declare(declared, loose, held, reading)
    stated(declared, loose, held, reading)


def symmetric_name(one: Tree | None, other: Tree | None) -> str | None:
    """K, of K and Kᵀ."""
    if one is None or other is None or one.kind != "name" or other.kind != "transpose" or not other.args:
        return None
    return str(one.data[0]) if other.args[0].key() == one.key() else None


def _instances(claims: list[Claim]) -> list[list[Claim]]:
    """The runs of "for C = A B, …", which have letters of their own, but where the document derives what they give.

    "For f(x) = …, ∇f = …" gives f anew.
    """
    runs: list[list[Claim]] = []
    alone: list[list[Claim]] = []
    for claim in claims:
        if not claim.is_instance:
            continue
        opens = bool(_FOR.search(claim.row.prose)) and (not runs or runs[-1][-1].row is not claim.row)
        if opens or not runs or claim.row.block - runs[-1][-1].row.block > 4:
            runs.append([])
        runs[-1].append(claim)
    for run in runs:
        heads = [c for c in run if c.sides[0].tree is not None and c.sides[0].tree.kind in ("name", "apply")]
        named = {str(c.sides[0].tree.data[0]) for c in heads if c.sides[0].tree is not None}
        last = run[-1].row.block
        others = {str(t.data[0]) for c in claims if c not in run and (t := c.sides[0].tree) is not None and t.data}
        behind = [c for c in claims if c.row.display and last < c.row.block <= last + 2]  # the sentence goes on there
        behind = behind if named & others else [c for c in claims if c.row.block > last]  # nothing else has the name
        trees = [t for c in [*run, *behind] for s in c.sides if s.tree is not None for t in s.tree.walk()]
        moved = [t.args[0] for t in trees if t.kind in ("derivative", "gradient", "differential") and t.args]
        is_alone = bool(heads) and not any(t.data and str(t.data[0]) in named for t in moved)
        for claim in run:
            claim.is_instance = is_alone
            claim.defines |= claim in heads and not is_alone
        alone += [run] * is_alone
    return alone


def _join_deltas(claims: list[Claim]) -> None:
    """Take δc for one name where a line says that it is ∂L/∂c."""
    heads = [(claim, _DELTA.fullmatch(claim.sides[0].text.strip(EDGE))) for claim in claims if not claim.continues]
    letters = {
        m[1] for c, m in heads if m for s in c.sides[1:] if re.search(rf"\\partial\s*{m[1]}(?![A-Za-z])", s.text)
    }
    for side in (side for claim in claims for side in claim.sides) if letters else ():
        side.text = _DELTAS.sub(lambda m: rf"\delta_{m[1]}" if m[1] in letters else m[0], side.text)


class _Mentioned:
    """The letters that a document has used or declared before a line."""

    __slots__ = ("met", "names", "waiting")

    def __init__(self, held: Sequence[Passage], declared: Iterable[str]) -> None:
        self.names = set(declared)
        self.waiting, self.met = held, 0
        for one, following in zip(held, held[1:]):
            if one.kind == "inline" and _IS.match(following.text):
                self.names |= _letters(Side(one.text, 0))

    def before(self, block: int) -> set[str]:
        for passage in self.waiting[self.met : block]:
            if passage.kind == "prose":
                self.names |= set(re.findall(r"(?<![^\W\d_]|\\)[^\W\d_](?![^\W\d_])", passage.text))
            else:
                self.names |= _letters(Side(passage.text, 0))
        self.met = max(self.met, block)
        return self.names


def _letters(side: Side) -> set[str]:
    """The letters of a side, whether it is read or not."""
    trees = side.tree.walk() if side.tree is not None else ()
    found = {str(d) for t in trees if t.kind == "name" for d in t.data[:2]}
    with suppress(DeriveError):
        found |= {t.text for t in side.found or lex(side.written, frozenset(), True)}
    words = re.findall("[A-Za-z]+", _NO_LETTERS.sub(" ", side.text))
    return found | {letter for w in words if len(w) < 3 or not w.islower() for letter in w}  # Ax, and not diag


def _named_behind(claims: list[Claim], mentioned: _Mentioned) -> list[Claim]:
    """The claims, with the definition of p beside ∂f/∂xⱼ = eˣʲ / Σᵢ eˣⁱ = pⱼ where nothing else says what p is."""
    heads = {_plain_name(claim.sides[0].tree) for claim in claims if not claim.continues}
    found: list[Claim] = []
    used: set[str] = set()
    moved = [t.args[0] for t in parts_of(claims) if t.kind in DERIVATIVES and t.args]
    derived = {t.data[0] for t in moved if t.data}
    losses = [c for c in claims if (h := c.sides[0].tree) and h.kind in ("name", "apply") and h.data[0] in derived]
    seen = {name for loss in losses for side in loss.sides for name in _letters(side)}  # c of h = cᵀx is data
    seen |= {str(t.data[1]) for part in moved if part.kind != "name" for t in part.walk() if t.kind == "name"}
    for claim, following in zip_longest(claims, claims[1:]):
        squared, root = (_root(side.tree) for side in (claim.sides[0], claim.sides[min(1, len(claim.sides) - 1)]))
        name = _plain_name(squared) if root is not None else ""
        if name and len(claim.sides) > 1 and name not in heads | used | _letters(claim.sides[1]):
            heads.add(name)  # e'e = (y − Xb)'(y − Xb), where no line says that e = y − Xb
            found.append(_made(claim, claim.sides[0], claim.sides[1]))
            found[-1].is_shown = False
            for side, tree in zip(found[-1].sides, (squared, root)):
                side.tree, side.found = tree, side.found[-1:]
        found.append(claim)
        used |= {name for side in claim.sides for name in _letters(side)}
        *before, last = claim.sides
        seen |= {name for side in before for name in _letters(side)} | mentioned.before(claim.row.block)
        named, head = _plain_name(last.tree), before[0].tree if before else None
        if len(before) > 1 and head is not None and head.kind in DERIVATIVES and named and named not in seen | heads:
            if following is None or not following.continues:
                claim.sides = before
                found.append(_made(claim, last, before[-1]))
        seen |= _letters(last)
    return found


def _made(claim: Claim, name: Side, formula: Side) -> Claim:
    """The definition of a name that a claim gives in passing."""
    made = Claim([copy(name), copy(formula)], False, True, claim.row, claim.is_instance)
    made.number, made.start = claim.number, claim.start
    made.latex = " = ".join(shown(side.text) for side in made.sides)
    return made


def _root(tree: Tree | None) -> Tree | None:
    """The r of rᵀr."""
    parts = tree.args if tree is not None and tree.kind == "prod" else []
    turned = parts[0].args if len(parts) == 2 and parts[0].kind == "transpose" else []
    return parts[1] if turned and turned[0].key() == parts[1].key() else None


def _plain_name(tree: Tree | None) -> str:
    """p of p, and of pⱼ."""
    return str(tree.data[1]) if tree is not None and tree.kind == "name" and len("".join(tree.data[2])) < 2 else ""


def _take(reading: Claims, row: MathRow, loose: list[tuple[str, int, MathRow]], is_instance: bool) -> None:
    first = True
    for content, start, wordy in statements(row):
        if _CASE.match(content):  # i = j: of which entries a line speaks
            if reading.claims and reading.claims[-1].row is row:
                reading.claims[-1].case = "≠" if re.search(r"\\n|≠", content) else "="
            continue
        spans, defines = equation_sides(content)
        offset = row.start + start
        leading = content.lstrip(" \n\t&~")
        previous = reading.claims[-1] if reading.claims else None
        above = previous if first and row.display else None  # the claim that a line of a display may go on with
        if above is not None and (above.row.block != row.block or above.row is row):
            above = None
        if len(spans) == 1:
            if above is not None and not declares(content) and (not wordy or _GOES_ON.match(leading)):
                _append(above.sides[-1], content, offset)
            else:
                loose.append((content, start, row))
            first = False
            continue
        sides = [Side(content[a:b], offset + a) for a, b in spans]
        if (
            above is not None
            and not sides[0].is_blank
            and (_GOES_ON.match(leading) or above.sides[-1].is_blank)
            and not row.text[:start].strip(" \n\t&")
        ):
            _append(above.sides[-1], sides[0].text, sides[0].start)
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
        if not continues and len(sides) > 1 and _ARGUMENT.match(sides[1].text):
            loose.append((sides[1].text, sides[1].start - row.start, row))  # the loss, and not what is named
            first = False
            continue
        named = sides.pop() if _NAMED_LAST.search(content) and len(sides) + continues > 2 else None
        reading.claims.append(Claim(sides, continues, defines and named is None, row, is_instance))
        if named is not None:  # … = (h − y) ⊙ (1 − h²) =: δ
            reading.claims.append(Claim([named, Side(sides[-1].text, sides[-1].start)], False, True, row, is_instance))
        first = False


def _append(side: Side, text: str, start: int) -> None:
    """Put the continuation of a broken line at its place behind the side."""
    gap = start - side.start - len(side.text)
    side.text = side.text + " " * max(gap, 1) + text


def _locate(claim: Claim, manuscript: Manuscript) -> None:
    first = claim.sides[0]
    start = first.start + len(first.text) - len(first.text.lstrip(" \n\t&~"))
    claim.start = start
    claim.number = manuscript.line(start)
    lead = "= " if claim.continues else ""
    claim.latex = (lead + " = ".join(shown(s.text) for s in claim.sides)).strip()


def _parse(
    side: Side, vocabulary: Vocabulary, notes: list[str], hypotheses: Sequence[Hypothesis | RowOf | EntriesOf] = ()
) -> None:
    source = side.written
    readings: list[str] = []
    if len(_DOTS.findall(side.text)) > len(_DOTS.findall(source)):
        readings.append("the entries from the first to the last are read as a vector")
    planter = Planter(source, side.start)

    def tree(found: list[Token]) -> Tree:
        return planter.tree(parse(found, source, vocabulary, readings))

    try:
        tokenize(side, frozenset(vocabulary.names), vocabulary.is_latex)
        found = [copy(t) for t in side.found]
        if INEQUALITY.search(source):
            found = indicators(found, source, readings, set())
        cut = next((i for i, t in enumerate(found) if t.text == "↦"), None)
        if cut is not None:  # [ΔZ] ↦ A ΔZ B: a linear map by its value at a direction
            direction = [t for t in found[:cut] if t.kind not in ("open", "close")]
            argument, body = tree(direction), tree(found[cut + 1 :])
            side.tree = Tree("map", [body], (argument,), (argument.span[0], body.span[1]))
        else:
            made = tree(found)
            for entries in (one for one in hypotheses if isinstance(one, EntriesOf)):
                made = entries.renamed(made)
            side.expanded = expanded(source, hypotheses)
            source = side.expanded if "sum" in source or "∑" in source else source
            side.tree = as_formula(made, source)
        vocabulary.divisors |= planter.divisors
        readings += planter.readings
        if RESTATED.search(side.text.rstrip(EDGE)):
            readings.append("the shape that a line gives behind ∈ is not judged")
        notes += [reading for reading in readings if reading not in notes]
    except DeriveError as error:
        span = (error.span[0] + side.start, error.span[1] + side.start) if error.span is not None else None
        side.error = type(error)(error.message, None, None, error.hint)
        side.error.span = span
