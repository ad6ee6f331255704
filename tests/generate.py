"""Random well-shaped formulas over all operations, and random operands for each.

`operands(operation, generator)` is one node of the operation over symbols;
`Formulas(seed).scalar(depth)` a random loss.  Dimensions that may differ do.
"""

from __future__ import annotations

import random
from fractions import Fraction

from derive.expr import (
    OPERATIONS,
    Expr,
    Operation,
    commutation,
    constant,
    dimension,
    identity,
    nodes,
    number,
    ones,
    symbol,
    symbols_of,
    zeros,
)
from derive.operations import (
    FUNCTIONS,
    absolute,
    add,
    arccos,
    arcsin,
    block,
    block_inner,
    block_op,
    block_sum,
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
from derive.shapes import ONE, Dim

LEAVES = frozenset(
    {"number", "constant", "dimension", "symbol", "zeros", "ones", "identity", "basis", "commutation"}
)  # operations without operands


def dim(text: str) -> Dim:
    return Dim.of(text)


def factors(size: Dim) -> tuple[Dim, Dim] | None:
    """Two dimensions whose product it is."""
    if len(size.terms) != 1 or size.terms[0][1] != 1:
        return None
    letters = [name for name, power in size.terms[0][0] for _ in range(power)]
    if len(letters) < 2:
        return None
    rest = Dim.of(1)
    for name in letters[1:]:
        rest = rest * name
    return Dim.of(letters[0]), rest


# One node of each operation

m, n, p, q, k = (Dim.of(letter) for letter in "mnpqk")


def _symbols(*shapes: tuple[Dim, Dim]) -> tuple[Expr, ...]:
    return tuple(symbol("ABCDEF"[i], *shape) for i, shape in enumerate(shapes))


_SPECIAL = {
    "add": lambda: [add.make(_symbols((m, n), (m, n), (m, n)))],
    "mul": lambda: [mul.make(_symbols((ONE, ONE), (ONE, ONE), (ONE, ONE)))],
    "matmul": lambda: [
        matmul.make(_symbols((m, n), (n, p))),
        matmul.make(_symbols((m, n), (n, p), (p, q), (q, k))),
        matmul.make(_symbols((n, ONE), (ONE, p))),
        matmul.make(_symbols((ONE, n), (n, ONE))),
    ],
    "hadamard": lambda: [hadamard.make(_symbols((m, n), (m, n), (m, n)))],
    "power": lambda: [
        *(power.make((symbol("A", m, n), number(Fraction(t)))) for t in ("2", "3", "-1", "-2", "1/2", "-3/2", "5/7")),
        power.make((symbol("A", m, n), symbol("t"))),
        power.make((symbol("a"), symbol("t"))),
    ],
    "matpow": lambda: [matpow.make((symbol("A", n, n),), (i,)) for i in (2, 3, 5, -2, -3)],
    "unvec": lambda: [unvec.make((symbol("a", m * n),), (m, n))],
    "block": lambda: [
        block_op.make(_symbols((m, p), (m, q), (n, p), (n, q)), (2, 2)),
        block_op.make(_symbols((m, p), (m, q), (m, k)), (1, 3)),
        block_op.make(_symbols((m, ONE), (n, ONE)), (2, 1)),
    ],
    "submatrix": lambda: [
        submatrix.make((symbol("A", m + n, p + q + 1),), (Dim.of(0), m, p, q)),
        submatrix.make((symbol("A", m + n, p + q + 1),), (m, n, Dim.of(1), p)),
        submatrix.make((symbol("A", m, n),), (Dim.of(1), ONE, Dim.of(0), n)),
    ],
    "block_inner": lambda: [block_inner.make((symbol("A", m * p, n * q), symbol("B", p, q)))],
    "block_sum": lambda: [block_sum.make((symbol("A", m * p, n * q), symbol("B", m, n)))],
    "expm": lambda: [
        expm.make((symbol("A", n, n),)),
        expm.make((scale.make((number(2), symbol("A", n, n))),)),
    ],
}


def operands(operation: Operation) -> list[Expr]:
    """Nodes of the operation over symbols A, B, ... of the shapes its signature says."""
    if operation.name in _SPECIAL:
        return _SPECIAL[operation.name]()
    letters: dict[str, Dim] = {}
    args = []
    for i, pattern in enumerate(operation.patterns):
        shape = tuple(letters.setdefault(f[0], Dim.of(f[0])) if f else ONE for f in pattern)
        args.append(symbol("ABCDEF"[i], *shape))
    if operation.is_elementwise:
        return [operation.make(tuple(args)), operation.make((symbol("a"),))]
    return [operation.make(tuple(args))]


# Random formulas


class Formulas:
    """A source of random formulas over a growing set of symbols with random properties."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.pool: list[Expr] = []

    def pick(self, *choices):
        return self.random.choice(choices)

    def small(self, depth: int) -> int:
        """The depth of an operand beside the main one."""
        return min(depth - 1, self.random.choice((0, 0, 0, 1, 1, 2)))

    def leaf(self, shape: tuple[Dim, Dim], positive: bool = False) -> Expr:
        """A symbol of the shape, one already used more often than not."""
        used = [s for s in self.pool if s.shape == shape and (not positive or "positive" in s.properties)]
        if used and (self.random.random() < 0.65 or len(self.pool) >= 9):
            return self.random.choice(used)
        held: list[str] = ["positive"] if positive else []
        if shape[0] is shape[1] and shape[0] is not ONE and not positive and self.random.random() < 0.4:
            held = [self.pick("symmetric", "skew", "spd", "diagonal", "lower", "upper", "triangular", "orthogonal")]
        elif not positive and self.random.random() < 0.1:
            held = [self.pick("positive", "constant")]
        letters = "stcμλα" if shape == (ONE, ONE) else "xyzuvwβγ" if shape[1] is ONE else "ABCDEFGHKLMNPQRSUVWXYZ"
        taken = {s.name for s in self.pool}
        names = [a for a in letters if a not in taken] or [a + "_1" for a in letters if a + "_1" not in taken]
        made = symbol(names[0] if names else f"A_{len(self.pool)}", *shape, properties=held)
        self.pool.append(made)
        return made

    def dim(self) -> Dim:
        return self.pick(m, n, n, p)

    def scalar(self, depth: int) -> Expr:
        """A random scalar formula."""
        if depth <= 0:
            return self.pick(
                lambda: self.leaf((ONE, ONE)),
                lambda: self.leaf((ONE, ONE)),
                lambda: number(Fraction(self.random.randint(-3, 5), self.random.randint(1, 4)) or 2),
                lambda: self.pick(constant("π"), constant("e"), dimension(self.dim())),
            )()
        d, less = self.dim(), depth - 1
        r, c = self.dim(), self.dim()
        return self.pick(
            lambda: trace(self.matrix(d, d, less)),
            lambda: trace(self.matrix(d, d, less)),
            lambda: det(self.matrix(d, d, less)),
            lambda: logdet(self.invertible(d, less)),
            lambda: inner(self.matrix(r, c, less), self.matrix(r, c, self.small(depth))),
            lambda: sq_norm(self.matrix(r, c, less)),
            lambda: sq_norm(self.vector(r, less)),
            lambda: norm(self.matrix(r, c, less)),
            lambda: norm(self.vector(r, less)),
            lambda: self.pick(norm1, nuclear_norm, spectral_norm)(self.matrix(r, c, less)),
            lambda: sum_entries(self.matrix(r, c, less)),
            lambda: sum_entries(self.vector(r, less)),
            lambda: logsumexp(self.vector(d, less)),
            lambda: transpose(self.vector(d, less)) @ self.matrix(d, d, self.small(depth)) @ self.leaf((d, ONE)),
            lambda: transpose(self.vector(d, less)) @ self.vector(d, self.small(depth)),
            lambda: self.scalar(less) + self.scalar(self.small(depth)),
            lambda: self.scalar(less) - self.scalar(self.small(depth)),
            lambda: self.scalar(less) * self.scalar(self.small(depth)),
            lambda: divide(self.scalar(less), self.positive((ONE, ONE), self.small(depth))),
            lambda: power(self.positive((ONE, ONE), less), self.scalar(self.small(depth))),
            lambda: power(self.scalar(less), number(self.pick(2, 3))),
            lambda: self.entrywise((ONE, ONE), less),
        )()

    def vector(self, d: Dim, depth: int) -> Expr:
        return self.matrix(d, ONE, depth)

    def matrix(self, rows: Dim, columns: Dim, depth: int) -> Expr:
        """A random formula of the shape."""
        shape = (rows, columns)
        if shape == (ONE, ONE):
            return self.scalar(depth)
        if depth <= 0:
            if self.random.random() < 0.08:
                return self.pick(ones(*shape), zeros(*shape), identity(rows) if rows is columns else ones(*shape))
            return self.leaf(shape)
        if columns is ONE and factors(rows) is not None and self.random.random() < 0.7:
            return self.of_vector(rows, depth - 1)
        less, inside = depth - 1, self.dim()
        choices = [
            lambda: self.matrix(rows, inside, less) @ self.matrix(inside, columns, self.small(depth)),
            lambda: self.matrix(rows, inside, self.small(depth)) @ self.matrix(inside, columns, less),
            lambda: self.matrix(rows, inside, 0) @ self.matrix(inside, inside, less) @ self.matrix(inside, columns, 0),
            lambda: self.matrix(rows, columns, less) + self.matrix(rows, columns, self.small(depth)),
            lambda: self.matrix(rows, columns, less) - self.matrix(rows, columns, self.small(depth)),
            lambda: hadamard(self.matrix(rows, columns, less), self.matrix(rows, columns, self.small(depth))),
            lambda: self.scalar(less) * self.matrix(rows, columns, self.small(depth)),
            lambda: self.entrywise(shape, less),
            lambda: self.entrywise(shape, less),
            lambda: power(self.matrix(rows, columns, less), number(self.pick(2, 3))),
            lambda: power(self.positive(shape, less), number(self.pick(-1, Fraction(1, 2), -2, Fraction(-1, 2)))),
            lambda: submatrix(self.matrix(rows + inside, columns, less), inside, rows, Dim.of(0), columns),
            lambda: self.assembled(rows, columns, less),
            lambda: transpose(self.matrix(columns, rows, less)) if columns is not ONE else self.of_vector(rows, less),
        ]
        if columns is ONE:
            choices += [
                lambda: softmax(self.vector(rows, less)),
                lambda: diagonal(self.matrix(rows, rows, less)),
                lambda: vec(self.matrix(rows, ONE, less)),
            ]
        else:
            choices += [
                lambda: unvec(self.vector(rows * columns, less), rows, columns),
                lambda: self.vector(rows, less) @ transpose(self.vector(columns, self.small(depth))),
                lambda: self.contracted(rows, columns, less),
                lambda: polar(symbol("Z_0", rows, columns, ["constant"])) + self.matrix(rows, columns, less),
                lambda: dominant(symbol("Z_0", rows, columns, ["constant"])) + self.matrix(rows, columns, less),
            ]
        if rows is columns and rows is not ONE:
            choices += [
                lambda: diagonal_matrix(self.vector(rows, less)),
                lambda: inv(self.invertible(rows, less)),
                lambda: inv(self.invertible(rows, less)),
                lambda: matpow(self.matrix(rows, rows, less), self.pick(2, 3)),
                lambda: matpow(self.invertible(rows, less), self.pick(-1, -2)),
                lambda: tril(self.matrix(rows, rows, less)),
                lambda: triu(self.matrix(rows, rows, less)),
                lambda: expm(Fraction(1, 4) * self.matrix(rows, rows, less)),
            ]
        return self.random.choice(choices)()

    def of_vector(self, rows: Dim, depth: int) -> Expr:
        """A column that is a vec or a Kronecker product where its length allows, else a product."""
        split = factors(rows)
        if split is not None:
            small, large = split
            return self.pick(
                lambda: vec(self.matrix(small, large, depth)),
                lambda: vec(self.matrix(small, large, depth)),
                lambda: kron(self.vector(large, depth), self.vector(small, min(depth, 1))),
                lambda: commutation(large, small) @ vec(self.matrix(large, small, depth)),
            )()
        return self.matrix(rows, rows, depth - 1) @ self.leaf((rows, ONE))

    def assembled(self, rows: Dim, columns: Dim, depth: int) -> Expr:
        """Blocks where the rows are a sum, a vec where they are a product, else blocks taken apart again."""
        if len(rows.terms) == 2 and rows.value is None:
            parts = [Dim([term]) for term in rows.terms]
            first = [self.matrix(parts[0], columns, depth)]
            return block([first, [self.matrix(parts[1], columns, 0)]])
        if columns is ONE and factors(rows) is not None:
            return self.of_vector(rows, depth)
        other = self.dim()
        wide = block([[self.matrix(rows, columns, depth), self.matrix(rows, other, 0)]])
        return submatrix(wide, Dim.of(0), rows, Dim.of(0), columns)

    def contracted(self, rows: Dim, columns: Dim, depth: int) -> Expr:
        """A Kronecker product, contracted with one of its factors."""
        other = self.matrix(p, m, self.small(depth + 1))
        if self.random.random() < 0.5:
            return block_inner(kron(self.matrix(rows, columns, depth), other), self.leaf((p, m)))
        return block_sum(kron(other, self.matrix(rows, columns, depth)), self.leaf((p, m)))

    def invertible(self, d: Dim, depth: int) -> Expr:
        A = self.matrix(d, d, depth)
        return self.pick(
            lambda: A,
            lambda: identity(d) + A @ transpose(A),
            lambda: self.leaf((d, d)) + A,
            lambda: 2 * identity(d) + Fraction(1, 4) * A,
        )()

    def positive(self, shape: tuple[Dim, Dim], depth: int) -> Expr:
        """A formula that is positive wherever it is defined."""
        if depth <= 0:
            return self.leaf(shape, positive=True)
        A = self.matrix(*shape, depth - 1)
        return self.pick(
            lambda: ones(*shape) + power(A, number(2)),
            lambda: exp(tanh(A)),
            lambda: sigmoid(A),
            lambda: softplus(A),
            lambda: absolute(A),
            lambda: A,
            lambda: self.leaf(shape, positive=True),
        )()

    def entrywise(self, shape: tuple[Dim, Dim], depth: int) -> Expr:
        """A scalar function applied to each entry, of operands that stay in its domain."""
        function = self.random.choice(list(FUNCTIONS.values()))
        if function is log:
            return log(self.positive(shape, depth))
        A = self.matrix(*shape, depth)
        if function in (arcsin, arccos):
            return function(Fraction(1, 2) * self.pick(sin, tanh, erf)(A))
        if function in (exp, tan) or function.name in ("sinh", "cosh"):
            return function(self.pick(tanh, sin, sigmoid)(A)) if self.random.random() < 0.6 else function(A)
        if function in (sign, step, relu):
            return hadamard(function(A), A) if function is not relu else function(A)
        return function(A)


def formula(seed: int, depth: int) -> tuple[Expr, Expr]:
    """A random loss that has a variable, and the variable."""
    for attempt in range(1000):
        source = Formulas(seed * 1000 + attempt)
        loss = source.scalar(depth)
        variables = [s for s in symbols_of(loss) if "constant" not in s.properties and "orthogonal" not in s.properties]
        if variables and len(nodes(loss)) <= 60:
            return loss, source.random.choice(variables)
    raise AssertionError("no formula has a variable")


ALL_OPERATIONS = frozenset(OPERATIONS)
