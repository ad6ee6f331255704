"""Functions of each entry, and of the entries of two arrays that broadcast."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from .. import operations as ops
from .. import rows
from ..errors import ParseError
from ..expr import Expr, constant, fold, nodes, number, number_op, ones
from ..facts import is_nonnegative, is_positive
from .array_table import row
from .arrays import Array, Plan
from .indexing import indexed
from .vocabulary import ENTRYWISE


def _entrywise(f: Callable[[Any], Expr]) -> Callable[..., Array]:
    return lambda p, a: p.function(f, a)


def _one(A: Expr) -> Expr:
    return ones(*A.shape)


def _scaled(c: Any, A: Expr) -> Expr:
    return ops.scale(c, A)


def _log_to(base: int) -> Callable[[Expr], Expr]:
    return lambda A: ops.divide(ops.log(A), ops.log(number(base)))


def _gelu_tanh(A: Expr) -> Expr:
    inside = A + _scaled(Fraction(44715, 1000000), ops.power(A, 3))
    return _scaled(
        Fraction(1, 2),
        ops.hadamard(A, _one(A) + ops.tanh(_scaled(ops.sqrt(ops.divide(number(2), constant("π"))), inside))),
    )  # fmt: skip


def _gelu_of(p: Plan, approximate: Any) -> Callable[[Expr], Expr]:
    is_exact = approximate in ("none", False) or approximate == "default" and p.is_torch
    return rows.gelu if is_exact else _gelu_tanh


_OF_LIBRARIES = ("step", "softplus")  # which NumPy has not under these names
EVERYWHERE = "np torch special method bare"
_SCALAR: dict[str, Callable[[Any], Expr]] = {
    **{f"{name} {name.replace('arc', 'a')}": f for name, f in ops.FUNCTIONS.items() if name not in _OF_LIBRARIES},
    "absolute fabs": ops.absolute, "sgn": ops.sign, "sqrt": ops.sqrt,
    **{name: ENTRYWISE[name] for name in ("square", "log1p", "expm1")}, "reciprocal": lambda A: ops.power(A, -1),
    "rsqrt": lambda A: ops.power(A, Fraction(-1, 2)), "negative neg": lambda A: -A, "positive": lambda A: A,
    "log2": _log_to(2), "log10": _log_to(10), "exp2": lambda A: ops.exp(_scaled(ops.log(number(2)), A)),
    "expit": ops.sigmoid, "ReLU": ops.relu, "deg2rad radians": lambda A: ops.divide(
        _scaled(constant("π"), A), number(180)),
}  # fmt: skip
_ACTIVATIONS: dict[str, Callable[[Any], Expr]] = {
    "softplus": ops.softplus, "log_sigmoid logsigmoid log_expit": ENTRYWISE["logsigmoid"], "silu swish": rows.silu,
    "softsign soft_sign": ENTRYWISE["softsign"], "elu": rows.elu,
    **{name: ENTRYWISE[name] for name in ("mish", "logit")}, "tanhshrink": lambda A: A - ops.tanh(A),
    "hard_tanh hardtanh": lambda A: ops.relu(A + _one(A)) - ops.relu(A - _one(A)) - _one(A),
    "relu6": lambda A: ops.relu(A) - ops.relu(A - _scaled(6, _one(A))),
}  # fmt: skip
for _names, _f in _SCALAR.items():
    row(f"{EVERYWHERE} nn math", _names, "a", _entrywise(_f))
row("bare", "σ sigma", "a", _entrywise(ops.sigmoid))
for _names, _f in _ACTIVATIONS.items():
    row("nn special torch bare", _names, "a", _entrywise(_f))
row("nn bare", "gelu", "a, approximate=default", lambda p, a, how: p.function(_gelu_of(p, how), a))
row("nn", "leaky_relu", "a, negative_slope=0.01", lambda p, a, slope: p.node(a.axes, rows.leaky_relu, a, slope))
del _names, _f


# Two arrays


def maximum(p: Plan, a: Array, b: Array) -> Array:
    """max(a, b) = b + relu(a − b), and relu(a) beside 0."""
    for zero, other in ((a, b), (b, a)):
        if zero.number == 0:
            return p.function(ops.relu, other)
    return p.add(b, p.function(ops.relu, p.add(a, b, -1)))


def minimum(p: Plan, a: Array, b: Array) -> Array:
    """min(a, b) = b − relu(b − a)."""
    for zero, other in ((a, b), (b, a)):
        if zero.number == 0:
            return p.negative(p.function(ops.relu, p.negative(other)))
    return p.add(b, p.function(ops.relu, p.add(b, a, -1)), -1)


def clip(p: Plan, a: Array, low: Array | None, high: Array | None) -> Array:
    made = a if low is None else maximum(p, a, low)
    return made if high is None else minimum(p, made, high)


def where(p: Plan, mask: Array, a: Array, b: Array) -> Array:
    """The mask times one value and its complement times the other, for values that are numbers everywhere."""
    if not mask.is_mask:
        raise p.refuse("the condition of where is no comparison", "as in np.where(z > 0, a, b)")
    one, other = _branch(p, a, mask, 1), _branch(p, b, mask, -1)
    if other.number == 0:
        return p.times(mask, one)
    return p.add(p.times(mask, one), p.times(opposite(p, mask), other))


def _branch(p: Plan, a: Array, mask: Array, sign: int) -> Array:
    if a.number is not None or a.is_symbol:
        return a
    return p.node(a.axes, lambda A, M: _total(A, _held(M, sign)), a, mask)


def _held(mask: Expr, sign: int) -> Expr | None:
    """What is at least 0 where the mask is 1, or where it is 0 for the sign −1: t of step(t), −t of 1 − step(t)."""
    steps = [node for node in nodes(mask) if node.op is ops.step]
    if len(steps) != 1 or mask not in (steps[0], _one(mask) - steps[0]):
        return None
    return steps[0].args[0] if (sign > 0) == (mask is steps[0]) else -steps[0].args[0]


def _total(A: Expr, held: Expr | None) -> Expr:
    """The expression, if it is a number wherever its symbols are; log(1 + eᵗ) and 1/(1 + eᵗ) as softplus and sigmoid.

    Of e⁻ᵗ, where t ≥ 0 is `held`, the exponent is 0 where the other branch is taken: −t − relu(−t), of slope −1 at 0.

    Raises
    ------
    ParseError
        It may be none where the other branch is taken.
    """
    made = fold(A, lambda node, args: _settled(node, args, held))
    for node in nodes(made):
        inside = node.args[0] if node.args else node
        exponent = node.args[1].data[0] if node.op is ops.power and node.args[1].op is number_op else None
        is_whole = exponent is not None and exponent.denominator == 1 and exponent > 0
        if (
            (node.op is ops.log or node.op is ops.power and not is_whole) and not is_positive(inside)
            or node.op is ops.exp and not is_nonnegative(-inside) and (held is None or inside is not _lowered(held))
            or node.op in (ops.tan, ops.sinh, ops.cosh, ops.arcsin, ops.arccos, ops.inv, ops.expm, ops.logdet)
        ):  # fmt: skip
            raise ParseError(
                "where with a logarithm, a root, a quotient or a growing exponential in a branch is not read",
                hint="NumPy takes the other branch where it is no number, and a product with 0 does not",
            )
    return made


def _settled(node: Expr, args: list[Expr], held: Expr | None) -> Expr:
    made = node.op.build(tuple(args), node.data) if args else node
    if node.op is ops.exp and held is not None and args[0] is -held:
        return ops.exp(_lowered(held))
    raised = rows.raised(args[0]) if args else None
    if raised is not None and node.op is ops.log:
        return ops.softplus(raised)
    if raised is not None and node.op is ops.power and args[1] is number(-1):
        return ops.sigmoid(-raised)
    for one, other in (args, args[::-1]) if node.op is ops.hadamard else ():  # eᵗ σ(−t)
        if one.op is ops.exp and other is ops.sigmoid(-one.args[0]):
            return ops.sigmoid(one.args[0])
    return made


def _lowered(held: Expr) -> Expr:
    return -held - ops.relu(-held)


def heaviside(p: Plan, a: Array, b: Array) -> Array:
    """The step, with the value b at 0."""
    up, down = p.function(ops.step, a), p.function(ops.step, p.negative(a))
    return up if b.number == 0 else p.add(up, p.times(b, p.add(p.add(p.constant(1), up, -1), down, -1)))


def opposite(p: Plan, mask: Array) -> Array:
    made = p.add(p.constant(1), mask, -1)
    made.is_mask = True
    return made


def xlogy(p: Plan, a: Array, b: Array) -> Array:
    return p.times(a, p.function(ops.log, b))


def logaddexp(p: Plan, a: Array, b: Array) -> Array:
    return p.add(a, p.function(ops.softplus, p.add(b, a, -1)))


def dot(p: Plan, a: Array, b: Array) -> Array:
    p.expect_axes(a, b)
    return p.matmul(a, b) if a.rank and b.rank else p.times(a, b)


def inner(p: Plan, a: Array, b: Array) -> Array:
    p.expect_axes(a, b)
    if not a.rank or not b.rank:
        return p.times(a, b)
    if b.rank == 2:
        return p.matmul(a, p.transposed(b)) if a.rank == 2 else p.matmul(b, a)
    return p.matmul(a, b)


def outer(p: Plan, a: Array, b: Array) -> Array:
    if a.rank != 1 or b.rank != 1:
        guilty = [x for x in (a, b) if x.rank != 1]
        raise p.misfit(f"the outer product needs one-dimensional arrays, and {p.described(guilty[0])} is none", *guilty)
    return p.times(indexed(p, a, [slice(None), None]), b)


def kron(p: Plan, a: Array, b: Array) -> Array:
    if not a.rank or not b.rank:
        return p.times(a, b)
    if a.rank != b.rank:
        raise p.refuse("np.kron of a matrix and a one-dimensional array is not read")
    return p.node([p.sizes.times(x, y) for x, y in zip(a.axes, b.axes)], ops.kron, a, b)


def _flat_inner(p: Plan, a: Array, b: Array) -> Array:
    return p.times(a, b) if not a.rank and not b.rank else p.inner(a, b)


for _names, _g in {
    "add": Plan.add, "subtract sub": lambda p, a, b: p.add(a, b, -1), "multiply mul": Plan.times,
    "divide true_divide div": Plan.over, "power pow float_power": Plan.power, "maximum fmax": maximum,
    "minimum fmin": minimum,
    "logaddexp": logaddexp, "hypot": lambda p, a, b: p.function(
        ops.sqrt, p.add(p.power(a, p.constant(2)), p.power(b, p.constant(2)))),
    "matmul mm mv": Plan.matmul, "outer ger": outer, "kron": kron, "vdot": _flat_inner,
    "greater gt": lambda p, a, b: compared(p, ">", a, b), "less lt": lambda p, a, b: compared(p, "<", a, b),
    "greater_equal ge": lambda p, a, b: compared(p, ">=", a, b),
    "less_equal le": lambda p, a, b: compared(p, "<=", a, b), "heaviside": heaviside,
}.items():  # fmt: skip
    row(EVERYWHERE, _names, "a, b", _g)
row("np method bare", "dot", "a, b", dot)
row("torch", "dot inner vdot", "a, b", Plan.matmul)
row("np bare", "inner", "a, b", inner)
row("special torch", "xlogy", "a, b", xlogy)
row("special torch", "entr", "a", lambda p, a: p.negative(xlogy(p, a, a)))
row("special", "rel_entr", "a, b", lambda p, a, b: xlogy(p, a, p.over(a, b)))
row("special", "kl_div", "a, b", lambda p, a, b: p.add(p.add(xlogy(p, a, p.over(a, b)), a, -1), b))
row("special", "xlog1py", "a, b", lambda p, a, b: p.times(a, p.function(lambda B: ops.log(_one(B) + B), b)))
row("np torch bare", "where", "condition, a, b", where)
row("np torch method bare", "clip clamp", "a, a_min=None, a_max=None", clip)
del _names, _g


def compared(p: Plan, sign: str, a: Array, b: Array) -> Array:
    """A comparison as an array of zeros and ones."""
    difference = p.add(a, b, -1) if b.number != 0 else a
    if a.number == 0:
        difference, sign = b, sign.translate(str.maketrans("<>", "><"))
    if sign in ("<", ">="):
        difference = p.negative(difference)
    made = p.function(ops.step, difference)
    if sign in ("<=", ">="):
        made = p.add(p.constant(1), made, -1)
    made.is_mask = True
    return made
