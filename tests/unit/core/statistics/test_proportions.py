"""Intervals and tests of shares, held against published figures and against their own promises."""

from __future__ import annotations

from math import comb
from random import Random
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.statistics.proportions import (
    Share,
    clopper_pearson,
    corrected,
    exact_lower,
    exact_upper,
    holm,
    n_for_zero,
    p_worse,
    wilson,
    wilson_lower,
    wilson_upper,
)


@st.composite
def shares(draw: st.DrawFn, most: int = 400) -> Share:
    """Draw a share of at least one."""
    n = draw(st.integers(1, most))
    return Share(draw(st.integers(0, n)), n)


# Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998) 857, table I.
NEWCOMBE = [
    (Share(81, 263), (0.2553, 0.3662), (0.2527, 0.3676)),
    (Share(15, 148), (0.0624, 0.1605), (0.0578, 0.1617)),
    (Share(0, 20), (0.0000, 0.1611), (0.0000, 0.1684)),
    (Share(1, 29), (0.0061, 0.1718), (0.0009, 0.1776)),
]


@pytest.mark.parametrize(("share", "score", "exact"), NEWCOMBE)
def test_intervals_are_the_published_ones(share: Share, score: tuple[float, float], exact: tuple[float, float]) -> None:
    """Wilson's and the exact interval agree with Newcombe's table to its last digit."""
    assert (wilson(share).low, wilson(share).high) == pytest.approx(score, abs=5e-5)
    assert (clopper_pearson(share).low, clopper_pearson(share).high) == pytest.approx(exact, abs=5e-5)


@pytest.mark.parametrize(("n", "upper"), [(59, 0.05), (149, 0.02), (299, 0.01)])
def test_zero_of_so_many_bounds_the_rate(n: int, upper: float) -> None:
    """No miss in 59, 149 or 299 bounds the rate by 5, 2 or 1 %, and one trial fewer does not."""
    assert exact_upper(Share(0, n)) <= upper < exact_upper(Share(0, n - 1))
    assert n_for_zero(upper) == n


@given(shares())
def test_intervals_hold_their_share(share: Share) -> None:
    """Every interval contains the observed rate, lies within 0 to 1, and a one-sided bound lies inside of it."""
    rate = share.hits / share.n
    for interval in (wilson(share), clopper_pearson(share)):
        assert 0 <= interval.low <= rate + 1e-12
        assert rate - 1e-12 <= interval.high <= 1
    assert wilson_upper(share) <= wilson(share).high
    assert wilson_lower(share) >= wilson(share).low
    assert exact_upper(share) <= clopper_pearson(share).high + 1e-9
    assert exact_lower(share) >= clopper_pearson(share).low - 1e-9


@given(shares(), shares())
def test_intervals_are_symmetric(share: Share, other: Share) -> None:
    """Counting misses in place of hits mirrors every interval."""
    mirrored = Share(share.n - share.hits, share.n)
    assert wilson(mirrored).low == pytest.approx(1 - wilson(share).high, abs=1e-9)
    assert clopper_pearson(mirrored).high == pytest.approx(1 - clopper_pearson(share).low, abs=1e-9)


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.3])
@pytest.mark.parametrize("n", [20, 59, 200])
def test_exact_bound_keeps_its_level(rate: float, n: int) -> None:
    """The chance that the exact bound from above lies below the true rate is at most 5 %, summed over all outcomes."""
    missed = sum(
        comb(n, hits) * rate**hits * (1 - rate) ** (n - hits)
        for hits in range(n + 1)
        if exact_upper(Share(hits, n)) < rate
    )
    assert missed <= 0.05


def test_nothing_seen_says_nothing() -> None:
    """An empty share has no rate, the widest interval, and is worse than nothing."""
    empty = Share(0, 0)
    assert empty.rate is None
    assert (wilson(empty).low, wilson(empty).high) == (0, 1)
    assert (wilson_lower(empty), wilson_upper(empty)) == (0, 1)
    assert p_worse(empty, Share(1, 9)) == p_worse(Share(9, 9), empty) == 1


@pytest.mark.parametrize(("hits", "n"), [(-1, 5), (6, 5)])
def test_impossible_shares_cannot_be_built(hits: int, n: int) -> None:
    """More hits than trials, or fewer than none, are refused."""
    with pytest.raises(ValueError, match="expected 0 <= hits <= n"):
        Share(hits, n)


def test_small_tables_are_tested_exactly() -> None:
    """Fisher's tea tasting, 3 of 4 cups against 1 of 4, gives 17/70 (The Design of Experiments, 1935)."""
    assert p_worse(Share(3, 4), Share(1, 4)) == pytest.approx(17 / 70)


def test_large_tables_are_tested_by_score() -> None:
    """189 infarctions of 11,034 on placebo and 104 of 11,037 on aspirin: z = 5.00 (Agresti, 2007)."""
    assert p_worse(Share(189, 11_034), Share(104, 11_037)) == pytest.approx(NormalDist().cdf(-(25.014**0.5)), rel=1e-3)


@given(shares(12), shares(12))
def test_one_more_hit_is_never_less_worse(candidate: Share, baseline: Share) -> None:
    """In a small table the p-value falls or stays where the candidate has one hit more in place of a miss."""
    if candidate.hits < candidate.n and candidate.n + baseline.n < 20:
        more = Share(candidate.hits + 1, candidate.n)
        assert 0 <= p_worse(more, baseline) <= p_worse(candidate, baseline) + 1e-12


@given(shares(), shares())
def test_at_most_one_of_two_is_worse(one: Share, other: Share) -> None:
    """Neither order of two shares can both be called worse at 5 %."""
    assert max(p_worse(one, other), p_worse(other, one)) > 0.05


def test_holm_steps_down() -> None:
    """Of 0.01, 0.04, 0.03 and 0.005 at 5 % the two smallest fall and the others stand."""
    assert holm((0.01, 0.04, 0.03, 0.005), 0.05) == (True, False, False, True)
    assert holm((), 0.05) == ()


def test_prevalence_is_corrected_as_published() -> None:
    """23 of 150 cows positive at 96 % sensitivity and 89 % specificity are 5.1 % (after R's epi.prev)."""
    found = corrected(Share(23, 150), Share(96, 100), Share(89, 100))
    assert found.rate == pytest.approx(0.05098, abs=5e-5)
    assert not found.clipped


def test_correction_is_undefined_at_chance() -> None:
    """A classifier that is no better than chance, or was never tried, allows no correction."""
    assert corrected(Share(5, 10), Share(5, 10), Share(5, 10)).rate is None
    assert corrected(Share(5, 10), Share(0, 0), Share(9, 10)).rate is None
    assert corrected(Share(0, 0), Share(9, 10), Share(9, 10)).rate is None


def test_correction_outside_of_rates_is_clipped_and_says_so() -> None:
    """Fewer positives than the false alarms alone would give are 0, flagged."""
    found = corrected(Share(1, 100), Share(90, 100), Share(90, 100))
    assert (found.rate, found.clipped) == (0, True)
    assert found.interval is not None
    assert found.interval.low == 0


def test_corrected_interval_covers_the_truth() -> None:
    """Over 600 simulated surveys with all three rates estimated the interval holds the true rate in 93 % or more."""
    chance = Random(7)

    def sample(rate: float, n: int) -> Share:
        return Share(sum(chance.random() < rate for _ in range(n)), n)

    held = 0
    for _ in range(600):
        apparent = 0.2 * 0.85 + 0.8 * 0.1
        interval = corrected(sample(apparent, 200), sample(0.85, 80), sample(0.9, 80)).interval
        held += interval is not None and interval.low <= 0.2 <= interval.high
    assert held >= 0.93 * 600


@given(shares(), shares(), shares())
def test_corrections_stay_within_rates(observed: Share, caught: Share, cleared: Share) -> None:
    """A corrected rate and its interval are within 0 to 1, or not there."""
    found = corrected(observed, caught, cleared)
    assert found.rate is None or 0 <= found.rate <= 1
    assert found.interval is None or 0 <= found.interval.low <= found.interval.high <= 1
