"""A derivation as a good teacher writes it, in no notation yet: a list of blocks.

Forward with shapes, then backward one operation at a time, each line naming its rule;
the contribution of every occurrence of the variable; their sum, expanded, collected and
factored; the box; the compact form; the conditions; the numeric check.  `latex`, `text`,
`markdown` and `html` print the blocks.

In a small graph the intermediates are written as they are; in a large one they get
names, as a person would give them: z = W x, h = tanh(z), r for a residual.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import DeriveError, LimitError
from ..expr import MAX_FLAT, Expr, is_number, number, symbol, symbol_count, symbols_of
from ..operations import add
from ..progress import keep_what_there_is
from ..properties import SQUARE
from ..rules import RULES, Rule
from ..steps import lightened
from ..verification import TOLERANCE, covered, wrong
from . import ATOM, Formula, Name, Operand, Partial, Space
from .blocks import Exposition, Row, Shapes
from .intermediates import WIDE, Intermediates, is_number_factor
from .rule_proofs import TITLES, generic, prove
from .text import Text, text
from .wording import (
    chosen_steps,
    conditions_of,
    filled,
    fresh,
    head_of,
    identification,
    magnitude,
    number_word,
    plus,
    property_words,
    sentence,
    times,
)

if TYPE_CHECKING:
    from ..derivation import Derivation, Presented
    from ..steps import Step

MAX_PRINTED = 300  # symbols of a form in a document; longer ones are left out, and said to be
DETAILS = ("brief", "steps", "full")


def exposition(
    derivation: Presented, detail: str = "steps", verify: bool = True, has_code: bool = False, share: float = 1.0
) -> Exposition:
    """The blocks of a derivation.

    Parameters
    ----------
    derivation : Derivation
    detail : {"brief", "steps", "full"} or numbers of steps
        A few lines; every operation; also the proof of each rule.  "2-5, 7" is brief but
        for these steps.
    verify : bool
        Whether to state the error against a numeric derivative.
    has_code : bool
        Whether the page shows the NumPy function, so that it is checked too.
    share : float
        Of the width of a page, that a line has.

    Raises
    ------
    DeriveError
        `detail` is none of them, or there is no such step.
    """
    writer = _Writer(derivation, detail, share)
    writer.statement()
    writer.is_deep = any(map(writer.exceeds_a_line, derivation.parts))
    if writer.is_deep or writer.chosen or detail != "brief" and derivation.kind in ("gradient", "hessian", "hvp"):
        if not writer.chosen or writer.named.is_large:
            writer.forward()
        writer.backward()
    for part in derivation.parts:
        writer.part(part)
    writer.ending(verify, has_code)
    if detail == "full":
        writer.proofs()
    return writer.out


WORDS = {
    "gradient": "The gradient",
    "jacobian": "The Jacobian",
    "hessian": "The Hessian",
    "hvp": "The Hessian-vector product",
    "differential": "The differential",
}


class _Writer:
    def __init__(self, derivation: Presented, detail: str, share: float) -> None:
        self.d: Any = derivation
        self.variables = derivation.variables
        self.chosen = chosen_steps(detail, len(derivation.steps)) if detail not in DETAILS else None
        self.detail = "brief" if self.chosen else detail
        self.name = derivation.name
        by = [part for i, v in enumerate(derivation.variables) for part in (", " if i else " by ", [v])]
        self.out = Exposition([WORDS[derivation.kind] + " of ", [Name(derivation.name)], *by])
        self.named = Intermediates(derivation, WIDE * share)
        self.marks: dict[Expr, Expr] = {}  # node of the evaluation graph: the symbol of its cotangent
        self.is_stopped = False  # whether the search for short forms was interrupted
        self.is_led_in = False  # whether a sentence announces the box
        self.told: set[tuple[str, int]] = set()  # rules already stated
        self.rules: dict[str, tuple[Rule, Expr]] = {}
        self.is_deep = False
        self.shared: dict[Expr, Expr] = {}  # the gradient by each variable, in named intermediates

    def exceeds_a_line(self, part: Derivation) -> bool:
        """Whether a gradient is so deep that it is answered in named intermediates, a line each."""
        return part.kind == "gradient" and self.named.is_large and symbol_count(part.result) > MAX_FLAT

    # The statement

    def statement(self) -> None:
        d, out = self.d, self.out
        shown = symbols_of(d.loss)
        shown += [s for s in (*self.variables, d.direction) if s is not None and s not in shown]
        out.symbols = shown
        out.say("Let")
        shape = None if d.loss.is_scalar else d.loss.shape
        out.show(Row([Name(self.name)], ("=", [self.named.defined(d.loss)]), shape=shape))
        for symbol_, expr in self.named.given:
            out.show(Row([symbol_], ("=", [expr]), shape=expr.shape))
        if shown:
            out.blocks.append(Shapes([(s, property_words(s)) for s in shown]))
        if d.kind == "jacobian" and d.wrt is not None and not (d.wrt.is_scalar or d.loss.is_scalar):
            layout = "Outputs are the rows" if d.layout != "denominator" else "Outputs are the columns"
            stacked = "" if d.wrt.is_vector and d.loss.is_vector else ", and vec stacks columns"
            out.say(f"{layout} of the Jacobian{stacked}.")
        if d.kind == "hvp" and len(d.parts) > 1:
            along = self.listed([["d", part.wrt, "=", part.direction] for part in d.parts])
            out.say("The gradients are derived along ", *along, ".")
        elif d.kind == "hvp":
            out.say("The Hessian by ", [d.wrt], " is applied to the direction ", [d.direction], ".")
        for words in (*d.readings, *d.remarks):
            out.say(sentence(words))

    # The sweep

    def forward(self) -> None:
        d, out, named = self.d, self.out, self.named
        rows = []
        for node in d.forward:
            label, value = named.label(node), named.value(node)
            if node is d.forward[-1]:
                if value is not named.defined(d.loss):
                    rows.append(Row([Name(self.name)], ("=", [value]), shape=node.shape, node=node))
            elif label is not None:
                rows.append(Row([label], ("=", [value]), shape=node.shape, node=node))
            elif named.is_shown(node):
                rows.append(Row([value], ("∈", [Space(node.shape)]), node=node))
        if d.steps and rows:
            out.part("Forward")
            out.say("One operation at a time, each value with its shape:")
            out.show(*rows)

    def mark(self, node: Expr) -> Expr:
        """The symbol that is written ∂L/∂node."""
        if node not in self.marks:
            key = f"partial_{len(self.marks)}_of_{self.name}"
            self.marks[node] = symbol(key, *node.shape)
            self.out.spelled[key] = self.by(node)
        return self.marks[node]

    def by(self, node: Expr, share: int | None = None) -> Partial:
        return Partial(["∂", Name(self.name)], ["∂", Operand(self.named.written(node))], share)

    def backward(self) -> None:
        d, out, named = self.d, self.out, self.named
        if not d.steps:
            return
        out.part("Backward")
        cotangent: Formula = [Partial(["∂", Name(self.name)], ["∂", Name("Y")])]
        towards = self.listed([[variable] for variable in self.variables])
        out.say(
            "From ", [Name(self.name)], " towards ", *towards, "; the cotangent ", cotangent, " of a value ",
            [Name("Y")], " has the shape of ", [Name("Y")], ".",
        )  # fmt: skip
        views = {node.op.make(tuple(named.flat(a) for a in node.args), node.data): node for node in d.forward}
        counts = Counter(views[step.view].args[step.index] for step in d.steps)
        root = views[d.steps[0].view]
        cotangents: dict[Expr, Expr] = {root: number(1)}  # as far as they are written out
        symbolic: dict[Expr, Expr] = {root: number(1)}  # as the step before has named them
        shares: dict[Expr, list[Expr]] = {}
        hidden: dict[Expr, int] = {}  # factors such as −y, told together with y
        places = self.places()
        previous: Expr | None = None
        for step in d.steps:
            node = views[step.view]
            operand = node.args[step.index]
            view = node.op.make(tuple(named.written(a) for a in node.args), node.data)
            if node not in symbolic:
                symbolic[node] = self.mark(node)
            pulled = named.renamed(lightened(step.rule.pull(symbolic[node], view, step.index)))
            value = named.renamed(lightened(step.rule.pull(cotangents[node], view, step.index)))
            shares.setdefault(operand, []).append(value)
            if is_number_factor(operand) and counts[operand] == 1 and node.op is add:
                hidden[operand], symbolic[operand], cotangents[operand] = step.number, pulled, value
                continue
            is_shown = not self.chosen or step.number in self.chosen
            if node is not previous and is_shown:
                self.rule_words(step, [s for s in d.steps if s.view is step.view], named.written(node), node in hidden)
                previous = node
            share = None
            if counts[operand] > 1:
                share = places[step.number] if operand in self.variables else len(shares[operand])
            rights: list[tuple[str, Formula]] = [("=", [pulled])]
            if pulled is not value and self.spelling(pulled) != self.spelling(value):
                rights.append(("=", [value]))
            numbers = f"{hidden[node]}, {step.number}" if node in hidden else str(step.number)
            if is_shown:
                out.show(Row([self.by(operand, share)], *rights, shape=operand.shape, number=numbers, node=node))
            if operand in self.variables:
                self.shared[operand] = add(*shares[operand])
                continue
            if not step.is_last:
                continue
            total = add(*shares[operand])
            if counts[operand] > 1 and is_shown:
                sum_ = plus([self.by(operand, i + 1)] for i in range(counts[operand]))
                out.say(f"Its {number_word(counts[operand])} shares add up:")
                out.show(Row([self.by(operand)], ("=", sum_), ("=", [total]), shape=operand.shape, node=operand))
            is_short = not named.is_large or len(text(total)) <= 8
            cotangents[operand] = total if is_short else self.mark(operand)

    @staticmethod
    def listed(formulas: Sequence[Formula]) -> list[str | Formula]:
        """`W₁, b₁ and W₂`, as parts of a paragraph."""
        parts: list[str | Formula] = []
        for i, formula in enumerate(formulas):
            parts += [" and " if i == len(formulas) - 1 else ", ", formula] if i else [formula]
        return parts

    def spelling(self, expr: Expr) -> str:
        return Text(self.out.spelled).expression(expr)

    def places(self) -> dict[int, int]:
        """The number of the contribution that a step into the variable makes."""
        waiting = {part.wrt: list(enumerate(part.contributions, start=1)) for part in self.d.parts}
        found: dict[int, int] = {}
        for step in self.d.steps:
            if step.operand not in waiting:
                continue
            left = waiting[step.operand]
            for entry in left:
                place, contribution = entry
                if contribution.expression is step.contribution and contribution.route[-1] is step.node:
                    found[step.number] = place
                    left.remove(entry)
                    break
            else:
                found[step.number] = left.pop(0)[0]
        return found

    def rule_words(self, step: Step, group: Sequence[Step], written: Expr, is_merged: bool) -> None:
        """Name the rule of an operation, and state it where it comes first."""
        out, view = self.out, step.view
        op = view.op.name
        self.rules.setdefault(op, (step.rule, view))
        active = [s.index for s in group]
        if op == "add":
            minus = any(is_number_factor(arg) and arg.args[0].data[0] < 0 for arg in view.args)
            if minus and len(view.args) == 2:
                out.say("Subtraction passes it on:")
            else:
                out.say("A sum passes it on" + (" to each summand:" if len(active) > 1 else ":"))
            return
        if is_number_factor(view):
            factor = view.args[0]
            if is_number(factor, -1):
                out.say("Subtraction passes it on with its sign changed:" if is_merged else "The sign changes:")
            else:
                out.say("The constant factor ", [factor], ":")
            return
        if op == "transpose":
            out.say("Through the transpose ", [written], ", the cotangent is transposed:")
            return
        title = TITLES.get(op, op.replace("_", " ").capitalize())
        if view.op.is_elementwise and op not in TITLES:
            title = "Entry by entry"
        news = [i for i in active if (op, i) not in self.told]
        if not news or view.op.arity is None and len(view.args) > 3:
            out.say(f"{title}, by the same rule:" if not news else f"{title}:")
            return
        self.told.update((op, i) for i in active)
        node, operands, result = generic(view, {s.name for s in self.out.symbols} | {self.name})
        mark = symbol(f"partial_{len(self.out.spelled)}_by_{op}", *node.shape)
        self.out.spelled[mark.name] = Partial(["∂", Name(self.name)], ["∂", result])
        parts: list[str | Formula] = [f"{title}. For ", [result, "=", node], ", "]
        for k, i in enumerate(active):
            pulled = step.rule.pull(mark, node, i)
            joint = "" if not k else " and " if k == len(active) - 1 else ", "
            parts += [joint, [Partial(["∂", Name(self.name)], ["∂", operands[i]]), "=", pulled]]
        out.say(*parts, ":")

    # The differential, for Jacobians and their like

    def differential(self) -> None:
        d, out = self.d, self.out
        if self.detail == "brief":
            return
        from ..jacobians import differential as push

        taken = {s.name for s in out.symbols}
        if d.kind in ("hessian", "hvp"):
            assert d.wrt is not None
            gradient = add(*(c.expression for c in d.contributions)) if d.contributions else None
            if gradient is None:
                return
            out.part("The gradient")
            shown = _shorter(gradient, d.loss)
            out.show(Row([Partial(["∂", Name(self.name)], ["∂", d.wrt])], ("=", [shown]), shape=shown.shape))
            direction = d.direction or symbol(fresh("d" + d.wrt.name, taken), *d.wrt.shape)
            is_apart = bool(d.wrt.properties & SQUARE)  # X⁻ᵀ moves by dXᵀ, though it is X⁻¹
            moved, _ = push(gradient if is_apart else shown, d.moved or {d.wrt: direction})
            moved = _shorter(moved, d.loss) if is_apart else _unsigned(moved)
            out.part("Its differential")
            if len(d.moved) == 1:
                out.say("In the direction ", [direction], ", so that ", ["d", d.wrt, "=", direction], ":")
            left: Formula = ["d", Partial(["∂", Name(self.name)], ["∂", d.wrt])]
            if symbol_count(moved) <= MAX_PRINTED:
                out.show(Row(left, ("=", [moved]), shape=moved.shape))
            if d.kind == "hessian":
                self.identify()
            return
        variables: list[Expr] = (
            [d.wrt] if d.wrt is not None else [s for s in symbols_of(d.loss) if "constant" not in s.properties]
        )
        steps = {s: symbol(fresh("d" + s.name, taken), *s.shape, properties=s.properties & KEPT) for s in variables}
        rows = self.pushed(steps)
        if rows:
            out.part("The differential")
            out.say("Forward, one operation at a time, each differential from those of its operands:")
            out.show(*rows)
        if d.kind == "jacobian":
            self.identify()

    def pushed(self, steps: dict[Expr, Expr]) -> list[Row]:
        """The forward sweep: the differential of each intermediate."""
        named, rows = self.named, []
        moved: dict[Expr, Expr] = dict(steps)
        shown: set[str] = set()
        for node in named.order:
            if not node.args or not any(arg in moved for arg in node.args):
                continue
            view = node.op.make(tuple(named.written(a) for a in node.args), node.data)
            rule = RULES[node.op.name]
            pushed = lightened(rule.push(view, [moved.get(arg) for arg in node.args]))
            is_root = node is named.order[-1]
            label = named.label(node)
            self.rules.setdefault(node.op.name, (rule, view))
            if is_root or named.is_shown(node):
                left: Formula = ["d", Name(self.name)] if is_root else ["d", Operand(named.written(node), ATOM)]
                row = Row(left, ("=", [pushed]), shape=node.shape, node=node)
                if self.spelling(pushed) not in shown:
                    rows.append(row)
                    shown.add(self.spelling(pushed))
            if label is not None and not is_root and symbol_count(pushed) > 3:
                moved[node] = symbol("d" + label.name, *node.shape)
            else:
                moved[node] = pushed
        return rows

    def identify(self) -> None:
        if self.d.wrt is not None:
            self.out.say(*identification(self.d))

    # The result

    def part(self, part: Derivation) -> None:
        """The derivative by one variable: its differential or its contributions, and its box."""
        whole, self.d, self.is_led_in = self.d, part, False
        if part.kind != "gradient":
            self.differential()
        self.result(is_alone=whole is part)
        self.d = whole

    def result(self, is_alone: bool) -> None:
        d, out = self.d, self.out
        head = head_of(self.d)
        if d.kind == "gradient" and self.detail != "brief":
            self.paths()
        if self.is_deep and d.structure is None and d.wrt in self.shared:
            out.part("The gradient" if is_alone else f"The gradient by {text(d.wrt)}")
            shared = self.shared[d.wrt]
            out.show(Row(head, ("=", [shared]), shape=d.result.shape, is_boxed=True))
            if self.exceeds_a_line(d):
                out.say(f"in the names above; written out it has {symbol_count(d.result)} symbols.")
            return
        boxed = self.form("boxed")
        if d.kind == "gradient" and d.contributions:
            if self.detail != "brief":
                title = "The sum" if len(d.contributions) > 1 else "The gradient"
                out.part(title if is_alone else f"The gradient by {text(d.wrt)}")
            self.sum_rows(head_of(self.d, whole=True), boxed)
        elif self.detail != "brief":
            out.part("The result")
        if boxed is None and self.is_stopped:
            out.say(f"The search for the shortest form of the {d.kind} was interrupted.")
            return
        if boxed is None:
            out.say(
                f"Written out in the given symbols, the {d.kind} is too long for a page; "
                "its program shares the parts and stays short."
            )
            return
        short = self.compact(boxed)
        if not self.is_led_in:
            out.say("Hence")
        out.show(Row(head, ("=", [boxed]), shape=boxed.shape, is_boxed=True))
        if short is not None:
            expression, definitions = short
            named = self.listed([[name, "=", value] for name, value in definitions])
            out.say("or, shorter, with " if definitions else "or, shorter", *named, ",")
            out.show(Row(head, ("=", [expression]), shape=expression.shape))
        if d.is_best_effort:
            out.say("The search for the boxed form ended with its budget of work; a shorter one may exist.")
        if d.structure:
            out.say(sentence(d.structure))

    def attempt(self, name: str) -> Any:
        """A form; None where it is past its limit, or the search for it is interrupted."""
        try:
            return getattr(self.d, name)
        except LimitError:
            return None
        except KeyboardInterrupt as interrupt:
            keep_what_there_is(interrupt)
            self.is_stopped = True
            return None

    def form(self, name: str) -> Expr | None:
        """A form, unless it is too long to be written out."""
        made: Expr | None = self.attempt(name)
        return made if made is not None and symbol_count(made) <= MAX_PRINTED else None

    def compact(self, boxed: Expr) -> tuple[Expr, list[tuple[Expr, Expr]]] | None:
        made = self.attempt("compact")
        if made is None:
            return None
        expression: Expr = made.expression
        if expression is boxed or len(text(expression)) >= len(text(boxed)):
            return None
        return expression, list(made.definitions)

    def sum_rows(self, head: Formula, boxed: Expr | None) -> None:
        d, out = self.d, self.out
        count = len(d.contributions)
        total = d.unstructured if d.unstructured is not None else d.result
        rows = []
        if count > 1 and self.detail != "brief":
            shares = plus([self.by(d.wrt or total, i + 1)] for i in range(count))
            rows.append(Row(head, ("=", shares)))
        left: Formula = [] if rows else head
        if self.detail == "brief":
            if symbol_count(total) <= MAX_PRINTED and total is not boxed:
                out.say(
                    "By reverse differentiation, summed over the occurrences of " if count > 1 else "By the chain rule",
                    [d.wrt] if count > 1 and d.wrt else "",
                    ",",
                )
                out.show(Row(left, ("=", [total])))
            return
        if count > 1 and symbol_count(total) <= MAX_PRINTED:
            rows.append(Row([], ("=", [total])))
            left = []
        elif self.named.is_large and symbol_count(total) <= MAX_PRINTED:
            out.say("With the names replaced,")
            rows.append(Row(left, ("=", [total])))
            left = []
        out.show(*rows)
        if boxed is None or d.entry is not None:
            return
        last = text(total)
        if text(boxed) == last:
            return
        for label, line in self.rewriting():
            if text(line) == last:
                continue
            last = text(line)
            out.say(*self.label_words(label), ":")
            if line is boxed and self.d.structure is None:
                self.is_led_in = True
                break
            out.show(Row([] if rows else head, ("=", [line])))

    def label_words(self, label: str) -> list[str | Formula]:
        """What was done in a line of rewriting; the symbols in it are set as mathematics."""
        if "(" in label:
            label = label.partition(" factor")[0] + " factors" if " factor" in label else label
        by_text = {text(s): s for s in self.out.symbols if text(s) != "a"}
        parts: list[str | Formula] = []
        for word in (label[:1].upper() + label[1:]).split(" "):
            s = by_text.get(word.removesuffix("ᵀ"))
            if s is None:
                parts.append((" " if parts else "") + word)
                continue
            factor = s.T if word.endswith("ᵀ") else s
            if parts and not isinstance(parts[-1], str):
                parts[-1] = [*parts[-1], factor]
            else:
                parts += [" ", [factor]] if parts else [[factor]]
        return parts

    def rewriting(self) -> Iterable[tuple[str, Expr]]:
        lines = self.attempt("rewriting") or []
        return [(label, line) for label, line in lines if symbol_count(line) <= MAX_PRINTED]

    def paths(self) -> None:
        """Where the variable occurs, and the route of each contribution."""
        d, out, named = self.d, self.out, self.named
        if len(d.contributions) < 2 or d.wrt is None:
            return
        shares = Counter(step.value for step in d.steps)
        uses = Counter({step.operand: shares[step.value] for step in d.steps})
        routes = [[*contribution.route[1:], d.wrt] for contribution in d.contributions]
        joined = [[stop for stop in route[:-1] if uses[stop] > 1] for route in routes]  # two paths meet there
        where = ", what is equal being computed once" if any(joined) else ""
        out.part(f"The {number_word(len(routes))} paths")
        out.say([d.wrt], f" occurs {times(len(routes))}{where}; each path from ", [Name(self.name)], " contributes:")
        flat = {named.flat(node): node for node in d.forward}
        for i, (stops, joins) in enumerate(zip(routes, joined), start=1):
            route = [part for stop in stops for part in ("→", named.written(flat.get(stop, stop)))]
            if len(stops) > 12:
                route = [*route[:8], "→", "…", *route[-8:]]
            others: list[str | Formula] = []
            for stop in joins[:3]:
                more = "another joins" if uses[stop] == 2 else f"{number_word(uses[stop] - 1)} others join"
                others += [f"{', ' if others else '; '}{more} at ", [named.written(flat.get(stop, stop))]]
            out.say(f"({i}) ", [Name(self.name), *route], *others, ".")

    # The end

    def ending(self, verify: bool, has_code: bool) -> None:
        d, out = self.d, self.out
        conditions = conditions_of(d)
        if conditions:
            parts: list[str | Formula] = []
            for i, (operand, words) in enumerate(conditions):
                parts += [" and " if i == len(conditions) - 1 else ", "] * bool(i) + filled(words, operand)
            out.say("This holds where ", *parts, ".")
        if not verify:
            return
        try:
            found = d.errors(code=has_code)
        except DeriveError as failure:
            return out.say(f"Not checked numerically: {failure.message}.")
        except KeyboardInterrupt as interrupt:
            keep_what_there_is(interrupt)
            return out.say("The numeric check was interrupted.")
        for name, error in found.items():
            if not error <= TOLERANCE:
                raise wrong(name, error)
        shown = magnitude(max(found.values()))
        out.say("Checked against a numeric derivative at 3 random points: relative error at most ", shown, ".")
        out.say(f"Covered: {covered(list(found))}.")

    def proofs(self) -> None:
        """Each rule used, with its proof by differentials."""
        rules = [(rule, view) for rule, view in self.rules.values() if not is_number_factor(view)]
        if rules:
            self.out.part("The rules")
            of = Name(self.name)
            self.out.say(
                "Each by differentials: with ", [Name("G"), "=", Partial(["∂", of], ["∂", Name("Y")])], ", or ",
                [Name("g")], " where ", [Name("Y")], " is a scalar, ",
                ["d", of, "=", "⟨", Name("G"), ",", "d", Name("Y"), "⟩"], ".",
            )  # fmt: skip
            for rule, view in rules:
                prove(self.out, rule, view)


KEPT = frozenset("symmetric skew diagonal lower upper triangular".split())


def _shorter(gradient: Expr, loss: Expr) -> Expr:
    """The gradient factored, if it is small enough."""
    from ..algebra.forms import factor

    return factor(gradient, loss) if symbol_count(gradient) <= MAX_PRINTED else gradient


def _unsigned(moved: Expr) -> Expr:
    """−(−A − B) as A + B."""
    from ..algebra.display import is_negative, negative

    body = negative(moved) if is_negative(moved) else moved
    is_turned = body is not moved and body.op is add and all(map(is_negative, body.args))
    return add(*map(negative, body.args)) if is_turned else moved
