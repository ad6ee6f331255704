"""A backward pass in NumPy or PyTorch, judged against the loss; the source is never run."""

from __future__ import annotations

import ast
from typing import Any

from ..errors import LimitError, ParseError
from ..expr import Expr, symbols_of
from ..names import canonical, identifier
from .report import Report
from .translation import MAX_SIZE, MAX_SOURCE, Translator, Value
from .trees import Tree


def check_code(source: str, loss: str, wrt: str, where: Any = None) -> Report:
    """Check a function that computes a gradient against the loss.

    Parameters
    ----------
    source : str
        Python source with a function in NumPy or PyTorch whose parameters are symbols of
        the loss; a function named `gradient`, `grad` or `backward`, else the last one.
        Of several values returned, the one named after `wrt` counts, else the last.
    loss : str
    wrt : str
    where : str or mapping, optional

    Returns
    -------
    Report
        One line: the return statement.

    Raises
    ------
    ParseError
        The source is no Python, or does what has no formula; with the line.
    """
    from ..reading import find_symbol
    from ..reading import parse as read_formula

    if len(source) > MAX_SOURCE:
        raise LimitError(f"a source of {len(source)} characters is too long", hint=f"at most {MAX_SOURCE}")
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        raise ParseError(f"the source is no Python{f': line {line}' if line else ''}") from None
    parsed = read_formula(loss, where, wrt=(wrt,), scalar=True)
    variable = find_symbol(parsed, wrt)
    symbols = {s.name: s for s in parsed.symbols.values()}
    translator = Translator(source, module, symbols)
    function = _chosen(module)
    arguments: list[Value | None] = []
    by_identifier = {identifier(name): made for name, made in symbols.items()}
    defaults = len(function.args.defaults)
    parameters = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
    for i, name in enumerate(parameters):
        made = by_identifier.get(name)
        if made is None:
            try:
                made = symbols.get(canonical(name))
            except ParseError:
                made = None
        if made is None and name not in ("self", "ctx") and i < len(parameters) - defaults:
            known = ", ".join(by_identifier)
            raise translator.error(function, f"the parameter {name} is no symbol of the loss", f"its symbols: {known}")
        if made is None:
            arguments.append(None)
            continue
        rank = "s" if made.is_scalar else "v" if made.is_vector else "m"
        arguments.append(Value(Tree("name", (), (made.name, made.name, ())), rank))
    try:
        result = translator.run(function, arguments)
    except RecursionError:
        raise LimitError("the source nests too deep") from None
    value = _picked(translator, result, wrt, function)
    if len(value.tree.walk()) > MAX_SIZE:
        raise LimitError(f"the function amounts to more than {MAX_SIZE} operations")
    return _judged(source, translator, parsed.expr, variable, value)


def _chosen(module: ast.Module) -> ast.FunctionDef:
    found = [node for node in module.body if isinstance(node, ast.FunctionDef)]
    if not found:
        for node in module.body:
            if isinstance(node, ast.ClassDef):
                raise ParseError(f"line {node.lineno}: a class is not read", hint="give a function of the arrays")
        raise ParseError("the source holds no function")
    for words in (("gradient", "grad", "backward", "loss_and_grad", "value_and_gradient"), ("grad", "backward")):
        for node in found:
            if node.name in words or (len(words) == 2 and any(w in node.name for w in words)):
                return node
    return found[-1]


def _picked(translator: Translator, result: Any, wrt: str, function: ast.FunctionDef) -> Value:
    """The gradient among several values returned."""
    if isinstance(result, Value):
        return result
    name = identifier(canonical(wrt))
    wanted = (name, f"d{name}", f"grad_{name}", f"g{name}", f"d_{name}", f"{name}_grad", f"{name}_bar")
    if isinstance(result, dict):
        for key in wanted:
            if key in result and isinstance(result[key], Value):
                return result[key]  # type: ignore[no-any-return]
        raise translator.error(function, f"none of the values returned is named after {wrt}")
    returned = getattr(translator, "returned", None)
    if returned is not None and isinstance(returned.value, ast.Tuple):
        for item, value in zip(returned.value.elts, result):
            if isinstance(item, ast.Name) and item.id in wanted:
                return value  # type: ignore[no-any-return]
    return result[-1]  # type: ignore[no-any-return]


def _judged(source: str, translator: Translator, loss: Expr, variable: Expr, value: Value) -> Report:
    """The verdict on the value returned, with kind and repair as for a line of mathematics."""
    from ..expr import symbol
    from .claims import Claim, Reading, Side
    from .document import Row
    from .examination import Budget, witness_of
    from .judgments import line_of
    from .repairs import explain
    from .verdicts import Judge

    document = Reading(source)
    scope = document.scope
    for made in symbols_of(loss):
        scope.symbols[made.name] = made
    scope.symbols[variable.name] = variable
    name = "L" if "L" not in scope.symbols else "ℓ"
    head_symbol = symbol(name)
    scope.symbols[name] = head_symbol
    scope.definitions[head_symbol] = loss
    scope.loss = name
    returned = translator.returned
    lines = source.splitlines(keepends=True)
    start = sum(len(text) for text in lines[: returned.lineno - 1]) + returned.col_offset
    text = ast.get_source_segment(source, returned.value) or "" if returned.value is not None else ""
    head, side = Side(f"∂{name}/∂{variable.text()}", start), Side(text, start + len("return "))
    head.tree = Tree(
        "gradient",
        [Tree("name", (), (name, name, ())), Tree("name", (), (variable.name, variable.name, ()))],
        (1, True),
    )
    side.tree = value.tree
    claim = Claim([head, side], False, False, Row(text, start, True, "", 0), False)
    claim.number, claim.start, claim.latex = returned.lineno, start, f"return {' '.join(text.split())}"
    document.claims = [claim]
    document.declared = set(scope.symbols)
    judge = Judge(document, "gradient", witness_of(document))
    judge.run()
    ((claim, judgments),) = judge.judgments
    line, failing = line_of(claim, judgments, source)
    line.span = (start, start + len("return ") + len(text.splitlines()[0] if text else ""))
    if failing is not None:
        explain(judge, claim, failing, line, Budget())
        if line.repair:
            goal = failing.truth
            if isinstance(goal, Expr):
                line.repair = _numpy(judge.whole(goal), variable)
    shown = [f"{s.text()}: {' × '.join(map(str, s.shape))}" for s in symbols_of(loss)]
    return Report(source, [line], list(scope.notes), shown, "gradient")


def _numpy(goal: Expr, variable: Expr) -> str:
    """The gradient, factored, as the repair of a function."""
    from ..algebra import factor

    try:
        return f"∂L/∂{variable.text()} = {factor(goal).text()}"
    except (ValueError, ArithmeticError):
        return f"∂L/∂{variable.text()} = {goal.text()}"
