"""Expressions of generated code: what is printed is read by Python as the tree that it was printed from."""

from __future__ import annotations

import ast
import random

import numpy as np
import pytest

import derive
from derive.codegen import module_of
from derive.dialects import DIALECTS
from derive.programs import statement_tree, syntax
from derive.programs.assembly import needed_import
from derive.programs.statement_tree import lines_of, names_in, statements
from derive.programs.syntax import ATOM, Code

SYMBOLS = {"+": ast.Add, "-": ast.Sub, "*": ast.Mult, "/": ast.Div, "@": ast.MatMult, "**": ast.Pow}
COMPARED = {"==": ast.Eq, "<": ast.Lt, ">": ast.Gt, ">=": ast.GtE}


def grown(rng: random.Random, depth: int) -> Code:
    """A random expression."""
    if depth == 0 or rng.random() < 0.15:
        return rng.choice([syntax.name(rng.choice("xyAB")), syntax.literal(rng.choice(["2", "0.5"]))])
    below = [grown(rng, depth - 1) for _ in range(3)]
    held = [b for b in below if b.form != "literal"] or [syntax.name("x")]
    return rng.choice(
        [
            lambda: syntax.binary(rng.choice([*SYMBOLS, *COMPARED]), *below[:2]),
            lambda: syntax.binary(rng.choice([*SYMBOLS]), *below[:2]),
            lambda: syntax.product(below),
            lambda: syntax.negative(below[0]),
            lambda: syntax.grouped(below[0]),
            lambda: syntax.attribute(held[0], "T"),
            lambda: syntax.call(syntax.name("f"), *below[:2], axis=below[2]),
            lambda: syntax.subscript(held[0], syntax.slice_of(syntax.NOTHING, below[0]), below[1]),
            lambda: syntax.column(held[0]),
            lambda: syntax.sequence(rng.choice(["tuple", "list"]), below[: rng.randint(1, 3)]),
        ]
    )()


def python(made: Code) -> ast.expr:
    """The tree that Python must have read, of nodes of its own."""
    args = [python(arg) for arg in made.args if arg.form not in ("keyword", "slice")]
    match made.form:
        case "name":
            return ast.Name(made.head, ast.Load())
        case "literal":
            return ast.Constant(ast.literal_eval(made.head))
        case "group":
            return args[0]
        case "binary" if made.head in COMPARED:
            return ast.Compare(args[0], [COMPARED[made.head]()], [args[1]])
        case "binary":
            return ast.BinOp(args[0], SYMBOLS[made.head](), args[1])
        case "negative":
            return ast.UnaryOp(ast.USub(), args[0])
        case "attribute":
            return ast.Attribute(args[0], made.head, ast.Load())
        case "call":
            named = [ast.keyword(k.head, python(k.args[0])) for k in made.args if k.form == "keyword"]
            return ast.Call(args[0], args[1:], named)
        case "subscript":
            indices = [span(index) if index.form == "slice" else python(index) for index in made.args[1:]]
            return ast.Subscript(args[0], ast.Tuple(indices, ast.Load()), ast.Load())
    return (ast.Tuple if made.form == "tuple" else ast.List)(args, ast.Load())


def span(made: Code) -> ast.expr:
    ends = [None if part is syntax.NOTHING else python(part) for part in made.args]
    return ast.Slice(ends[0], ends[1])


def is_read_as_printed(made: Code) -> bool:
    return ast.dump(ast.parse(made.text, mode="eval").body) == ast.dump(python(made))


@pytest.mark.parametrize("seed", range(400))
def test_python_reads_what_was_printed(seed):
    made = grown(random.Random(seed), 4)
    assert is_read_as_printed(made), made.text


def test_a_bracket_that_is_missing_is_seen(monkeypatch):
    monkeypatch.setattr(Code, "at", lambda self, level: self.text)
    seen = [is_read_as_printed(grown(random.Random(seed), 4)) for seed in range(50)]
    assert not all(seen)


@pytest.mark.parametrize("backend", DIALECTS)
def test_a_template_keeps_its_structure_and_brackets_what_fills_it(backend):
    for text in DIALECTS[backend].templates.values():
        template = syntax.template(text)
        total = syntax.binary("+", syntax.name("p"), syntax.name("q"))
        made = template.filled(dict.fromkeys(template.holes, total))
        for key in template.holes:
            text = text.replace("{" + key + "}", "(p + q)")
        wanted = ast.parse(text, mode="eval").body
        assert ast.dump(ast.parse(made.text, mode="eval").body) == ast.dump(wanted)


def test_what_a_template_calls_is_read_off_its_tree():
    assert syntax.template("_f({0}.T) + g.h(_k({1}), '_no(')").called == {"_f", "_k"}
    assert syntax.calls_of("def _a(x):\n    '''_no(x)'''\n    return _b(x)  # _neither(x)") == {"_b"}


def test_operands_stand_in_brackets_only_where_they_must():
    x, y = syntax.name("x"), syntax.name("y")
    total = syntax.binary("+", x, y)
    assert syntax.template("{0}.T @ f({0})").filled({"0": total}).text == "(x + y).T @ f(x + y)"
    assert syntax.template("f([{0}])").filled({"0": [x, total]}).text == "f([x, x + y])"
    assert syntax.negative(syntax.product([x, y])).text == "-x * y"
    assert syntax.negative(total).text == "-(x + y)"
    assert syntax.binary("**", x, syntax.literal("2")).text == "x**2"
    assert syntax.binary("**", total, syntax.literal("2")).text == "(x + y) ** 2"
    assert syntax.grouped(x).level == ATOM


# Statements

MODULES = {
    "short": lambda: module_of(derive.gradient("½‖Wᵀ W x − x‖² + c tr(W)", "W"), "scipy", False, None, False),
    "kept": lambda: module_of(derive.gradient("‖A x − b‖² + log(1 + exp(dᵀ B x))", "x"), "numpy", True, None, False),
    "keyed": lambda: module_of(derive.gradient("‖W x − y‖² + s tr(Wᵀ W)", "W"), "numpy", True, None, False),
    "constant": lambda: module_of(
        derive.gradient("‖X w − y‖²", "w", "X: m×n constant, y: constant"), "numpy", False, None, False
    ),
    "by rows": lambda: module_of(derive.gradient("‖X − X W Wᵀ‖²", "W", "X: N×n"), "numpy", False, None, False),
    "each": lambda: module_of(derive.gradient("‖W⁻¹ y − x‖²", "W"), "torch", False, "x", True),
    "mapped": lambda: module_of(derive.gradient("‖W⁻¹ y − x‖²", "W"), "jax", False, "W", False),
}


def printed(monkeypatch, made, width):
    monkeypatch.setattr(statement_tree, "WIDTH", width)
    return "\n".join(lines_of(made))


@pytest.mark.parametrize("name", MODULES)
def test_a_narrow_page_has_the_same_statements(monkeypatch, name):
    made = MODULES[name]().blocks()
    wide, narrow = (printed(monkeypatch, made, width) for width in (10**6, 24))
    assert ast.dump(ast.parse(wide)) == ast.dump(ast.parse(narrow))
    assert len(narrow.split("\n")) > len(wide.split("\n"))
    count = sum(isinstance(node, ast.stmt) for node in ast.walk(ast.parse(wide)))
    assert count == sum(counted(statement) for statement in made)


def counted(statement):
    return (statement.form != "note") + sum(map(counted, (*statement.body, *statement.otherwise)))


def test_a_lost_argument_is_seen(monkeypatch):
    opened = statement_tree._opened
    monkeypatch.setattr(statement_tree, "_opened", lambda code: (p := opened(code)) and (p[0], p[1][:-1], p[2]))
    made = MODULES["keyed"]().blocks()
    wide, narrow = (printed(monkeypatch, made, width) for width in (10**6, 24))
    assert ast.dump(ast.parse(wide)) != ast.dump(ast.parse(narrow))


def test_holes_of_a_statement_take_names_expressions_and_statements():
    body = statements("x += {y}", "a sum", y=syntax.binary("+", *map(syntax.name, "pq")))
    made = statements("for {i} in range({n}):\n    {body}", i="i", n=syntax.literal("3"), body=body)
    assert lines_of(made) == ["for i in range(3):", "    x += p + q  # a sum"]
    assert names_in(made) == {"range", "i", "x", "p", "q"}
    assert lines_of([made[0].renamed({"x": "z"})])[1] == "    z += p + q  # a sum"


def test_imports_are_of_what_is_mentioned():
    assert needed_import("from scipy import linalg, special", {"special"}) == ["from scipy import special"]
    assert needed_import("import jax.numpy as jnp", {"jnp"}) == ["import jax.numpy as jnp"]
    assert needed_import("import array_api_compat.numpy", {"numpy"}) == []


def test_an_argument_bears_no_name_of_an_import():
    made = derive.gradient("sum(sigmoid(special x))", "x").function("scipy")
    assert np.allclose(made(np.zeros(2), 3.0), 0.75)
