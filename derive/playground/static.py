"""A folder for hosting: the page, the package as a wheel, and Pyodide, which runs it in the browser.

Pyodide comes from its npm package, which holds Python and its standard library; nothing is
fetched when the page runs.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from pathlib import Path

from ..errors import DeriveError, MissingExtraError
from .page import page

RELEASE = "0.29.4"  # loads in two thirds of the time of 314
PYODIDE = ("pyodide.mjs", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
WHEEL = "derive.whl"


def build(folder: str) -> None:
    """Write the folder; an existing one must be empty.

    Raises
    ------
    DeriveError
        The folder holds something, or Pyodide's package cannot be had.
    MissingExtraError
        npm is not installed.
    """
    target = Path(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise DeriveError(f"{folder} is there, and not an empty folder", hint="name another")
    with tempfile.TemporaryDirectory(dir=target.parent if target.parent.is_dir() else None) as work:
        made = Path(work) / "site"
        (made / "pyodide").mkdir(parents=True)
        _fetch(Path(work), made / "pyodide")
        (made / WHEEL).write_bytes(wheel())
        (made / "index.html").write_text(page(is_static=True), encoding="utf-8")
        shutil.copy(Path(__file__).with_name("worker.mjs"), made)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            target.rmdir()
        shutil.move(os.fspath(made), os.fspath(target))


def _fetch(work: Path, into: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise MissingExtraError(
            "a folder that needs no server takes Pyodide from its npm package, and npm is not installed",
            hint="install Node.js, or serve the page here: derive playground",
        )
    done = subprocess.run(
        [npm, "pack", f"pyodide@{RELEASE}", "--silent"], cwd=work, capture_output=True, text=True, check=False
    )
    packed = next(work.glob("pyodide-*.tgz"), None)
    if done.returncode or packed is None:
        complaint = (done.stderr.strip().splitlines() or ["npm gave no reason"])[-1]
        raise DeriveError(f"Pyodide's package cannot be had: {complaint}")
    with tarfile.open(packed) as archive:
        for member in archive.getmembers():
            name = member.name.removeprefix("package/")
            held = archive.extractfile(member) if name in PYODIDE else None
            if held is not None:
                (into / name).write_bytes(held.read())


def wheel() -> bytes:
    """The package as it is installed here and mpmath, which it computes with, zipped as wheels are."""
    import mpmath

    packages = [Path(__file__).resolve().parent.parent, Path(mpmath.__file__).resolve().parent]
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for package in packages:
            for path in sorted(package.rglob("*")):
                if path.suffix in (".py", ".html", ".mjs") and not {"__pycache__", "tests"} & {*path.parts}:
                    archive.write(path, Path(package.name) / path.relative_to(package))
    return held.getvalue()
