"""Tickets in the PostgreSQL log: not kept there yet, and said so. Handoffs are in the records of reviews anyway."""

# ruff: noqa: ARG002 - the protocol names the parameters

from __future__ import annotations

from datetime import datetime
from typing import NoReturn

from reviewer.core.errors import LedgerUnavailableError
from reviewer.core.handoff import Move
from reviewer.core.ticket import Ticket
from reviewer.ledger.handoffs import Asked, Filed


class PostgresHandoffs:
    """See `HandoffStore`; nothing is ever written, and no answer passes for an empty desk."""

    async def move(self, move: Move) -> Filed:
        """See `HandoffStore.move`."""
        _refuse()

    async def find(self, handoff_id: str) -> Filed | None:
        """See `HandoffStore.find`."""
        _refuse()

    async def of_review(self, review_id: str) -> Filed | None:
        """See `HandoffStore.of_review`."""
        _refuse()

    async def page(self, asked: Asked, after: int | None, limit: int) -> tuple[Filed, ...]:
        """See `HandoffStore.page`."""
        _refuse()

    async def overdue(self, now: datetime, limit: int) -> tuple[Ticket, ...]:
        """See `HandoffStore.overdue`; what has expired counts as rejected without a record too."""
        return ()


def _refuse() -> NoReturn:
    raise LedgerUnavailableError("tickets are not kept in PostgreSQL logs yet")
