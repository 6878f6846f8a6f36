"""Tickets in the PostgreSQL log: all statements about them, behind the port of `reviewer.ledger.handoffs`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime

import asyncpg

from reviewer.core.errors import HandoffNotFoundError
from reviewer.core.events import entry_of
from reviewer.core.facets import microseconds, moment_of
from reviewer.core.handoff import Move, applied, step
from reviewer.core.record import Entry
from reviewer.core.review import Position
from reviewer.core.ticket import Decision, Ticket, TicketState
from reviewer.ledger.handoffs import Asked, Filed
from reviewer.ledger.postgres_schema import Connection, Reader
from reviewer.ledger.postgres_text import read, text

Append = Callable[[Entry], Awaitable[Position]]
"""Appends within the writer's transaction."""
HandoffStep = Callable[[Connection, Append], Awaitable[Filed]]
"""What the writer does within its transaction, while it holds the head."""

_COLUMNS = (
    "id, idx, last_idx, review_id, tenant, route, intent, created_us, expires_us, state, token, holder, lease_us, "
    "decision"
)
_ADD = f"""
INSERT INTO handoffs ({_COLUMNS}) SELECT * FROM unnest(
    $1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::bigint[],
    $10::text[], $11::bigint[], $12::text[], $13::bigint[], $14::text[]
)
"""  # noqa: S608 - names of our own
_SELECT = f"SELECT {_COLUMNS} FROM handoffs"  # noqa: S608 - names of our own
_BY_ID = f"{_SELECT} WHERE id = $1"
_BY_REVIEW = f"{_SELECT} WHERE review_id = $1 ORDER BY idx LIMIT 1"
_CHANGE = (
    "UPDATE handoffs SET last_idx = $2, state = $3, token = $4, holder = $5, lease_us = $6, decision = $7 WHERE id = $1"
)
_WAITING = "state IN ('open', 'claimed')"
_OVERDUE = f"{_SELECT} WHERE {_WAITING} AND expires_us IS NOT NULL AND expires_us <= $1 ORDER BY expires_us LIMIT $2"
_ENDED = f"(NOT {_WAITING} OR (expires_us IS NOT NULL AND expires_us <= $2))"
_SETTLED = f"SELECT id FROM handoffs WHERE id = ANY($1::text[]) AND {_ENDED}"  # noqa: S608 - names of our own
_LIVES = f"{_WAITING} AND (expires_us IS NULL OR expires_us > {{0}})"
_HELD = "(lease_us IS NOT NULL AND lease_us > {0})"
_AS_OF = {
    TicketState.OPEN: f"{_LIVES} AND NOT {_HELD}",
    TicketState.CLAIMED: f"{_LIVES} AND {_HELD}",
    TicketState.EXPIRED: f"(state = 'expired' OR ({_WAITING} AND expires_us <= {{0}}))",
}


class PostgresHandoffs:
    """See `HandoffStore`.

    Args:
        reading: lends a connection; raises LedgerUnavailableError.
        write: has the writer take a step, and returns what that returned.
    """

    def __init__(
        self,
        reading: Callable[[], AbstractAsyncContextManager[Reader]],
        write: Callable[[HandoffStep], Awaitable[Filed]],
    ) -> None:
        """Keep both."""
        self._reading = reading
        self._write = write

    async def move(self, move: Move) -> Filed:
        """See `HandoffStore.move`."""
        return await self._write(lambda connection, append: _move(connection, append, move))

    async def find(self, handoff_id: str) -> Filed | None:
        """See `HandoffStore.find`."""
        async with self._reading() as connection:
            return await _one(connection, _BY_ID, handoff_id)

    async def of_review(self, review_id: str) -> Filed | None:
        """See `HandoffStore.of_review`."""
        async with self._reading() as connection:
            return await _one(connection, _BY_REVIEW, review_id)

    async def page(self, asked: Asked, after: int | None, limit: int) -> tuple[Filed, ...]:
        """See `HandoffStore.page`."""
        wanted = _wanted(asked, after)
        conditions = [condition.format(f"${number}") for number, (condition, _) in enumerate(wanted, start=2)]
        sql = f"{_SELECT} WHERE {' AND '.join(conditions) or 'TRUE'} ORDER BY idx LIMIT $1"
        async with self._reading() as connection:
            rows = await connection.fetch(sql, limit, *[value for _, value in wanted])
        return tuple(map(_filed, rows))

    async def overdue(self, now: datetime, limit: int) -> tuple[Ticket, ...]:
        """See `HandoffStore.overdue`."""
        async with self._reading() as connection:
            rows = await connection.fetch(_OVERDUE, microseconds(now), limit)
        return tuple([_filed(row).ticket for row in rows])

    async def settled(self, handoff_ids: tuple[str, ...], now: datetime) -> frozenset[str]:
        """See `HandoffStore.settled`."""
        async with self._reading() as connection:
            rows = await connection.fetch(_SETTLED, list(map(text, handoff_ids)), microseconds(now))
        return frozenset([read(row["id"]) for row in rows])


async def add(connection: Connection, opened: list[tuple[int, Ticket]]) -> None:
    """Open tickets, each with the index of its review, in the transaction that appends those."""
    if not opened:
        return
    rows = [
        (
            text(ticket.id),
            index,
            index,
            *map(text, (ticket.review_id, ticket.tenant, ticket.route, ticket.intent)),
            microseconds(ticket.created_at),
            _us(ticket.expires_at),
            *_changing(ticket),
        )
        for index, ticket in opened
    ]
    await connection.execute(_ADD, *[list(column) for column in zip(*rows, strict=True)])


async def _move(connection: Connection, append: Append, move: Move) -> Filed:
    """See `HandoffStore.move`; no other process moves anything meanwhile, since the head is locked."""
    filed = await _one(connection, _BY_ID, move.handoff_id)
    if filed is None or filed.ticket.tenant != move.tenant:
        raise HandoffNotFoundError(f"no handoff handoffs/{move.handoff_id[:64]}")
    event = step(filed.ticket, move)
    if event is None:
        return filed
    after = applied(filed.ticket, event)
    index = (await append(entry_of(event, move.annex))).index
    await connection.execute(_CHANGE, text(after.id), index, *_changing(after))
    return Filed(after, filed.opened, index)


def _wanted(asked: Asked, after: int | None) -> list[tuple[str, object]]:
    """Return conditions, each with its one value."""
    wanted: list[tuple[str, object]] = []
    if after is not None:
        wanted.append(("idx > {0}", after))
    if asked.tenant is not None:
        wanted.append(("tenant = {0}", text(asked.tenant)))
    if asked.route:
        wanted.append(("route = {0}", text(asked.route)))
    if asked.state in _AS_OF:
        wanted.append((_AS_OF[asked.state], microseconds(asked.now)))
    elif asked.state is not None:
        wanted.append(("state = {0}", asked.state.value))
    return wanted


def _changing(ticket: Ticket) -> tuple[str, int, str, int | None, str | None]:
    return ticket.state, ticket.token, text(ticket.holder), _us(ticket.lease_until), ticket.decision


def _us(moment: datetime | None) -> int | None:
    return None if moment is None else microseconds(moment)


async def _one(connection: Reader, sql: str, name: str) -> Filed | None:
    row = await connection.fetchrow(sql, text(name))
    return None if row is None else _filed(row)


def _filed(row: asyncpg.Record) -> Filed:
    ticket = Ticket(
        id=read(row["id"]),
        review_id=read(row["review_id"]),
        tenant=read(row["tenant"]),
        route=read(row["route"]),
        intent=read(row["intent"]),
        created_at=moment_of(row["created_us"]),
        expires_at=_moment(row["expires_us"]),
        state=TicketState(row["state"]),
        token=row["token"],
        holder=read(row["holder"]),
        lease_until=_moment(row["lease_us"]),
        decision=None if row["decision"] is None else Decision(row["decision"]),
    )
    return Filed(ticket, row["idx"], row["last_idx"])


def _moment(value: int | None) -> datetime | None:
    return None if value is None else moment_of(value)
