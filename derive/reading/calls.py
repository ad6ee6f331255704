"""Functions, roots, sums and constants with sizes."""

from __future__ import annotations

from collections.abc import Set
from fractions import Fraction

from .. import names
from ..shapes import Dim
from . import scripts
from .capitals import is_transposed
from .stacks import CONSTANT_CALLS, PREFIX, Bounds, Node, Op, Stacks, nodes_below
from .tokens import Span, Token, closing, exponent, parted
from .vocabulary import ELEMENTWISE, OF_ROWS, PER_ROW

RELATIONS = frozenset("=<>≤≥≠∈")


def _letters(name: str) -> list[str]:
    """The indices that a name below Σ stands for: `ij` is i and j."""
    return list(name) if len(name) == 2 and name.isascii() and name.isalpha() else [name]


DETERMINANTS = frozenset(("det", "logdet"))  # of a product with a number as a factor they are other functions of it


def function(p: Stacks, token: Token) -> bool:
    name = token.text
    following = p.tokens[p.i] if p.i < len(p.tokens) else None
    if name in CONSTANT_CALLS and (following is None or following.text != "("):
        if name == "eye" and following is not None and following.text == "_":
            raise p.error("write I_n for the identity of size n", following)
        if name in ("eye", "ones", "zeros"):
            return p.done(Node("zero" if name == "zeros" else name, [], None, token.start, token.end))
        raise p.error(f"{name} needs its entry, as in {name}(1)", token)
    if name == "sum" and following is not None and (following.text == "_" or is_over_entries(p, following)):
        return sigma(p, token)
    if name in ("max", "min") and following is not None and following.text == "_" and not axis_follows(p):
        return sigma(p, token)
    exponent: int | None = None
    if following is not None and (following.kind == "sup" or following.text == "^"):
        exponent, following = function_power(p, token, following)
    if following is not None and following.text == "_" and name in PER_ROW | OF_ROWS:
        name = f"{name}_{axis(p, following)}"
        base, following = None, p.tokens[p.i] if p.i < len(p.tokens) else None
    elif following is not None and following.text == "_":
        base = log_base(p, token, name)
        following = p.tokens[p.i] if p.i < len(p.tokens) else None
    else:
        base = token.value
    data = (name, exponent, base, token.start)
    if name == "sum" and following is not None and following.text == "(" and following.spaced and raised_behind(p):
        raise p.error("this power may be of the sum, or of what is summed", token, "write sum((…)^2), or (sum(…))^2")
    if following is not None and following.kind == "open" and following.text in ("(", "[", "{", "\\{"):
        is_loose = "call" in p.loose and name in ("tr", "det", "logdet") and not comma_inside(p)
        if not is_loose and not ("turned" in p.loose and name == "tr" and turned_behind(p)):
            if name in ("tr", "det", "logdet"):
                end_function(p, of=DETERMINANTS)
            p.i += 1
            p.open(following, data)
            return True
    if following is not None and following.kind == "name" and following.braced:
        p.ops.append(Op(99, "collect", "apply", token, data, need=1))
        return True
    end_function(p)
    p.ops.append(Op(PREFIX, "prefix", "call", token, (name, exponent, base, len(p.operands))))
    return True


def apply_mapped(p: Stacks) -> None:
    """sum(abs2(r)) for the sum(abs2, r) of Julia."""
    for i in range(len(p.tokens) - 4, -1, -1):
        total, mark, inner, comma = p.tokens[i : i + 4]
        if total.text in ("sum", "mean") and mark.text == "(" and comma.text == "," and inner.text in ELEMENTWISE:
            end = min(closing(p.tokens, i + 1), len(p.tokens) - 1)
            p.tokens[i + 3] = Token("open", "(", *comma.span)
            p.tokens.insert(end, Token("close", ")", *p.tokens[end].span))


def is_over_entries(p: Stacks, following: Token) -> bool:
    """Whether `sum w_i^2` or `sum (y_i - x_i)^2` begins here: its operand has an index."""
    if following.text == "(" and not (following.spaced and raised_behind(p)):
        return False
    for t in p.tokens[p.i :]:
        if t.kind == "name":
            low = names.parts(str(t.value))[2]
            if low and t.value not in p.known and low[-1] in tuple("ijklmnst"):
                return True
        if t.kind != "name" and t.text != "(":
            return False
    return False


def end_function(p: Stacks, total: Token | None = None, of: Set[str] = ELEMENTWISE | DETERMINANTS) -> None:
    """A function `of` some ends where the next function, a norm or a sum begins: log x log y, det A tr(B), log θ ∑ x_i.

    But log 1/n ∑ exp(x_i) is that of the mean.
    """
    for op in reversed(p.ops):
        if op.kind == "prefix" and op.text == "call":
            is_full = len(p.operands) > op.data[3]
            if is_full and op.data[0] in of:
                held = p.operands[op.data[3] :]
                below = held[0].args[1:] if held[0].op == "div" else held[1:]
                first = held[0].args[0] if held[0].op == "div" else held[0]
                if total is None or first.op != "num" or not below:
                    end_prefix(p, op)
                    if total is not None and first.op == "sym":
                        p.readings.append(f"{p.source[op.token.start : held[-1].end]} is read as a factor of the sum")
                elif any(str(n.data)[0] > "z" for n in nodes_below(below) if n.op == "sym"):
                    span = (op.token.start, total.end)
                    why = f"may be the {op.data[0]} of a mean, or a factor of a sum"
                    raise p.error(f"{p.source[slice(*span)]} {why}", span, "put what it is of in brackets")
            break
        if op.kind in ("open", "bar") or (op.kind == "infix" and op.level <= PREFIX):
            break


def axis(p: Stacks, at: Token) -> str:
    r"""The axis in a subscript: `\operatorname{softmax}_{\mathrm{row}}`."""
    following = p.tokens[p.i + 1] if p.i + 1 < len(p.tokens) else at
    word = str(following.value or following.text)
    if word not in ("row", "col", "rows", "cols", "columns"):
        raise p.error("a subscript of a function is row or col", at)
    p.i += 2
    return word[:3]


def axis_follows(p: Stacks) -> bool:
    """Whether the subscript here is row or col."""
    return any(str(t.value or t.text)[:3] in ("row", "col") for t in p.tokens[p.i + 1 : p.i + 3])


def end_prefix(p: Stacks, op: Op) -> None:
    """Close the function `op` before the product sign on top of the stack, so that log x log y is a product."""
    sign = p.ops.pop()
    if sign is op or sign.kind != "infix":
        p.ops.append(sign)
        return
    while p.ops[-1] is not op:
        p.reduce(p.ops[-1].level - 1, once=True)
    p.reduce(PREFIX - 1, once=True)
    p.ops.append(sign)


def raised_behind(p: Stacks) -> bool:
    """Whether a power follows the bracket that opens here."""
    behind = p.tokens[closing(p.tokens, p.i) + 1 :][:1]
    return bool(behind) and (behind[0].text == "^" or behind[0].kind == "sup")


def turned_behind(p: Stacks) -> bool:
    """Whether a mark of transposition stands behind the bracket that opens here: of tr(dX)ᵀA, dX is turned."""
    return is_transposed(p.tokens[closing(p.tokens, p.i) + 1 :][:3])


def comma_inside(p: Stacks, reach: int | None = None) -> bool:
    """Whether the bracket that opens here has a comma of its own, among the next tokens."""
    depth = 0
    for t in p.tokens[p.i : None if reach is None else p.i + reach]:
        depth += (t.kind == "open") - (t.kind == "close")
        if t.text == "," and depth == 1:
            return True
        if not depth:
            break
    return False


def inner_follows(p: Stacks) -> bool:
    """Whether the < here opens ⟨a, b⟩: a comma and a > of its own follow."""
    depth, commas = 0, 0
    for t in p.tokens[p.i + 1 : p.i + 60]:
        depth += (t.kind == "open") - (t.kind == "close")
        if depth < 0 or t.text == "<":
            return False
        commas += t.text == "," and not depth
        if t.text == ">" and not depth:
            return commas == 1
    return False


def function_power(p: Stacks, token: Token, following: Token) -> tuple[int, Token | None]:
    r"""`\log^2(x)`: the exponent, and the token after it."""
    said, p.i = exponent(p.tokens, p.i)
    if not said or said == "0":
        raise p.error(
            f"this power of {token.text} can mean its inverse or its reciprocal", (token.start, following.end),
            f"write {token.text}(…)^k, or the name of the inverse function",
        )  # fmt: skip
    return int(said), p.tokens[p.i] if p.i < len(p.tokens) else None


def log_base(p: Stacks, token: Token, name: str) -> Fraction:
    held = p.tokens[p.i + 1 : p.i + 4]
    if name == "log" and held and held[0].kind == "num":
        p.i += 2
        return Fraction(held[0].value)
    if name == "log" and len(held) == 3 and held[0].text == "{" and held[1].kind == "num" and held[2].text == "}":
        p.i += 4
        return Fraction(held[1].value)
    raise p.error(f"a subscript of {token.text} is not read", p.tokens[p.i])


def root(p: Stacks, token: Token) -> bool:
    following = p.tokens[p.i] if p.i < len(p.tokens) else None
    degree = Fraction(2)
    if following is not None and following.text == "[" and token.text == "sqrt":
        held = p.tokens[p.i + 1 : p.i + 3]
        if len(held) != 2 or held[0].kind != "num" or held[1].text != "]" or not held[0].value:
            raise p.error("the degree of a root is a number", following)
        degree = Fraction(held[0].value)
        p.i += 3
    p.enter(Op(99, "collect", "sqrt", token, degree, need=1))
    return True


def sigma(p: Stacks, token: Token) -> bool:
    r"""`\sum_{i=1}^{n}` and what it sums over."""
    end_function(p, token)
    bounds = Bounds(token.text)
    upper: Dim | None = None
    has_lower = isinstance(token.value, str)  # sum_i
    bounds.names += _letters(token.value) if has_lower else []
    while p.i < len(p.tokens):
        t = p.tokens[p.i]
        if t.text == "_" and not has_lower:
            has_lower = True
            _, held = scripts.limit(p)
            if not held:
                raise p.error("the index of the sum is missing", t)
            what_stands_below(p, bounds, held)
        elif t.kind == "low" and not has_lower:
            has_lower = True
            indices, _, begin = t.text.partition("=")
            bounds.names += list(indices)
            bounds.lower |= dict.fromkeys(indices, p.dimension(begin, t.span)) if begin else {}
            p.i += 1
            has_lower = not (p.tokens[p.i : p.i + 1] and p.tokens[p.i].text == ",")  # ∑ᵢ,ⱼ
            p.i += not has_lower
        elif t.text == "^" and upper is None:
            _, held = scripts.limit(p)
            if held:
                upper = p.dimension(p.text_of(held), token.span)
        elif t.kind == "sup" and upper is None:
            upper = p.dimension(str(t.text), token.span)
            p.i += 1
        else:
            break
    if upper is not None:
        bounds.upper = dict.fromkeys(bounds.names, upper) | bounds.upper
    end = p.tokens[p.i - 1].end
    p.ops.append(Op(PREFIX, "prefix", "sigma", token, (bounds, None, end, len(p.operands))))
    return True


def what_stands_below(p: Stacks, bounds: Bounds, held: list[Token]) -> None:
    """What stands below Σ: indices, where they begin, and conditions, parted by commas."""
    parts = parted(held, ",")
    for part, after in zip(parts, [*parts[1:], []]):
        at = next((i for i, t in enumerate(after) if t.text == "∈"), 0)
        if at and part and all(t.kind == "name" for t in [*part, *after[:at]]):  # i, j ∈ S
            first, other, where = p.text_of(part), p.text_of(after[:at]), p.text_of(after[at + 1 :])
            raise p.error(
                f"{first}, {other} ∈ {where} may say that both belong to {where}, or that the pair does",
                (part[0].start, after[-1].end),
                f"write {first} ∈ {where}, {other} ∈ {where}, or ({first}, {other}) ∈ {where}",
            )  # fmt: skip
        part_below(p, bounds, part)


def part_below(p: Stacks, bounds: Bounds, part: list[Token]) -> None:
    """One part of it: `ij`, `i = 1`, `1 ≤ i < j ≤ n`, `i ≠ j`, `i ∈ S`, `(i, j) ∈ E`."""
    if not part:
        raise p.error("the index of the sum is missing", p.tokens[p.i - 1])
    span = (part[0].start, part[-1].end)
    signs = [t for t in part if t.text in RELATIONS]
    if not signs:
        for t in part:
            if t.kind != "name":
                raise p.error("this index of a sum is not read", span, "neighbors are pairs of a set: (i, j) ∈ E")
            bounds.names += _letters(str(t.value))
        return
    cuts = [i for i, t in enumerate(part) if t.text in RELATIONS]
    sides = [part[i:j] for i, j in zip([0, *(i + 1 for i in cuts)], [*cuts, len(part)])]
    if any(not side for side in sides):
        raise p.error("this index of a sum is not read", span)
    if signs[0].text == "∈":
        if len(signs) > 1:
            raise p.error("this index of a sum is not read", span)
        membership(p, bounds, sides[0], sides[1], span)
        return
    if signs[0].text == "=":
        names = [name for t in sides[0] for name in _letters(str(t.value)) if t.kind == "name"]
        if len(signs) > 1 or len(names) != sum(len(_letters(str(t.value))) for t in sides[0]) or not names:
            raise p.error("this index of a sum is not read", span)
        lower = p.dimension(p.text_of(sides[1]), span)
        bounds.names += names
        bounds.lower |= dict.fromkeys(names, lower)
        return
    found = [_letters(str(s[0].value)) if len(s) == 1 and s[0].kind == "name" else [] for s in sides]
    is_index = [len(f) == 1 and (0 < k < len(found) - 1 or len(found) == 2) for k, f in enumerate(found)]
    if len(found) > 2 and not (sides[0][0].kind == "num"):
        is_index[0] = len(found[0]) == 1
    if len(found) == 2 and signs[0].text in ("≤", "≥") and not all(len(f) == 1 for f in found):
        is_index = [len(f) == 1 for f in found]
    for k, sign in enumerate(signs):
        left, right = sides[k], sides[k + 1]
        relation, (a, b) = sign.text, (k, k + 1)
        if relation in (">", "≥"):
            relation, left, right, a, b = "<" if relation == ">" else "≤", right, left, b, a
        if is_index[a] and is_index[b]:
            bounds.conditions.append((relation, (found[a][0], found[b][0])))
        elif is_index[b] and relation in ("<", "≤"):
            lower = p.dimension(p.text_of(left), span)
            bounds.lower[found[b][0]] = lower if relation == "≤" else lower + 1
        elif is_index[a] and relation in ("<", "≤"):
            upper = p.dimension(p.text_of(right), span)
            bounds.upper[found[a][0]] = upper if relation == "≤" else upper - 1
        else:
            raise p.error("this condition on an index is not read", span)


def membership(p: Stacks, bounds: Bounds, left: list[Token], right: list[Token], span: Span) -> None:
    """`i ∈ S`, `(i, j) ∈ E`, `j ∈ N(i)`, `i ∈ C_k`, `l ∈ R(t_i)`."""
    indices = [n for t in left if t.kind == "name" for n in _letters(str(t.value))]
    if not indices or right[0].kind != "name":
        raise p.error("a sum over this set is not read", span, "name the set by a letter, as in i ∈ S")
    base, accents, low = names.parts(str(right[0].value))
    inside: list[str] = []
    if len(right) > 1:
        if right[1].text != "(" or right[-1].text != ")":
            raise p.error("a sum over this set is not read", span, "name the set by a letter, as in i ∈ S")
        for t in right[2:-1]:
            if t.kind == "name" and "_" in str(t.value):
                raise p.error(f"a set that depends on {t.text} is not read", span, "name the set by its index")
            if t.kind == "name":
                inside.append(str(t.value))
    elif low and low[-1].isalpha() and len(low[-1]) == 1:
        inside, low = [low[-1]], low[:-1]
    bounds.conditions.append(("∈", tuple(indices), names.join(base, accents, low), tuple(inside)))


def commutation_follows(p: Stacks) -> bool:
    i = p.i
    return i < len(p.tokens) and p.tokens[i].text == "(" and not p.tokens[i].spaced and comma_inside(p, 40)


def commutation(p: Stacks, token: Token) -> Node:
    end = closing(p.tokens, p.i)
    if end == len(p.tokens):
        raise p.error("( is not closed", p.tokens[p.i])
    inside = p.source[p.tokens[p.i].end : p.tokens[end].start]
    at = p.tokens[p.i].end
    dims = tuple(p.dimension(part, (at, at + len(inside))) for part in inside.split(","))
    if len(dims) != 2:
        raise p.error("the commutation matrix K(m, n) has two sizes", (token.start, p.tokens[end].end))
    p.i = end + 1
    return Node("commutation", [], dims, token.start, p.tokens[end].end)
