"""Shares of counts: how sure one can be of them, how two compare, and what an imperfect classifier hides.

Every interval is two-sided at 95 % unless told otherwise; a bound "from above" is one-sided. Sources: Wilson 1927 and
Clopper & Pearson 1934 as given by Newcombe, Statistics in Medicine 17 (1998) 857; Fisher 1935; Rogan & Gladen, American
Journal of Epidemiology 107 (1978) 71, with the interval of Lang & Reiczigel, Preventive Veterinary Medicine 113
(2014) 13.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

CONFIDENCE = 0.95
_BISECTIONS = 60
_EXPECTED_FOR_NORMAL = 5
"""Cochran's rule: below this expected count the normal approximation of a 2x2 table is not to be trusted."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A closed interval within 0 to 1."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many.

    Attributes:
        hits: 0 to `n`.
    """

    hits: int
    n: int

    def __post_init__(self) -> None:
        if not 0 <= self.hits <= self.n:
            raise ValueError(f"got {self.hits} of {self.n}: expected 0 <= hits <= n")

    @property
    def rate(self) -> float | None:
        """`hits / n`; None of nothing."""
        return self.hits / self.n if self.n else None


@dataclass(frozen=True, slots=True)
class Corrected:
    """A rate corrected for what the classifier misses and invents.

    Attributes:
        rate: within 0 to 1; None where the classifier is no better than chance, so that nothing can be said.
        clipped: the correction left 0 to 1: the observed rate does not fit the error rates.
    """

    rate: float | None
    interval: Interval | None
    clipped: bool = False


def wilson(share: Share, confidence: float = CONFIDENCE) -> Interval:
    """Return the Wilson score interval, without continuity correction; 0 to 1 of nothing."""
    if share.n == 0:
        return Interval(0.0, 1.0)
    return _score(share, _z((1 + confidence) / 2))


def wilson_upper(share: Share, confidence: float = CONFIDENCE) -> float:
    """Return the one-sided Wilson bound from above."""
    return _score(share, _z(confidence)).high if share.n else 1.0


def wilson_lower(share: Share, confidence: float = CONFIDENCE) -> float:
    """Return the one-sided Wilson bound from below."""
    return _score(share, _z(confidence)).low if share.n else 0.0


def clopper_pearson(share: Share, confidence: float = CONFIDENCE) -> Interval:
    """Return the exact interval: never shorter than it must be to hold its level, whatever the true rate."""
    tail = (1 - confidence) / 2
    return Interval(_exact_lower(share, tail), _exact_upper(share, tail))


def exact_upper(share: Share, confidence: float = CONFIDENCE) -> float:
    """Return the exact one-sided bound from above: 0 of 59 gives 5 %, 0 of 149 gives 2 %, 0 of 299 gives 1 %."""
    return _exact_upper(share, 1 - confidence)


def exact_lower(share: Share, confidence: float = CONFIDENCE) -> float:
    """Return the exact one-sided bound from below."""
    return _exact_lower(share, 1 - confidence)


def n_for_zero(upper: float, confidence: float = CONFIDENCE) -> int:
    """Return how many trials without an event bring the exact bound from above down to `upper`, which is in (0, 1)."""
    return math.ceil(round(math.log(1 - confidence) / math.log(1 - upper), 9))


def p_worse(candidate: Share, baseline: Share) -> float:
    """Return the one-sided p-value of "the candidate's rate is not higher than the baseline's".

    Fisher's exact test where an expected count is below 5, else the pooled score test. 1 where either is empty.
    """
    hits, n = candidate.hits + baseline.hits, candidate.n + baseline.n
    if not (candidate.n and baseline.n and 0 < hits < n):
        return 1.0
    smallest = min(candidate.n, baseline.n) * min(hits, n - hits) / n
    if smallest < _EXPECTED_FOR_NORMAL:
        return _fisher(candidate, hits, n)
    pooled = hits / n
    error = math.sqrt(pooled * (1 - pooled) * (1 / candidate.n + 1 / baseline.n))
    return NormalDist().cdf((baseline.hits / baseline.n - candidate.hits / candidate.n) / error)


def holm(p_values: Sequence[float], alpha: float) -> tuple[bool, ...]:
    """Say which hypotheses fall, the chance of any wrong one held below `alpha` (Holm 1979); in the order given."""
    order = sorted(range(len(p_values)), key=lambda at: p_values[at])
    fallen = [False] * len(p_values)
    for rank, at in enumerate(order):
        if p_values[at] > alpha / (len(order) - rank):
            break
        fallen[at] = True
    return tuple(fallen)


def corrected(observed: Share, caught: Share, cleared: Share, confidence: float = CONFIDENCE) -> Corrected:
    """Correct an observed rate for the errors of who observed it.

    Args:
        observed: what the classifier called positive, of all that it saw.
        caught: true positives among labelled positives: the sensitivity.
        cleared: true negatives among labelled negatives: the specificity.

    Returns:
        Undefined where a sample is empty or sensitivity + specificity is at most 1.
    """
    rate, sensitivity, specificity = observed.rate, caught.rate, cleared.rate
    if rate is None or sensitivity is None or specificity is None or sensitivity + specificity <= 1:
        return Corrected(None, None)
    true = (rate + specificity - 1) / (sensitivity + specificity - 1)
    interval = _lang_reiczigel(observed, caught, cleared, _z((1 + confidence) / 2))
    return Corrected(_within(true), interval, clipped=not 0 <= true <= 1)


def _lang_reiczigel(observed: Share, caught: Share, cleared: Share, z: float) -> Interval | None:
    """Return the interval that counts the uncertainty of all three samples, each shifted as Agresti & Coull do."""
    n = observed.n + z * z
    rate = (observed.hits + z * z / 2) / n
    sensitivity, n_caught = (caught.hits + 1) / (caught.n + 2), caught.n + 2
    specificity, n_cleared = (cleared.hits + 1) / (cleared.n + 2), cleared.n + 2
    youden = sensitivity + specificity - 1
    if youden <= 0:
        return None
    true = (rate + specificity - 1) / youden
    of_caught = sensitivity * (1 - sensitivity) / n_caught
    of_cleared = specificity * (1 - specificity) / n_cleared
    variance = rate * (1 - rate) / n + true * true * of_caught + (1 - true) ** 2 * of_cleared
    centre = true + 2 * z * z * (true * of_caught - (1 - true) * of_cleared)
    half = z * math.sqrt(variance) / youden
    return Interval(_within(centre - half), _within(centre + half))


def _score(share: Share, z: float) -> Interval:
    hits, n = share.hits, share.n
    centre = (hits + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(hits * (n - hits) / n + z * z / 4)
    # At the ends rounding would leave a bound of 1e-18 where the formula gives 0.
    return Interval(0.0 if hits == 0 else _within(centre - half), 1.0 if hits == n else _within(centre + half))


def _exact_upper(share: Share, tail: float) -> float:
    if share.hits == share.n:
        return 1.0
    return _root(lambda p: _at_most(share.hits, share.n, p) > tail)


def _exact_lower(share: Share, tail: float) -> float:
    if share.hits == 0:
        return 0.0
    return _root(lambda p: 1 - _at_most(share.hits - 1, share.n, p) < tail)


def _root(below: Callable[[float], bool]) -> float:
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return (low + high) / 2


def _at_most(hits: int, n: int, p: float) -> float:
    """Return the binomial probability of at most so many hits, summed from the shorter end."""
    if p <= 0 or p >= 1:
        return 1.0 if p <= 0 else 0.0
    if hits > n - hits:
        return 1 - math.fsum(_pmf(k, n, p) for k in range(hits + 1, n + 1))
    return math.fsum(_pmf(k, n, p) for k in range(hits + 1))


def _pmf(hits: int, n: int, p: float) -> float:
    return math.exp(_log_choose(n, hits) + hits * math.log(p) + (n - hits) * math.log1p(-p))


def _fisher(candidate: Share, hits: int, n: int) -> float:
    """Return the hypergeometric probability of at least the candidate's hits, the margins held."""
    misses = n - hits
    whole = _log_choose(n, candidate.n)
    upper = min(hits, candidate.n)
    tail = math.fsum(
        math.exp(_log_choose(hits, k) + _log_choose(misses, candidate.n - k) - whole)
        for k in range(candidate.hits, upper + 1)
        if candidate.n - k <= misses
    )
    return min(1.0, tail)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _z(level: float) -> float:
    return NormalDist().inv_cdf(level)


def _within(value: float) -> float:
    return min(1.0, max(0.0, value))
