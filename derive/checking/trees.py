"""Trees of claims, free of shapes, made of what the one grammar reads.

The language is that of formulas, and besides: derivatives in their customary spellings,
gradients, differentials, directional derivatives, sums over an index, entries, and
evaluation bars.  A tree is kept free of shapes so that a line whose shapes do not fit
can still be read, judged and repaired.

Kinds of trees, with their operands:

    number (Fraction)      name (canonical; base, indices)      ones  identity  zero
    sum    neg             prod (operators)   hadamard   over (elementwise quotient)   kron
    quotient  power  entrypower  transpose  inverse
    call (function)   apply (name; arguments)   norm (kind)   bars   inner   colon
    entry (indices)   total (index, whether under a condition)             at (bindings)
    derivative (order)     gradient (order)     differential     directional (name)
    path (number)          map (direction)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

from ..errors import ParseError
from ..expr import ones
from ..names import join, parts
from ..operations import FUNCTIONS as SCALAR_FUNCTIONS
from ..reading.habits import habit
from ..reading.stacks import Node, nodes_below
from ..reading.vocabulary import FUNCTIONS as SPELLINGS


class Tree:
    """A formula without shapes: a kind, operands, data, and its place in the text."""

    __slots__ = ("kind", "args", "data", "span")

    def __init__(
        self, kind: str, args: Iterable[Tree] = (), data: tuple[Any, ...] = (), span: tuple[int, int] = (0, 0)
    ) -> None:
        self.kind = kind
        self.args = tuple(args)
        self.data = data
        self.span = span

    def with_args(self, args: Iterable[Tree]) -> Tree:
        return Tree(self.kind, args, self.data, self.span)

    def replaced(self, change: Callable[[Tree], Tree | None]) -> Tree:
        """The tree with other trees for those of which `change` gives one; the same object where it gives none."""
        found = change(self)
        if found is not None:
            return found
        args = [arg.replaced(change) for arg in self.args]
        return self if all(a is b for a, b in zip(args, self.args)) else self.with_args(args)

    def walk(self) -> list[Tree]:
        """The tree and everything below it, in the order of writing."""
        found, stack = [], [self]
        while stack:
            tree = stack.pop()
            found.append(tree)
            stack += reversed(tree.args)
            if tree.kind == "at":
                stack += [value for _, value in reversed(tree.data)]
        return found

    def key(self) -> object:
        return (self.kind, tuple(a.key() for a in self.args), tuple(str(d) for d in self.data))

    def __repr__(self) -> str:
        inside = ", ".join([*map(repr, self.args), *map(str, self.data)])
        return f"{self.kind}({inside})"


# Functions by every spelling, as formulas know them; the trees of documents say `trace` for tr, and `diag` for both.
_CALLED = {"tr": "trace", "Diag": "diag"}
_ELSEWHERE = frozenset("vector matrix ones zeros eye block_inner block_sum unvec norm_inf norm_max".split())
FUNCTIONS = {word: _CALLED.get(name, name) for word, name in SPELLINGS.items() if name not in _ELSEWHERE}


_PRIMED = re.compile(r".?\s*(?:\\right\s*)?[)\]]?\s*['′]\s*_")  # (‖y − Xw‖²)'_w, the derivative by w
INDICES = "ijklmnpqrst"
COUNTS = frozenset("nmkdpqrNMKDPCTBV")  # letters of sizes, which are scalars to who does not know


class Planter:
    """Makes the trees of one side: `source` is its text, which begins at `start` of the document."""

    def __init__(self, source: str, start: int) -> None:
        self.source = source
        self.start = start
        self.divisors: set[str] = set()  # names that something is divided by
        self.readings: list[str] = []
        self.trees: dict[int, Tree] = {}

    def tree(self, root: Node) -> Tree:
        for node in nodes_below([root]):
            row = _ROWS.get(node.op)
            if row is None:
                raise ParseError(_REFUSED.get(node.op, "this is not read in documents"), self.source, node.span)
            made = row(self, node, [self.trees[id(arg)] for arg in node.args])
            made.span = self.span(node)
            self.trees[id(node)] = made
        return self.trees[id(root)]

    def span(self, node: Node) -> tuple[int, int]:
        return (node.start + self.start, node.end + self.start)

    def sign(self, before: int, term: Node) -> int:
        """Where the sign of a summand stands."""
        at = max(self.source.rfind(c, before, term.start) for c in "-−–—")
        return (at if at >= 0 else term.start) + self.start

    def sum(self, node: Node, args: list[Tree]) -> Tree:
        terms = []
        before = node.start
        for sign, part, term in zip(node.data, node.args, args, strict=True):
            terms.append(term)
            if sign < 0:
                terms[-1] = Tree("neg", [term], (), (self.sign(before, part), term.span[1]))
            before = part.end
        return Tree("sum", terms) if len(terms := self.reached(terms)) > 1 else terms[0]

    def reached(self, terms: list[Tree]) -> list[Tree]:
        """Terms, a sum without an index over all of −Σ y log p + (1 − y) log(1 − p)."""
        found = terms[:1]
        for term in terms[1:]:
            last, is_negative = found[-1], term.kind == "neg"
            total = last.args[0] if last.kind == "neg" else last
            of = of_entries(term.args[0] if is_negative else term)
            if total.data != ("sum", "Σ") or total.args[0].kind not in ("hadamard", "sum") or of.kind != "hadamard":
                found.append(term)
                continue
            inside = total.args[0].args if total.args[0].kind == "sum" else total.args
            body = Tree("sum", [*inside, Tree("neg", [of], (), term.span) if is_negative else of])
            body.span = (inside[0].span[0], term.span[1])
            made = Tree("call", [body], total.data, (total.span[0], term.span[1]))
            found[-1] = Tree("neg", [made], (), (last.span[0], term.span[1])) if last.kind == "neg" else made
            self.readings.append("the sum without an index reaches over the products of entries behind it")
        return found

    def product(self, node: Node, args: list[Tree]) -> Tree:
        factors, marks = [args[0]], []
        for mark, part, factor in zip(node.data, node.args[1:], args[1:], strict=True):
            if mark != "/":
                marks.append(mark.strip())
                factors.append(factor)
                continue
            left = product_of(factors, marks)
            if left.kind == "number" and factor.kind == "name":
                self.divisors.add(str(factor.data[0]))
            factors = [Tree("quotient", [left, factor], (), (left.span[0], self.span(part)[1]))]
            marks = []
        for i, one in enumerate(factors):
            before, behind = factors[i - 1] if i else None, factors[i + 1] if i + 1 < len(factors) else None
            is_last = behind is None and before is not None and before.kind != "number" and not marks[-1]
            is_column = behind is not None and behind.kind == "transpose" and behind.args[0].kind == "ones"
            if one.kind == "number" and one.data[0] == 1 and (is_last or is_column and not marks[i]):
                factors[i] = Tree("ones", (), (None,), one.span)  # (P − Y)ᵀ 1, 1 1ᵀ: nobody multiplies by the number
        for factor in factors:
            if factor.kind == "quotient" and factor.args[0].kind == "number":
                _count_ones(factors, factor.args[1])
        return product_of(factors, marks)

    def fraction(self, node: Node, args: list[Tree]) -> Tree:
        above, below = args
        is_number = below.kind == "prod" and {f.kind for f in below.args} <= {"name", "number", "power"}
        for factor in below.args if is_number else [below]:  # no letter of xᵀ A x is one
            if factor.kind == "name":
                name = str(factor.data[0])
                if below.kind == "prod" or len(name) > 1 or above.kind == "number" or name[0] in "ijklmnNMK":
                    self.divisors.add(name)
        _count_ones(above.args if above.kind == "prod" else [], below)
        return Tree("quotient", args)

    def hadamard(self, node: Node, args: list[Tree]) -> Tree:
        tree, run = args[0], [args[0]]
        for mark, factor in zip(node.data, args[1:], strict=True):
            if mark == "⊙":
                run.append(factor)
                tree = Tree("hadamard", run, (), (run[0].span[0], factor.span[1]))
            else:
                tree = Tree("over", [tree, factor], (), (tree.span[0], factor.span[1]))
                run = [tree]
        return tree

    def power(self, node: Node, args: list[Tree]) -> Tree:
        base, exponent = args
        if node.args[0].op == "const" and node.args[0].data == "e":
            return Tree("call", [exponent], ("exp",))
        minus = exponent.kind == "neg" and exponent.args[0].kind == "number" and exponent.args[0].data[0] == 1
        if minus or (exponent.kind == "number" and exponent.data[0] == -1):
            return Tree("inverse", [base])
        return Tree("power", args)

    def call(self, node: Node, args: list[Tree]) -> Tree:
        name = _CALLED.get(node.data, node.data)
        if name in _ELSEWHERE:
            raise ParseError(f"{name} is not read in documents", self.source, node.span)
        if name == "weighted_norm":
            square = Tree("prod", [Tree("transpose", args[:1]), args[1], args[0]], (" ", " "))
            return Tree("call", [square], ("sqrt",))
        if name == "norm" and len(args) == 2 and args[1].kind == "number":
            return Tree("norm", args[:1], (str(args[1].data[0]),))
        return Tree("call", args, (name,))

    def array(self, node: Node, args: list[Tree]) -> Tree:
        if node.data is None or None in node.data:
            raise ParseError("the size of these ones is open", self.source, node.span)
        return Tree("held", (), (ones(*node.data),))

    def norm(self, node: Node) -> str:
        """The index of a norm; of a matrix, a 2 that is written is another norm than none."""
        is_written = self.source[node.end - 1 : node.end] in ("2", "₂", "}")
        return "two" if node.data == "2" and is_written else str(node.data)

    def total(self, node: Node, args: list[Tree]) -> Tree:
        body = args[0]
        if node.data.taken != "sum":
            what = "a product" if node.data.taken == "prod" else "an extremum"
            raise ParseError(f"{what} over an index is not read in documents", self.source, node.span)
        conditions = [str(letters[0]) for _, letters, *_ in node.data.conditions]  # k of k ≠ i
        names = list(dict.fromkeys([*node.data.names, *conditions]))
        if not names:
            below = {str(letter) for t in body.walk() if t.kind == "name" for letter in t.data[2]}
            if len(below) != 1 or not below <= set(INDICES):
                return Tree("call", [body if below else of_entries(body)], ("sum", "Σ"))
            names = list(below)
        for letter in reversed(names):
            body = Tree("total", [body], (letter, bool(conditions)), self.span(node))
        return body

    def entry(self, node: Node, args: list[Tree]) -> Tree:
        if ":" in node.data:
            raise ParseError("a row or column is not read in documents", self.source, node.span)
        return Tree("entry", args, node.data)

    def transpose(self, node: Node, args: list[Tree]) -> Tree:
        by = str(args[0].data[0]) if args[0].kind == "entry" and len(args[0].data) == 1 else ""
        if by.isalpha() and by not in INDICES and _PRIMED.match(self.source, node.args[0].args[0].end - 1):
            return Tree("derivative", [args[0].args[0], name(by)], (1,))
        return Tree("transpose", args)

    def differential(self, node: Node, args: list[Tree]) -> Tree:
        if node.data == 2 and self.source[node.start :].startswith(("∂", r"\partial")):
            raise ParseError("∂² is read below ∂x² alone", self.source, node.span)
        if node.data > 2:
            raise ParseError("differentials of third order are not read", self.source, node.span)
        once = Tree("differential", args)
        return once if node.data == 1 else Tree("differential", [once])


def _count_ones(factors: Sequence[Tree], below: Tree) -> None:
    """Take the n of 1/n 𝟏 𝟏ᵀ, which averages, for the length of 𝟏, unless the shapes say otherwise."""
    for one, row in pairwise(factors):
        is_pair = row.kind == "transpose" and one.kind == row.args[0].kind == "ones"
        if is_pair and one.data == row.args[0].data == (None,) and below.kind == "name" and below.data[0] in COUNTS:
            one.data = row.args[0].data = (str(below.data[0]), "counted")


def product_of(factors: list[Tree], marks: list[str]) -> Tree:
    if len(factors) == 1:
        return factors[0]
    return Tree("prod", factors, tuple(marks), (factors[0].span[0], factors[-1].span[1]))


def letter(full: str) -> Tree:
    """The tree of a name that is taken whole, without indices."""
    return Tree("name", (), (full, full, ()))


def name(full: str) -> Tree:
    """The tree of a canonical name."""
    base, accents, low = parts(full)
    return Tree("name", (), (full, join(base, accents, []), tuple(low)))


def _nested(kind: str) -> Callable[[Planter, Node, list[Tree]], Tree]:
    return lambda planter, node, args: Tree(kind, args)


def _sized(kind: str) -> Callable[[Planter, Node, list[Tree]], Tree]:
    return lambda planter, node, args: Tree(kind, (), (None if node.data is None else str(node.data),))


_ROWS: dict[str, Callable[[Planter, Node, list[Tree]], Tree]] = {
    "num": lambda planter, node, args: Tree("number", (), (Fraction(node.data),)),
    "sym": lambda planter, node, args: name(str(node.data)),
    "const": lambda planter, node, args: name(str(node.data)),
    "zero": _nested("zero"),
    "onesm": Planter.array,
    "ones": _sized("ones"),
    "eye": _sized("identity"),
    "commutation": lambda planter, node, args: Tree("commutation", (), tuple(map(str, node.data))),
    "sum": Planter.sum,
    "prod": Planter.product,
    "div": Planter.fraction,
    "had": Planter.hadamard,
    "kron": _nested("kron"),
    "neg": _nested("neg"),
    "pow": Planter.power,
    "transpow": _nested("power"),
    "elpow": _nested("entrypower"),
    "inv": _nested("inverse"),
    "trans": Planter.transpose,
    "inner": lambda planter, node, args: Tree("colon" if node.data == ":" else "inner", args),
    "norm": lambda planter, node, args: Tree("norm", args, (planter.norm(node),)),
    "bars": _nested("bars"),
    "root": lambda planter, node, args: Tree("call", args, ("sqrt",)) if node.data == 2 else Tree(
        "power", [args[0], Tree("number", (), (1 / Fraction(node.data),))]
    ),
    "call": Planter.call,
    "sigma": Planter.total,
    "at": Planter.entry,
    "apply": lambda planter, node, args: Tree("apply", args, node.data),
    "derivative": lambda planter, node, args: Tree("derivative", args, (node.data,)),
    "gradient": lambda planter, node, args: Tree("gradient", args, node.data),
    "differential": Planter.differential,
    "directional": lambda planter, node, args: Tree("directional", args, (node.data,)),
    "path": lambda planter, node, args: Tree("path", args, (node.data,)),
    "bound": lambda planter, node, args: Tree("at", args[:1], tuple(zip(node.data, args[1:], strict=True))),
}  # fmt: skip
_REFUSED = {"block": "a matrix written out in entries is not read"}


def of_entries(tree: Tree) -> Tree:
    """What a sum without an index adds up, its powers and bars those of each entry, as in Σ (y − ŷ)²."""
    if tree.kind not in ("sum", "neg", "prod", "quotient", "hadamard", "over", "power", "entrypower", "bars"):
        return tree
    args = [of_entries(arg) for arg in tree.args]
    if tree.kind == "prod" and any(arg.kind == "call" and arg.data[0] in SCALAR_FUNCTIONS for arg in args):
        numbers, rest = ([a for a in args if _is_number(a) == side] for side in (True, False))
        if len(rest) > 1 and not any(t.kind in ("transpose", "inner", "norm", "ones") for a in rest for t in a.walk()):
            made = Tree("hadamard", rest, (), (rest[0].span[0], rest[-1].span[1]))  # Σ y log p
            return product_of([*numbers, made], [" "] * len(numbers))
    if tree.kind == "bars":
        return Tree("call", args, ("abs",), tree.span)
    return Tree("entrypower" if tree.kind == "power" else tree.kind, args, tree.data, tree.span)


def _is_number(tree: Tree) -> bool:
    """Whether a factor is a number, by habit at least: 2, λ."""
    if tree.kind == "quotient":
        return all(map(_is_number, tree.args))
    return tree.kind == "number" or tree.kind == "name" and not habit(str(tree.data[0]), "", frozenset())[0]


def is_kronecker(tree: Tree) -> bool:
    """Whether a tree is δ_ij."""
    letters = "".join(map(str, tree.data[2])).replace(",", "") if tree.kind == "name" and tree.data[1] == "δ" else ""
    return len(letters) == 2 and letters.isalpha() and letters[0] != letters[1]


def turned_letters(tree: Tree) -> Iterator[str]:
    """The letters that a transposition turns: of a letter, of an inverse, of a sum with them as terms."""
    terms = [tree]
    while terms:
        term = terms.pop()
        if term.kind == "name":
            yield str(term.data[0])
        elif term.kind in ("sum", "neg", "inverse"):
            terms += term.args


def is_chain(tree: Tree | None) -> bool:
    """Whether a tree is a product of derivatives alone: ∂L/∂o ∂o/∂h, ∂f/∂q dq."""
    if tree is None:
        return False
    while tree.kind in ("transpose", "at"):
        tree = tree.args[0]
    if tree.kind == "prod":
        return all(is_chain(factor) for factor in tree.args)
    return tree.kind in ("derivative", "gradient", "differential")


_OF_NUMBERS = frozenset("number name sum neg prod quotient power".split())


def of_numbers(body: Tree) -> str | None:
    """The letter of 1/(1 + e⁻ᵗ), a formula of one number; None where a formula is none."""
    parts = body.walk()
    letters = {str(t.data[0]) for t in parts if t.kind == "name"}
    calls = [t for t in parts if t.kind not in _OF_NUMBERS]
    if len(letters) != 1 or any(t.kind != "call" or t.data[0] not in SCALAR_FUNCTIONS for t in calls):
        return None
    divisors = [below for t in parts if t.kind == "quotient" for below in t.args[1].walk()]
    return letters.pop() if calls or any(t.kind == "name" for t in divisors) else None
