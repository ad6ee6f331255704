"""Equality: exact where it can be, never by rounding, with its conditions; what it is as an object."""

from __future__ import annotations

import copy
import pickle
import random

import numpy as np
import pytest
import sympy

import derive
from derive import cli, expr, files
from derive.algebra import equality, proofs
from derive.algebra.proofs import proved
from derive.errors import DeriveError, ParseError
from derive.expr import symbol
from derive.shapes import Dim

# Near misses: equal to ten digits, or wherever a function saturates


@pytest.mark.parametrize(
    ("a", "b", "where"),
    [
        ("x + 1e-10", "x", "x: scalar"),
        ("x*(1 + 1/10^10)", "x", "x: n"),
        ("tr(A)", "tr(A') + 1e-9", "A: n×n"),
        ("x^64/10^40", "0", "x: scalar"),
        ("(1 + 1e-12) inv(A + B)", "inv(A + B)", "A, B: n×n"),
        ("tanh(1000x)", "sign(x)", "x: scalar"),
        ("sigmoid(1000x)", "step(x)", "x: scalar"),
        ("exp(-1000|x|)", "0", "x: scalar"),
        ("erf(30 + x²)", "1", "x: scalar"),
        ("logsumexp(1000x)/1000", "logsumexp(2000x)/2000", "x: n"),
        ("sign(x)^2", "1", "x: scalar"),
        ("step(x) + step(-x)", "1", "x: scalar"),
        ("det(Q - eye)", "0", "Q: n×n orthogonal"),
        ("det(Q)", "1", "Q: n×n orthogonal"),
    ],
)
def test_what_differs_by_little_differs(a, b, where):
    verdict = derive.equal(a, b, where)
    assert verdict == "differs" and verdict.evidence and verdict.point is not None


def test_polynomials_that_differ_in_one_small_coefficient_differ():
    generator = random.Random(5)
    for _ in range(60):
        terms = [
            (generator.randint(1, 9), " ".join(generator.choice("A B A' B' S".split()) for _ in range(k)))
            for k in range(1, generator.randint(2, 5))
        ]
        left = " + ".join(f"{c} {word}" for c, word in terms)
        generator.shuffle(terms)
        right = " + ".join(f"{c} {word}" for c, word in terms)
        nudged = f"{right} + (1/10^{generator.randint(9, 30)}) {terms[0][1]}"
        where = "A, B: n×n, S: n×n symmetric"
        assert derive.equal(left, right, where) == "proved"
        assert derive.equal(left, nudged, where) == "differs", nudged


@pytest.mark.parametrize(
    ("a", "b", "verdict"),
    [
        ("(1e8 + x)^2 - 1e16 - 2e8*x", "x^2", "proved"),
        ("exp(30*x) + x - exp(30*x)", "x", "proved"),
        ("cosh(20*x) - sinh(20*x)", "exp(-20*x)", "agrees"),
        ("log(1 + exp(-40*x)) + 40*x", "log(1 + exp(40*x))", "agrees"),
    ],
)
def test_rounding_outranks_nothing(a, b, verdict):
    assert derive.equal(a, b, "x: scalar") == verdict


# Conditions and declared words


@pytest.mark.parametrize(
    ("a", "b", "where", "conditions"),
    [
        ("log(a b)", "log(a) + log(b)", "a, b: scalar", ("a b > 0", "a > 0", "b > 0")),
        ("log(a b)", "log(a) + log(b)", "a, b: scalar positive", ()),
        ("log(x^2)", "2 log(x)", "x: scalar", ("x² > 0", "x > 0")),
        ("S inv(S)", "eye(n)", "S: n×n psd", ("S invertible",)),
        ("S inv(S)", "eye(n)", "S: n×n spd", ()),
        ("a/a", "1", "a: scalar", ("a ≠ 0",)),
        ("a/a", "1", "a: scalar nonnegative", ("a ≠ 0",)),
    ],
)
def test_a_verdict_says_its_conditions(a, b, where, conditions):
    verdict = derive.equal(a, b, where)
    assert verdict in ("proved", "agrees")
    assert verdict.conditions == conditions


@pytest.mark.parametrize(
    ("a", "b", "where", "verdict", "reading"),
    [
        (r"\sum_i (x_i - \bar x)^2", r"\sum_i x_i^2 - n \bar x^2", "x: n", "proved", "x̄ is read as the mean of all x"),
        (r"\sum_i (x_i - \bar x)^2", r"\sum_i x_i^2 + n \bar x^2", "x: n", "differs", "x̄ is read as the mean of all x"),
        ("diag(a) b", "a ⊙ b", None, "proved", None),
        ("I − 𝟏𝟏ᵀ/n", "(I − 𝟏𝟏ᵀ/n)²", None, "proved", "n is read as the number of rows of 𝟏"),
        ("‖A + B‖_F²", "‖A‖_F² + ‖B‖_F²", None, "differs", None),
        ("Q Qᵀ", "I", "Q: m×n", "differs", None),
        ("r = A x; ‖r‖²", "xᵀ Aᵀ A x", None, "proved", None),  # read one by one: a side has a definition
        ("np.trace(A @ B)", "tr(B A)", None, "proved", None),
    ],
)
def test_a_letter_is_on_both_sides_what_it_is_on_one(a, b, where, verdict, reading):
    found = derive.equal(a, b, where)
    assert (found, reading in (None, *found.readings)) == (verdict, True), found.readings
    assert pickle.loads(pickle.dumps(found)).readings == found.readings


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (r"\sum_i (x_i - \bar x)^2", r"s = \sum_i x_i^2; s - n \bar x^2"),
        ("np.sum((x - x.mean())**2)", r"\sum_i x_i^2 - n \bar x^2"),
    ],
)
def test_a_mean_of_one_side_is_no_letter_of_the_other(a, b):
    """Sides that are no one statement, with a definition or in NumPy's spelling, are read one by one."""
    with pytest.raises(ParseError, match="may be the mean of x"):
        derive.equal(a, b, "x: n")
    assert derive.equal(a, b.replace(r"\bar x", "mean(x)"), "x: n")
    assert derive.equal(a, b, r"x: n, x̄: scalar") == "differs"


def test_a_star_beside_numpy_is_no_product_by_guess():
    where = "A: n×n, B: n×n, x: n"
    assert derive.equal("(A*B).sum()", "tr(A'B)", where) == "proved"  # as NumPy has it, and no (A B).sum()
    assert derive.equal("2*(A @ x)", "A @ (2*x)", where) == derive.equal("2*x", "x @ np.eye(n) * 2", where) == "proved"
    for other in ("A @ B", "np.multiply(A, B)"):
        with pytest.raises(ParseError, match="may be entry by entry"):
            derive.equal("A * B", other, where)


def test_declared_words_mean_what_they_say():
    assert derive.equal("sign(x)", "ones(n)", "x: n nonnegative") == "differs"
    assert derive.equal("sign(x)", "ones(n)", "x: n positive") == "proved"
    assert derive.equal("abs(x)", "x", "x: n nonnegative") == "proved"
    assert derive.gradient("sum(sign(x).*y)", "y", "x: n nonnegative, y: n").boxed.text() == "sign(x)"
    assert derive.parse("tr(S)", "S: n×n psd").args[0].properties == {"psd", "symmetric"}
    page = derive.gradient("logdet(S)", "S", "S: n×n psd").text()
    assert "S is invertible" in page and "positive semidefinite" in page


# Norms, roots and absolute values of scalars of unknown sign

UNKNOWN = ["a", "bᵀx", "a − cᵀx", "tr(A)", "a bᵀx", "−a", "xᵀA x", "2 a"]


@pytest.mark.parametrize("s", UNKNOWN)
def test_the_size_of_a_scalar_is_not_the_scalar(s):
    where = "a: scalar, b, c, x: n, A: n×n"
    for size in (f"norm({s})", f"abs({s})", f"sqrt(({s})^2)", f"norm1({s})"):
        assert derive.equal(size, s, where) == "differs"
        assert derive.equal(size, f"norm({s})", where)
        assert derive.equal(f"({size})^2", f"({s})^2", where)
        for f in ("sin({})", "({})^3", "x {}", "exp({}) − 1"):
            assert not proved(derive.parse(f.format(size), where), derive.parse(f.format(f"({s})"), where))


@pytest.mark.parametrize("s", UNKNOWN)
@pytest.mark.parametrize("f", ["sin(norm({}))", "norm({})^3", "norm({}) norm(x)^2", "sqrt(({})^2 + 1) norm({})"])
def test_boxes_of_sizes_of_scalars_are_right(s, f):
    d = derive.gradient(f.replace("{}", s), "x", "a: scalar, b, c, x: n, A: n×n")
    for seed in range(3):
        for sign in (1, -1):
            from derive.numeric import random_point

            point = random_point([d.loss, d.result, d.boxed], seed=seed)
            for leaf in point.values:
                point.values[leaf] = sign * point.values[leaf]
            got, want = point.evaluate(d.boxed), point.evaluate(d.result)
            assert np.abs(got - want).max() <= 1e-8 * max(1, np.abs(want).max()), d.boxed.text()


def test_a_proof_is_believed_only_where_points_agree(monkeypatch):
    """Were the normal form wrong, the points would say so, and no form would be shown."""
    monkeypatch.setattr(equality, "prove", lambda a, b: proofs.Proof())
    assert derive.equal("A B", "B A", "A, B: n×n") == "differs"
    assert derive.equal("tanh(x)", "sin(x)", "x: n") == "differs"
    from derive.algebra import forms

    a, b = derive.parse("norm(a)", "a: scalar"), derive.parse("a", "a: scalar")
    monkeypatch.setattr(proofs, "proved", lambda a, b: True)
    assert not forms.is_same(a, b)
    assert forms.is_same(a, derive.parse("abs(a)", "a: scalar"))


# What it is


def test_an_answer_is_its_verdict_as_text_and_true_unless_it_differs():
    same, other = derive.equal("tr(A B)", "tr(B A)"), derive.equal("x", "2 x", "x: n")
    assert str(same) == "proved" and type(str(same)) is str and same == same.verdict == "proved"
    assert same and not other and other == "differs"
    for answer in (same, other):
        for again in (copy.copy(answer), copy.deepcopy(answer), pickle.loads(pickle.dumps(answer))):
            assert again == answer and again.evidence == answer.evidence
            assert again.conditions == answer.conditions and (again.point is None) == (answer.point is None)


@pytest.mark.parametrize(
    "make",
    [
        lambda: derive.gradient("½‖WᵀWx − x‖²", "W"),
        lambda: derive.gradient("logdet(S)", "S", "S: n×n spd"),
        lambda: derive.jacobian("A x", "x"),
        lambda: derive.hessian("logsumexp(Ax)", "x"),
        lambda: derive.hvp("½ xᵀAx", "x", "v", where="A: n×n symmetric"),
        lambda: derive.differential("A X B"),
    ],
)
def test_derivations_and_their_parts_pickle_and_copy(make):
    d = make()
    for again in (pickle.loads(pickle.dumps(d)), copy.copy(d), copy.deepcopy(d)):
        assert again.text() == d.text() and again.boxed is d.boxed
        assert [c.expression for c in again.contributions] == [c.expression for c in d.contributions]
    for step in d.steps:
        again = pickle.loads(pickle.dumps(step))
        assert (again.rule, again.contribution, again.total) == (step.rule, step.contribution, step.total)
    for contribution in d.contributions:
        assert pickle.loads(pickle.dumps(contribution)).route == contribution.route


# Names

HOSTILE = [
    "x'", "a b", "x|y", "x²", "1x", "x#", "a;b", "∂", "१", "", "\x00", "\x1b[2J", '"""', "x\n", "𝐱", "_", "{x}", "x}",
    '"><img src=x onerror=alert(1)>', r"\input{/etc/passwd}", r"\write18{id}", "x" * 300, "$x$", "x__import__('os')",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_name_is_refused_at_every_door(name):
    with pytest.raises(DeriveError):
        symbol(name, "n")
    with pytest.raises(ParseError):
        Dim.of(name)
    from derive.expr import _unpickle, symbol_op

    rows = ((symbol_op, (), (name, frozenset(), Dim.of("n"), Dim.of(1))),)

    with pytest.raises(DeriveError):
        _unpickle(rows)


@pytest.mark.parametrize("name", [name for name in HOSTILE if name])
def test_a_name_of_sympy_is_refused_or_read_as_one_that_is_safe(name):
    x = sympy.MatrixSymbol(name, 3, 1)
    try:
        d = derive.gradient(x.T * x, x)
    except DeriveError as error:
        assert len(str(error)) < 500 and "\x1b" not in str(error) and "\x00" not in str(error)
        return
    compile(d.source(), "derivative", "exec")
    assert derive.names.identifier(d.wrt.name).isidentifier()
    for page in (d.markdown(), d.latex(), d.html(), d.text()):
        assert not any(bad in page for bad in ("<img", "\\input", "\\write", "\x00", "\x1b"))


def test_names_of_sympy_are_read_where_they_are_names():
    x = sympy.MatrixSymbol("xhat_1", 3, 1)
    d = derive.gradient(x.T * x, x)
    assert d.boxed.text() == "2 x̂₁"
    compile(d.source(), "derivative", "exec")


# Resources


def test_no_more_is_read_than_may_be_long_enough(tmp_path, capsys, monkeypatch):
    long = tmp_path / "long.md"
    long.write_bytes(b"x" * (files.MAX_BYTES + 10))
    assert cli.main(["check", str(long)]) == 2
    assert "too long" in capsys.readouterr().err

    class Endless:
        taken = 0

        def read(self, size=-1):
            assert 0 < size <= files.MAX_BYTES + 1
            self.taken += size
            return b"x" * size

    class Input:
        buffer = Endless()

    monkeypatch.setattr("sys.stdin", Input())
    assert cli.main(["check", "-"]) == 2
    assert Input.buffer.taken == files.MAX_BYTES + 1


def test_boxes_leave_nothing_behind(monkeypatch):
    """What counts of nodes and the last boxes are kept for is bounded; all else goes with the derivation."""
    import gc

    monkeypatch.setattr(expr, "MAX_COUNTED", 200)

    def run(first, last):
        for i in range(first, last):
            assert derive.gradient(f"½‖W_{i}ᵀW_{i}x_{i} − x_{i}‖²", f"W_{i}").boxed is not None
        gc.collect()
        return len(expr._interned)

    before = run(0, 80)
    assert run(80, 140) < before + 500


@pytest.mark.parametrize(
    ("left", "right", "wrong", "where"),
    [
        ("vec(B X)", "(I ⊗ B) vec(X)", "(B ⊗ I) vec(X)", "B: n×n, X: n×n"),
        ("vec(B X)", "(I ⊗ B) vec(X)", "2 (I ⊗ B) vec(X)", "B: m×n, X: n×k"),
        ("vec(X A)", "(Aᵀ ⊗ I) vec(X)", "−(Aᵀ ⊗ I) vec(X)", "A: 4×2, X: 3×4"),
        ("(A B) ⊗ C", "(A ⊗ I)(B ⊗ C)", "(A ⊗ I)(C ⊗ B)", "A: m×n, B: n×k, C: p×q"),
        ("(I - 1 1^T / n)(I - 1 1^T / n)", "I - 1 1^T / n", "I + 1 1^T / n", None),
        ("(I - \\frac{1}{n} 1 1^T)^2", "I - \\frac{1}{n} 1 1^T", "I", None),
    ],
)
def test_an_identity_or_ones_take_the_size_that_is_left(left: str, right: str, wrong: str, where: str | None) -> None:
    assert derive.equal(left, right, where).verdict == "proved"
    assert derive.equal(left, wrong, where).verdict == "differs"
