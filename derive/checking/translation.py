"""A function in NumPy or PyTorch, translated into a formula.

The source is data: it is parsed, and the arithmetic of one function is translated into a
formula, operation by operation.  Nothing is run.  What is not arithmetic on arrays that we
know (a loop, a branch, an unknown call) is refused by its name and line.

Arrays are tracked by their rank as NumPy has it: `v` is one-dimensional, `c` and `r` are
columns and rows that indexing with None has made, `m` is two-dimensional, `s` a number.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from ..errors import LimitError, ParseError
from ..expr import Expr, dimension
from ..shapes import ONE
from .grammar import Tree

MAX_SOURCE = 100_000
MAX_CALLS = 12  # helpers that call helpers
MAX_SIZE = 4_000  # operations of the formula that the function amounts to

_MODULES = frozenset(
    ["np", "numpy", "torch", "F", "math", "jnp", "xp", "scipy", "special", "linalg", "nn", "functional"]
)
_ELEMENTWISE = {
    "exp": "exp", "log": "log", "tanh": "tanh", "sin": "sin", "cos": "cos", "tan": "tan", "sinh": "sinh",
    "cosh": "cosh", "arctan": "arctan", "atan": "arctan", "abs": "abs", "absolute": "abs", "sign": "sign",
    "sqrt": "sqrt", "sigmoid": "sigmoid", "expit": "sigmoid", "relu": "relu", "softplus": "softplus", "erf": "erf",
}  # fmt: skip
_UNCHANGED = frozenset(
    "copy detach clone item float double astype asarray array as_tensor tensor float64 float32 contiguous".split()
)


_KNOWN = (
    _UNCHANGED
    | frozenset(_ELEMENTWISE)
    | frozenset(
        """softmax logsumexp square transpose t swapaxes sum mean trace det inv norm diag diagflat diagonal zeros_like
    ones_like ravel squeeze flatten outer ger multiply mul solve add subtract power divide vdot inner matmul dot mm mv
    bmm len eye ones zeros where maximum clip clamp max""".split()
    )
)


class Value:
    """A formula and the rank of the array it stands for."""

    __slots__ = ("tree", "rank")

    def __init__(self, tree: Tree, rank: str) -> None:
        self.tree = tree
        self.rank = rank


class Translator:
    """Translates functions of one source into trees."""

    def __init__(self, source: str, module: ast.Module, symbols: dict[str, Expr]) -> None:
        self.source = source
        self.functions: dict[str, ast.FunctionDef | ast.Lambda] = {}
        self.symbols = symbols
        self.depth = 0
        for node in module.body:
            if isinstance(node, ast.FunctionDef):
                self.functions[node.name] = node
            elif (
                isinstance(node, ast.Assign)
                and isinstance(node.value, ast.Lambda)
                and len(node.targets) == 1
                and isinstance(node.targets[0], ast.Name)
            ):
                self.functions[node.targets[0].id] = node.value

    def error(self, node: ast.AST, message: str, hint: str | None = None) -> ParseError:
        line = getattr(node, "lineno", 1)
        column = getattr(node, "col_offset", 0)
        lines = self.source.splitlines(keepends=True)
        start = sum(len(text) for text in lines[: line - 1]) + column
        end = start + max(1, getattr(node, "end_col_offset", column + 1) - column)
        error = ParseError(f"line {line}: {message}", self.source, (start, end), hint)
        return error

    # Functions

    def run(self, function: ast.FunctionDef | ast.Lambda, arguments: list[Value | None]) -> Any:
        self.depth += 1
        if self.depth > MAX_CALLS:
            raise LimitError(f"functions call each other deeper than {MAX_CALLS}")
        known: dict[str, Any] = {}
        parameters = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
        for name, argument in zip(parameters, arguments):
            if argument is not None:
                known[name] = argument
        try:
            if isinstance(function, ast.Lambda):
                return self.value(function.body, known)
            return self.body(function, known)
        finally:
            self.depth -= 1

    def body(self, function: ast.FunctionDef, known: dict[str, Any]) -> Any:
        for statement in function.body:
            if isinstance(statement, ast.Return):
                if statement.value is None:
                    break
                self.returned = statement
                return self.result(statement.value, known)
            if isinstance(statement, (ast.Assign, ast.AnnAssign)):
                if statement.value is None:
                    continue
                targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                for target in targets:
                    self.assign(target, statement.value, known)
            elif isinstance(statement, ast.AugAssign):
                left = self.value(statement.target, known)
                right = self.value(statement.value, known)
                if not isinstance(statement.target, ast.Name):
                    raise self.error(statement, "an assignment to a part of an array is not read")
                known[statement.target.id] = self.binary(statement, statement.op, left, right)
            elif isinstance(statement, ast.FunctionDef):
                self.functions[statement.name] = statement
            elif isinstance(statement, (ast.Assert, ast.Pass)) or (
                isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            ):
                continue
            elif isinstance(statement, (ast.Import, ast.ImportFrom)):
                continue
            else:
                word = {ast.For: "a loop", ast.While: "a loop", ast.If: "a branch", ast.With: "a with block"}.get(
                    type(statement), f"a statement of kind {type(statement).__name__}"
                )
                raise self.error(statement, f"{word} is not read", "straight-line arithmetic on arrays is")
        raise self.error(function, f"{function.name} returns nothing")

    def assign(self, target: ast.expr, value: ast.expr, known: dict[str, Any]) -> None:
        if isinstance(target, ast.Name):
            if isinstance(value, ast.Lambda):
                self.functions[target.id] = value
                return
            known[target.id] = self.result(value, known)
            return
        if isinstance(target, ast.Tuple) and all(isinstance(t, ast.Name) for t in target.elts):
            if isinstance(value, ast.Attribute) and value.attr == "shape":
                made: Any = list(self.sizes(value, known))
            elif isinstance(value, ast.Tuple):
                made = [self.value(v, known) for v in value.elts]
            else:
                made = self.result(value, known)
            if not isinstance(made, list) or len(made) != len(target.elts):
                raise self.error(target, "this assignment of several values is not read")
            for name, item in zip(target.elts, made):
                assert isinstance(name, ast.Name)
                known[name.id] = item
            return
        raise self.error(target, "an assignment to a part of an array is not read")

    def result(self, node: ast.expr, known: dict[str, Any]) -> Any:
        if isinstance(node, ast.Tuple):
            return [self.value(item, known) for item in node.elts]
        if isinstance(node, ast.Dict):
            return {
                str(key.value): self.value(item, known)
                for key, item in zip(node.keys, node.values)
                if isinstance(key, ast.Constant)
            }
        return self.value(node, known, True)

    # Expressions

    def value(self, node: ast.expr, known: dict[str, Any], several: bool = False) -> Any:
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
            number = Fraction(repr(node.value))
            return Value(Tree("number", (), (number,)), "s")
        if isinstance(node, ast.Name):
            if node.id in known:
                found = known[node.id]
                if isinstance(found, Value) or several:
                    return found
                raise self.error(node, f"{node.id} holds several values")
            raise self.error(node, f"{node.id} is not known")
        if isinstance(node, ast.BinOp):
            return self.binary(node, node.op, self.value(node.left, known), self.value(node.right, known))
        if isinstance(node, ast.UnaryOp):
            inner = self.value(node.operand, known)
            if isinstance(node.op, ast.USub):
                return Value(Tree("neg", [inner.tree]), inner.rank)
            if isinstance(node.op, ast.UAdd):
                return inner
            raise self.error(node, "this operator is not read")
        if isinstance(node, ast.Compare):
            return self.compared(node, known)
        if isinstance(node, ast.Attribute):
            return self.attribute(node, known)
        if isinstance(node, ast.Subscript):
            return self.subscript(node, known)
        if isinstance(node, ast.Call):
            return self.call(node, known, several)
        raise self.error(node, f"{type(node).__name__} is not read")

    def binary(self, node: ast.AST, op: ast.operator, left: Value, right: Value) -> Value:
        a, b = left.rank, right.rank
        if isinstance(op, ast.MatMult):
            return self.product(left, right, node)
        if isinstance(op, (ast.Add, ast.Sub)):
            second = Tree("neg", [right.tree]) if isinstance(op, ast.Sub) else right.tree
            first = left.tree
            if a != b and "s" in (a, b):
                if a == "s":
                    first = _spread(first)
                else:
                    second = _spread(second)
            elif a != b:
                if {a, b} == {"c", "v"} or {a, b} == {"r", "v"}:
                    raise self.error(node, "a column and a one-dimensional array broadcast to a matrix here")
                if {a, b} == {"m", "v"}:
                    ones = Tree("ones", (), (None,))
                    if a == "v":
                        first = Tree("prod", [ones, Tree("transpose", [first])], ("",))
                    else:
                        second = Tree("prod", [ones, Tree("transpose", [second])], ("",))
                elif not ({a, b} <= {"m", "c"} or {a, b} <= {"m", "r"}):
                    raise self.error(node, "this sum broadcasts")
            return Value(Tree("sum", [first, second]), _larger(a, b))
        if isinstance(op, ast.Mult):
            return self.times(left, right)
        if isinstance(op, ast.Div):
            if b == "s":
                return Value(Tree("quotient", [left.tree, right.tree]), a)
            inverse = Value(Tree("entrypower", [right.tree, Tree("number", (), (Fraction(-1),))]), b)
            return self.times(left, inverse)
        if isinstance(op, ast.Pow):
            if b != "s":
                raise self.error(node, "an exponent that is an array is not read")
            kind = "power" if a == "s" else "entrypower"
            return Value(Tree(kind, [left.tree, right.tree]), a)
        raise self.error(node, f"the operator {type(op).__name__} is not read")

    def times(self, left: Value, right: Value) -> Value:
        a, b = left.rank, right.rank
        x, y = left.tree, right.tree
        if a == "s" or b == "s":
            return Value(Tree("prod", [x, y], ("",)), b if a == "s" else a)
        if a == b:
            return Value(Tree("hadamard", [x, y]), a)
        if {a, b} == {"c", "r"}:
            return Value(Tree("prod", [x, y] if a == "c" else [y, x], ("",)), "m")
        if {a, b} == {"m", "c"}:
            column, matrix = (x, y) if a == "c" else (y, x)
            return Value(Tree("prod", [Tree("call", [column], ("diag",)), matrix], ("",)), "m")
        if {a, b} == {"m", "v"} or {a, b} == {"m", "r"}:
            matrix, row, rank = (x, y, b) if a == "m" else (y, x, a)
            vector = Tree("transpose", [row]) if rank == "r" else row
            return Value(Tree("prod", [matrix, Tree("call", [vector], ("diag",))], ("",)), "m")
        if {a, b} == {"c", "v"}:
            column, vector = (x, y) if a == "c" else (y, x)
            return Value(Tree("prod", [column, Tree("transpose", [vector])], ("",)), "m")
        return Value(Tree("prod", [Tree("call", [y if a == "r" else x], ("diag",)), x if a == "r" else y], ("",)), "m")

    def product(self, left: Value, right: Value, node: ast.AST) -> Value:
        a, b = left.rank, right.rank
        if "s" in (a, b):
            raise self.error(node, "@ needs arrays, and one operand is a number")
        x, y = left.tree, right.tree
        if a == "v":
            made = Tree("prod", [Tree("transpose", [x]), y], ("",))
            if b == "v":
                return Value(made, "s")
            return Value(Tree("transpose", [made]), "v")
        rank = "v" if b == "v" else {"mm": "m", "mc": "c", "rm": "r", "cr": "m", "rc": "m"}.get(a + b, "m")
        return Value(Tree("prod", [x, y], ("",)), rank)

    def compared(self, node: ast.Compare, known: dict[str, Any]) -> Value:
        left = self.value(node.left, known)
        right = node.comparators[0]
        zero = isinstance(right, ast.Constant) and right.value == 0
        if len(node.ops) == 1 and zero and isinstance(node.ops[0], (ast.Gt, ast.GtE)):
            return Value(Tree("call", [left.tree], ("step",)), left.rank)
        raise self.error(node, "only a comparison z > 0 is read")

    def attribute(self, node: ast.Attribute, known: dict[str, Any]) -> Value:
        if node.attr in ("T", "mT", "H"):
            return self.transposed(self.value(node.value, known))
        if node.attr == "size":
            sizes = self.sizes(node, known)
            tree = sizes[0].tree
            for more in sizes[1:]:
                tree = Tree("prod", [tree, more.tree], ("",))
            return Value(tree, "s")
        raise self.error(node, f"the attribute {node.attr} is not read")

    def transposed(self, value: Value) -> Value:
        if value.rank in ("s", "v"):
            return value  # a one-dimensional array has no transpose
        rank = {"c": "r", "r": "c"}.get(value.rank, value.rank)
        return Value(Tree("transpose", [value.tree]), rank)

    def sizes(self, node: ast.expr, known: dict[str, Any]) -> list[Value]:
        """The dimensions of a parameter, as numbers."""
        base = node.value if isinstance(node, ast.Attribute) else node
        value = self.value(base, known)
        if value.tree.kind == "transpose":
            return self._dims(value.tree.args[0], node)[::-1]
        return self._dims(value.tree, node)

    def _dims(self, tree: Tree, node: ast.AST) -> list[Value]:
        made = self.symbols.get(str(tree.data[0])) if tree.kind == "name" else None
        if made is None:
            raise self.error(node, "the shape of an intermediate is not read; take that of a parameter")
        dims = [made.shape[0]] if made.shape[1] is ONE else list(made.shape)
        return [Value(Tree("held", (), (dimension(d),)), "s") for d in dims]

    def subscript(self, node: ast.Subscript, known: dict[str, Any]) -> Value:
        if (
            isinstance(node.value, ast.Attribute)
            and node.value.attr == "shape"
            and isinstance(node.slice, ast.Constant)
        ):
            sizes = self.sizes(node.value, known)
            index = node.slice.value
            if isinstance(index, int) and -len(sizes) <= index < len(sizes):
                return sizes[index]
        value = self.value(node.value, known)
        if isinstance(node.slice, ast.Tuple) and len(node.slice.elts) == 2 and value.rank == "v":
            kinds = ["None" if _is_none(e) else ":" if _is_full(e) else "?" for e in node.slice.elts]
            if kinds == [":", "None"]:
                return Value(value.tree, "c")
            if kinds == ["None", ":"]:
                return Value(Tree("transpose", [value.tree]), "r")
        raise self.error(node, "this indexing is not read", "x[:, None] and x[None, :] are")

    # Calls

    def call(self, node: ast.Call, known: dict[str, Any], several: bool) -> Any:
        name, owner = self.callee(node)
        keywords = {k.arg: k.value for k in node.keywords if k.arg}
        if name not in _KNOWN and not (owner is None and name in self.functions):
            raise self.error(node, f"{name} is not known", "operations of NumPy and PyTorch that have a formula are")
        if owner is None and name in self.functions:
            arguments: list[Value | None] = [self.value(a, known) for a in node.args]
            function = self.functions[name]
            made = self.run(function, arguments)
            if not isinstance(made, Value) and not several:
                raise self.error(node, f"{name} returns several values")
            return made
        values: list[Value] = [] if owner is None or owner == "" else [self.value(owner, known)]
        if name in ("len",) and node.args:
            return self.sizes(node.args[0], known)[0]
        if name in ("eye", "ones", "zeros"):
            return self.constant(name, node)
        if name in ("where",) and len(node.args) == 3:
            return self.where(node, known)
        if name in ("maximum", "clip", "clamp", "max"):
            return self.rectified(node, known, values)
        values += [self.value(a, known) for a in node.args if not _is_dtype(a)]
        return self.known_call(name, values, keywords, node)

    def callee(self, node: ast.Call) -> tuple[str, Any]:
        """The function's name, and the array whose method it is, if any."""
        function = node.func
        if isinstance(function, ast.Name):
            return function.id, None
        if isinstance(function, ast.Attribute):
            base: ast.expr = function.value
            while isinstance(base, ast.Attribute) and base.attr in _MODULES:
                base = base.value
            if isinstance(base, ast.Name) and base.id in _MODULES:
                return function.attr, ""
            return function.attr, function.value
        raise self.error(node, "this call is not read")

    def constant(self, name: str, node: ast.Call) -> Value:
        word = {"eye": "identity", "ones": "ones", "zeros": "zero"}[name]
        data: tuple[object, ...] = () if word == "zero" else (None,)
        shape = node.args[0] if node.args else None
        rank = "m" if name == "eye" or isinstance(shape, (ast.Tuple, ast.Attribute)) else "v"
        return Value(Tree(word, (), data), rank)

    def where(self, node: ast.Call, known: dict[str, Any]) -> Value:
        test, yes, no = node.args
        if not isinstance(test, ast.Compare) or not (isinstance(no, ast.Constant) and no.value == 0):
            raise self.error(node, "only where(z > 0, a, 0) is read")
        return self.times(self.compared(test, known), self.value(yes, known))

    def rectified(self, node: ast.Call, known: dict[str, Any], values: list[Value]) -> Value:
        arguments = [a for a in node.args if not (isinstance(a, ast.Constant) and a.value == 0)]
        values = values + [self.value(a, known) for a in arguments]
        low = [k for k in node.keywords if k.arg in ("min", "a_min") and isinstance(k.value, ast.Constant)]
        zero = len(arguments) < len(node.args) or (len(low) == 1 and getattr(low[0].value, "value", None) == 0)
        if len(values) != 1 or not zero:
            raise self.error(node, "only max(z, 0) is read")
        return Value(Tree("call", [values[0].tree], ("relu",)), values[0].rank)

    def known_call(self, name: str, values: list[Value], keywords: dict[str, ast.expr], node: ast.Call) -> Any:
        if name in _UNCHANGED and values:
            return values[0]
        axis = keywords.get("axis") or keywords.get("dim")
        first = values[0] if values else None
        if first is None:
            raise self.error(node, f"{name}() is not read")
        if name in _ELEMENTWISE:
            return Value(Tree("call", [first.tree], (_ELEMENTWISE[name],)), first.rank)
        if name in ("softmax", "logsumexp"):
            if first.rank != "v":
                raise self.error(node, f"{name} along an axis of a matrix is not read")
            return Value(Tree("call", [first.tree], (name,)), "v" if name == "softmax" else "s")
        if name in ("square",):
            return self.times(first, first)
        if name in ("transpose", "t", "swapaxes"):
            return self.transposed(first)
        if name in ("sum", "mean"):
            if axis is not None or len(values) > 1:
                return self.along(name, first, axis if axis is not None else node.args[-1], node)
            return Value(Tree("call", [first.tree], (name,)), "s")
        if name in ("trace", "det"):
            return Value(Tree("call", [first.tree], (name,)), "s")
        if name in ("inv",):
            return Value(Tree("inverse", [first.tree]), "m")
        if name == "norm":
            return Value(Tree("norm", [first.tree], ("2",)), "s")
        if name in ("diag", "diagflat", "diagonal"):
            return Value(Tree("call", [first.tree], ("diag",)), "m" if first.rank == "v" else "v")
        if name in ("zeros_like", "ones_like"):
            word = "zero" if name == "zeros_like" else "ones"
            return Value(Tree(word, (), () if word == "zero" else (None,)), first.rank)
        if name in ("ravel", "squeeze", "flatten") and first.rank in ("v", "c", "s"):
            return Value(first.tree, "v" if first.rank != "s" else "s")
        if len(values) == 2:
            second = values[1]
            two: dict[str, Callable[[], Value]] = {
                "outer": lambda: Value(Tree("prod", [first.tree, Tree("transpose", [second.tree])], ("",)), "m"),
                "ger": lambda: Value(Tree("prod", [first.tree, Tree("transpose", [second.tree])], ("",)), "m"),
                "multiply": lambda: self.times(first, second),
                "mul": lambda: self.times(first, second),
                "solve": lambda: Value(Tree("prod", [Tree("inverse", [first.tree]), second.tree], ("",)), second.rank),
                "add": lambda: self.binary(node, ast.Add(), first, second),
                "subtract": lambda: self.binary(node, ast.Sub(), first, second),
                "power": lambda: self.binary(node, ast.Pow(), first, second),
                "divide": lambda: self.binary(node, ast.Div(), first, second),
                "vdot": lambda: Value(Tree("inner", [first.tree, second.tree]), "s"),
                "inner": lambda: Value(Tree("inner", [first.tree, second.tree]), "s"),
            }
            if name in ("matmul", "dot", "mm", "mv", "bmm"):
                if "s" in (first.rank, second.rank):
                    return self.times(first, second)
                return self.product(first, second, node)
            if name in two:
                return two[name]()
        raise self.error(node, f"{name} is not read with these arguments")

    def along(self, name: str, value: Value, axis: ast.expr, node: ast.AST) -> Value:
        number = axis.value if isinstance(axis, ast.Constant) else None
        if isinstance(axis, ast.UnaryOp) and isinstance(axis.operand, ast.Constant):
            number = -int(axis.operand.value)  # type: ignore[arg-type]
        if name == "mean" or value.rank != "m" or number not in (0, 1, -1):
            if value.rank == "v" and number in (0, -1) and name == "sum":
                return Value(Tree("call", [value.tree], ("sum",)), "s")
            raise self.error(node, f"{name} along this axis is not read")
        ones = Tree("ones", (), (None,))
        matrix = Tree("transpose", [value.tree]) if number == 0 else value.tree
        return Value(Tree("prod", [matrix, ones], ("",)), "v")


def _spread(tree: Tree) -> Tree:
    return Tree("prod", [tree, Tree("ones", (), (None,))], ("",))


def _larger(a: str, b: str) -> str:
    return max(a, b, key="svcrm".index)


def _is_none(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant) and node.value is None:
        return True
    return isinstance(node, ast.Attribute) and node.attr == "newaxis"


def _is_full(node: ast.expr) -> bool:
    return isinstance(node, ast.Slice) and node.lower is None and node.upper is None and node.step is None


def _is_dtype(node: ast.expr) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr.startswith(("float", "double"))) or (
        isinstance(node, ast.Name) and node.id in ("float", "int")
    )
