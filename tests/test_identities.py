"""Every row of the identities: true by numbers, reached, needed, and named by a source.

A row states itself as a formula with its side condition as declarations, so each is
tested by what it says.
"""

from __future__ import annotations

import re

import pytest

import derive
from derive.algebra import identities
from derive.algebra.forms import factor
from derive.algebra.identities import IDENTITIES, Identity
from derive.algebra.normal import Normalizer
from derive.algebra.points import agree
from derive.algebra.proofs import proved
from derive.operations import add, scale
from derive.reading import parse_together

ROWS = [row for rows in IDENTITIES.values() for row in rows]
RECOGNIZED = {"tanh in sums", "whole powers exp"}  # tried when a box is sought, no part of the normal form
SOURCES = ("definition", *re.findall(r"^\[\w+", identities.__doc__ or "", re.MULTILINE))


def sides(row: Identity):
    """Both sides of a statement, as `derive` reads them."""
    return parse_together(row.statement.split(" = "), row.given)[0]


def have_one_form(left, right) -> bool:
    return not Normalizer().full(add(left, scale(-1, right))).terms


def name_of(row: Identity) -> str:
    return f"{row.family}: {row.statement}"


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_a_row_is_true(row):
    """By the values of both sides, which know nothing of the normal form."""
    left, right = sides(row)
    assert agree(left, right, points=4)
    assert row.source.startswith(SOURCES)
    assert row.apply.__name__ != "_", "a traceback names the identity"


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_a_row_is_reached_and_needed(row, monkeypatch):
    left, right = sides(row)
    if row.family in RECOGNIZED:
        assert factor(left) is factor(right)
        return
    ctx = Normalizer()
    ctx.full(left)
    assert row in ctx.used
    assert have_one_form(left, right) and proved(left, right)
    monkeypatch.setattr(row, "apply", lambda *place: [] if row.family.startswith("same") else None)
    try:
        assert not have_one_form(left, right)
    except IndexError:
        assert row.family in ("sum", "trace")  # the row of the empty product


def test_a_false_row_is_found(monkeypatch):
    row = next(row for row in ROWS if row.statement == "A⁻¹ A = I")
    monkeypatch.setattr(row, "statement", "A⁻¹ A = 2 I")
    left, right = sides(row)
    assert agree(left, right) is False
    assert not proved(left, right)


def test_a_row_that_gives_too_much_is_found(monkeypatch):
    """Were a row to say 2 I, `equal` would say differs, not proved."""
    row = next(row for row in ROWS if row.statement == "A⁻¹ A = I")
    given = row.apply

    def doubled(*place):
        met = given(*place)
        return None if met is None else met.scaled(2)

    monkeypatch.setattr(row, "apply", doubled)
    assert derive.equal("A⁻¹ A B", "2 B", "A: n×n, B: n×n") == "differs"
