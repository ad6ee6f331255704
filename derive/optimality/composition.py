"""Convexity by composition: how curvature passes through each operation.

A `Curve` says of every entry of a node whether it is convex or concave in the variables,
between which bounds it lies, and two exponents that make the rules for products and roots
one: `root` is the largest p for which the nonnegative entry is the p-th power of a convex
function (∞ where its logarithm is convex), `degree` the least p for which it is the p-th
power of a concave one (∞ where its logarithm is concave).  Then

    u^k             has root k·root(u) and degree k·degree(u)
    Σ uᵢ            has the least of the roots (Minkowski)
    Π uᵢ            has the sum of the degrees (geometric means)
    u / Π vⱼ        has root(u) − Σ degree(vⱼ) (perspectives, quadratic over linear)

and what is nonnegative is convex where its root is at least 1, concave where its degree is
at most 1 [B 3.1.5, 3.2, 3.5].

[B]  Boyd & Vandenberghe, Convex Optimization, 2004 (section).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import reduce
from math import inf, pi
from operator import mul

from ..expr import Expr, depends_on, dimension_op, is_number, nodes, number_op
from ..facts import is_definite, range_of, weighted
from ..operations import FUNCTIONS, matmul, power
from ..ranges import NONNEGATIVE, POSITIVE, Range

Exponent = Fraction | float


class Curve:
    """What is known of the entries of a node as functions of the variables."""

    __slots__ = ("range", "is_convex", "is_concave", "root", "degree", "below", "why")

    def __init__(
        self,
        range: Range,
        is_convex: bool = False,
        is_concave: bool = False,
        root: Exponent | None = None,
        degree: Exponent | None = None,
        below: Exponent | None = None,
        why: str = "",
    ) -> None:
        self.range = range
        self.root, self.degree = root, degree
        self.below = below  # p where the entry is v^(-p) for a positive concave v
        self.why = why
        if range.is_nonnegative:
            if is_convex and (root is None or root < 1):
                self.root = 1
            if is_concave and (degree is None or degree > 1):
                self.degree = 1
            is_convex = is_convex or (self.root is not None and self.root >= 1)
            is_concave = is_concave or (self.degree is not None and self.degree <= 1)
        else:
            self.root = self.degree = self.below = None
        self.is_convex, self.is_concave = is_convex, is_concave

    @property
    def is_affine(self) -> bool:
        return self.is_convex and self.is_concave

    def negated(self) -> Curve:
        return Curve(-self.range, self.is_concave, self.is_convex, why=self.why)


def constant(range: Range) -> Curve:
    return Curve(range, True, True, root=inf, degree=0, below=0)


# Scalar functions: on an interval, whether convex (1) or concave (−1), and whether increasing (1) or decreasing (−1).
Piece = tuple[float, float, int, int]
_HALVES_UP: tuple[Piece, ...] = ((-inf, 0, 1, 1), (0, inf, -1, 1))
PIECES: Mapping[str, tuple[Piece, ...]] = {
    "exp": ((-inf, inf, 1, 1),),
    "log": ((0, inf, -1, 1),),
    "softplus": ((-inf, inf, 1, 1),),
    "relu": ((-inf, inf, 1, 1),),
    "abs": ((-inf, 0, 1, -1), (0, inf, 1, 1), (-inf, inf, 1, 0)),
    "cosh": ((-inf, 0, 1, -1), (0, inf, 1, 1), (-inf, inf, 1, 0)),
    "sinh": ((-inf, 0, -1, 1), (0, inf, 1, 1)),
    "tanh": _HALVES_UP,
    "sigmoid": _HALVES_UP,
    "arctan": _HALVES_UP,
    "erf": _HALVES_UP,
    "cos": ((-pi / 2, pi / 2, -1, 0),),
    "sin": ((0, pi, -1, 0),),
}
# Twice differentiable wherever defined.
SMOOTH = frozenset(
    "add mul scale matmul transpose hadamard kron power inv matpow trace det logdet inner sq_norm sum logsumexp "
    "softmax diag Diag vec unvec tril triu block submatrix block_inner block_sum exp log sin cos sinh cosh tanh "
    "arctan erf sigmoid softplus number constant dimension symbol zeros ones identity commutation".split()
)
LOG_CONVEX = frozenset({"exp", "cosh"})  # of an affine argument; exp of a convex one
LOG_CONCAVE = frozenset({"exp", "sigmoid", "softplus"})  # and increasing: of a concave argument


def curves(root: Expr, variables: Iterable[Expr], known: Mapping[Expr, Curve] | None = None) -> dict[Expr, Curve]:
    """The curve of every node below the root; those in `known` are taken as they are."""
    return _curves(root, depends_on(root, variables), known or {})


def _curves(root: Expr, active: set[Expr], known: Mapping[Expr, Curve] | None = None) -> dict[Expr, Curve]:
    memo: dict[Expr, Curve] = dict(known or {})
    for node in nodes(root):
        if node in memo:
            continue
        args = [memo[arg] for arg in node.args]
        bounds = range_of(node, [a.range for a in args])
        if node not in active:
            memo[node] = constant(bounds)
        elif not node.args:
            memo[node] = Curve(bounds, True, True)
        else:
            memo[node] = _RULES.get(node.op.name, _by_traits)(node, args, bounds, active)
    return memo


Rule = Callable[[Expr, list[Curve], Range, "set[Expr]"], Curve]


def _by_traits(node: Expr, a: list[Curve], bounds: Range, active: set[Expr]) -> Curve:
    if node.op.name in FUNCTIONS:
        return _function(node, a, bounds, active)
    if "norm" in node.op.traits:
        return _norm(node, a, bounds, active)
    return _linear(node, a, bounds, active) if "linear" in node.op.traits else Curve(bounds)


def _function(node: Expr, a: list[Curve], bounds: Range, active: set[Expr]) -> Curve:
    """A scalar function of each entry."""
    name, g = node.op.name, a[0]
    root = degree = None
    if name in LOG_CONVEX and (g.is_affine or (name == "exp" and g.is_convex)):
        root = inf
    if name in LOG_CONCAVE and g.is_concave:
        degree = inf
    if name == "log":
        if g.root == inf:
            return Curve(bounds, is_convex=True, is_concave=g.degree is not None, why="the logarithm is log-convex")
        if g.is_concave or (g.degree is not None and g.range.is_nonnegative):
            return Curve(bounds, is_concave=True, why="the logarithm increases and is concave")
        return Curve(bounds)
    if name == "abs" and g.is_affine:
        return Curve(bounds, is_convex=True, root=1, why="an absolute value is convex")
    for lo, hi, bend, slope in PIECES.get(name, ()):
        if lo <= g.range.lo and g.range.hi <= hi and _composes(bend * slope, g):
            said = _said(name, bend, slope, g)
            return Curve(bounds, bend > 0, bend < 0, root=root, degree=degree, why=said)
    return Curve(bounds, root=root, degree=degree)


def _composes(rising: int, g: Curve) -> bool:
    """Convex and increasing of convex, or convex and decreasing of concave; for concave the other way round."""
    return g.is_affine or (rising > 0 and g.is_convex) or (rising < 0 and g.is_concave)


def _said(name: str, bend: int, slope: int, g: Curve) -> str:
    kind = "convex" if bend > 0 else "concave"
    if g.is_affine:
        return f"{name} is {kind} there, and its argument affine"
    inner = "convex" if g.is_convex else "concave"
    return f"{name} is {kind} and {'increases' if slope > 0 else 'decreases'}, and its argument is {inner}"


def _add(node: Expr, a: list[Curve], bounds: Range, active: set[Expr]) -> Curve:
    z = reflected(node)
    if z is not None:
        is_on = _curves(z, active)[z].is_convex
        return Curve(Range(0, 1, True, True), degree=inf if is_on else None, why="1 − σ(z) is σ(−z), log-concave")
    least = min(0 if c.root is None else c.root for c in a)
    root = least if least >= 1 else None
    degree = 1 if all(c.degree is not None and c.degree <= 1 for c in a) else None
    return Curve(
        bounds, all(c.is_convex for c in a), all(c.is_concave for c in a), root, degree, why=_sum_said(root, a)
    )


def _sum_said(root: Exponent | None, a: list[Curve]) -> str:
    if root is not None and root == inf:
        return "a sum of log-convex terms is log-convex"
    if all(c.is_convex for c in a):
        return "a sum of convex terms"
    return "a sum of concave terms" if all(c.is_concave for c in a) else ""


def reflected(node: Expr) -> Expr | None:
    """z where the node is 1 − σ(z) = σ(−z)."""
    if node.op.name != "add" or len(node.args) != 2:
        return None
    for one, other in (node.args, node.args[::-1]):
        is_one = one.op.name == "ones" or is_number(one, 1)
        if is_one and other.op.name in ("scale", "mul") and is_number(other.args[0], -1) and len(other.args) == 2:
            if other.args[1].op.name == "sigmoid":
                return other.args[1].args[0]
    return None


def _signed(fixed: Range, g: Curve, bounds: Range) -> Curve:
    """A constant of known sign times a node."""
    if fixed.is_nonnegative:
        return Curve(bounds, g.is_convex, g.is_concave, g.root, g.degree, g.below, "a nonnegative multiple")
    if fixed.is_nonpositive:
        return Curve(bounds, g.is_concave, g.is_convex, why="a nonpositive multiple")
    return Curve(bounds, g.is_affine, g.is_affine)


def _product(node: Expr, a: list[Curve], bounds: Range, active: set[Expr]) -> Curve:
    """A product of scalars, or entry by entry."""
    return _multiplied(node.args, a, bounds, active)


def _multiplied(args: Sequence[Expr], a: Sequence[Curve], bounds: Range, active: set[Expr]) -> Curve:
    moving = [(arg, curve) for arg, curve in zip(args, a, strict=True) if arg in active]
    fixed = _range_of_product(curve for arg, curve in zip(args, a, strict=True) if arg not in active)
    if len(moving) == 1:
        return _signed(fixed, moving[0][1], bounds)
    if len(moving) == 2 and moving[0][0] is moving[1][0]:
        return _signed(fixed, _raised_to(moving[0][1], Fraction(2), NONNEGATIVE), bounds)
    whole = _range_of_product(curve for _, curve in moving)
    root, degree = _root_of_product([c for _, c in moving]), _degree_of_product([c for _, c in moving])
    exponents = [c.below for _, c in moving if c.below is not None]
    below = sum(exponents, Fraction(0)) if len(exponents) == len(moving) else None
    made = Curve(whole, root=root, degree=degree, below=below)
    signed = _signed(fixed, made, bounds)
    signed.why = "the powers of a product" if made.is_convex or made.is_concave else ""
    return signed


def _range_of_product(factors: Iterable[Curve]) -> Range:
    return reduce(mul, (c.range for c in factors), Range(1, 1))


def _root_of_product(factors: Sequence[Curve]) -> Exponent | None:
    if all(c.root == inf for c in factors):
        return inf
    above = [c for c in factors if c.below is None]
    if len(above) == 1 and above[0].root is not None and above[0].range.is_nonnegative:
        left = above[0].root - sum((c.below for c in factors if c.below is not None), Fraction(0))
        return left if left > 0 else None
    return None


def _degree_of_product(factors: Sequence[Curve]) -> Exponent | None:
    degrees = [c.degree for c in factors if c.degree is not None and c.range.is_nonnegative]
    return sum(degrees, Fraction(0)) if len(degrees) == len(factors) else None


def _power(node: Expr, a: list[Curve], bounds: Range, active: set[Expr]) -> Curve:
    base, exponent = a
    if node.args[1] in active:
        # c^g = exp(g log c)
        number = node.args[0]
        if number in active or not base.range.is_positive:
            return Curve(bounds)
        is_up, is_down = base.range.lo >= 1, base.range.hi <= 1
        is_log_convex = exponent.is_affine or (is_up and exponent.is_convex) or (is_down and exponent.is_concave)
        return Curve(
            POSITIVE, root=inf if is_log_convex else None, why="the logarithm of a power is affine in its exponent"
        )
    if node.args[1].op is not number_op:
        return _symbolic_power(node, base, bounds)
    return _raised_to(base, node.args[1].data[0], bounds)


def _symbolic_power(node: Expr, base: Curve, bounds: Range) -> Curve:
    """det(X)^(1/n) is concave over positive definite X [B 3.1.5]."""
    inside, exponent = node.args
    is_root = exponent.op.name == "power" and exponent.args[0].op is dimension_op and is_number(exponent.args[1], -1)
    if is_root and inside.op.name == "det" and base.degree == inf:
        if exponent.args[0].data[0] is inside.args[0].shape[0]:
            return Curve(NONNEGATIVE, is_concave=True, why="det^(1/n) is concave")
    return Curve(bounds)


def _raised_to(base: Curve, k: Fraction, bounds: Range) -> Curve:
    r = base.range
    root = degree = below = None
    is_whole = k.denominator == 1
    if is_whole and k > 0 and k % 2 == 0 and not r.is_nonnegative:
        if base.is_affine:
            return Curve(bounds, root=k, why="an even power of an affine function")
        if r.is_nonpositive and base.is_concave:
            return Curve(bounds, root=k, why="an even power of a function that is concave and not positive")
        return Curve(bounds)
    if r.is_nonnegative or not is_whole:
        # A fractional power says that its base is not negative: a convex condition on a concave base.
        own, least = base.root, base.degree
        if not r.is_nonnegative:
            own, least = Fraction(1) if base.is_affine else None, Fraction(1) if base.is_concave else None
        if k > 0:
            root = None if own is None else own * k
            degree = None if least is None else least * k
        else:
            if least is not None:
                root, below = inf, least * -k if least != inf else None
            if base.root == inf and r.is_positive:
                degree = inf
        return Curve(bounds, root=root, degree=degree, below=below, why=_power_said(root, degree))
    if r.is_nonpositive and is_whole and base.is_concave and k > 0:
        return Curve(bounds, is_concave=True, why="an odd power where its base is concave and not positive")
    if r.is_negative and is_whole and base.is_convex and k < 0:
        even = k % 2 == 0
        return Curve(
            bounds, is_convex=even, is_concave=not even, why="a reciprocal power of a negative convex function"
        )
    return Curve(bounds)


def _power_said(root: Exponent | None, degree: Exponent | None) -> str:
    if root is not None and root >= 1:
        return (
            "its logarithm is convex" if root == inf else "an increasing convex power of a nonnegative convex function"
        )
    return "an increasing concave power of a nonnegative concave function" if degree is not None else ""


def _linear(node: Expr, a: list[Curve], bounds: Range, active: set[Expr]) -> Curve:
    """Operations that pick, move or add entries."""
    g = Curve(bounds, a[0].is_convex, a[0].is_concave, a[0].root, a[0].degree)
    return _summed(g, "a sum of the entries") if node.op.name in ("sum", "trace") else g


def _trace(node: Expr, a: list[Curve], bounds: Range, active: set[Expr]) -> Curve:
    inside = node.args[0]
    if inside.op is matmul:
        for turn in range(len(inside.args)):
            turned = inside.args[turn:] + inside.args[:turn]
            if is_square_form(turned, active, lambda factor: _is_affine_below(factor, active)):
                return Curve(NONNEGATIVE, root=2, why="a squared norm of an affine function")
    return _linear(node, a, bounds, active)


def _is_affine_below(node: Expr, active: set[Expr]) -> bool:
    """Whether a node is affine in the variables, by the operations that are."""
    return _curves(node, active)[node].is_affine


def is_square_form(factors: Sequence[Expr], active: Iterable[Expr], is_affine: Callable[[Expr], bool]) -> bool:
    """Whether a product is ‖M‖² or tr Mᵀ P M, with M affine and P constant."""
    among = set(active)
    found = weighted(factors)
    if found is None or found[1] in among:
        return False
    moving = [f for f in found[0] if f in among]
    return len(moving) == 1 and is_affine(moving[0])


def _matmul(node: Expr, a: list[Curve], bounds: Range, active: set[Expr]) -> Curve:
    moving = [i for i, arg in enumerate(node.args) if arg in active]
    if len(moving) == 1:
        fixed = _range_of_product(c for i, c in enumerate(a) if i not in moving)
        return _summed(_signed(fixed, a[moving[0]], bounds), "a sum with weights of one sign")
    if node.is_scalar:
        memo = dict(zip(node.args, a, strict=True))
        if is_square_form(node.args, active, lambda n: memo[n].is_affine if n in memo else _is_affine_below(n, active)):
            return Curve(NONNEGATIVE, root=2, why="a squared norm of an affine function")
        if len(node.args) == 2:
            return _contracted(node, a, bounds, active)
    return Curve(bounds)


def _contracted(node: Expr, a: list[Curve], bounds: Range, active: set[Expr]) -> Curve:
    """⟨A, B⟩: a sum of products of entries."""
    if node.args[0] is node.args[1] and a[0].is_affine:
        return Curve(NONNEGATIVE, root=2, why="a squared norm of an affine function")
    return _summed(_multiplied(node.args, a, bounds, active), "a sum of products")


def _summed(term: Curve, why: str) -> Curve:
    """What remains of a node when entries like it are added."""
    root = term.root if term.root is not None and term.root >= 1 else None
    degree = 1 if term.degree is not None and term.degree <= 1 else None
    return Curve(term.range, term.is_convex, term.is_concave, root, degree, why=why)


def _norm(node: Expr, a: list[Curve], bounds: Range, active: set[Expr]) -> Curve:
    """Norms; those of entries grow with nonnegative entries."""
    g, by_entry = a[0], node.op.name in ("norm", "sq_norm", "norm1")
    power = 2 if node.op.name == "sq_norm" else 1
    if g.is_affine:
        return Curve(
            bounds,
            root=power,
            why="a norm of an affine function" if power == 1 else "a squared norm of an affine function",
        )
    least = 1 if node.op.name == "norm1" else Fraction(1, 2)
    if by_entry and g.range.is_nonnegative and g.root is not None and g.root >= least:
        return Curve(bounds, root=power * g.root, why="a norm of nonnegative convex entries")
    return Curve(bounds)


def _logsumexp(node: Expr, a: list[Curve], bounds: Range, active: set[Expr]) -> Curve:
    return Curve(bounds, is_convex=a[0].is_convex, why="log Σ exp increases and is convex")


def _largest(node: Expr, a: list[Curve], bounds: Range, active: set[Expr]) -> Curve:
    return Curve(bounds, is_convex=a[0].is_convex, why="the largest of convex functions is convex")


def _where(node: Expr, a: list[Curve], bounds: Range, active: set[Expr]) -> Curve:
    """B where A > 0, else C: a maximum where B − C is c A, c > 0, a minimum where c < 0; smooth where it is c A²."""
    test, chosen, other = node.args
    are_convex, are_concave = (a[1].is_convex and a[2].is_convex), (a[1].is_concave and a[2].is_concave)
    if test not in active:
        return Curve(bounds, are_convex, are_concave)
    gap = chosen - other
    c = _multiple(gap, test)
    if c is None:
        is_smooth = _multiple(gap, power(test, 2)) is not None
        return Curve(bounds, is_smooth and are_convex, is_smooth and are_concave, why="pieces that meet without a kink")
    if c > 0:
        return Curve(bounds, is_convex=are_convex, why="the larger of two convex functions is convex")
    return Curve(bounds, is_concave=are_concave, why="the smaller of two concave functions is concave")


def _multiple(a: Expr, b: Expr) -> Fraction | None:
    """The number c with a = c b, if the normal forms show one."""
    from ..algebra.budget import TooLargeError
    from ..algebra.normal import Normalizer

    ctx = Normalizer()
    try:
        left, right = ctx.full(a).terms, ctx.full(b).terms
    except TooLargeError:
        return None
    ratios = {left[mono] / right[mono] for mono in left} if left.keys() == right.keys() else set()
    return ratios.pop() if len(ratios) == 1 else None


def _logdet(node: Expr, a: list[Curve], bounds: Range, active: set[Expr]) -> Curve:
    matrix = node.args[0]
    if matrix.op.name == "inv" and is_definite(matrix.args[0]) and _is_affine_below(matrix.args[0], active):
        return Curve(bounds, is_convex=True, why="log det is concave over positive definite matrices")
    is_on = is_definite(matrix) and a[0].is_affine
    return Curve(bounds, is_concave=is_on, why="log det is concave over positive definite matrices")


def _det(node: Expr, a: list[Curve], bounds: Range, active: set[Expr]) -> Curve:
    is_on = is_definite(node.args[0]) and a[0].is_affine
    return Curve(NONNEGATIVE if is_on else bounds, degree=inf if is_on else None, why="det is log-concave")


def _block(node: Expr, a: list[Curve], bounds: Range, active: set[Expr]) -> Curve:
    return Curve(bounds, all(c.is_convex for c in a), all(c.is_concave for c in a))


_RULES: dict[str, Rule] = {
    "add": _add,
    "power": _power,
    "matmul": _matmul,
    "inner": _contracted,
    "logsumexp": _logsumexp,
    "logsumexp_row": _logsumexp,
    "max_row": _largest,
    "where": _where,
    "logdet": _logdet,
    "det": _det,
    "block": _block,
    "trace": _trace,
}
for _name in ("mul", "scale", "hadamard", "kron"):
    _RULES[_name] = _product
