"""The page in the browser: what it answers, whom it answers, how long it takes at most, and both its ways."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import sys
import threading
import zipfile
from contextlib import contextmanager

import pytest

from derive.errors import DeriveError
from derive.playground.answers import MAX_TYPED, answer, answer_json
from derive.playground.page import page
from derive.playground.server import MAX_BYTES, Worker, make_server
from derive.playground.static import build, wheel
from tests.optional import has, needs


@contextmanager
def running():
    server = make_server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def ask(port, body, path="/answer", host=None, kind="application/json", method="POST", length=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Host": host or f"127.0.0.1:{port}", "Content-Type": kind}
    if length is not None:
        headers["Content-Length"] = str(length)
    connection.request(method, path, None if body is None else body.encode(), headers)
    response = connection.getresponse()
    said = response.read().decode()
    connection.close()
    return response.status, said


@pytest.mark.parametrize("kind", ["reading", "gradient", "jacobian", "hessian", "convexity", "stationary"])
def test_each_kind_is_answered(kind):
    said = answer({"kind": kind, "formula": "‖A x − b‖²", "wrt": "x"})
    assert "<math" in said["html"] and "error" not in said
    assert ("code" in said) == (kind in ("gradient", "jacobian", "hessian"))


def test_a_derivation_is_checked_and_several_variables_are_derived_by():
    said = answer({"kind": "check", "formula": r"$$L = \|Ax - b\|^2$$ $$\nabla_x L = A^T(Ax - b)$$"})
    assert "fails" in said["html"]
    both = answer({"kind": "gradient", "formula": "½‖A − U Vᵀ‖²", "wrt": "U, V"})
    assert both["html"].count("<h2>The gradient by") == 2


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"kind": "gradient", "formula": "‖A x − b", "wrt": "x"}, "not closed"),
        ({"kind": "gradient", "formula": "‖x‖²", "wrt": ""}, "no variable is chosen"),
        ({"kind": "hessian", "formula": "‖A − U Vᵀ‖²", "wrt": "U, V"}, "choose one variable"),
        ({"kind": "evaluate", "formula": "x"}, "not asked as the page asks"),
        (["gradient"], "not asked as the page asks"),
        ({"kind": "reading", "formula": "x" * (MAX_TYPED + 1)}, "more than"),
    ],
)
def test_what_cannot_be_answered_is_an_error(asked, words):
    assert words in answer(asked)["error"]


def test_a_hostile_formula_stays_text():
    for text in ("<script>alert(1)</script>", "x'\"><img src=x onerror=alert(1)>", "\\input{/etc/passwd}"):
        for kind in ("reading", "gradient", "check"):
            said = answer({"kind": kind, "formula": text, "wrt": text, "where": text})
            assert "<script>alert" not in said.get("html", "") and "<img" not in said.get("html", "")
    assert "error" in json.loads(answer_json("{"))


def test_the_server_answers_this_machine_alone():
    with running() as port:
        status, said = ask(port, None, "/", method="GET")
        assert status == 200 and said == page()
        assert ask(port, None, "/", host="example.org", method="GET")[0] == 403
        assert ask(port, "{}", host="example.org")[0] == 403
        assert ask(port, "{}", kind="text/plain")[0] == 404 and ask(port, None, "/etc/passwd", method="GET")[0] == 404
        assert ask(port, "", length=MAX_BYTES + 1)[0] == 413
        status, said = ask(port, json.dumps({"kind": "gradient", "formula": "½‖A x − b‖²", "wrt": "x"}))
        assert status == 200 and "Aᵀ" not in json.loads(said).get("error", "") and json.loads(said)["latex"]


def test_an_answer_that_takes_too_long_is_given_up_and_the_next_is_made():
    worker = Worker(seconds=0.0)
    try:
        question = json.dumps({"kind": "reading", "formula": "‖x‖²"})
        assert "longer than" in json.loads(worker.answer(question))["error"]
        worker.seconds = 60.0
        assert "<math" in json.loads(worker.answer(question))["html"]
    finally:
        worker.close()


def test_a_port_that_is_taken_is_a_clear_error():
    with running() as port, pytest.raises(DeriveError, match="cannot be had"):
        make_server(port)


def test_the_wheel_answers_without_numpy_and_sympy(tmp_path):
    """As in a browser, where there is the standard library and nothing else."""
    (tmp_path / "derive.whl").write_bytes(wheel())
    with zipfile.ZipFile(tmp_path / "derive.whl") as held:
        assert "derive/playground/index.html" in held.namelist()
        held.extractall(tmp_path / "unpacked")
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('numpy', 'sympy', 'scipy', 'mpmath', 'pygraphviz'):\n"
        "            raise ModuleNotFoundError(name, name=name)\n"
        "import importlib.util as util\n"
        "known = util.find_spec\n"
        "util.find_spec = lambda name, package=None: None if name == 'numpy' else known(name, package)\n"
        "sys.meta_path.insert(0, Missing())\n"
        "from derive.playground.answers import answer\n"
        "said = answer({'kind': 'gradient', 'formula': '½‖WᵀWx − x‖²', 'wrt': 'W'})\n"
        "assert 'relative error at most' in said['html'] and 'code is not checked' in said['html']\n"
        "assert 'def gradient(W, x)' in said['code'] and 'boxed' in said['latex']\n"
        "assert 'needs NumPy' in answer({'kind': 'check', 'formula': '$x = 1$'})['error']\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "unpacked")], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr


def in_browser(address, tmp_path):
    browser = next(found for found in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if found)
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    command = [browser, *flags.split(), f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=60000"]
    done = subprocess.run([*command, "--dump-dom", address], capture_output=True, text=True, timeout=180)
    return done.stdout


@needs("Chromium")
def test_the_served_page_answers_in_a_browser(tmp_path):
    with running() as port:
        shown = in_browser(f"http://127.0.0.1:{port}/", tmp_path)
    assert "The gradient of" in shown and shown.count("<math") > 20
    assert 'aria-pressed="true">W</button>' in shown


@needs("Chromium", "npm")
def test_the_folder_answers_in_a_browser_without_our_server(tmp_path):
    import functools
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    folder = tmp_path / "site"
    try:
        build(str(folder))
    except DeriveError as error:
        pytest.skip(f"npm could not be asked: {error.message}")
    with pytest.raises(DeriveError, match="not an empty folder"):
        build(str(folder))

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        shown = in_browser(f"http://127.0.0.1:{server.server_address[1]}/", tmp_path)
    finally:
        server.shutdown()
        server.server_close()
    assert "The gradient of" in shown and "code is not checked" in shown


def test_without_npm_the_folder_is_refused_by_name(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(DeriveError, match="npm is not installed"):
        build(str(tmp_path / "site"))
    assert not list(tmp_path.iterdir()) and has("numpy")


def test_bad_ports_are_refused(capsys):
    from derive.cli import main

    assert main(["playground", "--port", "many"]) == 2 and "no port" in capsys.readouterr().err
