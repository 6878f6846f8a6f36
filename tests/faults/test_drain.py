"""Told to stop, the service answers everybody whom it let in, with a review or a handoff, and then goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from reviewer.v1 import review_service_pb2 as pb
from reviewer.v1 import review_service_pb2_grpc as pb_grpc
from tests.support.server_process import ServerProcess, serving
from tests.support.service import SERVICE, deciding, refusal_of, rules, verdicts
from tests.support.subjects import subject
from tests.support.watched_provider import WatchedProvider

NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
pytestmark = pytest.mark.timeout(180)


@dataclass(frozen=True, slots=True)
class Running:
    """A service process whose second model a test holds in its hand."""

    server: ServerProcess
    provider: WatchedProvider
    channel: grpc.aio.Channel
    stub: pb_grpc.ReviewServiceAsyncStub

    def review(self, request_id: str = "") -> Any:
        """Begin a review."""
        request = pb.ReviewDraftRequest(subject=subject(request_id=request_id))
        return self.stub.ReviewDraft(request, timeout=30)

    async def turned_away(self) -> None:
        """Wait until health says NOT_SERVING."""
        stub: Any = health_pb2_grpc.HealthStub(self.channel)  # type: ignore[no-untyped-call, unused-ignore]
        watch = stub.Watch(health_pb2.HealthCheckRequest(service=SERVICE), timeout=30)
        async for response in watch:
            if response.status == NOT_SERVING:
                watch.cancel()
                return


@asynccontextmanager
async def _running(folder: Path, drain_s: float) -> AsyncIterator[Running]:
    async with WatchedProvider(rules()) as provider:
        settings = {
            "SERVER__DRAIN_S": str(drain_s),
            "PROVIDERS__ANTHROPIC__API_KEY": "no-real-key",
            "PROVIDERS__ANTHROPIC__BASE_URL": provider.base_url,
            "PROVIDERS__ANTHROPIC__SIMULATED": "true",
        }
        async with (
            serving(folder, **settings) as server,
            grpc.aio.insecure_channel(server.address, options=[("grpc.enable_retries", 0)]) as channel,
        ):
            yield Running(server, provider, channel, pb_grpc.ReviewServiceStub(channel))


async def test_what_cannot_finish_is_handed_off(tmp_path: Path) -> None:
    """With the second model hanging, health turns, new calls are refused, and the one in flight is handed off."""
    async with _running(tmp_path, drain_s=1.0) as running:
        running.provider.gate.clear()
        call = running.review("in-flight")
        await running.provider.arrived()
        began = asyncio.get_running_loop().time()
        running.server.terminate()
        await running.turned_away()
        refusal = await refusal_of(running.review())
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "DRAINING")
        review = (await call).review
        assert 0.5 < asyncio.get_running_loop().time() - began < 2.0
        assert (verdicts([review]), deciding(review)) == (["HUMAN_HANDOFF"], {"draining"})
        assert [made.failure for made in review.model_calls] == ["draining"]
        assert review.simulated
        assert await running.server.process.wait() == 0
        assert running.provider.requests == 0
    assert "drain_incomplete" not in {event["event"] for event in running.server.events}


async def test_what_can_finish_is_finished(tmp_path: Path) -> None:
    """A review whose second model answers in time is answered as on any other day, also while draining."""
    async with _running(tmp_path, drain_s=20.0) as running:
        running.provider.gate.clear()
        call = running.review()
        await running.provider.arrived()
        running.server.terminate()
        await running.turned_away()
        running.provider.gate.set()
        assert verdicts([(await call).review]) == ["APPROVE"]
        assert await running.server.process.wait() == 0


async def test_an_idle_service_stops_at_once(tmp_path: Path) -> None:
    """With nothing in flight the time to drain is not waited for."""
    async with _running(tmp_path, drain_s=60.0) as running:
        running.server.terminate()
        async with asyncio.timeout(10):
            assert await running.server.process.wait() == 0
    assert [event["in_flight"] for event in running.server.events if event["event"] == "draining"] == [0]


async def test_a_drained_review_is_in_the_log(tmp_path: Path) -> None:
    """What was handed off on the way out is found again under its request id by the next process."""
    async with _running(tmp_path, drain_s=0.6) as running:
        running.provider.gate.clear()
        call = running.review("in-flight")
        await running.provider.arrived()
        running.server.terminate()
        first = (await call).review
        await running.server.process.wait()
    async with _running(tmp_path, drain_s=1.0) as running:
        again = (await running.review("in-flight")).review
        assert (again.name, again.verdict) == (first.name, first.verdict)
        assert running.provider.bodies == []
