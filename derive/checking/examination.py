"""One examination of a document: read it, judge it under each layout, explain what fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..expr import Expr
from ..shapes import shape_text
from .claims import Reading, read
from .report import Line, Report
from .verdicts import Judge, line_of
from .witness import Witness


def examine(text: str, where: Any = None, progress: Callable[[int, int], None] | None = None) -> Report:
    document = read(text, where)
    witness = witness_of(document)
    layouts = [document.layout] if document.layout else ["gradient", "numerator", "denominator"]
    best: Judge | None = None
    fewest = -1
    for layout in layouts:
        judge = Judge(document, layout, witness)
        failures = judge.run(progress if best is None else None)
        if best is not None and failures < fewest and not _is_supported(best, judge):
            continue
        if best is None or failures < fewest:
            best, fewest = judge, failures
        if not failures:
            break
    assert best is not None
    lines: list[Line] = []
    for claim, judgments in best.judgments:
        line, failing = line_of(claim, judgments, text)
        if failing is not None:
            from .repairs import explain

            explain(best, claim, failing, line)
        lines.append(line)
    scope = document.scope
    notes = list(scope.notes)
    for name, other in scope.aliases.items():
        notes.append(f"{name} is read as {other}: {name} does not occur in what is derived")
    shown = [f"{s.text()}: {shape_text(s.shape)}" for s in scope.symbols.values() if s.name not in scope.directions]
    return Report(text, lines, notes, shown, best.layout)


def _is_supported(plain: Judge, other: Judge) -> bool:
    """Whether a document shows that another layout is meant.

    One gradient by an oblong matrix that stands transposed is more likely a slip; several,
    or rows for gradients by vectors, are a layout.
    """
    names: set[str] = set()
    oblong = 0
    heads: set[object] = set()
    for (claim, before), (_, after) in zip(plain.judgments, other.judgments):
        if not any(j.verdict == "fails" for j in before) or any(j.verdict == "fails" for j in after):
            continue
        head = claim.sides[0].tree
        if head is None or head.kind != "derivative":
            return True
        name = other.variable_name(head)
        made = other.scope.symbols.get(name or "")
        if made is None or made.is_vector or made.is_square or made.is_scalar:
            return True
        oblong += 1
        heads.add(head.key())
        names.add(name or "")
    return len(heads) > 1


def witness_of(document: Reading) -> Witness:
    scope = document.scope
    base: dict[Expr, None] = {}
    for made in scope.symbols.values():
        if made not in scope.definitions:
            base[made] = None
            if not made.is_scalar or made in scope.live:
                base[scope.moved(made)] = None
    domain = []
    for body in scope.definitions.values():
        whole = scope.inline(body)
        domain.append(whole)
    return Witness(list(base), domain)
