"""Shapes of formulas by equations between dimensions, given the kinds of their letters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..expr import Expr, Operation
from ..names import parts
from ..properties import SQUARE
from ..reading.signatures import operation_of
from ..reading.vocabulary import ALIKE, PER_ROW
from ..shapes import ONE, Dim
from .trees import Tree, of_numbers

Var = int | Dim
Pair = tuple[Var, Var]


class ShapeMismatch(Exception):
    """Two shapes that differ."""


class Declaration:
    """What the document or the caller says of a name: shape and properties."""

    __slots__ = ("kind", "shape", "properties")

    def __init__(
        self, kind: str | None = None, shape: tuple[Dim, Dim] | None = None, properties: Iterable[str] = ()
    ) -> None:
        self.kind = kind
        self.shape = shape
        self.properties = frozenset(properties)


def habit(name: str) -> str:
    """The kind that a letter has by habit."""
    base, styles, subscripts = parts(name)
    letter = base.removeprefix("Δ").removeprefix("d") or base
    if "bold" in styles and not letter.isupper():
        return "vector"
    if len(letter) > 1:
        return "matrix" if letter[0].isupper() else "scalar"
    if letter in "δ":
        return "vector"
    if "α" <= letter <= "ω" or letter in "ℓϕ":
        return "vector" if letter in ("μ", "θ", "β", "ξ", "η") and (styles or letter in "μβθ") else "scalar"
    if letter.isupper():
        return "matrix"
    return "scalar" if letter <= "g" and not styles else "vector"


_WEIGHTS = "WVUΘ"  # behind the samples that are rows


class Unifier:
    """Equations between dimensions, with a trail so that a failed attempt leaves none behind."""

    def __init__(
        self, kinds: Mapping[str, str], declared: Mapping[str, Declaration], functions: Mapping[str, Tree]
    ) -> None:
        self.kinds = kinds
        self.declared = declared
        self.functions = functions
        self.parents: dict[int, Var] = {}
        self.trail: list[int] = []
        self.count = 0
        self.frozen: set[int] = set()
        self.large: set[int] = set()  # rows and columns of vectors and matrices: not 1
        self.shapes: dict[str, Pair] = {}
        self.bound: list[dict[str, Pair]] = []
        self.sizes: dict[str, Var] = {}  # dimensions named as subscripts of 𝟏 and I

    def fresh(self) -> int:
        self.count -= 1  # negative: a dimension equals the number of its size
        return self.count

    def size(self, name: str) -> Var:
        """The dimension that a subscript names."""
        if name.isdigit():
            return Dim.of(int(name))
        if name not in self.sizes:
            known = {n for d in self.declared.values() if d.shape for dim in d.shape for n in dim.names}
            self.sizes[name] = Dim.of(name) if name in known else self.dimension()
        return self.sizes[name]

    def dimension(self) -> int:
        var = self.fresh()
        self.large.add(var)
        return var

    def find(self, var: Var) -> Var:
        while isinstance(var, int) and var in self.parents:
            var = self.parents[var]
        return var

    def same(self, a: Var, b: Var) -> None:
        a, b = self.find(a), self.find(b)
        if a is b or a == b:
            return
        if not (isinstance(a, int) and a not in self.frozen):
            a, b = b, a
        if not (isinstance(a, int) and a not in self.frozen):
            raise ShapeMismatch
        if isinstance(b, int) and a in self.large and b not in self.large and b not in self.frozen:
            a, b = b, a
        if a in self.large and (b is ONE or (isinstance(b, int) and b not in self.large)):
            raise ShapeMismatch
        self.parents[a] = b
        self.trail.append(a)

    def equal(self, a: Pair, b: Pair) -> None:
        self.same(a[0], b[0])
        self.same(a[1], b[1])

    def attempt(self, tree: Tree, scalar: bool = False) -> bool:
        """Take in the equations of a tree; False, and nothing changed, if they contradict."""
        mark = len(self.trail)
        try:
            shape = self.shape(tree)
            if scalar and shape is not None:
                self.equal(shape, (ONE, ONE))
            return True
        except ShapeMismatch:
            while len(self.trail) > mark:
                del self.parents[self.trail.pop()]
            return False

    def freeze(self) -> None:
        for var in range(self.count, 0):
            if isinstance(self.find(var), int):
                self.frozen.add(self.find(var))  # type: ignore[arg-type]

    def is_scalar(self, shape: Pair | None) -> bool:
        return shape is not None and self.find(shape[0]) is ONE and self.find(shape[1]) is ONE

    def of_name(self, name: str) -> Pair:
        for local in reversed(self.bound):
            if name in local:
                return local[name]
        known = self.shapes.get(name)
        if known is None:
            said = self.declared.get(name)
            kind = self.kinds.get(name) or habit(name)
            if said is not None and said.shape is not None:
                known = said.shape
            elif kind == "scalar":
                known = (ONE, ONE)
            elif kind == "any":
                known = (self.fresh(), self.fresh())
            elif kind == "vector":
                known = (self.dimension(), ONE)
            elif kind == "row":
                known = (ONE, self.dimension())
            else:
                known = (self.dimension(), self.dimension())
                if said is not None and said.properties & SQUARE:
                    known = (known[0], known[0])
            self.shapes[name] = known
        return known

    # The shape of a tree; None where anything fits.

    def shape(self, tree: Tree) -> Pair | None:
        kind = tree.kind
        if kind == "number":
            return (ONE, ONE)
        if kind == "held":
            made: Expr = tree.data[0]
            return made.shape
        if kind in ("ones", "identity") and tree.data[0] and str(tree.data[0]).isalnum():
            dim = self.size(str(tree.data[0]))
            return (dim, ONE if kind == "ones" else dim)
        if kind in ("ones", "identity", "zero"):
            return None
        if kind == "name":
            return self.name(tree)
        if kind == "sum":
            return self.sum(tree)
        if kind in ("neg", "total", "formula"):
            return self.shape(tree.args[0])
        if kind == "prod":
            return self.product(tree)
        if kind in ("hadamard", "over"):
            return self.alike(tree.args)
        if kind == "quotient":
            a, b = (self.shape(arg) for arg in tree.args)
            if b is not None and not self.is_scalar(b):
                if a is not None and not self.is_scalar(a):
                    self.equal(a, b)
                return b
            return a
        if kind in ("power", "entrypower"):
            base = self.shape(tree.args[0])
            exponent = self.shape(tree.args[1])
            if exponent is not None:
                self.equal(exponent, (ONE, ONE))
            if base is not None and kind == "power" and not self.is_scalar(base):
                raised = tree.args[0]
                is_defined = raised.kind == "name" and self.kinds.get(str(raised.data[0])) == "any"
                if not (is_defined and self.find(base[1]) is ONE):  # of a vector each entry is raised
                    self.same(base[0], base[1])
            return base
        if kind == "transpose":
            inner = self.shape(tree.args[0])
            return None if inner is None else (inner[1], inner[0])
        if kind == "inverse":
            inner = self.shape(tree.args[0])
            if inner is not None:
                self.same(*inner)
            return inner
        if kind == "call":
            return self.call(tree)
        if kind == "norm":
            self.shape(tree.args[0])
            return (ONE, ONE)
        if kind == "bars":
            inner = self.shape(tree.args[0])
            if inner is not None and self.find(inner[1]) is not ONE:  # people write |w| for ‖w‖
                self.same(*inner)
            return (ONE, ONE)
        if kind in ("inner", "colon"):
            self.alike(tree.args)
            return (ONE, ONE)
        if kind == "differential":
            return self.shape(tree.args[0])
        if kind == "at":
            local: dict[str, Pair] = {}
            for name, value in tree.data:
                local[name] = self.shape(value) or (self.fresh(), self.fresh())
            self.bound.append(local)
            try:
                return self.shape(tree.args[0])
            finally:
                self.bound.pop()
        if kind in ("derivative", "gradient"):
            for arg in tree.args:
                self.shape(arg)
            return (self.fresh(), self.fresh())
        if kind == "directional":
            for arg in tree.args:
                self.shape(arg)
            return (self.fresh(), self.fresh())
        if kind == "apply":
            return self.apply(tree)
        if kind == "kron":
            for arg in tree.args:
                self.shape(arg)
            return (self.fresh(), self.fresh())
        if kind == "entry":
            self.shape(tree.args[0])
            return (ONE, ONE)
        return (self.fresh(), self.fresh())

    def name(self, tree: Tree) -> Pair:
        full, plain, indices = tree.data
        if full not in self.kinds and full not in self.declared and plain in self.kinds and indices:
            return (ONE, ONE)
        return self.of_name(str(full))

    def sum(self, tree: Tree) -> Pair | None:
        shapes = [(arg, self.shape(arg)) for arg in tree.args]
        first: Pair | None = None
        literal = False
        for arg, shape in shapes:
            if shape is None:
                continue
            if _is_literal(arg):
                literal = True  # 1 − s of a vector s
                continue
            if self.is_spread(arg, shapes):
                continue
            if first is None:
                first = shape
            else:
                self.equal(first, shape)
        if first is not None and not self.is_scalar(first) and any(_is_identity(arg) for arg in tree.args):
            self.same(*first)  # I − K H
        return first if first is not None or not literal else (ONE, ONE)

    def is_matrix(self, shape: Pair | None) -> bool:
        found = [self.find(d) for d in shape or (ONE,)]
        return all(d is not ONE and (not isinstance(d, int) or d in self.large) for d in found)

    def is_spread(self, arg: Tree, shapes: Sequence[tuple[Tree, Pair | None]]) -> bool:
        """Whether a vector is added to each row or column of a matrix: b of Z = X W + b, and of Z = W X + b."""
        name = str(arg.data[0]) if arg.kind == "name" else ""
        own = self.of_name(name) if name[:1].islower() else (ONE, ONE)
        if self.is_scalar(own) or ONE not in map(self.find, own):
            return False
        for other, shape in shapes[: [one for one, _ in shapes].index(arg)]:
            factors = [self.shape(factor) for factor in other.args] if other.kind == "prod" else []
            if len(factors) < 2 or not all(map(self.is_matrix, factors)):
                continue
            rows, columns = map(self.find, shape or (ONE, ONE))
            length = self.find(own[self.find(own[0]) is ONE])
            if isinstance(length, int) and length not in self.frozen:
                names = [str(t.data[0]) for t in other.args if t.kind == "name"] if other.kind == "prod" else []
                self.same(length, columns if names and names[-1][0] in _WEIGHTS else rows)
                return True
            if length in (rows, columns):
                return True
        return False

    def alike(self, args: Sequence[Tree]) -> Pair | None:
        first: Pair | None = None
        for arg in args:
            shape = self.shape(arg)
            if shape is None:
                continue
            if first is None:
                first = shape
            else:
                self.equal(first, shape)
        return first

    def product(self, tree: Tree) -> Pair | None:
        pending: Pair | None = None
        unknown_left = False
        marks = ("", *tree.data)
        for mark, arg in zip(marks, tree.args):
            shape = self.shape(arg)
            if shape is None:
                unknown_left = True
                if arg.kind != "identity":
                    if pending is not None:
                        pending = (pending[0], self.fresh())
                    else:
                        pending = (self.fresh(), self.fresh())
                continue
            if self.is_scalar(shape):
                continue
            if pending is None:
                pending = shape
                continue
            inner = self.find(pending[1]), self.find(shape[0])
            if mark == "·" and inner[0] is ONE and self.find(shape[1]) is ONE and not self.is_scalar(pending):
                self.equal(pending, shape)  # the dot product of two vectors
                pending = (ONE, ONE)
                continue
            self.same(*inner)
            pending = (pending[0], shape[1])
            if self.is_scalar(pending):
                pending = None if arg is not tree.args[-1] else pending
        if pending is None:
            return None if unknown_left else (ONE, ONE)  # of λ I nothing is known
        return pending

    def call(self, tree: Tree) -> Pair | None:
        name = tree.data[0]
        inner = self.shape(tree.args[0])
        if name in ("trace", "det", "logdet", "inv", "adj", "expm", "tril", "triu") and inner is not None:
            self.same(*inner)
        if name in ALIKE and len(tree.args) > 1:
            shapes = [inner, *(self.shape(arg) for arg in tree.args[1:])]
            wide = [shape for shape in shapes if shape is not None and not self.is_scalar(shape)]
            for shape in wide[1:]:
                self.equal(wide[0], shape)
            return wide[0] if wide else (ONE, ONE)
        if name.endswith(("_row", "_col")) and name[:-4] in PER_ROW and inner is not None:
            return (inner[0] if name.endswith("_row") else inner[1], ONE)
        if name in (
            "trace",
            "det",
            "logdet",
            "max",
            "min",
            "std",
            "var",
            "sum",
            "mean",
            "logsumexp",
            "norm",
            "norm1",
            "dot",
        ):
            for arg in tree.args[1:]:
                self.shape(arg)
            return (ONE, ONE)
        if name == "diag":
            if inner is None:
                return None
            if self.is_scalar(inner):  # of entries: diag(p_i (1 − p_i))
                side = self.dimension()
                return (side, side)
            if self.find(inner[1]) is ONE:
                return (inner[0], inner[0])
            self.same(*inner)
            return (inner[0], ONE)
        if name in ("rowsum", "colsum") and inner is not None:
            return (inner[0] if name == "rowsum" else inner[1], ONE)
        if name == "hadamard":
            return self.alike(tree.args)
        if name in ("outer", "matmul"):
            for arg in tree.args[1:]:
                self.shape(arg)
            return (self.fresh(), self.fresh())
        op = operation_of(name)
        if op is None or name == "softmax" or len(op.patterns) != len(tree.args):
            return inner
        return self.by_signature(op, [inner, *(self.shape(arg) for arg in tree.args[1:])])

    def by_signature(self, op: Operation, shapes: Sequence[Pair | None]) -> Pair:
        """The shape of the result; what the signature calls by one letter is the same."""
        letters: dict[str, Any] = {}
        for shape, pattern in zip(shapes, op.patterns, strict=True):
            for size, factors in zip(shape or (), pattern, strict=False):
                if len(factors) == 1 and factors[0] in letters:
                    self.same(letters[factors[0]], size)
                elif len(factors) == 1:
                    letters[factors[0]] = size
        rows, columns = (
            ONE if not factors else letters.get(factors[0], self.fresh()) if len(factors) == 1 else self.fresh()
            for factors in op.result
        )  # fmt: skip
        return (rows, columns)

    def apply(self, tree: Tree) -> Pair | None:
        shapes = [self.shape(arg) for arg in tree.args]
        name = str(tree.data[0])
        if name in self.functions:
            letter = of_numbers(self.functions[name])
            if letter is not None and self.kinds.get(letter) == "scalar":
                return shapes[0]  # of each entry
            return self.of_name(name)
        if name in self.kinds:  # s and s(Xw): a function applied entry by entry
            own = self.of_name(name)
            if shapes[0] is not None and not self.is_scalar(own):
                self.equal(own, shapes[0])
            return own
        return (self.fresh(), self.fresh())


def _is_identity(tree: Tree) -> bool:
    """Whether a summand is I, −I or λ I."""
    if tree.kind == "neg":
        return _is_identity(tree.args[0])
    others = {"number", "name", "quotient", "power", "identity"}
    is_multiple = tree.kind == "prod" and tree.args[-1].kind == "identity" and {t.kind for t in tree.args} <= others
    return tree.kind == "identity" or is_multiple


def _is_literal(tree: Tree) -> bool:
    return tree.kind == "number" or (tree.kind == "neg" and tree.args[0].kind == "number")
