"""Stationary points under constraints, by multipliers [B 5.5.3, 10.1].

    A x = b, affine        G + Jᵀ ν = 0 with J the Jacobian of the constraint, linear in x and ν
    𝟏ᵀ x = c by entries    x = h(ν) entry by entry, and ν from the sum: softmax, proportions
    ‖x‖ = 1, UᵀU = I       A U = U Λ: the columns span a space of eigenvectors

[B]  Boyd & Vandenberghe, Convex Optimization, 2004 (section).
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from ..algebra.forms import expand
from ..algebra.normal import Normalizer
from ..algebra.polynomial import Mono, Poly, Scalars, content
from ..errors import DeriveError
from ..expr import Expr, is_zero, number, ones, substitute, symbol, symbols_of, zero_like
from ..jacobians import jacobian
from ..operations import exp, matmul, mul, norm, power, scale, softmax, sum_entries, transpose
from .isolation import Entries, Equation, Isolated, is_linear, same, scalar, simple, solved
from .remarks import Remark


class Constrained(NamedTuple):
    """A stationary point with its multiplier, or the equation that it satisfies."""

    isolated: Isolated
    multiplier: Expr | None
    is_eigen: bool = False
    kind: str | None = None  # where it is known beside the curvature of the formula


def constrained(G: Expr, x: Expr, constraint: Expr) -> Constrained | None:
    """The point where G is orthogonal to `constraint` = 0; None where no way is known."""
    if is_linear(constraint, x) is None:
        return eigen(G, x, constraint)
    if not x.is_vector and not x.is_scalar:
        return None
    if is_linear(G, x) is not None:
        return linear(G, x, constraint)
    return by_sum(G, x, constraint)


def linear(G: Expr, x: Expr, constraint: Expr) -> Constrained | None:
    """M x + c + Jᵀ ν = 0, J x = d."""
    M, c = simple(jacobian(G, x)[0]), expand(substitute(G, {x: zero_like(x)}))
    J, d = simple(jacobian(constraint, x)[0]), expand(-substitute(constraint, {x: zero_like(x)}))
    if is_zero(M):
        return None
    free = solved(M, simple(-c))  # x = free − M⁻¹ Jᵀ ν
    spread = solved(M, transpose(J))
    inner = simple(matmul(J, spread)) if not is_zero(J) else J
    gap = simple(expand(matmul(J, free) - d))
    if inner.is_scalar:
        multiplier = simple(gap / inner)
        solution = free - multiplier * spread if not is_zero(free) else -multiplier * spread
    else:
        multiplier = solved(inner, gap)
        solution = free - matmul(spread, multiplier) if not is_zero(free) else -matmul(spread, multiplier)
    nu = symbol(_free("ν", G, constraint), *constraint.shape)
    pull = matmul(transpose(J), nu)
    steps = [
        Remark("with a multiplier ", [nu], ": ", [matmul(M, x) + pull, "=", simple(-c)]),
        Remark("the constraint gives ", [nu, "=", multiplier]),
    ]
    return Constrained(Isolated(Equation(matmul(M, x) + pull, simple(-c)), simple(solution), steps), multiplier)


def by_sum(G: Expr, x: Expr, constraint: Expr) -> Constrained | None:
    """x = h(ν) entry by entry, where the sum of the entries is given."""
    J = simple(jacobian(constraint, x)[0])
    if not same(J, transpose(ones(*x.shape))) or not x.is_vector:
        return None
    total = expand(-substitute(constraint, {x: zero_like(x)}))
    nu = symbol(_free("ν", G, constraint))
    entries = Entries(x)
    entry = entries.entry(expand(G))
    if entry is None:
        return None
    found = scalar(expand(entry + nu), entries.symbol)
    if found is None or found.solution is None:
        return None
    h = found.solution
    equation = Equation(expand(G) + scale(nu, ones(*x.shape)), zero_like(x))
    steps = [Remark("with a multiplier ", [nu], ": ", [entries.array(found.equation.left), "=",
                    entries.array(found.equation.right)], ", entry by entry")]  # fmt: skip
    if h.op is exp and is_linear(h.args[0], nu) is not None:
        logits = entries.array(expand(substitute(h.args[0], {nu: number(0)})))
        logits = _without_ones(logits)
        solution = scale(total, softmax(logits))
        steps.append(Remark("the sum of the entries gives ", [x, "=", solution]))
        return Constrained(Isolated(equation, solution, steps), None)
    at_one = simple(substitute(h, {nu: number(1)}))
    for k in (-1, 1, 2, -2):
        if same(expand(h), expand(at_one * power(nu, number(k)))):
            weights = entries.array(at_one)
            if weights.op.name == "scale":
                weights = weights.args[1]
            solution = simple(scale(total / sum_entries(weights), weights))
            steps.append(Remark("the sum of the entries gives ", [x, "=", solution]))
            return Constrained(Isolated(equation, solution, steps), None)
    return None


def _without_ones(logits: Expr) -> Expr:
    """Logits without multiples of 𝟏, which a softmax does not see."""
    if logits.op.name != "add":
        return logits
    kept = [t for t in logits.args if (t.args[1] if t.op.name == "scale" else t).op.name != "ones"]
    from ..operations import add

    return add(*kept) if kept else logits


def eigen(G: Expr, x: Expr, constraint: Expr) -> Constrained | None:
    """A U = U Λ, where UᵀU is given and the gradient linear."""
    gram = matmul(transpose(x), x)
    rest = expand(constraint - gram) if constraint.shape == gram.shape else None
    if rest is None or x in symbols_of(rest):
        return None
    homogeneous = is_linear(G, x)
    constant = simple(substitute(G, {x: zero_like(x)}))
    name = _free("Λ" if not x.is_vector else "ν", G, constraint)
    multiplier = symbol(name, *gram.shape, properties=["symmetric"] if not x.is_vector else [])
    if x.is_vector and same(-rest, number(1)) and x not in symbols_of(expand(G)):
        return on_sphere(expand(G), x)
    if homogeneous is None or not is_zero(constant):
        return None
    half = simple(number(1) / 2 * G)
    left = half if same(2 * half, G) else G
    if left.op.name in ("scale",) and left.args[0].op.name == "number":
        left = left.args[1]
    equation = Equation(left, x @ multiplier if not x.is_vector else scale(multiplier, x))
    said = "the columns span a space of eigenvectors" if not x.is_vector else "an eigenvector"
    return Constrained(
        Isolated(
            equation,
            None,
            [
                Remark("with a multiplier: ", [equation.left, "=", equation.right]),
                Remark([x], f" is {said}" if x.is_vector else f": {said}"),
            ],
        ),  # fmt: skip
        None,
        is_eigen=True,
    )


def on_sphere(g: Expr, x: Expr) -> Constrained:
    """The unit vector against g, where gᵀx is least."""
    down = simple(-g)
    solution = down / norm(down)
    steps = [Remark("with a multiplier, ", [x], " is a multiple of ", [g]),
             Remark("of the two unit vectors this is the minimum, the other the maximum")]  # fmt: skip
    return Constrained(Isolated(Equation(x, solution), solution, steps), None, kind="minimum")


def rayleigh(G: Expr, x: Expr) -> Isolated | None:
    """M x = ρ(x) N x: the gradient of a Rayleigh quotient, up to a factor."""
    if not x.is_vector:
        return None
    ctx = Normalizer()
    groups: dict[Scalars, dict[Mono, Fraction]] = {}
    for (scalars, chain), c in ctx.full(G).terms.items():
        if not chain or chain[-1] is not x or any(x in symbols_of(f) for f in chain[:-1]):
            return None
        moving = tuple(pair for pair in scalars if x in symbols_of(pair[0]))
        fixed = tuple(pair for pair in scalars if pair not in moving)
        groups.setdefault(moving, {})[fixed, chain] = c
    if len(groups) != 2:
        return None
    (below, first), (above, second) = sorted(groups.items(), key=lambda item: len(item[0]))
    lead = 1 / content(first.values())
    signs = [1 if next(iter(terms.values())) > 0 else -1 for terms in (first, second)]
    left = simple(ctx.canonical(Poly(G.shape, first).scaled(signs[0] * lead)))
    right = simple(ctx.canonical(Poly(G.shape, second).scaled(signs[1] * lead)))
    powers = [*above, *((base, -e) for base, e in below)]
    factors = [number(-signs[0] * signs[1]), *(power(base, number(e)) for base, e in powers)]
    ratio = simple(mul(*factors))
    said = Remark([x], " is an eigenvector, with the eigenvalue ", [ratio])
    if right is not x:
        said = Remark([x], " is a generalized eigenvector, with the eigenvalue ", [ratio])
    return Isolated(Equation(left, scale(ratio, right)), None, [said])


def _free(name: str, *formulas: Expr) -> str:
    taken = {s.name for f in formulas for s in symbols_of(f)}
    return next(n for n in (name, *(f"{name}_{i}" for i in range(1, 100))) if n not in taken)


def checked(text: str) -> tuple[str, str]:
    """The two sides of a constraint."""
    parts = text.split("=")
    if len(parts) != 2 or not all(p.strip() for p in parts):
        raise DeriveError(f"the constraint {text} is no equation", hint='for example "𝟏ᵀw = 1"')
    return parts[0].strip(), parts[1].strip()
