"""Two judges of the same cases, compared pair by pair, looked at as often as one likes.

Of each pair only the difference d, between -1 and 1, is looked at. A test by betting as in
`reviewer.core.statistics.sequential`: evidence against "the mean of d is at most m" is the product of 1 + g (d - m),
whose mean is at most 1 wherever that holds, for any stake g from 0 to below 1 / (1 + m); against "it is at least m" the
same with both signs turned. For yes-and-no values with m = 0 pairs that agree leave it as it is: a sequential form of
McNemar's test. A uniform mixture over six stakes stands for not knowing how large the difference is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

_STAKES = (0.02, 0.05, 0.12, 0.3, 0.6, 0.9)
"""Shares of the stake at which a single pair could lose everything."""


@dataclass(slots=True)
class Evidence:
    """Evidence against a mean of at most (or, `against_high`, at least) `edge`.

    Attributes:
        edge: above -1 and below 1.
    """

    edge: float
    against_high: bool
    _logs: list[float] = field(default_factory=lambda: [0.0] * len(_STAKES))
    _highest: float = 0.0

    @property
    def p_value(self) -> float:
        """The always-valid p-value: one over the most evidence there ever was."""
        return math.exp(-self._highest)

    def bet(self, difference: float) -> None:
        """Take in one pair.

        Raises:
            ValueError: the difference is not between -1 and 1.
        """
        if not -1 <= difference <= 1:
            raise ValueError(f"got {difference}, expected a difference between -1 and 1")
        sign, most = (-1.0, 1 / (1 - self.edge)) if self.against_high else (1.0, 1 / (1 + self.edge))
        gain = sign * most * (difference - self.edge)
        self._logs = [log + math.log1p(stake * gain) for log, stake in zip(self._logs, _STAKES, strict=True)]
        top = max(self._logs)
        mixed = top + math.log(math.fsum(math.exp(log - top) for log in self._logs) / len(self._logs))
        self._highest = max(self._highest, mixed)
