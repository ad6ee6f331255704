"""Words of a derivation: its left side, properties, conditions, numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..errors import DeriveError
from ..expr import Expr, commutation, commutation_op, nodes, symbol, symbols_of
from ..heights import RAISING
from ..properties import CONSTRAINED
from ..rules import RULES, subject
from . import Formula, Name, Partial
from .text import text

if TYPE_CHECKING:
    from ..derivation import Derivation

PROPERTIES = {
    "spd": "symmetric positive definite",
    "psd": "symmetric positive semidefinite",
    "symmetric": "symmetric",
    "skew": "skew-symmetric",
    "diagonal": "diagonal",
    "lower": "lower triangular",
    "upper": "upper triangular",
    "orthogonal": "orthogonal",
    "idempotent": "idempotent",
    "orthonormal rows": "with orthonormal rows",
    "column sums 1": "with columns that sum to 1",
    "row sums 1": "with rows that sum to 1",
    "positive": "positive",
    "nonnegative": "nonnegative",
    "constant": "constant",
}


_OF_VECTORS = {"orthogonal": "of norm 1", "column sums 1": "with entries that sum to 1"}


def property_words(s: Expr) -> str:
    """The declared properties of a symbol in words."""
    held = [
        _OF_VECTORS.get(key, word) if s.is_vector else word for key, word in PROPERTIES.items() if key in s.properties
    ]
    if {"spd", "psd", "diagonal"} & s.properties:
        held.remove("symmetric")
    return " and ".join(held)


def identification(d: Derivation) -> list[str | Formula]:
    """How the derivative is read off the differential."""
    assert d.wrt is not None
    if d.wrt.is_vector or d.wrt.is_scalar:
        return ["The factor of ", ["d", d.wrt], " is the derivative."]
    p, q, x, turned = Name("P"), symbol("Q", "p", "q"), Name("X"), symbol(d.wrt.name, *d.wrt.shape).T
    known: list[str | Formula] = [["vec", "(", p, x, q, ")", "=", "(", q.T, "⊗", p, ")", "vec", x]]
    if any(node.op is commutation_op for node in nodes(d.result)):
        known += [" and ", ["vec", turned, "=", commutation(*d.wrt.shape), "vec", d.wrt]]
    return ["Stacking the columns, where ", *known, ", the factor of ", ["d", "vec", d.wrt], " is the derivative."]


def head_of(d: Derivation, whole: bool = False) -> Formula:
    """What is derived, as the left side of equations; of an entry the gradient that it is one of with `whole`."""
    of = Name(d.name)
    if d.wrt is None:
        return ["d", of]
    if d.kind == "gradient":
        return [Partial(["∂", of], ["∂", d.wrt if whole else d.written_wrt or d.wrt])]
    if d.kind == "hvp" and len(d.moved) > 1:
        return ["d", Partial(["∂", of], ["∂", d.wrt])]
    if d.kind == "hvp":
        return ["∇²", of, "[", d.direction or d.wrt, "]"]
    if d.kind == "hessian":
        if d.wrt.is_scalar:
            return [Partial(["∂²", of], ["∂", d.wrt, "²"])]
        if d.wrt.is_vector:
            return [Partial(["∂²", of], ["∂", d.wrt, "∂", d.wrt.T])]
        return [Partial(["∂²", of], ["∂", "vec", d.wrt, "∂", "(", "vec", d.wrt, ")", "ᵀ"])]
    top: Formula = ["∂", of] if d.loss.is_scalar or d.loss.is_vector else ["∂", "vec", of]
    if d.wrt.is_scalar:
        return [Partial(top, ["∂", d.wrt])]
    if d.wrt.is_vector:
        bottom: Formula = ["∂", d.wrt.T if d.layout != "denominator" else d.wrt]
    else:
        bottom = ["∂", "(", "vec", d.wrt, ")", "ᵀ"] if d.layout != "denominator" else ["∂", "vec", d.wrt]
    if d.layout == "denominator" and d.loss.is_vector:
        top = ["∂", of, "ᵀ"]
    return [Partial(top, bottom)]


def conditions_of(d: Derivation) -> list[tuple[Expr | None, str]]:
    """The conditions with their operands: `{}` in the words is the operand."""
    left = dict.fromkeys(d.conditions)
    found: list[tuple[Expr | None, str]] = []
    for node in nodes(d.loss, *(part.result for part in d.parts)):
        rule = RULES.get(node.op.name)
        template = rule.condition_template(node) if rule and node.args else None
        if template and template.format(text(subject(node))) in left:
            del left[template.format(text(subject(node)))]
            found.append((subject(node), template))
    assumed = [s for s in symbols_of(d.loss) if s.properties & CONSTRAINED]
    if assumed:
        from ..reading.assumptions import statements

        for side, words in statements(assumed):
            if left.pop(f"{text(side)} {words}", "") is None:
                found.append((side, "{} " + words))
    return found + [(None, words) for words in left]


def filled(words: str, operand: Expr | None) -> list[str | Formula]:
    """A condition as words and formulas."""
    if operand is None:
        return [words]
    before, _, after = words.partition("{}")
    sign, _, rest = after.strip().partition(" ")
    if sign in (">", "<", "≠", "≥", "="):
        value, _, rest = rest.partition(" ")
        return [before, [operand, sign, value], f" {rest}" if rest else ""]
    is_adjective = not before and after[:1] == " " and after[1:2].isalpha()
    return [before, [operand], (" is" if is_adjective else "") + after]


def sentence(words: str) -> str:
    """The words as a sentence; a symbol, or what is quoted from the formula, keeps its letter."""
    is_quoted = " is read as " in words and not words.startswith(("a ", "an ", "the "))
    if words[:1].isascii() and words[1:2].isalpha() and not is_quoted:
        words = words[:1].upper() + words[1:]
    return words if words.endswith((".", ":")) else words + "."


def number_word(count: int) -> str:
    words = "no one two three four five six seven eight nine ten eleven twelve".split()
    return words[count] if count < len(words) else str(count)


def times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{number_word(count)} times")


def fresh(name: str, taken: set[str]) -> str:
    """The name, with d's put before it until nothing else bears it."""
    while name in taken:
        name = "d" + name
    return name


def magnitude(error: float) -> Formula:
    """A small number as a formula, of two digits."""
    mantissa, exponent = f"{error:.1e}".split("e")
    power = f"{int(exponent)}".translate(RAISING)
    return ["0"] if error == 0 else [mantissa, "·", f"10{power}"]


def chosen_steps(numbers: str, count: int) -> set[int]:
    """The numbers of steps in text such as `2-5, 7`."""
    chosen: set[int] = set()
    for part in numbers.split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        if not (first.isdecimal() and (last.isdecimal() or not dash)):
            raise DeriveError(
                f"there is no detail {numbers!r}", hint='"brief", "steps", "full", or steps such as "2-5"'
            )
        low, high = int(first), int(last or first)
        if not 1 <= low <= high <= count:
            known = f"they are numbered from 1 to {count}" if count else "this derivation has none"
            raise DeriveError(f"there are no steps {part.strip()}", hint=known)
        chosen.update(range(low, high + 1))
    return chosen


def plus(formulas: Iterable[Formula]) -> Formula:
    """Their sum."""
    joined: list[object] = []
    for formula in formulas:
        joined += ["+", *formula] if joined else formula
    return joined  # type: ignore[return-value]
