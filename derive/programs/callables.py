"""Generated source as a callable: it runs in a namespace of its own, pickles as source and goes with its last user."""

from __future__ import annotations

import builtins
import functools
import itertools
import linecache
import weakref
from collections.abc import Mapping
from typing import Any

from ..errors import MissingExtraError

_numbers = itertools.count(1)


class Generated:
    """A function of a generated module, called as the function itself.

    It pickles and copies as its source, so that another process makes it anew; buffers and
    what was made of constant arguments are not taken along.

    Attributes
    ----------
    source : str
        Of the module.
    """

    # The type finds `__call__` in the slot: a call costs no frame of ours.
    __slots__ = ("__call__", "__dict__", "__weakref__")
    __name__: str
    __wrapped__: Any

    def __init__(self, source: str, name: str, title: str) -> None:
        self.source = source
        self._title = title
        made = executed(source, title)[name]
        self.__call__ = made
        functools.update_wrapper(self, made)

    def __reduce__(self) -> tuple[Any, ...]:
        return Generated, (self.source, self.__name__, self._title)

    def __repr__(self) -> str:
        return f"<generated {self.__name__} {self._title.strip('<>')}>"


def executed(source: str, title: str) -> Mapping[str, Any]:
    """The namespace of a generated module.

    Its source shows up in tracebacks and under `inspect.getsource` as long as its functions live.
    """
    filename = f"{title[:-1]} {next(_numbers)}>"
    namespace: dict[str, Any] = {"__name__": "derive_generated"}
    try:
        exec(builtins.compile(source, filename, "exec"), namespace)
    except ModuleNotFoundError as missing:
        library = str(missing.name).split(".")[0].replace("_", "-")
        raise MissingExtraError(
            f"this function needs {library}, which is not installed",
            hint=f"pip install {library} (the extra `backends`); .source(…) needs none",
        ) from None
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    functions = [held for held in namespace.values() if getattr(held, "__module__", None) == "derive_generated"]
    weakref.finalize(functions[0], linecache.cache.pop, filename, None).atexit = False
    return namespace
