from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from reviewer.core.draft import DataClass, Drafter, Tier
from reviewer.core.rulebook import Rulebook
from reviewer.rubrics.lint import lint
from reviewer.rubrics.load import load_cases, load_rulebook

RUBRICS = Path(__file__).parents[3] / "rubrics"
TODAY = date(2026, 11, 21)


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    return load_rulebook(RUBRICS, today=TODAY)[0]


def test_lint_has_no_errors() -> None:
    """The rule files that are shipped pass their own lint."""
    assert [str(fault) for fault in lint(RUBRICS, TODAY).errors] == []


def test_no_reviewer_is_about_to_retire() -> None:
    """No shipped reviewer was past or near its retirement on the day of the release."""
    assert load_rulebook(RUBRICS, today=TODAY)[1] == ()


@pytest.mark.parametrize("intent", ["health.x", "finance.x", "security.x", "legal.x", "tool_use.x", "unheard.of", ""])
def test_risky_intents_are_high(rulebook: Rulebook, intent: str) -> None:
    """The five risky domains and everything unknown get a full review by a model, answer quality included."""
    plan = rulebook.plan(intent, Tier.LOW, "pt-BR", b"")

    assert plan.tier is Tier.HIGH
    assert plan.full
    assert "answer_quality" in [rubric.id for rubric in plan.rubrics]


@pytest.mark.parametrize(
    ("intent", "tier"),
    [("support.general", Tier.LOW), ("support.billing", Tier.MEDIUM), ("answer_quality.tone", Tier.MEDIUM)],
)
def test_lighter_tiers(rulebook: Rulebook, intent: str, tier: Tier) -> None:
    """Only named everyday intents are below high."""
    assert rulebook.plan(intent, None, "", b"").tier is tier


@pytest.mark.parametrize("intent", ["health.medication_dosage", "health.symptom_triage", "security.dual_use"])
def test_approval_can_be_reached(rulebook: Rulebook, intent: str) -> None:
    """The everyday intents of the risky domains do not need a person each time."""
    assert not rulebook.plan(intent, None, "", b"").route.mandatory_human


def test_restricted_never_leaves(rulebook: Rulebook) -> None:
    """No shipped route shows restricted material to a model."""
    assert all(DataClass.RESTRICTED not in route.data_classes for route in rulebook.routing.all_routes)


def test_every_drafter_has_another_family_to_judge_it(rulebook: Rulebook) -> None:
    """For the drafters of the field, each high route names a reviewer of another family."""
    catalogue = rulebook.catalogue
    for model in ("gpt-5.3-chat-latest", "gpt-5.2-instant", "claude-opus-4-6", "gemini-2.5-pro"):
        drafter = catalogue.family_of(Drafter(model=model))
        for route in (r for r in rulebook.routing.all_routes if r.tier is Tier.HIGH):
            reviewers = [catalogue.find(rulebook.routing.reviewer(name).model) for name in route.reviewers]
            assert any(reviewer is not None and reviewer.family != drafter for reviewer in reviewers), (model, route.id)


def test_prices_have_a_source(rulebook: Rulebook) -> None:
    """Every price says where it was read, with an address and a day that is not in the future."""
    prices = [entry.price for entry in rulebook.catalogue.models if entry.price is not None]

    assert len(prices) > 20
    assert all("https://" in price.source and price.as_of <= TODAY for price in prices)


def test_each_domain_has_both_suites() -> None:
    """Each shipped rubric has benign and sensitive cases, six or more of each."""
    counts = {(cases.rubric, cases.suite): len(cases.cases) for _, cases in load_cases(RUBRICS)}

    for domain in (path.parent.name for path in RUBRICS.glob("*/rubric.yaml")):
        assert counts.get((domain, "known_benign"), 0) >= 6, domain
        assert counts.get((domain, "known_sensitive"), 0) >= 6, domain


def test_each_risky_domain_has_canaries(rulebook: Rulebook) -> None:
    """Each domain with a route of tier high has two canaries or more, in English and in Portuguese."""
    risky = {route.domain for route in rulebook.routing.all_routes if route.tier is Tier.HIGH}
    marked = [(file.rubric, case.locale) for _, file in load_cases(RUBRICS) for case in file.cases if case.canary]

    assert risky == {rubric for rubric, _ in marked}
    for domain in risky:
        assert {locale for rubric, locale in marked if rubric == domain} == {"en-US", "pt-BR"}, domain
