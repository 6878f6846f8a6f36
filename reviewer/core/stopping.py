"""Stopping: which answer of a critique decides already, so that the rest of it need not be waited for.

Attention checks have not come yet when a critique is ended: they stand under `met`, at the end of a reply. That is safe
because the answer only speaks against the draft, and its quotes, where its kind needs some, were found in what was
shown. The worst that an inattentive critic can do this way is to ask for a revision or a person.
"""

from __future__ import annotations

from collections.abc import Iterable

from reviewer.core.finding import Finding, Origin, Outcome
from reviewer.core.outcome import Critique, Stopped
from reviewer.core.rubric import Severity
from reviewer.core.rulebook import Plan


def decides(finding: Finding, plan: Plan) -> bool:
    """Whether one verified finding of a critic settles that the draft is not approved: a blocker that is not met.

    Where quotes were given although none was due, one of them must have been found all the same: a critic that invents
    quotes is heard to its end.
    """
    item = plan.by_key.get(finding.criterion)
    if item is None or item.criterion.severity is not Severity.BLOCKER or finding.origin is not Origin.CRITIC:
        return False
    if finding.unverified or not finding.claimed is finding.outcome is Outcome.NOT_MET:
        return False
    return not finding.quotes or any(quote.status.verified for quote in finding.quotes)


def stands(critique: Critique, stopped: Stopped, findings: Iterable[Finding], plan: Plan) -> bool:
    """Whether the evidence still holds the finding for which a critique was ended, by its judge and as it was."""
    return any(
        finding.criterion == stopped.criterion and finding.by == critique.judge and decides(finding, plan)
        for finding in findings
    )
