"""The review: one whole pass over one draft, as it is answered, stored and read back.

A review holds what people need to see, quotes of the redacted draft included, so it is content. What the log commits
to without holding any text is made of it in `reviewer.core.record`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from reviewer.core.draft import Drafter, DrafterUsage, Revision, Tier
from reviewer.core.finding import Finding
from reviewer.core.guidance import DrafterGuidance
from reviewer.core.outcome import CallRecord
from reviewer.core.rubric import Place
from reviewer.core.rulebook import CriterionFact, RubricPin
from reviewer.core.verdict import Reason, Verdict


class Stage(StrEnum):
    """A part of a review with a beginning and an end, in order."""

    ADMIT = "admit"
    REDACT = "redact"
    CHECK = "check"
    CRITICISE = "criticise"
    VERIFY = "verify"
    DECIDE = "decide"
    RECORD = "record"


@dataclass(frozen=True, slots=True)
class StageTiming:
    """How long a stage took, in microseconds."""

    stage: Stage
    duration_us: int


class HandoffState(StrEnum):
    """Where a handoff stands in the record of its review; what became of it is `reviewer.core.ticket`."""

    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Handoff:
    """The ticket for a person; it is written in the same transaction as its review.

    Attributes:
        id: UUIDv7; its name is `handoffs/{id}`.
        expires_at: from then on it counts as rejected; None never.
    """

    id: str
    state: HandoffState
    created_at: datetime
    expires_at: datetime | None = None

    @property
    def name(self) -> str:
        """Resource name."""
        return f"handoffs/{self.id}"


CANARY_TENANT = "_canary"
"""Owns the reviews of canaries; no caller's tenant may begin with an underscore."""


@dataclass(frozen=True, slots=True)
class Examination:
    """What makes a review that of a canary.

    Attributes:
        case: `domain/case` of the canary.
        model: requested id of the second model that is examined: nobody else is asked.
    """

    case: str
    model: str


@dataclass(frozen=True, slots=True)
class RouteTaken:
    """How the request was routed.

    Attributes:
        defaulted: the intent stood in no route.
        full: the second model was part of the plan.
        rulebook_digest: SHA-256 in hex of all rubrics, routes and models together.
        prompt_version: of the instructions and the form of a critique; empty in reviews from before it was kept.
    """

    id: str
    domain: str
    tier: Tier
    defaulted: bool
    full: bool
    rulebook_digest: str
    prompt_version: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """One whole review.

    Attributes:
        id: UUIDv7; its name is `reviews/{id}`.
        request_id: empty where the caller gave none.
        content_digest: SHA-256 in hex of the request as received.
        created_at: when it was decided, UTC.
        draft_digest: `RawDraft.digest()`.
        timings: up to and without RECORD, which has not ended when the record is made.
        dropped_findings: findings of the critic about questions that nobody asked.
        simulated: a model call went to the simulated provider.
        reused_from: name of the review whose answers of the second model were taken; empty where it was asked.
        canary: `domain/case` of the canary that was shown; empty for a review that somebody asked for.
        release: digest of the release that judged it; empty in reviews from before it was kept.
        stage: `canary` where that release was on trial; empty where it was in force.
        material: the redacted request, in the form of `reviewer.core.kept`; empty where it was not kept.
        unkept: why it was not, empty where it was or was not to be.
    """

    id: str
    tenant: str
    request_id: str
    content_digest: str
    created_at: datetime
    intent: str
    locale: str
    verdict: Verdict
    reasons: tuple[Reason, ...]
    guidance: DrafterGuidance
    findings: tuple[Finding, ...]
    criteria: Mapping[str, CriterionFact]
    handoff: Handoff | None
    pins: tuple[RubricPin, ...]
    route: RouteTaken
    calls: tuple[CallRecord, ...]
    timings: tuple[StageTiming, ...]
    drafter: Drafter
    drafter_usage: DrafterUsage
    draft_digest: str
    sources_digest: str
    redactions: tuple[tuple[Place, str, int], ...]
    simulated: bool
    dropped_findings: int = 0
    reused_from: str = ""
    revision: Revision | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    canary: str = ""
    release: str = ""
    stage: str = ""
    material: str = field(default="", repr=False)
    unkept: str = ""

    @property
    def name(self) -> str:
        """Resource name."""
        return f"reviews/{self.id}"


@dataclass(frozen=True, slots=True)
class Position:
    """Where a record stands in the log: index from 0, and its RFC 6962 leaf hash."""

    index: int
    leaf_hash: bytes


@dataclass(frozen=True, slots=True)
class RecordedReview:
    """A review that is durably in the log: the only form that may leave the house.

    Attributes:
        replayed: an earlier review, found by its request id.
        record_us: microseconds that writing took; 0 where the review was read back.
        receipt: the signed approval, a JWS in compact form; empty where there is none.
    """

    review: Review
    position: Position
    record_us: int = 0
    replayed: bool = False
    receipt: str = ""
