"""Progress of what takes long: a line on a terminal, a bar in a notebook, nothing when piped.

Work says what it is at with `stage`, and `watched` brackets what may take long.  The
command line opens a `Progress`; in a notebook the outermost `watched` opens a `Bar`.
Both show themselves after a second.  Where one is open, an interrupt ends the work and
keeps what there is; elsewhere it is an exception like any other.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from types import TracebackType
from typing import Any, Self

from .errors import columns

PATIENCE = 1.0  # seconds before anything is shown
PERIOD = 0.2  # seconds between two looks

_open: list[Watch] = []


class Watch:
    """What is being done, told to `show` once it has taken a second."""

    def __init__(self, doing: str) -> None:
        self.doing = doing
        self.done = 0
        self.total = 0
        self.was_interrupted = False  # something is left out of the result
        self.began = time.monotonic()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def is_shown(self) -> bool:
        return True

    def show(self) -> None:
        raise NotImplementedError

    def clear(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        _open.append(self)
        if self.is_shown():
            from contextvars import copy_context

            self._thread = threading.Thread(target=copy_context().run, args=(self._look,), daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _open.remove(self)
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self.clear()

    def stage(self, doing: str, done: int = 0, total: int = 0) -> None:
        self.doing, self.done, self.total = doing, done, total

    def _look(self) -> None:
        wait = PATIENCE
        while not self._ended.wait(wait):
            wait = PERIOD
            self.show()

    def __str__(self) -> str:
        count = f", {self.done} of {self.total}" if self.total else ""
        return f"derive: {self.doing}{count} … {time.monotonic() - self.began:.0f} s"


class Progress(Watch):
    """A line on standard error, if that is a terminal."""

    _width = 0

    def is_shown(self) -> bool:
        return is_terminal(sys.stderr)

    def show(self) -> None:
        line = f"{self} (Ctrl-C stops)"
        sys.stderr.write("\r" + line + " " * max(0, self._width - columns(line)))
        sys.stderr.flush()
        self._width = columns(line)

    def clear(self) -> None:
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()
            self._width = 0

    def say(self, message: str) -> None:
        """A message of its own line."""
        self.clear()
        print(message, file=sys.stderr)


class Bar(Watch):
    """A bar in the output of a notebook's cell, a line of text where HTML is not shown."""

    _handle: Any = None

    def show(self) -> None:
        from html import escape

        at = f' value="{self.done}" max="{self.total}"' if self.total else ""
        bar = (
            f'<progress{at} style="width: 16em; vertical-align: middle"></progress> <small>{escape(str(self))}</small>'
        )
        self._put({"text/plain": str(self), "text/html": bar})

    def clear(self) -> None:
        if self._handle is not None:
            self._put({"text/plain": "", "text/html": ""})

    def _put(self, bundle: dict[str, str]) -> None:
        if self._handle is None:
            from IPython.display import display

            show: Any = display
            self._handle = show(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)


class watched:
    """Brackets work that may take long: `with watched("factoring"): …`."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._bar: Bar | None = None
        self._before: tuple[str, int, int] | None = None

    def __enter__(self) -> None:
        if _open:
            watch = _open[-1]
            self._before = watch.doing, watch.done, watch.total
            watch.stage(self._doing)
        elif is_notebook():
            self._bar = Bar(self._doing)
            self._bar.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.__exit__(kind, error, trace)
        elif self._before is not None and _open:
            _open[-1].stage(*self._before)


def stage(doing: str, done: int = 0, total: int = 0) -> None:
    """Say what is being done, and how much of it is."""
    if _open:
        _open[-1].stage(doing, done, total)


def keep_what_there_is(interrupt: KeyboardInterrupt) -> None:
    """Go on after an interrupt where somebody watches; raise it where nobody does."""
    if not _open:
        raise interrupt
    _open[0].was_interrupted = True


def is_terminal(stream: Any) -> bool:
    return bool(getattr(stream, "isatty", lambda: False)()) and os.environ.get("TERM") != "dumb"


def is_notebook() -> bool:
    """Whether this runs in a kernel that shows rich output."""
    if "ipykernel" not in sys.modules:
        return False
    from IPython import get_ipython

    return hasattr(get_ipython(), "kernel")
