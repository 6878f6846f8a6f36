"""One deadline-aware retry loop for all providers; adapters and SDKs do not retry.

The deadline is a budget: an attempt is made only where it can still get `min_attempt_s`, and a wait that does not fit
is not begun. Which failures are worth another attempt is said by `FailureKind.retryable`, not here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from random import Random

from reviewer.core.outcome import FailureKind, Reply
from reviewer.core.prompt import Prompt
from reviewer.providers.interface import Listener, ProviderError, ReviewerProvider

BASE_DELAY_S = 0.2
MAX_DELAY_S = 5.0


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One attempt; exactly one of `reply` and `error` is there.

    Attributes:
        latency_us: from request to reply or failure, microseconds.
    """

    latency_us: int
    reply: Reply | None
    error: ProviderError | None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How far a call may go, and the world it goes on in.

    Attributes:
        max_attempts: at least 1.
        min_attempt_s: seconds below which an attempt has no chance.
        clock: seconds on the event loop's clock, in which deadlines are told.
        rng: draws the jitter.
        sleep: waits; a test gives its own.
    """

    max_attempts: int
    min_attempt_s: float
    clock: Callable[[], float]
    rng: Random
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


async def complete_with_retry(  # noqa: PLR0913 - the call's own arguments, and who hears of it
    provider: ReviewerProvider,
    model: str,
    prompt: Prompt,
    *,
    deadline: float,
    policy: RetryPolicy,
    on_attempt: Callable[[AttemptRecord], None],
    listen: Callable[[], Listener] | None = None,
) -> Reply:
    """Send one prompt, again where that may help and time allows.

    Args:
        deadline: on the event loop's clock; the attempt that is running then is cancelled.
        on_attempt: called after each attempt that came to an end, before any wait; not for one that the caller
            cancelled.
        listen: gives each attempt a listener of its own; plain calls without it.

    Raises:
        ProviderError: the last attempt's; `TIMEOUT` where the deadline came first or left no time for any attempt.
    """
    if deadline - policy.clock() < policy.min_attempt_s:
        raise ProviderError(FailureKind.TIMEOUT, f"{provider.name}: less than {policy.min_attempt_s:g} s left to call")
    attempt = 0
    while True:
        began = policy.clock()
        call = provider.complete(model, prompt, listen()) if listen else provider.complete(model, prompt)
        outcome = await _attempt(provider.name, call, deadline)
        latency_us = round((policy.clock() - began) * 1_000_000)
        if isinstance(outcome, Reply):
            on_attempt(AttemptRecord(latency_us, outcome, None))
            return outcome
        on_attempt(AttemptRecord(latency_us, None, outcome))
        attempt += 1
        if attempt >= policy.max_attempts or not outcome.kind.retryable:
            raise outcome
        room = deadline - policy.clock() - policy.min_attempt_s
        asked = outcome.retry_after_s or 0.0
        if asked > room:
            raise outcome
        # Full jitter on top of what the provider asked for: all who were told "2 s" must not come back together.
        backoff = policy.rng.uniform(0, min(MAX_DELAY_S, BASE_DELAY_S * 2 ** (attempt - 1)))
        await policy.sleep(min(asked + backoff, room))


async def _attempt(name: str, call: Coroutine[None, None, Reply], deadline: float) -> Reply | ProviderError:
    try:
        async with asyncio.timeout_at(deadline):
            return await call
    except ProviderError as exc:
        return exc
    except TimeoutError:
        return ProviderError(FailureKind.TIMEOUT, f"{name}: no reply before the deadline")
