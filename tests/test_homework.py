"""Documents as people write them: right ones raise no alarm, planted mistakes are found, named and mended."""

from __future__ import annotations

import pytest

from derive.checking import check
from tests.homework import HOMEWORK

PLANTED = [(n, kind, old, new) for n, (_, mistakes) in enumerate(HOMEWORK) for kind, old, new in mistakes]


@pytest.mark.parametrize("number", range(len(HOMEWORK)))
def test_right_documents_raise_no_alarm_and_are_judged(number):
    report = check(HOMEWORK[number][0])
    assert report.ok and report.is_judged, report.text()


def test_planted_mistakes_are_found_named_and_mended():
    unfound, misnamed, unmended = [], [], []
    for number, kind, old, new in PLANTED:
        text = HOMEWORK[number][0]
        assert text.count(old) == 1, (number, old)
        text = text.replace(old, new)
        report = check(text)
        failing = [line for line in report.lines if line.verdict == "fails"]
        if not failing:
            unfound.append((number, kind, new))
            continue
        line = failing[0]
        if line.kind not in (kind if isinstance(kind, tuple) else (kind,)):
            misnamed.append((number, kind, line.kind))
        mended = line.repair and text.splitlines()[line.number - 1]
        if not mended or not check(_with_line(text, line.number, f"$${line.repair}$$")).ok:
            unmended.append((number, kind, line.repair))
    total = len(PLANTED)
    assert len(unfound) <= 0.05 * total, unfound
    assert len(misnamed) <= 0.15 * total, misnamed
    assert len(unmended) <= 0.1 * total, unmended


def _with_line(text: str, number: int, line: str) -> str:
    lines = text.splitlines()
    lines[number - 1] = line
    return "\n".join(lines)


FORMULAS = [
    ("½‖WᵀWx − x‖²", "W"),
    ("‖Ax − b‖² + λ‖x‖²", "x"),
    ("log det(X)", "X"),
    ("tr(AXBXᵀ)", "X"),
    ("‖σ(Wx + b) − y‖²", "W"),
    ("sum(exp(X w))", "w"),
    ("logsumexp(A x)", "x"),
    ("‖X − U Vᵀ‖²", "U"),
    ("−yᵀ log(softmax(W x))", "W"),
]


@pytest.mark.parametrize("form", ["latex", "text", "markdown"])
def test_what_derive_writes_it_reads_and_finds_right(form):
    import derive

    for formula, wrt in FORMULAS:
        made = derive.gradient(formula, wrt)
        report = check(getattr(made, form)())
        assert report.ok, f"{formula}: {report.text()}"
        assert report.is_judged, f"{formula}: {report.text()}"
