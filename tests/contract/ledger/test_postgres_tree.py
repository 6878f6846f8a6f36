"""The tree in a PostgreSQL database: who is elected, and what the database itself refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from reviewer.core.errors import LedgerCorruptError, LedgerUnavailableError
from reviewer.core.merkle import leaf_hash
from reviewer.ledger.postgres import PostgresLedger, Server, create
from reviewer.ledger.postgres_schema import Connection, Reader
from reviewer.ledger.postgres_tree import PostgresTree
from tests.contract.ledger.conftest import Database
from tests.contract.ledger.test_sequencer import STRANGER, until_it_fails
from tests.support.builders import entry
from tests.support.postgres_server import RefusedError
from tests.support.signed_log import append_all, integrate_all, sequencer, verified

END_ITS_SESSION = (
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 'heads'::regclass::oid"
)


async def test_one_of_two_is_elected(database: Database) -> None:
    """Of two processes the first that asks is elected, as often as it asks; when it is gone the other one is."""
    async with PostgresLedger(database.server) as other:
        async with PostgresLedger(database.server) as one:
            assert [await one.tree.elected(), await other.tree.elected()] == [True, False]
            assert [await other.tree.elected(), await one.tree.elected()] == [False, True]
        async with asyncio.timeout(10):
            # The server takes a moment to see that the connection is gone.
            while not await other.tree.elected():  # noqa: ASYNC110 - another process's view
                await asyncio.sleep(0.01)


async def test_logs_of_one_database_elect_apart(database: Database) -> None:
    """Two logs in schemas of one database each have a sequencer of their own."""
    beside = Server(database.running.new_dsn())
    await asyncio.to_thread(create, beside)
    async with PostgresLedger(database.server) as one, PostgresLedger(beside) as other:
        assert await one.tree.elected()
        assert await other.tree.elected()


async def test_an_election_goes_with_its_connection(database: Database) -> None:
    """When the server ends the session that holds the lock, whoever held it is told, and has to stand again."""
    async with PostgresLedger(database.server) as one, PostgresLedger(database.server) as other:
        assert await one.tree.elected()
        await asyncio.to_thread(database.run, END_ITS_SESSION)
        async with asyncio.timeout(10):
            while not await other.tree.elected():  # noqa: ASYNC110 - another process's view
                await asyncio.sleep(0.01)
        assert not await one.tree.elected()


async def test_who_stands_still_is_not_elected_for_long(database: Database) -> None:
    """A process that is elected and then says nothing, as one that was stopped, loses its election to one that asks."""

    async def connect() -> Connection:
        return await asyncpg.connect(database.server.dsn, server_settings={"idle_session_timeout": "100"})

    @asynccontextmanager
    async def reading() -> AsyncIterator[Reader]:
        connection = await connect()
        yield connection
        await connection.close()

    stopped = PostgresTree(reading, connect)
    assert await stopped.elected()
    async with PostgresLedger(database.server) as other, asyncio.timeout(10):
        while not await other.tree.elected():  # noqa: ASYNC110 - another process's view
            await asyncio.sleep(0.02)
    await stopped.close()
    with pytest.raises(LedgerUnavailableError):
        await stopped.elected()


async def test_who_is_not_elected_rests(database: Database) -> None:
    """A sequencer beside an elected one looks once, and leaves the tree to the other from then on, at its end too."""
    async with PostgresLedger(database.server) as one, PostgresLedger(database.server) as other:
        assert await one.tree.elected()
        async with sequencer(other, interval_s=0.001) as resting:
            while not resting._seen:  # noqa: ASYNC110 - a look that finds nothing tells nobody
                await asyncio.sleep(0)
            await other.append(entry(1))
        assert await other.tree.head() is None
        async with sequencer(one):
            pass
        assert (await verified(one)).newest is not None


async def test_who_is_not_elected_looks_once(database: Database) -> None:
    """A process whose keys do not fit the log is told so at its start, whoever else is elected."""
    async with PostgresLedger(database.server) as one, PostgresLedger(database.server) as other:
        await one.append(entry(1))
        await integrate_all(one)
        assert await one.tree.elected()
        async with sequencer(other, STRANGER, interval_s=0.001) as stranger:
            await asyncio.wait_for(until_it_fails(stranger), 10)


REWRITES = [
    "UPDATE heads SET root = '\\x00'",
    "DELETE FROM heads WHERE size = 2",
    "TRUNCATE heads CASCADE",
    "UPDATE tiles SET data = substr(data, 1, 32)",
    "UPDATE tiles SET data = sha256(data)",
    "UPDATE tiles SET idx = idx + 1",
    "DELETE FROM tiles",
    "TRUNCATE tiles CASCADE",
]
FORKS = [
    "INSERT INTO heads SELECT size + 5, built_on, root, note, signed_at FROM heads WHERE size = 2",
    "INSERT INTO heads SELECT size, size - 1, root, note, signed_at FROM heads WHERE size = 2",
    "INSERT INTO heads SELECT 4, 4, root, note, signed_at FROM heads WHERE size = 2",
    "INSERT INTO tiles SELECT * FROM tiles",
]


@pytest.mark.parametrize(("statements", "said"), [(REWRITES, "final|only grow"), (FORKS, "violates")])
async def test_heads_are_final_and_tiles_only_grow(database: Database, statements: list[str], said: str) -> None:
    """No plain SQL statement takes a head or a hash back, or adds a second head on top of one."""
    async with PostgresLedger(database.server) as ledger:
        for number in (1, 2):
            await ledger.append(entry(number))
            await integrate_all(ledger)
        before = await ledger.tree.heads(0, 10)
        for statement in statements:
            with pytest.raises(RefusedError, match=said):
                await asyncio.to_thread(database.run, statement)

        assert await ledger.tree.heads(0, 10) == before
        assert (await verified(ledger)).problems == ()


async def test_an_entry_that_is_missing_is_told(database: Database) -> None:
    """Where somebody took an entry away, above or below the newest head, nothing is integrated over the gap."""
    gone = "ALTER TABLE entries DISABLE TRIGGER USER; ALTER TABLE entries_0 DISABLE TRIGGER USER; DELETE FROM entries"
    async with PostgresLedger(database.server) as ledger:
        await append_all(ledger, [entry(number) for number in range(4)])
        await asyncio.to_thread(database.run, f"{gone} WHERE idx = 2")
        with pytest.raises(LedgerCorruptError, match="entry 2 is missing"):
            await integrate_all(ledger)
        await asyncio.to_thread(database.run, f"{gone} WHERE idx = 3")
        await integrate_all(ledger)
        await asyncio.to_thread(database.run, f"{gone} WHERE idx = 1")
        with pytest.raises(LedgerCorruptError, match="the log ends before entry 1"):
            await sequencer(ledger).integrate()


async def test_a_server_that_is_away(database: Database) -> None:
    """While the tree's connection cannot be had an election is unavailable, and possible again afterwards."""
    async with PostgresLedger(database.server) as ledger:
        await asyncio.to_thread(database.run, "ALTER TABLE heads RENAME TO gone")
        with pytest.raises(LedgerUnavailableError):
            await ledger.tree.elected()
        await asyncio.to_thread(database.run, "ALTER TABLE gone RENAME TO heads")
        assert await ledger.tree.elected()
        await ledger.append(entry(1))
        assert (await ledger.tree.pending(5)).leaf_hashes == (leaf_hash(entry(1).record),)
