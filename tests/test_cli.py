"""The command line, in process and as a program: formats, files, messages, exit statuses."""

from __future__ import annotations

import ast
import io
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sympy

import derive
from derive import cli
from derive.completion import SHELLS, completion
from derive.rules import RULES

ROOT = Path(__file__).resolve().parent.parent
FLAGSHIP = "½‖WᵀWx − x‖²"
SPELLINGS = [
    FLAGSHIP,
    "1/2*norm2(W'*W*x - x)^2",
    "0.5 * norm(W.T @ W @ x - x)**2",
    r"\frac12 \left\| W^\top W x - x \right\|_2^2",
]
BOX = "W (Wᵀ W x xᵀ + x xᵀ Wᵀ W − 2 x xᵀ)"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
HAS_LATEX = any(shutil.which(engine) for engine in ("pdflatex", "lualatex", "xelatex", "tectonic"))


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    """Exit status, standard output, standard error."""
    status = cli.main(list(arguments))
    out, err = capsys.readouterr()
    return status, out, err


def program(*arguments: str, **options) -> subprocess.CompletedProcess:
    options.setdefault("capture_output", True)
    options.setdefault("env", ENVIRONMENT)
    return subprocess.run([sys.executable, "-m", "derive", *arguments], check=False, timeout=120, **options)


# What it prints


@pytest.mark.parametrize("formula", SPELLINGS)
def test_every_spelling_gives_the_same_box(capsys, formula):
    status, out, err = run(capsys, "gradient", formula, "--wrt", "W", "--to", "json")
    record = json.loads(out)
    assert (status, err) == (0, "")
    assert record["boxed"]["text"] == BOX
    assert len(record["contributions"]) == 2
    assert 0 <= record["verified"]["max_relative_error"] < 1e-7


def test_json_has_the_fields_of_schema_1(capsys):
    record = json.loads(run(capsys, "gradient", FLAGSHIP, "--wrt", "W", "--to", "json")[1])
    assert record["schema"] == 1
    assert (record["kind"], record["loss"], record["wrt"]) == ("gradient", "½ ‖Wᵀ W x − x‖²", "W")
    assert record["shapes"] == {"W": ["m", "n"], "x": ["n", 1]}
    assert [c["occurrence"] for c in record["contributions"]] == ["W", "Wᵀ"]
    assert all({"occurrence", "text", "latex"} <= set(c) for c in record["contributions"])
    for form in ("expanded", "boxed", "compact"):
        assert set(record[form]) == {"text", "latex"}
    assert record["compact"]["text"] == "W (r xᵀ + x rᵀ) where r = Wᵀ W x − x"
    assert set(record["flops"]) == {"expression", "value"} and record["flops"]["value"] is None
    assert record["verified"]["points"] == 3


def test_json_without_the_check_says_so(capsys):
    assert (
        json.loads(run(capsys, "gradient", FLAGSHIP, "--wrt", "W", "--to", "json", "--no-verify")[1])["verified"]
        is None
    )


def test_json_of_fixed_sizes_counts_operations(capsys):
    record = json.loads(run(capsys, "gradient", "‖Wx‖²", "--wrt", "W", "--where", "W: 3×4", "--to", "json")[1])
    assert isinstance(record["flops"]["value"], int)
    assert record["shapes"]["W"] == [3, 4]


def test_latex_is_the_default(capsys):
    status, out, _ = run(capsys, "gradient", FLAGSHIP, "--wrt", "W")
    assert status == 0
    assert r"\frac{\partial L}{\partial W}" in out and r"W^{\top}" in out and r"\begin{align*}" in out
    assert r"\documentclass" not in out
    assert r"\documentclass" in run(capsys, "gradient", FLAGSHIP, "--wrt", "W", "--to", "tex")[1]


COMMANDS = {
    "gradient": ["gradient", "tr(A X⁻¹) + sum(relu(X))", "--wrt", "X"],
    "jacobian": ["jacobian", "softmax(Wx + b)", "--wrt", "x"],
    "hessian": ["hessian", "logsumexp(Ax)", "--wrt", "x"],
    "hvp": ["hvp", FLAGSHIP, "--wrt", "W", "--direction", "V"],
    "differential": ["differential", "Y = A X B"],
}
BEGINNING = {
    "latex": "Let", "tex": r"\documentclass", "text": "The ", "markdown": "# The ", "html": "<!DOCTYPE html>",
    "json": "{", "sympy": '"""', "numpy": '"""', "scipy": '"""', "array-api": '"""', "jax": '"""', "torch": '"""',
    "svg": "<svg", "dot": "digraph", "mermaid": ("flowchart", "graph", "%%"), "tikz": r"% \usepackage{amsmath",
    "typst": "#set page", "c": "/* ",
}  # fmt: skip


@pytest.mark.parametrize("form", [form for form in cli.FORMATS if form != "pdf"])
@pytest.mark.parametrize("kind", COMMANDS)
def test_every_format_of_every_kind(capsys, kind, form):
    status, out, err = run(capsys, *COMMANDS[kind], "--to", form)
    assert (status, err) == (0, "")
    assert out.startswith(BEGINNING[form])
    assert out.endswith("\n") and "Traceback" not in out
    if form in (*cli.SOURCES, "sympy") and form != "c":
        ast.parse(out)


def test_formats_are_all_tested():
    assert set(BEGINNING) | {"pdf"} == set(cli.FORMATS)


@pytest.mark.parametrize(
    ("kind", "formula", "extra"),
    [
        ("gradient", FLAGSHIP, ["--wrt", "W"]),
        ("gradient", "½ λ ‖x_1‖² + sum(exp(x_1)) − logdet(S)", ["--wrt", "x_1", "--where", "S: n×n"]),
        ("gradient", "logdet(S) + aᵀ S⁻¹ b", ["--wrt", "S"]),
        ("jacobian", "A X B", ["--wrt", "X"]),
        ("hessian", "logsumexp(A x)", ["--wrt", "x"]),
        ("gradient", "tr(expm(A) B)", ["--wrt", "A"]),
    ],
)
def test_sympy_source_builds_the_box(capsys, kind, formula, extra):
    out = run(capsys, kind, formula, *extra, "--to", "sympy")[1]
    names: dict[str, object] = {}
    exec(compile(out, "box", "exec"), names)
    where = extra[3] if "--where" in extra else None
    want = getattr(derive, kind)(formula, extra[1], where=where).to_sympy()
    made = names[kind]
    assert made.doit() == want or derive.equal(derive.interop.from_sympy(made), derive.interop.from_sympy(want)).verdict


def test_details_differ(capsys):
    lengths = [
        len(run(capsys, "gradient", FLAGSHIP, "--wrt", "W", "--to", "text", "--detail", how)[1])
        for how in ("brief", "steps", "full")
    ]
    assert lengths == sorted(set(lengths))


def test_equations_are_numbered_on_request(capsys):
    command = ["gradient", FLAGSHIP, "--wrt", "W", "--no-verify"]
    told = run(capsys, *command, "--numbered")[1]
    assert r"\begin{align}" in told and r"\label{eq:gradient-L-W}" in told
    assert r"\label" not in run(capsys, *command)[1]
    status, _, error = run(capsys, *command, "--numbered", "--to", "text")
    assert status == 2 and "--numbered is for latex, tex and pdf, not text" in error


def test_the_check_is_told_and_can_be_left_out(capsys):
    assert "relative error" in run(capsys, "gradient", FLAGSHIP, "--wrt", "W", "--to", "text")[1]
    assert "relative error" not in run(capsys, "gradient", FLAGSHIP, "--wrt", "W", "--to", "text", "--no-verify")[1]


def test_a_wrong_derivative_is_reported(capsys, monkeypatch):
    found = {"the derivative": 1e-16, "the boxed form": 0.5}
    monkeypatch.setattr(derive.Derivation, "errors", lambda self, points=3, forms=(), code=True: found)
    for form in ("latex", "text", "numpy", "json"):
        status, out, err = run(capsys, "gradient", FLAGSHIP, "--wrt", "W", "--to", form)
        assert status == 1 and not out and "the boxed form FAILED the numeric check" in err
    with pytest.raises(derive.DeriveError, match="internal error: the boxed form disagrees"):
        derive.gradient(FLAGSHIP, "W").text()


def test_an_interrupted_check_is_left_out(capsys, monkeypatch):
    def interrupt(self, points=3, forms=(), code=True):
        raise KeyboardInterrupt

    monkeypatch.setattr(derive.Derivation, "errors", interrupt)
    status, out, err = run(capsys, "gradient", FLAGSHIP, "--wrt", "W", "--to", "text")
    assert status == cli.INTERRUPTED and BOX in out and "relative error" not in out and "interrupted" in err


def test_layout_transposes(capsys):
    texts = [
        json.loads(run(capsys, "jacobian", "A x", "--wrt", "x", "--layout", layout, "--to", "json")[1])["boxed"]["text"]
        for layout in ("numerator", "denominator")
    ]
    assert texts == ["A", "Aᵀ"]


def test_demo_is_whole(capsys):
    status, out, err = run(capsys, "demo")
    assert (status, err) == (0, "")
    for words in (BOX, "def gradient(W, x)", "the cotangent is transposed", "relative error"):
        assert words in out


def test_a_formula_may_begin_with_a_minus(capsys):
    status, out, _ = run(capsys, "gradient", "-x'*A*x", "--wrt", "x", "--to", "text")
    assert status == 0 and "−(A + Aᵀ) x" in out
    assert run(capsys, "gradient", "--wrt=x", "--to=text", "--", "-x'*A*x")[0] == 0


# Standard input and files


def test_standard_input(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("r = Ax − b\nL = ½‖r‖²\n".encode())))
    status, out, _ = run(capsys, "gradient", "-", "--wrt", "x", "--to", "json")
    assert status == 0 and json.loads(out)["boxed"]["text"] == "Aᵀ (A x − b)"


def test_standard_input_that_is_no_text(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe")))
    status, _, err = run(capsys, "gradient", "-", "--wrt", "x")
    assert status == 2 and "UTF-8" in err


@pytest.mark.parametrize(("ending", "form"), [e for e in cli.ENDINGS.items() if e[1] not in ("pdf", "svg")])
def test_the_ending_names_the_format(capsys, tmp_path, ending, form):
    target = tmp_path / f"made{ending}"
    assert run(capsys, "gradient", FLAGSHIP, "--wrt", "W", "-o", str(target)) == (0, "", "")
    assert target.read_text(encoding="utf-8").startswith(BEGINNING[form])
    assert os.listdir(tmp_path) == [target.name]


@pytest.mark.skipif(not HAS_LATEX, reason="no LaTeX engine is installed")
def test_pdf(capsys, tmp_path):
    target = tmp_path / "made.pdf"
    assert run(capsys, "gradient", FLAGSHIP, "--wrt", "W", "-o", str(target))[0] == 0
    assert target.read_bytes().startswith(b"%PDF")


def test_pdf_without_an_engine(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    target = tmp_path / "made.pdf"
    status, _, err = run(capsys, "gradient", FLAGSHIP, "--wrt", "W", "-o", str(target))
    assert status == 2 and "LaTeX" in err and not target.exists()


def test_a_failure_keeps_the_old_file(capsys, tmp_path):
    target = tmp_path / "made.tex"
    target.write_text("precious")
    assert run(capsys, "gradient", "Wx", "--wrt", "W", "-o", str(target))[0] == 2
    assert target.read_text() == "precious"
    assert run(capsys, "gradient", FLAGSHIP, "--wrt", "W", "-o", str(target))[0] == 0
    assert r"\documentclass" in target.read_text(encoding="utf-8")
    assert os.listdir(tmp_path) == ["made.tex"]


def test_a_write_that_fails_halfway_keeps_the_old_file(tmp_path, monkeypatch):
    target = tmp_path / "made.txt"
    target.write_text("precious")

    def fail(*paths):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(derive.DeriveError, match="No space left"):
        cli.put("other", str(target))
    assert target.read_text() == "precious" and os.listdir(tmp_path) == ["made.txt"]


def test_links_and_permissions_stay(tmp_path):
    target, link = tmp_path / "real.txt", tmp_path / "link.txt"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    cli.put("new", str(link))
    assert link.is_symlink() and target.read_text() == "new\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


@pytest.mark.parametrize("target", [".", "no/such/folder/made.tex"])
def test_a_file_that_cannot_be_written(capsys, tmp_path, monkeypatch, target):
    monkeypatch.chdir(tmp_path)
    status, _, err = run(capsys, "gradient", FLAGSHIP, "--wrt", "W", "--to", "latex", "-o", target)
    assert status == 2 and err.startswith("derive: ") and "Traceback" not in err


# Bad input

BAD = [
    (["gradient", "‖W r − x‖²", "--wrt", "W", "--where", "W: m×n, r: m, x: m"], ["W r", "^^^", "Wᵀ r would fit."]),
    (["gradient", "W x", "--wrt", "W"], ["scalar"]),
    (["gradient", "‖W x‖²", "--wrt", "Q"], ["Q", "W, x"]),
    (["gradient", "‖W x", "--wrt", "W"], ["‖", "^"]),
    (["gradient", "(W x", "--wrt", "W"], ["("]),
    (["gradient", "", "--wrt", "W"], ["empty"]),
    (["gradient", "   ", "--wrt", "W"], ["empty"]),
    (["gradient", "‖W x‖²"], ["--wrt"]),
    (["gradient", "--wrt", "W"], ["FORMULA"]),
    (["gradient", "‖W", "x‖²", "--wrt", "W"], ["quote"]),
    (["gradient", "‖W x‖²", "--wrt", "W", "--to", "texx"], ["did you mean tex?"]),
    (["gradient", "‖W x‖²", "--wrt", "W", "--detial", "brief"], ["did you mean --detail?"]),
    (["gradient", "‖W x‖²", "--wrt", "W", "--wrt", "x"], ["twice"]),
    (["gradient", "‖W x‖²", "--wrt"], ["needs a value"]),
    (["gradient", "‖W x‖²", "--wrt", "W", "--no-verify=1"], ["takes no value"]),
    (["gradient", "‖W x‖²", "--wrt", "W", "-o", "made.xyz"], [".tex"]),
    (["gradient", "‖W x‖²", "--wrt", "W", "--where", "W: m×"], ["m×"]),
    (["gradient", "a/b c", "--wrt", "a"], ["a"]),
    (["gradient", "x^x^x", "--wrt", "x"], ["x^x"]),
    (["gradient", "trace(Aᴴ A)", "--wrt", "A"], ["real"]),
    (["gradient", "__import__('os').system('true')", "--wrt", "x"], [""]),
    (["hvp", "‖x‖²", "--wrt", "x"], ["--direction"]),
    (["hvp", "‖x‖²", "--wrt", "x", "--direction", "x"], ["direction"]),
    (["jacobian", "A x", "--wrt", "x", "--layout", "both"], ["numerator"]),
    (["gradeint", "‖W x‖²"], ["did you mean gradient?"]),
    (["explain", "nothing at all"], ["no rule"]),
    (["check"], ["FILE"]),
    (["check", "no-such-file.md"], ["no-such-file.md"]),
    (["check", "--code", "grad.py"], ["--loss"]),
    (["completion", "tcsh"], ["bash"]),
    (["completion"], ["SHELL"]),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "said"), BAD, ids=[" ".join(a)[:50] for a, _ in BAD])
def test_bad_input_is_told_with_a_way_out(capsys, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("derive: ") and "Traceback" not in err and "internal error" not in err
    for words in said:
        assert words in err
    assert os.listdir(tmp_path) == []


def test_the_place_is_marked_as_the_interface_shows(capsys):
    _, _, err = run(capsys, "gradient", "‖W r − x‖²", "--wrt", "W", "--where", "W: m×n, r: m, x: m")
    assert err == (
        "derive: cannot multiply W (m × n) by r (m × 1): n and m differ\n    ‖W r − x‖²\n     ^^^\n  Wᵀ r would fit.\n"
    )


HOSTILE = [
    "(" * 100_000,
    "x'" + "*x'" * 50_000,
    "W" * 200_000,
    "x^99999999999",
    "-" * 5_000 + "x",
    "‖" * 999,
    "\x00x",
    "sin(" * 3_000 + "x" + ")" * 3_000,
    "𝟏" * 500 + "x",
    "\u202e x'x",
]


@pytest.mark.parametrize("formula", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_input_ends_in_a_message(capsys, formula):
    start = time.perf_counter()
    status, _, err = run(capsys, "gradient", formula, "--wrt", "x")
    assert status in (0, 2) and "Traceback" not in err and "internal error" not in err
    assert time.perf_counter() - start < 10


def test_a_fault_of_ours_is_said_to_be_one(capsys, monkeypatch):
    def fault(*arguments, **options):
        raise ZeroDivisionError("planted")

    monkeypatch.setattr("derive.api.gradient", fault)
    status, _, err = run(capsys, "gradient", FLAGSHIP, "--wrt", "W")
    assert status == 2 and "internal error" in err and "DERIVE_TRACEBACK" in err
    monkeypatch.setenv("DERIVE_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        cli.main(["gradient", FLAGSHIP, "--wrt", "W"])


# Help, rules, completion


def test_help_names_every_command_and_shows_examples(capsys):
    status, out, err = run(capsys, "--help")
    assert (status, err) == (0, "")
    assert all(name in out for name in cli.COMMANDS) and "Examples:" in out
    assert run(capsys)[0] == 2
    assert run(capsys, "--version")[1] == f"derive {derive.__version__}\n"


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_help_of_a_command_names_every_option(capsys, name):
    status, out, _ = run(capsys, name, "--help")
    assert status == 0 and all(option in out for option in cli.COMMANDS[name].options)
    assert run(capsys, "help", name)[1] == out


def test_the_examples_of_the_help_run(capsys, tmp_path, monkeypatch):
    import shlex

    monkeypatch.chdir(tmp_path)
    examples = [line.strip() for line in cli.EXAMPLES.splitlines() if line.startswith("  derive")]
    assert len(examples) >= 5
    for line in examples:
        words = shlex.split(line.split(" < ")[0])
        if "-" in words or words[1] == "check" or any(word.endswith(".pdf") for word in words):
            continue
        assert run(capsys, *words[1:])[0] == 0, line


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_rule_is_explained(capsys, name):
    status, out, err = run(capsys, "explain", name)
    assert (status, err) == (0, "") and len(out.splitlines()) >= 1


def test_a_rule_is_explained_with_proof_and_source(capsys):
    out = run(capsys, "explain", "matrix", "product")[1]
    assert "= dA B + A dB" in out and "G Bᵀ" in out and "Aᵀ G" in out and "Cookbook" in out
    assert "A invertible" in run(capsys, "explain", "inv")[1]
    assert "matmul" in run(capsys, "explain")[1]


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_knows_every_command_and_option(capsys, shell):
    script = completion(shell)
    assert run(capsys, "completion", shell) == (0, script, "")
    for name, command in cli.COMMANDS.items():
        assert name in script
        for option in command.options:
            assert option.lstrip("-") in script
    if shell != "fish" and shutil.which(shell):
        subprocess.run([shell, "-n"], input=script.encode(), check=True)


def completed(line: str) -> set[str]:
    """What bash offers at the end of a line."""
    words = line.split(" ")
    script = completion("bash") + (
        f"COMP_WORDS=({' '.join(repr(w) for w in words)}); COMP_CWORD={len(words) - 1}; _derive; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    return set(subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
def test_bash_completes():
    assert completed("derive grad") == {"gradient"}
    assert completed("derive gradient --to mark") == {"markdown"}
    assert completed("derive hvp --dir") == {"--direction"}
    assert "brief" in completed("derive demo --detail ")


# As a program


def test_as_a_program():
    done = program("gradient", FLAGSHIP, "--wrt", "W", "--to", "text")
    assert done.returncode == 0 and BOX in done.stdout.decode() and not done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_formulas_are_unicode_in_any_locale(encoding):
    done = program(
        "gradient", FLAGSHIP, "--wrt", "W", "--to", "text", env={**ENVIRONMENT, "PYTHONIOENCODING": encoding}
    )
    assert done.returncode == 0 and BOX in done.stdout.decode("utf-8")


def test_a_closed_pipe_is_no_error():
    command = [sys.executable, "-m", "derive", "demo"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT) as process:
        process.stdout.close()
        stderr = process.stderr.read()
        assert process.wait(60) in (0, cli.BROKEN_PIPE)
    assert stderr == b""


# What runs the tests in the background may have taught them to ignore Ctrl-C.
LISTENING = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"


def test_ctrl_c_ends_without_a_traceback():
    code = (
        LISTENING + "import sys, time, derive.api\nfrom derive import cli\n"
        "derive.api.gradient = lambda *a, **k: (print('ready', flush=True), time.sleep(60))\n"
        "sys.exit(cli.main(['gradient', 'x', '--wrt', 'x']))"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT) as process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == cli.INTERRUPTED and stderr == b"derive: interrupted\n"


def test_ctrl_c_leaves_the_old_file(tmp_path):
    target = tmp_path / "d.tex"
    target.write_text("old", encoding="utf-8")
    code = (
        LISTENING + "import sys, time, derive.files\nfrom derive import cli\n"
        "derive.files.os.replace = lambda *a: (print('ready', flush=True), time.sleep(60))\n"
        f"sys.exit(cli.main(['gradient', '½‖Ax − b‖²', '--wrt', 'x', '--no-verify', '-o', {str(target)!r}]))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=ENVIRONMENT) as process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == cli.INTERRUPTED
    assert target.read_text(encoding="utf-8") == "old" and list(tmp_path.iterdir()) == [target]


# check

RIGHT = "$$L = \\frac12\\|Ax - b\\|^2$$\n\n$$\\nabla_x L = A^T (A x - b)$$\n"
WRONG = RIGHT.replace("A^T (A", "A (A")


@pytest.mark.parametrize(("text", "status"), [(RIGHT, 0), (WRONG, 1)])
@pytest.mark.parametrize("form", ["text", "json", "html"])
def test_check_reads_a_document(capsys, tmp_path, text, status, form):
    path = tmp_path / "homework.md"
    path.write_text(text)
    got, out, _ = run(capsys, "check", str(path), "--to", form, "--where", "A: m×n, x: n, b: m")
    assert got == status and out
    if form == "json":
        assert isinstance(json.loads(out), dict)


def test_an_interrupted_check_reports_what_it_has(capsys, tmp_path, monkeypatch):
    from derive.checking.verdicts import Judge

    step, judged = Judge.step, []

    def interrupted(self, *arguments):
        judged.append(1)
        if len(judged) == 3:
            raise KeyboardInterrupt
        return step(self, *arguments)

    monkeypatch.setattr(Judge, "step", interrupted)
    path = tmp_path / "homework.md"
    path.write_text(RIGHT + "\n$$= A^T A x - A^T b$$\n\n$$= A^T A x + A^T b$$\n")
    status, out, err = run(capsys, "check", str(path))
    assert status == cli.INTERRUPTED and "interrupted after 3 of 4 claims" in err
    assert out.count("proved") >= 2 and "fails  " not in out and "note: interrupted" in out
    judged.clear()
    with pytest.raises(KeyboardInterrupt):  # nobody watches
        derive.check(path.read_text())


def test_check_reads_code(capsys, tmp_path):
    path = tmp_path / "grad.py"
    path.write_text("def gradient(A, x, b):\n    return A.T @ (A @ x - b)\n")
    loss = ["--loss", "½‖Ax − b‖²", "--wrt", "x"]
    assert run(capsys, "check", "--code", str(path), *loss)[0] == 0
    path.write_text("def gradient(A, x, b):\n    return 2 * A.T @ (A @ x - b)\n")
    assert run(capsys, "check", "--code", str(path), *loss)[0] == 1


def test_sympy_agrees_with_the_flagship():
    m, n = sympy.symbols("m n", integer=True, positive=True)
    W, x = sympy.MatrixSymbol("W", m, n), sympy.MatrixSymbol("x", n, 1)
    r = W.T * W * x - x
    assert derive.gradient(sympy.Trace(r.T * r) / 2, W).boxed.text() == BOX


def test_a_symbol_without_its_option_is_told_where_it_goes(capsys):
    status, _, said = run(capsys, "gradient", "xᵀx", "x")
    assert status == 2 and "write --wrt x" in said
    for split in (("gradient", "x", "+", "y", "--wrt", "x"), ("gradient", "x", "y", "--wrt", "x")):
        status, _, said = run(capsys, *split)
        assert status == 2 and "quote the formula" in said


def test_a_check_that_judges_nothing_says_so(tmp_path, capsys):
    path = tmp_path / "notes.md"
    path.write_text("$$f = \\|Ax\\|^2$$\n")
    status, out, _ = run(capsys, "check", str(path))
    assert status == 3 and "nothing is judged" in out


def test_a_file_past_the_limit_is_read_no_further(tmp_path, capsys):
    from derive.files import MAX_BYTES

    path = tmp_path / "large.md"
    with open(path, "wb") as file:
        file.truncate(MAX_BYTES + 5)
    status, _, err = run(capsys, "check", str(path))
    assert status == 2 and "too long" in err


def test_latex_is_in_the_style_that_is_asked_for(capsys):
    style = "--nabla --transpose mathsf --bold all --number-box --width 252pt --steps 4-6".split()
    assert cli.main(["gradient", "½‖WᵀWx − x‖²", "--wrt", "W", "--no-verify", *style]) == 0
    told = capsys.readouterr().out
    assert told.startswith("{\\sloppy") and r"\nabla_{\mathbf{W}} L = \mathbf{W} (\mathbf{W}^{\mathsf{T}}" in told
    assert told.count(r"\label{") == 1 and r"\top" not in told and "Squared norm" not in told


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--nabla", "--to", "html"], "--nabla is for latex, tex and pdf, not html"),
        (["--width", "wide"], "wide is no width"),
        (["--width", "20"], "cannot be 20.0 points wide"),
        (["--bold", "some"], "one of author, all, none"),
        (["--steps", "2-9"], "numbered from 1 to 7"),
        (["--steps", "2-3", "--detail", "full"], "different things"),
    ],
)
def test_a_style_that_cannot_be_is_said(options, said, capsys):
    assert cli.main(["gradient", "½‖WᵀWx − x‖²", "--wrt", "W", "--no-verify", *options]) == 2
    assert said in capsys.readouterr().err


def test_typst_follows_from_the_ending(tmp_path):
    assert cli.main(["gradient", "½‖Ax − b‖²", "--wrt", "x", "-o", str(tmp_path / "d.typ")]) == 0
    assert "A^top (A x - b)" in (tmp_path / "d.typ").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["½‖Ax − b‖²"], "a formula comes after what is asked of it"),
        (["--wrt", "x"], "a command comes first"),
        (["gradient", "½‖Ax − b‖²"], "needs --wrt, the symbol to derive by\n  --wrt A or --wrt x or --wrt b"),
        (["gradient", "½‖Ax − b"], "‖ is not closed"),
        (["gradient", "-"], "for example --wrt x"),
        (["gradient", "‖W₂ relu(W₁x)‖²", "--wrt", "W1", "W2"], "have commas: --wrt W1,W2"),
        (["gradient", "½‖Ax − b‖²", "-wrt", "x"], "did you mean --wrt?"),
        (["gradient", "½‖Ax − b‖²", "wrt=x"], "did you mean --wrt?"),
    ],
)
def test_the_first_mistakes_are_told_what_to_type(arguments, said, capsys):
    assert cli.main(arguments) == 2 and said in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["jacobian", "hessian"])
def test_what_several_variables_have_no_page_for_says_what_there_is(capsys, kind):
    code, out, err = run(capsys, kind, "tanh(xᵀ A y)", "--wrt", "x,y")
    assert code == 2 and not out and "one of them is printed at a time" in err and f"derive.{kind}(" in err
