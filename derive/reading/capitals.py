"""Capital letters before brackets: the factors that are read as functions, and the functions read as factors.

Habit has Φ(x) a function and A(x − b) a product; what stands around the bracket can say otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..expr import Expr, nodes
from ..operations import add, hadamard, inner, matmul, scale, trace, transpose
from ..own_functions import OwnFunction
from .tokens import Token, closing

if TYPE_CHECKING:
    from .scope import Reading


def matrix_letters(exprs: Sequence[Expr]) -> set[str]:
    """The Λ of tr(Λ(WᵀW − I)) and of (x − μ)ᵀΛ(x − μ): no function of what stands in the bracket.

    A capital letter that begins a trace is a matrix, and so is one between the same sum twice; what is
    transposed as a function is, as in tr(Φ(X)Φ(X)ᵀ), is a function.
    """
    heads = []
    turned = {node.args[0] for expr in exprs for node in nodes(expr) if node.op is transpose}
    for node in (node for expr in exprs for node in nodes(expr)):
        if node.op in (matmul, inner, hadamard):  # of samples as rows, the products of pairs stand entry by entry
            for left, right in zip(node.args, node.args[1:]):
                left = left.args[0] if left.op is transpose else left
                heads += [right] if left.op is add and right.args == (left,) else []
        elif node.op is trace:
            while node.op in (trace, scale, matmul):
                node = node.args[-1] if node.op is scale else node.args[0]
            heads.append(node)
    called = {head.op.label for head in heads if isinstance(head.op, OwnFunction) and head.op.label[0].isupper()}
    return called - {head.op.label for head in turned if isinstance(head.op, OwnFunction)}


def turned_letters(reading: Reading) -> set[str]:
    """The capital letters before brackets without a sum of which one is transposed, as in F(x)ᵀ."""
    turned, before_sum = set(), set()
    tokens = [t for s in reading.statements for t in s.tokens] if reading.multiplied else []
    for i, letter in enumerate(tokens):
        depth, end = 0, closing(tokens, i + 1) if letter.value in reading.multiplied else i
        for token in tokens[i + 1 : end]:
            depth += (token.kind == "open") - (token.kind == "close")
            if depth == 1 and token.text in ("+", "-"):
                before_sum.add(str(letter.value))
        if end > i and is_transposed(tokens[end + 1 : end + 4]):
            turned.add(str(letter.value))
    return turned - before_sum


def is_transposed(behind: Sequence[Token]) -> bool:
    """Whether a mark of transposition begins what stands behind a bracket."""
    marks = [token for token in behind if token.text not in ("^", "{")]
    return bool(marks) and (marks[0].kind == "trans" or behind[0].text == "^" and marks[0].text in ("T", "t"))
