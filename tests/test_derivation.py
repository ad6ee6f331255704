"""The reverse sweep: contributions by occurrence, shared cotangents, structure, verification."""

from __future__ import annotations

import pickle
import threading

import pytest

import derive
from derive import rules
from derive.derivation import Sweep
from derive.errors import DeriveError, ShapeError, UnknownSymbolError
from derive.expr import nodes, symbol
from derive.operations import matmul, sq_norm, tanh
from derive.verification import TOLERANCE, checked


def test_tied_weights_have_two_contributions():
    d = derive.gradient("½‖WᵀWx − x‖²", "W")
    first, second = d.contributions
    assert first.occurrence.text() == "W" and first.transposed_from is None
    assert first.expression.text() == "W (Wᵀ W x − x) xᵀ"
    assert second.occurrence.text() == "Wᵀ"
    assert second.transposed_from.text() == "(Wᵀ W x − x) (W x)ᵀ"
    assert second.expression.text() == "W x (Wᵀ W x − x)ᵀ"
    assert [node.text() for node in first.route] == [
        "½ ‖Wᵀ W x − x‖²",
        "‖Wᵀ W x − x‖²",
        "Wᵀ W x − x",
        "Wᵀ W x",
        "W x",
    ]


def test_steps_go_back_one_operation_at_a_time():
    d = derive.gradient("½‖WᵀWx − x‖²", "W")
    totals = {step.operand.text(): step.total.text() for step in d.steps if step.is_last}
    assert totals["Wᵀ W x − x"] == "Wᵀ W x − x"
    assert totals["Wᵀ W x"] == "Wᵀ W x − x"
    assert totals["W x"] == "W (Wᵀ W x − x)"
    assert totals["Wᵀ"] == "(Wᵀ W x − x) (W x)ᵀ"


@pytest.mark.parametrize(
    ("loss", "wrt", "where", "count"),
    [
        ("‖Wx‖² + yᵀWx", "W", None, 1),  # W x is one node, used twice
        ("tr(X³)", "X", None, 1),
        ("tr(XX)", "X", None, 2),
        ("tr(XᵀX)", "X", None, 2),
        ("‖X‖²", "X", "X: m×n", 1),
        ("tr(AX BX CXᵀ D X)", "X", None, 4),
        ("tr(XA₁XA₂XA₃XA₄XA₅XA₆XA₇XA₈XA₉XB)", "X", "X: n×n", 10),
    ],
)
def test_an_occurrence_is_an_edge_into_the_variable(loss, wrt, where, count):
    d = derive.gradient(loss, wrt, where)
    assert len(d.contributions) == count
    assert d.verify() < 1e-6


def test_a_variable_that_does_not_occur_has_gradient_zero():
    d = derive.gradient("‖Ax − b‖²", "z", "z: n, b: m")
    assert d.contributions == []
    assert d.boxed.text() == "0"
    assert d.boxed.shape == d.wrt.shape
    assert "does not occur" in d.text()
    assert d.verify() == 0


def test_an_unknown_variable_is_an_error_that_names_the_nearest():
    with pytest.raises(UnknownSymbolError, match="V"):
        derive.gradient("½‖WᵀWx − x‖²", "V")


def test_a_vector_loss_is_refused_with_a_way_out():
    with pytest.raises(ShapeError, match="scalar"):
        derive.gradient("Wx − b", "W", "W: m×n, x: n, b: m")


def test_cotangents_are_shared_and_linear_in_depth():
    def total(k: int) -> int:
        W, value = symbol("W", "n", "n"), symbol("x", "n")
        for _ in range(k):
            value = tanh(matmul(W, value))
        return len(nodes(Sweep(sq_norm(value), W).total))

    assert total(200) < 2.3 * total(100)


def test_depth_is_no_limit():
    value, weights = symbol("x", "n"), []
    for i in range(2000):
        weights.append(symbol(f"W_{i}", "n", "n"))
        value = tanh(matmul(weights[-1], value))
    sweep = Sweep(sq_norm(value), weights[0])
    assert len(sweep.contributions) == 1


@pytest.mark.parametrize(
    ("loss", "wrt", "where", "box"),
    [
        ("tr(AS)", "S", "S: n×n symmetric, A: n×n", "½ (A + Aᵀ)"),
        ("tr(AS)", "S", "S: n×n diagonal, A: n×n", "diag(diag(A))"),
        ("tr(AS)", "S", "S: n×n skew, A: n×n", "½ (Aᵀ − A)"),
        ("tr(AS)", "S", "S: n×n lower, A: n×n", "tril(Aᵀ)"),
        ("logdet(S)", "S", "S: n×n spd", "S⁻¹"),
    ],
)
def test_a_structured_variable_has_its_gradient_in_its_own_space(loss, wrt, where, box):
    d = derive.gradient(loss, wrt, where)
    assert d.boxed.text() == box
    assert d.structure and d.unstructured is not None
    assert d.verify() < 1e-6


def test_stiefel_gradient_is_tangent():
    d = derive.stiefel_gradient("tr(QᵀAQ)", "Q", "Q: n×k orthogonal, A: n×n symmetric")
    tangent = derive.equal(d.boxed, d.boxed)
    assert tangent == "proved"
    Q, G = d.wrt, d.boxed
    assert derive.equal(Q.T @ G + G.T @ Q, 0 * (Q.T @ Q)) in ("proved", "agrees")


def test_verification_finds_a_planted_error(monkeypatch):
    row = rules.RULES["sq_norm"]
    monkeypatch.setattr(row, "pullback", (lambda g, A: g * A,))
    d = derive.gradient("½‖WᵀWx − x‖²", "W")
    assert d.verify() > TOLERANCE
    with pytest.raises(DeriveError, match="internal error"):
        checked(d)


@pytest.mark.parametrize("kind", ["hessian", "jacobian", "hvp", "differential"])
def test_other_kinds_are_verified_too(kind):
    if kind == "hessian":
        d = derive.hessian("logsumexp(Ax)", "x")
        assert d.boxed.text() == "Aᵀ (diag(softmax(A x)) − softmax(A x) softmax(A x)ᵀ) A"
    elif kind == "jacobian":
        d = derive.jacobian("tanh(Wx + b)", "x", "b: m")
        assert derive.jacobian("tanh(Wx + b)", "x", "b: m", layout="denominator").result is d.result.T
    elif kind == "hvp":
        d = derive.hvp("½‖WᵀWx − x‖²", "W", "V")
    else:
        d = derive.differential("tr(AXB)")
    assert d.verify() < 1e-6


def test_expressions_pickle_and_are_shared_between_threads():
    loss = derive.parse("½‖WᵀWx − x‖²")
    assert pickle.loads(pickle.dumps(loss)) is loss
    found = []
    threads = [threading.Thread(target=lambda: found.append(derive.gradient(loss, "W").boxed)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len(set(found)) == 1


def test_definitions_serve_the_compact_form():
    d = derive.gradient("e = WᵀWx − x; L = ½‖e‖²", "W")
    assert d.name == "L"
    assert str(d.compact) == "W (e xᵀ + x eᵀ) where e = Wᵀ W x − x"
