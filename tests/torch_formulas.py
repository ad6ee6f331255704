"""Random formulas as text and, apart from derive, as PyTorch code: an oracle that knows none of our rules.

A formula is a tree of `Node`s.  Each has its text in derive's notation and a function that computes it
on PyTorch tensors in double precision; derivatives of the second come from autograd alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch

Env = Mapping[str, torch.Tensor]
Shape = tuple[str, ...]  # the names of its dimensions: () a scalar, ("n",) a vector

STRUCTURES = ("spd", "symmetric", "diagonal", "lower", "upper")
DIMS = ("m", "n", "p")


class Node(NamedTuple):
    text: str
    shape: Shape
    value: Callable[[Env], torch.Tensor]


class Symbol(NamedTuple):
    name: str
    shape: Shape
    words: tuple[str, ...]

    @property
    def declaration(self) -> str:
        kind = "×".join(self.shape) or "scalar"
        return " ".join([f"{self.name}: {kind}", *self.words])

    @property
    def structure(self) -> str | None:
        return next((word for word in self.words if word in STRUCTURES), None)


def projected(structure: str | None, G: torch.Tensor) -> torch.Tensor:
    """The orthogonal projection on the matrices of a structure."""
    if structure in ("spd", "symmetric"):
        return (G + G.T) / 2
    if structure == "diagonal":
        return torch.diag(torch.diagonal(G))
    return torch.tril(G) if structure == "lower" else torch.triu(G) if structure == "upper" else G


def length(A: torch.Tensor) -> torch.Tensor:
    """The Euclidean norm; unlike that of PyTorch it has no derivative at 0."""
    return torch.sqrt((A * A).sum())


def drawn(symbol: Symbol, sizes: Mapping[str, int], generator: torch.Generator) -> torch.Tensor:
    """A random value of the declared structure, away from 0."""
    shape = [sizes[dim] for dim in symbol.shape]
    A = torch.randn(shape, dtype=torch.float64, generator=generator)
    A = A + 0.2 * torch.sign(A)
    if symbol.structure == "spd":
        return A @ A.T / shape[0] + torch.eye(shape[0], dtype=torch.float64)
    return A if symbol.structure is None else projected(symbol.structure, A)


class Formulas:
    """A source of random formulas over symbols that it declares as it needs them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.symbols: list[Symbol] = []

    def pick(self, *choices):
        return self.random.choice(choices)

    def leaf(self, shape: Shape) -> Node:
        used = [s for s in self.symbols if s.shape == shape]
        if used and self.random.random() < (0.6 if len(self.symbols) < 6 else 1.0):
            symbol = self.random.choice(used)
        else:
            letters = (
                ("a", "c", "s_0", "lam", "tau", "beta") if not shape else ("x", "y", "z", "v_1", "w_hat", "u", "q")
            )
            letters = letters if len(shape) < 2 else ("A", "B", "C", "W_1", "X", "Z_in", "M", "Q", "R")
            free = [name for name in letters if name not in {s.name for s in self.symbols}]
            if not free:
                return self.number(shape)
            words: list[str] = []
            if len(shape) == 2 and shape[0] == shape[1] and self.random.random() < 0.45:
                words.append(self.pick(*STRUCTURES))
            if self.random.random() < 0.2:
                words.append("constant")
            symbol = Symbol(free[0], shape, tuple(words))
            self.symbols.append(symbol)
        name = symbol.name
        return Node(name, shape, lambda env: env[name])

    def number(self, shape: Shape) -> Node:
        if not shape:
            c = self.pick(1, 2, 3)
            return Node(str(c), (), lambda env: torch.tensor(float(c), dtype=torch.float64))
        return Node(
            f"ones({', '.join(shape)})",
            shape,
            lambda env: torch.ones([int(env[d]) for d in shape], dtype=torch.float64),
        )

    def small(self, depth: int) -> int:
        return self.random.choice((0, 0, max(depth - 1, 0)))

    # Entry by entry

    def entrywise(self, A: Node) -> Node:
        """A function of each entry, of what its domain takes."""
        f = A.value
        rows = [
            ("tanh({x})", lambda t: torch.tanh(t)),
            ("sin({x})", lambda t: torch.sin(t)),
            ("exp(tanh({x}))", lambda t: torch.exp(torch.tanh(t))),
            ("sigmoid({x})", lambda t: torch.sigmoid(t)),
            ("softplus({x})", lambda t: torch.nn.functional.softplus(t, threshold=1e9)),
            ("log({one} + exp({x}))", lambda t: torch.logaddexp(t, torch.zeros_like(t))),
            ("log(cosh({x}))", lambda t: torch.log(torch.cosh(t))),
            ("{one} ./ ({one} + exp(-{x}))", lambda t: torch.sigmoid(t)),
            ("({one} + {x}.^2).^(1/2)", lambda t: torch.sqrt(1 + t**2)),
            ("({one} + {x}.^2).^(-1/2)", lambda t: 1 / torch.sqrt(1 + t**2)),
            ("(2*{one} - tanh({x}).^2).^(-3/2)", lambda t: (2 - torch.tanh(t) ** 2) ** -1.5),
            ("log(2*{one} + sin({x}))", lambda t: torch.log(2 + torch.sin(t))),
            ("arctan({x})", lambda t: torch.arctan(t)),
            ("arcsin(0.5*tanh({x}))", lambda t: torch.arcsin(0.5 * torch.tanh(t))),
            ("{x}.^2", lambda t: t**2),
            ("{x}.^3", lambda t: t**3),
            ("abs({x})", lambda t: torch.abs(t)),
            ("relu({x})", lambda t: torch.relu(t)),
            ("erf({x})", lambda t: torch.erf(t)),
            ("{x} ./ ({one} + {x}.^2)", lambda t: t / (1 + t**2)),
        ]
        text, function = self.random.choice(rows)
        return Node(f"({self.spelled(text, A)})", A.shape, lambda env: function(f(env)))

    def spelled(self, template: str, A: Node) -> str:
        """The text of an operation on each entry of A; on a number without its dots."""
        if not A.shape:
            template = template.replace(".^", "^").replace("./", "/").replace(".*", "*")
        return template.replace("{one}", self.number(A.shape).text if A.shape else "1").replace("{x}", A.text)

    def repeated(self, A: Node) -> Node:
        """Equal factors with fractional exponents."""
        f = A.value
        e = self.pick((1, 2), (-1, 2), (-3, 2), (1, 3), (-2, 3))
        times = self.pick(2, 2, 3)
        base, value = self.pick(
            ("(2*{one} - tanh({x}).^2)", lambda t: 2 - torch.tanh(t) ** 2),
            ("(2*{one} + sin({x}))", lambda t: 2 + torch.sin(t)),
            ("({one} + {x}.^2)", lambda t: 1 + t**2),
        )
        text = self.spelled(" .* ".join([f"{base}.^({e[0]}/{e[1]})"] * times), A)
        return Node(f"({text})", A.shape, lambda env: value(f(env)) ** (times * e[0] / e[1]))

    # By shape

    def of(self, shape: Shape, depth: int) -> Node:
        if depth <= 0:
            return self.number(shape) if self.random.random() < 0.06 else self.leaf(shape)
        return (self.scalar, self.vector, self.matrix)[len(shape)](shape, depth)

    def common(self, shape: Shape, depth: int) -> list[Callable[[], Node]]:
        """What every shape has."""
        less = depth - 1

        def two(sign: str, function: Callable[..., torch.Tensor]) -> Node:
            A, B = self.of(shape, less), self.of(shape, self.small(depth))
            return Node(f"({A.text} {sign} {B.text})", shape, lambda env: function(A.value(env), B.value(env)))

        def scaled() -> Node:
            s, A = self.of((), self.small(depth)), self.of(shape, less)
            return Node(f"({s.text}*{A.text})", shape, lambda env: s.value(env) * A.value(env))

        return [
            lambda: two("+", torch.add),
            lambda: two("-", torch.sub),
            lambda: two(".*" if shape else "*", torch.mul),
            lambda: self.entrywise(self.of(shape, less)),
            lambda: self.entrywise(self.of(shape, less)),
            lambda: self.repeated(self.of(shape, less)),
            scaled,
        ]

    def scalar(self, shape: Shape, depth: int) -> Node:
        less, d, e = depth - 1, self.pick(*DIMS), self.pick(*DIMS)

        def reduced(text: str, inside: Shape, function: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[], Node]:
            def make() -> Node:
                A = self.of(inside, less)
                return Node(text.format(A.text), (), lambda env: function(A.value(env)))

            return make

        def product() -> Node:
            x, y = self.of((d,), less), self.of((d,), self.small(depth))
            return Node(f"({x.text}'*{y.text})", (), lambda env: x.value(env) @ y.value(env))

        def form() -> Node:
            x, A, y = self.of((d,), self.small(depth)), self.of((d, e), less), self.of((e,), 0)
            return Node(f"({x.text}'*{A.text}*{y.text})", (), lambda env: x.value(env) @ A.value(env) @ y.value(env))

        def divided() -> Node:
            a, b = self.of((), less), self.of((), self.small(depth))
            return Node(f"({a.text}/(1 + ({b.text})^2))", (), lambda env: a.value(env) / (1 + b.value(env) ** 2))

        def size() -> Node:
            A = self.of((d,), less)
            return Node(f"(1/{d}*sum({A.text}))", (), lambda env: A.value(env).sum() / env[d])

        flat = length
        near = lambda A: torch.eye(len(A), dtype=torch.float64) + A @ A.T  # noqa: E731
        return self.random.choice(
            [
                *self.common((), depth),
                product,
                product,
                form,
                form,
                divided,
                size,
                reduced("sum({})", (d,), torch.sum),
                reduced("sum({})", (d, e), torch.sum),
                reduced("tr({})", (d, d), torch.trace),
                reduced("tr({})", (d, d), torch.trace),
                reduced("norm({})", (d,), flat),
                reduced("norm({})", (d, e), flat),
                reduced("norm({})", (), length),
                reduced("(norm({})^3)", (), lambda a: length(a) ** 3),
                reduced("(norm({})^2)", (d, e), lambda A: (A * A).sum()),
                reduced("norm1({})", (d,), lambda x: torch.abs(x).sum()),
                reduced("log(sum(exp({})))", (d,), lambda x: torch.logsumexp(x, 0)),
                reduced(
                    "logdet(eye({d}) + {{0}}*{{0}}')".replace("{d}", d).replace("{{0}}", "{0}"),
                    (d, e),
                    lambda A: torch.logdet(near(A)),
                ),
                reduced(
                    f"det(eye({d}) + 0.25*{{}})",
                    (d, d),
                    lambda A: torch.linalg.det(torch.eye(len(A), dtype=torch.float64) + 0.25 * A),
                ),
            ]
        )()

    def vector(self, shape: Shape, depth: int) -> Node:
        (d,), less, e = shape, depth - 1, self.pick(*DIMS)

        def applied() -> Node:
            A, x = self.of((d, e), self.small(depth)), self.of((e,), less)
            return Node(f"({A.text}*{x.text})", shape, lambda env: A.value(env) @ x.value(env))

        def turned() -> Node:
            A, x = self.of((e, d), less), self.of((e,), self.small(depth))
            return Node(f"({A.text}'*{x.text})", shape, lambda env: A.value(env).T @ x.value(env))

        def soft() -> Node:
            x = self.of(shape, less)
            text = self.pick("softmax({0})", "(exp({0})/sum(exp({0})))").format(x.text)
            return Node(text, shape, lambda env: torch.softmax(x.value(env), 0))

        def diagonal() -> Node:
            A = self.of((d, d), less)
            return Node(f"diag({A.text})", shape, lambda env: torch.diagonal(A.value(env)))

        def solved() -> Node:
            A, x = self.of((d, e), self.small(depth)), self.of(shape, less)
            return Node(
                f"(inv(eye({d}) + {A.text}*{A.text}')*{x.text})",
                shape,
                lambda env: torch.linalg.solve(
                    torch.eye(int(env[d]), dtype=torch.float64) + A.value(env) @ A.value(env).T, x.value(env)
                ),
            )

        def unit() -> Node:
            x = self.of(shape, less)
            return Node(f"({x.text}/norm({x.text}))", shape, lambda env: x.value(env) / length(x.value(env)))

        return self.random.choice(
            [*self.common(shape, depth), applied, applied, turned, turned, soft, diagonal, solved, unit]
        )()

    def matrix(self, shape: Shape, depth: int) -> Node:
        (d, e), less, k = shape, depth - 1, self.pick(*DIMS)

        def product() -> Node:
            A, B = self.of((d, k), less), self.of((k, e), self.small(depth))
            return Node(f"({A.text}*{B.text})", shape, lambda env: A.value(env) @ B.value(env))

        def transposed() -> Node:
            A = self.of((e, d), less)
            return Node(f"{A.text}'", shape, lambda env: A.value(env).T)

        def outer() -> Node:
            x, y = self.of((d,), less), self.of((e,), self.small(depth))
            return Node(f"({x.text}*{y.text}')", shape, lambda env: torch.outer(x.value(env), y.value(env)))

        choices = [*self.common(shape, depth), product, product, product, transposed, outer]
        if d == e:

            def inverse() -> Node:
                A = self.of((d, k), less)
                return Node(
                    f"inv(eye({d}) + {A.text}*{A.text}')",
                    shape,
                    lambda env: torch.linalg.inv(
                        torch.eye(int(env[d]), dtype=torch.float64) + A.value(env) @ A.value(env).T
                    ),
                )

            def spread() -> Node:
                x = self.of((d,), less)
                return Node(f"diag({x.text})", shape, lambda env: torch.diag(x.value(env)))

            def exponential() -> Node:
                A = self.of(shape, 0)
                return Node(f"expm(0.25*{A.text})", shape, lambda env: torch.linalg.matrix_exp(0.25 * A.value(env)))

            choices += [inverse, spread, exponential]
        return self.random.choice(choices)()


class Case:
    """A formula, the derivative asked for, and what PyTorch makes of it.

    Attributes
    ----------
    kind : str
    text, where : str
    wrt, direction : Symbol or None
    symbols : list of Symbol
    """

    def __init__(self, seed: int) -> None:
        for attempt in range(1000):
            source = Formulas(seed * 1009 + attempt)
            self.kind = source.pick("gradient", "gradient", "gradient", "hessian", "hvp", "jacobian")
            depth = source.pick(2, 3, 3, 4) if self.kind == "gradient" else source.pick(2, 2, 3)
            shape: Shape = () if self.kind != "jacobian" else (source.pick(*DIMS),)
            self.node = source.of(shape, depth)
            free = [s for s in source.symbols if "constant" not in s.words]
            if self.kind in ("hessian", "jacobian"):
                free = [s for s in free if len(s.shape) == 1 or (self.kind == "jacobian" and not s.shape)]
            if self.kind == "hvp":
                free = [s for s in free if s.structure is None and s.shape]
            if free and len(self.node.text) < 260:
                break
        self.seed = seed
        self.text = self.node.text
        self.symbols = list(source.symbols)
        self.wrt = source.random.choice(free)
        self.direction: Symbol | None = None
        if self.kind == "hvp":
            self.direction = Symbol("D_0" if len(self.wrt.shape) == 2 else "d_0", self.wrt.shape, ())
            self.symbols.append(self.direction)
        self.where = ", ".join(s.declaration for s in self.symbols)

    def env(self, seed: int) -> dict[str, torch.Tensor]:
        """Values of the symbols, and sizes of the dimensions from 1 to 3."""
        generator = torch.Generator().manual_seed(self.seed * 17 + seed)
        sizes = {d: int(torch.randint(1, 4, (), generator=generator)) for d in DIMS}
        made = {s.name: drawn(s, sizes, generator) for s in self.symbols}
        return {d: torch.tensor(float(k), dtype=torch.float64) for d, k in sizes.items()} | made

    def wanted(self, env: Env) -> tuple[torch.Tensor, torch.Tensor]:
        """The value and the derivative."""
        name = self.wrt.name

        def f(x: torch.Tensor) -> torch.Tensor:
            return self.node.value({**env, name: x}) + 0 * x.sum()

        x = env[name]
        value = f(x)
        if self.kind == "jacobian":
            return value, torch.autograd.functional.jacobian(f, x)
        if self.kind == "hessian":
            return value, torch.autograd.functional.hessian(f, x)
        if self.kind == "hvp":
            assert self.direction is not None
            return value, torch.autograd.functional.vhp(f, x, env[self.direction.name])[1]
        return value, projected(self.wrt.structure, torch.autograd.functional.jacobian(f, x))
