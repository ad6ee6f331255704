r"""Indicators: `1\{y_i = k\}`, `[y = k]` and `\mathbb{1}_{x > 0}` as the entries and the choices that they are.

A label y_i becomes a row of Y, a matrix of zeros with a 1 at y_i in row i; [y_i = k] is Y_ik.  An inequality becomes
the choice between 1 and 0.
"""

from __future__ import annotations

import re
from copy import copy
from fractions import Fraction

from .. import names
from ..errors import ParseError
from .indexed_names import capital
from .marks import heads_called
from .tokens import Token

_SIGNS = frozenset("=≠<>≤≥")
_RELATION = re.compile(r"[=≠<>≤≥]|\\(?:n?eq?|[lg]eq?|[lg]t)(?![a-z])")

INEQUALITY = re.compile(r"[<>≤≥]|\\(?:[lg]eq?|[lg]t)(?![a-z])")


def indicators(tokens: list[Token], source: str, readings: list[str], labeled: set[str]) -> list[Token]:
    """The tokens with every indicator in the form that formulas have for it; matrices of labels join `labeled`.

    Raises
    ------
    ParseError
        An indicator of something else than one equation or inequality.
    """
    made: list[Token] = []
    i = 0
    while i < len(tokens):
        token = tokens[i]
        if token.kind == "one" and token.low and _RELATION.search(token.low[0]):
            made += _of_subscript(token, source, readings, labeled)
            i += 1
            continue
        end = _closing(tokens, i) if token.kind == "open" and token.text in ("(", "[", "\\{") else None
        held = tokens[i + 1 : end] if end is not None else []
        before = made[-1] if made else None
        is_marked = before is not None and before.end == token.start and _is_mark(before)
        signs = [t for t in held if t.kind == "op" and t.text in _SIGNS]
        is_factor = token.text == "(" and before is not None and before.text in ("⊙", "∘", "*")  # (A − Y) ⊙ (Z > 0)
        is_bare = (
            (token.text == "[" or is_factor) and len(held) == 3 and not (before is not None and before.kind == "func")
        )
        if end is None or not signs or not (is_marked or is_bare):
            made.append(token)
            i += 1
            continue
        if is_marked:
            token = made.pop()
        elif before is not None and before.text == "*":
            made[-1] = Token("op", "⊙", before.start, before.end)
        made += _indicator(
            held, signs, Token("", "", token.start, tokens[end].end), token.spaced, source, readings, labeled
        )
        i = end + 1
    return made


def kernels(tokens: list[Token], readings: list[str]) -> list[Token]:
    """The tokens with K_ij for the K(x_i, x_j) of a kernel method, unless the text says what K(x, y) is."""
    made: list[Token] = []
    calls = ["".join(t.text for t in tokens[i : i + 6]) for i in range(len(tokens))]
    found = {call for call in calls if call[:2] in ("K(", "k(", "κ(") and call[3:4] == "," and call[5:] == ")"}
    several = {call[0] for call in found for other in found if call[0] == other[0] and call != other}
    defined = heads_called(tokens) | several  # k(x_i, x_j) and k(x_i, y_j) are entries of two matrices
    i = 0
    while i < len(tokens):
        token, held = tokens[i], tokens[i + 1 : i + 6]
        i += 1
        made.append(token)
        if token.kind != "atom" or token.text not in {"K", "k", "κ"} - defined or token.low or token.accents:
            continue
        if [t.text for t in held[::2]] != ["(", ",", ")"] or any(t.kind != "atom" for t in held[1::2]):
            continue
        first, second = held[1], held[3]
        if first.text != second.text or len(first.low) != 1 or len(second.low) != 1 or first.accents != second.accents:
            continue
        indices = first.low[0] + second.low[0]
        if len(indices) == 2 and indices.isalpha():
            made[-1] = entry = copy(token)
            entry.low, entry.end, entry.braced = [indices], held[4].end, True
            shown = f"{token.text}({names.text(first.name)}, {names.text(second.name)})"
            said = f"{shown} is read as entry ({', '.join(indices)}) of the matrix {token.text}"
            readings += [said] if said not in readings else []
            i += 5
    return made


def masks(tokens: list[Token], known: frozenset[str], readings: list[str]) -> list[Token]:
    """P_Ω(X), which keeps the entries in Ω, as Ω ⊙ X with a matrix Ω of zeros and ones."""
    made: list[Token] = []
    for token in tokens:
        before = made[-1] if made else token
        is_called = token.kind == "open" and token.text in ("(", "[") and before.kind == "atom"
        made.append(token)
        if not is_called or before.low != ["Ω"] or not before.text.isupper() or before.name in known:
            continue
        said = f"{names.text(before.name)}(…) is read as Ω ⊙ (…), where Ω is a matrix of zeros and ones"
        readings += [said] if said not in readings else []
        made[-2] = before.instead("func", "hadamard")
        made += [Token("atom", "Ω", *before.span), Token("op", ",", *token.span)]
    return made


def brakets(tokens: list[Token], readings: list[str]) -> list[Token]:
    """⟨a|b⟩ and ⟨a|M|b⟩, of real vectors, as ⟨a, b⟩ and ⟨a, M b⟩."""
    made: list[Token] = []
    begun: int | None = None
    for token in tokens:
        if token.text == "⟨":
            begun = len(made)
        made.append(token)
        if token.text != "⟩" or begun is None:
            continue
        inside = range(begun + 1, len(made) - 1)
        bars = [k for k in inside if made[k].kind == "bar" and made[k].text[:1] == "|"]
        if len(bars) in (1, 2) and bars[0] > inside[0] and bars[-1] < inside[-1]:
            if not any(made[k].text == "," for k in inside):
                made[bars[0]] = Token("op", ",", *made[bars[0]].span)
                del made[bars[-1] : bars[-1] + len(bars) - 1]
                note = "⟨…|…⟩ is read as the inner product of real vectors"
                readings += [note] if note not in readings else []
        begun = None
    return made


def _is_mark(token: Token) -> bool:
    """Whether it is the 1 or the I of an indicator."""
    return token.kind == "one" or token.kind == "num" and token.value == 1 or token.kind == "atom" and token.text == "I"


def _closing(tokens: list[Token], i: int) -> int | None:
    """Where the bracket at i closes, if it holds no other, and few signs."""
    for j in range(i + 1, min(i + 20, len(tokens))):
        if tokens[j].kind in ("open", "close"):
            return j if tokens[j].kind == "close" else None
    return None


def _of_subscript(token: Token, source: str, readings: list[str], labeled: set[str]) -> list[Token]:
    from .lexer import Lexer

    inside = token.low[0].strip()
    while inside[:1] in ("{", "[") or inside[:2] == "\\{":
        inside = inside.removeprefix("\\")[1:].rstrip("}]").removesuffix("\\").strip()
    held = Lexer(inside).run()
    for t in held:
        t.start, t.end = token.span
    signs = [t for t in held if t.kind == "op" and t.text in _SIGNS]
    return _indicator(held, signs, token, token.spaced, source, readings, labeled)


def _indicator(
    held: list[Token], signs: list[Token], at: Token, spaced: bool, source: str, readings: list[str], labeled: set[str]
) -> list[Token]:
    if len(signs) != 1:
        raise ParseError("this indicator is not read", source, at.span, "it holds one = or one inequality")
    (sign,) = signs
    k = held.index(sign)

    def new(kind: str, text: str, value: object = None) -> Token:
        return Token(kind, text, at.start, at.end, value)

    if sign.text not in "=≠":
        choice = [new("op", ","), new("num", "1", Fraction(1)), new("op", ","), new("num", "0", Fraction(0))]
        made = [new("func", "where"), new("open", "("), *held, *choice, new("close", ")")]
        made[0].spaced = spaced
        return made
    sides = [held[:k], held[k + 1 :]]
    left, right = (side[0] for side in sides)
    if right.low or left.kind == "num":
        left, right = right, left
    if (
        {len(side) for side in sides} != {1}
        or left.kind != "atom"
        or not (right.kind == "num" and left.low or right.text.islower())
    ):
        raise ParseError(
            "this indicator is not read", source, at.span, "it compares a label with an index, as in y_i = k"
        )
    entry = new("atom", left.text)
    if not left.low and not right.low and left.text in "ijklmnpqrst" and right.kind == "atom":
        entry.text, entry.low = "δ", [left.text + right.text]
    else:
        index = right.text
        entry.text = capital(left.text) if left.low else left.text
        entry.low = ["".join([*left.low, index])] if index.isalpha() and len(left.low) < 2 else [*left.low, index]
        label = names.text(left.name)
        is_row = (
            f"a matrix of zeros, with a 1 in row {left.low[0]} at {label}"
            if left.low
            else "a vector of zeros, with a 1"
        )
        shown = f"{label} {sign.text} {index}"
        labeled.add(entry.text)
        made_of = names.text(entry.name) if sign.text == "=" else f"1 − {names.text(entry.name)}"
        readings.append(f"the indicator of {shown} is read as {made_of}: {entry.text} is {is_row}")
    entry.spaced = spaced
    if sign.text == "=":
        return [entry]
    return [new("open", "("), new("num", "1", Fraction(1)), new("op", "-"), entry, new("close", ")")]
