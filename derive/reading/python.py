"""Formulas in the spelling of NumPy, JAX and PyTorch, with their meaning.

A text is Python where it has a mark of it (`np.`, `@`, a method call, a keyword argument) and
parses as Python.  It is parsed, never run: the tree of Python's own grammar is walked from the
leaves up, and each operation makes an array of `arrays` by the table of `array_table`.  What is
not read is refused by its name.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Any
from unicodedata import normalize

from ..errors import DeriveError, LimitError, ParseError
from ..expr import constant
from ..shapes import Dim
from . import array_table, pairs, tensorflow
from .array_functions import CONSTANTS
from .arrays import Array, Plan
from .entrywise import compared, opposite
from .indexing import indexed
from .limits import MAX_DIGITS, MAX_LENGTH, MAX_NESTING
from .vocabulary import REFUSED_FUNCTIONS, closest

MODULES = {
    "np": "np", "numpy": "np", "jnp": "np", "xp": "np", "onp": "np", "torch": "torch", "jax": "jax", "tf": "tf",
    "scipy": "scipy", "F": "nn", "nn": "nn", "special": "special", "linalg": "linalg", "math": "math",
    "LA": "linalg", "la": "linalg",
}  # fmt: skip
_INNER = {
    "linalg": "linalg", "numpy": "np", "special": "special", "functional": "nn", "nn": "nn", "scipy": "scipy",
    "math": "math", "lax": "np",
}  # fmt: skip
_HOMES = {"jax": ("np",), "scipy": ("special", "linalg")}  # where the functions of a module are, if not under its name
TYPES = ("float", "int", "bool")
_SIGNS = {ast.Gt: ">", ast.GtE: ">=", ast.Lt: "<", ast.LtE: "<="}
REFUSED = REFUSED_FUNCTIONS | {
    word: why
    for words, why in (
        ("cholesky", "the Cholesky factor is not among the operations; np.linalg.slogdet(S)[1] is log det S"),
        ("eigvals eigvalsh eigh", "eigenvalues are not among the operations"),
        ("qr", "the QR factors are not among the operations"), ("matrix_rank", "the rank has no derivative"),
        ("cond", "the condition number is not among the operations"), ("prod", "products over entries are not read"),
        ("median", "the median is not among the operations"), ("sort argsort", "sorting is not among the operations"),
        ("tensordot", "write the product with @ or np.einsum"), ("linspace", "ranges of numbers are not read"),
        ("random dropout", "random numbers are not read"), ("lstsq", "write np.linalg.solve(A.T @ A, A.T @ b)"),
        ("stop_gradient detach", "what is not differentiated is not read"),
        ("conv1d conv2d", "convolutions are not among the operations"),
        ("nll_loss", "with indicators Y of the classes it is -np.mean(np.sum(Y * L, axis=1)) of log-probabilities L"),
        ("vmap grad", "functions of functions are not read"),
    )
    for word in words.split()
}  # fmt: skip


class Path:
    """A module, by what `array_table` calls it, or a function of it."""

    def __init__(self, home: str, name: str = "", owner: Any = None) -> None:
        self.home = home
        self.name = name
        self.owner = owner  # the array whose method it is


def is_python(text: str) -> bool:
    """Whether a text with a mark of NumPy means what Python's grammar makes of it.

    Examples
    --------
    >>> [is_python(t) for t in ("0.5 * np.sum((A @ x - b)**2)", "½‖W.T @ W @ x − x‖²", "norm(A @ x)^2")]
    [True, False, False]
    """
    # Wᵀ and x² are letters of other letters to Python.
    if "\\" in text or any(normalize("NFKC", c) != c for c in text if not c.isascii()):
        return False
    try:
        tree = parsed(text)
    except LimitError:
        return True
    except ParseError:
        return False
    return not any(isinstance(node, ast.BitXor) for node in ast.walk(tree))


def reordered(text: str) -> str:
    """`L where p = …, q = …` as statements."""
    formula, *rest = re.split(r"\s+where\s+", text, maxsplit=1)
    clauses = [""]
    for part in re.split(r"(,)(?=\s*[^\W\d]\w*\s*=(?!=))", "".join(rest)):
        is_within = sum((c in "([{") - (c in ")]}") for c in clauses[-1])  # the name of an argument
        clauses += [""] if part == "," and not is_within else []
        clauses[-1] += part if part != "," or is_within else ""
    return "; ".join([*(clause.strip() for clause in clauses), formula]) if rest else text


def in_order(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements, each behind those that define what it uses, where a definition follows its use."""
    heads = [getattr(s.targets[0], "id", "") if isinstance(s, ast.Assign) else "" for s in body]
    uses = [{n.id for n in ast.walk(s) if isinstance(n, ast.Name)} - {h} for s, h in zip(body, heads)]
    waiting = list(range(len(body)))
    defined = [head for head in heads if head]
    is_late = any(head in uses[i] and head not in heads[:i] for i in waiting for head in heads[i + 1 :] if head)
    if not is_late or len(set(defined)) < len(defined) or not all(isinstance(s, ast.Assign | ast.Expr) for s in body):
        return body
    made: list[ast.stmt] = []
    while waiting:
        ready = [i for i in waiting if uses[i].isdisjoint(heads[j] for j in waiting)]
        wanted = [i for i in ready if any(heads[i] in uses[j] for j in waiting)]
        if not ready:
            return body
        made.append(body[(wanted or ready)[0]])
        waiting.remove((wanted or ready)[0])
    return made


def unwrapped(tree: ast.Module) -> ast.Module:
    """The body of a function, where that is all of the text: `lambda w: …`, or assignments and a return."""
    only = tree.body[-1] if len(tree.body) == 1 else None
    if isinstance(only, ast.Assign | ast.Expr) and isinstance(only.value, ast.Lambda):
        return ast.Module([ast.copy_location(ast.Expr(only.value.body), only)], [])
    if isinstance(only, ast.FunctionDef) and isinstance(only.body[-1], ast.Return) and only.body[-1].value is not None:
        last = ast.copy_location(ast.Expr(only.body[-1].value), only.body[-1])
        return ast.Module([*only.body[:-1], last], [])
    return tree


def parsed(text: str, limit: int = MAX_LENGTH) -> ast.Module:
    """The tree of a text in Python's grammar.

    Raises
    ------
    LimitError
        It is too long or nests too deep.
    ParseError
        It is no Python; with the line.
    """
    if len(text) > limit:
        raise LimitError(f"the text has {len(text):,} characters", hint=f"at most {limit:,}")
    depth = deepest = 0
    for c in text:
        depth += (c in "([{") - (c in ")]}")
        deepest = max(deepest, depth)
    if deepest > MAX_NESTING:
        raise LimitError("the brackets nest too deep", hint=f"at most {MAX_NESTING}")
    try:
        return ast.parse(text)
    except (RecursionError, MemoryError):
        raise LimitError("the text nests too deep") from None
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        failure = ParseError(f"the source is no Python{f': line {line}' if line else ''}")
    if "\n" in text.strip() and "=" not in text:
        # A formula broken into lines; the brackets take the place of blanks, so that places stay.
        return _joined(text, failure)
    raise failure


def _joined(text: str, failure: ParseError) -> ast.Module:
    try:
        return ast.parse(text.strip().replace("\n", " "))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise failure from None


class Interpreter:
    """Walks expressions and makes arrays.

    Parameters
    ----------
    plan : Plan
    lookup : function of a name
        The value of a name that no assignment gave, or None.
    """

    def __init__(self, plan: Plan, lookup: Callable[[str], Any]) -> None:
        self.plan = plan
        self.lookup = lookup
        self.known: dict[str, Any] = {}
        self.called: set[int] = set()  # what stands before a bracket
        self.functions: Callable[[Any, list[Any], dict[str, Any]], Any] | None = None
        source = plan.source
        self.lines = [0]
        for i, c in enumerate(source):
            if c == "\n":
                self.lines.append(i + 1)
        self.is_ascii = source.isascii()

    def span(self, node: ast.AST) -> tuple[int, int]:
        """The place of a node in the text; Python counts bytes."""
        lineno, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        end_line = getattr(node, "end_lineno", lineno) or lineno
        end_column = getattr(node, "end_col_offset", column) or column
        return self.offset(lineno, column), self.offset(end_line, end_column)

    def offset(self, line: int, column: int) -> int:
        start = self.lines[min(line, len(self.lines)) - 1]
        if self.is_ascii:
            return start + column
        held = self.plan.source[start : start + column].encode()[:column]
        return start + len(held.decode(errors="ignore"))

    # Expressions

    def value(self, root: ast.expr) -> Any:
        """The value of an expression, its parts first; the walk does not recurse."""
        values: dict[int, Any] = {}
        stack: list[tuple[ast.AST, bool]] = [(root, False)]
        while stack:
            node, is_ready = stack.pop()
            parts = _parts(node)
            if not is_ready and parts:
                if isinstance(node, ast.Call):
                    self.called.add(id(node.func))
                stack.append((node, True))
                stack += [(part, False) for part in reversed(parts)]
                continue
            self.plan.span = self.span(node)
            values[id(node)] = self.evaluated(node, [values[id(part)] for part in parts])
        return values[id(root)]

    def evaluated(self, node: ast.AST, parts: list[Any]) -> Any:
        rule = _RULES.get(type(node))
        if rule is None:
            raise self.plan.refuse(f"{_WORDS.get(type(node), type(node).__name__)} is not read")
        made = rule(self, node, parts)
        if isinstance(made, Array):
            made.span = self.plan.span
        return made

    def name(self, node: ast.Name, parts: list[Any]) -> Any:
        if node.id in self.known:
            return self.known[node.id]
        found = self.lookup(node.id)
        if found is not None:
            return found
        if node.id in MODULES:
            return Path(MODULES[node.id])
        return Path("bare", node.id)

    def constant(self, node: ast.Constant, parts: list[Any]) -> Any:
        value = node.value
        if value is None or isinstance(value, (bool, str)):
            return value
        if isinstance(value, (int, float)):
            if isinstance(value, int) and value.bit_length() > 4 * MAX_DIGITS:
                hint = f"at most {MAX_DIGITS} digits"
                raise LimitError("this number is too long", self.plan.source, self.plan.span, hint)
            if value in (float("inf"), -float("inf")):
                raise self.plan.refuse("infinity is no number that a formula can hold")
            return self.plan.constant(Fraction(repr(value)))
        raise self.plan.refuse("formulas are real" if isinstance(value, complex) else "this constant is not read")

    def array(self, value: Any) -> Array:
        if isinstance(value, Path):
            raise self.unknown(value)
        if isinstance(value, pairs.Pairs):
            raise pairs.refusal(self.plan, value)
        return array_table.array(self.plan, value)

    def unknown(self, path: Path) -> DeriveError:
        if not path.name:
            return self.plan.refuse("a module is no value")
        own = array_table.TABLE.get(_HOMES.get(path.home, (path.home,))[0], ())
        if path.home.startswith("tf"):
            near = closest(path.name, own)
            return self.plan.refuse(
                f"{path.home}.{path.name} is not among the functions of TensorFlow that are read",
                f"did you mean {path.home}.{near}?" if near else "write it out, or as NumPy has it",
            )
        known = [*own, *array_table.TABLE["bare"]]
        near = closest(path.name, known)
        hint = REFUSED.get(path.name) or (f"did you mean {near}?" if near else None)
        if path.home == "method" and path.owner is not None:
            return self.plan.refuse(f"the method .{path.name}() is not read", hint)
        return self.plan.refuse(
            f"{path.name} is not read" if path.name in REFUSED else f"{path.name} is not known",
            hint or "known are the functions of NumPy, SciPy, JAX and PyTorch that have a formula, and what is defined",
        )

    def binary(self, node: ast.BinOp | ast.AugAssign, parts: list[Any]) -> Any:
        rule = BINARY.get(type(node.op))
        if isinstance(parts[0], list) and isinstance(parts[1], list) and isinstance(node.op, ast.Add):
            return parts[0] + parts[1]
        if rule is None:
            what = _WORDS.get(type(node.op), type(node.op).__name__)
            raise self.plan.refuse(f"{what} is not read", "powers are **" if isinstance(node.op, ast.BitXor) else None)
        if any(isinstance(part, pairs.Pairs) for part in parts):
            return pairs.combined(self.plan, node.op, *parts)
        left, right = self.array(parts[0]), self.array(parts[1])
        made = rule(self.plan, left, right)
        is_power = isinstance(node.op, ast.Pow) and bool(left.rank)
        if not self.plan.is_named and (is_power or (isinstance(node.op, ast.Mult) and left.rank == right.rank == 2)):
            self.plan.note(f"{'**' if is_power else '*'} is taken entry by entry, as in NumPy")
        if isinstance(node.op, (ast.BitAnd,)) and not made.is_mask:
            raise self.plan.refuse("& is read between comparisons only")
        return made

    def unary(self, node: ast.UnaryOp, parts: list[Any]) -> Any:
        array = self.array(parts[0])
        if isinstance(node.op, ast.USub):
            return self.plan.negative(array)
        if isinstance(node.op, ast.UAdd):
            return array
        if isinstance(node.op, ast.Invert) and array.is_mask:
            return opposite(self.plan, array)
        raise self.plan.refuse("this sign is not read")

    def compare(self, node: ast.Compare, parts: list[Any]) -> Any:
        sign = _SIGNS.get(type(node.ops[0]))
        if len(node.ops) > 1 or sign is None:
            raise self.plan.refuse("this comparison is not read", "z > 0, a <= b are")
        return compared(self.plan, sign, self.array(parts[0]), self.array(parts[1]))

    def attribute(self, node: ast.Attribute, parts: list[Any]) -> Any:
        (base,), attr, plan = parts, node.attr, self.plan
        if isinstance(base, list):
            if attr == "values" and base:
                return base[0]
            if attr in ("logdet", "logabsdet") and len(base) == 2:
                return base[1]
            raise plan.refuse(f"the attribute {attr} is not read")
        if isinstance(base, Path):
            if base.home == "bare":
                raise self.unknown(base)
            if base.name:
                raise plan.refuse(f"{base.name}.{attr} is not known")
            if attr in CONSTANTS and base.home in ("np", "math", "torch"):
                return plan.node((), lambda: constant(CONSTANTS[attr]))
            if attr == "newaxis":
                return None
            if base.home.startswith("tf"):
                part = tensorflow.MODULES.get(attr) if base.home == "tf" else None
                return Path(part) if part else Path(base.home, attr)
            if attr in _INNER:
                return Path(_INNER[attr])
            return Path(base.home, attr)
        if isinstance(base, pairs.Pairs):
            return Path("method", attr, base)
        if not isinstance(base, Array):
            raise plan.refuse(f"the attribute {attr} is not read")
        if attr in ("T", "mT"):
            return plan.transposed(base)
        if attr == "shape":
            return [plan.count(size) for size in base.axes]
        if attr == "size" and id(node) not in self.called:
            return plan.count(plan.product_of(base.axes))
        if attr == "ndim":
            return plan.constant(base.rank)
        return Path("method", attr, base)

    def subscript(self, node: ast.Subscript, parts: list[Any]) -> Any:
        base, key = parts
        keys = key if isinstance(node.slice, ast.Tuple) else [key]
        if isinstance(base, list):
            at = array_table.integer(self.plan, key) if isinstance(key, Array) else None
            if isinstance(key, slice) and all(x is None or isinstance(x, int) for x in (key.start, key.stop)):
                return base[key]
            if at is None or not -len(base) <= at < len(base) or base[at] is None:
                raise self.plan.refuse("this index is not read")
            return base[at]
        held = [self.key(k) for k in keys]
        return pairs.spread(base, held) or indexed(self.plan, self.array(base), held)

    def key(self, key: Any) -> Any:
        if key is None or isinstance(key, slice):
            return key
        if isinstance(key, Array) and not key.rank and key.number is not None and key.number.denominator == 1:
            return int(key.number)
        raise self.plan.refuse("this index is not read", "numbers, slices, None and : are")

    def slice(self, node: ast.Slice, parts: list[Any]) -> slice:
        held = iter(parts)
        ends: list[Any] = [None if part is None else next(held) for part in (node.lower, node.upper, node.step)]
        return slice(*(self.end(e) for e in ends))

    def end(self, value: Any) -> Any:
        if isinstance(value, Array) and value.number is None and value.size is not None:
            return self.plan.frozen(value.size)
        return None if value is None else self.key(value)

    def call(self, node: ast.Call, parts: list[Any]) -> Any:
        function, rest = parts[0], parts[1:]
        if any(isinstance(a, ast.Starred) for a in node.args) or any(k.arg is None for k in node.keywords):
            raise self.plan.refuse("* before an argument is not read")
        args = [self.settled(a) for a in rest[: len(node.args)]]
        keywords = {str(k.arg): self.settled(v) for k, v in zip(node.keywords, rest[len(node.args) :])}
        if self.functions is not None and not isinstance(function, (Path, Array)):
            return self.functions(function, args, keywords)
        if isinstance(function, Array):
            raise self.plan.refuse(
                f"{self.plan.written(function)} is an array and no function", "products are written with * or @"
            )
        if not isinstance(function, Path):
            raise self.plan.refuse("this call is not read")
        if function.owner is not None:
            args = [function.owner, *args]
        if any(isinstance(arg, pairs.Pairs) for arg in args):
            return pairs.reduced(self.plan, function.name, args, keywords)
        home = array_table.find(_HOMES.get(function.home, (function.home,)), function.name)
        if home is None or (function.name == "detach" and self.functions is None):
            raise self.unknown(function)
        return array_table.call(self.plan, home, function.name, args, keywords)

    def settled(self, value: Any) -> Any:
        """An argument; types such as np.float64 are given by name."""
        if isinstance(value, Path):
            if value.name and (value.home != "bare" or value.name in TYPES):
                return value.name
            raise self.unknown(value)
        return value


def _parts(node: ast.AST) -> list[ast.expr]:
    """The expressions that a node is made of, in the order they are evaluated."""
    if isinstance(node, ast.Call):
        args = [a.value if isinstance(a, ast.Starred) else a for a in node.args]
        return [node.func, *args, *(k.value for k in node.keywords)]
    if isinstance(node, ast.Compare):
        return [node.left, node.comparators[0]]
    if isinstance(node, ast.Dict):
        return list(node.values)
    parts = ast.iter_child_nodes(node) if type(node) in _RULES else ()
    return [part for part in parts if isinstance(part, ast.expr)]


_RULES: dict[type[ast.AST], Callable[[Interpreter, Any, list[Any]], Any]] = {
    ast.Name: Interpreter.name, ast.Constant: Interpreter.constant, ast.BinOp: Interpreter.binary,
    ast.UnaryOp: Interpreter.unary, ast.Compare: Interpreter.compare, ast.Attribute: Interpreter.attribute,
    ast.Subscript: Interpreter.subscript, ast.Slice: Interpreter.slice, ast.Call: Interpreter.call,
    ast.Tuple: lambda i, node, parts: list(parts), ast.List: lambda i, node, parts: list(parts),
}  # fmt: skip
BINARY: dict[type[ast.operator], Callable[[Plan, Array, Array], Array]] = {
    ast.Add: Plan.add, ast.Sub: lambda p, a, b: p.add(a, b, -1), ast.Mult: Plan.times, ast.Div: Plan.over,
    ast.Pow: Plan.power, ast.MatMult: Plan.matmul, ast.BitAnd: Plan.times,
}  # fmt: skip
_WORDS: dict[type[ast.AST], str] = {
    ast.Mod: "the remainder %", ast.FloorDiv: "the whole quotient //", ast.BitXor: "^", ast.BitOr: "|",
    ast.IfExp: "a condition", ast.BoolOp: "and, or", ast.Lambda: "a function without a name",
    ast.ListComp: "a list made by a loop", ast.GeneratorExp: "a sum over a loop", ast.Dict: "a dictionary",
    ast.JoinedStr: "a text", ast.NamedExpr: "an assignment within an expression", ast.Set: "a set",
    ast.Starred: "*", ast.Await: "await", ast.LShift: "<<", ast.RShift: ">>", ast.DictComp: "a loop",
    ast.SetComp: "a loop", ast.Yield: "yield",
}  # fmt: skip


def assign(walker: Interpreter, target: ast.expr, value: Any) -> None:
    """`a = …` and `a, b = …`."""
    if isinstance(target, ast.Name):
        walker.known[target.id] = value
        return
    if isinstance(target, (ast.Tuple, ast.List)) and isinstance(value, list) and len(value) == len(target.elts):
        for part, item in zip(target.elts, value):
            assign(walker, part, item)
        return
    if isinstance(target, (ast.Tuple, ast.List)) and isinstance(value, Array):
        if not value.rank or not walker.plan.unify(value.axes[0], Dim.of(len(target.elts))):
            raise walker.plan.misfit(f"{walker.plan.described(value)} has not {len(target.elts)} entries", value)
        for i, part in enumerate(target.elts):
            assign(walker, part, indexed(walker.plan, value, [i]))
        return
    raise walker.plan.refuse("this assignment is not read", "a = … and a, b = … are")


def _arrays_in(values: Iterable[Any]) -> Iterator[Array]:
    """The arrays among values, in lists and of rows that are spread."""
    for value in values:
        if isinstance(value, Array):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _arrays_in(value)


def augment(walker: Interpreter, statement: ast.AugAssign) -> Any:
    """`a += b`, where no other name has the array of a."""
    held, added = walker.value(statement.target), walker.value(statement.value)
    walker.plan.span = walker.span(statement)
    others = list(_arrays_in(walker.known.values()))
    if isinstance(held, Array) and held.rank:
        shared = sum(v is held for v in others) > 1 or any(v.base is held for v in others)
        if held.is_symbol or held.base is not None or shared:
            raise walker.plan.refuse("this changes an array that has other names", "write a = a + b, which makes one")
    made = walker.binary(statement, [held, added])
    assign(walker, statement.target, made)
    return made
