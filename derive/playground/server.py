"""The page, served on this machine alone.

Only 127.0.0.1 is bound, and a request must name that host: no other page in the browser can
have us answer by a name that it points here.  Answers are made by a worker process, which is
ended and replaced when one takes longer than `SECONDS`.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ..errors import DeriveError
from .answers import MAX_TYPED, answer_json
from .page import page

SECONDS = 20.0  # for one answer
MAX_BYTES = 8 * MAX_TYPED


class Worker:
    """A process that answers one request at a time."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self._lock = threading.Lock()
        self._process: Any = None
        self._pipe: Any = None

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def answer(self, request: str) -> str:
        """The answer, or an error where it takes too long."""
        with self._lock:
            if self._process is None or not self._process.is_alive():
                self._start()
            try:
                self._pipe.send(request)
                if self._pipe.poll(self.seconds):
                    return str(self._pipe.recv())
                said = f"the answer takes longer than {self.seconds:.0f} seconds; it was given up"
            except (EOFError, OSError):
                said = "the answer was given up: the process that makes it has ended"
            self.close()
            return json.dumps({"error": said})

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._pipe.close()
            self._process = None


def _work(pipe: Any) -> None:
    while True:
        try:
            request = pipe.recv()
        except (EOFError, KeyboardInterrupt):
            return
        try:
            said = answer_json(request)
        except Exception as error:  # noqa: BLE001
            said = json.dumps({"error": f"internal error: {type(error).__name__}: {error}"})
        pipe.send(said)


class Server(ThreadingHTTPServer):
    """Serves the page; closing it ends the worker."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], worker: Worker) -> None:
        self.worker = worker
        super().__init__(address, handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away before its answer is no error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def server_close(self) -> None:
        super().server_close()
        self.worker.close()


def make_server(port: int = 0, seconds: float = SECONDS) -> Server:
    """A server bound to 127.0.0.1; port 0 takes a free one."""
    worker = Worker(seconds)

    class Handler(BaseHTTPRequestHandler):
        def is_ours(self) -> bool:
            known = server.server_port
            if self.headers.get("Host") in (f"127.0.0.1:{known}", f"localhost:{known}"):
                return True
            self.reply(403, "text/plain", "this server answers for 127.0.0.1 only\n")
            return False

        def do_GET(self) -> None:
            if not self.is_ours():
                return
            if self.path.partition("?")[0] in ("/", "/index.html"):
                self.reply(200, "text/html", page())
            else:
                self.reply(404, "text/plain", "there is one page, /\n")

        def do_POST(self) -> None:
            if not self.is_ours():
                return
            length = self.headers.get("Content-Length", "")
            if self.path != "/answer" or self.headers.get_content_type() != "application/json":
                self.reply(404, "text/plain", "questions go to /answer, as JSON\n")
            elif not length.isdecimal() or int(length) > MAX_BYTES:
                self.close_connection = True
                self.reply(413, "text/plain", f"at most {MAX_BYTES} bytes\n")
            else:
                asked = self.rfile.read(int(length)).decode("utf-8", "replace")
                self.reply(200, "application/json", worker.answer(asked))

        def reply(self, status: int, kind: str, text: str) -> None:
            data = text.encode("utf-8")
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            return

    try:
        server = Server(("127.0.0.1", port), Handler, worker)
    except (OSError, OverflowError) as error:
        raise DeriveError(
            f"port {port} cannot be had: {error}", hint="leave --port out, and a free one is taken"
        ) from None
    return server


def serve(port: int = 0) -> None:
    """Serve the page until interrupted, and open it in the browser."""
    import webbrowser

    server = make_server(port)
    address = f"http://127.0.0.1:{server.server_address[1]}/"
    first = json.dumps({"kind": "gradient", "formula": "½‖x‖²", "wrt": "x"})  # the worker is warm when the page asks
    threading.Thread(target=server.worker.answer, args=(first,), daemon=True).start()
    print(f"derive: the page is at {address}; Ctrl-C ends it", file=sys.stderr, flush=True)
    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    try:
        server.serve_forever()
    finally:
        server.server_close()
