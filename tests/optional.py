"""What the tests may do without: libraries and programs that a newcomer's machine need not have.

A test that needs one of them is skipped by its name where it is missing; `tests/test_optional.py`
holds every skip of the suite against this list.
"""

from __future__ import annotations

import importlib.util
import shutil
import sysconfig
from pathlib import Path

import pytest

# What is imported or run, and what it is called.
LIBRARIES = {
    "scipy": "SciPy",
    "jax": "JAX",
    "torch": "PyTorch",
    "dask": "Dask",
    "array_api_compat": "array-api-compat",
    "array_api_strict": "array-api-strict",
    "pygraphviz": "PyGraphviz",
    "matplotlib": "Matplotlib",
    "sklearn": "scikit-learn",
    "nbformat": "nbformat",
    "nbclient": "nbclient",
    "ipykernel": "ipykernel",
    "ruff": "ruff",
    "mpmath": "mpmath",
    "cvxpy": "CVXPY",
    "typst": "Typst",
    "cairosvg": "CairoSVG",
}
PROGRAMS = {
    "LaTeX": ("pdflatex", "xelatex", "lualatex", "tectonic"),
    "Chromium": ("chromium", "chromium-browser", "google-chrome", "chrome"),
    "bash": ("bash",),
    "npm": ("npm",),
    "a C compiler": ("cc", "gcc", "clang"),
    "librsvg": ("rsvg-convert",),
}
HEADERS = "Python's C headers"
COMPILER = ("a C compiler", HEADERS)  # what compiled functions need


def has(name: str) -> bool:
    """Whether a library or program of the lists is there."""
    if name == HEADERS:
        return (Path(sysconfig.get_paths()["include"]) / "Python.h").exists()
    if name in PROGRAMS:
        return any(shutil.which(program) for program in PROGRAMS[name])
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def needs(*wanted: str) -> pytest.MarkDecorator:
    """Skip the test, by name, unless all of them are there."""
    missing = [name for name in wanted if not has(name)]
    shown = ", ".join(LIBRARIES.get(name, name) for name in missing or wanted)
    return pytest.mark.skipif(bool(missing), reason=f"{shown} is not installed")
