"""The order of evaluation: every chain of products cut into products of two.

A chain is cut by dynamic programming over its intervals.  An interval that another chain
computes is free; intervals that several chains contain are tried as shared values, and kept
where the sum of all costs falls.  Chains past `MAX_EXACT` factors are multiplied from the
end that is narrower, so that cost stays linear in their length and suffixes are shared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..shapes import ONE, Dim
from .costs import SampleSizes
from .terms import Term, Value, is_positive_definite, values_below

MAX_EXACT = 14  # factors of a chain that is cut by dynamic programming
MAX_SHARED_SEARCH = 40  # chains among which shared intervals are looked for
MAX_CANDIDATES = 48

Key = tuple[Any, ...]
Plan = dict[Key, tuple[list[Term], int, int, int]]  # an interval: the factors, its start, its cut, its end


def interval_key(factors: Sequence[Term]) -> Key:
    """The same for a product and for its transpose."""
    straight = tuple((f.body.number, f.flipped) for f in factors)
    turned = tuple((f.body.number, f.T.flipped) for f in reversed(factors))
    return min(straight, turned)


class MatrixChain:
    """A product to be cut: its factors, and whether it closes to a trace."""

    __slots__ = ("value", "factors", "is_cycle", "keys", "costs")

    def __init__(self, value: Value, turns: int = 1) -> None:
        self.value = value
        self.factors = list(value.args) * turns
        self.is_cycle = value.kind == "cycle"
        count, longest = len(self.factors), len(value.args)
        self.costs: dict[tuple[int, int, int], float] = {}  # of one product, by first factor, cut and last factor
        self.keys: dict[tuple[int, int], Key] = {}
        if longest <= MAX_EXACT or self.is_cycle:
            for i in range(count):
                for j in range(i + 1, min(count, i + longest)):
                    self.keys[i, j] = interval_key(self.factors[i : j + 1])


class Cutter:
    """Cuts all chains below some roots.

    Attributes
    ----------
    explicit : set of Value
        Inverses that are needed as arrays; all others are solved with.
    """

    def __init__(self, roots: Iterable[Value], sizes: SampleSizes, keeps_constants: bool = False) -> None:
        self.sizes = sizes
        order = values_below(roots)
        self.constant = constant_values(order) if keeps_constants else set()
        self.chains = [MatrixChain(v) for v in order if v.kind in ("chain", "cycle")]
        self.explicit = explicit_inverses(order, roots)
        self.shared: set[Key] = set()
        self.plan: Plan = {}
        self.search()

    # Costs

    def is_diagonal(self, factors: Sequence[Term], i: int, j: int) -> bool:
        return all(f.body.kind == "Diag" for f in factors[i : j + 1])

    def solves(self, factors: Sequence[Term], i: int, j: int) -> bool:
        return i == j and factors[i].body.kind == "inv" and factors[i].body not in self.explicit

    def product_cost(self, factors: Sequence[Term], i: int, k: int, j: int) -> float:
        """Of the product of the intervals i..k and k+1..j."""
        p, q, r = factors[i].shape[0], factors[k].shape[1], factors[j].shape[1]
        if self.constant and all(f.body in self.constant for f in factors[i : j + 1]):
            return 0.0
        left_diagonal, right_diagonal = self.is_diagonal(factors, i, k), self.is_diagonal(factors, k + 1, j)
        if left_diagonal and right_diagonal:
            return self.sizes.product(1, p, ONE, ONE)
        if left_diagonal or right_diagonal:
            # What is made on the way is scaled where it stands, an argument into an array of its own.
            other = factors[k + 1 : j + 1] if left_diagonal else factors[i : k + 1]
            return self.sizes.product(1.5 if len(other) == 1 and other[0].body.kind == "input" else 1, p, r, ONE)
        for edge in (factors[i] if i == k else None, factors[j] if j == k + 1 else None):
            if edge is not None and edge.body.kind == "ones":
                return self.sizes.product(1, p, q, r)
            if edge is not None and edge.body.kind == "basis":
                return 0.0
        cost = self.sizes.product(2, p, q, r)
        if self.solves(factors, k + 1, j) or self.solves(factors, i, k):
            cost += self.sizes.product(0.7, q, q, q)
            if self.solves(factors, k + 1, j) and self.solves(factors, i, k):
                cost += self.sizes.product(2, q, q, q)
        return cost

    def tables(
        self, chain: MatrixChain, plan: Plan, longest: int | None = None
    ) -> tuple[dict[tuple[int, int], float], dict[tuple[int, int], int]]:
        """The least cost of every interval, and where it is cut."""
        factors, costs = chain.factors, chain.costs
        count = len(factors)
        best: dict[tuple[int, int], float] = {(i, i): 0.0 for i in range(count)}
        cut: dict[tuple[int, int], int] = {}
        for length in range(2, (longest or count) + 1):
            for i in range(count - length + 1):
                j = i + length - 1
                if chain.keys[i, j] in plan:
                    best[i, j] = 0.0
                    continue
                least, where = float("inf"), i
                for k in range(i, j):
                    cost = best[i, k] + best[k + 1, j]
                    if cost < least:
                        product = costs.get((i, k, j))
                        if product is None:
                            product = costs[i, k, j] = self.product_cost(factors, i, k, j)
                        cost += product
                        if cost < least * (1 - 1e-12):
                            least, where = cost, k
                best[i, j] = least
                cut[i, j] = where
        return best, cut

    def cut_chain(self, chain: MatrixChain, plan: Plan) -> float:
        """The cost of a chain; what it computes becomes free for the chains after it."""
        if chain.is_cycle:
            return self.cut_cycle(chain, plan)
        if len(chain.factors) > MAX_EXACT:
            return 0.0
        best, cut = self.tables(chain, plan)
        self.settle(chain, cut, 0, len(chain.factors) - 1, plan)
        return best[0, len(chain.factors) - 1]

    def settle(self, chain: MatrixChain, cut: dict[tuple[int, int], int], i: int, j: int, plan: Plan) -> None:
        """Note how an interval and its parts are computed, unless another chain does."""
        if i == j or chain.keys[i, j] in plan:
            return
        k = cut[i, j]
        self.settle(chain, cut, i, k, plan)
        self.settle(chain, cut, k + 1, j, plan)
        plan[chain.keys[i, j]] = (chain.factors, i, k, j)

    def cut_cycle(self, chain: MatrixChain, plan: Plan) -> float:
        """tr(A B ...) is Σ P ⊙ Qᵀ for the cheapest cut of the cycle in two products."""
        count = len(chain.factors)
        rotations = count if 2 * count <= MAX_EXACT else 1
        unrolled = MatrixChain(chain.value, 2 if rotations > 1 else 1)
        best, cut = self.tables(unrolled, plan, count - 1)
        least, split = float("inf"), (0, 0)
        for start in range(rotations):
            end = start + count - 1
            for k in range(start, end):
                p, q = unrolled.factors[start].shape[0], unrolled.factors[k].shape[1]
                cost = best[start, k] + best[k + 1, end] + self.sizes.product(2, p, q, ONE)
                if cost < least * (1 - 1e-12):
                    least, split = cost, (start, k)
        start, k = split
        self.settle(unrolled, cut, start, k, plan)
        self.settle(unrolled, cut, k + 1, start + count - 1, plan)
        plan[("cycle", chain.value.number)] = (unrolled.factors, start, k, start + count - 1)
        return least

    # Sharing

    def total(self, shared: set[Key]) -> tuple[float, Plan]:
        """The cost of all chains where the shared intervals are computed once."""
        plan: Plan = {}
        cost = 0.0
        pending = set(shared)
        for chain in self.chains:
            if pending:
                spans = [(i, j) for (i, j), key in chain.keys.items() if key in pending]
                if spans:
                    for i, j in sorted(spans, key=lambda span: span[1] - span[0]):
                        key = chain.keys[i, j]
                        if key in pending:
                            best, cut = self.tables(chain, plan)
                            pending.discard(key)
                            cost += best[i, j]
                            self.settle(chain, cut, i, j, plan)
            cost += self.cut_chain(chain, plan)
        return cost, plan

    def search(self) -> None:
        """Tries the intervals that occur more than once as shared values."""
        cost, self.plan = self.total(set())
        if len(self.chains) > MAX_SHARED_SEARCH:
            return
        counts: dict[Key, int] = {}
        for chain in self.chains:
            last: dict[Key, int] = {}
            for (i, j), key in sorted(chain.keys.items()):
                if key not in last or i > last[key]:
                    counts[key] = counts.get(key, 0) + 1
                    last[key] = j
        repeated = [key for key, times in counts.items() if times > 1]
        repeated.sort(key=lambda key: (-len(key) * counts[key], key))
        candidates = repeated[:MAX_CANDIDATES]
        while candidates:
            trials = [(*self.total(self.shared | {key}), key) for key in candidates]
            least = min(range(len(trials)), key=lambda index: trials[index][0])
            if trials[least][0] >= cost * (1 - 1e-9):
                return
            cost, self.plan = trials[least][:2]
            self.shared.add(trials[least][2])
            candidates = [key for key in candidates if key not in self.shared][:16]


def explicit_inverses(order: Sequence[Value], roots: Iterable[Value]) -> set[Value]:
    """Inverses that something other than a product needs, or the trace of a positive definite one."""
    found = {value for value in roots if value.kind == "inv"}
    for value in order:
        if value.kind not in ("chain", "cycle"):
            inverses = (t.value for t in value.args if t.value is not None and t.value.kind == "inv")
            found.update(i for i in inverses if value.kind != "trace" or not is_positive_definite(i))
    return found


def constant_values(order: Iterable[Value]) -> set[Value]:
    """Values made of arguments declared constant alone."""
    found: set[Value] = set()
    for value in order:
        if value.kind == "input":
            if "constant" in value.data[0].properties:
                found.add(value)
            continue
        parts = [part for term in value.args for part in term.parts()]
        if parts and all(part in found for part in parts):
            found.add(value)
    return found


def dims_of(order: Iterable[Value]) -> set[str]:
    """The names of the dimensions of some values."""
    names: set[str] = set()
    for value in order:
        names |= value.shape[0].names | value.shape[1].names
        for term in value.args:
            names |= term.shape[0].names | term.shape[1].names
        for item in value.data:
            if isinstance(item, Dim):
                names |= item.names
    return names
