"""Second derivatives of every operation, as code of each dialect, at sizes 1, 2 and 3.

The derivative is held against numeric derivatives of the gradient, the code against the derivative.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator

import numpy as np
import pytest

import derive
from derive.dialects import DIALECTS
from derive.errors import DeriveError
from derive.expr import nodes, symbol, symbols_of
from derive.numeric import Point, directional, numeric_gradient, numeric_jacobian, random_point
from derive.operations import sq_norm
from tests.optional import LIBRARIES, has
from tests.test_complete import REFUSED, WITH_OPERANDS, loss_of, nodes_of, values_by_name

LIBRARY = {"scipy": "scipy", "array-api": "array_api_compat", "jax": "jax", "torch": "torch"}
# JAX compiles each function for each size: by default the dialect is left to the other tests.
SIZES: dict[str, tuple[int, ...]] = {"jax": (1, 2, 3) if os.environ.get("DERIVE_FULL") else ()}


def products(name: str) -> Iterator[derive.Derivation]:
    """Hessians of a loss that is nonlinear in the operation: as a matrix where the variable is a vector."""
    for node in nodes_of(name):
        wrt = symbols_of(node)[0]
        loss = loss_of(node) + sq_norm(node) if not node.is_scalar else loss_of(node) + node * node
        yield derive.hvp(loss, wrt, symbol("V_0", *wrt.shape))
        if wrt.is_vector or wrt.is_scalar:
            yield derive.hessian(loss, wrt)


def points(derived: derive.Derivation, size: int) -> Iterator[Point]:
    """A point with all dimensions of one size, if the formula has one."""
    known = [derived.loss, derived.result, derived.wrt, *derived.moved.values()]
    names = {name for expr in known for node in nodes(expr) for dim in node.shape for name in dim.names}
    try:
        yield random_point(known, size, dict.fromkeys(names, size), attempts=60)
    except DeriveError:
        return  # a dominant singular value needs two


def expected(derived: derive.Derivation, point: Point) -> np.ndarray:
    gradient, wrt = derived.gradient, derived.wrt
    assert np.allclose(point.evaluate(gradient), numeric_gradient(derived.loss, wrt, point), rtol=1e-5, atol=1e-6)
    if derived.kind == "hvp":
        (along,) = derived.moved.values()
        return directional(gradient, wrt, point.values[along], point)
    return numeric_jacobian(gradient, wrt, point, structured=False)


def called(function, point: Point, backend: str) -> np.ndarray:
    wanted = inspect.signature(function).parameters
    given = {name: value for name, value in values_by_name(point).items() if name in wanted}
    if backend == "torch":
        import torch

        given = {k: v if isinstance(v, int) else torch.as_tensor(v, dtype=torch.float64) for k, v in given.items()}
    with np.errstate(all="ignore"):
        return np.asarray(function(**given), dtype=float)


@pytest.mark.parametrize("name", WITH_OPERANDS)
def test_second_derivatives_are_right_at_small_sizes(name):
    backends = [b for b in ("numpy", *LIBRARY) if b == "numpy" or has(LIBRARY[b])]
    assert set(LIBRARY.values()) <= set(LIBRARIES)
    compared = 0
    for derived in products(name):
        known = {*symbols_of(derived.loss), *derived.moved.values()}
        assert set(symbols_of(derived.result)) <= known, "a symbol from nowhere"
        functions = {}
        for backend in backends:
            sizes = SIZES.get(backend, (1, 2, 3))
            if not sizes:
                continue
            for workspace in (False, True) if backend == "numpy" else (False,):
                try:
                    made = derived.function(backend, workspace=workspace)
                except DeriveError as error:
                    assert (name, backend) in REFUSED or "no counterpart" in str(error), str(error)
                    continue
                functions[backend, workspace] = made
        for size in (1, 2, 3):
            for point in points(derived, size):
                want = expected(derived, point)
                assert np.allclose(point.evaluate(derived.result), want, rtol=1e-4, atol=1e-5), (derived.kind, size)
                want = point.evaluate(derived.result)
                for (backend, workspace), function in functions.items():
                    for _ in range(2):
                        got = called(function, point, backend)
                        assert got.size == want.size, (backend, size)
                        assert np.allclose(got.reshape(-1), want.reshape(-1), rtol=1e-8, atol=1e-8), (
                            derived.kind, backend, workspace, size,
                        )  # fmt: skip
                    compared += 1
    assert compared


def test_wrong_code_is_noticed(monkeypatch):
    monkeypatch.setitem(DIALECTS["numpy"].templates, "tanh", "np.sin({0})")
    with pytest.raises(AssertionError):
        test_second_derivatives_are_right_at_small_sizes("tanh")


@pytest.mark.parametrize("formula", ["norm1([B⁻¹ w, w] [1; -2])", "sum(abs([B⁻¹ w, B w] [1; -2]))"])
def test_what_has_no_slope_in_a_block_leaves_no_zeros(formula):
    hessian = derive.hessian(formula, "B", "B: n×n, w: n")
    assert "zeros" not in hessian.expanded.text()
    assert hessian.verify() < 1e-7
