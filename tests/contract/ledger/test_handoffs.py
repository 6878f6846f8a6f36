"""Tickets in a log: what stands beside the records is what they say, and two who come at once never both win."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import apsw
import pytest

from reviewer.core.errors import HandoffFinalError, HandoffNotFoundError, HoldError, LeaseError, LedgerUnavailableError
from reviewer.core.events import Action, Event, EventKind, annex_of, read_event, signing_key_change
from reviewer.core.handoff import Move, applied
from reviewer.core.outcome_report import Fate, OutcomeReport, report_entry
from reviewer.core.record import Entry
from reviewer.core.review import Handoff, HandoffState
from reviewer.core.search import Match, Operator, Order, read_filter
from reviewer.core.ticket import Decision, Ticket, TicketState, ticket_of_record
from reviewer.core.words import Words, read_words, write_words
from reviewer.ledger.erasure import Erasures
from reviewer.ledger.handoffs import Asked
from reviewer.ledger.interface import Ledger
from reviewer.ledger.sqlite import SqliteLedger, create, upgrade
from reviewer.ledger.verification import contradiction
from tests.contract.ledger.conftest import Log, SqliteStore, Store
from tests.contract.ledger.test_custody import event, names
from tests.contract.ledger.test_ledger import check_log
from tests.contract.ledger.test_upgrade import first_form
from tests.support.builders import CONTENT_KEY, MOMENT, entry, review_id

SECRET = "the dose is ten times too high"
LATER = MOMENT + timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def log(store: Store) -> AsyncIterator[Log]:
    """Return an empty log, open."""
    async with store.open() as opened:
        yield opened


def ticket_id(number: int) -> str:
    return str(review_id(1000 + number))


def handed(number: int, tenant: str = "acme", expires_at: datetime | None = LATER, request_id: str = "") -> Entry:
    """Return a review that opens the ticket of its number."""
    handoff = Handoff(ticket_id(number), HandoffState.OPEN, MOMENT, expires_at)
    return entry(number, request_id, tenant=tenant, handoff=handoff)


_numbers = iter(range(10_000, 10**9))


def move(number: int, action: Action, now: datetime = MOMENT, **fields: object) -> Move:
    """Build a move of a ticket, with an event id of its own."""
    base = Move(ticket_id(number), "acme", action, str(review_id(next(_numbers))), now, by="ann", lease=10 * MINUTE)
    if action is Action.RESOLVE:
        annex = annex_of(write_words(Words(SECRET)), CONTENT_KEY)
        base = replace(base, decision=Decision.REJECT, token=1, annex=annex)
    return replace(base, **fields)  # type: ignore[arg-type]


async def resolved(log: Log, number: int) -> int:
    """Claim and resolve a ticket; return the index of its resolution."""
    await log.handoffs.move(move(number, Action.CLAIM))
    return (await log.handoffs.move(move(number, Action.RESOLVE))).last


async def derived(log: Ledger) -> dict[str, Ticket]:
    """Work every ticket out of the records alone."""
    tickets: dict[str, Ticket] = {}
    for row in await log.page(0, 10_000):
        if (opened := ticket_of_record(row.record)) is not None:
            tickets[opened.id] = opened
        told = read_event(row.record)
        for name in told.subjects if told is not None and told.kind is EventKind.HANDOFF else ():
            if name.startswith("handoffs/") and told is not None:
                handoff_id = name.removeprefix("handoffs/")
                tickets[handoff_id] = applied(tickets[handoff_id], told)
    return tickets


async def test_tickets_are_what_the_records_say(log: Log) -> None:
    """After every kind of move each ticket is the one that its records lead to, and the log is whole."""
    for number in range(1, 6):
        await log.append(handed(number))
    await log.append(entry(6))
    await resolved(log, 1)
    await log.handoffs.move(move(2, Action.CLAIM))
    await log.handoffs.move(move(2, Action.RELEASE, token=1))
    await log.handoffs.move(move(3, Action.CLAIM))
    await log.handoffs.move(move(4, Action.EXPIRE, LATER))

    found = {filed.ticket.id: filed for filed in await log.handoffs.page(Asked(MOMENT), None, 100)}
    assert {name: filed.ticket for name, filed in found.items()} == await derived(log)
    assert [filed.opened for filed in found.values()] == [0, 1, 2, 3, 4]
    assert [found[ticket_id(number)].ticket.state.value for number in range(1, 6)] == [
        "resolved",
        "open",
        "claimed",
        "expired",
        "open",
    ]
    assert await log.handoffs.of_review(str(review_id(1))) == found[ticket_id(1)]
    assert await log.handoffs.of_review(str(review_id(6))) is None
    assert await check_log(log) == 6 + 2 + 2 + 1 + 1


async def test_two_claims_at_once(store: Store) -> None:
    """Of many claims at once, from two processes, exactly one wins, and exactly one record is written."""
    async with store.open() as one, store.open() as other:
        await one.append(handed(1))
        claims = [log.handoffs.move(move(1, Action.CLAIM, by=f"{n}")) for n in range(20) for log in (one, other)]
        done = await asyncio.gather(*claims, return_exceptions=True)
        winners = [filed for filed in done if not isinstance(filed, BaseException)]
        assert len(winners) == 1
        assert all(isinstance(lost, LeaseError) for lost in done if isinstance(lost, BaseException))
        assert await other.handoffs.find(ticket_id(1)) == winners[0]
        assert await check_log(one) == 2


async def test_expired_once(store: Store) -> None:
    """Two processes that expire a ticket at once leave one record of it, and it is due no more."""
    async with store.open() as one, store.open() as other:
        await one.append(handed(1))
        await one.append(handed(2, expires_at=None))
        assert await one.handoffs.overdue(LATER - MINUTE, 10) == ()
        (due,) = await other.handoffs.overdue(LATER, 10)
        moves = [log.handoffs.move(move(1, Action.EXPIRE, LATER)) for log in (one, other, one, other)]
        assert {filed.ticket.state for filed in await asyncio.gather(*moves)} == {TicketState.EXPIRED}
        assert due.id == ticket_id(1)
        assert await one.handoffs.overdue(LATER, 10) == ()
        assert await check_log(one) == 3


async def test_what_is_settled(log: Log) -> None:
    """Of the tickets asked about, those are settled that were decided, that were told to have expired, or that have."""
    for number in (1, 2, 3, 5):
        await log.append(handed(number))
    await log.append(handed(4, expires_at=None))
    await resolved(log, 2)
    asked = tuple(map(ticket_id, (1, 2, 4, 9)))
    assert await log.handoffs.settled(asked, LATER - MINUTE) == {ticket_id(2)}
    assert await log.handoffs.settled(asked, LATER) == {ticket_id(1), ticket_id(2)}
    await log.handoffs.move(move(1, Action.EXPIRE, LATER))
    assert await log.handoffs.settled(asked, LATER - MINUTE) == {ticket_id(1), ticket_id(2)}
    assert await log.handoffs.settled((), LATER) == frozenset()
    many = (*(f"handoff-{number}" for number in range(5_000)), ticket_id(2))
    assert await log.handoffs.settled(many, LATER) == {ticket_id(2)}


async def test_what_is_refused_writes_nothing(log: Log) -> None:
    """An unknown ticket, somebody else's, a stale token and a final ticket are told, and leave the log as it was."""
    await log.append(handed(1))
    await log.append(handed(2, "globex"))
    await log.append(handed(3))
    await resolved(log, 3)
    size = await log.size()
    for asked, error in (
        (move(9, Action.CLAIM), HandoffNotFoundError),
        (move(2, Action.CLAIM), HandoffNotFoundError),
        (move(1, Action.RESOLVE), LeaseError),
        (move(3, Action.CLAIM), HandoffFinalError),
    ):
        with pytest.raises(error):
            await log.handoffs.move(asked)
    assert (await log.handoffs.move(move(3, Action.RESOLVE))).last == size - 1
    assert await log.size() == size


async def test_listing(log: Log) -> None:
    """Tickets are listed by tenant, route and state as of a moment, the oldest first, page by page."""
    for number in range(1, 7):
        await log.append(handed(number, "acme" if number % 2 else "globex"))
    await log.handoffs.move(move(1, Action.CLAIM))

    async def listed(asked: Asked, after: int | None = None, limit: int = 100) -> list[int]:
        return [filed.opened for filed in await log.handoffs.page(asked, after, limit)]

    assert await listed(Asked(MOMENT)) == [0, 1, 2, 3, 4, 5]
    assert await listed(Asked(MOMENT), 1, 2) == [2, 3]
    assert await listed(Asked(MOMENT, "acme")) == [0, 2, 4]
    assert await listed(Asked(MOMENT, "acme", "probe", TicketState.OPEN)) == [2, 4]
    assert await listed(Asked(MOMENT, None, "other")) == []
    assert await listed(Asked(MOMENT, None, "", TicketState.CLAIMED)) == [0]
    assert await listed(Asked(MOMENT + 10 * MINUTE, "acme", "", TicketState.OPEN)) == [0, 2, 4]
    assert await listed(Asked(MOMENT + 10 * MINUTE, None, "", TicketState.CLAIMED)) == []
    assert await listed(Asked(LATER, None, "", TicketState.EXPIRED)) == [0, 1, 2, 3, 4, 5]
    assert await listed(Asked(LATER, None, "", TicketState.OPEN)) == []
    assert await listed(Asked(MOMENT, None, "", TicketState.RESOLVED)) == []


async def test_a_resolution_is_content(store: Store) -> None:
    """A person's words are encrypted in the store, come back as they were, and are bound by their record."""
    async with replace(store, sealed=True).open() as log:
        await log.append(handed(1))
        await log.handoffs.move(move(1, Action.CLAIM))
        last = (await log.handoffs.move(move(1, Action.RESOLVE))).last
        (row,) = await log.page(last, 1)
        assert row.content is not None
        assert read_words(row.content) == Words(SECRET)
        assert contradiction(row, readable=True) == ""
        assert contradiction(replace(row, content=b"{}"), readable=True) != ""
    async with replace(store, sealed=False).open() as plain:
        contents = [row.content for row in await plain.page(0, 10) if row.content is not None]
    assert len(contents) == 2
    assert SECRET.encode() not in b"".join(contents)
    assert not isinstance(store, SqliteStore) or SECRET.encode() not in store.path.read_bytes()


async def test_an_erased_review_takes_its_words_with_it(log: Log) -> None:
    """Erasing a review erases resolution and outcomes about it, theirs alone; the log accounts for each of them."""
    await log.append(handed(1))
    await log.append(handed(2))
    gone, stays = await resolved(log, 1), await resolved(log, 2)
    reported = (await log.append(report("1"))).position.index

    erased = await log.erase(event(*names(1)))
    assert erased.contents == 3
    rows = {row.position.index: row for row in await log.page(0, 100)}
    assert [rows[index].content for index in (0, gone, reported)] == [None, None, None]
    assert rows[stays].content is not None
    assert [await Erasures(log).problem(row) for row in rows.values()] == [""] * len(rows)
    assert await Erasures(log).problem(replace(rows[gone], erased_by=None)) != ""
    assert (await log.erase(event(*names(1)))).position is None

    await log.append(report("2"))
    assert [kept.review_id for kept in await log.kept(0, 10)] == [str(review_id(1)), str(review_id(2))]
    assert (await log.erase(event(*names(1)))).contents == 1
    assert [kept.review_id for kept in await log.kept(0, 10)] == [str(review_id(2))]


async def test_an_erased_tenant_takes_all_words_with_it(log: Log) -> None:
    """With a tenant go the words about its reviews; a legal hold on one review keeps them."""
    await log.append(handed(1))
    await resolved(log, 1)
    await log.change_hold(replace(event(*names(1)), kind=EventKind.HOLD, action=Action.ADD, id=str(review_id(70))))
    with pytest.raises(HoldError):
        await log.erase(event(*names(1)))
    await log.change_hold(replace(event(*names(1)), kind=EventKind.HOLD, action=Action.REMOVE, id=str(review_id(71))))
    assert (await log.erase(event("tenants/acme"))).contents == 2
    assert [await Erasures(log).problem(row) for row in await log.page(0, 100)] == [""] * await log.size()


def report(request_id: str, comment: str = SECRET) -> Entry:
    told = OutcomeReport("acme", str(review_id(1)), Fate.COMPLAINT, "ann", comment, request_id)
    return report_entry(
        told, str(review_id(next(_numbers))), MOMENT, annex_of(write_words(Words(comment)), CONTENT_KEY)
    )


async def test_an_outcome_is_recorded_once(log: Log) -> None:
    """A report under a request id that is there already gives the first one back; a review's id is another matter."""
    await log.append(handed(1, request_id="r-1"))
    first = await log.append(report("r-1"))
    again = await log.append(report("r-1"))
    assert first.existing is None
    assert again.existing is not None
    assert (again.position, again.existing.kind) == (first.position, "outcome")
    found = await log.find_request("acme", "r-1")
    assert found is not None
    assert found.kind == "review"
    assert await log.size() == 2


async def test_events_are_found_by_what_they_are_about(log: Log) -> None:
    """A search for a review's name or for a kind finds its moves, its outcomes and its erasure."""
    await log.append(handed(1))
    await resolved(log, 1)
    await log.append(report("r-1"))
    await log.erase(event(*names(1)))

    async def kinds(text: str) -> list[str]:
        return [found.kind for found in await log.search(read_filter(text), Order.OLDEST, None, 10)]

    about = f"about:reviews/{review_id(1)}"
    assert await kinds(about) == ["handoff", "handoff", "outcome", "erasure"]
    assert await kinds(f"about:handoffs/{ticket_id(1)} AND kind = handoff") == ["handoff", "handoff"]
    assert await kinds("kind = outcome") == ["outcome"]
    assert await log.search(Match("about", Operator.HAS, "reviews/x"), Order.OLDEST, None, 10) == ()


async def test_a_key_change_is_told_once(store: Store) -> None:
    """The first key is only noted; of processes that start at once with another one, one tells the change."""

    def told(new: str, old: str) -> Event:
        return signing_key_change(new, str(review_id(next(_numbers))), MOMENT, old)

    async with store.open() as one, store.open() as other:
        assert await one.note_signing_key("a", partial(told, "a")) is None
        assert await other.note_signing_key("a", partial(told, "a")) is None
        starts = [log.note_signing_key("b", partial(told, "b")) for log in (one, other, one, other)]
        assert sorted(at is None for at in await asyncio.gather(*starts)) == [False, True, True, True]
        (row,) = await one.page(0, 10)
        change = read_event(row.record)
        assert change is not None
        assert (change.kind, change.details) == (EventKind.KEY_CHANGE, {"old": "a", "new": "b"})


async def test_tickets_of_an_older_log(tmp_path: Path) -> None:
    """After an upgrade handoffs that were in the log are open tickets, as their records say."""
    older = tmp_path / "older.db"
    first_form(older, handed(1, expires_at=None), entry(2), handed(3, "globex", None))
    upgrade(older)
    async with SqliteLedger(older) as log:
        found = await log.handoffs.page(Asked(MOMENT), None, 10)
        assert {filed.ticket.id: filed.ticket for filed in found} == await derived(log)
        assert [filed.opened for filed in found] == [0, 2]
        await log.handoffs.move(move(1, Action.CLAIM))


async def test_ticket_and_record_are_one_commit(tmp_path: Path) -> None:
    """Where the ticket cannot be written its review is not written either, nor is a move."""
    path = tmp_path / "log.db"
    create(path)
    async with SqliteLedger(path) as log:
        await log.append(handed(1))
        _sql(path, "ALTER TABLE handoffs RENAME TO gone")
        with pytest.raises(LedgerUnavailableError):
            await log.append(handed(2))
        with pytest.raises(LedgerUnavailableError):
            await log.handoffs.find(ticket_id(1))
        _sql(path, "ALTER TABLE gone RENAME TO handoffs")
        _sql(path, "CREATE TRIGGER no_change BEFORE UPDATE ON handoffs BEGIN SELECT raise(ABORT, 'no'); END")
        with pytest.raises(LedgerUnavailableError):
            await log.handoffs.move(move(1, Action.CLAIM))
        assert await check_log(log) == 1


def _sql(path: Path, statement: str) -> None:
    connection = apsw.Connection(str(path))
    try:
        connection.execute(statement)
    finally:
        connection.close()
