"""Lint of canaries: a case that a deterministic check would catch says nothing of the critic's eyes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time

from reviewer.checks.runner import run_checks
from reviewer.core.canary import expected_of
from reviewer.core.case import Case, CaseFile
from reviewer.core.case_request import request_of
from reviewer.core.check import Subject
from reviewer.core.errors import Fault
from reviewer.core.finding import Outcome
from reviewer.core.redaction import redact
from reviewer.core.rubric import Severity
from reviewer.core.rulebook import Facts, Plan, Rulebook, inapplicable
from reviewer.rubrics.files import Loaded

_PASSING = (Outcome.MET, Outcome.NOT_APPLICABLE)


def canary_errors(rulebook: Rulebook, files: Mapping[str, Loaded[CaseFile]], today: date) -> Iterator[Fault]:
    """Yield what keeps a case that is marked as a canary from being one.

    Args:
        files: by name below the folder of the rule set.
        today: UTC date at which the checks are run.
    """
    for loaded in files.values():
        for at, case in enumerate(loaded.model.cases):
            if case.canary:
                plan = rulebook.plan(case.intent, None, case.locale, b"")
                messages = (*_label_faults(case, plan), *_barriers(case, plan, today))
                yield from (loaded.document.fault(("cases", at, "canary"), message, "RUB407") for message in messages)


def _label_faults(case: Case, plan: Plan) -> Iterator[str]:
    if "APPROVE" in case.expect.verdicts:
        yield "a canary must not be approved"
    expected = expected_of(case, plan)
    if not any(plan.by_key[key].criterion.severity is Severity.BLOCKER for key in expected):
        yield "a canary must fail a blocker that its route asks the critic about"
    for key in sorted(expected):
        scripted = case.critique.get(key)
        if scripted is None or scripted.outcome not in ("NOT_MET", "UNCERTAIN"):
            yield f"the scripted critic does not object to {key}"


def _barriers(case: Case, plan: Plan, today: date) -> Iterator[str]:
    """Say what would stop the draft before or beside the critic."""
    request = request_of(case)
    draft = redact(request, plan.public_values)
    if request.data_class not in plan.route.data_classes:
        yield f"route {plan.route.id} shows no material of class {request.data_class} to a critic"
    if not draft.report.complete:
        yield "a canary must be redacted completely, or no critic is asked"
    facts = Facts(
        request.intent,
        request.locale,
        has_sources=bool(request.draft.sources),
        has_tool_calls=bool(request.draft.tool_calls),
        has_draft_text=bool(request.draft.text.strip()),
    )
    now = datetime.combine(today, time(), UTC)
    checked = run_checks(plan, inapplicable(plan, facts), Subject(draft, request.locale, now))
    stopped = {f.criterion for f in checked.findings if f.outcome not in _PASSING}
    stopped |= {trouble.criterion for trouble in checked.troubles}
    for key in sorted(stopped):
        yield f"only the critic must be able to catch a canary, and the check of {key} stops it"
