"""Other meanings that parts of a formula may take where the plain ones do not fit: ones, rows, entries, norms."""

from __future__ import annotations

import re
from collections.abc import Collection, Set
from typing import TYPE_CHECKING

from .. import names
from ..errors import DeriveError, ParseError
from . import habits
from .indexed_names import USUAL, letters_in
from .kinds import is_reduction
from .reach import extend_over_entries, is_of_entries
from .shaping import Symbol
from .signatures import C, kinds_of
from .sizes import Sizes, SizeShape
from .stacks import Bounds, Node, nodes_below, quoted, whole
from .vocabulary import ELEMENTWISE

if TYPE_CHECKING:
    from .build import Builder
    from .scope import Reading

_ENTRYWISE = re.compile(r"\.[*/^]|[⊙∘⊘]|\\(?:odot|circ|oslash)")
DOTTED = re.compile(r"(?<!\d)\.[-+−]")


def weigh(order: list[Node], readings: list[str]) -> None:
    """Make π a symbol where 1 − π stands, as the weights of a mixture do, or ‖x − π‖.

    The number is not subtracted from 1, and what has a norm is a vector.
    """
    numbers = [n for n in order if n.op == "const" and n.data == "π"]
    for node in order if numbers else ():
        if node.op == "sum" and node.data == (1, -1) and node.args[0].op == "num" and node.args[0].data == 1:
            if node.args[1] in numbers:
                like = "1 − π"
                break
        if node.op == "norm" and node.args[0].op == "sum" and any(term in numbers for term in node.args[0].args):
            like = "‖x − π‖"
            break
    else:
        return
    counted = [
        after for node in order if node.op == "prod" for before, after in zip(node.args, node.args[1:])
        if before.op == "num"
    ]  # fmt: skip
    for node in numbers:
        if node not in counted:
            node.op = "sym"
    readings.append(f"π is read as a symbol, as in {like}")


def loosen_ones(order: list[Node]) -> None:
    """Let a 1 that begins a sum or is subtracted be a vector of ones, as in 1 − σ(z) and exp(z) − 1.

    Where only entries count, as in (1 − M) ∘ A and log(1 − P), it may be a matrix of them: no identity is meant.
    """
    of_entries = [node for node in order if node.op == "had" or node.op == "call" and node.data in ELEMENTWISE]
    inside = {id(arg) for node in of_entries for arg in node.args}
    for node in order:
        if node.op == "sum":
            for i, (term, sign) in enumerate(zip(node.args, node.data, strict=True)):
                if term.op == "num" and term.data == 1 and (i == 0 or sign < 0):
                    term.op, term.data = "unit", "entries" if id(node) in inside else None


def is_alone(node: Node, shapes: dict[int, SizeShape], symbols: dict[str, Symbol], sizes: Sizes) -> bool:
    """Whether a 1 in a product would be a vector of a size that nothing else has: then it is the number."""
    rows = sizes.find(shapes[id(node)][0]) if node.op == "unit" and node.data == "factor" else None
    held = [size for entry in symbols.values() for size in entry.shape or ()]
    return isinstance(rows, int) and not any(sizes.occurs(rows, size) for size in held)


def let_spread(order: list[Node], numbers: Collection[str], source: str) -> None:
    """Let the terms of sums stand for more: a symbol for each row of a matrix, a mean or a maximum for each entry.

    What is less its mean, as layers are normalized, and times w plus b, is times w entry by entry, where w is not
    among the `numbers` that are declared.
    """
    raised = {id(node.args[0]) for node in order if node.op == "pow"}  # a power of rows says nothing of them
    raised |= {id(node) for node in nodes_below([n.args[0] for n in order if n.op == "sigma"])}
    is_julia = DOTTED.search(source)  # which adds a vector to every column, and a number to each entry
    for node in order if is_julia else ():
        for i, arg in enumerate(node.args if node.op == "sum" else ()):
            before, behind = node.args[max(i - 1, 0)].end, node.args[min(i + 1, len(node.args) - 1)].start
            if arg.op == "num" and DOTTED.search(f"{source[before : arg.start]} {source[arg.end : behind]}"):
                unit = Node("unit", [], "entries", *arg.span)
                node.args[i] = unit if arg.data == 1 else Node("prod", [arg, unit], (" ",), *arg.span)
    spread = [node for node in order if node.op == "sum" and id(node) not in raised
              and (not is_julia or any(map(is_reduction, node.args)))]  # fmt: skip
    for node in spread:
        node.op = "spread"
    for node in [term for total in spread if any(arg.op == "sym" for arg in total.args) for term in total.args]:
        ends = [i for i in (0, -1) if node.op == "prod" and node.data[i] == "*" and _may_scale(node.args[i])]
        at = next((i for i in ends if node.args[i].data not in numbers), None)
        if at is not None and any(n in spread and any(map(is_reduction, n.args)) for n in nodes_below([node])):
            factor, rest, signs = node.args.pop(at), node.args, node.data[1:] if at == 0 else node.data[:-1]
            held = Node("prod", rest, signs, rest[0].start, rest[-1].end) if signs else rest[0]
            node.op, node.data, node.args = "had", ("⊙",), [factor, held] if at == 0 else [held, factor]


def _may_scale(node: Node) -> bool:
    return node.op == "sym" and habits.habit(node.data, "", set())[3] > 0  # no matrix by habit


def sums_of_entries(
    reading: Reading, roots: list[Node], order: list[Node], readings: list[str], is_loose: bool
) -> tuple[list[Node], list[Node]]:
    """Let a sum without an index, of what has none, be that of all entries, as in Σ (y − ŷ)²; all parts, these sums.

    Where it `is_loose`, its factors and the terms after it may be vectors of entries.
    """
    found = [n for n in order if n.op == "sigma" and n.data.taken == "sum" and is_of_entries(n)]
    for node in nodes_below(found):
        for left, right in zip(node.args, node.args[1:]) if node.op == "prod" else ():
            if left.op == right.op == "sym" and right.paren:
                letter, point = names.text(left.data), names.text(right.data)
                raise ParseError(
                    f"{letter}({point}) of a sum without an index may be an entry of {letter}, or a product",
                    reading.source, (left.start, right.end),
                    f"write \\sum_{point} {letter}({point}) for entries, {letter} ⊙ {point} for the product",
                )  # fmt: skip
    if found and is_loose:
        extend_over_entries(order, habits.leanings(order, reading.collect(order)), reading.source, readings)
        order = nodes_below(roots)
    for node in found:
        node.op, node.data = "call", "sum"
        shown = quoted(whole(reading.source, node.start, node.end))
        readings.append(f"{shown} is read as the sum of all entries")
    if is_loose:
        found += [n for n in order if n.op == "call" and n.data in ("sum", "mean") and n not in found
                  and len(letters_in(n) & USUAL) < 2]  # fmt: skip
        products_of_entries(found, habits.leanings(order, reading.collect(order)))
        order = nodes_below(roots)
    return order, found


def note_numbers(sums: list[Node], wanted: Set[str], symbols: dict[str, Symbol], builder: Builder) -> None:
    """Say which letters are read as vectors and which as numbers in sums without an index, as in Σ (y − a x)².

    Raises
    ------
    DeriveError
        A `wanted` term that is usual for a number, b or μ of Σ (y − a x − b)², would be a vector, or a factor
        of such a term, w of Σ (y − w x)².  No other reading is tried.
    """
    terms = [n.args[0] if n.op == "neg" else n for s in nodes_below(sums) if s.op == "sum" for n in s.args]
    costs = {n.data: habits.habit(n.data, "", set()) for n in terms if n.op == "sym" and n.data in wanted}
    wanted = {n for n, (number, vector, *_) in costs.items() if number < vector} | _factors_of_terms(sums, wanted)
    below = {node.data: node for node in nodes_below(sums) if node.op == "sym" and not symbols[node.data].is_declared}
    held: dict[str, list[str]] = {"vectors": [], "numbers": []}
    for name, node in sorted(below.items()):
        shape = builder.values[id(node)]
        if shape.is_vector and name in wanted:
            shown = names.text(name)
            raise DeriveError(
                f"{shown} may be one number, or one for each entry of the sum", builder.source, node.span,
                f"declare {shown}: scalar or {shown}: n, or write the index of the sum",
            )  # fmt: skip
        if shape.is_vector or shape.is_scalar:
            held["vectors" if shape.is_vector else "numbers"].append(names.text(name))
    if held["vectors"]:
        shown = "; ".join(f"{kind} {', '.join(some)}" for kind, some in held.items() if some)
        builder.note(f"in sums without an index: {shown}")


def _factors_of_terms(sums: list[Node], wanted: Set[str]) -> set[str]:
    """The letters that multiply others in the terms of what is a power or a function in the sums: w of Σ (y − w x)²."""
    linear = [total.args[0] for total in sums]
    for node in linear:
        linear += node.args if node.op in ("sum", "neg") else []
    inner = [n for n in nodes_below(sums) if n.op == "sum" and n not in linear]
    terms = [n.args[0] if n.op == "neg" else n for total in inner for n in total.args]
    products = [n for term in terms for n in (term, *term.args) if n.op == "had" and term.op in ("had", "prod")]
    factors = [(n.args[0] if n.op == "elpow" else n, habits.names_below(p)) for p in products for n in p.args]
    return {n.data for n, held in factors if n.op == "sym" and n.data in wanted and held != {n.data}}


def products_of_entries(sums: list[Node], usual: dict[int, int]) -> None:
    """Let neighboring factors that are vectors by habit be multiplied entry by entry in the sums, as in Σ y log p."""
    for node in nodes_below([total.args[0] for total in sums]):
        for i in reversed(range(len(node.data) if node.op == "prod" else 0)):
            left, right = node.args[i : i + 2]
            if node.data[i] != "/" and usual[id(left)] == usual[id(right)] == C:
                held = Node("had", [left, right], ("⊙",), left.start, right.end)
                usual[id(held)] = C
                node.args[i : i + 2] = [held]
                node.data = node.data[:i] + node.data[i + 1 :]
        if node.op == "prod" and len(node.args) == 1:
            node.op, node.data, node.args = "had", ("⊙",), node.args[0].args
        elif node.op == "bars":
            node.op, node.data = "call", "abs"


def entry_by_entry(order: list[Node]) -> list[Node]:
    """Let the powers of what sum and mean add up be those of each entry, as in sum((y − X w)^2); these powers."""
    found = summed_powers(order)
    for node in found:
        node.op = "elpow"
    return found


def summed_powers(order: list[Node]) -> list[Node]:
    """The powers among what sum and mean add up entry by entry, which may be those of each entry."""
    found: list[Node] = []
    seen: set[int] = set()
    stack = [arg for node in order if node.op == "call" and node.data in ("sum", "mean") for arg in node.args[:1]]
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        is_power = node.op == "pow" and node.args[1].op == "num" and node.args[1].data > 0
        if is_power:
            found.append(node)
        is_entrywise = is_power or node.op in ("sum", "spread", "neg", "had", "prod", "div", "ref", "elpow")
        if is_entrywise or (node.op == "call" and node.data in ELEMENTWISE):
            stack += node.args
    return found


def divisors_in_bars(order: list[Node]) -> list[Node]:
    """What divides in single bars, as in x·y/(|x||y|): of a vector its norm, as nothing is divided by a vector."""
    below = [node.args[1] for node in order if node.op == "div"]
    below += [arg for n in order if n.op == "prod" for arg, sign in zip(n.args[1:], n.data, strict=True) if sign == "/"]
    factors = [factor for part in below for factor in habits.factors_of(part)]
    return [bare for f in factors for bare in (f.args[0] if f.op == "pow" else f,) if bare.op == "bars"]


def lengths_of_bold(reading: Reading, order: list[Node], readings: list[str]) -> None:
    """Let |rᵢ − rⱼ| and what is squared in pᵢ² / 2mᵢ be lengths, where the letters are set bold: they are vectors.

    Where the letter stands without the index as well, as θ beside θⱼ, θⱼ is one of its entries.  What is added up
    without an index, stands beside vectors as in aᵀ|x|, or is a Greek letter squared, as a variance is, is no length.
    """
    symbols = reading.collect(order)
    bold = {n for n, e in symbols.items() if e.style in ("bold", "vec") and not e.is_declared}
    bold -= {n for n in bold if names.parts(n)[0] in {*symbols, *reading.declared.entries} - {n}}
    if not any(name[0].islower() for name in bold):
        return
    usual = habits.leanings(order, symbols)
    kept = {id(n) for node in order if node.op == "call" and node.data in ("sum", "mean", "log") or node.op == "sigma"
            and not node.data.names for n in nodes_below([node])}  # fmt: skip
    for node in order:
        beside = [n for i, n in enumerate(node.args) if node.op == "prod" and i and node.args[i - 1].op == "trans"]
        bare = [n.args[0] if n.op == "neg" else n for n in node.args]
        others = [n for n in bare if usual[id(n)] == C and n.op not in ("pow", "bars") and bold & habits.names_below(n)]
        is_vector = node.op in ("sum", "had") and others
        kept |= {id(n) for n in (*beside, *(bare if is_vector else ()))}
    for node in order:
        is_square = node.op == "pow" and node.args[1].op == "num" and node.args[1].data == 2
        if id(node) in kept or not is_square and node.op != "bars":
            continue
        base = node.args[0]
        terms = [term.args[0] if term.op == "neg" else term for term in (base.args if base.op == "sum" else [base])]
        held = {n for n in bold if n[0] <= "z"} if is_square else bold
        if all((usual[id(t)] == C or t.op == "sym") and held & habits.names_below(t) for t in terms):
            shown = quoted(whole(reading.source, *base.span))
            if is_square:
                readings.append(f"the square of {shown} is read as that of its norm")
                node.args[0] = Node("norm", [base], "2", *base.span)
            else:
                readings.append(f"|{shown}| is read as the norm of {shown}")
                node.op, node.data = "norm", "2"


def lists_of_entries(reading: Reading, order: list[Node], are_vectors: bool) -> list[Node]:
    """The diag(pᵢ (1 − pᵢ)) of what has one index that no sum runs over; whose operands may be vectors of entries.

    What sum and mean take of small letters with such an index, as sum(yᵢ log pᵢ), are entries.  The xₜ of
    sum((W xₜ − yₜ).^2) and of softmax(xₜ) is a vector, and so is a name that is declared or asked for.
    """
    found = []
    known = {*reading.known, *reading.wrt, *reading.declared.entries}
    for node in order:
        is_total = node.op == "call" and node.data in ("sum", "mean")
        if is_total or node.op == "call" and node.data in ("diag", "Diag") and node.args[0].op != "sym":
            around = [total.data.names for total in order if total.op == "sigma" and node in nodes_below(total.args)]
            letters = (letters_in(node.args[0]) & USUAL).difference(*around)
            held = habits.names_below(node) if is_total else set()
            are_whole = any(n[0].isupper() or n in known and names.parts(n)[2] for n in held)
            are_whole |= any(n.op == "call" and n.data not in ELEMENTWISE and (C, C) in kinds_of(n.data)
                             for n in nodes_below(node.args))  # fmt: skip
            if len(letters) != 1 or are_whole or is_total and _ENTRYWISE.search(reading.source, *node.span):
                continue
            found += [] if is_total else [node]
            if are_vectors or is_total:
                bounds = Bounds("entries")
                bounds.names += letters
                node.args = [Node("sigma", node.args, bounds, *node.args[0].span)]
    return found


def find_factors(order: list[Node]) -> None:
    """Let a 1 right in a product, or left of a last row, be a vector of ones, as in X 1, Diag(W*1) and 1 μᵀ.

    As a number it is not written there.
    """
    for node in order:
        if node.op == "prod":
            for i, (factor, sign) in enumerate(zip(node.args, ("/", *node.data), strict=True)):
                if factor.op != "num" or factor.data != 1:
                    continue
                before, behind = node.args[i - 1 : i] if sign != "/" else [], node.args[i + 1 : i + 2]
                behind = behind if behind and node.data[i] != "/" else []
                if any(n.op == "trans" and n.args[0].op == "ones" for n in (*before, *behind)):
                    factor.op, factor.data = "unit", "outer"  # 1 1ᵀ and 1ᵀ 1 have no number, whatever their size
                elif before and before[0].op != "num":
                    factor.op, factor.data = "unit", "factor"
                elif not i and behind and behind[0].op == "trans" and set(node.data[1:]) <= {"/"}:
                    factor.op, factor.data = "unit", "factor"
