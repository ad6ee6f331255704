"""Straight-line programs: the cheapest evaluation of values and derivatives that share parts.

`compile` takes named formulas and returns a `Program`: the operations in order, each with
its cost, and the terms that the outputs are.  Chains of products are cut by cost, A and Aᵀ
are the same data, x xᵀ A y is never formed, sums of rank-one terms are one product of
stacked columns and rows, inverses are solves, and a Cholesky factor serves the solves, the
inverse and the log-determinant of a positive definite matrix.

The cost of a product of p × q by q × r is 2 p q r; an operation on each entry counts 1 per
entry, a sum the additions and multiplications it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import permutations
from typing import Any

from .expr import Expr, nodes, substitute
from .programs.costs import Cost, SampleSizes
from .programs.graph import ValueGraph
from .programs.lowering import Lowering
from .programs.order import constant_values, dims_of
from .programs.regroupings import regroupings
from .programs.stable import normalized, single
from .programs.terms import ZERO, Term, Value, values_below
from .programs.translate import translate
from .shapes import ONE, Dim

FREE = frozenset("input constant dimension ones zeros eye commutation vec unvec submatrix diagonal".split())


PROBABILITIES = frozenset("softmax row_softmax sigmoid".split())


class Program:
    """The operations that compute some outputs, in order.

    Attributes
    ----------
    outputs : dict of str to Term
    formulas, written : dict of str to Expr
        What it computes, as it was given and as that is cheapest.
    order : list of Value
        Every value needed, operands first.
    flops : Cost
        Of all outputs together, shared parts once.
    naive : Cost
        Of the formulas as written, products from left to right, shared parts once.
    largest : (Dim, Dim)
        The shape of the largest intermediate.
    naive_largest : (Dim, Dim)
    hints : list
        What was assumed of the order of the dimensions.
    kept : list of Value
        What is made of constant arguments alone and computed once; it does not count in `flops`.
    ends : dict of str to list of str
        A matrix for each sample of a batch, by the outputs u, v and so on whose u vᵀ add up to it.
    """

    def __init__(
        self,
        graph: ValueGraph,
        outputs: Mapping[str, Term],
        formulas: Mapping[str, Expr],
        sizes: SampleSizes,
        hints: Sequence[Any],
    ) -> None:
        self.graph = graph
        self.outputs = dict(outputs)
        self.formulas = self.written = dict(formulas)
        self.sizes = sizes
        self.hints = list(hints)
        self.order = values_below(value for term in self.outputs.values() for value in term.parts())
        self.kept: list[Value] = []
        self.ends: dict[str, list[str]] = {}
        self.constant: set[Value] = set()
        self.lowered: dict[Value, Term] = {}

    def holding(self, formula: Expr, memo: dict[Expr, Term]) -> Value | None:
        """The value of the program that a formula is; None where it is computed otherwise, or not at all."""
        value = single(translate(self.graph, formula, memo))
        found = None if value is None else single(self.lowered.get(value, Term(ZERO)))
        return found if found in set(self.order) else None

    def keep_constants(self) -> None:
        """Mark what is made of constant arguments alone, to be computed once for the same arguments."""
        self.constant = {v for v in constant_values(self.order) if v.kind not in FREE}
        used = {part for value in self.order if value not in self.constant for t in value.args for part in t.parts()}
        used |= {part for term in self.outputs.values() for part in term.parts()}
        self.kept = [value for value in self.order if value in self.constant and value in used]

    @property
    def divides_by_probabilities(self) -> bool:
        """Whether it divides by a softmax or a sigmoid, which underflow to 0."""
        return any(
            exponent < 0 and term.value is not None and term.value.kind in PROBABILITIES
            for value in self.order
            if value.kind == "entries"
            for term, (_, exponent) in zip(value.args, value.data, strict=True)
        )

    def needed(self, *names: str) -> list[Value]:
        """The values that some outputs need, in order."""
        return values_below(value for name in names for value in self.outputs[name].parts())

    def flops_of(self, *names: str) -> Cost:
        """The operations that some outputs need."""
        total = Cost()
        for value in self.needed(*names):
            if value not in self.constant:
                total = total + cost_of(value)
        for name in names:
            term = self.outputs[name]
            if term.coefficient not in (1, -1) or (term.powers and term.value is not None):
                total = total + Cost.of(1, *term.shape)
        return total

    @property
    def flops(self) -> Cost:
        return self.flops_of(*self.outputs)

    @property
    def largest(self) -> tuple[Dim, Dim]:
        return self._largest(
            [*(v.shape for v in self.order if v.kind != "input"), *(t.shape for t in self.outputs.values())]
        )

    @property
    def naive(self) -> Cost:
        return naive_cost(*self.formulas.values())[0]

    @property
    def naive_largest(self) -> tuple[Dim, Dim]:
        return self._largest(naive_cost(*self.formulas.values())[1])

    def _largest(self, shapes: Iterable[tuple[Dim, Dim]]) -> tuple[Dim, Dim]:
        return max(shapes, key=lambda shape: self.sizes.product(1, shape[0], shape[1], ONE))

    @property
    def lines(self) -> list[str]:
        """The program as text, a line for each operation."""
        from .codegen import listing

        return listing(self)

    def __str__(self) -> str:
        return "\n".join(self.lines)

    def __repr__(self) -> str:
        return f"<program of {', '.join(self.outputs)}: {self.flops.expression} FLOPs>"


def compile(outputs: Mapping[str, Expr], hints: Sequence[Any] = (), **options: Any) -> Program:
    """The cheapest program found for some formulas that share parts, of all ways to write them; see `compiled`."""
    made = compiled(outputs, hints, **options)
    for _ in range(MAX_REGROUPED):
        cheaper = regrouped(made, hints, options)
        if cheaper is None:
            break
        made = cheaper
    made.formulas = dict(outputs)
    return made


def regrouped(program: Program, hints: Sequence[Any], options: Mapping[str, Any]) -> Program | None:
    """A program that is clearly cheaper, of the same with some parts written otherwise; None if there is none."""
    least = program.sizes.cost(program.flops)
    for parts in regroupings(program.written.values(), hints):
        written = {name: substitute(formula, parts) for name, formula in program.written.items()}
        made = compiled(written, hints, **options)
        if made.sizes.cost(made.flops) < MUCH * least:
            return made
    return None


def compiled(
    outputs: Mapping[str, Expr],
    hints: Sequence[Any],
    *,
    has_triangular_solve: bool = False,
    keeps_constants: bool = False,
    batch: Any = None,
    per_sample: bool = False,
) -> Program:
    """The program of formulas as they are written.

    Parameters
    ----------
    outputs : mapping of name to Expr
    hints : sequence of (Dim, "<", Dim)
        What is known of the order of the dimensions; where the best order of products
        depends on it, the hints decide.
    has_triangular_solve : bool
        Whether the library that runs it solves with triangular matrices.
    keeps_constants : bool
        Whether what is made of arguments declared `constant` is kept between calls.
    batch : Batch, optional
        The samples over which the outputs are summed.
    per_sample : bool
        Of a batch, the outputs are those of each sample.
    """
    graph = ValueGraph()
    graph.normalized = normalized(outputs.values())
    memo: dict[Expr, Term] = {}
    terms = {name: translate(graph, formula, memo) for name, formula in outputs.items()}
    ends: dict[str, list[str]] = {}
    if batch is not None:
        found = batch.outputs(graph, terms, per_sample)
        ends = {name: [f"{name} {i}" for i in range(len(parts))] for name, parts in found.items() if len(parts) > 1}
        terms = {
            label: term
            for name, parts in found.items()
            for label, term in zip(ends.get(name, [name]), parts, strict=True)
        }
    tops = [value for term in terms.values() for value in term.parts()]
    names = dims_of(values_below(tops)) | {n for t in terms.values() for d in t.shape for n in d.names}
    sizes = SampleSizes(names, hints, batch.size.names if batch is not None else ())
    lowering = Lowering(graph, list(terms.values()), sizes, has_triangular_solve, keeps_constants)
    made = Program(graph, dict(zip(terms, lowering.roots, strict=True)), outputs, sizes, hints)
    made.lowered = lowering.done
    made.ends = ends
    if keeps_constants:
        made.keep_constants()
    return made


MAX_REGROUPED = 4  # times that a program is written otherwise
MUCH = 0.95  # of the cost, at most, for what is written otherwise
MAX_COMPARED = 4  # open dimensions, and MAX_ORDER operations, up to which other orders are looked for
MAX_ORDER = 60
GAIN = 0.75


def other_orders(program: Program) -> list[tuple[str, Cost]]:
    """The size hints (`"m < n"`) under which another program is clearly cheaper, and what that one takes.

    The greatest gain first; hints that lead to the same count are named once.
    """
    names = sorted({name for value in program.order for dim in value.shape for name in dim.names})
    if len(names) > MAX_COMPARED or len(program.order) > MAX_ORDER:
        return []
    found: dict[str, tuple[float, str, Cost]] = {}
    for low, high in permutations(names, 2):
        other = compiled(program.written, [*program.hints, (Dim.of(low), "<", Dim.of(high))])
        if not all(sample[low] < sample[high] for sample in other.sizes.samples):
            continue  # the hints say otherwise
        ratio = other.sizes.cost(other.flops) / max(other.sizes.cost(program.flops), 1e-300)
        key = other.flops.expression
        if ratio < GAIN and (key not in found or ratio < found[key][0]):
            found[key] = (ratio, f"{low} < {high}", other.flops)
    return [(hint, flops) for _, hint, flops in sorted(found.values(), key=lambda item: item[:2])]


# Costs of operations


def cost_of(value: Value) -> Cost:
    """The floating-point operations of one operation."""
    if value.kind in FREE:
        return Cost()
    if value.kind in CUBIC:
        n = value.args[0].shape[0]
        cost = Cost.of(CUBIC[value.kind], n, n, n)
        return cost + Cost.of(2, n, *value.args[1].shape) if value.kind in ("solve", "spd_solve") else cost
    row = COSTS.get(value.kind)
    return Cost.of(1, *value.shape) if row is None else row(value)


def _of_operand(times: int) -> Callable[[Value], Cost]:
    """A number of operations for each entry of the operand."""
    return lambda value: Cost.of(times, *value.args[0].shape)


def _entries_cost(value: Value) -> Cost:
    steps = len(value.args) - 1 + sum(exponent not in (1, -1) for _, exponent in value.data)
    return Cost.of(max(steps, 1), *value.shape)


CUBIC = {
    "inverse": Fraction(2),
    "det": Fraction(2, 3),
    "logdet": Fraction(2, 3),
    "logdet_positive": Fraction(2, 3),
    "cholesky": Fraction(1, 3),
    "triangle_inverse": Fraction(1, 3),
    "spd_inverse": Fraction(1),
    "spd_solve": Fraction(0),
    "solve": Fraction(2, 3),
    "expm": Fraction(30),
}


def sum_cost(value: Value) -> Cost:
    """Additions, and multiplications where a term has a factor."""
    if value.is_scalar:
        return Cost.of(len(value.args))
    total = Cost()
    dense = 0
    for term in value.args:
        body = term.value
        thin = body is not None and body.kind in ("eye", "Diag")
        size = value.shape[:1] if thin else value.shape
        if not thin:
            dense += 1
        if term.coefficient not in (1, -1) or term.powers:
            total = total + Cost.of(1, *size)
        if thin or dense > 1:
            total = total + Cost.of(1, *size)
    return total


COSTS: dict[str, Callable[[Value], Cost]] = {
    "product": lambda value: Cost.of(2, *value.args[0].shape, value.args[1].shape[1]),
    "stack": lambda value: Cost.of(len(value.args), *value.shape),
    "sum": sum_cost,
    "entries": _entries_cost,
    "trace": lambda value: Cost.of(1, value.args[0].shape[0]),
    "spd_logdet": lambda value: Cost.of(2, value.args[0].shape[0]),
    **dict.fromkeys(("row_sums", "total"), _of_operand(1)),
    **dict.fromkeys("sq_norm norm norm1 dot contraction row_dots block_inner block_sum".split(), _of_operand(2)),
    **dict.fromkeys("sigmoid softplus softmax logsumexp row_softmax row_logsumexp".split(), _of_operand(4)),
    **dict.fromkeys(
        "polar dominant nuclear_norm spectral_norm".split(),
        lambda value: Cost.of(14, *value.args[0].shape, value.args[0].shape[1]),
    ),
}


def naive_cost(*formulas: Expr) -> tuple[Cost, list[tuple[Dim, Dim]]]:
    """What the formulas cost as they are written, products from left to right; and all shapes."""
    total, shapes = Cost(), []
    for node in nodes(*formulas):
        if not node.args:
            continue
        name = node.op.name
        shapes.append(node.shape)
        if name == "matmul":
            rows, columns = node.args[0].shape
            for factor in node.args[1:]:
                total = total + Cost.of(2, rows, columns, factor.shape[1])
                columns = factor.shape[1]
                shapes.append((rows, columns))
        elif name in ("add", "hadamard", "mul"):
            total = total + Cost.of(len(node.args) - 1, *node.shape)
        elif name in ("inv", "det", "logdet"):
            n = node.args[0].shape[0]
            total = total + Cost.of(CUBIC.get(name, Fraction(2)), n, n, n)
        elif name in ("inner", "sq_norm", "norm", "norm1"):
            total = total + Cost.of(2, *node.args[0].shape)
        elif name in ("trace", "sum"):
            total = total + Cost.of(1, *node.args[0].shape[: 1 if name == "trace" else 2])
        elif name == "matpow":
            n = node.shape[0]
            total = total + Cost.of(2 * max(abs(node.data[0]) - 1, 1), n, n, n)
        elif name not in ("transpose", "vec", "unvec", "diag", "Diag", "submatrix", "block"):
            total = total + Cost.of(1, *node.shape)
    return total, shapes or [(ONE, ONE)]
