"""What a logged review tells of its evidence: whose critiques there were, and what else spoke against the draft.

A review keeps findings and reasons, not the critiques themselves. They are put together again so that deciding under
the same rules gives the same verdict: what was found, by whom; who was lost, by the reason that this left; and every
circumstance that no rule set can undo, as the trouble that it was.
"""

from __future__ import annotations

from dataclasses import dataclass

from reviewer.core.draft import Tier
from reviewer.core.finding import Finding, Origin, Outcome
from reviewer.core.outcome import Completed, Critique, Stopped
from reviewer.core.review import Review
from reviewer.core.rubric import Effect
from reviewer.core.verdict import Cause, Trouble

BARS = frozenset({Cause.DATA_CLASS_FORBIDDEN, Cause.REDACTION_INCOMPLETE})
_CIRCUMSTANCES = frozenset(
    {
        Cause.INJECTION_SUSPECTED,
        Cause.SAME_FAMILY,
        Cause.REVIEWER_REFUSED,
        Cause.REVIEWER_UNREADABLE,
        Cause.REVIEWER_UNAVAILABLE,
        Cause.DRAINING,
        Cause.DEADLINE,
        Cause.BUDGET_EXHAUSTED,
        Cause.PARTIAL_COVERAGE,
    }
)
_FAILS = (Outcome.NOT_MET, Outcome.UNCERTAIN)


@dataclass(frozen=True, slots=True)
class Recorded:
    """The evidence of a logged review.

    Attributes:
        by_check: findings of checks, by criterion.
        unchecked: troubles of checks that could not judge, by criterion.
        waived: keys of criteria that did not apply.
        critiques: one a judge that was heard; without its answers, which are findings.
        by_judge: findings of critics, by judge.
        bars: why nobody was to be asked, as far as the request itself was the reason.
        circumstances: what else spoke against it and is about no criterion.
    """

    by_check: dict[str, Finding]
    unchecked: dict[str, Trouble]
    waived: frozenset[str]
    critiques: tuple[Critique, ...]
    by_judge: dict[str, list[Finding]]
    bars: tuple[Trouble, ...]
    circumstances: tuple[Trouble, ...]


def recorded(review: Review, tier: Tier, screen: str) -> Recorded:
    """Read a review's evidence.

    Args:
        screen: model of the route's screening reviewer, for answers that were taken from another review.
        tier: under which it will be decided: what another model's answer leads to depends on it.
    """
    by_check: dict[str, Finding] = {}
    by_judge: dict[str, list[Finding]] = {}
    waived: list[str] = []
    for finding in review.findings:
        if finding.origin is Origin.CHECK:
            by_check[finding.criterion] = finding
        elif finding.origin is Origin.CODE:
            waived.append(finding.criterion)
        else:
            by_judge.setdefault(finding.by, []).append(finding)
    reasons = review.reasons
    return Recorded(
        by_check=by_check,
        unchecked={
            r.criterion: Trouble(r.cause, r.message, r.effect, r.criterion)
            for r in reasons
            if r.cause is Cause.CHECK_UNAVAILABLE
        },
        waived=frozenset(waived),
        critiques=_critiques(review, by_judge, screen),
        by_judge=by_judge,
        bars=tuple([Trouble(r.cause, r.message, r.effect) for r in reasons if r.cause in BARS]),
        circumstances=(
            *[Trouble(r.cause, r.message, r.effect) for r in reasons if r.cause in _CIRCUMSTANCES and not r.criterion],
            *_mismatches(review, tier),
        ),
    )


def _critiques(review: Review, by_judge: dict[str, list[Finding]], screen: str) -> tuple[Critique, ...]:
    screens = {call.requested_model for call in review.calls if call.purpose == "screen"}
    if review.reused_from:
        screens.add(screen)
    ended = {reason.criterion for reason in review.reasons if reason.cause is Cause.STOPPED_EARLY}
    critiques = []
    for judge, findings in by_judge.items():
        decisive = next((f.criterion for f in findings if f.criterion in ended and f.outcome in _FAILS), None)
        outcome = Completed(()) if decisive is None else Stopped((), decisive)
        critiques.append(Critique(judge, outcome, screen=judge in screens))
    heard = [call.requested_model for call in review.calls if call.failure is None]
    lost = any(r.effect is Effect.HANDOFF and r.cause in _CIRCUMSTANCES and not r.criterion for r in review.reasons)
    if heard and not critiques and not lost:
        # None of its questions arose for this request: it was heard all the same.
        critiques.append(Critique(heard[-1], Completed(())))
    return tuple(critiques)


def _mismatches(review: Review, tier: Tier) -> list[Trouble]:
    effect = Effect.HANDOFF if tier is Tier.HIGH else Effect.NOTE
    return [Trouble(r.cause, r.message, effect) for r in review.reasons if r.cause is Cause.SERVED_MODEL_MISMATCH]
