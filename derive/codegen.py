"""Programs as source: a readable module with `value`, the derivative and both.

The module imports its array library and nothing of ours.  Its functions take the symbols
of the formula by name, check shapes and types (`_arguments`), and do one operation a line.
`function` runs that source in a namespace of its own; the source is made of trees and of
sanitized names, never of a user's text.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from fractions import Fraction
from functools import partial, reduce
from typing import Any

from . import names
from .dialects import Dialect, dialect
from .errors import DeriveError
from .expr import MAX_FLAT, Expr, symbol_count, symbols_of
from .own_functions import functions_of
from .program import Program, compile, other_orders
from .programs import syntax
from .programs.assembly import assembled, bound_by
from .programs.blocked import BlockedWriter
from .programs.callables import Generated
from .programs.headings import fill, heading, summary
from .programs.order import dims_of
from .programs.signature import Signature, parts_of
from .programs.statement_tree import (
    WIDTH,
    CodeStatement,
    by_keyword,
    called,
    function_of,
    lines_of,
    named,
    names_in,
    several,
    statements,
    unpacked,
)
from .programs.syntax import Code, calls_of, with_callees
from .programs.terms import Term, Value, values_below
from .programs.workspace import WorkspaceWriter
from .programs.writer import Writer
from .properties import CONSTRAINED
from .shapes import shape_text

KINDS = ("gradient", "jacobian", "hessian", "hvp", "differential")


def outputs_of(derivation: Any) -> dict[str, Any]:
    """The derivations that a module computes, by the names of the outputs of its program."""
    if len(derivation.parts) == 1:
        return {derivation.kind: derivation.parts[0]}
    return {f"{derivation.kind} {part.wrt.name}": part for part in derivation.parts}


def program_of(derivation: Any, backend: str = "numpy", batch: Any = None, per_sample: bool = False) -> Program:
    """The program of value and derivative of a derivation, or of a batch of its samples."""
    spoken = dialect(backend)
    parts = outputs_of(derivation)
    outputs = {"value": derivation.loss, **{name: part.result for name, part in parts.items()}}
    # Only where a function may keep what it computed: a traced one must not.
    keeps = spoken.in_place and any("constant" in s.properties for s in symbols_of(*outputs.values()))
    keeps = keeps and batch is None
    options: dict[str, Any] = {"has_triangular_solve": spoken.has_triangular_solve, "keeps_constants": keeps}
    options |= {"batch": batch, "per_sample": per_sample}
    made = safest(derivation, outputs, **options)
    is_free = not any(s.properties & CONSTRAINED for s in symbols_of(derivation.loss))
    if keeps and is_free and derivation.kind == "gradient":
        # Multiplied out, products of constant data alone may appear; the value keeps its form, which does not cancel.
        try:
            outputs |= {name: part.expanded for name, part in parts.items()}
        except DeriveError:
            return made
        other = compile(outputs, derivation.hints, **options)
        if other.kept and other.sizes.cost(other.flops) < made.sizes.cost(made.flops):
            return other
    return made


def safest(derivation: Any, outputs: Mapping[str, Expr], **options: Any) -> Program:
    """The program of some outputs; of their boxed forms where those cancel what may underflow and is divided by."""
    made = compile(outputs, derivation.hints, **options)
    if not made.divides_by_probabilities:
        return made
    parts = outputs_of(derivation)
    if any(symbol_count(part.result) > 4 * MAX_FLAT for part in parts.values()):
        return made
    try:
        boxed = {**outputs, **{name: part.boxed for name, part in parts.items()}}
    except DeriveError:
        return made
    other = compile(boxed, derivation.hints, **options)
    return made if other.divides_by_probabilities else other


def derivative_program(derivation: Any) -> Program:
    """The program of the derivative alone: the cheapest evaluation that `Derivation.program` shows."""
    whole = program_of(derivation)
    return compile({name: whole.formulas[name] for name in outputs_of(derivation)}, derivation.hints)


class Module:
    """The parts of a generated module.

    Parameters
    ----------
    derivation : Derivation
    spoken : Dialect
    workspace : bool
    is_full : bool
        With the comments and the docstring of a module to be read; a function needs neither.
    """

    own_names: frozenset[str] = frozenset()  # that the functions use besides, and no argument may have

    def __init__(self, derivation: Any, spoken: Dialect, workspace: bool = False, is_full: bool = True) -> None:
        self.has_comments = is_full
        self.derivation = derivation
        self.dialect = spoken
        self.program = self.compiled(derivation)
        self.workspace = workspace
        if workspace and not spoken.in_place:
            raise DeriveError(f"{spoken.name} writes into no buffers", hint="workspace=True is for numpy and scipy")
        parts = outputs_of(derivation)
        symbols = self.arguments_of(derivation)
        self.kind: str = derivation.kind
        self.functions: list[tuple[str, tuple[str, ...]]] = [("value", ("value",)), (self.kind, tuple(parts))]
        if derivation.loss.is_scalar and self.kind == "gradient":
            self.functions.append(("value_and_gradient", ("value", *parts)))
        own = self.own_names.union(name for name, _ in self.functions)
        taken = taken_by(spoken) | own
        results = [derivation.loss, *(part.result for part in parts.values())]
        functions = [f.parameter for f in functions_of(*results)]
        mentioned = dims_of(self.program.order)
        fixed = taken, mentioned, functions, parts_of(*results)
        self.signature = Signature(symbols, (), *fixed)
        self.write()
        # What the code mentions is known once it is written; it is written again where that gives other names.
        first = self.signature
        needed = {dim for writer in self.all_writers() for dim in writer.dims}
        self.signature = Signature(symbols, needed, *fixed)
        if (first.dims, first.name_of, first.used) != (
            self.signature.dims,
            self.signature.name_of,
            self.signature.used,
        ):
            self.write()

    def write(self) -> None:
        """The bodies of the functions."""
        preferred = self.preferred_names()
        kind_of_writer = WorkspaceWriter if self.workspace else Writer
        self.writers = {
            name: kind_of_writer(self.program, self.dialect, self.signature, self.output_names(outputs), preferred)
            for name, outputs in self.functions
        }
        self.by_rows: dict[str, BlockedWriter] = {}
        if self.dialect.in_place and not self.workspace and not self.program.kept:
            for name, outputs in self.functions:
                titles = self.output_names(outputs)
                loop = BlockedWriter(self.program, self.dialect, self.signature, titles, preferred)
                if loop.block is not None:
                    self.by_rows[name] = loop
        for writer in self.all_writers():
            writer.has_comments, writer.is_joint = self.has_comments, self.derivation.is_joint
        self.bodies = {name: writer.write() for name, writer in self.writers.items()}
        self.loops = {name: loop.write() for name, loop in self.by_rows.items()}
        for name, loop in self.by_rows.items():
            self.writers[name].dims |= loop.dims
        self.constant: Writer | None = None
        if self.program.kept:
            self.constant, self.constant_body = self.written_constants()
            for writer in self.writers.values():
                if any(value in writer.names for value in self.program.kept):
                    writer.dims |= self.constant.dims

    def compiled(self, derivation: Any) -> Program:
        return program_of(derivation, self.dialect.name)

    def output_names(self, outputs: Sequence[str]) -> Sequence[str]:
        """The outputs of the program that outputs of the module are made of."""
        return outputs

    def checks(self) -> list[CodeStatement]:
        """What checks the arguments."""
        return self.signature.checks

    def scope(self) -> str:
        """Over what the functions are, behind what they compute."""
        return ""

    def orders(self) -> list[tuple[str, Any]]:
        """The hints under which another order of products is cheaper, and what that one takes."""
        return other_orders(self.derivation.program)

    def arguments_of(self, derivation: Any) -> list[Expr]:
        """The symbols in order."""
        return arguments_of(derivation)

    def preferred_names(self) -> dict[Value, str]:
        """The names that definitions in the formula give to parts."""
        found: dict[Value, str] = {}
        memo: dict[Expr, Term] = {}
        for name, formula in self.derivation.definitions:
            value = self.program.holding(formula, memo)
            if value is not None and value.kind != "input":
                found[value] = names.identifier(name)
        return found

    # Text

    def source(self, is_full: bool = True) -> str:
        kept = [name for name, _ in self.functions if self.keeps(name)]
        return assembled(self.docstring(is_full), self.dialect.imports, self.blocks(), self.helper_sources(), kept)

    def blocks(self) -> list[CodeStatement]:
        """The functions of the module's own."""
        made = [s for name, _ in self.functions for s in self.function(name)]
        made += [s for name in self.by_rows for s in self.loop(name)]
        made += self.arguments()
        if self.constant is not None:
            made += self.constants(self.constant)
        for name, writer in self.writers.items():
            if isinstance(writer, WorkspaceWriter) and writer.buffers:
                made += writer.allocation(name)
        return made

    def docstring(self, is_full: bool = True) -> str:
        d = self.derivation
        lines = heading(d, self.signature.symbols, self.scope(), is_full)
        both = self.program.flops_of(*self.program.outputs).expression
        alone = self.program.flops_of(*self.output_names(list(outputs_of(d)))).expression
        lines += fill(f"FLOPs: {alone} for the {self.kind}, {both} with the value")
        lines += fill(f"Largest intermediate: {shape_text(self.program.largest)}")
        if is_full:
            for hint, flops in self.orders()[:2]:
                lines += fill(f"The best order of products depends on sizes: with {hint} declared, {flops} FLOPs")
        if self.program.kept:
            names_of = ", ".join(self.constant_arguments())
            lines += ["", *fill(f"Constant: what is made of {names_of} alone is kept while its entries stay the same.")]
        return '"""' + "\n".join(lines).rstrip() + '\n"""'

    def keeps(self, name: str) -> bool:
        """Whether a function keeps buffers between calls."""
        writer = self.writers[name]
        return isinstance(writer, WorkspaceWriter) and bool(writer.buffers)

    def function(self, name: str) -> list[CodeStatement]:
        writer = self.writers[name]
        signature = self.signature
        own = [signature.name_of[s] for s in signature.symbols]
        body = unpacked([*own, *self.dims_read(name)], called("_arguments", signature.arguments))
        if isinstance(writer, WorkspaceWriter) and writer.buffers:
            body = self.kept_buffers(name, writer, body)
        if self.dialect.module == "xp" and "xp" in names_in(self.bodies[name]):
            body += statements("xp = array_namespace({x})", x=writer.like)
        if writer.needs_dtype:
            body += statements("dtype = {x}.dtype", x=writer.like)
        if any(value in writer.names for value in self.program.kept):
            held = [writer.names.get(value, "_") for value in self.program.kept]
            body += unpacked(held, called("_constants", [*self.constant_arguments(), *self.constant_sizes()]))
        if name in self.by_rows:
            condition, loop = self.by_rows[name].condition, called(f"_{name}_by_rows", self.loop_parameters(name))
            body += statements("if {condition}:\n    return {loop}", condition=condition, loop=loop)
        return function_of(
            name, signature.parameters, f"{summary(self.derivation, name, self.scope())}.", [*body, *self.bodies[name]]
        )

    def loop_parameters(self, name: str) -> list[str]:
        dims = sorted(self.by_rows[name].dims - set(self.signature.open_dims))
        return [*self.signature.parameters, *(self.signature.dims[dim] for dim in dims)]

    def loop(self, name: str) -> list[CodeStatement]:
        """`_gradient_by_rows(U, V, m, n)`: the same, large arrays some rows at a time."""
        summary = "The same, some rows at a time, so that they stay in the cache."
        dtype = statements("dtype = {x}.dtype", x=self.by_rows[name].like)
        body = [*dtype * self.by_rows[name].needs_dtype, *self.loops[name]]
        return function_of(f"_{name}_by_rows", self.loop_parameters(name), summary, body)

    def all_writers(self) -> list[Writer]:
        return [*self.writers.values(), *self.by_rows.values()]

    def written_constants(self) -> tuple[Writer, list[CodeStatement]]:
        """What computes what is made of constant arguments alone."""
        program = self.program
        titles = [f"constant {i}" for i in range(len(program.kept))]
        outputs = {name: Term(Fraction(1), (), value) for name, value in zip(titles, program.kept, strict=True)}
        part = Program(program.graph, outputs, {}, program.sizes, program.hints)
        writer = Writer(part, self.dialect, self.signature, titles, {})
        writer.like = self.constant_arguments()[0]
        writer.has_comments = self.has_comments
        writer.helpers |= {"_own", "_same"}
        return writer, writer.write()

    def constants(self, writer: Writer) -> list[CodeStatement]:
        """`_constants(X)`: products of constant arguments, computed once for the same entries."""
        arguments, sizes = self.constant_arguments(), self.constant_sizes()
        held = [syntax.template(f"held[{i}]").code for i in range(len(arguments) + len(sizes))]
        same = [syntax.call(syntax.name("_same"), *pair) for pair in zip(named(arguments), held, strict=False)]
        same += [syntax.binary("==", *pair) for pair in zip(held[len(arguments) :], named(sizes), strict=True)]
        *body, last = self.constant_body
        return statements(
            CONSTANTS,
            parameters=named([*arguments, *sizes]),
            same=conjunction([syntax.name("held"), *same]),
            dtype=statements("dtype = {x}.dtype", x=writer.like) if writer.needs_dtype else [],
            body=body,
            values=last.codes[0],
            own=syntax.sequence("tuple", [*(called("_own", [a]) for a in arguments), *named(sizes)]),
        )

    def constant_arguments(self) -> list[str]:
        below = values_below(self.program.kept)
        return [self.signature.name_of[v.data[0]] for v in below if v.kind == "input"]

    def constant_sizes(self) -> list[str]:
        assert self.constant is not None
        return [self.signature.dims[dim] for dim in sorted(self.constant.dims)]

    def kept_buffers(self, name: str, writer: WorkspaceWriter, convert: list[CodeStatement]) -> list[CodeStatement]:
        """What finds the buffers of an earlier call with arguments of the same shapes and type."""
        parameters = self.signature.arguments
        dims = named(self.signature.dims[d] for d in sorted(writer.dims))
        arrays = [self.signature.name_of[s] for s in self.signature.symbols if not s.is_scalar]
        known, buffers, key = (writer.new_name(word) for word in ("known", "buffers", "key"))
        dtype = syntax.attribute(syntax.name(parameters[0]), "dtype")
        # A repeated call is known by the shapes and types of its arguments, and checked no further.
        is_known = len(arrays) == len(parameters)
        if is_known:
            shapes = [syntax.attribute(a, part) for part in ("shape", "dtype") for a in named(arrays)]
        else:
            shapes = [*dims, syntax.attribute(dtype, "char")]
        return statements(
            KNOWN if is_known else KEYED,
            kept=syntax.attribute(syntax.name("_kept"), name),
            known=known,
            buffers=buffers,
            key=key,
            types=conjunction(chained("type({x})", arrays, "np.ndarray")) if is_known else key,
            shapes=syntax.sequence("tuple", shapes),
            convert=convert,
            make=syntax.call(syntax.name(f"_{name}_buffers"), *dims, dtype),
            names=several(named(writer.kept_names())),
        )

    def dims_read(self, name: str) -> list[str]:
        """All dimensions that the module reads off shapes: `_arguments` returns the same for each function."""
        own = self.writers[name].dims
        return [self.signature.dims[dim] if dim in own else "_" for dim in self.read_dims]

    @property
    def read_dims(self) -> list[str]:
        dims = {dim for writer in self.writers.values() for dim in writer.dims}
        return sorted(dims.difference(self.signature.open_dims))

    def arguments(self) -> list[CodeStatement]:
        signature = self.signature
        own = [signature.name_of[s] for s in signature.symbols]
        body: list[CodeStatement] = []
        if own:
            convert = statements(
                "{own} = _arrays({arrays})", own=syntax.sequence("tuple", named(own)), arrays=by_keyword(own)
            )
            body += self.quick_check(convert)
        body += [*signature.number_checks, *self.checks()]
        for symbol in signature.symbols:
            if symbol.shape[0].value == 1 and not symbol.is_scalar:
                body += statements("{x} = {x}[0]", x=signature.name_of[symbol])
        results = [*own, *(signature.dims[dim] for dim in self.read_dims)]
        body += statements("return {results}", results=several(named(results or ["None"])))
        summary = "The arguments as arrays of one floating type, their shapes checked."
        return function_of("_arguments", signature.arguments, summary, body)

    def quick_check(self, convert: list[CodeStatement]) -> list[CodeStatement]:
        """Conversion of the arguments, skipped where they are what it would make of them."""
        arrays: list[str] = []
        scalars: list[str] = []
        for symbol in self.signature.symbols:
            (scalars if symbol.is_scalar else arrays).append(self.signature.name_of[symbol])
        if not arrays or not self.dialect.in_place:
            return convert
        condition = conjunction(
            [
                *chained("type({x})", arrays, "np.ndarray"),
                *chained("{x}.dtype", arrays, "_DOUBLE"),
                *chained("type({x})", scalars, "float"),
            ]
        )
        if not scalars:
            return statements("if not {condition}:\n    {convert}", condition=condition, convert=convert)
        exact = [s for x in scalars for s in statements("{x} = np.float64({x})", x=x)]
        text = "if {condition}:\n    {exact}\nelse:\n    {convert}"
        return statements(text, condition=condition, exact=exact, convert=convert)

    def all_helpers(self) -> list[str]:
        """The helpers used, and those that they use."""
        writers = [*self.all_writers(), *([self.constant] if self.constant else [])]
        found = {name for writer in writers for name in writer.helpers} | {"_arrays"}
        known = self.dialect.helpers
        return with_callees(found, lambda name: calls_of(known[name]), known)

    def helper_sources(self) -> list[str]:
        return [self.dialect.helpers[name].strip("\n") for name in self.all_helpers()]


# Pieces of a module

CONSTANTS = """
def _constants({parameters}):
    "What is made of constant arguments alone, kept while they are the same."
    held, values = _held["constants"]
    if {same}:
        return values
    {dtype}
    {body}
    values = {values}
    held = {own}
    _held["constants"] = held, values
    return values
"""
KNOWN = """
{known}, {buffers} = {kept}
if not ({types} and {shapes} == {known}):
    {convert}
    {buffers} = {make}
    {known} = {shapes}
    {kept} = {known}, {buffers}
{names} = {buffers}
"""
KEYED = """
{convert}
{key} = {shapes}
{known}, {buffers} = {kept}
if {key} != {known}:
    {buffers} = {make}
    {kept} = {key}, {buffers}
{names} = {buffers}
"""


def conjunction(clauses: Sequence[Code]) -> Code:
    return reduce(partial(syntax.binary, "and"), clauses)


def chained(text: str, arguments: Sequence[str], last: str) -> list[Code]:
    """`a is b is last` of a template for all arguments, in as many clauses as lines are needed."""
    clauses: list[list[Code]] = [[]]
    for argument in arguments:
        made = syntax.template(text).filled({"x": syntax.name(argument)})
        if clauses[-1] and len(" is ".join([*(c.text for c in clauses[-1]), made.text, last])) > WIDTH - 12:
            clauses.append([])
        clauses[-1].append(made)
    return [Code("same", "", (*clause, syntax.name(last))) for clause in clauses if clause]


BUILTINS = ("ValueError", "float", "int", "len", "list", "range", "type")  # that the code of a module mentions


def taken_by(spoken: Dialect) -> set[str]:
    """The names that a module uses itself, and no argument may bear."""
    imported = {bound for line in spoken.imports for bound in bound_by(line)}
    return {*spoken.helpers, *imported, spoken.module, "math", "threading", "dtype", *BUILTINS}


def arguments_of(derivation: Any) -> list[Expr]:
    """The symbols in order: variables first, as optimizers and jax.grad want them; directions last."""
    parts = derivation.parts
    directions = [part.direction for part in parts if part.direction is not None]
    made_of = symbols_of(derivation.loss, *(part.result for part in parts))
    others = [s for s in made_of if s not in directions]
    return list(dict.fromkeys([*derivation.variables, *others, *directions]))


# Callables


def source(
    derivation: Any, backend: str = "numpy", batch: str | Sequence[str] | None = None, per_sample: bool = False
) -> str:
    """The source of a module with `value`, the derivative and, for gradients, both.

    Parameters
    ----------
    derivation : Derivation
    backend : str
        A dialect, `"numpy"`, `"scipy"`, `"array-api"`, `"jax"`, `"torch"`; or `"c"`, one C file.
    batch, per_sample
        As `function` takes them.
    """
    if is_c(backend, per_sample):
        from . import compiled

        return compiled.source(derivation, batch)
    return module_of(derivation, backend, False, batch, per_sample).source()


def is_c(backend: str, per_sample: bool = False, workspace: bool = False) -> bool:
    """Whether the backend is C, which sums over samples and keeps its workspace anyway."""
    if backend.lower() != "c":
        return False
    if per_sample:
        raise DeriveError("c sums over the samples", hint="leave out per_sample=True, or use numpy, jax or torch")
    if workspace:
        raise DeriveError("c has a workspace by itself", hint="leave out workspace=True")
    return True


def module_of(
    derivation: Any,
    backend: str,
    workspace: bool,
    batch: str | Sequence[str] | None,
    per_sample: bool,
    is_full: bool = True,
) -> Module:
    """The module of a derivation, or of a batch of its samples."""
    if batch is None:
        return Module(derivation, dialect(backend), workspace, is_full)
    from .batched import batched

    return batched(derivation, dialect(backend), batch, per_sample, workspace, is_full)


def function(
    derivation: Any,
    backend: str = "numpy",
    returns: str = "derivative",
    workspace: bool = False,
    batch: str | Sequence[str] | None = None,
    per_sample: bool = False,
) -> Callable[..., Any]:
    """A callable that computes the value, the derivative or both.

    Parameters
    ----------
    derivation : Derivation
    backend : str
        A dialect; or `"c"`, compiled by the system's compiler when it is first wanted.
    returns : str
        `"derivative"` or the name of its kind, `"value"`, or `"value_and_gradient"`.
    workspace : bool
        Keep buffers between calls; the next call overwrites the last result.
    batch : str or sequence of str, optional
        Arguments that come with a leading axis of samples; results are summed over it.
    per_sample : bool
        Of a batch, return the result of each sample, stacked along a leading axis.
    """
    if is_c(backend, per_sample, workspace):
        from . import compiled

        return compiled.function(derivation, returns, batch)
    module = module_of(derivation, backend, workspace, batch, per_sample, False)
    wanted = function_named(returns, module.kind, [name for name, _ in module.functions])
    # The docstring of a function names no box, and its lines have no comments: nobody reads them here.
    return Generated(module.source(is_full=False), wanted, f"<derive {derivation.kind} of {derivation.name}>")


def function_named(returns: str, kind: str, known: Collection[str]) -> str:
    """The function of a module that returns what is asked for."""
    wanted = kind if returns == "derivative" else returns
    if wanted not in known:
        raise DeriveError(f"a {kind} has no {returns!r} to return", hint=f"there are: derivative, {', '.join(known)}")
    return wanted


def listing(program: Program) -> list[str]:
    """A program as lines of text: name, formula, cost."""
    symbols = [v.data[0] for v in program.order if v.kind == "input"]
    spoken = dialect("numpy")
    signature = Signature(symbols, (), taken_by(spoken), dims_of(program.order))
    writer = Writer(program, spoken, signature, list(program.outputs), {})
    return lines_of(writer.write(), Writer.indent)
