"""The operations of a program as C: loops over entries, and products and factors by helpers.

An operation entry by entry is an expression of its entries (`read`), and is written out within
the loop that needs it; arrays are made of what is used twice, of what products, solutions and
factors work on, and of what a loop would compute anew for each row.  All arrays are rows of
doubles one after the other; those that are no arguments and no results lie in one workspace,
where one whose last use is over leaves its place to the next of its size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import partial, reduce

from ..adjoints import block_places
from ..errors import DeriveError
from ..expr import Expr
from ..program import Program
from ..programs import syntax
from ..programs.formulas import formula, short
from ..programs.row_blocks import RowBlock, split
from ..programs.signature import Signature
from ..programs.statement_tree import CodeStatement, Part, named, note, statements
from ..programs.syntax import Code, binary, literal
from ..programs.terms import Term, Value, counted_uses
from ..shapes import ONE, Dim
from .c_tree import ZERO, I, J, K, L
from .places import ENTRIES, FREE, VIEWS, EntryPlaces, LoopStatement, flat

# What is summed over the entries of its operands.
SUMS: Mapping[str, str] = {
    "total": "{0}", "norm1": "fabs({0})", "sq_norm": "squared({0})", "dot": "{0} * {1}", "contraction": "{0} * {1}",
    "row_sums": "{0}", "row_dots": "{0} * {1}", "trace": "{0}", "spd_logdet": "2.0 * log({0})",
}  # fmt: skip
# What is computed from arrays by a helper into an array: rows and columns of the operand come first.
WHOLE = frozenset("softmax row_softmax row_logsumexp cumsum cumsum_back max_row argmax_row".split())
NUMBERS = frozenset("norm logsumexp det logdet logdet_positive max_row".split())  # a number from an array
FACTORS = frozenset("solve spd_solve inverse spd_inverse cholesky triangle_inverse".split())
IN_MEMORY = frozenset(("product", "block_inner", "block_sum", *WHOLE, *NUMBERS, *FACTORS))  # work on arrays
ARRAYS = frozenset(("stack", "row_sums", "row_dots", "block", *IN_MEMORY))
READ = frozenset(("sum", "entries", "outer", "kron", *VIEWS, *FREE))  # entry by entry
KNOWN = READ | ARRAYS | frozenset(SUMS)

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
    made : list of CodeStatement
        The body of the function.
    work : Code
        The size of the workspace in doubles, in terms of the dimensions.
    helpers : set of str
    """

    def __init__(self, program: Program, signature: Signature, outputs: Mapping[str, str], failures: list[str]) -> None:
        self.program = program
        super().__init__(signature)
        self.sums: Mapping[Value, str] = {}  # those that are added to
        self.failures = failures
        self.formulas: dict[Value, Expr] = {}
        self.sizes: dict[str, Code] = {}  # of the arrays of the workspace
        self.statements: list[LoopStatement] = []
        self.counted = 0
        self.order = program.needed(*outputs)
        for value in self.order:
            if value.kind not in KNOWN and value.kind not in ENTRIES:
                hint = (
                    "numpy, scipy, jax and torch have it" if value.kind.isidentifier() else "pass it to another backend"
                )
                raise DeriveError(f"{value.kind} has no counterpart in c", hint=hint)
        terms = {name: program.outputs[output] for output, name in outputs.items()}
        self.uses = counted_uses(self.order, terms.values())
        self.stored = self._stored()
        self._write(terms)
        self.work, declared = self._allocated()
        self.made = [*declared, *(made for s in self.statements for made in s.emitted()), *statements("return 0")]

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
                self._start()
                self._say("{x}[0] = {read}", x=name, read=self.read(term, ZERO, ZERO))
            elif direct.get(body) != name:
                self._fill(name, term)
            elif not term.is_plain:
                self._start()
                self._loops(name, body.shape, self.product(term.coefficient, self.scalars(term)), "*=")

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
        body = len(self.statements)
        made: dict[Value, str] = {}  # what is there when all rows are through
        for value in block.members:
            if value.is_scalar:
                made[value] = self._new("s")
                self._say("{x}: double = 0.0", x=made[value])
            elif value in block.kept or value in block.sums:
                made[value] = direct.get(value) or self._new("t")
                entries = self.entries_of(Term(Fraction(1), (), value))
                if value not in direct:
                    self.sizes[made[value]] = entries
                if value in block.sums:
                    self._say("memset({x}, 0, size_t({count}) * sizeof(double))", x=made[value], count=entries)
        known = set(self.sizes)
        pointers: dict[str, tuple[str, Code]] = {}  # to the arrays, with the length of their rows

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
        span, step = syntax.call(syntax.name("block_rows"), count, self.size(block.columns)), self._new("span")
        self.helpers.add("block_rows")
        for array in self.sizes.keys() - known:
            self.sizes[array] = self.sizes[array].replaced({"rows": span})
        inside = self.statements[body:]
        mentioned = {array for s in inside for array in s.names}
        written = {*made.values(), *filled}
        start: list[CodeStatement] = []
        for to in sorted(mentioned & pointers.keys(), key=lambda array: int(array[1:])):
            whole, columns = pointers[to]
            kind = "array" if whole in written else "reading"
            at = FIRST if columns.text == "1" else binary("*", FIRST, columns)
            start += statements(f"{{to}}: {kind} = {{whole}} + {{at}}", to=to, whole=whole, at=at)
        opened.loop = statements(
            BY_ROWS, span=span, step=step, count=count, start=start, body=[made for s in inside for made in s.made]
        )
        for statement in inside:
            statement.is_inside = True
        opened.loop[0].comment = "Some rows at a time, so that they stay in the cache."
        whole_arrays = {pointers[array][0] if array in pointers else array for array in mentioned}
        for statement in (opened, self._start()):  # what is there for all blocks keeps its place through all of them
            statement.holds |= whole_arrays - (self.sizes.keys() - known)

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
                statement.made.append(note(comment))
        return statement

    def _say(self, template: str, **parts: Part) -> None:
        """A statement of a template, to the statements at hand."""
        self.statements[-1].made += statements(template, **parts)

    def _new(self, letter: str) -> str:
        while True:
            self.counted += 1
            name = f"{letter}{self.counted}"
            if name not in self.signature.used:
                return name

    def _number(self, value: Value) -> None:
        """A scalar as a constant."""
        self._start(value)
        name = self.sums.get(value) or self._new("s")
        kind = value.kind
        if kind in SUMS:
            if value not in self.sums:
                self._say("{x}: double = 0.0", x=name)
            self._sum(name, value)
        elif kind in ("block_inner", "block_sum"):
            self._say("{x}: double = 0.0", x=name)
            self._blocks_summed(value, syntax.name(name))
        else:
            self._say("{x}: constant = {made}", x=name, made=self._from_array(value) or self.entry(value, ZERO, ZERO))
        self.names[value] = name

    def _from_array(self, value: Value) -> Code | None:
        """A number that a helper makes of an array."""
        kind, args = value.kind, value.args
        if kind not in NUMBERS:
            return None
        array, count = self.matrix(args[0]), self.entries_of(args[0])
        self.helpers.add(kind)
        if kind not in ("norm", "logsumexp", "max_row"):  # they work in place
            array, source = self.scratch(count), array
            self._copied(array, source, count)
            count = self.size(args[0].shape[0])
        return syntax.call(*named([kind]), count, syntax.name(array))

    def _sum(self, name: str, value: Value) -> None:
        args = value.args
        rows, columns = args[0].shape
        if value.kind in ("trace", "spd_logdet"):
            summed = self.summand(value.kind, [self.read(args[0], I, I)])
            self._say("for i in range({n}):\n    {x} += {summed}", n=self.size(rows), x=name, summed=summed)
        elif rows is ONE or columns is ONE:
            count = self.size(columns if rows is ONE else rows)
            summed = self.summand(value.kind, [self.along(t, I) for t in args])
            self._say("for i in summing({n}, {x}):\n    {x} += {summed}", n=count, x=name, summed=summed)
        else:
            summed = self.summand(value.kind, [self.read(t, I, J) for t in args])
            sizes = {"m": self.size(rows), "n": self.size(columns)}
            self._say(SUM_BY_ROWS, **sizes, summed=summed, add=statements("{x} += sum", x=name))

    def summand(self, kind: str, reads: Sequence[Code]) -> Code:
        """What is summed over the entries of the operands."""
        template = syntax.template(SUMS[kind])
        self.helpers |= template.called
        return template.filled({str(i): read for i, read in enumerate(reads)})

    def matrix(self, term: Term) -> str:
        """The name of an array with the entries of a term, row by row."""
        body = term.body
        if not term.is_plain or term.flipped and not body.is_vector:
            turned = self.scratch(self.entries_of(term))
            self._fill_into(turned, term)
            return turned
        return self.names[body]

    def entries_of(self, term: Term) -> Code:
        return syntax.product([size for d in term.shape if (size := self.size(d)).text != "1"])

    def scratch(self, count: Code) -> str:
        """An array that only the statement at hand uses, or those after it."""
        name = self._new("t")
        self.sizes[name] = count
        return name

    def _copied(self, target: str, source: str, count: Code) -> None:
        self._say("memcpy({to}, {x}, size_t({n}) * sizeof(double))", to=target, x=source, n=count)

    def _loops(self, name: str, shape: tuple[Dim, Dim], made: Code, sign: str = "=") -> None:
        """A loop over all entries of an array."""
        rows, columns = shape
        if rows is ONE or columns is ONE:
            count = self.size(columns if rows is ONE else rows)
            self._say(f"for i in simd({{n}}):\n    {{x}}[i] {sign} {{made}}", n=count, x=name, made=made)
            return
        sizes = {"m": self.size(rows), "n": self.size(columns)}
        text = f"for i in range({{m}}):\n    for j in simd({{n}}):\n        {{x}}[{{at}}] {sign} {{made}}"
        self._say(text, **sizes, x=name, at=flat(I, J, sizes["n"]), made=made)

    def _fill(self, name: str, term: Term) -> None:
        """An array with the entries of a term."""
        self._start().writes = name
        self._fill_into(name, term)

    def _fill_into(self, name: str, term: Term) -> None:
        rows, columns = term.shape
        if rows is not ONE and columns is not ONE:
            read = self.read(term, I, J)
        elif term.body.is_vector:
            read = self.along(term, I)
        else:
            read = self.read(term, ZERO, I) if rows is ONE else self.read(term, I, ZERO)
        self._loops(name, term.shape, read)

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
            pairs = zip(args[::2], args[1::2], strict=True)
            products = [syntax.product([self.along(u, I), self.along(v, J)]) for u, v in pairs]
            self._loops(name, value.shape, reduce(partial(binary, "+"), products))
        elif kind in ("row_sums", "row_dots"):
            self._row_sums(name, value)
        elif kind == "block":
            self._blocks(name, value)
        elif kind in ("block_inner", "block_sum"):
            at = binary("+", I, J) if value.is_vector else flat(I, J, self.size(value.shape[1]))
            self._blocks_summed(value, syntax.subscript(syntax.name(name), at))
        elif kind in FACTORS:
            self._factor(name, value)
        elif kind in WHOLE:
            sizes = [self.size(d) for d in args[0].shape]
            if args[0].body.is_vector and kind in ("softmax", "argmax_row"):
                sizes = [syntax.ONE, self.entries_of(args[0])]
            helper = {"softmax": "row_softmax"}.get(kind, "row_max" if kind == "max_row" else kind)
            self._helped(helper, *sizes, self.matrix(args[0]), name)
        else:
            statement.writes = name
            self._fill_into(name, Term(Fraction(1), (), value))
        self.names[value] = name

    def _helped(self, helper: str, *arguments: Code | str) -> None:
        """A call of a helper."""
        self.helpers.add(helper)
        codes = [syntax.name(given) if isinstance(given, str) else given for given in arguments]
        self._say("{call}", call=syntax.call(syntax.name(helper), *codes))

    def _product(self, name: str, value: Value) -> None:
        left, right = value.args
        a, b = (self.names[term.body] for term in value.args)
        turned = [literal(str(int(term.flipped))) for term in value.args]
        beta = literal("1.0" if value in self.sums else "0.0")
        if right.shape[1] is ONE:
            self._helped("gemv", turned[0], *map(self.size, left.body.shape), a, b, beta, name)
            return
        (m, k), n = map(self.size, left.shape), self.size(right.shape[1])
        widths = [self.size(term.body.shape[1]) for term in value.args]
        self._helped("gemm", *turned, m, n, k, literal("1.0"), a, widths[0], b, widths[1], beta, name, n)

    def _row_sums(self, name: str, value: Value) -> None:
        """Sums along rows, or of all rows where the operand is turned."""
        args = value.args
        rows, columns = args[0].shape
        down = args[0].flipped and (len(args) == 1 or args[1].flipped)
        m, n = map(self.size, (columns, rows) if down else (rows, columns))
        at = (J, I) if down else (I, J)
        summed = self.summand(value.kind, [self.read(t, *at) for t in args])
        if not down:
            self._say(SUM_BY_ROWS, m=m, n=n, summed=summed, add=statements("{x}[i] = sum", x=name))
            return
        if value not in self.sums:
            self._say("for j in range({n}):\n    {x}[j] = 0.0", n=n, x=name)
        self._say(
            "for i in range({m}):\n    for j in simd({n}):\n        {x}[j] += {summed}", m=m, n=n, x=name, summed=summed
        )

    def _blocks(self, name: str, value: Value) -> None:
        """Blocks side by side and below one another."""
        wide = self.size(value.shape[1])
        for term, (top, height, left, width) in zip(value.args, block_places(value.args, *value.data), strict=True):
            at = self.shifted(I, top)
            if not value.is_vector:
                at = flat(at, self.shifted(J, left), wide)
            sizes = {"m": self.size(height), "n": self.size(width)}
            text = "for i in range({m}):\n    for j in range({n}):\n        {x}[{at}] = {read}"
            self._say(text, **sizes, x=name, at=at, read=self.read(term, I, J))

    def _blocks_summed(self, value: Value, target: Code) -> None:
        """Inner products of the blocks of G with B, or the sum of the blocks of G by the entries of A."""
        whole, part = value.args
        m, n = map(self.size, value.shape)
        p, q = map(self.size, part.shape)
        at = (flat(I, K, p), flat(J, L, q)) if value.kind == "block_inner" else (flat(K, I, m), flat(L, J, n))
        summed = syntax.product([self.read(whole, *at), self.read(part, K, L)])
        self._say(SUM_OF_BLOCKS, m=m, n=n, p=p, q=q, target=target, summed=summed)

    # Factors

    def failure(self, text: str) -> Code:
        """The return code of a failure."""
        if text not in self.failures:
            self.failures.append(text)
        return literal(str(self.failures.index(text) + 1))

    def _tried(self, helper: str, problem: str, *arguments: Code | str) -> None:
        """A call of a helper that may fail."""
        self._helped(helper, *arguments)
        call = self.statements[-1].made.pop().codes[0]
        self._say("if not {call}:\n    return {code}", call=call, code=self.failure(problem))

    def _factor(self, name: str, value: Value) -> None:
        kind, args = value.kind, value.args
        n, count = self.size(args[0].shape[0]), self.entries_of(args[0])
        shown = formula(args[0].body, self.formulas).text()
        if kind == "cholesky":
            self._copied(name, self.matrix(args[0]), count)
            self._tried("cholesky", f"{shown} is not positive definite", n, name)
            return
        if kind in ("triangle_inverse", "spd_inverse"):
            self._helped(kind, n, self.matrix(args[0]), name)
            return
        if kind == "inverse":
            wide = n
            self._helped("identity", n, name)
        else:
            wide = self.size(args[1].shape[1])
            self._copied(name, self.matrix(args[1]), self.entries_of(args[1]))
        if kind == "spd_solve":
            self._helped("cholesky_solve", n, wide, self.matrix(args[0]), name)
            return
        scratch = self.scratch(count)
        self._copied(scratch, self.matrix(args[0]), count)
        self._tried("lu_solve", f"{shown} is singular; expected an invertible matrix", n, wide, scratch, name)

    # The workspace

    def _allocated(self) -> tuple[Code, list[CodeStatement]]:
        """The size of the workspace, and what names its arrays."""
        last: dict[str, int] = {}
        for number, statement in enumerate(self.statements):
            last |= dict.fromkeys(statement.names, number)
        places: dict[str, list[int]] = {}  # by size: the places that are free
        ends: list[Code] = []  # the size of each place
        place_of: dict[str, int] = {}
        for number, statement in enumerate(self.statements):
            mentioned = sorted(statement.names & self.sizes.keys())
            over = [n for n in mentioned if last[n] == number]
            # What is read only at the place that is written may lie where the result does.
            freed = (
                set(over) & place_of.keys() - statement.elsewhere() - {statement.writes} if statement.writes else set()
            )
            for name in sorted(freed):
                places.setdefault(self.sizes[name].text, []).append(place_of[name])
            for name in mentioned:
                if name not in place_of:
                    free = places.get(self.sizes[name].text)
                    if not free:
                        ends.append(self.sizes[name])
                    place_of[name] = free.pop() if free else len(ends) - 1
            for name in over:
                if name not in freed:
                    places.setdefault(self.sizes[name].text, []).append(place_of[name])
        starts = [reduce(partial(binary, "+"), ends[:i], syntax.name("work")) for i in range(len(ends))]
        declared = [
            made
            for name, place in place_of.items()
            for made in statements("{x}: array = {start}", x=name, start=starts[place])
        ]
        return reduce(partial(binary, "+"), ends) if ends else ZERO, declared


FIRST = syntax.name("first")
BY_ROWS = """
{step}: size = {span}
for first in steps({count}, {step}):
    rows: size = {count} - first if {count} - first < {step} else {step}
    {start}
    {body}
"""
SUM_BY_ROWS = """
for i in range({m}):
    sum: double = 0.0
    for j in summing({n}, sum):
        sum += {summed}
    {add}
"""
SUM_OF_BLOCKS = """
for i in range({m}):
    for j in range({n}):
        sum: double = 0.0
        for k in range({p}):
            for l in range({q}):
                sum += {summed}
        {target} = sum
"""
