"""The log's tree in the SQLite log: read by a connection of its own, written by the ledger's one writer.

Reads run on another thread, since leaf hashes of thousands of entries take as many pages. Writes stand in the writer's
queue among the entries: no second connection of this process ever competes with it for the lock.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from typing import TypeVar

import apsw

from reviewer.core.errors import LedgerCorruptError, LedgerUnavailableError
from reviewer.core.note import Signature
from reviewer.core.record import rfc3339
from reviewer.core.tiles import Tile
from reviewer.ledger.sqlite_connection import close, translated
from reviewer.ledger.tree import Cosignature, Pending, SignedHead

T = TypeVar("T")
TreeStep = Callable[[apsw.Connection], object]
"""What the writer does within its transaction; SQLite's errors fail the whole transaction."""

# As bytes: a note that was tampered with need not be text any more, and is to be read and named all the same.
_SELECT_HEAD = "SELECT size, root, CAST(note AS BLOB), signed_at FROM heads"
_NEWEST = f"{_SELECT_HEAD} ORDER BY size DESC LIMIT 1"
_HEADS = f"{_SELECT_HEAD} WHERE size > ? ORDER BY size LIMIT ?"
_SIZE = "SELECT coalesce(max(size), 0) FROM heads"
_LEAVES = "SELECT idx, leaf_hash FROM entries WHERE idx >= ? ORDER BY idx LIMIT ?"
_TILE = "SELECT data FROM tiles WHERE level = ? AND idx = ?"
_GROW_TILE = "UPDATE tiles SET data = ? WHERE level = ? AND idx = ?"
_ADD_TILE = "INSERT INTO tiles (data, level, idx) VALUES (?, ?, ?)"
_ADD_HEAD = "INSERT INTO heads (size, root, note, signed_at) VALUES (?, ?, ?, ?)"
_ADD_COSIGNATURE = (
    "INSERT INTO cosignatures (size, name, key_id, value) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (size, name, key_id) DO NOTHING"
)
_COSIGNATURES = (
    "SELECT size, CAST(name AS BLOB), key_id, value FROM cosignatures "
    "WHERE size <= ? ORDER BY size DESC, name, key_id LIMIT ?"
)


class SqliteTree:
    """See `TreeStore`.

    Args:
        write: has the writer take a step, and returns what that returned.
    """

    def __init__(self, connection: apsw.Connection, write: Callable[[TreeStep], Awaitable[object]]) -> None:
        """Keep both; the connection is this object's own from now on."""
        self._connection: apsw.Connection | None = connection
        self._write = write
        self._one_reader = threading.Lock()

    def close(self) -> None:
        """Close the connection, after a look that is under way."""
        with self._one_reader:
            if self._connection is not None:
                close(self._connection)
                self._connection = None

    async def pending(self, limit: int) -> Pending:
        """See `TreeStore.pending`."""
        return await self._looked(partial(_pending, limit=limit))

    async def read_tile(self, tile: Tile) -> bytes:
        """See `TreeStore.read_tile`."""
        return await self._looked(partial(_tile, tile=tile))

    async def integrate(self, size_before: int, changed_tiles: Mapping[Tile, bytes], head: SignedHead) -> bool:
        """See `TreeStore.integrate`."""
        done = await self._write(partial(_integrate, size_before=size_before, changed_tiles=changed_tiles, head=head))
        if done is None:
            raise LedgerCorruptError("a tile or head does not follow from those that the log holds")
        return done is True

    async def elected(self) -> bool:
        """See `TreeStore.elected`: everybody is. Processes on one machine that lose a race waste little."""
        return True

    async def head(self) -> SignedHead | None:
        """See `TreeStore.head`."""
        return await self._looked(_newest)

    async def heads(self, after_size: int, limit: int) -> tuple[SignedHead, ...]:
        """See `TreeStore.heads`."""
        return await self._looked(partial(_heads, after_size=after_size, limit=limit))

    async def add_cosignature(self, cosignature: Cosignature) -> None:
        """See `TreeStore.add_cosignature`."""
        if not await self._write(partial(_add_cosignature, cosignature=cosignature)):
            raise LedgerCorruptError(f"the log takes no cosignature of a head of size {cosignature.size}")

    async def cosignatures(self, up_to_size: int, limit: int) -> tuple[Cosignature, ...]:
        """See `TreeStore.cosignatures`."""
        return await self._looked(partial(_cosignatures, up_to_size=up_to_size, limit=limit))

    async def _looked(self, look: Callable[[apsw.Connection], T]) -> T:
        return await asyncio.to_thread(self._look, look)

    def _look(self, look: Callable[[apsw.Connection], T]) -> T:
        with self._one_reader, translated("read"):
            if self._connection is None:
                raise LedgerUnavailableError("the log is closed")
            return look(self._connection)


def _pending(connection: apsw.Connection, limit: int) -> Pending:
    with connection:
        head = _newest(connection)
        covered = head.size if head else 0
        first = max(covered - 1, 0)
        rows = connection.execute(_LEAVES, (first, limit + covered - first)).fetchall()
    leaves: list[bytes] = []
    for at, (index, leaf) in enumerate(rows, start=first):
        if index != at:
            raise LedgerCorruptError(f"entry {at} is missing from the log")
        assert isinstance(leaf, bytes)
        leaves.append(leaf)
    if not covered:
        return Pending(head, None, tuple(leaves))
    if not leaves:
        raise LedgerCorruptError(f"the log ends before entry {first}, which its newest head covers")
    return Pending(head, leaves[0], tuple(leaves[1:]))


def _integrate(
    connection: apsw.Connection, size_before: int, changed_tiles: Mapping[Tile, bytes], head: SignedHead
) -> bool | None:
    """Write tiles and head; False where another sequencer was faster, None where the log's own rules refuse them."""
    if connection.execute(_SIZE).fetchone() != (size_before,):
        return False
    try:
        # A savepoint: what is refused here takes no entry of the same transaction with it.
        with connection:
            for tile, data in changed_tiles.items():
                connection.execute(_GROW_TILE, (data, tile.level, tile.index))
                if not connection.changes():
                    connection.execute(_ADD_TILE, (data, tile.level, tile.index))
            connection.execute(_ADD_HEAD, (head.size, head.root, head.note, rfc3339(head.signed_at)))
    except apsw.ConstraintError:
        return None
    return True


def _add_cosignature(connection: apsw.Connection, cosignature: Cosignature) -> bool:
    signature = cosignature.signature
    values = (cosignature.size, signature.name, signature.key_id, signature.value)
    try:
        # A savepoint, as above.
        with connection:
            connection.execute(_ADD_COSIGNATURE, values)
    except apsw.ConstraintError:
        return False
    return True


def _cosignatures(connection: apsw.Connection, up_to_size: int, limit: int) -> tuple[Cosignature, ...]:
    found: list[Cosignature] = []
    for size, name, key_id, value in connection.execute(_COSIGNATURES, (up_to_size, limit)):
        assert isinstance(size, int)
        assert isinstance(name, bytes)
        assert isinstance(key_id, bytes)
        assert isinstance(value, bytes)
        found.append(Cosignature(size, Signature(name.decode(errors="replace"), key_id, value)))
    return tuple(found)


def _tile(connection: apsw.Connection, tile: Tile) -> bytes:
    row = connection.execute(_TILE, (tile.level, tile.index)).fetchone()
    if row is None:
        return b""
    (data,) = row
    assert isinstance(data, bytes)
    return data


def _newest(connection: apsw.Connection) -> SignedHead | None:
    row = connection.execute(_NEWEST).fetchone()
    return None if row is None else _signed_head(row)


def _heads(connection: apsw.Connection, after_size: int, limit: int) -> tuple[SignedHead, ...]:
    return tuple(map(_signed_head, connection.execute(_HEADS, (after_size, limit)).fetchall()))


def _signed_head(row: apsw.SQLiteValues) -> SignedHead:
    size, root, note, signed_at = row
    assert isinstance(size, int)
    assert isinstance(root, bytes)
    assert isinstance(note, bytes)
    try:
        moment = datetime.fromisoformat(str(signed_at))
    except ValueError as exc:
        raise LedgerCorruptError(f"the head of size {size} has no time") from exc
    return SignedHead(size, root, note.decode(errors="replace"), moment)
