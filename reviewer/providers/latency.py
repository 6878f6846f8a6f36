"""How long one model takes: the latest durations of its calls that were answered, and their percentiles."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from math import ceil

SIZE = 128
"""Calls remembered: enough for a 99th percentile to be more than the greatest value."""
ENOUGH = 20
"""Calls below which nothing is said."""
STALE_S = 300.0
"""Without an answer for so long nothing is known any more: a model that was slow is not asked by those in a hurry, so
that nobody would ever find out that it is fast again."""


class Window:
    """The last durations of one model, in seconds. Time comes in as an argument, in seconds of any one clock."""

    def __init__(self) -> None:
        """Start knowing nothing."""
        self._latest: deque[float] = deque()
        self._sorted: list[float] = []
        self._last_at = 0.0

    def add(self, seconds: float, now: float) -> None:
        """Remember one duration; the oldest is forgotten when there are too many, all of them when they are stale."""
        if now - self._last_at > STALE_S:
            self._latest.clear()
            self._sorted.clear()
        self._last_at = now
        if len(self._latest) == SIZE:
            del self._sorted[bisect_left(self._sorted, self._latest.popleft())]
        self._latest.append(seconds)
        insort(self._sorted, seconds)

    def enough(self, now: float) -> bool:
        """Whether enough is known, and lately enough, to say anything."""
        return len(self._sorted) >= ENOUGH and now - self._last_at <= STALE_S

    def percentile(self, percent: float) -> float:
        """Return the smallest remembered duration that so many percent do not exceed (nearest rank).

        Args:
            percent: above 0, at most 100; at least one duration must be remembered.
        """
        return self._sorted[ceil(len(self._sorted) * percent / 100) - 1]
