"""Start-up of the command line, as a share of the time that `import sympy` takes.

Medians of interleaved runs, net of the interpreter's own start:

    python tests/benchmarks/bench_startup.py [RUNS]

Budget: `derive gradient … --no-verify` at most a quarter, with the numeric check at most
half.  Exit status 1 beyond it.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time

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


def measure(runs: int = 15) -> dict[str, float]:
    """The median seconds of each command."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as cache:
        # Byte code is compiled once, as `pip install` does, and kept off the checkout.
        environment["PYTHONPYCACHEPREFIX"] = cache
        for run in range(runs + 1):
            for name, command in COMMANDS.items():
                start = time.perf_counter()
                subprocess.run([sys.executable, *command], check=True, capture_output=True, env=environment)
                if run:  # the first run compiles
                    times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def ratios(medians: dict[str, float]) -> dict[str, float]:
    """Net of the interpreter, as a share of `import sympy`."""
    empty = medians["python -c pass"]
    return {name: (medians[name] - empty) / (medians["import sympy"] - empty) for name in BUDGET}


def main() -> int:
    medians = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
    for name, seconds in medians.items():
        print(f"{seconds * 1000:8.1f} ms  {name}")
    shares = ratios(medians)
    for name, share in shares.items():
        print(f"{share:8.3f}     {name}, net, of import sympy; budget {BUDGET[name]}")
    return int(any(shares[name] > BUDGET[name] for name in BUDGET))


if __name__ == "__main__":
    sys.exit(main())
