"""A derivation as one C file: a function for the value, one for the derivative and one for both.

The file is C11 and needs the standard library; products past a size go to a BLAS that is linked
with `-DDERIVE_BLAS`.  The functions allocate nothing: results and workspace are the caller's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import names
from ..codegen import derivative_text, described, outputs_of
from ..errors import DeriveError
from ..expr import ASSUMED, MAX_FLAT, Expr, symbol_count, symbols_of
from ..own_functions import functions_of
from ..program import Program, compile
from ..programs.lines import fill, shown, wrapped_formula
from ..programs.order import dims_of
from ..programs.signature import Signature, parts_of
from ..programs.terms import Term
from ..shapes import ONE, shape_text
from .helpers import HELPERS, closure
from .loops import Loops, c_dim

RESERVED = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if inline int long "
    "register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while "
    "abs acos asin atan beta cos cosh div erf exp fabs gamma hypot index j0 j1 jn log log1p main memcpy memset pow "
    "round sin sinh sqrt strlen tan tanh time y0 y1 yn "
    "i j k l sum work value args given held count result code again slow alpha NULL NAN INFINITY BLOCK INT_MAX".split()
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
    """

    def __init__(self, derivation: Any) -> None:
        self.derivation = derivation
        self.kind: str = derivation.kind
        parts = outputs_of(derivation)
        results = [derivation.loss, *(part.result for part in parts.values())]
        for own in functions_of(*results):
            raise DeriveError(
                f"{own.parameter} is a function of your own, which generated C cannot call",
                hint="write it out, or use numpy, jax or torch",
            )
        outputs = {"value": derivation.loss, **{name: part.result for name, part in parts.items()}}
        self.program: Program = compile(outputs, derivation.hints, has_triangular_solve=True)
        prefix = names.identifier(derivation.name)
        stems = ["value", self.kind, *(["value_and_gradient"] if self.kind == "gradient" else [])]
        stems = stems if derivation.loss.is_scalar or self.kind != "gradient" else stems[:2]
        taken = {*RESERVED, *HELPERS, *(f"{prefix}_{s}{end}" for s in stems for end in ("", "_work")), f"{prefix}_error"}
        self.prefix = prefix
        symbols = arguments_of(derivation)
        every = {n for v in self.program.order for d in v.shape for n in d.names} | dims_of(self.program.order)
        self.signature = Signature(symbols, every, taken, (), (), parts_of(*results))
        self.dims = [self.signature.dims[d] for d in sorted(self.signature.dims)]
        labels = result_names(parts, self.signature.used)
        chosen = {"value": {"value": "value"}, self.kind: labels, "value_and_gradient": {"value": "value", **labels}}
        self.failures: list[str] = []
        self.loops: dict[str, Loops] = {}
        self.functions: dict[str, tuple[str, dict[str, Term]]] = {}
        guards = self._guards()
        for stem in stems:
            made = Loops(self.program, self.signature, chosen[stem], self.failures)
            made.lines = [*guards, *made.lines]
            self.loops[stem] = made
            results_of = {name: self.program.outputs[output] for output, name in chosen[stem].items()}
            self.functions[stem] = f"{prefix}_{stem}", results_of

    def _guards(self) -> list[str]:
        """Lines that fail where an entry or a block that is taken is not there."""
        lines = []
        for end, size in self.signature.parts:
            self.failures.append(f"{size} must be at least {end}")
            at_least = f"{c_dim(size, self.signature.dims)} < {c_dim(end, self.signature.dims)}"
            lines.append(f"if ({at_least}) return {len(self.failures)};")
        return lines

    # Text

    def text(self) -> str:
        helpers = closure({name for loops in self.loops.values() for name in loops.helpers})
        head = [self.comment(), "\n".join(f"#include <{name}.h>" for name in INCLUDES), MATH]
        blocks = [
            "\n".join([f"/* {self.summary(stem)} */", *self.prototype(stem)[0:1]]) for stem in self.functions
        ]
        declared = "\n\n".join(blocks)
        bodies = [self.body(stem) for stem in self.functions]
        if self.failures:
            bodies.append(self.errors())
        written = [*head, declared, *(HELPERS[name].strip("\n") for name in helpers), *bodies]
        return "\n\n".join(written) + "\n"

    def parameters(self, stem: str) -> str:
        symbols = [
            f"double {self.signature.name_of[s]}" if s.is_scalar else f"const double *{self.signature.name_of[s]}"
            for s in self.signature.symbols
        ]
        results = [f"double *{name}" for name in self.functions[stem][1]]
        return ", ".join([*(f"ptrdiff_t {d}" for d in self.dims), *symbols, *results, "double *work"])

    def prototype(self, stem: str) -> tuple[str, str]:
        name = self.functions[stem][0]
        sizes = ", ".join(f"ptrdiff_t {d}" for d in self.dims) or "void"
        work = f"size_t {name}_work({sizes})"
        return f"{work};\nint {name}({self.parameters(stem)});", work

    def body(self, stem: str) -> str:
        name, results = self.functions[stem]
        loops = self.loops[stem]
        unused = [d for d in self.dims if not mentions(d, [loops.work])]
        lines = [
            self.prototype(stem)[1],
            "{",
            *(f"    (void){d};" for d in unused),
            f"    return {f'(size_t)({loops.work})' if loops.work else '0'};",
            "}",
            "",
            f"int {name}({self.parameters(stem)})",
            "{",
        ]
        given = [*self.dims, *(self.signature.name_of[s] for s in self.signature.symbols), "work"]
        lines += [f"    (void){g};" for g in given if not mentions(g, loops.lines)]
        lines += [f"    {line}" if not line.lstrip().startswith("#") else line for line in loops.lines]
        return "\n".join([*lines, "}"])

    def errors(self) -> str:
        """A function that says what a return code means."""
        name = f"{self.prefix}_error"
        cases = [f"    case {i}: return {quoted(text)};" for i, text in enumerate(self.failures, 1)]
        return "\n".join([f"const char *{name}(int code)", "{", "    switch (code) {", *cases, '    default: return "";', "    }", "}"])

    def summary(self, stem: str) -> str:
        d = self.derivation
        if stem == "value":
            return f"{d.name}, {described(d.loss)}"
        derivatives = ", ".join(derivative_text(part) for part in d.parts)
        if stem == "value_and_gradient":
            return f"{d.name} and {derivatives}"
        return f"{derivatives}, {described(d.result)}" if len(d.parts) == 1 else derivatives

    def comment(self) -> str:
        """What the file computes, of which arrays, and how to call and compile it."""
        d = self.derivation
        lines = [f"{self.kind.capitalize() if self.kind != 'hvp' else 'Hessian-vector product'} of {d.name}.", ""]
        lines += wrapped_formula(f"{d.name} = ", shown(lambda: d.loss.text()))
        for part in d.parts:
            if symbol_count(part.result) <= MAX_FLAT:
                boxed = part.boxed.text()
                lines += wrapped_formula(f"{derivative_text(part)} = ", shown(lambda boxed=boxed: boxed))
        shapes = ", ".join(f"{s.text()}: {shape_text(s.shape).replace(' × 1', '')}" for s in self.signature.symbols)
        lines += ["", *fill(f"Shapes: {shapes}")]
        assumed = [s for s in self.signature.symbols if s.properties & ASSUMED]
        if assumed:
            from ..reading.assumptions import equations  # loads the reader

            lines += fill(f"Assumed by the formulas above, not by the code: {' and '.join(equations(assumed))}")
        lines += fill(f"FLOPs: {self.program.flops_of(*outputs_of(d)).expression} for the {self.kind}")
        name = self.functions[self.kind][0]
        lines += ["", *fill(
            "Arrays hold doubles row by row; results are written where the caller says, and overlap no argument. "
            f"`work` is room for {name}_work({', '.join(self.dims)}) doubles, and may be NULL where that is 0. "
            "Nothing is kept between calls, so threads may call with workspaces of their own."
        )]  # fmt: skip
        if self.failures:
            lines += fill("The functions return 0, or what went wrong:")
            lines += [f"  {i}  {text}" for i, text in enumerate(self.failures, 1)]
        else:
            lines += ["The functions return 0."]
        lines += ["", "cc -std=c11 -O3 -march=native -fopenmp-simd -c FILE.c"]
        if "blas" in closure({n for loops in self.loops.values() for n in loops.helpers}):
            lines += ["with a BLAS for large products: -DDERIVE_BLAS, and -lopenblas or -lblas when linking"]
        text = "\n".join(f"   {line}".rstrip() for line in lines).strip().replace("*/", "* /")
        return f"/* {text} */"


INCLUDES = ("limits", "math", "stddef", "string")

# glibc has these functions for several numbers at once; a compiler uses them within loops that it is told of.
MATH = """#if defined(__GLIBC__) && defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#if __GLIBC_PREREQ(2, 22)
#pragma omp declare simd notinbranch
extern double exp(double);
#pragma omp declare simd notinbranch
extern double log(double);
#pragma omp declare simd notinbranch
extern double sin(double);
#pragma omp declare simd notinbranch
extern double cos(double);
#endif
#if __GLIBC_PREREQ(2, 35)
#pragma omp declare simd notinbranch
extern double tanh(double);
#pragma omp declare simd notinbranch
extern double log1p(double);
#pragma omp declare simd notinbranch
extern double erf(double);
#endif
#endif"""


def arguments_of(derivation: Any) -> list[Expr]:
    """The symbols in order: variables first, directions last."""
    parts = derivation.parts
    directions = [part.direction for part in parts if part.direction is not None]
    made_of = symbols_of(derivation.loss, *(part.result for part in parts))
    others = [s for s in made_of if s not in directions]
    return list(dict.fromkeys([*derivation.variables, *others, *directions]))


def result_names(parts: dict[str, Any], used: set[str]) -> dict[str, str]:
    """Outputs of the program by the parameters that take them."""
    if len(parts) == 1:
        return {next(iter(parts)): "result"}
    found = {}
    for output, part in parts.items():
        name = f"by_{names.identifier(part.wrt.name)}"
        while name in used:
            name += "_"
        used.add(name)
        found[output] = name
    return found


def mentions(name: str, lines: Sequence[str]) -> bool:
    """Whether a name stands in lines of C."""
    import re

    pattern = re.compile(rf"\b{re.escape(name)}\b")
    return any(pattern.search(re.sub(r"/\*.*?\*/", "", line)) for line in lines)


def quoted(text: str) -> str:
    """A string literal, in UTF-8."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def source(derivation: Any) -> str:
    """The C file of a derivation."""
    return CFile(derivation).text()


def is_row(term: Term) -> bool:
    return term.shape[0] is ONE and term.shape[1] is not ONE
