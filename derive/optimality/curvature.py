"""The verdict on convexity: a proof, points that refute, or neither.

"convex" and "concave" are proved and checked: no chord at random points of random sizes
speaks against them.  "neither" comes with a chord that is below the graph and one that is
above it.  All verdicts are for every value of the other symbols in their declared domains.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ..algebra.normal import Normalizer
from ..errors import DeriveError
from ..expr import OPERATIONS, Expr, is_number, nodes, number, substitute, symbol, symbols_of
from ..facts import are_turned, needed
from ..operations import add, mul, power, terms_of
from ..properties import CONSTRAINED
from .certificates import MAX_NODES, Certificate, Prover
from .refutation import Chord, Search
from .remarks import Finding, Part, Remark
from .semidefinite import second_differential

if TYPE_CHECKING:
    from ..numeric import Hint
    from ..render.blocks import Exposition

CHECKS = 4  # points at which a certificate is checked
FIRST, MORE = 6, 24  # points at which refutations are sought, before and after the long proofs
NAMES = {1: "convex", -1: "concave", 0: "affine"}


class Convexity(Finding):
    """Whether a formula is convex in some of its symbols, for all values of the others.

    Attributes
    ----------
    verdict : str
        "convex", "concave", "affine", "neither" or "unknown".
    steps : list of Remark
        The proof, or what is known; each has `.text()` and `.latex()`.
    points : list of Chord
        For "neither", a chord that refutes convexity and one that refutes concavity; for
        "unknown", those that were found.
    requirement : Remark or None
        A condition on the other symbols under which the formula is convex after all; `condition` is its text.
    strength : Expr or None
        μ where the formula is convex even without ½ μ ‖x‖².
    domain : list of Remark
        Where the formula is defined, beyond what is declared.
    formula, wrt, name, readings
    """

    def __init__(
        self,
        formula: Expr,
        wrt: Sequence[Expr],
        verdict: str,
        steps: list[Remark],
        points: Iterable[Chord] = (),
        requirement: Remark | None = None,
        strength: Expr | None = None,
        domain: Iterable[Remark] = (),
        name: str = "f",
        readings: Iterable[str] = (),
        disagreement: Chord | None = None,
    ) -> None:
        self.formula, self.wrt, self.name = formula, tuple(wrt), name
        self.verdict, self.steps, self.points = verdict, steps, list(points)
        self.requirement, self.strength = requirement, strength
        self.domain, self.readings = list(domain), list(readings)
        self.title = f"{name} is {verdict}"
        self.disagreement = disagreement  # a chord against a certificate: a defect of ours

    @property
    def condition(self) -> str | None:
        return None if self.requirement is None else self.requirement.text()

    def exposition(self) -> Exposition:
        """The verdict and its proof."""
        from ..render.optima import convexity_exposition

        return convexity_exposition(self)

    def json(self) -> str:
        """The same as a JSON object."""
        from ..render.optima import convexity_json

        return convexity_json(self)

    def __str__(self) -> str:
        return self.verdict

    def __repr__(self) -> str:
        named = ", ".join(v.text() for v in self.wrt)
        return f"<Convexity: {self.formula.text()} is {self.verdict} in {named}>"


def examine(
    expr: Expr,
    variables: Sequence[Expr],
    hints: Sequence[Hint] = (),
    name: str = "f",
    readings: Iterable[str] = (),
) -> Convexity:
    """The verdict on a scalar formula in the given symbols."""
    given: dict[str, Any] = {"formula": expr, "wrt": variables, "name": name, "readings": readings}
    present = [v for v in variables if v in set(symbols_of(expr))]
    if not present:
        return Convexity(verdict="affine", steps=[Remark("it does not depend on the variables")], **given)
    for v in present:
        if v.properties & CONSTRAINED:
            is_curved = bool(v.properties & {"orthogonal", "orthonormal rows"})
            said = Remark(
                [v], " is declared orthogonal, and these matrices are no convex set" if is_curved else
                " is not free: what is assumed of it is not used here",
            )  # fmt: skip
            return Convexity(verdict="unknown", steps=[said], **given)
    unknown = [n.op.name for n in nodes(expr) if OPERATIONS.get(n.op.name) is not n.op]
    if unknown:
        said = Remark(f"{unknown[0]} stands for any function")
        return Convexity(verdict="unknown", steps=[said], **given)
    search = Search(expr, present, hints)
    prover = Prover(expr, present)
    found = prover.quick()
    chords: dict[int, Chord] = {}
    if found is None:
        chords = search.chords(range(FIRST))
        if len(chords) < 2:
            found = prover.thorough([s for s in (1, -1) if -s not in chords])
        if found is None and len(chords) < 2:
            chords |= search.chords(range(FIRST, FIRST + MORE), [s for s in (1, -1) if s not in chords])
    if found is not None:
        against = search.chords(range(100, 100 + CHECKS), [-found.sign] if found.sign else [1, -1])
        if not search.seen:
            steps = [Remark("no point was found at which the formula is defined")]
            return Convexity(verdict="unknown", steps=steps, **given)
        if not against:
            return _certified(found, prover, present, given)
        steps = [Remark("a proof was found that the numbers contradict, and is not given")]
        return Convexity(verdict="unknown", steps=steps, disagreement=next(iter(against.values())), **given)
    requirement = _requirement(expr, present) if len(nodes(expr)) <= MAX_NODES else None
    points = [chords[s] for s in (-1, 1) if s in chords]
    if len(points) == 2:
        steps = [Remark(_refuted(chord)) for chord in points]
        return Convexity(verdict="neither", steps=steps, points=points, requirement=requirement, **given)
    steps = [Remark(_refuted(chord)) for chord in points]
    steps.append(Remark("no proof was found, and no point that decides it"))
    return Convexity(verdict="unknown", steps=steps, points=points, requirement=requirement, **given)


def _refuted(chord: Chord) -> str:
    kind, relation = ("convex", "<") if chord.excess < 0 else ("concave", ">")
    mean = (chord.ends[0] + chord.ends[1]) / 2
    return f"it is not {kind}: the mean of the ends of a chord is {mean:.6g} {relation} {chord.middle:.6g}, the middle"


def _certified(found: Certificate, prover: Prover, variables: Sequence[Expr], given: dict[str, Any]) -> Convexity:
    has_strength = found.sign > 0 and len(variables) == 1 and len(nodes(prover.expr)) <= MAX_NODES
    strength = _strength(prover, variables) if has_strength else None
    return Convexity(
        verdict=NAMES[found.sign],
        steps=list(dict.fromkeys(found.steps)),
        strength=strength,
        domain=_domain(prover.expr, variables),
        **given,
    )


def _strength(prover: Prover, variables: Sequence[Expr]) -> Expr | None:
    """The sum of 2 c over the terms c ‖x‖², where every other term is convex by itself."""
    from .composition import curves

    (x,) = variables
    total: list[Expr] = []
    ctx = Normalizer()
    for term in terms_of(prover.expanded):
        if not curves(term, variables)[term].is_convex:
            return None
        single = ctx.full(term).single()
        if single is None:
            continue
        c, (scalars, _) = single
        squares = [b for b, e in scalars if e == 1 and _is_own_square(b, x)]
        rest = [(b, e) for b, e in scalars if b not in squares]
        if len(squares) == 1 and not any(x in set(nodes(b)) for b, _ in rest):
            total.append(mul(number(2 * c), *(power(b, number(e)) for b, e in rest)))
        elif x.is_scalar and dict(scalars).get(x) == Fraction(2) and len(scalars) >= 1:
            total.append(mul(number(2 * c), *(power(b, number(e)) for b, e in scalars if b is not x)))
    return add(*total) if total else None


def _is_own_square(atom: Expr, x: Expr) -> bool:
    """Whether a scalar atom is ‖x‖²."""
    chain = atom.args if atom.op.name == "matmul" else ()
    if atom.op.name == "trace" and atom.args[0].op.name == "matmul":
        chain = atom.args[0].args
    if atom.op.name == "sq_norm":
        return atom.args[0] is x
    return len(chain) == 2 and are_turned(*chain) and x in chain


def _domain(expr: Expr, variables: Sequence[Expr]) -> list[Remark]:
    """What the formula asks of the variables in order to be defined."""
    from ..expr import depends_on

    active = depends_on(expr, variables)
    found: dict[Expr, str] = {}
    for node in nodes(expr):
        asked = needed(node) if node in active else None
        if asked is not None and asked[1] in ("> 0", "≥ 0"):
            found[asked[0]] = asked[1]
    return [Remark([base], f" {relation}") for base, relation in found.items()]


# Conditions on the other symbols


def _requirement(expr: Expr, variables: Sequence[Expr]) -> Remark | None:
    """What must hold of the other symbols for the formula to be convex."""
    free = [
        s
        for s in symbols_of(expr)
        if s not in variables and not s.properties & {"positive", "spd", "nonnegative", "psd"}
    ]
    scalars = [s for s in free if s.is_scalar]
    for assumed in ([s] for s in scalars):
        if _is_convex_where_positive(expr, variables, assumed):
            return Remark([assumed[0], "≥", number(0)])
    if len(scalars) > 1 and _is_convex_where_positive(expr, variables, scalars):
        parts: list[Part] = []
        for s in scalars:
            parts += [", ", [s, "≥", number(0)]]
        return Remark(*parts[1:])
    return _semidefinite_hessian(expr, variables)


def _is_convex_where_positive(expr: Expr, variables: Sequence[Expr], assumed: Sequence[Expr]) -> bool:
    stronger = {s: symbol(s.name, *s.shape, properties=s.properties | {"positive"}) for s in assumed}
    assumed_expr = substitute(expr, stronger)
    prover = Prover(assumed_expr, variables)
    found = prover.quick() or prover.thorough((1,))
    return found is not None and found.sign > 0 and not Search(assumed_expr, variables).chords(range(2), [-1])


def _semidefinite_hessian(expr: Expr, variables: Sequence[Expr]) -> Remark | None:
    """H ⪰ 0 for a quadratic function with Hessian H."""
    from ..algebra.forms import factor
    from ..jacobians import jacobian

    if len(variables) != 1:
        return None
    (x,) = variables
    try:
        second, moved = second_differential(expr, variables)
        if x in set(symbols_of(second)):
            return None
        if x.is_scalar:
            return Remark([factor(substitute(second, {moved[x]: number(1)})), "≥", number(0)])
        from ..derivation import Sweep

        hessian = factor(jacobian(Sweep(expr, x).total, x)[0])
    except DeriveError:
        return None
    hessian = factor(_without_identity(hessian))
    if hessian.op.name == "scale" and is_number(hessian.args[0]) and hessian.args[0].data[0] > 0:
        hessian = hessian.args[1]
    if not symbols_of(hessian) or len(hessian.text()) > 80:
        return None
    return Remark([hessian, "⪰", number(0)])


def _without_identity(hessian: Expr) -> Expr:
    """M of a sum of I ⊗ M, or of M ⊗ I: the one is semidefinite where the other is."""
    parts: dict[int, list[Expr]] = {0: [], 1: []}
    terms = list(terms_of(hessian))
    for term in terms:
        factor_, product = term.args if term.op.name == "scale" else (number(1), term)
        for side in (0, 1):
            if product.op.name == "kron" and product.args[side].op.name == "identity":
                parts[side].append(factor_ * product.args[1 - side])
    return next((add(*found) for found in parts.values() if len(found) == len(terms)), hessian)
