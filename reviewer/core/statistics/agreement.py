"""How far judges agree beyond chance, in categories without order.

Sources: Cohen, Educational and Psychological Measurement 20 (1960) 37; Byrt, Bishop & Carlin, Journal of Clinical
Epidemiology 46 (1993) 423 for the prevalence-adjusted kappa; Krippendorff, "Computing Krippendorff's
Alpha-Reliability" (2011) for alpha. Chance comes in as an argument: the same chance gives the same interval.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol, TypeAlias

from reviewer.core.statistics.proportions import CONFIDENCE, Share

REPLICATES = 1_000
Pair: TypeAlias = tuple[str, str]
"""What the one and the other said of the same thing."""


@dataclass(frozen=True, slots=True)
class Between:
    """An interval of a coefficient, within -1 to 1."""

    low: float
    high: float


class Chance(Protocol):
    """A seeded generator, as `random.Random` is."""

    def choices(self, population: range, *, k: int) -> Sequence[int]:
        """Draw k numbers with replacement."""
        ...


def kappa(pairs: Counter[Pair]) -> float | None:
    """Return Cohen's kappa; None without pairs, or where both say one and the same thing throughout."""
    n = pairs.total()
    if n == 0:
        return None
    left: Counter[str] = Counter()
    right: Counter[str] = Counter()
    agreed = 0
    for (one, other), count in pairs.items():
        left[one] += count
        right[other] += count
        agreed += count if one == other else 0
    by_chance = sum(left[category] * right[category] for category in left)
    # In whole numbers, so that "no room above chance" is seen exactly.
    room = n * n - by_chance
    return (agreed * n - by_chance) / room if room else None


def pabak(pairs: Counter[Pair], categories: int) -> float | None:
    """Return the prevalence-adjusted, bias-adjusted kappa: what kappa would be, were all categories as frequent.

    Args:
        categories: how many there are to choose from, at least 2.
    """
    n = pairs.total()
    if n == 0:
        return None
    observed = sum(count for (one, other), count in pairs.items() if one == other) / n
    return (categories * observed - 1) / (categories - 1)


def kappa_interval(
    clusters: Iterable[Counter[Pair]], chance: Chance, replicates: int = REPLICATES, confidence: float = CONFIDENCE
) -> Between | None:
    """Return a percentile interval of kappa by resampling whole clusters: answers about one conversation go together.

    Args:
        clusters: the pairs of each cluster.
        replicates: samples drawn; those of which kappa is undefined are left out.

    Returns:
        None with fewer than two clusters, or where more than half of the samples have no kappa.
    """
    tables = list(clusters)
    if len(tables) < 2:
        return None
    drawn: list[float] = []
    for _ in range(replicates):
        total: Counter[Pair] = Counter()
        for at, times in Counter(chance.choices(range(len(tables)), k=len(tables))).items():
            for pair, count in tables[at].items():
                total[pair] += count * times
        if (value := kappa(total)) is not None:
            drawn.append(value)
    if len(drawn) * 2 < replicates:
        return None
    drawn.sort()
    tail = (1 - confidence) / 2
    return Between(_quantile(drawn, tail), _quantile(drawn, 1 - tail))


def alpha(units: Iterable[Mapping[Hashable, str]]) -> float | None:
    """Return Krippendorff's alpha for nominal data with gaps.

    Args:
        units: for each thing that was judged, what each rater said of it; those with fewer than two raters say
            nothing and are left out.

    Returns:
        1 for perfect agreement, 0 for chance; None where nothing can be paired or all say one and the same thing.
    """
    values: Counter[str] = Counter()
    disagreement = 0.0
    for unit in units:
        said = Counter(unit.values())
        raters = said.total()
        if raters < 2:
            continue
        values += said
        agreeing = sum(count * (count - 1) for count in said.values())
        disagreement += (raters * (raters - 1) - agreeing) / (raters - 1)
    n = values.total()
    by_chance = n * n - sum(count * count for count in values.values())
    return 1 - (n - 1) * disagreement / by_chance if by_chance else None


def pairwise(units: Iterable[Mapping[Hashable, str]]) -> Share:
    """Return how many pairs of raters said the same of the same thing."""
    hits = n = 0
    for unit in units:
        for one, other in combinations(unit.values(), 2):
            hits += one == other
            n += 1
    return Share(hits, n)


def _quantile(ordered: Sequence[float], level: float) -> float:
    """Interpolate between the neighbours (Hyndman & Fan's type 7)."""
    at = level * (len(ordered) - 1)
    below = int(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (at - below)
