"""Each row of the calculus: the adjoint identity, a central difference, the shapes; and that errors are seen."""

from fractions import Fraction

import numpy as np
import pytest

import derive
from derive import rules
from derive.derivation import united
from derive.errors import MissingRuleError
from derive.expr import OPERATIONS, Operation, constant, number, symbol, symbols_of, zero_like
from derive.facts import vanishing
from derive.numeric import directional, numeric_gradient, random_point
from derive.operations import cosh, exp, expm, inv, matmul, norm, power, scale, sq_norm, tanh, transpose, tril
from derive.rules import RULES, Rule, rule_of
from tests.generate import LEAVES, operands

CASES = [(row, node) for row in RULES.values() for node in operands(row.operation)]
IDS = [f"{row.operation.name}-{i}" for i, (row, _) in enumerate(CASES)]
DRAWS = 3


def errors(row: Rule, node, seed: int) -> dict[str, float]:
    """Relative errors of the adjoint identity and of the central differences at one point."""
    moves = [symbol(f"d{i}", *arg.shape) if symbols_of(arg) else zero_like(arg) for i, arg in enumerate(node.args)]
    G = symbol("G", *node.shape)
    pushed = row.push(node, moves)
    pulled = [row.pull(G, node, i) for i in range(len(node.args))]
    assert pushed.shape == node.shape
    assert [A.shape for A in pulled] == [arg.shape for arg in node.args]
    point = random_point([node, pushed, G, *pulled, *moves], seed=seed)
    at = point.evaluate
    forward = float((at(G) * at(pushed)).sum())
    backward = sum(float((at(A) * at(d)).sum()) for A, d in zip(pulled, moves, strict=True))
    size = 1 + abs(forward) + sum(float(np.abs(at(A) * at(d)).sum()) for A, d in zip(pulled, moves, strict=True))
    difference, slopes = np.zeros(at(node).shape), 0.0
    for arg, d in zip(node.args, moves, strict=True):
        for leaf in symbols_of(arg):
            weight = 0.5 if arg is not leaf else 1.0  # the operand 2 A moves by d when A moves by d/2
            slope = directional(node, leaf, weight * at(d), point)
            difference, slopes = difference + slope, slopes + float(np.abs(slope).max())
    return {
        "adjoint": abs(forward - backward) / size,
        "difference": float(np.abs(at(pushed) - difference).max()) / (1 + slopes),
    }


def is_right(row: Rule, node) -> bool:
    worst = [errors(row, node, seed) for seed in range(DRAWS)]
    return all(e["adjoint"] < 1e-10 and e["difference"] < 1e-7 for e in worst)


@pytest.mark.parametrize(("row", "node"), CASES, ids=IDS)
def test_pullback_is_the_adjoint_of_the_differential_and_that_the_derivative(row, node):
    for seed in range(DRAWS):
        found = errors(row, node, seed)
        assert found["adjoint"] < 1e-10
        assert found["difference"] < 1e-7


@pytest.mark.parametrize(("row", "node"), CASES, ids=IDS)
def test_a_constant_operand_contributes_nothing(row, node):
    """With all operands but one constant, the differential is the part of that one."""
    moves = [symbol(f"d{i}", *arg.shape) for i, arg in enumerate(node.args)]
    parts = [row.push(node, [d if j == i else None for j in range(len(moves))]) for i, d in enumerate(moves)]
    whole = row.push(node, moves)
    point = random_point([node, whole, *parts, *moves], seed=1)
    total = sum(point.evaluate(part) for part in parts)
    np.testing.assert_allclose(total, point.evaluate(whole), rtol=1e-10, atol=1e-10)
    for i, part in enumerate(parts):
        assert set(symbols_of(part)) & set(moves) <= {moves[i]}


def test_every_operation_with_operands_has_a_row():
    assert set(RULES) == set(OPERATIONS) - LEAVES


def test_every_row_names_its_source():
    for row in RULES.values():
        assert row.source.startswith("["), row.operation.name
        tag = row.source.split("]")[0] + "]"
        assert tag in (rules.__doc__ or ""), row.operation.name


# Planted errors: a wrong sign, a missing transpose, a lost factor


def _altered(row: Rule, change) -> Rule:
    """The row with its pullback changed, for each operand."""
    if callable(row.pullback):
        return Rule(
            row.operation, row.differential, lambda *a: change(row.pullback(*a)), row.where, row.source, None, None
        )
    pulls = tuple(lambda *a, pull=pull: change(pull(*a)) for pull in row.pullback)
    return Rule(row.operation, row.differential, pulls, row.where, row.source, None, None)


def _vanishes(row: Rule) -> bool:
    return row.operation.name in ("sign", "step", "argmax_row")


@pytest.mark.parametrize(("row", "node"), CASES, ids=IDS)
def test_a_wrong_sign_is_found(row, node):
    assert is_right(_altered(row, lambda A: -A), node) == _vanishes(row)


@pytest.mark.parametrize(("row", "node"), CASES, ids=IDS)
def test_a_factor_two_is_found(row, node):
    assert is_right(_altered(row, lambda A: 2 * A), node) == _vanishes(row)


SQUARE = [
    (row, node)
    for row, node in CASES
    if any(arg.is_square and not arg.is_scalar for arg in node.args)
    and row.operation.name not in ("trace", "diag")  # whose cotangents are symmetric
]


@pytest.mark.parametrize(("row", "node"), SQUARE, ids=[row.operation.name for row, _ in SQUARE])
def test_a_missing_transpose_is_found(row, node):
    """Where an operand is square, its transposed cotangent fits and must be rejected by value."""
    assert not is_right(_altered(row, transpose), node)


def test_a_wrong_differential_is_found():
    row = RULES["inv"]
    wrong = Rule(row.operation, lambda dA, A: inv(A) @ dA @ inv(A), row.pullback, None, row.source, None, None)
    assert not is_right(wrong, operands(row.operation)[0])


# Conditions


def test_a_condition_names_the_operand():
    A, S = symbol("A", "n", "n"), symbol("S", "n", "n", ["spd"])
    row = RULES["inv"]
    assert row.condition(inv.make((A,))) == "A invertible"
    assert row.condition(inv.make((A @ A,))) == "A A invertible"
    assert row.condition(inv.make((S,))) is None
    assert row.condition(inv.make((S + A @ A.T,))) is None
    assert row.condition(inv.make((S - A @ A.T,))) == "S − A Aᵀ invertible"


def test_conditions_of_powers_depend_on_the_exponent():
    x, y = symbol("x", "n"), symbol("y", "n", 1, ["positive"])
    row = RULES["power"]
    half = number(1) / 2
    assert row.condition(power.make((x, number(2)))) is None
    assert row.condition(power.make((x, number(-1)))) == "no entry of x is 0"
    assert row.condition(power.make((x, half))) == "x > 0"
    assert row.condition(power.make((y, half))) is None
    assert row.condition(power.make((symbol("a"), number(-1)))) == "a ≠ 0"
    assert row.condition(power.make((symbol("a"), symbol("t")))) == "a > 0"
    assert row.condition(power.make((symbol("a"), number(3) / 2))) == "a > 0"
    assert row.condition(power.make((sq_norm(x), number(3) / 2))) is None
    assert row.condition(power.make((sq_norm(x), number(3) / 4))) == "x ≠ 0"
    assert row.condition(power.make((transpose(x) @ x, number(-1)))) == "x ≠ 0"
    assert row.condition(power.make((norm(x) + 1, half))) is None
    assert row.condition(power.make((norm(x) - 1, half))) == "‖x‖ − 1 > 0"


@pytest.mark.parametrize(
    ("loss", "gradient", "first", "second"),
    [
        ("‖x‖", "x / ‖x‖", ["x ≠ 0"], ["x ≠ 0"]),
        ("‖x‖²", "2 x", [], []),
        ("‖x‖³", "3 ‖x‖ x", [], ["x ≠ 0"]),
        ("‖x‖⁴", "4 ‖x‖² x", [], []),
        ("‖x‖⁵", "5 ‖x‖³ x", [], []),
        ("‖x‖^(5/2)", "5/2 sqrt(‖x‖) x", [], ["x ≠ 0"]),
        ("‖x‖^(3/2)", "3 x / (2 sqrt(‖x‖))", ["x ≠ 0"], ["x ≠ 0"]),
        ("1/‖x‖²", "−2 x / ‖x‖⁴", ["x ≠ 0"], ["x ≠ 0"]),
        ("log(1 + ‖x‖⁴)", "4 ‖x‖² x / (1 + ‖x‖⁴)", [], []),
        ("log(‖x‖)", "x / ‖x‖²", ["x ≠ 0"], ["x ≠ 0"]),
        ("log(sum(x.^2))", "2 x / ‖x‖²", ["x ≠ 0"], ["x ≠ 0"]),
        ("−log(1 − ‖x‖²)", "2 x / (1 − ‖x‖²)", ["1 − ‖x‖² > 0"], ["1 − ‖x‖² > 0"]),
    ],
)
def test_powers_of_a_norm_need_no_more_than_is_true(loss, gradient, first, second):
    one, two = derive.gradient(loss, "x"), derive.hessian(loss, "x")
    assert one.boxed.text() == gradient and derive.parse(loss).text() == loss.replace("1/", "1 / ")
    assert (one.conditions, two.conditions) == (first, second)
    assert one.verify() < 1e-6 and two.verify() < 1e-6
    assert any(sign in one.text() for sign in ("≠ 0", "> 0")) == bool(first)


@pytest.mark.parametrize("loss", ["‖x‖³", "‖x‖⁴", "‖x‖⁵", "‖A x‖³"])
def test_a_derivative_without_a_condition_has_a_value_at_zero(loss):
    derived = derive.gradient(loss, "x", "A: m×n, x: n")
    assert not derived.conditions
    values = {name: np.zeros(2) if name == "x" else np.eye(3, 2) for name in ("x", "A") if name in loss}
    for form in (derived.boxed, derived.result):
        assert (form.evaluate(**values) == 0).all()


def test_an_operation_without_a_row_is_refused_by_name():
    unknown = Operation("mystery", "m n -> m n", None, None, False, "mystery")
    with pytest.raises(MissingRuleError, match="mystery"):
        rule_of(unknown)


def test_trivial_factors_vanish():
    A, x, G = symbol("A", "m", "n"), symbol("x", "n"), symbol("G", "m")
    node = matmul.make((A, x))
    assert RULES["matmul"].push(node, [None, symbol("dx", "n")]) is A @ symbol("dx", "n")
    assert RULES["matmul"].pull(G, node, 0) is G @ x.T
    assert RULES["norm"].pull(number(1), OPERATIONS["norm"].make((A,)), 0) is A / OPERATIONS["norm"](A)
    assert RULES["step"].pull(A, OPERATIONS["step"].make((A,)), 0) is zero_like(A)
    assert RULES["scale"].pull(A, scale.make((symbol("t"), A)), 0) is OPERATIONS["sq_norm"](A)


def test_factors_stay_outside_the_derivative_of_expm():
    """Inside the exponential a factor of 10⁹ would cost the digits of what it multiplies."""
    A = symbol("A", "n", "n", ["spd"])
    loss = power(sq_norm(expm(scale(Fraction(1, 4), A))), 9)
    point = random_point([loss], 0)
    got, want = point.evaluate(derive.gradient(loss, A).result), numeric_gradient(loss, A, point)
    assert np.abs(got - want).max() < 1e-6 * np.abs(want).max()
    inside = power(1 + power(exp(tanh(norm(tril(cosh(expm(scale(Fraction(1, 4), A))))))), 8), constant("π"))
    got, want = point.evaluate(derive.gradient(inside, A).result), numeric_gradient(inside, A, point)
    assert np.abs(got - want).max() < 1e-6 * np.abs(want).max()
    assert derive.gradient("‖expm(A)‖²", "A", "A: n×n symmetric").boxed.text() == "2 expm(A)²"


@pytest.mark.parametrize(
    ("loss", "gradient"),
    [
        ("tr(expm(t A) B)", "tr(A expm(t A) B)"),
        ("tr(expm(t A))", "tr(A expm(t A))"),
        ("xᵀ expm(t A) x", "xᵀ A expm(t A) x"),
    ],
)
def test_the_exponential_of_a_multiple_moves_with_it(loss, gradient):
    where = "A: n×n, B: n×n, x: n, t: scalar"
    first, second = derive.gradient(loss, "t", where), derive.hessian(loss, "t", where)
    assert derive.equal(first.boxed, derive.parse(gradient, where)) and "[" not in first.boxed.text()
    assert first.verify() < 1e-6 and second.verify() < 1e-6 and "[" not in second.boxed.text()


@pytest.mark.parametrize(
    ("scalar", "about"),
    [
        ("‖X‖₁", "X"), ("‖X‖_*", "X"), ("‖X w‖²", "X w"), ("xᵀ x", "x"), ("(X w)ᵀ (X w)", "X w"),
        ("wᵀ P w", "w"), ("tr(XᵀX)", "X"), ("2 ‖x‖ exp(t)", "x"), ("sum(x.^4)", "x"),
        ("tr(P)", None), ("t ‖x‖", None), ("sum(x.^3)", None), ("wᵀ S w", None), ("xᵀ X w", None), ("sum(x)", None),
    ],
)  # fmt: skip
def test_what_a_scalar_vanishes_with(scalar, about):
    found = vanishing(derive.parse(scalar, "X: m×n, x: m, w: n, P: n×n spd, S: n×n symmetric, t: scalar"))
    assert (found and found.text()) == about


def test_conditions_that_others_imply_are_left_out():
    given = ["x > 0", "no entry of x is 0", "t ≠ 0", "t > 0", "s ≠ 0"]
    assert united(given, derive.parse("xᵀx")) == ["x > 0", "t > 0", "s ≠ 0"]
    assert united(given[:1], derive.parse("aᵀx", "x: n, a: n, 1'a = 1")) == ["x > 0", "𝟏ᵀ a = 1"]
