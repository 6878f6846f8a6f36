"""What a candidate on trial is held to: the section `rollout` of `gates.yaml`.

Each gate compares one measure of candidate and baseline. It fails where the candidate is worse by more than is
tolerated, and holds where it is shown not to be worse by the stated effect beyond that. The chances of an error are
those of all gates and segments of a trial together, however often one looks.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from reviewer.core.case import CriterionKey
from reviewer.core.rubric import Frozen

Fraction = Annotated[float, Field(gt=0, lt=1)]


class Measure(StrEnum):
    """What is compared; a high value is what a gate stops.

    APPROVED lets more through, BLOCKED (revised or handed off) less; OVER_REFUSAL and NON_ANSWER are drafts that were
    found to refuse or not to answer; OVERTURNED are handoffs in which the verdict was not what a person decided then.
    """

    APPROVED = "approved"
    BLOCKED = "blocked"
    REVISED = "revised"
    HANDOFF = "handoff"
    OVER_REFUSAL = "over_refusal"
    NON_ANSWER = "non_answer"
    OVERTURNED = "overturned"
    COST = "cost"
    LATENCY = "latency"


class RolloutGate(Frozen):
    """One gate.

    Attributes:
        tolerance: how much more of the measure is still no worse: of reviews, or of the cap.
        effect: difference beyond that which must not go unseen.
        needed: a candidate is not ready before this gate was shown to hold; else it only must not fail.
    """

    measure: Measure
    tolerance: Annotated[float, Field(ge=0, lt=1)] = 0.02
    effect: Fraction = 0.08
    needed: bool = True

    @model_validator(mode="after")
    def _possible(self) -> RolloutGate:
        """Refuse a gate that nothing could fail."""
        if self.tolerance + self.effect >= 1:
            raise ValueError("tolerance and effect together must be below 1")
        return self


def _default_gates() -> tuple[RolloutGate, ...]:
    return (
        RolloutGate(measure=Measure.BLOCKED, tolerance=0.02, effect=0.10),
        RolloutGate(measure=Measure.APPROVED, tolerance=0.05, effect=0.10),
        RolloutGate(measure=Measure.HANDOFF, tolerance=0.02, effect=0.08),
        RolloutGate(measure=Measure.OVER_REFUSAL, tolerance=0.01, effect=0.08),
        RolloutGate(measure=Measure.NON_ANSWER, tolerance=0.01, effect=0.08),
        RolloutGate(measure=Measure.OVERTURNED, tolerance=0.05, effect=0.15, needed=False),
        RolloutGate(measure=Measure.COST, tolerance=0.10, effect=0.15),
        RolloutGate(measure=Measure.LATENCY, tolerance=0.10, effect=0.15),
    )


class RolloutGates(Frozen):
    """All gates of a trial.

    Attributes:
        alpha: greatest chance that a candidate that is nowhere worse than tolerated is ever rolled back.
        beta: greatest chance, for each gate, of holding although the candidate is worse by tolerance and effect.
        min_n: reviews of each side before a candidate can be ready; what is worse is seen before.
        max_segments: tiers and locales told apart, the first to be seen; all others count in the whole alone.
        cost_cap_usd, latency_cap_s: of one review; costs and times of the second model count as shares of them.
        over_refusal, non_answer: the criteria whose failure says so.
    """

    alpha: Fraction = 0.05
    beta: Fraction = 0.10
    min_n: Annotated[int, Field(ge=1)] = 50
    max_segments: Annotated[int, Field(ge=0, le=200)] = 24
    cost_cap_usd: Annotated[float, Field(gt=0)] = 0.25
    latency_cap_s: Annotated[float, Field(gt=0)] = 60.0
    over_refusal: tuple[CriterionKey, ...] = ("answer_quality/unneeded_refusal_absent",)
    non_answer: tuple[CriterionKey, ...] = ("answer_quality/content_present", "answer_quality/question_answered")
    gates: Annotated[tuple[RolloutGate, ...], Field(min_length=1)] = Field(default_factory=_default_gates)

    @model_validator(mode="after")
    def _each_once(self) -> RolloutGates:
        """Refuse two gates of one measure."""
        measures = [gate.measure for gate in self.gates]
        if repeated := sorted({name for name in measures if measures.count(name) > 1}):
            raise ValueError(f"gates stand twice: {', '.join(repeated)}")
        return self


DEFAULT_GATES = RolloutGates()
"""What holds for releases without a gate file, or without this section in it."""
