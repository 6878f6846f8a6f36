"""Waiting for tickets: one look for everybody, and nobody forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack

import pytest

from reviewer.core.errors import LedgerUnavailableError, TooManyWaitingError
from reviewer.waiters import Waiters

Settled = Callable[[tuple[str, ...]], Awaitable[frozenset[str]]]
QUICK_S = 0.001


def waiters(settled: Settled, *, draining: bool = False, most: int = 5_000) -> Waiters:
    """Waiters who look at the log often."""
    return Waiters(settled, lambda: draining, QUICK_S, most)


class Log:
    """Which tickets are settled; every look is kept, and whoever wants one waits for it."""

    def __init__(self) -> None:
        self.settled: frozenset[str] = frozenset()
        self.looks: list[tuple[str, ...]] = []
        self.fails = False
        self._looked = asyncio.Condition()

    async def __call__(self, handoff_ids: tuple[str, ...]) -> frozenset[str]:
        """Look once."""
        async with self._looked:
            self.looks.append(handoff_ids)
            self._looked.notify_all()
        if self.fails:
            raise LedgerUnavailableError("gone")
        return self.settled & frozenset(handoff_ids)

    async def after(self, count: int) -> None:
        """Return after so many looks."""
        async with asyncio.timeout(20), self._looked:
            await self._looked.wait_for(lambda: len(self.looks) >= count)


async def test_one_look_serves_everybody() -> None:
    """A thousand who wait for two hundred tickets are one question, and only those of a settled ticket are woken."""
    log = Log()
    waiting = waiters(log)
    with ExitStack() as stack:
        wakers = [(number % 200, stack.enter_context(waiting.waiting(f"t{number % 200}"))) for number in range(1_000)]
        await log.after(2)
        assert {len(look) for look in log.looks} == {200}
        assert not any(waker.is_set() for _, waker in wakers)
        log.settled = frozenset({"t7"})
        async with asyncio.timeout(20):
            await asyncio.gather(*[waker.wait() for ticket, waker in wakers if ticket == 7])
        assert {ticket for ticket, waker in wakers if waker.is_set()} == {7}
    await waiting.close()


async def test_nobody_waiting_is_no_look() -> None:
    """Looking stops with the last who waits, and begins again with the next."""
    log = Log()
    waiting = waiters(log)
    for ticket in ("a", "b"):
        seen = len(log.looks)
        with waiting.waiting(ticket):
            await log.after(seen + 1)
        async with asyncio.timeout(20):
            while len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110 - a task of nobody's ends by itself
                await asyncio.sleep(QUICK_S)
    assert set(log.looks) == {("a",), ("b",)}
    await waiting.close()


@pytest.mark.parametrize("why", ["the log fails", "the server drains"])
async def test_trouble_wakes_everybody(why: str) -> None:
    """Where the log cannot be read, and where the server shuts down, everybody has a look of their own."""
    log = Log()
    log.fails = why == "the log fails"
    waiting = waiters(log, draining=not log.fails)
    with waiting.waiting("a") as one, waiting.waiting("b") as other:
        async with asyncio.timeout(20):
            await asyncio.gather(one.wait(), other.wait())
    assert bool(log.looks) is log.fails
    await waiting.close()


async def test_what_happens_here_is_known_at_once() -> None:
    """A change in this process wakes whoever waits for that ticket, and nobody else."""
    log = Log()
    waiting = waiters(log)
    with waiting.waiting("a") as one, waiting.waiting("a") as two, waiting.waiting("b") as other:
        waiting.wake("a")
        waiting.wake("nobody's")
        assert (one.is_set(), two.is_set(), other.is_set()) == (True, True, False)
    await waiting.close()
    assert log.looks == []


async def test_there_is_a_bound() -> None:
    """Who is one too many is told so, and a place that was left can be taken."""
    waiting = waiters(Log(), most=1)
    with waiting.waiting("a"), pytest.raises(TooManyWaitingError, match="1 callers wait, at most 1"):
        waiting.waiting("b").__enter__()
    with waiting.waiting("b"):
        pass
    await waiting.close()
