"""The port to tickets: where each handoff stands, kept beside the records that say so.

What a store promises:

* **with its record**: a ticket opens in the commit of its review, and each move takes effect in that of its record;
* **one after the other**: a move is judged (`reviewer.core.handoff.step`) by the ticket as it is in that commit: of
  two claims at once one is refused, and of two processes that expire a ticket one does nothing;
* **no more than the log says**: everything here follows from records, and can be rebuilt from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from reviewer.core.handoff import Move
from reviewer.core.ticket import Ticket, TicketState
from reviewer.ledger.interface import Ledger


@dataclass(frozen=True, slots=True)
class Filed:
    """A ticket as the log has it.

    Attributes:
        ticket: as its last record left it; `Ticket.at` says what that is by now.
        opened: index of its review.
        last: index of the last record about it.
    """

    ticket: Ticket
    opened: int
    last: int


@dataclass(frozen=True, slots=True)
class Asked:
    """Which tickets to list; None and empty texts ask for all.

    Attributes:
        state: as it is at `now`.
    """

    now: datetime
    tenant: str | None = None
    route: str = ""
    state: TicketState | None = None


class HandoffStore(Protocol):
    """Tickets of a verdict log."""

    async def move(self, move: Move) -> Filed:
        """Do a move, unless it is done already; return the ticket after it.

        Raises:
            HandoffNotFoundError: the tenant has no such ticket.
            HandoffFinalError, LeaseError: see `reviewer.core.handoff.step`; nothing was written.
            SealedError: the key that the annex is encrypted under was destroyed; nothing was written.
            LedgerUnavailableError: it may or may not have been done.
        """
        ...

    async def find(self, handoff_id: str) -> Filed | None:
        """Return a ticket of any tenant, or None.

        Raises:
            LedgerUnavailableError: the log cannot be read.
        """
        ...

    async def of_review(self, review_id: str) -> Filed | None:
        """Return the ticket that a review opened, or None.

        Raises:
            LedgerUnavailableError: the log cannot be read.
        """
        ...

    async def page(self, asked: Asked, after: int | None, limit: int) -> tuple[Filed, ...]:
        """Return up to `limit` tickets, the oldest first.

        Args:
            after: index of a review; only tickets that were opened behind it are returned.

        Raises:
            LedgerUnavailableError: the log cannot be read.
        """
        ...

    async def overdue(self, now: datetime, limit: int) -> tuple[Ticket, ...]:
        """Return up to `limit` tickets that have expired and of which no record says so.

        Raises:
            LedgerUnavailableError: the log cannot be read.
        """
        ...

    async def settled(self, handoff_ids: tuple[str, ...], now: datetime) -> frozenset[str]:
        """Return which of these tickets, of any tenant, are decided or have expired by now.

        Raises:
            LedgerUnavailableError: the log cannot be read.
        """
        ...


class TicketLedger(Ledger, Protocol):
    """A verdict log with the tickets that its reviews opened."""

    @property
    def handoffs(self) -> HandoffStore:
        """The tickets."""
        ...
