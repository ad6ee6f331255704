"""Formulas in index notation as arrays: ∂(Aᵢⱼ Xⱼₖ Bₖᵢ)/∂Xₚq = δⱼₚ δₖq Aᵢⱼ Bₖᵢ = Aᵢₚ Bqᵢ = (BA)qₚ.

The value of a formula has an axis for every letter that is free in it.  A letter that the chain does not carry and
that a product has twice is summed, as Einstein's convention has it; that of a Σ where the Σ ends.  A derivative by
an entry is a central difference.  What has another reading, or a letter that is not known, is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

from ..expr import Expr, symbol, symbols_of
from ..operations import FUNCTIONS
from ..shapes import ONE, Dim
from .derivatives import TreeBuilder
from .trees import Tree, name
from .values import Scope, Unread

if TYPE_CHECKING:
    from ..numeric import Point

Array = Any
MAX_EVALUATIONS = 20_000  # of trees, for the differences of one side
STEP = 1e-3


class IndexedArray:
    """An array whose axes bear the letters of indices."""

    __slots__ = ("array", "axes")

    def __init__(self, array: Array, axes: tuple[str, ...] = ()) -> None:
        self.array = array
        self.axes = axes

    def over(self, axes: tuple[str, ...]) -> Array:
        """The array with these axes, of length 1 where it does not depend on one."""
        order = [self.axes.index(a) for a in axes if a in self.axes]
        index = tuple(slice(None) if a in self.axes else None for a in axes)
        return self.array.transpose(order)[index]


def letters_of(tree: Tree) -> tuple[str, ...]:
    """The letters of the indices of an entry: k, l of Xₖₗ; none of a name without indices."""
    text = ""
    if tree.kind == "name":
        text = "".join(map(str, tree.data[2])).replace(",", "")
    elif tree.kind == "entry":
        text = "".join(map(str, tree.data)).replace(",", "")
    text = text.replace("π", "pi")  # of B_{pi}
    return tuple(text) if text.isalpha() and text.islower() and text.isascii() and len(text) <= 2 else ()


def base_of(tree: Tree) -> str:
    """The name of a letter without its indices."""
    if tree.kind == "apply":
        return str(tree.data[0])
    return str(tree.data[1] if letters_of(tree) else tree.data[0]) if tree.kind == "name" else ""


def occurrences(tree: Tree) -> Counter[str]:
    """How often a product has each letter that no Σ within it binds."""
    found: Counter[str] = Counter(letters_of(tree))
    if tree.kind in ("sum", "hadamard"):
        for term in tree.args:
            found |= occurrences(term)
        return found
    for arg in tree.args:
        found += occurrences(arg)
    if tree.kind == "total":
        del found[str(tree.data[0])]
    return found


def is_cut_short(tree: Tree) -> bool:
    """Whether a summand has the index of a Σ beside it: Σᵢ yᵢ log pᵢ + (1 − yᵢ) log (1 − pᵢ), which is one number."""
    bound = {str(t.data[0]) for term in tree.args for t in term.walk() if t.kind == "total"}
    return tree.kind == "sum" and any(bound & occurrences(term).keys() for term in tree.args)


def has_entries(tree: Tree | None) -> bool:
    return tree is not None and any(letters_of(t) for t in tree.walk())


class Evaluation:
    """The value of sides at one point, letters that the chain carries being free."""

    def __init__(
        self,
        scope: Scope,
        free: frozenset[str],
        point: Point,
        size: int | None,
        declared: set[str],
        trees: Sequence[Tree],
        given: Mapping[str, tuple[tuple[str, ...], Tree]],
    ) -> None:
        self.scope = scope
        self.free = free
        self.point = point
        self.declared = declared
        self.given = given  # definitions in index notation: the indices of the name, and its formula
        self.size = size  # of every axis, where no shape is declared
        self.putting: list[str] = []  # the definitions that are being put in
        self.own: dict[str, Array] = {}  # letters that occur with indices only
        self.lengths: dict[str, int] = {}  # of the axes of letters, as the names that bear them have them
        self.left = MAX_EVALUATIONS
        self.is_doubtful = False  # what is read has another reading
        for t in [t for tree in trees for t in tree.walk()] if size is None else []:
            known = self.scope.symbols.get(str(t.data[1])) if letters_of(t) and t.kind == "name" else None
            for letter, dim in zip(letters_of(t), known.shape if known is not None else ()):
                if dim.names <= point.sizes.keys():
                    self.lengths.setdefault(letter, dim.evaluate(point.sizes))

    def value(self, tree: Tree, held: frozenset[str]) -> IndexedArray:
        """The value of a tree; what stands beside it in a product has the letters `held`."""
        self.left -= 1
        if self.left < 0:
            raise Unread("too many differences of entries")
        if tree.kind in ("name", "apply") and base_of(tree) in self.given:
            return self.put_in(tree, held)
        if not has_entries(tree):
            whole = self.whole(tree)
            if whole.shape != (1, 1):
                raise Unread("an entry and a whole vector or matrix stand together")
            return IndexedArray(whole[0, 0])
        if tree.kind == "formula":
            return self.value(tree.args[0], held)
        read = _READ.get(tree.kind)
        if read is None:
            raise Unread("this is not read in index notation")
        return read(self, tree, held)

    def whole(self, tree: Tree) -> Array:
        """The value of a tree without indices, as the matrix or vector that it is elsewhere."""
        return self.array(self.expression(tree))

    def expression(self, tree: Tree) -> Expr:
        found = TreeBuilder(self.scope).value(tree)
        if not isinstance(found, Expr):
            raise Unread("an entry stands where the whole is needed")
        return self.scope.inline(found)

    def array(self, expr: Expr) -> Array:
        import numpy as np

        if any(s not in self.point.values for s in symbols_of(expr)):
            raise Unread("a letter has no value")
        with np.errstate(all="ignore"):
            found = self.point.evaluate(expr)
        if not np.all(np.isfinite(found)):
            raise Unread("it is not defined at a random point")
        return found

    def put_in(self, tree: Tree, held: frozenset[str]) -> IndexedArray:
        """The formula that a name stands for, with the letters of the name as they are here."""
        own, body = self.given[base_of(tree)]
        letters = letters_of(tree)
        if len(own) != len(letters) or len(set(own)) < len(own):
            raise Unread(f"{tree.data[0]} has other indices where it is defined")
        if base_of(tree) in self.putting:
            raise Unread("the definitions define each other")
        outside, self.free = self.free, frozenset(own)
        self.putting.append(base_of(tree))
        try:
            found = self.value(body, frozenset())
        finally:
            self.free = outside
            self.putting.pop()
        if set(found.axes) != set(own):
            raise Unread(f"the indices of {tree.data[0]} and of its formula differ")
        return self.contracted(found.over(own), letters, held) if own else found

    # Leaves

    def name(self, tree: Tree, held: frozenset[str]) -> IndexedArray:
        plain, letters = str(tree.data[1]), letters_of(tree)
        if plain == "δ" and len(letters) == 2 and "δ" not in self.scope.symbols:
            return self.kronecker(letters, held)
        return self.contracted(self.base(tree), letters, held)

    def base(self, tree: Tree) -> Array:
        """The vector or matrix of which a name is an entry."""
        full, plain, letters = str(tree.data[0]), str(tree.data[1]), letters_of(tree)
        known = self.scope.symbols.get(plain)
        alone = self.scope.symbols.get(full)
        is_entry = alone is None or alone not in self.scope.definitions and full not in self.declared
        if not letters or not is_entry:
            raise Unread(f"{full} is no entry of a vector or matrix here")
        matrix = self.scope.symbols.get(plain.upper())
        if known is None and len(letters) == 2 and matrix is not None and not matrix.is_vector:
            known, self.is_doubtful = matrix, True  # xᵢⱼ of X
        if known is None or known not in self.point.values and (alone or known not in self.scope.definitions):
            if matrix is not None and not matrix.is_scalar and plain != plain.upper():
                raise Unread(f"{full} is a row or a column of {plain.upper()}, or an entry")
            if plain not in self.own:
                self.own[plain] = self.drawn(plain, letters)
            found = self.own[plain]
        else:
            found = self.array(self.scope.inline(known))
            if len(letters) == 1 and 1 in found.shape:
                found = found.reshape(-1)
        if found.ndim != len(letters):
            raise Unread(f"{plain} has not {len(letters)} indices elsewhere")
        return found

    def drawn(self, plain: str, letters: tuple[str, ...]) -> Array:
        """Values for a letter that occurs with indices only."""
        import numpy as np

        lengths = [self.lengths.get(a, self.size) for a in letters]
        shape = [n for n in lengths if n is not None]
        if len(shape) < len(letters) or plain in self.scope.broken:
            raise Unread(f"the size of {plain} is open here")
        return np.random.default_rng([*map(ord, plain), *shape]).uniform(0.3, 1.3, shape)

    def kronecker(self, letters: tuple[str, ...], held: frozenset[str]) -> IndexedArray:
        import numpy as np

        sizes = {n for n in (self.lengths.get(a, self.size) for a in letters) if n is not None}
        if len(sizes) != 1:
            raise Unread("the size of δ is open here")
        return self.contracted(np.eye(sizes.pop()), letters, held)

    def contracted(self, array: Array, letters: tuple[str, ...], held: frozenset[str]) -> IndexedArray:
        """The entries with these letters; a letter that stands twice is summed, unless something else has it."""
        if len(set(letters)) == 2:
            return IndexedArray(array, letters)
        if len(letters) == 1:
            return IndexedArray(array, letters)
        diagonal = array.diagonal()
        if letters[0] in held or letters[0] in self.free:
            return IndexedArray(diagonal, letters[:1])
        return IndexedArray(diagonal.sum())

    def entry(self, tree: Tree, held: frozenset[str]) -> IndexedArray:
        letters = letters_of(tree)
        if not letters or has_entries(tree.args[0]):
            raise Unread("this entry is not read")
        found = self.whole(tree.args[0])
        if len(letters) == 1 and 1 in found.shape:
            found = found.reshape(-1)
        if found.ndim != len(letters):
            raise Unread(f"the index {''.join(letters)} does not fit")
        return self.contracted(found, letters, held)

    def transpose(self, tree: Tree, held: frozenset[str]) -> IndexedArray:
        """(Xᵀ)ᵢⱼ, as Xᵢⱼᵀ is meant where a transposition has a meaning."""
        entry = tree.args[0]
        letters = letters_of(entry)
        if entry.kind not in ("name", "entry") or len(letters) != 2:
            raise Unread("the transposition of an entry is not read")
        self.is_doubtful = True
        found = self.value(entry, held | set(letters))
        return IndexedArray(found.array, found.axes[::-1]) if len(found.axes) == 2 else found

    # Combinations

    def sum(self, tree: Tree, held: frozenset[str]) -> IndexedArray:
        if is_cut_short(tree):
            raise Unread("how far the sum reaches is open")
        return self.combined([self.value(term, held) for term in tree.args], sum)

    def neg(self, tree: Tree, held: frozenset[str]) -> IndexedArray:
        found = self.value(tree.args[0], held)
        return IndexedArray(-found.array, found.axes)

    def combined(self, values: Sequence[IndexedArray], operation: Callable[[list[Array]], Array]) -> IndexedArray:
        axes = tuple(dict.fromkeys(a for v in values for a in v.axes))
        for value in values:
            self.measure(value)
        return IndexedArray(operation([v.over(axes) for v in values]), axes)

    def measure(self, value: IndexedArray) -> None:
        for letter, length in zip(value.axes, value.array.shape if value.axes else ()):
            if self.lengths.setdefault(letter, length) != length:
                raise Unread(f"the index {letter} runs over axes of different sizes")

    def prod(self, tree: Tree, held: frozenset[str]) -> IndexedArray:
        if not set(tree.data) <= {"", "·", "*", "⋅"}:
            raise Unread("this product is not read in index notation")
        for i, factor in enumerate(tree.args[:-1]):
            if factor.kind == "derivative" and factor.args[0].span[0] > factor.args[-1].span[0]:
                plain = factor.args[-1].data[1]
                after = (t for f in tree.args[i + 1 :] for t in f.walk() if t.kind == "name")
                if any(plain in (t.data[0], t.data[1]) for t in after):
                    raise Unread("∂/∂x (x)(x) stands before both brackets, or before the first")
        return self.factors(tree.args, held)

    def factors(
        self, trees: Sequence[Tree], held: frozenset[str], made: Callable[[list[Array]], Array] | None = None
    ) -> IndexedArray:
        """The product, with the letters summed that it has twice and nothing else has."""
        import numpy as np

        counts = [occurrences(t) for t in trees]
        total: Counter[str] = sum(counts, Counter())
        values = []
        for tree, own in zip(trees, counts):
            beside = frozenset(letter for letter in total if total[letter] > own[letter])
            values.append(self.value(tree, held | beside))
        whole = self.combined(values, made or (lambda arrays: np.prod(np.broadcast_arrays(*arrays), axis=0)))
        return self.summed(whole, total, held)

    def summed(self, value: IndexedArray, counts: Mapping[str, int], held: frozenset[str]) -> IndexedArray:
        twice = [a for a in value.axes if counts[a] > 1 and a not in held and a not in self.free]
        kept = tuple(a for a in value.axes if a not in twice)
        return IndexedArray(value.array.sum(axis=tuple(value.axes.index(a) for a in twice)), kept) if twice else value

    def quotient(self, tree: Tree, held: frozenset[str]) -> IndexedArray:
        return self.factors(tree.args, held, lambda arrays: arrays[0] / arrays[1])

    def power(self, tree: Tree, held: frozenset[str]) -> IndexedArray:
        exponent = self.value(tree.args[1], held)
        if exponent.axes:
            raise Unread("an exponent with an index is not read")
        base = self.value(tree.args[0], held)
        return IndexedArray(self.defined(base.array**exponent.array), base.axes)

    def inverse(self, tree: Tree, held: frozenset[str]) -> IndexedArray:
        if tree.args[0].kind == "name" and len(letters_of(tree.args[0])) == 2:
            raise Unread("the inverse of an entry, or an entry of the inverse")
        found = self.value(tree.args[0], held)
        return IndexedArray(self.defined(1 / found.array), found.axes)

    def call(self, tree: Tree, held: frozenset[str]) -> IndexedArray:
        name = str(tree.data[0])
        if name not in FUNCTIONS and name != "sqrt" or len(tree.args) != 1:
            raise Unread(f"{name} of an entry is not read")
        found = self.value(tree.args[0], held)
        if name == "sqrt":
            return IndexedArray(self.defined(found.array**0.5), found.axes)
        return IndexedArray(self.applied(name, found.array), found.axes)

    def applied(self, name: str, array: Array) -> Array:
        """A scalar function of every entry."""
        import numpy as np

        from ..numeric import Point

        flat = np.reshape(array, (-1, 1))
        variable = symbol("entries_", Dim.of(len(flat)), ONE)
        with np.errstate(all="ignore"):
            value = Point({variable: flat}, {}).evaluate(FUNCTIONS[name](variable))
        return self.defined(value.reshape(np.shape(array)))

    def defined(self, array: Array) -> Array:
        import numpy as np

        if not np.all(np.isfinite(array)) or np.iscomplexobj(array):
            raise Unread("it is not defined at a random point")
        return array

    def total(self, tree: Tree, held: frozenset[str]) -> IndexedArray:
        letter = str(tree.data[0])
        if tree.data[1] or letter in held or letter in self.free:
            raise Unread("this sum over an index is not read")
        found = self.value(tree.args[0], held | {letter})
        if letter not in found.axes:
            raise Unread(f"nothing in the sum depends on its index {letter}")
        kept = tuple(a for a in found.axes if a != letter)
        return IndexedArray(found.array.sum(axis=found.axes.index(letter)), kept)

    # Derivatives

    def derivative(self, tree: Tree, held: frozenset[str]) -> IndexedArray:
        function, *variables = tree.args
        counts = occurrences(tree)
        if len(variables) == 2:  # ∂²/∂xₖ∂xₗ
            function = Tree("derivative", [function, variables[1]], (1,), tree.span)
        variable = variables[0]
        letters = letters_of(variable)
        if variable.kind != "name" or not letters or len(set(letters)) < len(letters):
            raise Unread("a derivative by this entry is not read")
        plain = str(variable.data[1])
        if plain in self.given:
            return self.by_intermediate(tree, plain, held)
        self.must_vary(function, variable)
        beside = frozenset(letters)

        def inner() -> IndexedArray:
            return self.value(function, held | beside)

        at = inner()
        slopes = self.differences(variable, lambda: inner().array)
        axes = at.axes + tuple(f"{a}'" for a in letters)
        made = IndexedArray(slopes, axes)
        for letter in letters:  # ∂pᵢ/∂zᵢ is a diagonal
            first = next((i for i, a in enumerate(made.axes) if a == letter), None)
            last = made.axes.index(letter + "'")
            if first is None:
                made = IndexedArray(made.array, tuple(letter if a == letter + "'" else a for a in made.axes))
            else:
                rest = tuple(a for i, a in enumerate(made.axes) if i not in (first, last))
                made = IndexedArray(made.array.diagonal(axis1=first, axis2=last), (*rest, letter))
        return self.summed(made, counts, held)

    def by_intermediate(self, tree: Tree, plain: str, held: frozenset[str]) -> IndexedArray:
        """∂L/∂yᵢ where yᵢ = Wᵢⱼ xⱼ: the derivative by a letter that has this value."""
        letters, _ = self.given[plain]
        value = self.value(name(f"{plain}_{''.join(letters)}"), frozenset()).over(letters)
        given, known = self.given, self.scope.symbols.get(plain)
        values: dict[Any, Array] = self.own if known is None or known not in self.point.values else self.point.values
        before = plain if values is self.own else known
        kept = values.get(before)
        if kept is not None and kept.size != value.size:
            raise Unread(f"{plain} has another size where it is defined")
        self.given = {n: v for n, v in given.items() if n != plain}
        values[before] = value if kept is None else value.reshape(kept.shape)
        try:
            return self.derivative(tree, held)
        finally:
            self.given = given
            if kept is None:
                del values[before]
            else:
                values[before] = kept

    def must_vary(self, function: Tree, variable: Tree) -> None:
        """A derivative by what does not occur would be 0; it is more likely that we do not know how it occurs."""
        plain = str(variable.data[1])
        known = self.scope.symbols.get(plain)
        if known is not None and (known in self.scope.definitions or known.properties):
            raise Unread(f"{plain} is defined, or of a structure")
        trees = [function]
        for tree in trees:
            used = {base_of(t) for t in tree.walk()} & set(self.given)
            trees += [self.given[name][1] for name in used if self.given[name][1] not in trees]
        names = [(str(t.data[0]), str(t.data[1])) for tree in trees for t in tree.walk() if t.kind == "name"]
        found = [self.scope.symbols.get(full) or self.scope.symbols.get(base) for full, base in names]
        if any(plain in pair for pair in names):
            return
        if known is not None and any(known in symbols_of(self.scope.inline(s)) for s in found if s is not None):
            return
        raise Unread(f"{plain} does not occur in what is differentiated")

    def differences(self, variable: Tree, at: Callable[[], Array]) -> Array:
        """The derivative of an array by every entry of a variable: the axes of the variable come last."""
        import numpy as np

        base = self.base(variable)
        slopes = []
        for place in product(*map(range, base.shape)):
            values = []
            for steps in (1, -1, 2, -2):
                moved = base.copy()
                moved[place] += steps * STEP
                values.append(self.moved(variable, moved, at))
            slopes.append((8 * (values[0] - values[1]) - (values[2] - values[3])) / (12 * STEP))
        stacked = np.stack(slopes, axis=-1)
        return stacked.reshape(*stacked.shape[:-1], *base.shape)

    def moved(self, variable: Tree, value: Array, at: Callable[[], Array]) -> Array:
        plain = str(variable.data[1])
        if plain in self.own:
            held, self.own[plain] = self.own[plain], value
            try:
                return at()
            finally:
                self.own[plain] = held
        known = self.scope.symbols.get(plain) or self.scope.symbols.get(plain.upper())  # xᵢⱼ of X
        if known is None or known not in self.point.values:
            raise Unread(f"{plain} is no letter to differentiate by here")
        held = self.point.values[known]
        self.point.values[known] = value.reshape(held.shape)
        try:
            return at()
        finally:
            self.point.values[known] = held


_READ: dict[str, Callable[[Evaluation, Tree, frozenset[str]], IndexedArray]] = {
    kind: getattr(Evaluation, kind)
    for kind in "name entry transpose sum neg prod quotient power inverse call total derivative".split()
}
