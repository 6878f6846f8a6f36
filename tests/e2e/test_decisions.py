"""A model that answers with probabilities looks first: what it may settle, and what it passes on."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from reviewer.v1 import finding_pb2
from tests.e2e.conftest import Serve
from tests.support.modes import ANTHROPIC, GEMINI, finds, rubrics_with
from tests.support.service import Service, broken, causes, rules, verdicts
from tests.support.subjects import subject

HIGH, LOWER = "health.symptom_triage", "support.billing"
DECISIONS, LUNA = "openai_decisions", "gpt-6-luna"
BOTH = [("screen", DECISIONS), ("critique", ANTHROPIC)]
ALONE = BOTH[:1]
ANSWERED = "answer_quality/question_answered"
Rise = Callable[..., Awaitable[Service]]


@pytest.fixture
def rise(serve: Serve, tmp_path: Path) -> Rise:
    """Serve with decisions in front of a Claude; below tier high the screen may clear if asked to."""

    async def start(*written: dict[str, Any], clears: bool = False, demand: str = "none") -> Service:
        section = rubrics_with(tmp_path, ("claude_opus",))
        _let_screen(section["directory"] / "routing.yaml", clears=clears)
        _demand_quotes(section["directory"] / "answer_quality" / "rubric.yaml", demand)
        return await serve(rules(*written), rubrics=section, critic={"max_attempts": 1})

    return start


def _let_screen(path: Path, *, clears: bool) -> None:
    routing = yaml.safe_load(path.read_text(encoding="utf-8"))
    routing["reviewers"].append({"id": "luna", "provider": DECISIONS, "model": LUNA})
    for route in (routing["default"], *routing["routes"]):
        cascade = {"screen": "luna", "clears": clears and route["tier"] != "high"}
        route.update({"reviewers": ["luna", "claude_opus"], "mode": "cascade", "cascade": cascade})
    path.write_text(json.dumps(routing), encoding="utf-8")


def _demand_quotes(path: Path, on: str) -> None:
    """Let every question of a rubric demand a quote for the same outcomes."""
    rubric = yaml.safe_load(path.read_text(encoding="utf-8"))
    for criterion in rubric["criteria"]:
        criterion["evidence"] = {"on": on, **({"places": ["draft"]} if on != "none" else {})}
    path.write_text(json.dumps(rubric, default=str), encoding="utf-8")


def stages(review: Any) -> list[tuple[str, str]]:
    """Return purpose and provider of each call."""
    return [(call.purpose, call.provider) for call in review.model_calls]


@pytest.mark.parametrize(
    ("intent", "clears", "asked"), [(HIGH, False, BOTH), (LOWER, False, BOTH), (LOWER, True, ALONE), (HIGH, True, BOTH)]
)
async def test_probable_throughout(rise: Rise, intent: str, clears: bool, asked: list[tuple[str, str]]) -> None:
    """A screen that is sure of everything clears where the route lets it and no quote is due; never in tier high."""
    review = await (await rise(clears=clears)).review(subject(intent=intent, drafter=GEMINI))
    assert (verdicts([review]), causes(review), stages(review)) == (["APPROVE"], set(), asked)
    assert review.model_calls[0].served_model == LUNA


async def test_a_due_quote_cannot_come_from_a_number(rise: Rise) -> None:
    """Where a criterion demands a quote for MET, a probability never clears it."""
    review = await (await rise(clears=True, demand="on_met")).review(subject(intent=LOWER, drafter=GEMINI))
    assert (verdicts([review]), stages(review)) == (["APPROVE"], BOTH)


@pytest.mark.parametrize("outcome", ["NOT_MET", "UNCERTAIN"])
async def test_what_is_improbable_is_passed_on(rise: Rise, outcome: str) -> None:
    """However little the screen thinks of a draft, it accuses nobody: the strong reviewer decides."""
    service = await rise(finds(DECISIONS, ANSWERED, outcome, "Low."), clears=True)
    review = await service.review(subject(intent=LOWER, drafter=GEMINI))
    assert (verdicts([review]), stages(review)) == (["APPROVE"], BOTH)
    said = {finding.outcome for finding in review.findings if finding.judge == LUNA}
    assert said == {finding_pb2.OUTCOME_MET, finding_pb2.OUTCOME_UNCERTAIN}


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        ("server_error", "reviewer_unavailable"),
        ("unauthorized", "reviewer_unavailable"),
        ("prose", "reviewer_unavailable"),
        ("missing_criteria", "reviewer_unavailable"),
        ("unknown_criteria", "reviewer_unavailable"),
        ("too_large", "partial_coverage"),
        ("refusal", "reviewer_refused"),
        ("rubber_stamp", "reviewer_unreadable"),
        ("fail_attention", "reviewer_unreadable"),
        ("wrong_model", "served_model_mismatch"),
    ],
)
async def test_a_broken_screen_passes_on(rise: Rise, kind: str, cause: str) -> None:
    """Outage, nonsense and inattention of the screen are noted, and the strong reviewer decides alone."""
    service = await rise(broken(kind, provider=DECISIONS))
    review = await service.review(subject(intent=LOWER, drafter=GEMINI))
    assert (verdicts([review]), causes(review), stages(review)) == (["APPROVE"], {cause}, BOTH)


async def test_a_sure_screen_does_not_stand_in(rise: Rise) -> None:
    """In tier high a strong reviewer that is down is missing, however sure the screen is."""
    review = await (await rise(broken("unauthorized", provider=ANTHROPIC))).review(subject(intent=HIGH, drafter=GEMINI))
    assert verdicts([review]) == ["HUMAN_HANDOFF"]
