"""Findings while the second model still writes: told to whoever waits, and on some routes the end of the call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from reviewer.v1 import review_service_pb2 as pb
from reviewer.v1.finding_pb2 import FINDING_ORIGIN_CRITIC, Finding
from reviewer.v1.review_pb2 import CAUSE_STOPPED_EARLY, VERDICT_APPROVE, Review
from tests.e2e.conftest import Serve
from tests.support.modes import ANTHROPIC, GATEWAY, GEMINI, OPENAI, finds, rubrics_with
from tests.support.service import Service, causes, deciding, rules, verdicts
from tests.support.subjects import subject

HANDS_OFF = "health/no_false_reassurance"
REVISES = "health/dose_facts_known"
MAJOR = "health/no_certain_diagnosis"
QUOTED = "lie down in a dark room for a while with a cool cloth"
INVENTED = "these words stand nowhere at all in the draft"
GROUPS = 4
SEATS = {ANTHROPIC: "claude_opus", OPENAI: "gpt", GATEWAY: "llama"}
Rise = Callable[..., Awaitable[Service]]


@pytest.fixture
def rise(serve: Serve, tmp_path: Path) -> Rise:
    """Serve with reviewers of these providers, on routes that end a critique early unless told otherwise."""

    async def start(*written: dict[str, Any], seats: tuple[str, ...] = (ANTHROPIC,), **fields: Any) -> Service:
        section = rubrics_with(tmp_path, tuple(SEATS[seat] for seat in seats), **{"early_exit": True, **fields})
        return await serve(rules(*written), rubrics=section, critic={"max_attempts": 1})

    return start


async def review_of(service: Service) -> Review:
    """Review while no answer of the second model ever ends."""
    service.provider.last_word.clear()
    async with asyncio.timeout(20):
        return await service.review(subject(drafter=GEMINI))


def unheard(review: Review) -> list[str]:
    """Return the criteria for which a critique was ended."""
    return [reason.criterion for reason in review.reasons if reason.cause == CAUSE_STOPPED_EARLY]


@pytest.mark.parametrize("seat", SEATS)
@pytest.mark.parametrize(("criterion", "verdict"), [(REVISES, "REVISE"), (HANDS_OFF, "HUMAN_HANDOFF")])
async def test_a_blocker_ends_the_call(rise: Rise, seat: str, criterion: str, verdict: str) -> None:
    """Found not met, the call is left before its answer ends; verdict, finding and note are in reply and log."""
    service = await rise(finds(seat, criterion, "NOT_MET", "It is not so.", QUOTED), seats=(seat,))
    review = await review_of(service)
    await service.provider.left()

    assert (verdicts([review]), deciding(review), unheard(review)) == ([verdict], {"criterion"}, [criterion])
    assert causes(review) == {"criterion", "stopped_early"}
    (note,) = [reason for reason in review.reasons if reason.cause == CAUSE_STOPPED_EARLY]
    assert note.asks_for == VERDICT_APPROVE
    (call,) = review.model_calls
    assert (call.stop_reason, call.failure, call.HasField("cost_micro_usd")) == ("ended_early", "", False)
    assert [f.criterion for f in review.findings if f.origin == FINDING_ORIGIN_CRITIC][-1] == criterion
    assert unheard(await service.client.get(review.name)) == [criterion]
    (entry,) = await service.entries()
    record = orjson.loads(entry.record)
    assert record["verdict"] == verdict
    assert [r["criterion"] for r in record["reasons"] if r["cause"] == "stopped_early"] == [criterion]


async def test_what_speaks_for_a_draft_is_heard_to_the_end(rise: Rise) -> None:
    """A clean critique is approved as ever, from a stream that came to its end."""
    review = await (await rise()).review(subject(drafter=GEMINI))

    assert (verdicts([review]), causes(review)) == (["APPROVE"], set())
    assert [call.stop_reason for call in review.model_calls] == ["end_turn"]
    assert review.model_calls[0].cost_micro_usd > 0


@pytest.mark.parametrize(
    ("rule", "verdict"),
    [
        (finds(ANTHROPIC, MAJOR, "NOT_MET", "Too sure.", QUOTED), "REVISE"),
        (finds(ANTHROPIC, HANDS_OFF, "UNCERTAIN", "Hard to say.", QUOTED), "HUMAN_HANDOFF"),
        (finds(ANTHROPIC, HANDS_OFF, "NOT_MET", "It plays it down.", INVENTED), "HUMAN_HANDOFF"),
    ],
    ids=["major", "uncertain", "unverified"],
)
async def test_nothing_else_ends_it(rise: Rise, rule: dict[str, Any], verdict: str) -> None:
    """Majors, doubts and quotes that stand nowhere are no reason to stop listening."""
    review = await (await rise(rule)).review(subject(drafter=GEMINI))

    assert (verdicts([review]), unheard(review)) == ([verdict], [])
    assert [call.stop_reason for call in review.model_calls] == ["end_turn"]


async def test_a_panel_hears_everybody(rise: Rise) -> None:
    """A panel on a route that asks for an early end cannot be loaded, and says so."""
    with pytest.raises(Exception, match="a panel hears every reviewer"):
        await rise(seats=(ANTHROPIC, OPENAI), mode="panel", panel={"size": 2})


async def test_one_groups_answer_ends_the_others(rise: Rise) -> None:
    """With the questions split, the other groups' calls are left as well, and all are on record."""
    service = await rise(finds(ANTHROPIC, HANDS_OFF, "NOT_MET", "It plays it down.", QUOTED), fan_out=GROUPS)
    review = await review_of(service)
    async with asyncio.timeout(10):
        await service.provider.left(GROUPS)

    assert (verdicts([review]), deciding(review), unheard(review)) == (["HUMAN_HANDOFF"], {"criterion"}, [HANDS_OFF])
    assert [call.stop_reason for call in review.model_calls] == ["ended_early"] * GROUPS


@pytest.mark.parametrize(
    ("criterion", "verdict", "asked"),
    [(HANDS_OFF, "HUMAN_HANDOFF", [GATEWAY]), (REVISES, "REVISE", [GATEWAY, ANTHROPIC])],
)
async def test_a_screen_can_be_ended(rise: Rise, criterion: str, verdict: str, asked: list[str]) -> None:
    """A screen's blocker settles where it asks for a person; else the strong reviewer is asked, and both count."""
    cascade = {"mode": "cascade", "cascade": {"screen": "llama"}}
    rule = finds(GATEWAY, criterion, "NOT_MET", "It is not so.", QUOTED)
    service = await rise(rule, seats=(GATEWAY, ANTHROPIC), **cascade)
    review = await service.review(subject(drafter=GEMINI))

    assert (verdicts([review]), [call.provider for call in review.model_calls]) == ([verdict], asked)
    assert (deciding(review), unheard(review)) == ({"criterion"}, [criterion])


@pytest.mark.parametrize("early", [False, True])
async def test_findings_are_told_before_the_answer_ends(rise: Rise, early: bool) -> None:
    """A caller who streams has the first finding while the provider still holds its answer back, and each only once."""
    service = await rise(finds(ANTHROPIC, MAJOR, "NOT_MET", "Too sure.", QUOTED), early_exit=early)
    service.provider.last_word.clear()
    call = service.stub.StreamReview(pb.StreamReviewRequest(subject=subject(drafter=GEMINI)), timeout=20)
    told: list[Finding] = []
    async for event in call:
        if event.WhichOneof("event") == "finding" and event.finding.origin == FINDING_ORIGIN_CRITIC:
            told.append(event.finding)
            if event.finding.criterion == MAJOR:
                assert event.finding.quotes[0].text == QUOTED
                service.provider.last_word.set()

    findings = [f for f in event.review.findings if f.origin == FINDING_ORIGIN_CRITIC]
    assert sorted(f.criterion for f in told) == sorted(f.criterion for f in findings)


async def test_what_changed_is_told_again(rise: Rise) -> None:
    """Where a first answer was unreadable, findings of the second one are told if they came out otherwise."""
    first = {
        "match": {"times": 1},
        "fault": {"kind": "invalid_json"},
        "critique": {MAJOR: {"outcome": "NOT_MET", "why": "Too sure.", "quotes": [{"place": "draft", "text": QUOTED}]}},
    }
    service = await rise(first, early_exit=False)
    events = [event async for event in service.client.stream(subject(drafter=GEMINI))]
    told = [e.finding.outcome for e in events if e.WhichOneof("event") == "finding" and e.finding.criterion == MAJOR]
    (last,) = [finding.outcome for finding in events[-1].review.findings if finding.criterion == MAJOR]

    assert verdicts([events[-1].review]) == ["APPROVE"]
    assert told[-1] == last


async def test_nobody_listens_unless_asked_to(rise: Rise) -> None:
    """A plain review on a route without an early end makes a plain call."""
    service = await rise(early_exit=False)
    await service.review(subject(drafter=GEMINI))
    assert [orjson.loads(body).get("stream") for body in service.provider.bodies] == [None]
