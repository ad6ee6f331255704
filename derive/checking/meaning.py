"""What a side means: a tree and the shapes of its names to an expression.

Derivatives are replaced by what they are, derived by us; where custom leaves a choice
(the layout, one path or the sum of a tied variable) the `Reading` makes it.  Ones,
identities and zeros take their shape from what stands beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from ..derivation import Sweep
from ..errors import DeriveError, ParseError, ShapeError
from ..expr import (
    OPERATIONS,
    Expr,
    constant,
    depends_on,
    dimension,
    identity,
    is_number,
    nodes,
    number,
    ones,
    substitute,
    symbol,
    symbol_op,
    symbols_of,
    zeros,
)
from ..jacobians import differential, jacobian, project
from ..operations import (
    FUNCTIONS,
    add,
    det,
    diagonal,
    diagonal_matrix,
    divide,
    hadamard,
    inner,
    inv,
    kron,
    log,
    logdet,
    logsumexp,
    matmul,
    mean,
    mul,
    norm,
    norm1,
    nuclear_norm,
    power,
    raise_to,
    scale,
    softmax,
    spectral_norm,
    sq_norm,
    sqrt,
    sum_entries,
    trace,
    transpose,
    tril,
    triu,
    vec,
)
from ..shapes import ONE, SCALAR, Dim, shape_text
from .grammar import Tree


class Reading:
    """How the customary ambiguities are taken."""

    __slots__ = ("layout", "path", "lenient", "projected", "shift")

    def __init__(
        self,
        layout: str = "gradient",
        path: str = "total",
        lenient: bool = False,
        projected: bool = True,
        shift: int = 0,
    ) -> None:
        self.shift = shift  # the author may number occurrences from another one
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
                f"{self.word} with {self.rows or self.columns} entries cannot stand where {shape_text((rows, columns))} is"
            )
        return self.make(rows, columns)


class Indexed:
    """An entry: a vector or matrix, and the letters that choose the entry."""

    __slots__ = ("expr", "indices")

    def __init__(self, expr: Expr, indices: tuple[str, ...]) -> None:
        self.expr = expr
        self.indices = indices


Value = Expr | Pending | Indexed


class Scope:
    """The names of a document: symbols, definitions, functions, and what is differentiated."""

    def __init__(self) -> None:
        self.symbols: dict[str, Expr] = {}
        self.definitions: dict[Expr, Expr] = {}
        self.parameters: dict[str, tuple[str, ...]] = {}
        self.aliases: dict[str, str] = {}  # names written otherwise: w for W, d₂ for L
        self.directions: dict[str, str] = {}  # H: the direction in which A moves
        self.loss: str | None = None
        self.live: list[Expr] = []
        self.nabla: str | None = None
        self.dims: set[str] = set()
        self.sizes: dict[str, Dim] = {}  # the dimensions that subscripts of 𝟏 and I name
        self.notes: list[str] = []
        self.broken: set[str] = set()  # names whose definitions are not read
        self._inlined: dict[Expr, Expr] = {}
        self._sweeps: dict[tuple[Expr, Expr], Sweep] = {}
        self._known: dict[object, Expr] = {}

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
        made = Scope()
        for slot in (
            "symbols",
            "parameters",
            "aliases",
            "directions",
            "loss",
            "live",
            "nabla",
            "dims",
            "notes",
            "broken",
        ):
            setattr(made, slot, getattr(self, slot))
        made.definitions = {**self.definitions, **bindings}
        return made

    def sweep(self, loss: Expr, variable: Expr) -> Sweep:
        key = (loss, variable)
        if key not in self._sweeps:
            self._sweeps[key] = Sweep(loss, variable)
        return self._sweeps[key]

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def moved(self, variable: Expr) -> Expr:
        """The differential dX of a symbol."""
        kept = variable.properties & {"symmetric", "skew", "diagonal", "lower", "upper", "triangular"}
        return symbol("d" + variable.name, *variable.shape, properties=kept)


class Builder:
    """Builds the expression of a tree in a scope, under a reading."""

    def __init__(
        self, scope: Scope, reading: Reading | None = None, assumed: Mapping[object, Expr] | None = None
    ) -> None:
        self.scope = scope
        self.assumed = assumed or {}  # derivatives as the author has them, by the key of the tree
        self.reading = reading or Reading()
        self.used: set[str] = set()  # which choices mattered: layout, path, lenient

    def value(self, tree: Tree, shape: tuple[Dim, Dim] | None = None) -> Expr | Indexed:
        """The value of a side; `shape` is what stands on the other side of the equation."""
        found = self.build(tree)
        if isinstance(found, Pending):
            if shape is not None:
                found = found.fit(*shape)
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

    # Leaves

    def _number(self, tree: Tree) -> Value:
        return number(tree.data[0])  # type: ignore[arg-type]

    def _ones(self, tree: Tree) -> Value:
        rows = self.size(tree.data[0])
        return Pending(rows, None, lambda r, c: ones(r, c))

    def size(self, name: object) -> Dim | None:
        """The dimension that a subscript names."""
        text = str(name) if name else ""
        if text.isdigit():
            return Dim.of(int(text))
        if text in self.scope.sizes:
            return self.scope.sizes[text]
        return Dim.of(text) if text in self.scope.dims else None

    def _identity(self, tree: Tree) -> Value:
        size = self.size(tree.data[0])
        if size is not None:
            return identity(size)

        def make(rows: Dim, columns: Dim) -> Expr:
            if rows is not columns:
                raise ShapeError(f"the identity cannot stand where {shape_text((rows, columns))} is")
            return identity(rows)

        return Pending(None, None, make, "I")

    def _zero(self, tree: Tree) -> Value:
        return Pending(None, None, lambda r, c: zeros(r, c), "0")

    def lookup(self, name: str) -> Expr | None:
        scope = self.scope
        found = scope.symbols.get(name)
        if found is None and name in scope.aliases:
            found = scope.symbols.get(scope.aliases[name])
        return found

    def _name(self, tree: Tree) -> Value:
        full, plain, indices = str(tree.data[0]), str(tree.data[1]), tree.data[2]
        found = self.lookup(full)
        if full in self.scope.broken:
            raise Unread(f"the definition of {full} is not read")
        if found is not None:
            if full in self.scope.directions:
                return self.scope.moved(self.scope.symbols[self.scope.directions[full]])
            return found
        base = self.lookup(plain) if indices else None
        if base is not None and not base.is_scalar:
            return Indexed(base, self.letters(indices, base))  # type: ignore[arg-type]
        if full in self.scope.sizes:
            return dimension(self.scope.sizes[full])
        if full in self.scope.dims:
            return dimension(full)
        if full == "π":
            return constant("π")
        if full == "e":
            return constant("e")
        if full == "O":
            return Pending(None, None, lambda r, c: zeros(r, c), "0")
        raise Unread(f"{full} is not known here")

    def letters(self, indices: Sequence[str], base: Expr) -> tuple[str, ...]:
        text = "".join(indices).replace(",", "")
        wanted = 1 if base.is_vector or base.shape[0] is ONE else 2
        if len(text) != wanted or not all(c.isalpha() or c.isdigit() for c in text):
            raise Unread(f"the index {text} of {base.text()} is not read")
        if any(c.isdigit() for c in text):
            raise Unread("single entries with a number are not read")
        return tuple(text)

    # Sums and products

    def _held(self, tree: Tree) -> Value:
        return tree.data[0]  # type: ignore[return-value]

    def _neg(self, tree: Tree) -> Value:
        return self.times(number(-1), self.build(tree.args[0]))

    def times(self, factor: Expr, value: Value) -> Value:
        if isinstance(value, Pending):
            return Pending(value.rows, value.columns, lambda r, c: scale(factor, value.make(r, c)), value.word)
        if isinstance(value, Indexed):
            return Indexed(scale(factor, value.expr), value.indices)
        return scale(factor, value)

    def _sum(self, tree: Tree) -> Value:
        values = [self.build(arg) for arg in tree.args]
        if any(isinstance(v, Indexed) for v in values):
            return self.indexed_sum(values)
        rows: Dim | None = None
        columns: Dim | None = None
        for value in values:
            if isinstance(value, Expr) and value.is_scalar and len(values) > 1 and _is_constant(value):
                continue  # perhaps 1 − s of a vector s
            r, c = value.shape if isinstance(value, Expr) else (value.rows, value.columns)  # type: ignore[union-attr]
            if isinstance(value, Expr):
                rows, columns = rows or r, columns or c
            else:
                rows, columns = rows or r, columns or c
        if rows is None and columns is None:
            if all(isinstance(v, Expr) for v in values):
                return add(*values)
            first = next(v for v in values if isinstance(v, Pending))
            if any(isinstance(v, Expr) for v in values):
                return add(*(v if isinstance(v, Expr) else v.make(ONE, ONE) for v in values))  # type: ignore[union-attr]
            others = list(values)
            return Pending(None, None, lambda r, c: add(*(v.make(r, c) for v in others)), first.word)  # type: ignore[union-attr]
        if rows is None or columns is None:
            held = list(values)
            return Pending(rows, columns, lambda r, c: add(*(self.settle(v, r, c) for v in held)))
        elementwise = any(isinstance(v, Expr) and _is_elementwise(v) for v in values)
        return add(*(self.settle(v, rows, columns, elementwise) for v in values))

    def settle(self, value: Value, rows: Dim, columns: Dim, elementwise: bool = False) -> Expr:
        """A summand in the shape of the sum; the number 1 beside a vector is 𝟏."""
        if isinstance(value, Pending):
            settled = value.fit(rows, columns)
            assert isinstance(settled, Expr)
            return settled
        assert isinstance(value, Expr)
        if value.is_scalar and _is_constant(value) and (rows, columns) != SCALAR:
            if is_number(value, 0):
                return zeros(rows, columns)
            if columns is ONE or elementwise:
                self.used.add("broadcast")
                return scale(value, ones(rows, columns))
        return value

    def indexed_sum(self, values: list[Value]) -> Value:
        first = next(v for v in values if isinstance(v, Indexed))
        terms = []
        for value in values:
            if isinstance(value, Indexed):
                if set(value.indices) != set(first.indices):
                    raise Unread(
                        f"an entry with index {' '.join(value.indices) or 'none'} and one with index "
                        f"{' '.join(first.indices)} are added"
                    )
                expr = value.expr if value.indices == first.indices else transpose(value.expr)
                terms.append(expr)
            elif isinstance(value, Expr) and value.is_scalar:
                terms.append(scale(value, ones(*first.expr.shape)))
            else:
                raise Unread("an entry and a whole vector or matrix are added")
        return Indexed(add(*terms), first.indices)

    def _prod(self, tree: Tree) -> Value:
        values = [self.build(arg) for arg in tree.args]
        return self.product(values, ["", *(str(m) for m in tree.data)])

    def product(self, values: list[Value], marks: Sequence[str]) -> Value:
        if any(isinstance(v, Indexed) for v in values):
            return self.indexed_product(values)
        scalars: list[Expr] = []
        chain: list[Value] = []
        links: list[str] = []
        row: Expr | None = None
        for value, mark in zip(values, marks):
            if isinstance(value, Expr) and value.is_scalar:
                scalars.append(value)
            elif isinstance(value, Pending) and value.word == "I" and len(values) > 1 and value.rows is None:
                if not chain and value is values[-1]:
                    chain.append(value)
                    links.append("")
                continue
            else:
                if chain and isinstance(chain[-1], Expr) and isinstance(value, Expr):
                    left = chain[-1]
                    if mark == "·" and left.is_vector and value.is_vector and left.shape == value.shape:
                        scalars.append(matmul(transpose(left), value))
                        chain.pop()
                        links.pop()
                        continue
                    if (
                        self.reading.lenient
                        and left.shape[1] is not value.shape[0]
                        and left.shape == value.shape
                        and left.is_vector
                    ):
                        self.used.add("lenient")
                        chain[-1] = hadamard(left, value)
                        continue
                    if left.shape[0] is ONE and left.shape[1] is value.shape[0] and value.shape[1] is ONE:
                        # a row times a column is a number and leaves the chain
                        scalars.append(matmul(left, value))
                        chain.pop()
                        links.pop()
                        continue
                chain.append(value)
                links.append(mark)
        del row
        if not chain:
            if any(isinstance(v, Pending) for v in values) and not scalars:
                return next(v for v in values if isinstance(v, Pending))
            pending = [v for v in values if isinstance(v, Pending)]
            if pending and len(scalars) < len(values):
                return self.times(mul(*scalars), pending[0])
            return mul(*scalars)
        if all(isinstance(v, Expr) for v in chain):
            result: Value = self.chain([v for v in chain if isinstance(v, Expr)])
        else:
            result = self.pending_chain(chain)
        return self.times(mul(*scalars), result) if scalars else result

    def chain(self, factors: list[Expr]) -> Expr:
        """A product of matrices; where rows meet columns inside, numbers come out."""
        try:
            return matmul(*factors)
        except ShapeError:
            # 2 (pᵀx) xᵀ is fine, and so is x (xᵀ A) y read as x times a number where nothing else fits.
            stack: list[Expr] = []
            scalars: list[Expr] = []
            for factor in factors:
                stack.append(factor)
                while len(stack) > 1 and stack[-2].shape[1] is stack[-1].shape[0]:
                    right = stack.pop()
                    left = stack.pop()
                    both = matmul(left, right)
                    if both.is_scalar:
                        scalars.append(both)
                        break
                    stack.append(both)
            if scalars and len(stack) <= 1:
                return scale(mul(*scalars), stack[0]) if stack else mul(*scalars)
            raise

    def pending_chain(self, chain: list[Value]) -> Value:
        fitted = list(chain)
        for i, value in enumerate(fitted):
            if isinstance(value, Pending):
                before = fitted[i - 1] if i else None
                after = fitted[i + 1] if i + 1 < len(fitted) else None
                rows = before.shape[1] if isinstance(before, Expr) else None
                columns = after.shape[0] if isinstance(after, Expr) else None
                if value.word == "𝟏":
                    # A vector of ones where nothing says otherwise.
                    if columns is None and value.columns is None and rows is not None:
                        columns = ONE
                    elif rows is None and value.rows is None and columns is not None and columns is not ONE:
                        rows = ONE if value.columns is None else None
                fitted[i] = value.fit(rows, columns)
        if all(isinstance(v, Expr) for v in fitted):
            return self.chain([v for v in fitted if isinstance(v, Expr)])
        first, last = fitted[0], fitted[-1]
        r = first.shape[0] if isinstance(first, Expr) else first.rows  # type: ignore[union-attr]
        c = last.shape[1] if isinstance(last, Expr) else last.columns  # type: ignore[union-attr]

        def make(rows: Dim, columns: Dim) -> Expr:
            parts = []
            for i, value in enumerate(fitted):
                if isinstance(value, Pending):
                    value = value.fit(
                        value.rows if value.rows is not None else rows if i == 0 else ONE,
                        value.columns if value.columns is not None else columns if i == len(fitted) - 1 else ONE,
                    )
                parts.append(value)
            return matmul(*parts)

        return Pending(r, c, make)

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
            whole = []
            sizes = {}
            for key, expr in parts.items():
                for letter, dim in zip(key, expr.shape):
                    sizes[letter] = dim
            for key, expr in parts.items():
                if len(key) == 2:
                    whole.append(expr if key == indices else transpose(expr))
                elif len(indices) == 2 and key[0] == indices[0]:
                    whole.append(matmul(expr, ones(1, sizes[indices[1]])))
                elif len(indices) == 2:
                    whole.append(matmul(ones(sizes[indices[0]]), transpose(expr)))
                else:
                    whole.append(expr)
            result = hadamard(*whole)
        return Indexed(scale(mul(*scalars), result) if scalars else result, indices)

    def _total(self, tree: Tree) -> Value:
        letter = str(tree.data[0])
        body = tree.args[0]
        factors = list(body.args) if body.kind == "prod" else [body]
        values = [self.build(f) for f in factors]
        bound = [v for v in values if isinstance(v, Indexed) and letter in v.indices]
        rest = [v for v in values if v not in bound]
        if any(t.kind == "name" and letter in "".join(t.data[2]) and self.lookup(str(t.data[0])) for t in body.walk()):  # type: ignore[arg-type]
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

    def _hadamard(self, tree: Tree) -> Value:
        values = [self.build(arg) for arg in tree.args]
        if any(isinstance(v, Indexed) for v in values):
            return self.indexed_product(values)
        known = next((v for v in values if isinstance(v, Expr) and not v.is_scalar), None)
        if known is None:
            return mul(*[v for v in values if isinstance(v, Expr)])
        others = [v.fit(*known.shape) if isinstance(v, Pending) else v for v in values]
        try:
            product = hadamard(*others)
        except ShapeError:
            regrouped = self.regrouped(tree)
            if regrouped is None:
                raise
            return regrouped
        return product

    def regrouped(self, tree: Tree) -> Value | None:
        """A ⊙ B C read as (A ⊙ B) C where only that fits."""
        flat: list[Tree] = []
        marks: list[str] = []
        for i, arg in enumerate(tree.args):
            parts = list(arg.args) if arg.kind == "prod" else [arg]
            for j, part in enumerate(parts):
                if flat:
                    marks.append("⊙" if j == 0 else "")
                flat.append(part)
            del i
        values = [self.build(part) for part in flat]
        joined: list[Value] = [values[0]]
        for mark, value in zip(marks, values[1:]):
            left = joined[-1]
            if mark == "⊙":
                if not (isinstance(left, Expr) and isinstance(value, Expr)) or left.shape != value.shape:
                    return None
                joined[-1] = hadamard(left, value)
            else:
                joined.append(value)
        return self.product(joined, [""] * len(joined))

    def _over(self, tree: Tree) -> Value:
        a, b = (self.build(arg) for arg in tree.args)
        return self.elementwise_quotient(a, b)

    def elementwise_quotient(self, a: Value, b: Value) -> Value:
        if isinstance(b, Pending):
            raise Unread("the size of 𝟏, I or 0 is open here")
        if isinstance(b, Indexed):
            inverse = Indexed(power(b.expr, number(-1)), b.indices)
            return self.indexed_product([a, inverse])
        if isinstance(a, Indexed):
            return self.times(power(b, number(-1)), a)
        if isinstance(a, Pending):
            settled = a.fit(*b.shape)
            return hadamard(settled, power(b, number(-1)))
        if a.is_scalar:
            return scale(a, power(b, number(-1)))
        return hadamard(a, power(b, number(-1)))

    def _kron(self, tree: Tree) -> Value:
        parts = []
        for arg in tree.args:
            found = self.build(arg)
            if not isinstance(found, Expr):
                raise Unread("the size of I in a Kronecker product is open")
            parts.append(found)
        result = parts[0]
        for part in parts[1:]:
            result = kron(result, part)
        return result

    def _quotient(self, tree: Tree) -> Value:
        above, below = self.build(tree.args[0]), self.build(tree.args[1])
        if isinstance(below, Expr) and below.is_scalar:
            if isinstance(above, Expr):
                return divide(above, below)
            return self.times(power(below, number(-1)), above)
        if isinstance(below, Expr) and (below.is_vector or isinstance(above, Expr) and above.shape == below.shape):
            return self.elementwise_quotient(above, below)
        if isinstance(below, Indexed):
            return self.elementwise_quotient(above, below)
        if isinstance(above, Expr) and isinstance(below, Expr):
            return divide(above, below)
        raise Unread("this quotient is not read")

    # Powers

    def _power(self, tree: Tree) -> Value:
        if tree.args[0].kind == "norm":
            inner_ = self.norm(tree.args[0])
            exponent = self.exact(tree.args[1])
            if is_number(exponent, 2) and inner_.op is norm:
                return sq_norm(inner_.args[0])
            return power(inner_, exponent)
        base, exponent = self.build(tree.args[0]), self.exact(tree.args[1])
        if isinstance(base, Indexed):
            return Indexed(power(base.expr, exponent), base.indices)
        if isinstance(base, Pending):
            return base
        if base.is_vector and self.reading.lenient:
            self.used.add("lenient")
            return power(base, exponent)
        return raise_to(base, exponent)

    def _entrypower(self, tree: Tree) -> Value:
        return power(self.exact(tree.args[0]), self.exact(tree.args[1]))

    def _transpose(self, tree: Tree) -> Value:
        found = self.build(tree.args[0])
        if isinstance(found, Pending):
            if found.word == "I":
                return found
            held = found
            rows = found.rows if found.rows is not None or found.columns is not None else None
            return Pending(found.columns if found.columns else ONE, rows, lambda r, c: transpose(held.make(c, r)))
        if isinstance(found, Indexed):
            if len(found.indices) == 1:
                return found
            raise Unread("the transposition of an entry is not read")
        return transpose(found)

    def _inverse(self, tree: Tree) -> Value:
        found = self.build(tree.args[0])
        if isinstance(found, Pending):
            return found
        if isinstance(found, Indexed):
            return Indexed(power(found.expr, number(-1)), found.indices)
        if found.is_vector:
            raise ShapeError(f"a vector ({shape_text(found.shape)}) has no inverse")
        return inv(found)

    # Functions

    def _call(self, tree: Tree) -> Value:
        name = str(tree.data[0])
        argument = tree.args[0]
        if name == "log" and argument.kind == "call" and argument.data[0] == "det":
            return logdet(self.exact(argument.args[0]))
        if name == "log" and argument.kind == "bars":
            inner_ = self.exact(argument.args[0])
            return logdet(inner_) if not inner_.is_scalar else log(OPERATIONS["abs"](inner_))
        found = self.build(argument)
        if isinstance(found, Pending):
            if name == "diag" and found.word == "𝟏":
                return Pending(None, None, lambda r, c: identity(r), "I")
            if found.word == "𝟏" and name in FUNCTIONS:
                function = FUNCTIONS[name]
                return Pending(found.rows, found.columns, lambda r, c: function(found.make(r, c)), found.word)
            raise Unread("the size of 𝟏, I or 0 is open here")
        if isinstance(found, Indexed):
            if name in FUNCTIONS:
                return Indexed(FUNCTIONS[name](found.expr), found.indices)
            if name == "sqrt":
                return Indexed(sqrt(found.expr), found.indices)
            raise Unread(f"{name} of an entry is not read")
        if name in FUNCTIONS:
            return FUNCTIONS[name](found)
        table: dict[str, Callable[..., Expr]] = {
            "trace": trace, "det": det, "logdet": logdet, "vec": vec, "sum": sum_entries, "mean": mean,
            "softmax": softmax, "logsumexp": logsumexp, "sqrt": sqrt, "inv": inv, "norm": norm, "norm1": norm1,
            "tril": tril, "triu": triu, "expm": OPERATIONS["expm"],
        }  # fmt: skip
        if name == "diag":
            return diagonal_matrix(found) if found.is_vector or found.is_scalar else diagonal(found)
        if name == "adj":
            return scale(det(found), inv(found))
        if name in ("dot", "kron") and len(tree.args) == 2:
            second = self.exact(tree.args[1])
            return inner(found, second) if name == "dot" else kron(found, second)
        if name not in table:
            raise Unread(f"{name} is not read here")
        return table[name](found)

    def _apply(self, tree: Tree) -> Value:
        """A defined function at its own variable, or at something else."""
        name, primes = str(tree.data[0]), tree.data[1]
        found = self.lookup(name)
        parameters = self.scope.parameters.get(name, ())
        if found is None:
            if name == self.scope.loss or (self.scope.loss and not primes and name not in self.scope.symbols):
                return self.loss(name)
            raise Unread(f"the function {name} is not known here")
        if primes:
            raise Unread(f"the derivative {name}' is not read")
        if found not in self.scope.definitions:
            raise Unread(f"the function {name} is not defined here")
        arguments = [self.build(arg) for arg in tree.args]
        setting: dict[Expr, Expr] = {}
        for parameter, argument in zip(parameters, arguments):
            variable = self.lookup(parameter)
            if variable is None or not isinstance(argument, Expr):
                continue
            if argument is not variable and self.scope.inline(argument) is not self.scope.inline(variable):
                if argument.shape != variable.shape:
                    raise Unread(f"{name} is applied to something of another shape than {parameter}")
                setting[variable] = argument
        if not parameters and isinstance(arguments[0], Expr) and not found.is_scalar:
            body = self.scope.definitions[found]
            if body.op.is_elementwise and arguments[0].shape == found.shape:
                return body.op(arguments[0])
        if not setting:
            return found
        return substitute(self.scope.inline(found), setting)

    def loss(self, name: str) -> Expr:
        if self.scope.loss is None:
            raise Unread(f"{name} is not defined")
        if name != self.scope.loss:
            self.scope.note(f"{name} is taken for {self.scope.loss}")
        return self.scope.symbols[self.scope.loss]

    def norm(self, tree: Tree) -> Expr:
        found = self.build(tree.args[0])
        if not isinstance(found, Expr):
            raise Unread("the size of 𝟏, I or 0 is open here")
        kind = str(tree.data[0])
        if kind == "1":
            return norm1(found)
        if kind in ("*", "nuc", "tr"):
            return nuclear_norm(found)
        if kind in ("op", "spec", "σ"):
            return spectral_norm(found)
        if kind in ("2", "F", "Fro", "fro", "E", "HS"):
            return norm(found)
        raise Unread(f"the norm with index {kind} is not read")

    def _norm(self, tree: Tree) -> Value:
        return self.norm(tree)

    def _bars(self, tree: Tree) -> Value:
        found = self.exact(tree.args[0])
        if found.is_vector:
            raise ShapeError("|·| of a vector: ‖·‖ is its norm")
        return OPERATIONS["abs"](found) if found.is_scalar else det(found)

    def _inner(self, tree: Tree) -> Value:
        return self.contracted(tree)

    def _colon(self, tree: Tree) -> Value:
        return self.contracted(tree)

    def contracted(self, tree: Tree) -> Value:
        a, b = (self.build(arg) for arg in tree.args)
        if isinstance(a, Pending) and isinstance(b, Expr):
            a = a.fit(*b.shape)
        if isinstance(b, Pending) and isinstance(a, Expr):
            b = b.fit(*a.shape)
        if not (isinstance(a, Expr) and isinstance(b, Expr)):
            raise Unread("this inner product is not read")
        return inner(a, b)

    def _entry(self, tree: Tree) -> Value:
        found = self.exact(tree.args[0])
        return Indexed(found, self.letters([str(d) for d in tree.data], found))

    def _at(self, tree: Tree) -> Value:
        bindings: dict[Expr, Expr] = {}
        for name, value in tree.data:  # type: ignore[misc]
            built = self.exact(value)  # type: ignore[has-type]
            variable = self.scope.symbols.get(name)  # type: ignore[has-type]
            if variable is None or variable.shape != built.shape:
                variable = symbol(name, *built.shape)  # type: ignore[has-type]
            if variable is not built:
                bindings[variable] = built
        local = self.scope.local(bindings)
        local.symbols = {**local.symbols, **{v.name: v for v in bindings}}
        held, self.scope = self.scope, local
        try:
            return local.inline(self.exact(tree.args[0]))
        finally:
            self.scope = held

    # Derivatives

    def function_of(self, tree: Tree) -> Expr | Indexed:
        """What is differentiated: a name not defined stands for the loss."""
        if tree.kind in ("name", "apply"):
            name = str(tree.data[0])
            found = self.lookup(name)
            if tree.kind == "name" and found is not None and found not in self.scope.definitions:
                if self.scope.loss and name not in self.scope.parameters and found.is_scalar and False:
                    return self.loss(name)
            if found is None:
                return self.loss(name)
        found_ = self.build(tree)
        if isinstance(found_, Pending):
            raise Unread("the size of 𝟏, I or 0 is open here")
        return found_

    def _derivative(self, tree: Tree) -> Value:
        if self.assumed and tree.key() in self.assumed:
            return self.assumed[tree.key()]
        order = tree.data[0]
        share = self.share(tree.args[0])
        if share is not None:
            held, self.reading = self.reading, Reading(self.reading.layout, str(share - 1), self.reading.lenient)
            try:
                return self.first(self.loss(str(tree.args[0].data[0])), tree.args[1])
            finally:
                self.reading = held
                self.used.discard("path")
        function = self.function_of(tree.args[0])
        variables = tree.args[1:]
        if isinstance(function, Indexed):
            return self.entry_derivative(function, variables[0])
        if order == 2:
            return self.second(function, variables)
        return self.first(function, variables[0])

    def share(self, tree: Tree) -> int | None:
        """2 of L₂ where L is known and L₂ is not: the share of the second occurrence of the variable."""
        if tree.kind != "name" or self.lookup(str(tree.data[0])) is not None or self.scope.loss is None:
            return None
        plain, subscripts = str(tree.data[1]), tree.data[2]
        if self.lookup(plain) is None or len(subscripts) != 1 or not str(subscripts[0]).isdigit():  # type: ignore[arg-type, index]
            return None
        return int(str(subscripts[0])) or None  # type: ignore[index]

    def _gradient(self, tree: Tree) -> Value:
        if self.assumed and tree.key() in self.assumed:
            return self.assumed[tree.key()]
        order, has_operand = tree.data
        arguments = list(tree.args)
        function = self.function_of(arguments.pop(0)) if has_operand else self.loss("∇")
        if isinstance(function, Indexed):
            raise Unread("the gradient of an entry is not read")
        if arguments:
            variable = arguments[0]
        else:
            variable = self.nabla(function)
        if order == 2:
            return self.second(function, [variable, variable])
        held = self.reading
        if function.is_scalar:
            self.reading = Reading("gradient", "total", held.lenient, held.projected)
        else:
            # ∇ of a vector is the transposed Jacobian to most, the Jacobian to some.
            layout = "numerator" if held.layout == "denominator" else "denominator"
            self.reading = Reading(layout, "total", held.lenient, held.projected)
        try:
            return self.first(function, variable)
        finally:
            self.reading = held

    def _path(self, tree: Tree) -> Value:
        held = self.reading
        self.used.add("share")
        index = int(str(tree.data[0])) - 1 + held.shift
        self.reading = Reading(held.layout, str(max(index, 0)), held.lenient, held.projected)
        try:
            return self.build(tree.args[0])
        finally:
            self.reading = held
            self.used.discard("path")

    def nabla(self, function: Expr) -> Tree:
        name = self.scope.nabla
        if name is None:
            live = [s for s in self.scope.live if s in symbols_of(self.scope.inline(function))]
            candidates = live or symbols_of(self.scope.inline(function))
            if not candidates:
                raise Unread("the variable of ∇ is open")
            name = candidates[0].name
        return Tree("name", (), (name, name, ()))

    def variable(self, tree: Tree) -> tuple[Expr, Expr | None, bool]:
        """What is differentiated by: a symbol, or a fresh one and what it stands for; transposed or not."""
        if tree.kind == "transpose":
            symbol_, stands_for, turned = self.variable(tree.args[0])
            return symbol_, stands_for, not turned
        built = self.build(tree)
        if not isinstance(built, Expr):
            raise Unread("a derivative by an entry is not read here")
        if built.op is symbol_op and built not in self.scope.definitions:
            return built, None, False
        if built.op is symbol_op:
            return symbol(built.name + "_", *built.shape), built, False
        return symbol("intermediate_", *built.shape), built, False

    def prepared(self, function: Expr, variable: Expr, stands_for: Expr | None) -> Expr:
        """The function as one of the variable: an intermediate replaced by its symbol."""
        if stands_for is None:
            return self.scope.inline(function)
        scope = self.scope
        if stands_for.op is symbol_op:
            # By a defined name: first where it is written, then where its formula stands.
            others = {s: e for s, e in scope.definitions.items() if s is not stands_for}
            partly = function
            for _ in range(len(others) + 1):
                changed = substitute(partly, others)
                if changed is partly:
                    break
                partly = changed
            if stands_for in symbols_of(partly):
                return scope.inline(substitute(partly, {stands_for: variable}))
        whole = scope.inline(stands_for)
        replaced = abstracted(scope.inline(function), whole, variable)
        if replaced is None:
            raise Unread(f"{stands_for.text()} does not occur in what is differentiated")
        return replaced

    def first(self, function: Expr, tree: Tree) -> Value:
        if self.is_entry(tree):
            return self.by_entry(function, tree)
        variable, stands_for, turned = self.variable(tree)
        if function.op is symbol_op and function not in self.scope.definitions and function is not variable:
            raise Unread(f"{function.text()} is not defined, so its derivative is open")
        prepared = self.prepared(function, variable, stands_for)
        back = {variable: stands_for} if stands_for is not None else {}
        reading = self.reading
        if prepared.is_scalar:
            value = self.slope(prepared, variable, turned)
            if turned and not variable.is_vector:
                value = transpose(value)
            elif turned:
                value = transpose(value)  # ∂f/∂xᵀ is a row in every layout
            if reading.layout == "numerator" and not turned and not variable.is_scalar:
                self.used.add("layout")
                value = transpose(value)
            elif not variable.is_scalar:
                self.used.add("layout")
        else:
            value, _ = jacobian(prepared, variable)
            self.used.add("layout")
            if reading.layout == "denominator" and not turned:
                value = transpose(value)
        return self.scope.inline(substitute(value, back)) if back else value

    def slope(self, loss: Expr, variable: Expr, turned: bool) -> Expr:
        """The gradient of a scalar: whole, or of the occurrences that the reading takes."""
        sweep = self.scope.sweep(loss, variable)
        path = self.reading.path
        if path != "total" and len(sweep.contributions) > 1:
            straight = [c.expression for c in sweep.contributions if c.transposed_from is None]
            across = [c.expression for c in sweep.contributions if c.transposed_from is not None]
            if path.isdigit():
                self.used.add("path")
                return sweep.contributions[int(path) % len(sweep.contributions)].expression
            if straight and across:
                self.used.add("path")
                if path == "split":
                    return add(*(across if turned else straight))
                return add(*across)
        elif path == "total" and len(sweep.contributions) > 1:
            self.used.add("tied")
        if self.reading.projected:
            projected = project(sweep.total, variable)
            if projected is not None:
                self.used.add("projected")
                return projected[0]
        return sweep.total

    def is_entry(self, tree: Tree) -> bool:
        if tree.kind == "entry":
            return True
        return tree.kind == "name" and self.lookup(str(tree.data[0])) is None and bool(tree.data[2])

    def by_entry(self, function: Expr, tree: Tree) -> Value:
        found = self.build(tree)
        if not isinstance(found, Indexed) or found.expr.op is not symbol_op:
            raise Unread("a derivative by this entry is not read")
        if not function.is_scalar:
            raise Unread("the derivative of a vector by an entry is not read")
        loss = self.prepared(function, found.expr, None)
        return Indexed(self.scope.sweep(loss, found.expr).total, found.indices)

    def entry_derivative(self, function: Indexed, tree: Tree) -> Value:
        """∂y_i/∂x_j: an entry of the Jacobian."""
        found = self.build(tree)
        if isinstance(found, Indexed) and found.expr.is_vector and function.expr.is_vector:
            if found.expr.op is not symbol_op:
                raise Unread("a derivative by this entry is not read")
            value, _ = jacobian(self.scope.inline(function.expr), found.expr)
            return Indexed(value, function.indices + found.indices)
        raise Unread("the derivative of an entry is not read")

    def second(self, function: Expr, variables: Sequence[Tree]) -> Value:
        first, _, turned_first = self.variable(variables[0])
        last, stands_for, _ = self.variable(variables[-1])
        if stands_for is not None or not function.is_scalar:
            raise Unread("this second derivative is not read")
        loss = self.scope.inline(function)
        gradient = self.scope.sweep(loss, first).total
        value, _ = jacobian(gradient, last)
        return value

    def _differential(self, tree: Tree) -> Value:
        inner_ = tree.args[0]
        if inner_.kind in ("name", "apply"):
            function = self.function_of(inner_)
        else:
            built = self.build(inner_)
            if isinstance(built, Pending):
                if built.word in ("I", "0", "𝟏"):
                    return Pending(None, None, lambda r, c: zeros(r, c), "0")
                raise Unread("the size of 𝟏, I or 0 is open here")
            function = built
        if isinstance(function, Indexed):
            return Indexed(self.moving(function.expr), function.indices)
        return self.moving(function)

    def moving(self, function: Expr) -> Expr:
        whole = self.scope.inline(function)
        moved = {s: self.scope.moved(s) for s in self.scope.live}
        if function.op is symbol_op and function not in self.scope.definitions and function not in moved:
            moved[function] = self.scope.moved(function)
        if not moved:
            moved = {s: self.scope.moved(s) for s in symbols_of(whole) if "constant" not in s.properties}
        return differential(whole, moved)[0]

    def _directional(self, tree: Tree) -> Value:
        name = str(tree.data[0])
        function = self.lookup(name)
        if function is None:
            function = self.loss(name)
        parameters = self.scope.parameters.get(name, ())
        whole = self.scope.inline(function)
        variable = self.lookup(parameters[0]) if parameters else None
        point: Expr | None = None
        if tree.args:
            point = self.exact(tree.args[0])
            if variable is None and point.op is symbol_op:
                variable = point
        if variable is None:
            variable = self.scope.live[0] if self.scope.live else None
        if variable is None:
            raise Unread(f"the variable of {name} is open")
        moved = self.scope.moved(variable)
        value, _ = differential(whole, {variable: moved})
        setting: dict[Expr, Expr] = {}
        if point is not None and point is not variable:
            setting[variable] = point
        if len(tree.args) > 1:
            direction = self.exact(tree.args[1])
            if direction is not moved:
                setting[moved] = direction
        return self.scope.inline(substitute(value, setting)) if setting else value

    def _map(self, tree: Tree) -> Value:
        """`H ↦ …`: the value at the direction, taken as the differential of the variable."""
        body = self.build(tree.args[0])
        return body


def _is_elementwise(value: Expr) -> bool:
    while value.op.name == "scale":
        value = value.args[1]
    return value.op.is_elementwise or value.op.name in ("hadamard", "power")


def _is_constant(value: Expr) -> bool:
    return value.op.name == "number"


def abstracted(function: Expr, part: Expr, replacement: Expr) -> Expr | None:
    """The function with `part` replaced, also where it is a piece of a product or a sum; None if it is not there."""
    found = False

    def visit(node: Expr, memo: dict[Expr, Expr]) -> Expr:
        nonlocal found
        if node is part:
            found = True
            return replacement
        name = node.op.name
        if name == part.op.name and name in ("matmul", "add") and len(node.args) > len(part.args):
            size = len(part.args)
            for start in range(len(node.args) - size + 1):
                if node.args[start : start + size] == part.args:
                    found = True
                    rest = [memo[a] for a in node.args]
                    return node.op.build((*rest[:start], replacement, *rest[start + size :]))
        args = tuple(memo[a] for a in node.args)
        return node if args == node.args else node.op.build(args, node.data)

    memo: dict[Expr, Expr] = {}
    for node in nodes(function):
        memo[node] = visit(node, memo)
    return memo[function] if found else None


def mentions(expr: Expr, variable: Expr) -> bool:
    return variable in depends_on(expr, [variable]) and variable in symbols_of(expr)


def half() -> Expr:
    return number(Fraction(1, 2))
