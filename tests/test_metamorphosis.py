"""The same formula in another dress has the same shapes and the same meaning, or one of the two is refused.

Each formula as written is spelled in four ways, has a part of it named by a definition (before its use and
after it), and has its letters exchanged within their kind.  Nothing is declared: the kinds are inferred.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import numpy as np
import pytest

from derive import names
from derive.errors import DeriveError
from derive.expr import nodes
from derive.numeric import evaluate_public
from derive.reading import Parsed, parse
from derive.reading.vocabulary import HABITUAL_FUNCTIONS
from tests.written import LATEX, PLAIN

# NumPy's logarithm of a determinant is none where that is negative; log det on paper is log |det|.
FORMULAS = [text for text, _, _ in LATEX + PLAIN if "np.log(np.linalg.det(" not in text]
SCALARS, VECTORS, MATRICES = "abcp", "quvwxyz", "ABCDMNPQRSUVWXYZ"
GREEK = "αβγδηθκλμντω"


def shapes(parsed: Parsed, renamed: dict[str, str]) -> dict[str, tuple[int, ...]]:
    """The shape of every symbol, its dimensions numbered by first appearance in the order of names."""
    seen: dict[str, int] = {}
    found = {}
    back = {new: old for old, new in renamed.items()}
    for name in sorted(parsed.symbols, key=lambda n: moved(n, back)):
        found[moved(name, back)] = tuple(
            d.value if d.value is not None else -1 - seen.setdefault(str(d), len(seen))
            for d in parsed.symbols[name].shape
        )
    return found


def moved(name: str, renamed: dict[str, str]) -> str:
    """A name with its letter exchanged, accents and subscripts kept."""
    base, accents, low = names.parts(name)
    return names.join(renamed.get(base, base), accents, low)


_ASCII = [
    ("⁻ᵀ", "^(-T)"), ("ᵀ", "'"), ("⊙", ".*"), ("⊘", "./"), ("−", "-"), ("½", "1/2 "), ("⁻¹", "^(-1)"), ("²", "^2"),
    ("³", "^3"), ("𝟏", "vector(1)"), ("·", "*"),
]  # fmt: skip


def ascii_of(text: str) -> str:
    """Unicode notation in ASCII: ᵀ, norms, products of entries, roots, digits above."""
    for old, new in _ASCII:
        text = text.replace(old, new)
    return re.sub(r"‖([^‖]*)‖(?![₁_])", r"norm2(\1)", text)


def spellings(text: str, parsed: Parsed) -> Iterator[str]:
    yield parsed.expr.text()
    yield parsed.expr.latex()
    written = ascii_of(parsed.expr.text())
    if written.isascii() or not set("‖∑⟨₁₂") & set(written):
        yield written


def brackets(text: str) -> Iterator[str]:
    """The bracketed parts of a formula in Unicode notation that stand for a value of their own."""
    for match in re.finditer(r"(?<![\w′])\(([^()‖|]+)\)(?!\^)", text):
        yield match[1]


def renamings(parsed: Parsed, chance: random.Random) -> Iterator[dict[str, str]]:
    single = [n for n in parsed.symbols if len(n) == 1 and n not in HABITUAL_FUNCTIONS]
    for _ in range(6):
        renamed: dict[str, str] = {}
        for pool in (SCALARS, VECTORS, MATRICES, GREEK):
            mine = [n for n in single if n in pool]
            free = [c for c in pool if c not in parsed.symbols or c in mine]
            chance.shuffle(free)
            renamed |= dict(zip(mine, free))
        yield renamed


def rename(text: str, renamed: dict[str, str]) -> str:
    """The text with its letters exchanged, words of functions left alone."""
    pattern = r"[A-Za-z]{2,}|[A-Za-zα-ω]"
    return re.sub(pattern, lambda m: renamed.get(m[0], m[0]), text)


def pairs(text: str, chance: random.Random) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Two texts that mean the same, and the letters exchanged between them."""
    try:
        parsed = parse(text)
    except DeriveError:
        return
    if not any(node.op.name == "dimension" for node in nodes(parsed.expr)):  # a size that 𝟏 has lost in print
        for other in spellings(text, parsed):
            yield text, other, {}
    plain = parsed.expr.text()
    inside = list(brackets(plain))
    for part in inside[:3]:
        for name in [c for c in "QMqsk" if c not in parsed.symbols][:3:2]:
            rest = plain.replace(f"({part})", name, 1)
            yield plain, f"{name} = {part}; {rest}", {}
            yield plain, f"{rest}; {name} = {part}", {}
    for renamed in renamings(parsed, chance):
        if renamed:
            yield plain, rename(plain, renamed), renamed


def disagreement(one: str, other: str, renamed: dict[str, str]) -> str:
    """What differs between the readings of the two texts; nothing if one is refused."""
    try:
        first, second = parse(one), parse(other)
    except DeriveError:
        return ""
    if shapes(first, {}) != shapes(second, renamed):
        return f"{one} has {shapes(first, {})}, {other} has {shapes(second, renamed)}"
    wanted = rename(first.expr.text(), renamed)
    if wanted == second.expr.text():
        return ""
    return "" if same_value(first, second, renamed) else f"{one} is {wanted}, {other} is {second.expr.text()}"


def same_value(first: Parsed, second: Parsed, renamed: dict[str, str]) -> bool:
    """Whether both have the same value at a random point."""
    rng = np.random.default_rng(3)
    sizes: dict[str, int] = {}
    values, others = {}, {}
    for name, made in first.symbols.items():
        shape = tuple(sizes.setdefault(str(d), d.value or 2 + len(sizes)) for d in made.shape)
        values[name] = rng.uniform(0.5, 1.5, shape if made.shape[1].value != 1 else shape[: 1 - made.is_scalar])
        others[moved(name, renamed)] = values[name]
    a, b = (np.asarray(evaluate_public(p.expr, v)) for p, v in ((first, values), (second, others)))
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=1e-9, equal_nan=True))


def test_a_formula_in_another_dress_means_the_same() -> None:
    chance = random.Random(1)
    compared, refused, wrong = 0, 0, []
    for text in FORMULAS:
        for one, other, renamed in pairs(text, chance):
            compared += 1
            said = disagreement(one, other, renamed)
            if said:
                wrong.append(said)
            else:
                refused += not _is_read(other)
    assert not wrong, "\n".join(wrong[:20])
    assert compared >= 2000 and refused < compared // 50


def _is_read(text: str) -> bool:
    try:
        parse(text)
    except DeriveError:
        return False
    return True


@pytest.mark.parametrize(
    "one, other, renamed",
    [
        ("A B x", "B A x", {}), ("‖A x − b‖²", "‖A x + b‖²", {}), ("tr(A B)", "tr(A Bᵀ)", {}),
        ("xᵀ A y", "uᵀ A y", {"x": "v"}), ("(a + b) x", "Q = a − b; Q x", {}), ("x yᵀ", "x y", {}),
    ],
)  # fmt: skip
def test_a_planted_difference_is_seen(one: str, other: str, renamed: dict[str, str]) -> None:
    assert disagreement(one, other, renamed) or not (_is_read(one) and _is_read(other))
    assert not disagreement(one, one, {})
