"""One examination of a document: read it, judge it under each layout, explain what fails."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .. import names
from ..errors import DeriveError
from ..expr import Expr, symbols_of
from ..progress import keep_what_there_is, stage
from ..shapes import shape_text
from .claims import Claim, Claims, parts_of
from .dependences import by_variable
from .generic_layers import in_layers
from .heads import as_written
from .interpretation import read
from .judgments import line_of
from .layouts import judged
from .report import Line, Report
from .upstream import carry
from .verdicts import Judge
from .witness import Witness

MAX_EDITS = 4_000  # tried in search of repairs, on all lines of a document


class Budget:
    """How many edits a document may still cost."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MAX_EDITS


def examine(text: str, where: Any = None, progress: Callable[[int, int], None] | None = None) -> Report:
    document = read(text, where)
    total, done = len(document.claims), 0
    say = progress or tell
    interrupted = ""
    judges: list[Judge] = []
    last: dict[str, Judge] = {}  # under each layout

    def judge(scope: Claims, layout: str, counts: bool) -> Judge:
        nonlocal done
        witness = witness_of(scope)
        if counts:
            _choose_variable(scope, witness)
        made = Judge(scope, layout, witness)
        carry(made, last.get(layout) if scope is not document.scopes[0] else None)
        last[layout] = made
        if counts:
            judges.append(made)
        made.run((lambda i, _: say(done + i, total)) if counts else None)
        done += len(scope.claims) * counts
        return made

    layout = document.layout or "gradient"
    try:
        best, layout = judged(document.scopes, document.layout, judge)
    except KeyboardInterrupt as interrupt:
        keep_what_there_is(interrupt)
        best = judges
        interrupted = f"interrupted after {sum(len(j.judgments) for j in best)} of {total} claims"
    if total and not interrupted:
        say(total, total)
    lines: list[Line] = []
    places = document.manuscript
    budget = Budget()
    for one in best:
        for claim, judgments in one.judgments:
            if not claim.is_shown:
                continue
            line, failing = line_of(claim, judgments)
            if claim.is_instance and (line.verdict == "unread" or "the shapes" in line.reason):
                line.verdict, line.reason, failing = "definition", "a rule in letters of its own", None
            if failing is not None and not interrupted:
                from .repairs import explain

                stage("looking for repairs", len(lines), total)
                said = list(one.scope.notes)
                try:
                    explain(one, claim, failing, line, budget)
                except KeyboardInterrupt as interrupt:
                    keep_what_there_is(interrupt)
                    interrupted = "interrupted while looking for repairs"
                except DeriveError:
                    pass  # what was tried is defined nowhere, and mends nothing
                one.scope.notes[:] = said  # what was tried is no reading of the document
            line.repair = by_variable(line.repair, claim.sides[0].tree) if line.repair else line.repair
            _renamed(one.document, claim, line)
            _fitted(one.document, claim, line)
            if document.neurons & {str(t.data[0]) for t in parts_of([claim]) if t.kind == "name"}:
                _under(line, "one neuron per layer")
            if document.has_layers and line.repair:
                line.repair = in_layers(line.repair, line.claim)
            if document.heads:
                line.reason, line.repair = (as_written(t, document.heads) for t in (line.reason, line.repair or ""))
            line.span = places.span(*line.span)
            lines.append(line)
    lines.sort(key=lambda line: (line.number, line.span))
    notes, shown = list(document.notes), []
    for scope in (reading.scope for reading in document.scopes):
        notes += scope.notes
        for name, other in scope.aliases.items():
            notes.append(f"{name} is read as {other}: {name} does not occur in what is derived")
        shown += [
            f"{s.text().removesuffix('_star')}{'*' * s.name.endswith('_star')}: {shape_text(s.shape)}"
            for s in scope.symbols.values()
            if s.name not in scope.directions and not any(s is loss for loss, _ in scope.upstream.values())
        ]
    notes = [as_written(note, document.heads) for note in notes]
    notes = list(dict.fromkeys(notes + [interrupted] * bool(interrupted)))
    report = Report(places.source, lines, notes, list(dict.fromkeys(shown)), layout)
    report.skipped = places.skipped
    report.interrupted = interrupted
    return report


def tell(done: int, total: int) -> None:
    stage("checking claims", done, total)


def _choose_variable(document: Claims, witness: Witness) -> None:
    """The variable of a ∇ that names none: the one under which the fewest lines fail."""
    scope = document.scope
    loss = scope.symbols.get(scope.loss or "")
    if not document.open_nabla or loss is None:
        return
    fewest, likeliest = -1, ""
    for candidate in sorted(symbols_of(scope.inline(loss)), key=_likelihood):
        if candidate.properties & {"constant"}:
            continue
        held, scope.nabla = scope.nabla, candidate.name
        likeliest = likeliest or candidate.name
        failures = Judge(document, "gradient", witness).run()
        if fewest < 0 or failures < fewest:
            fewest = failures
            document.fitted_nabla = candidate.name if candidate.name != likeliest else None
        else:
            scope.nabla = held
        if not failures:
            return


def _fitted(document: Claims, claim: Claim, line: Line) -> None:
    """Name the variable of a ∇ as a condition where only that makes the line right."""
    is_open = any(t.kind == "gradient" and len(t.args) == bool(t.data[1]) for t in parts_of([claim]))
    if document.fitted_nabla is not None and is_open:
        _under(line, f"∇ by {names.text(document.fitted_nabla)}")


def _under(line: Line, condition: str) -> None:
    """Name a condition more of a line that is right."""
    if line.verdict in ("proved", "agrees", "conditional"):
        said = ", ".join(filter(None, (line.condition, condition)))
        line.verdict, line.condition, line.reason = "conditional", said, f"right if {said}"


def _likelihood(symbol: Expr) -> int:
    order = "wxθβWXuvzΘ"
    return order.index(symbol.name[0]) if symbol.name[0] in order else len(order) + symbol.is_scalar


def _renamed(document: Claims, claim: Claim, line: Line) -> None:
    """Say of a line that a letter of the wrong case stands in it."""
    for name, other in document.scope.aliases.items():
        written = [t for t in parts_of([claim]) if t.kind == "name" and t.data[0] == name]
        if not written:
            continue
        said = f"{name} is read as {other}: {name} does not occur in what is derived"
        line.reason = f"{line.reason}; {said}" if line.reason else said
        if line.verdict == "fails" or line.kind:
            continue
        line.kind = "name"
        line.repair = re.sub(rf"(?<![A-Za-z\\]){re.escape(name)}(?![A-Za-z])", other, line.claim)


def witness_of(document: Claims) -> Witness:
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
