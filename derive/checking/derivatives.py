"""Derivatives in a claim, replaced by what they are: derived by us, as the reading says.

A gradient has the shape of its variable unless the layout turns it; an intermediate is
replaced by a symbol, and a tied variable has a derivative for each of its paths.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..algebra.forms import factor
from ..errors import DeriveError, ShapeError
from ..expr import Expr, nodes, substitute, symbol, symbol_op, symbols_of, zeros
from ..jacobians import differential, jacobian
from ..operations import add, diagonal, divide, inner, inv, mul, sum_entries, transpose, vec
from ..shapes import ONE, Shape
from ..spaces import project
from .meaning import Formulas
from .trees import Tree, letter
from .values import Convention, Indexed, Pending, Scope, Unread, Value, at_each_entry

KINKED = frozenset("step sign where".split())
ENTRYWISE = frozenset("add mul scale hadamard power number ones".split())


def is_entrywise(value: Expr, variable: Expr) -> bool:
    """Whether each entry of a value is a function of the same entry of a number or vector."""
    if value.shape != variable.shape or variable.shape[1] is not ONE:
        return False
    return variable.is_scalar or all(
        node.op.is_elementwise or node.op.name in ENTRYWISE or node is variable
        for node in nodes(value)
        if node is variable or variable in symbols_of(node)
    )


def is_bracketed(tree: Tree) -> bool:
    """Whether a product, a sum or a transpose has brackets about the whole of it."""
    return bool(tree.args) and tree.span[0] < tree.args[0].span[0]


class TreeBuilder(Formulas):
    """Builds the expression of any tree."""

    def function_of(self, tree: Tree) -> Expr | Indexed:
        """What is differentiated: a name not defined stands for the loss."""
        if tree.kind in ("name", "apply"):
            name = str(tree.data[0])
            found = self.lookup(name)
            if name in self.scope.broken:
                raise Unread(_of_broken(name, self.scope))
            whole = self.lookup(str(tree.data[1])) if tree.kind == "name" and tree.data[2] else None
            if found is None and (whole is None or whole.is_scalar):
                if tree.kind == "apply" and any(arg.kind != "name" for arg in tree.args):
                    raise Unread(f"the function {name} is not known here")
                return self.loss(name)
        found_ = self.build(tree)
        if isinstance(found_, Pending):
            raise Unread("the size of 𝟏, I or 0 is open here")
        return found_

    def _apply(self, tree: Tree) -> Value:
        """ℓ'(θ), ℓ''(θ) are slopes, of a vector those of each entry or the gradient; the rest as formulas have it."""
        name, primes = str(tree.data[0]), tree.data[1]
        found = self.lookup(name)
        parameters = self.scope.parameters.get(name, ())
        variable = self.lookup(parameters[0]) if len(parameters) == 1 else None
        if not primes or found not in self.scope.definitions or variable is None:
            return super()._apply(tree)
        value = self.scope.inline(found)
        if value.is_scalar and not variable.is_scalar and primes < 3 and self.build(tree.args[0]) is variable:
            by = list(tree.args)  # L'(w) of a vector w is its gradient, L''(w) its Hessian
            return self.first(found, by[0]) if primes == 1 else self.second(found, by * 2)
        if len(tree.args) != 1 or variable not in symbols_of(value) or not is_entrywise(value, variable):
            return super()._apply(tree)
        for _ in range(primes):
            value = self.scope.sweep(sum_entries(value), variable).total
        if not variable.is_scalar and (variable not in symbols_of(value) or KINKED & {n.op.name for n in nodes(value)}):
            return super()._apply(tree)  # f' = 2 of every number, f' = 1 where z > 0: numbers beside a vector
        argument = self.exact(tree.args[0])
        if variable.is_scalar and not argument.is_scalar:
            return at_each_entry(value, variable, argument) or super()._apply(tree)
        return value if argument is variable else substitute(value, {variable: argument})

    def _derivative(self, tree: Tree) -> Value:
        if self.assumed and tree.key() in self.assumed:
            return self.assumed[tree.key()]
        order = tree.data[0]
        share = self.share(tree.args[0])
        if share is not None:
            name = str(tree.args[0].data[0])
            self.scope.note(f"{name} is taken for the path of {self.scope.loss} through occurrence {share}")
            return self.on_path(share - 1, lambda: self.first(self.loss(self.scope.loss or name), tree.args[1]))
        function = self.function_of(tree.args[0])
        variables = tree.args[1:]
        if isinstance(function, Indexed):
            return self.entry_derivative(function, variables[0])
        if order == 2:
            return self.second(function, variables)
        return self.first(function, variables[0])

    def _prod(self, tree: Tree) -> Value:
        whole = self.of_product(tree)
        if whole is not None:
            return self.build(whole)
        return (self.chain_rule(tree) if self.reading.chained else None) or super()._prod(tree)

    def of_product(self, tree: Tree) -> Tree | None:
        """∇((Xw − y)ᵀ(Xw − y)) for ∇(Xw − y)ᵀ(Xw − y): of a row before a column nobody takes the derivative alone."""
        at = next((i for i, arg in enumerate(tree.args[:-1]) if self.operand_of(arg) is not None), None)
        operand = self.operand_of(tree.args[at]) if at is not None else None
        if at is None or operand is None:
            return None
        try:
            row = self.build(operand)
        except DeriveError:
            return None
        if not isinstance(row, Expr) or row.shape[0] is not ONE or row.is_scalar:
            return None
        if is_bracketed(operand):
            raise Unread("how far the derivative reaches is open: to this bracket, or over the whole product")
        try:
            rest = self.product([row, *(self.build(arg) for arg in tree.args[at + 1 :])], ["", *tree.data[at:]])
        except DeriveError:
            return None
        if not isinstance(rest, Expr) or not rest.is_scalar:
            return None
        sign = tree.args[at]
        span = (operand.span[0], tree.args[-1].span[1])
        product = Tree("prod", [operand, *tree.args[at + 1 :]], tree.data[at:], span)
        joined = Tree(sign.kind, [product, *sign.args[1:]], sign.data, (sign.span[0], tree.span[1]))
        return Tree("prod", [*tree.args[:at], joined], tree.data[:at], tree.span) if at else joined

    @staticmethod
    def operand_of(tree: Tree) -> Tree | None:
        """The formula that the sign of a first derivative stands before, with no fraction or bracket to end it."""
        is_derivative = tree.kind == "derivative" or tree.kind == "gradient" and tree.data[1]
        if not is_derivative or tree.data[0] != 1 or tree.args[0].kind in ("name", "apply"):
            return None
        return tree.args[0] if tree.span[1] == tree.args[0].span[1] else None  # none of ∂xᵀ/∂x A x, (∇ xᵀx) + 1

    def _sum(self, tree: Tree, entrywise: bool = False) -> Value:
        try:
            return super()._sum(tree, entrywise)
        except ShapeError:
            first = (self.of_product(tree.args[0]) if tree.args[0].kind == "prod" else None) or tree.args[0]
            operand = self.operand_of(first)
            numbers = [self.build(arg) for arg in tree.args[1:]] if operand is not None else []
            if (
                operand is None
                or operand.kind != "prod"
                or is_bracketed(operand)
                or not all(isinstance(n, Expr) and n.is_scalar and symbols_of(n) for n in numbers)
            ):
                raise
            # ∇ xᵀA x + bᵀx is that of both: a vector and numbers have no sum
            return self.build(first.with_args([Tree("sum", [operand, *tree.args[1:]]), *first.args[1:]]))

    def chain_rule(self, tree: Tree) -> Expr | None:
        """∂L/∂z ∂z/∂x as the gradient that it stands for, whatever the order of its factors; None if it is none.

        Each factor is applied to the gradient so far: that of ⟨g, z⟩ by x, with g held.
        """
        links = [arg for arg in tree.args if arg.kind == "derivative" and arg.data[0] == 1]
        ahead = [arg for arg in tree.args if arg not in links]
        if not links or len(links) < 2 - bool(ahead):
            return None
        if len(links) > 1 and links[0].args[1].key() != links[1].args[0].key():
            links.reverse()
        if any(a.args[1].key() != b.args[0].key() for a, b in zip(links, links[1:])):
            return None
        if ahead:
            gradient = self.product([self.build(arg) for arg in ahead], [""] * len(ahead))
        else:
            first = links.pop(0)
            gradient = self.gradient_of(self.function_of(first.args[0]), first.args[1])
        for link in links:
            function = self.function_of(link.args[0])
            if not (isinstance(gradient, Expr) and isinstance(function, Expr)) or gradient.shape != function.shape:
                return None
            held = symbol("held_", *function.shape, properties=["constant"])
            weighted = mul(held, function) if function.is_scalar else inner(held, function)
            gradient = substitute(self.gradient_of(weighted, link.args[1]), {held: gradient})
        self.used.add("chained")
        return gradient if isinstance(gradient, Expr) else None

    def gradient_of(self, function: Expr | Indexed, variable: Tree) -> Expr:
        """The gradient of a scalar, in the shape of the variable."""
        with self.under(Convention()):
            found = self.first(function, variable) if isinstance(function, Expr) and function.is_scalar else None
        if not isinstance(found, Expr):
            raise Unread("a chain rule that does not begin with a number is not read in this order")
        return found

    def share(self, tree: Tree) -> int | None:
        """2 of L₂ where L is known and L₂ is not: the share of the second occurrence of the variable."""
        if tree.kind != "name" or self.lookup(str(tree.data[0])) is not None or self.scope.loss is None:
            return None
        plain, subscripts = str(tree.data[1]), tree.data[2]
        if self.lookup(plain) is None or len(subscripts) != 1 or not str(subscripts[0]).isdigit():
            return None
        return int(str(subscripts[0])) or None

    def _gradient(self, tree: Tree) -> Value:
        if self.assumed and tree.key() in self.assumed:
            return self.assumed[tree.key()]
        order, has_operand = tree.data
        arguments = list(tree.args)
        elsewhere = self.at_another_point(tree)
        if elsewhere is not None:
            return elsewhere
        function = self.function_of(arguments.pop(0)) if has_operand else self.loss("∇")
        if isinstance(function, Indexed):
            raise Unread("the gradient of an entry is not read")
        variable = arguments[0] if arguments else self.own_variable(tree, function) or self.nabla(function)
        if order == 2:
            return self.second(function, [variable, variable])
        held, layout = self.reading, "gradient"
        if not function.is_scalar:  # ∇ of a vector is the transposed Jacobian to most, the Jacobian to some.
            layout = "numerator" if held.layout == "denominator" else "denominator"
        with self.under(Convention(layout, "total", held.lenient, held.projected)):
            return self.first(function, variable)

    def at_another_point(self, tree: Tree) -> Value | None:
        """∇f(x + p) is the gradient of f, taken at x + p; None where f stands at its own variable."""
        operand = tree.args[0] if tree.args else tree
        if len(tree.args) != 1 or operand.kind != "apply" or len(operand.args) != 1:
            return None
        parameters = self.scope.parameters.get(str(operand.data[0]), ())
        variable = self.lookup(parameters[0]) if len(parameters) == 1 else None
        point = self.build(operand.args[0]) if variable is not None else None
        if variable is None or not isinstance(point, Expr) or point is variable or point.shape != variable.shape:
            return None
        value = self._gradient(tree.with_args([operand.with_args([letter(variable.name)])]))
        return substitute(self.scope.inline(value), {variable: point}) if isinstance(value, Expr) else None

    def _path(self, tree: Tree) -> Value:
        self.used.add("share")
        index = int(str(tree.data[0])) - 1 + self.reading.shift
        return self.on_path(max(index, 0), lambda: self.build(tree.args[0]))

    def on_path(self, index: int, build: Callable[[], Value]) -> Value:
        """What is built with one path of a tied variable for its derivative."""
        held = self.reading
        try:
            with self.under(Convention(held.layout, str(index), held.lenient, held.projected)):
                return build()
        finally:
            self.used.discard("path")

    def own_variable(self, tree: Tree, function: Expr) -> Tree | None:
        """The x of ∇f where f(x) is written there, or was defined so: the one argument, a letter of it or defined."""
        operand = tree.args[0] if tree.args and tree.data[1] else tree
        names = [str(a.data[0]) for a in operand.args if a.kind == "name"] if operand.kind == "apply" else []
        names = names or list(self.scope.parameters.get(str(operand.data[0]) if operand.kind == "name" else "", ()))
        letters = {s.name for s in (*symbols_of(self.scope.inline(function)), *self.scope.definitions)}
        return letter(names[0]) if len(names) == 1 and names[0] in letters else None

    def nabla(self, function: Expr) -> Tree:
        name, letters = self.scope.nabla, symbols_of(self.scope.inline(function))
        if name is None:
            candidates = [s for s in self.scope.live if s in letters] or list(letters)
        elif self.lookup(name) not in letters and any(s in self.scope.definitions for s in symbols_of(function)):
            candidates = [s for s in letters if s.is_vector and not s.is_scalar]  # that of another function
            candidates = candidates if len(candidates) == 1 else []
        else:
            return letter(name)
        if not candidates:
            raise Unread("the variable of ∇ is open")
        return letter(candidates[0].name)

    def variable(self, tree: Tree) -> tuple[Expr, Expr | None, bool]:
        """What is differentiated by: a symbol, or a fresh one and what it stands for; transposed or not."""
        if tree.kind == "transpose":
            symbol_, stands_for, turned = self.variable(tree.args[0])
            return symbol_, stands_for, not turned
        built = self.build(tree)
        if not isinstance(built, Expr):
            raise Unread("a derivative by an entry is not read here")
        return *self.standing_for(built), False

    def standing_for(self, built: Expr) -> tuple[Expr, Expr | None]:
        """A symbol to differentiate by, and what it stands for, if that has a formula."""
        if built.op is symbol_op and built not in self.scope.definitions:
            return built, None
        if built.op is symbol_op:
            return symbol(built.name + "_", *built.shape), built
        return symbol("intermediate_", *built.shape), built

    def prepared(self, function: Expr, variable: Expr, stands_for: Expr | None) -> Expr:
        """The function as one of the variable: an intermediate replaced by its symbol."""
        if stands_for is None:
            return self.scope.inline(function)
        scope = self.scope
        if stands_for.op is symbol_op:
            # By a defined name: first where it is written, then where its formula stands.
            others = {s: e for s, e in scope.definitions.items() if s is not stands_for}
            partly = function
            for _ in range(len(others) + 1):
                changed = substitute(partly, others)
                if changed is partly:
                    break
                partly = changed
            if stands_for in symbols_of(partly):
                return scope.inline(substitute(partly, {stands_for: variable}))
        whole = scope.inline(stands_for)
        inlined = scope.inline(function)
        is_named = stands_for.op is symbol_op  # ∂L/∂X⁻¹ is a cotangent of the graph
        if (
            is_named
            and whole.op in (inv, transpose)
            and whole.args[0].op is symbol_op
            and whole.args[0] in symbols_of(inlined)
        ):
            return substitute(inlined, {whole.args[0]: whole.op(variable)})  # Λ = Σ⁻¹ is Σ = Λ⁻¹
        replaced = abstracted(inlined, whole, variable)
        if replaced is None:
            raise Unread(f"{stands_for.text()} does not occur in what is differentiated")
        letters = symbols_of(whole)
        if not is_named and whole.op is inv and whole.args[0].op is symbol_op and letters[0] in symbols_of(replaced):
            self.used.add("held")
            return replaced if self.reading.held else substitute(inlined, {whole.args[0]: inv(variable)})
        if is_named and len(letters) == 1 and letters[0] in symbols_of(replaced):
            raise Unread(f"{letters[0].text()} occurs outside of {stands_for.text()} too")
        return replaced

    def first(self, function: Expr, tree: Tree) -> Value:
        if self.is_entry(tree):
            return self.by_entry(function, tree)
        variable, stands_for, turned = self.variable(tree)
        stacked = stands_for.args[0] if stands_for is not None and stands_for.op is vec else None
        if stacked is not None and stacked.op is symbol_op and function.shape[1] is ONE:
            if stacked not in self.scope.definitions:
                variable, stands_for = stacked, None  # ∂vec(AXB)/∂vec(X)ᵀ
        is_stacked = stacked is variable
        if function.op is symbol_op and function not in self.scope.definitions and function is not variable:
            raise Unread(f"{function.text()} is not defined, so its derivative is open")
        if (root := base_of_power(stands_for)) is not None:  # ∂f/∂σ² = ∂f/∂σ / 2σ
            inlined = self.scope.inline(function)
            if not inlined.is_scalar or root[0] not in symbols_of(inlined):
                raise Unread(f"a derivative by {root[1].text()} is not read here")
            return divide(self.slope(inlined, root[0], turned), self.slope(root[1], root[0], turned))
        layout = self.reading.layout

        def laid_out(prepared: Expr, variable: Expr) -> Expr:
            self.used |= {"layout"} if not variable.is_scalar or not prepared.is_scalar else set()
            if not prepared.is_scalar:
                self.used |= {"row"} if prepared.shape[0] is ONE else set()
                if not is_stacked and (ONE not in prepared.shape or ONE not in variable.shape):
                    self.used.add("stacked")
                value, _ = jacobian(prepared, variable)
                return transpose(value) if layout == "denominator" and not turned else value
            value = self.slope(prepared, variable, turned)
            value = vec(value) if is_stacked else value
            if layout == "numerator" and not turned and not variable.is_scalar:
                self.used.add("turned")
                return transpose(value)
            return transpose(value) if turned else value  # ∂f/∂xᵀ is a row in every layout

        return self.derived(function, variable, stands_for, laid_out)

    def must_occur(self, function: Expr, prepared: Expr, variable: Expr) -> None:
        """A derivative by what does not occur would be 0; it is more likely that we do not know how it occurs."""
        letters = symbols_of(prepared)
        for s in letters:
            broken = self.scope.broken.get(s.name)
            if broken is not None and s is not variable and self.scope.touches(broken.letters, variable.name):
                raise Unread(_of_broken(s.name, self.scope))
        if any("_^-" in s.name and s.name.replace("_^-", "") == variable.name for s in letters):
            raise Unread(f"{variable.text()}⁻ may be an inverse of {variable.text()}")
        stem = variable.name.rstrip("_").rpartition("_")[0]
        others = {s for s in letters if s.name.rpartition("_")[0] == stem}
        formulas = self.scope.definitions.values() if stem and others else ()
        apart = any({variable, *others} <= set(symbols_of(made)) for made in formulas)
        if variable not in letters and stem and others and not apart:  # J(w₁, w₂) has both: each is a letter of its own
            raise Unread(f"what is differentiated has another index than {variable.text()}")
        is_whole = self.whole is not None and self.whole.kind in ("derivative", "gradient")
        if variable not in letters and letters and function.op is not symbol_op and is_whole and not apart:
            raise Unread(f"{variable.name.rstrip('_')} does not occur in what is differentiated")
        if variable not in letters and letters and function.op is symbol_op:
            named = next((n for n, s in self.scope.symbols.items() if s is function), function.text())
            raise Unread(f"{variable.name.rstrip('_')} does not occur in {named}, as far as {named} is defined here")

    def slope(self, loss: Expr, variable: Expr, turned: bool) -> Expr:
        """The gradient of a scalar: whole, or of the occurrences that the reading takes."""
        sweep = self.scope.sweep(loss, variable)
        path = self.reading.path
        if path != "total" and len(sweep.contributions) > 1:
            straight = [c.expression for c in sweep.contributions if c.transposed_from is None]
            across = [c.expression for c in sweep.contributions if c.transposed_from is not None]
            if path.isdigit():
                self.used.add("path")
                # ∂L/∂xᵀ|₂: the second use of xᵀ itself, where it has several
                uses = [s.contribution for s in sweep.steps if s.operand is transpose(variable)] if turned else []
                if len(uses) > 1:
                    return transpose(uses[int(path) % len(uses)])
                return sweep.contributions[int(path) % len(sweep.contributions)].expression
            if straight and across:
                self.used.add("path")
                if path == "split":
                    return add(*(across if turned else straight))
                return add(*across)
        elif path == "total" and len(sweep.contributions) > 1:
            self.used.add("tied")
        if self.reading.projected:
            projected = project(sweep.total, variable)
            if projected is not None:
                self.used.add("projected")
                return projected[0]
        return sweep.total

    def is_entry(self, tree: Tree) -> bool:
        if tree.kind == "entry":
            return True
        return tree.kind == "name" and self.lookup(str(tree.data[0])) is None and bool(tree.data[2])

    def by_entry(self, function: Expr, tree: Tree) -> Value:
        found = self.build(tree)
        if not isinstance(found, Indexed) or found.expr.op is not symbol_op:
            raise Unread("a derivative by this entry is not read")
        if not function.is_scalar:
            raise Unread("the derivative of a vector by an entry is not read")
        slope = self.derived(function, *self.standing_for(found.expr), lambda f, x: self.scope.sweep(f, x).total)
        return Indexed(slope, found.indices)

    def entry_derivative(self, function: Indexed, tree: Tree) -> Value:
        """∂y_i/∂x_j: an entry of the Jacobian."""
        found = self.build(tree)
        if isinstance(found, Indexed) and found.expr.is_vector and function.expr.is_vector:
            if found.expr.op is not symbol_op:
                raise Unread("a derivative by this entry is not read")
            value = self.derived(function.expr, *self.standing_for(found.expr), lambda f, x: jacobian(f, x)[0])
            if function.indices == found.indices:
                return Indexed(diagonal(value), found.indices)  # ∂s_i/∂z_i
            return Indexed(value, function.indices + found.indices)
        raise Unread("the derivative of an entry is not read")

    def second(self, function: Expr, variables: Sequence[Tree]) -> Value:
        first_and_last = [_unstacked(tree) for tree in (variables[0], variables[-1])]
        (first, stands_for_first, _), (last, stands_for, _) = map(self.variable, first_and_last)
        if stands_for is None and stands_for_first is None and function.is_scalar:
            gradient = self.scope.sweep(self.scope.inline(function), first).total
            if self.reading.projected and "symmetric" in last.properties:
                self.used.add("projected")
                gradient = factor(gradient)  # Xᵀ is X in the gradient that most go on from
            return jacobian(gradient, last)[0]
        if stands_for is None or first is not last or not function.is_scalar or base_of_power(stands_for) is not None:
            raise Unread("this second derivative is not read")
        # by s = σ², a name for a part of it
        return self.derived(function, first, stands_for, lambda f, x: jacobian(self.scope.sweep(f, x).total, x)[0])

    def derived(
        self, function: Expr, variable: Expr, stands_for: Expr | None, derive: Callable[[Expr, Expr], Expr]
    ) -> Expr:
        """A derivative by a symbol; by one that stands for a formula, with that put back."""
        prepared = self.prepared(function, variable, stands_for)
        self.must_occur(function, prepared, variable)
        value = derive(prepared, variable)
        return self.scope.inline(substitute(value, {variable: stands_for})) if stands_for is not None else value

    def _name(self, tree: Tree) -> Value:
        """A name; Δf of what has a formula is its differential, beside a Δx."""
        scope, name = self.scope, str(tree.data[0])
        of = self.lookup(scope.directions.get(name, ""))
        if of is None or of not in scope.definitions or not name.startswith("Δ"):
            return super()._name(tree)
        moved = [s for variable in scope.directions.values() if (s := self.lookup(variable)) is not None]
        if {s for m in moved for s in symbols_of(scope.inline(m), scope.definitions.get(m, m))}.isdisjoint(moved):
            raise Unread(f"{name} may be a Laplacian, or how much {name[1:]} changes: of what is open")
        return self.moving(of)

    def _differential(self, tree: Tree) -> Value:
        inner_ = tree.args[0]
        if inner_.kind in ("name", "apply"):
            function = self.function_of(inner_)
        else:
            built = self.build(inner_)
            if isinstance(built, Pending):
                if built.word in ("I", "0", "𝟏"):
                    return Pending(None, None, lambda r, c: zeros(r, c), "0")
                raise Unread("the size of 𝟏, I or 0 is open here")
            function = built
        if isinstance(function, Indexed):
            return Indexed(self.moving(function.expr), function.indices)
        return self.moving(function)

    def moving(self, function: Expr) -> Expr:
        whole = self.scope.inline(function)
        moved = {s: self.scope.moved(s) for s in self.scope.live}
        if function.op is symbol_op and function not in self.scope.definitions and function not in moved:
            moved[function] = self.scope.moved(function)
        if not moved:
            moved = {s: self.scope.moved(s) for s in symbols_of(whole) if "constant" not in s.properties}
        return differential(whole, moved)[0]

    def _directional(self, tree: Tree) -> Value:
        name = str(tree.data[0])
        if name in self.scope.broken:
            raise Unread(_of_broken(name, self.scope))
        function = self.lookup(name)
        if function is None:
            function = self.loss(name)
        parameters = self.scope.parameters.get(name, ())
        whole = self.scope.inline(function)
        variable = self.lookup(parameters[0]) if parameters else None
        point: Expr | None = None
        if tree.args:
            point = self.exact(tree.args[0])
            if variable is None and point.op is symbol_op:
                variable = point
        if variable is None:
            variable = self.scope.live[0] if self.scope.live else None
        if variable is None:
            raise Unread(f"the variable of {name} is open")
        if len(tree.args) == 1 and point is variable:  # Df(b) is the differential, or the row of derivatives
            self.used.add("whole")
            if self.reading.path == "whole":
                self.reading = Convention("numerator")
                return self.first(function, tree.args[0])
        moved = self.scope.moved(variable)
        value, _ = differential(whole, {variable: moved})
        setting: dict[Expr, Expr] = {}
        if point is not None and point is not variable:
            setting[variable] = point
        if len(tree.args) > 1:
            direction = self.exact(tree.args[1])
            if direction is not moved:
                setting[moved] = direction
        return self.scope.inline(substitute(value, setting)) if setting else value

    def _map(self, tree: Tree) -> Value:
        """`H ↦ …`: the value at the direction, taken as the differential of the variable."""
        body = self.build(tree.args[0])
        return body


def _unstacked(tree: Tree) -> Tree:
    """X of (vec X)ᵀ, which a second derivative is by."""
    while tree.kind == "transpose" or tree.kind == "call" and tree.data[0] == "vec":
        tree = tree.args[0]
    return tree


def value_of(
    scope: Scope, tree: Tree | None, shape: Shape | None = None, reading: Convention | None = None,
    assumed: Mapping[object, Expr] | None = None,
) -> Expr | Indexed | None:  # fmt: skip
    """What a tree means; None where it has no value."""
    try:
        return TreeBuilder(scope, reading, assumed).value(tree, shape) if tree is not None else None
    except DeriveError:
        return None


def whole_of(
    scope: Scope, tree: Tree | None, shape: Shape | None = None, reading: Convention | None = None
) -> Expr | None:
    """The number, vector or matrix that a tree means, of the shape if one is asked for; None where it means none."""
    found = value_of(scope, tree, shape, reading)
    return found if isinstance(found, Expr) and shape in (None, found.shape) else None


def base_of_power(whole: Expr | None) -> tuple[Expr, Expr] | None:
    """The letter of σ², and σ²: a power of a number by a constant."""
    if whole is None or whole.op.name != "power" or not whole.is_scalar:
        return None
    base, exponent = whole.args
    return (base, whole) if base.op is symbol_op and exponent.op.name == "number" else None


def _of_broken(name: str, scope: Scope) -> str:
    broken = scope.broken[name]
    return f"{name} is defined in line {broken.number}, which is not read: {broken.why}"


def abstracted(function: Expr, part: Expr, replacement: Expr) -> Expr | None:
    """The function with `part` replaced, also where it is a piece of a product or a sum; None if it is not there."""
    found = False

    def visit(node: Expr, memo: dict[Expr, Expr]) -> Expr:
        nonlocal found
        if node is part:
            found = True
            return replacement
        name = node.op.name
        if name == part.op.name and name in ("matmul", "add") and len(node.args) > len(part.args):
            size = len(part.args)
            for start in range(len(node.args) - size + 1):
                if node.args[start : start + size] == part.args:
                    found = True
                    rest = [memo[a] for a in node.args]
                    return node.op.build((*rest[:start], replacement, *rest[start + size :]))
        args = tuple(memo[a] for a in node.args)
        return node if args == node.args else node.op.build(args, node.data)

    memo: dict[Expr, Expr] = {}
    for node in nodes(function):
        memo[node] = visit(node, memo)
    return memo[function] if found else None
