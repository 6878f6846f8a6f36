"""A trial: one draft through the rooms of a review, without a log, a receipt, a ticket or anybody who waits.

The rooms are those of `reviewer.pipeline`, in the same order; a test holds that both come to the same decision.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from reviewer.checks.runner import run_checks
from reviewer.core.barring import barred
from reviewer.core.check import Subject
from reviewer.core.draft import ReviewRequest, Tier
from reviewer.core.finding import Finding, Origin, Outcome
from reviewer.core.kept import facts_of
from reviewer.core.outcome import CallRecord, Completed, Critique, Stopped
from reviewer.core.redaction import redact
from reviewer.core.rubric import Effect
from reviewer.core.rulebook import Plan, Rulebook, inapplicable
from reviewer.core.verdict import Cause, Decision, EvidenceSet, decide
from reviewer.core.verification import verify_all
from reviewer.critic import Critic, Criticism, Inquiry, Purse

NOON = time(12, tzinfo=UTC)
# The worst answer to a criterion is the one in force: check and critic may both have answered.
_WORST_FIRST = (Outcome.NOT_MET, Outcome.UNCERTAIN, Outcome.MET, Outcome.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class Terms:
    """How a trial is held.

    Attributes:
        today: the day it is said to be; checks and prompt know no other.
        timeout_s: for all critiques together.
        tier: the caller's wish; it can only raise the route's.
        purse: what pays for the critique; None where it costs nothing.
    """

    rulebook: Rulebook
    today: date
    timeout_s: float
    tier: Tier | None = None
    purse: Purse | None = None


@dataclass(frozen=True, slots=True)
class Examined:
    """What a trial came to.

    Attributes:
        findings: of checks and critic, in force after verification.
        lost: why there is no whole critique although the critic was to be asked; empty where there is one.
    """

    plan: Plan
    findings: tuple[Finding, ...]
    decision: Decision
    critiques: tuple[Critique, ...] = ()
    calls: tuple[CallRecord, ...] = ()
    simulated: bool = False
    lost: tuple[str, ...] = ()

    @property
    def outcomes(self) -> dict[str, Outcome]:
        """The worst outcome in force of each criterion that was answered."""
        return worst_outcomes(self.findings)


def worst_outcomes(findings: tuple[Finding, ...]) -> dict[str, Outcome]:
    """Return the outcome in force of each criterion, where several judges answered the worst."""
    found: dict[str, set[Outcome]] = {}
    for finding in findings:
        found.setdefault(finding.criterion, set()).add(finding.outcome)
    return {criterion: min(outcomes, key=_WORST_FIRST.index) for criterion, outcomes in found.items()}


async def examine(request: ReviewRequest, terms: Terms, critic: Critic | None) -> Examined:
    """Take a request through the rooms.

    Args:
        critic: None asks nobody: then findings are those of the checks, and the decision is one for a person wherever
            the route asks a critic.
    """
    plan = terms.rulebook.plan(request.intent, terms.tier, request.locale, b"")
    # No sample key: whether a low tier gets the full review must not hang on the words of a variant.
    facts = facts_of(request)
    waived = inapplicable(plan, facts)
    draft = redact(request, plan.public_values)
    now = datetime.combine(terms.today, NOON)
    checked = run_checks(plan, waived, Subject(draft, request.locale, now, plan.policy_facts))
    bars = barred(plan, request.data_class, draft.report, checked.findings)
    criticism = Criticism(troubles=bars)
    if not bars and critic is not None:
        deadline = asyncio.get_running_loop().time() + terms.timeout_s
        about = (plan, facts, waived, draft, now, deadline, terms.rulebook.catalogue)
        criticism = await critic.criticise(Inquiry(*about, request.tenant, allowance=terms.purse))
    answered = verify_all(criticism.critiques, criticism.index, plan, waived) if criticism.index is not None else ()
    findings = (*checked.findings, *answered)
    troubles = (*checked.troubles, *criticism.troubles)
    decision = decide(EvidenceSet(plan, facts, findings, criticism.critiques, troubles, waived=waived))
    lost = () if bars or critic is None or not plan.full else _lost(criticism, plan.route.quorum)
    return Examined(plan, findings, decision, criticism.critiques, criticism.calls, criticism.simulated, lost)


def _lost(criticism: Criticism, quorum: int) -> tuple[str, ...]:
    """Why there are fewer whole critiques than the route needs: such a verdict says nothing of the rubric."""
    stopped = [trouble.message for trouble in criticism.troubles if trouble.effect is Effect.HANDOFF]
    broken = [
        f"{critique.judge or 'nobody'}: {critique.outcome.why}"
        for critique in criticism.critiques
        if not isinstance(critique.outcome, Completed | Stopped)
    ]
    reached = sum(not c.screen and isinstance(c.outcome, Completed | Stopped) for c in criticism.critiques) >= quorum
    return tuple(stopped) if reached else (*stopped, *broken)


def effect_of_checks(examined: Examined) -> Effect:
    """Return what the deterministic checks alone ask for, whatever a critic might have said."""
    failed = {f.criterion for f in examined.findings if f.origin is Origin.CHECK and f.outcome is not Outcome.MET}
    asked = [
        reason.effect
        for reason in examined.decision.reasons
        if reason.criterion in failed and reason.cause in (Cause.CRITERION, Cause.INJECTION_SUSPECTED)
    ]
    return max(asked, default=Effect.NOTE)
