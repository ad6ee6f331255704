"""Files of the command line: read as text within a limit, written whole or not at all."""

from __future__ import annotations

import os
import sys
from typing import Any

from .errors import DeriveError, LimitError
from .progress import is_terminal

MAX_BYTES = 10_000_000  # of a file or of standard input: a notebook comes with its pictures


def read_text(path: str) -> str:
    """A file, or standard input for `-`, as text; no more is read than may be long enough."""
    try:
        if path == "-":
            standard: Any = getattr(sys.stdin, "buffer", sys.stdin)
            read = standard.read(MAX_BYTES + 1)
            data: bytes = read.encode() if isinstance(read, str) else read
        else:
            with open(path, "rb") as file:
                data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            shown = "standard input" if path == "-" else path
            raise LimitError(f"{shown} is too long", hint=f"at most {MAX_BYTES} bytes are read")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        shown = "standard input" if path == "-" else path
        raise DeriveError(f"{shown} is not UTF-8 text: byte {error.start} is {data[error.start]:#04x}") from None


def put(result: str | bytes, target: str | None) -> None:
    """Write to standard output or, whole or not at all, to a file."""
    if isinstance(result, str):
        result = (result if result.endswith("\n") else result + "\n").encode("utf-8", "replace")
    if target is None or target == "-":
        if is_terminal(sys.stdout) and result[:4] == b"%PDF":
            raise DeriveError("a PDF is not for the terminal", hint="-o derivation.pdf")
        if hasattr(sys.stdout, "buffer"):
            sys.stdout.flush()
            sys.stdout.buffer.write(result)
        else:
            sys.stdout.write(result.decode("utf-8", "replace"))
        return
    path = os.path.realpath(target)
    if os.path.isdir(path):
        raise DeriveError(f"{target} is a directory")
    if os.path.exists(path) and not os.path.isfile(path):  # a device or a pipe
        with open(path, "wb") as out:
            out.write(result)
        return
    draft = f"{path}.{os.getpid()}.part"
    try:
        with open(draft, "xb") as out:
            out.write(result)
        if os.path.exists(path):
            os.chmod(draft, os.stat(path).st_mode & 0o7777)
        os.replace(draft, path)
    except OSError as error:
        raise DeriveError(f"cannot write {target}: {error.strerror or error}") from None
    finally:
        if os.path.exists(draft):
            os.unlink(draft)
