"""Formulas to expressions: statements, definitions, shapes, and the readings taken."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from copy import copy
from fractions import Fraction
from itertools import chain

from .. import names
from ..errors import DeriveError, LimitError, ParseError, ShapeError
from ..expr import Expr, symbol_op
from ..shapes import Dim
from . import habits
from . import kinds as solving
from .alternatives import (
    divisors_in_bars,
    entry_by_entry,
    find_factors,
    is_alone,
    lengths_of_bold,
    let_spread,
    lists_of_entries,
    loosen_ones,
    note_numbers,
    sums_of_entries,
    weigh,
)  # fmt: skip
from .build import Builder
from .declarations import Declarations, declarations, dimension
from .grammar import Parser
from .indexed_names import capital
from .kinds import Ambiguous, Cell, Contradiction, Kinds, kind_of
from .lexer import Lexer
from .limits import MAX_NAMES, MAX_OPERATIONS, MAX_SUMS
from .marks import is_vector_e, moments, primed_names, raised_calls, raised_names, starred_names
from .shaping import Symbol
from .signatures import C, M, R, S
from .sizes import Size, Sizes
from .solved import Solution
from .splitting import Usage, split_runs
from .stacks import Node, nodes_below
from .statements import Statement, Statements, in_order
from .tokens import Token, closing, parted
from .vocabulary import NAMED_MODULE

TWO_SYMBOLS = "are read as two symbols"


class Reading:
    """One attempt to read a text; `solve` gives its expressions.

    Parameters
    ----------
    source : str
    declared : Declarations
    wrt : names whose splitting and inference matter
    scope : mapping of canonical names to expressions that are known
    factors : names that multiply the bracket behind them, whatever habit says
    functions : letters that are functions before a bracket, as f is
    has_primes : whether the primes of small letters belong to names, and transpose nothing
    """

    def __init__(
        self, source: str, declared: Declarations, wrt: Iterable[str] = (), scope: Mapping[str, Expr] | None = None,
        factors: Iterable[str] = (), functions: Iterable[str] = (), has_primes: bool = False,
    ) -> None:  # fmt: skip
        self.declared = declared
        self.scope = dict(scope or {})
        self.wrt = frozenset(wrt)
        self.known = frozenset(declared.entries) | self.wrt | frozenset(self.scope)
        lexer = Lexer(source, self.known)
        self.source = source = lexer.text
        self.labeled: set[str] = set()  # matrices of zeros, with a 1 in each row
        tokens = lexer.run()
        if not {*"=1Kkκ"}.isdisjoint(source):
            from .indicators import indicators, kernels

            tokens = kernels(indicators(tokens, source, lexer.readings, self.labeled), lexer.readings)
        signs = {t.text for t in tokens}
        if "⟨" in signs and not {"|", "|l", "|r"}.isdisjoint(signs):
            from .indicators import brakets

            tokens = brakets(tokens, lexer.readings)
        if any(t.low == ["Ω"] for t in tokens):
            from .indicators import masks

            tokens = masks(tokens, self.known, lexer.readings)
        scalars = {name for name, e in {**declared.symbols(), **self.scope}.items() if e.is_scalar}
        single = declared.functions | (declared.dimensions - set(declared.entries)) | scalars
        tokens = moments(tokens, self.known, single, source, lexer.readings, lexer.is_latex)
        tokens = starred_names(raised_calls(tokens, lexer.readings), self.known)
        tokens = primed_names(tokens, self.known, source, has_primes)
        self.tokens = raised_names(tokens, self.known, source, lexer.readings)
        self.is_latex = lexer.is_latex
        divided = Statements(source)
        self.statements = divided.divide(self.tokens)
        divided.declared += dict.fromkeys(f"{names.text(t.name)}: {size}" for t, size in lexer.sized)
        if divided.declared:
            self.declared = declared = declared.joined(declarations(";".join(divided.declared)))
            self.known |= frozenset(declared.entries)
        self.known |= {s.name for s in self.statements if s.name is not None}
        self.dimension_names = declared.dimensions - set(declared.entries)
        for expr in self.scope.values():
            self.dimension_names |= expr.shape[0].names | expr.shape[1].names
        self.split_readings: list[str] = [*lexer.readings, *divided.readings]
        usage = Usage([part for s in self.statements for part in (s.tokens, *s.others)], declared.functions)
        usage.used |= set(factors)
        usage.own |= {names.parts(name)[0] for name in functions}
        for statement in self.statements:
            statement.tokens, *statement.others = (
                split_runs(part, self.known, source, self.is_latex, self.split_readings, usage)
                for part in (statement.tokens, *statement.others)
            )
        self.multiplied, self.called = usage.multiplied, usage.called
        self.choose_members()
        self.statements = self.written = in_order(self.statements, source)
        used = {
            str(t.value) for s in self.statements for t in chain(s.tokens, *s.others) if t.kind in ("name", "apply")
        }
        families = {names.join(*names.parts(name)[:2], []) for name in used}
        families |= set(map(capital, families))
        for statement in self.statements[:-1]:
            if statement.name and {statement.name, statement.name.partition("_")[0]}.isdisjoint(used | families):
                self.split_readings.append(f"{names.text(statement.name)} is defined and not used")
        self.is_numpy = any(t.text == "@" for t in self.tokens) or re.search(NAMED_MODULE, source) is not None
        self.styled = self.separate_styles()

    def choose_members(self) -> None:
        """Of L = E = ½ eᵀe = ½‖y − X w‖², read by w, keep what w stands in: the others are names of the value."""
        if not any(s.others for s in self.statements):
            return
        reached = {names.parts(name)[0].lower() for name in self.wrt}

        def reaches(tokens: list[Token]) -> bool:
            return any(t.kind == "name" and names.parts(str(t.value))[0].lower() in reached for t in tokens)

        for _ in self.statements:  # definitions may follow their use
            reached |= {s.name.lower() for s in self.statements if s.name and reaches(s.tokens)}
        for s in self.statements:
            members = [s.tokens, *s.others]
            kept = [tokens for tokens in members if reaches(tokens)] or members
            for tokens in members if len(kept) < len(members) else ():
                if tokens not in kept:
                    shown = " ".join(self.source[tokens[0].start : tokens[-1].end].split())
                    self.split_readings.append(f"{shown} is read as a name of the value")
            s.tokens, *s.others = kept

    def pairs(self, roots: list[Node]) -> list[tuple[Node, Node]]:
        """The trees of what a statement is said to equal besides, each with that of the statement."""
        of = [
            roots[i] if i + 1 < len(self.statements) else roots[-1]
            for i, s in enumerate(self.statements)
            for _ in s.others
        ]
        return list(zip(roots[len(self.statements) - 1 : -1], of, strict=True))

    def separate_styles(self) -> dict[str, str]:
        """A letter that a formula writes in two styles is two symbols, unless it is declared as one."""
        styles: dict[str, dict[str, Token]] = {}
        for statement in self.statements:
            for token in chain(statement.tokens, *statement.others):
                if token.kind == "name":
                    kind = token.style if token.style in names.STYLES else ""
                    styles.setdefault(str(token.value), {}).setdefault(kind, token)
        renamed: dict[str, str] = {}
        for name, used in styles.items():
            if len(used) < 2 or name in ("I", "e", "π", "1", "T"):
                continue
            both = {e.style for e in self.declared.entries.values() if e.name == name}
            if name in self.declared.entries and len(both) < 2:
                continue
            if name in self.scope or any(s.name == name for s in self.statements):
                continue
            base, accents, low = names.parts(name)
            for style in used:
                if style:
                    renamed[f"{name}|{style}"] = names.join(base, [*accents, style], low)
                    shown = (names.latex if self.is_latex else names.text)(renamed[f"{name}|{style}"])
                    self.split_readings.append(f"{shown} and {names.text(name)} {TWO_SYMBOLS}")
        for statement in self.statements:
            for token in chain(statement.tokens, *statement.others):
                if token.kind == "name":
                    token.value = renamed.get(f"{token.value}|{token.style}", token.value)
        return renamed

    # Trees

    def parse_trees(self, loose: frozenset[str], readings: list[str]) -> list[Node]:
        """The trees of all statements, the formula last; names of definitions refer to their tree."""
        defined: dict[str, Node] = {}
        parameters: dict[str, tuple[list[str], list[Token]]] = {}
        uses: dict[str, set[str]] = {}
        roots = []
        numbers = {name for name, e in {**self.declared.symbols(), **self.scope}.items() if e.is_scalar}
        tokens = [t for s in self.statements for t in chain(s.tokens, *s.others)]
        if is_vector_e(tokens, self.known, numbers, readings):
            loose |= {"e"}  # the number has no transpose
        others: list[Node] = []
        used: set[int] = set()
        for statement in self.written:
            tokens = self.applied_definitions(statement.tokens, parameters, uses)
            root, *beside = (
                Parser(part, self.source, self.known, loose, self.dim, readings).parse()
                for part in (tokens, *(self.applied_definitions(t, parameters, uses) for t in statement.others))
            )
            others += beside
            for node in nodes_below([root, *beside]):
                if node.op == "sym" and node.data in defined:
                    node.op, node.args = "ref", [defined[node.data]]
                    used.add(id(defined[node.data]))
                elif node.op == "sym" and node.data == statement.name:
                    raise ParseError(f"{node.data} is defined by itself", self.source, node.span)
                elif node.op == "sym" and node.data in self.scope:
                    expr = self.scope[node.data]
                    if expr.op is not symbol_op or expr.name != node.data:
                        node.op, node.data = "expr", expr
            if statement.name is not None:
                defined[statement.name] = root
                if statement.parameters:
                    body = self.applied_definitions(statement.tokens, parameters, uses, inline=True)
                    parameters[statement.name] = (statement.parameters, body)
                held = {str(t.value) for t in tokens if t.kind == "name"}
                uses[statement.name] = held.union(*(uses[name] for name in held if name in uses))
            roots.append(root)
        kept = [(s, r) for s, r in zip(self.written, roots) if id(r) in used or r is roots[-1] or not self.is_macro(s)]
        self.statements, roots = [s for s, _ in kept], [r for _, r in kept]
        return [*roots[:-1], *others, roots[-1]]

    def is_macro(self, statement: Statement) -> bool:
        """Whether f(x) = … has an x of its own, beside another x or x_i: what it is applied to counts alone."""
        others = [t for s in self.written if s is not statement for t in s.tokens if t.kind == "name"]
        bases = {names.parts(str(t.value))[0].lower() for t in others}
        return not statement.others and any(names.parts(name)[0].lower() in bases for name in statement.parameters)

    def applied_definitions(
        self, tokens: list[Token], parameters: dict[str, tuple[list[str], list[Token]]], uses: dict[str, set[str]],
        inline: bool = False,
    ) -> list[Token]:  # fmt: skip
        """`f(x)` for a function defined as f(x) = … is its value, and f(a) that with (a) in the place of x."""
        made = list(tokens)
        for i in range(len(made) - 1 if parameters else -1, -1, -1):  # what stands inside of a call comes first
            token = made[i]
            given = parameters.get(str(token.value)) if token.kind == "name" else None
            if given is None or i + 1 == len(made) or made[i + 1].text != "(":
                continue
            j = closing(made, i + 1)
            operands = parted(made[i + 2 : j], ",", ";", "|")
            span = (token.start, made[min(j, len(made) - 1)].end)
            wanted, body = given
            shown = ", ".join(map(names.text, wanted))
            if [[str(t.value) for t in operand] for operand in operands] == [[name] for name in wanted] and not inline:
                del made[i + 1 : j + 1]
                continue
            if len(operands) != len(wanted):
                raise ParseError(f"{token.text} is defined for ({shown})", self.source, span, "give as many operands")
            by_name = dict(zip(wanted, operands, strict=True))
            other = next((n for t in body for n in (str(t.value),) if uses.get(n, set()) & set(wanted)), None)
            if other is not None:
                raise ParseError(
                    f"{token.text} is defined for ({shown}) by means of {names.text(other)}", self.source, span,
                    "write the formula out for other operands",
                )  # fmt: skip
            inside = [Token("open", "(", *span)]
            for part in body:
                name = str(part.value) if part.kind == "name" else ""
                held = by_name.get(name)
                behind: list[Token] = []
                if held is None and (whole := names.join(*names.parts(name)[:2], names.parts(name)[2][:-1])) in by_name:
                    held, low = by_name[whole], names.parts(name)[2][-1]  # x_j of f(x) = …
                    if not low.isalnum() or len(low) > 1 and not low.isdigit():
                        raise ParseError(f"{token.text} is defined by {names.text(name)}", self.source, span)
                    index = Token("num", low, *span, Fraction(low)) if low.isdigit() else Token("name", low, *span, low)
                    behind = [Token("op", "_", *span), Token("open", "{", *span), index, Token("close", "}", *span)]
                wrapped = [Token("open", "(", *span), *(held or ()), Token("close", ")", *span), *behind]
                inside += [part] if held is None else wrapped
            inside = [copy(t) for t in [*inside, Token("close", ")", *span)]]
            for t in inside:
                t.start, t.end = span
            made[i : j + 1] = inside
            if len(made) > MAX_OPERATIONS:
                raise LimitError("the definitions use each other too often", self.source, span)
        return made

    def dim(self, text: str, span: tuple[int, int]) -> Dim:
        return dimension(text, self.source, span)

    # Solving

    def solve(self, loose: frozenset[str], scalar: bool) -> Solution:
        readings = list(self.split_readings)
        roots = self.parse_trees(loose, readings)
        order = nodes_below(roots)
        if sum(node.op == "sigma" for node in order) > MAX_SUMS:
            raise LimitError("the formula has too many sums over indices", self.source, None, f"at most {MAX_SUMS}")
        weigh(order, readings)
        lengths_of_bold(self, order, readings)
        order = nodes_below(roots)
        order, totals = sums_of_entries(self, roots, order, readings, "entries" in loose)
        if "one" not in loose:
            find_factors(order)
        if "ones" in loose:
            loosen_ones(order)
        powers = entry_by_entry(order) if "entries" in loose else []
        numbers = [n for n in order if "number" in loose and n.op == "at" and n.data == ("1", "1")]
        for node in numbers:
            node.op, node.data = "ref", None
        stacked = [n for n in order if "stacked" in loose and n.op == "block" and n.data[0] == 1 and n.data[1] > 1]
        for node in stacked:
            node.data = node.data[::-1]
        lengths = divisors_in_bars(order) if "bars" in loose else []
        for node in lengths:
            node.op, node.data = "norm", "2"
        if "rows" in loose:
            let_spread(order, {n for n, e in self.declared.entries.items() if e.kind == "scalar"}, self.source)
            order = nodes_below(roots)
        lists = lists_of_entries(self, order, "listed" in loose)
        order = nodes_below(roots)
        self.settled: dict[str, int] = {}
        self.used_dimensions: set[str] = set()
        self.families: set[str] = set()
        if any(node.op in ("sigma", "at") or (node.op == "sym" and "_" in node.data) for node in order):
            from .sums import lower_indices

            try:
                lowered = lower_indices(self, roots, readings, scalar)
            except ParseError:
                if lists and "listed" not in loose:
                    return self.solve(loose | {"listed"}, scalar)
                raise
            if lowered is not roots:
                roots, order = lowered, nodes_below(lowered)
        self.name_dimensions(order)
        symbols = self.collect(order)
        kinds = Kinds()
        solving.build(order, kinds, lambda node: self.cell(node, symbols, kinds))
        for node in [*numbers, *roots[-1:]] if scalar else numbers:
            node.cell.find().mask &= S
        if powers:
            for node in order:
                if node.op == "call" and node.data in ("sum", "mean"):  # adds up more than one number
                    node.args[0].cell.find().mask &= ~S
        for root, of in self.pairs(roots):
            kinds.merge(root.cell, of.cell)
        for name, entry in symbols.items():
            if entry.is_declared or name in self.settled:
                continue
            kinds.symbol_cells[name].find().add(habits.habit(name, entry.style, entry.uses))
        kinds.start()
        failed: Exception | None = None
        try:
            kinds.decide()
        except (Contradiction, Ambiguous) as found:
            failed = found
            kinds.undo(0)
        sizes = Sizes()
        builder = Builder(self.source, order, symbols, kinds, sizes, readings, self.is_numpy)
        usual = {n: habits.habit(n, e.style, e.uses) for n, e in symbols.items() if n not in self.families}
        builder.shape_symbols(usual if isinstance(failed, Contradiction) else None)
        builder.infer()
        for root, of in self.pairs(roots):
            for a, b in zip(builder.shapes[id(root)], builder.shapes[id(of)], strict=True):
                sizes.unify(a, b)
        sizes.settle()
        if any(is_alone(node, builder.shapes, symbols, sizes) for node in order):
            return self.solve(loose | {"one"}, scalar)
        if failed is None:
            self.used_dimensions |= habits.bind_divisors(order, symbols, builder, self.wrt)
        self.name_sizes(order, symbols, sizes, builder)
        try:
            builder.build()
            note_numbers(totals, self.wrt, symbols, builder)
        except ShapeError as error:
            if lists and "listed" not in loose:
                return self.solve(loose | {"listed"}, scalar)
            if failed is not None:
                self.settle_hint(error, symbols, [n for n in order if n.op == "bars"])
            raise
        if failed is not None:
            raise self.undecided(failed, symbols, roots, builder, scalar)
        if "listed" not in loose and any(builder.values[id(node)].is_scalar for node in lists):
            return self.solve(loose | {"listed"}, scalar)
        habits.check_collapsed(builder)
        for node in powers:
            base = builder.values.get(id(node.args[0]))
            if base is not None and not base.is_scalar and base.shape[0] is base.shape[1]:
                raise ShapeError(f"{builder.cut(node)} can be a product of matrices", self.source, node.span)
            if base is not None and not base.is_scalar:
                builder.note(f"{builder.cut(node)} is read as a power of each entry")
        for node in stacked:
            if not builder.values[id(node)].is_vector:
                raise ShapeError(f"{builder.cut(node)} is no list of vectors", self.source, node.span)
            builder.note(f"{builder.cut(node)} is read as one vector, the parts below each other")
        for node in lengths:
            if id(node.args[0]) in builder.values and not builder.values[id(node.args[0])].is_vector:
                raise ShapeError(f"{builder.cut(node)} is no length of a vector", self.source, node.span)
            builder.note(f"{builder.cut(node)} is read as the norm of {builder.cut(node.args[0])}")
        return Solution(self, roots, symbols, builder, readings)

    def settle_hint(self, error: ShapeError, symbols: dict[str, Symbol], bars: list[Node]) -> None:
        """Add the declaration that would settle a clash between kinds that habit chose."""
        if error.span is None or error.source is not self.source:
            return
        start, end = error.span
        for name, entry in symbols.items():
            if entry.is_declared or entry.expr is None or not start <= entry.span[0] < end:
                continue
            shown = names.text(name)
            kind = f"{shown}: {'n' if entry.expr.is_scalar else '1×n' if 'transposed' in entry.uses else 'scalar'}"
            error.hint = f"{error.hint}\nor " if error.hint else ""
            error.hint += f"declare {kind}, if that is meant"
            if any(node.start < start and end <= node.end for node in bars):
                error.hint = "‖…‖ is the length of a vector, |…| of a number"
            error.args = (error.message, error.source, error.span, error.hint)
            return

    def undecided(
        self, failed: Exception, symbols: dict[str, Symbol], roots: list[Node], builder: Builder, scalar: bool
    ) -> DeriveError:
        root = roots[-1]
        open_names = [names.text(n) for n, s in symbols.items() if not s.is_declared]
        shown = builder.values[id(root)]
        if scalar and not shown.is_scalar:
            message = f"the loss is {shown.text()}, which is no scalar with the usual kinds of {', '.join(open_names)}"
        elif isinstance(failed, Ambiguous):
            message = f"the formula can be read in several ways: which of {', '.join(open_names)} are scalars?"
        elif not open_names:
            message = "the shapes in this formula do not fit"
        else:
            message = f"no kinds of {', '.join(open_names)} fit this formula"
        hint = f'declare them, as in where="{open_names[0]}: m×n"' if open_names else None
        return ShapeError(message, self.source, root.span, hint)

    def name_dimensions(self, order: list[Node]) -> None:
        """A dimension's name used in the formula is that number."""
        dims = set(self.dimension_names)
        for node in order:
            data = node.data
            held: Iterable[Dim | None] = ()
            if node.op in ("ones", "eye", "onesm", "zero", "commutation", "submatrix", "unvec"):
                held = data if isinstance(data, tuple) else (data,)
            elif node.op == "sigma":
                held = data.dims
            elif node.op in ("axes", "count"):
                held = [axis and axis.size for axis in (data[1] if node.op == "axes" else (data,))]
            for size in held:
                dims |= size.names if size is not None else set()
        dims -= set(self.declared.entries) | set(self.scope)
        self.used_dimensions |= dims
        for node in order:
            if node.op == "sym" and node.data in dims:
                node.op, node.data = "dim", Dim.of(node.data)

    def collect(self, order: list[Node]) -> dict[str, Symbol]:
        """The symbols in order of appearance, and how they are used."""
        symbols: dict[str, Symbol] = {}
        styles: dict[str, str] = {}
        for statement in self.statements:
            for token in chain(statement.tokens, *statement.others):
                if token.kind == "name":
                    styles.setdefault(token.value, token.style)
        leaves = sorted((n for n in order if n.op == "sym"), key=lambda n: n.start)
        for node in leaves:
            if node.data not in symbols:
                if len(symbols) >= MAX_NAMES:
                    raise LimitError("the formula has too many symbols", self.source, node.span, f"at most {MAX_NAMES}")
                entry = Symbol(node.data, styles.get(node.data, ""), node.span)
                symbols[node.data] = entry
                self.declare(entry)
        habits.note_uses(order, symbols)
        return symbols

    def declare(self, entry: Symbol) -> None:
        base, accents, low = names.parts(entry.name)
        entry.is_unit = base == "e" and not accents and len(low) == 1 and low[0].isdigit() and low[0] != "0"
        entry.is_unit &= entry.name not in self.known
        declared = self.declared.entries.get(entry.name)
        if declared is None and any(a in names.STYLES for a in accents):
            declared = self.declared.entries.get(names.join(base, [a for a in accents if a not in names.STYLES], low))
            if declared is not None and declared.style != accents[-1]:
                declared = None
        if entry.name in self.scope:
            entry.expr = self.scope[entry.name]
            entry.shape, entry.is_declared = entry.expr.shape, True
            entry.properties = entry.expr.properties
        elif declared is not None:
            entry.properties = declared.properties
            if declared.shape is not None:
                entry.shape, entry.is_declared = declared.shape, True

    def cell(self, node: Node, symbols: dict[str, Symbol], kinds: Kinds) -> Cell:
        if node.op == "expr":
            return Cell(kind_of(node.data.shape))
        entry = symbols[node.data]
        cell = kinds.symbol_cells.get(node.data)
        if cell is None:
            mask = S | C | M
            declared = self.declared.entries.get(node.data)
            if entry.shape is not None:
                mask = kind_of(entry.shape)
            elif declared is not None and declared.kind is not None:
                mask = {"scalar": S, "vector": C, "matrix": M, "square": M}[declared.kind]
            elif entry.properties - {"positive", "nonnegative", "constant"}:
                mask = M
            elif habits.may_be_row(node.data, entry.style, entry.uses):
                mask |= R
            mask &= self.settled.get(node.data, mask)
            cell = kinds.symbol_cells[node.data] = Cell(mask)
        return cell

    def name_sizes(self, order: list[Node], symbols: dict[str, Symbol], sizes: Sizes, builder: Builder) -> None:
        taken = (
            set(symbols) | self.dimension_names | self.used_dimensions | set(self.declared.entries) | set(self.scope)
        )
        taken |= {c for name in self.wrt for piece in names.parts(name)[2] for c in piece}  # derived by x_k
        found: list[Size] = [size for entry in symbols.values() for size in entry.shape or ()]
        for node in order:
            found += builder.shapes[id(node)]
        declared = self.declared.dimensions
        if len(declared) == 1:  # an identity or ones of unknown size, where there is one size only
            free = {v for size in found for v in sizes.unnamed(size)}
            held = {v for entry in symbols.values() if entry.shape for size in entry.shape for v in sizes.unnamed(size)}
            for variable in free - held:
                sizes.bound[variable] = Dim.of(next(iter(declared)))
        sizes.name(found, taken)
