"""Every test that is skipped for want of a tool says which, and the tool is on the list."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

from tests.optional import LIBRARIES, PROGRAMS, has, needs

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted(path for path in (ROOT / "tests").glob("*.py") if path.name != "test_optional.py")
NAMES = {*LIBRARIES, *LIBRARIES.values(), *PROGRAMS, "pdflatex", "TikZ", "LaTeX engine", "SymPy 1.14", "sympy"}
# What a draw or a row of a table has not got is skipped too; those tests need no tool.
NO_TOOL = (
    "DERIVE_FULL=1",
    "refused",
    "defined nowhere",
    "one term",
    "writes into no buffers",
    "npm could not be asked",
)


def skips(source: str) -> list[str]:
    """What the skips of a file name: the argument of `importorskip` and `needs`, or the reason."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func).rpartition(".")[2]
        if called == "importorskip":
            found.append(ast.unparse(node.args[0]))
        elif called == "needs":
            found.extend(ast.unparse(argument) for argument in node.args)
        elif called in ("skip", "skipif"):
            reasons = [k.value for k in node.keywords if k.arg == "reason"] or (node.args if called == "skip" else [])
            found.extend(ast.unparse(reason) for reason in reasons)
    return found


def is_listed(reason: str) -> bool:
    """Whether a reason names a tool of the list, or is computed from a table that does."""
    text = reason.strip("'\"")
    if not reason.startswith(("'", '"')):
        return True
    return any(word in text for word in NO_TOOL) or any(
        re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) or text.split(".")[0] == name for name in NAMES
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_skips_name_what_is_missing(path):
    unknown = [reason for reason in skips(path.read_text(encoding="utf-8")) if not is_listed(reason)]
    assert not unknown


def test_another_reason_is_found():
    assert not all(map(is_listed, skips("import pytest\npytest.skip('too slow today')")))
    assert not all(map(is_listed, skips("import pytest\npytest.importorskip('tensorflow')")))


def test_libraries_imported_outright_come_with_the_tests():
    """What a test file imports at its top is in the core install or in the extra `test`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    given = {*project["dependencies"], *project["optional-dependencies"]["test"]}
    known = {re.split(r"[^\w-]", item)[0].lower() for item in given} | {"derive", "tests"} | sys.stdlib_module_names
    known |= {path.stem for path in FILES}
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        if "allow_module_level=True" in text or path.name.startswith("torch_"):
            continue  # skipped whole without its library, or imported by what is
        for node in ast.parse(text).body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                module = node.names[0].name if isinstance(node, ast.Import) else node.module or "tests"
                assert module.split(".")[0] in known, (path.name, module)


def test_needs_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(LIBRARIES, "no_such_library", "NoSuch")
    assert not has("no_such_library") and has("numpy")
    mark = needs("numpy", "no_such_library")
    assert mark.args == (True,) and mark.kwargs["reason"] == "NoSuch is not installed"
    assert needs("numpy").args == (False,)


def test_no_message_installs_a_project_of_another():
    """`derive` on the package index is not this project: nothing that is said may install it."""
    texts = [*(ROOT / "derive").rglob("*.py"), ROOT / "README.md", *(ROOT / "notebooks").glob("*.ipynb")]
    for path in texts:
        for command in re.findall(r"pip install[^\n`]*", path.read_text(encoding="utf-8")):
            assert not re.search(r"""install (-\S+ )*["'\\]*derive(?![-\w])""", command), (path.name, command)
