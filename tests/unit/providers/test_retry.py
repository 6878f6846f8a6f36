"""The retry loop: what is tried again, how long is waited, and when it stops; no test waits for real."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from random import Random
from types import TracebackType
from typing import Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.outcome import FailureKind, Reply, StopReason, Usage
from reviewer.core.prompt import Prompt
from reviewer.providers.attempt import AttemptRecord, Request
from reviewer.providers.breaker import BreakerPolicy
from reviewer.providers.interface import Listener, ProviderError
from reviewer.providers.line import Line, LinePolicy
from reviewer.providers.retry import BASE_DELAY_S, MAX_DELAY_S, RetryPolicy, complete_with_retry
from tests.support.prompts import prompt_of

REPLY = Reply("{}", StopReason.COMPLETE, "stop", "m", "r", Usage())
FOREVER = 1e9
RETRYABLE = [kind for kind in FailureKind if kind.retryable]
FINAL = [kind for kind in FailureKind if not kind.retryable]


@dataclass
class ScriptedProvider:
    """A provider that plays a list of outcomes, None for a hang; each call takes `takes_s` on the manual clock."""

    script: list[Reply | ProviderError | None]
    name: str = "scripted"
    simulated: bool = True
    takes_s: float = 0.0
    now: float = 0.0
    asked: list[tuple[str, Prompt]] = field(default_factory=list)
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    waits: list[float] = field(default_factory=list)
    records: list[AttemptRecord] = field(default_factory=list)

    async def complete(self, model: str, prompt: Prompt, _: Listener | None = None) -> Reply:
        self.asked.append((model, prompt))
        self.now += self.takes_s
        self.entered.set()
        outcome = self.script.pop(0)
        try:
            while outcome is None:
                await asyncio.Event().wait()
        finally:
            self.left.set()
        if isinstance(outcome, ProviderError):
            raise outcome
        return outcome

    async def count(self, model: str, prompt: Prompt) -> int | None:
        raise AssertionError(f"nobody asked to count for {model}, {len(prompt.blocks)} blocks")

    @property
    def calls(self) -> int:
        return len(self.asked)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    async def run(self, *, deadline: float = FOREVER, max_attempts: int = 3, seed: int = 1) -> Reply:
        policy = RetryPolicy(max_attempts, 0.5, lambda: self.now, Random(seed), self.sleep)
        line = Line("m", LinePolicy(), BreakerPolicy(1, 1), 0.5, lambda: self.now)
        attempt = partial(line.send, Request(self, "m", prompt_of(), "", deadline), self.records.append)
        return await complete_with_retry(attempt, deadline=deadline, policy=policy)


def failure(kind: FailureKind, retry_after_s: float | None = None) -> ProviderError:
    return ProviderError(kind, "scripted", retry_after_s=retry_after_s)


async def test_a_first_reply_is_returned_without_waiting() -> None:
    """One good call is one call, one record and no wait."""
    provider = ScriptedProvider([REPLY], takes_s=0.25)
    assert await provider.run() is REPLY
    assert provider.waits == []
    assert provider.records == [AttemptRecord(250_000, REPLY, None)]


@pytest.mark.parametrize("kind", RETRYABLE)
async def test_a_retryable_failure_is_tried_again(kind: FailureKind) -> None:
    """After a failure that may pass, the same call is made again, and both attempts are recorded in order."""
    error = failure(kind)
    provider = ScriptedProvider([error, REPLY])
    assert await provider.run() is REPLY
    assert [(r.reply, r.error) for r in provider.records] == [(None, error), (REPLY, None)]
    assert provider.asked[0] == provider.asked[1]
    assert 0 <= provider.waits[0] <= BASE_DELAY_S


@pytest.mark.parametrize("kind", FINAL)
async def test_a_final_failure_is_raised_at_once(kind: FailureKind) -> None:
    """What would fail the same way again is not tried again."""
    error = failure(kind)
    provider = ScriptedProvider([error, REPLY])
    with pytest.raises(ProviderError) as caught:
        await provider.run()
    assert caught.value is error
    assert (provider.calls, len(provider.records), provider.waits) == (1, 1, [])


@pytest.mark.parametrize("attempts", [1, 2, 5])
async def test_attempts_are_counted(attempts: int) -> None:
    """No more than the allowed attempts are made, with one wait fewer; the last error is raised."""
    errors = [failure(FailureKind.OVERLOADED) for _ in range(9)]
    last = errors[attempts - 1]
    provider = ScriptedProvider([*errors])
    with pytest.raises(ProviderError) as caught:
        await provider.run(max_attempts=attempts)
    assert caught.value is last
    assert (provider.calls, len(provider.waits)) == (attempts, attempts - 1)


async def test_waits_grow_to_a_cap() -> None:
    """Each wait is drawn between nothing and twice the bound before, up to the cap."""
    provider = ScriptedProvider([failure(FailureKind.CONNECTION) for _ in range(40)])
    with pytest.raises(ProviderError):
        await provider.run(max_attempts=40)
    bounds = [min(MAX_DELAY_S, BASE_DELAY_S * 2**n) for n in range(39)]
    assert all(0 <= wait <= bound for wait, bound in zip(provider.waits, bounds, strict=True))
    assert max(provider.waits) > MAX_DELAY_S / 2


async def test_waits_are_jittered() -> None:
    """Two callers that fail together do not come back together."""
    waits = []
    for seed in range(8):
        provider = ScriptedProvider([failure(FailureKind.RATE_LIMITED, 2.0), REPLY])
        await provider.run(seed=seed)
        waits += provider.waits
    assert len(set(waits)) == 8
    assert all(2.0 <= wait <= 2.0 + BASE_DELAY_S for wait in waits)


async def test_a_wait_that_does_not_fit_is_not_begun() -> None:
    """A provider that asks for more time than is left is taken at its word: the failure is raised at once."""
    error = failure(FailureKind.RATE_LIMITED, 300.0)
    provider = ScriptedProvider([error, REPLY])
    with pytest.raises(ProviderError) as caught:
        await provider.run(deadline=20.0)
    assert caught.value is error
    assert (provider.calls, provider.waits) == (1, [])


async def test_no_attempt_without_time_for_one() -> None:
    """A budget below the least attempt is a timeout without a call; a spent one ends the retries."""
    idle = ScriptedProvider([REPLY])
    with pytest.raises(ProviderError) as caught:
        await idle.run(deadline=0.4)
    assert (caught.value.kind, idle.calls, idle.records) == (FailureKind.TIMEOUT, 0, [])
    spent = ScriptedProvider([failure(FailureKind.SERVER_ERROR), REPLY], takes_s=9.8)
    with pytest.raises(ProviderError) as caught:
        await spent.run(deadline=10.0)
    assert (caught.value.kind, spent.calls) == (FailureKind.SERVER_ERROR, 1)


async def test_the_deadline_ends_a_hanging_attempt() -> None:
    """An attempt that is still running at the deadline is cancelled and recorded as a timeout."""
    loop = asyncio.get_running_loop()
    # On the manual clock there is time left, on the loop's the deadline has passed: it fires at the first chance.
    provider = ScriptedProvider([None], now=loop.time() - 60)
    with pytest.raises(ProviderError) as caught:
        await provider.run(deadline=loop.time())
    assert caught.value.kind is FailureKind.TIMEOUT
    assert provider.left.is_set()
    assert [record.error for record in provider.records] == [caught.value]


async def test_a_callers_cancellation_is_not_retried() -> None:
    """Cancelling the caller raises the cancellation itself; what it cut off is told as such."""
    provider = ScriptedProvider([None])
    call = asyncio.create_task(provider.run())
    await provider.entered.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert [record.error.kind for record in provider.records if record.error] == [FailureKind.DEADLINE]
    assert provider.calls == 1


@given(
    asked=st.lists(st.one_of(st.none(), st.floats(0, 30)), min_size=1, max_size=6),
    takes_s=st.floats(0, 5),
    deadline=st.floats(0.5, 60),
    seed=st.integers(0, 99),
)
def test_the_budget_is_never_passed(asked: list[float | None], takes_s: float, deadline: float, seed: int) -> None:
    """Every attempt begins with its least time left, and no wait is shorter than the provider asked for."""
    began = FOREVER
    # Far ahead of the loop's own clock, so that the loop's timeout never fires.
    provider = ScriptedProvider([failure(FailureKind.RATE_LIMITED, s) for s in asked], takes_s=takes_s, now=began)
    with pytest.raises(ProviderError):
        asyncio.run(provider.run(deadline=began + deadline, max_attempts=len(asked), seed=seed))
    starts, now = [], 0.0
    for wait in [0.0, *provider.waits]:
        starts.append(now + wait)
        now += wait + takes_s
    assert all(start <= deadline - 0.5 + 1e-5 for start in starts)
    assert all(wait >= (s or 0.0) for wait, s in zip(provider.waits, asked, strict=False))
