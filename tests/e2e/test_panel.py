"""Several second models of different families at once: what they agree on, where they differ, who may be missing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from reviewer.v1 import finding_pb2
from reviewer.v1 import review_service_pb2 as pb
from reviewer.v1.review_pb2 import Review
from tests.e2e.conftest import Serve
from tests.support.modes import (
    ANTHROPIC,
    CLAUDE_MODEL,
    GATEWAY,
    GEMINI,
    GPT_MODEL,
    LLAMA_MODEL,
    OPENAI,
    finds,
    panel_of,
    rubrics_with,
)
from tests.support.service import Service, broken, causes, deciding, rules, verdicts
from tests.support.subjects import GPT, subject

PEOPLE = ("claude_opus", "gpt")
SURE = "health/no_certain_diagnosis"
QUOTED = "lie down in a dark room for a while with a cool cloth"
Sit = Callable[..., Awaitable[Service]]


@pytest.fixture
def sit(serve: Serve, tmp_path: Path) -> Sit:
    """Serve with a panel of two families, where no more are named."""

    async def start(
        *written: dict[str, Any], size: int = 2, quorum: int = 2, reviewers: tuple[str, ...] = PEOPLE
    ) -> Service:
        section = rubrics_with(tmp_path, reviewers, **panel_of(size, quorum))
        return await serve(rules(*written), rubrics=section, critic={"max_attempts": 1})

    return start


def judges(review: Review) -> set[str]:
    return {finding.judge for finding in review.findings if finding.origin == finding_pb2.FINDING_ORIGIN_CRITIC}


def by_provider(review: Review) -> set[tuple[str, str]]:
    return {(call.provider, call.failure) for call in review.model_calls}


async def test_two_who_agree_approve(sit: Sit) -> None:
    """Two families that find all met approve; each has answered every question, and both calls are on record."""
    service = await sit()
    review = await service.review(subject(drafter=GEMINI))

    assert (verdicts([review]), causes(review)) == (["APPROVE"], set())
    assert by_provider(review) == {(ANTHROPIC, ""), (OPENAI, "")}
    answered = {
        judge: {f.criterion for f in review.findings if f.judge == judge} for judge in (CLAUDE_MODEL, GPT_MODEL)
    }
    assert judges(review) == set(answered)
    assert answered[CLAUDE_MODEL] == answered[GPT_MODEL]


async def test_both_are_asked_at_once(sit: Sit) -> None:
    """Neither waits for the other's answer."""
    service = await sit()
    service.provider.gate.clear()
    call = service.stub.ReviewDraft(pb.ReviewDraftRequest(subject=subject(drafter=GEMINI)), timeout=30)
    async with asyncio.timeout(10):
        await service.provider.arrived(2)
    service.provider.gate.set()

    assert verdicts([(await call).review]) == ["APPROVE"]


@pytest.mark.parametrize("stricter", [ANTHROPIC, OPENAI])
async def test_two_who_differ_hand_off(sit: Sit, stricter: str) -> None:
    """MET against NOT_MET on a major asks for a person, who reads both opinions, whoever the stricter one is."""
    service = await sit(finds(stricter, SURE, "NOT_MET", "It names a cause for certain.", QUOTED))
    review = await service.review(subject(drafter=GEMINI))
    (reason,) = [reason for reason in review.reasons if reason.criterion == SURE and reason.asks_for == review.verdict]

    assert (verdicts([review]), causes(review)) == (["HUMAN_HANDOFF"], {"disagreement", "criterion"})
    assert deciding(review) == {"disagreement"}
    for part in (CLAUDE_MODEL, GPT_MODEL, "says MET", "says NOT_MET (It names a cause for certain.)"):
        assert part in reason.message
    outcomes = [(f.judge, f.outcome) for f in review.findings if f.criterion == SURE]
    assert len(set(outcomes)) == 2


async def test_two_who_object_revise(sit: Sit) -> None:
    """What both find not met leads where the criterion says, without a disagreement."""
    both = [finds(provider, SURE, "NOT_MET", "Too sure.", QUOTED) for provider in (ANTHROPIC, OPENAI)]
    review = await (await sit(*both)).review(subject(drafter=GEMINI))

    assert (verdicts([review]), causes(review)) == (["REVISE"], {"criterion"})
    assert [item.criterion for item in review.guidance.items] == [SURE]


FAULTS = [
    ("unauthorized", "reviewer_unavailable"),
    ("refusal", "reviewer_refused"),
    ("prose", "reviewer_unreadable"),
    ("truncation", "partial_coverage"),
]


@pytest.mark.parametrize(("kind", "cause"), FAULTS)
@pytest.mark.parametrize(("quorum", "expected"), [(1, "APPROVE"), (2, "HUMAN_HANDOFF")])
async def test_one_is_down(sit: Sit, kind: str, cause: str, quorum: int, expected: str) -> None:
    """With one of two lost, a quorum of one stands with a note of the cause, and one of two hands off for it."""
    service = await sit(broken(kind, provider=OPENAI), quorum=quorum)
    review = await service.review(subject(drafter=GEMINI))

    assert (verdicts([review]), causes(review)) == ([expected], {cause})
    assert GPT_MODEL in review.reasons[0].message
    assert judges(review) == {CLAUDE_MODEL}


@pytest.mark.parametrize("quorum", [1, 2])
async def test_both_are_down(sit: Sit, quorum: int) -> None:
    """With both lost, each cause is a reason of its own."""
    service = await sit(broken("refusal", provider=OPENAI), broken("prose", provider=ANTHROPIC), quorum=quorum)
    review = await service.review(subject(drafter=GEMINI))

    assert verdicts([review]) == ["HUMAN_HANDOFF"]
    assert deciding(review) == {"reviewer_refused", "reviewer_unreadable"}


async def test_a_third_family_takes_an_empty_seat(sit: Sit) -> None:
    """In an outage the route's next reviewer of a family without a seat is asked, and the quorum stands."""
    service = await sit(broken("unauthorized", provider=ANTHROPIC), reviewers=("claude_opus", "gpt", "llama"))
    review = await service.review(subject(drafter=GEMINI))

    assert (verdicts([review]), causes(review)) == (["APPROVE"], set())
    assert by_provider(review) == {(ANTHROPIC, "rejected"), (OPENAI, ""), (GATEWAY, "")}
    assert judges(review) == {GPT_MODEL, LLAMA_MODEL}


async def test_one_spare_takes_one_seat(sit: Sit) -> None:
    """With two of three families down the one that stood by answers once, and a quorum of two is missed."""
    down = [broken("unauthorized", provider=provider) for provider in (ANTHROPIC, OPENAI)]
    service = await sit(*down, reviewers=("claude_opus", "gpt", "llama"))
    review = await service.review(subject(drafter=GEMINI))

    assert (verdicts([review]), deciding(review)) == (["HUMAN_HANDOFF"], {"reviewer_unavailable"})
    assert judges(review) == {LLAMA_MODEL}
    assert len(review.model_calls) == 3


async def test_the_drafters_family_leaves_its_seat_empty(sit: Sit) -> None:
    """A draft of a family on the panel is judged by the others where they make the quorum, and that is noted."""
    service = await sit(size=3, quorum=2, reviewers=("claude_opus", "gpt", "llama"))
    review = await service.review(subject(drafter=GPT))

    assert (verdicts([review]), causes(review)) == (["APPROVE"], {"same_family"})
    assert judges(review) == {CLAUDE_MODEL, LLAMA_MODEL}


async def test_without_a_quorum_nobody_is_asked(sit: Sit) -> None:
    """Where the drafter's family is needed for the quorum, a person decides, and no call is paid for."""
    service = await sit()
    review = await service.review(subject(drafter=GPT))

    assert (verdicts([review]), deciding(review)) == (["HUMAN_HANDOFF"], {"same_family"})
    assert service.provider.requests == 0


async def test_the_deadline_is_one_for_all(sit: Sit) -> None:
    """A member that hangs costs the quorum when the deadline comes, and no more time than that."""
    service = await sit(broken("hang", provider=OPENAI))
    began = asyncio.get_running_loop().time()
    review = await service.review(subject(drafter=GEMINI), 1.5)

    assert asyncio.get_running_loop().time() - began < 1.5
    assert (verdicts([review]), deciding(review)) == (["HUMAN_HANDOFF"], {"deadline"})


async def test_too_little_time_asks_nobody(sit: Sit) -> None:
    """With less time than a model needs none is asked, and the cause is the deadline."""
    service = await sit()
    review = await service.review(subject(drafter=GEMINI), 0.6)

    assert (deciding(review), service.provider.requests) == ({"deadline"}, 0)


async def test_a_caller_who_leaves_takes_all_calls_along(sit: Sit) -> None:
    """When the client cancels, every model call ends, and there is no verdict."""
    service = await sit()
    service.provider.gate.clear()
    call = service.stub.ReviewDraft(pb.ReviewDraftRequest(subject=subject(drafter=GEMINI)), timeout=30)
    async with asyncio.timeout(10):
        await service.provider.arrived(2)
        call.cancel()
        await service.provider.left(2)

    assert await call.code() is grpc.StatusCode.CANCELLED
    assert await service.entries() == ()
