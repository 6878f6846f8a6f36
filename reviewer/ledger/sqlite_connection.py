"""Connections to a SQLite log, and what their errors become. What SQLite says of an error names no content."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import apsw

from reviewer.core.errors import LedgerCorruptError, LedgerUnavailableError


def connect(path: Path, busy_timeout_s: float) -> apsw.Connection:
    """Open an existing log, read and write.

    Raises:
        apsw.Error: there is none, or it cannot be opened.
    """
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.set_busy_timeout(round(busy_timeout_s * 1000))
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "full")
    # What is deleted is overwritten, also where SQLite moves rows: erased content must not stay behind in the file.
    connection.pragma("secure_delete", "on")
    return connection


def close(connection: apsw.Connection) -> None:
    """Close a connection, whatever its disk says: what was committed stands in the write-ahead file for the next."""
    with contextlib.suppress(apsw.Error):
        connection.close(force=True)


def empty_wal(path: Path, busy_timeout_s: float) -> bool:
    """Bring everything into the log's own file and cut the write-ahead file to nothing; False where others use it."""
    try:
        connection = connect(path, busy_timeout_s)
        try:
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        finally:
            connection.close()
    except apsw.Error:
        return False
    return True


@contextlib.contextmanager
def translated(verb: str) -> Iterator[None]:
    """Turn SQLite's errors into ours.

    Raises:
        LedgerUnavailableError: SQLite failed.
        LedgerCorruptError: what it read as text is none, which nothing of ours writes.
    """
    try:
        yield
    except UnicodeDecodeError as exc:
        raise LedgerCorruptError("the log holds text that is not UTF-8") from exc
    except apsw.Error as exc:
        raise LedgerUnavailableError(f"the log could not be {verb}: {type(exc).__name__}") from exc
