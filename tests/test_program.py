"""Programs: what they cost, what they share, and what they never form."""

from __future__ import annotations

import inspect
from fractions import Fraction

import numpy as np
import pytest

import derive
from derive import program
from derive.expr import identity, number, ones, symbol
from derive.operations import hadamard, inner, inv, logdet, matmul, mul, sq_norm, sum_entries, trace
from derive.programs.costs import Cost, SampleSizes
from derive.shapes import ONE, Dim

W, x = symbol("W", "m", "n"), symbol("x", "n")


def kinds(made, *outputs):
    return [value.kind for value in (made.needed(*outputs) if outputs else made.order) if value.kind != "input"]


def test_the_flagship_costs_what_the_hand_written_program_costs():
    made = derive.gradient("½‖WᵀWx − x‖²", "W").program
    assert made.flops.expression == "10 m n + n"
    assert kinds(made) == ["product", "product", "sum", "product", "stack"]
    assert made.largest == (Dim.of("m"), Dim.of("n"))


def test_the_cost_of_fixed_sizes_is_a_number():
    made = derive.gradient("½‖WᵀWx − x‖²", "W", where="W: 3×5, x: 5").program
    assert made.flops.value == 155
    assert derive.gradient("½‖WᵀWx − x‖²", "W").program.flops.value is None


def test_a_product_is_never_dearer_than_from_left_to_right():
    made = derive.gradient("½‖WᵀWx − x‖²", "W").program
    sizes = {"m": 30, "n": 70}
    assert made.flops.evaluate(sizes) < made.naive.evaluate(sizes)


def test_a_vector_at_the_end_makes_every_product_a_matrix_times_a_vector():
    A, B, C = symbol("A", "n", "n"), symbol("B", "n", "n"), symbol("C", "n", "n")
    made = program.compile({"value": matmul(A, B, C, symbol("y", "n"))})
    assert made.flops.expression == "6 n²"


@pytest.mark.parametrize(
    "sizes, expected",
    [((10, 1000, 2, 500), 60000), ((500, 2, 1000, 10), 60000), ((7, 7, 7, 7), 4 * 7**3), ((3, 50, 4, 60), 2640)],
)
def test_chains_are_cut_as_the_textbook_does(sizes, expected):
    factors = [symbol(f"A_{i}", a, b) for i, (a, b) in enumerate(zip(sizes, sizes[1:]))]
    p, q, r, s = sizes
    best = min(2 * (p * q * r + p * r * s), 2 * (q * r * s + p * q * s))
    assert best == expected
    assert program.compile({"value": matmul(*factors)}).flops.value == best


def test_size_hints_decide_where_the_order_depends_on_them():
    A, B, C = symbol("A", "m", "n"), symbol("B", "n", "m"), symbol("C", "m", "n")
    wide = program.compile({"value": matmul(A, B, C)}, [(Dim.of("m"), "<", Dim.of("n"))])
    tall = program.compile({"value": matmul(A, B, C)}, [(Dim.of("n"), "<", Dim.of("m"))])
    at = {"m": 2, "n": 100}
    assert wide.flops.evaluate(at) < tall.flops.evaluate(at)


def test_a_matrix_and_its_transpose_are_the_same_data():
    A, B = symbol("A", "m", "n"), symbol("B", "n", "p")
    made = program.compile({"one": matmul(A, B), "other": matmul(B.T, A.T)})
    assert kinds(made) == ["product"]


def test_an_outer_product_in_a_chain_is_never_formed():
    A, y = symbol("A", "n", "n"), symbol("y", "n")
    made = program.compile({"value": matmul(x, x.T, A, y)})
    assert max(len([d for d in v.shape if d != 1]) for v in made.order if v.kind != "input") == 1


def test_traces_are_contracted_without_forming_the_product():
    A, B = symbol("A", "m", "n"), symbol("B", "n", "m")
    made = program.compile({"value": trace(matmul(A, B))})
    assert kinds(made) == ["contraction"] and made.flops.expression == "2 m n"
    assert kinds(program.compile({"value": inner(A, B.T)})) == ["contraction"]


def test_diagonal_matrices_and_ones_are_broadcast_and_summed():
    v, A = symbol("v", "m"), symbol("A", "m", "n")
    diagonal = derive.parse("diag(v) A x", where="v: m, A: m×n, x: n")
    assert "Diag" not in kinds(program.compile({"value": diagonal}))
    sums = program.compile({"value": sum_entries(matmul(A, ones("n", "p")))})
    assert "product" not in kinds(sums)
    assert kinds(program.compile({"value": matmul(A, ones("n"))})) == ["row_sums"]
    assert kinds(program.compile({"value": sum_entries(hadamard(v, v))})) == ["sq_norm"]


def test_one_cholesky_factor_serves_all():
    S, u = symbol("S", "n", "n", ["spd"]), symbol("u", "n")
    outputs = {"value": mul(number(Fraction(1, 2)), logdet(S)) + u.T @ inv(S) @ u, "inverse": inv(S)}
    made = program.compile(outputs, has_triangular_solve=True)
    assert kinds(made).count("cholesky") == 1 and "inverse" not in kinds(made)


def test_an_inverse_that_is_not_the_result_is_a_solve():
    A, b = symbol("A", "n", "n"), symbol("b", "n")
    assert kinds(program.compile({"value": inv(A) @ b})) == ["solve"]
    assert "inverse" in kinds(program.compile({"value": inv(A)}))


def test_like_terms_and_rank_one_terms_merge():
    y, z = symbol("y", "m"), symbol("z", "n")
    assert kinds(program.compile({"value": matmul(y, x.T) + matmul(y, z.T)})) == ["sum", "outer"]
    assert kinds(program.compile({"value": matmul(y, x.T) + matmul(W @ x, z.T)})) == ["product", "stack"]


def test_a_shared_product_of_deep_layers_is_computed_once():
    formula = "½‖W1ᵀW2ᵀW2W1X − X‖²"
    where = "W1: a×n, W2: b×a, X: n×B, b < a, a < n, a < B"
    made = derive.gradient(formula, "W1", where=where).program
    by_hand = 2 * (40 * 50 * 200 + 20 * 40 * 200) * 5
    assert made.flops.evaluate({"a": 40, "b": 20, "n": 50, "B": 200}) < by_hand


def test_cost_stays_linear_in_the_length_of_a_chain():
    counts = []
    for length in (20, 40):
        A = symbol("A", "n", "n")
        made = program.compile({"value": matmul(*[A] * length, x)})
        counts.append(len(made.order))
    assert counts[1] <= 2 * counts[0] + 2


def test_costs_are_polynomials():
    n = Dim.of("n")
    cost = Cost.of(Fraction(1, 3), n, n, n) + Cost.of(2, n, Dim.of("m"))
    assert str(cost) == "⅓ n³ + 2 m n" and cost.evaluate({"n": 3, "m": 5}) == 39


def test_samples_respect_hints():
    sizes = SampleSizes(["m", "n"], [(Dim.of("m"), "<", Dim.of("n"))])
    assert sizes.samples and all(sample["m"] < sample["n"] for sample in sizes.samples)


def test_the_identity_in_a_sum_is_no_matrix_product():
    made = program.compile({"value": sq_norm(W.T @ W - identity("n"))})
    assert made.flops.evaluate({"m": 10, "n": 10}) == 2 * 10**3 + 2 * 10**2 + 10


@pytest.mark.parametrize(
    "formula, where",
    [
        ("‖diag(D AᵀA Dᵀ) − t‖²", "D: N×n, A: k×n, t: N, k < n, n < N"),
        ("sum(exp(diag(D AᵀA Dᵀ)))", "D: N×n, A: k×n, k < n, n < N"),
        ("tr(A D diag(t) Dᵀ Aᵀ)", "D: n×N, A: k×n, t: N, k < n, n < N"),
    ],
)
def test_a_diagonal_of_a_product_forms_no_product(formula, where):
    made = derive.gradient(formula, "A", where).program
    sizes = {"N": 1000, "n": 20, "k": 3}
    assert (
        max(rows.evaluate(sizes) * columns.evaluate(sizes) for rows, columns in [v.shape for v in made.order]) <= 20000
    )
    assert made.flops.evaluate(**sizes) < 12 * 1000 * 20 * 3


def test_a_planted_product_would_be_seen(monkeypatch):
    from derive.programs.lowering import Lowering

    monkeypatch.setattr(Lowering, "diagonal", lambda self, term: self.made("diagonal", (term,), (term.shape[0], ONE)))
    with pytest.raises(AssertionError):
        test_a_diagonal_of_a_product_forms_no_product("‖diag(D AᵀA Dᵀ) − t‖²", "D: N×n, A: k×n, t: N, k < n, n < N")


def test_row_sums_of_a_product_form_it_only_where_it_is_needed():
    anyway = derive.gradient("yᵀ ((A ⊙ B) 𝟏) + ‖C − A ⊙ B‖²", "C", "A, B: m×n").source()
    assert "einsum" not in anyway.split("def value(")[1].split("\ndef ")[0]
    alone = derive.gradient("yᵀ ((A ⊙ B) 𝟏)", "y", "A, B: m×n").source()
    assert "einsum" in alone


def test_an_array_is_overwritten_after_its_last_use(monkeypatch):
    import numpy as np

    from derive.programs.reuse import Reuse

    def results():
        f = derive.gradient("½‖M ⊙ (U Vᵀ − R)‖²", "U", "U: m×k, V: n×k, M: m×n, R: m×n").function(
            returns="value_and_gradient"
        )
        rng = np.random.default_rng(0)
        U, V, M, R = (rng.standard_normal(shape) for shape in ((4, 2), (3, 2), (4, 3), (4, 3)))
        value, gradient = f(U=U, V=V, M=M, R=R)
        E = M * (U @ V.T - R)
        return f.source, np.isclose(value, 0.5 * (E * E).sum()) and np.allclose(gradient, (M * E) @ V)

    source, is_right = results()
    assert is_right and "M2_sq = np.vdot(M2, M2)\n    M2 *= M\n" in source
    # Without the reduction in time, the value is that of the overwritten array.
    monkeypatch.setattr(Reuse, "reductions", lambda self, value, body: [])
    assert not results()[1]


def body_of(formula, wrt, where, **options):
    source = derive.gradient(formula, wrt, where).source(**options)
    return source.split("def value_and_gradient(")[1].split("\ndef ")[0]


@pytest.mark.parametrize(
    ("formula", "is_eliminated"),
    [
        ("½ (x − y)ᵀ S⁻¹ (x − y)", True),  # one system, one vector
        ("½ (x − y)ᵀ S⁻¹ (x − y) + logdet(S) aᵀx", False),  # the factor gives the determinant as well
        ("(xᵀ S⁻¹ x) (yᵀ S⁻¹ x)", False),  # two vectors
    ],
)
def test_numpy_eliminates_where_a_factor_would_serve_once(formula, is_eliminated):
    body = body_of(formula, "x", "S: n×n spd, x, y, a: n")
    assert ("_solve(S, " in body) is is_eliminated and ("_cholesky(" in body) is not is_eliminated
    assert "_cholesky" in body_of(formula, "x", "S: n×n spd, x, y, a: n", backend="scipy")


def test_an_exponential_comes_from_its_root_and_a_sum_from_its_parts():
    body = body_of("½‖A (exp(S/2) ⊙ E) − X‖² + sum(exp(S))", "S", "S, E: n×p, A: m×n, X: m×p")
    assert body.count("np.exp(") == 1
    apart = body_of("½‖A (exp(S/3) ⊙ E) − X‖² + sum(exp(S))", "S", "S, E: n×p, A: m×n, X: m×p")
    assert apart.count("np.exp(") == 2
    ridge = body_of("½‖K a − y‖² + (c/2) aᵀK a", "a", "K: n×n symmetric, a, y: n, c: scalar")
    assert "    r += (0.5 * c) * a" in ridge and ridge.count("- y") == 1


@pytest.mark.parametrize(
    ("formula", "wrt", "call"),
    [
        ("sum(softplus(−y ⊙ (X w)))", "w", "_softplus_and_sigmoid(r)"),
        ("logsumexp(A x) − yᵀ A x", "x", "_logsumexp_and_softmax(Ax)"),
        ("sum(logsumexp_row(X W)) − sum(Y ⊙ (X W))", "W", "_row_logsumexp_and_softmax(XW)"),
    ],
)
def test_a_function_and_its_derivative_share_their_exponentials(formula, wrt, call):
    derivation = derive.gradient(formula, wrt)
    body = derivation.source().split("def value_and_gradient(")[1].split("\ndef ")[0]
    assert call in body and derivation.verify() < 1e-6
    alone = derivation.source().split("def gradient(")[1].split("\ndef ")[0]
    assert "_and_" not in alone
    f, g = (derivation.function(backend, returns="value_and_gradient") for backend in ("numpy", "scipy"))
    for scale in (1.0, 1e3):  # past what exponentials hold
        given = drawn_for(derivation, scale)
        for a, b in zip(f(**given), g(**given), strict=True):
            assert np.isfinite(a).all() and np.allclose(a, b, rtol=1e-12, atol=0)


def drawn_for(derivation, scale):
    from derive.expr import symbols_of
    from derive.numeric import random_point

    point = random_point([derivation.loss, derivation.result], 3)
    return {
        s.name: scale * (v[:, 0] if s.is_vector else v)
        for s, v in point.values.items()
        if s in symbols_of(derivation.loss)
    }


def test_the_gradient_by_a_bias_sums_the_array_that_the_weights_need():
    """(W₂ Rᵀ ⊙ Sᵀ) 𝟏 is a sum over the rows of R W₂ᵀ ⊙ S, which is there."""
    layers = derive.gradient("½‖relu(X W + 𝟏 bᵀ) V − Y‖²", ["W", "b"], "X: m×n, W: n×h, b: h, V: h×k, Y: m×k")
    body = layers.source().split("def gradient(")[1].split("\ndef ")[0]
    assert ".sum(axis=0)" in body and "einsum" not in body and layers.verify() < 1e-6


CLASSIFIER = "1/N (sum(logsumexp_row(tanh(X W + 𝟏 bᵀ) V + 𝟏 aᵀ)) − tr(Yᵀ (tanh(X W + 𝟏 bᵀ) V + 𝟏 aᵀ)))"


@pytest.mark.parametrize("extra", ["", " + c/2 ‖W‖²"])
def test_a_factor_of_all_gradients_multiplies_the_smallest_array(extra):
    where = (
        "X: N×n, W: n×h, b: h, V: h×k, a: k, Y: N×k, c: scalar"
        if extra
        else "X: N×n, W: n×h, b: h, V: h×k, a: k, Y: N×k"
    )
    d = derive.gradient(CLASSIFIER + extra, ["W", "b", "V", "a"], where)
    lines = d.source().split("def gradient(")[1].split("\ndef ")[0]
    assert lines.count("/= N") == 1 and "/= N  # (−Y + softmax_row" in lines
    assert max(d.errors().values()) < 1e-6


@pytest.mark.parametrize(
    "formula, wrt, where",
    [
        ("c ‖A X − B‖²", ["A", "X"], "A: m×n, X: n×p, B: m×p, c: scalar"),
        ("1/m ‖X w + b 𝟏 − y‖²", ["w", "b"], "X: m×n, b: scalar"),
        ("c log det(A S Aᵀ + B)", ["A", "B"], "A: m×n, S: n×n spd, B: m×m spd, c: scalar"),
        ("1/N sum(exp(A B) ⊙ C)", ["A", "B", "C"], "A: m×k, B: k×n, N: scalar"),
        ("(aᵀ X b)² / c + (aᵀ b)/c", ["a", "b"], "X: n×n, c: scalar"),
        ("c ‖W₂ tanh(W₁ x) − y‖² + c tr(W₁ᵀ W₁)", ["W₁", "W₂"], "c: scalar"),
    ],
)
def test_moved_factors_change_no_gradient(formula, wrt, where):
    assert max(derive.gradient(formula, wrt, where).errors().values()) < 1e-6


def test_moving_a_factor_computes_nothing_twice(monkeypatch):
    formula = "Z = X E; A = softmax_row(Z Q (Z K)ᵀ / sqrt(k)); R = Z + A Z V; z = U Rᵀ 𝟏 / n; logsumexp(z) − yᵀ z"
    given = formula, "E, Q, K, V", "X: n×m, E: m×d, Q, K: d×k, V: d×d, U: q×d, y: q, 𝟏ᵀy = 1"
    d = derive.gradient(*given)
    moved = len(d.program.order)
    monkeypatch.setattr("derive.programs.lowering.moved", lambda graph, roots, cost: roots)
    assert moved <= len(derive.gradient(*given).program.order) + 1  # the array that is multiplied
    assert max(d.errors().values()) < 1e-6


def test_the_cotangent_of_softmax_rows_is_one_array():
    """P ⊙ (dP − rowsum(dP ⊙ P)), as it is written by hand."""
    d = derive.gradient("½‖softmax(Q Kᵀ / sqrt(d)) V − Y‖²", "Q", "Q: n×d, K: m×d, V: m×p, Y: n×p")
    body = d.source().split("def gradient(")[1].split("\ndef ")[0]
    assert body.count(" = np.einsum(") == 1 and body.count("[:, None]") == 1 and body.count(" *= ") == 1
    assert "M = Q @ K.T" in body and "    M /= np.sqrt(" in body and "M = _row_softmax(M)" in body
    assert max(d.errors().values()) < 1e-6


def test_functions_of_fresh_arrays_are_written_into_them():
    source = derive.gradient("½‖V tanh(X W) − Y‖²", "V", "X: N×n, W: n×h, V: k×N").source()
    assert "M = X @ W" in source and "np.tanh(M, out=M)" in source
    assert "out=X" not in derive.gradient("sum(tanh(X))²", "X").source()
    again = derive.gradient("sum(tanh(A B) ⊙ (A B))", "A", "A: m×k, B: k×n")  # A B is read after the function
    assert "out=AB" not in again.source() and max(again.errors().values()) < 1e-6


@pytest.mark.parametrize("workspace", [False, True])
def test_equal_derivatives_are_arrays_of_their_own(workspace):
    rng = np.random.default_rng(0)
    given = {"X": rng.random((3, 3)), "B": rng.random((3, 3)), "b": rng.random(3)}
    made = derive.gradient("bᵀ (X + Bᵀ) b", ["X", "B"], "X, B: n×n, b: n").function(workspace=workspace)(**given)
    assert all(np.allclose(each, np.outer(given["b"], given["b"])) for each in made)
    assert not np.shares_memory(*made)


@pytest.mark.parametrize("formula", ["sum(softmax_col(A B) ⊙ C)", "sum(logsumexp_col(A B))"])
def test_the_softmax_of_columns_of_a_square_matrix_turns_it(formula):
    assert max(derive.gradient(formula, "A", "A, B, C: n×n").errors().values()) < 1e-6


def test_rows_are_scaled_in_an_array_of_the_program():
    source = derive.gradient("‖diag(D Aᵀ A Dᵀ) − t‖²", "A", "D: N×n, A: k×n, t: N").source()
    assert "DAt *= r[:, None]" in source and "D * r" not in source


# The expressions of "Benchmarking the Linear Algebra Awareness of TensorFlow and PyTorch" (Sankaran, Alashti,
# Psarras & Bientinesi 2022), each with the operations of its reference: products of n × n matrices count 2 n³.
# Of a triangular matrix, of A Aᵀ and of a tridiagonal one the reference is a kernel of BLAS of its own.
AWARENESS = [
    ("A B", "2 n³"),
    ("Aᵀ B + Aᵀ B", "2 n³ + n²"),
    ("(Aᵀ B)ᵀ (Aᵀ B)", "4 n³"),
    ("(Aᵀ B)ᵀ Aᵀ B", "4 n³"),
    ("Hᵀ H x", "4 n²"),
    ("yᵀ Hᵀ H", "4 n²"),
    ("Hᵀ y xᵀ H", "5 n²"),
    ("D B", "n²"),
    ("D⁻¹ B", "n² + n"),
    ("A B + A C", "2 n³ + n²"),
    ("A B + C B", "2 n³ + n²"),
    ("(A − Hᵀ H) x", "6 n² + n"),
    ("A x − Hᵀ (H x)", "6 n² + n"),
    ("(A + B)_{22}", "2"),
    ("(A B)_{22}", "2 n"),
    (r"\begin{pmatrix} A & 0 \\ 0 & C \end{pmatrix} \begin{pmatrix} B \\ H \end{pmatrix}", "4 n³ + 2 n²"),
]


@pytest.mark.parametrize("formula, reference", AWARENESS, ids=[formula for formula, _ in AWARENESS])
def test_expressions_cost_what_their_reference_kernels_do(formula, reference):
    loss = derive.parse(formula, where="A, B, C, H: n×n, D: n×n diagonal, x, y: n")
    assert program.compile({"value": loss}).flops.expression == reference


def test_what_is_written_otherwise_has_the_same_value():
    where = "A, B, C, H: n×n, D: n×n diagonal positive, x, y: n"
    formulas = """‖A B + A C‖²; ‖A B + C B − 2 H B‖²; ‖(A − Hᵀ H) x‖²; yᵀ (A + 3 B C) x; (A B + C)_{21} + x_2²;
        tr(C D B D⁻¹) + logdet(D); ½ xᵀ D x + ½ logdet(A D Aᵀ + D); ‖D x − y‖² + xᵀ D A D y"""
    for formula in formulas.split(";"):
        assert derive.gradient(formula, "x" if "x" in formula else "B", where=where).verify() < 1e-9


@pytest.mark.parametrize(
    "formula, cost",
    [
        ("½‖(A − Hᵀ H) x − y‖²", "12 n² + 3 n"),
        ("xᵀ (A − Hᵀ H) x", "8 n² + 3 n"),
        ("xᵀ (A + B C) (B + C A) y", "12 n² + 2 n"),
        ("sum((xᵀ (A − Hᵀ H)).^2)", "12 n² + 3 n"),
        ("‖(A + B C)ᵀ x‖² + xᵀ (A + B C) y", "18 n² + 5 n"),
        ("tr(D C B E)", "n² + n"),
        ("tr(diag(u) C B diag(v))", "n² + n"),
    ],
)
def test_derivatives_are_written_otherwise_too(formula, cost):
    where = "A, B, C, H: n×n, D, E: n×n diagonal, x, y, u, v: n"
    made = derive.gradient(formula, "x" if "x" in formula else "B", where=where)
    assert made.program.flops.expression == cost
    assert made.verify() < 1e-9


def test_of_many_terms_few_programs_are_made(monkeypatch):
    made = []
    compiled = program.compiled
    monkeypatch.setattr(program, "compiled", lambda *args, **options: made.append(1) or compiled(*args, **options))
    text = " + ".join(f"{a} {b} {c}" for a in "AB" for b in "ABC" for c in "ABCH")
    assert derive.gradient(f"tr({text})", "A", where="A, B, C, H: n×n").program.order
    assert len(made) < 12


def test_entries_and_halves_are_named_as_they_are_written():
    assert "e₁ᵀ A e₂" in derive.gradient("A_{12}^2 + tr(A)", "A", where="A: n×n").source()
    assert (
        '_cholesky(MtM, "X P Xᵀ")' in derive.gradient("logdet(X P Xᵀ)", "X", where="P: n×n diagonal positive").source()
    )


@pytest.mark.parametrize(
    ("formula", "is_factored"),
    [("X P Xᵀ", True), ("X diag(σ(v)) Xᵀ", True), ("X diag(v.^2) Xᵀ", False), ("X S Xᵀ", False), ("X Xᵀ + R", False)],
)
def test_what_may_well_be_singular_is_not_factored(formula, is_factored):
    where = "P: n×n diagonal positive, v: n, S: n×n psd, R: m×m psd, X: m×n"
    assert ("_cholesky(" in derive.gradient(f"logdet({formula})", "X", where=where).source()) is is_factored


def test_nothing_is_written_otherwise_for_a_part_that_is_needed_anyway():
    A, B, C = (symbol(name, "n", "n") for name in "ABC")
    made = program.compile({"one": matmul(A, B), "other": matmul(A, B) + matmul(A, C)})
    assert made.flops.expression == "4 n³ + n²"


def test_value_and_gradient_share_the_weighted_residual():
    made = derive.gradient("½ (X w − y)ᵀ diag(s) (X w − y)", "w", where="X: m×n")
    lines = made.source().split("def value_and_gradient")[1].split("\n\n\n")[0]
    assert lines.count("s * ") + lines.count("* s") + lines.count("*= s") == 1


@pytest.mark.parametrize("diagonal, wrts", [("diag(d)", "U y d"), ("s I", "U y s"), ("I", "U y")])
def test_a_diagonal_and_a_gram_matrix_are_inverted_by_the_smaller_size(diagonal, wrts):
    formula = f"yᵀ ({diagonal} + U Uᵀ)⁻¹ y + logdet(U Uᵀ + {diagonal})"
    where = "U: n×k, d: n positive, s: scalar, y: n, k < n"
    rng = np.random.default_rng(0)
    U, y, d, s = rng.normal(size=(7, 2)), rng.normal(size=7), rng.uniform(0.5, 2, 7), 1.5
    D = {"diag(d)": np.diag(d), "s I": s * np.eye(7), "I": np.eye(7)}[diagonal]
    P = np.linalg.inv(D + U @ U.T)
    G = P - np.outer(P @ y, P @ y)
    wanted = {"U": 2 * G @ U, "y": 2 * P @ y, "d": G.diagonal(), "s": np.trace(G)}
    given = {"U": U, "y": y, "d": d, "s": s}
    for wrt in wrts.split():
        gradient = derive.gradient(formula, wrt, where)
        assert not {"n²", "n³"} & set(gradient.program.flops.expression.split())
        f = gradient.function(returns="value_and_gradient")
        value, got = f(**{name: given[name] for name in inspect.signature(f).parameters})
        np.testing.assert_allclose(value, y @ P @ y - np.linalg.slogdet(P)[1], rtol=1e-12)
        np.testing.assert_allclose(got, wanted[wrt], rtol=1e-11)


@pytest.mark.parametrize("where", ["U: n×k, d: n, y: n, k < n", "U: n×k, d: n positive, y: n, n < k"])
def test_a_diagonal_that_may_vanish_is_no_divisor(where):
    gradient = derive.gradient("yᵀ (diag(d) + U Uᵀ)⁻¹ y", "y", where)
    assert "n³" in gradient.program.flops.expression
    d, U = np.array([0.0, 1, 2]), np.array([[1.0, 0, 2], [0, 1, 1], [1, 1, 0]])
    np.testing.assert_allclose(gradient.function()(d=d, U=U, y=d), 2 * np.linalg.solve(np.diag(d) + U @ U.T, d))
