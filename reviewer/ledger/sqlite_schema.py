"""The form of the SQLite log, step by step: a new log takes all steps, an older one those that it lacks.

A step is a file under `sql/`, never edited once released; it leaves entries and contents as they are. Logs are brought
up to date by command only, since a process of an older version may still be writing.
"""

from __future__ import annotations

from importlib import resources

import apsw

from reviewer.core.errors import LedgerUnavailableError

_STEPS = (
    "sqlite_schema.sql",
    "sqlite_2_spending.sql",
    "sqlite_3_tree.sql",
    "sqlite_4_keys.sql",
    "sqlite_5_facets.sql",
)
VERSION = len(_STEPS)

_READ = "SELECT value FROM meta WHERE key = 'schema'"
_STATE = "UPDATE meta SET value = ? WHERE key = 'schema'"


def build(connection: apsw.Connection) -> None:
    """Take every step, in a file without tables."""
    _take(connection, 0)


def check(connection: apsw.Connection, name: str) -> None:
    """Refuse a log of another form.

    Raises:
        LedgerUnavailableError: says which form the log has, and what to do.
    """
    found = _version(connection, name)
    if found < VERSION:
        raise LedgerUnavailableError(
            f"{name}: log schema is version {found}, {VERSION} is needed: "
            "stop every service on this log, then run reviewer log upgrade"
        )


def upgrade(connection: apsw.Connection, name: str) -> int:
    """Take the steps that a log lacks, all or none, and return how many that were.

    Raises:
        LedgerUnavailableError: the log is of a newer version, or of none that is known.
    """
    with connection:
        found = _version(connection, name)
        _take(connection, found)
    return VERSION - found


def _version(connection: apsw.Connection, name: str) -> int:
    rows = connection.execute(_READ).fetchall()
    known = {(str(number),): number for number in range(1, VERSION + 1)}
    if len(rows) != 1 or rows[0] not in known:
        raise LedgerUnavailableError(f"{name}: log schema is none that this version knows: {VERSION} is needed")
    return known[rows[0]]


def _take(connection: apsw.Connection, done: int) -> None:
    folder = resources.files("reviewer.ledger").joinpath("sql")
    with connection:
        for step in _STEPS[done:]:
            connection.execute(folder.joinpath(step).read_text(encoding="utf-8"))
        connection.execute(_STATE, (str(VERSION),))
