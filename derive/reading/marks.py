"""Marks above and behind letters that belong to names: primes as in x − x', superscripts as in σ^2, W^l and x_i^a."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence, Set
from copy import copy
from typing import Any

from .. import names
from ..errors import ParseError
from .splitting import PRIMES
from .tokens import Token, closing, exponent
from .vocabulary import FUNCTIONS, HABITUAL_FUNCTIONS


def primed_names(tokens: list[Token], known: Collection[str], source: str, of_all: bool = False) -> list[Token]:
    """The tokens with `x'` as one name: where a head has it, as K(x, x') = … and w' = …, and beside x, as in x − x'.

    The w'x beside w − w' is refused where w' is not known.

    With `of_all`, that of every small letter that stands without a prime too, and whose primes all end a term, as
    no transpose does.
    """
    letters = [(a.name, _is_prime(b), i + 2) for i, (a, b) in enumerate(zip(tokens, [*tokens[1:], *tokens[:1]]))
               if of_all and a.kind == "atom" and a.text.islower() and not a.low]  # fmt: skip
    primed = {name for name, has_prime, _ in letters if has_prime} & {name for name, has, _ in letters if not has}
    primed -= {name for name, has_prime, end in letters if has_prime and not _is_last(tokens, end)}
    beside: set[str] = set()
    for i, token in enumerate(tokens):
        before, after = tokens[i - 1] if i else None, tokens[i + 1] if i + 1 < len(tokens) else None
        if _is_prime(token) and before is not None and before.kind == "atom":
            begins = i == 1 or tokens[i - 2].kind in ("newline", "where") or tokens[i - 2].text == ";"
            if begins and after is not None and after.text == "=":
                primed.add(before.name)
            elif _is_beside(tokens, i):
                beside.add(before.name)
        if token.text != "(" or before is None or before.kind != "atom":
            continue
        end = next((j for j in range(i, min(i + 60, len(tokens))) if tokens[j].text == ")"), i)
        if end + 1 < len(tokens) and tokens[end + 1].text == "=":
            primed |= {a.name for a, b in zip(tokens[i:end], tokens[i + 1 : end]) if a.kind == "atom" and _is_prime(b)}
    for before, token, after in zip(tokens, tokens[1:], tokens[2:]):
        is_factor = after.kind in ("atom", "open", "func") or after.text in ("*", "@")
        is_open = before.kind == "atom" and before.name in beside - primed and _is_prime(token)
        if is_factor and is_open and names.join(before.text, [*before.accents, "^′"], before.low) not in known:
            shown, x = source[before.start : token.end], source[before.start : before.end]
            raise ParseError(
                f"{shown} may be the transpose of {x}, or another {x}, as in {x} − {shown}", source,
                (before.start, after.end), f"write {x}ᵀ for the transpose, or give the other {x} a letter of its own",
            )  # fmt: skip
    primed |= beside
    if not primed:
        return tokens
    result: list[Token] = []
    for token in tokens:
        before = result[-1] if result else None
        if before is not None and _is_prime(token) and before.kind == "atom" and before.name in primed:
            before.accents.append("^′")
            before.end = token.end
        else:
            result.append(token)
    return result


_ENDS = ("close", "bar", "newline")


def _is_last(tokens: list[Token], i: int) -> bool:
    """Whether a term ends before place i."""
    return i >= len(tokens) or tokens[i].kind in _ENDS or tokens[i].text in ("+", "-", ";", ",")


def _is_beside(tokens: list[Token], i: int) -> bool:
    """Whether the prime at i is that of x − x' or x' − x, of a small letter: no transpose is subtracted from it."""
    letter = tokens[i - 1]
    if not letter.text.islower():
        return False
    is_last = _is_last(tokens, i + 1)
    if is_last and i > 2 and tokens[i - 2].text == "-" and tokens[i - 3].kind == "atom":
        before = tokens[i - 4] if i > 3 else None
        return tokens[i - 3].name == letter.name and (before is None or before.kind in ("open", "bar"))
    if is_last and i + 2 < len(tokens) and tokens[i + 1].text == "-" and tokens[i + 2].kind == "atom":
        after = tokens[i + 3] if i + 3 < len(tokens) else None
        before = tokens[i - 2] if i > 1 else None
        is_whole = (before is None or before.kind in ("open", "bar")) and (after is None or after.kind in _ENDS)
        return is_whole and tokens[i + 2].name == letter.name
    return False


def starred_names(tokens: list[Token], known: Collection[str]) -> list[Token]:
    """The tokens with `x^*` as one name, where that is known, or where it and another are subtracted, as in x − x^*.

    Of a capital letter the star may be that of an adjoint, which a matrix may be less.
    """
    made, optima = list(tokens), set(known)
    found: list[tuple[int, int, str]] = []
    for i, token in enumerate(tokens):
        star = i + 2 + (tokens[i + 2 : i + 3] != [] and tokens[i + 2].text == "{")
        if token.kind != "atom" or star >= len(tokens) or tokens[i + 1].text != "^":
            continue
        if tokens[star].kind != "star" and tokens[star].text != "*":
            continue
        end = star + 1 + (star > i + 2)
        name = names.join(token.text, [*token.accents, "^*"], token.low)
        found.append((i, end, name))
        before, after = tokens[i - 1] if i else None, tokens[end] if end < len(tokens) else None
        is_last = _is_last(tokens, end)
        is_second = before is not None and before.text == "-" and i > 1 and tokens[i - 2].kind in ("atom", "close")
        is_first = before is not None and before.kind in ("open", "bar") and after is not None and after.text == "-"
        if token.text.islower() and is_last and (is_first or is_second):
            optima.add(name)
    for i, end, name in reversed(found):
        if name in optima:
            made[i] = copy(made[i])
            made[i].accents, made[i].end = [*made[i].accents, "^*"], tokens[end - 1].end
            del made[i + 1 : end]
    return made


def _is_prime(token: Token) -> bool:
    return PRIMES.get(token.text) == 1


def heads_called(tokens: list[Token]) -> set[str]:
    """The names that a text defines for operands, as f(x) = … does."""
    found, name = set(), ""
    for before, token, after in zip(tokens, tokens[1:], [*tokens[2:], None]):
        if token.text == "(":
            name = before.name if before.kind == "atom" else ""
        elif token.text == ")":
            found |= {name} if not before.low and after is not None and after.text == "=" else set()
            name = ""
    return found - {""}


def raised_calls(tokens: list[Token], readings: list[str]) -> list[Token]:
    """The tokens with f(x)² for the f²(x) of a function that the text defines; of f by habit the product is said."""
    defined, made = heads_called(tokens), list(tokens)
    for i in range(len(made) - 1, -1, -1):
        opened = exponent(made, i + 1)[1]
        if made[i].kind != "atom" or opened == i + 1 or not _is_opened(made, opened):
            continue
        shown = names.text(made[i].name)
        if made[i].name in defined:
            end = closing(made, opened)
            made[i + 1 : end + 1] = made[opened : end + 1] + made[i + 1 : opened]
        elif made[i].text in HABITUAL_FUNCTIONS:
            readings.append(f"{shown} before its power and a bracket is read as a factor")
    return made


def _is_opened(tokens: list[Token], i: int) -> bool:
    return i < len(tokens) and tokens[i].kind == "open" and tokens[i].text in ("(", "[") and not tokens[i].spaced


def moments(
    tokens: list[Token], known: Collection[str], single: Set[str], source: str, readings: list[str], is_latex: bool
) -> list[Token]:  # fmt: skip
    """The tokens with x_2 for x(2), and x_t for x(t), x_{t-1} for x[t-1] of a t that only brackets so and sums have.

    What is `single`, a number or a function, has no entries.
    """
    heads = heads_called(tokens) | single
    numbers = [i for i, t in enumerate(tokens) if t.text.isdecimal()]
    places = {i: _number(tokens, i, is_latex, heads | HABITUAL_FUNCTIONS) for i in numbers}
    tokens = _lowered(tokens, places, readings)
    summed = _below_sums(tokens)[1]
    tokens = _listed_entries(tokens, frozenset(known), heads, is_latex, source, readings)
    for letter in sorted(({t.name for t in tokens if t.kind == "atom"} & set("ijknt") | summed) - set(known)):
        below = _below_sums(tokens)[0]
        found = [i for i, t in enumerate(tokens) if t.kind == "atom" and t.name == letter]
        moved = [_moment(tokens, i, is_latex) for i in found if i not in below]
        called = [place for place in moved if place is not None]
        bases = {tokens[first].text for first, _, _ in called}
        is_bare = any(not shift for _, _, shift in called) or len(moved) < len(found)
        is_free = letter in summed and bases.isdisjoint(heads | summed)
        if len(called) < len(moved) and not is_free or not is_bare or bases <= HABITUAL_FUNCTIONS:
            continue
        tokens = _lowered(tokens, {i: _moment(tokens, i, is_latex) for i in found}, readings)
    return tokens


MAX_LISTED = 30  # tokens of indices in brackets


def _listed_entries(
    tokens: list[Token], known: Set[str], single: Set[str], is_latex: bool, source: str, readings: list[str]
) -> list[Token]:  # fmt: skip
    """The tokens with C_ij for the C(i, j) of a sum, and p_i for its p(x_i) and p(x_i | z_i) where x and z have no use.

    Raises
    ------
    ParseError
        The x[n − k] of a sum over n may be an entry of x.
    """
    made, uses = list(tokens), Counter(t.text for t in tokens if t.kind == "atom")
    places, summed = _below_sums(tokens)
    summed -= known
    if not summed:
        return tokens
    calls: list[tuple[int, int, int, list[list[Token]]]] = []
    for opened in range(1, len(tokens)):
        first = _base(tokens, opened, is_latex) if opened not in places else None
        held = tokens[opened : opened + MAX_LISTED]
        end = opened + closing(held, 0)
        if first is None or end == opened + len(held):
            continue
        if {_spelled(tokens, first), tokens[first].text} & (single | summed):
            continue
        groups: list[list[Token]] = [[]]
        for token in tokens[opened + 1 : end]:
            groups[-1:] = [groups[-1], []] if token.text == "," or token.kind == "bar" else [[*groups[-1], token]]
        calls.append((first, opened, end, groups))
    inside = Counter(t.text for *_, groups in calls for group in groups if len(group) == 1 for t in group)
    entries: list[tuple[int, int, int, list[list[Token]], list[str]]] = []
    for first, opened, end, groups in calls:
        below, base = [_index(group, summed) for group in groups], tokens[first]
        is_entry = tokens[opened].text == "["  # round brackets are those of a product too, as in γ(i − j)²
        if len(groups) == 1 and _is_lag(groups[0], summed, is_entry) and (is_entry or base.text.isascii()):
            raise ParseError(
                f"{source[base.start : tokens[end].end]} may be an entry of {base.text}, or a product", source,
                (base.start, tokens[end].end), "write x_{n-k} for the entry, x · (n − k) for the product",
            )  # fmt: skip
        points = {group[0].text for group in groups if len(group) == 1 and group[0].low}
        is_free = points.isdisjoint(known) and all(uses[point] == inside[point] for point in points)
        is_bound = base.text == "I" or not summed.isdisjoint(base.low)  # an image or the identity; the a_i of a_i(x_i)
        if all(below) and is_free and not is_bound and (base.text not in HABITUAL_FUNCTIONS or not points):
            entries.append((first, opened, end, groups, below))
    _check_one_function(tokens, entries, known, source)
    wide = {_spelled(tokens, first) for first, *_, below in entries if len(set(below)) > 1}
    for first, opened, end, groups, below in reversed(entries):
        base, own = tokens[first], {group[0].text for group in groups if group[0].low}
        if len(groups) == 1 and not own:
            continue
        is_joint = len(own) == len(groups) and _spelled(tokens, first) not in wide  # the p(x_i, z_i) of a sample
        low = list(dict.fromkeys(below)) if is_joint else below
        low = low if any(len(index) > 1 for index in low) else ["".join(low)]
        shown = source[base.start : tokens[end].end]
        made[first] = copy(base)
        made[first].low, made[first].braced = [*base.low, *low], True
        del made[opened : end + 1]
        said = f"{shown} is read as {names.text('_'.join((_spelled(tokens, first), *low)))}"
        readings += [said] if said not in readings else []
    return made


def _check_one_function(tokens: list[Token], entries: Sequence[tuple[Any, ...]], known: Set[str], source: str) -> None:
    """Refuse the p(x_i) and p(z_i), p(x_i | z_i) and p(z_i), k(x_i, x_j) and k(x_i, y_j) that would be entries of one.

    The densities p(x), p(y) of a sum over x, y are two as well, unless p is declared, and p(i), p(j) of places one.
    """
    seen: dict[str, tuple[list[str], str]] = {}
    for first, opened, end, *_ in entries:
        name, base = _spelled(tokens, first), tokens[first].text
        inner = [t for t in tokens[opened + 1 : end] if t.kind in ("atom", "bar") or t.text == ","]
        is_density = base in ("p", "q", "P", "Q") and name not in known
        key = [t.text if t.kind != "atom" or t.low or is_density and not "h" < t.name < "o" else "" for t in inner]
        shown = source[tokens[first].start : tokens[end].end]
        before, other = seen.setdefault(name, (key, shown))
        if before != key:
            raise ParseError(
                f"{other} and {shown} may be of two functions", source, (tokens[first].start, tokens[end].end),
                "give each a name of its own, as p_i and q_i",
            )  # fmt: skip


def _is_lag(group: list[Token], summed: Set[str], is_entry: bool) -> bool:
    """Whether it is the n − k of a sum over n, or over both."""
    letters = {t.name for t in group if t.kind == "atom"}
    is_plain = all(t.kind == "num" or t.text in ("+", "-") or t.name in letters and not t.low for t in group)
    return is_plain and len(letters) > 1 and bool(letters & summed) and (is_entry or letters <= summed)


def _index(group: list[Token], summed: Set[str]) -> str:
    """The index, of a sum, that i, i + 1 or x_i is of; an empty text where none is."""
    texts = [t.text for t in group]
    if len(group) == 1 and group[0].kind == "atom" and not group[0].accents:
        index = "".join(group[0].low) or group[0].name
        return index if re.sub(r"[+-]\d+$", "", index) in summed else ""
    is_shifted = len(group) == 3 and group[0].name in summed and texts[1] in ("+", "-") and texts[2].isdecimal()
    return "".join(texts) if is_shifted else ""


def _lowered(
    tokens: list[Token], places: Mapping[int, tuple[int, int, str] | None], readings: list[str]
) -> list[Token]:  # fmt: skip
    """The tokens with x_t for each x(t): where t stands, where x and its bracket do, and the shift."""
    made = list(tokens)
    for i, (first, opened, shift) in sorted(((i, place) for i, place in places.items() if place), reverse=True):
        old, index = _spelled(tokens, first), tokens[i].name if tokens[i].kind == "atom" else tokens[i].text
        made[first] = copy(made[first])
        made[first].low, made[first].braced = [*made[first].low, index + shift], True
        del made[opened : opened + 3 + 2 * bool(shift)]
        said = f"{names.text(old)}({index}{shift}) is read as {names.text('_'.join((old, index + shift)))}"
        readings += [said] if said not in readings else []
    return made


def _number(tokens: list[Token], i: int, is_latex: bool, functions: Set[str]) -> tuple[int, int, str] | None:
    """Of the 2 of x(2), where x and its bracket stand; of a function, 2 is what it is of, and of x^T a factor."""
    place = _moment(tokens, i, is_latex) if i > 1 and tokens[i - 1].text == "(" else None
    if place is None or place[2] or _spelled(tokens, place[0]) in functions:
        return None
    return None if place[0] and tokens[place[0] - 1].text == "^" else place


def _below_sums(tokens: list[Token]) -> tuple[set[int], set[str]]:
    """The places below the signs of sums, and the letters that those sums run over."""
    places: set[int] = set()
    letters: set[str] = set()
    for i, token in enumerate(tokens[:-2]):
        is_spelled = token.low and i > 1 and [t.text for t in tokens[i - 2 : i + 1]] == ["s", "u", "m"]
        if is_spelled or token.kind == "sum" and tokens[i + 1].kind == "low":  # sum_i, ∑ᵢ₌₁
            letters |= set("".join(token.low if is_spelled else tokens[i + 1].text.split("=")[0]))
        if token.kind == "sum" and tokens[i + 1].text == "_":
            below = range(i + 3, closing(tokens, i + 2)) if tokens[i + 2].text == "{" else range(i + 2, i + 3)
            places |= set(below)
            for j in below:
                if tokens[j].text in ("=", "∈", ":"):
                    break
                letters |= {tokens[j].name} if tokens[j].kind == "atom" and tokens[j].name.islower() else set()
    return places, letters


def _moment(tokens: list[Token], i: int, is_latex: bool) -> tuple[int, int, str] | None:
    """Of a letter at i in the x(t + 1) of a process where x and its bracket stand, and the shift."""
    first = _base(tokens, i - 1, is_latex)
    behind = [t.text for t in tokens[i + 1 : i + 4]]
    size = 0 if behind[:1] in ([")"], ["]"]) else 2
    shift = "".join(behind[:size])
    if first is None or behind[size : size + 1] not in ([")"], ["]"]):
        return None
    return None if size and not (behind[0] in ("+", "-") and behind[1].isdigit()) else (first, i - 1, shift)


def _base(tokens: list[Token], opened: int, is_latex: bool) -> int | None:
    """Where the letter stands that the bracket at `opened` is glued to, where it ends no word and no function."""
    first = next((j for j in range(max(0, opened - 5), opened) if exponent(tokens, j + 1)[1] == opened), 0)
    if opened < 1 or not _is_opened(tokens, opened) or tokens[first].kind != "atom":
        return None
    begun = first
    while begun and tokens[begun].glued:
        begun -= 1
    run = "".join(t.text for t in tokens[begun : first + 1])
    is_word = len(run) > 2 and not is_latex and run not in names.SPOKEN
    is_function = _spelled(tokens, first) == "σ" or any(run[j:] in FUNCTIONS for j in range(len(run) - 1))
    return None if is_word or is_function else first


def _spelled(tokens: list[Token], i: int) -> str:
    """The name that ends at i: θ of the five letters of theta."""
    begun = i
    while begun and tokens[begun].glued:
        begun -= 1
    return names.SPOKEN.get("".join(t.text for t in tokens[begun : i + 1]), tokens[i].name)


def raised_names(
    tokens: list[Token], wanted: frozenset[str], source: str, readings: list[str]
) -> list[Token]:  # fmt: skip
    """The tokens with `σ^2` as one name where it is defined, declared or asked for, and `W^{ss}`, x_i^a as one.

    Raises
    ------
    ParseError
        σ² is a name, and σ stands beside it.
    """
    found = [(i, *raised) for i, t in enumerate(tokens) if t.kind == "atom" and (raised := _raised(tokens, i))]
    if not found:
        return tokens
    counts = Counter(t.text for t in tokens if t.kind == "atom")
    inside = Counter(t.text for i, _, end in found for t in tokens[i + 1 : end] if t.kind == "atom")
    heads = set()
    for i, name, end in found:
        begins = i == 0 or tokens[i - 1].kind in ("newline", "where") or tokens[i - 1].text in (";", ",")
        if begins and end < len(tokens) and tokens[end].text == "=":
            heads.add(name)
    free = {name for name in inside if counts[name] == inside[name] and name not in wanted}
    labels = _labels([name for _, name, _ in found], heads | wanted, free, wanted)
    named: dict[int, tuple[str, int]] = {}
    for i, name, end in found:
        letters = [t for t in tokens[i + 1 : end] if t.kind == "atom"]
        is_word = len("".join(t.text for t in letters)) > 1 and free.issuperset(t.text for t in letters)
        if name in labels and tokens[i].text != "e":
            note = f"{names.text(name)} is read as a name, and no power"
            readings += [note] if note not in readings else []
            named[i] = (name, end)
        elif name in wanted or name in heads or (is_word and tokens[i].text != "e"):
            named[i] = (name, end)
    chosen = {name for name, _ in named.values()}
    named |= {i: (name, end) for i, name, end in found if name in chosen}
    result: list[Token] = []
    bases = {tokens[i].name: name for i, (name, _) in named.items() if names.unmarked(name)[1].isdigit()}
    i = 0
    while i < len(tokens):
        token = tokens[i]
        if i in named:
            name, end = named[i]
            whole = copy(token)
            whole.end, whole.braced = tokens[end - 1].end, True
            _, whole.accents, whole.low = names.parts(name)
            result.append(whole)
            i = end
            continue
        if token.kind == "atom" and token.name in bases:
            both = names.text(bases[token.name])
            raise ParseError(
                f"{both} is a name here, and {names.text(token.name)} stands beside it", source, token.span,
                f"write the formula in {both} alone, or in {names.text(token.name)}",
            )  # fmt: skip
        result.append(token)
        i += 1
    return result


def _labels(found: list[str], given: Collection[str], free: set[str], wanted: frozenset[str]) -> set[str]:
    """The raised names whose superscripts number layers or kinds, as W^1 and b^1, a^l and a^{l-1}, x_i^a and x_i^p.

    A number is one where a 1 or a 0, no power that anybody writes, stands above several letters or beside another
    number above the same; a letter that stands nowhere else, where something raised to it is defined or asked
    for, where it is shifted above a capital, or where it and another stand above one letter with an index.
    """
    above: dict[str, set[str]] = {}
    for name in found:
        base, mark = names.unmarked(name)
        above.setdefault(base, set()).add(mark)
    bases = {base for base in above if base not in wanted}
    numbered = {base for base in bases if above[base] & {"0", "1"}}
    if len(numbered) == 1 and all(not m.isdigit() or m in "01" for base in numbered for m in above[base]):
        numbered = set()
    letters = set()
    for name in found:
        base, mark = names.unmarked(name)
        letter, shift = mark[0], mark[1:2] in ("+", "-")
        if letter in free and (shift or len(mark) == 1):
            several = base in bases and names.parts(base)[2] and len(free & above[base]) > 1
            if name in given or shift and base[0].isupper() or several:
                letters.add(letter)
    return {
        name for name, (base, mark) in zip(found, map(names.unmarked, found))
        if base in bases
        and (base in numbered if mark.isdigit() else mark[0] in letters and (mark[1:2] in ("", "+", "-")))
    }  # fmt: skip


def _raised(tokens: list[Token], i: int) -> tuple[str, int] | None:
    """The name that a letter and its superscript may be, and where they end."""
    held = [t.text for t in tokens[i + 1 : i + 3]]
    above, end, low = "", i + 2, tokens[i].low
    if i + 1 < len(tokens) and tokens[i + 1].kind == "sup" and held[0].isdigit():
        above = held[0]
    elif len(held) == 2 and held[0] in ("^", "**"):
        end = i + 3
        following = tokens[i + 2]
        if following.kind == "num" or following.kind == "atom" and held[0] == "^" and held[1] not in ("T", "t", "H"):
            above = held[1]
            if following.low and not low and not following.accents:  # x^a_i
                low = following.low
            elif following.low or following.accents:
                return None
        elif held[1] == "{":
            end = next((j for j in range(i + 3, min(len(tokens), i + 15)) if tokens[j].text == "}"), i)
            inside = tokens[i + 3 : end]
            end += 1
            texts = [t.text for t in inside]
            is_number = len(inside) == 1 and inside[0].kind == "num"
            is_shift = len(inside) == 3 and texts[1] in ("+", "-") and texts[2].isdigit() and inside[0].kind == "atom"
            if is_number or is_shift or inside and all(map(_is_plain, inside)) and texts not in (["t"], ["T"]):
                above = "".join(texts)
    if not above or not above[0].isalnum() or not above[-1].isalnum():
        return None
    return names.join(tokens[i].text, [*tokens[i].accents, "^" + above], low), end


def _is_plain(token: Token) -> bool:
    return token.kind == "atom" and "a" <= token.text <= "z" and not token.low and not token.accents


def is_vector_e(tokens: list[Token], known: Collection[str], numbers: Set[str], readings: list[str]) -> bool:
    """Whether the e of a formula is no number: it is transposed, by T or, where it stands without a power too, by t.

    Nor is the one without a power behind a capital letter or a transpose, as in A e and Vᵀ e: numbers stand before.
    """
    after = [[t for t in tokens[i + 1 : i + 4] if t.text not in ("^", "{")] for i in range(len(tokens))]
    here = [i for i, token in enumerate(tokens) if token.kind == "name" and token.value == "e"]
    marks = [after[i][0] for i in here if after[i]]
    if any(mark.text != "ᵗ" if mark.kind == "trans" else mark.value == "T" for mark in marks):
        return True
    is_name = "t" in known or sum(t.value == "t" for t in tokens) > sum(mark.value == "t" for mark in marks)
    bare = [i for i in here if tokens[i + 1 : i + 2] == [] or not is_raised(tokens[i + 1])]
    for i in bare:
        before = [t for t in tokens[max(i - 4, 0) : i] if t.text not in ("{", "}")]
        is_turned = bool(before) and (before[-1].kind == "trans" or [t.text for t in before[-2:]] == ["^", "T"])
        factor = str(before[-1].value) if before and before[-1].kind == "name" else ""
        if len(bare) == len(here) and (is_turned or factor[:1].isupper() and factor not in numbers):
            readings.append("e is read as a symbol, not as the number")  # which it is beside e^{-t}
            return True
    return bool(bare) and not is_name and any(mark.text in ("t", "ᵗ") for mark in marks)


def is_term_pi(tokens: Sequence[Token]) -> bool:
    """Whether every π is a term by itself, as in μ − π: that of 2π, π/2, π x and beside sin and cos is the number."""
    if any(t.kind == "func" and t.text.lstrip("\\") in ("sin", "cos", "tan") for t in tokens):
        return False
    around = zip(["(", *(t.text for t in tokens)], tokens, [*(t.text for t in tokens[1:]), ")"])
    found = [(before in "+-([" and after in "+-)]") for before, token, after in around if token.value == "π"]
    return bool(found) and all(found)


def is_raised(token: Token) -> bool:
    return token.kind == "sup" or token.text in ("^", "**", "ᵗ")
