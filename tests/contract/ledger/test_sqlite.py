from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from reviewer.core.errors import LedgerUnavailableError
from reviewer.ledger.sqlite import SqliteLedger, create
from tests.contract.ledger.test_ledger import check_log
from tests.support.builders import entry


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "log.db"
    create(made)
    return made


@contextmanager
def raw(path: Path) -> Iterator[apsw.Connection]:
    """Open the file as somebody with SQLite and without our code would."""
    connection = apsw.Connection(str(path))
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def full_disk(path: Path) -> Iterator[None]:
    """Let no file of this process grow beyond the log's present write-ahead file: the kernel then refuses to write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.with_name(f"{path.name}-wal").stat().st_size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_unknown_path_is_refused(tmp_path: Path) -> None:
    """Opening a log that was never created fails and creates none: a mistyped path starts no new history."""
    with pytest.raises(LedgerUnavailableError):
        async with SqliteLedger(tmp_path / "typo.db"):
            pass

    assert not any(tmp_path.iterdir())  # noqa: ASYNC240 - nothing else runs on this loop


@pytest.mark.parametrize("held", [b"precious", b""])
def test_create_refuses_an_existing_file(tmp_path: Path, held: bytes) -> None:
    """Creating never touches a file that is there, whatever it holds, and be it nothing."""
    taken = tmp_path / "log.db"
    taken.write_bytes(held)
    with pytest.raises(LedgerUnavailableError, match=r"log\.db"):
        create(taken)

    assert taken.read_bytes() == held


def test_create_makes_folders(tmp_path: Path) -> None:
    """Creating makes the folders on the way, and says so where it cannot."""
    create(tmp_path / "a" / "b" / "log.db")
    assert (tmp_path / "a" / "b" / "log.db").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerUnavailableError):
        create(tmp_path / "file" / "log.db")


@pytest.mark.parametrize(
    "damage",
    ["UPDATE alembic_version SET version_num = '99'", "DELETE FROM alembic_version", "DROP TABLE alembic_version"],
)
async def test_other_schema_is_refused(path: Path, damage: str) -> None:
    """A log of another schema is not opened."""
    with raw(path) as connection:
        connection.execute(damage)

    with pytest.raises(LedgerUnavailableError):
        async with SqliteLedger(path):
            pass


async def test_foreign_file_is_refused(tmp_path: Path) -> None:
    """A file that is no database is not opened, and stays as it is."""
    foreign = tmp_path / "notes.txt"
    foreign.write_bytes(b"not a database " * 100)
    with pytest.raises(LedgerUnavailableError):
        async with SqliteLedger(foreign):
            pass

    assert foreign.read_bytes() == b"not a database " * 100


REWRITES = [
    "UPDATE entries SET record = x'00'",
    "UPDATE entries SET idx = idx + 10",
    "UPDATE entries SET tenant = 'other' WHERE idx = 0",
    "DELETE FROM entries",
    "DELETE FROM entries WHERE idx = 1",
    "UPDATE OR REPLACE entries SET idx = 0 WHERE idx = 1",
    "REPLACE INTO entries "
    "SELECT idx, review_id, 'other', request_id, content_digest, leaf_hash, record, kind FROM entries",
    "INSERT OR REPLACE INTO entries "
    "SELECT 5, review_id, tenant, request_id, content_digest, x'00', x'00', kind FROM entries",
]


@pytest.mark.parametrize("rewrite", REWRITES)
async def test_entries_are_final(path: Path, rewrite: str) -> None:
    """No plain SQL statement changes, removes or replaces an entry."""
    async with SqliteLedger(path) as ledger:
        for number in (1, 2):
            await ledger.append(entry(number, f"r-{number}"))
        before = await ledger.page(0, 10)
        with raw(path) as connection, pytest.raises(apsw.ConstraintError, match="final"):
            connection.execute(rewrite)

        assert await ledger.page(0, 10) == before


async def test_contents_can_be_erased(path: Path) -> None:
    """Text can be erased without touching the entries: they are still found, without content."""
    async with SqliteLedger(path) as ledger:
        await ledger.append(entry(1, "r-1"))
        with raw(path) as connection:
            connection.execute("UPDATE contents SET content = NULL, content_key = NULL")
        found = await ledger.find_request("acme", "r-1")

        assert found is not None
        assert (found.content, found.content_key, found.record) == (None, None, entry(1, "r-1").record)
        assert await check_log(ledger) == 1


async def test_waits_for_another_writer(path: Path) -> None:
    """While another process holds the write lock appends wait, and go through together when it lets go."""
    async with SqliteLedger(path) as ledger:
        with raw(path) as other:
            other.execute("BEGIN IMMEDIATE")
            tasks = [asyncio.create_task(ledger.append(entry(number))) for number in range(20)]
            done, _ = await asyncio.wait(tasks, timeout=0.05)
            assert not done
            assert await ledger.size() == 0
            other.execute("ROLLBACK")
        await asyncio.wait_for(asyncio.gather(*tasks), 4)

        assert await check_log(ledger) == 20


async def test_another_writer_that_does_not_let_go(path: Path) -> None:
    """Where another process keeps the write lock too long every waiter fails, nothing is written, the log goes on."""
    async with SqliteLedger(path, busy_timeout_s=0.05) as ledger:
        with raw(path) as other:
            other.execute("BEGIN IMMEDIATE")
            calls = [*(ledger.append(entry(number)) for number in range(20)), ledger.probe()]
            results = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 10)
            assert {type(result) for result in results} == {LedgerUnavailableError}
            assert await ledger.find_review("acme", entry(1).review_id) is None
            other.execute("ROLLBACK")
        await ledger.append(entry(1))

        assert await check_log(ledger) == 1


async def test_full_disk(path: Path) -> None:
    """A disk that refuses to grow fails every waiter and leaves nothing behind; afterwards the log goes on."""
    async with SqliteLedger(path) as ledger:
        await ledger.append(entry(0, "r-0"))
        with full_disk(path):
            results = await asyncio.gather(
                *(ledger.append(entry(number, f"r-{number}", intent="i" * 4000)) for number in range(1, 30)),
                return_exceptions=True,
            )
            assert {type(result) for result in results} == {LedgerUnavailableError}
            assert await check_log(ledger) == 1
            with pytest.raises(LedgerUnavailableError):
                await ledger.append(entry(1, "r-1"))
        retried = await ledger.append(entry(1, "r-1"))

        assert (retried.position.index, retried.existing) == (1, None)
        assert await check_log(ledger) == 2


async def test_full_disk_fails_the_probe(path: Path) -> None:
    """The probe tells of a log that cannot be written, and of one that can be again."""
    async with SqliteLedger(path) as ledger:
        with full_disk(path), pytest.raises(LedgerUnavailableError):
            await ledger.probe()
        await ledger.probe()


async def test_broken_table(path: Path) -> None:
    """A statement that fails half-way through an entry takes the whole batch back, for every waiter."""
    async with SqliteLedger(path) as ledger:
        with raw(path) as connection:
            connection.execute("ALTER TABLE contents RENAME TO gone")
        results = await asyncio.gather(*(ledger.append(entry(n)) for n in range(5)), return_exceptions=True)
        assert {type(result) for result in results} == {LedgerUnavailableError}
        with pytest.raises(LedgerUnavailableError):
            await ledger.page(0, 1)
        with raw(path) as connection:
            connection.execute("ALTER TABLE gone RENAME TO contents")
        await ledger.append(entry(7))

        assert await check_log(ledger) == 1


async def test_errors_name_no_content(path: Path) -> None:
    """What is said about a failed write repeats neither ids nor text of the entry."""
    async with SqliteLedger(path) as ledger:
        with raw(path) as connection:
            connection.execute("DROP TABLE contents")
        with pytest.raises(LedgerUnavailableError) as caught:
            await ledger.append(entry(1, "order-of-joe"))

    assert "joe" not in f"{caught.value} {caught.value.__cause__}"


async def test_writes_are_synced(path: Path) -> None:
    """The file is in WAL mode, and so opened that a commit is on disk before it is acknowledged."""
    async with SqliteLedger(path) as ledger:
        reader = ledger._connection()
        modes = [reader.pragma(name) for name in ("journal_mode", "synchronous")]

    assert modes == ["wal", 2]
