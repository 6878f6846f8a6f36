"""A second model that goes blind is noticed, loses its say, and gets it back when it sees again."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import grpc
import pytest
from structlog.testing import capture_logs

from reviewer.client import ReviewSubject
from reviewer.core.drift import BASELINE_N
from reviewer.core.review import CANARY_TENANT
from reviewer.ledger.interface import Stored
from reviewer.simulate.loading import load_script
from reviewer.simulate.script import Rule, Script
from reviewer.v1 import review_service_pb2 as pb
from tests.e2e.conftest import Serve
from tests.support.service import Service, broken, deciding, refusal_of, rules, running, verdicts, write_lock
from tests.support.subjects import ANSWER, CLAUDE, RUBRICS, case_subject, subject

ALWAYS = {"percent": 100}
BLIND: dict[str, Any] = {"critique": {}}
OWN = {"match": {"contains": ANSWER[:40]}, "critique": {}}
"""The draft of these tests is found good, whatever becomes of canaries."""
GEMINI = ("google", "gemini-2.5-pro")


def sighted(*written: dict[str, Any]) -> Script:
    """Return a critic that answers the shipped cases as labelled, after the rules given; others are met throughout."""
    script = load_script(cases_dir=RUBRICS, always_met=True)
    return Script(tuple(Rule.model_validate(rule) for rule in written), script.cases, always_met=True)


def records(entries: tuple[Stored, ...]) -> list[dict[str, Any]]:
    return [json.loads(entry.record) for entry in entries]


def events(logs: Any, name: str) -> list[dict[str, Any]]:
    return [dict(event) for event in logs if event["event"] == name]


async def reviewed(service: Service, asked: ReviewSubject | None = None) -> list[str]:
    """Review one draft, wait for what follows it, and return the verdict."""
    given = verdicts([await service.review(asked or subject())])
    await service.app.canaries.idle()
    return given


async def test_a_blind_model_loses_its_say(serve: Serve) -> None:
    """One that finds everything good misses its canaries; after that it is asked no more, and approves nothing."""
    service = await serve(rules(BLIND), canary=ALWAYS, critic={"breaker_open_s": 3600})
    with capture_logs() as logs:
        assert await reviewed(service) == ["APPROVE"]
    assert [event["caught"] for event in events(logs, "canary")] == ["no", "no"]
    assert [event["model"] for event in events(logs, "reviewer_blind")] == [CLAUDE[1]]

    for _ in range(3):
        review = await service.review(subject())
        assert deciding(review) == {"reviewer_unavailable"}
        assert any("failed its canaries" in reason.message for reason in review.reasons)
        assert not review.model_calls
    assert service.provider.requests == 3


async def test_another_family_takes_over(serve: Serve) -> None:
    """Where the route has another reviewer for a draft, it is asked in place of the blind one."""
    blind = {"match": {"provider": "anthropic"}, **BLIND}
    service = await serve(sighted(blind), canary=ALWAYS, critic={"breaker_open_s": 3600})
    await reviewed(service, subject(drafter=GEMINI))
    review = await service.review(subject(drafter=GEMINI))

    assert verdicts([review]) == ["APPROVE"]
    assert [call.provider for call in review.model_calls] == ["openai"]


async def test_a_model_that_sees_again_is_asked_again(serve: Serve) -> None:
    """When the breaker's time is over a canary is shown; caught, it closes the breaker, and nothing else does."""
    blind = {"match": {"times": 3}, **BLIND}
    service = await serve(sighted(blind), canary=ALWAYS, critic={"breaker_open_s": 0.01})
    with capture_logs() as logs:
        given = await reviewed(service)
        while len(given) < 500 and given.count("APPROVE") < 2:
            given += await reviewed(service)

    assert given[1] == "HUMAN_HANDOFF"
    assert given[-1] == "APPROVE"
    assert len(events(logs, "reviewer_blind")) == 1
    (trusted,) = events(logs, "reviewer_trusted_again")
    assert trusted["model"] == CLAUDE[1]
    assert [event["caught"] for event in events(logs, "canary")][:3] == ["no", "no", "yes"]


@pytest.mark.parametrize("kind", ["unauthorized", "refusal", "invalid_json"])
async def test_a_lost_canary_restores_nobody(serve: Serve, kind: str) -> None:
    """A distrusted model that refuses its canary, or cannot be reached, stays out."""
    blind = {"match": {"times": 3}, **BLIND}
    service = await serve(rules(blind, broken(kind)), canary=ALWAYS, critic={"breaker_open_s": 0.001})
    with capture_logs() as logs:
        assert await reviewed(service) == ["APPROVE"]
        given: list[str] = []
        while len(given) < 500 and service.provider.requests < 6:
            given += await reviewed(service)

    assert set(given) == {"HUMAN_HANDOFF"}
    assert [event["caught"] for event in events(logs, "canary")][:3] == ["no", "no", "lost"]
    assert not events(logs, "reviewer_trusted_again")


async def test_a_model_that_stays_blind_stays_out(serve: Serve) -> None:
    """Each canary missed by a distrusted model keeps it out for another while; it never gives a verdict."""
    service = await serve(rules(BLIND), canary=ALWAYS, critic={"breaker_open_s": 0.001})
    assert await reviewed(service) == ["APPROVE"]
    given: list[str] = []
    while len(given) < 500 and service.provider.requests < 6:
        given += await reviewed(service)

    assert service.provider.requests == 6
    assert set(given) == {"HUMAN_HANDOFF"}


async def test_a_model_that_sees_keeps_its_say(serve: Serve) -> None:
    """Canaries that are caught change nothing for anybody, and are events of their own."""
    service = await serve(sighted(), canary=ALWAYS)
    with capture_logs() as logs:
        given = [await reviewed(service) for _ in range(4)]

    assert given == [["APPROVE"]] * 4
    assert len(events(logs, "review")) == 4
    shown = events(logs, "canary")
    assert {event["caught"] for event in shown} == {"yes"}
    assert {event["case"].partition("/")[0] for event in shown} == {"health"}
    assert all(event["causes"] for event in shown)
    assert not events(logs, "reviewer_blind")


async def test_one_miss_is_not_enough(serve: Serve) -> None:
    """A canary that is missed is followed by another at once; caught, that one wipes the slate clean."""
    blind = {"match": {"times": 2}, **BLIND}
    service = await serve(sighted(blind), canary=ALWAYS)
    with capture_logs() as logs:
        assert await reviewed(service) == ["APPROVE"]
        assert await reviewed(service) == ["APPROVE"]

    assert [event["caught"] for event in events(logs, "canary")] == ["no", "yes", "yes"]


@pytest.mark.parametrize("kind", ["unauthorized", "refusal", "invalid_json"])
async def test_a_lost_canary_is_no_miss(serve: Serve, kind: str) -> None:
    """Outage, refusal and unreadable output say nothing of a model's eyes: it is neither distrusted nor cleared."""
    service = await serve(rules(OWN, broken(kind)), canary=ALWAYS)
    with capture_logs() as logs:
        given = [await reviewed(service) for _ in range(3)]

    assert given == [["APPROVE"]] * 3
    assert [event["caught"] for event in events(logs, "canary")] == ["lost"] * 3


async def test_a_canary_is_on_record_and_nobodys(serve: Serve) -> None:
    """The log holds it under a tenant of its own, marked and without a ticket; no caller can read it."""
    service = await serve(sighted(), canary=ALWAYS)
    await reviewed(service)
    own, canary = await service.entries()
    plain, marked = records((own, canary))

    assert "canary" not in plain
    assert marked["canary"].startswith("health/")
    assert marked["tenant"] == canary.tenant == CANARY_TENANT
    assert (marked["handoff"], marked["request_id"], canary.request_id) == (None, "", "")
    assert marked["verdict"] != "APPROVE"
    refusal = await refusal_of(service.stub.GetReview(pb.GetReviewRequest(name=f"reviews/{canary.review_id}")))
    assert refusal.code is grpc.StatusCode.NOT_FOUND


async def test_what_the_model_is_shown_does_not_say_canary(serve: Serve) -> None:
    """A canary and a review of the same draft are one request to the provider, but for what chance chooses."""
    service = await serve(sighted(), canary=ALWAYS)
    await reviewed(service)
    name = records(await service.entries())[1]["canary"]
    await reviewed(service, case_subject(name))
    shown, asked = (json.loads(body) for body in service.provider.bodies[1:3])

    assert b"canar" not in service.provider.bodies[1].lower()
    assert without_messages(shown) == without_messages(asked)
    assert len(str(shown["messages"])) == pytest.approx(len(str(asked["messages"])), abs=400)


def without_messages(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "messages"}


async def test_off_means_none(serve: Serve) -> None:
    """With a percentage of 0 no canary is ever shown."""
    service = await serve(rules(BLIND), canary={"percent": 0})
    given = [await reviewed(service) for _ in range(5)]

    assert given == [["APPROVE"]] * 5
    assert len(await service.entries()) == 5


async def test_a_replay_is_not_a_review(serve: Serve) -> None:
    """A stored review that is answered again shows no second canary."""
    service = await serve(sighted(), canary=ALWAYS)
    await reviewed(service, subject(request_id="once"))
    await reviewed(service, subject(request_id="once"))

    assert len(await service.entries()) == 2


async def test_what_a_blind_model_said_is_not_said_again(serve: Serve) -> None:
    """Answers kept for reuse go with the trust in who gave them; a canary's answers are never kept or reused."""
    reuse = {"window_s": 3600}
    service = await serve(rules(BLIND), canary=ALWAYS, critic={"breaker_open_s": 3600}, reuse=reuse)
    assert await reviewed(service) == ["APPROVE"]
    assert await reviewed(service) == ["HUMAN_HANDOFF"]
    assert [record.get("reused_from") for record in records(await service.entries())] == [None] * 4


async def test_a_reused_answer_is_no_occasion(serve: Serve) -> None:
    """Where nobody was asked, nobody is examined."""
    service = await serve(sighted(), canary=ALWAYS, reuse={"window_s": 3600})
    for _ in range(3):
        await reviewed(service)

    assert [bool(record.get("canary")) for record in records(await service.entries())] == [False, True, False, False]


async def test_every_canary_is_a_question_of_its_own(serve: Serve) -> None:
    """A model is examined by what it says now: the answers to an earlier showing of a canary are not taken."""
    service = await serve(sighted(), canary=ALWAYS, reuse={"window_s": 3600})
    for at in range(6):
        await reviewed(service, subject(asked=f"and after {at} hours?"))
    shown = [record["canary"] for record in records(await service.entries()) if record.get("canary")]

    assert len(shown) == 6 > len(set(shown))
    assert service.provider.requests == 12


async def test_a_canary_without_a_record_changes_nothing(serve: Serve) -> None:
    """Where the log cannot be written a canary fails alone: it says so, and neither model nor callers notice."""
    late = broken("delay", delay_ms=200)
    service = await serve(rules(OWN, late), canary=ALWAYS, ledger={"busy_timeout_s": 0.05})
    with capture_logs() as logs:
        await service.review(subject())
        await service.provider.arrived(2)
        with write_lock(service.settings.ledger.path):
            await service.app.canaries.idle()
        assert verdicts([await service.review(subject())]) == ["APPROVE"]

    assert [event["error"] for event in events(logs, "canary_failed")] == ["LedgerUnavailableError"]
    assert not events(logs, "reviewer_blind")


async def test_one_at_a_time(serve: Serve) -> None:
    """While a canary is in flight, further ones are dropped and counted, and no caller waits for it."""
    service = await serve(rules(OWN, broken("hang")), canary=ALWAYS)
    given = [verdicts([await service.review(subject())]) for _ in range(3)]

    assert given == [["APPROVE"]] * 3
    await service.provider.arrived(4)
    assert service.provider.requests == 4
    assert service.app.canaries.dropped == 2


async def test_no_canary_outlives_the_service(tmp_path: Path) -> None:
    """A canary in flight at the end is cancelled and awaited: no task stays behind, and it is not in the log."""
    before = asyncio.all_tasks()
    with capture_logs() as logs:
        async with running(tmp_path, rules(OWN, broken("hang")), canary=ALWAYS) as service:
            await service.review(subject())
            await service.provider.arrived(2)
            assert len(await service.entries()) == 1

    assert asyncio.all_tasks() == before
    assert not events(logs, "canary")
    assert not events(logs, "canary_failed")


async def test_a_rate_that_rises_is_an_alarm_and_a_canary(serve: Serve) -> None:
    """A model that objected to half of the drafts and now to none is noticed within 16 reviews, and examined."""
    objection = {"outcome": "NOT_MET", "why": "No.", "quotes": [{"place": "draft", "text": ANSWER[:30]}]}
    strict = {"match": {"contains": "strictly"}, "critique": {"health/no_false_reassurance": objection}}
    chance = {"percent": 1e-12}
    service = await serve(sighted(strict), canary=chance)
    asked = [subject(asked="strictly speaking?" if n % 2 else "well?") for n in range(BASELINE_N)]
    with capture_logs() as logs:
        for at in range(0, BASELINE_N, 20):
            await asyncio.gather(*(service.review(one) for one in asked[at : at + 20]))
        assert not events(logs, "approve_rate_alarm")
        given = [verdict for _ in range(16) for verdict in await reviewed(service)]

    assert given == ["APPROVE"] * 16
    (alarm,) = events(logs, "approve_rate_alarm")
    assert (alarm["route"], alarm["model"], alarm["n"]) == ("health", CLAUDE[1], BASELINE_N + 16)
    assert [event["caught"] for event in events(logs, "canary")] == ["yes"]
