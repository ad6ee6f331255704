"""Left sides that are no name of one letter: log p(x | μ, Σ), 𝒩(x | μ, Σ), MSE(w), \\text{Loss}.

What such a side says is a name for what stands to its right.  Where it occurs again, differentiated say, it is that
name; the characters keep their places.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set

from ..heights import LEVELING, LOWERING
from .claims import EDGE, Claim
from .document import OVER
from .manuscript import blanked
from .roles import names_of
from .trees import INDICES, Tree

_DENSITY = re.compile(
    r"(?P<log>(?:\\(?:log|ln)(?![A-Za-z])\s*|\b(?:log|ln)\s+)(?P<brace>\{\s*)?)?"
    r"(?:\\(?:mathcal|mathbb|mathfrak|mathrm|operatorname|text)\s*\{?\s*[A-Za-z]+\s*\}?|[pqPND]|\\(?:pi|ell)(?![A-Za-z]))"
    r"\s*(?:_\s*(?:\{(?:[^{}]|\{[^{}]*\})*\}|\\?\w+(?:\{[^{}]*\})?))?\s*(?:\\left|\\[bB]igg?l?)?[(\[]"
    r"(?P<inside>(?:[^()]|\([^()]*\))*?)(?:\\right|\\[bB]igg?r?)?[)\]](?(brace)\s*\})"
)
_NEGATED = re.compile(r"(?:^|(?<=[({&]))\s*[-−]\s*" + _DENSITY.pattern)
# A loss whose name is a word: \text{Loss}, MSE_{train}(w).
_WORD = re.compile(
    r"(?:\\(?:text|mathrm|operatorname|mathit|textrm|mathsf|rm)\*?\s*\{\s*(?P<word>[A-Z][A-Za-z]{1,11}|loss|cost|error|risk)\s*\}"
    r"|(?<![A-Za-z\\])(?P<bare>MSE|RSS|SSE|SSR|NLL|BCE|CE|KL|ELBO|RMSE|Loss|Cost)(?![A-Za-z])"
    r"|(?:(?<![A-Za-z\\])|(?<=(?<![A-Za-z\\])d))(?P<alone>[A-Z][a-z]{2,11}|loss|cost|error|risk)(?![A-Za-z]|\s*\())"
    r"(?P<low>\s*_\s*(?:\{[^{}]*(?:\{[^{}]*\}[^{}]*)?\}|\w))?"
    r"(?:\s*(?:\\left)?\((?P<inside>(?:[^()]|\([^()]*\))*?)(?:\\right)?\))?"
)
_SQUARE = re.compile(r"\s*(?:\^\s*2|\^\s*\{\s*2\s*\}|²)")
_LETTER = r"\s*(?:\\[a-z]+|[A-Za-zα-ω])(?:_(?:\w|\{\w+\}))?"
_SQUARED = re.compile(
    r"(?P<name>\\(?:mathcal|mathrm)\s*\{?\s*[A-Za-z]\s*\}?|\\[a-z]+|[A-Za-zℓ])\s*(?:\\left)?"
    rf"\((?P<inside>(?:{_LETTER}{_SQUARE.pattern}?\s*[,;]\s*)*{_LETTER}(?:{_SQUARE.pattern})?\s*)(?:\\right)?\)"
)
# d^2 = …, \sigma_B^2 = …: a number, where the letter stands nowhere without its square.
_SQUARED_NAME = re.compile(rf"(?P<letter>(?:\\[A-Za-z]+|[A-Za-zα-ω])(?:\s*_\s*(?:\w|\{{\w+\}}))?){_SQUARE.pattern}")
_PRIMED = re.compile(r"(?P<of>[A-Za-z]|\\ell)\s*'\s*_\s*(?P<by>\w|\{\\?\w+\}|\\[a-z]+)")  # L'_w, of L = …
_DOTTED = re.compile(r"\\dot\s*\{?\s*(\\?[A-Za-z]+)")
_NUMBER = r"[A-Za-z](?:_(?:\w|\{\w+\}))?"
_FACTORIAL = re.compile(  # \log y_i!, of the data
    rf"\\(?:log|ln)\s*(?:\(\s*(?P<held>{_NUMBER})\s*!\s*\)|(?P<bare>(?<![A-Za-z]){_NUMBER})\s*!)"
)
_BOUND = re.compile(r"\\sum(?:\\limits)?\s*_\s*(?:(?P<bare>[a-h])|\{\s*(?P<braced>[a-h])\s*[=}])")
_BELOW = re.compile(r"_\s*(?:[a-z]|\{\s*[a-z]{1,2}\s*(?:[,=]\s*[a-z01]\s*)?\})")
_RAISED_T = re.compile(r"(?<!(?<!_)\d)\s*\^\s*(?:T|\{\s*T\s*\})")  # of x_2^T, and no 2^T
_LOG = re.compile(
    r"\\(?:log|ln)(?![A-Za-z])\s*(?P<letter>\\mathcal\s*(?:\{\s*[A-Za-z]\s*\}|[A-Za-z])|[pqLZ](?![A-Za-z_(]))"
)
_FUNCTION = re.compile(r"\\?[A-Za-z]+(?:\s*\{\s*[A-Za-z]+\s*\})?(?:\s*\([^()=]*\))?")  # g(v), \mathcal{L}
_BAR = re.compile(r"\\(?:mid|[lr]?[vV]ert|parallel)(?![A-Za-z])|\\?\||;")


def _say_extrema(claims: Sequence[Claim]) -> None:
    """Take min_v g(v) = … for a definition of g, and for no more than a value of it where there is one already."""
    seen: set[str] = set()
    for claim in claims:
        head = claim.sides[0]
        over = OVER.match(head.text)
        of = head.text[over.end() if over else 0 :].strip(EDGE)
        name = _plain(of.partition("(")[0])
        if over and _FUNCTION.fullmatch(of):
            head.text = blanked(head.text, *over.span())
            claim.is_extremum = name in seen
        seen.add(name)


def name_heads(claims: Sequence[Claim]) -> dict[str, str]:
    """Put a name in place of each conditional density, and of each word, that a document gives a formula.

    What each of the names is written as.
    """
    names: dict[str, str] = {}
    written = _rename_indices(claims)
    _say_extrema(claims)
    heads = set(_heads(claims))
    squares = _squares(claims)
    names.update((letter, _stand_in(i)) for i, letter in enumerate(squares))
    _say_derivatives(claims, heads)
    for claim in claims:
        if claim.continues or len(claim.sides) < 2:
            continue
        head = claim.sides[0].text.strip(" \n\t&")
        density, word = _DENSITY.fullmatch(head), _WORD.fullmatch(head)
        for side in claim.sides[1:-1]:  # ℓ(θ) = log p(y | X, θ) = …
            behind = _DENSITY.fullmatch(side.text.strip(EDGE))
            if behind and _BAR.search(behind["inside"]) and len(head) <= len(behind[0]):
                names.setdefault(_plain(behind[0]), head)
                claim.sides.remove(side)
        negated = _NEGATED.fullmatch(head)
        if negated and _BAR.search(negated["inside"]) and _plain(head)[1:] not in map(_plain, heads):
            names.setdefault(_plain(head), _stand_in(len(names)))  # −log p(w | t) = …
        elif density and _BAR.search(density["inside"]):
            names.setdefault(_plain(density[0]), _stand_in(len(names)))
            before = density[0].partition("(")[0].replace("\\left", "").strip()
            bare = _plain(before)
            if (word := _WORD.fullmatch(before)) and sum(_plain(h).startswith(bare + "(") for h in heads) == 1:
                names.setdefault(_spelled(word), names[_plain(density[0])])  # KL behind the one KL(q || p)
            if density["log"] and sum(_plain(h).startswith(bare + "(") for h in heads) == 1:
                names.setdefault(bare, names[_plain(density[0])])  # \log p behind the one \log p(X | M)
        elif density and density["log"] and not any(_DENSITY.fullmatch(h) and "log" not in h for h in heads):
            made = names.setdefault(_plain(density[0]), _stand_in(len(names)))  # log p(y), and log p behind it
            names.setdefault(_plain(density[0].partition("(")[0].replace("\\left", "")), made)
        elif (log := _LOG.fullmatch(head)) and log["letter"] not in heads:  # of log p = …, where no line says what p is
            names.setdefault(_plain(log[0]), _stand_in(len(names)))
        elif word and (word["alone"] or not {word["word"], word["bare"]} & _FUNCTIONS):
            names.setdefault(_spelled(word), _stand_in(len(names)))
    functions = {_signature(match) for match in map(_SQUARED.fullmatch, _heads(claims)) if match is not None}
    for claim in claims:
        for side in claim.sides:
            for match in list(_SQUARED.finditer(side.text)) if functions else ():
                if re.search("[,;]", match["inside"]) and _signature(match) in functions:  # ℓ(μ, σ²) is of μ and σ
                    start, end = match.span("inside")
                    inside = _SQUARE.sub(lambda m: " " * len(m[0]), match["inside"])
                    side.text = side.text[:start] + inside + side.text[end:]
            for pattern in (_NEGATED, _DENSITY, _LOG, _WORD, *squares.values()):
                for match in list(pattern.finditer(side.text)):
                    letter = match["letter"] if pattern in squares.values() else match[0]
                    name = names.get(_spelled(match) if pattern is _WORD else _plain(letter))
                    if name is not None:
                        if name[1:].translate(LEVELING).isdigit():
                            written[name] = min(written.get(name, match[0]), match[0].strip(), key=len)
                        filled = name.ljust(len(match[0]))
                        side.text = side.text[: match.start()] + filled + side.text[match.end() :]
    return written


def _squares(claims: Sequence[Claim]) -> dict[str, re.Pattern[str]]:
    """The letters that lines define the squares of, and that stand nowhere before, nor without the square."""
    found: dict[str, re.Pattern[str]] = {}
    for i, claim in enumerate(claims):
        head = _SQUARED_NAME.fullmatch(claim.sides[0].text.strip(EDGE)) if len(claim.sides) > 1 else None
        if head is None or claim.continues or len(found) > 8:
            continue
        letter = rf"(?P<letter>{re.escape(head['letter'])}(?![A-Za-z_]))"
        letter = letter if head["letter"][0] == "\\" else rf"(?<![A-Za-z\\]){letter}"
        before, after = (" ; ".join(s.text for c in some for s in c.sides) for some in (claims[:i], claims[i:]))
        square = re.compile(letter + _SQUARE.pattern)
        if not re.search(letter, before) and not re.search(letter, square.sub("", after)):
            found[_plain(head["letter"])] = square
    return found


def _say_derivatives(claims: Sequence[Claim], heads: Set[str]) -> None:
    """Take L'_w = … for the derivative of an L that has a formula, x(t) for the x of \\dot x, and the T of T = … for
    no exponent."""
    is_free = not any(c in s.text for claim in claims for s in claim.sides for c in ("ζ", "\\zeta"))
    dotted = {m[1] for c in claims for s in c.sides for m in _DOTTED.finditer(s.text)}
    moving = [letter for letter in dotted if f"{letter}(t)" not in {head.replace(" ", "") for head in heads}]
    named = {head.partition("(")[0].strip() for head in heads}
    for claim in claims:
        head = _PRIMED.fullmatch(claim.sides[0].text.strip(EDGE))
        if head is not None and not claim.continues and head["of"] in named:
            made = f"∇_{head['by']}{' ' * (head['by'][0] == chr(92))}{head['of']}"
            claim.sides[0].text = made.ljust(len(claim.sides[0].text))
        for side in claim.sides:
            if is_free:
                side.text = _FACTORIAL.sub(lambda m: f"ζ({m['held'] or m['bare']})".ljust(len(m[0])), side.text)
            for letter in moving:
                side.text = re.sub(rf"(?<![A-Za-z])({re.escape(letter)}\s*)(\(t\))", r"\1   ", side.text)
        for side in claim.sides if "T" in named else ():
            side.text = _RAISED_T.sub(lambda m: "^⊤".ljust(len(m[0])), side.text)


def _rename_indices(claims: Sequence[Claim]) -> dict[str, str]:
    """Write i, j for the c, d of Σ_c and Σ_d, where they stand below letters alone; which stand for which."""
    sides = [side for claim in claims for side in claim.sides]
    texts = [re.sub(r"\\[A-Za-z]+", lambda m: " " * len(m[0]), side.text) for side in sides]
    bound = {m["bare"] or m["braced"] for side in sides for m in _BOUND.finditer(side.text)}
    beside = [m[0] for text in texts for m in _BELOW.finditer(text)]  # δ_{cd}, W_{cd}
    bound |= {c for low in beside if bound & set(low) for c in low if "a" <= c <= "h"}
    elsewhere = {c for text in texts for c in _BELOW.sub("", text)}
    free = [c for c in INDICES if not any(c in text for text in texts)]
    names = dict(zip(sorted(bound - elsewhere), free))
    for side in sides if len(names) == len(bound) else ():
        side.text = _BELOW.sub(lambda m: "".join(names.get(c, c) for c in m[0]), side.text)
    return {new: old for old, new in names.items()} if len(names) == len(bound) else {}


def divided_heads(claims: list[Claim], sections: list[int]) -> None:
    """Take 2 L = … and −ℓ = … for the formula of what the document differentiates, and S⁻¹ = … + … for that of S."""
    trees = [t for c in claims for s in c.sides if s.tree is not None for t in s.tree.walk()]
    derived = {
        str(t.args[0].data[0])
        for t in trees
        if t.kind in ("derivative", "gradient", "differential") and t.args and t.args[0].kind in ("name", "apply")
    }
    heads = [(c, c.sides[0].tree) for c in claims if not c.continues]
    known = {(sections[c.row.block], str(h.data[0])) for c, h in heads if h is not None and h.kind in ("name", "apply")}
    used: set[tuple[int, str]] = set()
    for claim in claims:
        head, section = claim.sides[0].tree, sections[claim.row.block]
        before = set(used)
        used |= {(section, name) for side in claim.sides for name in names_of(side.tree)}
        if head is None or claim.continues or len(claim.sides) < 2:
            continue
        if head.kind == "inverse" and (body := claim.sides[1].tree) is not None and body.kind == "sum":
            named = head.args[0]
            if named.kind == "name" and (section, named.data[0]) not in known | before and len(claim.sides) == 2:
                if named.data[0] not in names_of(body):
                    claim.sides[0].tree, claim.sides[0].found = named, claim.sides[0].found[:1]
                    claim.sides[1].tree = Tree("inverse", [body], (), body.span)
            continue
        is_negative = head.kind == "neg"
        body = head.args[0] if is_negative else head
        factor = body.args[0] if body.kind == "prod" and len(body.args) == 2 and body.args[0].kind == "number" else None
        named = body.args[1] if factor is not None else body
        if named is head or named.kind not in ("name", "apply") or str(named.data[0]) not in derived:
            continue
        if (section, str(named.data[0])) in known:
            continue
        claim.sides[0].tree = named
        claim.sides[0].found = [
            t for t in claim.sides[0].found if t.kind != "num" and t.text not in ("{", "}", "-", "−")
        ]
        for side in claim.sides[1:]:
            if side.tree is not None:
                made = Tree("neg", [side.tree], (), side.tree.span) if is_negative else side.tree
                side.tree = made if factor is None else Tree("quotient", [made, factor], (), side.tree.span)


def _heads(claims: Sequence[Claim]) -> list[str]:
    return [c.sides[0].text.strip(" \n\t&") for c in claims if not c.continues and len(c.sides) > 1]


def _signature(match: re.Match[str]) -> str:
    return re.sub(r"[\s{}]", "", match["name"] + ":" + _SQUARE.sub("", match["inside"]))


def as_written(text: str, written: Mapping[str, str]) -> str:
    """A text of the report with the heads as their author wrote them."""
    for name, head in written.items():
        if len(name) == 1:
            for match in reversed(list(_BELOW.finditer(text))):
                text = text[: match.start()] + match[0].replace(name, head) + text[match.end() :]
            continue
        number = int(name[1:].translate(LEVELING))
        spellings = rf"{name}(?![₀-₉])|(?:ℓ|\\ell)_(?:{number}(?!\d)|\{{{number}\}})"
        text = head.join(re.split(rf"(?:{spellings})(?: {{2,}})?", text))
    return text


_FUNCTIONS = frozenset(
    "Tr Trace Diag Vec Det Rank Span Exp Log Sin Cos Tan Max Min Sup Inf Arg Sign Sgn Null Ker Dim Proj Prox Pr Prob "
    "Re Im Var Cov Mean Std ReLU GELU ELU SiLU Sigmoid Softmax Tanh".split()
)


def _stand_in(number: int) -> str:
    """ℓ₁, ℓ₂, …: short, so that it fits where the word stood."""
    return "ℓ" + str(number + 1).translate(LOWERING)


def _spelled(match: re.Match[str]) -> str:
    return (match["word"] or match["bare"] or match["alone"]) + re.sub(
        r"\\text|\\mathrm|[\s{}]", "", match["low"] or ""
    )


def _plain(text: str) -> str:
    text = re.sub(r"\\ln(?![A-Za-z])", r"\\log", text)
    text = re.sub(r"\\(?:left|right|,|;|!|quad)(?![A-Za-z])", "", text)
    return _BAR.sub("|", re.sub(r"[\s{}]", "", text))
