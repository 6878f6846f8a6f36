"""Reviews with something in every field, of any size, and drawn at will: for tests of what is made of reviews."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import strategies as st

from reviewer.core.draft import Drafter, DrafterUsage, Revision, Tier
from reviewer.core.finding import Finding, Origin, Outcome, Quote, QuoteStatus
from reviewer.core.guidance import DrafterGuidance, GuidanceItem
from reviewer.core.outcome import CallRecord, FailureKind, Usage
from reviewer.core.review import Handoff, HandoffState, Review, RouteTaken, Stage, StageTiming
from reviewer.core.routing import Guidance
from reviewer.core.rubric import Effect, Place, Severity
from reviewer.core.rulebook import CriterionFact, RubricPin
from reviewer.core.verdict import Cause, Reason, Verdict
from tests.support.builders import MOMENT, finding, quote, review, review_id

CALL = CallRecord(
    provider="anthropic",
    requested_model="critic-1",
    served_model="critic-1-20260301",
    request_id="req_1",
    prompt_digest="9" * 64,
    usage=Usage(5000, 4000, 0, 300, 100),
    cost_micro_usd=12_345,
    latency_us=1_500_000,
    stop="end_turn",
)
FULL = review(
    request_id="order-7",
    verdict=Verdict.HUMAN_HANDOFF,
    reasons=(
        Reason(
            Cause.CRITERION, Effect.HANDOFF, "probe/asked", Severity.BLOCKER, "It is vague.", (quote("a dose"),), "Say."
        ),
        Reason(Cause.DEADLINE, Effect.HANDOFF, "", None, "too late"),
    ),
    guidance=DrafterGuidance(Guidance.FULL, (GuidanceItem("probe/asked", "Asked", "Say.", (quote("a dose"),)),)),
    findings=(
        finding(
            "probe/asked",
            Outcome.NOT_MET,
            quotes=(quote("a dose"), quote("no", QuoteStatus.FAILED)),
            why="It is vague.",
        ),
        finding("probe/ruled", Outcome.UNCERTAIN, Origin.CHECK, claimed=Outcome.NOT_MET, unverified=True),
    ),
    handoff=Handoff(str(review_id(9)), HandoffState.OPEN, MOMENT),
    calls=(replace(CALL, cost_micro_usd=None, failure=FailureKind.OVERLOADED, http_status=529), CALL),
    timings=(StageTiming(Stage.ADMIT, 15), StageTiming(Stage.CRITICISE, 1_500_123)),
    drafter_usage=DrafterUsage(100, 200, 300),
    redactions=((Place.DRAFT, "email", 2), (Place.SOURCE, "card", 1)),
    dropped_findings=1,
    revision=Revision("reviews/0199", 1),
    labels={"team": "triage", "a": "z"},
)


def largest(criteria: int, key_length: int) -> Review:
    """Return a review in which two judges failed every criterion with eight quotes each, half of them invented."""
    key = "r" * (key_length // 2) + "/" + "c" * (key_length // 2 - 4)
    quotes = (quote("a dose"), quote("never", QuoteStatus.FAILED)) * 4
    rows: list[Finding] = []
    why: list[Reason] = []
    for number in range(criteria):
        for origin in (Origin.CHECK, Origin.CRITIC):
            name = f"{key}{number:03d}"
            rows.append(finding(name, Outcome.NOT_APPLICABLE, origin, quotes=quotes, unverified=True))
            why.append(Reason(Cause.CRITERION, Effect.HANDOFF, name, Severity.BLOCKER, origin.value))
        why.append(Reason(Cause.EVIDENCE_UNVERIFIED, Effect.HANDOFF, name, Severity.BLOCKER, "nowhere"))
    return replace(
        FULL,
        findings=tuple(rows),
        reasons=tuple(why),
        calls=(CALL,) * 6,
        labels={f"label_{n:02d}": "x" * 256 for n in range(32)},
        intent="i" * 200,
        drafter=Drafter("p" * 200, "m" * 200, "s" * 200),
    )


words = st.text(max_size=12)
counts = st.integers(0, 2**53 - 1)
moments = st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the bounds of the strategy are naive by contract
quoted = st.builds(Quote, st.sampled_from(Place), words, words, counts, counts, st.sampled_from(QuoteStatus))
findings = st.builds(
    Finding,
    words,
    st.sampled_from(Origin),
    words,
    st.sampled_from(Outcome),
    st.sampled_from(Outcome),
    st.lists(quoted, max_size=2).map(tuple),
    words,
    st.none() | words,
    st.booleans(),
)
reasons = st.builds(
    Reason,
    st.sampled_from(Cause),
    st.sampled_from(Effect),
    words,
    st.none() | st.sampled_from(Severity),
    words,
    st.lists(quoted, max_size=2).map(tuple),
    st.none() | words,
)
calls = st.builds(
    CallRecord,
    words,
    words,
    words,
    words,
    words,
    st.builds(Usage, counts, counts, counts, counts, counts),
    st.none() | counts,
    counts,
    words,
    words,
    st.none() | st.sampled_from(FailureKind),
    st.integers(0, 599),
    st.booleans(),
    st.booleans(),
)
reviews = st.builds(
    Review,
    id=words,
    tenant=words,
    request_id=words,
    content_digest=words,
    created_at=moments,
    intent=words,
    locale=words,
    verdict=st.sampled_from(Verdict),
    reasons=st.lists(reasons, max_size=2).map(tuple),
    guidance=st.builds(
        DrafterGuidance,
        st.sampled_from(Guidance),
        st.lists(st.builds(GuidanceItem, words, words, words, st.lists(quoted, max_size=1).map(tuple)), max_size=2).map(
            tuple
        ),
    ),
    findings=st.lists(findings, max_size=3).map(tuple),
    criteria=st.dictionaries(words, st.builds(CriterionFact, words, st.sampled_from(Severity)), max_size=2),
    handoff=st.none() | st.builds(Handoff, words, st.sampled_from(HandoffState), moments),
    pins=st.lists(st.builds(RubricPin, words, words, words), max_size=2).map(tuple),
    route=st.builds(RouteTaken, words, words, st.sampled_from(Tier), st.booleans(), st.booleans(), words),
    calls=st.lists(calls, max_size=2).map(tuple),
    timings=st.lists(st.builds(StageTiming, st.sampled_from(Stage), counts), max_size=2).map(tuple),
    drafter=st.builds(Drafter, words, words, words),
    drafter_usage=st.builds(DrafterUsage, counts, counts, st.none() | counts),
    draft_digest=words,
    sources_digest=words,
    redactions=st.lists(st.tuples(st.sampled_from(Place), words, counts), max_size=2).map(tuple),
    simulated=st.booleans(),
    dropped_findings=counts,
    canary=words,
    release=st.just("") | st.text("0123456789abcdef", min_size=64, max_size=64),
    stage=st.sampled_from(["", "canary"]),
    revision=st.none() | st.builds(Revision, words, counts),
    labels=st.dictionaries(st.text(st.characters(max_codepoint=0x7F), max_size=5), words, max_size=2),
)
