"""Modules for mini-batches: value and derivative summed over the samples of some arguments, or of each sample.

Where every operation has a form over all samples (`programs.batches`), the module computes that;
elsewhere it goes through the samples one by one, in JAX by `vmap`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import names
from .codegen import Module, program_of
from .dialects import Dialect
from .errors import DeriveError
from .expr import Expr, dimension_names, symbols_of
from .program import Program
from .programs import syntax
from .programs.batches import Batch
from .programs.headings import summary
from .programs.samples import NoRows
from .programs.signature import refused
from .programs.statement_tree import CodeStatement, by_keyword, called, function_of, named, statements
from .shapes import Dim


def sample_names(derivation: Any, batch: str | Sequence[str]) -> list[Expr]:
    """The symbols that come with an axis of samples.

    Raises
    ------
    DeriveError
        There is none, or one is no argument of the function.
    """
    given = batch.replace(",", " ").split() if isinstance(batch, str) else list(batch)
    made_of = symbols_of(derivation.loss, *(part.result for part in derivation.parts))
    known = {names.identifier(s.name): s for s in dict.fromkeys([*derivation.variables, *made_of])}
    wanted = [names.identifier(names.canonical(name)) for name in given]
    unknown = [name for name in wanted if name not in known]
    if unknown or not wanted:
        problem = f"{unknown[0]} is no argument" if unknown else "a batch needs an argument with samples"
        raise DeriveError(problem, hint=f"there are: {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(wanted)]


def batched(
    derivation: Any,
    spoken: Dialect,
    batch: str | Sequence[str],
    per_sample: bool,
    workspace: bool = False,
    is_full: bool = True,
) -> Module:
    """The module over the samples of some arguments."""
    samples = sample_names(derivation, batch)
    try:
        return BatchModule(derivation, spoken, samples, per_sample, workspace, is_full)
    except NoRows:
        return LoopModule(derivation, spoken, samples, per_sample, is_full)


def batch_of(derivation: Any, samples: Sequence[Expr]) -> Batch:
    """The samples with a name of their own for how many there are."""
    taken = {*dimension_names(derivation.loss, *samples), *(s.name for s in symbols_of(derivation.loss))}
    size = next(name for name in ("B", "N", "samples", *(f"B_{i}" for i in range(99))) if name not in taken)
    return Batch(samples, Dim.of(size))


class BatchModule(Module):
    """A module that computes all samples at once.

    Raises
    ------
    NoRows
        An operation has no form over all samples.
    """

    def __init__(
        self,
        derivation: Any,
        spoken: Dialect,
        samples: Sequence[Expr],
        per_sample: bool,
        workspace: bool,
        is_full: bool,
    ) -> None:
        self.batch = batch_of(derivation, samples)
        self.per_sample = per_sample
        super().__init__(derivation, spoken, workspace, is_full)

    def compiled(self, derivation: Any) -> Program:
        return program_of(derivation, self.dialect.name, self.batch, self.per_sample)

    def arguments_of(self, derivation: Any) -> list[Expr]:
        return [self.batch.stacked.get(s, s) for s in super().arguments_of(derivation)]

    def output_names(self, outputs: Sequence[str]) -> list[str]:
        return [label for name in outputs for label in self.program.ends.get(name, [name])]

    def checks(self) -> list[CodeStatement]:
        name = self.signature.name_of[next(iter(self.batch.stacked.values()))]
        return [*super().checks(), *refused("{x}.shape[0] == 0", f"{name} has no samples", x=name)]

    def scope(self) -> str:
        return scope(list(self.batch.stacked), self.per_sample)

    def orders(self) -> list[tuple[str, Any]]:
        return []


class LoopModule(Module):
    """A module that goes through the samples one by one."""

    own_names = frozenset("i results functools jax".split())

    def __init__(
        self, derivation: Any, spoken: Dialect, samples: Sequence[Expr], per_sample: bool, is_full: bool
    ) -> None:
        self.samples = list(samples)
        self.per_sample = per_sample
        super().__init__(derivation, spoken, False, is_full)

    def scope(self) -> str:
        return scope(self.samples, self.per_sample)

    def function(self, name: str) -> list[CodeStatement]:
        (one,) = super().function(name)
        single = name + "_of_one"
        one.codes = (syntax.call(syntax.name(single), *one.codes[0].args[1:]),)
        own = [self.signature.name_of[s] for s in self.samples]
        parameters = self.signature.parameters
        count = syntax.call(syntax.name("_samples"), *by_keyword(own))
        if self.dialect.name == "jax":
            text = "{count}\neach = jax.vmap(lambda {own}: {one})({own})\nreturn "
            text += "each" if self.per_sample else "jax.tree.map(lambda part: part.sum(axis=0), each)"
            made = called(single, parameters)
        else:
            text = "results = ({one} for i in range({count}))\nreturn "
            text += "_stacked(list(results))" if self.per_sample else "functools.reduce(_added, results)"
            sample = {n: syntax.subscript(*named([n, "i"])) for n in own}
            made = syntax.call(syntax.name(single), *(sample.get(n, syntax.name(n)) for n in parameters))
        body = statements(text, count=count, own=named(own), one=made)
        return [one, *function_of(name, parameters, f"{summary(self.derivation, name, self.scope())}.", body)]

    def helper_sources(self) -> list[str]:
        found = [*super().helper_sources(), SAMPLES]
        if self.dialect.name == "jax":
            return found
        stack = f"{self.dialect.module}.stack(results)"
        if self.dialect.name == "array-api":
            stack = "array_namespace(results[0]).stack(results)"
        return [*found, STACKED.replace("STACK", stack) if self.per_sample else ADDED]


def scope(samples: Sequence[Expr], per_sample: bool) -> str:
    of = ", ".join(s.text() for s in samples)
    return f"of each sample of {of}" if per_sample else f"summed over the samples of {of}"


SAMPLES = '''
def _samples(**arrays):
    """The number of samples, the same in each."""
    counts = {n: len(a) if hasattr(a, "__len__") else a.shape[0] for n, a in arrays.items()}
    first, count = next(iter(counts.items()))
    for name, other in counts.items():
        if other != count:
            raise ValueError(f"{name} has {other} samples, and {first} has {count}")
    if not count:
        raise ValueError(f"{first} has no samples")
    return count
'''.strip("\n")

ADDED = '''
def _added(total, part):
    """The sum of two results, arrays or tuples of arrays."""
    return tuple(map(_added, total, part)) if isinstance(part, tuple) else total + part
'''.strip("\n")

STACKED = '''
def _stacked(results):
    """Results along a leading axis, arrays or tuples of arrays."""
    if isinstance(results[0], tuple):
        return tuple(_stacked(list(parts)) for parts in zip(*results))
    return STACK
'''.strip("\n")
