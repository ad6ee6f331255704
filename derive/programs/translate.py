"""From formulas to the graph of values: a row for each operation, and the stable forms."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from ..errors import DeriveError
from ..expr import Expr, Operation, nodes
from ..shapes import ONE, SCALAR
from .graph import ValueGraph
from .stable import logarithm, split
from .terms import UNIT, Term, is_nonnegative, is_zero

Row = Callable[[ValueGraph, Expr, list[Term]], Term]


def translate(graph: ValueGraph, root: Expr, memo: dict[Expr, Term]) -> Term:
    """The term that a formula stands for."""
    for node in nodes(root):
        if node not in memo:
            row = row_of(node.op)
            if row is None:
                raise DeriveError(f"no program can be made of {node.op.name}")
            memo[node] = row(graph, node, [memo[arg] for arg in node.args])
    return memo[root]


def row_of(op: Operation) -> Row | None:
    """The row of an operation: scalar functions share one, linear operations, and what else has a signature."""
    shared = _function if op.is_elementwise else _linear if "linear" in op.traits else _entrywise
    return ROWS.get(op.name, shared if op.signature is not None else None)


def _power(graph: ValueGraph, node: Expr, args: list[Term]) -> Term:
    base, exponent = args
    if exponent.value is None and not exponent.powers:
        if node.is_scalar:
            return graph.multiply([graph.raised(base, exponent.coefficient)])
        return graph.entries([base], node.shape, [exponent.coefficient])
    if node.is_scalar:
        if base.coefficient == 1 and len(base.powers) == 1 and base.powers[0][0].kind == "constant":
            (value, power) = base.powers[0]
            if value.data[0] == "e":
                return graph.whole("exp", graph.multiply([Term(power), exponent]))
        return graph.whole("power", base, exponent)
    return graph.mapped("power", base, exponent)


def _function(graph: ValueGraph, node: Expr, args: list[Term]) -> Term:
    kind = node.op.name
    term = args[0]
    if kind == "log":
        return logarithm(graph, term)
    if kind == "exp" and node in graph.normalized:
        return split(graph, term)
    if kind == "exp" and is_zero(term):
        return graph.ones(*term.shape)
    if kind == "abs" and term.value is None and term.coefficient > 0 and all(is_nonnegative(v) for v, _ in term.powers):
        return term
    return graph.mapped(kind, term)


def _matpow(graph: ValueGraph, node: Expr, args: list[Term]) -> Term:
    k = node.data[0]
    base = args[0] if k > 0 else _inv(graph, node, args)
    k = abs(k)
    if k <= 6:
        return graph.chain([base] * k)
    # Binary powers: the squares are values of their own.
    front = Term(base.coefficient**k, tuple((v, e * k) for v, e in base.powers))
    base = base.bare
    square, product = base, None
    while k:
        if k % 2:
            product = square if product is None else _opaque(graph, product, square)
        k //= 2
        if k:
            square = _opaque(graph, square, square)
    assert product is not None
    return graph.multiply([front, product])


def _opaque(graph: ValueGraph, left: Term, right: Term) -> Term:
    made = graph.chain([left, right])
    if made.value is not None and made.value.kind == "chain":
        held = graph.value("held", (Term(UNIT, (), made.value),), (), made.value.shape)
        held.is_symmetric = made.value.is_symmetric
        return Term(made.coefficient, made.powers, held, made.flipped)
    return made


def _inv(graph: ValueGraph, node: Expr, args: list[Term]) -> Term:
    term = graph.by_diagonal(args[0])
    if term.value is None:
        return graph.raised(term, Fraction(-1))
    front = graph.raised(Term(term.coefficient, term.powers), Fraction(-1))
    value = term.value
    if value.kind == "eye":
        return graph.multiply([front, term.bare])
    if value.kind == "Diag":
        vector = value.args[0]
        return graph.multiply([front, graph.diag_matrix(graph.entries([vector], vector.shape, [Fraction(-1)]))])
    if value.kind == "inv":
        return graph.multiply([front, value.args[0].T if term.flipped else value.args[0]])
    if value.kind == "input" and "orthogonal" in value.data[0].properties:
        return graph.multiply([front, term.bare.T])
    made = graph.value("inv", (Term(UNIT, (), value),), (), value.shape)
    made.is_symmetric = value.is_symmetric
    return Term(front.coefficient, front.powers, made, term.flipped)


def _det(graph: ValueGraph, node: Expr, args: list[Term]) -> Term:
    (term,) = args
    n = node.args[0].shape[0]
    if term.value is None:
        return term
    front = Term(term.coefficient, term.powers)
    outside = Term(UNIT)
    if not term.is_plain:
        if n.value is not None:
            outside = graph.raised(front, Fraction(n.value))
        else:
            outside = graph.whole("power", front, graph.dimension(n))
    made = graph.scalar(graph.value("det", (Term(UNIT, (), term.value),)))
    return graph.multiply([outside, made])


def _logdet(graph: ValueGraph, node: Expr, args: list[Term]) -> Term:
    term = graph.by_diagonal(args[0])
    if term.value is None:
        return logarithm(graph, graph.mapped("abs", term))
    value = term.value
    n = graph.dimension(node.args[0].shape[0])
    terms = []
    if not term.is_plain:
        front = graph.plain(Term(abs(term.coefficient), term.powers)) if term.powers else Term(abs(term.coefficient))
        magnitude = graph.mapped("abs", front) if term.powers else front
        terms.append(graph.multiply([n, logarithm(graph, magnitude)]))
    if value.kind == "inv":
        inner = value.args[0]
        terms.append(graph.scalar(graph.value("logdet", (Term(UNIT, (), inner.value),))).times(Fraction(-1)))
    elif value.kind == "chain" and all(f.shape[0] is f.shape[1] for f in value.args):
        terms += [_logdet(graph, node, [factor]) for factor in value.args]
    elif value.kind == "Diag":
        entries = value.args[0]
        logs = logarithm(graph, entries if is_nonnegative(entries.body) else graph.mapped("abs", entries))
        terms.append(graph.sum_entries(logs))
    elif value.kind != "eye":
        terms.append(graph.scalar(graph.value("logdet", (Term(UNIT, (), value),))))
    return graph.total(terms, SCALAR)


def _symmetric_argument(kind: str) -> Row:
    def row(graph: ValueGraph, node: Expr, args: list[Term]) -> Term:
        """A scalar that is the same for the transpose."""
        (term,) = args
        if term.value is None:
            return graph.mapped("abs", term)
        if term.value.is_vector and kind != "norm1":
            return graph.raised(graph.square(term), Fraction(1, 2))
        front = Term(UNIT)
        if not term.is_plain:
            scalar = Term(term.coefficient, term.powers)
            front = Term(abs(term.coefficient)) if not term.powers else graph.mapped("abs", scalar)
        return graph.multiply([front, graph.scalar(graph.value(kind, (Term(UNIT, (), term.value),)))])

    return row


def _whole(graph: ValueGraph, node: Expr, args: list[Term]) -> Term:
    return graph.whole(node.op.name, *args, data=node.data, shape=node.shape)


def _block(graph: ValueGraph, node: Expr, args: list[Term]) -> Term:
    if node.shape[0] is not ONE:
        return _whole(graph, node, args)
    return graph.whole("block", *(arg.T for arg in args), data=node.data[::-1], shape=node.shape[::-1]).T


def _vec(graph: ValueGraph, node: Expr, args: list[Term]) -> Term:
    (term,) = args
    if term.shape[0] is ONE:
        return term.T
    if term.value is None or term.shape[1] is ONE:
        return term
    front = Term(term.coefficient, term.powers)
    if term.value.kind == "outer" and all(arg.body.kind == "ones" for arg in term.value.args):
        return graph.multiply([front, graph.ones(*node.shape)])
    made = graph.value("vec", (term.bare,), (), node.shape)
    return Term(front.coefficient, front.powers, made)


def _linear(graph: ValueGraph, node: Expr, args: list[Term]) -> Term:
    """An operation linear in its one operand: coefficient and scalars stand in front."""
    (term,) = args
    made = graph.whole(node.op.name, term.bare, data=node.data, shape=node.shape)
    return made.times(term.coefficient, term.powers)


def _unvec(graph: ValueGraph, node: Expr, args: list[Term]) -> Term:
    return args[0].T if node.shape[0] is ONE else _linear(graph, node, args)


def _direction(graph: ValueGraph, node: Expr, args: list[Term]) -> Term:
    """The polar factor of a vector, and its dominant direction, is x / ‖x‖."""
    (term,) = args
    if term.value is None or term.value.is_vector:
        return graph.multiply([term, graph.raised(graph.square(term), Fraction(-1, 2))])
    return _whole(graph, node, args)


def _unless_scalar(row: Row) -> Row:
    """An operation that leaves a number as it is."""
    return lambda graph, node, args: args[0] if args[0].value is None else row(graph, node, args)


def _entrywise(graph: ValueGraph, node: Expr, args: list[Term]) -> Term:
    """A value in the shape of its operands; a row is held as a column."""
    if node.shape[0] is ONE and node.shape[1] is not ONE:
        return graph.whole(node.op.name, *(arg.T for arg in args), shape=(node.shape[1], ONE)).T
    return _whole(graph, node, args)


ROWS: dict[str, Row] = {
    "number": lambda graph, node, args: graph.number(node.data[0]),
    "constant": lambda graph, node, args: graph.scalar(graph.value("constant", (), node.data)),
    "dimension": lambda graph, node, args: graph.dimension(node.data[0]),
    "symbol": lambda graph, node, args: graph.input(node),
    "zeros": lambda graph, node, args: graph.zeros(node.shape),
    "ones": lambda graph, node, args: graph.ones(*node.shape),
    "identity": lambda graph, node, args: graph.eye(node.data[0]),
    "basis": lambda graph, node, args: graph.whole("basis", data=node.data, shape=node.shape),
    "commutation": lambda graph, node, args: graph.whole("commutation", data=node.data, shape=node.shape),
    "add": lambda graph, node, args: graph.total(args, node.shape),
    "mul": lambda graph, node, args: graph.multiply(args),
    "scale": lambda graph, node, args: graph.multiply(args),
    "matmul": lambda graph, node, args: graph.chain(args),
    "transpose": lambda graph, node, args: args[0].T,
    "hadamard": lambda graph, node, args: graph.entries(args, node.shape),
    "kron": lambda graph, node, args: graph.kron(*args),
    "power": _power,
    "inv": _inv,
    "matpow": _matpow,
    "trace": lambda graph, node, args: graph.trace(args[0]),
    "det": _det,
    "logdet": _logdet,
    "inner": lambda graph, node, args: graph.inner(*args),
    "sq_norm": lambda graph, node, args: graph.square(args[0]),
    "norm": lambda graph, node, args: graph.raised(graph.square(args[0]), Fraction(1, 2)),
    "norm1": _symmetric_argument("norm1"),
    "nuclear_norm": _symmetric_argument("nuclear_norm"),
    "spectral_norm": _symmetric_argument("spectral_norm"),
    "sum": lambda graph, node, args: graph.sum_entries(args[0]),
    "logsumexp": _unless_scalar(_whole),
    "softmax": lambda graph, node, args: Term(UNIT) if node.is_scalar else _whole(graph, node, args),
    "softmax_row": lambda graph, node, args: graph.whole("row_softmax", args[0], shape=node.shape),
    "logsumexp_row": lambda graph, node, args: graph.whole("row_logsumexp", args[0], shape=node.shape),
    "diag": lambda graph, node, args: graph.diagonal(args[0]),
    "Diag": lambda graph, node, args: graph.diag_matrix(args[0]),
    "vec": _vec,
    "unvec": _unvec,
    "tril": _unless_scalar(_linear),
    "triu": _unless_scalar(_linear),
    "block": _block,
    "expm": lambda graph, node, args: graph.mapped("exp", *args) if node.is_scalar else _whole(graph, node, args),
    "polar": _direction,
    "dominant": _direction,
}
