from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg
import pytest

from reviewer.core.errors import LedgerUnavailableError
from reviewer.core.spending import NOTHING
from reviewer.ledger.postgres import PostgresLedger, Server, create, exists, upgrade
from tests.contract.ledger.conftest import Database
from tests.contract.ledger.test_ledger import check_log
from tests.contract.ledger.test_spending import DAY, paid
from tests.support.builders import entry
from tests.support.postgres_server import RefusedError


@asynccontextmanager
async def head_held(database: Database) -> AsyncIterator[None]:
    """Hold the lock that writers need, as a process would that was stopped in the middle of a commit."""
    connection = await asyncpg.connect(database.server.dsn)
    try:
        await connection.execute("BEGIN; SELECT * FROM head FOR UPDATE")
        yield
    finally:
        connection.terminate()


async def test_no_log_is_refused(empty: Database) -> None:
    """Opening a database without a log fails, says what makes one, and makes none."""
    with pytest.raises(LedgerUnavailableError, match="holds no log: reviewer log init"):
        async with PostgresLedger(empty.server):
            pass

    assert not await asyncio.to_thread(exists, empty.server)


def test_create_refuses_an_existing_log(database: Database) -> None:
    """Creating never touches a log that is there."""
    before = database.run("SELECT * FROM head")
    with pytest.raises(LedgerUnavailableError, match="holds a log already"):
        create(database.server)

    assert exists(database.server)
    assert database.run("SELECT * FROM head") == before


def test_create_refuses_tables_of_others(empty: Database) -> None:
    """Where another program's table has a name of ours nothing is made at all."""
    empty.run("CREATE TABLE spending (amount int)")
    with pytest.raises(LedgerUnavailableError, match="could not be created"):
        create(empty.server)

    assert empty.run("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema") == "1"


async def test_no_server_is_refused(empty: Database) -> None:
    """Where no server answers opening fails at once, and the message shows neither password nor host."""
    nowhere = Server("postgresql://me:hunter2@127.0.0.1:1/log")
    for attempt in (PostgresLedger(nowhere).__aenter__(), asyncio.to_thread(create, nowhere)):
        with pytest.raises(LedgerUnavailableError, match="database log: the log could not be") as caught:
            await asyncio.wait_for(attempt, 10)
        assert "hunter2" not in f"{caught.value!r} {nowhere!r}"
        assert "127.0.0.1" not in str(caught.value)


@pytest.mark.parametrize(
    "damage",
    ["UPDATE alembic_version SET version_num = '99'", "DELETE FROM alembic_version", "DROP TABLE alembic_version"],
)
async def test_other_schema_is_refused(database: Database, damage: str) -> None:
    """A log of another schema is neither opened nor upgraded."""
    await asyncio.to_thread(database.run, damage)

    with pytest.raises(LedgerUnavailableError):
        async with PostgresLedger(database.server):
            pass
    with pytest.raises(LedgerUnavailableError):
        await asyncio.to_thread(upgrade, database.server)


def test_a_log_that_is_up_to_date_stays_as_it_is(database: Database) -> None:
    """Upgrading the newest form takes no step."""
    assert upgrade(database.server) == 0


REWRITES = [
    "UPDATE entries SET record = '\\x00'",
    "UPDATE entries SET idx = idx + 10",
    "UPDATE entries_0 SET tenant = 'other' WHERE idx = 0",
    "DELETE FROM entries",
    "DELETE FROM entries_0 WHERE idx = 1",
    "TRUNCATE entries",
    "TRUNCATE entries_0",
    "DELETE FROM requests",
    "UPDATE reviews SET idx = 1 - idx",
    "TRUNCATE reviews, requests",
    "INSERT INTO entries SELECT * FROM entries ON CONFLICT (idx) DO UPDATE SET record = '\\x00'",
]


@pytest.mark.parametrize("rewrite", REWRITES)
async def test_entries_are_final(database: Database, rewrite: str) -> None:
    """No plain SQL statement changes or removes an entry, nor the request id that stands for it."""
    async with PostgresLedger(database.server) as ledger:
        for number in (1, 2):
            await ledger.append(entry(number, f"r-{number}"))
        before = await ledger.page(0, 10)
        with pytest.raises(RefusedError, match="final"):
            await asyncio.to_thread(database.run, rewrite)

        assert await ledger.page(0, 10) == before
        assert await ledger.find_request("acme", "r-1") == before[0]


async def test_contents_can_be_erased(database: Database) -> None:
    """Text can be erased without touching the entries: they are still found, without content."""
    async with PostgresLedger(database.server) as ledger:
        await ledger.append(entry(1, "r-1"))
        await asyncio.to_thread(database.run, "UPDATE contents SET content = NULL, content_key = NULL")
        found = await ledger.find_request("acme", "r-1")

        assert found is not None
        assert (found.content, found.content_key, found.record) == (None, None, entry(1, "r-1").record)


async def test_blocks_follow_each_other(database: Database) -> None:
    """The log goes on over the ends of its partitions, within a batch too, and reads back as one."""
    await asyncio.to_thread(database.run, "UPDATE head SET block_rows = 40")
    async with PostgresLedger(database.server) as ledger:
        await asyncio.gather(*(ledger.append(paid(number, f"r-{number}")) for number in range(130)))
        await ledger.append(paid(130, "r-130"))
        assert await check_log(ledger) == 131
        assert (await ledger.append(paid(131, "r-7"))).existing is not None
    listed = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'entries'::regclass"
    assert await asyncio.to_thread(database.run, listed) == "4"
    with pytest.raises(RefusedError, match="final"):
        await asyncio.to_thread(database.run, "TRUNCATE entries_120")


async def test_blocks_are_made_ahead(database: Database) -> None:
    """A partition is there before the first entry that belongs into it."""
    await asyncio.to_thread(database.run, "UPDATE head SET block_rows = 100")
    async with PostgresLedger(database.server) as ledger:
        for number in range(91):
            await ledger.append(entry(number))

    assert await asyncio.to_thread(database.run, "SELECT size, blocks_end FROM head") == "91|200"


async def test_waits_for_another_writer(database: Database) -> None:
    """While another process holds the head appends wait, reads do not, and all go through when it lets go."""
    async with PostgresLedger(database.server) as ledger:
        async with head_held(database):
            tasks = [asyncio.create_task(ledger.append(entry(number))) for number in range(20)]
            done, _ = await asyncio.wait(tasks, timeout=0.05)
            assert not done
            assert await ledger.size() == 0
        await asyncio.wait_for(asyncio.gather(*tasks), 4)

        assert await check_log(ledger) == 20


async def test_another_writer_that_does_not_let_go(database: Database) -> None:
    """Where another process keeps the head too long every waiter fails, nothing is written, the log goes on."""
    async with PostgresLedger(replace(database.server, busy_timeout_s=0.1)) as ledger:
        async with head_held(database):
            calls = [*(ledger.append(entry(number)) for number in range(20)), ledger.probe()]
            results = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 10)
            assert {type(result) for result in results} == {LedgerUnavailableError}
            assert await ledger.find_review("acme", entry(1).review_id) is None
        await ledger.append(entry(1))

        assert await check_log(ledger) == 1


async def test_a_lost_connection(database: Database) -> None:
    """When the server ends the writer's connection in the middle of a batch its waiters fail, and the next succeed."""
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    async with PostgresLedger(database.server) as ledger:
        async with head_held(database):
            waiting = asyncio.create_task(ledger.append(entry(1, "r-1")))
            while not await asyncio.to_thread(database.run, ended):
                assert not waiting.done()
            with pytest.raises(LedgerUnavailableError, match="could not be written"):
                await asyncio.wait_for(waiting, 5)
        assert (await ledger.append(entry(1, "r-1"))).existing is None
        assert await check_log(ledger) == 1


@pytest.mark.parametrize("table", ["spending", "contents", "requests"])
async def test_entry_and_what_belongs_to_it_are_one_commit(database: Database, table: str) -> None:
    """Where one table cannot be written nothing is, for every waiter; afterwards the log goes on."""
    async with PostgresLedger(database.server) as ledger:
        await asyncio.to_thread(database.run, f"ALTER TABLE {table} RENAME TO gone")
        calls = [ledger.append(paid(number, f"r-{number}")) for number in range(5)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(result) for result in results} == {LedgerUnavailableError}
        await asyncio.to_thread(database.run, f"ALTER TABLE gone RENAME TO {table}")
        assert await check_log(ledger) == 0
        assert await ledger.spending("acme", DAY) == NOTHING
        await ledger.append(paid(1, "r-1"))
        assert await check_log(ledger) == 1


async def test_errors_name_no_content(database: Database) -> None:
    """What is said about a failed write repeats neither ids nor text of the entry, though the server's words do."""
    async with PostgresLedger(database.server) as ledger:
        await ledger.append(entry(1, "r-1"))
        with pytest.raises(LedgerUnavailableError, match="UniqueViolationError 23505") as caught:
            await ledger.append(entry(1, "order-of-joe"))

    assert entry(1).review_id not in f"{caught.value} {caught.value.__cause__} {caught.value.__context__}"


async def test_one_batch_is_bounded(database: Database) -> None:
    """Contents of many megabytes are committed in several batches, all of them."""
    async with PostgresLedger(database.server) as ledger:
        big = [replace(entry(number), content=b"c" * 3_000_000) for number in range(12)]
        results = await asyncio.gather(*map(ledger.append, big))

        assert [result.position.index for result in results] == list(range(12))
        assert len({row.content for row in await ledger.page(0, 20)}) == 1


@pytest.fixture
def forgetful(empty: Database) -> Iterator[Database]:
    """Let the server forget commits for a while."""
    create(empty.server)
    for setting in ("off", "on"):
        if setting == "on":
            yield empty
        empty.run(f"ALTER SYSTEM SET full_page_writes = {setting}")
        empty.run("SELECT pg_reload_conf()")


async def test_a_server_that_forgets_is_refused(forgetful: Database) -> None:
    """A log on a server that may lose what it acknowledged is not opened."""
    with pytest.raises(LedgerUnavailableError, match="full_page_writes off"):
        async with PostgresLedger(forgetful.server):
            pass


async def test_commits_are_synchronous(database: Database) -> None:
    """The writer's connection waits for the disk, whatever the database's own default."""
    await asyncio.to_thread(database.run, "ALTER ROLE postgres SET synchronous_commit = off")
    try:
        async with PostgresLedger(database.server) as ledger:
            assert ledger._writer is not None
            connection = await ledger._writer._connected()
            assert await connection.fetchval("SHOW synchronous_commit") == "on"
    finally:
        await asyncio.to_thread(database.run, "ALTER ROLE postgres RESET synchronous_commit")
