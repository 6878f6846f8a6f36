"""Filters as SQL: what a statement looks like, and that nothing of a filter's text ever stands in it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.facets import microseconds
from reviewer.core.search import EVERYTHING, Filter, Match, read_filter
from reviewer.ledger.filter_sql import Dialect, compile_filter
from tests.support.filters import FILTERS

NUMBERED = Dialect(lambda number: f"${number}", by_code_point=' COLLATE "C"')
PROBED = (
    "EXISTS (SELECT 1 FROM facet_lists l WHERE l.idx = f.idx AND l.value_id "
    "{}SELECT id FROM facet_values WHERE field = ?1{}))"
)
MOMENT = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "sql", "values"),
    [
        ("", "TRUE", ()),
        ("tenant = acme", "f.tenant = ?1", ("acme",)),
        ("tenant != acme", "f.tenant <> ?1", ("acme",)),
        ("NOT tenant = acme", "NOT f.tenant = ?1", ("acme",)),
        ("index < 7", "f.idx < ?1", (7,)),
        ('create_time >= "2026-11-01T00:00:00Z"', "f.time_us >= ?1", (microseconds(MOMENT),)),
        ("intent = health.*", "(f.intent >= ?1 AND f.intent < ?2)", ("health.", "health/")),
        ("intent != health.*", "NOT (f.intent >= ?1 AND f.intent < ?2)", ("health.", "health/")),
        ("intent = *", "(f.intent >= ?1)", ("",)),
        ('intent = "\U0010ffff*"', "(f.intent >= ?1)", ("\U0010ffff",)),
        ('intent = "a\ud7ff*"', "(f.intent >= ?1 AND f.intent < ?2)", ("a\ud7ff", "a\ue000")),
        ("release = ab", PROBED.format("= (", " AND value = ?2"), ("release", "ab")),
        ("release != ab", "NOT " + PROBED.format("= (", " AND value = ?2"), ("release", "ab")),
        ("release = ab*", PROBED.format("IN (", " AND (value >= ?2 AND value < ?3)"), ("release", "ab", "ac")),
        ('release = ""', PROBED.format("= (", " AND value = ?2"), ("release", "")),
        (
            "tenant = a AND tier = low OR canary = true",
            "(f.tenant = ?1 AND (f.tier = ?2 OR f.canary = ?3))",
            ("a", "low", 1),
        ),
    ],
)
def test_statements(text: str, sql: str, values: tuple[object, ...]) -> None:
    """Each comparison has its own form, values are numbered in the order in which they stand."""
    condition = compile_filter(read_filter(text))
    assert (condition.sql, condition.values) == (sql, values)


def test_an_engine_of_another_dialect() -> None:
    """Parameters and comparisons by code point are spelled as the engine wants them."""
    condition = compile_filter(read_filter("model:claude-* AND domain = health"), NUMBERED)
    assert 'field = $1 AND (value COLLATE "C" >= $2 AND value COLLATE "C" < $3)' in condition.sql
    assert condition.sql.endswith("f.domain = $4)")
    assert condition.values == ("model", "claude-", "claude.", "health")


@pytest.mark.parametrize(
    ("text", "form"),
    [("cause:deadline", "value_id = ("), ("model:gpt-*", "value_id IN ("), ("release = ab", "value_id = (")],
)
def test_lists_are_looked_up_or_gathered(text: str, form: str) -> None:
    """A comparison of a list is looked up for each entry; the one that is said to be rare is gathered first."""
    asked = read_filter(text)
    assert isinstance(asked, Match)
    probed, gathered = compile_filter(asked), compile_filter(asked, rare=asked)
    assert probed.sql.startswith("EXISTS (SELECT 1 FROM facet_lists l WHERE l.idx = f.idx AND")
    assert gathered.sql.startswith("f.idx IN (SELECT l.idx FROM facet_lists l WHERE")
    assert form in probed.sql
    assert form in gathered.sql
    assert probed.values == gathered.values


@given(FILTERS | st.just(EVERYTHING))
def test_no_value_stands_in_the_statement(asked: Filter) -> None:
    """Statements are made of known words alone, and name each value once, in order."""
    condition = compile_filter(asked, NUMBERED)
    assert re.fullmatch(r'[a-zA-Z_ .()$0-9<>=!"]+', condition.sql)
    assert set(re.findall(r'"[^"]*"', condition.sql)) <= {'"C"'}
    assert [int(number) for number in re.findall(r"\$(\d+)", condition.sql)] == [*range(1, len(condition.values) + 1)]
