"""The layout of the package: who imports whom, what loads what, how long a module is."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "derive"
# From the bottom up; modules on one line may see each other.
LAYERS = [
    ["errors", "progress", "traversal", "heights"],
    ["shapes"],
    ["indexed"],
    ["properties"],
    ["expr"],
    ["own_functions"],
    ["operations"],
    ["rows"],
    ["ranges"],
    ["facts"],
    ["names"],
    ["evaluation"],
    ["fields"],
    ["sampling", "slopes"],
    ["numeric"],
    ["reading"],
    ["interop"],
    ["scalar_functions"],
    ["adjoints"],
    ["rules"],
    ["association"],
    ["algebra"],
    ["dialects"],
    ["program", "programs"],
    ["codegen"],
    ["batched", "compiled"],
    ["objective"],
    ["derivation", "steps"],
    ["gradients"],
    ["spaces"],
    ["jacobians"],
    ["differentiable"],
    ["verification"],
    ["optimality"],
    ["checking"],
    ["render"],
    ["problem"],
    ["api"],
    ["extrema"],
    ["playground"],
    ["files"],
    ["cli"],
    ["completion"],
    ["__main__"],
]
LEVEL = {name: i for i, layer in enumerate(LAYERS) for name in layer}
WITNESS = {"evaluation", "numeric", "fields", "sampling", "slopes"}  # checks the calculus, so must not know it
CALCULUS = {
    "scalar_functions",
    "adjoints",
    "rules",
    "steps",
    "derivation",
    "jacobians",
    "spaces",
    "algebra",
    "association",
}
MODULES = sorted(PACKAGE.rglob("*.py"))
LINES = 600


def unit(path: Path) -> str:
    """The module or subpackage, one level below the package, that a file belongs to."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path, source: str | None = None) -> list[tuple[str, bool]]:
    """Units and libraries that a file imports, and whether on loading (not within functions or for types)."""
    package = ["derive", *path.relative_to(PACKAGE).parts[:-1]]
    found: list[tuple[str, bool]] = []

    def visit(node: ast.AST, is_lazy: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr) or isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                continue
            if isinstance(child, ast.Import):
                found.extend((alias.name.split(".")[0], not is_lazy) for alias in child.names)
            elif isinstance(child, ast.ImportFrom) and not child.level:
                found.append((str(child.module).split(".")[0], not is_lazy))
            elif isinstance(child, ast.ImportFrom):
                base = package[: len(package) - child.level + 1] + (child.module.split(".") if child.module else [])
                names = [base] if len(base) > 1 else [[*base, alias.name] for alias in child.names]
                found.extend((name[1], not is_lazy) for name in names)
            visit(child, is_lazy or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)))

    visit(tree_of(path) if source is None else ast.parse(source), False)
    return found


def offences(path: Path, source: str | None = None) -> list[str]:
    """What a file imports that it must not."""
    here = unit(path)
    bad = []
    for name, is_on_loading in imports(path, source):
        if name in LEVEL and name != here:
            if here != "__init__" and is_on_loading and LEVEL[name] > LEVEL[here]:
                bad.append(f"{here} imports {name}, which stands above it")
            if here in WITNESS and name in CALCULUS:
                bad.append(f"{here} is the witness and imports {name}")
        if name == "sympy" and here != "interop":
            bad.append(f"{here} imports SymPy, which only interop may")
    return bad


def test_imports_go_one_way():
    assert not {unit(path) for path in MODULES} - {*LEVEL, "__init__"}, "a new module needs its place in LAYERS"
    assert not {path: found for path in MODULES if (found := offences(path))}


def test_wrong_imports_are_found():
    assert offences(PACKAGE / "expr.py", "from .rules import RULES")
    assert offences(PACKAGE / "numeric.py", "def f():\n    from .rules import RULES")
    assert offences(PACKAGE / "render" / "text.py", "from ..api import gradient")
    assert offences(PACKAGE / "rules.py", "def f():\n    import sympy")
    assert not offences(PACKAGE / "expr.py", "def f():\n    from .interop import to_sympy")


def loaded(code: str) -> set[str]:
    """The modules loaded after some code in a fresh interpreter."""
    program = f"{code}\nimport sys\nprint(' '.join(sys.modules))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    return set(done.stdout.splitlines()[-1].split())


HEAVY = {"sympy", "numpy", "scipy", "argparse", "inspect", "dataclasses", "pathlib", "IPython", "pygraphviz"}
FROM_TEXT = 'import derive\nd = derive.gradient("½‖WᵀWx − x‖²", "W")'


@pytest.mark.parametrize(
    "code",
    [
        "import derive",
        "import derive.cli",
        FROM_TEXT + "\nd.boxed, d.compact, d.result.latex()",
        FROM_TEXT + "\nd.source()",
        FROM_TEXT + "\nfrom derive.cli import written\nwritten(d, 'latex', False, 'steps')",
        "from derive.cli import main\nmain(['explain', 'det'])",
    ],
    ids=["import", "cli", "forms", "source", "latex", "explain"],
)
def test_text_in_needs_neither_sympy_nor_numpy(code):
    assert not loaded(code) & HEAVY


def test_the_numeric_check_needs_numpy_alone():
    assert loaded(FROM_TEXT + "\nd.verify()") & {"sympy", "scipy", "numpy", "numpy.random"} == {"numpy"}


def test_modules_are_short_and_finished():
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= LINES, f"split {path} along the mathematics"
        assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b", text), path
        assert ast.get_docstring(tree_of(path)), f"{path} begins with what it holds"


def test_no_module_bears_the_name_of_a_public_function():
    import derive

    names = {path.stem for path in PACKAGE.glob("*.py")} | {path.name for path in PACKAGE.iterdir() if path.is_dir()}
    assert not names & {name for name in derive.__all__ if name[0].islower()}


def repeated(names: list[str]) -> list[str]:
    return sorted(name for name, count in Counter(names).items() if count > 1)


def test_no_two_modules_share_a_name():
    stems = [path.stem for path in MODULES if not path.stem.startswith("__")]
    packages = [path.parent.name for path in MODULES if path.stem == "__init__"]
    assert not repeated([*stems, *packages])
    assert repeated([*stems, "numeric"]) == ["numeric"]


def public_classes(tree: ast.Module) -> list[str]:
    """The public classes at the top of a module."""
    return [node.name for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]


def test_no_two_public_classes_share_a_name():
    names = [name for path in MODULES for name in public_classes(tree_of(path))]
    assert not repeated(names)
    assert repeated([*names, *public_classes(ast.parse("class Derivation:\n    pass"))]) == ["Derivation"]
