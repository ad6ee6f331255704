"""Proofs: the identities of the Matrix Cookbook, their mutants, and what a proof prints.

[MC]  Petersen & Pedersen, The Matrix Cookbook, 2012 (equation or section).
"""

from __future__ import annotations

import os
import random
import re

import pytest

import derive
from derive.algebra.points import agree
from derive.algebra.proofs import prove
from derive.errors import DeriveError
from derive.reading import parse_together

# source; where; left; right
COOKBOOK = """
1 | A, B: n×n | (A B)⁻¹ | B⁻¹ A⁻¹
2 | A, B, C: n×n | (A B C)⁻¹ | C⁻¹ B⁻¹ A⁻¹
3 | A: n×n | (Aᵀ)⁻¹ | (A⁻¹)ᵀ
4 | A, B: m×n | (A + B)ᵀ | Aᵀ + Bᵀ
5 | A: m×n, B: n×p | (A B)ᵀ | Bᵀ Aᵀ
6 | A: m×n, B: n×p, C: p×q | (A B C)ᵀ | Cᵀ Bᵀ Aᵀ
1.0 | A: n×n | (A⁻¹)⁻¹ | A
1.0 | A: n×n, c: scalar | (c A)⁻¹ | A⁻¹/c
1.0 | A: n×n | A⁻¹ A | eye(n)
1.0 | A: n×n | A² A⁻¹ | A
1.0 | A: n×n | (A⁻¹)² | (A²)⁻¹
1.0 | A: n×n | A³ A⁻² | A
11 | A: n×n | tr(A) | tr(Aᵀ)
13 | A: m×n, B: n×m | tr(A B) | tr(B A)
14 | A, B: n×n | tr(A + B) | tr(A) + tr(B)
15 | A: m×n, B: n×p, C: p×m | tr(A B C) | tr(B C A)
16 | a: n | aᵀ a | tr(a aᵀ)
1.1 | A: n×n, T: n×n | tr(T⁻¹ A T) | tr(A)
1.1 | A: m×n | tr(Aᵀ A) | ‖A‖_F²
18 | c: scalar, A: n×n | det(c A) | c^n det(A)
19 | A: n×n | det(A') | det(A)
20 | A, B: n×n | det(A B) | det(A) det(B)
21 | A: n×n | det(inv(A)) | 1/det(A)
22 | A: n×n | det(A^3) | det(A)^3
23 | u, v: n | det(eye(n) + u v') | 1 + u' v
24 | A: n×n, u, v: n | det(A + u v') | det(A) (1 + v' A⁻¹ u)
24 | A: n×m, B: m×n | det(eye(n) + A B) | det(eye(m) + B A)
24 | A: n×n, U: n×k, V: n×k | det(A + U V') | det(A) det(eye(k) + V' A⁻¹ U)
24 | A: n×n, U: n×k, W: k×k, V: n×k | det(A + U W V') | det(A) det(W) det(W⁻¹ + V' A⁻¹ U)
24 | S: n×n spd, u: n | logdet(S + u u') | logdet(S) + log(1 + u' S⁻¹ u)
24 | S: n×n spd, R: m×m spd, H: m×n | logdet(R + H S H') | logdet(R) + logdet(eye(n) + S H' R⁻¹ H)
24 | A: n×n, T: n×n | det(T A T⁻¹) | det(A)
24 | A, T: n×n | det(T⁻¹ A T − T⁻¹ T) | det(A − eye(n))
24 | x: n, σ: scalar positive | det(σ eye(n) + x x') | σ^n (1 + x' x/σ)
3.1 | A: n×n | A A⁻¹ | A⁻¹ A
145 | A, B: n×n | (A B)⁻¹ A | B⁻¹
156 | A: n×n, B: n×m, C: m×n | (A + B C)⁻¹ | A⁻¹ − A⁻¹ B (eye(m) + C A⁻¹ B)⁻¹ C A⁻¹
156 | A: n×n, C: n×m, B: m×m | (A + C B C')⁻¹ | A⁻¹ − A⁻¹ C (B⁻¹ + C' A⁻¹ C)⁻¹ C' A⁻¹
157 | A: n×n, U: n×m, B: m×m, V: m×n | (A + U B V)⁻¹ | A⁻¹ − A⁻¹ U (B⁻¹ + V A⁻¹ U)⁻¹ V A⁻¹
157 | A: n×n, U: n×m, B: m×m, V: m×n | (A + U B V)⁻¹ | A⁻¹ − A⁻¹ U B (B + B V A⁻¹ U B)⁻¹ B V A⁻¹
158 | P: n×n spd, R: m×m spd, B: m×n | (P⁻¹ + B' R⁻¹ B)⁻¹ B' R⁻¹ | P B' (B P B' + R)⁻¹
158 | P: n×n spd, R: m×m spd, B: m×n | (P⁻¹ + B' R⁻¹ B)⁻¹ | P − P B' (B P B' + R)⁻¹ B P
158 | P: n×n spd, R: m×m spd, H: m×n | (eye(n) − P H' (H P H' + R)⁻¹ H) P | (P⁻¹ + H' R⁻¹ H)⁻¹
159 | A, B: n×n | (A + B)⁻¹ | A⁻¹ − A⁻¹ (A⁻¹ + B⁻¹)⁻¹ A⁻¹
159 | A, B: n×n | (A + B)⁻¹ | A⁻¹ − (A + A B⁻¹ A)⁻¹
160 | A: n×n, b, c: n | (A + b c')⁻¹ | A⁻¹ − A⁻¹ b c' A⁻¹/(1 + c' A⁻¹ b)
160 | A: n×n, b, c: n | (A + b c')⁻¹ b | A⁻¹ b/(1 + c' A⁻¹ b)
160 | A: n×n, b, c: n | c' (A + b c')⁻¹ | c' A⁻¹/(1 + c' A⁻¹ b)
160 | A: n×n, b, c: n | c' (A + b c')⁻¹ b | c' A⁻¹ b/(1 + c' A⁻¹ b)
160 | u, v: n | (eye(n) + u v')⁻¹ | eye(n) − u v'/(1 + v' u)
160 | S: n×n spd, u: n | (S − u u')⁻¹ | S⁻¹ + S⁻¹ u u' S⁻¹/(1 − u' S⁻¹ u)
161 | A: n×n | (eye(n) + A⁻¹)⁻¹ | A (A + eye(n))⁻¹
162 | A: n×n, B: n×m | (A + B B')⁻¹ B | A⁻¹ B (eye(m) + B' A⁻¹ B)⁻¹
163 | A, B: n×n | (A⁻¹ + B⁻¹)⁻¹ | A (A + B)⁻¹ B
163 | A, B: n×n | (A⁻¹ + B⁻¹)⁻¹ | B (A + B)⁻¹ A
163 | A, B: n×n | A (A + B)⁻¹ B | B (A + B)⁻¹ A
164 | A, B: n×n | A − A (A + B)⁻¹ A | B − B (A + B)⁻¹ B
165 | A, B: n×n | A⁻¹ + B⁻¹ | A⁻¹ (A + B) B⁻¹
165 | A, B: n×n | A⁻¹ − B⁻¹ | A⁻¹ (B − A) B⁻¹
166 | A: n×m, B: m×n | (eye(n) + A B)⁻¹ | eye(n) − A (eye(m) + B A)⁻¹ B
167 | A: n×m, B: m×n | (eye(n) + A B)⁻¹ A | A (eye(m) + B A)⁻¹
167 | A: n×m, λ: scalar positive | (A' A + λ eye(m))⁻¹ A' | A' (A A' + λ eye(n))⁻¹
167 | A: n×m, λ: scalar positive | (A' A + λ eye(m))⁻¹ | (eye(m) − A' (A A' + λ eye(n))⁻¹ A)/λ
167 | X: n×m, W: n×n spd, S: m×m spd | (X' W X + S)⁻¹ X' W | S⁻¹ X' (X S⁻¹ X' + W⁻¹)⁻¹
3.2 | A: n×n | (eye(n) − A) (eye(n) + A)⁻¹ | (eye(n) + A)⁻¹ (eye(n) − A)
3.2 | A: n×n | (eye(n) + A)⁻¹ | eye(n) − A (eye(n) + A)⁻¹
3.2 | A: n×n | eye(n) + A + A² | (eye(n) − A)⁻¹ (eye(n) − A³)
3.2 | A: n×n | (eye(n) − A²)⁻¹ | ½ ((eye(n) − A)⁻¹ + (eye(n) + A)⁻¹)
3.2 | A: n×n | (A − 2 eye(n))⁻¹ − (A − eye(n))⁻¹ | (A − 2 eye(n))⁻¹ (A − eye(n))⁻¹
3.2 | A, B: n×n | (A B + eye(n))⁻¹ A B | eye(n) − (A B + eye(n))⁻¹
3.2 | A, B: n×n | A (eye(n) + B A)⁻¹ B | eye(n) − (eye(n) + A B)⁻¹
3.5 | X: m×n | (Xᵀ X)⁻¹ Xᵀ X | eye(n)
3.5 | X: m×n | (X (Xᵀ X)⁻¹ Xᵀ)² | X (Xᵀ X)⁻¹ Xᵀ
3.5 | X: m×n | (X (Xᵀ X)⁻¹ Xᵀ)ᵀ | X (Xᵀ X)⁻¹ Xᵀ
3.6 | X: m×n | X (Xᵀ X)⁻¹ Xᵀ X | X
3.6 | X: m×n | tr(X (Xᵀ X)⁻¹ Xᵀ) | tr(eye(n))
3.6 | X: m×n | (eye(m) − X (Xᵀ X)⁻¹ Xᵀ) X | 0 X
3.6 | X: m×n | (eye(m) − X (Xᵀ X)⁻¹ Xᵀ)² | eye(m) − X (Xᵀ X)⁻¹ Xᵀ
3.6 | X: m×n | ((Xᵀ X)⁻¹ Xᵀ) ((Xᵀ X)⁻¹ Xᵀ)ᵀ | (Xᵀ X)⁻¹
5.1 | A: m×n, b: m | A' (b − A (A' A)⁻¹ A' b) | 0 A' b
5.1 | A: m×n, b: m | ‖b − A (A' A)⁻¹ A' b‖² | b' b − b' A (A' A)⁻¹ A' b
5.1 | A: m×n, b: m | A (A' (A A')⁻¹ b) | A A' (A A')⁻¹ b
5.1 | A: m×m, b: m, x: m | A (A⁻¹ b) | b
5.1 | X, A: n×n, B: n×n | vec(A X + X B) | (eye(n) ⊗ A + B' ⊗ eye(n)) vec(X)
5.1 | X: n×n, A: n×n, B: n×n | vec(A X B − X) | (B' ⊗ A − eye(n^2)) vec(X)
5.2 | Q: n×n orthogonal, D: n×n diagonal | (Q D Q')² | Q D² Q'
5.2 | Q: n×n orthogonal, D: n×n diagonal | (Q D Q')⁻¹ | Q D⁻¹ Q'
5.2 | Q: n×n orthogonal, D: n×n diagonal | tr(Q D Q') | tr(D)
5.2 | Q: n×n orthogonal, D: n×n diagonal | det(Q D Q') | det(D) det(Q)²
5.2 | Q: n×n orthogonal, A: n×n, c: scalar | (Q A Q' + c eye(n))⁻¹ | Q (A + c eye(n))⁻¹ Q'
5.3 | U: m×n orthogonal, S: n×n diagonal, V: n×n orthogonal | (U S V')' (U S V') | V S² V'
5.3 | U: m×n orthogonal, S: n×n diagonal, V: n×n orthogonal | V S⁻¹ U' (U S V') | eye(n)
5.4 | L: n×n lower, b: n | (L L')⁻¹ b | inv(L') (inv(L) b)
5.4 | L: n×n lower | det(L L') | det(L)^2
5.5 | L: n×n lower, U: n×n upper | (L U)⁻¹ | U⁻¹ L⁻¹
397 | A: n×n, B: n×m, C: m×n, D: m×m | det([A, B; C, D]) | det(D) det(A − B D⁻¹ C)
398 | A: n×n, B: n×m, C: m×n, D: m×m | det([A, B; C, D]) | det(A) det(D − C A⁻¹ B)
398 | A: n×n, B: n×m, D: m×m | det([A, B; zeros(m,n), D]) | det(A) det(D)
398 | A: n×n, b, c: n, d: scalar | det([A, b; c', d]) | det(A) (d − c' A⁻¹ b)
399 | A: n×n, B: n×m, C: m×n, D: m×m | inv([A, B; C, D]) | [inv(A − B D⁻¹ C), −A⁻¹ B inv(D − C A⁻¹ B); −D⁻¹ C inv(A − B D⁻¹ C), inv(D − C A⁻¹ B)]
399 | A: n×n, B: n×m, C: m×n, D: m×m | inv([A, B; C, D]) | [A⁻¹ + A⁻¹ B inv(D − C A⁻¹ B) C A⁻¹, −A⁻¹ B inv(D − C A⁻¹ B); −inv(D − C A⁻¹ B) C A⁻¹, inv(D − C A⁻¹ B)]
400 | A: n×n, B: n×m, C: m×n, D: m×m | [eye(n), zeros(n,m); −C A⁻¹, eye(m)] [A, B; C, D] | [A, B; zeros(m,n), D − C A⁻¹ B]
400 | A: n×n, B: n×m, D: m×m | inv([A, B; zeros(m,n), D]) | [A⁻¹, −A⁻¹ B D⁻¹; zeros(m,n), D⁻¹]
9.1 | A: n×n, B: n×m, C: m×n, D: m×m | [A, B; C, D] [A, B; C, D] | [A A + B C, A B + B D; C A + D C, C B + D D]
9.1 | A: n×n, B: n×m, C: m×n, D: m×m | [A, B; C, D]' | [A', C'; B', D']
9.1 | A: n×n, B: n×m, C: m×n, D: m×m | tr([A, B; C, D]) | tr(A) + tr(D)
9.1 | A: n×n, B: n×m, C: m×n, D: m×m | A⁻¹ + A⁻¹ B inv(D − C A⁻¹ B) C A⁻¹ | inv(A − B D⁻¹ C)
9.1 | A: n×n, B: n×m, C: m×n, D: m×m | A⁻¹ B inv(D − C A⁻¹ B) | inv(A − B D⁻¹ C) B D⁻¹
9.6 | Q: n×n orthogonal | Q⁻¹ | Q'
9.6 | Q: n×n orthogonal, x: n | ‖Q x‖ | ‖x‖
9.6 | Q: n×n orthogonal, A: n×n | tr(Q A Q') | tr(A)
9.6 | K: n×n skew, x: n | x' K x | 0
9.6 | K: n×n skew | (eye(n) − K)⁻¹ (eye(n) + K) | (eye(n) + K) (eye(n) − K)⁻¹
9.6 | K: n×n skew | ((eye(n) + K) (eye(n) − K)⁻¹)' (eye(n) + K) (eye(n) − K)⁻¹ | eye(n)
9.6 | v: n | (eye(n) − 2 v v'/(v' v)) (eye(n) − 2 v v'/(v' v)) | eye(n)
9.6 | S: n×n spd, b, x: n | (x − S⁻¹ b)' S (x − S⁻¹ b) | x' S x − 2 b' x + b' S⁻¹ b
9.6 | S, T: n×n spd, x, a, b: n | (x − a)' S (x − a) + (x − b)' T (x − b) | (x − (S + T)⁻¹ (S a + T b))' (S + T) (x − (S + T)⁻¹ (S a + T b)) + (a − b)' (S⁻¹ + T⁻¹)⁻¹ (a − b)
506 | A: m×n, B, C: p×q | A ⊗ (B + C) | A ⊗ B + A ⊗ C
507 | A: m×n, B: p×q, C: r×s | (A ⊗ B) ⊗ C | A ⊗ (B ⊗ C)
508 | A: m×n, B: p×q, c: scalar | (c A) ⊗ B | c (A ⊗ B)
510 | A: m×n, B: p×q | (A ⊗ B)' | A' ⊗ B'
511 | A: l×m, B: p×q, C: m×n, D: q×r | (A ⊗ B) (C ⊗ D) | (A C) ⊗ (B D)
512 | A: m×m, B: n×n | (A ⊗ B)⁻¹ | A⁻¹ ⊗ B⁻¹
515 | A: m×m, B: n×n | tr(A ⊗ B) | tr(A) tr(B)
516 | A: m×m, B: n×n | det(A ⊗ B) | det(A)^n det(B)^m
10.2 | A: m×m, B: n×n | (A ⊗ B)² | A² ⊗ B²
10.2 | A: m×n, B: p×q, x: n, y: q | (A ⊗ B) (x ⊗ y) | (A x) ⊗ (B y)
520 | A: m×n, X: n×p, B: p×q | vec(A X B) | (B' ⊗ A) vec(X)
521 | A, B: m×n | tr(A' B) | vec(A)' vec(B)
522 | A, B: m×n | vec(A + B) | vec(A) + vec(B)
523 | A: m×n, c: scalar | vec(c A) | c vec(A)
524 | a, c: m, X: m×n, B: n×n | a' X B X' c | vec(X)' (B' ⊗ c a') vec(X)
10.2 | X: m×n, A: m×m, B: n×n | tr(X' A X B) | vec(X)' (B' ⊗ A) vec(X)
10.2 | A: m×n, B: n×p | vec(A B) | (eye(p) ⊗ A) vec(B)
10.2 | a: m, b: n | vec(a b') | b ⊗ a
10.2 | A: m×n | ‖vec(A)‖² | tr(A' A)
10.1 | A, T: n×n | expm(T A T⁻¹) | T expm(A) T⁻¹
10.1 | A: n×n | expm(A)⁻¹ | expm(−A)
10.1 | A: n×n | expm(A)' | expm(A')
10.1 | A: n×n | A expm(A) | expm(A) A
10.3 | A: m×n | ‖A‖_F | sqrt(tr(A A'))
10.3 | c: scalar, A: m×n | ‖c A‖_F | |c| ‖A‖_F
"""  # noqa: E501
ROWS = [tuple(part.strip() for part in line.split("|", 2)) for line in COOKBOOK.strip().splitlines()]
UNPROVED = {"expm(T A T⁻¹) | T expm(A) T⁻¹"}
FULL = os.environ.get("DERIVE_FULL") == "1"


def sides(where, equation):
    left, right = equation.split(" | ") if equation.count(" | ") == 1 else equation.rsplit(" | ", 1)
    return parse_together([left.strip(), right.strip()], where)[0]


@pytest.mark.parametrize(("source", "where", "equation"), ROWS)
def test_an_identity_of_the_cookbook_is_proved(source, where, equation):
    a, b = sides(where, equation)
    verdict = derive.equal(a, b)
    assert verdict == ("agrees" if equation in UNPROVED else "proved"), source


@pytest.mark.parametrize(("source", "where", "equation"), ROWS[:: 1 if FULL else 5])
def test_every_line_of_a_proof_is_true(source, where, equation):
    """By values, which know nothing of the rules; the last line is what was to be proved."""
    a, b = sides(where, equation)
    proof = prove(a, b)
    for left, right, why in proof.steps if proof else ():
        assert left.shape == right.shape and why
        assert agree(left, right) in (True, None), f"{left} = {right}"


# Mutants


def mutant(equation, generator):
    """The equation with one thing changed: a letter, a sign, a transpose, an inverse, a factor 2."""
    letters = list(re.finditer(r"(?<![A-Za-z])[A-Za-zλσ](?![A-Za-z(])", equation))
    at = generator.choice(letters)
    kind = generator.randrange(5)
    if kind == 0:
        other = generator.choice([m.group() for m in letters])
        return equation[: at.start()] + other + equation[at.end() :]
    if kind == 1:
        signs = [m.start() for m in re.finditer(r" [+−] ", equation)]
        if not signs:
            return equation
        i = generator.choice(signs)
        return equation[:i] + (" − " if equation[i + 1] == "+" else " + ") + equation[i + 3 :]
    if kind == 2:
        has_mark = equation[at.end() : at.end() + 1] == "'"
        return equation[: at.end()] + ("" if has_mark else "'") + equation[at.end() + has_mark :]
    if kind == 3:
        inverses = [m.start() for m in re.finditer("⁻¹", equation)]
        if not inverses:
            return equation
        i = generator.choice(inverses)
        return equation[:i] + equation[i + 2 :]
    return equation[: at.start()] + "(2 " + at.group() + ")" + equation[at.end() :]


def mutants(count, seed):
    """So many mutants that are read, are of one shape, and are false, by values."""
    generator = random.Random(seed)
    found = 0
    while found < count:
        _, where, equation = generator.choice(ROWS)
        changed = mutant(equation, generator)
        try:
            a, b = sides(where, changed)
            is_false = a.shape == b.shape and agree(a, b) is False
        except (DeriveError, ValueError):
            continue
        if is_false:
            found += 1
            yield changed, a, b


def test_no_mutant_is_proved():
    """By the rules alone, without the points that `equal` would ask besides."""
    for changed, a, b in mutants(5000 if FULL else 250, 11):
        assert prove(a, b) is None, changed


def test_a_false_line_and_a_false_rule_would_be_found(monkeypatch):
    """Both checks have teeth: a line with a factor too much, and a rewriting that forgets transposes."""
    proof = prove(*sides("A, B: n×n", "(A⁻¹ + B⁻¹)⁻¹ | A (A + B)⁻¹ B"))
    assert len(proof.steps) > 2
    assert all(agree(left, 2 * right) is False for left, right, _ in proof.steps)
    from derive.algebra.relations import Relations

    given = Relations.words

    def careless(self, poly):
        plain = [tuple(f.args[0] if f.op.name == "transpose" else f for f in word) for _, word in given(self, poly)]
        return dict(zip([((), word) for word in plain], given(self, poly).values(), strict=True))

    monkeypatch.setattr(Relations, "words", careless)
    assert any(prove(a, b) is not None for _, a, b in mutants(150, 3))


# What a proof says


def test_woodbury_prints_its_rewriting():
    verdict = derive.equal("(A + B C)⁻¹", "A⁻¹ − A⁻¹ B (I + C A⁻¹ B)⁻¹ C A⁻¹", "A: n×n, B: n×m, C: m×n")
    assert verdict == "proved" and verdict.evidence == f"by {len(verdict.proof)} rewritings"
    assert any("C (A + B C)⁻¹" in line and "by (" in line for line in verdict.proof)
    assert verdict.proof[-1].split("  ")[1].startswith("(A + B C)⁻¹ = ")
    assert "A invertible" in verdict.conditions and "A + B C invertible" in verdict.conditions


def test_an_identity_modulo_a_prime_is_not_proved_by_it():
    """What only fails for large matrices agrees at small ones, and is called no more than that."""
    assert prove(*sides("A, B: n×n", "A B A B | B A B A")) is None
    assert derive.equal("det(A + B)", "det(A) + det(B)", "A, B: n×n") == "differs"


def test_a_search_ends():
    wheres = ", ".join(f"A_{i}" for i in range(8)) + ": n×n"
    total = " + ".join(f"A_{i}" for i in range(8))
    shifted = " + ".join(f"A_{i} A_{(i + 1) % 8}" for i in range(8))
    assert derive.equal(f"inv({total}) inv({shifted})", f"inv({shifted}) inv({total})", wheres) == "differs"
    (a, b), _ = parse_together([f"inv({total}) inv({shifted})", f"inv({shifted}) inv({total})"], wheres)
    assert prove(a, b) is None


def test_a_search_for_a_proof_ends_by_a_count(monkeypatch):
    """Four determinants, each to be rewritten: true, and found only by more rewritings than are looked at."""
    from derive.algebra import budget, proofs

    made, after = [], []

    class Watched(budget.Work):
        def __init__(self):
            super().__init__(300)
            made.append(self)

        def spend(self, terms):
            after.append(terms) if self.left < 0 else None
            super().spend(terms)

    sums = ["(E + F + A⁻¹)(C + C⁻¹) + (B + F)(2 F + B⁻¹)", "(D + A⁻¹ + U Vᵀ)(B + E) + C⁻¹", "A B C + (D⁻¹ + E) F"]
    left = " + ".join(f"logdet(({s})⁻¹ + {t})" for s, t in zip(sums, ("A⁻¹ B", "U Vᵀ + C⁻¹", "D + B⁻¹")))
    right = " + ".join(
        f"logdet(I + ({t})({s})) - logdet({s})" for s, t in zip(sums, ("A⁻¹ B", "U Vᵀ + C⁻¹", "D + B⁻¹"))
    )
    where = "A, B, C, D, E, F: n×n, U, V: n×k"
    whole = derive.equal(left, right, where)
    assert str(whole) in ("agrees", "proved")
    monkeypatch.setattr(proofs, "Work", Watched)
    assert str(derive.equal(left, right, where)) == "agrees"
    assert len(made) == 1 and made[0].left < 0
    assert len(after) < 2000  # each of the few ways that are left ends where it begins
