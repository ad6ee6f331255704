"""What is right under a condition alone: symmetry, values given before, entry by entry, a letter that is a size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from typing import TYPE_CHECKING

from ..errors import DeriveError
from ..expr import Expr, dimension, nodes, ones, substitute, symbols_of
from ..operations import FUNCTIONS, matmul, scale, sum_entries, transpose
from ..own_functions import functions_of, own_function
from ..reading.signatures import S
from ..shapes import ONE, Shape
from .claims import DERIVATIVES, Claim, Side
from .conditions import condition_of, entry_by_entry, part_of, size_named
from .dependences import primed
from .derivatives import whole_of
from .judgments import Alternative, Judgment, Value, read_as, right_if, wide
from .roles import names_of
from .trees import Tree, is_kronecker, name
from .unification import usual_kind
from .values import Convention, Indexed, aligned

if TYPE_CHECKING:
    from .verdicts import Judge


def under_condition(
    judge: Judge,
    claim: Claim,
    side: Side,
    truths: Sequence[Alternative],
    values: Sequence[Alternative],
    head: Tree | None,
) -> Judgment | None:
    """The side as right under a condition: values given before, symmetry, entries that sum to 1."""
    if head is not None and head.kind == "derivative" and head.data == (1,) and not judge.is_declared(side):
        vectors = [v.value for v in values if isinstance(v.value, Expr) and v.value.is_vector]
        if (
            judgment := next(filter(None, (entrywise(judge, truths, v, side, head) for v in vectors)), None)
        ) is not None:
            return judgment
    if (judgment := _dotted(judge, truths, side, head)) is not None:
        return judgment
    for number, made, held in judge.values_of_formulas:
        local = judge.scope.local({made: held})
        for truth in truths:
            pair = aligned(truth.value, values[0].value)
            if pair is not None and judge.witness.same(*map(local.inline, pair)):
                return right_if(f"{made.text()} = {held.text()} (line {number})", side, values[0].value)
    is_gradient = head is not None and head.kind == "gradient"
    name = variable_name(head) or (judge.scope.nabla if is_gradient else None) or ""
    variable = judge.scope.symbols.get(name) or judge.scope.symbols.get(name.partition("_")[0])  # X of ∂/∂Xₚq
    for truth, value, sides in _pairs(truths, values):
        left, right = map(judge.whole, sides)
        kept = judge.turned | {s.name for s in judge.moves}  # dX is symmetric where X is, and not alone
        condition = condition_of(
            judge.witness, left, right, variable, judge.values_given, kept, judge.granted, judge.one_hot, judge.signs,
            is_derived=head is not None and any(t.kind in DERIVATIVES for t in head.walk()),
        )  # fmt: skip
        if condition is None and isinstance(truth.value, Indexed) and not says_indices(side.tree):
            condition = part_of(judge.witness, left, right, truth.value.indices)
            if condition is not None and claim.case and f" {claim.case} " not in condition:
                condition = None  # the line says that it speaks of the other entries
        if condition is not None and (judge.grants_symmetry or "symmetric" not in condition):
            names, _, said = condition.rpartition(" ")
            judge.granted |= set(names.split(", ")) if said == "symmetric" else set()
            return right_if(condition, side, value.value, truth.value)
        distributions = {f.label for f in functions_of(left)}
        densities = {f: own_function(f.label.upper(), f.order + 1) for f in functions_of(right)
                     if f.label.upper() in distributions - {f.label}}  # fmt: skip
        at = {n: densities[n.op](*n.args) for n in nodes(right) if n.op in densities}
        if at and judge.witness.same(left, substitute(right, at)):
            said = ", ".join(f"{f.label} = {f.label.upper()}′" for f in densities)  # φ of the distribution Φ
            return right_if(said, side, value.value, truth.value)
    try:
        primes = primed(judge.scope, judge.document.text, [t for t in (head, side.tree) if t is not None])
    except DeriveError:
        primes = []
    if len(primes) == 2 and judge.same(*primes):
        return right_if("a prime is a derivative by a number", side, primes[1], primes[0])
    return None


def _pairs(
    truths: Sequence[Alternative], values: Sequence[Alternative]
) -> Iterator[tuple[Alternative, Alternative, tuple[Expr, Expr]]]:
    """The readings of both sides that may be the same; one path of several is not the derivative."""
    for truth in truths:
        for value in values if truth.reading.path not in ("split", "other") else []:
            pair = aligned(truth.value, value.value)
            if pair is not None:
                yield truth, value, pair


def says_indices(tree: Tree | None) -> bool:
    """Whether δᵢⱼ stands in a formula: it speaks of all entries, on the diagonal and off it."""
    return tree is not None and any(is_kronecker(t) for t in tree.walk())


def entrywise(
    judge: Judge, truths: Sequence[Alternative], value: Value, side: Side, head: Tree | None
) -> Judgment | None:
    """The side as right entry by entry: the slopes of a function of numbers, taken of each entry."""
    is_identity = head is not None and not any(t.kind in DERIVATIVES for t in head.walk())
    for truth in truths:
        if isinstance(value, Expr) and isinstance(truth.value, Expr):
            as_it_is = is_identity or value.shape == truth.value.shape and _powers(judge, side)
            found = value if as_it_is else entry_by_entry(truth.value, value)  # σ(z)(1 − σ(z)), of numbers
            if found is not None and judge.same(truth.value, found):
                return right_if("entry by entry", side, found, why="right entry by entry")
    return None


def _dotted(judge: Judge, truths: Sequence[Alternative], side: Side, head: Tree | None) -> Judgment | None:
    """The side as right where its dots multiply entry by entry: (a − y) · σ′(z), of numbers."""
    has_dots = side.tree is not None and any(t.kind == "prod" and "·" in t.data for t in side.tree.walk())
    found = read_as(judge.scope, side.tree if has_dots else None, Convention(judge.layout, lenient=True))
    value = found.value if found is not None else None
    for truth in truths:
        if isinstance(value, Expr) and isinstance(truth.value, Expr) and value.shape == truth.value.shape:
            if judge.same(truth.value, value):
                return right_if("entry by entry", side, value, truth.value, "right entry by entry")
    return None


def chain_of(judge: Judge, side: Side) -> Alternative | None:
    """A product of derivatives, its factors taken in the order of the chain rule; None where there is none."""
    has_factors = side.tree is not None and any(t.kind == "prod" for t in side.tree.walk())
    found = read_as(judge.scope, side.tree if has_factors else None, Convention(judge.layout, chained=True))
    return found if found is not None and "chained" in found.used else None


def in_columns(judge: Judge, side: Side) -> Alternative | None:
    """A head whose shapes fit with the derivatives of vectors as columns: ∂(Xw − y)ᵀ/∂w (Xw − y)."""
    found = read_as(judge.scope, side.tree, Convention("denominator")) if judge.layout == "gradient" else None
    return found if found is not None and "layout" in found.used else None


def in_order(judge: Judge, side: Side, truths: Sequence[Alternative]) -> Judgment | None:
    """The side as right in the order of the chain rule, in which its factors do not stand."""
    found = chain_of(judge, side)
    for truth in truths if found is not None else ():
        assert found is not None
        if judge.same(truth.value, found.value):
            why = "right with its factors in the order of the chain rule"
            return right_if("in the order of the chain rule", side, found.value, truth.value, why)
    return None


def _powers(judge: Judge, side: Side) -> bool:
    """Whether what does not fit is the power of a vector: that has no other meaning than entry by entry."""
    has_power = side.tree is not None and any(t.kind == "power" for t in side.tree.walk())
    found = read_as(judge.scope, side.tree if has_power else None, Convention(judge.layout, lenient=True))
    return found is not None and "lenient" not in found.used


def per_sample(judge: Judge, truths: Sequence[Alternative], value: Value, side: Side) -> Judgment | None:
    """The side as right where the loss is the mean over m samples, and ∂L/∂Z that of each: dW = dZ Aᵀ / m."""
    if not isinstance(value, Expr):
        return None
    right = judge.whole(value)
    batches = [s for s in symbols_of(right) if s in judge.scope.upstream and ONE not in s.shape]
    for truth in truths if batches else ():
        if not isinstance(truth.value, Expr):
            continue
        left = judge.whole(truth.value)
        if left.shape != right.shape:
            for said, made in _of_samples(right, left.shape, bool(judge.scope.shared)):
                if judge.same(left, made):
                    return right_if(said, side, value, truth.value, f"right {said}")
            continue
        samples = {dim for batch in batches for dim in batch.shape if dim not in left.shape}
        if not samples:
            continue  # by X itself: the gradient of each sample stands in a row of its own
        news = [s for s in symbols_of(right) if s.is_scalar and s.name in "nmNMB" and s not in symbols_of(left)]
        sizes = [dimension(str(dim)) for dim in samples if str(dim) in judge.scope.dims]
        for count in [*news, *sizes]:
            if judge.same(left, scale(count, right)):
                said = f"the loss is a mean over {count.text()}, the gradient on the right that of the sum"
                return right_if(said, side, value, truth.value)
    return None


def of_one_number(
    judge: Judge, head: Tree | None, truths: Sequence[Alternative], value: Value, side: Side
) -> Judgment | None:
    """The side as right where b of X w + b is one number: the gradient by it is the sum of those by the entries."""
    name_ = variable_name(head) or ""
    if name_ in judge.document.declared or not isinstance(value, Expr):
        return None
    trees = [t for claim in judge.document.claims for side in claim.sides if side.tree is not None
             for t in side.tree.walk() if t.data == ("sum", "Σ")]  # fmt: skip
    if usual_kind(name_ or "X") != S and not any(name_ in names_of(tree) for tree in trees):
        return None
    if not _is_added(judge, name_):
        return None
    for truth in truths:
        wide_ = truth.value
        if value.is_scalar and isinstance(wide_, Expr) and ONE in wide_.shape and not wide_.is_scalar:
            if judge.same(sum_entries(wide_), value):
                return right_if(f"{name_} is one number, added to each entry", side, value)
    return None


def _is_added(judge: Judge, letter: str) -> bool:
    """Whether a letter is a summand wherever formulas have it: b of X w + b, and of no wᵀb."""
    found = False
    waiting = [(t, False) for claim in judge.document.claims for side in claim.sides if (t := side.tree) is not None]
    while waiting:
        tree, is_summand = waiting.pop()
        if tree.kind == "name" and tree.data[0] == letter:
            if not is_summand:
                return False
            found = True
        is_operator = tree.kind in DERIVATIVES and len(tree.args) > 1
        adds = tree.kind == "sum" or tree.kind == "neg" and is_summand
        waiting += [(arg, adds) for arg in (tree.args[:1] if is_operator else tree.args)]
    return found


def _of_samples(value: Expr, shape: Shape, is_shared: bool) -> list[tuple[str, Expr]]:
    """What the gradient of a bias that all samples share can be meant as: a row, or the summand of one of them."""
    if ONE not in shape:
        return []
    if ONE in value.shape:
        is_row = value.shape[0] is ONE and is_shared and shape == value.shape[::-1]
        return [("as a row, as samples stand", transpose(value))] if is_row else []
    totals = [matmul(value, ones(value.shape[1])), matmul(transpose(value), ones(value.shape[0]))]
    return [("of one sample", m) for total in totals for m in (total, transpose(total)) if m.shape == shape]


def over_samples(judge: Judge, side: Side, truths: Sequence[Alternative]) -> Judgment | None:
    """The side as right where a Σ adds the samples, the rows or columns of a matrix: ∂L/∂b = Σᵢ ∂L/∂Zᵢ, Σ ∂L/∂Z."""
    sums = [t for t in side.tree.walk() if t.kind == "total" or t.data == ("sum", "Σ")] if side.tree else []
    total = sums[0] if len(sums) == 1 else None  # Σᵢ Σⱼ Zᵢⱼ is a number
    if side.tree is None or total is None:
        return None
    index = str(total.data[0]) if total.kind == "total" else ""
    numbers = {name for name, symbol in judge.scope.symbols.items() if symbol.is_scalar} | judge.scope.dims
    vectors = {name for name, symbol in judge.scope.symbols.items() if symbol.is_vector} - numbers
    if index and not _is_open(total.args[0], index, numbers) or not index and vectors & names_of(total.args[0]):
        return None
    layout = Convention(judge.layout)
    whole = whole_of(judge.scope, _without(total.args[0], index), None, layout)
    if whole is None or ONE in whole.shape:
        return None
    columns = [matmul(transpose(whole), ones(whole.shape[0])), matmul(whole, ones(whole.shape[1]))]
    for made in [m for column in columns for m in (column, transpose(column))]:
        value = whole_of(judge.scope, _put(side.tree, total, Tree("held", (), (made,), total.span)), None, layout)
        for truth in truths if value is not None else ():
            assert value is not None
            mean = per_sample(judge, [truth], value, side)
            if mean is not None and value.shape == wide(truth.value).shape:
                return mean
            if judge.same(truth.value, value):
                return right_if("the sum is over the samples", side, value, truth.value)
    return None


def _is_open(tree: Tree, index: str, numbers: Set[str]) -> bool:
    """Whether a formula in an index is a row of the one without: its parts are, and none multiply but entry by entry.

    xᵢ yᵢᵀ is no row of x yᵀ.
    """
    if tree.kind in ("name", "entry"):
        return tree.data[-1 if tree.kind == "name" else slice(None)] == (index,)
    if tree.kind == "derivative":
        return _is_open(tree.args[1], index, numbers)
    if tree.kind == "call":
        return tree.data[0] in FUNCTIONS and len(tree.args) == 1 and _is_open(tree.args[0], index, numbers)
    bound = [arg for arg in tree.args if not _is_number(arg, numbers)]
    if tree.kind in ("prod", "quotient") and (len(bound) != 1 or bound[0] is tree.args[-1] and tree.kind == "quotient"):
        return False
    is_linear = tree.kind in ("sum", "neg", "hadamard", "prod", "quotient")
    return is_linear and bool(bound) and all(_is_open(arg, index, numbers) for arg in bound)


def _is_number(tree: Tree, numbers: Set[str]) -> bool:
    kinds = ("number", "neg", "quotient", "prod", "name")
    return all(t.kind in kinds and (t.kind != "name" or str(t.data[0]) in numbers) for t in tree.walk())


def _put(tree: Tree, part: Tree, new: Tree) -> Tree:
    return tree.replaced(lambda t: new if t is part else None)


def _without(tree: Tree, index: str) -> Tree:
    """A formula with an index taken away: Z of Zᵢ, P − Y of (P − Y)ᵢ."""

    def whole(node: Tree) -> Tree | None:
        if node.kind == "name" and index and node.data[2] == (index,):
            return name(str(node.data[1]))
        return node.args[0] if node.kind == "entry" and node.data == (index,) else None

    return tree.replaced(whole)


def sized(judge: Judge, truths: Sequence[Alternative], values: Sequence[Alternative], side: Side) -> Judgment | None:
    """The side as right where a letter is a size: N of 𝟏ᵀ𝟏 = N."""
    for truth, value, pair in _pairs(truths, values):
        if condition := size_named(judge.witness, *map(judge.whole, pair)):
            return right_if(condition, side, value.value, truth.value)
    return None


def shrunk(judge: Judge, head: Tree | None, *values: Value) -> list[str]:
    """Capital and bold letters of a derivative that are scalars for want of any other reading."""
    if head is None or not any(t.kind in DERIVATIVES for t in head.walk()):
        return []
    letters = {s.name for v in values for s in symbols_of(judge.whole(wide(v)))}
    return sorted(letters & judge.document.shrunk)


def variable_name(head: Tree | None) -> str | None:
    if head is None or head.kind not in ("derivative", "gradient") or len(head.args) < 2:
        return None
    variable = head.args[1]
    while variable.kind == "transpose":
        variable = variable.args[0]
    return str(variable.data[0]) if variable.kind == "name" else None
