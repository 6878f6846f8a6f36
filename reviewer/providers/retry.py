"""One deadline-aware retry loop for all providers; adapters and SDKs do not retry.

The deadline is a budget: an attempt is made only where it can still get `min_attempt_s`, and a wait that does not fit
is not begun. Which failures are worth another attempt is said by `FailureKind.retryable`, not here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

from reviewer.core.outcome import FailureKind, Reply
from reviewer.providers.interface import ProviderError

BASE_DELAY_S = 0.2
MAX_DELAY_S = 5.0


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


async def complete_with_retry(
    attempt: Callable[[], Awaitable[Reply]], *, deadline: float, policy: RetryPolicy
) -> Reply:
    """Make an attempt, and again where that may help and time allows.

    Args:
        attempt: ends by the deadline itself; raises ProviderError.
        deadline: on the event loop's clock.

    Raises:
        ProviderError: the last attempt's; `TIMEOUT` where there was no time for any.
    """
    if deadline - policy.clock() < policy.min_attempt_s:
        raise ProviderError(FailureKind.TIMEOUT, f"less than {policy.min_attempt_s:g} s left to call")
    failed = 0
    while True:
        try:
            return await attempt()
        except ProviderError as exc:
            failure = exc
        failed += 1
        if failed >= policy.max_attempts or not failure.kind.retryable:
            raise failure
        room = deadline - policy.clock() - policy.min_attempt_s
        asked = failure.retry_after_s or 0.0
        if asked > room:
            raise failure
        # Full jitter on top of what the provider asked for: all who were told "2 s" must not come back together.
        backoff = policy.rng.uniform(0, min(MAX_DELAY_S, BASE_DELAY_S * 2 ** (failed - 1)))
        await policy.sleep(min(asked + backoff, room))
