"""The verdict rule: the only place where APPROVE is made, and from complete positive evidence only.

Verdicts form a lattice APPROVE < REVISE < HUMAN_HANDOFF; the verdict is the greatest one that any reason asks for.
Invariants, each a property test:

* adding a trouble, or a finding beside those that are due, never lowers the verdict; neither does taking one away
  that is due;
* another critique never lowers it but by making up a quorum, and another screen never does where a critique stands;
* turning a MET into anything else never lowers it, unless two judges agree from then on; turning UNCERTAIN into NOT_MET
  never does where the criterion's `on_fail` is at least its `on_uncertain` (an author may well send the unclear to a
  person and the clear to revision);
* a critique that was ended early never approves, and neither does losing the finding for which it was;
* the order of findings, critiques and troubles does not matter;
* `decide` is total: for what it cannot place it asks for a handoff, it never raises.

NOT_APPLICABLE is not on that scale: it is a waiver, and more than half of them ask for a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, IntEnum, StrEnum

from reviewer.core.baseline import INJECTION_CRITERIA
from reviewer.core.finding import Finding, Origin, Outcome, Quote
from reviewer.core.hearing import Hearing, disagreements, gaps, hear
from reviewer.core.outcome import (
    Completed,
    Critique,
    FailureKind,
    Malformed,
    Refused,
    Stopped,
    Truncated,
    Unavailable,
)
from reviewer.core.rubric import Criterion, Effect, Severity
from reviewer.core.rulebook import Facts, Plan, PlannedCriterion, inapplicable
from reviewer.core.stopping import stands


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
    BUDGET_EXHAUSTED = "budget_exhausted"
    CHECK_UNAVAILABLE = "check_unavailable"
    PARTIAL_COVERAGE = "partial_coverage"
    DISAGREEMENT = "disagreement"
    REVISIONS_EXHAUSTED = "revisions_exhausted"
    STOPPED_EARLY = "stopped_early"
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
        critiques: in any order, one a reviewer whose word counts; none where the second model was not asked.
        troubles: circumstances found on the way, in any order.
        attempt: how many times this draft was revised already.
        waived: `inapplicable(plan, facts)`, where the caller has it already.
    """

    plan: Plan
    facts: Facts
    findings: tuple[Finding, ...] = ()
    critiques: tuple[Critique, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    attempt: int = 0
    waived: frozenset[str] | None = None

    @property
    def inapplicable(self) -> frozenset[str]:
        """Keys of the criteria whose conditions do not hold."""
        return inapplicable(self.plan, self.facts) if self.waived is None else self.waived


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict and everything that moved it, the strictest first."""

    verdict: Verdict
    reasons: tuple[Reason, ...] = field(default=())


class Screening(Enum):
    """What a screen's critique leads to.

    CLEARS: it stands for the whole critique. PASSES_ON: the reviewer behind it is asked. SETTLES: a person is needed
    whatever another reviewer may say.
    """

    CLEARS = 1
    PASSES_ON = 2
    SETTLES = 3


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
    plan = evidence.plan
    hearing = hear(evidence.critiques, screen_clears=plan.screen_clears)
    reasons = [Reason(t.cause, t.effect, t.criterion, None, t.message) for t in evidence.troubles]
    if plan.route.mandatory_human:
        reasons.append(_handoff(Cause.POLICY, "the route demands a person for every draft of this intent"))
    reasons.extend(_from_findings(evidence, hearing))
    reasons.extend(_from_critiques(evidence, hearing))
    reasons.extend(_from_coverage(evidence, hearing))
    effect = _greatest(reasons)
    if effect is Effect.REVISE and evidence.attempt >= plan.route.max_revisions:
        effect = Effect.HANDOFF
        bound = plan.route.max_revisions
        reasons.append(_handoff(Cause.REVISIONS_EXHAUSTED, f"still to revise after {evidence.attempt} of {bound}"))
    return Decision(_VERDICT[effect], tuple(sorted(set(reasons), key=_order)))


def weigh_screen(evidence: EvidenceSet) -> Screening:
    """Say what a screen's critique leads to.

    Args:
        evidence: with this critique and its findings, and nothing of any other judge.
    """
    hearing = Hearing((), evidence.critiques, frozenset(critique.judge for critique in evidence.critiques))
    if _settled(evidence, hearing):
        return Screening.SETTLES
    if not evidence.plan.screen_clears:
        return Screening.PASSES_ON
    alone = hear(evidence.critiques, screen_clears=True)
    reasons = [
        *_from_findings(evidence, alone),
        *_from_critiques(evidence, alone),
        *_from_critic_coverage(evidence, alone),
    ]
    return Screening.CLEARS if _greatest(reasons) is Effect.NOTE else Screening.PASSES_ON


def _greatest(reasons: Iterable[Reason]) -> Effect:
    return max([reason.effect for reason in reasons], default=Effect.NOTE)


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


def _from_findings(evidence: EvidenceSet, hearing: Hearing) -> Iterator[Reason]:
    """What all findings that count ask for, each for itself, and where two judges contradict each other."""
    planned = evidence.plan.by_key
    for finding in evidence.findings:
        item = planned.get(finding.criterion)
        plain = finding.outcome is _MET and finding.claimed is _MET and not finding.unverified and item is not None
        if not plain and hearing.hears(finding):
            yield from _from_finding(finding, item)
    if len(hearing.critiques) > 1:
        for rows in disagreements(evidence.plan, evidence.findings):
            yield _disagreement(rows, planned[rows[0].criterion])


def _disagreement(rows: tuple[Finding, ...], item: PlannedCriterion) -> Reason:
    opinions = [f"{f.by} says {f.outcome}" + (f" ({f.why})" if f.why else "") for f in rows]
    quotes = tuple(quote for f in rows for quote in f.quotes if quote.status.verified)
    severity = item.criterion.severity
    return Reason(Cause.DISAGREEMENT, Effect.HANDOFF, item.key, severity, "; ".join(opinions), quotes)


def _from_critiques(evidence: EvidenceSet, hearing: Hearing) -> Iterator[Reason]:
    """What the critiques as wholes say, apart from their findings: a lost one only counts where the quorum needs it."""
    reached = len(hearing.complete) >= evidence.plan.route.quorum
    lost = Effect.NOTE if reached else Effect.HANDOFF
    several = len(evidence.critiques) > 1
    for critique in hearing.critiques:
        yield from _from_critique(critique, lost, Effect.HANDOFF, named=several)
    for screen in hearing.screens:
        yield from _from_critique(screen, Effect.NOTE, Effect.NOTE, named=several)
    for critique in evidence.critiques:
        if isinstance(critique.outcome, Stopped):
            yield _from_stopped(critique, critique.outcome, evidence)


def _from_stopped(critique: Critique, outcome: Stopped, evidence: EvidenceSet) -> Reason:
    """What an early end says: nothing beside the finding that it was for, and a handoff without it."""
    if not stands(critique, outcome, evidence.findings, evidence.plan):
        message = "the critique was ended early for an answer that does not stand"
        return _handoff(Cause.PARTIAL_COVERAGE, message, outcome.criterion)
    left = len(gaps(critique, evidence.plan, evidence.findings, evidence.inapplicable).unanswered)
    message = f"this answer decides, so that {critique.judge} was not heard further: {left} questions were not answered"
    return Reason(Cause.STOPPED_EARLY, Effect.NOTE, outcome.criterion, None, message)


def _from_critique(critique: Critique, lost: Effect, blind: Effect, *, named: bool) -> Iterator[Reason]:
    """What one critique as a whole says.

    Args:
        lost: what it asks for where it is not complete.
        blind: what it asks for where its judge could not use all of what was shown.
        named: messages begin with the judge.
    """
    by = f"{critique.judge or 'nobody'}: " if named else ""
    outcome = critique.outcome
    match outcome:
        case Refused():
            yield Reason(Cause.REVIEWER_REFUSED, lost, "", None, by + (outcome.why or "the second model declined"))
        case Malformed():
            yield Reason(Cause.REVIEWER_UNREADABLE, lost, "", None, by + outcome.why)
        case Truncated():
            yield Reason(Cause.PARTIAL_COVERAGE, lost, "", None, by + outcome.why)
        case Unavailable():
            cause = _UNAVAILABLE.get(outcome.kind, Cause.REVIEWER_UNAVAILABLE)
            yield Reason(cause, lost, "", None, by + outcome.why)
        case Stopped():
            # Weighed apart, together with the finding that it was for.
            return
        case Completed():
            if outcome.steering:
                yield _handoff(Cause.INJECTION_SUSPECTED, by + "the second model saw text that addresses the reviewer")
            if outcome.unreadable_parts:
                message = "the second model could not use parts of what was shown"
                yield Reason(Cause.PARTIAL_COVERAGE, blind, "", None, by + message)


_UNAVAILABLE = {
    FailureKind.DRAINING: Cause.DRAINING,
    FailureKind.DEADLINE: Cause.DEADLINE,
    # The draft could not be shown whole, whoever found out: the same cause as when our own count says so.
    FailureKind.TOO_LARGE: Cause.PARTIAL_COVERAGE,
}


def _from_coverage(evidence: EvidenceSet, hearing: Hearing) -> Iterator[Reason]:
    """Absence is bad news: each criterion that applies needs an answer of each of its judges."""
    waived = evidence.inapplicable
    checked = {f.criterion for f in evidence.findings if f.origin is Origin.CHECK}
    for item in evidence.plan.checked:
        missing = item.key not in checked and item.key not in waived
        if missing and not any(_tells_of_check(trouble, item.key) for trouble in evidence.troubles):
            yield _handoff(Cause.CHECK_UNAVAILABLE, "the deterministic check gave no finding", item.key)
    if evidence.plan.asked:
        yield from _from_critic_coverage(evidence, hearing)


def _from_critic_coverage(evidence: EvidenceSet, hearing: Hearing) -> Iterator[Reason]:
    """Whether enough critiques were made, and what each complete one leaves open."""
    made, quorum = len(hearing.critiques), evidence.plan.route.quorum
    if made < quorum:
        if _settled(evidence, hearing):
            message = "what the screening model found asks for a person already: nobody else was asked"
            yield Reason(Cause.PARTIAL_COVERAGE, Effect.NOTE, "", None, message)
        elif not any(t.effect is Effect.HANDOFF for t in evidence.troubles):
            message = f"{made} of {quorum} due critiques were made" if made else "the second model was not asked"
            yield _handoff(Cause.PARTIAL_COVERAGE, message)
    for critique in hearing.complete:
        left = gaps(critique, evidence.plan, evidence.findings, evidence.inapplicable)
        for key in left.unanswered:
            yield _handoff(Cause.PARTIAL_COVERAGE, "the second model did not answer this question", key)
        if left.mostly_waived:
            yield _handoff(Cause.PARTIAL_COVERAGE, "the second model waived more than half of the questions")


def _settled(evidence: EvidenceSet, hearing: Hearing) -> bool:
    """Whether what counts of a screen asks for a person by itself, so that nobody else need be asked."""
    planned = evidence.plan.by_key
    for screen in hearing.screens:
        if isinstance(screen.outcome, Completed) and screen.outcome.steering:
            return True
        own = [f for f in evidence.findings if f.by == screen.judge and f.origin is Origin.CRITIC and hearing.hears(f)]
        if any(_greatest(_from_finding(f, planned.get(f.criterion))) is Effect.HANDOFF for f in own):
            return True
    return False


def _tells_of_check(trouble: Trouble, key: str) -> bool:
    """Whether a trouble already asks for a person because this check could not judge."""
    return trouble.criterion == key and trouble.cause is Cause.CHECK_UNAVAILABLE and trouble.effect is Effect.HANDOFF
