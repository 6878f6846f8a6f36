"""Tickets in the SQLite log: all statements about them, behind the port of `reviewer.ledger.handoffs`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

import apsw

from reviewer.core.errors import HandoffNotFoundError
from reviewer.core.events import entry_of
from reviewer.core.facets import microseconds, moment_of
from reviewer.core.handoff import Move, applied, step
from reviewer.core.record import Entry
from reviewer.core.ticket import Decision, Ticket, TicketState
from reviewer.ledger.handoffs import Asked, Filed
from reviewer.ledger.interface import Appended
from reviewer.ledger.sqlite_connection import translated

T = TypeVar("T")
Append = Callable[[Entry], Appended]
"""Appends within the writer's transaction."""
HandoffStep = Callable[[apsw.Connection, Append], Filed]
"""What the writer does within its transaction."""

_ADD = (
    "INSERT INTO handoffs (id, idx, last_idx, review_id, tenant, route, intent, created_us, expires_us, "
    "state, token, holder, lease_us, decision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_SELECT = (
    "SELECT id, idx, last_idx, review_id, tenant, route, intent, created_us, expires_us, "
    "state, token, holder, lease_us, decision FROM handoffs"
)
_BY_ID = f"{_SELECT} WHERE id = ?"
_BY_REVIEW = f"{_SELECT} WHERE review_id = ? ORDER BY idx LIMIT 1"
_CHANGE = "UPDATE handoffs SET last_idx = ?, state = ?, token = ?, holder = ?, lease_us = ?, decision = ? WHERE id = ?"
_WAITING = "state IN ('open', 'claimed')"
_OVERDUE = f"{_SELECT} WHERE {_WAITING} AND expires_us IS NOT NULL AND expires_us <= ? ORDER BY expires_us LIMIT ?"
_ENDED = f"(NOT {_WAITING} OR (expires_us IS NOT NULL AND expires_us <= ?))"
_SETTLED = f"SELECT id FROM handoffs WHERE id IN carray(?) AND {_ENDED}"  # noqa: S608 - names of our own
_LIVES = f"{_WAITING} AND (expires_us IS NULL OR expires_us > :now)"
_HELD = "(lease_us IS NOT NULL AND lease_us > :now)"
_IN_STATE = {
    TicketState.OPEN: f"{_LIVES} AND NOT {_HELD}",
    TicketState.CLAIMED: f"{_LIVES} AND {_HELD}",
    TicketState.RESOLVED: "state = 'resolved'",
    TicketState.EXPIRED: f"(state = 'expired' OR ({_WAITING} AND expires_us <= :now))",
}


class SqliteHandoffs:
    """See `HandoffStore`.

    Args:
        connection: of a reader, or LedgerUnavailableError.
        write: has the writer take a step, and returns what that returned.
    """

    def __init__(
        self, connection: Callable[[], apsw.Connection], write: Callable[[HandoffStep], Awaitable[Filed]]
    ) -> None:
        """Keep both."""
        self._connection = connection
        self._write = write

    async def move(self, move: Move) -> Filed:
        """See `HandoffStore.move`."""
        return await self._write(lambda connection, append: _move(connection, append, move))

    async def find(self, handoff_id: str) -> Filed | None:
        """See `HandoffStore.find`."""
        with translated("read"):
            return _one(self._connection(), _BY_ID, handoff_id)

    async def of_review(self, review_id: str) -> Filed | None:
        """See `HandoffStore.of_review`."""
        with translated("read"):
            return _one(self._connection(), _BY_REVIEW, review_id)

    async def page(self, asked: Asked, after: int | None, limit: int) -> tuple[Filed, ...]:
        """See `HandoffStore.page`."""
        conditions = {
            "idx > :after": after is not None,
            "tenant = :tenant": asked.tenant is not None,
            "route = :route": asked.route != "",
            _IN_STATE.get(asked.state or TicketState.OPEN, ""): asked.state is not None,
        }
        wanted = " AND ".join([condition for condition, holds in conditions.items() if holds]) or "TRUE"
        values = {
            "after": after,
            "tenant": asked.tenant,
            "route": asked.route,
            "now": microseconds(asked.now),
            "limit": limit,
        }
        with translated("read"):
            rows = self._connection().execute(f"{_SELECT} WHERE {wanted} ORDER BY idx LIMIT :limit", values)
            return tuple(map(_filed, rows.fetchall()))

    async def overdue(self, now: datetime, limit: int) -> tuple[Ticket, ...]:
        """See `HandoffStore.overdue`."""
        with translated("read"):
            rows = self._connection().execute(_OVERDUE, (microseconds(now), limit)).fetchall()
        return tuple([_filed(row).ticket for row in rows])

    async def settled(self, handoff_ids: tuple[str, ...], now: datetime) -> frozenset[str]:
        """See `HandoffStore.settled`."""
        if not handoff_ids:
            return frozenset()
        with translated("read"):
            rows = self._connection().execute(_SETTLED, (apsw.carray(handoff_ids), microseconds(now))).fetchall()
        return frozenset([str(handoff_id) for (handoff_id,) in rows])


def add(connection: apsw.Connection, index: int, ticket: Ticket) -> None:
    """Open a ticket, in the transaction that appends its review."""
    opened = (ticket.id, index, index, ticket.review_id, ticket.tenant, ticket.route, ticket.intent)
    connection.execute(_ADD, (*opened, microseconds(ticket.created_at), _us(ticket.expires_at), *_changing(ticket)))


def _move(connection: apsw.Connection, append: Append, move: Move) -> Filed:
    """See `HandoffStore.move`."""
    filed = _one(connection, _BY_ID, move.handoff_id)
    if filed is None or filed.ticket.tenant != move.tenant:
        raise HandoffNotFoundError(f"no handoff handoffs/{move.handoff_id[:64]}")
    event = step(filed.ticket, move)
    if event is None:
        return filed
    after = applied(filed.ticket, event)
    index = append(entry_of(event, move.annex)).position.index
    connection.execute(_CHANGE, (index, *_changing(after), after.id))
    return Filed(after, filed.opened, index)


def _changing(ticket: Ticket) -> tuple[str, int, str, int | None, str | None]:
    return ticket.state, ticket.token, ticket.holder, _us(ticket.lease_until), ticket.decision


def _us(moment: datetime | None) -> int | None:
    return None if moment is None else microseconds(moment)


def _one(connection: apsw.Connection, sql: str, name: str) -> Filed | None:
    row = connection.execute(sql, (name,)).fetchone()
    return None if row is None else _filed(row)


def _filed(row: apsw.SQLiteValues) -> Filed:
    (
        handoff_id,
        index,
        last,
        review_id,
        tenant,
        route,
        intent,
        created,
        expires,
        state,
        token,
        holder,
        lease,
        decided,
    ) = row
    assert isinstance(index, int)
    assert isinstance(last, int)
    assert isinstance(token, int)
    ticket = Ticket(
        str(handoff_id),
        str(review_id),
        str(tenant),
        str(route),
        str(intent),
        _whole(created),
        _moment(expires),
        TicketState(str(state)),
        token,
        str(holder),
        _moment(lease),
        Decision(str(decided)) if decided is not None else None,
    )
    return Filed(ticket, index, last)


def _whole(value: apsw.SQLiteValue) -> datetime:
    assert isinstance(value, int)
    return moment_of(value)


def _moment(value: apsw.SQLiteValue) -> datetime | None:
    return None if value is None else _whole(value)
