"""Forms of generated gradients: stable, blind to order, to names and to the hash seed, and through SymPy.

Reordered sums give the same form but for the order of its sums, renamed symbols and
dimensions the same form over other names.  100 draws of each kind; ten times as many with
DERIVE_FULL=1.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

import derive
from derive.algebra.forms import compact, expand, factor
from derive.algebra.proofs import proved
from derive.derivation import Sweep
from derive.errors import DeriveError
from derive.expr import Expr, dimension, dimension_names, fold, symbol, symbol_op, symbols_of
from derive.interop import from_sympy, to_sympy
from derive.numeric import random_point
from derive.operations import add, scale
from derive.shapes import Dim
from tests.generate import formula
from tests.test_algebra import BOXES
from tests.test_cookbook import ROWS

TIMES = 25 if os.environ.get("DERIVE_FULL") else 1
DEPTHS = 6
SAME = 0.998  # of the draws, at least: in a few of a thousand, equal parts of a search may be met in another order
OWN = 0.99  # where a box is searched again, not known to be one: the search may end at another form as short


def gradients(first: int, count: int) -> list[tuple[int, Expr, Expr]]:
    """Seed, loss and gradient of random formulas; those that are defined nowhere are left out."""
    drawn = []
    for seed in range(first, first + count):
        loss, wrt = formula(seed, 1 + seed % DEPTHS)
        gradient = Sweep(loss, wrt).total
        named = symbols_of(loss)
        if len({s.name for s in named}) < len(named):  # one name in two shapes
            continue
        try:
            random_point([loss, gradient], seed, attempts=60)
        except DeriveError:
            continue
        drawn.append((seed, loss, gradient))
    assert len(drawn) > 0.9 * count
    return drawn


def renamed(expr: Expr, names: dict[str, str] | None = None) -> Expr:
    """The same nodes over other symbols: of the names given, else each with an index more."""

    def visit(node: Expr, args: list[Expr]) -> Expr:
        if node.op is symbol_op:
            name = node.name + "_7" if names is None else names[node.name]
            return symbol(name, *node.shape, properties=node.properties)
        return node.op.make(tuple(args), node.data)

    return fold(expr, visit)


def resized(expr: Expr, names: dict[str, str]) -> Expr:
    """The same nodes over dimensions of other names."""
    dimensions = {old: Dim.of(new) for old, new in names.items()}

    def visit(node: Expr, args: list[Expr]) -> Expr:
        data = tuple(d.substitute(dimensions) if isinstance(d, Dim) else d for d in node.data)
        return node.op.make(tuple(args), data)

    return fold(expr, visit)


def shuffled(seed: int, *formulas: Expr) -> list[Expr]:
    """The same formulas with the terms of each sum in another order, of equal sums in the same."""
    draw = random.Random(seed)
    memo: dict[Expr, Expr] = {}

    def visit(node: Expr, args: list[Expr]) -> Expr:
        return node.op.make(tuple(draw.sample(args, len(args)) if node.op is add else args), node.data)

    return [fold(formula, visit, memo) for formula in formulas]


def unordered(expr: Expr) -> Expr:
    """The formula with the terms of each sum in an order of their own."""

    def visit(node: Expr, args: list[Expr]) -> Expr:
        return node.op.make(tuple(sorted(args, key=Expr.text) if node.op is add else args), node.data)

    return fold(expr, visit)


def same(one: Expr, other: Expr) -> str:
    """Whether two forms are the same but for the order of sums."""
    return "same" if unordered(one) is unordered(other) else f"{one.text()} and {other.text()}"


def summary(outcomes: Counter[str]) -> str:
    return ", ".join(f"{what}: {count}" for what, count in outcomes.most_common())


def require(outcomes: Counter[str], least: float = SAME) -> None:
    assert outcomes["same"] >= least * sum(outcomes.values()), summary(outcomes)


def test_a_box_is_its_own_box():
    """Over other names too, over which it is not known to be a box."""
    outcomes: Counter[str] = Counter()
    for _seed, loss, gradient in gradients(0, 40 * TIMES):
        boxed = factor(gradient, loss)
        assert factor(boxed, loss) is boxed
        outcomes[same(renamed(boxed), factor(renamed(boxed), renamed(loss)))] += 1
    require(outcomes, OWN)


def test_names_do_not_matter():
    outcomes: Counter[str] = Counter()
    for seed, loss, gradient in gradients(200, 40 * TIMES):
        draw = random.Random(seed)
        names = [s.name for s in symbols_of(loss)]
        sizes = dimension_names(loss, gradient)
        permuted = {a: b + "_7" for a, b in zip(names, draw.sample(names, len(names)))}
        resizes = {a: b + "q" for a, b in zip(sizes, draw.sample(sizes, len(sizes)))}
        for form in (lambda g, _: expand(g), factor, inlined):
            found = form(gradient, loss)
            assert form(renamed(gradient), renamed(loss)) is renamed(found)
            outcomes[same(form(renamed(gradient, permuted), renamed(loss, permuted)), renamed(found, permuted))] += 1
            outcomes[same(form(resized(gradient, resizes), resized(loss, resizes)), resized(found, resizes))] += 1
    require(outcomes)


def inlined(gradient: Expr, loss: Expr) -> Expr:
    """The compact form with its names put back in."""
    return compact(gradient, loss, factor(gradient, loss), []).inlined()


def test_the_order_of_summands_does_not_matter():
    """Of a gradient, of a gradient and its loss, of a loss before it is differentiated."""
    outcomes: Counter[str] = Counter()
    for seed, loss, gradient in gradients(400, 60 * TIMES):
        expanded = expand(gradient)
        if expanded.op is add:
            one, other = factor(expanded), factor(*shuffled(seed, expanded))
            outcomes[same(one, other)] += 1
            assert proved(one, other) or agree(one, other), seed
        turned, turned_loss = shuffled(seed, gradient, loss)
        if turned is gradient and turned_loss is loss:
            continue
        outcomes[same(expanded, expand(turned))] += 1
        for form in (factor, inlined):
            found = form(gradient, loss)
            outcomes[same(found, form(turned, turned_loss))] += 1
            again = Sweep(turned_loss, formula(seed, 1 + seed % DEPTHS)[1]).total
            outcomes[same(found, form(again, turned_loss))] += 1
    require(outcomes)


def test_printed_formulas_keep_their_box_in_any_order_and_over_any_names():
    outcomes: Counter[str] = Counter()
    losses = [row[:3] for row in BOXES] + [(row.formula, row.wrt, row.where) for row in ROWS if row.kind == "gradient"]
    for text, wrt, where in losses:
        found = derive.gradient(text, wrt, where)
        loss, gradient, boxed = found.loss, found.result, found.boxed
        names = [s.name for s in symbols_of(loss)]
        permuted = {a: b + "_7" for a, b in zip(names, random.Random(text).sample(names, len(names)))}
        outcomes[same(factor(renamed(gradient, permuted), renamed(loss, permuted)), renamed(boxed, permuted))] += 1
        (turned,) = shuffled(1, loss)
        outcomes[same(derive.gradient(turned, found.wrt).boxed, boxed)] += 1
    assert outcomes.keys() == {"same"}, summary(outcomes)


def agree(a: Expr, b: Expr) -> bool:
    """Whether two formulas have the same value at a random point, up to rounding."""
    point = random_point([a, b], 0)
    one, other = point.evaluate(a), point.evaluate(b)
    return bool(np.abs(one - other).max(initial=0) <= 1e-7 * max(1e-3, np.abs(one).max(initial=0)))


def test_the_comparisons_can_fail():
    A, B, x = symbol("A", "n", "n"), symbol("B", "n", "n"), symbol("x", "n")
    assert not agree(A @ x + B @ x, A @ x - B @ x) and not proved(A @ x, B @ x)
    assert agree(A @ x + B @ x, (A + B) @ x) and proved(A @ x + B @ x, (A + B) @ x)
    assert renamed(A @ x) is symbol("A_7", "n", "n") @ symbol("x_7", "n")
    assert same(A @ x + B @ x, B @ x + A @ x) == "same" and same(A @ (x + x), A @ x) != "same"
    assert resized(A @ x, {"n": "k"}) is symbol("A", "k", "k") @ symbol("x", "k")
    (turned,) = shuffled(1, A @ x + B @ x + (A + B) @ x)
    assert turned is not A @ x + B @ x + (A + B) @ x and same(turned, A @ x + B @ x + (A + B) @ x) == "same"
    with pytest.raises(AssertionError):
        require(Counter({"same": 99, same(A @ x, x): 1}))


PRINTED = """
import sys
from tests.test_form_properties import gradients
from derive.algebra.forms import compact, expand, factor
for seed, loss, gradient in gradients(int(sys.argv[1]), int(sys.argv[2])):
    boxed = factor(gradient, loss)
    print(seed, expand(gradient).text(), boxed.text(), compact(gradient, loss, boxed, []), sep="\\n  ")
"""


def test_the_hash_seed_does_not_matter():
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PRINTED, "600", str(25 * TIMES)],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("0", "1")
    ]
    printed = [process.communicate()[0] for process in started]
    assert not any(process.returncode for process in started)
    assert printed[0].count("\n") > 80 * TIMES
    assert printed[1].split("\n") == printed[0].split("\n")


def test_sympy_gives_back_what_it_was_given():
    outcomes: Counter[str] = Counter()
    for seed, loss, gradient in gradients(800, 40 * TIMES):
        boxed = factor(gradient, loss)
        try:
            read = from_sympy(to_sympy(boxed))
        except DeriveError as error:
            outcomes[error.message] += 1
            assert "SymPy" in error.message, (seed, error.message)
            continue
        read = over_the_same_symbols(read, boxed)
        assert read.shape == boxed.shape
        is_proved = proved(read, boxed)
        outcomes["proved" if is_proved else "agrees"] += 1
        assert is_proved or agree(read, boxed), (seed, boxed.text(), read.text())
    assert outcomes["proved"] >= 0.85 * sum(outcomes.values()), summary(outcomes)
    refused = sum(outcomes.values()) - outcomes["proved"] - outcomes["agrees"]
    assert refused <= 0.01 * sum(outcomes.values()), summary(outcomes)


def over_the_same_symbols(read: Expr, given: Expr) -> Expr:
    """Give symbols their declared properties back; a name that only a dimension has is that dimension."""
    known = {s.name: s for s in symbols_of(given)}

    def visit(node: Expr, args: list[Expr]) -> Expr:
        if node.op is symbol_op:
            return known[node.name] if node.name in known else dimension(node.name)
        return node.op.build(tuple(args), node.data) if node.args else node

    return fold(read, visit)


def test_the_way_through_sympy_can_fail():
    x = symbol("x", "n")
    assert over_the_same_symbols(from_sympy(to_sympy(scale(2, x))), x) is scale(2, x)
    assert not proved(from_sympy(to_sympy(scale(2, x))), scale(3, x))
    assert derive.equal(from_sympy(to_sympy(scale(2, x))), scale(3, x)) == "differs"


@pytest.mark.parametrize(
    "formula, where, wanted",
    [
        (
            "c = x − mean(x); s = sqrt(var(x) + ε); z = γ ⊙ c / s + β; ⟨g, z⟩",
            "x, γ, β, g: n, ε: scalar positive",
            "(g ⊙ γ − (𝟏 γᵀ + c (γ ⊙ c)ᵀ / s²) g / n) / s where c = x − sum(x) 𝟏 / n, s = sqrt(sum(c.^2) / n + ε)",
        ),
        ("s = sqrt(xᵀx + ε); log(s) + 1/s", "x: n, ε: scalar positive", "(1 − 1 / s) x / s² where s = sqrt(xᵀ x + ε)"),
        ("q = (aᵀx)²; exp(q)", "x, a: n", None),  # aᵀx is no root of q where it is negative
        ("s = sqrt(aᵀx); s + aᵀx log(aᵀx)²", "x, a: n", "(log(s²)² + 2 log(s²) + 1 / (2 s)) a where s = sqrt(aᵀ x)"),
        ("s = sqrt(aᵀx); log(1 + (aᵀx)²) − 1/s²", "x, a: n", "(2 c / (1 + c²) + 1 / c²) a where c = aᵀ x"),
        ("v = 1 ./ x; sum(x.^3) + sum(v.^2)", "x: n", "3 x.^2 − 2 v.^3 where v = x.^(−1)"),
        ("u = aᵀx; s = sqrt(u); t = u^(1/3); s t", "x, a: n", "5 a / (6 sqrt(t)) where u = aᵀ x, t = u^(1/3)"),
        ("v = sqrt(y − x); sum(1 ./ v.^2)", "x, y: n", "(y − x).^(−2)"),
    ],
)
def test_what_the_author_named_keeps_its_name_however_it_is_written(formula, where, wanted):
    d = derive.gradient(formula, "x", where)
    assert d.errors()["the compact form"] < 1e-8
    assert wanted is None or str(d.compact) == wanted
    assert wanted is not None or "sqrt(q)" not in str(d.compact)


def test_powers_that_are_split_are_not_split_again_in_the_brackets_made_of_them():
    formula = "log(sum(exp((2*ones(p) + sin(A*ones(n))).^(-1/2) .* (2*ones(p) + sin(A*ones(n))).^(-1/2))))"
    d = derive.hvp(formula, "A", direction="V", where="A: p×n, V: p×n")
    assert derive.equal(d.compact.inlined(), d.result) in ("proved", "agrees")
