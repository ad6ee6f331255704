"""Scalar functions of entries: exponentials and logarithms, σ, tanh and softmax, signs.

A function's family is its name, given the function and its argument; `powers` families
take a product of powers of one shape, by the name of a function in it; `reciprocal`,
`softmax` and `tanh` recognize functions in sums.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from ...expr import Expr, Operation, ones, ones_op
from ...operations import (
    absolute,
    arcsin,
    arctan,
    cos,
    cosh,
    erf,
    exp,
    log,
    matmul,
    relu,
    sigmoid,
    sign,
    sin,
    sinh,
    softmax,
    softplus,
    step,
    sum_entries,
    tan,
    tanh,
    transpose,
)
from ...shapes import ONE, SCALAR, Shape
from ..atoms import Bases, as_atom, exponential_sum, of_atom, of_chain, replace_factor, replace_in_scalar, sum_bases
from ..polynomial import Chain, Mono, Poly, Scalars, collect, content, key, mono_key
from .row import Apply, identity

if TYPE_CHECKING:
    from ..normal import Normalizer

F1 = Fraction(1)


# At zero


def _at_zero(ctx: Normalizer, op: Operation, poly: Poly) -> Poly | None:
    return None if poly.terms else poly


def _one_at_zero(ctx: Normalizer, op: Operation, poly: Poly) -> Poly | None:
    return None if poly.terms else ctx.full(ones(*poly.shape))


for _op in (exp, cos, cosh):
    identity(_op.name, f"{_op.name}(0 x) = ones(n, 1)", "x: n")(_one_at_zero)
for _op in (sin, tan, arcsin, arctan, sinh, tanh, erf, sign, absolute):
    identity(_op.name, f"{_op.name}(0 x) = 0 x", "x: n")(_at_zero)


@identity("sigmoid", "σ(0 x) = ½ ones(n, 1)", "x: n")
def sigmoid_of_zero(ctx: Normalizer, op: Operation, poly: Poly) -> Poly | None:
    return None if poly.terms else ctx.full(ones(*poly.shape)).scaled(Fraction(1, 2))


# Inverse functions


def _undoes(inverse: Operation) -> Apply:
    """The argument of the inverse function, where that alone is the argument."""

    def apply(ctx: Normalizer, op: Operation, poly: Poly) -> Poly | None:
        single = poly.single()
        inside = as_atom(single[1]) if single is not None and single[0] == 1 else None
        return ctx.full(inside.args[0]) if inside is not None and inside.op is inverse else None

    return apply


identity("log", "log(exp(x)) = x", "x: n")(_undoes(exp))
identity("exp", "exp(log(x)) = x", "x: n positive")(_undoes(log))


@identity("log", "log(ones(n, 1)) = zeros(n, 1)", "")
def log_of_one(ctx: Normalizer, op: Operation, poly: Poly) -> Poly | None:
    return Poly(poly.shape, {}) if poly.terms == ctx.full(ones(*poly.shape)).terms else None


@identity("sign", "sign(exp(x)) = ones(n, 1)", "x: n")
def sign_of_positive(ctx: Normalizer, op: Operation, poly: Poly) -> Poly | None:
    single = poly.single()
    inside = as_atom(single[1]) if single is not None and single[0] > 0 else None
    if inside is None or not (inside.op in (exp, sigmoid, softplus) or "positive" in inside.properties):
        return None
    return ctx.full(ones(*poly.shape))


# Reflections: of x − y and y − x the argument is the one that was met first


def _odd(ctx: Normalizer, op: Operation, poly: Poly) -> Poly | None:
    return ctx.oriented(op, poly.scaled(-F1)).scaled(-F1) if ctx.is_reflected(poly) else None


def _even(ctx: Normalizer, op: Operation, poly: Poly) -> Poly | None:
    return ctx.oriented(op, poly.scaled(-F1)) if ctx.is_reflected(poly) else None


for _op in (sin, tan, arcsin, arctan, sinh, tanh, erf, sign):
    identity(_op.name, f"{_op.name}(−x) = −{_op.name}(x)", "x: n")(_odd)
for _op in (cos, cosh):
    identity(_op.name, f"{_op.name}(−x) = {_op.name}(x)", "x: n")(_even)


@identity("abs", "abs(2 s x) = 2 |s| abs(x)", "x: n, s: scalar")
def absolute_of_multiple(ctx: Normalizer, op: Operation, poly: Poly) -> Poly | None:
    """|c P| = |c| |P|, factor by factor where P is one term."""
    single = poly.single()
    if single is None:
        c = content(poly.terms.values())
        return None if c == 1 else ctx.function(op, poly.scaled(1 / c)).scaled(c)
    c, (scalars, chain) = single
    if c == 1 and (not scalars or (len(scalars) == 1 and not chain and scalars[0][1] == 1)):
        return None
    k, sizes = ctx.with_scalars(
        (b if ctx.is_nonnegative(b) or e % 2 == 0 else absolute.make((b,)), e) for b, e in scalars
    )
    body = ctx.function(op, of_chain(chain, poly.shape)) if chain else of_chain((), SCALAR)
    return ctx.scaled_by(body, abs(c) * k, sizes)


@identity("abs", "abs(exp(x)) = exp(x)", "x: n")
def absolute_of_nonnegative(ctx: Normalizer, op: Operation, poly: Poly) -> Poly | None:
    single = poly.single()
    inside = as_atom(single[1]) if single is not None and single[0] == 1 else None
    return of_atom(inside) if inside is not None and ctx.is_nonnegative(inside) else None


@identity("sigmoid", "σ(−x) = ones(n, 1) − σ(x)", "x: n")
def sigmoid_of_opposite(ctx: Normalizer, op: Operation, poly: Poly) -> Poly | None:
    if ctx.is_keeping or not ctx.is_reflected(poly):
        return None
    plain = ctx.oriented(sigmoid, poly.scaled(-F1))
    return ctx.plus(poly.shape, [ctx.full(ones(*poly.shape)), plain.scaled(-F1)])


# The base whose root a power bᵉ under a root becomes


@identity("root", "sqrt(s t) = sqrt(s) sqrt(t)", "s: scalar positive, t: scalar positive")
def root_of_product(ctx: Normalizer, base: Expr, e: Fraction) -> Expr | None:
    return base if e.denominator > 1 or ctx.is_nonnegative(base) else None


@identity("root", "sqrt(s^2) = |s|", "s: scalar")
def root_of_square(ctx: Normalizer, base: Expr, e: Fraction) -> Expr | None:
    return ctx.size(base) if e % 2 == 0 else None


# Products of powers


@identity("powers exp", "exp(x) ⊙ exp(y) = exp(x + y)", "x: n, y: n")
def product_of_exponentials(ctx: Normalizer, bases: Bases, shape: Shape) -> Bases | None:
    exponents = [(base.args[0], e) for base, e in bases.items() if base.op is exp]
    if len(exponents) == 1 and exponents[0][1] == 1:
        return None
    total = collect(shape, [(m, c * e) for arg, e in exponents for m, c in ctx.full(arg).terms.items()])
    merged = {base: e for base, e in bases.items() if base.op is not exp}
    if total.terms:
        merged[exp.make((ctx.canonical(total),))] = F1
    return merged


@identity("whole powers exp", "exp(−2 x) ⊙ σ(x) .^ 2 = σ(−x) .^ 2", "x: n")
def exponential_times_sigmoid(ctx: Normalizer, bases: Bases, shape: Shape) -> Bases | None:
    power = next(base for base in bases if base.op is exp)
    exponent = ctx.full(power.args[0])
    for base, e in bases.items():
        z = ctx.full(base.args[0]) if base.op is sigmoid and e >= 1 else None
        times = 0 if z is None else min(-_multiple(exponent, z), int(e))
        if z is None or times < 1:
            continue
        rest = ctx.plus(z.shape, [exponent, z.scaled(Fraction(times))])
        turned = sigmoid.make((ctx.canonical(z.scaled(-F1)),))
        left = sum_bases({b: x for b, x in bases.items() if b is not power}, {base: Fraction(-times)})
        left = sum_bases(left, {turned: Fraction(times)})
        return sum_bases(left, {exp.make((ctx.canonical(rest),)): F1} if rest.terms else {})
    return None


def _signs(ctx: Normalizer, bases: Bases, shape: Shape) -> Bases | None:
    """xᵃ |x|ᵇ sign(x)ᶜ is |x|ᵃ⁺ᵇ, with the sign of x where a + c is odd."""
    zero = Fraction(0)
    for z in {base.args[0]: None for base in bases if base.op in (absolute, sign)}:
        size, sense = absolute.make((z,)), sign.make((z,))
        a, b, c = (bases.get(base, zero) for base in (z, size, sense))
        if not (a or b) or any(e.denominator > 1 for e in (a, b, c)):
            continue
        n = a + b
        if (n - a - c) % 2 == 0:
            powers = (n, zero, zero)
        elif (a + c) % 2 == 0:
            powers = (n - 1, F1, zero) if n > 0 else (n + 1, -F1, zero)
        else:
            powers = (n - 1, F1, zero) if n > 0 else (n, zero, F1)
        if powers != (a, b, c):
            rest = {base: e for base, e in bases.items() if base not in (z, size, sense)}
            return sum_bases(rest, dict(zip((z, size, sense), powers)))
    return None


identity("powers abs", "x ⊘ abs(x) = sign(x)", "x: n")(_signs)
identity("powers sign", "sign(x) ⊙ x = abs(x)", "x: n")(_signs)


@identity("powers step", "step(x) .^ 2 = step(x)", "x: n")
def power_of_step(ctx: Normalizer, bases: Bases, shape: Shape) -> Bases | None:
    ones_of = {b: F1 if b.op is step and e > 0 and e.denominator == 1 else e for b, e in bases.items()}
    return None if ones_of == bases else ones_of


@identity("powers step", "relu(x) ⊙ step(x) = relu(x)", "x: n")
def relu_times_step(ctx: Normalizer, bases: Bases, shape: Shape) -> Bases | None:
    left = {b: e for b, e in bases.items() if b.op is not step or bases.get(relu.make(b.args), Fraction(0)) <= 0}
    return None if len(left) == len(bases) else left


def _ratio(one: Operation, two: Operation, quotient: Operation) -> Apply:
    """oneᵃ twoᵇ quotientᶜ with as many quotients as there can be."""

    def apply(ctx: Normalizer, bases: Bases, shape: Shape) -> Bases | None:
        for z in {base.args[0]: None for base in bases if base.op is one or base.op is quotient}:
            atoms = (one.make((z,)), two.make((z,)), quotient.make((z,)))
            a, b, c = (bases.get(atom, Fraction(0)) for atom in atoms)
            if any(e.denominator > 1 for e in (a, b, c)):
                continue
            a, b = a + c, b - c
            c = Fraction(0)
            if a > 0 > b:
                c = min(a, -b)
            elif a < 0 < b:
                c = max(a, -b)
            powers = (a - c, b + c, c)
            if any(bases.get(atom, Fraction(0)) != e for atom, e in zip(atoms, powers)):
                rest = {base: e for base, e in bases.items() if base not in atoms}
                return sum_bases(rest, {atom: e for atom, e in zip(atoms, powers) if e})
        return None

    return apply


for _one, _two, _quotient in ((sin, cos, tan), (sinh, cosh, tanh)):
    _f, _g, _h = _one.name, _two.name, _quotient.name
    identity(f"powers {_f}", f"{_f}(x) ⊘ {_g}(x) = {_h}(x)", "x: n")(_ratio(_one, _two, _quotient))
    identity(f"powers {_h}", f"{_h}(x) ⊙ {_g}(x) = {_f}(x)", "x: n")(_ratio(_one, _two, _quotient))


# Products of exp and σ as sums of products with one of them less


MAX_SPLIT = 36  # of the powers of exp and σ multiplied: the terms that a product of them may become


def _multiple(poly: Poly, other: Poly) -> int:
    """How many times another sum stands in a sum, rounded towards 0."""
    ratios = {poly.terms.get(mono, Fraction(0)) / c for mono, c in other.terms.items()}
    return int(ratios.pop()) if len(ratios) == 1 else 0


def _logistic(is_rising: bool) -> Apply:
    def apply(ctx: Normalizer, bases: Bases) -> list[tuple[int, Bases]] | None:
        for power in (b for b in bases if b.op is exp and bases[b] == 1):
            exponent = ctx.full(power.args[0])
            for base, e in bases.items():
                if base.op is not sigmoid or e < 1:
                    continue
                z = ctx.full(base.args[0])
                k = _multiple(exponent, z)
                if k == 0 or (k > 0) != is_rising or abs(k) * e > MAX_SPLIT:
                    continue
                less = ctx.plus(z.shape, [exponent, z.scaled(Fraction(-1 if k > 0 else 1))])
                rest = {b: x for b, x in bases.items() if b is not power}
                lower = sum_bases(rest, {exp.make((ctx.canonical(less),)): F1} if less.terms else {})
                one = {base: -F1}
                return [(1, sum_bases(bases if is_rising else lower, one)), (-1, lower)]
        return None

    return apply


identity("logistic", "exp(x) ⊙ σ(x) = exp(x) − σ(x)", "x: n")(_logistic(True))
identity("logistic", "exp(−x) ⊙ σ(x) = ones(n, 1) − σ(x)", "x: n")(_logistic(False))


# Functions recognized in sums


def _argument(ctx: Normalizer, poly: Poly, scalars: Scalars, chain: Chain) -> Poly | None:
    """v of a term eᵛ; 0 of a term 1."""
    if poly.is_scalar:
        bases = list(scalars)
    else:
        if scalars or (poly.shape[1] is not ONE and not chain):
            return None
        left, core, right = ctx.decomposed(chain, poly.shape)
        if (left and poly.shape[1] is not ONE) or right:
            return None
        bases = [(b, e) for b, e in (left or core).items() if b.op is not ones_op]
    if not bases:
        return Poly(poly.shape, {})
    return ctx.full(bases[0][0].args[0]) if len(bases) == 1 and bases[0][0].op is exp and bases[0][1] == 1 else None


@identity("reciprocal", "(exp(a) + exp(b)) .^ (−1) = exp(−a) ⊙ σ(a − b)", "a: n, b: n")
def reciprocal_of_exponentials(ctx: Normalizer, poly: Poly) -> Poly | None:
    coefficients = set(poly.terms.values())
    if len(poly.terms) != 2 or len(coefficients) != 1 or min(coefficients) <= 0:
        return None
    a, b = (_argument(ctx, poly, *mono) for mono in poly.terms)
    if a is None or b is None:
        return None
    difference = ctx.plus(poly.shape, [a, b.scaled(-F1)])
    if not b.terms or (a.terms and (_leads_negative(difference) or ctx.is_reflected(difference))):
        a, difference = b, difference.scaled(-F1)
    value: Poly = ctx.function(sigmoid, difference)
    if a.terms:
        value = ctx.entrywise([ctx.function(exp, a.scaled(-F1)), value])
    return value.scaled(1 / min(coefficients))


def _leads_negative(poly: Poly) -> bool:
    """Whether the largest terms of a sum are negative."""
    sizes = {mono: sum(key(part)[1] for part in (*dict(mono[0]), *mono[1])) for mono in poly.terms}
    return all(poly.terms[mono] < 0 for mono in poly.terms if sizes[mono] == max(sizes.values()))


@identity("softmax", "exp(v) / sum(exp(v)) = softmax(v)", "v: n", words="recognize the softmax")
def normalized_exponentials(ctx: Normalizer, poly: Poly) -> Poly | None:
    if not any(e < 0 and exponential_sum(base) for scalars, _ in poly.terms for base, e in scalars):
        return None
    return collect(poly.shape, [(_softmaxed(ctx, *mono), c) for mono, c in poly.terms.items()])


def _softmaxed(ctx: Normalizer, scalars: Scalars, chain: Chain) -> Mono:
    powers = dict(scalars)
    for base, e in scalars:
        inside = exponential_sum(base) if e <= -1 and e.denominator == 1 else None
        if inside is None:
            continue
        p = softmax.make((inside.args[0],))
        factors = list(chain)
        for i in range(len(factors)):
            while powers.get(base, 0) < 0:
                replaced = replace_factor(factors[i], inside, p)
                if replaced is factors[i]:
                    break
                factors[i] = replaced
                powers[base] += 1
        chain = tuple(factors)
        for other in list(powers):
            while powers[base] < 0 and powers[other] > 0 and other.op in (matmul, sum_entries):
                replaced = replace_in_scalar(other, inside, p)
                single = ctx.full(replaced).single() if replaced is not other else None
                if single is None or single[0] != 1:
                    break
                powers[other] -= 1
                for b, x in single[1][0]:
                    powers[b] = powers.get(b, Fraction(0)) + x
                powers[base] += 1
    _, merged = ctx.with_scalars([(b, x) for b, x in powers.items() if x])
    return merged, chain


@identity("tanh in sums", "2 σ(z) − ones(n, 1) = tanh(z / 2)", "z: n")
def tanh_from_sigmoid(ctx: Normalizer, poly: Poly) -> Poly | None:
    """Where both terms stand in a sum, with the same factors around them."""
    terms = dict(poly.terms)
    for (scalars, chain), c in sorted(poly.terms.items(), key=lambda term: mono_key(term[0])):
        if (scalars, chain) not in terms:
            continue
        for i, factor in enumerate(chain):
            atom = factor.args[0] if factor.op is transpose else factor
            if atom.op is not sigmoid:
                continue
            one = ctx.full(ones(*atom.shape))
            less = _at(ctx, poly.shape, scalars, chain, i, one, factor.op is transpose).single()
            if less is None or terms.get(less[1]) != -c * less[0] / 2:
                continue
            half = ctx.function(tanh, ctx.full(atom.args[0]).scaled(Fraction(1, 2)))
            made = _at(ctx, poly.shape, scalars, chain, i, half, factor.op is transpose).scaled(c / 2)
            place = {(scalars, chain): made.terms}
            del terms[less[1]]
            terms = {m: k for mono, value in terms.items() for m, k in place.get(mono, {mono: value}).items()}
            break
    return Poly(poly.shape, terms) if terms != poly.terms else None


def _at(
    ctx: Normalizer, shape: Shape, scalars: Scalars, chain: Chain, i: int, value: Poly, is_transposed: bool
) -> Poly:
    """A chain with its i-th factor replaced."""
    if is_transposed:
        value = ctx.transposed(value)
    if i:
        value = ctx.times(Poly((chain[0].shape[0], chain[i - 1].shape[1]), {((), chain[:i]): F1}), value)
    if i + 1 < len(chain):
        value = ctx.times(value, Poly((chain[i + 1].shape[0], shape[1]), {((), chain[i + 1 :]): F1}))
    return ctx.scaled_by(value, F1, scalars)
