"""What hangs on an operand: powers, transposes, norms' subscripts, windows of a matrix."""

from __future__ import annotations

import re
from fractions import Fraction

from .. import names
from .stacks import Node, Op, Stacks
from .tokens import Token, closing


def wrap(p: Stacks, op: str, token: Token) -> None:
    base = p.operands[-1]
    following = p.tokens[p.i] if p.i < len(p.tokens) else None
    if token.text == "ᵗ" and (base.op == "const" or "t" in p.known):
        raised_to_t(p, token, token.end)
        return
    if token.text in ("'", "′", "’") and base.op == "sym" and base.data == "σ":
        if following is not None and following.text == "(" and not following.spaced and base.data not in p.known:
            raise p.error(f"{base.data}′ is a derivative, which is not read here", (base.start, token.end))
    if token.text in ("″", "‴"):
        raise p.error(f"{token.text} marks a derivative, and {p.cut(base)} is no function", token)
    if op == "trans" and base.op == "num" and not base.paren and base.data in (1, 11):
        # 1ᵀ is the row of ones, 11ᵀ the matrix of ones
        ones = Node("ones", [], None, base.start, base.end)
        p.operands[-1] = Node("trans", [ones], None, base.start, token.end)
        if base.data == 11:
            first = Node("ones", [], None, base.start, base.end)
            p.operands[-1] = Node("prod", [first, p.operands[-1]], (" ",), base.start, token.end)
            p.operands[-1].paren = True
        return
    marks = ("'", "′", "’")
    if op == "trans" and base.op == "trans" and not base.paren and p.source[base.end - 1] in marks:
        if token.text not in marks and token.text not in ("''", "‴", "″"):
            raise p.error(
                f"{p.cut(base)} with a transpose behind it: the mark names another", (base.start, token.end),
                "give it a letter of its own",
            )  # fmt: skip
    p.operands[-1] = Node(op, [base], None, base.start, token.end)


def raised_to_t(p: Stacks, mark: Token, end: int, is_negative: bool = False) -> None:
    """Raise to t, which is the exponent of a number and marks the transpose of anything else."""
    base = p.operands.pop()
    op, exponent = "transpow", Node("sym", [], str(mark.value or "t"), *mark.span)
    if base.op == "const":  # no number is transposed
        op = "pow"
        exponent = Node("neg", [exponent], None, *mark.span) if is_negative else exponent
        is_followed = p.i < len(p.tokens) and p.tokens[p.i].kind in ("name", "open", "func")
        if exponent.data and exponent.data not in p.known and is_followed:
            shown = " ".join(p.source[base.start : end].split())
            p.readings.append(f"{shown} is read as the exponential of {exponent.data}")
    p.operands.append(Node(op, [base, exponent], None, base.start, end))


def power_check(p: Stacks, token: Token) -> None:
    base = p.operands[-1]
    if base.op in ("pow", "elpow") and not base.paren and base.data != "fpow":
        raise p.error("a power of a power is ambiguous", (base.start, token.end), "write (a^b)^c or a^(b^c)")


def refuse_label(p: Stacks, token: Token) -> None:
    """Refuse W^1 and θ^0: no power that anybody writes."""
    raised = p.operands[-1]
    if raised.op == "sym" and token.text in ("0", "1"):
        shown = p.cut(raised)
        raise p.error(
            f"{shown}^{token.text} is no power that anybody writes: {token.text} may be a label",
            (raised.start, token.end), f"write {shown}_{token.text}, as a name of its own",
        )  # fmt: skip


def refuse_open_power(p: Stacks, token: Token) -> None:
    """Refuse e^-w'x, of which the exponent may be -w or -w'x."""
    held = p.tokens[p.i + 1 : p.i + 3]
    if len(held) == 2 and held[0].kind == "name" and not held[1].spaced:
        if held[1].kind in ("trans", "name", "func", "low") or held[1].text in ("^", "("):
            raise p.error(
                f"{p.source[token.start - 1 : held[1].end]} may end its exponent early", (token.start - 1, held[1].end),
                "put the exponent in brackets, as in e^(-w'x)",
            )  # fmt: skip


def power(p: Stacks, token: Token) -> bool:
    tokens = p.tokens
    p.i += 1
    if p.i >= len(tokens):
        raise p.error("nothing follows the power sign", token)
    following = tokens[p.i]
    dotted = token.text == ".^"
    raised = p.operands[-1]
    if following.kind == "name" and following.text[1:2] == "_" and raised.op in ("sym", "norm"):
        shown, (letter, low) = p.cut(raised), following.text.split("_", 1)
        raise p.error(
            f"{shown}^{following.text} may be {shown}_{low}^{letter} or {shown}^({following.text})",
            (raised.start, following.end), "write one of these",
        )  # fmt: skip
    first = following if following.text != "{" or p.i + 2 >= len(tokens) else tokens[p.i + 1]
    is_alone = first is following or tokens[p.i + 2].text == "}"
    if is_alone and first.kind == "num" and not dotted:
        refuse_label(p, first)
    if following.text == "-" and raised.op == "const" and raised.data == "e":
        refuse_open_power(p, token)
    if not dotted and token.text != "**":
        special = superscript(p, token, following)
        if special is not None:
            return special
    power_check(p, following)
    base = p.operands.pop()
    p.ops.append(Op(99, "collect", "elpow" if dotted else "pow", token, (base, token.text), need=1))
    return True


def superscript(p: Stacks, token: Token, following: Token) -> bool | None:
    """A superscript that is no exponent: a transpose, an inverse transpose, a Hadamard power.

    Whether an operand is expected next; None if it is an exponent after all.
    """
    tokens = p.tokens
    if following.kind == "star" or (following.text == "*" and token.text == "^"):
        raise p.error(
            "conjugates and optima (^*) are not read: formulas are real", (token.start, following.end),
            "write ^T for a transpose, or give the symbol another name",
        )  # fmt: skip
    if following.text == "{" and p.i + 1 < len(tokens) and tokens[p.i + 1].text == "⊙":
        p.i += 2  # {\odot 2}: the rest of the group is the exponent
        base = p.operands.pop()
        p.ops.append(Op(99, "collect", "elpow", token, (base, ".^"), need=1))
        p.open(following, "group")
        return True
    held = [following]
    end = p.i + 1
    if following.text in ("{", "("):
        end = closing(tokens[: p.i + 6], p.i) + 1
        if end > min(len(tokens), p.i + 6):
            return None
        held = tokens[p.i + 1 : end - 1]
    if [t.text for t in held] == ["+"] and not (held[0] is following and [t.kind for t in tokens[end:][:1]] == ["num"]):
        hint = "write (AᵀA)⁻¹ Aᵀ for full column rank"
        raise p.error("a pseudo-inverse is not read", (token.start, tokens[end - 1].end), hint)
    minus = len(held) == 2 and held[0].text == "-"
    mark = held[1] if minus else held[0] if len(held) == 1 else None
    if mark is not None and mark.kind == "star":
        raise p.error("conjugates are not read: formulas are real", (token.start, held[-1].end))
    if mark is not None and mark.kind == "name" and mark.value == "H" and "H" not in p.known:
        raise p.error("conjugate transposes are not read: formulas are real", (token.start, mark.end), "write ^T")
    is_transpose = mark is not None and mark.kind == "name" and mark.value in ("T", "t") and not counts(p, mark.value)
    is_number = p.operands[-1].op == "const"
    if is_transpose and is_number and minus:
        return None  # e⁻ᵗ
    if mark is not None and (mark.kind == "trans" or is_transpose):
        p.i = end
        if mark.kind == "name" and (is_number or mark.value in p.known) and not minus:
            raised_to_t(p, mark, tokens[end - 1].end)
            return False
        if minus:
            wrap(p, "inv", tokens[end - 1])
        wrap(p, "trans", tokens[end - 1])
        return False
    if len(held) == 1 and held[0].text == "*":
        raise p.error("conjugates and optima (^*) are not read: formulas are real", (token.start, held[0].end))
    return None


def counts(p: Stacks, letter: str) -> bool:
    """Whether a sum around runs over the letter: then γ^t is a power."""
    return any(op.text == "sigma" and letter in op.data[0].names for op in p.ops if op.kind == "prefix")


def limit(p: Stacks) -> tuple[Token, list[Token]]:
    """The tokens of a sub- or superscript at `i`, which they leave behind."""
    sign = p.tokens[p.i]
    p.i += 1
    if p.i >= len(p.tokens):
        raise p.error("a limit of the sum is missing", sign)
    first = p.tokens[p.i]
    if first.text != "{":
        p.i += 1
        following = p.tokens[p.i] if p.i < len(p.tokens) else first
        is_pair = first.kind == following.kind == "name" and following.start == first.end and "\\" not in p.source
        if is_pair and sign.text == "_" and {first.text, following.text} <= set("ijklmnst"):  # (U V')_ij
            p.i += 1
            return sign, [first, following]
        return sign, [first]
    depth, start = 0, p.i
    while p.i < len(p.tokens):
        t = p.tokens[p.i]
        depth += (t.text == "{") - (t.text == "}")
        p.i += 1
        if not depth:
            return sign, p.tokens[start + 1 : p.i - 1]
    raise p.error("{ is not closed", first)


def subscript(p: Stacks, token: Token) -> None:
    tokens = p.tokens
    if p.i >= len(tokens):
        raise p.error("a subscript is missing", token)
    first = tokens[p.i]
    if first.text == "+":
        p.i += 1
        base = p.operands.pop()
        p.operands.append(Node("call", [base], "relu", base.start, first.end))
        return
    p.i -= 1
    _, held = norm_word(p, first) or limit(p)
    if not held:
        raise p.error("a subscript is empty", (first.start, p.tokens[p.i - 1].end))
    norm_subscript(p, held, first)


def norm_subscript(p: Stacks, held: list[Token], first: Token) -> None:
    node = p.operands[-1]
    outer = node
    if node.op == "pow" and not node.paren and node.args[0].op in ("norm", "bars"):
        node = node.args[0]
    if node.op == "bars" and len(held) == 1 and held[0].text in ("1", "2", "F"):  # |x|_1
        node.op, node.data = "norm", "2"
    if outer.op == "inner" and len(held) == 1 and held[0].value == "F":
        outer.end = held[0].end
        return
    if node.op != "norm" or node.paren:
        entry(p, outer, held, first)
        return
    shown = [str(t.value) if t.kind == "name" else t.text for t in held]
    words = "".join(shown)
    words = _NORM_WORDS.get(words, re.sub(r"^ℓ_", "", words))
    kind = words if words in ("1", "2", "F", "*", "op") else None
    if kind is None and words.isdigit() and int(words) > 2:
        order = Node("num", [], Fraction(words), held[0].start, held[-1].end)
        node.op, node.args = "call", [node.args[0], order]
        kind = "norm"
    if words in ("∞", "max"):
        node.op, kind = "call", "norm_inf" if words == "∞" else "norm_max"
    if kind is None and (weight := metric(p, held)) is not None:
        node.op, node.args = "call", [node.args[0], weight]
        kind = "weighted_norm"
    if kind is None:
        if words in ("p", "q", "0"):
            hint = "known: ‖x‖, ‖x‖₁, ‖x‖₃, ‖x‖_∞, ‖X‖_F, ‖X‖_*, ‖X‖_op"
            if words in ("p", "q"):
                hint += f"; with a letter: sum(abs(x).^{words})^(1/{words})"
            raise p.error(f"the {words}-norm is not read", (node.start, held[-1].end), hint)
        if "," in words:
            raise p.error(
                f"the {words}-norm may be of rows or of columns", (node.start, held[-1].end),
                "for rows write sum(norm(W, axis=1))",
            )  # fmt: skip
        if len(held) > 1 or first.kind != "name" or "cal" in first.text:
            hint = "known: ‖x‖, ‖x‖₁, ‖x‖₃, ‖x‖_∞, ‖X‖_F, ‖X‖_*, ‖X‖_op, ‖X‖_max"
            raise p.error(f"the norm with {p.text_of(held)} below is not read", (node.start, held[-1].end), hint)
        raise p.error(
            f"a norm weighted by {words} is not read", (node.start, held[-1].end),
            f"write xᵀ {words} x for its square, or xᵀ {words}⁻¹ x where {words} is a covariance",
        )  # fmt: skip
    node.data = kind
    outer.end = max(outer.end, held[-1].end)
    node.end = max(node.end, held[-1].end)


# What stands below the bars of a norm, as words.
_NORM_WORDS = {
    "2F": "F", "nuc": "*", "tr": "*", "sp": "op", "spec": "op", "inf": "∞", "infty": "∞", "fro": "F", "Fro": "F",
    "HS": "F", "⋆": "*",
}  # fmt: skip
_NORM_WORD = re.compile(r"(?:infty|inf|max|[fF]ro|nuc|op|spec|sp|tr)(?![A-Za-z0-9])")


def norm_word(p: Stacks, first: Token) -> tuple[Token, list[Token]] | None:
    """The word of `‖X‖_fro`, which needs no braces."""
    found = _NORM_WORD.match(p.source, first.start)
    sign, node = p.tokens[p.i], p.operands[-1]
    if found is None or node.paren or (node.args[0] if node.op == "pow" else node).op != "norm":
        return None
    p.i += 1
    while p.i < len(p.tokens) and p.tokens[p.i].start < found.end():
        p.i += 1
    return sign, [Token("name", found[0], *found.span(), found[0])]


_METRICS = frozenset("ABDGMPQSW")  # letters of weights; a covariance or a space bears others


def metric(p: Stacks, held: list[Token]) -> Node | None:
    """The matrix of ‖x‖_W and of ‖x‖_{Σ^{-1}}, where the subscript tells that it is one and which."""
    first, rest = held[0], "".join(t.text for t in held[1:])
    letter = str(first.value)
    if first.kind != "name" or not letter.isalpha() or not letter[0].isupper() or "cal" in first.text:
        return None
    is_inverse = rest in ("^{-1}", "^{−1}", "⁻¹")
    if not is_inverse and (rest or letter not in _METRICS):
        return None
    node = Node("sym", [], letter, *first.span)
    shown = names.text(letter) + ("⁻¹" if is_inverse else "")
    reading = f"the norm with {shown} below is read as that with ‖x‖² = xᵀ {shown} x"
    if reading not in p.readings:
        p.readings.append(reading)
    return Node("inv", [node], None, first.start, held[-1].end) if is_inverse else node


def entry(p: Stacks, outer: Node, held: list[Token], first: Token) -> None:
    """`(A x)_i`, `(X W)_{ij}`, `(A x)_1`: entries of what is no name."""
    span = (outer.start, p.tokens[p.i - 1].end)
    indices: list[str] = []
    is_label = len(names.parts(str(first.value))[2]) == 1
    for t in held:
        if t.kind == "name" and (str(t.value).isalpha() or is_label and len(held) == 1):
            indices += [str(t.value)] if is_label else list(str(t.value))
        elif t.kind == "num" and t.value.denominator == 1 and t.value > 0:
            indices += [t.text] if len(held) != 1 or len(t.text) != 2 else list(t.text)
        elif t.kind == "low":
            indices += list(t.text)
        elif t.text != ",":
            raise p.error("this subscript is not read", span, "indices are letters and numbers, as in (A x)_i")
    if not indices or len(indices) > 2:
        raise p.error("an entry has one index or two", span)
    p.operands[-1] = Node("at", [outer], tuple(indices), *span)


def bracketed(p: Stacks) -> bool:
    """Read `M[1, 2]`, `x[0]`, `A[:, j]`, entries counted from 0; whether that is what follows."""
    parts: list[str] = []
    for i in range(p.i + 1, min(len(p.tokens), p.i + 6)):
        t = p.tokens[i]
        if t.text == "]" and parts and len(parts) <= 2 and any(p != ":" for p in parts):
            base = p.operands.pop()
            data = tuple(str(int(p) + 1) if p.isdigit() else p for p in parts)
            at = Node("at", [base], data, base.start, t.end)
            p.operands.append(at)
            p.i = i + 1
            counted = ", ".join(d for d in data if d.isdigit())
            if counted:
                p.readings.append(f"{p.cut(at)} is read as counted from 0: number {counted} of {p.cut(base)}")
            return True
        if t.kind == "name" and str(t.value) in tuple("ijklmnt") or t.text == ":" or t.text.isdecimal():
            if len(parts) * 2 != i - p.i - 1:
                return False
            parts.append(t.text)
        elif t.text != "," or not parts:
            return False
    return False


def index_follows(p: Stacks) -> bool:
    depth = colons = 0
    for t in p.tokens[p.i : p.i + 60]:
        depth += (t.kind == "open" and t.text == "[") - (t.kind == "close" and t.text == "]")
        if not depth:
            return colons > 0
        colons += t.text == ":"
    return False


def submatrix(p: Stacks, token: Token) -> None:
    end = p.i
    while p.tokens[end].text != "]":
        end += 1
    inside = p.source[token.end : p.tokens[end].start].replace("{:}", ":")
    ranges = []
    for part in inside.split(","):
        low, colon, high = part.partition(":")
        if not colon:
            raise p.error("a window is A[first:last, first:last]", (token.start, p.tokens[end].end))
        span = (token.start, p.tokens[end].end)
        ranges += [p.dimension(low, span), p.dimension(high, span)]
    if len(ranges) != 4:
        raise p.error("a window is A[first:last, first:last]", (token.start, p.tokens[end].end))
    base = p.operands.pop()
    data = (ranges[0], ranges[1] - ranges[0], ranges[2], ranges[3] - ranges[2])
    p.i = end + 1
    p.operands.append(Node("submatrix", [base], data, base.start, p.tokens[end].end))
