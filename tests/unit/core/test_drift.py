"""Drift towards leniency: how soon it is noticed, and how seldom it is imagined."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.drift import BASELINE_N, HIGHEST_RATE, LOWEST_RATE, Stream, objects, opinions
from reviewer.core.finding import Finding, Origin, Outcome
from tests.support.builders import finding

choices = st.lists(st.booleans(), max_size=300)


def learned(rate: float) -> Stream:
    """Return a stream that knows a usual rate and nothing else."""
    return Stream(seen=BASELINE_N, approvals=round(rate * (BASELINE_N + 2)) - 1)


def fed(stream: Stream, critiques: list[bool]) -> Stream:
    for approved in critiques:
        stream = stream.after(approved=approved)
    return stream


def until_alarm(stream: Stream, rate: float, chance: Random, bound: int) -> int:
    """Count the critiques of a model of this rate until the alarm, at most `bound`."""
    for count in range(1, bound + 1):
        stream = stream.after(approved=chance.random() < rate)
        if stream.alarming:
            return count
    return bound


@given(choices, st.integers(0, 299), st.floats(0.02, 0.96))
def test_more_approvals_never_lower_the_sum(critiques: list[bool], at: int, rate: float) -> None:
    """One more approval anywhere, or one in place of an objection, brings an alarm no later."""
    start = learned(rate)
    at = min(at, len(critiques))
    plain = fed(start, critiques).statistic
    added = fed(start, [*critiques[:at], True, *critiques[at:]]).statistic
    turned = fed(start, [*critiques[:at], True, *critiques[at + 1 :]]).statistic

    assert added >= plain - 1e-9
    assert turned >= plain - 1e-9


@given(choices)
def test_nothing_is_said_while_the_usual_is_learned(critiques: list[bool]) -> None:
    """Before its baseline is complete no stream is alarming, whatever it sees."""
    stream = fed(Stream(), critiques[: BASELINE_N - 1])

    assert stream.learning
    assert stream.statistic == 0
    assert not stream.alarming


@given(choices)
def test_a_stream_counts_and_stays_small(critiques: list[bool]) -> None:
    """A stream knows how many critiques it saw, and its sum is never negative."""
    stream = fed(Stream(), critiques)

    assert stream.seen == len(critiques)
    assert stream.approvals == sum(critiques[:BASELINE_N])
    assert stream.statistic >= 0


@pytest.mark.parametrize(("rate", "most"), [(0.3, 11), (0.5, 16), (0.6, 22), (0.8, 47), (0.9, 98), (0.95, 200)])
def test_a_model_that_approves_everything_is_noticed(rate: float, most: int) -> None:
    """From the usual rate to approving all, the alarm comes after a known number of critiques at the latest."""
    assert until_alarm(learned(rate), 1.0, Random(1), 1_000) <= most


def test_a_model_that_grew_lenient_is_noticed() -> None:
    """With approvals up from 60 % to 86 %, four times the odds, the alarm comes after 45 critiques in the mean."""
    chance = Random(2)
    runs = [until_alarm(learned(0.6), 0.857, chance, 5_000) for _ in range(500)]

    assert sum(runs) / len(runs) < 60


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_false_alarms_are_rare(rate: float) -> None:
    """A model that stays as it is goes 10,000 critiques and more between two alarms, in the mean.

    Measured over 250 runs each: 25,200 at a rate of 0.1, 12,300 at 0.5, 47,600 at 0.9. A baseline that was learned too
    low by one standard error (0.465 for 0.5) brings it down to 4,300, by two to 1,300.
    """
    chance = Random(3)
    alarms = 0
    stream = learned(rate)
    for _ in range(100_000):
        stream = stream.after(approved=chance.random() < rate)
        if stream.alarming:
            alarms += 1
            stream = stream.rested()

    assert alarms <= 15


def test_a_stricter_model_is_no_alarm() -> None:
    """Objecting to everything never sounds it."""
    assert fed(learned(0.6), [False] * 1_000).statistic == 0


def test_where_all_is_approved_more_says_nothing() -> None:
    """A stream whose usual rate is beyond the bound raises no alarm, instead of one every few hundred critiques."""
    stream = fed(Stream(), [True] * 5_000)

    assert stream.saturated
    assert not stream.alarming


@pytest.mark.parametrize(("approvals", "rate"), [(0, LOWEST_RATE), (BASELINE_N, HIGHEST_RATE), (100, 0.5)])
def test_the_learned_rate_leaves_room(approvals: int, rate: float) -> None:
    """The usual rate is smoothed and kept away from 0 and 1, where one critique would decide."""
    assert Stream(BASELINE_N, approvals).rate == pytest.approx(rate, abs=0.001)


def test_after_an_alarm_the_sum_begins_anew() -> None:
    """What is usual stays known; the evidence has been used up."""
    alarmed = fed(learned(0.6), [True] * 22)

    assert alarmed.alarming
    assert alarmed.rested() == Stream(alarmed.seen, alarmed.approvals)
    assert not alarmed.rested().alarming


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (finding("a/b"), False),
        (finding("a/b", Outcome.NOT_MET), True),
        (finding("a/b", Outcome.UNCERTAIN), True),
        (finding("a/b", Outcome.NOT_APPLICABLE), False),
        (finding("a/b", Outcome.UNCERTAIN, claimed=Outcome.MET), False),
        (finding("a/b", Outcome.UNCERTAIN, claimed=Outcome.NOT_MET), True),
    ],
)
def test_the_witness_counts_not_the_code(made: Finding, expected: bool) -> None:
    """Only what the model itself claimed against a draft is an objection."""
    assert objects(made) is expected


def test_opinions_are_by_model() -> None:
    """Each model that answered has an opinion of its own; checks have none."""
    rows = (
        finding("a/b", Outcome.NOT_MET, Origin.CHECK),
        finding("a/b", by="one"),
        finding("a/b", Outcome.NOT_MET, by="two"),
        finding("a/c", by="two"),
    )

    assert opinions(rows) == {"one": True, "two": False}
    assert opinions(()) == {}
