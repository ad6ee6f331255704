"""Values of sides before they are compared, and the scope that gives names their meaning."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from typing import TYPE_CHECKING

from .. import names
from ..derivation import Sweep
from ..errors import DeriveError, ParseError, ShapeError
from ..expr import Expr, identity, nodes, ones, substitute, symbol, symbol_op, symbols_of
from ..operations import add, hadamard, matmul, mul, power, scale, sum_entries, transpose
from ..shapes import ONE, Dim, shape_text
from .trees import Tree

if TYPE_CHECKING:
    from ..optimality.stationarity import Stationary
    from .sample_sums import Entry


class Convention:
    """How the customary ambiguities are taken."""

    __slots__ = ("layout", "path", "lenient", "projected", "shift", "held", "chained")

    def __init__(
        self,
        layout: str = "gradient",
        path: str = "total",
        lenient: bool = False,
        projected: bool = True,
        shift: int = 0,
        held: bool = False,
        chained: bool = False,
    ) -> None:
        self.chained = chained  # factors of a chain rule follow each other by what they derive, not as they stand
        self.shift = shift  # the author may number occurrences from another one
        self.held = held  # ∂f/∂Σ⁻¹ is that of a node, what has Σ outside of it held fixed
        self.layout = layout  # gradient, numerator, denominator
        self.path = path  # total, split, other, or the number of a contribution
        self.lenient = lenient  # vectors side by side are multiplied entry by entry
        self.projected = projected


class Unread(ParseError):
    """A side that has the form of a formula and whose meaning we cannot tell."""


class Pending:
    """Ones, an identity or a zero (or a product with them) before their shape is known."""

    __slots__ = ("rows", "columns", "make", "word")

    def __init__(
        self, rows: Dim | None, columns: Dim | None, make: Callable[[Dim, Dim], Expr], word: str = "𝟏"
    ) -> None:
        self.rows = rows
        self.columns = columns
        self.make = make
        self.word = word

    def fit(self, rows: Dim | None, columns: Dim | None) -> Value:
        rows = self.rows if rows is None else rows
        columns = self.columns if columns is None else columns
        if self.word == "I":
            rows = columns if rows is None else rows
            columns = rows if columns is None else columns
        if rows is None or columns is None:
            return Pending(rows, columns, self.make, self.word)
        if (self.rows is not None and self.rows is not rows) or (
            self.columns is not None and self.columns is not columns
        ):
            raise ShapeError(
                f"{self.word} with {self.rows or self.columns} entries cannot stand "
                f"where {shape_text((rows, columns))} is"
            )
        return self.make(rows, columns)


class PendingChoice(Pending):
    """The one of some matrices that fits, as the I of (Bᵀ ⊗ I) vec A and K_{n,n} have one of the sizes of letters."""

    __slots__ = ("choices",)

    def __init__(self, choices: Iterable[Expr], word: str) -> None:
        super().__init__(None, None, self.made, word)
        self.choices = list(dict.fromkeys(choices))

    def made(self, rows: Dim | None, columns: Dim | None) -> Expr:
        found = [c for c in self.choices if rows in (None, c.shape[0]) and columns in (None, c.shape[1])]
        if len(found) != 1:
            raise Unread(f"the size of {self.word} is open")
        return found[0]

    def fit(self, rows: Dim | None, columns: Dim | None) -> Value:
        return self if rows is None and columns is None else self.made(rows, columns)


class Indexed:
    """An entry: a vector or matrix, and the letters that choose the entry."""

    __slots__ = ("expr", "indices")

    def __init__(self, expr: Expr, indices: tuple[str, ...]) -> None:
        self.expr = expr
        self.indices = indices


Value = Expr | Pending | Indexed


def repeated(entry: Indexed, indices: tuple[str, ...], sizes: Mapping[str, Dim]) -> Expr:
    """The vector or matrix of an entry, with the indices given: what does not depend on one of them repeats."""
    if entry.indices == indices:
        return entry.expr
    if len(entry.indices) == 2:
        return transpose(entry.expr)
    if entry.indices == indices[:1]:
        return matmul(entry.expr, ones(1, sizes[indices[1]]))
    return matmul(ones(sizes[indices[0]]), transpose(entry.expr))


def terms_shape(indices: tuple[str, ...], sizes: Mapping[str, Dim]) -> tuple[Dim, Dim]:
    """The shape of the vector or matrix whose entries have these indices."""
    return sizes[indices[0]], sizes[indices[1]] if len(indices) == 2 else ONE


def aligned(a: Expr | Indexed, b: Expr | Indexed) -> tuple[Expr, Expr] | None:
    """Two values as wholes: entries with the indices of the first; None where they are no pair."""
    if isinstance(a, Expr) and isinstance(b, Expr):
        return a, b
    if not (isinstance(a, Indexed) and isinstance(b, Indexed)) or not set(b.indices) <= set(a.indices):
        return None
    sizes = dict(zip(a.indices, a.expr.shape))
    if any(sizes[letter] is not dim for letter, dim in zip(b.indices, b.expr.shape)):
        return None
    return a.expr, repeated(b, a.indices, sizes)


def as_entry(value: Expr | Indexed, other: Expr | Indexed) -> Expr | Indexed:
    """A number where an entry stands on the other side, as that of every entry: ∂f/∂xⱼ = 1."""
    if isinstance(value, Expr) and isinstance(other, Indexed) and value.is_scalar:
        return Indexed(scale(value, ones(*other.expr.shape)), other.indices)
    return value


def at_each_entry(body: Expr, variable: Expr, argument: Expr) -> Expr | None:
    """A function of a number, 1/(1 + e⁻ᵗ), at every entry of a vector or matrix; None where it is none."""
    found: dict[Expr, Expr] = {}
    for node in nodes(body):
        args = [found.get(a, a) for a in node.args]
        moving = [a for a, own in zip(args, node.args) if own in found]
        held = [a for a, own in zip(args, node.args) if own not in found]
        if node is variable:
            found[node] = argument
        elif not moving:
            continue
        elif not node.is_scalar or not all(a.is_scalar for a in held):
            return None
        elif node.op is add:
            found[node] = add(*moving, *(scale(a, ones(*argument.shape)) for a in held))
        elif node.op in (mul, scale):
            product = hadamard(*moving) if len(moving) > 1 else moving[0]
            found[node] = scale(mul(*held), product) if held else product
        elif node.op.is_elementwise or node.op is power and node.args[1] not in found:
            found[node] = node.op.build(tuple(args), node.data)
        else:
            return None
    return found.get(body)


class Broken:
    """A definition that is not read: its line, why, and the letters that it mentions."""

    __slots__ = ("number", "why", "letters")

    def __init__(self, number: int, why: str, letters: frozenset[str]) -> None:
        self.number = number
        self.why = why
        self.letters = letters


class Scope:
    """The names of a document: symbols, definitions, functions, and what is differentiated."""

    def __init__(self) -> None:
        self.symbols: dict[str, Expr] = {}
        self.definitions: dict[Expr, Expr] = {}
        self.parameters: dict[str, tuple[str, ...]] = {}
        self.aliases: dict[str, str] = {}  # names written otherwise: w for W, d₂ for L
        self.directions: dict[str, str] = {}  # H: the direction in which A moves
        self.loss: str | None = None
        self.loss_is_named = False  # by a derivative of it, so that no other name stands for it
        self.live: list[Expr] = []
        self.nabla: str | None = None
        self.dims: set[str] = set()
        self.sizes: dict[str, Dim] = {}  # the dimensions that subscripts of 𝟏 and I name
        self.notes: list[str] = []
        self.broken: dict[str, Broken] = {}  # names whose definitions are not read
        self.families: dict[str, tuple[Dim, Dim]] = {}  # shapes that sums over samples give
        self.columns: frozenset[str] = frozenset()  # matrices whose columns are said to be the samples
        self.entries: list[Entry] = []  # definitions of indexed names
        self.points: frozenset[str] = frozenset()  # letters with a bar that words speak of, and of no mean
        self.upright: frozenset[str] = frozenset()  # families whose members stand as columns somewhere: wᵀxᵢ
        self.upstream: dict[Expr, tuple[Expr, Expr]] = {}  # ∂L/∂y of a loss L that is only named: L, y
        self.names_gradients = False  # dy for ∂L/∂y
        self.shared: set[Expr] = set()  # vectors that are added to each row or column of a matrix
        self._sweeps: dict[tuple[Expr, Expr], Sweep] = {}
        self._solved: dict[tuple[Expr, Expr], Stationary | None] = {}

    def inline(self, expr: Expr) -> Expr:
        """The expression with definitions put in, down to the base symbols."""
        if not self.definitions:
            return expr
        for _ in range(len(self.definitions) + 1):
            changed = substitute(expr, self.definitions)
            if changed is expr:
                return expr
            expr = changed
        raise Unread("the definitions define each other")

    def local(self, bindings: Mapping[Expr, Expr]) -> Scope:
        """A scope with some names set."""
        made = copy(self)
        made.definitions = {**self.definitions, **bindings}
        made._sweeps, made._solved = {}, {}
        return made

    def sweep(self, loss: Expr, variable: Expr) -> Sweep:
        key = (loss, variable)
        if key not in self._sweeps:
            self._sweeps[key] = Sweep(loss, variable)
        return self._sweeps[key]

    def solved(self, loss: Expr, variable: Expr) -> Stationary | None:
        """The stationary point as it is derived; None where no closed form is known."""
        from ..optimality.stationarity import solve

        key = (loss, variable)
        if key not in self._solved:
            try:
                self._solved[key] = solve(loss, variable)
            except DeriveError:
                self._solved[key] = None
        return self._solved[key]

    def touches(self, letters: frozenset[str], name: str) -> bool:
        """Whether letters, or what they are defined by, mention a name."""
        name = name.rstrip("_")
        whole = {name, name.partition("_")[0]}
        if letters & whole:
            return True
        made = [self.symbols[n] for n in letters if n in self.symbols]
        return any(s.name in whole for m in made for s in symbols_of(self.inline(m)))

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def moved(self, variable: Expr) -> Expr:
        """The differential dX of a symbol."""
        kept = variable.properties & {"symmetric", "skew", "diagonal", "lower", "upper", "triangular"}
        return symbol("d" + variable.name, *variable.shape, properties=kept)


def mapped(value: Expr | Indexed, operation: Callable[[Expr], Expr]) -> Expr | Indexed:
    """What an operation of every entry makes of a value."""
    return Indexed(operation(value.expr), value.indices) if isinstance(value, Indexed) else operation(value)


class Meaning:
    """Builds the expression of a tree in a scope, under a reading: what all kinds of trees share."""

    def __init__(
        self, scope: Scope, reading: Convention | None = None, assumed: Mapping[object, Expr] | None = None
    ) -> None:
        self.scope = scope
        self.assumed = assumed or {}  # derivatives as the author has them, by the key of the tree
        self.reading = reading or Convention()
        self.used: set[str] = set()  # which choices mattered: layout, path, lenient
        self.adds_entries = False  # below a sum without an index
        self.counts = True  # the n of 1/n 𝟏 𝟏ᵀ is the length of 𝟏
        self.whole: Tree | None = None

    @contextmanager
    def under(self, reading: Convention) -> Iterator[None]:
        """Another reading for a part of the tree."""
        held, self.reading = self.reading, reading
        try:
            yield
        finally:
            self.reading = held

    def value(self, tree: Tree, shape: tuple[Dim, Dim] | None = None) -> Expr | Indexed:
        """The value of a side; `shape` is what stands on the other side of the equation."""
        self.whole = tree
        try:
            found = self.build(tree)
            found = found.fit(*shape) if isinstance(found, Pending) and shape is not None else found
        except ShapeError:
            if not (self.counts and any(t.kind == "ones" and "counted" in t.data for t in tree.walk())):
                raise
            self.counts = False
            return self.value(tree, shape)
        if isinstance(found, Pending):
            raise Unread("the size of 𝟏, I or 0 is open here")
        return found

    def build(self, tree: Tree) -> Value:
        try:
            return getattr(self, "_" + tree.kind)(tree)  # type: ignore[no-any-return]
        except DeriveError as error:
            if error.span is None:
                error.span = tree.span
            raise

    def exact(self, tree: Tree) -> Expr:
        found = self.build(tree)
        if isinstance(found, Indexed):
            raise Unread("an entry stands where the whole is needed")
        if isinstance(found, Pending):
            raise Unread("the size of 𝟏, I or 0 is open here")
        return found

    def lookup(self, name: str) -> Expr | None:
        scope = self.scope
        found = scope.symbols.get(name)
        if found is None and name in scope.aliases:
            found = scope.symbols.get(scope.aliases[name])
        return found

    def loss(self, name: str) -> Expr:
        if self.scope.loss is None or name != self.scope.loss and self.scope.loss_is_named:
            raise Unread(f"{name} is not defined")
        if name != self.scope.loss:
            self.scope.note(f"{name} is taken for {self.scope.loss}")
        return self.scope.symbols[self.scope.loss]

    def times(self, factor: Expr, value: Value) -> Value:
        if isinstance(value, Pending):
            return Pending(value.rows, value.columns, lambda r, c: scale(factor, value.make(r, c)), value.word)
        return mapped(value, lambda entries: scale(factor, entries))

    def product(self, values: list[Value], marks: Sequence[str]) -> Value:
        raise NotImplementedError

    def spread(self, values: list[Value]) -> list[Value]:
        """The summands, a letter that is a vector added to each row or column of a matrix: b of X W + b."""
        matrix = next((v for v in values if isinstance(v, Expr) and ONE not in v.shape), None)
        if matrix is None:
            return values
        rows, columns = matrix.shape
        found: list[Value] = []
        for value in values:
            if isinstance(value, Expr) and value.op is symbol_op and value.shape in ((ONE, columns), (columns, ONE)):
                if value.shape[0] is ONE or columns is not rows:
                    self.scope.shared.add(value)
                    self.scope.note(f"{value.text()} is added to each row of {matrix.text()}")
                    row = value if value.shape[0] is ONE else transpose(value)
                    value = matmul(ones(rows), row)
            elif isinstance(value, Expr) and value.op is symbol_op and value.shape == (rows, ONE):
                self.scope.note(f"{value.text()} is added to each column of {matrix.text()}")
                value = matmul(value, ones(1, columns))
            found.append(value)
        return found

    # Entries

    def letters(self, indices: Sequence[str], base: Expr) -> tuple[str, ...]:
        text = "".join(indices).replace(",", "")
        wanted = 1 if base.is_vector or base.shape[0] is ONE else 2
        if len(text) != wanted or not all(c.isalpha() or c.isdigit() for c in text):
            raise Unread(f"the index {text} of {base.text()} is not read")
        if any(c.isdigit() for c in text):
            raise Unread("single entries with a number are not read")
        return tuple(text)

    def kronecker(self, letters: Sequence[str]) -> Indexed:
        """δ_ij: an entry of the identity, whose size the other names with these indices tell."""
        indices = tuple("".join(letters).replace(",", ""))
        for t in self.whole.walk() if self.whole is not None else ():
            base = self.lookup(str(t.data[1])) if t.kind == "name" and t.data[2] else None
            places = "".join(map(str, t.data[2])).replace(",", "") if base is not None else ""
            for letter, dim in zip(places, base.shape if base is not None else ()):
                if letter in indices and dim is not ONE:
                    return Indexed(identity(dim), indices)
        raise Unread("the size of δ is open here")

    def indexed_sum(self, values: list[Value]) -> Value:
        entries = [v for v in values if isinstance(v, Indexed)]
        widest = max(entries, key=lambda v: len(set(v.indices)))
        indices = tuple(dict.fromkeys(letter for v in (widest, *entries) for letter in v.indices))
        if len(indices) > 2 or len(widest.indices) > len(indices):
            raise Unread("a sum with more than two free indices is not read")
        sizes = {letter: dim for v in entries for letter, dim in zip(v.indices, v.expr.shape)}
        terms = []
        for value in values:
            if isinstance(value, Indexed):
                terms.append(repeated(value, indices, sizes))
            elif isinstance(value, Expr) and value.is_scalar:
                terms.append(scale(value, ones(*terms_shape(indices, sizes))))
            else:
                raise Unread("an entry and a whole vector or matrix are added")
        return Indexed(add(*terms), indices)

    def indexed_product(self, values: list[Value]) -> Value:
        scalars: list[Expr] = []
        parts: dict[tuple[str, ...], Expr] = {}
        for value in values:
            if isinstance(value, Indexed):
                key = value.indices
                if key in parts:
                    parts[key] = hadamard(parts[key], value.expr)
                elif key[::-1] in parts:
                    parts[key[::-1]] = hadamard(parts[key[::-1]], transpose(value.expr))
                else:
                    parts[key] = value.expr
            elif isinstance(value, Expr) and value.is_scalar:
                scalars.append(value)
            else:
                raise Unread("an entry is multiplied by a whole vector or matrix")
        letters = dict.fromkeys(letter for key in parts for letter in key)
        if len(letters) > 2:
            raise Unread("a product with more than two free indices is not read")
        result: Expr
        if len(parts) == 1:
            (indices, result) = next(iter(parts.items()))
        else:
            indices = tuple(letters)
            sizes = {letter: dim for key, expr in parts.items() for letter, dim in zip(key, expr.shape)}
            result = hadamard(*(repeated(Indexed(expr, key), indices, sizes) for key, expr in parts.items()))
        return Indexed(scale(mul(*scalars), result) if scalars else result, indices)

    def _total(self, tree: Tree) -> Value:
        letter = str(tree.data[0])
        if tree.data[1]:
            raise Unread("a sum under a condition is not read here")
        body = tree.args[0]
        factors = list(body.args) if body.kind == "prod" else [body]
        values = [self.build(f) for f in factors]
        bound = [v for v in values if isinstance(v, Indexed) and letter in v.indices]
        rest = [v for v in values if v not in bound]
        if any(t.kind == "name" and letter in "".join(t.data[2]) and self.lookup(str(t.data[0])) for t in body.walk()):
            raise Unread(f"a family of vectors with index {letter} is not read")
        if not bound:
            raise Unread(f"nothing in the sum depends on its index {letter}")
        if (
            len(bound) == 2
            and {len(v.indices) for v in bound} == {2, 1}
            or len(bound) == 2
            and all(len(v.indices) == 2 for v in bound)
        ):
            left, right = bound
            if len(left.indices) == 1:
                left, right = right, left
            A = left.expr if left.indices[1] == letter else transpose(left.expr)
            i = left.indices[0] if left.indices[1] == letter else left.indices[1]
            if len(right.indices) == 1:
                contracted: Value = Indexed(matmul(A, right.expr), (i,))
            else:
                B = right.expr if right.indices[0] == letter else transpose(right.expr)
                j = right.indices[1] if right.indices[0] == letter else right.indices[0]
                if i == j:
                    raise Unread("this sum over an index is not read")
                contracted = Indexed(matmul(A, B), (i, j))
        else:
            whole = self.indexed_product(list(bound)) if len(bound) > 1 else bound[0]
            assert isinstance(whole, Indexed)
            if len(whole.indices) == 1:
                contracted = sum_entries(whole.expr)
            elif whole.indices[1] == letter:
                contracted = Indexed(matmul(whole.expr, ones(whole.expr.shape[1])), whole.indices[:1])
            else:
                contracted = Indexed(matmul(transpose(whole.expr), ones(whole.expr.shape[0])), whole.indices[1:])
        return self.product([*rest, contracted], [""] * (len(rest) + 1)) if rest else contracted

    def _formula(self, tree: Tree) -> Value:
        """A side with a sum over an index: as any formula is read, or by the algebra of entries."""
        from .sample_sums import are_settled, outer_product, used

        for t in tree.walk():
            if t.kind == "name" and len(t.data[2]) == 1 and str(t.data[1]).upper() in self.scope.columns:
                whole = str(t.data[1]).upper()
                raise Unread(f"{t.data[0]} is said to be a column of {whole}, and sums are read over rows")
        if columns := outer_product(tree, self.scope.upright):
            raise Unread(f"{columns} is a matrix where the vectors are columns")
        first, second = self._parsed, self._written
        if not self.scope.families or not used(self.scope.entries, tree):
            first, second = second, first
        try:
            return first(tree)
        except DeriveError as error:
            try:
                return second(tree)
            except DeriveError as other:
                misfits = [e for e in (error, other) if isinstance(e, ShapeError)]
                if misfits and are_settled(tree, self.scope.families):
                    raise misfits[0] from None
                raise Unread((other if isinstance(other, Unread) else error).message) from None

    def _written(self, tree: Tree) -> Value:
        from .index_notation import is_cut_short

        value = self.build(tree.args[0])
        if isinstance(value, Indexed) and any(map(is_cut_short, tree.walk())):
            raise Unread("how far the sum reaches is open")
        return value

    def _parsed(self, tree: Tree) -> Value:
        from .sample_sums import entry_of, parsed, rows, used

        text, entries = str(tree.data[0]), used(self.scope.entries, tree)
        families = self.scope.families | rows(tree, self.scope.families)
        for defined in self.scope.definitions:  # no mean of all xᵢ
            if "bar" in names.parts(defined.name)[1]:
                families.setdefault(defined.name, defined.shape)
        try:
            made = parsed(text, families, entries)
            if points := self.scope.points & {str(t.data[0]) for t in tree.walk() if t.kind == "name"}:
                if points - {s.name for s in symbols_of(made)}:
                    raise Unread(f"{names.text(min(points))} may be a point, or a mean: say which")
            return self.known(made)
        except DeriveError as error:
            vectors = {n: s.shape for n, s in self.scope.symbols.items() if s.is_vector}
            shapes = families | {n: shape for n, shape in vectors.items() if n.upper() not in families}
            try:
                made, index = entry_of(text, tree, shapes, entries)
            except DeriveError:
                raise error from None
            return Indexed(self.known(made), (index,))

    def known(self, made: Expr) -> Expr:
        """An expression that was read by itself, in the symbols of the scope."""
        for s in symbols_of(made):
            known = self.scope.symbols.setdefault(s.name, s)
            if known is not s and known.shape != s.shape:
                raise Unread(f"{s.name} is {shape_text(known.shape)} elsewhere and {shape_text(s.shape)} here")
        known_as = {s: self.scope.symbols[s.name] for s in symbols_of(made)}
        return substitute(made, {s: k for s, k in known_as.items() if k is not s})

    def _entry(self, tree: Tree) -> Value:
        found = self.exact(tree.args[0])
        return Indexed(found, self.letters([str(d) for d in tree.data], found))
