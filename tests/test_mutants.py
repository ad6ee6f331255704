"""Mutants: our own derivations with one mistake planted must fail there, and only there.

Every mutant changes one side of one line by one mistake of a known kind.  Whether its
value really changes is decided without the checker: the public parser reads both sides,
and only a side that no longer fits or differs at a random point counts.

`DERIVE_FULL=1` runs all of them; the default is a fixed sample.
"""

from __future__ import annotations

import os
import random
import re
from collections import Counter
from functools import cache

import numpy as np
import pytest

import derive
from derive.checking import check
from derive.checking.interpretation import read
from derive.errors import DeriveError

FULL = bool(os.environ.get("DERIVE_FULL"))
MUTANTS = 5000 if FULL else 60
REWRITINGS = 2000 if FULL else 20
STRIDE = 1 if FULL else 5  # which of the documents are read
RENDERINGS = ("latex", "markdown", "text", "rows")

# formula, variables, declarations
LOSSES = [
    ("½‖WᵀWx − x‖²", "W x", "W: m×n, x: n"),
    ("½‖WᵀWX − X‖²", "W X", "W: m×n, X: n×p"),
    ("½‖DEx − x‖²", "D E", "D: n×m, E: m×n, x: n"),
    ("½‖Wᵀ tanh(W x + b) − x‖²", "W b", "W: m×n, x: n, b: m"),
    ("½‖V σ(W x + b) − y‖²", "V W b", "V: p×m, W: m×n, x: n, b: m, y: p"),
    ("tr((WᵀW − I)²)", "W", "W: m×n"),
    ("‖A x − b‖²", "x A b", "A: m×n, x: n, b: m"),
    ("½ (A x − b)ᵀ S (A x − b)", "x", "A: m×n, x: n, b: m, S: m×m"),
    ("xᵀ A x + cᵀ x", "x A c", "A: n×n, x: n, c: n"),
    ("xᵀ A y", "x A y", "A: m×n, x: m, y: n"),
    ("aᵀ X b", "X", "a: m, X: m×n, b: n"),
    ("aᵀ Xᵀ X b", "X", "a: n, X: m×n, b: n"),
    ("aᵀ X⁻¹ b", "X", "a: n, b: n, X: n×n"),
    ("tr(A X B)", "X A", "A: p×m, X: m×n, B: n×p"),
    ("tr(X A Xᵀ B)", "X", "A: n×n, X: m×n, B: m×m"),
    ("tr(Xᵀ A X)", "X", "A: m×m, X: m×n"),
    ("tr(A X⁻¹ B)", "X", "A: p×n, X: n×n, B: n×p"),
    ("logdet(X)", "X", "X: n×n"),
    ("tr(S X⁻¹) + logdet(X)", "X", "S: n×n, X: n×n"),
    ("‖X Aᵀ − B‖²", "X A", "X: m×n, A: p×n, B: m×p"),
    ("‖A X B − C‖²", "X", "A: p×m, X: m×n, B: n×q, C: p×q"),
    ("½‖A ⊙ X − B‖²", "X", "A: m×n, X: m×n, B: m×n"),
    ("½‖M ⊙ (U Vᵀ − Y)‖²", "U V", "M: m×n, U: m×k, V: n×k, Y: m×n"),
    ("‖X w − y‖² + λ‖w‖²", "w y", "X: m×n, w: n, y: m, λ: scalar"),
    ("‖X w − y‖ + λ‖w‖²", "w", "X: m×n, w: n, y: m, λ: scalar"),
    ("sum(softplus(X w)) − yᵀ X w", "w", "X: m×n, w: n, y: m"),
    ("logsumexp(A x)", "x A", "A: m×n, x: n"),
    ("logsumexp(A x) − yᵀ A x", "x", "A: m×n, x: n, y: m"),
    ("½‖σ(W x) − y‖²", "W x", "W: m×n, x: n, y: m"),
    ("sum(exp(A x))", "x", "A: m×n, x: n"),
    ("½‖x − a‖² + ½‖B x‖²", "x", "x: n, a: n, B: m×n"),
    ("‖x − a‖", "x a", "x: n, a: n"),
    ("½‖W₂ W₁ x − y‖²", "W₁ W₂", "W₁: m×n, W₂: p×m, x: n, y: p"),
    ("½‖W₁ᵀ W₂ᵀ W₂ W₁ x − x‖²", "W₁ W₂", "W₁: m×n, W₂: p×m, x: n"),
    ("½‖A B Aᵀ − C‖²", "A B", "A: m×n, B: n×n, C: m×m"),
    ("½ xᵀ Aᵀ A x − bᵀ x", "x A", "A: m×n, x: n, b: n"),
    ("cᵀ tanh(A x)", "x A", "A: m×n, x: n, c: m"),
    ("yᵀ relu(W x)", "W", "W: m×n, x: n, y: m"),
    ("aᵀ diag(x) B x", "x", "a: n, x: n, B: n×n"),
    ("½‖X − Z Zᵀ‖²", "Z", "X: n×n, Z: n×k"),
    ("tr(Aᵀ exp(X))", "X", "A: m×n, X: m×n"),
    ("½‖Y − X B‖² + ½ λ‖B‖²", "B", "Y: m×p, X: m×n, B: n×p, λ: scalar"),
    ("(aᵀ x)² + bᵀ x", "x", "a: n, b: n, x: n"),
    ("(x − u)ᵀ A⁻¹ (x − u)", "x A u", "x: n, u: n, A: n×n"),
    ("½‖t X − Y‖²", "X t", "t: scalar, X: m×n, Y: m×n"),
    ("sum(log(A x))", "x", "A: m×n, x: n"),
    ("½‖A x − b‖² + ½‖C x − d‖²", "x", "A: m×n, b: m, C: p×n, d: p, x: n"),
    ("½‖Xᵀ X − C‖²", "X", "X: m×n, C: n×n"),
    ("det(A X)", "X", "A: n×n, X: n×n"),
    ("wᵀ X ᵀ D X w".replace("X ᵀ", "Xᵀ"), "w", "w: n, X: m×n, D: m×m"),
]  # fmt: skip

JACOBIANS = [
    ("softmax(A x)", "x", "A: m×n, x: n"),
    ("softmax(x)", "x", "x: n"),
    ("tanh(W x + b)", "x b", "W: m×n, x: n, b: m"),
    ("A (x ⊙ x)", "x", "A: m×n, x: n"),
    ("σ(W x)", "x", "W: m×n, x: n"),
    ("diag(x) B x", "x", "B: n×n, x: n"),
    ("diag(x) B y", "y x", "B: n×n, x: n, y: n"),
    ("exp(A x) ⊙ y", "x y", "A: m×n, x: n, y: m"),
]

ACCEPTED = {
    "transpose": {"transpose", "inverse transpose", "order", "layout", "symmetric"},
    "order": {"order", "transpose"},
    "sign": {"sign", "term"},
    "factor": {"factor", "term"},
    "path": {"path", "term", "factor"},  # of two equal paths, one is half
    "term": {"term", "path", "factor"},
    "inner derivative": {"inner derivative", "softmax"},
    "hadamard": {"hadamard", "diag"},  # diag(u) v is u ⊙ v
    "diag": {"diag", "hadamard"},
    "inverse transpose": {"inverse transpose", "transpose", "layout", "symmetric"},
    "norm": {"norm", "factor"},
    "softmax": {"softmax", "term"},
    "index": {"index"},
    "scalar for matrix": {"scalar for matrix"},
    "layout": {"layout", "transpose", "order", "inverse transpose"},
    "symmetric": {"symmetric", "term", "path", "transpose"},
}


class Document:
    """One derivation in one rendering, with what mutation needs to know of it."""

    def __init__(self, formula: str, wrt: str, where: str, rendering: str) -> None:
        self.name = f"{formula} by {wrt}, {rendering}"
        derivative = derive.gradient if (formula, where) in {(f, w) for f, _, w in LOSSES} else derive.jacobian
        self.derivation = derivative(formula, wrt, where=where)
        self.rendering = rendering
        self.text = rows(self.derivation, where) if rendering == "rows" else getattr(self.derivation, rendering)()
        self.where = where
        self.unicode = rendering == "text"
        self.sides = []  # (line, start, end, whole gradient) of sides that hold no derivative
        for claim in read(self.text).claims:
            if claim.is_definition:
                continue
            for side in claim.sides if claim.continues else claim.sides[1:]:
                body = side.text.strip()
                if (
                    not body
                    or "partial" in body
                    or "∂" in body
                    or re.search(r"(?<![a-z\\\\])d(?!iag|et)[A-Za-z\\\\]", body)
                    or "\n" in body
                    or side.tree is None
                ):
                    continue
                start = side.start + side.text.index(body)
                end = start + len(body.rstrip(" .,;&"))
                if self.text[start:end] == body.rstrip(" .,;&") and "tag" not in body:
                    self.sides.append((claim.number, start, end))


def rows(derivation: derive.derivation.Derivation, where: str) -> str:
    """The result in numerator layout and as a differential, as lecture notes have it."""
    x = derivation.wrt.latex()
    expanded, boxed = derivation.expanded.latex(), derivation.boxed.latex()
    given = []
    for item in where.split(", "):
        name, _, shape = item.partition(": ")
        size = "1" if shape == "scalar" else shape.replace("×", r" \times ")
        given.append(rf"${name} \in \mathbb{{R}}^{{{size}}}$")
    return f"""In numerator layout, with {", ".join(given)}, let

$$L = {derivation.loss.latex()}$$

Then
\\begin{{align}}
dL &= \\langle {expanded}, d{x} \\rangle \\\\
 &= \\operatorname{{tr}}\\left(({boxed})^{{\\top}} d{x}\\right) \\\\
\\frac{{\\partial L}}{{\\partial {x}}} &= ({expanded})^{{\\top}} \\\\
 &= ({boxed})^{{\\top}}
\\end{{align}}
"""


ALL = [
    (formula, wrt, where, rendering)
    for rows, renderings in ((LOSSES, RENDERINGS), (JACOBIANS, RENDERINGS[:3]))
    for formula, variables, where in rows
    for wrt in variables.split()
    for rendering in renderings
]


@cache
def documents() -> list[Document]:
    return [Document(*row) for row in ALL[::STRIDE]]


def mutations(document: Document, start: int, end: int) -> list[tuple[str, str]]:
    """Mistakes planted in one side: kind and the side as it then reads."""
    side = document.text[start:end]
    uni = document.unicode
    top = "ᵀ" if uni else r"^{\top}"
    found: list[tuple[str, str]] = []

    def put(kind: str, span: tuple[int, int], new: str) -> None:
        found.append((kind, side[: span[0]] + new + side[span[1] :]))

    names = r"(?<![A-Za-z\\{])(?!I)[A-Za-z](?:_\{\d\}|[₁₂₃])?(?![A-Za-z(_₁₂₃])"
    for m in re.finditer(r"(?<!⁻)" + re.escape(top), side):
        put("transpose", m.span(), "")
    for m in re.finditer(names + r"(?![ᵀ⁻^])", side):
        if not re.search(r"\\[a-z]*\{?$", side[: m.start()]):
            put("transpose", (m.end(), m.end()), top)
    atom = names + r"(?:\^\{(?:\\top|-1|-\\top)\}|[ᵀ⁻¹]+)?"
    for m in re.finditer(rf"({atom}) ({atom})(?![(])", side):
        if m[1] != m[2]:
            put("order", m.span(), f"{m[2]} {m[1]}")
    for m in re.finditer(r" ([+\-−]) ", side):
        put("sign", m.span(1), {"+": "−" if uni else "-", "-": "+", "−": "+"}[m[1]])
    if not re.match(r"[-−]", side):
        put("sign", (0, 0), "−" if uni else "-")
    for m in re.finditer(r"(?<![\d.^{₁/])2 (?=[A-Za-z(\\λ])", side):
        put("factor", m.span(), "")
        put("factor", m.span(), "4 ")
    if not re.match(r"[-−\d½]", side) and " + " not in side and " − " not in side and " - " not in side:
        put("factor", (0, 0), "2 ")
    for a, b in summands(side):
        put("term", (a, b), "")
    for m in re.finditer(r" ?(?:\\odot|⊙) ?(?:\([^()]*(?:\([^()]*\)[^()]*)*\)|[A-Za-zσ\\]+\([^()]*\))", side):
        put("inner derivative", m.span(), "")
    for m in re.finditer(r" (?:\\odot|⊙) ", side):
        put("hadamard", m.span(), " ")
    for m in re.finditer(rf"({atom}) ({atom})(?![(])", side):
        put("hadamard", (m.end(1), m.start(2)), " ⊙ " if uni else r" \odot ")
    for m in re.finditer(
        r"(?:\\mathop\{\\mathrm\{diag\}\}|\\operatorname\{diag\}|\\mathrm\{diag\}|\{\\mathrm\{diag\}\}|diag)(?=\()",
        side,
    ):
        put("diag", m.span(), "")
    name = r"(?:\\operatorname\{softmax\}|\\mathop\{\\mathrm\{softmax\}\}|softmax)"
    for m in re.finditer(rf" [-−] {name}\([^()]*\) .*?(?:\^\{{\\top\}}|ᵀ)", side):
        put("softmax", m.span(), "")
    for m in re.finditer(r"\^\{-\\top\}|⁻ᵀ", side):
        put("inverse transpose", m.span(), "⁻¹" if uni else "^{-1}")
    for m in re.finditer(r"\\rVert\^\{2\}|‖²", side):
        put("norm", m.span(), "‖" if uni else r"\rVert")
    for m in re.finditer(r"\\rVert(?![\^_])|(?<=[A-Za-z)])‖(?![²_])", side):
        put("norm", m.span(), "‖²" if uni else r"\rVert^{2}")
    if re.fullmatch(r"2 [xzwyu]|[xzwyu]", side):
        put("index", (len(side), len(side)), "ⱼ" if uni else "_{j}")
    if not re.search(r"tr|rVert|‖", side):
        head = "tr(" if uni else r"\operatorname{tr}("
        found.append(("scalar for matrix", f"{head}{side})"))
    if re.search(r"[^\W\d_½¼¾⅓⅔]", side.replace(r"\frac", "")):  # a number has no layout
        found.append(("layout", f"({side}){top}"))
    for m in re.finditer(r"\(A \+ A(?:ᵀ|\^\{\\top\})\) x", side):
        put("symmetric", m.span(), "2 A x")
    shares = document.derivation.contributions
    if len(shares) > 1 and document.rendering != "rows":
        for share in shares:
            text = share.expression.text() if uni else share.expression.latex()
            found.append(("path", text))
    return found


def summands(side: str) -> list[tuple[int, int]]:
    """Spans of terms, with their signs, that can be struck out of a sum at any depth."""
    found = []
    for m in re.finditer(r" [+\-−] ", side):
        depth, i = 0, m.end()
        while i < len(side):
            c = side[i]
            if c in "([{":
                depth += 1
            elif c in ")]}":
                depth -= 1
                if depth < 0:
                    break
            elif depth == 0 and re.match(r" [+\-−] ", side[i:]):
                break
            elif depth == 0 and (side.startswith(r"\rVert", i) or c == "‖"):
                break
            i += 1
        if depth <= 0 and side[m.end() : i].strip():
            found.append((m.start(), i))
    return found


@cache
def value(text: str, where: str):
    """The value of a formula at a fixed point, read by the public parser; None if it does not fit."""
    try:
        expr = derive.parse(text, where=where)
    except DeriveError:
        return None
    from derive.expr import symbols_of
    from derive.numeric import random_point

    known = list(derive_symbols(where).values())
    if any(s.name not in {k.name for k in known} for s in symbols_of(expr)):
        return None
    point = random_point([expr, *known], seed=5, sizes=None)
    sizes = dict(zip("kmnpq", (4, 2, 3, 5, 7)))
    point = random_point([*known], seed=5, sizes=sizes)
    with np.errstate(all="ignore"):
        return point.evaluate(expr)


@cache
def derive_symbols(where: str):
    made = derive.symbols(where)
    return {s.name: s for s in (made if isinstance(made, tuple) else (made,))}


def changes(document: Document, before: str, after: str) -> bool:
    """Whether the mutant's value really differs from that of the original."""
    if "where" in before or re.search(r"(?<![A-Za-z])[rshz](?![A-Za-z])", before) and "z" not in document.where:
        return False  # named intermediates of the compact form are no symbols of the loss
    original, mutant = value(before, document.where), value(after, document.where)
    if original is None or not np.all(np.isfinite(original)):
        return False
    if mutant is None:
        return True
    if not np.all(np.isfinite(mutant)):
        return False
    if original.shape != mutant.shape:
        return True
    return bool(np.abs(original - mutant).max() > 1e-6 * (1 + np.abs(original).max()))


def is_whole(document: Document, side: str) -> bool:
    """Whether the side is the whole gradient."""
    here, whole = value(side, document.where), value(document.derivation.expanded.text(), document.where)
    return here is not None and whole is not None and here.shape == whole.shape and np.allclose(here, whole)


def all_mutants() -> list[tuple[Document, int, str, str]]:
    """Mutants in a fixed random order: document, line, kind, text."""
    pool: dict[str, list[tuple[Document, int, int, int, str]]] = {}
    for document in documents():
        for number, start, end in document.sides:
            for kind, mutant in mutations(document, start, end):
                pool.setdefault(kind, []).append((document, number, start, end, mutant))
    order = random.Random(2024)
    for group in pool.values():
        order.shuffle(group)
    found: list[tuple[Document, int, str, str]] = []
    position = dict.fromkeys(pool, 0)
    while len(found) < MUTANTS and any(position[k] < len(pool[k]) for k in pool):
        for kind, group in pool.items():
            while position[kind] < len(group):
                document, number, start, end, mutant = group[position[kind]]
                position[kind] += 1
                if kind == "path" and not is_whole(document, document.text[start:end]):
                    continue
                if changes(document, document.text[start:end], mutant):
                    found.append((document, number, kind, document.text[:start] + mutant + document.text[end:]))
                    break
    return found[:MUTANTS]


SPELLINGS = [
    (r"\^\{\\top\}", "^T"),
    (r"\^\{\\top\}", r"^{\\mathsf T}"),
    (r"\^\{\\top\}", r"^\\intercal"),
    (r"\\lVert", r"\\|"),
    (r"\\odot(?! 2)", r"\\circ"),
    (r"\\frac\{1\}\{2\}", r"\\tfrac12"),
    (r"\\sigma\(", r"\\operatorname{sigmoid}("),
    (r"(?<![A-Za-z{\\])([A-Z])(?![A-Za-z])", r"\\mathbf{\1}"),
    (r"(?<=[A-Za-z}]) (?=[A-Za-z(])", r"\\,"),
    (r"\\frac\{\\partial L\}\{\\partial ([A-Z])\}", r"\\frac{dL}{d\1}"),
    (r"\\operatorname\{tr\}", r"\\mathrm{Tr}"),
]  # fmt: skip


def rewritten(document: Document, random_: random.Random) -> str | None:
    """The document in other words: the same derivation."""
    text = document.text
    choice = random_.randrange(4)
    if choice == 0 and not document.unicode:
        pattern, new = random_.choice(SPELLINGS)
        lines = [re.sub(pattern, new, line) if "=" in line else line for line in text.split("\n")]
        changed = "\n".join(lines)
        if "Vert" in pattern:
            changed = changed.replace(r"\rVert", r"\|")
        return changed if changed != text else None
    if choice == 1 and not document.unicode:  # other letters
        letters = [s.name for s in derive_symbols(document.where).values() if s.name.isascii() and len(s.name) == 1]
        old = random_.choice(letters)
        fresh = [
            c
            for c in ("PQGHKR" if old.isupper() else "fgkpqt")
            if not re.search(rf"(?<![A-Za-z\\]){c}(?![A-Za-z])", text)
        ]
        if not fresh:
            return None
        return re.sub(rf"(?<![A-Za-z\\]){old}(?![A-Za-z])", fresh[0], text)
    number, start, end = random_.choice(document.sides) if document.sides else (0, 0, 0)
    side = text[start:end]
    if choice == 2:  # another form of the whole gradient
        if not side or document.rendering == "rows" or not is_whole(document, side):
            return None
        made = random_.choice([document.derivation.expanded, document.derivation.boxed, document.derivation.result])
        return text[:start] + (made.text() if document.unicode else made.latex()) + text[end:]
    spans = [(a, b) for a, b in summands(side) if side[:a].count("(") == side[:a].count(")") and b == len(side)]
    if not spans or r"\rVert" in side or "‖" in side or "⟨" in side or "langle" in side:
        return None
    a, b = random_.choice(spans)
    tail = side[a:b].strip()
    sign, rest = tail[0], tail[2:]
    lead = "" if sign == "+" else sign
    return text[:start] + f"{lead}{rest} + {side[:a]}".replace("+ -", "- ").replace("+ −", "− ") + text[end:]


def test_harmless_rewritings_raise_no_alarm():
    order = random.Random(7)
    tried, alarms = 0, []
    pool = documents()
    while tried < REWRITINGS:
        document = order.choice(pool)
        changed = rewritten(document, order)
        if changed is None:
            continue
        tried += 1
        report = check(changed)
        if not report.ok:
            alarms.append((document.name, report.first_failure.number, changed))
    assert not alarms, f"{len(alarms)}: {alarms[0][0]}, line {alarms[0][1]}\n{alarms[0][2]}"


def test_there_are_three_hundred_derivations():
    assert len(set(ALL)) == len(ALL) >= 300


def test_the_originals_raise_no_alarm():
    for document in documents():
        report = check(document.text)
        assert report.ok, (document.name, report.text())


def test_mutants_are_found_at_their_line_and_named_by_their_kind():
    mutants = all_mutants()
    assert len(mutants) >= MUTANTS * 0.95
    missed: list[str] = []
    misnamed: list[str] = []
    kinds: Counter[str] = Counter()
    for document, number, kind, text in mutants:
        report = check(text)
        failing = [line for line in report.lines if line.verdict == "fails"]
        kinds[kind] += 1
        if [line.number for line in failing] != [number]:
            missed.append(f"{document.name}: {kind} in line {number}, found {failing}")
        elif failing[0].kind not in ACCEPTED[kind]:
            misnamed.append(f"{document.name}: {kind} in line {number} is called {failing[0].kind}")
    assert len(missed) <= 0.01 * len(mutants), "\n".join(missed)
    assert len(misnamed) <= 0.10 * len(mutants), "\n".join(misnamed)
    assert len(kinds) >= 12, kinds


if __name__ == "__main__":
    pytest.main([__file__])
