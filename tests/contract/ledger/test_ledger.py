from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from reviewer.core.errors import LedgerUnavailableError
from reviewer.core.merkle import leaf_hash
from reviewer.core.record import Entry, read_content
from reviewer.core.review import Position
from reviewer.ledger.interface import Appended, Ledger, Stored
from tests.contract.ledger.conftest import Store
from tests.support.builders import entry, review

MANY = 300


def stored(sealed: Entry, index: int) -> Stored:
    """Return an entry as the log should hold it."""
    return Stored(
        Position(index, sealed.leaf_hash),
        sealed.review_id,
        sealed.tenant,
        sealed.request_id,
        sealed.content_digest,
        sealed.record,
        sealed.content,
        sealed.content_key,
    )


async def check_log(ledger: Ledger) -> int:
    """Walk the whole log by pages: contiguous, once each, every leaf the hash of its record. Return its size."""
    size = await ledger.size()
    rows: list[Stored] = []
    while page := await ledger.page(len(rows), 64):
        rows += page
    assert [row.position.index for row in rows] == list(range(size))
    assert all(row.position.leaf_hash == leaf_hash(row.record) for row in rows)
    assert len({row.review_id for row in rows}) == size
    named = [(row.tenant, row.request_id) for row in rows if row.request_id]
    assert len(set(named)) == len(named)
    return size


async def test_empty_log(ledger: Ledger) -> None:
    """A new log holds nothing, and finds nothing."""
    assert await check_log(ledger) == 0
    assert await ledger.page(0, 10) == ()
    assert await ledger.find_request("acme", "r-1") is None
    assert await ledger.find_review("acme", review(1).id) is None


async def test_entry_comes_back_as_it_was(ledger: Ledger) -> None:
    """An entry is found by its request id and by its review, byte for byte, at the position that was returned."""
    sealed = entry(1, "r-1")

    assert await ledger.append(sealed) == Appended(Position(0, sealed.leaf_hash))
    assert await ledger.find_request("acme", "r-1") == stored(sealed, 0)
    assert await ledger.find_review("acme", sealed.review_id) == stored(sealed, 0)
    assert await ledger.page(0, 10) == (stored(sealed, 0),)
    assert read_content(sealed.content) == review(1, request_id="r-1")


async def test_durable(store: Store) -> None:
    """What was appended is there for the next process, and the log goes on where it ended."""
    sealed = [entry(number, f"r-{number}") for number in range(3)]
    for one in sealed:
        async with store.open() as ledger:
            await ledger.append(one)
    async with store.open() as ledger:
        assert await ledger.page(0, 10) == tuple(stored(one, index) for index, one in enumerate(sealed))


async def test_visible_before_the_writer_closes(store: Store) -> None:
    """What `append` returned for is in the log for every other reader at once, not only after closing."""
    async with store.open() as ledger, store.open() as other:
        await ledger.append(entry(1, "r-1"))
        assert await other.size() == 1
        assert await other.find_request("acme", "r-1") == stored(entry(1, "r-1"), 0)


async def test_once(ledger: Ledger) -> None:
    """The second entry of a request id is not kept: its caller gets the first one back."""
    first, second = entry(1, "r-1"), entry(2, "r-1", digest="d" * 64)
    await ledger.append(first)
    appended = await ledger.append(second)

    assert appended == Appended(Position(0, first.leaf_hash), stored(first, 0))
    assert await check_log(ledger) == 1
    assert await ledger.find_review("acme", second.review_id) is None


async def test_same_entry_twice(ledger: Ledger) -> None:
    """A retry with the very same entry finds it in the log and writes no second one."""
    sealed = entry(1, "r-1")
    await ledger.append(sealed)

    assert (await ledger.append(sealed)).existing == stored(sealed, 0)
    assert await check_log(ledger) == 1


async def test_once_within_one_batch(ledger: Ledger) -> None:
    """Of many entries of one request id that are appended together exactly one is kept, and all callers agree on it."""
    results = await asyncio.gather(*(ledger.append(entry(number, "r-1")) for number in range(50)))

    assert sum(result.existing is None for result in results) == 1
    assert len({result.position for result in results}) == 1
    assert await check_log(ledger) == 1


async def test_refused_entries_leave_no_gap(ledger: Ledger) -> None:
    """Entries that are found to be there already take no index, also between new ones of the same batch."""
    results = await asyncio.gather(*(ledger.append(entry(number, f"r-{number // 2}")) for number in range(100)))

    assert sum(result.existing is None for result in results) == 50
    assert await check_log(ledger) == 50


async def test_tenants_are_apart(ledger: Ledger) -> None:
    """The same request id of another tenant is another entry, and neither tenant sees the other's."""
    ours, theirs = entry(1, "r-1"), entry(2, "r-1", tenant="globex")
    await ledger.append(ours)

    assert (await ledger.append(theirs)).existing is None
    assert await ledger.find_request("globex", "r-1") == stored(theirs, 1)
    assert await ledger.find_review("acme", theirs.review_id) is None
    assert await ledger.find_review("globex", ours.review_id) is None
    assert await ledger.find_request("", "r-1") is None


async def test_without_request_id(ledger: Ledger) -> None:
    """Entries without a request id are never taken for one another, and are not found by the empty id."""
    for number in range(3):
        assert (await ledger.append(entry(number))).position.index == number

    assert await ledger.find_request("acme", "") is None
    assert [row.request_id for row in await ledger.page(0, 10)] == ["", "", ""]


async def test_contiguous_under_load(ledger: Ledger) -> None:
    """Many callers at once get the indexes from 0 on without a gap, each its own."""
    results = await asyncio.gather(*(ledger.append(entry(number, f"r-{number}")) for number in range(MANY)))

    assert sorted(result.position.index for result in results) == list(range(MANY))
    assert await check_log(ledger) == MANY
    for number in (0, MANY // 2, MANY - 1):
        found = await ledger.find_request("acme", f"r-{number}")
        assert found is not None
        assert found.position == results[number].position


async def test_two_writers_stay_contiguous(store: Store) -> None:
    """Two processes that write to one log share its indexes, and request ids count for both."""
    async with store.open() as one, store.open() as other:
        results = await asyncio.gather(
            *((one, other)[number % 2].append(entry(number, f"r-{number % 80}")) for number in range(100))
        )
        assert sum(result.existing is None for result in results) == 80
        assert await check_log(one) == await check_log(other) == 80


async def test_pages(ledger: Ledger) -> None:
    """A page begins where it is asked to, is as long as asked, and is empty past the end."""
    sealed = [entry(number) for number in range(5)]
    for one in sealed:
        await ledger.append(one)

    assert [row.position.index for row in await ledger.page(1, 3)] == [1, 2, 3]
    assert [row.position.index for row in await ledger.page(3, 100)] == [3, 4]
    assert await ledger.page(5, 10) == ()
    assert await ledger.page(0, 0) == ()


@pytest.mark.parametrize("text", ["", "'; DROP TABLE entries; --", "caf\u00e9 \U0001f600", "x" * 1000, "%", "\x00a"])
async def test_ids_are_only_text(ledger: Ledger, text: str) -> None:
    """Ids are compared as they are, whatever characters they hold."""
    await ledger.append(entry(1, "r-1"))
    await ledger.append(entry(2, f"r-1{text}x", tenant=f"t{text}"))

    assert (await ledger.find_request(f"t{text}", f"r-1{text}x")) == stored(
        entry(2, f"r-1{text}x", tenant=f"t{text}"), 1
    )
    assert await ledger.find_request("acme", f"r-1{text}x") is None


async def test_large_entries(ledger: Ledger) -> None:
    """A content of megabytes and a record of the largest size go through unchanged."""
    sealed = replace(entry(1), record=b"r" * 65_535, leaf_hash=leaf_hash(b"r" * 65_535), content=b"c" * 4_000_000)
    await ledger.append(sealed)

    assert await ledger.page(0, 1) == (stored(sealed, 0),)


async def test_cancelled_caller(ledger: Ledger) -> None:
    """A caller that goes away does not take its write back, nor disturb those of others."""
    tasks = [asyncio.create_task(ledger.append(entry(number, f"r-{number}"))) for number in range(20)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert [isinstance(result, asyncio.CancelledError) for result in results] == [True, False] * 10
    assert await asyncio.wait_for(whole(ledger, 20), 10) == 20


async def whole(ledger: Ledger, size: int) -> int:
    """Return the size of the log once it has that many entries; writes of one writer are taken in order."""
    await ledger.append(entry(999))
    assert await check_log(ledger) == size + 1
    return size


async def test_closing_finishes_what_is_queued(store: Store) -> None:
    """Closing waits for every write that was handed in, and its callers get their answers."""
    async with store.open() as ledger:
        tasks = [asyncio.create_task(ledger.append(entry(number))) for number in range(MANY)]
        await asyncio.sleep(0)
    results = await asyncio.gather(*tasks)
    async with store.open() as ledger:
        assert await check_log(ledger) == MANY

    assert len({result.position for result in results}) == MANY


async def test_closed_log(store: Store) -> None:
    """A log that is closed, or was never opened, is unavailable for every call."""
    closed = store.open()
    async with closed as ledger:
        pass
    never = store.open()
    assert isinstance(never, type(ledger))
    for log in (ledger, never):
        calls = [
            log.append(entry(1)),
            log.probe(),
            log.size(),
            log.page(0, 1),
            log.find_request("acme", "r-1"),
            log.find_review("acme", "x"),
        ]
        for call in calls:
            with pytest.raises(LedgerUnavailableError):
                await asyncio.wait_for(call, 5)


async def test_append_while_closing(store: Store) -> None:
    """A write that is handed in after closing has begun is either written or refused; it never waits for ever."""
    opened = store.open()
    ledger = await opened.__aenter__()
    closing = asyncio.create_task(opened.__aexit__(None, None, None))
    await asyncio.sleep(0)
    late = asyncio.create_task(ledger.append(entry(1)))
    await asyncio.wait_for(closing, 10)
    done, _ = await asyncio.wait({late}, timeout=2)
    late.cancel()

    assert done


async def test_probe_writes_nothing_that_shows(ledger: Ledger) -> None:
    """Probing proves that the log can be written and leaves it as it was."""
    await ledger.append(entry(1))
    await asyncio.gather(*(ledger.probe() for _ in range(5)))

    assert await ledger.page(0, 10) == (stored(entry(1), 0),)


async def test_opened_again(store: Store) -> None:
    """One log object can be opened again after it was closed."""
    log = store.open()
    async with log as ledger:
        await ledger.append(entry(1))
    async with log as ledger:
        await ledger.append(entry(2))
        assert await check_log(ledger) == 2
