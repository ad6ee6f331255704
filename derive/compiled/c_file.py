"""A derivation as one C file: a function for the value, one for the derivative and one for both.

The file is C11 and needs the standard library; products past a size go to a BLAS that is linked
with `-DDERIVE_BLAS`.  The functions allocate nothing: results and workspace are the caller's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from textwrap import wrap
from typing import Any

from .. import names
from ..batched import batch_of, sample_names, scope
from ..codegen import arguments_of, outputs_of, safest, taken_by
from ..dialects import dialect
from ..errors import DeriveError
from ..own_functions import functions_of
from ..program import Program
from ..programs.headings import fill, heading, summary
from ..programs.order import dims_of
from ..programs.samples import NoRows
from ..programs.signature import Signature, dim_code, parts_of, unused
from ..programs.statement_tree import WIDTH, CodeStatement, names_in, statements
from ..programs.syntax import calls_in, with_callees
from ..programs.terms import Term
from .c_tree import c_lines, c_text
from .kernels import HELPERS, calls_of
from .loops import Loops

RESERVED = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if inline int long "
    "register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while "
    "abs acos asin atan beta cos cosh div erf exp fabs gamma hypot index j0 j1 jn log log1p main memcpy memset pow "
    "round sin sinh sqrt strlen tan tanh time y0 y1 yn "
    "i j k l first span step rows sum work value args given held count result code again slow alpha NULL NAN INFINITY "
    "BLOCK INT_MAX".split()
)


class CFile:
    """The parts of a C file.

    Attributes
    ----------
    signature : Signature
    functions : dict of str to (str, dict of str to Term)
        `value`, the kind, `value_and_gradient`: the name in C, and the results by the names of their parameters.
    failures : list of str
        By return code, from 1.
    python : Signature
        The same arguments as Python names them, where C reserves no names.
    """

    def __init__(self, derivation: Any, batch: str | Sequence[str] | None = None) -> None:
        self.derivation = derivation
        self.samples = [] if batch is None else sample_names(derivation, batch)
        self.kind: str = derivation.kind
        parts = outputs_of(derivation)
        results = [derivation.loss, *(part.result for part in parts.values())]
        for own in functions_of(*results):
            raise DeriveError(
                f"{own.parameter} is a function of your own, which generated C cannot call",
                hint="write it out, or use numpy, jax or torch",
            )
        outputs = {"value": derivation.loss, **{name: part.result for name, part in parts.items()}}
        try:
            over = batch_of(derivation, self.samples) if self.samples else None
            self.program: Program = safest(derivation, outputs, has_triangular_solve=True, batch=over)
        except NoRows:
            named = ", ".join(s.text() for s in self.samples)
            raise DeriveError(
                f"the sum over the samples of {named} has no form over all of them, which c needs",
                hint="call the function of one sample in a loop, or use numpy, jax or torch",
            ) from None
        prefix = names.identifier(derivation.name)
        stems = ["value", self.kind, *(["value_and_gradient"] if self.kind == "gradient" else [])]
        taken = {
            *RESERVED,
            *HELPERS,
            *(f"{prefix}_{s}{end}" for s in stems for end in ("", "_work")),
            f"{prefix}_error",
        }
        self.prefix = prefix
        stacked = {} if over is None else over.stacked
        symbols = [stacked.get(symbol, symbol) for symbol in arguments_of(derivation)]
        every = {n for v in self.program.order for d in v.shape for n in d.names} | dims_of(self.program.order)
        self.signature = Signature(symbols, every, taken, (), (), parts_of(*results))
        in_python = taken_by(dialect("numpy")) | {*stems}
        self.python = Signature(symbols, every, in_python, (), (), parts_of(*results))
        self.dims = [self.signature.dims[d] for d in sorted(self.signature.dims)]
        labels = result_names(parts, self.signature.used)
        chosen = {"value": {"value": "value"}, self.kind: labels, "value_and_gradient": {"value": "value", **labels}}
        self.failures: list[str] = []
        self.loops: dict[str, Loops] = {}
        self.functions: dict[str, tuple[str, dict[str, Term]]] = {}
        guards = self._guards()
        for stem in stems:
            made = Loops(self.program, self.signature, chosen[stem], self.failures)
            made.made = [*guards, *made.made]
            self.loops[stem] = made
            results_of = {name: self.program.outputs[output] for output, name in chosen[stem].items()}
            self.functions[stem] = f"{prefix}_{stem}", results_of

    def _guards(self) -> list[CodeStatement]:
        """What fails where an entry or a block that is taken is not there."""
        made: list[CodeStatement] = []
        for end, size in self.signature.parts:
            self.failures.append(f"{size} must be at least {end}")
            sizes = {key: dim_code(dim, self.signature.dims, False) for key, dim in (("n", size), ("end", end))}
            made += statements("if {n} < {end}:\n    return {code}", **sizes, code=str(len(self.failures)))
        return made

    # Text

    def text(self) -> str:
        helpers = with_callees({name for loops in self.loops.values() for name in loops.helpers}, calls_of, HELPERS)
        blocks = [f"/* {self.summary(stem)} */\n{self.prototype(stem)[0]}" for stem in self.functions]
        if self.failures:
            blocks.append(f"/* what a return code says */\nconst char *{self.prefix}_error(int code);")
        declared = "\n\n".join(blocks)
        bodies = [self.body(stem) for stem in self.functions]
        if self.failures:
            bodies.append(self.errors())
        code = [*(HELPERS[name].strip("\n") for name in helpers), *bodies]
        includes = "\n".join(f"#include <{name}.h>" for name in INCLUDES)
        written = [self.comment(helpers), includes, *vectorized(self.called(helpers)), declared, *code]
        return "\n\n".join(written) + "\n"

    def called(self, helpers: Iterable[str]) -> set[str]:
        """The functions that the file calls."""
        own = (calls_in(code) for loops in self.loops.values() for made in loops.made for code in made.all_codes())
        return set().union(*own, *map(calls_of, helpers))

    def parameters(self, stem: str) -> str:
        symbols = [
            f"double {self.signature.name_of[s]}" if s.is_scalar else f"const double *{self.signature.name_of[s]}"
            for s in self.signature.symbols
        ]
        results = [f"double *{name}" for name in self.functions[stem][1]]
        return ", ".join([*(f"ptrdiff_t {d}" for d in self.dims), *symbols, *results, "double *work"])

    def prototype(self, stem: str) -> tuple[str, str]:
        """The declarations of a function and of the size of its workspace, and the latter alone."""
        name = self.functions[stem][0]
        sizes = ", ".join(f"ptrdiff_t {d}" for d in self.dims) or "void"
        work = f"size_t {name}_work({sizes})"
        return f"{work};\nint {name}({self.parameters(stem)});", work

    def body(self, stem: str) -> str:
        name, loops = self.functions[stem][0], self.loops[stem]
        sizes = {code.head for code in loops.work.below()}
        unused = [d for d in self.dims if d not in sizes]
        work = c_text(loops.work)
        lines = [
            self.prototype(stem)[1],
            "{",
            *(f"    (void){d};" for d in unused),
            f"    return {work if work == '0' else f'(size_t)({work})'};",
            "}",
            "",
            f"int {name}({self.parameters(stem)})",
            "{",
        ]
        given = [*self.dims, *(self.signature.name_of[s] for s in self.signature.symbols), "work"]
        used = names_in(loops.made)
        lines += [f"    (void){g};" for g in given if g not in used]
        lines += [f"    {line}" for line in c_lines(loops.made)]
        return "\n".join([*lines, "}"])

    def errors(self) -> str:
        """A function that says what a return code means."""
        name = f"{self.prefix}_error"
        cases = [f"    case {i}: return {quoted(text)};" for i, text in enumerate(self.failures, 1)]
        return "\n".join(
            [
                f"const char *{name}(int code)",
                "{",
                "    switch (code) {",
                *cases,
                '    default: return "";',
                "    }",
                "}",
            ]
        )

    def summary(self, stem: str) -> str:
        return summary(self.derivation, stem, scope(self.samples, False) if self.samples else "")

    def comment(self, helpers: Sequence[str]) -> str:
        """What the file computes, of which arrays, and how to call and compile it."""
        d = self.derivation
        lines = heading(d, self.signature.symbols, scope(self.samples, False) if self.samples else "")
        lines += fill(f"FLOPs: {self.program.flops_of(*outputs_of(d)).expression} for the {self.kind}")
        name = self.functions[self.kind][0]
        lines += ["", *wrap(
            "Arrays hold doubles row by row; results are written where the caller says, and overlap no argument. "
            f"`work` is room for {name}_work({', '.join(self.dims)}) doubles, and may be NULL where that is 0. "
            "Nothing is kept between calls, so threads may call with workspaces of their own.",
            WIDTH,
        )]  # fmt: skip
        if self.failures:
            lines += ["The functions return 0, or what went wrong:"]
            lines += [f"  {i}  {text}" for i, text in enumerate(self.failures, 1)]
        else:
            lines += ["The functions return 0."]
        lines += ["", "cc -std=c11 -O3 -march=native -fopenmp-simd -c FILE.c"]
        if "blas_gemm" in helpers or "blas_gemv" in helpers:
            lines += ["with a BLAS for large products: -DDERIVE_BLAS, and -lopenblas or -lblas when linking"]
        text = "\n".join(f"   {line}".rstrip() for line in lines).strip().replace("*/", "* /")
        return f"/* {text} */"


INCLUDES = ("limits", "math", "stddef", "string")

# glibc has these functions for several numbers at once, from a version on; loops use them where they are declared so.
VECTORIZED = {"exp": "2, 22", "log": "2, 22", "sin": "2, 22", "cos": "2, 22", "tanh": "2, 35", "log1p": "2, 35"}
ON_GLIBC = "#if defined(__GLIBC__) && defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)"


def vectorized(called: Collection[str]) -> list[str]:
    """The declarations of the functions that are called in loops."""
    lines = []
    for name, version in VECTORIZED.items():
        if name in called:
            declared = f"extern double {name}(double);"
            lines += [f"#if __GLIBC_PREREQ({version})", "#pragma omp declare simd notinbranch", declared, "#endif"]
    return ["\n".join([ON_GLIBC, *lines, "#endif"])] if lines else []


def result_names(parts: dict[str, Any], used: set[str]) -> dict[str, str]:
    """Outputs of the program by the parameters that take them."""
    if len(parts) == 1:
        return {next(iter(parts)): "result"}
    found = {}
    for output, part in parts.items():
        name = unused(f"by_{names.identifier(part.wrt.name)}", used)
        used.add(name)
        found[output] = name
    return found


def quoted(text: str) -> str:
    """A string literal, in UTF-8."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def source(derivation: Any, batch: str | Sequence[str] | None = None) -> str:
    """The C file of a derivation, or of its sum over the samples of some arguments."""
    return CFile(derivation, batch).text()
