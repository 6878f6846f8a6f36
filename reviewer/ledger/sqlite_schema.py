"""The form of the SQLite log: built, checked and brought up to date by the steps of `reviewer.ledger.migration`."""

from __future__ import annotations

import apsw

from reviewer.ledger import migration

_HAS = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?"
_BEFORE_ALEMBIC = "SELECT value FROM meta WHERE key = 'schema'"


def build(connection: apsw.Connection) -> None:
    """Take every step, in a file without tables."""
    with connection:
        _run(connection, migration.script("sqlite", 0))


def check(connection: apsw.Connection, name: str) -> None:
    """Refuse a log that lacks steps.

    Raises:
        LedgerUnavailableError: says which form the log has, and what to do.
    """
    migration.require("sqlite", _version(connection, name), name)


def upgrade(connection: apsw.Connection, name: str) -> int:
    """Take the steps that a log lacks, all or none, and return how many that were.

    Raises:
        LedgerUnavailableError: the log is of a newer version, or of none that is known.
    """
    with connection:
        found = _version(connection, name)
        lacking = migration.due("sqlite", found, name)
        if (adopt := not _has(connection, "alembic_version")) or lacking:
            _run(connection, migration.script("sqlite", found, adopt=adopt))
    return lacking


def _version(connection: apsw.Connection, name: str) -> int:
    read = migration.READ if _has(connection, "alembic_version") else _BEFORE_ALEMBIC
    rows = connection.execute(read).fetchall()
    return migration.number("sqlite", str(rows[0][0]) if len(rows) == 1 else "", name)


def _run(connection: apsw.Connection, script: str) -> None:
    for _ in connection.execute(script):
        # A statement that returns something holds up those behind it until that is read.
        pass


def _has(connection: apsw.Connection, table: str) -> bool:
    return bool(connection.execute(_HAS, (table,)).get)
