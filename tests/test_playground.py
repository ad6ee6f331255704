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
from tests.browser import Page, hosting
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
        "        if name.split('.')[0] in ('numpy', 'sympy', 'scipy', 'pygraphviz'):\n"
        "            raise ModuleNotFoundError(name, name=name)\n"
        "import importlib.util as util\n"
        "known = util.find_spec\n"
        "util.find_spec = lambda name, package=None: None if name == 'numpy' else known(name, package)\n"
        "sys.meta_path.insert(0, Missing())\n"
        "from derive.playground.answers import answer\n"
        "said = answer({'kind': 'gradient', 'formula': '½‖WᵀWx − x‖²', 'wrt': 'W'})\n"
        "assert 'relative error at most' in said['html'] and 'code is not checked' in said['html']\n"
        "assert 'def gradient(W, x)' in said['code'] and 'boxed' in said['latex']\n"
        "said = answer({'kind': 'check', 'formula': '$$L = x^2$$ $$dL/dx = 3x$$'})['html']\n"
        "assert 'fails' in said and 'of Python' in said, said\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "unpacked")], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr


TEN = [  # in every spelling; formula and variables
    ("½‖WᵀWx − x‖²", "W"),
    ("1/2*norm2(A*x - b)^2", "x"),
    ("np.mean((X @ w - y)**2)", "w"),
    (r"\frac{1}{2} x^\top A x - b^\top x", "x"),
    ("log(1 + exp(−y wᵀ x))", "w"),
    ("−yᵀ log(softmax(W x))", "W"),
    ("log det(Σ) + xᵀ Σ⁻¹ x", "Σ"),
    ("tr(Xᵀ A X B)", "X"),
    ("∑ᵢ (yᵢ − wᵀ xᵢ)²", "w"),
    ("h = tanh(W₁ x + b₁); ½‖W₂ h − y‖²", "W1, b1, W2"),
]
HOSTILE = "x'\"><img src=x onerror=alert(1)><script>alert(2)</script>"
SAID = (
    "(document.getElementById('answer').textContent + (document.querySelector('#reading .error')?.textContent || ''))"
)
SETTLED = f"document.getElementById('status').textContent === '' && {SAID} !== ''"


def fill(shown, **fields):
    """Put texts into the fields, as typing does."""
    for name, text in fields.items():
        shown.value(f"document.getElementById('{name}').value = {json.dumps(text)}")
        shown.value(f"document.getElementById('{name}').dispatchEvent(new Event('input'))")
    shown.value("document.getElementById('answer').replaceChildren()")


def answered(shown, kind="gradient", **fields):
    """The text of the answer after a click on the button."""
    shown.value(f"document.querySelector('[data-kind={kind}]').click()")
    fill(shown, **fields)
    shown.value("document.getElementById('go').click()")
    shown.until(SETTLED)
    return shown.value(SAID)


def walk(shown, address):
    """What both ways of the page must do."""
    shown.open(address)
    shown.until(SETTLED)
    for formula, wrt in TEN:
        said = answered(shown, formula=formula, wrt=wrt, where="")
        assert "relative error at most" in said and "def gradient(" in said, said
        boxes = shown.value("document.querySelectorAll('#answer .derivation > h1 ~ .scroll .box').length")
        assert boxes == 2 * len(wrt.split(",")), formula  # each answer on top, and where it is derived
        assert shown.value("document.querySelectorAll('#answer svg .node').length") >= 3
        shown.until(f"document.querySelectorAll('#symbols [aria-pressed=true]').length === {len(wrt.split(','))}")
    shown.value("document.getElementById('backend').value = 'torch'")
    shown.value("document.getElementById('backend').onchange()")
    shown.until("document.getElementById('derive-code').textContent.includes('import torch')")
    said = answered(shown, formula="‖W r − x‖²", wrt="W", where="W: m×n, r: m")
    assert "cannot multiply W (m × n) by r (m × 1)" in said and "^^^" in said
    for kind in ("gradient", "check"):
        answered(shown, kind, formula=HOSTILE, wrt=HOSTILE, where="")
        assert shown.value("document.querySelectorAll('img').length") == 0
    link = shown.value("location.href")
    shown.open("about:blank")
    shown.open(link)
    shown.until(SETTLED)
    assert shown.value("document.getElementById('formula').value") == HOSTILE
    assert shown.errors == []
    said = answered(shown, "check", formula=DOCUMENT, wrt="", where="")
    assert "2 claims: 1 definition, 1 fails" in said and "repair" in said
    assert "It is a minimum" in answered(shown, "stationary", formula="‖X w − y‖²", wrt="w", where="")
    assert "Convex:" in answered(shown, "convexity", formula="log(𝟏ᵀ exp(A x + b))", wrt="x", where="")


DOCUMENT = r"$$L = \|Ax - b\|^2$$" + "\n" + r"$$\nabla_x L = A^\top (A x - b)$$"


@needs("Chromium", "bash")
def test_the_served_page_answers_in_a_browser(tmp_path):
    with running() as port, Page(tmp_path) as shown:
        walk(shown, f"http://127.0.0.1:{port}/")


@needs("Chromium", "bash")
def test_the_page_is_used_by_keyboard_alone(tmp_path):
    focus = "document.activeElement.dataset.kind || document.activeElement.id || document.activeElement.textContent"
    with running() as port, Page(tmp_path) as shown:
        shown.open(f"http://127.0.0.1:{port}/")
        shown.until(SETTLED)
        met = []
        while "link" not in met and len(met) < 40:
            shown.press("Tab")
            met.append(shown.value(focus))
            assert shown.value("getComputedStyle(document.activeElement).outlineStyle") != "none", met[-1]
            if met[-1] == "hessian":
                shown.press("Enter")
            elif met[-1] == "formula":
                shown.value("document.activeElement.select()")
                shown.type("logsumexp(A x)")
                shown.until("document.querySelector('#symbols button')?.textContent === 'A'")
            elif met[-1] == "wrt":
                shown.value("document.activeElement.select()")
                shown.type("")
                shown.until("document.querySelectorAll('#symbols [aria-pressed=true]').length === 0")
            elif met[-1] == "x":
                shown.press(" ")
                shown.until("document.activeElement.getAttribute('aria-pressed') === 'true'")
                assert shown.value("document.getElementById('wrt').value") == "x"
            elif met[-1] == "go":
                shown.press("Enter")
                shown.until(SETTLED + " && document.querySelector('#answer h1').textContent.startsWith('The Hessian')")
        wanted = ["gradient", "hessian", "check", "examples", "formula", "wrt", "A", "x", "where", "go", "link"]
        assert [name for name in met if name in wanted] == wanted
        assert shown.errors == []


@needs("Chromium", "bash")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_page_fits_a_phone_in_either_theme(tmp_path, dark):
    with running() as port, Page(tmp_path, width=390, height=844, dark=dark) as shown:
        shown.open(f"http://127.0.0.1:{port}/")
        hessian = ("hessian", "∑ᵢ log(1 + exp(−yᵢ wᵀ xᵢ))")
        for kind, formula in [("check", DOCUMENT)] if dark else [("gradient", "½‖WᵀWx − x‖²"), hessian]:
            answered(shown, kind, formula=formula, wrt="w" if kind == "hessian" else "W", where="")
            assert shown.value("document.documentElement.scrollWidth") == 390, formula
            for box in shown.value(
                "[...document.querySelectorAll('.box')].map((b) => b.getBoundingClientRect().right)"
            ):
                assert box <= 390
        ground, ink = (
            shown.value(f"getComputedStyle(document.body).{name}.match(/\\d+/g).slice(0, 3).map(Number)")
            for name in ("backgroundColor", "color")
        )
        assert (max(ground) < 60 and min(ink) > 200) if dark else (min(ground) > 240 and max(ink) < 60)


@needs("Chromium", "bash", "npm")
def test_the_folder_answers_in_a_browser_without_our_server(tmp_path):
    folder = tmp_path / "site"
    try:
        build(str(folder))
    except DeriveError as error:
        pytest.skip(f"npm could not be asked: {error.message}")
    with pytest.raises(DeriveError, match="not an empty folder"):
        build(str(folder))
    with hosting(folder) as address, Page(tmp_path) as shown:
        walk(shown, address)


def test_without_npm_the_folder_is_refused_by_name(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(DeriveError, match="npm is not installed"):
        build(str(tmp_path / "site"))
    assert not list(tmp_path.iterdir()) and has("numpy")


def test_bad_ports_are_refused(capsys):
    from derive.cli import main

    assert main(["playground", "--port", "many"]) == 2 and "no port" in capsys.readouterr().err
