"""One examination of a document: read it, judge it under each layout, explain what fails."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ..expr import Expr, symbols_of
from ..progress import keep_what_there_is, stage
from ..shapes import shape_text
from .claims import Claim, Reading
from .reading import read
from .report import Line, Report
from .verdicts import Judge, line_of
from .witness import Witness


def examine(text: str, where: Any = None, progress: Callable[[int, int], None] | None = None) -> Report:
    document = read(text, where)
    witness = witness_of(document)
    _choose_variable(document, witness)
    layouts = [document.layout] if document.layout else ["gradient", "numerator", "denominator"]
    best: Judge | None = None
    fewest = -1
    interrupted = ""
    for layout in layouts:
        judge = Judge(document, layout, witness)
        try:
            failures = judge.run((progress or tell) if best is None else None)
        except KeyboardInterrupt as interrupt:
            keep_what_there_is(interrupt)
            best = best or judge
            interrupted = f"interrupted after {len(best.judgments)} of {len(document.claims)} claims"
            break
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
        if failing is not None and not interrupted:
            from .repairs import explain

            stage("looking for repairs", len(lines), len(best.judgments))
            try:
                explain(best, claim, failing, line)
            except KeyboardInterrupt as interrupt:
                keep_what_there_is(interrupt)
                interrupted = "interrupted while looking for repairs"
        _renamed(document, claim, line)
        lines.append(line)
    scope = document.scope
    notes = list(scope.notes)
    for name, other in scope.aliases.items():
        notes.append(f"{name} is read as {other}: {name} does not occur in what is derived")
    shown = [f"{s.text()}: {shape_text(s.shape)}" for s in scope.symbols.values() if s.name not in scope.directions]
    report = Report(text, lines, notes + [interrupted] * bool(interrupted), shown, best.layout)
    report.interrupted = interrupted
    return report


def tell(done: int, total: int) -> None:
    stage("checking claims", done, total)


def _choose_variable(document: Reading, witness: Witness) -> None:
    """The variable of a ∇ that names none: the one under which the fewest lines fail."""
    scope = document.scope
    loss = scope.symbols.get(scope.loss or "")
    if not document.open_nabla or loss is None:
        return
    fewest = -1
    for candidate in sorted(symbols_of(scope.inline(loss)), key=_likelihood):
        if candidate.properties & {"constant"}:
            continue
        held, scope.nabla = scope.nabla, candidate.name
        failures = Judge(document, "gradient", witness).run()
        if fewest < 0 or failures < fewest:
            fewest = failures
        else:
            scope.nabla = held
        if not failures:
            return


def _likelihood(symbol: Expr) -> int:
    order = "wxθβWXuvzΘ"
    return order.index(symbol.name[0]) if symbol.name[0] in order else len(order) + symbol.is_scalar


def _renamed(document: Reading, claim: Claim, line: Line) -> None:
    """Say of a line that a letter of the wrong case stands in it."""
    for name, other in document.scope.aliases.items():
        written = [
            t
            for side in claim.sides
            for t in (side.tree.walk() if side.tree is not None else ())
            if t.kind == "name" and t.data[0] == name
        ]
        if not written:
            continue
        said = f"{name} is read as {other}: {name} does not occur in what is derived"
        line.reason = f"{line.reason}; {said}" if line.reason else said
        if line.verdict == "fails" or line.kind:
            continue
        line.kind = "name"
        line.repair = re.sub(rf"(?<![A-Za-z\\]){re.escape(name)}(?![A-Za-z])", other, line.claim)


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
