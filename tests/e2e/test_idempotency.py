"""One request id, one review: whoever asks, however often, and whatever becomes of the first caller."""

from __future__ import annotations

import asyncio
from typing import TypeAlias

import grpc

from reviewer.v1 import review_service_pb2 as pb
from reviewer.v1.review_pb2 import Review
from tests.e2e.conftest import Serve
from tests.support.service import Service, deciding, rules, verdicts
from tests.support.subjects import ANSWER, subject

WAITERS = 20
Call: TypeAlias = "grpc.aio.UnaryUnaryCall[pb.ReviewDraftRequest, pb.ReviewDraftResponse]"


def _without_record_time(review: Review) -> bytes:
    """Return the bytes of a review as every caller but its first one gets it."""
    stored = Review()
    stored.CopyFrom(review)
    if len(stored.timings) == 7:
        del stored.timings[-1]
    return stored.SerializeToString(deterministic=True)


def _begin(service: Service, request_id: str, timeout_s: float = 30.0) -> Call:
    request = pb.ReviewDraftRequest(subject=subject(request_id=request_id))
    return service.stub.ReviewDraft(request, timeout=timeout_s)


async def _full(service: Service) -> None:
    """Wait until all places are taken: from then on even nonsense is turned away unread."""
    async with asyncio.timeout(10):
        while (await service.raw(b"\xff")).code is grpc.StatusCode.INVALID_ARGUMENT:
            pass


async def test_the_same_request_gets_the_same_review(service: Service) -> None:
    """Asked again, the answer is the same byte for byte, no model is called, and the log has one entry."""
    first = await service.review(subject(request_id="r-1"))
    second, third = [await service.review(subject(request_id="r-1")) for _ in range(2)]
    assert second.SerializeToString(deterministic=True) == third.SerializeToString(deterministic=True)
    assert second.SerializeToString(deterministic=True) == _without_record_time(first)
    assert service.provider.requests == 1
    assert len(await service.entries()) == 1


async def test_a_request_id_stays_with_its_content(service: Service) -> None:
    """With other content a used request id is refused, and nothing is asked or written."""
    await service.review(subject(request_id="r-1"))
    others = [subject(ANSWER + " Bye.", request_id="r-1"), subject(request_id="r-1", intent="health.other")]
    others.append(subject(request_id="r-1"))
    others[-1].labels["team"] = "b"
    for other in others:
        refusal = await service.refusal(other)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")
        assert refusal.domain == "reviewer.v1"
        assert ANSWER[:20] not in refusal.message
    assert (service.provider.requests, len(await service.entries())) == (1, 1)


async def test_other_content_is_refused_while_the_first_is_under_way(service: Service) -> None:
    """The conflict is seen before the first review is done."""
    service.provider.gate.clear()
    call = _begin(service, "r-1")
    await service.provider.arrived()
    refusal = await service.refusal(subject(ANSWER + " Bye.", request_id="r-1"))
    assert refusal.code is grpc.StatusCode.ALREADY_EXISTS
    service.provider.gate.set()
    await call


async def test_without_a_request_id_every_call_is_a_review(service: Service) -> None:
    """Callers who give no request id get a review each."""
    first, second = [await service.review(subject()) for _ in range(2)]
    assert first.name != second.name
    assert (service.provider.requests, len(await service.entries())) == (2, 2)


async def test_the_order_of_labels_is_no_other_content(service: Service) -> None:
    """Two spellings of one message are one content."""
    asked = [subject(request_id="r-1") for _ in range(2)]
    pairs = [(f"label_{number}", str(number)) for number in range(8)]
    for one, rows in zip(asked, (pairs, pairs[::-1]), strict=True):
        for key, value in rows:
            one.labels[key] = value
    names = {(await service.review(one)).name for one in asked}
    assert len(names) == 1


async def test_callers_at_the_same_time_share_one_review(serve: Serve) -> None:
    """Twenty identical requests at once make one call to the model, one entry, and twenty equal answers."""
    service = await serve(limits={"max_in_flight": WAITERS})
    service.provider.gate.clear()
    calls = [asyncio.ensure_future(_begin(service, "r-1")) for _ in range(WAITERS)]
    await service.provider.arrived()
    await _full(service)
    service.provider.gate.set()
    reviews = [(await call).review for call in calls]
    assert len({_without_record_time(review) for review in reviews}) == 1
    assert (service.provider.requests, len(await service.entries())) == (1, 1)


async def test_another_caller_takes_over(serve: Serve) -> None:
    """The first caller leaves while others wait: they get their review, and there is only one."""
    service = await serve(limits={"max_in_flight": 4})
    service.provider.gate.clear()
    leader = _begin(service, "r-1")
    await service.provider.arrived()
    waiting = [asyncio.ensure_future(_begin(service, "r-1")) for _ in range(3)]
    await _full(service)
    leader.cancel()
    await service.provider.left()
    service.provider.gate.set()
    reviews = [(await call).review for call in waiting]
    assert len({_without_record_time(review) for review in reviews}) == 1
    assert verdicts(reviews[:1]) == ["APPROVE"]
    assert service.provider.requests == 1
    assert len(await service.entries()) == 1


async def test_a_waiter_is_not_kept_beyond_its_deadline(service: Service) -> None:
    """A caller whose deadline is near is told to come back, while the first one's work goes on."""
    service.provider.gate.clear()
    first = _begin(service, "r-1")
    await service.provider.arrived()
    refusal = await service.refusal(subject(request_id="r-1"), 0.8)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "REVIEW_IN_PROGRESS")
    service.provider.gate.set()
    made = (await first).review
    assert _without_record_time(await service.review(subject(request_id="r-1"))) == _without_record_time(made)


async def test_a_lost_answer_is_found_again(serve: Serve) -> None:
    """A caller whose connection broke after the commit finds the review under its request id, after a restart too."""
    service = await serve()
    made = await service.review(subject(request_id="r-1"))
    restarted = await serve()
    again = await restarted.review(subject(request_id="r-1"))
    assert _without_record_time(again) == _without_record_time(made)
    assert restarted.provider.bodies == []


async def test_two_processes_on_one_log_make_one_review(serve: Serve) -> None:
    """Two servers that work on one request id at once keep the first record, and both answer with it."""
    services = [await serve(), await serve()]
    for service in services:
        service.provider.gate.clear()
    calls = [_begin(service, "r-1") for service in services]
    for service in services:
        await service.provider.arrived()
    for service in services:
        service.provider.gate.set()
    first, second = [(await call).review for call in calls]
    assert _without_record_time(first) == _without_record_time(second)
    assert len(await services[0].entries()) == 1


async def test_a_handoff_is_replayed_too(serve: Serve) -> None:
    """A handoff for want of a second model stays one for its request id: a retry is no second opinion."""
    service = await serve(rules({"match": {"times": 1}, "fault": {"kind": "unauthorized"}}))
    first, again = [await service.review(subject(request_id="r-1")) for _ in range(2)]
    assert verdicts([first, again]) == ["HUMAN_HANDOFF"] * 2
    assert deciding(again) == {"reviewer_unavailable"}
    assert service.provider.requests == 1
