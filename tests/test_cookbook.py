"""Chapter 2 of the Matrix Cookbook: every numbered identity that has a meaning for real matrices.

[MC] Petersen & Pedersen, The Matrix Cookbook, version of November 15, 2012, equations 33 to 144.

Each row has the equation number, what is derived, and the published result in the same
notation; powers are taken at fixed exponents.  The derivative we find is compared with
the published one by proof.  `condition` is one that the identity needs and the print does
not state; `wrong` is what the print has instead where it is in error.
"""

from __future__ import annotations

import pytest

import derive
from derive.expr import symbol_count


class Row:
    def __init__(self, number, formula, wrt, where, published, kind="gradient", condition=None, wrong=None, by=None):
        self.number = number
        self.formula = formula
        self.wrt = wrt
        self.where = where
        self.published = published
        self.kind = kind
        self.condition = condition
        self.wrong = wrong
        self.by = by  # a factor on the right of the gradient, where the identity is about their product


D = "differential"
J = "jacobian"
H = "hessian"
SQUARE = "X: n×n, A: n×n, B: n×n, C: n×n, a: n, b: n"
GENERAL = "X: m×n"

ROWS = [
    # 2 Derivatives: the rules for differentials
    Row("33", "sum(A)", "X", "A: n×n, X: n×n", "0 X"),
    Row("34", "α X", None, "α: scalar constant, X: m×n, dX: m×n", "α dX", D),
    Row("35", "X + Y", None, "X: m×n, Y: m×n, dX: m×n, dY: m×n", "dX + dY", D),
    Row("36", "tr(X)", None, "X: n×n, dX: n×n", "tr(dX)", D),
    Row("37", "X Y", None, "X: m×n, Y: n×p, dX: m×n, dY: n×p", "dX Y + X dY", D),
    Row("38", "X ⊙ Y", None, "X: m×n, Y: m×n, dX: m×n, dY: m×n", "dX ⊙ Y + X ⊙ dY", D),
    Row("39", "X ⊗ Y", None, "X: m×n, Y: p×q, dX: m×n, dY: p×q", "dX ⊗ Y + X ⊗ dY", D),
    Row("40", "X⁻¹", None, "X: n×n, dX: n×n", "−X⁻¹ dX X⁻¹", D, condition="X invertible"),
    Row("41", "det(X)", None, "X: n×n, dX: n×n", "tr((det(X) X⁻¹) dX)", D,
        condition="X invertible"),
    Row("42", "det(X)", None, "X: n×n, dX: n×n", "det(X) tr(X⁻¹ dX)", D, condition="X invertible"),
    Row("43", "log(det(X))", None, "X: n×n, dX: n×n", "tr(X⁻¹ dX)", D, condition="det X > 0"),
    Row("44", "Xᵀ", None, "X: m×n, dX: m×n", "dXᵀ", D),
    # 2.1 Determinants
    Row("46", "det(A + t B + t² C)", "t", SQUARE + ", t: scalar",
        "det(A + t B + t² C) tr((A + t B + t² C)⁻¹ (B + 2 t C))", condition="Y invertible"),
    Row("47", "det(X)", "X", "X: n×n", "det(X) I_n", by="Xᵀ"),
    Row("48", "det(A + t B + t² C)", "t", SQUARE + ", t: scalar",
        "det(A + t B + t² C) (tr((A + t B + t² C)⁻¹ (2 C)) + tr((A + t B + t² C)⁻¹ (B + 2 t C))²"
        " − tr((A + t B + t² C)⁻¹ (B + 2 t C) (A + t B + t² C)⁻¹ (B + 2 t C)))", H, condition="Y invertible"),
    Row("49", "det(X)", "X", "X: n×n", "det(X) (X⁻¹)ᵀ", condition="X invertible"),
    Row("50", "det(X)", "X", "X: n×n", "det(X) I_n", by="Xᵀ"),
    Row("51", "det(A X B)", "X", SQUARE, "det(A X B) (X⁻¹)ᵀ", condition="A, X and B square and invertible"),
    Row("52", "det(XᵀAX)", "X", SQUARE, "2 det(XᵀAX) X⁻ᵀ", condition="A invertible too"),
    Row("53", "det(XᵀAX)", "X", "X: n×k, A: n×n symmetric, k < n", "2 det(XᵀAX) A X (XᵀAX)⁻¹"),
    Row("54", "det(XᵀAX)", "X", "X: n×k, A: n×n, k < n",
        "det(XᵀAX) (A X (XᵀAX)⁻¹ + Aᵀ X (XᵀAᵀX)⁻¹)"),
    Row("55", "log(det(XᵀX))", "X", "X: m×n, n < m", "2 (((XᵀX)⁻¹ Xᵀ))ᵀ", condition="X of full column rank"),
    Row("56", "−log(det(Z Zᵀ))", "Z", "Z: n×m, n < m", "−2 (Zᵀ (Z Zᵀ)⁻¹)ᵀ", condition="X of full column rank, Z = X⁺"),
    Row("57", "log|det(X)|", "X", "X: n×n", "(X⁻¹)ᵀ", condition="X invertible"),
    Row("58", "det(X³)", "X", "X: n×n", "3 det(X³) X⁻ᵀ", condition="X invertible"),
    # 2.2 Inverses
    Row("59", "(A + t B + t² C)⁻¹", "t", SQUARE + ", t: scalar",
        "−(A + t B + t² C)⁻¹ (B + 2 t C) (A + t B + t² C)⁻¹", J),
    Row("60", "X⁻¹", "X", "X: n×n", "−(X⁻ᵀ ⊗ X⁻¹)", J),
    Row("61", "aᵀ X⁻¹ b", "X", SQUARE, "−X⁻ᵀ a bᵀ X⁻ᵀ"),
    Row("62", "det(X⁻¹)", "X", "X: n×n", "−det(X⁻¹) (X⁻¹)ᵀ"),
    Row("63", "tr(A X⁻¹ B)", "X", SQUARE, "−(X⁻¹ B A X⁻¹)ᵀ"),
    Row("64", "tr((X + A)⁻¹)", "X", SQUARE, "−((X + A)⁻¹ (X + A)⁻¹)ᵀ"),
    # 2.3 Eigenvalues: their sum and their product
    Row("65", "tr(X)", "X", "X: n×n", "I_n"),
    Row("66", "det(X)", "X", "X: n×n", "det(X) X⁻ᵀ", condition="X invertible"),
    # 2.4 Matrices, vectors and scalar forms
    Row("69", "xᵀ a", "x", "x: n, a: n", "a"),
    Row("70", "aᵀ X b", "X", "a: m, X: m×n, b: n", "a bᵀ"),
    Row("71", "aᵀ Xᵀ b", "X", "a: n, X: m×n, b: m", "b aᵀ"),
    Row("72", "aᵀ X a", "X", SQUARE, "a aᵀ"),
    Row("73", "X", "X", "X: m×n", "I_n ⊗ I_m", J),
    Row("74", "X A", "X", "X: m×n, A: n×p", "Aᵀ ⊗ I_m", J),
    Row("75", "Xᵀ A", "X", "X: m×n, A: m×p", "(Aᵀ ⊗ I_n) K(m, n)", J),
    Row("76", "sum(X) sum(X)", "X", "X: m×n", "2 sum(X) ones(m, n)"),
    Row("77", "bᵀ Xᵀ X c", "X", "b: n, X: m×n, c: n", "X (b cᵀ + c bᵀ)"),
    Row("78", "(B x + b)ᵀ C (D x + d)", "x", "B: m×n, x: n, b: m, C: m×p, D: p×n, d: p",
        "Bᵀ C (D x + d) + Dᵀ Cᵀ (B x + b)"),
    Row("79", "Xᵀ B X", "X", "X: m×n, B: m×m", "I_n ⊗ (Xᵀ B) + ((B X)ᵀ ⊗ I_n) K(m, n)", J),
    Row("80", "Xᵀ B X", None, "X: m×n, B: m×m constant, dX: m×n", "Xᵀ B dX + dXᵀ B X", D),
    Row("81", "xᵀ B x", "x", "x: n, B: n×n", "(B + Bᵀ) x"),
    Row("82", "bᵀ Xᵀ D X c", "X", "b: n, X: m×n, D: m×m, c: n", "Dᵀ X b cᵀ + D X c bᵀ"),
    Row("83", "(X b + c)ᵀ D (X b + c)", "X", "X: m×n, b: n, c: m, D: m×m", "(D + Dᵀ) (X b + c) bᵀ"),
    Row("84", "(x − A s)ᵀ W (x − A s)", "s", "x: m, A: m×n, s: n, W: m×m symmetric", "−2 Aᵀ W (x − A s)"),
    Row("85", "(x − s)ᵀ W (x − s)", "x", "x: n, s: n, W: n×n symmetric", "2 W (x − s)"),
    Row("86", "(x − s)ᵀ W (x − s)", "s", "x: n, s: n, W: n×n symmetric", "−2 W (x − s)"),
    Row("87", "(x − A s)ᵀ W (x − A s)", "x", "x: m, A: m×n, s: n, W: m×m symmetric", "2 W (x − A s)"),
    Row("88", "(x − A s)ᵀ W (x − A s)", "A", "x: m, A: m×n, s: n, W: m×m symmetric", "−2 W (x − A s) sᵀ"),
    Row("89", "(a − xᵀ b)²", "x", "a: scalar, x: n, b: n", "−2 b (a − xᵀ b)", condition="x and b real"),
    Row("90", "X³", "X", "X: n×n", "(X²)ᵀ ⊗ I_n + Xᵀ ⊗ X + I_n ⊗ X²", J),
    Row("91", "aᵀ X³ b", "X", SQUARE, "a bᵀ (X²)ᵀ + Xᵀ a bᵀ Xᵀ + (X²)ᵀ a bᵀ"),
    Row("92", "aᵀ (X²)ᵀ X² b", "X", SQUARE,
        "X² b aᵀ Xᵀ + Xᵀ X² b aᵀ + X² a bᵀ Xᵀ + Xᵀ X² a bᵀ",
        wrong="X a bᵀ (X²)ᵀ + a bᵀ (X²)ᵀ X + X² a bᵀ Xᵀ + Xᵀ X² a bᵀ"),
    Row("93", "tanh(B x)ᵀ A sin(D x)", "x", "B: m×n, x: n, A: m×p, D: p×n",
        "(diag(𝟏 − tanh(B x).^2) B)ᵀ A sin(D x) + (diag(cos(D x)) D)ᵀ Aᵀ tanh(B x)"),
    Row("94", "((A x)ᵀ (A x)) / ((B x)ᵀ (B x))", "x", "A: m×n, x: n, B: p×n",
        "2 (Aᵀ A x) / (xᵀ Bᵀ B x) − 2 (xᵀ Aᵀ A x Bᵀ B x) / (xᵀ Bᵀ B x)²", condition="B x ≠ 0"),
    Row("95", "((A x)ᵀ (A x)) / ((B x)ᵀ (B x))", "x", "A: n×n, x: n, B: n×n",
        "2 (Aᵀ A x) / (xᵀ Bᵀ B x) − 2 (xᵀ Aᵀ A x Bᵀ B x) / (xᵀ Bᵀ B x)²", condition="B x ≠ 0",
        wrong="2 (Aᵀ A x) / (xᵀ B B x) − 2 (xᵀ Aᵀ A x Bᵀ B x) / (xᵀ Bᵀ B x)²"),
    Row("96", "xᵀ A x + bᵀ x", None, "x: n, A: n×n constant, b: n constant, dx: n", "dxᵀ A x + xᵀ A dx + bᵀ dx", D),
    Row("97", "xᵀ A x + bᵀ x", "x", "x: n, A: n×n, b: n", "(A + Aᵀ) x + b"),
    Row("98", "xᵀ A x + bᵀ x", "x", "x: n, A: n×n, b: n", "A + Aᵀ", H),
    # 2.5 Traces
    Row("99", "tr(X)", "X", "X: n×n", "I_n"),
    Row("100", "tr(X A)", "X", "X: m×n, A: n×m", "Aᵀ"),
    Row("101", "tr(A X B)", "X", "A: p×m, X: m×n, B: n×p", "Aᵀ Bᵀ"),
    Row("102", "tr(A Xᵀ B)", "X", "A: p×n, X: m×n, B: m×p", "B A"),
    Row("103", "tr(Xᵀ A)", "X", "X: m×n, A: m×n", "A"),
    Row("104", "tr(A Xᵀ)", "X", "X: m×n, A: m×n", "A"),
    Row("105", "tr(A ⊗ X)", "X", "A: m×m, X: n×n", "tr(A) I_n"),
    Row("106", "tr(X²)", "X", SQUARE, "2 Xᵀ"),
    Row("107", "tr(X² B)", "X", SQUARE, "(X B + B X)ᵀ"),
    Row("108", "tr(Xᵀ B X)", "X", "X: m×n, B: m×m", "B X + Bᵀ X"),
    Row("109", "tr(B X Xᵀ)", "X", "X: m×n, B: m×m", "B X + Bᵀ X"),
    Row("110", "tr(X Xᵀ B)", "X", "X: m×n, B: m×m", "B X + Bᵀ X"),
    Row("111", "tr(X B Xᵀ)", "X", "X: m×n, B: n×n", "X Bᵀ + X B"),
    Row("112", "tr(B Xᵀ X)", "X", "X: m×n, B: n×n", "X Bᵀ + X B"),
    Row("113", "tr(Xᵀ X B)", "X", "X: m×n, B: n×n", "X Bᵀ + X B"),
    Row("114", "tr(A X B X)", "X", "A: n×m, X: m×n, B: n×m", "Aᵀ Xᵀ Bᵀ + Bᵀ Xᵀ Aᵀ"),
    Row("115", "tr(Xᵀ X)", "X", "X: m×n", "2 X"),
    Row("115", "tr(X Xᵀ)", "X", "X: m×n", "2 X"),
    Row("116", "tr(Bᵀ Xᵀ C X B)", "X", "B: n×p, X: m×n, C: m×m", "Cᵀ X B Bᵀ + C X B Bᵀ"),
    Row("117", "tr(Xᵀ B X C)", "X", "X: m×n, B: m×m, C: n×n", "B X C + Bᵀ X Cᵀ"),
    Row("118", "tr(A X B Xᵀ C)", "X", "A: p×m, X: m×n, B: n×n, C: m×p", "Aᵀ Cᵀ X Bᵀ + C A X B"),
    Row("119", "tr((A X B + C) (A X B + C)ᵀ)", "X", "A: p×m, X: m×n, B: n×k, C: p×k", "2 Aᵀ (A X B + C) Bᵀ"),
    Row("120", "tr(X ⊗ X)", "X", "X: n×n", "2 tr(X) I_n"),
    Row("120", "tr(X) tr(X)", "X", "X: n×n", "2 tr(X) I_n"),
    Row("121", "tr(X⁴)", "X", "X: n×n", "4 (X³)ᵀ"),
    Row("121", "tr(X⁻²)", "X", "X: n×n", "−2 (X⁻³)ᵀ", condition="X invertible, for negative k"),
    Row("122", "tr(A X³)", "X", SQUARE, "(A X² + X A X + X² A)ᵀ"),
    Row("123", "tr(Bᵀ Xᵀ C X Xᵀ C X B)", "X", "B: n×p, X: m×n, C: m×m",
        "C X Xᵀ C X B Bᵀ + Cᵀ X B Bᵀ Xᵀ Cᵀ X + C X B Bᵀ Xᵀ C X + Cᵀ X Xᵀ Cᵀ X B Bᵀ"),
    Row("124", "tr(A X⁻¹ B)", "X", SQUARE, "−X⁻ᵀ Aᵀ Bᵀ X⁻ᵀ"),
    Row("125", "tr((Xᵀ C X)⁻¹ A)", "X", "X: n×k, C: n×n symmetric, A: k×k, k < n",
        "−(C X (Xᵀ C X)⁻¹) (A + Aᵀ) (Xᵀ C X)⁻¹"),
    Row("126", "tr((Xᵀ C X)⁻¹ (Xᵀ B X))", "X", "X: n×k, C: n×n symmetric, B: n×n symmetric, k < n",
        "−2 C X (Xᵀ C X)⁻¹ Xᵀ B X (Xᵀ C X)⁻¹ + 2 B X (Xᵀ C X)⁻¹"),
    Row("127", "tr((A + Xᵀ C X)⁻¹ (Xᵀ B X))", "X",
        "A: k×k symmetric, X: n×k, C: n×n symmetric, B: n×n symmetric",
        "−2 C X (A + Xᵀ C X)⁻¹ Xᵀ B X (A + Xᵀ C X)⁻¹ + 2 B X (A + Xᵀ C X)⁻¹", condition="A symmetric"),
    # 2.6, 2.7 Norms
    Row("129", "‖x − a‖", "x", "x: n, a: n", "(x − a) / ‖x − a‖", condition="x ≠ a"),
    Row("130", "(x − a) / ‖x − a‖", "x", "x: n, a: n",
        "I_n / ‖x − a‖ − (x − a) (x − a)ᵀ / ‖x − a‖³", J, condition="x ≠ a"),
    Row("131", "‖x‖²", "x", "x: n", "2 x"),
    Row("131", "xᵀ x", "x", "x: n", "2 x"),
    Row("132", "‖X‖_F²", "X", "X: m×n", "2 X"),
    # 2.8 Structured matrices: 142 is the gradient; 138 to 141 are tested below
    Row("142", "tr(A X)", "X", "A: n×n, X: n×n diagonal", "A ⊙ I"),
]  # fmt: skip

EXCLUDED = {
    "45": "the Hermitian transpose: for real matrices it is 44",
    "67": "a single eigenvalue is no operation here",
    "68": "a single eigenvector is no operation here",
    "128": "the matrix sine is no operation here; sin(X) applies to each entry",
    "133": "a definition by entries; its instances are the projections of structured variables",
    "134": "a definition by entries",
    "135": "the chain rule: every other row uses it",
    "136": "the chain rule: every other row uses it",
    "137": "the chain rule: every other row uses it",
    "143": "Toeplitz is no property here",
    "144": "Toeplitz is no property here",
}

IDS = [f"{i}-{row.number}" for i, row in enumerate(ROWS)]


def derivative(row: Row):
    if row.kind == "differential":
        moved = ("dX:", "dY:", "dx:")  # declared for the published side
        return derive.differential(row.formula, ", ".join(d for d in row.where.split(", ") if not d.startswith(moved)))
    return getattr(derive, row.kind)(row.formula, row.wrt, where=row.where)


def published(row: Row, text: str):
    """The printed result, in the shapes of the declarations and of the formula."""
    return derive.parse(text, row.where)


def found(row: Row):
    result = derivative(row).result
    return result if row.by is None else result @ published(row, row.by)


def sides(row: Row, text: str):
    result = found(row)
    if row.number == "33":
        return result, result * 0
    return result, published(row, text)


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_the_published_result_is_proved(row):
    ours, theirs = sides(row, row.published)
    assert ours.shape == theirs.shape
    assert derive.equal(ours, theirs) == "proved"


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_the_derivative_is_right_by_numbers(row):
    assert derivative(row).verify() < 1e-6


@pytest.mark.parametrize("row", [row for row in ROWS if row.wrong], ids=lambda row: row.number)
def test_what_is_wrong_in_print_is_found(row):
    ours, theirs = sides(row, row.wrong)
    assert derive.equal(ours, theirs) == "differs"


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_a_planted_error_is_found(row):
    ours, theirs = sides(row, row.published)
    if row.number != "33":
        assert derive.equal(ours, -theirs) == "differs"
        assert derive.equal(ours, 2 * theirs) == "differs"


@pytest.mark.parametrize(
    ("number", "loss", "printed"),
    [
        ("139", "tr(A X)", "A + Aᵀ − (A ⊙ I)"),
        ("140", "det(X)", "det(X) (2 X⁻¹ − (X⁻¹ ⊙ I))"),
        ("141", "log|det(X)|", "2 X⁻¹ − (X⁻¹ ⊙ I)"),
    ],
)
def test_the_other_convention_for_symmetric_matrices(number, loss, printed):
    """138: in print is 2 P − P ⊙ I, where P is the gradient in the space of symmetric matrices."""
    where = "A: n×n, X: n×n symmetric"
    projected = derive.gradient(loss, "X", where).result
    other = 2 * projected - derive.parse("A ⊙ I", where).op(projected, derive.parse("I_n", "n: scalar, X: n×n"))
    assert derive.equal(other, derive.parse(printed, where)) == "proved"
    assert derive.equal(projected, derive.parse(printed, where)) == "differs"


def test_conditions_missing_in_print_are_needed():
    """127 needs A symmetric, 51 square A and B: without, the printed result is another matrix or has no meaning."""
    where = "A: k×k, X: n×k, C: n×n symmetric, B: n×n symmetric"
    row = next(row for row in ROWS if row.number == "127")
    ours = derive.gradient(row.formula, "X", where).result
    assert derive.equal(ours, derive.parse(row.published, where)) == "differs"
    with pytest.raises(derive.ShapeError):
        derive.parse("det(A X B) (X⁻¹)ᵀ", "A: k×m, X: m×n, B: n×k")


def test_every_number_of_the_chapter_is_accounted_for():
    have = {row.number for row in ROWS} | {"138", "139", "140", "141"}
    assert have | set(EXCLUDED) == {str(i) for i in range(33, 145)}
    assert not have & set(EXCLUDED)


@pytest.mark.parametrize("row", [r for r in ROWS if r.kind == "gradient" and not r.by], ids=lambda r: r.number)
def test_the_box_is_no_longer_than_the_print(row):
    box = derive.gradient(row.formula, row.wrt, row.where).boxed
    assert symbol_count(box) <= symbol_count(derive.parse(row.published, row.where))
