"""The check `source_freshness`."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from reviewer.checks import source_freshness
from reviewer.checks.interface import Flagged, Passed, Unavailable
from reviewer.core.draft import Source
from reviewer.core.finding import Outcome
from tests.unit.checks.subjects import NOW, outcome_of, subject

CHECK = source_freshness.build(source_freshness.Args(max_age_days=30))


def _source(name: str, age_days: float | None) -> Source:
    fetched = None if age_days is None else NOW - timedelta(days=age_days)
    return Source(name, "Title", "", "text", fetched)


@pytest.mark.parametrize(
    ("age", "expected"), [(0, Outcome.MET), (30, Outcome.MET), (30.01, Outcome.NOT_MET), (None, Outcome.UNCERTAIN)]
)
def test_age_decides(age: float | None, expected: Outcome) -> None:
    """Exactly the bound is fresh, a moment more is not, and no date is doubt."""
    assert outcome_of(CHECK(subject("Text.", sources=(_source("kb-1", age),)))) is expected


def test_without_sources_not_applicable() -> None:
    """Nothing can be stale where nothing was given."""
    assert outcome_of(CHECK(subject("Text."))) is Outcome.NOT_APPLICABLE


def test_only_cited_sources_count_where_some_are_cited() -> None:
    """A stale source that the draft does not cite is no fault; the cited one is, and its marker is quoted."""
    sources = (_source("kb-1", 2), _source("kb-2", 90))
    assert isinstance(CHECK(subject("Yes [kb-1].", sources=sources)), Passed)
    result = CHECK(subject("Yes [kb-2].", sources=sources))
    assert isinstance(result, Flagged)
    assert [quote.text for quote in result.quotes] == ["[kb-2]"]


@pytest.mark.parametrize(
    ("rule", "expected"), [("uncertain", Outcome.UNCERTAIN), ("not_met", Outcome.NOT_MET), ("met", Outcome.MET)]
)
def test_missing_date_follows_the_argument(rule: str, expected: Outcome) -> None:
    """The rubric says what a source without a date comes to."""
    args = source_freshness.Args.model_validate({"max_age_days": 30, "on_missing_date": rule})
    assert outcome_of(source_freshness.build(args)(subject("Text.", sources=(_source("a", None),)))) is expected


def test_stale_outweighs_missing() -> None:
    """A source that is too old is not hidden by one without a date."""
    sources = (_source("kb-1", None), _source("kb-2", 90))
    assert outcome_of(CHECK(subject("Text.", sources=sources))) is Outcome.NOT_MET


def test_date_in_the_future_is_no_date() -> None:
    """A clock that runs ahead cannot make a source fresh."""
    assert outcome_of(CHECK(subject("Text.", sources=(_source("kb-1", -400),)))) is Outcome.UNCERTAIN


def test_naive_time_is_read_as_utc() -> None:
    """A date without a zone does not raise."""
    source = Source("kb-1", "T", "", "text", datetime(2026, 11, 20))  # noqa: DTZ001 - the missing zone is the point
    assert isinstance(CHECK(subject("Text.", sources=(source,))), Passed)


def test_markers_beyond_the_bound_matter_where_the_sources_differ() -> None:
    """Which sources are cited is asked only where the answer can depend on it."""
    text = "[kb-1] " * 2_001
    assert isinstance(CHECK(subject(text, sources=(_source("kb-1", 2), _source("kb-2", 3)))), Passed)
    assert isinstance(CHECK(subject(text, sources=(_source("kb-1", 2), _source("kb-2", 90)))), Unavailable)
