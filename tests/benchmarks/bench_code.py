"""Generated code against hand-written NumPy, JAX, PyTorch and SymPy's lambdify.

    python tests/benchmarks/bench_code.py [--only SUBSTRING] [--rounds N] [--kernels NAME]

One thread on one core, medians of interleaved runs by the time of the process, results
compared before anything is timed.  Each row is a ratio of times, generated code above the
rival; the goal stands beside it, and the floor: the ratio that our program would have if
every operation ran at the measured peak of a product of matrices or at the measured
bandwidth, whichever is slower, plus the measured overhead of one call.
OpenBLAS runs the kernels that it picks for the processor, whatever OPENBLAS_CORETYPE says;
`--kernels Haswell` shows what the table is with others.
JAX and PyTorch rows appear where those are installed.
"""

from __future__ import annotations

import os
import sys

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
for variable in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(variable, None)
if "--kernels" in sys.argv[:-1]:
    os.environ["OPENBLAS_CORETYPE"] = sys.argv[sys.argv.index("--kernels") + 1]
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import argparse  # noqa: E402
import functools  # noqa: E402
import importlib.util  # noqa: E402
import inspect  # noqa: E402
import random  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402
from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402

import derive  # noqa: E402
from derive import codegen, program  # noqa: E402

HAS_JAX = importlib.util.find_spec("jax") is not None
HAS_TORCH = importlib.util.find_spec("torch") is not None
Timed = dict[str, Callable[[], Any]]


def flatten(result: Any) -> list[np.ndarray]:
    """Values and arrays of a result as NumPy arrays."""
    parts = result if isinstance(result, tuple) else (result,)
    return [np.asarray(part, dtype=float).squeeze() for part in parts]


def check(name: str, runs: Timed, tolerance: float = 1e-6) -> None:
    """Raise unless all rivals return the same."""
    first, *others = runs
    want = flatten(runs[first]())
    for other in others:
        got = flatten(runs[other]())
        # A rival may compute the derivative alone.
        for a, b in zip(want[-len(got) :], got, strict=True):
            scale = 1 + np.abs(b).max()
            if a.shape != b.shape or not np.abs(a - b).max() <= tolerance * scale:
                raise SystemExit(f"{name}: {first} and {other} differ")


def medians(runs: Timed, rounds: int) -> dict[str, float]:
    """Seconds per call: each run is repeated a little, in turn with the others."""
    repeats = {}
    for key, run in runs.items():
        start = time.process_time()
        run()
        run()
        spent = (time.process_time() - start) / 2
        repeats[key] = max(1, min(2000, int(2e-3 / max(spent, 1e-7))))
    times: dict[str, list[float]] = {key: [] for key in runs}
    order, shuffled = list(runs.items()), random.Random(0)
    for _ in range(rounds):
        shuffled.shuffle(order)  # nobody always follows the same rival, whose data fill the cache
        for key, run in order:
            run()  # the allocator settles,
            run()  # and the cache
            start = time.process_time()
            for _ in range(repeats[key]):
                run()
            times[key].append((time.process_time() - start) / repeats[key])
    return {key: float(np.median(spent)) for key, spent in times.items()}


def generated(
    formula: str, wrt: str, where: str | None = None, returns: str = "value_and_gradient", **options: Any
) -> Any:
    return derive.gradient(formula, wrt, where=where).function(returns=returns, **options)


def kernels() -> str:
    """The kernels that NumPy's BLAS runs."""
    if importlib.util.find_spec("threadpoolctl") is None:
        return os.environ.get("OPENBLAS_CORETYPE", "the library's choice")
    import threadpoolctl

    found = [entry for entry in threadpoolctl.threadpool_info() if entry["user_api"] == "blas"]
    return ", ".join(f"{entry['internal_api']} {entry['version']} {entry.get('architecture', '')}" for entry in found)


def jitted(loss: Callable[..., Any], argnums: int, *arrays: Any) -> Callable[[], Any]:
    """jax.jit(jax.value_and_grad(loss))."""
    import jax

    jax.config.update("jax_enable_x64", True)
    f = jax.jit(jax.value_and_grad(loss, argnums=argnums))
    held = [jax.numpy.asarray(a) for a in arrays]
    return lambda: tuple(jax.block_until_ready(f(*held)))


def eager(loss: Callable[..., Any], argnum: int, *arrays: Any) -> Callable[[], Any]:
    """Value and gradient by PyTorch's autograd."""
    import torch

    torch.set_num_threads(1)
    held = [torch.tensor(a) if isinstance(a, np.ndarray) else a for a in arrays]
    held[argnum].requires_grad_(True)

    def run() -> Any:
        held[argnum].grad = None
        value = loss(*held)
        value.backward()
        return value.detach(), held[argnum].grad

    return run


def lambdified(derivation: Any) -> Any:
    """SymPy's own NumPy code for the box; it has no trace, so the value is left out."""
    import sympy

    box = derivation.boxed.to_sympy()
    symbols = {s.name: s for s in box.atoms(sympy.MatrixSymbol)}
    names = sorted(symbols)
    code = sympy.lambdify([symbols[n] for n in names], box, "numpy")

    def run(**arrays: Any) -> Any:
        columns = {n: a[:, None] if a.ndim == 1 else a for n, a in arrays.items()}
        return code(*(columns[n] for n in names))

    return run


# The least that a program can take

REPEATS = 7


def seconds(run: Callable[[], Any], times: int) -> float:
    """Of one call, the least over a few rounds."""
    found = []
    for _ in range(REPEATS):
        start = time.process_time()
        for _ in range(times):
            run()
        found.append((time.process_time() - start) / times)
    return min(found)


class Machine:
    """What one core does at most: multiplies, reads and writes.

    Attributes
    ----------
    peak : float
        FLOPs a second of a product of square matrices.
    overhead : float
        Seconds of a NumPy call on next to nothing.
    """

    def __init__(self) -> None:
        square = np.random.default_rng(0).standard_normal((768, 768))
        out, tiny = np.empty_like(square), np.ones(1)
        self.peak = 2 * 768**3 / seconds(functools.partial(np.matmul, square, square, out=out), 3)
        self.overhead = seconds(functools.partial(tiny.dot, tiny), 5000)
        self.known: dict[int, tuple[float, float]] = {}

    def bandwidth(self, size: int) -> tuple[float, float]:
        """Bytes a second read and written, in arrays of about this many bytes together."""
        entries = 2 ** max(10, round(np.log2(size / 8)))
        if entries not in self.known:
            a = np.ones(entries)
            times = max(1, 2**22 // entries)
            A, v = a.reshape(-1, 256), a[:256].copy()
            reads = (seconds(functools.partial(f, g), times) for f, g in ((a.dot, a), (A.dot, v)))
            read = min(reads) - self.overhead
            written = seconds(functools.partial(a.fill, 1.0), times) - self.overhead
            self.known[entries] = 8 * entries / read, 8 * entries / written
        return self.known[entries]

    def floor(self, derivation: Any, backend: str, sizes: dict[str, int]) -> float:
        """Seconds of value and derivative, an operation after the other."""
        made = codegen.program_of(derivation, backend)

        def size(shape: Any) -> int:
            return 8 * int(np.prod([dim.evaluate(sizes) for dim in shape]))

        order = [value for value in made.order if value not in made.constant or value in made.kept]
        read, write = self.bandwidth(sum(size(value.shape) for value in order))
        total = 0.0
        for value in order:
            if value in made.constant or value.kind in program.FREE:
                continue
            work = program.cost_of(value).evaluate(sizes) / self.peak
            operands = {part for term in value.args for part in term.parts()}
            if value.kind == "product" and value.args[0].flipped and value.args[1].body.kind == "product":
                # Aᵀ (A v) can go through A once, by rows.
                operands -= {value.args[0].body} & {value.args[1].body.args[0].body}
            moved = sum(size(part.shape) for part in operands) / read + size(value.shape) / write
            total += max(work, moved) + self.overhead
        return total


Floors = dict[str, tuple[Any, str, dict[str, int]]]  # derivation, backend and sizes
Row = tuple[str, Timed, list[tuple[str, str, float]], Floors]


def flagship(m: int, n: int) -> Row:
    rng = np.random.default_rng(0)
    W, x = rng.standard_normal((m, n)) / n**0.5, rng.standard_normal(n)
    formula = "½‖WᵀWx − x‖²"
    derivation = derive.gradient(formula, "W")
    plain = derivation.function(returns="value_and_gradient")
    held = derivation.function(returns="value_and_gradient", workspace=True)

    def stacked() -> Any:
        h = W @ x
        r = W.T @ h - x
        return 0.5 * (r @ r), np.column_stack((W @ r, h)) @ np.vstack((x, r))

    def arrays() -> Any:
        h = W @ x
        r = W.T @ h - x
        return 0.5 * (r @ r), np.array((W @ r, h)).T @ np.array((x, r))

    runs: Timed = {"plain": lambda: plain(W, x), "workspace": lambda: held(W, x), "stack": stacked, "array": arrays}
    small = {16: (0.50, 0.30), 64: (0.70, 0.50), 256: (0.95, 0.95), 1024: (0.65, 0.50)}[m]
    goals = [("plain", "stack array", 1.05), ("workspace", "stack array", small[0])]
    if HAS_JAX:
        runs["jax"] = jitted(lambda W, x: 0.5 * ((W.T @ (W @ x) - x) ** 2).sum(), 0, W, x)
        goals.append(("workspace", "jax", small[1]))
    if HAS_TORCH:
        runs["torch"] = eager(lambda W, x: 0.5 * ((W.T @ (W @ x) - x) ** 2).sum(), 0, W, x)
        goals.append(("workspace", "torch", 0.15))
    if m <= 256:
        code = lambdified(derive.gradient(formula, "W"))
        runs["lambdify"] = lambda: code(W=W, x=x)
        goals.append(("plain", "lambdify", 1.0))
    sizes = {"m": m, "n": n}
    floors: Floors = {"plain": (derivation, "numpy", sizes), "workspace": (derivation, "numpy", sizes)}
    return f"flagship {m}×{n}", runs, goals, floors


def batch(m: int, n: int, B: int) -> Row:
    rng = np.random.default_rng(0)
    W, X = rng.standard_normal((m, n)) / n**0.5, rng.standard_normal((n, B))
    formula = "½‖WᵀWX − X‖_F²"
    shapes = "X: n×B, W: m×n"
    plain = generated(formula, "W", where=shapes)
    constant = generated(formula, "W", where=f"X: n×B constant, W: m×n, m < n, n {'<' if n < B else '>'} B")

    def hand() -> Any:
        Z = W @ X
        R = W.T @ Z - X
        return 0.5 * np.vdot(R, R), Z @ R.T + (W @ R) @ X.T

    runs: Timed = {"plain": lambda: plain(W, X), "constant": lambda: constant(W, X), "hand": hand}
    goals = [("plain", "hand", 1.0)]
    if B > n:
        goals.append(("constant", "hand", 0.7))
    if HAS_JAX:
        runs["jax"] = jitted(lambda W, X: 0.5 * ((W.T @ (W @ X) - X) ** 2).sum(), 0, W, X)
        goals.append(("plain", "jax", 1.0))
    if m <= 64:
        code = lambdified(derive.gradient(formula, "W"))
        runs["lambdify"] = lambda: code(W=W, X=X)
        goals.append(("plain", "lambdify", 1.0))
    floors: Floors = {"plain": (derive.gradient(formula, "W", where=shapes), "numpy", {"m": m, "n": n, "B": B})}
    return f"batch {m}×{n}, B = {B}", runs, goals, floors


def samples(m: int, n: int, B: int) -> Row:
    rng = np.random.default_rng(0)
    W, X = rng.standard_normal((m, n)) / n**0.5, rng.standard_normal((B, n))
    derivation = derive.gradient("½‖WᵀWx − x‖²", "W")
    each = derivation.function(batch="x", per_sample=True)

    def hand() -> Any:
        H = X @ W.T
        R = H @ W - X
        return np.matmul(np.stack((R @ W.T, H), 2), np.stack((X, R), 1))

    runs: Timed = {"each": lambda: each(W, X), "hand": hand}
    return f"gradient of each of {B} samples, {m}×{n}", runs, [("each", "hand", 1.25)], {}


def deep(B: int) -> Row:
    rng = np.random.default_rng(0)
    sizes = (784, 512, 256, 128, 64)
    W1, W2, W3, W4 = (rng.standard_normal((b, a)) / a**0.5 for a, b in zip(sizes, sizes[1:], strict=False))
    X = rng.standard_normal((784, B))
    formula = "½‖W1'*W2'*W3'*W4'*W4*W3*W2*W1*X - X‖_F²".replace("‖_F²", "‖²")
    where = "W1: a×n, W2: b×a, W3: c×b, W4: d×c, X: n×B, d < c, c < b, b < a, a < n, d < B"
    plain = generated(formula, "W1", where=where)

    def hand() -> Any:
        Z1 = W1 @ X
        Z2 = W2 @ Z1
        Z3 = W3 @ Z2
        Y3 = W4.T @ (W4 @ Z3)
        Y2 = W3.T @ Y3
        Y1 = W2.T @ Y2
        R = W1.T @ Y1 - X
        back = W4 @ (W3 @ (W2 @ (W1 @ R)))
        D1 = W2.T @ (W3.T @ (W4.T @ back))
        return 0.5 * np.vdot(R, R), Y1 @ R.T + D1 @ X.T

    arguments = {"W1": W1, "W2": W2, "W3": W3, "W4": W4, "X": X}
    runs: Timed = {"plain": lambda: plain(**arguments), "hand": hand}
    goal = 0.45 if B == 128 else 0.25
    goals = [("plain", "hand", goal)]

    def loss(W1: Any, W2: Any, W3: Any, W4: Any, X: Any) -> Any:
        code = W4 @ (W3 @ (W2 @ (W1 @ X)))
        return 0.5 * ((W1.T @ (W2.T @ (W3.T @ (W4.T @ code))) - X) ** 2).sum()

    if HAS_JAX:
        runs["jax"] = jitted(loss, 0, W1, W2, W3, W4, X)
        goals.append(("plain", "jax", goal))
    sizes = {"n": 784, "a": 512, "b": 256, "c": 128, "d": 64, "B": B}
    floors: Floors = {"plain": (derive.gradient(formula, "W1", where=where), "numpy", sizes)}
    return f"deep tied net, B = {B}", runs, goals, floors


def gaussian(n: int) -> Row:
    rng = np.random.default_rng(0)
    A = rng.standard_normal((n, 2 * n))
    S, x, u = A @ A.T / n, rng.standard_normal(n), rng.standard_normal(n)
    formula, where = "½*logdet(S) + ½*(x - u)'*inv(S)*(x - u)", "S: n×n spd, x: n, u: n"
    plain = generated(formula, "S", where=where)
    lapack = generated(formula, "S", where=where, backend="scipy")

    def hand() -> Any:
        L = np.linalg.cholesky(S)
        inverse = np.linalg.inv(S)
        d = x - u
        a = inverse @ d
        return np.log(np.diag(L)).sum() + 0.5 * (d @ a), 0.5 * (inverse - np.outer(a, a))

    runs: Timed = {"numpy": lambda: plain(S, x, u), "scipy": lambda: lapack(S, x, u), "hand": hand}
    index = {64: 0, 256: 1, 1024: 2}[n]
    goals = [("scipy", "hand", (0.55, 0.42, 0.42)[index]), ("numpy", "hand", (1.0, 0.85, 0.7)[index])]
    derivation = derive.gradient(formula, "S", where=where)
    floors: Floors = {backend: (derivation, backend, {"n": n}) for backend in ("numpy", "scipy")}
    return f"Gaussian NLL, n = {n}", runs, goals, floors


def logistic() -> Row:
    rng = np.random.default_rng(0)
    X, w, y = rng.standard_normal((4000, 500)) / 20, rng.standard_normal(500), np.sign(rng.standard_normal(4000))
    formula, where = "sum(softplus(-(y.*(X*w))))", "X: m×n, w: n, y: m"
    plain = generated(formula, "w", where=where)
    arguments = {"X": X, "w": w, "y": y}

    def hand() -> Any:
        z = y * (X @ w)
        return np.logaddexp(0, -z).sum(), -(X.T @ (y / (1 + np.exp(z))))

    runs: Timed = {"numpy": lambda: plain(**arguments), "hand": hand}
    goals = [("numpy", "hand", 1.0)]
    if HAS_JAX:
        import jax

        runs["jax"] = jitted(lambda w, X, y: jax.nn.softplus(-y * (X @ w)).sum(), 0, w, X, y)
        runs.update(jax_dialect(formula, "w", where, arguments))
        goals.append(("numpy jax-dialect", "jax", 1.1))
    derivation = derive.gradient(formula, "w", where=where)
    return "logistic 4000×500", runs, goals, {"numpy": (derivation, "numpy", {"m": 4000, "n": 500})}


def jax_dialect(formula: str, wrt: str, where: str, arguments: dict[str, Any]) -> Timed:
    """The generated JAX source under jit."""
    import jax

    jax.config.update("jax_enable_x64", True)
    f = jax.jit(generated(formula, wrt, where=where, backend="jax"))
    held = {name: jax.numpy.asarray(a) for name, a in arguments.items()}
    return {"jax-dialect": lambda: tuple(jax.block_until_ready(f(**held)))}


def masked() -> Row:
    rng = np.random.default_rng(0)
    A, U, V = rng.standard_normal((500, 400)), rng.standard_normal((500, 5)), rng.standard_normal((400, 5))
    M = (rng.random((500, 400)) < 0.3).astype(float)
    formula, where = "½‖M ⊙ (A − U Vᵀ)‖²", "A: m×n, U: m×k, V: n×k, M: m×n"
    plain = generated(formula, "U", where=where)
    arguments = {"M": M, "A": A, "U": U, "V": V}

    def hand() -> Any:
        R = M * (A - U @ V.T)
        return 0.5 * np.vdot(R, R), -((M * R) @ V)

    runs: Timed = {"numpy": lambda: plain(**arguments), "hand": hand}
    goals = [("numpy", "hand", 1.0)]
    if HAS_JAX:
        runs["jax"] = jitted(lambda U, V, A, M: 0.5 * ((M * (A - U @ V.T)) ** 2).sum(), 0, U, V, A, M)
        runs.update(jax_dialect(formula, "U", where, arguments))
        goals.append(("numpy jax-dialect", "jax", 1.1))
    floors: Floors = {"numpy": (derive.gradient(formula, "U", where=where), "numpy", {"m": 500, "n": 400, "k": 5})}
    return "masked factorization 500×400, k = 5", runs, goals, floors


def hessian_quadratic() -> Row:
    rng = np.random.default_rng(0)
    A, x = rng.standard_normal((1024, 1024)), rng.standard_normal(1024)
    f = derive.hessian("x'*A*x", "x", where="A: n×n, x: n").function()
    runs: Timed = {"numpy": lambda: f(x=x, A=A), "hand": lambda: A + A.T}
    goals = [("numpy", "hand", 1.0)]
    if HAS_JAX:
        import jax

        jax.config.update("jax_enable_x64", True)
        h = jax.jit(jax.hessian(lambda x, A: x @ A @ x))
        runs["jax"] = lambda: jax.block_until_ready(h(x, A))
        goals.append(("numpy", "jax", 0.2))
    return "Hessian of xᵀAx, n = 1024", runs, goals, {}


def hessian_logistic() -> Row:
    rng = np.random.default_rng(0)
    X, w, y = rng.standard_normal((2048, 1024)) / 30, rng.standard_normal(1024), np.sign(rng.standard_normal(2048))
    f = derive.hessian("sum(softplus(-(y.*(X*w))))", "w", where="X: m×n, w: n, y: m").function()

    def hand() -> Any:
        p = 1 / (1 + np.exp(y * (X @ w)))
        return (X.T * (y * y * p * (1 - p))) @ X

    runs: Timed = {"numpy": lambda: f(X=X, w=w, y=y), "hand": hand}
    goals = [("numpy", "hand", 1.0)]
    if HAS_JAX:
        import jax

        jax.config.update("jax_enable_x64", True)
        h = jax.jit(jax.hessian(lambda w, X, y: jax.nn.softplus(-y * (X @ w)).sum()))
        runs["jax"] = lambda: jax.block_until_ready(h(w, X, y))
        goals.append(("numpy", "jax", 0.6))
    return "Hessian of the logistic loss 2048×1024", runs, goals, {}


def hessian_masked() -> Row:
    rng = np.random.default_rng(0)
    m, n, k = 200, 200, 5
    A, U, V = rng.standard_normal((m, n)), rng.standard_normal((m, k)), rng.standard_normal((n, k))
    M, D = (rng.random((m, n)) < 0.3).astype(float), rng.standard_normal((m, k))
    formula, where = "½‖M ⊙ (A − U Vᵀ)‖²", "A: m×n, U: m×k, V: n×k, M: m×n, D: m×k"
    f = derive.hvp(formula, "U", "D", where=where).function()
    arguments = {"M": M, "A": A, "U": U, "V": V, "D": D}

    needed = {p: arguments[p] for p in inspect.signature(f).parameters}
    runs: Timed = {"hvp": lambda: f(**needed), "hand": lambda: (M * M * (D @ V.T)) @ V}
    goals = [("hvp", "hand", 1.0)]
    if HAS_JAX:
        import jax

        jax.config.update("jax_enable_x64", True)
        h = jax.jit(jax.hessian(lambda U, V, A, M: 0.5 * ((M * (A - U @ V.T)) ** 2).sum()))
        product = lambda: np.tensordot(np.asarray(h(U, V, A, M)), D)  # noqa: E731
        runs["jax"] = product
        goals.append(("hvp", "jax", 0.01))
    return "masked factorization 200×200, k = 5: Hessian times D", runs, goals, {}


PROBLEMS: list[Callable[[], Row]] = [
    *(lambda m=m, n=n: flagship(m, n) for m, n in ((16, 64), (64, 256), (256, 1024), (1024, 4096))),
    lambda: batch(64, 256, 512),
    lambda: batch(256, 1024, 32),
    lambda: samples(64, 256, 512),
    lambda: deep(128),
    lambda: deep(512),
    *(lambda n=n: gaussian(n) for n in (64, 256, 1024)),
    logistic,
    masked,
    hessian_quadratic,
    hessian_logistic,
    hessian_masked,
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="problems whose title contains this")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--kernels", help="of OpenBLAS: Haswell, Zen, SkylakeX, ...")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print(f"BLAS of NumPy and SciPy: {kernels()}")
    for make in PROBLEMS:
        title, runs, goals, floors = make()
        if options.only not in title:
            continue
        check(title, runs)
        machine = Machine()  # its clock may change between rows
        least = {key: machine.floor(*row) for key, row in floors.items()}
        spent = medians(runs, options.rounds)
        print(f"{title}: " + ", ".join(f"{key} {1e6 * t:.4g} µs" for key, t in spent.items()))
        for read, write in machine.known.values():
            rates = f"{machine.peak / 1e9:.0f} GFLOP/s, {read / 1e9:.0f} GB/s read, {write / 1e9:.0f} GB/s written"
            print(f"    floor at {rates}, {1e6 * machine.overhead:.2f} µs a call")
        for ours, theirs, goal in goals:
            best = min(ours.split(), key=spent.__getitem__)
            rival = min(theirs.split(), key=spent.__getitem__)
            ratio = spent[best] / spent[rival]
            verdict = "met" if ratio <= goal else "missed"
            floor = f"floor {least[best] / spent[rival]:.3f}" if best in least else ""
            print(f"    {best:>12} / {rival:<10} {ratio:8.3f}   goal {goal:<5} {verdict:<6} {floor}".rstrip())


if __name__ == "__main__":
    main()
