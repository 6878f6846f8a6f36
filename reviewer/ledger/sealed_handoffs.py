"""Tickets whose resolutions are encrypted before a store sees them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime

from reviewer.core.errors import LedgerUnavailableError, SealedError
from reviewer.core.events import Annex
from reviewer.core.handoff import Move
from reviewer.core.ticket import Ticket
from reviewer.ledger.handoffs import Asked, Filed, HandoffStore

_TRIES = 3

Encrypt = Callable[[str, str, Annex], Awaitable[Annex]]
"""Encrypts an annex for a tenant and an event's id."""


class SealedHandoffs:
    """See `HandoffStore`."""

    def __init__(self, inner: HandoffStore, encrypt: Encrypt) -> None:
        """Keep both."""
        self._inner = inner
        self._encrypt = encrypt

    async def move(self, move: Move) -> Filed:
        """See `HandoffStore.move`."""
        if move.annex is None:
            return await self._inner.move(move)
        for _ in range(_TRIES):
            annex = await self._encrypt(move.tenant, move.event_id, move.annex)
            try:
                return await self._inner.move(replace(move, annex=annex))
            except SealedError:
                # The key was destroyed in between; the next one is made for the next try.
                continue
        raise LedgerUnavailableError("the tenant's data keys were destroyed as often as they were made")

    async def find(self, handoff_id: str) -> Filed | None:
        """See `HandoffStore.find`."""
        return await self._inner.find(handoff_id)

    async def of_review(self, review_id: str) -> Filed | None:
        """See `HandoffStore.of_review`."""
        return await self._inner.of_review(review_id)

    async def page(self, asked: Asked, after: int | None, limit: int) -> tuple[Filed, ...]:
        """See `HandoffStore.page`."""
        return await self._inner.page(asked, after, limit)

    async def overdue(self, now: datetime, limit: int) -> tuple[Ticket, ...]:
        """See `HandoffStore.overdue`."""
        return await self._inner.overdue(now, limit)

    async def settled(self, handoff_ids: tuple[str, ...], now: datetime) -> frozenset[str]:
        """See `HandoffStore.settled`."""
        return await self._inner.settled(handoff_ids, now)
