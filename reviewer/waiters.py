"""Who waits for which ticket. One look at the log answers for all of them, however many they are.

What this process does to a ticket wakes its waiters at once; what another process did is seen at the next look.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator

from reviewer.core.errors import LedgerError, TooManyWaitingError

_RETRY_S = 1.0


class Waiters:
    """Looks at the log only while somebody waits.

    Args:
        settled: returns which of these tickets are decided or have expired; raises LedgerError.
        draining: whether the server is shutting down: then everybody is woken.
        poll_s: between two looks.
        most: who may wait at once.
    """

    def __init__(
        self,
        settled: Callable[[tuple[str, ...]], Awaitable[frozenset[str]]],
        draining: Callable[[], bool],
        poll_s: float,
        most: int,
    ) -> None:
        """Keep the collaborators."""
        self._settled = settled
        self._draining = draining
        self._poll_s = poll_s
        self._most = most
        self._wakers: dict[str, set[asyncio.Event]] = {}
        self._count = 0
        self._looking: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def waiting(self, handoff_id: str) -> Iterator[asyncio.Event]:
        """Lend an event that is set whenever the ticket is worth another look.

        Raises:
            TooManyWaitingError: too many wait already.
        """
        if self._count >= self._most:
            raise TooManyWaitingError(f"{self._count} callers wait, at most {self._most}", _RETRY_S)
        waker = asyncio.Event()
        wakers = self._wakers.setdefault(handoff_id, set())
        wakers.add(waker)
        self._count += 1
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        try:
            yield waker
        finally:
            self._count -= 1
            wakers.discard(waker)
            if not wakers:
                del self._wakers[handoff_id]

    def wake(self, handoff_id: str) -> None:
        """Tell those who wait for a ticket that it changed."""
        for waker in self._wakers.get(handoff_id, ()):
            waker.set()

    async def close(self) -> None:
        """Look no more. Who still waits does so until the time is over."""
        if self._looking is not None:
            self._looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._looking

    async def _look(self) -> None:
        try:
            while self._wakers:
                await asyncio.sleep(self._poll_s)
                for handoff_id in await self._worth_a_look():
                    self.wake(handoff_id)
        finally:
            # No pause since the loop ended: who comes from now on starts another.
            self._looking = None

    async def _worth_a_look(self) -> frozenset[str]:
        waited_for = tuple(self._wakers)
        if self._draining() or not waited_for:
            return frozenset(waited_for)
        try:
            return await self._settled(waited_for)
        except LedgerError:
            # Each finds out by itself what is wrong, and tells its caller.
            return frozenset(waited_for)
