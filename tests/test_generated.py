"""Generated functions: what they compute first, what they keep, and what outlives them."""

from __future__ import annotations

import concurrent.futures
import copy
import gc
import html
import importlib.util
import inspect
import linecache
import multiprocessing
import pickle
import re
import threading

import numpy as np
import pytest

import derive
from derive import dialects, verification
from derive.expr import symbols_of
from derive.numeric import evaluate, random_point

from .optional import COMPILER, needs

BACKENDS = list(dialects.DIALECTS)
NEEDS = {"jax": "jax", "torch": "torch", "array-api": "array_api_compat", "scipy": "scipy", "numpy": "numpy"}


def require(backend):
    if importlib.util.find_spec(NEEDS[backend]) is None:
        pytest.skip(f"{NEEDS[backend]} is not installed")


def public(value, expr):
    return value[0, 0] if expr.is_scalar else value[:, 0] if expr.is_vector else value


def given(derivation, seed=1, sizes=None):
    """Arguments by name, and the derivative there by the witness, which knows no program."""
    known = [e for e in (derivation.loss, derivation.result, derivation.wrt, derivation.direction) if e is not None]
    point = random_point(known, seed, sizes, smallest=1)
    arguments = {derive.names.identifier(s.name): public(a, s) for s, a in point.values.items()}
    wanted = public(evaluate(derivation.result, point.values, point.sizes), derivation.result)
    return arguments | {name: size for name, size in point.sizes.items() if name not in arguments}, wanted


def called(f, arguments):
    return f(**{n: a for n, a in arguments.items() if n in inspect.signature(f).parameters})


def close(got, wanted, tolerance=1e-9):
    got, wanted = np.asarray(got), np.asarray(wanted)
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance * (1 + np.abs(wanted).max(initial=0)))


# Factors that occur more than once

REPEATED = [
    ("gradient", "vᵀ(x.^(-1/2) .* x.^(-1/2) .* v)", "v", "x, v: n"),
    ("gradient", "sum((1 - x.^2).^(-1/2) .* (1 - x.^2).^(-1/2))", "x", "x: n"),
    ("gradient", "sum(x.^(1/3) .* x.^(1/3) .* y .* x.^(2/3))", "y", "x, y: n"),
    ("gradient", "sum(A.^(1/2) .* A.^(1/2) .* A.^(3/2) .* B)", "B", "A, B: m×n"),
    ("hessian", "sum(arcsin(½ tanh(x)).^2)", "x", "x: n"),
    ("hessian", "sum(exp(arcsin(½ tanh(x))))", "x", "x: n"),
    ("hessian", "norm(arcsin(0.5*tanh(z)))**2", "z", "z: n"),
]


@pytest.mark.parametrize("workspace", [False, True])
@pytest.mark.parametrize("kind, formula, wrt, where", REPEATED, ids=[row[1] for row in REPEATED])
def test_equal_factors_count_as_often_as_they_occur(kind, formula, wrt, where, workspace):
    derivation = getattr(derive, kind)(formula, wrt, where=where)
    arguments, wanted = given(derivation)
    close(called(derivation.function(workspace=workspace), arguments), wanted)


def test_equal_factors_of_a_direction_count_as_often_as_they_occur():
    derivation = derive.hvp("sum(softplus(arcsin(0.5*tanh(W))).^(-2))", "W", "V", where="W, V: m×n")
    arguments, wanted = given(derivation)
    for backend in ("numpy", "scipy", "torch"):
        require(backend)
        close(called(derivation.function(backend), in_library(backend, arguments)), wanted)


def in_library(backend, arguments):
    if backend == "torch":
        import torch

        return {n: torch.tensor(np.asarray(a)) for n, a in arguments.items()}
    if backend == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
        return {n: jax.numpy.asarray(a) for n, a in arguments.items()}
    return arguments


# Buffers

ORDERS = [
    "zᵀAᵀAAz",
    "((A + A)*z).T*A*((A + A)*z)",
    "zᵀAAᵀAz",
    "‖AᵀAz‖² + zᵀAAz",
    "zᵀAᵀAAᵀAAz",
    "sum(tanh(AᵀAz)) + zᵀAAz",
]


@pytest.mark.parametrize("wrt", ["A", "z"])
@pytest.mark.parametrize("formula", ORDERS)
def test_a_workspace_uses_nothing_before_it_is_computed(formula, wrt):
    derivation = derive.gradient(formula, wrt, where="A: n×n, z: n")
    for returns in ("derivative", "value_and_gradient"):
        f = derivation.function(returns=returns, workspace=True)
        for seed in (1, 2):
            arguments, wanted = given(derivation, seed)
            got = called(f, arguments)
            close(got[1] if returns != "derivative" else got, wanted)


def test_each_thread_has_a_workspace_of_its_own():
    derivation = derive.gradient("½‖WᵀWx − x‖²", "W")
    shared, plain = derivation.function(workspace=True), derivation.function()
    rng = np.random.default_rng(0)
    points = [(rng.standard_normal((40, 30)), rng.standard_normal(30)) for _ in range(8)]
    start = threading.Barrier(4)

    def run(mine):
        start.wait()
        return all(np.array_equal(shared(*p), plain(*p)) or np.allclose(shared(*p), plain(*p)) for p in mine * 50)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert all(pool.map(run, [points[i::4] for i in range(4)]))
    first = shared(*points[0])
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(shared, *points[1]).result()
    close(first, plain(*points[0]))


# Constant arguments

CONSTANT = [
    ("hessian", "‖Ax − b‖²", "x", "A: m×n constant, b: m, x: n"),
    ("hessian", "½‖Ax − b‖²", "x", "A: m×n constant, b: m, x: n"),
    ("jacobian", "2*A'*A*x", "x", "A: m×n constant, x: n"),
    ("gradient", "3*tr(C*C*D)", "D", "C: n×n constant, D: n×n"),
    ("gradient", "tr(exp(C)*D)", "D", "C: n×n constant, D: n×n"),
    ("gradient", "tr(C*D)", "D", "C: n×n constant, D: n×n"),
    ("gradient", "sum(C)*tr(C'*D)", "D", "C: n×n constant, D: n×n"),
    ("gradient", "2*b'*A*x", "b", "A: m×n constant, b: m, x: n constant"),
    ("jacobian", "softmax(−(m*v)) − softmax(v)", "v", "v: m constant"),
    ("gradient", "‖[A, A]‖²", "A", "A: n×n constant"),
    ("gradient", "xᵀ(v.*v) + sum(abs(v)./(1+v.^2))", "x", "v: n constant, x: n"),
    ("gradient", "tr(S⁻¹ A) + tr(A) n", "A", "S: n×n spd constant, A: n×n"),
    ("gradient", "vec(C)ᵀ y + sum(C C)", "y", "C: n×n constant, y: n^2"),
]


@pytest.mark.parametrize("workspace", [False, True])
@pytest.mark.parametrize("kind, formula, wrt, where", CONSTANT, ids=[row[1] for row in CONSTANT])
def test_what_is_kept_of_constant_arguments_is_never_given_away(kind, formula, wrt, where, workspace):
    derivation = getattr(derive, kind)(formula, wrt, where=where)
    for returns in ("derivative", *["value_and_gradient"][: kind == "gradient"]):
        f = derivation.function(returns=returns, workspace=workspace)
        for seed in (1, 1, 2, 2):
            arguments, wanted = given(derivation, seed)
            before = copy.deepcopy(arguments)
            for _ in range(3):
                got = called(f, arguments)
                got = got if returns == "derivative" else got[1]
                close(got, wanted)
                if np.ndim(got):
                    got[...] = np.nan  # the caller's, to do with as he likes
            for name, array in before.items():
                np.testing.assert_array_equal(arguments[name], array)


@pytest.mark.parametrize("workspace", [False, True])
@pytest.mark.parametrize("change", ["all", "one", "type"])
def test_a_constant_argument_that_changed_in_place_is_noticed(workspace, change):
    f = derive.hessian("‖Ax − b‖²", "x", "A: m×n constant, b: m, x: n").function(workspace=workspace)
    A, b, x = np.arange(6.0).reshape(2, 3), np.ones(2), np.ones(3)
    close(f(A=A, x=x, b=b), 2 * A.T @ A)
    if change == "all":
        A *= 2
    elif change == "one":
        A[1, 2] = 7
    else:
        A = A.astype(np.float32)
        assert f(A=A, x=x.astype(np.float32), b=b.astype(np.float32)).dtype == np.float32
    close(f(A=A, x=x, b=b), 2 * A.T @ A)


def test_a_read_only_constant_argument_is_known_by_itself():
    f = derive.hessian("‖Ax − b‖²", "x", "A: m×n constant, b: m, x: n").function()
    A, b, x = np.ones((2, 3)), np.ones(2), np.ones(3)
    A.flags.writeable = False
    close(f(A=A, x=x, b=b), 2 * A.T @ A)
    kept = f.__wrapped__.__globals__["_held"]["constants"]
    assert kept[0][0] is A
    f(A=A, x=x, b=b)
    assert f.__wrapped__.__globals__["_held"]["constants"] is kept
    A.flags.writeable = True
    A += 1
    close(f(A=A, x=x, b=b), 2 * A.T @ A)
    view = A[:]
    view.flags.writeable = False
    close(f(A=view, x=x, b=b), 2 * A.T @ A)
    A += 1
    close(f(A=view, x=x, b=b), 2 * A.T @ A)


# Code that runs

RUNNING = [
    ("hessian", "norm(Z' b)", "Z", "Z: p×p, b: p"),
    ("hessian", "norm(Z' b - c)", "Z", "Z: p×p, b: p, c: p"),
    ("hessian", "‖A W b − c‖", "W", "A: m×n, W: n×p, b: p, c: m"),
    ("hessian", "norm((eye(p)+Z) b)", "Z", "Z: p×p, b: p"),
    ("hessian", "norm([D, b]'b)^2", "b", "b: p, D: p×p"),
    ("hessian", "tr(expm(B))²", "B", "B: n×n"),
    ("hessian", "tr(expm(B) diag(B y))", "B", "B: n×n, y: n"),
    ("gradient", "sin(expm(a))", "a", "a: scalar"),
    ("gradient", "(c − expm(a))²", "a", "a, c: scalar"),
    ("jacobian", "A C", "A", "A: m×p, C: p×n"),
    ("jacobian", "A C", "C", "A: m×p, C: p×n"),
    ("gradient", "tr(kron(A, C))", "A", "A: m×m, C: n×n"),
    ("gradient", "tr((((x − y) xᵀ) .* A))", "A", "x, y: m, A: m×m"),
    ("hessian", "(2 + sin(norm(sum(x))))^(3/2)", "x", "x: m"),
    ("gradient", "sin(sum(x))^(3/2) cos(sum(x))^(5/2) exp(sum(x)^2/4 + 1)", "x", "x: m positive"),
    ("gradient", "tr(diag(x ⊙ (x − y)) A B)", "x", "x, y: m, A: m×n, B: n×m"),
]


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind, formula, wrt, where", RUNNING, ids=[row[1] for row in RUNNING])
def test_code_runs_in_every_dialect(kind, formula, wrt, where, backend, size):
    require(backend)
    derivation = getattr(derive, kind)(formula, wrt, where=where)
    arguments, wanted = given(derivation, sizes=dict.fromkeys("mnp", size))
    close(called(derivation.function(backend), in_library(backend, arguments)), wanted)


@pytest.mark.parametrize("kind, formula, wrt, where", RUNNING, ids=[row[1] for row in RUNNING])
def test_no_result_has_a_symbol_of_its_own(kind, formula, wrt, where):
    derivation = getattr(derive, kind)(formula, wrt, where=where)
    assert set(symbols_of(derivation.result)) <= {*symbols_of(derivation.loss), derivation.wrt}


def test_the_argument_that_does_not_fit_is_the_one_named():
    f = derive.gradient("tr(S A)", "S", "S: n×n diagonal, A: n×n").function()
    with pytest.raises(ValueError, match=r"S must have shape \(n, n\) = \(3, 3\), not \(3, 4\)"):
        f(np.ones((3, 4)), np.ones((4, 4)))
    g = derive.gradient("‖x‖²", "x").function()
    with pytest.raises(ValueError, match="x is not an array"):
        g([[1.0], [1.0, 2.0]])
    with pytest.raises(ValueError, match="x has masked entries; fill them first"):
        g(np.ma.array([1.0, 2.0], mask=[False, True]))


@pytest.mark.parametrize("formula", ["‖A‖_{op}", "tr(expm(A) A)", "logsumexp(A x)", "sum(softmax(A x))"])
def test_empty_arrays_have_values(formula):
    f = derive.gradient(formula, "A", "A: n×n, x: n").function(returns="value_and_gradient")
    with np.errstate(all="ignore"):
        value, slope = called(f, {"A": np.zeros((0, 0)), "x": np.zeros(0)})
    assert slope.shape == (0, 0)
    assert value == (-np.inf if "logsumexp" in formula else 0)


# What outlives a function


@pytest.mark.parametrize("workspace", [False, True])
@pytest.mark.parametrize("backend", ["numpy", "scipy", "jax", "torch", "array-api"])
def test_functions_pickle_and_copy(backend, workspace):
    require(backend)
    if workspace and backend not in ("numpy", "scipy"):
        pytest.skip("writes into no buffers")
    f = derive.gradient("½‖WᵀWx − x‖²", "W").function(backend, workspace=workspace)
    arguments = in_library(backend, {"W": np.arange(6.0).reshape(2, 3), "x": np.ones(3)})
    for other in (pickle.loads(pickle.dumps(f)), copy.copy(f), copy.deepcopy(f)):
        assert other is not f and other.__name__ == "gradient" and other.source == f.source
        assert inspect.signature(other) == inspect.signature(f)
        close(other(**arguments), f(**arguments))


def test_functions_go_to_other_processes():
    f = derive.gradient("½‖WᵀWx − x‖²", "W").function(workspace=True)
    W, x = np.arange(6.0).reshape(2, 3), np.ones(3)
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        close(pool.submit(f, W, x).result(), f(W, x))


def test_a_source_is_forgotten_with_its_functions():
    derivation = derive.gradient("½‖WᵀWx − x‖²", "W")
    gc.collect()
    before = len(linecache.cache)
    made = [derivation.function() for _ in range(5)]
    assert len(linecache.cache) == before + 5
    assert len({f.__wrapped__.__code__.co_filename for f in made}) == 5
    assert "def gradient(W, x):" in inspect.getsource(made[0])
    del made
    gc.collect()
    assert len(linecache.cache) == before


# Extreme arguments


def exact(function, *arguments):
    """The value in 60 digits, rounded once."""
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(400):  # what cancels here would cancel 300 digits
        return float(function(mpmath, *(mpmath.mpf(a) for a in arguments)))


MARGINS = [-900.0, -745.5, -100.0, -37.5, -1e-9, 0.0, 1e-300, 36.9, 710.0, 900.0]
LOGISTIC = [  # each is log(1 + exp(-z)) of z = y x w
    "sum(log(1 + exp(-y .* (X w))))",
    "sum(log(ones(m) + exp(-(y .* (X w)))))",
    "\\sum_i \\log(1+\\exp(-y_i w^T x_i))",
    "sum(softplus(-y .* (X w)))",
    "-sum(log(sigmoid(y .* (X w))))",
    "-sum(log(ones(m) ./ (ones(m) + exp(-y .* (X w)))))",
    "sum(log(ones(m) + exp(y .* (X w))) - y .* (X w))",
    "-sum(log(exp(y .* (X w)) ./ (ones(m) + exp(y .* (X w)))))",
    "-sum(log(ones(m) - sigmoid(-y .* (X w))))",
]


def slopes_of_logistic(z):
    """The derivatives of log(1 + exp(-z)): -σ(-z) and σ(z) σ(-z)."""
    first = exact(lambda mp, z: -1 / (1 + mp.exp(z)), z)
    return first, exact(lambda mp, z: 1 / (1 + mp.exp(z)) / (1 + mp.exp(-z)), z)


@pytest.mark.parametrize("workspace", [False, True])
@pytest.mark.parametrize("formula", LOGISTIC)
def test_the_logistic_loss_is_stable_however_it_is_spelled(formula, workspace):
    where = None if "sum_i" in formula else "X: m×n, w: n, y: m"
    first = derive.gradient(formula, "w", where=where).function(workspace=workspace)
    second = derive.hessian(formula, "w", where=where).function(workspace=workspace)
    along = derive.hvp(formula, "w", "v", where=where).function(workspace=workspace)
    for margin in MARGINS:
        for y in (1.0, -1.0):
            given = {"X": np.array([[margin * y]]), "w": np.ones(1), "y": np.full(1, y), "v": np.full(1, 3.0)}
            slope, curvature = slopes_of_logistic(margin)
            with np.errstate(over="raise", invalid="raise", divide="raise"):
                np.testing.assert_allclose(called(first, given)[0], slope * margin, rtol=1e-12, atol=1e-300)
                wanted = curvature * margin**2
                # The logarithm of the quotient leaves σ − σ², which cancels where σ is almost 1.
                slack = 1e-15 * margin**2 if "log(exp" in formula else 1e-300
                np.testing.assert_allclose(called(second, given)[0, 0], wanted, rtol=1e-12, atol=slack)
                np.testing.assert_allclose(called(along, given)[0], 3 * wanted, rtol=1e-12, atol=3 * slack)


CORNERS = [  # formula, its derivative in exact arithmetic, points
    ("log(1 + exp(x))", lambda mp, x: 1 / (1 + mp.exp(-x)), MARGINS),
    ("softplus(x)", lambda mp, x: 1 / (1 + mp.exp(-x)), MARGINS),
    ("exp(x)/(1 + exp(x))", lambda mp, x: 1 / (1 + mp.exp(-x)) / (1 + mp.exp(x)), MARGINS),
    ("1/(1 + exp(-x))", lambda mp, x: 1 / (1 + mp.exp(-x)) / (1 + mp.exp(x)), MARGINS),
    ("sigmoid(x)", lambda mp, x: 1 / (1 + mp.exp(-x)) / (1 + mp.exp(x)), MARGINS),
    ("-log(sigmoid(x))", lambda mp, x: -1 / (1 + mp.exp(x)), MARGINS),
    ("log(1 - sigmoid(x))", lambda mp, x: -1 / (1 + mp.exp(-x)), MARGINS),
    ("log(cosh(x))", lambda mp, x: mp.tanh(x), MARGINS),
    ("log(exp(x) + exp(2*x))", lambda mp, x: (1 + 2 * mp.exp(x)) / (1 + mp.exp(x)), MARGINS),
    ("sqrt(1 + x^2)", lambda mp, x: x / mp.sqrt(1 + x * x), [*MARGINS, 1e200, -3e160, 1e-200]),
    ("sqrt(4 + 9*x^2)", lambda mp, x: 9 * x / mp.sqrt(4 + 9 * x * x), [*MARGINS, 1e200, -3e160, 1e-200]),
]


@pytest.mark.parametrize("formula, derivative, points", CORNERS, ids=[row[0] for row in CORNERS])
def test_scalar_corners_are_as_exact_arithmetic_has_them(formula, derivative, points):
    f = derive.gradient(formula, "x", "x: scalar").function()
    spread = formula
    for one, other in (("(1 ", "(ones(n) "), ("1/", "ones(n)./"), (")/", ")./"), ("4 ", "4*ones(n) "), ("x^2", "x.^2")):
        spread = spread.replace(one, other)
    g = derive.gradient(f"sum({spread})", "x", "x: n").function()
    for x in points:
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            for got in (f(x), g(np.array([x, 0.5]))[0]):
                np.testing.assert_allclose(got, exact(derivative, x), rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("formula, is_quadratic", [("wᵀ S w/(wᵀw)", True), ("aᵀw/(‖a‖ ‖w‖)", False)])
@pytest.mark.parametrize("size", [1e-120, 1e120, 1e-150, 1e150])
def test_quotients_by_a_length_do_not_overflow_in_its_powers(formula, is_quadratic, size):
    S, a, w = np.array([[2.0, 1], [1, -1]]), np.array([1.0, 3]), np.array([0.5, -2])
    gradient = called(
        derive.gradient(formula, "w", "S: n×n symmetric, a, w: n").function(), {"S": S, "a": a, "w": size * w}
    )
    square, length = w @ w, np.linalg.norm(w)
    if is_quadratic:
        wanted = 2 * (S @ w - w @ S @ w / square * w) / square
    else:
        wanted = (a - a @ w / square * w) / length / np.linalg.norm(a)
    np.testing.assert_allclose(gradient * size, wanted, rtol=1e-12)


def test_an_exponential_of_nothing_is_one():
    f = derive.gradient("sum((exp((b − b) x) + y) ./ (exp((b − b) x) + exp(x)))", "x", "x, y: n, b: scalar").function()
    x, y = np.array([0.5, -1.0]), np.array([2.0, 3.0])
    np.testing.assert_allclose(f(x=x, y=y, b=1.0), -(1 + y) * np.exp(x) / (1 + np.exp(x)) ** 2)


QUOTIENTS = [  # scalars that are made of exponentials, and their derivatives in exact arithmetic
    ("log(2 + exp(x))", lambda mp, x: 1 / (1 + 2 * mp.exp(-x))),
    ("log(3 exp(x) + 2 exp(-x))", lambda mp, x: 1 - 2 / (1 + mp.mpf("1.5") * mp.exp(2 * x))),
    ("log(1 + exp(x) + exp(-x))", lambda mp, x: (1 - mp.exp(-2 * x)) / (1 + mp.exp(-x) + mp.exp(-2 * x))),
    ("log(exp(x)/(1 + exp(x) + exp(-x)))", lambda mp, x: (2 + mp.exp(x)) / (1 + mp.exp(x) + mp.exp(2 * x))),
    ("(exp(x) - exp(-x))/(exp(x) + exp(-x))", lambda mp, x: 4 / (mp.exp(x) + mp.exp(-x)) ** 2),
    ("(1 - exp(-x))/(1 + exp(-x))", lambda mp, x: 2 * mp.exp(-x) / (1 + mp.exp(-x)) ** 2),
]


@pytest.mark.parametrize("formula, derivative", QUOTIENTS, ids=[row[0] for row in QUOTIENTS])
def test_quotients_of_sums_of_exponentials_neither_overflow_nor_vanish(formula, derivative):
    f = derive.gradient(formula, "x", "x: scalar").function()
    spread = formula.replace("(1 ", "(ones(n) ").replace("(2 ", "(2*ones(n) ").replace(")/", ")./")
    g = derive.gradient(f"sum({spread})", "x", "x: n").function()
    for x in MARGINS:
        with np.errstate(over="ignore", invalid="raise", divide="raise"):
            for got in (f(x), g(np.array([x, 0.5]))[0]):
                np.testing.assert_allclose(got, exact(derivative, x), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("formula", [
    "-np.sum(Y * np.log(np.exp(Z)/np.sum(np.exp(Z), axis=1, keepdims=True)))",
    "-np.sum(Y * (Z - np.log(np.sum(np.exp(Z), axis=1, keepdims=True))))",
])  # fmt: skip
@pytest.mark.parametrize("scale", [1.0, 40.0, 1000.0, 1e5, 1e150])
def test_cross_entropies_of_rows_stand_large_scores(formula, scale):
    special = pytest.importorskip("scipy.special")
    Z = scale * np.array([[1.0, -2, 0.5], [0.25, 0.125, -1]])
    Y = np.eye(3)[[1, 0]]
    value, slope = called(
        derive.gradient(formula, "Z", "Y, Z: m×n").function(returns="value_and_gradient"), {"Y": Y, "Z": Z}
    )
    np.testing.assert_allclose(value, -np.sum(Y * special.log_softmax(Z, axis=1)), rtol=1e-12)
    np.testing.assert_allclose(slope, special.softmax(Z, axis=1) - Y, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("scale", [1.0, 40.0, 1000.0, 1e5, 1e150])
def test_logarithms_of_scores_among_others_stand_large_scores(scale, backend):
    require(backend)
    special = pytest.importorskip("scipy.special")
    z, N = scale * np.array([1.0, -2, 0.5]), np.array([[1.0, 0.5, -1], [2, 0, 1]])
    scores, a = N @ z, np.array([1.0, 2, 0.25])
    every = np.append(scores, a @ z)
    soft = special.softmax(every)
    cases = {
        "log(mean(exp(N z)))": (special.logsumexp(scores) - np.log(2), N.T @ special.softmax(scores)),
        "-log(exp(aᵀz)/(exp(aᵀz) + sum(exp(N z))))": (
            special.logsumexp(every - a @ z), N.T @ soft[:2] + (soft[2] - 1) * a
        ),
        "log(exp(-aᵀz) / s)": (-a @ z - np.log(2), -a),
    }  # fmt: skip
    for formula, (value, slope) in cases.items():
        both = derive.gradient(formula, "z", "N: m×n, z, a: n, s: scalar").function(
            backend, returns="value_and_gradient"
        )
        given = in_library(backend, {"N": N, "z": z, "a": a, "s": np.array(2.0)})
        got = called(both, given)
        np.testing.assert_allclose(float(got[0]), value, rtol=1e-12, err_msg=formula)
        np.testing.assert_allclose(np.asarray(got[1]), slope, rtol=1e-12, atol=1e-14, err_msg=formula)


LENGTHS = [3e200, 1e-200, 1e160, 1e-160, 1.0, 4e300, 1e-300, 1e150, 2.5e-155, 7.0]


@pytest.mark.parametrize("formula", ["norm(x)", "sqrt(x'x)", "sqrt(sum(x.^2))", "norm(x)^2/norm(x)", "(x'x)^(1/2)"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_norms_scale_what_they_square(formula, backend):
    require(backend)
    both = derive.gradient(formula, "x", "x: n").function(backend, returns="value_and_gradient")
    for size in LENGTHS:
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            value, slope = both(**in_library(backend, {"x": np.array([3.0, -4.0]) * (size / 5)}))
        np.testing.assert_allclose(float(value), size, rtol=1e-12)
        np.testing.assert_allclose(np.asarray(slope), [0.6, -0.8], rtol=1e-12)


@pytest.mark.parametrize(
    "formula", ["w'softmax(x)", "w'(exp(x)/sum(exp(x)))", "(w'exp(x))/sum(exp(x))", "(exp(x)/(1_n'exp(x)))'w"]
)
@pytest.mark.parametrize("shift", [0.0, 1000.0, -1000.0, 745.0, 1e5])
def test_softmax_is_stable_however_it_is_spelled(formula, shift):
    mpmath = pytest.importorskip("mpmath")
    x, w = np.array([1.5, -2.0, 0.25]) + shift, np.array([1.0, 2.0, -3.0])
    with mpmath.workdps(60):
        powers = [mpmath.exp(mpmath.mpf(a) - shift) for a in x]
        soft = [p / sum(powers) for p in powers]
        mean = sum(p * int(a) for p, a in zip(soft, w))
        slope = [float(p * (int(a) - mean)) for p, a in zip(soft, w)]
        curvature = [
            [
                float(p * ((int(a) - mean) * ((i == j) - q) - q * (int(b) - mean)))
                for j, (q, b) in enumerate(zip(soft, w))
            ]
            for i, (p, a) in enumerate(zip(soft, w))
        ]
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        got = called(derive.gradient(formula, "x", "x, w: n").function(), {"x": x, "w": w})
        np.testing.assert_allclose(got, slope, rtol=1e-12)
        got = called(derive.hessian(formula, "x", "x, w: n").function(), {"x": x, "w": w})
        np.testing.assert_allclose(got, curvature, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("kind", ["hessian", "hvp"])
@pytest.mark.parametrize("formula", ["−yᵀ log(softmax(x))", "−yᵀ log(softmax(W x))"])
@pytest.mark.parametrize("scale", [0.0, 1.0, 30.0, 400.0, 800.0, -800.0, 1e5])
def test_second_derivatives_of_the_cross_entropy_divide_by_no_probability(kind, formula, scale):
    mpmath = pytest.importorskip("mpmath")
    x, y = scale * np.array([1.0, 0, -1]), np.array([0.0, 1, 0])
    with mpmath.workdps(60):
        powers = [mpmath.exp(mpmath.mpf(a) - max(x)) for a in x]
        soft = [p / sum(powers) for p in powers]
        wanted = np.array([[float(p * ((i == j) - q)) for j, q in enumerate(soft)] for i, p in enumerate(soft)])
    made = derive.hvp(formula, "x", "v") if kind == "hvp" else derive.hessian(formula, "x")
    v = np.array([1.0, -2, 0.5])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        got = called(made.function(), {"x": x, "y": y, "W": np.eye(3), "v": v})
    np.testing.assert_allclose(got, wanted @ v if kind == "hvp" else wanted, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("scale", [1e-150, 1e-100, 1e-10, 1.0, 1e10, 1e100, 1e150, 3e-60, 7e80, 1e-120])
@pytest.mark.parametrize(
    "where, formula", [("S: n×n spd", "logdet(S)"), ("S: n×n", "log(det(S))"), ("S: n×n", "logdet(S)")]
)
def test_log_determinants_neither_overflow_nor_vanish(formula, where, scale):
    S = scale * np.array([[2.0, 0.5, 0], [0.5, 1, 0.25], [0, 0.25, 4]])
    value, slope = derive.gradient(formula, "S", where).function(returns="value_and_gradient")(S)
    np.testing.assert_allclose(value, exact(lambda mp, s: mp.log(mp.mpf("6.875") * s**3), scale), rtol=1e-12)
    inverse = np.array([[3.9375, -2, 0.125], [-2, 8, -0.5], [0.125, -0.5, 1.75]]) / 6.875
    np.testing.assert_allclose(slope, inverse / scale, rtol=1e-12, atol=1e-14 / scale)


# The check of what leaves


def test_the_check_covers_forms_and_functions():
    found = derive.gradient("½‖WᵀWx − x‖²", "W").errors()
    assert set(found) == {
        "the derivative", "the expanded form", "the boxed form", "the compact form",
        "the NumPy function", "the NumPy function with buffers",
    }  # fmt: skip
    assert max(found.values()) < 1e-9
    assert (
        "Covered: the derivative; its expanded, boxed and compact forms; the NumPy function, plain and with buffers."
        in (" ".join(html.unescape(re.sub("<[^>]*>", "", derive.gradient("½‖WᵀWx − x‖²", "W").html())).split()))
    )
    shown = " ".join(derive.gradient("½‖WᵀWx − x‖²", "W").text().split())
    assert "Covered: the derivative; its expanded, boxed and compact forms." in shown  # a page without code


def test_the_check_finds_a_planted_error_in_a_form_and_in_code(monkeypatch):
    d = derive.gradient("½‖WᵀWx − x‖²", "W")
    d._forms["boxed"] = 2 * d.result
    assert {name for name, error in d.errors().items() if error > 1e-3} == {"the boxed form"}
    d = derive.gradient("sum(tanh(x))", "x", "x: n")
    monkeypatch.setitem(dialects.DIALECTS["numpy"].templates, "tanh", "np.sin({0})")
    assert {name for name, error in d.errors().items() if error > 1e-3} == {"the NumPy function"}


PLAIN = [
    ("½‖WᵀWx − x‖²", "W", None),
    ("logdet(S) + tr(S⁻¹A) + ‖S A‖", "S", "S, A: n×n spd"),
    ("tr(A D²) + sum(exp(D))", "D", "D: n×n diagonal"),
    ("‖K A‖² + cᵀK c", "K", "K: n×n skew"),
    ("‖R x‖³", "R", "R: n×n upper"),
    ("‖R x‖³", "R", "R: n×n lower"),
    ("tr(Qᵀ A)²", "Q", "Q: n×k orthogonal"),
    ("logsumexp(A x) + sum(relu(x) .* exp(x))", "x", "A: m×n"),
    ("λ‖w‖² + n", "λ", "w: n"),
    ("aᵀb", "x", "x: n"),
]


@pytest.mark.parametrize(("formula", "wrt", "where"), PLAIN, ids=[row[0] for row in PLAIN])
def test_plain_numbers_check_what_arrays_check(monkeypatch, formula, wrt, where):
    d = derive.gradient(formula, wrt, where)
    found = d.errors(code=False)
    assert max(found.values()) < 1e-7
    arrays = derive.gradient(formula, wrt, where).errors()
    assert set(found) == {name for name in arrays if "function" not in name} and max(arrays.values()) < 1e-7
    monkeypatch.setattr(verification, "find_spec", lambda name: None)  # as in a browser, without NumPy
    assert derive.gradient(formula, wrt, where).errors() == found


def test_plain_numbers_pass_no_wrong_derivative(monkeypatch):
    for formula, wrt, where in PLAIN[:-1]:
        for attribute in ("result", "boxed"):
            d = derive.gradient(formula, wrt, where)
            if attribute == "boxed":
                d._forms["boxed"] = 1.001 * d.result
            elif d.unstructured is not None:
                d.unstructured = d.result = 1.001 * d.unstructured
            else:
                d.result = 1.001 * d.result
            assert verification._plain_errors(d, 3, verification.FORMS) is None
            assert max(d.errors(code=False).values()) > 1e-4
    monkeypatch.setattr(verification, "find_spec", lambda name: None)
    with pytest.raises(derive.DeriveError, match="NumPy is not here"):
        d.errors()


def test_plain_numbers_leave_what_they_cannot_decide_to_arrays():
    for d in (derive.gradient("tr(expm(A))", "A"), derive.hessian("xᵀAx", "x")):
        assert verification._plain_errors(d, 3, verification.FORMS) is None
        assert max(d.errors(code=False).values()) < 1e-7


CROSS_ENTROPIES = [
    ("−yᵀ log(softmax(z))", "z", "y, z: n"),
    ("−yᵀ log(exp(z)/sum(exp(z)))", "z", "y, z: n"),
    ("−sum(y ⊙ log(exp(z)/sum(exp(z))))", "z", "y, z: n"),
    ("-np.sum(Y * np.log(softmax(z, axis=1)))", "z", "Y, z: m×n"),
    ("−sum(Y .* log(softmax_row(z)))", "z", "Y, z: m×n"),
    ("−sum(Y .* log(softmax_col(z)))", "z", "Y, z: m×n"),
]


@pytest.mark.parametrize("workspace", [False, True])
@pytest.mark.parametrize(("formula", "wrt", "where"), CROSS_ENTROPIES, ids=[row[0] for row in CROSS_ENTROPIES])
def test_cross_entropies_stand_large_logits(formula, wrt, where, workspace):
    d = derive.gradient(formula, wrt, where)
    assert d.verify() < 1e-7
    z = np.array([[1000.0, 0, -3], [5, -1000, 2], [0, 3, 900]])
    Y = np.array([[0.0, 1, 0], [0.5, 0.5, 0], [0, 0, 1]])
    if "y" in where:
        z, Y = z[0], Y[0]
    axis = 0 if "col" in formula else -1
    shifted = z - z.max(axis=axis, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
    given = {"y" if "y" in where else "Y": Y, "z": z}
    with np.errstate(all="raise", under="ignore"):
        value, slope = d.function(returns="value_and_gradient", workspace=workspace)(**given)
    np.testing.assert_allclose(value, -(Y * log_p).sum(), rtol=1e-12)
    np.testing.assert_allclose(slope, Y.sum(axis=axis, keepdims=True) * np.exp(log_p) - Y, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("formula", ["norm(tr(relu(A)))^3", "‖tr(relu(A))‖² + norm(norm(tr(relu(A)))^3)"])
def test_the_power_of_the_norm_of_a_number_has_a_gradient_at_0(formula):
    d = derive.gradient(formula, "A", "A: n×n")
    for expr in (d.result, d.boxed):
        close(expr.evaluate(A=-np.eye(2)), np.zeros((2, 2)))
    close(d.function()(-np.eye(2)), np.zeros((2, 2)))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("formula", "where"),
    [
        ("−sum(y ⊙ log(σ(z)) + (𝟏 − y) ⊙ log(𝟏 − σ(z)))", "y, z: n"),
        ("−y log(σ(z)) − (1 − y) log(1 − σ(z))", "y, z: scalar"),
        ("np.sum(-y*np.log(1/(1+np.exp(-z))) - (1-y)*np.log(1-1/(1+np.exp(-z))))", "y, z: n"),
    ],
)
def test_binary_cross_entropies_stand_large_logits(formula, where, backend):
    require(backend)
    f = derive.gradient(formula, "z", where).function(backend)
    for z in (800.0, -800.0, 3.0):
        for y in (0.0, 1.0, 0.25):
            given = (
                {"y": np.array(y), "z": np.array(z)} if "scalar" in where else {"y": np.full(2, y), "z": np.full(2, z)}
            )
            want = 1 / (1 + np.exp(-z)) - y if z > -700 else -y
            close(np.asarray(called(f, in_library(backend, given))), np.broadcast_to(want, np.shape(given["z"])))


# Names


@pytest.mark.parametrize("backend", ["numpy", "torch", pytest.param("c", marks=needs(*COMPILER))])
@pytest.mark.parametrize("name", ["type", "ValueError", "float", "range", "len", "math", "dtype", "np"])
def test_an_argument_may_bear_a_name_that_the_code_mentions(name, backend):
    if backend != "c":
        require(backend)
    derivation = derive.gradient(f"s ‖A*{name} − b‖²", "A", where=f"A: m×n, b: m, {name}: n, s: scalar")
    arguments, wanted = given(derivation)
    A, s, x, b = in_library(backend, {key: arguments[key] for key in ("A", "s", name, "b")}).values()
    f = derivation.function(backend)
    close(f(A, s, x, b), wanted)
    with pytest.raises(ValueError, match="must have shape"):
        f(A, s, x[:0], b)
