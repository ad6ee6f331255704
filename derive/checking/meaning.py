"""What a side means: a tree and the shapes of its names to an expression.

Derivatives are replaced by what they are, derived by us; where custom leaves a choice
(the layout, one path or the sum of a tied variable) the `Convention` makes it.  Ones,
identities and zeros take their shape from what stands beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce

from .. import operations as ops
from ..derivation import Sweep
from ..errors import ShapeError
from ..expr import (
    OPERATIONS,
    Expr,
    commutation,
    constant,
    dimension,
    identity,
    is_number,
    nodes,
    number,
    ones,
    substitute,
    symbol,
    zeros,
)
from ..operations import FUNCTIONS
from ..own_functions import own_function
from ..reading.build import SEVERAL, of_one, of_several
from ..rows import largest
from ..shapes import ONE, SCALAR, Dim, shape_text
from .trees import Tree, is_kronecker
from .values import Indexed, Meaning, Pending, PendingChoice, Unread, Value, at_each_entry, mapped


class Formulas(Meaning):
    """Sums, products, powers and functions."""

    # Leaves

    def _number(self, tree: Tree) -> Value:
        return number(tree.data[0])

    def _ones(self, tree: Tree) -> Value:
        rows = self.size(tree.data[0]) if self.counts or "counted" not in tree.data else None
        return Pending(rows, None, ones)

    def size(self, name: object) -> Dim | None:
        """The dimension that a subscript names."""
        text = str(name) if name else ""
        if text.isdigit():
            return Dim.of(int(text))
        if text in self.scope.sizes:
            return self.scope.sizes[text]
        return Dim.of(text) if text in self.scope.dims else None

    def sizes(self) -> list[Dim]:
        """The sizes of all letters, but for that of a number."""
        return list({dim: None for s in self.scope.symbols.values() for dim in s.shape if dim is not ONE})

    def known_size(self, text: object) -> Dim | None:
        """A size that letters have, or that is made of such."""
        size = self.size(text)
        return size if size is not None and size.names <= {n for dim in self.sizes() for n in dim.names} else None

    def _commutation(self, tree: Tree) -> Value:
        m, n = map(self.known_size, tree.data)
        if m is not None and n is not None:
            return commutation(m, n)
        pairs = ((p, q) for p in self.sizes() for q in self.sizes() if (p is q) is (tree.data[0] == tree.data[1]))
        return PendingChoice((commutation(p, q) for p, q in pairs), "K")

    def _identity(self, tree: Tree) -> Value:
        size = self.known_size(tree.data[0])
        if size is not None:
            return identity(size)

        def make(rows: Dim, columns: Dim) -> Expr:
            if rows is not columns:
                raise ShapeError(f"the identity cannot stand where {shape_text((rows, columns))} is")
            return identity(rows)

        return Pending(None, None, make, "I")

    def _zero(self, tree: Tree) -> Value:
        return Pending(None, None, zeros, "0")

    def _name(self, tree: Tree) -> Value:
        full, plain, indices = str(tree.data[0]), str(tree.data[1]), tree.data[2]
        found = self.lookup(full)
        if found is not None:
            if full in self.scope.directions:
                return self.scope.moved(self.scope.symbols[self.scope.directions[full]])
            return found
        base = self.lookup(plain) if indices else None
        if base is not None and not base.is_scalar:
            return Indexed(base, self.letters(indices, base))
        if is_kronecker(tree):
            return self.kronecker(indices)
        if full in self.scope.sizes:
            return dimension(self.scope.sizes[full])
        if full in self.scope.dims:
            return dimension(full)
        if full == "π":
            return constant("π")
        if full == "e":
            return constant("e")
        if full == "O":
            return Pending(None, None, zeros, "0")
        raise Unread(f"{full} is not known here")

    # Sums and products

    def _held(self, tree: Tree) -> Value:
        held: Expr = tree.data[0]
        return held

    def _neg(self, tree: Tree) -> Value:
        return self.times(number(-1), self.build(tree.args[0]))

    def _sum(self, tree: Tree, entrywise: bool = False) -> Value:
        values = [self.build(arg) for arg in tree.args]
        if any(isinstance(v, Indexed) for v in values):
            return self.indexed_sum(values)
        values = self.spread(values)
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
                return ops.add(*values)
            first = next(v for v in values if isinstance(v, Pending))
            if any(isinstance(v, Expr) for v in values):
                return ops.add(*(v if isinstance(v, Expr) else v.make(ONE, ONE) for v in values))  # type: ignore[union-attr]
            others = list(values)
            word = first.word if len({v.word for v in values}) == 1 else "the sum"  # type: ignore[union-attr]
            return Pending(None, None, lambda r, c: ops.add(*(v.make(r, c) for v in others)), word)  # type: ignore[union-attr]
        if rows is None or columns is None:
            held = list(values)
            return Pending(rows, columns, lambda r, c: ops.add(*(self.settle(v, r, c) for v in held)))
        elementwise = entrywise or any(isinstance(v, Expr) and _is_elementwise(v) for v in values)
        return ops.add(*(self.settle(v, rows, columns, elementwise) for v in values))

    def settle(self, value: Value, rows: Dim, columns: Dim, elementwise: bool = False) -> Expr:
        """A summand in the shape of the sum; the number 1 beside a vector is 𝟏."""
        if isinstance(value, Pending):
            settled = value.fit(rows, columns)
            assert isinstance(settled, Expr)
            return settled
        assert isinstance(value, Expr)
        if value.is_scalar and _is_constant(value) and (rows, columns) != SCALAR:
            if columns is ONE or elementwise:
                self.used.add("broadcast")
                return ops.scale(value, ones(rows, columns))
        return value

    def _prod(self, tree: Tree) -> Value:
        values = [self.build(arg) for arg in tree.args]
        return self.product(values, ["", *(str(m) for m in tree.data)])

    def product(self, values: list[Value], marks: Sequence[str]) -> Value:
        if any(isinstance(v, Indexed) for v in values):
            return self.indexed_product(values)
        scalars: list[Expr] = []
        chain: list[Value] = []
        for value, mark in zip(values, marks):
            if isinstance(value, Expr) and value.is_scalar:
                scalars.append(value)
            elif isinstance(value, Pending) and value.word == "I" and len(values) > 1 and value.rows is None:
                if not chain and value is values[-1]:
                    chain.append(value)
                continue
            else:
                if chain and isinstance(chain[-1], Expr) and isinstance(value, Expr):
                    left = chain[-1]
                    if mark == "·" and left.is_vector and value.is_vector and left.shape == value.shape:
                        if self.reading.lenient:
                            self.used.add("lenient")
                            chain[-1] = ops.hadamard(left, value)
                            continue
                        scalars.append(ops.matmul(ops.transpose(left), value))
                        chain.pop()
                        continue
                    is_misfit = left.shape[1] is not value.shape[0] and left.shape == value.shape and left.is_vector
                    if is_misfit and (self.reading.lenient or self.adds_entries):
                        self.used |= set() if self.adds_entries else {"lenient"}
                        chain[-1] = ops.hadamard(left, value)
                        continue
                    if left.shape[0] is ONE and left.shape[1] is value.shape[0] and value.shape[1] is ONE:
                        # a row times a column is a number and leaves the chain
                        scalars.append(ops.matmul(left, value))
                        chain.pop()
                        continue
                chain.append(value)
        if not chain:
            if any(isinstance(v, Pending) for v in values) and not scalars:
                return next(v for v in values if isinstance(v, Pending))
            pending = [v for v in values if isinstance(v, Pending)]
            if pending and len(scalars) < len(values):
                return self.times(ops.mul(*scalars), pending[0])
            return ops.mul(*scalars)
        if all(isinstance(v, Expr) for v in chain):
            result: Value = self.chain([v for v in chain if isinstance(v, Expr)])
        else:
            result = self.pending_chain(chain) if len(chain) > 1 else chain[0]
        return self.times(ops.mul(*scalars), result) if scalars else result

    def chain(self, factors: list[Expr]) -> Expr:
        """A product of matrices; where rows meet columns inside, numbers come out."""
        try:
            return ops.matmul(*factors)
        except ShapeError:
            # 2 (pᵀx) xᵀ is fine, and so is x (xᵀ A) y read as x times a number where nothing else fits.
            stack: list[Expr] = []
            scalars: list[Expr] = []
            for factor in factors:
                stack.append(factor)
                while len(stack) > 1 and stack[-2].shape[1] is stack[-1].shape[0]:
                    right = stack.pop()
                    left = stack.pop()
                    both = ops.matmul(left, right)
                    if both.is_scalar:
                        scalars.append(both)
                        break
                    stack.append(both)
            if scalars and len(stack) <= 1:
                return ops.scale(ops.mul(*scalars), stack[0]) if stack else ops.mul(*scalars)
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
                    if columns is None and value.columns is None and rows is not None and value.rows is not ONE:
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
            return ops.matmul(*parts)

        return Pending(r, c, make)

    def _hadamard(self, tree: Tree) -> Value:
        values = [self._sum(arg, True) if arg.kind == "sum" else self.build(arg) for arg in tree.args]  # 1 − H
        if any(isinstance(v, Indexed) for v in values):
            return self.indexed_product(values)
        known = next((v for v in values if isinstance(v, Expr) and not v.is_scalar), None)
        if known is None:
            return ops.mul(*[v for v in values if isinstance(v, Expr)])
        others = [v.fit(*known.shape) if isinstance(v, Pending) else v for v in values]
        try:
            product = ops.hadamard(*others)
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
        for arg in tree.args:
            parts = list(arg.args) if arg.kind == "prod" else [arg]
            for j, part in enumerate(parts):
                if flat:
                    marks.append("⊙" if j == 0 else "")
                flat.append(part)
        values = [self.build(part) for part in flat]
        joined: list[Value] = [values[0]]
        for mark, value in zip(marks, values[1:]):
            left = joined[-1]
            if mark == "⊙":
                if not (isinstance(left, Expr) and isinstance(value, Expr)) or left.shape != value.shape:
                    return None
                joined[-1] = ops.hadamard(left, value)
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
            return self.indexed_product([a, mapped(b, reciprocal)])
        if isinstance(a, Indexed):
            return self.times(reciprocal(b), a)
        if isinstance(a, Expr) and a.is_scalar:
            return ops.scale(a, reciprocal(b))
        return ops.hadamard(a.fit(*b.shape) if isinstance(a, Pending) else a, reciprocal(b))

    def _kron(self, tree: Tree) -> Value:
        parts = [self.build(arg) for arg in tree.args]
        plain = [part for part in parts if isinstance(part, Expr) or isinstance(part, Pending) and part.word == "I"]
        if len(plain) < len(parts):
            raise Unread("the size of 𝟏 or 0 in a Kronecker product is open")
        if any(isinstance(part, Pending) for part in parts):
            choices = ([p if isinstance(p, Expr) else p.make(size, size) for p in plain] for size in self.sizes())
            return PendingChoice((reduce(ops.kron, choice) for choice in choices), "I in a Kronecker product")
        return reduce(ops.kron, [part for part in plain if isinstance(part, Expr)])

    def _quotient(self, tree: Tree) -> Value:
        above, below = self.build(tree.args[0]), self.build(tree.args[1])
        if isinstance(below, Expr) and below.is_scalar:
            if isinstance(above, Expr):
                return ops.divide(above, below)
            return self.times(reciprocal(below), above)
        if isinstance(below, Expr) and (below.is_vector or isinstance(above, Expr) and above.shape == below.shape):
            return self.elementwise_quotient(above, below)
        if isinstance(below, Indexed):
            return self.elementwise_quotient(above, below)
        if isinstance(above, Expr) and isinstance(below, Expr):
            return ops.divide(above, below)
        raise Unread("this quotient is not read")

    # Powers

    def _power(self, tree: Tree) -> Value:
        if tree.args[0].kind == "norm":
            inner_ = self.norm(tree.args[0])
            exponent = self.exact(tree.args[1])
            if is_number(exponent, 2) and inner_.op is ops.norm:
                return ops.sq_norm(inner_.args[0])
            return ops.power(inner_, exponent)
        base, exponent = self.build(tree.args[0]), self.exact(tree.args[1])
        if isinstance(base, Pending):
            return base
        if isinstance(base, Indexed):
            return mapped(base, lambda entries: ops.power(entries, exponent))
        if base.is_vector and self.reading.lenient:
            self.used.add("power")
            return ops.power(base, exponent)
        return ops.raise_to(base, exponent)

    def _entrypower(self, tree: Tree) -> Value:
        return ops.power(self.exact(tree.args[0]), self.exact(tree.args[1]))

    def _transpose(self, tree: Tree) -> Value:
        found = self.build(tree.args[0])
        if isinstance(found, Pending):
            if found.word == "I":
                return found
            held = found
            rows = found.rows if found.rows is not None or found.columns is not None else None
            return Pending(found.columns if found.columns else ONE, rows, lambda r, c: ops.transpose(held.make(c, r)))
        if isinstance(found, Indexed):
            if len(found.indices) == 1:
                return found
            raise Unread("the transposition of an entry is not read")
        return ops.transpose(found)

    def _inverse(self, tree: Tree) -> Value:
        found = self.build(tree.args[0])
        if isinstance(found, Pending):
            return found
        if isinstance(found, Indexed):
            return mapped(found, reciprocal)
        if found.is_vector:
            raise ShapeError(f"a vector ({shape_text(found.shape)}) has no inverse")
        return ops.inv(found)

    # Functions

    def _call(self, tree: Tree) -> Value:
        name = str(tree.data[0])
        argument = tree.args[0]
        if name == "log" and argument.kind == "bars":
            inner_ = self.exact(argument.args[0])
            return ops.logdet(inner_) if not inner_.is_scalar else ops.log(OPERATIONS["abs"](inner_))
        outer, self.adds_entries = self.adds_entries, self.adds_entries or tree.data == ("sum", "Σ")
        try:
            found = self.build(argument)
        finally:
            self.adds_entries = outer
        if name in ("softmax", "logsumexp", "triu", "tril", "expm") and argument.kind in ("number", "zero"):
            raise Unread("the size of 0 is open here")
        if isinstance(found, Pending) and found.word == "𝟏" and found.rows is not None and found.columns is None:
            found = found.fit(None, ONE)  # 𝟏_m is a vector
        if isinstance(found, Pending):
            if name == "diag" and found.word == "𝟏":
                return Pending(None, None, lambda r, c: identity(r), "I")
            if found.word == "𝟏" and name in FUNCTIONS:
                function = FUNCTIONS[name]
                return Pending(found.rows, found.columns, lambda r, c: function(found.make(r, c)), found.word)
            raise Unread("the size of 𝟏, I or 0 is open here")
        if name.endswith("()"):
            return mapped(found, own_function(name[:-2].rstrip("′"), name.count("′")))
        if name.endswith("′") and name.rstrip("′") in FUNCTIONS:
            return mapped(found, lambda entries: slope_of(name, entries))
        if isinstance(found, Indexed):
            if name in FUNCTIONS or name == "sqrt":
                return mapped(found, FUNCTIONS.get(name, ops.sqrt))
            if len(found.indices) == 1 and (name == "diag" or tree.data == ("sum", "Σ")):  # ∑ xᵢ is over i
                return ops.diagonal_matrix(found.expr) if name == "diag" else ops.sum_entries(found.expr)
            raise Unread(f"{name} of an entry is not read")
        if name == "diag" and found.is_scalar:
            raise Unread("diag of a number is not read")
        if tree.data == ("sum", "Σ") and found.is_scalar:
            raise Unread("∑ without an index would add up one number")
        if name in FUNCTIONS:
            return FUNCTIONS[name](found)
        several = of_several(name, len(tree.args)) if name not in SEVERAL else None
        if several is not None:
            return several(found, *(self.exact(arg) for arg in tree.args[1:]))
        name = {"trace": "tr"}.get(name, name)
        if name in SEVERAL and len(tree.args) > 1:
            return SEVERAL[name](found, *(self.exact(arg) for arg in tree.args[1:]))
        if name in ("max", "min"):
            return largest(found) if name == "max" else -largest(-found)
        call = of_one(name)
        if call is None or len(tree.args) > 1:
            raise Unread(f"{name} is not read here")
        return call(found)

    def _apply(self, tree: Tree) -> Value:
        """A defined function at its own variable, or at something else."""
        name, primes = str(tree.data[0]), tree.data[1]
        found = self.lookup(name)
        parameters = self.scope.parameters.get(name, ())
        if found is None:
            if name == self.scope.loss or (
                self.scope.loss and not primes and name not in self.scope.symbols and tree is self.whole
            ):
                if all(arg.kind == "name" for arg in tree.args):  # g(h(x)) is no other name of a loss
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
            if isinstance(argument, Indexed) and not isinstance(variable, Indexed):
                raise Unread(f"{name} is applied to an entry, or to a sample")
            if variable is None or not isinstance(argument, Expr):
                continue
            if argument is not variable and self.scope.inline(argument) is not self.scope.inline(variable):
                if variable.is_scalar and argument.is_square and not argument.is_scalar:
                    if not any(node.op.is_elementwise for node in nodes(self.scope.inline(found))):  # 1/(1 + t²)
                        raise Unread(f"{name} of a square matrix can be that of each entry, or of the matrix")
                if variable.is_scalar and (each := at_each_entry(self.scope.inline(found), variable, argument)):
                    return each
                if argument.shape != variable.shape:
                    raise Unread(f"{name} is applied to something of another shape than {parameter}")
                setting[variable] = argument
        if not setting:
            return found
        return substitute(self.scope.inline(found), setting)

    def norm(self, tree: Tree) -> Expr:
        found, kind = self.exact(tree.args[0]), str(tree.data[0])
        if kind == "1":
            return ops.norm1(found)
        if kind in ("*", "nuc", "tr"):
            return ops.nuclear_norm(found)
        if kind in ("op", "spec", "σ"):
            return ops.spectral_norm(found)
        if kind in ("2", "F", "Fro", "fro", "E", "HS"):
            return ops.norm(found)
        if kind == "two" and found.is_vector:
            return ops.norm(found)
        if kind == "two":
            raise Unread("‖A‖₂ of a matrix is its spectral norm to some: write ‖A‖_F or ‖A‖_op")
        if kind.isdigit() and found.is_vector:
            entries = ops.power(OPERATIONS["abs"](found), number(int(kind)))
            return ops.power(ops.sum_entries(entries), number(Fraction(1, int(kind))))
        raise Unread(f"the norm with index {kind} is not read")

    def _norm(self, tree: Tree) -> Value:
        return self.norm(tree)

    def _bars(self, tree: Tree) -> Value:
        found = self.exact(tree.args[0])
        if found.is_vector and not found.is_scalar:
            return ops.norm(found)  # people write |w|² for ‖w‖²
        return OPERATIONS["abs"](found) if found.is_scalar else ops.det(found)

    def _inner(self, tree: Tree) -> Value:
        a, b = (self.build(arg) for arg in tree.args)
        if isinstance(a, Pending) and isinstance(b, Expr):
            a = a.fit(*b.shape)
        if isinstance(b, Pending) and isinstance(a, Expr):
            b = b.fit(*a.shape)
        if not (isinstance(a, Expr) and isinstance(b, Expr)):
            raise Unread("this inner product is not read")
        return ops.inner(a, b)

    _colon = _inner

    def _at(self, tree: Tree) -> Value:
        bindings: dict[Expr, Expr] = {}
        for name, value in tree.data:
            built = self.exact(value)
            variable = self.scope.symbols.get(name)
            if variable is None or variable.shape != built.shape:
                variable = symbol(name, *built.shape)
            if variable is not built:
                bindings[variable] = built
        local = self.scope.local(bindings)
        local.symbols = {**local.symbols, **{v.name: v for v in bindings}}
        held, self.scope = self.scope, local
        try:
            return local.inline(self.exact(tree.args[0]))
        finally:
            self.scope = held


def reciprocal(value: Expr) -> Expr:
    """The reciprocal of every entry."""
    return ops.power(value, number(-1))


def slope_of(name: str, argument: Expr) -> Expr:
    """f′ or f″ of every entry, for a function with a name."""
    variable = symbol("argument_", *argument.shape)
    value = FUNCTIONS[name.rstrip("′")](variable)
    for _ in range(name.count("′")):
        value = Sweep(value if value.is_scalar else ops.sum_entries(value), variable).total
    return substitute(value, {variable: argument})


def _is_elementwise(value: Expr) -> bool:
    while value.op.name == "scale":
        value = value.args[1]
    return value.op.is_elementwise or value.op.name in ("hadamard", "power")


def _is_constant(value: Expr) -> bool:
    return value.op.name == "number"
