"""How long the simulated models of the timed measurements take. These are assumptions, not measurements of any model.

A call begins to be answered after a log-normal time and is then written token by token. The strong model's figures
(median 1.2 s to the first token, 6 s at the 99th percentile, 80 tokens a second) stand for a large model under everyday
load, the fast one's (a quarter of that) for a small one. Every table names what it was measured with.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from random import Random
from typing import Final, Self

from reviewer.simulate.latency import Latency

QUICK_SCALE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Delay(Latency):
    """A log-normal time of which some are many times longer.

    Attributes:
        stragglers: share of calls, 0 to 1, whose time before the first token is `times` as long.
    """

    stragglers: float = 0.0
    times: float = 10.0

    def draw(self, rng: Random) -> float:
        """Draw one time, in seconds."""
        seconds = Latency.draw(self, rng)
        return seconds * self.times if rng.random() < self.stragglers else seconds

    def scaled(self, scale: float) -> Delay:
        """Return the same distribution with all times multiplied."""
        p99_ms = None if self.p99_ms is None else self.p99_ms * scale
        per_token_ms = self.per_token_ms * scale
        return Delay(self.p50_ms * scale, p99_ms, self.seed, per_token_ms, self.stragglers, self.times)

    def arguments(self) -> list[str]:
        """Write it as arguments of `python -m bench.model`."""
        spread = [] if self.p99_ms is None else ["--p99-ms", f"{self.p99_ms}"]
        rest = ["--per-token-ms", f"{self.per_token_ms}", "--stragglers", f"{self.stragglers}"]
        return ["--latency-ms", f"{self.p50_ms}", *spread, *rest, "--times", f"{self.times}"]

    @staticmethod
    def add_options(parser: ArgumentParser) -> None:
        """Have a program take such arguments."""
        parser.add_argument("--latency-ms", type=float, default=0.0, help="median before the first token")
        parser.add_argument("--p99-ms", type=float, help="a fixed time where it is not given")
        parser.add_argument("--per-token-ms", type=float, default=0.0)
        parser.add_argument("--stragglers", type=float, default=0.0, help="share that takes many times as long")
        parser.add_argument("--times", type=float, default=10.0, help="as long as stragglers take")

    @classmethod
    def of(cls, options: Namespace) -> Self:
        """Read it from a program's arguments."""
        return cls(
            options.latency_ms,
            options.p99_ms,
            per_token_ms=options.per_token_ms,
            stragglers=options.stragglers,
            times=options.times,
        )

    def __str__(self) -> str:
        """Describe it in a table's note."""
        late = f", {self.stragglers:.0%} of calls {self.times:g} times as long" if self.stragglers else ""
        before = f"log-normal, p50 {self.p50_ms:g} and p99 {self.p99_ms:g} ms before the first token{late}"
        return f"{before}, then {self.per_token_ms:g} ms a token"


STRONG: Final = Delay(1_200, 6_000, per_token_ms=12.5)
FAST: Final = STRONG.scaled(0.25)
STRAGGLING: Final = Delay(1_200, 2_400, per_token_ms=12.5, stragglers=0.03)
