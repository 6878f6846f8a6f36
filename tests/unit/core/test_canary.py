"""Canaries: which one suits whom, and what counts as having caught it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reviewer.core.canary import Canary, Occasion, Sight, canaries_of, expected_of, fitting
from reviewer.core.draft import Drafter
from reviewer.core.finding import Finding, Origin, Outcome
from reviewer.core.review import RouteTaken
from reviewer.core.rulebook import Plan
from reviewer.rubrics.load import load_cases
from tests.support.assembled import shipped_rulebook
from tests.support.builders import criterion, finding, plan_of, request, review, rubric
from tests.support.subjects import RUBRICS, shipped_cases

MODEL = "critic-1"
KEY = "probe/bad"
PLAN = plan_of(rubric(criterion("bad"), criterion("other"), criterion("checked", judge="check")))
CANARY = Canary("probe/one", request(), PLAN, frozenset({KEY}))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ((), Sight.LOST),
        ((finding(KEY, Outcome.NOT_MET, by="another"),), Sight.LOST),
        ((finding(KEY, Outcome.NOT_MET, Origin.CHECK, by=MODEL),), Sight.LOST),
        ((finding(KEY, by=MODEL),), Sight.MISSED),
        ((finding(KEY, by=MODEL), finding(KEY, Outcome.NOT_MET, by="another")), Sight.MISSED),
        ((finding(KEY, by=MODEL), finding("probe/other", Outcome.NOT_MET, by=MODEL)), Sight.MISSED),
        ((finding(KEY, Outcome.NOT_APPLICABLE, by=MODEL),), Sight.MISSED),
        ((finding(KEY, Outcome.UNCERTAIN, claimed=Outcome.MET, by=MODEL),), Sight.MISSED),
        ((finding(KEY, Outcome.NOT_MET, by=MODEL),), Sight.CAUGHT),
        ((finding(KEY, Outcome.UNCERTAIN, by=MODEL),), Sight.CAUGHT),
        ((finding(KEY, Outcome.UNCERTAIN, claimed=Outcome.NOT_MET, unverified=True, by=MODEL),), Sight.CAUGHT),
    ],
)
def test_caught_is_an_objection_to_what_is_wrong(rows: tuple[Finding, ...], expected: Sight) -> None:
    """Only the model's own objection on an expected criterion is a catch; without a critique of its, nothing is."""
    assert CANARY.sight(rows, MODEL) is expected


def placed(name: str, route: str, domain: str, model: str = MODEL) -> Canary:
    plan: Plan = replace(
        PLAN,
        route=PLAN.route.model_copy(update={"id": route, "domain": domain}),
        reviewers=tuple(spec.model_copy(update={"model": model}) for spec in PLAN.reviewers),
    )
    return replace(CANARY, name=name, plan=plan)


FLOCK = (
    placed("a", "dose", "health"),
    placed("b", "crisis", "health"),
    placed("c", "tax", "finance"),
    placed("d", "dose", "health", "other-1"),
)


@pytest.mark.parametrize(
    ("route", "domain", "model", "names"),
    [
        ("dose", "health", MODEL, "a"),
        ("triage", "health", MODEL, "ab"),
        ("wills", "legal", MODEL, "abc"),
        ("tax", "finance", "other-1", "d"),
        ("dose", "health", "nobody", ""),
    ],
)
def test_the_nearest_canaries_are_chosen(route: str, domain: str, model: str, names: str) -> None:
    """Of the same route, else of the same domain, else any; and only those whose route asks the model at all."""
    chosen = fitting(FLOCK, Occasion(model, route, domain, Drafter()))

    assert "".join(canary.name for canary in chosen) == names


def test_a_canary_comes_from_the_drafter_of_the_review() -> None:
    """The canary is said to be of the reviewed draft's author, since else another family might have to judge it."""
    made = review(route=replace(review().route, id="dose", domain="health"), drafter=Drafter("anthropic", "claude-x"))
    occasion = Occasion.after(made, MODEL)
    dressed, examination = occasion.dress(CANARY)

    assert isinstance(made.route, RouteTaken)
    assert (occasion.route, occasion.domain) == ("dose", "health")
    assert dressed.draft.drafter == made.drafter
    assert replace(dressed.draft, drafter=CANARY.request.draft.drafter) == CANARY.request.draft
    assert (examination.case, examination.model) == ("probe/one", MODEL)


def test_shipped_canaries_know_what_is_wrong() -> None:
    """Each shipped canary is found, and expects an objection on a criterion that its case's author named."""
    rulebook = shipped_rulebook()
    found = canaries_of([file for _, file in load_cases(RUBRICS)], rulebook)
    cases = shipped_cases()

    assert {canary.name for canary in found} == {name for name, case in cases.items() if case.canary}
    for canary in found:
        assert canary.expected
        assert canary.expected <= cases[canary.name].expect.findings.keys()
        assert canary.expected == expected_of(cases[canary.name], canary.plan)
