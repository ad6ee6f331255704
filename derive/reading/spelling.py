"""Spellings that are put right, or refused, before a formula is read.

TeX sets `x^T_i` and `x_i^T` alike, a PDF loses the height of exponents, and a formula comes with its number or with
`minimize` before it.  What is put right keeps the length of the text, so that all places stay where they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .. import names
from ..errors import ParseError
from ..heights import LOWERED, RAISED
from .macros import closing
from .vocabulary import RANGES

_SUPERSCRIPTS = "".join(c for c, plain in RAISED.items() if plain.isdigit())
_MINIMUM = (
    r"(?:\\mathop\s*\{\s*\\(?:mathrm|rm|text|operatorname)\s*\{?\s*(?:arg\s*(?:\\,)?\s*)?m(?:in|ax)(?:imize)?\s*\}?\s*\}"
    r"|\\arg\s*\\m(?:in|ax)"
    r"|\\(?:operatorname\*?|text|mathrm)\s*\{\s*(?:arg\s*(?:\\,)?\s*)?m(?:in|ax)(?:imize|imise)?\s*\}"
    r"|\\arg?m(?:in|ax)|(?<![A-Za-z\\])(?:arg\s?m(?:in|ax)|(?:min|max)imi[sz]e)(?![A-Za-z(]))"
)
_NO_AXIS = r"(?!\s*_\s*\{?\s*(?:\\math[a-z]+\s*\{\s*)?(?:row|col))"  # argmax_row(A) is an operation
_BELOW = r"(?:\\limits)?\s*_\s*(\{(?:[^{}]|\{[^{}]*\})*\}|\\[A-Za-z]+|[A-Za-z]\w*)"
_EXTREMUM = (
    rf"(?<![^\s=;\n])(?:\\underset\s*\{{((?:[^{{}}]|\{{[^{{}}]*\}})*)\}}\s*\{{\s*(?:{_MINIMUM}|\\m(?:in|ax))\s*\}}"
    rf"|{_MINIMUM}{_NO_AXIS}(?:{_BELOW})?|\\min(?=\s*(?:\\[|,;!:]|\|\|))|(?:min|max)\s+(?![\s(])"
    rf"|(?<![\w\\])(?:min|max){_NO_AXIS}{_BELOW}(?=\s+[^\s(]))"
)
_WORDS = (
    r"\\(?:text|mathrm|mbox|textrm|operatorname|mathit)\s*"
    r"\{[^{}]*(?:\bconst|independent of|not (?:involv|depend))[^{}]*\}"
)
_CONSTANT = rf"(?:{_WORDS}|(?<![\w\\{{])const(?:ant)?(?![\w(^]))\.?"
_ENDS = r"(?=\s*(?:$|[;,.\n+)\]}−-]|\\\\))"
_CONSTANTS = rf"(^|=)\s*{_CONSTANT}\s*(?:\+|(?=[−-]))|[+−-]\s*{_CONSTANT}{_ENDS}"
_GREEK_SUM = (
    r"(?:(?<![^\W\d_])|(?<=\^[A-SU-Za-su-z])(?=\\Sigma\s*_\s*\{\s*[a-z]\s*=))(?<![ᵀ⊤'])(?:Σ|\\Sigma(?![A-Za-z]))(?=\s*(?:_?\s*\{\s*([a-z])\s*(?:[=<≠≤∈]|\\(?:neq?|leq?|lt|in)(?![A-Za-z]))|([ᵢⱼₖₗₘₙₜ])₌"
    r"|_?\s*\{?\s*([ᵢⱼₖₗₘₙₜa-z])[^\W\d_]*(?:[,}\s(]|[^\w⁻⁺'ᵀ⊤^.)=])(?!\s*[=^'])))"
)
# What stands before Σ_k where it is a matrix: a matrix, a transpose, tr(, or the bar of |Σ_k|.
_MATRIX = (
    r"(?:[A-Z)\]'ᵀ⊤]|\^\s*\{?\s*(?:T|\\top|\\intercal)\s*\}?|[Tt]r(?:ace)?\s*\}?\s*(?:\\\w+\s*)?[(\[{])\s*$"
    r"|\|\s*(?:Σ|\\Sigma)\s*_?\s*\{?\s*\w\s*\}?\s*(?:\\right\s*)?\|"
)
_NUMBER_BEFORE = r"(?:\(\s*\d+\s*/[^()]*|/\s*\([^()]*)\)\s*$"  # (1/n) Σ_i
_BARE_SUM = r"(?:^|[=;\n+−½⅓¼\d-]|\d\s*/\s*\(?\d*[A-Za-z]?\)?\)?)\s*(Σ)(?=\s*(?:[^\W\dA-ZΑ-Ω_]|[\[({‖]))"
_INDEX = r"\s*(?:_\s*(?:\{[^{}]*\}|\w)|[ᵢⱼₖₗₘₙₜ])"
_DECLARED_MATRIX = rf"(?:Σ|\\Sigma){_INDEX}\s*(?:∈|\\in(?![A-Za-z])|:)"
_BARS = {"‖": r"‖|\\[lr]?Vert(?![A-Za-z])|\\\||\|\|", "|": r"(?<![\\|])\|(?!\|)|\\[lr]?vert(?![A-Za-z])"}
_ALONE = re.compile(rf"(?:{_INDEX})?\s*(?:\\[a-z]+|[^\W\d_]){_INDEX}\s*")
_LIMITS = (
    r"(\\(?:sum|prod|Sigma(?=\s*\^[^_=]*_\s*\{\s*[a-z]\s*=))(?:\\limits)?\s*)(\^\s*(?:\{[^{}]*\}|[A-Za-z]))"
    r"\s*(_\s*(?:\{(?:[^{}]|\{[^{}]*\})*\}|[A-Za-z]))"
)
_PAIRS = r"(\\sum(?:\\limits)?\s*_\s*\{\s*)\(\s*(\w\s*,\s*\w\s*)\)(?=\s*\})"
_RANGES = (
    r"_\s*\{\s*([A-Za-z])\s*(?:=|(?:\\in\b|∈)\s*\\?\{)\s*(\d)\s*,\s*(?:\\[lc]?dots\s*|…|\.\.\.)\s*,"
    r"\s*([A-Za-z])\s*(?:\\\}\s*)?\}"
)
_FIRST = r"(\\[a-z]+|[a-zα-ω])\s*(?:_\s*\{?\s*1\s*\}?|₁)"
_DIAGONAL = (
    r"(\b[dD]iag\}?\s*(?:\\left|\\[bB]ig+l?)?\s*[(\[{])\s*" + _FIRST + r"\s*,(?:\s*\2\s*(?:_\s*\{?\s*2\s*\}?|₂)\s*,)?"
    r"\s*(?:\\[lc]?dots|…|\.\.\.)\s*,\s*\2\s*(?:_\s*(?:\{\s*[A-Za-z]\s*\}|[A-Za-z])|[ₙₘₖₚ])\s*((?:\\right|\\[bB]ig+r?)?\s*[)\]}])"
)
_LOW = r"(?!\s*(?:_|[ᵢⱼₖₗₘₙₜ₀-₉]))"  # no subscript
_REALS = r"(?:\\mathbb\s*\{?R\}?|ℝ)"
_MAPPING = rf"[^\W\d_]\s*:\s*{_REALS}[^;=]*?(?:\\to|\\rightarrow|→)\s*{_REALS}\s*[,;.]?(?!\s*\^)"
_POWER = r"\s*(?:\^\s*\{?\s*([A-Za-z])\s*\}?)?"
_SIGNED = r"\s*(?:_\s*\{?\s*(\+{1,2})\s*\}?)?"
_SYMMETRIC = rf"(?:\\mathbb\s*\{{?S\}}?|𝕊){_POWER}{_SIGNED}{_POWER}"
_POSITIVE = rf"{_REALS}{_POWER}\s*_\s*\{{?\s*(\+{{1,2}})\s*\}}?{_POWER}"
SETS = ("mathbb{S}", "mathbb S", "𝕊", "_+", "_{+", "setminus", "∖")
_WITHOUT = r"\\setminus\s*\\\{[^{}]*\\\}|∖\s*\{[^{}]*\}"
_OF_ALL = r",\s*(['\"])(?:fro|all)\1(?=\s*\))"  # norm(X,'fro') and sum(X,'all') of MATLAB
LISTED = "the entries from the first to the last are read as a vector"
_BRACED = r"(\\[bB]ig+[lrm]?)\s*\{\s*(\\?[()\[\]{}|])\s*\}"
_INSIDE = r"((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*?)"
_DEFINED = r"\\(?:stackrel|overset)\s*\{(?:[^{}]|\{[^{}]*\})*\}\s*\{\s*(?:=|:=|\\equiv)\s*\}"
_REMARK = r"\(\s*\\(?:text|mbox|textrm|textit)\s*\{[^{}]*\}\s*\)\s*[.,;]?\s*$"
_SIZE = r"(?<![\w.\\])size\(\s*(\w+)\s*,\s*%s\s*\)"  # of MATLAB
_RELATION = r"\s*(?:[<>≠≤≥]|\\(?:neq?|leq?|geq?|lt|gt)(?![A-Za-z]))\s*"
_LISTED_PAIR = (
    r"_\s*\{\s*([a-z])\s*(?:,\s*([a-z])\s*)?(?:\\[:,;]\s*)*(?::|\\mid(?![A-Za-z]))\s*(?:\\[:,;]\s*)*"
    rf"(\1{_RELATION}\2|\2{_RELATION}\1|\1{_RELATION}([a-z]))\s*\}}"
)
_TURNED_LABEL = (  # W^{(2)T}, w^{[1]\top}
    r"(?:(?<=[^\W\de])|(?<=\})(?<!e\}))(\s*(?:_\s*(?:\{[^{}]*\}|\w)\s*)?)\^\s*\{\s*(\(\s*\w\s*\)|\[\s*\w\s*\]|\*|\\star|\\ast)\s*"
    r"(?:T|⊤|ᵀ|\\(?:top|intercal)(?![A-Za-z])|\\math\w+\s*\{\s*T\s*\})\s*\}"
)
_BOLD_ONES = r"\\(?:mathbf|mathbb|mathbbm|boldsymbol|bm)\s*\{\s*1\s*\}\s*_\s*\{\s*(\w)\s*(?:\\times|×)\s*(\w)\s*\}"
_NUMBER = r"(?:\\q?quad|\\hfill|\s{3})\s*(?:\(\d+(?:\.\d+)*[a-z]?\)|\[\d+\])\s*[.,;]?\s*$"
_ENTRY = r"_?\s*\{?\s*[i-n]\s*,?\s*[i-n]\s*\}?|[ᵢⱼₖₗₘₙ]{2}"

# What cannot be meant as it stands: signs that must occur, the pattern, what is said, and the way out
_LOST = (
    ("*", r"[^\W\d_]\*(?=\s*[-−+]|\s*[)\]]|\s*$)", "may be an optimum", "give it a name of its own, as in x_opt"),
    ("1", r"[^\W\d_)][-−]1(?=\s*[^\W\d_(]|\()", "may be an inverse that lost its height", "write ⁻¹ or ^(-1)"),
    ("1", r"[A-ZΓΔΘΛΞΠΣΦΨΩ][-−]1(?=\s+\()", "may be an inverse that lost its height", "write ⁻¹ or ^(-1)"),
    ("T", r"\)T(?=\s*(?:[^\W\d_]|\(|$))", "may be a transpose that lost its height", "write )ᵀ, or declare T"),
    ("e", r"(?:(?<=[+/=])|(?<=[+/=] )|^)e[-−](?=[^\W_])", "may be a power that lost its height", "write e^(−…)"),
    ("e", r"(?<=\d)e[-−](?=[^\W\d_])", "may be a power that lost its height", "write e^(−…)"),  # 1e-3 is a number
    ("(end", r"\w+\(end\)", "is the last entry", "write x_n, where x has n entries"),
    ("%", r"%[*ox]%", "is a product of R",
     "write X @ b, with y * (X @ b) in brackets, X.T and inv(V) for t(X) and solve(V)"),
    ("grad", r"(?<![\w\\])grad(?:ient)?(?:_\w+)?(?=\s+[^\s\])=*/+,;:.^'·⊙@−-]|\()", "asks for a derivative",
     "give the loss, and the variable as wrt"),
    (" for ", r"(?<!\w)for\s+\w+(?:\s*,\s*\w+)*\s+in(?!\w)", "is a loop of Python",
     "write sum(x**2), or \\sum_i x_i^2"),
    (":", r"\w+\(\s*:\s*\)", "is all entries of a matrix as a vector", "write vec(X)"),
    (":", r"\w+\((?=[^():]*:)(?:[\d\s:,+-]|end)+\)", "is a slice", "write it as in NumPy: np.sum(x[1:]**2), from 0"),
)  # fmt: skip


def respelled(text: str, known: frozenset[str] = frozenset()) -> tuple[str, list[str]]:
    """The text as it is read, and what was read so.

    Raises
    ------
    ParseError
        What is written has lost a sign.
    """
    for sign, pattern, why, hint in _LOST:
        found = re.search(pattern, text) if sign in text and sign not in known else None
        if found is not None and found[0] not in known and not re.search(rf"(?<!\w){re.escape(sign)}\s*:?=", text):
            raise ParseError(f"{found[0]} {why}", text, found.span(), hint)
    readings: list[str] = []
    for signs, put_right in _ROWS:
        if all(any(sign in text for sign in some) for some in signs):
            text = put_right(text, readings, known)
    return text, readings


def _put(pattern: str, template: str) -> Callable[..., str]:
    """What puts the template in the place of what a pattern finds, as long as that was."""
    return lambda text, *_: re.sub(pattern, lambda found: found.expand(template).ljust(len(found[0])), text)


def limits_in_order(text: str) -> str:
    """`\\sum_{i=1}^n` for `\\sum^n_{i=1}`, and `\\sum_{u,i}` for `\\sum_{(u,i)}`."""
    return re.sub(_PAIRS, r"\1 \2 ", re.sub(_LIMITS, r"\1\3\2", text))


def _without_extremum(text: str, readings: list[str], known: frozenset[str]) -> str:
    """What is minimized, without the word, at the start of a formula or behind the name that it defines."""

    def blank(found: re.Match[str]) -> str:
        before = found.string[: found.start()].rstrip(" ")
        over = next((part for part in found.groups() if part is not None), "").strip("{} ")
        index = len(over) == 1 and (
            over in "ijkl" or re.search(rf"_\{{?[^\W_]*{over}(?![^\W_])", found.string[found.end() :])
        )
        if before and before[-1] not in "=;\n" or index:
            return found[0]  # of the terms of a list: refused where it is read
        if re.fullmatch(r"\\\w+\s*\{\s*m(?:in|ax)\s*\}", found[0].strip()) and re.match(
            r"\s*(?:\\left\s*)?\(", found.string[found.end() :]
        ):
            return found[0]  # \operatorname{max}(…) is a call
        readings.append(f"the {'max' if 'max' in found[0] else 'min'}imum is left out: what it is taken of is read")
        return " " * len(found[0])

    return re.sub(_EXTREMUM, blank, text)


def _without_constant(text: str, readings: list[str], known: frozenset[str]) -> str:
    """A formula without `+ const`, which no variable is in."""

    def blank(found: re.Match[str]) -> str:
        readings.append("const is read as a constant of the variable, and left out")
        return (found[1] or "").ljust(len(found[0]))

    is_name = known & {"const", "constant"} or re.search(r"const(?:ant)?\}?\s*=", text)
    return text if is_name else re.sub(_CONSTANTS, blank, text)


def _greek_sum(text: str, readings: list[str], known: frozenset[str]) -> str:
    """∑ for the Greek letter, where its index begins somewhere or only letters behind it have it, and no ∑ stands."""
    found = list(re.finditer(_GREEK_SUM, text))
    given = any(name[0] == "Σ" for name in known) or re.search(_DECLARED_MATRIX, text)
    if not given and not any(re.match(r"\s*[_ᵢⱼₖₗₘₙₜ{]", text[sign.end() :]) for sign in found):
        text = _bare_sum(text, readings, known)
    if len(found) < len(re.findall(r"Σ|\\Sigma(?![A-Za-z])", text)) or re.search(r"∑|\\sum", text) or given:
        return text
    terms = {sign.end(): _end_of_term(text, sign.end()) for sign in found}
    for sign in found:
        if sign[1] or sign[2]:
            continue
        index = LOWERED.get(sign[3], sign[3])
        small = "".join(c for c, plain in LOWERED.items() if plain == index) or "∑"
        low = rf"_\s*(?:{index}(?![A-Za-z])|\{{[^{{}}]*{index})|{small}"
        before, behind = text[: sign.start()], text[sign.end() :]
        is_given = re.search(low, re.split(r"[-−+=(,\[]", before)[-1])  # x_iᵀ Σ_i x_i
        is_matrix = re.search(_MATRIX, re.sub(_NUMBER_BEFORE, "", before)) or re.match(
            _MATRIX, before[-1:].strip() + sign[0] + behind[:20]
        )
        others = len(re.findall(low, behind)) - bool(re.match(rf"\s*(?:{low})", behind))
        if is_given or is_matrix or not others:
            return text
        members = [s.span() for s in re.finditer(r"[^;\n]+", text) if re.match(rf"\s*[^\s=]+?(?:{low})\s*=", s[0])]
        places = [p.start() for p in re.finditer(low, text) if not any(a <= p.start() < b for a, b in members)]
        is_elsewhere = not all(any(start <= at <= end for start, end in terms.items()) for at in places)
        is_elsewhere |= any(index in names.parts(name)[2] for name in known)
        if is_elsewhere or _is_turned(text, sign.end(), terms[sign.end()]):
            within = re.findall(low, text[sign.end() : terms[sign.end()]])
            if sign[0][0] == "\\" and (is_elsewhere or len(within) < 3):  # TeX has a sign of its own for the sum
                return text
            raise ParseError(
                f"Σ_{index} may be the sign of a sum, or a matrix", text, sign.span(),
                f"write ∑_{index} for the sum, or declare Σ_{index}: n×n",
            )  # fmt: skip
    readings.append("Σ is read as the sign of a sum")
    return re.sub(_GREEK_SUM, lambda sign: "∑".ljust(len(sign[0])), text)


def _bare_sum(text: str, readings: list[str], known: frozenset[str]) -> str:
    """∑ for the Greek letter without an index that begins a term outside of brackets and bars, as in −Σ yᵢ log pᵢ."""
    signs = list(re.finditer(_BARE_SUM, text))
    if not signs or len(signs) < text.count("Σ") or "∑" in text or "\\" in text:
        return text
    for sign in signs:
        before, term = text[: sign.start(1)], text[sign.end() : _end_of_term(text, sign.end())]
        indices = {LOWERED.get(c, c) for pair in re.findall(r"([ᵢⱼₖₙₜ])|_([i-nst])(?![^\W_])", term) for c in pair if c}
        is_within = len(re.findall(r"[(\[{⟨]", before)) > len(re.findall(r"[)\]}⟩]", before))
        is_within |= any(len(re.findall(pattern, before)) % 2 for pattern in _BARS.values())
        if len(indices) != 1 or is_within or any(indices & set(names.parts(name)[2]) for name in known):
            return text
    readings.append("Σ is read as the sign of a sum")
    return text.replace("Σ", "∑")


def _end_of_term(text: str, start: int) -> int:
    """Where the term ends that a sum before `start` is of: at a sign, or where what is open there closes."""
    depth, inside = 0, {bar: len(re.findall(pattern, text[:start])) % 2 for bar, pattern in _BARS.items()}
    for token in re.compile(r"\\\||\\[A-Za-z]+|.", re.DOTALL).finditer(text, start):
        bar = next((bar for bar, pattern in _BARS.items() if re.fullmatch(pattern, token[0])), None)
        if bar is not None:
            if inside[bar] == 1:
                return token.start()
            depth += -1 if inside[bar] else 1
            inside[bar] = 0 if inside[bar] else 2
        depth += (token[0] in "([{") - (token[0] in ")]}")
        if depth < 0 or not depth and token[0] in "+-−=;,\n":
            return token.start()
    return len(text)


def _is_turned(text: str, start: int, end: int) -> bool:
    """Whether the sum that begins before `start` stands where a vector does: in a norm, an inner product or (…)ᵀ."""
    before = text[:start]
    is_open = len(re.findall(r"⟨|\\langle", before)) > len(re.findall(r"⟩|\\rangle", before))
    if is_open or re.match(rf"{_ALONE.pattern}(?:\\cdot|·|⋅)", text[start:end]):
        return True
    if len(re.findall(_BARS["‖"], before)) % 2:
        return bool(_ALONE.fullmatch(text[start:end])) or before.endswith("\\Sigma")
    depth = 0
    for place in range(start, len(text)):
        depth += (text[place] in "([{") - (text[place] in ")]}")
        if depth < 0:
            return bool(re.match(r"\)\s*(?:\^\s*\{?\s*(?:T|\\top|\\intercal)|[ᵀ⊤'])", text[place:]))
    return False


def _without_list(text: str, readings: list[str], known: frozenset[str]) -> str:
    """i, j: i < j below a sum is i < j, and so is j: i < j where another sum binds i."""

    def put(found: re.Match[str]) -> str:
        first, second, condition, other = found.groups()
        is_bound = other is None or re.search(rf"_\s*\{{?\s*{other}(?![^\W_])", text[: found.start()])
        is_read = (
            second is None and re.search("≠|ne", condition) or is_bound and (second is None) == (other is not None)
        )
        return f"_{{{condition}}}".ljust(len(found[0])) if is_read else found[0]

    return re.sub(_LISTED_PAIR, put, text)


def _primed_indices(text: str, readings: list[str], known: frozenset[str]) -> str:
    """A letter of its own for the c' that a sum runs over, as c does."""
    below = " ".join(re.findall(r"(?:\\sum|\\prod|∑)(?:\\limits)?\s*_\s*(\{[^{}]*\}|[a-z]['′’])", text))
    for index in dict.fromkeys(re.findall(r"([a-z])['′’]", below)):
        pattern = r"(?<![A-Za-z]){0}(?![A-Za-z])|_\{{\w*{0}"
        free = next((c for c in RANGES.get(index, "") if not re.search(pattern.format(c), text)), None)
        if free is None:
            continue
        readings.append(f"{index}′ is read as an index {free}")
        run = re.search(rf"_\s*\{{\s*{index}\s*(=[^{{}}]*\}}\s*\^\s*(?:\{{[^{{}}]*\}}|\w))", text)
        text = re.sub(rf"(?<![A-Za-z]){index}['′’]|(?<=_\{{[a-z]){index}['′’]", f"{free} ", text)
        if run is not None:
            alone = rf"((?:sum|prod|∑)\s*_)\s*(?:\{{\s*{free} \s*\}}|{free} )(?!\s*\^)"
            limits = run[1].replace("\\", r"\\")
            text = re.sub(alone, rf"\1{{{free}{limits}", text)
    return text


def _turned_labels(text: str, readings: list[str], known: frozenset[str]) -> str:
    """W^{(2)}ᵀ for W^{(2)T}."""
    if "T" in known:
        return text
    return re.sub(_TURNED_LABEL, lambda found: f"{found[1]}^{{{found[2]}}}ᵀ".ljust(len(found[0])), text)


def _ones(text: str, readings: list[str], known: frozenset[str]) -> str:
    """ones(n, k) for a bold 1 with two sizes below; of equal sizes the identity may be meant."""

    def put(found: re.Match[str]) -> str:
        return found[0] if found[2] in (found[1], "1") else f"ones({found[1]},{found[2]})".ljust(len(found[0]))

    return re.sub(_BOLD_ONES, put, text)


def _without_lambda(text: str, readings: list[str], known: frozenset[str]) -> str:
    """The value of a function of Python, `f = lambda x: x**2`; of no letter of its own, λ x : y is an inner product."""
    head = re.match(r"(?:\s*\w+\s*=)?\s*lambda\s+([A-Za-z_]\w*(?:\s*,\s*[A-Za-z_]\w*)*):(?=\s)", text)
    if head is None or not any(re.search(rf"\b{name}\b", text[head.end() :]) for name in re.findall(r"\w+", head[1])):
        return text
    readings.append(f"lambda {head[1]} is read as the head of a function, and no λ")
    return " " * head.end() + text[head.end() :]


def sets(text: str) -> str:
    r"""`n×n spd` for `\mathbb{S}^n_{++}`, `ℝ^n positive` for `\mathbb{R}^n_{++}`, and no `\setminus\{0\}`."""

    def symmetric(found: re.Match[str]) -> str:
        size = found[1] or found[3]
        word = {"++": "spd", "+": "psd"}.get(found[2], "symmetric")
        return f" {size}×{size} {word}".ljust(len(found[0])) if size else found[0]

    def positive(found: re.Match[str]) -> str:
        size = found[1] or found[3]
        made = (" ℝ^" + size if size else " ℝ") + (" positive" if found[2] == "++" else " nonnegative")
        return made.ljust(len(found[0]))

    text = re.sub(_WITHOUT, lambda found: " " * len(found[0]), text)
    return re.sub(_POSITIVE, positive, re.sub(_SYMMETRIC, symmetric, text))


def _spectrum(text: str, readings: list[str], known: frozenset[str]) -> str:
    r"""The trace for `\sum \text{eig}(X)` and `sum(eig(X))`, the determinant for the product."""

    def put(found: re.Match[str]) -> str:
        which, made = ("sum", "tr") if "sum" in found[0] else ("product", "det")
        start = text.index("(", found.end())
        end = closing(text, start, "()") + 1 or len(text)
        behind = text[end:].replace(r"\right)", ")").lstrip()
        if not re.match(r"$|[-+−=)\]},.;]" if "\\" in found[0] else r"\)", behind):
            return found[0]  # of their squares, say
        readings.append(f"the {which} of the eigenvalues is read as the {'trace' if made == 'tr' else 'determinant'}")
        return (rf"\{made} " if "\\" in found[0] else f"({made}").ljust(len(found[0]))

    word = r"\\(?:text|mathrm|operatorname)\s*\{\s*eig\s*\}"
    return re.sub(
        rf"\\(?:sum|prod)(?:\\limits)?\s*{word}(?=\s*(?:\\left\s*)?\()|(?<!\w)(?:sum|prod)\(\s*eig(?=\()", put, text
    )


def listed(text: str) -> str:
    """`diag(w)` for `diag(w_1, …, w_n)` where w stands for nothing else; the length is kept."""
    rest = re.sub(_DIAGONAL, "", text)
    without_words = re.sub(r"\\[A-Za-z]+|(?<![A-Za-z])(?:tr|det|sum|log|exp|diag)(?=\s*\()", "", rest)

    def put(found: re.Match[str]) -> str:
        letter = found[2].strip()
        plain = names.SPOKEN.get(letter[1:], letter)
        commands = [rf"\\{word}(?![A-Za-z])" for word, c in names.SPOKEN.items() if c == plain]
        is_bare = any(re.search(form + _LOW, rest) for form in commands) or re.search(plain + _LOW, without_words)
        return found[0] if is_bare else f"{found[1]}{letter}".ljust(len(found[0]) - len(found[3])) + found[3]

    return re.sub(_DIAGONAL, put, text)


def _ranges(text: str, readings: list[str], known: frozenset[str]) -> str:
    r"""`_{1≤k≤K}` for `_{k=1,\dots,K}` and `_{k \in \{1, …, K\}}`; `diag(w)` for `diag(w_1, …, w_n)`."""

    def put(found: re.Match[str]) -> str:
        return f"_{{{found[2]}≤{found[1]}≤{found[3]}}}".ljust(len(found[0]))

    made = listed(text)
    for found in re.finditer(_DIAGONAL, text):
        letter = names.SPOKEN.get(found[2].strip("\\ "), found[2].strip())
        if made[found.start() : found.end()] == found[0]:
            raise ParseError(
                f"{letter} is read as the vector of these entries only where it stands for nothing else", text,
                found.span(), f"declare {letter}: n, and write diag({letter})",
            )  # fmt: skip
    if made != text:
        readings.append(LISTED)
    return re.sub(_RANGES, put, made)


def _raised(low: str) -> str:
    """A transpose, a prime or a number above, and behind it what stands below."""
    group = r"\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}"
    command = r"\\(?:top|intercal|prime|star|ast)(?![a-zA-Z])|\\math(?:sf|rm|bf)\s*\{\s*T\s*\}"
    sign = rf"(?:T|⊤|'|\*|-?\d+|{command})"
    above = rf"\^\s*(?:{sign}|\{{\s*-?{sign}\s*\}})|['′’ᵀ⊤{_SUPERSCRIPTS}⁻]+"
    styled = rf"\\(?:math[a-z]+|text[a-z]*|boldsymbol|bm|bar|hat|tilde|vec)\s*{group}"
    below = rf"_\s*(?:{group}|{styled}|\\[a-zA-Z]+|{low})|[₀₁₂₃₄₅₆₇₈₉ᵢⱼₖₗₘₙₚₛₜ]+"
    return rf"(?:(?<=[^\W{_SUPERSCRIPTS}])|(?<=[)\]}}|‖]))((?:{above})\s*)({below})"


def _lowered(text: str, readings: list[str], known: frozenset[str]) -> str:
    """x_i^T for x^T_i: what stands below a letter belongs to its name, in whatever order both are written.

    A^T_{ij} and A^{-1}_{ij} are entries of the transpose and of the inverse all the same.
    """

    def swap(found: re.Match[str]) -> str:
        above, below = found.groups()
        if re.fullmatch(_ENTRY, below):
            if "-" in above or "⁻" in above:
                return above + below
            if not any(c.isdigit() for c in above):
                return "'".ljust(len(above)) + below
            letter = found.string[found.start() - 1]
            readings.append(f"{letter}{found[0]} is read as {letter}{below}{above}, a power of the entry")
        return below + above

    return re.sub(_raised(r"[^\W_]" if "\\" in text else r"[^\W_]+"), swap, text)  # TeX takes one letter below


# What is put right where one of each group of signs occurs
_ROWS: tuple[tuple[tuple[tuple[str, ...], ...], Callable[..., str]], ...] = (
    ((("ig{", "ig {", "igg{", "igl{", "igr{", "iggl{", "iggr{"),), _put(_BRACED, r"\1\2")),
    ((("\\over",),), _put(rf"\{{{_INSIDE}\\over(?![a-z]){_INSIDE}\}}", r"\\frac{\1}{\2}")),
    ((("\\stackrel", "\\overset"),), lambda text, *_: re.sub(_DEFINED, lambda found: "=".rjust(len(found[0])), text)),
    ((("eig",),), _spectrum),
    ((("size(",),), _put(_SIZE % "1", r"nrows(\1)")),
    ((("size(",),), _put(_SIZE % "2", r"ncols(\1)")),
    ((("fro'", 'fro"', "all'", 'all"'),), _put(_OF_ALL, "")),
    ((("const", "independent of", "not "),), _without_constant),
    ((("{}",),), _put(r"(?<=[-=+−&])(\s*&?\s*)\{\}", r"\1")),
    ((("_",), ("'", "′", "’"), ("\\sum", "\\prod", "∑")), _primed_indices),
    ((("_",), (":", "\\mid"), ("<", ">", "\\ne", "≠", "\\le", "≤", "\\g", "≥")), _without_list),
    ((("^{", "^ {"), ("T", "⊤", "ᵀ", "\\top", "\\intercal")), _turned_labels),
    (((r"\times", "×"), ("1}_",)), _ones),
    ((("Σ", "\\Sigma"),), _greek_sum),
    ((("lambda ",), (":",)), _without_lambda),
    ((("(",), ("\\text", "\\mbox")), _put(_REMARK, "")),
    ((("min", "max"),), _without_extremum),
    ((("dots", "…", "..."),), _ranges),
    ((("\\in", "∈"), SETS), lambda text, *_: sets(text)),
    ((("\\to", "\\rightarrow", "→"), ("mathbb", "ℝ")), _put(_MAPPING, "")),
    (((")", "]"), ("quad", "hfill", "   ")), _put(_NUMBER, "")),
    ((("\\sum^", "\\prod^", "\\sum ^", "\\prod ^", "\\limits^", "_{("),), lambda text, *_: limits_in_order(text)),
    ((tuple("^'′’ᵀ⊤⁻" + _SUPERSCRIPTS), tuple("_₀₁₂₃₄₅₆₇₈₉ᵢⱼₖₗₘₙₚₛₜ")), _lowered),
)
