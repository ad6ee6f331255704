"""The forward sweep: differentials, Jacobians, Hessians as matrices and as linear maps.

The differential dF is linear in dX; the Jacobian is the coefficient C of
vec dF = C vec dX, columns stacked, outputs as rows.  It is read off the differential by
one table: how vec(P Y Q) depends on dX, for each operation Y linear in dX.  For vectors
this leaves plain matrix products; Kronecker products and commutation matrices appear
only where a matrix is derived by a matrix [MN, 2.4, 3.7, 9.4].

[MN]   Magnus & Neudecker, Matrix Differential Calculus, 3rd ed., 2019 (section).
[H]    Higham, Functions of Matrices, 2008 (theorem).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .adjoints import block_places
from .derivation import Sweep
from .errors import MissingRuleError
from .expr import (
    Expr,
    as_expr,
    commutation,
    depends_on,
    identity,
    nodes,
    number,
    ones,
    symbol,
    zero_like,
    zeros,
)
from .operations import (
    add,
    block,
    diagonal,
    diagonal_matrix,
    expm,
    hadamard,
    kron,
    matmul,
    mul,
    submatrix,
    transpose,
    tril,
    triu,
    unvec,
    vec,
)
from .rules import rule_of
from .shapes import ONE, Dim
from .spaces import in_space


def differential(expr: Expr, moved: Mapping[Expr, Expr]) -> tuple[Expr, list[str]]:
    """The differential of `expr` where each symbol moves by the given expression.

    Returns
    -------
    (Expr, list of str)
        dY in the shape of `expr`, and the conditions of the rules used.
    """
    moves: dict[Expr, Expr] = dict(moved)
    conditions: dict[str, None] = {}
    active = depends_on(expr, moved)
    for node in _ordered(expr, active):
        if node in moves:
            continue
        rule = rule_of(node.op)
        moves[node] = rule.push(node, [moves.get(arg) for arg in node.args])
        condition = rule.condition(node)
        if condition:
            conditions[condition] = None
    return moves.get(expr, zero_like(expr)), list(conditions)


def _ordered(expr: Expr, among: set[Expr]) -> list[Expr]:
    return [node for node in nodes(expr) if node in among]


def jacobian(expr: Expr, wrt: Expr) -> tuple[Expr, list[str]]:
    """∂ vec expr / ∂ (vec wrt)ᵀ: outputs as rows, columns stacked.

    A scalar by a vector is 1 × n; anything by a scalar has the shape of the value.

    Returns
    -------
    (Expr, list of str)
        The Jacobian, and the conditions of the rules used.

    Raises
    ------
    MissingRuleError
        An operation has no derivative, or its Jacobian no form in matrix notation.
    """
    if wrt.is_scalar:
        return differential(expr, {wrt: number(1)})
    if expr.is_scalar:
        sweep = Sweep(expr, wrt)
        return transpose(vec(sweep.total)), sweep.conditions
    moved = _fresh(wrt)
    linear, conditions = differential(expr, {wrt: moved})
    return coefficient(linear, moved), conditions


def _fresh(wrt: Expr) -> Expr:
    return symbol("d" + wrt.name, *wrt.shape, properties=())


class LinearMap:
    """The derivative as a linear map: dX ↦ dF, or V ↦ H V for a Hessian.

    Examples
    --------
    >>> from derive.expr import symbol
    >>> X = symbol("X", "n", "n")
    >>> print(LinearMap(X @ X, X))
    dX ↦ dX X + X dX
    """

    __slots__ = ("of", "wrt", "direction", "expression", "conditions")

    def __init__(self, loss: Expr, wrt: Expr, kind: str = "jacobian") -> None:
        self.wrt = wrt
        self.of = loss
        if kind == "hessian":
            self.of = in_space(Sweep(loss, wrt).total, wrt)
        self.direction = _fresh(wrt)
        self.expression, self.conditions = differential(self.of, {wrt: self.direction})

    def __call__(self, direction: Any) -> Expr:
        """The image of a direction in the shape of the variable."""
        return differential(self.of, {self.wrt: as_expr(direction)})[0]

    def text(self) -> str:
        return f"{self.direction.text()} ↦ {self.expression.text()}"

    def latex(self) -> str:
        return rf"{self.direction.latex()} \mapsto {self.expression.latex()}"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    __str__ = text

    def __repr__(self) -> str:
        return f"<{self.text()}>"


# The coefficient of vec dX

MAX_PATHS = 64  # a matrix reached on more paths has its coefficient formed once
MAX_DEPTH = 40  # so has one this far below the last such matrix


def coefficient(linear: Expr, moved: Expr) -> Expr:
    """C with vec(linear) = C vec(moved), for an expression linear in the symbol `moved`."""
    order = _ordered(linear, depends_on(linear, [moved]))
    if not order or order[-1] is not linear:
        return zeros(linear.shape[0] * linear.shape[1], moved.shape[0] * moved.shape[1])
    return _Extraction(order, moved).of(linear, None, None)


class _Extraction:
    """The coefficients of the nodes of an expression linear in `moved`.

    `of(Y, P, Q)` is that of vec(P Y Q).  Vectors and scalars have theirs formed once,
    bottom up; between them, matrices hand P and Q down to their operands.
    """

    def __init__(self, order: list[Expr], moved: Expr) -> None:
        self.moved = moved
        self.active = set(order)
        self.known: dict[tuple[Expr, Expr | None, Expr | None], Expr] = {}
        paths: dict[Expr, int] = {order[-1]: 1}
        for node in reversed(order):
            for arg in node.args:
                if arg in self.active:
                    paths[arg] = paths.get(arg, 0) + (1 if self.is_formed(node) else paths[node])
        self.formed = {node for node in order if self.is_formed(node) or paths[node] > MAX_PATHS}
        depth: dict[Expr, int] = {}
        for node in order:
            below = [depth[arg] for arg in node.args if arg in self.active and arg not in self.formed]
            depth[node] = 1 + max(below, default=0)
            if depth[node] > MAX_DEPTH and node is not moved:
                self.formed.add(node)
            if node in self.formed:
                self.of(node, None, None)

    @staticmethod
    def is_formed(node: Expr) -> bool:
        """Whether the node is a vector, row or scalar."""
        return ONE in node.shape

    def of(self, Y: Expr, P: Expr | None, Q: Expr | None) -> Expr:
        key = (Y, P, Q)
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = self.form(Y, P, Q)
        return found

    def form(self, Y: Expr, P: Expr | None, Q: Expr | None) -> Expr:
        if Y is self.moved:
            return sides(Y, P, Q)
        if Y in self.formed and (P is not None or Q is not None):
            return sides(Y, P, Q) @ self.of(Y, None, None)
        table = _COEFFICIENTS.get(Y.op.name)
        if table is None and "columns" in Y.op.traits:  # M A, and M is what becomes of the identity
            M = Y.op(identity(Y.shape[0]))
            return self.of(Y.args[0], M if P is None else P @ M, Q)
        if table is None:
            raise MissingRuleError(
                f"the derivative of {Y.op.name} has no matrix of coefficients in matrix notation",
                hint="its linear map dX ↦ dF is available: .linear_map, differential, hvp",
            )
        return table(self, Y, P, Q)

    def dependent(self, Y: Expr) -> int:
        """The operand that holds dX; a term linear in dX has one."""
        return next(i for i, arg in enumerate(Y.args) if arg in self.active)

    def enter(self, Y: Expr) -> Expr:
        """Take in a node made of known ones, such as a product of them."""
        self.active |= depends_on(Y, [self.moved])
        return Y

    def functional(self, Y: Expr) -> Expr:
        """The row of a scalar: its gradient by dX, laid out."""
        found = Sweep(Y, self.moved).total
        if not depends_on(found, [self.moved]):
            return transpose(vec(found))
        # The rules know no operation as linear in dX, as the derivative of expm is; its coefficient does.
        i = self.dependent(Y)
        rows, columns = Y.args[i].shape
        fixed = {"trace": identity(rows), "sum": ones(rows, columns)}.get(Y.op.name) or Y.args[1 - i]
        return transpose(vec(fixed)) @ self.of(Y.args[i], None, None)


def sides(Y: Expr, P: Expr | None, Q: Expr | None) -> Expr:
    """The matrix of vec Y ↦ vec(P Y Q): Qᵀ ⊗ P [MN 2.4]."""
    left = identity(Y.shape[1]) if Q is None else transpose(Q)
    right = identity(Y.shape[0]) if P is None else P
    return identity(Y.shape[0] * Y.shape[1]) if P is None and Q is None else kronecker(left, right)


def kronecker(A: Expr, B: Expr) -> Expr:
    """A ⊗ B, where I ⊗ I is an identity, and a vector times a row their product."""
    if A.op.name == "identity" and B.op.name == "identity":
        return identity(A.shape[0] * B.shape[0])
    if A.shape[1] is ONE and B.shape[0] is ONE and not A.is_scalar and not B.is_scalar:
        return A @ B
    if A.shape[0] is ONE and B.shape[1] is ONE and not A.is_scalar and not B.is_scalar:
        return B @ A
    return kron(A, B)


def surrounded(Y: Expr, P: Expr | None, Q: Expr | None) -> Expr:
    """P Y Q."""
    return matmul(*(factor for factor in (P, Y, Q) if factor is not None))


def _shape(Y: Expr, P: Expr | None, Q: Expr | None) -> tuple[Dim, Dim]:
    return (Y.shape[0] if P is None else P.shape[0], Y.shape[1] if Q is None else Q.shape[1])


Side = Expr | None
Coefficient = Callable[[_Extraction, Expr, Side, Side], Expr]
_COEFFICIENTS: dict[str, Coefficient] = {}


def _row(name: str) -> Callable[[Coefficient], Coefficient]:
    def enter(function: Coefficient) -> Coefficient:
        _COEFFICIENTS[name] = function
        return function

    return enter


@_row("add")
def _add(x: _Extraction, Y: Expr, P: Side, Q: Side) -> Expr:
    return add(*(x.of(arg, P, Q) for arg in Y.args))


@_row("mul")
def _mul(x: _Extraction, Y: Expr, P: Side, Q: Side) -> Expr:
    i = x.dependent(Y)
    return mul(*Y.args[:i], *Y.args[i + 1 :]) * x.of(Y.args[i], None, None)


@_row("scale")
def _scale(x: _Extraction, Y: Expr, P: Side, Q: Side) -> Expr:
    factor, matrix = Y.args
    if factor in x.active:
        return vec(surrounded(matrix, P, Q)) @ x.of(factor, None, None)
    return factor * x.of(matrix, P, Q)


@_row("matmul")
def _matmul(x: _Extraction, Y: Expr, P: Side, Q: Side) -> Expr:
    i = x.dependent(Y)
    left, right = Y.args[:i], Y.args[i + 1 :]
    if left:
        P = matmul(*left) if P is None else matmul(P, *left)
    if right:
        Q = matmul(*right) if Q is None else matmul(*right, Q)
    return x.of(Y.args[i], P, Q)


@_row("transpose")
def _transpose(x: _Extraction, Y: Expr, P: Side, Q: Side) -> Expr:
    rows, columns = _shape(Y, P, Q)
    inner_ = Y.args[0]
    if inner_ is x.moved and rows is not ONE and columns is not ONE:
        return sides(Y, P, Q) @ commutation(*inner_.shape)
    flipped = x.of(inner_, None if Q is None else transpose(Q), None if P is None else transpose(P))
    return commutation(columns, rows) @ flipped


@_row("hadamard")
def _hadamard(x: _Extraction, Y: Expr, P: Side, Q: Side) -> Expr:
    i = x.dependent(Y)
    fixed, moving = hadamard(*Y.args[:i], *Y.args[i + 1 :]), Y.args[i]
    if ONE in Y.shape:
        return diagonal_matrix(vec(fixed)) @ x.of(moving, None, None)
    if moving.op.name == "add" and (P is not None or Q is not None):
        return add(*(x.of(x.enter(hadamard(fixed, term)), P, Q) for term in moving.args))
    split = _rank_one(x, moving)
    if split is not None and (P is not None or Q is not None):
        # A ⊙ (u vᵀ) = diag(u) A diag(v)
        u, v, is_left = split
        if is_left:
            right = surrounded(fixed @ diagonal_matrix(transpose(v)), None, Q)
            return _place(x, u, P, right)
        left = surrounded(diagonal_matrix(u) @ fixed, P, None)
        return _place(x, transpose(v), left, Q)
    return sides(Y, P, Q) @ diagonal_matrix(vec(fixed)) @ x.of(moving, None, None)


def _rank_one(x: _Extraction, Y: Expr) -> tuple[Expr, Expr, bool] | None:
    """A column and a row whose product Y is, and whether the column holds dX."""
    if Y.op is not matmul:
        return None
    for k in range(1, len(Y.args)):
        if Y.args[k].shape[0] is ONE:
            u, v = matmul(*Y.args[:k]), matmul(*Y.args[k:])
            return u, v, x.dependent(Y) < k
    return None


def _place(x: _Extraction, v: Expr, P: Side, Q: Side) -> Expr:
    """The coefficient of vec(P diag(v) Q) for a column v that holds dX."""
    rows, columns = _shape(diagonal_matrix(v), P, Q)
    C = x.of(x.enter(v), None, None)
    if columns is ONE and Q is not None:
        return surrounded(diagonal_matrix(Q), P, None) @ C
    if rows is ONE and P is not None:
        return surrounded(diagonal_matrix(transpose(P)), None if Q is None else transpose(Q), None) @ C
    n = v.shape[0]
    spread = diagonal_matrix(vec(identity(n))) @ kronecker(ones(n), identity(n))
    D = diagonal_matrix(v)
    return sides(D, P, Q) @ spread @ C


@_row("Diag")
def _diagonal_matrix(x: _Extraction, Y: Expr, P: Side, Q: Side) -> Expr:
    return _place(x, Y.args[0], P, Q)


@_row("diag")
def _diagonal(x: _Extraction, Y: Expr, P: Side, Q: Side) -> Expr:
    return _diagonal_of(x, Y.args[0])


def _diagonal_of(x: _Extraction, A: Expr) -> Expr:
    """The coefficient of diag(A)."""
    factor: Expr | None = None
    while True:
        if A.op.name == "scale" and A.args[1] in x.active:
            factor = A.args[0] if factor is None else factor * A.args[0]
            A = A.args[1]
        elif A.op is transpose:
            A = A.args[0]
        else:
            break
    C = _diagonal_part(x, A)
    return C if factor is None else factor * C


def _diagonal_part(x: _Extraction, A: Expr) -> Expr:
    n = A.shape[0]
    if A.op.name == "add":
        return add(*(_diagonal_of(x, term) for term in A.args))
    split = _rank_one(x, A)
    if split is not None:
        u, v, is_left = split  # diag(u vᵀ) = u ⊙ v
        moving, fixed = (u, transpose(v)) if is_left else (transpose(v), u)
        return diagonal_matrix(fixed) @ x.of(x.enter(moving), None, None)
    if A.op is matmul:
        i = x.dependent(A)
        if A.args[i].op is diagonal_matrix:  # diag(L diag(v) R) = (L ⊙ Rᵀ) v
            L = matmul(*A.args[:i]) if i else identity(n)
            R = matmul(*A.args[i + 1 :]) if i + 1 < len(A.args) else identity(n)
            return hadamard(L, transpose(R)) @ x.of(A.args[i].args[0], None, None)
    if A.op is hadamard:
        i = x.dependent(A)
        fixed = hadamard(*A.args[:i], *A.args[i + 1 :])
        return diagonal_matrix(diagonal(fixed)) @ _diagonal_of(x, A.args[i])
    if A.op is diagonal_matrix:
        return x.of(A.args[0], None, None)
    if A.op in (tril, triu):
        return _diagonal_of(x, A.args[0])
    # diag(A) = (I ⊙ A) 𝟏
    gather = kronecker(transpose(ones(n)), identity(n)) @ diagonal_matrix(vec(identity(n)))
    return gather @ x.of(A, None, None)


for _name in ("trace", "inner", "sum"):
    _COEFFICIENTS[_name] = lambda x, Y, P, Q: x.functional(Y)


@_row("vec")
def _vec(x: _Extraction, Y: Expr, P: Side, Q: Side) -> Expr:
    return x.of(Y.args[0], None, None)


@_row("unvec")
def _unvec(x: _Extraction, Y: Expr, P: Side, Q: Side) -> Expr:
    return sides(Y, P, Q) @ x.of(Y.args[0], None, None)


def _triangle(x: _Extraction, Y: Expr, P: Side, Q: Side) -> Expr:
    mask = Y.op(ones(*Y.shape))
    return sides(Y, P, Q) @ diagonal_matrix(vec(mask)) @ x.of(Y.args[0], None, None)


_COEFFICIENTS["tril"] = _COEFFICIENTS["triu"] = _triangle


def _selection(before: Dim, size: Dim, total: Dim) -> Expr:
    """[0 I 0], which takes `size` rows after the first `before`."""
    after = total - before - size
    parts = [zeros(size, before)] if before != 0 else []
    parts.append(identity(size))
    if after != 0:
        parts.append(zeros(size, after))
    return block([parts])


@_row("block")
def _block(x: _Extraction, Y: Expr, P: Side, Q: Side) -> Expr:
    rows, columns = Y.data
    size = x.moved.shape[0] * x.moved.shape[1]

    def part(entry: Expr, P: Side) -> Expr:
        if entry in x.active:
            return x.of(entry, P, None)
        height = entry.shape[0] if P is None else P.shape[0]
        return zeros(height * entry.shape[1], size)

    if columns == 1 and Y.shape[1] is ONE and P is None and Q is None:
        return block([[part(entry, None)] for entry in Y.args])
    if rows == 1 and Q is None:
        return block([[part(entry, P)] for entry in Y.args])
    total = zeros(_shape(Y, P, Q)[0] * _shape(Y, P, Q)[1], size)
    for entry, (top, height, left, width) in zip(Y.args, block_places(Y.args, rows, columns), strict=True):
        if entry in x.active:
            down = transpose(_selection(top, height, Y.shape[0]))
            across = _selection(left, width, Y.shape[1])
            total = total + x.of(entry, down if P is None else P @ down, across if Q is None else across @ Q)
    return total


@_row("submatrix")
def _submatrix(x: _Extraction, Y: Expr, P: Side, Q: Side) -> Expr:
    A = Y.args[0]
    if A.op is expm:
        return sides(Y, P, Q) @ _exponential(A.args[0]) @ x.of(A.args[0].args[1], None, None)
    top, height, left, width = (Dim.of(d) for d in Y.data)
    if A.shape[1] is ONE:
        C = x.of(A, None, None)
        return submatrix(C, top, height, Dim.of(0), C.shape[1])
    take = None if height is A.shape[0] else _selection(top, height, A.shape[0])
    across = None if width is A.shape[1] else transpose(_selection(left, width, A.shape[1]))
    if take is not None:
        P = take if P is None else P @ take
    if across is not None:
        Q = across if Q is None else across @ Q
    return x.of(A, P, Q)


def _exponential(M: Expr) -> Expr:
    """The matrix of vec E ↦ vec L(A, E), where M = [A E; 0 A].

    It is (I ⊗ e^A) ψ(Aᵀ ⊗ I − I ⊗ A) with ψ(z) = (e^z − 1)/z, and ψ(Z) is the upper right
    block of exp([Z I; 0 0]) [H 10.13].
    """
    A = M.args[0]
    n, N = A.shape[0], A.shape[0] * A.shape[0]
    Z = kronecker(transpose(A), identity(n)) - kronecker(identity(n), A)
    psi = submatrix(expm(block([[Z, identity(N)], [zeros(N, N), zeros(N, N)]])), Dim.of(0), N, N, N)
    return kronecker(identity(n), expm(A)) @ psi


def _rearrangement(A_shape: tuple[Dim, Dim], B_shape: tuple[Dim, Dim]) -> Expr:
    """T with vec(A ⊗ B) = T (vec A ⊗ vec B), T = I ⊗ K ⊗ I [MN 3.7]."""
    (m, n), (p, q) = A_shape, B_shape
    return kronecker(identity(n), kronecker(commutation(q, m), identity(p)))


@_row("kron")
def _kron(x: _Extraction, Y: Expr, P: Side, Q: Side) -> Expr:
    A, B = Y.args
    T = _rearrangement(A.shape, B.shape)
    if A in x.active:
        inside = kronecker(identity(A.shape[0] * A.shape[1]), vec(B)) @ x.of(A, None, None)
    else:
        inside = kronecker(vec(A), identity(B.shape[0] * B.shape[1])) @ x.of(B, None, None)
    return sides(Y, P, Q) @ T @ inside


@_row("block_inner")
def _block_inner(x: _Extraction, Y: Expr, P: Side, Q: Side) -> Expr:
    G, B = Y.args
    T = transpose(_rearrangement(Y.shape, B.shape))
    count, size = Y.shape[0] * Y.shape[1], B.shape[0] * B.shape[1]
    if G in x.active:
        inside = kronecker(identity(count), transpose(vec(B))) @ T @ x.of(G, None, None)
    else:
        inside = transpose(unvec(T @ vec(G), size, count)) @ x.of(B, None, None)
    return sides(Y, P, Q) @ inside


@_row("block_sum")
def _block_sum(x: _Extraction, Y: Expr, P: Side, Q: Side) -> Expr:
    G, A = Y.args
    T = transpose(_rearrangement(A.shape, Y.shape))
    count, size = A.shape[0] * A.shape[1], Y.shape[0] * Y.shape[1]
    if G in x.active:
        inside = kronecker(transpose(vec(A)), identity(size)) @ T @ x.of(G, None, None)
    else:
        inside = unvec(T @ vec(G), size, count) @ x.of(A, None, None)
    return sides(Y, P, Q) @ inside


# Variables with structure
