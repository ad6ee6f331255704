"""Text to expressions: every formula as people write it, and declarations.

The parser is our own precedence parser rather than a grammar library: that keeps the start
of the program fast (nothing to import or compile), and lets every error say what the
reader was about to write.  The stages: `tokens` (one tokenizer for Unicode, ASCII,
NumPy-like text and LaTeX), `splitting` (letters to names), `grammar` (precedence, explicit
stacks), `sums` (Σ over an index to matrix form), `kinds` (scalars, vectors, matrices by
use, declaration and habit), `sizes` (unification), `build` (constructors of `operations`).
Nothing is evaluated, and no stage recurses over the depth of the input.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from .. import names
from ..errors import DeriveError, ParseError, ShapeError, UnknownSymbolError
from ..expr import Expr, fold, nodes, substitute, symbol, symbol_op, symbols_of
from ..rows import softened
from ..shapes import SCALAR, Dim
from .alternatives import DOTTED
from .capitals import matrix_letters, turned_letters
from .declarations import Declarations, declarations, style_of
from .indexed_names import capital
from .marks import is_raised, is_term_pi
from .scope import TWO_SYMBOLS, Reading
from .solved import Solution
from .tokens import Token
from .vocabulary import ALIKE, ELEMENTWISE, NAMED_MODULE, WITH_PARAMETER

Where = str | Mapping[str, Any] | None
SURPRISING = 0.9  # kinds this far from habit make us look for another grouping
ASTONISHING = 8.0  # and this far, all symbols together that are odd, nobody meant


class Parsed:
    """What a text says.

    Attributes
    ----------
    name : str
        Canonical name of the value.
    expr : Expr
        The formula, definitions inlined.
    definitions : list of (str, Expr)
    symbols : dict of canonical name to Expr; declared ones too
    where : list of str
        What was inferred, as `W: m × n`.
    readings : list of str
        Where the text could mean something else: the reading taken.
    hints : list of (Dim, "<" or "≤", Dim)
    equations : list of (Expr, Expr, str)
        What a value is said to equal besides, in a chain of equalities, and how that is written.
    """

    __slots__ = (
        "name", "expr", "definitions", "symbols", "where", "readings", "hints", "source", "styled", "equations",
        "occurring",
    )  # fmt: skip

    def __init__(self) -> None:
        self.name = "L"
        self.expr: Expr
        self.definitions: list[tuple[str, Expr]] = []
        self.symbols: dict[str, Expr] = {}
        self.where: list[str] = []
        self.readings: list[str] = []
        self.hints: list[tuple[Dim, str, Dim]] = []
        self.source = ""
        self.styled: dict[str, str] = {}
        self.equations: list[tuple[Expr, Expr, str]] = []
        self.occurring: set[str] | None = None  # the names in the formula, once they are wanted


def parse(formula: str, where: Where = None, wrt: Sequence[str] = (), scalar: bool = False) -> Parsed:
    """Read a formula, solving for what is not declared.

    Parameters
    ----------
    formula : str
    where : str or mapping, optional
    wrt : sequence of str
        Names the caller will ask for; they take part in splitting runs of letters.
    scalar : bool
        A scalar is wanted, which helps where kinds are open.

    Raises
    ------
    ParseError, ShapeError, LimitError
        With the place in the text.

    Examples
    --------
    >>> parsed = parse("½‖WᵀWx − x‖²")
    >>> parsed.where
    ['W: m × n', 'x: n']
    """
    if not isinstance(formula, str):
        raise DeriveError(f"a formula is text, not {type(formula).__name__}")
    declared = declarations(where)
    wanted = []
    for name in wrt:
        try:
            wanted.append(names.canonical(name))
        except ParseError:
            pass  # find_symbol says so
    head = ""
    if scalar and formula.lstrip()[:2] in ("∇_", "\\n", "\\f", "\\d", "\\t", "\\p", "d/", "∂/", "∂_"):
        from .derivative_signs import without_head

        formula, head = without_head(formula, wanted, declared.entries)
    parsed = _read(formula, declared, wanted, scalar, {})
    if head:
        parsed.readings.insert(0, f"{head} is left out: what is derived is read")
    return parsed


def _read(
    formula: str, declared: Declarations, wanted: Sequence[str], scalar: bool, scope: Mapping[str, Expr]
) -> Parsed:  # fmt: skip
    """What a text says, in Python's grammar or in that of formulas, where the symbols of a scope are known."""
    parsed = Parsed()
    styled: dict[str, str] = {}
    solved: Any = _python(formula, declared, scalar, scope) if is_numpy(formula) else None
    if solved is None:
        reading, solved = _with_capitals(formula, declared, wanted, scalar, scope)
        if solved.doubt is not None:
            raise solved.doubt
        parsed.expr, styled, parsed.equations = solved.exprs[-1], reading.styled, solved.equations
        for statement, expr in zip(reading.statements[:-1], solved.exprs):
            parsed.definitions.append((statement.name or "", expr))
        name = reading.statements[-1].name
        taken = "L" in solved.symbols or "L" in reading.known
    else:
        parsed.expr, parsed.definitions, name = solved.expr, solved.definitions, solved.name
        taken = "L" in solved.symbols
    parsed.expr, written = softened(parsed.expr), parsed.expr
    parsed.symbols = dict(solved.symbols)
    for unused, made in _unused(declared, solved.symbols).items():
        parsed.symbols.setdefault(unused, made)
    parsed.name = name if name is not None else "ℓ" if taken else "L"
    parsed.where, parsed.readings = solved.where, solved.readings
    if parsed.expr is not written:
        parsed.readings.append("relu(z) + log(1 + exp(−|z|)) is read as softplus(z), which has a slope at 0 too")
    parsed.hints, parsed.source, parsed.styled = declared.hints, formula, styled
    return parsed


def _with_capitals(
    formula: str, declared: Declarations, wanted: Sequence[str], scalar: bool, scope: Mapping[str, Expr]
) -> tuple[Reading, Solution]:
    """A formula solved, its capital letters before brackets factors or functions as the shapes have it.

    Where one reading fits no shapes the other is taken if it fits; and what is transposed behind a bracket
    without a sum is a function where that makes a number: F(x)ᵀF(x).
    """
    reading = Reading(formula, declared, wanted, scope)
    solved: Solution | None = None
    failed: ShapeError | None = None
    try:
        solved = _solved(reading, scalar)
    except ShapeError as error:
        failed = error
    functions = reading.multiplied if solved is None else turned_letters(reading)
    factors = reading.called if solved is None else matrix_letters(solved.exprs) - declared.functions
    for others in ((factors, ()), ((), functions)):
        if not any(others):
            continue
        try:
            other = Reading(formula, declared, wanted, scope, *others)
            found = _solved(other, scalar)
        except (ShapeError, ParseError):
            continue
        is_usual = found.exprs[-1].is_scalar and found.surprise < SURPRISING
        if others[0] or is_usual or solved is None and not found.odd():
            return other, found
    if solved is None:
        assert failed is not None
        other = Reading(formula, declared, wanted, scope, has_primes=True)
        if len(other.tokens) == len(reading.tokens):
            raise failed
        try:
            reading, solved = other, _solved(other, scalar)
        except (ShapeError, ParseError):
            raise failed from None
        if not solved.has_primed_vectors():
            raise failed
    return reading, solved


# A module of arrays, the product @, a function's head, the call of a method, an index, a keyword argument of a call.
# SymPy's methods are none.
_MARK = re.compile(
    rf"{NAMED_MODULE}|@|^\s*def\s+\w+\(|(?<=[\w)\]])\.(?!(?:inv|doit|as_explicit)\b)[a-z_]\w*\("
    r"|(?<=\w)\[[\d\s,:-]+\]|(?<=[)\]])\[\s*-?\d+\s*\]"
)
_KEYWORD = re.compile(r"[([{]|[)\]}]|(?<=[(,])\s*[A-Za-z]\w*\s*=(?!=)")


def is_numpy(text: str) -> bool:
    """Whether a formula is written as for NumPy, JAX or PyTorch.

    Examples
    --------
    >>> [is_numpy(t) for t in ("np.sum(x**2)", "x @ x", "A.dot(x)", "softmax(X, axis=1)", "x.T*A*x", "(x.T*A)[0, 0]")]
    [True, True, True, True, False, False]
    """
    if _MARK.search(text):
        return True
    calls: list[bool] = []  # whether each open bracket stands behind a name
    for found in _KEYWORD.finditer(text):
        mark = found.group()
        if mark in "([{":
            calls.append(mark == "(" and text[max(found.start() - 1, 0) : found.start()].isalnum())
        elif mark in ")]}":
            del calls[-1:]
        elif calls and calls[-1]:
            return True
    return False


def _python(formula: str, declared: Declarations, scalar: bool, scope: Mapping[str, Expr]) -> Any:
    """What a text in Python's grammar says; None where it is none."""
    from .python import is_python, reordered

    formula = reordered(formula)
    if not is_python(formula):
        return None
    from .ranks import ArrayFormula, Solved

    return Solved(ArrayFormula(formula, declared, scope), scalar)


def _unused(declared: Declarations, known: Mapping[str, Expr]) -> dict[str, Expr]:
    """Symbols that are declared and do not occur."""
    absent = Declarations(declared.source)
    absent.hints = declared.hints
    absent.entries = {n: e for n, e in declared.entries.items() if n not in known}
    return absent.symbols() if absent.entries else {}


def _solved(reading: Reading, scalar: bool) -> Solution:
    """The solution under the precedences, or under another grouping where that alone fits.

    A grouping also gives way to another under which the kinds are far more usual: `y .* X*w`
    is y ⊙ (X w) rather than a vector X times a scalar w.
    """
    signs = {t.text for t in reading.tokens}
    tokens = [t for s in reading.statements for t in s.tokens]
    texts = {t.text for t in tokens}
    following = [*tokens[1:], tokens[-1]]
    plain = frozenset[str]()
    others = [
        frozenset((word,)) for word, is_there in (
            ("dot", not signs.isdisjoint((".*", "./"))), ("hadamard", not signs.isdisjoint("⊙⊘")),
            ("flat", "·" in signs), ("number", "[" in texts),  # (xᵀ A x)[0, 0], as SymPy has it
            ("bars", any(t.kind == "bar" and t.text == "|" for t in tokens)),
            ("ones", any(t.kind == "num" and t.value == 1 for t in tokens)),
            ("π", is_term_pi(tokens)),
            ("e", any(t.kind == "name" and t.value == "e" and not is_raised(b) for t, b in zip(tokens, following))),
        ) if is_there
    ]  # fmt: skip
    words = ("call", "identity") if "I" in signs else ("call",)  # tr A I is a number beside tr B
    calls = [frozenset((word,)) for word in words if not texts.isdisjoint(("tr", "det", "logdet"))]
    base: Solution | None = None
    first: ShapeError | None = None

    def tried(
        loose: frozenset[str], wish: bool = False, errors: tuple[type[DeriveError], ...] = (ShapeError,)
    ) -> Solution | None:
        try:
            return reading.solve(loose, wish)
        except errors:
            return None

    try:
        base = reading.solve(plain, False)
    except ShapeError as error:
        first = error
    if base is None or base.surprise >= SURPRISING:
        is_open = base is None or base.multiplies_scalars or base.measures_numbers or not base.exprs[-1].is_scalar
        for loose in others:
            if not is_open and "e" not in loose:  # ‖e − X b‖²: nobody means the number
                continue
            other = tried(loose)
            if other is not None and _is_more_usual(other, base):
                base = _regrouped(other, loose)
    both, rows, powers = (ShapeError, ParseError), frozenset(("rows",)), frozenset(("entries",))
    with_ones = [rows | {"ones"}] if frozenset(("ones",)) in others else []
    # Sums over indices spread over no rows.  The power of a vector that is summed up can be that of each entry only,
    # and that of a matrix whose letters only the power would make square is not that of a matrix.
    for marks, groups, errors in (
        ({"["}, [frozenset(("stacked",))], (ShapeError,)),  # W [h, x] + b
        ({"+", "-"}, [rows, *with_ones], both), ({"sum", "mean"}, [powers, powers | {"ones"}, powers | {"rows"}], both),
    ):  # fmt: skip
        is_squared = base is not None and bool(base.squares) and "sum" in marks
        if texts.isdisjoint(marks) or not (base is None or base.surprise >= SURPRISING or is_squared):
            continue
        other = next((made for loose in groups if (made := tried(loose, errors=errors)) is not None), None)
        if other is not None and (_is_more_usual(other, base) or is_squared and not other.squares):
            base = other
    if scalar and (base is None or not base.exprs[-1].is_scalar):
        # A wish for a scalar makes b in aᵀXb a vector, and never a vector a scalar.
        for loose in (plain, *others, *calls):
            solution = tried(loose, True)
            if solution is not None and solution.exprs[-1].is_scalar and not solution.turned(base):
                for name in sorted(base.lone & solution.symbols.keys() if base is not None else ()):
                    if solution.symbols[name].is_scalar:
                        solution.say_scalar(name)
                return _regrouped(solution, loose)
        if _is_scalar_calculus(tokens):
            # Where nothing asks for a vector, the wish decides: by x, exp(x) y is of numbers.
            solution = tried(plain, True)
            if solution is not None and all(symbol.is_scalar for symbol in solution.symbols.values()):
                for name in sorted(solution.odd()):
                    solution.say_scalar(name)
                return solution
    for loose in calls if base is None else ():
        other = tried(loose)
        base = base if other is None else _regrouped(other, loose)
    if base is None:
        assert first is not None
        raise first
    dotted = DOTTED.search(reading.source) if base.surprise >= SURPRISING else None
    if dotted is not None:
        raise ParseError(
            f"{dotted[0]} may add a vector to every column", reading.source, dotted.span(),
            "write the product with a row of ones, or declare the shapes",
        )  # fmt: skip
    if sum(base.odd().values()) > ASTONISHING:
        raise base.astonishment()
    return base


def _is_scalar_calculus(tokens: Sequence[Token]) -> bool:
    """Whether a formula has nothing but small letters, numbers and scalar functions with + − * / and powers.

    A sum or a product of letters alone says too little: `x − y` and `(x − y)/2` may want their norm.
    """
    following = [*tokens[1:], None]
    asks = any(
        t.kind == "func" or is_raised(t) or (t.text == "/" and after is not None and after.kind != "num")
        for t, after in zip(tokens, following)
    )
    return asks and all(
        t.text in ELEMENTWISE | ALIKE | WITH_PARAMETER if t.kind == "func"
        else t.text in ("+", "-", "*", "/", "^", "**", ",") if t.kind == "op"
        else not t.style and t.value[:1].islower() if t.kind == "name"
        else t.kind in ("num", "open", "close", "bar", "sup", "frac", "sqrt") or t.text == "ᵗ"
        for t in tokens
    )  # fmt: skip


def _is_more_usual(other: Solution, base: Solution | None) -> bool:
    """Whether another grouping is taken: its kinds are far more usual, and it makes no matrix of a scalar."""
    if base is None:
        return True
    keeps = other.exprs[-1].is_scalar or not base.exprs[-1].is_scalar
    return keeps and other.surprise < base.surprise - SURPRISING / 2


def _regrouped(solution: Solution, loose: frozenset[str]) -> Solution:
    if loose & {"e", "π"}:
        solution.readings.append(f"{min(loose)} is read as a symbol, not as the number")
    elif loose and "ones" not in loose:
        solution.readings.append(f"read as {solution.exprs[-1].text()}, as no other grouping fits")
    return solution


def parse_together(formulas: Sequence[str], where: Where | Declarations = None) -> tuple[list[Expr], list[str]]:
    """Read formulas whose symbols are the same and whose values may be equal; with what was taken for granted.

    Raises
    ------
    ParseError, ShapeError, LimitError
    """
    declared = declarations(where)
    for formula in formulas:
        if not isinstance(formula, str):
            raise DeriveError(f"a formula is text, not {type(formula).__name__}")
    try:
        return _sides(formulas, declared)
    except DeriveError:
        pass  # each by itself, with the symbols that the others settle: the widest reading first
    scope: dict[str, Expr] = {}
    read: dict[int, Parsed] = {}
    for i in sorted(range(len(formulas)), key=lambda i: -len(formulas[i])):
        read[i] = _read(formulas[i], declared, (), False, scope)
        scope.update(read[i].symbols)
    starred = [i for i, formula in enumerate(formulas) if "*" in formula and not is_numpy(formula)]
    for i in starred if any(map(is_numpy, formulas)) else ():
        if _means_otherwise(formulas[i], read[i].expr, declared, scope):
            raise ParseError(
                "beside NumPy's text * may be entry by entry, or a product of matrices", formulas[i], None,
                "write A @ B, or np.multiply(A, B)",
            )  # fmt: skip
    for name, made in scope.items():
        base, accents, low = names.parts(name)
        of = scope.get(names.join(base, [accent for accent in accents if accent != "bar"], low))
        if "bar" in accents and made.is_scalar and of is not None and of.is_vector and name not in declared.entries:
            shown = names.text(name)
            raise ParseError(
                f"{shown} may be the mean of {of.text()} on one side, and a letter of its own on the other",
                formulas[0], None, f"write mean({of.text()}), or declare {shown}",
            )  # fmt: skip
    return [read[i].expr for i in range(len(formulas))], [said for parsed in read.values() for said in parsed.readings]


def _means_otherwise(formula: str, expr: Expr, declared: Declarations, scope: Mapping[str, Expr]) -> bool:
    """Whether a formula has another meaning in Python's grammar."""
    try:
        solved = _python(formula, declared, False, scope)
    except DeriveError:
        return False
    return solved is not None and solved.expr is not expr


def _sides(formulas: Sequence[str], declared: Declarations) -> tuple[list[Expr], list[str]]:
    """The sides of one statement, where a letter is on each what it is on all."""
    for formula in formulas:
        depths = accumulate((c == "(") - (c == ")") for c in formula)
        if "\n" in formula or "\\\\" in formula or min(depths, default=0) < 0 or is_numpy(formula):
            raise DeriveError("a side is no formula by itself, or one in Python's grammar")
    name = next((letter for letter in "ΞΥΨΩ" if not any(letter in formula for formula in formulas)), "Ω")
    parsed = _read(" = ".join((name, *(f"({formula})" for formula in formulas))), declared, (), False, {})
    if parsed.definitions or len(parsed.equations) + 1 != len(formulas):
        raise DeriveError("a side has statements of its own")
    sides = [*(side for _, side, _ in parsed.equations), parsed.expr]
    known = {name for symbol in symbols_of(*sides) for size in symbol.shape for name in size.names}
    free = {name for node in nodes(*sides) for size in node.shape for name in size.names} - known
    if len(free) > 1 or any(said.endswith(TWO_SYMBOLS) for said in parsed.readings):
        raise DeriveError("a size, or the weight of a letter, is that of one side alone")
    return sides, parsed.readings


def find_symbol(parsed: Parsed, name: str) -> Expr:
    """The symbol that `name`, in any spelling, stands for in what was read.

    Raises
    ------
    UnknownSymbolError
        Naming the nearest symbols.
    """
    try:
        key = names.canonical(name)
    except ParseError as error:
        raise UnknownSymbolError(error.message, name, (0, len(name))) from None
    style = style_of(name)
    key = parsed.styled.get(f"{key}|{style}", key)
    found = parsed.symbols.get(key)
    if found is not None:
        if parsed.occurring is None:
            parsed.occurring = {s.name for s in symbols_of(parsed.expr)}
        if key in parsed.occurring:
            return found
        holder = next((n for n, e in parsed.definitions if key in {s.name for s in symbols_of(e)}), None)
        if holder is not None:
            shown = names.text(holder)
            raise UnknownSymbolError(
                f"{names.text(key)} occurs in {shown} only, which the formula does not use",
                hint=f"write the formula with {shown} as it is defined: its entries with one index under a sum",
            )
        entry = next((n for n in sorted(parsed.occurring) if _is_entry(n, key)), None)
        if entry is not None:
            raise UnknownSymbolError(
                f"the formula has {names.text(entry)}, a name of its own, and no {names.text(key)}",
                hint=f"derive by {names.text(entry)}; an entry is written with its number, or below a sum",
            )
        return found
    if key in dict(parsed.definitions):
        raise UnknownSymbolError(
            f"{name} is defined in the formula, and is no variable of its own",
            hint="its symbols: " + ", ".join(names.text(n) for n in parsed.symbols),
        )
    part = find_entry(parsed, name)
    if part is not None:
        shown = part[0].text()
        raise UnknownSymbolError(
            f"{name} is an entry of {shown} here",
            hint=f"derive by {shown}: that entry of the gradient is the derivative by {name}",
        )
    from difflib import get_close_matches

    near = get_close_matches(key, list(parsed.symbols), n=3, cutoff=0.5)
    if not near:
        near = [n for n in parsed.symbols if n.lower() == key.lower()]
    shown = ", ".join(names.text(n) for n in parsed.symbols) or "none"
    raise UnknownSymbolError(
        f"the formula has no symbol {name}",
        hint=f"did you mean {' or '.join(names.text(n) for n in near)}?" if near
        else f"its symbols: {shown}; a variable that does not occur is declared, as in {name}: m×n",
    )  # fmt: skip


def find_entry(parsed: Parsed, name: str) -> tuple[Expr, list[str]] | None:
    """The vector or matrix that a name is an entry or a row of, and the indices; None where it is no such name.

    Examples
    --------
    >>> find_entry(parse("x'Ax"), "A_{12}")[1], find_entry(parse("x'Ax"), "x_i")[1]
    (['1', '2'], ['i'])
    """
    base, accents, low = names.parts(names.canonical(name))
    for count in (1, 2):
        indices = [c for piece in low[-count:] for c in (piece if piece.isalpha() else [piece])]
        if count == 1 and len(indices) == 1 and len(low[-1]) == 2:
            indices = list(low[-1])
        if not low[-count:] or not all(i.isdigit() and i != "0" or len(i) == 1 for i in indices):
            continue
        own = names.join(base, accents, low[:-count])
        for whole in (own, capital(own)):
            found = parsed.symbols.get(whole)
            if found is None or found.is_scalar:
                continue
            for held in (indices, ["".join(indices)]):
                sizes = found.shape if len(held) == 2 else found.shape[:1]
                if len(held) > (1 if found.is_vector else 2) or any(len(i) > 1 and not i.isdigit() for i in held):
                    continue
                if len(held) == 1 and not found.is_vector and whole == own:
                    continue  # W_1 beside W is a name of its own
                if all(i.isalpha() or d.value is None or int(i) <= d.value for i, d in zip(held, sizes)):
                    return found, held
    return None


def _is_entry(name: str, whole: str) -> bool:
    """Whether a name is another with one index more, or two."""
    base, accents, low = names.parts(name)
    return whole in (names.join(base, accents, low[:-count]) for count in (1, 2) if low[-count:])


def redeclare(expr: Expr, where: Where) -> tuple[Expr, dict[str, Expr]]:
    """An expression with the shapes and properties that declarations add to its symbols.

    Returns
    -------
    (Expr, dict)
        The expression, and its symbols and the declared ones by name.
    """
    declared = declarations(where)
    held = {s.name: s for s in symbols_of(expr)}
    renamed: dict[str, Dim] = {}
    for name, entry in declared.entries.items():
        old = held.get(name)
        if old is None or entry.shape is None:
            continue
        for have, want in zip(old.shape, entry.shape, strict=True):
            if have.terms == ((((str(have), 1),), 1),):
                if renamed.setdefault(str(have), want) is want:
                    continue
            elif have is want:
                continue
            raise ShapeError(
                f"{names.text(name)} is {_shape(old.shape)} in the expression and {_shape(entry.shape)} as declared",
                declared.source, entry.span,
            )  # fmt: skip
    if renamed:
        expr = resized(expr, renamed)
        held = {s.name: s for s in symbols_of(expr)}
    changed = {}
    for name, entry in declared.entries.items():
        old = held.get(name)
        if old is not None and entry.properties - old.properties:
            changed[old] = symbol(name, *old.shape, properties=old.properties | entry.properties)
    if changed:
        expr = substitute(expr, changed)
    known = {s.name: s for s in symbols_of(expr)}
    for name, made in declared.symbols().items():
        known.setdefault(name, made)
    return expr, known


def _shape(shape: Sequence[Dim]) -> str:
    return "scalar" if tuple(shape) == SCALAR else f"{shape[0]} × {shape[1]}"


def resized(expr: Expr, sizes: Mapping[str, Dim]) -> Expr:
    """The expression with other dimensions in the place of named ones."""

    def visit(node: Expr, args: list[Expr]) -> Expr:
        data = tuple(d.substitute(sizes) if isinstance(d, Dim) else d for d in node.data)
        if node.op is symbol_op:
            return symbol(node.name, data[2], data[3], node.properties)
        if data == node.data and all(a is b for a, b in zip(args, node.args)):
            return node
        return node.op.build(tuple(args), data)

    return fold(expr, visit)


__all__ = [
    "Declarations", "Parsed", "Reading", "declarations", "find_entry", "find_symbol", "parse", "parse_together",
    "redeclare", "resized",
]  # fmt: skip
