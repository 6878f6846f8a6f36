"""Sequential comparison: false alarms with a look after every batch, power for a stated effect, and the exact bound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.statistics.sequential import (
    ALL,
    Batch,
    Comparison,
    Decision,
    Plan,
    Regressed,
    Sound,
    Undecided,
    Values,
    _stakes,
    counted,
    scaled,
)

LOOKS = 40
RUNS = 160
Draw = Callable[[Random, int], Values]


def shares(rate: float) -> Draw:
    """Return a source of ones at a rate."""
    return lambda chance, n: counted(sum(chance.random() < rate for _ in range(n)), n)


def delays(mean: float) -> Draw:
    """Return a source of values between 0 and 1 around a mean, skewed as latencies are."""
    return lambda chance, n: Counter([round(chance.betavariate(20 * mean, 20 * (1 - mean)), 2) for _ in range(n)])


def watch(plan: Plan, candidate: Draw, baseline: Draw, sizes: tuple[int, int], chance: Random) -> Decision:
    """Look after every batch and stop at the first decision."""
    comparison = Comparison(plan)
    decision = comparison.decision
    for _ in range(LOOKS):
        decision = comparison.update(Batch(candidate(chance, sizes[0]), baseline(chance, sizes[1])))
        if not isinstance(decision, Undecided):
            break
    return decision


def outcomes(plan: Plan, candidate: Draw, baseline: Draw, sizes: tuple[int, int] = (20, 20)) -> Counter[type]:
    """Count how seeded runs end."""
    chance = Random(20261121)
    return Counter(type(watch(plan, candidate, baseline, sizes, chance)) for _ in range(RUNS))


def unable(plan: Plan) -> Plan:
    """Return the plan without an early end for soundness, so that every look can raise a false alarm."""
    return Plan(effect=plan.effect, alpha=plan.alpha, beta=1e-12)


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.5])
@pytest.mark.parametrize("sizes", [(20, 20), (5, 95)])
def test_looking_always_raises_no_more_false_alarms(rate: float, sizes: tuple[int, int]) -> None:
    """Of 160 candidates as good as the baseline at most 5 % are called regressed, with a look after every batch."""
    found = outcomes(unable(Plan(effect=0.1)), shares(rate), shares(rate), sizes)
    assert found[Regressed] <= 0.05 * RUNS


def test_a_plain_test_would_fail_that() -> None:
    """The simulation can fail: a z-test at 5 % with the same looks calls more than 15 % of equals regressed."""
    chance = Random(20261121)
    limit = NormalDist().inv_cdf(0.95)
    alarms = 0
    for _ in range(RUNS):
        hits, n = [0, 0], 0
        for _ in range(LOOKS):
            n += 20
            for arm in (0, 1):
                hits[arm] += sum(chance.random() < 0.1 for _ in range(20))
            pooled = sum(hits) / (2 * n)
            error = (pooled * (1 - pooled) * 2 / n) ** 0.5
            if error and (hits[0] - hits[1]) / n / error > limit:
                alarms += 1
                break
    assert alarms > 0.15 * RUNS


def test_a_stated_effect_is_found() -> None:
    """A rate that doubles from 10 to 20 % is found in at least 95 % of runs within 800 values a side."""
    found = outcomes(Plan(effect=0.1), shares(0.2), shares(0.1))
    assert found[Regressed] >= 0.95 * RUNS
    assert found[Sound] <= 0.05 * RUNS


def test_a_small_canary_finds_it_too() -> None:
    """With 5 % of the traffic a rate that goes from 10 to 30 % is found in at least 95 % of runs."""
    assert outcomes(Plan(effect=0.2), shares(0.3), shares(0.1), (5, 95))[Regressed] >= 0.95 * RUNS


def test_soundness_is_found_and_not_invented() -> None:
    """Equals are called sound in most runs; a candidate worse by exactly the effect in at most 5 %."""
    plan = Plan(effect=0.08)
    assert outcomes(plan, shares(0.1), shares(0.1))[Sound] >= 0.8 * RUNS
    assert outcomes(plan, shares(0.18), shares(0.1))[Sound] <= 0.05 * RUNS


def test_means_are_compared_as_shares_are() -> None:
    """Latencies as shares of a cap: equal ones raise no more than 5 % false alarms, slower ones are found."""
    plan = Plan(effect=0.1)
    assert outcomes(unable(plan), delays(0.3), delays(0.3))[Regressed] <= 0.05 * RUNS
    assert outcomes(plan, delays(0.4), delays(0.3))[Regressed] >= 0.95 * RUNS


def test_rates_may_drift_together() -> None:
    """A rate that rises for both alike during the comparison raises no more false alarms."""
    chance = Random(5)
    alarms = 0
    for _ in range(RUNS):
        comparison = Comparison(unable(Plan(effect=0.1)))
        for look in range(LOOKS):
            rate = 0.05 + 0.4 * look / LOOKS
            comparison.update(Batch(shares(rate)(chance, 20), shares(rate)(chance, 20)))
        alarms += isinstance(comparison.decision, Regressed)
    assert alarms <= 0.05 * RUNS


def test_many_segments_raise_no_more_false_alarms() -> None:
    """With ten segments and the whole, all as good as before, at most 5 % of runs call anything regressed."""
    chance = Random(9)
    plan = Plan(effect=0.2, beta=1e-12, segments=tuple(f"s{at}" for at in range(10)))
    alarms = 0
    for _ in range(100):
        comparison = Comparison(plan)
        for _ in range(15):
            for name in plan.segments:
                comparison.update(Batch(shares(0.1)(chance, 10), shares(0.1)(chance, 10), name))
        alarms += isinstance(comparison.decision, Regressed)
    assert alarms <= 5


def test_the_level_is_shared_by_all_comparisons() -> None:
    """What is just enough for one comparison at 5 % is not enough where eleven share the 5 %."""
    alone, shared = Comparison(Plan(effect=0.2)), Comparison(Plan(effect=0.2, segments=tuple("abcdefghij")))
    decision: Decision = alone.decision
    while not isinstance(decision, Regressed):
        batch = Batch(counted(1, 5), counted(0, 5))
        decision, other = alone.update(batch), shared.update(batch)
    assert decision.standings[0].p_regressed == other.standings[0].p_regressed
    assert isinstance(other, Undecided)


def test_one_bad_segment_is_named_though_the_whole_looks_fine() -> None:
    """A regression in one locale of two is found and named, and the whole is never sound while it stands."""
    chance = Random(4)
    comparison = Comparison(Plan(effect=0.1, segments=("en", "pt")))
    decision: Decision = comparison.decision
    for _ in range(LOOKS):
        comparison.update(Batch(shares(0.1)(chance, 100), shares(0.1)(chance, 100), "en"))
        decision = comparison.update(Batch(shares(0.4)(chance, 5), shares(0.1)(chance, 5), "pt"))
        assert not isinstance(decision, Sound)
    assert isinstance(decision, Regressed)
    assert "pt" in {one.segment for one in decision.worse}
    assert "en" not in {one.segment for one in decision.worse}


def test_a_tolerance_is_tolerated() -> None:
    """A candidate worse by less than the tolerance is not called regressed; beyond it, it is."""
    plan = Plan(effect=0.1, tolerance=0.05, beta=1e-12)
    assert outcomes(plan, shares(0.14), shares(0.1))[Regressed] <= 0.05 * RUNS
    assert outcomes(plan, shares(0.3), shares(0.1))[Regressed] >= 0.95 * RUNS


@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.floats(0, 1),
    st.floats(0, 1),
    st.sampled_from([(0.0, False), (0.05, False), (0.05, True), (0.3, True)]),
)
def test_no_factor_is_a_good_bet_under_the_null(
    n_candidate: int, n_baseline: int, mean: float, other: float, kind: tuple[float, bool]
) -> None:
    """For every stake, the mean of a batch's factor is at most 1 wherever the null hypothesis holds, edge included."""
    edge, against_high = kind
    candidate, baseline = max(mean, other), min(mean, other)
    if not against_high:
        candidate, baseline = min(mean, other + edge), other
    elif candidate < baseline + edge:
        candidate, baseline = min(1.0, baseline + edge), min(baseline, 1 - edge)
    for stake in _stakes(edge, against_high, n_candidate, n_baseline):
        of_candidate = 1 + stake.on_candidate * (candidate - stake.candidate)
        of_baseline = 1 + stake.on_baseline * (baseline - stake.baseline)
        assert of_candidate > 0 < of_baseline
        assert of_candidate**n_candidate * of_baseline**n_baseline <= 1 + 1e-9


def test_nothing_is_bet_on_one_side_alone() -> None:
    """Values of one side wait, uncounted as evidence, until the other side has some; then they all count."""
    lonely, together = Comparison(Plan(effect=0.1)), Comparison(Plan(effect=0.1))
    for _ in range(5):
        assert lonely.update(Batch(counted(9, 10), {})).standings[0].p_regressed == 1
    lonely.update(Batch({}, counted(1, 50)))
    together.update(Batch(counted(45, 50), counted(1, 50)))
    assert lonely.decision == together.decision
    assert isinstance(lonely.decision, Regressed)


def test_what_is_regressed_stays_regressed() -> None:
    """Good values after a regression do not take it back."""
    comparison = Comparison(Plan(effect=0.1))
    comparison.update(Batch(counted(45, 50), counted(1, 50)))
    assert isinstance(comparison.update(Batch(counted(0, 5_000), counted(5_000, 5_000))), Regressed)


def test_undeclared_segments_count_for_the_whole() -> None:
    """A segment that nobody declared is compared as part of the whole only."""
    decision = Comparison(Plan(effect=0.1, segments=("en",))).update(Batch(counted(1, 9), counted(1, 9), "tlh"))
    assert {one.segment: one.candidate_n for one in decision.standings} == {ALL: 9, "en": 0}


@pytest.mark.parametrize(
    "make",
    [
        lambda: Plan(effect=0),
        lambda: Plan(effect=0.5, tolerance=0.5),
        lambda: Plan(effect=0.1, alpha=0),
        lambda: Plan(effect=0.1, segments=("a", "a")),
        lambda: Plan(effect=0.1, segments=(ALL,)),
        lambda: counted(3, 2),
        lambda: Comparison(Plan(effect=0.1)).update(Batch({1.5: 1}, {})),
        lambda: Comparison(Plan(effect=0.1)).update(Batch({}, {0.5: -1})),
    ],
)
def test_what_makes_no_sense_is_refused(make: Callable[[], object]) -> None:
    """Plans without an effect, segments twice, and values that are no shares are errors."""
    with pytest.raises(ValueError, match="expected"):
        make()


def test_values_are_capped() -> None:
    """Latencies become shares of the cap; what is above counts as the cap."""
    assert scaled([0, 250, 500, 900, 1e9], 1_000) == Counter([0, 0.25, 0.5, 0.9, 1])


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 6), st.integers(0, 6), st.integers(1, 6)), max_size=12))
def test_looks_between_add_nothing(counts: list[tuple[int, int, int, int]]) -> None:
    """Who only takes batches in comes to the same p-values as who decides after each, whatever was kept in between."""
    batches = [Batch(counted(min(a, n), n), counted(min(b, m), m)) for a, n, b, m in counts]
    looking, taking = Comparison(Plan(0.1)), Comparison(Plan(0.1))
    for batch in batches:
        looking.update(batch)
        taking.take(batch)
    standing = looking.decision.standings[0]
    assert taking.p_values() == (standing.p_regressed, standing.p_sound)
