"""The statements of a Python program: assignments, helpers, methods with a cache, what is returned.

The source is data: it is parsed and walked, and nothing is run.  Expressions have NumPy's meaning
by `reading.python`.  A branch is taken where what it asks is known, a loop is unrolled for numbers in
the place of sizes; what else is no straight-line arithmetic on arrays is refused by its name and line.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from ..errors import DeriveError, LimitError, ParseError
from ..expr import Expr
from ..names import canonical, identifier
from ..reading.array_table import CountedClasses
from ..reading.arrays import Array, Plan
from ..reading.indexing import arranged, indexed, joined
from ..reading.python import MODULES, TYPES, Interpreter, Path, assign
from ..shapes import ONE, Dim
from .objects import Function, Instance, Open, imports_of, pieces_of, written_as

MAX_SOURCE = 100_000
MAX_CALLS = 12  # helpers that call helpers
MAX_STATEMENTS = 20_000  # of unrolled loops
_SKIPPED = (ast.Assert, ast.Pass, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal)
_REFUSED: dict[type[ast.stmt], str] = {
    ast.While: "a loop", ast.With: "a with block",
    ast.Delete: "del", ast.Raise: "raise", ast.ClassDef: "a class within a function", ast.Match: "a branch",
}  # fmt: skip

_ANSWERS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge, ast.Is: operator.is_, ast.IsNot: operator.is_not,
    ast.In: lambda a, b: a in b, ast.NotIn: lambda a, b: a not in b,
}  # fmt: skip


class Unrolled(ParseError):
    """A loop over a size that has no number."""


class Translator(Interpreter):
    """The functions of a source, walked with symbols for their parameters.

    Attributes
    ----------
    clips : list of str
        What is said of the values that numbers bound: they do not, where `is_clipped` is False.
    conditions : list of str
        Under what the program is read as it is.
    """

    def __init__(self, source: str, module: ast.Module, symbols: dict[str, Expr], is_clipped: bool = True) -> None:
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
        self.imported = imports_of(module)
        self.places: dict[str, Any] = {}  # where a name, or `self.name`, was given its value last
        self.returned: ast.stmt | None = None
        self.is_clipped = is_clipped
        self.clips: list[str] = []
        self.conditions: list[str] = []
        self.saved: dict[str, Any] = {}  # what a forward pass keeps in its context
        self.statements = 0
        self.outer: list[dict[str, Any]] = []  # the names of the functions that call the one that runs
        self.pieces: dict[int, list[tuple[str, Any]]] = {}  # of an array made of several: names and arrays
        self.is_made = False  # an object is: __init__ runs
        self.is_returning = True  # the function that runs returns a value
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
            leaf = self.leaf(name)  # data that the loss knows by this name
            if leaf is not None:
                return leaf
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
            if isinstance(node, ast.IfExp):
                answer = self.answer(node.test)
                if answer is None:
                    raise self.error(node, "a condition is not read", "one on a text or a truth value is")
                return self.value(node.body if answer else node.orelse)
            if isinstance(node, (ast.ListComp, ast.GeneratorExp)):
                return self.comprehension(node)
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "dict" and not node.args:
                return {keyword.arg: part for keyword, part in zip(node.keywords, parts[1:])}
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
                is_read = node.id in MODULES or node.id in TYPES or id(node) in self.called
                if isinstance(node.ctx, ast.Load) and not is_read:
                    raise self.error(node, f"{node.id} is not known")
            made = self.unclipped(node, parts)
            made = super().evaluated(node, parts) if made is None else made
            made = self.array(made) if isinstance(made, CountedClasses) else made  # which is refused
            if isinstance(node, ast.Call) and isinstance(made, Array):
                for held in self.written_into(node):
                    self.changed(held, made, node)
            if isinstance(node, ast.Call) and isinstance(made, Array) and len(parts) > 1 and isinstance(parts[1], list):
                self.pieces[id(made)] = pieces_of(node.args[0], parts[1])
        except DeriveError as error:
            if not error.message.startswith("line "):
                error.message = f"line {getattr(node, 'lineno', 1)}: {error.message}"
                error.args = (error.message, error.source, error.span, error.hint)
            raise
        return made

    def comprehension(self, node: ast.ListComp | ast.GeneratorExp) -> list[Any]:
        """The items of a list made by a loop."""
        (first, *others), outer = node.generators, dict(self.known)
        if others or first.ifs:
            raise self.error(node, "a list made by a loop is not read", "one over range(n) or the rows of an array is")
        made = []
        for item in self.items(first.iter):
            self.give(first.target, item, node)
            made.append(self.value(node.elt))
        self.known = outer
        return made

    def written_into(self, node: ast.Call) -> list[Array]:
        """The arrays into which a call writes what it returns: out=g, and the first of one with inplace=True."""
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        places = [given["out"]] if "out" in given else []
        if getattr(given.get("inplace"), "value", False):
            places += node.args[:1]
        return [held for held in map(self.value, places) if isinstance(held, Array)]

    def unclipped(self, node: ast.AST, parts: list[Any]) -> Any:
        """What np.clip(z, -30, 30) bounds, where it is taken not to; None of anything else."""
        if not isinstance(node, ast.Call) or getattr(parts[0], "name", "") not in ("clip", "clamp"):
            return None
        values = [parts[0].owner, *parts[1:]] if parts[0].owner is not None else parts[1:]
        low, high = [v.number if isinstance(v, Array) else None for v in [*values[1:], None, None][:2]]
        if low is None or high is None or low >= high:
            return None
        self.clips.append(f"{ast.unparse(node)} does not clip")
        return None if self.is_clipped else values[0]

    def member(self, owner: Instance | Open, attr: str, node: ast.AST) -> Any:
        if isinstance(owner, Open) and owner.is_changed:
            self.array(owner)
        if isinstance(owner, Open):
            return self.saved[attr] if attr in self.saved else self.held(attr, node)
        if attr in owner.attributes:
            return owner.attributes[attr]
        if attr in owner.methods:
            return Function(owner.methods[attr], owner)
        return self.held(attr, node)

    def array(self, value: Any) -> Array:
        if isinstance(value, Open):
            names = ", ".join(self.by_identifier)
            if value.is_changed:
                raise self.plan.refuse(
                    f"{value.name} is changed by its step before this", "compute all gradients before the steps"
                )
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
        self.outer.append(self.known)
        self.known = {}
        made, self.is_made = (self.is_made, self.is_returning), function.name == "__init__"
        node, names = function.node, function.parameters
        span = self.plan.span
        for argument, default in function.defaults.items():
            if argument not in given:
                self.known[argument] = self.value(default)
        self.known.update(given)
        if function.owner is not None and not function.is_static:
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
            self.known, self.plan.span, (self.is_made, self.is_returning) = self.outer.pop(), span, made

    def body(self, function: ast.FunctionDef) -> Any:
        self.is_returning = any(isinstance(n, ast.Return) and n.value is not None for n in ast.walk(function))
        found = self.block(function.body)
        if found is not None:
            return found[0]
        if function.name == "__init__" or not self.depth > 1 and function.name == "forward":
            return None
        made = {name: v for name, v in self.known.items() if isinstance(v, Array) and name in self.places}
        if self.depth == 1 and not self.is_returning and made:
            self.returned = function.body[-1]  # a step that changes its parameters: its gradients have names
            return made
        raise self.error(function, f"{function.name} returns nothing")

    def block(self, statements: Sequence[ast.stmt]) -> tuple[Any] | None:
        """What statements return, in a tuple; None where they return nothing."""
        for statement in statements:
            self.statements += 1
            if self.statements > MAX_STATEMENTS:
                raise LimitError(f"loops come to more than {MAX_STATEMENTS} statements")
            self.plan.span = self.span(statement)
            found: tuple[Any] | None = None
            if isinstance(statement, ast.Return):
                if statement.value is None:
                    return (None,)
                self.returned = statement
                return (self.value(statement.value),)
            if isinstance(statement, ast.If):
                found = self.block(self.branch(statement))
            elif isinstance(statement, ast.For):
                found = self.loop(statement)
            elif self.is_update(statement):
                continue
            elif isinstance(statement, ast.Try):
                found = self.block([*statement.body, *statement.orelse])  # where nothing is raised
                found = self.block(statement.finalbody) or found
            elif isinstance(statement, ast.With) and all(i.optional_vars is None for i in statement.items):
                found = self.block(statement.body)  # no_grad and errstate change no value
            else:
                self.statement(statement)
            if found is not None:
                return found
        return None

    def is_update(self, statement: ast.stmt) -> bool:
        """Whether a parameter takes its step, W -= lr * dW, in a function that returns nothing."""
        if not isinstance(statement, ast.AugAssign) or not isinstance(statement.op, ast.Sub) or self.is_returning:
            return False
        held, target = self.value(statement.target), statement.target
        if not isinstance(held, Array) or not held.is_symbol or isinstance(target, ast.Subscript):
            return False
        self.give(target, Open(ast.unparse(target), True), statement)
        return True

    def branch(self, statement: ast.If) -> Sequence[ast.stmt]:
        """The statements that follow from what a branch asks."""
        answer = self.answer(statement.test)
        if answer is not None:
            return statement.body if answer else statement.orelse
        if all(isinstance(inner, ast.Raise) for inner in statement.body):
            return statement.orelse
        test = statement.test
        sides = [test.left, *test.comparators] if isinstance(test, ast.Compare) and len(test.ops) == 1 else [test]
        held = [self.value(side) for side in sides if not isinstance(side, ast.Constant)]
        is_weight = len(held) == 1 and isinstance(held[0], Array) and held[0].is_symbol and not held[0].rank
        if not is_weight or statement.orelse or isinstance(test, ast.Compare) and not (
            isinstance(test.ops[0], (ast.Gt, ast.NotEq)) and getattr(sides[-1], "value", None) == 0
        ):  # fmt: skip
            raise self.error(statement, "a branch is not read", "one on a text, a truth value or lam > 0 is")
        self.conditions.append(ast.unparse(test) if isinstance(test, ast.Compare) else f"{ast.unparse(test)} ≠ 0")
        return statement.body

    def answer(self, test: ast.expr) -> bool | None:
        """Whether a condition on texts, truth values and numbers holds; None where that is not known."""
        if isinstance(test, ast.BoolOp):
            answers = [self.answer(part) for part in test.values]
            decisive = isinstance(test.op, ast.Or)
            return decisive if decisive in answers else None if None in answers else not decisive
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            answer = self.answer(test.operand)
            return None if answer is None else not answer
        parts, rule = [test], None
        if isinstance(test, ast.Compare):
            parts, rule = [test.left, *test.comparators], _ANSWERS.get(type(test.ops[0]))
        sides = [self.plain(part) for part in parts]
        if len(sides) > 2:
            return None
        if rule in (operator.is_, operator.is_not) and any(side is None for side in sides):
            return bool(rule(*sides))
        if any(isinstance(s, (Array, Open, Instance, Function, Path, dict, list)) for s in sides):
            return None
        if rule is None:
            return bool(sides[0]) if len(sides) == 1 else None
        try:
            return bool(rule(*sides))
        except TypeError:
            return None

    def plain(self, node: ast.expr) -> Any:
        """A value, a number as such."""
        value = self.value(node)
        return value.number if isinstance(value, Array) and not value.rank and value.number is not None else value

    def loop(self, statement: ast.For) -> tuple[Any] | None:
        """The statements of a loop for each item it runs through."""
        for item in self.items(statement.iter):
            self.give(statement.target, item, statement)
            found = self.block(statement.body)
            if found is not None:
                return found
        return self.block(statement.orelse)  # no break is read

    def items(self, node: ast.expr) -> list[Any]:
        """What a loop runs through: numbers of a range, entries or rows of an array, those of several."""
        name = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
        if name in ("range", "zip", "enumerate", "reversed") and isinstance(node, ast.Call) and not node.keywords:
            if name == "range":
                ends = [self.plain(arg) for arg in node.args]
                if any(isinstance(end, Array) and end.size is not None for end in ends):
                    raise Unrolled(*self.error(node, "a loop is not read").args)
                if all(isinstance(end, Fraction) and end.denominator == 1 for end in ends) and 0 < len(ends) < 4:
                    return [self.plan.constant(i) for i in range(*map(int, ends))][: MAX_STATEMENTS + 1]
            elif name == "zip":
                return [list(part) for part in zip(*map(self.items, node.args))]
            elif len(node.args) == 1 and name == "enumerate":
                return [[self.plan.constant(i), part] for i, part in enumerate(self.items(node.args[0]))]
            elif len(node.args) == 1:
                return self.items(node.args[0])[::-1]
        else:
            value = self.value(node)
            if isinstance(value, list):
                return value
            if isinstance(value, Array) and value.rank:
                size = self.plan.find(value.axes[0])
                if isinstance(size, Dim) and size.value is not None:
                    return [indexed(self.plan, value, [i]) for i in range(size.value)]
                raise Unrolled(*self.error(node, "a loop is not read").args)
        raise self.error(node, "a loop is not read", "one over range(n) or the rows of an array is")

    def statement(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Assign):
            if isinstance(statement.value, ast.Lambda):
                value: Any = Function(statement.value)
            else:
                value = self.unpacked(statement)
            for target in statement.targets:
                self.give(target, value, statement)
        elif isinstance(statement, ast.AnnAssign):
            if statement.value is not None:
                self.give(statement.target, self.value(statement.value), statement)
        elif isinstance(statement, ast.AugAssign):
            self.augment(statement)
        elif isinstance(statement, ast.FunctionDef):
            self.known[statement.name] = Function(statement)
        elif isinstance(statement, ast.Expr) and self.is_silent(statement.value):
            return
        elif not isinstance(statement, _SKIPPED):
            word = _REFUSED.get(type(statement), "this statement")
            raise self.error(statement, f"{word} is not read", "straight-line arithmetic on arrays is")

    def unpacked(self, statement: ast.Assign) -> Any:
        """A value; for `W = params[:n].reshape(k, m)` of parameters in one array, the symbol of that name."""
        target = statement.targets[0]
        leaf = self.leaf(target.id) if isinstance(target, ast.Name) else None
        taken = written_as(statement.value)
        if leaf is not None and isinstance(taken, ast.Subscript) and isinstance(taken.slice, ast.Slice):
            if isinstance(self.known.get(getattr(taken.value, "id", "")), Open):
                return leaf
        return self.value(statement.value)

    def is_silent(self, node: ast.expr) -> bool:
        """Whether an expression that stands alone is read: a text, print, what a context saves or a call writes."""
        if isinstance(node, ast.Call) and any(keyword.arg == "out" for keyword in node.keywords):
            self.value(node)
            return True
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "save_for_backward" and isinstance(self.value(node.func.value), Open):
                self.saved["saved_tensors"] = [self.value(arg) for arg in node.args]
                return True
            return False
        return isinstance(node, ast.Constant) or isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"

    def give(self, target: ast.expr, value: Any, statement: ast.AST) -> None:
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
        elif isinstance(target, ast.Attribute) and isinstance(owner := self.value(target.value), (Instance, Open)):
            leaf = self.leaf(target.attr) if self.is_made else None  # a start value of a symbol is not its value
            kept = owner.attributes if isinstance(owner, Instance) else self.saved
            kept[target.attr] = value if leaf is None or _is_made_of(leaf, value) else leaf
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

    def masked(self, target: ast.Subscript, base: Any, new: Callable[[Array], Array], statement: ast.AST) -> None:
        """`a[mask] = …`: the mask times the new entries, and its complement times the old ones."""
        from ..reading.entrywise import opposite

        held = self.array(base)
        self.plan.span = self.span(target)
        mask = self.value(target.slice)
        if not isinstance(mask, Array) or not mask.is_mask:
            self.changed(held, self.parted(held, target, mask, new), statement)
            return
        made = new(held)
        if mask.rank != held.rank or (made.rank and made is not held and not _is_number(held, made)):
            raise self.error(target, "this assignment to a part of an array is not read")
        kept = self.plan.times(held, opposite(self.plan, mask))
        result = kept if made.number == 0 else self.plan.add(kept, self.plan.times(mask, made))
        self.changed(held, result, statement)

    def parted(self, held: Array, target: ast.Subscript, key: Any, new: Callable[[Array], Array]) -> Array:
        """`a[1:] = …`, `A[:, j] = …`: the array with the new part between what is before and behind it."""
        plan = self.plan
        keys = [self.key(k) for k in (key if isinstance(target.slice, ast.Tuple) else [key])]
        if None in keys:
            raise self.error(target, "an assignment to a part of an array is not read", "a[1:] = b is")
        part = indexed(plan, held, keys)
        made = new(part)
        if len(plan.broadcast(part, made)) != part.rank:
            raise self.error(target, "the new value does not fit into the array")
        return self.joined(held, keys, plan.plain(plan.spread(made, part.axes)))

    def joined(self, held: Array, keys: list[Any], part: Array) -> Array:
        """An array with a part of it replaced, axis by axis."""
        plan, whole = self.plan, slice(None)
        at = next((i for i, key in enumerate(keys) if key != whole), None)
        if at is None:
            return part
        rest = [whole] * at
        first, last = (keys[at].start or 0, keys[at].stop) if isinstance(keys[at], slice) else (keys[at], keys[at] + 1)
        last = None if last == 0 and not isinstance(keys[at], slice) else last
        within = indexed(plan, held, [*rest, slice(first, last)])
        inner = [*rest, whole if isinstance(keys[at], slice) else 0, *keys[at + 1 :]]
        axes = tuple(ONE if i == at and not isinstance(keys[at], slice) else a for i, a in enumerate(within.axes))
        if len(keys) > at + 1 and any(key != whole for key in keys[at + 1 :]):
            row = arranged(plan, within, within.axes[1:]) if inner[at] == 0 else within
            part = self.joined(row, keys[at + 1 :] if inner[at] == 0 else [*rest, whole, *keys[at + 1 :]], part)
        parts = [arranged(plan, part, axes)]
        if first != 0:
            parts.insert(0, indexed(plan, held, [*rest, slice(0, first)]))
        if last is not None and last is not plan.find(held.axes[at]):
            size = plan.find(held.axes[at])
            if not (isinstance(size, Dim) and size.value == last):
                parts.append(indexed(plan, held, [*rest, slice(last, None)]))
        return joined(plan, parts, at) if len(parts) > 1 else parts[0]

    def changed(self, old: Array, new: Array, statement: ast.AST) -> None:
        """An array has new entries, under each of its names; refused where another array is a view of it."""
        if len(self.plan.broadcast(old, new)) != old.rank:
            raise self.error(statement, "the new value does not fit into the array")
        knowns = [*self.outer, self.known]
        spaces = [*knowns, *(v.attributes for known in knowns for v in known.values() if isinstance(v, Instance))]
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


def _is_made_of(leaf: Array, value: Any) -> bool:
    waiting, seen = [value], set()
    while waiting:
        part = waiting.pop()
        if part is leaf:
            return True
        if isinstance(part, Array) and id(part) not in seen:
            seen.add(id(part))
            waiting += part.args
    return False


def _is_number(held: Array, made: Array) -> bool:
    return made.rank == held.rank and all(a is b for a, b in zip(made.axes, held.axes)) and held in made.args


__all__ = ["MAX_SOURCE", "Translator", "Unrolled"]
