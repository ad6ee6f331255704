"""A backward pass in NumPy or PyTorch, judged against the loss; the source is never run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from .. import names
from ..errors import DeriveError, LimitError, ParseError, ShapeError
from ..expr import Expr, nodes, symbols_of
from ..names import canonical, identifier
from ..reading.arrays import Array, Misfit
from ..reading.python import parsed
from ..shapes import ONE, Dim, shape_text
from .differences import between
from .formula_trees import tree_of
from .objects import Function, Instance, Open
from .report import Report
from .translation import MAX_SOURCE, Translator, Unrolled
from .witness import Witness

MAX_SIZE = 4_000  # operations of the formula that the function amounts to
MAX_MENDED = 20_000  # those of all its variants that are tried for the kind of a mistake
UNROLLED = "its loops unrolled for"
_SPELLINGS = (
    "d{}", "grad_{}", "g{}", "{}_grad", "{}_gradient", "gradient_{}", "{}_bar", "delta_{}", "dL_d{}", "dJ_d{}",
    "dj_d{}", "dC_d{}", "dE_d{}", "dloss_d{}", "dcost_d{}", "nabla_{}", "{}",
)  # fmt: skip
_VALUES = frozenset("loss cost value objective obj error err nll j l f fun".split())
_NAMES = (("gradient", "grad", "backward", "loss_and_grad", "value_and_gradient"), ("grad", "backward"))


def check_code(source: str, loss: str, wrt: str, where: Any = None) -> Report:
    """The report on a program, as `derive.check_code` describes it."""
    from ..reading import find_symbol
    from ..reading import parse as read_formula

    if not isinstance(source, str):
        raise ParseError(f"the source is text, not {type(source).__name__}", hint="check_gradient takes a function")
    module = parsed(source, MAX_SOURCE)
    formula = read_formula(loss, where, wrt=(wrt,), scalar=True)
    variable = find_symbol(formula, wrt)
    given = (source, module, dict(formula.symbols), formula.expr, variable)
    report, program = _checked(*given)
    if report.ok and report.lines[0].reason.startswith(UNROLLED):  # with the sizes turned too: n is no m − 1
        again, _ = _checked(*given, is_turned=True)
        report = report if again.ok else again
    if not report.ok and program.clips:  # by numbers: against overflow, where the gradient is one without them
        report, program = _checked(*given, clips=False)
        program.conditions += program.clips
    line = report.lines[0]
    if program.conditions and line.verdict in ("proved", "agrees"):
        line.condition = " and ".join(dict.fromkeys(program.conditions))
        line.verdict, line.reason = "conditional", f"right if {line.condition}"
    return report


def _checked(
    source: str,
    module: ast.Module,
    symbols: dict[str, Expr],
    target: Expr,
    variable: Expr,
    clips: bool = True,
    is_turned: bool = False,
) -> tuple[Report, Translator]:
    """The report on a program for these symbols, sizes made equal or given numbers where it needs that."""
    from ..reading import resized

    misfit: Misfit | None = None
    fixed: dict[str, Dim] = {}
    for _ in range(4):
        try:
            program = Translator(source, module, symbols, clips)
            function = _chosen(program)
            result = program.run(function, _arguments(program, function))
            chosen, statement, shown = _picked(program, result, variable, function)
            value = _built(program, chosen)
            break
        except RecursionError:
            raise LimitError("the source nests too deep") from None
        except Unrolled:
            open_ = dict.fromkeys(n for made in symbols.values() for dim in made.shape for n in sorted(dim.names))
            sizes = _sizes(module)[: len(open_)]
            merged = fixed = dict(zip(open_, map(Dim.of, reversed(sizes) if is_turned else sizes)))
            if len(open_) > len(fixed) or not open_:
                raise
        except Misfit as error:
            # What does not fit is wrong for sure; with the two sizes equal, its kind can be told.
            misfit = misfit or error
            names_ = [d for d in error.sizes if isinstance(d, Dim) and d.names == {str(d)}]
            if len(names_) < 2:
                raise misfit from None
            merged = {str(names_[0]): names_[1]}
        symbols = {name: resized(made, merged) for name, made in symbols.items()}
        target, variable = resized(target, merged), resized(variable, merged)
    else:
        assert misfit is not None
        raise misfit
    report = _judged(source, program, target, variable, value, statement, shown)
    line = report.lines[0]
    if misfit is not None:
        if report.ok:
            raise misfit
        line.reason = misfit.message
    elif fixed and line.verdict in ("proved", "agrees"):
        said = ", ".join(f"{name} = {size}" for name, size in fixed.items())
        line.verdict, line.reason = "agrees", f"{UNROLLED} {said}"
    return report, program


def _sizes(module: ast.Module) -> list[int]:
    """Numbers for the sizes of loops: none that the source has, so that a size is taken for no other number."""
    written = {n.value for n in ast.walk(module) if isinstance(n, ast.Constant) and type(n.value) is int}
    compared = {s.value for n in ast.walk(module) if isinstance(n, ast.Compare) for s in (n.left, *n.comparators)
                if isinstance(s, ast.Constant) and type(s.value) is int and s.value < 9}  # fmt: skip
    return [n for n in (3, 2, 4, 5, 7, 6, *range(8, 20)) if n not in written and n > max(compared, default=0)]


def _chosen(program: Translator) -> Function:
    """The function that computes the gradient."""
    found = list(program.top.values())
    for node in program.classes.values():
        instance = Instance(node)
        found += [Function(method, instance) for method in instance.methods.values() if method.name != "__init__"]
    if not found:
        for node in program.classes.values():
            raise ParseError(f"line {node.lineno}: a class is not read", hint="a method that returns the gradient is")
        raise ParseError("the source holds no function")
    for words in _NAMES:
        for function in found:
            if function.name in words or (len(words) == 2 and any(w in function.name for w in words)):
                return function
    functions = [f for f in found if f.owner is None]
    return functions[-1] if functions else found[-1]


def _arguments(program: Translator, function: Function) -> dict[str, Any]:
    """Symbols for the parameters, after what runs before: __init__ and forward fill the cache."""
    owner = function.owner
    if owner is not None:
        for before in ("__init__", "forward", "__call__"):
            if before in owner.methods and before != function.name:
                method = Function(owner.methods[before], owner)
                try:
                    program.run(method, _symbols(program, method))
                except DeriveError:
                    if before != "__init__":
                        raise
                    owner.attributes.clear()  # sizes and random numbers: its arrays are the symbols of their names
    given = _symbols(program, function)
    for name, value in given.items():
        if isinstance(value, Open) and name in ("cache", "ctx", "saved", "memory") and owner is None:
            forward = program.top.get(function.name.replace("backward", "forward").replace("bwd", "fwd"))
            if forward is not None and forward.node is not function.node:
                made = program.run(forward, _symbols(program, forward))
                if isinstance(made, list) and made:
                    given[name] = made[-1]
    return given


def _symbols(program: Translator, function: Function) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name in function.parameters:
        leaf = program.leaf(name)
        if leaf is not None:
            given[name] = leaf
        elif name not in function.defaults:
            if not any(_holds(function.node, other) for other in function.parameters if program.leaf(other) is None):
                known = ", ".join(program.by_identifier)
                raise program.error(
                    function.node, f"the parameter {name} is no symbol of the loss", f"its symbols: {known}"
                )
            given[name] = Open(name)
    return given


def _holds(function: ast.AST, name: str) -> bool:
    """Whether a parameter is taken apart, or has attributes or keys."""
    for node in ast.walk(function):
        if isinstance(node, (ast.Attribute, ast.Subscript)) and getattr(node.value, "id", None) == name:
            if isinstance(node, ast.Attribute) or isinstance(node.slice, (ast.Constant, ast.Slice)):
                return True
        if isinstance(node, ast.Assign) and getattr(node.value, "id", None) == name:
            return isinstance(node.targets[0], (ast.Tuple, ast.List))
    return False


def _picked(program: Translator, result: Any, variable: Expr, function: Function) -> tuple[Array, Any, str]:
    """The gradient among the values returned: by its name, else the only one in the variable's shape."""
    returned: Any = program.returned
    candidates = list(_named(program, result, getattr(returned, "value", None), returned))
    if function.owner is not None:
        for name, value in function.owner.attributes.items():
            if isinstance(value, dict):
                held = {k: v for k, v in value.items() if not getattr(v, "is_symbol", False)}
                candidates += [(str(k), v, program.places.get(str(k), returned)) for k, v in held.items()]
            elif not _same_name(name, identifier(variable.name)):  # self.W holds W, and dW its gradient
                candidates.append((name, value, program.places.get(name, returned)))
    arrays = [c for c in candidates if isinstance(c[1], Array)]
    arrays += [(n, a, program.places.get(n, c[2])) for c in arrays for n, a in program.pieces.get(id(c[1]), ())]
    plain = identifier(variable.name)
    by_name = [c for spelling in _SPELLINGS for c in arrays if _same_name(c[0], spelling.format(plain))]
    by_name = by_name or [c for c in arrays if c[0].startswith((f"d{plain}_", f"grad_{plain}_", f"d_{plain}_"))]
    if not by_name and isinstance(result, (list, dict)):
        arrays = [c for c in arrays if c[0].lower() not in _VALUES]  # the loss returned beside its gradient
    fitting = [c for c in arrays if _fits(program, c[1], variable)]
    if by_name:
        found = by_name[0]
    elif len(arrays) == 1 and not isinstance(result, list):
        found = arrays[0]
    elif len(fitting) == 1:
        found = fitting[0]
    elif isinstance(result, (list, dict)) and len(arrays) == 1:
        found = arrays[0]
    else:
        shown = ", ".join(c[0] or "a value without a name" for c in arrays) or "nothing"
        raise program.error(
            returned, f"which of the values returned is the gradient by {variable.text()} is not told: {shown}",
            f"name it d{plain}",
        )  # fmt: skip
    name, value, place = found
    place = place if isinstance(place, ast.stmt) or hasattr(place, "lineno") else returned
    text = " ".join((ast.get_source_segment(program.plan.source, place) or name).split())
    if place is not returned and not isinstance(place, ast.stmt):
        text = f"return {text}"
    return value, place, text


def _named(program: Translator, value: Any, written: Any, returned: Any) -> Iterator[tuple[str, Any, ast.AST]]:
    """What is returned, in tuples and dictionaries too: each with its name and place."""
    if isinstance(value, dict):
        is_written = isinstance(written, ast.Dict)
        parts = {getattr(k, "value", None): v for k, v in zip(written.keys, written.values)} if is_written else {}
        for key, part in value.items():
            place = parts.get(key)
            name = place.id if isinstance(place, ast.Name) else str(key)
            yield str(key), part, program.places.get(name, place or returned)
    elif isinstance(value, list):
        is_listed = isinstance(written, (ast.Tuple, ast.List)) and len(written.elts) == len(value)
        for element, part in zip(written.elts if is_listed else [written] * len(value), value):
            yield from _named(program, part, element, returned)
    else:
        name = written.id if isinstance(written, ast.Name) else ""
        is_whole = isinstance(returned, ast.Return) and written is returned.value
        yield name, value, program.places.get(name, returned if is_whole else written)


def _same_name(written: str, wanted: str) -> bool:
    if written.replace("_", "") == wanted.replace("_", ""):
        return True
    try:
        return bool(written) and canonical(written) == canonical(wanted)
    except ParseError:
        return False


def _fits(program: Translator, array: Array, variable: Expr) -> bool:
    axes = () if variable.is_scalar else (variable.shape[0],) if variable.shape[1] is ONE else variable.shape
    return len(axes) == array.rank and all(program.plan.find(a) is b for a, b in zip(array.axes, axes))


def _built(program: Translator, chosen: Array) -> Expr:
    plan = program.plan
    chosen = plan.plain(chosen)
    plan.sizes.settle()
    plan.sizes.name([axis for array in plan.order for axis in array.axes], plan.taken)
    needed: set[int] = set()
    stack = [chosen]
    while stack:
        array = stack.pop()
        if id(array) not in needed:
            needed.add(id(array))
            stack += array.args
    plan.order = [array for array in plan.order if id(array) in needed]
    try:
        plan.build()
    except ShapeError as error:
        line = program.plan.source.count("\n", 0, error.span[0]) + 1 if error.span else 1
        raise ShapeError(f"line {line}: {error.message}", error.source, error.span, error.hint) from None
    assert chosen.expr is not None
    if len(nodes(chosen.expr)) > MAX_SIZE:
        raise LimitError(f"the function amounts to more than {MAX_SIZE} operations")
    return chosen.expr


def _judged(
    source: str, program: Translator, loss: Expr, variable: Expr, value: Expr, place: Any, shown: str
) -> Report:  # fmt: skip
    """The verdict on the value returned, with kind and repair as for a line of mathematics."""
    from ..expr import symbol
    from .claims import Claim, Claims, Side
    from .document import MathRow
    from .examination import Budget, witness_of
    from .judgments import line_of
    from .repairs import explain
    from .trees import Tree, letter
    from .verdicts import Judge

    document = Claims(source)
    scope = document.scope
    for made in symbols_of(loss):
        scope.symbols[made.name] = made
    scope.symbols[variable.name] = variable
    name = "L" if "L" not in scope.symbols else "ℓ"
    head_symbol = symbol(name)
    scope.symbols[name] = head_symbol
    scope.definitions[head_symbol] = loss
    scope.loss = name
    start, end = program.span(place)
    text = source[start:end]
    head, side = Side(f"∂{name}/∂{variable.text()}", start), Side(text, start)
    head.tree = Tree(
        "gradient",
        [letter(name), letter(variable.name)],
        (1, True),
    )
    side.tree = tree_of(value)
    claim = Claim([head, side], False, False, MathRow(text, start, True, "", 0), False)
    claim.number, claim.start, claim.latex = place.lineno, start, shown
    document.claims = [claim]
    document.declared = set(scope.symbols)
    witness = witness_of(document)
    witness.at_kinks = False  # at a kink any slope between those of its sides is one
    judge = Judge(document, "gradient", witness)
    judge.grants_symmetry = False
    judge.run()
    ((claim, judgments),) = judge.judgments
    line, failing = line_of(claim, judgments)
    line.span = (start, start + len(text.splitlines()[0] if text else ""))
    if failing is not None and not (program.clips and program.is_clipped):
        budget = Budget()
        budget.left = min(budget.left, MAX_MENDED // len(nodes(value)))
        explain(judge, claim, failing, line, budget)
        if line.kind == "unknown" and isinstance(failing.truth, Expr):
            line.kind, said = between(loss, variable, value, judge.whole(failing.truth))
            line.reason = said or line.reason
        goal = failing.truth
        if (
            isinstance(goal, Expr)
            and goal.shape == value.shape
            and (said := _of_data(witness, judge.whole(goal), value, variable))
        ):
            line.reason = f"{line.reason}; right where {said}"
        if line.repair:
            if isinstance(goal, Expr):
                line.repair = _mended(judge.whole(goal), variable)
    sizes = [f"{names.text(s.name)}: {shape_text(s.shape)}" for s in symbols_of(loss)]
    return Report(source, [line], [*scope.notes, *program.plan.readings], sizes, "gradient")


def _of_data(witness: Witness, truth: Expr, value: Expr, variable: Expr) -> str:
    """Labels or a mask for which a gradient would be right that is not for all real numbers in their place."""
    for s in symbols_of(truth, value):
        if s is not variable and not s.is_scalar and truth.shape == value.shape:
            if witness.same_on(truth, value, binary=s):
                return f"the entries of {s.text()} are 0 or 1"
            if witness.same_on(truth, value, one_hot=s):
                return f"{s.text() if s.is_vector else f'each row of {s.text()}'} is one-hot"
    return ""


def _mended(goal: Expr, variable: Expr) -> str:
    """The gradient, factored, as the repair of a function."""
    from ..algebra.forms import factor

    try:
        return f"∂L/∂{variable.text()} = {factor(goal).text()}"
    except (ValueError, ArithmeticError):
        return f"∂L/∂{variable.text()} = {goal.text()}"
