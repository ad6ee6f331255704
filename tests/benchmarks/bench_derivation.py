"""Time of a derivation: linear in the size of the graph, and beside SymPy, tensorgrad and JAX.

    python tests/benchmarks/bench_derivation.py [LARGEST]

Chains of k layers, warm: gradient by one weight, best of five, and its program, best of three;
the growth exponent is the slope of log time over log k from k = 64 on.  SymPy and tensorgrad
derive the same loss up to the k at which they take seconds, JAX traces its gradient; each where it
is installed.  What tensorgrad calls a gradient is evaluated by `simplify`, which is what is timed.

Budget: exponents at most 1.1; all weights of 128 layers within 20 ms; the tied-weight autoencoder
within 2 ms.  Exit status 1 beyond it.
"""

from __future__ import annotations

import gc
import importlib.util
import math
import sys
import time
from collections.abc import Callable
from typing import Any

from bench_boxes import forget

import derive
from derive.codegen import derivative_program
from derive.derivation import Sweep
from derive.expr import Expr, nodes, symbol, symbols_of
from derive.operations import sq_norm, tanh

FLAGSHIP = "½‖WᵀWx − x‖²"
BUDGET_EXPONENT = 1.1
BUDGET_WEIGHTS = 0.020  # seconds
BUDGET_FLAGSHIP = 0.002
SYMPY_SIZES = TENSORGRAD_SIZES = (2, 4, 8)
JAX_LARGEST = 256


def tied_linear(k: int) -> Expr:
    """‖Wᵀ W … Wᵀ W x − x‖², k factors."""
    W, x = symbol("W", "m", "n"), symbol("x", "n")
    y = x
    for i in range(k):
        y = W.T @ y if i % 2 else W @ y
    return sq_norm(y - x)


def tied_tanh(k: int) -> Expr:
    """‖tanh(W tanh(W …)) − x‖²."""
    W, x = symbol("W", "n", "n"), symbol("x", "n")
    y = x
    for _ in range(k):
        y = tanh(W @ y)
    return sq_norm(y - x)


def products_of_sums(k: int) -> Expr:
    """‖(A₁ + B₁) (A₂ + B₂) … x‖²."""
    y = symbol("x", "n")
    for i in range(k, 0, -1):
        y = (symbol(f"A_{i}", "n", "n") + symbol(f"B_{i}", "n", "n")) @ y
    return sq_norm(y)


CHAINS: dict[str, Callable[[int], Expr]] = {
    "tied linear": tied_linear,
    "tanh": tied_tanh,
    "products of sums": products_of_sums,
}


def best(action: Callable[[], Any], runs: int = 5) -> float:
    """The shortest time of an action in seconds, without garbage collection, as `timeit` measures."""
    times = []
    for _ in range(runs):
        gc.collect()
        gc.disable()
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
        gc.enable()
    return min(times)


def slope(times: dict[int, float]) -> float:
    """The growth exponent: least squares of log time over log k, from k = 64 on."""
    points = [(math.log(k), math.log(t)) for k, t in times.items() if k >= 64]
    x = sum(p for p, _ in points) / len(points)
    y = sum(q for _, q in points) / len(points)
    return sum((p - x) * (q - y) for p, q in points) / sum((p - x) ** 2 for p, _ in points)


def sympy_time(name: str, k: int) -> float:
    """SymPy's derivative of the same chain by one weight."""
    import sympy

    m, n = sympy.symbols("m n", positive=True, integer=True)
    W, x = sympy.MatrixSymbol("W", m, n), sympy.MatrixSymbol("x", n, 1)
    y: Any = x
    if name == "tied linear":
        for i in range(k):
            y = W.T * y if i % 2 else W * y
        loss, wrt = sympy.Trace((y - x).T * (y - x)), W
    elif name == "products of sums":
        factors = [sympy.MatrixSymbol(f"A{i}", n, n) + sympy.MatrixSymbol(f"B{i}", n, n) for i in range(k)]
        for factor in reversed(factors):
            y = factor * y
        loss, wrt = sympy.Trace(y.T * y), sympy.MatrixSymbol("A0", n, n)
    else:
        return math.nan  # no matrix form of a nested entrywise function
    return best(lambda: sympy.diff(loss, wrt), 1)


def jax_time(name: str, k: int) -> float:
    """The time in which JAX traces the gradient of the same chain."""
    import jax
    import jax.numpy as jnp

    n = 4
    x = jnp.ones(n)

    def loss(weights: Any) -> Any:
        y = x
        for i in range(k):
            if name == "products of sums":
                y = (weights[2 * i] + weights[2 * i + 1]) @ y
            else:
                y = (weights[0].T if name == "tied linear" and i % 2 else weights[0]) @ y
                y = jnp.tanh(y) if name == "tanh" else y
        return jnp.sum((y - x) ** 2) if name != "products of sums" else jnp.sum(y**2)

    weights = [jnp.eye(n)] * (2 * k if name == "products of sums" else 1)
    return best(lambda: jax.make_jaxpr(jax.grad(loss))(weights), 1)


def tensorgrad_time(name: str, k: int) -> float:
    """tensorgrad's gradient of the same chain by one weight, evaluated."""
    import tensorgrad
    from tensorgrad.functions import frobenius2
    from tensorgrad.functions import tanh as entrywise_tanh

    m, n = tensorgrad.symbols("m n")
    x = tensorgrad.Variable("x", n)
    y: Any = x
    if name == "tied linear":
        weight = tensorgrad.Variable("W", m, n)
        for _ in range(k):
            y = weight @ y  # over the edge that both have: W, then its transpose
    elif name == "tanh":
        weight = tensorgrad.Variable("W", n, inside=n)
        for _ in range(k):
            y = entrywise_tanh(weight @ y.rename(n="inside"))
    else:
        for i in range(k, 0, -1):
            weight, other = (tensorgrad.Variable(f"{letter}{i}", n, inside=n) for letter in "AB")
            y = (weight + other) @ y.rename(n="inside")
    loss = frobenius2(y if name == "products of sums" else y - x)
    return best(lambda: loss.grad(weight).simplify(), 1)


def has(library: str) -> bool:
    """Whether a library is installed."""
    return importlib.util.find_spec(library) is not None


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:12.2f}" if seconds == seconds else f"{'—':>12}"


def main() -> int:
    largest = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
    sizes = [2**i for i in range(1, 11) if 2**i <= largest]
    others: dict[str, tuple[str, Callable[[str, int], float], Callable[[int], bool]]] = {
        "sympy": ("SymPy", sympy_time, lambda k: k in SYMPY_SIZES),
        "tensorgrad": ("tensorgrad", tensorgrad_time, lambda k: k in TENSORGRAD_SIZES),
        "jax": ("JAX", jax_time, lambda k: k <= JAX_LARGEST),
    }
    beside = [row for library, row in others.items() if has(library)]
    failed = False
    columns = "".join(f"{title:>12}" for title in ("gradient", "program", *(title for title, _, _ in beside)))
    print(f"{'chain':18}{'k':>6}{'nodes':>8}{columns}   (ms)")
    for name, chain in CHAINS.items():
        gradients: dict[int, float] = {}
        programs: dict[int, float] = {}
        for k in sizes:
            loss = chain(k)
            wrt = symbols_of(loss)[0]
            if wrt.name == "x":
                wrt = symbols_of(loss)[1]
            gradients[k] = best(lambda loss=loss, wrt=wrt: Sweep(loss, wrt))  # type: ignore[misc]
            derived = derive.gradient(loss, wrt)
            programs[k] = best(lambda derived=derived: derivative_program(derived), 3)  # type: ignore[misc]
            theirs = [seconds(name, k) if is_tried(k) else math.nan for _, seconds, is_tried in beside]
            row = "".join(map(milliseconds, (gradients[k], programs[k], *theirs)))
            print(f"{name:18}{k:6}{len(nodes(loss)):8}{row}", flush=True)
        if largest > 64:
            grown = {"gradient": slope(gradients), "program": slope(programs)}
            failed |= any(exponent > BUDGET_EXPONENT for exponent in grown.values())
            print(f"{name:18}growth exponents: " + ", ".join(f"{what} {e:.2f}" for what, e in grown.items()))
    for name, chain in CHAINS.items():
        loss = chain(128)
        weights = [s for s in symbols_of(loss) if s.name != "x"]
        seconds = best(lambda loss=loss, weights=weights: Sweep(loss, weights))  # type: ignore[misc]
        failed |= seconds > BUDGET_WEIGHTS
        count = f"{len(weights)} weight{'s' if len(weights) > 1 else ''}"
        print(f"{name}, k = 128, {count}: {seconds * 1000:.1f} ms; budget {BUDGET_WEIGHTS * 1000:.0f} ms")
    derive.gradient(FLAGSHIP, "W")
    seconds = best(lambda: derive.gradient(FLAGSHIP, "W").result, 50)
    boxed = best(lambda: (forget(), derive.gradient(FLAGSHIP, "W").boxed), 50)
    failed |= seconds > BUDGET_FLAGSHIP
    budget = f"budget {BUDGET_FLAGSHIP * 1000:.0f} ms"
    print(f"{FLAGSHIP}: {seconds * 1000:.2f} ms, with its box {boxed * 1000:.2f} ms; {budget}")
    print(f"SymPy on the same: {sympy_flagship() * 1000:.0f} ms")
    if has("tensorgrad"):
        print(f"tensorgrad on the same: {tensorgrad_flagship() * 1000:.0f} ms")
    return int(failed)


def sympy_flagship() -> float:
    import sympy

    m, n = sympy.symbols("m n", positive=True, integer=True)
    W, x = sympy.MatrixSymbol("W", m, n), sympy.MatrixSymbol("x", n, 1)
    r = W.T * W * x - x
    return best(lambda: sympy.diff(sympy.Trace(r.T * r) / 2, W).doit())


def tensorgrad_flagship() -> float:
    import tensorgrad
    from tensorgrad.functions import frobenius2

    m, n = tensorgrad.symbols("m n")
    W, x = tensorgrad.Variable("W", m, n), tensorgrad.Variable("x", n)
    loss = frobenius2(W @ (W @ x) - x) / 2
    return best(lambda: loss.grad(W).simplify())


if __name__ == "__main__":
    sys.exit(main())
