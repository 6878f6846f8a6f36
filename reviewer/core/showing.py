"""Before the second model is asked: the routing facts of a request, and what forbids showing it to anybody."""

from __future__ import annotations

from reviewer.core.baseline import INJECTION_CRITERIA
from reviewer.core.draft import DataClass, ReviewRequest
from reviewer.core.finding import Finding, Outcome
from reviewer.core.passage import RedactedDraft
from reviewer.core.rulebook import Facts, Plan
from reviewer.core.verdict import Cause, Trouble


def facts_of(request: ReviewRequest) -> Facts:
    """Return what conditions of criteria may look at."""
    draft = request.draft
    return Facts(
        intent=request.intent,
        locale=request.locale,
        has_sources=bool(draft.sources),
        has_tool_calls=bool(draft.tool_calls),
        has_draft_text=bool(draft.text.strip()),
    )


def barred(
    request: ReviewRequest, plan: Plan, draft: RedactedDraft, findings: tuple[Finding, ...]
) -> tuple[Trouble, ...]:
    """Why the second model must not see this request, if anything speaks against it.

    Args:
        findings: of the checks.
    """
    if not plan.full:
        return ()
    troubles: list[Trouble] = []
    data_class = request.data_class or DataClass.CONFIDENTIAL
    if data_class not in plan.route.data_classes:
        message = f"material of class {data_class.value} may not be shown to a second model on this route"
        troubles.append(Trouble(Cause.DATA_CLASS_FORBIDDEN, message))
    if not draft.report.complete:
        troubles.append(Trouble(Cause.REDACTION_INCOMPLETE, draft.report.incomplete_because))
    if any(f.criterion in INJECTION_CRITERIA and f.outcome is Outcome.NOT_MET for f in findings):
        message = "the second model was not asked: its word would be worth nothing on text that tries to steer it"
        troubles.append(Trouble(Cause.INJECTION_SUSPECTED, message))
    return tuple(troubles)
