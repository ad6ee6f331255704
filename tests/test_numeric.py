"""The witness: values against closed forms, random points, numeric derivatives, prime fields."""

import ast
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import derive.numeric as numeric
from derive.errors import DeriveError, ShapeError, UnknownSymbolError
from derive.evaluation import VALUES
from derive.expr import OPERATIONS, commutation, dimension, identity, number, ones, symbol
from derive.fields import (
    PRIME,
    Undefined,
    Unsupported,
    degree,
    floats,
    is_exact,
    many_digits,
)
from derive.numeric import (
    directional,
    evaluate,
    numeric_gradient,
    numeric_jacobian,
    project_array,
    random_point,
)
from derive.operations import (
    arcsin,
    block,
    block_inner,
    block_sum,
    det,
    diagonal,
    diagonal_matrix,
    dominant,
    erf,
    exp,
    expm,
    inv,
    kron,
    log,
    logdet,
    logsumexp,
    matpow,
    norm,
    nuclear_norm,
    polar,
    power,
    sigmoid,
    softmax,
    softplus,
    spectral_norm,
    sq_norm,
    submatrix,
    sum_entries,
    trace,
    tril,
    triu,
    unvec,
    vec,
)
from derive.sampling import random_field_point
from derive.shapes import Dim

A, B, X, C = symbol("A", "n", "n"), symbol("B", "n", "n"), symbol("X", "m", "n"), symbol("C", "p", "q")
x, y, t = symbol("x", "n"), symbol("y", "n"), symbol("t")

# Pairs that are equal by a theorem, not by our code: the values of one test those of the other
IDENTITIES = {
    "inverse of a product": (inv(A @ B), inv(B) @ inv(A)),
    "determinant of a product": (det(A @ B), det(A) * det(B)),
    "trace is cyclic": (trace(A @ B), trace(B @ A)),
    "power": (matpow(A, 3), A @ A @ A),
    "negative power": (matpow(A, -2), inv(A) @ inv(A)),
    "commutation": (vec(X.T), commutation("m", "n") @ vec(X)),
    "vec of a product": (vec(X @ A @ B), kron((A @ B).T, identity("m")) @ vec(X)),
    "unvec": (unvec(vec(X), Dim.of("m"), Dim.of("n")), X),
    "mixed product": (kron(X, C) @ kron(X.T, C.T), kron(X @ X.T, C @ C.T)),
    "inner of blocks": (block_inner(kron(X, C), C), sq_norm(C) * X),
    "sum of blocks": (block_sum(kron(C, X), C), sq_norm(C) * X),
    "triangles": (tril(A) + triu(A) - diagonal_matrix(diagonal(A)), A),
    "block": (submatrix(block([[A, B], [B, A]]), Dim.of("n"), Dim.of("n"), Dim.of(0), Dim.of("n")), B),
    "block product": (block([[A, B]]) @ block([[A], [B]]), A @ A + B @ B),
    "trace of the identity": (trace(identity("n")), dimension("n")),
    "reciprocal": (power(power(A, 2), -1), power(A, -2)),
}

TRANSCENDENTAL = {
    "log-determinant": (logdet(A @ A.T), 2 * logdet(A)),
    "log of exp": (log(exp(X)), X),
    "softmax": (log(softmax(x)), x - logsumexp(x) * ones("n")),
    "softplus": (softplus(X), log(ones("m", "n") + exp(X))),
    "sigmoid": (sigmoid(X), power(ones("m", "n") + exp(-X), -1)),
    "matrix exponential": (expm(A) @ expm(-A), identity("n")),
    "determinant of the exponential": (log(det(expm(A))), trace(A)),
    "polar factor": (X @ X.T @ polar(X), polar(X) @ X.T @ X),
    "nuclear norm": (trace(X.T @ polar(X)), nuclear_norm(X)),
    "spectral norm": (trace(X.T @ dominant(X)), spectral_norm(X)),
    "norm": (norm(X) * norm(X), sq_norm(X)),
    "error function": (erf(-x), -erf(x)),
}


@pytest.mark.parametrize("name", IDENTITIES)
def test_identities_hold_in_floating_point_and_exactly(name):
    left, right = IDENTITIES[name]
    for seed in range(2):
        point = random_point([left, right], seed)
        assert_allclose(point.evaluate(left), point.evaluate(right), rtol=1e-8, atol=1e-8)
        exact = random_field_point([left, right], seed)
        assert exact.evaluate(left) == exact.evaluate(right)


@pytest.mark.parametrize("name", TRANSCENDENTAL)
def test_transcendental_identities_hold(name):
    left, right = TRANSCENDENTAL[name]
    for seed in range(3):
        point = random_point([left, right], seed)
        assert_allclose(point.evaluate(left), point.evaluate(right), rtol=1e-8, atol=1e-8)


def test_values_of_functions():
    for value in (-2.0, -0.3, 0.7, 3.0):
        at = {t: np.array([[value]])}
        for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "erf", "exp"):
            assert math.isclose(evaluate(OPERATIONS[name](t), at, {})[0, 0], getattr(math, name)(value), rel_tol=1e-13)
        assert evaluate(OPERATIONS["relu"](t), at, {})[0, 0] == max(value, 0)
        assert evaluate(OPERATIONS["step"](t), at, {})[0, 0] == (value > 0)
        assert evaluate(OPERATIONS["sign"](t), at, {})[0, 0] == math.copysign(1, value)
        assert evaluate(OPERATIONS["abs"](t), at, {})[0, 0] == abs(value)


def test_functions_do_not_overflow_where_their_value_is_finite():
    big = {x: np.array([[900.0], [-900.0]])}
    sizes = {"n": 2}
    assert_allclose(evaluate(softplus(x), big, sizes), [[900.0], [0.0]])
    assert_allclose(evaluate(sigmoid(x), big, sizes), [[1.0], [0.0]])
    assert_allclose(evaluate(softmax(x), big, sizes), [[1.0], [0.0]])
    assert evaluate(logsumexp(x), big, sizes)[0, 0] == 900.0


def test_matrix_exponential_against_scipy():
    linalg = pytest.importorskip("scipy.linalg")
    for seed in range(4):
        M = np.random.default_rng(seed).standard_normal((5, 5)) * 2
        assert_allclose(evaluate(expm(A), {A: M}, {"n": 5}), linalg.expm(M), rtol=1e-10, atol=1e-10)


def test_every_operation_has_a_value():
    assert set(OPERATIONS) - {"symbol"} <= set(VALUES)


# Random points


@pytest.mark.parametrize(
    ("name", "holds"),
    {
        "symmetric": lambda M: np.array_equal(M, M.T),
        "skew": lambda M: np.array_equal(M, -M.T),
        "spd": lambda M: np.array_equal(M, M.T) and np.linalg.eigvalsh(M).min() > 0,
        "diagonal": lambda M: np.array_equal(M, np.diag(np.diag(M))),
        "lower": lambda M: np.array_equal(M, np.tril(M)),
        "triangular": lambda M: np.array_equal(M, np.tril(M)),
        "upper": lambda M: np.array_equal(M, np.triu(M)),
        "orthogonal": lambda M: np.allclose(M.T @ M, np.eye(M.shape[1])),
        "positive": lambda M: (M > 0).all(),
    }.items(),
)
def test_properties_hold_at_random_points(name, holds):
    S = symbol("S", "n", "n", [name])
    for seed in range(8):
        M = random_point(S @ x, seed).values[S]
        assert holds(M)
        if name != "diagonal":
            assert np.count_nonzero(M) > len(M) - (name == "skew")


def test_a_tall_orthogonal_symbol_gets_a_tall_matrix():
    Q = symbol("Q", "n", "k", ["orthogonal"])
    for seed in range(5):
        M = random_point(Q, seed).values[Q]
        assert M.shape[0] >= M.shape[1]
        assert_allclose(M.T @ M, np.eye(M.shape[1]), atol=1e-12)


def test_dimensions_differ_wherever_they_may():
    for seed in range(10):
        sizes = random_point(X.T @ X @ A, seed).sizes
        assert len(set(sizes.values())) == len(sizes)
        assert min(sizes.values()) > 1


def test_sizes_meet_the_hints_and_what_the_formula_needs():
    for seed in range(6):
        wide = random_point(X, seed, hints=[(Dim.of("m"), "<", Dim.of("n"))]).sizes
        assert wide["m"] < wide["n"]
        tall = random_point(inv(X.T @ X), seed).sizes
        assert tall["m"] > tall["n"]
        assert random_point(X, seed, sizes={"m": 6}).sizes["m"] == 6


DEFINED_IN_PART = [sum_entries(log(x)), sum_entries(arcsin(X)), sum_entries(power(X @ A, number(1) / 2))]


@pytest.mark.parametrize("loss", DEFINED_IN_PART)
def test_points_lie_in_the_domain(loss):
    for seed in range(5):
        assert np.isfinite(random_point(loss, seed).evaluate(loss)).all()


def test_a_formula_defined_nowhere_is_refused():
    with pytest.raises(DeriveError, match="no point was found"):
        random_point(log(-sq_norm(x)), 0)


def test_points_are_reproducible():
    one, other = random_point(X @ x, 5), random_point(X @ x, 5)
    assert one.sizes == other.sizes
    assert all((one.values[s] == other.values[s]).all() for s in one.values)


# Numeric derivatives


def test_gradient_of_a_quadratic_form_to_rounding():
    loss = x.T @ A @ x
    point = random_point(loss, 3)
    M, v = point.values[A], point.values[x]
    assert_allclose(numeric_gradient(loss, x, point), (M + M.T) @ v, rtol=1e-13)
    assert_allclose(numeric_gradient(loss, A, point), v @ v.T, rtol=1e-13)


def test_central_differences_where_the_complex_step_does_not_apply():
    point = random_point([nuclear_norm(X), spectral_norm(X)], 1)
    U, s, V = np.linalg.svd(point.values[X], full_matrices=False)
    assert_allclose(numeric_gradient(nuclear_norm(X), X, point), U @ V, atol=1e-10)
    assert_allclose(numeric_gradient(spectral_norm(X), X, point), np.outer(U[:, 0], V[0]), atol=1e-10)


def test_jacobian_is_of_vec_by_vec():
    point = random_point(X @ A, 2)
    want = np.kron(point.values[A].T, np.eye(point.sizes["m"]))
    assert_allclose(numeric_jacobian(X @ A, X, point), want, atol=1e-14)
    E = np.random.default_rng(0).standard_normal(point.values[X].shape)
    assert_allclose(directional(X @ A, X, E, point), E @ point.values[A], atol=1e-14)


@pytest.mark.parametrize("name", ["symmetric", "spd", "skew", "diagonal", "lower", "upper"])
def test_a_structured_variable_moves_in_its_own_space(name):
    S = symbol("S", "n", "n", [name])
    loss = trace(A @ S) + sq_norm(S)
    point = random_point(loss, 4)
    plain = point.values[A].T + 2 * point.values[S]
    assert_allclose(numeric_gradient(loss, S, point, structured=False), plain, atol=1e-12)
    assert_allclose(numeric_gradient(loss, S, point), project_array(S.properties, plain), atol=1e-12)


def test_a_constant_has_derivative_zero():
    point = random_point([sq_norm(x), A], 0)
    assert not numeric_gradient(sq_norm(x), A, point).any()


# Prime fields


def test_a_false_identity_differs_over_the_field():
    point = random_field_point([A @ B, B @ A], 1)
    assert point.evaluate(A @ B) != point.evaluate(B @ A)
    assert (np.array(point.evaluate(A @ B), dtype=object) < PRIME).all()


@pytest.mark.parametrize("field", [None, floats(), many_digits()], ids=["prime", "floats", "digits"])
def test_properties_hold_over_the_field(field):
    def values(expr, leaf, seed=1):
        return np.array(random_field_point(leaf, seed, field).evaluate(expr), dtype=object)

    def vanishes(array):
        return all(abs(x) < 1e-12 for x in array.ravel())

    masks = {"diagonal": np.eye, "lower": np.tri, "upper": lambda n: np.tri(n).T}
    for name, mask in masks.items():
        S = symbol("S", "n", "n", [name])
        M = values(S, S)
        assert ((M != 0) == (mask(len(M)) != 0)).all()
    S = symbol("S", "n", "n", ["symmetric"])
    assert vanishes(values(S - S.T, S)) and not vanishes(values(S, S))
    Q = symbol("Q", "n", "k", ["orthogonal"])
    assert vanishes(values(Q.T @ Q - identity("k"), Q))
    K = symbol("K", "n", "n", ["skew"])
    assert vanishes(values(K + K.T, K))


@pytest.mark.parametrize("name", [*IDENTITIES, *TRANSCENDENTAL])
def test_values_to_many_digits_are_those_of_the_evaluation(name):
    """The two evaluations share no code but for singular values and the matrix exponential."""
    for expr in (IDENTITIES | TRANSCENDENTAL)[name]:
        for field in (floats(), many_digits()):
            point = random_field_point(expr, 3, field, smallest=2)
            arrays = {s: np.array(rows, dtype=float) for s, rows in point.values.items()}
            want = evaluate(expr, arrays, point.sizes)
            assert_allclose(np.array(point.evaluate(expr), dtype=float), want, rtol=1e-8, atol=1e-8)


def test_what_has_no_exact_value_is_refused():
    assert is_exact(inv(A) @ B) and not is_exact(exp(A))
    with pytest.raises(Unsupported, match="exp"):
        random_field_point(exp(A), 0).evaluate(exp(A))
    with pytest.raises(Unsupported, match="fractional"):
        random_field_point(power(t, number(1) / 2), 0).evaluate(power(t, number(1) / 2))
    with pytest.raises(Undefined):
        random_field_point(inv(A - A), 0).evaluate(inv(A - A))


def test_degrees_bound_the_error_probability():
    assert degree(A @ B @ A) == 3
    assert degree(sq_norm(A @ B)) == 4
    assert degree(det(A)) == 16


# Values given by users


def test_values_come_and_go_as_users_have_them():
    value = (X @ x).evaluate(X=[[1, 2, 3], [4, 5, 6]], x=[1, 0, 2])
    assert value.shape == (2,)
    assert_allclose(value, [7, 16])
    assert (x.T @ x).evaluate(x=np.array([3, 4])) == 25.0
    assert isinstance(sq_norm(x).evaluate(x=[3, 4]), float)
    assert (X @ x @ x.T).evaluate(X=np.eye(2), x=[1, 2]).shape == (2, 2)
    assert (t * x).evaluate(t=2, x=[1, 2]).tolist() == [2, 4]


def test_names_may_be_spelled_as_python_has_them():
    lam = symbol("λ")
    assert (lam * t).evaluate(lam=3, t=2) == 6.0
    assert (lam * t).evaluate(λ=3, t=2) == 6.0


def test_dimensions_may_be_given_where_no_array_reveals_them():
    assert dimension("n").evaluate(n=4) == 4.0
    with pytest.raises(UnknownSymbolError, match="size of n"):
        dimension("n").evaluate()


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"X": np.eye(2)}, UnknownSymbolError, "no value is given for x"),
        ({"X": np.eye(2), "x": [1, 2, 3]}, ShapeError, "x is n × 1, and its value has shape"),
        ({"X": np.ones((2, 2, 2)), "x": [1, 2]}, ShapeError, "X is m × n"),
        ({"X": np.eye(2), "x": [1, 2], "z": 1}, UnknownSymbolError, "z does not occur"),
        ({"X": "text", "x": [1, 2]}, DeriveError, "X is not an array"),
        ({"X": np.eye(2) * 1j, "x": [1, 2]}, DeriveError, "X is complex"),
    ],
)
def test_bad_values_are_refused_by_name(values, error, message):
    with pytest.raises(error, match=message):
        (X @ x).evaluate(**values)


def test_the_witness_knows_no_rule():
    """A wrong rule cannot confirm itself: neither values nor points import the calculus."""
    folder = Path(numeric.__file__).parent
    for name in ("numeric", "evaluation", "fields", "sampling", "operations", "expr", "shapes"):
        for node in ast.walk(ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.module not in ("rules", "adjoints", "functions", "derivation", "jacobians"), name


def test_submatrices_lie_in_their_matrix() -> None:
    import derive

    assert derive.gradient("sin((x[n:n + p, 0:1] − A y)ᵀ A y)²", "y").verify() < 1e-6


def test_a_function_that_varies_fast_gets_smaller_steps():
    for rate in (1.0, 1e3, 1e6):
        found = numeric._ridders(lambda h, rate=rate: np.array([np.sin(rate * (0.3 + h)), np.abs(0.3 + h)]))
        assert_allclose(found, [rate * np.cos(0.3 * rate), 1.0], rtol=1e-6)


def test_small_steps_are_not_trusted_for_neighbors_that_happen_to_be_equal():
    """Beside a large value, differences over small steps are multiples of its last place."""
    for slope in (0.00041, 0.00043, 0.00047, 0.00053, 0.00059):
        found = numeric._ridders(lambda h, slope=slope: np.array([1377.6 + np.tanh(slope * h) * np.cos(h)]))
        assert_allclose(found, [slope], rtol=1e-6)


def test_sizes_stay_small_however_many_dimensions_there_are():
    many = sum((sq_norm(symbol(f"A_{i}", f"m_{i}", f"n_{i}")) for i in range(40)), number(0))
    for drawn in (random_point(many, 1).sizes, random_field_point(many, 1).sizes):
        assert len(drawn) == 80 and max(drawn.values()) <= 12


def test_a_point_of_a_long_product_is_found_in_a_few_draws(monkeypatch):
    from derive.reading import parse

    count, drawn = 40, []
    product = " ".join([f"W{i}" for i in range(count, 0, -1)])
    loss = parse(f"½‖{product} x‖²").expr
    draw = numeric._draw_sizes
    monkeypatch.setattr(numeric, "_draw_sizes", lambda *args: drawn.append(1) or draw(*args))
    point = numeric.random_point(loss, 1)
    assert len(drawn) < 20 and np.abs(point.evaluate(loss)).max() < 1e6
    monkeypatch.setattr(numeric, "TOO_LARGE", 1000)
    drawn.clear()
    numeric.random_point(loss, 1)
    assert len(drawn) > 100


def test_a_number_past_the_largest_double_is_infinite():
    assert evaluate(number(10**400), {}, {}) == np.inf
    assert evaluate(number(-(10**400)), {}, {}) == -np.inf
