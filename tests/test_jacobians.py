"""Differentials, Jacobians and Hessians: by value for every operation, by form where a person knows it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import derive
from derive.expr import nodes, number, ones, symbol, symbols_of
from derive.jacobians import LinearMap, differential, jacobian
from derive.numeric import directional, numeric_jacobian, project_array, random_point
from derive.operations import (
    block,
    block_inner,
    block_sum,
    det,
    diagonal,
    diagonal_matrix,
    dominant,
    exp,
    expm,
    hadamard,
    inner,
    inv,
    kron,
    log,
    logsumexp,
    matpow,
    norm,
    norm1,
    polar,
    power,
    relu,
    sigmoid,
    softmax,
    softplus,
    sq_norm,
    submatrix,
    sum_entries,
    tanh,
    trace,
    tril,
    triu,
    unvec,
    vec,
)
from derive.rules import RULES
from derive.shapes import Dim
from derive.spaces import project, stiefel_gradient
from tests.generate import operands

t, u = symbol("t"), symbol("u")
x, a, v, b = symbol("x", "n"), symbol("a", "n"), symbol("v", "n"), symbol("b", "m")
A, Y = symbol("A", "n", "n"), symbol("Y", "n", "n")
W, V, X, B, C = (
    symbol("W", "m", "n"),
    symbol("V", "p", "m"),
    symbol("X", "m", "n"),
    symbol("B", "n", "p"),
    symbol("C", "p", "q"),
)
m, n, p = Dim.of("m"), Dim.of("n"), Dim.of("p")

BY_VECTOR = [
    A @ x + v,
    (x - a) / norm(x - a),
    tanh(W @ x + b),
    V @ sigmoid(W @ x),
    x @ (x.T @ A @ x),
    hadamard(exp(x), power(ones("n") + power(x, 2), -1)),
    diagonal_matrix(x) @ A @ x,
    diagonal_matrix(x) @ A @ diagonal_matrix(x) @ v,
    hadamard(A, x @ x.T) @ v,
    hadamard(A, x @ v.T + v @ x.T) @ x,
    diagonal(x @ x.T @ A),
    diagonal(A @ diagonal_matrix(x) @ Y),
    diagonal(hadamard(A, x @ v.T)),
    softmax(A @ x),
    block([[A @ x], [exp(x)], [b]]),
    submatrix(A @ x, Dim.of(1), Dim.of(1), Dim.of(0), Dim.of(1)),
    inv(A + diagonal_matrix(x)) @ v,
    inv(A + x @ x.T) @ x,
    kron(x, x),
    kron(x, b),
    (x.T @ A.T).T,
    logsumexp(A @ x) * x,
    unvec(kron(v, x), n, n) @ x,
    tril(x @ v.T) @ x,
    x.T @ W.T,
    x @ x.T,
    diagonal_matrix(x),
    diagonal_matrix(x) @ A,
    relu(A @ x) + softplus(x),
    expm(x @ v.T) @ v,
    det(A + x @ v.T) * x,
]
BY_MATRIX = [
    X,
    X.T,
    X @ B,
    X @ X.T,
    X.T @ X,
    X.T @ X @ v,
    hadamard(X, tanh(X)),
    sq_norm(X) * X,
    trace(X.T @ X) * (X @ v),
    kron(X, C),
    kron(C, X),
    kron(X, X),
    block_inner(kron(X, C), C),
    block_sum(kron(C, X), C),
    block_inner(kron(C, X), X),
    block_sum(kron(X, C), X),
    diagonal(X.T @ X),
    vec(X @ B),
    unvec(vec(X @ B), m, p),
    block([[X], [2 * X]]),
    block([[X @ B, X]]),
    submatrix(X, Dim.of(1), Dim.of(1), Dim.of(0), n),
    submatrix(X.T, Dim.of(1), Dim.of(1), Dim.of(0), m),
    relu(X) @ v,
    power(X, 3),
    hadamard(X @ v @ x.T, X),
    softmax(X @ v),
    polar(X),
    dominant(X),
    inv(X.T @ X),
    tanh(tanh(X @ X.T) @ X),
]
BY_SQUARE = [
    inv(Y),
    inv(Y) @ v,
    Y @ A @ Y,
    matpow(Y, 3),
    matpow(Y, -2),
    trace(Y) * Y,
    det(Y) * inv(Y),
    diagonal(Y @ A @ Y),
    tril(Y) @ A,
    triu(Y @ A),
    expm(Y),
    expm(Y @ A) @ v,
    sum_entries(Y) * diagonal_matrix(diagonal(Y)),
    norm1(Y) * Y,
    diagonal(Y.T),
    diagonal(tril(Y)),
]
CASES = [(f, x) for f in BY_VECTOR] + [(f, X) for f in BY_MATRIX] + [(f, Y) for f in BY_SQUARE]


def case_id(case):
    return f"{case[0].text()} by {case[1].text()}"


@pytest.mark.parametrize(("function", "wrt"), CASES, ids=map(case_id, CASES))
def test_jacobian_is_of_vec_by_vec(function, wrt):
    result, _ = jacobian(function, wrt)
    assert result.shape == (function.shape[0] * function.shape[1], wrt.shape[0] * wrt.shape[1])
    for seed in range(3):
        point = random_point([function, result, wrt], seed)
        want = numeric_jacobian(function, wrt, point)
        assert_allclose(point.evaluate(result), want, rtol=1e-7, atol=1e-7 * (1 + np.abs(want).max()))


EVERY = [node for row in RULES.values() for node in operands(row.operation)]


@pytest.mark.parametrize("node", EVERY, ids=lambda node: f"{node.op.name}: {node.text()}")
def test_every_operation_has_a_jacobian_by_each_operand(node):
    """Of the operation itself, and of its product with itself, which the sides of a factor reach."""
    for wrt in symbols_of(node):
        for function in (node, node.T @ node):
            result, _ = jacobian(function, wrt)
            point = random_point([function, result, wrt], 1)
            want = numeric_jacobian(function, wrt, point)
            if wrt.is_scalar:
                want = want.reshape(point.evaluate(function).shape, order="F")
            assert_allclose(point.evaluate(result), want, rtol=1e-6, atol=1e-6 * (1 + np.abs(want).max()))


@pytest.mark.parametrize("function", BY_VECTOR[:9], ids=lambda f: f.text())
def test_a_planted_error_in_a_jacobian_is_found(function):
    """The comparison above rejects a sign, a factor and, where it fits, a transpose."""
    result, _ = jacobian(function, x)
    for wrong in (-result, 2 * result, *([result.T] if result.is_square else [])):
        point = random_point([function, wrong, x], 1)
        want = numeric_jacobian(function, x, point)
        if wrong is result.T and np.allclose(want, want.T):
            continue
        assert np.abs(point.evaluate(wrong) - want).max() > 1e-3


def test_by_a_scalar_the_derivative_has_the_shape_of_the_value():
    for function in (t * X + t * t * X, tanh(t * X), matpow(A + t * Y, 3), expm(t * A), inv(A + t * Y), t * x, t**3):
        result, _ = jacobian(function, t)
        assert result.shape == function.shape
        point = random_point([function, result], 2)
        want = directional(function, t, np.ones((1, 1)), point)
        assert_allclose(point.evaluate(result), want, rtol=1e-9, atol=1e-9)


def test_of_a_scalar_by_a_vector_it_is_a_row():
    result, _ = jacobian(x.T @ A @ x, x)
    assert result.shape == (Dim.of(1), n)


def test_what_does_not_occur_has_a_zero_jacobian():
    result, conditions = jacobian(A @ v, x)
    assert result.op.name == "zeros" and result.shape == (n, n) and not conditions


def test_depth_is_bounded_by_memory_alone():
    for start, wrt in ((x, x), (Y, Y)):
        y = start
        for _ in range(1500):
            y = tanh(A @ y) + y
        result, _ = jacobian(y, wrt)
        assert result.shape == (y.shape[0] * y.shape[1], wrt.shape[0] * wrt.shape[1])


def test_conditions_are_those_of_the_rules_used():
    assert jacobian(inv(A) @ x, A)[1] == ["A invertible"]
    assert jacobian(norm(x) * relu(A @ x), x)[1] == ["x ≠ 0", "no entry of A x is 0"]


# Forms


@pytest.mark.parametrize(
    ("formula", "wrt", "where", "box"),
    [
        ("A x + b", "x", "A: m×n, x: n, b: m", "A"),
        ("tanh(Wx + b)", "x", "W: m×n, x: n, b: m", "diag(𝟏 − tanh(W x + b).^2) W"),
        ("A⁻¹ b", "b", "A: n×n, b: n", "A⁻¹"),
        ("A X B", "X", "A: p×m, X: m×n, B: n×q", "Bᵀ ⊗ A"),
        ("Xᵀ", "X", "X: m×n", "K(m, n)"),
        ("x xᵀ", "x", "x: n", "x ⊗ I_n + I_n ⊗ x"),
        ("log(x)", "x", "x: n positive", "diag(x.^(−1))"),
    ],
)
def test_known_jacobians(formula, wrt, where, box):
    got = derive.jacobian(formula, wrt, where).boxed
    assert derive.equal(got, derive.parse(box, where)) == "proved"
    assert got.text() == box


def test_vectors_leave_no_kronecker_products():
    for function in BY_VECTOR[:8] + BY_VECTOR[9:15]:
        result, _ = jacobian(function, x)
        names = {node.op.name for node in nodes(result)}
        assert not names & {"kron", "commutation", "vec"}


HESSIANS = [
    ("½ xᵀHx + cᵀx", "x", "H: n×n, x: n, c: n", "½ (H + Hᵀ)"),
    ("logsumexp(Ax)", "x", "A: m×n, x: n", "Aᵀ (diag(softmax(A x)) − softmax(A x) softmax(A x)ᵀ) A"),
    (
        "sum(softplus(−(y ⊙ (X w))))",
        "w",
        "X: m×n, w: n, y: m",
        "Xᵀ diag(y.^2 ⊙ σ(y ⊙ (X w)) ⊙ (𝟏 − σ(y ⊙ (X w)))) X",
    ),
    ("‖Ax − b‖²", "x", "A: m×n, x: n, b: m", "2 Aᵀ A"),
    ("sum(x ⊙ log(x))", "x", "x: n positive", "diag(x.^(−1))"),
    ("(xᵀAx)²", "x", "A: n×n, x: n", "2 ((A + Aᵀ) x xᵀ (A + Aᵀ) + xᵀ A x (A + Aᵀ))"),
]


@pytest.mark.parametrize(("formula", "wrt", "where", "box"), HESSIANS, ids=[h[0] for h in HESSIANS])
def test_known_hessians(formula, wrt, where, box):
    derived = derive.hessian(formula, wrt, where)
    assert derived.verify() < 1e-6
    assert derive.equal(derived.boxed, derive.parse(box, where)) in ("proved", "agrees")
    assert "⊗" not in derived.boxed.text()


def test_the_hessian_by_a_matrix_is_of_vec():
    derived = derive.hessian("½‖WᵀWx − x‖²", "W")
    assert derived.verify() < 1e-6
    direction = symbol("D", *derived.wrt.shape)
    image = derived.linear_map(direction)
    product = derived.result @ vec(direction)
    point = random_point([image, product], 1)
    assert_allclose(point.evaluate(vec(image)), point.evaluate(product), rtol=1e-10, atol=1e-10)


# Differentials and linear maps


def test_linear_maps_act_as_the_jacobian_does():
    for function, wrt in [(X @ X.T, X), (inv(Y), Y), (tanh(W @ x + b), x)]:
        chart = LinearMap(function, wrt)
        E = symbol("E", *wrt.shape)
        point = random_point([function, chart(E)], 3)
        want = directional(function, wrt, point.values[E], point)
        assert_allclose(point.evaluate(chart(E)), want, rtol=1e-9, atol=1e-9)
    assert str(LinearMap(X @ X.T, X)) == "dX ↦ dX Xᵀ + X dXᵀ"


def test_differentials_are_linear_in_every_move():
    moves = {s: symbol("d" + s.name, *s.shape) for s in (A, x, v)}
    result, conditions = differential(inv(A) @ hadamard(x, v), moves)
    assert result.text() == "−A⁻¹ dA A⁻¹ (x ⊙ v) + A⁻¹ (dx ⊙ v + x ⊙ dv)"
    assert conditions == ["A invertible"]
    point = random_point([result], 1)
    total = sum(directional(inv(A) @ hadamard(x, v), s, point.values[d], point) for s, d in moves.items())
    assert_allclose(point.evaluate(result), total, rtol=1e-9, atol=1e-9)


# Structure


@pytest.mark.parametrize("name", ["symmetric", "spd", "skew", "diagonal", "lower", "upper", "triangular"])
def test_projection_is_orthogonal_onto_the_structure(name):
    S, G = symbol("S", "n", "n", [name]), symbol("G", "n", "n")
    found = project(G, S)
    assert found is not None
    projected, words = found
    point = random_point([projected, S, G], 1)
    M = point.evaluate(projected)
    assert_allclose(M, project_array(S.properties, point.values[G]), atol=1e-14)
    assert_allclose(project_array(S.properties, M), M, atol=1e-14)  # it has the structure itself
    assert (point.values[S] * (point.values[G] - M)).sum() == pytest.approx(0, abs=1e-12)
    assert words.startswith("S is ")


def test_the_other_convention_for_symmetric_variables_is_named():
    S = symbol("S", "n", "n", ["spd"])
    found = project(A, S)
    assert (
        found is not None and "(G + Gᵀ)/2" in found[1] and "2 G − I ⊙ G" in found[1] and "not the gradient" in found[1]
    )


def test_variables_without_structure_are_not_projected():
    assert project(A, Y) is None
    assert project(A, symbol("Q", "n", "n", ["orthogonal"])) is None
    assert project(number(2), t) is None


def test_the_riemannian_gradient_is_tangent_and_the_closest_tangent():
    Q, G = symbol("Q", "n", "k", ["orthogonal"]), symbol("G", "n", "k")
    R = stiefel_gradient(G, Q)
    point = random_point([R, Q, G], 2)
    q, g, r = point.values[Q], point.values[G], point.evaluate(R)
    assert_allclose(q.T @ r + r.T @ q, 0 * (q.T @ r), atol=1e-12)  # tangent
    assert_allclose(g - r, q @ (q.T @ (g - r)), atol=1e-12)  # the rest is normal: Q times symmetric
    assert_allclose(q.T @ (g - r), (q.T @ (g - r)).T, atol=1e-12)


def test_an_inner_product_with_logs_of_sums_of_exponentials():
    loss = log(sum_entries(exp(A @ x))) + inner(X, X)
    result, _ = jacobian(loss, x)
    point = random_point([loss, result], 1)
    assert_allclose(point.evaluate(result), numeric_jacobian(loss, x, point), rtol=1e-9, atol=1e-12)
