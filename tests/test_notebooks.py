"""The notebooks run from top to bottom, and what they keep reads without running them."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
NAMES = {
    "tied_autoencoder",
    "matrix_cookbook",
    "logistic_regression",
    "gaussian_likelihood",
    "your_own_operation",
    "check_my_homework",
    "beyond_one_machine",
    "closed_forms",
    "attention",
}
NEEDS = {"beyond_one_machine": ("dask", "jax", "array_api_compat")}  # beside what all of them need


def test_all_notebooks_are_there() -> None:
    assert {path.stem for path in NOTEBOOKS} >= NAMES


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_keeps_its_outputs(path: Path) -> None:
    book = json.loads(path.read_text(encoding="utf-8"))
    outputs = [output for cell in book["cells"] if cell["cell_type"] == "code" for output in cell["outputs"]]
    assert outputs and all(output["output_type"] != "error" for output in outputs)
    assert str(FOLDER.parent) not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    for needed in ("ipykernel", "matplotlib", "sklearn", *NEEDS.get(path.stem, ())):
        pytest.importorskip(needed)
    known = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(FOLDER.parent), known])))
    book = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(book, timeout=300, kernel_name="python3", resources={"metadata": {"path": FOLDER}})
    kept = printed(book)
    client.execute()
    assert printed(book) == kept  # what the notebook shows is what it prints when run


MEASURED = re.compile(r"\d+\.\d+(e[-+]?\d+)?|\d+e[-+]?\d+|10\^\{-?\d+\}|10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+")


def printed(book: Any) -> list[str]:
    """The words and formulas that each cell puts out; measured numbers differ between machines."""
    shown = []
    for cell in book.cells:
        texts = []
        for output in cell.get("outputs", ()):  # what is printed may come in one piece or in several
            data = output.get("data", {})
            text = output.get("text") or data.get("text/markdown") or data.get("text/plain", "")
            if "object at 0x" not in text:
                # What is compared with PyTorch is there only where that is.
                lines = [line for line in text.splitlines() if "PyTorch" not in line]
                texts += MEASURED.sub("#", "\n".join(lines)).split()
        shown.append(" ".join(texts))
    return shown


def test_stale_output_is_seen() -> None:
    nbformat = pytest.importorskip("nbformat")
    books = []
    for text in ("W (r xᵀ + x rᵀ), error 2e-16, 1.5 s", "W (r xᵀ + x rᵀ), error 3e-15, 0.9 s", "W (r xᵀ − x rᵀ)"):
        output = nbformat.v4.new_output("stream", text=text)
        books.append(printed(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("", outputs=[output])])))
    assert books[0] == books[1] != books[2]


def test_a_failing_cell_fails_the_run() -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("assert 1 == 2")])
    with pytest.raises(nbclient.exceptions.CellExecutionError):
        nbclient.NotebookClient(book, timeout=60, kernel_name="python3").execute()
