"""Names of the intermediates of generated code."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ..own_functions import operation_named
from .signature import Signature
from .terms import Term, Value


def suggested(value: Value, names: Mapping[Value, str], signature: Signature, taken: Collection[str]) -> str:
    """A name that says what the value is."""

    def shown(term: Term) -> str | None:
        body = term.value
        if body is None:
            return None
        known = signature.name_of.get(body.data[0]) if body.kind == "input" else names.get(body)
        return None if known is None else known + ("t" if term.flipped and not body.is_vector else "")

    parts = [shown(term) for term in value.args]
    kind = value.kind
    if kind in ("product", "dot") and all(parts):
        joined = "".join(p for p in parts if p)
        if len(joined) <= 6:
            return joined
    if parts and parts[0] and len(parts[0]) <= 6:
        first = parts[0]
        pattern = PATTERNS.get(kind)
        if pattern is not None:
            return pattern.format(first.removesuffix("_chol"))
        if len(value.args) == 1 and kind not in ("sum", "entries"):
            return f"{getattr(operation_named(kind), 'parameter', kind)}_{first}"
    if kind == "sum" and any(term.coefficient < 0 for term in value.args):
        letters = "c" if value.is_scalar else "r" if value.is_vector else "R"
    else:
        letters = "c" if value.is_scalar else "v" if value.is_vector else "M"
    counted = 1
    candidate = letters
    while candidate in taken:
        counted += 1
        candidate = f"{letters}{counted}"
    return candidate


PATTERNS = {
    "inverse": "{}_inv",
    "spd_inverse": "{}_inv",
    "cholesky": "{}_chol",
    "triangle_inverse": "{}_inv",
    "sq_norm": "{}_sq",
    "row_sums": "{}_sums",
    "total": "{}_sum",
    "spd_logdet": "{}_logdet",
    "diagonal": "{}_diag",
    "submatrix": "{}_part",
    "row_softmax": "softmax_{}",
    "row_logsumexp": "logsumexp_{}",
}
