"""Letters that stand together in a claim: a function, a Greek letter by its name, or a word that nobody defined."""

from __future__ import annotations

from collections.abc import Collection

from ..names import SPOKEN
from ..reading.vocabulary import REFUSED_FUNCTIONS, closest
from .tokens import Token
from .trees import CONSTANTS, FUNCTIONS


def run_end(found: list[Token], start: int, digits: bool = False) -> int:
    """Where the Latin letters end that stand together from `start` on."""
    end = start + 1
    while end < len(found) and (
        found[end].kind == "letter" and found[end].text.isascii() or digits and found[end].text.isdigit()
    ):
        if found[end].start != found[end - 1].end:
            break
        end += 1
    return end


def function_at(found: list[Token], at: int) -> tuple[str, int]:
    """The longest function's name that the characters at `at` begin with, and how many tokens it takes."""
    word, longest, taken = "", "", 0
    for i in range(at, run_end(found, at, digits=True)):
        word += found[i].text
        if len(word) > 1 and (word in FUNCTIONS or word in CONSTANTS):
            longest, taken = word, i + 1 - at
    return longest, taken


def spoken_at(found: list[Token], at: int, is_latex: bool) -> tuple[str, int]:
    """The Greek letter whose name the letters at `at` begin with, and how many of them it takes."""
    word = "".join(t.text for t in found[at : run_end(found, at)])
    for size in range(min(len(word), 10), 3 if is_latex else 1, -1):
        if word[:size] in SPOKEN and word not in FUNCTIONS:
            return SPOKEN[word[:size]], size
    return "", 0


def unknown_at(found: list[Token], at: int, function: str, known: Collection[str]) -> str:
    """An unknown word before a bracket; nothing if its letters stand elsewhere too and so are factors."""
    before = found[at - 1] if at else None
    if before is not None and before.kind == "letter" and before.end == found[at].start:
        return ""  # in the middle of a run, which has been looked at
    end = run_end(found, at, digits=True)
    low = end
    while low + 1 < len(found) and found[low].text == "_" and found[low + 1].kind == "letter":
        low = run_end(found, low + 1)
    joined = "".join(t.text for t in found[at:low])  # pseudo_huber: a name with an index otherwise
    if joined in FUNCTIONS and low > end and low < len(found) and found[low].text == "(":
        return joined
    word = "".join(t.text for t in found[at:end])
    after = found[end] if end < len(found) else None
    if (
        len(word) < 2
        or word in SPOKEN
        or word in CONSTANTS
        or after is None
        or after.text != "("
        or after.start != found[end - 1].end
    ):
        return ""
    i = 0
    while i < len(word) and word[i:] not in FUNCTIONS and word[i] in known:
        i += 1
    if i == len(word) or word[i:] in FUNCTIONS or (function and word[len(function) :].isupper()):
        return ""
    return word if word in REFUSED_FUNCTIONS or sum(c.islower() for c in word) > 1 else ""


def refusal(word: str) -> tuple[str, str | None]:
    """What is said of an unknown word, and the way out."""
    if word in REFUSED_FUNCTIONS:
        return f"{word} is not read", REFUSED_FUNCTIONS[word]
    if word in FUNCTIONS:
        return f"{word} is not read in documents", None
    near = closest(word, FUNCTIONS)
    return f"{word} is not a function we know", f"did you mean {near}?" if near else None
