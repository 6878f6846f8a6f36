"""Entries in the SQLite log: their rows, and the transaction of the writer that appends them.

One transaction serves many callers. What one of them is refused by a rule of the log is told to that one alone, before
anything was written for it; any other error takes the whole transaction back.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import apsw

from reviewer.core.errors import SealedError
from reviewer.core.record import Entry
from reviewer.core.review import Position
from reviewer.ledger import sqlite_facets, sqlite_handoffs
from reviewer.ledger.interface import Appended, Stored

_COLUMNS = (
    "e.idx, e.leaf_hash, e.review_id, e.tenant, e.request_id, e.content_digest, e.record, "
    "c.content, c.content_key, e.kind, c.erased_by"
)
_FROM = "FROM entries e LEFT JOIN contents c ON c.idx = e.idx"
_SELECT = f"SELECT {_COLUMNS} {_FROM}"
BY_REQUEST = f"{_SELECT} WHERE e.tenant = ? AND e.request_id = ?"
BY_REVIEW = f"{_SELECT} WHERE e.review_id = ? AND e.tenant = ? AND e.kind = 'review'"
PAGE = f"{_SELECT} WHERE e.idx >= ? ORDER BY e.idx LIMIT ?"
_SIZE = "SELECT coalesce(max(idx) + 1, 0) FROM entries"
_INSERT_ENTRY = (
    "INSERT INTO entries (idx, review_id, tenant, request_id, content_digest, leaf_hash, record, kind) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_CONTENT = "INSERT INTO contents (idx, content, content_key) VALUES (?, ?, ?)"
_INSERT_ANNEX = "INSERT INTO annexes (review_id, idx) VALUES (?, ?)"
_PROBE = "UPDATE meta SET value = CASE substr(value, 1, 1) WHEN 'a' THEN ?1 ELSE ?2 END WHERE key = 'probe'"
_PROBE_CHARS = 64 * 1024
"""More than a usual entry takes: where a disk is all but full, what proves the log must not fit where no entry does."""
_KEY_LIVES = "SELECT 1 FROM data_keys WHERE id = ? AND wrapped IS NOT NULL"


class Transaction:
    """What the writer does between BEGIN and COMMIT."""

    def __init__(self, connection: apsw.Connection) -> None:
        """Look where the log ends."""
        self.connection = connection
        self.appended: list[Entry] = []
        self._index = size(connection)

    def append(self, entry: Entry) -> Appended:
        """Write an entry, unless its request id is there already.

        Raises:
            SealedError: the key that its content is encrypted under was destroyed meanwhile.
        """
        request_id = entry.request_id or None
        if request_id is not None:
            row = next(self.connection.execute(BY_REQUEST, (entry.tenant, request_id)), None)
            if row is not None:
                found = stored(row)
                return Appended(found.position, found)
        if entry.data_key is not None:
            self._require(entry.data_key)
        index = self._index
        head = (index, entry.review_id, entry.tenant, request_id, entry.content_digest, entry.leaf_hash)
        self.connection.execute(_INSERT_ENTRY, (*head, entry.record, entry.kind))
        if entry.content:
            self.connection.execute(_INSERT_CONTENT, (index, entry.content, entry.content_key))
            if entry.annex_of:
                self.connection.execute(_INSERT_ANNEX, (entry.annex_of, index))
        sqlite_facets.add(self.connection, index, entry.facets)
        if entry.ticket is not None:
            sqlite_handoffs.add(self.connection, index, entry.ticket)
        self._index += 1
        self.appended.append(entry)
        return Appended(Position(index, entry.leaf_hash))

    def probe(self) -> None:
        """Change what nobody reads."""
        self.connection.execute(_PROBE, ("b" * _PROBE_CHARS, "a" * _PROBE_CHARS))

    def _require(self, key: UUID) -> None:
        if next(self.connection.execute(_KEY_LIVES, (key.bytes,)), None) is None:
            raise SealedError(f"data key {key} was destroyed")


Step = Callable[[Transaction], object]
"""What one caller wants done within the writer's transaction."""


def size(connection: apsw.Connection) -> int:
    """Return the number of entries."""
    (found,) = next(connection.execute(_SIZE))
    assert isinstance(found, int)
    return found


def stored(row: apsw.SQLiteValues) -> Stored:
    """Read a row of the statements above."""
    index, leaf, review_id, tenant, request_id, digest, record, content, key, kind, erased_by = row
    assert isinstance(index, int)
    assert isinstance(leaf, bytes)
    assert isinstance(record, bytes)
    assert content is None or isinstance(content, bytes)
    assert key is None or isinstance(key, bytes)
    assert erased_by is None or isinstance(erased_by, int)
    position = Position(index, leaf)
    texts = (str(review_id), str(tenant), str(request_id or ""), str(digest))
    return Stored(position, *texts, record, content, key, str(kind), erased_by)
