"""The retirement clock counts the days of every reviewer model in use."""

from __future__ import annotations

from datetime import date

from reviewer.core.model_clock import clocks
from reviewer.rubrics.load import load_rulebook
from tests.support.subjects import RUBRICS

TODAY = date(2026, 11, 21)


def test_the_first_to_go_stands_first() -> None:
    """Models come in the order of their retirement, those without a day last, each with the releases that ask it."""
    rulebook, _ = load_rulebook(RUBRICS, today=TODAY)
    found = clocks([("b" * 64, rulebook), ("a" * 64, rulebook)], TODAY)
    asked = {rulebook.routing.reviewer(n).model for route in rulebook.routing.all_routes for n in route.reviewers}
    assert {one.model for one in found} == asked
    assert {one.releases for one in found} == {("a" * 64, "b" * 64)}
    days = [one.retires or date.max for one in found]
    assert days == sorted(days)
    for one in found:
        entry = rulebook.catalogue.find(one.model)
        assert entry is not None
        assert one.retires == entry.retires
        assert one.days_left == (None if entry.retires is None else (entry.retires - TODAY).days)


def test_a_day_that_is_past_counts_below_zero() -> None:
    """A model past its day shows by how many days."""
    rulebook, _ = load_rulebook(RUBRICS, today=TODAY)
    later = clocks([("a" * 64, rulebook)], date(2030, 1, 1))
    assert all(one.days_left is None or one.days_left < 0 for one in later)
