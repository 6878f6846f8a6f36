"""Probabilities against what came true: the error of bins, the fit that mends it, the threshold that bounds a risk."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.statistics.proportions import Share, exact_upper
from reviewer.core.statistics.reliability import Forecast, Isotonic, bins_of, expected_error, threshold_for

forecasts = st.lists(st.builds(Forecast, st.floats(0, 1), st.booleans()), max_size=60)


def overconfident(n: int, chance: Random) -> list[Forecast]:
    """Return forecasts whose odds are the square of what they should be."""
    found = []
    for _ in range(n):
        rate = chance.random()
        odds = (rate / (1 - rate)) ** 2
        found.append(Forecast(odds / (1 + odds), chance.random() < rate))
    return found


def test_error_is_the_mean_distance_of_bins() -> None:
    """Ten forecasts of 0.95, seven true, and ten of 0.15, two true: (2.5 + 0.5) / 20."""
    said = [Forecast(0.95, at < 7) for at in range(10)] + [Forecast(0.15, at < 2) for at in range(10)]
    assert expected_error(said) == pytest.approx(0.15)
    assert [one.share for one in bins_of(said)] == [Share(2, 10), Share(7, 10)]
    assert expected_error([]) is None


def test_violators_are_pooled() -> None:
    """Rates of 0, 1, 0, 1 at rising probabilities become 0, a half twice, 1."""
    fit = Isotonic(
        [Forecast(0.1, true=False), Forecast(0.2, true=True), Forecast(0.3, true=False), Forecast(0.4, true=True)]
    )
    assert [fit(p) for p in (0.0, 0.1, 0.2, 0.3, 0.35, 0.4, 1.0)] == [0, 0, 0.5, 0.5, 0.5, 1, 1]
    assert Isotonic([])(0.3) == 0.3


@given(forecasts, st.floats(0, 1), st.floats(0, 1))
def test_the_fit_rises(said: list[Forecast], one: float, other: float) -> None:
    """A higher probability is never given a lower rate, and rates are within 0 to 1."""
    fit = Isotonic(said)
    assert 0 <= fit(min(one, other)) <= fit(max(one, other)) <= 1


def test_a_fit_on_one_half_mends_the_other() -> None:
    """Overconfident forecasts are off by far more before a fit on other data than after it."""
    chance = Random(2)
    fit = Isotonic(overconfident(2_000, chance))
    fresh = overconfident(2_000, chance)
    before, after = expected_error(fresh), expected_error([Forecast(fit(p), true) for p, true in fresh])
    assert before is not None
    assert after is not None
    assert before > 0.08
    assert after < before / 2


@given(forecasts, st.floats(0.05, 0.9))
def test_the_threshold_keeps_its_bound(said: list[Forecast], at_most: float) -> None:
    """Where there is a threshold, the bound on what is let through wrongly holds at it."""
    threshold = threshold_for(said, at_most)
    if threshold is not None:
        false = [one.probability for one in said if not one.true]
        assert exact_upper(Share(sum(p >= threshold for p in false), len(false))) <= at_most


@pytest.mark.parametrize(("n", "found"), [(58, None), (59, 0.9)])
def test_few_false_ones_show_no_threshold(n: int, found: float | None) -> None:
    """With 58 false answers no threshold shows 5 %; with 59, all below the true ones, the true ones' does."""
    said = [Forecast(0.9, true=True)] * 30 + [Forecast(0.2, true=False)] * n
    assert threshold_for(said, 0.05) == found
