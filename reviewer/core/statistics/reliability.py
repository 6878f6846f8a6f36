"""Whether probabilities mean what they say, and from which one on an answer may be trusted.

Only for sources that give probabilities of their own; a model that is asked how sure it is gives noise. Sources:
Naeini, Cooper & Hauskrecht, AAAI 2015, for the expected calibration error over bins of equal width; Ayer et al., Annals
of Mathematical Statistics 26 (1955) 641 for the pooling of adjacent violators.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from reviewer.core.statistics.proportions import Share, exact_upper

BINS = 10


class Forecast(NamedTuple):
    """A probability, and whether what it was given for is so."""

    probability: float
    true: bool


@dataclass(frozen=True, slots=True)
class Bin:
    """Forecasts of about one probability: their mean, and how many came true."""

    mean: float
    share: Share


class Isotonic:
    """A rising step function from a probability to the rate that was seen for it."""

    def __init__(self, forecasts: Iterable[Forecast]) -> None:
        """Fit by pooling neighbours that fall. Without forecasts, a probability is taken as it is."""
        pools: list[list[float]] = []
        self._from: list[float] = []
        for probability, true in sorted(forecasts):
            if self._from and self._from[-1] == probability:
                pools[-1][0] += true
                pools[-1][1] += 1
            else:
                pools.append([float(true), 1.0])
                self._from.append(probability)
            while len(pools) > 1 and pools[-2][0] * pools[-1][1] >= pools[-1][0] * pools[-2][1]:
                hits, n = pools.pop()
                self._from.pop()
                pools[-1][0] += hits
                pools[-1][1] += n
        self._rates = [hits / n for hits, n in pools]

    def __call__(self, probability: float) -> float:
        """Return the fitted rate."""
        if not self._rates:
            return probability
        return self._rates[max(bisect_right(self._from, probability) - 1, 0)]


def bins_of(forecasts: Iterable[Forecast], bins: int = BINS) -> tuple[Bin, ...]:
    """Return the bins of equal width that hold anything, in order: the points of a reliability diagram."""
    grouped: dict[int, list[Forecast]] = {}
    for forecast in forecasts:
        grouped.setdefault(min(int(forecast.probability * bins), bins - 1), []).append(forecast)
    return tuple(
        Bin(sum(one.probability for one in own) / len(own), Share(sum(one.true for one in own), len(own)))
        for _, own in sorted(grouped.items())
    )


def expected_error(forecasts: Sequence[Forecast], bins: int = BINS) -> float | None:
    """Return the expected calibration error: the mean distance of a bin's forecasts from what came true."""
    if not forecasts:
        return None
    distances = (abs(one.mean * one.share.n - one.share.hits) for one in bins_of(forecasts, bins))
    return sum(distances) / len(forecasts)


def threshold_for(forecasts: Iterable[Forecast], at_most: float) -> float | None:
    """Return the lowest probability from which on trusting an answer lets through few enough of what is not so.

    Args:
        at_most: exact one-sided 95 % bound on the share of false ones that reach the threshold.

    Returns:
        None where no threshold shows it: with fewer than 59 false ones, none can show 5 %.
    """
    ordered = sorted(forecasts, reverse=True)
    n_false = sum(not one.true for one in ordered)
    found: float | None = None
    passed = 0
    for at, (probability, true) in enumerate(ordered):
        passed += not true
        if at + 1 < len(ordered) and ordered[at + 1].probability == probability:
            continue
        if n_false == 0 or exact_upper(Share(passed, n_false)) > at_most:
            break
        found = probability
    return found
