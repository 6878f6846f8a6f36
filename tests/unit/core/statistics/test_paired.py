"""Pairs compared one by one: false alarms stay rare however often one looks, and differences are found."""

from __future__ import annotations

import random

import pytest

from reviewer.core.statistics.paired import Evidence


def looked_at(seed: int, up: float, down: float, pairs: int, evidence: Evidence, level: float) -> int:
    """Return after how many pairs evidence reached a level; 0 where it never did."""
    draw = random.Random(seed)
    for at in range(1, pairs + 1):
        value = draw.random()
        evidence.bet(1.0 if value < up else -1.0 if value < up + down else 0.0)
        if evidence.p_value <= level:
            return at
    return 0


def test_equal_judges_are_rarely_called_unequal_at_any_look() -> None:
    """Of 200 comparisons of equals, each looked at 400 times, no more than 5 % and chance raise an alarm."""
    alarms = sum(looked_at(seed, 0.1, 0.1, 400, Evidence(0.0, against_high=False), 0.05) > 0 for seed in range(200))
    assert alarms <= 18


def test_a_worse_candidate_is_found_and_a_sound_one_cleared() -> None:
    """Ten points more are found within 400 pairs; a candidate that never differs is cleared within 200."""
    found = [looked_at(seed, 0.12, 0.02, 400, Evidence(0.0, against_high=False), 0.01) for seed in range(50)]
    assert sum(at > 0 for at in found) >= 45
    cleared = looked_at(1, 0.0, 0.0, 200, Evidence(0.1, against_high=True), 0.05)
    assert 0 < cleared < 200


def test_what_is_tolerated_is_no_alarm() -> None:
    """At the edge of what is tolerated alarms stay rare, too."""
    alarms = sum(looked_at(seed, 0.1, 0.0, 300, Evidence(0.1, against_high=False), 0.05) > 0 for seed in range(100))
    assert alarms <= 11


def test_pairs_that_agree_say_nothing_where_nothing_is_tolerated() -> None:
    """Agreement leaves the evidence as it is, as in McNemar's test."""
    evidence = Evidence(0.0, against_high=False)
    for difference in (1.0, 1.0, 1.0):
        evidence.bet(difference)
    before = evidence.p_value
    evidence.bet(0.0)
    assert evidence.p_value == pytest.approx(before)
    assert before < 1


def test_a_difference_out_of_bounds_is_refused() -> None:
    """Only differences of values between 0 and 1 can be bet on."""
    with pytest.raises(ValueError, match="between -1 and 1"):
        Evidence(0.0, against_high=False).bet(1.5)
