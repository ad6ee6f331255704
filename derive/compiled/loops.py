"""The operations of a program as C: loops over entries, and products and factors by helpers.

An operation entry by entry is an expression of its entries (`read`), and is written out within
the loop that needs it; arrays are made of what is used twice, of what products, solutions and
factors work on, and of what a loop would compute anew for each row.  All arrays are rows of
doubles one after the other; those that are no arguments and no results lie in one workspace,
where one whose last use is over leaves its place to the next of its size.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

from ..errors import DeriveError
from ..expr import Expr
from ..program import Program
from ..programs.formulas import formula, short
from ..programs.row_blocks import RowBlock, split
from ..programs.signature import Signature
from ..programs.syntax import UNARY, Code
from ..programs.terms import Term, Value
from ..shapes import ONE, Dim
from .places import ENTRIES, FREE, VIEWS, EntryPlaces, LoopStatement, flat, grouped

# What is summed over the entries of its operands.
SUMS: Mapping[str, str] = {
    "total": "{0}", "norm1": "fabs({0})", "dot": "{0} * {1}", "contraction": "{0} * {1}", "row_sums": "{0}",
    "row_dots": "{0} * {1}",
}  # fmt: skip
# What is computed from arrays by a helper into an array: rows and columns of the operand come first.
WHOLE = frozenset("softmax row_softmax row_logsumexp cumsum cumsum_back max_row argmax_row".split())
NUMBERS = frozenset("norm logsumexp det logdet logdet_positive max_row".split())  # a number from an array
FACTORS = frozenset("solve spd_solve inverse spd_inverse cholesky triangle_inverse".split())
IN_MEMORY = frozenset(("product", "block_inner", "block_sum", *WHOLE, *NUMBERS, *FACTORS))  # work on arrays
ARRAYS = frozenset(("stack", "row_sums", "row_dots", "block", *IN_MEMORY))
READ = frozenset(("sum", "entries", "outer", "kron", *VIEWS, *FREE))  # entry by entry
KNOWN = READ | ARRAYS | frozenset(("sq_norm", "trace", "spd_logdet", *SUMS))

REPEATED = frozenset("outer kron stack Diag block_inner block_sum".split())  # read an operand more than once


class Loops(EntryPlaces):
    """The statements of one function.

    Parameters
    ----------
    program : Program
    signature : Signature
        Its names are those of the arguments and sizes in C.
    outputs : mapping of str to str
        Output of the program to the name of the array or number that takes it.
    failures : list of str
        What can go wrong, in the order of the return codes; added to.

    Attributes
    ----------
    lines : list of str
    work : str
        The size of the workspace in doubles, in terms of the dimensions; empty if there is none.
    helpers : set of str
    """

    def __init__(self, program: Program, signature: Signature, outputs: Mapping[str, str], failures: list[str]) -> None:
        self.program = program
        super().__init__(signature)
        self.sums: Mapping[Value, str] = {}  # those that are added to
        self.failures = failures
        self.formulas: dict[Value, Expr] = {}
        self.sizes: dict[str, str] = {}  # of the arrays of the workspace
        self.counted = 0
        self.order = program.needed(*outputs)
        for value in self.order:
            if value.kind not in KNOWN and value.kind not in ENTRIES:
                hint = (
                    "numpy, scipy, jax and torch have it" if value.kind.isidentifier() else "pass it to another backend"
                )
                raise DeriveError(f"{value.kind} has no counterpart in c", hint=hint)
        self.uses: dict[Value, int] = {}
        terms = {name: program.outputs[output] for output, name in outputs.items()}
        for term in [*(t for value in self.order for t in value.args), *terms.values()]:
            for part in term.parts():
                self.uses[part] = self.uses.get(part, 0) + 1
        self.stored = self._stored()
        self._write(terms)
        self.work, declared = self._allocated()
        self.lines = [*declared, *(line for s in self.statements for line in s.lines), "return 0;"]

    # What becomes an array

    def _stored(self) -> set[Value]:
        """The values that are arrays in memory."""
        found: set[Value] = set()
        for value in self.order:
            if value.is_scalar or value.kind == "input":
                continue
            if value.kind in ARRAYS or self.uses[value] > 1 and not self.is_cheap(value):
                found.add(value)
        for value in self.order:
            tags = value.data if value.kind == "entries" else ()
            for i, term in enumerate(value.args):
                body = term.value
                if body is None or body.kind == "input":
                    continue
                along = bool(tags) and tags[i][0] != "full" and value.shape[1] is not ONE
                needs_array = value.kind in IN_MEMORY or value.kind == "spd_logdet"
                if needs_array or (value.kind in REPEATED or along) and not self.is_cheap(body):
                    found.add(body)
        return found

    def is_cheap(self, value: Value) -> bool:
        """Whether reading an entry costs no more than from memory."""
        if value.kind == "outer":
            return all(t.body.kind in ("input", "ones", "basis") for t in value.args)
        return (
            value.kind in FREE
            or value.kind in VIEWS
            and all(t.value is None or self.is_cheap(t.value) for t in value.args)
        )

    # Statements

    def _write(self, terms: Mapping[str, Term]) -> None:
        direct = self._direct(terms)
        for value in self.order:
            self.formulas[value] = formula(value, self.formulas)
            if value.kind == "input":
                self.names[value] = self.signature.name_of[value.data[0]]
        rest, waiting = self.order, dict(terms)
        while rest:
            before, block, rest = split(rest, self.stored, ENTRIES, waiting, direct)
            for value in before:
                self._made(value, direct)
            if block is not None:
                self._by_rows(block, direct, {name: waiting.pop(name) for name in block.outputs})
        for name, term in waiting.items():
            body = term.value
            if body is None:
                self._start().lines.append(f"*{name} = {self.read(term, '0', '0').text};")
            elif direct.get(body) != name:
                self._fill(name, term)
            elif not term.is_plain:
                self._start()
                with_scalars = self.product(term.coefficient, self.scalars(term))
                self._loops(body.shape, [f"{name}[{{at}}] *= {with_scalars.text};"])

    def _made(self, value: Value, direct: Mapping[Value, str]) -> None:
        if value.kind == "input":
            return
        if value.is_scalar:
            self._number(value)
        elif value in self.stored:
            self._array(value, direct.get(value))

    def _by_rows(self, block: RowBlock, direct: Mapping[Value, str], filled: Mapping[str, Term]) -> None:
        """Values for a block of rows at a time, each array by a pointer to the first of its rows."""
        count, names, dims = self.size(block.dim), self.names, self.dims
        opened = self._start()
        opened.lines.append("/* Some rows at a time, so that they stay in the cache. */")
        body = len(self.statements)
        made: dict[Value, str] = {}  # what is there when all rows are through
        for value in block.members:
            if value.is_scalar:
                made[value] = self._new("s")
                opened.lines.append(f"double {made[value]} = 0.0;")
            elif value in block.kept or value in block.sums:
                made[value] = direct.get(value) or self._new("t")
                entries = self.entries_of(Term(Fraction(1), (), value))
                if value not in direct:
                    self.sizes[made[value]] = entries
                if value in block.sums:
                    opened.lines.append(f"memset({made[value]}, 0, (size_t)({entries}) * sizeof(double));")
        known = set(self.sizes)
        pointers: dict[str, tuple[str, str]] = {}  # to the arrays, with the length of their rows

        def pointer(name: str, value: Value) -> str:
            if value.shape[0] is not block.dim:
                return name
            to = self._new("p")
            pointers[to] = name, self.size(value.shape[1])
            return to

        self.names = {value: pointer(name, value) for value, name in names.items()}
        self.dims = {**dims, next(iter(block.dim.names)): "rows"}
        self.sums = {value: name for value, name in made.items() if value in block.sums}
        targets = {value: pointer(name, value) for value, name in made.items()}
        for value in block.members:
            self._made(value, targets)
        for name, term in filled.items():
            self._fill(pointer(name, term.body), term)
        self.names, self.dims, self.sums = {**names, **made}, dims, {}
        span = f"block_rows({count}, {self.size(block.columns)})"
        self.helpers.add("block_rows")
        for name in self.sizes.keys() - known:
            self.sizes[name] = re.sub(r"\brows\b", span, self.sizes[name])
        statements = self.statements[body:]
        mentioned = {name for s in statements for name in (*s.reads, s.writes) if name}
        opened.lines += [
            f"for (ptrdiff_t first = 0, span = {span}; first < {count}; first += span) {{",
            f"    const ptrdiff_t rows = {count} - first < span ? {count} - first : span;",
        ]
        written = {*made.values(), *filled}
        for to in sorted(mentioned & pointers.keys(), key=lambda name: int(name[1:])):
            whole, columns = pointers[to]
            start = "first" if columns == "1" else f"first * {grouped(columns)}"
            opened.lines.append(f"    {'' if whole in written else 'const '}double *{to} = {whole} + {start};")
        for statement in statements:
            statement.lines = ["    " + line for line in statement.lines]
        closed = self._start()
        closed.lines.append("}")
        for statement in (opened, closed):  # what is there for all blocks keeps its place through all of them
            statement.reads |= {pointers[name][0] if name in pointers else name for name in mentioned}
            statement.reads -= self.sizes.keys() - known

    def _direct(self, terms: Mapping[str, Term]) -> dict[Value, str]:
        """The arrays that are made in the place of a result."""
        found: dict[Value, str] = {}
        for name, term in terms.items():
            body = term.value
            if body is None or body not in self.stored or body in found:
                continue
            if (not term.flipped or body.is_vector) and (term.is_plain or self.uses[body] == 1):
                found[body] = name
        return found

    def _start(self, value: Value | None = None) -> LoopStatement:
        statement = LoopStatement()
        self.statements.append(statement)
        if value is not None:
            shown = short(self.formulas[value], value, self.names, self.formulas).text()
            if value.kind == "cholesky":
                shown = f"L Lᵀ = {self.formulas[value].text()}"
            comment = shown.replace("*/", "* /")
            if len(comment) < 100 and "\n" not in comment:
                statement.lines.append(f"/* {comment} */")
        return statement

    def _new(self, letter: str) -> str:
        while True:
            self.counted += 1
            name = f"{letter}{self.counted}"
            if name not in self.signature.used:
                return name

    def _number(self, value: Value) -> None:
        """A scalar as a constant."""
        statement = self._start(value)
        name = self.sums.get(value) or self._new("s")
        kind, args = value.kind, value.args
        if kind in SUMS or kind in ("sq_norm", "trace", "spd_logdet"):
            if value not in self.sums:
                statement.lines.append(f"double {name} = 0.0;")
            self._sum(name, value)
        elif kind in NUMBERS:
            array, count = self.matrix(args[0]), self.entries_of(args[0])
            statement = self.statements[-1]
            self.helpers.add(kind)
            if kind in ("norm", "logsumexp", "max_row"):
                statement.lines.append(f"const double {name} = {kind}({count}, {array});")
            else:
                scratch = self.scratch(count)
                self._copied(scratch, array, count)
                statement.lines.append(f"const double {name} = {kind}({self.size(args[0].shape[0])}, {scratch});")
        elif kind in ("block_inner", "block_sum"):
            statement.lines.append(f"double {name} = 0.0;")
            self._blocks_summed(value, name)
        else:
            statement.lines.append(f"const double {name} = {self.entry(value, '0', '0').text};")
        self.names[value] = name

    def _sum(self, name: str, value: Value) -> None:
        args, statement = value.args, self.statements[-1]
        if value.kind in ("trace", "spd_logdet"):
            read = self.read(args[0], "i", "i").text
            text = read if value.kind == "trace" else f"2.0 * log({read})"
            statement.lines += [f"for (ptrdiff_t i = 0; i < {self.size(args[0].shape[0])}; ++i) {name} += {text};"]
            return
        rows, columns = args[0].shape
        is_vector = rows is ONE or columns is ONE
        if is_vector:
            reads = [self.along(t, "i") for t in args]
        else:
            reads = [self.read(t, "i", "j") for t in args]
        if value.kind == "sq_norm":
            self.helpers.add("squared")
            text = f"squared({reads[0].text})"
        else:
            text = summand(value.kind, reads)
        if is_vector:
            statement.lines += [
                f"#pragma omp simd reduction(+ : {name})",
                f"for (ptrdiff_t i = 0; i < {self.size(columns if rows is ONE else rows)}; ++i) {name} += {text};",
            ]
            return
        statement.lines += [
            f"for (ptrdiff_t i = 0; i < {self.size(rows)}; ++i) {{",
            "    double sum = 0.0;",
            "    #pragma omp simd reduction(+ : sum)",
            f"    for (ptrdiff_t j = 0; j < {self.size(columns)}; ++j) sum += {text};",
            f"    {name} += sum;",
            "}",
        ]

    def matrix(self, term: Term) -> str:
        """The name of an array with the entries of a term, row by row."""
        body = term.body
        name = self.names[body]
        if not term.is_plain or term.flipped and not body.is_vector:
            turned = self.scratch(self.entries_of(term))
            self._fill_into(turned, term, is_new=False)
            return turned
        self.statements[-1].reads.add(name)
        self.statements[-1].elsewhere.add(name)
        return name

    def entries_of(self, term: Term) -> str:
        rows, columns = (self.size(d) for d in term.shape)
        return rows if columns == "1" else columns if rows == "1" else f"{grouped(rows)} * {grouped(columns)}"

    def scratch(self, count: str) -> str:
        """An array that only the statement at hand uses, or those after it."""
        name = self._new("t")
        self.sizes[name] = count
        self.statements[-1].reads.add(name)
        self.statements[-1].elsewhere.add(name)
        return name

    def _copied(self, target: str, source: str, count: str) -> None:
        self.statements[-1].lines.append(f"memcpy({target}, {source}, (size_t)({count}) * sizeof(double));")

    def _loops(self, shape: tuple[Dim, Dim], body: Sequence[str]) -> None:
        """A loop over all entries; `{at}` is the place of one."""
        rows, columns = shape
        lines = self.statements[-1].lines
        if rows is ONE or columns is ONE:
            count = self.size(columns if rows is ONE else rows)
            lines += ["#pragma omp simd", f"for (ptrdiff_t i = 0; i < {count}; ++i) {{"]
            lines += [*("    " + line.replace("{at}", "i") for line in body), "}"]
            return
        at = flat("i", "j", self.size(columns))
        lines += [
            f"for (ptrdiff_t i = 0; i < {self.size(rows)}; ++i) {{",
            "    #pragma omp simd",
            f"    for (ptrdiff_t j = 0; j < {self.size(columns)}; ++j) {{",
            *("        " + line.replace("{at}", at) for line in body),
            "    }",
            "}",
        ]

    def _fill(self, name: str, term: Term) -> None:
        """An array with the entries of a term."""
        self._start()
        self.statements[-1].writes = name
        self._fill_into(name, term)

    def _fill_into(self, name: str, term: Term, is_new: bool = True) -> None:
        rows, columns = term.shape
        before = self.place
        self.place = ("i", "j") if is_new else ("", "")
        if rows is ONE or columns is ONE:
            read = (
                self.along(term, "i")
                if term.body.is_vector
                else self.read(term, *(("0", "i") if rows is ONE else ("i", "0")))
            )
        else:
            read = self.read(term, "i", "j")
        self._loops(term.shape, [f"{name}[{{at}}] = {read.text};"])
        self.place = before

    def _array(self, value: Value, target: str | None) -> None:
        """A value as an array."""
        statement = self._start(value)
        name = target or self._new("t")
        if target is None:
            self.sizes[name] = self.entries_of(Term(Fraction(1), (), value))
        kind, args = value.kind, value.args
        if kind == "product":
            self._product(name, value)
        elif kind == "stack":
            pairs = list(zip(args[::2], args[1::2], strict=True))
            reads = [
                self.product(Fraction(1), [(self.along(u, "i"), Fraction(1)), (self.along(v, "j"), Fraction(1))])
                for u, v in pairs
            ]
            self._loops(value.shape, [f"{name}[{{at}}] = {' + '.join(r.text for r in reads)};"])
        elif kind in ("row_sums", "row_dots"):
            self._row_sums(name, value)
        elif kind == "block":
            self._blocks(name, value)
        elif kind in ("block_inner", "block_sum"):
            self._blocks_summed(value, name)
        elif kind in FACTORS:
            self._factor(name, value)
        elif kind in WHOLE:
            array = self.matrix(args[0])
            statement = self.statements[-1]
            rows, columns = (self.size(d) for d in args[0].shape)
            if args[0].body.is_vector and kind in ("softmax", "argmax_row"):
                rows, columns = "1", self.entries_of(args[0])
            helper = {"softmax": "row_softmax"}.get(kind, "row_max" if kind == "max_row" else kind)
            self.helpers.add(helper)
            statement.lines.append(f"{helper}({rows}, {columns}, {array}, {name});")
        else:
            statement.writes = name
            self._fill_into(name, Term(Fraction(1), (), value))
            self.names[value] = name
            return
        self.statements[-1].reads.add(name)
        self.statements[-1].elsewhere.add(name)
        self.names[value] = name

    def _product(self, name: str, value: Value) -> None:
        left, right = value.args
        statement = self.statements[-1]
        names = []
        for term in (left, right):
            names.append(self.names[term.body])
            statement.reads.add(names[-1])
            statement.elsewhere.add(names[-1])
        a, b = names
        beta = "1.0" if value in self.sums else "0.0"
        m, k = (self.size(d) for d in left.shape)
        n = self.size(right.shape[1])
        if right.shape[1] is ONE:
            self.helpers.add("gemv")
            rows, columns = (self.size(d) for d in left.body.shape)
            statement.lines.append(f"gemv({int(left.flipped)}, {rows}, {columns}, {a}, {b}, {beta}, {name});")
            return
        self.helpers.add("gemm")
        widths = [self.size(t.body.shape[1]) for t in (left, right)]
        turned = [int(t.flipped) for t in (left, right)]
        operands = f"{a}, {widths[0]}, {b}, {widths[1]}"
        statement.lines.append(f"gemm({turned[0]}, {turned[1]}, {m}, {n}, {k}, 1.0, {operands}, {beta}, {name}, {n});")

    def _row_sums(self, name: str, value: Value) -> None:
        """Sums along rows, or of all rows where the operand is turned."""
        args, statement = value.args, self.statements[-1]
        rows, columns = args[0].shape
        down = args[0].flipped and (len(args) == 1 or args[1].flipped)
        outer, inner = (columns, rows) if down else (rows, columns)
        at = ("j", "i") if down else ("i", "j")
        reads = [self.read(t, *at) for t in args]
        text = summand(value.kind, reads)
        if down:
            if value not in self.sums:
                statement.lines.append(f"for (ptrdiff_t j = 0; j < {self.size(inner)}; ++j) {name}[j] = 0.0;")
            statement.lines += [
                f"for (ptrdiff_t i = 0; i < {self.size(outer)}; ++i) {{",
                "    #pragma omp simd",
                f"    for (ptrdiff_t j = 0; j < {self.size(inner)}; ++j) {name}[j] += {text};",
                "}",
            ]
            return
        statement.lines += [
            f"for (ptrdiff_t i = 0; i < {self.size(outer)}; ++i) {{",
            "    double sum = 0.0;",
            "    #pragma omp simd reduction(+ : sum)",
            f"    for (ptrdiff_t j = 0; j < {self.size(inner)}; ++j) sum += {text};",
            f"    {name}[i] = sum;",
            "}",
        ]

    def _blocks(self, name: str, value: Value) -> None:
        """Blocks side by side and below one another."""
        rows, columns = value.data
        wide = self.size(value.shape[1])
        top = Dim.of(0)
        for i in range(rows):
            left = Dim.of(0)
            for j in range(columns):
                term = value.args[i * columns + j]
                height, width = term.shape
                if value.is_vector:
                    at = self.shifted("i", top)
                else:
                    at = flat(self.shifted("i", top), self.shifted("j", left), wide)
                read = self.read(term, "i", "j")
                self.statements[-1].lines += [
                    f"for (ptrdiff_t i = 0; i < {self.size(height)}; ++i)",
                    f"    for (ptrdiff_t j = 0; j < {self.size(width)}; ++j) {name}[{at}] = {read.text};",
                ]
                left = left + width
            top = top + value.args[i * columns].shape[0]

    def _blocks_summed(self, value: Value, name: str) -> None:
        """Inner products of the blocks of G with B, or the sum of the blocks of G by the entries of A."""
        whole, part = value.args
        p, q = part.shape
        target = (
            name
            if value.is_scalar
            else f"{name}[{'i + j' if value.is_vector else flat('i', 'j', self.size(value.shape[1]))}]"
        )
        high, wide = self.size(value.shape[0]), self.size(value.shape[1])
        p_size, q_size = grouped(self.size(p)), grouped(self.size(q))
        if value.kind == "block_inner":
            at = f"i * {p_size} + k", f"j * {q_size} + l"
        else:
            at = f"k * {grouped(high)} + i", f"l * {grouped(wide)} + j"
        text = self.product(
            Fraction(1), [(self.read(whole, *at), Fraction(1)), (self.read(part, "k", "l"), Fraction(1))]
        ).text
        self.statements[-1].lines += [
            f"for (ptrdiff_t i = 0; i < {high}; ++i)",
            f"    for (ptrdiff_t j = 0; j < {wide}; ++j) {{",
            "        double sum = 0.0;",
            f"        for (ptrdiff_t k = 0; k < {self.size(p)}; ++k)",
            f"            for (ptrdiff_t l = 0; l < {self.size(q)}; ++l) sum += {text};",
            f"        {target} = sum;",
            "    }",
        ]

    # Factors

    def failure(self, text: str) -> int:
        """The return code of a failure."""
        if text not in self.failures:
            self.failures.append(text)
        return self.failures.index(text) + 1

    def _factor(self, name: str, value: Value) -> None:
        kind, args = value.kind, value.args
        n, count = self.size(args[0].shape[0]), self.entries_of(args[0])
        statement = self.statements[-1]
        shown = formula(args[0].body, self.formulas).text()
        if kind == "cholesky":
            self.helpers.add("cholesky")
            code = self.failure(f"{shown} is not positive definite")
            self._copied(name, self.matrix(args[0]), count)
            statement.lines.append(f"if (!cholesky({n}, {name})) return {code};")
            return
        if kind in ("triangle_inverse", "spd_inverse"):
            self.helpers.add(kind)
            factor = self.matrix(args[0])
            statement.lines.append(f"{kind}({n}, {factor}, {name});")
            return
        if kind == "inverse":
            wide = n
            statement.lines.append(f"identity({n}, {name});")
            self.helpers.add("identity")
        else:
            wide = "1" if args[1].shape[1] is ONE else self.size(args[1].shape[1])
            self._copied(name, self.matrix(args[1]), self.entries_of(args[1]))
        if kind == "spd_solve":
            self.helpers.add("cholesky_solve")
            statement.lines.append(f"cholesky_solve({n}, {wide}, {self.matrix(args[0])}, {name});")
            return
        self.helpers.add("lu_solve")
        code = self.failure(f"{shown} is singular; expected an invertible matrix")
        scratch = self.scratch(count)
        self._copied(scratch, self.matrix(args[0]), count)
        statement.lines.append(f"if (!lu_solve({n}, {wide}, {scratch}, {name})) return {code};")

    # The workspace

    def _allocated(self) -> tuple[str, list[str]]:
        """The size of the workspace, and the lines that name its arrays."""
        last: dict[str, int] = {}
        for number, statement in enumerate(self.statements):
            for name in {*statement.reads, *([statement.writes] if statement.writes else [])}:
                last[name] = number
        places: dict[str, list[int]] = {}  # by size: the places that are free
        ends: list[str] = []  # the size of each place
        place_of: dict[str, int] = {}
        for number, statement in enumerate(self.statements):
            over = [n for n in sorted(statement.reads) if n in place_of and last[n] == number and n in self.sizes]
            mentioned = [n for n in sorted({*statement.reads, statement.writes or ""}) if n in self.sizes]
            freed = [n for n in over if n not in statement.elsewhere] if statement.writes else []
            for name in freed:
                places.setdefault(self.sizes[name], []).append(place_of[name])
            for name in mentioned:
                if name not in place_of:
                    free = places.get(self.sizes[name])
                    if free:
                        place_of[name] = free.pop()
                    else:
                        place_of[name] = len(ends)
                        ends.append(self.sizes[name])
                    if last[name] == number:
                        over.append(name)
            for name in over:
                if name not in freed:
                    places.setdefault(self.sizes[name], []).append(place_of[name])
        sizes = [grouped(size) if len(ends) > 1 else size for size in ends]
        starts = [" + ".join(["work", *sizes[:i]]) for i in range(len(ends))]
        return " + ".join(sizes), [f"double *{name} = {starts[place]};" for name, place in place_of.items()]


def summand(kind: str, reads: Sequence[Code]) -> str:
    """What is summed over the entries of the operands."""
    if len(reads) == 1:
        return SUMS[kind].replace("{0}", reads[0].text)
    return SUMS[kind].replace("{0}", reads[0].at(UNARY)).replace("{1}", reads[1].at(UNARY))
