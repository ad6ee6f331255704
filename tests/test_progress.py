"""Progress: on a terminal, in a notebook, nowhere else; an interrupt keeps what there is."""

from __future__ import annotations

import io
import sys
import time
from typing import Any

import pytest

import derive
from derive import cli, progress

FLAGSHIP = "½‖WᵀWx − x‖²"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second is a hundredth."""
    monkeypatch.setattr(progress, "PATIENCE", 0.01)
    monkeypatch.setattr(progress, "PERIOD", 0.01)
    monkeypatch.setenv("TERM", "xterm")


def test_nothing_shows_within_a_second() -> None:
    assert progress.PATIENCE == 1.0


def test_a_line_shows_on_a_terminal(monkeypatch: pytest.MonkeyPatch, hurried: None) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    with cli.Progress("deriving"):
        progress.stage("checking claims", 3, 12)
        time.sleep(0.2)
    shown = sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert "derive: checking claims, 3 of 12 … 0 s (Ctrl-C stops)" in shown and shown.endswith("\r")
    monkeypatch.setattr(progress, "PATIENCE", 60.0)
    monkeypatch.setattr(sys, "stderr", Terminal())
    with cli.Progress("deriving"):
        pass
    assert sys.stderr.getvalue() == ""  # type: ignore[attr-defined]


def test_nothing_shows_when_piped(monkeypatch: pytest.MonkeyPatch, hurried: None) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with cli.Progress("deriving"):
        time.sleep(0.1)
    assert sys.stderr.getvalue() == ""  # type: ignore[attr-defined]


def stages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    stage = progress.Watch.stage

    def noted(self: progress.Watch, doing: str, done: int = 0, total: int = 0) -> None:
        said.append(f"{doing} {done}/{total}" if total else doing)
        stage(self, doing, done, total)

    monkeypatch.setattr(progress.Watch, "stage", noted)
    return said


def test_long_work_says_what_it_is_at(monkeypatch: pytest.MonkeyPatch) -> None:
    said = stages(monkeypatch)
    with progress.Progress("working"):
        made = derive.gradient(FLAGSHIP, "W")
        assert made.boxed and made.compact and made.program
        made.verify(2)
        derive.check("L = ½‖Ax − b‖²\n∂L/∂x = Aᵀ(Ax + b)")
    for stage in ("reading the formula", "factoring", "naming repeated parts", "ordering the products",
                  "checking numerically 1/2", "checking claims 1/2", "looking for repairs 1/2"):  # fmt: skip
        assert stage in said
    assert not progress._open


@pytest.mark.parametrize("form, words", [("boxed", "shortest form"), ("compact", "\\boxed"), ("errors", "check was")])
def test_an_interrupt_leaves_out_what_was_being_done(monkeypatch: pytest.MonkeyPatch, form: str, words: str) -> None:
    def interrupted(self: Any, *arguments: Any, **options: Any) -> Any:
        raise KeyboardInterrupt

    made = derive.gradient(FLAGSHIP, "W")
    monkeypatch.setattr(derive.Derivation, form, interrupted if form == "errors" else property(interrupted))
    with progress.Progress("working") as watch:
        told = made.latex()
    assert watch.was_interrupted and words in told and "The sum" in told
    assert ("\\boxed" in told) == (form != "boxed")
    with pytest.raises(KeyboardInterrupt):  # nobody watches
        made.latex()


CELL = """
import time
import derive.progress as progress
progress.PATIENCE = progress.PERIOD = 0.05
with progress.watched("factoring"):
    progress.stage("checking claims", 3, 12)
    time.sleep(0.6)
print("done")
"""


def test_a_bar_shows_in_a_notebook() -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    shown: list[dict[str, str]] = []

    class Client(nbclient.NotebookClient):  # type: ignore[misc, name-defined]
        def process_message(self, message: Any, cell: Any, index: int) -> Any:
            if message["msg_type"] in ("display_data", "update_display_data"):
                shown.append(message["content"]["data"])
            return super().process_message(message, cell, index)

    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    Client(book, timeout=60, kernel_name="python3").execute()
    assert '<progress value="3" max="12"' in shown[0]["text/html"]
    assert shown[0]["text/plain"].startswith("derive: checking claims, 3 of 12")
    assert shown[-1] == {"text/plain": "", "text/html": ""}
    assert any(output.get("text") == "done\n" for output in book.cells[0].outputs)
    quick = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL.replace("0.6", "0.0"))])
    Client(quick, timeout=60, kernel_name="python3").execute()
    assert [output["output_type"] for output in quick.cells[0].outputs] == ["stream"]


def test_no_bar_shows_outside_a_notebook(capsys: pytest.CaptureFixture[str], hurried: None) -> None:
    with progress.watched("factoring"):
        time.sleep(0.1)
    assert capsys.readouterr() == ("", "")
