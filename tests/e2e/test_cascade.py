"""A cheap model looks first and a strong one behind it: what the first may settle, and what it must pass on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from reviewer.v1 import finding_pb2, review_pb2
from reviewer.v1.review_pb2 import Review
from tests.e2e.conftest import Serve
from tests.support.modes import ANTHROPIC, CLAUDE_MODEL, GATEWAY, GEMINI, LLAMA_MODEL, finds, rubrics_with
from tests.support.service import Service, broken, causes, deciding, rules, verdicts
from tests.support.subjects import subject

HIGH, LOWER = "health.symptom_triage", "support.billing"
SAFE = "health/no_false_reassurance"
SURE = "health/no_certain_diagnosis"
KIND = "answer_quality/courteous_tone"
QUOTED = "lie down in a dark room for a while with a cool cloth"
Rise = Callable[..., Awaitable[Service]]


@pytest.fixture
def rise(serve: Serve, tmp_path: Path) -> Rise:
    """Serve with a Llama that screens and a Claude behind it; below tier high the screen may clear if asked to."""

    async def start(*written: dict[str, Any], clears: bool = False, **fields: Any) -> Service:
        cascade = {"screen": "llama", "clears": clears}
        section = rubrics_with(
            tmp_path,
            ("llama", "claude_opus"),
            high={"mode": "cascade", "cascade": {"screen": "llama"}, **fields},
            below={"mode": "cascade", "cascade": cascade, **fields},
        )
        return await serve(rules(*written), rubrics=section, critic={"max_attempts": 1})

    return start


def stages(review: Review) -> list[tuple[str, str]]:
    """Return purpose and provider of each call."""
    return [(call.purpose, call.provider) for call in review.model_calls]


BOTH = [("screen", GATEWAY), ("critique", ANTHROPIC)]
ALONE = BOTH[:1]


def judges(review: Review) -> set[str]:
    return {finding.judge for finding in review.findings if finding.origin == finding_pb2.FINDING_ORIGIN_CRITIC}


@pytest.mark.parametrize(
    ("intent", "clears", "asked"), [(HIGH, False, BOTH), (LOWER, False, BOTH), (LOWER, True, ALONE)]
)
async def test_a_clean_screen(rise: Rise, intent: str, clears: bool, asked: list[tuple[str, str]]) -> None:
    """A screen without objection stands for the critique only where the route lets it, and never in tier high."""
    service = await rise(clears=clears)
    review = await service.review(subject(intent=intent, drafter=GEMINI))

    assert (verdicts([review]), causes(review), stages(review)) == (["APPROVE"], set(), asked)


async def test_a_raised_tier_asks_the_strong_one(rise: Rise) -> None:
    """A caller who raises a request to tier high gets the strong reviewer on a route whose screen clears."""
    service = await rise(clears=True)
    asked = subject(intent=LOWER, drafter=GEMINI)
    asked.tier = review_pb2.RISK_TIER_HIGH

    assert stages(await service.review(asked)) == BOTH


@pytest.mark.parametrize("clears", [True, False])
async def test_a_screen_that_doubts_passes_on(rise: Rise, clears: bool) -> None:
    """What the screen is not sure of is for the strong reviewer to say."""
    doubt = finds(GATEWAY, "answer_quality/question_answered", "UNCERTAIN")
    review = await (await rise(doubt, clears=clears)).review(subject(intent=LOWER, drafter=GEMINI))

    assert (verdicts([review]), causes(review), stages(review)) == (["APPROVE"], set(), BOTH)
    assert judges(review) == {LLAMA_MODEL, CLAUDE_MODEL}


@pytest.mark.parametrize(("intent", "criterion"), [(HIGH, SURE), (LOWER, KIND)])
async def test_what_the_screen_finds_not_met_stands(rise: Rise, intent: str, criterion: str) -> None:
    """A screen's NOT_MET counts although the strong reviewer finds it met, and is no disagreement."""
    service = await rise(finds(GATEWAY, criterion, "NOT_MET", "It is rude.", QUOTED))
    review = await service.review(subject(intent=intent, drafter=GEMINI))

    assert (verdicts([review]), causes(review), stages(review)) == (["REVISE"], {"criterion"}, BOTH)
    said = {f.judge: finding_pb2.Outcome.Name(f.outcome) for f in review.findings if f.criterion == criterion}
    assert (said[LLAMA_MODEL], said[CLAUDE_MODEL]) == ("OUTCOME_NOT_MET", "OUTCOME_MET")


async def test_a_screen_that_settles_ends_it(rise: Rise) -> None:
    """Where the screen's finding asks for a person, nobody else is paid, and the record says so."""
    service = await rise(finds(GATEWAY, SAFE, "NOT_MET", "It plays it down.", QUOTED))
    review = await service.review(subject(drafter=GEMINI))

    assert (verdicts([review]), deciding(review), stages(review)) == (["HUMAN_HANDOFF"], {"criterion"}, ALONE)
    assert causes(review) == {"criterion", "partial_coverage"}
    assert any("nobody else was asked" in reason.message for reason in review.reasons)


async def test_steering_that_the_screen_saw_ends_it(rise: Rise) -> None:
    """A screen that reports steering has seen enough."""
    steered = {"match": {"provider": GATEWAY}, "critique": {}, "steering": True}
    review = await (await rise(steered)).review(subject(drafter=GEMINI))

    assert (verdicts([review]), deciding(review)) == (["HUMAN_HANDOFF"], {"injection_suspected"})
    assert stages(review) == ALONE


async def test_the_strong_reviewers_word_counts(rise: Rise) -> None:
    """What only the strong reviewer finds not met leads where the criterion says."""
    service = await rise(finds(ANTHROPIC, SURE, "NOT_MET", "Too sure.", QUOTED))
    review = await service.review(subject(drafter=GEMINI))

    assert (verdicts([review]), stages(review)) == (["REVISE"], BOTH)


DOWN = [
    ("unauthorized", "reviewer_unavailable"),
    ("refusal", "reviewer_refused"),
    ("truncation", "partial_coverage"),
    ("rubber_stamp", "reviewer_unreadable"),
]


@pytest.mark.parametrize(("kind", "cause"), DOWN)
@pytest.mark.parametrize(("intent", "clears"), [(HIGH, False), (LOWER, True)])
async def test_a_screen_that_is_down_passes_on(rise: Rise, kind: str, cause: str, intent: str, clears: bool) -> None:
    """A screen that gave no critique is noted with its cause, and the strong reviewer decides."""
    service = await rise(broken(kind, provider=GATEWAY), clears=clears)
    review = await service.review(subject(intent=intent, drafter=GEMINI))

    assert (verdicts([review]), causes(review), stages(review)) == (["APPROVE"], {cause}, BOTH)


@pytest.mark.parametrize(("kind", "cause"), DOWN)
async def test_a_strong_reviewer_that_is_down_is_missing(rise: Rise, kind: str, cause: str) -> None:
    """A clean screen does not stand in for a strong reviewer that failed."""
    service = await rise(broken(kind, provider=ANTHROPIC))
    review = await service.review(subject(drafter=GEMINI))

    assert (verdicts([review]), deciding(review), stages(review)) == (["HUMAN_HANDOFF"], {cause}, BOTH)


async def test_a_hanging_screen_leaves_time(rise: Rise) -> None:
    """A screen gets a share of the deadline; what is left is the strong reviewer's."""
    service = await rise(broken("hang", provider=GATEWAY))
    began = asyncio.get_running_loop().time()
    review = await service.review(subject(drafter=GEMINI), 3.0)

    assert asyncio.get_running_loop().time() - began < 3.0
    assert (verdicts([review]), causes(review), stages(review)) == (["APPROVE"], {"deadline"}, BOTH)


async def test_a_hanging_strong_reviewer_is_a_missed_deadline(rise: Rise) -> None:
    """The deadline is one for both: a strong reviewer that hangs until then is missing, however clean the screen."""
    service = await rise(broken("hang", provider=ANTHROPIC))
    review = await service.review(subject(drafter=GEMINI), 1.5)

    assert (verdicts([review]), deciding(review)) == (["HUMAN_HANDOFF"], {"deadline"})


@pytest.mark.parametrize(
    ("drafter", "expected", "asked"),
    [
        (("meta", LLAMA_MODEL), "APPROVE", BOTH[1:]),
        (("anthropic", CLAUDE_MODEL), "HUMAN_HANDOFF", []),
    ],
)
async def test_the_family_rule_holds_for_both(
    rise: Rise, drafter: tuple[str, str], expected: str, asked: list[tuple[str, str]]
) -> None:
    """A screen of the drafter's family is passed over; a strong reviewer of that family is replaced by a person."""
    review = await (await rise()).review(subject(drafter=drafter))

    assert (verdicts([review]), causes(review), stages(review)) == ([expected], {"same_family"}, asked)


async def test_a_cascade_can_be_split(rise: Rise) -> None:
    """Screen and strong reviewer both answer in groups."""
    review = await (await rise(fan_out=3)).review(subject(drafter=GEMINI))

    assert (verdicts([review]), stages(review)) == (["APPROVE"], [BOTH[0]] * 3 + [BOTH[1]] * 3)


async def test_a_screens_repair_is_recorded(rise: Rise) -> None:
    """An unreadable screen is asked once more, like any reviewer."""
    review = await (await rise(broken("prose", provider=GATEWAY, times=1))).review(subject(drafter=GEMINI))

    assert stages(review) == [BOTH[0], ("repair", GATEWAY), BOTH[1]]
