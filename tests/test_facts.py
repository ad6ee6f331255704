"""What the table of facts says of an operation's values holds for random ones, and what is wrong of them is seen."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from derive import facts, parse
from derive.errors import DeriveError
from derive.expr import OPERATIONS, Expr, commutation, constant, dimension, identity, number, ones, symbol, zeros
from derive.facts import ROWS, Facts, commute, facts_of, is_definite, is_invertible, is_nonnegative, is_positive
from derive.numeric import random_point
from derive.operations import basis, block, matpow, sqrt
from derive.programs import terms
from derive.programs.graph import ValueGraph
from derive.programs.translate import translate
from derive.ranges import ANY, Range
from derive.shapes import Dim

KINDS = ["", "symmetric", "spd", "psd", "diagonal", "orthogonal", "skew", "positive", "nonnegative", "lower"]
SQUARE = [symbol(f"M_{kind}", "n", "n", properties=kind.split()) for kind in KINDS]
SQUARE.append(symbol("E", "n", "n", properties=["spd", "nonnegative"]))
VECTORS = [symbol(f"v_{kind}", "n", properties=kind.split()) for kind in ("", "positive", "nonnegative")]
SCALARS = [symbol(f"a_{kind}", properties=kind.split()) for kind in ("", "positive", "nonnegative")]
WIDE = [symbol("A", "n", "k"), symbol("B", "n", "k", properties=["positive"])]
LEAVES = [*SQUARE, *VECTORS, *SCALARS, *WIDE, ones("n"), identity("n"), zeros("n", "n"), dimension("n"), constant("π"),
          commutation("n", "k"), basis(1, "n"), number(Fraction(-3, 2)), number(2)]  # fmt: skip
EXPONENTS = [number(k) for k in (2, 3, -1, -2, Fraction(1, 2), Fraction(-3, 2))]
S, P, Q = SQUARE[2], SQUARE[3], SQUARE[5]
A, v = WIDE[0], VECTORS[0]
CHAINS = [Q.T @ Q @ P, Q.T @ S @ Q, A.T @ S @ A, A @ A.T, S @ P, S @ S, SQUARE[0] + SQUARE[0].T,
          v.T @ P @ v, v @ v.T, OPERATIONS["trace"](S @ A @ A.T)]  # fmt: skip


def made(name: str) -> Iterator[Expr]:
    """The operation at operands of every kind."""
    operation = OPERATIONS[name]
    if name == "matpow":
        yield from (matpow(A, k) for A in SQUARE for k in (2, 3, -2))
    elif name == "block":
        yield from (block([[A, B]]) for A in SQUARE[:4] for B in WIDE)
    elif name == "submatrix":
        yield from (operation(A, *map(Dim.of, (0, 1, 0, 2))) for A in SQUARE)
    elif name == "power":
        yield from (operation(A, k) for A in (*SQUARE, *VECTORS, *SCALARS) for k in (*EXPONENTS, SCALARS[0]))
    elif name == "unvec":
        yield operation(OPERATIONS["vec"](WIDE[1]), *WIDE[1].shape)
    elif any(A.op is operation for A in LEAVES):
        yield from (A for A in LEAVES if A.op is operation)
    elif operation.arity in (1, 2, None):
        pool = [*LEAVES, *CHAINS] if operation.arity == 1 else LEAVES
        for operands in product(pool, repeat=operation.arity or 2):
            try:
                yield operation(*operands)
            except DeriveError:
                continue
    elif name == "where":
        yield from (operation(A, B, C) for A, B, C in product(VECTORS, repeat=3))


def false(said: Facts, A: np.ndarray) -> list[str]:
    """Which of the facts a value contradicts."""
    wrong, size = [], 1e-9 * (1 + float(np.abs(A).max()))
    low, high = float(said.range.lo), float(said.range.hi)
    is_taken = low == 0 == A.min() and said.range.lo_open or high == 0 == A.max() and said.range.hi_open
    if A.min() < low - size or A.max() > high + size or is_taken:
        wrong.append("range")
    if A.shape[0] != A.shape[1]:
        return wrong + ["square"] * any(said[1:])
    if said.is_symmetric and np.abs(A - A.T).max() > size:
        wrong.append("symmetric")
    values = np.linalg.eigvalsh((A + A.T) / 2)
    if said.definite and (not said.is_symmetric or values[0] < -size or (said.definite == 2 and values[0] <= 0)):
        wrong.append("definite")
    if said.is_invertible and np.linalg.svd(A)[1][-1] <= 1e-14 * size:
        wrong.append("invertible")
    return wrong


def at_random(A: Expr, seed: int) -> np.ndarray | None:
    try:
        return random_point([A], seed=seed).evaluate(A)
    except DeriveError:  # defined nowhere
        return None


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_a_row_holds_for_random_values(name):
    for A in [*made(name), *(A for A in CHAINS if A.op.name == name)]:
        value = at_random(A, 0) if any(facts_of(A)[1:]) or facts_of(A).range is not ANY else None
        assert value is None or not false(facts_of(A), value), A.text()


SEEN = {
    "a definite matrix": (
        is_definite,
        ["S ⊙ T", "S + P", "inv(P)", "S ⊗ T", "diag(v)", "QᵀSQ", "expm(A + Aᵀ)", "S^-2"],
    ),
    "a positive one": (is_positive, ["1 - σ(t)", "2 + sin(t)", "det(S)", "tr(inv(S))", "‖Q‖", "exp(x) + x.^2"]),
    "none negative": (is_nonnegative, ["tr(S A P Aᵀ)", "xᵀ P x", "tr(S P)", "sum(P)", "sqrt(x)", "diag(P)"]),
    "a symmetric one": (lambda A: facts_of(A).is_symmetric, ["A + Aᵀ", "A + A + Aᵀ + Aᵀ", "S A S + (S A S)ᵀ", "S ⊙ P"]),
    "an invertible one": (is_invertible, ["inv(A)", "Q S", "expm(A)", "S ⊗ Q", "(A A)^-2", "2 Q"]),
}
WHERE = "S: n×n spd, T: n×n spd, P: n×n psd, Q: n×n orthogonal, A: n×n, v: n positive, x: n, B: m×n, t: scalar"
UNSEEN = {
    "a definite matrix": ["P", "A Aᵀ", "S T", "S - P", "S ⊙ A", "P^2", "B Bᵀ"],
    "a positive one": ["1 + sin(t)", "det(P)", "det(A)", "v - 1", "‖x‖", "relu(-sum(v))^2", "1 - ‖Q‖^(relu(-‖Q‖))"],
    "none negative": ["tr(S T P)", "tr(A P)", "xᵀ A x", "sum(A)", "x.^3"],
    "a symmetric one": ["A + A + Aᵀ", "S P", "A - Aᵀ", "(A + A + Aᵀ)^2"],
    "an invertible one": ["A", "P", "Q + S", "-S + P", "A inv(S)", "relu(-sum(v))"],
}


@pytest.mark.parametrize("kind", SEEN)
def test_facts_are_seen_where_they_hold_and_not_where_they_need_not(kind):
    holds, formulas = SEEN[kind]
    assert [f for f in formulas if not holds(parse(f, WHERE))] == []
    assert [f for f in UNSEEN[kind] if holds(parse(f, WHERE))] == []


@pytest.mark.parametrize("formula", ["Bᵀ diag(σ(x)) B", "S ⊙ T", "S ⊗ T", "inv(P)", "x xᵀ + S", "QᵀSQ"])
def test_programs_see_what_formulas_show(formula):
    A = parse(formula, WHERE.replace("x: n", "x: m" if "B" in formula else "x: n"))
    (value,) = translate(ValueGraph(), A, {}).parts()
    assert terms.facts_of(value).definite == facts_of(A).definite > 0


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("hadamard", lambda a, data: Facts(a[0].range)),
        ("matmul", lambda a, data: Facts(definite=2, is_symmetric=True)),
        ("inv", lambda a, data: a[0]),
        ("add", lambda a, data: Facts(definite=2, is_symmetric=True)),
        ("kron", lambda a, data: Facts(Range(0, float("inf")))),
    ],
)
def test_a_wrong_row_is_seen(monkeypatch, name, wrong):
    monkeypatch.setattr(facts, "ROWS", {**ROWS, name: wrong})
    found = False
    for A in made(name):
        said = facts._from_operands(A, [facts_of(arg) for arg in A.args])
        value = at_random(A, 0)
        found = found or (value is not None and bool(false(said, value)))
    assert found


def test_what_commutes():
    A, B = symbol("A", "n", "n"), symbol("B", "n", "n")
    assert commute(A, matpow(A, 3)) and commute(S.T, S) and commute(identity("n"), B) and not commute(A, B)
    assert is_nonnegative(sqrt(A)) and not is_positive(sqrt(A))
