"""The line to one model: what is remembered of it, and how one attempt at it is made.

An attempt waits for a place, sends one request, and a second, equal one where the first is late beyond what is usual
(a hedge); the first reply of the two counts. Whether to attempt again is `retry.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from reviewer.core.outcome import FailureKind, Reply, StopReason
from reviewer.core.shortening import Estimate
from reviewer.providers.attempt import AttemptRecord, Request, Sent
from reviewer.providers.breaker import Breaker, BreakerPolicy
from reviewer.providers.gate import Gate
from reviewer.providers.interface import ProviderError
from reviewer.providers.latency import Window

WAIT_SHARE = 0.5
"""Of the time that is left, what an attempt may spend waiting for a place: the rest is for the call, or for a spare."""
CALLS_A_HEDGE = 10
"""Calls that earn one hedge. A model that is slow for all would otherwise be asked everything twice, and be slower."""
MAX_CREDIT = 10 * CALLS_A_HEDGE
"""Ten hedges are saved up at most, so that a quiet day does not pay for a storm."""


@dataclass(frozen=True, slots=True)
class LinePolicy:
    """What every line holds to.

    Attributes:
        max_calls: at one model at once.
        calls_of: the same for models of their own, by id.
        hedge_percentile: of a model's usual durations, after which a second request is sent; 0 sends none.
    """

    max_calls: int = 1_000
    calls_of: Mapping[str, int] = field(default_factory=dict)
    hedge_percentile: float = 0.0


class Line:
    """One model's line. Belongs to one event loop.

    Attributes:
        breaker: whether the model is asked at all; told by whoever reads its answers.
        gate: the places at it.
        window: how long it takes.
    """

    def __init__(
        self, model: str, policy: LinePolicy, breaker: BreakerPolicy, min_attempt_s: float, clock: Callable[[], float]
    ) -> None:
        """Start knowing nothing of the model.

        Args:
            min_attempt_s: seconds below which a request has no chance.
            clock: seconds, in which deadlines are told.
        """
        self.breaker = Breaker(breaker)
        self.gate = Gate(policy.calls_of.get(model, policy.max_calls))
        self.window = Window()
        self._percentile = policy.hedge_percentile
        self._min_attempt_s = min_attempt_s
        self._clock = clock
        self._credit = 0

    def estimate(self) -> Estimate | None:
        """How long the model takes; None while too little is known."""
        if not self.window.enough(self._clock()):
            return None
        return Estimate(self.window.percentile(50), self.window.percentile(90))

    async def send(self, request: Request, on_attempt: Callable[[AttemptRecord], None]) -> Reply:
        """Make one attempt; it ends by the request's deadline, and cancelled it leaves no request behind.

        Args:
            on_attempt: called for each request that was sent, in that order, when all have ended; for one that the
                caller's cancellation cut off too, with `DEADLINE`.

        Raises:
            ProviderError: of the request that was sent first; `TIMEOUT` where the deadline cut it off; `CONGESTED`
                where no place came free in time, and nothing was sent.
        """
        if not await self.gate.enter(request.tenant, (request.deadline - self._clock()) * WAIT_SHARE):
            raise ProviderError(FailureKind.CONGESTED, f"{request.provider.name}: no place came free in time")
        self._credit = min(MAX_CREDIT, self._credit + 1)
        sent: list[Sent] = []
        cut_off = FailureKind.SUPERSEDED
        try:
            async with asyncio.timeout_at(request.deadline):
                await self._attempt(request, sent)
        except TimeoutError:
            cut_off = FailureKind.TIMEOUT
        except asyncio.CancelledError:
            cut_off = FailureKind.DEADLINE
            raise
        finally:
            records = [each.record(cut_off) for each in sent]
            for record in records:
                on_attempt(record)
        for record in records:
            if record.reply is not None:
                # Of two requests the first one's time: what it would have taken alone is at least that.
                now = self._clock()
                if record.reply.stop is not StopReason.ENDED_EARLY:
                    self.window.add(now - sent[0].began, now)
                return record.reply
        raise records[0].error or ProviderError(cut_off, "cut off")

    async def _attempt(self, request: Request, sent: list[Sent]) -> None:
        """Send a request that has a place already, and see to it that each place is given up when its request ends."""
        # Two streams of one reply cannot be heard at once.
        patience_s = None if request.listen else self._patience(request.deadline)
        if patience_s is None:
            sent.append(Sent(self._clock, hedge=False))
            try:
                await sent[0].run(request)
            finally:
                self.gate.leave()
            return
        async with asyncio.TaskGroup() as group:
            pending = {self._start(group, request, sent)}
            _, pending = await asyncio.wait(pending, timeout=patience_s)
            if pending and self._may_hedge():
                pending.add(self._start(group, request, sent))
                while pending and not any(isinstance(each.end, Reply) for each in sent):
                    _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for late in pending:
                    late.cancel()

    def _start(self, group: asyncio.TaskGroup, request: Request, sent: list[Sent]) -> asyncio.Task[None]:
        sent.append(Sent(self._clock, hedge=bool(sent)))
        task = group.create_task(sent[-1].run(request))
        # Not within the task: one that is cancelled before it began never runs.
        task.add_done_callback(lambda _: self.gate.leave())
        return task

    def _patience(self, deadline: float) -> float | None:
        """Seconds after which a second request is worth it; None where it is not, whatever happens."""
        now = self._clock()
        if not self._percentile or self.breaker.is_open or not self.window.enough(now):
            return None
        patience_s = self.window.percentile(self._percentile)
        return patience_s if deadline - now - patience_s >= self._min_attempt_s else None

    def _may_hedge(self) -> bool:
        """Take credit and a place for a second request, if there are both."""
        if self._credit < CALLS_A_HEDGE or not self.gate.try_enter():
            return False
        self._credit -= CALLS_A_HEDGE
        return True
