"""The solved syntax tree to an `Expr`, node by node, by the constructors of `operations`.

A `ShapeError` that a constructor raises is given the place it came from.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

from .. import names, rows
from .. import operations as ops
from ..errors import DeriveError, LimitError, ParseError, ShapeError
from ..expr import (
    Expr,
    commutation,
    constant,
    described,
    dimension,
    identity,
    number,
    number_op,
    ones,
    symbol,
    zeros,
)  # fmt: skip
from ..own_functions import operation_named
from ..shapes import ONE, Dim
from .habits import habit
from .kinds import is_exponential, is_reduction
from .limits import MAX_NUMBER_EXPONENT
from .shaping import Shaper, grouped
from .sizes import SCALAR_SIZE, SizeShape
from .stacks import Node, nodes_below
from .vocabulary import ALIKE, ENTRYWISE, OF_ROWS, PER_ROW, WITH_PARAMETER


class Builder(Shaper):
    """Expressions of the nodes; `infer` comes first, then the sizes are named."""

    def build(self) -> None:
        values = self.values
        for node in self.order:
            args = [values[id(arg)] for arg in node.args]
            try:
                values[id(node)] = _BUILD[node.op](self, node, args)
            except DeriveError as error:
                raise error.at(self.source, node.span) from None


def _placed(
    b: Builder, operation: Callable[[Expr, Expr], Expr], left: Expr, right: Expr, start: int, end: int
) -> Expr:  # fmt: skip
    """What an operation makes of two parts; its error names the place of both."""
    try:
        return operation(left, right)
    except DeriveError as error:
        raise error.at(b.source, (start, end)) from None


def _make_sum(b: Builder, node: Node, args: list[Expr]) -> Expr:
    terms = [arg if sign > 0 else -arg for arg, sign in zip(args, node.data, strict=True)]
    for term, part in zip(terms[1:], node.args[1:], strict=True):
        if term.shape != terms[0].shape:
            _placed(b, ops.add, terms[0], term, node.args[0].start, part.end)
    return ops.add(*terms)


def _make_spread(b: Builder, node: Node, args: list[Expr]) -> Expr:
    """A sum in which a vector stands for each row or column of a matrix, a mean for each entry."""
    shape = max((arg.shape for arg in args), key=lambda shape: (shape[1] is not ONE, shape[0] is not ONE))
    terms = []
    for arg, part in zip(args, node.args, strict=True):
        is_number = is_reduction(part) or part.op == "sym" and b.symbols[part.data].is_declared and shape[1] is ONE
        if arg.shape != shape and arg.is_scalar and is_number:
            b.note(f"{b.cut(part)} in {b.cut(node)} is read as each entry: {arg.text()} 𝟏")
            arg = ops.scale(arg, ones(*shape))
        elif id(part) in b.columns:
            _refuse_columns(b, node)
            b.note(f"{b.cut(part)} in {b.cut(node)} is read as added to each column: {arg.text()} 𝟏ᵀ")
            arg = ops.matmul(arg, ones(shape[1]).T)
        elif arg.shape != shape and arg.is_vector and part.op == "sym" and arg.shape[0] is shape[1]:
            _refuse_columns(b, node)
            b.note(f"{b.cut(part)} in {b.cut(node)} is read as added to each row: 𝟏 {arg.text()}ᵀ")
            arg = ops.matmul(ones(shape[0]), arg.T)
        terms.append(arg)
    return _make_sum(b, node, terms)


def _refuse_columns(b: Builder, node: Node) -> None:
    """Refuse W [h, x] + b with two columns h and x: one above the other is what fits b."""
    for part in nodes_below([node]):
        if part.op == "block" and part.data[0] == 1 and all(b.values[id(a)].is_vector for a in part.args):
            shown = "; ".join(b.cut(a) for a in part.args)
            raise ShapeError(
                f"{b.cut(part)} sets columns side by side", b.source, part.span, f"[{shown}] sets one above the other"
            )


def _make_had(b: Builder, node: Node, args: list[Expr]) -> Expr:
    factors = [args[0]]
    for sign, arg, part in zip(node.data, args[1:], node.args[1:], strict=True):
        if arg.shape != args[0].shape:
            _placed(b, ops.hadamard, args[0], arg, node.args[0].start, part.end)
        factors.append(arg if sign == "⊙" else ops.power(arg, -1))
    if b.source[node.args[0].end : node.args[-1].start].strip(" (){}") == "*" and not args[0].is_scalar:
        b.note(f"* in {b.cut(node)} is read entry by entry")
    return ops.hadamard(*factors)


def _make_prod(b: Builder, node: Node, args: list[Expr]) -> Expr:
    shapes: list[SizeShape] = [arg.shape for arg in args]
    if b.is_numpy:
        arrays = [i for i, arg in enumerate(args) if not arg.is_scalar]
        for j, i in zip(arrays, arrays[1:]):
            is_outer = len(arrays) == 2 and args[j].shape[1] is args[i].shape[0] is ONE  # the same in both
            if node.data[i - 1] == "*" and not is_outer:
                raise _two_meanings(b, node, "*", "write ⊙ for the product entry by entry, @ for that of matrices")
    _refuse_roots(b, node.args)
    for part, sign in zip(node.args[1:], node.data):
        entry = b.symbols.get(str(part.data)) if sign == "/" and part.op == "sym" else None
        if entry is not None and not entry.is_declared and any(not arg.is_scalar for arg in args):
            costs = habit(entry.name, entry.style, entry.uses)
            if costs[1] < costs[0]:
                b.note(f"{names.text(entry.name)} is read as a scalar")
    _, groups = grouped(b, node, shapes)
    return _product(b, node, args, groups)


def _refuse_roots(b: Builder, factors: list[Node]) -> None:
    """Refuse √A x, tr √A and (√A + B)⁻¹ x, of which the root may be that of the matrix."""
    below = list(factors)
    while below:
        node = below.pop()
        if node.op == "root" and ONE not in b.values[id(node)].shape:
            inside = b.values[id(node.args[0])].text()
            raise ParseError(
                "this root may be that of the matrix, or of every entry", b.source, node.span,
                f"sqrt({inside}) is that of every entry; the matrix root is not among the operations",
            )  # fmt: skip
        if node.op == "call" and node.data == "sqrt" and ONE not in b.values[id(node)].shape:
            b.note(f"{b.cut(node)} is read as the root of each entry; that of the matrix is not read")
        below += node.args if node.op in ("sum", "spread") else node.args[:1] if node.op in _OF_WHOLE else []


_OF_WHOLE = ("neg", "inv", "trans", "transpow", "pow")  # of a matrix, and not of its entries


def _two_meanings(b: Builder, node: Node, sign: str, hint: str) -> ParseError:
    """What NumPy takes entry by entry and formulas do not, in a text that is both."""
    return ParseError(f"{sign} of arrays is entry by entry in NumPy, and not in formulas", b.source, node.span, hint)


def _product(b: Builder, node: Node, args: list[Expr], groups: list[Any]) -> Expr:
    factors: list[Expr] = []
    spans: list[tuple[int, int]] = []
    signs = ["", *node.data]
    for item in groups:
        if isinstance(item, int):
            part = node.args[item]
            factor, span = args[item], part.span
            if signs[item] == "/":
                above = number(1) if factor.is_scalar else _multiplied(factors)
                factor = _placed(b, ops.divide, above, factor, node.args[0].start, part.end)
        elif item[0] in ("(", ""):
            factor = _product(b, node, args, item[1])
            inside = [j for j in item[1] if isinstance(j, int)] or [0]
            span = (node.args[inside[0]].start, node.args[inside[-1]].end)
            if item[0]:
                b.note(f"{b.cut(node)} is read with ({b.source[span[0] : span[1]].strip()}) as a scalar")
        else:
            _, left, j = item
            first = _product(b, node, args, left)
            span = (node.args[0].start, node.args[j].end)
            b.note(f"{first.text()} · {args[j].text()} is read as the inner product")
            factor = ops.inner(first, args[j])
        factors.append(factor)
        spans.append(span)
    kept = [(f, s) for f, s in zip(factors, spans, strict=True) if not f.is_scalar]
    for (left, a), (right, c) in zip(kept, kept[1:]):
        if left.shape[1] is not right.shape[0]:
            _placed(b, ops.matmul, left, right, a[0], c[1])
    return _multiplied(factors)


def _multiplied(factors: list[Expr]) -> Expr:
    return ops.matmul(*factors) if len(factors) > 1 else factors[0]


def _make_div(b: Builder, node: Node, args: list[Expr]) -> Expr:
    above, below = args
    if node.data == "frac" and above.is_vector and below.shape == above.shape:
        b.note(f"{b.cut(node)} is read entry by entry, as {above.text()} ⊘ {below.text()}")
        return ops.hadamard(above, ops.power(below, -1))
    return ops.divide(above, below)


def _make_pow(b: Builder, node: Node, args: list[Expr]) -> Expr:
    base, exponent = args
    if is_exponential(node):
        if not exponent.is_scalar and not exponent.is_vector:
            e = exponent.text()
            raise ShapeError(
                f"e to the power of a matrix {described(exponent)} can mean two functions",
                hint=f"expm({e}) is the matrix exponential, exp({e}) that of every entry",
            )
        if exponent.is_vector:
            b.note(f"{b.cut(node)} is read entry by entry, as exp({exponent.text()})")
        return ops.exp(exponent)
    if not exponent.is_scalar:
        raise ShapeError(f"the exponent {described(exponent)} is not a scalar")
    if b.is_numpy and node.data == "**" and not base.is_scalar:
        raise _two_meanings(b, node, "**", "write .^2 for the power of every entry, ^2 for that of a matrix")
    if base.is_square and not base.is_scalar and exponent.op is number_op:
        if exponent.data[0].denominator == 1:
            return ops.matpow(base, int(exponent.data[0]))
        raise ShapeError(
            f"{described(base)} has no power {exponent.text()}: a matrix is raised to integers",
            hint=f"{base.text()}.^({exponent.text()}) is the power of every entry",
        )
    if not base.is_scalar and not base.is_vector and not base.is_square:
        if exponent.op is number_op and exponent.data[0] < 0:
            raise ShapeError(f"{described(base)} is not square and has no inverse")
        raise ShapeError(
            f"{described(base)} is not square and has no powers",
            hint=f"{base.text()}.^{exponent.text()} is the power of every entry",
        )
    inside = node.args[0]
    if inside.op == "bars" and inside.args[0].op == "sym" and exponent.op is number_op and exponent.data[0] == 2:
        if not b.values[id(inside.args[0])].is_scalar:
            b.note(f"{b.cut(inside)} is read as the determinant; the norm is ‖{b.cut(inside.args[0])}‖")
    return _bounded(ops.raise_to(base, exponent))


def _bounded(made: Expr) -> Expr:
    """A power, unless its exponent has grown past the limit."""
    if made.op is ops.power and made.args[1].op is number_op and abs(made.args[1].data[0]) > MAX_NUMBER_EXPONENT:
        raise LimitError("the exponent is too large", hint=f"at most {MAX_NUMBER_EXPONENT}")
    return made


def _make_trans(b: Builder, node: Node, args: list[Expr]) -> Expr:
    (arg,) = args
    if arg.is_scalar and node.args[0].op != "sym" and all(b.values[id(n)].is_scalar for n in nodes_below(node.args)):
        raise ShapeError(
            f"{b.cut(node)} is the transpose of a number", b.source, node.span,
            "name the exponent otherwise, as in (1 + r)^n, if it is a power",
        )  # fmt: skip
    if arg.is_scalar and node.args[0].op == "sym" and b.source[node.end - 1 : node.end] in ("'", "′", "’"):
        shown = b.cut(node.args[0])
        raise ShapeError(
            f"{b.cut(node)} is the transpose of a number", b.source, node.span,
            f"leave the mark out, or give it a letter of its own, if it is another {shown}",
        )  # fmt: skip
    return arg.T


def _make_transpow(b: Builder, node: Node, args: list[Expr]) -> Expr:
    base, exponent = args
    if base.is_scalar:
        return ops.power(base, exponent)
    b.note(f"{b.cut(node)} is read as a transpose")
    return base.T


def _make_norm(b: Builder, node: Node, args: list[Expr]) -> Expr:
    (arg,) = args
    kind = node.data
    if node.args[0].op == "trans" and node.args[0].args[0].op == "sym" and ONE in arg.shape:
        shown, vector = b.cut(node), b.cut(node.args[0].args[0])
        if b.source[node.args[0].end - 1] in ("'", "′", "’"):
            raise ParseError(
                f"{shown} is the norm of {vector}", b.source, node.span,
                f"leave the mark out, or give it a letter of its own, if it is another {vector}",
            )  # fmt: skip
    if kind == "1":
        if ONE not in arg.shape:
            b.note(f"{b.cut(node)} is read as the sum of the absolute entries")
        return ops.norm1(arg)
    if kind == "*":
        return ops.nuclear_norm(arg)
    if kind == "op":
        return ops.spectral_norm(arg)
    end = b.source[node.end - 1 : node.end]
    if kind == "2" and ONE not in arg.shape and end in ("2", "₂", "}"):
        b.note(f"{b.cut(node)} is read as the Frobenius norm; the spectral norm is ‖{arg.text()}‖_op")
    return ops.norm(arg)


def _note_length(b: Builder, node: Node, part: Node, style: str) -> None:
    """Say of a vector by habit that it is taken for a number between single bars; refuse it in bold, and matrices."""
    shown, inside = names.text(part.data), b.values[id(node.args[0])].text()
    costs = habit(part.data, style, set())
    if style in ("bold", "vec") or len(node.args[0].args) and not costs[3]:
        kind = "set as a vector" if style in ("bold", "vec") else "a matrix by habit"
        raise ShapeError(
            f"{b.cut(node)} is a number's absolute value, and {shown} is {kind}", b.source, node.span,
            f"write ‖{inside}‖ for a length, or declare {shown}: scalar",
        )  # fmt: skip
    if costs[1] < costs[0]:
        b.note(f"{shown} is read as a scalar")


def _make_bars(b: Builder, node: Node, args: list[Expr]) -> Expr:
    (arg,) = args
    if arg.is_scalar:
        for part in nodes_below(node.args):
            entry = b.symbols.get(str(part.data)) if part.op == "sym" else None
            if entry is not None and not entry.is_declared and b.values[id(part)].is_scalar:
                _note_length(b, node, part, entry.style)
        return ops.absolute(arg)
    if not arg.is_square:
        a = arg.text()
        hint = f"‖{a}‖ is its norm, abs({a}) holds the absolute entries"
        raise ShapeError(f"|{a}| is a determinant or an absolute value, and {described(arg)} has neither", hint=hint)
    return ops.det(arg)


def _make_root(b: Builder, node: Node, args: list[Expr]) -> Expr:
    if not args[0].is_scalar:
        b.note(f"{b.cut(node)} is read entry by entry")
    return ops.power(args[0], Fraction(1) / node.data)


def _diag(arg: Expr) -> Expr:
    if arg.is_scalar or ONE not in arg.shape:
        return arg if arg.is_scalar else ops.diagonal(arg)
    return ops.diagonal_matrix(arg if arg.is_vector else arg.T)


def _make_call(b: Builder, node: Node, args: list[Expr]) -> Expr:
    name = node.data
    if name == "norm" and len(args) == 2:
        return _norm_of_order(b, node, *args)
    if name in ALIKE or name in WITH_PARAMETER:
        return _entry_by_entry(b, node, args)
    if name in ("softmax", "log_softmax") and ONE not in args[0].shape:
        b.note(f"{b.cut(node)} is read row by row: each row of the matrix by itself")
    several = of_several(name, len(args))
    if several is not None:
        return several(*args)
    (arg,) = args
    if name in ("tr", "det", "logdet") and arg.is_scalar:
        _refuse_numbers(b, node)
    if name in ("tr", "det", "logdet"):
        _refuse_roots(b, node.args)
    if name == "log" and arg.op is ops.det:
        return ops.logdet(arg.args[0])
    if name == "log" and arg.op is ops.absolute and arg.args[0].op is ops.det:
        return ops.logdet(arg.args[0].args[0])
    if name == "exp" and not arg.is_scalar and not arg.is_vector and arg.is_square:
        b.note(f"{b.cut(node)} is the exponential of every entry; expm is the matrix exponential")
    if name in ("log", "sinh", "cosh", "sin", "cos") and not arg.is_scalar and arg.is_square:
        b.note(f"{b.cut(node)} is read as the {name} of every entry; that of the matrix is not read")
    if name in ("var", "std"):
        b.note(f"{b.cut(node)} divides by the number of entries, not by one less")
    made: Expr = of_one(name)(arg)  # type: ignore[misc]
    return made


def _refuse_numbers(b: Builder, node: Node) -> None:
    """Refuse tr(ρ log ρ) where ρ is a number by habit alone, and tr((AᵀX)^½); tr(xᵀ A x) is made of vectors."""
    below = nodes_below([node.args[0]])
    letters = [n for n in below if n.op == "sym" and not b.symbols[n.data].is_declared]
    columns = [n for n in letters if str(n.data)[0].isupper() and ONE in b.values[id(n)].shape]
    letters = columns or letters
    if columns or letters and all(b.values[id(n)].is_scalar for n in below):
        shown = names.text(letters[0].data)
        raise ShapeError(
            f"{b.cut(node)} is of a number, as {shown} is read", b.source, node.span,
            f"declare {shown}: n×n, if it is a matrix",
        )  # fmt: skip


def _norm_of_order(b: Builder, node: Node, vector: Expr, order: Expr) -> Expr:
    """(Σ|xᵢ|^p)^(1/p), of a vector and of a number p."""
    p = order.text()
    shown = vector.text()
    entries = f"write sum(abs({shown}).^{p})^(1/{p}) for that of its entries"
    if ONE in vector.shape and order.op is number_op and order.data[0] in (1, 2):
        return ops.norm1(vector) if order.data[0] == 1 else ops.norm(vector)
    if order is number(1):
        entries = f"write norm1({shown}) for that of its entries, np.linalg.norm({shown}, 1) for that of its columns"
    elif order is number(2):
        entries = f"write ‖{shown}‖_F for that of its entries, ‖{shown}‖_op for the largest singular value"
    if order.op is not number_op or order.data[0] <= 0:
        raise ParseError(f"the norm of order {p} is not read", b.source, node.span, entries)
    if ONE not in vector.shape:
        raise ShapeError(
            f"{b.cut(node)} of a matrix may be of its entries, of its singular values, or an operator norm",
            b.source, node.span, entries,
        )  # fmt: skip
    return ops.power(ops.sum_entries(ops.power(ops.absolute(vector), order)), 1 / order)


def _entry_by_entry(b: Builder, node: Node, args: list[Expr]) -> Expr:
    """max, min, clip, where and functions with a parameter; a number beside a vector stands for each entry."""
    name = node.data
    if name in ALIKE and len({arg.is_scalar for arg in args}) > 1:
        for arg, part in zip(args, node.args, strict=True):
            if arg.is_scalar and arg.op is not number_op:
                b.note(f"{b.cut(part)} in {b.cut(node)} is read as each entry")
    if name in ("max", "min") and len(args) == 1:
        return rows.largest(args[0]) if name == "max" else -rows.largest(-args[0])
    made: Expr = SEVERAL[name](*args)
    return made


SEVERAL: dict[str, Callable[..., Expr]] = {
    "max": rows.maximum, "min": rows.minimum, "clip": rows.clip, "where": rows.choose, "huber": rows.huber,
    "pseudo_huber": rows.pseudo_huber, "quantile": rows.quantile, "leaky_relu": rows.leaky_relu, "elu": rows.elu,
}  # fmt: skip


def _vector(x: Expr, parts: str, hint: str = "write out which is meant") -> Expr:
    """What a norm is of that says nothing of matrices."""
    if ONE not in x.shape:
        raise ShapeError(f"this norm of {x.text()}, a matrix, may be of {parts}", hint=hint)
    return x


def _largest_size(x: Expr) -> Expr:
    return ops.absolute(x) if x.is_scalar else rows.largest(ops.absolute(x))


def _adjugate(arg: Expr) -> Expr:
    return ops.scale(ops.det(arg), ops.inv(arg))


BINARY: dict[str, Callable[[Expr, Expr], Expr]] = {
    "hadamard": ops.hadamard, "matmul": ops.matmul,
    "dot": lambda x, y: ops.inner(x, y) if x.shape == y.shape and x.is_vector else ops.matmul(x, y),
    "outer": lambda x, y: ops.matmul(x, y.T),
    "weighted_norm": lambda x, W: ops.power(_vector(x, "its columns or its entries").T @ W @ x, Fraction(1, 2)),
}  # fmt: skip


AXES = ((1, "row"), (0, "col"))

# Calls that do more than build the operation of their name
UNARY: dict[str, Callable[[Expr], Expr]] = {
    "tr": ops.trace, "mean": ops.mean, "adj": _adjugate, "diag": _diag, "Diag": _diag,
    "norm_inf": lambda x: _largest_size(_vector(x, "its rows or its entries", "‖X‖_max is that of the entries")),
    "norm_max": _largest_size,
    "softmax": rows.softmax_of, "log_softmax": rows.log_softmax,
    "rowsum": ops.row_sums, "colsum": ops.column_sums, "transpose": lambda x: x.T, "sqrt": ops.sqrt,
    **dict.fromkeys(("numel", "length"), lambda x: dimension(x.shape[0] * x.shape[1])),
    "nrows": lambda x: dimension(x.shape[0]), "ncols": lambda x: dimension(x.shape[1]), "sumsq": ops.sq_norm,
    "var": rows.variance, "std": lambda x: ops.sqrt(rows.variance(x)), **ENTRYWISE,
    **{f"{name}_{axis}": partial(rows.along, name, axis=i) for name in PER_ROW | OF_ROWS for i, axis in AXES},
}  # fmt: skip


def of_one(name: str) -> Callable[[Expr], Expr] | None:
    """What a call with one operand makes of it; None of what is no such call."""
    op = operation_named(name)
    return UNARY.get(name) or (op if op is not None and op.arity == 1 else None)


def of_several(name: str, count: int) -> Callable[..., Expr] | None:
    """What a call with so many operands, two or more, makes of them; None of what is no such call."""
    op = operation_named(name)
    found = op if op is not None and op.arity == count else None
    return (BINARY.get(name, found) if count == 2 else found) if count > 1 else None


def _make_inv(b: Builder, node: Node, args: list[Expr]) -> Expr:
    if args[0].is_vector:
        raise ShapeError(
            f"{described(args[0])} is a vector and has no inverse", hint=f"{args[0].text()}.^-1 inverts every entry"
        )
    return ops.inv(args[0])


def _make_window(b: Builder, node: Node, args: list[Expr]) -> Expr:
    """The rows and columns that the indices of a sum run over."""
    (arg,) = args
    place: list[Any] = []
    for window, size in zip(node.data, arg.shape):
        place += [Dim.of(0), size] if window is None else [Dim.of(window[0]), b.sizes.dim(b.axis(window[1]))]
    if len(node.data) == 1:
        place += [Dim.of(0), ONE]
    return ops.submatrix.build((arg,), tuple(place))


_BUILD: dict[str, Callable[[Builder, Node, list[Expr]], Expr]] = {
    "num": lambda b, n, a: number(n.data),
    "const": lambda b, n, a: constant(n.data),
    "dim": lambda b, n, a: dimension(n.data),
    "sym": lambda b, n, a: _symbol(b, n.data),
    "expr": lambda b, n, a: n.data,
    "eye": lambda b, n, a: identity(b.dims(b.shapes[id(n)])[0]),
    "ones": lambda b, n, a: ones(*b.dims(b.shapes[id(n)])),
    "onesm": lambda b, n, a: ones(*b.dims(b.shapes[id(n)])),
    "unit": lambda b, n, a: ones(*b.dims(b.shapes[id(n)])),
    "zero": lambda b, n, a: zeros(*b.dims(b.shapes[id(n)])),
    "commutation": lambda b, n, a: commutation(*n.data),
    "ref": lambda b, n, a: a[0],
    "axes": lambda b, n, a: a[0],
    "window": _make_window,
    "count": lambda b, n, a: dimension(b.sizes.dim(b.axis(n.data))),
    "basis": lambda b, n, a: ops.basis(n.data, b.dims(b.shapes[id(n)])[0]),
    "neg": lambda b, n, a: -a[0],
    "sum": _make_sum, "spread": _make_spread, "had": _make_had, "prod": _make_prod, "div": _make_div, "pow": _make_pow,
    "elpow": lambda b, n, a: _bounded(ops.power(a[0], a[1])),
    "trans": _make_trans,
    "transpow": _make_transpow, "inv": _make_inv, "root": _make_root,
    "kron": lambda b, n, a: ops.kron(a[0], a[1]),
    "inner": lambda b, n, a: ops.inner(*a), "norm": _make_norm, "bars": _make_bars, "call": _make_call,
    "block": lambda b, n, a: ops.block_op.build(tuple(a), n.data),
    "submatrix": lambda b, n, a: ops.submatrix.build((a[0],), n.data),
    "unvec": lambda b, n, a: ops.unvec.build((a[0],), n.data),
}  # fmt: skip


def _symbol(b: Builder, name: str) -> Expr:
    entry = b.symbols[name]
    if entry.is_unit and entry.shape is not None and b.is_column(entry.shape):
        shown = names.text(name)
        b.note(f"{shown} is read as the unit vector with 1 in entry {name[2:]}; declare {shown} if it is another")
        return ops.basis(int(name[2:]), b.dims(entry.shape)[0])
    if entry.expr is None:
        entry.expr = symbol(name, *b.dims(entry.shape or SCALAR_SIZE), properties=entry.properties)
    return entry.expr
