"""Gradients by several variables: each as alone, one program for all, in every dialect."""

from __future__ import annotations

from unicodedata import normalize

import numpy as np
import pytest

import derive
from derive import dialects
from derive.derivation import Sweep
from derive.errors import DeriveError, UnknownSymbolError
from derive.numeric import random_point
from tests.optional import has

LOSSES = [
    ("½‖tanh(W₂ tanh(W₁ x + b₁) + b₂) − y‖²", ["W1", "b1", "W2", "b2"], None),
    ("½‖WᵀWx − x‖²", ["x", "W"], None),
    ("½‖M ⊙ (A − U Vᵀ)‖² + λ‖U‖² + λ‖V‖²", ["U", "V", "λ"], "λ: scalar"),
    ("logdet(S) + (x − μ)ᵀ S⁻¹ (x − μ)", ["μ", "S"], "S: n×n spd, x: n, μ: n"),
    ("‖W x‖²", ["W", "q"], "q: n"),
]
LIBRARIES = {"jax": "jax", "torch": "torch", "array-api": "array_api_compat", "scipy": "scipy"}


def arguments_of(several):
    point = random_point([several.loss, *several.variables, *(part.result for part in several.parts)], seed=3)
    values = {}
    for symbol, value in point.values.items():
        array = value[0, 0] if symbol.is_scalar else value[:, 0] if symbol.is_vector else value
        values[derive.names.identifier(symbol.name)] = array
    return values, point


@pytest.mark.parametrize("backend", dialects.DIALECTS)
@pytest.mark.parametrize("loss, wrt, where", LOSSES, ids=[loss for loss, _, _ in LOSSES])
def test_one_function_computes_what_each_alone_does(loss, wrt, where, backend):
    if backend in LIBRARIES and not has(LIBRARIES[backend]):
        pytest.skip(f"{LIBRARIES[backend]} is not installed")
    several = derive.gradient(loss, wrt, where)
    assert list(several) == [derive.names.canonical(name) for name in wrt] and several.verify() < 1e-6
    values, point = arguments_of(several)
    for options in ({}, {"workspace": True}) if backend in ("numpy", "scipy") else ({},):
        f = several.function(backend, "value_and_gradient", **options)
        given = {name: values[name] for name in derive_parameters(f) if name in values}
        if backend == "torch":
            import torch

            given = {name: torch.tensor(np.asarray(value)) for name, value in given.items()}
        if backend == "jax":
            import jax

            jax.config.update("jax_enable_x64", True)
        for _ in range(2):
            value, gradients = f(**given)
            np.testing.assert_allclose(float(value), point.evaluate(several.loss)[0, 0], rtol=1e-10)
            assert len(gradients) == len(wrt)
            for name, got in zip(wrt, gradients, strict=True):
                alone = derive.gradient(loss, name, where)
                want = point.evaluate(alone.result)
                np.testing.assert_allclose(np.ravel(got), np.ravel(want), rtol=1e-8, atol=1e-12)


def derive_parameters(f):
    import inspect

    return list(inspect.signature(f).parameters)


@pytest.mark.parametrize("loss, wrt, where", LOSSES, ids=[loss for loss, _, _ in LOSSES])
def test_the_parts_of_a_sweep_are_those_of_a_sweep_alone(loss, wrt, where):
    several = derive.gradient(loss, wrt, where)
    for name in wrt:
        alone = derive.gradient(loss, name, where)
        assert several[name].result is alone.result and several[name].boxed is alone.boxed
        assert several[name].conditions == alone.conditions
        assert [(s.view, s.index) for s in several[name].steps] == [(s.view, s.index) for s in alone.steps]
        assert [c.route for c in several[name].contributions] == [c.route for c in alone.contributions]


def test_the_forward_pass_is_shared():
    loss = "½‖W₃ tanh(W₂ tanh(W₁ x)) − y‖²"
    several = derive.gradient(loss, ["W1", "W2", "W3"])
    assert several.source().count("np.tanh(") == 3 * 2  # of value, gradient and both
    wrong = Sweep(several.loss, several.variables[:2])
    assert len(wrong.totals) == 2 and several.variables[2] not in wrong.totals


def test_names_in_any_spelling_and_commas():
    loss = "‖W₁ x + b₁‖²"
    several = derive.gradient(loss, "W_1, b1")
    assert several["W₁"] is several["W_{1}"] and "b_1" in several and "z" not in several
    assert [v.text() for v in several.variables] == ["W₁", "b₁"]
    with pytest.raises(UnknownSymbolError, match="no gradient by z was asked for"):
        several["z"]
    with pytest.raises(DeriveError, match="asked for twice"):
        derive.gradient(loss, ["W1", "W_1"])
    with pytest.raises(DeriveError, match="no variable is named"):
        derive.gradient(loss, [])


def test_the_page_tells_the_forward_pass_once_and_boxes_each():
    several = derive.gradient("½‖tanh(W₂ tanh(W₁ x)) − y‖²", ["W1", "W2"])
    page = several.text()
    assert page.count("\nForward") == page.count("\nBackward") == 1
    assert page.count("┌") == 2 and "The gradient by W₁" in page and "From L towards W₁ and W₂" in page
    assert several.latex().count(r"\boxed") == 2 and several.html().count("∂L/∂") > 4 and several.markdown()
    assert repr(several) == "<gradient of L by W₁ (n × m), W₂ (p × n)>" or "W₁" in repr(several)


def test_deep_nets_are_answered_in_named_intermediates():
    layers, weights = "x", [f"W_{i}" for i in range(1, 9)]
    for weight in weights:
        layers = f"tanh({weight} {layers})"
    several = derive.gradient(f"½‖{layers} − y‖²", weights)
    page = several.text()
    assert page.count("┌") == 8 and "∂L/∂W₁ = (∂L/∂z₁) xᵀ" in page


def test_hessians_come_in_blocks():
    blocks = derive.hessian("½‖A − U Vᵀ‖²", ["U", "V"])
    assert list(blocks) == [("U", "U"), ("U", "V"), ("V", "U"), ("V", "V")] and blocks.verify() < 1e-6
    assert blocks["U", "U"].boxed is derive.hessian("½‖A − U Vᵀ‖²", "U").boxed
    with pytest.raises(UnknownSymbolError, match="two names"):
        blocks["U"]
    assert derive.equal(blocks["U", "V"].boxed, blocks["V", "U"].boxed.T)


def test_products_with_the_hessian_run_along_all_directions_at_once():
    loss, where = "½‖A − U Vᵀ‖² + λ‖U‖²", "λ: scalar"
    products = derive.hvp(loss, ["U", "V"], ["P", "Q"], where)
    assert products.verify() < 1e-6 and "dU = P and dV = Q" in products.text()
    U, V, A, P, Q = (np.arange(1.0, 1 + np.prod(s)).reshape(s) for s in ((3, 2), (4, 2), (3, 4), (3, 2), (4, 2)))
    gradient = derive.gradient(loss, ["U", "V"], where).function()
    step = 1e-6
    forward = gradient(U + step * P, V + step * Q, A, 0.5)
    back = gradient(U - step * P, V - step * Q, A, 0.5)
    for got, plus, minus in zip(products.function()(U, V, A, 0.5, P, Q), forward, back, strict=True):
        np.testing.assert_allclose(got, (plus - minus) / (2 * step), rtol=1e-6)
    with pytest.raises(DeriveError, match="2 variables need as many directions"):
        derive.hvp(loss, ["U", "V"], "P", where)
    with pytest.raises(DeriveError, match="direction of its own"):
        derive.hvp("xᵀ y + ‖x‖²", ["x", "y"], ["v", "v"], "x: n, y: n")


def test_the_command_line_takes_several(capsys):
    from derive.cli import main

    assert main(["gradient", "½‖A − U Vᵀ‖²", "--wrt", "U,V", "--to", "json"]) == 0
    import json

    told = json.loads(capsys.readouterr().out)
    assert told["wrt"] == ["U", "V"] and [part["wrt"] for part in told["derivatives"]] == ["U", "V"]
    for form in ("latex", "text", "markdown", "html", "numpy", "mermaid"):
        assert main(["gradient", "½‖A − U Vᵀ‖²", "--wrt", "U, V", "--to", form]) == 0 and capsys.readouterr().out
    assert main(["gradient", "½‖A − U Vᵀ‖²", "--wrt", "U,V", "--to", "sympy"]) == 2
    assert main(["hessian", "½‖A − U Vᵀ‖²", "--wrt", "U,V"]) == 2
    assert "one of them is printed at a time" in capsys.readouterr().err


def test_what_is_of_several_variables_pickles():
    import pickle

    several = derive.gradient("½‖A − U Vᵀ‖²", ["U", "V"])
    again = pickle.loads(pickle.dumps(several))
    assert [part.boxed for part in again.parts] == [part.boxed for part in several.parts]
    assert again.text() == several.text()
    blocks = pickle.loads(pickle.dumps(derive.hessian("½‖A − U Vᵀ‖²", ["U", "V"])))
    assert blocks["U", "V"].verify() < 1e-6


NAMED = {  # what the author has named -> the shortest form, and lines of the code
    "h = tanh(W₁ x + b₁); ŷ = W₂ h; r = ŷ − y; ½‖r‖²": (
        "W2", "r hᵀ where h = tanh(W₁ x + b₁), ŷ = W₂ h, r = ŷ − y",
        ["np.tanh(h, out=h)", "y_hat = W2.dot(h)  # W₂ h", "r = y_hat - y  # ŷ − y", "np.outer(r, h)  # r hᵀ"],
    ),
    "K = σ² I + A Aᵀ; ½ yᵀ K⁻¹ y + ½ logdet(K)": ("A", "K⁻¹ (I − y yᵀ K⁻¹) A where K = σ² I + A Aᵀ", ["K = A @ A.T"]),
    "r = A x − b; s = ‖r‖²; log(s)": ("x", "2 Aᵀ r / s where r = A x − b, s = ‖r‖²", ["r = A.dot(x)", "s = r.dot(r)"]),
}  # fmt: skip


@pytest.mark.parametrize("formula", NAMED)
def test_the_answer_is_in_the_names_of_the_author(formula):
    wrt, shortest, lines = NAMED[formula]
    derivation = derive.gradient(formula, wrt, "A: n×k, σ: scalar" if "σ" in formula else None)
    assert normalize("NFC", derivation.compact.text()) == shortest
    source = normalize("NFC", derivation.source())
    assert all(line in source for line in lines)
    assert derivation.verify() < 1e-6


@pytest.mark.parametrize("order", [3, 4, 7])
@pytest.mark.parametrize("formula", ["‖A x − b‖_{}", r"\|A x - b\|_{{{}}}", "norm(A x - b, {})"])
def test_a_norm_of_an_order_is_what_numpy_computes(order, formula):
    rng = np.random.default_rng(order)
    A, b, x = rng.standard_normal((4, 3)), rng.standard_normal(4), rng.standard_normal(3)
    f = derive.gradient(formula.format(order), "x", where="A: m×n, b: m, x: n").function(returns="value_and_gradient")
    value, slope = f(A=A, b=b, x=x)
    assert value == pytest.approx(np.linalg.norm(A @ x - b, order), rel=1e-12)
    for i, step in enumerate(1e-6 * np.eye(3)):
        up, down = (np.linalg.norm(A @ (x + s * step) - b, order) for s in (1, -1))
        assert slope[i] == pytest.approx((up - down) / 2e-6, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize(
    "formula, wrt, where",
    [
        ("x_{i+1}^2", "x", "x: n"),
        ("x_{t-1}^2", "x", "x: n"),
        (r"\|A_{ij}\|^2", "A", "A: m×n"),
        ("tr(A_{12})", "A", "A: n×n"),
    ],
)
def test_names_with_an_index_are_no_reason_for_a_zero(formula, wrt, where):
    with pytest.raises(derive.DeriveError, match="a name of its own, and no|is an entry of x, and no sum"):
        derive.gradient(formula, wrt, where=where)


ENTRIES = [
    ("xᵀ A x", "x_2", None, "e₂ᵀ (A + Aᵀ) x"),
    ("logdet(A)", "A_{12}", None, "e₂ᵀ A⁻¹ e₁"),
    ("det A", "a_{1,2}", None, "det(A) e₂ᵀ A⁻¹ e₁"),
    ("x_1^2 + x_2 x_3", "x_1", "x: 3", "e₁ᵀ (2 e₁ e₁ᵀ + e₂ e₃ᵀ + e₃ e₂ᵀ) x"),
    (r"\sum_k y_k (w_k^T x)^2", "w_1", None, "2 ((e₁ ⊙ y)ᵀ W x) x"),
    ("xᵀ A x", "x_i", None, "e_iᵀ (A + Aᵀ) x"),
    ("tr(A B)", "A_{ij}", None, "e_jᵀ B e_i"),
    (r"\frac{e^{a_i}}{\sum_j e^{a_j}}", "a_i", None, "exp(e_iᵀ a) e_iᵀ (e_i − softmax(a)) / (𝟏ᵀ exp(a))"),
    (r"\sum_{i,j}(r_{ij}-u_i^Tv_j)^2", "u_i", None, "−2 Vᵀ (r − U Vᵀ)ᵀ e_i"),
]


@pytest.mark.parametrize("loss, wrt, where, box", ENTRIES, ids=[row[1] for row in ENTRIES])
def test_the_derivative_by_an_entry_is_that_entry_of_the_gradient(loss, wrt, where, box):
    derivation = derive.gradient(loss, wrt, where)
    assert derivation.boxed.text() == box and derivation.verify() < 1e-6
    assert derivation.written_wrt.text() == derive.names.text(derive.names.canonical(wrt))
    of_all = derive.gradient(loss, derivation.wrt.name, where).result
    point = random_point([of_all, derivation.result], seed=3)
    whole = point.evaluate(of_all)
    low = [int(c) - 1 if c.isdigit() else point.sizes[c] - 1 for c in wrt.partition("_")[2] if c.isalnum()]
    np.testing.assert_allclose(np.squeeze(point.evaluate(derivation.result)), np.squeeze(whole[tuple(low)]), rtol=1e-10)
    assert f"∂L/∂{derivation.written_wrt.text()} = {box}" in derivation.text().replace("\n", " ")


@pytest.mark.parametrize(
    "loss, wrt, where",
    [("xᵀx", "x_5", "x: 3"), ("tr(S A)", "S_{11}", "S, A: n×n symmetric"), ("‖W x‖²", "W_1", None)],
)
def test_what_is_no_entry_is_refused(loss, wrt, where):
    with pytest.raises(DeriveError, match="has no symbol|does not vary alone"):
        derive.gradient(loss, wrt, where)
