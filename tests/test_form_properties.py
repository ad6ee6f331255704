"""Forms of generated gradients: stable, blind to order, to names and to the hash seed, and through SymPy.

A box comes from a bounded search, so a search that starts elsewhere may end at another form:
in at most one draw of ten, and at one of another length in at most one of fifty.
100 draws of each kind; ten times as many with DERIVE_FULL=1.
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
from derive.algebra import expand, factor, proved
from derive.derivation import Sweep
from derive.errors import DeriveError
from derive.expr import Expr, dimension, fold, symbol, symbol_count, symbol_op, symbols_of
from derive.interop import from_sympy, to_sympy
from derive.numeric import random_point
from derive.operations import add, scale
from tests.generate import formula

TIMES = 10 if os.environ.get("DERIVE_FULL") else 1
DEPTHS = 6
SAME, LENGTH = 0.9, 0.98  # of the draws, at least, that keep the very form, and that keep its length


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


def summary(outcomes: Counter[str]) -> str:
    return ", ".join(f"{what}: {count}" for what, count in outcomes.most_common())


def require(outcomes: Counter[str], same: float = SAME) -> None:
    total = sum(outcomes.values())
    assert outcomes["same"] >= same * total, summary(outcomes)
    assert outcomes["same"] + outcomes["as long"] >= LENGTH * total, summary(outcomes)


def outcome(one: Expr, other: Expr, is_same: bool) -> str:
    if is_same:
        return "same"
    return "as long" if symbol_count(one) == symbol_count(other) else f"not as long: {one.text()} and {other.text()}"


def test_a_box_is_its_own_box():
    """Over other names too, over which it is not known to be a box."""
    outcomes: Counter[str] = Counter()
    for _seed, loss, gradient in gradients(0, 100 * TIMES):
        boxed = factor(gradient, loss)
        assert factor(boxed, loss) is boxed
        once = renamed(boxed)
        again = factor(once, renamed(loss))
        outcomes[outcome(once, again, again is once)] += 1
    require(outcomes)


def test_names_do_not_matter():
    outcomes: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for seed, loss, gradient in gradients(200, 100 * TIMES):
        boxed = factor(gradient, loss)
        again = factor(renamed(gradient), renamed(loss))
        outcomes[outcome(boxed, again, again is renamed(boxed))] += 1
        names = [s.name for s in symbols_of(loss)]
        turned = {a: b + "_7" for a, b in zip(names, random.Random(seed).sample(names, len(names)))}
        other = factor(renamed(gradient, turned), renamed(loss, turned))
        others[outcome(boxed, other, other is renamed(boxed, turned))] += 1
    require(outcomes)
    require(others)


def test_the_order_of_summands_does_not_matter():
    outcomes: Counter[str] = Counter()
    for seed, _loss, gradient in gradients(400, 150 * TIMES):
        expanded = expand(gradient)
        if expanded.op is not add:
            continue
        one, other = factor(expanded), factor(add(*random.Random(seed).sample(expanded.args, len(expanded.args))))
        outcomes[outcome(one, other, terms(one) == terms(other))] += 1
        assert proved(one, other) or agree(one, other), seed
    require(outcomes, 0.8)


def terms(expr: Expr) -> Counter[Expr]:
    return Counter(expr.args if expr.op is add else [expr])


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
    with pytest.raises(AssertionError):
        require(Counter({"same": 1, "as long": 1}))
    with pytest.raises(AssertionError):
        require(Counter({"same": 9, outcome(A @ x, x, False): 1}))


PRINTED = """
import sys
from tests.test_form_properties import gradients
from derive.algebra import compact, expand, factor
for seed, loss, gradient in gradients(int(sys.argv[1]), int(sys.argv[2])):
    boxed = factor(gradient, loss)
    print(seed, expand(gradient).text(), boxed.text(), compact(gradient, loss, boxed, []), sep="\\n  ")
"""


def test_the_hash_seed_does_not_matter():
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PRINTED, "600", str(60 * TIMES)],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("0", "1", "2")
    ]
    printed = [process.communicate()[0] for process in started]
    assert not any(process.returncode for process in started)
    assert printed[0].count("\n") > 200 * TIMES
    for other in printed[1:]:
        assert other.split("\n") == printed[0].split("\n")


def test_sympy_gives_back_what_it_was_given():
    outcomes: Counter[str] = Counter()
    for seed, loss, gradient in gradients(800, 100 * TIMES):
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
