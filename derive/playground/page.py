"""The page itself, which stands beside this file as HTML."""

from __future__ import annotations


def page(is_static: bool = False) -> str:
    """The page: asking the server that it came from, or Pyodide beside it."""
    from importlib.resources import files

    text = files("derive.playground").joinpath("index.html").read_text(encoding="utf-8")
    return text.replace("const STATIC = false;", "const STATIC = true;") if is_static else text
