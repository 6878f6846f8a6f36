"""Somebody who can write to the log's file, and where a test says so holds its signing key as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import apsw

from reviewer.core.merkle import leaf_hash
from tests.support.signed_log import signed_head
from tests.support.tree import Grown


@dataclass(frozen=True, slots=True)
class Row:
    """An entry with its content, without its index."""

    review_id: str
    tenant: str
    request_id: str | None
    content_digest: str
    leaf: bytes
    record: bytes
    content: bytes | None
    content_key: bytes | None

    def saying(self, record: bytes) -> Row:
        """Return the entry with another record and the right hash of it."""
        return replace(self, record=record, leaf=leaf_hash(record))


class Forger:
    """The file without its triggers; what is done is committed when the context ends."""

    def __init__(self, path: Path) -> None:
        self.connection = apsw.Connection(str(path))

    def __enter__(self) -> Self:
        names = self.connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for (name,) in names:
            self.connection.execute(f"DROP TRIGGER {name}")
        self.connection.execute("BEGIN")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.execute("COMMIT")
        self.connection.close()

    def rows(self) -> list[Row]:
        """Read all entries in order."""
        sql = (
            "SELECT review_id, tenant, request_id, content_digest, leaf_hash, record, content, content_key "
            "FROM entries NATURAL JOIN contents ORDER BY idx"
        )
        return [Row(*values) for values in self.connection.execute(sql).fetchall()]  # type: ignore[arg-type]

    def put(self, rows: Sequence[Row]) -> None:
        """Have the log hold exactly these entries, numbered from 0."""
        self.connection.execute("DELETE FROM contents; DELETE FROM entries")
        for index, row in enumerate(rows):
            entry = (index, row.review_id, row.tenant, row.request_id, row.content_digest, row.leaf, row.record)
            self.connection.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)", entry)
            self.connection.execute("INSERT INTO contents VALUES (?, ?, ?)", (index, row.content, row.content_key))

    def rebuild_tiles(self, rows: Sequence[Row], size: int) -> Grown:
        """Have the tiles be those of the first `size` entries."""
        tree = Grown([row.leaf for row in rows[:size]])
        self.connection.execute("DELETE FROM tiles")
        for tile, data in tree.tiles.items():
            self.connection.execute("INSERT INTO tiles VALUES (?, ?, ?)", (tile.level, tile.index, data))
        return tree

    def resign(self, tree: Grown, sizes: Sequence[int]) -> None:
        """Replace all heads by good ones over another tree."""
        self.connection.execute("DELETE FROM heads")
        for size in sizes:
            head = signed_head(size, tree.root(size))
            signed_at = head.signed_at.isoformat()
            self.connection.execute("INSERT INTO heads VALUES (?, ?, ?, ?)", (size, head.root, head.note, signed_at))

    def flip(self, table: str, column: str, row: int, bit: int) -> bool:
        """Flip one bit of one value; False where that would make it another entry's, which the tables do not take."""
        found = self.connection.execute(f"SELECT rowid, CAST({column} AS BLOB) FROM {table} ORDER BY rowid").fetchall()  # noqa: S608
        rowid, value = found[row % len(found)]
        assert isinstance(value, bytes)
        spoiled = bytearray(value)
        spoiled[bit // 8 % len(spoiled)] ^= 1 << bit % 8
        kind = "TEXT" if column in TEXTS else "BLOB"
        sql = f"UPDATE {table} SET {column} = CAST(? AS {kind}) WHERE rowid = ?"  # noqa: S608
        try:
            self.connection.execute(sql, (bytes(spoiled), rowid))
        except apsw.ConstraintError:
            return False
        return True


TEXTS = ("note", "review_id", "tenant", "request_id", "content_digest")
