"""StreamReview: what a caller who waits is told on the way, and that one who leaves takes the work with him."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest

from reviewer.simulate.loading import load_script
from reviewer.v1 import finding_pb2
from reviewer.v1 import review_service_pb2 as pb
from reviewer.v1.review_pb2 import Review, Stage
from tests.e2e.conftest import Serve
from tests.support.service import Service, verdicts
from tests.support.subjects import APPROVED, HANDED_OFF, REVISED, RUBRICS, case_subject, subject

STAGES = ["ADMIT", "REDACT", "CHECK", "CRITICISE", "VERIFY", "DECIDE", "RECORD"]


def _name(stage: Stage.ValueType) -> str:
    return Stage.Name(stage).removeprefix("STAGE_")


def _steps(events: Iterable[pb.StreamReviewResponse]) -> list[str]:
    """Write events down in short: `+STAGE` begun, `-STAGE` ended, `check`, `critic`, `code`, `review`."""
    steps = []
    for event in events:
        kind = event.WhichOneof("event")
        if kind == "stage_started":
            steps.append(f"+{_name(event.stage_started)}")
        elif kind == "stage_finished":
            steps.append(f"-{_name(event.stage_finished.stage)}")
        elif kind == "finding":
            origin = finding_pb2.FindingOrigin.Name(event.finding.origin)
            steps.append(origin.removeprefix("FINDING_ORIGIN_").lower())
        else:
            steps.append(str(kind))
    return steps


@pytest.fixture
async def scripted(serve: Serve) -> Service:
    """A service whose second model answers the shipped cases as they say."""
    return await serve(load_script(cases_dir=RUBRICS))


async def test_stages_come_in_order_and_findings_as_they_are_known(service: Service) -> None:
    """Each stage begins and ends once, in order; checks are told in CHECK, a critic on arrival or in VERIFY."""
    steps = _steps([event async for event in service.client.stream(subject())])
    marks = [step for step in steps if step[0] in "+-"]
    assert marks == [mark + stage for stage in STAGES for mark in "+-"]
    found = {kind: {at for at, step in enumerate(steps) if step == kind} for kind in ("check", "code", "critic")}
    assert all(found.values())
    assert all(steps.index("+CHECK") < at < steps.index("-CHECK") for at in found["check"] | found["code"])
    arrived = {at for at in found["critic"] if steps.index("+CRITICISE") < at < steps.index("-CRITICISE")}
    assert arrived
    assert all(steps.index("+VERIFY") < at < steps.index("-VERIFY") for at in found["critic"] - arrived)
    assert steps[-1] == "review"
    assert steps.count("review") == 1


@pytest.mark.parametrize("name", [APPROVED, REVISED, HANDED_OFF])
async def test_the_last_event_is_the_review_in_the_log(scripted: Service, name: str) -> None:
    """The review ends the stream, holds what was told on the way, and is what GetReview reads."""
    events = [event async for event in scripted.client.stream(case_subject(name))]
    review = events[-1].review
    told = Counter((e.finding.criterion, e.finding.origin) for e in events if e.WhichOneof("event") == "finding")
    assert told == Counter((finding.criterion, finding.origin) for finding in review.findings)
    timed = [e.stage_finished for e in events if e.WhichOneof("event") == "stage_finished"]
    assert timed == list(review.timings)
    stored = Review()
    stored.CopyFrom(review)
    del stored.timings[-1]
    assert await scripted.client.get(review.name) == stored


async def _until(step: str, call: Any) -> list[pb.StreamReviewResponse]:
    """Read events up to the first of that kind."""
    heard: list[pb.StreamReviewResponse] = [await call.read()]
    while _steps(heard)[-1] != step:
        heard.append(await call.read())
    return heard


async def test_stages_are_told_while_they_run(service: Service) -> None:
    """While the second model thinks, the caller has heard of everything before it, and of nothing after."""
    service.provider.gate.clear()
    call = service.stub.StreamReview(pb.StreamReviewRequest(subject=subject()), timeout=30)
    heard = await _until("+CRITICISE", call)
    await service.provider.arrived()
    assert "check" in _steps(heard)
    service.provider.gate.set()
    rest = await _until("review", call)
    assert next(step for step in _steps(rest) if step != "critic") == "-CRITICISE"
    assert verdicts([rest[-1].review]) == ["APPROVE"]


async def test_a_caller_who_leaves_stops_the_work(service: Service) -> None:
    """Cancelled in the middle, the call to the model is cut, nothing is written, and no task or place is left."""
    tasks_before = len(asyncio.all_tasks())
    service.provider.gate.clear()
    call = service.stub.StreamReview(pb.StreamReviewRequest(subject=subject(request_id="gone")), timeout=30)
    await call.read()
    await service.provider.arrived()
    call.cancel()
    async with asyncio.timeout(5):
        await service.provider.left()
        while len(_working()) > 0:
            await asyncio.gather(*_working(), return_exceptions=True)
    assert await service.entries() == ()
    assert len(asyncio.all_tasks()) <= tasks_before + 2
    service.provider.gate.set()
    assert verdicts([await service.review(subject(request_id="gone"))]) == ["APPROVE"]
    assert (await service.entries())[0].request_id == "gone"


def _working() -> list[asyncio.Task[object]]:
    """Return tasks that are still busy with a stream."""
    return [task for task in asyncio.all_tasks() if "_stream_review" in repr(task.get_coro())]


async def test_a_replay_streams_the_review_alone(service: Service) -> None:
    """The same request again has no stages to tell: the stored review is the whole stream."""
    first = [event async for event in service.client.stream(subject(request_id="r-1"))][-1].review
    again = [event async for event in service.client.stream(subject(request_id="r-1"))]
    assert _steps(again) == ["review"]
    del first.timings[-1]
    assert again[0].review == first
