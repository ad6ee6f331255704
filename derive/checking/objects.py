"""What a program is made of besides arrays: functions, objects, parameters that hold symbols, imported modules."""

from __future__ import annotations

import ast
from typing import Any

from ..reading.arrays import Array
from ..reading.python import MODULES, Path

_FLAT = frozenset("ravel flatten reshape view copy".split())


class Function:
    """A function of the source, or a method with its object."""

    def __init__(self, node: ast.FunctionDef | ast.Lambda, owner: Instance | None = None) -> None:
        self.node = node
        self.owner = owner

    @property
    def name(self) -> str:
        return self.node.name if isinstance(self.node, ast.FunctionDef) else "lambda"

    @property
    def parameters(self) -> list[str]:
        names = [a.arg for a in (*self.node.args.posonlyargs, *self.node.args.args, *self.node.args.kwonlyargs)]
        return names[1:] if self.owner is not None and not self.is_static else names

    @property
    def is_static(self) -> bool:
        return isinstance(self.node, ast.FunctionDef) and any(
            isinstance(d, ast.Name) and d.id == "staticmethod" for d in self.node.decorator_list
        )

    @property
    def defaults(self) -> dict[str, ast.expr]:
        held = self.node.args
        positional = [*held.posonlyargs, *held.args]
        pairs = [*zip(positional[len(positional) - len(held.defaults) :], held.defaults),
                 *zip(held.kwonlyargs, held.kw_defaults)]  # fmt: skip
        return {argument.arg: default for argument, default in pairs if default is not None}


class Instance:
    """An object of a class: its methods, and the attributes that they set."""

    def __init__(self, node: ast.ClassDef) -> None:
        self.node = node
        self.attributes: dict[str, Any] = {}
        self.methods = {n.name: n for n in node.body if isinstance(n, ast.FunctionDef)}


class Open:
    """A parameter that is no symbol: a tuple, a dictionary or an object that holds symbols."""

    def __init__(self, name: str, is_changed: bool = False) -> None:
        self.name = name
        self.is_changed = is_changed  # by the step of a parameter


def pieces_of(written: ast.expr, parts: list[Any]) -> list[tuple[str, Any]]:
    """What np.concatenate([dW.ravel(), db]) is made of, by name."""
    pairs = [(written_as(element), part) for element, part in zip(getattr(written, "elts", ()), parts)]
    return [(e.id, part.base or part) for e, part in pairs if isinstance(e, ast.Name) and isinstance(part, Array)]


def written_as(node: ast.expr) -> ast.expr:
    """The W of W.ravel(), W.reshape(-1) or np.ravel(W), which has its entries in their order."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _FLAT:
        if node.keywords:
            break
        is_function = isinstance(node.func.value, ast.Name) and node.func.value.id in MODULES
        if is_function and not node.args:
            break
        node = node.args[0] if is_function else node.func.value
    return node


def imports_of(module: ast.Module) -> dict[str, Path]:
    """The names that imports give to modules and functions."""
    found: dict[str, Path] = {}
    homes = MODULES | {
        "jax.numpy": "np", "numpy.linalg": "linalg", "scipy.special": "special", "scipy.linalg": "linalg",
        "torch.nn.functional": "nn", "torch.nn": "nn", "jax.nn": "nn", "jax.scipy.special": "special",
    }  # fmt: skip
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname and alias.name in homes:
                    found[alias.asname] = Path(homes[alias.name])
        elif isinstance(node, ast.ImportFrom) and node.module in homes:
            for alias in node.names:
                inner = homes.get(f"{node.module}.{alias.name}")
                found[alias.asname or alias.name] = Path(inner) if inner else Path(homes[node.module], alias.name)
    return found


__all__ = ["Function", "Instance", "Open", "imports_of", "pieces_of", "written_as"]
