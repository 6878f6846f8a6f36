"""Finding what a release judged: in every store, in logs that were there before, and while older programs write on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import apsw
import pytest

from reviewer.core.errors import LedgerUnavailableError
from reviewer.core.facets import microseconds
from reviewer.core.record import Entry
from reviewer.core.release_event import ReleaseAction, ReleaseEvent, entry_of_release
from reviewer.core.rollout import ReleaseStage, Trial
from reviewer.core.search import Order, read_filter
from reviewer.core.shadowing import shadow_entry
from reviewer.ledger import postgres, sqlite
from reviewer.ledger.interface import Ledger
from reviewer.ledger.migration import StoreName
from reviewer.trials import rollback_of
from tests.contract.ledger.conftest import Log, PostgresStore, SqliteStore, Store
from tests.contract.ledger.test_ledger import check_log
from tests.contract.ledger.test_search import indexes
from tests.support.builders import MOMENT, entry, review
from tests.support.older_logs import WITHOUT_RELEASES
from tests.support.postgres_server import PostgresServer

BASE, CANDIDATE, OTHER = "ba" + "0" * 62, "ca" + "0" * 62, "cab" + "0" * 61
WORD = "dee", "ready"
TRIAL = Trial("t-1", CANDIDATE, BASE, ReleaseStage.CANARY, 5, (), 2, MOMENT, "dee")
ENTRIES = (
    entry(0),
    entry_of_release(ReleaseEvent(ReleaseAction.ACTIVATE, "e-1", MOMENT, BASE, "", *WORD)),
    entry_of_release(ReleaseEvent(ReleaseAction.PROMOTE, "e-2", MOMENT, CANDIDATE, BASE, *WORD, stage="canary")),
    entry(3, release=BASE),
    entry(4, release=CANDIDATE, stage="canary"),
    entry(5, release=CANDIDATE, stage="canary", tenant="glob\0ex", labels={"release": OTHER, "stage": "shadow"}),
    shadow_entry("e-6", MOMENT, TRIAL, review(4, release=BASE), review(40, release=OTHER)),
    entry_of_release(rollback_of(TRIAL, "e-7", MOMENT, *WORD)),
    entry_of_release(ReleaseEvent(ReleaseAction.ROLLBACK, "e-8", MOMENT, BASE, OTHER, *WORD)),
)
FOUND = {
    f"release = {CANDIDATE}": [2, 4, 5, 7],
    f"release = releases/{CANDIDATE} AND kind = review": [4, 5],
    f"release = {CANDIDATE} AND stage = canary AND tenant = acme": [4],
    "release = ca*": [2, 4, 5, 6, 7],
    "release = releases/cab*": [6],
    "release = ca* AND release != cab*": [2, 4, 5, 7],
    f"NOT release = {CANDIDATE}": [0, 1, 3, 6, 8],
    'release = ""': [0],
    f"NOT release = {'d' * 64}": [*range(9)],
    f"release = {'d' * 64} OR release = d*": [],
    "stage = canary": [2, 4, 5, 7],
    "stage = full": [1, 8],
    "stage = shadow": [6],
    'stage = ""': [0, 3],
    "stage = ca*": [2, 4, 5, 7],
}


async def filled(ledger: Ledger) -> None:
    for one in ENTRIES:
        await ledger.append(one)


async def answers(ledger: Ledger) -> dict[str, list[int]]:
    """Ask every question."""
    found = {text: await ledger.search(read_filter(text), Order.OLDEST, None, 100) for text in FOUND}
    return {text: sorted(indexes(page)) for text, page in found.items()}


async def test_what_a_release_judged_is_found(ledger: Log) -> None:
    """Reviews, shadows and events are found by release, by how its digest begins, by stage, and by all at once."""
    await filled(ledger)
    assert await answers(ledger) == FOUND


@dataclass(frozen=True, slots=True)
class Older:
    """A log of the step before.

    Attributes:
        run: runs statements without our code.
        upgrade: takes the steps that are due, and says how many that were.
    """

    store: Store
    run: Callable[[str], object]
    upgrade: Callable[[], int]


@pytest.fixture(params=["sqlite", "postgres"])
async def older(request: pytest.FixtureRequest, tmp_path: Path) -> Older:
    """Return a log of the step before, with entries."""
    name: StoreName = request.param
    if name == "sqlite":
        path = tmp_path / "log.db"
        made = Older(SqliteStore(path), partial(_sqlite, path), partial(sqlite.upgrade, path))
    else:
        running: PostgresServer = request.getfixturevalue("running_server")
        server = postgres.Server(running.new_dsn())
        made = Older(PostgresStore(server), partial(running.run, dsn=server.dsn), partial(postgres.upgrade, server))
    await asyncio.to_thread(made.store.create)
    async with made.store.open() as ledger:
        await filled(ledger)
    await asyncio.to_thread(made.run, WITHOUT_RELEASES[name])
    return made


def _sqlite(path: Path, sql: str) -> None:
    connection = apsw.Connection(str(path))
    connection.execute(sql)
    connection.close()


async def test_a_log_of_the_step_before(older: Older) -> None:
    """After an upgrade what was there is found as if it had been appended since; a second upgrade changes nothing."""
    with pytest.raises(LedgerUnavailableError, match="reviewer log upgrade"):
        async with older.store.open():
            pass
    assert [await asyncio.to_thread(older.upgrade) for _ in range(2)] == [1, 0]
    async with older.store.open() as ledger:
        assert await answers(ledger) == FOUND
        assert await check_log(ledger) == len(ENTRIES)
        await ledger.append(entry(9, release=CANDIDATE))
        assert indexes(await ledger.search(read_filter(f"release = {CANDIDATE}"), Order.OLDEST, None, 9))[-1] == 9


async def test_an_older_program_that_writes_on(older: Older) -> None:
    """What a program of the step before writes after the upgrade is found by its release as well."""
    await asyncio.to_thread(older.upgrade)
    told = [_as_before(index, one) for index, one in enumerate(ENTRIES)]
    await asyncio.to_thread(older.run, ";".join(["DELETE FROM facet_lists", "DELETE FROM facets", *told]))
    async with older.store.open() as ledger:
        assert await answers(ledger) == FOUND


def _as_before(index: int, one: Entry) -> str:
    """Write the statement by which the step before told facets."""
    facets = one.facets
    texts = (facets.kind, facets.tenant, facets.intent, facets.domain, facets.route, facets.tier, facets.locale)
    values = (*texts, facets.verdict, facets.drafter, str(int(facets.simulated)), str(int(facets.canary)))
    told = ", ".join(f"'{value}'".replace("\0", "\\0") for value in values)
    return (
        "INSERT INTO facets (idx, time_us, kind, tenant, intent, domain, route, tier, locale, verdict, drafter, "  # noqa: S608 - our own
        f"simulated, canary) VALUES ({index}, {microseconds(facets.create_time)}, {told})"
    )
