"""All that leaves, against PyTorch's autograd: each form, each dialect, plain, workspace, constant and batch.

By default a slice of the generated formulas; 20,000 of them with DERIVE_FULL=1, the first 2,000 in every dialect
and the others in NumPy and one more.  Run as a script, it prints the figures:  python -m tests.test_torch FIRST LAST
"""

from __future__ import annotations

import importlib.util
import inspect
import os
import sys
from collections import Counter

import numpy as np
import pytest

import derive
from derive import dialects
from derive.errors import DeriveError, LimitError
from derive.evaluation import evaluate
from derive.expr import symbols_of

if importlib.util.find_spec("torch") is None:
    pytest.skip("torch is not installed", allow_module_level=True)

import torch

from .optional import COMPILER, has
from .torch_formulas import Case

FULL = bool(os.environ.get("DERIVE_FULL"))
CHUNK = 10
CHUNKS = range(2000 if FULL else 10)
IN_ALL = 2000  # formulas that are written in every dialect
NEEDS = {"jax": "jax", "array-api": "array_api_compat", "scipy": "scipy"}
BACKENDS = [b for b in dialects.DIALECTS if importlib.util.find_spec(NEEDS.get(b, b)) is not None]
SAMPLES = 5
TOLERANCE = 1e-8


def in_library(backend, arguments):
    if backend == "torch":
        return arguments
    arrays = {name: a.numpy() if a.ndim else float(a) for name, a in arguments.items()}
    if backend == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
        return {name: jax.numpy.asarray(a) for name, a in arrays.items()}
    return arrays


def differs(got, wanted) -> str | None:
    got = np.asarray(got.detach() if isinstance(got, torch.Tensor) else got)
    wanted = (torch.zeros_like(wanted) + wanted.detach()).numpy()
    if got.shape != wanted.shape:
        return f"shape {got.shape}, not {wanted.shape}"
    error = np.abs(got - wanted).max(initial=0)
    scale = 1 + np.abs(wanted).max(initial=0)
    return None if error <= TOLERANCE * scale else f"off by {error:.1e} of {scale:.1e}"


class Examination:
    """What is wrong with a case: pairs of a word for the kind and a sentence."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.complaints: list[tuple[str, str]] = []
        self.checks = 0
        names = (case.wrt.name, *([case.direction.name] if case.direction else []))
        try:
            self.derivation = getattr(derive, case.kind)(case.text, *names, where=case.where)
        except derive.DeriveError as refusal:
            self.complaints.append(("refused", str(refusal)))
            return
        self.points = [(env, *case.wanted(env)) for env in map(case.env, (0, 1))]
        if not all(torch.isfinite(part).all() for _, *parts in self.points for part in parts):
            return  # on a kink, or defined nowhere
        for check in (self.symbols, self.forms, self.functions, self.batches):
            try:
                check()
            except Exception as error:
                self.complaints.append(("crashed", f"{check.__name__}: {type(error).__name__}: {error}"))

    def expect(self, what, got, wanted) -> None:
        self.checks += 1
        found = differs(got, wanted)
        if found is not None:
            self.complaints.append(("wrong", f"{what}: {found}"))

    def symbols(self) -> None:
        d = self.derivation
        known = {*symbols_of(d.loss), d.wrt, *([d.direction] if d.direction is not None else [])}
        extra = [s.name for s in symbols_of(d.result) if s not in known]
        if extra:
            self.complaints.append(("wrong", f"the result has {', '.join(extra)}"))

    def forms(self) -> None:
        d = self.derivation
        for form in ("result", "expanded", "boxed", "compact"):
            try:
                expr = getattr(d, form)
            except LimitError:
                continue
            expr = expr.inlined() if form == "compact" else expr
            for env, _, wanted in self.points:
                arrays = {}
                for symbol in symbols_of(expr):
                    array = env[self.spelled(symbol.name)].numpy()
                    arrays[symbol] = array.reshape(*array.shape, *[1] * (2 - array.ndim))
                sizes = {dim: int(env[dim]) for dim in ("m", "n", "p")}
                got = evaluate(expr, arrays, sizes)
                self.expect(form, got.reshape(wanted.shape) if got.size == wanted.numel() else got, wanted)

    def spelled(self, name: str) -> str:
        """A symbol as the case names it."""
        return next(s.name for s in self.case.symbols if derive.names.canonical(s.name) == derive.names.canonical(name))

    def arguments(self, f, env):
        """The arguments of a function, by the names that it has for the symbols."""
        by_identifier = {derive.names.identifier(derive.names.canonical(s.name)): s.name for s in self.case.symbols}
        return {n: env[by_identifier.get(n, n)] for n in inspect.signature(f).parameters}

    def call(self, backend, f, env):
        given = self.arguments(f, env)
        sizes = {n: int(given[n]) for n in given if n in ("m", "n", "p")}
        return f(**in_library(backend, {n: a for n, a in given.items() if n not in sizes}), **sizes)

    def functions(self) -> None:
        both = "value_and_gradient" if self.case.kind == "gradient" else "derivative"
        compiled = ["c"] * (all(map(has, COMPILER)) and (FULL or self.case.seed % 5 == 0))
        known = [*BACKENDS, *compiled]
        for backend in known if self.case.seed < IN_ALL else ["numpy", known[self.case.seed % len(known)]]:
            for workspace in (False, True)[: 1 + (backend in ("numpy", "scipy"))]:
                if backend == "array-api" and "erf(" in self.case.text:
                    continue  # which the standard lacks
                try:
                    f = self.derivation.function(backend, returns=both, workspace=workspace)
                except DeriveError as error:
                    if backend == "c" and "has no counterpart in c" in str(error):
                        continue
                    raise
                name = backend + " workspace" * workspace
                for env, value, slope in (*self.points, *self.points[:1]):
                    got = self.call(backend, f, env)
                    if both == "value_and_gradient":
                        self.expect(f"{name} value", got[0], value)
                        got = got[1]
                    self.expect(name, got, slope)

    def batches(self) -> None:
        case = self.case
        used = inspect.signature(self.derivation.function()).parameters
        free = [s for s in case.symbols if s not in (case.wrt, case.direction) and "constant" not in s.words]
        free = [s for s in free if derive.names.identifier(derive.names.canonical(s.name)) in used]
        if not free:
            return
        sample = free[case.seed % len(free)]
        env = self.points[0][0]
        generator = torch.Generator().manual_seed(case.seed)
        noise = torch.rand(SAMPLES, dtype=torch.float64, generator=generator) + 0.5
        envs = [{**env, sample.name: env[sample.name] * factor} for factor in noise]
        wanted = torch.stack([case.wanted(each)[1] for each in envs])
        if not torch.isfinite(wanted).all():
            return
        together = {**env, sample.name: torch.stack([each[sample.name] for each in envs])}
        for backend in ("numpy", *[("jax", "torch")[case.seed % 2]] * (case.seed % 3 == 0)):
            if backend in BACKENDS:
                for per_sample in (False, True):
                    f = self.derivation.function(backend, batch=sample.name, per_sample=per_sample)
                    what = f"{backend} batch by {sample.name}" + " per sample" * per_sample
                    self.expect(what, self.call(backend, f, together), wanted if per_sample else wanted.sum(0))


def examined(seed: int) -> Examination:
    with np.errstate(all="ignore"):
        return Examination(Case(seed))


def forget_compiled() -> None:
    """Let go of what JAX compiled: of some 8,000 formulas it takes all memory maps that a process may have."""
    if FULL and "jax" in sys.modules:
        sys.modules["jax"].clear_caches()


@pytest.mark.parametrize("chunk", CHUNKS)
def test_all_that_leaves_is_what_autograd_finds(chunk):
    checks = 0
    for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        found = examined(seed)
        case = found.case
        assert not found.complaints, (
            f"{case.kind} {case.text!r} by {case.wrt.name}, {case.where}: {found.complaints[:4]}"
        )
        checks += found.checks
    forget_compiled()
    assert checks > 20 * CHUNK


def test_a_planted_error_is_found(monkeypatch):
    dialect = dialects.DIALECTS["numpy"]
    planted = dialect._replace(templates=dialect.templates | {"tanh": "np.sin({0})"})
    case = next(c for c in map(Case, range(100)) if "tanh" in c.text)
    assert not examined(case.seed).complaints
    monkeypatch.setitem(dialects.DIALECTS, "numpy", planted)
    assert any(kind == "wrong" for kind, _ in examined(case.seed).complaints)


if __name__ == "__main__":
    FULL = True
    first, last = map(int, sys.argv[1:3])
    counts: Counter[str] = Counter()
    for seed in range(first, last):
        if seed % 100 == 0:
            forget_compiled()
        found = examined(seed)
        counts["formulas"] += 1
        counts["checks"] += found.checks
        counts["without a check"] += not found.checks
        for kind in {kind for kind, _ in found.complaints}:
            counts[kind] += 1
        for kind, what in found.complaints[:3]:
            c = found.case
            print(f"{seed} {kind}: {c.kind} {c.text} by {c.wrt.name} | {c.where}\n      {what[:300]}", flush=True)
    print(dict(counts))
