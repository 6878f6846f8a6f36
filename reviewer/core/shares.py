"""Shares with their uncertainty: what few reviews can say of many."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

_Z = 1.959_963_984_540_054
"""Of the standard normal distribution, two-sided at 95 %."""


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
    if not whole:
        return Share(part, whole, 0.0, 1.0)
    rate, spread = part / whole, _Z * _Z / whole
    middle = (rate + spread / 2) / (1 + spread)
    half = sqrt(rate * (1 - rate) * spread + spread * spread / 4) / (1 + spread)
    return Share(
        part, whole, max(middle - half, 0.0) if part else 0.0, min(middle + half, 1.0) if part < whole else 1.0
    )
