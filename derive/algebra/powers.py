"""Powers, inverses and scalar functions in normal form.

The functions here are methods of `Normalizer`, kept apart along the mathematics.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from ..errors import DeriveError
from ..expr import (
    Expr,
    dimension_op,
    number,
    number_op,
    ones,
    ones_op,
    symbol_op,
)
from ..operations import (
    add,
    det,
    diagonal_matrix,
    exp,
    inv,
    kron,
    log,
    matmul,
    norm1,
    sigmoid,
    transpose,
)
from ..shapes import ONE, SCALAR, Shape
from .atoms import (
    as_atom,
    mono_expr,
)
from .polynomial import Chain, Poly, Scalars, key, mono_key
from .products import (
    chain_product,
    flip,
    transpose_poly,
    with_scalars,
)

if TYPE_CHECKING:
    from .normal import Normalizer

ODD = frozenset(["sin", "tan", "arcsin", "arctan", "sinh", "tanh", "erf", "sign"])
EVEN = frozenset(["cos", "cosh", "abs"])

F1 = Fraction(1)


def scalar_power(ctx: Normalizer, poly: Poly, k: Fraction, written: Expr | None) -> Poly:
    single = poly.single()
    whole = k.denominator == 1
    if not poly.terms:
        if k > 0:
            return poly
        raise DeriveError("division by zero")
    if single is not None:
        c, (scalars, _) = single
        if whole or (c > 0 and all(e.denominator > 1 or ctx.is_nonnegative(b) for b, e in scalars)):
            k1, merged = with_scalars([(number(c), k)] if not whole else (), [(b, e * k) for b, e in scalars], ctx=ctx)
            result = Poly(SCALAR, {(merged, ()): k1 * (c ** int(k) if whole else F1)})
            return ctx.reopened_scalars(result)
        atom = mono_expr(F1 if c > 0 else -F1, single[1], SCALAR)
        extra = [(number(abs(c)), k)]
        k1, merged = with_scalars(extra, [(atom, k)], ctx=ctx)
        return Poly(SCALAR, {(merged, ()): k1})
    if whole and 0 < k <= 8 and not ctx.is_keeping:
        product = poly
        for _ in range(int(k) - 1):
            product = ctx.times(product, poly)
        return product
    if ctx.is_keeping and written is not None:
        poly = ctx.full(written)
        if len(poly.terms) < 2:
            return ctx.scalar_power(poly, k, written)
    logistic = ctx.reciprocal_logistic(poly) if k < 0 and whole else None
    if logistic is not None:
        result = logistic
        for _ in range(int(-k) - 1):
            result = ctx.times(result, logistic)
        return result
    c, atom, _ = ctx.atom_of_sum(poly, written, signed=whole)
    k1, merged = with_scalars([(number(c), k)], [(atom, k)], ctx=ctx)
    return Poly(SCALAR, {(merged, ()): k1})


def is_nonnegative(ctx: Normalizer, base: Expr) -> bool:
    if base in ctx.nonnegative or base.op in (exp, norm1) or base.op.name in ("abs", "sigmoid", "softplus"):
        return True
    if base.op is symbol_op:
        return "positive" in base.data[1]
    if base.op is number_op:
        return bool(base.data[0] >= 0)
    if base.op is dimension_op or base.op.name == "constant":
        return True
    if base.op is det:
        return base.args[0].op is symbol_op and "spd" in base.args[0].data[1]
    if base.op is matmul and base.is_scalar:
        return ctx.half(base.args) is not None
    if base.op.name == "trace" and base.args[0].op is matmul:
        factors = base.args[0].args
        return any(ctx.half(factors[i:] + factors[:i]) is not None for i in range(len(factors)))
    return False


def half(ctx: Normalizer, chain: Chain) -> Chain | None:
    """M of a chain Mᵀ M."""
    half = len(chain) // 2
    if len(chain) % 2 or any(flip(chain[half - 1 - i], ctx) is not chain[half + i] for i in range(half)):
        return None
    return chain[half:]


def reciprocal_logistic(ctx: Normalizer, poly: Poly) -> Poly | None:
    """1 / (eᵃ + eᵇ) = e⁻ᵃ σ(a − b), entrywise, for equal coefficients."""
    if len(poly.terms) != 2:
        return None
    arguments = []
    for (scalars, chain), c in poly.terms.items():
        if c != next(iter(poly.terms.values())) or c <= 0:
            return None
        if poly.is_scalar:
            bases = list(scalars)
        else:
            if scalars or poly.shape[1] is not ONE and not chain:
                return None
            left, core, right = ctx.decomposed(chain, poly.shape)
            if (left and poly.shape[1] is not ONE) or right:
                return None
            bases = [(b, e) for b, e in (left or core).items() if b.op is not ones_op]
        if not bases:
            arguments.append(Poly(poly.shape, {}))
        elif len(bases) == 1 and bases[0][0].op is exp and bases[0][1] == 1:
            arguments.append(ctx.full(bases[0][0].args[0]))
        else:
            return None
    a, b = arguments
    coefficient = 1 / next(iter(poly.terms.values()))
    difference = ctx.plus(poly.shape, [a, b.scaled(Fraction(-1))])
    value = ctx.function(sigmoid, difference)
    if a.terms:
        value = ctx.entrywise([ctx.function(exp, a.scaled(Fraction(-1))), value])
    return value.scaled(coefficient)


def entry_power(ctx: Normalizer, poly: Poly, k: Fraction, written: Expr | None) -> Poly:
    shape = poly.shape
    if shape[0] is ONE and shape[1] is not ONE:
        turned = transpose(written) if written is not None else None
        return transpose_poly(ctx.entry_power(transpose_poly(poly, ctx), k, turned), ctx)
    single = poly.single()
    whole = k.denominator == 1
    if not poly.terms:
        if k > 0:
            return poly
        raise DeriveError("division by zero")
    if single is not None:
        c, (scalars, chain) = single
        if whole or (c > 0 and all(ctx.is_nonnegative(b) for b, _ in scalars)):
            left, core, right = ctx.decomposed(chain, shape)
            parts = []
            for bases in (left, core, right):
                if not whole and not all(
                    e.denominator > 1 or e == 1 or ctx.is_nonnegative(b) for b, e in bases.items()
                ):
                    break
                parts.append({b: e * k for b, e in bases.items()})
            # A fractional power of a product needs each factor nonnegative.
            count = len(left) + len(core) + len(right)
            if len(parts) == 3 and (whole or count == 1):
                k1, merged = with_scalars([(number(c), k)], [(b, e * k) for b, e in scalars], ctx=ctx)
                built = ctx.composed((parts[0], parts[1], parts[2]), shape)
                return ctx.reopened_entries(ctx.scaled_by(built, k1, merged))
        atom = ctx.canonical(poly)
        return ctx.entry_atom(atom, k, shape)
    if whole and 0 < k <= 4 and not ctx.is_keeping:
        product = poly
        for _ in range(int(k) - 1):
            product = ctx.entrywise([product, poly])
        return product
    if ctx.is_keeping and written is not None:
        poly = ctx.full(written)
        if len(poly.terms) < 2:
            return ctx.entry_power(poly, k, written)
    logistic = ctx.reciprocal_logistic(poly) if k < 0 and whole else None
    if logistic is not None:
        result = logistic
        for _ in range(int(-k) - 1):
            result = ctx.entrywise([result, logistic])
        return result
    c, atom, flipped = ctx.atom_of_sum(poly, written, signed=whole)
    k1, merged = with_scalars([(number(c), k)], ctx=ctx)
    result = ctx.entry_atom(atom, k, (shape[1], shape[0]) if flipped else shape)
    if flipped:
        result = transpose_poly(result, ctx)
    return ctx.scaled_by(result, k1, merged)


def entry_atom(ctx: Normalizer, atom: Expr, k: Fraction, shape: Shape) -> Poly:
    if shape[1] is ONE:
        return ctx.composed(({atom: k}, {}, {}), shape)
    return ctx.composed(({}, {atom: k}, {}), shape)


def inverse(ctx: Normalizer, poly: Poly, written: Expr | None) -> Poly:
    if poly.is_scalar:
        return ctx.scalar_power(poly, Fraction(-1), written)
    if not poly.terms:
        raise DeriveError("the inverse of zero")
    if ctx.is_keeping and written is not None and len(poly.terms) > 1:
        poly = ctx.full(written)
    single = poly.single()
    if single is not None:
        c, (scalars, chain) = single
        inverted = tuple((b, -e) for b, e in scalars)
        if all(f.shape[0] is f.shape[1] for f in chain):
            factors: list[Expr] = []
            coefficient = 1 / c
            for f in reversed(chain):
                k, more, inside = ctx.inverse_factor(f)
                coefficient *= k
                if more:
                    c2, inverted = with_scalars(inverted, more, ctx=ctx)
                    coefficient *= c2
                factors += inside
            return chain_product(coefficient, inverted, factors, poly.shape, ctx)
        base = Poly(poly.shape, {((), chain): F1})
        return ctx.scaled_by(ctx.oriented(inv, base), 1 / c, inverted)
    c, atom, flipped = ctx.atom_of_sum(poly, written)
    inverse = inv.make((atom,))
    factor = transpose.make((inverse,)) if flipped and not ctx.is_symmetric(inverse) else inverse
    return Poly(poly.shape, {((), (factor,)): 1 / c})


def inverse_factor(ctx: Normalizer, factor: Expr) -> tuple[Fraction, Scalars, list[Expr]]:
    """The inverse of one factor: coefficient, scalars and chain."""
    if factor.op is transpose:
        c, scalars, inside = ctx.inverse_factor(factor.args[0])
        return c, scalars, [flip(f, ctx) for f in reversed(inside)]
    if factor.op is inv:
        return F1, (), list(ctx.chain_of(factor.args[0])) if factor.args[0].op is not add else [factor.args[0]]
    single = None
    if factor.op is diagonal_matrix:
        vector = ctx.entry_power(ctx.full(factor.args[0]), Fraction(-1), None)
        single = ctx.diagonal_matrix(vector).single()
    elif factor.op is symbol_op and "orthogonal" in factor.data[1]:
        return F1, (), [flip(factor, ctx)]
    elif factor.op is kron and all(a.is_square for a in factor.args):
        single = ctx.kron(*(ctx.inverse(ctx.full(a), a) for a in factor.args)).single()
    if single is None:
        return F1, (), [inv.make((factor,))]
    c, (scalars, chain) = single
    return c, scalars, list(chain)


def oriented(ctx: Normalizer, op: object, poly: Poly) -> Poly:
    """An operation that commutes with transposition, at the canonical one of M and Mᵀ."""
    operation = op
    inside = ctx.canonical(poly)
    rows, columns = poly.shape
    flipped = False
    if rows is ONE and columns is not ONE:
        inside, flipped = ctx.canonical(transpose_poly(poly, ctx)), True
    elif columns is not ONE:
        other = ctx.canonical(transpose_poly(poly, ctx))
        if other is not inside and key(other) < key(inside):
            inside, flipped = other, True
    atom = operation.make((inside,))  # type: ignore[attr-defined]
    if poly.is_scalar:
        return Poly(SCALAR, {(((atom, F1),), ()): F1})
    factor = transpose.make((atom,)) if flipped and not ctx.is_symmetric(atom) else atom
    return Poly(poly.shape, {((), (factor,)): F1})


def function(ctx: Normalizer, op: object, poly: Poly) -> Poly:
    """A scalar function of each entry."""
    name = op.name  # type: ignore[attr-defined]
    single = poly.single()
    if not poly.terms:
        if name in ("exp", "cos", "cosh"):
            return ctx.full(ones(*poly.shape))
        if name in ODD or name == "abs":
            return poly
        if name == "sigmoid":
            return ctx.full(ones(*poly.shape)).scaled(Fraction(1, 2))
    if name == "log" and single is not None and single[0] == 1:
        inside = as_atom(single[1])
        if inside is not None and inside.op is exp:
            return ctx.full(inside.args[0])
        if single[1] == ((), ()) and poly.is_scalar or single[1] == ((), (ones(*poly.shape),)):
            return Poly(poly.shape, {})
    if name == "exp" and single is not None and single[0] == 1:
        inside = as_atom(single[1])
        if inside is not None and inside.op is log:
            return ctx.full(inside.args[0])
    sign = F1
    if poly.terms and (name in ODD or name in EVEN or (name == "sigmoid" and not ctx.is_keeping)):
        first = min(poly.terms, key=mono_key)
        if poly.terms[first] < 0:
            sign, poly = -F1, poly.scaled(-F1)
    made = ctx.oriented(op, poly)
    if sign > 0 or name in EVEN:
        return made
    if name == "sigmoid":
        return ctx.plus(poly.shape, [ctx.full(ones(*poly.shape)), made.scaled(-F1)])
    return made.scaled(-F1)


def opaque(ctx: Normalizer, node: Expr) -> Poly:
    """An operation without identities, over canonical operands."""
    args = tuple(ctx.canonical(ctx.full(a)) for a in node.args)
    try:
        atom = node.op.build(args, node.data)
    except DeriveError:
        atom = node
    if atom.op is not node.op:
        return ctx.full(atom)
    if atom.is_scalar:
        return Poly(SCALAR, {(((atom, F1),), ()): F1})
    return Poly(atom.shape, {((), (atom,)): F1})
