"""Forms that neither overflow nor cancel, whichever way the formula spells them.

eᵘ / (1 + eᵘ), 1 / (1 + e⁻ᵘ), 1 − σ(−u) and eᵘ σ(−u) are σ(u); eᵘ / (eᵘ + eᵛ) is σ(u − v);
sinh / cosh is tanh; √(xᵀx) is a norm and √(c² + x²) a hypot, which scale what they square;
logarithms of sums of exponentials are softplus, logaddexp and logsumexp.  Where Σ eˣ is
divided by, eˣ is taken as (Σ eˣ) softmax(x), so that the sum cancels before it overflows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from functools import reduce
from itertools import combinations
from typing import TYPE_CHECKING

from ..expr import Expr, nodes
from ..operations import exact_root
from ..shapes import ONE, SCALAR
from .terms import UNIT, ZERO, Powers, Term, Value, facts_of, gathered, is_nonnegative, is_zero, merged

if TYPE_CHECKING:
    from .constructors import Products

Factor = tuple[Term, Fraction]  # a value or its transpose, and its exponent
UNSTABLE = frozenset("exp cosh".split())  # what has to occur for a product of entries to have another form


# What a value is made of


def single(term: Term) -> Value | None:
    """The one value that a term with coefficient 1 consists of."""
    if term.coefficient != 1:
        return None
    if term.value is None:
        return term.powers[0][0] if len(term.powers) == 1 and term.powers[0][1] == 1 else None
    return None if term.powers else term.value


def argument(kind: str, term: Term) -> Term | None:
    """u, where the term is f(u) for the function of this name."""
    value = single(term)
    if value is None or value.kind != kind:
        return None
    return unwrapped(value.args[0].T if term.flipped else value.args[0])


def unwrapped(term: Term) -> Term:
    """A multiple as a term; a value may hold one where an operand had to be a value."""
    while (value := single(term.times(1 / term.coefficient) if term.coefficient else term)) is not None:
        if value.kind != "sum" or len(value.args) != 1:
            break
        inner = value.args[0].T if term.flipped else value.args[0]
        term = inner.times(term.coefficient)
    return term


def is_one(term: Term) -> bool:
    """Whether all entries are 1."""
    if not term.is_plain:
        return False
    value = term.value
    return value is None or value.kind == "ones" or (value.kind == "outer" and all(is_one(arg) for arg in value.args))


def exponents(graph: Products, value: Value) -> list[tuple[Term, Term]] | None:
    """Positive numbers a, b … and u, v … where the value is a eᵘ + b eᵛ + …; a is a e⁰."""
    if value.kind != "sum" or len(value.args) < 2:
        return None
    found = []
    for term in value.args:
        front, body = Term(term.coefficient, term.powers), term.bare
        if term.value is None:
            held = next((v for v, e in term.powers if e == 1 and v.kind in ("exp", "total")), None)
            body = Term(UNIT) if held is None else graph.scalar(held)
            front = front if held is None else front.times(UNIT, ((held, -UNIT),))
        total = single(body) if body.value is None and body.powers else None
        if total is not None and total.kind == "total":
            u = argument("exp", total.args[0])
            u = None if u is None else log_of_total(graph, u)
        else:
            u = graph.zeros(term.shape) if is_one(body) else argument("exp", body)
        if u is None or front.coefficient <= 0 or not all(facts_of(v).range.is_positive for v, _ in front.powers):
            return None
        found.append((front, u))
    return None if all(is_zero(u) for _, u in found) else found


def shifted(graph: Products, front: Term, u: Term) -> Term:
    """u + log a, entry by entry."""
    log = graph.mapped("log", front) if front.powers or front.coefficient != 1 else Term(ZERO)
    return u if is_zero(log) else graph.total([u, graph.ones(*u.shape).times(log.coefficient, log.powers)], u.shape)


def log_of_sum(graph: Products, parts: Sequence[tuple[Term, Term]]) -> Term:
    """log(a eᵘ + b eᵛ + …)."""
    logs = [shifted(graph, *part) for part in parts]
    logs.sort(key=is_zero, reverse=True)
    if len(logs) > 1 and is_zero(logs[0]):
        logs[:2] = [graph.mapped("softplus", logs[1])]
    return reduce(lambda u, v: graph.mapped("logaddexp", u, v), logs)


def opposite(graph: Products, left: Term, right: Term) -> bool:
    """Whether the sum of two terms vanishes."""
    if left.times(-UNIT).key() == right.key():
        return True
    total = graph.total([left, right], left.shape)
    return is_zero(total)


# Products entry by entry, and products of scalars


def products(graph: Products, factors: list[Factor]) -> list[Factor]:
    """The factors of a product entry by entry, overflowing ones replaced."""
    while True:
        if not any(is_unstable(term) for term, _ in factors):
            return factors
        found = logistic(graph, factors) or hyperbolic(graph, factors)
        if found is None:
            return factors
        factors = counted(found)


def is_unstable(term: Term) -> bool:
    value = single(term)
    if value is None:
        return False
    return value.kind in UNSTABLE or (value.kind == "sum" and len(value.args) > 1)


def counted(factors: Iterable[Factor]) -> list[Factor]:
    """Equal factors as one, where exponents may be added."""
    terms: dict[object, Term] = {}
    given: dict[object, list[Fraction]] = {}
    for term, exponent in factors:
        terms[term.key()] = term
        given.setdefault(term.key(), []).append(exponent)
    made: list[Factor] = []
    for key, term in terms.items():
        value = single(term)
        made += [(term, e) for e in gathered(given[key], value)]
    return made


def logistic(graph: Products, factors: list[Factor]) -> list[Factor] | None:
    """One step towards σ."""

    def replaced(*used: tuple[int, Fraction], by: tuple[Term, Fraction] | None = None) -> list[Factor]:
        left = dict(used)
        kept = [(term, e - left.get(i, Fraction(0))) for i, (term, e) in enumerate(factors)]
        return [*((term, e) for term, e in kept if e), *([by] if by is not None else [])]

    exponentials = [(i, u) for i, (term, _) in enumerate(factors) if (u := argument("exp", term)) is not None]
    for i, (term, exponent) in enumerate(factors):
        value = single(term)
        parts = exponents(graph, value) if value is not None else None
        if parts is not None:
            parts = [(front, u.T if term.flipped else u) for front, u in parts]
        if parts is not None and exponent > 0:
            for j, (other, power) in enumerate(factors):
                if power > 0 and undoes(graph, other, parts):
                    k = min(exponent, power)
                    return replaced((i, k), (j, k))
        elif parts is not None:
            for u in sorted((u for _, u in parts), key=is_zero):
                matching = next((j for j, w in exponentials if w.key() == u.key() and factors[j][1] > 0), None)
                if matching is not None:
                    k = min(-exponent, factors[matching][1])
                    return replaced((i, -k), (matching, k), by=(share(graph, u, parts), k))
                if is_zero(u) and is_logistic(parts):
                    return replaced((i, exponent), by=(share(graph, u, parts), -exponent))
        w = argument("sigmoid", term)
        if w is not None and exponent > 0:
            for j, u in exponentials:
                power = factors[j][1]
                k = min(exponent, abs(power))
                if power > 0 and opposite(graph, u, w):
                    return replaced((i, k), (j, k), by=(graph.mapped("sigmoid", u), k))
                if power < 0 and u.key() == w.key():
                    return replaced((i, k), (j, -k), by=(graph.mapped("sigmoid", u.times(-UNIT)), k))
    for (i, u), (j, v) in combinations(exponentials, 2):
        if factors[i][1] > 0 and factors[j][1] > 0 and opposite(graph, u, v):
            k = min(factors[i][1], factors[j][1])
            return replaced((i, k), (j, k))
    return None


def hyperbolic(graph: Products, factors: list[Factor]) -> list[Factor] | None:
    """One step towards tanh."""
    for i, (term, above) in enumerate(factors):
        u = argument("sinh", term)
        if u is None or above < 1 or above.denominator != 1:
            continue
        for j, (other, below) in enumerate(factors):
            v = argument("cosh", other)
            if v is not None and v.key() == u.key() and below <= -1 and below.denominator == 1:
                k = min(above, -below)
                rest = [(t, e) for n, (t, e) in enumerate(factors) if n not in (i, j)]
                moved = [(term, above - k), (other, below + k), (graph.mapped("tanh", u), k)]
                return [*rest, *((t, e) for t, e in moved if e)]
    return None


def is_logistic(parts: Sequence[tuple[Term, Term]]) -> bool:
    """Whether a sum of multiples of exponentials is eᵘ + eᵛ."""
    return len(parts) == 2 and all(is_one(front) for front, _ in parts)


def share(graph: Products, u: Term, parts: Sequence[tuple[Term, Term]]) -> Term:
    """eᵘ divided by a sum of multiples of exponentials, of which eᵘ is one: σ(u − v), or e^(u − log Σ)."""
    if is_logistic(parts):
        (v,) = (v for _, v in parts if v.key() != u.key())
        return graph.mapped("sigmoid", graph.total([u, v.times(-UNIT)], u.shape))
    return graph.mapped("exp", graph.total([u, log_of_sum(graph, parts).times(-UNIT)], u.shape))


def undoes(graph: Products, term: Term, parts: Sequence[tuple[Term, Term]]) -> bool:
    """Whether the sum of eᵘ … times the term is 1: (1 + eᵘ) σ(−u)."""
    w = argument("sigmoid", term)
    if w is None or not is_logistic(parts):
        return False
    return any(is_zero(v) and opposite(graph, u, w) for (_, u), (_, v) in (parts, parts[::-1]))


def distributed(graph: Products, factors: list[Factor], multiply: Callable[[list[Factor]], Term]) -> Term | None:
    """eᵘ (A + B) as eᵘ A + eᵘ B, where no exponential is left of either; s (A − y / s) as s A − y, whatever s is.

    What is divided by may be too small for a number although the product is none; and too large, in
    (a eᵘ + b eᵛ) / (c eᵘ + d eᵛ).
    """
    for j, (other, power) in enumerate(factors):
        value = single(other)
        if power < 1 or power.denominator != 1 or value is None or value.kind != "sum" or len(value.args) < 2:
            continue
        summands = [t.T if other.flipped else t for t in value.args]
        for i, (term, exponent) in enumerate(factors):
            if exponent <= -1 and exponent.denominator == 1 and shares_exponentials(graph, summands, term):
                shares = [multiply([(term, -UNIT), (summand, UNIT)]) for summand in summands]
                left = [(other, power - 1), (term, exponent + 1)]
                left += [factor for n, factor in enumerate(factors) if n not in (i, j)]
                return multiply([(graph.total(shares, term.shape), UNIT), *((t, e) for t, e in left if e)])
        if power != 1:
            continue
        for i, (term, exponent) in enumerate(factors):
            if i == j or exponent.denominator != 1 or exponent < 1:
                continue
            cancels = any(divides(graph, term, summand) for summand in summands)
            if not cancels and argument("exp", term) is None:
                continue
            shares = [multiply([(term, exponent), (summand, UNIT)]) for summand in summands]
            if not cancels and any(holds_exponential(share) for share in shares):
                continue
            total = graph.total(shares, term.shape)
            return multiply([(total, UNIT), *(factor for n, factor in enumerate(factors) if n not in (i, j))])
    return None


def shares_exponentials(graph: Products, summands: Sequence[Term], divisor: Term) -> bool:
    """Whether some summand has a factor eᵘ, and the divisor is a sum of such where every other is one or a number."""
    value = single(divisor)
    parts = exponents(graph, value) if value is not None else None
    if parts is None:
        return False
    known = {(u.T if divisor.flipped else u).key() for _, u in parts}
    found = [argument("exp", t.bare if t.value is not None else Term(UNIT, t.powers)) for t in summands]
    return any(u is not None and u.key() in known for u in found)


def divides(graph: Products, term: Term, product: Term) -> bool:
    """Whether a factor of a product, of scalars or entry by entry, cancels a value."""
    if term.value is None or product.value is None:
        return any(cancel(graph, term, graph.scalar(value), exponent) for value, exponent in product.powers)
    body = product.body
    sides = (
        zip(body.args, body.data, strict=True) if body.kind == "entries" else [(Term(UNIT, (), body), ("full", UNIT))]
    )
    turned = ((t.T if product.flipped else t, power) for t, (tag, power) in sides if tag == "full")
    return any(cancel(graph, term, t, power) for t, power in turned)


def cancel(graph: Products, term: Term, factor: Term, exponent: Fraction) -> bool:
    """Whether a value cancels in the power of another: s or eᵘ in 1/s, eᵘ or σ(u) in e⁻ᵘ, σ(u) in 1 + e⁻ᵘ."""
    if exponent < 0:
        return factor.key() == term.key() or shares_exponentials(graph, [term], factor)
    v = argument("exp", factor)
    if v is not None:
        found = (argument(kind, term) for kind in ("exp", "sigmoid"))
        return any(u is not None and opposite(graph, u, v) for u in found)
    value = single(factor)
    parts = exponents(graph, value) if value is not None else None
    return parts is not None and undoes(graph, term.T if factor.flipped else term, parts)


def holds_exponential(term: Term) -> bool:
    """Whether a product entry by entry, or of scalars, has a factor eᵘ."""
    values = [value for value, _ in term.powers]
    if term.value is not None:
        body = term.value
        values += [body] if body.kind != "entries" else [value for t in body.args for value in t.parts()]
    return any(value.kind == "exp" for value in values)


def scalars(graph: Products, powers: Powers) -> Term:
    """A product of powers of scalars, overflowing ones replaced."""
    factors = products(graph, [(graph.scalar(value), exponent) for value, exponent in powers])
    found = distributed(graph, factors, lambda some: graph.multiply([graph.raised(t, e) for t, e in some]))
    if found is not None:
        return found
    made: Powers = ()
    for term, exponent in factors:
        made = merged(made, tuple((value, e * exponent) for value, e in term.powers))
    return Term(UNIT, norms(graph, made))


def norms(graph: Products, powers: Powers) -> Powers:
    """‖x‖² and ‖x‖ as powers of one of the two: of the square, where the exponent is even."""
    found: dict[object, Fraction] = {}
    kept: list[tuple[Value, Fraction]] = []
    for value, exponent in powers:
        if value.kind in ("norm", "sq_norm"):
            key = value.args[0]
            part = exponent if value.kind == "norm" else 2 * exponent
            found[key.key()] = found.get(key.key(), Fraction(0)) + part
        else:
            kept.append((value, exponent))
    if not found:
        return powers
    bodies: dict[object, Term] = {v.args[0].key(): v.args[0] for v, _ in powers if v.kind in ("norm", "sq_norm")}
    for name, exponent in found.items():
        is_even = exponent.denominator == 1 and exponent.numerator % 2 == 0
        made = graph.value("sq_norm" if is_even else "norm", (bodies[name],))
        kept.append((made, exponent / 2 if is_even else exponent))
    return merged((), tuple(kept))


# Roots of sums of two squares


def hypotenuse(graph: Products, value: Value) -> Term | None:
    """√value, where the value is a² + b²."""
    if value.kind != "sum" or len(value.args) != 2:
        return None
    legs = [root(graph, term) for term in value.args]
    first, second = legs
    if first is None or second is None:
        return None
    if not value.is_scalar:
        # A constant leg is a number, which broadcasts.
        first, second = (Term(t.coefficient, t.powers) if is_one(t.bare) else t for t in (first, second))
        if first.value is None and second.value is None:
            return None
    if second.value is None and first.value is not None:
        first, second = second, first
    held = tuple(graph.plain(term) for term in (first, second))
    made = graph.value("hypot", held, (), value.shape)
    made.is_symmetric = value.is_symmetric
    return graph.scalar(made) if value.is_scalar else Term(UNIT, (), made)


def halved(graph: Products, value: Value) -> Value | None:
    """The scalar √value, where it is a norm or a hypot."""
    if value.kind == "sq_norm":
        return graph.value("norm", value.args)
    found = hypotenuse(graph, value) if value.is_scalar else None
    return None if found is None else single(found)


def roots_of_exponentials(order: Iterable[Value]) -> dict[Value, Value]:
    """Exponentials of which the root is there as well, eᵘ = (e^(u/2))², and that root."""
    found = {}
    for value in order:
        if value.kind == "exp" and value.args[0].coefficient:
            term = unwrapped(value.args[0])
            found[term.times(1 / term.coefficient).key(), value.shape, term.coefficient] = value
    return {v: root for (key, shape, c), v in found.items() if (root := found.get((key, shape, c / 2))) is not None}


def root(graph: Products, term: Term) -> Term | None:
    """a where the term is a²."""
    front = exact_root(term.coefficient, 2) if term.coefficient > 0 else None
    if front is None:
        return None
    powers: Powers = ()
    for value, exponent in term.powers:
        if value.kind == "sq_norm":
            powers = merged(powers, ((graph.value("norm", value.args), exponent),))
        elif exponent.denominator == 1 and exponent.numerator % 2 == 0:
            powers = merged(powers, ((value, exponent / 2),))
        else:
            return None
    if term.value is None or is_one(term.bare):
        return Term(front, powers, term.value, term.flipped)
    body = term.value
    if body.kind != "entries" or len(body.args) != 1 or body.data != (("full", Fraction(2)),):
        return None
    inner = body.args[0].T if term.flipped else body.args[0]
    return inner.times(front, powers)


# Differences


def difference(graph: Products, terms: list[Term]) -> Term | None:
    """A σ(−u) for A − A σ(u), which cancels where σ is almost 1."""
    if len(terms) != 2:
        return None
    for whole, other in (terms, terms[::-1]):
        for u in complements(graph, whole, other.times(-UNIT)):
            soft = graph.mapped("sigmoid", u.times(-UNIT))
            if whole.value is None or is_one(whole.bare):
                return soft.times(whole.coefficient, whole.powers)
            return graph.entries([whole, soft], whole.shape)
    return None


def complements(graph: Products, whole: Term, part: Term) -> Iterable[Term]:
    """The u for which `part` is `whole` times σ(u), entry by entry."""
    if part.value is None:
        for value, exponent in part.powers:
            if value.kind == "sigmoid" and exponent >= 1:
                rest = merged(part.powers, ((value, -UNIT),))
                if (rest, part.coefficient) == (whole.powers, whole.coefficient) and whole.value is None:
                    yield unwrapped(value.args[0])
        return
    if (part.coefficient, part.powers) != (whole.coefficient, whole.powers) or whole.value is None:
        return
    if is_one(whole.bare):
        u = argument("sigmoid", part.bare)
        if u is not None:
            yield u
        return
    body = part.body
    factors = list(zip(body.args, body.data, strict=True)) if body.kind == "entries" else []
    for i, (term, (tag, exponent)) in enumerate(factors):
        turned = term.T if part.flipped else term
        u = argument("sigmoid", turned)
        if u is None or tag != "full" or exponent < 1:
            continue
        left = [(t, e - (j == i)) for j, (t, (_, e)) in enumerate(factors)]
        if any(tag != "full" for _, (tag, _) in factors):
            continue
        kept = [(t, e) for t, e in left if e]
        others = graph.entries([t for t, _ in kept], body.shape, [e for _, e in kept])
        others = others.T if part.flipped else others
        if others.key() == whole.bare.key():
            yield u


# Logarithms


def logarithm(graph: Products, term: Term) -> Term:
    """The logarithm, in the form that neither overflows nor cancels."""
    value = single(term)
    if value is None and term.value is None:
        if len(term.powers) == 1 and term.coefficient == 1:
            base, exponent = term.powers[0]
            if is_nonnegative(base):
                return graph.multiply([Term(exponent), logarithm(graph, graph.scalar(base))])
        # log(eᵘ a) = u + log a, whatever the sign of a
        rest, logs = term, []
        for base, exponent in term.powers:
            row = LOGARITHMS.get(base.kind) if base.kind in ("exp", "total", "sum") else None
            made = row(graph, base) if row is not None else None
            if made is not None:
                logs.append(graph.multiply([Term(exponent), made]))
                rest = rest.times(UNIT, ((base, -exponent),))
        if logs:
            return graph.total(logs if is_one(rest) else [*logs, logarithm(graph, rest)], SCALAR)
    if value is None:
        return graph.mapped("log", term)
    row = LOGARITHMS.get(value.kind)
    made = row(graph, value) if row is not None else None
    if made is None:
        return graph.mapped("log", term)
    return made.T if term.flipped else made


def _of_softmax(graph: Products, value: Value) -> Term:
    shift = graph.whole("logsumexp", value.args[0])
    return graph.total([value.args[0], graph.ones(*value.shape).times(-shift.coefficient, shift.powers)], value.shape)


def _of_row_softmax(graph: Products, value: Value) -> Term:
    (A,), (rows, columns) = value.args, value.shape
    shift = graph.whole("row_logsumexp", A, shape=(rows, ONE))
    return graph.total([A, graph.outer(shift, graph.ones(columns, ONE)).times(-UNIT)], value.shape)


def _of_total(graph: Products, value: Value) -> Term | None:
    u = argument("exp", value.args[0])
    return None if u is None else log_of_total(graph, u)


def log_of_total(graph: Products, u: Term) -> Term:
    """log Σ eᵘ."""
    if u.shape[1] is not ONE:
        u = graph.whole("vec", u, shape=(u.shape[0] * u.shape[1], ONE))
    return graph.whole("logsumexp", u)


def _of_sum(graph: Products, value: Value) -> Term | None:
    parts = exponents(graph, value)
    return None if parts is None else log_of_sum(graph, parts)


def _of_chain(graph: Products, value: Value) -> Term | None:
    """log(exp(X) 𝟏)."""
    u = argument("exp", value.args[0])
    if u is None or len(value.args) != 2 or value.args[1].body.kind != "ones":
        return None
    return Term(UNIT, (), graph.value("row_logsumexp", (graph.plain(u),), (), (u.shape[0], ONE)))


def _of_cosh(graph: Products, value: Value) -> Term:
    """log cosh u = log(eᵘ + e⁻ᵘ) − log 2."""
    u = value.args[0]
    both = graph.mapped("logaddexp", u, u.times(-UNIT))
    two = graph.mapped("log", Term(Fraction(2)))
    return graph.total([both, graph.ones(*value.shape).times(-two.coefficient, two.powers)], value.shape)


Logarithm = Callable[["Products", Value], Term | None]
LOGARITHMS: dict[str, Logarithm] = {
    "constant": lambda graph, value: Term(UNIT) if value.data[0] == "e" else None,
    "exp": lambda graph, value: value.args[0],
    "sigmoid": lambda graph, value: graph.mapped("softplus", value.args[0].times(-UNIT)).times(-UNIT),
    "softmax": _of_softmax,
    "row_softmax": _of_row_softmax,
    "total": _of_total,
    "sum": _of_sum,
    "chain": _of_chain,
    "cosh": _of_cosh,
    "det": lambda graph, value: graph.whole("logdet_positive", *value.args),
}


# Sums of exponentials that are divided by


def normalized(formulas: Iterable[Expr]) -> set[Expr]:
    """The eˣ whose sum some formula divides by."""
    found: set[Expr] = set()
    for node in nodes(*formulas):
        if node.op.name != "power" or node.args[1].op.name != "number" or node.args[1].data[0] >= 0:
            continue
        base = node.args[0]
        for factor in base.args if base.op.name == "mul" else (base,):
            for summand in factor.args if factor.op.name == "add" else (factor,):
                inner = summed(summand)
                if inner is not None and inner.op.name == "exp" and not inner.is_scalar:
                    found.add(inner)
    return found


def summed(node: Expr) -> Expr | None:
    """A where the node is the sum of the entries of A, in one of its spellings."""
    if node.op.name == "sum":
        return node.args[0]
    if node.op.name in ("matmul", "inner") and len(node.args) == 2 and node.is_scalar:
        for one, other in (node.args, node.args[::-1]):
            bare = one.args[0] if one.op.name == "transpose" else one
            if bare.op.name == "ones":
                return other.args[0] if other.op.name == "transpose" else other
    return None


def split(graph: Products, u: Term) -> Term:
    """eᵘ as Σ eᵘ times what sums to 1."""
    shift = log_of_total(graph, u)
    whole = graph.mapped("exp", shift)
    if u.shape[1] is ONE or u.shape[0] is ONE:
        part = graph.whole("softmax", u, shape=u.shape)
    else:
        part = graph.mapped(
            "exp", graph.total([u, graph.ones(*u.shape).times(-shift.coefficient, shift.powers)], u.shape)
        )
    assert part.value is not None
    graph.of_sum_one.add(part.value)
    return part.times(whole.coefficient, whole.powers)
