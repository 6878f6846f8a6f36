"""Late calls sent twice, over the real wire: who wins, what is on record, and what is left when the caller leaves."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest

from reviewer.core.errors import ConfigError
from reviewer.v1 import review_service_pb2 as pb
from tests.e2e.conftest import Serve
from tests.support.service import Service, broken, causes, rules, verdicts
from tests.support.subjects import ANSWER, subject

HEDGED: dict[str, Any] = {"hedge_percentile": 99.0, "max_attempts": 1}
KNOWN = 20
LATE = f"{ANSWER} Rest for a while."


async def hedging(serve: Serve, *written: dict[str, Any]) -> Service:
    """Serve with a model that answered at once so far, as often as must be known of it."""
    service = await serve(rules(*written), critic=HEDGED)
    for _ in range(KNOWN):
        assert verdicts([await service.review(subject())]) == ["APPROVE"]
    return service


def at_work() -> list[str]:
    """Names of our own functions in which tasks are at this moment."""
    coroutines = [task.get_coro() for task in asyncio.all_tasks()]
    codes = [coroutine.cr_code for coroutine in coroutines if inspect.iscoroutine(coroutine)]
    return [code.co_qualname for code in codes if "/reviewer/providers/" in code.co_filename]


async def test_a_second_request_wins_against_a_hang(serve: Serve) -> None:
    """Where the first request hangs the second one's answer is the critique, long before the deadline."""
    hang = {"match": {"contains": "Rest for a while", "times": 1}, "fault": {"kind": "hang"}}
    service = await hedging(serve, hang)
    async with asyncio.timeout(10):
        review = await service.review(subject(LATE))
        await service.provider.left()

    assert (verdicts([review]), causes(review)) == (["APPROVE"], set())
    told = [(call.purpose, call.failure, call.HasField("cost_micro_usd")) for call in review.model_calls]
    assert told == [("critique", "superseded", False), ("hedge", "", True)]
    assert review.model_calls[0].prompt_digest == review.model_calls[1].prompt_digest
    assert service.provider.bodies[-1] == service.provider.bodies[-2]
    assert at_work() == []


async def test_an_objection_of_the_second_request_counts(serve: Serve) -> None:
    """Who answers first is who is heard: an objection is one, whichever request brought it."""
    hang = {"match": {"contains": "Rest for a while", "times": 1}, "fault": {"kind": "hang"}}
    found = {"health/no_certain_diagnosis": {"outcome": "UNCERTAIN", "why": "It may be one."}}
    service = await hedging(serve, hang, {"match": {"contains": "Rest for a while"}, "critique": found})
    review = await service.review(subject(LATE))

    assert [call.purpose for call in review.model_calls] == ["critique", "hedge"]
    assert verdicts([review]) != ["APPROVE"]


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_caller_who_leaves_ends_both_requests(serve: Serve, *, streamed: bool) -> None:
    """Cancelled by the client, all requests are cut, nothing is written, no task is left; a stream is sent once."""
    sent = 1 if streamed else 2
    service = await hedging(serve)
    service.provider.gate.clear()
    call: Any
    if streamed:
        call = service.stub.StreamReview(pb.StreamReviewRequest(subject=subject()), timeout=30)
        await call.read()
    else:
        call = service.stub.ReviewDraft(pb.ReviewDraftRequest(subject=subject()), timeout=30)
    async with asyncio.timeout(10):
        await service.provider.arrived(KNOWN + sent)
        assert bool(at_work()) is not streamed
        call.cancel()
        await service.provider.left(sent)
        while at_work():  # noqa: ASYNC110 - tasks of another's making tell nobody when they end
            await asyncio.sleep(0)
    assert len(await service.entries()) == KNOWN

    service.provider.gate.set()
    assert verdicts([await service.review(subject())]) == ["APPROVE"]


async def test_both_requests_hang_until_the_deadline(serve: Serve) -> None:
    """Both are on record as cut off by the deadline, and the answer is a handoff in time."""
    service = await hedging(serve, broken("hang", contains="Rest for a while"))
    review = await service.review(subject(LATE), 1.5)

    assert (verdicts([review]), causes(review)) == (["HUMAN_HANDOFF"], {"deadline"})
    told = {(call.purpose, call.failure) for call in review.model_calls}
    assert told <= {(purpose, why) for purpose in ("critique", "hedge") for why in ("deadline", "timeout")}
    assert [call.purpose for call in review.model_calls] == ["critique", "hedge"]


async def test_a_crowded_model_is_a_handoff(serve: Serve) -> None:
    """Without a place at the model in time a person decides, and the cause is that no reviewer was to be had."""
    service = await serve(critic={"max_calls_per_model": 1})
    service.provider.gate.clear()
    first = service.stub.ReviewDraft(pb.ReviewDraftRequest(subject=subject()), timeout=30)
    await service.provider.arrived()
    late = await service.review(subject(LATE), 1.5)
    service.provider.gate.set()

    assert (verdicts([late]), causes(late)) == (["HUMAN_HANDOFF"], {"reviewer_unavailable"})
    assert list(late.model_calls) == []
    assert verdicts([(await first).review]) == ["APPROVE"]


async def test_no_call_that_cannot_be_answered_in_time(serve: Serve) -> None:
    """Where the model is known to take longer than is left, a person decides, and nothing is paid."""
    service = await serve(rules(broken("delay", delay_ms=1000)))
    await asyncio.gather(*[service.review(subject()) for _ in range(KNOWN)])
    review = await service.review(subject(), 1.2)

    assert (verdicts([review]), causes(review)) == (["HUMAN_HANDOFF"], {"deadline"})
    assert (list(review.model_calls), service.provider.requests) == ([], KNOWN)


async def test_a_bound_for_a_model_that_nobody_knows(serve: Serve) -> None:
    """A mistyped model id stops the start: its bound would bind nobody."""
    with pytest.raises(ConfigError, match="claude-opus-4-66"):
        await serve(critic={"calls_per_model": {"claude-opus-4-66": 3}})
    assert await serve(critic={"calls_per_model": {"claude-opus-4-6": 3}})
