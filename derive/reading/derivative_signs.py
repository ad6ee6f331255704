r"""The sign of a derivative before a formula: `\nabla_w \|X w - y\|^2` asks for the gradient of what follows."""

from __future__ import annotations

import re
from collections.abc import Collection

from .. import names
from ..errors import ParseError

_NAME = r"(\{(?:[^{}]|\{[^{}]*\})*\}|\\[A-Za-z]+|[^\W\d_]\w*)"
_D = r"(?:\\partial|∂|d|\\(?:mathrm|text|operatorname)\s*\{\s*d\s*\})"
_HEADS = (
    rf"(?:\\nabla|∇|\\partial|∂)\s*_\s*{_NAME}",
    rf"\\[dt]?frac\s*\{{\s*{_D}\s*\}}\s*\{{\s*{_D}\s*(?=[^\W\d_]|[\\{{])((?:[^{{}}]|\{{[^{{}}]*\}})*)\}}",
    rf"[d∂]\s*/\s*[d∂]\s*{_NAME}",
)


_ABOVE = rf"\s*\\[dt]?frac\s*\{{\s*{_D}\s*(?![\s}}^])"
_VARIABLE = r"((?:\\[A-Za-z]+\s*)?\{[^{}]*\}|\\[A-Za-z]+|[^\W\d_]\w*(?:_\{[^{}]*\})?)"
_BELOW = rf"\}}\s*\{{\s*{_D}\s*{_VARIABLE}\s*\}}\s*$"


def without_head(text: str, wanted: Collection[str], declared: Collection[str] = ()) -> tuple[str, str]:
    """The text with the sign of a derivative blanked, and the sign; the text as it is where it has none.

    A declared letter d is no sign.

    Raises
    ------
    ParseError
        The variable is another than the one asked for, or it is open how far the sign reaches.
    """
    if "d" in declared and re.match(r"\s*(?:\\[dt]?frac\s*\{\s*)?d", text):
        return text, ""
    above, below = re.match(_ABOVE, text), re.search(_BELOW, text)
    if above is not None and below is not None and above.end() < below.start():
        inside, shown = text[above.end() : below.start()], f"{above[0].strip()} … {below[0].strip()}"
        if not re.fullmatch(r"\s*\\?\w+(?:\{\w+\})?\s*", inside) and _is_closed(inside):
            _check(shown, below[1], wanted, text, below.span())
            return " " * above.end() + inside, shown
    for pattern in _HEADS:
        found = re.match(rf"\s*{pattern}\s*", text)
        if found is None:
            continue
        shown, rest = found[0].strip(), text[found.end() :]
        _check(shown, found[1], wanted, text, found.span())
        outside = _outside(rest)
        if "=" in outside.partition(",")[0].partition(";")[0]:
            raise ParseError(f"{shown} is a derivative already", text, found.span(), "give the loss alone")
        if re.search(r"[^=;,*/][+−-]", re.split("[;,]", outside)[0]):
            raise ParseError(
                f"it is open how far {shown} reaches", text, found.span(), "put what is derived in brackets"
            )
        return " " * found.end() + rest, shown
    return text, ""


def _check(shown: str, named: str, wanted: Collection[str], text: str, span: tuple[int, int]) -> None:
    named = named.strip()
    while named[:1] == "{" and named[-1:] == "}":
        named = named[1:-1].strip()
    if names.canonical(named) not in wanted:
        raise ParseError(f"{shown} derives by {named}", text, span, "give the same variable as wrt, or the loss alone")


def _is_closed(text: str) -> bool:
    """Whether every brace that closes was opened in it."""
    depths = [text[:i].count("{") - text[:i].count("}") for i in range(1, len(text) + 1)]
    return min(depths) >= 0 == depths[-1]


def _outside(text: str) -> str:
    """The signs that part terms, sides and statements outside of all brackets and bars; `.` stands for the rest."""
    text = re.sub(r"\\(?:left|right|[bB]igg?[lr]?)(?![a-z])|\\[lr]?Vert|\\[lr]vert", lambda m: m[0][-4:], text)
    depth, bars, found = 0, 0, ""
    for sign in re.findall(r"\\\|\|\|\||‖|Vert|vert|\\.|[^\s]", text):
        depth += (sign in ("(", "[", "{", "\\{", "⟨")) - (sign in (")", "]", "}", "\\}", "⟩"))
        bars += sign in ("\\|", "||", "‖", "|", "Vert", "vert")
        is_part = depth <= 0 and bars % 2 == 0 and found[-1:] not in ("^", "_")
        found += sign if sign in "^_" or is_part and sign in "+-−=;,*/" else "."
    return found
