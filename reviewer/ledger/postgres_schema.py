"""The form of the PostgreSQL log: built, checked and brought up to date by the steps of `reviewer.ledger.migration`."""

from __future__ import annotations

from typing import TypeAlias

import asyncpg

from reviewer.core.errors import LedgerUnavailableError
from reviewer.ledger import migration

_HAS_LOG = "SELECT to_regclass('meta') IS NOT NULL OR to_regclass('entries') IS NOT NULL"
_ALONE = "SELECT pg_advisory_xact_lock(7236832)"
"""Any number that no other program takes: two commands at once must not take the same step twice."""
_UNSAFE = "SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off' ORDER BY name"

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Reader: TypeAlias = "Connection | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
"""What can be read from: a connection of one's own, or one lent by a pool."""


async def exists(connection: Connection) -> bool:
    """Say whether the schema that the connection works in holds a log, of whatever version."""
    return bool(await connection.fetchval(_HAS_LOG))


async def build(connection: Connection, name: str) -> None:
    """Take every step, all or none.

    Raises:
        LedgerUnavailableError: there is a log already.
    """
    async with connection.transaction():
        await connection.execute(_ALONE)
        if await exists(connection):
            raise LedgerUnavailableError(f"{name}: holds a log already")
        await connection.execute(migration.script("postgres", 0))


async def check(connection: Connection, name: str) -> None:
    """Refuse a log of another form, and a server that forgets commits when its machine dies.

    Raises:
        LedgerUnavailableError: says what was found, and what to do.
    """
    migration.require("postgres", await _version(connection, name), name)
    if unsafe := [str(row["name"]) for row in await connection.fetch(_UNSAFE)]:
        raise LedgerUnavailableError(f"{name}: the server runs with {', '.join(unsafe)} off: a record could be lost")


async def upgrade(connection: Connection, name: str) -> int:
    """Take the steps that a log lacks, all or none, and return how many that were.

    Raises:
        LedgerUnavailableError: there is no log, or it is of a newer version, or of none that is known.
    """
    async with connection.transaction():
        await connection.execute(_ALONE)
        found = await _version(connection, name)
        if lacking := migration.due("postgres", found, name):
            await connection.execute(migration.script("postgres", found))
    return lacking


async def _version(connection: Connection, name: str) -> int:
    if not await exists(connection):
        raise LedgerUnavailableError(f"{name}: holds no log: reviewer log init makes one")
    return migration.number("postgres", str(await connection.fetchval(migration.READ)), name)
