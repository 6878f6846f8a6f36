"""Tickets in a database: one commit with their records, in logs of older versions, and whatever people are called."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime

import asyncpg
import pytest

from reviewer.core.errors import LedgerUnavailableError
from reviewer.core.events import Action, entry_of
from reviewer.core.record import Entry
from reviewer.core.search import Order, read_filter
from reviewer.core.ticket import TicketState
from reviewer.ledger.handoffs import Asked
from reviewer.ledger.migration import newest
from reviewer.ledger.postgres import PostgresLedger, upgrade
from reviewer.ledger.postgres_writer import MAX_STEPS
from tests.contract.ledger.conftest import Database
from tests.contract.ledger.test_custody import event, names
from tests.contract.ledger.test_handoffs import LATER, derived, handed, move, report, ticket_id
from tests.contract.ledger.test_ledger import check_log
from tests.support.builders import MOMENT, entry, review_id
from tests.support.older_logs import WITHOUT_RELEASES

VERSION = newest("postgres")
ODD = "a\x00b\\c"
_MANY_DECIDED = """
INSERT INTO handoffs SELECT
    gen_random_uuid()::text, i, i, i::text, tenant, route, intent, created_us, expires_us, 'resolved', 1, ''
FROM handoffs, generate_series(1, 20000) i; ANALYZE handoffs
"""


async def _run(database: Database, sql: str) -> str:
    return await asyncio.to_thread(database.run, sql)


def second_form(database: Database) -> None:
    """Make of a log one that a version without tickets made."""
    database.run(WITHOUT_RELEASES["postgres"])
    database.run("DROP TABLE handoffs, annexes")
    database.run("DELETE FROM facet_lists USING facet_values WHERE id = value_id AND field = 'about'")
    database.run("DELETE FROM facet_values WHERE field = 'about'")
    database.run("UPDATE alembic_version SET version_num = '2'")


async def test_tickets_of_an_older_log(database: Database) -> None:
    """After an upgrade handoffs that were in the log are open tickets, and events are found by what they are about."""
    entries = (
        handed(1),
        entry(2),
        handed(3, ODD, None),
        handed(4, "globex", datetime.max.replace(tzinfo=LATER.tzinfo)),
    )
    async with PostgresLedger(database.server) as log:
        for one in entries:
            await log.append(one)
        await log.erase(event(*names(1)))
        await log.append(entry_of(event("tenants/" + ODD, tenant=ODD)))
    await asyncio.to_thread(second_form, database)
    with pytest.raises(LedgerUnavailableError, match=rf"version 2, {VERSION} is needed: stop .* reviewer log upgrade"):
        async with PostgresLedger(database.server):
            pass

    assert await asyncio.to_thread(upgrade, database.server) == VERSION - 2
    async with PostgresLedger(database.server) as log:
        found = await log.handoffs.page(Asked(MOMENT), None, 10)
        assert {filed.ticket.id: filed.ticket for filed in found} == await derived(log)
        assert [(filed.opened, filed.last) for filed in found] == [(0, 0), (2, 2), (3, 3)]
        about = read_filter(f"about:reviews/{review_id(1)}")
        assert [one.kind for one in await log.search(about, Order.OLDEST, None, 10)] == ["erasure"]
        await log.handoffs.move(move(1, Action.CLAIM))
        assert [one.kind for one in await log.search(about, Order.OLDEST, None, 10)] == ["erasure", "handoff"]
        assert await check_log(log) == 7


async def test_ticket_and_record_are_one_commit(database: Database) -> None:
    """Where ticket or annex cannot be written the record is not written either, nor is a move."""
    async with PostgresLedger(database.server) as log:
        await log.append(handed(1))
        for table, written in (("handoffs", handed(2)), ("annexes", report("r-1"))):
            await _run(database, f"ALTER TABLE {table} RENAME TO gone")
            with pytest.raises(LedgerUnavailableError):
                await log.append(written)
            await _run(database, f"ALTER TABLE gone RENAME TO {table}")
        await _run(database, "CREATE RULE no_change AS ON UPDATE TO handoffs DO INSTEAD SELECT 1 / 0")
        with pytest.raises(LedgerUnavailableError):
            await log.handoffs.move(move(1, Action.CLAIM))
        assert await check_log(log) == 1


async def test_what_is_refused_stops_nobody_else(database: Database) -> None:
    """Moves that are refused and moves and entries that are not, all of one commit, each get their own answer."""
    async with PostgresLedger(database.server) as log:
        for number in range(1, 9):
            await log.append(handed(number))
        connection = await asyncpg.connect(database.server.dsn)
        # What is queued while the head is held becomes one batch.
        await connection.execute("BEGIN; SELECT * FROM head FOR UPDATE")
        asked = [
            call
            for number in range(1, 9)
            for call in (
                log.handoffs.move(move(number, Action.CLAIM)),
                log.handoffs.move(move(number, Action.CLAIM, by="bob")),
                log.append(entry(20 + number)),
            )
        ]
        tasks = [asyncio.ensure_future(call) for call in asked]
        await asyncio.sleep(0)
        connection.terminate()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        told = [type(one).__name__ for one in done]
        assert told == ["Filed", "LeaseError", "Appended"] * 8
        assert await check_log(log) == 24


async def test_many_moves_let_others_in_between(database: Database) -> None:
    """However many moves wait, no commit does more than some of them: other processes wait for the head meanwhile."""
    async with PostgresLedger(database.server) as log:
        await asyncio.gather(*(log.append(handed(number)) for number in range(4 * MAX_STEPS)))
        before = int(await _run(database, "SELECT beat FROM head"))
        await asyncio.gather(*(log.handoffs.move(move(number, Action.CLAIM)) for number in range(4 * MAX_STEPS)))
        assert int(await _run(database, "SELECT beat FROM head")) - before >= 4
        assert await check_log(log) == 8 * MAX_STEPS


async def test_odd_names(database: Database) -> None:
    """What a ticket is called, whose it is and who holds it come back as they were, NUL and backslash included."""
    odd = replace(handed(1, ODD), annex_of="")
    assert odd.ticket is not None
    opened: Entry = replace(odd, ticket=replace(odd.ticket, route=ODD, intent=ODD))
    async with PostgresLedger(database.server) as log:
        await log.append(opened)
        filed = await log.handoffs.move(replace(move(1, Action.CLAIM), tenant=ODD, by=ODD))
        assert (filed.ticket.holder, filed.ticket.tenant, filed.ticket.route) == (ODD, ODD, ODD)
        assert await log.handoffs.find(ticket_id(1)) == filed
        assert await log.handoffs.of_review(odd.review_id) == filed
        assert await log.handoffs.page(Asked(MOMENT, ODD, ODD, TicketState.CLAIMED), None, 10) == (filed,)


async def test_a_queue_is_not_read_through(database: Database) -> None:
    """However many tickets were ever decided, open ones and due ones are found by indexes that hold only these."""
    async with PostgresLedger(database.server) as log:
        await log.append(handed(1))
        await _run(database, _MANY_DECIDED)
        waiting = "SELECT * FROM handoffs WHERE state IN ('open', 'claimed') AND"
        for condition, index in (("expires_us <= 9 ORDER BY expires_us", "due"), ("TRUE ORDER BY idx", "queue")):
            assert f"handoffs_{index}" in await _run(database, f"EXPLAIN {waiting} {condition} LIMIT 100")
        assert [one.id for one in await log.handoffs.overdue(LATER, 10)] == [ticket_id(1)]
