"""The calculus: differential and pullback of each operation.

`dA, dB` are differentials of the operands `A, B`; `G` is the cotangent of the
result Y, `g` if Y is scalar.  A row is right when
<G, dY> = sum_i <pullback_i(G), dA_i>  for all G and dA_i; the tests check that,
and a central difference, for every row.

`where` is the condition under which the row holds, about the operand `A`; it is
printed with every result that used the row (`Rule.condition`).

[MC]    Petersen & Pedersen, The Matrix Cookbook, 2012 (equation).
[MN]    Magnus & Neudecker, Matrix Differential Calculus, 3rd ed., 2019 (chapter, section).
[BV]    Boyd & Vandenberghe, Convex Optimization, 2004 (section).
[H]     Higham, Functions of Matrices, 2008 (theorem, section).
[W]     Watson, Characterization of the subdifferential of some matrix norms,
        Linear Algebra Appl. 170, 1992 (section).
[DLMF]  NIST Digital Library of Mathematical Functions (section).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from .errors import MissingRuleError
from .expr import (
    Expr,
    Operation,
    as_expr,
    constant,
    constant_op,
    identity,
    identity_op,
    is_zero,
    number,
    number_op,
    ones,
    ones_op,
    zero_like,
    zeros,
)
from .operations import (
    absolute,
    add,
    arccos,
    arcsin,
    arctan,
    block,
    block_inner,
    block_op,
    block_sum,
    cos,
    cosh,
    det,
    diagonal,
    diagonal_matrix,
    divide,
    dominant,
    erf,
    exp,
    expm,
    hadamard,
    inner,
    inv,
    kron,
    log,
    logdet,
    logsumexp,
    matmul,
    matpow,
    mul,
    norm,
    norm1,
    nuclear_norm,
    polar,
    power,
    relu,
    scale,
    sigmoid,
    sign,
    sin,
    sinh,
    softmax,
    softplus,
    spectral_norm,
    sq_norm,
    step,
    submatrix,
    sum_entries,
    tan,
    tanh,
    trace,
    transpose,
    tril,
    triu,
    unvec,
    vec,
)
from .shapes import Dim

Formula = Callable[..., Expr]


class Rule:
    """A row of the calculus.

    Attributes
    ----------
    operation : Operation
    differential : callable
        `(dA, dB, ..., A, B, ..., *data) -> dY`; an operation of any number of operands
        takes two lists, `([dA, ...], [A, ...], *data)`.
    pullback : tuple of callables, or one
        `(G, A, B, ..., *data) -> cotangent` of each operand; an operation of any number of
        operands has one, `(G, i, [A, ...], *data)`.
    where : str or None
        The condition under which it holds, about the operand `A`.
    source : str
        Where the formula stands in print.
    note : str or None
        What a reader should know besides.
    """

    __slots__ = ("operation", "differential", "pullback", "where", "source", "note", "holds")

    def __init__(
        self,
        operation: Operation,
        differential: Formula,
        pullback: Sequence[Formula] | Formula,
        where: str | None,
        source: str,
        note: str | None,
        holds: Callable[[Expr], str | None] | None,
    ) -> None:
        self.operation = operation
        self.differential = differential
        self.pullback = pullback
        self.where = where
        self.source = source
        self.note = note
        self.holds = holds

    def pull(self, cotangent: Expr, node: Expr, i: int) -> Expr:
        """What the cotangent of `node` contributes to the cotangent of its operand `i`."""
        if callable(self.pullback):
            return self.pullback(cotangent, i, node.args, *node.data)
        return self.pullback[i](cotangent, *node.args, *node.data)

    def push(self, node: Expr, differentials: Sequence[Expr | None]) -> Expr:
        """The differential of `node`, given those of its operands; None where one is constant."""
        given = [zero_like(a) if d is None else d for a, d in zip(node.args, differentials, strict=True)]
        if callable(self.pullback):
            return self.differential(given, node.args, *node.data)
        return self.differential(*given, *node.args, *node.data)

    def condition(self, node: Expr) -> str | None:
        """The condition at this node, about its operand; None where its properties ensure it."""
        template = self.condition_template(node)
        return None if template is None else template.format(node.args[0].text())

    def condition_template(self, node: Expr) -> str | None:
        """The condition at this node, with `{}` for the first operand."""
        where = self.where if self.holds is None else self.holds(node)
        return None if where is None else re.sub(r"\bA\b", "{}", where)


RULES: dict[str, Rule] = {}


def rule(
    operation: Operation,
    *,
    differential: Formula,
    pullback: Sequence[Formula] | Formula,
    where: str | None = None,
    source: str = "[MN] 8.2",
    note: str | None = None,
    holds: Callable[[Expr], str | None] | None = None,
) -> Rule:
    """Add a row.  `holds` gives the condition at a node where it depends on the node."""
    made = Rule(operation, differential, pullback, where, source, note, holds)
    RULES[operation.name] = made
    return made


def rule_of(operation: Operation) -> Rule:
    """The row of an operation; MissingRuleError if it has none."""
    try:
        return RULES[operation.name]
    except KeyError:
        raise MissingRuleError(f"{operation.name} has no differentiation rule") from None


# Parts of formulas, in the form that people write


def contract(A: Expr, B: Expr) -> Expr:
    """<A, B>: uᵀ v for vectors, the sum of B for ones, tr B for the identity."""
    factor, A, B = _unscaled(A, B)
    if is_zero(A) or is_zero(B):
        return number(0)
    if A.op is ones_op or B.op is ones_op:
        value = sum_entries(B if A.op is ones_op else A)
    elif A.op is identity_op or B.op is identity_op:
        value = trace(B if A.op is identity_op else A)
    elif A is B:
        value = sq_norm(A)
    elif A.is_vector:
        value = transpose(A) @ B
    else:
        value = inner(A, B)
    return mul(factor, value)


def _unscaled(A: Expr, B: Expr) -> tuple[Expr, Expr, Expr]:
    factors = []
    if A.op is scale:
        factors.append(A.args[0])
        A = A.args[1]
    if B.op is scale:
        factors.append(B.args[0])
        B = B.args[1]
    return mul(*factors), A, B


def _ones(A: Expr) -> Expr:
    return ones(*A.shape)


def _identity(A: Expr) -> Expr:
    return identity(A.shape[0])


def _less_one(t: Expr) -> Expr:
    return number(t.data[0] - 1) if t.op is number_op else t - 1


def _log(A: Expr) -> Expr:
    return number(1) if A.op is constant_op and A.name == "e" else log(A)


# Sums and products

rule(
    add,  # Y = A + B + ...
    differential=lambda dA, A: add(*dA),
    pullback=lambda G, i, A: G,
    source="[MC] 35",
)
rule(
    mul,  # y = a b ..., scalars
    differential=lambda dA, A: add(*(mul(*A[:i], dA[i], *A[i + 1 :]) for i in range(len(A)))),
    pullback=lambda g, i, A: mul(g, *A[:i], *A[i + 1 :]),
    source="[MC] 37",
)
rule(
    scale,  # Y = a B, a scalar
    differential=lambda da, dB, a, B: da * B + a * dB,
    pullback=(lambda G, a, B: contract(G, B), lambda G, a, B: a * G),
    source="[MC] 34",
)
rule(
    matmul,  # Y = A B ...
    differential=lambda dA, A: add(*(matmul(*A[:i], dA[i], *A[i + 1 :]) for i in range(len(A)))),
    pullback=lambda G, i, A: matmul(*map(transpose, A[:i][::-1]), G, *map(transpose, A[i + 1 :][::-1])),
    source="[MC] 37",
)
rule(
    transpose,
    differential=lambda dA, A: dA.T,
    pullback=(lambda G, A: G.T,),
    source="[MC] 44",
)
rule(
    hadamard,  # Y = A ⊙ B ⊙ ...
    differential=lambda dA, A: add(*(hadamard(*A[:i], dA[i], *A[i + 1 :]) for i in range(len(A)))),
    pullback=lambda G, i, A: hadamard(G, *A[:i], *A[i + 1 :]),
    source="[MC] 38",
)
rule(
    kron,  # Y = A ⊗ B
    differential=lambda dA, dB, A, B: product(dA, B) + product(A, dB),
    pullback=(lambda G, A, B: partial_inner(G, A, B), lambda G, A, B: partial_sum(G, A, B)),
    source="[MC] 39",
)


def product(A: Expr, B: Expr) -> Expr:
    """A ⊗ B, zero if a factor is."""
    made = kron(A, B)
    return zero_like(made) if is_zero(A) or is_zero(B) else made


def factors(G: Expr, A: Expr, B: Expr) -> tuple[Expr, Expr] | None:
    """P, Q of the shapes of A, B with P ⊗ Q = G, where G shows them."""
    if G.op is kron:
        P, Q = G.args
    elif G.op is transpose and G.args[0].op is kron:
        P, Q = (transpose(F) for F in G.args[0].args)
    elif G.op is identity_op and A.is_square and B.is_square:
        P, Q = _identity(A), _identity(B)
    elif G.op is ones_op:
        P, Q = _ones(A), _ones(B)
    else:
        return None
    return (P, Q) if P.shape == A.shape and Q.shape == B.shape else None


def partial_inner(G: Expr, A: Expr, B: Expr) -> Expr:
    """The pullback of A ⊗ B to A: entry (i, j) is <block (i, j) of G, B>."""
    if G.op is scale:
        return G.args[0] * partial_inner(G.args[1], A, B)
    if is_zero(G):
        return zero_like(A)
    parts = factors(G, A, B)
    return contract(parts[1], B) * parts[0] if parts else block_inner(G, B)


def partial_sum(G: Expr, A: Expr, B: Expr) -> Expr:
    """The pullback of A ⊗ B to B: the sum over i, j of A_ij times block (i, j) of G."""
    if G.op is scale:
        return G.args[0] * partial_sum(G.args[1], A, B)
    if is_zero(G):
        return zero_like(B)
    parts = factors(G, A, B)
    return contract(parts[0], A) * parts[1] if parts else block_sum(G, A)


rule(
    block_inner,  # Y_ij = <block (i, j) of A, B>
    differential=lambda dA, dB, A, B: _blocks(block_inner, dA, B) + _blocks(block_inner, A, dB),
    pullback=(lambda G, A, B: kron(G, B), lambda G, A, B: partial_sum(A, G, B)),
    source="[MN] 2.2",
    note="adjoint of A ⊗ B in A",
)
rule(
    block_sum,  # Y = the sum over i, j of B_ij times block (i, j) of A
    differential=lambda dA, dB, A, B: _blocks(block_sum, dA, B) + _blocks(block_sum, A, dB),
    pullback=(lambda G, A, B: kron(B, G), lambda G, A, B: partial_inner(A, B, G)),
    source="[MN] 2.2",
    note="adjoint of A ⊗ B in B",
)


def _blocks(operation: Operation, A: Expr, B: Expr) -> Expr:
    made = operation(A, B)
    return zero_like(made) if is_zero(A) or is_zero(B) else made


# Powers and inverses


def _power_condition(node: Expr) -> str | None:
    base, exponent = node.args
    if is_positive(base):
        return None
    if exponent.op is not number_op:
        return "A > 0"
    value = exponent.data[0]
    if value.denominator == 1:
        return None if value > 0 else "A ≠ 0"
    return "A > 0"


def is_positive(A: Expr) -> bool:
    """Whether every entry is seen to be positive."""
    if A.op in (exp, sigmoid, softplus, softmax, cosh, ones_op) or "positive" in A.properties:
        return True
    if A.op.name in ("constant", "dimension"):
        return True
    if A.op is number_op:
        return bool(A.data[0] > 0)
    if A.op in (add, mul, hadamard, scale, matmul, kron, transpose, sum_entries, vec):
        return all(is_positive(B) for B in A.args)
    return A.op is power and is_positive(A.args[0])


rule(
    power,  # Y = A.^t, t scalar
    differential=lambda dA, dt, A, t: (
        hadamard(t * power(A, _less_one(t)), dA)
        + (zero_like(A) if is_zero(dt) else dt * hadamard(power(A, t), _log(A)))
    ),
    pullback=(
        lambda G, A, t: t * hadamard(G, power(A, _less_one(t))),
        lambda G, A, t: contract(G, hadamard(power(A, t), _log(A))),
    ),
    where="A > 0",
    holds=_power_condition,
    source="[DLMF] 4.26",
)


def _invertible(node: Expr) -> str | None:
    return None if node.args[0].properties & {"spd", "orthogonal"} else "A invertible"


rule(
    inv,  # Y = A⁻¹
    differential=lambda dA, A: -(inv(A) @ dA @ inv(A)),
    pullback=(lambda G, A: -(inv(A).T @ G @ inv(A).T),),
    where="A invertible",
    holds=_invertible,
    source="[MC] 40, 60",
)


def _matpow_terms(k: int) -> list[tuple[int, int, int]]:
    """Sign and the powers of A to the left and right of dA, in the differential of A^k."""
    if k >= 0:
        return [(1, i, k - 1 - i) for i in range(k)]
    return [(-1, -i, k - 1 + i) for i in range(1, 1 - k)]


rule(
    matpow,  # Y = A^k, k integer
    differential=lambda dA, A, k: add(
        *(c * (matpow(A, i) @ dA @ matpow(A, j)) for c, i, j in _matpow_terms(k)),
    ),
    pullback=(
        lambda G, A, k: add(
            *(c * (transpose(matpow(A, i)) @ G @ transpose(matpow(A, j))) for c, i, j in _matpow_terms(k)),
        ),
    ),
    where="A invertible",
    holds=lambda node: _invertible(node) if node.data[0] < 0 else None,
    source="[MC] 90",
)

# Scalars of matrices

rule(
    trace,
    differential=lambda dA, A: trace(dA),
    pullback=(lambda g, A: g * _identity(A),),
    source="[MC] 36",
)
rule(
    det,
    differential=lambda dA, A: det(A) * trace(inv(A) @ dA),
    pullback=(lambda g, A: g * det(A) * inv(A).T,),
    where="A invertible",
    holds=_invertible,
    source="[MC] 42, 49",
)
rule(
    logdet,  # y = log |det A|
    differential=lambda dA, A: trace(inv(A) @ dA),
    pullback=(lambda g, A: g * inv(A).T,),
    where="A invertible",
    holds=_invertible,
    source="[MC] 43, 57",
)
rule(
    inner,  # y = <A, B>
    differential=lambda dA, dB, A, B: contract(dA, B) + contract(A, dB),
    pullback=(lambda g, A, B: g * B, lambda g, A, B: g * A),
    source="[MC] 100, 103",
)
rule(
    sq_norm,  # y = ‖A‖²
    differential=lambda dA, A: 2 * contract(A, dA),
    pullback=(lambda g, A: 2 * g * A,),
    source="[MC] 131, 132",
)
rule(
    norm,  # y = ‖A‖
    differential=lambda dA, A: divide(contract(A, dA), norm(A)),
    pullback=(lambda g, A: divide(g * A, norm(A)),),
    where="A ≠ 0",
    source="[MC] 129",
)
rule(
    norm1,  # y = sum of |entries|
    differential=lambda dA, A: contract(sign(A), dA),
    pullback=(lambda g, A: g * sign(A),),
    where="no entry of A is 0",
    source="[BV] A.4",
)
rule(
    nuclear_norm,  # y = sum of the singular values
    differential=lambda dA, A: contract(polar(A), dA),
    pullback=(lambda g, A: g * polar(A),),
    where="A of full rank",
    source="[W] 4",
    note="polar(A) = U Vᵀ of the singular value decomposition",
)
rule(
    spectral_norm,  # y = largest singular value
    differential=lambda dA, A: contract(dominant(A), dA),
    pullback=(lambda g, A: g * dominant(A),),
    where="the largest singular value of A is simple",
    source="[W] 4",
    note="dominant(A) = u vᵀ, the singular vectors of the largest singular value",
)
rule(
    sum_entries,
    differential=lambda dA, A: sum_entries(dA),
    pullback=(lambda g, A: g * _ones(A),),
    source="[MN] 8.2",
)
rule(
    logsumexp,
    differential=lambda da, a: transpose(softmax(a)) @ da,
    pullback=(lambda g, a: g * softmax(a),),
    source="[BV] 3.1.5",
)
rule(
    softmax,  # p = softmax(a)
    differential=lambda da, a: hadamard(softmax(a), da) - softmax(a) @ (transpose(softmax(a)) @ da),
    pullback=(lambda G, a: hadamard(softmax(a), G) - (transpose(softmax(a)) @ G) * softmax(a),),
    source="[BV] 3.1.5",
    note="the Jacobian is diag(p) − p pᵀ",
)

# Rearrangements: linear, so the differential is the operation itself

rule(diagonal, differential=lambda dA, A: diagonal(dA), pullback=(lambda G, A: diagonal_matrix(G),))
rule(diagonal_matrix, differential=lambda da, a: diagonal_matrix(da), pullback=(lambda G, a: diagonal_of(G),))
rule(vec, differential=lambda dA, A: vec(dA), pullback=(lambda G, A: unvec(G, *A.shape),), source="[MN] 2.4")
rule(unvec, differential=lambda da, a, m, n: unvec(da, m, n), pullback=(lambda G, a, m, n: vec(G),), source="[MN] 2.4")
rule(tril, differential=lambda dA, A: tril(dA), pullback=(lambda G, A: tril(G),))
rule(triu, differential=lambda dA, A: triu(dA), pullback=(lambda G, A: triu(G),))


def diagonal_of(G: Expr) -> Expr:
    """The diagonal of G; a u vᵀ is seen to give u ⊙ v."""
    if G.op is scale:
        return G.args[0] * diagonal_of(G.args[1])
    if G.op is identity_op or G.op is ones_op:
        return ones(G.shape[0])
    if G.op is diagonal_matrix:
        return G.args[0]
    if G.op is matmul:
        for i in range(1, len(G.args)):
            left, right = matmul(*G.args[:i]), matmul(*G.args[i:])
            if left.is_vector:
                return hadamard(left, transpose(right))
    return diagonal(G)


def _offsets(A: Sequence[Expr], rows: int, columns: int) -> list[tuple[Dim, Dim, Dim, Dim]]:
    """First row, rows, first column, columns of each block."""
    places, top = [], Dim.of(0)
    for i in range(rows):
        height, left = A[i * columns].shape[0], Dim.of(0)
        for j in range(columns):
            width = A[j].shape[1]
            places.append((top, height, left, width))
            left = left + width
        top = top + height
    return places


rule(
    block_op,  # Y = [A B; C D]
    differential=lambda dA, A, rows, columns: block_op.build(tuple(dA), (rows, columns)),
    pullback=lambda G, i, A, rows, columns: submatrix(G, *_offsets(A, rows, columns)[i]),
)


def padded(G: Expr, A: Expr, top: Any, height: Any, left: Any, width: Any) -> Expr:
    """G in a matrix of zeros of the shape of A, from row `top` and column `left` on."""
    heights = [Dim.of(top), Dim.of(height), A.shape[0] - top - height]
    widths = [Dim.of(left), Dim.of(width), A.shape[1] - left - width]
    return block(
        [
            [G if (i, j) == (1, 1) else zeros(h, w) for j, w in enumerate(widths) if w != 0]
            for i, h in enumerate(heights)
            if h != 0
        ]
    )


rule(
    submatrix,
    differential=lambda dA, A, *place: submatrix(dA, *place),
    pullback=(lambda G, A, *place: padded(G, A, *place),),
)

# Functions of matrices


def _base(A: Expr) -> Expr:
    """The matrix that A is evidently a function of."""
    while True:
        if A.op is scale:
            A = A.args[1]
        elif A.op in (matpow, inv, expm):
            A = A.args[0]
        elif A.op is transpose and A.args[0].op in (matpow, inv, expm):
            A = transpose(A.args[0].args[0])
        else:
            return A


def commute(A: Expr, B: Expr) -> bool:
    """Whether A B = B A is evident: both are functions of one matrix."""
    A, B = _base(A), _base(B)
    return A is B or A.op is identity_op or B.op is identity_op or is_zero(A) or is_zero(B)


def derivative_of_expm(A: Expr, E: Expr) -> Expr:
    """L(A, E), the derivative of the matrix exponential at A in the direction E.

    It is E e^A where the two commute, and the upper right block of exp([A E; 0 A]) always.
    """
    if is_zero(E):
        return E
    if E.op is identity_op or (E.op is scale and E.args[1].op is identity_op):
        return E @ expm(A)
    if commute(A, E):
        return E @ expm(A)
    n = A.shape[0]
    return submatrix(expm(block([[A, E], [zero_like(A), A]])), Dim.of(0), n, n, n)


rule(
    expm,
    differential=lambda dA, A: derivative_of_expm(A, dA),
    pullback=(
        lambda G, A: transpose(derivative_of_expm(A, transpose(G))) if commute(A.T, G) else derivative_of_expm(A.T, G),
    ),
    source="[H] 3.6, 10.2",
    note="the upper right block of exp([A E; 0 A]) is its derivative at A in the direction E",
)


def _no_second_derivative(name: str, of: str) -> Formula:
    def refuse(*operands: Any) -> Expr:
        raise MissingRuleError(
            f"{name} has no derivative in matrix notation: {of} is differentiated once only",
        )

    return refuse


for _operation, _of in ((polar, "the nuclear norm"), (dominant, "the spectral norm")):
    rule(
        _operation,
        differential=_no_second_derivative(_operation.name, _of),
        pullback=(_no_second_derivative(_operation.name, _of),),
        source="[W] 4",
        note=f"the gradient of {_of}; its own derivative is refused",
    )


# Scalar functions, applied to each entry: name, derivative, domain


def scalar_function(
    operation: Operation,
    derivative: Callable[[Expr], Expr],
    *,
    where: str | None = None,
    source: str = "",
) -> Rule:
    """Add the row of an elementwise function from its derivative f′: dY = f′(A) ⊙ dA."""
    return rule(
        operation,
        differential=lambda dA, A: hadamard(derivative(A), dA),
        pullback=(lambda G, A: hadamard(G, derivative(A)),),
        where=where,
        holds=(lambda node: None if is_positive(node.args[0]) else where) if where in _FOR_POSITIVE else None,
        source=source,
    )


_FOR_POSITIVE = ("A > 0", "no entry of A is 0")  # conditions that positive operands meet
_HALF = Fraction(1, 2)

scalar_function(exp, exp, source="[DLMF] 4.7")
scalar_function(log, lambda A: power(A, -1), where="A > 0", source="[DLMF] 4.7")
scalar_function(sin, cos, source="[DLMF] 4.20")
scalar_function(cos, lambda A: -sin(A), source="[DLMF] 4.20")
scalar_function(tan, lambda A: _ones(A) + power(tan(A), 2), where="no entry of cos A is 0", source="[DLMF] 4.20")
scalar_function(arcsin, lambda A: power(_ones(A) - power(A, 2), -_HALF), where="|A| < 1", source="[DLMF] 4.24")
scalar_function(arccos, lambda A: -power(_ones(A) - power(A, 2), -_HALF), where="|A| < 1", source="[DLMF] 4.24")
scalar_function(arctan, lambda A: power(_ones(A) + power(A, 2), -1), source="[DLMF] 4.24")
scalar_function(sinh, cosh, source="[DLMF] 4.34")
scalar_function(cosh, sinh, source="[DLMF] 4.34")
scalar_function(tanh, lambda A: _ones(A) - power(tanh(A), 2), source="[DLMF] 4.34")
scalar_function(absolute, sign, where="no entry of A is 0", source="[BV] A.4")
scalar_function(sign, zero_like, where="no entry of A is 0", source="[BV] A.4")
scalar_function(
    erf, lambda A: divide(as_expr(2), power(constant("π"), _HALF)) * exp(-power(A, 2)), source="[DLMF] 7.2, 7.10"
)
scalar_function(relu, step, where="no entry of A is 0", source="[BV] A.4")
scalar_function(step, zero_like, where="no entry of A is 0", source="[BV] A.4")
scalar_function(sigmoid, lambda A: hadamard(sigmoid(A), _ones(A) - sigmoid(A)), source="[BV] 3.1.5")
scalar_function(softplus, sigmoid, source="[BV] 3.1.5")
