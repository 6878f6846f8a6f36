"""Running the deterministic checks of a plan, in order, on the caller's thread.

A check that raises breaks its port's promise; here that becomes `Unavailable`, which leads to a handoff.
"""

from __future__ import annotations

from dataclasses import dataclass

from reviewer.core.check import CheckOutcome, Flagged, Passed, Subject, Unavailable
from reviewer.core.finding import Finding, Origin, Outcome
from reviewer.core.rulebook import Facts, Plan, PlannedCriterion, applies
from reviewer.core.verdict import Cause, Trouble


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checks came to.

    Attributes:
        findings: one for each criterion with a check that could judge, and one for each that does not apply.
    """

    findings: tuple[Finding, ...]
    troubles: tuple[Trouble, ...]


def run_checks(plan: Plan, facts: Facts, subject: Subject) -> Checked:
    """Run every check of a plan whose criterion applies."""
    findings: list[Finding] = []
    troubles: list[Trouble] = []
    for item in plan.criteria:
        if item.criterion.applies_when is not None and not applies(item.criterion, facts):
            findings.append(_not_applicable(item))
        elif item.check is not None:
            result = _finding(item, _guarded(item, subject))
            if isinstance(result, Finding):
                findings.append(result)
            else:
                troubles.append(result)
    return Checked(tuple(findings), tuple(troubles))


def _guarded(item: PlannedCriterion, subject: Subject) -> CheckOutcome:
    assert item.check is not None
    try:
        return item.check(subject)
    except Exception as exc:  # noqa: BLE001 - a broken check must cost a handoff, not the review
        return Unavailable(f"the check failed with {type(exc).__name__}")


def _finding(item: PlannedCriterion, outcome: CheckOutcome) -> Finding | Trouble:
    assert item.criterion.check is not None
    by = item.criterion.check.id
    match outcome:
        case Passed():
            return Finding(item.key, Origin.CHECK, by, Outcome.MET, Outcome.MET, outcome.quotes, outcome.why)
        case Flagged():
            verdict = outcome.outcome
            return Finding(item.key, Origin.CHECK, by, verdict, verdict, outcome.quotes, outcome.why, outcome.fix)
        case Unavailable():
            return Trouble(Cause.CHECK_UNAVAILABLE, f"check {by}: {outcome.why}", criterion=item.key)


def _not_applicable(item: PlannedCriterion) -> Finding:
    return Finding(
        item.key,
        Origin.CODE,
        "applies_when",
        Outcome.NOT_APPLICABLE,
        Outcome.NOT_APPLICABLE,
        why="the criterion's conditions do not hold for this request",
    )
