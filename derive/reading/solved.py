"""The expressions of a solved reading, and how far its kinds are from habit."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from .. import names
from ..errors import ParseError, ShapeError
from ..expr import Expr
from ..shapes import ONE, SCALAR
from . import habits
from .alternatives import summed_powers
from .build import Builder
from .kinds import kind_of
from .shaping import Symbol
from .signatures import C, M, R, S
from .spelling import LISTED
from .stacks import Node, nodes_below
from .vocabulary import ELEMENTWISE

if TYPE_CHECKING:
    from .scope import Reading

UNUSUAL = 1.9  # a kind this far from habit is said: a capital letter for a scalar or a vector
KIND_WORDS = {S: "a scalar", C: "a vector", R: "a row", M: "a matrix"}


class Solution:
    """The expressions of a solved reading."""

    def __init__(
        self, reading: Reading, roots: list[Node], symbols: dict[str, Symbol], builder: Builder, readings: list[str]
    ) -> None:
        self.reading = reading
        self.root = roots[-1]
        self.readings = readings
        self.exprs = [builder.values[id(root)] for root in roots]
        self.equations = [
            (builder.values[id(of)], builder.values[id(root)], builder.cut(root)) for root, of in reading.pairs(roots)
        ]
        self.habits = {
            n: habits.habit(n, e.style, e.uses)
            for n, e in symbols.items()
            if not e.is_declared and n not in reading.families
        }
        self.squares = [n for n in summed_powers(builder.order) if not _is_flat(builder.values[id(n.args[0])])]
        for node in self.squares:
            shown = builder.cut(node)
            builder.note(f"{shown} in a sum is read as a power of a matrix; with .^ it is that of each entry")
        self.doubt = hidden_identity(builder)
        if LISTED in reading.split_readings:
            self.doubt = self.doubt or number_of_entries(builder)
        self.lone = lone_factors(builder.order, builder.values)
        self.multiplies_scalars = any(n.op == "had" and builder.values[id(n)].is_scalar for n in builder.order)
        self.measures_numbers = any(n.op == "norm" and builder.values[id(n.args[0])].is_scalar for n in builder.order)
        self.symbols: dict[str, Expr] = {}
        self.where: list[str] = []
        for name, entry in symbols.items():
            made = entry.expr
            if made is None:
                continue
            self.symbols[name] = made
            if not entry.is_declared:
                self.where.append(f"{names.text(name)}: {shape_line(made)}")
                if names.parts(name)[0] == "Σ" and made.is_scalar:
                    shown = names.text(name)
                    self.doubt = self.doubt or ParseError(
                        f"{shown} would be a number, and may be a matrix or the sign of a sum", reading.source,
                        self.root.span, f"write ∑_i (…) with the index, or declare {shown}: n×n or {shown}: scalar",
                    )  # fmt: skip
                if self.far(name) >= UNUSUAL or "over" in entry.uses and made.is_scalar:
                    builder.note(f"{names.text(name)} is read as {KIND_WORDS[kind_of(made.shape)]}")

    def far(self, name: str) -> float:
        """How far the kind of a symbol is from habit."""
        costs, made = self.habits.get(name), self.symbols.get(name)
        return 0.0 if costs is None or made is None else costs[kind_of(made.shape).bit_length() - 1] - min(costs)

    @property
    def surprise(self) -> float:
        """How far all kinds are from habit."""
        return sum(map(self.far, self.habits), 0.0)

    def odd(self) -> dict[str, float]:
        """The symbols that are what their like never are, and how far each is from habit."""
        return {name: cost for name in self.habits if (cost := self.far(name)) >= 1}

    def say_scalar(self, name: str) -> None:
        said = f"{names.text(name)} is read as a scalar"
        if said not in self.readings:
            self.readings.append(f"{said}: so is the whole, which a gradient needs")

    def has_primed_vectors(self) -> bool:
        """Whether the names with primes, and those without, are no numbers; what is taken for granted is said."""
        for name, made in self.symbols.items():
            base, marks, low = names.parts(name)
            plain = self.symbols.get(names.join(base, [mark for mark in marks if mark != "^′"], low), made)
            if "^′" in marks:
                if made.is_scalar or plain.is_scalar:
                    return False
                self.readings.append(f"{names.text(name)} is read as a name of its own, as no transpose fits")
        return True

    def astonishment(self) -> ShapeError:
        """The refusal of a reading in which most letters are what their like never are."""
        odd = [(names.text(name), shape_line(self.symbols[name])) for name in self.odd()]
        shown = ", ".join(f"{name}: {line}" for name, line in odd)
        return ShapeError(
            f"only unusual shapes fit this formula: {shown}", self.reading.source, self.root.span,
            f'if they are meant, declare them, as in where="{odd[0][0]}: {odd[0][1]}"',
        )  # fmt: skip

    def turned(self, base: Solution | None) -> bool:
        """Whether a symbol is a scalar here that is none in `base`, or by habit."""
        for name, costs in self.habits.items():
            made = self.symbols.get(name)
            if made is None or not made.is_scalar:
                continue
            before = base.symbols.get(name) if base is not None else None
            if base is not None and name in base.lone:
                continue
            if before is None and costs[0] > min(costs):
                return True
            if before is not None and not before.is_scalar:
                is_usual = costs[kind_of(before.shape).bit_length() - 1] == min(costs)
                if is_usual or name[0].islower():  # C in 1ᵀ z + C‖w‖² was no vector either
                    return True
        return False


def hidden_identity(b: Builder) -> ParseError | None:
    """What is said of xᵀ (1 − A) x, (A − λ)⁻¹ x and xᵀ (A + λ) x, where 1 and λ may stand for I and λ I.

    There A is a number, or λ a vector in each row, only for want of a matrix beside it; N − 1 is a number.
    """
    inside = []
    for node in b.order:
        if node.op == "norm" and node.args[0].op in ("sum", "spread") and b.values[id(node.args[0])].is_scalar:
            inside.append(node.args[0])  # ‖XᵀX − 1‖
        elif node.op == "spread" and b.values[id(node)].is_square and not b.values[id(node)].is_scalar:
            inside.append(node)
        elif node.op == "prod" and not all(b.values[id(arg)].is_scalar for arg in node.args):
            inside += _between(b, node.args)
    for node in inside:
        made = b.values[id(node)]
        for term, beside in zip(node.args, [*node.args[1:], node.args[0]]):
            leaf = next((n for n in nodes_below([term]) if n.op == "sym"), term) if term.op == "prod" else term
            entry = b.symbols.get(str(leaf.data)) if leaf.op == "sym" else None
            if entry is None or entry.is_declared:
                continue
            shown = names.text(entry.name)
            is_number = leaf is term and node.args[-1].op == "num"  # N − 1
            if made.is_scalar and entry.name[0].isupper() and not is_number:
                other = "I" if beside.op == "num" and beside.data == 1 else f"{b.cut(beside)} I"
                why, hint = (
                    "be a number, or hold the identity",
                    f"write {other} beside a matrix, or declare {shown}: {'scalar' if leaf is term else 'n'}",
                )
            elif not made.is_scalar and b.values[id(term)].is_vector:
                why, hint = (
                    f"hold {shown} I, or {shown} in each row",
                    f"write {shown} I, or declare {shown}: n for rows",
                )
            else:
                continue
            return ParseError(f"{b.cut(node)} may {why}", b.source, node.span, hint)
    return None


def number_of_entries(b: Builder) -> ParseError | None:
    """What is said of the w of diag(w_1, …, w_n) where it is read as a number."""
    for node in b.order:
        if node.op == "call" and node.data == "diag" and b.values[id(node.args[0])].is_scalar:
            shown = b.cut(node.args[0])
            return ParseError(
                f"{shown} is read as a number, and its entries are listed", b.source, node.span, f"declare {shown}: n"
            )
    return None


def _between(b: Builder, factors: list[Node]) -> list[Node]:
    """The sums that are numbers and stand where a matrix could: behind a row or before a column."""
    found = []
    for side, at in ((1, factors), (0, factors[::-1])):
        takes = False  # whether a matrix could stand behind what came last
        for factor in at:
            made = b.values[id(factor)]
            of_entries = factor.op == "call" and factor.data in ELEMENTWISE  # xᵀ exp(1 − A) x
            part = factor.args[0] if factor.op in ("pow", "inv") or of_entries else factor
            if not made.is_scalar:
                takes = made.shape[side] is not ONE
            elif takes and part.op in ("sum", "spread") and b.values[id(part)].is_scalar:
                found.append(part)
    return found


def lone_factors(order: list[Node], values: dict[int, Expr]) -> set[str]:
    """The letters that only multiply numbers made by operations, as G in G m₁ m₂/‖r‖ and t in e^t wᵀx."""
    counts: Counter[str] = Counter(str(node.data) for node in order if node.op == "sym")
    for node in order:
        if node.op == "prod":
            wide = [arg for arg in node.args if not values[id(arg)].is_scalar]
            others = [arg for arg in node.args if arg not in wide]
            is_factor = len(wide) == 1 and any(arg.args for arg in others)
            if len(wide) > 2 and wide[0] is node.args[0]:  # y in y wᵀ x
                is_factor = values[id(wide[1])].T.is_vector and values[id(wide[-1])].is_vector
            lone = wide[0] if is_factor else node
            if len(wide) == 3 and _is_exponential(wide[-1]):  # of the number wᵀ x
                lone = wide[-1] if values[id(wide[0])].T.is_vector and values[id(wide[1])].is_vector else lone
            if lone.op == "div" and lone.args[1].op == "num":  # N in N/2 (…)
                lone = lone.args[0]
            for leaf in nodes_below([lone]) if lone.op == "sym" or _is_exponential(lone) else ():
                if leaf.op == "sym":
                    counts[str(leaf.data)] -= 1
    return {name for name, left in counts.items() if not left}


def _is_exponential(node: Node) -> bool:
    return node.op == "call" and node.data == "exp" or node.op == "pow" and node.args[0].op == "const"


def _is_flat(expr: Expr) -> bool:
    return expr.is_scalar or expr.is_vector


def shape_line(expr: Expr) -> str:
    """A shape as declarations say it: `m × n`, `n`, `scalar`."""
    if expr.shape == SCALAR:
        return "scalar"
    parts = [f"({d})" if len(d.terms) > 1 else str(d) for d in expr.shape]
    return parts[0] if expr.shape[1] is ONE else f"{parts[0]} × {parts[1]}"
