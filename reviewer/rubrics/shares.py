"""A share of a count, with its interval."""

from __future__ import annotations

from dataclasses import dataclass

from reviewer.core.statistics.proportions import Share as Counted
from reviewer.core.statistics.proportions import wilson


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many; the total may be 0, which says nothing."""

    count: int
    total: int

    @property
    def percent(self) -> float:
        """The share in percent; 0 of nothing."""
        return 100.0 * self.count / self.total if self.total else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's score interval at 95 %, in percent; everything where the total is 0."""
        within = wilson(Counted(self.count, self.total))
        return 100 * within.low, 100 * within.high

    def __str__(self) -> str:
        """Render as `1 of 8 (12.5 %, 95 % interval 2.2 to 47.1 %)`."""
        low, high = self.interval
        return f"{self.count} of {self.total} ({self.percent:.1f} %, 95 % interval {low:.1f} to {high:.1f} %)"
