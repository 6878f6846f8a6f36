"""How long the simulated provider thinks."""

from __future__ import annotations

from random import Random
from statistics import quantiles

import pytest

from reviewer.simulate.latency import Latency


def test_a_fixed_time_is_drawn_each_time() -> None:
    """Without a percentile the median is the time, in seconds."""
    assert {Latency(250).draw(Random(n)) for n in range(5)} == {0.25}


def test_a_spread_keeps_its_percentiles() -> None:
    """Drawn times have the median and the 99th percentile that were asked for, within sampling error."""
    rng = Random(7)
    cuts = quantiles([Latency(100, 1_000).draw(rng) for _ in range(20_000)], n=100)
    assert cuts[49] == pytest.approx(0.1, rel=0.05)
    assert cuts[98] == pytest.approx(1.0, rel=0.1)


def test_writing_takes_its_time() -> None:
    """Each token takes as long as was asked for, none by default, and never less than no time."""
    assert Latency(per_token_ms=20).writing_s(50) == 1.0
    assert Latency(250).writing_s(50) == 0.0
    with pytest.raises(ValueError, match="per_token_ms"):
        Latency(per_token_ms=-1)


@pytest.mark.parametrize(("p50", "p99"), [(-1, None), (0, 10), (20, 10)])
def test_impossible_distributions_are_refused(p50: float, p99: float | None) -> None:
    """Negative times, a spread around nothing and a percentile below the median cannot be asked for."""
    with pytest.raises(ValueError, match="must be"):
        Latency(p50, p99)
