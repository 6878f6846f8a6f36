"""What a run of cases came to: values only, from which every report is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reviewer.core.outcome import CallRecord
from reviewer.core.spending import NOTHING, Spent
from reviewer.rubrics.expectation import Mismatch
from reviewer.rubrics.shares import Share


class Mode(StrEnum):
    """Where critiques come from, as every report names it."""

    RECORDED = "recorded"
    LIVE = "live"
    SIMULATED = "simulated"


class Status(StrEnum):
    """What a trial came to.

    UNJUDGED: nothing is recorded, which was allowed, and the checks alone say nothing against it.
    """

    PASSED = "passed"
    FAILED = "failed"
    STALE = "stale recording"
    NOT_RECORDED = "not recorded"
    UNJUDGED = "not recorded, allowed"
    LOST = "no critique"
    UNAFFORDABLE = "over the cap"

    @property
    def good(self) -> bool:
        """Whether a run with it may pass."""
        return self in (Status.PASSED, Status.UNJUDGED)


class Wording(StrEnum):
    """Whose words a trial shows: the case's own, those of a variant its author wrote, or of one that was derived."""

    OWN = "own"
    NATURAL = "natural"
    DERIVED = "derived"


@dataclass(frozen=True, slots=True)
class TrialResult:
    """One trial of one case.

    Attributes:
        case: `domain/case`.
        name: the same, with `.variant` where the words are a variant's.
        verdict: by name; empty where there is none to speak of.
        seen: outcome in force by criterion, of those answers that say something: not of what a script fills in.
        detail: what the status is about, where that is no mismatch.
    """

    case: str
    name: str
    domain: str
    suite: str
    locale: str
    wording: Wording
    repeat: int
    status: Status
    verdict: str
    mismatches: tuple[Mismatch, ...] = ()
    detail: tuple[str, ...] = ()
    seen: Mapping[str, str] = field(default_factory=dict)
    calls: tuple[CallRecord, ...] = ()
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Breach:
    """A bound of a suite that was not kept."""

    suite: str
    rule: str
    share: Share
    bound_percent: float


@dataclass(frozen=True, slots=True)
class Flip:
    """A case whose verdict was not the same each time.

    Attributes:
        verdicts: by trial (`name #repeat`), in order.
        between: `repeats` of the same words, or `variants` of them.
    """

    case: str
    between: str
    verdicts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which outcomes of a criterion were seen.

    Attributes:
        passed, failed: locales in which it was seen to be met, and not to be.
    """

    criterion: str
    passed: tuple[str, ...]
    failed: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether it was seen to pass and seen to fail."""
        return bool(self.passed and self.failed)

    @property
    def word(self) -> str:
        """What is missing."""
        if self.whole:
            return "both seen"
        if not self.passed and not self.failed:
            return "not exercised"
        return "never seen to fail" if self.passed else "never seen to pass"


@dataclass(frozen=True, slots=True)
class RunResult:
    """A whole run.

    Attributes:
        digest: of the rulebook.
        simulated: a simulated model had a part in it, whatever the mode.
        repeats, variants: share of cases whose verdict changed, of those that were tried more than once.
        at_most_micro_usd: what was computed before, None where nothing is paid for or a price is not known.
        seed: of the derived variants.
    """

    mode: Mode
    digest: str
    trials: tuple[TrialResult, ...]
    breaches: tuple[Breach, ...] = ()
    flips: tuple[Flip, ...] = ()
    repeats: Share | None = None
    variants: Share | None = None
    coverage: tuple[Coverage, ...] = ()
    at_most_micro_usd: int | None = None
    spent: Spent = NOTHING
    seed: int = 0

    @property
    def simulated(self) -> bool:
        """Whether a simulated model had a part in it."""
        return self.mode is Mode.SIMULATED or any(trial.simulated for trial in self.trials)

    @property
    def title(self) -> str:
        """The mode, and that the model is simulated where it is."""
        return (
            f"{self.mode.value}, simulated model" if self.simulated and self.mode is not Mode.SIMULATED else self.mode
        )

    @property
    def failures(self) -> tuple[TrialResult, ...]:
        """Trials that keep the run from passing."""
        return tuple(trial for trial in self.trials if not trial.status.good)

    @property
    def flipped_variants(self) -> tuple[Flip, ...]:
        """Cases whose verdict depended on their wording."""
        return tuple(flip for flip in self.flips if flip.between == "variants")

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against the rule set; flips between repeats are reported and fail nothing alone."""
        return bool(self.trials) and not (self.failures or self.breaches or self.flipped_variants)

    @property
    def covered(self) -> Share:
        """Criteria seen to pass and to fail, of all."""
        return Share(sum(c.whole for c in self.coverage), len(self.coverage))
