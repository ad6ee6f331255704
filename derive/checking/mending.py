"""One edit that makes a side right: the search, and the text of what it finds.

`Mending` is asked of any side of which a test says whether a tree in its place would be right: a value that is known, a
point where a derivative vanishes, an equation of entries.  What it finds it prints as the author wrote it, with the
place of the edit mended, where the reader takes that text for the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from ..errors import DeriveError
from ..expr import Expr, nodes
from .claims import Side, parts_of
from .derivatives import abstracted
from .edits import Edit, Words, held, put
from .rewriting import Rewriting
from .trees import Tree, name

if TYPE_CHECKING:
    from .examination import Budget
    from .judgments import Value
    from .verdicts import Judge

MAX_CANDIDATES = 1500  # edits tried on one line
MAX_FOLDED = 300  # nodes of an expression that is written in the author's names, and factored
PARSED = 12  # what a candidate costs that is read anew, in candidates


class Repair:
    """What a line should be: the kind of mistake, what to say of it, and the text of a side or its value."""

    __slots__ = ("kind", "said", "side", "text", "value")

    def __init__(
        self, kind: str, said: str = "", side: Side | None = None, text: str | None = None, value: Value | None = None
    ) -> None:
        self.kind = kind
        self.said = said
        self.side = side
        self.text = text
        self.value = value


class Mending:
    """The search for one edit that makes a side right; `test` says whether a tree in its place would be."""

    def __init__(self, judge: Judge, side: Side, budget: Budget, test: Callable[[Tree], Value | bool | None]) -> None:
        self.judge = judge
        self.side = side
        self.budget = budget
        self.test = test
        self.is_formula = side.tree is not None and side.tree.kind == "formula"
        assert side.tree is not None
        self.tree = side.tree.args[0] if self.is_formula else side.tree
        self.tried = 0
        self.writer = Rewriting(judge.document, self.named)

    @property
    def is_spent(self) -> bool:
        return self.tried > MAX_CANDIDATES or self.budget.left <= 0

    def first(self, edits: Iterable[Edit]) -> Repair | None:
        """The first edit that makes the side right."""
        for edit in edits:
            if self.is_spent:
                return None
            if (found := self.tested(edit)) is not None:
                return found
        return None

    def tested(self, edit: Edit) -> Repair | None:
        kind, path, new = edit
        for text, tree in self.readings(path, new) if self.is_formula else [(None, put(self.tree, path, new))]:
            value = self.value(tree)
            if value is None:
                continue
            text = text if self.is_formula else self.written(path, new)
            return Repair(kind, "", self.side, text, None if isinstance(value, bool) else value)
        return None

    def value(self, tree: Tree | None) -> Value | bool | None:
        self.tried += PARSED if self.is_formula else 1
        self.budget.left -= PARSED if self.is_formula else 1
        if tree is None:
            return None
        try:
            return self.test(tree) or None
        except (DeriveError, ArithmeticError):
            return None

    def readings(self, path: tuple[int, ...], new: Tree) -> Iterator[tuple[str, Tree | None]]:
        """The side with an edit, as texts, and what the reader makes of each."""
        again = self.judge.document.reread
        for text in self.writer.versions(self.side, self.tree, path, new):
            yield text, again(self.side, text) if again is not None else None

    def written(self, path: tuple[int, ...], new: Tree) -> str | None:
        """The text of an edit; None where the reader takes it for something else."""
        return next((text for text, tree in self.readings(path, new) if self.value(tree) is not None), None)

    def named(self, expr: Expr) -> Expr:
        """An expression in the author's names: what they define, folded."""
        scope = self.judge.scope
        if len(nodes(expr)) > MAX_FOLDED:
            return expr
        bodies = [(s, scope.inline(s)) for s in scope.definitions if s.name != scope.loss]
        for made, body in sorted(bodies, key=lambda pair: -len(nodes(pair[1]))):
            if body.args and body.op.name != "number":
                try:
                    expr = abstracted(expr, body, made) or expr
                except DeriveError:
                    continue
        return expr

    def names(self) -> list[Tree]:
        """The letters of the document, those that stand nearby first."""
        scope = self.judge.scope
        found = {
            full: tree for full, tree in self.writer.spelled.items()
            if full != scope.loss and full not in scope.directions
        }  # fmt: skip
        for full, made in scope.symbols.items():
            if full != scope.loss and full not in scope.directions and "_" not in full and not made.is_scalar:
                found.setdefault(full, name(full))
        return list(found.values())[:16]

    def words(self, slopes: Iterable[Expr] = (), norms: Iterable[Expr] = ()) -> Words:
        """What the document has to put into the line."""
        scope = self.judge.scope
        names = self.names()
        scalars = [
            tree for tree in names
            if (made := scope.symbols.get(str(tree.data[0]))) is None and str(tree.data[0]) in scope.dims
            or made is not None and made.is_scalar and made not in scope.definitions
        ]  # fmt: skip
        factors: dict[object, Tree] = {}
        terms: dict[object, Tree] = {}
        functions: dict[str, None] = {}
        inverses: dict[object, Tree] = {}
        for part in parts_of(self.judge.document.claims):
            if part.kind == "hadamard":
                for factor in part.args:
                    if factor.kind != "name":
                        factors.setdefault(factor.key(), factor)
            elif part.kind == "sum":
                for term in part.args:
                    bare = term.args[0] if term.kind == "neg" else term
                    terms.setdefault(bare.key(), bare)
            elif part.kind == "inverse" and part.args[0].kind == "name":
                inverses.setdefault(part.key(), part)
            elif part.kind == "call" and len(part.args) == 1 and part.data[0] not in ("trace", "diag", "sum"):
                functions[str(part.data[0])] = None
        scalars += map(held, norms)
        made_of = [held(slope) for slope in slopes]
        nearby = [*list(factors.values())[:10], *made_of]
        return Words(names, scalars, nearby, list(terms.values())[-24:], functions, inverses.values())
