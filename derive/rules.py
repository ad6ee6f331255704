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

from .adjoints import (
    adjoint_of_dominant,
    adjoint_of_polar,
    bilinear,
    block_places,
    contract,
    derivative_of_dominant,
    derivative_of_expm,
    derivative_of_polar,
    diagonal_of,
    is_short,
    padded,
    partial_inner,
    partial_sum,
)
from .errors import MissingRuleError
from .expr import (
    OPERATIONS,
    Expr,
    Operation,
    constant_op,
    identity,
    is_zero,
    number,
    number_op,
    ones,
    zero_like,
)
from .facts import commute, is_invertible, is_nonnegative, is_nonzero, is_positive, vanishing
from .operations import (
    add,
    block_inner,
    block_op,
    block_sum,
    det,
    diagonal,
    diagonal_matrix,
    divide,
    dominant,
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
    row_sums,
    scale,
    sign,
    softmax,
    spectral_norm,
    sq_norm,
    step,
    submatrix,
    sum_entries,
    trace,
    transpose,
    unvec,
    vec,
)
from .own_functions import OwnFunction, operation_named
from .rows import argmax_row, logsumexp_row, max_row, softmax_row, where
from .scalar_functions import DERIVATIVES, NOT_ZERO, POSITIVE

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
        if template is None:
            return None
        operand = subject(node)
        return template.format(operand.text() if is_short(operand) else f"the operand of {self.operation.name}")

    def condition_template(self, node: Expr) -> str | None:
        """The condition at this node, with `{}` for its `subject`."""
        where = self.where if self.holds is None else self.holds(node)
        if where in _MET and _MET[where](node.args[0]):
            return None
        if where in (NOT_ZERO, POSITIVE) and subject(node) is not node.args[0]:
            where = "A ≠ 0"
        if where == NOT_ZERO and node.args[0].is_scalar:
            where = "A ≠ 0"
        return None if where is None else re.sub(r"\bA\b", "{}", where)


# Conditions that the properties of an operand may meet.
_MET: dict[str | None, Callable[[Expr], bool]] = {
    "A invertible": is_invertible,
    "A of full rank": is_invertible,
    POSITIVE: is_positive,
    NOT_ZERO: is_nonzero,
    "A ≠ 0": lambda A: is_nonzero(A) or is_invertible(A),
}


def subject(node: Expr) -> Expr:
    """What the condition at a node is about: its first operand, or A where that is 0 just where A is."""
    return vanishing(node.args[0]) or node.args[0]


class Rules(dict[str, Rule]):
    """The rows by operation; a function of the user's own gets its row from its derivative."""

    def __missing__(self, name: str) -> Rule:
        own = operation_named(name)
        derivative = getattr(own, "derivative", None)
        if own is None or derivative is None:
            raise MissingRuleError(f"{name} has no differentiation rule")
        if isinstance(own, OwnFunction):
            return entrywise(own, derivative, source="[MN] 5.4", note=f"{own.label} is applied to each entry")
        return entrywise(own, derivative, source="SymPy")


RULES = Rules()


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
    return RULES[operation.name]


# Parts of formulas


def _ones(A: Expr) -> Expr:
    return ones(*A.shape)


def _identity(A: Expr) -> Expr:
    return identity(A.shape[0])


def _less_one(t: Expr) -> Expr:
    return number(t.data[0] - 1) if t.op is number_op else t - 1


def _log(A: Expr) -> Expr:
    return number(1) if A.op is constant_op and A.name == "e" else log(A)


def spread(g: Expr, A: Expr) -> Expr:
    """g 𝟏ᵀ, in the shape of A."""
    return matmul(g, transpose(ones(A.shape[1])))


def _softmax_moved(P: Expr, G: Expr) -> Expr:
    return hadamard(P, G) - diagonal_matrix(row_sums(hadamard(P, G))) @ P


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
    differential=lambda dA, dB, A, B: bilinear(kron, dA, B) + bilinear(kron, A, dB),
    pullback=(lambda G, A, B: partial_inner(G, A, B), lambda G, A, B: partial_sum(G, A, B)),
    source="[MC] 39",
)


rule(
    block_inner,  # Y_ij = <block (i, j) of A, B>
    differential=lambda dA, dB, A, B: bilinear(block_inner, dA, B) + bilinear(block_inner, A, dB),
    pullback=(lambda G, A, B: kron(G, B), lambda G, A, B: partial_sum(A, G, B)),
    source="[MN] 2.2",
    note="adjoint of A ⊗ B in A",
)
rule(
    block_sum,  # Y = the sum over i, j of B_ij times block (i, j) of A
    differential=lambda dA, dB, A, B: bilinear(block_sum, dA, B) + bilinear(block_sum, A, dB),
    pullback=(lambda G, A, B: kron(B, G), lambda G, A, B: partial_inner(A, B, G)),
    source="[MN] 2.2",
    note="adjoint of A ⊗ B in B",
)


# Powers and inverses


def _power_condition(node: Expr) -> str | None:
    base, exponent = node.args
    if exponent.op is not number_op:
        return POSITIVE
    value = exponent.data[0]
    if value.denominator == 1:
        return None if value > 0 else NOT_ZERO
    # A smooth a ≥ 0 has a = o(h) where it is 0, and so has a^t with t ≥ 1.
    return None if value > 1 and is_nonnegative(base) else POSITIVE


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
    where=POSITIVE,
    holds=_power_condition,
    source="[DLMF] 4.26",
)


rule(
    inv,  # Y = A⁻¹
    differential=lambda dA, A: -(inv(A) @ dA @ inv(A)),
    pullback=(lambda G, A: -(inv(A).T @ G @ inv(A).T),),
    where="A invertible",
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
    holds=lambda node: "A invertible" if node.data[0] < 0 else None,
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
    source="[MC] 42, 49",
)
rule(
    logdet,  # y = log |det A|
    differential=lambda dA, A: trace(inv(A) @ dA),
    pullback=(lambda g, A: g * inv(A).T,),
    where="A invertible",
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
    # Of a number its sign, which has a value at 0 too.
    differential=lambda dA, A: sign(A) * dA if A.is_scalar else divide(contract(A, dA), norm(A)),
    pullback=(lambda g, A: g * sign(A) if A.is_scalar else divide(g * A, norm(A)),),
    where="A ≠ 0",
    source="[MC] 129",
)
rule(
    norm1,  # y = sum of |entries|
    differential=lambda dA, A: contract(sign(A), dA),
    pullback=(lambda g, A: g * sign(A),),
    where=NOT_ZERO,
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

# Rows

rule(
    softmax_row,  # P, whose rows are softmax of the rows of A
    differential=lambda dA, A: _softmax_moved(softmax_row(A), dA),
    pullback=(lambda G, A: _softmax_moved(softmax_row(A), G),),
    source="[BV] 3.1.5",
    note="P ⊙ (G − rowsum(P ⊙ G) 𝟏ᵀ)",
)
rule(
    logsumexp_row,
    differential=lambda dA, A: row_sums(hadamard(softmax_row(A), dA)),
    pullback=(lambda g, A: hadamard(softmax_row(A), spread(g, A)),),
    source="[BV] 3.1.5",
)
_SINGLE = "the largest entry of each row of A is single"
rule(
    max_row,
    differential=lambda dA, A: row_sums(hadamard(argmax_row(A), dA)),
    pullback=(lambda g, A: hadamard(argmax_row(A), spread(g, A)),),
    where=_SINGLE,
    source="[BV] 3.1.5",
)
rule(
    argmax_row,
    differential=lambda dA, A: zero_like(A),
    pullback=(lambda G, A: zero_like(A),),
    where=_SINGLE,
    source="[BV] 3.1.5",
)
rule(
    where,  # B where A > 0, else C
    differential=lambda dA, dB, dC, A, B, C: hadamard(step(A), dB) + hadamard(_ones(A) - step(A), dC),
    pullback=(
        lambda G, A, B, C: zero_like(A),
        lambda G, A, B, C: hadamard(step(A), G),
        lambda G, A, B, C: hadamard(_ones(A) - step(A), G),
    ),
    where=NOT_ZERO,
    source="[BV] A.4",
    note="where an entry of A is 0, the derivative of C is taken",
)

# Rearrangements: linear, so the differential is the operation itself

rule(diagonal, differential=lambda dA, A: diagonal(dA), pullback=(lambda G, A: diagonal_matrix(G),))
rule(diagonal_matrix, differential=lambda da, a: diagonal_matrix(da), pullback=(lambda G, a: diagonal_of(G),))
rule(vec, differential=lambda dA, A: vec(dA), pullback=(lambda G, A: unvec(G, *A.shape),), source="[MN] 2.4")
rule(unvec, differential=lambda da, a, m, n: unvec(da, m, n), pullback=(lambda G, a, m, n: vec(G),), source="[MN] 2.4")


def linear(operation: Operation) -> Rule:
    """The row of an operation that has an adjoint."""
    adjoint = OPERATIONS[operation.adjoint]
    return rule(operation, differential=lambda dA, A: operation(dA), pullback=(lambda G, A: adjoint(G),))


for _operation in OPERATIONS.values():
    if _operation.adjoint:
        linear(_operation)


rule(
    block_op,  # Y = [A B; C D]
    differential=lambda dA, A, rows, columns: block_op.build(tuple(dA), (rows, columns)),
    pullback=lambda G, i, A, rows, columns: submatrix(G, *block_places(A, rows, columns)[i]),
)


rule(
    submatrix,
    differential=lambda dA, A, *place: submatrix(dA, *place),
    pullback=(lambda G, A, *place: padded(G, A, *place),),
)

# Functions of matrices


rule(
    expm,
    differential=lambda dA, A: derivative_of_expm(A, dA),
    pullback=(
        lambda G, A: transpose(derivative_of_expm(A, transpose(G))) if commute(A.T, G) else derivative_of_expm(A.T, G),
    ),
    source="[H] 3.6, 10.2",
    note="the upper right block of exp([A E; 0 A]) is its derivative at A in the direction E",
)


rule(
    polar,  # Y = U Vᵀ, where A = U diag(s) Vᵀ
    differential=lambda dA, A: derivative_of_polar(A, dA),
    pullback=(lambda G, A: adjoint_of_polar(A, G),),
    where="A of full rank",
    source="[H] 8.2",
    note="dY solves dY Aᵀ Y + Y Aᵀ dY = dA − Y dAᵀ Y",
)
rule(
    dominant,  # Y = u vᵀ, of the largest singular value s
    differential=lambda dA, A: derivative_of_dominant(A, dA),
    pullback=(lambda G, A: adjoint_of_dominant(A, G),),
    where="the largest singular value of A is simple",
    source="[MN] 8.9, 8.11",
    note="from the differentials of the simple eigenvectors of A Aᵀ and Aᵀ A",
)

# Scalar functions, applied to each entry: name, derivative, domain


def entrywise(
    operation: Operation,
    derivative: Callable[[Expr], Expr],
    *,
    where: str | None = None,
    source: str = "",
    note: str | None = None,
) -> Rule:
    """The row of an elementwise function from its derivative f′: dY = f′(A) ⊙ dA."""
    pullback = (lambda G, A: hadamard(G, derivative(A)),)
    return Rule(operation, lambda dA, A: hadamard(derivative(A), dA), pullback, where, source, note, None)


def scalar_function(
    operation: Operation, derivative: Callable[[Expr], Expr], *, where: str | None = None, source: str = ""
) -> None:
    """Add the row of an elementwise function from its derivative f′."""
    RULES[operation.name] = entrywise(operation, derivative, where=where, source=source)


for _row in DERIVATIVES:
    scalar_function(_row[0], _row[1], where=_row[2], source=_row[3])
