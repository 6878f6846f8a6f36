"""The window of durations: percentiles as sorting gives them, and what is too little or too old to go by."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reviewer.providers.latency import ENOUGH, SIZE, STALE_S, Window


def window(*durations: float, now: float = 0.0) -> Window:
    made = Window()
    for seconds in durations:
        made.add(seconds, now)
    return made


@given(st.lists(st.floats(0, 100), min_size=1, max_size=3 * SIZE), st.floats(0.1, 100))
def test_percentiles_are_those_of_the_latest(durations: list[float], percent: float) -> None:
    """A percentile is one of the latest durations, at least so many percent are not above it, and it is the least."""
    latest = sorted(durations[-SIZE:])
    found = window(*durations).percentile(percent)
    share = len(latest) * percent / 100 - 1e-9
    assert found in latest
    assert sum(seconds <= found for seconds in latest) >= share
    assert sum(seconds < found for seconds in latest) < share


def test_little_is_not_enough() -> None:
    """Below the least number of calls nothing is said."""
    assert not window(*[1.0] * (ENOUGH - 1)).enough(0.0)
    assert window(*[1.0] * ENOUGH).enough(0.0)


def test_old_is_not_enough() -> None:
    """What was measured long ago is forgotten, so that a model that was slow once is tried again."""
    old = window(*[9.0] * SIZE)
    assert old.enough(STALE_S)
    assert not old.enough(STALE_S + 1)
    old.add(1.0, STALE_S + 1)
    assert not old.enough(STALE_S + 1)
    assert old.percentile(100) == 1.0
