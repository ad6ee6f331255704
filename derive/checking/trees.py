"""Trees of claims, free of shapes, and what the reader of a document must know.

The language is that of formulas, and besides: derivatives in their customary spellings,
gradients, differentials, directional derivatives, sums over an index, entries, and
evaluation bars.  A tree is kept free of shapes so that a line whose shapes do not fit
can still be read, judged and repaired.

Kinds of trees, with their operands:

    number (Fraction)      name (canonical; base, indices)      ones  identity  zero
    sum    neg             prod (operators)   hadamard   over (elementwise quotient)   kron
    quotient  power  entrypower  transpose  inverse
    call (function)   apply (name; arguments)   norm (kind)   bars   inner   colon
    entry (indices)   total (index)             at (bindings)
    derivative (order)     gradient (order)     differential     directional (name)
    path (number)          map (direction)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..reading.vocabulary import FUNCTIONS as SPELLINGS
from .tokens import Token


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
_ELSEWHERE = frozenset(("max", "min", "vector", "matrix", "ones", "zeros", "eye", "block_inner", "block_sum", "unvec"))
CONSTANTS = frozenset(("eye", "ones", "zeros", "vector"))
FUNCTIONS = {word: _CALLED.get(name, name) for word, name in SPELLINGS.items() if name not in _ELSEWHERE}
# These take a whole product when no bracket follows.
GREEDY = frozenset(["trace", "det", "log", "exp", "logdet", "diag", "vec", "sum", "mean", "softmax", "adj", "sign"])
TRANSPOSES = frozenset(["T", "⊤", "t", "⊺", "ᵀ"])
BOLD = frozenset(["mathbf", "boldsymbol", "bm", "textbf", "vec", "pmb", "symbf"])
ADDITIVE = frozenset("+-")
OPEN = {"(": ")", "[": "]", "{(": ")}", "⟨": "⟩", "{": "}"}


class Vocabulary:
    """What the reader must know of the document: names, functions, and whether d is a name."""

    def __init__(
        self,
        names: Iterable[str] = (),
        functions: Iterable[str] = (),
        words: Iterable[str] = (),
        d_is_name: bool = False,
        letters: Iterable[str] = (),
    ) -> None:
        self.names = set(names)
        self.functions = set(functions)
        self.words = {w for w in words if len(w) > 1}  # names of several letters
        self.letters = set(letters)  # letters that stand where no bracket follows their run
        self.is_latex = True
        self.d_is_name = d_is_name
        self.d_touches = False  # d is a name, and dL a differential all the same
        self.bold: set[str] = set()  # small letters that are printed bold somewhere: vectors
        self.divisors: set[str] = set()  # names that something is divided by


def joined(kind: str, parts: list[Tree]) -> Tree:
    if len(parts) == 1:
        return parts[0]
    return Tree(kind, parts, (), (parts[0].span[0], parts[-1].span[1]))


def product_of(factors: list[Tree], marks: list[str]) -> Tree:
    if len(factors) == 1:
        return factors[0]
    return Tree("prod", factors, tuple(marks), (factors[0].span[0], factors[-1].span[1]))


def is_differential(held: list[Token]) -> bool:
    if not held:
        return False
    first = held[0]
    if first.kind == "mark" and first.text in ("∂", "d "):
        return True
    if first.kind == "letter" and first.text in ("d", "∂"):
        return True
    if first.kind == "word" and first.text in ("mathrm", "text", "operatorname", "textrm", "mathsf", "mathbf"):
        texts = [t.text for t in held[1:4]]
        return texts[:3] == ["{", "d", "}"] or texts[:1] == ["d"]
    return False


def after_d(held: list[Token]) -> list[Token]:
    if held[0].kind == "word":
        return held[4:] if held[1].text == "{" else held[2:]
    return held[1:]


def is_kronecker(tree: Tree) -> bool:
    """Whether a tree is δ_ij."""
    letters = "".join(map(str, tree.data[2])).replace(",", "") if tree.kind == "name" and tree.data[1] == "δ" else ""
    return len(letters) == 2 and letters.isalpha() and letters[0] != letters[1]
