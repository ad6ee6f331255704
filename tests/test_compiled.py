"""Generated C against central differences and NumPy: compiled, called from Python and from C."""

from __future__ import annotations

import inspect
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import derive
from derive.compiled import extension, kernels
from derive.errors import DeriveError
from derive.numeric import numeric_gradient, random_point

from .optional import COMPILER, has, needs
from .test_codegen import public

FULL = bool(os.environ.get("DERIVE_FULL"))
compiles = needs(*COMPILER)
STRICT = "-std=c11 -pedantic -Wall -Wextra -Werror -Wno-unknown-pragmas".split()

FORMULAS = [
    ("gradient", "½‖WᵀWx − x‖²", "W", ""),
    ("gradient", "‖X w − y‖² + λ ‖w‖²", "w", ""),
    ("gradient", "sum(softplus(−Y ⊙ (X W)))", "W", ""),
    ("gradient", "logdet(S) + tr(S⁻¹ A)", "S", "S: n×n spd"),
    ("gradient", "tr(M A⁻¹ B) + log det(AᵀA)", "A", ""),
    ("gradient", "tr((XᵀX + λ I)⁻¹ C)", "X", "λ: scalar positive"),
    ("gradient", "log(𝟏ᵀ exp(A x + b))", "x", ""),
    ("gradient", "‖x‖³ + sum(max(x, 0)) + ‖x‖₁", "x", ""),
    ("gradient", "tr((A ⊗ B)ᵀ C)", "A", "A: m×n, B: p×q, C: m p × n q"),
    ("gradient", "⟨G, softmax(Q Kᵀ/√d) V⟩", "Q", ""),
    ("gradient", "½‖W_2 tanh(W_1 x + b) − y‖²", ["W_1", "b", "W_2"], ""),
    ("jacobian", "softmax(W x + b)", "x", ""),
    ("jacobian", "softmax(W x + b)", "W", ""),
    ("gradient", "sum(exp([xᵀ, yᵀ]) + (xᵀ ⊗ yᵀ) B)", "x", "x: m, y: n"),
    ("hessian", "logsumexp(A x) + ½ xᵀ B x", "x", ""),
    ("hvp", "sum(σ(X w))", "w", ""),
    ("differential", "tr(A X B)", None, ""),
]


def made(kind, formula, wrt, where):
    given = {} if wrt is None else {"wrt": wrt}
    extra = {"direction": "v"} if kind == "hvp" else {}
    return getattr(derive, kind)(formula, where=where or None, **given, **extra)


def drawn(derivation, seed=1):
    """A point, and its values as the arguments of the generated functions."""
    extra = [part.direction for part in derivation.parts if part.direction is not None]
    point = random_point([derivation.loss, *(p.result for p in derivation.parts), *derivation.variables, *extra], seed)
    values = {derive.names.identifier(s.name): public(value, s) for s, value in point.values.items()}
    parameters = inspect.signature(derivation.function()).parameters
    return point, [values.get(name, point.sizes.get(name)) for name in parameters]


def alike(got, wanted, tolerance=1e-10):
    got, wanted = np.asarray(got), np.asarray(wanted)
    return got.shape == wanted.shape and np.allclose(got, wanted, rtol=tolerance, atol=tolerance)


@compiles
@pytest.mark.parametrize("formula", FORMULAS, ids=lambda row: row[1])
def test_compiled_functions_compute_what_the_witness_does(formula):
    derivation = made(*formula)
    point, values = drawn(derivation)
    found = derivation.function("c")(*values)
    plain = derivation.function()(*values)
    parts = derivation.parts
    for part, got, wanted in zip(parts, found, plain, strict=True) if len(parts) > 1 else [(parts[0], found, plain)]:
        assert alike(got, wanted)
        if derivation.kind == "gradient":
            slope = numeric_gradient(derivation.loss, part.wrt, point)
            assert np.allclose(np.ravel(got), np.ravel(slope), rtol=1e-5, atol=1e-5)
    assert alike(derivation.function("c", returns="value")(*values), derivation.function(returns="value")(*values))


BATCHES = [
    ("½‖W_2 tanh(W_1 x) − y‖²", ["W_1", "W_2"], "x, y"),
    ("½‖WᵀWx − x‖²", ["W"], "x"),
    ("softplus(−t wᵀx)", ["w"], "x, t"),
]


@compiles
@pytest.mark.parametrize("formula, wrt, batch", BATCHES)
def test_sums_over_samples(formula, wrt, batch):
    derivation = derive.gradient(formula, wrt if len(wrt) > 1 else wrt[0], where="t: scalar" if "t" in batch else None)
    given = drawn(derivation)[1]
    names = list(inspect.signature(derivation.function()).parameters)
    rng = np.random.default_rng(0)
    stacked = [rng.standard_normal((7, *np.shape(v))) if n in batch else v for n, v in zip(names, given, strict=True)]
    value, gradient = derivation.function("c", returns="value_and_gradient", batch=batch)(*stacked)
    one = derivation.function(returns="value_and_gradient")
    each = [one(*(v[i] if n in batch else v for n, v in zip(names, stacked, strict=True))) for i in range(7)]
    assert alike(value, sum(value for value, _ in each))
    for k, got in enumerate(gradient if len(wrt) > 1 else [gradient]):
        assert alike(got, sum(slope[k] if len(wrt) > 1 else slope for _, slope in each))


BLOCKS = [
    ("gradient", "½‖M ⊙ (U Vᵀ − R)‖² + ½c‖U‖²", "U", "M: m×n, c: scalar"),
    ("gradient", "½‖M ⊙ (U Vᵀ − R)‖² + ½c‖V‖²", "V", "M: m×n, c: scalar"),
    ("gradient", "½‖W (M + exp(½ S) ⊙ E) − X‖² + ½ (sum(exp(S)) + ‖M‖² − sum(S))", "S", "M: k×N, E: k×N"),
    ("gradient", "−sum(Y ⊙ log(softmax_row(X W + 𝟏 bᵀ)))", ["W", "b"], "Y: N×c, b: c"),
    ("gradient", "sum(softplus(−y ⊙ (X w))) / sum(y) + ‖w‖²", "w", ""),
    ("gradient", "‖tanh(X W) V − Y‖ / ‖X W‖²", ["W", "V"], ""),
    ("gradient", "sum((X W) ⊙ exp(−X W) ⊙ Y)", "Y", ""),
    ("gradient", "mean(max(τ (y − X w), (τ − 1)(y − X w)))", "w", "τ: scalar"),
]


@pytest.fixture
def two_rows(monkeypatch):
    """Blocks of two rows, so that small arrays have several and the last one is smaller."""
    source = kernels.HELPERS["block_rows"]
    small = source.replace("fit < 128 ? 128 : fit", "fit < 2 ? fit : 2")
    assert small != source
    monkeypatch.setitem(kernels.HELPERS, "block_rows", small)


@compiles
@pytest.mark.parametrize("formula", BLOCKS, ids=lambda row: row[1])
def test_some_rows_at_a_time_give_what_all_of_them_do(formula, two_rows, monkeypatch):
    monkeypatch.setenv("CFLAGS", "-O0")  # the order of the rows is the same, and the compiler is quick
    assert "first += span" in made(*formula).source("c")
    test_compiled_functions_compute_what_the_witness_does(formula)


@compiles
def test_a_sum_over_blocks_that_starts_anew_is_found(two_rows, monkeypatch):
    source = kernels.HELPERS["small_gemm"]
    assert "+ beta * row[s]" in source
    monkeypatch.setitem(kernels.HELPERS, "small_gemm", source.replace("+ beta * row[s]", ""))
    with pytest.raises(AssertionError):
        test_compiled_functions_compute_what_the_witness_does(BLOCKS[1])


def test_arrays_that_the_rows_meet_are_as_large_as_a_block():
    source = made(*BLOCKS[0]).source("c")
    rooms = [line for line in source.splitlines() if "return (size_t)" in line]
    assert len(rooms) == 3 and all("block_rows(m, " in room and "m * n" not in room for room in rooms)


@compiles
def test_a_planted_error_is_found(monkeypatch):
    monkeypatch.setitem(kernels.HELPERS, "softplus", kernels.HELPERS["softplus"].replace("log1p", "sqrt"))
    with pytest.raises(AssertionError):
        test_compiled_functions_compute_what_the_witness_does(FORMULAS[2])


@compiles
@pytest.mark.parametrize("size", [0, 1, 47, 48, 49, 131])
def test_factors_of_every_size(size):
    """Blocks of 48 columns: below, at and above the edges; with the BLAS of SciPy and without."""
    rng = np.random.default_rng(size)
    A = rng.standard_normal((size, size))
    S = A @ A.T + size * np.eye(size)
    x = rng.standard_normal(size)
    spd = derive.gradient("logdet(S) + xᵀ S⁻¹ x", "S", where="S: n×n spd")
    general = derive.gradient("log det(A) + xᵀ A⁻¹ x", "A")
    for derivation, matrix in ((spd, S), (general, A + 3 * np.eye(size))):
        wanted = derivation.function()(matrix, x)
        assert alike(derivation.function("c")(matrix, x), wanted, 1e-8)


CORNERS = [0.0, -0.0, 1e-300, -1e-160, 1e200, -1e200, 750.0, -750.0, 37.0, -37.0, np.nan]


@compiles
@pytest.mark.parametrize(
    "formula",
    ["sum(sqrt(1 + x.^2))", "sum(softplus(x))", "sum(σ(x))", "log(sum(exp(x)))", "‖x‖", "sum(tanh(x))", "‖x‖₁",
     "sum(max(x, 0))", "sum(log(exp(x) + exp(−x)))"],
)  # fmt: skip
def test_extreme_values_give_what_numpy_gives(formula):
    derivation = derive.gradient(formula, "x")
    f, plain = (derivation.function(b, returns="value_and_gradient") for b in ("c", "numpy"))
    with np.errstate(all="ignore"):
        for x in [*([c, 0.5, -2.0] for c in CORNERS), [1e200, 1e-300, 3.0], [-1e160, -1e160, 0.0], [0.0] * 3]:
            for got, wanted in zip(f(np.array(x)), plain(np.array(x)), strict=True):
                np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-300)


@compiles
@pytest.mark.parametrize("size", [1, 3, 4, 5, 8, 9, 15, 17, 40])
def test_products_of_every_size(size):
    derivation = derive.gradient("½‖A X B − C‖²", "X", "A: m×n, X: n×p, B: p×q")
    rng = np.random.default_rng(size)
    for m, n, p, q in [(size, 3, 2, size + 1), (2, size, size + 2, 1), (size, size, size, size)]:
        values = {"A": (m, n), "X": (n, p), "B": (p, q), "C": (m, q)}
        given = {name: rng.standard_normal(shape) for name, shape in values.items()}
        residual = given["A"] @ given["X"] @ given["B"] - given["C"]
        assert alike(derivation.function("c")(**given), given["A"].T @ residual @ given["B"].T, 1e-12)


@compiles
def test_without_a_blas_the_loops_of_the_file_compute_the_same(monkeypatch):
    derivation = derive.gradient("tr(M A⁻¹ B) + ‖A B‖²", "A")
    rng = np.random.default_rng(0)
    A, M, B = (rng.standard_normal((70, 70)) for _ in range(3))
    wanted = derivation.function()(A, M, B)
    monkeypatch.setattr(extension, "blas", lambda: (None, None))
    assert alike(derivation.function("c")(A, M, B), wanted, 1e-6)


@compiles
def test_arguments_are_converted_and_checked_as_in_numpy():
    derivation = derive.gradient("‖X w − y‖² + λ ‖w‖²", "w")
    f, plain = derivation.function("c"), derivation.function()
    rng = np.random.default_rng(0)
    X, w, y = rng.standard_normal((5, 3)), rng.standard_normal(3), rng.standard_normal(5)
    wanted = plain(w, X, y, 0.5)
    assert alike(f(w, X, y, 0.5), wanted)
    assert alike(f(y=y, lam=0.5, w=w, X=X), wanted)
    assert alike(f(w.tolist(), np.asfortranarray(X), y[::-1][::-1], np.float64(0.5)), wanted)
    assert alike(f(w, X, y, 1), plain(w, X, y, 1))
    for wrong in ((w, X, y[:4], 0.5), (w[:, None], X, y, 0.5), (w, X, y, [0.5]), (w + 1j, X, y, 0.5)):
        with pytest.raises(ValueError) as ours, np.errstate(all="ignore"):
            f(*wrong)
        with pytest.raises(ValueError) as theirs:
            plain(*wrong)
        assert str(ours.value) == str(theirs.value)
    for given, names in (((w, X, y), {}), ((w, X, y, 0.5, 1), {}), ((w, X, y), {"mu": 1}), ((w, X, y, 1), {"w": w})):
        with pytest.raises(TypeError):
            f(*given, **names)


@compiles
def test_sizes_that_no_array_has_are_arguments():
    f = derive.gradient("t² tr(I_n)", "t").function("c")
    assert f(2.0, 3) == f(2.0, np.int64(3)) == f(2.0, n=3) == 12
    for wrong in (-1, 10**30, 2.5, "3"):
        with pytest.raises(ValueError, match="n must be a size, not"):
            f(2.0, wrong)


@compiles
def test_what_fails_is_said_as_in_numpy():
    f = derive.gradient("tr(S⁻¹ A)", "S", where="S: n×n spd").function("c")
    with pytest.raises(ValueError, match="S is not positive definite"):
        f(-np.eye(3), np.eye(3))
    f = derive.gradient("tr(B⁻¹ A)", "B").function("c")
    with pytest.raises(ValueError, match="B is singular; expected an invertible matrix"):
        f(np.zeros((3, 3)), np.eye(3))
    assert np.isnan(f(np.full((3, 3), np.nan), np.eye(3))).all()
    f = derive.gradient("x_3^2", "x").function("c")
    with pytest.raises(ValueError, match=r"x must have shape \(n,\) with n at least 3, not \(2,\)"):
        f(np.ones(2))


@compiles
def test_results_belong_to_the_caller_and_threads_have_workspaces_of_their_own():
    f = derive.gradient("½‖W_2 tanh(W_1 x) − y‖²", "W_1").function("c")
    plain = derive.gradient("½‖W_2 tanh(W_1 x) − y‖²", "W_1").function()
    rng = np.random.default_rng(0)
    given = [[rng.standard_normal(s) for s in ((40, 30), (20, 40), (30,), (20,))] for _ in range(4)]
    wanted = [plain(*g) for g in given]
    first = f(*given[0])
    f(*given[1])
    assert alike(first, wanted[0])
    wrong = []

    def work(i):
        for _ in range(200):
            if not alike(f(*given[i]), wanted[i]):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@compiles
def test_a_function_pickles_and_is_compiled_once(monkeypatch):
    f = derive.gradient("½‖WᵀWx − x‖²", "W").function("c")
    monkeypatch.setattr(subprocess, "run", None)  # nothing is compiled again
    again = pickle.loads(pickle.dumps(f))
    W, x = np.ones((2, 3)), np.arange(3.0)
    assert alike(again(W, x), f(W, x))
    assert "int L_gradient(" in f.source and f.__name__ == "gradient" and "∂L/∂W" in f.__doc__


MAIN = """
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    const double W[6] = {1, -2, 0.5, 3, 0.25, -1}, x[3] = {1, 2, -1};
    double value = 0.0, result[6];
    double *work = malloc(L_value_and_gradient_work(2, 3) * sizeof *work);
    if (L_value_and_gradient(2, 3, W, x, &value, result, work)) return 1;
    printf("%.17g", value);
    for (int i = 0; i < 6; ++i) printf(" %.17g", result[i]);
    free(work);
    return 0;
}
"""


@pytest.mark.skipif(not has("a C compiler"), reason="a C compiler is not installed")
def test_the_file_stands_by_itself_in_c(tmp_path):
    derivation = derive.gradient("½‖WᵀWx − x‖²", "W")
    file = tmp_path / "main.c"
    file.write_text(derivation.source("c") + MAIN, encoding="utf-8")
    program = tmp_path / "main"
    sanitized = ["-fsanitize=address,undefined", "-fno-sanitize-recover"] if sys.platform == "linux" else []
    for flags in (["-O1", "-g", *sanitized], ["-O2"]):
        run = subprocess.run(
            [*extension.compiler(), *STRICT, *flags, str(file), "-o", str(program), "-lm"], check=False
        )
        if run.returncode == 0:
            break
    assert run.returncode == 0
    numbers = subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout.split()
    W, x = np.array([[1, -2, 0.5], [3, 0.25, -1]]), np.array([1.0, 2, -1])
    value, gradient = derivation.function(returns="value_and_gradient")(W, x)
    assert alike([float(n) for n in numbers], [value, *gradient.ravel()])


@pytest.mark.skipif(not has("a C compiler"), reason="a C compiler is not installed")
@pytest.mark.parametrize("formula", FORMULAS, ids=lambda row: row[1])
def test_files_compile_without_a_warning(formula, tmp_path):
    file = tmp_path / "derivation.c"
    file.write_text(made(*formula).source("c"), encoding="utf-8")
    command = [*extension.compiler(), *STRICT, "-fsyntax-only", str(file)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[:500]


def test_what_c_lacks_is_refused_by_name():
    for formula, message in (
        ("‖expm(W) X − Y‖²", "expm has no counterpart in c"),
        ("½‖φ(W x) − y‖²", "phi is a function of your own"),
    ):
        with pytest.raises(DeriveError, match=message):
            derive.gradient(formula, formula[formula.index("W")]).source("c")
    derivation = derive.gradient("½‖X w − y‖²", "w")
    with pytest.raises(DeriveError, match="c sums over the samples"):
        derivation.source("c", batch="y", per_sample=True)
    with pytest.raises(DeriveError, match="has no form over all of them"):
        derive.gradient("logdet(A + x xᵀ)", "A").source("c", batch="x")
    with pytest.raises(DeriveError, match="samples of D has no form over all of them"):
        derive.gradient("xᵀ D x", "x").source("c", batch="D")
    with pytest.raises(DeriveError, match="c has a workspace by itself"):
        derivation.function("c", workspace=True)
    with pytest.raises(DeriveError, match="there is no backend 'cuda'"):
        derivation.source("cuda")


def test_without_a_compiler_a_function_says_so(monkeypatch):
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("XDG_CACHE_HOME", "/nonexistent")
    derivation = derive.gradient("½‖X w − y‖²", "w")
    with pytest.raises(DeriveError, match="there is no C compiler"):
        derivation.function("c")
    assert "int L_gradient(" in derivation.source("c")


@compiles
def test_a_cache_that_cannot_be_written_is_done_without(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    (tmp_path / "file").write_text("no folder")
    assert Path(extension.cache()).is_dir()
    f = derive.gradient("xᵀ A x", "x").function("c")
    assert alike(f(np.ones(2), np.eye(2)), [2, 2])


@compiles
def test_the_cache_keeps_what_was_compiled_last(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(extension, "MAX_KEPT", 2)
    functions = [derive.gradient(f"{k} xᵀ x", "x").function("c") for k in (3, 5, 7)]
    assert len(list(extension.cache().glob("*.so"))) == 2
    assert [f(np.ones(1)).item() for f in functions] == [6, 10, 14]  # what was loaded runs on


@compiles
def test_what_another_process_forgets_or_another_processor_made_is_compiled_again(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made = []

    def compiled(text, target, *others):
        compile_file(text, target, *others)
        made.append(target)
        if len(made) == 1:
            target.unlink()

    compile_file = extension.compiled
    monkeypatch.setattr(extension, "compiled", compiled)
    derivation = derive.gradient("11 xᵀ x", "x")
    assert derivation.function("c")(np.ones(1)).item() == 22 and len(made) == 2
    monkeypatch.setattr(extension, "instructions", lambda: "another processor")
    assert derivation.function("c")(np.ones(1)).item() == 22 and len(set(made)) == 2


def test_arguments_have_the_names_of_the_numpy_function():
    """`alpha` and `k` are names of C's own, there and nowhere else."""
    d = derive.gradient("½‖A x − b‖² + alpha k sum(x)", "x")
    given = {"x": np.ones(2), "A": np.eye(2), "b": np.zeros(2), "alpha": 2.0, "k": 3.0}
    assert alike(d.function("c")(**given), d.function()(**given))
    assert d.function("c").__doc__.startswith("∂") and "alpha_" in d.source("c")
