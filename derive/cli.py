"""The command line: arguments, progress, exit status.

Results go to standard output, all else to standard error.  Exit status 0: done; 1: a
check found a line that fails; 2: bad input, with the place marked; 3: `check` judged nothing;
130: interrupted, and what is shown lacks what was not finished.

One table lists the commands with their options; reading the arguments, the help and the
completion of shells follow it.  What a command needs is imported when it runs.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import DeriveError
from .files import put, read_text
from .progress import Progress, is_terminal, keep_what_there_is

if TYPE_CHECKING:
    from .derivation import Presented

FORMATS = (
    "latex tex text markdown html pdf typst json sympy numpy scipy array-api jax torch c svg dot mermaid tikz".split()
)  # fmt: skip
ANSWERS = ("latex", "tex", "text", "markdown", "html", "pdf", "json")  # of convexity and stationary
ENDINGS = {
    ".tex": "tex", ".latex": "latex", ".txt": "text", ".md": "markdown", ".html": "html", ".htm": "html", ".pdf": "pdf",
    ".typ": "typst", ".json": "json", ".py": "numpy", ".c": "c", ".svg": "svg", ".dot": "dot", ".gv": "dot",
    ".mmd": "mermaid", ".mermaid": "mermaid", ".tikz": "tikz",
}  # fmt: skip
SOURCES = ("numpy", "scipy", "array-api", "jax", "torch", "c")
PAGES = ("text", "markdown", "typst", "html")
GRAPHS = ("svg", "dot", "mermaid", "tikz")
FLAGSHIP = "½‖WᵀWx − x‖²"
POINTS = 3  # of the numeric check
INTERRUPTED, BROKEN_PIPE = 130, 141  # as shells report SIGINT and SIGPIPE


class Option(NamedTuple):
    """An option: the name of its value, None for a switch; the values it takes, if they are few."""

    value: str | None
    help: str
    choices: tuple[str, ...] = ()


WRT = Option("SYMBOL", "the symbol to derive by, or several, such as W1,b1")
BOLD = ("author", "all", "none")
TRANSPOSES = ("top", "T", "mathsf", "intercal", "prime", "author")
WHERE = Option("DECLARATIONS", 'shapes and properties, such as "W: m×n, S: n×n spd"')
OUTPUT = {
    "--to": Option("FORMAT", "what to write; with -o it follows from the ending", tuple(FORMATS)),
    "-o": Option("FILE", "write to a file"),
    "--detail": Option("HOW", "brief, steps (the default) or full", ("brief", "steps", "full")),
    "--steps": Option("NUMBERS", "of the steps to show, such as 2-5; what else is said is brief"),
    "--no-verify": Option(None, "leave out the numeric check"),
}
STYLE = {
    "--numbered": Option(None, "number the equations of latex, tex and pdf"),
    "--number-box": Option(None, "number the boxed equation alone"),
    "--bold": Option("WHAT", "author (bold as typed, the default), all (vectors and matrices) or none", BOLD),
    "--transpose": Option("MARK", "top (the default), T, mathsf, intercal, prime or author", TRANSPOSES),
    "--nabla": Option(None, "write gradients as ∇_W L"),
    "--width": Option("POINTS", "of a line: 252 for a column of an IEEE paper"),
}  # of latex, tex and pdf
OUTPUT |= STYLE
LAYOUT = Option("LAYOUT", "numerator (outputs as rows, the default) or denominator", ("numerator", "denominator"))


class Command(NamedTuple):
    """A subcommand: its operands, one line about it, its options."""

    operands: str
    help: str
    options: dict[str, Option]


COMMANDS = {
    "gradient": Command("FORMULA", "the gradient of a scalar loss", {"--wrt": WRT, "--where": WHERE, **OUTPUT}),
    "jacobian": Command(
        "FORMULA",
        "the Jacobian of a scalar, vector or matrix",
        {"--wrt": WRT, "--where": WHERE, "--layout": LAYOUT, **OUTPUT},
    ),
    "hessian": Command("FORMULA", "the Hessian of a scalar loss", {"--wrt": WRT, "--where": WHERE, **OUTPUT}),
    "hvp": Command(
        "FORMULA",
        "the Hessian of a scalar loss applied to a direction",
        {"--wrt": WRT, "--direction": Option("V", "the direction"), "--where": WHERE, **OUTPUT},
    ),
    "differential": Command("FORMULA", "the differential in all symbols", {"--where": WHERE, **OUTPUT}),
    "check": Command(
        "[FILE]",
        "check a derivation written by hand, or a backward pass in code",
        {
            "--where": WHERE,
            "--code": Option("FILE", "a NumPy or PyTorch function to check against --loss"),
            "--loss": Option("FORMULA", "the loss of --code"),
            "--wrt": WRT,
            "--to": Option("FORMAT", "text (the default), json or html", ("text", "json", "html")),
            "-o": OUTPUT["-o"],
        },
    ),
    "convexity": Command(
        "FORMULA",
        "whether a scalar is convex or concave in symbols, with a proof or points that refute it",
        {"--wrt": WRT, "--where": WHERE, "--to": Option("FORMAT", OUTPUT["--to"].help, ANSWERS), "-o": OUTPUT["-o"]},
    ),
    "stationary": Command(
        "FORMULA",
        "where the gradient of a scalar vanishes, in closed form, and whether that is a minimum",
        {
            "--wrt": Option("SYMBOL", "the symbol to solve for"),
            "--where": WHERE,
            "--subject-to": Option("EQUATION", 'an equation that the symbol satisfies, such as "𝟏ᵀw = 1"'),
            "--to": Option("FORMAT", OUTPUT["--to"].help, (*ANSWERS, "numpy", "scipy", "jax", "torch")),
            "-o": OUTPUT["-o"],
        },
    ),
    "playground": Command(
        "",
        "the page in the browser: served on this machine, or built as a folder that needs no server",
        {
            "--port": Option("N", "the port to serve on; without it, a free one"),
            "-o": Option("DIR", "build the folder instead"),
        },
    ),
    "explain": Command("[RULE]", "a rule, its proof by differentials, its source; without a name, all names", {}),
    "demo": Command("", "the tied-weight autoencoder, whole", OUTPUT),
    "completion": Command("SHELL", "a completion script for bash, zsh or fish", {}),
}

EXAMPLES = """\
Examples:
  derive gradient "½‖WᵀWx − x‖²" --wrt W
  derive gradient "1/2*norm2(W'*W*x - x)^2" --wrt W --to numpy
  derive gradient "log det(S) + tr(S^-1 A)" --wrt S --where "S: n×n spd" --to text
  derive jacobian "softmax(Wx + b)" --wrt x --to json
  derive hvp "sum(softplus(Xw))" --wrt w --direction v --to jax -o hvp.py
  derive gradient - --wrt W -o derivation.pdf < loss.tex
  derive check homework.md
  derive convexity "log(1 + exp(t))" --wrt t --to text
  derive stationary "‖X w − y‖² + λ ‖w‖²" --wrt w --where "λ: scalar positive" -o ridge.html
"""


def main(argv: list[str] | None = None) -> int:
    """Run the command line; the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _utf8()
    try:
        status = run(arguments)
        sys.stdout.flush()
        return status
    except DeriveError as error:
        complain(error)
    except KeyboardInterrupt:
        print("derive: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has had enough; nothing more may be written, at exit neither.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except (RecursionError, MemoryError) as error:
        complain(DeriveError(f"the input is too large ({type(error).__name__})"))
    except OSError as error:
        complain(DeriveError(f"{error.filename or 'input and output'}: {error.strerror or error}"))
    except Exception as error:  # noqa: BLE001
        if os.environ.get("DERIVE_TRACEBACK"):
            raise
        hint = "this is a fault of derive, not of the input; DERIVE_TRACEBACK=1 shows where it is"
        complain(DeriveError(f"internal error: {type(error).__name__}: {error}", hint=hint))
    return 2


def _utf8() -> None:
    """Formulas are Unicode, also where the locale says otherwise."""
    for stream in (sys.stdout, sys.stderr):
        if (getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "") != "utf8":
            getattr(stream, "reconfigure", lambda **_: None)(encoding="utf-8", errors="replace")


def complain(error: DeriveError) -> None:
    """An error on standard error: what, the place, a way out."""
    text = f"derive: {error}"
    last = text.split()[-1]
    if error.hint and last.isascii() and last.isalpha():
        text += "."  # after a word; after a formula it could be taken for a part of it
    sys.stdout.flush()
    print(text.encode("utf-8", "replace").decode("utf-8"), file=sys.stderr)


# Arguments


def run(arguments: list[str]) -> int:
    """Do what the arguments say; the exit status."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        asked = arguments[1] if len(arguments) > 1 else None
        print(overview() if asked not in COMMANDS else command_help(str(asked)), end="")
        return 0 if arguments else 2
    if arguments[0] in ("--version", "-V"):
        from . import __version__

        print(f"derive {__version__}")
        return 0
    name = arguments[0]
    if name not in COMMANDS:
        hint = _meant(name, list(COMMANDS)) or "derive --help lists the commands"
        if name.startswith("-"):
            hint = f"a command comes first, as in derive gradient FORMULA {name}"
        elif not name.replace("-", "").isalpha():
            hint = "a formula comes after what is asked of it, as in derive gradient FORMULA --wrt x"
        raise DeriveError(f"there is no command {name}", hint=hint)
    if any(a in ("-h", "--help") for a in arguments[1:]):
        print(command_help(name), end="")
        return 0
    operands, options = parsed(name, arguments[1:])
    if name == "explain":
        from .render.explain import explain, listing

        print(explain(" ".join(operands)) if operands else listing())
        return 0
    if name == "completion":
        from .completion import completion

        print(completion(operands[0]), end="")
        return 0
    if name == "playground":
        return playground(options)
    if name == "check":
        return check(operands, options)
    if name in ("convexity", "stationary"):
        return answer(name, operands, options)
    return derive(name, operands, options)


def parsed(name: str, arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    """Operands and options of a command.

    An argument that begins with one hyphen and is no option is an operand, such as the
    formula `-x'A x`; after `--` all are.
    """
    command = COMMANDS[name]
    operands: list[str] = []
    options: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if argument == "--":
            operands += rest
            break
        key, equals, value = argument.partition("=")
        if key == "--output":
            key = "-o"
        if key.startswith("-o") and "-o" in command.options and not key.startswith("--") and len(argument) > 2:
            key, equals, value = "-o", "=", argument[2:]
        option = command.options.get(key)
        if option is None:
            if argument.startswith("--") and (key[2:3].isalpha() and key[2:].replace("-", "").isalnum()):
                meant = _meant(key, list(command.options)) or f"derive {name} --help lists the options"
                raise DeriveError(f"{name} has no option {key}", hint=meant)
            named = "--" + key.lstrip("-")
            if named in command.options and (key.startswith("-") or (equals and operands)):
                raise DeriveError(f"{name} has no option {key}", hint=f"did you mean {named}?")
            operands.append(argument)
            continue
        if key in options:
            raise DeriveError(f"{key} is given twice")
        if option.value is None:
            if equals:
                raise DeriveError(f"{key} takes no value")
            options[key] = "yes"
            continue
        if not equals:
            if not rest:
                raise DeriveError(f"{key} needs a value, {option.value}")
            value = rest.pop(0)
        if option.choices and value not in option.choices:
            meant = _meant(value, list(option.choices)) or "one of " + ", ".join(option.choices)
            raise DeriveError(f"{key} cannot be {value or 'empty'}", hint=meant)
        options[key] = value
    wanted = command.operands
    if name == "explain":
        return operands, options
    if len(operands) > (1 if wanted else 0):
        hint = "quote the formula: the shell splits it at blanks" if wanted == "FORMULA" else None
        if "--wrt" in command.options and len(operands) == 2 and "--wrt" not in options and operands[1].isalnum():
            hint = f"to derive by {operands[1]}, write --wrt {operands[1]}; a formula with blanks needs quotes"
        elif "--wrt" in command.options and all(o.isalnum() for o in operands[1:]) and "--wrt" in options:
            hint = f"{hint}, and several variables have commas: --wrt {','.join([options['--wrt'], *operands[1:]])}"
        besides = f" besides {operands[0]!r}" if wanted else ""
        raise DeriveError(f"{name} does not take {operands[-1]!r}{besides}", hint=hint)
    if wanted and not wanted.startswith("[") and not operands:
        raise DeriveError(f"{name} needs a {wanted}", hint=f"derive {name} --help")
    for key in command.options:
        if key == "--wrt" and key not in options and name != "check":
            raise DeriveError(f"{name} needs --wrt, the symbol to derive by", hint=_symbols(operands, options))
    if name == "hvp" and "--direction" not in options:
        raise DeriveError("hvp needs --direction, a symbol in the shape of --wrt", hint="derive hvp --help")
    return operands, options


def _symbols(operands: list[str], options: dict[str, str]) -> str:
    """The symbols of a formula that could be derived by."""
    from .api import parse
    from .expr import symbols_of

    found = symbols_of(parse(operands[0], options.get("--where"))) if operands[0] != "-" else []
    return " or ".join(f"--wrt {s.text()}" for s in found) or "for example --wrt x"


def _meant(word: str, known: list[str]) -> str | None:
    from difflib import get_close_matches

    if word in ("--format", "--output-format", "--type") and "--to" in known:
        return "did you mean --to?"
    near = get_close_matches(word, known, n=1)
    return f"did you mean {near[0]}?" if near else None


def overview() -> str:
    """What `derive --help` prints."""
    width = max(map(len, COMMANDS))
    lines = ["Matrix calculus as on paper: derivations, boxed derivatives, LaTeX and code.", "", "Usage:"]
    lines += ["  derive COMMAND [FORMULA] [OPTIONS]        derive COMMAND --help", "", "Commands:"]
    lines += [f"  {name:{width}}  {command.help}" for name, command in COMMANDS.items()]
    return "\n".join([*lines, "", EXAMPLES])


def command_help(name: str) -> str:
    """What `derive COMMAND --help` prints."""
    command = COMMANDS[name]
    lines = [f"Usage: derive {name} {command.operands}".rstrip() + (" [OPTIONS]" if command.options else ""), ""]
    lines += [command.help[:1].upper() + command.help[1:] + ".", ""]
    if command.operands == "FORMULA":
        lines += ["FORMULA is Unicode, ASCII, NumPy-like or LaTeX; - reads standard input.", ""]
    if command.options:
        lines.append("Options:")
    for key, option in command.options.items():
        usage = f"{key} {option.value}" if option.value else key
        help = option.help
        if key == "--to" and option.help == OUTPUT["--to"].help:
            some = [option.choices[:9], option.choices[9:]]
            help += ":" + ",".join("\n" + " " * 26 + ", ".join(forms) for forms in some if forms)
        lines.append(f"  {usage:22}  {help}")
    examples = [line for line in EXAMPLES.splitlines() if f"derive {name} " in line]
    return "\n".join([*lines, *(["", "Examples:", *examples] if examples else [])]) + "\n"


# Commands


def derive(kind: str, operands: list[str], options: dict[str, str]) -> int:
    """gradient, jacobian, hessian, hvp, differential and demo."""
    target = options.get("-o")
    form = options.get("--to") or (_form_of(target) if target else "latex")
    where = options.get("--where")
    style = _style(options, form)
    with Progress("deriving") as progress:
        made: Presented
        if kind == "demo":
            from .api import gradient

            made = gradient(FLAGSHIP, "W")
        else:
            from . import api

            formula = read_text("-").strip("\n") if operands[0] == "-" else operands[0]
            extra: dict[str, Any] = {"layout": options["--layout"]} if "--layout" in options else {}
            if kind == "differential":
                made = api.differential(formula, where)
            elif kind == "hvp":
                made = api.hvp(formula, options["--wrt"], options["--direction"], where)
            else:
                made = getattr(api, kind)(formula, options["--wrt"], where=where, **extra)
            if not hasattr(made, "steps"):
                what, key = ("Hessian", '"U", "V"') if kind == "hessian" else ("Jacobian", '"U"')
                raise DeriveError(
                    f"a {what} by several variables has blocks, and one of them is printed at a time",
                    hint=f"derive {kind} by one variable, or derive.{kind}(…)[{key}] in Python",
                )
            if form == "sympy" and len(made.parts) > 1:
                raise DeriveError("sympy prints one derivative at a time", hint="derive by one variable")
        from .verification import FORMS

        has_code = form in (*SOURCES, "html", "json") or (kind == "demo" and "--to" not in options)
        forms = ("boxed",) if form in (*SOURCES, "sympy") else FORMS
        verify = False if "--no-verify" in options or form in GRAPHS else checked(made, progress, forms, has_code)
        if verify is None:
            return 1
        progress.stage("writing")
        if "--steps" in options and "--detail" in options:
            raise DeriveError("--steps and --detail say different things", hint="give one of them")
        detail = options.get("--steps") or options.get("--detail", "steps")
        if kind == "demo" and "--to" not in options and not target and not style:
            result: str | bytes = whole(made, verify, detail)
        else:
            result = written(made, form, verify, detail, **style)
    put(result, target)
    return INTERRUPTED if progress.was_interrupted else 0


def _style(options: dict[str, str], form: str) -> dict[str, Any]:
    """How LaTeX is to look, as `latex` takes it."""
    given = [key for key in STYLE if key in options]
    if given and form not in ("latex", "tex", "pdf"):
        raise DeriveError(f"{given[0]} is for latex, tex and pdf, not {form}")
    style: dict[str, Any] = {key[2:]: options[key] for key in ("--bold", "--transpose") if key in options}
    if "--numbered" in options or "--number-box" in options:
        style["numbered"] = "box" if "--number-box" in options else True
    if "--nabla" in options:
        style["nabla"] = True
    if "--width" in options:
        try:
            style["width"] = float(options["--width"].removesuffix("pt"))
        except ValueError:
            raise DeriveError(f"{options['--width']} is no width", hint="points, such as 252") from None
    return style


def answer(kind: str, operands: list[str], options: dict[str, str]) -> int:
    """convexity and stationary."""
    target = options.get("-o")
    form = options.get("--to") or (_form_of(target) if target else "latex")
    known = COMMANDS[kind].options["--to"].choices
    if form not in known:
        raise DeriveError(f"{kind} writes {', '.join(known)}, not {form}")
    extra = {"subject_to": options["--subject-to"]} if "--subject-to" in options else {}
    with Progress("deriving"):
        from . import extrema

        formula = read_text("-").strip("\n") if operands[0] == "-" else operands[0]
        found = getattr(extrema, kind)(formula, options["--wrt"], where=options.get("--where"), **extra)
        from .render.optima import written as answered

        result = found.source(form) if form in SOURCES else answered(found, form)
    put(result, target)
    return 0


def playground(options: dict[str, str]) -> int:
    """Serve the page, or build it as a folder."""
    port = options.get("--port", "0")
    if not port.isdecimal() or int(port) > 65535:
        raise DeriveError(f"{port} is no port", hint="a number up to 65535, or leave --port out")
    if "-o" in options:
        from .playground.static import build

        build(options["-o"])
        print(f"derive: {options['-o']} holds the page; any static web server can serve it", file=sys.stderr)
        return 0
    from .playground.server import serve

    serve(int(port))
    return 0


def _form_of(path: str) -> str:
    ending = os.path.splitext(path)[1].lower()
    if ending not in ENDINGS:
        raise DeriveError(
            f"the ending of {path} names no format", hint=f"one of {' '.join(ENDINGS)}, or say it with --to"
        )
    return ENDINGS[ending]


def checked(made: Presented, progress: Progress, forms: tuple[str, ...], has_code: bool) -> bool | None:
    """Whether the numeric check was made; None where something that would be shown fails, which is said."""
    progress.stage("checking numerically")
    # The arrays are small: threads of the linear algebra library would only take time to start.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        found = made.errors(POINTS, forms, has_code)
    except KeyboardInterrupt as interrupt:
        keep_what_there_is(interrupt)
        progress.say("derive: the numeric check was interrupted and is left out")
        return False
    except DeriveError as reason:
        progress.say(f"derive: the numeric check is left out: {reason}")
        return False
    from .verification import TOLERANCE

    failing = {name: error for name, error in found.items() if not error <= TOLERANCE}
    for name, error in failing.items():
        progress.say(f"derive: {name} FAILED the numeric check: the largest relative error is {error:.1e}")
    if failing:
        progress.say("  nothing is shown, as it would be wrong; this is a defect of derive")
        return None
    return True


def whole(made: Presented, verify: bool, detail: str) -> str:
    """The derivation in text, its box in LaTeX, its source."""
    parts = [
        written(made, "text", verify, detail),
        "In LaTeX",
        "  " + made.parts[0].boxed.latex(),
        "In NumPy",
        made.source(),
    ]
    return "\n\n".join(str(part).rstrip("\n") for part in parts) + "\n"


def written(made: Presented, form: str, verify: bool, detail: str, **style: Any) -> str | bytes:
    """A derivation in a format."""
    if form in ("latex", "tex", "pdf"):
        from .render.latex import derivation_latex

        tex = derivation_latex(made, document=form != "latex", detail=detail, verify=verify, **style)
        if form != "pdf":
            return tex
        from .render.paper import typeset

        return typeset(tex)
    if form in PAGES:
        page = getattr(import_module(f".render.{form}", __package__), f"derivation_{form}")
        return str(page(made, detail=detail, verify=verify))
    if form == "json":
        from .render.record import record

        return record(made, POINTS if verify else 0)
    if form == "sympy":
        from .interop.source import sympy_source

        return sympy_source(made.parts[0])
    if form in SOURCES:
        return made.source(form)
    return str(getattr(made.graph, form)())


def check(operands: list[str], options: dict[str, str]) -> int:
    """A derivation written by hand, or code, against the truth."""
    target = options.get("-o")
    form = options.get("--to") or (_form_of(target) if target else "text")
    if form not in ("text", "json", "html"):
        raise DeriveError(f"check writes text, json or html, not {form}")
    if "--code" in options:
        missing = [key for key in ("--loss", "--wrt") if key not in options]
        if missing or operands:
            raise DeriveError("check --code needs --loss and --wrt, and no FILE", hint="derive check --help")
    elif not operands:
        raise DeriveError("check needs a FILE", hint="derive check homework.md; - reads standard input")
    elif "--loss" in options or "--wrt" in options:
        raise DeriveError("--loss and --wrt belong to --code", hint="derive check --help")
    with Progress("checking"):
        if "--code" in options:
            from .checking import check_code

            report = check_code(
                read_text(options["--code"]), options["--loss"], options["--wrt"], options.get("--where")
            )
        else:
            from .checking import check as check_text

            report = check_text(read_text(operands[0]), options.get("--where"))
        if form == "text":
            result = report.text(color=target is None and is_terminal(sys.stdout))
        else:
            result = report.json() if form == "json" else report.html()
    put(result, target)
    if report.interrupted:
        print(f"derive: {report.interrupted}", file=sys.stderr)
        return INTERRUPTED
    return 1 if not report.ok else 0 if report.is_judged else 3


if __name__ == "__main__":
    sys.exit(main())
