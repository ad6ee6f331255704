"""The reverse sweep, and the record of a derivation that every renderer reads.

The graph of a scalar loss is walked from the loss to the variable.  Every node hands its
cotangent G = ∂L/∂(node) through the pullback of its rule to its operands; cotangents are
summed where a node is used more than once, which keeps the sweep linear in the graph.
Only at the variable are the summands kept apart, one for each occurrence, an occurrence
being an edge into the variable.  Through Wᵀ the contribution is ∂L/∂Wᵀ, transposed.

[MN]  Magnus & Neudecker, Matrix Differential Calculus, 3rd ed., 2019, ch. 9.
[GW]  Griewank & Walther, Evaluating Derivatives, 2nd ed., 2008, ch. 3.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from functools import cached_property
from typing import Any

from .association import associate
from .errors import DeriveError, LimitError, ShapeError
from .expr import Expr, depends_on, is_zero, nodes, number, symbol_count, symbols_of, zero_like
from .operations import add, transpose
from .progress import watched
from .properties import CONSTRAINED
from .rules import RULES
from .shapes import shape_text
from .steps import Contribution, Step, Steps, lightened, written_flat

DOING = {
    "expanded": "multiplying out", "boxed": "factoring", "compact": "naming repeated parts", "rewriting": "collecting",
    "linear_map": "forming the linear map", "program": "ordering the products", "graph": "drawing",
}  # fmt: skip
MAX_SYMBOLS = 4000  # of a form that is written out flat


class Sweep:
    """The result of one reverse sweep: graph, steps, contributions and their sum.

    By several variables the graph is walked once: `shares` and `totals` are by variable, `steps`
    are those of all of them, and `of(variable)` is what a sweep by that one alone would be.

    Attributes
    ----------
    forward : list of Expr
        The operations of the evaluation graph, in order.
    steps : Steps
    cotangents : dict of Expr to Expr
        By node of the evaluation graph.
    shares : dict of Expr to list of Contribution
    totals : dict of Expr to Expr
    """

    __slots__ = ("forward", "cotangents", "shares", "totals", "_steps", "_root")

    def __init__(self, loss: Expr, wrt: Expr | Sequence[Expr], cotangent: Expr | None = None) -> None:
        variables = (wrt,) if isinstance(wrt, Expr) else tuple(wrt)
        graph = associate(loss)
        root = self._root = graph[loss]
        nodes_of = {variable: graph.get(variable, variable) for variable in variables}
        leaves = set(nodes_of.values())
        order = nodes(root)
        written = written_flat(order)
        active = depends_on(root, list(leaves))
        self.forward = [node for node in order if node.args]
        self._steps: Steps | tuple[Steps, Expr] = Steps()
        self.cotangents: dict[Expr, Expr] = {}
        received: dict[Expr, list[Expr]] = {root: [number(1) if cotangent is None else cotangent]}
        last_step: dict[Expr, Step] = {}
        parent: dict[Expr, Expr] = {}
        # Of each variable: order, user, cotangent passed.
        entries: dict[Expr, list[tuple[int, Expr, Expr]]] = {leaf: [] for leaf in leaves}
        position = {node: i for i, node in enumerate(order)}
        if root in leaves:
            entries[root].append((0, root, received[root][0]))
        for node in reversed(order):
            if node not in active or node not in received or node in leaves:
                continue
            total = add(*received[node])
            self.cotangents[node] = total
            if node in last_step:
                last_step[node].total = total
            view = node.op.make(tuple(written[arg] for arg in node.args), node.data)
            rule = RULES[node.op.name]
            for index, arg in enumerate(node.args):
                if arg not in active:
                    continue
                share = lightened(rule.pull(total, view, index))
                if is_zero(share):
                    share = zero_like(arg)
                step = Step(len(self.steps) + 1, written[node], view, arg, index, total, share)
                self.steps.append(step)
                last_step[arg] = step
                received.setdefault(arg, []).append(share)
                parent.setdefault(arg, node)
                if arg in leaves:
                    user = parent.get(node, node) if node.op is transpose else node
                    entries[arg].append((position[user], node, share))
        for leaf in leaves:
            if leaf in received and leaf in last_step:
                last_step[leaf].total = add(*received[leaf])
        self.shares: dict[Expr, list[Contribution]] = {}
        self.totals: dict[Expr, Expr] = {}
        for variable, leaf in nodes_of.items():
            # In the order of evaluation: the innermost use of the variable first.
            found = []
            for _, node, share in sorted(entries[leaf], key=lambda entry: entry[0]):
                turned = node.op is transpose
                occurrence = transpose(variable) if turned else variable
                passed = self.cotangents[node] if turned else None
                found.append(Contribution(occurrence, share, passed, node, parent, written))
            self.shares[variable] = found
            self.totals[variable] = add(*(c.expression for c in found)) if found else zero_like(variable)

    def of(self, variable: Expr) -> Sweep:
        """The part that leads to one of the variables."""
        if len(self.totals) == 1:
            return self
        made = object.__new__(Sweep)
        made.forward, made.cotangents, made._root = self.forward, self.cotangents, self._root
        made.shares, made.totals = {variable: self.shares[variable]}, {variable: self.totals[variable]}
        made._steps = self.steps, variable
        return made

    @property
    def steps(self) -> Steps:
        """The steps; those towards one of several variables are chosen when they are asked for."""
        if isinstance(self._steps, tuple):
            steps, variable = self._steps
            reached = depends_on(self._root, [variable])
            self._steps = Steps(step for step in steps if step.value in reached)
        return self._steps

    @property
    def contributions(self) -> list[Contribution]:
        """The contributions of all variables, in the order they were asked for."""
        return [c for found in self.shares.values() for c in found]

    @property
    def total(self) -> Expr:
        """The gradient by the one variable."""
        (total,) = self.totals.values()
        return total

    @property
    def conditions(self) -> list[str]:
        """What the rules used require, each once."""
        found = (step.rule.condition(step.view) for step in self.steps)
        return list(dict.fromkeys(words for words in found if words))


class Given:
    """A formula as it came in: what its derivatives repeat of it.

    Attributes
    ----------
    name : str
        The name of the function, such as `L`.
    definitions : list of (str, Expr)
    where, readings : list of str
        Shapes and properties in words, and how the formula was taken where it leaves a choice.
    hints : list of (Dim, "<" or "≤", Dim)
    sympy_symbols : dict of str to SymPy symbol
        The caller's own, by our names.
    formula : str
        As it was typed, with its declarations; empty where it was no text.
    """

    __slots__ = ("name", "definitions", "where", "readings", "hints", "sympy_symbols", "formula")

    def __init__(
        self,
        name: str = "L",
        definitions: Iterable[tuple[str, Expr]] = (),
        where: Iterable[str] = (),
        readings: Iterable[str] = (),
        hints: Iterable[Any] = (),
        formula: str = "",
    ) -> None:
        self.name = name
        self.definitions = list(definitions)
        self.where = list(where)
        self.readings = list(readings)
        self.hints = list(hints)
        self.sympy_symbols: dict[str, Any] = {}
        self.formula = formula

    def renamed(self, name: str) -> Given:
        """The same under another name."""
        made = copy(self)
        made.name = name
        return made


class Layered:
    """What PyTorch and JAX can take for a function with its backward pass."""

    def to_torch(self) -> Any:
        """The value as a PyTorch function with this derivative as its backward pass: `Differentiable`."""
        from .differentiable import differentiable

        return differentiable(self, "torch")

    def to_jax(self) -> Any:
        """The value as a JAX function with this derivative as its backward pass: `Differentiable`."""
        from .differentiable import differentiable

        return differentiable(self, "jax")


class Presented(Layered):
    """What a derivation, or several of one loss, can be asked to show: documents, pictures, code.

    Attributes
    ----------
    parts : list of Derivation
        One for each variable; a `Derivation` is its own only part.
    """

    kind: str
    loss: Expr
    wrt: Expr | None
    direction: Expr | None
    forward: list[Expr]
    steps: Steps
    contributions: list[Contribution]
    conditions: list[str]
    remarks: list[str]
    moved: dict[Expr, Expr]
    is_joint = False  # by a list of variables: functions return a tuple of derivatives

    def __init__(self, given: Given) -> None:
        self.given = given
        self.name, self.formula = given.name, given.formula
        self.definitions, self.where, self.readings = given.definitions, given.where, given.readings
        self.hints, self.sympy_symbols = given.hints, given.sympy_symbols

    def verify(self, points: int = 3) -> float:
        """The largest relative error of what leaves, against an independent numeric derivative.

        The derivative, each form small enough to be printed and the generated NumPy function, plain and
        with buffers, are compared; of several variables all of them.

        Parameters
        ----------
        points : int
            Random points, of random unequal dimensions.

        Returns
        -------
        float
            Below 1e-6 where the derivative is right and the points well conditioned.
        """
        return max(self.errors(points).values())

    def errors(
        self, points: int = 3, forms: tuple[str, ...] = ("expanded", "boxed", "compact"), code: bool = True
    ) -> dict[str, float]:
        raise NotImplementedError

    @property
    def parts(self) -> list[Derivation]:
        raise NotImplementedError

    @property
    def variables(self) -> list[Expr]:
        """What it is derived by, in the order asked."""
        return [part.wrt for part in self.parts if part.wrt is not None]

    def latex(
        self,
        document: bool = False,
        detail: str = "steps",
        numbered: bool | str = False,
        bold: str = "author",
        transpose: str = "top",
        nabla: bool = False,
        width: float | None = None,
    ) -> str:
        r"""The whole derivation in LaTeX; a compilable document with `document=True`.

        Parameters
        ----------
        detail : str
            "brief", "steps", "full", or the numbers of the steps to show, such as "2-5".
        numbered : bool or "box"
            Whether the equations have numbers, with labels to refer to them, or the box alone.
        bold : {"author", "all", "none"}
            Bold where the formula as typed has it, or every vector and matrix.
        transpose : {"top", "T", "mathsf", "intercal", "prime", "author"}
            The mark of a transpose.
        nabla : bool
            Whether gradients are \nabla_W L in place of \partial L / \partial W.
        width : float
            Of a line in points: 252 for a column of an IEEE paper.
        """
        from .render.latex import derivation_latex

        return derivation_latex(
            self, document, detail, numbered=numbered, bold=bold, transpose=transpose, nabla=nabla, width=width
        )

    def text(self, detail: str = "steps") -> str:
        """The whole derivation in Unicode text."""
        from .render.text import derivation_text

        return derivation_text(self, detail=detail)

    def markdown(self, detail: str = "steps") -> str:
        """The whole derivation in Markdown with LaTeX formulas."""
        from .render.markdown import derivation_markdown

        return derivation_markdown(self, detail=detail)

    def typst(self, detail: str = "steps") -> str:
        """The whole derivation as a file for `typst compile`."""
        from .render.typst import derivation_typst

        return derivation_typst(self, detail=detail)

    def html(self, detail: str = "steps") -> str:
        """The whole derivation as one HTML page that needs no network."""
        from .render.html import derivation_html

        return derivation_html(self, detail=detail)

    @property
    def graph(self) -> Any:
        """The computational graph: `.svg()`, `.dot()`, `.mermaid()`, `.tikz()`."""
        from .render.picture import Graph

        return Graph(self)

    def source(self, backend: str = "numpy", **options: Any) -> str:
        """Python source of a module with `value`, the derivative and, for gradients, both.

        By several variables the derivative is a tuple, in the order asked.  `batch="x, y"` writes the sum
        over the samples of x and y, which then have a leading axis; with `per_sample=True` those of each.
        """
        from .codegen import source

        return source(self, backend, **options)

    def function(
        self, backend: str = "numpy", returns: str = "derivative", workspace: bool = False, **options: Any
    ) -> Any:
        """A callable; `returns` is "derivative" ("gradient"), "value" or "value_and_gradient"."""
        from .codegen import function

        return function(self, backend, returns, workspace, **options)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from .render.jupyter import derivation_bundle

        return derivation_bundle(self)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        by = ", ".join(f"{wrt.text()} ({shape_text(wrt.shape)})" for wrt in self.variables)
        return f"<{self.kind} of {self.name}{f' by {by}' if by else ''}>"


class Derivation(Presented):
    """A derivative with everything a reader, a program or a checker may ask of it.

    Made by `derive.gradient`, `jacobian`, `hessian`, `hvp` and `differential`.

    Attributes
    ----------
    kind : str
        `"gradient"`, `"jacobian"`, `"hessian"`, `"hvp"` or `"differential"`.
    name : str
        The name of the function derived, such as `L`.
    loss : Expr
        The function, definitions inlined.
    wrt : Expr or None
        The variable; None for a differential.
    steps : Steps
        The reverse sweep, one operand at a time.
    contributions : list of Contribution
        One for each occurrence of `wrt`; empty where it does not occur.
    result : Expr
        The derivative as the sweep leaves it, parts shared.
    gradient : Expr or None
        The plain gradient that the sweep found; for gradients, Hessians and their products.
    moved : dict
        For a differential: each symbol and its differential.
    conditions : list of str
        What the rules used require, such as `A invertible`.
    layout : str or None
        Of a Jacobian: `"numerator"` (outputs as rows) or `"denominator"`.

    Notes
    -----
    `expanded`, `boxed` and `compact` flatten the shared graph; past `MAX_SYMBOLS` symbols
    they raise LimitError, and documents leave them out and say so.

    Examples
    --------
    >>> from derive import gradient
    >>> derivation = gradient("½‖Ax − b‖²", "x")
    >>> print(derivation.boxed)
    Aᵀ (A x − b)
    >>> [c.occurrence.text() for c in gradient("½‖WᵀWx − x‖²", "W").contributions]
    ['W', 'Wᵀ']
    """

    def __init__(
        self,
        kind: str,
        loss: Expr,
        wrt: Expr | None,
        result: Expr,
        given: Given,
        *,
        sweep: Sweep | None = None,
        direction: Expr | None = None,
        layout: str | None = None,
        conditions: list[str] | None = None,
        structure: str | None = None,
        unstructured: Expr | None = None,
        remarks: list[str] | None = None,
        moved: dict[Expr, Expr] | None = None,
        is_riemannian: bool = False,
        entry: Expr | None = None,
    ) -> None:
        super().__init__(given)
        self.kind = kind
        self.loss = loss
        self.wrt = wrt
        self.direction = direction
        self.layout = layout
        self.result = result
        self.forward: list[Expr] = sweep.forward if sweep else []
        self._sweep, self._conditions = sweep, conditions
        self.contributions: list[Contribution] = sweep.contributions if sweep else []
        self.structure = structure
        self.unstructured = unstructured
        self.remarks = remarks or []
        if wrt is not None and wrt.properties & CONSTRAINED and not is_riemannian:
            said = f"the derivative is taken as if {wrt.text()} were free; what is assumed of it is used afterwards"
            self.remarks = list(dict.fromkeys([*self.remarks, said]))
        self.moved = moved or {}
        self.is_riemannian = is_riemannian
        self.entry = entry  # the part of wrt, x₁, that it is derived by
        self.gradient: Expr | None = sweep.total if sweep else None
        self._forms: dict[str, Any] = {}

    @cached_property
    def steps(self) -> Steps:  # type: ignore[override]
        """Each operation of the reverse sweep, one operand at a time."""
        return self._sweep.steps if self._sweep else Steps()

    @cached_property
    def conditions(self) -> list[str]:  # type: ignore[override]
        """Under which the rules used hold, and what is assumed of the symbols."""
        swept = self._sweep.conditions if self._sweep and self._conditions is None else []
        return united(self._conditions or swept, self.loss)

    @property
    def is_made_of_gradient(self) -> bool:
        """Whether it is something else than the gradient in the space of the variable: projected, or an entry."""
        return self.is_riemannian or self.entry is not None

    @property
    def written_wrt(self) -> Expr | None:
        """What stands below the bar: the variable, or the entry of it."""
        return self.wrt if self.entry is None else self.entry

    @property
    def parts(self) -> list[Derivation]:
        """What its program computes beside the value: itself; of `Gradients`, one for each variable."""
        return [self]

    def __reduce__(self) -> tuple[Any, ...]:
        # The sweep is made again: it is quick, and its steps share nearly all their parts.
        kept = {name: getattr(self, name) for name in _KEPT}
        return _restored, (self.kind, self.loss, self.wrt, self.result, self.given, self.gradient is not None, kept)

    def _form(self, key: str, make: Any) -> Any:
        if key not in self._forms:
            with watched(DOING.get(key, "checking numerically")):
                self._forms[key] = make()
        return self._forms[key]

    def _flat(self) -> Expr:
        """The result, checked to be small enough to be written out."""
        size = symbol_count(self.result)
        if size > MAX_SYMBOLS:
            raise LimitError(
                f"the {self.kind} written out has {size} symbols, more than {MAX_SYMBOLS}",
                hint="its program keeps shared parts and has no such limit: .program, .source(), .function()",
            )
        return self.result

    @property
    def expanded(self) -> Expr:
        """The derivative as a sum of products, like terms collected."""
        from .algebra.forms import expand

        return self._form("expanded", lambda: expand(self._flat()))  # type: ignore[no-any-return]

    @property
    def boxed(self) -> Expr:
        """The derivative factored, in the given symbols only, with the fewest symbols."""
        from .algebra.forms import factor

        return self._form("boxed", lambda: factor(self._flat(), self.loss))  # type: ignore[no-any-return]

    @property
    def is_best_effort(self) -> bool:
        """Whether the search for `boxed` ended with its budget of work, so that a shorter form may exist."""
        from .algebra.forms import is_best_effort

        return is_best_effort(self.boxed, self.loss)

    @property
    def compact(self) -> Any:
        """The shortest form: repeated parts named, the identity introduced where it helps."""
        from .algebra.forms import compact

        return self._form("compact", lambda: compact(self._flat(), self.loss, self.boxed, self.definitions))

    @property
    def rewriting(self) -> list[tuple[str, Expr]]:
        """The lines from the sum of contributions to the box, each with what was done."""
        from .algebra.forms import rewriting

        return self._form("rewriting", lambda: rewriting(self._flat(), self.loss, self.boxed))  # type: ignore[no-any-return]

    @property
    def linear_map(self) -> Any:
        """The derivative as the linear map dX ↦ dF: call it on a direction, print it, `.expression`."""
        from .jacobians import LinearMap

        wrt = self.wrt
        if wrt is None:
            raise DeriveError("a differential is a linear map already", hint="its box is the map")
        return self._form("linear_map", lambda: LinearMap(self.loss, wrt, self.kind))

    @property
    def program(self) -> Any:
        """The cheapest evaluation of the derivative: straight-line, with its FLOP count."""
        from .codegen import derivative_program

        return self._form("program", lambda: derivative_program(self))

    # Checks

    def errors(
        self, points: int = 3, forms: tuple[str, ...] = ("expanded", "boxed", "compact"), code: bool = True
    ) -> dict[str, float]:
        """The error of each thing that `verify` compares, by its name; without `code`, of what a page shows."""
        from .verification import errors

        return self._form(f"errors {points} {forms} {code}", lambda: errors(self, points, forms, code))  # type: ignore[no-any-return]

    def to_sympy(self) -> Any:
        """The box as a canonical SymPy expression over the caller's own symbols."""
        from .interop import to_sympy

        return to_sympy(self.boxed, self.sympy_symbols)

    _sympy_ = to_sympy


_KEPT = "direction layout conditions structure unstructured remarks moved is_riemannian entry".split()


def _restored(
    kind: str, loss: Expr, wrt: Expr | None, result: Expr, given: Given, is_swept: bool, kept: dict[str, Any]
) -> Derivation:
    sweep = Sweep(loss, wrt) if is_swept and wrt is not None else None
    return Derivation(kind, loss, wrt, result, given, sweep=sweep, **kept)


def united(conditions: list[str], loss: Expr) -> list[str]:
    """The conditions without those that others imply (a > 0 is also a ≠ 0), and what is assumed of the symbols."""
    positive = {words.removesuffix(" > 0") for words in conditions if words.endswith(" > 0")}
    implied = {f"{a} ≠ 0" for a in positive} | {f"no entry of {a} is 0" for a in positive}
    kept = [words for words in conditions if words not in implied]
    if any(s.properties & CONSTRAINED for s in symbols_of(loss)):
        from .reading.assumptions import equations  # loads the reader

        kept += equations(symbols_of(loss))
    return kept


def require_scalar(loss: Expr) -> None:
    """Raise ShapeError unless `loss` is a scalar."""
    if not loss.is_scalar:
        shown = loss.text()
        raise ShapeError(
            f"a gradient needs a scalar loss, and {shown} is {shape_text(loss.shape)}",
            hint=f"‖{shown}‖² or sum({shown}) would be a loss; its derivative as it is: derive jacobian",
        )
