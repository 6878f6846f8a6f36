"""The load generator: a process that makes calls and says how long each took.

Started as `python -m bench.load`; takes one job a line, see `Job`. Load is closed: so many calls are in flight, each
followed by the next at once.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, Final, Literal, TypeVar
from uuid import uuid4

import grpc
import uvloop

from bench.lines import heard, say
from bench.model_call import ModelCall, model_call
from bench.watch import Method, Told, Watch
from reviewer.v1 import review_pb2
from reviewer.v1 import review_service_pb2 as pb

CHANNELS: Final = 4
DEADLINE_S: Final = 100.0

_METHOD = "/reviewer.v1.ReviewService/ReviewDraft"
_OPTIONS = [
    # Without it, channels to one address share one connection.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    ("grpc.max_send_message_length", 64 * 1024 * 1024),
]
Call = Callable[[bytes], Awaitable[bytes]]
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Job:
    """What to do.

    Attributes:
        kind: `review` calls the service, `watch` does so and tells of each call, `direct` posts to the model, `hold`
            begins reviews and leaves them in flight, `release` cancels those.
        target: the service's address, or the model's base URL.
        payload: file of a serialised `ReviewDraftRequest` without request id, or of a body for the model.
        in_flight: calls at once; for `hold`, how many to begin.
        calls: how many in all.
        stagger_s: over how long the first calls are spread. A model of fixed latency keeps calls that began together
            together, and each would then wait for the whole herd.
        method: which a watched call is made by.
        deadlines_s: between which a watched call's deadline is drawn.
        seed: equal seeds draw equal deadlines in the order in which calls begin.
    """

    kind: Literal["review", "watch", "direct", "hold", "release"]
    target: str = ""
    payload: str = ""
    in_flight: int = 1
    calls: int = 1
    stagger_s: float = 0.0
    method: Method = "ReviewDraft"
    deadlines_s: tuple[float, float] = (DEADLINE_S, DEADLINE_S)
    seed: int = 0


class _Load:
    """Connections and calls of this process."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._services: dict[str, Iterator[Call]] = {}
        self._watches: dict[str, Iterator[Watch]] = {}
        self._models: dict[str, ModelCall] = {}
        self._held: list[asyncio.Task[bytes]] = []

    async def run(self, job: Job) -> dict[str, Any]:
        """Do one job."""
        if job.kind == "release":
            return await self._release()
        payload = _read_file(job.payload)
        if job.kind == "hold":
            self._held += [asyncio.create_task(self._review(job.target, payload)) for _ in range(job.in_flight)]
            return {"held": len(self._held)}
        if job.kind == "direct":
            if job.target not in self._models:
                self._models[job.target] = await self._stack.enter_async_context(model_call(job.target, "sdk"))
            model = self._models[job.target]
            return (await _closed_loop(job, lambda: model.post(payload)))[0]
        if job.kind == "watch":
            rng = Random(job.seed)
            measured, told = await _closed_loop(job, lambda: self._watch(job, payload, rng))
            return {**measured, "told": [asdict(each) for each in told]}
        measured, replies = await _closed_loop(job, lambda: self._review(job.target, payload))
        return {**measured, **_read(replies)}

    async def _release(self) -> dict[str, Any]:
        for task in self._held:
            task.cancel()
        await asyncio.gather(*self._held, return_exceptions=True)
        self._held.clear()
        return {"held": 0}

    async def _review(self, address: str, payload: bytes) -> bytes:
        if address not in self._services:
            self._services[address] = cycle([_caller(channel) for channel in _channels(address)])
        return await next(self._services[address])(payload + _new_request_id())

    async def _watch(self, job: Job, payload: bytes, rng: Random) -> Told:
        if job.target not in self._watches:
            self._watches[job.target] = cycle([Watch(channel) for channel in _channels(job.target)])
        deadline_s = rng.uniform(*job.deadlines_s)
        return await next(self._watches[job.target]).call(job.method, payload + _new_request_id(), deadline_s)


def _new_request_id() -> bytes:
    """Messages of one field, one after the other, are merged when they are read: the id joins the subject."""
    return pb.ReviewDraftRequest(subject=pb.ReviewSubject(request_id=uuid4().hex)).SerializeToString()


def _channels(address: str) -> list[grpc.aio.Channel]:
    return [grpc.aio.insecure_channel(address, options=_OPTIONS) for _ in range(CHANNELS)]


def _read_file(path: str) -> bytes:
    return Path(path).read_bytes()


def _caller(channel: grpc.aio.Channel) -> Call:
    method: Any = channel.unary_unary(_METHOD)

    async def call(payload: bytes) -> bytes:
        reply: bytes = await method(payload, timeout=DEADLINE_S)
        return reply

    return call


async def _closed_loop(job: Job, call: Callable[[], Awaitable[R]]) -> tuple[dict[str, Any], list[R]]:
    latencies: list[float] = []
    replies: list[R] = []
    turns = iter(range(job.calls))

    async def worker(number: int) -> None:
        if job.stagger_s:
            await asyncio.sleep(job.stagger_s * number / job.in_flight)
        for _ in turns:
            began = time.perf_counter()
            replies.append(await call())
            latencies.append((time.perf_counter() - began) * 1e6)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(job.in_flight):
            group.create_task(worker(number))
    return {"wall_s": time.perf_counter() - began, "latencies_us": sorted(latencies)}, replies


def _read(replies: list[bytes]) -> dict[str, Any]:
    """Read verdicts and stage timings, after the clock has stopped."""
    verdicts: Counter[str] = Counter()
    stages: dict[str, list[int]] = {}
    for reply in replies:
        review = pb.ReviewDraftResponse.FromString(reply).review
        verdicts[review_pb2.Verdict.Name(review.verdict)] += 1
        for timing in review.timings:
            stages.setdefault(review_pb2.Stage.Name(timing.stage), []).append(timing.duration_us)
    return {"verdicts": dict(verdicts), "stages_us": {name: median(times) for name, times in stages.items()}}


async def _main() -> None:
    gc.collect()
    gc.freeze()
    async with AsyncExitStack() as stack:
        load = _Load(stack)
        async for message in heard():
            say(await load.run(Job(**message)))


if __name__ == "__main__":
    uvloop.run(_main())
