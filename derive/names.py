"""Names of symbols: one canonical string for every way to write a name.

A canonical name is a base letter or word (Greek as the letter itself), then accents
and styles, then subscripts, joined by `_`:  `W`, `W_1`, `λ`, `x_hat`, `x_hat_1`.
What stands above a letter and is no exponent follows it with a `^`: `σ_^2`, `k_^+`.
So `W1`, `W₁`, `W_{1}`, `W^{(1)}` and `\\mathbf{W}_1` are all `W_1`.  A style is dropped
unless a formula uses the letter in both styles; then the styled one is `x_bold`,
`L_cal`, `x_vec`.

`text`, `latex` and `identifier` print a canonical name on the blackboard, in LaTeX and
as a Python name.
"""

from __future__ import annotations

import unicodedata

from .errors import ParseError
from .heights import LOWERED, RAISED_SIGNS

_LOWER = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho _ sigma tau upsilon "
    "phi chi psi omega"
)  # in the order of Unicode; the final sigma has no word
_UPPER = "Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω".split()

GREEK: dict[str, str] = {word: chr(0x3B1 + i) for i, word in enumerate(_LOWER.split()) if word != "_"}
GREEK.update(zip(_UPPER[::2], _UPPER[1::2]))
WORDS: dict[str, str] = {letter: word for word, letter in GREEK.items()}
WORDS["ℓ"] = "ell"
_LATIN = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΧο", "ABEZHIKMNOPTXo"))  # what they look like; LaTeX has no commands for them
_CAPITALS = {c: unicodedata.name(c).rsplit(" ", 1)[-1].capitalize() for c in _LATIN if c.isupper()}
VARIANTS = {"lam": "λ", "eps": "ε", "ell": "ℓ"}
VARIANTS.update(("var" + w, GREEK[w]) for w in ("epsilon", "theta", "phi", "rho", "sigma", "pi", "kappa"))
SPOKEN = GREEK | VARIANTS  # every word that stands for a letter

ACCENTS = {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303", "dot": "\u0307", "ddot": "\u0308"}
ACCENT_COMMANDS = {"widehat": "hat", "overline": "bar", "widetilde": "tilde"} | {a: a for a in ACCENTS}
MARKS = {mark: word for word, mark in ACCENTS.items()} | {"\u0305": "bar"}
STYLES = {"bold": "mathbf", "cal": "mathcal", "vec": "vec"}
STYLE_COMMANDS = dict.fromkeys("mathbf boldsymbol bm textbf pmb symbf symbfit mathbfit bf bold".split(), "bold")
STYLE_COMMANDS |= {"mathcal": "cal", "mathscr": "cal", "vec": "vec", "overrightarrow": "vec", "underline": "vec"}
STYLE_COMMANDS |= dict.fromkeys(
    "mathrm mathit mathnormal mathsf mathtt mathbb mathfrak text textrm textit mbox operatorname rm it".split(), ""
)

_TO_SUBSCRIPT = {plain: small for small, plain in LOWERED.items() if plain.isascii()}
_MARK_WORDS = {"+": "plus", "-": "minus", "′": "prime", "*": "star"}
_TO_SUPERSCRIPT = {plain: high for high, plain in RAISED_SIGNS.items()} | {"i": "ⁱ", "n": "ⁿ", "′": "′"}
_FROM_SUPERSCRIPT = {small: plain for plain, small in _TO_SUPERSCRIPT.items() if small != "′"}
_PYTHON = frozenset(
    "False None True and as assert async await break class continue def del elif else except finally for from global "
    "if import in is lambda nonlocal not or pass raise return try while with yield".split()
)


def is_letter(character: str) -> bool:
    """Whether a name may begin with it; marks, digits and small letters are none."""
    if character.isascii():
        return character.isalpha()
    return character.isalpha() and character not in LOWERED and unicodedata.category(character) in ("Ll", "Lu", "Lo")


def plain(character: str) -> tuple[str, str]:
    """A letter without its typeface, and the style that the typeface shows: `𝐱` is `x`, bold."""
    if character.isascii():
        return character, ""
    letter = unicodedata.normalize("NFKC", character)
    if letter == character or len(letter) != 1 or character in "ℓµϵϕϑϱϖ":
        return {"ℓ": "ℓ", "ς": "σ"}.get(character, letter if len(letter) == 1 else character), ""
    title = unicodedata.name(character, "")
    return letter, "bold" if "BOLD" in title and "SCRIPT" not in title else "cal" if "SCRIPT" in title else ""


def subscript(character: str) -> str | None:
    """The plain character of a small one written low: `₁` is `1`."""
    return LOWERED.get(character)


def join(base: str, accents: list[str], subscripts: list[str]) -> str:
    """The canonical name made of its parts; a spoken Greek letter is the letter."""
    return "_".join([SPOKEN.get(base, base), *accents, *(SPOKEN.get(s, s) for s in subscripts)])


def parts(name: str) -> tuple[str, list[str], list[str]]:
    """Base, accents and styles, subscripts of a canonical name."""
    base, *rest = name.split("_")
    accents = []
    while rest and (rest[0] in ACCENTS or rest[0] in STYLES or rest[0].startswith("^")):
        accents.append(rest.pop(0))
    return base, accents, rest


def unmarked(name: str) -> tuple[str, str]:
    """The name without what stands above it, and that: `σ_^2` is σ with a 2."""
    base, accents, low = parts(name)
    marks = [a[1:] for a in accents if a[0] == "^"]
    return ("_".join([base, *(a for a in accents if a[0] != "^"), *low]), marks[-1]) if marks else (name, "")


def canonical(written: str) -> str:
    r"""The canonical name of one written name, in any spelling.

    Raises
    ------
    ParseError
        It is not a name.

    Examples
    --------
    >>> [canonical(w) for w in ("W1", "W₁", r"\mathbf{W}_1", "W^{(1)}", "lam", r"\hat{x}")]
    ['W_1', 'W_1', 'W_1', 'W_1', 'λ', 'x_hat']
    """
    if len(written) > 200:
        raise ParseError("a name of more than 200 characters")
    base = ""
    accents: list[str] = []
    subscripts: list[str] = []
    held = unicodedata.normalize("NFD", written.strip().strip("$"))
    for ignored in (r"\,", r"\!", r"\;", r"\left", r"\right"):
        held = held.replace(ignored, "")
    i, word = 0, ""
    while i < len(held):
        c = held[i]
        i += 1
        if c == "\\":
            j = i
            while j < len(held) and held[j].isascii() and held[j].isalpha():
                j += 1
            command, i = held[i:j], j
            if command in ACCENT_COMMANDS:
                accents.append(ACCENT_COMMANDS[command])
            elif command in SPOKEN:
                base += SPOKEN[command]
            elif command not in STYLE_COMMANDS:
                raise ParseError(f"\\{command} is not part of a name", written, (0, len(written)))
        elif c in MARKS:
            accents.append(MARKS[c])
        elif is_letter(c) and not subscripts:
            if base and "\\" not in held and held[i - 2].isspace():
                raise ParseError(f"{written} is not one name", written, (0, len(written)))
            word = plain(c)[0]
            while i < len(held) and is_letter(held[i]):
                word += plain(held[i])[0]
                i += 1
            base += SPOKEN.get(word, word)
        elif c in LOWERED or (c.isdigit() and c.isascii() and base):
            small = LOWERED.get(c, c)
            while i < len(held) and (held[i] in LOWERED or "0" <= held[i] <= "9"):
                small += LOWERED.get(held[i], held[i])
                i += 1
            subscripts.append(small)
        elif c in "_^" and base:
            end = held.find("}" if held[i : i + 1] == "{" else ")", i) + 1 if held[i : i + 1] in ("{", "(") else 0
            if not end:
                end = i
                while end < len(held) and held[end].isalnum():
                    end += 1
            if held[i : i + 1] in ("+", "-", "*"):
                end = i + 1
            inside, i = held[i:end], end
            if c == "^" and "(" not in inside and "[" not in inside:
                above = inside.rpartition("{")[2].strip("} ")
                bare = above[:1] + above[2:] if above[1:2] in ("+", "-") and above[2:].isdigit() else above  # l-1
                if above not in ("+", "-", "*") and not (bare.isalnum() and bare.isascii()) or above in ("T", "t"):
                    raise ParseError(f"{written} is a power, not a name", written, (0, len(written)))
                accents.append("^" + above)
                continue
            for piece in _pieces(inside):
                if piece in ACCENTS or piece in STYLES:
                    accents.append(piece)
                else:
                    subscripts.append(piece)
        elif c in _FROM_SUPERSCRIPT and base:
            accents.append("^" + _FROM_SUPERSCRIPT[c])
        elif c in "'′’" and base and i == len(held):
            accents.append("^′")
        elif c == "⁽" and base:
            end = held.find("⁾", i)
            subscripts.append(unicodedata.normalize("NFKC", held[i:end]))
            i = end + 1
        elif c == "(" and base and held[i + 1 :] == ")" and held[i] in "tkn":  # x(t)
            subscripts.append(held[i])
            break
        elif not (c in "{} " or c.isspace()):
            raise ParseError(f"{written} is not a name", written, (0, len(written)))
    if not base:
        raise ParseError(f"{written or 'an empty text'} is not a name", written, (0, len(written)))
    return join(base, accents, subscripts)


def _pieces(inside: str) -> list[str]:
    """The subscripts in what follows `_`: `{1,2}` holds two, `{\\text{enc}}` one."""
    pieces, word, i = [], "", 0
    while i < len(inside):
        if inside[i] == "\\":
            j = i + 1
            while j < len(inside) and inside[j].isalpha():
                j += 1
            word += SPOKEN.get(inside[i + 1 : j], "")
            i = j
            continue
        if inside[i].isalnum() or inside[i] == "*" or inside[i] in "+-|" and (word or len(inside) == 1):
            word += plain(inside[i])[0]
        elif inside[i] in ",;_" and word:
            pieces.append(word)
            word = ""
        i += 1
    return pieces + [word] if word else pieces


def text(name: str) -> str:
    """The name as on the blackboard: `W₁`, `x̂`, `λ`."""
    name, above = unmarked(name)
    if above:
        high = "".join(_TO_SUPERSCRIPT.get(c, "") for c in above)
        return text(name) + (high if len(high) == len(above) else f"^{{{above}}}")
    base, accents, subscripts = parts(name)
    shown = base
    if accents and len(base) == 1:
        for accent in accents:
            shown = _styled(shown, accent) if accent in STYLES else shown + ACCENTS[accent]
    elif accents:
        shown = "_".join([shown, *accents])
    if not subscripts:
        return shown
    if len(subscripts) > 1:
        return f"{shown}_{{{','.join(subscripts)}}}"
    (low,) = subscripts
    if low.isdigit() or len(low) == 1:
        small = [_TO_SUBSCRIPT.get(c) for c in low]
        if all(small):
            return shown + "".join(str(s) for s in small)
    return f"{shown}_{low}" if low.isalnum() and low.isascii() else f"{shown}_{{{low}}}"


def _styled(letter: str, style: str) -> str:
    if style == "vec":
        return letter + "\u20d7"
    title = unicodedata.name(letter[0], "").replace("LATIN ", "").replace("GREEK ", "").replace(" LETTER", "")
    kind = "BOLD" if style == "bold" else "BOLD SCRIPT"
    try:
        return unicodedata.lookup(f"MATHEMATICAL {kind} {title}") + letter[1:]
    except KeyError:
        return f"{letter}_{style}"


def latex(name: str) -> str:
    r"""The name in LaTeX: `W_{1}`, `\hat{x}`, `\lambda`; a differential dX as `\mathrm{d}X`."""
    name, above = unmarked(name)
    if above:
        return f"{{{latex(name)}^{{{above.replace('′', chr(92) + 'prime')}}}}}"
    base, accents, subscripts = parts(name)
    head = ""
    if len(base) == 2 and base[0] == "d":
        head, base = r"\mathrm{d}", base[1]
    if base in _LATIN:
        shown = rf"\mathrm{{{_LATIN[base]}}}"
    elif len(base) == 1:
        shown = "\\" + WORDS[base] if base in WORDS else base
    else:
        shown = rf"\mathit{{{base}}}"
    for accent in accents:
        if accent in STYLES:
            command = "boldsymbol" if accent == "bold" and base in WORDS else STYLES[accent]
        else:
            command = (
                {"hat": "widehat", "bar": "overline", "tilde": "widetilde"}.get(accent, accent)
                if len(base) > 1
                else accent
            )
        shown = rf"\{command}{{{shown}}}"
    if not subscripts:
        return head + shown
    low = [
        "\\" + WORDS[s] if s in WORDS else rf"\mathrm{{{s}}}" if len(s) > 1 and s.isalpha() else s for s in subscripts
    ]
    return f"{head}{shown}_{{{','.join(low)}}}"


def _spoken(mark: str) -> str:
    return mark.replace("-", "_minus_").replace("+", "_plus_")


def identifier(name: str) -> str:
    """The name as a Python name: `W1`, `x_hat`, `lam`, `mu`."""
    base, accents, subscripts = parts(name)
    shown = "".join("lam" if c == "λ" else WORDS.get(c) or _CAPITALS.get(c, c) for c in base)
    marks = [_MARK_WORDS.get(a[1:], _spoken(a[1:])) if a[0] == "^" else a for a in accents]
    shown = (
        "_".join([shown, *marks]) if not (marks and marks[-1].isdigit()) else "_".join([shown, *marks[:-1]]) + marks[-1]
    )
    for i, low in enumerate(subscripts):
        low = _spoken(low.replace("|", "_").replace("*", "_star_")).strip("_")
        low = "lam" if low == "λ" else WORDS.get(low, low)
        shown += low if low.isdigit() and not i and not accents else "_" + low
    return shown + "_" if shown in _PYTHON else shown
