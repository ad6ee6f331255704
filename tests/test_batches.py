"""Functions of a batch: what they do at once is what they do sample by sample."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import derive
from derive import codegen, dialects
from derive.expr import symbols_of
from derive.numeric import random_point
from derive.programs import batches

from .test_codegen import FORMULAS, IDS, derived, public

SAMPLES = 6


def drawn(derivation):
    """Arguments of several samples, of the same sizes."""
    exprs = [derivation.loss, derivation.result]
    extra = [s for s in (derivation.wrt, derivation.direction) if s is not None]
    points = [random_point([*exprs, *extra], 0)]
    points += [random_point([*exprs, *extra], seed, sizes=points[0].sizes) for seed in range(1, SAMPLES)]
    symbols = {derive.names.identifier(s.name): s for s in [*symbols_of(*exprs), *extra]}
    each = {name: [public(point.values[s], s) for point in points] for name, s in symbols.items()}
    return each, points[0].sizes


def functions(derivation, samples, per_sample, returns="derivative"):
    """The function that may take all samples at once, and the one that takes them one by one."""
    whole = derivation.function(returns=returns, batch=samples, per_sample=per_sample)
    made = derivation.function(returns=returns)
    return whole, batches.batched(made, samples, per_sample, dialects.dialect("numpy"), None)


def is_possible(derivation):
    program = codegen.program_of(derivation)
    return all(value.kind in batches.ROWS for value in program.order)


@pytest.mark.parametrize("per_sample", [False, True], ids=["sum", "each"])
@pytest.mark.parametrize("kind, formula, wrt, where", FORMULAS, ids=IDS)
def test_at_once_is_one_by_one(kind, formula, wrt, where, per_sample):
    derivation = derived(kind, formula, wrt, where)
    each, sizes = drawn(derivation)
    parameters = inspect.signature(derivation.function()).parameters
    names = [name for name in parameters if name in each]
    choices = [names, *([name] for name in names)]
    for samples in choices:
        for returns in ("derivative", "value_and_gradient") if kind == "gradient" else ("derivative", "value"):
            given = {n: np.stack(each[n]) if n in samples else each[n][0] for n in names}
            given |= {n: sizes[n] for n in parameters if n not in each}
            at_once, one_by_one = functions(derivation, samples, per_sample, returns)
            before = {n: np.array(a) for n, a in given.items()}
            got, want = at_once(**given), one_by_one(**given)
            assert isinstance(got, tuple) == isinstance(want, tuple)
            for a, b in zip(*((r if isinstance(r, tuple) else (r,)) for r in (got, want)), strict=True):
                assert np.shape(a) == np.shape(b) and np.asarray(a).dtype == np.asarray(b).dtype
                np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10 * (1 + np.abs(b).max()))
                assert not any(np.shares_memory(a, given[n]) for n in samples)
            for n, a in given.items():
                np.testing.assert_array_equal(a, before[n])


@pytest.mark.parametrize("kind, formula, wrt, where", FORMULAS[::3], ids=IDS[::3])
def test_torch_maps_over_samples(kind, formula, wrt, where):
    torch = pytest.importorskip("torch")
    derivation = derived(kind, formula, wrt, where)
    each, sizes = drawn(derivation)
    parameters = inspect.signature(derivation.function()).parameters
    names = [name for name in parameters if name in each]
    dims = {n: sizes[n] for n in parameters if n not in each}
    given = {n: np.stack(each[n]) for n in names}
    got = derivation.function("torch", batch=names, per_sample=True)(
        **{n: torch.tensor(a) for n, a in given.items()}, **dims
    )
    want = derivation.function(batch=names, per_sample=True)(**given, **dims)
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-8, atol=1e-10 * (1 + np.abs(want).max()))


def test_nearly_every_formula_is_taken_at_once():
    alone = [formula for kind, formula, wrt, where in FORMULAS if not is_possible(derived(kind, formula, wrt, where))]
    assert alone == ["tr(expm(A) B)"]


def test_the_sum_of_products_forms_no_product_of_a_sample():
    derivation = derive.gradient("½‖WᵀWx − x‖²", "W")
    program = codegen.program_of(derivation)
    module = codegen.Module(derivation, dialects.dialect("numpy"))
    batch = batches.Batch(program, ("value", "gradient"), module.signature, lambda W, x: (W, x))
    assert [value.kind for value in batch.summed] == ["stack"]
    assert batch.largest({"m": 30, "n": 70}) == 70


def test_parts_of_a_batch_make_the_whole(monkeypatch):
    derivation = derive.gradient("½‖WᵀWx − x‖²", "W")
    rng = np.random.default_rng(0)
    W, X = rng.standard_normal((3, 5)), rng.standard_normal((23, 5))
    for per_sample in (False, True):
        at_once, one_by_one = functions(derivation, ["x"], per_sample, "value_and_gradient")
        monkeypatch.setattr(batches, "AT_ONCE", 2**18)
        whole = at_once(W, X)
        monkeypatch.setattr(batches, "AT_ONCE", 11 * 5)
        for a, b, c in zip(at_once(W, X), whole, one_by_one(W, X), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)
            np.testing.assert_allclose(a, c, rtol=1e-12)


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
    monkeypatch.setitem(batches.ROWS, "dot", lambda run, value, args: -batches.inner(*map(batches.column, args)))
    derivation = derive.gradient("(aᵀx)²", "x", where="a: n, x: n")
    at_once, one_by_one = functions(derivation, ["x"], True)
    a, X = np.ones(3), np.ones((5, 3))
    assert not np.allclose(at_once(x=X, a=a), one_by_one(x=X, a=a))
