"""A formula as it came in, with what is asked of it: the expression, its variables and directions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .derivation import Given, require_scalar
from .errors import DeriveError, ShapeError, UnknownSymbolError
from .expr import Expr, symbol, symbol_op, symbols_of
from .progress import watched
from .shapes import shape_text

Where = str | Mapping[str, Any] | None


class Problem:
    """A formula as it came in: the expression, its symbols, and what was inferred on the way."""

    __slots__ = ("expr", "given", "symbols", "_parsed")

    def __init__(self, formula: Any, where: Where, names: tuple[str, ...], scalar: bool) -> None:
        self._parsed: Any = None
        if isinstance(formula, str):
            from .reading import parse as read

            with watched("reading the formula"):
                parsed = read(formula, where, wrt=names, scalar=scalar)
            self._parsed = parsed
            self.expr: Expr = parsed.expr
            self.symbols: dict[str, Expr] = dict(parsed.symbols)
            readings = [*parsed.readings, *map(_confirmed, parsed.equations)]
            typed = f"{formula}\n{where}" if isinstance(where, str) else formula
            self.given = Given(parsed.name, parsed.definitions, parsed.where, readings, parsed.hints, typed)
            return
        self.given = Given()
        if isinstance(formula, Expr):
            self.expr = formula
        else:
            from .interop import from_sympy, sympy_symbols

            self.expr = from_sympy(formula)
            self.given.sympy_symbols = sympy_symbols(formula)
        self.symbols = {s.name: s for s in symbols_of(self.expr)}
        if where is not None:
            from .reading import redeclare

            self.expr, self.symbols = redeclare(self.expr, where)
        if "L" in self.symbols:
            self.given.name = "ℓ"

    def find(self, name: Any) -> Expr:
        """The symbol that a name, a symbol or a SymPy symbol stands for."""
        if isinstance(name, Expr):
            if name.op is not symbol_op:
                raise DeriveError(
                    f"{name.text()} is not a symbol", hint="name it by a definition, or derive by a symbol"
                )
            return self.symbols.get(name.name, name)
        if not isinstance(name, str):
            from .interop import from_sympy, sympy_symbols

            found = from_sympy(name)
            self.given.sympy_symbols.update(sympy_symbols(name))
            return self.find(found)
        if self._parsed is not None:
            from .reading import find_symbol

            return find_symbol(self._parsed, name)
        from .names import canonical

        key = canonical(name)
        if key in self.symbols:
            return self.symbols[key]
        from difflib import get_close_matches

        near = get_close_matches(key, list(self.symbols), n=1)
        known = ", ".join(self.symbols) or "none"
        raise UnknownSymbolError(
            f"the formula has no symbol {name}", hint=f"did you mean {near[0]}?" if near else f"its symbols: {known}"
        )

    def entry(self, name: Any) -> tuple[Expr, list[str]] | None:
        """The symbol that a name is an entry or a row of, with its indices; None where it is a symbol, or nothing."""
        if self._parsed is None or not isinstance(name, str):
            return None
        from .names import canonical
        from .reading import find_entry

        return None if canonical(name) in self._parsed.symbols else find_entry(self._parsed, name)

    def absence(self, variable: Expr, what: str) -> list[str]:
        """What is remarked of a variable that does not occur; `what` then is zero."""
        return [f"{variable.text()} does not occur in {self.given.name}: {what} is zero"]


def _confirmed(equation: tuple[Expr, Expr, str]) -> str:
    """That both sides of an equation in a formula are equal.

    Raises
    ------
    DeriveError
        They are not, or nothing shows it.
    """
    from .algebra.equality import equal

    value, other, written = equation
    verdict = equal(value, other)
    if verdict not in ("proved", "agrees"):
        raise DeriveError(
            f"{written} is said to equal {value.text()}, and does not",
            hint="give one of them; definitions are separated by ;",
        )
    return f"{written} is the same, which {'is proved' if verdict == 'proved' else 'agrees at random points'}"


def given_names(*names: Any) -> tuple[str, ...]:
    return tuple(n if isinstance(n, str) else n.name for n in names if isinstance(n, (str, Expr)))


def several_of(wrt: Any) -> list[Any] | None:
    """The names in a list, or in text with commas; None for a single variable."""
    if isinstance(wrt, (list, tuple)):
        found = list(wrt)
    elif isinstance(wrt, str) and "," in wrt:
        from .reading.declarations import items

        found = [wrt[start:end].strip() for start, end in items(wrt) if wrt[start:end].strip()]
        if len(found) == 1:
            return None
    else:
        return None
    if not found:
        raise DeriveError("no variable is named", hint='for example ["W", "b"]')
    return found


def direction_of(problem: Problem, direction: Any, variable: Expr) -> Expr:
    if isinstance(direction, Expr):
        along = direction
    elif isinstance(direction, str):
        from .names import canonical

        name = canonical(direction)
        along = problem.symbols.get(name) or symbol(name, *variable.shape)
    else:
        from .interop import from_sympy, sympy_symbols

        along = from_sympy(direction)
        problem.given.sympy_symbols.update(sympy_symbols(direction))
    if along is variable:
        raise DeriveError(f"the direction and the variable are both {variable.text()}", hint="give it another name")
    if along.shape != variable.shape:
        raise ShapeError(
            f"the direction {along.text()} ({shape_text(along.shape)}) has not the shape of "
            f"{variable.text()} ({shape_text(variable.shape)})"
        )
    return along


def scalar_problem(formula: Any, wrt: Any, where: Where) -> tuple[Problem, list[Expr]]:
    """The problem of a scalar in one or more symbols, and these."""
    names = several_of(wrt) or [wrt]
    problem = Problem(formula, where, given_names(*names), True)
    require_scalar(problem.expr)
    return problem, list(dict.fromkeys(problem.find(name) for name in names))
