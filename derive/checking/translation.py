"""The statements of a Python program: assignments, helpers, methods with a cache, what is returned.

The source is data: it is parsed and walked, and nothing is run.  Expressions have NumPy's meaning
by `reading.python`; what is no straight-line arithmetic on arrays (a loop, a branch, indexing by
an array) is refused by its name and line.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from ..errors import DeriveError, LimitError, ParseError
from ..expr import Expr
from ..names import canonical, identifier
from ..reading.arrays import Array, Plan
from ..reading.python import MODULES, Interpreter, Path, assign
from ..shapes import ONE

MAX_SOURCE = 100_000
MAX_CALLS = 12  # helpers that call helpers
_SKIPPED = (ast.Assert, ast.Pass, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal)
_REFUSED: dict[type[ast.stmt], str] = {
    ast.For: "a loop", ast.While: "a loop", ast.If: "a branch", ast.With: "a with block", ast.Try: "a try block",
    ast.Delete: "del", ast.Raise: "raise", ast.ClassDef: "a class within a function", ast.Match: "a branch",
}  # fmt: skip


class Function:
    """A function of the source, or a method with its object."""

    def __init__(self, node: ast.FunctionDef | ast.Lambda, owner: Instance | None = None) -> None:
        self.node = node
        self.owner = owner

    @property
    def name(self) -> str:
        return self.node.name if isinstance(self.node, ast.FunctionDef) else "lambda"

    @property
    def parameters(self) -> list[str]:
        names = [a.arg for a in (*self.node.args.posonlyargs, *self.node.args.args)]
        static = isinstance(self.node, ast.FunctionDef) and any(
            isinstance(d, ast.Name) and d.id == "staticmethod" for d in self.node.decorator_list
        )
        return names[1:] if self.owner is not None and not static else names


class Instance:
    """An object of a class: its methods, and the attributes that they set."""

    def __init__(self, node: ast.ClassDef) -> None:
        self.node = node
        self.attributes: dict[str, Any] = {}
        self.methods = {n.name: n for n in node.body if isinstance(n, ast.FunctionDef)}


class Open:
    """A parameter that is no symbol: a tuple, a dictionary or an object that holds symbols."""

    def __init__(self, name: str) -> None:
        self.name = name


class Translator(Interpreter):
    """The functions of a source, walked with symbols for their parameters."""

    def __init__(self, source: str, module: ast.Module, symbols: dict[str, Expr]) -> None:
        sizes = {name for made in symbols.values() for dim in made.shape for name in dim.names}
        super().__init__(Plan(source, {*symbols, *sizes}), self.found)
        self.module = module
        self.depth = 0
        self.functions = self.applied
        self.symbols = symbols
        self.by_identifier = {identifier(name): made for name, made in symbols.items()}
        self.leaves: dict[str, Array] = {}
        self.top = {n.name: Function(n) for n in module.body if isinstance(n, ast.FunctionDef)}
        self.classes = {n.name: n for n in module.body if isinstance(n, ast.ClassDef)}
        self.constants = {
            n.targets[0].id: n.value for n in module.body
            if isinstance(n, ast.Assign) and len(n.targets) == 1 and isinstance(n.targets[0], ast.Name)
        }  # fmt: skip
        self.imported = _imports(module)
        self.places: dict[str, ast.stmt] = {}  # where a name, or `self.name`, was given its value last
        self.returned: ast.Return | None = None
        self.plan.is_torch = "torch" in source and "numpy" not in source

    def error(self, node: ast.AST, message: str, hint: str | None = None) -> ParseError:
        return ParseError(f"line {getattr(node, 'lineno', 1)}: {message}", self.plan.source, self.span(node), hint)

    # Names

    def found(self, name: str) -> Any:
        if name in self.top:
            return self.top[name]
        if name in self.imported:
            return self.imported[name]
        if name in self.constants:
            value = self.constants[name]
            if isinstance(value, ast.Lambda):
                return Function(value)
            return self.value(value)
        return None

    def leaf(self, written: str) -> Array | None:
        """The array of the symbol that a name of the source stands for."""
        made = self.by_identifier.get(written)
        if made is None:
            try:
                made = self.symbols.get(canonical(written))
            except ParseError:
                return None
        if made is None:
            return None
        if made.name not in self.leaves:
            axes = () if made.is_scalar else (made.shape[0],) if made.shape[1] is ONE else made.shape
            self.leaves[made.name] = self.plan.node(axes, lambda: made)
            self.leaves[made.name].is_symbol = True
        return self.leaves[made.name]

    def held(self, name: str, node: ast.AST) -> Array:
        """The symbol that something of this name must be."""
        leaf = self.leaf(name)
        if leaf is None:
            raise self.error(node, f"{name} is no symbol of the loss", f"its symbols: {', '.join(self.by_identifier)}")
        return leaf

    def evaluated(self, node: ast.AST, parts: list[Any]) -> Any:
        """As formulas have it, with objects and dictionaries; errors say the line."""
        try:
            if isinstance(node, ast.Dict):
                keys = [k.value if isinstance(k, ast.Constant) else None for k in node.keys]
                return dict(zip(keys, parts))
            if isinstance(node, ast.Attribute) and isinstance(parts[0], (Instance, Open)):
                return self.member(parts[0], node.attr, node)
            if isinstance(node, ast.Subscript) and isinstance(parts[0], (dict, Open)):
                if isinstance(parts[0], Open) and isinstance(parts[1], str):
                    return self.held(parts[1], node)
                if isinstance(parts[0], dict) and parts[1] in parts[0]:
                    return parts[0][parts[1]]
                raise self.error(node, "this key is not known")
            if isinstance(node, ast.Name) and node.id not in self.known and self.found(node.id) is None:
                if node.id not in MODULES and isinstance(node.ctx, ast.Load) and id(node) not in self.called:
                    raise self.error(node, f"{node.id} is not known")
            made = super().evaluated(node, parts)
        except DeriveError as error:
            if not error.message.startswith("line "):
                error.message = f"line {getattr(node, 'lineno', 1)}: {error.message}"
                error.args = (error.message, error.source, error.span, error.hint)
            raise
        return made

    def member(self, owner: Instance | Open, attr: str, node: ast.AST) -> Any:
        if isinstance(owner, Open):
            return self.held(attr, node)
        if attr in owner.attributes:
            return owner.attributes[attr]
        if attr in owner.methods:
            return Function(owner.methods[attr], owner)
        return self.held(attr, node)

    def array(self, value: Any) -> Array:
        if isinstance(value, Open):
            names = ", ".join(self.by_identifier)
            raise self.plan.refuse(f"the parameter {value.name} is no symbol of the loss", f"its symbols: {names}")
        return super().array(value)

    # Functions

    def applied(self, function: Any, args: list[Any], keywords: dict[str, Any]) -> Any:
        if not isinstance(function, Function):
            raise self.plan.refuse("this call is not read")
        names = function.parameters
        if len(args) > len(names) or set(keywords) - set(names):
            raise self.plan.refuse(f"{function.name} has not these parameters")
        return self.run(function, {**dict(zip(names, args)), **keywords})

    def run(self, function: Function, given: dict[str, Any]) -> Any:
        """What a function returns for these arguments."""
        self.depth += 1
        if self.depth > MAX_CALLS:
            raise LimitError(f"functions call each other deeper than {MAX_CALLS}")
        outer, self.known = self.known, {}
        node, names = function.node, function.parameters
        span = self.plan.span
        defaults = node.args.defaults
        for argument, default in zip(names[len(names) - len(defaults) :], defaults):
            self.known[argument] = self.value(default)
        self.known.update(given)
        if function.owner is not None:
            first = [*node.args.posonlyargs, *node.args.args][0].arg
            self.known[first] = function.owner
        missing = [n for n in names if n not in self.known]
        try:
            if missing:
                raise self.error(node, f"{function.name} is called without {missing[0]}")
            if isinstance(node, ast.Lambda):
                return self.value(node.body)
            return self.body(node)
        finally:
            self.depth -= 1
            self.known, self.plan.span = outer, span

    def body(self, function: ast.FunctionDef) -> Any:
        for statement in function.body:
            self.plan.span = self.span(statement)
            if isinstance(statement, ast.Return):
                if statement.value is None:
                    break
                self.returned = statement
                return self.value(statement.value)
            self.statement(statement)
        if function.name == "__init__" or not self.depth > 1 and function.name == "forward":
            return None
        raise self.error(function, f"{function.name} returns nothing")

    def statement(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Assign):
            if isinstance(statement.value, ast.Lambda):
                value: Any = Function(statement.value)
            else:
                value = self.value(statement.value)
            for target in statement.targets:
                self.give(target, value, statement)
        elif isinstance(statement, ast.AnnAssign):
            if statement.value is not None:
                self.give(statement.target, self.value(statement.value), statement)
        elif isinstance(statement, ast.AugAssign):
            self.augment(statement)
        elif isinstance(statement, ast.FunctionDef):
            self.known[statement.name] = Function(statement)
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            return
        elif not isinstance(statement, _SKIPPED):
            word = _REFUSED.get(type(statement), "this statement")
            raise self.error(statement, f"{word} is not read", "straight-line arithmetic on arrays is")

    def give(self, target: ast.expr, value: Any, statement: ast.stmt) -> None:
        """An assignment: to names, to several, to an attribute, to a key, to the entries a mask selects."""
        if isinstance(target, ast.Name):
            self.known[target.id] = value
            self.places[target.id] = statement
        elif isinstance(target, (ast.Tuple, ast.List)):
            if isinstance(value, Open):
                value = [self.held(t.id, target) for t in target.elts if isinstance(t, ast.Name)]
            if not isinstance(value, list) or len(value) != len(target.elts):
                raise self.error(target, "this assignment of several values is not read")
            for part, item in zip(target.elts, value):
                self.give(part, item, statement)
        elif isinstance(target, ast.Attribute) and isinstance(owner := self.value(target.value), Instance):
            owner.attributes[target.attr] = value
            self.places[target.attr] = statement
        elif isinstance(target, ast.Subscript):
            base = self.value(target.value)
            if isinstance(base, dict) and isinstance(target.slice, ast.Constant):
                base[target.slice.value] = value
                self.places[str(target.slice.value)] = statement
            else:
                self.masked(target, base, lambda held: self.array(value), statement)
        else:
            assign(self, target, value)

    def augment(self, statement: ast.AugAssign) -> None:
        """`a += b` changes the array itself, under all its names."""
        from ..reading.python import BINARY

        rule = BINARY.get(type(statement.op))
        if rule is None:
            raise self.error(statement, "this assignment is not read")
        right = self.array(self.value(statement.value))
        if isinstance(statement.target, ast.Subscript):
            base = self.value(statement.target.value)
            self.masked(statement.target, base, lambda held: rule(self.plan, held, right), statement)
            return
        held = self.value(statement.target)
        made = rule(self.plan, self.array(held), right)
        if isinstance(held, Array) and held.rank:
            self.changed(held, made, statement)
        else:
            self.give(statement.target, made, statement)

    def masked(self, target: ast.Subscript, base: Any, new: Callable[[Array], Array], statement: ast.stmt) -> None:
        """`a[mask] = …`: the mask times the new entries, and its complement times the old ones."""
        from ..reading.entrywise import opposite

        held = self.array(base)
        self.plan.span = self.span(target)
        mask = self.value(target.slice)
        if not isinstance(mask, Array) or not mask.is_mask:
            raise self.error(target, "an assignment to a part of an array is not read", "a[z <= 0] = 0 is")
        made = new(held)
        if mask.rank != held.rank or (made.rank and made is not held and not _is_number(held, made)):
            raise self.error(target, "this assignment to a part of an array is not read")
        kept = self.plan.times(held, opposite(self.plan, mask))
        result = kept if made.number == 0 else self.plan.add(kept, self.plan.times(mask, made))
        self.changed(held, result, statement)

    def changed(self, old: Array, new: Array, statement: ast.stmt) -> None:
        """An array has new entries, under each of its names; refused where another array is a view of it."""
        if len(self.plan.broadcast(old, new)) != old.rank:
            raise self.error(statement, "the new value does not fit into the array")
        spaces = [self.known, *(v.attributes for v in self.known.values() if isinstance(v, Instance))]
        root = old.base or old
        for space in spaces:
            for name, value in space.items():
                if value is old:
                    space[name] = new
                    self.places[name] = statement
                elif _shares(value, root):
                    raise self.error(
                        statement, f"this changes {name} too, which is a view of the same array", "copy it first"
                    )


def _shares(value: Any, root: Array) -> bool:
    if isinstance(value, Array):
        return value is root or value.base is root
    parts = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    return any(_shares(part, root) for part in parts)


def _is_number(held: Array, made: Array) -> bool:
    return made.rank == held.rank and all(a is b for a, b in zip(made.axes, held.axes)) and held in made.args


def _imports(module: ast.Module) -> dict[str, Path]:
    """The names that imports give to modules and functions."""
    found: dict[str, Path] = {}
    homes = MODULES | {
        "jax.numpy": "np", "numpy.linalg": "linalg", "scipy.special": "special", "scipy.linalg": "linalg",
        "torch.nn.functional": "nn", "torch.nn": "nn", "jax.nn": "nn", "jax.scipy.special": "special",
    }  # fmt: skip
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname and alias.name in homes:
                    found[alias.asname] = Path(homes[alias.name])
        elif isinstance(node, ast.ImportFrom) and node.module in homes:
            for alias in node.names:
                inner = homes.get(f"{node.module}.{alias.name}")
                found[alias.asname or alias.name] = Path(inner) if inner else Path(homes[node.module], alias.name)
    return found


__all__ = ["MAX_SOURCE", "Function", "Instance", "Open", "Translator"]
