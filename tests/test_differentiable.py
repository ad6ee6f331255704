"""`to_torch` and `to_jax`: values with the derived backward pass, against the libraries' own differentiation."""

from __future__ import annotations

import inspect
import pickle

import numpy as np
import pytest

import derive
from derive.errors import DeriveError, MissingExtraError
from derive.gradients import Jacobians
from derive.objective import Objective

NET = "h = tanh(W₁ x + b₁); ½‖W₂ h − y‖²"
SHAPES = {"W1": (4, 3), "b1": (4,), "W2": (2, 4), "x": (3,), "y": (2,)}
# What is derived, by what, where, how the value is spelled, and the shapes of the arguments in order.
VALUES = {
    "several variables": (derive.gradient, NET, ["W1", "b1", "W2"], None, SHAPES),
    "one variable": (derive.gradient, NET, "W2", None, {"W2": (2, 4), "W1": (4, 3), "x": (3,), "b1": (4,), "y": (2,)}),
    "attention": (
        derive.gradient, "⟨G, softmax(Q Kᵀ/√d) V⟩", ["Q", "K", "V"], "Q: n×d, K: m×d, V: m×p, G: n×p",
        {"Q": (5, 3), "K": (4, 3), "V": (4, 2), "G": (5, 2)},
    ),
    "a scalar": (derive.gradient, "‖X w − y‖² + λ ‖w‖²", ["w", "λ"], "λ: scalar",
                 {"w": (3,), "lam": (), "X": (5, 3), "y": (5,)}),
    "a determinant": (derive.gradient, "logdet(AᵀA) + tr(B A⁻¹)", "A", "A, B: n×n", {"A": (3, 3), "B": (3, 3)}),
    "a vector": (derive.jacobian, "tanh(W x + b)", "W", None, {"W": (4, 3), "x": (3,), "b": (4,)}),
    "a matrix": (derive.jacobian, "softmax(Q Kᵀ) V", "K", "Q: n×d, K: m×d, V: m×p",
                 {"K": (4, 3), "Q": (5, 3), "V": (4, 2)}),
    "a layer of several weights": (
        derive.jacobian, "softmax(Q Kᵀ/√d) V", ["Q", "K", "V"], "Q: n×d, K: m×d, V: m×p",
        {"Q": (5, 3), "K": (4, 3), "V": (4, 2)},
    ),
    "a number by a Jacobian": (derive.jacobian, "xᵀ A x", "x", "A: n×n", {"x": (3,), "A": (3, 3)}),
}  # fmt: skip
CASES = pytest.mark.parametrize("case", VALUES.values(), ids=list(VALUES))


def made(case, library):
    derives, formula, wrt, where, shapes = case
    rng = np.random.default_rng(1)
    derivation = derives(formula, wrt, where)
    function = derivation.to_torch() if library == "torch" else derivation.to_jax()
    values = {name: rng.normal(size=shape) + 0.1 for name, shape in shapes.items()}
    assert list(inspect.signature(function).parameters) == list(values)
    assert list(function.variables) == list(values)[: len(derivation.variables)]
    return derivation, function, values


def valued(derivation, library):
    """The generated value; Jacobians have one by each variable."""
    one = derivation.parts[0] if isinstance(derivation, Jacobians) else derivation
    return one.function(library, returns="value")


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.fixture
def jax():
    found = pytest.importorskip("jax")
    found.config.update("jax_enable_x64", True)
    return found


@CASES
def test_torch_checks_the_gradient_and_the_second_derivative(torch, case):
    _, function, values = made(case, "torch")
    given = [torch.tensor(v, requires_grad=name in function.variables) for name, v in values.items()]
    assert torch.autograd.gradcheck(function, given, check_forward_ad=True, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(function, given, check_fwd_over_rev=True)


@CASES
def test_jax_differentiates_as_it_would_the_generated_value(jax, case):
    """In a larger function, compiled once; and the second derivative along a direction."""
    derivation, function, values = made(case, "jax")
    plain = valued(derivation, "jax")
    given, by = list(values.values()), tuple(range(len(function.variables)))

    def larger(value):
        return jax.grad(lambda *a: jax.numpy.sum(jax.numpy.sin(value(*a)) ** 2), by)

    def both(*a):
        moved = [larger(f)(*a) for f in (function, plain)]
        turned = [
            jax.grad(lambda *a, f=f: sum(jax.numpy.sum(g**2) for g in larger(f)(*a)))(*a) for f in (function, plain)
        ]
        return moved, turned

    first, second = jax.jit(both)(*given)
    for mine, theirs in [*zip(*first, strict=True), second]:
        assert np.allclose(mine, theirs, rtol=1e-9, atol=1e-9)


@CASES
def test_torch_nests_both_modes_in_any_order(torch, case):
    derivation, function, values = made(case, "torch")
    plain = valued(derivation, "torch")
    _, *others = given = [torch.tensor(v) for v in values.values()]
    modes = torch.func.jacfwd, torch.func.jacrev
    want = torch.func.jacrev(torch.func.jacrev(lambda V: plain(V, *others)))(given[0])
    for outer, inner in [(f, g) for f in modes for g in modes]:
        assert torch.allclose(outer(inner(lambda V: function(V, *others)))(given[0]), want, rtol=1e-9, atol=1e-9)


def test_a_tangent_of_what_is_no_variable_is_refused(torch):
    loss = derive.gradient("‖W x − y‖²", "W").to_torch()
    W, x, y = torch.randn(4, 3), torch.randn(3), torch.randn(4)
    with pytest.raises(DeriveError, match=r"a gradient by x is asked for, and there are those by W only"):
        torch.func.jvp(lambda x: loss(W, x, y), (x,), (x,))


@pytest.mark.parametrize("kind", ["one variable", "a vector"])
def test_a_wrong_tangent_would_be_seen(torch, monkeypatch, kind):
    _, function, values = made(VALUES[kind], "torch")
    given = [torch.tensor(v, requires_grad=name in function.variables) for name, v in values.items()]
    right = function.pushed
    monkeypatch.setattr(function, "pushed", lambda t, a: 2 * right(t, a))
    with pytest.raises(RuntimeError, match="Jacobian computed with forward mode mismatch"):
        torch.autograd.gradcheck(function, given, check_forward_ad=True)


@pytest.mark.parametrize("wrt", ["x", ["x", "y"]])
@pytest.mark.parametrize(
    ("formula", "where", "shape"), [("bᵀ (x + y)", "x, y, b: n", (3,)), ("b (x + y)", "x, y, b: scalar", ())]
)
def test_torch_takes_a_gradient_that_is_an_argument(torch, formula, where, shape, wrt):
    d = derive.gradient(formula, wrt, where)
    given = {name: torch.rand(shape) for name in "xyb"}
    variables = [given[name].requires_grad_() for name in wrt]
    d.to_torch()(**given).backward()
    assert all(torch.equal(v.grad, given["b"]) for v in variables)
    found = d.function(backend="torch")(**given)
    places = [t.data_ptr() for t in (*(found if isinstance(found, tuple) else [found]), given["b"])]
    assert len({*places}) == len(places)


def test_a_list_of_one_variable_is_a_list(torch):
    """A mapping of one name, whose functions return a tuple of one, as do those of several."""
    both = derive.gradient("½‖tanh(W x) − y‖²", ["W"]), derive.gradient("½‖tanh(W x) − y‖²", "W")
    W, x, y = np.arange(6.0).reshape(2, 3) / 5, np.ones(3), np.zeros(2)
    assert list(both[0]) == ["W"]
    for backend in ("numpy", "torch"):
        given = [torch.tensor(v) for v in (W, x, y)] if backend == "torch" else [W, x, y]
        value, (slope,) = both[0].function(backend, returns="value_and_gradient")(*given)
        (alone,) = both[0].function(backend)(*given)
        wanted = both[1].function(backend, returns="value_and_gradient")(*given)
        assert np.array_equal(slope, wanted[1]) and np.array_equal(alone, slope) and float(value) == float(wanted[0])
    objective = Objective(both[0], derive.hvp(both[0].loss, ["W"], ["V"]), x=x, y=y)
    _, flat = objective(objective.flat(W))
    assert objective.hessp(flat, flat).shape == (6,) == objective.shaped(flat)[0].ravel().shape
    assert np.array_equal(flat, both[1].function()(W, x, y).ravel())
    weight = torch.tensor(W, requires_grad=True)
    both[0].to_torch()(weight, torch.tensor(x), torch.tensor(y)).backward()
    assert np.allclose(weight.grad.ravel(), flat)
    for derived in (both[0], derive.hvp(both[0].loss, ["W"], ["V"])):
        assert derived.verify() < 1e-8 and derived.text() and derived.html() and derived.latex()


def test_a_wrong_gradient_would_be_seen(torch, monkeypatch):
    """The backward pass is the derivation's, not the library's: a planted factor 2 arrives."""
    _, function, values = made(VALUES["one variable"], "torch")
    given = [torch.tensor(v, requires_grad=name == "W2") for name, v in values.items()]
    right = function.forward
    monkeypatch.setattr(function, "forward", lambda a: (right(a)[0], 2 * right(a)[1]))
    with pytest.raises(RuntimeError, match="Jacobian mismatch"):
        torch.autograd.gradcheck(function, given)


def test_torch_trains_with_it_step_by_step_as_with_autograd(torch):
    torch.manual_seed(0)
    loss = derive.gradient(NET, ["W1", "b1", "W2"]).to_torch()
    X, Y = torch.randn(16, 3, dtype=torch.float64), torch.randn(16, 2, dtype=torch.float64)
    start = [torch.randn(SHAPES[name], dtype=torch.float64) for name in ("W1", "b1", "W2")]

    def autograd(W, b, V, x, y):
        return ((V @ torch.tanh(W @ x + b) - y) ** 2).sum() / 2

    paths = []
    for function in (loss, autograd):
        weights = [w.clone().requires_grad_() for w in start]
        optimizer = torch.optim.Adam(weights, lr=0.05)
        path = []
        for _ in range(30):
            optimizer.zero_grad()
            value = torch.vmap(function, (None, None, None, 0, 0))(*weights, X, Y).mean()
            value.backward()
            optimizer.step()
            path.append(float(value.detach()))
        paths.append(path)
    assert np.allclose(*paths, rtol=1e-10)
    assert paths[0][-1] < 0.7 * paths[0][0]


def test_types_are_kept(torch):
    W = torch.randn(4, 3, requires_grad=True)
    x, y = torch.randn(3), torch.randn(4)
    loss = derive.gradient("‖W x − y‖²", "W").to_torch()
    assert loss(W, x, y).dtype is torch.float32
    value = loss(W, x.double(), y)  # as PyTorch promotes
    value.backward()
    assert value.dtype is torch.float64 and W.grad.dtype is torch.float32


def test_jax_keeps_types(jax):
    f32 = jax.numpy.float32
    W, x, y = jax.numpy.ones((4, 3), f32), jax.numpy.ones(3, f32), jax.numpy.ones(4, f32)
    loss = derive.gradient("‖W x − y‖²", "W").to_jax()
    assert loss(W, x, y).dtype == f32 == jax.grad(loss)(W, x, y).dtype
    assert jax.grad(loss)(W, np.ones(3, int), y).dtype == f32


def test_what_is_no_variable_has_no_gradient_and_says_so(torch):
    loss = derive.gradient("‖W x − y‖²", "W").to_torch()
    W, x, y = torch.randn(4, 3, requires_grad=True), torch.randn(3, requires_grad=True), torch.randn(4)
    with pytest.raises(DeriveError, match=r"a gradient by x is asked for, and there are those by W only"):
        loss(W, x, y)
    loss(W, x.detach(), y).backward()
    assert W.grad is not None and x.grad is None
    with torch.no_grad():
        assert not loss(W, x, y).requires_grad


def test_jax_says_so_too(jax):
    loss = derive.gradient("‖W x − y‖²", "W").to_jax()
    W, x, y = np.ones((4, 3)), np.ones(3), np.ones(4)
    with pytest.raises(DeriveError, match=r"pass jax.lax.stop_gradient\(x\)"):
        jax.grad(loss, 1)(W, x, y)
    assert jax.grad(lambda W: loss(W, jax.lax.stop_gradient(W[0]), y))(W).shape == (4, 3)


def test_functions_and_dimensions_go_through(torch, jax):
    derivation = derive.gradient("sum(ρ(W x)) + λ tr(I_k)", ["W", "λ"], where="W: m×n, λ: scalar")
    W, x = np.arange(6.0).reshape(2, 3) / 5, np.ones(3)
    loss = derivation.to_torch()
    assert list(inspect.signature(loss).parameters) == ["W", "lam", "x", "rho", "drho", "k"]
    weight, lam = torch.tensor(W, requires_grad=True), torch.tensor(0.5, requires_grad=True, dtype=torch.float64)
    loss(weight, lam, torch.tensor(x), torch.sin, torch.cos, 7).backward()
    assert np.allclose(weight.grad, np.outer(np.cos(W @ x), x)) and float(lam.grad) == 7
    by_jax = jax.grad(derivation.to_jax(), (0, 1))(W, 0.5, x, jax.numpy.sin, jax.numpy.cos, 7)
    assert np.allclose(by_jax[0], weight.grad) and float(by_jax[1]) == 7


def test_shapes_and_arguments_are_checked(torch):
    loss = derive.gradient("‖W x − y‖²", "W").to_torch()
    W = torch.randn(4, 3, requires_grad=True)
    with pytest.raises(ValueError, match="x must have shape"):
        loss(W, torch.ones(2), torch.ones(4))
    with pytest.raises(TypeError, match="missing a required argument: 'y'"):
        loss(W, torch.ones(3))
    assert float(loss(W.detach(), y=torch.zeros(4), x=torch.zeros(3))) == 0


def test_they_pickle(torch, jax):
    for library in ("torch", "jax"):
        _, function, values = made(VALUES["a vector"], library)
        given = [torch.tensor(v) for v in values.values()] if library == "torch" else list(values.values())
        again = pickle.loads(pickle.dumps(function))
        assert np.array_equal(again(*given), function(*given)) and again.variables == function.variables


@pytest.mark.parametrize("library", ["torch", "jax"])
def test_what_is_no_backward_pass_is_refused(library):
    for derivation in (
        derive.hessian("‖A x‖²", "x"),
        derive.hvp("‖A x‖²", "x", "v"),
        derive.differential("‖A x‖²"),
        derive.stiefel_gradient("tr(QᵀA)", "Q"),
    ):
        with pytest.raises(DeriveError, match="is no backward pass"):
            getattr(derivation, f"to_{library}")()


@pytest.mark.parametrize("library", ["torch", "jax"])
def test_a_missing_library_is_named(library, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.setitem(sys.modules, f"{library}.numpy", None)
    with pytest.raises(MissingExtraError, match=f"needs {library}, which is not installed"):
        getattr(derive.gradient("‖A x‖²", "x"), f"to_{library}")()


def test_a_call_inspects_no_signature(torch, monkeypatch):
    layer = derive.jacobian("W x", "x, W").to_torch()
    W, x = torch.ones(2, 3, requires_grad=True), torch.ones(3, requires_grad=True)
    monkeypatch.setattr("derive.differentiable.inspect", None)
    layer(x, W).sum().backward()
    assert torch.equal(x.grad, W.detach().sum(0))
