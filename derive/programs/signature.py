"""The parameters of a generated function: names, dimensions read off shapes, checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .. import names
from ..expr import Expr, nodes
from ..shapes import ONE, Dim, Shape
from . import syntax
from .statement_tree import CodeStatement, Part, statements
from .syntax import Code


class Signature:
    """What a generated function takes.

    Attributes
    ----------
    symbols : list of Expr
        In the order of the parameters.
    parameters : list of str
        Python names of the symbols, of functions of one's own, of the dimensions that no array reveals.
    arguments : list of str
        The parameters without the functions.
    name_of : dict of Expr to str
    dims : dict of str to str
        Python names of the dimensions.
    open_dims : list of str
        The dimensions that are parameters.
    checks : list of CodeStatement
        What reads the dimensions off the shapes and checks the rest.
    """

    def __init__(
        self,
        symbols: Sequence[Expr],
        needed: Iterable[str],
        taken: Iterable[str] = (),
        mentioned: Iterable[str] = (),
        functions: Sequence[str] = (),
        parts: Iterable[tuple[Dim, Dim]] = (),
    ) -> None:
        self.symbols = list(symbols)
        used = {*taken, *functions}
        self.name_of: dict[Expr, str] = {}
        for symbol in self.symbols:
            name = unused(names.identifier(symbol.name), used)
            used.add(name)
            self.name_of[symbol] = name
        every = {n for s in self.symbols for d in s.shape for n in d.names} | set(needed) | set(mentioned)
        self.dims: dict[str, str] = {}
        for dim in sorted(every):
            name = unused(names.identifier(dim), used)
            used.add(name)
            self.dims[dim] = name
        self.used = used
        self.parts = list(dict.fromkeys(parts))  # what must be at most what: the entries and blocks taken
        self.checks: list[CodeStatement] = []
        self.bound: list[str] = []  # dimensions that the lines so far have read
        self.hidden: list[str] = []  # dimensions that no array reveals
        self.read: set[str] = set()  # dimensions that the lines or the body use
        self._check_shapes()
        self.read |= set(needed)
        self.checks, self.bound, self.hidden = [], [], []
        self._check_shapes()
        self.open_dims = [dim for dim in sorted({*needed, *self.hidden}) if dim not in self.bound]
        dims = [self.dims[d] for d in self.open_dims]
        self.arguments = [*self.name_of.values(), *dims]
        self.parameters = [*self.name_of.values(), *functions, *dims]

    def size(self, dim: Dim) -> Code:
        """A dimension as Python."""
        return dim_code(dim, self.dims)

    @property
    def number_checks(self) -> list[CodeStatement]:
        """What refuses arrays where numbers must be."""
        made: list[CodeStatement] = []
        for name in (self.name_of[symbol] for symbol in self.symbols if symbol.is_scalar):
            made += refused("{x}.ndim != 0", f"{name} must be a number, not of shape {{{name}.shape}}", x=name)
        return made

    def _check(self, text: str, **parts: Part) -> None:
        self.checks += statements(text, **parts)

    def _check_shapes(self) -> None:
        pending = [(s, i, dim) for s in self.symbols for i, dim in enumerate(axes_of(s.shape))]
        ranked: set[Expr] = set()
        waiting = list(dict.fromkeys(s for s, _, _ in pending))
        while waiting:
            progress = False
            for symbol in list(waiting):
                axes = axes_of(symbol.shape)
                name = self.name_of[symbol]
                if all(d.names <= set(self.bound) for d in axes):
                    self._expect(symbol)
                    waiting.remove(symbol)
                    progress = True
                    continue
                opened = [self._solvable(d) for d in axes]
                if any(opened):
                    self._rank(symbol, ranked)
                    if all(opened) and len(set(opened)) == len(axes) and all(d == n for d, n in zip(axes, opened)):
                        self._unpack(name, [n for n in opened if n])
                        waiting.remove(symbol)
                    else:
                        index = next(i for i, n in enumerate(opened) if n)
                        self._bind(symbol, index, axes[index], opened[index] or "")
                        if all(d.names <= set(self.bound) for d in axes):
                            # What is wrong with this symbol is not blamed on the next.
                            self._expect(symbol)
                            waiting.remove(symbol)
                    progress = True
            if not progress:
                # Dimensions that no array reveals: parameters, against which the rest is checked.
                dim = next(n for s in waiting for d in axes_of(s.shape) for n in sorted(d.names) if n not in self.bound)
                self.bound.append(dim)
                self.hidden.append(dim)
        self.bound = [dim for dim in self.bound if dim not in self.hidden]
        for end, size in self.parts:
            self._reach(end, size)

    def _reach(self, end: Dim, size: Dim) -> None:
        """Check that a size is no less than the entry or block taken, which slices would cut off unseen."""
        self.read |= end.names
        least = self.size(end).text if end.value is not None else f"{{{self.size(end).text}}}"
        for symbol in self.symbols:
            for axis, dim in enumerate(axes_of(symbol.shape)):
                if dim == size:
                    name, axes = self.name_of[symbol], axes_of(symbol.shape)
                    must = f"{name} must have shape {shown(axes)} with {size} at least {least}, not {{{name}.shape}}"
                    parts: dict[str, Part] = {"x": name, "axis": syntax.literal(str(axis)), "end": self.size(end)}
                    self.checks += refused("{x}.shape[{axis}] < {end}", must, **parts)
                    return
        self.read |= size.names
        must = f"{size} must be at least {least}, not {{{self.size(size).text}}}"
        self.checks += refused("{size} < {end}", must, size=self.size(size), end=self.size(end))

    def _unpack(self, name: str, dims: list[str]) -> None:
        """Read the dimensions that are used off the shape."""
        live = [dim in self.read for dim in dims]
        if all(live):
            targets = syntax.sequence("tuple", [syntax.name(self.dims[dim]) for dim in dims])
            self._check("{targets} = {x}.shape", targets=targets, x=name)
        else:
            for axis, dim in enumerate(dims):
                if live[axis]:
                    index = syntax.literal(str(axis))
                    self._check("{dim} = {x}.shape[{axis}]", dim=self.dims[dim], x=name, axis=index)
        self.bound += dims

    def _solvable(self, dim: Dim) -> str | None:
        """The one open name of a dimension linear in it."""
        opened = [n for n in sorted(dim.names) if n not in self.bound]
        if len(opened) != 1:
            return None
        for monomial, _ in dim.terms:
            if any(name == opened[0] for name, _ in monomial) and (len(monomial) > 1 or monomial[0][1] > 1):
                return None
        return opened[0]

    def _bind(self, symbol: Expr, axis: int, dim: Dim, name: str) -> None:
        """Solve `c n + rest = size` for n."""
        self.bound.append(name)
        if name not in self.read and dim == Dim.of(name):
            return
        coefficient = next(c for m, c in dim.terms if m == ((name, 1),))
        rest = dim - coefficient * Dim.of(name)
        shape = syntax.attribute(syntax.name(self.name_of[symbol]), "shape")
        made = syntax.subscript(shape, syntax.literal(str(axis)))
        if rest.value != 0:
            made = syntax.binary("-", made, self.size(rest))
        if coefficient != 1:
            made = syntax.binary("//", made, syntax.literal(str(coefficient)))
        self._check("{dim} = {size}", dim=self.dims[name], size=made)
        if dim != Dim.of(name):
            self.read |= dim.names

    def _rank(self, symbol: Expr, ranked: set[Expr]) -> None:
        if symbol in ranked:
            return
        ranked.add(symbol)
        name, axes = self.name_of[symbol], axes_of(symbol.shape)
        must = f"{name} must have shape {shown(axes)}, not {{{name}.shape}}"
        self.checks += refused("{x}.ndim != {count}", must, x=name, count=syntax.literal(str(len(axes))))

    def _expect(self, symbol: Expr) -> None:
        name, axes = self.name_of[symbol], axes_of(symbol.shape)
        python = syntax.sequence("tuple", map(self.size, axes))
        self.read |= {n for d in axes for n in d.names}
        numbers = "" if all(d.value is not None for d in axes) else f" = {{{python.text}}}"
        must = f"{name} must have shape {shown(axes)}{numbers}, not {{{name}.shape}}"
        self.checks += refused("{x}.shape != {shape}", must, x=name, shape=python)


def axes_of(shape: Shape) -> list[Dim]:
    """The axes of an array: none of a number, one of a vector."""
    rows, columns = shape
    return [rows, columns] if columns is not ONE else [rows] if rows is not ONE else []


def shown(axes: Sequence[Dim]) -> str:
    return f"({', '.join(map(str, axes))}{',' * (len(axes) == 1)})"


def parts_of(*exprs: Expr) -> list[tuple[Dim, Dim]]:
    """What must be at most what for the entries and blocks in expressions to be there."""
    least: dict[tuple[Dim, bool], Dim] = {}
    found: list[tuple[Dim, Dim]] = []
    for node in nodes(*exprs):
        if node.op.name == "basis":
            pairs = [(node.data[0], node.data[1])]
        elif node.op.name == "submatrix":
            (matrix,), (top, rows, left, columns) = node.args, node.data
            pairs = [(top + rows, matrix.shape[0]), (left + columns, matrix.shape[1])]
        else:
            continue
        for end, size in pairs:
            if all(c >= 0 for _, c in (size - end).terms):
                continue
            held = least.setdefault((size, end.value is not None), end)
            if end.value is None:
                found.append((end, size))
            elif held.value is not None and held.value < end.value:
                least[size, True] = end
    numbered = [(end, size) for (size, is_number), end in least.items() if is_number]
    return [*numbered, *dict.fromkeys(found)]


def dim_code(dim: Dim, dims: Mapping[str, str], has_powers: bool = True) -> Code:
    """A dimension as an expression of Python, or of a language that writes powers as products."""
    terms: list[tuple[bool, Code]] = []
    for monomial, coefficient in dim.terms:
        factors = [] if abs(coefficient) == 1 and monomial else [syntax.literal(str(abs(coefficient)))]
        for name, power in monomial:
            base = syntax.name(dims[name])
            if has_powers and power > 1:
                factors.append(syntax.binary("**", base, syntax.literal(str(power))))
            else:
                factors += [base] * power
        terms.append((coefficient < 0, syntax.product(factors)))
    return syntax.signed_sum(terms) if terms else syntax.literal("0")


def refused(condition: str, /, problem: str, **parts: Part) -> list[CodeStatement]:
    """`if condition: raise ValueError`, of a template; the problem is the inside of a string, which may have fields."""
    text = f"if {condition}:\n    raise ValueError({{problem}})"
    return statements(text, problem=syntax.literal(f'{"f" * ("{" in problem)}"{problem}"'), **parts)


def unused(name: str, used: Iterable[str]) -> str:
    """The name, or the name with underscores that nothing else bears."""
    while name in used:
        name += "_"
    return name
