"""What one comparison of candidate and baseline came to, and all of a trial together. Taking in is `trial_figures`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reviewer.core.rollout_gates import RolloutGate


class GateState(StrEnum):
    """What one comparison says."""

    OPEN = "open"
    HOLDS = "holds"
    FAILED = "failed"


class TrialState(StrEnum):
    """What all gates together say."""

    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Figure:
    """One comparison.

    Attributes:
        segment: `tier=high`, `locale=pt-BR`; empty for the whole.
        candidate, baseline: means; None before the first value. Of cost and latency they are shares of the cap.
        low, high: 95 % interval of the difference for one look; for reading, no gate goes by it.
        p_worse, p_sound: always-valid p-values.
        level: that `p_worse` must not fall to.
    """

    gate: RolloutGate
    segment: str
    state: GateState
    candidate: float | None
    baseline: float | None
    candidate_n: int
    baseline_n: int
    low: float
    high: float
    p_worse: float
    p_sound: float
    level: float

    def __str__(self) -> str:
        """Say it in words."""
        where = f" in {self.segment}" if self.segment else ""
        sides = f"{_percent(self.candidate)} of {self.candidate_n} against {_percent(self.baseline)}"
        tolerated = f"{self.gate.tolerance * 100:.0f} points more are tolerated"
        return (
            f"{self.gate.measure}{where}: {sides} of {self.baseline_n}, {tolerated}; "
            f"difference {self.low * 100:+.1f} to {self.high * 100:+.1f} points, p {self.p_worse:.2g}, "
            f"level {self.level:.2g}"
        )


@dataclass(frozen=True, slots=True)
class Outlook:
    """Where a trial stands.

    Attributes:
        failed: the first comparison that failed; None where none did.
    """

    state: TrialState
    candidate_n: int
    baseline_n: int
    figures: tuple[Figure, ...]
    failed: Figure | None = None


def _percent(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.1%}"
