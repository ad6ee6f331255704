"""The language: immutable, interned nodes with shapes, and how operations are declared.

A node is an operation, its operands and its data (an exponent, a name, a layout);
equal nodes are one object, so `==` is sameness of form and costs nothing.  Every node
has a shape, a pair of `Dim`s; 1 × 1 is a scalar and commutes.

Calling an operation checks the shapes and applies only what nobody would write down:
nested sums and products are flat, numbers and scalars stand in front of a product, a
double transpose, a factor 1, a term 0 and an identity factor vanish.  `Operation.make`
builds the node as it is; the evaluation graph uses it for products of exactly two.

Traversal is iterative (`nodes`, `fold`): depth is bounded by memory alone.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from operator import attrgetter
from typing import Any, TypeVar

from .errors import DeriveError, ShapeError
from .properties import held_by
from .shapes import ONE, SCALAR, Dim, DimLike, Shape, require_name, shape_text
from .traversal import postorder

T = TypeVar("T")
Data = tuple[Any, ...]


class Expr:
    """A formula: an operation applied to operands, with a shape.

    Attributes
    ----------
    op : Operation
    args : tuple of Expr
    data : tuple
        What the operation needs besides its operands; `(name, properties)` for a symbol.
    shape : (Dim, Dim)

    Examples
    --------
    >>> from derive import symbols
    >>> W, x = symbols("W: m×n, x: n")
    >>> r = W.T @ (W @ x) - x
    >>> print(r, r.shape[0], r == W.T @ W @ x - x)
    Wᵀ W x − x n True
    """

    __slots__ = ("op", "args", "data", "shape", "facts", "__weakref__")
    op: Operation
    args: tuple[Expr, ...]
    data: Data
    shape: Shape
    facts: Any  # what `facts` has seen of it
    __array_ufunc__ = None  # NumPy leaves `array @ expr` to us

    # Values never change, so these are theirs alone: equality and hash are identity.

    @property
    def is_scalar(self) -> bool:
        return self.shape == SCALAR

    @property
    def is_vector(self) -> bool:
        return self.shape[1] is ONE and self.shape[0] is not ONE

    @property
    def is_square(self) -> bool:
        return self.shape[0] is self.shape[1]

    @property
    def name(self) -> str:
        """The name of a symbol or constant."""
        return str(self.data[0])

    @property
    def properties(self) -> frozenset[str]:
        """The declared properties of a symbol; none for other nodes."""
        return self.data[1] if self.op is symbol_op else frozenset()

    @property
    def T(self) -> Expr:
        return OPERATIONS["transpose"](self)

    def __add__(self, other: Any) -> Expr:
        return OPERATIONS["add"](self, other)

    def __radd__(self, other: Any) -> Expr:
        return OPERATIONS["add"](other, self)

    def __sub__(self, other: Any) -> Expr:
        return OPERATIONS["add"](self, -as_expr(other))

    def __rsub__(self, other: Any) -> Expr:
        return OPERATIONS["add"](other, -self)

    def __neg__(self) -> Expr:
        return OPERATIONS["scale"](-1, self)

    def __mul__(self, other: Any) -> Expr:
        return OPERATIONS["matmul"](self, other)

    def __rmul__(self, other: Any) -> Expr:
        return OPERATIONS["matmul"](other, self)

    __matmul__ = __mul__
    __rmatmul__ = __rmul__

    def __truediv__(self, other: Any) -> Expr:
        from .operations import divide

        return divide(self, as_expr(other))

    def __rtruediv__(self, other: Any) -> Expr:
        from .operations import divide

        return divide(as_expr(other), self)

    def __pow__(self, exponent: Any) -> Expr:
        from .operations import raise_to

        return raise_to(self, as_expr(exponent))

    def text(self) -> str:
        """The formula in Unicode, spaced: `W (Wᵀ W x xᵀ − x xᵀ)`."""
        from .render.text import text

        return text(self)

    def latex(self) -> str:
        """The formula in LaTeX, without delimiters."""
        from .render.latex import latex

        return latex(self)

    def evaluate(self, **values: Any) -> Any:
        """The value at NumPy arrays and numbers, one for each symbol.

        A scalar comes back as a float, a vector 1-D, a matrix 2-D.
        """
        from .numeric import evaluate_public

        return evaluate_public(self, values)

    def to_sympy(self) -> Any:
        """The formula as a canonical SymPy expression."""
        from .interop import to_sympy

        return to_sympy(self)

    _sympy_ = to_sympy

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<{self.text()}: {shape_text(self.shape)}>"

    def __copy__(self) -> Expr:
        return self

    def __deepcopy__(self, memo: Any) -> Expr:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # Flat, so that pickling does not recurse over the depth.
        order = nodes(self)
        index = {node: i for i, node in enumerate(order)}
        rows = [(node.op, tuple(index[a] for a in node.args), node.data) for node in order]
        return _unpickle, (rows,)


def _unpickle(rows: Sequence[tuple[Operation, tuple[int, ...], Data]]) -> Expr:
    built: list[Expr] = []
    for op, operands, data in rows:
        built.append(op.make(tuple(built[i] for i in operands), data))
    return built[-1]


_lock = threading.Lock()
_interned: weakref.WeakValueDictionary[Any, Expr] = weakref.WeakValueDictionary()
OPERATIONS: dict[str, Operation] = {}

ShapeRule = Callable[[tuple[Expr, ...], Data], Shape]
LightRule = Callable[[tuple[Expr, ...], Data], "Expr | None"]
Pattern = tuple[tuple[str, ...], tuple[str, ...]]  # rows and columns as products of letters


class Operation:
    """A kind of node.  Called with operands (then data), it checks and builds the node.

    Attributes
    ----------
    name : str
    arity : int or None
        The number of operands; None for any number.
    patterns, result : the signature, shape letters by operand; empty if a shape rule decides.
    is_elementwise : whether it is a scalar function applied to each entry.
    verb : what it does, for messages.
    traits : frozenset of str
        What is known of its values: "positive", "nonnegative" in every entry; "norm", 0 of 0 alone; "linear" in its
        one operand; "columns", it is M A for an M that depends on the size alone.
    adjoint : the name of the adjoint of a linear operation, which is all of its rule; else empty.
    code : templates of its code by library, that of all others under "": `{lib}.cumsum({0}, axis=0)`.
    """

    __slots__ = tuple(
        "name arity signature patterns result shape_rule light is_elementwise verb traits adjoint code".split()
    )

    def __init__(
        self,
        name: str,
        signature: str | None,
        shape_rule: ShapeRule | None,
        light: LightRule | None,
        is_elementwise: bool,
        verb: str,
        traits: str = "",
        adjoint: str = "",
        code: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.signature = signature
        self.shape_rule = shape_rule
        self.light = light
        self.is_elementwise = is_elementwise
        self.verb = verb
        self.traits = frozenset(traits.split())
        self.adjoint = adjoint
        self.code = code or {}
        self.patterns: tuple[Pattern, ...] = ()
        self.result: Pattern = ((), ())
        self.arity: int | None = None
        if signature is not None:
            left, right = signature.split("->")
            operands = [part for part in left.split(",") if part.strip()]
            self.patterns = tuple(_pattern(part) for part in operands)
            self.result = _pattern(right)
            self.arity = len(operands)

    def spelling(self, library: str) -> str | None:
        """The template of its code in a library, if it has one."""
        return self.code.get(library, self.code.get(""))

    @property
    def is_nonnegative(self) -> bool:
        """Whether no entry of its values can be negative, whatever the operands."""
        return bool(self.traits & {"positive", "nonnegative", "norm"})

    def __call__(self, *operands: Any) -> Expr:
        arity = self.arity
        if arity is None:
            args, data = tuple([as_expr(a) for a in operands]), ()
        else:
            args, data = tuple([as_expr(a) for a in operands[:arity]]), operands[arity:]
        return self.build(args, data)

    def build(self, args: tuple[Expr, ...], data: Data = ()) -> Expr:
        """The node for these operands, in the form that people write."""
        if self.light is not None:
            done = self.light(args, data)
            if done is not None:
                return done
        if args and args[0].op is zeros_op and "linear" in self.traits:
            return zeros(*self.infer(args, data))
        return self.make(args, data)

    def make(self, args: tuple[Expr, ...], data: Data = ()) -> Expr:
        """The node itself, as it is."""
        key = (self, args, data)
        with _lock:
            node = _interned.get(key)
        if node is not None:
            return node
        shape = self.infer(args, data)
        node = object.__new__(Expr)
        node.op, node.args, node.data, node.shape, node.facts = self, args, data, shape, None
        with _lock:
            return _interned.setdefault(key, node)

    def infer(self, args: tuple[Expr, ...], data: Data) -> Shape:
        """The shape of the result; ShapeError if the operands do not fit."""
        if self.shape_rule is not None:
            return self.shape_rule(args, data)
        letters: dict[str, Dim] = {}
        for arg, pattern in zip(args, self.patterns, strict=True):
            for dim, factors in zip(arg.shape, pattern, strict=True):
                if not factors:
                    if dim is not ONE:
                        raise self.misfit(args)
                elif letters.setdefault(factors[0], dim) is not dim:
                    raise self.misfit(args)
        return _shape(self.result, letters)

    def misfit(self, args: tuple[Expr, ...]) -> ShapeError:
        """The error that names the operation and the operands with their shapes."""
        shown = [described(a) for a in args]
        a, b = args[0].shape, args[-1].shape
        if self.arity == 1 and self.patterns[0][0] == self.patterns[0][1] != ():
            return ShapeError(f"{self.verb} needs a square matrix, and {shown[0]} is not square")
        if self.arity == 1:
            wanted = "a scalar" if not self.patterns[0][0] else "a vector" if not self.patterns[0][1] else "a matrix"
            return ShapeError(f"{self.verb} needs {wanted}, and {shown[0]} is none")
        differ = [f"{p} and {q} differ" for p, q in zip(a, b, strict=True) if p is not q]
        return ShapeError(f"cannot {self.verb} {' and '.join(shown)}: {differ[0] if differ else 'not square'}")

    def __reduce__(self) -> str | tuple[Any, ...]:
        return _operation_by_name, (self.name,)

    def __repr__(self) -> str:
        return f"Operation({self.name!r})"


def _operation_by_name(name: str) -> Operation:
    return OPERATIONS[name]


def _pattern(text: str) -> Pattern:
    words = text.split()
    if words == ["scalar"]:
        return ((), ())
    if len(words) == 1:
        words.append("1")
    rows, columns = (tuple(f for f in word.split("*") if f != "1") for word in words)
    return (rows, columns)


def _shape(pattern: Pattern, letters: Mapping[str, Dim]) -> Shape:
    dims = []
    for factors in pattern:
        dim = ONE
        for factor in factors:
            dim = letters[factor] if dim is ONE else dim * letters[factor]
        dims.append(dim)
    return (dims[0], dims[1])


def operation(
    name: str,
    signature: str | None = None,
    *,
    shape: ShapeRule | None = None,
    light: LightRule | None = None,
    is_elementwise: bool = False,
    verb: str | None = None,
    traits: str = "",
    adjoint: str = "",
    code: Mapping[str, str] | None = None,
) -> Operation:
    """Declare an operation: its name and its signature, `"m n, n p -> m p"`.

    A letter is a dimension, a single letter a vector, `scalar` is 1 × 1, `m*p` a
    product.  `light` returns the form people would write instead, or None; `shape`
    replaces the signature where no letters can say it; `verb` serves the messages, `traits`
    what asks for signs and linearity.  With an `adjoint` it has a rule; `code` is how libraries
    write it, where no table of theirs says so.
    """
    OPERATIONS[name] = Operation(name, signature, shape, light, is_elementwise, verb or name, traits, adjoint, code)
    return OPERATIONS[name]


def described(expr: Expr) -> str:
    """An operand as messages show it: `W (m × n)`; long ones are cut."""
    text = expr.text()
    if len(text) > 40:
        text = text[:39] + "…"
    return f"{text} ({shape_text(expr.shape)})"


# Traversal

_operands: Callable[[Expr], tuple[Expr, ...]] = attrgetter("args")


def nodes(*roots: Expr) -> list[Expr]:
    """Every node below the roots once, operands before the nodes that use them."""
    return postorder(roots, _operands)


def fold(root: Expr, visit: Callable[[Expr, list[T]], T], memo: dict[Expr, T] | None = None) -> T:
    """`visit(node, values of its operands)` at every node once, bottom up; the root's value.

    Nodes in `memo` are not visited, nor what stands below them alone.
    """
    memo = {} if memo is None else memo
    stack = [root]
    while stack:
        node = stack[-1]
        if node in memo:
            stack.pop()
            continue
        pending = [arg for arg in node.args if arg not in memo]
        if pending:
            pending.reverse()
            stack += pending
        else:
            memo[node] = visit(node, [memo[arg] for arg in node.args])
            stack.pop()
    return memo[root]


MAX_COUNTED = 5_000  # nodes, which live as long as their counts


class Counts(dict[Expr, int]):
    """A number per node, kept between folds over formulas that share their parts; bounded."""

    def of(self, root: Expr, visit: Callable[[Expr, list[int]], int]) -> int:
        if len(self) > MAX_COUNTED:
            self.clear()
        return fold(root, visit, self)


def over(node: Expr, args: Sequence[Expr]) -> Expr:
    """The node over other operands; the same object where they are its own."""
    if all(new is old for new, old in zip(args, node.args, strict=True)):
        return node
    return node.op.build(tuple(args), node.data)


def substitute(root: Expr, replacements: Mapping[Expr, Expr]) -> Expr:
    """The formula with nodes replaced; what contains none of them stays the same object."""
    return fold(root, over, dict(replacements))


def symbols_of(*roots: Expr) -> list[Expr]:
    """The symbols below the roots, in the order they are written."""
    found: dict[Expr, None] = {}
    seen: set[Expr] = set()
    stack = list(reversed(roots))
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.op is symbol_op:
            found[node] = None
        stack += reversed(node.args)
    return list(found)


def dimension_names(*roots: Expr) -> list[str]:
    """The names of the dimensions below the roots, sorted."""
    names: set[str] = set()
    for node in nodes(*roots):
        names |= node.shape[0].names | node.shape[1].names
        for item in node.data:
            if isinstance(item, Dim):
                names |= item.names
    return sorted(names)


def depends_on(root: Expr, leaves: Iterable[Expr]) -> set[Expr]:
    """The nodes below the root (and it) that contain one of the leaves."""
    found = set(leaves)
    for node in nodes(root):
        if node not in found and any(arg in found for arg in node.args):
            found.add(node)
    return found


# A derivative with more symbols than this is not written out: it is shown in named intermediates.
MAX_FLAT = 60


def symbol_count(root: Expr) -> int:
    """How many symbols the written formula has; shared parts count each time."""
    return _symbol_counts.of(root, lambda node, counts: 1 if node.op is symbol_op else sum(counts))


_symbol_counts = Counts()


# Leaves


def _leaf_shape(args: tuple[Expr, ...], data: Data) -> Shape:
    return (data[-2], data[-1])


def _named_shape(args: tuple[Expr, ...], data: Data) -> Shape:
    require_name(data[0])  # here, as every symbol comes by: declared, SymPy's, unpickled
    return (data[-2], data[-1])


def _constant_shape(args: tuple[Expr, ...], data: Data) -> Shape:
    if data not in (("π",), ("e",)):
        raise DeriveError("a constant is π or e")
    return SCALAR


number_op = operation("number", shape=lambda args, data: SCALAR)  # data: (Fraction,)
constant_op = operation("constant", shape=_constant_shape, traits="positive")  # data: ("π",) or ("e",)
dimension_op = operation("dimension", shape=lambda args, data: SCALAR, traits="positive")  # data: (Dim,)
symbol_op = operation("symbol", shape=_named_shape)  # data: (name, properties, rows, columns)
zeros_op = operation("zeros", shape=_leaf_shape)
ones_op = operation("ones", shape=_leaf_shape, traits="positive")
identity_op = operation("identity", shape=lambda args, data: (data[0], data[0]), traits="nonnegative")
commutation_op = operation("commutation", shape=lambda args, data: (data[0] * data[1], data[0] * data[1]))


def number(value: int | Fraction | float) -> Expr:
    """An exact number; a float is taken at its shortest decimal, so 0.1 is 1/10."""
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise DeriveError(f"{value} is not a number that a formula can hold")
        value = Fraction(repr(value))
    return number_op.make((), (Fraction(value),))


def constant(name: str) -> Expr:
    """π or e."""
    return constant_op.make((), (name,))


def dimension(dim: DimLike) -> Expr:
    """A dimension used as a number, as n in tr(I) = n."""
    dim = Dim.of(dim)
    return number(dim.value) if dim.value is not None else dimension_op.make((), (dim,))


def symbol(name: str, rows: DimLike = 1, columns: DimLike = 1, properties: Iterable[str] = ()) -> Expr:
    """A named scalar, vector or matrix.

    Raises
    ------
    ParseError
        The name holds what no name may, such as a command of LaTeX or a quote.
    ShapeError
        A property that needs a square matrix was declared of another.
    DeriveError
        Properties that no symbol has together.
    """
    shape = (Dim.of(rows), Dim.of(columns))
    held = held_by(name, frozenset(properties), shape)
    return symbol_op.make((), (name, held, *shape))


def zeros(rows: DimLike, columns: DimLike = 1) -> Expr:
    """The zero of a shape; the number 0 if 1 × 1."""
    shape = (Dim.of(rows), Dim.of(columns))
    return number(0) if shape == SCALAR else zeros_op.make((), shape)


def ones(rows: DimLike, columns: DimLike = 1) -> Expr:
    """The vector or matrix of ones; the number 1 if 1 × 1."""
    shape = (Dim.of(rows), Dim.of(columns))
    return number(1) if shape == SCALAR else ones_op.make((), shape)


def identity(n: DimLike) -> Expr:
    """The identity matrix I_n; the number 1 if n is 1."""
    n = Dim.of(n)
    return number(1) if n is ONE else identity_op.make((), (n,))


def commutation(m: DimLike, n: DimLike) -> Expr:
    """The commutation matrix K_{m,n}: K vec A = vec Aᵀ for A of shape m × n [MN, 3.7]."""
    m, n = Dim.of(m), Dim.of(n)
    return identity(m * n) if m is ONE or n is ONE else commutation_op.make((), (m, n))


def as_expr(value: Any) -> Expr:
    """An operand: an Expr itself, or a number."""
    if isinstance(value, Expr):
        return value
    if isinstance(value, (int, Fraction, float)) and not isinstance(value, bool):
        return number(value)
    if hasattr(value, "__sympy__") or hasattr(value, "is_Matrix"):
        from .interop import from_sympy

        return from_sympy(value)
    raise DeriveError(f"{value!r} is neither a formula nor a real number")


def is_zero(expr: Expr) -> bool:
    return expr.op is zeros_op or (expr.op is number_op and expr.data[0] == 0)


def is_number(expr: Expr, value: int | None = None) -> bool:
    """Whether it is a number (this one, if given)."""
    return expr.op is number_op and (value is None or expr.data[0] == value)


def zero_like(expr: Expr) -> Expr:
    return zeros(*expr.shape)
