"""README: its code runs, its commands are those of the checks, its tables are read."""

from __future__ import annotations

import doctest
import re
import shlex
import sys
from pathlib import Path

import pytest

import derive
from derive import cli

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
SHELL = [text.strip() for language, text in BLOCKS if language == "sh"]


def test_the_first_commands_set_up_and_test():
    assert SHELL[0] == "python3 -m venv .venv && .venv/bin/pip install '.[test]' && .venv/bin/derive demo"
    assert SHELL[1] == ".venv/bin/pytest -n auto"
    checks = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "as_newcomer 1" in checks and "as_newcomer 2" in checks


def test_the_python_blocks_run():
    names: dict[str, object] = {}
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    blocks = [text for language, text in BLOCKS if language == "python"]
    assert len(blocks) >= 6
    for number, block in enumerate(blocks):
        if ">>>" in block:
            test = doctest.DocTestParser().get_doctest(block, names, f"block {number}", "README.md", None)
            said: list[str] = []
            failed = runner.run(test, out=said.append, clear_globs=False).failed
            assert not failed, "".join(said)
            names |= test.globs
        else:
            exec(compile(block, f"README.md, block {number}", "exec"), names)


def test_the_lines_of_source_are_those_generated():
    (shown,) = [text for language, text in BLOCKS if language == "text"]
    source = derive.gradient("½‖WᵀWx − x‖²", "W").source()
    assert all(line in source for line in shown.splitlines())


def letters(svg):
    """What a drawing says, wherever it stands."""
    return sorted(re.findall(r"<text[^>]*>([^<]*)</text>|<title>([^<]*)</title>", svg))


def test_the_picture_is_the_one_drawn():
    shown = (ROOT / "notebooks" / "pictures" / "graph.svg").read_text(encoding="utf-8")
    assert letters(shown) == letters(derive.gradient("½‖WᵀWx − x‖²", "W").graph.svg()) and len(letters(shown)) > 60


def test_the_pictures_are_small():
    for name in re.findall(r'src="([^"]*)"', README):
        assert (ROOT / name).stat().st_size < 60_000


COMMANDS = [line for block in SHELL[2:] for line in block.splitlines()]


@pytest.mark.parametrize("line", COMMANDS)
def test_the_commands_run(capsys, tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    words = shlex.split(line)
    assert words[0] == "derive"
    assert cli.main(words[1:]) == 0, capsys.readouterr().err


OPERATIONS_TABLE = README.split("## Operations\n")[1].split("## Conventions\n")[0]
ROWS = re.findall(r"^\| [^|]*(?:\\\|[^|]*)* \| `([^`]*)` \| (`.*`) \|$", OPERATIONS_TABLE, re.MULTILINE)
FORMULAS = [formula for row in ROWS for cell in row for formula in re.split("`, `", cell.strip("`"))]


@pytest.mark.parametrize("formula", FORMULAS)
def test_the_table_of_operations_is_read(formula):
    derive.parse(formula)


ANSWERS = re.findall(r"^\| `([^`]*)` \| (\w+) \| `([^`]*)` \|$", README, re.MULTILINE)


@pytest.mark.parametrize(("formula", "wrt", "answer"), ANSWERS)
def test_the_answers_are_those_given(formula, wrt, answer):
    assert derive.gradient(formula, wrt).boxed.text() == answer


MESSAGES_TABLE = README.split("## Messages, and what to do\n")[1].split("## Operations\n")[0]
MESSAGES = re.findall(r"^\| `([^`]*)`(?: with `([^`]*)`)? \| ([^`|]*) \| [^|]* \|$", MESSAGES_TABLE, re.MULTILINE)


@pytest.mark.parametrize(("formula", "where", "message"), MESSAGES)
def test_the_messages_are_those_given(formula, where, message):
    with pytest.raises(derive.DeriveError) as error:
        derive.gradient(formula, "x" if "x" in formula else "p", where or None)
    assert str(error.value).startswith(message)


def test_the_tables_were_found():
    assert len(ROWS) >= 15 and len(ANSWERS) >= 12 and len(MESSAGES) == 8


COMPARED = [
    ("log det A", "A", "A⁻ᵀ"),
    ("tr(A) + tr(A²)", "A", "2 Aᵀ + I"),
    ("det A", "A", "det(A) A⁻ᵀ"),
    ("‖A‖", "A", "A / ‖A‖_F"),
    ("sum(tanh(Wx))", "W", "(𝟏 − tanh(W x).^2) xᵀ"),
]


@pytest.mark.parametrize(("formula", "wrt", "shown"), COMPARED)
def test_the_comparison_is_what_we_print(formula, wrt, shown):
    assert derive.gradient(formula, wrt, where="A: n×n" if wrt == "A" else None).boxed.text() == shown
    assert f"| {shown} |" in README


def test_the_comparison_is_what_sympy_prints():
    import sympy

    if not sympy.__version__.startswith("1.14"):
        pytest.skip("the table is about SymPy 1.14")
    n = sympy.Symbol("n", integer=True, positive=True)
    A = sympy.MatrixSymbol("A", n, n)
    assert str(sympy.log(sympy.Determinant(A)).diff(A)) == "0"
    assert str((sympy.Trace(A) + sympy.Trace(A**2)).diff(A)) == "0"
    assert isinstance(sympy.Determinant(A).diff(A), sympy.Derivative)
    with pytest.raises(TypeError):
        sympy.sqrt(sympy.Trace(A.T * A)).diff(A)


def test_the_limits_are_those_of_the_code():
    from derive import derivation
    from derive.algebra import budget
    from derive.checking import manuscript, translation
    from derive.interop import readers, writing
    from derive.reading import limits
    from derive.render import exposition

    assert limits.MAX_DECLARATIONS == limits.MAX_LENGTH
    for number in (
        limits.MAX_DIGITS,
        budget.MAX_TERMS,
        manuscript.MAX_DOCUMENT,
        translation.MAX_SOURCE,
        readers.MAX_NODES,
        exposition.MAX_PRINTED,
        limits.MAX_LENGTH,
        limits.MAX_OPERATIONS,
        limits.MAX_NAMES,
        limits.MAX_NESTING,
        limits.MAX_EXPONENT,
        limits.MAX_NUMBER_EXPONENT,
        derivation.MAX_SYMBOLS,
        writing.MAX_DEPTH,
    ):
        assert f"{number:,}" in README


def test_every_section_is_there():
    titles = re.findall(r"^## (.*)$", README, re.MULTILINE)
    assert titles == [
        "Install", "Five minutes", "Formulas and answers", "Messages, and what to do", "Operations", "Conventions",
        "Convexity and stationary points", "Comparison", "Limits", "Sources", "Adding an operation", "Citing",
        "Changes",
    ]  # fmt: skip
    first = README.split("## Install")[0]
    for part in (r"\boxed", "```python", "<img", "slope = (loss(W + 1e-6 * D)"):
        assert part in first
    for title in (*titles, *re.findall(r"^### (.*)$", README.split("## Formulas")[0], re.MULTILINE)):
        assert f"(#{title.lower().replace(',', '').replace(' ', '-')})" in first


def test_the_files_it_names_exist():
    for path in re.findall(r'\]\((?!https?:)([^)#]+)\)|src="([^"]*)"', README):
        assert (ROOT / "".join(path)).exists(), path


def test_versions_agree():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{derive.__version__}"' in text
    assert f"version = {{{derive.__version__}}}" in README
    assert sys.version_info >= (3, 11)
