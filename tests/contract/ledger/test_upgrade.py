"""Logs of older versions: refused with a way out, and brought up to date without touching an entry."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import resources
from pathlib import Path

import apsw
import pytest
from typer.testing import CliRunner

from reviewer.cli.main import app
from reviewer.core.errors import LedgerUnavailableError
from reviewer.core.outcome import CallRecord, Usage
from reviewer.core.record import Entry
from reviewer.core.spending import NOTHING, Spent
from reviewer.ledger.migration import StoreName, newest, script
from reviewer.ledger.sqlite import SqliteLedger, create, upgrade
from tests.contract.ledger.test_ledger import check_log, stored
from tests.contract.ledger.test_search import varied
from tests.support.builders import MOMENT, entry
from tests.support.server_process import environment, serving

CALL = CallRecord("anthropic", "critic-1", "critic-1", "r", "0" * 64, Usage(1000, 600, 0, 50, 20), 700, 1, "stop")
UNPRICED = replace(CALL, cost_micro_usd=None)
VERSION = newest("sqlite")
ENTRIES = (
    entry(1, "r-1", calls=(CALL, UNPRICED)),
    entry(2, "r-2", calls=()),
    entry(3, calls=(CALL,), tenant="globex"),
    entry(4, calls=(CALL,)),
)
DAY = MOMENT.date()
KEY = base64.b64encode(bytes(32)).decode()
LEDGER = Path(str(resources.files("reviewer.ledger")))
MIGRATIONS, SQL = LEDGER / "migrations", LEDGER / "sql"


@contextmanager
def connected(path: Path) -> Iterator[apsw.Connection]:
    connection = apsw.Connection(str(path))
    try:
        yield connection
    finally:
        connection.close()


def first_form(path: Path, *entries: Entry) -> None:
    """Make a log as the first version made it."""
    schema = resources.files("reviewer.ledger").joinpath("sql/sqlite_schema.sql").read_text(encoding="utf-8")
    with connected(path) as connection:
        connection.pragma("journal_mode", "wal")
        connection.execute(schema)
        for index, e in enumerate(entries):
            row = (index, e.review_id, e.tenant, e.request_id or None, e.content_digest, e.leaf_hash, e.record)
            connection.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            connection.execute("INSERT INTO contents VALUES (?, ?, ?)", (index, e.content, e.content_key))


async def test_an_older_log_is_refused_with_a_way_out(tmp_path: Path) -> None:
    """A log of the first form is not opened, and the message says what it is and what to do."""
    path = tmp_path / "log.db"
    first_form(path, *ENTRIES)
    with pytest.raises(LedgerUnavailableError, match=rf"version 1, {VERSION} is needed: stop .* reviewer log upgrade"):
        async with SqliteLedger(path):
            pass


async def test_an_upgrade_keeps_entries_and_counts_them(tmp_path: Path) -> None:
    """After an upgrade every entry is as it was, what they cost is counted, and the log goes on."""
    path = tmp_path / "log.db"
    first_form(path, *ENTRIES)

    assert upgrade(path) == VERSION - 1
    async with SqliteLedger(path) as ledger:
        assert await ledger.page(0, 10) == tuple(stored(one, index) for index, one in enumerate(ENTRIES))
        assert dict(await ledger.spending_of_day(DAY)) == {
            "acme": Spent(1400, 3, 1, 3000, 1800, 150),
            "globex": ENTRIES[2].spent,
        }
        await ledger.append(entry(5, calls=(CALL,)))
        assert await check_log(ledger) == 5
        assert (await ledger.spending("acme", DAY)).micro_usd == 2100


async def test_calls_known_by_digest_only_are_left_out(tmp_path: Path) -> None:
    """A record that was shortened does not say what its calls cost, and does not stand in the way."""
    path = tmp_path / "log.db"
    short = replace(ENTRIES[0], record=b'{"calls":{"sha256":"00"},"time":"2026-11-21T00:00:00.000000Z"}')
    first_form(path, short)
    upgrade(path)
    async with SqliteLedger(path) as ledger:
        assert await ledger.spending("acme", DAY) == NOTHING


async def test_an_upgrade_finds_facets_in_records(tmp_path: Path) -> None:
    """After an upgrade entries are found by what was written down for them, as if they had been appended since."""
    older, newer = tmp_path / "older.db", tmp_path / "newer.db"
    entries = [*ENTRIES, *(varied(number) for number in range(10, 40))]
    first_form(older, *entries)
    upgrade(older)
    create(newer)
    async with SqliteLedger(newer) as ledger:
        for one in entries:
            await ledger.append(one)
    found = [_facets(path) for path in (older, newer)]
    assert found[0] == found[1]
    assert len(found[0][0]) == len(entries)


def _facets(path: Path) -> tuple[list[apsw.SQLiteValues], list[apsw.SQLiteValues]]:
    listed = "SELECT field, value, idx FROM facet_lists JOIN facet_values ON id = value_id ORDER BY 1, 2, 3"
    with connected(path) as connection:
        return connection.execute("SELECT * FROM facets ORDER BY idx").fetchall(), connection.execute(listed).fetchall()


async def test_an_upgrade_is_taken_once(tmp_path: Path) -> None:
    """A log that is up to date stays as it is."""
    path = tmp_path / "log.db"
    create(path)
    async with SqliteLedger(path) as ledger:
        await ledger.append(ENTRIES[0])
        assert await asyncio.to_thread(upgrade, path) == 0
        assert await ledger.spending("acme", DAY) == ENTRIES[0].spent


async def test_a_log_from_before_alembic_is_adopted(tmp_path: Path) -> None:
    """A log that counted its own steps is opened as it is, and an upgrade hands the account of them to Alembic."""
    path = tmp_path / "log.db"
    create(path)
    with connected(path) as connection:
        connection.execute("DROP TABLE alembic_version")
        connection.execute("UPDATE meta SET value = ? WHERE key = 'schema'", (str(VERSION),))
    async with SqliteLedger(path) as ledger:
        await ledger.append(ENTRIES[0])
    assert upgrade(path) == 0
    assert _step(path) == str(VERSION)
    async with SqliteLedger(path) as ledger:
        assert await check_log(ledger) == 1


async def test_a_log_one_step_ahead_is_opened(tmp_path: Path) -> None:
    """While a fleet is being replaced, programs of the older version go on with a log that the newer one prepared."""
    path = tmp_path / "log.db"
    create(path)
    with connected(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (str(VERSION + 1),))
    async with SqliteLedger(path) as ledger:
        await ledger.append(ENTRIES[0])
        assert await check_log(ledger) == 1


def _step(path: Path) -> object:
    with connected(path) as connection:
        return connection.execute("SELECT version_num FROM alembic_version").get


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_a_script_holds_the_steps_that_are_due(store: StoreName) -> None:
    """From wherever a log stands, the script has each later step once, in order, and nothing of the earlier ones."""
    steps = sorted(path.name for path in MIGRATIONS.joinpath(store).glob("step*.py"))
    files = [re.search(r'take\("(.*)"\)', MIGRATIONS.joinpath(store, name).read_text())[1] for name in steps]  # type: ignore[index]
    texts = [SQL.joinpath(name).read_text() for name in files]
    for done in range(len(texts) + 1):
        written = script(store, done)
        at = [written.find(text) for text in texts]
        assert at[:done] == [-1] * done
        assert at[done:] == sorted(at[done:])
        assert -1 not in at[done:]


@pytest.mark.parametrize("value", ["0", str(VERSION + 1), "two", ""])
def test_an_unknown_form_is_not_upgraded(tmp_path: Path, value: str) -> None:
    """A log of a newer version, or of none that is known, is left alone."""
    path = tmp_path / "log.db"
    create(path)
    with connected(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (value,))
    with pytest.raises(LedgerUnavailableError, match="none that this version knows"):
        upgrade(path)
    assert _step(path) == value


def test_what_is_no_log_is_not_upgraded(tmp_path: Path) -> None:
    """A path without a file, and a file that is no database, are refused; neither is changed."""
    foreign = tmp_path / "notes.txt"
    foreign.write_bytes(b"not a database " * 100)
    for path in (foreign, tmp_path / "typo.db"):
        with pytest.raises(LedgerUnavailableError):
            upgrade(path)

    assert foreign.read_bytes() == b"not a database " * 100
    assert list(tmp_path.iterdir()) == [foreign]


def test_a_failed_upgrade_changes_nothing(tmp_path: Path) -> None:
    """Where a step cannot be taken the log stays in its old form, whole."""
    path = tmp_path / "log.db"
    first_form(path, replace(ENTRIES[0], record=b"no json"))
    with pytest.raises(LedgerUnavailableError):
        upgrade(path)
    with connected(path) as connection:
        assert connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchall() == [("1",)]
        assert not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'spending'").fetchall()


async def test_spending_facets_and_entries_are_one_commit(tmp_path: Path) -> None:
    """Where cost or facets cannot be written the entry is not written either, and the other way round."""
    path = tmp_path / "log.db"
    create(path)
    async with SqliteLedger(path) as ledger:
        for table in ("spending", "contents", "facets", "facet_lists"):
            with connected(path) as connection:
                connection.execute(f"ALTER TABLE {table} RENAME TO gone")
            with pytest.raises(LedgerUnavailableError):
                await ledger.append(ENTRIES[0])
            with connected(path) as connection:
                connection.execute(f"ALTER TABLE gone RENAME TO {table}")
            assert await check_log(ledger) == 0
            assert await ledger.spending("acme", DAY) == NOTHING
        await ledger.append(ENTRIES[0])
        assert await ledger.spending("acme", DAY) == ENTRIES[0].spent


def test_the_printed_script_builds_a_log(tmp_path: Path) -> None:
    """`log upgrade --sql 0` prints what makes an empty file the log that `log init` makes, and touches nothing."""
    path, made = tmp_path / "log.db", tmp_path / "made.db"
    result = CliRunner().invoke(app, ["log", "upgrade", "--path", str(path), "--sql", "0"])
    assert (result.exit_code, path.exists()) == (0, False)
    create(made)
    with connected(path) as connection:
        for _ in connection.execute(result.stdout):
            pass
    assert _tables(path) == _tables(made)


def _tables(path: Path) -> list[apsw.SQLiteValues]:
    with connected(path) as connection:
        return connection.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY 1, 2").fetchall()


async def test_a_start_upgrades_when_told(tmp_path: Path) -> None:
    """`serve --upgrade-log` takes the steps that are due before it serves."""
    path = tmp_path / "log.db"
    first_form(path, *ENTRIES)
    async with serving(tmp_path, "--simulate", "--upgrade-log"):
        assert _step(path) == str(VERSION)


def test_a_start_upgrades_only_when_told(tmp_path: Path) -> None:
    """Without being told to, a service does not start on an older log, and leaves it as it is."""
    path = tmp_path / "log.db"
    first_form(path, *ENTRIES)
    result = CliRunner().invoke(app, ["serve", "--simulate"], env=environment(tmp_path, ENCRYPTION__KEY=KEY))
    assert result.exit_code == 1
    assert "reviewer log upgrade" in result.stderr
    with connected(path) as connection:
        assert connection.execute("SELECT value FROM meta WHERE key = 'schema'").get == "1"
