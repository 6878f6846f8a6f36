"""Logged reviews without a service: real drafts, checks that really ran, critics whose findings are drawn at will."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from random import Random

from reviewer.checks.runner import run_checks
from reviewer.core.barring import barred
from reviewer.core.case import Case
from reviewer.core.case_request import request_of
from reviewer.core.check import Subject
from reviewer.core.choice import Seating
from reviewer.core.draft import Drafter
from reviewer.core.finding import Finding, Origin, Outcome, Quote
from reviewer.core.kept import DEFAULT_MAX_BYTES, facts_of, material_of
from reviewer.core.outcome import Completed, Critique
from reviewer.core.passage import RedactedDraft
from reviewer.core.questionnaire import PROMPT_VERSION
from reviewer.core.redaction import redact
from reviewer.core.review import Review, RouteTaken
from reviewer.core.rubric import Place
from reviewer.core.rulebook import Plan, Rulebook, inapplicable
from reviewer.core.verdict import EvidenceSet, decide
from reviewer.replay.comparison import Rules
from tests.support.builders import MOMENT, review, review_id
from tests.support.reviews import CALL
from tests.support.subjects import shipped_cases

_OUTCOMES = (Outcome.MET, Outcome.NOT_MET, Outcome.UNCERTAIN, Outcome.NOT_APPLICABLE)
DRAFTER = Drafter("google", "gemini-2.5-pro")


def logged(rulebook: Rulebook, number: int, *, met_percent: int = 95, kept: bool = True) -> Review:
    """Make the review of a shipped case under some rules; the same number makes the same review.

    Args:
        met_percent: of the critic's answers that are MET; the others are drawn from all outcomes.
    """
    chance = Random(number)
    case = request_of(_cases()[number % len(_cases())])
    request = replace(case, tenant="acme", draft=replace(case.draft, drafter=DRAFTER))
    plan = rulebook.plan(request.intent, None, request.locale, request.content_digest.encode())
    draft, facts = redact(request, plan.public_values), facts_of(request)
    waived = inapplicable(plan, facts)
    checked = run_checks(plan, waived, Subject(draft, request.locale, MOMENT, plan.policy_facts))
    bars = barred(plan, request.data_class, draft.report, checked.findings)
    critiques: tuple[Critique, ...] = ()
    said: tuple[Finding, ...] = ()
    if plan.full and not bars:
        judge = _judge(rulebook, plan)
        critiques = (Critique(judge, Completed(())),)
        said = tuple([_said(key, judge, draft, chance, met_percent) for key in plan.asked if key not in waived])
    findings = (*checked.findings, *said)
    decision = decide(EvidenceSet(plan, facts, findings, critiques, (*checked.troubles, *bars), 0, waived))
    return review(
        id=str(review_id(number)),
        content_digest=request.content_digest,
        intent=request.intent,
        locale=request.locale,
        verdict=decision.verdict,
        reasons=decision.reasons,
        findings=findings,
        criteria=plan.criterion_facts,
        pins=plan.pins,
        route=_taken(plan, rulebook),
        calls=(replace(CALL, requested_model=critiques[0].judge),) if critiques else (),
        drafter=DRAFTER,
        draft_digest=request.draft.digest(),
        sources_digest=request.draft.sources_digest(),
        material=material_of(request, draft, DEFAULT_MAX_BYTES if kept else 0).material,
    )


@cache
def _cases() -> list[Case]:
    return list(shipped_cases().values())


def _judge(rulebook: Rulebook, plan: Plan) -> str:
    seated = Rules(rulebook, ()).seated(plan, rulebook.catalogue, DRAFTER, MOMENT.date())
    assert isinstance(seated, Seating)
    return seated.seats[0].spec.model


def _said(key: str, judge: str, draft: RedactedDraft, chance: Random, met_percent: int) -> Finding:
    if chance.randrange(100) < met_percent:
        return Finding(key, Origin.CRITIC, judge, Outcome.MET, Outcome.MET)
    outcome = chance.choice(_OUTCOMES)
    text = draft.text[:40]
    quotes = (Quote(Place.DRAFT, "draft", text, 0, len(text)),) if text else ()
    return Finding(key, Origin.CRITIC, judge, outcome, outcome, quotes, "It is as it is.")


def _taken(plan: Plan, rulebook: Rulebook) -> RouteTaken:
    route = plan.route
    defaulted = route is rulebook.routing.default
    return RouteTaken(route.id, route.domain, plan.tier, defaulted, plan.full, rulebook.digest, PROMPT_VERSION)
