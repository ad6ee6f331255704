"""A page in a headless Chromium: what a reader does to it, and what the reader then sees.

The browser is spoken to by its own protocol, over a pair of pipes, so that nothing but Chromium
itself is needed.
"""

from __future__ import annotations

import base64
import fcntl
import functools
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.optional import PROGRAMS

FLAGS = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --hide-scrollbars"
KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        return


@contextmanager
def hosting(folder: Path) -> Iterator[str]:
    """The address of a folder, served as any web server does."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


class Page:
    """One page; closed at the end of `with`.

    `errors` are the uncaught exceptions and the calls of `alert` that the page made.
    """

    def __init__(self, folder: Path, width: int = 1000, height: int = 1400, dark: bool = False) -> None:
        program = next(filter(None, map(shutil.which, PROGRAMS["Chromium"])))
        ours, self._write = os.pipe()
        self._read, theirs = os.pipe()
        given = [fcntl.fcntl(end, fcntl.F_DUPFD, 20) for end in (ours, theirs)]  # clear of 3 and 4
        os.close(ours), os.close(theirs)
        command = [program, *FLAGS.split(), "--remote-debugging-pipe", f"--user-data-dir={folder / 'profile'}"]
        shell = f'exec "$@" 3<&{given[0]} 4>&{given[1]} 2>/dev/null'
        self._process = subprocess.Popen(["bash", "-c", shell, "-", *command, "about:blank"], pass_fds=given)
        for end in given:
            os.close(end)
        self._number, self._held, self._session, self.errors = 0, b"", None, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime"):
            self.call(f"{domain}.enable")
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        narrow = width < 600
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=narrow)

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)
        os.close(self._read), os.close(self._write)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """What the browser answers; what it tells besides is noted."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            said = self._next()
            if said.get("id") == self._number:
                if "error" in said:
                    raise RuntimeError(f"{method}: {said['error']['message']}")
                return dict(said["result"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._held:
            more = os.read(self._read, 1 << 20)
            if not more:
                raise RuntimeError("the browser has ended")
            self._held += more
        first, _, self._held = self._held.partition(b"\0")
        said: dict[str, Any] = json.loads(first)
        if said.get("method") == "Runtime.exceptionThrown":
            self.errors.append(said["params"]["exceptionDetails"].get("exception", {}).get("description", "?"))
        elif said.get("method") == "Page.javascriptDialogOpening":
            self.errors.append(f"a dialog: {said['params']['message']}")
        return said

    def open(self, address: str) -> None:
        self.call("Page.navigate", url=address)
        self.until(f"location.href.startsWith({json.dumps(address[:12])}) && document.readyState === 'complete'")

    def value(self, expression: str) -> Any:
        """The value of an expression of JavaScript, in the page."""
        made = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in made:
            raise RuntimeError(made["exceptionDetails"]["exception"].get("description", "an exception"))
        return made["result"].get("value")

    def until(self, expression: str, seconds: float = 60.0) -> float:
        """Wait until the expression is true; the seconds that it took."""
        begun = time.perf_counter()
        while not self.value(expression):
            if time.perf_counter() - begun > seconds:
                raise TimeoutError(f"{expression} is not true after {seconds} s")
            time.sleep(0.01)
        return time.perf_counter() - begun

    def press(self, key: str, control: bool = False) -> None:
        parameters: dict[str, Any] = {"key": key, "code": "Space" if key == " " else key, "modifiers": 2 * control}
        parameters["windowsVirtualKeyCode"] = KEYS[key]
        text = {"Enter": "\r", " ": " "}.get(key)
        self.call("Input.dispatchKeyEvent", type="keyDown", **parameters, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **parameters)

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def picture(self, path: Path) -> None:
        """The whole page as PNG."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(shot["data"]))
