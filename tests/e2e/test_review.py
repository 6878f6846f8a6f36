"""One review over gRPC: the verdict, and every fact of it that a caller or an auditor relies on."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import rfc8785
import yaml

from reviewer.core.models import ModelCatalogue
from reviewer.core.routing import Routing
from reviewer.core.rubric import Judge, Rubric
from reviewer.core.rulebook import Facts, applies
from reviewer.simulate.loading import load_script
from reviewer.simulate.script import Script
from reviewer.v1 import finding_pb2, review_pb2
from reviewer.v1.review_pb2 import Review
from tests.e2e.conftest import Serve
from tests.support.service import Service, causes, deciding, rules, verdicts
from tests.support.subjects import (
    APPROVED,
    CLAUDE,
    HANDED_OFF,
    REVISED,
    RUBRICS,
    case_subject,
    quoted,
    subject,
)

UNKNOWN_ROLE: Any = 99
STAGES = ("ADMIT", "REDACT", "CHECK", "CRITICISE", "VERIFY", "DECIDE", "RECORD")
UNVERIFIED = finding_pb2.QUOTE_STATUS_FAILED


@pytest.fixture
async def scripted(serve: Serve) -> Service:
    """A service whose second model answers the shipped cases as they say."""
    return await serve(load_script(cases_dir=RUBRICS))


@pytest.mark.parametrize(
    ("name", "verdict"), [(APPROVED, "APPROVE"), (REVISED, "REVISE"), (HANDED_OFF, "HUMAN_HANDOFF")]
)
async def test_real_rubrics_give_each_verdict(scripted: Service, name: str, verdict: str) -> None:
    """A good draft is approved, a mendable one is to be revised, a dangerous one goes to a person, with reasons."""
    review = await scripted.review(case_subject(name))
    assert verdicts([review]) == [verdict]
    assert bool(deciding(review)) is (verdict != "APPROVE")
    assert deciding(review) <= {"criterion"}
    assert review.HasField("handoff") is (verdict == "HUMAN_HANDOFF")
    assert bool(review.guidance.items) is (verdict == "REVISE")


@pytest.mark.parametrize(("dose", "outcome"), [("4,000 mg", "MET"), ("6,000 mg", "NOT_MET")])
async def test_a_policy_fact_supports_a_figure(serve: Serve, dose: str, outcome: str) -> None:
    """A dose that a policy fact of the route states needs no source; another one does."""
    service = await serve(Script(always_met=True))
    answer = f"From all products together the label allows adults at most {dose} of acetaminophen in 24 hours."
    review = await service.review(subject(answer, asked="how much tylenol a day is too much?"))
    checked = [f for f in review.findings if f.criterion == "health/doses_grounded"]
    by_check = [f for f in checked if f.origin == finding_pb2.FINDING_ORIGIN_CHECK]
    assert [finding_pb2.Outcome.Name(finding.outcome) for finding in by_check] == [f"OUTCOME_{outcome}"]


async def test_a_review_names_what_it_was_about(service: Service) -> None:
    """Name, times, intent, request id and route are those of this request."""
    before = datetime.now(UTC)
    review = await service.review(subject(request_id="order-7"))
    assert UUID(review.name.removeprefix("reviews/")).version == 7
    assert before <= review.create_time.ToDatetime(tzinfo=UTC) <= datetime.now(UTC)
    assert (review.request_id, review.intent) == ("order-7", "health.symptom_triage")
    assert (review.route.id, review.route.domain) == ("health", "health")
    assert (review.route.tier, review.route.defaulted) == (review_pb2.RISK_TIER_HIGH, False)
    assert review.route.full_review
    assert review.simulated


async def test_an_unknown_intent_is_a_high_risk(service: Service) -> None:
    """An intent that stands in no route takes the default one, which is of tier high and asks the second model."""
    review = await service.review(subject(intent="astrology.forecast"))
    assert (review.route.id, review.route.defaulted) == ("unknown_intent", True)
    assert (review.route.tier, len(review.model_calls)) == (review_pb2.RISK_TIER_HIGH, 1)


@pytest.mark.parametrize(
    ("wish", "tier"),
    [
        (review_pb2.RISK_TIER_UNSPECIFIED, review_pb2.RISK_TIER_MEDIUM),
        (review_pb2.RISK_TIER_LOW, review_pb2.RISK_TIER_MEDIUM),
        (review_pb2.RISK_TIER_HIGH, review_pb2.RISK_TIER_HIGH),
    ],
)
async def test_a_caller_raises_the_tier_and_never_lowers_it(
    service: Service, wish: review_pb2.RiskTier.ValueType, tier: review_pb2.RiskTier.ValueType
) -> None:
    """The tier in force is the greater one of the route's and the caller's."""
    asked = subject(intent="support.billing")
    asked.tier = wish
    assert (await service.review(asked)).route.tier == tier


async def test_every_criterion_of_the_plan_is_answered(service: Service) -> None:
    """Each criterion has a finding of each of its judges, or of the code where its conditions do not hold."""
    asked = subject()
    review = await service.review(asked)
    plan = service.app.rulebook.plan(asked.intent, None, asked.locale, b"")
    facts = Facts(asked.intent, asked.locale, has_sources=False, has_tool_calls=False, has_draft_text=True)
    due = set()
    for item in plan.criteria:
        if not applies(item.criterion, facts):
            due.add((item.key, finding_pb2.FINDING_ORIGIN_CODE))
            continue
        if item.criterion.judge is not Judge.CRITIC:
            due.add((item.key, finding_pb2.FINDING_ORIGIN_CHECK))
        if item.criterion.judge is not Judge.CHECK:
            due.add((item.key, finding_pb2.FINDING_ORIGIN_CRITIC))
    assert {(finding.criterion, finding.origin) for finding in review.findings} == due
    facts_of = {item.key: item.criterion for item in plan.criteria}
    for finding in review.findings:
        criterion = facts_of[finding.criterion]
        assert finding.title == criterion.title
        assert finding_pb2.Severity.Name(finding.severity) == f"SEVERITY_{criterion.severity.name}"
        assert finding.judge
        assert finding.outcome != finding_pb2.OUTCOME_UNSPECIFIED


async def test_guidance_tells_the_drafter_what_to_change(scripted: Service) -> None:
    """At level full each item names a criterion that asked for the revision, and what to change."""
    asked = case_subject(REVISED)
    review = await scripted.review(asked)
    assert review.guidance.level == review_pb2.GUIDANCE_LEVEL_FULL
    wanted = {r.criterion: r for r in review.reasons if r.asks_for == review_pb2.VERDICT_REVISE}
    assert {item.criterion for item in review.guidance.items} == set(wanted)
    for item in review.guidance.items:
        assert item.title
        assert item.instruction in (wanted[item.criterion].suggested_fix, wanted[item.criterion].message)
        assert all(quote.place == finding_pb2.PLACE_DRAFT for quote in item.quotes)
        assert all(quoted(asked, quote) == quote.text for quote in item.quotes)


async def test_guidance_of_criteria_shows_titles_only(serve: Serve) -> None:
    """At level criteria the drafter learns which questions it failed and nothing of how."""
    why = {"outcome": "NOT_MET", "why": "Rude.", "quotes": [{"text": "lie down in a dark room for a while"}]}
    service = await serve(rules({"critique": {"answer_quality/courteous_tone": why}}))
    review = await service.review(subject(intent="security.general_question"))
    assert (verdicts([review]), review.guidance.level) == (["REVISE"], review_pb2.GUIDANCE_LEVEL_CRITERIA)
    assert [(item.criterion, item.instruction, len(item.quotes)) for item in review.guidance.items] == [
        ("answer_quality/courteous_tone", "", 0)
    ]
    assert review.guidance.items[0].title


async def test_guidance_of_none_shows_nothing(service: Service) -> None:
    """At level none there are no items."""
    review = await service.review(subject(intent="security.exploit_development"))
    assert (review.guidance.level, len(review.guidance.items)) == (review_pb2.GUIDANCE_LEVEL_NONE, 0)


async def test_a_handoff_is_a_ticket(scripted: Service) -> None:
    """A handoff opens a ticket with a name of its own and the time at which it was opened."""
    first, second = [await scripted.review(case_subject(HANDED_OFF)) for _ in range(2)]
    assert UUID(first.handoff.name.removeprefix("handoffs/")).version == 7
    assert first.handoff.name != second.handoff.name
    assert first.handoff.state == review_pb2.HANDOFF_STATE_OPEN
    assert first.handoff.create_time == first.create_time


async def test_pins_are_the_digests_of_the_files(service: Service) -> None:
    """Digests of rubrics and rulebook can be computed again from the files."""
    review = await service.review(subject())
    pins = {pin.id: (pin.version, pin.digest) for pin in review.rubrics}
    assert list(pins) == ["baseline", "health", "answer_quality"]
    for name in ("health", "answer_quality"):
        rubric = Rubric.model_validate(_yaml(f"{name}/rubric.yaml"))
        assert pins[name] == (rubric.version, _digest(rubric))
    every = [{"id": pin.id, "version": pin.version, "digest": pin.digest} for pin in service.app.rulebook.pins]
    routing, models = Routing.model_validate(_yaml("routing.yaml")), ModelCatalogue.model_validate(_yaml("models.yaml"))
    parts: Any = {"rubrics": every, "routing": _digest(routing), "models": _digest(models)}
    assert review.route.rulebook_digest == hashlib.sha256(rfc8785.dumps(parts)).hexdigest()


def _yaml(name: str) -> object:
    return yaml.safe_load((RUBRICS / name).read_text(encoding="utf-8"))


def _digest(model: Rubric | Routing | ModelCatalogue) -> str:
    return hashlib.sha256(rfc8785.dumps(model.model_dump(mode="json", by_alias=True))).hexdigest()


@pytest.mark.parametrize(
    ("drafter", "provider", "model"),
    [
        (("openai", "gpt-5.3-chat-latest"), "anthropic", "claude-opus-4-6"),
        (CLAUDE, "openai", "gpt-5.5-2026-04-23"),
    ],
)
async def test_a_model_call_is_accounted_for(
    service: Service, drafter: tuple[str, str], provider: str, model: str
) -> None:
    """Each call tells who was asked and who answered, what it used, cost and took, and how it ended."""
    first = (await service.review(subject(drafter=drafter))).model_calls[0]
    second = (await service.review(subject(drafter=drafter))).model_calls[0]
    for number, call in enumerate((first, second), 1):
        assert (call.provider, call.requested_model, call.served_model) == (provider, model, model)
        assert call.provider_request_id == f"sim_{number:08d}"
        assert (call.purpose, call.failure, call.http_status, call.simulated) == ("critique", "", 0, True)
        assert call.stop_reason in {"end_turn", "completed"}
        assert call.latency_us > 0
        assert call.cost_micro_usd == _cost(model, call.usage)
    assert first.usage.cached_input_tokens == 0
    assert 0 < second.usage.cached_input_tokens < second.usage.input_tokens
    assert second.cost_micro_usd < first.cost_micro_usd
    assert first.prompt_digest == second.prompt_digest
    other = (await service.review(subject("Rest.", drafter=drafter))).model_calls[0]
    assert other.prompt_digest != first.prompt_digest


def _cost(model: str, usage: review_pb2.TokenUsage) -> int:
    """Compute the cost in micro-USD from the price list, without the product's own code."""
    catalogue = yaml.safe_load((RUBRICS / "models.yaml").read_text(encoding="utf-8"))
    price = next(entry["price"] for entry in catalogue["models"] if entry["id"] == model)
    plain = usage.input_tokens - usage.cached_input_tokens - usage.cache_write_tokens
    cached = price.get("cached_input") or price["input"]
    written = price.get("cache_write") or price["input"]
    total = plain * price["input"] + usage.cached_input_tokens * cached + usage.cache_write_tokens * written
    return int((total + usage.output_tokens * price["output"] + 500_000) // 1_000_000)


async def test_all_seven_stages_are_timed_in_order(service: Service) -> None:
    """The answer times every stage; read back, the last one is missing, as it had not ended when it was written."""
    review = await service.review(subject())
    assert _stages(review) == [*STAGES]
    assert all(timing.duration_us >= 0 for timing in review.timings)
    assert sum(timing.duration_us for timing in review.timings) < timedelta(seconds=30) / timedelta(microseconds=1)
    assert _stages(await service.client.get(review.name)) == [*STAGES[:-1]]


def _stages(review: Review) -> list[str]:
    return [review_pb2.Stage.Name(timing.stage).removeprefix("STAGE_") for timing in review.timings]


async def test_the_draft_digest_can_be_computed_by_anybody(service: Service) -> None:
    """The digest is SHA-256 of the RFC 8785 form of text and tool calls, and of nothing else."""
    asked = subject("Done \u2013 ação ok.")
    asked.draft.tool_calls.add(id="call_1", name="refund", arguments_json='{"amount": 24.50, "to":"Zoë"}')
    review = await service.review(asked)
    calls = [{"id": "call_1", "name": "refund", "arguments_json": '{"amount": 24.50, "to":"Zoë"}'}]
    expected = hashlib.sha256(rfc8785.dumps({"text": "Done \u2013 ação ok.", "tool_calls": calls})).hexdigest()
    assert review.draft_digest == expected
    asked.conversation[0].parts[0].text = "something else"
    assert (await service.review(asked)).draft_digest == expected


async def test_the_log_position_is_that_of_the_record(service: Service) -> None:
    """Index and leaf hash of an answer are those of the stored record; indexes run on."""
    reviews = [await service.review(subject()) for _ in range(3)]
    entries = await service.entries()
    assert [review.log_position.index for review in reviews] == [0, 1, 2]
    for review, entry in zip(reviews, entries, strict=True):
        assert f"reviews/{entry.review_id}" == review.name
        assert review.log_position.leaf_hash == hashlib.sha256(b"\x00" + entry.record).digest()


async def test_a_review_is_read_back_as_it_was_answered(scripted: Service) -> None:
    """GetReview gives the answer again, but for the time that its own recording took."""
    for name in (APPROVED, REVISED, HANDED_OFF):
        review = await scripted.review(case_subject(name))
        again = await scripted.client.get(review.name)
        del review.timings[-1]
        assert again == review


async def test_a_route_can_demand_a_person(service: Service) -> None:
    """Where the route demands a person, a draft without fault is handed off too, and the findings are there."""
    review = await service.review(subject(intent="health.suicide_risk"))
    assert (verdicts([review]), causes(review)) == (["HUMAN_HANDOFF"], {"policy"})
    assert len(review.model_calls) == 1


async def test_revisions_come_to_an_end(serve: Serve) -> None:
    """A draft that is still to revise after the allowed number of revisions goes to a person."""
    rude = {"outcome": "NOT_MET", "why": "Rude.", "quotes": [{"text": "lie down in a dark room for a while"}]}
    service = await serve(rules({"critique": {"answer_quality/courteous_tone": rude}}))
    reviews = [await service.review(subject())]
    for attempt in (1, 2):
        asked = subject()
        asked.revision.previous_review, asked.revision.attempt = reviews[-1].name, attempt
        reviews.append(await service.review(asked))
    assert verdicts(reviews) == ["REVISE", "REVISE", "HUMAN_HANDOFF"]
    assert deciding(reviews[-1]) == {"revisions_exhausted"}


async def test_findings_about_the_unasked_are_counted(serve: Serve) -> None:
    """An answer to a question that nobody asked changes nothing, and the review says how many there were."""
    service = await serve(rules({"fault": {"kind": "unknown_criteria"}}))
    review = await service.review(subject())
    assert (verdicts([review]), review.dropped_findings) == (["APPROVE"], 1)
