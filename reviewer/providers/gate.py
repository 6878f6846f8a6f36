"""The gate before one model: how many calls may be there at once, and who comes next when a place comes free.

First in, first out within a tenant, round robin between tenants: whoever floods the queue waits behind nobody but
himself. A place is handed from the one who leaves straight to the one who waited; nothing is woken in vain, and no
task watches over it. Invariant: while anybody waits, no place is free. Belongs to one event loop.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict


class Gate:
    """Places at one model.

    Args:
        places: calls at once, at least 1.
    """

    def __init__(self, places: int) -> None:
        """Start empty."""
        self._free = places
        # Tenants in the order in which they are served; one stands here only while somebody of it waits.
        self._queues: OrderedDict[str, OrderedDict[asyncio.Future[bool], None]] = OrderedDict()

    @property
    def free(self) -> int:
        """Places that anybody may take at once."""
        return self._free

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(len(queue) for queue in self._queues.values())

    def try_enter(self) -> bool:
        """Take a place if one is free, and say so; overtakes nobody, for where one is free nobody waits."""
        if self._free == 0:
            return False
        self._free -= 1
        return True

    async def enter(self, tenant: str, wait_s: float) -> bool:
        """Take a place, waiting for it for at most `wait_s` seconds.

        Returns:
            Whether there is a place now; whoever has one must `leave`. Cancelled, the waiter has none, and one that was
            handed to it in that very moment has gone on to the next.
        """
        if self.try_enter():
            return True
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[bool] = loop.create_future()
        self._queues.setdefault(tenant, OrderedDict())[turn] = None
        timer = loop.call_later(wait_s, self._give_up, tenant, turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._forget(tenant, turn)
            elif turn.result():
                self.leave()
            raise
        finally:
            timer.cancel()

    def leave(self) -> None:
        """Give a place up: to the longest waiting of the tenant whose turn it is, or else to whoever comes."""
        while self._queues:
            tenant, queue = next(iter(self._queues.items()))
            turn, _ = queue.popitem(last=False)
            if not queue:
                del self._queues[tenant]
            if turn.done():
                # Its waiter is being cancelled and has not run yet; the turn is still this tenant's.
                continue
            if queue:
                self._queues.move_to_end(tenant)
            turn.set_result(True)
            return
        self._free += 1

    def _give_up(self, tenant: str, turn: asyncio.Future[bool]) -> None:
        if not turn.done():
            self._forget(tenant, turn)
            turn.set_result(False)

    def _forget(self, tenant: str, turn: asyncio.Future[bool]) -> None:
        queue = self._queues.get(tenant)
        if queue is not None and turn in queue:
            del queue[turn]
            if not queue:
                del self._queues[tenant]
