"""Rows of the PostgreSQL log: reading them, and writing a batch of entries in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from datetime import date
from uuid import UUID

import asyncpg

from reviewer.core.errors import SealedError
from reviewer.core.record import Entry
from reviewer.core.review import Position
from reviewer.core.spending import NOTHING, Spent
from reviewer.ledger import postgres_facets, postgres_handoffs
from reviewer.ledger.daily import MOST, totals
from reviewer.ledger.interface import Appended, Stored
from reviewer.ledger.postgres_schema import Connection, Reader
from reviewer.ledger.postgres_text import read, text

_COLUMNS = (
    "e.idx, e.leaf_hash, e.review_id, e.tenant, e.request_id, e.content_digest, e.record, "
    "c.content, c.content_key, e.kind, c.erased_by"
)
_SELECT = f"SELECT {_COLUMNS} FROM"
_JOINED = "k JOIN entries e ON e.idx = k.idx LEFT JOIN contents c ON c.idx = k.idx"
BY_REQUEST = f"{_SELECT} requests {_JOINED} WHERE k.tenant = $1 AND k.request_id = $2"
BY_REVIEW = f"{_SELECT} reviews {_JOINED} WHERE k.review_id = $1 AND e.tenant = $2 AND e.kind = 'review'"
# Both ends for both tables: the planner leaves out the partitions that lie elsewhere.
PAGE = (
    f"{_SELECT} entries e LEFT JOIN contents c ON c.idx = e.idx AND c.idx >= $1 AND c.idx < $2 "
    "WHERE e.idx >= $1 AND e.idx < $2 ORDER BY e.idx"
)
SIZE = "SELECT size FROM head"

_LOCK = "SELECT size, blocks_end, block_rows FROM head FOR UPDATE"
_EXISTING = (
    "SELECT k.tenant, k.request_id, k.idx FROM unnest($1::text[], $2::text[]) AS asked (tenant, request_id) "
    "JOIN requests k ON k.tenant = asked.tenant AND k.request_id = asked.request_id"
)
_LIVING = "SELECT id FROM data_keys WHERE id = ANY ($1::uuid[]) AND wrapped IS NOT NULL"
_OPEN_BLOCKS = "SELECT open_blocks($1)"
# One statement for all five tables: one trip to the server. Their order does not matter to each other.
_INSERT = """
WITH added AS (
    SELECT * FROM unnest(
        $1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::bytea[], $8::text[]
    ) AS a (idx, review_id, tenant, request_id, content_digest, leaf_hash, record, kind)
), named AS (
    INSERT INTO reviews (review_id, idx) SELECT review_id, idx FROM added
), asked AS (
    INSERT INTO requests (tenant, request_id, idx)
    SELECT tenant, request_id, idx FROM added WHERE request_id IS NOT NULL
), told AS (
    INSERT INTO contents (idx, content, content_key)
    SELECT * FROM unnest($1::bigint[], $9::bytea[], $10::bytea[]) AS c (idx, content, key) WHERE content IS NOT NULL
), annexed AS (
    INSERT INTO annexes (review_id, idx)
    SELECT * FROM unnest($11::text[], $1::bigint[]) AS x (review_id, idx) WHERE review_id IS NOT NULL
)
INSERT INTO entries (idx, review_id, tenant, request_id, content_digest, leaf_hash, record, kind)
SELECT * FROM added
"""
_MOVE_HEAD = "UPDATE head SET size = $1, beat = beat + 1"

_FIGURES = ("micro_usd", "calls", "unpriced_calls", "input_tokens", "cached_input_tokens", "output_tokens")
_OF_DAY = f"SELECT tenant, {', '.join(_FIGURES)} FROM spending WHERE day = $1"  # noqa: S608 - names of our own
_OF_TENANT = f"{_OF_DAY} AND tenant = $2"
_ADD = (
    f"INSERT INTO spending (tenant, day, {', '.join(_FIGURES)}) "  # noqa: S608 - names of our own
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (day, tenant) DO UPDATE SET "
    + ", ".join(f"{figure} = least(spending.{figure} + excluded.{figure}, {MOST})" for figure in _FIGURES)
)


class Transaction:
    """What the writer does between BEGIN and COMMIT.

    The head is locked: from there to the commit no other process assigns indexes or takes request ids, and what those
    before it wrote can be seen.
    """

    def __init__(self, connection: Connection, size: int, blocks_end: int, block_rows: int) -> None:
        """Begin where the head says."""
        self.connection = connection
        self._size = size
        self._blocks_end = blocks_end
        self._block_rows = block_rows

    async def append(self, entry: Entry) -> Position:
        """Write one entry that is no review.

        Raises:
            SealedError: see `append_all`.
        """
        (result,) = await self.append_all([entry])
        if isinstance(result, SealedError):
            raise result
        return result.position

    async def append_all(self, entries: Sequence[Entry]) -> list[Appended | SealedError]:
        """Write entries, but those whose request id is there already, or whose data key was destroyed meanwhile."""
        held = await _held(self.connection, [entry for entry in entries if entry.request_id])
        destroyed = await _destroyed(self.connection, {entry.data_key for entry in entries if entry.data_key})
        results: list[Appended | SealedError] = []
        added: list[Entry] = []
        for entry in entries:
            key = (entry.tenant, entry.request_id)
            if entry.request_id and (existing := held.get(key)) is not None:
                results.append(Appended(existing.position, existing))
                continue
            if entry.data_key in destroyed:
                results.append(SealedError(f"data key {entry.data_key} was destroyed"))
                continue
            position = Position(self._size + len(added), entry.leaf_hash)
            results.append(Appended(position))
            added.append(entry)
            if entry.request_id:
                held[key] = _as_stored(entry, position)
        await self._insert(added)
        return results

    async def end(self) -> None:
        """Move the head, also where nothing was added: a probe proves itself by a real commit."""
        await self.connection.execute(_MOVE_HEAD, self._size)

    async def _insert(self, added: list[Entry]) -> None:
        if not added:
            return
        # A tenth of a block ahead, so that the rare batch that makes one is not also the one that needs it.
        ahead = self._size + len(added) + self._block_rows // 10
        if ahead > self._blocks_end:
            await self.connection.execute(_OPEN_BLOCKS, ahead)
        await self.connection.execute(_INSERT, *_columns(added, self._size))
        await postgres_facets.add(self.connection, self._size, [entry.facets for entry in added])
        opened = [(index, entry.ticket) for index, entry in enumerate(added, start=self._size) if entry.ticket]
        await postgres_handoffs.add(self.connection, opened)
        await _count(self.connection, added)
        self._size += len(added)


async def begin(connection: Connection) -> Transaction:
    """Lock the head, in a transaction that the caller has begun and will commit."""
    row = await connection.fetchrow(_LOCK)
    assert row is not None
    return Transaction(connection, row["size"], row["blocks_end"], row["block_rows"])


def stored(row: asyncpg.Record) -> Stored:
    """Read an entry."""
    index, leaf, review_id, tenant, request_id, digest, record, content, key, kind, erased_by = row
    texts = (read(review_id), read(tenant), read(request_id or ""), digest)
    return Stored(Position(index, leaf), *texts, record, content, key, kind, erased_by)


def _spent(row: asyncpg.Record) -> tuple[str, Spent]:
    tenant, *figures = row
    return read(tenant), Spent(*figures)


async def of_day(connection: Reader, day: date) -> tuple[tuple[str, Spent], ...]:
    """Return what a day cost, by tenant in alphabetical order."""
    return tuple(sorted(map(_spent, await connection.fetch(_OF_DAY, day)), key=lambda row: row[0]))


async def of_tenant(connection: Reader, tenant: str, day: date) -> Spent:
    """Return what a day cost one tenant."""
    row = await connection.fetchrow(_OF_TENANT, day, text(tenant))
    return NOTHING if row is None else _spent(row)[1]


async def _destroyed(connection: Connection, keys: set[UUID]) -> set[UUID]:
    """Return those data keys that are there no more."""
    if not keys:
        return set()
    return keys - {row["id"] for row in await connection.fetch(_LIVING, list(keys))}


async def _held(connection: Connection, named: list[Entry]) -> dict[tuple[str, str], Stored]:
    """Return the entries that hold one of these request ids already, by tenant and request id."""
    if not named:
        return {}
    tenants, requests = [text(entry.tenant) for entry in named], [text(entry.request_id) for entry in named]
    found = {(row["tenant"], row["request_id"]) for row in await connection.fetch(_EXISTING, tenants, requests)}
    # Seldom any: each is then read by itself.
    rows = [await connection.fetchrow(BY_REQUEST, *key) for key in found]
    entries = [stored(row) for row in rows if row is not None]
    return {(entry.tenant, entry.request_id): entry for entry in entries}


def _columns(added: list[Entry], size: int) -> tuple[list[object], ...]:
    return (
        list(range(size, size + len(added))),
        [text(entry.review_id) for entry in added],
        [text(entry.tenant) for entry in added],
        [text(entry.request_id) if entry.request_id else None for entry in added],
        [entry.content_digest for entry in added],
        [entry.leaf_hash for entry in added],
        [entry.record for entry in added],
        [entry.kind for entry in added],
        [entry.content or None for entry in added],
        [entry.content_key for entry in added],
        [text(entry.annex_of) if entry.annex_of and entry.content else None for entry in added],
    )


async def _count(connection: Connection, added: list[Entry]) -> None:
    rows = [
        (text(tenant), day, *(min(figure, MOST) for figure in astuple(spent)))
        for (tenant, day), spent in totals(added).items()
    ]
    if rows:
        await connection.executemany(_ADD, rows)


def _as_stored(entry: Entry, position: Position) -> Stored:
    return Stored(
        position,
        entry.review_id,
        entry.tenant,
        entry.request_id,
        entry.content_digest,
        entry.record,
        entry.content or None,
        entry.content_key if entry.content else None,
        entry.kind,
    )
