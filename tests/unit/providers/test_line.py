"""One attempt at a model: its place, the second request beside one that is late, and what goes on record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random
from types import TracebackType
from typing import Self

import pytest

from reviewer.core.outcome import FailureKind, Reply, StopReason, Usage
from reviewer.core.prompt import Prompt
from reviewer.core.shortening import Estimate
from reviewer.providers.attempt import AttemptRecord, Request
from reviewer.providers.breaker import BreakerPolicy
from reviewer.providers.interface import Listener, ProviderError
from reviewer.providers.latency import STALE_S
from reviewer.providers.line import CALLS_A_HEDGE, MAX_CREDIT, Line, LinePolicy
from reviewer.providers.retry import RetryPolicy, complete_with_retry
from tests.support.prompts import prompt_of

FIRST, SECOND = (Reply(text, StopReason.COMPLETE, "stop", "m", text, Usage()) for text in ("first", "second"))
ERROR = ProviderError(FailureKind.SERVER_ERROR, "the first one's")
OTHER = ProviderError(FailureKind.REJECTED, "the second one's")


@dataclass
class OpenProvider:
    """A provider whose requests stay open until a test answers them."""

    name: str = "open"
    simulated: bool = True
    requests: list[asyncio.Future[Reply]] = field(default_factory=list)
    prompts: list[Prompt] = field(default_factory=list)
    arrivals: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def complete(self, model: str, prompt: Prompt, _: Listener | None = None) -> Reply:
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.requests.append(answer)
        self.prompts.append(prompt)
        assert model == "m"
        self.arrivals.release()
        return await answer

    async def count(self, model: str, prompt: Prompt) -> int | None:
        raise AssertionError(f"nobody asked to count for {model}, {len(prompt.blocks)} blocks")

    async def arrived(self, count: int = 1) -> None:
        for _ in range(count):
            await self.arrivals.acquire()

    def end(self, number: int, how: Reply | ProviderError) -> None:
        if isinstance(how, Reply):
            self.requests[number].set_result(how)
        else:
            self.requests[number].set_exception(how)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass


@dataclass
class Call:
    """One attempt on a line, as a task."""

    line: Line
    provider: OpenProvider = field(default_factory=OpenProvider)
    records: list[AttemptRecord] = field(default_factory=list)

    def begin(self, seconds: float = 30.0) -> asyncio.Task[Reply]:
        deadline = asyncio.get_running_loop().time() + seconds
        request = Request(self.provider, "m", prompt_of(), "acme", deadline)
        return asyncio.create_task(self.line.send(request, self.records.append))

    @property
    def told(self) -> list[tuple[str, bool]]:
        """What each request came to, and whether it was the second one."""
        return [(r.reply.text if r.reply else str(r.error and r.error.kind), r.hedge) for r in self.records]

    def is_over(self) -> None:
        """Assert that nothing is left behind."""
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert (self.line.gate.free, self.line.gate.waiting) == (4, 0)


def line(percentile: float = 90.0, places: int = 4, *, known: int = 20, credit: int = MAX_CREDIT) -> Line:
    """Build a line to a model that answered at once so far."""
    loop = asyncio.get_running_loop()
    made = Line("m", LinePolicy(places, {}, percentile), BreakerPolicy(1, 3600), 0.5, loop.time)
    for _ in range(known):
        made.window.add(0.0, loop.time())
    made._credit = credit
    return made


@pytest.mark.parametrize(
    ("winner", "reply", "told"),
    [
        (0, FIRST, [("first", False), ("superseded", True)]),
        (1, SECOND, [("superseded", False), ("second", True)]),
    ],
)
async def test_the_first_reply_wins(winner: int, reply: Reply, told: list[tuple[str, bool]]) -> None:
    """A late request is sent once more, word for word; the other one is ended, and both are told in order."""
    call = Call(line())
    task = call.begin()
    await call.provider.arrived(2)
    call.provider.end(winner, reply)

    assert await task is reply
    assert call.told == told
    assert call.provider.prompts[0] is call.provider.prompts[1]
    assert call.provider.requests[1 - winner].cancelled()
    call.is_over()


async def test_two_replies_are_both_told() -> None:
    """Where both answer at once the first counts, and the second one's cost is on record."""
    call = Call(line())
    task = call.begin()
    await call.provider.arrived(2)
    call.provider.end(1, SECOND)
    call.provider.end(0, FIRST)

    assert await task is FIRST
    assert call.told == [("first", False), ("second", True)]
    call.is_over()


@pytest.mark.parametrize(("failing", "reply"), [(0, SECOND), (1, FIRST)])
async def test_an_error_does_not_end_the_other(failing: int, reply: Reply) -> None:
    """One of two requests fails, and the other one's reply counts."""
    call = Call(line())
    task = call.begin()
    await call.provider.arrived(2)
    call.provider.end(failing, ERROR)
    for _ in range(5):
        await asyncio.sleep(0)
    assert not task.done()
    call.provider.end(1 - failing, reply)

    assert await task is reply
    assert sorted(end for end, _ in call.told) == sorted(["server_error", reply.text])
    call.is_over()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_of_two_errors_the_first_requests_counts(order: tuple[int, int]) -> None:
    """Two requests that fail are one failed attempt, that of the first one, whichever failed first."""
    call = Call(line())
    task = call.begin()
    await call.provider.arrived(2)
    for number in order:
        call.provider.end(number, (ERROR, OTHER)[number])
        await asyncio.sleep(0)
    with pytest.raises(ProviderError) as caught:
        await task

    assert caught.value is ERROR
    assert call.told == [("server_error", False), ("rejected", True)]
    call.is_over()


async def test_an_early_error_is_not_hedged() -> None:
    """A request that failed before it was late is the retry loop's business."""
    call = Call(line())
    call.line.window.add(3600.0, asyncio.get_running_loop().time())
    task = call.begin(7200.0)
    call.line._percentile = 99.9
    await call.provider.arrived()
    call.provider.end(0, ERROR)
    with pytest.raises(ProviderError):
        await task
    assert call.told == [("server_error", False)]
    call.is_over()


UNHEDGED: dict[str, Callable[[], Line]] = {
    "switched off": lambda: line(0.0),
    "too little known": lambda: line(known=19),
    "known too long ago": lambda: _stale(line()),
    "no credit": lambda: line(credit=CALLS_A_HEDGE - 2),
    "the model is failing": lambda: _failing(line()),
    "no place": lambda: _full(line()),
}


def _stale(made: Line) -> Line:
    made.window._last_at -= STALE_S + 1
    return made


def _failing(made: Line) -> Line:
    made.breaker.failed(asyncio.get_running_loop().time())
    return made


def _full(made: Line) -> Line:
    while made.gate.free > 1:
        assert made.gate.try_enter()
    return made


@pytest.mark.parametrize("made", UNHEDGED.values(), ids=UNHEDGED)
async def test_a_second_request_needs_a_reason_and_room(made: Callable[[], Line]) -> None:
    """Without knowledge, credit or a free place, or where the model fails, a late request stays alone."""
    unhedged, control = Call(made()), Call(line())
    tasks = [unhedged.begin(), control.begin()]
    await control.provider.arrived(2)
    for _ in range(20):
        await asyncio.sleep(0)

    assert len(unhedged.provider.requests) == 1
    unhedged.provider.end(0, FIRST)
    control.provider.end(0, FIRST)
    assert await asyncio.gather(*tasks) == [FIRST, FIRST]
    assert unhedged.told == [("first", False)]


async def test_no_second_request_without_time_for_it() -> None:
    """Where a second request would begin too late for an answer, none is planned."""
    made = line()
    now = asyncio.get_running_loop().time()
    assert made._patience(now + 0.4) is None
    assert made._patience(now + 0.6) == 0.0


async def test_the_budget_of_second_requests() -> None:
    """Where every call is late, no more than one in ten is sent twice."""
    call = Call(line(credit=0))
    for number in range(1, 101):
        call.line.window = line().window
        task = call.begin()
        await call.provider.arrived()
        for _ in range(10):
            await asyncio.sleep(0)
        call.provider.end(len(call.provider.requests) - 1, FIRST)
        await task
        while not call.provider.arrivals.locked():
            await call.provider.arrived()
        hedges = sum(record.hedge for record in call.records)
        assert hedges * CALLS_A_HEDGE <= number
    assert hedges == 100 // CALLS_A_HEDGE
    call.is_over()


@pytest.mark.parametrize("requests", [1, 2])
async def test_a_caller_who_leaves_ends_both(requests: int) -> None:
    """Cancelled, an attempt ends its requests before it ends itself, and tells of each."""
    call = Call(line() if requests == 2 else line(0.0))
    task = call.begin()
    await call.provider.arrived(requests)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert call.told == [("deadline", False), ("deadline", True)][:requests]
    assert all(request.cancelled() for request in call.provider.requests)
    call.is_over()


async def test_a_request_cancelled_before_it_began_gives_its_place_back() -> None:
    """Cancelled in the step in which it was created, a request has never run, and its place is free again."""
    call = Call(line())
    assert call.line.gate.try_enter()
    async with asyncio.TaskGroup() as group:
        call.line._start(group, Request(call.provider, "m", prompt_of(), "acme", 0.0), []).cancel()
    assert call.provider.requests == []
    call.is_over()


async def test_the_deadline_ends_both() -> None:
    """At the deadline both requests are ended, told as timeouts, and the attempt is one."""
    call = Call(line())
    call.line._min_attempt_s = 0.0
    task = call.begin(0.3)
    await call.provider.arrived(2)
    with pytest.raises(ProviderError) as caught:
        await task

    assert caught.value.kind is FailureKind.TIMEOUT
    assert call.told == [("timeout", False), ("timeout", True)]
    call.is_over()


async def test_no_place_in_time() -> None:
    """Who gets no place in its share of the time has sent nothing, and is told so."""
    call = Call(_full(line(0.0)))
    assert call.line.gate.try_enter()
    began = asyncio.get_running_loop().time()
    with pytest.raises(ProviderError) as caught:
        await call.begin(1.0)

    assert caught.value.kind is FailureKind.CONGESTED
    assert caught.value.kind.outage
    assert not caught.value.kind.retryable
    assert asyncio.get_running_loop().time() - began < 1.0
    assert (call.provider.requests, call.records) == ([], [])
    assert call.line.gate.waiting == 0


async def test_a_place_is_not_held_between_attempts() -> None:
    """While the retry loop waits, others may have the place."""
    call = Call(line(0.0))
    free: list[int] = []

    async def sleep(_: float) -> None:
        free.append(call.line.gate.free)

    deadline = asyncio.get_running_loop().time() + 30
    policy = RetryPolicy(2, 0.5, asyncio.get_running_loop().time, Random(1), sleep)
    request = Request(call.provider, "m", prompt_of(), "acme", deadline)
    attempt = partial(call.line.send, request, call.records.append)
    task = asyncio.create_task(complete_with_retry(attempt, deadline=deadline, policy=policy))
    for how in (ERROR, FIRST):
        await call.provider.arrived()
        call.provider.end(len(call.provider.requests) - 1, how)

    assert await task is FIRST
    assert free == [4]


async def test_models_have_places_of_their_own() -> None:
    """A bound for one model takes the place of the common one."""
    policy = LinePolicy(5, {"small": 2})
    clock = asyncio.get_running_loop().time
    free = {m: Line(m, policy, BreakerPolicy(1, 1), 0.5, clock).gate.free for m in ("small", "other")}
    assert free == {"small": 2, "other": 5}


async def test_an_estimate_needs_knowledge() -> None:
    """What is known of a model's durations is its median and 90th percentile, and nothing where too little is."""
    made = line(known=19)
    assert made.estimate() is None
    now = asyncio.get_running_loop().time()
    for seconds in (1.0, 2.0, 3.0):
        made.window.add(seconds, now)
    assert made.estimate() == Estimate(0.0, 1.0)


async def test_replies_are_remembered() -> None:
    """A reply's duration goes into the window, counted from the first request; a failure's does not."""
    call = Call(line(known=0))
    for how in (FIRST, ERROR):
        task = call.begin()
        await call.provider.arrived()
        call.provider.end(-1, how)
        await asyncio.gather(task, return_exceptions=True)
    assert len(call.line.window._sorted) == 1
