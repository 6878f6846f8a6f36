"""Contents apart from records: encrypted at rest, erased for good and told so, kept where the law says so."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import apsw
import pytest

from reviewer.content_sections import RetentionSettings
from reviewer.core.errors import (
    ConfigError,
    HoldError,
    LedgerCorruptError,
    LedgerUnavailableError,
    ReviewNotFoundError,
    SealedError,
)
from reviewer.core.events import Action, Event, EventKind, read_event
from reviewer.core.ids import uuid7
from reviewer.core.merkle import leaf_hash
from reviewer.core.record import Entry, read_content, seal
from reviewer.core.review import Position
from reviewer.core.spending import NOTHING
from reviewer.core.verdict import Verdict
from reviewer.ledger import postgres
from reviewer.ledger.custody import Store
from reviewer.ledger.erasure import Erasures
from reviewer.ledger.retention import BATCH, due
from reviewer.ledger.sealed import ROTATE_DAYS, SealedLedger
from reviewer.ledger.sqlite import SqliteLedger, create
from reviewer.sealing import Keyring
from tests.contract.ledger.test_ledger import check_log, stored
from tests.support.builders import MOMENT, entry, finding, quote, review, review_id
from tests.support.sealed import RING, Clock, sealed_ledger

MARK = "the patient takes nine grams a day"
SECRET = finding("probe/asked", quotes=(quote(MARK),), why="unlikely")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "log.db"
    create(made)
    return made


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run over every store what does not look into the file itself."""
    if "log" in metafunc.fixturenames:
        stores = ["sqlite"] if "path" in metafunc.fixturenames else ["sqlite", "postgres"]
        metafunc.parametrize("log", stores, indirect=True)


@pytest.fixture
async def log(request: pytest.FixtureRequest) -> AsyncIterator[SealedLedger]:
    inner: Store
    if request.param == "sqlite":
        inner = SqliteLedger(request.getfixturevalue("path"))
    else:
        server = postgres.Server(request.getfixturevalue("running_server").new_dsn())
        postgres.create(server)
        inner = postgres.PostgresLedger(server)
    async with sealed_ledger(inner) as opened:
        yield opened


def secret(number: int, request_id: str = "", tenant: str = "acme", **fields: object) -> Entry:
    made = review(number, request_id=request_id, tenant=tenant, findings=(SECRET,), **fields)
    return seal(made, number.to_bytes(32))


def names(*numbers: int) -> tuple[str, ...]:
    return tuple(f"reviews/{review_id(number)}" for number in numbers)


def event(
    *subjects: str, kind: EventKind = EventKind.ERASURE, action: Action = Action.ERASE, tenant: str = "acme"
) -> Event:
    """Return an event of the data-protection officer."""
    made = uuid7(MOMENT, os.urandom(10))
    return Event(kind, action, str(made), MOMENT, tenant, "dpo", "they asked", subjects)


def held(*subjects: str, action: Action = Action.ADD, tenant: str = "acme") -> Event:
    return event(*subjects, kind=EventKind.HOLD, action=action, tenant=tenant)


def on_disk(path: Path) -> bytes:
    """Return all bytes of the log's files."""
    return b"".join(file.read_bytes() for file in sorted(path.parent.iterdir()) if file.name.startswith(path.name))


def sql(path: Path, statement: str, *bound: object) -> list[apsw.SQLiteValues]:
    connection = apsw.Connection(str(path))
    try:
        return connection.execute(statement, bound).fetchall()
    finally:
        connection.close()


async def test_the_store_never_sees_the_text(path: Path, log: SealedLedger) -> None:
    """No phrase of a draft, no commitment key and no data key stands in the log's files, and all of it is read back."""
    sealed = replace(secret(1, "r-1"), content_key=os.urandom(32))
    await log.append(sealed)

    assert MARK.encode() in sealed.content
    written = on_disk(path)
    assert sealed.record in written
    assert [word for word in (MARK.encode(), b"unlikely", sealed.content_key) if word in written] == []
    assert await log.find_request("acme", "r-1") == stored(sealed, 0)
    assert sql(path, "SELECT length(content_key), length(wrapped) FROM contents, data_keys") == [(0, 40)]


async def test_plain_contents_are_still_read(path: Path) -> None:
    """What was appended before there was encryption is read as it is, beside what is encrypted."""
    async with SqliteLedger(path) as plain:
        await plain.append(secret(1))
    async with sealed_ledger(SqliteLedger(path)) as log:
        await log.append(secret(2))
        assert await log.page(0, 10) == (stored(secret(1), 0), stored(secret(2), 1))


async def test_a_moved_content_is_refused(path: Path, log: SealedLedger) -> None:
    """A ciphertext that was put under another entry is corruption, not the other entry's content."""
    for number in (1, 2):
        await log.append(secret(number))
    sql(path, "UPDATE contents SET content = (SELECT content FROM contents WHERE idx = 0) WHERE idx = 1")
    with pytest.raises(LedgerCorruptError):
        await log.find_review("acme", str(review_id(2)))


async def test_tenants_have_keys_of_their_own(path: Path, log: SealedLedger) -> None:
    """Each tenant has one data key, however many reviews are appended at once."""
    await asyncio.gather(*(log.append(secret(n, tenant=f"t{n % 3}")) for n in range(60)))

    assert sql(path, "SELECT tenant, generation FROM data_keys ORDER BY tenant") == [("t0", 0), ("t1", 0), ("t2", 0)]


async def test_two_processes_agree_on_a_key(path: Path) -> None:
    """Where two processes make a tenant's first key at once the first one counts, and both read everything."""
    async with sealed_ledger(SqliteLedger(path)) as one, sealed_ledger(SqliteLedger(path)) as other:
        await asyncio.gather(*((one, other)[n % 2].append(secret(n)) for n in range(20)))
        assert sql(path, "SELECT count(*) FROM data_keys") == [(1,)]
        assert await one.page(0, 50) == await other.page(0, 50)
        assert {read_content(row.content or b"").findings for row in await one.page(0, 50)} == {(SECRET,)}


async def test_a_second_key_of_one_generation_is_not_kept(path: Path) -> None:
    """Of two keys that were made knowing of none the first is kept, and returned to both."""
    async with SqliteLedger(path) as store:
        first, second = (RING.new_key("acme", uuid7(MOMENT, os.urandom(10)), MOMENT, os.urandom)[1] for _ in "ab")
        assert await store.add_data_key(first, 0) == first
        assert await store.add_data_key(second, 0) == first
        assert await store.add_data_key(second, 1) == second
        assert await store.data_keys("acme") == (first, second) == await store.data_keys(None)
        assert await store.data_keys("globex") == ()


async def test_data_keys_are_renewed(path: Path) -> None:
    """After its days a data key encrypts nothing new; what it encrypted is read as before, by a fresh process too."""
    clock = Clock()
    async with sealed_ledger(SqliteLedger(path), clock=clock) as log:
        await log.append(secret(1))
        clock.now += timedelta(days=ROTATE_DAYS) - timedelta(seconds=1)
        await log.append(secret(2))
        clock.now += timedelta(seconds=1)
        await log.append(secret(3))
        assert len(sql(path, "SELECT 1 FROM data_keys")) == 2
    async with sealed_ledger(SqliteLedger(path), clock=clock) as log:
        await log.append(secret(4))
        assert await log.page(0, 10) == tuple(stored(secret(n), n - 1) for n in range(1, 5))
        assert len(sql(path, "SELECT 1 FROM data_keys")) == 2


async def test_a_data_key_has_an_end_of_messages(path: Path, log: SealedLedger) -> None:
    """A key that has encrypted as much as it may is followed by a new one, however young it is."""
    await log.append(secret(1))
    log._current["acme"].left = 1
    for number in (2, 3, 4):
        await log.append(secret(number))

    assert len(sql(path, "SELECT 1 FROM data_keys")) == 2
    assert await log.page(0, 10) == tuple(stored(secret(n), n - 1) for n in range(1, 5))


async def test_the_wrapping_key_is_changed(path: Path) -> None:
    """Data keys are wrapped anew, which is recorded; then the former key is not needed, and alone is of no use."""
    later = Keyring(b"\x07" * 32)
    both = Keyring(b"\x07" * 32, [bytes(range(32))])
    async with sealed_ledger(SqliteLedger(path)) as log:
        await log.append(secret(1))
    with pytest.raises(ConfigError, match="not configured"):
        async with sealed_ledger(SqliteLedger(path), later):
            pass
    async with sealed_ledger(SqliteLedger(path), both) as log:
        stale = await log.stale_keys()
        change = event(*(f"data-keys/{key.id}" for key in stale), kind=EventKind.KEY_CHANGE, action=Action.REWRAP)
        assert (await log.rewrap(stale, change)).index == 1
        assert await log.stale_keys() == ()
    async with sealed_ledger(SqliteLedger(path), later) as log:
        rows = await log.page(0, 10)
        assert rows[0] == stored(secret(1), 0)
        assert (read_event(rows[1].record), rows[1].kind) == (change, "key_change")
    with pytest.raises(ConfigError):
        async with sealed_ledger(SqliteLedger(path)):
            pass


async def test_processes_with_different_wrapping_keys(path: Path) -> None:
    """A process that was given another wrapping key than the rest neither reads nor writes; that is no erasure."""
    async with sealed_ledger(SqliteLedger(path)) as log, sealed_ledger(SqliteLedger(path), Keyring(bytes(32))) as other:
        await log.append(secret(1))
        for call in (other.append(secret(2)), other.page(0, 1)):
            with pytest.raises(LedgerUnavailableError, match="not configured"):
                await call
        assert await log.page(0, 10) == (stored(secret(1), 0),)


async def test_erased_reviews_leave_no_bytes(path: Path, log: SealedLedger) -> None:
    """The ciphertext of an erased review is in no file of the log, its record is as before, others are untouched."""
    big = secret(1, "r-1", intent="i" * 9_000)
    await log.append(big)
    await log.append(secret(2))
    ((ciphertext,), (other,)) = sql(path, "SELECT content FROM contents ORDER BY idx")
    assert isinstance(ciphertext, bytes)
    assert isinstance(other, bytes)
    pieces = [ciphertext[at : at + 32] for at in range(0, len(ciphertext) - 32, 512)]
    assert all(piece in on_disk(path) for piece in pieces)

    asked = event(*names(1))
    erased = await log.erase(asked)

    assert (erased.position, erased.contents, erased.wiped) == (
        Position(2, leaf_hash((await log.page(2, 1))[0].record)),
        1,
        True,
    )
    left = on_disk(path)
    assert [piece for piece in pieces if piece in left] == []
    assert other in left
    found = await log.find_request("acme", "r-1")
    assert found == replace(stored(big, 0), content=None, content_key=None, erased_by=2)
    assert await check_log(log) == 3
    assert await log.find_review("acme", str(review_id(2))) == stored(secret(2), 1)
    assert await log.find_review("acme", asked.id) is None


async def test_plain_contents_leave_no_bytes_either(path: Path) -> None:
    """Text that an older version wrote in the clear is gone from the files, and so is the key of its commitment."""
    sealed = replace(secret(1), content_key=os.urandom(32))
    traces = (MARK.encode(), sealed.content_key)
    async with SqliteLedger(path) as plain:
        await plain.append(sealed)
        assert all(trace in on_disk(path) for trace in traces)
        await plain.erase(event(*names(1)))
        assert not any(trace in on_disk(path) for trace in traces)


async def test_an_erased_tenant(path: Path, log: SealedLedger) -> None:
    """Contents and keys of the tenant are destroyed, and no others; a service that goes on makes a new key for it."""
    async with sealed_ledger(SqliteLedger(path)) as service:
        for number in (1, 2):
            await service.append(secret(number))
        await service.append(secret(3, tenant="globex"))
        erased = await log.erase(event("tenants/acme"))
        assert (erased.contents, erased.wiped) == (2, True)
        assert sql(path, "SELECT count(*) FROM data_keys WHERE wrapped IS NULL") == [(1,)]
        await service.append(secret(4))
        await asyncio.gather(*(service.append(secret(n)) for n in range(5, 10)))
        rows = await service.page(0, 50)

    assert [row.content is None for row in rows] == [True, True, False, True] + [False] * 6
    assert rows[4] == stored(secret(4), 4)
    assert sql(path, "SELECT count(*) FROM data_keys WHERE tenant = 'acme'") == [(2,)]


async def test_no_content_under_a_destroyed_key(path: Path) -> None:
    """The store itself refuses a content whose key is gone, and tells only the one who asked."""
    async with SqliteLedger(path) as store:
        key = RING.new_key("acme", uuid7(MOMENT, os.urandom(10)), MOMENT, os.urandom)[1]
        await store.add_data_key(key, 0)
        await store.erase(event("tenants/acme"))
        late = replace(secret(1), data_key=key.id)
        results = await asyncio.gather(store.append(late), store.append(secret(2)), return_exceptions=True)
        assert isinstance(results[0], SealedError)
        assert not isinstance(results[1], BaseException)
        assert await check_log(store) == 2


async def test_erased_once(log: SealedLedger) -> None:
    """Asked a second time, nothing is left to erase and nothing is recorded."""
    await log.append(secret(1))
    for subjects, first in ((names(1), 1), (("tenants/acme",), 0)):
        assert (await log.erase(event(*subjects))).contents == first
        again = await log.erase(event(*subjects))
        assert (again.position, again.contents) == (None, 0)
    assert await log.size() == 3


async def test_nothing_of_others_is_erased(log: SealedLedger) -> None:
    """A review of another tenant, or one that is not there, stops the erasure as a whole."""
    await log.append(secret(1))
    await log.append(secret(2, tenant="globex"))
    for asked in (event(*names(1, 2)), event(*names(1, 7)), event(*names(1), tenant="globex")):
        with pytest.raises(ReviewNotFoundError):
            await log.erase(asked)
    assert all(row.content is not None for row in await log.page(0, 10))
    assert await log.size() == 2


async def test_every_missing_content_is_accounted_for(path: Path, log: SealedLedger) -> None:
    """An audit finds a record for each content that was erased, and none for one that is merely gone."""
    for number in range(1, 6):
        await log.append(secret(number))
    asked = event(*names(1, 2))
    await log.erase(asked)
    await log.erase(event("tenants/acme"))
    await log.append(secret(6))
    await log.append(secret(7))
    sql(path, "UPDATE contents SET content = NULL WHERE idx = 7")
    sql(path, "UPDATE contents SET content = NULL, erased_by = 6 WHERE idx = 8")
    erasures = Erasures(log)
    rows = await log.page(0, 50)

    assert await erasures.of(rows[0]) == asked
    assert [bool(await erasures.problem(row)) for row in rows] == [False] * 7 + [True, True]
    # A pointer to an entry that erased others, that is no erasure, or that is not there, accounts for nothing.
    for wrong in (5, 0, 99):
        assert await erasures.problem(replace(rows[8], position=Position(0, b""), review_id="x", erased_by=wrong))


async def test_records_of_a_later_version_are_skipped(log: SealedLedger) -> None:
    """An entry of a kind that nobody here knows is listed, is no review, and stands in nobody's way."""
    record = b'{"id":"x","schema":"future/9","tenant":"acme"}'
    future = replace(
        entry(1), record=record, leaf_hash=leaf_hash(record), content=b"", content_key=b"", spent=NOTHING, kind="future"
    )
    await log.append(future)
    await log.append(secret(2))

    assert await log.find_review("acme", future.review_id) is None
    assert [row.kind for row in await log.page(0, 10)] == ["future", "review"]
    assert await Erasures(log).problem((await log.page(0, 1))[0]) == ""
    assert [kept.index for kept in await log.kept(0, 10)] == [1]
    with pytest.raises(ReviewNotFoundError):
        await log.erase(event(f"reviews/{future.review_id}"))
    assert (await log.erase(event("tenants/acme"))).contents == 1
    assert await check_log(log) == 3


@pytest.mark.parametrize(("on", "asked"), [(names(1), names(1, 2)), (("tenants/acme",), names(2)), (names(1), ())])
async def test_a_legal_hold_wins(log: SealedLedger, on: tuple[str, ...], asked: tuple[str, ...]) -> None:
    """What is held is not erased, alone, with others or with its whole tenant; once it is not, it is."""
    for number in (1, 2):
        await log.append(secret(number))
    hold = held(*on)
    await log.change_hold(hold)
    erasure = event(*(asked or ("tenants/acme",)))
    with pytest.raises(HoldError, match=r"legal hold of 2026-11-21T.* by dpo \(they asked\)"):
        await log.erase(erasure)
    assert [row.content is None for row in await log.page(0, 2)] == [False, False]
    assert await log.size() == 3
    assert await log.holds("acme") == await log.holds(None) == (hold,)
    await log.change_hold(held(*on, action=Action.REMOVE))
    assert await log.holds(None) == ()
    assert (await log.erase(erasure)).contents > 0
    assert [row.kind for row in await log.page(2, 9)] == ["hold", "hold", "erasure"]


async def test_holds_of_others_do_not_matter(log: SealedLedger) -> None:
    """A hold is on one review, or on one tenant."""
    for number, tenant in ((1, "acme"), (2, "acme"), (3, "globex")):
        await log.append(secret(number, tenant=tenant))
    await log.change_hold(held(*names(2)))
    await log.change_hold(held("tenants/globex", tenant="globex"))

    assert [(kept.index, kept.held) for kept in await log.kept(0, 10)] == [(0, False), (1, True), (2, True)]
    assert (await log.erase(event(*names(1)))).contents == 1
    assert [kept.index for kept in await log.kept(0, 10)] == [1, 2]


async def test_holds_are_put_and_lifted_once(log: SealedLedger) -> None:
    """A hold that is there, one that is not, and one on nothing are told, and not recorded."""
    await log.append(secret(1))
    with pytest.raises(HoldError, match="not under"):
        await log.change_hold(held(*names(1), action=Action.REMOVE))
    await log.change_hold(held(*names(1)))
    with pytest.raises(HoldError, match="already"):
        await log.change_hold(held(*names(1)))
    with pytest.raises(ReviewNotFoundError):
        await log.change_hold(held(*names(9)))
    assert await log.size() == 2


async def test_what_retention_asks_for(log: SealedLedger) -> None:
    """Contents are due by age, tenant and verdict, in batches of one tenant; held, erased and unlimited ones never."""
    now = MOMENT + timedelta(days=100)
    settings = RetentionSettings.model_validate(
        {"days": 90, "tenants": {"globex": {"days": 365, "approve_days": 30}, "initech": {"handoff_days": 200}}}
    )
    rows = [
        secret(1),
        secret(2, created_at=now - timedelta(days=89)),
        secret(3, tenant="globex"),
        secret(4, tenant="globex", verdict=Verdict.REVISE),
        secret(5, tenant="initech", verdict=Verdict.HUMAN_HANDOFF),
        secret(6, tenant="initech"),
        secret(7),
        secret(8),
    ]
    for row in rows:
        await log.append(row)
    await log.erase(event(*names(7)))
    await log.change_hold(held(*names(8)))
    found = [(batch.tenant, batch.reviews) async for batch in due(log.kept, settings, now)]

    assert found == [(t, (str(review_id(n)),)) for t, n in (("acme", 1), ("globex", 3), ("initech", 6))]
    assert [batch async for batch in due(log.kept, RetentionSettings(), now)] == []


async def test_retention_goes_in_batches(log: SealedLedger) -> None:
    """No batch is larger than a record may be, and each review is in one of them."""
    count = BATCH + 7
    await asyncio.gather(*(log.append(entry(number)) for number in range(count)))
    batches = [b async for b in due(log.kept, RetentionSettings(days=1), MOMENT + timedelta(days=9))]

    assert [len(batch.reviews) for batch in batches] == [BATCH, 7]
    assert len({name for batch in batches for name in batch.reviews}) == count


async def test_commitments_hold_for_what_is_read(log: SealedLedger) -> None:
    """Content and key, as they are read, are those that the record commits to."""
    await log.append(secret(1))
    (row,) = await log.page(0, 1)
    assert row.content is not None
    assert row.content_key is not None
    made = hmac.digest(row.content_key, row.content, hashlib.sha256).hex()
    assert json.loads(row.record)["content_commitment"] == made


async def test_a_closed_log_has_no_custody(log: SealedLedger, path: Path) -> None:
    """Nothing of it is done on a log that is closed."""
    closed = SqliteLedger(path)
    for call in (closed.erase(event(*names(1))), closed.holds(None), closed.kept(0, 1), closed.change_hold(held())):
        with pytest.raises(LedgerUnavailableError):
            await call
