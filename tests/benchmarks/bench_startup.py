"""Start-up of the command line, as a share of the time that `import sympy` takes.

Least process times of interleaved runs, net of the interpreter's own start:

    python tests/benchmarks/bench_startup.py [RUNS]

Budget: `derive gradient … --no-verify` at most a quarter, with the numeric check at most
half.  The shares themselves differ by a quarter between machines that share a processor: exit
status 1 at half as much again as the budget, in each of three rounds.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile

FORMULA = "½‖WᵀWx − x‖²"
GRADIENT = ["-m", "derive", "gradient", FORMULA, "--wrt", "W"]
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import sympy": ["-c", "import sympy"],
    "import numpy": ["-c", "import numpy"],
    "derive gradient --no-verify": [*GRADIENT, "--no-verify"],
    "derive gradient": GRADIENT,
}
BUDGET = {"derive gradient --no-verify": 0.25, "derive gradient": 0.5}
NOISE = 1.5
ROUNDS = 3


def process_time() -> float:
    """Of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(runs: int = 15) -> dict[str, float]:
    """The least seconds of process time of each command: what else runs on the machine only adds to it."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as cache:
        # Byte code is compiled once, as `pip install` does, and kept off the checkout.
        environment["PYTHONPYCACHEPREFIX"] = cache
        for run in range(runs + 1):
            for name, command in COMMANDS.items():
                start = process_time()
                subprocess.run([sys.executable, *command], check=True, capture_output=True, env=environment)
                if run:  # the first run compiles
                    times[name].append(process_time() - start)
    return {name: min(values) for name, values in times.items()}


def ratios(least: dict[str, float]) -> dict[str, float]:
    """Net of the interpreter, as a share of `import sympy`."""
    empty = least["python -c pass"]
    return {name: (least[name] - empty) / (least["import sympy"] - empty) for name in BUDGET}


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    for _ in range(ROUNDS):
        least = measure(runs)
        for name, seconds in least.items():
            print(f"{seconds * 1000:8.1f} ms  {name}")
        shares = ratios(least)
        for name, share in shares.items():
            print(f"{share:8.3f}     {name}, net, of import sympy; budget {BUDGET[name]}")
        if all(shares[name] <= NOISE * BUDGET[name] for name in BUDGET):
            return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
