"""Replies: domain values in, protobuf out. The only place where a review takes the form of the contract."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from google.protobuf.timestamp_pb2 import Timestamp

from reviewer.core.draft import Tier
from reviewer.core.finding import Finding, Origin, Outcome, Quote, QuoteStatus
from reviewer.core.guidance import DrafterGuidance
from reviewer.core.outcome import CallRecord, Usage
from reviewer.core.release import release_name
from reviewer.core.review import Handoff, RecordedReview, Review, Stage, StageTiming
from reviewer.core.rollout import ReleaseStage
from reviewer.core.routing import Guidance
from reviewer.core.rubric import Place, Severity
from reviewer.core.verdict import Cause, Reason, Verdict, verdict_of
from reviewer.v1 import finding_pb2, review_pb2

OUTCOMES = {
    Outcome.MET: finding_pb2.OUTCOME_MET,
    Outcome.NOT_MET: finding_pb2.OUTCOME_NOT_MET,
    Outcome.UNCERTAIN: finding_pb2.OUTCOME_UNCERTAIN,
    Outcome.NOT_APPLICABLE: finding_pb2.OUTCOME_NOT_APPLICABLE,
}
SEVERITIES = {
    None: finding_pb2.SEVERITY_UNSPECIFIED,
    Severity.MINOR: finding_pb2.SEVERITY_MINOR,
    Severity.MAJOR: finding_pb2.SEVERITY_MAJOR,
    Severity.BLOCKER: finding_pb2.SEVERITY_BLOCKER,
}
ORIGINS = {
    Origin.CHECK: finding_pb2.FINDING_ORIGIN_CHECK,
    Origin.CRITIC: finding_pb2.FINDING_ORIGIN_CRITIC,
    Origin.CODE: finding_pb2.FINDING_ORIGIN_CODE,
}
PLACES = {
    Place.DRAFT: finding_pb2.PLACE_DRAFT,
    Place.SOURCE: finding_pb2.PLACE_SOURCE,
    Place.CONVERSATION: finding_pb2.PLACE_CONVERSATION,
    Place.TOOL_CALL: finding_pb2.PLACE_TOOL_CALL,
    Place.TOOL_RESULT: finding_pb2.PLACE_TOOL_RESULT,
    Place.IMAGE: finding_pb2.PLACE_IMAGE,
}
QUOTE_STATUSES = {
    QuoteStatus.EXACT: finding_pb2.QUOTE_STATUS_EXACT,
    QuoteStatus.FOLDED: finding_pb2.QUOTE_STATUS_FOLDED,
    QuoteStatus.RELOCATED: finding_pb2.QUOTE_STATUS_RELOCATED,
    QuoteStatus.FAILED: finding_pb2.QUOTE_STATUS_FAILED,
}
VERDICTS = {
    Verdict.APPROVE: review_pb2.VERDICT_APPROVE,
    Verdict.REVISE: review_pb2.VERDICT_REVISE,
    Verdict.HUMAN_HANDOFF: review_pb2.VERDICT_HUMAN_HANDOFF,
}
RELEASE_STAGES = {
    "": review_pb2.RELEASE_STAGE_FULL,
    ReleaseStage.CANARY: review_pb2.RELEASE_STAGE_CANARY,
}
TIERS = {
    Tier.LOW: review_pb2.RISK_TIER_LOW,
    Tier.MEDIUM: review_pb2.RISK_TIER_MEDIUM,
    Tier.HIGH: review_pb2.RISK_TIER_HIGH,
}
GUIDANCE_LEVELS = {
    Guidance.NONE: review_pb2.GUIDANCE_LEVEL_NONE,
    Guidance.CRITERIA: review_pb2.GUIDANCE_LEVEL_CRITERIA,
    Guidance.FULL: review_pb2.GUIDANCE_LEVEL_FULL,
}
CAUSES = {cause: review_pb2.Cause.Value(f"CAUSE_{cause.name}") for cause in Cause}
STAGES = {stage: review_pb2.Stage.Value(f"STAGE_{stage.name}") for stage in Stage}


def review_message(recorded: RecordedReview) -> review_pb2.Review:
    """Convert a recorded review."""
    review = recorded.review
    message = review_pb2.Review(
        name=review.name,
        request_id=review.request_id,
        create_time=_time(review.created_at),
        verdict=VERDICTS[review.verdict],
        reasons=[_reason(reason) for reason in review.reasons],
        guidance=_guidance(review.guidance),
        findings=[finding_message(finding, review) for finding in review.findings],
        handoff=_handoff(review.handoff) if review.handoff else None,
        rubrics=[review_pb2.RubricPin(id=p.id, version=p.version, digest=p.digest) for p in review.pins],
        route=_route(review),
        model_calls=[_call(call) for call in review.calls],
        timings=[timing_message(timing) for timing in review.timings],
        draft_digest=review.draft_digest,
        log_position=review_pb2.LogPosition(index=recorded.position.index, leaf_hash=recorded.position.leaf_hash),
        simulated=review.simulated,
        redactions=[
            review_pb2.RedactionCount(place=PLACES[place], kind=kind, count=count)
            for place, kind, count in review.redactions
        ],
        intent=review.intent,
        dropped_findings=review.dropped_findings,
        reused_from=review.reused_from,
        release=release_name(review.release),
        stage=RELEASE_STAGES[review.stage] if review.release else review_pb2.RELEASE_STAGE_UNSPECIFIED,
        receipt=recorded.receipt,
    )
    if recorded.record_us:
        message.timings.append(timing_message(StageTiming(Stage.RECORD, recorded.record_us)))
    return message


def finding_message(finding: Finding, review: Review | None = None) -> finding_pb2.Finding:
    """Convert a finding; title and weight come from the review, where there is one."""
    fact = review.criteria.get(finding.criterion) if review else None
    title, severity = (fact.title, fact.severity) if fact else ("", None)
    if finding.plain:
        return _met(finding.criterion, title, severity, finding.origin, finding.by)
    return finding_pb2.Finding(
        criterion=finding.criterion,
        title=title,
        severity=SEVERITIES[severity],
        origin=ORIGINS[finding.origin],
        judge=finding.by,
        claimed=OUTCOMES[finding.claimed],
        outcome=OUTCOMES[finding.outcome],
        why=finding.why,
        quotes=[_quote(quote) for quote in finding.quotes],
        suggested_fix=finding.fix or "",
        unverified=finding.unverified,
    )


@lru_cache(maxsize=4096)
def _met(criterion: str, title: str, severity: Severity | None, origin: Origin, judge: str) -> finding_pb2.Finding:
    """The most common finding, made once; containers copy what is put into them."""
    return finding_pb2.Finding(
        criterion=criterion,
        title=title,
        severity=SEVERITIES[severity],
        origin=ORIGINS[origin],
        judge=judge,
        claimed=finding_pb2.OUTCOME_MET,
        outcome=finding_pb2.OUTCOME_MET,
    )


def timing_message(timing: StageTiming) -> review_pb2.StageTiming:
    """Convert a stage timing."""
    return review_pb2.StageTiming(stage=STAGES[timing.stage], duration_us=timing.duration_us)


def _time(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def _quote(quote: Quote) -> finding_pb2.Quote:
    return finding_pb2.Quote(
        place=PLACES[quote.place],
        ref=quote.ref,
        text=quote.text,
        start_char=quote.start,
        end_char=quote.end,
        status=QUOTE_STATUSES[quote.status],
    )


def _reason(reason: Reason) -> review_pb2.Reason:
    return review_pb2.Reason(
        cause=CAUSES[reason.cause],
        asks_for=VERDICTS[verdict_of(reason.effect)],
        criterion=reason.criterion,
        severity=SEVERITIES[reason.severity],
        message=reason.message,
        quotes=[_quote(quote) for quote in reason.quotes],
        suggested_fix=reason.fix or "",
    )


def _guidance(guidance: DrafterGuidance) -> review_pb2.DrafterGuidance:
    return review_pb2.DrafterGuidance(
        level=GUIDANCE_LEVELS[guidance.level],
        items=[
            review_pb2.GuidanceItem(
                criterion=item.criterion,
                title=item.title,
                instruction=item.instruction,
                quotes=[_quote(quote) for quote in item.quotes],
            )
            for item in guidance.items
        ],
    )


def _handoff(handoff: Handoff) -> review_pb2.Handoff:
    state = review_pb2.HandoffState.Value(f"HANDOFF_STATE_{handoff.state.name}")
    return review_pb2.Handoff(name=handoff.name, state=state, create_time=_time(handoff.created_at))


def _route(review: Review) -> review_pb2.RouteTaken:
    route = review.route
    return review_pb2.RouteTaken(
        id=route.id,
        domain=route.domain,
        tier=TIERS[route.tier],
        defaulted=route.defaulted,
        full_review=route.full,
        rulebook_digest=route.rulebook_digest,
    )


def _call(call: CallRecord) -> review_pb2.ModelCall:
    return review_pb2.ModelCall(
        provider=call.provider,
        requested_model=call.requested_model,
        served_model=call.served_model,
        provider_request_id=call.request_id,
        prompt_digest=call.prompt_digest,
        usage=_usage(call.usage),
        cost_micro_usd=call.cost_micro_usd,
        latency_us=call.latency_us,
        stop_reason=call.stop,
        purpose=call.purpose,
        failure=call.failure.value if call.failure else "",
        http_status=call.http_status,
        simulated=call.simulated,
    )


def _usage(usage: Usage) -> review_pb2.TokenUsage:
    return review_pb2.TokenUsage(
        input_tokens=usage.input_tokens,
        cached_input_tokens=usage.cached_input_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        output_tokens=usage.output_tokens,
        reasoning_tokens=usage.reasoning_tokens,
    )
