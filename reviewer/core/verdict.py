"""The verdict rule: the only place where APPROVE is made, and from complete positive evidence only.

Verdicts form a lattice APPROVE < REVISE < HUMAN_HANDOFF; the verdict is the greatest one that any reason asks for.
Invariants, each a property test:

* adding a trouble, or a finding beside those that are due, never lowers the verdict; neither does taking one away
  that is due;
* turning a MET into anything else never lowers it; turning UNCERTAIN into NOT_MET never does where the criterion's
  `on_fail` is at least its `on_uncertain` (an author may well send the unclear to a person and the clear to revision);
* the order of findings and troubles does not matter;
* `decide` is total: for what it cannot place it asks for a handoff, it never raises.

NOT_APPLICABLE is not on that scale: it is a waiver, and more than half of them ask for a person.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from reviewer.core.baseline import INJECTION_CRITERIA
from reviewer.core.finding import Finding, Origin, Outcome, Quote
from reviewer.core.outcome import Completed, CritiqueOutcome, FailureKind, Malformed, Refused, Truncated, Unavailable
from reviewer.core.rubric import Criterion, Effect, Severity
from reviewer.core.rulebook import Facts, Plan, PlannedCriterion, inapplicable


class Verdict(IntEnum):
    """What the caller should do with the draft. Ordered: a greater verdict is stricter."""

    APPROVE = 1
    REVISE = 2
    HUMAN_HANDOFF = 3


class Cause(StrEnum):
    """Why a reason moved the verdict; in the order in which reasons of equal strength are shown."""

    POLICY = "policy"
    DATA_CLASS_FORBIDDEN = "data_class_forbidden"
    REDACTION_INCOMPLETE = "redaction_incomplete"
    INJECTION_SUSPECTED = "injection_suspected"
    SAME_FAMILY = "same_family"
    SERVED_MODEL_MISMATCH = "served_model_mismatch"
    EVIDENCE_UNVERIFIED = "evidence_unverified"
    REVIEWER_REFUSED = "reviewer_refused"
    REVIEWER_UNREADABLE = "reviewer_unreadable"
    REVIEWER_UNAVAILABLE = "reviewer_unavailable"
    DRAINING = "draining"
    DEADLINE = "deadline"
    CHECK_UNAVAILABLE = "check_unavailable"
    PARTIAL_COVERAGE = "partial_coverage"
    DISAGREEMENT = "disagreement"
    REVISIONS_EXHAUSTED = "revisions_exhausted"
    CRITERION = "criterion"


@dataclass(frozen=True, slots=True)
class Trouble:
    """A circumstance that is not a finding and speaks against approval."""

    cause: Cause
    message: str
    effect: Effect = Effect.HANDOFF
    criterion: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """One contribution to the verdict.

    Attributes:
        effect: what this reason alone asks for; NOTE moves nothing.
        criterion: `rubric/criterion`, empty where the cause is not about one.
        message: English; may quote the draft, so it is content, not metadata.
        quotes: verified ones only.
    """

    cause: Cause
    effect: Effect
    criterion: str
    severity: Severity | None
    message: str
    quotes: tuple[Quote, ...] = ()
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class EvidenceSet:
    """Everything that speaks for or against a draft.

    Attributes:
        findings: of checks and critic, in any order, in force after verification.
        critique: None where the second model was not asked.
        troubles: circumstances found on the way, in any order.
        attempt: how many times this draft was revised already.
        waived: `inapplicable(plan, facts)`, where the caller has it already.
    """

    plan: Plan
    facts: Facts
    findings: tuple[Finding, ...] = ()
    critique: CritiqueOutcome | None = None
    troubles: tuple[Trouble, ...] = ()
    attempt: int = 0
    waived: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict and everything that moved it, the strictest first."""

    verdict: Verdict
    reasons: tuple[Reason, ...] = field(default=())


_VERDICT = {Effect.NOTE: Verdict.APPROVE, Effect.REVISE: Verdict.REVISE, Effect.HANDOFF: Verdict.HUMAN_HANDOFF}
_MET = Outcome.MET
_CAUSE_RANK = {cause: rank for rank, cause in enumerate(Cause)}
_SEVERITY_RANK = {Severity.BLOCKER: 0, Severity.MAJOR: 1, Severity.MINOR: 2, None: 3}


def verdict_of(effect: Effect) -> Verdict:
    """Return the verdict that an effect asks for."""
    return _VERDICT[effect]


def decide(evidence: EvidenceSet) -> Decision:
    """Compute the verdict.

    Total and deterministic: same evidence in any order, same decision.
    """
    planned = evidence.plan.by_key
    reasons = [Reason(t.cause, t.effect, t.criterion, None, t.message) for t in evidence.troubles]
    if evidence.plan.route.mandatory_human:
        reasons.append(_handoff(Cause.POLICY, "the route demands a person for every draft of this intent"))
    reasons.extend(_from_critique(evidence))
    reasons.extend(_from_coverage(evidence))
    for finding in evidence.findings:
        item = planned.get(finding.criterion)
        if item is None or finding.unverified or finding.outcome is not _MET or finding.claimed is not _MET:
            reasons.extend(_from_finding(finding, item))
    effect = max((reason.effect for reason in reasons), default=Effect.NOTE)
    if effect is Effect.REVISE and evidence.attempt >= evidence.plan.route.max_revisions:
        effect = Effect.HANDOFF
        bound = evidence.plan.route.max_revisions
        reasons.append(_handoff(Cause.REVISIONS_EXHAUSTED, f"still to revise after {evidence.attempt} of {bound}"))
    return Decision(_VERDICT[effect], tuple(sorted(set(reasons), key=_order)))


def _order(reason: Reason) -> tuple[int, int, int, str, str, str]:
    return (
        -reason.effect,
        _CAUSE_RANK[reason.cause],
        _SEVERITY_RANK[reason.severity],
        reason.criterion,
        reason.message,
        repr((reason.quotes, reason.fix)),
    )


def _handoff(cause: Cause, message: str, criterion: str = "") -> Reason:
    return Reason(cause, Effect.HANDOFF, criterion, None, message)


def _from_finding(finding: Finding, item: PlannedCriterion | None) -> Iterator[Reason]:
    """What one finding asks for; one about a criterion outside the plan asks for nothing less than a person."""
    if item is None:
        yield _handoff(Cause.PARTIAL_COVERAGE, "a finding names a criterion that is not in the plan", finding.criterion)
        return
    criterion = item.criterion
    quotes = tuple(quote for quote in finding.quotes if quote.status.verified)
    effect = _effect(finding, criterion)
    if effect is not None:
        cause = Cause.INJECTION_SUSPECTED if item.key in INJECTION_CRITERIA else Cause.CRITERION
        message = finding.why or criterion.title
        fix = finding.fix or criterion.fix
        yield Reason(cause, effect, item.key, criterion.severity, message, quotes, fix)
    if finding.unverified:
        yield Reason(
            Cause.EVIDENCE_UNVERIFIED,
            criterion.unverified_effect,
            item.key,
            criterion.severity,
            "the quotes given as evidence stand nowhere in what was shown",
        )


def _effect(finding: Finding, criterion: Criterion) -> Effect | None:
    """Effect of the outcome in force; a claimed NOT_MET never weighs less than its `on_fail`."""
    if finding.outcome is Outcome.NOT_MET:
        return criterion.fail_effect
    failed = criterion.fail_effect if finding.claimed is Outcome.NOT_MET else None
    if finding.outcome is Outcome.UNCERTAIN:
        return criterion.uncertain_effect if failed is None else max(failed, criterion.uncertain_effect)
    return failed


def _from_critique(evidence: EvidenceSet) -> Iterator[Reason]:
    """What the critique as a whole says, apart from its findings."""
    critique = evidence.critique
    match critique:
        case None:
            return
        case Refused():
            yield _handoff(Cause.REVIEWER_REFUSED, critique.why or "the second model declined")
        case Malformed():
            yield _handoff(Cause.REVIEWER_UNREADABLE, critique.why)
        case Truncated():
            yield _handoff(Cause.PARTIAL_COVERAGE, critique.why)
        case Unavailable():
            yield _handoff(_UNAVAILABLE.get(critique.kind, Cause.REVIEWER_UNAVAILABLE), critique.why)
        case Completed():
            if critique.steering:
                yield _handoff(Cause.INJECTION_SUSPECTED, "the second model saw text that addresses the reviewer")
            if critique.unreadable_parts:
                yield _handoff(Cause.PARTIAL_COVERAGE, "the second model could not use parts of what was shown")


_UNAVAILABLE = {
    FailureKind.DRAINING: Cause.DRAINING,
    FailureKind.DEADLINE: Cause.DEADLINE,
    # The draft could not be shown whole, whoever found out: the same cause as when our own count says so.
    FailureKind.TOO_LARGE: Cause.PARTIAL_COVERAGE,
}


def _from_coverage(evidence: EvidenceSet) -> Iterator[Reason]:
    """Absence is bad news: each criterion that applies needs an answer of each of its judges."""
    plan = evidence.plan
    waived = inapplicable(plan, evidence.facts) if evidence.waived is None else evidence.waived
    checked = {f.criterion for f in evidence.findings if f.origin is Origin.CHECK}
    for item in plan.criteria:
        missing = item.check is not None and item.key not in checked and item.key not in waived
        if missing and not any(_tells_of_check(trouble, item.key) for trouble in evidence.troubles):
            yield _handoff(Cause.CHECK_UNAVAILABLE, "the deterministic check gave no finding", item.key)
    if not any(item.asks_critic for item in plan.criteria):
        return
    if not isinstance(evidence.critique, Completed):
        if evidence.critique is None and not any(t.effect is Effect.HANDOFF for t in evidence.troubles):
            yield _handoff(Cause.PARTIAL_COVERAGE, "the second model was not asked")
        return
    asked = [item.key for item in plan.criteria if item.asks_critic and item.key not in waived]
    critic = [f for f in evidence.findings if f.origin is Origin.CRITIC]
    answered = {f.criterion for f in critic}
    for key in asked:
        if key not in answered:
            yield _handoff(Cause.PARTIAL_COVERAGE, "the second model did not answer this question", key)
    not_applicable = {f.criterion for f in critic if f.outcome is Outcome.NOT_APPLICABLE}.intersection(asked)
    if len(not_applicable) * 2 > len(asked):
        yield _handoff(Cause.PARTIAL_COVERAGE, "the second model waived more than half of the questions")


def _tells_of_check(trouble: Trouble, key: str) -> bool:
    """Whether a trouble already asks for a person because this check could not judge."""
    return trouble.criterion == key and trouble.cause is Cause.CHECK_UNAVAILABLE and trouble.effect is Effect.HANDOFF
