"""The table of the functions of NumPy, SciPy, JAX and PyTorch: name, parameters, value.

The rows stand in `entrywise`, `reductions` and `array_functions`, one for a function: where it lives,
its parameters with their defaults, and what it computes in terms of `arrays`.  `np` stands for
NumPy and JAX, `torch` for PyTorch, `nn` for torch.nn.functional and jax.nn, `special` and
`linalg` for the modules of those names, `math` for Python's, `method` for methods of arrays,
and `bare` for names without a module.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from ..shapes import ONE, Dim
from .arrays import Array, Plan
from .indexing import arranged, joined
from .sizes import Size

Reader = Callable[[Plan, Any], Any]
Row = tuple[tuple[tuple[str, Any, "Reader | None"], ...], Callable[..., Any]]
REQUIRED = object()
TABLE: dict[str, dict[str, Row]] = {}  # home -> name -> parameters and value
_WORDS = {"None": None, "True": True, "False": False}
# Spellings of parameters.
SPELLINGS = {
    "dim": "axis", "keepdim": "keepdims", "input": "a", "x": "a", "other": "b", "y": "b", "A": "a", "self": "a",
    "array": "a", "v": "a", "object": "a", "arr": "a", "min": "a_min", "max": "a_max", "correction": "ddof",
    "unbiased": "ddof", "diagonal": "k",
    "mat1": "a", "mat2": "b", "mat": "a", "vec": "b", "vec1": "a", "vec2": "b", "p": "ord", "m": "a", "tensor": "a",
    "tensors": "arrays", "tup": "arrays", "exponent": "b", "weight": "b", "target": "b", "x1": "a", "x2": "b",
}  # fmt: skip
IGNORED = frozenset(["dtype", "out", "device", "requires_grad", "copy", "approximate", "optimize", "inplace"])


def row(homes: str, names: str, parameters: str, value: Callable[..., Any]) -> None:
    """Declare a function under its names in each home.

    Arguments are read by the names of the parameters, as in `READERS`; one marked by `?` is given as it is.
    """
    held = []
    for part in parameters.split(","):
        name, has_default, default = part.strip().partition("=")
        plain = name.removesuffix("?")
        held.append((plain, _default(default) if has_default else REQUIRED, READERS.get(name)))
    for home in homes.split():
        for name in names.split():
            TABLE.setdefault(home, {})[name] = (tuple(held), value)


def _default(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    try:
        return Fraction(text)
    except ValueError:
        return text


def call(p: Plan, home: str, name: str, args: Sequence[Any], keywords: dict[str, Any]) -> Any:
    """The value of a function that the table has."""
    parameters, value = TABLE[home][name]
    shown = name if home in ("method", "bare") else f"{home}.{name}"
    names = [n for n, *_ in parameters]
    starred = names[0][1:] if names[0].startswith("*") else None
    bound: dict[str, Any] = {}
    if starred is not None:
        bound[names[0]] = list(args)
    elif len(args) > len(parameters):
        hint = "a module of arrays is called np here" if home == "method" else None
        raise p.refuse(f"{shown} takes at most {len(parameters)} arguments", hint)
    else:
        bound.update(zip(names, args))
    for keyword, given in keywords.items():
        at = keyword if keyword in names else SPELLINGS.get(keyword, keyword)
        if at in names and at not in bound:
            bound[at] = given
        elif not (keyword in IGNORED and keyword not in names) or _is_integer_type(keyword, given):
            raise p.refuse(f"the argument {keyword}= of {shown} is not read")
    made = []
    for parameter, default, reader in parameters:
        given = bound.get(parameter, default)
        if given is REQUIRED:
            raise p.refuse(f"{shown} needs its argument {parameter}")
        is_open = given is default and (default is None or isinstance(default, str))
        given = p.constant(given) if isinstance(given, Fraction) else given
        made.append(given if reader is None or is_open else reader(p, given))
    return value(p, *made)


def _is_integer_type(keyword: str, given: Any) -> bool:
    return keyword == "dtype" and not any(word in str(given) for word in ("float", "double", "complex", "dtype"))


# Arguments


class CountedClasses(NamedTuple):
    """The numbers 0, 1, … as many as a size says, which are the classes that rows have, and no array."""

    size: Size


def array(p: Plan, value: Any) -> Array:
    """An argument that is an array."""
    if isinstance(value, Array):
        return value
    if isinstance(value, CountedClasses):
        raise p.refuse("arange is not read", "ranges are the classes of cross_entropy(Z, torch.arange(n)) alone")
    if isinstance(value, bool):
        return p.constant(int(value))
    if isinstance(value, list) and value:
        return stacked(p, [array(p, part) for part in value])
    raise p.refuse("an array or a number is needed here")


def stacked(p: Plan, parts: Sequence[Array]) -> Array:
    """The array of numbers, or of one-dimensional arrays as rows."""
    axes = [(ONE, *part.axes) for part in parts]
    made = [arranged(p, part, a) if part.rank else p.node(a, lambda A: A, part) for part, a in zip(parts, axes)]
    return joined(p, made, 0) if len(made) > 1 else made[0]


def arrays(p: Plan, value: Any) -> list[Array]:
    """An argument that is a list of arrays."""
    if not isinstance(value, list) or not value:
        raise p.refuse("a list of arrays is needed here")
    return [array(p, part) for part in value]


def index(p: Plan, value: Any) -> int:
    """An argument that is a whole number."""
    found = integer(p, value)
    if found is None:
        raise p.refuse("a whole number is needed here")
    return found


def integer(p: Plan, value: Any) -> int | None:
    """An argument that is a whole number or None."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if isinstance(value, Array) and value.number is not None and value.number.denominator == 1:
        return int(value.number)
    if isinstance(value, list) and sorted(integer(p, v) or 0 for v in value) in ([0, 1], [-2, -1]):
        return None  # axis=(0, 1) of a matrix: all its entries
    raise p.refuse("only a whole number is read here")


def flag(p: Plan, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise p.refuse("only True or False is read here")


def length(p: Plan, value: Any) -> Size:
    """A size: a number, a length such as X.shape[0], or the name of a dimension."""
    if isinstance(value, Array) and value.size is not None:
        return value.size
    count = integer(p, value)
    if count is None or count < 1:
        raise p.refuse("this size is not read", "a number, X.shape[0], len(x) or a declared dimension is")
    return Dim.of(count)


def lengths(p: Plan, value: Any) -> tuple[Size, ...]:
    return tuple(length(p, v) for v in value) if isinstance(value, list) else (length(p, value),)


def find(homes: Sequence[str], name: str) -> str | None:
    """The first of these homes that has a function of this name."""
    return next((home for home in homes if name in TABLE.get(home, {})), None)


READERS: dict[str, Reader] = {
    **dict.fromkeys("a b c a_min a_max alpha condition delta labels logits margin".split(), array),
    **dict.fromkeys("negative_slope var weights".split(), array),
    "axis": integer, "keepdims": flag, "k": index, "n": index, "arrays": arrays,
}  # fmt: skip
