"""The report on a document: a verdict for each claim, as text, JSON and HTML."""

from __future__ import annotations

from typing import Any

from ..errors import marked

VERDICTS = ("proved", "agrees", "conditional", "definition", "assumption", "unread", "fails")
JUDGED = ("proved", "agrees", "conditional", "fails")
_SIGNS = {
    "proved": "✓", "agrees": "≈", "conditional": "○", "definition": "·", "assumption": "∴", "unread": "?", "fails": "✗",
}  # fmt: skip
_COLORS = {
    "proved": "32", "agrees": "32", "conditional": "36", "definition": "2", "assumption": "2", "unread": "33",
    "fails": "31",
}  # fmt: skip


class Line:
    """A claim and what we say of it.

    Attributes
    ----------
    number : int
        The line of the text in which the claim begins, from 1.
    claim : str
        As written, LaTeX.
    verdict : str
        Of the step that the line makes: "proved"; "agrees", at random points; "conditional", right under
        `condition`; "fails"; "definition", of a new name; "assumption", a statement about particular letters;
        or "unread".
    reason : str
    condition : str or None
        Of a conditional line, such as "A symmetric" or "𝟏ᵀy = 1".
    follows_from : int or None
        The number of an earlier failing line that this one correctly follows from.
    kind, repair, evidence : str or None
        Of a failure: the kind of mistake, the line mended (LaTeX), and a point where both sides differ.
    """

    __slots__ = (
        "number", "claim", "verdict", "reason", "condition", "follows_from", "kind", "repair", "evidence", "span",
    )  # fmt: skip

    def __init__(self, number: int, claim: str, span: tuple[int, int]) -> None:
        self.number = number
        self.claim = claim
        self.verdict = "unread"
        self.reason = ""
        self.condition: str | None = None
        self.follows_from: int | None = None
        self.kind: str | None = None
        self.repair: str | None = None
        self.evidence: str | None = None
        self.span = span

    def as_dict(self) -> dict[str, Any]:
        names = ("number", "claim", "verdict", "reason", "condition", "follows_from", "kind", "repair", "evidence")
        return {name: getattr(self, name) for name in names}

    def __repr__(self) -> str:
        return f"<line {self.number}: {self.verdict}{', ' + self.kind if self.kind else ''}>"


class Report:
    """What `derive.check` says of a document.

    Attributes
    ----------
    ok : bool
        Nothing fails.
    lines : list of Line
        One for each claim, in order.
    readings : list of str
        What was taken for what.
    layout : str
        The layout of derivatives in use.
    skipped : list of (int, str)
        Lines of the text with mathematics that was left out, and why.
    interrupted : str
        How far the check came before it was interrupted; empty where it was not.
    """

    def __init__(self, text: str, lines: list[Line], readings: list[str], where: list[str], layout: str) -> None:
        self.source = text
        self.lines = lines
        self.readings = readings
        self.where = where
        self.layout = layout
        self.skipped: list[tuple[int, str]] = []
        self.interrupted = ""

    @property
    def is_judged(self) -> bool:
        """Whether any claim was judged, right or wrong."""
        return any(line.verdict in JUDGED for line in self.lines)

    @property
    def ok(self) -> bool:
        return not any(line.verdict == "fails" for line in self.lines)

    @property
    def first_failure(self) -> Line | None:
        return next((line for line in self.lines if line.verdict == "fails"), None)

    def counts(self) -> dict[str, int]:
        return {v: sum(line.verdict == v for line in self.lines) for v in VERDICTS}

    def summary(self) -> str:
        counts = self.counts()
        parts = [f"{n} {v}" for v, n in counts.items() if n]
        head = "nothing fails" if self.ok else f"line {self.first_failure.number} fails first"  # type: ignore[union-attr]
        if self.ok and not self.is_judged:
            head = "nothing is judged"
        return f"{len(self.lines)} claims: {', '.join(parts) or 'none'}; {head}"

    def omissions(self) -> str:
        """How many formulas were left out, and why."""
        lines: dict[str, list[str]] = {}
        for number, why in self.skipped:
            lines.setdefault(why, []).append(str(number))
        return "; ".join(
            f"{len(n)} ({why}: line{'s' * (len(n) > 1)} {', '.join(n[:8])}{', …' * (len(n) > 8)})"
            for why, n in lines.items()
        )

    def remarks(self) -> list[tuple[str, str]]:
        """What is said of the document as a whole: each remark with its name."""
        found = [("note", reading) for reading in self.readings]
        if self.skipped:
            found.append(("skipped", self.omissions()))
        if self.where:
            found.append(("shapes", ", ".join(self.where)))
        if self.layout != "gradient":
            found.append(("layout", self.layout))
        return found

    def text(self, color: bool = False) -> str:
        """The report for a terminal: each claim with its verdict, a failing one with place and repair."""
        out: list[str] = []

        def painted(code: str, shown: str) -> str:
            return f"\x1b[{code}m{shown}\x1b[0m" if color else shown

        for line in self.lines:
            sign = painted(_COLORS[line.verdict], f"{_SIGNS[line.verdict]} {line.verdict:11}")
            claim = line.claim if len(line.claim) <= 76 else line.claim[:75] + "…"
            out.append(f"{line.number:4}  {sign}  {claim}")
            if line.verdict == "fails" or (line.verdict == "unread" and line.reason):
                out += ["            " + painted(_COLORS[line.verdict], m) for m in marked(self.source, line.span)]
            if line.reason and line.verdict != "definition":
                out.append(f"            {line.reason}")
            if line.follows_from is not None:
                is_wrong = any(one.verdict == "fails" for one in self.lines if one.number == line.follows_from)
                out.append(f"            follows correctly from line {line.follows_from}{', which fails' * is_wrong}")
            if line.kind:
                out.append(f"            kind: {line.kind}")
            if line.repair:
                out.append(f"            repair: {line.repair}")
            if line.evidence:
                out.append(f"            {line.evidence}")
        out += [f"{name}: {said}" for name, said in self.remarks()]
        out.append(self.summary())
        return "\n".join(out)

    def as_dict(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "ok": self.ok,
            "layout": self.layout,
            "shapes": self.where,
            "readings": self.readings,
            "skipped": [{"number": n, "reason": why} for n, why in self.skipped],
            "lines": [line.as_dict() for line in self.lines],
        }

    def json(self) -> str:
        from json import dumps

        return dumps(self.as_dict(), ensure_ascii=False, indent=2)

    def html(self) -> str:
        """The document with verdicts in the margin, as one page that needs no network."""
        return (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Derivation checked</title>'
            "<style>:root{color-scheme:light dark}body{margin:0}"
            "@media (prefers-color-scheme:dark){body{background:#16181d}}</style></head>"
            f"\n<body>\n{self._repr_html_()}\n</body></html>\n"
        )

    def _repr_html_(self) -> str:
        from html import escape

        from ..render.picture import themed
        from ..render.written import written

        style = themed(".derive-report", _LIGHT, _DARK) + _STYLE

        def quoted(latex: str, is_needed: bool) -> str:
            return written(latex) or (f"<code>{escape(latex)}</code>" if is_needed else "")

        by_number: dict[int, list[Line]] = {}
        for line in self.lines:
            by_number.setdefault(line.number, []).append(line)
        rows = []
        for number, content in enumerate(self.source.splitlines(), 1):
            notes = []
            worst = ""
            for line in by_number.get(number, ()):
                worst = line.verdict if not worst or line.verdict == "fails" else worst
                said = [f"<b>{_SIGNS[line.verdict]} {line.verdict}</b> &ensp; {quoted(line.claim, False)}"]
                if line.reason:
                    said.append(escape(line.reason))
                if line.follows_from is not None:
                    said.append(f"follows from line {line.follows_from}")
                if line.kind:
                    said.append(f"kind: {escape(line.kind)}")
                if line.repair:
                    said.append(f"repair: {quoted(line.repair, True)}")
                if line.evidence:
                    said.append(escape(line.evidence))
                notes.append("<div>" + "<br>".join(said) + "</div>")
            rows.append(
                f'<tr class="{worst}"><td class="n">{number}</td><td class="c"><code>{escape(content)}</code></td>'
                f'<td class="v">{"".join(notes)}</td></tr>'
            )
        table = f"<table>{''.join(rows)}</table>"
        remarks = "<br>".join(escape(f"{name}: {said}") for name, said in self.remarks())
        below = f'<p class="r">{remarks}</p>' * bool(remarks) + f"<p>{escape(self.summary())}</p>"
        return f'<div class="derive-report"><style>{style}</style>{table}{below}</div>'

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from ..render.jupyter import guarded

        plain = self.text()
        return {"text/plain": plain, "text/html": guarded(self._repr_html_(), plain)}

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<Report: {self.summary()}>"


_LIGHT = "--ink:#1f2328;--soft:#767c84;--paper:#fff;--bad:#c62828;--pale:#fdecea;--good:#2e7d32;"
_DARK = "--ink:#e6e9ee;--soft:#9aa4af;--paper:#16181d;--bad:#ff8a80;--pale:#3a1f1e;--good:#66bb6a;"
_STYLE = """
.derive-report{color:var(--ink);background:var(--paper);padding:.5em;font-family:system-ui,sans-serif}
.derive-report table{border-collapse:collapse;font-size:14px;width:100%}
.derive-report tr{background:none!important}
.derive-report td{padding:2px 8px;vertical-align:top;text-align:left!important}
.derive-report p.r{color:var(--soft);font-size:13px;overflow-wrap:anywhere}
.derive-report td.n{color:var(--soft);width:1%}
.derive-report td.c code{white-space:pre-wrap;overflow-wrap:anywhere}
.derive-report td.v{border-left:3px solid transparent;width:56%;overflow-wrap:anywhere}
.derive-report td.v math{font-size:1.15em}
.derive-report tr.fails td.v{border-color:var(--bad);background:var(--pale)}
.derive-report tr.proved td.v,.derive-report tr.agrees td.v{border-color:var(--good)}
.derive-report tr.conditional td.v{border-color:#00838f}
.derive-report tr.unread td.v{border-color:#f9a825}
.derive-report tr.definition td.v,.derive-report tr.assumption td.v{border-color:#bbb}
@media (max-width:600px){.derive-report table,.derive-report tbody,.derive-report tr,.derive-report td{display:block}
.derive-report tr{clear:both}.derive-report td.n{width:2em;float:left;padding:2px 0}
.derive-report td.c{margin-left:2em;padding-left:0}
.derive-report td.v{width:auto;padding-left:1em}.derive-report td.v:empty{display:none}}
""".strip()
