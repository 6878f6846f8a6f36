"""How long the simulated provider thinks before it answers, and how fast it writes then."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import Final

# The 99th percentile of the standard normal distribution.
_Z99: Final = 2.3263478740408408


@dataclass(frozen=True, slots=True)
class Latency:
    """A fixed time, or a log-normal one.

    Attributes:
        p50_ms: median, milliseconds; 0 answers at once.
        p99_ms: 99th percentile, at least the median; None for a fixed time.
        seed: equal seeds draw equal times.
        per_token_ms: milliseconds a token of output takes to write; a plain answer comes when the last one is written.
    """

    p50_ms: float = 0.0
    p99_ms: float | None = None
    seed: int = 0
    per_token_ms: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what no distribution has.

        Raises:
            ValueError: a negative time, a spread without a median, or a percentile below the median.
        """
        if self.per_token_ms < 0:
            raise ValueError(f"per_token_ms is {self.per_token_ms}, must be 0 or more")
        if self.p50_ms < 0:
            raise ValueError(f"p50_ms is {self.p50_ms}, must be 0 or more")
        if self.p99_ms is not None and not 0 < self.p50_ms <= self.p99_ms:
            raise ValueError(f"p99_ms is {self.p99_ms}, must be at least p50_ms ({self.p50_ms}), which must be above 0")

    def draw(self, rng: Random) -> float:
        """Draw one time, in seconds."""
        if self.p99_ms is None:
            return self.p50_ms / 1000
        spread = math.log(self.p99_ms / self.p50_ms) / _Z99
        return rng.lognormvariate(math.log(self.p50_ms), spread) / 1000

    def writing_s(self, tokens: int) -> float:
        """Return how long it takes to write that many tokens, in seconds."""
        return tokens * self.per_token_ms / 1000
