"""Calibration of judges that give probabilities: what they are off by, and from where on their word may be taken.

Fit and threshold come from one half of the conversations and are shown on the other: on its own half a fit flatters.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from reviewer.core.labels import FAILS, PASSES, Matched
from reviewer.core.statistics.proportions import Share
from reviewer.core.statistics.reliability import Bin, Forecast, Isotonic, bins_of, expected_error, threshold_for

LET_THROUGH = 0.05
"""The share of what people fail that may be let through, by its bound from above."""


@dataclass(frozen=True, slots=True)
class Reliability:
    """How one judge's probabilities fare, on the half that nothing was fitted to.

    Attributes:
        n: forecasts of that half.
        error, fitted_error: expected calibration error as given, and after an isotonic fit on the other half.
        bins: of that half, as given.
        threshold: from the other half, the lowest probability within `LET_THROUGH`; None where none is shown to be.
        let_through: what reached the threshold of what people fail, on that half.
    """

    reviewer: str
    n: int
    error: float | None
    fitted_error: float | None
    bins: tuple[Bin, ...]
    threshold: float | None
    let_through: Share


def reliability_of(rows: Iterable[Matched]) -> tuple[Reliability, ...]:
    """Return the reliability of every judge that gave probabilities and has labels, by name."""
    halves: defaultdict[str, tuple[list[Forecast], list[Forecast]]] = defaultdict(lambda: ([], []))
    for row in rows:
        judged = row.judged
        if judged.probability is not None and row.human in FAILS | PASSES:
            half = _half(judged.cluster or judged.item)
            halves[judged.reviewer][half].append(Forecast(judged.probability, row.human in PASSES))
    return tuple(_reliability(name, *both) for name, both in sorted(halves.items()))


def _reliability(reviewer: str, fitted: list[Forecast], held: list[Forecast]) -> Reliability:
    fit, threshold = Isotonic(fitted), threshold_for(fitted, LET_THROUGH)
    false = [one.probability for one in held if not one.true]
    return Reliability(
        reviewer=reviewer,
        n=len(held),
        error=expected_error(held),
        fitted_error=expected_error([Forecast(fit(one.probability), one.true) for one in held]),
        bins=bins_of(held),
        threshold=threshold,
        let_through=Share(0 if threshold is None else sum(p >= threshold for p in false), len(false)),
    )


def _half(cluster: str) -> int:
    """Return 0 or 1: the same conversation always falls into the same half."""
    return hashlib.sha256(cluster.encode()).digest()[0] & 1
