"""A document as its author wrote it: Markdown or LaTeX, to rows of mathematics and prose.

Mathematics stands between `$$…$$`, `\\[…\\]`, `$…$`, `\\(…\\)` or in an environment; a text
without any delimiter is read line by line.  A row is what ends at `\\\\`.  Marks that only
set type are blanked in place, so that every character keeps its position.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Set

from ..errors import LimitError
from ..heights import RAISED, RAISED_LETTERS
from ..names import ACCENTS, SPOKEN
from ..reading.macros import braces, closing
from ..reading.spelling import limits_in_order, listed
from .manuscript import BY_CASES, MATHEMATICS, Manuscript, blanked, entry_cases, in_rows

MAX_ROWS = 4_000

ENVIRONMENTS = (
    "equation align aligned alignat alignedat gather gathered multline eqnarray split displaymath math flalign dcases "
    "cases subequations"
).split()
_ENVIRONMENT = "|".join(ENVIRONMENTS)
_INNER = re.compile(rf"\\(?:begin|end)\s*\{{(?:{_ENVIRONMENT})\*?\}}(?:\[[a-z]\])?(?:\{{\d+\}})?")
_OPENING = re.compile(
    r"(?P<fence>^[ \t]*(?:```|~~~)[^\n]*$)|(?P<escaped>\\\$|\\\\(?:\[[^\]\n]{0,12}\])?)"
    r"|(?P<directive>^[ \t]*\.\.[ \t]+math::)|(?P<role>:math:`)|(?P<github>(?<!`)\$`)|(?P<dollars>\$\$)"
    r"|(?P<dollar>\$)|(?P<square>\\\[)"
    rf"|(?P<round>\\\()|(?P<code>`+)|\\begin\s*\{{(?P<env>(?:{_ENVIRONMENT})\*?)\}}",
    re.MULTILINE,
)
_IN_SQUARE = re.compile(r"\[\s[^=]*=")  # and no [y = k], which is 1 or 0
_SET_IN_WORDS = re.compile(r"\\(?:text|mbox)[a-z]*\s*\{")
_PARAGRAPH = re.compile(r"\n[ \t]*\n")
_OPENERS = re.compile(rf"(?<!\\)\\\[|\\begin\s*\{{(?:document|{'|'.join(ENVIRONMENTS[:9])})\*?\}}|\\(?:sub)*section")


class Passage:
    """A stretch of the document: mathematics, displayed or in the line, or prose."""

    __slots__ = ("kind", "text", "start")

    def __init__(self, kind: str, text: str, start: int) -> None:
        self.kind = kind  # "display", "inline", "prose"
        self.text = text
        self.start = start


class MathRow:
    """One row of mathematics: cleaned text, whose characters stand at `start` onward in the document."""

    __slots__ = ("text", "start", "display", "prose", "block")

    def __init__(self, text: str, start: int, display: bool, prose: str, block: int) -> None:
        self.text = text
        self.start = start
        self.display = display
        self.prose = prose  # what stands before the block in words
        self.block = block


def pieces(manuscript: Manuscript | str) -> list[Passage]:
    """The document cut into mathematics and prose; a formula that does not end is skipped, and that is noted."""
    if isinstance(manuscript, str):
        manuscript = Manuscript(manuscript)
    text = manuscript.text
    found: list[Passage] = []
    at, prose_from = 0, 0

    def take(kind: str, start: int, inner_start: int, inner_end: int, end: int) -> None:
        nonlocal prose_from
        if kind == "inline" and (_INNER.search(text, inner_start, inner_end) or "\\\\" in text[inner_start:inner_end]):
            kind = "display"  # $\begin{align} … \end{align}$, as notebooks have it
        if _IN_SQUARE.match(text, inner_start, inner_end) and closing(text, inner_start, "[]") == inner_end - 1:
            inner_start, inner_end = inner_start + 1, inner_end - 1  # $[ … ]$ that was \[ … \]
        if start > prose_from:
            found.append(Passage("prose", text[prose_from:start], prose_from))
        found.append(Passage(kind, text[inner_start:inner_end], inner_start))
        prose_from = end

    def take_block(start: int, inner_start: int, inner_end: int) -> None:
        """Mathematics of which every paragraph is a formula."""
        for stop in [*(m.end() for m in _PARAGRAPH.finditer(text, inner_start, inner_end)), inner_end]:
            if text[inner_start:stop].strip():
                take("display", start, inner_start, stop, stop)
            start = inner_start = stop

    while (match := _OPENING.search(text, at)) is not None:
        start, after = match.start(), match.end()
        at = after
        if match["escaped"]:
            continue
        if match["directive"]:  # of reStructuredText: what is indented further
            indent = match[0].partition("..")[0]
            block = re.compile(rf"[^\n]*(?:\n(?:{indent}[ \t]+[^\n]*|[ \t]*(?=\n|$)))*").match(text, after)
            assert block is not None
            take_block(start, after, block.end())
            at = prose_from
            continue
        if match["fence"]:
            mark = match["fence"].strip()[:3]
            close = re.compile(r"^[ \t]*" + mark, re.MULTILINE).search(text, after)
            if match["fence"].strip()[3:].strip() in MATHEMATICS and close:
                take_block(start, after, close.start())
                prose_from = close.end()
            at = close.end() if close else len(text)
            continue
        if match["code"]:
            at = _code_end(text, match["code"], after, manuscript.is_latex)
            continue
        kind = "inline" if match["dollar"] or match["round"] or match["github"] or match["role"] else "display"
        if match["github"] or match["role"]:
            end, length = text.find("`$" if match["github"] else "`", after), 2 if match["github"] else 1
            if end < 0 or _PARAGRAPH.search(text, after, end):
                at = start + 1
                continue
        elif match["dollar"]:
            end, length = _inline_end(text, after), 1
            if end < 0:
                continue
        else:
            closer = {"dollars": "$$", "square": "\\]", "round": "\\)"}.get(match.lastgroup or "")
            closer = closer or "\\end{" + match["env"] + "}"
            end, length = _closer(text, closer, after), len(closer)
            if end < 0:
                manuscript.skip(start, "a formula begins here and does not end")
                continue
        take(kind, start, after, end, end + length)
        at = prose_from
    if prose_from < len(text):
        found.append(Passage("prose", text[prose_from:], prose_from))
    if not any(p.kind != "prose" for p in found) and not manuscript.skipped:
        return _bare(text)
    return found


def _closer(text: str, closer: str, start: int) -> int:
    """Where a formula closes; -1 if a paragraph ends, or another formula begins, before it does."""
    end = text.find(closer, start)
    while closer == "\\]" and end > 0 and text[end - 1] == "\\" and text[end - 2 : end - 1] != "\\":
        end = text.find(closer, end + 1)
    if end < 0:
        return -1
    if closer == "$$":
        # Markdown keeps a display in one paragraph; an empty display is two marks that have lost their partners.
        inner = text[start:end]
        is_lone = _PARAGRAPH.search(inner.strip()) or (
            _PARAGRAPH.search(inner) and not inner.lstrip(" \t").startswith("\n") and text[end + 2 : end + 3].strip()
        )
        return -1 if is_lone or not inner.strip() else end
    return -1 if _OPENERS.search(text, start, end) and not closer.startswith("\\end") else end


def _code_end(text: str, mark: str, start: int, is_latex: bool) -> int:
    """The end of a code span; of a mark that opens none (LaTeX's ``quotes''), what follows the mark."""
    if is_latex:
        return start
    stop = _PARAGRAPH.search(text, start)
    end = text.find(mark, start, stop.start() if stop else len(text))
    quoted = text.find("''", start) if len(mark) == 2 else -1
    if end < 0 or 0 <= quoted < end:
        return start
    return end + len(mark)


def _inline_end(text: str, start: int) -> int:
    """Where `$` closes, within the paragraph; -1 for a lone dollar sign."""
    i = start
    while i < len(text):
        c = text[i]
        if c == "\\":
            words = _SET_IN_WORDS.match(text, i)  # \overset{\text{$P = P^T$}}{=}
            i = 1 + max(i + 1, closing(text, words.end() - 1) if words else 0)
            continue
        if c == "$":
            return i if i > start else -1
        if c == "\n" and text[i + 1 :].lstrip(" \t").startswith("\n"):
            return -1
        i += 1
    return -1


_WORDS = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,}(?![A-Za-z({])")
_GRAD = re.compile(r"\b(?:grad|Hess)(?=[_\s][^\s=])|\bHessian(?: of)?(?=\s[^\W\d_]\w?(?:\([^()]*\))?\s*=)")
_HEAD = re.compile(r"^[ \t]*(?:[A-Za-z ]+:[ \t]*)?(?P<word>[A-Za-z]{3,})\d*(?:\([^()]*\))?[ \t]*:?=", re.MULTILINE)
_SO = re.compile(r"[ \t]*[Ss]o[ \t]+(?=\S)")
_LED = re.compile(  # Therefore w = …, Setting it to zero: …; "For C = A B, …" is none
    r"^(?!.*\b(?:[Ff]or|[Ii]f|[Rr]ule)\b).*(?<![A-Za-z])(?:[A-Za-z]{3,}|[Ss]o|[Ii]s|[Ww]e|[Tt]o|[Bb]y|[Ii]f|[Aa]s)(?:[:,]|\s)\s*(?=\S)"
)
_FRAME = re.compile("[│┃║┌┐└┘╭╮╰╯─━═├┤]")
_SHORT = re.compile(r"(?:(?:is|are|be|by|to|as|so|we|of|in|it|at)\s+)*")  # The loss is L = …
_LABEL = re.compile(r"\s*[^\s=:]{1,8}:\s+(?=\S)")  # minimize over R: f(R) = …
_SPAN = re.compile(r"^\s*`[^`=]+=[^`]+`[.,;:]?\s*$")  # a line that is code alone
_REMARKED = re.compile(
    r"(?:\s{3,}|\s+(?=\())\(?(?:where|with|for|if|since|as|because|[A-Za-z] (?:is|are)? ?)\b[^=()]*\)?\s*$"
)
_WORD = re.compile(
    r"(?<![\\A-Za-z_^])(?:[A-Za-z]{3,}(?![A-Za-z({_^])|an?(?=\s+[a-z]{3})"
    r"|(?:[Aa]s|[Aa]t|[Bb]y|[Ii]f|[Ii]n|[Ii]s|[Oo]f|[Oo]n|[Oo]r|[Ss]o|[Tt]o|[Ww]e)(?=\s))"
)
_CLAUSE = re.compile(r"(?:[^.;:]|[.;:](?=\S))+")
_MARGIN = re.compile(r"(?:\s{2,}(?:scalar|[\w()+−-]+ × [\w()+−-]+))?(?:\s{2,}\(\d+(?:, \d+)*\))?\s*$")


def _bare(text: str) -> list[Passage]:
    """A text without delimiters: a line with an equation and few words is mathematics.

    A line that goes on from the one before (an open bracket there, or a sign here)
    belongs to it; shapes and numbers in the right margin do not.
    """
    found: list[Passage] = []
    at = 0
    named = {m["word"].lower() for m in _HEAD.finditer(text)}
    known = _MATH_WORDS | named | {"d" + word for word in named}
    for line in text.splitlines(keepends=True):
        bare = _GRAD.sub(
            lambda m: ("∇" if m[0] == "grad" else "∇^2").rjust(len(m[0])), _FRAME.sub(" ", line.rstrip("\n"))
        )
        bare = _SPAN.sub(lambda m: m[0].replace("`", " "), bare)
        remark = _REMARKED.search(bare)
        if remark is not None and "=" in bare[: remark.start()] and _WORDS.search(remark[0]):
            bare = bare[: remark.start()] + " " * (len(bare) - remark.start())
        margin = _MARGIN.search(bare)
        if margin is not None:
            bare = bare[: margin.start()] + " " * (len(bare) - margin.start())
        words = [m for m in _WORDS.finditer(bare) if m[0].lower() not in known and not _SPOKEN_ACCENT.match(m[0])]
        led = _LED.match(bare[: words[-1].end() + 1] + "…") if words else _SO.match(bare)
        if led is not None and "=" in bare[led.end() :] and "`" not in bare and "$" not in bare:
            begin = led.end() + len(_SHORT.match(bare, led.end())[0])  # type: ignore[index]
            begin = label.end() if (label := _LABEL.match(bare, begin)) is not None else begin
            found += _in_sentence(bare[:begin], at, known)
            found.append(Passage("display", bare[begin:], at + begin))
            at += len(line)
            continue
        last = found[-1] if found else None
        if (
            bare.strip()
            and not words
            and last is not None
            and last.kind == "display"
            and "=" not in bare
            and (last.text.count("(") > last.text.count(")") or bare.lstrip()[0] in "+-−·⊙")
        ):
            last.text += "\n" + bare
        elif "=" in bare and not words and "`" not in bare and "$" not in bare:
            found.append(Passage("display", bare, at))
        elif "=" in bare and "`" not in bare and "$" not in bare:
            found += _in_sentence(bare + line[len(bare) :], at, known)
        else:
            found.append(Passage("prose", line, at))
        at += len(line)
    joined: list[Passage] = []
    for piece in found:
        if piece.kind == "prose" and joined and joined[-1].kind == "prose":
            joined[-1].text += piece.text
        else:
            joined.append(piece)
    return joined


def _in_sentence(line: str, at: int, known: Set[str]) -> list[Passage]:
    """A line of words with the equations that stand in it: Minimise f(x) = xᵀA x − bᵀx where A is symmetric."""
    found: list[Passage] = []
    begin = prose_from = 0
    for match in _WORD.finditer(line + " the"):
        if match[0].lower() in known:
            continue
        for part in _CLAUSE.finditer(line, begin, match.start()):
            left, equals, right = part[0].partition("=")
            if equals and left.strip(" ,") and right.strip(" ,"):
                first = part.start() + len(left) - len(left.lstrip(" ,"))
                found.append(Passage("prose", line[prose_from:first], at + prose_from))
                found.append(Passage("inline", line[first : part.end()].rstrip(" ,\n"), at + first))
                prose_from = first + len(found[-1].text)
        begin = match.end()
    return [*found, Passage("prose", line[prose_from:], at + prose_from)]


_MATH_WORDS = frozenset(
    """diag log exp det vec sum sin cos tan max inv abs erf sign relu logdet softmax sigmoid relu tanh trace norm norm1
    norm2 sinh cosh sqrt mean softplus logsumexp hat bar tilde star opt""".split()
) | frozenset(word.lower() for word in SPOKEN)


_WRAPPERS = re.compile(
    r"\\(boxed|fbox|colorbox|underline|overline|cancel|bcancel|ensuremath|hbox|displaylines|"
    r"underbrace|overbrace|bbox|fcolorbox|Aboxed|mathclap|mathbf|boldsymbol|bm)(?![A-Za-z])\s*(?:\[[^\]]*\])?"
)
_EQUALS = re.compile(
    r"\\(?:stackrel|overset|underset)\s*\{(?P<over>(?:[^{}]|\{[^{}]*\})*)\}\s*\{(?P<rel>=|:=|\\equiv|\\triangleq)\}"
)
_GETS = re.compile(r"\\(?:leftarrow|gets|longleftarrow)(?![A-Za-z])|←")
_DEFINES = re.compile(r":=|≔|≜|\\coloneqq|\\triangleq|\\equiv(?![A-Za-z])|≡|\\doteq|=:")
_SPOKEN_ACCENT = re.compile(
    r"(?<![A-Za-z\\])(?P<d>d?)(?P<letter>(?![tcwTCW]hat)[A-Za-z])_?(?P<accent>hat|bar|tilde)(?![A-Za-z])"
)
RESTATED = re.compile(  # = 2Aᵀ(Ax − b) ∈ ℝⁿ
    r"(?<=\S)\s*(?:\\in(?![A-Za-z])|∈)\s*(?:\\(?:mathbb|mathbf|Bbb)\s*\{?\s*R\s*\}?|\\R\b|ℝ)\s*"
    rf"(?:\^\s*(?:\{{(?:[^{{}}]|\{{[^{{}}]*\}})*\}}|\w)|[{''.join((*RAISED, *RAISED_LETTERS))}×]+)?\s*$"
)
_ORDERS = re.compile(
    r"\\(?:succ|prec|succeq|preceq|succcurlyeq|preccurlyeq|geq?|leq?|approx|gg|ll)(?![A-Za-z])|[≽≼≻≺≥≤≈⪰⪯]|[<>](?=\s*0[\s.,;]*$)"
    r"|(?:\\neq?(?![A-Za-z])|≠)(?=\s*(?:\\(?:mathbf|boldsymbol|vec)\s*)?\{?0\}?[\s.,;]*$)"
)
CONSTANT = re.compile(r"\\(?:text|mathrm|textrm|mbox)\s*\{\s*[Cc]onst(?:ant|s|\.)?\s*\}|\b[Cc]onst(?:ant)?\b")
# What sets type alone, and what is written in an older or another way: each with what is read in its place.
_CLEANED = tuple(
    (re.compile(pattern), template)
    for pattern, template in (
        (r"(?<!\\)%[^\n]*", ""),
        (r"\{\s*\\bf(?![A-Za-z])", r"\\bm{"),
        (r"\\tag\*?\s*\{[^{}]*\}", ""),
        (
            r"\\(?:space|displaystyle|textstyle|scriptstyle|normalsize|small|large|Large|LARGE|huge|nonumber|notag|cal)"
            r"(?![A-Za-z])|(?<!\\)\\[,;:! ]",
            "",
        ),
        (r"\\(?:big)?triangledown(?![A-Za-z])", r"\\nabla"),
        (r"(^\s*&?\s*\\?\w+\s*(?:\([^()=]*\))?\s*&?\s*)(?:\\propto(?![A-Za-z])|∝)", r"\1="),  # ℓ(θ) ∝ …
        (r"\^\s*(?:\{\s*\\prime\s*\\prime\s*\})", "''"),
        (r"\^\s*(?:\{\s*\\prime\s*\}|\\prime(?![A-Za-z]))", "'"),
        (r"(?<!\\)\\([=_])", r" \1"),  # Markdown wants \= and \_ in some places
        (  # W^{ss}, f^{II}: letters above a letter are part of its name, as no product of exponents is meant there
            r"((?:(?<![A-Za-z\\])[A-QS-Za-df-z]|\\(?:" + "|".join(SPOKEN) + r"))\}?)"
            r"\^(\{(?!(?:T|H|top|mn|nm|pq|mk|nk|kn|td)\})(?:[A-Za-z]{2,4}|\\(?:text|mathrm)\s*\{[A-Za-z]{3,4}\})\})",
            r"\1_\2",
        ),
    )
)
# Names of a formula as the grammar has them.
_SPELLED = tuple(
    (re.compile(pattern), template)
    for pattern, template in (
        (RESTATED.pattern, ""),
        (r"(?<=[A-Za-z0-9])\*\s*$", "^*"),  # w* = …
        (  # W^{[2]T}
            r"\^\s*\{\s*([(\[]\s*\w\s*(?:[-+]\s*1\s*)?[)\]])\s*\^?\s*(T|\\top|\\intercal)\s*\}",
            r"^{\1}^\2",
        ),
        (  # a^{L-1}
            r"(?<![A-Za-z\\])([A-Za-z]\}?|\\[a-z]+)\^(\{\s*[lL]\s*(?:[-+]\s*\d\s*)?\}|[lL](?![A-Za-z]))",
            r"\1_\2",
        ),
        (  # 1_{ij}, 1\{i = j\}
            r"\\math(?:bbm?|ds)\s*\{?\s*1\s*\}?\s*(?:_\s*\{|\\\{|[(\[])\s*([i-l])\s*=?=?\s*([i-l])\s*(?:\\?\}|[)\]])",
            r"\\delta_{\1\2}",
        ),
        (r"\{\s*\}\s*\^\s*(?:t|\{\s*t\s*\})\s*([A-Z])(?![\^_])", r"\1^t"),  # {}^tX
        (  # x_j^{(i)}: entry j of sample i
            r"(?<![A-Za-z\\])([a-z])\s*_\s*\{?([i-n])\}?\s*\^\s*\{\s*\(([i-n])\)\s*\}",
            r"\1_{\3\2}",
        ),
        (r"(?<![A-Za-z\\])([a-z])\s*\^\s*\{\s*\(([i-n])\)\s*\}\s*_\s*\{?([i-n])\}?", r"\1_{\2\3}"),  # x^{(i)}_j
        (r"(\\nabla\s*|∇\s*)\(\s*([A-Za-z]|\\[a-z]+)\s*\)(?=\s*\()", r"\1 \2"),  # \nabla(f)(x)
        (  # {\frac{\partial}{\partial A}} tr(AB)
            r"\{(\s*\\frac\s*\{\s*(?:\\partial|d)\s*\}\s*\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}\s*)\}",
            r" \1 ",
        ),
        # (BA)^T_{ij}
        (r"(?<=\))(\s*\^\s*(?:T|\{\s*T\s*\}|\\top|\{\s*\\top\s*\}))(\s*_\s*\{[a-z]{2}\})", r"\2\1"),
        (  # d2L/dx2, d^2L/dx^2
            r"(?<![A-Za-z\\])(?:d(?:2|\^2|²)|∂\^2)\s*([A-Za-zℓ])\s*/\s*(?:d|∂)\s*([A-Za-zα-ω])(?:2|\^2|²)(?![\w^])",
            r"∂²\1/∂\2²",
        ),
        (r"\{\s*_(\w)\s*\}", r"_{\1}"),  # \theta{_k}
    )
)


def _put(text: str, rows: Iterable[tuple[re.Pattern[str], str]]) -> str:
    """The text with the template of each row for what its pattern finds, as long as that was."""
    for pattern, template in rows:
        text = pattern.sub(lambda m, made=template: m.expand(made).ljust(len(m[0])), text)  # type: ignore[misc]
    return text


def cleaned(text: str) -> str:
    """The row without boxes, underlines and annotations on equals signs; the length is kept."""
    text = _put(in_rows(text), _CLEANED)
    values = [found.span() for found in BY_CASES.finditer(text)]
    for match in list(_INNER.finditer(text)):
        if not any(start < match.start() < end for start, end in values):
            text = blanked(text, *match.span())
    for match in list(_EQUALS.finditer(text)):
        is_given = "def" in match["over"] or "triangle" in match["rel"] or ":" in match["rel"]
        text = text[: match.start()] + (":=" if is_given else "=").rjust(len(match[0])) + text[match.end() :]
    at, ends = 0, braces(text)  # what is blanked below is whole pairs
    for _ in range(2000):
        match_ = _WRAPPERS.search(text, at)
        if match_ is None:
            break
        name, brace = match_[1], match_.end()
        end = ends.get(brace, -1)
        at = match_.end()
        if end < 0:
            continue
        if name in ("overline", "mathbf", "boldsymbol", "bm") and "=" not in text[brace:end]:
            continue
        if name in ("underbrace", "overbrace"):
            after = re.compile(r"\s*[_^]\s*\{").match(text, end + 1)
            if after:
                if (stop := ends.get(after.end() - 1, -1)) > 0:
                    text = blanked(text, end + 1, stop + 1)
        if name in ("fcolorbox", "colorbox"):
            continue
        text = blanked(text, match_.start(), match_.end())
        if "=" in text[brace + 1 : end] or name in ("boxed", "fbox", "Aboxed", "bbox"):
            text = blanked(blanked(text, brace, brace + 1), end, end + 1)
        at = match_.start()
    return text


def spelled(text: str) -> str:
    """The names of a formula as the grammar has them: a_{L-1}, \\hat{y}_i; the length is kept."""
    text = _SPOKEN_ACCENT.sub(lambda m: (m["d"] + m["letter"] + ACCENTS[m["accent"]]).ljust(len(m[0])), text)
    return _put(listed(limits_in_order(text)), _SPELLED)


def rows(manuscript: Manuscript | str) -> tuple[list[MathRow], list[Passage]]:
    """The rows of mathematics in order, and the pieces they came from."""
    found: list[MathRow] = []
    held = pieces(manuscript)
    words = ""
    for block, piece in enumerate(held):
        if piece.kind == "prose":
            words = piece.text
            continue
        for inner in map(cleaned, entry_cases(piece.text)):
            if piece.kind == "inline":
                found.append(MathRow(inner, piece.start, False, words, block))
                continue
            for start, end in _split_rows(inner):
                if inner[start:end].strip(" \n\t&"):
                    found.append(MathRow(inner[start:end], piece.start + start, True, words, block))
        if len(found) > MAX_ROWS:
            raise LimitError(f"the document has more than {MAX_ROWS} rows of mathematics")
        if piece.kind == "display":
            words = ""
    return found, held


_BREAK = re.compile(r"\\\\\*?(?:\[[^\]\n]{0,12}\])?")
_NESTING = re.compile(rf"(?P<end>{_BREAK.pattern})|(?P<up>\\begin|\{{)|(?P<down>\\end|\}})|\\.", re.DOTALL)


def _split_rows(text: str) -> list[tuple[int, int]]:
    """The spans between `\\\\` outside braces and matrices."""
    spans, start, depth = [], 0, 0
    for match in _NESTING.finditer(text):
        depth += (match["up"] is not None) - (match["down"] is not None)
        if match["end"] and depth <= 0:
            spans.append((start, match.start()))
            start = match.end()
    return [*spans, (start, len(text))]


_TEXT = re.compile(
    r"\\(?:text|mbox|textrm|textit|textnormal|mathrm|intertext|textbf|textsf)\s*\{((?:[^{}]|\{[^{}]*\})*)\}"
)
_NOT_WORDS = frozenset(
    "tr Tr trace diag Diag vec det log ln exp T d softmax sigmoid relu ReLU inv adj rank sign sgn sum mean op F fro "
    "logdet tanh sin cos".split()
)
_ARROWS = re.compile(
    r"\\(?:Rightarrow|Longrightarrow|implies|therefore|because|iff|Leftrightarrow|Longleftrightarrow|leadsto|"
    r"rightsquigarrow|rightarrow|longrightarrow|to|hookrightarrow|qquad|quad|hspace\s*\{[^}]*\})(?![A-Za-z])|[⇒∴∵⇔→⟹⟺]|=>|(?<!\\);"
)
_LOSS = re.compile(r"[A-Z][A-Za-z]{1,11}|loss|cost|error|risk")
_OPERATOR = re.compile(
    r"(?:\\nabla|∇|\\partial|∂|\bd|\\mathrm\{d\})\s*(?:_\s*(?:\{[^{}]*\}|\\?\w+)\s*)?(?:\^\s*2\s*)?$"
)
OVER = re.compile(  # min_{v, a} g(v, a) = …, and no index: max_i v_i
    r"[\s&]*\\m(?:in|ax)(?:\\limits)?\s*_\s*(?:\{(?P<of>(?:[^{}]|\{[^{}]*\})*)\}|(?P<one>\\[A-Za-z]+|[A-Za-z]))"
    r"(?![^=]*_\s*\{?\s*(?:(?P=one)|(?P=of))(?![A-Za-z]))"
)
_ENTRIES = re.compile(  # w = [w_1, …, w_n]ᵀ: how the entries are written
    r"[\s&]*(?:\\(?:mathbf|boldsymbol|bm|vec)(?![a-z])\s*)?\{?\s*(?P<name>\\?[A-Za-z]+)\s*\}?\s*:?=\s*(?:\\[a-zB]+\s*)?[\[(]"
    r"\s*(?P=name)\s*_\s*\{?\s*[01]\b[^=]*(?:\\[lc]?dots|…|\.\.+)[\s,;&\\]*(?P=name)\s*_[^=()\[\]]*[\])]"
    r"\s*(?:'|\^\s*(?:\{[^{}=]*\}|\\?\w+))?\s*(?:(?:\\in(?![a-z])|∈)[^=]*)?"
)
_CONNECTIVE = re.compile(r"[+\-−]|\\pm|\\cdot|\\times")


def statements(row: MathRow) -> list[tuple[str, int, bool]]:
    """The statements of a row: text, offset in the row, and whether words were cut off beside it."""
    text = row.text
    wordy = False
    marks: list[tuple[int, int]] = []
    for match in _TEXT.finditer(text):
        content = match[1].strip()
        if content in _NOT_WORDS or (len(content) <= 1 and content.isalpha()) or CONSTANT.fullmatch(match[0]):
            continue
        if match[0].startswith(("\\mathrm", "\\textbf")) and " " not in content:
            continue
        before = text[: match.start()].rstrip()
        if before.endswith(("_", "^", "_{", "^{")):
            continue
        if _LOSS.fullmatch(content) and (
            _depth(text[: match.start()]) > 0
            or _OPERATOR.search(text[: match.start()])
            or not text[: match.start()].strip(" \n\t&")
            and text[match.end() :].lstrip()[:1] in ("=", "(", "_", ":")
        ):
            continue  # the name of a loss
        if re.fullmatch(r"[A-Za-z]+\d*", content) and text[match.end() :].lstrip()[:1] in ("(", "_", "["):
            if content.lower() in ("where", "and", "or", "so", "with", "since", "as", "thus", "hence", "if", "for"):
                marks.append(match.span())
            continue
        wordy = True
        marks.append(match.span())
    for match in _ARROWS.finditer(text):
        if not any(a <= match.start() < b for a, b in marks) and _depth(text[: match.start()]) == 0:
            marks.append(match.span())
    for match in re.finditer(r"&\s*&", text):
        marks.append(match.span())
    for at in _outside(text, ","):
        marks.append((at, at + 1))
    marks.sort()
    found: list[tuple[str, int, bool]] = []
    start = 0
    for a, b in [*marks, (len(text), len(text))]:
        if a < start:
            continue
        piece = text[start:a]
        if "=" not in piece and (over := OVER.match(piece)) is not None:
            piece = blanked(piece, *over.span())
        stripped = piece.strip(" \n\t&,.~")
        if stripped and not _ENTRIES.fullmatch(stripped):
            if found and start and _CONNECTIVE.match(stripped) and "\\q" in text[: start + 1][-8:]:
                before_, at_, words_ = found[-1]
                gap = " " * (start - at_ - len(before_))
                found[-1] = (before_ + gap + piece, at_, words_)
            else:
                found.append((piece, start, wordy))
        start = b
    return found


_BRACKETS = {
    **dict.fromkeys(("{", "(", "[", "⟨", "\\{", "\\langle"), 1),
    **dict.fromkeys(("}", ")", "]", "⟩", "\\}", "\\rangle"), -1),
}
_SIGN = re.compile(r"\\(?:[lr]angle|.?)|[^\\]", re.DOTALL)  # a backslash and what it escapes are one sign
_ANGLES = re.compile(r"(?:^|[-+−=(,]|\\[ ,;:!])\s*(<[^<>=]*,[^<>=]*>)")  # no relation: nothing stands before it


def _depths(text: str) -> Iterator[tuple[int, str, int]]:
    """Each sign with where it stands, and how many brackets are open before it."""
    depth, inner = 0, {end: step for m in _ANGLES.finditer(text) for end, step in ((m.start(1), 1), (m.end(1) - 1, -1))}
    for match in _SIGN.finditer(text):
        yield match.start(), match[0], depth
        depth += _BRACKETS.get(match[0], 0) + inner.get(match.start(), 0)


def _depth(text: str) -> int:
    """How many brackets are open at the end."""
    return max(sum(_BRACKETS.get(sign, 0) for _, sign, _ in _depths(text)), 0)


def _outside(text: str, sign: str) -> list[int]:
    """Where a sign stands outside brackets."""
    return [at for at, found, depth in _depths(text) if found == sign and depth <= 0]


def equation_sides(text: str) -> tuple[list[tuple[int, int]], bool]:
    """The spans between equals signs outside brackets, and whether one of them defines."""
    defines = bool(_DEFINES.search(text))
    begins = {m.end() - 1: m.start() for m in _DEFINES.finditer(text)}
    begins |= {m.end() - 1: m.start() for m in _GETS.finditer(text)}
    plain = _GETS.sub(lambda m: "=".rjust(len(m[0])), _DEFINES.sub(lambda m: "=".rjust(len(m[0])), text))
    for match in _ORDERS.finditer(plain):  # = XᵀX + λ I ≽ 0
        if "=" in plain[: match.start()] and "=" not in plain[match.end() :]:
            plain = plain[: match.start()]
            break
    cuts = _outside(plain, "=")
    ends = [begins.get(cut, cut) for cut in cuts]
    return list(zip([0, *(cut + 1 for cut in cuts)], [*ends, len(plain)], strict=True)), defines
