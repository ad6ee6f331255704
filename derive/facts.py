"""What is evident of a formula: its bounds, that it is symmetric, definite, invertible, commutes with another.

A fact that is not seen here may hold all the same; nothing is refuted.  A row of the table says what
follows for an operation from the facts of its operands; it holds wherever the operation is defined.
Entries are bounded one by one, so the bounds of a matrix hold for each of its entries.

[HJ]  Horn & Johnson, Matrix Analysis, 2nd ed., 2013 (section).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from operator import add as plus
from operator import mul as times
from typing import Any, NamedTuple

from .expr import OPERATIONS, Expr, Operation, identity_op, is_zero, nodes, number_op
from .operations import (
    add,
    expm,
    inv,
    matmul,
    matpow,
    mul,
    power,
    scale,
    sum_entries,
    trace,
    transpose,
)
from .ranges import ANY, FUNCTION_RANGES, NONNEGATIVE, POSITIVE, ZERO, Range, powers, summed
from .shapes import SCALAR, Shape
from .traversal import postorder


class Facts(NamedTuple):
    """What is evident of a value.

    Attributes
    ----------
    range : of every entry
    definite : 2 where it is positive definite, 1 where it is positive semidefinite, else 0
    is_symmetric, is_invertible : of a square matrix
    """

    range: Range = ANY
    definite: int = 0
    is_symmetric: bool = False
    is_invertible: bool = False


Row = Callable[[Sequence[Facts], tuple[Any, ...]], Facts]


def _over(combined: Callable[[Range, Range], Range], a: Sequence[Facts]) -> Range:
    return reduce(combined, (x.range for x in a))


def _positive_part(a: Range) -> int:
    """How definite the diagonal matrix of such entries is."""
    return 2 if a.is_positive else int(a.is_nonnegative)


def _signed(level: int) -> Range:
    return (ANY, NONNEGATIVE, POSITIVE)[level]


def _symbol(a: Sequence[Facts], data: tuple[Any, ...]) -> Facts:
    held = data[1]
    is_full = "positive" in held and not held & {"diagonal", "triangular"}
    found = POSITIVE if is_full else NONNEGATIVE if held & {"nonnegative", "positive"} else ANY
    level = 2 if "spd" in held or held >= {"diagonal", "positive"} else int("psd" in held)
    return Facts(found, level, level > 0 or "symmetric" in held, level > 1 or "orthogonal" in held)


def _add(a: Sequence[Facts], data: tuple[Any, ...]) -> Facts:
    levels = [x.definite for x in a]
    level = max(levels) if all(levels) else 0
    return Facts(_over(plus, a), level, all(x.is_symmetric for x in a), level > 1)


def _entrywise(a: Sequence[Facts], data: tuple[Any, ...]) -> Facts:
    level = min(x.definite for x in a)  # Schur [HJ 7.5]
    return Facts(_over(times, a), level, all(x.is_symmetric for x in a), level > 1)


def _scale(a: Sequence[Facts], data: tuple[Any, ...]) -> Facts:
    factor, A = a
    level = min(A.definite, _positive_part(factor.range))
    return Facts(factor.range * A.range, level, A.is_symmetric, A.is_invertible and factor.range.is_nonzero)


def _kron(a: Sequence[Facts], data: tuple[Any, ...]) -> Facts:
    made = _entrywise(a, data)
    return made._replace(is_invertible=all(x.is_invertible for x in a))


def _matmul(a: Sequence[Facts], data: tuple[Any, ...]) -> Facts:
    """`data` says of Mᵀ P M how definite P is, or I, whether it is symmetric and whether M is invertible."""
    form: Facts = data[0]
    level = form.definite if form.is_invertible else min(1, form.definite)
    is_invertible = level > 1 or all(x.is_invertible for x in a)
    return Facts(summed(_over(times, a)), level, form.is_symmetric or level > 0, is_invertible)


def _power(a: Sequence[Facts], data: tuple[Any, ...]) -> Facts:
    A, k = a[0], a[1].range.lo
    is_whole = k == a[1].range.hi and k > 0 and k % 1 == 0
    level = A.definite if is_whole else 0  # Schur, again and again
    return Facts(powers(A.range, a[1].range), level, A.is_symmetric, level > 1)


def _inv(a: Sequence[Facts], data: tuple[Any, ...]) -> Facts:
    return Facts(definite=2 if a[0].definite else 0, is_symmetric=a[0].is_symmetric, is_invertible=True)


def _matpow(a: Sequence[Facts], data: tuple[Any, ...]) -> Facts:
    A, k = a[0], int(data[0])
    is_invertible = A.is_invertible or k < 0
    level = A.definite or int(A.is_symmetric and k % 2 == 0)
    return Facts(ANY, 2 if level and is_invertible else level, A.is_symmetric, is_invertible)


def _expm(a: Sequence[Facts], data: tuple[Any, ...]) -> Facts:
    return Facts(definite=2 * a[0].is_symmetric, is_symmetric=a[0].is_symmetric, is_invertible=True)


def _of_matrix(a: Sequence[Facts], data: tuple[Any, ...]) -> Facts:
    """The trace, or the sum of the entries: 𝟏ᵀ A 𝟏."""
    return Facts(summed(a[0].range).within(_signed(a[0].definite)))


def _diagonal_matrix(a: Sequence[Facts], data: tuple[Any, ...]) -> Facts:
    return Facts(a[0].range.joined(ZERO), _positive_part(a[0].range), True, a[0].range.is_nonzero)


def _norm(a: Sequence[Facts], data: tuple[Any, ...]) -> Facts:
    return Facts(POSITIVE if a[0].range.is_nonzero or a[0].is_invertible else NONNEGATIVE)


def _joined(a: Sequence[Facts], data: tuple[Any, ...]) -> Facts:
    return Facts(_over(Range.joined, a))


def _of_function(image: Callable[[Range], Range]) -> Row:
    return lambda a, data: Facts(image(a[0].range), is_symmetric=a[0].is_symmetric)


def _held(facts: Facts) -> Row:
    return lambda a, data: facts


ROWS: Mapping[str, Row] = {
    **{name: _of_function(image) for name, image in FUNCTION_RANGES.items()},
    "number": lambda a, data: Facts(Range(data[0], data[0])),
    "dimension": _held(Facts(Range(1, float("inf")))),
    "constant": _held(Facts(Range(2.7, 3.2))),
    "ones": _held(Facts(Range(1, 1), 1, True)),
    "zeros": _held(Facts(ZERO, 1, True)),
    "identity": _held(Facts(Range(0, 1), 2, True, True)),
    "commutation": _held(Facts(Range(0, 1), is_invertible=True)),
    **dict.fromkeys(("basis", "argmax_row"), _held(Facts(Range(0, 1)))),
    **dict.fromkeys(("softmax", "softmax_row"), _held(Facts(Range(0, 1, lo_open=True)))),
    "symbol": _symbol,
    "add": _add,
    **dict.fromkeys(("mul", "hadamard"), _entrywise),
    "scale": _scale,
    "kron": _kron,
    "matmul": _matmul,
    "transpose": lambda a, data: a[0],
    "power": _power,
    "inv": _inv,
    "matpow": _matpow,
    "expm": _expm,
    **dict.fromkeys(("polar", "dominant"), lambda a, data: Facts(is_symmetric=a[0].is_symmetric)),
    **dict.fromkeys(("trace", "sum"), _of_matrix),
    "det": lambda a, data: Facts(_signed(a[0].definite)),
    "inner": lambda a, data: Facts(summed(_over(times, a)).within(_signed(min(1, *(x.definite for x in a))))),
    **dict.fromkeys(("block_inner", "block_sum"), lambda a, data: Facts(summed(_over(times, a)))),
    **dict.fromkeys(("cumsum", "cumsum_back"), lambda a, data: Facts(summed(a[0].range))),
    **dict.fromkeys(("vec", "unvec", "submatrix", "max_row"), lambda a, data: Facts(a[0].range)),
    "diag": lambda a, data: Facts(a[0].range.within(_signed(a[0].definite))),
    **dict.fromkeys(("tril", "triu"), lambda a, data: Facts(a[0].range.joined(ZERO))),
    "Diag": _diagonal_matrix,
    "block": _joined,
    "where": lambda a, data: _joined(a[1:], data),
}


def follows(
    name: str, operands: Sequence[Facts], data: tuple[Any, ...], shape: Shape, operation: Operation | None = None
) -> Facts:
    """The facts of an operation's value, from those of its operands and what else it is made with."""
    row, operation = ROWS.get(name), operation or OPERATIONS.get(name)
    if row is not None:
        found = row(operands, data)
    elif operation is None:
        found = Facts()
    elif "norm" in operation.traits:
        found = _norm(operands, data)
    else:
        sign = POSITIVE if "positive" in operation.traits else NONNEGATIVE if operation.is_nonnegative else ANY
        found = Facts(sign, is_symmetric=operation.is_elementwise and operands[0].is_symmetric)
    if shape == SCALAR:  # sign and definiteness are one
        sign = found.range.within(_signed(found.definite)) if found.definite else found.range
        return Facts(sign, _positive_part(sign), True, found.is_invertible or sign.is_nonzero)
    return found if shape[0] is shape[1] else Facts(found.range)


def facts_of(A: Expr) -> Facts:
    """What is evident of an expression."""
    if A.facts is None:
        for node in postorder([A], lambda node: (arg for arg in node.args if arg.facts is None)):
            node.facts = _from_operands(node, [arg.facts for arg in node.args])
    found: Facts = A.facts
    return found


def _from_operands(node: Expr, operands: Sequence[Facts]) -> Facts:
    data = node.data
    if node.op is matmul:
        data = (_form(node),)
    elif node.op is trace and node.args[0].op is matmul and not operands[0].definite:
        operands = [operands[0]._replace(definite=int(_is_semidefinite_cycle(node.args[0].args)))]
    found = follows(node.op.name, operands, data, node.shape, node.op)
    if node.op is add and node.is_square and not found.is_symmetric:
        return found._replace(is_symmetric=Counter(map(transpose, node.args)) == Counter(node.args))
    return found


def needed(node: Expr) -> tuple[Expr, str] | None:
    """The operand of which an operation asks something in order to be defined, and what, where it is not evident."""
    if not node.args or node.op.name not in ("inv", "logdet", "matpow", "log", "power", "arcsin", "arccos"):
        return None
    A, words = node.args[0], "> 0"
    exponent = node.args[1] if node.op is power else None
    if node.op.name in ("inv", "logdet", "matpow"):
        is_met, words = is_invertible(A) or node.op is matpow and node.data[0] > 0, "invertible"
    elif node.op.name in ("arcsin", "arccos"):
        is_met, words = False, "in [−1, 1]"
    elif exponent is None or exponent.op is not number_op:
        is_met = is_positive(A) or exponent is not None and exponent.op.name == "dimension"
    elif (k := exponent.data[0]).denominator == 1:
        is_met, words = k > 0 or is_nonzero(A), "≠ 0"
    elif k < 0:
        is_met = is_positive(A)
    else:
        is_met, words = is_nonnegative(A), "≥ 0"
    return None if is_met else (A, words)


def range_of(node: Expr, ranges: Sequence[Range]) -> Range:
    """The range of a node, where its operands have these."""
    held = zip(node.args, ranges, strict=True)
    return _from_operands(node, [facts_of(arg)._replace(range=range) for arg, range in held]).range


def ranges_below(root: Expr, known: Mapping[Expr, Range]) -> dict[Expr, Range]:
    """The range of every node below the root, where those of some are narrower."""
    memo: dict[Expr, Range] = {}
    for node in nodes(root):
        found = range_of(node, [memo[arg] for arg in node.args])
        memo[node] = found.within(known[node]) if node in known else found
    return memo


def is_positive(A: Expr) -> bool:
    """Whether every entry is seen to be positive."""
    return facts_of(A).range.is_positive


def is_nonzero(A: Expr) -> bool:
    """Whether no entry is seen to be 0, all having one sign."""
    return facts_of(A).range.is_nonzero


def is_nonnegative(A: Expr) -> bool:
    """Whether no entry can be negative: norms, absolute values, even powers, vᵀ S v for definite S."""
    return facts_of(A).range.is_nonnegative


def is_invertible(A: Expr) -> bool:
    """Whether the matrix is seen to be invertible."""
    return facts_of(A).is_invertible


def is_definite(A: Expr) -> bool:
    """Whether the matrix is seen to be positive definite."""
    return facts_of(A).definite == 2


def is_semidefinite(A: Expr) -> bool:
    """Whether the matrix is seen to be positive semidefinite, such as Bᵀ S B."""
    return facts_of(A).definite > 0


# Products Mᵀ P M


def flattened(factors: Iterable[Expr]) -> list[Expr]:
    """The factors of a product, with the transposes of products opened."""
    found: list[Expr] = []
    for factor in factors:
        if factor.op is matmul:
            found += flattened(factor.args)
        elif factor.op is transpose and factor.args[0].op is matmul:
            found += flattened(transpose(f) for f in reversed(factor.args[0].args))
        else:
            found.append(factor)
    return found


def are_turned(left: Expr, right: Expr) -> bool:
    """Whether two factors are each other's transposes."""
    return left is transpose(right) or (left is right and facts_of(left).is_symmetric)


def halves(factors: Sequence[Expr]) -> tuple[tuple[Expr, ...], Expr | None] | None:
    """M and P of a product Mᵀ P M, where P may be missing; None where it is no such product."""
    half = len(factors) // 2
    if not all(map(are_turned, factors[:half], reversed(factors[len(factors) - half :]))):
        return None
    return tuple(factors[len(factors) - half :]), factors[half] if len(factors) % 2 else None


def weighted(factors: Iterable[Expr]) -> tuple[tuple[Expr, ...], Expr | None] | None:
    """M and P of a product Mᵀ P M with P positive semidefinite, which may be missing."""
    found = halves(flattened(factors))
    return None if found is None or found[1] is not None and not is_semidefinite(found[1]) else found


def _is_semidefinite_cycle(factors: tuple[Expr, ...]) -> bool:
    """Whether a product whose trace is taken is, turned, one of two semidefinite matrices, or one of them alone."""
    for i in range(len(factors)):
        turned = factors[i:] + factors[:i]
        if any(weighted(turned[:j]) and weighted(turned[j:]) for j in range(1, len(turned) + 1)):
            return True
    return False


def _form(product: Expr) -> Facts:
    if not product.is_square:
        return Facts()
    found = halves(flattened(product.args))
    if found is None:
        return Facts()
    M, middle = found
    inside = Facts(definite=2, is_symmetric=True) if middle is None else facts_of(middle)
    return inside._replace(is_invertible=all(map(is_invertible, M)))


def vanishing(A: Expr) -> Expr | None:
    """The B such that the scalar A ≥ 0 is 0 just where B = 0; None where none is seen.

    Norms, Bᵀ S B and its trace for definite S, sums of even powers, and positive multiples.
    """
    if "norm" in A.op.traits:
        return A.args[0]
    if A.op is mul:
        rest = [B for B in A.args if not is_positive(B)]
        return vanishing(rest[0]) if len(rest) == 1 else None
    if A.op is sum_entries and A.args[0].op is power:
        base, exponent = A.args[0].args
        is_even = exponent.op is number_op and exponent.data[0] % 2 == 0 and exponent.data[0] > 0
        return base if is_even else None
    product = A.args[0] if A.op is trace else A
    found = halves(flattened(product.args)) if product.op is matmul and A.is_scalar else None
    return matmul(*found[0]) if found is not None and (found[1] is None or is_definite(found[1])) else None


def _base(A: Expr) -> Expr:
    """The matrix that A is evidently a function of."""
    while True:
        if A.op is scale:
            A = A.args[1]
        elif A.op in (matpow, inv, expm):
            A = A.args[0]
        elif A.op is transpose and A.args[0].op in (matpow, inv, expm):
            A = transpose(A.args[0].args[0])
        elif A.op is transpose and facts_of(A).is_symmetric:
            A = A.args[0]
        else:
            return A


def commute(A: Expr, B: Expr) -> bool:
    """Whether A B = B A is evident: both are functions of one matrix."""
    A, B = _base(A), _base(B)
    return A is B or A.op is identity_op or B.op is identity_op or is_zero(A) or is_zero(B)
