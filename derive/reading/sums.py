"""Sums over an index to matrix form.

Below Σ_i a part of the formula is a scalar, a vector or a row for every i.  Scalars for
all i are held as the vector of their values, vectors and rows as the matrix whose rows
they are, so that

    Σ_i (y_i − wᵀx_i)²  is  ‖y − X w‖²,     Σ_i s_i x_i x_iᵀ  is  Xᵀ diag(s) X.

`x_i` is row i of X where it is transposed, measured or met by a row, else entry i of x.
Under two indices, A_ij is an entry of A.  What has no such form is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from .. import names
from ..errors import ParseError
from ..shapes import Dim
from .indexed import Indexed, capital
from .stacks import Node
from .vocabulary import ELEMENTWISE

# What a part is for every index: a constant, a scalar, a vector, a row, a scalar ‖v‖², an outer product,
# and under two indices a scalar that depends on the second, or on both.
CONSTANT, ENTRY, VECTOR, ROW, SQUARE, OUTER, SECOND, BOTH = range(8)


class _Part:
    """A part for every index.

    A vector or row u_i + v_j under two indices is held as U and V: `node` and `right`; `second` says that `node`
    goes by the second index.
    """

    __slots__ = ("kind", "node", "left", "right", "weight", "second")

    def __init__(
        self, kind: int, node: Node, left: Node | None = None, right: Node | None = None, second: bool = False
    ) -> None:
        self.kind = kind
        self.node = node
        self.left = left
        self.right = right
        self.weight: Node | None = None
        self.second = second

    def of_kind(self, kind: int) -> _Part:
        return _Part(kind, self.node, right=self.right, second=self.second)


def lower_sums(reading: Any, roots: list[Node], readings: list[str]) -> list[Node]:
    """The trees with every sum over an index in matrix form."""
    from .scope import postorder

    order = postorder(roots)
    if not any(node.op == "sigma" for node in order):
        return roots
    replaced: dict[int, Node] = {}
    inside: set[int] = set()
    for node in order:
        if node.op == "sigma":
            first = node.args[0]
            while first.op == "sigma":  # Σ_i Σ_j is Σ_ij
                inside.add(id(first))
                sizes = [*node.data[1:], *first.data[1:]]
                node.data = (node.data[0] + first.data[0], *sizes)
                first = first.args[0]
            node.args = [first]
    for node in order:
        node.args = [replaced.get(id(arg), arg) for arg in node.args]
        if node.op == "sigma" and id(node) not in inside:
            made = _Sum(reading.source, node, reading, readings).result()
            made.start, made.end, made.paren = node.start, node.end, True
            replaced[id(node)] = made
    return [replaced.get(id(root), root) for root in roots]


class _Sum(Indexed):
    """One sum over one or two indices."""

    def __init__(self, source: str, node: Node, reading: Any, readings: list[str]) -> None:
        self.source = source
        self.node = node
        self.reading = reading
        self.readings = readings
        self.indices: tuple[str, ...] = _spread(node.data[0])
        limits = [d for d in node.data[1:] if d is not None]
        self.size: Dim | None = limits[0] if limits else None
        self.sizes = limits
        self.vectors: set[str] = set()
        self.body: Node = node.args[0]

    def refuse(self, node: Node, why: str) -> ParseError:
        return ParseError(
            f"this sum has no matrix form that we know: {why}", self.source, node.span, "write the matrix formula"
        )

    def new(self, op: str, args: list[Node], data: Any = None) -> Node:
        at = args[0] if args else self.node
        return Node(op, args, data, at.start, args[-1].end if args else at.end)

    def result(self) -> Node:
        from .scope import postorder

        if len(self.indices) > 2:
            raise self.refuse(self.node, "it runs over more than two indices")
        order = postorder([self.body])
        for node in order:
            if node.op == "ref" and any(self.depends(n) for n in postorder(node.args)):
                raise self.refuse(node, "a definition depends on the index")
        self.find_vectors(order)
        parts: dict[int, _Part] = {}
        for node in order:
            parts[id(node)] = self.part(node, [parts[id(a)] for a in node.args])
        return self.total(parts[id(self.body)], parts)

    # The parts

    def part(self, node: Node, args: list[_Part]) -> _Part:
        op = node.op
        if op == "sym":
            return self.symbol(node)
        if all(a.kind == CONSTANT for a in args):
            return _Part(CONSTANT, node)
        if op == "neg":
            return self.mapped(args[0], lambda n: self.new("neg", [n]))
        args = [self.weighed(a) for a in args]
        if op == "sum":
            return self.added(node, args)
        if op == "prod":
            return self.product(node, args)
        if op == "div":
            return self.product(self.new("prod", node.args, ("/",)), args)
        if op == "trans":
            (a,) = args
            return a.of_kind({VECTOR: ROW, ROW: VECTOR}.get(a.kind, a.kind))
        if op == "pow":
            return self.power(node, args)
        if op == "norm" and node.data in ("2", "F"):
            (a,) = args
            if a.kind in (VECTOR, ROW):
                square = self.met(a, a, [])
                return _Part(square.kind, self.new("root", [square.node], Fraction(2)))
        if op == "inner" or (op == "call" and node.data in ("dot", "inner")):
            a, b = args
            flipped = a.of_kind({VECTOR: ROW}.get(a.kind, a.kind))
            if a.kind == CONSTANT:
                flipped.node = self.new("trans", [a.node])
            return self.chain(node, [flipped, b])
        if op == "bars" and args[0].kind in (ENTRY, BOTH):
            return _Part(args[0].kind, self.new("call", [args[0].node], "abs"))
        if op == "root" and args[0].kind in (ENTRY, SQUARE, BOTH):
            return _Part(
                args[0].kind if args[0].kind == BOTH else ENTRY, self.new("root", [self.entry(args[0])], node.data)
            )
        is_entrywise = op == "call" and (node.data in ELEMENTWISE or node.data.endswith("()"))
        if is_entrywise and args[0].kind in (ENTRY, SQUARE, VECTOR, ROW, BOTH, SECOND):
            if args[0].right is None:
                held = self.new("call", [self.entry(args[0])], node.data)
                return _Part(ENTRY if args[0].kind == SQUARE else args[0].kind, held, second=args[0].second)
        if op == "call" and node.data == "max":
            kept = [a for a in args if a.node.op != "zero"]
            if len(kept) == 1 and kept[0].kind in (ENTRY, BOTH):
                return _Part(kept[0].kind, self.new("call", [kept[0].node], "relu"))
        raise self.refuse(node, f"{self.cut(node)} depends on the index")

    def cut(self, node: Node) -> str:
        return " ".join(self.source[node.start : node.end].split())

    def symbol(self, node: Node) -> _Part:
        held = self.low(node)
        if held is None:
            if node.data in self.indices:
                raise self.refuse(node, f"{node.data} stands for a number")
            return _Part(CONSTANT, node)
        name, tail = held
        if len(tail) == 2:
            made = self.leaf(node, name)
            if len(set(tail)) == 1:
                return _Part(self.by_index(tail[0]), self.new("call", [made], "diag"))
            if len(self.indices) < 2:
                raise self.refuse(node, f"{self.cut(node)} has an index that is not summed over")
            return _Part(BOTH, made if tuple(tail) == self.indices else self.new("trans", [made]))
        if name in self.vectors:
            matrix = capital(name)
            note = f"{names.text(name)}_{tail[0]} is read as row {tail[0]} of {names.text(matrix)}"
            if note not in self.readings:
                self.readings.append(note)
            made = self.leaf(node, matrix)
            return _Part(VECTOR, made, second=self.by_index(tail[0]) == SECOND)
        return _Part(self.by_index(tail[0]), self.leaf(node, name))

    def by_index(self, index: str) -> int:
        return ENTRY if index == self.indices[0] else SECOND

    def leaf(self, node: Node, name: str) -> Node:
        if name in self.reading.dimension_names:
            raise self.refuse(node, f"{name} is a size")
        return Node("sym", [], name, node.start, node.end)

    def mapped(self, part: _Part, change: Any) -> _Part:
        if part.kind == SQUARE:
            return _Part(ENTRY, change(self.entry(part)))
        if part.kind == OUTER:
            made = _Part(OUTER, part.node, change(part.left), part.right)
            made.weight = part.weight
            return made
        right = change(part.right) if part.right is not None else None
        made = _Part(part.kind, change(part.node), right=right, second=part.second)
        made.weight = part.weight
        return made

    def weighed(self, part: _Part) -> _Part:
        """A vector times a scalar for every index, as one matrix."""
        if part.weight is None or part.kind not in (VECTOR, ROW):
            return part
        matrix = self.times([self.new("call", [part.weight], "diag"), part.node])
        return _Part(part.kind, matrix, second=part.second)

    def row_squares(self, matrix: Node) -> Node:
        matrix = matrix.args[0] if matrix.op == "neg" else matrix
        return self.new("call", [self.new("elpow", [matrix, self.number(2)])], "rowsum")

    def met(self, row: _Part, vector: _Part, between: list[Node]) -> _Part:
        """The scalar uᵀ M v of two vectors, each by the first index, the second, or a sum u_i + v_j."""

        def sides(part: _Part) -> tuple[Node | None, Node | None]:
            return (None, part.node) if part.second else (part.node, part.right)

        def entries(left: Node, right: Node) -> Node:
            if left is right and not between:
                return self.row_squares(left)
            return self.new("call", [self.new("had", [through(left), right], ("⊙",))], "rowsum")

        def through(left: Node) -> Node:
            return self.times([left, *between])

        (a, b), (c, d) = sides(row), sides(vector)
        if a is not None and b is not None and row is vector and not between:
            doubled = self.new("prod", [self.number(2), a, self.new("trans", [b])], (" ", " "))
            parts = [_Part(ENTRY, entries(a, a)), _Part(BOTH, doubled), _Part(SECOND, entries(b, b))]
            return _Part(BOTH, self.new("sum", [self.both(t) for t in parts], (1, 1, 1)))
        terms: list[_Part] = []
        if a is not None and c is not None:
            terms.append(_Part(ENTRY, entries(a, c)))
        if a is not None and d is not None:
            terms.append(_Part(BOTH, self.times([through(a), self.new("trans", [d])])))
        if b is not None and c is not None:
            terms.append(_Part(BOTH, self.new("trans", [self.times([through(b), self.new("trans", [c])])])))
        if b is not None and d is not None:
            terms.append(_Part(SECOND, entries(b, d)))
        if len(terms) == 1:
            return terms[0]
        return _Part(BOTH, self.new("sum", [self.both(t) for t in terms], (1,) * len(terms)))

    def number(self, value: int) -> Node:
        return Node("num", [], Fraction(value), self.node.start, self.node.start)

    def ones(self) -> Node:
        return Node("ones", [], None, self.node.start, self.node.start)

    def entry(self, part: _Part) -> Node:
        return self.row_squares(part.node) if part.kind == SQUARE else part.node

    def both(self, part: _Part) -> Node:
        """The matrix over both indices of a scalar that depends on one of them or on none."""
        if part.kind == BOTH:
            return part.node
        row = self.new("trans", [self.ones()])
        if part.kind in (ENTRY, SQUARE):
            return self.new("prod", [self.entry(part), row], (" ",))
        if part.kind == SECOND:
            return self.new("prod", [self.ones(), self.new("trans", [part.node])], (" ",))
        return self.new("prod", [part.node, self.ones(), row], (" ", " "))

    def added(self, node: Node, args: list[_Part]) -> _Part:
        kinds = {a.kind for a in args} - {CONSTANT}
        if kinds & {BOTH, SECOND} and kinds <= {BOTH, ENTRY, SECOND, SQUARE}:
            return _Part(BOTH, self.new("sum", [self.both(a) for a in args], node.data))
        if kinds <= {ENTRY, SQUARE}:
            terms = []
            for a in args:
                if a.kind == CONSTANT:
                    terms.append(
                        self.ones()
                        if a.node.op == "num" and a.node.data == 1
                        else self.new("prod", [a.node, self.ones()], (" ",))
                    )
                else:
                    terms.append(self.entry(a))
            return _Part(ENTRY, self.new("sum", terms, node.data))
        if len(kinds) == 1 and kinds <= {VECTOR, ROW}:
            (kind,) = kinds
            is_second = all(a.second for a in args if a.kind != CONSTANT)
            firsts: list[tuple[Node, int]] = []
            seconds: list[tuple[Node, int]] = []
            for a, sign in zip(args, node.data, strict=True):
                if a.kind == CONSTANT:
                    row = self.new("trans", [a.node]) if kind == VECTOR else a.node
                    firsts.append((self.new("prod", [self.ones(), row], (" ",)), sign))
                elif a.second and not is_second:
                    seconds.append((a.node, sign))
                else:
                    firsts.append((a.node, sign))
                    if a.right is not None:
                        seconds.append((a.right, sign))
            right = self.signed(seconds) if seconds else None
            return _Part(kind, self.signed(firsts), right=right, second=is_second)
        made = _Part(OUTER, node)  # terms of different kinds: summed one by one
        made.left = None
        return made

    def signed(self, terms: list[tuple[Node, int]]) -> Node:
        (first, sign), *rest = terms
        first = first if sign > 0 else self.new("neg", [first])
        return self.new("sum", [first, *(n for n, _ in rest)], (1, *(s for _, s in rest))) if rest else first

    def power(self, node: Node, args: list[_Part]) -> _Part:
        base, exponent = args
        if node.args[0].op == "const" and node.args[0].data == "e" and exponent.kind in (ENTRY, SQUARE, BOTH):
            kind = BOTH if exponent.kind == BOTH else ENTRY
            return _Part(kind, self.new("call", [self.entry(exponent)], "exp"))
        if exponent.kind != CONSTANT:
            raise self.refuse(node, "an exponent depends on the index")
        inner = node.args[0]
        if inner.op == "norm" and exponent.node.op == "num" and exponent.node.data == 2 and base.node.op == "root":
            if base.kind != ENTRY:
                return _Part(base.kind, base.node.args[0])
            rows = base.node.args[0].args[0].args[0]  # ‖v_i‖² from the root of the row sums of squares
            return _Part(SQUARE, rows)
        if base.kind in (ENTRY, BOTH, SECOND):
            return _Part(base.kind, self.new("elpow", [base.node, exponent.node]))
        if base.kind == SQUARE:
            return _Part(ENTRY, self.new("elpow", [self.entry(base), exponent.node]))
        raise self.refuse(node, f"{self.cut(node)} is a power of a vector")

    def product(self, node: Node, args: list[_Part]) -> _Part:
        signs = ["", *node.data]
        factors: list[_Part] = []
        for sign, a in zip(signs, args):
            if sign == "/":
                if a.kind == CONSTANT:
                    a = _Part(CONSTANT, self.new("pow", [a.node, self.number(-1)], "^"))
                elif a.kind in (ENTRY, SQUARE, BOTH, SECOND):
                    kind = ENTRY if a.kind == SQUARE else a.kind
                    a = _Part(kind, self.new("elpow", [self.entry(a), self.number(-1)]))
                else:
                    raise self.refuse(node, "a vector divides")
            factors.append(a)
        return self.chain(node, factors)

    def chain(self, node: Node, factors: list[_Part]) -> _Part:
        """A product: scalars for every index multiply entry by entry, the rest by its matrix form."""
        entries = [f for f in factors if f.kind in (ENTRY, SQUARE, BOTH, SECOND)]
        rest = [f for f in factors if f.kind not in (ENTRY, SQUARE, BOTH, SECOND)]
        moving = [i for i, f in enumerate(rest) if f.kind in (VECTOR, ROW)]
        if any(f.kind == OUTER for f in rest):
            raise self.refuse(node, f"{self.cut(node)} is an outer product of vectors inside a product")
        if not moving:
            return self.weighted(entries, [f.node for f in rest])
        if len(moving) == 1:
            return self.one_vector(node, entries, rest, moving[0])
        if len(moving) == 2:
            return self.two_vectors(node, entries, rest, moving[0], moving[1])
        raise self.refuse(node, f"{self.cut(node)} holds three vectors that depend on the index")

    def times(self, nodes: Iterable[Node]) -> Node:
        held = list(nodes)
        return held[0] if len(held) == 1 else self.new("prod", held, (" ",) * (len(held) - 1))

    def weighted(self, entries: list[_Part], constants: list[Node]) -> _Part:
        """Constant scalars times a scalar for every index."""
        if len(entries) == 1 and entries[0].kind == SQUARE and not constants:
            return entries[0]
        if any(e.kind in (BOTH, SECOND) for e in entries):
            held = entries[0].node if len(entries) == 1 else None
            kind = entries[0].kind if len(entries) == 1 else BOTH
            made = held or self.new("had", [self.both(e) for e in entries], ("⊙",) * (len(entries) - 1))
        else:
            nodes = [self.entry(e) for e in entries]
            kind = ENTRY
            made = nodes[0] if len(nodes) == 1 else self.new("had", nodes, ("⊙",) * (len(nodes) - 1))
        return _Part(kind, self.times([*constants, made]) if constants else made)

    def combined(self, entries: list[_Part], part: _Part) -> _Part:
        """A scalar part times the scalars beside it."""
        return self.weighted([*entries, part], []) if entries else part

    def one_vector(self, node: Node, entries: list[_Part], rest: list[_Part], at: int) -> _Part:
        before = [f.node for f in rest[:at]]
        after = [f.node for f in rest[at + 1 :]]
        matrix = rest[at].node
        second = rest[at].second
        if rest[at].right is not None:
            other = rest[at].right
            assert other is not None
            halves = [_Part(rest[at].kind, matrix), _Part(rest[at].kind, other, second=True)]
            a, b = (self.one_vector(node, [], [*rest[:at], half, *rest[at + 1 :]], at) for half in halves)
            if a.kind == ENTRY:
                return self.combined(entries, _Part(BOTH, self.new("sum", [self.both(a), self.both(b)], (1, 1))))
            if entries:
                raise self.refuse(node, f"{self.cut(node)} is not read")
            return _Part(a.kind, a.node, right=b.node)
        if rest[at].kind == VECTOR:
            scalars = [n for n in before if self.is_scalar_like(n)]
            left = [n for n in before if not self.is_scalar_like(n)]
            if after and not all(self.is_scalar_like(n) for n in after):
                raise self.refuse(node, f"{self.cut(node)} is not read")
            scalars += after
            if left:
                matrix = self.times([matrix, self.new("trans", [self.times(left)])])
            if left and self.is_row(left[0]):
                made = self.times([*scalars, matrix]) if scalars else matrix
                return self.combined(entries, _Part(SECOND if second else ENTRY, made))
            kind = VECTOR
        else:
            scalars = [n for n in before if self.is_scalar_like(n)]
            if len(scalars) < len(before):
                raise self.refuse(node, f"{self.cut(node)} is an outer product with a constant")
            if after:
                matrix = self.times([matrix, *after])
            if after and not self.ends_in_matrix(after[-1]):
                made_node = self.times([*scalars, matrix]) if scalars else matrix
                return self.combined(entries, _Part(SECOND if second else ENTRY, made_node))
            kind = ROW
        if scalars:
            matrix = self.times([*scalars, matrix])
        if not entries:
            return _Part(kind, matrix, second=second)
        weighed = _Part(kind, matrix, second=second)
        weighed.weight = self.entry(self.weighted(entries, []))
        return weighed

    def two_vectors(self, node: Node, entries: list[_Part], rest: list[_Part], i: int, j: int) -> _Part:
        first, second = rest[i], rest[j]
        before, between = [f.node for f in rest[:i]], [f.node for f in rest[i + 1 : j]]
        after = [f.node for f in rest[j + 1 :]]
        if first.kind == ROW and second.kind == VECTOR:
            if not all(self.is_scalar_like(n) for n in [*before, *after]):
                raise self.refuse(node, f"{self.cut(node)} is not read")
            if (
                not between
                and first.node.op == second.node.op == "sym"
                and first.node.data == second.node.data
                and not first.second
                and not second.second
                and first.right is second.right is None
            ):
                made = _Part(SQUARE, first.node)
            else:
                made = self.met(first, second, between)
            scalars = [*before, *after]
            if scalars:
                made = self.weighted([made], scalars)
            return self.combined(entries, made)
        if first.kind == VECTOR and second.kind == ROW and not between and len(self.indices) == 1:
            made = _Part(OUTER, node, first.node, second.node)
            if before:
                scalars = [n for n in before if self.is_scalar_like(n)]
                mapped = [n for n in before if not self.is_scalar_like(n)]
                made.left = self.times([first.node, self.new("trans", [self.times(mapped)])]) if mapped else first.node
                if scalars:
                    made.left = self.times([*scalars, made.left])
            if after:
                made.right = self.times([second.node, *after])
            made.weight = self.entry(self.weighted(entries, [])) if entries else None
            return made
        raise self.refuse(node, f"{self.cut(node)} is not read")

    # The sum itself

    def counted(self, node: Node) -> Node:
        """The vector or matrix, whose rows the sum counts."""
        if not self.sizes:
            return node
        return self.new("counted", [node], tuple(self.sizes))

    def total(self, part: _Part, parts: dict[int, _Part]) -> Node:
        body, kind = part.node, part.kind
        if kind == SQUARE and len(self.indices) == 2:
            body, kind = self.entry(part), ENTRY
        sign_and_scalars: list[Node] = []
        if kind == ENTRY and body.op == "prod" and body.args[-1].op in ("elpow", "call", "had", "sym", "prod", "sum"):
            scalars = body.args[:-1]
            if scalars and all(self.is_scalar_like(s) for s in scalars):
                sign_and_scalars, body = scalars, body.args[-1]
        if kind == CONSTANT:
            if not self.sizes:
                raise self.refuse(self.node, "nothing in it depends on the index")
            size = Node("dim", [], self.sizes[0], self.node.start, self.node.end)
            return self.times([size, body])
        if kind == BOTH or kind == ENTRY or kind == SECOND:
            if kind != BOTH and len(self.indices) == 2:
                body = self.both(_Part(kind, self.times([*sign_and_scalars, body])))
                sign_and_scalars = []
            if body.op == "elpow" and body.args[1].op == "num" and body.args[1].data == 2:
                inner = self.new("norm", [self.counted(body.args[0])], "F")
                made = self.new("pow", [inner, self.number(2)], "^")
            else:
                if body.op == "call" and body.data == "rowsum":  # the entries of all rows
                    body = body.args[0]
                made = self.new("call", [self.counted(body)], "sum")
            return self.times([*sign_and_scalars, made])
        if len(self.indices) == 2:
            raise self.refuse(self.node, "it sums vectors over two indices")
        if kind == SQUARE:
            return self.new("pow", [self.new("norm", [self.counted(body)], "F"), self.number(2)], "^")
        if kind in (VECTOR, ROW):
            weight = part.weight if part.weight is not None else self.ones()
            matrix = self.counted(body)
            if kind == VECTOR:
                return self.times([self.new("trans", [matrix]), weight])
            return self.times([self.new("trans", [weight]), matrix])
        if part.left is None:
            return self.termwise(part, parts)
        assert part.right is not None
        middle = [self.new("call", [part.weight], "diag")] if part.weight is not None else []
        return self.times([self.new("trans", [self.counted(part.left)]), *middle, part.right])

    def termwise(self, part: _Part, parts: dict[int, _Part]) -> Node:
        """A sum of terms of different kinds, summed one by one."""
        node = part.node
        if node.op != "sum":
            raise self.refuse(node, "its terms do not combine")
        return self.new("sum", [self.total(parts[id(arg)], parts) for arg in node.args], node.data)


def _spread(indices: Iterable[str]) -> tuple[str, ...]:
    """`ij` under Σ is i and j."""
    found = []
    for index in indices:
        base = str(index).split("_")[0]
        found += list(base) if base.isascii() and base.isalpha() and len(base) == 2 else [base]
    return tuple(found)
