"""The rules of the calculus in words: their names, their statements over generic operands, their proofs.

A rule is proved by differentials: from dY in terms of dA, dB, the pullbacks are the
factors of dA and dB in dL = <G, dY>, where G = ∂L/∂Y [MN, ch. 9].
"""

from __future__ import annotations

from ..expr import Expr, symbol
from ..rules import Rule
from ..steps import lightened
from . import Formula, Name, Partial
from .blocks import Exposition, Row

TITLES = {
    "add": "Sum",
    "transpose": "Transpose",
    "trace": "Trace",
    "norm": "Norm",
    "matmul": "Matrix product",
    "mul": "Product",
    "scale": "Scalar times matrix",
    "hadamard": "Hadamard product",
    "kron": "Kronecker product",
    "sq_norm": "Squared norm",
    "norm1": "1-norm",
    "inv": "Inverse",
    "matpow": "Matrix power",
    "inner": "Inner product",
    "logdet": "Log-determinant",
    "det": "Determinant",
    "sum": "Sum of the entries",
    "diag": "Diagonal of a matrix",
    "Diag": "Diagonal matrix",
    "vec": "Stacking columns",
    "logsumexp": "Log-sum-exp",
    "block": "Block matrix",
    "expm": "Matrix exponential",
    "tril": "Lower triangle",
    "triu": "Upper triangle",
    "submatrix": "Part of a matrix",
}


def generic(view: Expr, taken: set[str], result_name: str | None = None) -> tuple[Expr, tuple[Expr, ...], Expr]:
    """The operation over generic operands A, B, …, those operands, and a name for the result."""
    groups = [g for g in ("ABCDEF", "PQRSTU", "UVYZST", "EFGHJK") if not {*g[: len(view.args) + 1]} & taken]
    free = list(groups[0] if groups else [f"A_{i}" for i in range(10)])
    is_capital = view.op.name in ("matmul", "hadamard", "kron")
    operands: list[Expr] = []
    for i, arg in enumerate(view.args):
        if arg.op.name == "number":
            operands.append(arg)
            continue
        letter = free[i] if is_capital or not (arg.is_scalar or arg.is_vector) else free[i].lower()
        if view.op.name == "matmul":  # a row or a column obeys the same rule
            operands.append(symbol(letter, f"n_{i}", f"n_{i + 1}"))
        else:
            operands.append(symbol(letter, *arg.shape, properties=arg.properties))
    letter = result_name or free[len(view.args)]
    result = letter if is_capital or not (view.is_scalar or view.is_vector) else letter.lower()
    node = view.op.make(tuple(operands), view.data)
    return node, tuple(operands), symbol(result, *node.shape)


def prove(out: Exposition, rule: Rule, view: Expr) -> None:
    """State a rule over generic operands, with its proof by differentials and its source."""
    node, operands, result = generic(view, {"G", "L", "Y"}, "Y")
    title = TITLES.get(view.op.name, view.op.name)
    moved = [None if a.op.name == "number" else symbol(f"d{a.name}", *a.shape) for a in operands]
    cotangent = symbol("g" if node.is_scalar else "G", *node.shape)
    out.say(f"{title[:1].upper()}{title[1:]}, ", [result, "=", node], f" ({rule.source}):")
    pushed = lightened(rule.push(node, moved))
    out.show(Row(["d", result], ("=", [pushed])))
    parts: list[object] = []
    found: list[str | Formula] = []
    for i, (operand, step) in enumerate(zip(operands, moved)):
        if step is None:
            continue
        pulled = lightened(rule.pull(cotangent, node, i))
        parts += [*(["+"] if parts else []), "⟨", pulled, ",", step, "⟩"]
        found += [*([", "] if found else []), [Partial(["∂", Name("L")], ["∂", operand]), "=", pulled]]
    start: Formula = ["⟨", cotangent, ",", "d", result, "⟩"]
    middle: Formula = ["⟨", cotangent, ",", pushed, "⟩"]
    rights = [("=", start), ("=", middle)] + ([("=", parts)] if parts != list(middle) else [])
    out.show(Row(["d", Name("L")], *rights))  # type: ignore[arg-type]
    out.say("so that ", *found, ".")
    if rule.note:
        out.say(f"Here {rule.note}.")
