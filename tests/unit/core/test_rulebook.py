from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.baseline import BASELINE
from reviewer.core.check import CheckOutcome, Passed, Subject
from reviewer.core.draft import Tier
from reviewer.core.errors import InvariantError
from reviewer.core.models import ModelCatalogue
from reviewer.core.routing import Routing
from reviewer.core.rubric import Criterion, PolicyFact, Rubric
from reviewer.core.rulebook import Facts, Plan, Rulebook, applies, assemble, file_digest, is_sampled

locales = st.sampled_from(["", "pt-BR", "pt_br", "PT-br", "pt", "pt-PT", "es-MX", "en-US", "x" * 200]) | st.text()


def passes(_: Subject) -> CheckOutcome:
    return Passed()


def criterion(name: str, judge: str = "critic", **fields: object) -> dict[str, object]:
    anchors = {} if judge == "check" else {"met_when": ["it says so"], "not_met_when": ["it is silent"]}
    check = {} if judge == "critic" else {"check": {"id": "refusal"}}
    content = {"id": name, "title": name, "question": "Is it so?", "kind": "absence", "severity": "blocker"}
    return {**content, "judge": judge, **anchors, **check, **fields}


def rubric(name: str, *criteria: dict[str, object], **fields: object) -> Rubric:
    content = {
        "schema": 1,
        "id": name,
        "version": "1.2.3",
        "domain": name,
        "owner": "test",
        "changed": "2026-11-21",
        "purpose": "test",
        "applies_to": {"intents": ["*"]},
        "criteria": list(criteria),
    }
    return Rubric.model_validate(content | fields)


HEALTH = rubric(
    "health",
    criterion("asked"),
    criterion("checked", "check"),
    criterion("doubly", "both"),
    locales={"pt-BR": {"guidance": {"asked": "guidance for Brazil"}}, "es": {"guidance": {"asked": "para todos"}}},
    public_values=["988", "192"],
)
TONE = rubric(
    "tone",
    criterion("polite", "check"),
    locales={"pt": {"policy_facts": [{"text": "fact in Portuguese"}]}},
    public_values=["188", "192"],
)
CATALOGUE = ModelCatalogue.model_validate(
    {
        "schema": 1,
        "version": "1.0.0",
        "models": [
            {
                "id": "claude-opus-4-6",
                "provider": "anthropic",
                "family": "claude",
                "pinned": True,
                "context_tokens": 1000,
                "max_output_tokens": 100,
                "source": "made up for the test",
            }
        ],
    }
)


def route(route_id: str, intent: str, tier: str, *rubrics: str, **fields: object) -> dict[str, object]:
    content = {"id": route_id, "intents": [intent], "domain": "health", "tier": tier, "rubrics": list(rubrics)}
    return {**content, "reviewers": ["critic"], **fields}


ROUTING = Routing.model_validate(
    {
        "schema": 1,
        "version": "1.0.0",
        "reviewers": [
            {"id": "critic", "provider": "anthropic", "model": "claude-opus-4-6"},
            {"id": "second", "provider": "anthropic", "model": "claude-opus-4-6"},
        ],
        "default": route("unknown", "*", "high", "health", reviewers=["second", "critic"]),
        "routes": [
            route("high", "health.high", "high", "tone", "health"),
            route("medium", "health.medium", "medium", "health"),
            route("by_rule", "health.by_rule", "medium", "tone", reviewers=[]),
            route("low", "health.low", "low", "health", sample_percent=50),
            route("never", "health.never", "low", "health", sample_percent=0),
            route("low_by_rule", "health.low_by_rule", "low", "tone", sample_percent=100),
        ],
    }
)
CHECKS = {f"{r.id}/{c.id}": passes for r in (BASELINE, HEALTH, TONE) for c in r.criteria if c.check is not None}


@pytest.fixture
def rulebook() -> Rulebook:
    return assemble((HEALTH, TONE), ROUTING, CATALOGUE, CHECKS)


def keys(plan: Plan) -> list[str]:
    return [planned.key for planned in plan.criteria]


BASELINE_KEYS = ["baseline/answers_something", "baseline/no_hidden_text", "baseline/no_reviewer_steering"]


def test_high_runs_everything_in_order(rulebook: Rulebook) -> None:
    """A high-tier plan has the baseline first, then each rubric in the route's order, all of it."""
    plan = rulebook.plan("health.high", None, "", b"")

    assert [r.id for r in plan.rubrics] == ["baseline", "tone", "health"]
    assert [pin.id for pin in plan.pins] == ["baseline", "tone", "health"]
    assert keys(plan) == [*BASELINE_KEYS, "tone/polite", "health/asked", "health/checked", "health/doubly"]
    assert [p.key for p in plan.criteria if p.asks_critic] == ["health/asked", "health/doubly"]
    assert [q.key for q in plan.questionnaire.aliases.values()] == ["health/asked", "health/doubly"]
    assert plan.full


def test_checks_are_attached(rulebook: Rulebook) -> None:
    """Every criterion that names a check has it compiled in the plan, and only those."""
    plan = rulebook.plan("health.high", None, "", b"")

    assert all((p.check is passes) == (p.criterion.check is not None) for p in plan.criteria)


def test_facts_of_all_rubrics_in_the_locale() -> None:
    """A plan states the facts of its rubrics, those of an overlay in its locale only, once for all requests."""
    health = HEALTH.model_copy(update={"policy_facts": (PolicyFact(text="fact for all"),)})
    book = assemble((health, TONE), ROUTING, CATALOGUE, CHECKS)

    assert book.plan("health.high", None, "", b"").policy_facts == ("fact for all",)
    assert book.plan("health.high", None, "pt-PT", b"").policy_facts == ("fact in Portuguese", "fact for all")
    assert book.plan("health.by_rule", None, "", b"").policy_facts == ()


def test_medium_asks_where_a_criterion_asks(rulebook: Rulebook) -> None:
    """Tier medium asks the critic exactly where a rubric has something for it to judge."""
    assert rulebook.plan("health.medium", None, "", b"").full
    by_rule = rulebook.plan("health.by_rule", None, "", b"")

    assert not by_rule.full
    assert keys(by_rule) == [*BASELINE_KEYS, "tone/polite"]
    assert not by_rule.questionnaire.aliases


def test_low_unsampled_is_checks_only(rulebook: Rulebook) -> None:
    """Unsampled low-tier requests keep what has a check, and the critic is asked nothing."""
    plan = rulebook.plan("health.never", None, "", b"any key")

    assert not plan.full
    assert keys(plan) == [*BASELINE_KEYS, "health/checked", "health/doubly"]
    assert not any(p.asks_critic for p in plan.criteria)
    assert not plan.questionnaire.aliases


def test_low_sampled_is_full(rulebook: Rulebook) -> None:
    """A sampled low-tier request gets the same criteria as a higher tier would, and keeps its tier."""
    sampled = next(bytes([n]) for n in range(256) if is_sampled(bytes([n]), 50))
    plan = rulebook.plan("health.low", None, "", sampled)

    assert plan.full
    assert plan.tier is Tier.LOW
    assert keys(plan) == keys(rulebook.plan("health.medium", None, "", b""))


def test_sampling_needs_something_to_ask(rulebook: Rulebook) -> None:
    """Where no criterion asks the critic, a sampled low-tier request is not a full review."""
    assert not rulebook.plan("health.low_by_rule", None, "", b"").full


def test_raised_tier_is_full(rulebook: Rulebook) -> None:
    """A caller that raises the tier to high gets the full review and cannot be left out by sampling."""
    plan = rulebook.plan("health.never", Tier.HIGH, "", b"any key")

    assert plan.full
    assert plan.tier is Tier.HIGH
    assert plan.route.id == "never"


@given(st.text(), st.sampled_from([None, *Tier]), locales, st.binary(max_size=8))
def test_unknown_intents_are_high(intent: str, wish: Tier | None, locale: str, key: bytes) -> None:
    """Whatever a caller sends, an intent without a route gets a full review of tier high."""
    plan = assemble((HEALTH, TONE), ROUTING, CATALOGUE, CHECKS).plan(f"other.{intent}", wish, locale, key)

    assert plan.tier is Tier.HIGH
    assert plan.full
    assert keys(plan)[:3] == BASELINE_KEYS


@given(st.lists(st.tuples(st.sampled_from(["health.low", "health.high", "nobody"]), locales, st.binary(max_size=4))))
def test_plans_are_stable_and_bounded(requests: list[tuple[str, str, bytes]]) -> None:
    """Equal requests share one plan, and no stream of locales or keys makes the table of plans grow without bound."""
    rulebook = assemble((HEALTH, TONE), ROUTING, CATALOGUE, CHECKS)
    for intent, locale, key in requests:
        plan = rulebook.plan(intent, None, locale, key)
        assert rulebook.plan(intent, None, locale, key) is plan
        assert plan == assemble((HEALTH, TONE), ROUTING, CATALOGUE, CHECKS).plan(intent, None, locale, key)

    tags = 4  # none, pt-BR, pt and es
    assert len(rulebook._plans) <= 3 * 2 * tags


@pytest.mark.parametrize(
    ("locale", "brazil", "portuguese"),
    [
        ("pt-BR", True, True),
        ("pt-br", True, True),
        ("PT_BR", True, True),
        ("pt-PT", False, True),
        ("pt", False, True),
        ("en-US", False, False),
        ("", False, False),
        ("br", False, False),
    ],
)
def test_overlays_follow_the_locale(locale: str, brazil: bool, portuguese: bool) -> None:
    """Each rubric adds the overlay of the exact tag, else of its language, however the tag is spelt."""
    talkative = rubric("tone", criterion("polite"), locales=TONE.model_dump(mode="json")["locales"])
    book = assemble((HEALTH, talkative), ROUTING, CATALOGUE, CHECKS)
    prefix = book.plan("health.high", None, locale, b"").questionnaire.prefix

    assert ("guidance for Brazil" in prefix) is brazil
    assert ("fact in Portuguese" in prefix) is portuguese


def test_language_overlay_covers_regions(rulebook: Rulebook) -> None:
    """An overlay of a language serves all its regions with one plan."""
    mexican = rulebook.plan("health.high", None, "es-MX", b"")

    assert "para todos" in mexican.questionnaire.prefix
    assert rulebook.plan("health.high", None, "es-AR", b"") is mexican


def test_public_values_are_joined(rulebook: Rulebook) -> None:
    """The values that redaction leaves alone come from all rubrics of the plan, once each."""
    assert rulebook.plan("health.high", None, "", b"").public_values == ("188", "192", "988")
    assert rulebook.plan("health.by_rule", None, "", b"").public_values == ("188", "192")


def test_reviewers_keep_their_order(rulebook: Rulebook) -> None:
    """Reviewers stand in the plan in the route's order of preference."""
    assert [spec.id for spec in rulebook.plan("", None, "", b"").reviewers] == ["second", "critic"]


def test_pin_is_rfc_8785(rulebook: Rulebook) -> None:
    """A pin's digest is the SHA-256 of the rubric's RFC 8785 form, defaults written out."""
    pin = next(pin for pin in rulebook.pins if pin.id == "health")
    dumped = json.dumps(HEALTH.model_dump(mode="json", by_alias=True), sort_keys=True, separators=(",", ":"))
    expected = hashlib.sha256(dumped.encode()).hexdigest()

    assert (pin.version, pin.digest) == ("1.2.3", expected)
    assert [pin.id for pin in rulebook.pins] == ["baseline", "health", "tone"]


def test_decimal_bounds_have_one_form() -> None:
    """Decimal numbers in the arguments of a check are digested as RFC 8785 writes them: 1.0 is 1."""
    whole, decimal = (
        rubric("tone", criterion("polite", "check", check={"id": "refusal", "args": {"min": n}})) for n in (1, 1.0)
    )

    assert file_digest(whole) == file_digest(decimal)


def test_digest_follows_every_part(rulebook: Rulebook) -> None:
    """The set's digest changes with a rubric, the routing or the catalogue, and with nothing else."""
    other_rubric = HEALTH.model_copy(update={"purpose": "another"})
    other_routing = ROUTING.model_copy(update={"version": "1.0.1"})
    other_catalogue = CATALOGUE.model_copy(update={"version": "1.0.1"})
    digests = {
        rulebook.digest,
        assemble((other_rubric, TONE), ROUTING, CATALOGUE, CHECKS).digest,
        assemble((HEALTH, TONE), other_routing, CATALOGUE, CHECKS).digest,
        assemble((HEALTH, TONE), ROUTING, other_catalogue, CHECKS).digest,
    }

    assert len(digests) == 4
    assert assemble((TONE, HEALTH), ROUTING, CATALOGUE, dict(CHECKS)).digest == rulebook.digest


def test_missing_check_is_refused() -> None:
    """A set in which a criterion lacks its compiled check, the baseline's too, cannot be assembled."""
    for key in ("health/doubly", "baseline/no_hidden_text"):
        with pytest.raises(InvariantError, match=key):
            assemble((HEALTH, TONE), ROUTING, CATALOGUE, {k: v for k, v in CHECKS.items() if k != key})


def test_baseline_cannot_be_replaced() -> None:
    """A rubric with the baseline's id, or two rubrics of one id, cannot be assembled."""
    for rubrics in ((HEALTH, TONE, BASELINE), (HEALTH, TONE, TONE)):
        with pytest.raises(InvariantError, match="not unique"):
            assemble(rubrics, ROUTING, CATALOGUE, CHECKS)


def test_missing_rubric_is_refused() -> None:
    """A route whose rubric is not in the set makes it impossible to assemble."""
    with pytest.raises(InvariantError, match="tone"):
        assemble((HEALTH,), ROUTING, CATALOGUE, CHECKS)


def test_sampling_is_deterministic() -> None:
    """The share follows from the key's digest alone: none at 0, all at 100, monotone between."""
    for n in range(200):
        key = n.to_bytes(2)
        threshold = int.from_bytes(hashlib.sha256(key).digest()[:8]) % 100
        assert [is_sampled(key, p) for p in (0, threshold, threshold + 1, 100)] == [False, False, True, True]


FACTS = Facts(intent="health.dose", locale="pt-BR", has_sources=True, has_tool_calls=False, has_draft_text=True)


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        (None, True),
        ({}, True),
        ({"intents": ["health.*"]}, True),
        ({"intents": ["finance.*", "health.dose"]}, True),
        ({"intents": ["finance.*"]}, False),
        ({"intents": ["*"]}, True),
        ({"locales": ["pt-BR"]}, True),
        ({"locales": ["pt"]}, True),
        ({"locales": ["es", "pt-br"]}, True),
        ({"locales": ["pt-PT"]}, False),
        ({"has_sources": True}, True),
        ({"has_sources": False}, False),
        ({"has_tool_calls": True}, False),
        ({"has_draft_text": False}, False),
        ({"intents": ["health.*"], "has_tool_calls": True}, False),
        ({"intents": ["health.*"], "locales": ["pt"], "has_sources": True, "has_tool_calls": False}, True),
    ],
)
def test_applies(when: dict[str, object] | None, holds: bool) -> None:
    """A criterion applies where all of its conditions hold, and always where it has none."""
    conditional = Criterion.model_validate(criterion("asked", applies_when=when))

    assert applies(conditional, FACTS) is holds


def test_unknown_locale_meets_no_condition() -> None:
    """A condition on locales never holds where the locale is unknown."""
    conditional = Criterion.model_validate(criterion("asked", applies_when={"locales": ["pt"]}))

    assert not applies(conditional, replace(FACTS, locale=""))
