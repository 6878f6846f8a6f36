"""Shares with their uncertainty: what few reviews can say of many."""

from __future__ import annotations

from dataclasses import dataclass

from reviewer.core.statistics.proportions import Share as Counted
from reviewer.core.statistics.proportions import wilson


@dataclass(frozen=True, slots=True)
class Share:
    """Some of many, with the bounds of the Wilson score interval at 95 % (Wilson 1927), as fractions of 1."""

    part: int
    whole: int
    low: float
    high: float

    @property
    def value(self) -> float | None:
        """The share itself; None of nothing."""
        return self.part / self.whole if self.whole else None


def share(part: int, whole: int) -> Share:
    """Return a share; of nothing it may be anything from 0 to 1."""
    within = wilson(Counted(part, whole))
    return Share(part, whole, within.low, within.high)
