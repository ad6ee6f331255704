"""Solving an equation G(X) = 0 for X, where a closed form exists.

    linear             M x = c, A X B = C by inverses that are evaluated as solves;
                       A X + X B = C (Sylvester; Lyapunov where B = Aᵀ) by the Schur form,
                       Σ Aᵢ X Bᵢ = C by vec, (Σ Bᵢᵀ ⊗ Aᵢ) vec X = vec C  [MN 2.4, GVL 7.6]
    in X⁻¹             linear in X⁻¹, or after multiplication by X
    in a number        a linear or quadratic equation after clearing denominators
    entry by entry     the same for each entry; functions that can be inverted

[MN]   Magnus & Neudecker, Matrix Differential Calculus, 3rd ed., 2019 (section).
[GVL]  Golub & Van Loan, Matrix Computations, 4th ed., 2013 (section).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import reduce
from typing import NamedTuple

from ..algebra.budget import TooLargeError
from ..algebra.forms import expand, factor
from ..algebra.normal import Normalizer
from ..algebra.polynomial import Chain, Mono, Poly, collect, content
from ..errors import DeriveError
from ..expr import (
    Expr,
    depends_on,
    identity,
    is_number,
    is_zero,
    nodes,
    number,
    ones,
    substitute,
    symbol,
    symbols_of,
    zero_like,
)
from ..facts import is_invertible, is_nonzero, is_positive
from ..jacobians import coefficient, differential, jacobian
from ..operations import (
    add,
    exp,
    hadamard,
    inv,
    log,
    matmul,
    mul,
    power,
    scale,
    sqrt,
    terms_of,
    transpose,
    unvec,
    vec,
)
from .polynomials import sign_of
from .remarks import Remark

MAX_ROUNDS = 4


class Equation(NamedTuple):
    """left = right, with what is sought on the left."""

    left: Expr
    right: Expr

    def text(self) -> str:
        return f"{self.left.text()} = {self.right.text()}"

    def latex(self) -> str:
        return f"{self.left.latex()} = {self.right.latex()}"

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<{self.text()}>"


class Sylvester(NamedTuple):
    """A X + X B = C."""

    A: Expr
    B: Expr
    C: Expr

    @property
    def name(self) -> str:
        return "Lyapunov" if self.B is transpose(self.A) or same(self.B, transpose(self.A)) else "Sylvester"


class Isolated:
    """An equation in the form in which it is solved, with the solution where that is an expression."""

    __slots__ = ("equation", "solution", "sylvester", "steps")

    def __init__(
        self, equation: Equation, solution: Expr | None, steps: Sequence[Remark], sylvester: Sylvester | None = None
    ) -> None:
        self.equation, self.solution, self.steps, self.sylvester = equation, solution, list(steps), sylvester


def without_factor(G: Expr, x: Expr) -> tuple[Expr, list[Remark]]:
    """G without scalar factors in x that are never zero: exponentials, reciprocals, what has one sign."""
    if G.op not in (scale, mul):
        return G, []
    factors = [*(G.args[0].args if G.args[0].op is mul else G.args[:1]), *G.args[1:]]
    dropped = []
    for f in factors:
        is_reciprocal = f.op is power and is_number(f.args[1]) and f.args[1].data[0] < 0
        if f.is_scalar and x in symbols_of(f) and (is_reciprocal or is_nonzero(f)):
            dropped.append(f)
    kept = [f for f in factors if f not in dropped]
    if not dropped or not kept:
        return G, []
    rest = scale(mul(*kept[:-1]), kept[-1]) if len(kept) > 1 else kept[0]
    return rest, [Remark("divide by ", [mul(*dropped)], ", which is never zero")]


def isolate(G: Expr, x: Expr) -> Isolated | None:
    """x of G = 0; None where no way is known."""
    rest, dropped = without_factor(simple(G), x)
    found = _isolated(rest if dropped else G, x)
    if found is not None:
        found.steps = [*dropped, *found.steps]
    return found


def _isolated(G: Expr, x: Expr) -> Isolated | None:
    ways: tuple[Callable[[Expr, Expr], Isolated | None], ...]
    if x.is_scalar:
        ways = (scalar,)
    elif x.is_vector:
        ways = (linear_vector, by_entry)
    else:
        ways = (linear_matrix, inverse_matrix, by_entry, stacked)
    for way in ways:
        try:
            found = way(G, x)
        except (DeriveError, TooLargeError):
            continue
        if found is not None:
            return found
    return None


def same(a: Expr, b: Expr) -> bool:
    from ..algebra.proofs import proved

    return a.shape == b.shape and proved(a, b)


def is_free(expr: Expr, x: Expr) -> bool:
    return x not in symbols_of(expr)


def simple(expr: Expr) -> Expr:
    """The factored form, or the formula where there is none."""
    try:
        return factor(expr)
    except DeriveError:
        return expr


# Linear equations


def stripped(G: Expr, x: Expr) -> tuple[Expr, list[Remark]]:
    """G without what all its terms begin or end with and which is invertible, and without a common factor."""
    ctx = Normalizer()
    steps: list[Remark] = []
    boxed = simple(G)
    if boxed.op.name == "scale" and is_positive(boxed.args[0]) and is_free(boxed.args[0], x):
        G = boxed.args[1]
        if not is_number(boxed.args[0]):
            steps.append(Remark("divide by ", [boxed.args[0]], ", which is positive"))
    poly = ctx.full(G)
    ends = [(0, slice(1, None))]
    if x.shape[1] is poly.shape[1]:
        ends.append((-1, slice(-1)))
    for at, rest in ends:
        while len(poly.terms) > 1 and all(chain for _, chain in poly.terms):
            common, *others = {chain[at] for _, chain in poly.terms}
            if others or not is_invertible(common) or not is_free(common, x):
                break
            poly = Poly(poly.shape, {(s, chain[rest]): c for (s, chain), c in poly.terms.items()})
            steps.append(Remark("divide by ", [common], ", which is invertible"))
    return ctx.canonical(poly.scaled(1 / content(poly.terms.values()))) if poly.terms else G, steps


KINKED = frozenset(
    {"sign", "step", "abs", "relu", "polar", "dominant", "where", "argmax_row"}
)  # their differentials do not tell all


def is_linear(G: Expr, x: Expr) -> Expr | None:
    """The differential of G, applied to x, where it does not depend on x."""
    if any(node.op.name in KINKED for node in depends_on(G, [x])):
        return None
    moved = symbol("d" + x.name, *x.shape, properties=x.properties & {"symmetric", "diagonal"})
    linear = differential(G, {x: moved})[0]
    linear = expand(linear)
    return substitute(linear, {moved: x}) if is_free(linear, x) else None


def linear_vector(G: Expr, x: Expr) -> Isolated | None:
    """M x = c."""
    G, steps = stripped(G, x)
    linear = is_linear(G, x)
    if linear is None or is_zero(linear):
        return None
    M = simple(jacobian(G, x)[0])
    constant = expand(substitute(G, {x: zero_like(x)}))
    M, c = _positive(M, expand(-constant))
    equation = Equation(matmul(M, x), simple(c))
    return Isolated(equation, solved(M, c), steps)


def solved(M: Expr, c: Expr) -> Expr:
    """M⁻¹ c."""
    if is_zero(c):
        return c
    if M.op.name == "identity":
        return simple(c)
    if M.op.name == "scale" and M.args[1].op.name == "identity":
        return simple(scale(power(M.args[0], number(-1)), c))
    if M.op.name == "scale" and is_number(M.args[0]):
        return matmul(inv(M.args[1]), simple(scale(number(1 / M.args[0].data[0]), c)))
    return matmul(inv(M), simple(c))


def _positive(M: Expr, c: Expr) -> tuple[Expr, Expr]:
    """The equation with the sign that its first term likes."""
    first = next(iter(terms_of(M)))
    lead = first.args[0] if first.op.name in ("scale", "mul") else first
    if is_number(lead) and lead.data[0] < 0:
        return simple(-M), simple(-c)
    return M, c


class LinearTerm(NamedTuple):
    """c · s · L X R, or with Xᵀ."""

    factor: Expr
    left: Chain
    right: Chain
    is_turned: bool


def linear_terms(linear: Expr, X: Expr) -> list[LinearTerm] | None:
    """The terms of an expression linear in X; None where X stands elsewhere than between factors."""
    ctx = Normalizer()
    found = []
    for (scalars, chain), c in ctx.full(linear).terms.items():
        at = [i for i, f in enumerate(chain) if X in symbols_of(f)]
        if len(at) != 1 or any(X in symbols_of(b) for b, _ in scalars):
            return None
        factor_ = mul(number(c), *(power(b, number(e)) for b, e in scalars))
        middle = chain[at[0]]
        if middle is not X and middle is not transpose(X):
            return None
        found.append(LinearTerm(factor_, chain[: at[0]], chain[at[0] + 1 :], middle is not X))
    return found


def linear_matrix(G: Expr, X: Expr) -> Isolated | None:
    """A X B = C, A X + X B = C, Σ Aᵢ X Bᵢ = C."""
    G, steps = stripped(G, X)
    linear = is_linear(G, X)
    if linear is None or is_zero(linear):
        return None
    C = expand(-substitute(G, {X: zero_like(X)}))
    terms = linear_terms(linear, X)
    first = next(iter(terms_of(linear)))
    if first.op.name == "scale" and is_number(first.args[0]) and first.args[0].data[0] < 0:
        linear, C = expand(-linear), expand(-C)
        terms = linear_terms(linear, X)
    m, n = X.shape
    if terms is not None and not any(t.is_turned for t in terms):
        lefts, rights = {t.left for t in terms}, {t.right for t in terms}
        if len(rights) == 1:
            A = simple(add(*(scale(t.factor, _chain(t.left, m)) for t in terms)))
            (right,) = rights
            return Isolated(Equation(simple(linear), simple(C)), right_divided(solved(A, C), _chain(right, n)), steps)
        if len(lefts) == 1:
            B = simple(add(*(scale(t.factor, _chain(t.right, n)) for t in terms)))
            (left,) = lefts
            inner_ = solved(_chain(left, m), C)
            return Isolated(Equation(simple(linear), simple(C)), right_divided(inner_, B), steps)
        ours = [t for t in terms if not t.right]
        theirs = [t for t in terms if not t.left and t not in ours]
        if len(ours) + len(theirs) == len(terms):
            A = simple(add(*(scale(t.factor, _chain(t.left, m)) for t in ours)))
            B = simple(add(*(scale(t.factor, _chain(t.right, n)) for t in theirs)))
            made = Sylvester(A, B, simple(C))
            return Isolated(Equation(add(matmul(A, X), matmul(X, B)), made.C), None, steps, made)
    return None


def stacked(G: Expr, X: Expr) -> Isolated | None:
    """Σ Aᵢ X Bᵢ = C by the columns of X."""
    G, steps = stripped(G, X)
    linear = is_linear(G, X)
    if linear is None or is_zero(linear):
        return None
    C = expand(-substitute(G, {X: zero_like(X)}))
    m, n = X.shape
    moved = symbol("d" + X.name, *X.shape)
    plain = symbol(X.name, *X.shape)  # the entries of a structured variable taken as independent
    matrix = simple(coefficient(differential(substitute(linear, {X: plain}), {plain: moved})[0], moved))
    solution = unvec(matmul(inv(matrix), vec(C)), m, n)
    steps.append(Remark("stack the columns: ", [matrix, vec(X), "=", vec(C)]))
    return Isolated(Equation(linear, simple(C)), solution, steps)


def _chain(chain: Chain, n: object) -> Expr:
    return matmul(*chain) if chain else identity(n)  # type: ignore[arg-type]


def right_divided(C: Expr, B: Expr) -> Expr:
    """C B⁻¹."""
    if B.op.name == "identity":
        return simple(C)
    if B.op.name == "scale" and B.args[1].op.name == "identity":
        return simple(scale(power(B.args[0], number(-1)), C))
    return matmul(C, inv(B))


# Equations in the inverse


def inverse_matrix(G: Expr, X: Expr) -> Isolated | None:
    """Linear in X⁻¹, or linear in X after multiplication by X."""
    if not X.is_square:
        return None
    Y = symbol(_free_name(G), *X.shape, properties=X.properties)
    in_inverse = substitute(expand(G), {inv(X): Y})
    if is_free(in_inverse, X) and is_linear(in_inverse, Y) is not None:
        found = linear_matrix(in_inverse, Y)
        if found is not None and found.solution is not None:
            equation = Equation(substitute(found.equation.left, {Y: inv(X)}), found.equation.right)
            return Isolated(equation, simple(inv(found.solution)), found.steps)
    ctx = Normalizer()
    tried: list[tuple[Expr, ...]] = [(X, G), (G, X), (X, G, X)]
    for factors in tried:
        product = ctx.canonical(reduce(ctx.times, map(ctx.full, factors)))
        if inv(X) in set(nodes(product)) or is_linear(product, X) is None:
            continue
        found = linear_matrix(product, X)
        if found is not None and found.solution is not None:
            side = "both sides" if len(factors) == 3 else "the left" if factors[0] is X else "the right"
            return Isolated(
                found.equation, found.solution, [Remark("multiply by ", [X], f" from {side}"), *found.steps]
            )
    return None


def _free_name(G: Expr) -> str:
    taken = {s.name for s in symbols_of(G)}
    return next(n for n in ("Y", "Z", "M", *(f"Y_{i}" for i in range(1, 100))) if n not in taken)


# Equations in one number


def scalar(G: Expr, x: Expr) -> Isolated | None:
    """A polynomial equation of degree 1 or 2 in a power of x, or a function that can be inverted."""
    steps: list[Remark] = []
    found = _polynomial(G, x)
    rounds = 0
    while found is None and rounds < MAX_ROUNDS:
        multiplied = _cleared(G, x)
        if multiplied is None:
            break
        G, multiplier = multiplied
        steps.append(Remark("multiply by ", [multiplier]))
        found, rounds = _polynomial(G, x), rounds + 1
    if found is None:
        return inverted(G, x, steps)
    lowest = min(found)
    powers = {e - lowest: c for e, c in found.items()}
    if lowest > 0 and "positive" not in x.properties:
        return None  # 0 is another solution
    if lowest < 0:
        steps.append(Remark("multiply by ", [power(x, number(-lowest))]))
    if len(powers) == 1:
        return None
    degrees = sorted(powers)
    k = degrees[1]
    if len(powers) == 2:
        value = simple(-powers[Fraction(0)] / powers[k])
        equation = Equation(simple(powers[k] * power(x, number(k))), simple(-powers[Fraction(0)]))
        if k == 1:
            return Isolated(_led(equation), value, steps)
        if "positive" not in x.properties:
            return None
        return Isolated(_led(equation), power(value, number(1 / k)), [*steps, Remark([x], " is positive")])
    if len(powers) == 3 and degrees[2] == 2 * k and "positive" in x.properties:
        c, b, a = (powers[d] for d in degrees)
        if not (is_positive(a) and sign_of(c, {}) == -1):
            return None
        root = simple((-b + sqrt(expand(b**2 - 4 * a * c))) / (2 * a))
        left = add(*(coefficient_ * power(x, number(d)) for d, coefficient_ in powers.items()))
        steps.append(Remark("of the two roots one is positive"))
        return Isolated(Equation(simple(left), number(0)), power(root, number(1 / k)), steps)
    return None


def _led(equation: Equation) -> Equation:
    """The equation without a number in front of its left side."""
    left = equation.left
    lead = left.args[0] if left.op.name == "mul" else number(1)
    if not is_number(lead, 1) and is_number(lead):
        ratio = number(1 / lead.data[0])
        return Equation(simple(ratio * left), simple(ratio * equation.right))
    return equation


def _polynomial(G: Expr, x: Expr) -> dict[Fraction, Expr] | None:
    """The coefficients by powers of x; None where x stands in another place."""
    ctx = Normalizer()
    found: dict[Fraction, list[Expr]] = {}
    for (scalars, _), c in ctx.full(G).terms.items():
        degree, rest = Fraction(0), [number(c)]
        for base, e in scalars:
            if base is x:
                degree += e
            elif x in symbols_of(base):
                return None
            else:
                rest.append(power(base, number(e)))
        found.setdefault(degree, []).append(mul(*rest))
    return {e: add(*terms) for e, terms in found.items()} or None


def _cleared(G: Expr, x: Expr) -> tuple[Expr, Expr] | None:
    """G times the power of a sum that stands below it, and that power."""
    ctx = Normalizer()
    poly = ctx.full(G)
    lowest: dict[Expr, Fraction] = {}
    for scalars, _ in poly.terms:
        for base, e in scalars:
            if base.op is add and e < 0 and e.denominator == 1 and x in symbols_of(base):
                lowest[base] = min(e, lowest.get(base, e))
    if not lowest:
        return None
    base, least = next(iter(lowest.items()))
    total: list[tuple[Mono, Fraction]] = []
    for (scalars, chain), c in poly.terms.items():
        missing = dict(scalars).get(base, Fraction(0)) - least
        part = Poly(poly.shape, {(tuple(pair for pair in scalars if pair[0] is not base), chain): c})
        for _ in range(int(missing)):
            part = ctx.times(ctx.full(base), part)
        total += part.terms.items()
    return ctx.canonical(collect(poly.shape, total)), power(base, number(-least))


INVERSES: dict[str, Callable[[Expr], Expr]] = {
    "exp": log,
    "log": exp,
    "sigmoid": lambda y: log(y / (1 - y)),
    "softplus": lambda y: log(exp(y) - 1),
    "tanh": lambda y: number(Fraction(1, 2)) * log((1 + y) / (1 - y)),
    "sinh": lambda y: log(y + sqrt(1 + y**2)),
}


def inverted(G: Expr, x: Expr, steps: list[Remark]) -> Isolated | None:
    """φ(α x + β) = value for a function with an inverse, linear in that one node."""
    G = expand(G)
    candidates = [node for node in nodes(G) if node.op.name in INVERSES and x in symbols_of(node)]
    for node in candidates:
        inside = node.args[0]
        if is_linear(inside, x) is None:
            continue
        stand_in = symbol("φ_0")
        replaced = substitute(G, {node: stand_in})
        if not is_free(replaced, x):
            continue
        coefficients = _polynomial(replaced, stand_in)
        if coefficients is None or set(coefficients) - {Fraction(0), Fraction(1)} or Fraction(1) not in coefficients:
            continue
        if Fraction(0) not in coefficients and node.op.name not in ("log", "tanh", "sinh"):
            return None
        value = simple(-coefficients.get(Fraction(0), number(0)) / coefficients[Fraction(1)])
        slope = expand(substitute(differential(inside, {x: number(1)})[0], {}))
        offset = expand(substitute(inside, {x: number(0)}))
        solution = simple((INVERSES[node.op.name](value) - offset) / slope)
        return Isolated(Equation(node, value), solution, steps)
    return None


# Entry by entry


def by_entry(G: Expr, x: Expr) -> Isolated | None:
    """The same equation for each entry."""
    reduced = Entries(x)
    entry = reduced.entry(expand(G))
    if entry is None:
        return None
    found = scalar(entry, reduced.symbol)
    if found is None or found.solution is None:
        return None
    steps = [reduced.spread(step) for step in found.steps]
    equation = Equation(reduced.array(found.equation.left), reduced.array(found.equation.right))
    return Isolated(equation, reduced.array(found.solution), [*steps, Remark("entry by entry")])


class Entries:
    """Arrays of one shape as numbers, one for each, and back."""

    def __init__(self, x: Expr) -> None:
        self.x = x
        self.symbol = symbol(x.name, properties=x.properties & {"positive"})
        self.arrays: dict[Expr, Expr] = {self.symbol: x}

    def entry(self, node: Expr) -> Expr | None:
        """The number that stands for an entry of the array."""
        if node is self.x:
            return self.symbol
        if node.op.name == "ones":
            return number(1)
        is_entrywise = node.op.name in ("add", "hadamard", "scale", "power") or node.op.is_elementwise
        if self.x not in symbols_of(node) and not (is_entrywise and node.shape == self.x.shape):
            if node.is_scalar:
                return node
            if node.shape != self.x.shape:
                return None
            name = node.name if node.op.name == "symbol" else f"{self.x.name}_c{len(self.arrays)}"
            met = next((s for s, a in self.arrays.items() if a is node), None)
            made = met or symbol(name, properties=node.properties & {"positive"})
            self.arrays[made] = node
            return made
        if node.op.name in ("add", "hadamard", "scale", "mul"):
            parts = [self.entry(arg) for arg in node.args]
            if any(p is None for p in parts):
                return None
            known = [p for p in parts if p is not None]
            return add(*known) if node.op is add else mul(*known)
        if node.op.name == "power":
            base = self.entry(node.args[0])
            return None if base is None or self.x in symbols_of(node.args[1]) else power(base, node.args[1])
        if node.op.name == "matmul" and len(node.args) == 2 and node.args[0].op.name == "Diag":
            left, right = self.entry(node.args[0].args[0]), self.entry(node.args[1])
            return None if left is None or right is None else mul(left, right)
        if node.op.is_elementwise:
            inside = self.entry(node.args[0])
            return None if inside is None else node.op(inside)
        return None

    def spread(self, step: Remark) -> Remark:
        """A step for numbers as one for arrays."""
        return Remark(
            *(p if isinstance(p, str) else [i if isinstance(i, str) else self.array(i) for i in p] for p in step.parts)
        )

    def array(self, root: Expr) -> Expr:
        """The array whose entries a number formula gives."""
        found = self._array(root)
        return found if found.shape == self.x.shape else scale(found, ones(*self.x.shape))

    def _array(self, node: Expr) -> Expr:
        if node in self.arrays:
            return self.arrays[node]
        if not any(s in self.arrays for s in symbols_of(node)):
            return node
        args = [self._array(arg) for arg in node.args]
        is_array = [a.shape == self.x.shape and not a.is_scalar for a in args]
        if node.op is add:
            return add(*(a if big else scale(a, ones(*self.x.shape)) for a, big in zip(args, is_array, strict=True)))
        if node.op is mul:
            plain = [a for a, big in zip(args, is_array, strict=True) if not big]
            large = [a for a, big in zip(args, is_array, strict=True) if big]
            product = hadamard(*large) if len(large) > 1 else large[0]
            return scale(mul(*plain), product) if plain else product
        return node.op(*args, *node.data)
