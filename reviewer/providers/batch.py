"""A provider whose calls travel in batches: cheaper, and answered within hours instead of seconds.

A call joins the batch that is being collected for its model and waits for its own result. A batch is closed when it is
full or when nothing new came for a while; then it is handed in, looked after and read. Nothing is handed in twice, but
where the provider said that it took nothing. How batches are spelt on the wire is said by the adapter's `BatchApi`.

* A waiter that is cancelled is dropped; when the last one is gone, the batch is cancelled at the provider as well.
* What one batch comes to is told to each of its waiters, as the reply or the error that the call alone would have had.
* When its results have been told, what the provider keeps of a batch is deleted there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from itertools import count
from types import TracebackType
from typing import Self, TypeVar

from reviewer.core.outcome import FailureKind, Reply
from reviewer.core.prompt import Prompt
from reviewer.providers.adapter import Adapter
from reviewer.providers.batch_api import BatchApi, BatchCall, Ended, Settled, results
from reviewer.providers.interface import Listener, ProviderError
from reviewer.providers.wire import Received

T = TypeVar("T")

MAX_BATCH_BYTES = 128 * 2**20
"""Of all bodies together: below both vendors' bounds of 200 and 256 MB, envelopes included."""
_GROWTH = 1.5
# The provider says that it took nothing, so that handing in again cannot be paid for twice.
_NOT_TAKEN = frozenset({FailureKind.RATE_LIMITED, FailureKind.OVERLOADED})
_PASSING = frozenset([kind for kind in FailureKind if kind.retryable]) | {FailureKind.TIMEOUT}


class BatchState(StrEnum):
    """How far a batch has come; `adrift` may still be running at the provider, where nobody waits for it."""

    SUBMITTING = "submitting"
    RUNNING = "running"
    ENDED = "ended"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ADRIFT = "adrift"


@dataclass(slots=True)
class BatchRun:
    """One batch, for people who want to know.

    Attributes:
        calls: how many were handed in.
        id: the provider's; empty where it never said one.
        why: what is known of why it failed.
    """

    provider: str
    model: str
    calls: int
    id: str = ""
    why: str = ""
    state: BatchState = BatchState.SUBMITTING


def _unwatched(_: BatchRun) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class BatchPolicy:
    """When a batch is closed and how patiently it is waited for.

    Attributes:
        max_calls: of one batch, 1 to 50,000, which is what the stricter vendor takes.
        max_bytes: of all bodies of a batch; one that is longer by itself travels alone.
        settle_s: seconds without a new call after which a batch is handed in.
        poll_s: seconds before the first look; the wait grows by half each time, up to `max_poll_s`.
        patience: how often in a row one request about a batch may fail in passing.
        request_s: seconds that one such request may take.
        give_up_s: seconds for cancelling a batch, or for deleting what is left of it: somebody waits for the end.
        on_change: called when a batch's state has changed.
        sleep: waits; a test gives its own.
    """

    max_calls: int = 1_000
    max_bytes: int = MAX_BATCH_BYTES
    settle_s: float = 2.0
    poll_s: float = 10.0
    max_poll_s: float = 300.0
    patience: int = 20
    request_s: float = 300.0
    give_up_s: float = 10.0
    on_change: Callable[[BatchRun], None] = _unwatched
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@dataclass(slots=True)
class _Batch:
    """Calls that travel together.

    Attributes:
        waiting: by custom id; taken out by whoever waits.
        over: every waiter has been told.
    """

    model: str
    bodies: dict[str, bytes] = field(default_factory=dict)
    waiting: dict[str, asyncio.Future[Received]] = field(default_factory=dict)
    size: int = 0
    timer: asyncio.TimerHandle | None = None
    task: asyncio.Task[None] | None = None
    over: bool = False

    def settle(self, settled: Mapping[str, Settled], missing: ProviderError) -> None:
        """Tell each waiter its own outcome, or what it means that there is none. Ids that nobody has are let be."""
        self.over = True
        for custom_id, waiter in self.waiting.items():
            outcome = settled.get(custom_id, missing)
            if waiter.done():
                continue
            if isinstance(outcome, Received):
                waiter.set_result(outcome)
            else:
                waiter.set_exception(_own(outcome))


class BatchedProvider:
    """A `ReviewerProvider` over an adapter whose vendor has a batch API. Belongs to one event loop.

    Attributes:
        runs: every batch since the start, in order.
    """

    def __init__(self, adapter: Adapter, api: BatchApi, policy: BatchPolicy) -> None:
        """Keep the adapter, which is opened and closed with this provider."""
        self.name = adapter.name
        self.simulated = adapter.simulated
        self.runs: list[BatchRun] = []
        self._adapter = adapter
        self._api = api
        self._policy = policy
        self._collecting: dict[str, _Batch] = {}
        self._under_way: dict[asyncio.Task[None], _Batch] = {}
        self._serial = count(1)

    async def __aenter__(self) -> Self:
        """Open the adapter."""
        await self._adapter.__aenter__()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Cancel every batch, here and at the provider, and close the adapter; calls that still wait fail."""
        for batch in list(self._collecting.values()):
            self._stop_collecting(batch)
            batch.settle({}, self._failure(FailureKind.CONNECTION, "closed before its batch was handed in"))
        for task, batch in self._under_way.items():
            # One that is over is being cleared away, which is soon done.
            if not batch.over:
                task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._adapter.__aexit__(exc_type, exc, traceback)

    async def complete(self, model: str, prompt: Prompt, listener: Listener | None = None) -> Reply:
        """Put one prompt into a batch and wait for its reply; see `ReviewerProvider.complete`."""
        body = self._adapter.body(model, prompt)
        custom_id = f"c{next(self._serial)}"
        batch = self._join(model, custom_id, body)
        waiter = batch.waiting[custom_id]
        try:
            received = await waiter
        finally:
            self._leave(batch, custom_id)
        reply = replace(self._adapter.read(received), batched=True)
        if listener is not None and reply.text:
            listener.heard(reply.text)
        return reply

    async def count(self, model: str, prompt: Prompt) -> int | None:
        """Ask the provider's counter, at once; see `ReviewerProvider.count`."""
        return await self._adapter.count(model, prompt)

    def _join(self, model: str, custom_id: str, body: bytes) -> _Batch:
        batch = self._collecting.get(model)
        if batch is not None and batch.size + len(body) > self._policy.max_bytes:
            self._close(batch)
            batch = None
        if batch is None:
            batch = self._collecting[model] = _Batch(model)
        loop = asyncio.get_running_loop()
        batch.bodies[custom_id] = body
        batch.size += len(body)
        batch.waiting[custom_id] = loop.create_future()
        if batch.timer is not None:
            batch.timer.cancel()
        if len(batch.bodies) >= self._policy.max_calls:
            self._close(batch)
        else:
            batch.timer = loop.call_later(self._policy.settle_s, self._close, batch)
        return batch

    def _leave(self, batch: _Batch, custom_id: str) -> None:
        """Take a waiter out, and its call where it has not been handed in; a batch that nobody waits for ends."""
        del batch.waiting[custom_id]
        if batch.task is None:
            batch.size -= len(batch.bodies.pop(custom_id))
            if not batch.bodies:
                self._stop_collecting(batch)
        elif not batch.waiting and not batch.over:
            batch.task.cancel()

    def _stop_collecting(self, batch: _Batch) -> None:
        if batch.timer is not None:
            batch.timer.cancel()
        if self._collecting.get(batch.model) is batch:
            del self._collecting[batch.model]

    def _close(self, batch: _Batch) -> None:
        self._stop_collecting(batch)
        batch.task = asyncio.create_task(self._see_through(batch))
        self._under_way[batch.task] = batch
        batch.task.add_done_callback(self._under_way.pop)

    async def _see_through(self, batch: _Batch) -> None:
        """Hand a batch in and wait until every waiter has been told."""
        calls = [BatchCall(custom_id, body) for custom_id, body in batch.bodies.items()]
        run = BatchRun(self.name, batch.model, len(calls))
        self.runs.append(run)
        handing_in = asyncio.create_task(self._submit(calls))
        try:
            # Shielded: cancelled in the middle, it would leave a batch behind whose id nobody heard.
            run.id = await asyncio.shield(handing_in)
            self._turn(run, BatchState.RUNNING)
            # Bodies are of no more use, and a day is long.
            batch.bodies.clear()
            ended = await self._wait_for_end(run.id)
            settled = await self._patiently(lambda: results(self._api, self._adapter.exchange, run.id, ended), _PASSING)
            run.why = ended.code
            self._turn(run, BatchState.ENDED if settled else BatchState.FAILED)
            batch.settle(settled, self._failure(ended.missing, f"no result in batch {run.id} ({ended.missing.value})"))
        except ProviderError as exc:
            run.why = str(exc)
            batch.settle({}, exc)
            await self._give_up(run, BatchState.FAILED)
        except BaseException:
            batch.settle({}, self._failure(FailureKind.CONNECTION, "the batch was given up"))
            await asyncio.wait({handing_in}, timeout=self._policy.give_up_s)
            await self._give_up(run, _left_at(handing_in, run))
            raise
        else:
            await self._clear_away(ended)

    async def _submit(self, calls: list[BatchCall]) -> str:
        return await self._patiently(lambda: self._api.submit(self._adapter.exchange, calls), _NOT_TAKEN)

    async def _wait_for_end(self, batch_id: str) -> Ended:
        wait = self._policy.poll_s
        while True:
            await self._policy.sleep(wait)
            ended = await self._patiently(lambda: self._api.look(self._adapter.exchange, batch_id), _PASSING)
            if ended is not None:
                return ended
            wait = min(wait * _GROWTH, self._policy.max_poll_s)

    async def _give_up(self, run: BatchRun, state: BatchState) -> None:
        """Have a batch cancelled at the provider, where it is known there: nobody will read its results."""
        if run.id:
            cancel = partial(self._api.cancel, self._adapter.exchange, run.id)
            try:
                await self._in_time(cancel, self._policy.give_up_s)
            except ProviderError:
                state = BatchState.ADRIFT
        self._turn(run, state)

    async def _clear_away(self, ended: Ended) -> None:
        """Delete what the provider keeps; where that fails, it expires there by itself."""
        for path in ended.leftovers:
            with suppress(ProviderError):
                await self._in_time(partial(self._adapter.exchange.send, "DELETE", path), self._policy.give_up_s)

    async def _patiently(self, ask: Callable[[], Awaitable[T]], kinds: frozenset[FailureKind]) -> T:
        """Make a request about a batch, again where it failed in passing.

        Raises:
            ProviderError: the last one's, or one of another kind than these.
        """
        wait, left = self._policy.poll_s, self._policy.patience
        while True:
            try:
                return await self._in_time(ask, self._policy.request_s)
            except ProviderError as exc:
                left -= 1
                if exc.kind not in kinds or not left:
                    raise
                pause = max(wait, exc.retry_after_s or 0.0)
            await self._policy.sleep(pause)
            wait = min(wait * _GROWTH, self._policy.max_poll_s)

    async def _in_time(self, ask: Callable[[], Awaitable[T]], seconds: float) -> T:
        try:
            async with asyncio.timeout(seconds):
                return await ask()
        except TimeoutError:
            failure = self._failure(FailureKind.TIMEOUT, f"no answer about a batch in {seconds:g} s")
        raise failure

    def _turn(self, run: BatchRun, state: BatchState) -> None:
        run.state = state
        self._policy.on_change(run)

    def _failure(self, kind: FailureKind, what: str) -> ProviderError:
        return ProviderError(kind, f"{self.name}: {what}", simulated=self.simulated)


def _left_at(handing_in: asyncio.Task[str], run: BatchRun) -> BatchState:
    """Say where a batch was left while it was handed in; its id is noted where it is known by now."""
    if not handing_in.done():
        handing_in.cancel()
        return BatchState.ADRIFT
    if not handing_in.cancelled() and handing_in.exception() is None:
        run.id = handing_in.result()
    return BatchState.CANCELLED


def _own(error: ProviderError) -> ProviderError:
    """Return a copy for one waiter: an exception that several tasks raise collects the traces of all."""
    return ProviderError(
        error.kind,
        str(error),
        retry_after_s=error.retry_after_s,
        http_status=error.http_status,
        request_id=error.request_id,
        simulated=error.simulated,
    )
