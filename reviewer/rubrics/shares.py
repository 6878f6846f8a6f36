"""A share of a count, with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

_Z = 1.959963984540054
"""Of the standard normal distribution: 95 % lie within."""


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
        """Wilson's score interval at 95 %, in percent; everything where the total is 0.

        Source: E. B. Wilson (1927), Probable Inference, the Law of Succession, and Statistical Inference, JASA 22.
        """
        n = self.total
        if n == 0:
            return 0.0, 100.0
        p, z2 = self.count / n, _Z * _Z
        centre = (p + z2 / (2 * n)) / (1 + z2 / n)
        half = _Z / (1 + z2 / n) * sqrt(p * (1 - p) / n + z2 / (4 * n * n))
        return max(0.0, 100 * (centre - half)), min(100.0, 100 * (centre + half))

    def __str__(self) -> str:
        """Render as `1 of 8 (12.5 %, 95 % interval 2.2 to 47.1 %)`."""
        low, high = self.interval
        return f"{self.count} of {self.total} ({self.percent:.1f} %, 95 % interval {low:.1f} to {high:.1f} %)"
