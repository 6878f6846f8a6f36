"""Barring: why a second model must not see a request, whoever asks."""

from __future__ import annotations

from collections.abc import Iterable

from reviewer.core.baseline import INJECTION_CRITERIA
from reviewer.core.draft import DataClass
from reviewer.core.finding import Finding, Outcome
from reviewer.core.passage import RedactionReport
from reviewer.core.rulebook import Plan
from reviewer.core.verdict import Cause, Trouble


def barred(
    plan: Plan, data_class: DataClass | None, report: RedactionReport, findings: tuple[Finding, ...]
) -> tuple[Trouble, ...]:
    """Say why the second model must not see a request, if anything speaks against it.

    Args:
        data_class: as the caller said; what is left open counts as confidential.
        findings: of the checks.
    """
    if not plan.full:
        return ()
    troubles: list[Trouble] = []
    data_class = data_class or DataClass.CONFIDENTIAL
    if data_class not in plan.route.data_classes:
        message = f"material of class {data_class.value} may not be shown to a second model on this route"
        troubles.append(Trouble(Cause.DATA_CLASS_FORBIDDEN, message))
    if not report.complete:
        troubles.append(Trouble(Cause.REDACTION_INCOMPLETE, report.incomplete_because))
    return (*troubles, *steered(findings))


def steered(findings: Iterable[Finding]) -> tuple[Trouble, ...]:
    """Say that the checks found text that tries to steer the reviewer, if they did."""
    if not any(f.criterion in INJECTION_CRITERIA and f.outcome is Outcome.NOT_MET for f in findings):
        return ()
    message = "the second model was not asked: its word would be worth nothing on text that tries to steer it"
    return (Trouble(Cause.INJECTION_SUSPECTED, message),)
