"""What people usually mean: the habits of letters, and what a formula's use of a letter says.

a to g and lowercase Greek are scalars, h to z vectors, capitals matrices, bold lowercase vectors.
How a symbol is used (right of a matrix, in a norm, under a fraction) makes some kinds dearer;
`kinds` looks for the cheapest assignment that fits.
"""

from __future__ import annotations

from collections.abc import Collection, Set

from .. import names
from ..errors import ShapeError
from ..shapes import ONE, Dim
from .kinds import BITS, DOT, OVER, PLAIN, STEP, SWAP, is_exponential, kind_of
from .shaping import Shaper, Symbol
from .signatures import C, M, R, S, kinds_of
from .sizes import SCALAR_SIZE, Size
from .stacks import Node, nodes_below

DIVISORS = frozenset("ijklmnN")
SQUARE = "the square of a letter"


def habit(name: str, style: str, uses: Set[str]) -> list[float]:
    """What each kind of the symbol would cost, scalar, column, row, matrix: 0 for the usual one."""
    base = name.split("_")[0]
    first = base[0]
    if first == "d" and len(base) == 2:
        first = base[1]
    if first.isupper():
        costs = [3.0, 2.0, 99.0, 0.0]
    elif style in ("bold", "vec"):
        costs = [2.0, 0.0, 99.0, 5.0]
    elif "a" <= first <= "g" or "α" <= first <= "ω" or first == "ℓ":
        costs = [0.0, 0.6 if first <= "g" else 0.7, 99.0, 5.0]  # of α g, g is the vector
    elif first in "ijklmn":
        costs = [0.5, 0.0, 99.0, 5.0]
    elif first in "ts":
        costs = [0.8, 0.0, 99.0, 5.0]
    else:
        costs = [1.0, 0.0, 99.0, 5.0]
    if "divides" in uses or "numbered" in uses and not first.isupper():
        costs = [0.0, 4.0, 99.0, 4.0]
    if "over" in uses and first.isupper():  # P/σ² before H Hᵀ
        costs[3] += 4.0
    if "transposed" in uses:
        costs[0] += 5.0
    if "follows" in uses:  # stands right of a matrix or vector, where scalars are not written
        costs[0] += 3.5
    if "starred" in uses:
        costs[0] += 2.0
    if "precedes" in uses and costs[0] >= 1.0 and costs[1] == 0.0:  # x A with x a vector by habit: a row, not a scalar
        costs[0] += 4.0
        costs[2] = 2.0
    elif "rows" in uses and costs[3] > 0:  # another symbol may be a row, and this one with it
        costs[2] = costs[1] + 2.0
    if "led" in uses and first.isupper():  # a vector stands on its left
        costs[0] += 4.0
        costs[1] += 2.0
    if "scales" in uses and costs[0] < 1.0:
        costs[0], costs[1] = 0.0, max(costs[1], 2.0)
    if "entrywise" in uses:
        costs[0] += 4.0
    if "measured" in uses:  # in a norm, a sum of entries, diag
        costs[0] += 2.0
    if "powered" in uses and not (
        "below" in uses and first.isupper()
    ):  # a matrix is squared and a capital letter no number that has a root
        costs[3 if first.islower() else 0] += 5.0 if first.islower() else 2.0
    if "traced" in uses:  # alone in a trace or a determinant
        costs[0] += 4.0
        costs[3] = min(costs[3], 3.0)
    return costs


def are_coordinates(one: Node, other: Node) -> bool:
    """Whether they are x₁ and x₂ or m₁ and m₂: their product is that of numbers, as columns have none."""
    if one.op != "sym" or other.op != "sym":
        return False
    (base, accents, low), (another, marks, below) = names.parts(str(one.data)), names.parts(str(other.data))
    is_numbered = len(low) == len(below) == 1 and all(piece.isdigit() for piece in (*low, *below))
    return (base, accents) == (another, marks) and low != below and is_numbered


def may_be_row(name: str, style: str, uses: set[str]) -> bool:
    """Whether a symbol may be a row: a vector by habit that stands left of a matrix."""
    return habit(name, style, uses)[2] < 99.0


def leaning(node: Node, args: list[int]) -> int:
    """The kind of a part whose operands have the kinds `args`; a matrix where they do not fit."""
    op = node.op
    if op in ("eye", "onesm", "commutation", "block", "submatrix"):
        return M
    if op in ("ones", "unit"):
        return C
    if op in ("trans", "transpow"):
        return SWAP[args[0]]
    if op == "prod":
        state = args[0].bit_length() - 1
        for kind, sign in zip(args[1:], node.data):
            after = STEP[{"·": DOT, "/": OVER}.get(sign, PLAIN)][state][kind.bit_length() - 1]
            state = after if after >= 0 else state
        return BITS[state & 3]
    if op == "kron":
        return next((result for left, right, result in kinds_of("kron") if (left, right) == (args[0], args[1])), M)
    if op == "call" and len(args) == 1 and kinds_of(node.data):
        return next((result for operand, result in kinds_of(node.data) if operand == args[0]), S)
    if op == "call" and node.data in ("dot", "inner") or op in ("norm", "inner", "bars", "num", "const", "dim"):
        return S
    if op == "call" and node.data in ("outer", "block_inner", "block_sum"):
        return M
    if op == "pow" and node.args[1].op != "num" and [arg.op for arg in node.args[1].args] != ["num"]:  # (1 + r)^t
        return S
    if op == "sum" and any((arg.args[0] if arg.op == "neg" else arg).op in ("norm", "inner") for arg in node.args):
        return S
    return max((kind for kind in args), default=S)


def note_uses(order: list[Node], symbols: dict[str, Symbol]) -> None:
    def use(node: Node, word: str) -> None:
        """Of a symbol, or of the terms of a sum: they are of one kind."""
        stack = [node]
        while stack:
            at = stack.pop()
            if at.op == "sym":
                symbols[at.data].uses.add(word)
            elif at.op in ("sum", "neg") and word in ("precedes", "follows", "led"):
                stack += at.args
            elif at.op in ("trans", "inv", "pow") and word == "led":
                stack.append(at.args[0])

    counted: dict[int, int] = {}
    leaning = leanings(order, symbols)
    below = {id(node.args[1]) for node in order if node.op == "div"}
    for node in order:
        op = node.op
        if id(node) in below and op == "prod" and "/" not in node.data and all(a.op == "sym" for a in node.args):
            continue  # the N₀ M of P/(N₀ M)
        if op == "pow" and is_exponential(node) or op == "call" and node.data == "exp":
            inside = node.args[-1]
            while inside.op in ("neg", "div"):
                inside = inside.args[0]
            if any(factor.op == "norm" for arg in inside.args for factor in (arg, *arg.args[:1])):
                for factor in inside.args if inside.op == "prod" else ():  # the t of e^{-t ‖x‖²}
                    use(factor, "scales")
        if op == "trans":
            use(node.args[0], "transposed")
        elif op in ("pow", "fpow"):
            use(node.args[0], "powered")
            if node.args[0].op == "sum":
                for term in node.args[0].args:
                    for factor in term.args if term.op == "prod" and len(term.args) > 1 else ():
                        if factor.op == "sym" and leaning[id(factor)] == M:
                            use(factor, "powered")
        elif op == "call" and node.data in ("tr", "det", "logdet", "inv"):
            inside = node.args[0]
            while inside.op in ("pow", "trans", "inv", "neg"):
                inside = inside.args[0]
            use(inside, "traced")
        elif op in ("norm", "inner") or (op == "call" and node.data in ("sum", "mean", "diag", "norm1", "dot", "norm")):
            for arg in node.args:
                for term in arg.args if arg.op == "sum" and op == "norm" else (arg,):  # ‖a − b‖
                    use(term.args[0] if term.op == "neg" else term, "measured")
        elif op == "had":
            for arg in node.args:
                use(arg, "entrywise")
        elif op == "prod":
            for i, arg in enumerate(node.args):
                if i and node.data[i - 1] == "/":
                    note_divisor(arg, symbols, counted)
                elif i and (
                    leaning[id(node.args[i - 1])] == M or leaning[id(node.args[i - 1])] == R and arg.op == "sym"
                ):
                    use(arg, "starred" if node.data[i - 1] == "*" else "follows")
            front = node.args[0]
            if front.op == "div" and "/" not in node.data and len(node.args) > 2:
                if front.args[0].op == "sym" and front.args[1].op != "num":
                    if all(leaning[id(arg)] == M for arg in node.args[1:3]):
                        use(front.args[0], "over")
            for arg, sign, after in zip(node.args, node.data, node.args[1:], strict=False):
                if sign in (" ", "*") and are_coordinates(arg, after):
                    use(arg, "numbered")
                    use(after, "numbered")
                if sign != "/" and leaning[id(after)] == M:
                    use(arg, "precedes")
                    if leaning[id(arg)] == C:
                        use(after, "led")
        elif op == "div":
            note_divisor(node.args[1], symbols, counted)
    if any(may_be_row(entry.name, entry.style, entry.uses) for entry in symbols.values()):
        for entry in symbols.values():
            entry.uses.add("rows")
    for node in order:
        if node.op == "sym" and id(node) not in counted:
            symbols[node.data].uses.add("plain")
    for entry in symbols.values():
        if not ("divides" in entry.uses and entry.name in DIVISORS and entry.uses <= {"divides", "below", "rows"}):
            entry.uses.discard("divides")


def leanings(order: list[Node], symbols: dict[str, Symbol]) -> dict[int, int]:
    """The kind that each part has if every symbol is of its declared or usual kind.

    It depends on the meaning of a part, not on how it is spelled: (A + p pᵀ)⁻¹, inv(A + p*p') and
    the name of either lean to a matrix.
    """
    usual: dict[str, int] = {}
    for name, entry in symbols.items():
        if entry.shape is not None:
            usual[name] = kind_of(entry.shape)
        else:
            costs = habit(name, entry.style, set())
            usual[name] = min((S, C, M), key=lambda kind: costs[kind.bit_length() - 1])
    found: dict[int, int] = {}
    for node in order:
        if node.op == "sym":
            found[id(node)] = usual[node.data]
        elif node.op == "expr":
            found[id(node)] = kind_of(node.data.shape)
        else:
            found[id(node)] = leaning(node, [found[id(arg)] for arg in node.args])
    return found


def note_divisor(node: Node, symbols: dict[str, Symbol], counted: dict[int, int]) -> None:
    for part in factors_of(node):
        if part.op == "sym":
            symbols[part.data].uses |= {"divides", "below"}
            counted[id(part)] = 1


def factors_of(node: Node) -> list[Node]:
    """The factors of a product, also of one that has a name."""
    while node.op == "ref":
        node = node.args[0]
    return node.args if node.op == "prod" and "/" not in node.data else [node]


def check_collapsed(builder: Shaper) -> None:
    """Refuse a sum, a mean or an inner product of one number, where vectors were meant.

    Raises
    ------
    ShapeError
        A scalar stands where only vectors make sense, and no declaration says so.
    """
    symbols, values = builder.symbols, builder.values
    for node in builder.order:
        if node.op == "prod" and any(arg.op == "eye" and not arg.paren and arg.data is None for arg in node.args[1:-1]):
            builder.note(f"I in {builder.cut(node)} is read as the identity matrix")
        if node.op == "call" and node.data == "tr":
            check_traced(node, builder)
        if node.op == "prod":
            check_divided(node, builder)
            check_dotted(node, builder)
        if node.op == "call" and node.data in ("sum", "mean"):
            inside = node.args[:1]
        elif node.op == "prod" and "·" in node.data:
            inside = [
                arg for pair in zip(node.args, node.data, node.args[1:], strict=False) for arg in (pair[0], pair[2])
                if pair[1] == "·" and all(a.op == "sym" and is_vectorial(symbols, a) for a in (pair[0], pair[2]))
            ]  # fmt: skip
        else:
            continue
        for arg in inside:
            if not values[id(arg)].is_scalar or arg.op == "counted":
                continue
            below = sorted(n for n in names_below(arg) if n in symbols)
            if not below or any(symbols[n].is_declared for n in below):
                continue
            shown = names.text(below[0])
            raise ShapeError(
                f"{builder.cut(node)} would hold one number: {', '.join(map(names.text, below))} as scalars",
                builder.source, node.span,
                f"declare {shown}: n or {shown}: scalar; x.^2 is the square of every entry, vector(1) holds ones",
            )  # fmt: skip


def check_traced(node: Node, builder: Shaper) -> None:
    """Refuse a Greek letter as a number beside matrices in a trace: tr(ρ H) has a density matrix."""
    for factor in factors_of(node.args[0]):
        entry = builder.symbols.get(factor.data) if factor.op == "sym" else None
        is_number = entry is not None and not entry.is_declared and builder.values[id(factor)].is_scalar
        if entry is not None and is_number and entry.name[0] > "z":
            shown = names.text(entry.name)
            raise ShapeError(
                f"{shown} in {builder.cut(node)} would be a number", builder.source, factor.span,
                f"declare {shown}: n×n for a matrix, or {shown}: scalar; a number is written before the trace",
            )  # fmt: skip


def check_divided(node: Node, builder: Shaper) -> None:
    """Refuse a capital as the number that a row is divided by before the next factor: xᵀ/S*x has the S⁻¹ of MATLAB."""
    symbols, values = builder.symbols, builder.values
    wide = [not values[id(arg)].is_scalar for arg in node.args]
    for i, below in enumerate(node.args[1:], 1):
        is_between = node.data[i - 1] == "/" and any(wide[:i]) and any(wide[i:])
        left = [arg for arg, is_wide in zip(node.args[:i], wide) if is_wide] if is_between else []
        if not left or left[0].op != "trans" or values[id(left[-1])].shape[1] is ONE:
            continue
        for part in factors_of(below):
            entry = symbols.get(part.data) if part.op == "sym" else None
            if entry is None or entry.is_declared or entry.name[0] in DIVISORS or not values[id(part)].is_scalar:
                continue
            if not habit(entry.name, entry.style, set())[3]:
                shown, row = names.text(entry.name), builder.source[node.args[0].start : node.args[i - 1].end]
                raise ShapeError(
                    f"{row}/{shown} would divide by a number, and {shown} is a matrix by habit", builder.source,
                    below.span, f"write {row} {shown}⁻¹ for the inverse, or declare {shown}: scalar",
                )  # fmt: skip


def check_dotted(node: Node, builder: Shaper) -> None:
    """Refuse A x.y, where A is a matrix by habit: it may be the inner product of A x and y, or A times xᵀ y."""
    usual = leanings(nodes_below([node]), builder.symbols)
    for left, turned, last in zip(node.args, node.args[1:], node.args[2:]):
        if turned.op == "trans" and builder.source[turned.end - 1] == "." and usual[id(left)] == M:
            a, x, y = (builder.source[slice(*part.span)] for part in (left, turned.args[0], last))
            raise ShapeError(
                f"{a} {x}.{y} may be ({a} {x}).{y}, or {a} times {x}.{y}", builder.source, (left.start, last.end),
                f"write ({a} {x})ᵀ {y} or {a} ({x}ᵀ {y})",
            )  # fmt: skip


def names_below(node: Node) -> set[str]:
    """The names of the symbols in a part of the formula."""
    return {str(below.data) for below in nodes_below([node]) if below.op == "sym"}


def is_vectorial(symbols: dict[str, Symbol], node: Node) -> bool:
    entry = symbols.get(node.data)
    return entry is not None and not entry.is_declared and habit(node.data, entry.style, set())[0] >= 1


def bind_divisors(order: list[Node], symbols: dict[str, Symbol], builder: Shaper, wrt: Collection[str]) -> set[str]:
    """The dividing letters that are sizes: 1/n before ‖X w − y‖² divides by the number of entries of X w − y.

    No n is a size that divides what has another one, or as in p²/(2 m) the square of one letter and nothing else.
    """
    bound: set[str] = set()
    found: dict[str, dict[int, tuple[Size, Node, str] | None]] = {}
    for node in order:
        for part in divisor_symbols(node, symbols) if node.op in ("prod", "div") else ():
            counted = counted_vector(node, builder)
            places = found.setdefault(part.data, {}) if part.data not in wrt else {}
            if counted is None or counted[2] != SQUARE or not places.get(id(part)):
                places[id(part)] = counted or places.get(id(part))
    for name, places in found.items():
        counts = [place for place in places.values() if place is not None and place[2] != SQUARE]
        roots = {builder.sizes.find(size) for size, *_ in counts}
        if None in places.values() or len(roots) != 1:
            continue
        (root,) = roots
        if isinstance(root, int):
            builder.sizes.bound[root] = Dim.of(name)
        elif root is not Dim.of(name):
            continue
        _, where, of = counts[0]
        builder.note(f"{name} is read as the number of {of} of {builder.cut(where)}")
        bound.add(name)
        for other in order:
            if other.op == "sym" and other.data == name:
                other.op, other.data = "dim", Dim.of(name)
                builder.shapes[id(other)] = SCALAR_SIZE
        symbols.pop(name, None)
    return bound


def divisor_symbols(node: Node, symbols: dict[str, Symbol]) -> list[Node]:
    below = [node.args[1]] if node.op == "div" else [a for a, s in zip(node.args[1:], node.data) if s == "/"]
    parts = []
    for b in below:
        parts += factors_of(b)
    # A fraction in front of a product divides all of it.
    if node.op == "prod":
        for arg in node.args:
            bare = arg.args[0] if arg.op == "neg" else arg
            if bare.op == "div":
                parts += factors_of(bare.args[1])
    return [p for p in parts if p.op == "sym" and "divides" in symbols[p.data].uses]


def counted_vector(node: Node, builder: Shaper) -> tuple[Size, Node, str] | None:
    """The vector whose length a divisor beside it counts; `SQUARE` where that is of one letter, which tells nothing."""
    stack = [node] if is_square(node, builder) else list(reversed(node.args))
    shapes = builder.shapes
    square: tuple[Size, Node, str] | None = None
    for _ in range(200):
        if not stack:
            return square
        part = stack.pop()
        shape = shapes[id(part)]
        if is_square(part, builder):
            square = ONE, part, SQUARE
            continue
        if builder.is_column(shape) and part.op != "ref":
            for factor in part.args if part.op == "prod" else ():
                leaf = factor.args[0] if factor.op == "axes" else factor
                if leaf.op == "ones" and builder.is_column(shapes[id(factor)]):
                    return shapes[id(factor)][0], part, "terms"  # ∑_i x_i = Xᵀ 𝟏: the number of terms
            is_inner = part.op == "sym" and any(n.op == "trans" and n.args[0].op == "sym" for n in node.args)
            return None if is_inner else (shape[0], part, "rows")
        if part.op == "norm" or (part.op == "call" and part.data in ("sum", "norm", "norm1", "mean")):
            inner = shapes[id(part.args[0])]
            if builder.is_column(inner):
                return inner[0], part.args[0], "rows"
            continue
        if part.op == "prod":
            last = next((a for a in reversed(part.args) if not builder.is_scalar(shapes[id(a)])), None)
            if last is not None and builder.is_column(shapes[id(last)]):
                if last.op == "sym" and not any(n.op == "ones" for n in nodes_below([part])):
                    return None
                return shapes[id(last)][0], last, "rows"
        if part.op in ("pow", "neg", "ref", "sum", "prod"):
            stack += list(reversed(part.args))
    return None


def is_square(part: Node, builder: Shaper) -> bool:
    """Whether a part is ‖θ‖, ‖θ‖₁, θᵀθ or c θᵀθ of a letter θ."""
    if part.op == "norm":
        return part.args[0].op == "sym" and builder.is_column(builder.shapes[id(part.args[0])])
    wide = [a for a in part.args if not builder.is_scalar(builder.shapes[id(a)])] if part.op == "prod" else []
    return (
        len(wide) == 2
        and wide[0].op == "trans"
        and wide[1].op == "sym" == wide[0].args[0].op
        and (wide[0].args[0].data == wide[1].data)
    )
