"""Running the deterministic checks of a plan, in order, on the caller's thread.

A check that raises breaks its port's promise; here that becomes `Unavailable`, which leads to a handoff.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from reviewer.core.check import Check, CheckOutcome, Flagged, Passed, Subject, Unavailable
from reviewer.core.finding import Finding, Origin, Outcome
from reviewer.core.rulebook import Plan
from reviewer.core.verdict import Cause, Trouble


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checks came to.

    Attributes:
        findings: one for each criterion with a check that could judge, and one for each that does not apply.
    """

    findings: tuple[Finding, ...]
    troubles: tuple[Trouble, ...]


def run_checks(plan: Plan, waived: frozenset[str], subject: Subject) -> Checked:
    """Run every check of a plan whose criterion applies; one that several criteria share runs once.

    Args:
        waived: keys of the criteria that do not apply to this request.
    """
    findings: list[Finding] = []
    troubles: list[Trouble] = []
    outcomes: dict[int, CheckOutcome] = {}
    for item in plan.criteria:
        check = item.check
        if item.key in waived:
            findings.append(not_applicable(item.key))
        elif check is not None:
            outcome = outcomes.get(id(check))
            if outcome is None:
                outcome = outcomes[id(check)] = _guarded(check, subject)
            assert item.criterion.check is not None
            by = item.criterion.check.id
            if isinstance(outcome, Unavailable):
                troubles.append(Trouble(Cause.CHECK_UNAVAILABLE, f"check {by}: {outcome.why}", criterion=item.key))
            elif outcome.quotes or isinstance(outcome, Flagged):
                findings.append(_finding(item.key, by, outcome))
            else:
                findings.append(_plainly_met(item.key, by, outcome.why))
    return Checked(tuple(findings), tuple(troubles))


def _guarded(check: Check, subject: Subject) -> CheckOutcome:
    try:
        return check(subject)
    except Exception as exc:  # noqa: BLE001 - a broken check must cost a handoff, not the review
        return Unavailable(f"the check failed with {type(exc).__name__}")


def _finding(criterion: str, by: str, outcome: Passed | Flagged) -> Finding:
    if isinstance(outcome, Passed):
        return Finding(criterion, Origin.CHECK, by, Outcome.MET, Outcome.MET, outcome.quotes, outcome.why)
    verdict = outcome.outcome
    return Finding(criterion, Origin.CHECK, by, verdict, verdict, outcome.quotes, outcome.why, outcome.fix)


# Where nothing is quoted, the reason is one of a few sentences of the check's own.
@lru_cache(maxsize=4096)
def _plainly_met(criterion: str, check: str, why: str) -> Finding:
    return Finding(criterion, Origin.CHECK, check, Outcome.MET, Outcome.MET, why=why)


@lru_cache(maxsize=4096)
def not_applicable(criterion: str) -> Finding:
    """Say of a criterion that it does not apply."""
    return Finding(
        criterion,
        Origin.CODE,
        "applies_when",
        Outcome.NOT_APPLICABLE,
        Outcome.NOT_APPLICABLE,
        why="the criterion's conditions do not hold for this request",
    )
