"""Generated code: right in every dialect, readable, independent of us, strict about its arguments."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import subprocess
import sys

import numpy as np
import pytest

import derive
from derive import codegen, dialects
from derive.errors import MissingExtraError
from derive.expr import OPERATIONS, symbols_of
from derive.numeric import evaluate, random_point
from derive.objective import Objective
from derive.programs import callables
from derive.programs.translate import row_of

from . import generate

BACKENDS = list(dialects.DIALECTS)
NEEDS = {"jax": "jax", "torch": "torch", "array-api": "array_api_compat", "scipy": "scipy", "numpy": "numpy"}

# kind, formula, variable (and direction), declarations
FORMULAS = [
    ("gradient", "½‖WᵀWx − x‖²", "W", None),
    ("gradient", "½‖WᵀWX − X‖_F²", "W", None),
    ("gradient", "½‖W₁ᵀW₂ᵀW₂W₁x − x‖²", "W1", None),
    ("gradient", "½‖Wᵀ tanh(W x + b) − x‖²", "W", "W: m×n, x: n, b: m"),
    ("gradient", "tr((WᵀW − I)²)", "W", "W: m×n"),
    ("gradient", "‖A x − b‖²/‖x‖² + λ‖x‖", "x", "A: m×n"),
    ("gradient", "sum(softplus(−(y ⊙ (X w)))) + λ‖w‖²", "w", "X: m×n, y: m, w: n, λ: scalar"),
    ("gradient", "−½ logdet(S) − ½ (x − μ)ᵀ S⁻¹ (x − μ)", "S", "S: n×n spd, x: n, μ: n"),
    ("gradient", "−½ logdet(S) − ½ (x − μ)ᵀ S⁻¹ (x − μ)", "μ", "S: n×n spd, x: n, μ: n"),
    ("gradient", "logdet(A + t B) + tr(A⁻¹ B)", "A", "A: n×n, B: n×n, t: scalar"),
    ("gradient", "det(XᵀX)^2 / (1 + tr(X))", "X", "X: n×n"),
    ("gradient", "½‖M ⊙ (A − U Vᵀ)‖² + ¼ sum(U.^4)", "U", "A: m×n, U: m×k, V: n×k, M: m×n"),
    ("gradient", "sum(log(exp(X W) * vector(1))) − tr(Yᵀ X W)", "W", "X: m×n, W: n×k, Y: m×k"),
    ("gradient", "log(sum(exp(W x))) − yᵀ W x", "W", "W: m×n, x: n, y: m"),
    ("gradient", "cᵀ softmax(K q) + logsumexp(q)", "q", "K: m×n, q: n, c: m"),
    ("gradient", "sum(relu(A x)) + norm1(x) + sum(abs(x))", "x", "A: m×n, x: n"),
    ("gradient", "‖X‖_* + ‖X‖_{op}", "X", "X: m×n"),
    ("gradient", "sum(sin(x) ./ (2*vector(1) + cos(x))) + sum(arctan(x))", "x", "x: n"),
    ("gradient", "tr(kron(A, X)) + sum(kron(X, X))", "X", "A: m×m, X: n×n"),
    ("gradient", "diag(M)ᵀ e + tr(E)", "M", "M: n×n, e: n, E: n×n"),
    ("gradient", "−logdet(Xᵀ diag(w) X)", "w", "X: m×n, w: m positive, n < m"),
    ("gradient", "aᵀ X³ b + tr(X⁻²)", "X", "X: n×n, a: n, b: n"),
    ("gradient", "tr(expm(A) B)", "A", "A: n×n, B: n×n"),
    ("gradient", "(𝟏ᵀ Y b) / (1 + (𝟏ᵀ Y b)^2)", "Y", "Y: m×k, b: k"),
    ("gradient", "norm1(y) / (1 + norm1(y)^2)", "y", "y: n"),
    ("gradient", "1/m*norm2(X*w - y)^2", "w", "X: m×n, w: n, y: m"),
    ("gradient", "aᵀx", "z", "a: n, x: n, z: m"),
    ("gradient", "‖Wᵀx − y‖² + ‖W⁻¹ x − y‖²", "W", "W: n×n, x: n, y: n"),
    ("gradient", "vᵀ tanh(W tanh(W h + b) + c)", "W", "v: n, W: n×n, h: n, b: n, c: n"),
    ("gradient", "sum((exp(A Bᵀ) ./ (exp(A Bᵀ) 𝟏 𝟏ᵀ)) ⊙ C)", "A", "A: m×n, B: p×n, C: m×p"),
    ("gradient", "½‖(A + B F)(A + B F) x‖² + ½‖F x‖²", "F", "A: n×n, B: n×k, F: k×n, x: n"),
    ("gradient", "(xᵀ A x) / (xᵀ x) + sqrt((x − y)ᵀ (x − y))", "x", "A: n×n symmetric, y: n"),
    ("gradient", "tr((WᵀS W)⁻¹ Wᵀ B W) − logdet(WᵀS W)", "W", "W: n×k, S: n×n spd, B: n×n symmetric, k < n"),
    ("gradient", "−yᵀ log(σ(X w)) − (𝟏 − y)ᵀ log(𝟏 − σ(X w))", "w", "X: m×n, w: n, y: m"),
    ("gradient", "sum(A ./ (W H)) + sum(log(W H))", "H", "A: m×n positive, W: m×k positive, H: k×n positive"),
    ("gradient", "tr((I − K H) P (I − K H)ᵀ + K R Kᵀ)", "K", "K: n×m, H: m×n, P: n×n spd, R: m×m spd"),
    ("gradient", "‖(I + W)² x − y‖² + s ‖W‖² + mean(W)", "s", "W: n×n, x: n, y: n, s: scalar"),
    ("gradient", "det(t A + B) + (aᵀ b)^-2", "t", "A: n×n, B: n×n, a: n, b: n, t: scalar"),
    ("gradient", "‖[A; λ B] x − [b; c]‖² + vec(X)ᵀ vec(A X)", "x", "A: n×n, B: k×n, X: n×p, b: n, c: k"),
    ("gradient", "sum(sqrt(𝟏 + (A x).^2)) + sqrt(t^2 + ‖x‖²)", "x", "A: m×n, x: n, t: scalar"),
    ("gradient", "sum(log(cosh(A x))) + bᵀ (exp(x)/sum(exp(x)))", "x", "A: m×n, x, b: n"),
    ("gradient", "log(sum(exp(A X)))", "X", "A: m×n, X: n×p"),
    ("jacobian", "tanh(t X)", "t", "X: m×n, t: scalar"),
    ("jacobian", "diag(v) A v + v (vᵀ A v)", "v", "v: n, A: n×n"),
    ("jacobian", "exp(x) ./ (𝟏 + x.^2)", "x", "x: n"),
    ("gradient", "sum(exp(x) + exp(x/2) + exp(x/4))", "x", "x: n"),
    ("gradient", "sum(exp(x/4) + exp(x) + exp(x/2))", "x", "x: n"),
    ("hessian", "(xᵀ A x)² + ‖B x − b‖", "x", "x: n, A: n×n, B: m×n, b: m"),
    ("hessian", "vᵀ tanh(W x) + sum(x ⊙ log(x))", "x", "v: m, W: m×n, x: n positive"),
    ("jacobian", "tanh(W x + b)", "x", "W: m×n, x: n, b: m"),
    ("jacobian", "(x − a)/‖x − a‖", "x", "x: n, a: n"),
    ("jacobian", "A X B", "X", "A: p×m, X: m×n, B: n×q"),
    ("jacobian", "(A + t B)^3", "t", "A: n×n, B: n×n, t: scalar"),
    ("jacobian", "aᵀ x", "x", "a: n, x: n"),
    ("hessian", "sum(softplus(−(y ⊙ (X w))))", "w", "X: m×n, w: n, y: m"),
    ("hessian", "exp(−‖x − y‖²)", "x", "x: n, y: n"),
    ("hvp", "½‖WᵀWx − x‖²", ("W", "V"), "W: m×n, x: n, V: m×n"),
    ("hvp", "tr(X³) + logdet(X)", ("X", "V"), "X: n×n, V: n×n"),
]
IDS = [f"{kind} {formula}" for kind, formula, _, _ in FORMULAS]


def derived(kind, formula, wrt, where):
    names = (wrt,) if isinstance(wrt, str) else wrt
    return getattr(derive, kind)(formula, *names, where=where)


def public(value, expr):
    return value[0, 0] if expr.is_scalar else value[:, 0] if expr.is_vector else value


def point_of(derivation, seed=1):
    """Arguments of the generated functions by name, and the point they are made of."""
    point = random_point([derivation.loss, derivation.result], seed)
    symbols = [*symbols_of(derivation.loss), *symbols_of(derivation.result), derivation.wrt]
    arguments = {}
    for symbol in dict.fromkeys(s for s in symbols if s is not None):
        if symbol not in point.values:
            rows, columns = (d.evaluate(dict.fromkeys(d.names, 2) | point.sizes) for d in symbol.shape)
            point.values[symbol] = np.ones((rows, columns))
        arguments[derive.names.identifier(symbol.name)] = public(point.values[symbol], symbol)
    return arguments, point


def converted(backend, arguments):
    if backend == "torch":
        import torch

        return {name: torch.tensor(np.asarray(a)) for name, a in arguments.items()}
    if backend == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
        return {name: jax.numpy.asarray(a) for name, a in arguments.items()}
    return {name: np.asarray(a) for name, a in arguments.items()}


def require(backend):
    if importlib.util.find_spec(NEEDS[backend]) is None:
        pytest.skip(f"{NEEDS[backend]} is not installed")


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(MissingExtraError, match="needs jax, which is not installed") as error:
        derived(*FORMULAS[0]).function("jax")
    assert "pip install jax" in str(error.value)
    assert "import jax" in derived(*FORMULAS[0]).source("jax")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind, formula, wrt, where", FORMULAS, ids=IDS)
def test_every_dialect_computes_what_the_witness_does(kind, formula, wrt, where, backend):
    require(backend)
    derivation = derived(kind, formula, wrt, where)
    arguments, point = point_of(derivation)
    for returns, expr in (("value", derivation.loss), ("derivative", derivation.result)):
        f = derivation.function(backend, returns=returns)
        given = {n: a for n, a in arguments.items() if n in inspect.signature(f).parameters}
        sizes = {n: point.sizes[n] for n in inspect.signature(f).parameters if n not in given}
        got = np.asarray(f(**converted(backend, given), **sizes))
        want = public(evaluate(expr, point.values, point.sizes), expr)
        assert got.shape == np.shape(want)
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-10 * (1 + np.abs(want).max()))


@pytest.mark.parametrize("kind, formula, wrt, where", FORMULAS, ids=IDS)
def test_the_array_api_source_asks_for_nothing_beyond_the_standard(kind, formula, wrt, where):
    strict = pytest.importorskip("array_api_strict")
    pytest.importorskip("array_api_compat")
    derivation = derived(kind, formula, wrt, where)
    arguments, point = point_of(derivation)
    for returns, expr in (("value", derivation.loss), ("derivative", derivation.result)):
        f = derivation.function("array-api", returns=returns)
        names = inspect.signature(f).parameters
        given = {n: strict.asarray(a, dtype=strict.float64) for n, a in arguments.items() if n in names}
        got = f(**given, **{n: point.sizes[n] for n in names if n not in given})
        want = public(evaluate(expr, point.values, point.sizes), expr)
        assert got.shape == np.shape(want)
        np.testing.assert_allclose(np.from_dlpack(got), want, rtol=1e-9, atol=1e-10 * (1 + np.abs(want).max()))


@pytest.mark.parametrize("seed", range(40))
def test_generated_code_agrees_with_the_witness_on_random_formulas(seed):
    loss, wrt = generate.formula(seed, 3)
    derivation = derive.gradient(loss, wrt.name)
    try:
        point = random_point([loss, derivation.result], seed)
    except derive.DeriveError:
        pytest.skip("defined nowhere")
    f = derivation.function(returns="value_and_gradient")
    arguments = []
    symbols = {derive.names.identifier(s.name): s for s in [*symbols_of(loss), wrt]}
    for name in inspect.signature(f).parameters:
        symbol = symbols.get(name)
        arguments.append(point.sizes[name] if symbol is None else public(point.values[symbol], symbol))
    for got, expr in zip(f(*arguments), (loss, derivation.result), strict=True):
        want = public(evaluate(expr, point.values, point.sizes), expr)
        np.testing.assert_allclose(got, want, rtol=1e-7, atol=1e-8 * (1 + np.abs(want).max()))


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_operation_has_an_entry_or_a_named_refusal(backend):
    assert all(row_of(op) or name in REFUSED for name, op in OPERATIONS.items())
    spoken = dialects.dialect(backend)
    for kind in dialects.COMMON:
        assert spoken.template(kind)
    for text in spoken.templates.values():
        for word in text.replace("(", " ( ").split():
            if word.startswith("_") and word.isidentifier():
                assert word in spoken.helpers, word


REFUSED: set[str] = set()


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated")
    for i, (kind, formula, wrt, where) in enumerate(FORMULAS):
        made = derived(kind, formula, wrt, where)
        for backend in BACKENDS:
            text = made.source(backend)
            (folder / f"{backend.replace('-', '_')}_{i}.py").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.skipif(importlib.util.find_spec("ruff") is None, reason="ruff is not installed")
def test_sources_are_as_ruff_would_have_them(sources):
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", str(sources)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_sources_run_where_neither_we_nor_sympy_can_be_imported(tmp_path):
    (tmp_path / "made.py").write_text(derive.gradient("½‖WᵀWx − x‖²", "W").source(), encoding="utf-8")
    program = (
        "import sys, runpy\n"
        "sys.modules['derive'] = sys.modules['sympy'] = None\n"
        f"module = runpy.run_path({str(tmp_path / 'made.py')!r})\n"
        "import numpy as np\n"
        "W, x = np.arange(6.0).reshape(2, 3), np.ones(3)\n"
        "print(module['value'](W, x), module['gradient'](W, x).shape, len(module['value_and_gradient'](W, x)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    r = np.arange(6.0).reshape(2, 3)
    r = r.T @ (r @ np.ones(3)) - 1
    assert done.stdout.split() == [str(0.5 * r @ r), "(2,", "3)", "2"]


def test_a_source_names_formula_box_shapes_and_cost():
    source = derive.gradient("½‖WᵀWx − x‖²", "W").source()
    head = ast.get_docstring(ast.parse(source))
    for part in ("½ ‖Wᵀ W x − x‖²", "W (Wᵀ W x xᵀ + x xᵀ Wᵀ W − 2 x xᵀ)", "W: m × n, x: n", "10 m n + n"):
        assert part in head
    names = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    assert names[:3] == ["value", "gradient", "value_and_gradient"]
    assert "derive" not in source


def test_a_source_says_where_the_order_of_products_depends_on_sizes():
    where = "A: n×m, X: m×n, B: n×m"
    said = "depends on sizes: with m < n declared, 8 m² n + m n FLOPs"
    open_sizes = derive.gradient("tr(A X B X)", "X", where=where).source()
    assert said in " ".join(open_sizes.split()) and "4 m n² + 4 m² n + m n for the gradient" in open_sizes
    told = derive.gradient("tr(A X B X)", "X", where=where + ", m < n").source()
    assert "declared" not in told and "8 m² n + m n for the gradient" in told
    assert "declared" not in derive.gradient("½‖WᵀWx − x‖²", "W").source()


def test_parameters_are_the_variables_then_the_symbols_in_the_order_of_the_formula():
    f = derive.gradient("λ‖x̂ − μ‖² + tr(I_k)", "z", where="z: p").function()
    names = list(inspect.signature(f).parameters)
    assert names == ["z", "lam", "x_hat", "mu", "k"][: len(names)]
    loss = "½‖X w − y‖² + λ ‖w‖²"
    assert list(inspect.signature(derive.gradient(loss, "w").function()).parameters) == ["w", "X", "y", "lam"]
    both = derive.gradient("‖A x + b‖²", "b, x").function("numpy", "value_and_gradient")
    assert list(inspect.signature(both).parameters) == ["b", "x", "A"]
    h = derive.hvp("½‖WᵀWx − x‖²", "W", "V", where="W: m×n, x: n").function()
    assert list(inspect.signature(h).parameters) == ["W", "x", "V"]


@pytest.mark.parametrize("backend", ["numpy", "scipy"])
@pytest.mark.parametrize("given, expected", [("f4", "f4"), ("f8", "f8"), ("i8", "f8"), ("i4", "f8"), ("?", "f8")])
@pytest.mark.parametrize(
    "formula, wrt, where",
    [
        ("½‖WᵀWx − x‖²", "W", None),
        ("λ sum(tanh(x)) + n ‖x‖ + sum(erf(x)) + sqrt(n)", "x", "λ: scalar, x: n"),
        ("logdet(S) + xᵀ S⁻¹ x + λ/3", "x", "S: n×n spd, x: n, λ: scalar"),
    ],
)
def test_types_stay(formula, wrt, where, given, expected, backend):
    derivation = derive.gradient(formula, wrt, where=where)
    f = derivation.function(backend, returns="value_and_gradient")
    values = {"W": np.eye(2, 3), "x": np.array([1, 0, 1]), "S": np.eye(3), "lam": np.array(2)}
    arguments = {n: values[n].astype(given) for n in inspect.signature(f).parameters}
    for result in f(**arguments):
        assert result.dtype == np.dtype(expected)
    if "lam" in arguments and given == "f4":
        arguments["lam"] = 2.5  # a Python number does not widen
        for result in f(**arguments):
            assert result.dtype == np.float32


def test_complex_arguments_are_refused():
    f = derive.gradient("½‖WᵀWx − x‖²", "W").function()
    with pytest.raises(ValueError, match="x must be real"):
        f(np.ones((2, 3)), np.ones(3, dtype=complex))


@pytest.mark.parametrize(
    "W, x, message",
    [
        (np.ones((2, 3)), np.ones(4), r"x must have shape \(n,\) = \(3,\), not \(4,\)"),
        (np.ones((2, 3)), np.ones((3, 1)), "x must have shape"),
        (np.ones(3), np.ones(3), r"W must have shape \(m, n\), not \(3,\)"),
    ],
)
def test_a_shape_that_does_not_fit_names_the_argument(W, x, message):
    for returns in ("value", "gradient", "value_and_gradient"):
        with pytest.raises(ValueError, match=message):
            derive.gradient("½‖WᵀWx − x‖²", "W").function(returns=returns)(W, x)


def test_a_scalar_must_be_a_number():
    f = derive.gradient("λ‖x‖²", "x").function()
    with pytest.raises(ValueError, match="lam must be a number"):
        f(np.ones(2), np.ones(2))


@pytest.mark.parametrize("backend", [b for b in BACKENDS if b != "jax"])
def test_what_is_not_positive_definite_is_named(backend):
    require(backend)
    f = derive.gradient("logdet(S)", "S", where="S: n×n spd").function(backend, returns="value_and_gradient")
    with pytest.raises(ValueError, match="S is not positive definite"):
        f(**converted(backend, {"S": np.array([[1.0, 2.0], [2.0, 1.0]])}))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind, formula, wrt, where", FORMULAS[:18], ids=IDS[:18])
def test_nan_in_gives_nan_out_and_arguments_stay(kind, formula, wrt, where, backend):
    require(backend)
    derivation = derived(kind, formula, wrt, where)
    arguments, _ = point_of(derivation)
    f = derivation.function(backend, returns="value")
    given = {n: np.array(a) for n, a in arguments.items() if n in inspect.signature(f).parameters}
    copies = {n: a.copy() for n, a in given.items()}
    f(**given if backend in ("numpy", "scipy") else converted(backend, given))
    for name, array in given.items():
        np.testing.assert_array_equal(array, copies[name])
    name = derive.names.identifier(derivation.wrt.name)
    given[name] = np.array(given[name])
    given[name].flat[0] = np.nan
    assert np.isnan(np.asarray(f(**converted(backend, given)))).any()


def test_scipy_minimizes_over_a_matrix():
    optimize = pytest.importorskip("scipy.optimize")
    rng = np.random.default_rng(0)
    A, V = rng.standard_normal((6, 5)), rng.standard_normal((5, 2))
    loss = "½‖A − U Vᵀ‖² + ½‖U‖²"
    where = "A: m×n, U: m×k, V: n×k"
    f = Objective(derive.gradient(loss, "U", where=where), derive.hvp(loss, "U", "D", where=where), A=A, V=V)
    start = f.flat(np.zeros((6, 2)))
    found = optimize.minimize(f, start, jac=True, hessp=f.hessp, method="trust-ncg")
    np.testing.assert_allclose(f.shaped(found.x), A @ V @ np.linalg.inv(V.T @ V + np.eye(2)), atol=1e-6)


def test_dask_arrays_in_chunks_give_what_numpy_gives():
    da = pytest.importorskip("dask.array")
    pytest.importorskip("array_api_compat")
    rng = np.random.default_rng(0)
    W, X = rng.standard_normal((3, 5)), rng.standard_normal((5, 40))
    derivation = derive.gradient("½‖WᵀWX − X‖_F²", "W")
    value, slope = derivation.function("array-api", returns="value_and_gradient")(
        da.from_array(W), da.from_array(X, chunks=(5, 8))
    )
    want = derivation.function(returns="value_and_gradient")(W, X)
    np.testing.assert_allclose(np.asarray(value), want[0])
    np.testing.assert_allclose(np.asarray(slope), want[1])


def test_jax_shards_the_batch_over_devices():
    pytest.importorskip("jax")
    program = """
import os
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"
import jax, numpy as np, sys
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
jax.config.update("jax_enable_x64", True)
import derive
d = derive.gradient("½‖WᵀWX − X‖_F²", "W")
rng = np.random.default_rng(0)
W, X = rng.standard_normal((3, 5)), rng.standard_normal((5, 40))
mesh = Mesh(np.array(jax.devices()), ("batch",))
sharded = jax.device_put(X, NamedSharding(mesh, P(None, "batch")))
value, slope = jax.jit(d.function("jax", returns="value_and_gradient"))(W, sharded)
want = d.function(returns="value_and_gradient")(W, X)
assert len(sharded.sharding.device_set) == 4
np.testing.assert_allclose(value, want[0]); np.testing.assert_allclose(slope, want[1])
print("equal")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "equal", done.stderr


def test_jax_functions_compile_and_map():
    jax = pytest.importorskip("jax")
    f = derive.gradient("½‖WᵀWx − x‖²", "W").function("jax")
    rng = np.random.default_rng(0)
    W, X = rng.standard_normal((3, 5)), rng.standard_normal((7, 5))
    each = jax.jit(jax.vmap(f, in_axes=(None, 0)))(W, X)
    plain = derive.gradient("½‖WᵀWx − x‖²", "W").function()
    np.testing.assert_allclose(each, np.stack([plain(W, x) for x in X]), rtol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("per_sample", [False, True])
def test_a_batch_gives_the_sum_or_each(backend, per_sample):
    require(backend)
    derivation = derive.gradient("½‖WᵀWx − x‖²", "W")
    rng = np.random.default_rng(0)
    W, X = rng.standard_normal((3, 5)), rng.standard_normal((4, 5))
    f = derivation.function(backend, returns="value_and_gradient", batch="x", per_sample=per_sample)
    plain = derivation.function(returns="value_and_gradient")
    each = [np.stack(parts) for parts in zip(*(plain(W, x) for x in X))]
    want = each if per_sample else [part.sum(0) for part in each]
    for got, expected in zip(f(**converted(backend, {"W": W, "x": X})), want):
        np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-12)
    with pytest.raises(derive.DeriveError, match="q is no argument"):
        derivation.function(backend, batch="q")


@pytest.mark.parametrize("backend", ["numpy", "scipy"])
@pytest.mark.parametrize("kind, formula, wrt, where", FORMULAS, ids=IDS)
def test_buffers_change_nothing(kind, formula, wrt, where, backend):
    derivation = derived(kind, formula, wrt, where)
    for seed in (1, 2, 1):
        arguments, point = point_of(derivation, seed)
        for returns in ("value", "derivative", *["value_and_gradient"][: kind == "gradient"]):
            held = _held(derivation, backend, returns)
            parameters = inspect.signature(held).parameters
            given = {n: np.array(a) if np.ndim(a) else float(a) for n, a in arguments.items() if n in parameters}
            sizes = {n: point.sizes[n] for n in parameters if n not in given}
            wanted = _held(derivation, "numpy", returns, False)(**given, **sizes)
            got = held(**given, **sizes)
            for one, want in zip(got, wanted, strict=True) if returns == "value_and_gradient" else [(got, wanted)]:
                np.testing.assert_allclose(one, want, rtol=1e-9, atol=1e-11 * (1 + np.abs(want).max()))


_functions: dict = {}


def _held(derivation, backend, returns, workspace=True):
    key = (derivation.loss, derivation.result, backend, returns, workspace)
    if key not in _functions:
        _functions[key] = derivation.function(backend, returns=returns, workspace=workspace)
    return _functions[key]


@pytest.mark.parametrize("backend", ["numpy", "scipy"])
def test_buffers_are_kept_where_no_argument_is_an_array(backend):
    f = derive.gradient("logdet(c I_n + 𝟏 𝟏ᵀ)", "c", "c: scalar").function(backend, workspace=True)
    for c, n in ((2.0, 3), (1.5, 4), (2.0, 3)):
        np.testing.assert_allclose(f(c, n=n), np.trace(np.linalg.inv(c * np.eye(n) + 1)))


def test_a_workspace_goes_through_large_matrices_by_rows():
    rng = np.random.default_rng(0)
    derivation = derive.gradient("½‖WᵀWx − x‖²", "W")
    held = derivation.function(returns="value_and_gradient", workspace=True)
    for shape in ((300, 1000), (7, 40000), (3, 4)):
        W, x = rng.standard_normal(shape) / shape[1] ** 0.5, rng.standard_normal(shape[1])
        for got, want in zip(held(W, x), derivation.function(returns="value_and_gradient")(W, x)):
            np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12)
    first = held(W, x)[1]
    assert held(2 * W, x)[1] is first  # the next call overwrites the last result
    with pytest.raises(ValueError, match="x must have shape"):
        held(W, np.ones(5))


@pytest.mark.parametrize("workspace", [False, True])
@pytest.mark.parametrize(
    "formula, wrt, where",
    [
        ("½ logdet(S) + ½ (x − u)ᵀ S⁻¹ (x − u)", "S", "S: n×n spd, x: n, u: n"),
        ("3 logdet(S) + xᵀ S⁻¹ x", "S", "S: n×n spd, x: n"),
        ("xᵀ S⁻¹ x − logdet(S) + t sum(S)", "S", "S: n×n spd, x: n, t: scalar"),
        ("xᵀ A B y + tr(A B)² + sum(A B C)", "A", "A: n×n, B: n×n, C: n×n, x: n, y: n"),
    ],
)
def test_blas_adds_rank_one_terms_in_place(formula, wrt, where, workspace):
    pytest.importorskip("scipy")
    derivation = derive.gradient(formula, wrt, where)
    assert "= _add_outer(" in derivation.source("scipy") and "_add_outer" not in derivation.source()
    arguments, _ = point_of(derivation)
    for dtype, tolerance in ((np.float64, 1e-9), (np.float32, 1e-3)):
        f, plain = derivation.function("scipy", workspace=workspace), derivation.function()
        given = {n: np.asarray(arguments[n], dtype) for n in inspect.signature(f).parameters}
        before = {n: a.copy() for n, a in given.items()}
        for _ in range(2):
            got, want = f(**given), plain(**given)
            assert got.dtype == dtype
            np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance * np.abs(want).max())
        for name, array in before.items():
            np.testing.assert_array_equal(given[name], array)


def test_products_of_constant_data_are_computed_once():
    rng = np.random.default_rng(0)
    plain = derive.gradient("½‖WᵀWX − X‖_F²", "W")
    kept = derive.gradient("½‖WᵀWX − X‖_F²", "W", where="X: n×B constant, n < B, W: m×n, m < n")
    assert codegen.program_of(kept).kept and not codegen.program_of(plain).kept
    f, g = kept.function(), plain.function()
    for _ in range(2):
        W, X = rng.standard_normal((3, 5)), rng.standard_normal((5, 9))
        for _ in range(2):
            np.testing.assert_allclose(f(W, X), g(W, X), rtol=1e-12)


@pytest.mark.parametrize("backend", ["numpy", "scipy"])
def test_a_constant_rank_one_term_is_kept_whole(backend):
    where = "z: m constant, s: n constant, T: m×k constant, M: n×k constant, Q: k×k"
    f = derive.gradient("‖z sᵀ M − T Q‖²", "Q", where).function(backend, returns="value_and_gradient")
    rng = np.random.default_rng(0)
    z, s, T, M, Q = (rng.normal(size=shape) for shape in (4, 3, (4, 2), (3, 2), (2, 2)))
    for factor in (1.0, -2.0):
        R = factor * np.outer(z, s @ M) - T @ Q
        value, slope = f(Q, z=factor * z, s=s, M=M, T=T)
        np.testing.assert_allclose(value, np.sum(R * R))
        np.testing.assert_allclose(slope, -2 * T.T @ R)


def test_constant_data_may_need_what_nothing_else_does():
    pytest.importorskip("scipy")
    derivation = derive.gradient("‖erf(A) w‖²", "w", where="A: m×n constant, w: n")
    A, w = np.eye(3, 2), np.ones(2)
    np.testing.assert_allclose(derivation.function("scipy")(w, A), derivation.function()(w, A), rtol=1e-12)


def test_an_unknown_backend_or_result_is_refused():
    derivation = derive.gradient("½‖x‖²", "x")
    with pytest.raises(derive.DeriveError, match="no backend"):
        derivation.source("fortran")
    with pytest.raises(derive.DeriveError, match="to return"):
        derivation.function(returns="everything")


def test_a_planted_error_is_found():
    derivation = derive.gradient("½‖WᵀWx − x‖²", "W")
    source = derivation.source().replace("r -= x", "r += x")
    module = callables.executed(source, "<planted>")
    arguments, point = point_of(derivation)
    want = evaluate(derivation.result, point.values, point.sizes)
    assert np.abs(module["gradient"](**arguments) - want).max() > 1e-3


@pytest.mark.parametrize("backend", ["numpy", "scipy", "array-api", "jax", "torch"])
@pytest.mark.parametrize(
    ("formula", "by", "where", "small", "large", "said"),
    [
        ("a x_3 + ‖x‖²", "x", "x: n", (2,), (3,), "x must have shape (n,) with n at least 3, not (2,)"),
        ("A_{32} + tr(A'A)", "A", "A: m×n", (2, 4), (3, 2), "A must have shape (m, n) with m at least 3, not (2, 4)"),
        ("A_{32} + tr(A'A)", "A", "A: m×n", (4, 1), (3, 2), "A must have shape (m, n) with n at least 2, not (4, 1)"),
        ("x_2 + x_5", "x", "x: n", (4,), (5,), "x must have shape (n,) with n at least 5, not (4,)"),
    ],
)
def test_an_entry_beyond_the_end_is_named(backend, formula, by, where, small, large, said):
    """An entry that an argument does not have is refused: a unit vector of zeros would be a wrong answer."""
    pytest.importorskip({"array-api": "array_api_compat"}.get(backend, backend))
    made = derive.gradient(formula, by, where)

    def arguments(shape):
        values = {by: np.ones(shape)} | ({"a": np.asarray(2.0)} if formula.startswith("a") else {})
        if backend == "torch":
            values = {name: sys.modules["torch"].asarray(value) for name, value in values.items()}
        return values

    for returns in ("value", "gradient"):
        function = made.function(backend, returns)
        assert tuple(function(**arguments(large)).shape) == (large if returns == "gradient" else ())
        with pytest.raises(ValueError) as raised:
            function(**arguments(small))
        assert str(raised.value).replace("torch.Size([", "(").replace("])", ",)" if len(small) == 1 else ")") == said
