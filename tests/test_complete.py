"""Complete by construction: no operation without rule, value, text, LaTeX, code, operands and source.

An operation added to the language fails here until its rows are written.
"""

from __future__ import annotations

import importlib.util
import inspect

import numpy as np
import pytest

import derive
from derive import functions, names, rules
from derive.dialects import DIALECTS
from derive.errors import DeriveError
from derive.evaluation import VALUES
from derive.expr import (
    OPERATIONS,
    Expr,
    commutation,
    constant,
    dimension,
    identity,
    number,
    ones,
    symbol,
    symbols_of,
    zeros,
)
from derive.numeric import numeric_gradient, random_point
from derive.operations import FUNCTIONS, basis, block, matmul, sum_entries, vec
from derive.rules import RULES
from derive.shapes import Dim
from tests.generate import LEAVES, operands

BACKENDS = sorted(DIALECTS)
NEEDS = {"jax": "jax", "torch": "torch", "scipy": "scipy"}  # backend -> what must be installed to run its code

EXAMPLES_OF_LEAVES = {
    "number": number(2),
    "constant": constant("π"),
    "dimension": dimension("n"),
    "symbol": symbol("A", "m", "n"),
    "zeros": zeros("m", "n"),
    "ones": ones("m", "n"),
    "identity": identity("n"),
    "basis": basis(2, "n"),
    "commutation": commutation("m", "n"),
}

IN_CONTEXT = {  # what alone reads as a scalar
    "basis": symbol("A", "m", "n") @ basis(2, "n"),
    "dimension": dimension("n") * symbol("A", "n", "n"),
    "zeros": block([[symbol("A", "m", "n"), zeros("m", "n")], [symbol("B", "m", "n"), symbol("C", "m", "n")]]),
}


def nodes_of(name: str) -> list[Expr]:
    return [EXAMPLES_OF_LEAVES[name]] if name in LEAVES else operands(OPERATIONS[name])


def loss_of(node: Expr) -> Expr:
    """A loss that depends on every entry of the node differently."""
    if node.is_scalar:
        return node
    if not symbols_of(node):
        return sum_entries(matmul(node, symbol("Z", node.shape[1], "k")))
    weights = symbol("Z", *node.shape)
    return vec(weights).T @ vec(node)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_operation_has_its_rows(name):
    assert name in RULES or name in LEAVES, "no rule"
    assert name in VALUES or name == "symbol", "no numeric value"
    assert nodes_of(name), "no operands for the generator"
    if name in RULES:
        row = RULES[name]
        assert row.source.startswith("["), "no source"
        assert row.source.split("]")[0] + "]" in (rules.__doc__ or "") + (functions.__doc__ or ""), "unknown source"
        assert row.where is None or "A" in row.where, "a condition is about the operand A"


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_operation_prints(name):
    for node in nodes_of(name):
        assert node.text().strip()
        assert node.latex().strip()
        assert "None" not in node.text() + node.latex()


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_operation_reads_back_what_it_prints(name):
    for node in [IN_CONTEXT[name]] if name in IN_CONTEXT else nodes_of(name):
        where = ", ".join(f"{s.name}: {s.shape[0]} × {s.shape[1]}" for s in symbols_of(node))
        assert derive.parse(node.text(), where or None) is node


def test_every_scalar_function_has_a_derivative():
    assert {row[0].name for row in functions.DERIVATIVES} == set(FUNCTIONS)
    t = symbol("t")
    for _, derivative, _, source in functions.DERIVATIVES:
        assert derivative(t).is_scalar and source
        assert derivative(symbol("A", "m", "n")).shape == (Dim.of("m"), Dim.of("n"))


def values_by_name(point) -> dict[str, object]:
    """The values at a point as generated functions take them."""
    values: dict[str, object] = dict(point.sizes)
    for leaf, value in point.values.items():
        name = names.identifier(leaf.name)
        values[name] = float(value[0, 0]) if leaf.is_scalar else value[:, 0] if leaf.is_vector else value
    return values


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_operation_has_code_in_each_dialect(name, backend):
    """Code that computes value and gradient as the witness does, or a refusal by name."""
    installed = backend not in NEEDS or importlib.util.find_spec(NEEDS[backend]) is not None
    for node in nodes_of(name):
        loss = loss_of(node)
        if not symbols_of(loss):
            continue
        wrt = symbols_of(loss)[0]
        derived = derive.gradient(loss, wrt)
        try:
            source = derived.source(backend)
        except DeriveError as refusal:
            assert name in str(refusal) or backend in str(refusal), "a refusal names the operation and the dialect"
            continue
        compile(source, f"{name}-{backend}", "exec")
        if not installed:
            continue
        point = random_point([loss, derived.result, wrt], 1)
        function = derived.function(backend, returns="value_and_gradient")
        given = values_by_name(point)
        wanted = inspect.signature(function).parameters
        value, gradient = function(**{k: _array(backend, v) for k, v in given.items() if k in wanted})
        expected = numeric_gradient(loss, wrt, point)
        assert np.allclose(float(value), point.evaluate(loss), rtol=1e-6, atol=1e-6)
        assert np.allclose(np.asarray(gradient).reshape(-1), expected.reshape(-1), rtol=1e-5, atol=1e-5)


def _array(backend: str, value: object) -> object:
    if isinstance(value, int):
        return value
    if backend == "torch":
        import torch

        return torch.tensor(value, dtype=torch.float64)
    if backend == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
        return jax.numpy.asarray(value)
    return value
