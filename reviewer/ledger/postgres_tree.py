"""The log's tree in the PostgreSQL log: read over the pool, written over a connection of the sequencer's own.

That one sequencer works and the others rest is settled by an advisory lock of its session: it goes with the connection,
and a process that stands still loses it after `LEASE_S`. The lock saves work, and no more. That the tree never forks is
a matter of the heads: each names the size that it builds on, and no two may name the same one, so that of two
sequencers that both believe in their election one writes and the other is told so.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager

import asyncpg

from reviewer.core.errors import LedgerCorruptError, LedgerUnavailableError
from reviewer.core.note import Signature
from reviewer.core.tiles import Tile
from reviewer.ledger.postgres_schema import Connection, Reader
from reviewer.ledger.postgres_writer import told
from reviewer.ledger.tree import Cosignature, Pending, SignedHead

LEASE_S = 10.0
"""How long the server waits for a word of an elected sequencer before it ends its session."""
_STEP_S = 10.0
"""For what is done over the sequencer's connection at a time."""

_SELECT_HEAD = "SELECT size, root, note, signed_at FROM heads"
_NEWEST = f"{_SELECT_HEAD} ORDER BY size DESC LIMIT 1"
_HEADS = f"{_SELECT_HEAD} WHERE size > $1 ORDER BY size LIMIT $2"
# Both ends, since the planner leaves out partitions that lie elsewhere.
_LEAVES = "SELECT idx, leaf_hash FROM entries WHERE idx >= $1 AND idx < $2 ORDER BY idx"
_TILE = "SELECT data FROM tiles WHERE level = $1 AND idx = $2"

# One lock a log: several may live in schemas of one database. The number before it is ours among all programs.
_STAND = "SELECT pg_try_advisory_lock(7236833::bigint << 32 | 'heads'::regclass::oid::bigint)"
_STAY = "SELECT true"
_ADD_HEAD = """
INSERT INTO heads (size, built_on, root, note, signed_at)
SELECT $1, $2, $3, $4, $5 WHERE $2 = (SELECT coalesce(max(size), 0) FROM heads)
ON CONFLICT DO NOTHING RETURNING size
"""
_WRITE_TILES = """
INSERT INTO tiles (level, idx, data) SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bytea[])
ON CONFLICT (level, idx) DO UPDATE SET data = excluded.data
"""
_ADD_COSIGNATURE = """
INSERT INTO cosignatures (size, name, key_id, value) VALUES ($1, $2, $3, $4) ON CONFLICT (size, name, key_id) DO NOTHING
"""
_COSIGNATURES = """
SELECT size, name, key_id, value FROM cosignatures
WHERE size <= $1 ORDER BY size DESC, name COLLATE "C", key_id LIMIT $2
"""


class PostgresTree:
    """See `TreeStore`.

    Args:
        reading: lends a connection to read from, and turns the driver's errors into ours.
        connect: opens the sequencer's connection, which is opened where it is needed first.
    """

    def __init__(
        self, reading: Callable[[], AbstractAsyncContextManager[Reader]], connect: Callable[[], Awaitable[Connection]]
    ) -> None:
        """Keep both; nothing is opened yet."""
        self._reading = reading
        self._connect = connect
        self._connection: Connection | None = None
        self._one_step = asyncio.Lock()
        self._elected = False
        self._closed = False

    async def close(self) -> None:
        """Close the sequencer's connection, after a step that is under way; the election ends with it."""
        self._closed = True
        async with self._one_step:
            self._drop()

    async def elected(self) -> bool:
        """See `TreeStore.elected`."""
        async with self._stepping() as connection:
            # Once elected, a word to the server is enough: as long as it answers here, the lock is held.
            self._elected = bool(await connection.fetchval(_STAY if self._elected else _STAND))
            return self._elected

    async def pending(self, limit: int) -> Pending:
        """See `TreeStore.pending`."""
        async with self._reading() as connection:
            # In this order: entries stay, so that those that a head covers are there whenever it is.
            head = _signed_head(await connection.fetchrow(_NEWEST))
            covered = head.size if head else 0
            first = max(covered - 1, 0)
            rows = await connection.fetch(_LEAVES, first, covered + limit)
        leaves: list[bytes] = []
        for at, (index, leaf) in enumerate(rows, start=first):
            if index != at:
                raise LedgerCorruptError(f"entry {at} is missing from the log")
            leaves.append(leaf)
        if not covered:
            return Pending(head, None, tuple(leaves))
        if not leaves:
            raise LedgerCorruptError(f"the log ends before entry {first}, which its newest head covers")
        return Pending(head, leaves[0], tuple(leaves[1:]))

    async def read_tile(self, tile: Tile) -> bytes:
        """See `TreeStore.read_tile`."""
        async with self._reading() as connection:
            return await connection.fetchval(_TILE, tile.level, tile.index) or b""

    async def integrate(self, size_before: int, changed_tiles: Mapping[Tile, bytes], head: SignedHead) -> bool:
        """See `TreeStore.integrate`."""
        async with self._stepping() as connection:
            try:
                # The head before its tiles: who loses the race has waited for the winner, and writes none.
                async with connection.transaction(isolation="read_committed"):
                    row = (head.size, size_before, head.root, head.note, head.signed_at)
                    if await connection.fetchval(_ADD_HEAD, *row) is None:
                        return False
                    levels, indexes = [tile.level for tile in changed_tiles], [tile.index for tile in changed_tiles]
                    await connection.execute(_WRITE_TILES, levels, indexes, list(changed_tiles.values()))
            except asyncpg.IntegrityConstraintViolationError:
                raise LedgerCorruptError("a tile or head does not follow from those that the log holds") from None
        return True

    async def head(self) -> SignedHead | None:
        """See `TreeStore.head`."""
        async with self._reading() as connection:
            return _signed_head(await connection.fetchrow(_NEWEST))

    async def heads(self, after_size: int, limit: int) -> tuple[SignedHead, ...]:
        """See `TreeStore.heads`."""
        async with self._reading() as connection:
            rows = await connection.fetch(_HEADS, after_size, limit)
        return tuple([SignedHead(*row) for row in rows])

    async def add_cosignature(self, cosignature: Cosignature) -> None:
        """See `TreeStore.add_cosignature`."""
        signature = cosignature.signature
        values = (cosignature.size, signature.name, signature.key_id, signature.value)
        async with self._stepping() as connection:
            try:
                await connection.execute(_ADD_COSIGNATURE, *values)
            except asyncpg.IntegrityConstraintViolationError:
                what = f"the log takes no cosignature of a head of size {cosignature.size}"
                raise LedgerCorruptError(what) from None

    async def cosignatures(self, up_to_size: int, limit: int) -> tuple[Cosignature, ...]:
        """See `TreeStore.cosignatures`."""
        async with self._reading() as connection:
            rows = await connection.fetch(_COSIGNATURES, up_to_size, limit)
        return tuple([Cosignature(size, Signature(name, key_id, value)) for size, name, key_id, value in rows])

    @contextlib.asynccontextmanager
    async def _stepping(self) -> AsyncIterator[Connection]:
        """Lend the sequencer's connection, opened anew where it is lost; after any failure it is dropped."""
        async with self._one_step:
            try:
                async with asyncio.timeout(_STEP_S):
                    yield await self._connected()
            except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as exc:
                self._drop()
                raise LedgerUnavailableError(f"the tree could not be written: {told(exc)}") from None
            except asyncio.CancelledError:
                # Nobody knows how far it came.
                self._drop()
                raise

    async def _connected(self) -> Connection:
        if self._closed:
            raise LedgerUnavailableError("the log is closed")
        if self._connection is None or self._connection.is_closed():
            self._elected = False
            self._connection = await self._connect()
        return self._connection

    def _drop(self) -> None:
        self._elected = False
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


def _signed_head(row: asyncpg.Record | None) -> SignedHead | None:
    return None if row is None else SignedHead(*row)
