"""Functions of a batch: what they do with all samples is what they do sample by sample."""

from __future__ import annotations

import inspect
import os
import pickle

import numpy as np
import pytest

import derive
from derive.batched import BatchModule, batched
from derive.dialects import dialect
from derive.expr import symbol, symbols_of
from derive.numeric import random_point
from derive.programs import batches

from .test_codegen import BACKENDS, FORMULAS, IDS, converted, derived, public, require

SAMPLES = 4
FULL = os.environ.get("DERIVE_FULL") == "1"
CLASSES = "W: h×n, V: k×h, x: n, y: k"
NETS = [  # formula, variable, declarations, samples, the same in PyTorch for one sample
    ("½‖WᵀWx − x‖²", "W", "W: m×n", "x", lambda t, W, x: 0.5 * ((W @ x) @ W - x).pow(2).sum()),
    (
        "logsumexp(V tanh(W x)) - y^T V tanh(W x)", "W", CLASSES, "x, y",
        lambda t, W, V, x, y: (lambda a: t.logsumexp(a, 0) - y @ a)(V @ t.tanh(W @ x)),
    ),
    (
        "½‖V^T softmax(K W q) - t‖²", "W", "W: n×n, K: m×n, V: m×d, q: n, t: d", "q t",
        lambda t, W, K, V, q, t_: 0.5 * (V.T @ t.softmax(K @ (W @ q), 0) - t_).pow(2).sum(),
    ),
    ("log(1 + exp(-y w^T x))", "w", "w: n, x: n, y: scalar", "x, y", lambda t, w, x, y: t.log1p(t.exp(-y * (w @ x)))),
    ("(z - x^T A x)^2 / (1 + ‖x‖²)", "A", "A: n×n, x: n, z: scalar", "x, z",
     lambda t, A, x, z: (z - x @ A @ x) ** 2 / (1 + x @ x)),
    ("½‖relu(diag(s) W x) - s‖² ‖s‖", "W", "W: m×n, x: n, s: m", "x s",
     lambda t, W, x, s: 0.5 * (t.relu(s * (W @ x)) - s).pow(2).sum() * s.norm()),
    ("tr(A diag(x) B diag(x)) + x^T A x", "A", "A: n×n, B: n×n, x: n", "x",
     lambda t, A, B, x: t.trace(A @ t.diag(x) @ B @ t.diag(x)) + x @ A @ x),
    ("‖diag(x) A + A diag(x)‖²", "A", "A: n×n, x: n", "x",
     lambda t, A, x: (x[:, None] * A + A * x).pow(2).sum()),
    ("½‖tril(A) x − y‖²", "A", "A: n×n, x: n, y: n", "x, y",
     lambda t, A, x, y: 0.5 * (A.tril() @ x - y).pow(2).sum()),
]  # fmt: skip


def drawn(derivation):
    """Arguments of several samples, of the same sizes."""
    exprs = [derivation.loss, derivation.result]
    extra = [s for s in (derivation.wrt, derivation.direction) if s is not None]
    points = [random_point([*exprs, *extra], 0)]
    points += [random_point([*exprs, *extra], seed, sizes=points[0].sizes) for seed in range(1, SAMPLES)]
    symbols = {derive.names.identifier(s.name): s for s in [*symbols_of(*exprs), *extra]}
    each = {name: [public(point.values[s], s) for point in points] for name, s in symbols.items()}
    return each, points[0].sizes


def one_by_one(f, given, samples, per_sample):
    """The results of the function of one sample, stacked or added up."""
    rows = []
    for i in range(SAMPLES):
        made = f(**{n: a[i] if n in samples else a for n, a in given.items()})
        rows.append([np.array(part) for part in (made if isinstance(made, tuple) else (made,))])
    columns = [np.stack(column) for column in zip(*rows, strict=True)]
    return columns if per_sample else [column.sum(0) for column in columns]


def is_at_once(derivation, samples, per_sample=False, backend="numpy"):
    return isinstance(batched(derivation, dialect(backend), samples, per_sample), BatchModule)


def chosen(derivation, names):
    """All arguments, and each that is a number or a vector by itself."""
    thin = [s for s in symbols_of(derivation.loss, derivation.result) if s.shape[1].value == 1]
    alone = [[n] for n in (derive.names.identifier(s.name) for s in thin) if n in names]
    vectors = [n for (n,) in alone]
    return [names, *([vectors] if len(vectors) > 1 else []), *(alone if FULL else alone[:2])]


@pytest.mark.parametrize("kind, formula, wrt, where", FORMULAS, ids=IDS)
def test_at_once_is_one_by_one(kind, formula, wrt, where):
    derivation = derived(kind, formula, wrt, where)
    each, sizes = drawn(derivation)
    single = derivation.function()
    parameters = inspect.signature(single).parameters
    names = [name for name in parameters if name in each]
    for count, samples in enumerate(chosen(derivation, names)):
        given = {n: np.stack(each[n]) if n in samples else each[n][0] for n in names}
        given |= {n: sizes[n] for n in parameters if n not in each}
        before = {n: np.array(a) for n, a in given.items()}
        for per_sample in (False, True):
            at_once = derivation.function(batch=samples, per_sample=per_sample)
            got = at_once(**given)
            want = one_by_one(single, given, samples, per_sample)
            for a, b in zip(got if isinstance(got, tuple) else (got,), want, strict=True):
                assert np.shape(a) == np.shape(b) and np.asarray(a).dtype == np.asarray(b).dtype, at_once.source
                np.testing.assert_allclose(
                    a, b, rtol=1e-8, atol=1e-10 * (1 + np.abs(b).max()), err_msg=f"{samples}\n{at_once.source}"
                )
                assert not any(np.shares_memory(a, given[n]) for n in samples)
            if not per_sample and count < 2:
                held = derivation.function(batch=samples, workspace=True)
                for _ in range(2):
                    again = held(**given)
                    for a, b in zip(again if isinstance(again, tuple) else (again,), want, strict=True):
                        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10 * (1 + np.abs(b).max()))
        for n, a in given.items():
            np.testing.assert_array_equal(a, before[n])


@pytest.mark.parametrize("size", [1, 2, 3, 17])
@pytest.mark.parametrize("formula, wrt, where, samples, stated", NETS, ids=[net[0] for net in NETS])
def test_a_batch_is_what_autograd_finds(formula, wrt, where, samples, stated, size):
    torch = pytest.importorskip("torch")
    derivation = derive.gradient(formula, wrt, where)
    rng = np.random.default_rng(size)
    symbols = {s.name: s for s in symbols_of(derivation.loss)}
    names = sorted({n for s in symbols.values() for d in s.shape for n in d.names})
    dims = {"1": 1} | {name: size + i % 2 for i, name in enumerate(names)}
    own = samples.replace(",", " ").split()
    given = {}
    for name, s in symbols.items():
        axes = [] if s.is_scalar else [dims[str(d)] for d in s.shape[: 1 if s.is_vector else 2]]
        given[name] = rng.standard_normal([size + 1] * (name in own) + axes)
    leaves = {n: torch.tensor(a, requires_grad=n == wrt) for n, a in given.items()}
    arguments = [n.rstrip("_") for n in list(inspect.signature(stated).parameters)[1:]]
    total = sum(stated(torch, *(leaves[n][i] if n in own else leaves[n] for n in arguments)) for i in range(size + 1))
    total.backward()
    for backend in ("numpy", "scipy"):
        for workspace in (False, True):
            f = derivation.function(backend, returns="value_and_gradient", batch=samples, workspace=workspace)
            for _ in range(2):
                value, gradient = f(**given)
                np.testing.assert_allclose(value, total.item(), rtol=1e-10)
                np.testing.assert_allclose(gradient, leaves[wrt].grad.numpy(), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("formula, wrt, where, samples, stated", NETS[1:5], ids=[net[0] for net in NETS[1:5]])
def test_every_library_sums_inside(formula, wrt, where, samples, stated, backend):
    require(backend)
    derivation = derive.gradient(formula, wrt, where)
    assert is_at_once(derivation, samples, backend=backend)
    each, _ = drawn(derivation)
    own = samples.replace(",", " ").split()
    given = {n: np.stack(a) if n in own else a[0] for n, a in each.items()}
    want = derivation.function(batch=samples)(**given)
    for per_sample in (False, True):
        f = derivation.function(backend, batch=samples, per_sample=per_sample)
        got = np.asarray(f(**converted(backend, given)))
        np.testing.assert_allclose(got.sum(0) if per_sample else got, want, rtol=1e-8, atol=1e-10)


def test_all_but_functions_of_a_matrix_of_each_sample_are_taken_at_once():
    alone = set()
    for kind, formula, wrt, where in FORMULAS:
        derivation = derived(kind, formula, wrt, where)
        for s in symbols_of(derivation.loss):
            if s.shape[1].value == 1 and not is_at_once(derivation, [s.name]):
                alone.add((formula, s.name))
    assert alone == {
        ("det(t A + B) + (aᵀ b)^-2", "t"),
        ("logdet(A + t B) + tr(A⁻¹ B)", "t"),
        ("tanh(t X)", "t"),
        ("‖[A; λ B] x − [b; c]‖² + vec(X)ᵀ vec(A X)", "λ"),
        ("−logdet(Xᵀ diag(w) X)", "w"),
    }


def test_the_sum_of_products_forms_no_product_of_a_sample():
    derivation = derive.gradient("½‖WᵀWx − x‖²", "W")
    program = batched(derivation, dialect("numpy"), "x", False).program
    assert not {value.kind for value in program.order} & {"outer", "stack"}
    assert program.flops_of("gradient").evaluate(B=10, m=20, n=30) == 10 * 10 * 20 * 30 + 10 * 30 + 20 * 30
    source = derivation.source(batch="x")
    assert "must have shape (B, n)" in source
    assert "_of_one" not in source and "_samples" not in source


def test_a_matrix_of_each_sample_goes_one_by_one():
    derivation = derive.gradient("logdet(S)", "S", where="S: n×n spd")
    assert "functools.reduce" in derivation.source(batch="S")
    assert "jax.vmap" in derivation.source("jax", batch="S", per_sample=True)
    assert "_stacked" in derivation.source("torch", batch="S", per_sample=True)


def test_functions_of_batches_pickle():
    for where, samples in (("x: n, W: m×n", "x"), ("x: n, W: m×n", "W")):
        f = derive.gradient("½‖WᵀWx − x‖²", "x", where).function(batch=samples)
        rng = np.random.default_rng(0)
        W = rng.standard_normal((4, 2, 3)[samples == "x" :])
        x = rng.standard_normal((4, 3)[samples == "W" :])
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(f))(x=x, W=W), f(x=x, W=W))


def test_large_numbers_overflow_in_no_sample():
    f = derive.gradient("log(sum(exp(x))) - x^T y", "x").function(returns="value_and_gradient", batch="x, y")
    x = np.array([[1000.0, 0.0, -1000.0], [1e4, 1e4, 0.0]])
    value, gradient = f(x=x, y=np.eye(3)[:2])
    np.testing.assert_allclose(value, np.log(2), atol=1e-12)
    np.testing.assert_allclose(gradient, [0.5, -0.5, 0], atol=1e-12)


def test_a_batch_keeps_the_type_and_refuses_what_a_sample_would():
    f = derive.gradient("½‖WᵀWx − x‖²", "W").function(batch="x")
    W, X = np.ones((3, 5), np.float32), np.ones((7, 5), np.float32)
    assert f(W, X).dtype == np.float32
    assert f(W.astype(int), X.astype(int)).dtype == np.float64
    assert f(W, list(X)).shape == (3, 5)
    with pytest.raises(ValueError, match="x must have shape"):
        f(W, np.ones((7, 4)))
    with pytest.raises(ValueError, match="x must be real numbers"):
        f(W, X + 1j)
    with pytest.raises(ValueError, match="x has no samples"):
        f(W, X[:0])
    with pytest.raises(ValueError):
        f(W, [np.ones(5), np.ones(5), np.ones(5), np.ones(5), np.ones(4)])


def test_numbers_of_samples_agree():
    f = derive.gradient("y log(1 + exp(w^T x))", "w", "y: scalar").function(batch="x, y")
    with pytest.raises(ValueError, match=r"x must have shape \(B, n\) = \(4, 2\), not \(3, 2\)"):
        f(w=np.ones(2), x=np.ones((3, 2)), y=np.ones(4))
    g = derive.gradient("logdet(S) + tr(S T)", "S", where="S: n×n spd, T: n×n").function(batch="S, T")
    with pytest.raises(ValueError, match="T has 2 samples, and S has 3"):
        g(S=np.stack([np.eye(2)] * 3), T=np.stack([np.eye(2)] * 2))
    with pytest.raises(derive.DeriveError, match="a batch needs an argument with samples"):
        derive.gradient("w^T x", "w").function(batch="")


def test_a_sample_that_is_not_positive_definite_has_its_name():
    f = derive.gradient("logdet(S)", "S", where="S: n×n spd").function(batch="S", per_sample=True)
    good = np.stack([np.eye(3)] * 5)
    np.testing.assert_allclose(f(good), good)
    bad = good.copy()
    bad[2] = -np.eye(3)
    with pytest.raises(ValueError, match="S is not positive definite"):
        f(bad)
    bad[2] = np.nan
    assert np.isnan(f(bad)[2]).all() and not np.isnan(f(bad)[1]).any()


def test_a_planted_error_is_found(monkeypatch):
    def planted(lifting, value, args):
        return lifting.squared_norm(args[0]).negated()

    monkeypatch.setitem(batches.ROWS, "sq_norm", planted)
    derivation = derive.gradient("‖x‖⁴", "x")
    X = np.ones((SAMPLES, 3))
    want = one_by_one(derivation.function(), {"x": X}, ["x"], True)
    assert not np.allclose(derivation.function(batch="x", per_sample=True)(X), want)


def test_gradients_of_each_sample_come_in_the_order_asked():
    several = derive.gradient("h = tanh(W x + b); ½‖V h − y‖²", ["W", "b", "V"])
    rng = np.random.default_rng(3)
    W, b, V = rng.normal(size=(3, 2)), rng.normal(size=3), rng.normal(size=(4, 3))
    x, y = rng.normal(size=(5, 2)), rng.normal(size=(5, 4))
    of_each = several.function(batch="x, y", per_sample=True)(W, b, V, x=x, y=y)
    single = several.function()
    for k in range(5):
        for got, want in zip(of_each, single(W, b, V, x=x[k], y=y[k]), strict=True):
            np.testing.assert_allclose(got[k], want, rtol=1e-12)


@pytest.mark.parametrize("name", ["i", "results", "functools", "range", "list"])
@pytest.mark.parametrize("per_sample", [False, True])
def test_no_symbol_hides_what_a_loop_over_samples_uses(name, per_sample):
    c = symbol(name)
    S = symbol("S", "n", "n", properties=["spd"])
    f = derive.gradient(c * derive.logdet(S) + c * c * derive.tr(S), S).function(batch="S", per_sample=per_sample)
    stacked = np.stack([2 * np.eye(2), 3 * np.eye(2)])
    each = np.stack([2 * np.linalg.inv(M) + 4 * np.eye(2) for M in stacked])
    np.testing.assert_allclose(f(stacked, 2.0), each if per_sample else each.sum(axis=0), rtol=1e-12)


def test_an_exponent_may_be_one_of_each_sample():
    found = derive.gradient("x^y", "x", "x: scalar positive, y: scalar")
    exponents = np.array([1.0, 2.0, 3.0])
    each = exponents * 2 ** (exponents - 1)
    assert found.function(batch="y")(2.0, exponents) == pytest.approx(each.sum())
    np.testing.assert_allclose(found.function(batch="y", per_sample=True)(2.0, exponents), each)
    with pytest.raises(derive.DeriveError, match="in a loop"):
        found.source("c", batch="y")


def test_a_root_beside_what_divides_by_it_is_multiplied_once():
    """√(a² x ⊙ x) and its inverse, which cancel in no single power."""
    f = derive.gradient("norm(diag(a*x))", "x", "a: scalar, x: m").function(batch="a")
    a, x = np.array([1.0, -2.0, 3.0]), np.array([1.0, 2.0, -2.0])
    np.testing.assert_allclose(f(a=a, x=x), np.abs(a).sum() * x / 3)
