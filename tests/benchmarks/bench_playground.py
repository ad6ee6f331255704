"""The page in a browser: how long its answers take, and pictures of it to look at.

    python tests/benchmarks/bench_playground.py [FOLDER]

The measure is the start of Pyodide alone, in the same browser: the time that no page which runs
Python can be without.  The first answer of the static page, cold, in a browser that has just been
started, is the best of three; that of a warm page is the median over ten formulas, served and
static.  FOLDER gets pictures: light, dark, a phone, an error, a check, a Hessian.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from derive.playground.server import make_server
from derive.playground.static import build
from tests.browser import Page, hosting
from tests.test_playground import DOCUMENT, SETTLED, TEN, answered

COLD, WARM = 2.5, 1 / 6  # starts of Pyodide
START = """(async () => {
  const begun = performance.now();
  await (await import("./pyodide/pyodide.mjs")).loadPyodide({ indexURL: "./pyodide/" });
  return performance.now() - begun;
})()"""
MISFIT = {"formula": "‖W r − x‖²", "wrt": "W", "where": "W: m×n, r: m"}
PICTURES = [  # name, width, dark, kind, fields
    ("light", 1000, False, "gradient", {"formula": "½‖WᵀWx − x‖²", "wrt": "W", "where": ""}),
    ("dark", 1000, True, "gradient", {"formula": "½‖WᵀWx − x‖²", "wrt": "W", "where": ""}),
    ("phone", 390, False, "gradient", {"formula": TEN[-1][0], "wrt": TEN[-1][1], "where": ""}),
    ("error", 390, True, "gradient", MISFIT),
    ("check", 390, False, "check", {"formula": DOCUMENT, "wrt": "", "where": ""}),
    ("check-dark", 1000, True, "check", {"formula": DOCUMENT, "wrt": "", "where": ""}),
    ("hessian", 1000, False, "hessian", {"formula": "logsumexp(A x)", "wrt": "x", "where": ""}),
]


def start_of_python(address: str, work: Path) -> float:
    """The seconds of Pyodide's own start, on a page that holds nothing else."""
    with Page(work) as shown:
        shown.open(f"{address}empty.html")
        return float(shown.value(START)) / 1e3


def cold(address: str, work: Path) -> float:
    with Page(work) as shown:
        begun = time.perf_counter()
        shown.open(address)
        shown.until("document.querySelector('#answer math') !== null")
        return time.perf_counter() - begun


def warm(address: str, work: Path) -> list[float]:
    times = []
    with Page(work) as shown:
        shown.open(address)
        shown.until(SETTLED)
        for formula, wrt in TEN * 2:
            begun = time.perf_counter()
            answered(shown, formula=formula, wrt=wrt, where="")
            times.append(time.perf_counter() - begun)
    return times[len(TEN) :]


def main() -> int:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        work, count = Path(place), iter(range(100))
        build(str(work / "site"))
        (work / "site" / "empty.html").write_text("<!doctype html>", encoding="utf-8")
        server = make_server()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        served = f"http://127.0.0.1:{server.server_port}/"
        with hosting(work / "site") as static:
            rounds = [[ask(static, work / str(next(count))) for ask in (start_of_python, cold)] for _ in range(3)]
            start, first = map(min, zip(*rounds, strict=True))
            print(f"Pyodide alone: {start:.1f} s")
            print(f"static page, cold: first answer after {first:.1f} s, {first / start:.2f} of that; at most {COLD}")
            slow = first > COLD * start
            for name, address in (("served", served), ("static", static)):
                times = warm(address, work / str(next(count)))
                middle = statistics.median(times)
                print(f"{name} page, warm: median {1e3 * middle:.0f} ms, slowest {1e3 * max(times):.0f} ms")
                slow = slow or middle > WARM * start
        for folder in sys.argv[1:2]:
            for name, width, dark, kind, fields in PICTURES:
                with Page(work / str(next(count)), width, 900, dark) as shown:
                    shown.open(served)
                    answered(shown, kind, **fields)
                    shown.picture(Path(folder) / f"{name}.png")
                    print(f"{name}.png: {len(shown.errors)} errors")
                    slow = slow or bool(shown.errors)
        server.shutdown()
        server.server_close()
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
