"""Complete by construction: every operation has every meaning, or a line in the table of refusals.

An operation added to the language fails here until its rows are written.  `REFUSED` is the only place
where something may be missing, with the reason; what stands there and works is struck out by a test.
"""

from __future__ import annotations

import importlib.util
import inspect
import os
import subprocess
import sys
from fractions import Fraction
from functools import partial

import numpy as np
import pytest

import derive
import derive.reading.python  # fills the table of the functions of libraries
from derive import names, rules, scalar_functions
from derive.algebra.table import TABLE as NORMAL_FORMS
from derive.codegen import Module
from derive.compiled.places import ENTRIES
from derive.dialects import DIALECTS, dialect
from derive.errors import DeriveError
from derive.evaluation import VALUES
from derive.expr import (
    OPERATIONS,
    Expr,
    Operation,
    commutation,
    constant,
    dimension,
    identity,
    number,
    ones,
    symbol,
    symbols_of,
    zeros,
)
from derive.interop.writing import WRITERS
from derive.jacobians import _COEFFICIENTS as COEFFICIENTS
from derive.numeric import numeric_gradient, random_point
from derive.operations import FUNCTIONS, basis, block, matmul, sum_entries, vec
from derive.programs.statement_tree import lines_of
from derive.programs.translate import ROWS as PROGRAMS
from derive.reading.array_table import TABLE as LIBRARY
from derive.reading.build import UNARY as CALLS
from derive.reading.vocabulary import FUNCTIONS as FUNCTIONS_READ
from derive.rules import RULES
from derive.shapes import Dim
from tests.generate import LEAVES, operands
from tests.optional import COMPILER, has

BACKENDS = [*sorted(DIALECTS), "c"]
KNOWN = sorted(OPERATIONS)
WITH_OPERANDS = [name for name in KNOWN if name not in LEAVES]
_MARKED = "it, or its gradient, is a function with a mark in its name, which documents do not read"
_BRACKETS = "it, or its gradient, has a matrix in brackets, a window or unvec, which documents do not read"
_HELPERS = "no function that people call in code has its value, or its generated code has a helper of its own"
ROW_OPERATIONS = ("argmax_row", "cumsum", "cumsum_back", "logsumexp_row", "max_row", "softmax_row", "where")
REFUSED: dict[tuple[str, str], str] = {  # (operation, meaning or dialect) -> reason
    ("erf", "array-api"): "the array API standard has no error function",
    **{
        (name, "c"): "C has no singular values and no matrix exponential"
        for name in ("dominant", "expm", "nuclear_norm", "polar", "spectral_norm")
    },
    ("submatrix", "check of code"): "the window has sizes that no argument has",
    **{(name, "document"): _BRACKETS for name in ("block", "submatrix", "unvec", "vec", "polar", "expm")},
    **{
        (name, "check of code"): _HELPERS
        for name in (
            "argmax_row",
            "block",
            "block_inner",
            "block_sum",
            "cumsum_back",
            "dominant",
            "nuclear_norm",
            "polar",
            "spectral_norm",
            "step",
        )
    },
    **{(name, "document"): _MARKED for name in ("block_inner", "block_sum", "kron", *ROW_OPERATIONS)},
    **{
        (name, "normal form"): "a factor, or a transpose, inside stays there: what it equals is seen at points"
        for name in (
            "argmax_row block_inner block_sum dominant max_row norm1 nuclear_norm polar relu sign spectral_norm "
            "step where"
        ).split()
    },
    **{
        (name, "SymPy"): "SymPy has no such function of matrices: it is a function of that name"
        for name in (
            "argmax_row block_inner block_sum cumsum cumsum_back dominant expm logsumexp_row max_row polar "
            "softmax_row tril triu unvec vec where"
        ).split()
    },
    ("nuclear_norm", "document"): "its gradient is the polar factor, which documents write as U Vᵀ",
    ("spectral_norm", "document"): "its gradient is u vᵀ, which documents write out",
}
NEEDS = {"jax": "jax", "torch": "torch", "scipy": "scipy"}  # backend -> what must be installed to run its code

EXAMPLES_OF_LEAVES = {
    "number": number(2),
    "constant": constant("π"),
    "dimension": dimension("n"),
    "symbol": symbol("A", "m", "n"),
    "zeros": zeros("m", "n"),
    "ones": ones("m", "n"),
    "identity": identity("n"),
    "basis": basis(2, "n"),
    "commutation": commutation("m", "n"),
}

IN_CONTEXT = {  # what alone reads as a scalar
    "basis": symbol("A", "m", "n") @ basis(2, "n"),
    "constant": constant("π") * symbol("A", "m", "n"),
    "dimension": dimension("n") * symbol("A", "n", "n"),
    "zeros": block([[symbol("A", "m", "n"), zeros("m", "n")], [symbol("B", "m", "n"), symbol("C", "m", "n")]]),
}


def nodes_of(name: str) -> list[Expr]:
    return [EXAMPLES_OF_LEAVES[name]] if name in LEAVES else operands(OPERATIONS[name])


def loss_of(node: Expr) -> Expr:
    """A loss that depends on every entry of the node differently."""
    if node.is_scalar:
        return node
    if not symbols_of(node):
        return sum_entries(matmul(node, symbol("Z", node.shape[1], "k")))
    weights = symbol("Z", *node.shape)
    return vec(weights).T @ vec(node)


@pytest.mark.parametrize("name", KNOWN)
def test_every_operation_has_its_rows(name):
    assert name in RULES or name in LEAVES, "no rule"
    assert name in VALUES or name == "symbol", "no numeric value"
    assert nodes_of(name), "no operands for the generator"
    if name in RULES:
        row = RULES[name]
        assert row.source.startswith("["), "no source"
        assert row.source.split("]")[0] + "]" in (rules.__doc__ or "") + (scalar_functions.__doc__ or ""), (
            "unknown source"
        )
        assert row.where is None or "A" in row.where, "a condition is about the operand A"


@pytest.mark.parametrize("name", KNOWN)
def test_every_operation_prints(name):
    for node in nodes_of(name):
        assert node.text().strip()
        assert node.latex().strip()
        assert "None" not in node.text() + node.latex()


@pytest.mark.parametrize("name", KNOWN)
def test_every_operation_reads_back_what_it_prints(name):
    for node in [IN_CONTEXT[name]] if name in IN_CONTEXT else nodes_of(name):
        where = ", ".join(f"{s.name}: {s.shape[0]} × {s.shape[1]}" for s in symbols_of(node))
        assert derive.parse(node.text(), where or None) is node


def test_every_scalar_function_has_a_derivative():
    assert {row[0].name for row in scalar_functions.DERIVATIVES} == set(FUNCTIONS)
    t = symbol("t")
    for _, derivative, _, source in scalar_functions.DERIVATIVES:
        assert derivative(t).is_scalar and source
        assert derivative(symbol("A", "m", "n")).shape == (Dim.of("m"), Dim.of("n"))


@pytest.fixture(autouse=True)
def quick_compiler(monkeypatch):
    monkeypatch.setenv("CFLAGS", "-O0")


def values_by_name(point) -> dict[str, object]:
    """The values at a point as generated functions take them."""
    values: dict[str, object] = dict(point.sizes)
    for leaf, value in point.values.items():
        name = names.identifier(leaf.name)
        values[name] = float(value[0, 0]) if leaf.is_scalar else value[:, 0] if leaf.is_vector else value
    return values


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", KNOWN)
def test_every_operation_has_code_in_each_dialect(name, backend):
    """Code that computes value and gradient as the witness does; a refusal stands in the table."""
    installed = backend not in NEEDS or importlib.util.find_spec(NEEDS[backend]) is not None
    if backend == "c":
        installed = all(map(has, COMPILER))
    nodes = [*nodes_of(name), *([IN_CONTEXT[name]] if name in IN_CONTEXT else [])]
    if "norm" in OPERATIONS[name].traits and (name, backend) not in REFUSED:
        nodes.append(OPERATIONS[name](symbol("x", "n")))
    for node in nodes:
        loss = loss_of(node)
        if not symbols_of(loss):
            continue
        wrt = symbols_of(loss)[0]
        derived = derive.gradient(loss, wrt)
        if (name, backend) in REFUSED:
            with pytest.raises(DeriveError, match=f"{name} has no counterpart in {backend}"):
                derived.source(backend)
            continue
        source = derived.source(backend)
        if backend != "c":
            compile(source, f"{name}-{backend}", "exec")
        if not installed or backend == "c" and node is not nodes[0] and not os.environ.get("DERIVE_FULL"):
            continue
        point = random_point([loss, derived.result, wrt], 1)
        function = derived.function(backend, returns="value_and_gradient")
        given = values_by_name(point)
        wanted = inspect.signature(function).parameters
        value, gradient = function(**{k: _array(backend, v) for k, v in given.items() if k in wanted})
        expected = numeric_gradient(loss, wrt, point)
        if backend in ("numpy", "scipy"):
            assert not any(np.shares_memory(gradient, v) for v in given.values() if isinstance(v, np.ndarray))
        assert np.allclose(float(value), point.evaluate(loss), rtol=1e-6, atol=1e-6)
        assert np.allclose(np.asarray(gradient).reshape(-1), expected.reshape(-1), rtol=1e-5, atol=1e-5)


def gradients_of(name: str) -> list[derive.Derivation]:
    """The gradient of a loss for each example of an operation."""
    losses = [loss_of(node) for node in nodes_of(name)]
    return [derive.gradient(loss, symbols_of(loss)[0]) for loss in losses]


def declared(*exprs: Expr) -> str:
    found = dict.fromkeys(s for expr in exprs for s in symbols_of(expr))
    return ", ".join(f"{s.name}: {s.shape[0]} × {s.shape[1]}" for s in found)


@pytest.mark.parametrize("name", WITH_OPERANDS)
def test_every_operation_has_a_normal_form_and_a_jacobian(name):
    """Forms that equal the derivative, and Jacobians of the operation itself by each operand."""
    for node, derived in zip(nodes_of(name), gradients_of(name), strict=True):
        point = random_point([derived.loss, derived.result], 2)
        result = point.evaluate(derived.result)
        for form in (derived.expanded, derived.boxed):
            assert np.allclose(point.evaluate(form), result, rtol=1e-8, atol=1e-8)
        assert derive.equal(derived.boxed, derived.result) == "proved"
        for symbol_ in symbols_of(node):
            assert derive.jacobian(node, symbol_).verify(1) < 1e-5


@pytest.mark.parametrize("name", WITH_OPERANDS)
def test_every_operation_runs_over_samples(name):
    for derived in gradients_of(name):
        given = values_by_name(random_point([derived.loss, derived.result, derived.wrt], 1))
        key = names.identifier(derived.wrt.name)
        single, over = derived.function(), derived.function(batch=key, per_sample=True)
        known = {k: v for k, v in given.items() if k in inspect.signature(single).parameters}
        stacked = np.stack([np.asarray(known[key])] * 5)
        assert np.allclose(over(**known | {key: stacked})[3], single(**known), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", WITH_OPERANDS)
def test_every_operation_passes_through_sympy(name):
    """As what SymPy has; a function that only bears the name of the operation stands in the table."""
    pytest.importorskip("sympy")
    from sympy.core.function import AppliedUndef

    from derive.interop import from_sympy, to_sympy
    from derive.interop.functions import MatrixFunction

    for node in nodes_of(name):
        made = to_sympy(node)
        assert derive.equal(from_sympy(made), node) in ("proved", "agrees")
        functions = made.atoms(MatrixFunction, AppliedUndef)
        is_named = any(name in (str(f.func), getattr(f, "name", None)) for f in functions)
        assert is_named == ((name, "SymPy") in REFUSED)


@pytest.mark.parametrize("name", WITH_OPERANDS)
def test_every_operation_is_checked_in_documents(name):
    """The gradient as printed holds, and twice the gradient fails."""
    node = nodes_of(name)[0]
    derived = derive.gradient(loss_of(node), symbols_of(node)[0])
    if not symbols_of(derived.boxed) and derived.boxed.op.name in ("zeros", "number"):
        return  # twice the derivative of a step is right
    claims = [derived.boxed, 2 * derived.boxed]
    verdicts = []
    for claim in claims:
        text = (
            f"$L = {derived.loss.latex()}$\n\n"
            rf"$\frac{{\partial L}}{{\partial {derived.wrt.latex()}}} = {claim.latex()}$"
        )
        verdicts.append(derive.check(text, declared(derived.loss)).lines[-1].verdict)
    if (name, "document") in REFUSED:
        assert verdicts[0] not in ("fails",) and verdicts[1] not in ("proved", "agrees")
    else:
        assert verdicts[0] in ("proved", "agrees", "conditional")
        assert verdicts[1] == "fails"


def laws_of(node: Expr, place: int) -> list[tuple[Expr, Expr]]:
    """What may hold of an operation in one of its operands: that it is linear, homogeneous, or knows transposes."""

    def at(operand: Expr) -> list[Expr]:
        try:
            return [node.op.build((*node.args[:place], operand, *node.args[place + 1 :]), node.data)]
        except DeriveError:  # of a square matrix or a column alone
            return []

    A = node.args[place]
    B = symbol("B", *A.shape)
    laws = [(whole, Fraction(2) ** k * node) for whole in at(2 * A) for k in range(-2, 4)]
    laws += [(whole, node + 2 * part) for whole in at(A + 2 * B) for part in at(B)]
    laws += [(whole, same) for whole in at(A.T) for same in (node, node.T) if whole.shape == same.shape]
    return laws


@pytest.mark.parametrize("name", WITH_OPERANDS)
def test_what_holds_of_an_operation_by_its_values_its_normal_form_proves(name):
    """A sum inside of what is linear is no opaque part; nor is a factor, or a transpose, where it can be taken out."""
    node = nodes_of(name)[0]
    said = set()
    for laws in (laws_of(node, place) for place, arg in enumerate(node.args) if arg.op.name != "number"):
        points = [random_point([side for law in laws for side in law], seed) for seed in range(1, 6)] if laws else []
        for left, right in laws:
            if all(np.allclose(p.evaluate(left), p.evaluate(right), rtol=1e-9, atol=1e-9) for p in points):
                said.add(str(derive.equal(left, right)))
    if (name, "normal form") in REFUSED:
        assert "agrees" in said
    else:
        assert said <= {"proved"}


def straight_line(derived: derive.Derivation, factor: int = 1) -> str:
    """The gradient as a person writes it in JAX: the generated lines, without what checks the arguments."""
    module = Module(derived, dialect("jax"))
    head, _, _, *body = lines_of(module.function("gradient"))
    sizes = [
        f"    {dim} = {s.name}.shape[{axis}]"
        for s in module.signature.symbols
        for axis, dim in enumerate(s.shape)
        if str(dim).isidentifier()
    ]
    lines = [line.replace("_norm(", "jnp.linalg.norm(").replace(", dtype=dtype", "") for line in body]
    *lines, last = [line for line in lines if "dtype = " not in line]
    result = last.removeprefix("    return ")
    return "\n".join(
        ["import jax", "import jax.numpy as jnp", head, *sizes, *lines, f"    return {factor} * ({result})"]
    )


@pytest.mark.parametrize("name", WITH_OPERANDS)
def test_every_operation_is_checked_in_code(name):
    """The generated lines are found right, and twice the gradient wrong; what is not read stands in the table."""
    derived = gradients_of(name)[0]
    given = derived.loss.text(), derived.wrt.name, declared(derived.loss)
    if (name, "check of code") in REFUSED:
        with pytest.raises(DeriveError, match="is not read|is not known|is read only"):
            derive.check_code(straight_line(derived), *given)
        return
    assert derive.check_code(straight_line(derived), *given).lines[-1].verdict in ("proved", "agrees")
    if symbols_of(derived.boxed):
        assert derive.check_code(straight_line(derived, 2), *given).lines[-1].verdict == "fails"


def test_the_table_of_refusals_is_of_operations_and_meanings():
    meanings = {"document", "check of code", "normal form", "SymPy", *BACKENDS}
    assert all(name in KNOWN and meaning in meanings and reason for (name, meaning), reason in REFUSED.items())


# A table, one of its rows, and the test above that fails without it.  Two meanings have a default that is right for
# every operation, and no row can be missing: it is printed as a call, and samples are taken one by one.
ROWS_NEEDED = {
    "rule": (RULES, "cumsum", test_every_operation_has_its_rows),
    "value": (VALUES, "cumsum", test_every_operation_has_its_rows),
    "parse": (FUNCTIONS_READ, "cumsum", test_every_operation_reads_back_what_it_prints),
    "normal form": (NORMAL_FORMS, "tril", test_what_holds_of_an_operation_by_its_values_its_normal_form_proves),
    "program": (PROGRAMS, "inner", partial(test_every_operation_has_code_in_each_dialect, backend="numpy")),
    "Jacobian": (COEFFICIENTS, "kron", test_every_operation_has_a_normal_form_and_a_jacobian),
    "documents": (CALLS, "tr", lambda row: test_every_operation_is_checked_in_documents("trace")),
    "check of code": (LIBRARY["np"], "cumsum", test_every_operation_is_checked_in_code),
    "SymPy": (WRITERS, "logdet", test_every_operation_passes_through_sympy),
    **{
        f"code in {backend}": (
            DIALECTS[backend].templates if backend != "c" else ENTRIES, "tanh",
            partial(test_every_operation_has_code_in_each_dialect, backend=backend),
        )
        for backend in BACKENDS
    },
}  # fmt: skip


# Rows without which another road gives the same: a name that printing does not use, a shorter program, a sum or a
# product of what is linear, an operator of Python.
WITHOUT_LOSS = {
    "parse": "transpose kron inv trace inner norm norm1 nuclear_norm spectral_norm Diag sigmoid hadamard matmul",
    "program": "kron power inv trace det logdet sq_norm norm norm1 logsumexp softmax Diag "
    "vec unvec tril triu expm polar dominant",
    "Jacobian": "add mul trace inner sum",
    "normal form": "add block_inner block_sum inv polar dominant",
    "check of code": "erf relu sigmoid add mul power matmul inner sum logsumexp trace det inv expm logdet diag "
    "transpose",
}


@pytest.mark.parametrize("meaning", ROWS_NEEDED)
def test_an_operation_without_a_row_is_found(meaning, monkeypatch):
    table, row, test = ROWS_NEEDED[meaning]
    test(row)
    monkeypatch.delitem(table, row)
    with pytest.raises((AssertionError, DeriveError)):
        test(row)


@pytest.mark.skipif(not os.environ.get("DERIVE_FULL"), reason="takes minutes; DERIVE_FULL=1 runs it")
@pytest.mark.parametrize("meaning", [meaning for meaning in ROWS_NEEDED if meaning not in ("documents", "code in c")])
def test_every_row_is_needed(meaning, monkeypatch):
    """Each operation's row in each table, taken away, is found missing by the test of that meaning."""
    table, _, test = ROWS_NEEDED[meaning]
    silent = set()
    for name in [name for name in table if name in (KNOWN if "code in" in meaning else WITH_OPERANDS)]:
        with monkeypatch.context() as without:
            without.delitem(table, name)
            try:
                test(name)
            except Exception:
                continue
            silent.add(name)
    assert silent == set(WITHOUT_LOSS.get(meaning, "constant" if "code in" in meaning else "").split())


def test_an_operation_without_any_row_is_found(monkeypatch):
    monkeypatch.setitem(OPERATIONS, "extra", Operation("extra", "m n -> m n", None, None, False, "extra"))
    with pytest.raises(AssertionError, match="no rule"):
        test_every_operation_has_its_rows("extra")


ADDED = """
import derive.operations as operations, derive.scalar_functions as functions
arcsinh = operations.elementwise("arcsinh")
slope = lambda A: operations.power(functions._one(A) + operations.power(A, 2), -functions._HALF)
functions.DERIVATIVES += ((arcsinh, slope, None, "[DLMF] 4.40"),)
"""
ASKED = r"""
import derive, sympy
d = derive.gradient("sum(arcsinh(A x))", "x")
assert d.boxed.text() == "Aᵀ (𝟏 + (A x).^2).^(−1/2)" and d.verify() < 1e-8
for backend, spelled in {"numpy": "np.arcsinh", "torch": "torch.arcsinh", "array-api": "xp.asinh"}.items():
    assert spelled in d.source(backend)
f = derive.parse("arcsinh(X)")
assert derive.parse(f.latex()) is f and derive.parse(f.text()) is f
assert derive.gradient(sympy.asinh(sympy.Symbol("a")), "a").boxed.text() == "1 / sqrt(1 + a²)"
assert str(derive.parse("arcsinh(a)").to_sympy()) == "asinh(a)"
code = "def grad(x):\n    return {}"
right, wrong = (code.format(line) for line in ("(1 + x**2) ** -0.5", "np.arcsinh(x)"))
assert derive.check_code(right, "sum(arcsinh(x))", "x").ok and not derive.check_code(wrong, "sum(arcsinh(x))", "x").ok
line = r"$$L = \sum_i \operatorname{arcsinh}(x_i)$$ $$\nabla L = (\mathbf{1} + x^{\odot 2})^{\odot -\frac{1}{2}}$$"
assert derive.check(line).lines[-1].verdict == "proved"
"""


TURNED = """
from derive import evaluation
from derive.expr import operation
operation("flip", "m n -> m n", traits="linear columns", adjoint="flip",
          code={"": "{lib}.flip({0}, axis=0)", "torch": "torch.flip({0}, (0,))"})
evaluation.VALUES["flip"] = lambda values, node, sizes: values[0][::-1]
"""
LINEAR = r"""
import derive
d = derive.gradient("½‖flip(A x) − b‖² + flip(x)ᵀ B x", "x", "B: n×n")
assert d.verify() < 1e-8 and "np.flip(" in d.source() and "jnp.flip(" in d.source("jax")
assert derive.jacobian("flip(A x)", "x").verify() < 1e-8
import numpy as np
b = np.array([1.0, 2.0, 3.0])
f = derive.gradient("bᵀ flip(x)", "x").function()  # np.flip is a view
assert f(b, b).tolist() == [3, 2, 1] and not np.shares_memory(f(b, b), b)
f = derive.parse("flip(X)")
assert derive.parse(f.text()) is f and derive.parse(f.latex()) is f
right, wrong = (f"L = 1/2 ||flip(x) - b||^2\n\ndL/dx = {slope}" for slope in ("x - flip(b)", "flip(x) - b"))
assert derive.check(right).ok and not derive.check(wrong).ok
"""
# What each of three files has: of the rows, of two matrices entry by entry, of a matrix, and piecewise by entries.
FILES = {
    "operations.py, the signature and the templates": r"""
from derive.expr import dimension, identity, operation, ones
from derive.operations import elementwise, hadamard, inv, matmul, power, row_sums, sigmoid, step
rms = operation("rms_row", "m n -> m", code={
    "": "{lib}.sqrt({lib}.mean({0} ** 2, axis=-1))", "torch": "torch.sqrt(torch.mean({0} ** 2, dim=-1))"})
logaddexp = operation("logaddexp", "m n, m n -> m n", code={"": "{lib}.logaddexp({0}, {1})"})
eye = "{lib}.eye({0}.shape[0], dtype={0}.dtype)"
cayley = operation("cayley", "n n -> n n", code={"": f"{{lib}}.linalg.solve({eye} - {{0}}, {eye} + {{0}})"})
hardtanh = elementwise("hardtanh", code={"": "{lib}.clip({0}, -1, 1)", "torch": "torch.clamp({0}, -1, 1)"})
""",
    "rules.py and scalar_functions.py, the rule": r"""
from derive import scalar_functions
inside = lambda A: hadamard(step(A + ones(*A.shape)), step(ones(*A.shape) - A))
scalar_functions.DERIVATIVES += ((hardtanh, inside, None, "[DLMF] 1"),)
from derive.rules import rule
share = lambda A: power(dimension(A.shape[1]) * rms(A), -1)
rule(rms, differential=lambda dA, A: hadamard(row_sums(hadamard(A, dA)), share(A)),
     pullback=(lambda G, A: hadamard(matmul(hadamard(G, share(A)), ones(A.shape[1]).T), A),), source="[MN] 8")
rule(logaddexp, differential=lambda dA, dB, A, B: hadamard(sigmoid(A - B), dA) + hadamard(sigmoid(B - A), dB),
     pullback=(lambda G, A, B: hadamard(sigmoid(A - B), G), lambda G, A, B: hadamard(sigmoid(B - A), G)),
     source="[BV] 3.1")
left, right = lambda A: inv(identity(A.shape[0]) - A), lambda A: cayley(A) + identity(A.shape[0])
rule(cayley, differential=lambda dA, A: left(A) @ dA @ right(A),
     pullback=(lambda G, A: left(A).T @ G @ right(A).T,), where="I − A invertible", source="[MN] 8")
""",
    "evaluation.py, the value": r"""
import numpy as np
from derive.evaluation import VALUES
VALUES["rms_row"] = lambda values, node, sizes: np.sqrt((values[0] ** 2).mean(1, keepdims=True))
VALUES["logaddexp"] = lambda values, node, sizes: np.log(np.exp(values[0]) + np.exp(values[1]))
VALUES["cayley"] = lambda values, node, sizes: np.linalg.solve(
    np.eye(len(values[0])) - values[0], np.eye(len(values[0])) + values[0])
VALUES["hardtanh"] = lambda values, node, sizes: np.where(
    values[0].real > 1, 1, np.where(values[0].real < -1, -1, values[0]))
""",
}
ANSWERED = r"""
import importlib.util, inspect
import derive
from derive.numeric import random_point
from tests.test_complete import BACKENDS, NEEDS, _array, values_by_name
called = lambda f, given: f(**{name: given[name] for name in inspect.signature(f).parameters})
LOSSES = {  # by X: the loss, the box, the operation alone
    "½‖rms_row(A X) − b‖²": ("Aᵀ ((𝟏 − b ⊘ rms_row(A X)) 𝟏ᵀ ⊙ A X) / n", "rms_row(X)"),
    "½‖logaddexp(A X, B) − C‖²": ("Aᵀ (σ(A X − B) ⊙ (logaddexp(A X, B) − C))", "logaddexp(X, Y)"),
    "tr(B cayley(X C))": ("(I − X C)⁻ᵀ Bᵀ (I + cayley(X C)ᵀ) Cᵀ", "cayley(X)"),
    "½‖hardtanh(A X) − B‖²": ("Aᵀ ((hardtanh(A X) − B) ⊙ step(A X + 𝟏) ⊙ step(𝟏 − A X))", "hardtanh(X)"),
}
for loss, (box, alone) in LOSSES.items():
    d = derive.gradient(loss, "X", "A: m×k, X: k×n" if "A" in loss else "B, C, X: n×n")
    assert d.boxed.text() == box and d.verify(1) < 1e-8 and d.text(), d.boxed.text()
    assert derive.jacobian(alone, "X").verify(1) < 1e-8
    assert derive.hvp(loss, "X", "D", "A: m×k, X: k×n, D: k×n" if "A" in loss else "B, C, D, X: n×n").verify(1) < 1e-8
    f = derive.parse(alone)
    assert derive.parse(f.text()) is f is derive.parse(f.latex()) and derive.parse(f.to_sympy()) is f
    assert derive.equal(alone, alone.replace("X", "X + X − X")) == "proved"
    point = random_point([d.loss, d.result], 1)
    for backend in set(BACKENDS) - {"c"}:
        if importlib.util.find_spec(NEEDS.get(backend, "numpy")) is None:
            continue
        given = {name: _array(backend, value) for name, value in values_by_name(point).items()}
        slope = np.asarray(called(d.function(backend), given))
        assert np.allclose(slope, point.evaluate(d.result), rtol=1e-9), (loss, backend)
    given = values_by_name(point)
    many = called(d.function(batch="X"), given | {"X": np.stack([given["X"]] * 2)})
    assert np.allclose(many, 2 * point.evaluate(d.result), rtol=1e-9)
    sizes = ", ".join(f"{s.name}: {s.shape[0]}×{s.shape[1]}" for s in point.values)
    for factor, verdicts in ((1, ("proved", "conditional")), (-1, ("fails",))):
        claim = (factor * d.boxed).latex()
        text = rf"$L = {d.loss.latex()}$" + "\n\n" + rf"$\frac{{\partial L}}{{\partial X}} = {claim}$"
        assert derive.check(text, sizes).lines[-1].verdict in verdicts, (loss, factor)
"""


def test_a_linear_operation_is_its_adjoint_its_value_and_its_templates():
    """Two files: declared with its adjoint, it has a rule and a name, and is read, derived, printed and checked."""
    subprocess.run([sys.executable, "-c", TURNED + LINEAR], check=True)


def test_an_operation_is_at_most_three_files():
    """Its name and templates, its rule, its value: it is read, derived, printed, checked, and runs everywhere."""
    assert len(FILES) == 3
    subprocess.run([sys.executable, "-c", "".join(FILES.values()) + ANSWERED], check=True)


@pytest.mark.parametrize("file", list(FILES)[1:])
def test_an_operation_without_one_of_its_files_is_found(file):
    text = "".join(text for name, text in FILES.items() if name != file)
    found = subprocess.run(
        [sys.executable, "-c", text + "import numpy as np" + ANSWERED], capture_output=True, text=True
    )
    assert found.returncode and "rms_row" in found.stderr


def test_a_scalar_function_is_its_name_and_its_derivative():
    """A line in two modules, and it is read, derived, printed, computed, checked and written in every dialect."""
    subprocess.run([sys.executable, "-c", ADDED + ASKED], check=True)


def _array(backend: str, value: object) -> object:
    if isinstance(value, int):
        return value
    if backend == "torch":
        import torch

        return torch.tensor(value, dtype=torch.float64)
    if backend == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
        return jax.numpy.asarray(value)
    return value
