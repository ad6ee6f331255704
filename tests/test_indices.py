"""Formulas with indices, generated: what is read has the value and the gradient of the loops it stands for."""

from __future__ import annotations

import inspect
import os
import random
import unicodedata
from collections.abc import Callable

import numpy as np
import pytest

import derive
from derive import names
from derive.errors import DeriveError
from derive.expr import symbols_of
from tests import index_formulas
from tests.index_formulas import FORMULAS, REFUSED, V

COUNT = 2000 if os.environ.get("DERIVE_FULL") else 150
SIZES = {"i": 3, "j": 4, "k": 5}
LETTERS = {"i": "im", "j": "jl", "k": "kt"}  # the indices of each range
TYPE = {letter: kind for kind, letters in LETTERS.items() for letter in letters}
FAMILIES = {
    "x": "i", "y": "i", "p": "j", "q": "j", "w": "k", "A": "ij", "B": "jk", "D": "ii", "S": "jj", "g": "ij", "U": "ik",
}  # fmt: skip
Env = dict[str, int]
Values = dict[str, np.ndarray]
Loop = Callable[[Values, Env], float]


class Formula:
    """A scalar in index notation, and the loops that compute it."""

    def __init__(self, text: str, loop: Loop, level: int) -> None:
        self.text = text
        self.loop = loop
        self.level = level  # 0 atom, 1 product, 2 sum

    def at(self, level: int) -> str:
        return self.text if self.level <= level else f"({self.text})"


class Generator:
    """Random formulas: nested sums, shared indices, functions, squares, conditions, shifts."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.used: set[str] = set()

    def entry(self, scope: list[str]) -> Formula:
        fitting = []
        for name, kinds in FAMILIES.items():
            choices = [[s for s in scope if TYPE[s] == kind] for kind in kinds]
            if all(choices):
                fitting.append((name, choices))
        if not fitting or self.random.random() < 0.05:
            value = self.random.choice([1, 2, 3])
            return Formula(str(value), lambda v, e: value, 0)
        name, choices = self.random.choice(fitting)
        self.used.add(name)
        at = [self.random.choice(c) for c in choices]
        low = at[0] if len(at) == 1 else "{" + "".join(at) + "}"
        return Formula(f"{name}_{low}", lambda v, e: v[name][tuple(e[a] for a in at)], 0)

    def sum(self, scope: list[str], depth: int) -> Formula:
        free = [c for letters in LETTERS.values() for c in letters if c not in scope]
        if not free:
            return self.entry(scope)
        index = self.random.choice(free)
        size = SIZES[TYPE[index]]
        others = [s for s in scope if TYPE[s] == TYPE[index]]
        body = self.formula([*scope, index], depth - 1)
        keep: Callable[[Env], bool] = lambda e: True  # noqa: E731
        below = self.random.choice([f"_{index}", f"_{{{index}=1}}^{size}"])
        if others and self.random.random() < 0.3:
            other, sign = self.random.choice(others), self.random.choice(["<", r"\neq", r"\le"])
            below = f"_{{{index} {sign} {other}}}"
            test = {"<": int.__lt__, r"\neq": int.__ne__, r"\le": int.__le__}[sign]
            keep = lambda e: test(e[index], e[other])  # noqa: E731

        def loop(v: Values, e: Env) -> float:
            places = [{**e, index: i} for i in range(size)]
            return float(sum(body.loop(v, place) for place in places if keep(place)))

        return Formula(rf"\sum{below} {body.at(1)}", loop, 1)

    def formula(self, scope: list[str], depth: int) -> Formula:
        kind = self.random.random()
        if depth <= 0 or kind < 0.15:
            return self.entry(scope)
        if kind < 0.4:
            a, b = self.formula(scope, depth - 1), self.formula(scope, depth - 1)
            left = f"({a.text})" if r"\sum" in a.text else a.at(1)
            return Formula(f"{left} {b.at(1)}", lambda v, e: a.loop(v, e) * b.loop(v, e), 1)
        if kind < 0.55:
            a, b = self.formula(scope, depth - 1), self.formula(scope, depth - 1)
            sign = self.random.choice("+-")
            left, right = (f"({c.text})" if r"\sum" in c.text else c.at(1) for c in (a, b))
            return Formula(
                f"{left} {sign} {right}",
                lambda v, e: a.loop(v, e) + (b.loop(v, e) if sign == "+" else -b.loop(v, e)),
                2,
            )
        if kind < 0.65:
            a = self.formula(scope, depth - 1)
            return Formula(f"({a.text})^2", lambda v, e: a.loop(v, e) ** 2, 0)
        if kind < 0.75:
            a = self.formula(scope, depth - 1)
            name, function = self.random.choice([("exp", np.exp), ("sin", np.sin), ("tanh", np.tanh)])
            return Formula(rf"\{name}({a.text})", lambda v, e: float(function(a.loop(v, e))), 0)
        return self.sum(scope, depth)


def values_of(seed: int) -> Values:
    rng = np.random.default_rng(seed)
    return {n: rng.uniform(-0.5, 0.5, [SIZES[k] for k in kinds]) for n, kinds in FAMILIES.items()}


def gradient_of(loop: Loop, values: Values, name: str, h: float = 1e-5) -> np.ndarray:
    """Central differences of the loops."""
    found = np.zeros(values[name].shape)
    for place in np.ndindex(*found.shape):
        sides = []
        for sign in (1, -1):
            moved = values[name].copy()
            moved[place] += sign * h
            sides.append(loop({**values, name: moved}, {}))
        found[place] = (sides[0] - sides[1]) / (2 * h)
    return found


def outcome(seed: int, mutate: Callable[[np.ndarray], np.ndarray] = lambda g: g) -> str:
    generator = Generator(seed)
    made = generator.sum([], 4)
    if not generator.used:
        return "constant"
    name = sorted(generator.used)[seed % len(generator.used)]
    values = values_of(seed)
    try:
        derivation = derive.gradient(made.text, name)
        function = derivation.function(returns="value_and_gradient")
    except DeriveError:
        return "refused"
    given = {n: values[n] for n in inspect.signature(function).parameters if n in values}
    missing = set(inspect.signature(function).parameters) - set(values)
    if missing:
        given |= dict.fromkeys(missing, SIZES["i"])  # a size that no array shows
    value, gradient = function(**given)
    expected, slope = made.loop(values, {}), gradient_of(made.loop, values, name)
    scale = 1 + np.abs(slope).max() + abs(expected)
    same = abs(value - expected) < 1e-9 * scale and np.abs(mutate(gradient) - slope).max() < 1e-6 * scale
    return "right" if same else f"different: {made.text} by {name}: {derivation.loss.text()}"


@pytest.mark.parametrize("start", range(0, COUNT, 50))
def test_what_is_read_is_what_the_loops_compute(start: int) -> None:
    found = [outcome(seed) for seed in range(start, start + 50)]
    assert not [f for f in found if f.startswith("different")]
    assert found.count("right") >= 25


def test_a_wrong_gradient_is_seen() -> None:
    found = [outcome(seed, lambda g: 1.001 * g + 1e-4) for seed in range(20)]
    assert any(f.startswith("different") for f in found)


@pytest.mark.parametrize(("formula", "wrt", "shapes", "loop"), FORMULAS, ids=[row[0] for row in FORMULAS])
def test_the_forms_of_the_literature(formula: str, wrt: str, shapes: str, loop: Callable[[V], float]) -> None:
    values = V()
    rng = np.random.default_rng(0)
    for part in shapes.split(","):
        name, _, shape = part.partition(":")
        sizes = [] if shape.split()[0] == "scalar" else [index_formulas.SIZES[s] for s in shape.split()[0].split("×")]
        signs = 1 if "positive" in shape else rng.choice([-1, 1], sizes)
        values[name.strip()] = np.asarray(rng.uniform(0.2, 0.8, sizes) * signs)
        if "positive" not in shape and name.strip() in ("S", "C", "E", "N", "Omega"):
            values[name.strip()] = np.sign(values[name.strip()]) / 2 + 0.5
    derivation = derive.gradient(formula, wrt)
    function = derivation.function(returns="value_and_gradient")
    given = {}
    for name in inspect.signature(function).parameters:
        given[name] = values[name] if name in values else index_formulas.SIZES[name]
    value, gradient = function(**given)
    slope = gradient_of(lambda v, e: loop(V(v)), values, names.identifier(names.canonical(wrt)))
    assert np.isclose(value, loop(values), rtol=1e-9)
    assert np.shape(gradient) == slope.shape
    assert np.allclose(gradient, slope, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("formula", "wrt", "why"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_has_no_matrix_form_is_refused_by_what_it_is(formula: str, wrt: str, why: str) -> None:
    with pytest.raises(DeriveError, match=why):
        derive.gradient(formula, wrt)


@pytest.mark.parametrize(
    "defined, written_out, wrt",
    [
        (r"h=X\theta; \frac{1}{2m}\sum_{i=1}^m(h_i-y_i)^2", r"\frac{1}{2m}\|X\theta - y\|^2", r"\theta"),
        (r"\sum_i e_i^2; e=y-X\beta", r"\|y - X\beta\|^2", r"\beta"),
        (r"z=Wx+b; -\sum_k y_k\log \frac{e^{z_k}}{\sum_je^{z_j}}", r"-y^T \log(\mathrm{softmax}(W x + b))", "W"),
        (r"P = X W; \sum_i \|p_i - y_i\|^2", r"\|X W - Y\|_F^2", "W"),
        (r"A=W^TW; \sum_{ij} (A_{ij}-\delta_{ij})^2", r"\|W^T W - I\|_F^2", "W"),
        (r"h=X\theta; h_1^2", r"(e_1^T X \theta)^2", r"\theta"),
        (r"R=Y-XB; \sum_{ij}r_{ij}^2", r"\|Y - X B\|_F^2", "B"),
    ],
)
def test_an_entry_of_what_is_defined_is_an_entry_of_its_formula(defined, written_out, wrt):
    one, other = derive.gradient(defined, wrt), derive.gradient(written_out, wrt)
    assert str(derive.equal(one.result, other.result)) in ("proved", "agrees")
    assert {s.name for s in symbols_of(one.result)} == {s.name for s in symbols_of(other.result)}


ROWS, CLASSES = 5, 4
LABELS = np.array([2, 0, 3, 1, 2])  # counted from 0
ONE_HOT = np.eye(CLASSES)[LABELS]


def _log_sum(z):
    return np.log(np.sum(np.exp(z), axis=-1))


_HINGE = r"\max(0, w_j^Tx_i - w_{y_i}^Tx_i + 1)"
_CHOSEN: list[tuple[str, str, Callable[..., float]]] = [
    (r"-\log\frac{e^{f_{y_i}}}{\sum_j e^{f_j}}", "f", lambda f, **_: _log_sum(f) - f[2]),
    (r"-f_y+\log\sum_j e^{f_j}", "f", lambda f, **_: _log_sum(f) - f[2]),
    (r"-\log\frac{e^{f_k}}{\sum_j e^{f_j}}", "f", lambda f, **_: _log_sum(f) - f[2]),
    (r"-u_o^Tv_c+\log\sum_{w=1}^V\exp(u_w^Tv_c)", "U", lambda U, v, **_: _log_sum(U @ v) - U[2] @ v),
    (r"s=Uv_c; -s_y+\log\sum_je^{s_j}", "U", lambda U, v, **_: _log_sum(U @ v) - U[2] @ v),
    (r"\sum_{j\ne y}\max(0, f_j - f_y + 1)", "f", lambda f, **_: np.maximum(0, f - f[2] + 1).sum() - 1),
    (r"\sum_{i\neq k} f_i^2", "f", lambda f, **_: f @ f - f[2] ** 2),
    (r"\|f\|^2 + 3 f_k", "f", lambda f, **_: f @ f + 3 * f[2]),
    (r"-\sum_{i=1}^n\log\frac{e^{w_{y_i}^Tx_i}}{\sum_{j=1}^Ke^{w_j^Tx_i}}", "W",
     lambda W, X, **_: (_log_sum(X @ W.T) - (X @ W.T)[range(ROWS), LABELS]).sum()),
    (r"-\sum_{i=1}^n\log\mathrm{softmax}(Wx_i)_{y_i}", "W",
     lambda W, X, **_: (_log_sum(X @ W.T) - (X @ W.T)[range(ROWS), LABELS]).sum()),
    (r"-\sum_i\log\frac{e^{w_{y^{(i)}}^Tx^{(i)}}}{\sum_{j=1}^Ke^{w_j^Tx^{(i)}}}", "W",
     lambda W, X, **_: (_log_sum(X @ W.T) - (X @ W.T)[range(ROWS), LABELS]).sum()),
    (r"-\sum_i s_{i,y_i} + \sum_i\log\sum_j e^{s_{ij}}", "s",
     lambda s, **_: (_log_sum(s) - s[range(ROWS), LABELS]).sum()),
    (rf"\sum_i\sum_{{j\neq y_i}}{_HINGE}", "W",
     lambda W, X, **_: np.maximum(0, X @ W.T - (X @ W.T)[range(ROWS), LABELS][:, None] + 1).sum() - ROWS),
    (r"-\sum_i\sum_k 1\{y_i = k\}(w_k^Tx_i - \log\sum_j e^{w_j^Tx_i})", "W",
     lambda W, X, **_: (_log_sum(X @ W.T) - (X @ W.T)[range(ROWS), LABELS]).sum()),
    (r"\sum_i\sum_k \mathbb{1}[y_i = k]\|x_i - w_k\|^2", "W", lambda W, X, **_: np.sum((X - W[LABELS]) ** 2)),
    (r"\sum_i\sum_k \mathbf{1}_{y_i\neq k} s_{ik}^2", "s", lambda s, **_: np.sum((1 - ONE_HOT) * s**2)),
    (r"\sum_i \mathbb{1}\{f_i > 0\} f_i^2", "f", lambda f, **_: np.sum((f > 0) * f**2)),
    (r"\sum_{ij} [i = j] S_{ij}^2", "S", lambda S, **_: np.sum(np.diag(S) ** 2)),
]  # fmt: skip


@pytest.mark.parametrize("formula, wrt, loop", _CHOSEN, ids=[row[0] for row in _CHOSEN])
def test_what_a_label_or_an_index_chooses_is_an_entry_or_a_row(formula, wrt, loop):
    rng = np.random.default_rng(3)
    shapes = {"f": CLASSES, "v": 3, "U": (CLASSES, 3), "W": (CLASSES, 3), "X": (ROWS, 3), "s": (ROWS, CLASSES)}
    values = {name: rng.standard_normal(shape) for name, shape in {**shapes, "S": (4, 4)}.items()}
    derivation = derive.gradient(formula, wrt)
    function = derivation.function(returns="value_and_gradient")
    given = {**values, "v_c": values["v"], "Y": ONE_HOT, **dict.fromkeys(("y", "y_i", "k", "o"), 3)}  # from 1
    value, gradient = function(**{name: given[name] for name in inspect.signature(function).parameters})
    assert np.isclose(value, loop(**values), rtol=1e-10)
    for at in np.ndindex(values[wrt].shape):
        moved = {sign: values[wrt].copy() for sign in (1, -1)}
        for sign, array in moved.items():
            array[at] += sign * 1e-6
        slope = (loop(**{**values, wrt: moved[1]}) - loop(**{**values, wrt: moved[-1]})) / 2e-6
        assert abs(gradient[at] - slope) < 1e-6 * (1 + abs(slope))


@pytest.mark.parametrize(
    "formula, wrt, why",
    [
        (r"\sum_{j\neq i}w_{ij}x_j", "x", "i may be given, or summed over too"),
        (r"\sum_i\log p_{i,y_i} + \|Y\|^2", "p", "which is something else here"),
        (r"I(A=B)x", "x", "this indicator is not read"),
        (r"\sum_i 1\{y_i = k = 2\} x_i", "x", "this indicator is not read"),
    ],
)
def test_labels_that_say_too_little_are_refused(formula, wrt, why):
    with pytest.raises(DeriveError, match=why):
        derive.gradient(formula, wrt)


def test_the_neighborhood_penalty_is_that_of_its_laplacian():
    d = derive.gradient(r"\frac{1}{2}\sum_{i,j}w_{ij}\|x_i-x_j\|^2", "x")
    w, x = np.random.default_rng(0).random((2, 4, 4))
    L = np.diag((w + w.T).sum(1)) - w - w.T
    assert np.allclose(d.function()(w=w, x=x), L @ x)


def test_a_sum_over_pairs_reaches_over_its_penalty():
    d = derive.gradient(r"\sum_{(i,j)\in\mathcal{K}}(r_{ij}-p_i^Tq_j)^2+\lambda(\|p_i\|^2+\|q_j\|^2)", "p")
    rng = np.random.default_rng(0)
    K, r, p, Q = (rng.random((3, 4)) > 0.5) * 1.0, rng.random((3, 4)), rng.random((3, 2)), rng.random((4, 2))
    given = {"K": K, "r": r, "p": p, "Q": Q, "lam": 0.3}
    wanted = np.zeros_like(p)
    for i, j in np.argwhere(K):
        wanted[i] += 0.6 * p[i] - 2 * (r[i, j] - p[i] @ Q[j]) * Q[j]
    assert np.allclose(d.function()(**given), wanted)


PAIRS = [(i, j) for i in range(4) for j in range(i + 1, 4)]


@pytest.mark.parametrize(
    "formula, wrt, term",
    [
        (r"\sum_{i<j}(d_{ij}-\|x_i-x_j\|)^2", "X", lambda i, j, X, d, q: (d[i, j] - np.linalg.norm(X[i] - X[j])) ** 2),
        (r"\sum_{i<j}\frac{1}{\|x_i-x_j\|}", "X", lambda i, j, X, d, q: 1 / np.linalg.norm(X[i] - X[j])),
        (r"\sum_{i<j}\frac{1}{\|x_i-x_j\|^2}", "X", lambda i, j, X, d, q: 1 / np.sum((X[i] - X[j]) ** 2)),
        (r"\sum_{i<j}\log\|x_i-x_j\|", "X", lambda i, j, X, d, q: np.log(np.linalg.norm(X[i] - X[j]))),
        (r"\sum_{i<j}\frac{1}{|q_i-q_j|}", "q", lambda i, j, X, d, q: 1 / abs(q[i] - q[j])),
    ],
)
def test_pairs_are_finite_where_their_diagonal_is_not(formula, wrt, term):
    rng = np.random.default_rng(0)
    point = {"X": rng.standard_normal((4, 3)), "d": rng.random((4, 4)), "q": rng.standard_normal(4)}

    def loss(values):
        return sum(term(i, j, **(point | {wrt: values})) for i, j in PAIRS)

    function = derive.gradient(formula, wrt).function(returns="value_and_gradient")
    value, slope = function(**{name: point[name] for name in inspect.signature(function).parameters})
    assert value == pytest.approx(loss(point[wrt]))
    for index in np.ndindex(slope.shape):
        step = np.zeros_like(slope)
        step[index] = 1e-6
        assert slope[index] == pytest.approx((loss(point[wrt] + step) - loss(point[wrt] - step)) / 2e-6, rel=1e-6)


@pytest.mark.parametrize(
    "formula, read",
    [
        (r"p_i = \frac{e^{z_i}}{\sum_j e^{z_j}}", "exp(z) / sum(exp(z))"),
        (r"C_{ij} = \sum_k A_{ik} z_{kj}", "A z"),
        (r"y_i = \tanh(\sum_j W_{ij} z_j + b_i)", "tanh(W z + b)"),
    ],
)
def test_an_entry_defined_for_every_index_is_all_of_them_where_no_number_is_wanted(formula: str, read: str) -> None:
    made = derive.jacobian(formula, "z")
    assert made.loss.text() == read and any("is read for every i" in reading for reading in made.readings)


@pytest.mark.parametrize(("start", "back"), [(1, 1), (0, 0)])
def test_neighbors_reach_back_to_the_entry_before_the_first(start, back):
    """Σₜ₌₁ᵀ ‖xₜ − A xₜ₋₁‖² + ‖x₀ − m‖²: x₀ is the first row, as it is where the sum begins with 0."""
    end, now, then = ("T", "t", "t-1") if back else ("T-1", "t+1", "t")
    formula = rf"\sum_{{t={start}}}^{{{end}}} \|x_{{{now}}} - A x_{{{then}}}\|^2 + \|x_0 - m\|^2"
    rng = np.random.default_rng(0)
    X, A, m = rng.standard_normal((6, 3)), rng.standard_normal((3, 3)), rng.standard_normal(3)
    past, rest = X[:-1], X[1:] - X[:-1] @ A.T
    where = "X: (T+1)×n"
    by_A = derive.gradient(formula, "A", where).function()
    assert np.allclose(by_A(A=A, X=X, m=m), -2 * rest.T @ past)
    by_X = derive.gradient(formula, "X", where).function()
    wanted = np.zeros_like(X)
    wanted[1:] += 2 * rest
    wanted[:-1] -= 2 * rest @ A
    wanted[0] += 2 * (X[0] - m)
    assert np.allclose(by_X(X=X, A=A, m=m), wanted)


def test_a_matrix_that_is_declared_and_stands_nowhere_is_declared_for_its_rows():
    assert derive.parse(r"\sum_i w_i x_i", "X: N×d, w: N").text() == "Xᵀ w"
    assert derive.parse(r"\sum_i w_i x_i", "x: N, w: N").text() == "⟨w, x⟩"


def test_a_dot_between_a_letter_and_a_member_says_what_it_multiplies():
    assert derive.gradient(r"\sum_i \theta \cdot x_i", "x").readings == [
        r"\theta \cdot x_i is read as a product of numbers, not of vectors"
    ]
    assert not any("numbers" in said for said in derive.gradient(r"\sum_i \lambda \cdot x_i^2", "x").readings)


def test_a_sum_without_an_index_is_that_of_all_entries_and_says_so():
    made = derive.gradient(r"\frac{1}{n} \sum (y - \hat{y})^2", r"\hat{y}")
    assert made.loss.text() == unicodedata.normalize("NFD", "sum((y − ŷ).^2) / n")
    assert r"\sum (y - \hat{y})^2 is read as the sum of all entries" in made.readings
    assert unicodedata.normalize("NFD", "in sums without an index: vectors y, ŷ") in made.readings
    line = derive.gradient(r"\sum (y - a x)^2", "a")
    assert line.loss.text() == "sum((y − a x).^2)"
    assert "in sums without an index: vectors x, y; numbers a" in line.readings
    fit = derive.gradient(r"\sum (y - (a x + b))^2", "b", "b: scalar")
    assert fit.loss.text() == "sum((y − (a x + b 𝟏)).^2)"
    both = derive.gradient(r"\sum (y - \hat y)^2 + \lambda \sum w^2", "w")
    assert both.boxed.text() == "2 λ w"
    assert derive.gradient(r"\sum (y - \hat y)^2 + \lambda \|w\|^2", "w").boxed.text() == "2 λ w"


@pytest.mark.parametrize("formula", [r"\sum x^2 + x", r"\sum (y - w^T x)^2", r"\sum x^2 + y x"])
def test_vectors_beside_a_sum_without_an_index_are_not_guessed(formula):
    with pytest.raises(derive.DeriveError):
        derive.gradient(formula, "x")


@pytest.mark.parametrize(
    "formula, wrt", [(r"\sum (x - \mu)^2", r"\mu"), (r"\sum (y - (a x + b))^2", "b"), (r"\sum (y - w^2 x)^2", "w")]
)
def test_a_summand_that_may_be_one_number_is_asked_for(formula, wrt):
    with pytest.raises(DeriveError, match="may be one number, or one for each entry"):
        derive.gradient(formula, wrt)
    name = derive.names.canonical(wrt)
    assert derive.gradient(formula, wrt, f"{name}: scalar").result.is_scalar
    assert derive.gradient(formula, wrt, f"{name}: n").result.is_vector


def test_a_letter_before_a_letter_in_brackets_is_no_product_in_a_sum_without_an_index():
    with pytest.raises(DeriveError, match=r"may be an entry of p, or a product"):
        derive.gradient(r"\sum p(x) \log p(x)", "p")
    assert derive.gradient(r"\sum_x p(x) \log p(x)", "p").loss.text() == "⟨p, log(p)⟩"
